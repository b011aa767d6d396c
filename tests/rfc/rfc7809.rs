//! RFC 7809 (time zones by reference): sections 3.1.1 to 3.1.6, 5.1, 5.2 and 7.1.

use crate::dav::door::{Door, NS, calendar};
use crate::support::server::Server;

const DEFAULT: &str = "/dav/calendars/ada/default/";
const C: &str = "urn:ietf:params:xml:ns:caldav";
/// The zones of a text, and not a word of their rules: what a client of this RFC sends.
const BARE: &str = "BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260706T100000\n\
    DTEND;TZID=Europe/Berlin:20260706T110000\nRRULE:FREQ=WEEKLY\nSUMMARY:M. Keller\nEND:VEVENT";
const OWN: &str = "BEGIN:VTIMEZONE\nTZID:Practice\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\n\
    TZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n";
const BERLIN: &str = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nX-OURS:kept\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
    TZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n";
const WITH: &str = "CalDAV-Timezones: T";
const WITHOUT: &str = "CalDAV-Timezones: F";

/// A text with both definitions, of which one is everybody's.
fn full() -> String {
    calendar(&format!("{BERLIN}{OWN}{}", BARE.replace("DTEND;TZID=Europe/Berlin", "DTEND;TZID=Practice")))
}

async fn two() -> (Door, [String; 2]) {
    let door = Door::open().await;
    let texts = [calendar(BARE), full().replace("UID:1", "UID:2")];
    for (name, text) in ["bare", "full"].iter().zip(&texts) {
        door.put("ada", &format!("{DEFAULT}{name}.ics"), text).await;
    }
    (door, texts)
}

#[tokio::test]
async fn s3_1_1_options_of_home_and_calendar_say_so() {
    let server = Server::start().await;
    for path in ["/dav/calendars/ada/", DEFAULT] {
        let reply = server.stranger().ask("OPTIONS", path, &[], "").await;
        let classes: Vec<&str> = reply.header("dav").unwrap().split(',').map(str::trim).collect();
        assert!(classes.contains(&"calendar-no-timezone"), "{classes:?}");
    }
}

#[tokio::test]
async fn s5_1_the_home_names_a_service_that_answers() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let body = format!("<d:propfind {NS}><d:prop><c:timezone-service-set/></d:prop></d:propfind>");
    let home = ada.ask("PROPFIND", "/dav/calendars/ada/", &[("Depth", "0")], &body).await.text();
    let href = home.split("<c:timezone-service-set><d:href>").nth(1).unwrap().split('<').next().unwrap();
    for action in ["capabilities", "zones/Europe%2FBerlin"] {
        assert_eq!(server.stranger().get(&format!("{href}/{action}")).await.status, 200, "{href}");
    }
    let all = format!("<d:propfind {NS}><d:allprop/></d:propfind>");
    let all = ada.ask("PROPFIND", "/dav/calendars/ada/", &[("Depth", "1")], &all).await.text();
    assert!(!all.contains("timezone-service-set") && !all.contains("calendar-timezone-id"), "{all}");
}

#[tokio::test]
async fn s3_1_3_without_the_header_bytes_are_as_sent() {
    let (door, texts) = two().await;
    for (name, text) in ["bare", "full"].iter().zip(&texts) {
        let got = door.ask("ada", "GET", &format!("{DEFAULT}{name}.ics"), &[], "").await;
        assert_eq!(&got.body, text);
        assert_eq!(got.header("vary"), Some("CalDAV-Timezones"));
    }
}

#[tokio::test]
async fn s3_1_3_get_with_and_without_zones_under_one_tag() {
    let (door, texts) = two().await;
    let get = async |name: &str, headers: &[&str]| {
        door.ask("ada", "GET", &format!("{DEFAULT}{name}.ics"), headers, "").await
    };
    for (name, text) in ["bare", "full"].iter().zip(&texts) {
        let (plain, with, without) =
            (get(name, &[]).await, get(name, &[WITH]).await, get(name, &[WITHOUT]).await);
        assert!(with.body.contains("TZID:Europe/Berlin\r\n"), "{}", with.body);
        assert!(!without.body.contains("TZID:Europe/Berlin"), "{}", without.body);
        assert_eq!(
            without.body.contains("TZID:Practice"),
            text.contains("TZID:Practice"),
            "nobody else has it"
        );
        for other in [&with, &without] {
            assert_eq!((other.status, other.header("etag")), (200, plain.header("etag")));
            assert_eq!(other.header("vary"), Some("CalDAV-Timezones"));
            let after = |text: &str| text[text.find("BEGIN:VEVENT").unwrap()..].to_owned();
            assert_eq!(after(&other.body), after(text), "all else is as sent");
        }
        let tag = format!("If-None-Match: {}", plain.header("etag").unwrap());
        assert_eq!(get(name, &[WITHOUT, &tag]).await.status, 304);
    }
    assert_eq!(get("full", &[WITH]).await.body, texts[1], "what is there is not replaced");
    let part = get("full", &[WITHOUT, "Range: bytes=0-9"]).await;
    assert_eq!((part.status, part.body.len() > 10), (200, true), "no part of what is not under the tag");
    let head = door.ask("ada", "HEAD", &format!("{DEFAULT}full.ics"), &[WITHOUT], "").await;
    let length = get("full", &[WITHOUT]).await.body.len().to_string();
    assert_eq!(head.header("content-length"), Some(length.as_str()));
}

