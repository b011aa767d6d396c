//! RFC 7953 (availability): the inbox's property, hours as objects, and both in free/busy. Its sections 4 and 5 are
//! proven where they are computed.

use crate::dav::door::{Door, NS, Reply, calendar, event};
use crate::dav::reading::{C, D};

const INBOX: &str = "/dav/calendars/ada/inbox/";
const HOURS: &str = "/dav/calendars/ada/hours/";

fn hours(uid: &str, lines: &str) -> String {
    calendar(&format!("BEGIN:VAVAILABILITY\nUID:{uid}\nDTSTAMP:20260101T000000Z\n{lines}\nEND:VAVAILABILITY"))
}

fn workdays() -> String {
    let open = "BEGIN:AVAILABLE\nUID:b\nDTSTAMP:20260101T000000Z\nSUMMARY:Canary\n\
        DTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260105T170000\n\
        RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\nEND:AVAILABLE";
    hours("base", open)
}

async fn patch(door: &Door, who: &str, path: &str, inside: &str) -> Reply {
    let body = format!("<d:propertyupdate {NS}>{inside}</d:propertyupdate>");
    door.ask(who, "PROPPATCH", path, &[], body).await
}

fn set(text: &str) -> String {
    format!("<d:set><d:prop><c:calendar-availability>{text}</c:calendar-availability></d:prop></d:set>")
}

