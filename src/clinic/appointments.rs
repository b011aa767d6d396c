//! Appointments: booked from a hold or a bare time, moved, cancelled, and led through their states. Practitioner, rooms
//! and equipment are booked together or not at all; nothing is overbooked without a reason that is written down.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ical::{Budget, Object, Zone};
use serde::{Deserialize, Serialize};
use store::{AppointmentRow, BusyKind, CollectionId, Mark, Noted, PrincipalId, Source};

use super::error::{Conflict, Error, Result};
use super::fit::BUFFER;
use super::ledger::{self, Change, Place, Weighed};
use super::plan::{self, DAY, VISITS};
use super::rules::{TWIN_TITLE, object_name, twins};
use super::status::Status;
use super::text::{self, Draught};
use super::{By, Clinic};
use crate::calendar::{self, Work};

/// Resources of one visit, and seconds it may last.
const RESOURCES: usize = 10;
const LONGEST: i64 = DAY;
/// Bytes of a rule, and of a title or a place.
const WORDS: usize = 500;

/// What is to be booked: what a service, a slot and the caller's wishes come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    pub practitioner: PrincipalId,
    /// Rooms and equipment.
    pub with: Vec<PrincipalId>,
    /// UTC seconds; of a series, its first occurrence.
    pub start: i64,
    pub end: i64,
    /// The IANA zone on whose clock a series keeps its hour.
    pub zone: String,
    /// RRULE without its name.
    pub rule: Option<String>,
    /// Seconds before and after that nobody else may have.
    pub buffers: (i64, i64),
    /// As it stands in the practitioner's calendar: without the patient, unless the clinic chose so.
    pub title: String,
    pub place: Option<String>,
    /// In the clinic's own numbers.
    pub patient: Option<i64>,
    /// Its code.
    pub service: Option<String>,
    /// Where it begins: awaiting approval, or scheduled.
    pub is_pending: bool,
    /// Whatever else the clinic keeps, as JSON.
    pub details: Option<String>,
}

/// On what ground somebody books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The time itself, be it from a slot or from nowhere.
    Bare,
    /// A hold that kept it: for this very time and these resources.
    Hold(String),
    /// Whoever may: onto a taken time too, for this reason.
    Overbook(String),
}

/// An appointment's name to the outside: stable, also for occurrences that nobody ever touched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppointmentId {
    pub uid: String,
    /// The instant of the occurrence, of a series.
    pub occurrence: Option<i64>,
}

/// What was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    pub id: AppointmentId,
    /// Its version.
    pub seq: i64,
    /// What was overbooked.
    pub overbooked: Vec<Conflict>,
}

/// The version the caller read; None asks for none.
pub type Version = Option<i64>;

/// Who cancels, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    pub by_patient: bool,
    pub reason: String,
}

impl fmt::Display for AppointmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.uid))?;
        self.occurrence.map_or(Ok(()), |instant| write!(f, ".{instant}"))
    }
}

impl FromStr for AppointmentId {
    type Err = Error;

    fn from_str(text: &str) -> Result<AppointmentId> {
        let wrong = || Error::NotFound("appointment");
        let (uid, occurrence) = text.split_once('.').map_or((text, None), |(uid, at)| (uid, Some(at)));
        let occurrence = occurrence.map(|at| at.parse().map_err(|_| wrong())).transpose()?;
        let uid = URL_SAFE_NO_PAD.decode(uid).map_err(|_| wrong())?;
        Ok(AppointmentId { uid: String::from_utf8(uid).map_err(|_| wrong())?, occurrence })
    }
}

impl Visit {
    /// All that is booked, each once, in the order of their ids.
    pub fn resources(&self) -> Vec<PrincipalId> {
        let mut all = self.with.clone();
        all.push(self.practitioner);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// What no time and no calendar need be asked for.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |field, why| Err(Error::Invalid { field, why });
        let short = |text: &str| text.len() <= WORDS && !text.chars().any(char::is_control);
        match self {
            _ if self.end <= self.start => wrong("end", "it must lie after the start"),
            _ if self.end - self.start > LONGEST => wrong("end", "a visit lasts a day at most"),
            _ if Zone::named(&self.zone).is_none() => wrong("zone", "it must be an IANA time zone"),
            _ if !(0..=BUFFER).contains(&self.buffers.0) || !(0..=BUFFER).contains(&self.buffers.1) => {
                wrong("buffers", "a buffer lasts from 0 to 8 hours")
            }
            _ if self.with.len() >= RESOURCES => wrong("with", "at most 10 resources are booked together"),
            _ if self.with.contains(&self.practitioner) => {
                wrong("with", "the practitioner is booked already")
            }
            _ if !short(&self.title) => wrong("title", "a title has at most 500 bytes"),
            _ if !self.place.as_deref().is_none_or(short) => wrong("place", "a place has at most 500 bytes"),
            _ if !self.rule.as_deref().is_none_or(short) => wrong("rule", "a rule has at most 500 bytes"),
            _ => Ok(()),
        }
    }

