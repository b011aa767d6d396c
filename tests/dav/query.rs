//! calendar-query, calendar-multiget and free-busy-query.

use super::door::{Door, calendar, event};
use super::reading::{C, D, Multistatus};

const DEFAULT: &str = "/dav/calendars/ada/default/";

fn query(prop: &str, filter: &str) -> String {
    format!(
        "<c:calendar-query><d:prop><d:getetag/>{prop}</d:prop><c:filter><c:comp-filter name='VCALENDAR'>{filter}\
         </c:comp-filter></c:filter></c:calendar-query>"
    )
}

fn events(inside: &str) -> String {
    format!("<c:comp-filter name='VEVENT'>{inside}</c:comp-filter>")
}

const JANUARY: &str = "start='20260101T000000Z' end='20260201T000000Z'";

fn names(found: &Multistatus) -> Vec<String> {
    let mut names: Vec<_> = found
        .hrefs()
        .iter()
        .map(|href| href.rsplit('/').next().unwrap().trim_end_matches(".ics").to_owned())
        .collect();
    names.sort();
    names
}

async fn ask(door: &Door, filter: &str) -> Vec<String> {
    names(&door.report("ada", DEFAULT, 1, &query("", filter)).await.multistatus())
}

/// A calendar with an event on the 5th, a weekly series since 2020 with an override, one cancelled, one with an alarm.
async fn stocked() -> Door {
    let door = Door::open().await;
    door.put("ada", &format!("{DEFAULT}single.ics"), &event("single", 5, "Grüße an Müller")).await;
    let series = calendar(
        "BEGIN:VEVENT\nUID:series\nDTSTAMP:20200101T000000Z\nDTSTART:20200106T090000Z\nDTEND:20200106T093000Z\n\
         RRULE:FREQ=WEEKLY\nSUMMARY:Weekly\nATTENDEE;PARTSTAT=NEEDS-ACTION;CN=Bo:mailto:bo@example.org\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:series\nDTSTAMP:20200101T000000Z\nRECURRENCE-ID:20260112T090000Z\n\
         DTSTART:20260114T150000Z\nDTEND:20260114T153000Z\nSUMMARY:Moved\nEND:VEVENT",
    );
    door.put("ada", &format!("{DEFAULT}series.ics"), &series).await;
    let alarmed = event("alarm", 20, "Alarm").replace(
        "END:VEVENT",
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT2H\r\nEND:VALARM\r\nEND:VEVENT",
    );
    door.put("ada", &format!("{DEFAULT}alarm.ics"), &alarmed).await;
    let free = event("free", 21, "Free")
        .replace("END:VEVENT", "TRANSP:TRANSPARENT\r\nSTATUS:CONFIRMED\r\nEND:VEVENT");
    door.put("ada", &format!("{DEFAULT}free.ics"), &free).await;
    door
}

#[tokio::test]
async fn time_ranges_find_what_happens_in_them() {
    let door = stocked().await;
    let range = async |start: &str, end: &str| {
        let end = if end.is_empty() { String::new() } else { format!(" end='{end}'") };
        ask(&door, &events(&format!("<c:time-range start='{start}'{end}/>"))).await
    };
    assert_eq!(range("20260105T000000Z", "20260106T000000Z").await, ["series", "single"]);
    assert_eq!(range("20260105T100000Z", "20260105T103000Z").await, ["single"]);
    // Half open: what ends when the range starts is not in it.
    assert_eq!(range("20260105T110000Z", "20260105T120000Z").await, [""; 0]);
    // The override moved from the 12th to the 14th.
    assert_eq!(range("20260112T000000Z", "20260113T000000Z").await, [""; 0]);
    assert_eq!(range("20260114T000000Z", "20260115T000000Z").await, ["series"]);
    assert_eq!(range("21990101T000000Z", "").await, ["series"]);
    assert_eq!(ask(&door, &events("<c:time-range end='20200106T100000Z'/>")).await, ["series"]);
    assert_eq!(ask(&door, &events("")).await, ["alarm", "free", "series", "single"]);
    assert_eq!(ask(&door, "").await, ["alarm", "free", "series", "single"]);
    assert_eq!(ask(&door, "<c:comp-filter name='VTODO'/>").await, [""; 0]);
    assert_eq!(ask(&door, "<c:comp-filter name='VTODO'><c:is-not-defined/></c:comp-filter>").await.len(), 4);
}

