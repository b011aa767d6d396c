//! Appointments: booked from a hold or a bare time, moved, cancelled, and led through their states. Practitioner, rooms
//! and equipment are booked together or not at all; nothing is overbooked without a reason that is written down.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ical::{Budget, Object, Zone};
use store::{AppointmentRow, BusyKind, CollectionId, Mark, Noted, PrincipalId, Source};

use super::check::Check;
use super::error::{Conflict, Error, Result};
use super::ledger::{self, Change, Place, Weighed};
use super::plan::{self, VISITS};
use super::rules::{TWIN_TITLE, object_name, twins};
use super::status::Status;
use super::text;
use super::visit::{AppointmentId, Booked, Cancel, Ground, LONGEST, Version, Visit};
use super::{By, Clinic};
use crate::calendar::{self, Work};

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
        self.book_checked(by, visit, ground, None).await
    }

    /// The same, if what it was planned by is still true.
    pub(super) async fn book_checked(
        &self,
        by: By,
        visit: Visit,
        ground: Ground,
        check: Option<Check>,
    ) -> Result<Booked> {
        let ready = self.ready(by, visit).await?;
        let booked = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                if let Some(check) = &check {
                    check.run(work).await?;
                }
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
        let found = self
            .store()
            .read(by.clinic)
            .await?
            .collections_called(by.clinic, VISITS, &visit.resources())
            .await?;
        let calendars = found.into_iter().map(|row| (row.owner, row.id)).collect();
        Ok(Ready { visit, uid, text, object, zone, occurrences, calendars })
    }

    /// Everything noted of an appointment: the row of the whole first.
    pub async fn appointment(&self, by: By, id: &AppointmentId) -> Result<Vec<AppointmentRow>> {
        let rows = self.store().read(by.clinic).await?.appointment(by.clinic, &id.uid).await?;
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
        self.reschedule_checked(by, id, (start, end), version, (ground, None)).await
    }

    /// The same, if what it was planned by is still true.
    pub(super) async fn reschedule_checked(
        &self,
        by: By,
        id: AppointmentId,
        (start, end): (i64, i64),
        version: Version,
        (ground, check): (Ground, Option<Check>),
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
                found.takes_place(None)?;
                if let Some(check) = &check {
                    check.run(work).await?;
                }
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
                found.takes_place(Some(status))?;
                let cancelled = |row: &AppointmentRow| AppointmentRow {
                    status: status.name().into(),
                    reason: Some(how.reason.clone()),
                    ..row.clone()
                };
                let row = cancelled(&found.row);
                let now = work.tx().now();
                // What has taken place stays: of a series only the rest is cancelled.
                let text = match id.occurrence {
                    Some(instant) => Some(text::without(&found.text, instant, now)?),
                    None => text::ended(&found.text, now, now)?,
                };
                rewrite(work, &found, text, (row, Noted::Cancelled), Ground::Bare).await?;
                // With the series goes what was noted of its dates to come.
                let rest = found
                    .others
                    .iter()
                    .filter(|row| id.occurrence.is_none() && row.start_at >= now && !is_over(row));
                for row in rest {
                    let row = cancelled(&found.signed(row));
                    work.tx().save_appointment(&row, found.visits, Noted::Cancelled).await?;
                }
                Ok::<_, Error>(())
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
    let counts = ready.visit.service.clone().map(|service| (ready.visit.practitioner, service));
    Ok(Change { places, wanted, kind: BusyKind::Visit, counts, used, is_strong: false })
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
    /// What is noted of single occurrences.
    others: Vec<AppointmentRow>,
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
        let row = AppointmentRow { recurrence, ..signed(own, by, now) };
        let others = rows.iter().filter(|row| !row.recurrence.is_empty()).cloned().collect();
        let visits = twins(work, &[whole.practitioner]).await?.first().map(|(_, id)| *id);
        let visits = visits.ok_or_else(missing)?;
        let names = work.tx().names_of_uids(by.clinic, visits, std::slice::from_ref(&id.uid)).await?;
        let name = names.into_iter().next().map_or_else(|| object_name(&id.uid), |(_, name)| name);
        let object = work.tx().object(by.clinic, visits, &name).await?;
        let (created, text) = match object {
            Some(object) => (object.meta.created_at, object.text.map(|text| text.0).unwrap_or_default()),
            None => (now, Bytes::new()),
        };
        let mut found = Found { row, others, visits, name, text, created, id: id.clone(), by };
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

    fn signed(&self, row: &AppointmentRow) -> AppointmentRow {
        signed(row, self.by, self.row.changed_at)
    }

    /// Refuses what is over, and what an object no longer stands for.
    fn takes_place(&self, to: Option<Status>) -> Result<()> {
        let from = self.status()?;
        let goes = to.is_none_or(|to| from.next().contains(&to));
        let to = to.unwrap_or(from);
        if goes && !from.is_final() && !self.text.is_empty() {
            return Ok(());
        }
        Err(Error::Transition { from, to })
    }

    fn status(&self) -> Result<Status> {
        Status::from_name(&self.row.status)
            .ok_or_else(|| calendar::Error::Broken("an unknown state of an appointment".into()).into())
    }
}

/// Conflicts beyond the horizon, of what is moved there; of a series nothing is: its dates are compared when it is made.
async fn far(
    work: &mut Work<'_>,
    found: &Found,
    text: &Bytes,
    (start, end): (i64, i64),
    weighed: &Weighed,
) -> Result<Vec<Conflict>> {
    let (object, mut met) = (work.read(text)?, Vec::new());
    for resource in weighed.resources.iter().filter(|resource| end > resource.reached) {
        if object.digest.series.is_some() {
            return Err(Error::Invalid {
                field: "start",
                why: "of a series nothing moves beyond the horizon",
            });
        }
        let what = (&object, &Zone::utc());
        let far = plan::beyond(work, *resource, what, BusyKind::Visit, &found.id.uid).await?;
        met.extend(far.map(|(_, kind)| Conflict { resource: resource.id, kind, start, end }));
    }
    Ok(met)
}

fn signed(row: &AppointmentRow, by: By, now: i64) -> AppointmentRow {
    let (changed_by, changed_origin) = (by.who, by.door);
    AppointmentRow { changed_at: now, changed_by, changed_origin, ..row.clone() }
}

fn is_over(row: &AppointmentRow) -> bool {
    Status::from_name(&row.status).is_some_and(Status::is_final)
}

/// Writes an appointment anew, in every calendar it stands in; without a text it leaves them.
async fn rewrite(
    work: &mut Work<'_>,
    found: &Found,
    text: Option<Bytes>,
    (row, noted): (AppointmentRow, Noted),
    ground: Ground,
) -> Result<Booked> {
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
    let counts = found.row.service.clone().map(|service| (found.row.practitioner, service));
    let change = Change { places, wanted, kind: BusyKind::Visit, counts, used: None, is_strong: false };
    let weighed = ledger::weigh(work, &change).await?;
    let mut met = weighed.conflicts();
    if let Some(text) = text.as_ref().filter(|_| noted == Noted::Moved) {
        met.extend(far(work, found, text, (row.start_at, row.end_at), &weighed).await?);
    }
    let mark = marked(found.by, ground, &met)?;
    ledger::settle(work, &weighed, mark.as_ref()).await?;
    match &text {
        Some(text) => {
            work.put(found.visits, &found.name, text.clone(), Some(found.created)).await?;
            for (_, id) in &twins {
                let twin = text::twin(text, &found.id.uid, TWIN_TITLE)?;
                work.put(*id, &twin_name, twin, Some(found.row.made_at)).await?;
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
