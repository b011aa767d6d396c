//! Bits over resources: who has a tag, and who has a start of some length in an hour. They only leave out, so a bit
//! too many costs time and never an answer.

use std::ops::Range;

/// Seconds of a band.
pub(super) const BAND: i64 = 3600;
/// Lengths for which bands are kept; a want is looked up under the longest that is not longer.
const CLASSES: [i64; 5] = [1, 1800, 2700, 3600, 7200];

/// As many bands after a start's own are looked at: only to leave out more.
const LATER: usize = 6;

/// One bit a resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub fn set(&mut self, at: usize, on: bool) {
        if self.0.len() <= at / 64 {
            self.0.resize(at / 64 + 1, 0);
        }
        let bit = 1 << (at % 64);
        if on { self.0[at / 64] |= bit } else { self.0[at / 64] &= !bit }
    }

    pub fn words(&self) -> &[u64] {
        &self.0
    }

    /// As many words as asked for.
    pub fn wide(&self, words: usize) -> Vec<u64> {
        let mut all = self.0.clone();
        all.resize(words, 0);
        all
    }
}

pub(super) fn and(into: &mut [u64], with: &[u64]) {
    let (same, rest) = into.split_at_mut(with.len().min(into.len()));
    same.iter_mut().zip(with).for_each(|(a, b)| *a &= b);
    rest.fill(0);
}

pub(super) fn or(into: &mut [u64], with: &[u64]) {
    into.iter_mut().zip(with).for_each(|(a, b)| *a |= b);
}

/// The places of set bits, in order.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(at, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let next = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(at * 64 + next)
        })
    })
}

/// The place of the set bit that so many stand before; None: there are no more than that.
pub(super) fn nth(words: &[u64], mut before: usize) -> Option<usize> {
    for (at, word) in words.iter().enumerate() {
        let here = word.count_ones() as usize;
        if before < here {
            return ones(&[*word]).nth(before).map(|bit| at * 64 + bit);
        }
        before -= here;
    }
    None
}

/// For every band and class, who has a start there.
#[derive(Debug)]
pub(super) struct Bands {
    /// Where the first band begins.
    base: i64,
    count: usize,
    /// Words of a row.
    stride: usize,
    rows: Vec<u64>,
}

impl Bands {
    pub fn new(base: i64, days: usize) -> Bands {
        let count = days * (super::wall::DAY / BAND) as usize;
        Bands { base, count, stride: 0, rows: Vec::new() }
    }

    pub fn bytes(&self) -> usize {
        self.rows.capacity() * 8
    }

    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Makes room for resources, an eighth more than asked for so that growing one by one stays cheap.
    pub fn hold(&mut self, resources: usize) {
        let words = resources.div_ceil(64);
        if words <= self.stride {
            return;
        }
        let stride = words + if self.stride == 0 { 0 } else { words / 8 + 1 };
        let mut rows = vec![0; self.count * CLASSES.len() * stride];
        if self.stride > 0 {
            for (new, old) in rows.chunks_exact_mut(stride).zip(self.rows.chunks_exact(self.stride)) {
                new[..old.len()].copy_from_slice(old);
            }
        }
        (self.rows, self.stride) = (rows, stride);
    }

    /// Days pass: the first bands go, empty ones come.
    pub fn advance(&mut self, base: i64) {
        let gone = ((base - self.base) / BAND).clamp(0, self.count as i64) as usize;
        let words = self.rows.len();
        self.rows.drain(..gone * CLASSES.len() * self.stride);
        self.rows.resize(words, 0);
        self.base = base;
    }

    /// The bands that hold an instant of `from..until`.
    pub fn of(&self, from: i64, until: i64) -> Range<usize> {
        let at = |instant: i64| (instant - self.base).div_euclid(BAND).clamp(0, self.count as i64) as usize;
        at(from)..at(until + BAND - 1)
    }

    /// Forgets what a resource has in `from..until`.
    pub fn clear(&mut self, resource: usize, from: i64, until: i64) {
        let bands = self.of(from, until);
        let (word, keep) = (resource / 64, !(1u64 << (resource % 64)));
        let rows = bands.start * CLASSES.len()..bands.end * CLASSES.len();
        rows.for_each(|row| self.rows[row * self.stride + word] &= keep);
    }

    /// A gap: something may start in it.
    pub fn set(&mut self, resource: usize, from: i64, until: i64) {
        let (word, bit) = (resource / 64, 1u64 << (resource % 64));
        for (class, length) in CLASSES.iter().enumerate().take_while(|(_, length)| from + **length <= until) {
            for band in self.of(from, until - length + 1) {
                self.rows[(band * CLASSES.len() + class) * self.stride + word] |= bit;
            }
        }
    }

