//! A connection: what may be read through it ([`Conn`]), what may be tidied beside the sequence ([`Aside`]) and what
//! may be changed ([`Tx`]). A [`Tx`] holds its number of `clinics.seq` before its job runs and is spoiled by its first error:
//! PostgreSQL refuses what follows an error in a transaction, so SQLite must not silently go on either.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row, SqlSafeStr};
use tokio::time::timeout;

use crate::ahead::Seen;
use crate::clinics::Begun;
use crate::idempotency::Key;
use crate::pool::Lent;
use crate::recent::{Recent, Told};
use crate::statements::Statements;
use crate::value::{Value, arguments, values};
use crate::{ClinicId, CollectionId, Database, Error, Origin, PrincipalId, Result, Version};

/// How long one statement may take on PostgreSQL before the server counts as dead (trust.md R6, R8). SQLite is
/// bounded by its `busy_timeout` instead.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1800);

/// Long statements (removing a whole collection, migrations, archives) get this much.
pub(crate) const LONG: Duration = Duration::from_secs(120);

thread_local! {
    static TRIPS: Cell<u64> = const { Cell::new(0) };
}

/// How many texts this thread has sent to its databases: what a write costs, for tests whose runtime is one thread.
pub fn trips() -> u64 {
    TRIPS.with(Cell::get)
}

/// Where a connection comes from and goes to.
pub(crate) enum Link {
    /// From the pool; goes back when dropped, unless something is open on it.
    Lent(Lent),
    /// The writer's own.
    Own(Box<AnyConnection>),
}

/// A connection for reading. One of the pool goes back to it when dropped.
pub struct Conn {
    link: Link,
    database: Database,
    patience: Duration,
    /// Inside a transaction the first error spoils what follows.
    open: bool,
    spoiled: Option<Error>,
    /// What waits to travel with the statements after it.
    gathered: Option<Statements>,
    /// While jobs go together: what those before left to be written with what this one gathers.
    carried: Option<Statements>,
    /// A text was sent since the job began.
    asked: bool,
    sound: bool,
    room: Room,
    /// The list of clinics changed: the process must read their versions anew after the commit.
    pub(crate) renew: bool,
}

impl Conn {
    pub(crate) fn lent(lent: Lent, database: Database) -> Conn {
        Conn::new(Link::Lent(lent), database)
    }

    pub(crate) fn own(connection: AnyConnection, database: Database) -> Conn {
        Conn::new(Link::Own(Box::new(connection)), database)
    }

    fn new(link: Link, database: Database) -> Conn {
        Conn {
            link,
            database,
            patience: PATIENCE,
            open: false,
            spoiled: None,
            gathered: None,
            carried: None,
            asked: false,
            sound: true,
            room: Room::Enough,
            renew: false,
        }
    }

    /// From here on it sees the rows of this clinic only (PostgreSQL: row-level security, the second wall behind the
    /// `clinic_id` of every statement). A trip only when the session was in another one.
    pub(crate) async fn enter(&mut self, clinic: ClinicId) -> Result<()> {
        let Link::Lent(lent) = &mut self.link else { return Ok(()) };
        if self.database == Database::Sqlite || lent.clinic == Some(clinic) {
            return Ok(());
        }
        // Given up in the middle, nobody knows which of the two it is in.
        lent.clinic = None;
        self.run("select set_config('kalends.clinic', $1, false)", values![clinic.to_string()]).await?;
        if let Link::Lent(lent) = &mut self.link {
            lent.clinic = Some(clinic);
        }
        Ok(())
    }

    /// Which database is behind it.
    pub fn database(&self) -> Database {
        self.database
    }

