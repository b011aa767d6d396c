//! `/api/v1/patient-links/{link}`: a patient sees, cancels and moves one appointment; the link in the path is the login. And
//! `/api/v1/appointments/{appointment}/link`, by which staff and bots have one made.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, placed};
use super::instant;
use super::route::{Gives, Route, Takes, inline, named};
use super::slots::{Slots, time};
use crate::calendar::Zone;
use crate::clinic::{AppointmentId, LINK_HOURS, MadeLink, Mine};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&MAKE];

/// Those that need no login.
pub const OPEN: &[&Route<()>] = &[&SEE, &CANCEL, &STARTS, &MOVE];

/// Under which those stand.
pub const ROOT: &str = "/api/v1/patient-links/";

const MAKE: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/link",
    id: "makePatientLink",
    summary: "A link by which its patient sees, cancels and moves it without a login; it is told this once",
    takes: Takes::body(named::<Wanted>),
    gives: Gives::made(named::<Told>),
    refuses: &["APPOINTMENT_NOT_FOUND"],
    run: |call| Box::pin(make(call)),
};

const REFUSES: &[&str] = &["LINK_NOT_FOUND", "LINK_EXPIRED", "LINK_OUTDATED"];

const MOVE_REFUSES: &[&str] = &[
    "LINK_NOT_FOUND",
    "LINK_EXPIRED",
    "LINK_OUTDATED",
    "SCHEDULING_CONFLICT",
    "INVALID_TRANSITION",
    "INVALID_SLOT",
    "SLOT_OUTDATED",
    "OUTSIDE_HOURS",
    "NOTICE_TOO_SHORT",
    "BEYOND_HORIZON",
    "DAY_LIMIT_REACHED",
    "WEEK_LIMIT_REACHED",
    "CANCEL_WINDOW_CLOSED",
    "PATIENT_CONFLICT",
    "UNSUPPORTED_MEDIA_TYPE",
];

const SEE: Route<()> = Route {
    method: Method::GET,
    path: "/api/v1/patient-links/{link}",
    id: "seeByPatientLink",
    summary: "The appointment of a patient's link, as the patient may know it",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Shown>),
    refuses: REFUSES,
    run: |call| Box::pin(async move { json(&shown(call.clinic.mine(link(&call)).await?)) }),
};

const CANCEL: Route<()> = Route {
    method: Method::POST,
    path: "/api/v1/patient-links/{link}/cancel",
    id: "cancelByPatientLink",
    summary: "The patient cancels it",
    takes: Takes::body(named::<Reason>),
    gives: Gives::ok(named::<Shown>),
    refuses: &[
        "LINK_NOT_FOUND",
        "LINK_EXPIRED",
        "LINK_OUTDATED",
        "INVALID_TRANSITION",
        "CANCEL_WINDOW_CLOSED",
        "UNSUPPORTED_MEDIA_TYPE",
    ],
    run: |call| Box::pin(cancel(call)),
};

const STARTS: Route<()> = Route {
    method: Method::GET,
    path: "/api/v1/patient-links/{link}/slots",
    id: "findSlotsByPatientLink",
    summary: "Where it could be moved to: the same service with the same practitioner",
    takes: Takes::query(inline::<Asked>),
    gives: Gives::ok(named::<Slots>),
    refuses: &["LINK_NOT_FOUND", "LINK_EXPIRED", "LINK_OUTDATED", "INVALID_TIME"],
    run: |call| Box::pin(starts(call)),
};

const MOVE: Route<()> = Route {
    method: Method::POST,
    path: "/api/v1/patient-links/{link}/move",
    id: "moveByPatientLink",
    summary: "The patient moves it to a start that was offered; the answer has the link that counts from then on",
    takes: Takes::body(named::<To>),
    gives: Gives::ok(named::<Moved>),
    refuses: MOVE_REFUSES,
    run: |call| Box::pin(relocate(call)),
};

