//! Door: a calendar of ours and one at Google, kept equal both ways.
//!
//! *Never:* decides who may do what (whoever connected writes as herself, through the one write), keeps anything beside
//! the store, or lets a title, a person or a token reach a log.
//!
//! Files: `api` (the wire, the only file that knows it) · `error` (what its answers mean) · `map` (an event and an object in
//! one form).

mod api;
mod error;
mod map;

pub use api::Place;
pub use error::{Error, Failure};
