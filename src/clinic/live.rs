//! The index of free time kept alive: one for each clinic that somebody asked about, built from the rows and texts, then
//! kept equal to them by following the journal.
//!
//! Before each answer it has seen everything that was committed when the question came: nobody is offered what is
//! taken on this node, and on another one the change is in the journal that both read. It can be dropped at any time.
//! When a day is over, the next one comes in beside the questions, some people at a time.
//!
//! *Never:* is written by whoever books; answers from what it has not caught up with; looks through many of them on an async
//! thread.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use store::{ClinicId, CollectionId, Fact, Instant, PrincipalId, Record, Row};
use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio::task::JoinHandle;

use super::Clinic;
use super::catalogue::Catalogue;
use super::error::{Error, Result};
use super::free::Free;
use super::gather::{Changes, Closed, SOME};
use super::interval::settled;
use super::open::HOURS;
use super::plan::VISITS;
use super::wall::DAY;

/// Facts read at a time.
const FACTS: u32 = 5_000;

/// Days that an index knows beyond those that are searched: when a day is over, the next one is read while it goes on as it
/// is. It is eight in the morning somewhere whenever that is.
const SPARE: usize = 1;

/// So many changes behind, an index is brought up beside those who may go by one that is. The store remembers more of what
/// this process wrote, so nobody waits for that.
const BEHIND: i64 = 64;

/// Calendars remembered of one clinic.
const REMEMBERED: usize = 100_000;

/// The indexes of this process.
pub(super) struct Live {
    clinics: Mutex<HashMap<ClinicId, Arc<Kept>>>,
    /// Searches beside one another: more than there are processors would only wait for one another.
    lanes: Arc<Semaphore>,
}

/// The index of one clinic.
pub(super) struct Kept {
    pub id: ClinicId,
    index: RwLock<Option<Index>>,
    /// One brings it up to date, the others wait.
    turn: Arc<tokio::sync::Mutex<()>>,
    seen: AtomicI64,
    /// From this instant on it is no longer right by itself: a hold runs out, or the days that it has to spare are over.
    until: AtomicI64,
    /// From this instant on the days that come are read, by one.
    ages: AtomicI64,
    days: Arc<tokio::sync::Mutex<()>>,
    visits: Mutex<Calendars>,
}

/// In which calendars people and rooms are booked: right until something else than objects changes.
#[derive(Default)]
struct Calendars {
    structure: i64,
    all: HashMap<PrincipalId, CollectionId>,
}

/// What is known of a clinic at one change.
pub(super) struct Index {
    pub free: Free,
    pub catalogue: Arc<Catalogue>,
    /// Services by their codes, as intervals count for them.
    pub numbers: HashMap<String, u16>,
    /// Whose the calendars of dated hours are.
    pub hours: Arc<HashMap<CollectionId, PrincipalId>>,
    /// Who closes everybody's time: the house, with its holidays.
    pub house: Option<PrincipalId>,
    /// When it does, within the days the index is for: all hours here were cut by this.
    pub closed: Vec<Closed>,
    /// It has seen this change and all before it.
    pub seen: i64,
}

impl Default for Live {
    fn default() -> Live {
        let processors = std::thread::available_parallelism().map_or(2, |count| count.get());
        Live { clinics: Mutex::default(), lanes: Arc::new(Semaphore::new(processors)) }
    }
}

impl Live {
    fn kept(&self, id: ClinicId) -> Arc<Kept> {
        let mut clinics = self.clinics.lock().unwrap_or_else(PoisonError::into_inner);
        clinics.entry(id).or_insert_with(|| Arc::new(Kept::new(id))).clone()
    }
}

impl Kept {
    fn new(id: ClinicId) -> Kept {
        Kept {
            id,
            index: RwLock::new(None),
            turn: Arc::default(),
            seen: AtomicI64::new(-1),
            until: AtomicI64::new(i64::MIN),
            ages: AtomicI64::new(i64::MAX),
            days: Arc::default(),
            visits: Mutex::default(),
        }
    }

    /// Looks into the calendars that are known at this version of the structure.
    fn visits<T>(
        &self,
        structure: i64,
        look: impl FnOnce(&mut HashMap<PrincipalId, CollectionId>) -> T,
    ) -> Option<T> {
        let mut known = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        if known.structure < structure || known.all.len() > REMEMBERED {
            *known = Calendars { structure, all: HashMap::new() };
        }
        (known.structure == structure).then(|| look(&mut known.all))
    }

