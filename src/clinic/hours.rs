//! Hours as text: a week, or an override of some days, as one VAVAILABILITY (RFC 7953) and back.
//!
//! Each run of hours is an AVAILABLE that recurs weekly on the wall clock of its zone; one from 00:00 to 24:00 lasts a day
//! of the calendar, all others as long as on their first day (RFC 5545 3.8.5.3). What it says of place and mode stands in
//! LOCATION and CATEGORIES, in words for people; which of the clinic's terms that is, in their parameter
//! `X-KALENDS-TERM`, so that names may change. A text that a calendar program wrote is read as far as it is a week; the
//! rest is counted, keeps its time, and stays when the week is changed, as does every line that still says what is meant.

use std::collections::HashMap;

use bytes::Bytes;
use ical::{Component, Duration, Property, When, Window, Zone};

use super::error::{Error, Result, invalid};
use super::free::TermKey;
use super::interval::Site;
use super::wall::{DAY, weekday};
use super::week::{Interval, MINUTES, Week, first_of};
use super::{appointments, plan, text};

/// The parameter that names a term by its id.
const TERM: &str = "X-KALENDS-TERM";
/// Of what AVAILABLE says, the place and the mode.
const PLACE: &str = "LOCATION";
const MODE: &str = "CATEGORIES";
/// Hours that hold from no day in particular hold from the first such weekday of the year 2000, as days since 1970.
const ALWAYS: i64 = 10_959;
const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
/// PRIORITY of an override, and of one that goes before others (RFC 7953 3.2: 1 is the highest, the base has none).
const OVERRIDE: u8 = 5;
const URGENT: u8 = 1;
/// Lines that make more of an AVAILABLE than a week can say.
const BEYOND: [&str; 4] = ["RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"];

/// The names of the terms that hours speak of.
pub(super) type Names = HashMap<TermKey, String>;

/// What a text says of hours.
#[derive(Clone, Debug)]
pub struct Hours {
    pub week: Week,
    /// What opens time besides, and no week can say: written by a calendar program.
    pub others: usize,
}

/// For which days it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// First and last day, as days since 1970; None: the base.
    pub days: Option<(i64, i64)>,
    pub is_urgent: bool,
}

/// Where and how, as an AVAILABLE says it.
pub(super) fn site(part: &Component) -> Site {
    let term = |name: &str| part.all(name).find_map(named);
    Site { place: term(PLACE), mode: term(MODE) }
}

fn named(line: &Property) -> Option<TermKey> {
    line.param(TERM)?.trim().parse().ok().map(TermKey)
}

/// What a text says. `own` is the zone of a week that says nothing.
pub(super) fn read(text: &[u8], own: &Zone) -> Option<(Hours, Frame)> {
    let object = plan::read(text)?;
    let part = object.tree.parts().next()?;
    let (mut week, mut others) = (Week { zone: own.clone(), intervals: Vec::new() }, 0);
    for group in ical::openers(part) {
        let one = interval(&object.tree, &group);
        match one.filter(|(zone, _)| week.intervals.is_empty() || *zone == week.zone) {
            Some((zone, interval)) => {
                week.zone = zone;
                week.intervals.push(interval);
            }
            None => others += 1,
        }
    }
    let frame = frame(&object.tree, part);
    if week.intervals.is_empty()
        && let Some((zone, _)) = frame_edge(&object.tree, part, "DTSTART")
    {
        week.zone = zone;
    }
    Some((Hours { week, others }, frame))
}