#[tokio::test]
async fn texts_properties_and_parameters_are_filtered() {
    let door = stocked().await;
    let prop = async |filter: &str| ask(&door, &events(filter)).await;
    let text = |text: &str, more: &str| {
        format!("<c:prop-filter name='SUMMARY'><c:text-match {more}>{text}</c:text-match></c:prop-filter>")
    };
    assert_eq!(prop(&text("gr", "")).await, ["single"]);
    assert_eq!(prop(&text("GRÜSSE", "")).await, [""; 0]);
    assert_eq!(prop(&text("m\u{fc}ller", "")).await, ["single"]);
    assert_eq!(prop(&text("MOVED", "collation='i;ascii-casemap'")).await, ["series"]);
    assert_eq!(prop(&text("moved", "collation='i;octet'")).await, [""; 0]);
    assert_eq!(prop(&text("e", "negate-condition='yes'")).await, ["alarm"]);
    assert_eq!(prop("<c:prop-filter name='RRULE'/>").await, ["series"]);
    // An override without a rule satisfies it, too: some component of the object has none.
    assert_eq!(
        prop("<c:prop-filter name='TRANSP'><c:is-not-defined/></c:prop-filter>").await,
        ["alarm", "series", "single"]
    );
    let param = |inside: &str| {
        format!(
            "<c:prop-filter name='ATTENDEE'><c:param-filter name='PARTSTAT'>{inside}</c:param-filter></c:prop-filter>"
        )
    };
    assert_eq!(prop(&param("<c:text-match>needs</c:text-match>")).await, ["series"]);
    assert_eq!(prop(&param("<c:text-match>accepted</c:text-match>")).await, [""; 0]);
    assert_eq!(prop(&param("<c:is-not-defined/>")).await, [""; 0]);
    assert_eq!(prop("<c:prop-filter name='DTSTART'><c:time-range start='20260120T000000Z' end='20260121T000000Z'/></c:prop-filter>").await, ["alarm"]);
}

#[tokio::test]
async fn alarms_are_found_when_they_ring() {
    let door = stocked().await;
    let alarm = |range: &str| {
        events(&format!("<c:comp-filter name='VALARM'><c:time-range {range}/></c:comp-filter>"))
    };
    assert_eq!(ask(&door, &alarm("start='20260120T075900Z' end='20260120T080100Z'")).await, ["alarm"]);
    assert_eq!(ask(&door, &alarm("start='20260120T090000Z' end='20260120T110000Z'")).await, [""; 0]);
    assert_eq!(ask(&door, &events("<c:comp-filter name='VALARM'/>")).await, ["alarm"]);
}

#[tokio::test]
async fn a_floating_time_is_meant_in_the_zone_of_the_query() {
    let door = Door::open().await;
    let text = event("1", 5, "A").replace("100000Z", "100000").replace("110000Z", "110000");
    door.put("ada", &format!("{DEFAULT}float.ics"), &text).await;
    let zone = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\nTZID:America/New_York\r\nBEGIN:STANDARD\r\n\
        DTSTART:19671029T020000\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n";
    let ask = async |range: &str, zone: &str| {
        let body = query("", &events(&format!("<c:time-range {range}/>")))
            .replace("</c:calendar-query>", &format!("{zone}</c:calendar-query>"));
        door.report("ada", DEFAULT, 1, &body).await
    };
    let (berlin, new_york) = (
        "start='20260105T090000Z' end='20260105T093000Z'",
        "start='20260105T150000Z' end='20260105T153000Z'",
    );
    assert_eq!(names(&ask(berlin, "").await.multistatus()), ["float"]);
    assert_eq!(names(&ask(new_york, "").await.multistatus()), [""; 0]);
    let zone = format!("<c:timezone>{zone}</c:timezone>");
    assert_eq!(names(&ask(new_york, &zone).await.multistatus()), ["float"]);
    ask(berlin, "<c:timezone>nonsense</c:timezone>").await.refused(403, "valid-calendar-data");
}

