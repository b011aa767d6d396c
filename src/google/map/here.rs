//! A calendar object to its image: what Google may see of it.

use std::sync::Arc;

use ical::{Component, Duration, When, Zone};
use serde_json::{Value, json};

use super::image::{Image, Privacy, WHOLE};
use super::{Unfit, guests, there, times};
use crate::calendar::Born;
use crate::google::api::Fields;

/// Through what an object is looked at.
#[derive(Clone)]
pub struct Mask {
    pub privacy: Privacy,
    pub born: Born,
    /// The calendar's: of floating times.
    pub zone: Zone,
    /// Her addresses, where her guests are carried; else none.
    pub own: Arc<[String]>,
}

/// What a stranger reads instead of a title.
const BUSY: &str = "Busy";
/// What was booked, in an appointment.
const SERVICE: &str = "X-KALENDS-SERVICE";
/// Google's own reminders are used; no property of iCalendar says it.
pub const DEFAULT_REMINDERS: &str = "X-GOOGLE-DEFAULT-REMINDERS";
/// Minutes before, and how many [D].
const BEFORE: std::ops::RangeInclusive<i64> = 0..=40_320;
const REMINDERS: usize = 5;

impl Mask {
    /// Whether its texts are nobody's business on the other side: then they are not taken from there either.
    pub fn hides(&self) -> bool {
        self.privacy != Privacy::Full || self.born == Born::Elsewhere
    }
}

/// The whole object. Fails where Google could not say it.
pub fn image_here(tree: &Component, mask: &Mask) -> Result<Image, Unfit> {
    let mut image = Image::default();
    for part in tree.parts().filter(|part| part.name() == "VEVENT") {
        let key = match part.get("RECURRENCE-ID") {
            Some(line) if line.param("RANGE").is_some() => return Err(Unfit("range")),
            Some(line) => times::key(&times::when(line, tree)?, &mask.zone),
            None => WHOLE.to_owned(),
        };
        let shown = if is_cancelled(part) { None } else { Some(fields(part, tree, mask)?) };
        if key == WHOLE && shown.is_some() {
            for out in out(part, tree, mask)? {
                image.0.entry(out).or_insert(None);
            }
        }
        image.0.insert(key, shown);
    }
    if image.0.get(WHOLE).is_some_and(Option::is_none) {
        image.0.retain(|key, _| key == WHOLE);
    }
    Ok(image.tidy())
}

/// STATUS:CANCELLED: still there for whoever looks here, not there.
fn is_cancelled(part: &Component) -> bool {
    part.get("STATUS").is_some_and(|status| status.value().trim().eq_ignore_ascii_case("CANCELLED"))
}

fn fields(part: &Component, tree: &Component, mask: &Mask) -> Result<Fields, Unfit> {
    let start = times::when(part.get("DTSTART").ok_or(Unfit("start"))?, tree)?;
    let recurs = ["RRULE", "RDATE", "EXRULE"].iter().any(|name| part.get(name).is_some());
    let start = known(start, recurs)?;
    let end = known(end(part, tree, &start)?, recurs)?;
    let mut fields = Fields::new();
    fields.insert("start".into(), times::moment(&start, &mask.zone));
    fields.insert("end".into(), times::moment(&end, &mask.zone));
    if recurs {
        let lines = part.properties().filter(|line| !line.is("EXDATE"));
        let rules = times::rules(lines, tree, (&start, &zone_of(&start, mask)))?;
        fields.insert("recurrence".into(), rules.lines.into());
    }
    let word = |name: &str| part.get(name).map(|line| line.value().trim().to_ascii_uppercase());
    let status = if word("STATUS").as_deref() == Some("TENTATIVE") { "tentative" } else { "confirmed" };
    fields.insert("status".into(), status.into());
    if word("TRANSP").as_deref() == Some("TRANSPARENT") {
        fields.insert("transparency".into(), "transparent".into());
    }
    if mask.born != Born::Elsewhere {
        texts(part, mask, &mut fields);
        fields.insert("reminders".into(), reminders(part));
    }
    if !mask.own.is_empty() {
        fields.extend(guests::here(part, &mask.own).map(|all| (guests::GUESTS.to_owned(), all)));
    }
    Ok(fields)
}

