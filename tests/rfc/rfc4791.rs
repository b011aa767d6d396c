//! RFC 4791: the examples of sections 7.8 to 7.10 over the calendar of Appendix B, word for word (`tests/data/dav`).

use crate::dav::door::{Door, Reply};
use crate::dav::reading::{C, D, Multistatus};

const TEXT: &str = include_str!("../data/dav/rfc4791.txt");
const WORK: &str = "/dav/calendars/ada/work/";

fn part(name: &str) -> &'static str {
    let (_, after) = TEXT.split_once(&format!("\n=== {name}\n")).unwrap();
    after.split("\n=== ").next().unwrap().trim_end()
}

/// The calendar of Appendix B. Its zone is the one that the examples mean for floating times and dates.
async fn appendix_b() -> Door {
    let door = Door::open().await;
    door.ask("ada", "MKCALENDAR", WORK, &[], "").await.is(201);
    for number in 1..=8 {
        let mut text = format!("{}\n", part(&format!("abcd{number}.ics"))).replace('\n', "\r\n");
        if number == 5 {
            // Section 7.8.5 shows this to-do with another DUE than the appendix: only so its alarm falls in the range.
            text = text.replace("DUE;VALUE=DATE:20060106", "DUE:20060106T170000Z");
        }
        door.put("ada", &format!("{WORK}abcd{number}.ics"), &text).await;
    }
    door
}

async fn ask(door: &Door, section: &str) -> Reply {
    let body = part(section).replace("/bernard/work/", WORK);
    door.ask("ada", "REPORT", WORK, &["Depth: 1"], body).await
}

fn names(found: &Multistatus) -> Vec<&str> {
    let mut names: Vec<_> = found.hrefs().iter().map(|href| href.strip_prefix(WORK).unwrap()).collect();
    names.sort_unstable();
    names
}

async fn found(section: &str) -> Multistatus {
    ask(&appendix_b().await, section).await.multistatus()
}

fn data<'a>(found: &'a Multistatus, name: &str) -> &'a str {
    found.of(&format!("{WORK}{name}")).text(C, "calendar-data")
}

#[tokio::test]
async fn s7_8_1_partial_retrieval_of_events_by_time_range() {
    let found = found("7.8.1").await;
    assert_eq!(names(&found), ["abcd2.ics", "abcd3.ics"]);
    let text = data(&found, "abcd2.ics");
    assert!(text.contains("SUMMARY:Event #2\r\n") && text.contains("RRULE:FREQ=DAILY;COUNT=5"));
    assert!(text.contains("RECURRENCE-ID;TZID=US/Eastern:20060104T120000"));
    // DTSTAMP and PRODID were not asked for.
    assert!(!text.contains("DTSTAMP") && !text.contains("PRODID") && text.contains("VERSION:2.0"));
    assert!(!data(&found, "abcd3.ics").contains("ATTENDEE"));
    assert!(found.of(&format!("{WORK}abcd3.ics")).maybe(D, "getetag").is_some());
}

#[tokio::test]
async fn s7_8_2_partial_retrieval_of_recurring_events() {
    let found = found("7.8.2").await;
    assert_eq!(names(&found), ["abcd2.ics", "abcd3.ics"]);
    let text = data(&found, "abcd2.ics");
    assert!(text.contains("RRULE") && text.contains("SUMMARY:Event #2 bis"));
}

#[tokio::test]
async fn s7_8_3_expanded_retrieval_of_recurring_events() {
    let found = found("7.8.3").await;
    assert_eq!(names(&found), ["abcd2.ics", "abcd3.ics"]);
    let text = data(&found, "abcd2.ics");
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 2);
    assert!(!text.contains("VTIMEZONE") && !text.contains("RRULE"));
    assert!(text.contains("DTSTART:20060103T170000Z") && text.contains("RECURRENCE-ID:20060103T170000Z"));
    assert!(text.contains("DTSTART:20060104T190000Z") && text.contains("RECURRENCE-ID:20060104T170000Z"));
    assert!(data(&found, "abcd3.ics").contains("DTSTART:20060104T150000Z"));
}

#[tokio::test]
async fn s7_8_4_partial_retrieval_of_stored_free_busy_components() {
    let found = found("7.8.4").await;
    assert_eq!(names(&found), ["abcd8.ics"]);
    let text = data(&found, "abcd8.ics");
    assert!(text.contains("FREEBUSY;FBTYPE=BUSY-TENTATIVE:20060102T100000Z/20060102T120000Z"));
    assert_eq!(text.lines().filter(|line| line.starts_with("FREEBUSY")).count(), 1);
}