#[tokio::test]
async fn calendar_data_comes_whole_in_parts_or_expanded() {
    let door = stocked().await;
    let data = async |inside: &str| {
        let body = query(
            &format!("<c:calendar-data>{inside}</c:calendar-data>"),
            &events(&format!("<c:time-range {JANUARY}/>")),
        );
        let found = door.report("ada", DEFAULT, 1, &body).await.multistatus();
        found.of(&format!("{DEFAULT}series.ics")).text(C, "calendar-data").to_owned()
    };
    let stored = door.ask("ada", "GET", &format!("{DEFAULT}series.ics"), &[], "").await.body;
    assert_eq!(data("").await, stored);
    let expanded = data(&format!("<c:expand {JANUARY}/>")).await;
    assert!(!expanded.contains("RRULE") && expanded.matches("BEGIN:VEVENT").count() == 4, "{expanded}");
    assert!(
        expanded.contains("RECURRENCE-ID:20260105T090000Z") && expanded.contains("DTSTART:20260114T150000Z")
    );
    let limited = data("<c:limit-recurrence-set start='20260119T000000Z' end='20260120T000000Z'/>").await;
    assert!(limited.contains("RRULE") && !limited.contains("Moved"), "{limited}");
    let part = data("<c:comp name='VCALENDAR'><c:prop name='VERSION'/><c:comp name='VEVENT'><c:prop name='UID'/><c:prop name='SUMMARY' novalue='yes'/></c:comp></c:comp>").await;
    assert!(part.contains("UID:series") && !part.contains("DTSTART") && !part.contains("Weekly"), "{part}");
}

#[tokio::test]
async fn what_a_query_gets_wrong_has_a_name() {
    let door = stocked().await;
    let refused = async |body: &str, status: u16, element: &str| {
        door.report("ada", DEFAULT, 1, body).await.refused(status, element);
    };
    refused("<c:calendar-query><d:prop><d:getetag/></d:prop></c:calendar-query>", 403, "valid-filter").await;
    refused(&query("", &events("<c:time-range start='x'/>")), 403, "valid-filter").await;
    let unicode = "<c:prop-filter name='UID'><c:text-match collation='i;unicode-casemap'>a</c:text-match></c:prop-filter>";
    refused(&query("", &events(unicode)), 403, "supported-collation").await;
    refused(&query("<c:calendar-data version='1.0'/>", ""), 403, "supported-calendar-data").await;
    refused("<c:calendar-search/>", 403, "supported-report").await;
    door.report("ada", "/dav/principals/ada/", 1, &query("", "")).await.refused(403, "supported-report");
    door.report("ada", "/dav/calendars/ada/none/", 1, &query("", "")).await.is(404);
    assert_eq!(door.report("ada", DEFAULT, 0, &query("", "")).await.multistatus().responses().len(), 0);
    let one = door.report("ada", &format!("{DEFAULT}single.ics"), 0, &query("", "")).await.multistatus();
    assert_eq!(names(&one), ["single"]);
}

