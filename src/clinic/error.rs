//! What can go wrong, grouped by what the caller can do about it; each has a stable code for the JSON door.

use store::{BusyKind, PrincipalId};

use super::access::Subject;
use super::status::Status;
use crate::accounts;
use crate::calendar::{self, Precondition};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why it was not done. Says nothing of whoever stands in the way but what kind of interval it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The time is taken; nothing was written.
    #[error("this time is taken")]
    Conflict(Vec<Conflict>),
    /// The hold has run out, was released, or lost its time to a practitioner's own change.
    #[error("the hold is no longer there")]
    HoldExpired,
    /// This party holds as much as it may, or has prolonged the hold as often as it may.
    #[error("no more may be held")]
    HoldLimit,
    /// Neither the role nor the token of the caller is for this.
    #[error("you may not do this with {}", .0.word())]
    Denied(Subject),
    /// There is one with this name or code already.
    #[error("there is already {0}")]
    Taken(&'static str),
    /// From where it stands it cannot go there: a profile, a request.
    #[error("what is {from} cannot become {to}")]
    State { from: &'static str, to: &'static str },
    /// Nothing of this kind under this id in this clinic.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// From where it stands it cannot go there.
    #[error("an appointment that is {} cannot become {}", from.name(), to.name())]
    Transition { from: Status, to: Status },
    /// It was changed since the caller read it.
    #[error("it was changed meanwhile")]
    Stale,
    /// A field makes no sense.
    #[error("{field}: {why}")]
    Invalid { field: &'static str, why: &'static str },
    /// Two intervals of a week overlap: their places in the list that was sent, from 0.
    #[error("intervals {first} and {second} overlap")]
    Overlapping { first: usize, second: usize },
    /// Whatever the one write refuses.
    #[error(transparent)]
    Calendar(calendar::Error),
}

/// One interval that was asked for and finds no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub resource: PrincipalId,
    /// What stands in the way.
    pub kind: BusyKind,
    /// Of what was asked for, seconds UTC.
    pub start: i64,
    pub end: i64,
}

impl Error {
    /// The code of the problem, never changed.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Conflict(_) => "SCHEDULING_CONFLICT",
            Error::HoldExpired => "HOLD_EXPIRED",
            Error::HoldLimit => "HOLD_LIMIT",
            Error::NotFound("hold") => "HOLD_NOT_FOUND",
            Error::NotFound("resource") => "RESOURCE_NOT_FOUND",
            Error::NotFound("appointment") => "APPOINTMENT_NOT_FOUND",
            Error::NotFound(_) => "NOT_FOUND",
            Error::Denied(_) => "DENIED",
            Error::Taken(_) => "ALREADY_EXISTS",
            Error::Transition { .. } | Error::State { .. } => "INVALID_TRANSITION",
            Error::Stale => "VERSION_MISMATCH",
            Error::Invalid { .. } => "INVALID_FIELD",
            Error::Overlapping { .. } => "OVERLAPPING_INTERVALS",
            Error::Calendar(_) => "CALENDAR_REFUSED",
        }
    }
}

impl From<calendar::Error> for Error {
    fn from(error: calendar::Error) -> Error {
        match error {
            calendar::Error::Precondition(Precondition::TimeTaken(_)) => Error::Conflict(Vec::new()),
            other => Error::Calendar(other),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Error {
        match error {
            store::Error::Unique(store::Unique::PrincipalName) => Error::Taken("somebody of this name"),
            store::Error::Unique(store::Unique::Other) => Error::Taken("one with this code"),
            // What the caller named beside the thing itself: a term, a service.
            store::Error::Gone => Error::NotFound("thing that was named"),
            other => calendar::Error::from(other).into(),
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

/// What a field that makes no sense is refused with.
pub fn invalid<T>(field: &'static str, why: &'static str) -> Result<T> {
    Err(Error::Invalid { field, why })
}

/// The word for a kind of interval, in answers of every door.
pub fn kind_name(kind: BusyKind) -> &'static str {
    match kind {
        BusyKind::Visit => "visit",
        BusyKind::Block => "block",
        BusyKind::Hold => "hold",
    }
}
