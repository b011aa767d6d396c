//! Appointments as iCalendar: composed once, then edited line by line, so that whatever a client wrote beside our
//! lines stays as it was.
//!
//! What booking needs to find again in the text, and iCalendar has no word for, stands in `X-KALENDS-` properties:
//! with them a restore from the texts alone knows every busy minute.

use bytes::Bytes;
use ical::{Civil, Component, Draft, Kind, Limits, Property, When, Window, Zone};

use super::closing;
use super::error::{Error, Result};
use super::fit::BUFFER;

/// The buffers, as seconds before and after: `600/300`.
const BUFFERS: &str = "X-KALENDS-BUFFERS";
/// What was booked.
pub(super) const SERVICE: &str = "X-KALENDS-SERVICE";

/// What is given back to an appointment when a client drops it: what it cannot show and the clinic needs.
const KEPT: [&str; 4] = [BUFFERS, SERVICE, "CONFERENCE", "RELATED-TO"];

/// What makes a component recur.
pub(super) const RECURS: [&str; 4] = ["RRULE", "RDATE", "EXDATE", "EXRULE"];

/// An object in the making.
pub struct Draught<'a> {
    pub uid: &'a str,
    pub title: &'a str,
    pub place: Option<&'a str>,
    pub service: Option<&'a str>,
    /// UTC seconds.
    pub span: (i64, i64),
    pub zone: &'a Zone,
    pub rule: Option<&'a str>,
    /// Seconds before and after.
    pub buffers: (i64, i64),
    /// Now.
    pub stamp: i64,
}

impl Draught<'_> {
    /// The whole text, with the definition of its zone.
    pub fn text(&self) -> Bytes {
        let mut draft = Draft::new(Kind::Event, self.uid, &When::Utc(self.stamp).print());
        for (name, instant) in [("DTSTART", self.span.0), ("DTEND", self.span.1)] {
            match self.zone.is_utc() || (self.rule.is_none() && !tells(self.zone, instant)) {
                true => draft.add(name, &When::Utc(instant).print()),
                false => draft.add_with(
                    name,
                    ("TZID", self.zone.name()),
                    &Civil::from_seconds(self.zone.to_civil(instant)).basic(),
                ),
            };
        }
        if let Some(rule) = self.rule {
            draft.add("RRULE", rule);
            // RFC 9253 8.3: what all parts and additional dates of the course share.
            draft.add("REFID", self.uid);
        }
        draft.add("SUMMARY", self.title);
        let optional = [("LOCATION", self.place), (SERVICE, self.service)];
        optional.into_iter().filter_map(|(name, value)| Some((name, value?))).for_each(|(name, value)| {
            draft.add(name, value);
        });
        if self.buffers != (0, 0) {
            draft.add(BUFFERS, &format!("{}/{}", self.buffers.0, self.buffers.1));
        }
        let span = Window { from: self.span.0, until: self.span.1.max(self.span.0 + 1) };
        let zones: Vec<String> = ical::vtimezone(self.zone, span).into_iter().collect();
        ical::compose(&zones, &[draft]).into()
    }
}

/// Reads a text that is stored.
pub fn tree(text: &[u8]) -> Result<Component> {
    let limits = Limits { bytes: usize::MAX, attendees: usize::MAX, ..Limits::default() };
    Component::parse(text, &limits).map_err(|error| Error::Calendar(error.into()))
}

pub(super) fn printed(tree: &Component) -> Bytes {
    tree.print().into()
}

/// The buffers that an object names; none where it names none that make sense.
pub fn buffers(tree: &Component) -> Option<(i64, i64)> {
    let line = tree.parts().find_map(|part| part.get(BUFFERS))?;
    let (before, after) = line.value().trim().split_once('/')?;
    let seconds = |text: &str| text.parse::<i64>().ok().map(|seconds| seconds.clamp(0, BUFFER));
    Some((seconds(before)?, seconds(after)?))
}

/// What was booked, by its code.
pub fn service(tree: &Component) -> Option<String> {
    tree.parts().find_map(|part| part.get(SERVICE)).map(|line| line.value().trim().to_owned())
}