/// The text of a week: what stands in `old` stays as far as it still holds.
pub(super) fn write(
    old: Option<&[u8]>,
    (week, frame): (&Week, Frame),
    names: &Names,
    stamp: i64,
) -> Result<Bytes> {
    let mut tree = match old {
        Some(text) => text::tree(text)?,
        None => fresh(&appointments::unguessable()?, stamp),
    };
    let before = tree.clone();
    let replaced = old.and_then(|text| read(text, &week.zone)).map(|(hours, _)| hours.week.zone);
    let mut wanted: Vec<Interval> = week.joined().into_iter().map(settled).collect();
    let missing = || Error::Invalid { field: "hours", why: "its text is no VAVAILABILITY" };
    let part = before.parts().next().ok_or_else(missing)?;
    let gone: Vec<bool> =
        available(part).map(|one| !stays(&before, one, &replaced, &week.zone, &mut wanted)).collect();
    let own = tree.components_mut().find(|part| part.name() == "VAVAILABILITY").ok_or_else(missing)?;
    let mut at = 0;
    own.retain_components(|one| {
        at += usize::from(one.name() == "AVAILABLE");
        one.name() != "AVAILABLE" || !gone[at - 1]
    });
    edge(own, frame, &week.zone);
    for one in &wanted {
        own.push_component(opener(one, &week.zone, names, stamp)?);
    }
    if old.is_some() {
        own.set(When::Utc(stamp).property("DTSTAMP"));
    }
    let first = frame.days.map_or(ALWAYS, |(first, _)| first);
    let first = wanted.iter().filter_map(|one| one.from).fold(first, i64::min);
    ical::with_zones(&mut tree, Window { from: week.zone.to_instant(first * DAY), until: Window::END });
    Ok(tree.print().into())
}

fn fresh(uid: &str, stamp: i64) -> Component {
    let mut tree = Component::new("VCALENDAR");
    tree.push(Property::new("VERSION", &[], "2.0"));
    tree.push(Property::new("PRODID", &[], "-//Kalends//EN"));
    let mut part = Component::new("VAVAILABILITY");
    part.push(Property::new("UID", &[], uid));
    part.push(When::Utc(stamp).property("DTSTAMP"));
    tree.push_component(part);
    tree
}

fn available(part: &Component) -> impl Iterator<Item = &Component> {
    part.components().filter(|one| one.name() == "AVAILABLE")
}

/// Whether an AVAILABLE stays: it is beyond a week, or still wanted, and then nothing else has to say it.
fn stays(
    tree: &Component,
    one: &Component,
    replaced: &Option<Zone>,
    zone: &Zone,
    wanted: &mut Vec<Interval>,
) -> bool {
    let uid = |part: &Component| part.get("UID").map(|uid| uid.text().into_owned());
    let all = tree.parts().flat_map(available);
    let is_alone = all.filter(|other| uid(other).is_some() && uid(other) == uid(one)).count() < 2;
    let Some((own, says)) = interval(tree, &[one]).filter(|_| is_alone) else { return true };
    if Some(&own) != replaced.as_ref() {
        return true;
    }
    let at = wanted.iter().position(|wanted| own == *zone && *wanted == says);
    at.map(|at| wanted.remove(at)).is_some()
}

/// As it would be read: from the first day on which it stands.
fn settled(one: Interval) -> Interval {
    Interval { from: one.from.map(|day| first_of(one.weekdays, day)), ..one }
}

/// DTSTART, DTEND and PRIORITY of an override; a base keeps what it has.
fn edge(own: &mut Component, frame: Frame, zone: &Zone) {
    let Some((first, last)) = frame.days else { return };
    own.remove("DURATION");
    own.set(at("DTSTART", first * DAY, zone));
    own.set(at("DTEND", (last + 1) * DAY, zone));
    let priority = if frame.is_urgent { URGENT } else { OVERRIDE };
    own.set(Property::new("PRIORITY", &[], &priority.to_string()));
}

fn at(name: &str, civil: i64, zone: &Zone) -> Property {
    match zone.is_utc() {
        true => When::Utc(civil).property(name),
        false => When::Zoned(civil, zone.clone()).property(name),
    }
}

