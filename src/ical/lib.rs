//! The iCalendar language: text in, meaning out (RFC 5545, and what RFC 4791 asks of calendar objects).
//! The text a client sent is the truth: reading keeps every byte, editing touches only the lines it names.
//! Never: a clock, input or output, a database, the time zone files of the machine.
//!
//! error, bound (budgets and windows) · text (lines, folds, escapes) · model, parse, print (the tree)
//! value, time (typed values, civil arithmetic) · compose (objects of our own making) · proof (what tests share)
//! zone, table, vtimezone, definition, names, agree, windows (zones) · rule, days, recur (RRULE) · span (the tables of RFC 4791 9.9)
//! gather, series, digest (an object's occurrences and what an index keeps of them) · check (what may be stored)
//! expand, limit, select, alarm, redact, supply (views of one object) · busy (periods), available (VAVAILABILITY: what it closes), opened (what it opens)
//! combine, split (many objects)

mod agree;
mod alarm;
mod available;
mod bound;
mod busy;
mod check;
mod combine;
mod compose;
mod days;
mod definition;
mod digest;
mod error;
mod expand;
mod gather;
mod limit;
mod model;
mod names;
mod opened;
mod parse;
mod print;
#[cfg(test)]
mod proof;
mod recur;
mod redact;
mod rule;
mod select;
mod series;
mod span;
mod split;
mod supply;
mod table;
mod text;
mod time;
mod value;
mod vtimezone;
mod windows;
mod zone;

pub use agree::{Comparison, definitions_to_compare};
pub use alarm::{alarm_overlaps, property_overlaps};
pub use available::{Availability, closed};
pub use bound::{Budget, Pause, Window};
pub use busy::{Busy, Period, freebusy_of, merge, timeline, vfreebusy};
pub use check::{Kind, Object, Refusal, check};
pub use combine::Combine;
pub use compose::{Draft, compose};
pub use definition::{vtimezone, vtimezone_between};
pub use digest::{DIGEST_VERSION, Digest, Shape};
pub use error::Error;
pub use expand::expand;
pub use limit::{limit_freebusy_set, limit_recurrence_set};
pub use model::{Component, Property};
pub use names::{ZoneName, iana_name, zone_names};
pub use opened::{Opened, Opener, opened, openers};
pub use parse::Limits;
pub use redact::redact;
pub use select::{Comps, Props, Selection, select};
pub use series::{Occurrence, Series};
pub use split::{Part, Rejected, split};
pub use supply::{with_zones, without_zones};
pub use text::{escape, unescape};
pub use time::Civil;
pub use value::{Duration, When};
pub use zone::{Onset, Zone, tzdata_version};
