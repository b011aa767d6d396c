//! The writes of one clinic on PostgreSQL. They stand in a row behind its sequence anyway, so those that wait in this
//! process share one transaction, in stages with a savepoint each: one wait for the disk for all, not one for each. Those
//! that have no time in common (`ahead`) are a stage together, and travel as one.
//! The one invariant is the writer's of SQLite: a caller hears `Ok` only after the commit that holds its change.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sqlx::AssertSqlSafe;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::ahead::{Ahead, Seen};
use crate::clinics::Begun;
use crate::conn::{Conn, Room, Tally, Tx};
use crate::job::{Job, Outcome, Waiting};
use crate::listen::Herald;
use crate::pool::Pool;
use crate::recent::Recent;
use crate::{ClinicId, Clock, Database, Error, Result, postgres};

/// No further job begins in a transaction that has so many: what one failed commit can take with it. PostgreSQL looks up
/// the savepoints of other transactions cheaply as long as they have no more than 64.
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

/// So many jobs go together, the most that there are: few sizes, so that few texts are prepared.
const PARTIES: [usize; 3] = [8, 4, 2];

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

/// A job in the row. Who waits for it is told when it begins; who does not wait any more makes that fail. One that went
/// with others in vain has begun; it goes alone from here on.
struct Place {
    job: Box<dyn Job>,
    begins: Option<oneshot::Sender<()>>,
}

impl Place {
    /// Whether somebody still waits for it.
    fn waits(&self) -> bool {
        !self.begins.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    fn begin(self) -> Option<Box<dyn Job>> {
        match self.begins {
            Some(begins) => begins.send(()).is_ok().then_some(self.job),
            None => Some(self.job),
        }
    }
}

/// What became of a job, or of several that went together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// With what it leaves to the next.
    Kept(Begun),
    Refused,
    /// One of several failed in a way that cannot be told apart from the others.
    Torn,
}

/// A transaction under way.
pub(crate) struct Course {
    pub(crate) clinic: ClinicId,
    /// What its bump found.
    first: Begun,
    /// What the next job begins with.
    pub(crate) next: Begun,
    /// Stages that stand.
    pub(crate) kept: usize,
    /// What became of the last one.
    pub(crate) last: Option<Outcome>,
}

impl Course {
    fn after(clinic: ClinicId, bump: Begun) -> Course {
        Course { clinic, first: bump.clone(), next: bump, kept: 0, last: None }
    }

    fn note(&mut self, stage: Stage) {
        self.last = Some(match stage {
            Stage::Kept(next) => {
                (self.kept, self.next) = (self.kept + 1, next);
                Outcome::Kept
            }
            Stage::Refused | Stage::Torn => Outcome::Refused,
        });
    }

