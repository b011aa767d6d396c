//! Intervals in few bytes: the distance to the one before, the length, and the rest only where there is some.
//! Whole minutes take one or two bytes, so a booked quarter costs less than the gap beside it.

use super::interval::Busy;

/// A list of intervals, sorted by start.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed(Box<[u8]>);

const BUFFERED: u64 = 1;
const CLOSED: u64 = 2;
const COUNTED: u64 = 4;

impl Packed {
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Of busy intervals. When a hold expires is kept elsewhere.
    pub fn busy(list: &[Busy]) -> Packed {
        let mut out = Vec::with_capacity(list.len() * 4);
        write(&mut out, 0, list);
        Packed(out.into())
    }

    pub fn busy_list(&self) -> Vec<Busy> {
        let mut list = Vec::with_capacity(self.0.len() / 3);
        list.extend(self.each_busy());
        list
    }

    /// Busy intervals in their order.
    pub fn each_busy(&self) -> Reading<'_> {
        Reading { rest: &self.0, last: 0 }
    }

    /// Those that start in `from..until`.
    pub fn starting(&self, from: i64, until: i64) -> Vec<Busy> {
        self.each_busy().from(from).take_while(|one| one.start < until).collect()
    }

    /// The same list with these, which are sorted, in the place of those that start in `from..until`. All others stay as they
    /// are written: only the one behind is told anew how far it is.
    pub fn with(&self, (from, until): (i64, i64), new: &[Busy]) -> Packed {
        let left = self.each_busy().from(from);
        let mut right = left.clone().from(until);
        let mut out = Vec::with_capacity(self.0.len() + new.len() * 4 + 4);
        out.extend_from_slice(&self.0[..self.0.len() - left.rest.len()]);
        let last = write(&mut out, left.last, new);
        write(&mut out, last, right.next().as_slice());
        out.extend_from_slice(right.rest);
        Packed(out.into())
    }

    /// Of open intervals with the numbers of their sites.
    pub fn open(list: &[(i64, i64, u16)]) -> Packed {
        let (mut out, mut last) = (Vec::with_capacity(list.len() * 5), 0);
        for (from, until, site) in list {
            put(&mut out, seconds(from - last));
            put(&mut out, seconds(until - from));
            put(&mut out, u64::from(*site));
            last = *from;
        }
        Packed(out.into())
    }

    /// Open intervals in their order.
    pub fn each_open(&self) -> impl Iterator<Item = (i64, i64, u16)> {
        let (mut rest, mut last) = (&*self.0, 0);
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            last += plain(take(&mut rest));
            let until = last + plain(take(&mut rest));
            Some((last, until, take(&mut rest) as u16))
        })
    }
}

/// Reads busy intervals one after the other.
#[derive(Clone)]
pub(super) struct Reading<'p> {
    rest: &'p [u8],
    /// When the one before starts.
    last: i64,
}

impl Reading<'_> {
    /// Behind those that start before this.
    fn from(mut self, at: i64) -> Self {
        loop {
            let here = self.clone();
            if self.next().is_none_or(|one| one.start >= at) {
                return here;
            }
        }
    }
}

impl Iterator for Reading<'_> {
    type Item = Busy;

    fn next(&mut self) -> Option<Busy> {
        let rest = &mut self.rest;
        if rest.is_empty() {
            return None;
        }
        let start = self.last + plain(take(rest));
        let head = take(rest);
        let mut one =
            Busy { start, end: start + plain(head >> 3), closed: head & CLOSED != 0, ..Busy::default() };
        if head & BUFFERED != 0 {
            one.before = plain(take(rest)) as u32;
            one.after = plain(take(rest)) as u32;
        }
        if head & COUNTED != 0 {
            one.service = take(rest) as u16;
        }
        self.last = start;
        Some(one)
    }
}

/// Behind one that starts at `last`. When the last of all starts.
fn write(out: &mut Vec<u8>, mut last: i64, list: &[Busy]) -> i64 {
    for one in list {
        let buffered = if one.before | one.after != 0 { BUFFERED } else { 0 };
        let closed = if one.closed { CLOSED } else { 0 };
        let counted = if one.service != 0 { COUNTED } else { 0 };
        let length = seconds(one.end - one.start);
        put(out, seconds(one.start - last));
        // The length is last asked for its three lowest bits: they say what follows.
        put(out, length << 3 | buffered | closed | counted);
        if buffered != 0 {
            put(out, seconds(i64::from(one.before)));
            put(out, seconds(i64::from(one.after)));
        }
        if counted != 0 {
            put(out, u64::from(one.service));
        }
        last = one.start;
    }
    last
}

/// Minutes where it is minutes.
fn seconds(value: i64) -> u64 {
    let value = value.max(0) as u64;
    if value.is_multiple_of(60) { (value / 60) << 1 } else { (value << 1) | 1 }
}

fn plain(code: u64) -> i64 {
    (if code & 1 == 0 { (code >> 1) * 60 } else { code >> 1 }) as i64
}

/// Seven bits a byte, the lowest first.
fn put(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for place in (0..64).step_by(7) {
        let Some((byte, after)) = rest.split_first() else { break };
        *rest = after;
        value |= u64::from(byte & 0x7f) << place;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let list = [
            Busy { start: 0, end: 1, ..Busy::default() },
            Busy { start: 1_790_000_000, end: 1_790_001_800, ..Busy::default() },
            Busy {
                start: 1_790_000_000,
                end: 1_795_000_001,
                before: 7,
                after: 90_000,
                closed: true,
                ..Busy::default()
            },
            Busy { start: 1_790_000_001, end: 1_790_000_061, service: 65_535, after: 60, ..Busy::default() },
        ];
        assert_eq!(Packed::busy(&list).busy_list(), list);
        let open = [(60, 120, 0), (1_790_000_007, 1_790_000_008, 65_535)];
        assert_eq!(Packed::open(&open).each_open().collect::<Vec<_>>(), open);
    }

    #[test]
    fn a_part_is_replaced_as_if_all_were_packed_anew() {
        let one = |start: i64, service: u16| Busy { start, end: start + 61, service, ..Busy::default() };
        let list: Vec<_> = [60, 60, 121, 240, 86_400].map(|start| one(start, 0)).into();
        let packed = Packed::busy(&list);
        for (from, until) in
            [(0, 60), (60, 61), (0, 122), (122, 240), (121, 241), (241, 100_000), (0, 100_000)]
        {
            let inside = |one: &Busy| (from..until).contains(&one.start);
            assert_eq!(packed.starting(from, until), list.iter().copied().filter(inside).collect::<Vec<_>>());
            for new in [vec![], vec![one(from, 7)], vec![one(from, 0), one(until - 1, 300)]] {
                let mut all: Vec<_> =
                    list.iter().copied().filter(|one| !inside(one)).chain(new.clone()).collect();
                all.sort_unstable();
                assert_eq!(
                    packed.with((from, until), &new).0,
                    Packed::busy(&all).0,
                    "{from}..{until} {new:?}"
                );
            }
        }
        assert_eq!(Packed::default().with((0, 9), &list[..1]).busy_list(), list[..1]);
    }

    #[test]
    fn a_booked_half_hour_costs_three_bytes() {
        let list: Vec<_> =
            (0..100).map(|n| Busy { start: n * 2700, end: n * 2700 + 1800, ..Busy::default() }).collect();
        assert!(Packed::busy(&list).bytes() <= 304, "{}", Packed::busy(&list).bytes());
    }
}
