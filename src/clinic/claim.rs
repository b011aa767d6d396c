//! What a practitioner's own program put into `visits` is a block until staff claim it: then it is an appointment, under
//! the UID that the program gave it, and stands where it stood.

use store::{AppointmentRow, Noted, PrincipalId};

use super::error::{Error, Result, invalid};
use super::pattern::{self, Words};
use super::rules::twins;
use super::status::Status;
use super::visit::{AppointmentId, Booked};
use super::{By, Clinic, plan, record};
use crate::calendar::Work;

/// Whose it is, once it is claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    pub patient: Option<i64>,
    pub service: Option<String>,
    pub details: Option<String>,
}

impl Clinic {
    /// Makes an appointment of an event in the practitioner's `visits`; of a series, of one date of it where one is named.
    pub async fn claim(&self, by: By, of: PrincipalId, id: AppointmentId, claim: Claim) -> Result<Booked> {
        let claimed = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                run(work, by, of, &id, &claim).await
            })
        });
        claimed.await
    }
}

async fn run(
    work: &mut Work<'_>,
    by: By,
    of: PrincipalId,
    id: &AppointmentId,
    claim: &Claim,
) -> Result<Booked> {
    let missing = || Error::NotFound("event");
    let rows = work.tx().appointment(by.clinic, &id.uid).await?;
    let is_same =
        |row: &AppointmentRow| row.recurrence == id.occurrence.map(super::recurrence).unwrap_or_default();
    if rows.iter().any(|row| row.practitioner != of || is_same(row)) {
        return Err(Error::Taken("an appointment of this name"));
    }
    let visits = twins(work, &[of]).await?.first().map(|(_, id)| *id).ok_or_else(missing)?;
    let names = work.tx().names_of_uids(by.clinic, visits, std::slice::from_ref(&id.uid)).await?;
    let (_, name) = names.into_iter().next().ok_or_else(missing)?;
    let object = work.tx().object(by.clinic, visits, &name).await?.ok_or_else(missing)?;
    let stored = object.text.ok_or_else(missing)?.0;
    let read = work.read(&stored)?;
    if read.kind != ical::Kind::Event || read.digest.shape.floating {
        return invalid("id", "only an event with a time zone becomes an appointment");
    }
    let window = match id.occurrence {
        Some(at) => ical::Window { from: at - plan::HORIZON, until: at + plan::HORIZON },
        None => ical::Window { from: read.digest.first, until: read.digest.first + plan::HORIZON },
    };
    let dates = plan::dates(&read, window).await?;
    let date = dates.iter().find(|one| id.occurrence.is_none() || one.id == id.occurrence);
    let date = date.ok_or_else(missing)?;
    if !date.busy.takes_time() {
        return invalid("id", "it takes no time");
    }
    let first = dates.first().unwrap_or(date);
    if let Some(service) = claim.service.as_deref().filter(|_| id.occurrence.is_none()) {
        let words = Words { service: Some(service), ..Words::default() };
        let worded = pattern::worded(&stored, None, words, work.tx().now())?;
        work.put(visits, &name, worded, Some(object.meta.created_at)).await?;
    }
    let now = work.tx().now();
    let whole = row(by, of, (&id.uid, ""), (first.start, first.end), now);
    let claimed = |row: AppointmentRow| AppointmentRow {
        patient: claim.patient,
        service: claim.service.clone(),
        details: claim.details.clone(),
        ..row
    };
    let own = match id.occurrence {
        None => claimed(whole),
        Some(at) => {
            // The series is claimed for nobody in particular: its other dates wait for whom they are.
            if rows.is_empty() {
                work.tx().save_appointment(&whole, visits, Noted::Booked).await?;
            }
            let recurrence = super::recurrence(at);
            claimed(row(by, of, (&id.uid, &recurrence), (date.start, date.end), now))
        }
    };
    let deed = record::deed(by, "appointment-claimed", &own, serde_json::json!({}));
    work.tx().save_appointment_with(&own, visits, Noted::Booked, vec![deed]).await?;
    Ok(Booked { id: id.clone(), seq: work.tx().seq(), overbooked: Vec::new() })
}

fn row(
    by: By,
    practitioner: PrincipalId,
    (uid, recurrence): (&str, &str),
    (start_at, end_at): (i64, i64),
    now: i64,
) -> AppointmentRow {
    AppointmentRow {
        uid: uid.into(),
        recurrence: recurrence.into(),
        practitioner,
        resources: Vec::new(),
        patient: None,
        service: None,
        status: Status::Scheduled.name().into(),
        start_at,
        end_at,
        details: None,
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
        location: None,
        mode: None,
        series: None,
    }
}