    pub(super) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| calendar::Error::Broken(error.into()).into())
    }

    pub(super) fn from_json(text: &str) -> Result<Visit> {
        serde_json::from_str(text).map_err(|error| calendar::Error::Broken(error.into()).into())
    }

    fn text(&self, uid: &str, stamp: i64) -> Bytes {
        let zone = Zone::named(&self.zone).unwrap_or_else(Zone::utc);
        let draught = Draught {
            uid,
            title: &self.title,
            place: self.place.as_deref(),
            service: self.service.as_deref(),
            span: (self.start, self.end),
            zone: &zone,
            rule: self.rule.as_deref(),
            buffers: self.buffers,
            stamp,
        };
        draught.text()
    }

    fn row(&self, uid: &str, by: By, now: i64) -> AppointmentRow {
        AppointmentRow {
            uid: uid.to_string(),
            recurrence: String::new(),
            practitioner: self.practitioner,
            resources: self.with.clone(),
            patient: self.patient,
            service: self.service.clone(),
            status: if self.is_pending { Status::Pending } else { Status::Scheduled }.name().into(),
            start_at: self.start,
            end_at: self.end,
            details: self.details.clone(),
            made_at: now,
            made_by: by.who,
            origin: by.door,
            changed_at: now,
            changed_by: by.who,
            changed_origin: by.door,
            reason: None,
            checked_in_at: None,
            started_at: None,
            ended_at: None,
            seq: 0,
        }
    }
}

