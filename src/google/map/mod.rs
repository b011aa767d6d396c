//! An event here and an event there, brought into one form in which they can be compared: an [`Image`]. Text in, text
//! out; only what differs is written, on either side, so that whatever one of them cannot say survives at the other.
//!
//! Files: `image` (the form, equality, groups) · `times` (instants, zones, rules) · `guests` (who is invited) · `here`
//! (VEVENT to image) · `there` (Google's event to image) · `lay` (an image onto a VEVENT) · `singles` (a series by its
//! occurrences) · `merge` (three images to one).

mod guests;
mod here;
mod image;
mod lay;
mod merge;
mod singles;
mod there;
mod times;

pub use guests::{GUESTS, alike, are_hers, are_told, has_unreachable_guest, sent, there};
pub use here::{Mask, image_here};
pub use image::{GIVES_WAY, Image, Part, Privacy, WHOLE, difference, like_series, same_part};
pub use lay::{Ground, compose, laid};
pub use merge::{Merged, Stance, merged};
pub use singles::singles;
pub use there::{Seen, busy_only, seen};
pub use times::original;

/// Why an object or an event cannot be carried over: a word, never what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub &'static str);
