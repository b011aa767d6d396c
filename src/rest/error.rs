//! What went wrong below, as this door's problem: the only place here that picks a status for it.

use http::StatusCode;

use crate::calendar::Error;
use crate::edge::Problem;

/// Codes that any endpoint may refuse with: the document lists them once.
pub const SHARED: &[&str] =
    &["BAD_REQUEST", "NOT_FOUND", "BUSY", "INTERNAL", "DENIED", "REFUSED", "TOO_MUCH"];

/// An error of the calendar room.
pub fn calendar(error: &Error, id: u64) -> Problem {
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