/// One run of hours.
fn opener(one: &Interval, zone: &Zone, names: &Names, stamp: i64) -> Result<Component> {
    let day = first_of(one.weekdays, one.from.unwrap_or(ALWAYS));
    let minutes = |minutes: u16| day * DAY + i64::from(minutes) * 60;
    let mut part = Component::new("AVAILABLE");
    part.push(Property::new("UID", &[], &appointments::unguessable()?));
    part.push(When::Utc(stamp).property("DTSTAMP"));
    part.push(at("DTSTART", minutes(one.start), zone));
    match (one.start, one.end) {
        (0, MINUTES) => part.push(Property::new("DURATION", &[], "P1D")),
        (_, end) => part.push(at("DTEND", minutes(end), zone)),
    }
    let days: Vec<&str> =
        (0..7).filter(|day| one.weekdays >> day & 1 == 1).map(|day| WEEKDAYS[day]).collect();
    let mut rule = format!("FREQ=WEEKLY;BYDAY={}", days.join(","));
    if let Some(until) = one.until {
        let last = zone.to_instant(until * DAY + i64::from(one.start) * 60);
        rule = format!("{rule};UNTIL={}", When::Utc(last).print());
    }
    part.push(Property::new("RRULE", &[], &rule));
    for (line, term) in [(PLACE, one.site.place), (MODE, one.site.mode)] {
        let Some(term) = term else { continue };
        let Some(name) = names.get(&term) else { return invalid("site", "there is no such term") };
        part.push(Property::new(line, &[(TERM, &term.0.to_string())], &ical::escape(name)));
    }
    Ok(part)
}

/// What an AVAILABLE says, if a week can say it.
fn interval(tree: &Component, group: &[&Component]) -> Option<(Zone, Interval)> {
    let [part] = group else { return None };
    if BEYOND.iter().any(|name| part.get(name).is_some()) || part.all("RRULE").count() > 1 {
        return None;
    }
    let (zone, start) = when(tree, part.get("DTSTART")?)?;
    let length = match (part.get("DTEND"), part.get("DURATION")) {
        (Some(end), _) => {
            let (other, end) = when(tree, end)?;
            zone.to_civil(other.to_instant(end)) - start
        }
        (None, Some(line)) => match Duration::read(line.value())? {
            Duration { days: 1, seconds: 0 } if start.rem_euclid(DAY) == 0 => DAY,
            Duration { days: 0, seconds } => seconds,
            _ => return None,
        },
        _ => return None,
    };
    let (day, second) = (start.div_euclid(DAY), start.rem_euclid(DAY));
    if second % 60 != 0 || length % 60 != 0 || length <= 0 || second + length > DAY {
        return None;
    }
    let minutes = |seconds: i64| u16::try_from(seconds / 60).ok();
    let (start, end) = (minutes(second)?, minutes(second + length)?);
    let own = 1 << weekday(day);
    let (weekdays, until) = match part.get("RRULE") {
        None => (own, Some(day)),
        Some(rule) => {
            let (weekdays, until) = weekly(rule.value(), own)?;
            let civil = until.map(|until| match until {
                When::Utc(instant) => zone.to_civil(instant),
                When::Date(civil) => civil + DAY - 1,
                other => other.civil(),
            });
            (weekdays, civil.map(|civil| (civil - second).div_euclid(DAY)))
        }
    };
    let is_always = day == first_of(weekdays, ALWAYS);
    let from = (!is_always).then_some(day);
    (weekdays & own != 0).then_some((zone, Interval { weekdays, start, end, from, until, site: site(part) }))
}

/// A rule that is a set of weekdays, week after week, and its end.
fn weekly(rule: &str, own: u8) -> Option<(u8, Option<When>)> {
    let (mut days, mut until) = (None, None);
    let mut is_daily = None;
    for part in rule.split(';').filter(|part| !part.trim().is_empty()) {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().to_ascii_uppercase();
        match (name.trim().to_ascii_uppercase().as_str(), value.as_str()) {
            ("FREQ", "WEEKLY") => is_daily = Some(false),
            ("FREQ", "DAILY") => is_daily = Some(true),
            ("INTERVAL", "1") | ("WKST", _) => {}
            ("UNTIL", value) => until = Some(When::read(value, None)?),
            ("BYDAY", value) => {
                let day = |name: &str| WEEKDAYS.iter().position(|day| *day == name.trim());
                let all = value.split(',').map(|name| day(name).map(|day| 1u8 << day));
                days = Some(all.reduce(|all, day| Some(all? | day?))??);
            }
            _ => return None,
        }
    }
    Some((days.unwrap_or(if is_daily? { 127 } else { own }), until))
}

