//! tmp
pub mod accounts;
pub mod calendar;
pub mod edge;
