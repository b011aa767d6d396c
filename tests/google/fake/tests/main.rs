//! The fake Google by itself: each behaviour that the sync leans on, named. Foreign judges stand in `interop/`.

// A test that meets an error stops there: that is what it is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asking;
mod decoding;
mod faults;
mod guests;
mod lists;
mod oauth;
mod push;
mod series;
mod writes;
