//! GET, HEAD, PUT, DELETE, OPTIONS.

use super::door::{Door, calendar, event};

const AT: &str = "/dav/calendars/ada/default/a.ics";

#[tokio::test]
async fn put_gives_a_strong_etag_and_get_the_same_bytes() {
    let door = Door::open().await;
    // Folded oddly, an unknown property, no last line end: kept as it came.
    let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n\
                DTSTART:20260105T100000Z\r\nSUM\r\n MARY:A\r\nX-ODD;a=b:c\r\nEND:VEVENT\r\nEND:VCALENDAR";
    let etag = door.put("ada", AT, text).await;
    assert!(etag.starts_with('"'), "{etag}");
    let got = door.ask("ada", "GET", AT, &[], "").await;
    assert_eq!((got.status, got.body.as_str()), (200, text));
    assert_eq!(got.header("etag"), Some(etag.as_str()));
    assert_eq!(got.header("content-type"), Some("text/calendar; charset=utf-8; component=VEVENT"));
    assert!(got.header("last-modified").is_some());
    let head = door.ask("ada", "HEAD", AT, &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), Some(text.len().to_string().as_str()));
    assert_eq!(head.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn put_says_whether_it_made_or_changed() {
    let door = Door::open().await;
    let first = door.ask("ada", "PUT", AT, &["If-None-Match: *"], event("1", 5, "A")).await;
    first.is(201);
    let again = door.ask("ada", "PUT", AT, &["If-None-Match: *"], event("1", 5, "B")).await;
    again.is(412);
    let etag = first.header("etag").unwrap();
    let changed = door.ask("ada", "PUT", AT, &[&format!("If-Match: {etag}")], event("1", 5, "C")).await;
    changed.is(204);
    assert_ne!(changed.header("etag"), Some(etag));
    let stale = door.ask("ada", "PUT", AT, &[&format!("If-Match: {etag}")], event("1", 5, "D")).await;
    stale.is(412);
    door.ask("ada", "PUT", "/dav/calendars/ada/default/none.ics", &["If-Match: *"], event("2", 5, "A"))
        .await
        .is(412);
    assert!(door.ask("ada", "GET", AT, &[], "").await.body.contains("SUMMARY:C"));
}

#[tokio::test]
async fn an_if_header_counts_by_its_tags() {
    let door = Door::open().await;
    let etag = door.put("ada", AT, &event("1", 5, "A")).await;
    let put = async |header: String, summary| {
        door.ask("ada", "PUT", AT, &[&header], event("1", 5, summary)).await.status
    };
    assert_eq!(put("If: ([\"other\"])".into(), "B").await, 412);
    assert_eq!(put("If: (<urn:uuid:1>)".into(), "B").await, 412);
    assert_eq!(
        put("If: <https://cal.example.org/dav/calendars/ada/default/b.ics> ([\"x\"])".into(), "B").await,
        412
    );
    assert_eq!(put("If: nonsense".into(), "B").await, 400);
    assert_eq!(put(format!("If: (<urn:uuid:1>) ([{etag}] Not <urn:uuid:1>)"), "B").await, 204);
}

#[tokio::test]
async fn conditions_and_ranges_of_get() {
    let door = Door::open().await;
    let text = event("1", 5, "A");
    let etag = door.put("ada", AT, &text).await;
    let same = door.ask("ada", "GET", AT, &[&format!("If-None-Match: {etag}")], "").await;
    assert_eq!((same.status, same.body.as_str()), (304, ""));
    assert_eq!(same.header("etag"), Some(etag.as_str()));
    door.ask("ada", "GET", AT, &["If-Match: \"other\""], "").await.is(412);
    let old = "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT";
    for method in ["GET", "PUT", "DELETE"] {
        door.ask("ada", method, AT, &[old], if method == "PUT" { text.clone() } else { String::new() })
            .await
            .is(412);
    }
    let part = door.ask("ada", "GET", AT, &["Range: bytes=6-14"], "").await;
    assert_eq!((part.status, part.body.as_str()), (206, "VCALENDAR"));
    assert_eq!(part.header("content-range"), Some(format!("bytes 6-14/{}", text.len()).as_str()));
    door.ask("ada", "GET", AT, &["Range: bytes=99999-"], "").await.is(416);
    door.ask("ada", "GET", AT, &["Range: bytes=0-1", "If-Range: \"other\""], "").await.is(200);
}

#[tokio::test]
async fn prefer_representation_brings_what_is_stored() {
    let door = Door::open().await;
    let text = event("1", 5, "A");
    let made = door.ask("ada", "PUT", AT, &["Prefer: return=representation"], text.clone()).await;
    assert_eq!((made.status, made.body.as_str()), (201, text.as_str()));
    assert_eq!(made.header("preference-applied"), Some("return=representation"));
    assert_eq!(made.header("content-location"), Some(AT));
    let conflict = door
        .ask("ada", "PUT", AT, &["Prefer: return=representation", "If-None-Match: *"], event("1", 6, "B"))
        .await;
    assert_eq!((conflict.status, conflict.body.as_str()), (412, text.as_str()));
    assert_eq!(conflict.header("etag"), made.header("etag"));
}

#[tokio::test]
async fn what_is_no_calendar_object_is_refused_by_its_precondition() {
    let door = Door::open().await;
    let put = async |headers: &[&str], text: String| door.ask("ada", "PUT", AT, headers, text).await;
    put(&["Content-Type: text/plain"], event("1", 5, "A")).await.refused(403, "supported-calendar-data");
    put(&[], "hello".into()).await.refused(403, "valid-calendar-data");
    put(&[], calendar("METHOD:REQUEST")).await.refused(403, "valid-calendar-object-resource");
    let method = event("1", 5, "A").replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:PUBLISH");
    put(&[], method).await.refused(403, "valid-calendar-object-resource");
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n".to_owned();
    let refused = put(&[], card).await;
    assert_eq!(refused.status, 403);
    let todo = calendar("BEGIN:VTODO\nUID:t\nDTSTAMP:20260101T000000Z\nEND:VTODO");
    put(&[], todo).await.refused(403, "supported-calendar-component");
    let huge = event("1", 5, &"x".repeat((1 << 20) + 1));
    put(&[], huge).await.refused(403, "max-resource-size");
    put(&["Content-Range: bytes 0-1/2"], event("1", 5, "A")).await.is(400);
    assert_eq!(door.ask("ada", "GET", AT, &[], "").await.status, 404);
}

#[tokio::test]
async fn a_uid_stands_once_in_a_calendar_and_the_refusal_says_where() {
    let door = Door::open().await;
    door.put("ada", "/dav/calendars/ada/default/first%20one.ics", &event("1", 5, "A")).await;
    let refused = door.ask("ada", "PUT", AT, &[], event("1", 6, "B")).await;
    refused.refused(403, "no-uid-conflict");
    assert_eq!(refused.error()[0].hrefs(), ["/dav/calendars/ada/default/first%20one.ics"]);
}

#[tokio::test]
async fn put_where_nothing_can_stand() {
    let door = Door::open().await;
    let put = async |path: &str| door.ask("ada", "PUT", path, &[], event("1", 5, "A")).await.status;
    assert_eq!(put("/dav/calendars/ada/none/a.ics").await, 409);
    assert_eq!(put("/dav/calendars/ada/default/a/b.ics").await, 409);
    assert_eq!(put("/dav/calendars/ada/default/").await, 405);
    assert_eq!(put("/dav/principals/ada/").await, 405);
    assert_eq!(put("/dav/").await, 405);
}

#[tokio::test]
async fn delete_is_final_and_conditional() {
    let door = Door::open().await;
    let etag = door.put("ada", AT, &event("1", 5, "A")).await;
    door.ask("ada", "DELETE", AT, &["If-Match: \"other\""], "").await.is(412);
    door.ask("ada", "DELETE", AT, &[&format!("If-Match: {etag}")], "").await.is(204);
    door.ask("ada", "DELETE", AT, &[], "").await.is(404);
    door.ask("ada", "GET", AT, &[], "").await.is(404);
    door.ask("ada", "DELETE", "/dav/calendars/ada/", &[], "").await.is(405);
}

#[tokio::test]
async fn a_calendar_is_deleted_made_and_deleted_again() {
    let door = Door::open().await;
    for round in 0..3 {
        door.ask("ada", "MKCALENDAR", "/dav/calendars/ada/x/", &[], "").await.is(201);
        door.put("ada", "/dav/calendars/ada/x/a.ics", &event("1", 5, &round.to_string())).await;
        door.ask("ada", "DELETE", "/dav/calendars/ada/x/", &["Depth: 0"], "").await.is(400);
        door.ask("ada", "DELETE", "/dav/calendars/ada/x/", &["If-None-Match: *"], "").await.is(412);
        door.ask("ada", "DELETE", "/dav/calendars/ada/x/", &["Depth: infinity"], "").await.is(204);
        door.ask("ada", "GET", "/dav/calendars/ada/x/a.ics", &[], "").await.is(404);
    }
    door.ask("ada", "DELETE", "/dav/calendars/ada/x/", &[], "").await.is(404);
}

#[tokio::test]
async fn options_says_what_can_be_done_and_never_promises_scheduling() {
    let door = Door::open().await;
    for (path, allow) in [
        (AT, "OPTIONS, GET, HEAD, PUT, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, REPORT"),
        (
            "/dav/calendars/ada/default/",
            "OPTIONS, GET, HEAD, DELETE, MOVE, PROPFIND, PROPPATCH, MKCOL, MKCALENDAR, REPORT",
        ),
        ("/dav/calendars/nobody/", "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, REPORT"),
        ("/", "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, REPORT"),
    ] {
        let ask = kalends::edge::Ask::new(http::Method::OPTIONS, path, Default::default(), "");
        let answer = door.dav.options(&ask);
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["allow"], allow, "{path}");
        assert_eq!(
            answer.headers()["dav"],
            "1, 3, access-control, extended-mkcol, calendar-access, calendar-no-timezone, calendar-availability"
        );
        assert_eq!(door.ask("ada", "OPTIONS", path, &[], "").await.header("allow"), Some(allow));
    }
}

#[tokio::test]
async fn a_browser_is_told_what_this_address_is_for() {
    let door = Door::open().await;
    for path in ["/", "/dav/", "/dav/principals/ada/", "/dav/calendars/ada/", "/dav/calendars/ada/default/"] {
        let page = door.ask("ada", "GET", path, &[], "").await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    door.ask("ada", "GET", "/dav/calendars/ada/none/", &[], "").await.is(404);
}