/// Zones that only this object knows are nothing Google could count rules in; single times are instants.
fn known(when: When, recurs: bool) -> Result<When, Unfit> {
    match when {
        When::Zoned(_, ref zone) if !zone.is_iana() && !zone.is_utc() => match recurs {
            true => Err(Unfit("zone")),
            false => Ok(When::Utc(when.instant(zone))),
        },
        other => Ok(other),
    }
}

pub fn zone_of(start: &When, mask: &Mask) -> Zone {
    match start {
        When::Zoned(_, zone) => zone.clone(),
        When::Utc(_) => Zone::utc(),
        When::Date(_) | When::Floating(_) => mask.zone.clone(),
    }
}

/// DTEND, or what DURATION says, or the default of RFC 5545 3.6.1.
fn end(part: &Component, tree: &Component, start: &When) -> Result<When, Unfit> {
    if let Some(line) = part.get("DTEND") {
        let end = times::when(line, tree)?;
        return if end.is_date() == start.is_date() { Ok(end) } else { Err(Unfit("end")) };
    }
    let length = match part.get("DURATION") {
        Some(line) => Duration::read(line.value()).ok_or(Unfit("duration"))?,
        None if start.is_date() => Duration { days: 1, seconds: 0 },
        None => Duration::default(),
    };
    let days = length.days * 86_400;
    Ok(match start {
        When::Date(civil) => When::Date(civil + days + length.seconds),
        When::Floating(civil) => When::Floating(civil + days + length.seconds),
        When::Utc(instant) => When::Utc(instant + days + length.seconds),
        // RFC 5545 3.3.6: days are steps of the calendar, seconds pass on the clock.
        When::Zoned(civil, zone) => {
            When::Zoned(zone.to_civil(zone.to_instant(civil + days) + length.seconds), zone.clone())
        }
    })
}

fn out(part: &Component, tree: &Component, mask: &Mask) -> Result<Vec<String>, Unfit> {
    let start = times::when(part.get("DTSTART").ok_or(Unfit("start"))?, tree)?;
    let zone = zone_of(&start, mask);
    Ok(times::rules(part.all("EXDATE"), tree, (&start, &zone))?.out)
}

fn texts(part: &Component, mask: &Mask, fields: &mut Fields) {
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            fields.insert(name.to_owned(), value.into());
        }
    };
    let text = |name: &str| part.get(name).map(|line| line.text().into_owned());
    match (mask.privacy, mask.born) {
        (Privacy::Full, _) => {
            put("summary", text("SUMMARY"));
            put("description", text("DESCRIPTION"));
            put("location", text("LOCATION"));
            put("visibility", class(part));
        }
        // Its texts stay where they are.
        (_, Born::There | Born::Elsewhere) => {}
        (privacy, Born::Here) => {
            let service = text(SERVICE).filter(|_| privacy == Privacy::Title);
            put("summary", service.or_else(|| Some(BUSY.into())));
            put("visibility", Some("private".into()));
        }
    }
}

fn class(part: &Component) -> Option<String> {
    let class = part.get("CLASS")?.value().trim().to_ascii_lowercase();
    ["private", "confidential"].contains(&class.as_str()).then_some(class)
}

/// The alarms that Google can keep; the others stay here.
fn reminders(part: &Component) -> Value {
    if part.get(DEFAULT_REMINDERS).is_some_and(|line| line.value().eq_ignore_ascii_case("TRUE")) {
        return json!({ "useDefault": true });
    }
    there::alarms(part.components().filter_map(alarm).take(REMINDERS).collect())
}

/// Method and minutes before the start.
pub fn alarm(part: &Component) -> Option<(String, i64)> {
    let action = part.get("ACTION").filter(|_| part.name() == "VALARM")?.value().trim().to_ascii_uppercase();
    let method = match action.as_str() {
        "DISPLAY" | "AUDIO" => "popup",
        "EMAIL" => "email",
        _ => return None,
    };
    let trigger = part.get("TRIGGER").filter(|line| {
        let is =
            |name: &str, value: &str| line.param(name).is_some_and(|one| one.eq_ignore_ascii_case(value));
        !is("RELATED", "END") && !is("VALUE", "DATE-TIME")
    })?;
    let before = -Duration::read(trigger.value())?.nominal();
    let is_plain = part.get("REPEAT").is_none() && before % 60 == 0 && BEFORE.contains(&(before / 60));
    is_plain.then(|| (method.to_owned(), before / 60))
}
