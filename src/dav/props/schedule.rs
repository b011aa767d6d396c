//! What RFC 6638 says of addresses and of free/busy, as far as it has a meaning without scheduling: no inbox, no outbox.
//! Invariant: nothing here makes a client believe that the server sends invitations.

use super::property::{Change, Kinds, Loaded, Property, Reading, Refusal};
use crate::calendar::{Person, PrincipalKind};
use crate::dav::path;
use crate::dav::xml::{Element, Name, Writer, names};

pub const SCHEDULE: &[&dyn Property] = &[&CalendarUserAddressSet, &CalendarUserType, &ScheduleCalendarTransp];

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
