//! CALDAV:filter to a query of the calendar room (RFC 4791 sections 9.7 to 9.9).
//! Invariant: a filter that is not understood whole is refused by its precondition, never half applied: answers with too
//! many objects show what was not asked for, answers with too few look like deletions.

use chrono::NaiveDateTime;
use ical::{Limits, Window, Zone};

use super::error::Refusal;
use super::xml::{Element, Name, names};
use crate::calendar::{
    Collation, CompFilter, CompTest, ParamFilter, ParamTest, PropFilter, PropTest, TextMatch,
};

/// Filters inside one another: VCALENDAR, a component, an alarm in it, and one to spare.
const NESTING: usize = 4;
/// Conditions of one query, each of which may be tried on every object.
const CONDITIONS: usize = 200;
/// Bytes of a text that is searched for.
const TEXT: usize = 1024;

/// CALDAV:valid-filter (RFC 4791 section 7.8), in words.
fn invalid<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::precondition(names::VALID_FILTER, why))
}

/// A CALDAV:filter element.
pub fn parse(filter: Element) -> Result<CompFilter, Refusal> {
    let mut tops = filter.children().filter(|child| child.is(names::COMP_FILTER));
    let (Some(top), None) = (tops.next(), tops.next()) else {
        return invalid("A filter holds exactly one comp-filter, for VCALENDAR.");
    };
    Reader { left: CONDITIONS }.component(top, NESTING)
}

/// CALDAV:timezone of a query (9.8): the zone of floating times; what cannot be read is CALDAV:valid-calendar-data.
pub fn timezone(within: Element) -> Result<Option<Zone>, Refusal> {
    let named = within.child(names::TIMEZONE_ID);
    let Some(element) = within.child(names::TIMEZONE) else { return named.map(zone_named).transpose() };
    if named.is_some() {
        return Err(Refusal::bad_request("A query has a timezone or a timezone-id, not both."));
    }
    match Zone::from_vtimezone(element.text().trim().as_bytes()) {
        Ok(zone) => Ok(Some(zone)),
        Err(_) => Err(Refusal::precondition(
            names::VALID_CALENDAR_DATA,
            "CALDAV:timezone holds one VCALENDAR with one VTIMEZONE.",
        )),
    }
}

/// CALDAV:timezone-id (RFC 7809 section 3.1.6).
fn zone_named(element: Element) -> Result<Zone, Refusal> {
    Zone::named(element.text().trim()).ok_or_else(|| {
        let why = "No time zone has this identifier here; send CALDAV:timezone instead.";
        Refusal::precondition(names::VALID_TIMEZONE, why)
    })
}

/// What is left of the request's conditions while a filter is read.
struct Reader {
    left: usize,
}

impl Reader {
    fn take(&mut self) -> Result<(), Refusal> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => invalid("The filter has too many conditions."),
        }
    }

    /// `room` bounds how deep this calls itself, whatever the request nests.
    fn component(&mut self, element: Element, room: usize) -> Result<CompFilter, Refusal> {
        self.take()?;
        let Some(room) = room.checked_sub(1) else {
            return Err(Refusal::precondition(
                names::SUPPORTED_FILTER,
                "Nothing in iCalendar is nested so deep.",
            ));
        };
        let name = name_of(element)?;
        if not_defined(element)? {
            return Ok(CompFilter { name, test: CompTest::NotDefined });
        }
        let range = range_of(element)?;
        let ranged = ["VCALENDAR", "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VALARM", "VAVAILABILITY"];
        if range.is_some() && !ranged.contains(&name.as_str()) {
            return invalid(format!("A {name} has no time range (RFC 4791 section 9.9)."));
        }
        let (mut props, mut comps) = (Vec::new(), Vec::new());
        for child in element.children() {
            match child {
                _ if child.is(names::PROP_FILTER) => props.push(self.property(child)?),
                _ if child.is(names::COMP_FILTER) => comps.push(self.component(child, room)?),
                _ => only(child, &[names::TIME_RANGE])?,
            }
        }
        Ok(CompFilter { name, test: CompTest::Defined { range, props, comps } })
    }

    fn property(&mut self, element: Element) -> Result<PropFilter, Refusal> {
        self.take()?;
        let name = name_of(element)?;
        if not_defined(element)? {
            return Ok(PropFilter { name, test: PropTest::NotDefined });
        }
        let (range, text) = (range_of(element)?, text_of(element)?);
        if range.is_some() && text.is_some() {
            return invalid("A prop-filter has a time-range or a text-match, not both.");
        }
        let mut params = Vec::new();
        for child in element.children() {
            match child {
                _ if child.is(names::PARAM_FILTER) => params.push(self.parameter(child)?),
                _ => only(child, &[names::TIME_RANGE, names::TEXT_MATCH])?,
            }
        }
        Ok(PropFilter { name, test: PropTest::Defined { range, text, params } })
    }

    fn parameter(&mut self, element: Element) -> Result<ParamFilter, Refusal> {
        self.take()?;
        let name = name_of(element)?;
        if not_defined(element)? {
            return Ok(ParamFilter { name, test: ParamTest::NotDefined });
        }
        element.children().try_for_each(|child| only(child, &[names::TEXT_MATCH]))?;
        Ok(ParamFilter { name, test: ParamTest::Defined(text_of(element)?) })
    }
}

