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
    left: u64,
}

impl Budget {
    /// Of one request: about 100 to 200 ms of work.
    pub const REQUEST: u64 = 5_000_000;
    /// Of one object, when it is stored.
    pub const OBJECT: u64 = 200_000;

    /// A budget of `n` steps.
    pub fn steps(n: u64) -> Self {
        Budget { left: n }
    }

    /// Takes `n` steps, or says that they are used up; what was left is then gone.
    #[inline]
    pub fn take(&mut self, n: u64) -> Result<(), Error> {
        match self.left.checked_sub(n) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Error::Budget)
            }
        }
    }

    /// Steps not yet used.
    pub fn left(&self) -> u64 {
        self.left
    }
}
