//! Series as text: cut in two, given another shape, left without a date, tied to one another. Only the lines that say
//! what changes are written anew.
//!
//! Dates are told apart by their instants; what keeps its hour is reckoned on the wall clock of the series, so that a
//! series that moves by an hour moves by an hour on either side of a change of the clocks.

use bytes::Bytes;
use ical::{Budget, Component, Digest, Kind, Property, When, Window, Zone};

use super::error::{Error, Result};
use super::plan::DAY;
use super::text::{
    RECURS, SERVICE, at, master_mut, occurrence_mut, place, printed, stands_for, touch, tree, zone_of,
};

/// Steps of looking for dates while a text is changed: that is done inside the write, so it may take milliseconds only.
const LOOKS: u64 = 500_000;
/// Parts of a rule by which it names days, and by which it names times of a day.
const DAYS: [&str; 6] = ["BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS"];
const TIMES: [&str; 3] = ["BYHOUR", "BYMINUTE", "BYSECOND"];
/// What a date has only as a date of its series.
const OF_THE_SERIES: [&str; 3] = ["RECURRENCE-ID", "SEQUENCE", "RELATED-TO"];
const WEEK: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// What an appointment says of itself, as far as it changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    pub title: Option<&'a str>,
    pub place: Option<Option<&'a str>>,
    pub service: Option<&'a str>,
}

/// How a series is shaped anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape<'a> {
    /// By how much it moves on the wall clock, seconds.
    pub shift: i64,
    /// Seconds.
    pub length: Option<i64>,
    pub rule: Option<&'a str>,
    pub words: Words<'a>,
}

/// How two objects are tied (RFC 5545 3.8.4.5, RFC 9253 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// The other is what this series goes on as.
    Next,
    /// The other is what this series began as.
    First,
    /// The other is the series that this is an additional date of.
    Sibling,
}

impl Tie {
    fn word(self) -> &'static str {
        match self {
            Tie::Next => "NEXT",
            Tie::First => "FIRST",
            Tie::Sibling => "SIBLING",
        }
    }
}

impl Words<'_> {
    fn lines(&self) -> Vec<(&'static str, Option<Property>)> {
        let set = |name, text: &str| {
            (name, Some(text).filter(|text| !text.is_empty()).map(|text| Property::new_text(name, text)))
        };
        let mut lines = Vec::new();
        lines.extend(self.title.map(|title| set("SUMMARY", title)));
        lines.extend(self.place.map(|place| set("LOCATION", place.unwrap_or_default())));
        lines.extend(self.service.map(|service| set(SERVICE, service)));
        lines
    }

    pub fn is_empty(&self) -> bool {
        self.title.is_none() && self.place.is_none() && self.service.is_none()
    }
}

/// Other words for the object, or for one of its occurrences. What said of itself what the whole says goes along.
pub fn worded(text: &[u8], occurrence: Option<i64>, words: Words<'_>, stamp: i64) -> Result<Bytes> {
    let (mut tree, zone) = (tree(text)?, zone_of(text)?);
    match occurrence {
        Some(id) => {
            let part = occurrence_mut(&mut tree, id, &zone)?;
            words.lines().into_iter().for_each(|line| set(part, line));
            touch(part, stamp);
        }
        None => word_all(&mut tree, words, stamp)?,
    }
    Ok(printed(&tree))
}

fn set(part: &mut Component, (name, line): (&str, Option<Property>)) {
    match line {
        Some(line) => part.set(line),
        None => {
            part.remove(name);
        }
    }
}

fn word_all(tree: &mut Component, words: Words<'_>, stamp: i64) -> Result<()> {
    for (name, line) in words.lines() {
        let value = |part: &Component| part.get(name).map(|line| line.text().into_owned());
        let before = value(master_mut(tree)?);
        let parts = tree.components_mut().filter(|part| part.name() != "VTIMEZONE");
        for part in parts.filter(|part| value(part) == before) {
            set(part, (name, line.clone()));
        }
    }
    touch(master_mut(tree)?, stamp);
    Ok(())
}

/// A single one becomes a series, under the same UID.
pub fn recurring(text: &[u8], rule: &str, stamp: i64) -> Result<Bytes> {
    let mut tree = tree(text)?;
    let master = master_mut(&mut tree)?;
    master.set(Property::new("RRULE", &[], rule));
    touch(master, stamp);
    Ok(printed(&tree))
}

