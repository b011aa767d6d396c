//! Tests that need more than one file of the room: expected occurrences, RFC tables, a slow evaluator, hostile input.
//! Never: product code. Files: vectors, rfc5545, rfc4791, slow, oracle, hostile, views.

mod vectors;

use crate::{Budget, Digest, Limits, Object, When, Window, Zone, check};

/// UTC seconds of `19970902T090000Z`.
pub fn at(text: &str) -> i64 {
    When::read(text, None).unwrap_or_else(|| panic!("{text}")).civil()
}

pub fn window(from: &str, until: &str) -> Window {
    Window::new(at(from), at(until)).unwrap()
}

/// A calendar with the given lines as its one event.
pub fn event(lines: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n")
        .replace('\n', "\r\n")
}

pub fn object(text: &str) -> Object {
    check(text.as_bytes(), &Limits::default()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Starts inside the window, as UTC seconds.
pub fn starts(digest: &Digest, window: Window) -> Vec<i64> {
    let mut budget = Budget::steps(Budget::REQUEST);
    let all = digest.occurrences(window, &Zone::utc(), &mut budget).unwrap();
    all.into_iter().map(|o| o.start).filter(|s| (window.from..window.until).contains(s)).collect()
}