    /// A small question, while nobody is changing the index.
    fn glance<T, Q: FnOnce(&Index, i64) -> T>(&self, question: Q, now: i64) -> Result<T, Q> {
        match self.index.try_read().as_deref() {
            Ok(Some(index)) => Ok(question(index, now)),
            _ => Err(question),
        }
    }

    fn is_fresh(&self, seq: i64, now: i64) -> bool {
        self.seen.load(Ordering::Acquire) >= seq && now < self.until.load(Ordering::Acquire)
    }

    /// Changes the index; a panic in it leaves none, and the next question builds a new one.
    pub fn change(&self, now: i64, change: impl FnOnce(&mut Option<Index>)) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if self.index.is_poisoned() {
            *index = None;
            self.index.clear_poison();
        }
        change(&mut index);
        if let Some(index) = &mut *index {
            index.free.settle(now);
            let ages = index.free.span().0 + DAY;
            self.ages.store(ages, Ordering::Release);
            let until = index.free.next_expiry().min(ages + SPARE as i64 * DAY);
            self.until.store(until, Ordering::Release);
            self.seen.store(index.seen, Ordering::Release);
        }
    }

    /// A small change of an index that begins there, in its turn, off the async threads.
    async fn step<T: Send + 'static>(
        self: &Arc<Kept>,
        now: i64,
        begins: i64,
        change: impl FnOnce(&mut Index) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let (_turn, of) = (self.turn.lock().await, self.clone());
        let done = super::plan::compute(move || {
            let mut done = None;
            of.change(now, |index| {
                let right = index.as_mut().filter(|index| index.free.span().0 == begins);
                done = right.map(change);
            });
            done
        });
        Ok(done.await?)
    }

    /// A look at the index; None before there is one.
    pub fn read<T>(&self, look: impl FnOnce(&Index) -> T) -> Option<T> {
        match self.index.read() {
            Ok(index) => index.as_ref().map(look),
            Err(_) => {
                // Whoever asks next builds a new one.
                self.until.store(i64::MIN, Ordering::Release);
                None
            }
        }
    }
}

impl Index {
    /// Everybody is closed then as well.
    pub fn close(&mut self, more: Vec<Closed>) {
        self.closed = settled(self.closed.drain(..).chain(more).collect());
    }
}

/// What an index must know of the moment when a request began.
#[derive(Clone, Copy)]
pub(super) enum Known {
    /// All of it.
    Everything,
    /// People, hours of every week and records. Time that was taken, and dated hours, may be a little older: for whoever
    /// asks again in its transaction ([`super::check`]), and takes no refusal from it. So it is not read again after each
    /// booking.
    Rules,
}

/// What of the journal is followed.
#[derive(Clone, Copy)]
pub(super) enum Follow {
    /// Whose time changed, and what people, their hours and the records are.
    Time,
    /// All of it, about so many facts.
    Everything(u32),
}

/// What the journal tells that an index does not know yet.
#[derive(Default)]
pub(super) struct News {
    /// Up to which change.
    pub upto: i64,
    /// Whose time changed, and where.
    pub touched: BTreeMap<PrincipalId, (i64, i64)>,
    /// Who is to be read anew: what they are and when they are open.
    pub who: BTreeSet<PrincipalId>,
    /// Services, terms or settings changed.
    pub catalogue: bool,
    /// Anything may be different.
    pub all: bool,
}

impl News {
    fn add(&mut self, fact: &Fact, hours: &HashMap<CollectionId, PrincipalId>) {
        match fact {
            Fact::TimeChanged { resource, from, until } => {
                let span = self.touched.entry(*resource).or_insert((*from, *until));
                *span = (span.0.min(*from), span.1.max(*until));
            }
            Fact::PrincipalChanged { principal } | Fact::PrincipalErased { principal } => {
                self.who.insert(*principal);
            }
            Fact::CollectionMade { owner, .. }
            | Fact::CollectionChanged { owner, .. }
            | Fact::CollectionGone { owner, .. } => {
                self.who.insert(*owner);
            }
            Fact::ObjectPut { collection, .. }
            | Fact::ObjectGone { collection, .. }
            | Fact::Imported { collection } => self.who.extend(hours.get(collection)),
            Fact::RecordChanged(Record::Resource(id)) => {
                self.who.insert(*id);
            }
            Fact::RecordChanged(Record::Term(_) | Record::Service(_) | Record::Settings) => {
                self.catalogue = true
            }
            Fact::Restored => self.all = true,
            Fact::RecordChanged(_)
            | Fact::Appointment { .. }
            | Fact::HoldsChanged { .. }
            | Fact::Shared { .. }
            | Fact::Unshared { .. }
            | Fact::FeedChanged { .. }
            | Fact::PropertiesChanged { .. } => {}
        }
    }

