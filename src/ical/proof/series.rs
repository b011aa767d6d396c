//! What clients rely on (overrides, exceptions, clocks that change), as one small calendar each.

use super::*;
use crate::{Component, Occurrence};

fn occurrences(text: &str, from: &str, until: &str) -> Vec<Occurrence> {
    object(text).digest.occurrences(window(from, until), &Zone::utc(), &mut Budget::steps(10_000)).unwrap()
}

/// A weekly master and more components, all with UID 1.
fn weekly(more: &str) -> String {
    let master = "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260302T100000\nDTEND;TZID=Europe/Berlin:20260302T110000\n\
                  RRULE:FREQ=WEEKLY\nEND:VEVENT\n";
    calendar(&format!("{master}{more}"))
}

fn moved(id: &str, start: &str) -> String {
    format!("BEGIN:VEVENT\nUID:1\nRECURRENCE-ID{id}\nDTSTART{start}\nDURATION:PT30M\nEND:VEVENT\n")
}

#[test]
fn a_moved_instance_is_found_at_its_new_place_only() {
    let text = weekly(&moved(";TZID=Europe/Berlin:20260309T100000", ":20260310T150000Z"));
    let digest = object(&text).digest;
    let hit =
        |from, until| digest.overlaps(window(from, until), &Zone::utc(), &mut Budget::steps(1_000)).unwrap();
    assert!(!hit("20260309T000000", "20260310T000000"), "no longer at its old place");
    assert!(hit("20260310T000000", "20260311T000000"));
    assert!(hit("20260316T090000", "20260316T091500"), "the others stay");
    let all = occurrences(&text, "20260309T000000", "20260311T000000");
    assert_eq!((all.len(), all[0].component, all[0].id), (1, 1, Some(at("20260309T090000Z"))));
    assert_eq!(all[0].end - all[0].start, 1_800);
}

#[test]
fn overrides_without_their_master_are_occurrences() {
    let text = calendar(
        &(moved(":20260309T090000Z", ":20260310T150000Z") + &moved(":20260316T090000Z", ":20260316T090000Z")),
    );
    let all = occurrences(&text, "20260101T000000", "20270101T000000");
    assert_eq!(all.iter().map(|o| o.component).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(all[1].id, Some(at("20260316T090000Z")));
}

#[test]
fn an_override_holds_for_what_follows_when_it_says_so() {
    let text = weekly(&moved(
        ";RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260316T100000",
        ";TZID=Europe/Berlin:20260317T120000",
    ));
    let found = start_texts(&text, window("20260301T000000", "20260410T000000"));
    assert_eq!(
        found,
        [
            "20260302T090000Z",
            "20260309T090000Z",
            "20260317T110000Z",
            "20260324T110000Z",
            "20260331T100000Z",
            "20260407T100000Z"
        ]
    );
    let far = occurrences(&text, "21991201T000000", "21991208T000000");
    assert_eq!((far.len(), far[0].component, far[0].end - far[0].start), (1, 1, 1_800));
}

#[test]
fn exceptions_remove_by_instant_or_by_day() {
    let lines = "DTSTART;TZID=Europe/Berlin:20260302T100000\nRRULE:FREQ=DAILY;COUNT=8\nEXDATE:20260303T090000Z\n\
                 EXDATE;VALUE=DATE:20260304\nEXDATE;TZID=America/New_York:20260305T040000\n\
                 EXRULE:FREQ=WEEKLY;BYDAY=FR,SA\nRDATE;VALUE=PERIOD:20260401T100000Z/PT2H,20260402T100000Z/20260402T130000Z\n\
                 RDATE;TZID=Europe/Berlin:20260302T100000,20260405T100000";
    let all = occurrences(&event(lines), "20260301T000000", "20270101T000000");
    let texts: Vec<(String, i64)> = all.iter().map(|o| (utc_text(o.start), o.end - o.start)).collect();
    let expected = [
        ("20260302T090000Z", 0),
        ("20260308T090000Z", 0),
        ("20260309T090000Z", 0),
        ("20260401T100000Z", 7_200),
        ("20260402T100000Z", 10_800),
        ("20260405T080000Z", 0),
    ];
    assert_eq!(texts, expected.map(|(t, n)| (t.to_owned(), n)));
}

#[test]
fn clocks_change_in_the_west_and_in_the_east() {
    for (zone, first, expected) in [
        ("America/New_York", "20260307T023000", ["20260307T073000Z", "20260308T073000Z", "20260309T063000Z"]),
        ("Europe/Berlin", "20260328T023000", ["20260328T013000Z", "20260329T013000Z", "20260330T003000Z"]),
        ("Europe/Berlin", "20261024T023000", ["20261024T003000Z", "20261025T003000Z", "20261026T013000Z"]),
        (
            "Australia/Lord_Howe",
            "20261003T021500",
            ["20261002T154500Z", "20261003T154500Z", "20261004T151500Z"],
        ),
        ("Europe/Berlin", "20260329T023000", ["20260329T013000Z", "20260330T003000Z", "20260331T003000Z"]),
    ] {
        let text = event(&format!("DTSTART;TZID={zone}:{first}\nRRULE:FREQ=DAILY;COUNT=3"));
        assert_eq!(
            start_texts(&text, window("20260101T000000", "20270101T000000")),
            expected,
            "{zone} {first}"
        );
    }
}

#[test]
fn an_end_keeps_its_seconds_and_a_duration_its_days() {
    let over = |end: &str| {
        let text =
            event(&format!("DTSTART;TZID=Europe/Berlin:20260327T120000\n{end}\nRRULE:FREQ=DAILY;COUNT=3"));
        occurrences(&text, "20260101T000000", "20270101T000000")
            .iter()
            .map(|o| (o.end - o.start) / 3600)
            .collect::<Vec<_>>()
    };
    assert_eq!(over("DTEND;TZID=Europe/Berlin:20260328T120000"), [24, 24, 24]);
    assert_eq!(over("DURATION:P1D"), [24, 23, 24]);
}

#[test]
fn days_belong_to_who_asks() {
    let digest = object(&event("DTSTART;VALUE=DATE:20260302\nRRULE:FREQ=YEARLY")).digest;
    let starts = |zone: &str| {
        let zone = Zone::named(zone).unwrap();
        let all = digest
            .occurrences(window("21990301T000000", "21990304T000000"), &zone, &mut Budget::steps(100))
            .unwrap();
        all.iter().map(|o| (utc_text(o.start), utc_text(o.end))).collect::<Vec<_>>()
    };
    assert!(digest.shape.floating);
    assert_eq!(starts("UTC"), [("21990302T000000Z".into(), "21990303T000000Z".into())]);
    assert_eq!(starts("Pacific/Auckland"), [("21990301T110000Z".into(), "21990302T110000Z".into())]);
    assert_eq!(starts("America/New_York"), [("21990302T050000Z".into(), "21990303T050000Z".into())]);
}

#[test]
fn a_leap_day_comes_every_four_years() {
    let text = event("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY");
    assert_eq!(
        start_texts(&text, window("20240101T000000", "20330101T000000")),
        ["20240229T000000Z", "20280229T000000Z", "20320229T000000Z"]
    );
    assert_eq!(
        start_texts(&text, window("20960101T000000", "21050101T000000")),
        ["20960229T000000Z", "21040229T000000Z"]
    );
}

#[test]
fn a_digest_survives_its_bytes() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Our Own\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0500\nTZOFFSETTO:+0500\nEND:STANDARD\nEND:VTIMEZONE\n";
    let own = calendar(&format!(
        "{zone}BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Our Own:20260302T100000\nRRULE:FREQ=WEEKLY\nEND:VEVENT"
    ));
    let moved = weekly(&moved(";TZID=Europe/Berlin:20260309T100000", ":20260310T150000Z"));
    for text in [own, moved, event("DTSTART:20260302T100000Z\nDTEND:20260302T110000Z")] {
        let digest = object(&text).digest;
        let bytes = digest.encode();
        let read = Digest::decode(&bytes).unwrap();
        assert_eq!(read, digest);
        assert_eq!(
            starts(&read, window("20260401T000000", "20260601T000000")),
            starts(&digest, window("20260401T000000", "20260601T000000"))
        );
        assert!(Digest::decode(&bytes[..bytes.len() - 1]).is_none());
        assert!(Digest::decode(&[&[99], &bytes[1..]].concat()).is_none());
    }
    let own_start = start_texts(
        &calendar(&format!("{zone}BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Our Own:20260302T100000\nEND:VEVENT")),
        window("20260301T000000", "20260401T000000"),
    );
    assert_eq!(own_start, ["20260302T050000Z"]);
}

