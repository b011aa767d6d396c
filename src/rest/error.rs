//! What went wrong below, as this door's problem: the only place here that picks a status for it.

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Failure;
use super::google::Refusal;
use super::instant;
use super::outcome::left;
use crate::calendar::{Error, Zone};
use crate::clinic::{self, Conflict};
use crate::edge::Problem;

/// Codes that any endpoint may refuse with: the document lists them once.
pub const SHARED: &[&str] = &[
    "BAD_REQUEST",
    "NOT_FOUND",
    "DENIED",
    "INVALID_QUERY",
    "INVALID_BODY",
    "INVALID_FIELD",
    "VERSION_MISMATCH",
    "REFUSED",
    "TOO_MUCH",
    "BUSY",
    "FULL",
    "INTERNAL",
];

/// Whatever went wrong, with the request's id for the log.
pub fn problem(failure: Failure, id: u64) -> Problem {
    match failure {
        Failure::Problem(problem) => problem,
        Failure::Clinic(error) => clinic(error, id),
        Failure::Instead(error, found) => {
            clinic(error, id).with("alternatives", super::slots::alternatives(found))
        }
        Failure::Calendar(error) => calendar(&error, id),
        Failure::Google(refusal) => google(refusal, id),
        Failure::Unwritten(error) => {
            tracing::error!(request.id = id, %error, "an answer could not be written as JSON");
            Problem::broken(id)
        }
    }
}

/// What whoever keeps calendars equal with Google could not do.
fn google(refusal: Refusal, id: u64) -> Problem {
    match refusal {
        Refusal::Clinic(error) => clinic(error, id),
        Refusal::Absent => {
            let detail = "This clinic has no project at Google; whoever runs the server can set one up.";
            Problem::new(StatusCode::NOT_FOUND, "Not set up", detail).code("GOOGLE_NOT_SET_UP")
        }
        Refusal::Refused(why) => {
            Problem::new(StatusCode::CONFLICT, "Not possible now", sentence(&why)).code("GOOGLE_REFUSED")
        }
        Refusal::Away(reason) => {
            let detail = "Google did not do it. `reason` says what it answered; nothing was changed here.";
            Problem::new(StatusCode::BAD_GATEWAY, "Google did not do it", detail)
                .code("GOOGLE_FAILED")
                .with("reason", reason)
        }
        Refusal::Busy(seconds) => Problem::busy(seconds),
        Refusal::Broken(why) => {
            tracing::error!(request.id = id, why, "a call about Google could not be answered");
            Problem::broken(id)
        }
    }
}

/// An error of the clinic room.
fn clinic(error: clinic::Error, id: u64) -> Problem {
    use clinic::Error as E;
    let (code, detail) = (error.code(), sentence(&error.to_string()));
    let new = |status, title| Problem::new(status, title, detail.clone()).code(code);
    match &error {
        E::Calendar(error) => calendar(error, id),
        E::NotFound(_) => new(StatusCode::NOT_FOUND, "Not found"),
        E::Denied(_) => new(StatusCode::FORBIDDEN, "Denied"),
        E::Stale => new(StatusCode::PRECONDITION_FAILED, "Changed"),
        E::Invalid { field, .. } => {
            new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid field").with("field", *field)
        }
        E::Conflict(met) => new(StatusCode::CONFLICT, "Time taken").with("conflicts", conflicts(met)),
        E::Transition { from, .. } => {
            let allowed: Vec<&str> = from.next().iter().map(|status| status.name()).collect();
            new(StatusCode::CONFLICT, "Not from here").with("status_is", from.name()).with("allowed", allowed)
        }
        E::Overlapping { first, second } => {
            let pair = vec![format!("intervals[{first}]"), format!("intervals[{second}]")];
            new(StatusCode::UNPROCESSABLE_ENTITY, "Overlapping intervals").with("intervals", pair)
        }
        E::Outside(all) => new(StatusCode::CONFLICT, "Appointments affected")
            .with("appointments", left(all))
            .with("count", all.count),
        E::State { from, .. } => new(StatusCode::CONFLICT, "Not from here").with("status_is", *from),
        E::Dates(all) if all.first().is_some_and(|one| one.why.is_invalid()) => {
            new(StatusCode::UNPROCESSABLE_ENTITY, "Not offered").with("dates", unfitting(all))
        }
        E::Dates(all) => new(StatusCode::CONFLICT, "Not offered").with("dates", unfitting(all)),
        E::Unfit(why) if why.is_invalid() => new(StatusCode::UNPROCESSABLE_ENTITY, "Not offered"),
        E::SlotForged => new(StatusCode::UNPROCESSABLE_ENTITY, "Not offered").with("field", "token"),
        E::Link(clinic::BadLink::Forged) => new(StatusCode::NOT_FOUND, "Not found"),
        E::Link(_) => new(StatusCode::GONE, "Gone"),
        E::Unfit(_) | E::SlotOutdated => new(StatusCode::CONFLICT, "Not offered"),
        E::Overtaken => Problem::busy(1),
        E::HoldExpired | E::HoldLimit | E::SeatsTaken | E::Taken(_) => {
            new(StatusCode::CONFLICT, "Not possible now")
        }
    }
}

