//! What is shown of one object: expand, limit, select, alarms, the busy-only view; and busy time as periods.

use super::*;
use crate::{Busy, Component, Comps, Period, Props, Selection, merge, redact, select, vfreebusy};

const SERIES: &str = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nX-NAME:Anna\nBEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n\
BEGIN:VEVENT\nUID:anna-1\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260302T100000\nDTEND;TZID=Europe/Berlin:20260302T110000\n\
RRULE:FREQ=WEEKLY;X-WHO=ANNA\nEXDATE;TZID=Europe/Berlin;X-WHO=Anna:20260316T100000\nSUMMARY:Anna Example\nATTENDEE;CN=Anna:mailto:anna@example.org\nSTATUS:CONFIRMED\nX-ANNA:1\nBEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Anna\nTRIGGER:-PT15M\nREPEAT:2\nDURATION:PT5M\nEND:VALARM\nEND:VEVENT\n\
BEGIN:VEVENT\nUID:anna-1\nRECURRENCE-ID;TZID=Europe/Berlin:20260309T100000\nDTSTART;TZID=Europe/Berlin:20260312T100000\nDTEND;TZID=Europe/Berlin:20260312T110000\nSUMMARY:Anna moved\nSTATUS:TENTATIVE\nEND:VEVENT\n";

fn tree() -> Component {
    Component::parse(calendar(SERIES).as_bytes(), &Limits::default()).unwrap()
}

fn print(tree: &Component) -> String {
    String::from_utf8(tree.print()).unwrap()
}

#[test]
fn s9_6_5_expand() {
    let march = window("20260301T000000", "20260401T000000");
    let out = print(&crate::expand(&tree(), march, &Zone::utc(), &mut Budget::steps(1_000)).unwrap());
    assert_eq!(out.matches("BEGIN:VEVENT").count(), 4, "{out}");
    for gone in ["RRULE", "EXDATE", "TZID", "VTIMEZONE"] {
        assert!(!out.contains(gone), "{gone}");
    }
    for there in [
        "DTSTART:20260302T090000Z",
        "RECURRENCE-ID:20260302T090000Z",
        "DTSTART:20260312T090000Z",
        "RECURRENCE-ID:20260309T090000Z",
        "DTEND:20260330T090000Z",
        "BEGIN:VALARM",
    ] {
        assert!(out.contains(there), "{there}\n{out}");
    }
    let days = Component::parse(
        event("DTSTART;VALUE=DATE:20260302\nRRULE:FREQ=DAILY").as_bytes(),
        &Limits::default(),
    )
    .unwrap();
    let tokyo = Zone::named("Asia/Tokyo").unwrap();
    let out = print(
        &crate::expand(
            &days,
            window("20260303T150000", "20260304T150000"),
            &tokyo,
            &mut Budget::steps(1_000),
        )
        .unwrap(),
    );
    assert!(
        out.contains("DTSTART;VALUE=DATE:20260304") && out.contains("RECURRENCE-ID;VALUE=DATE:20260304"),
        "{out}"
    );
    assert_eq!(out.matches("BEGIN:VEVENT").count(), 1);
}

#[test]
fn s9_6_6_limit_recurrence_set() {
    let kept = |from, until| {
        let out = crate::limit_recurrence_set(
            &tree(),
            window(from, until),
            &Zone::utc(),
            &mut Budget::steps(1_000),
        )
        .unwrap();
        out.parts().count()
    };
    assert_eq!(kept("20260309T000000", "20260310T000000"), 2, "where it was");
    assert_eq!(kept("20260312T000000", "20260313T000000"), 2, "where it is");
    assert_eq!(kept("20260310T000000", "20260311T000000"), 1);
    let same = crate::limit_recurrence_set(
        &tree(),
        window("20260301T000000", "20260401T000000"),
        &Zone::utc(),
        &mut Budget::steps(1_000),
    );
    assert_eq!(print(&same.unwrap()), calendar(SERIES));
}

#[test]
fn s9_6_7_limit_freebusy_set() {
    let busy = calendar(
        "BEGIN:VFREEBUSY\nUID:1\nFREEBUSY;FBTYPE=BUSY:20260302T100000Z/PT1H,20260303T100000Z/20260303T110000Z\nFREEBUSY:20260304T100000Z/PT1H\nEND:VFREEBUSY",
    );
    let tree = Component::parse(busy.as_bytes(), &Limits::default()).unwrap();
    let out = print(&crate::limit_freebusy_set(&tree, window("20260303T000000", "20260304T000000")));
    assert_eq!(
        out.lines().filter(|l| l.contains("FREEBUSY;") || l.contains("FREEBUSY:2")).collect::<Vec<_>>(),
        ["FREEBUSY;FBTYPE=BUSY:20260303T100000Z/20260303T110000Z"]
    );
    assert_eq!(crate::freebusy_of(&tree).len(), 3);
}

