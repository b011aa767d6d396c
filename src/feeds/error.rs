//! What went wrong below, as this door's status: the only place that picks one.

use http::StatusCode;

use crate::{
    accounts, calendar,
    edge::{Problem, limits::RETRY_SECONDS},
};

/// An error of the accounts room: only the store's are possible here.
pub fn accounts(error: &accounts::Error, id: u64) -> Problem {
    tracing::warn!(request.id = id, %error, "a feed could not be opened");
    Problem::busy(RETRY_SECONDS)
}

/// An error of the calendar room.
pub fn calendar(error: &calendar::Error, id: u64) -> Problem {
    match error {
        calendar::Error::NotFound | calendar::Error::Denied(_) | calendar::Error::NoParent => {
            Problem::not_found()
        }
        calendar::Error::Busy { retry_after } => Problem::busy(*retry_after),
        calendar::Error::Precondition(precondition) => {
            Problem::new(StatusCode::FORBIDDEN, "Refused", precondition.to_string())
        }
        calendar::Error::Full => Problem::busy(RETRY_SECONDS),
        other => {
            tracing::error!(request.id = id, error = %other, "a feed could not be answered");
            Problem::broken(id)
        }
    }
}
