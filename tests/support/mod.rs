//! What the tests share.
//!
//! Files: `database` (a fresh database of either kind for one test) · `server` (a server in the test process)
//! · `client` (HTTP by hand, and dialogues read from text) · `text` (small calendar objects).
//! *Never:* asserts what a test is about.

pub mod client;
pub mod database;
pub mod server;
pub mod text;