/// 128 random bits.
pub(super) fn unguessable() -> Result<String> {
    let mut bytes = [0; 16];
    let random = getrandom::fill(&mut bytes);
    random.map_err(|error| calendar::Error::Broken(Box::new(error)))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A visit with all that is known of it before the transaction.
struct Ready {
    visit: Visit,
    uid: String,
    text: Bytes,
    object: Object,
    zone: Zone,
    occurrences: Vec<ical::Occurrence>,
    /// Each resource's calendar.
    calendars: Vec<(PrincipalId, CollectionId)>,
}

impl Ready {
    fn calendar(&self, of: PrincipalId) -> Result<CollectionId> {
        let found = self.calendars.iter().find(|(owner, _)| *owner == of);
        found.map(|(_, id)| *id).ok_or(Error::NotFound("resource"))
    }
}

impl Clinic {
    /// Books a visit: every resource, every occurrence, or nothing. From a hold, what was held counts, and the rest of
    /// `visit` (patient, title, details).
    pub async fn book(&self, by: By, visit: Visit, ground: Ground) -> Result<Booked> {
        let ready = self.ready(by, visit).await?;
        let booked = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                book(work, by, &ready, ground).await
            })
        });
        booked.await
    }

    /// What the conflicts of a visit would be: the same code as [`Clinic::book`], and nothing is written.
    pub async fn preview(&self, by: By, visit: Visit) -> Result<Vec<Conflict>> {
        let ready = self.ready(by, visit).await?;
        let seen = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                let change = change(&ready, None)?;
                let weighed = ledger::weigh(work, &change).await?;
                let mut met = weighed.conflicts();
                met.extend(beyond(work, &ready, &weighed).await?);
                // Answered as an error, so that the transaction leaves nothing.
                Err::<Vec<Conflict>, Error>(Error::Conflict(met))
            })
        });
        match seen.await {
            Err(Error::Conflict(met)) => Ok(met),
            other => other,
        }
    }

    async fn ready(&self, by: By, visit: Visit) -> Result<Ready> {
        visit.check()?;
        let (uid, now) = (unguessable()?, self.store().clock().now());
        let text = visit.text(&uid, now);
        let limits = ical::Limits::default();
        let object = ical::check(&text, &limits).map_err(|refusal| {
            let why = "it cannot be understood";
            tracing::debug!(%refusal, "a visit was refused");
            Error::Invalid { field: "rule", why }
        })?;
        let zone = Zone::named(&visit.zone).unwrap_or_else(Zone::utc);
        let occurrences = plan::expanded(&object, &zone, now).await?;
        let found =
            self.store().read().await?.collections_called(by.clinic, VISITS, &visit.resources()).await?;
        let calendars = found.into_iter().map(|row| (row.owner, row.id)).collect();
        Ok(Ready { visit, uid, text, object, zone, occurrences, calendars })
    }

    /// Everything noted of an appointment: the row of the whole first.
    pub async fn appointment(&self, by: By, id: &AppointmentId) -> Result<Vec<AppointmentRow>> {
        let rows = self.store().read().await?.appointment(by.clinic, &id.uid).await?;
        if rows.is_empty() { Err(Error::NotFound("appointment")) } else { Ok(rows) }
    }

    /// Moves an appointment, or one occurrence of a series, to another time of the same people and rooms.
    pub async fn reschedule(
        &self,
        by: By,
        id: AppointmentId,
        (start, end): (i64, i64),
        version: Version,
        ground: Ground,
    ) -> Result<Booked> {
        if end <= start || end - start > LONGEST {
            return Err(Error::Invalid {
                field: "end",
                why: "it must lie after the start, by a day at most",
            });
        }
        let moved = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                let found = Found::open(work, by, &id, version).await?;
                let now = work.tx().now();
                let text = text::moved(&found.text, id.occurrence, (start, end), now)?;
                let row = AppointmentRow { start_at: start, end_at: end, ..found.row.clone() };
                rewrite(work, &found, Some(text), (row, Noted::Moved), ground).await
            })
        });
        moved.await
    }

    /// Cancels an appointment, or one occurrence of a series: the time is free at once, the row stays.
    pub async fn cancel(&self, by: By, id: AppointmentId, how: Cancel, version: Version) -> Result<()> {
        let status = if how.by_patient { Status::CancelledByPatient } else { Status::CancelledByClinic };
        let cancelled = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                let found = Found::open(work, by, &id, version).await?;
                let from = found.status()?;
                if !from.next().contains(&status) {
                    return Err(Error::Transition { from, to: status });
                }
                let row = AppointmentRow {
                    status: status.name().into(),
                    reason: Some(how.reason),
                    ..found.row.clone()
                };
                let now = work.tx().now();
                // What has taken place stays: of a series only the rest is cancelled.
                let text = match id.occurrence {
                    Some(instant) => Some(text::without(&found.text, instant, now)?),
                    None => text::ended(&found.text, now, now)?,
                };
                rewrite(work, &found, text, (row, Noted::Cancelled), Ground::Bare).await.map(drop)
            })
        });
        cancelled.await
    }

    /// Leads an appointment to its next state; a no-show only once it has begun. Nothing in a calendar changes.
    pub async fn advance(&self, by: By, id: AppointmentId, to: Status, version: Version) -> Result<i64> {
        let advanced = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                let found = Found::open(work, by, &id, version).await?;
                let (from, now) = (found.status()?, work.tx().moment());
                let is_early = to == Status::NoShow && now < found.row.start_at;
                if to.is_cancelled() || is_early || !from.next().contains(&to) {
                    return Err(Error::Transition { from, to });
                }
                let mut row = AppointmentRow { status: to.name().into(), ..found.row.clone() };
                match to {
                    Status::CheckedIn => row.checked_in_at = Some(now),
                    Status::InProgress => row.started_at = Some(now),
                    Status::Completed | Status::NoShow => row.ended_at = Some(now),
                    _ => {}
                }
                work.tx().save_appointment(&row, found.visits, Noted::Changed).await?;
                Ok(work.tx().seq())
            })
        });
        advanced.await
    }
}

/// What a visit changes on its resources.
fn change(ready: &Ready, used: Option<String>) -> Result<Change> {
    let name = object_name(&ready.uid);
    let mut places = Vec::new();
    for resource in ready.visit.resources() {
        let new = Some(Source::Object(ready.calendar(resource)?, name.clone()));
        places.push(Place { resource, old: None, new });
    }
    let wanted = plan::spans(&ready.object, &ready.occurrences, BusyKind::Visit, ready.visit.buffers)?;
    Ok(Change { places, wanted, kind: BusyKind::Visit, used, is_strong: false })
}

