//! Where the database is and how it is opened. The one invariant: nothing here ever prints a password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{Clock, Error};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// One file, one server process.
    Sqlite,
    /// A server, any number of Kalends processes.
    Postgres,
}

/// Where the database is. Parsed from `postgres://user:password@host/name`, or else the path of a SQLite file.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The path of the database file.
    Sqlite(PathBuf),
    /// A `postgres://` or `postgresql://` address.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<DatabaseUrl, Error> {
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
        match text {
            "" => Err(Error::Invalid("the database address is empty: give a file or postgres://...")),
            _ if text.starts_with("postgres://") || text.starts_with("postgresql://") => {
                Ok(DatabaseUrl::Postgres(text.into()))
            }
            _ if path == text && text.contains("://") => {
                Err(Error::Invalid("the database address is neither a file nor postgres://..."))
            }
            _ => Ok(DatabaseUrl::Sqlite(path.into())),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DatabaseUrl {
    /// The address as it may stand in a log: without user and password, without the query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "{}", path.display()),
            DatabaseUrl::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                write!(f, "postgres://{}", place.split('?').next().unwrap_or_default())
            }
        }
    }
}

/// How sure an acknowledged write is on SQLite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// An acknowledged write survives a power cut (trust.md P2).
    #[default]
    Full,
    /// It may not. Only for the control test that must notice the difference.
    Normal,
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the database is.
    pub url: DatabaseUrl,
    /// Connections for reading (SQLite and PostgreSQL); PostgreSQL opens up to as many again for writing.
    pub pool: u32,
    /// Make the database (file and tables) when there is none.
    pub create: bool,
    /// SQLite only.
    pub synchronous: Synchronous,
    /// The clock that `created_at` and its kind come from.
    pub clock: Clock,
}

impl Options {
    /// The usual options: 4 readers, made when missing, synchronous, real clock.
    pub fn new(url: DatabaseUrl) -> Options {
        Options { url, pool: 4, create: true, synchronous: Synchronous::Full, clock: Clock::Real }
    }
}

/// A text that must not be printed (a password's hash): Debug shows stars.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
