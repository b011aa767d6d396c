//! What can go wrong, grouped by what the caller can do about it.
//!
//! Knows no HTTP: each door turns these into its statuses in one file. `Broken` carries its cause, is logged
//! once at the door and never shown.

use super::access::Privilege;
use super::path::ObjectPath;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not for this caller to know of: the two are answered alike.
    #[error("not found")]
    NotFound,
    /// The caller may see it, but lacks this privilege.
    #[error("the privilege {0:?} is missing")]
    Denied(Privilege),
    /// A precondition of an RFC, by its name.
    #[error("{0}")]
    Precondition(Precondition),
    /// If-Match, If-None-Match or If did not hold.
    #[error("the condition of the request does not hold")]
    ConditionFailed,
    /// The place is taken.
    #[error("it is there already")]
    Exists,
    /// The collection above it is not there.
    #[error("the collection that should hold it is not there")]
    NoParent,
    /// The request makes no sense, in words.
    #[error("{0}")]
    Invalid(String),
    /// The database is overloaded or away: try again after so many seconds.
    #[error("the store is busy, try again in {retry_after} s")]
    Busy { retry_after: u32 },
    /// No room left on the disk.
    #[error("no space is left to store this")]
    Full,
    /// A defect or damage: for the operator, not for the caller.
    #[error("broken: {0}")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// By its RFC name (RFC 4791 5.3, RFC 6578 3.2, RFC 4918 16, RFC 5689 3.3).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Precondition {
    #[error("only text/calendar version 2.0 is stored here")]
    SupportedCalendarData,
    #[error("{0}")]
    ValidCalendarData(String),
    #[error("{0}")]
    ValidCalendarObjectResource(String),
    #[error("{0}")]
    SupportedCalendarComponent(String),
    /// The object that has the UID already.
    #[error("another object has this UID")]
    NoUidConflict(ObjectPath),
    #[error("an object may have at most {0} bytes")]
    MaxResourceSize(usize),
    #[error("{0}")]
    MinDateTime(String),
    #[error("{0}")]
    MaxDateTime(String),
    #[error("an object may have at most {0} attendees")]
    MaxAttendees(usize),
    #[error("an object may have at most {0} occurrences in the time that can be booked")]
    MaxInstances(usize),
    /// The house's own: the time is taken, by what kind of interval.
    #[error("this time is taken: {0}")]
    TimeTaken(&'static str),
    #[error("no calendar can be made here")]
    CalendarCollectionLocationOk,
    #[error("there is something here already")]
    ResourceMustBeNull,
    #[error("the time zone is not a VCALENDAR with one VTIMEZONE that can be understood")]
    ValidTimezone,
    /// A TZID that nothing explains (RFC 7809 3.1.4).
    #[error("{0}")]
    KnownTimezone(String),
    #[error("{0}")]
    ValidFilter(String),
    #[error("this sync token is too old, or was not made here: start again without one")]
    ValidSyncToken,
    /// More was found, or more work was needed, than one answer may hold.
    #[error("this asks for more than one answer may hold: ask for a shorter span")]
    NumberOfMatchesWithinLimits,
}

impl From<Precondition> for Error {
    fn from(precondition: Precondition) -> Error {
        Error::Precondition(precondition)
    }
}

/// Seconds after which a client may try again; short, because a busy store heals within seconds.
const RETRY_AFTER: u32 = 2;

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Error {
        match error {
            store::Error::Busy => Error::Busy { retry_after: RETRY_AFTER },
            store::Error::Full => Error::Full,
            store::Error::Gone => Error::NoParent,
            // What the rule overlooked, the database did not.
            store::Error::Overlap => Precondition::TimeTaken("visit").into(),
            other => Error::Broken(Box::new(other)),
        }
    }
}

impl From<ical::Error> for Error {
    /// An error met while *reading what is stored*: only the budget is the caller's business.
    fn from(error: ical::Error) -> Error {
        match error {
            ical::Error::Budget => Precondition::NumberOfMatchesWithinLimits.into(),
            other => Error::Broken(Box::new(other)),
        }
    }
}
