//! From rows, one for each date, to series: what an older system stored eagerly becomes one object with what was
//! different about single dates. The dates that are seen afterwards are those that were there before, exactly.
//!
//! A pattern is taken when it covers at least three rows and invents at most as many dates as it covers; those are left
//! out by EXDATE. What fits no pattern stays single.

use std::collections::{BTreeMap, BTreeSet};

use ical::{Civil, Zone};
use serde_json::json;
use store::PrincipalId;

use super::alter::{Alter, Scope};
use super::appointments::book;
use super::bulk::Run;
use super::error::{Error, Result};
use super::plan::DAY;
use super::scope::{self, derived};
use super::visit::{AppointmentId, Ground, Visit};
use super::{By, Clinic};

/// Rows that make a series.
const LEAST: usize = 3;
/// Dates of one series, and how many of them may be left out.
const LONGEST: i64 = 2_000;
/// Why what meets is overbooked: both were there before.
const THERE: &str = "imported: it stood there before";

/// A row: what is booked, for one date. `key`: rows that the older system knew to belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eager {
    pub key: Option<String>,
    /// Without a rule.
    pub visit: Visit,
}

/// What some rows become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    pub visit: Visit,
    /// Dates of the pattern that are none.
    pub skip: Vec<i64>,
    /// A date of the pattern, and where it stands.
    pub moved: Vec<(i64, (i64, i64))>,
}

/// What an import did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub rows: usize,
    pub series: usize,
    pub single: usize,
    pub moved: usize,
    pub left_out: usize,
    /// Courses that an earlier run made.
    pub there: usize,
    /// Rows that stood there twice.
    pub twice: usize,
}

/// How a pattern repeats, on the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Days(i64),
    Months,
}

/// A pattern that some rows follow.
struct Pattern {
    step: Step,
    /// Seconds.
    length: i64,
    /// Civil seconds of each of its dates.
    dates: Vec<i64>,
}

/// The civil start of a row, its length, and which row it is.
type Place = (i64, i64, usize);

/// Rows to courses; how many rows stood there twice.
pub fn collapse(rows: Vec<Eager>) -> (Vec<Course>, usize) {
    let all = rows.len();
    let mut groups: BTreeMap<String, Vec<Eager>> = BTreeMap::new();
    for row in rows {
        groups.entry(identity(&row)).or_default().push(row);
    }
    let (mut courses, mut kept) = (Vec::new(), 0);
    for mut group in groups.into_values() {
        group.sort_by_key(|row| (row.visit.start, row.visit.end));
        group.dedup_by_key(|row| (row.visit.start, row.visit.end));
        kept += group.len();
        courses.extend(of_group(&group));
    }
    (courses, all - kept)
}

/// What rows of one series have in common.
fn identity(row: &Eager) -> String {
    let visit = Visit { start: 0, end: 0, ..row.visit.clone() };
    format!("{} {}", row.key.as_deref().unwrap_or_default(), json!(visit))
}

fn of_group(group: &[Eager]) -> Vec<Course> {
    let zone = group.first().and_then(|row| Zone::named(&row.visit.zone)).unwrap_or_else(Zone::utc);
    let place =
        |(at, row): (usize, &Eager)| (zone.to_civil(row.visit.start), row.visit.end - row.visit.start, at);
    let mut left: Vec<Place> = group.iter().enumerate().map(place).collect();
    let mut courses = Vec::new();
    while let Some(pattern) = best(&left) {
        let rest = course(group, &zone, &pattern, &mut left);
        courses.push(rest);
    }
    let single =
        |(_, _, at): &Place| Course { visit: group[*at].visit.clone(), skip: Vec::new(), moved: Vec::new() };
    courses.extend(left.iter().map(single));
    courses
}

