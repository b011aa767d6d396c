//! Objects of our own making (RFC 5545 3.6), printed by the `icalendar` package: escaped, folded, CR LF.
//!
//! It never sees a client's text (recurrence.md 3: it aborts on deep nesting and loses quotes), and it invents
//! UID and DTSTAMP where they are missing; a draft therefore cannot be made without them.

use icalendar::{Event, Property, Todo};

use crate::Kind;

/// An event or task in the making.
pub struct Draft {
    kind: Kind,
    properties: Vec<Property>,
}

/// Properties that may stand several times in one component.
const REPEATED: [&str; 2] = ["EXDATE", "RDATE"];

impl Draft {
    /// `stamp` is DTSTAMP as it is written: `20260105T100000Z`. Anything but a task becomes an event.
    pub fn new(kind: Kind, uid: &str, stamp: &str) -> Draft {
        let mut draft = Draft { kind, properties: Vec::new() };
        draft.add("UID", uid);
        draft.add("DTSTAMP", stamp);
        draft
    }

    /// A property by its upper-case name; text is given as it reads and escaped when printed.
    pub fn add(&mut self, name: &str, value: &str) -> &mut Draft {
        self.properties.push(Property::new(name, value));
        self
    }

    /// The same with one parameter, as `TZID` or `VALUE`.
    pub fn add_with(&mut self, name: &str, parameter: (&str, &str), value: &str) -> &mut Draft {
        let mut property = Property::new(name, value);
        property.add_parameter(parameter.0, parameter.1);
        self.properties.push(property);
        self
    }

    fn print(&self) -> String {
        match self.kind {
            Kind::Todo => printed(Todo::new(), &self.properties),
            _ => printed(Event::new(), &self.properties),
        }
    }
}

fn printed<C: icalendar::Component>(mut component: C, properties: &[Property]) -> String {
    for property in properties {
        if REPEATED.contains(&property.key()) {
            component.append_multi_property(property.clone());
        } else {
            component.append_property(property.clone());
        }
    }
    // Writing into a String does not fail.
    component.try_into_string().unwrap_or_default()
}

/// One VCALENDAR: these VTIMEZONEs, as [`crate::vtimezone`] gives them, then the components in their order.
pub fn compose(zones: &[String], drafts: &[Draft]) -> String {
    let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Kalends//EN\r\n");
    for zone in zones {
        text.push_str(zone.trim_end());
        text.push_str("\r\n");
    }
    drafts.iter().for_each(|draft| text.push_str(&draft.print()));
    text.push_str("END:VCALENDAR\r\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, check};

    #[test]
    fn what_was_meant_is_what_is_read() {
        let summary = "Befund, \"groß\"; C:\\neu\nzweite Zeile ".repeat(4);
        let mut draft = Draft::new(Kind::Event, "a@b", "20260101T000000Z");
        draft.add("SUMMARY", &summary).add("RRULE", "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4");
        draft.add_with("DTSTART", ("TZID", "Europe/Berlin"), "20260105T090000");
        for day in ["20260107T090000", "20260112T090000"] {
            draft.add_with("EXDATE", ("TZID", "Europe/Berlin"), day);
        }
        let text = compose(&[], &[draft]);
        let object = check(text.as_bytes(), &Limits::default()).unwrap();
        let event = object.tree.parts().next().unwrap();
        assert_eq!(event.get("SUMMARY").unwrap().text(), summary);
        assert_eq!(event.get("RRULE").unwrap().value(), "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4");
        assert_eq!(event.get("DTSTART").unwrap().param("TZID").as_deref(), Some("Europe/Berlin"));
        assert_eq!(event.all("EXDATE").count(), 2);
        assert_eq!((event.all("UID").count(), event.all("DTSTAMP").count()), (1, 1));
        assert!(text.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')), "{text}");
    }

    #[test]
    fn a_task_is_a_task() {
        let mut draft = Draft::new(Kind::Todo, "t@b", "20260101T000000Z");
        draft.add("SUMMARY", "call back").add("DUE", "20260105T170000");
        let text = compose(&[], &[draft]);
        assert_eq!(check(text.as_bytes(), &Limits::default()).unwrap().kind, Kind::Todo);
    }
}
