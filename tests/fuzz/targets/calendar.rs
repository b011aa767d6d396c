//! Any bytes as a calendar: read, printed as they were, checked, taken apart, joined, looked at.
#![no_main]

use ical::{Budget, Combine, Component, Digest, Limits, Window, Zone, check, expand, split};
use kalends_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| bounded(text, || look(text)));

fn look(text: &[u8]) {
    for part in split(text).into_iter().flatten() {
        let _ = check(&part.text, &Limits::default());
    }
    Combine::new(&[]).push(text, &mut Vec::new());
    let Ok(tree) = Component::parse(text, &Limits::default()) else { return };
    assert_eq!(tree.print(), text, "what is read is kept");
    let _ = ical::redact(&tree, "x");
    let year = Window::new(1_767_225_600, 1_798_761_600).expect("a year");
    let mut budget = Budget::steps(Budget::OBJECT);
    let _ = expand(&tree, year, &Zone::utc(), &mut budget);
    let _ = ical::limit_recurrence_set(&tree, year, &Zone::utc(), &mut budget);
    let _ = ical::alarm_overlaps(&tree, 0, 0, year, &Zone::utc(), &mut budget);
    if let Ok(object) = check(text, &Limits::default()) {
        let _ = object.digest.occurrences(Window::ALL, &Zone::utc(), &mut budget);
        assert_eq!(Digest::decode(&object.digest.encode()).as_ref(), Some(&object.digest));
    }
}
