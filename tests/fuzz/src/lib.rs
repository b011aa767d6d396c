//! What the fuzz targets share: the bound of processor time, and a door to knock at. `interop/fuzz` builds and runs them.
//! Every target is a function of bytes that must come back, in bounds, without a panic.

#[cfg(feature = "door")]
mod door;

#[cfg(feature = "door")]
pub use door::{CALENDAR, Door, Reply};

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use cpu_time::ProcessTime;

/// No input may cost more, of all threads together.
const CPU: Duration = Duration::from_millis(100);

/// A folder for inputs that cost more here. Counters and traced comparisons cost many times what they watch, so whether
/// such an input is too slow is judged by a build without them, which has no such folder.
const SLOW: &str = "KALENDS_FUZZ_SLOW";

/// Runs `what`; where it costs too much three times running (the first time may pay for tables made once), its input is
/// set aside or, without a place for that, the end.
pub fn bounded(input: &[u8], what: impl Fn()) {
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
    if least <= CPU {
        return;
    }
    let folder = std::env::var(SLOW).unwrap_or_default();
    assert!(!folder.is_empty(), "{least:?} of processor time");
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let place = Path::new(&folder).join(format!("{:016x}", hasher.finish()));
    std::fs::write(place, input).expect("the folder of slow inputs takes them");
}
