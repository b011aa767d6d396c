//! Appointments: booked from a hold or a bare time, moved, cancelled, and led through their states. Practitioner, rooms
//! and equipment are booked together or not at all; nothing is overbooked without a reason that is written down.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ical::{Object, Zone};
use store::{Ahead, AppointmentRow, BusyKind, ClinicId, CollectionId, Mark, Noted, PrincipalId, Source};

use super::alter::{Alter, Scope};
use super::check::Check;
use super::error::{Conflict, Error, Result};
use super::found::is_final;
use super::ledger::{self, Change, Place, Weighed};
use super::measures::Stand;
use super::pattern;
use super::plan;
use super::rules::{TWIN_TITLE, object_name};
use super::scope;
use super::status::Status;
use super::visit::{AppointmentId, Booked, Cancel, Ground, Version, Visit};
use super::{By, Clinic, record, text};
use crate::calendar::{self, Sheet, Work};

/// 128 random bits.
pub(super) fn unguessable() -> Result<String> {
    let mut bytes = [0; 16];
    let random = getrandom::fill(&mut bytes);
    random.map_err(|error| calendar::Error::Broken(Box::new(error)))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A visit with all that is known of it before the transaction.
pub(super) struct Ready {
    visit: Visit,
    uid: String,
    sheet: Sheet,
    /// What is written in the calendars of rooms and devices, where there are any.
    twin: Option<Sheet>,
    pub zone: Zone,
    occurrences: Vec<ical::Occurrence>,
    /// Each resource's calendar.
    calendars: Vec<(PrincipalId, CollectionId)>,
}

impl Ready {
    pub fn object(&self) -> &Object {
        &self.sheet.object
    }

    /// The dates it is to stand at; the first is not asked for its hours where a hold promised it.
    pub fn stands(&self, by: By, now: i64, is_held: bool) -> Vec<Stand> {
        let row = AppointmentRow { made_at: 0, changed_at: 0, ..self.visit.row(&self.uid, by, 0) };
        let to_come = self.occurrences.iter().filter(|one| one.start >= now);
        let stand = |(n, one): (usize, &ical::Occurrence)| Stand {
            act: 0,
            row: row.clone(),
            start: one.start,
            end: one.end,
            is_first: n == 0,
            is_timed: n > 0 || !is_held,
        };
        to_come.enumerate().map(stand).collect()
    }

    /// Where it will be looked for room: a single one only, which leaves room for others to go with it.
    fn ahead(&self, check: Option<&Check>) -> Result<Option<Ahead>> {
        if self.visit.rule.is_some() {
            return Ok(None);
        }
        let Change { places, wanted, .. } = change(self, None)?;
        let of = places.iter().map(|place| place.resource).collect();
        let patient = check.and_then(Check::alone);
        Ok((wanted.len() == 1).then_some(Ahead { of, spans: wanted, patient, ..Ahead::default() }))
    }

    fn calendar(&self, of: PrincipalId) -> Result<CollectionId> {
        let found = self.calendars.iter().find(|(owner, _)| *owner == of);
        found.map(|(_, id)| *id).ok_or(Error::NotFound("resource"))
    }
}

impl Clinic {
    /// Books a visit: every resource, every occurrence, or nothing. From a hold, what was held counts, and the rest of
    /// `visit` (patient, title, details).
    pub async fn book(&self, by: By, visit: Visit, ground: Ground) -> Result<Booked> {
        let ready = self.ready(by, visit, &[]).await?;
        Ok(self.book_ready(by, ready, ground, None).await?.0)
    }

    /// With a check: if what it was planned by is still true. With the row that now stands.
    pub(super) async fn book_ready(
        &self,
        by: By,
        ready: Ready,
        ground: Ground,
        check: Option<Check>,
    ) -> Result<(Booked, AppointmentRow)> {
        let hold = if let Ground::Hold(id) = &ground { Some(id.clone()) } else { None };
        let ahead = ready.ahead(check.as_ref())?.map(|ahead| Ahead { hold, ..ahead });
        let booking = Arc::new((ready, ground, check));
        let booked = self.calendars.together_among(by.clinic, ahead, move |work| {
            let booking = booking.clone();
            Box::pin(async move {
                let (ready, ground, check) = &*booking;
                work.tx().sign(by.door, by.who);
                if let Some(check) = check {
                    check.run(work).await?;
                }
                book(work, by, ready, ground.clone()).await
            })
        });
        booked.await
    }

    /// What the conflicts of a visit would be: the same code as [`Clinic::book`], and nothing is written.
    pub async fn preview(&self, by: By, visit: Visit) -> Result<Vec<Conflict>> {
        let ready = self.ready(by, visit, &[]).await?;
        self.conflicts_of(by, ready).await
    }

    pub(super) async fn conflicts_of(&self, by: By, ready: Ready) -> Result<Vec<Conflict>> {
        let seen = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                let weighed = ledger::weigh(work, &change(&ready, None)?).await?;
                if !weighed.knows(ready.visit.resources()) {
                    return Err(Error::NotFound("resource"));
                }
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

    /// All that must be known before the transaction; of a series, without the dates in `skip`.
    pub(super) async fn ready(&self, by: By, visit: Visit, skip: &[i64]) -> Result<Ready> {
        let structure = self.store().version(by.clinic).await?.structure;
        self.ready_as(by, visit, skip, (unguessable()?, structure)).await
    }

    /// The same under this UID; calendars as they are at this version of the structure, or later.
    pub(super) async fn ready_as(
        &self,
        by: By,
        visit: Visit,
        skip: &[i64],
        (uid, structure): (String, i64),
    ) -> Result<Ready> {
        visit.check()?;
        let now = self.store().clock().now();
        let mut text = visit.text(&uid, now);
        if !skip.is_empty() {
            pattern::has(&scope::sound(text.clone())?, skip)?;
            text = pattern::without(&text, skip, now)?;
        }
        let sheet = self.calendars.sheet(text).map_err(|refusal| {
            let why = "it cannot be understood";
            tracing::debug!(%refusal, "a visit was refused");
            Error::Invalid { field: "rule", why }
        })?;
        let twin = || self.calendars.sheet(text::twin(&sheet.text, &uid, TWIN_TITLE)?).map_err(Error::from);
        let twin = (!visit.with.is_empty()).then(twin).transpose()?;
        let zone = Zone::named(&visit.zone).unwrap_or_else(Zone::utc);
        let occurrences = plan::expanded(&sheet.object, &zone, now).await?;
        let calendars = self.visits_of(by.clinic, structure, &visit.resources()).await?;
        Ok(Ready { visit, uid, sheet, twin, zone, occurrences, calendars })
    }

    /// Everything noted of an appointment: the row of the whole first.
    pub async fn appointment(&self, by: By, id: &AppointmentId) -> Result<Vec<AppointmentRow>> {
        let rows = self.store().read(by.clinic).await?.appointment(by.clinic, &id.uid).await?;
        if rows.is_empty() { Err(Error::NotFound("appointment")) } else { Ok(rows) }
    }

    /// Whether an object of this UID is an appointment.
    pub async fn has_appointment(&self, clinic: ClinicId, uid: &str) -> Result<bool> {
        Ok(!self.store().read(clinic).await?.appointment(clinic, uid).await?.is_empty())
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
        let alter = Alter { start: Some(start), length: Some(end - start), ..Alter::default() };
        self.alter(by, id, (Scope::This, alter), version, ground).await
    }

    /// Changes an appointment, some dates of a series, or all to come: time, length, words, people and rooms.
    pub async fn alter(
        &self,
        by: By,
        id: AppointmentId,
        (scope, alter): (Scope, Alter),
        version: Version,
        ground: Ground,
    ) -> Result<Booked> {
        self.alter_checked(by, id, (scope, alter), version, (ground, None)).await
    }

    /// The same, if what it was planned by is still true.
    pub(super) async fn alter_checked(
        &self,
        by: By,
        id: AppointmentId,
        (scope, alter): (Scope, Alter),
        version: Version,
        (ground, check): (Ground, Option<Check>),
    ) -> Result<Booked> {
        alter.check()?;
        let altered = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                if let Some(check) = &check {
                    check.run(work).await?;
                }
                scope::alter(work, by, &id, (scope, &alter), (version, ground)).await
            })
        });
        altered.await
    }

    /// Cancels an appointment, or one occurrence of a series; of a series as a whole what is to come. The time is free
    /// at once, the row stays.
    pub async fn cancel(&self, by: By, id: AppointmentId, how: Cancel, version: Version) -> Result<()> {
        let scope = if id.occurrence.is_some() { Scope::This } else { Scope::All };
        self.call_off(by, id, (scope, how), version).await.map(drop)
    }

    /// Cancels one date, this and the following ones, or all that are to come.
    pub async fn call_off(
        &self,
        by: By,
        id: AppointmentId,
        (scope, how): (Scope, Cancel),
        version: Version,
    ) -> Result<i64> {
        let cancelled = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                scope::call_off(work, by, &id, (scope, &how), version).await
            })
        });
        cancelled.await
    }

    /// Cancels all that is to come with somebody who goes, in the rooms as well; says how many that were. What has taken
    /// place stays.
    pub async fn let_go(&self, by: By, of: PrincipalId, reason: &str) -> Result<u64> {
        let (mut after, mut count) = ((i64::MIN, String::new(), String::new()), 0);
        let now = self.store().clock().now();
        loop {
            let mut conn = self.store().read(by.clinic).await?;
            let page = conn.appointments_of(by.clinic, of, (after.0, &after.1, &after.2), PAGE).await?;
            drop(conn);
            let Some(last) = page.last() else { return Ok(count) };
            after = (last.start_at, last.uid.clone(), last.recurrence.clone());
            for row in page.iter().filter(|row| row.recurrence.is_empty() && !is_final(row)) {
                let id = AppointmentId { uid: row.uid.clone(), occurrence: None };
                // Of a series the row says where its first date stood.
                if row.end_at <= now && self.series(by, &id).await.is_err() {
                    continue;
                }
                let how = Cancel { by_patient: false, reason: reason.into() };
                match self.call_off(by, id, (Scope::All, how), None).await {
                    Ok(_) => count += 1,
                    // It went another way meanwhile.
                    Err(Error::Transition { .. } | Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Leads an appointment to its next state; a no-show only once it has begun. Nothing in a calendar changes.
    pub async fn advance(&self, by: By, id: AppointmentId, to: Status, version: Version) -> Result<i64> {
        let advanced = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                scope::advance(work, by, &id, to, version).await
            })
        });
        advanced.await
    }
}

