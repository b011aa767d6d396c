//! An appointment in the middle of its transaction: found with its text and its rows, and written anew in every calendar
//! it stands in, under one check.

use std::collections::HashMap;

use bytes::Bytes;
use ical::{Object, Occurrence, Window, Zone};
use store::{AppointmentRow, Busy, BusyKind, CollectionId, Mark, Noted, PrincipalId, Source};

use super::appointments::marked;
use super::error::{Conflict, Error, Result};
use super::ledger::{self, Change, Place, Weighed};
use super::plan;
use super::rules::{TWIN_TITLE, object_name, twins};
use super::status::Status;
use super::visit::{AppointmentId, Ground, Version};
use super::{By, record, text};
use crate::calendar::{self, Work};

/// An appointment in the middle of its transaction.
pub(super) struct Found {
    /// Of the occurrence, where it has one, or the whole's in its place; signed by who changes it now.
    pub row: AppointmentRow,
    /// Of the whole, as it stands.
    pub whole: AppointmentRow,
    /// What is noted of single occurrences.
    pub others: Vec<AppointmentRow>,
    pub visits: CollectionId,
    pub name: String,
    /// Empty where the object is gone.
    pub text: Bytes,
    pub created: i64,
    pub id: AppointmentId,
    pub by: By,
}

impl Found {
    pub async fn open(work: &mut Work<'_>, by: By, id: &AppointmentId, version: Version) -> Result<Found> {
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
        let whole = whole.clone();
        let mut found = Found { row, whole, others, visits, name, text, created, id: id.clone(), by };
        let is_untouched = own.recurrence.is_empty() && id.occurrence.is_some();
        found.settle_occurrence(is_untouched).await?;
        Ok(found)
    }

    /// An occurrence without a row of its own stands where the series puts it, if the series has it.
    async fn settle_occurrence(&mut self, is_untouched: bool) -> Result<()> {
        let Some(instant) = self.id.occurrence.filter(|_| is_untouched) else { return Ok(()) };
        let around = Window { from: instant - plan::HORIZON, until: instant + plan::HORIZON };
        let all = self.dates(around).await?;
        let own = all.into_iter().find(|one| one.id == Some(instant));
        let own = own.ok_or(Error::NotFound("appointment"))?;
        (self.row.start_at, self.row.end_at) = (own.start, own.end);
        if is_final(&self.whole) {
            // A series that was ended: what stands of it still takes, or took, place.
            self.row.status = Status::Scheduled.name().into();
        }
        Ok(())
    }

    /// The occurrences that its text has in the window.
    pub async fn dates(&self, window: Window) -> Result<Vec<Occurrence>> {
        let object = plan::read(&self.text).ok_or(Error::NotFound("appointment"))?;
        plan::dates(&object, window).await
    }

    pub fn is_series(&self) -> bool {
        plan::read(&self.text).is_some_and(|object| object.digest.series.is_some())
    }

    /// Who is booked.
    pub fn party(&self) -> Party {
        Party::of(&self.whole)
    }

    pub fn signed(&self, row: &AppointmentRow) -> AppointmentRow {
        signed(row, self.by, self.row.changed_at)
    }

    /// Refuses what is over, and what an object no longer stands for.
    pub fn takes_place(&self, to: Option<Status>) -> Result<()> {
        let from = self.status()?;
        let goes = to.is_none_or(|to| from.next().contains(&to));
        let to = to.unwrap_or(from);
        if goes && !from.is_final() && !self.text.is_empty() {
            return Ok(());
        }
        Err(Error::Transition { from, to })
    }

    pub fn status(&self) -> Result<Status> {
        status(&self.row)
    }

    /// Saves a row of it, and what the audit says of that.
    pub async fn note(&self, work: &mut Work<'_>, row: &AppointmentRow, noted: Noted) -> Result<()> {
        let deeds = record::noted(self.by, noted, row, &self.whole.resources);
        Ok(work.tx().save_appointment_with(row, self.visits, noted, deeds).await?)
    }

