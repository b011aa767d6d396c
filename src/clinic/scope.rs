//! Changes of appointments inside their transaction: one date, this and the following ones, or all that are to come. Used
//! by single calls and by lists of them alike, so that both do the same.
//!
//! A single one, and one date of a series, are changed here; what concerns the rest of a series stands in `course`.

use bytes::Bytes;
use store::{AppointmentRow, Noted};

use super::alter::{Alter, Scope};
use super::bulk::{Act, Doing};
use super::course;
use super::error::{Error, Result, invalid};
use super::found::{Found, Party, Rewrite, is_final};
use super::pattern::{self, Tie};
use super::plan;
use super::rules::object_name;
use super::status::Status;
use super::visit::{AppointmentId, Booked, Cancel, Ground, Version};
use super::{By, record, text};
use crate::calendar::Work;

/// What is said of a date that now stands with somebody else.
const GIVEN: &str = "given to others";
/// Additional dates of one series that are cancelled with it.
const BESIDE: u32 = 1_000;

/// A UID of what is made of another object, the same whenever it is tried: a rehearsal names what will be there.
pub(super) fn derived(uid: &str, what: &str, instant: i64) -> String {
    let mut name = store::Etag::of(format!("{uid} {what} {instant}").as_bytes()).to_string();
    name.truncate(32);
    name
}

pub(super) async fn alter(
    work: &mut Work<'_>,
    by: By,
    id: &AppointmentId,
    (scope, alter): (Scope, &Alter),
    (version, ground): (Version, Ground),
) -> Result<Booked> {
    let found = Found::open(work, by, id, version).await?;
    found.takes_place(None)?;
    let is_series = found.is_series();
    match (is_series, scope, id.occurrence) {
        (false, _, Some(_)) => Err(Error::NotFound("appointment")),
        (true, Scope::This | Scope::Following, None) => {
            invalid("occurrence", "of a series, say which occurrence")
        }
        (true, Scope::Following | Scope::All, _) => course::following(work, &found, alter, ground).await,
        (true, Scope::This, Some(_)) if alter.rule.is_some() => invalid("rule", "one date has no rule"),
        (true, Scope::This, Some(at)) if alter.party(&found.party())? != found.party() => {
            give(work, &found, (at, alter), ground).await
        }
        _ => one(work, &found, alter, ground).await,
    }
}

/// A single appointment, or one date of a series that stays with its people and rooms.
async fn one(work: &mut Work<'_>, found: &Found, alter: &Alter, ground: Ground) -> Result<Booked> {
    let (now, before) = (work.tx().now(), (found.row.start_at, found.row.end_at));
    let (start_at, end_at) = alter.span(before);
    let (old, new) = (found.party(), alter.party(&found.party())?);
    let is_moved = (start_at, end_at) != before;
    let mut text = found.text.clone();
    if is_moved {
        text = text::moved(&text, found.id.occurrence, (start_at, end_at), now)?;
    }
    if !alter.words().is_empty() {
        text = pattern::worded(&text, found.id.occurrence, alter.words(), now)?;
    }
    if let Some(Some(rule)) = &alter.rule {
        text = sound(pattern::recurring(&text, rule, now)?)?;
    }
    let row = AppointmentRow {
        start_at,
        end_at,
        practitioner: new.practitioner,
        resources: new.with.clone(),
        ..alter.on(&found.row)
    };
    let (mut overbooked, mut visits) = (Vec::new(), found.visits);
    if text != found.text || old != new {
        let until = match &alter.rule {
            Some(Some(_)) => plan::read(&text).map(|object| object.digest.last),
            _ => Some(end_at).filter(|_| is_moved || old != new),
        };
        let rewrite = Rewrite { new: Some((&new, text)), until, ..found.rewritten(&old, None) };
        let done = rewrite.run(work, found.by, ground).await?;
        (overbooked, visits) = (done.met, done.visits);
    }
    let noted = if is_moved || old != new { Noted::Moved } else { Noted::Changed };
    let deeds = record::noted(found.by, noted, &row, &found.whole.resources);
    work.tx().save_appointment_with(&row, visits, noted, deeds).await?;
    Ok(Booked { id: found.id.clone(), seq: work.tx().seq(), overbooked })
}

/// A rule that cannot be understood is the caller's mistake.
pub(super) fn sound(text: Bytes) -> Result<Bytes> {
    match ical::check(&text, &ical::Limits::default()) {
        Ok(_) => Ok(text),
        Err(refusal) => {
            tracing::debug!(%refusal, "a rule was refused");
            invalid("rule", "it cannot be understood")
        }
    }
}

/// One date of a series goes to somebody else, or into another room: it becomes an appointment of its own, tied to the
/// series, because an object stands whole in the calendars of those it is booked with.
async fn give(
    work: &mut Work<'_>,
    found: &Found,
    (at, alter): (i64, &Alter),
    ground: Ground,
) -> Result<Booked> {
    let (now, party) = (work.tx().now(), found.party());
    let rest = pattern::without(&found.text, &[at], now)?;
    found.rewritten(&party, Some(rest)).run(work, found.by, Ground::Bare).await?;
    let cancelled = AppointmentRow {
        status: Status::CancelledByClinic.name().into(),
        reason: Some(alter.reason.clone().unwrap_or_else(|| GIVEN.into())),
        ..found.row.clone()
    };
    found.note(work, &cancelled, Noted::Changed).await?;
    let uid = derived(&found.id.uid, "given", at);
    let (start_at, end_at) = alter.span((found.row.start_at, found.row.end_at));
    let refid = pattern::refid(&text::tree(&found.text)?, &found.id.uid);
    let mut text = pattern::alone(&found.text, at, &uid)?;
    text = text::moved(&text, None, (start_at, end_at), now)?;
    text = pattern::worded(&text, None, alter.words(), now)?;
    text = pattern::tied(&text, Tie::Sibling, &found.id.uid, &refid)?;
    let new = alter.party(&party)?;
    let row = AppointmentRow {
        uid: uid.clone(),
        recurrence: String::new(),
        practitioner: new.practitioner,
        resources: new.with.clone(),
        start_at,
        end_at,
        series: Some(found.id.uid.clone()),
        ..alter.on(&found.row)
    };
    work.tx().move_seats((&found.id.uid, &super::recurrence(at)), (&uid, "")).await?;
    beside(work, found.by, (&new, text), &row, ground).await
}

