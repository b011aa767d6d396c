//! An image onto a calendar object: only the lines of what differs are written; all others keep their bytes.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use ical::{Component, Draft, Kind, Limits, Property, When, Window, Zone};
use serde_json::Value;

use super::here::{DEFAULT_REMINDERS, alarm};
use super::image::{Image, WHOLE, difference, like_series, same_part};
use super::{Unfit, guests, times};
use crate::google::api::Fields;

const RULES: [&str; 3] = ["RRULE", "RDATE", "EXRULE"];
const TEXTS: [(&str, &str); 3] =
    [("summary", "SUMMARY"), ("description", "DESCRIPTION"), ("location", "LOCATION")];

/// Of one object: the zone of its floating times, now, and the addresses of whoever invites where guests are carried.
#[derive(Clone)]
pub struct Ground {
    pub zone: Zone,
    pub stamp: i64,
    pub own: Arc<[String]>,
}

/// A new object of Google's making.
pub fn compose(uid: &str, image: &Image, title: Option<&str>, ground: &Ground) -> Result<Bytes, Unfit> {
    let stamp = When::Utc(ground.stamp).print();
    let text = ical::compose(&[], &[Draft::new(Kind::Event, uid, &stamp)]);
    let mut tree = read(text.as_bytes())?;
    let mut parts = image.0.iter().filter_map(|(key, part)| Some((key, part.as_ref()?)));
    let (key, first) = parts.next().ok_or(Unfit("nothing"))?;
    let made = tree.components_mut().next().ok_or(Unfit("nothing"))?;
    lay(made, &Fields::new(), first, ground);
    if let Some(title) = title.filter(|_| made.get("SUMMARY").is_none()) {
        made.push(Property::new_text("SUMMARY", title));
    }
    if key != WHOLE {
        // Invited to one occurrence of a series that she does not have (R5).
        named(made, key, ground);
    }
    let from = Image([(key.clone(), Some(first.clone()))].into());
    finished(tree, &from, image, ground)
}

/// The text with what differs between the two images. `from` is the image of the text.
pub fn laid(text: &[u8], from: &Image, to: &Image, ground: &Ground) -> Result<Bytes, Unfit> {
    finished(read(text)?, from, to, ground)
}

fn read(text: &[u8]) -> Result<Component, Unfit> {
    let limits = Limits { bytes: usize::MAX, attendees: usize::MAX, ..Limits::default() };
    Component::parse(text, &limits).map_err(|_| Unfit("text"))
}

fn finished(mut tree: Component, from: &Image, to: &Image, ground: &Ground) -> Result<Bytes, Unfit> {
    if let (Some(whole), Some(master)) = (to.whole(), master(&mut tree)) {
        let none = Fields::new();
        lay(master, from.whole().unwrap_or(&none), whole, ground);
    }
    let keys: BTreeSet<&String> = from.0.keys().chain(to.0.keys()).filter(|key| *key != WHOLE).collect();
    for key in keys {
        if !same_part(from.0.get(key), to.0.get(key)) {
            occurrence(&mut tree, key, (from, to), ground)?;
        }
    }
    let start = to.0.values().flatten().find_map(|part| times::read(part.get("start")?, &ground.zone));
    let start = start.map_or(ground.stamp, |start| start.instant(&ground.zone));
    ical::with_zones(&mut tree, Window { from: start, until: start + 1 });
    Ok(tree.print().into())
}

fn master(tree: &mut Component) -> Option<&mut Component> {
    tree.components_mut().find(|part| part.name() == "VEVENT" && part.get("RECURRENCE-ID").is_none())
}

