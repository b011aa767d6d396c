//! The pool: a few connections, lent and given back without a statement (sqlx's own pool asks the database on every
//! return, which costs more than most of our reads). The one invariant: a connection with a transaction open or a
//! statement given up on it is never lent again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::dialect::Dialect;
use crate::{ClinicId, Error, Result};

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
    idle: Arc<Mutex<Vec<Idle>>>,
}

/// The age at which the plans of a connection are made anew for the first time, where it keeps them.
const YOUNG: Duration = Duration::from_secs(1);

/// A connection that waits, and the clinic its session is in.
struct Idle {
    connection: AnyConnection,
    clinic: Option<ClinicId>,
    age: Age,
}

/// When a connection was made, and when it made its plans.
#[derive(Clone, Copy)]
struct Age {
    made: Instant,
    planned: Instant,
}

impl Age {
    fn new(now: Instant) -> Age {
        Age { made: now, planned: now }
    }

    /// Whether to plan again: whenever the connection is twice as old as it was then. What was planned while a table was
    /// empty may be no good for a full one, and a table that was not empty does not grow as fast.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now - self.made >= YOUNG.max((self.planned - self.made) * 2);
        if is_due {
            self.planned = now;
        }
        is_due
    }
}

impl Pool {
    pub(crate) fn new(dialect: Dialect, size: u32) -> Pool {
        let size = size.max(1) as usize;
        Pool { dialect, size, permits: Arc::new(Semaphore::new(size)), idle: Arc::default() }
    }

    /// A connection, idle or new; one that is in this clinic already, if there is one. `Error::Busy` when none comes
    /// free in time or the database is not there.
    pub(crate) async fn lend(&self, clinic: Option<ClinicId>) -> Result<Lent> {
        let lent = timeout(WAIT, async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Busy)?;
            let idle = {
                let mut idle = lock(&self.idle);
                fitting(idle.iter().map(|one| one.clinic), clinic).map(|place| idle.remove(place))
            };
            let mut idle = match idle {
                Some(idle) => idle,
                None => {
                    let connection = self.dialect.reader().await?;
                    Idle { connection, clinic: None, age: Age::new(Instant::now()) }
                }
            };
            if let Some(forget) = self.dialect.forget_plans()
                && idle.age.is_due(Instant::now())
            {
                // A connection that is lost here is dropped, and so is what is idle: it came from the same server.
                let forgot = idle.connection.execute(forget).await;
                forgot.map_err(|_| lock(&self.idle).clear()).map_err(|()| Error::Busy)?;
            }
            Ok((permit, idle))
        });
        let (permit, Idle { connection, clinic, age }) = lent.await.map_err(|_| Error::Busy)??;
        let idle = Arc::clone(&self.idle);
        Ok(Lent { connection: Some(connection), clinic, age, idle, state: State::Clean, permit })
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

/// The place of the one used last among those in this clinic, else of the one used last.
fn fitting(
    mut idle: impl ExactSizeIterator<Item = Option<ClinicId>> + DoubleEndedIterator,
    clinic: Option<ClinicId>,
) -> Option<usize> {
    let last = idle.len().checked_sub(1);
    match clinic {
        None => last,
        some => idle.rposition(|one| one == some).or(last),
    }
}

fn lock(idle: &Mutex<Vec<Idle>>) -> std::sync::MutexGuard<'_, Vec<Idle>> {
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
    /// The clinic its session is in: the rows it sees.
    pub(crate) clinic: Option<ClinicId>,
    age: Age,
    idle: Arc<Mutex<Vec<Idle>>>,
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
            (State::Clean, Some(connection)) if !closed => {
                lock(&self.idle).push(Idle { connection, clinic: self.clinic, age: self.age });
            }
            // Dropping it closes the socket or the file; the database rolls back what was open.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_made_anew_whenever_the_age_has_doubled() {
        let made = Instant::now();
        let mut age = Age::new(made);
        let due: Vec<u64> =
            (0..100).filter(|second| age.is_due(made + Duration::from_secs(*second))).collect();
        assert_eq!(due, [1, 2, 4, 8, 16, 32, 64]);
    }

    #[test]
    fn a_connection_that_is_in_the_clinic_is_lent_first() {
        let (one, two) = (Some(ClinicId(1)), Some(ClinicId(2)));
        let place = |idle: &[Option<ClinicId>], clinic| fitting(idle.iter().copied(), clinic);
        assert_eq!(place(&[one, two, None], one), Some(0));
        assert_eq!(place(&[one, one, two], one), Some(1));
        assert_eq!(place(&[two, None], one), Some(1), "none fits: the one used last");
        assert_eq!(place(&[one, two], None), Some(1), "any will do");
        assert_eq!(place(&[], one), None);
    }
}
