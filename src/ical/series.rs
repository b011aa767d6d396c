//! Master, RDATE, EXDATE and overrides to occurrences (RFC 5545 3.8.4.4, 3.8.5).

use serde::{Deserialize, Serialize};

use crate::Busy;

/// The occurrences of one object, without its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {}

/// One occurrence, in UTC seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub start: i64,
    /// Exclusive; equal to `start` where it has no length.
    pub end: i64,
    /// The instant its RECURRENCE-ID names; None when the object does not recur.
    pub id: Option<i64>,
    /// Index among the components of VCALENDAR that are not VTIMEZONE, in the order of the text.
    pub component: u32,
    pub busy: Busy,
}
