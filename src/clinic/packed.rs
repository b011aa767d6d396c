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
        let (mut out, mut last) = (Vec::with_capacity(list.len() * 4), 0);
        for one in list {
            let buffered = if one.before | one.after != 0 { BUFFERED } else { 0 };
            let closed = if one.closed { CLOSED } else { 0 };
            let counted = if one.service != 0 { COUNTED } else { 0 };
            let length = seconds(one.end - one.start);
            put(&mut out, seconds(one.start - last));
            // The length is last asked for its three lowest bits: they say what follows.
            put(&mut out, length << 3 | buffered | closed | counted);
            if buffered != 0 {
                put(&mut out, seconds(i64::from(one.before)));
                put(&mut out, seconds(i64::from(one.after)));
            }
            if counted != 0 {
                put(&mut out, u64::from(one.service));
            }
            last = one.start;
        }
        Packed(out.into())
    }

    pub fn busy_list(&self) -> Vec<Busy> {
        let (mut rest, mut list, mut last) = (&*self.0, Vec::with_capacity(self.0.len() / 3), 0);
        while !rest.is_empty() {
            let start = last + plain(take(&mut rest));
            let head = take(&mut rest);
            let mut one =
                Busy { start, end: start + plain(head >> 3), closed: head & CLOSED != 0, ..Busy::default() };
            if head & BUFFERED != 0 {
                one.before = plain(take(&mut rest)) as u32;
                one.after = plain(take(&mut rest)) as u32;
            }
            if head & COUNTED != 0 {
                one.service = take(&mut rest) as u16;
            }
            list.push(one);
            last = start;
        }
        list
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

    pub fn open_list(&self) -> Vec<(i64, i64, u16)> {
        let (mut rest, mut list, mut last) = (&*self.0, Vec::with_capacity(self.0.len() / 4), 0);
        while !rest.is_empty() {
            let from = last + plain(take(&mut rest));
            let until = from + plain(take(&mut rest));
            list.push((from, until, take(&mut rest) as u16));
            last = from;
        }
        list
    }
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
        assert_eq!(Packed::open(&open).open_list(), open);
    }

    #[test]
    fn a_booked_half_hour_costs_three_bytes() {
        let list: Vec<_> =
            (0..100).map(|n| Busy { start: n * 2700, end: n * 2700 + 1800, ..Busy::default() }).collect();
        assert!(Packed::busy(&list).bytes() <= 304, "{}", Packed::busy(&list).bytes());
    }
}
