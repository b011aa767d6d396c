//! The measure of a single booking for every date that a change leaves, be it of a series or of many appointments at once:
//! the hours, the notice, what is counted a day and a week, the patient's other appointments. Hours are asked of the index
//! before the transaction, which then looks whether that still holds and counts what really stands.

use std::collections::{BTreeMap, HashMap};

use store::{AppointmentRow, CollectionId, PrincipalId};

use super::Clinic;
use super::alter::{Alter, Scope};
use super::appointments::{Ready, book};
use super::bulk::{Act, Doing, Failed};
use super::catalogue::LEAST;
use super::check::Check;
use super::error::{Error, Result, Unfit};
use super::found::Found;
use super::interval::Open;
use super::live::Index;
use super::plan::HORIZON;
use super::reserve::{Side, hours};
use super::visit::{AppointmentId, Booked, Ground};
use super::wall::DAY;
use super::wish::{Strict, Wish};
use crate::calendar::Work;

/// A date that may not be booked where it would stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfitting {
    pub start: i64,
    pub end: i64,
    pub why: Unfit,
}

/// A date as a change leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stand {
    /// Of which of the changes, from 0.
    pub act: usize,
    pub row: AppointmentRow,
    pub start: i64,
    pub end: i64,
    /// The first of its change: how far ahead it may lie is asked of this one.
    pub is_first: bool,
    /// Its time, its people or its service are new; else its patient alone.
    pub is_timed: bool,
}

impl Stand {
    /// One that is its own change.
    pub fn alone(row: &AppointmentRow) -> Stand {
        // Who signed it when is no matter of where it stands.
        let row = AppointmentRow { changed_at: 0, made_at: 0, seq: 0, ..row.clone() };
        let (start, end) = (row.start_at, row.end_at);
        Stand { act: 0, row, start, end, is_first: true, is_timed: true }
    }

    fn unfit(&self, why: Unfit) -> Unfitting {
        Unfitting { start: self.start, end: self.end, why }
    }

    fn wish(&self, index: &Index) -> Wish {
        let row = &self.row;
        let is = |code: &str| Some(code) == row.service.as_deref();
        let known = index.catalogue.services();
        let service = known.filter(|(_, one)| one.fields.active).find(|(_, one)| is(&one.fields.code));
        Wish {
            service: service.map(|(id, _)| id),
            with: Some(row.resources.clone()),
            minutes: Some((self.end - self.start) / 60),
            location: row.location,
            mode: row.mode.clone(),
            ignore: Some(AppointmentId { uid: row.uid.clone(), occurrence: None }),
            ..Wish::new(row.practitioner, self.start)
        }
    }
}

/// Whether a change is measured at all: not what is overbooked on purpose, nor what concerns words alone.
pub(super) fn is_measured(act: &Act) -> bool {
    match &act.doing {
        Doing::Alter(_, alter, ground) => {
            !matches!(ground, Ground::Overbook(_)) && (is_timed(alter) || alter.patient.is_some())
        }
        Doing::Cancel(..) | Doing::Advance(_) => false,
    }
}

fn is_timed(alter: &Alter) -> bool {
    alter.start.is_some()
        || alter.length.is_some()
        || alter.rule.is_some()
        || alter.practitioner.is_some()
        || alter.with.is_some()
        || alter.service.is_some()
}

/// The dates of one change, where it left them.
pub(super) async fn stands(
    work: &mut Work<'_>,
    (number, act): (usize, &Act),
    booked: &Booked,
    by: super::By,
) -> Result<Vec<Stand>> {
    let Doing::Alter(scope, alter, _) = &act.doing else { return Ok(Vec::new()) };
    if !is_measured(act) {
        return Ok(Vec::new());
    }
    let found = Found::open(work, by, &booked.id, None).await?;
    let is_timed = is_timed(alter);
    let stand = |row: &AppointmentRow, (start, end), is_first| Stand {
        act: number,
        start,
        end,
        is_first,
        is_timed,
        ..Stand::alone(row)
    };
    if *scope == Scope::This || !found.is_series() {
        return Ok(vec![stand(&found.row, (found.row.start_at, found.row.end_at), true)]);
    }
    let now = work.tx().now();
    let dates = found.dates(ical::Window { from: now, until: now + HORIZON }).await?;
    let to_come = dates.iter().filter(|one| one.start >= now);
    Ok(to_come.enumerate().map(|(n, one)| stand(&found.whole, (one.start, one.end), n == 0)).collect())
}