/// A time on the wall clock of a zone; dates and floating times have none.
fn when(tree: &Component, line: &Property) -> Option<(Zone, i64)> {
    let zone = line.param("TZID").map(|tzid| Zone::resolve(&tzid, tree)).transpose().ok()?;
    match When::read(line.value(), zone.as_ref())? {
        When::Zoned(civil, zone) => Some((zone, civil)),
        When::Utc(instant) => Some((Zone::utc(), instant)),
        _ => None,
    }
}

fn frame_edge(tree: &Component, part: &Component, name: &str) -> Option<(Zone, i64)> {
    when(tree, part.get(name)?)
}

/// The days that a VAVAILABILITY touches, where it has both ends.
fn frame(tree: &Component, part: &Component) -> Frame {
    let priority = part.get("PRIORITY").and_then(|line| line.value().trim().parse::<u8>().ok());
    let is_urgent = priority.is_some_and(|priority| (1..OVERRIDE).contains(&priority));
    let first = frame_edge(tree, part, "DTSTART");
    let days = first.and_then(|(zone, first)| {
        let last = match frame_edge(tree, part, "DTEND") {
            Some((other, last)) => zone.to_civil(other.to_instant(last)),
            None => first + Duration::read(part.get("DURATION")?.value())?.nominal(),
        };
        (last > first).then(|| (first.div_euclid(DAY), (last - 1).div_euclid(DAY)))
    });
    Frame { days, is_urgent }
}

#[cfg(test)]
mod tests {
    use super::super::week::day_named;
    use super::*;

    const STAMP: i64 = 1_767_225_600;

    fn berlin() -> Zone {
        Zone::named("Europe/Berlin").unwrap()
    }

    fn names() -> Names {
        Names::from([(TermKey(7), "Haus; A".to_owned()), (TermKey(9), "video".to_owned())])
    }

    fn week() -> Week {
        let site = Site { place: Some(TermKey(7)), mode: Some(TermKey(9)) };
        let base = Interval { weekdays: 0b11, start: 540, end: 720, from: None, until: None, site };
        let intervals = vec![
            base,
            Interval { start: 840, end: 1080, ..base },
            Interval { weekdays: 0b100_0000, start: 0, end: 1440, site: Site::default(), ..base },
            Interval {
                weekdays: 0b1_0000,
                from: day_named("2026-03-01"),
                until: day_named("2026-06-30"),
                site: Site::default(),
                ..base
            },
        ];
        Week { zone: berlin(), intervals }
    }

    fn base(week: &Week, old: Option<&[u8]>) -> Bytes {
        write(old, (week, Frame::default()), &names(), STAMP).unwrap()
    }

