//! The properties of RFC 7809: time zones by their names, and where to get them.
//! Invariant: one zone is stored for a calendar, as CALDAV:calendar-timezone; the identifier is read from it, and setting
//! one sets both (section 3.1.5).

use ical::{Window, Zone};

use super::property::{Change, Kinds, Loaded, Property, Reading, Refusal, href, text};
use crate::dav::xml::{Element, Name, Writer, names};

pub const TIMEZONES: &[&dyn Property] = &[&TimezoneServiceSet, &CalendarTimezoneId];

/// The service of this very program (RFC 7808); the router puts it there.
const SERVICE: &str = "/tzdist";
/// 2000-01-01T00:00:00Z: a calendar's default zone is not asked for anything earlier, the service is.
const SINCE: i64 = 946_684_800;

struct TimezoneServiceSet;
impl Property for TimezoneServiceSet {
    fn name(&self) -> Name {
        names::TIMEZONE_SERVICE_SET
    }
    fn on(&self) -> Kinds {
        Kinds::HOME
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        href(out, self.name(), Some(SERVICE.to_owned()))
    }
}

struct CalendarTimezoneId;
impl Property for CalendarTimezoneId {
    fn name(&self) -> Name {
        names::CALENDAR_TIMEZONE_ID
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let stored = at.calendar().and_then(|shown| shown.row().timezone.as_deref());
        let tzid = stored.and_then(|zone| Zone::tzid_of_vtimezone(zone.as_bytes()).ok());
        text(out, self.name(), tzid.as_deref())
    }
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        let tzid = to.map(|element| element.text()).filter(|text| !text.trim().is_empty());
        let zone =
            tzid.map(|tzid| definition(tzid.trim()).ok_or(Refusal::Precondition(names::VALID_TIMEZONE)));
        change.live.timezone = Some(zone.transpose()?);
        Ok(())
    }
}

/// What CALDAV:calendar-timezone says when a name was given: one that the service has, so that clients find it there.
fn definition(tzid: &str) -> Option<String> {
    let tzid = ical::iana_name(tzid)?;
    let zone = Zone::named(tzid)?;
    let span = Window { from: SINCE, until: Window::END };
    let utc = || ical::vtimezone_between(&zone, tzid, None, (Some(SINCE), None));
    Some(ical::compose(&[ical::vtimezone(&zone, span).unwrap_or_else(utc)], &[]))
}
