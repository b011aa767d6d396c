//! tmp
pub mod accounts;
pub mod edge;
