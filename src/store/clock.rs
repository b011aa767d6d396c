//! What time it is: real, or set by a test. All times in the store are seconds since 1970-01-01T00:00:00Z (UTC),
//! microseconds where a name says so. The one invariant: nothing in this room asks the system clock elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const MICROS: i64 = 1_000_000;

/// The clock of a store. Cloning a turned clock gives another handle on the same one.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    Real,
    /// A clock that stands still until a test turns it; microseconds UTC.
    Turned(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `seconds` (UTC) until it is turned.
    pub fn at(seconds: i64) -> Clock {
        Clock::Turned(Arc::new(AtomicI64::new(seconds.saturating_mul(MICROS))))
    }

    /// Seconds UTC.
    pub fn now(&self) -> i64 {
        self.micros().div_euclid(MICROS)
    }

    /// Microseconds UTC.
    pub fn micros(&self) -> i64 {
        match self {
            Clock::Real => system(),
            Clock::Turned(micros) => micros.load(Ordering::SeqCst),
        }
    }

    /// Turns a test's clock by `seconds` (back with a negative number); a real clock is left alone.
    pub fn turn(&self, seconds: i64) {
        if let Clock::Turned(micros) = self {
            micros.fetch_add(seconds.saturating_mul(MICROS), Ordering::SeqCst);
        }
    }
}

/// Seconds UTC by the system's clock.
pub fn now() -> i64 {
    Clock::Real.now()
}

/// A system clock before 1970 counts as 1970: a wrong time is better than a panic.
fn system() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
