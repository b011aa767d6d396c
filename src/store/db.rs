//! The store: opened once, cloned freely. Readers come from a pool; writes go to the one writer (SQLite) or run in
//! a transaction of their own (PostgreSQL). The one invariant: a write is acknowledged after its commit returned.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::ahead::Ahead;
use crate::clinics::{Begun, Versions};
use crate::conn::{Conn, Room, Tally, Tx};
use crate::convoy::{self, Convoy};
use crate::dialect::Dialect;
use crate::instants::Instants;
use crate::job::{self, Waiting};
use crate::listen::Herald;
use crate::migrate::{SCHEMA, climb, schema};
use crate::pool::Pool;
use crate::recent::Recent;
use crate::value::values;
use crate::writer::{Message, QUEUE, Writer};
use crate::{
    Aside, ClinicId, Clock, Database, Error, Hold, Instant, Lock, Options, Result, Version, idempotency,
    postgres, sqlite,
};

/// How long a write waits for a place in the writer's queue before 503.
const QUEUE_WAIT: Duration = Duration::from_secs(5);

/// The memory of the house. Clones share everything.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    clock: Clock,
    readers: Arc<Pool>,
    road: Road,
    pulse: watch::Sender<u64>,
    recent: Recent,
}

/// The way a write takes.
enum Road {
    /// SQLite: to the one writer.
    Writer { inbox: mpsc::Sender<Message>, versions: Arc<Versions> },
    /// PostgreSQL: transactions on connections of their own pool, so that writes that wait for a lock leave the readers
    /// alone (trust.md R8).
    Own { pool: Arc<Pool>, herald: Arc<Herald>, convoy: Convoy, instants: Instants },
}

impl Store {
    /// Opens the database; makes it when `options.create` and there is none.
    /// # Errors
    /// `Schema` when it was made by an older or newer release; `Busy` when it cannot be reached.
    pub async fn open(options: &Options) -> Result<Store> {
        let dialect = Dialect::of(options)?;
        prepare(&dialect, options).await?;
        let (pulse, _) = watch::channel(0);
        let readers = Arc::new(Pool::new(dialect.clone(), options.pool));
        let (recent, clock) = (Recent::default(), options.clock.clone());
        let road = match &dialect {
            Dialect::Sqlite(place) => {
                let versions = Arc::new(Versions::default());
                let told = (Arc::clone(&versions), recent.clone(), pulse.clone());
                let writer = Writer::open(place.clone(), clock.clone(), told).await?;
                let (inbox, messages) = mpsc::channel(QUEUE);
                tokio::spawn(writer.work(messages));
                Road::Writer { inbox, versions }
            }
            Dialect::Postgres(place) => {
                let pool = Arc::new(Pool::new(Dialect::Postgres(place.writing()), options.pool));
                let herald = Arc::new(Herald::start(&dialect, place.url.clone(), pulse.clone())?);
                let told = (recent.clone(), pulse.clone());
                let convoy = Convoy::new(pool.clone(), herald.clone(), clock.clone(), told);
                Road::Own { pool, herald, convoy, instants: Instants::new(readers.clone()) }
            }
        };
        Ok(Store { inner: Arc::new(Inner { dialect, clock, readers, road, pulse, recent }) })
    }

    /// Which database.
    pub fn database(&self) -> Database {
        self.inner.dialect.database()
    }

    /// The clock it was opened with.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// A connection for reading one clinic; each statement sees the latest committed state.
    pub async fn read(&self, clinic: ClinicId) -> Result<Conn> {
        let mut conn = Conn::lent(self.inner.readers.lend(Some(clinic)).await?, self.database());
        conn.enter(clinic).await?;
        Ok(conn)
    }

    /// A connection for reading in every clinic: for what is asked before the clinic is known (whose name, whose
    /// secret) and of the installation as a whole.
    pub async fn across(&self) -> Result<Conn> {
        self.read(ClinicId::EVERY).await
    }

    /// A connection for reading one clinic whose statements all see one and the same committed state.
    pub async fn snapshot(&self, clinic: ClinicId) -> Result<Conn> {
        let mut conn = self.read(clinic).await?;
        conn.opened();
        conn.script(self.database().begin_snapshot()).await?;
        Ok(conn)
    }

    /// A connection of its own, outside the pools: for archives.
    pub(crate) async fn apart(&self) -> Result<Conn> {
        Ok(Conn::own(self.inner.dialect.writer().await?, self.database()))
    }

