//! How large and how far an object may be: advertised by the doors, enforced by the one write.

use ical::Refusal;

use super::error::Precondition;

/// All settable (`app/config.rs`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// CALDAV:max-resource-size, bytes.
    pub object_bytes: usize,
    /// CALDAV:max-attendees-per-instance.
    pub attendees: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { object_bytes: 1 << 20, attendees: 100 }
    }
}

impl Limits {
    /// What the reader of the language is told.
    pub(super) fn reader(&self) -> ical::Limits {
        ical::Limits { bytes: self.object_bytes, attendees: self.attendees, ..ical::Limits::default() }
    }

    /// CALDAV:min-date-time, UTC seconds.
    pub fn min_date(&self) -> i64 {
        self.reader().min_date
    }

    /// CALDAV:max-date-time, UTC seconds.
    pub fn max_date(&self) -> i64 {
        self.reader().max_date
    }
}

/// Each refusal of the language is one precondition of RFC 4791 5.3.2.1.
impl From<Refusal> for Precondition {
    fn from(refusal: Refusal) -> Precondition {
        match refusal {
            Refusal::Data(why) | Refusal::Recurrence(why) => Precondition::ValidCalendarData(why),
            Refusal::Zone(why) => Precondition::KnownTimezone(why),
            Refusal::Resource(why) => Precondition::ValidCalendarObjectResource(why),
            Refusal::Component(why) => Precondition::SupportedCalendarComponent(why),
            Refusal::TooLarge { limit } => Precondition::MaxResourceSize(limit),
            Refusal::MinDate(why) => Precondition::MinDateTime(why),
            Refusal::MaxDate(why) => Precondition::MaxDateTime(why),
            Refusal::Attendees { limit } => Precondition::MaxAttendees(limit),
            Refusal::Media(_) => Precondition::SupportedCalendarData,
        }
    }
}
