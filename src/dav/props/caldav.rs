//! The properties of RFC 4791: of calendars in the order of its section 5.2, then 6.2.1 and 7.5.1.
//! Invariant: what is advertised here is what the write enforces; max-instances stays away, because 5.2.8 would have us
//! refuse every endless series. `calendar-data` is no property of PROPFIND (9.6): it lives in `dav/data.rs`.

use super::property::{Change, Kinds, Loaded, Property, Reading, Refusal, href, text};
use crate::dav::path;
use crate::dav::xml::{Element, Name, Writer, names};

pub const CALDAV: &[&dyn Property] = &[
    &CalendarDescription,
    &CalendarTimezone,
    &SupportedCalendarComponentSet,
    &SupportedCalendarData,
    &MaxResourceSize,
    &MinDateTime,
    &MaxDateTime,
    &MaxAttendeesPerInstance,
    &CalendarHomeSet,
    &SupportedCollationSet,
];

struct CalendarDescription;
impl Property for CalendarDescription {
    fn name(&self) -> Name {
        names::CALENDAR_DESCRIPTION
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), at.calendar().and_then(|shown| shown.row().description.as_deref()))
    }
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        change.live.description = Some(to.map(|element| element.text()));
        Ok(())
    }
}

struct CalendarTimezone;
impl Property for CalendarTimezone {
    fn name(&self) -> Name {
        names::CALENDAR_TIMEZONE
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), at.calendar().and_then(|shown| shown.row().timezone.as_deref()))
    }
    /// RFC 4791 section 5.3.1.1: CALDAV:valid-calendar-data is the name of what a bad zone breaks.
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        let zone = to.map(|element| element.text()).filter(|text| !text.trim().is_empty());
        let sound =
            zone.as_ref().is_none_or(|text| ical::Zone::from_vtimezone(text.trim().as_bytes()).is_ok());
        if !sound {
            return Err(Refusal::Precondition(names::VALID_CALENDAR_DATA));
        }
        change.live.timezone = Some(zone);
        Ok(())
    }
}

/// Component kinds that a calendar may be made for.
const KINDS: &[ical::Kind] = &ical::Kind::ALL;

/// What a calendar takes when its maker says nothing (5.2.3), which clients do that know no VAVAILABILITY: hours stand in
/// calendars that were made for them.
pub fn every_component() -> String {
    let usual = KINDS.iter().filter(|kind| **kind != ical::Kind::Availability);
    usual.map(|kind| kind.name()).collect::<Vec<_>>().join(",")
}

struct SupportedCalendarComponentSet;
impl Property for SupportedCalendarComponentSet {
    fn name(&self) -> Name {
        names::SUPPORTED_CALENDAR_COMPONENT_SET
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let Some(shown) = at.calendar() else { return Reading::Missing };
        out.open(self.name());
        for component in shown.components() {
            out.raw("<c:comp name=\"");
            out.text(component);
            out.raw("\"/>");
        }
        out.close(self.name());
        Reading::Found
    }
    /// 5.2.3: set when the calendar is made, protected ever after.
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        let Some(set) = to.filter(|_| change.is_new) else { return Err(Refusal::Protected) };
        let asked: Vec<String> = set
            .children()
            .filter(|child| child.is(names::COMP))
            .filter_map(|child| child.attribute("name"))
            .map(str::to_ascii_uppercase)
            .collect();
        let known: Vec<&str> = KINDS
            .iter()
            .map(|kind| kind.name())
            .filter(|kind| asked.iter().any(|name| name == kind))
            .collect();
        if known.is_empty() || asked.iter().any(|name| !known.contains(&name.as_str()) && name != "VTIMEZONE")
        {
            return Err(Refusal::Precondition(names::SUPPORTED_CALENDAR_COMPONENT));
        }
        change.live.components = Some(known.join(","));
        Ok(())
    }
}

struct SupportedCalendarData;
impl Property for SupportedCalendarData {
    fn name(&self) -> Name {
        names::SUPPORTED_CALENDAR_DATA
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        out.open(self.name());
        out.raw("<c:calendar-data content-type=\"text/calendar\" version=\"2.0\"/>");
        out.close(self.name());
        Reading::Found
    }
}

struct MaxResourceSize;
impl Property for MaxResourceSize {
    fn name(&self) -> Name {
        names::MAX_RESOURCE_SIZE
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), Some(&at.limits.object_bytes.to_string()))
    }
}

/// RFC 4791 9.9's form of an instant.
pub fn utc(seconds: i64) -> Option<String> {
    chrono::DateTime::from_timestamp(seconds, 0).map(|date| date.format("%Y%m%dT%H%M%SZ").to_string())
}

struct MinDateTime;
impl Property for MinDateTime {
    fn name(&self) -> Name {
        names::MIN_DATE_TIME
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), utc(at.limits.min_date()).as_deref())
    }
}

struct MaxDateTime;
impl Property for MaxDateTime {
    fn name(&self) -> Name {
        names::MAX_DATE_TIME
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), utc(at.limits.max_date()).as_deref())
    }
}

struct MaxAttendeesPerInstance;
impl Property for MaxAttendeesPerInstance {
    fn name(&self) -> Name {
        names::MAX_ATTENDEES_PER_INSTANCE
    }
    /// Apple asks the principal for it at set-up.
    fn on(&self) -> Kinds {
        Kinds::CALENDAR.and(Kinds::PRINCIPAL)
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), Some(&at.limits.attendees.to_string()))
    }
}

struct CalendarHomeSet;
impl Property for CalendarHomeSet {
    fn name(&self) -> Name {
        names::CALENDAR_HOME_SET
    }
    fn on(&self) -> Kinds {
        Kinds::PRINCIPAL
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        href(out, self.name(), at.person().map(|person| path::home(&person.name)))
    }
}

struct SupportedCollationSet;
impl Property for SupportedCollationSet {
    fn name(&self) -> Name {
        names::SUPPORTED_COLLATION_SET
    }
    fn on(&self) -> Kinds {
        Kinds::HOME.and(Kinds::CALENDAR).and(Kinds::OBJECT)
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        out.open(self.name());
        out.raw("<c:supported-collation>i;ascii-casemap</c:supported-collation>");
        out.raw("<c:supported-collation>i;octet</c:supported-collation>");
        out.close(self.name());
        Reading::Found
    }
}