pub fn is_cancelled(part: &Component) -> bool {
    part.get("STATUS").is_some_and(|status| status.value().trim().eq_ignore_ascii_case("CANCELLED"))
}

/// The object at another time; of a series, the one occurrence.
pub fn moved(text: &[u8], occurrence: Option<i64>, (start, end): (i64, i64), stamp: i64) -> Result<Bytes> {
    let mut tree = tree(text)?;
    let Some(id) = occurrence else {
        let master = master_mut(&mut tree)?;
        if RECURS.iter().any(|name| master.get(name).is_some()) {
            return Err(Error::Invalid {
                field: "occurrence",
                why: "of a series, say which occurrence moves",
            });
        }
        place(master, (start, end), &zone_of(text)?);
        touch(master, stamp);
        return Ok(printed(&tree));
    };
    let zone = zone_of(text)?;
    let part = occurrence_mut(&mut tree, id, &zone)?;
    place(part, (start, end), &zone);
    touch(part, stamp);
    Ok(printed(&tree))
}

/// The same object under a new tag: a client that changed it fetches it again.
pub fn put_back(text: &[u8], stamp: i64) -> Result<Bytes> {
    let mut tree = tree(text)?;
    touch(master_mut(&mut tree)?, stamp);
    Ok(printed(&tree))
}

/// What stands in the calendar of a room or a device: the times of an appointment and nothing of the patient.
pub fn twin(text: &[u8], uid: &str, title: &str) -> Result<Bytes> {
    let source = tree(text)?;
    let buffers = source.parts().find_map(|part| part.get(BUFFERS)).cloned();
    let bare = ical::redact(&source, uid)
        .ok_or(Error::Invalid { field: "appointment", why: "only an event can be an appointment" })?;
    let mut twin = tree(bare.as_bytes())?;
    for part in twin.components_mut().filter(|part| part.name() != "VTIMEZONE") {
        part.set(Property::new_text("SUMMARY", title));
        part.remove("TRANSP");
        buffers.iter().for_each(|line| part.set(line.clone()));
    }
    Ok(printed(&twin))
}

/// What a client dropped of an appointment is put into its text again; None when it dropped nothing.
pub fn mended(old: &[u8], new: &[u8]) -> Result<Option<Bytes>> {
    let (old, mut new) = (tree(old)?, tree(new)?);
    let Some(before) = old.parts().find(|part| part.get("RECURRENCE-ID").is_none()) else { return Ok(None) };
    let is_kept = |line: &&Property| KEPT.iter().chain(&closing::KEPT).any(|name| line.is(name));
    let lines: Vec<Property> = before.properties().filter(is_kept).cloned().collect();
    let Ok(master) = master_mut(&mut new) else { return Ok(None) };
    let dropped: Vec<Property> = lines.into_iter().filter(|line| master.get(line.name()).is_none()).collect();
    if dropped.is_empty() {
        return Ok(None);
    }
    dropped.into_iter().for_each(|line| master.push(line));
    Ok(Some(printed(&new)))
}

/// What the object, or one of its occurrences, is called.
pub fn title_of(text: &[u8], occurrence: Option<i64>) -> Result<String> {
    let (tree, zone) = (tree(text)?, zone_of(text)?);
    let own = occurrence.and_then(|id| tree.parts().find(|part| stands_for(part, id, &zone)));
    let part = own.or_else(|| tree.parts().find(|part| part.get("RECURRENCE-ID").is_none()));
    let line = part.and_then(|part| part.get("SUMMARY"));
    Ok(line.map(|line| line.text().into_owned()).unwrap_or_default())
}

/// The component that has no RECURRENCE-ID.
pub(super) fn master_mut(tree: &mut Component) -> Result<&mut Component> {
    let mut parts = tree.components_mut().filter(|part| part.name() != "VTIMEZONE");
    parts
        .find(|part| part.get("RECURRENCE-ID").is_none())
        .ok_or(Error::Invalid { field: "appointment", why: "its object has no component of its own" })
}

