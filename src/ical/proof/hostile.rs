//! Input made to hurt: each must end in bounded time with an answer or a clear error. Times are generous: the tests
//! run without optimisation on busy machines; what they catch are the minutes and the stack overflows.

use std::time::{Duration, Instant};

use super::*;
use crate::{Component, Error, check, split};

fn within(limit: u64, what: impl FnOnce()) {
    let start = Instant::now();
    what();
    assert!(start.elapsed() < Duration::from_secs(limit), "took {:?}", start.elapsed());
}

#[test]
fn deep_nesting_is_refused() {
    within(5, || {
        let text = "BEGIN:VEVENT\r\n".repeat(2_000) + &"END:VEVENT\r\n".repeat(2_000);
        let wide = Limits { nesting: usize::MAX, ..Limits::default() };
        for limits in [Limits::default(), wide] {
            assert!(matches!(Component::parse(text.as_bytes(), &limits), Err(Error::Text { .. })));
        }
        let _ = split(text.as_bytes());
    });
}

#[test]
fn a_line_of_five_megabytes_is_read_once() {
    within(20, || {
        let photo = "QUJD".repeat(5 << 18);
        let text = event(&format!("DTSTART:20260302T100000Z\nATTACH;ENCODING=BASE64;VALUE=BINARY:{photo}"));
        assert!(check(text.as_bytes(), &Limits::default()).is_err());
        let wide = Limits { bytes: 1 << 23, line: 1 << 23, ..Limits::default() };
        let folded = photo
            .as_bytes()
            .chunks(74)
            .map(|c| std::str::from_utf8(c).unwrap())
            .collect::<Vec<_>>()
            .join("\r\n ");
        let text = event(&format!("DTSTART:20260302T100000Z\nATTACH:{}", folded.replace("\r\n", "\n")));
        let tree = Component::parse(text.as_bytes(), &wide).unwrap();
        assert_eq!(tree.components().next().unwrap().get("ATTACH").unwrap().value(), photo);
        assert_eq!(tree.print(), text.as_bytes());
    });
}

#[test]
fn poison_is_refused_at_its_line() {
    for bad in ["\u{0}", "\u{7}", "\u{1b}", "\u{7f}", "x\ry"] {
        let text = event(&format!("DTSTART:20260302T100000Z\nSUMMARY:{bad}z"));
        let error = Component::parse(text.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(error.line(), 7, "{bad:?}");
    }
}

#[test]
fn rules_without_end_or_sense_end_in_time() {
    let far = window("21990101T000000", "21990108T000000");
    for rule in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=3",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY",
        "FREQ=MINUTELY;INTERVAL=32767;BYHOUR=3;BYMINUTE=7",
        "FREQ=DAILY;COUNT=100000",
        "FREQ=MINUTELY;COUNT=100000",
        "FREQ=YEARLY;INTERVAL=32767",
        "FREQ=YEARLY;BYDAY=53MO;BYSETPOS=366",
        "FREQ=WEEKLY;INTERVAL=32767;BYMONTH=2",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
        "FREQ=MONTHLY;BYDAY=5MO,-5MO;BYMONTHDAY=1",
    ] {
        within(10, || {
            let text = event(&format!("DTSTART:20160302T100000Z\nDURATION:P30D\nRRULE:{rule}"));
            let Ok(object) = check(text.as_bytes(), &Limits::default()) else { return };
            for window in [far, Window::ALL, Window { from: far.from, until: Window::END }] {
                let mut budget = Budget::steps(Budget::OBJECT);
                let _ = object.digest.occurrences(window, &Zone::utc(), &mut budget);
                let _ = object.digest.overlaps(window, &Zone::utc(), &mut Budget::steps(Budget::OBJECT));
            }
        });
    }
}

#[test]
fn an_old_dense_series_costs_its_window_only() {
    let text = event("DTSTART:19000302T100000Z\nRRULE:FREQ=MINUTELY");
    let digest = object(&text).digest;
    let hour = window("21990101T000000", "21990101T010000");
    let mut budget = Budget::steps(10_000);
    assert_eq!(digest.occurrences(hour, &Zone::utc(), &mut budget).unwrap().len(), 60);
    assert!(matches!(
        digest.occurrences(Window::ALL, &Zone::utc(), &mut Budget::steps(100_000)),
        Err(Error::Budget)
    ));
    assert!(
        digest
            .overlaps(
                Window { from: hour.from, until: Window::END },
                &Zone::utc(),
                &mut Budget::steps(10_000)
            )
            .unwrap()
    );
}