    /// One change of one clinic. `job` runs inside the transaction, after `clinics.seq` was bumped; when it answers
    /// `Err` nothing of it remains. Returns after the commit. `Error::Gone` when there is no such clinic. Within [`once`] it says
    /// too that the call is done.
    pub async fn write<T, E, F>(&self, clinic: ClinicId, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let Some(key) = idempotency::under_way() else {
            return self.submit(Some(clinic), None, job::once(job)).await;
        };
        let once = job::once(move |tx: &mut Tx| {
            Box::pin(async move {
                let value = job(tx).await?;
                tx.settle_key(key).await?;
                Ok(value)
            })
        });
        self.submit(Some(clinic), None, once).await
    }

    /// The same for one that may go together with others: it changes nothing but the time of those it will look at, in
    /// their calendars too, takes no hold but the one it tells of, adds rows of its own, and finds out by asking (never by
    /// a failed write) what stands in its way. Where one of those that went together fails, `job` is run again by itself.
    /// Without `ahead` it goes alone.
    pub async fn write_among<T, E, F>(&self, clinic: ClinicId, ahead: Option<Ahead>, job: F) -> Result<T, E>
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let Some(key) = idempotency::under_way() else { return self.submit(Some(clinic), ahead, job).await };
        let job = Arc::new(job);
        let once = self.submit(Some(clinic), ahead, move |tx: &mut Tx| {
            let (job, key) = (job.clone(), key.clone());
            Box::pin(async move {
                let value = job(tx).await?;
                tx.settle_key(key).await?;
                Ok(value)
            })
        });
        once.await
    }

    /// A small write beside the sequence (packs, `used_at`, digests, meta, pruning): no seq, no journal, nobody woken.
    pub async fn aside<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Aside) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.submit(None, None, job::once(|tx: &mut Tx| job(tx))).await
    }

    /// The same for what need not be on the disk when this returns, on PostgreSQL: a crash of its machine may lose it, never
    /// the change that stands after it.
    pub async fn aside_soon<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Aside) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.inner.road {
            Road::Writer { .. } => self.aside(job).await,
            Road::Own { pool, .. } => {
                let begin = self.database().begin_aside_soon();
                alone((pool, begin), self.inner.clock.now(), |tx: &mut Tx| job(tx)).await
            }
        }
    }

    async fn submit<T, E, F>(&self, clinic: Option<ClinicId>, ahead: Option<Ahead>, job: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.inner.road {
            Road::Writer { inbox, .. } => {
                let (waiting, answer) = Waiting::new(clinic, ahead, job);
                let sent = timeout(QUEUE_WAIT, inbox.send(Message::Job(Box::new(waiting)))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return Err(Error::Busy.into());
                }
                answer.await.unwrap_or_else(|_| Err(Error::Busy.into()))
            }
            Road::Own { pool, convoy, .. } => match clinic {
                Some(clinic) => convoy.submit(clinic, ahead, job).await,
                None => alone((pool, self.database().begin_aside()), self.inner.clock.now(), job).await,
            },
        }
    }

    /// What a request checks its memory against. SQLite: from memory, no statement. PostgreSQL: one cheap read for all
    /// who ask at once.
    /// `Error::Gone` when there is no such clinic.
    pub async fn version(&self, clinic: ClinicId) -> Result<Version> {
        match &self.inner.road {
            Road::Writer { versions, .. } => versions.get(clinic).ok_or(Error::Gone),
            Road::Own { instants, .. } => instants.ask(clinic).await.map(|at| at.version),
        }
    }

    /// Whether every change of a clinic after `seen`, up to `upto`, was this process's own and of nothing but objects, holds
    /// and time: people, hours of every week, services and settings are then as they were. Asks nobody; false where it
    /// does not know.
    pub fn is_plain(&self, clinic: ClinicId, seen: i64, upto: i64) -> bool {
        self.inner.recent.is_plain(clinic, seen, upto)
    }

    /// Whether the database keeps the clinics apart too. PostgreSQL: not for a superuser or a role with bypassrls.
    /// SQLite: true, there is nobody else.
    pub async fn is_walled(&self) -> Result<bool> {
        match self.database() {
            Database::Sqlite => Ok(true),
            Database::Postgres => {
                let through = self.across().await?.number(postgres::WALKS_THROUGH, values![]).await?;
                Ok(through == Some(0))
            }
        }
    }

    /// Both in one trip: [`Store::version`] and [`Store::moment`].
    pub async fn instant(&self, clinic: ClinicId) -> Result<Instant> {
        match &self.inner.road {
            Road::Writer { .. } => {
                Ok(Instant { version: self.version(clinic).await?, moment: self.inner.clock.now() })
            }
            Road::Own { instants, .. } => instants.ask(clinic).await,
        }
    }

    /// Now, as [`Tx::moment`] tells it: what expires is compared with this also when it is only read.
    pub async fn moment(&self) -> Result<i64> {
        match &self.inner.road {
            Road::Writer { .. } => Ok(self.inner.clock.now()),
            Road::Own { .. } => {
                let sql = "select cast(extract(epoch from clock_timestamp()) as bigint)";
                let found = self.across().await?.number(sql, values![]).await?;
                found.ok_or_else(|| Error::broken("PostgreSQL does not tell the time"))
            }
        }
    }

    /// Wakes after every commit, of this process and (SQLite: within 0.3 s; PostgreSQL: at once) of any other.
    /// The number counts wake-ups and means nothing else.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.inner.pulse.subscribe()
    }

    /// Takes the lock of the database: `Hold::Serve` for a running server, `Hold::Alone` for restore and migrate.
    /// Free again when dropped, and after kill -9. SQLite: both exclude one another and themselves;
    /// PostgreSQL: any number serve together. `Error::Locked` when it is taken.
    pub async fn lock(&self, hold: Hold) -> Result<Lock> {
        Lock::take(&self.inner.dialect, hold).await
    }

    /// Looks at once for what was written past this store's own road (an archive put back).
    pub(crate) async fn look(&self) {
        self.catch_up().await;
        if let Road::Own { herald, .. } = &self.inner.road {
            self.inner.pulse.send_modify(|count| *count += 1);
            herald.committed();
        }
    }

    /// Memory knows of every commit by now, of other processes too. SQLite tells of those when it is asked, which is done four
    /// times a second: whoever must not decide by what stood a moment ago asks at once. PostgreSQL: it always knows.
    pub async fn catch_up(&self) {
        if let Road::Writer { inbox, .. } = &self.inner.road {
            let (reply, done) = oneshot::channel();
            if inbox.send(Message::Look(reply)).await.is_ok() {
                done.await.ok();
            }
        }
    }

    /// Waits for the writes under way, then closes every connection. Later calls answer `Busy`.
    pub async fn close(self) {
        match &self.inner.road {
            Road::Writer { inbox, .. } => {
                self.inner.readers.close();
                let (reply, done) = oneshot::channel();
                if inbox.send(Message::Close(reply)).await.is_ok() {
                    done.await.ok();
                }
            }
            Road::Own { pool, .. } => {
                pool.drain().await;
                self.inner.readers.close();
            }
        }
    }
}