/// The zone of its start; UTC where it has none.
pub(super) fn zone_of(text: &[u8]) -> Result<Zone> {
    let tree = tree(text)?;
    let tzid = tree.parts().find_map(|part| part.get("DTSTART")?.param("TZID"));
    match tzid {
        Some(tzid) => Zone::resolve(&tzid, &tree).map_err(|error| Error::Calendar(error.into())),
        None => Ok(Zone::utc()),
    }
}

/// Whether the wall clock alone says this instant: of an hour that stands there twice it means the first (RFC 5545 3.3.5).
fn tells(zone: &Zone, instant: i64) -> bool {
    zone.to_instant(zone.to_civil(instant)) == instant
}

/// A line of the kind of `like` that says this instant: with its TZID, or in UTC.
pub(super) fn at(like: &Property, name: &str, instant: i64, zone: &Zone) -> Property {
    match like.param("TZID").filter(|_| tells(zone, instant)) {
        Some(tzid) => {
            Property::new(name, &[("TZID", &tzid)], &Civil::from_seconds(zone.to_civil(instant)).basic())
        }
        None => When::Utc(instant).property(name),
    }
}

pub(super) fn place(part: &mut Component, (start, end): (i64, i64), zone: &Zone) {
    let Some(like) = part.get("DTSTART").cloned() else { return };
    part.set(at(&like, "DTSTART", start, zone));
    part.remove("DURATION");
    part.set(at(&like, "DTEND", end, zone));
}

/// RFC 5545 3.8.7.4 and 3.8.7.3: a later version of the same.
pub fn touch(part: &mut Component, stamp: i64) {
    let sequence = part.get("SEQUENCE").and_then(|line| line.value().trim().parse::<u32>().ok()).unwrap_or(0);
    part.set(Property::new("SEQUENCE", &[], &sequence.saturating_add(1).to_string()));
    part.set(When::Utc(stamp).property("LAST-MODIFIED"));
}

/// Whether the component is the override of this occurrence.
pub(super) fn stands_for(part: &Component, id: i64, zone: &Zone) -> bool {
    let named = part.get("RECURRENCE-ID").and_then(|line| {
        let own = line.param("TZID").and_then(|tzid| Zone::named(&tzid)).unwrap_or_else(|| zone.clone());
        When::read(line.value(), Some(&own)).map(|when| when.instant(&own))
    });
    named == Some(id)
}

pub(super) fn override_mut<'a>(tree: &'a mut Component, id: i64, zone: &Zone) -> Option<&'a mut Component> {
    tree.components_mut().find(|part| part.name() != "VTIMEZONE" && stands_for(part, id, zone))
}

/// The component of one occurrence, made where nothing of it was different so far.
pub(super) fn occurrence_mut<'a>(tree: &'a mut Component, id: i64, zone: &Zone) -> Result<&'a mut Component> {
    if override_mut(tree, id, zone).is_none() {
        let made = override_of(master_mut(tree)?, id, zone);
        tree.push_component(made);
    }
    override_mut(tree, id, zone).ok_or(Error::NotFound("appointment"))
}

/// The master as an override of one occurrence, at that occurrence's own time (RFC 5545 3.8.4.4).
pub(super) fn override_of(master: &Component, id: i64, zone: &Zone) -> Component {
    let mut made = master.clone();
    made.retain_properties(|line| !RECURS.iter().any(|name| line.is(name)));
    let Some(like) = master.get("DTSTART") else { return made };
    made.set(at(like, "RECURRENCE-ID", id, zone));
    let instant = |line: &Property| When::read(line.value(), Some(zone)).map(|when| when.instant(zone));
    // A master with a DURATION keeps it; DTEND says an exact length (3.8.5.3).
    let length = master.get("DTEND").and_then(instant).zip(instant(like)).map(|(end, start)| end - start);
    made.set(at(like, "DTSTART", id, zone));
    if let Some(length) = length {
        made.set(at(like, "DTEND", id + length, zone));
    }
    made
}