    /// Allows the statements that follow to take longer.
    pub(crate) fn wait(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// From here on errors spoil; a lent connection dropped in this state is not used again.
    pub(crate) fn opened(&mut self) {
        self.open = true;
        self.spoiled = None;
        self.gathered = self.carried.as_ref().map(|_| Statements::default());
        (self.asked, self.renew) = (false, false);
        if let Link::Lent(lent) = &mut self.link {
            lent.keep_out();
        }
    }

    /// Committed or rolled back: the connection may go back.
    pub(crate) fn closed(&mut self) {
        self.open = false;
        self.patience = PATIENCE;
        if let Link::Lent(lent) = &mut self.link {
            lent.let_back();
        }
    }

    /// The error that spoiled this transaction.
    pub(crate) fn spoiled(&self) -> Option<&Error> {
        self.spoiled.as_ref()
    }

    /// True while the connection itself can still be used.
    pub(crate) fn sound(&self) -> bool {
        self.sound
    }

    /// Asked by every write that makes the database grow.
    pub(crate) fn room(&self) -> Result<()> {
        match self.room {
            Room::Enough => Ok(()),
            Room::Reserve => Err(Error::Full),
        }
    }

    pub(crate) fn raw(&mut self) -> Result<&mut AnyConnection> {
        match &mut self.link {
            Link::Lent(lent) => lent.connection(),
            Link::Own(connection) => Ok(connection),
        }
    }

    /// Runs a statement (on SQLite: several, sharing their parameters) and returns the rows.
    pub(crate) async fn all(
        &mut self,
        sql: impl SqlSafeStr + Send,
        values: Vec<Value>,
    ) -> Result<Vec<AnyRow>> {
        self.send_gathered().await?;
        self.usable()?;
        let query = sqlx::query_with(sql, arguments(values)?);
        let patience = self.patience(self.patience);
        let result = within(patience, query.fetch_all(self.raw()?)).await;
        self.judge(result)
    }

    /// Runs statements of which only the last returns rows, and at most one. Not sqlx's `fetch_optional`: that looks at
    /// the first statement only.
    pub(crate) async fn one(
        &mut self,
        sql: impl SqlSafeStr + Send,
        values: Vec<Value>,
    ) -> Result<Option<AnyRow>> {
        Ok(self.all(sql, values).await?.pop())
    }

    /// Runs statements and returns how many rows they touched together.
    pub(crate) async fn run(&mut self, sql: impl SqlSafeStr + Send, values: Vec<Value>) -> Result<u64> {
        self.send_gathered().await?;
        self.execute(sql, values).await
    }

    async fn execute(&mut self, sql: impl SqlSafeStr + Send, values: Vec<Value>) -> Result<u64> {
        self.usable()?;
        let query = sqlx::query_with(sql, arguments(values)?);
        let patience = self.patience(self.patience);
        let result = within(patience, query.execute(self.raw()?)).await;
        self.judge(result).map(|done| done.rows_affected())
    }

    /// Statements that are asked for no answer and do not depend on one another: one trip, and while they are gathered one
    /// for all of them. Many values are a trip of their own: a text of every combination would push others out of the
    /// cache of prepared statements.
    pub(crate) async fn put(&mut self, statements: Statements) -> Result<()> {
        match &mut self.gathered {
            Some(gathered) if statements.size() <= Statements::MOST => gathered.join(statements),
            _ => {
                self.count(statements).await?;
            }
        }
        Ok(())
    }

    /// The same, behind what was gathered and before what will be: something after it depends on it. How many rows the
    /// last of them touched.
    pub(crate) async fn count(&mut self, statements: Statements) -> Result<u64> {
        self.send_gathered().await?;
        self.send(statements).await
    }

    async fn send(&mut self, statements: Statements) -> Result<u64> {
        let (all, values) = statements.numbered(self.database);
        let sql = self.database.together(&all);
        self.execute(AssertSqlSafe(sql), values).await
    }

    /// From here on what [`Conn::put`] is given waits for the next statement of another kind, or the end of the job, and
    /// its errors with it.
    pub(crate) fn gather(&mut self) {
        self.gathered.get_or_insert_default();
    }

    /// What was gathered goes on its way, behind what is carried.
    pub(crate) async fn send_gathered(&mut self) -> Result<()> {
        let mut all = Statements::default();
        for some in [&mut self.carried, &mut self.gathered].into_iter().flatten() {
            all.join(std::mem::take(some));
        }
        if all.is_empty() { Ok(()) } else { self.send(all).await.map(drop) }
    }

    /// The jobs from here on go together: what they write without asking for an answer is sent at their end, or before
    /// somebody asks.
    pub(crate) fn carry(&mut self) {
        self.carried = Some(Statements::default());
    }

    /// Whether they do.
    pub(crate) fn carries(&self) -> bool {
        self.carried.is_some()
    }

    /// A job is at its end: what it gathered is written now, or with what those after it gather.
    pub(crate) async fn hand_over(&mut self) -> Result<()> {
        match (&mut self.carried, &mut self.gathered) {
            (Some(carried), Some(gathered)) => {
                carried.join(std::mem::take(gathered));
                Ok(())
            }
            _ => self.send_gathered().await,
        }
    }

    /// They are at their end, all of them: what they carry is written, or forgotten. Of one that was refused nothing is left.
    pub(crate) async fn put_down(&mut self, is_good: bool) -> Result<()> {
        self.gathered = None;
        match self.carried.take().filter(|carried| is_good && !carried.is_empty()) {
            Some(carried) => self.send(carried).await.map(drop),
            None => Ok(()),
        }
    }

    /// Whether anything was sent since the job began.
    pub(crate) fn has_asked(&self) -> bool {
        self.asked
    }

    /// The first column of the first row.
    pub(crate) async fn number(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Option<i64>> {
        let row = self.one(sql, values).await?;
        let number = row.map(|row| row.try_get::<i64, _>(0)).transpose();
        number.map_err(|_| Error::broken("a number was expected"))
    }

    /// Runs a text of several statements without parameters (schema, pragmas).
    pub(crate) async fn script(&mut self, sql: impl SqlSafeStr + Send) -> Result<()> {
        self.send_gathered().await?;
        self.usable()?;
        let patience = self.patience(self.patience);
        let raw = sqlx::raw_sql(sql);
        let result = within(patience, raw.execute(self.raw()?)).await;
        self.judge(result).map(|_| ())
    }

    /// The same, and returns the rows of all of them.
    pub(crate) async fn script_rows(&mut self, sql: impl SqlSafeStr + Send) -> Result<Vec<AnyRow>> {
        self.send_gathered().await?;
        self.usable()?;
        let patience = self.patience(self.patience);
        let raw = sqlx::raw_sql(sql);
        let result = within(patience, raw.fetch_all(self.raw()?)).await;
        self.judge(result)
    }

    fn patience(&self, given: Duration) -> Option<Duration> {
        (self.database == Database::Postgres).then_some(given)
    }

    fn usable(&mut self) -> Result<()> {
        self.asked = true;
        TRIPS.with(|trips| trips.set(trips.get() + 1));
        match &self.spoiled {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Turns sqlx's error into ours and remembers what it means for the connection.
    fn judge<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let (error, fate) = match self.database {
            Database::Sqlite => crate::sqlite::error(error),
            Database::Postgres => crate::postgres::error(error),
        };
        if fate == Fate::Lost {
            self.sound = false;
        }
        if let (Link::Lent(lent), Fate::Lost) = (&mut self.link, fate) {
            lent.condemn();
        }
        if self.open || matches!(fate, Fate::Lost) {
            self.spoiled = Some(error.clone());
        }
        Err(error)
    }
}

/// What an error means for the connection it happened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on working.
    Kept,
    /// It must not be used again.
    Lost,
}

/// A dead server answers nothing: after `patience` the connection is given up.
async fn within<T>(
    patience: Option<Duration>,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match patience {
        None => work.await,
        Some(patience) => timeout(patience, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)),
    }
}

/// A small write that no follower needs to see: packs, `used_at`, digests, meta, pruning. Bumps nothing.
pub struct Aside {
    pub(crate) conn: Conn,
    now: i64,
}

impl Aside {
    /// Seconds UTC by the store's clock, the same for the whole job.
    pub fn now(&self) -> i64 {
        self.now
    }
}

impl Deref for Aside {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Aside {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

/// Whether there is room on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// The disk is full: only what makes the database smaller may use the reserve.
    Reserve,
}

/// When a clinic's row learns what its changes came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tally {
    /// At the end of each of them.
    OfEach,
    /// At the end of their transaction.
    OfAll,
}

/// One change of one clinic: holds the clinic's sequence until the commit.
pub struct Tx {
    aside: Aside,
    pub(crate) tally: Tally,
    clinic: ClinicId,
    seq: i64,
    structure: i64,
    moment: i64,
    /// The place of the next fact in this change.
    pub(crate) n: i64,
    /// What of it is plain.
    told: Told,
    recent: Recent,
    /// What was seen for it before it began.
    pub(crate) seen: Option<Seen>,
    /// The call that is done when this stands, where it is said with those of others.
    pub(crate) call: Option<Key>,
    /// Whose time in `busy` changed, from when to when, and is not yet journalled.
    pub(crate) touched: BTreeMap<PrincipalId, (i64, i64)>,
    pub(crate) origin: Origin,
    pub(crate) caller: Option<PrincipalId>,
    /// Something else than objects changed.
    pub(crate) structural: bool,
    /// Something personal was removed for good: its old bytes must leave the WAL too.
    pub(crate) scrub: bool,
    /// The hash of the last row of the clinic's audit.
    pub(crate) audit_head: Option<Vec<u8>>,
    /// The place of the next row of the audit in this change.
    pub(crate) audited: i64,
}

impl Tx {
    pub(crate) fn over(conn: Conn, recent: Recent, tally: Tally) -> Tx {
        Tx {
            aside: Aside { conn, now: 0 },
            tally,
            clinic: ClinicId(0),
            seq: 0,
            structure: 0,
            moment: 0,
            n: 0,
            told: Told::default(),
            recent,
            seen: None,
            call: None,
            touched: BTreeMap::new(),
            origin: Origin::House,
            caller: None,
            structural: false,
            scrub: false,
            audit_head: None,
            audited: 0,
        }
    }

