//! The lock of a database: one server per SQLite file; restore and migrate alone. It is the operating system's lock
//! (or PostgreSQL's session), so it is gone with its process, also after kill -9: no stale lock, no human needed.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;

use crate::conn::Conn;
use crate::dialect::Dialect;
use crate::value::values;
use crate::{Database, Error, Result};

/// What the lock is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// A running server.
    Serve,
    /// Restore and migrate: nobody else.
    Alone,
}

/// The lock, held until it is dropped.
pub struct Lock {
    _held: Held,
}

enum Held {
    /// The open file: closing it unlocks.
    File { _file: File },
    /// The open session: its end unlocks.
    Session { _conn: Box<Conn> },
}

/// The number of the advisory lock in a PostgreSQL database.
const SESSION_LOCK: i64 = 0x6b61_6c65_6e65;

impl Lock {
    pub(crate) async fn take(dialect: &Dialect, hold: Hold) -> Result<Lock> {
        let held = match dialect {
            Dialect::Sqlite(place) => file(place.beside(".lock"))?,
            Dialect::Postgres(_) => session(dialect, hold).await?,
        };
        Ok(Lock { _held: held })
    }
}

/// The file stays when the lock is gone: removing it would let two servers lock two files of one name.
fn file(path: PathBuf) -> Result<Held> {
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(|error| Error::Broken(Arc::new(error)))?;
    match file.try_lock() {
        Ok(()) => Ok(Held::File { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path }),
        Err(TryLockError::Error(error)) => Err(Error::Broken(Arc::new(error))),
    }
}

/// Servers share the lock, whoever wants to be alone excludes them.
async fn session(dialect: &Dialect, hold: Hold) -> Result<Held> {
    let mut conn = Conn::own(dialect.writer().await?, Database::Postgres);
    let sql = match hold {
        Hold::Serve => "select cast(pg_try_advisory_lock_shared($1) as int)",
        Hold::Alone => "select cast(pg_try_advisory_lock($1) as int)",
    };
    match conn.number(sql, values![SESSION_LOCK]).await? {
        Some(1) => Ok(Held::Session { _conn: Box::new(conn) }),
        _ => Err(Error::Locked { path: "the PostgreSQL database".into() }),
    }
}
