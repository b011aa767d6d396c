//! The XML that WebDAV speaks: read with limits, written without formatting machinery.
//!
//! *Never:* knows a property, a report or a calendar; decides a status; lets anything out that is not well-formed.
//!
//! Files: `names` (every element name once), `chars` (what XML 1.0 allows), `read` (bytes to [`Document`]),
//! `tree` (the document and its elements), `write` ([`Writer`]).

mod chars;
pub mod names;
mod read;
mod tree;
mod write;

pub use names::Name;
pub use read::{Malformed, read};
pub use tree::{Document, Element};
pub use write::Writer;