/// A series becomes a single one, under the same UID: its first date.
pub fn single(text: &[u8], stamp: i64) -> Result<Bytes> {
    let mut tree = tree(text)?;
    tree.retain_components(|part| part.name() == "VTIMEZONE" || part.get("RECURRENCE-ID").is_none());
    let master = master_mut(&mut tree)?;
    for name in RECURS {
        master.remove(name);
    }
    touch(master, stamp);
    Ok(printed(&tree))
}

/// The series without some of its occurrences: EXDATE (RFC 5545 3.8.5.1), and their overrides go.
pub fn without(text: &[u8], ids: &[i64], stamp: i64) -> Result<Bytes> {
    let (mut tree, zone) = (tree(text)?, zone_of(text)?);
    tree.retain_components(|part| {
        part.name() == "VTIMEZONE" || !ids.iter().any(|id| stands_for(part, *id, &zone))
    });
    let master = master_mut(&mut tree)?;
    if let Some(start) = master.get("DTSTART").cloned() {
        ids.iter().for_each(|id| master.push(at(&start, "EXDATE", *id, &zone)));
    }
    touch(master, stamp);
    Ok(printed(&tree))
}

/// The series without what begins at `instant` or later; None where nothing of it is left, or where it is no series.
pub fn ended(text: &[u8], instant: i64, stamp: i64) -> Result<Option<Bytes>> {
    let (mut tree, zone) = (tree(text)?, zone_of(text)?);
    let master = master_mut(&mut tree)?;
    let Some(rule) = master.get("RRULE").cloned() else { return Ok(None) };
    if start(master, "DTSTART", &zone).is_none_or(|start| start >= instant) {
        return Ok(None);
    }
    let until = When::Utc(instant - 1).print();
    let ends = ruled(rule.value(), |name, _| match name {
        "COUNT" | "UNTIL" => None,
        _ => Some(None),
    });
    master.set(rule.with_value(&format!("{ends};UNTIL={until}")));
    edit_dates(master, "RDATE", &zone, |when| Some(when).filter(|when| when.instant(&zone) < instant));
    touch(master, stamp);
    tree.retain_components(|part| {
        part.name() == "VTIMEZONE" || start(part, "RECURRENCE-ID", &zone).is_none_or(|id| id < instant)
    });
    Ok(Some(printed(&tree)))
}

/// What [`ended`] leaves out, as a series of its own that begins with the date `instant`.
pub fn begun(text: &[u8], instant: i64, uid: &str, stamp: i64) -> Result<Bytes> {
    let (mut tree, zone) = (tree(text)?, zone_of(text)?);
    let gone = before(&tree, instant)?;
    tree.retain_components(|part| {
        part.name() == "VTIMEZONE" || start(part, "RECURRENCE-ID", &zone).is_none_or(|id| id >= instant)
    });
    for part in tree.components_mut().filter(|part| part.name() != "VTIMEZONE") {
        part.set(Property::new("UID", &[], uid));
        part.remove("SEQUENCE");
    }
    let master = master_mut(&mut tree)?;
    let length = civil_length(master, &zone);
    place(master, (instant, zone.to_instant(zone.to_civil(instant) + length)), &zone);
    if let Some(rule) = master.get("RRULE").cloned() {
        let rest = ruled(rule.value(), |name, value| match name {
            "COUNT" => Some(Some(value.parse::<u64>().unwrap_or(1).saturating_sub(gone).max(1).to_string())),
            _ => Some(None),
        });
        master.set(rule.with_value(&rest));
    }
    for name in ["EXDATE", "RDATE"] {
        edit_dates(master, name, &zone, |when| Some(when).filter(|when| when.instant(&zone) >= instant));
    }
    touch(master, stamp);
    Ok(printed(&tree))
}

/// The same under another UID.
pub fn called(text: &[u8], uid: &str) -> Result<Bytes> {
    let mut tree = tree(text)?;
    for part in tree.components_mut().filter(|part| part.name() != "VTIMEZONE") {
        part.set(Property::new("UID", &[], uid));
        part.retain_properties(|line| !OF_THE_SERIES.iter().any(|name| line.is(name)));
    }
    Ok(printed(&tree))
}

/// One date of the series as an object of its own.
pub fn alone(text: &[u8], id: i64, uid: &str) -> Result<Bytes> {
    let (mut tree, zone) = (tree(text)?, zone_of(text)?);
    occurrence_mut(&mut tree, id, &zone)?;
    tree.retain_components(|part| part.name() == "VTIMEZONE" || stands_for(part, id, &zone));
    called(&printed(&tree), uid)
}