    #[test]
    fn a_week_is_read_as_it_was_written() {
        let text = base(&week(), None);
        let (hours, frame) = read(&text, &Zone::utc()).unwrap();
        assert_eq!((hours.others, frame), (0, Frame::default()));
        assert_eq!(hours.week.zone, berlin());
        let expected: Vec<_> = week().intervals.into_iter().map(settled).collect();
        assert_eq!(hours.week.intervals, expected);
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1, "{text}");
        assert!(text.contains("LOCATION;X-KALENDS-TERM=7:Haus\\; A\r\n"), "{text}");
        assert!(text.contains("DURATION:P1D\r\n") && text.contains("UNTIL=20260630T070000Z"), "{text}");
    }

    #[test]
    fn lines_that_still_hold_stay_as_they_are() {
        let first = base(&week(), None);
        assert_eq!(base(&week(), Some(&first)), first);
        let mut less = week();
        less.intervals.remove(1);
        let second = base(&less, Some(&first));
        let (first, second) = (String::from_utf8_lossy(&first), String::from_utf8_lossy(&second));
        assert_eq!(second.matches("BEGIN:AVAILABLE").count(), 3);
        assert!(second.lines().all(|line| first.contains(line)), "{second}");
    }

    #[test]
    fn what_no_week_can_say_is_counted_and_kept() {
        let foreign = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VAVAILABILITY\r\nUID:u\r\nSUMMARY:mine\r\n\
            BEGIN:AVAILABLE\r\nUID:a\r\nSUMMARY:second Tuesdays\r\nDTSTART;TZID=Europe/Berlin:20260113T090000\r\n\
            DTEND;TZID=Europe/Berlin:20260113T120000\r\nRRULE:FREQ=MONTHLY;BYDAY=2TU\r\nEND:AVAILABLE\r\n\
            BEGIN:AVAILABLE\r\nUID:b\r\nDTSTART;TZID=Europe/Berlin:20260105T090000\r\nDURATION:PT8H\r\n\
            RRULE:FREQ=DAILY;BYDAY=MO,FR;WKST=SU\r\nEND:AVAILABLE\r\nEND:VAVAILABILITY\r\nEND:VCALENDAR\r\n";
        let (hours, _) = read(foreign.as_bytes(), &Zone::utc()).unwrap();
        assert_eq!((hours.others, hours.week.intervals.len()), (1, 1));
        let one = hours.week.intervals[0];
        assert_eq!(
            (one.weekdays, one.start, one.end, one.from),
            (0b1_0001, 540, 1020, day_named("2026-01-05"))
        );
        let changed = String::from_utf8(base(&week(), Some(foreign.as_bytes())).to_vec()).unwrap();
        assert!(changed.contains("SUMMARY:second Tuesdays") && changed.contains("SUMMARY:mine"), "{changed}");
        assert!(!changed.contains("UID:b\r\n") && changed.contains("BEGIN:VTIMEZONE"), "{changed}");
        assert_eq!(read(changed.as_bytes(), &Zone::utc()).unwrap().0.others, 1);
    }

    #[test]
    fn an_override_replaces_its_days_by_priority() {
        let day = day_named("2028-02-29").unwrap();
        let hours = Interval {
            weekdays: 127,
            start: 600,
            end: 660,
            from: Some(day),
            until: Some(day),
            site: Site::default(),
        };
        let frame = Frame { days: Some((day, day)), is_urgent: true };
        let week = Week { zone: berlin(), intervals: vec![hours] };
        let text = write(None, (&week, frame), &names(), STAMP).unwrap();
        let (read, found) = read(&text, &Zone::utc()).unwrap();
        assert_eq!((found, read.week.intervals), (frame, vec![hours]));
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.contains("PRIORITY:1\r\n"), "{text}");
        assert!(text.contains("DTEND;TZID=Europe/Berlin:20280301T000000"), "{text}");
    }

    #[test]
    fn the_largest_week_fits_into_an_inbox() {
        let site = Site { place: Some(TermKey(7)), mode: Some(TermKey(9)) };
        let one = |n: u16| Interval { weekdays: 127, start: n, end: n + 1, from: None, until: None, site };
        let all = Week { zone: berlin(), intervals: (0..150).map(one).collect() };
        assert_eq!(all.intervals.len(), super::super::INTERVALS);
        let size = base(&all, None).len();
        assert!(size <= crate::calendar::AVAILABILITY_BYTES, "{size}");
    }

    #[test]
    fn a_term_nobody_knows_is_refused() {
        let refused = write(None, (&week(), Frame::default()), &Names::new(), STAMP);
        assert!(matches!(refused, Err(Error::Invalid { field: "site", .. })), "{refused:?}");
    }
}
