//! Brings a database to the schema of this program, one numbered step after the other, each in a transaction of its
//! own: killed in between, the next run goes on where it stood (trust.md R14). Files: `migrations/<database>/`.

use crate::{Error, Options, Result, Store};

/// The schema this program needs.
pub const SCHEMA: i64 = 1;

/// What a migration did: `from == to` when there was nothing to do. 0 is an empty database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The schema found.
    pub from: i64,
    /// The schema now.
    pub to: i64,
}

impl Store {
    /// Migrates the database. `before` runs once before the first step, only when an existing database is about to
    /// be changed: the place for a backup; its error stops the migration. Takes the lock `Hold::Alone` itself.
    pub async fn migrate<B, F>(_options: &Options, _before: B) -> Result<Migrated>
    where
        B: FnOnce(Migrated) -> F + Send,
        F: Future<Output = Result<()>> + Send,
    {
        Err(Error::broken("not built"))
    }

    /// A copy of a SQLite database of any schema into a new file `to`, consistent while others write: the backup
    /// before a migration. PostgreSQL: `Error::Invalid`, its operator uses pg_dump.
    pub async fn copy(_options: &Options, _to: &std::path::Path) -> Result<()> {
        Err(Error::broken("not built"))
    }
}