/// Conflicts beyond the horizon, of every resource.
async fn beyond(work: &mut Work<'_>, ready: &Ready, weighed: &Weighed) -> Result<Vec<Conflict>> {
    let mut met = Vec::new();
    for resource in &weighed.resources {
        if ready.object.digest.last <= resource.reached {
            continue;
        }
        let what = (&ready.object, &ready.zone);
        let far = plan::beyond(work, *resource, what, BusyKind::Visit, &ready.uid).await?;
        met.extend(far.map(|(span, kind)| Conflict {
            resource: resource.id,
            kind,
            start: span.start,
            end: span.end,
        }));
    }
    Ok(met)
}

async fn book(work: &mut Work<'_>, by: By, ready: &Ready, ground: Ground) -> Result<Booked> {
    let used = match &ground {
        Ground::Hold(id) => {
            let hold = work.tx().take_hold(id).await?.ok_or(Error::HoldExpired)?;
            let kept = Visit::from_json(&hold.plan)?;
            let asked = &ready.visit;
            let same = (kept.start, kept.end, kept.buffers) == (asked.start, asked.end, asked.buffers)
                && kept.resources() == asked.resources();
            if !same || asked.rule.is_some() {
                return Err(Error::Invalid { field: "hold", why: "it was made for something else" });
            }
            Some(id.clone())
        }
        _ => None,
    };
    let weighed = ledger::weigh(work, &change(ready, used)?).await?;
    if !weighed.knows(ready.visit.resources()) {
        return Err(Error::NotFound("resource"));
    }
    let mut met = weighed.conflicts();
    met.extend(beyond(work, ready, &weighed).await?);
    let mark = marked(by, ground, &met)?;
    ledger::settle(work, &weighed, mark.as_ref()).await?;
    let name = object_name(&ready.uid);
    let visits = ready.calendar(ready.visit.practitioner)?;
    work.put(visits, &name, ready.text.clone(), None).await?;
    for resource in &ready.visit.with {
        let twin = text::twin(&ready.text, &ready.uid, TWIN_TITLE)?;
        work.put(ready.calendar(*resource)?, &name, twin, None).await?;
    }
    let row = ready.visit.row(&ready.uid, by, work.tx().now());
    work.tx().save_appointment(&row, visits, Noted::Booked).await?;
    let id = AppointmentId { uid: ready.uid.clone(), occurrence: None };
    Ok(Booked { id, seq: work.tx().seq(), overbooked: met })
}

/// The mark for what was met: only who overbooks on purpose has one to give.
fn marked(by: By, ground: Ground, met: &[Conflict]) -> Result<Option<Mark>> {
    match ground {
        _ if met.is_empty() => Ok(None),
        Ground::Overbook(why) if why.trim().is_empty() => {
            Err(Error::Invalid { field: "reason", why: "overbooking needs a reason" })
        }
        Ground::Overbook(why) => Ok(Some(Mark { by: by.who, door: by.door, why })),
        _ => Err(Error::Conflict(met.to_vec())),
    }
}

/// An appointment in the middle of its transaction.
struct Found {
    /// Of the occurrence, where it has one, or the whole's in its place.
    row: AppointmentRow,
    visits: CollectionId,
    name: String,
    text: Bytes,
    created: i64,
    id: AppointmentId,
    by: By,
}

