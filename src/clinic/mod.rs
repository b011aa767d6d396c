//! The clinic in its own words: who can be booked, when they are free, which starts are offered.
//!
//! Free time is derived from open intervals and busy ones, exact to the second, and kept in memory; what is offered
//! and what a booking is checked by are the same function of the same intervals ([`fits`]).
//!
//! *Never:* reads a clock while it searches, does I/O in a search, or keeps a slot: slots are computed.
//!
//! Files: `interval` (open, busy, what is wanted), `gaps` (open minus busy: where something fits), `packed` (intervals
//! in few bytes), `wall` (the wall clock of a zone, the grid of starts), `postings` (who has what, as bits), `free`
//! (the index), `ask` (a question and its answer), `slots` (the search), `needs` (rooms and equipment), `token`
//! (an offer that can be shown again).

mod ask;
mod free;
mod gaps;
mod interval;
mod needs;
mod packed;
mod postings;
mod slots;
mod token;
mod wall;
#[cfg(test)]
mod worlds_tests;

pub use ask::{Ask, Dates, Need, Offer, Refusal};
pub use free::{Dimension, Free, Resource, Tag, Term};
pub use gaps::fits;
pub use interval::{Busy, Open, Site, Want};
pub use token::{PURPOSE as SLOT_PURPOSE, Slot, TokenError};
