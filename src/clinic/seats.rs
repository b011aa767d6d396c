//! Sessions: one event for several patients, "3/8" in its title. Each patient has a seat of its own; there are as many as
//! the service says, and the database counts them.

use store::{AppointmentRow, Noted, Seat};

use super::error::{Error, Result, invalid};
use super::found::Found;
use super::pattern::{self, Words};
use super::visit::{AppointmentId, Booked, Ground, Version};
use super::{By, Clinic, record, text};
use crate::calendar::Work;

/// A session with who has a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub seats: i64,
    pub taken: Vec<Seat>,
    /// Its version.
    pub version: i64,
}

/// What becomes of a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seating {
    Taken,
    Left,
}

impl Clinic {
    /// Who has a seat in a session; of a series, on one date.
    pub async fn session(&self, by: By, id: &AppointmentId) -> Result<Session> {
        let mut conn = self.store().read(by.clinic).await?;
        let rows = conn.appointment(by.clinic, &id.uid).await?;
        let whole = rows.first().filter(|row| row.recurrence.is_empty());
        let whole = whole.ok_or(Error::NotFound("appointment"))?;
        let recurrence = id.occurrence.map(super::recurrence).unwrap_or_default();
        let own = rows.iter().find(|row| row.recurrence == recurrence).unwrap_or(whole);
        let code = own.service.as_deref().unwrap_or_default();
        let service = conn.service_called(by.clinic, code).await?;
        let taken = conn.seats_of(by.clinic, std::slice::from_ref(&id.uid)).await?;
        let taken: Vec<Seat> = taken.into_iter().filter(|seat| seat.recurrence == recurrence).collect();
        let seats = service.map_or(1, |service| service.body.seats);
        Ok(Session { seats: taken.first().map_or(seats, |seat| seat.seats), taken, version: own.seq })
    }

    /// Gives a patient a seat.
    pub async fn take_seat(
        &self,
        by: By,
        id: AppointmentId,
        patient: i64,
        version: Version,
    ) -> Result<Booked> {
        self.seated(by, id, (patient, Seating::Taken), version).await
    }

    /// Takes a patient's seat back: it is free at once.
    pub async fn leave_seat(
        &self,
        by: By,
        id: AppointmentId,
        patient: i64,
        version: Version,
    ) -> Result<Booked> {
        self.seated(by, id, (patient, Seating::Left), version).await
    }

    async fn seated(
        &self,
        by: By,
        id: AppointmentId,
        (patient, seating): (i64, Seating),
        version: Version,
    ) -> Result<Booked> {
        let done = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                let found = Found::open(work, by, &id, version).await?;
                found.takes_place(None)?;
                if id.occurrence.is_none() && found.is_series() {
                    return invalid("occurrence", "of a series, say which occurrence");
                }
                let (taken, seats) = seat(work, &found, patient, seating).await?;
                show(work, &found, (taken, seats)).await?;
                let row = AppointmentRow { ..found.row.clone() };
                let kind = match seating {
                    Seating::Taken => "seat-taken",
                    Seating::Left => "seat-left",
                };
                let more = serde_json::json!({ "patient": patient, "taken": taken, "seats": seats });
                let deeds = vec![record::deed(by, kind, &row, more)];
                work.tx().save_appointment_with(&row, found.visits, Noted::Changed, deeds).await?;
                Ok(Booked { id, seq: work.tx().seq(), overbooked: Vec::new() })
            })
        });
        done.await
    }
}

/// Takes or leaves the seat; how many are taken then, and of how many.
async fn seat(work: &mut Work<'_>, found: &Found, patient: i64, seating: Seating) -> Result<(i64, i64)> {
    let (clinic, row) = (found.by.clinic, &found.row);
    let all = work.tx().seats_of(clinic, std::slice::from_ref(&row.uid)).await?;
    let taken: Vec<&Seat> = all.iter().filter(|seat| seat.recurrence == row.recurrence).collect();
    let count = taken.len() as i64;
    if seating == Seating::Left {
        let is_gone = work.tx().remove_seat(&row.uid, &row.recurrence, patient).await?;
        let seats = taken.first().map_or(1, |seat| seat.seats);
        return if is_gone { Ok((count - 1, seats)) } else { Err(Error::NotFound("seat")) };
    }
    let code = row.service.as_deref().unwrap_or_default();
    let service = work.tx().service_called(clinic, code).await?;
    let seats = match service.map(|service| service.body.seats) {
        Some(seats) if seats > 1 => seats,
        _ => return invalid("service", "it is for one patient at a time"),
    };
    if work.tx().patient(clinic, store::PatientId(patient)).await?.is_none() {
        return Err(Error::NotFound("patient"));
    }
    if taken.iter().any(|seat| seat.patient == patient) {
        return Err(Error::Taken("a seat of this patient"));
    }
    if count >= seats {
        return Err(Error::SeatsTaken);
    }
    let seat = Seat {
        uid: row.uid.clone(),
        recurrence: row.recurrence.clone(),
        patient,
        seats,
        made_at: work.tx().now(),
        made_by: found.by.who,
        origin: found.by.door,
        seq: 0,
    };
    work.tx().insert_seat(&seat).await?;
    Ok((count + 1, seats))
}

/// The title says how many seats are taken.
async fn show(work: &mut Work<'_>, found: &Found, (taken, seats): (i64, i64)) -> Result<()> {
    let title = text::title_of(&found.text, found.id.occurrence)?;
    let bare = match title.rsplit_once(" (") {
        Some((bare, count)) if count.ends_with(')') && count.contains('/') => bare,
        _ => &title,
    };
    let title = format!("{bare} ({taken}/{seats})");
    let words = Words { title: Some(&title), ..Words::default() };
    let text = pattern::worded(&found.text, found.id.occurrence, words, work.tx().now())?;
    found.rewritten(&found.party(), Some(text)).run(work, found.by, Ground::Bare).await.map(drop)
}
