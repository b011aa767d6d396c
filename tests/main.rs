//! The one test binary. Each room's tests are a module; `support` is what they share.

mod app;
mod calendar;
mod dav;
mod edge;
mod feeds;
mod house;
mod store;
mod support;
