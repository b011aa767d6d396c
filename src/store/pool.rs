//! The pool: a few connections, lent and given back without a statement (sqlx's own pool asks the database on every
//! return, which costs more than most of our reads). The one invariant: a connection with a transaction open or a
//! statement given up on it is never lent again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::AnyConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::dialect::Dialect;
use crate::{Error, Result};

/// How long a request waits for a connection, idle or new: then 503. With the lock timeout of PostgreSQL after it, the
/// answer comes within the two seconds of trust.md R8.
const WAIT: Duration = Duration::from_millis(900);

/// How long closing waits for what is lent.
const DRAIN: Duration = Duration::from_secs(10);

/// A pool of connections of one purpose.
pub(crate) struct Pool {
    dialect: Dialect,
    size: usize,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<AnyConnection>>>,
}

impl Pool {
    pub(crate) fn new(dialect: Dialect, size: u32) -> Pool {
        let size = size.max(1) as usize;
        Pool { dialect, size, permits: Arc::new(Semaphore::new(size)), idle: Arc::default() }
    }

    /// A connection, idle or new. `Error::Busy` when none comes free in time or the database is not there.
    pub(crate) async fn lend(&self) -> Result<Lent> {
        let lent = timeout(WAIT, async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Busy)?;
            let idle = lock(&self.idle).pop();
            let connection = match idle {
                Some(connection) => connection,
                None => self.dialect.reader().await?,
            };
            Ok((permit, connection))
        });
        let (permit, connection) = lent.await.map_err(|_| Error::Busy)??;
        Ok(Lent { connection: Some(connection), idle: Arc::clone(&self.idle), state: State::Clean, permit })
    }

    /// Waits until everything lent is back (bounded), then closes.
    pub(crate) async fn drain(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        timeout(DRAIN, self.permits.acquire_many(all)).await.ok();
        self.close();
    }

    /// No more lending; idle connections are closed, lent ones when they come back.
    pub(crate) fn close(&self) {
        self.permits.close();
        lock(&self.idle).clear();
    }
}

fn lock(idle: &Mutex<Vec<AnyConnection>>) -> std::sync::MutexGuard<'_, Vec<AnyConnection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Clean,
    /// A transaction is open.
    Open,
    /// It failed, or a statement was given up on it.
    Lost,
}

/// A connection on loan.
pub(crate) struct Lent {
    connection: Option<AnyConnection>,
    idle: Arc<Mutex<Vec<AnyConnection>>>,
    state: State,
    permit: OwnedSemaphorePermit,
}

impl Lent {
    /// The connection itself.
    pub(crate) fn connection(&mut self) -> Result<&mut AnyConnection> {
        self.connection.as_mut().ok_or(Error::Busy)
    }

    /// A transaction begins on it.
    pub(crate) fn keep_out(&mut self) {
        if self.state == State::Clean {
            self.state = State::Open;
        }
    }

    /// The transaction has ended.
    pub(crate) fn let_back(&mut self) {
        if self.state == State::Open {
            self.state = State::Clean;
        }
    }

    /// It failed. What is idle came from the same server and is most likely dead too.
    pub(crate) fn condemn(&mut self) {
        self.state = State::Lost;
        lock(&self.idle).clear();
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let closed = self.permit.semaphore().is_closed();
        match (self.state, self.connection.take()) {
            (State::Clean, Some(connection)) if !closed => lock(&self.idle).push(connection),
            // Dropping it closes the socket or the file; the database rolls back what was open.
            _ => {}
        }
    }
}
