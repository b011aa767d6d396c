//! The one writer of SQLite: a task that owns the writing connection, gathers what waits and commits it in one
//! transaction, each job in a savepoint of its own, so that one refusal harms nobody. The one invariant: a caller hears
//! `Ok` only after the commit that holds its change has returned (WAL synced), and memory knows its number by then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::clinics::{Begun, Versions};
use crate::conn::{Conn, Room, Tally, Tx};
use crate::job::{Job, Outcome};
use crate::recent::Recent;
use crate::reserve::Reserve;
use crate::sqlite::{self, Place};
use crate::value::{Columns, values};
use crate::{ClinicId, Clock, Database, Error, Result};

/// Jobs in one transaction at most: bounds what one failed commit can take with it, and the WAL.
const BATCH: usize = 64;

/// Jobs that may wait; beyond, callers wait outside.
pub(crate) const QUEUE: usize = 256;

/// How often a commit of another process is looked for (storage.md 2).
const WATCH: Duration = Duration::from_millis(250);

/// What is sent to the writer.
pub(crate) enum Message {
    Job(Box<dyn Job>),
    /// Look for foreign commits now, then answer.
    Look(oneshot::Sender<()>),
    /// Finish what waits, close the file, then answer.
    Close(oneshot::Sender<()>),
}

/// What the last job left to be done by the next statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Nothing, and no job will follow: no savepoint.
    Alone,
    Kept,
    Refused,
}

/// A change that waits for its commit.
struct Change {
    clinic: ClinicId,
    seq: i64,
    structural: bool,
}

/// What a transaction has gathered.
#[derive(Default)]
struct Batch {
    changes: Vec<Change>,
    kept: usize,
    renew: bool,
    scrub: bool,
}

pub(crate) struct Writer {
    place: Place,
    clock: Clock,
    tx: Tx,
    reserve: Reserve,
    versions: Arc<Versions>,
    recent: Recent,
    pulse: watch::Sender<u64>,
    data_version: i64,
    /// A sync failed: nothing that is written from now on could be promised.
    broken: Option<Error>,
}

impl Writer {
    /// Opens the writing connection and takes the reserve.
    pub(crate) async fn open(
        place: Place,
        clock: Clock,
        (versions, recent, pulse): (Arc<Versions>, Recent, watch::Sender<u64>),
    ) -> Result<Writer> {
        let tx = connect(&place, &recent).await?;
        let reserve = Reserve::take(place.beside("-reserve"));
        let mut writer =
            Writer { place, clock, tx, reserve, versions, recent, pulse, data_version: 0, broken: None };
        writer.limit_wal().await?;
        writer.look().await?;
        writer.renew().await?;
        Ok(writer)
    }

    /// Works until it is closed or nobody can send any more.
    pub(crate) async fn work(mut self, mut inbox: mpsc::Receiver<Message>) {
        let mut watch = interval(WATCH);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next = None;
        loop {
            let message = match next.take() {
                Some(message) => Some(message),
                None => tokio::select! {
                    message = inbox.recv() => message,
                    _ = watch.tick() => { self.tick().await; continue }
                },
            };
            match message {
                Some(Message::Job(job)) => next = self.gather(job, &mut inbox).await,
                Some(Message::Look(reply)) => {
                    self.tick().await;
                    reply.send(()).ok();
                }
                Some(Message::Close(reply)) => {
                    self.tx.shut().await;
                    reply.send(()).ok();
                    return;
                }
                None => return,
            }
        }
    }

    /// Takes what waits (up to a batch) and commits it. Returns a message of another kind that stood between.
    async fn gather(&mut self, first: Box<dyn Job>, inbox: &mut mpsc::Receiver<Message>) -> Option<Message> {
        let mut waiting = VecDeque::from([first]);
        let mut other = None;
        while waiting.len() < BATCH && other.is_none() {
            match inbox.try_recv() {
                Ok(Message::Job(job)) => waiting.push_back(job),
                Ok(message) => other = Some(message),
                Err(_) => break,
            }
        }
        while !waiting.is_empty() {
            self.commit(&mut waiting).await;
        }
        other
    }

    /// One transaction over as many of the waiting jobs as go well together.
    async fn commit(&mut self, waiting: &mut VecDeque<Box<dyn Job>>) {
        if let Err(error) = self.ready().await {
            waiting.drain(..).for_each(|job| job.settle(Err(error.clone())));
            return;
        }
        let (mut batch, mut ran) = (Batch::default(), Vec::new());
        let end = match self.run_all(waiting, &mut ran, &mut batch).await {
            Ok(before) => self.end(before, &batch).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &end {
            self.abandon(&batch, error).await;
        }
        // Before anybody is answered: whoever reads after its own write must find memory out of date.
        if end.is_ok() {
            self.publish(&batch).await;
        }
        ran.into_iter().for_each(|job| job.settle(end.clone()));
        if !self.reserve.held() {
            self.relieve().await;
        }
    }

    /// A connection that works, or the reason why there is none.
    async fn ready(&mut self) -> Result<()> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if !self.tx.conn().sound() {
            self.recent.clear();
            self.tx = connect(&self.place, &self.recent).await?;
            self.limit_wal().await?;
        }
        Ok(())
    }

