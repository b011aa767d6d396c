//! What can go wrong, grouped by what the caller can do about it; each has a stable code for the JSON door.

use super::access::Subject;
use crate::{accounts, calendar};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither the role nor the token of the caller is for this.
    #[error("you may not do this with {}", .0.word())]
    Denied(Subject),
    /// Nothing of this kind under this id in this clinic.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It was changed since the caller read it.
    #[error("it was changed meanwhile")]
    Stale,
    /// There is one with this name or code already.
    #[error("there is already {0}")]
    Taken(&'static str),
    /// From where it stands it cannot go there.
    #[error("what is {from} cannot become {to}")]
    State { from: &'static str, to: &'static str },
    /// A field makes no sense.
    #[error("{field}: {why}")]
    Invalid { field: &'static str, why: &'static str },
    /// Whatever the one write refuses.
    #[error(transparent)]
    Calendar(calendar::Error),
}

impl Error {
    /// The code of the problem, never changed.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Denied(_) => "DENIED",
            Error::NotFound(_) => "NOT_FOUND",
            Error::Stale => "VERSION_MISMATCH",
            Error::Taken(_) => "ALREADY_EXISTS",
            Error::State { .. } => "INVALID_TRANSITION",
            Error::Invalid { .. } => "INVALID_FIELD",
            Error::Calendar(_) => "CALENDAR_REFUSED",
        }
    }
}

/// What a field that makes no sense is refused with.
pub fn invalid<T>(field: &'static str, why: &'static str) -> Result<T> {
    Err(Error::Invalid { field, why })
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Error {
        match error {
            store::Error::Unique(store::Unique::PrincipalName) => Error::Taken("somebody of this name"),
            store::Error::Unique(_) => Error::Taken("one with this code"),
            // What the caller named beside the thing itself: a term, a service.
            store::Error::Gone => Error::NotFound("thing that was named"),
            other => Error::Calendar(other.into()),
        }
    }
}

impl From<accounts::Error> for Error {
    fn from(error: accounts::Error) -> Error {
        match error {
            accounts::Error::NotFound(what) => Error::NotFound(what),
            accounts::Error::Invalid(why) => Error::Invalid { field: "person", why },
            accounts::Error::Store(error) => error.into(),
        }
    }
}
