//! Visits of a resource counted by service and day of its wall: what limits a day and a week are held against.

use std::ops::RangeInclusive;

use super::interval::Busy;
use super::wall::{DAY, Wall};

/// How many visits of a service stand on a day, by both.
#[derive(Debug, Default)]
pub(super) struct Tallies(Vec<Tally>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tally {
    service: u16,
    count: u16,
    day: i32,
}

impl Tallies {
    pub fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Tally>()
    }

    /// Of all that stands there.
    pub fn of(wall: &Wall, busy: &[Busy]) -> Tallies {
        let mut all = Tallies::default();
        all.change(wall, &[], busy);
        all
    }

    /// Some are gone, others came.
    pub fn change(&mut self, wall: &Wall, gone: &[Busy], come: &[Busy]) {
        let day = |one: &Busy| (one.service, wall.civil(one.start).div_euclid(DAY) as i32);
        let news = gone.iter().map(|one| (one, -1)).chain(come.iter().map(|one| (one, 1)));
        let mut news = news.filter(|(one, _)| one.service != 0).map(|(one, n)| (day(one), n)).peekable();
        if news.peek().is_none() {
            return;
        }
        let known = self.0.iter().map(|tally| ((tally.service, tally.day), i32::from(tally.count)));
        let mut all: Vec<_> = known.chain(news).collect();
        all.sort_by_key(|(key, _)| *key);
        let sum = |same: &[((u16, i32), i32)]| {
            let (service, day) = same[0].0;
            let count = same.iter().map(|(_, n)| n).sum::<i32>().clamp(0, i32::from(u16::MAX));
            Tally { service, day, count: count as u16 }
        };
        let sums = all.chunk_by(|(one, _), (other, _)| one == other).map(sum);
        self.0 = sums.filter(|tally| tally.count > 0).collect();
        self.0.shrink_to_fit();
    }

    /// Visits of a service on a span of days.
    pub fn visits(&self, service: u16, days: RangeInclusive<i64>) -> u32 {
        let key = |tally: &Tally| (tally.service, i64::from(tally.day));
        let first = self.0.partition_point(|tally| key(tally) < (service, *days.start()));
        let same = self.0[first..].iter().take_while(|tally| key(tally) <= (service, *days.end()));
        same.map(|tally| u32::from(tally.count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_and_comes_counts_as_if_all_were_counted_anew() {
        let zone = ical::Zone::named("Pacific/Auckland").unwrap();
        let wall = Wall::new(zone, 1_790_000_000, 1_790_000_000 + 30 * DAY);
        let visit = |hour: i64, service: u16| {
            let start = 1_790_000_000 + hour * 3_600;
            Busy { start, end: start + 60, service, ..Busy::default() }
        };
        let some: Vec<_> = (0..200).map(|n| visit(n, (n % 3) as u16)).collect();
        let (gone, stay) = some.split_at(70);
        let come: Vec<_> = (50..90).map(|n| visit(n, 2)).chain([visit(1, 9)]).collect();
        let mut changed = Tallies::of(&wall, &some);
        changed.change(&wall, gone, &come);
        let all: Vec<_> = stay.iter().chain(&come).copied().collect();
        assert_eq!(changed.0, Tallies::of(&wall, &all).0);
        assert_eq!(changed.visits(2, i64::from(i32::MIN)..=i64::from(i32::MAX)), 40 + 43);
        changed.change(&wall, &all, &[]);
        assert_eq!(changed.bytes(), 0);
    }
}