    /// Runs jobs one after the other. An error means that the transaction as a whole is lost.
    async fn run_all(
        &mut self,
        waiting: &mut VecDeque<Box<dyn Job>>,
        ran: &mut Vec<Box<dyn Job>>,
        batch: &mut Batch,
    ) -> Result<Before> {
        let mut before = Before::Nothing;
        while let Some(mut job) = waiting.pop_front() {
            if job.abandoned() {
                continue;
            }
            let alone = ran.is_empty() && waiting.is_empty();
            let begun = self.begin(job.clinic(), if alone { Before::Alone } else { before }).await;
            if begun.is_err() && before == Before::Nothing {
                // Somebody else holds the file: the rest would only wait as long again, one by one.
                ran.extend(waiting.drain(..));
            }
            let outcome = match begun {
                Ok(true) => job.run(&mut self.tx).await,
                Ok(false) => {
                    job.refuse(Error::Gone);
                    Outcome::Refused
                }
                Err(_) => Outcome::Refused,
            };
            let kept = self.keep(outcome, job.clinic(), batch).await;
            ran.push(job);
            begun?;
            before = if kept? { Before::Kept } else { Before::Refused };
            if !self.reserve.held() {
                break;
            }
        }
        Ok(before)
    }

    /// The end of the job before and the begin of this one, in one trip. False: there is no such clinic.
    async fn begin(&mut self, clinic: Option<ClinicId>, before: Before) -> Result<bool> {
        let room = if self.reserve.held() { Room::Enough } else { Room::Reserve };
        let now = self.clock.now();
        self.tx.begin(clinic.unwrap_or(ClinicId(0)), Begun::default(), now, room);
        let sql = match (before, clinic.is_some()) {
            (Before::Alone, true) => sqlite::ALONE,
            (Before::Alone, false) => sqlite::ALONE_ASIDE,
            (Before::Nothing, true) => sqlite::FIRST,
            (Before::Kept, true) => sqlite::AFTER_KEPT,
            (Before::Refused, true) => sqlite::AFTER_REFUSED,
            (Before::Nothing, false) => sqlite::FIRST_ASIDE,
            (Before::Kept, false) => sqlite::AFTER_KEPT_ASIDE,
            (Before::Refused, false) => sqlite::AFTER_REFUSED_ASIDE,
        };
        match clinic {
            Some(clinic) => {
                let found = self.tx.conn().begun(sql, clinic).await?;
                let is_there = found.is_some();
                self.tx.begin(clinic, found.unwrap_or_default(), now, room);
                Ok(is_there)
            }
            None => self.tx.conn().run(sql, values![]).await.map(|_| true),
        }
    }

    /// Notes what a job did. An error means that SQLite may have rolled back the whole transaction by itself
    /// (<https://www.sqlite.org/lang_transaction.html>: full disk, I/O, memory).
    async fn keep(&mut self, outcome: Outcome, clinic: Option<ClinicId>, batch: &mut Batch) -> Result<bool> {
        if let Some(error) = self.tx.spoiled()
            && !matches!(error, Error::Unique(_) | Error::Gone | Error::Overlap | Error::Invalid(_))
        {
            return Err(error.clone());
        }
        if outcome == Outcome::Refused {
            return Ok(false);
        }
        batch.kept += 1;
        batch.renew |= self.tx.conn().renew;
        batch.scrub |= self.tx.scrub;
        if let Some(clinic) = clinic {
            self.tx.kept();
            batch.changes.push(Change { clinic, seq: self.tx.seq(), structural: self.tx.structural });
        }
        Ok(true)
    }

    /// Commits what was kept.
    async fn end(&mut self, before: Before, batch: &Batch) -> Result<()> {
        self.tx.conn().opened();
        let sql = match (batch.kept, before) {
            (_, Before::Nothing | Before::Alone) => return Ok(()),
            (0, _) => "rollback",
            (_, Before::Kept) => sqlite::COMMIT_KEPT,
            (_, Before::Refused) => sqlite::COMMIT_REFUSED,
        };
        let done = self.tx.conn().run(sql, values![]).await;
        self.tx.conn().closed();
        done.map(|_| ())
    }

