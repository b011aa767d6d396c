//! A week of hours: intervals of the wall clock on weekdays, with the dates from and until which they hold.

use ical::Zone;

use super::error::{Error, Result, invalid};
use super::interval::Site;
use super::wall::DAY;

/// Intervals of one week, or of one override: as many as fit into the text that an inbox takes.
pub const INTERVALS: usize = 150;
/// Minutes of a day.
pub const MINUTES: u16 = 24 * 60;

/// Some hours on some weekdays. It never goes over midnight: who works the night has two of them, one until 24:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Bit 0 is Monday.
    pub weekdays: u8,
    /// Minutes since midnight on the wall; `end` is at most 1440.
    pub start: u16,
    pub end: u16,
    /// The first and the last day on which it may stand, as days since 1970; None: no bound.
    pub from: Option<i64>,
    pub until: Option<i64>,
    pub site: Site,
}

/// When somebody works, week after week.
#[derive(Clone, Debug)]
pub struct Week {
    /// Whose wall clock it is.
    pub zone: Zone,
    pub intervals: Vec<Interval>,
}

impl Interval {
    fn check(&self) -> Result<()> {
        if !(1..=127).contains(&self.weekdays) {
            return invalid("weekdays", "at least one weekday from 0 (Monday) to 6");
        }
        if self.start >= self.end || self.end > MINUTES {
            return invalid("end", "it lies after the start, at 24:00 at the latest");
        }
        if self.from.zip(self.until).is_some_and(|(from, until)| from > until) {
            return invalid("until", "it is not before the day it holds from");
        }
        if let Some((from, until)) = self.from.zip(self.until)
            && !self.meets(self, from, until)
        {
            return invalid("weekdays", "none of them comes between its dates");
        }
        Ok(())
    }

    fn overlaps(&self, other: &Interval) -> bool {
        let holds = |one: &Interval| (one.from.unwrap_or(i64::MIN), one.until.unwrap_or(i64::MAX));
        let ((from, until), (other_from, other_until)) = (holds(self), holds(other));
        let (first, last) = (from.max(other_from), until.min(other_until));
        self.start < other.end && other.start < self.end && first <= last && self.meets(other, first, last)
    }

    /// Whether they have a weekday in common that comes between two days.
    fn meets(&self, other: &Interval, first: i64, last: i64) -> bool {
        let common = self.weekdays & other.weekdays;
        match last.saturating_sub(first) {
            0..7 => (first..=last).any(|day| common >> super::wall::weekday(day) & 1 == 1),
            _ => common != 0,
        }
    }
}

impl Week {
    /// Refuses what makes no sense, and the first two intervals that overlap, by their places in the list.
    pub fn check(&self) -> Result<()> {
        if self.intervals.len() > INTERVALS {
            return invalid("intervals", "at most 150");
        }
        self.intervals.iter().try_for_each(Interval::check)?;
        for (second, one) in self.intervals.iter().enumerate() {
            if let Some(first) = self.intervals[..second].iter().position(|before| before.overlaps(one)) {
                return Err(Error::Overlapping { first, second });
            }
        }
        Ok(())
    }

    /// One interval for each weekday, by weekday and start.
    pub fn by_day(&self) -> Vec<Interval> {
        let mut all: Vec<Interval> = Vec::new();
        for one in &self.intervals {
            let days = (0..7).map(|day| 1 << day).filter(|day| one.weekdays & day != 0);
            all.extend(days.map(|weekdays| Interval { weekdays, ..*one }));
        }
        all.sort_by_key(|one| (one.weekdays, one.start, one.from));
        all
    }

    /// The fewest intervals that say the same: those that differ in nothing but their weekdays are one.
    pub fn joined(&self) -> Vec<Interval> {
        let mut all: Vec<Interval> = Vec::new();
        for one in &self.intervals {
            let same = all.iter_mut().find(|known| Interval { weekdays: one.weekdays, ..**known } == *one);
            match same {
                Some(known) => known.weekdays |= one.weekdays,
                None => all.push(*one),
            }
        }
        all
    }
}

/// The first day not before `day` that is one of these weekdays.
pub(super) fn first_of(weekdays: u8, day: i64) -> i64 {
    (day..day + 7).find(|day| weekdays >> super::wall::weekday(*day) & 1 == 1).unwrap_or(day)
}

/// `2026-03-01` as days since 1970; None for what is no date.
pub fn day_named(text: &str) -> Option<i64> {
    let is_date = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    let basic: String = text.chars().filter(|c| *c != '-').collect();
    match ical::When::read(&basic, None) {
        Some(when @ ical::When::Date(_)) if is_date => Some(when.civil().div_euclid(DAY)),
        _ => None,
    }
}

/// The other way round.
pub fn day_name(day: i64) -> String {
    let civil = ical::Civil::from_seconds(day * DAY);
    format!("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(weekdays: u8, start: u16, end: u16) -> Interval {
        Interval { weekdays, start, end, from: None, until: None, site: Site::default() }
    }

    fn week(intervals: &[Interval]) -> Week {
        Week { zone: Zone::utc(), intervals: intervals.to_vec() }
    }

    #[test]
    fn overlapping_intervals_are_named_and_edges_may_touch() {
        assert!(week(&[on(1, 540, 720), on(1, 720, 1080), on(2, 600, 700)]).check().is_ok());
        let refused = week(&[on(4, 0, 60), on(1, 540, 720), on(3, 700, 800)]).check();
        assert!(matches!(refused, Err(Error::Overlapping { first: 1, second: 2 })), "{refused:?}");
    }

    #[test]
    fn intervals_of_other_dates_do_not_overlap() {
        let (march, april) = (day_named("2026-03-01"), day_named("2026-04-01"));
        let winter = Interval { until: march, ..on(127, 0, 600) };
        assert!(week(&[winter, Interval { from: april, ..on(127, 0, 600) }]).check().is_ok());
        assert!(week(&[winter, Interval { from: march, ..on(127, 0, 600) }]).check().is_err());
        // The first of March 2026 is a Sunday: on Mondays they do not meet on it.
        assert!(week(&[winter, Interval { from: march, ..on(1, 0, 600) }]).check().is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [on(0, 0, 60), on(128, 0, 60), on(1, 60, 60), on(1, 60, 1441)] {
            assert!(week(&[bad]).check().is_err(), "{bad:?}");
        }
        // The second of January 1970 was a Friday.
        for (from, until) in [(2, 1), (1, 1), (2, 3)] {
            let never = Interval { from: Some(from), until: Some(until), ..on(1, 0, 60) };
            assert!(week(&[never]).check().is_err());
        }
        assert!(week(&vec![on(1, 0, 60); INTERVALS + 1]).check().is_err());
    }

    #[test]
    fn days_are_split_and_joined() {
        let days = week(&[on(0b11, 540, 720), on(0b100, 540, 720)]);
        assert_eq!(days.joined(), [on(0b111, 540, 720)]);
        assert_eq!(days.by_day(), [on(1, 540, 720), on(2, 540, 720), on(4, 540, 720)]);
    }

    #[test]
    fn dates_are_dates() {
        assert_eq!(day_named("2028-02-29").map(day_name).as_deref(), Some("2028-02-29"));
        for bad in ["2027-02-29", "20280229", "2028-2-29", "2028-02-2x", ""] {
            assert_eq!(day_named(bad), None, "{bad}");
        }
        assert_eq!(first_of(1 << 6, day_named("2026-03-02").unwrap()), day_named("2026-03-08").unwrap());
    }
}