/// Appointments read at a time.
const PAGE: u32 = 200;

/// What a visit changes on its resources.
fn change(ready: &Ready, used: Option<String>) -> Result<Change> {
    let name = object_name(&ready.uid);
    let mut places = Vec::new();
    for resource in ready.visit.resources() {
        let new = Some(Source::Object(ready.calendar(resource)?, name.clone()));
        places.push(Place { resource, old: None, new });
    }
    let wanted = plan::spans(ready.object(), &ready.occurrences, BusyKind::Visit, ready.visit.buffers)?;
    let counts = ready.visit.service.clone().map(|service| (ready.visit.practitioner, service));
    Ok(Change { places, wanted, kind: BusyKind::Visit, counts, used, is_strong: false })
}

/// Conflicts beyond the horizon, of every resource.
async fn beyond(work: &mut Work<'_>, ready: &Ready, weighed: &Weighed) -> Result<Vec<Conflict>> {
    let mut met = Vec::new();
    for resource in &weighed.resources {
        if ready.object().digest.last <= resource.reached {
            continue;
        }
        let what = (ready.object(), &ready.zone);
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

pub(super) async fn book(
    work: &mut Work<'_>,
    by: By,
    ready: &Ready,
    ground: Ground,
) -> Result<(Booked, AppointmentRow)> {
    let used = match &ground {
        Ground::Hold(id) => {
            let hold = work.tx().take_hold(id).await?.ok_or(Error::HoldExpired)?;
            let kept = Visit::from_json(&hold.plan)?;
            let asked = &ready.visit;
            let same = (kept.start, kept.end, kept.buffers) == (asked.start, asked.end, asked.buffers)
                && kept.resources() == asked.resources();
            if !same {
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
    work.tx().gather();
    ledger::settle(work, &weighed, mark.as_ref()).await?;
    let name = object_name(&ready.uid);
    let visits = ready.calendar(ready.visit.practitioner)?;
    work.put_sheet(visits, &name, &ready.sheet, None).await?;
    if let Some(twin) = &ready.twin {
        for resource in &ready.visit.with {
            work.put_sheet(ready.calendar(*resource)?, &name, twin, None).await?;
        }
    }
    let row = AppointmentRow { seq: work.tx().seq(), ..ready.visit.row(&ready.uid, by, work.tx().now()) };
    let deeds = record::made(by, &row, ready.visit.rule.is_some());
    work.tx().save_appointment_with(&row, visits, Noted::Booked, deeds).await?;
    let id = AppointmentId { uid: ready.uid.clone(), occurrence: None };
    Ok((Booked { id, seq: row.seq, overbooked: met }, row))
}

/// The mark for what was met: only who overbooks on purpose has one to give.
pub(super) fn marked(by: By, ground: Ground, met: &[Conflict]) -> Result<Option<Mark>> {
    match ground {
        _ if met.is_empty() => Ok(None),
        Ground::Overbook(why) if why.trim().is_empty() => {
            Err(Error::Invalid { field: "reason", why: "overbooking needs a reason" })
        }
        Ground::Overbook(why) => Ok(Some(Mark { by: by.who, door: by.door, why })),
        _ => Err(Error::Conflict(met.to_vec())),
    }
}