    /// The same object with another text, or without: it leaves all its calendars.
    pub fn rewritten<'a>(&'a self, party: &'a Party, text: Option<Bytes>) -> Rewrite<'a> {
        Rewrite {
            uid: &self.id.uid,
            name: &self.name,
            old: Some(party),
            new: text.map(|text| (party, text)),
            created: Some(self.created),
            until: None,
            excused: &[],
        }
    }
}

pub(super) fn status(row: &AppointmentRow) -> Result<Status> {
    let known = Status::from_name(&row.status);
    known.ok_or_else(|| calendar::Error::Broken("an unknown state of an appointment".into()).into())
}

pub(super) fn signed(row: &AppointmentRow, by: By, now: i64) -> AppointmentRow {
    let (changed_by, changed_origin) = (by.who, by.door);
    AppointmentRow { changed_at: now, changed_by, changed_origin, ..row.clone() }
}

/// It is over and stays as it is.
pub(super) fn is_final(row: &AppointmentRow) -> bool {
    Status::from_name(&row.status).is_some_and(Status::is_final)
}

/// Who and what is booked together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Party {
    pub practitioner: PrincipalId,
    pub with: Vec<PrincipalId>,
}

impl Party {
    pub fn of(row: &AppointmentRow) -> Party {
        Party { practitioner: row.practitioner, with: row.resources.clone() }
    }

    fn all(&self) -> impl Iterator<Item = PrincipalId> {
        std::iter::once(self.practitioner).chain(self.with.iter().copied())
    }

    fn has(&self, id: PrincipalId) -> bool {
        self.all().any(|one| one == id)
    }
}

/// One object as it is to be written in the calendars of all who are booked.
pub(super) struct Rewrite<'a> {
    pub uid: &'a str,
    /// In the practitioner's calendar, where it stands already.
    pub name: &'a str,
    pub old: Option<&'a Party>,
    /// None: it leaves all calendars.
    pub new: Option<(&'a Party, Bytes)>,
    /// When the one that stands there was made.
    pub created: Option<i64>,
    /// Dates change up to then: what of that lies beyond the horizon is compared by expansion.
    pub until: Option<i64>,
    /// Intervals of another object that stood where this one will: what was marked there stays marked.
    pub excused: &'a [Busy],
}

/// What a rewrite came to.
pub(super) struct Rewritten {
    /// What was overbooked.
    pub met: Vec<Conflict>,
    /// What stood before.
    pub stood: Vec<Busy>,
    /// The practitioner's calendar.
    pub visits: CollectionId,
}