#[tokio::test]
async fn s3_1_3_what_is_added_covers_the_object_and_is_right() {
    let (door, _) = two().await;
    let with = door.ask("ada", "GET", &format!("{DEFAULT}bare.ics"), &[WITH], "").await.body;
    assert!(with.contains("BEGIN:DAYLIGHT\r\nDTSTART:20260329T020000\r\n"), "{with}");
    assert_eq!(with.matches("RRULE:FREQ=YEARLY").count(), 2, "{with}");
}

#[tokio::test]
async fn s3_1_3_every_report_obeys() {
    let (door, _) = two().await;
    let prop = "<d:prop><d:getetag/><c:calendar-data/></d:prop>";
    let query = format!(
        "<c:calendar-query {NS}>{prop}<c:filter><c:comp-filter name='VCALENDAR'/></c:filter></c:calendar-query>"
    );
    let multiget = format!(
        "<c:calendar-multiget {NS}>{prop}<d:href>{DEFAULT}bare.ics</d:href><d:href>{DEFAULT}full.ics</d:href></c:calendar-multiget>"
    );
    let sync = format!(
        "<d:sync-collection {NS}><d:sync-token/><d:sync-level>1</d:sync-level>{prop}</d:sync-collection>"
    );
    for body in [query, multiget, sync] {
        let depth = if body.contains("sync-level") { "Depth: 0" } else { "Depth: 1" };
        let zones = async |header: Option<&str>| {
            let headers: Vec<&str> = [depth].into_iter().chain(header).collect();
            let reply = door.ask("ada", "REPORT", DEFAULT, &headers, body.clone()).await;
            assert_eq!(
                (reply.status, reply.header("vary")),
                (207, Some("CalDAV-Timezones")),
                "{}",
                reply.body
            );
            (reply.body.matches("TZID:Europe/Berlin").count(), reply.body.matches("TZID:Practice").count())
        };
        assert_eq!(zones(None).await, (1, 1), "{body}");
        assert_eq!(zones(Some(WITH)).await, (2, 1), "{body}");
        assert_eq!(zones(Some(WITHOUT)).await, (0, 1), "{body}");
    }
}

#[tokio::test]
async fn s3_1_3_parts_of_a_text_obey_too() {
    let (door, _) = two().await;
    let ask = async |data: &str, header: &str| {
        let body = format!(
            "<c:calendar-multiget {NS}><d:prop>{data}</d:prop><d:href>{DEFAULT}bare.ics</d:href></c:calendar-multiget>"
        );
        door.ask("ada", "REPORT", DEFAULT, &["Depth: 1", header], body).await.is(207).body.clone()
    };
    let span = "start='20260701T000000Z' end='20260801T000000Z'";
    let limited = format!("<c:calendar-data><c:limit-recurrence-set {span}/></c:calendar-data>");
    assert!(ask(&limited, WITH).await.contains("TZID:Europe/Berlin"));
    let expanded = ask(&format!("<c:calendar-data><c:expand {span}/></c:calendar-data>"), WITH).await;
    assert!(expanded.contains("DTSTART:20260706T080000Z") && !expanded.contains("VTIMEZONE"), "{expanded}");
}

#[tokio::test]
async fn s7_1_another_value_of_the_header_is_refused_before_anything_is_stored() {
    let door = Door::open().await;
    let at = format!("{DEFAULT}x.ics");
    let wrong = "CalDAV-Timezones: maybe";
    door.ask("ada", "PUT", &at, &[wrong], calendar(BARE)).await.is(400);
    door.ask("ada", "GET", &at, &[], "").await.is(404);
    door.put("ada", &at, &calendar(BARE)).await;
    door.ask("ada", "GET", &at, &[wrong], "").await.is(400);
}

#[tokio::test]
async fn s3_1_4_an_object_may_come_without_the_zones_that_everybody_has() {
    let door = Door::open().await;
    let at = format!("{DEFAULT}x.ics");
    let sent = calendar(BARE);
    let put = ["CalDAV-Timezones: T", "Prefer: return=representation"];
    let made = door.ask("ada", "PUT", &at, &put, sent.clone()).await;
    assert!(made.is(201).body.contains("BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin"), "{}", made.body);
    assert_eq!(door.ask("ada", "GET", &at, &[], "").await.body, sent, "what was sent is what is kept");
    let summer = "<c:time-range start='20260713T080000Z' end='20260713T080100Z'/>";
    let query = format!(
        "<c:calendar-query><d:prop><d:getetag/></d:prop><c:filter><c:comp-filter name='VCALENDAR'>\
         <c:comp-filter name='VEVENT'>{summer}</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
    );
    assert_eq!(door.report("ada", DEFAULT, 1, &query).await.multistatus().hrefs(), [at.as_str()]);
}

