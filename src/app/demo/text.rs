//! A planned thing as iCalendar text (RFC 5545): one object, its zone with it.
//!
//! Invariant: civil times with TZID, never UTC: a visit at nine stays at nine when the clocks change.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime};
use ical::{Draft, Kind, Window, Zone, compose};

use super::script::{Exception, Planned, When};
use crate::app::Error;

const DAY: i64 = 86_400;

/// The whole object; `now` decides which week is this one.
pub fn object(planned: &Planned, uid: &str, zone: &str, now: i64) -> Result<String, Error> {
    let absent = || Error::failed(format!("the demo needs the time zone {zone}"));
    let moment = DateTime::from_timestamp(now, 0).ok_or_else(absent)?;
    let today = moment.date_naive();
    let monday = today - Duration::days(i64::from(today.weekday().num_days_from_monday()));
    let first = monday + Duration::days(planned.day);
    let plan = Plan { planned, uid, zone, stamp: moment.format("%Y%m%dT%H%M%SZ").to_string() };
    match planned.when {
        When::Due(hour) => Ok(compose(&[], &[plan.task(at(first, hour, 0))])),
        When::Days(days) => Ok(compose(&[], &[plan.days(first, days)])),
        When::At(hour, minute, minutes) => {
            let span = Window { from: now - 366 * DAY, until: now + 3 * 366 * DAY };
            let zone = ical::vtimezone(&Zone::named(zone).ok_or_else(absent)?, span).ok_or_else(absent)?;
            Ok(compose(&[zone], &plan.series(at(first, hour, minute), minutes)))
        }
    }
}

fn at(day: NaiveDate, hour: u32, minute: u32) -> NaiveDateTime {
    day.and_hms_opt(hour, minute, 0).unwrap_or_default()
}

fn civil(time: NaiveDateTime) -> String {
    time.format("%Y%m%dT%H%M%S").to_string()
}

struct Plan<'a> {
    planned: &'a Planned,
    uid: &'a str,
    zone: &'a str,
    stamp: String,
}

impl Plan<'_> {
    fn draft(&self, kind: Kind, summary: &str) -> Draft {
        let mut draft = Draft::new(kind, self.uid, &self.stamp);
        draft.add("SUMMARY", summary);
        draft
    }

    fn rule(&self, draft: &mut Draft) {
        if let Some(rule) = self.planned.rule {
            draft.add("RRULE", rule);
        }
    }

    /// The master, then an override for each occurrence that was moved.
    fn series(&self, start: NaiveDateTime, minutes: i64) -> Vec<Draft> {
        let mut master = self.draft(Kind::Event, self.planned.summary);
        self.timed(&mut master, start, minutes);
        self.rule(&mut master);
        let mut moved = Vec::new();
        for exception in self.planned.exceptions {
            match exception {
                Exception::Cancelled { day } => {
                    self.zoned(&mut master, "EXDATE", start + Duration::days(*day))
                }
                Exception::Moved { day, to, at: (hour, minute), summary } => {
                    let mut draft = self.draft(Kind::Event, summary);
                    self.zoned(&mut draft, "RECURRENCE-ID", start + Duration::days(*day));
                    self.timed(&mut draft, at((start + Duration::days(*to)).date(), *hour, *minute), minutes);
                    draft.add("SEQUENCE", "1");
                    moved.push(draft);
                }
            }
        }
        moved.insert(0, master);
        moved
    }

    fn timed(&self, draft: &mut Draft, start: NaiveDateTime, minutes: i64) {
        self.zoned(draft, "DTSTART", start);
        self.zoned(draft, "DTEND", start + Duration::minutes(minutes));
    }

    fn zoned(&self, draft: &mut Draft, name: &str, time: NaiveDateTime) {
        draft.add_with(name, ("TZID", self.zone), &civil(time));
    }

    fn days(&self, first: NaiveDate, days: i64) -> Draft {
        let mut draft = self.draft(Kind::Event, self.planned.summary);
        for (name, day) in [("DTSTART", first), ("DTEND", first + Duration::days(days))] {
            draft.add_with(name, ("VALUE", "DATE"), &day.format("%Y%m%d").to_string());
        }
        self.rule(&mut draft);
        // A day that comes back every year is remembered, a leave is taken.
        draft.add("TRANSP", if self.planned.rule.is_some() { "TRANSPARENT" } else { "OPAQUE" });
        draft
    }

    /// Floating: due at that hour wherever its owner is.
    fn task(&self, due: NaiveDateTime) -> Draft {
        let mut draft = self.draft(Kind::Todo, self.planned.summary);
        if self.planned.rule.is_some() {
            draft.add("DTSTART", &civil(due - Duration::hours(1)));
        }
        draft.add("DUE", &civil(due));
        self.rule(&mut draft);
        draft.add("STATUS", "NEEDS-ACTION");
        draft
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::demo::script::PEOPLE;

    #[test]
    fn everything_planned_is_a_calendar_object() {
        for practitioner in PEOPLE {
            for planned in practitioner.plan {
                let text = object(planned, "a@b", practitioner.zone, 1_780_000_000).unwrap();
                let checked = ical::check(text.as_bytes(), &ical::Limits::default());
                assert!(
                    checked.is_ok(),
                    "{} {}\n{text}\n{:?}",
                    practitioner.name,
                    planned.key,
                    checked.err()
                );
            }
        }
    }

    #[test]
    fn exceptions_hit_occurrences() {
        for practitioner in PEOPLE {
            for planned in practitioner.plan.iter().filter(|planned| !planned.exceptions.is_empty()) {
                let text = object(planned, "a@b", practitioner.zone, 1_780_000_000).unwrap();
                let plain = Planned { exceptions: &[], ..*planned };
                let without = object(&plain, "a@b", practitioner.zone, 1_780_000_000).unwrap();
                let cancelled = planned
                    .exceptions
                    .iter()
                    .filter(|one| matches!(one, Exception::Cancelled { .. }))
                    .count();
                assert_eq!(
                    count(&text) + cancelled,
                    count(&without),
                    "{} {}",
                    practitioner.name,
                    planned.key
                );
            }
        }
    }

    fn count(text: &str) -> usize {
        let object = ical::check(text.as_bytes(), &ical::Limits::default()).unwrap();
        let window = Window { from: 1_770_000_000, until: 1_800_000_000 };
        let mut budget = ical::Budget::steps(ical::Budget::REQUEST);
        object.digest.occurrences(window, &Zone::utc(), &mut budget).unwrap().len()
    }
}