/// The series moved on the wall clock, longer or shorter, by another rule, with other words. Dates that were moved one by
/// one stay where they are; of what the new rule has no date for, nothing stays.
pub fn reshaped(text: &[u8], shape: Shape<'_>, stamp: i64) -> Result<Bytes> {
    let (mut tree, zone) = (tree(text)?, zone_of(text)?);
    word_all(&mut tree, shape.words, stamp)?;
    let shifted = |when: When| shift(when, shape.shift, &zone);
    let length = civil_length(master_mut(&mut tree)?, &zone);
    let parts = tree.components_mut().filter(|part| part.name() != "VTIMEZONE");
    for part in parts {
        let own = part.get("RECURRENCE-ID").cloned();
        let stands = start(part, "DTSTART", &zone);
        let is_moved = own.is_some() && stands != start(part, "RECURRENCE-ID", &zone);
        if let Some(id) = own {
            edit_date(part, &id, &zone, shifted);
        }
        let Some(stands) = stands.filter(|_| !is_moved) else { continue };
        let civil = zone.to_civil(stands) + shape.shift;
        let own_length = civil_length(part, &zone);
        let length = shape.length.filter(|_| own_length == length).unwrap_or(own_length);
        place(part, (zone.to_instant(civil), zone.to_instant(civil + length)), &zone);
    }
    let master = master_mut(&mut tree)?;
    for name in ["EXDATE", "RDATE"] {
        edit_dates(master, name, &zone, |when| Some(shifted(when)));
    }
    if let Some(rule) = master.get("RRULE").cloned() {
        let value = match shape.rule {
            Some(rule) => rule.to_string(),
            None => turned(rule.value(), shape.shift, start(master, "DTSTART", &zone), &zone)?,
        };
        master.set(rule.with_value(&value));
    }
    if shape.rule.is_some() {
        keep_to_pattern(&mut tree, &zone)?;
    }
    Ok(printed(&tree))
}

/// Ties the object to another one; of each tie there is one.
pub fn tied(text: &[u8], tie: Tie, to: &str, refid: &str) -> Result<Bytes> {
    let mut tree = tree(text)?;
    let master = master_mut(&mut tree)?;
    if master.get("REFID").is_none() {
        master.push(Property::new_text("REFID", refid));
    }
    let is_same = |line: &Property| {
        line.is("RELATED-TO")
            && line.param("RELTYPE").is_some_and(|kind| kind.eq_ignore_ascii_case(tie.word()))
    };
    master.retain_properties(|line| !is_same(line));
    master.push(Property::new("RELATED-TO", &[("RELTYPE", tie.word())], to));
    Ok(printed(&tree))
}

/// What the object is tied to in this way.
pub fn tie_of(tree: &Component, tie: Tie) -> Option<String> {
    let master = tree.parts().find(|part| part.get("RECURRENCE-ID").is_none())?;
    let mut lines = master.all("RELATED-TO");
    let found =
        lines.find(|line| line.param("RELTYPE").is_some_and(|kind| kind.eq_ignore_ascii_case(tie.word())));
    found.map(|line| line.value().to_string())
}

/// What all parts of one course share (RFC 9253 8.3): made from its first part.
pub fn refid(tree: &Component, uid: &str) -> String {
    let found = tree.parts().find_map(|part| part.get("REFID"));
    found.map_or_else(|| uid.to_string(), |line| line.text().into_owned())
}

/// The rule of the series, as it is written.
pub fn rule(tree: &Component) -> Option<String> {
    tree.parts().find_map(|part| part.get("RRULE")).map(|line| line.value().to_string())
}

/// All dates that the series ever had, be they cancelled or moved since: by these they are numbered.
pub fn pattern(tree: &Component) -> Result<Digest> {
    digest(tree, &["EXDATE", "EXRULE"])
}

fn digest(tree: &Component, but: &[&str]) -> Result<Digest> {
    let mut bare = tree.clone();
    bare.retain_components(|part| part.name() == "VTIMEZONE" || part.get("RECURRENCE-ID").is_none());
    for part in bare.components_mut().filter(|part| part.name() != "VTIMEZONE") {
        part.retain_properties(|line| !but.iter().any(|name| line.is(name)));
    }
    Digest::of(&bare, Kind::Event, &mut Budget::steps(Budget::OBJECT))
        .map_err(|error| Error::Calendar(error.into()))
}