/// The pattern that covers most.
fn best(left: &[Place]) -> Option<Pattern> {
    let mut candidates: Vec<Pattern> = Vec::new();
    let times: BTreeSet<(i64, i64)> =
        left.iter().map(|(civil, length, _)| (civil.rem_euclid(DAY), *length)).collect();
    for (time, length) in times {
        let days: Vec<i64> = left
            .iter()
            .filter(|(civil, own, _)| civil.rem_euclid(DAY) == time && *own == length)
            .map(|(civil, ..)| civil.div_euclid(DAY))
            .collect();
        candidates.extend(by_days(&days, (time, length)));
        for weekday in 0..7 {
            let own: Vec<i64> = days.iter().copied().filter(|day| day.rem_euclid(7) == weekday).collect();
            candidates.extend(by_days(&own, (time, length)));
        }
        candidates.extend(by_months(&days, (time, length)));
    }
    let has: BTreeSet<(i64, i64)> = left.iter().map(|(civil, length, _)| (*civil, *length)).collect();
    let worth = |pattern: &Pattern| {
        let covered =
            pattern.dates.iter().filter(|date| has.contains(&(**date, pattern.length))).count() as i64;
        (covered, 2 * covered - pattern.dates.len() as i64)
    };
    let fits = |pattern: &Pattern| {
        let (covered, gain) = worth(pattern);
        covered >= LEAST as i64 && gain >= 0 && pattern.dates.len() as i64 <= LONGEST
    };
    candidates.into_iter().filter(fits).max_by_key(|pattern| (worth(pattern).1, worth(pattern).0))
}

/// Every so many days: the smallest step that there is between two of them.
fn by_days(days: &[i64], (time, length): (i64, i64)) -> Option<Pattern> {
    let (first, last) = (*days.first()?, *days.last()?);
    let step = days.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0).min()?;
    if (last - first) / step > LONGEST {
        return None;
    }
    let dates = (0..=(last - first) / step).map(|n| (first + n * step) * DAY + time).collect();
    Some(Pattern { step: Step::Days(step), length, dates })
}

/// On the same day of each month; not on one that some months lack.
fn by_months(days: &[i64], (time, length): (i64, i64)) -> Option<Pattern> {
    let first = Civil::from_seconds(*days.first()? * DAY);
    let last = *days.last()? * DAY + time;
    let nth = |n: u32| {
        let month = first.month - 1 + n;
        let (year, month) = (first.year + (month / 12) as i32, month % 12 + 1);
        Civil { year, month, ..first }.seconds() + time
    };
    let dates: Vec<i64> = (0..LONGEST as u32).map(nth).take_while(|date| *date <= last).collect();
    (first.day <= 28).then_some(Pattern { step: Step::Months, length, dates })
}

/// Takes the rows of a pattern out of those that are left. Rows that belong with it by their key stand for dates that
/// it lacks: they were moved.
fn course(group: &[Eager], zone: &Zone, pattern: &Pattern, left: &mut Vec<Place>) -> Course {
    let of_length = left.iter().filter(|place| place.1 == pattern.length);
    let at: BTreeMap<i64, Place> = of_length.map(|place| (place.0, *place)).collect();
    let first = pattern.dates.iter().find_map(|date| at.get(date)).map_or(0, |place| place.2);
    let (visit, length) = (&group[first].visit, pattern.length);
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let (mut holes, mut moved) = (Vec::new(), Vec::new());
    for date in &pattern.dates {
        let stands = zone.to_instant(*date);
        match at.get(date).map(|place| (place.2, &group[place.2].visit)) {
            Some((row, visit)) => {
                taken.insert(row);
                // The second of two equal hours, which a wall clock alone does not tell.
                if visit.start != stands {
                    moved.push((stands, (visit.start, visit.end)));
                }
            }
            None => holes.push(stands),
        }
    }
    left.retain(|place| !taken.contains(&place.2));
    if group[first].key.is_some() {
        holes.retain(|hole| {
            let near = |place: &&Place| (group[place.2].visit.start - hole).abs() < 7 * DAY;
            let Some(row) =
                left.iter().filter(near).min_by_key(|place| (group[place.2].visit.start - hole).abs())
            else {
                return true;
            };
            let row = row.2;
            moved.push((*hole, (group[row].visit.start, group[row].visit.end)));
            left.retain(|place| place.2 != row);
            false
        });
    }
    let count = pattern.dates.len();
    let rule = match pattern.step {
        Step::Days(days) if days % 7 == 0 => format!("FREQ=WEEKLY;INTERVAL={};COUNT={count}", days / 7),
        Step::Days(days) => format!("FREQ=DAILY;INTERVAL={days};COUNT={count}"),
        Step::Months => format!("FREQ=MONTHLY;COUNT={count}"),
    };
    let start = pattern.dates.first().map_or(visit.start, |date| zone.to_instant(*date));
    let visit = Visit { rule: Some(rule), start, end: start + length, ..visit.clone() };
    Course { visit, skip: holes, moved }
}

