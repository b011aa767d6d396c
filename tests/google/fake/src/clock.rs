//! What time it is at the fake: real, or turned by a test. The turned clock counts microseconds UTC in a shared cell, so
//! that a test can hand in the very cell the product's own clock reads and turn both at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, SecondsFormat, Utc};

const MICROS: i64 = 1_000_000;

#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    Real,
    /// Stands still until turned.
    Turned(Arc<AtomicI64>),
}

impl Clock {
    /// Stands at `seconds` (UTC).
    pub fn at(seconds: i64) -> Clock {
        Clock::Turned(Arc::new(AtomicI64::new(seconds.saturating_mul(MICROS))))
    }

    pub fn micros(&self) -> i64 {
        match self {
            Clock::Real => Utc::now().timestamp_micros(),
            Clock::Turned(micros) => micros.load(Ordering::SeqCst),
        }
    }

    pub fn now(&self) -> i64 {
        self.micros().div_euclid(MICROS)
    }

    /// A real clock is left alone.
    pub fn turn(&self, seconds: i64) {
        if let Clock::Turned(micros) = self {
            micros.fetch_add(seconds.saturating_mul(MICROS), Ordering::SeqCst);
        }
    }
}

/// As Google prints instants: milliseconds and `Z`.
pub fn stamp(micros: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(micros)
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
        .unwrap_or_default()
}

/// The date of an HTTP header.
pub fn http_date(seconds: i64) -> String {
    let since = std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    httpdate::fmt_http_date(SystemTime::checked_add(&UNIX_EPOCH, since).unwrap_or(UNIX_EPOCH))
}
