//! The store: opened once, cloned freely. Readers come from a pool; writes go to the one writer (SQLite) or run in
//! a transaction of their own (PostgreSQL). The one invariant: a write is acknowledged after its commit returned.

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::{Aside, ClinicId, Clock, Conn, Database, Error, Hold, Lock, Options, Result, Tx, Version};

/// The memory of the house. Clones share everything.
#[derive(Clone)]
pub struct Store {
    database: Database,
    clock: Clock,
    changed: watch::Receiver<u64>,
}

/// How many rows an archive holds, per table, in the order of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Table name and its number of rows.
    pub tables: Vec<(String, u64)>,
}

impl Store {
    /// Opens the database; makes it when `options.create` and there is none.
    /// # Errors
    /// `Schema` when it was made by an older or newer release; `Busy` when it cannot be reached.
    pub async fn open(_options: &Options) -> Result<Store> {
        Err(Error::broken("not built"))
    }

    /// Which database.
    pub fn database(&self) -> Database {
        self.database
    }

    /// The clock it was opened with.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A connection for reading; each statement sees the latest committed state.
    pub async fn read(&self) -> Result<Conn> {
        Err(Error::broken("not built"))
    }

    /// A connection for reading whose statements all see one and the same committed state.
    pub async fn snapshot(&self) -> Result<Conn> {
        Err(Error::broken("not built"))
    }

    /// One change of one clinic. `job` runs inside the transaction, after `clinics.seq` was bumped; when it answers
    /// `Err` nothing of it remains. Returns after the commit. `Error::Gone` when there is no such clinic.
    pub async fn write<T, E, F>(&self, _clinic: ClinicId, _job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        Err(Error::broken("not built").into())
    }

    /// A small write beside the sequence (packs, `used_at`, digests, meta, pruning): no seq, no journal, nobody woken.
    pub async fn aside<T, E, F>(&self, _job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Aside) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        Err(Error::broken("not built").into())
    }

    /// What a request checks its memory against. SQLite: from memory, no statement. PostgreSQL: one cheap read.
    /// `Error::Gone` when there is no such clinic.
    pub async fn version(&self, _clinic: ClinicId) -> Result<Version> {
        Err(Error::broken("not built"))
    }

    /// Wakes after every commit, of this process and (SQLite: within 0.3 s; PostgreSQL: at once) of any other.
    /// The number counts wake-ups and means nothing else.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.clone()
    }

    /// Takes the lock of the database: `Hold::Serve` for a running server, `Hold::Alone` for restore and migrate.
    /// Free again when dropped, and after kill -9. SQLite: both exclude one another and themselves;
    /// PostgreSQL: any number serve together. `Error::Locked` when it is taken.
    pub async fn lock(&self, hold: Hold) -> Result<Lock> {
        Lock::take(hold).await
    }

    /// Writes a portable archive of everything, read in one snapshot while the server runs.
    pub async fn backup<W: AsyncWrite + Unpin + Send>(&self, _out: W) -> Result<Counts> {
        Err(Error::broken("not built"))
    }

    /// Replaces everything by an archive of either database, in one transaction; a new epoch for every clinic.
    /// The caller holds `Hold::Alone`.
    pub async fn restore<R: AsyncRead + Unpin + Send>(&self, _from: R) -> Result<Counts> {
        Err(Error::broken("not built"))
    }

    /// Ends every sync token that was handed out (RFC 6578 3.8: clients start anew); journals `Fact::Restored`.
    pub async fn new_epoch(&self) -> Result<()> {
        Err(Error::broken("not built"))
    }

    /// Waits for the writes under way, then closes every connection. Later calls answer `Busy`.
    pub async fn close(self) {}
}
