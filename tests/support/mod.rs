//! What the tests share.
//!
//! Files: `database` (a fresh database of either kind for one test).
//! *Never:* asserts what a test is about.

pub mod database;
