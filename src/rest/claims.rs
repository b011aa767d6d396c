//! `/api/v1/appointments/{appointment}/claim`: what a practitioner's own program put into the calendar becomes an
//! appointment of somebody.

use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::acts::{Done, kept};
use super::call::{BODY, Call, Failure, made};
use super::route::{Gives, Route, Takes, named};
use super::slots::{Named, service};
use crate::clinic::{Claim, PrincipalId};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&CLAIM];

const CLAIM: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/claim",
    id: "claimEvent",
    summary: "Make an appointment of an event in a practitioner's calendar, or of one date of it; it stays where it stands",
    takes: Takes::body(named::<Whose>),
    gives: Gives::made(named::<Done>),
    refuses: &["ALREADY_EXISTS", "APPOINTMENT_NOT_FOUND"],
    run: |call| Box::pin(claim(call)),
};

/// In whose calendar it is, and whose it becomes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Claim")]
struct Whose {
    practitioner: i64,
    patient: Option<i64>,
    service: Option<Named>,
    /// Whatever else is to be kept: an object.
    details: Option<Value>,
}

async fn claim(mut call: Call) -> Result<Answer, Failure> {
    let id = call.name(0)?;
    let whose: Whose = call.body(BODY).await?;
    let of = PrincipalId(whose.practitioner);
    let details = whose.details.map(kept).transpose()?;
    let service = match service(whose.service.as_ref(), &call).await? {
        Some(id) => Some(call.directory.service(&call.who, id).await?.body.code),
        None => None,
    };
    let claim = Claim { patient: whose.patient, service, details };
    let booked = call.desk().claim(of, id, claim).await?;
    let (at, seq) = (format!("/api/v1/appointments/{}", booked.id), booked.seq);
    made(&Done::from(booked), seq, &at)
}
