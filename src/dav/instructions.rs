//! DAV:set and DAV:remove (RFC 4918 sections 14.23 and 14.26): what PROPPATCH, MKCOL and MKCALENDAR share.
//! Invariant: instructions are taken in the order of the document; if one fails none counts, and each property's outcome
//! is told once.

use http::StatusCode;

use super::error::{self, Result};
use super::multistatus::status_line;
use super::props::property::{Change, Kinds, Refusal};
use super::props::{self, dead};
use super::xml::{Element, Writer, names};

/// Properties of one request.
const INSTRUCTIONS: usize = 500;

/// A request's instructions, tried out on a [`Change`] that nobody has written yet.
pub struct Instructions {
    pub change: Change,
    outcomes: Vec<Outcome>,
}

struct Outcome {
    namespace: String,
    local: String,
    refusal: Option<Refusal>,
}

/// Reads the instructions inside a root element, for a resource of this kind.
pub fn read(root: Element, kind: Kinds, change: Change) -> Result<Instructions> {
    let mut instructions = Instructions { change, outcomes: Vec::new() };
    for instruction in root.children() {
        let set = instruction.is(names::SET);
        if !set && !instruction.is(names::REMOVE) {
            continue;
        }
        for prop in instruction.children().filter(|child| child.is(names::PROP)) {
            for property in prop.children() {
                instructions.take(property, set.then_some(property), kind)?;
            }
        }
    }
    Ok(instructions)
}

impl Instructions {
    fn take(&mut self, property: Element, to: Option<Element>, kind: Kinds) -> Result<()> {
        if self.outcomes.len() == INSTRUCTIONS {
            return Err(error::Refusal::bad_request("The request sets too many properties."));
        }
        let refusal = self.apply(property, to, kind).err();
        let (namespace, local) = (property.namespace(), property.local());
        match self.outcomes.iter_mut().find(|one| one.local == local && one.namespace == namespace) {
            Some(before) => before.refusal = before.refusal.take().or(refusal),
            None => self.outcomes.push(Outcome { namespace: namespace.into(), local: local.into(), refusal }),
        }
        Ok(())
    }

    fn apply(&mut self, property: Element, to: Option<Element>, kind: Kinds) -> Result<(), Refusal> {
        match props::find(property.namespace(), property.local()) {
            Some(live) if live.on().has(kind) && kind.has(Kinds::CALENDAR.and(Kinds::INBOX)) => {
                live.set(&mut self.change, to)
            }
            Some(_) => Err(Refusal::Protected),
            // Marks of clients are kept where clients keep them: on calendars and objects.
            None if kind.has(Kinds::CALENDAR.and(Kinds::OBJECT)) => dead::set(&mut self.change, property, to),
            None => Err(Refusal::Protected),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    pub fn has_failed(&self) -> bool {
        self.outcomes.iter().any(|outcome| outcome.refusal.is_some())
    }

    /// The status of the first instruction that failed.
    pub fn failure(&self) -> Option<StatusCode> {
        self.outcomes.iter().find_map(|outcome| outcome.refusal.as_ref()).map(status)
    }

    /// One DAV:propstat for each property.
    pub fn propstats(&self, out: &mut Writer) {
        let failed = self.has_failed();
        for outcome in &self.outcomes {
            let refusal = match &outcome.refusal {
                None if failed => Some(&Refusal::FailedDependency),
                other => other.as_ref(),
            };
            outcome.propstat(refusal, out);
        }
    }
}

impl Outcome {
    fn propstat(&self, refusal: Option<&Refusal>, out: &mut Writer) {
        out.raw("<d:propstat><d:prop>");
        match props::find(&self.namespace, &self.local) {
            Some(live) => out.empty(live.name()),
            None => out.foreign(&self.namespace, &self.local),
        }
        out.raw("</d:prop>");
        status_line(out, refusal.map_or(StatusCode::OK, status));
        let element = match refusal {
            Some(Refusal::Protected) => Some(names::CANNOT_MODIFY_PROTECTED_PROPERTY),
            Some(Refusal::Precondition(element)) => Some(*element),
            _ => None,
        };
        if let Some(element) = element {
            out.raw("<d:error>");
            out.empty(element);
            out.raw("</d:error>");
        }
        out.raw("</d:propstat>");
    }
}

/// RFC 4918 section 9.2.1.
fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Protected | Refusal::Precondition(_) => StatusCode::FORBIDDEN,
        Refusal::Value => StatusCode::CONFLICT,
        Refusal::TooLarge => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::FailedDependency => StatusCode::FAILED_DEPENDENCY,
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::*;

    fn tried(inside: &str, kind: Kinds) -> (Instructions, String) {
        let body = format!(
            "<d:propertyupdate xmlns:d='DAV:' xmlns:a='http://apple.com/ns/ical/' xmlns:x='urn:x'>{inside}</d:propertyupdate>"
        );
        let read = read(xml::read(body.as_bytes()).unwrap().root(), kind, Change::default()).unwrap();
        let mut out = Writer::default();
        read.propstats(&mut out);
        (read, String::from_utf8(out.finish().to_vec()).unwrap())
    }

    #[test]
    fn one_that_fails_makes_all_others_fail() {
        let (read, told) = tried(
            "<d:set><d:prop><d:displayname>A</d:displayname><d:getetag>x</d:getetag><x:y/></d:prop></d:set>",
            Kinds::CALENDAR,
        );
        assert_eq!(read.failure(), Some(StatusCode::FORBIDDEN));
        assert!(told.contains("<d:getetag/></d:prop><d:status>HTTP/1.1 403 Forbidden</d:status><d:error><d:cannot-modify-protected-property/>"));
        assert_eq!(told.matches("424 Failed Dependency").count(), 2);
    }

    #[test]
    fn the_last_word_counts_and_each_property_is_told_once() {
        let (read, told) = tried(
            "<d:set><d:prop><a:calendar-order>1</a:calendar-order></d:prop></d:set>\
             <d:remove><d:prop><a:calendar-order/></d:prop></d:remove>\
             <d:set><d:prop><a:calendar-order>7</a:calendar-order></d:prop></d:set>",
            Kinds::CALENDAR,
        );
        assert_eq!(read.change.live.sort_order, Some(Some(7)));
        assert_eq!(told.matches("calendar-order").count(), 1);
    }

    #[test]
    fn values_without_sense_are_conflicts() {
        let (_, told) = tried(
            "<d:set><d:prop><a:calendar-order>first</a:calendar-order></d:prop></d:set>",
            Kinds::CALENDAR,
        );
        assert!(told.contains("409 Conflict"), "{told}");
    }

    #[test]
    fn principals_and_homes_keep_nothing_of_clients() {
        let (read, _) = tried("<d:set><d:prop><x:y/></d:prop></d:set>", Kinds::PRINCIPAL);
        assert!(read.has_failed());
    }
}