/// Of many things that were asked for at once, the one that could not be done: `at` counts from 0.
pub fn of_many(failed: clinic::Failed, id: u64) -> Problem {
    clinic(failed.error, id).with("at", failed.at)
}

/// What stands in the way: of whom, when, of what kind; never what it is (trust.md S6).
pub fn conflicts(met: &[Conflict]) -> Value {
    let shown = |one: &Conflict| {
        json!({
            "resource": one.resource.0,
            "kind": clinic::kind_name(one.kind),
            "start": instant::print(one.start, &Zone::utc()),
            "end": instant::print(one.end, &Zone::utc()),
        })
    };
    met.iter().map(shown).collect()
}

/// Dates that are not offered, and why each is not.
pub fn unfitting(all: &[clinic::Unfitting]) -> Value {
    let shown = |one: &clinic::Unfitting| {
        json!({
            "start": instant::print(one.start, &Zone::utc()),
            "end": instant::print(one.end, &Zone::utc()),
            "code": one.why.code(),
        })
    };
    all.iter().map(shown).collect()
}

/// An error's words as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

/// An error of the calendar room.
fn calendar(error: &Error, id: u64) -> Problem {
    match error {
        Error::NotFound | Error::NoParent => Problem::not_found(),
        Error::Denied(_) => {
            let detail = "You may not do this here.";
            Problem::new(StatusCode::FORBIDDEN, "Denied", detail).code("DENIED")
        }
        Error::Precondition(crate::calendar::Precondition::NumberOfMatchesWithinLimits) => {
            Problem::new(StatusCode::FORBIDDEN, "Too much", error.to_string()).code("TOO_MUCH")
        }
        Error::Precondition(precondition) => {
            Problem::new(StatusCode::FORBIDDEN, "Refused", precondition.to_string()).code("REFUSED")
        }
        Error::Invalid(why) => Problem::bad_request(why.clone()),
        Error::ConditionFailed => {
            let detail = "It has changed since you read it.";
            Problem::new(StatusCode::PRECONDITION_FAILED, "Changed", detail).code("CONDITION_FAILED")
        }
        Error::Exists => {
            Problem::new(StatusCode::CONFLICT, "There already", error.to_string()).code("EXISTS")
        }
        Error::Busy { retry_after } => Problem::busy(*retry_after),
        Error::Full => {
            let detail = "There is no room left to store this.";
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "Full", detail).code("FULL")
        }
        Error::Broken(_) => {
            tracing::error!(request.id = id, %error, "a call could not be answered");
            Problem::broken(id)
        }
    }
}
