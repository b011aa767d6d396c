//! RFC 4791 9.9 through text: each row of its tables as a component, asked with windows that touch it; and what may
//! not be stored (4.1, 5.3.2.1). `span` tests the rows as numbers.

use super::*;
use crate::{Kind, Refusal};

/// Windows around 10:00 to 11:00: before, ending at the start, across it, inside, across the end, from the end, after.
const WINDOWS: [(&str, &str); 7] = [
    ("08", "09"),
    ("09", "10"),
    ("0930", "1030"),
    ("1015", "1045"),
    ("1030", "1130"),
    ("11", "12"),
    ("12", "13"),
];

/// Which of the windows a component matches, as a picture.
fn hits(kind: &str, lines: &str) -> String {
    let text = calendar(&format!("BEGIN:{kind}\nUID:1\n{}\nEND:{kind}", lines.trim()));
    let digest = object(&text).digest;
    let time = |t: &str| at(&format!("20260302T{t:0<6}Z"));
    let hit = |(from, until): &(&str, &str)| {
        let window = Window::new(time(from), time(until)).unwrap();
        digest.overlaps(window, &Zone::utc(), &mut Budget::steps(1_000)).unwrap()
    };
    WINDOWS.iter().map(|w| if hit(w) { 'x' } else { '.' }).collect()
}

#[test]
fn s9_9_time_range_tables() {
    let (start, end) = ("DTSTART:20260302T100000Z\n", "20260302T110000Z");
    for (kind, lines, expected) in [
        ("VEVENT", format!("{start}DTEND:{end}"), "..xxx.."),
        ("VEVENT", format!("{start}DURATION:PT1H"), "..xxx.."),
        ("VEVENT", format!("{start}DURATION:PT0S"), "..x...."),
        ("VEVENT", start.to_owned(), "..x...."),
        ("VEVENT", "DTSTART;VALUE=DATE:20260302".into(), "xxxxxxx"),
        ("VEVENT", "DTSTART;VALUE=DATE:20260301".into(), "......."),
        ("VEVENT", "DTSTART;VALUE=DATE:20260301\nDTEND;VALUE=DATE:20260303".into(), "xxxxxxx"),
        ("VEVENT", format!("{start}DTEND:{end}\nRRULE:FREQ=DAILY"), "..xxx.."),
        ("VTODO", format!("{start}DURATION:PT1H"), "..xxxx."),
        ("VTODO", format!("{start}DUE:{end}"), "..xxx.."),
        ("VTODO", start.to_owned(), "..x...."),
        ("VTODO", format!("DUE:{end}"), "....x.."),
        ("VTODO", format!("COMPLETED:{end}\nCREATED:20260302T100000Z"), ".xxxxx."),
        ("VTODO", format!("COMPLETED:{end}"), "....xx."),
        ("VTODO", "CREATED:20260302T100000Z".into(), "..xxxxx"),
        ("VTODO", String::new(), "xxxxxxx"),
        ("VTODO", format!("DUE:{end}\nRRULE:FREQ=WEEKLY"), "....x.."),
        ("VJOURNAL", start.to_owned(), "..x...."),
        ("VJOURNAL", "DTSTART;VALUE=DATE:20260302".into(), "xxxxxxx"),
        ("VJOURNAL", String::new(), "......."),
        ("VFREEBUSY", format!("{start}DTEND:{end}"), "..xxxx."),
        ("VFREEBUSY", format!("FREEBUSY:20260302T100000Z/{end}"), "..xxx.."),
        ("VFREEBUSY", String::new(), "......."),
        ("VAVAILABILITY", format!("{start}DTEND:{end}"), "..xxx.."),
        ("VAVAILABILITY", String::new(), "xxxxxxx"),
    ] {
        assert_eq!(hits(kind, &lines), expected, "{kind} {lines}");
    }
}

#[test]
fn s7_10_what_counts_as_busy() {
    let busy = |lines: &str| object(&event(&format!("DTSTART:20260302T100000Z\n{lines}"))).digest.busy;
    use crate::Busy::*;
    assert_eq!(
        [busy(""), busy("TRANSP:TRANSPARENT"), busy("STATUS:CANCELLED"), busy("STATUS:TENTATIVE")],
        [Busy, Transparent, Free, Tentative]
    );
    // Kept apart from what never takes time, for calendars in which everything does (absences).
    assert!(!Transparent.takes_time() && !Free.takes_time() && Busy.takes_time());
}

fn refusal(text: &str) -> Refusal {
    crate::check(text.as_bytes(), &Limits::default()).map(|o| o.kind).expect_err(text)
}

