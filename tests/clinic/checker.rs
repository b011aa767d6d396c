//! An independent judge: reads the texts of every bookable calendar, understands and expands them by itself, and says
//! where more stands than there is room for. It knows the iCalendar that the race writes (UTC, FREQ=WEEKLY with COUNT,
//! EXDATE, overrides) and nothing of the code it judges; of the busy rows it believes only the marks.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use store::{Busy, BusyKind, Origin, PrincipalId, Source};

use super::world::World;

const WEEK: i64 = 7 * 86_400;

/// One interval that a text says, with its buffers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stands {
    pub start: i64,
    pub end: i64,
    pub from: i64,
    pub until: i64,
    /// It closes the time and takes no place.
    pub closes: bool,
    pub name: String,
}

/// What the judge found.
#[derive(Debug, Default)]
pub struct Verdict {
    pub intervals: usize,
    /// Instants at which unmarked intervals are more than the capacity.
    pub overlaps: usize,
    pub marked: usize,
    /// Marks that somebody else than a calendar program made.
    pub foreign_marks: usize,
    /// Intervals that the busy rows and the texts do not have in common.
    pub strays: Vec<Stands>,
    /// The UIDs in practitioners' calendars.
    pub uids: BTreeSet<String>,
}

/// Judges some resources with their capacities.
pub async fn judge(world: &World, resources: &[(PrincipalId, usize)]) -> Verdict {
    let mut verdict = Verdict::default();
    for (resource, capacity) in resources {
        let stands = stands(world, *resource, &mut verdict.uids).await;
        let rows = world.busy(*resource).await;
        let marked: HashSet<Stands> = rows.iter().filter(|one| one.mark.is_some()).map(of_row).collect();
        verdict.foreign_marks += rows.iter().filter(|one| is_foreign(one)).count();
        verdict.marked += marked.len();
        verdict.intervals += stands.len();
        let (texts, rows): (BTreeSet<_>, BTreeSet<_>) =
            (stands.iter().cloned().collect(), rows.iter().map(of_row).collect());
        verdict.strays.extend(texts.symmetric_difference(&rows).cloned());
        let plain: Vec<&Stands> = stands.iter().filter(|one| !marked.contains(one)).collect();
        verdict.overlaps += overlaps(&plain, *capacity);
    }
    verdict
}

fn is_foreign(row: &Busy) -> bool {
    row.mark.as_ref().is_some_and(|mark| mark.door != Origin::Dav)
}

fn of_row(row: &Busy) -> Stands {
    let name = match &row.source {
        Source::Object(_, name) => name.clone(),
        Source::Hold(id) => format!("hold {id}"),
    };
    let (span, closes) = (row.span, row.kind == BusyKind::Block);
    Stands { start: span.start, end: span.end, from: span.from, until: span.until, closes, name }
}

/// At how many of the instants where something begins there is too much, or something in a closed time.
pub fn overlaps(stands: &[&Stands], capacity: usize) -> usize {
    let instants: BTreeSet<i64> = stands.iter().flat_map(|one| [one.from, one.start]).collect();
    let is_over = |instant: &i64| {
        let in_core = |one: &&&Stands| one.start <= *instant && *instant < one.end;
        let booked = || stands.iter().filter(|one| !one.closes);
        let padded = booked().filter(|one| one.from <= *instant && *instant < one.until).count();
        let is_closed = stands.iter().filter(|one| one.closes).any(|one| in_core(&one));
        booked().any(|one| in_core(&one)) && (padded > capacity || is_closed)
    };
    instants.iter().filter(|instant| is_over(instant)).count()
}

async fn stands(world: &World, of: PrincipalId, uids: &mut BTreeSet<String>) -> Vec<Stands> {
    let mut all = Vec::new();
    for slug in ["visits", "absences"] {
        let id = world.collection(of, slug).await;
        let mut conn = world.store.read(world.id).await.unwrap();
        for object in conn.texts(world.id, id, "", 100_000).await.unwrap() {
            let text = String::from_utf8(object.text.unwrap().0.to_vec()).unwrap();
            uids.insert(object.meta.uid);
            all.extend(
                expand(&text, &object.meta.name)
                    .into_iter()
                    .map(|one| Stands { closes: slug == "absences", ..one }),
            );
        }
    }
    all
}

