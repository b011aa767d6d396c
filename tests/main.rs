//! The one test binary. Each room's tests are a module; `support` is what they share.

mod calendar;
mod dav;
mod store;
mod support;