impl Rewrite<'_> {
    /// Writes it: busy rows first, then the texts. A conflict needs a ground, or nothing is written.
    pub async fn run(&self, work: &mut Work<'_>, by: By, ground: Ground) -> Result<Rewritten> {
        let calendars = self.calendars(work).await?;
        let read = self.new.as_ref().map(|(_, text)| work.read(text)).transpose()?;
        let change = self.change(work, &calendars, read.as_ref()).await?;
        let weighed = ledger::weigh(work, &change).await?;
        let mut met = weighed.conflicts();
        if let (Some(object), Some(until)) = (&read, self.until) {
            met.extend(self.beyond(work, object, until, &weighed).await?);
        }
        let mark = match self.excuse(&met) {
            Some(mark) => Some(mark),
            None => marked(by, ground, &met)?,
        };
        ledger::settle(work, &weighed, mark.as_ref()).await?;
        self.write(work, &calendars).await?;
        let practitioner = self.new.as_ref().map(|(party, _)| *party).or(self.old);
        let visits = practitioner.and_then(|party| calendars.get(&party.practitioner)).copied();
        let visits = visits.ok_or(Error::NotFound("resource"))?;
        Ok(Rewritten { met, stood: weighed.stood, visits })
    }

    /// The calendars of all who were or will be booked.
    async fn calendars(&self, work: &mut Work<'_>) -> Result<HashMap<PrincipalId, CollectionId>> {
        let new = self.new.as_ref().map(|(party, _)| *party);
        let mut ids: Vec<PrincipalId> = [self.old, new].into_iter().flatten().flat_map(Party::all).collect();
        ids.sort_unstable();
        ids.dedup();
        let found: HashMap<_, _> = twins(work, &ids).await?.into_iter().collect();
        match new.is_none_or(|party| party.all().all(|id| found.contains_key(&id))) {
            true => Ok(found),
            false => Err(Error::NotFound("resource")),
        }
    }

    async fn change(
        &self,
        work: &mut Work<'_>,
        calendars: &HashMap<PrincipalId, CollectionId>,
        object: Option<&Object>,
    ) -> Result<Change> {
        let (mut wanted, mut counts) = (Vec::new(), None);
        if let Some(object) = object {
            counts = self.new.as_ref().map(|(party, _)| party.practitioner).zip(text::service(&object.tree));
            let occurrences = plan::expanded(object, &Zone::utc(), work.tx().now()).await?;
            let buffers = text::buffers(&object.tree).unwrap_or_default();
            wanted = plan::spans(object, &occurrences, BusyKind::Visit, buffers)?;
        }
        let new = self.new.as_ref().map(|(party, _)| *party);
        let source = |party: Option<&Party>, id: PrincipalId, at: CollectionId| {
            let name = self.name_at(party.filter(|party| party.has(id))?, id);
            Some(Source::Object(at, name))
        };
        let place = |(id, at): (&PrincipalId, &CollectionId)| Place {
            resource: *id,
            old: source(self.old, *id, *at),
            new: source(new, *id, *at),
        };
        let mut places: Vec<Place> = calendars.iter().map(place).collect();
        places.sort_unstable_by_key(|place| place.resource);
        Ok(Change { places, wanted, kind: BusyKind::Visit, counts, used: None, is_strong: false })
    }

    /// Its name in somebody's calendar: what a practitioner's own program called it stays.
    fn name_at(&self, party: &Party, id: PrincipalId) -> String {
        let is_own = party.practitioner == id && self.old.is_none_or(|old| old.practitioner == id);
        if is_own { self.name.to_string() } else { object_name(self.uid) }
    }

    async fn beyond(
        &self,
        work: &mut Work<'_>,
        object: &Object,
        until: i64,
        weighed: &Weighed,
    ) -> Result<Vec<Conflict>> {
        let mut met = Vec::new();
        for resource in weighed.resources.iter().filter(|resource| until > resource.reached) {
            let what = (object, &Zone::utc());
            let far = plan::beyond(work, *resource, what, BusyKind::Visit, self.uid).await?;
            met.extend(far.map(|(span, kind)| Conflict {
                resource: resource.id,
                kind,
                start: span.start,
                end: span.end,
            }));
        }
        Ok(met)
    }

    /// The mark of what was overbooked before and is so still, where nothing else was met.
    fn excuse(&self, met: &[Conflict]) -> Option<Mark> {
        let mark = |one: &Conflict| {
            let same = |old: &&Busy| {
                (old.resource, old.span.start, old.span.end) == (one.resource, one.start, one.end)
            };
            self.excused.iter().filter(same).find_map(|old| old.mark.clone())
        };
        let marks: Option<Vec<Mark>> = met.iter().map(mark).collect();
        marks?.into_iter().next()
    }

    async fn write(&self, work: &mut Work<'_>, calendars: &HashMap<PrincipalId, CollectionId>) -> Result<()> {
        let new = self.new.as_ref().map(|(party, _)| *party);
        let gone = self.old.into_iter().flat_map(|old| old.all().map(move |id| (old, id)));
        for (old, id) in gone.filter(|(_, id)| new.is_none_or(|new| !new.has(*id))) {
            if let Some(at) = calendars.get(&id) {
                work.remove(*at, &self.name_at(old, id)).await?;
            }
        }
        let Some((party, text)) = &self.new else { return Ok(()) };
        for id in party.all() {
            let Some(at) = calendars.get(&id) else { continue };
            let text = match id == party.practitioner {
                true => text.clone(),
                false => text::twin(text, self.uid, TWIN_TITLE)?,
            };
            work.put(*at, &self.name_at(party, id), text, self.created).await?;
        }
        Ok(())
    }
}
