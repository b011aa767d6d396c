//! `/api/v1/leave`: asked for by whoever is away, decided by those who run the clinic, taken back by either.

use futures_util::future::BoxFuture;
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, made, tagged};
use super::instant;
use super::outcome::{AFFECTED, Done, Sureness, answer};
use super::page::{Listed, cursor, listed};
use super::route::{Gives, Route, Takes, inline, named};
use crate::calendar::Zone;
use crate::clinic::{self, NewLeave, PrincipalId, RequestId, RequestStatus};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&LIST, &ASK, &GET, &APPROVE, &REJECT, &CANCEL];

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/leave",
    id: "listLeave",
    summary: "Leave that was asked for: everybody's, or a practitioner's own",
    takes: Takes::query(inline::<LeaveAsked>),
    gives: Gives::ok(named::<Listed<Leave>>),
    refuses: &["INVALID_CURSOR"],
    run: |call| Box::pin(list(call)),
};

const ASK: Route = Route {
    method: Method::POST,
    path: "/api/v1/leave",
    id: "askLeave",
    summary: "Ask for leave",
    takes: Takes::body(named::<NewRequest>),
    gives: Gives::made(named::<Leave>).versioned(),
    refuses: &["INVALID_TIME"],
    run: |call| Box::pin(ask(call)),
};

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/leave/{leave}",
    id: "getLeave",
    summary: "One request for leave",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Leave>).versioned(),
    refuses: &[],
    run: |call| Box::pin(get(call)),
};

const APPROVE: Route = decision(
    "/api/v1/leave/{leave}/approve",
    "approveLeave",
    "Grant it: the time is blocked at once",
    |call| Box::pin(decide(call, RequestStatus::Approved)),
);

const REJECT: Route = decision("/api/v1/leave/{leave}/reject", "rejectLeave", "Do not grant it", |call| {
    Box::pin(decide(call, RequestStatus::Rejected))
});

const CANCEL: Route =
    decision("/api/v1/leave/{leave}/cancel", "cancelLeave", "Take it back: the time is open again", |call| {
        Box::pin(decide(call, RequestStatus::Cancelled))
    });

const fn decision(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    run: fn(Call) -> BoxFuture<'static, Result<Answer, Failure>>,
) -> Route {
    let (takes, gives) = (Takes::query(inline::<Sureness>), Gives::ok(named::<Done>).versioned());
    let refuses = &["INVALID_TRANSITION", "RESOURCE_NOT_FOUND", AFFECTED];
    Route { method: Method::POST, path, id, summary, takes, gives, refuses, run }
}

/// How far a request is.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "LeaveStatus")]
enum Status {
    Open,
    Approved,
    Rejected,
    Cancelled,
}

impl From<RequestStatus> for Status {
    fn from(from: RequestStatus) -> Status {
        match from {
            RequestStatus::Open => Status::Open,
            RequestStatus::Approved => Status::Approved,
            RequestStatus::Rejected => Status::Rejected,
            RequestStatus::Cancelled => Status::Cancelled,
        }
    }
}

impl From<Status> for RequestStatus {
    fn from(from: Status) -> RequestStatus {
        match from {
            Status::Open => RequestStatus::Open,
            Status::Approved => RequestStatus::Approved,
            Status::Rejected => RequestStatus::Rejected,
            Status::Cancelled => RequestStatus::Cancelled,
        }
    }
}

/// Which requests.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LeaveAsked {
    status: Option<Status>,
    /// `next` of the page before.
    cursor: Option<String>,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

/// Leave that was asked for.
#[derive(Serialize, JsonSchema)]
struct Leave {
    id: i64,
    practitioner: i64,
    kind: String,
    start: String,
    /// Exclusive.
    end: String,
    status: Status,
    asked_by: Option<i64>,
    asked_at: String,
    decided_by: Option<i64>,
    decided_at: Option<String>,
}

/// Leave to ask for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewLeave")]
struct NewRequest {
    practitioner: i64,
    #[schemars(extend("enum" = clinic::LEAVE_KINDS))]
    kind: String,
    /// RFC 3339, or a day: its first instant on the practitioner's clock.
    start: String,
    /// Exclusive; as `start`.
    end: String,
}

fn shown(of: clinic::Request) -> Leave {
    let time = |instant| instant::print(instant, &Zone::utc());
    Leave {
        id: of.id.0,
        practitioner: of.asked.principal.0,
        kind: of.asked.kind,
        start: time(of.asked.first),
        end: time(of.asked.last),
        status: of.status.into(),
        asked_by: of.asked.created_by.map(|who| who.0),
        asked_at: time(of.created_at),
        decided_by: of.decided_by.map(|who| who.0),
        decided_at: of.decided_at.map(time),
    }
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let asked: LeaveAsked = call.query()?;
    let at = cursor(asked.cursor.as_deref(), asked.limit)?;
    let page = call.directory.leave(&call.who, asked.status.map(RequestStatus::from), at).await?;
    json(&listed(page, shown))
}

async fn ask(mut call: Call) -> Result<Answer, Failure> {
    let new: NewRequest = call.body(BODY).await?;
    let of = PrincipalId(new.practitioner);
    let zone = call.directory.practitioner(&call.who, of).await?.zone;
    let zone = zone.and_then(|name| Zone::named(&name)).unwrap_or_else(Zone::utc);
    let (first, last) = (instant::wanted_in(&new.start, &zone)?, instant::wanted_in(&new.end, &zone)?);
    let asked = NewLeave { of, kind: new.kind, first, last };
    let asked = call.directory.ask_leave(call.author(), asked).await?;
    let (at, version) = (format!("/api/v1/leave/{}", asked.id), asked.seq);
    made(&shown(asked), version, &at)
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let found = call.directory.leave_request(&call.who, RequestId(call.name(0)?)).await?;
    let version = found.seq;
    tagged(&shown(found), version)
}

async fn decide(call: Call, to: RequestStatus) -> Result<Answer, Failure> {
    let (id, step) = (RequestId(call.name(0)?), call.query::<Sureness>()?.step());
    let done = call.clinic.decide_leave(call.author(), id, to, step).await?;
    answer(done, |request| (Some(request.id.to_string()), Some(request.seq)))
}