/// A day or a week with how many there may be in it (0: any number).
type Bound = ((i64, i64), u32, Unfit);

/// Dates with what may be counted around each.
pub(super) struct Measured {
    pub stands: Vec<Stand>,
    bounds: Vec<Vec<Bound>>,
    seen: i64,
    hours: BTreeMap<PrincipalId, Vec<CollectionId>>,
    overlap: bool,
    /// How many appointments to come a patient may have (0: any number).
    visits: i64,
}

type Laid = (Result<Vec<Bound>>, i64);

impl Clinic {
    /// By the hours, the notice and the services as they are now; refuses with all dates of the first change that does
    /// not fit.
    pub(super) async fn measured(&self, side: Side, stands: Vec<Stand>) -> Result<Measured, Failed> {
        let far = self.far_hours_of(side, &stands).await.map_err(|error| Failed { at: 0, error })?;
        let asked = stands.clone();
        let looked = self.look(side.clinic, move |index, now| {
            let settings = &index.catalogue.settings;
            let laid: Vec<Laid> = asked.iter().map(|one| lay(index, one, (side, &far), now)).collect();
            let of = asked.iter().map(|one| one.row.practitioner);
            let hours: BTreeMap<_, _> = of.map(|of| (of, hours(index, of))).collect();
            (laid, hours, settings.patient_overlap, settings.visits_patient)
        });
        let (laid, hours, overlap, visits) = looked.await.map_err(|error| Failed { at: 0, error })?;
        let seen = laid.iter().map(|(_, seen)| *seen).min().unwrap_or(i64::MAX);
        let (mut bounds, mut unfit) = (Vec::with_capacity(laid.len()), Unfits::default());
        for ((result, _), stand) in laid.into_iter().zip(&stands) {
            match result {
                Ok(found) => bounds.push(found),
                Err(Error::Unfit(why)) => unfit.note(stand, why),
                Err(error) => return Err(Failed { at: stand.act, error }),
            }
        }
        unfit.end()?;
        Ok(Measured { stands, bounds, seen, hours, overlap, visits })
    }

    /// Books a series whose dates were measured, each of them or nothing.
    pub(super) async fn book_measured(
        &self,
        by: super::By,
        (ready, ground): (Ready, Ground),
        measured: Measured,
        run: super::Run,
    ) -> Result<Booked> {
        let done = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                measured.before(work).await?;
                measured.patient_may(work).await?;
                let (booked, _) = book(work, by, &ready, ground).await?;
                measured.after(work, &measured.stands).await.map_err(|failed| failed.error)?;
                match run {
                    super::Run::Real => Ok(booked),
                    super::Run::Rehearsal => Err(Halt::Rehearsed(booked)),
                }
            })
        });
        match done.await {
            Ok(booked) | Err(Halt::Rehearsed(booked)) => Ok(booked),
            Err(Halt::Failed(error)) => Err(error),
        }
    }

    /// Hours of days that lie so far ahead that the index need not know them.
    async fn far_hours_of(&self, side: Side, stands: &[Stand]) -> Result<HashMap<PrincipalId, Vec<Open>>> {
        let now = self.store().clock().now();
        let is_far = |one: &&Stand| {
            one.is_timed && one.start >= now + LEAST as i64 * DAY && one.start <= ical::Window::END
        };
        let far: Vec<&Stand> = stands.iter().filter(is_far).collect();
        let (Some(from), Some(until)) =
            (far.iter().map(|one| one.start).min(), far.iter().map(|one| one.start).max())
        else {
            return Ok(HashMap::new());
        };
        let mut of: Vec<PrincipalId> = far.iter().map(|one| one.row.practitioner).collect();
        of.sort_unstable();
        of.dedup();
        let house = self.store().read(side.clinic).await?.house(side.clinic).await?;
        // No further than intervals are made for: a date beyond that is asked again when it comes nearer.
        let until = until.min(now + 2 * HORIZON);
        self.hours_of((side.clinic, now), &of, house, (from - DAY, until + 2 * DAY)).await
    }
}