/// The FREEBUSY lines of one day, 5 January 2026 unless another.
async fn busy(door: &Door, who: &str, path: &str, day: u32) -> Vec<String> {
    let body = format!(
        "<c:free-busy-query><c:time-range start='202601{day:02}T000000Z' end='202601{:02}T000000Z'/></c:free-busy-query>",
        day + 1
    );
    let reply = door.report(who, path, 1, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(!reply.body.contains("Canary"), "{}", reply.body);
    let text = reply.body.replace("\r\n ", "");
    text.lines().filter(|line| line.starts_with("FREEBUSY")).map(str::to_owned).collect()
}

#[tokio::test]
async fn s7_2_1_options_names_calendar_availability() {
    let door = Door::open().await;
    let reply = door.ask("ada", "OPTIONS", "/dav/calendars/ada/", &[], "").await;
    let classes = reply.header("dav").unwrap();
    assert!(classes.contains("calendar-availability") && !classes.contains("schedule"), "{classes}");
}

#[tokio::test]
async fn s7_2_4_the_property_is_kept_as_sent() {
    let door = Door::open().await;
    let found = door.propfind("ada", INBOX, 0, "<d:resourcetype/><c:calendar-availability/><d:owner/>").await;
    let inbox = found.of(INBOX);
    let kind = inbox.prop(D, "resourcetype");
    assert!(kind.child(D, "collection").is_some() && kind.child(C, "schedule-inbox").is_some());
    assert!(kind.child(C, "calendar").is_none(), "no client shows it as a calendar");
    assert_eq!(inbox.status_of(C, "calendar-availability"), Some(404));
    // XML ends lines by LF alone; the rest is kept, odd spaces too.
    let text = format!("\n{}  ", workdays().replace("\r\n", "\n"));
    patch(&door, "ada", INBOX, &set(&text)).await.multistatus();
    let found = door.propfind("ada", INBOX, 0, "<c:calendar-availability/>").await;
    assert_eq!(found.of(INBOX).text(C, "calendar-availability"), text);
    let all = door.ask("ada", "PROPFIND", INBOX, &["Depth: 0"], "").await.is(207).body.clone();
    assert!(!all.contains("calendar-availability"), "7.2.4: not in allprop");
    let remove = "<d:remove><d:prop><c:calendar-availability/></d:prop></d:remove>";
    patch(&door, "ada", INBOX, remove).await.multistatus();
    let found = door.propfind("ada", INBOX, 0, "<c:calendar-availability/>").await;
    assert_eq!(found.of(INBOX).status_of(C, "calendar-availability"), Some(404));
}

#[tokio::test]
async fn s7_2_4_exactly_one_vavailability_and_nothing_else() {
    let door = Door::open().await;
    let two = format!("{}{}", &workdays()[..workdays().len() - 15], &hours("base", "")[60..]);
    let far = hours("x", "BEGIN:AVAILABLE\nUID:y\nDTSTART;TZID=No/Where:20260101T000000\nEND:AVAILABLE");
    for bad in ["nonsense", &event("a", 5, "x"), &two, &far, &calendar("")] {
        let done = patch(&door, "ada", INBOX, &set(bad)).await.multistatus();
        assert_eq!(done.of(INBOX).status_of(C, "calendar-availability"), Some(403), "{bad}");
        assert!(done.of(INBOX).0.all(D, "propstat").any(|one| {
            one.child(D, "error").is_some_and(|error| error.child(C, "valid-calendar-data").is_some())
        }));
    }
    let large = hours("x", &format!("DESCRIPTION:{}", "x".repeat(70_000)));
    let done = patch(&door, "ada", INBOX, &set(&large)).await.multistatus();
    assert_eq!(done.of(INBOX).status_of(C, "calendar-availability"), Some(507));
    // It lives on the inbox and nowhere else.
    for path in ["/dav/calendars/ada/default/", "/dav/calendars/ada/", "/dav/principals/ada/"] {
        let done = patch(&door, "ada", path, &set(&workdays())).await.multistatus();
        assert_eq!(done.of(path).status_of(C, "calendar-availability"), Some(403), "{path}");
    }
}

#[tokio::test]
async fn the_inbox_is_its_owner_s_alone_and_no_calendar() {
    let door = Door::open().await;
    patch(&door, "ada", INBOX, &set(&workdays())).await.multistatus();
    door.share("bob", Some(kalends::calendar::ShareAs::Write)).await;
    door.ask("bob", "PROPFIND", INBOX, &["Depth: 0"], "").await.is(404);
    patch(&door, "bob", INBOX, &set(&workdays())).await.is(404);
    // Nothing leads a client to it while no messages are taken.
    let found = door
        .propfind("ada", "/dav/principals/ada/", 0, "<c:schedule-inbox-URL/><c:schedule-outbox-URL/>")
        .await;
    let principal = found.of("/dav/principals/ada/");
    assert_eq!(principal.status_of(C, "schedule-inbox-URL"), Some(404));
    assert_eq!(principal.status_of(C, "schedule-outbox-URL"), Some(404));
    let listed =
        door.ask("ada", "PROPFIND", "/dav/calendars/ada/", &["Depth: 1"], "").await.is(207).body.clone();
    assert!(!listed.contains("/inbox/"), "{listed}");
    for (method, path) in [
        ("MKCALENDAR", INBOX),
        ("MKCOL", INBOX),
        ("DELETE", INBOX),
        ("PUT", "/dav/calendars/ada/inbox/a.ics"),
    ] {
        let body = if method == "PUT" { event("a", 5, "x") } else { String::new() };
        let reply = door.ask("ada", method, path, &[], body).await;
        assert!((400..500).contains(&reply.status), "{method} {}", reply.status);
    }
    let to = "Destination: https://cal.example.org/dav/calendars/ada/inbox/";
    let moved = door.ask("ada", "MOVE", "/dav/calendars/ada/tasks/", &[to], "").await;
    assert!((400..500).contains(&moved.status), "{}", moved.status);
}

#[tokio::test]
async fn s7_2_3_hours_in_calendars_and_of_the_owner_close_time() {
    let door = Door::open().await;
    door.put("ada", "/dav/calendars/ada/default/a.ics", &event("a", 5, "x")).await;
    let make = format!(
        "<c:mkcalendar {NS}><d:set><d:prop><c:supported-calendar-component-set><c:comp name='VAVAILABILITY'/>\
         </c:supported-calendar-component-set></d:prop></d:set></c:mkcalendar>"
    );
    door.ask("ada", "MKCALENDAR", HOURS, &[], make).await.is(201);
    door.ask("ada", "PUT", "/dav/calendars/ada/default/h.ics", &[], workdays()).await.is(403);
    let home = "/dav/calendars/ada/";
    let meeting = "FREEBUSY:20260105T100000Z/20260105T110000Z";
    assert_eq!(busy(&door, "ada", home, 5).await, [meeting]);
    patch(&door, "ada", INBOX, &set(&workdays())).await.multistatus();
    let night = "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260105T000000Z/20260105T080000Z,20260105T160000Z/20260106T000000Z";
    assert_eq!(busy(&door, "ada", home, 5).await, [meeting, night]);
    assert_eq!(
        busy(&door, "ada", "/dav/calendars/ada/default/", 5).await,
        [meeting],
        "the inbox counts for the person"
    );
    // The day is closed by an override of its own; the calendar that holds it says so for itself as well.
    let closed =
        hours("c", "PRIORITY:5\nBUSYTYPE:BUSY-TENTATIVE\nDTSTART:20260105T000000Z\nDTEND:20260106T000000Z");
    door.put("ada", &format!("{HOURS}c.ics"), &closed).await;
    let tentative = "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260105T000000Z/20260106T000000Z";
    assert_eq!(busy(&door, "ada", HOURS, 5).await, [tentative]);
    let rest =
        "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260105T000000Z/20260105T100000Z,20260105T110000Z/20260106T000000Z";
    assert_eq!(busy(&door, "ada", home, 5).await, [meeting, rest]);
    // Saturday is closed by the base alone.
    assert_eq!(
        busy(&door, "ada", home, 10).await,
        ["FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260110T000000Z/20260111T000000Z"]
    );
    // Who may ask for one calendar of hers gets her hours with it, and not what stands in the others.
    door.share("bob", Some(kalends::calendar::ShareAs::Busy)).await;
    assert_eq!(busy(&door, "bob", home, 5).await, [meeting, night]);
}
