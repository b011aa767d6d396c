//! COPY and MOVE.

use super::door::{Door, event};

const A: &str = "/dav/calendars/ada/default/a.ics";
const B: &str = "/dav/calendars/ada/default/b.ics";

async fn transfer(door: &Door, method: &str, from: &str, to: &str, more: &[&str]) -> super::door::Reply {
    let destination = format!("Destination: {to}");
    let headers: Vec<&str> = std::iter::once(destination.as_str()).chain(more.iter().copied()).collect();
    door.ask("ada", method, from, &headers, "").await
}

#[tokio::test]
async fn an_object_moves_within_and_between_calendars() {
    let door = Door::open().await;
    door.ask("ada", "MKCALENDAR", "/dav/calendars/ada/x/", &[], "").await.is(201);
    let text = event("1", 5, "A");
    let etag = door.put("ada", A, &text).await;
    let moved =
        transfer(&door, "MOVE", A, "https://cal.example.org/dav/calendars/ada/default/b.ics", &[]).await;
    moved.is(201);
    assert_eq!((moved.header("etag"), moved.header("location")), (Some(etag.as_str()), Some(B)));
    door.ask("ada", "GET", A, &[], "").await.is(404);
    transfer(&door, "MOVE", B, "/dav/calendars/ada/x/c.ics", &[]).await.is(201);
    let got = door.ask("ada", "GET", "/dav/calendars/ada/x/c.ics", &[], "").await;
    assert_eq!(got.body, text);
    transfer(&door, "COPY", "/dav/calendars/ada/x/c.ics", A, &[]).await.is(201);
    door.ask("ada", "GET", A, &[], "").await.is(200);
    transfer(&door, "COPY", A, B, &[]).await.refused(403, "no-uid-conflict");
}

#[tokio::test]
async fn overwrite_decides_what_happens_to_what_is_there() {
    let door = Door::open().await;
    let other = "/dav/calendars/ada/x/b.ics";
    door.ask("ada", "MKCALENDAR", "/dav/calendars/ada/x/", &[], "").await.is(201);
    door.put("ada", A, &event("1", 5, "A")).await;
    door.put("ada", B, &event("2", 5, "B")).await;
    door.put("ada", other, &event("1", 6, "C")).await;
    transfer(&door, "MOVE", A, other, &["Overwrite: F"]).await.is(412);
    transfer(&door, "MOVE", A, other, &["Overwrite: X"]).await.is(400);
    // RFC 4791 section 5.3.2.1: nothing may take the place of an object with another UID.
    transfer(&door, "MOVE", A, B, &["Overwrite: T"]).await.refused(403, "no-uid-conflict");
    transfer(&door, "MOVE", A, other, &["Overwrite: T"]).await.is(204);
    assert!(door.ask("ada", "GET", other, &[], "").await.body.contains("SUMMARY:A"));
    door.ask("ada", "GET", A, &[], "").await.is(404);
}

#[tokio::test]
async fn destinations_are_parsed_like_any_path() {
    let door = Door::open().await;
    door.put("ada", A, &event("1", 5, "A")).await;
    for (to, status) in [
        ("https://evil.example/dav/calendars/ada/default/b.ics", 502),
        ("/dav/calendars/ada/default/../../bob/default/b.ics", 400),
        ("/dav/calendars/ada/default/%2e%2e", 400),
        ("b.ics", 400),
        ("/dav/calendars/ada/none/b.ics", 409),
        ("/dav/calendars/ada/default/b/c.ics", 409),
        ("/dav/calendars/ada/default/", 403),
        ("/etc/passwd", 403),
        (A, 403),
        ("/dav/calendars/bob/default/b.ics", 409),
    ] {
        let moved = transfer(&door, "MOVE", A, to, &[]).await;
        assert_eq!(moved.status, status, "{to} {}", moved.body);
    }
    door.ask("ada", "MOVE", A, &[], "").await.is(400);
    door.ask("ada", "GET", A, &[], "").await.is(200);
    transfer(&door, "COPY", "/dav/calendars/ada/default/none.ics", B, &[]).await.is(404);
}

#[tokio::test]
async fn a_calendar_is_renamed_by_move_and_never_copied() {
    let door = Door::open().await;
    let (from, to) = ("/dav/calendars/ada/default/", "/dav/calendars/ada/visits/");
    door.put("ada", A, &event("1", 5, "A")).await;
    transfer(&door, "COPY", from, to, &[]).await.is(405);
    transfer(&door, "MOVE", from, "/dav/calendars/ada/tasks/", &["Overwrite: F"]).await.is(412);
    transfer(&door, "MOVE", from, "/dav/calendars/ada/tasks/", &[]).await.is(403);
    transfer(&door, "MOVE", from, to, &[]).await.is(201);
    door.ask("ada", "GET", "/dav/calendars/ada/visits/a.ics", &[], "").await.is(200);
    door.ask("ada", "GET", A, &[], "").await.is(404);
}
