//! Does an interval fit? The one definition, the same as the database's (`migrations/*/0003_booking.sql`) but for one
//! thing: here what is marked overbooked stands in the way too, because it takes place.
//!
//! At every instant at which something stands in its core, at most `capacity` intervals stand there, buffers included;
//! buffers alone may meet. Nothing booked stands in a closed time; closed times lie over one another as they like.

use store::{Busy, BusyKind, LONGEST, Span};

/// The longest core of one row: a day of 25 hours and some. With the longest buffers it is never above [`LONGEST`].
const PIECE: i64 = 26 * 3600;
/// The longest buffer, seconds.
pub const BUFFER: i64 = 8 * 3600;

const _: () = assert!(PIECE + 2 * BUFFER <= LONGEST);

/// What already stands on one resource.
pub struct Board {
    capacity: usize,
    /// Sorted by `from`.
    stands: Vec<(Span, BusyKind)>,
}

impl Board {
    pub fn new(capacity: i64, busy: impl IntoIterator<Item = (Span, BusyKind)>) -> Board {
        let mut stands: Vec<_> = busy.into_iter().collect();
        stands.sort_unstable();
        Board { capacity: usize::try_from(capacity).unwrap_or(1), stands }
    }

    /// Of what stands on one resource, and what is closed for everybody.
    pub fn of(capacity: i64, busy: &[&Busy], closed: &[Span]) -> Board {
        let closed = closed.iter().map(|span| (*span, BusyKind::Block));
        Board::new(capacity, busy.iter().map(|one| (one.span, one.kind)).chain(closed))
    }

    /// Puts another one there.
    pub fn add(&mut self, span: Span, kind: BusyKind) {
        let at = self.stands.partition_point(|stands| *stands < (span, kind));
        self.stands.insert(at, (span, kind));
    }

    /// What overlaps, buffers included.
    fn near(&self, span: Span) -> impl Iterator<Item = &(Span, BusyKind)> {
        let first = self.stands.partition_point(|(one, _)| one.from <= span.from - LONGEST);
        let near = self.stands[first..].iter().take_while(move |(one, _)| one.from < span.until);
        near.filter(move |(one, _)| one.until > span.from)
    }

    /// What stands in the way of an interval; None when it fits.
    pub fn conflict(&self, span: Span, kind: BusyKind) -> Option<BusyKind> {
        let meets = |one: &Span| one.start < span.end && one.end > span.start;
        if kind == BusyKind::Block {
            let mut booked = self.near(span).filter(|(one, other)| *other != BusyKind::Block && meets(one));
            return booked.next().map(|(_, kind)| *kind);
        }
        if self.near(span).any(|(one, other)| *other == BusyKind::Block && meets(one)) {
            return Some(BusyKind::Block);
        }
        let near: Vec<_> = self.near(span).filter(|(_, other)| *other != BusyKind::Block).collect();
        if near.len() < self.capacity {
            return None;
        }
        // The number rises only where one begins: looking there is looking everywhere.
        let begins = near.iter().flat_map(|(one, _)| [one.from, one.start]).chain([span.from, span.start]);
        let is_full = |instant: i64| {
            let in_core = |one: &Span| one.start <= instant && instant < one.end;
            let counted = near.iter().filter(|(one, _)| one.from <= instant && instant < one.until).count();
            span.from <= instant
                && instant < span.until
                && counted >= self.capacity
                && (in_core(&span) || near.iter().any(|(one, _)| in_core(one)))
        };
        let full = begins.into_iter().find(|instant| is_full(*instant))?;
        let there = near.iter().filter(|(one, _)| one.from <= full && full < one.until);
        there.map(|(_, kind)| *kind).min()
    }
}

/// An interval as rows that are never too long: a day's pieces, the buffers at its two ends.
pub fn pieces((start, end): (i64, i64), (before, after): (i64, i64), occurrence: i64) -> Vec<Span> {
    let (mut all, mut at) = (Vec::new(), start);
    while at < end {
        let stop = end.min(at + PIECE);
        let from = if at == start { at - before } else { at };
        let until = if stop == end { stop + after } else { stop };
        all.push(Span { from, start: at, end: stop, until, occurrence });
        at = stop;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64, pad: i64) -> Span {
        Span { from: start - pad, start, end, until: end + pad, occurrence: 0 }
    }

    #[test]
    fn buffers_may_meet_but_not_cover() {
        let board = Board::new(1, [(span(100, 200, 20), BusyKind::Visit)]);
        assert_eq!(board.conflict(span(220, 300, 0), BusyKind::Visit), None);
        assert_eq!(board.conflict(span(220, 300, 20), BusyKind::Visit), None);
        assert_eq!(board.conflict(span(219, 300, 0), BusyKind::Visit), Some(BusyKind::Visit));
        assert_eq!(board.conflict(span(210, 300, 30), BusyKind::Hold), Some(BusyKind::Visit));
    }

    #[test]
    fn the_third_place_is_free_and_the_fourth_is_not() {
        let mut board = Board::new(3, [(span(0, 30, 0), BusyKind::Visit), (span(20, 60, 0), BusyKind::Hold)]);
        assert_eq!(board.conflict(span(10, 50, 0), BusyKind::Visit), None);
        board.add(span(10, 50, 0), BusyKind::Visit);
        assert_eq!(board.conflict(span(25, 26, 0), BusyKind::Visit), Some(BusyKind::Visit));
        assert_eq!(board.conflict(span(30, 31, 0), BusyKind::Visit), None);
    }

    #[test]
    fn what_is_closed_is_named_first() {
        let board = Board::new(1, [(span(0, 60, 0), BusyKind::Block), (span(30, 40, 0), BusyKind::Visit)]);
        assert_eq!(board.conflict(span(30, 40, 0), BusyKind::Visit), Some(BusyKind::Block));
        assert_eq!(board.conflict(span(35, 90, 0), BusyKind::Block), Some(BusyKind::Visit));
        assert_eq!(board.conflict(span(40, 90, 0), BusyKind::Block), None);
    }

    #[test]
    fn a_long_absence_is_cut_into_pieces_that_touch() {
        let pieces = pieces((0, 7 * 86_400), (600, 300), 5);
        assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].until == pair[1].from));
        assert!(pieces.iter().all(|piece| piece.until - piece.from <= LONGEST));
        assert_eq!((pieces[0].from, pieces[pieces.len() - 1].until), (-600, 7 * 86_400 + 300));
        assert!(super::pieces((5, 5), (0, 0), 0).is_empty(), "without length nothing is taken");
    }
}
