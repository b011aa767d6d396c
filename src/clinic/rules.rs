//! No double booking, whoever writes, by whatever door: the rule that `calendar` asks inside its one write.
//!
//! A client's change of a bookable calendar rewrites the object's busy rows in the same transaction. Onto a taken time
//! it is stored and marked, refused, or put back, as the calendar's policy says; it wins over live holds. Where the
//! object is an appointment, the change is one of the appointment: what the client dropped is given back, rooms and
//! devices follow with their twins, and the appointment's row says who did it, by which door.

use bytes::Bytes;
use ical::Window;
use store::{
    AppointmentRow, BoxFuture, BusyKind, CollectionId, Mark, Noted, ObjectMeta, Policy, PrincipalId, Source,
    Span,
};

use super::error::{Error as ClinicError, kind_name};
use super::ledger::{self, Change, Place, Weighed};
use super::plan::{self, VISITS};
use super::status::Status;
use super::text;
use crate::calendar::{Error, Guard, Precondition, Result, Sighted, Work, Write};

/// Why an interval is marked that a client put there.
const ONTO_TAKEN: &str = "stored onto a taken time";
/// Why an appointment is cancelled that a client removed.
const REMOVED: &str = "removed in the calendar";
/// Occurrences whose change is noted one by one; a change of more is noted of the series as a whole.
const NOTED: usize = 60;

/// What the calendar of a room shows of an appointment.
pub const TWIN_TITLE: &str = "Visit";

/// The rule. It keeps nothing: everything it knows stands in the transaction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

impl Guard for Rules {
    fn window(&self, now: i64) -> Window {
        plan::window(now)
    }

    fn check<'w>(&'w self, work: &'w mut Work<'_>, write: Write<'w>) -> BoxFuture<'w, Result<Option<Bytes>>> {
        Box::pin(async move {
            let managed = managed(work, &write).await?;
            match (&managed, write.old) {
                (Some(managed), Some(old)) if managed.whole.practitioner != write.at.owner => {
                    // The twin in a room's calendar follows its appointment, not the other way round.
                    kept(work, &write, old).await
                }
                _ => decide(work, write, managed).await,
            }
        })
    }
}

/// The name of an appointment's objects, in every calendar.
pub fn object_name(uid: &str) -> String {
    format!("{uid}.ics")
}

/// The appointment behind an object.
struct Managed {
    whole: AppointmentRow,
    /// What is noted of single occurrences.
    others: Vec<AppointmentRow>,
    /// The calendars in which it has twins.
    twins: Vec<(PrincipalId, CollectionId)>,
    text: Bytes,
}

async fn managed(work: &mut Work<'_>, write: &Write<'_>) -> Result<Option<Managed>> {
    let Some(old) = write.old.filter(|_| plan::kind_of(&write.at.slug) == BusyKind::Visit) else {
        return Ok(None);
    };
    let clinic = write.at.clinic;
    let (whole, others): (Vec<_>, Vec<_>) =
        work.tx().appointment(clinic, &old.uid).await?.into_iter().partition(|row| row.recurrence.is_empty());
    let Some(whole) = whole.into_iter().next() else { return Ok(None) };
    let twins = twins(work, &whole.resources).await?;
    let object = work.tx().object(clinic, write.at.id, &old.name).await?;
    let text = object.and_then(|object| object.text).map(|text| text.0).unwrap_or_default();
    Ok(Some(Managed { whole, others, twins, text }))
}

/// The calendars in which these resources are booked.
pub async fn twins(
    work: &mut Work<'_>,
    resources: &[PrincipalId],
) -> Result<Vec<(PrincipalId, CollectionId)>> {
    if resources.is_empty() {
        return Ok(Vec::new());
    }
    let clinic = work.tx().clinic();
    let found = work.tx().collections_called(clinic, VISITS, resources).await?;
    Ok(found.into_iter().map(|row| (row.owner, row.id)).collect())
}