impl Clinic {
    /// Makes what the rows come to, a course a transaction; what an earlier run made is left as it is.
    pub async fn import_rows(&self, by: By, rows: Vec<Eager>, run: Run) -> Result<Imported> {
        let mut sum = Imported { rows: rows.len(), ..Imported::default() };
        let (courses, twice) = super::plan::compute(move || collapse(rows)).await?;
        sum.twice = twice;
        for course in courses {
            let is_series = course.visit.rule.is_some();
            let (moved, left_out) = (course.moved.len(), course.skip.len());
            match self.import_course(by, course, run).await? {
                false => sum.there += 1,
                true => {
                    sum.series += usize::from(is_series);
                    sum.single += usize::from(!is_series);
                    (sum.moved, sum.left_out) = (sum.moved + moved, sum.left_out + left_out);
                }
            }
        }
        Ok(sum)
    }

    /// False when it is there already: its UID is made of what it is.
    async fn import_course(&self, by: By, course: Course, run: Run) -> Result<bool> {
        let uid = derived(&json!(course.visit).to_string(), "imported", course.visit.start);
        let is_there = !self.store().read(by.clinic).await?.appointment(by.clinic, &uid).await?.is_empty();
        if is_there {
            return Ok(false);
        }
        let structure = self.store().version(by.clinic).await?.structure;
        let ready = self.ready_as(by, course.visit, &course.skip, (uid.clone(), structure)).await?;
        let moved = course.moved;
        let done = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                let ground = || Ground::Overbook(THERE.into());
                book(work, by, &ready, ground()).await?;
                for (date, (start, end)) in moved {
                    let id = AppointmentId { uid: uid.clone(), occurrence: Some(date) };
                    let to = Alter { start: Some(start), length: Some(end - start), ..Alter::default() };
                    scope::alter(work, by, &id, (Scope::This, &to), (None, ground())).await?;
                }
                match run {
                    Run::Real => Ok(()),
                    // Answered as an error, so that the transaction leaves nothing.
                    Run::Rehearsal => Err(Error::Conflict(Vec::new())),
                }
            })
        });
        match done.await {
            Err(Error::Conflict(met)) if run == Run::Rehearsal && met.is_empty() => Ok(true),
            other => other.map(|()| true),
        }
    }

    /// The practitioner or room of this name.
    pub async fn bookable_named(&self, by: By, name: &str) -> Result<PrincipalId> {
        let found = self.store().across().await?.principal_named(name).await?;
        let found = found.filter(|found| found.clinic == by.clinic);
        found.map(|found| found.id).ok_or(Error::NotFound("resource"))
    }
}

#[cfg(test)]
mod tests {
    use ical::{Budget, Limits, Window};

    use super::*;

    fn visit(start: i64, end: i64) -> Visit {
        Visit {
            practitioner: PrincipalId(1),
            with: Vec::new(),
            start,
            end,
            zone: "Europe/Berlin".into(),
            rule: None,
            buffers: (0, 0),
            title: "t".into(),
            place: None,
            location: None,
            mode: None,
            patient: Some(1),
            service: None,
            is_pending: false,
            details: None,
        }
    }

    fn row(key: Option<&str>, civil: &str, minutes: i64) -> Eager {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let start = ical::When::read(civil, Some(&zone)).unwrap().instant(&zone);
        Eager { key: key.map(str::to_string), visit: visit(start, start + minutes * 60) }
    }