#[tokio::test]
async fn multiget_answers_each_href_in_its_order() {
    let door = stocked().await;
    let body = format!(
        "<c:calendar-multiget><d:prop><d:getetag/><c:calendar-data/></d:prop><d:href>{DEFAULT}single.ics</d:href>\
         <d:href>https://cal.example.org{DEFAULT}series.ics</d:href><d:href>{DEFAULT}gone%20away.ics</d:href>\
         <d:href>/dav/calendars/bob/default/x.ics</d:href><d:href>http://evil.example/a.ics</d:href><d:href>&lt;&amp;\
         </d:href><d:href>{DEFAULT}</d:href><d:href>{DEFAULT}single.ics</d:href></c:calendar-multiget>"
    );
    for path in [DEFAULT, "/dav/calendars/ada/"] {
        let found = door.report("ada", path, 1, &body).await.multistatus();
        let all = found.responses();
        let statuses: Vec<_> = all.iter().map(|one| one.status().unwrap_or(200)).collect();
        assert_eq!(statuses, [200, 200, 404, 404, 404, 404, 404, 200]);
        assert_eq!(all[1].href(), format!("{DEFAULT}series.ics"));
        assert_eq!(all[2].href(), format!("{DEFAULT}gone%20away.ics"));
        assert_eq!(all[5].href(), "<&");
        assert!(all[0].text(C, "calendar-data").contains("UID:single"));
        assert_eq!(all[0].text(D, "getetag"), all[7].text(D, "getetag"));
    }
    door.report("ada", DEFAULT, 1, "<c:calendar-multiget><d:prop/></c:calendar-multiget>").await.is(400);
}

#[tokio::test]
async fn multiget_streams_whatever_it_is_asked() {
    let door = Door::open().await;
    let text = event("1", 5, &"x".repeat(20_000));
    door.put("ada", &format!("{DEFAULT}a.ics"), &text).await;
    let hrefs = format!("<d:href>{DEFAULT}a.ics</d:href>").repeat(2_000);
    let body =
        format!("<c:calendar-multiget><d:prop><c:calendar-data/></d:prop>{hrefs}</c:calendar-multiget>");
    let found = door.report("ada", DEFAULT, 1, &body).await.multistatus();
    assert_eq!(found.responses().len(), 2_000);
    assert!(found.responses().iter().all(|one| one.text(C, "calendar-data") == text));
}

#[tokio::test]
async fn free_busy_of_a_calendar_and_of_a_home() {
    let door = stocked().await;
    let body = "<c:free-busy-query><c:time-range start='20260105T000000Z' end='20260122T000000Z'/></c:free-busy-query>";
    for path in [DEFAULT, "/dav/calendars/ada/"] {
        let busy = door.report("ada", path, 1, body).await;
        assert_eq!(busy.status, 200, "{}", busy.body);
        assert!(busy.header("content-type").unwrap().starts_with("text/calendar"));
        let text = busy.body.replace("\r\n ", "");
        for period in [
            "20260105T090000Z",
            "20260105T100000Z",
            "20260114T150000Z",
            "20260119T090000Z",
            "20260120T100000Z",
        ] {
            assert!(text.contains(&format!("{period}/")), "{period} in {text}");
        }
        assert!(!text.contains("20260112T090000Z/") && !text.contains("20260121T100000Z/"));
        assert!(!text.contains("SUMMARY"));
    }
    door.report("ada", DEFAULT, 1, "<c:free-busy-query/>").await.is(400);
    let open = "<c:free-busy-query><c:time-range start='20260105T000000Z'/></c:free-busy-query>";
    assert_eq!(door.report("ada", DEFAULT, 1, open).await.status, 403);
}

#[tokio::test]
async fn one_summary_never_breaks_an_answer() {
    let door = Door::open().await;
    let odd = "</d:multistatus>]]>&amp;<![CDATA[\u{fffd}\u{1f600}\u{200b} \"' \u{85}";
    let text = event("1", 5, odd);
    door.put("ada", &format!("{DEFAULT}a.ics"), &text).await;
    let found = door.report("ada", DEFAULT, 1, &query("<c:calendar-data/>", "")).await.multistatus();
    assert_eq!(found.of(&format!("{DEFAULT}a.ics")).text(C, "calendar-data"), text);
    // What XML cannot hold at all is refused, or stored and replaced on the way out.
    for odd in ['\u{fffe}', '\u{ffff}', '\u{b}', '\u{1}'] {
        door.ask("ada", "PUT", &format!("{DEFAULT}b.ics"), &[], event("2", 5, &format!("a{odd}b"))).await;
        door.report("ada", DEFAULT, 1, &query("<c:calendar-data/>", "")).await.multistatus();
    }
}
