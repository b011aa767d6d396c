//! What RFC 6638 says of addresses and of free/busy, as far as it has a meaning without scheduling, and the availability
//! of RFC 7953, which lives on the inbox.
//! Invariant: nothing here makes a client believe that the server sends invitations. So nothing leads to the inbox until it
//! takes messages: Apple's clients ask for schedule-inbox-URL whatever the DAV header says, and as a member of the home
//! some client might show it. Who sets an availability knows its address: `inbox/` below the home.

use super::property::{Change, Kinds, Loaded, Needs, Property, Reading, Refusal, text};
use crate::calendar::{AVAILABILITY_BYTES, Person, PrincipalKind, check_availability};
use crate::dav::path;
use crate::dav::xml::{Element, Name, Writer, names};

pub const SCHEDULE: &[&dyn Property] =
    &[&CalendarUserAddressSet, &CalendarUserType, &ScheduleCalendarTransp, &CalendarAvailability];

/// RFC 6638 section 2.4.1: how a person is called in ORGANIZER and ATTENDEE.
struct CalendarUserAddressSet;
impl Property for CalendarUserAddressSet {
    fn name(&self) -> Name {
        names::CALENDAR_USER_ADDRESS_SET
    }
    fn on(&self) -> Kinds {
        Kinds::PRINCIPAL
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let Some(person) = at.person() else { return Reading::Missing };
        out.open(self.name());
        if let Some(email) = &person.email {
            out.raw("<d:href>mailto:");
            out.text(email);
            out.raw("</d:href>");
        }
        out.href(&path::principal(&person.name));
        out.close(self.name());
        Reading::Found
    }
}

/// RFC 6638 section 2.4.2. Outlook CalDAV Synchronizer finds rooms by it.
struct CalendarUserType;
impl Property for CalendarUserType {
    fn name(&self) -> Name {
        names::CALENDAR_USER_TYPE
    }
    fn on(&self) -> Kinds {
        Kinds::PRINCIPAL
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let Some(person) = at.person() else { return Reading::Missing };
        out.element(self.name(), user_type(person));
        Reading::Found
    }
}

/// The CUTYPE of RFC 5545 section 3.2.3.
pub fn user_type(person: &Person) -> &'static str {
    match person.kind {
        PrincipalKind::Individual => "INDIVIDUAL",
        PrincipalKind::Room => "ROOM",
        PrincipalKind::Resource => "RESOURCE",
        PrincipalKind::Group => "GROUP",
    }
}

/// RFC 6638 section 9.1: whether a calendar counts in its owner's free/busy.
struct ScheduleCalendarTransp;
impl Property for ScheduleCalendarTransp {
    fn name(&self) -> Name {
        names::SCHEDULE_CALENDAR_TRANSP
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let Some(shown) = at.calendar() else { return Reading::Missing };
        out.open(self.name());
        out.empty(if shown.row().transparent { names::TRANSPARENT } else { names::OPAQUE });
        out.close(self.name());
        Reading::Found
    }
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        let transparent = match to {
            None => false,
            Some(element) if element.has(names::TRANSPARENT) => true,
            Some(element) if element.has(names::OPAQUE) => false,
            Some(_) => return Err(Refusal::Value),
        };
        change.live.transparent = Some(transparent);
        Ok(())
    }
}

/// RFC 7953 section 7.2.4: one VAVAILABILITY, kept as it was sent.
struct CalendarAvailability;
impl Property for CalendarAvailability {
    fn name(&self) -> Name {
        names::CALENDAR_AVAILABILITY
    }
    fn on(&self) -> Kinds {
        Kinds::INBOX
    }
    fn needs(&self) -> Needs {
        Needs::AVAILABILITY
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), at.availability)
    }
    /// As for calendar-timezone, CALDAV:valid-calendar-data is the name of what is broken.
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        let to = to.map(|element| element.text()).filter(|text| !text.trim().is_empty());
        if to.as_ref().is_some_and(|text| text.len() > AVAILABILITY_BYTES) {
            return Err(Refusal::TooLarge);
        }
        if to.as_ref().is_some_and(|text| check_availability(text).is_err()) {
            return Err(Refusal::Precondition(names::VALID_CALENDAR_DATA));
        }
        change.availability = Some(to);
        Ok(())
    }
}