/// The lines of each VEVENT: name without parameters, and value.
fn events(text: &str) -> Vec<Vec<(String, String)>> {
    let text = text.replace("\r\n ", "");
    let blocks =
        text.split("BEGIN:VEVENT\r\n").skip(1).map(|block| block.split("END:VEVENT").next().unwrap());
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.split(';').next()?.to_string(), value.to_string()))
    };
    blocks.map(|block| block.lines().filter_map(line).collect()).collect()
}

fn get<'a>(event: &'a [(String, String)], name: &str) -> Option<&'a str> {
    event.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// `20260105T090000Z`; anything else is none of what the race writes.
fn instant(text: &str) -> i64 {
    assert!(text.len() == 16 && text.ends_with('Z'), "{text}");
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    // Days since 1970 by counting years and months, the long way.
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = |year| [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days: i64 = (1970..year).map(|year| 365 + i64::from(is_leap(year))).sum::<i64>()
        + lengths(year)[..month as usize - 1].iter().sum::<i64>()
        + day
        - 1;
    days * 86_400 + number(9, 11) * 3600 + number(11, 13) * 60 + number(13, 15)
}

fn expand(text: &str, name: &str) -> Vec<Stands> {
    let events = events(text);
    let mut dates: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let master = events.iter().find(|event| get(event, "RECURRENCE-ID").is_none()).unwrap();
    let (start, end) = (instant(get(master, "DTSTART").unwrap()), instant(get(master, "DTEND").unwrap()));
    let count = get(master, "RRULE").map_or(1, |rule| {
        let rule = rule.strip_prefix("FREQ=WEEKLY;COUNT=").expect("a rule of the race");
        rule.parse().unwrap()
    });
    dates.extend((0..count).map(|n| (start + n * WEEK, (start + n * WEEK, end + n * WEEK))));
    for (key, value) in master {
        if key == "EXDATE" {
            dates.remove(&instant(value));
        }
    }
    for event in events.iter() {
        if let Some(id) = get(event, "RECURRENCE-ID") {
            let span = (instant(get(event, "DTSTART").unwrap()), instant(get(event, "DTEND").unwrap()));
            dates.insert(instant(id), span);
        }
    }
    let buffers = get(master, "X-KALENDS-BUFFERS").and_then(|text| text.split_once('/'));
    let (before, after) =
        buffers.map_or((0, 0), |(before, after)| (before.parse().unwrap(), after.parse().unwrap()));
    let name = name.to_string();
    let stands = |(start, end): (i64, i64)| Stands {
        start,
        end,
        from: start - before,
        until: end + after,
        closes: false,
        name: name.clone(),
    };
    dates.into_values().map(stands).collect()
}

#[test]
fn the_judge_sees_what_it_must_see() {
    let one =
        |start, end| Stands { start, end, from: start - 5, until: end, closes: false, name: String::new() };
    let (a, b, c) = (one(0, 10), one(9, 20), one(22, 30));
    assert_eq!(overlaps(&[&a, &b], 1), 2);
    assert_eq!(overlaps(&[&a, &b], 2), 0);
    assert_eq!(overlaps(&[&b, &c], 1), 1, "a buffer that reaches into a core");
    let closed = Stands { closes: true, ..one(25, 40) };
    assert_eq!(overlaps(&[&c, &closed], 5), 1);
    assert_eq!(overlaps(&[&a, &closed], 5), 0);
    assert_eq!(instant("20240301T000001Z"), 1_709_251_201);
    let text = "BEGIN:VEVENT\r\nDTSTART:20240301T000000Z\r\nDTEND:20240301T\r\n 001000Z\r\n\
        RRULE:FREQ=WEEKLY;COUNT=3\r\nEXDATE:20240308T000000Z\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nRECURRENCE-ID:20240315T000000Z\r\nDTSTART:20240315T010000Z\r\n\
        DTEND:20240315T011000Z\r\nEND:VEVENT\r\n";
    let starts: Vec<i64> = expand(text, "x").iter().map(|one| one.start - 1_709_251_200).collect();
    assert_eq!(starts, [0, 14 * 86_400 + 3600]);
}
