//! What can go wrong, grouped by what the caller can do about it; each has a stable code for the JSON door.

use store::{BusyKind, PrincipalId};

use super::access::Subject;
use super::link::BadLink;
use super::measures::Unfitting;
use super::outside::Affected;
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
    /// A session has as many patients as it takes.
    #[error("all seats are taken")]
    SeatsTaken,
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
    /// It is not offered: what the rules of the service, the hours or the clinic say.
    #[error("{}", .0.words())]
    Unfit(Unfit),
    /// Dates of a series, or of several changes, that are not offered.
    #[error("{}", .0.first().map_or("it is not offered", |one| one.why.words()))]
    Dates(Vec<Unfitting>),
    /// A token that this clinic did not make.
    #[error("this is no slot of ours")]
    SlotForged,
    /// A patient's link that opens nothing.
    #[error("{0}")]
    Link(BadLink),
    /// Offered too long ago, or by rules that have changed.
    #[error("this slot is no longer offered")]
    SlotOutdated,
    /// What it was planned by changed again and again while it was being booked.
    #[error("the clinic's rules are being changed")]
    Overtaken,
    /// It was changed since the caller read it.
    #[error("it was changed meanwhile")]
    Stale,
    /// A field makes no sense.
    #[error("{field}: {why}")]
    Invalid { field: &'static str, why: &'static str },
    /// Two intervals of a week overlap: their places in the list that was sent, from 0.
    #[error("intervals {first} and {second} overlap")]
    Overlapping { first: usize, second: usize },
    /// The change would leave these outside of hours or inside a closed time: it is made when it is asked for again,
    /// knowingly.
    #[error("appointments would be left outside")]
    Outside(Affected),
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

/// Why a time is not offered, though nothing may stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Outside the hours.
    Closed,
    TooSoon,
    TooFar,
    /// So many of this service a day, a week.
    DayLimit,
    WeekLimit,
    /// The practitioner does not do this service.
    NotDone,
    /// Not in this way, not at this place.
    Mode,
    Place,
    /// In person, and nobody said where.
    NoLocation,
    /// There is no such room or equipment at all.
    NoRoom,
    /// The patient is elsewhere at that time, or has as many appointments as one may.
    PatientBusy,
    PatientLimit,
    /// So shortly before, a patient may no more change it.
    TooLate,
    /// A video visit has no place to come to; and the other way round.
    VideoCheckIn,
    OtherPlace,
}

impl Unfit {
    /// All of them, with code and words.
    const TABLE: [(Unfit, &'static str, &'static str); 15] = [
        (Unfit::Closed, "OUTSIDE_HOURS", "nobody is there at this time"),
        (Unfit::TooSoon, "NOTICE_TOO_SHORT", "this is booked longer ahead"),
        (Unfit::TooFar, "BEYOND_HORIZON", "this is not booked so far ahead"),
        (Unfit::DayLimit, "DAY_LIMIT_REACHED", "no more of this service fit on this day"),
        (Unfit::WeekLimit, "WEEK_LIMIT_REACHED", "no more of this service fit in this week"),
        (Unfit::NotDone, "SERVICE_NOT_OFFERED", "the practitioner does not do this"),
        (Unfit::Mode, "MODE_NOT_OFFERED", "it is not held in this way at this time"),
        (Unfit::Place, "LOCATION_NOT_OFFERED", "the practitioner is not there at this time"),
        (Unfit::NoLocation, "LOCATION_REQUIRED", "a visit in person has a location"),
        (Unfit::NoRoom, "NO_SUCH_ROOM", "there is no room or equipment that this needs"),
        (Unfit::PatientBusy, "PATIENT_CONFLICT", "the patient has another appointment at this time"),
        (Unfit::PatientLimit, "PATIENT_LIMIT", "the patient has as many appointments as one may have"),
        (Unfit::TooLate, "CANCEL_WINDOW_CLOSED", "so shortly before it is no longer changed"),
        (Unfit::VideoCheckIn, "VIDEO_CHECK_IN", "a visit by video is checked in virtually, and no other is"),
        (Unfit::OtherPlace, "WRONG_LOCATION", "the visit is held at another place"),
    ];

    fn row(self) -> (&'static str, &'static str) {
        let found = Unfit::TABLE.iter().find(|(one, ..)| *one == self);
        found.map_or(("REFUSED", "it is not offered"), |(_, code, words)| (*code, *words))
    }

    /// Never changed.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    pub fn words(self) -> &'static str {
        self.row().1
    }

    /// Another time might do.
    pub fn is_about_time(self) -> bool {
        let others = [Unfit::PatientLimit, Unfit::TooLate];
        !self.is_invalid() && !others.contains(&self)
    }

    /// Something that was asked for is wrong by itself, at whatever time.
    pub fn is_invalid(self) -> bool {
        matches!(
            self,
            Unfit::NotDone
                | Unfit::Mode
                | Unfit::Place
                | Unfit::NoLocation
                | Unfit::NoRoom
                | Unfit::VideoCheckIn
                | Unfit::OtherPlace
        )
    }
}

impl Error {
    /// The code of the problem, never changed.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Conflict(_) => "SCHEDULING_CONFLICT",
            Error::HoldExpired => "HOLD_EXPIRED",
            Error::HoldLimit => "HOLD_LIMIT",
            Error::SeatsTaken => "SEATS_TAKEN",
            Error::NotFound("hold") => "HOLD_NOT_FOUND",
            Error::NotFound("resource") => "RESOURCE_NOT_FOUND",
            Error::NotFound("appointment") => "APPOINTMENT_NOT_FOUND",
            Error::NotFound(_) => "NOT_FOUND",
            Error::Denied(_) => "DENIED",
            Error::Taken(_) => "ALREADY_EXISTS",
            Error::Transition { .. } | Error::State { .. } => "INVALID_TRANSITION",
            Error::Unfit(why) => why.code(),
            Error::Dates(all) => all.first().map_or("REFUSED", |one| one.why.code()),
            Error::SlotForged => "INVALID_SLOT",
            Error::SlotOutdated => "SLOT_OUTDATED",
            Error::Link(bad) => bad.code(),
            Error::Overtaken => "BUSY",
            Error::Stale => "VERSION_MISMATCH",
            Error::Invalid { .. } => "INVALID_FIELD",
            Error::Overlapping { .. } => "OVERLAPPING_INTERVALS",
            Error::Outside(_) => "APPOINTMENTS_AFFECTED",
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
            // Names are the one thing whose form the store decides.
            store::Error::Invalid(why) => Error::Invalid { field: "name", why },
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
