//! The wall clock of a zone over the days of the index, and the starts it allows: a grid, weekdays, a time of day.
//! Starts are instants: an hour that comes twice offers its starts twice, one that is left out offers none.

use ical::Zone;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// A zone with its offsets over a span of time.
#[derive(Debug)]
pub(super) struct Wall {
    zone: Zone,
    /// From this instant on, seconds east of UTC.
    offsets: Vec<(i64, i64)>,
}

/// Which starts are wanted, by the clock on the wall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// Seconds between starts, counted from local midnight plus `shift`.
    pub step: i64,
    pub shift: i64,
    /// Bit 0 is Monday.
    pub weekdays: u8,
    /// Seconds since local midnight: not before, not at or after.
    pub day: (i64, i64),
    /// No window holds two days, even where it could.
    pub split: bool,
}

/// Starts `s` with `from <= s < until` and `(s + shift) % step == 0`, all on one weekday or (`None`) on allowed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub from: i64,
    pub until: i64,
    pub shift: i64,
}

/// 0 is Monday.
pub(super) fn weekday(day: i64) -> u32 {
    (day + 3).rem_euclid(7) as u32
}

impl Wall {
    /// No zone changes its offset twice within six hours.
    pub fn new(zone: Zone, from: i64, until: i64) -> Wall {
        let offset = |at: i64| i64::from(zone.offset_at(at));
        let mut offsets = vec![(i64::MIN, offset(from))];
        for at in (from..until).step_by(6 * 3600) {
            let (mut before, mut after) = (at, at + 6 * 3600);
            if offset(before) == offset(after) {
                continue;
            }
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if offset(middle) == offset(at) { before = middle } else { after = middle }
            }
            offsets.push((after, offset(after)));
        }
        Wall { zone, offsets }
    }

    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    #[inline]
    pub fn civil(&self, instant: i64) -> i64 {
        instant + self.offsets[self.offsets.partition_point(|(from, _)| *from <= instant) - 1].1
    }

    /// The windows of a grid within `from..until`, in order.
    pub fn windows(&self, grid: &Grid, from: i64, until: i64) -> Vec<Window> {
        let mut out = Vec::new();
        let first = self.offsets.partition_point(|(begins, _)| *begins <= from) - 1;
        for (n, (begins, offset)) in self.offsets.iter().enumerate().skip(first) {
            let ends = self.offsets.get(n + 1).map_or(i64::MAX, |(at, _)| *at);
            let (from, until) = (from.max(*begins), until.min(ends));
            if from < until {
                grid.windows(*offset, from, until, &mut out);
            }
        }
        out
    }
}

impl Grid {
    /// All days and hours, on a grid that every day begins anew by itself.
    fn is_even(&self) -> bool {
        !self.split && self.weekdays == 0x7f && self.day.0 <= 0 && self.day.1 >= DAY && DAY % self.step == 0
    }

    fn windows(&self, offset: i64, from: i64, until: i64, out: &mut Vec<Window>) {
        if self.is_even() {
            return out.push(Window { from, until, shift: offset - self.shift });
        }
        let days = (from + offset).div_euclid(DAY)..=(until - 1 + offset).div_euclid(DAY);
        for day in days.filter(|day| self.weekdays >> weekday(*day) & 1 == 1) {
            let midnight = day * DAY - offset;
            let from = from.max(midnight + self.day.0.max(0));
            let until = until.min(midnight + self.day.1.min(DAY));
            if from < until {
                out.push(Window { from, until, shift: -midnight - self.shift });
            }
        }
    }
}

impl Window {
    /// The first start not before an instant.
    #[inline]
    pub fn start(&self, at: i64, step: i64) -> i64 {
        let at = at.max(self.from);
        at + (-(at + self.shift)).rem_euclid(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Grid = Grid { step: 1800, shift: 0, weekdays: 0x7f, day: (0, DAY), split: false };
    /// 2026-10-25T00:00:00Z: in Berlin 03:00 becomes 02:00 an hour later.
    const OCTOBER: i64 = 1_792_886_400;

    fn starts(wall: &Wall, grid: &Grid, from: i64, until: i64) -> Vec<i64> {
        let mut all = Vec::new();
        for window in wall.windows(grid, from, until) {
            let mut at = window.start(from, grid.step);
            while at < window.until {
                all.push(at);
                at += grid.step;
            }
        }
        all
    }

    #[test]
    fn an_hour_that_comes_twice_is_offered_twice() {
        let wall = Wall::new(Zone::named("Europe/Berlin").unwrap(), OCTOBER - DAY, OCTOBER + DAY);
        let night = Grid { day: (2 * 3600, 3 * 3600), ..ALWAYS };
        let expected: Vec<_> = (0..4).map(|n| OCTOBER + n * 1800).collect();
        assert_eq!(starts(&wall, &night, OCTOBER - 7200, OCTOBER + DAY / 2), expected);
    }

    #[test]
    fn a_grid_that_does_not_divide_the_day_begins_at_midnight() {
        let wall = Wall::new(Zone::utc(), 0, 3 * DAY);
        let grid = Grid { step: 50 * 60, shift: 600, ..ALWAYS };
        let all = starts(&wall, &grid, DAY, 2 * DAY);
        assert_eq!((all[0], all[1]), (DAY + 600, DAY + 3600));
    }
}
