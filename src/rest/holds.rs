//! `/api/v1/holds`: a time kept for minutes, while somebody fills in a form or pays.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, nothing, placed};
use super::instant;
use super::route::{Gives, Route, Takes, inline, named};
use super::slots::{Basis, Named, UNFIT, instead};
use crate::calendar::Zone;
use crate::clinic::{Contact, Held, PatientId, Wish};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&KEEP, &GET, &EXTEND, &RELEASE];

const KEEP: Route = Route {
    method: Method::POST,
    path: "/api/v1/holds",
    id: "addHold",
    summary: "Keep a time: from a slot's token, or in so many words",
    takes: Takes::body(named::<New>),
    gives: Gives::made(named::<Hold>),
    refuses: UNFIT,
    run: |call| Box::pin(keep(call)),
};

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/holds/{hold}",
    id: "getHold",
    summary: "One hold, live or run out",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Hold>),
    refuses: &["HOLD_NOT_FOUND"],
    run: |call| Box::pin(get(call)),
};

const EXTEND: Route = Route {
    method: Method::PATCH,
    path: "/api/v1/holds/{hold}",
    id: "extendHold",
    summary: "Keep it longer, three times at most: while a payment runs",
    takes: Takes::body(named::<Longer>),
    gives: Gives::ok(named::<Hold>),
    refuses: &["HOLD_NOT_FOUND", "HOLD_EXPIRED", "HOLD_LIMIT"],
    run: |call| Box::pin(extend(call)),
};

const RELEASE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/holds/{hold}",
    id: "releaseHold",
    summary: "Let it go, and say why; one that is gone already is no mistake",
    takes: Takes::query(inline::<Why>),
    gives: Gives::NOTHING,
    refuses: &[],
    run: |call| Box::pin(release(call)),
};

/// A time to be kept: a `token`, or a practitioner, a start, and a service or minutes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewHold")]
struct New {
    #[schemars(length(max = 2000))]
    token: Option<String>,
    service: Option<Named>,
    practitioner: Option<i64>,
    /// RFC 3339.
    start: Option<String>,
    zone: Option<String>,
    #[schemars(range(min = 1, max = 1440))]
    minutes: Option<i64>,
    /// Rooms and equipment; left out: what the service needs and is free.
    with: Option<Vec<i64>>,
    location: Option<Named>,
    mode: Option<String>,
    /// For whom, as far as it is known: by these holds are counted.
    patient: Option<i64>,
    #[schemars(length(max = 40))]
    phone: Option<String>,
    #[schemars(length(max = 254))]
    email: Option<String>,
}

/// How much longer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HoldExtension")]
struct Longer {
    /// Seconds from now; as long as a new one, when left out.
    #[schemars(range(min = 1, max = 7200))]
    seconds: Option<i64>,
}

/// Why it is let go: for the audit.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    #[schemars(length(max = 500))]
    reason: Option<String>,
}

/// A time that is kept.
#[derive(Serialize, JsonSchema)]
struct Hold {
    /// Not to be guessed: whoever has it may book by it.
    id: String,
    /// From then on it counts no more.
    expires_at: String,
    start: String,
    end: String,
    practitioner: i64,
    with: Vec<i64>,
    /// How often it was prolonged.
    extended: i64,
}

async fn keep(mut call: Call) -> Result<Answer, Failure> {
    let new: New = call.body(BODY).await?;
    let (patient, contact) = (new.patient.map(PatientId), Contact { phone: new.phone, email: new.email });
    let basis = Basis {
        token: new.token,
        service: new.service,
        practitioner: new.practitioner,
        start: new.start,
        zone: new.zone,
        minutes: new.minutes,
        with: new.with,
        location: new.location,
        mode: new.mode,
    };
    let wish = Wish { patient, ..basis.wish(&call).await? };
    let held = match call.clinic.keep(&call.who, &wish, &contact).await {
        Ok(held) => held,
        Err(error) => return Err(instead(&call, error, Some(&wish)).await),
    };
    let shown = shown(&call, &held.id).await?;
    placed(&shown, &format!("/api/v1/holds/{}", held.id))
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let id: String = call.name(0)?;
    json(&shown(&call, &id).await?)
}

async fn extend(mut call: Call) -> Result<Answer, Failure> {
    let (longer, id): (Longer, String) = (call.body(BODY).await?, call.name(0)?);
    match call.desk().extend_hold(&id, longer.seconds).await {
        Ok(Held { .. }) => json(&shown(&call, &id).await?),
        Err(error) => {
            let (wish, _) = call.clinic.wish_of_hold(&call.who, &id).await?;
            Err(instead(&call, error, Some(&wish)).await)
        }
    }
}

async fn release(call: Call) -> Result<Answer, Failure> {
    let id: String = call.name(0)?;
    let why: Why = call.query()?;
    call.desk().release_hold(&id, why.reason.as_deref().unwrap_or_default()).await?;
    nothing()
}

async fn shown(call: &Call, id: &str) -> Result<Hold, Failure> {
    let (wish, kept) = call.clinic.wish_of_hold(&call.who, id).await?;
    let zone = call.clinic.zones(&call.who, vec![wish.practitioner]).await?.pop().unwrap_or_else(Zone::utc);
    Ok(Hold {
        id: kept.id,
        expires_at: instant::print(kept.expires_at, &Zone::utc()),
        start: instant::print(wish.start, &zone),
        end: instant::print(wish.start + wish.minutes.unwrap_or(0) * 60, &zone),
        practitioner: wish.practitioner.0,
        with: wish.with.unwrap_or_default().into_iter().map(|id| id.0).collect(),
        extended: kept.extended,
    })
}
