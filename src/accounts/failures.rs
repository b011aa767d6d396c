//! Failed logins, counted per account and address: guessing is slow, and nobody locks out anybody else.
//!
//! Invariant: an attempt is counted before it is tried and given back when it succeeds or could not be decided,
//! so many attempts at once do not slip through together. The window begins with the first failure (trust.md S7).

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use store::Clock;

/// Accounts and addresses remembered; above it expired ones go, then all: memory is bounded, a flood from that many
/// addresses is past this defence anyway.
pub const ENTRIES: usize = 100_000;

/// The counts of this process.
pub struct Failures {
    allowed: u32,
    window: i64,
    clock: Clock,
    spread: RandomState,
    counts: Mutex<HashMap<u64, Count>>,
}

struct Count {
    since: i64,
    failures: u32,
}

/// One attempt, counted as a failure until it is forgiven.
#[must_use]
pub struct Attempt(Option<u64>);

impl Failures {
    pub fn new(allowed: u32, window: u32, clock: Clock) -> Failures {
        let spread = RandomState::new();
        Failures { allowed, window: i64::from(window.max(1)), clock, spread, counts: Mutex::default() }
    }

    /// Failures allowed in a window; 0: no limit.
    pub fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Seconds.
    pub fn window(&self) -> i64 {
        self.window
    }

    /// Counts one attempt, or says in how many seconds the next is allowed.
    pub fn attempt(&self, name: &str, from: IpAddr) -> Result<Attempt, u32> {
        if self.allowed == 0 {
            return Ok(Attempt(None));
        }
        let key = self.spread.hash_one((name, network(from)));
        let now = self.clock.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= ENTRIES {
            counts.retain(|_, count| now - count.since < self.window);
        }
        if counts.len() >= ENTRIES {
            counts.clear();
        }
        let count = counts.entry(key).or_insert(Count { since: now, failures: 0 });
        if now - count.since >= self.window {
            *count = Count { since: now, failures: 0 };
        }
        if count.failures >= self.allowed {
            return Err(u32::try_from(self.window - (now - count.since)).unwrap_or(1).max(1));
        }
        count.failures += 1;
        Ok(Attempt(Some(key)))
    }

    /// The attempt succeeded: the count starts anew.
    pub fn succeeded(&self, attempt: Attempt) {
        if let Attempt(Some(key)) = attempt {
            self.counts.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        }
    }

    /// The attempt could not be decided: it is as if it had not been made.
    pub fn undecided(&self, attempt: Attempt) {
        let Attempt(Some(key)) = attempt else { return };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&key) {
            count.failures = count.failures.saturating_sub(1);
        }
    }
}

/// One household of IPv6 is a /64: whoever has one address there has all of them.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let first = u128::from(six) & (u128::MAX << 64);
            IpAddr::V6(first.into())
        }
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn s7_ten_failures_close_one_account_for_one_address() {
        let clock = Clock::at(1_000_000);
        let failures = Failures::new(10, 900, clock.clone());
        let here = address("192.0.2.1");
        for _ in 0..10 {
            let _counted = failures.attempt("ada", here).unwrap();
        }
        clock.turn(300);
        assert_eq!(failures.attempt("ada", here).err(), Some(600));
        assert!(failures.attempt("ada", address("192.0.2.2")).is_ok());
        assert!(failures.attempt("bob", here).is_ok());
        clock.turn(600);
        assert!(failures.attempt("ada", here).is_ok());
    }

    #[test]
    fn success_starts_anew_and_an_undecided_attempt_counts_nothing() {
        let failures = Failures::new(2, 900, Clock::at(0));
        let here = address("2001:db8::1");
        for _ in 0..10 {
            failures.undecided(failures.attempt("ada", here).unwrap());
        }
        let _counted = failures.attempt("ada", here).unwrap();
        failures.succeeded(failures.attempt("ada", here).unwrap());
        let _counted = failures.attempt("ada", here).unwrap();
        let _counted = failures.attempt("ada", address("2001:db8::ffff")).unwrap();
        assert!(failures.attempt("ada", here).is_err());
    }

    #[test]
    fn zero_is_no_limit() {
        let failures = Failures::new(0, 900, Clock::at(0));
        assert!((0..1000).all(|_| failures.attempt("ada", address("::1")).is_ok()));
    }
}