/// The text that stood there, under a new tag.
async fn kept(work: &mut Work<'_>, write: &Write<'_>, old: &ObjectMeta) -> Result<Option<Bytes>> {
    let object = work.tx().object(write.at.clinic, write.at.id, &old.name).await?;
    let text = object.and_then(|object| object.text).ok_or(Error::NotFound)?;
    let stamp = work.tx().now();
    text::put_back(&text.0, stamp).map(Some).map_err(plain)
}

/// Errors of texts are the calendar's own.
fn plain(error: ClinicError) -> Error {
    match error {
        ClinicError::Calendar(error) => error,
        other => Error::Invalid(other.to_string()),
    }
}

async fn decide(work: &mut Work<'_>, write: Write<'_>, managed: Option<Managed>) -> Result<Option<Bytes>> {
    let kind = plan::kind_of(&write.at.slug);
    let mended = match (&managed, write.new) {
        (Some(managed), Some((_, new))) => text::mended(&managed.text, &new.text).map_err(plain)?,
        _ => None,
    };
    let wanted = match write.new {
        Some((_, new)) => plan::spans(&new.object, &new.occurrences, kind, buffers(new, &mended))?,
        None => Vec::new(),
    };
    let change = Change {
        places: places(&write, managed.as_ref()),
        wanted: wanted.clone(),
        kind,
        counts: managed
            .as_ref()
            .and_then(|managed| Some((managed.whole.practitioner, managed.whole.service.clone()?))),
        used: None,
        is_strong: true,
    };
    let weighed = ledger::weigh(work, &change).await?;
    if let Some(met) = met(work, &write, &weighed).await? {
        match (write.at.policy, write.old, write.new) {
            (Policy::Accept, ..) => {}
            (Policy::PutBack, Some(old), Some((name, _))) if old.name == name => {
                return kept(work, &write, old).await;
            }
            _ => return Err(Precondition::TimeTaken(kind_name(met)).into()),
        }
    }
    let mark = Mark { by: Some(write.caller), door: write.door, why: ONTO_TAKEN.into() };
    ledger::settle(work, &weighed, Some(&mark)).await?;
    if let Some(managed) = managed {
        let text = write.new.map(|(_, new)| mended.as_ref().unwrap_or(&new.text));
        follow(work, &managed, text).await?;
        note(work, &write, managed, &weighed, &wanted).await?;
    }
    Ok(mended)
}

fn buffers(new: &Sighted, mended: &Option<Bytes>) -> (i64, i64) {
    let mended = mended.as_ref().and_then(|text| text::tree(text).ok());
    text::buffers(mended.as_ref().unwrap_or(&new.object.tree)).unwrap_or_default()
}

/// Whose time changes: the calendar's owner, and whoever is booked with the appointment.
fn places(write: &Write<'_>, managed: Option<&Managed>) -> Vec<Place> {
    let at = write.at;
    let own = Place {
        resource: at.owner,
        old: write.old.map(|old| Source::Object(at.id, old.name.clone())),
        new: write.new.map(|(name, _)| Source::Object(at.id, name.to_string())),
    };
    let twins = managed.into_iter().flat_map(|managed| {
        managed.twins.iter().map(|(resource, id)| {
            let source = Source::Object(*id, object_name(&managed.whole.uid));
            let new = write.new.is_some().then(|| source.clone());
            Place { resource: *resource, old: Some(source), new }
        })
    });
    std::iter::once(own).chain(twins).collect()
}