#[test]
fn a_known_name_wins_over_the_definition_beside_it() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0500\nTZOFFSETTO:+0500\nEND:STANDARD\nEND:VTIMEZONE\n";
    let text = calendar(&format!(
        "{zone}BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260302T100000\nEND:VEVENT"
    ));
    assert_eq!(start_texts(&text, window("20260301T000000", "20260401T000000")), ["20260302T090000Z"]);
    let unknown = event("DTSTART;TZID=Nowhere/Land:20260302T100000");
    assert!(matches!(crate::check(unknown.as_bytes(), &Limits::default()), Err(crate::Refusal::Zone(_))));
}

#[test]
fn bounds_hold_every_occurrence() {
    for rule in ["FREQ=WEEKLY;COUNT=5", "FREQ=WEEKLY;UNTIL=20260401T000000Z", "FREQ=DAILY;COUNT=1"] {
        let text = event(&format!("DTSTART;TZID=Europe/Berlin:20260302T100000\nDURATION:PT1H\nRRULE:{rule}"));
        let digest = object(&text).digest;
        let all = digest.occurrences(Window::ALL, &Zone::utc(), &mut Budget::steps(10_000)).unwrap();
        assert!(
            !all.is_empty() && all.iter().all(|o| o.start >= digest.first && o.end <= digest.last),
            "{rule}"
        );
        assert!(digest.last < at("20260501T000000"), "{rule}");
    }
    assert_eq!(object(&event("DTSTART:20260302T100000Z\nRRULE:FREQ=DAILY")).digest.last, Window::END);
}

#[test]
fn an_untouched_tree_prints_its_bytes() {
    let odd = b"\xEF\xBB\xBFbegin:vcalendar\n\nVERSION:2.0\r\nX-A;p=\"a:b;c\":v\\,w\r\nBEGIN:VEVENT\r\nSUMMARY:\xC3\r\n \xBC\r\nDESCRIPTION:"
        .iter().copied().chain(b"x".repeat(200)).chain(*b"\nEND:VEVENT\r\nend:VCALENDAR\r\n\r\n\n").collect::<Vec<u8>>();
    let mut tree = Component::parse(&odd, &Limits::default()).unwrap();
    assert_eq!(tree.print(), odd);
    let event = tree.components_mut().next().unwrap();
    assert_eq!(event.get("summary").unwrap().text(), "\u{fc}");
    event.set(crate::Property::new_text("SUMMARY", "a;b"));
    let edited = String::from_utf8(tree.print()).unwrap();
    let expected =
        String::from_utf8(odd).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
    let lines = |t: &str| {
        t.lines()
            .filter(|l| !l.starts_with("SUMMARY") && !l.contains('\u{fffd}'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(&edited), lines(&expected));
    assert!(edited.contains("SUMMARY:a\\;b\r\n"));
}
