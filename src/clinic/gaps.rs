//! Open minus busy: the gaps in which something fits, each with how far its surroundings are free as well.
//!
//! The rule is the one the database enforces. In the core of what is booked, everything that stands there, buffers
//! included, stays within the capacity, and nothing is closed; where a buffer meets the core of something else, the
//! same count holds; buffers alone may meet.

use super::interval::{Busy, LONGEST_BUFFER, MOST_SEATS, Open, Want};

/// Where a core may stand, and the seconds around it in which its buffers may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<S> {
    pub from: i64,
    pub until: i64,
    pub before: u16,
    pub after: u16,
    pub site: S,
}

/// A span of time.
type Span = (i64, i64);

/// The gaps of settled open intervals, in order.
pub(super) fn derive<S: Copy>(
    open: &[(i64, i64, S)],
    busy: &[Busy],
    capacity: u32,
    seats: u32,
) -> Vec<Found<S>> {
    let (cores, around) = free(busy, capacity, seats);
    let (mut at, mut outer) = (0, 0);
    let mut found = Vec::with_capacity(open.len());
    for (from, until, site) in open {
        while cores[at].1 <= *from && at + 1 < cores.len() {
            at += 1;
        }
        for core in cores[at..].iter().take_while(|core| core.0 < *until) {
            let (from, until) = (core.0.max(*from), core.1.min(*until));
            if from >= until {
                continue;
            }
            // Whatever is free for a core is free for a buffer: this span holds the gap.
            while around[outer].1 < until && outer + 1 < around.len() {
                outer += 1;
            }
            let seconds = |free: i64| free.clamp(0, LONGEST_BUFFER) as u16;
            let (before, after) = (seconds(from - around[outer].0), seconds(around[outer].1 - until));
            found.push(Found { from, until, before, after, site: *site });
        }
    }
    found
}

/// Long before and after everything, without overflow.
const EVER: Span = (i64::MIN / 4, i64::MAX / 4);

/// Where a core may stand and where a buffer may, both never empty.
fn free(busy: &[Busy], capacity: u32, seats: u32) -> (Vec<Span>, Vec<Span>) {
    let mut steps: Vec<(i64, [i32; 3])> = Vec::with_capacity(busy.len() * 4);
    for one in busy.iter().filter(|one| one.start < one.end) {
        let (from, until) = (one.start - i64::from(one.before), one.end + i64::from(one.after));
        match one.closed {
            true => steps.extend([(one.start, [0, 0, 1]), (one.end, [0, 0, -1])]),
            false => {
                steps.extend([(from, [1, 0, 0]), (one.start, [0, 1, 0])]);
                steps.extend([(one.end, [0, -1, 0]), (until, [-1, 0, 0])]);
            }
        }
    }
    steps.sort_unstable_by_key(|(at, _)| *at);
    let (mut cores, mut around) = (vec![], vec![]);
    let most = i64::from(capacity) - i64::from(seats);
    let (mut now, mut core_from, mut outer_from) = ([0i32; 3], Some(EVER.0), Some(EVER.0));
    if most < 0 {
        return (vec![(EVER.0, EVER.0)], vec![(EVER.0, EVER.1)]);
    }
    for at in steps.chunk_by(|a, b| a.0 == b.0) {
        for (_, step) in at {
            (0..3).for_each(|n| now[n] += step[n]);
        }
        let fits = i64::from(now[0]) <= most;
        switch(&mut cores, &mut core_from, fits && now[2] == 0, at[0].0);
        switch(&mut around, &mut outer_from, fits || now[1] == 0, at[0].0);
    }
    // At the end everything is free again.
    cores.extend(core_from.map(|from| (from, EVER.1)));
    around.extend(outer_from.map(|from| (from, EVER.1)));
    (cores, around)
}

fn switch(spans: &mut Vec<Span>, since: &mut Option<i64>, is_free: bool, at: i64) {
    match (*since, is_free) {
        (Some(from), false) => {
            if from < at {
                spans.push((from, at));
            }
            *since = None;
        }
        (None, true) => *since = Some(at),
        _ => {}
    }
}

/// The first and last start that a gap allows, if any.
#[inline]
pub(super) fn starts(from: i64, until: i64, before: u16, after: u16, want: &Want) -> Option<Span> {
    let (short_before, short_after) = (want.before - i64::from(before), want.after - i64::from(after));
    let (first, last) = (from + short_before.max(0), until - short_after.max(0) - want.length);
    (first <= last).then_some((first, last))
}

/// Whether what is wanted fits at a start: what search offers and what a booking is checked by.
pub fn fits(open: &[Open], busy: &[Busy], capacity: u32, want: &Want, start: i64) -> bool {
    if !want.is_sound() {
        return false;
    }
    let open = open.iter().map(|open| (open.from, open.until, open.site)).collect();
    let gaps = derive(&super::interval::settled(open), busy, capacity, want.seats);
    gaps.iter().any(|gap| {
        starts(gap.from, gap.until, gap.before, gap.after, want)
            .is_some_and(|(first, last)| (first..=last).contains(&start))
    })
}

impl Want {
    /// Within the bounds of what a gap remembers.
    pub(super) fn is_sound(&self) -> bool {
        let buffer = 0..=LONGEST_BUFFER;
        (1..=LONGEST).contains(&self.length)
            && buffer.contains(&self.before)
            && buffer.contains(&self.after)
            && (1..=MOST_SEATS).contains(&self.seats)
    }
}

/// The longest want, seconds.
const LONGEST: i64 = 7 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(start: i64, end: i64, pad: u32) -> Busy {
        Busy { start, end, before: pad, after: pad, ..Busy::default() }
    }

    fn want(length: i64, pad: i64) -> Want {
        Want { length, before: pad, after: pad, seats: 1 }
    }

    const DAY: [Open; 1] =
        [Open { from: 0, until: 1000, site: super::super::Site { place: None, mode: None } }];

    #[test]
    fn buffers_may_meet_but_reach_into_no_core() {
        let there = [busy(100, 200, 20)];
        assert!(fits(&DAY, &there, 1, &want(80, 0), 220));
        assert!(fits(&DAY, &there, 1, &want(80, 20), 220));
        assert!(!fits(&DAY, &there, 1, &want(80, 0), 219));
        assert!(!fits(&DAY, &there, 1, &want(80, 30), 225));
        assert!(fits(&DAY, &there, 1, &want(80, 30), 230));
    }

    #[test]
    fn buffers_may_reach_out_of_hours_and_into_a_closed_time() {
        let closed = [Busy { closed: true, ..busy(500, 600, 0) }];
        assert!(fits(&DAY, &closed, 1, &want(100, 60), 0));
        assert!(fits(&DAY, &closed, 1, &want(100, 60), 400));
        assert!(!fits(&DAY, &closed, 3, &want(101, 0), 400));
    }

    #[test]
    fn every_seat_counts_up_to_the_capacity() {
        let there = [busy(0, 30, 0), busy(20, 60, 0), busy(10, 50, 0)];
        assert!(!fits(&DAY, &there, 3, &want(1, 0), 25));
        assert!(fits(&DAY, &there, 3, &want(1, 0), 30));
        assert!(!fits(&DAY, &there, 3, &Want { seats: 2, ..want(1, 0) }, 30));
        assert!(!fits(&DAY, &[], 3, &Want { seats: 4, ..want(1, 0) }, 300));
    }
}