#[test]
fn dense_days_pay_for_every_start() {
    let every = |n: u32| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    let text = event(&format!(
        "DTSTART:19000302T100000Z\nRRULE:FREQ=DAILY;BYHOUR={};BYMINUTE={}",
        every(24),
        every(60)
    ));
    let object = object(&text);
    within(20, || {
        let mut budget = Budget::steps(Budget::REQUEST);
        assert_eq!(object.digest.occurrences(Window::ALL, &Zone::utc(), &mut budget), Err(Error::Budget));
        let year = window("20260101T000000", "20270101T000000");
        assert!(matches!(crate::expand(&object.tree, year, &Zone::utc(), &mut budget), Err(Error::Budget)));
    });
    let mut few = Budget::steps(1_000);
    assert!(
        object
            .digest
            .occurrences(window("21990101T000000", "22000101T000000"), &Zone::utc(), &mut few)
            .is_err()
    );
}

#[test]
fn nothing_comes_after_the_year_9999() {
    let limits = Limits { max_date: i64::MAX, ..Limits::default() };
    let text = event("DTSTART:99981230T100000Z\nRRULE:FREQ=MONTHLY;BYMONTHDAY=30");
    let digest = check(text.as_bytes(), &limits).unwrap().digest;
    let all = digest.occurrences(Window::ALL, &Zone::utc(), &mut Budget::steps(1_000)).unwrap();
    assert_eq!(all.last().map(|o| utc_text(o.start)).as_deref(), Some("99991230T100000Z"));
}

/// Ten thousand copies of a long text are an answer that no memory holds.
#[test]
fn copied_text_is_paid_for_in_steps() {
    let expanded = |length: usize| {
        let long = "x".repeat(length);
        let text = event(&format!("DTSTART:20000101T100000Z\nRRULE:FREQ=DAILY\nDESCRIPTION:{long}"));
        let tree = crate::Component::parse(text.as_bytes(), &Limits::default()).unwrap();
        let span = window("20000101T000000", "20260101T000000");
        let made = crate::expand(&tree, span, &Zone::utc(), &mut Budget::steps(Budget::REQUEST));
        made.map(|made| made.parts().count())
    };
    assert_eq!(expanded(100), Ok(9_497));
    assert_eq!(expanded(100_000), Err(crate::Error::Budget));
}

/// Every text that a few careless hands make of a good one: read, checked, asked, taken apart, without a panic.
#[test]
fn mangled_texts_never_panic() {
    let good = calendar(
        "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\nEND:VTIMEZONE\n\
         BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Own:20260302T100000\nDTEND;TZID=\"Own\":20260302T110000\nRRULE:FREQ=MONTHLY;BYDAY=2MO;BYSETPOS=-1;UNTIL=20300101T000000Z\n\
         EXDATE;VALUE=DATE:20260303\nRDATE;VALUE=PERIOD:20260401T100000Z/PT2H\nSUMMARY:\u{fc}\\,\u{20ac}\nBEGIN:VALARM\nTRIGGER;RELATED=END:-P1DT2H\nREPEAT:3\nDURATION:PT5M\nEND:VALARM\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Own:20260309T100000\nDTSTART;TZID=Own:20260310T120000\nEND:VEVENT",
    );
    let tokens: [&[u8]; 12] = [
        b"\r\n",
        b":",
        b";",
        b"\"",
        b"\xff",
        b"=",
        b"99999999999999999999",
        b"-",
        b"BEGIN:VEVENT\r\n",
        b"END:VEVENT\r\n",
        b" ",
        b"\xe2\x82",
    ];
    let mut dice = Dice(4711);
    for _ in 0..3_000 {
        let mut text = good.clone().into_bytes();
        for _ in 0..1 + dice.below(4) {
            let at = dice.below(text.len() as u64) as usize;
            match dice.below(4) {
                0 => text[at] = dice.below(256) as u8,
                1 => drop(text.drain(at..(at + dice.below(30) as usize).min(text.len()))),
                2 => drop(text.splice(at..at, tokens[dice.below(12) as usize].iter().copied())),
                _ => text[at] = b"0123456789-TZPW"[dice.below(15) as usize],
            }
        }
        for part in split(&text) {
            let _ = part.map(|p| check(&p.text, &Limits::default()).is_ok());
        }
        let mut joined = Vec::new();
        crate::Combine::new(&[]).push(&text, &mut joined);
        let Ok(tree) = Component::parse(&text, &Limits::default()) else { continue };
        assert_eq!(tree.print().len(), text.len(), "what is read is kept");
        let (zone, window) = (Zone::utc(), window("20260301T000000", "20270301T000000"));
        let mut budget = Budget::steps(20_000);
        let _ = crate::expand(&tree, window, &zone, &mut budget);
        let _ = crate::limit_recurrence_set(&tree, window, &zone, &mut budget);
        let _ = crate::alarm_overlaps(&tree, 0, 0, window, &zone, &mut budget);
        let _ = crate::redact(&tree, "x");
        if let Ok(object) = check(&text, &Limits::default()) {
            let _ = object.digest.occurrences(Window::ALL, &zone, &mut budget);
            assert!(Digest::decode(&object.digest.encode()).is_some());
        }
    }
}
