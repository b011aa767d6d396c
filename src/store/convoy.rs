//! The writes of one clinic on PostgreSQL. They stand in a row behind its sequence anyway, so those that wait in this
//! process share one transaction, each in a savepoint of its own: one wait for the disk for all, not one for each.
//! The one invariant is the writer's of SQLite: a caller hears `Ok` only after the commit that holds its change.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sqlx::AssertSqlSafe;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::clinics::Begun;
use crate::conn::{Conn, Room, Tx};
use crate::job::{Job, Outcome, Waiting};
use crate::listen::Herald;
use crate::pool::Pool;
use crate::recent::Recent;
use crate::{ClinicId, Clock, Database, Error, Result, postgres};

/// Jobs in one transaction at most: what one failed commit can take with it. PostgreSQL looks up the savepoints of
/// other transactions cheaply as long as they have no more than 64.
const BATCH: usize = 64;

/// No further job begins in a transaction after so many times what the commit before it took: the disk is waited for
/// in a small part of the time, and nobody longer than that needs. Were all who wait carried together, all of them
/// would come back together too: the database would rest while they ask again, and they while it works.
const COMMITS: u32 = 8;

/// The least and the most of it: a wait of microseconds is none, and other processes wait for the sequence, for
/// `lock_timeout` at most.
const SHORTEST: Duration = Duration::from_millis(4);
const LONGEST: Duration = Duration::from_millis(100);

/// So many begin in any case within the longest time: on a slow machine one write may take as long as the shortest, and
/// each would wait for the disk alone.
const FEW: usize = 8;

/// Jobs of one clinic that may wait; beyond, callers are told at once.
const QUEUE: usize = 256;

/// How long a job waits for its beginning: then 503. Longer than a batch takes, and within the two seconds of trust.md R8.
const WAIT: Duration = Duration::from_millis(1700);

/// The rows of all clinics. Clones share everything.
#[derive(Clone)]
pub(crate) struct Convoy {
    pool: Arc<Pool>,
    herald: Arc<Herald>,
    clock: Clock,
    pulse: watch::Sender<u64>,
    recent: Recent,
    rows: Arc<Mutex<HashMap<ClinicId, VecDeque<Place>>>>,
}

/// A job in the row. Who waits for it is told when it begins; who does not wait any more makes that fail.
struct Place {
    job: Box<dyn Job>,
    begins: oneshot::Sender<()>,
}

/// What became of the last job of a transaction, and in how many it was kept so far.
pub(crate) type Ran = (Outcome, usize);

/// Whoever works on a row. If that panics, the row goes with it: those in it hear that, and the next one sets out anew.
struct Worker<'c> {
    convoy: &'c Convoy,
    clinic: ClinicId,
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.convoy.rows().remove(&self.clinic);
            self.convoy.recent.forget(self.clinic);
        }
    }
}

impl Convoy {
    pub(crate) fn new(
        pool: Arc<Pool>,
        herald: Arc<Herald>,
        clock: Clock,
        pulse: watch::Sender<u64>,
    ) -> Convoy {
        Convoy { pool, herald, clock, pulse, recent: Recent::default(), rows: Arc::default() }
    }

    /// One change of one clinic. Given up before it begins, nothing happens; after that it is carried to its end.
    pub(crate) async fn submit<T, E, F>(&self, clinic: ClinicId, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (waiting, answer) = Waiting::new(Some(clinic), job);
        let (begins, mut begun) = oneshot::channel();
        if !self.join(clinic, Place { job: Box::new(waiting), begins }) {
            return Err(Error::Busy.into());
        }
        if timeout(WAIT, &mut begun).await.is_err() {
            begun.close();
            // It may have begun in this very moment.
            if begun.try_recv().is_err() {
                return Err(Error::Busy.into());
            }
        }
        answer.await.unwrap_or_else(|_| Err(Error::Busy.into()))
    }

    /// False where too many wait. Whoever comes first sets out; a row is there as long as somebody works on it.
    fn join(&self, clinic: ClinicId, place: Place) -> bool {
        let mut rows = self.rows();
        match rows.get_mut(&clinic) {
            Some(row) if row.len() >= QUEUE => return false,
            Some(row) => row.push_back(place),
            None => {
                rows.insert(clinic, VecDeque::from([place]));
                tokio::spawn(self.clone().work(clinic));
            }
        }
        true
    }

    /// One transaction after the other, until nobody waits.
    async fn work(self, clinic: ClinicId) {
        let _worker = Worker { convoy: &self, clinic };
        let mut longest = SHORTEST;
        while self.is_awaited(clinic) {
            match self.begin(clinic).await {
                Ok(tx) => {
                    longest = (self.carry(clinic, tx, longest).await * COMMITS).clamp(SHORTEST, LONGEST)
                }
                Err(error) => self.turn_away(clinic, &error),
            }
        }
    }