    /// What is seen of the courses: by the text that each becomes, not by how it was found.
    fn seen(courses: &[Course]) -> Vec<(i64, i64)> {
        let mut all = Vec::new();
        for course in courses {
            let mut text = course.visit.text("u", 0);
            if !course.skip.is_empty() {
                text = super::super::pattern::without(&text, &course.skip, 0).unwrap();
            }
            for (date, to) in &course.moved {
                text = super::super::text::moved(&text, Some(*date), *to, 0).unwrap();
            }
            let object = ical::check(&text, &Limits::default()).unwrap();
            let zone = Zone::named("Europe/Berlin").unwrap();
            let found = object.digest.occurrences(Window::ALL, &zone, &mut Budget::steps(1_000_000)).unwrap();
            all.extend(found.iter().map(|one| (one.start, one.end)));
        }
        all.sort_unstable();
        all
    }

    fn same(rows: Vec<Eager>) -> Vec<Course> {
        // The same time under two keys was seen twice.
        let mut before: Vec<_> =
            rows.iter().map(|row| (row.visit.start, row.visit.end, row.key.clone())).collect();
        before.sort_unstable();
        before.dedup();
        let before: Vec<(i64, i64)> = before.into_iter().map(|(start, end, _)| (start, end)).collect();
        let (courses, _) = collapse(rows);
        assert_eq!(seen(&courses), before);
        courses
    }

    #[test]
    fn weekly_rows_over_a_change_of_clocks_are_one_series_with_a_hole() {
        let days = ["20260310", "20260317", "20260324", "20260407", "20260414"];
        let courses = same(days.iter().map(|day| row(None, &format!("{day}T100000"), 30)).collect());
        assert_eq!(courses.len(), 1);
        assert_eq!(courses[0].visit.rule.as_deref(), Some("FREQ=WEEKLY;INTERVAL=1;COUNT=6"));
        assert_eq!((courses[0].skip.len(), courses[0].moved.len()), (1, 0));
    }

    #[test]
    fn what_was_moved_is_found_by_its_key() {
        let mut rows: Vec<_> = ["20260302", "20260309", "20260323", "20260330"]
            .iter()
            .map(|day| row(Some("s"), &format!("{day}T090000"), 45))
            .collect();
        rows.push(row(Some("s"), "20260317T140000", 30));
        let courses = same(rows);
        assert_eq!((courses.len(), courses[0].moved.len(), courses[0].skip.len()), (1, 1, 0));
    }

    #[test]
    fn days_months_and_odd_ones() {
        let daily = (1..=9).map(|day| row(None, &format!("2026100{day}T080000"), 20));
        let monthly = (1..=6).map(|month| row(None, &format!("2027{month:02}15T110000"), 60));
        let odd = [row(None, "20280101T120000", 10), row(None, "20280105T120000", 10)];
        let courses = same(daily.chain(monthly).chain(odd).collect());
        let rules: Vec<_> =
            courses.iter().map(|course| course.visit.rule.clone().unwrap_or_default()).collect();
        assert!(rules.contains(&"FREQ=DAILY;INTERVAL=1;COUNT=9".into()), "{rules:?}");
        assert!(rules.contains(&"FREQ=MONTHLY;COUNT=6".into()), "{rules:?}");
        assert_eq!(rules.iter().filter(|rule| rule.is_empty()).count(), 2);
    }

    #[test]
    fn the_second_of_two_equal_hours_stays_the_second() {
        let mut rows: Vec<_> =
            (0..6).map(|n| row(None, &format!("202610{:02}T023000", 4 + 7 * n.min(3)), 30)).collect();
        // 2026-10-25, half past two for the second time.
        rows.push(Eager { key: None, visit: visit(rows[3].visit.start + 3600, rows[3].visit.end + 3600) });
        rows.remove(3);
        same(rows);
    }

    #[test]
    fn any_rows_are_seen_as_they_were() {
        let mut dice = 7_u64;
        let mut below = |n: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % n
        };
        for _ in 0..300 {
            let count = 1 + below(30);
            let rows = (0..count).map(|_| {
                let day = 20_500 + below(40) as i64 * [1, 7, 3][below(3) as usize];
                let start = day * DAY + 8 * 3600 + below(3) as i64 * 1800;
                let key = [None, Some("k".to_string())][below(2) as usize].clone();
                Eager { key, visit: visit(start, start + 1800 + below(2) as i64 * 900) }
            });
            same(rows.collect());
        }
    }
}