/// What one date comes to.
fn lay(
    index: &Index,
    stand: &Stand,
    (side, far): (Side, &HashMap<PrincipalId, Vec<Open>>),
    now: i64,
) -> Laid {
    if !stand.is_timed {
        return (Ok(Vec::new()), i64::MAX);
    }
    let strict = Strict { outside: side.outside, rules: true, ahead: stand.is_first };
    let far = far.get(&stand.row.practitioner).map_or(&[][..], Vec::as_slice);
    match stand.wish(index).lay(index, strict, (&[], far), now) {
        Err(error) => (Err(error), index.seen),
        Ok(laid) if laid.service.is_none() => (Ok(Vec::new()), laid.seen),
        Ok(laid) => {
            let (day, week) = (laid.measure.day_limit, laid.measure.week_limit);
            let both = vec![(laid.day, day, Unfit::DayLimit), (laid.week, week, Unfit::WeekLimit)];
            (Ok(both), laid.seen)
        }
    }
}

impl Measured {
    /// Refuses what was measured by rules or hours that have changed.
    pub async fn before(&self, work: &mut Work<'_>) -> Result<()> {
        for (practitioner, hours) in &self.hours {
            let mut all: Vec<_> = self.stands.iter().flat_map(|one| one.row.resources.clone()).collect();
            all.push(*practitioner);
            let check = Check { seen: self.seen, all, hours: hours.clone(), ..Check::of(*practitioner) };
            check.run(work).await?;
        }
        Ok(())
    }

    /// Refuses another appointment of a patient who has as many as one may.
    pub async fn patient_may(&self, work: &mut Work<'_>) -> Result<()> {
        let Some(first) = self.stands.first() else { return Ok(()) };
        let (patient, visits) = (first.row.patient, self.visits);
        Check { patient, visits, ..Check::of(first.row.practitioner) }.run(work).await
    }

    /// Counts what stands now; `stands` are where the dates stand, which must be those that were measured.
    pub async fn after(&self, work: &mut Work<'_>, stands: &[Stand]) -> Result<(), Failed> {
        let of = |at: usize| move |error: Error| Failed { at, error };
        if stands != self.stands {
            return Err(Failed { at: 0, error: Error::Overtaken });
        }
        let (mut counted, mut unfit) = (HashMap::new(), Unfits::default());
        for (stand, bounds) in stands.iter().zip(&self.bounds) {
            let row = &stand.row;
            let service = row.service.as_deref().unwrap_or_default();
            for (window, most, why) in bounds.iter().filter(|(_, most, _)| *most > 0) {
                let key = (row.practitioner, service, *window);
                let there = match counted.get(&key) {
                    Some(there) => *there,
                    None => {
                        let there = work.tx().count_of_service(row.practitioner, service, *window, "").await;
                        let there = there.map_err(|error| of(stand.act)(error.into()))?;
                        counted.insert(key, there);
                        there
                    }
                };
                if there > i64::from(*most) {
                    unfit.note(stand, *why);
                    break;
                }
            }
            let Some(patient) = row.patient.filter(|_| !self.overlap) else { continue };
            let span = (stand.start, stand.end);
            let busy = work.tx().patient_is_busy(patient, span, &row.uid).await;
            if busy.map_err(|error| of(stand.act)(error.into()))? {
                unfit.note(stand, Unfit::PatientBusy);
            }
        }
        unfit.end()
    }
}

/// All dates of the first change that do not fit.
#[derive(Default)]
struct Unfits {
    at: usize,
    dates: Vec<Unfitting>,
}

impl Unfits {
    fn note(&mut self, stand: &Stand, why: Unfit) {
        if self.dates.is_empty() {
            self.at = stand.act;
        }
        if self.at == stand.act {
            self.dates.push(stand.unfit(why));
        }
    }

    fn end(self) -> Result<(), Failed> {
        match self.dates.is_empty() {
            true => Ok(()),
            false => Err(Failed { at: self.at, error: Error::Dates(self.dates) }),
        }
    }
}

/// How a transaction ends without a commit.
enum Halt {
    Failed(Error),
    Rehearsed(Booked),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Failed(error)
    }
}

impl From<store::Error> for Halt {
    fn from(error: store::Error) -> Halt {
        Halt::Failed(error.into())
    }
}
