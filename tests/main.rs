//! The one test binary. Each room's tests are a module; `support` is what they share.

// Steps of a test that are functions of their own may fail it like the test itself.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod app;
mod calendar;
mod dav;
mod edge;
mod feeds;
mod house;
mod rfc;
mod store;
mod support;