/// Makes or checks the schema.
async fn prepare(dialect: &Dialect, options: &Options) -> Result<()> {
    let mut conn = Conn::own(dialect.writer().await?, dialect.database());
    let mut have = schema(&mut conn).await?;
    if have == 0 && options.create {
        climb(&mut conn).await?;
        have = schema(&mut conn).await?;
    }
    if have != SCHEMA {
        return Err(Error::Schema { have, want: SCHEMA });
    }
    if dialect.database() == Database::Sqlite
        && let Err(error) = estimate(&mut conn).await
    {
        tracing::warn!(%error, "the planner of SQLite goes by what it believes of small tables: free some disk and restart");
    }
    Ok(())
}

/// Sees to it that SQLite believes something of every index, before any connection is opened that asks: also where one was
/// made anew past this program.
async fn estimate(conn: &mut Conn) -> Result<()> {
    if conn.number(sqlite::BELIEVES, values![]).await? == Some(0) {
        conn.script(sqlite::BELIEVE).await?;
    }
    match conn.number(sqlite::UNKNOWN, values![]).await? {
        Some(0) => Ok(()),
        _ => conn.script(sqlite::MAKE_KNOWN).await,
    }
}

/// A write beside the sequence on PostgreSQL. Dropped in the middle (the requester went away, a panic), its connection
/// is closed and the server rolls back.
async fn alone<T, E, F>((pool, begin): (&Pool, &'static str), now: i64, job: F) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
    E: From<Error>,
{
    let conn = Conn::lent(pool.lend(None).await?, Database::Postgres);
    let tx = &mut Tx::over(conn, Recent::default(), Tally::OfEach);
    tx.begin(ClinicId(0), Begun::default(), now, Room::Enough);
    tx.conn().script(begin).await?;
    let result = job::run(job, tx, false).await;
    if !tx.conn().sound() {
        // Nobody answers there: asking for a rollback would only wait once more.
        return result.and(Err(Error::Busy.into()));
    }
    convoy::end(tx, if result.is_ok() { "commit" } else { "rollback" }).await?;
    result
}
