//! The door of calendar programs, from outside: bytes in, bytes out, on a clinic of its own.
//!
//! Files: `door` (the clinic and its client), `reading` (XML as clients read it), one file a method or report, `hostile`
//! (bad input), `shares` (what others see), `dialogues` (recorded clients, from `tests/data/dav`).

mod dialogues;
pub mod door;
mod hostile;
mod make;
mod objects;
mod peers;
mod propfind;
mod proppatch;
mod query;
pub mod reading;
mod reports;
mod shares;
mod sync;
mod transfer;