/// Refuses instants that are no dates of the series.
pub fn has(text: &[u8], dates: &[i64]) -> Result<()> {
    let (tree, zone) = (tree(text)?, zone_of(text)?);
    let (pattern, mut budget) = (pattern(&tree)?, Budget::steps(LOOKS));
    for date in dates {
        let window = Window { from: *date, until: date.saturating_add(1) };
        let found = pattern.occurrences(window, &zone, &mut budget);
        let found = found.map_err(|error| Error::Calendar(error.into()))?;
        if !found.iter().any(|one| one.id == Some(*date)) {
            return Err(Error::Invalid { field: "skip", why: "it is no date of the series" });
        }
    }
    Ok(())
}

/// How many dates the rule itself has before the instant.
fn before(tree: &Component, instant: i64) -> Result<u64> {
    let rule = digest(tree, &["EXDATE", "EXRULE", "RDATE"])?;
    let window = Window { from: Window::START, until: instant };
    let found = rule.occurrences(window, &Zone::utc(), &mut Budget::steps(LOOKS));
    let found = found.map_err(|error| Error::Calendar(error.into()))?;
    Ok(found.iter().filter(|one| one.id.is_some_and(|id| id < instant)).count() as u64)
}

/// Cancelled dates and overrides that are none of the pattern's go.
fn keep_to_pattern(tree: &mut Component, zone: &Zone) -> Result<()> {
    let pattern = pattern(tree)?;
    let mut budget = Budget::steps(LOOKS);
    // What cannot be looked up within the budget is no reason to drop a date: it is an error.
    let mut knows = |instant: i64| -> Result<bool> {
        let window = Window { from: instant, until: instant + 1 };
        let found =
            pattern.occurrences(window, zone, &mut budget).map_err(|error| Error::Calendar(error.into()))?;
        Ok(found.iter().any(|one| one.id == Some(instant)))
    };
    let mut gone = Vec::new();
    for id in tree.parts().filter_map(|part| start(part, "RECURRENCE-ID", zone)).collect::<Vec<_>>() {
        if !knows(id)? {
            gone.push(id);
        }
    }
    tree.retain_components(|part| {
        part.name() == "VTIMEZONE" || !gone.iter().any(|id| stands_for(part, *id, zone))
    });
    let master = master_mut(tree)?;
    let mut dates = Vec::new();
    edit_dates(master, "EXDATE", zone, |when| {
        dates.push(when.instant(zone));
        Some(when)
    });
    let mut kept = Vec::new();
    for date in dates {
        if knows(date)? {
            kept.push(date);
        }
    }
    edit_dates(master, "EXDATE", zone, |when| Some(when).filter(|when| kept.contains(&when.instant(zone))));
    Ok(())
}

/// The instant of its DTSTART.
pub fn start_of(tree: &Component) -> Option<i64> {
    first_of(tree).map(|(start, _)| start)
}

/// From when to when its first date stands, by the series.
pub fn first_of(tree: &Component) -> Option<(i64, i64)> {
    let master = tree.parts().find(|part| part.get("RECURRENCE-ID").is_none())?;
    let tzid = master.get("DTSTART")?.param("TZID");
    let zone = tzid.and_then(|tzid| Zone::resolve(&tzid, tree).ok()).unwrap_or_else(Zone::utc);
    let from = start(master, "DTSTART", &zone)?;
    Some((from, zone.to_instant(zone.to_civil(from) + civil_length(master, &zone))))
}

/// The instant that a line of the component names.
fn start(part: &Component, name: &str, zone: &Zone) -> Option<i64> {
    let line = part.get(name)?;
    let own = line.param("TZID").and_then(|tzid| Zone::named(&tzid));
    let own = own.as_ref().unwrap_or(zone);
    When::read(line.value(), Some(own)).map(|when| when.instant(own))
}

/// On the wall clock, seconds.
fn civil_length(part: &Component, zone: &Zone) -> i64 {
    let from = start(part, "DTSTART", zone).unwrap_or_default();
    let until = match part.get("DURATION").and_then(|line| ical::Duration::read(line.value())) {
        Some(length) => return length.days * DAY + length.seconds,
        None => start(part, "DTEND", zone).unwrap_or(from),
    };
    zone.to_civil(until) - zone.to_civil(from)
}

fn shift(when: When, by: i64, zone: &Zone) -> When {
    match when {
        When::Date(civil) => When::Date(civil + by.div_euclid(DAY) * DAY),
        When::Floating(civil) => When::Floating(civil + by),
        When::Zoned(civil, zone) => When::Zoned(civil + by, zone),
        When::Utc(instant) => When::Utc(zone.to_instant(zone.to_civil(instant) + by)),
    }
}