/// Books an appointment that is tied to a series.
pub(super) async fn beside(
    work: &mut Work<'_>,
    by: By,
    (party, text): (&Party, Bytes),
    row: &AppointmentRow,
    ground: Ground,
) -> Result<Booked> {
    let name = object_name(&row.uid);
    let rewrite = Rewrite {
        uid: &row.uid,
        name: &name,
        old: None,
        new: Some((party, text)),
        created: None,
        until: Some(row.end_at),
        excused: &[],
    };
    let done = rewrite.run(work, by, ground).await?;
    let deeds = record::made(by, row, false);
    work.tx().save_appointment_with(row, done.visits, Noted::Booked, deeds).await?;
    let id = AppointmentId { uid: row.uid.clone(), occurrence: None };
    Ok(Booked { id, seq: work.tx().seq(), overbooked: done.met })
}

/// Cancels: the time is free at once, the rows stay. What has taken place stays as well.
pub(super) async fn call_off(
    work: &mut Work<'_>,
    by: By,
    id: &AppointmentId,
    (scope, how): (Scope, &Cancel),
    version: Version,
) -> Result<i64> {
    let status = if how.by_patient { Status::CancelledByPatient } else { Status::CancelledByClinic };
    let found = Found::open(work, by, id, version).await?;
    found.takes_place(Some(status))?;
    let cancelled = |row: &AppointmentRow| AppointmentRow {
        status: status.name().into(),
        reason: Some(how.reason.clone()),
        ..found.signed(row)
    };
    let (now, party) = (work.tx().now(), found.party());
    if let (Scope::This, Some(at)) = (scope, id.occurrence) {
        let text = pattern::without(&found.text, &[at], now)?;
        found.rewritten(&party, Some(text)).run(work, by, Ground::Bare).await?;
        found.note(work, &cancelled(&found.row), Noted::Cancelled).await?;
        return Ok(work.tx().seq());
    }
    let from = match (scope, id.occurrence) {
        (Scope::Following, Some(at)) => at.max(now),
        _ => now,
    };
    let text = course::cut(&found, from, now).await?;
    let is_whole = text.is_none() || from == now;
    found.rewritten(&party, text).run(work, by, Ground::Bare).await?;
    match is_whole {
        true => found.note(work, &cancelled(&found.whole), Noted::Cancelled).await?,
        false => found.note(work, &found.signed(&found.whole), Noted::Changed).await?,
    }
    // With the series goes what was noted of its dates to come, and its additional dates.
    for row in found.others.iter().filter(|row| row.start_at >= from && !is_final(row)) {
        found.note(work, &cancelled(row), Noted::Cancelled).await?;
    }
    if is_whole && id.occurrence.is_none_or(|_| scope != Scope::This) {
        let more = work.tx().appointments_beside(by.clinic, &id.uid, BESIDE).await?;
        for row in more.iter().filter(|row| row.start_at >= from && !is_final(row)) {
            let id = AppointmentId { uid: row.uid.clone(), occurrence: None };
            Box::pin(call_off(work, by, &id, (Scope::All, how), None)).await?;
        }
    }
    Ok(work.tx().seq())
}

/// One change of many.
pub(super) async fn act(work: &mut Work<'_>, by: By, act: &Act) -> Result<Booked> {
    let (id, version) = (&act.id, act.version);
    let seq = match &act.doing {
        Doing::Alter(scope, changes, ground) => {
            return alter(work, by, id, (*scope, changes), (version, ground.clone())).await;
        }
        Doing::Cancel(scope, how) => call_off(work, by, id, (*scope, how), version).await?,
        Doing::Advance(to) => advance(work, by, id, *to, version).await?,
    };
    Ok(Booked { id: id.clone(), seq, overbooked: Vec::new() })
}

/// Leads an appointment to its next state. Nothing in a calendar changes.
pub(super) async fn advance(
    work: &mut Work<'_>,
    by: By,
    id: &AppointmentId,
    to: Status,
    version: Version,
) -> Result<i64> {
    let found = Found::open(work, by, id, version).await?;
    let (from, now) = (found.status()?, work.tx().moment());
    let is_early = to == Status::NoShow && now < found.row.start_at;
    if to.is_cancelled() || is_early || !from.next().contains(&to) {
        return Err(Error::Transition { from, to });
    }
    let is_of_a_day = !matches!(to, Status::Scheduled | Status::Confirmed);
    if is_of_a_day && id.occurrence.is_none() && found.is_series() {
        return invalid("occurrence", "of a series, say which occurrence");
    }
    let mut row = AppointmentRow { status: to.name().into(), ..found.row.clone() };
    match to {
        Status::CheckedIn => row.checked_in_at = Some(now),
        Status::InProgress => row.started_at = Some(now),
        Status::Completed | Status::NoShow => row.ended_at = Some(now),
        _ => {}
    }
    found.note(work, &row, Noted::Changed).await?;
    Ok(work.tx().seq())
}
