//! `/api/v1/bulk`: many changes of single appointments and of dates of series in one call, all or none; `dry_run` answers
//! what the real call then does.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acts::{Changes, Done, Scope, cancel, perform, run};
use super::call::{Call, Failure, json};
use super::route::{Gives, Route, Takes, inline, named};
use crate::clinic::{ACTS, Act, AppointmentId, Doing, Error, Status};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&POST];

/// Bytes of a body: two hundred changes with room for words.
const BODY: usize = 512 << 10;

const POST: Route = Route {
    method: Method::POST,
    path: "/api/v1/bulk",
    id: "changeMany",
    summary: "Cancel, change or advance many appointments and dates at once: all, or none and `at` names the one that failed",
    takes: Takes::body(named::<Many>).and_query(inline::<How>),
    gives: Gives::ok(named::<ManyDone>),
    refuses: &[
        "SCHEDULING_CONFLICT",
        "OUTSIDE_HOURS",
        "NOTICE_TOO_SHORT",
        "BEYOND_HORIZON",
        "DAY_LIMIT_REACHED",
        "WEEK_LIMIT_REACHED",
        "SERVICE_NOT_OFFERED",
        "MODE_NOT_OFFERED",
        "LOCATION_NOT_OFFERED",
        "PATIENT_CONFLICT",
        "INVALID_TRANSITION",
        "INVALID_TIME",
        "APPOINTMENT_NOT_FOUND",
        "RESOURCE_NOT_FOUND",
    ],
    run: |call| Box::pin(post(call)),
};

/// For real, or not.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct How {
    /// Answers what would be done and does nothing.
    #[serde(default)]
    pub dry_run: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Many {
    /// In their order: what is cancelled first leaves room.
    #[schemars(length(min = 1, max = 200))]
    acts: Vec<One>,
}

/// One change: exactly one of `cancel`, `change`, `advance`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ManyAct")]
struct One {
    /// Of an appointment, or of one date of a series.
    id: String,
    /// What was read, or whatever is there.
    version: Option<i64>,
    #[serde(default)]
    scope: Scope,
    cancel: Option<Off>,
    change: Option<Changes>,
    /// `confirmed`, `checked_in`, `in_progress`, `completed`, `no_show`.
    advance: Option<String>,
}

/// Why, and on whose behalf.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cancellation")]
struct Off {
    reason: Option<String>,
    #[serde(default)]
    by_patient: bool,
}

/// What became of each, in their order.
#[derive(Serialize, JsonSchema)]
struct ManyDone {
    items: Vec<Done>,
}

async fn post(mut call: Call) -> Result<Answer, Failure> {
    let How { dry_run } = call.query()?;
    let many: Many = call.body(BODY).await?;
    if many.acts.len() > ACTS {
        return Err(Error::Invalid { field: "acts", why: "from 1 to 200 changes at once" }.into());
    }
    let acts = many.acts.into_iter().map(act).collect::<Result<Vec<Act>, Failure>>()?;
    json(&ManyDone { items: perform(&call, acts, run(dry_run)).await? })
}

fn act(one: One) -> Result<Act, Failure> {
    let id: AppointmentId = one.id.parse()?;
    let doing = match (one.cancel, one.change, one.advance) {
        (Some(off), None, None) => Doing::Cancel(one.scope.into(), cancel(off.reason, off.by_patient)),
        (None, Some(changes), None) => changes.doing(one.scope)?,
        (None, None, Some(to)) => {
            let unknown = Error::Invalid { field: "advance", why: "there is no such state" };
            Doing::Advance(Status::from_name(&to).ok_or(unknown)?)
        }
        _ => {
            let why = "say one of `cancel`, `change`, `advance` of each";
            return Err(Error::Invalid { field: "acts", why }.into());
        }
    };
    Ok(Act { id, version: one.version, doing })
}