fn edit_date(part: &mut Component, line: &Property, zone: &Zone, edit: impl Fn(When) -> When) {
    let own = line.param("TZID").and_then(|tzid| Zone::named(&tzid));
    if let Some(when) = When::read(line.value(), Some(own.as_ref().unwrap_or(zone))) {
        part.set(line.with_value(&edit(when).print()));
    }
}

/// Edits the values of lines that list dates; a line without a value goes.
fn edit_dates(part: &mut Component, name: &str, zone: &Zone, mut edit: impl FnMut(When) -> Option<When>) {
    let lines: Vec<Property> = part.all(name).cloned().collect();
    part.remove(name);
    for line in lines {
        let own = line.param("TZID").and_then(|tzid| Zone::named(&tzid));
        let own = own.as_ref().unwrap_or(zone);
        let values = line.value().split(',').filter_map(|value| match When::read(value, Some(own)) {
            Some(when) => edit(when).map(|when| when.print()),
            None => Some(value.to_string()),
        });
        let values: Vec<String> = values.collect();
        if !values.is_empty() {
            part.push(line.with_value(&values.join(",")));
        }
    }
}

/// The parts of a rule, each kept (Some(None)), given another value, or left out.
fn ruled(rule: &str, edit: impl Fn(&str, &str) -> Option<Option<String>>) -> String {
    let parts = rule.split(';').filter_map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match edit(&name.trim().to_ascii_uppercase(), value.trim())? {
            Some(other) => Some(format!("{name}={other}")),
            None => Some(part.to_string()),
        }
    });
    parts.collect::<Vec<_>>().join(";")
}

