//! What went wrong below, as this door's problem: the only place here that picks a status for it.

use http::StatusCode;

use crate::calendar::Error;
use crate::edge::Problem;

/// Codes that any endpoint may refuse with: the document lists them once.
pub const SHARED: &[&str] =
    &["bad-request", "not-found", "busy", "internal", "denied", "refused", "too-much"];

/// An error of the calendar room.
pub fn calendar(error: &Error, id: u64) -> Problem {
    match error {
        Error::NotFound | Error::NoParent => Problem::not_found(),
        Error::Denied(_) => {
            let detail = "You may not do this here.";
            Problem::new(StatusCode::FORBIDDEN, "Denied", detail).code("denied")
        }
        Error::Precondition(crate::calendar::Precondition::NumberOfMatchesWithinLimits) => {
            Problem::new(StatusCode::FORBIDDEN, "Too much", error.to_string()).code("too-much")
        }
        Error::Precondition(precondition) => {
            Problem::new(StatusCode::FORBIDDEN, "Refused", precondition.to_string()).code("refused")
        }
        Error::Invalid(why) => Problem::bad_request(why.clone()),
        Error::ConditionFailed => {
            let detail = "It has changed since you read it.";
            Problem::new(StatusCode::PRECONDITION_FAILED, "Changed", detail).code("condition-failed")
        }
        Error::Exists => {
            Problem::new(StatusCode::CONFLICT, "There already", error.to_string()).code("exists")
        }
        Error::Busy { retry_after } => Problem::busy(*retry_after),
        Error::Full => {
            let detail = "There is no room left to store this.";
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "Full", detail).code("full")
        }
        Error::Broken(_) => {
            tracing::error!(request.id = id, %error, "a call could not be answered");
            Problem::broken(id)
        }
    }
}