    /// Makes it ready for the next job. `found` is nothing for a write beside the sequence.
    pub(crate) fn begin(&mut self, clinic: ClinicId, found: Begun, now: i64, room: Room) {
        self.aside.conn.opened();
        self.aside.now = now;
        self.aside.conn.room = room;
        (self.clinic, self.seq, self.structure) = (clinic, found.version.seq, found.version.structure);
        self.audit_head = found.audit_head;
        self.moment = found.moment.unwrap_or(now);
        (self.n, self.origin, self.caller) = (0, Origin::House, None);
        (self.told, self.seen, self.call) = (Told::default(), None, None);
        self.touched.clear();
        (self.structural, self.scrub, self.audited) = (false, false, 0);
    }

    /// What this change, which was kept, leaves to the next one of the same transaction.
    pub(crate) fn left(&self) -> Begun {
        let structure = if self.structural { self.seq } else { self.structure };
        Begun {
            version: Version { seq: self.seq + 1, structure },
            audit_head: self.audit_head.clone(),
            moment: Some(self.moment),
        }
    }

    /// Closes the writer's own connection and waits for it.
    pub(crate) async fn shut(self) {
        if let Link::Own(connection) = self.aside.conn.link {
            sqlx::Connection::close(*connection).await.ok();
        }
    }