/// An element that has no place in CALDAV's grammar is refused; those of other namespaces are extensions to be ignored
/// (RFC 4918 section 17).
fn only(element: Element, known: &[Name]) -> Result<(), Refusal> {
    if element.namespace() != names::CALDAV || known.iter().any(|name| element.is(*name)) {
        return Ok(());
    }
    let why = format!("The filter holds {} where it has no meaning.", element.local());
    Err(Refusal::precondition(names::SUPPORTED_FILTER, why))
}

fn name_of(element: Element) -> Result<String, Refusal> {
    match element.attribute("name").map(str::trim) {
        Some(name) if !name.is_empty() => Ok(name.to_ascii_uppercase()),
        _ => invalid("A filter needs a name."),
    }
}

fn not_defined(element: Element) -> Result<bool, Refusal> {
    if !element.has(names::IS_NOT_DEFINED) {
        return Ok(false);
    }
    let alone = element.children().filter(|child| child.namespace() == names::CALDAV).count() == 1;
    if alone { Ok(true) } else { invalid("is-not-defined stands alone in its filter.") }
}

/// The CALDAV:time-range inside `element`, if there is one: one end at least, in UTC (9.9).
fn range_of(element: Element) -> Result<Option<Window>, Refusal> {
    let mut all = element.children().filter(|child| child.is(names::TIME_RANGE));
    let Some(range) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return invalid("A filter has one time-range at most.");
    }
    window(range, Ends::OneAtLeast).map(Some)
}

/// Which ends a span of time must name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// CALDAV:time-range: an end that is left out is open.
    OneAtLeast,
    /// CALDAV:expand and the limits (9.6.5 to 9.6.7).
    Both,
}

/// The attributes `start` and `end` of a span of time.
pub fn window(element: Element, ends: Ends) -> Result<Window, Refusal> {
    let (start, end) = (end_of(element, "start")?, end_of(element, "end")?);
    let named = usize::from(start.is_some()) + usize::from(end.is_some());
    if named < (if ends == Ends::Both { 2 } else { 1 }) {
        return invalid(format!("{} lacks its start or its end.", element.local()));
    }
    let window = Window::new(start.unwrap_or(Window::START), end.unwrap_or(Window::END));
    let Some(window) = window else { return invalid(format!("{} ends before it starts.", element.local())) };
    // RFC 4791 sections 7.8 to 7.10: start or end is a date that may be stored, so what reaches further is answered. Of
    // CALDAV:max-date-time nothing can be said: no date that can be written lies after it.
    if window.until < Limits::MIN_DATE {
        let why = format!("{} ends before the first date that may be stored.", element.local());
        return Err(Refusal::precondition(names::MIN_DATE_TIME, why));
    }
    Ok(window)
}

fn end_of(element: Element, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = element.attribute(name) else { return Ok(None) };
    match instant(text.trim()) {
        Some(seconds) => Ok(Some(seconds)),
        None => invalid(format!("The {name} of {} is not a date with UTC time.", element.local())),
    }
}

/// `20260105T090000Z` to UTC seconds.
fn instant(text: &str) -> Option<i64> {
    let digits = text.len() == 16
        && text.bytes().enumerate().all(|(at, byte)| at == 8 || at == 15 || byte.is_ascii_digit());
    let date = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok()?;
    digits.then(|| date.and_utc().timestamp())
}

fn text_of(element: Element) -> Result<Option<TextMatch>, Refusal> {
    let mut all = element.children().filter(|child| child.is(names::TEXT_MATCH));
    let Some(found) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return invalid("A filter has one text-match at most.");
    }
    let text = found.text();
    if text.len() > TEXT {
        return invalid("The text to look for is too long.");
    }
    let negate = match found.attribute("negate-condition") {
        None | Some("no") => false,
        Some("yes") => true,
        Some(_) => return invalid("negate-condition is yes or no."),
    };
    Ok(Some(TextMatch { text, collation: collation(found.attribute("collation"))?, negate }))
}

/// RFC 4791 section 7.5.1; `default` is RFC 4790's word for the server's own choice.
fn collation(named: Option<&str>) -> Result<Collation, Refusal> {
    match named {
        None | Some("default" | "i;ascii-casemap") => Ok(Collation::AsciiCasemap),
        Some("i;octet") => Ok(Collation::Octet),
        Some(_) => Err(Refusal::precondition(
            names::SUPPORTED_COLLATION,
            "The collations here are i;ascii-casemap and i;octet.",
        )),
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
