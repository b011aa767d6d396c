//! The two bounds of every question: which time, and how much work.
//! A budget counts steps *tried*, not occurrences found: a rule that never matches costs as much as one that does.

use crate::Error;

/// A half-open span of UTC seconds since 1970: `from` is inside, `until` is not (RFC 4791 9.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: i64,
    pub until: i64,
}

impl Window {
    /// "Minus infinity": far from the ends of `i64`, so that adding to it cannot overflow.
    pub const START: i64 = i64::MIN / 4;
    /// "Plus infinity", as `last` of an endless series.
    pub const END: i64 = i64::MAX / 4;
    /// All of time.
    pub const ALL: Window = Window { from: Window::START, until: Window::END };

    /// A window, or `None` when it would be empty or turned round. Values beyond the open ends become the open ends.
    pub fn new(from: i64, until: i64) -> Option<Window> {
        let window = Window {
            from: from.clamp(Window::START, Window::END),
            until: until.clamp(Window::START, Window::END),
        };
        (from < until && window.from < window.until).then_some(window)
    }

    /// Whether the span `start..end` shares time with the window; a span of no length counts where it stands
    /// (RFC 4791 9.9, the rows of VEVENT).
    pub fn overlaps(&self, start: i64, end: i64) -> bool {
        if end > start {
            self.from < end && self.until > start
        } else {
            self.from <= start && self.until > start
        }
    }
}

/// The steps one request may spend on recurrence.
#[derive(Debug)]
pub struct Budget {
    /// Until the next pause; without pauses, all of them.
    left: u64,
    /// What comes after that pause.
    later: u64,
    /// Other work since the last pause for it.
    passed: u64,
    pause: Option<Pause>,
}

/// Called after every stretch of work: may wait, so that others get on; false when nobody wants the answer any more.
pub type Pause = fn() -> bool;

impl Budget {
    /// Of one request: about 100 to 200 ms of work.
    pub const REQUEST: u64 = 5_000_000;
    /// Of one object, when it is stored.
    pub const OBJECT: u64 = 200_000;
    /// Between two pauses: a twentieth of a millisecond.
    pub const STRETCH: u64 = 2_048;

    /// A budget of `n` steps.
    pub fn steps(n: u64) -> Self {
        Budget { left: n, later: 0, passed: 0, pause: None }
    }

    /// A budget of `n` steps in stretches, with a pause after each.
    pub fn with_pauses(n: u64, pause: Pause) -> Self {
        let left = n.min(Self::STRETCH);
        Budget { left, later: n - left, passed: 0, pause: Some(pause) }
    }

    /// Takes `n` steps, or says that they are used up; what was left is then gone.
    #[inline]
    pub fn take(&mut self, n: u64) -> Result<(), Error> {
        match self.left.checked_sub(n) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => self.turn(n),
        }
    }

    /// Work that is bounded elsewhere, as long as `n` steps: costs none, but a stretch of it ends with a pause as well.
    pub fn pass(&mut self, n: u64) -> Result<(), Error> {
        self.passed = self.passed.saturating_add(n);
        let Some(pause) = self.pause.filter(|_| self.passed >= Self::STRETCH) else { return Ok(()) };
        self.passed = 0;
        if pause() {
            return Ok(());
        }
        (self.left, self.later) = (0, 0);
        Err(Error::Budget)
    }

    /// The end of a stretch, or of everything.
    #[cold]
    fn turn(&mut self, n: u64) -> Result<(), Error> {
        let rest = self.left().checked_sub(n);
        let rest = rest.filter(|_| self.pause.is_some_and(|pause| pause()));
        let all = rest.unwrap_or(0);
        self.left = all.min(Self::STRETCH);
        self.later = all - self.left;
        rest.map(|_| ()).ok_or(Error::Budget)
    }

    /// Steps not yet used.
    pub fn left(&self) -> u64 {
        self.left.saturating_add(self.later)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static PAUSES: Cell<u64> = const { Cell::new(0) };
    }

    fn counted() -> bool {
        PAUSES.set(PAUSES.get() + 1);
        PAUSES.get() < 10
    }

    #[test]
    fn a_budget_with_pauses_gives_as_many_steps_as_one_without() {
        PAUSES.set(0);
        let n = 5 * Budget::STRETCH + 7;
        let (mut plain, mut paused) = (Budget::steps(n), Budget::with_pauses(n, counted));
        for step in [1, 100, Budget::STRETCH, 3, 2 * Budget::STRETCH + 1] {
            assert_eq!((plain.take(step), paused.take(step)), (Ok(()), Ok(())));
            assert_eq!(plain.left(), paused.left());
        }
        let left = plain.left();
        assert_eq!((plain.take(left), paused.take(left)), (Ok(()), Ok(())));
        assert_eq!((plain.take(1), paused.take(1)), (Err(Error::Budget), Err(Error::Budget)));
        assert!((3..=5).contains(&PAUSES.get()), "{} pauses", PAUSES.get());
    }

    #[test]
    fn other_work_brings_pauses_and_costs_no_step() {
        PAUSES.set(0);
        let mut budget = Budget::with_pauses(100, counted);
        for _ in 0..80 {
            assert_eq!((budget.pass(Budget::STRETCH / 10 + 1), budget.left()), (Ok(()), 100));
        }
        assert_eq!(PAUSES.get(), 8);
        assert_eq!(budget.take(101), Err(Error::Budget));
        PAUSES.set(9);
        let mut unwanted = Budget::with_pauses(100, counted);
        assert_eq!((unwanted.pass(Budget::STRETCH), unwanted.left()), (Err(Error::Budget), 0));
    }

    #[test]
    fn work_that_nobody_waits_for_ends_at_its_next_pause() {
        PAUSES.set(0);
        let mut budget = Budget::with_pauses(u64::MAX, counted);
        let stretches = (0..100).take_while(|_| budget.take(Budget::STRETCH + 1).is_ok()).count();
        assert_eq!(stretches, 9);
    }
}
