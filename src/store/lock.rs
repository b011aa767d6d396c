//! The lock of a database: one server per SQLite file; restore and migrate alone. It is the operating system's lock
//! (or PostgreSQL's session), so it is gone with its process, also after kill -9: no stale lock, no human needed.

use crate::{Error, Result};

/// What the lock is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// A running server.
    Serve,
    /// Restore and migrate: nobody else.
    Alone,
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {}

impl Lock {
    pub(crate) async fn take(_hold: Hold) -> Result<Lock> {
        Err(Error::broken("not built"))
    }
}