/// The rule of a series that moves: its end moves along, and the days of a week turn with it. `moved` is its new start.
fn turned(rule: &str, by: i64, moved: Option<i64>, zone: &Zone) -> Result<String> {
    if by == 0 {
        return Ok(rule.to_string());
    }
    let upper = rule.to_ascii_uppercase();
    let has = |name: &str| upper.split(';').any(|part| part.trim().starts_with(&format!("{name}=")));
    let now = moved.map_or(0, |instant| zone.to_civil(instant));
    let days = now.div_euclid(DAY) - (now - by).div_euclid(DAY);
    let is_weekly = upper.contains("FREQ=WEEKLY") && !DAYS[1..].iter().any(|name| has(name));
    let is_bound = DAYS.iter().any(|name| has(name)) && !is_weekly;
    if TIMES.iter().any(|name| has(name)) || (days != 0 && is_bound) {
        return Err(Error::Invalid {
            field: "rule",
            why: "it names its days itself: say the new rule as well",
        });
    }
    let turn = |day: &str| {
        let at = WEEK.iter().position(|one| day.trim().eq_ignore_ascii_case(one))?;
        WEEK.get((at as i64 + days).rem_euclid(7) as usize).map(|day| (*day).to_string())
    };
    Ok(ruled(rule, |name, value| match name {
        "BYDAY" => Some(value.split(',').map(turn).collect::<Option<Vec<_>>>().map(|days| days.join(","))),
        "UNTIL" => Some(When::read(value, Some(zone)).map(|until| shift(until, by, zone).print())),
        _ => Some(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:a\r\n\
        DTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260303T100000\r\n\
        DTEND;TZID=Europe/Berlin:20260303T103000\r\nRRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=8\r\n\
        EXDATE;TZID=Europe/Berlin:20260310T100000,20260407T100000\r\nX-OWN:kept\r\nSUMMARY:one\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260331T100000\r\n\
        DTSTART;TZID=Europe/Berlin:20260331T150000\r\nDTEND;TZID=Europe/Berlin:20260331T153000\r\nSUMMARY:one\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n";

    fn berlin(text: &str) -> i64 {
        let zone = Zone::named("Europe/Berlin").unwrap();
        When::read(text, Some(&zone)).unwrap().instant(&zone)
    }

    /// (date it is known by, start), on the wall clock of Berlin.
    fn dates(text: &[u8]) -> Vec<(String, String)> {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let object = ical::check(text, &ical::Limits::default()).unwrap();
        let found = object.digest.occurrences(Window::ALL, &zone, &mut Budget::steps(100_000)).unwrap();
        let print = |instant| ical::Civil::from_seconds(zone.to_civil(instant)).basic()[4..13].to_string();
        found.iter().map(|one| (print(one.id.unwrap()), print(one.start))).collect()
    }

    fn same(days: &[&str]) -> Vec<(String, String)> {
        days.iter().map(|day| ((*day).to_string(), (*day).to_string())).collect()
    }

    #[test]
    fn a_series_cut_in_two_has_the_same_dates() {
        let instant = berlin("20260324T100000");
        let head = ended(TEXT.as_bytes(), instant, 0).unwrap().unwrap();
        let tail = begun(TEXT.as_bytes(), instant, "b", 0).unwrap();
        let mut both = dates(&head);
        both.extend(dates(&tail));
        assert_eq!(both, dates(TEXT.as_bytes()));
        let tail = String::from_utf8(tail.to_vec()).unwrap();
        assert!(tail.contains("COUNT=5") && tail.contains("X-OWN:kept") && !tail.contains("UID:a"), "{tail}");
        assert!(tail.contains("EXDATE;TZID=Europe/Berlin:20260407T100000\r\n"), "{tail}");
    }

    #[test]
    fn a_series_moves_on_the_wall_clock_and_across_a_day() {
        let later = Shape { shift: DAY + 3600, length: Some(2700), ..Shape::default() };
        let moved = reshaped(TEXT.as_bytes(), later, 0).unwrap();
        let mut expected =
            same(&["0304T1100", "0318T1100", "0325T1100", "0401T1100", "0415T1100", "0422T1100"]);
        // What was moved by hand stays where it was put.
        expected[3].1 = "0331T1500".into();
        assert_eq!(dates(&moved), expected);
        let text = String::from_utf8(moved.to_vec()).unwrap();
        assert!(text.contains("BYDAY=WE") && text.contains("20260304T114500"), "{text}");
    }

    #[test]
    fn by_another_rule_only_what_is_a_date_of_it_stays() {
        let monthly = Shape { rule: Some("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;COUNT=4"), ..Shape::default() };
        let moved = reshaped(TEXT.as_bytes(), monthly, 0).unwrap();
        let mut expected = same(&["0303T1000", "0317T1000", "0331T1000", "0414T1000"]);
        expected[2].1 = "0331T1500".into();
        assert_eq!(dates(&moved), expected);
        assert!(!String::from_utf8(moved.to_vec()).unwrap().contains("EXDATE"));
    }

    #[test]
    fn a_rule_that_names_its_days_is_not_guessed_at() {
        let text = TEXT.replace("FREQ=WEEKLY;BYDAY=TU", "FREQ=MONTHLY;BYDAY=1TU");
        let over = |shift| reshaped(text.as_bytes(), Shape { shift, ..Shape::default() }, 0);
        assert!(matches!(over(DAY), Err(Error::Invalid { field: "rule", .. })));
        assert!(over(3600).is_ok(), "within the day it keeps its days");
    }

    #[test]
    fn words_of_the_whole_reach_what_said_the_same() {
        let words = Words { title: Some("two"), place: Some(Some("Room, left")), ..Words::default() };
        let text = worded(TEXT.as_bytes(), None, words, 0).unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert_eq!(
            (text.matches("SUMMARY:two").count(), text.matches("LOCATION:Room\\, left").count()),
            (2, 2)
        );
        let other = TEXT.replacen("SUMMARY:one", "SUMMARY:other", 1);
        let text = worded(other.as_bytes(), None, Words { place: None, ..words }, 0).unwrap();
        assert_eq!(String::from_utf8(text.to_vec()).unwrap().matches("SUMMARY:two").count(), 1);
    }

    #[test]
    fn one_date_and_back() {
        let one = single(TEXT.as_bytes(), 0).unwrap();
        let text = String::from_utf8(one.to_vec()).unwrap();
        assert!(!text.contains("RRULE") && !text.contains("EXDATE") && !text.contains("RECURRENCE-ID"));
        let again = recurring(&one, "FREQ=WEEKLY;COUNT=2", 0).unwrap();
        assert_eq!(dates(&again), same(&["0303T1000", "0310T1000"]));
    }

    #[test]
    fn ties_stand_once_and_are_found() {
        let text = tied(TEXT.as_bytes(), Tie::Next, "b", "a").unwrap();
        let text = tied(&text, Tie::Next, "c", "a").unwrap();
        let tree = tree(&text).unwrap();
        assert_eq!((tie_of(&tree, Tie::Next).as_deref(), tie_of(&tree, Tie::First)), (Some("c"), None));
        assert_eq!(refid(&tree, "x"), "a");
        assert_eq!(String::from_utf8(text.to_vec()).unwrap().matches("RELATED-TO").count(), 1);
    }
}