fn occurrence(
    tree: &mut Component,
    key: &str,
    (from, to): (&Image, &Image),
    ground: &Ground,
) -> Result<(), Unfit> {
    let shell = tree.clone();
    let is_it = |part: &Component| {
        let line = part.get("RECURRENCE-ID").filter(|_| part.name() == "VEVENT");
        line.and_then(|line| times::when(line, &shell).ok())
            .is_some_and(|when| times::key(&when, &ground.zone) == key)
    };
    match to.0.get(key) {
        Some(Some(fields)) => {
            back(tree, key, ground);
            let usual = to.whole().and_then(|whole| like_series(whole, key));
            let mut known = from.0.get(key).cloned().flatten();
            if !tree.components().any(is_it) {
                let mut made = match master(tree) {
                    Some(master) => master.clone(),
                    None => bare(tree)?,
                };
                made.retain_properties(|line| !RULES.iter().any(|name| line.is(name)) && !line.is("EXDATE"));
                named(&mut made, key, ground);
                // Its times are still the master's: they are laid whole.
                known = usual.or(known).map(|mut usual| {
                    ["start", "end"].iter().for_each(|name| drop(usual.remove(*name)));
                    usual
                });
                tree.push_component(made);
            }
            let part = tree.components_mut().find(|part| is_it(part)).ok_or(Unfit("series"))?;
            lay(part, &known.unwrap_or_default(), fields, ground);
        }
        Some(None) => {
            tree.retain_components(|part| !is_it(part));
            // Of a series that is not hers nothing says that a date is out.
            if let Some(master) = master(tree) {
                let like = master.get("DTSTART").cloned();
                master.push(occurring("EXDATE", key, like.as_ref(), ground)?);
            }
        }
        None => {
            tree.retain_components(|part| !is_it(part));
            back(tree, key, ground);
        }
    }
    Ok(())
}

/// One more date of a series that is not hers (R5): of another it has whose it is, and the form of its times.
fn bare(tree: &Component) -> Result<Component, Unfit> {
    let other = tree.components().find(|part| part.name() == "VEVENT").ok_or(Unfit("series"))?;
    let mut made = other.clone();
    made.retain_properties(|line| ["UID", "DTSTAMP", "DTSTART"].iter().any(|name| line.is(name)));
    made.retain_components(|_| false);
    Ok(made)
}

/// Makes a component the one of this occurrence (RFC 5545 3.8.4.4).
fn named(part: &mut Component, key: &str, ground: &Ground) {
    let like = part.get("DTSTART").cloned();
    if let Ok(line) = occurring("RECURRENCE-ID", key, like.as_ref(), ground) {
        part.set(line);
    }
}

/// A line that names an occurrence in the form of its series' start.
fn occurring(name: &str, key: &str, like: Option<&Property>, ground: &Ground) -> Result<Property, Unfit> {
    let when = When::read(key, None).ok_or(Unfit("occurrence"))?;
    Ok(match (&when, like.and_then(|line| zone_like(line, ground))) {
        (When::Utc(instant), Some((zone, tzid))) => {
            let civil = ical::Civil::from_seconds(zone.to_civil(*instant)).basic();
            let params: Vec<(&str, &str)> = tzid.as_deref().map(|tzid| ("TZID", tzid)).into_iter().collect();
            Property::new(name, &params, &civil)
        }
        _ => when.property(name),
    })
}

/// The zone of a time that is written by the wall clock, and the TZID it is written with.
fn zone_like(line: &Property, ground: &Ground) -> Option<(Zone, Option<String>)> {
    let is_wall = line.value().trim().len() == 15;
    match line.param("TZID") {
        Some(tzid) if is_wall => Some((Zone::named(&tzid)?, Some(tzid.into_owned()))),
        None if is_wall => Some((ground.zone.clone(), None)),
        _ => None,
    }
}

