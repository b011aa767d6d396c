//! tmp
pub mod accounts;
pub mod calendar;
pub mod dav;
pub mod edge;
