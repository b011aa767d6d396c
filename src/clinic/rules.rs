//! No double booking, whoever writes, by whatever door: the rule that `calendar` asks inside its one write.
//!
//! A client's change of a bookable calendar rewrites the object's busy rows in the same transaction. Onto a taken time
//! it is stored and marked, refused, or put back, as the calendar's policy says; it wins over live holds. Where the
//! object is an appointment, the change is one of the appointment: what the client dropped is given back, rooms and
//! devices follow with their twins, and the appointment's row says who did it, by which door.

use std::collections::BTreeMap;

use bytes::Bytes;
use ical::Window;
use store::{
    AppointmentRow, BoxFuture, BusyKind, CollectionId, Decision, Mark, Noted, ObjectMeta, Origin, Policy,
    PrincipalId, RequestId, RequestStatus, Source, Span,
};

use super::closing::{self, BlockKind};
use super::error::{Error as ClinicError, kind_name};
use super::found::{is_final, signed};
use super::ledger::{self, Change, Place, Weighed};
use super::plan::{self, VISITS};
use super::status::Status;
use super::{By, record, text};
use crate::calendar::{Error, Guard, Precondition, Privilege, Result, Sighted, Work, Write};

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

    fn closes(&self, slug: &str) -> bool {
        plan::kind_of(slug) == BusyKind::Block
    }

    fn check<'w>(&'w self, work: &'w mut Work<'_>, write: Write<'w>) -> BoxFuture<'w, Result<Option<Bytes>>> {
        Box::pin(async move {
            if let Some(closed) = closed(work, &write).await? {
                return follow_closed(work, write, closed).await;
            }
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

/// A closed time that is not a phone's to change.
struct Kept {
    text: Bytes,
    leave: Option<RequestId>,
}

/// What stands there, where it is leave or forced and the caller does not run the clinic.
async fn closed(work: &mut Work<'_>, write: &Write<'_>) -> Result<Option<Kept>> {
    let Some(old) = write.old.filter(|_| plan::kind_of(&write.at.slug) == BusyKind::Block) else {
        return Ok(None);
    };
    let clinic = write.at.clinic;
    let object = work.tx().object(clinic, write.at.id, &old.name).await?;
    let stood = object.and_then(|object| object.text).map(|text| text.0);
    // What is renamed has left its old place already: the text is the same.
    let Some(text) = stood.or_else(|| write.new.map(|(_, new)| new.text.clone())) else { return Ok(None) };
    let tree = text::tree(&text).map_err(plain)?;
    let leave = match (closing::kind(&tree), closing::leave(&tree)) {
        (BlockKind::Forced, _) => None,
        // A text may say of itself what it likes: only the request knows its object.
        (BlockKind::Leave, Some(leave)) => {
            let request = work.tx().request(clinic, leave).await?;
            let is_its = request.is_some_and(|one| {
                one.asked.principal == write.at.owner && one.object_name.as_ref() == Some(&old.name)
            });
            if !is_its {
                return Ok(None);
            }
            Some(leave)
        }
        _ => return Ok(None),
    };
    let caller = work.tx().principals_by_id(clinic, &[write.caller]).await?.into_iter().next();
    let governs = closing::governs(caller.and_then(|caller| caller.role));
    Ok((leave.is_some() || !governs).then_some(Kept { text, leave }))
}

/// Leave that is removed is taken back; what else would move a kept closed time is refused or put back. An alarm or a
/// colour may be added: the time and what it is stay.
async fn follow_closed(work: &mut Work<'_>, write: Write<'_>, kept: Kept) -> Result<Option<Bytes>> {
    let Some(old) = write.old else { return Ok(None) };
    let source = Source::Object(write.at.id, old.name.clone());
    if write.new.is_none()
        && let Some(leave) = kept.leave
    {
        let decision =
            Decision { status: RequestStatus::Cancelled, by: Some(write.caller), object_name: None };
        work.tx().decide_request(leave, RequestStatus::Approved, decision).await?;
        work.tx().vacate(&source).await?;
        let by = By { clinic: write.at.clinic, who: Some(write.caller), door: write.door };
        let what = serde_json::json!({ "from": "approved", "to": "cancelled" });
        let deed = record::signed(by, "leave-decided", format!("leave {leave}"), what);
        work.tx().audit(vec![deed]).await?;
        return Ok(None);
    }
    let is_elsewhere = write.new.is_some_and(|(name, _)| name != old.name);
    if let Some((_, new)) = write.new.filter(|_| !is_elsewhere)
        && same_time(work, &write, &kept.text, new).await?
    {
        return text::mended(&kept.text, &new.text).map_err(plain);
    }
    if is_elsewhere || write.at.policy == Policy::Refuse {
        return Err(Error::Denied(Privilege::WriteContent));
    }
    text::put_back(&kept.text, work.tx().now()).map(Some).map_err(plain)
}

/// Whether a new text closes the same time as the one that stood there.
async fn same_time(work: &mut Work<'_>, write: &Write<'_>, kept: &[u8], new: &Sighted) -> Result<bool> {
    let Some(old) = plan::read(kept) else { return Ok(false) };
    let then = plan::expanded(&old, &write.at.zone, work.tx().now()).await.map_err(plain)?;
    let then = plan::spans(&old, &then, BusyKind::Block, (0, 0))?;
    let now = plan::spans(&new.object, &new.occurrences, BusyKind::Block, (0, 0))?;
    let ends = |digest: &ical::Digest| (digest.first, digest.last);
    Ok(then == now && ends(&old.digest) == ends(&new.object.digest))
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
            // A drag in Google is nobody's decision to book twice: it is refused, and put back there.
            (Policy::Accept, ..) if managed.is_none() || !matches!(write.door, Origin::Google(_)) => {}
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

/// The appointment's rows say what became of it, and so does the audit.
async fn note(
    work: &mut Work<'_>,
    write: &Write<'_>,
    managed: Managed,
    weighed: &Weighed,
    wanted: &[Span],
) -> Result<()> {
    let by = By { clinic: write.at.clinic, who: Some(write.caller), door: write.door };
    let mine = weighed.stood.iter().filter(|one| one.resource == write.at.owner);
    let before = ledger::by_occurrence(mine.map(|one| one.span));
    let after = ledger::by_occurrence(wanted.iter().copied());
    let rooms = managed.whole.resources.clone();
    let is_gone = write.new.is_none() || (after.is_empty() && !before.is_empty());
    let rows = match is_gone {
        true => gone(managed, by, work.tx().now()),
        false => changed(managed, by, (&before, &after), work.tx().now()),
    };
    for (row, noted) in &rows {
        let deeds = record::noted(by, *noted, row, &rooms);
        work.tx().save_appointment_with(row, write.at.id, *noted, deeds).await?;
    }
    Ok(())
}

fn cancelled(row: &AppointmentRow) -> AppointmentRow {
    AppointmentRow {
        status: Status::CancelledByClinic.name().into(),
        reason: Some(REMOVED.into()),
        ..row.clone()
    }
}

/// The object is gone: the whole is cancelled, and what was noted of dates to come.
fn gone(managed: Managed, by: By, now: i64) -> Vec<(AppointmentRow, Noted)> {
    let rest = managed.others.into_iter().filter(|row| row.start_at >= now);
    let all = std::iter::once(managed.whole).chain(rest).filter(|row| !is_final(row));
    all.map(|row| (cancelled(&signed(&row, by, now)), Noted::Cancelled)).collect()
}

type Dates = BTreeMap<i64, (i64, i64)>;

/// The object has other dates: those that are not over yet are noted, or, where there are too many, the series.
fn changed(
    managed: Managed,
    by: By,
    (before, after): (&Dates, &Dates),
    now: i64,
) -> Vec<(AppointmentRow, Noted)> {
    let Managed { whole, others, .. } = managed;
    let differs = |id: &&i64| before.get(id) != after.get(id) && before[*id].1 > now;
    let changed: Vec<i64> = before.keys().filter(differs).copied().collect();
    let became = before.keys().all(|id| *id == 0) != after.keys().all(|id| *id == 0);
    if became || changed.len() > NOTED || (changed.is_empty() && before != after) {
        let (start_at, end_at) = after.values().next().copied().unwrap_or((whole.start_at, whole.end_at));
        return vec![(AppointmentRow { start_at, end_at, ..signed(&whole, by, now) }, Noted::Changed)];
    }
    let of = |id: i64| {
        let (start_at, end_at) = after.get(&id).or(before.get(&id)).copied().unwrap_or_default();
        let recurrence = super::recurrence(id);
        let known = others.iter().find(|row| row.recurrence == recurrence);
        if known.is_some_and(is_final) {
            return None;
        }
        let base = signed(known.unwrap_or(&whole), by, now);
        let row = AppointmentRow { recurrence, start_at, end_at, ..base };
        Some(match after.contains_key(&id) {
            true => (row, Noted::Moved),
            false => (cancelled(&row), Noted::Cancelled),
        })
    };
    changed.into_iter().filter_map(of).collect()
}
