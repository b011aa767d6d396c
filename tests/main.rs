//! The one test binary. Each room's tests are a module; `support` is what they share.

// A test that meets an error stops there: that is what it is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod app;
mod calendar;
mod clinic;
mod dav;
mod edge;
mod features;
mod feeds;
mod google;
mod house;
mod rest;
mod rfc;
mod store;
mod support;