impl Found {
    async fn open(work: &mut Work<'_>, by: By, id: &AppointmentId, version: Version) -> Result<Found> {
        let missing = || Error::NotFound("appointment");
        let rows = work.tx().appointment(by.clinic, &id.uid).await?;
        let whole = rows.iter().find(|row| row.recurrence.is_empty()).ok_or_else(missing)?;
        let recurrence = id.occurrence.map(super::recurrence).unwrap_or_default();
        let own = rows.iter().find(|row| row.recurrence == recurrence).unwrap_or(whole);
        if version.is_some_and(|version| version != own.seq) {
            return Err(Error::Stale);
        }
        let now = work.tx().now();
        let row = AppointmentRow {
            recurrence,
            changed_at: now,
            changed_by: by.who,
            changed_origin: by.door,
            ..own.clone()
        };
        let visits = twins(work, &[whole.practitioner]).await?.first().map(|(_, id)| *id);
        let visits = visits.ok_or_else(missing)?;
        let names = work.tx().names_of_uids(by.clinic, visits, std::slice::from_ref(&id.uid)).await?;
        let name = names.into_iter().next().map_or_else(|| object_name(&id.uid), |(_, name)| name);
        let object = work.tx().object(by.clinic, visits, &name).await?;
        let (created, text) = match object {
            Some(object) => (object.meta.created_at, object.text.map(|text| text.0).unwrap_or_default()),
            None => (now, Bytes::new()),
        };
        let mut found = Found { row, visits, name, text, created, id: id.clone(), by };
        found.settle_occurrence(whole.recurrence == own.recurrence && id.occurrence.is_some())?;
        Ok(found)
    }

    /// An occurrence without a row of its own stands where the series puts it, if the series has it.
    fn settle_occurrence(&mut self, is_untouched: bool) -> Result<()> {
        let Some(instant) = self.id.occurrence.filter(|_| is_untouched) else { return Ok(()) };
        let object = plan::read(&self.text).ok_or(Error::NotFound("appointment"))?;
        let window = ical::Window { from: instant - plan::HORIZON, until: instant + plan::HORIZON };
        let mut budget = Budget::steps(Budget::REQUEST);
        let all = object.digest.occurrences(window, &Zone::utc(), &mut budget);
        let all = all.map_err(calendar::Error::from)?;
        let own = all.into_iter().find(|one| one.id == Some(instant));
        let own = own.ok_or(Error::NotFound("appointment"))?;
        (self.row.start_at, self.row.end_at) = (own.start, own.end);
        Ok(())
    }

    fn status(&self) -> Result<Status> {
        Status::from_name(&self.row.status)
            .ok_or_else(|| calendar::Error::Broken("an unknown state of an appointment".into()).into())
    }
}

/// Writes an appointment anew, in every calendar it stands in; without a text it leaves them.
async fn rewrite(
    work: &mut Work<'_>,
    found: &Found,
    text: Option<Bytes>,
    (row, noted): (AppointmentRow, Noted),
    ground: Ground,
) -> Result<Booked> {
    let from = found.status()?;
    if from.is_final() || found.text.is_empty() {
        return Err(Error::Transition { from, to: from });
    }
    let twins = twins(work, &found.row.resources).await?;
    let (now, twin_name) = (work.tx().now(), object_name(&found.id.uid));
    let mut wanted = Vec::new();
    if let Some(text) = &text {
        let object = work.read(text)?;
        let zone = Zone::utc();
        let occurrences = plan::expanded(&object, &zone, now).await?;
        let buffers = text::buffers(&object.tree).unwrap_or_default();
        wanted = plan::spans(&object, &occurrences, BusyKind::Visit, buffers)?;
    }
    let place = |resource, id: CollectionId, name: &str| {
        let source = Source::Object(id, name.to_string());
        Place { resource, old: Some(source.clone()), new: text.is_some().then_some(source) }
    };
    let mut places = vec![place(found.row.practitioner, found.visits, &found.name)];
    places.extend(twins.iter().map(|(resource, id)| place(*resource, *id, &twin_name)));
    let change = Change { places, wanted, kind: BusyKind::Visit, used: None, is_strong: false };
    let weighed = ledger::weigh(work, &change).await?;
    let met = weighed.conflicts();
    let mark = marked(found.by, ground, &met)?;
    ledger::settle(work, &weighed, mark.as_ref()).await?;
    match &text {
        Some(text) => {
            work.put(found.visits, &found.name, text.clone(), Some(found.created)).await?;
            for (_, id) in &twins {
                let twin = text::twin(text, &found.id.uid, TWIN_TITLE)?;
                work.put(*id, &twin_name, twin, None).await?;
            }
        }
        None => {
            work.remove(found.visits, &found.name).await?;
            for (_, id) in &twins {
                work.remove(*id, &twin_name).await?;
            }
        }
    }
    work.tx().save_appointment(&row, found.visits, noted).await?;
    Ok(Booked { id: found.id.clone(), seq: work.tx().seq(), overbooked: met })
}
