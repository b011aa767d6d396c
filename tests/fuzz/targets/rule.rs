//! Any bytes as the lines of a series (two bytes choose the window): answers agree with one another, in bounds.
#![no_main]

use ical::{Budget, Limits, Object, Window, Zone, check};
use kalends_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

const DAY: i64 = 86_400;

fuzz_target!(|input: &[u8]| {
    let [year, days, lines @ ..] = input else { return };
    let text = [&b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n"[..], lines];
    let text = [&text.concat()[..], b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"].concat();
    // Any time from 1900 to 9999, for a day or for some months.
    let from = -2_208_988_800 + i64::from(*year) * 32 * 366 * DAY;
    let until = (from + (1 + i64::from(*days)) * DAY).min(253_402_300_799);
    let Some(window) = Window::new(from, until) else { return };
    // What a server does with it is bounded: to read it, and to answer one question.
    bounded(input, || {
        if let Ok(object) = check(&text, &Limits::default()) {
            let mut budget = Budget::steps(Budget::OBJECT);
            object.digest.occurrences(window, &Zone::utc(), &mut budget).ok();
        }
    });
    if let Ok(object) = check(&text, &Limits::default()) {
        look(&object, window);
    }
});

fn look(object: &Object, window: Window) {
    let utc = Zone::utc();
    let ask = |window, steps| {
        let mut budget = Budget::steps(steps);
        let all = object.digest.occurrences(window, &utc, &mut budget).ok()?;
        assert!(all.len() as u64 <= 2 * (steps - budget.left()) + 8_000, "an occurrence without a step");
        Some(all)
    };
    let Some(all) = ask(window, Budget::OBJECT) else { return };
    assert!(all.is_sorted_by_key(|o| o.start));
    for one in &all {
        assert!(object.digest.first <= one.start && one.end <= object.digest.last, "{one:?}");
    }
    let mut budget = Budget::steps(Budget::OBJECT);
    let any = object.digest.overlaps(window, &utc, &mut budget).expect("less work than all of them");
    assert_eq!(any, !all.is_empty());
    let middle = window.from + (window.until - window.from) / 2;
    let halves = [(window.from, middle), (middle, window.until)].map(|(from, until)| Window { from, until });
    if let (Some(left), Some(right)) = (ask(halves[0], Budget::OBJECT), ask(halves[1], Budget::OBJECT)) {
        let mut both: Vec<_> = left.into_iter().chain(right).collect();
        both.sort_unstable_by_key(|o| (o.start, o.id, o.end));
        both.dedup_by_key(|o| (o.id, o.start));
        assert_eq!(both, all, "two halves are the whole");
    }
}