    /// Who may have a start of a length in a band.
    pub fn row(&self, length: i64, band: usize) -> &[u64] {
        let class = CLASSES.iter().rposition(|one| *one <= length).unwrap_or(0);
        let row = (band * CLASSES.len() + class) * self.stride;
        &self.rows[row..row + self.stride]
    }

    /// Adds who may have a start of a length in `from..until`. What lasts into later bands must have a start of the rest
    /// in each of them, at its first instant: that leaves out most who have only shorter gaps, and the evenings in which
    /// a gap begins before the asked time and ends too soon.
    pub fn gather(&self, length: i64, from: i64, until: i64, into: &mut [u64]) {
        for band in self.of(from, until) {
            let (rows, count) = self.needed(length, from, band);
            match &rows[..count] {
                [one] => or(into, one),
                [one, two] => into.iter_mut().zip(*one).zip(*two).for_each(|((a, b), c)| *a |= b & c),
                rows => into.iter_mut().enumerate().for_each(|(at, word)| {
                    *word |= rows.iter().fold(u64::MAX, |all, row| all & row[at]);
                }),
            }
        }
    }

    /// Leaves of `all` whom [`Bands::gather`] would add. Only the words of these numbers are looked at, and those that
    /// become 0 are forgotten: of many dates, the later ones cost little.
    pub fn narrow(&self, length: i64, (from, until): (i64, i64), all: &mut [u64], numbers: &mut Vec<usize>) {
        let bands: Vec<_> = self.of(from, until).map(|band| self.needed(length, from, band)).collect();
        numbers.retain(|at| {
            let both = |rows: &[&[u64]]| rows.iter().fold(u64::MAX, |all, row| all & row[*at]);
            all[*at] &= bands.iter().fold(0, |any, (rows, count)| any | both(&rows[..*count]));
            all[*at] != 0
        });
    }

    /// The rows that somebody must all be in who may start in a band, from an instant on; and how many they are.
    fn needed(&self, length: i64, from: i64, band: usize) -> ([&[u64]; LATER + 1], usize) {
        let begins = self.base + band as i64 * BAND;
        let reach = from.max(begins) + length;
        let later = (band + 1..self.count).map(|later| (later, reach - self.base - later as i64 * BAND));
        let later = later.take_while(|(_, rest)| *rest > 0).take(LATER);
        let mut rows = [self.row(length, band); LATER + 1];
        let mut count = 1;
        for (row, (later, rest)) in rows[1..].iter_mut().zip(later) {
            *row = self.row(rest, later);
            count += 1;
        }
        (rows, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_gathered_is_everybody_who_has_such_a_start_and_hardly_anybody_else() {
        let (mut bands, mut dice) = (Bands::new(0, 2), 88_172_645_463_325_252u64);
        let mut below = |n: i64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice % n as u64) as i64
        };
        let mut gap = || {
            let from = below(150_000);
            (from, from + 300 * below(60))
        };
        let gaps: Vec<(i64, i64)> = (0..64).map(|_| gap()).collect();
        bands.hold(64);
        for (at, gap) in gaps.iter().enumerate().filter(|(_, gap)| gap.0 < gap.1) {
            bands.set(at, gap.0, gap.1);
        }
        let (mut right, mut more) = (0, 0);
        for _ in 0..2_000 {
            let (from, length) = (below(160_000), 60 * (1 + below(400)));
            let until = from + 1 + below(10_000);
            let mut into = vec![0];
            bands.gather(length, from, until, &mut into);
            for (at, gap) in gaps.iter().enumerate() {
                let (is, said) = (gap.0.max(from) <= (gap.1 - length).min(until - 1), into[0] >> at & 1 == 1);
                assert!(said || !is, "{gap:?} has a start of {length} in {from}..{until}");
                (right, more) = (right + usize::from(is), more + usize::from(said && !is));
            }
        }
        assert!(right > 1_000 && more < right * 2, "{right} have one, {more} more are said to");
    }

    #[test]
    fn a_band_says_exactly_who_has_a_start_in_it() {
        for (from, until) in
            [(0, 1800), (1800, 3600), (1799, 3599), (3599, 3601), (7_100, 14_300), (7_100, 14_301), (-50, 10)]
        {
            let mut bands = Bands::new(0, 1);
            bands.hold(70);
            bands.set(66, from, until);
            for (length, band) in CLASSES.iter().flat_map(|length| (0..24).map(move |band| (*length, band))) {
                let hour = band * BAND;
                let expected = (hour..hour + BAND).any(|start| from <= start && start + length <= until);
                let there = ones(bands.row(length, band as usize)).collect::<Vec<_>>();
                assert_eq!(there == [66], expected, "{from} to {until}, {length} in {band}");
                assert!(there.len() < 2);
            }
            bands.clear(66, 0, 86_400);
            assert!((0..24).all(|band| bands.row(1, band).iter().all(|word| *word == 0)));
        }
    }
}
