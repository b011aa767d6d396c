//! What can go wrong, grouped by what the caller can do about it. No variant carries a parameter of a statement:
//! an error may be logged. `Broken` keeps its cause for the log and is never shown to a client.

use std::path::PathBuf;
use std::sync::Arc;

/// The result of everything in this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store could not do it. Clones share the cause: one failed commit answers many waiting writes.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Something of this name or identity exists already.
    #[error("there is already {0}")]
    Unique(Unique),
    /// The row this one belongs to (a collection, a principal, a clinic) no longer exists.
    #[error("what this belongs to no longer exists")]
    Gone,
    /// The database itself refused an interval: the resource would be above its capacity, or it is closed then.
    #[error("this time is taken")]
    Overlap,
    /// A value the store refuses by rule (a user name outside `[a-z0-9._@-]{1,64}`); the text says which rule.
    #[error("{0}")]
    Invalid(&'static str),
    /// Locked, exhausted or unreachable for now: the same call may succeed in a moment (503, Retry-After).
    #[error(
        "the database does not answer now: try again in a moment; if it lasts, check that it runs and is not overloaded"
    )]
    Busy,
    /// The disk is full. Reads and removals still work (507).
    #[error("the disk of the database is full: free some space, nothing needs a restart")]
    Full,
    /// The database was made by an older (`have < want`) or a newer release.
    #[error("the database has schema {have}, this program needs {want}: {}", advice(*have, *want))]
    Schema {
        /// The version found in the database; 0 is an empty one.
        have: i64,
        /// The version this program was built for.
        want: i64,
    },
    /// Another process holds the lock of this database.
    #[error("{} is held by another running server: stop it first", path.display())]
    Locked {
        /// The lock file, or the database's name on PostgreSQL.
        path: PathBuf,
    },
    /// Anything else: a defect, a damaged file. To be logged once with the request's id, never shown.
    #[error("the store is broken: {0}")]
    Broken(Arc<dyn std::error::Error + Send + Sync>),
}

/// What must be unique and was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unique {
    /// The name of a clinic.
    #[error("a clinic of this name")]
    ClinicName,
    /// The name of a principal: unique in the whole installation, because people log in with it.
    #[error("a user of this name")]
    PrincipalName,
    /// The slug of a collection in its owner's home.
    #[error("a collection of this name")]
    CollectionSlug,
    /// The UID of an object in its collection (RFC 4791 5.3.2.1, no-uid-conflict).
    #[error("an object with this UID in the collection")]
    ObjectUid,
    /// Any other key.
    #[error("a row with this key")]
    Other,
}

impl Error {
    /// A defect described in words; never put a value that came from outside into them.
    pub fn broken(words: impl Into<String>) -> Error {
        Error::Broken(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(words.into())))
    }
}

fn advice(have: i64, want: i64) -> &'static str {
    match have < want {
        true => "run `kalends migrate`",
        false => "it was written by a newer release, run that one",
    }
}
