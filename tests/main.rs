//! The one test binary. Each room's tests are a module; `support` is what they share.

mod dav;
mod store;
mod support;