#[test]
fn s5_3_2_1_each_precondition_has_its_refusal() {
    let start = "DTSTART:20260302T100000Z";
    let one = |uid: &str, more: &str| format!("BEGIN:VEVENT\n{uid}{start}\n{more}END:VEVENT\n");
    assert!(matches!(refusal("hello"), Refusal::Data(_)));
    assert!(matches!(refusal("BEGIN:VCARD\r\nEND:VCARD\r\n"), Refusal::Component(_)));
    assert!(matches!(refusal(&calendar("VERSION:1.0").replace("VERSION:2.0\r\n", "")), Refusal::Media(_)));
    assert!(matches!(
        refusal(&calendar(&format!("METHOD:REQUEST\n{}", one("UID:1\n", "")))),
        Refusal::Resource(_)
    ));
    assert!(matches!(refusal(&calendar("")), Refusal::Resource(_)));
    assert!(matches!(refusal(&calendar(&one("", ""))), Refusal::Resource(_)));
    assert!(matches!(refusal(&calendar(&(one("UID:1\n", "") + &one("UID:2\n", "")))), Refusal::Resource(_)));
    assert!(matches!(refusal(&calendar(&(one("UID:1\n", "") + &one("UID:1\n", "")))), Refusal::Resource(_)));
    let todo = "BEGIN:VTODO\nUID:1\nEND:VTODO";
    assert!(matches!(refusal(&calendar(&(one("UID:1\n", "") + todo))), Refusal::Resource(_)));
    let id = one("UID:1\n", "RECURRENCE-ID:20260302T100000Z\n");
    assert!(matches!(refusal(&calendar(&(id.clone() + &id))), Refusal::Resource(_)));
    assert!(matches!(refusal(&calendar("BEGIN:X-THING\nUID:1\nEND:X-THING")), Refusal::Component(_)));
    assert!(matches!(refusal(&event("SUMMARY:no start")), Refusal::Data(_)));
    assert!(matches!(refusal(&event(&format!("{start}\nDTEND:20260301T000000Z"))), Refusal::Data(_)));
    assert!(matches!(refusal(&event("DTSTART:18000101T000000Z")), Refusal::MinDate(_)));
    let narrow = Limits { max_date: window("22491231T235959", "22500101T000000").from, ..Limits::default() };
    let until_then = |date: &str| crate::check(event(&format!("DTSTART:{date}")).as_bytes(), &narrow);
    assert!(matches!(until_then("22500101T000000Z").unwrap_err(), Refusal::MaxDate(_)));
    assert!(until_then("22491231T235959Z").is_ok(), "5.2.7: the latest date is inclusive");
    assert!(object(&event("DTSTART:99991231T235959Z")).digest.series.is_none());
    assert!(matches!(refusal(&event(&format!("{start}\nRRULE:FREQ=SECONDLY"))), Refusal::Recurrence(_)));
    assert!(matches!(
        refusal(&event(&format!("{start}\nRRULE:FREQ=DAILY;INTERVAL=99999"))),
        Refusal::Recurrence(_)
    ));
    assert!(matches!(
        refusal(&event("DTSTART;VALUE=DATE:20260302\nRRULE:FREQ=HOURLY")),
        Refusal::Recurrence(_)
    ));
    let crowd = "ATTENDEE:mailto:a@example.org\n".repeat(Limits::ATTENDEES + 1);
    assert!(matches!(refusal(&event(&format!("{start}\n{crowd}"))), Refusal::Attendees { .. }));
    let big = format!("{start}\nDESCRIPTION:{}", "x".repeat(Limits::BYTES));
    assert!(matches!(refusal(&event(&big)), Refusal::TooLarge { .. }));
}

#[test]
fn real_clients_are_not_refused() {
    let outlook = "BEGIN:VTIMEZONE\nTZID:Customized Time Zone\nBEGIN:STANDARD\nDTSTART:16010101T030000\nTZOFFSETFROM:+0200\n\
                   TZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\nBEGIN:DAYLIGHT\n\
                   DTSTART:16010101T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\n\
                   END:DAYLIGHT\nEND:VTIMEZONE\n";
    let summer = "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Customized Time Zone:20260701T100000\nRRULE:FREQ=YEARLY;UNTIL=99991231T000000Z\nEND:VEVENT";
    let text = calendar(&format!("{outlook}{summer}"));
    assert_eq!(object(&text).kind, Kind::Event);
    assert_eq!(start_texts(&text, window("21990101T000000", "22000101T000000")), ["21990701T080000Z"]);
    let bare = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE;TZID=Nowhere:20260302\nDTEND;VALUE=DATE:20260302\nEND:VEVENT\nEND:VCALENDAR";
    assert_eq!(object(bare).digest.busy, crate::Busy::Busy);
}
