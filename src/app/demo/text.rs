//! A planned thing as iCalendar text (RFC 5545): one object, its zone with it, lines folded.
//!
//! Invariant: civil times with TZID, never UTC: a visit at nine stays at nine when the clocks change.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime};
use ical::{Window, Zone};

use super::script::{Exception, Planned, When};
use crate::app::Error;

const DAY: i64 = 86_400;
/// Bytes of a line before it is folded (3.1).
const LINE: usize = 75;

/// The whole object; `now` decides which week is this one.
pub fn object(planned: &Planned, uid: &str, zone: &str, now: i64) -> Result<String, Error> {
    let absent = || Error::failed(format!("the demo needs the time zone {zone}"));
    let moment = DateTime::from_timestamp(now, 0).ok_or_else(absent)?;
    let today = moment.date_naive();
    let monday = today - Duration::days(i64::from(today.weekday().num_days_from_monday()));
    let mut text = Text { lines: String::new(), zone, stamp: moment.format("%Y%m%dT%H%M%SZ").to_string() };
    text.line("BEGIN:VCALENDAR");
    text.line("VERSION:2.0");
    text.line("PRODID:-//Kalends//Demo//EN");
    if matches!(planned.when, When::At(..)) {
        let span = Window { from: now - 366 * DAY, until: now + 3 * 366 * DAY };
        let zone = ical::vtimezone(&Zone::named(zone).ok_or_else(absent)?, span).ok_or_else(absent)?;
        text.lines.push_str(zone.trim_end());
        text.lines.push_str("\r\n");
    }
    text.component(planned, uid, monday + Duration::days(planned.day));
    text.line("END:VCALENDAR");
    Ok(text.lines)
}

struct Text<'a> {
    lines: String,
    zone: &'a str,
    stamp: String,
}

impl Text<'_> {
    /// Folds between characters.
    fn line(&mut self, line: &str) {
        let mut used = 0;
        for c in line.chars() {
            if used + c.len_utf8() > LINE {
                self.lines.push_str("\r\n ");
                used = 1;
            }
            self.lines.push(c);
            used += c.len_utf8();
        }
        self.lines.push_str("\r\n");
    }

    fn component(&mut self, planned: &Planned, uid: &str, first: NaiveDate) {
        match planned.when {
            When::Due(hour) => self.task(planned, uid, first.and_hms_opt(hour, 0, 0).unwrap_or_default()),
            When::Days(days) => self.days(planned, uid, first, days),
            When::At(hour, minute, minutes) => {
                let start = first.and_hms_opt(hour, minute, 0).unwrap_or_default();
                self.series(planned, uid, start, minutes);
            }
        }
    }

    fn open(&mut self, component: &str, uid: &str, summary: &str) {
        self.line(&format!("BEGIN:{component}"));
        self.line(&format!("UID:{uid}"));
        self.line(&format!("DTSTAMP:{}", self.stamp.clone()));
        self.line(&format!("SUMMARY:{}", summary.replace(',', "\\,")));
    }

    fn rule(&mut self, planned: &Planned) {
        if let Some(rule) = planned.rule {
            self.line(&format!("RRULE:{rule}"));
        }
    }

    fn series(&mut self, planned: &Planned, uid: &str, start: NaiveDateTime, minutes: i64) {
        self.open("VEVENT", uid, planned.summary);
        self.timed(start, minutes);
        self.rule(planned);
        for exception in planned.exceptions {
            if let Exception::Cancelled { day } = exception {
                self.line(&self.zoned("EXDATE", start + Duration::days(*day)));
            }
        }
        self.line("END:VEVENT");
        for exception in planned.exceptions {
            if let Exception::Moved { day, to, at: (hour, minute), summary } = exception {
                let original = start + Duration::days(*day);
                let moved =
                    (start + Duration::days(*to)).date().and_hms_opt(*hour, *minute, 0).unwrap_or_default();
                self.open("VEVENT", uid, summary);
                self.line(&self.zoned("RECURRENCE-ID", original));
                self.timed(moved, minutes);
                self.line("SEQUENCE:1");
                self.line("END:VEVENT");
            }
        }
    }

    fn timed(&mut self, start: NaiveDateTime, minutes: i64) {
        self.line(&self.zoned("DTSTART", start));
        self.line(&self.zoned("DTEND", start + Duration::minutes(minutes)));
    }

    fn zoned(&self, name: &str, time: NaiveDateTime) -> String {
        format!("{name};TZID={}:{}", self.zone, time.format("%Y%m%dT%H%M%S"))
    }

    fn days(&mut self, planned: &Planned, uid: &str, first: NaiveDate, days: i64) {
        self.open("VEVENT", uid, planned.summary);
        let date = |day: NaiveDate| day.format("%Y%m%d").to_string();
        self.line(&format!("DTSTART;VALUE=DATE:{}", date(first)));
        self.line(&format!("DTEND;VALUE=DATE:{}", date(first + Duration::days(days))));
        self.rule(planned);
        // A day that comes back every year is remembered, a leave is taken.
        self.line(if planned.rule.is_some() { "TRANSP:TRANSPARENT" } else { "TRANSP:OPAQUE" });
        self.line("END:VEVENT");
    }

    /// Floating: due at that hour wherever its owner is.
    fn task(&mut self, planned: &Planned, uid: &str, due: NaiveDateTime) {
        self.open("VTODO", uid, planned.summary);
        if planned.rule.is_some() {
            self.line(&format!("DTSTART:{}", (due - Duration::hours(1)).format("%Y%m%dT%H%M%S")));
        }
        self.line(&format!("DUE:{}", due.format("%Y%m%dT%H%M%S")));
        self.rule(planned);
        self.line("STATUS:NEEDS-ACTION");
        self.line("END:VTODO");
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
                assert!(text.lines().all(|line| line.len() <= LINE), "{text}");
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
