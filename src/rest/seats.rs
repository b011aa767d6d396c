//! `/api/v1/appointments/{appointment}/seats`: who takes part in a session, an appointment of a service with several seats.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acts::Done;
use super::call::{BODY, Call, Failure, json, made, tagged};
use super::route::{Gives, Route, Takes, named};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&GET, &TAKE, &LEAVE];

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/appointments/{appointment}/seats",
    id: "getSeats",
    summary: "Who has a seat; of a series the id names the date",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Session>).versioned(),
    refuses: &["APPOINTMENT_NOT_FOUND"],
    run: |call| Box::pin(get(call)),
};

const TAKE: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/seats",
    id: "takeSeat",
    summary: "Give a patient a seat, while there is one",
    takes: Takes::body(named::<Taking>).versioned(),
    gives: Gives::made(named::<Done>),
    refuses: &["SEATS_TAKEN", "ALREADY_EXISTS", "INVALID_TRANSITION", "APPOINTMENT_NOT_FOUND"],
    run: |call| Box::pin(take(call)),
};

const LEAVE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/appointments/{appointment}/seats/{patient}",
    id: "leaveSeat",
    summary: "Take a patient's seat back",
    takes: Takes::NOTHING.versioned(),
    gives: Gives::ok(named::<Done>),
    refuses: &["INVALID_TRANSITION", "APPOINTMENT_NOT_FOUND"],
    run: |call| Box::pin(leave(call)),
};

/// Who wants one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewSeat")]
struct Taking {
    patient: i64,
}

/// Who has one.
#[derive(Serialize, JsonSchema)]
struct Session {
    seats: i64,
    taken: i64,
    patients: Vec<i64>,
    version: i64,
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let session = call.desk().session(&call.name(0)?).await?;
    let patients: Vec<i64> = session.taken.iter().map(|seat| seat.patient).collect();
    let version = session.version;
    tagged(&Session { seats: session.seats, taken: patients.len() as i64, patients, version }, version)
}

async fn take(mut call: Call) -> Result<Answer, Failure> {
    let (id, version) = (call.name(0)?, call.version()?);
    let Taking { patient } = call.body(BODY).await?;
    let booked = call.desk().take_seat(id, patient, version).await?;
    let (at, seq) = (format!("/api/v1/appointments/{}/seats", booked.id), booked.seq);
    made(&Done::from(booked), seq, &at)
}

async fn leave(call: Call) -> Result<Answer, Failure> {
    let booked = call.desk().leave_seat(call.name(0)?, call.name(1)?, call.version()?).await?;
    json(&Done::from(booked))
}