/// What stands in the way, within the horizon or beyond it.
async fn met(work: &mut Work<'_>, write: &Write<'_>, weighed: &Weighed) -> Result<Option<BusyKind>> {
    if let Some(conflict) = weighed.conflicts().first() {
        return Ok(Some(conflict.kind));
    }
    let Some((_, new)) = write.new else { return Ok(None) };
    // The horizon may lag behind by a day or more: what counts is how far the resource's rows reach.
    if new.object.digest.last <= plan::horizon(work.tx().now()) - plan::BEHIND {
        return Ok(None);
    }
    let clinic = write.at.clinic;
    let resource = match weighed.resource(write.at.owner) {
        Some(resource) => Some(resource),
        None => work.tx().resource(clinic, write.at.owner).await?,
    };
    let Some(resource) = resource else { return Ok(None) };
    let kind = plan::kind_of(&write.at.slug);
    let far = plan::beyond(work, resource, (&new.object, &write.at.zone), kind, &new.object.uid).await?;
    Ok(far.map(|(_, kind)| kind))
}

/// Rooms and devices follow: their twins get the new times, or go.
async fn follow(work: &mut Work<'_>, managed: &Managed, text: Option<&Bytes>) -> Result<()> {
    let name = object_name(&managed.whole.uid);
    for (_, id) in &managed.twins {
        match text {
            Some(text) => {
                let twin = text::twin(text, &managed.whole.uid, TWIN_TITLE).map_err(plain)?;
                work.put(*id, &name, twin, Some(managed.whole.made_at)).await?;
            }
            None => drop(work.remove(*id, &name).await?),
        }
    }
    Ok(())
}

/// The appointment's rows say what became of it.
async fn note(
    work: &mut Work<'_>,
    write: &Write<'_>,
    managed: Managed,
    weighed: &Weighed,
    wanted: &[Span],
) -> Result<()> {
    let now = work.tx().now();
    let signed = |row| AppointmentRow {
        changed_at: now,
        changed_by: Some(write.caller),
        changed_origin: write.door,
        ..row
    };
    let Managed { whole, others, .. } = managed;
    let whole = signed(whole);
    let mine = weighed.stood.iter().filter(|one| one.resource == write.at.owner);
    let (before, after) =
        (ledger::by_occurrence(mine.map(|one| one.span)), ledger::by_occurrence(wanted.iter().copied()));
    let cancel = |row: AppointmentRow| AppointmentRow {
        status: Status::CancelledByClinic.name().into(),
        reason: Some(REMOVED.into()),
        ..row
    };
    let is_over = |row: &AppointmentRow| Status::from_name(&row.status).is_some_and(Status::is_final);
    let visits = write.at.id;
    if write.new.is_none() || (after.is_empty() && !before.is_empty()) {
        let rest = others.into_iter().filter(|row| row.start_at >= now);
        for row in std::iter::once(whole).chain(rest).filter(|row| !is_over(row)) {
            work.tx().save_appointment(&cancel(signed(row)), visits, Noted::Cancelled).await?;
        }
        return Ok(());
    }
    let changed: Vec<i64> =
        before.keys().filter(|id| before.get(id) != after.get(id) && before[*id].1 > now).copied().collect();
    let became = before.keys().all(|id| *id == 0) != after.keys().all(|id| *id == 0);
    if became || changed.len() > NOTED || (changed.is_empty() && before != after) {
        let (start_at, end_at) = after.values().next().copied().unwrap_or((whole.start_at, whole.end_at));
        let row = AppointmentRow { start_at, end_at, ..whole };
        return Ok(work.tx().save_appointment(&row, visits, Noted::Changed).await?);
    }
    for id in changed {
        let (start_at, end_at) = after.get(&id).or(before.get(&id)).copied().unwrap_or_default();
        let recurrence = super::recurrence(id);
        let known = others.iter().find(|row| row.recurrence == recurrence);
        if known.is_some_and(is_over) {
            continue;
        }
        let base = signed(known.unwrap_or(&whole).clone());
        let row = AppointmentRow { recurrence, start_at, end_at, ..base };
        let (row, noted) =
            if after.contains_key(&id) { (row, Noted::Moved) } else { (cancel(row), Noted::Cancelled) };
        work.tx().save_appointment(&row, visits, noted).await?;
    }
    Ok(())
}