/// How long a link may be used.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "NewPatientLink")]
struct Wanted {
    /// 720 unless said otherwise. It ends before when the appointment is moved or given to another patient.
    #[schemars(range(min = 1, max = 9600))]
    hours: Option<i64>,
}

const _: () = assert!(LINK_HOURS.1 == 9600, "as the document says");

/// A link that was made.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PatientLink")]
struct Told {
    /// Whoever has it may see, cancel and move the appointment: it is not told again.
    link: String,
    /// Where it leads on this server.
    path: String,
    expires_at: String,
}

/// An appointment, as its patient is shown it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PatientAppointment")]
struct Shown {
    status: String,
    start: String,
    end: String,
    /// The practitioner's, whose offset the times carry.
    zone: String,
    /// Names.
    practitioner: String,
    service: Option<String>,
    location: Option<String>,
    mode: Option<String>,
    /// Whether it can still be cancelled and moved by this link.
    can_change: bool,
    link_expires_at: String,
}

/// An appointment that was moved.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PatientAppointmentMoved")]
struct Moved {
    appointment: Shown,
    link: Told,
}

/// Why the patient cancels.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PatientCancellation")]
struct Reason {
    #[schemars(length(max = 500))]
    reason: String,
}

/// Which starts are looked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PatientSlotQuery")]
struct Asked {
    /// RFC 3339, or a date: its first instant in UTC. Now, when left out.
    from: Option<String>,
    /// Exclusive.
    to: Option<String>,
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

/// Where to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PatientMove")]
struct To {
    /// Of a start that was offered by this link.
    #[schemars(length(max = 2000))]
    token: String,
}

fn told(made: MadeLink) -> Told {
    Told {
        path: format!("{ROOT}{}", made.text.expose()),
        link: made.text.expose().to_owned(),
        expires_at: instant::print(made.until, &Zone::utc()),
    }
}

fn shown(mine: Mine) -> Shown {
    Shown {
        status: mine.status,
        start: instant::print(mine.start, &mine.zone),
        end: instant::print(mine.end, &mine.zone),
        zone: mine.zone.name().to_owned(),
        practitioner: mine.practitioner,
        service: mine.service,
        location: mine.location,
        mode: mine.mode,
        can_change: mine.is_open,
        link_expires_at: instant::print(mine.until, &Zone::utc()),
    }
}

fn link(call: &Call<()>) -> &str {
    call.names.first().map(String::as_str).unwrap_or_default()
}

async fn make(mut call: Call) -> Result<Answer, Failure> {
    let wanted: Wanted = if call.ask.has_body() { call.body(BODY).await? } else { Wanted::default() };
    let id: AppointmentId = call.names.first().map(String::as_str).unwrap_or_default().parse()?;
    let made = told(call.clinic.patient_link(&call.who, &id, wanted.hours).await?);
    // A Location is written into logs by many: the link stands in the body alone.
    placed(&made, ROOT)
}

async fn cancel(mut call: Call<()>) -> Result<Answer, Failure> {
    let why: Reason = if call.ask.has_body() { call.body(BODY).await? } else { Reason::default() };
    if why.reason.len() > 500 {
        return Err(crate::clinic::Error::Invalid { field: "reason", why: "at most 500 bytes" }.into());
    }
    json(&shown(call.clinic.cancel_mine(link(&call), why.reason).await?))
}

async fn starts(call: Call<()>) -> Result<Answer, Failure> {
    let asked: Asked = call.query()?;
    let at = |text: &Option<String>| text.as_deref().map(|text| time(text, &Zone::utc())).transpose();
    let window = (at(&asked.from)?, at(&asked.to)?);
    let found = call.clinic.starts_for_mine(link(&call), window, asked.limit).await?;
    json(&Slots::from(found))
}

async fn relocate(mut call: Call<()>) -> Result<Answer, Failure> {
    let to: To = call.body(BODY).await?;
    let (mine, made) = call.clinic.move_mine(link(&call), &to.token).await?;
    json(&Moved { appointment: shown(mine), link: told(made) })
}
