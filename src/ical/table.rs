//! When a zone changes its offset, as a sorted list: the one form that IANA zones and VTIMEZONEs are brought to.
//! Gregorian years repeat every 400 years, weekdays included, so a list up to 2500 answers for every later year.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    Window,
    time::{DAY, EARLIEST, LATEST},
};

/// Days of 400 years, a whole number of weeks.
const CYCLE: i64 = 146_097 * DAY;
/// 2500-01-01T00:00:00Z. Morocco's table of fasts ends in 2087; from then on every zone follows its yearly rule.
pub(crate) const TABLE_END: i64 = 16_725_225_600;

/// One change of offset. Offsets are seconds east of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The instant of the change.
    pub at: i64,
    pub before: i32,
    pub after: i32,
    /// From this wall-clock reading on the offset after it holds. In a gap and in an overlap it is still the one
    /// before: the shifted time, the first of two (RFC 5545 3.3.5).
    civil: i64,
}

impl Change {
    /// The same so many seconds later.
    fn later(self, by: i64) -> Change {
        Change { at: self.at + by, civil: self.civil + by, ..self }
    }
}

/// All changes of a zone in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    first: i32,
    changes: Vec<Change>,
    /// How many changes lie before each span of `SPAN` seconds since `BASE`: a look-up searches among two or three.
    before: Vec<u32>,
}

/// 1850-01-01T00:00:00Z; what was before is searched in full.
const BASE: i64 = -3_786_825_600;
/// Seconds as a power of two: a little more than a year.
const SPAN: u32 = 25;
/// No wall clock is further from UTC, and none moves further at once.
const OFF: i64 = 3 * DAY;

impl Table {
    /// From `(instant, offset after)` in order of time; equal offsets in a row are one.
    pub fn new(first: i32, list: impl IntoIterator<Item = (i64, i32)>) -> Table {
        let (mut changes, mut before) = (Vec::new(), first);
        for (at, after) in list {
            if after != before {
                changes.push(Change { at, before, after, civil: at + i64::from(before.max(after)) });
                before = after;
            }
        }
        let span = |n: i64| BASE + (n << SPAN);
        let spans = ((TABLE_END - BASE) >> SPAN) + 2;
        let before =
            (0..=spans).map(|n| changes.partition_point(|c: &Change| c.at < span(n)) as u32).collect();
        Table { first, changes, before }
    }

    /// The changes that may be the last before or the first after a time, and how many are before those.
    #[inline]
    fn near(&self, time: i64) -> (usize, &[Change]) {
        let bounds = |time: i64| usize::try_from((time - BASE) >> SPAN).ok();
        match (bounds(time - OFF), bounds(time + OFF)) {
            (Some(from), Some(until)) if until + 1 < self.before.len() => {
                let (from, until) = (self.before[from] as usize, self.before[until + 1] as usize);
                (from, &self.changes[from..until])
            }
            _ => (0, &self.changes),
        }
    }

    /// The table of an IANA zone.
    pub fn of(zone: &TimeZone) -> Table {
        let Ok(start) = Timestamp::from_second(EARLIEST) else { return Table::new(0, []) };
        let list = zone
            .following(start)
            .map(|t| (t.timestamp().as_second(), t.offset().seconds()))
            .take_while(|(at, _)| *at < TABLE_END);
        Table::new(zone.to_offset(start).seconds(), list)
    }

    /// The offset that holds at an instant.
    #[inline]
    pub fn offset_at(&self, instant: i64) -> i32 {
        let instant = folded(instant);
        let (before, near) = self.near(instant);
        self.after(before + near.iter().take_while(|c| c.at <= instant).count())
    }

    /// The offset of a wall-clock reading.
    #[inline]
    pub fn offset_of(&self, civil: i64) -> i32 {
        let civil = folded(civil);
        let (before, near) = self.near(civil);
        self.after(before + near.iter().take_while(|c| c.civil <= civil).count())
    }

    fn after(&self, index: usize) -> i32 {
        index.checked_sub(1).map_or(self.first, |last| self.changes[last].after)
    }

    /// The changes in a window, however far, in order.
    pub fn changes_in(&self, window: Window) -> impl Iterator<Item = Change> + '_ {
        let end = TABLE_END - DAY;
        let cycles = (window.until.clamp(end, LATEST) - end) / CYCLE + 1;
        let first = self.changes.partition_point(|c| c.at < end - CYCLE);
        let last = self.changes.partition_point(|c| c.at < end);
        let later =
            (1..=cycles).flat_map(move |n| self.changes[first..last].iter().map(move |c| c.later(n * CYCLE)));
        let all = self.changes[..last].iter().copied().chain(later);
        all.filter(move |c| (window.from..window.until).contains(&c.at))
    }

    /// The last change that is not after an instant, and all later ones.
    pub fn changes_around(&self, instant: i64) -> &[Change] {
        &self.changes[self.changes.partition_point(|c| c.at <= instant).saturating_sub(1)..]
    }
}

/// A time of the last 400 years of the table that behaves the same.
#[inline]
fn folded(time: i64) -> i64 {
    // A day early, so that wall clocks east and west of UTC stay inside the table.
    let end = TABLE_END - DAY;
    if time < end {
        return time;
    }
    time - ((time - end) / CYCLE + 1) * CYCLE
}