#[tokio::test]
async fn s3_1_4_a_zone_that_nothing_explains_is_refused_and_never_utc() {
    let door = Door::open().await;
    for tzid in ["Practice", "Mars/Olympus", "GMT-0500", "Customized Time Zone"] {
        let text = calendar(&BARE.replace("TZID=Europe/Berlin", &format!("TZID={tzid}")));
        let at = format!("{DEFAULT}x.ics");
        door.ask("ada", "PUT", &at, &[], text.clone()).await.refused(403, "valid-timezone");
        let defined = text.replacen("BEGIN:VEVENT", &OWN.replace("Practice", tzid), 1);
        let defined = defined.replacen("END:VTIMEZONE\n", "END:VTIMEZONE\r\nBEGIN:VEVENT", 1);
        door.ask("ada", "PUT", &at, &[], defined).await.is(201);
        door.ask("ada", "DELETE", &at, &[], "").await.is(204);
    }
}

async fn set(door: &Door, inside: &str) -> crate::dav::door::Reply {
    let body = format!("<d:propertyupdate {NS}><d:set><d:prop>{inside}</d:prop></d:set></d:propertyupdate>");
    door.ask("ada", "PROPPATCH", DEFAULT, &[], body).await
}

/// CALDAV:calendar-timezone-id and CALDAV:calendar-timezone.
async fn both(door: &Door) -> (Option<String>, Option<String>) {
    let found = door.propfind("ada", DEFAULT, 0, "<c:calendar-timezone-id/><c:calendar-timezone/>").await;
    let text = |name: &str| found.responses()[0].maybe(C, name).map(|node| node.text.clone());
    (text("calendar-timezone-id"), text("calendar-timezone"))
}

#[tokio::test]
async fn s3_1_5_the_default_zone_is_one_by_name_and_by_definition() {
    let door = Door::open().await;
    assert_eq!(both(&door).await, (None, None));
    set(&door, "<c:calendar-timezone-id>America/New_York</c:calendar-timezone-id>").await.is(207);
    let (id, text) = both(&door).await;
    assert_eq!(id.as_deref(), Some("America/New_York"));
    let text = text.unwrap();
    assert!(
        text.contains("TZID:America/New_York") && ical::Zone::from_vtimezone(text.as_bytes()).is_ok(),
        "{text}"
    );
    let own = calendar(OWN);
    set(&door, &format!("<c:calendar-timezone>{own}</c:calendar-timezone>")).await.is(207);
    assert_eq!(both(&door).await.0.as_deref(), Some("Practice"));
    set(&door, "<c:calendar-timezone-id>etc/utc</c:calendar-timezone-id>").await.is(207);
    assert_eq!(both(&door).await.0.as_deref(), Some("Etc/UTC"));
    let refused = set(&door, "<c:calendar-timezone-id>America/Pittsburgh</c:calendar-timezone-id>").await;
    assert!(refused.is(207).body.contains("<c:valid-timezone/>"), "{}", refused.body);
    assert_eq!(both(&door).await.0.as_deref(), Some("Etc/UTC"));
    let remove = format!(
        "<d:propertyupdate {NS}><d:remove><d:prop><c:calendar-timezone-id/></d:prop></d:remove></d:propertyupdate>"
    );
    door.ask("ada", "PROPPATCH", DEFAULT, &[], remove).await.is(207);
    assert_eq!(both(&door).await, (None, None));
}

#[tokio::test]
async fn s3_1_6_a_query_names_its_zone() {
    let door = Door::open().await;
    let floating = BARE.replace(";TZID=Europe/Berlin", "").replace("RRULE:FREQ=WEEKLY\n", "");
    door.put("ada", &format!("{DEFAULT}f.ics"), &calendar(&floating)).await;
    // Ten o'clock on the wall is eight o'clock in Berlin's summer, and one in Tokyo.
    let hits = async |zone: &str, hour: &str| {
        let range = format!("<c:time-range start='20260706T{hour}0000Z' end='20260706T{hour}0100Z'/>");
        let query = format!(
            "<c:calendar-query><d:prop><d:getetag/></d:prop><c:filter><c:comp-filter name='VCALENDAR'>\
             <c:comp-filter name='VEVENT'>{range}</c:comp-filter></c:comp-filter></c:filter>{zone}</c:calendar-query>"
        );
        door.report("ada", DEFAULT, 1, &query).await
    };
    let tokyo = "<c:timezone-id>Asia/Tokyo</c:timezone-id>";
    assert_eq!(hits("", "08").await.multistatus().hrefs().len(), 1);
    assert_eq!(hits(tokyo, "01").await.multistatus().hrefs().len(), 1);
    assert_eq!(hits(tokyo, "08").await.multistatus().hrefs().len(), 0);
    hits("<c:timezone-id>Mars/Olympus</c:timezone-id>", "01").await.refused(403, "valid-timezone");
    let twice = format!("<c:timezone>{}</c:timezone>{tokyo}", calendar(OWN));
    hits(&twice, "01").await.is(400);
}
