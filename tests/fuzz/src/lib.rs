//! What the fuzz targets share: the bound of processor time, and a door to knock at. `interop/fuzz` builds and runs them.
//! Every target is a function of bytes that must come back, in bounds, without a panic.

#[cfg(feature = "door")]
mod door;

#[cfg(feature = "door")]
pub use door::{CALENDAR, Door, Reply};

use std::time::Duration;

use cpu_time::ProcessTime;

/// No input may cost more, of all threads together, in a build that is slower than a release.
const CPU: Duration = Duration::from_millis(100);

/// Runs `what`; panics when it costs too much three times running: the first time may pay for tables made once.
pub fn bounded(what: impl Fn()) {
    let cost = || {
        let start = ProcessTime::now();
        what();
        start.elapsed()
    };
    let mut least = cost();
    for _ in 0..2 {
        if least > CPU {
            least = least.min(cost());
        }
    }
    assert!(least <= CPU, "{least:?} of processor time");
}