    /// What the clinic's row does not say yet: the number of the last change, that of the last one of the structure, and
    /// the head of the audit.
    pub(crate) fn rest(&self) -> Option<(i64, i64, Option<&[u8]>)> {
        let (first, next) = (&self.first, &self.next);
        let (seq, structure) = (next.version.seq - 1, next.version.structure);
        let is_more = seq > first.version.seq
            || structure != first.version.structure
            || next.audit_head != first.audit_head;
        is_more.then_some((seq, structure, next.audit_head.as_deref()))
    }
}

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
        (recent, pulse): (Recent, watch::Sender<u64>),
    ) -> Convoy {
        Convoy { pool, herald, clock, pulse, recent, rows: Arc::default() }
    }

    /// One change of one clinic. Given up before it begins, nothing happens; after that it is carried to its end.
    pub(crate) async fn submit<T, E, F>(&self, clinic: ClinicId, ahead: Option<Ahead>, job: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (waiting, answer) = Waiting::new(Some(clinic), ahead, job);
        let (begins, mut begun) = oneshot::channel();
        if !self.join(clinic, Place { job: Box::new(waiting), begins: Some(begins) }) {
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
                Ok((tx, course)) => {
                    longest = (self.carry(tx, course, longest).await * COMMITS).clamp(SHORTEST, LONGEST)
                }
                Err(error) => self.turn_away(clinic, &error),
            }
        }
    }

    /// Whether anybody waits; if not, the row ends.
    fn is_awaited(&self, clinic: ClinicId) -> bool {
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(&clinic) else { return false };
        row.retain(Place::waits);
        let awaited = !row.is_empty();
        if !awaited {
            rows.remove(&clinic);
        }
        awaited
    }

    /// The next one who still waits, or several who go together.
    fn next(&self, clinic: ClinicId) -> Option<Vec<Box<dyn Job>>> {
        let mut rows = self.rows();
        let row = rows.get_mut(&clinic)?;
        loop {
            row.retain(Place::waits);
            let size = party(row)?;
            let party: Vec<_> = row.drain(..size).filter_map(Place::begin).collect();
            if !party.is_empty() {
                return Some(party);
            }
        }
    }

    /// Those who went together in vain are next, each alone.
    fn put_back(&self, clinic: ClinicId, party: Vec<Box<dyn Job>>) {
        let mut rows = self.rows();
        let row = rows.entry(clinic).or_default();
        party.into_iter().rev().for_each(|job| row.push_front(Place { job, begins: None }));
    }

    /// Everybody in the row hears why nothing begins.
    fn turn_away(&self, clinic: ClinicId, error: &Error) {
        while let Some(party) = self.next(clinic) {
            for mut job in party {
                job.refuse(error.clone());
                job.settle(Ok(()));
            }
        }
    }

    /// A transaction that holds the sequence, for the first job.
    async fn begin(&self, clinic: ClinicId) -> Result<(Tx, Course)> {
        let conn = Conn::lent(self.pool.lend(None).await?, Database::Postgres);
        let mut tx = Tx::over(conn, self.recent.clone(), Tally::OfAll);
        let begun = self.bump(&mut tx, clinic, "begin").await;
        if begun.is_err() && tx.conn().sound() {
            end(&mut tx, "rollback").await.ok();
        }
        begun.map(|found| (tx, Course::after(clinic, found)))
    }

    /// What begins a transaction, after what ends the one before: in one trip.
    async fn bump(&self, tx: &mut Tx, clinic: ClinicId, before: &str) -> Result<Begun> {
        tx.begin(clinic, Begun::default(), self.clock.now(), Room::Enough);
        tx.conn().bumped(AssertSqlSafe(postgres::bump(before, clinic))).await?.ok_or(Error::Gone)
    }

    /// Makes the transaction ready for the next stage: undoes or keeps the one before, or, where none was kept so far,
    /// begins anew.
    async fn go_on(&self, tx: &mut Tx, course: &mut Course) -> Result<()> {
        if course.kept == 0 && course.last.is_some() {
            *course = Course::after(course.clinic, self.bump(tx, course.clinic, postgres::ANEW).await?);
        }
        tx.begin(course.clinic, course.next.clone(), self.clock.now(), Room::Enough);
        match course.last {
            Some(last) => tx.conn().script(postgres::between(last, course.kept)).await,
            None => Ok(()),
        }
    }

    /// Runs what waits for so long, commits, and answers. Says how long the commit took.
    async fn carry(&self, mut tx: Tx, mut course: Course, longest: Duration) -> Duration {
        let clinic = course.clinic;
        let (mut ran, mut stand, begun) = (Vec::new(), Ok(()), Instant::now());
        while ran.len() < BATCH
            && begun.elapsed() < if ran.len() < FEW { LONGEST } else { longest }
            && stand.is_ok()
            && let Some(mut party) = self.next(clinic)
        {
            stand = self.go_on(&mut tx, &mut course).await;
            if stand.is_ok() {
                let stage = match &mut *party {
                    [job] => alone(&mut **job, &mut tx).await,
                    party => self.together(&mut tx, &course, party).await,
                };
                if !tx.conn().sound() {
                    stand = Err(Error::Busy);
                } else if stage == Stage::Torn {
                    tracing::debug!(
                        clinic.id = clinic.0,
                        count = party.len(),
                        "writes go one by one that went together in vain"
                    );
                    self.recent.forget(clinic);
                    self.put_back(clinic, std::mem::take(&mut party));
                }
                course.note(stage);
            }
            ran.extend(party);
        }
        let ended = Instant::now();
        let end = match stand {
            Ok(()) => end(&mut tx, &postgres::end(&course)).await,
            // Nobody answers there: asking for a rollback would only wait once more.
            Err(error) => Err(error),
        };
        let ended = ended.elapsed();
        // Lent again before anybody hears of it and asks for more.
        drop(tx);
        match &end {
            Ok(()) if course.kept == 0 => {}
            Ok(()) => {
                self.pulse.send_modify(|count| *count += 1);
                self.herald.committed();
            }
            Err(_) => self.recent.forget(clinic),
        }
        ran.into_iter().for_each(|job| job.settle(end.clone()));
        ended
    }

    /// A stage of several, which look at once before and are written at once after.
    async fn together(&self, tx: &mut Tx, course: &Course, party: &mut [Box<dyn Job>]) -> Stage {
        tx.begin(course.clinic, course.next.clone(), self.clock.now(), Room::Enough);
        let all: Vec<&Ahead> = party.iter().filter_map(|job| job.ahead()).collect();
        let Ok((sight, mut counts)) = tx.foresee(&all).await else { return Stage::Torn };
        let sight = Arc::new(sight);
        let (mut stage, mut next, mut calls) = (Stage::Refused, course.next.clone(), Vec::new());
        tx.conn().carry();
        for job in party {
            tx.begin(course.clinic, next.clone(), self.clock.now(), Room::Enough);
            tx.seen = job.ahead().map(|ahead| Seen::new(ahead, &sight, &counts));
            let outcome = job.run(tx).await;
            match (outcome, job.ahead()) {
                (Outcome::Kept, ahead) => {
                    tx.kept();
                    ahead.into_iter().for_each(|ahead| counts.change(ahead, &sight));
                    next = tx.left();
                    calls.extend(tx.call.take());
                    stage = Stage::Kept(next.clone());
                }
                // It may have written before it thought better of it; and what it was to take was taken by the look.
                (Outcome::Refused, ahead)
                    if tx.conn().has_asked() || ahead.is_some_and(|ahead| ahead.hold.is_some()) =>
                {
                    stage = Stage::Torn;
                    break;
                }
                (Outcome::Refused, _) => {}
            }
        }
        let is_good = stage != Stage::Torn;
        let written = tx.conn().put_down(is_good).await.is_ok();
        if is_good && written && tx.settle_keys(&calls).await.is_ok() { stage } else { Stage::Torn }
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<ClinicId, VecDeque<Place>>> {
        // Whole under the lock: nothing in here panics half way.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many of a row go together next: the first alone, or it and those behind it who look at nobody's time twice.
/// None where nobody is.
fn party(row: &VecDeque<Place>) -> Option<usize> {
    let mut all: Vec<&Ahead> = Vec::new();
    for place in row.iter().take(PARTIES[0]) {
        match (&place.begins, place.job.ahead()) {
            (Some(_), Some(ahead)) if !all.iter().any(|other| other.meets(ahead)) => all.push(ahead),
            _ => break,
        }
    }
    let size = PARTIES.into_iter().find(|size| *size <= all.len()).unwrap_or(1);
    (!row.is_empty()).then_some(size)
}

/// A job by itself.
async fn alone(job: &mut dyn Job, tx: &mut Tx) -> Stage {
    match job.run(tx).await {
        Outcome::Kept => {
            tx.kept();
            Stage::Kept(tx.left())
        }
        Outcome::Refused => Stage::Refused,
    }
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
