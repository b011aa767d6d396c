//! Size, deadline, rate: what a client may take from us before it has proven anything, and after.
//!
//! Every figure stands here as a constant with its reason; those an operator may turn are fields of [`Limits`].

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// A head must be complete within this time (trust.md R12); an idle connection is closed after it.
pub const HEAD_SECONDS: u64 = 30;
/// A TLS handshake must be complete within this time.
pub const HANDSHAKE_SECONDS: u64 = 10;
/// One head: request line and headers. An `If` header with many tags is the longest honest one.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Header lines in one head.
pub const HEAD_LINES: usize = 100;
/// A client that takes no byte of its answer for this long is gone.
pub const WRITE_STALL_SECONDS: u64 = 60;
/// Requests one HTTP/2 connection may have open.
pub const STREAMS: u32 = 100;
/// What a refused client is told to wait, in seconds.
pub const RETRY_SECONDS: u32 = 2;

/// How long a body may take: a pause is cut after `PAUSE`; a trickle must average `RATE` after `GRACE`.
pub struct Patience {
    start: Instant,
}

/// Longest silence inside a body.
pub const PAUSE: Duration = Duration::from_secs(30);
/// What a body may take in any case.
pub const GRACE: Duration = Duration::from_secs(45);
/// Bytes a second that buy a body more time.
pub const RATE: usize = 1024;

impl Patience {
    pub fn starting(start: Instant) -> Patience {
        Patience { start }
    }

    /// Until when the next piece must have arrived.
    pub fn until(&self, now: Instant, received: usize) -> Instant {
        let earned = Duration::from_secs((received / RATE) as u64);
        (now + PAUSE).min(self.start + GRACE + earned)
    }
}

/// What an operator may turn.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests being answered at once; above it 503 with Retry-After. 0: no limit.
    pub in_flight: usize,
    /// Open connections; above it new ones wait in the kernel's queue.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { in_flight: 512, connections: 4096 }
    }
}

/// Counts the requests being answered.
#[derive(Clone)]
pub struct InFlight {
    places: Option<Arc<Semaphore>>,
}

/// A place among the requests being answered; given back when dropped.
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl InFlight {
    pub fn new(limit: usize) -> InFlight {
        let places = (limit > 0).then(|| Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))));
        InFlight { places }
    }

    /// A place, or `None` when all are taken: refuse at once rather than queue.
    pub fn enter(&self) -> Option<Place> {
        match &self.places {
            None => Some(Place { _permit: None }),
            Some(places) => {
                let permit = places.clone().try_acquire_owned().ok()?;
                Some(Place { _permit: Some(permit) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let limit = InFlight::new(1);
        let place = limit.enter();
        assert!(place.is_some() && limit.enter().is_none());
        drop(place);
        assert!(limit.enter().is_some());
    }

    #[test]
    fn zero_is_no_limit() {
        let limit = InFlight::new(0);
        let places: Vec<_> = (0..10_000).map(|_| limit.enter()).collect();
        assert!(places.iter().all(Option::is_some));
    }

    #[test]
    fn a_trickle_ends_and_a_steady_stream_goes_on() {
        let start = Instant::now();
        let patience = Patience::starting(start);
        let late = start + GRACE;
        assert!(patience.until(late, 10) <= late);
        assert!(patience.until(late, 100 * RATE) > late);
        assert_eq!(patience.until(start, 0), start + PAUSE);
    }
}