    pub(crate) fn conn(&mut self) -> &mut Conn {
        &mut self.aside.conn
    }

    /// The clinic this change belongs to; a `Tx` writes nowhere else.
    pub fn clinic(&self) -> ClinicId {
        self.clinic
    }

    /// The number of this change: what every row it touches will carry. `seq() - 1` is the state it found.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// `clinics.structure` as this change found it: equal to what a caller saw, grants are as they were then.
    pub fn structure(&self) -> i64 {
        self.structure
    }

    /// Seconds UTC by the one clock that all nodes share: PostgreSQL's own; on SQLite the store's. What expires is
    /// compared with this and nothing else.
    pub fn moment(&self) -> i64 {
        self.moment
    }

    /// What is written from here on without asking for an answer travels together: an error of it may only come with the
    /// next question, or as the job's.
    pub fn gather(&mut self) {
        self.aside.conn.gather();
    }

    /// Says who changes through which door; journalled with every fact after it. Before: `Origin::House`, nobody.
    pub fn sign(&mut self, origin: Origin, caller: Option<PrincipalId>) {
        self.origin = origin;
        self.caller = caller;
    }

    /// The time of a resource changed between these instants.
    pub(crate) fn touch(&mut self, resource: PrincipalId, (from, until): (i64, i64)) {
        let span = self.touched.entry(resource).or_insert((from, until));
        *span = (span.0.min(from), span.1.max(until));
    }

    /// Whose time was touched since this was asked last.
    pub(crate) fn take_touched(&mut self) -> BTreeMap<PrincipalId, (i64, i64)> {
        std::mem::take(&mut self.touched)
    }

    /// The next place in the journal of this change.
    pub(crate) fn next_n(&mut self) -> i64 {
        self.n += 1;
        self.n - 1
    }

    /// The same for a fact of an object, in this collection, or of nothing but somebody's time: rules, hours of the week
    /// and people are as they were.
    pub(crate) fn next_plain(&mut self, written: Option<CollectionId>) -> i64 {
        self.told.plain(written);
        self.next_n()
    }

    /// This change stands, as far as it is up to its job.
    pub(crate) fn kept(&mut self) {
        self.recent.keep(self.clinic, self.seq, std::mem::take(&mut self.told), self.n);
    }

    /// The transaction of this clinic's last changes was lost.
    pub(crate) fn lost(&self, clinic: ClinicId) {
        self.recent.forget(clinic);
    }

    /// In which collections objects were written or removed between the change `seen` and this one; None where more may
    /// have happened than that, holds, appointments and the time they take aside: then the journal tells.
    pub fn written_since(&self, seen: i64) -> Option<Vec<CollectionId>> {
        self.recent.written(self.clinic, seen, self.seq - 1)
    }
}

impl Deref for Tx {
    type Target = Aside;
    fn deref(&self) -> &Aside {
        &self.aside
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Aside {
        &mut self.aside
    }
}
