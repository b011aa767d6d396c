//! What an index keeps of an object: bounds, kind, busy type, series; no text (RFC 4791 7.8, 7.10).
//! A single occurrence lives without heap; its test is a comparison or two.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Availability, Budget, Busy, Component, Error, Kind, Occurrence, Series, Window, Zone, gather, span::Row,
};

/// Changes whenever the encoding or the meaning of a digest changes; with [`crate::tzdata_version`] it names the
/// derived data.
pub const DIGEST_VERSION: u32 = 3;

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
    /// The one occurrence of what does not recur.
    pub(crate) single: Option<Single>,
    pub series: Option<Arc<Series>>,
    /// What a VAVAILABILITY closes and opens.
    pub availability: Option<Arc<Availability>>,
}

/// One occurrence: UTC seconds, or civil seconds where the digest is floating.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Single {
    pub start: i64,
    pub end: i64,
    pub row: Row,
}

impl Digest {
    /// Of an object that no time range finds: its text is damaged.
    pub fn never(kind: Kind) -> Digest {
        let (first, last) = (Window::END, Window::START);
        let (shape, busy) = (Shape::default(), Busy::Free);
        Digest { kind, first, last, shape, busy, series: None, single: None, availability: None }
    }

    /// The digest of a tree that is known to be one calendar object of this kind; `check` does this for text.
    pub fn of(tree: &Component, kind: Kind, budget: &mut Budget) -> Result<Digest, Error> {
        gather::digest(tree, kind, budget)
    }

    /// The occurrences that overlap the window by RFC 4791 9.9, sorted by start. `floating` is the zone of dates and
    /// floating times. Of a VFREEBUSY these are its periods, and its own span as `Busy::Free`.
    pub fn occurrences(
        &self,
        window: Window,
        floating: &Zone,
        budget: &mut Budget,
    ) -> Result<Vec<Occurrence>, Error> {
        if let Some(one) = self.single {
            let (start, end) = self.place(one, floating);
            let occurrence = Occurrence { start, end, id: None, component: 0, busy: self.busy };
            return Ok(if one.row.overlaps(window, start, end) { vec![occurrence] } else { Vec::new() });
        }
        match &self.series {
            Some(series) if self.may_overlap(window) => series.occurrences(window, floating, budget),
            _ => Ok(Vec::new()),
        }
    }

    /// Whether any occurrence overlaps the window; stops at the first, and does not begin where the bounds decide.
    #[inline]
    pub fn overlaps(&self, window: Window, floating: &Zone, budget: &mut Budget) -> Result<bool, Error> {
        self.any(window, floating, budget, |_| true)
    }

    /// Whether any occurrence that overlaps the window passes the test.
    #[inline]
    pub(crate) fn any(
        &self,
        window: Window,
        floating: &Zone,
        budget: &mut Budget,
        mut test: impl FnMut(&Occurrence) -> bool,
    ) -> Result<bool, Error> {
        if let Some(one) = self.single {
            let (start, end) = self.place(one, floating);
            let occurrence = Occurrence { start, end, id: None, component: 0, busy: self.busy };
            return Ok(one.row.overlaps(window, start, end) && test(&occurrence));
        }
        match &self.series {
            Some(series) if self.may_overlap(window) => series.any(window, floating, budget, test),
            _ => Ok(false),
        }
    }

    /// Whether the bounds let it overlap; they are closed, since a task may match where it only touches the window.
    pub fn may_overlap(&self, window: Window) -> bool {
        window.from <= self.last && window.until >= self.first
    }

    #[inline]
    fn place(&self, one: Single, floating: &Zone) -> (i64, i64) {
        if self.shape.floating {
            (floating.to_instant(one.start), floating.to_instant(one.end))
        } else {
            (one.start, one.end)
        }
    }

    /// The digest as bytes: postcard behind its version.
    pub fn encode(&self) -> Vec<u8> {
        // Writing to memory fails for types that have no fixed form only; there is none in here.
        postcard::to_extend(self, vec![DIGEST_VERSION as u8]).unwrap_or_default()
    }

    /// A digest from its bytes; None when they are of another version or damaged, it is then made from the text.
    pub fn decode(bytes: &[u8]) -> Option<Digest> {
        let (version, rest) = bytes.split_first()?;
        let digest: Digest =
            (*version == DIGEST_VERSION as u8).then(|| postcard::from_bytes(rest).ok())??;
        let possible = digest.series.as_ref().is_none_or(|series| series.is_possible())
            && digest.availability.as_ref().is_none_or(|hours| hours.is_possible());
        possible.then_some(digest)
    }

    /// Bytes it holds on the heap.
    pub fn heap_bytes(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        let series = self.series.as_ref().map(|series| size_of::<Series>() + COUNTS + series.heap_bytes());
        let hours = self.availability.as_ref();
        let hours = hours.map(|hours| size_of::<Availability>() + COUNTS + hours.heap_bytes());
        series.unwrap_or(0) + hours.unwrap_or(0)
    }
}