#[tokio::test]
async fn s7_8_5_retrieval_of_to_dos_by_alarm_time_range() {
    assert_eq!(names(&found("7.8.5").await), ["abcd5.ics"]);
}

#[tokio::test]
async fn s7_8_6_retrieval_of_event_by_uid() {
    assert_eq!(names(&found("7.8.6").await), ["abcd3.ics"]);
}

#[tokio::test]
async fn s7_8_7_retrieval_of_events_by_partstat() {
    assert_eq!(names(&found("7.8.7").await), ["abcd3.ics"]);
}

#[tokio::test]
async fn s7_8_8_retrieval_of_events_only() {
    let found = found("7.8.8").await;
    assert_eq!(names(&found), ["abcd1.ics", "abcd2.ics", "abcd3.ics"]);
    let stored = part("abcd1.ics").replace('\n', "\r\n") + "\r\n";
    assert_eq!(data(&found, "abcd1.ics"), stored);
}

#[tokio::test]
async fn s7_8_9_retrieval_of_all_pending_to_dos() {
    assert_eq!(names(&found("7.8.9").await), ["abcd4.ics", "abcd5.ics"]);
}

#[tokio::test]
async fn s7_8_10_a_property_that_nobody_has_is_no_error_here() {
    // The example's server cannot search X-ABC-GUID; this one searches every property, and finds it nowhere.
    assert_eq!(names(&found("7.8.10").await), [""; 0]);
}

#[tokio::test]
async fn s7_9_1_calendar_multiget() {
    let found = found("7.9.1").await;
    assert!(data(&found, "abcd1.ics").contains("SUMMARY:Event #1"));
    assert_eq!(found.of(&format!("{WORK}mtg1.ics")).status(), Some(404));
    assert_eq!(found.responses().len(), 2);
}

#[tokio::test]
async fn s7_10_1_free_busy_query() {
    let answer = ask(&appendix_b().await, "7.10.1").await;
    let text = answer.is(200).body.replace("\r\n ", "");
    let busy = |kind: &str, start: &str| {
        text.lines().any(|line| line.starts_with("FREEBUSY") && line.contains(kind) && line.contains(start))
    };
    assert!(busy("BUSY-TENTATIVE", "20060104T150000Z/") && busy("", "20060104T190000Z/"), "{text}");
    // The RFC's answer forgets the series' fourth day and the stored free/busy; section 7.10 wants both.
    assert!(busy("", "20060105T170000Z/") && busy("BUSY-UNAVAILABLE", "20060105T100000Z/"), "{text}");
    assert!(!text.contains("SUMMARY") && text.contains("DTSTART:20060104T140000Z"));
}

#[tokio::test]
async fn s7_8_a_range_before_the_first_date_is_refused_by_its_precondition() {
    let door = appendix_b().await;
    let expand = |range: &str| {
        format!(
            "<c:calendar-query><d:prop><c:calendar-data><c:expand {range}/></c:calendar-data></d:prop>\
             <c:filter><c:comp-filter name='VCALENDAR'/></c:filter></c:calendar-query>"
        )
    };
    let query = |range: &str| {
        format!(
            "<c:calendar-query><d:prop><d:getetag/></d:prop><c:filter><c:comp-filter name='VCALENDAR'>\
             <c:comp-filter name='VEVENT'><c:time-range {range}/></c:comp-filter></c:comp-filter></c:filter>\
             </c:calendar-query>"
        )
    };
    let busy = |range: &str| format!("<c:free-busy-query><c:time-range {range}/></c:free-busy-query>");
    let before = "start='18000101T000000Z' end='18991231T235959Z'";
    for body in [expand(before), query(before), busy(before), query("end='18991231T235959Z'")] {
        door.report("ada", WORK, 1, &body).await.refused(403, "min-date-time");
    }
    // Start *or* end: what begins or ends beyond the dates, or is open, is answered.
    for range in [
        "start='00010101T000000Z'",
        "end='20500101T000000Z'",
        "start='18000101T000000Z' end='99991231T235959Z'",
    ] {
        let found = door.report("ada", WORK, 1, &query(range)).await.multistatus();
        assert_eq!(names(&found), ["abcd1.ics", "abcd2.ics", "abcd3.ics"], "{range}");
    }
    door.report("ada", WORK, 1, &query("start='99980101T000000Z' end='99981231T235959Z'")).await.is(207);
}
