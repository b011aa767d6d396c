//! What can go wrong, grouped by what the caller can do about it; each has a stable code for the JSON door.

use store::{BusyKind, PrincipalId};

use super::status::Status;
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
    /// No such appointment, hold or resource in this clinic.
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
            Error::NotFound(_) => "APPOINTMENT_NOT_FOUND",
            Error::Transition { .. } => "INVALID_TRANSITION",
            Error::Stale => "VERSION_MISMATCH",
            Error::Invalid { .. } => "INVALID_FIELD",
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
        calendar::Error::from(error).into()
    }
}

/// The word for a kind of interval, in answers of every door.
pub fn kind_name(kind: BusyKind) -> &'static str {
    match kind {
        BusyKind::Visit => "visit",
        BusyKind::Block => "block",
        BusyKind::Hold => "hold",
    }
}