/// The occurrence is no longer taken out.
fn back(tree: &mut Component, key: &str, ground: &Ground) {
    let shell = tree.clone();
    let Some(master) = master(tree) else { return };
    let lines: Vec<Property> = master.all("EXDATE").cloned().collect();
    let stays = |line: &Property, value: &str| {
        times::when(&line.with_value(value), &shell)
            .map_or(true, |when| times::key(&when, &ground.zone) != key)
    };
    if lines.iter().all(|line| line.value().split(',').all(|value| stays(line, value))) {
        return;
    }
    master.remove("EXDATE");
    for line in lines {
        let kept: Vec<&str> = line.value().split(',').filter(|value| stays(&line, value)).collect();
        if !kept.is_empty() {
            master.push(line.with_value(&kept.join(",")));
        }
    }
}

/// Writes the fields that differ.
fn lay(part: &mut Component, from: &Fields, to: &Fields, ground: &Ground) {
    let changed = difference(from, to);
    for (name, line) in [("start", "DTSTART"), ("end", "DTEND")] {
        let when = to
            .get(name)
            .filter(|_| changed.contains_key(name))
            .and_then(|one| times::read(one, &ground.zone));
        if let Some(when) = when {
            let like = part.get(line).or(part.get("DTSTART")).cloned();
            part.remove("DURATION");
            part.set(time(line, &when, like.as_ref(), ground));
        }
    }
    if changed.contains_key("recurrence") {
        part.retain_properties(|line| !RULES.iter().any(|name| line.is(name)));
        let lines = to.get("recurrence").and_then(Value::as_array).into_iter().flatten();
        lines.filter_map(Value::as_str).filter_map(rule).for_each(|line| part.push(line));
    }
    for (name, line) in TEXTS {
        if changed.contains_key(name) {
            put(part, line, to.get(name).and_then(Value::as_str).map(|text| Property::new_text(line, text)));
        }
    }
    words(part, &changed, to);
    if changed.contains_key("reminders") {
        alarms(part, to.get("reminders").unwrap_or(&Value::Null));
    }
    if changed.contains_key(guests::GUESTS) {
        guests::lay(part, to.get(guests::GUESTS), &ground.own);
    }
    part.set(When::Utc(ground.stamp).property("LAST-MODIFIED"));
}

/// In the form of the line it replaces, where that can say it.
fn time(name: &str, when: &When, like: Option<&Property>, ground: &Ground) -> Property {
    let (When::Zoned(civil, zone), Some((old, tzid))) = (when, like.and_then(|line| zone_like(line, ground)))
    else {
        return when.property(name);
    };
    match (old.name() == zone.name(), tzid) {
        (true, Some(tzid)) => {
            Property::new(name, &[("TZID", &tzid)], &ical::Civil::from_seconds(*civil).basic())
        }
        (true, None) => When::Floating(*civil).property(name),
        (false, _) => when.property(name),
    }
}

fn rule(text: &str) -> Option<Property> {
    let (head, value) = text.split_once(':')?;
    let mut parts = head.split(';');
    let name = parts.next()?;
    let params: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    Some(Property::new(name, &params, value))
}

fn put(part: &mut Component, name: &str, line: Option<Property>) {
    match line {
        Some(line) => part.set(line),
        None => drop(part.remove(name)),
    }
}

/// STATUS, TRANSP and CLASS. The default is written only where another word stood.
fn words(part: &mut Component, changed: &Fields, to: &Fields) {
    let word = |name: &str| to.get(name).and_then(Value::as_str).map(str::to_ascii_uppercase);
    for (name, line, usual) in [("status", "STATUS", "CONFIRMED"), ("transparency", "TRANSP", "OPAQUE")] {
        let value = word(name).unwrap_or_else(|| usual.to_owned());
        if changed.contains_key(name) && (part.get(line).is_some() || value != usual) {
            part.set(Property::new(line, &[], &value));
        }
    }
    if changed.contains_key("visibility") {
        put(part, "CLASS", word("visibility").map(|class| Property::new("CLASS", &[], &class)));
    }
}