#[test]
fn s9_6_4_select() {
    let wanted = |props, comps| Selection { props, comps };
    let event =
        wanted(Props::List(vec![("uid".into(), false), ("SUMMARY".into(), true)]), Comps::List(Vec::new()));
    let selection =
        wanted(Props::List(vec![("VERSION".into(), false)]), Comps::List(vec![("VEVENT".into(), event)]));
    let out = print(&select(&tree(), &selection));
    assert_eq!(
        out,
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:anna-1\r\nSUMMARY:\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:anna-1\r\nSUMMARY:\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    assert_eq!(print(&select(&tree(), &wanted(Props::All, Comps::All))), calendar(SERIES));
}

#[test]
fn s9_9_alarms() {
    let rings = |text: &str, from: &str, until: &str| {
        let tree = Component::parse(text.as_bytes(), &Limits::default()).unwrap();
        crate::alarm_overlaps(&tree, 0, 0, window(from, until), &Zone::utc(), &mut Budget::steps(1_000))
            .unwrap()
    };
    let series = calendar(SERIES);
    assert!(rings(&series, "20260302T084500", "20260302T084600"), "fifteen minutes before ten in Berlin");
    assert!(!rings(&series, "20260302T084600", "20260302T085000"));
    assert!(rings(&series, "20260302T085000", "20260302T085100"), "its first repetition");
    assert!(!rings(&series, "20260302T085600", "20260302T100000"), "no third one");
    assert!(!rings(&series, "20260309T080000", "20260309T100000"), "the instance was moved");
    assert!(rings(&series, "21990101T000000", "21990109T000000"));
    let alarm = |trigger: &str| {
        event(&format!(
            "DTSTART:20260302T100000Z\nDTEND:20260302T110000Z\nBEGIN:VALARM\n{trigger}\nEND:VALARM"
        ))
    };
    assert!(rings(&alarm("TRIGGER;RELATED=END:PT5M"), "20260302T110500", "20260302T110501"));
    assert!(rings(&alarm("TRIGGER;VALUE=DATE-TIME:20260401T000000Z"), "20260401T000000", "20260401T000001"));
    assert!(!rings(&alarm("ACTION:AUDIO"), "20260101T000000", "20270101T000000"));
}

#[test]
fn s9_7_2_time_range_on_a_property() {
    let text =
        event("DTSTART:20260302T100000Z\nCOMPLETED:20260303T100000Z\nX-DAY;VALUE=DATE:20260304\nSUMMARY:x");
    let tree = Component::parse(text.as_bytes(), &Limits::default()).unwrap();
    let part = tree.parts().next().unwrap();
    let hit = |name: &str, from: &str, until: &str| {
        crate::property_overlaps(&tree, part.get(name).unwrap(), window(from, until), &Zone::utc()).unwrap()
    };
    assert!(
        hit("COMPLETED", "20260303T100000", "20260303T100001")
            && !hit("COMPLETED", "20260303T090000", "20260303T100000")
    );
    assert!(
        hit("X-DAY", "20260304T230000", "20260305T000000")
            && !hit("X-DAY", "20260305T000000", "20260306T000000")
    );
    assert!(!hit("SUMMARY", "20260101T000000", "20270101T000000"));
}

#[test]
fn the_busy_only_view_says_when_and_nothing_else() {
    let out = redact(&tree(), "opaque-7").unwrap();
    assert!(!out.to_lowercase().contains("anna"), "{out}");
    assert!(!out.contains("VALARM") && !out.contains("ATTENDEE") && !out.contains("X-"), "{out}");
    assert_eq!((out.matches("UID:opaque-7").count(), out.matches("SUMMARY:Busy").count()), (2, 2));
    let all = window("20260301T000000", "20260501T000000");
    let times =
        |text: &str| object(text).digest.occurrences(all, &Zone::utc(), &mut Budget::steps(1_000)).unwrap();
    assert_eq!(times(&out), times(&calendar(SERIES)), "the same times and types");
    let todo =
        Component::parse(calendar("BEGIN:VTODO\nUID:1\nEND:VTODO").as_bytes(), &Limits::default()).unwrap();
    assert_eq!(redact(&todo, "x"), None);
}

#[test]
fn s7_10_periods_are_merged_by_type() {
    let period = |from, until, busy| Period { from, until, busy };
    let mut all = vec![
        period(50, 60, Busy::Busy),
        period(0, 20, Busy::Busy),
        period(20, 30, Busy::Busy),
        period(10, 15, Busy::Tentative),
        period(25, 28, Busy::Busy),
        period(40, 45, Busy::Free),
        period(90, 200, Busy::Unavailable),
        period(45, 45, Busy::Busy),
    ];
    merge(&mut all, Window { from: 5, until: 100 });
    let expected = [
        period(5, 30, Busy::Busy),
        period(50, 60, Busy::Busy),
        period(10, 15, Busy::Tentative),
        period(90, 100, Busy::Unavailable),
    ];
    assert_eq!(all, expected);
    let text = vfreebusy(&all, Window { from: 0, until: 100 }, 7);
    assert!(
        text.contains("DTSTAMP:19700101T000007Z")
            && text.contains("FREEBUSY;FBTYPE=BUSY-TENTATIVE:19700101T000010Z/19700101T000015Z"),
        "{text}"
    );
    let read = crate::freebusy_of(&Component::parse(text.as_bytes(), &Limits::default()).unwrap());
    assert_eq!(read, expected);
}