    /// Whether a plan for these resources, made before this, may be wrong now. Time that was taken does not count: the
    /// booking itself looks for that.
    pub fn overthrow(&self, of: &[PrincipalId]) -> bool {
        self.all || self.catalogue || of.iter().any(|id| self.who.contains(id))
    }

    pub fn of(rows: &[Row], hours: &HashMap<CollectionId, PrincipalId>) -> News {
        let mut news = News::default();
        rows.iter().for_each(|row| news.add(&row.fact, hours));
        news
    }
}

impl Clinic {
    /// Asks the index of a clinic, which knows everything committed so far; `now` is the database's moment.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        clinic: ClinicId,
        question: impl FnOnce(&Index, i64) -> T + Send + 'static,
    ) -> Result<T> {
        let (kept, now) = self.fresh(clinic).await?;
        let lane = self.live.lanes.clone().acquire_owned().await;
        let lane = lane.map_err(|_| Error::Calendar(crate::calendar::Error::Busy { retry_after: 1 }))?;
        super::plan::compute(move || {
            let answer = kept.read(|index| question(index, now));
            drop(lane);
            answer
        })
        .await?
        .ok_or(Error::Calendar(crate::calendar::Error::Busy { retry_after: 1 }))
    }

    /// The same for a question of microseconds, answered where it is asked.
    pub(super) async fn glance<T: Send + 'static>(
        &self,
        clinic: ClinicId,
        question: impl FnOnce(&Index, i64) -> T + Send + 'static,
    ) -> Result<T> {
        let (kept, now) = self.fresh(clinic).await?;
        match kept.glance(question, now) {
            Ok(answer) => Ok(answer),
            Err(question) => self.look(clinic, question).await,
        }
    }

    /// The same for a request that began then, and goes by what was then or later: no trip to ask what is now. Of what may
    /// be behind, see [`Known`].
    pub(super) async fn glance_at<T: Send + 'static>(
        &self,
        clinic: ClinicId,
        (at, known): (Instant, Known),
        question: impl FnOnce(&Index, i64) -> T + Send + 'static,
    ) -> Result<T> {
        let kept = match known {
            Known::Everything => self.fresh_at(clinic, at).await?,
            Known::Rules => self.near_at(clinic, at).await?,
        };
        match kept.glance(question, at.moment) {
            Ok(answer) => Ok(answer),
            Err(question) => self.look(clinic, question).await,
        }
    }

    /// The calendar of each in which it is booked, at this version of the structure or later.
    pub(super) async fn visits_of(
        &self,
        clinic: ClinicId,
        structure: i64,
        of: &[PrincipalId],
    ) -> Result<Vec<(PrincipalId, CollectionId)>> {
        let kept = self.live.kept(clinic);
        let all = |known: &mut HashMap<_, _>| {
            of.iter().map(|id| Some((*id, *known.get(id)?))).collect::<Option<Vec<_>>>()
        };
        if let Some(found) = kept.visits(structure, all).flatten() {
            return Ok(found);
        }
        let rows = self.store().read(clinic).await?.collections_called(clinic, VISITS, of).await?;
        let found: Vec<_> = rows.into_iter().map(|row| (row.owner, row.id)).collect();
        kept.visits(structure, |known| known.extend(found.iter().copied()));
        Ok(found)
    }

    /// Builds the index of every clinic that can be booked, so that nobody waits for it.
    pub async fn warm(&self) -> Result<()> {
        let clinics = self.store().across().await?.clinics().await?;
        for clinic in clinics {
            let some = self.store().read(clinic.id).await?.resources(clinic.id, PrincipalId(0), 1).await?;
            if !some.is_empty() {
                self.fresh(clinic.id).await?;
            }
        }
        Ok(())
    }

    async fn fresh(&self, clinic: ClinicId) -> Result<(Arc<Kept>, i64)> {
        let at = self.store().instant(clinic).await?;
        Ok((self.fresh_at(clinic, at).await?, at.moment))
    }

    /// The index, once it knows everything that was committed then.
    async fn fresh_at(&self, clinic: ClinicId, at: Instant) -> Result<Arc<Kept>> {
        let Instant { version, moment: now } = at;
        let kept = self.live.kept(clinic);
        self.new_days(&kept, now).await?;
        if kept.is_fresh(version.seq, now) {
            return Ok(kept);
        }
        let turn = kept.turn.clone().lock_owned().await;
        if !kept.is_fresh(version.seq, now) {
            let done = self.renewing(&kept, now, turn);
            done.await.map_err(|stopped| crate::calendar::Error::Broken(Box::new(stopped)))??;
        }
        Ok(kept)
    }

    /// The index, once it knows of the rules what was committed then, and of time what stood not long before.
    async fn near_at(&self, clinic: ClinicId, at: Instant) -> Result<Arc<Kept>> {
        let kept = self.live.kept(clinic);
        let (seen, upto) = (kept.seen.load(Ordering::Acquire), at.version.seq);
        if !self.store().is_plain(clinic, seen, upto) {
            return self.fresh_at(clinic, at).await;
        }
        self.new_days(&kept, at.moment).await?;
        if upto - seen > BEHIND
            && let Ok(turn) = kept.turn.clone().try_lock_owned()
        {
            // Nobody waits for it.
            drop(self.renewing(&kept, at.moment, turn));
        }
        Ok(kept)
    }

    /// A task of its own: whoever asked may go away, and half a change is none.
    fn renewing(&self, kept: &Arc<Kept>, now: i64, turn: OwnedMutexGuard<()>) -> JoinHandle<Result<()>> {
        let (this, of) = (self.clone(), kept.clone());
        tokio::spawn(async move {
            let _turn = turn;
            let done = this.renew(&of, now).await;
            if let Err(error) = &done {
                tracing::warn!(clinic.id = of.id.0, %error, "the index of free time cannot be brought up: tried again");
            }
            done
        })
    }

    /// Sees to it that the days that come are in an index; waits for that only where it has none to spare any more.
    async fn new_days(&self, kept: &Arc<Kept>, now: i64) -> Result<()> {
        let ages = kept.ages.load(Ordering::Acquire);
        if now < ages {
            return Ok(());
        }
        let is_over = now >= ages + SPARE as i64 * DAY;
        let alone = match kept.days.clone().try_lock_owned() {
            Ok(alone) => alone,
            Err(_) if is_over => kept.days.clone().lock_owned().await,
            Err(_) => return Ok(()),
        };
        // A task of its own: whoever asked may go away.
        let (this, of) = (self.clone(), kept.clone());
        let done = tokio::spawn(async move {
            let _alone = alone;
            let done = this.move_on(&of, now).await;
            if let Err(error) = &done {
                tracing::warn!(clinic.id = of.id.0, %error, "the days that come cannot be read: tried again");
            }
            done
        });
        if is_over {
            done.await.map_err(|stopped| crate::calendar::Error::Broken(Box::new(stopped)))??;
        }
        Ok(())
    }

    /// Brings an index to another day, beside whoever asks it and changes it.
    async fn move_on(&self, kept: &Arc<Kept>, now: i64) -> Result<()> {
        // Of two who came at once the second finds it done.
        if kept.ages.load(Ordering::Acquire) > now {
            return Ok(());
        }
        let since = self.store().version(kept.id).await?.seq;
        let Some(days) = self.days(kept, now).await? else { return Ok(()) };
        for some in days.ids.chunks(SOME) {
            let changes = self.days_of((kept.id, now), &days, some).await?;
            kept.step(now, days.begins, |index| changes.put(index)).await?;
        }
        let (begins, closed) = (days.begins, days.closed);
        let turn = move |index: &mut Index| {
            index.close(closed);
            Some((index.free.turn(now)?, index.free.ids().count()))
        };
        let Some((known, count)) = kept.step(now, begins, turn).await?.flatten() else { return Ok(()) };
        let today = now.div_euclid(DAY) * DAY;
        for first in (0..count).step_by(SOME) {
            let some = first..first + SOME;
            kept.step(now, today, move |index| index.free.carry_on(some, known)).await?;
        }
        // What was committed meanwhile may be in what was read, or not: it is looked at again.
        kept.step(now, today, move |index| index.seen = index.seen.min(since)).await?;
        Ok(())
    }

    /// Brings an index up to what is committed now.
    async fn renew(&self, kept: &Arc<Kept>, now: i64) -> Result<()> {
        loop {
            let target = self.store().version(kept.id).await?.seq;
            let known = kept.read(|index| (index.seen, index.hours.clone()));
            let Some((seen, hours)) = known else { return self.build(kept, now).await };
            let (rows, is_full) = self.facts(kept.id, seen, Follow::Time).await?;
            let is_last = !is_full;
            let mut news = News::of(&rows, &hours);
            let last = rows.last().map_or(seen, |row| row.seq);
            news.upto = if is_last { last.max(target) } else { last };
            if news.all {
                return self.build(kept, now).await;
            }
            let changes = self.changes(kept, &news, now).await?;
            let Some(changes) = changes.fitting(kept) else { return self.build(kept, now).await };
            let of = kept.clone();
            super::plan::compute(move || changes.apply(&of, now)).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// The facts after a change, whole changes only; and whether there are more.
    pub(super) async fn facts(
        &self,
        clinic: ClinicId,
        seen: i64,
        follow: Follow,
    ) -> Result<(Vec<Row>, bool)> {
        let mut limit = match follow {
            Follow::Time => FACTS,
            Follow::Everything(about) => about,
        };
        loop {
            let mut conn = self.store().read(clinic).await?;
            let mut rows = match follow {
                Follow::Time => conn.times_after(clinic, seen, HOURS, limit).await?,
                Follow::Everything(_) => conn.journal_after(clinic, seen, limit).await?,
            };
            drop(conn);
            if rows.len() < limit as usize {
                return Ok((rows, false));
            }
            // The last one may be cut.
            let last = rows.last().map_or(seen, |row| row.seq);
            rows.retain(|row| row.seq < last);
            if !rows.is_empty() {
                return Ok((rows, true));
            }
            limit = limit.saturating_mul(4);
        }
    }

    async fn build(&self, kept: &Arc<Kept>, now: i64) -> Result<()> {
        let begun = std::time::Instant::now();
        let seen = self.store().version(kept.id).await?.seq;
        let catalogue = Arc::new(Catalogue::read(self.store(), kept.id).await?);
        let index = Index {
            free: Free::new(now, catalogue.days() + SPARE),
            numbers: numbers(&catalogue, HashMap::new()),
            catalogue,
            hours: Arc::default(),
            house: None,
            closed: Vec::new(),
            seen,
        };
        let index = self.fill(kept.id, index, now).await?;
        tracing::info!(
            clinic.id = kept.id.0,
            resources = index.free.ids().count(),
            bytes = index.free.bytes(),
            days = (index.free.span().1 - index.free.span().0) / DAY,
            duration_ms = begun.elapsed().as_millis() as u64,
            "the index of free time is built"
        );
        let of = kept.clone();
        super::plan::compute(move || of.change(now, |kept| *kept = Some(index))).await?;
        Ok(())
    }
}

/// Every service of the catalogue has a number; those that had one keep it.
pub(super) fn numbers(catalogue: &Catalogue, mut known: HashMap<String, u16>) -> HashMap<String, u16> {
    for (_, offering) in catalogue.services() {
        number(&mut known, &offering.fields.code);
    }
    known
}

/// The number of a service by its code. Where numbers run out, what comes is counted for nothing.
pub(super) fn number(known: &mut HashMap<String, u16>, code: &str) -> u16 {
    if let Some(known) = known.get(code) {
        return *known;
    }
    let next = u16::try_from(known.len() + 1).unwrap_or(0);
    known.insert(code.to_owned(), next);
    next
}

/// What an index is to be changed by; in `gather`, which reads it.
impl Changes {
    /// None: the index no longer fits what it is for.
    fn fitting(self, kept: &Kept) -> Option<Changes> {
        let days = self.catalogue.as_ref().map_or(0, |catalogue| catalogue.days());
        let is_wide = kept.read(|index| {
            let (from, until) = index.free.span();
            (until - from) / DAY >= (days + SPARE) as i64
        });
        is_wide.unwrap_or(false).then_some(self)
    }
}