/// Replaces the alarms that Google can say; the others are none of its business.
fn alarms(part: &mut Component, reminders: &Value) {
    part.retain_components(|inner| alarm(inner).is_none());
    part.remove(DEFAULT_REMINDERS);
    if reminders.get("useDefault").and_then(Value::as_bool).unwrap_or_default() {
        part.push(Property::new(DEFAULT_REMINDERS, &[], "TRUE"));
    }
    for one in reminders.get("overrides").and_then(Value::as_array).into_iter().flatten() {
        let minutes = one.get("minutes").and_then(Value::as_i64).unwrap_or_default();
        let action =
            if one.get("method").and_then(Value::as_str) == Some("email") { "EMAIL" } else { "DISPLAY" };
        let mut made = Component::new("VALARM");
        made.push(Property::new("ACTION", &[], action));
        made.push(Property::new("TRIGGER", &[], &format!("-PT{minutes}M")));
        // RFC 5545 3.6.6: both need a text, a mail also a subject.
        made.push(Property::new_text("DESCRIPTION", "Reminder"));
        if action == "EMAIL" {
            made.push(Property::new_text("SUMMARY", "Reminder"));
        }
        part.push_component(made);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Mask, Privacy, image_here};
    use super::*;
    use crate::calendar::Born;

    const SERIES: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\n\
        DTSTART;TZID=Europe/Berlin:20260302T100000\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:talk\r\n\
        X-OURS:kept\r\nBEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER;VALUE=DATE-TIME:20260302T080000Z\r\nEND:VALARM\r\n\
        EXDATE;TZID=Europe/Berlin:20260309T100000,20260316T100000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    fn ground() -> Ground {
        let zone = Zone::named("Europe/Berlin").unwrap();
        Ground { zone, stamp: 1_772_438_400, own: Arc::default() }
    }

    fn image(text: &[u8]) -> Image {
        let Ground { zone, own, .. } = ground();
        let mask = Mask { privacy: Privacy::Full, born: Born::Here, zone, own };
        image_here(&read(text).unwrap(), &mask).unwrap()
    }

    fn change(text: &[u8], change: impl FnOnce(&mut Image)) -> String {
        let from = image(text);
        let mut to = from.clone();
        change(&mut to);
        let out = laid(text, &from, &to, &ground()).unwrap();
        assert!(image(&out) == to.tidy(), "{}", String::from_utf8_lossy(&out));
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn s28_s42_a_moved_occurrence_becomes_an_override_and_goes_again() {
        let key = "20260323T090000Z";
        let moved = change(SERIES.as_bytes(), |image| {
            let mut part = like_series(image.whole().unwrap(), key).unwrap();
            part.insert("end".into(), times::at(1_774_270_800, &ground().zone));
            image.0.insert(key.into(), Some(part));
        });
        assert!(moved.contains("RECURRENCE-ID;TZID=Europe/Berlin:20260323T100000\r\n"), "{moved}");
        assert!(moved.matches("X-OURS:kept").count() == 2 && moved.contains("VALUE=DATE-TIME"), "{moved}");
        let back = change(moved.as_bytes(), |image| drop(image.0.remove(key)));
        assert!(!back.contains("RECURRENCE-ID"), "{back}");
    }

    #[test]
    fn s11_a_cancelled_occurrence_is_an_exdate_and_comes_back() {
        let out = change(SERIES.as_bytes(), |image| {
            image.0.insert("20260323T090000Z".into(), None);
            image.0.remove("20260309T090000Z");
        });
        assert!(out.contains("EXDATE;TZID=Europe/Berlin:20260323T100000\r\n"), "{out}");
        assert!(out.contains("EXDATE;TZID=Europe/Berlin:20260316T100000\r\n"), "{out}");
    }

    #[test]
    fn an_event_of_google_becomes_an_object_with_its_zone() {
        let from = image(SERIES.as_bytes());
        let text = compose("u@google.com", &from, None, &ground()).unwrap();
        assert!(image(&text) == from);
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.contains("BEGIN:VTIMEZONE") && text.contains("SUMMARY:talk"), "{text}");
    }
}