    /// The transaction is lost: makes sure that nothing of it stays open, and draws the consequences.
    async fn abandon(&mut self, batch: &Batch, error: &Error) {
        batch.changes.iter().for_each(|change| self.tx.lost(change.clinic));
        self.tx.conn().opened();
        // SQLite may have rolled back already; then this answers that there is nothing to roll back.
        self.tx.conn().run("rollback", values![]).await.ok();
        self.tx.conn().opened();
        self.tx.conn().closed();
        match error {
            Error::Full if self.reserve.held() => self.press(),
            Error::Broken(cause) if sync_failed(cause.as_ref()) => {
                tracing::error!(
                    "the disk failed to sync: no more writes are accepted; check the disk, then restart"
                );
                self.broken = Some(error.clone());
            }
            _ => {}
        }
    }

    /// Tells memory and everybody who waits for changes.
    async fn publish(&mut self, batch: &Batch) {
        let mut foreign = batch.renew;
        for change in &batch.changes {
            foreign |= !self.versions.advance(change.clinic, change.seq, change.structural);
        }
        if foreign && let Err(error) = self.renew().await {
            tracing::error!(%error, "the versions of the clinics cannot be read");
        }
        if !batch.changes.is_empty() {
            self.pulse.send_modify(|count| *count += 1);
        }
        if batch.scrub {
            self.truncate_wal().await.ok();
        }
    }

    /// Looks for what other processes did, and for room when the disk is full.
    async fn tick(&mut self) {
        if self.ready().await.is_err() {
            return;
        }
        match self.look().await {
            Ok(true) => {
                if let Err(error) = self.renew().await {
                    tracing::error!(%error, "the versions of the clinics cannot be read");
                }
                self.pulse.send_modify(|count| *count += 1);
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "cannot look for changes of other processes"),
        }
        if self.reserve.short() {
            self.press();
        }
        if !self.reserve.held() {
            self.relieve().await;
        }
    }

    /// From here on only what makes the database smaller is written, with the room of the reserve.
    fn press(&mut self) {
        tracing::error!(
            "the disk of the database is full: only reading and removing go on until there is room"
        );
        self.reserve.release();
    }

    /// True when another connection has committed since the last look. `data_version` is asked on the writer's own
    /// connection: on any other one it would change with our own commits too.
    async fn look(&mut self) -> Result<bool> {
        let version = self.tx.conn().number("pragma data_version", values![]).await?.unwrap_or(0);
        let changed = version != self.data_version;
        self.data_version = version;
        Ok(changed)
    }

    async fn renew(&mut self) -> Result<()> {
        let rows = self.tx.conn().all(crate::clinics::VERSIONS, values![]).await?;
        let mut versions = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut columns = Columns::of(row);
            versions.push((ClinicId(columns.int()?), columns.int()?, columns.int()?));
        }
        self.versions.replace(versions);
        Ok(())
    }

    /// The disk is full: gives freed pages back to it, and takes the reserve again when there is room.
    async fn relieve(&mut self) {
        // Few pages at a time: moving them needs room in the WAL itself.
        for sql in ["pragma wal_checkpoint(truncate)", "pragma incremental_vacuum(16)"] {
            self.pragma(sql).await.ok();
        }
        self.truncate_wal().await.ok();
        if self.reserve.retake() {
            tracing::info!("the disk has room again: writing goes on");
        }
    }

    async fn truncate_wal(&mut self) -> Result<()> {
        self.pragma("pragma wal_checkpoint(truncate)").await
    }

    /// A pragma that must not wait long for readers.
    async fn pragma(&mut self, sql: &'static str) -> Result<()> {
        let conn = self.tx.conn();
        conn.script("pragma busy_timeout = 100").await?;
        let done = conn.script(sql).await;
        conn.script("pragma busy_timeout = 5000").await?;
        done
    }

    async fn limit_wal(&mut self) -> Result<()> {
        let pages = self.reserve.checkpoint_pages();
        let bytes = pages * sqlite::PAGE;
        let sql = format!("pragma wal_autocheckpoint = {pages}; pragma journal_size_limit = {bytes}");
        self.tx.conn().script(sqlx::AssertSqlSafe(sql)).await
    }
}

async fn connect(place: &Place, recent: &Recent) -> Result<Tx> {
    let connection = place.writer().await?;
    Ok(Tx::over(Conn::own(connection, Database::Sqlite), recent.clone(), Tally::OfEach))
}

fn sync_failed(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let code = cause.downcast_ref::<sqlx::Error>().map_or(0, sqlite::code);
    code == sqlite::IOERR_FSYNC || code == sqlite::IOERR_DIR_FSYNC
}