    /// Whether anybody waits; if not, the row ends.
    fn is_awaited(&self, clinic: ClinicId) -> bool {
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(&clinic) else { return false };
        row.retain(|place| !place.begins.is_closed());
        let awaited = !row.is_empty();
        if !awaited {
            rows.remove(&clinic);
        }
        awaited
    }

    /// The next one who still waits.
    fn next(&self, clinic: ClinicId) -> Option<Box<dyn Job>> {
        let mut rows = self.rows();
        let row = rows.get_mut(&clinic)?;
        while let Some(Place { job, begins }) = row.pop_front() {
            if begins.send(()).is_ok() {
                return Some(job);
            }
        }
        None
    }

    /// Everybody in the row hears why nothing begins.
    fn turn_away(&self, clinic: ClinicId, error: &Error) {
        while let Some(mut job) = self.next(clinic) {
            job.refuse(error.clone());
            job.settle(Ok(()));
        }
    }

    /// A transaction that holds the sequence, for the first job.
    async fn begin(&self, clinic: ClinicId) -> Result<Tx> {
        let conn = Conn::lent(self.pool.lend(None).await?, Database::Postgres);
        let mut tx = Tx::over(conn, self.recent.clone());
        let begun = self.bump(&mut tx, clinic, "begin").await;
        if begun.is_err() && tx.conn().sound() {
            end(&mut tx, "rollback").await.ok();
        }
        begun.map(|()| tx)
    }

    /// What begins a transaction, after what ends the one before: in one trip.
    async fn bump(&self, tx: &mut Tx, clinic: ClinicId, before: &str) -> Result<()> {
        let now = self.clock.now();
        tx.begin(clinic, Begun::default(), now, Room::Enough);
        let found =
            tx.conn().bumped(AssertSqlSafe(postgres::bump(before, clinic))).await?.ok_or(Error::Gone)?;
        tx.begin(clinic, found, now, Room::Enough);
        Ok(())
    }

    /// The next job of a transaction in which some were kept: its clinic is held already, and it finds what they left.
    /// What the last of them came to is written at the end.
    async fn follow(&self, tx: &mut Tx, clinic: ClinicId, found: Begun, (last, kept): Ran) -> Result<()> {
        tx.begin(clinic, found, self.clock.now(), Room::Enough);
        tx.conn().script(postgres::between(last, kept)).await
    }

    /// Runs what waits for so long, commits, and answers. Says how long the commit took.
    async fn carry(&self, clinic: ClinicId, mut tx: Tx, longest: Duration) -> Duration {
        let (mut ran, mut kept, mut last) = (Vec::new(), 0, Outcome::Refused);
        let (mut stand, begun, mut next) = (Ok(()), Instant::now(), Begun::default());
        while ran.len() < BATCH
            && begun.elapsed() < if ran.len() < FEW { LONGEST } else { longest }
            && stand.is_ok()
            && let Some(mut job) = self.next(clinic)
        {
            if !ran.is_empty() {
                stand = match kept {
                    0 => self.bump(&mut tx, clinic, postgres::ANEW).await,
                    _ => self.follow(&mut tx, clinic, next.clone(), (last, kept)).await,
                };
            }
            if stand.is_ok() {
                last = run(&mut *job, &mut tx).await;
                if last == Outcome::Kept {
                    kept += 1;
                    next = tx.left();
                }
                if !tx.conn().sound() {
                    stand = Err(Error::Busy);
                }
            }
            ran.push(job);
        }
        let ended = Instant::now();
        let end = match stand {
            Ok(()) => end(&mut tx, &postgres::end((last, kept), clinic, next.version.seq - 1)).await,
            // Nobody answers there: asking for a rollback would only wait once more.
            Err(error) => Err(error),
        };
        let ended = ended.elapsed();
        // Lent again before anybody hears of it and asks for more.
        drop(tx);
        match &end {
            Ok(()) if kept == 0 => {}
            Ok(()) => {
                self.pulse.send_modify(|count| *count += 1);
                self.herald.committed();
            }
            Err(_) => self.recent.forget(clinic),
        }
        ran.into_iter().for_each(|job| job.settle(end.clone()));
        ended
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<ClinicId, VecDeque<Place>>> {
        // Whole under the lock: nothing in here panics half way.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a job to the last of its facts.
async fn run(job: &mut dyn Job, tx: &mut Tx) -> Outcome {
    let outcome = job.run(tx).await;
    if outcome == Outcome::Kept
        && let Err(error) = tx.conclude().await
    {
        job.refuse(error);
        return Outcome::Refused;
    }
    if outcome == Outcome::Kept {
        tx.kept();
    }
    outcome
}

/// Ends the transaction; the connection may go back.
pub(crate) async fn end(tx: &mut Tx, sql: &str) -> Result<()> {
    tx.conn().opened();
    let ended = tx.conn().script(AssertSqlSafe(sql.to_owned())).await;
    if let Err(error) = &ended {
        tracing::warn!(%error, "a transaction could not be ended");
        return ended;
    }
    tx.conn().closed();
    ended
}
