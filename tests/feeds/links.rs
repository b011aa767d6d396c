//! One link is one right to read one calendar: no more, and no longer than it stands.

use std::io::Read;

use store::{FeedId, FeedScope};

use crate::support::{client::Reply, server::Server, text};

const VISIT: &str = "DTSTART;TZID=Europe/Berlin:20260302T090000\r\nDTEND;TZID=Europe/Berlin:20260302T100000\r\n\
                     RRULE:FREQ=WEEKLY\r\nDESCRIPTION:secret words\r\nLOCATION:Room 7\r\n";
const ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19961027T030000\r\n\
                    TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n\
                    END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:19810329T020000\r\nTZOFFSETFROM:+0100\r\n\
                    TZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n\
                    END:VTIMEZONE\r\n";

/// A server with two visits of Ada's, and a link to them.
async fn linked(scope: FeedScope) -> (Server, String, FeedId) {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for uid in ["one", "two"] {
        let object = text::object("VEVENT", uid, "M. Keller", VISIT);
        let object = object.replacen("BEGIN:VEVENT", &format!("{ZONE}BEGIN:VEVENT"), 1);
        let path = format!("/dav/calendars/ada/default/{uid}.ics");
        let reply = ada.ask("PUT", &path, &[("Content-Type", "text/calendar")], &object).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
    }
    let (id, secret) = link(&server, scope).await;
    (server, secret, id)
}

async fn link(server: &Server, scope: FeedScope) -> (FeedId, String) {
    let parts = server.parts();
    let who = parts.accounts.operator("ada").await.unwrap();
    let at = kalends::calendar::CollectionPath::new("ada", "default");
    let shown = parts.calendars.collection(&who, &at).await.unwrap();
    let (id, secret) = parts.accounts.add_feed(&who, shown.row().id, scope, "test").await.unwrap();
    (id, secret.expose().to_owned())
}

async fn fetch(server: &Server, secret: &str, headers: &[(&str, &str)]) -> Reply {
    server.stranger().ask("GET", &format!("/feeds/{secret}.ics"), headers, "").await
}

#[tokio::test]
async fn a_full_link_shows_every_event_with_its_zone_once() {
    let (server, secret, _) = linked(FeedScope::Full).await;
    let reply = fetch(&server, &secret, &[]).await;
    let text = reply.text();
    assert_eq!((reply.status, reply.whole), (200, true));
    assert!(reply.header("content-type").unwrap().starts_with("text/calendar"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    assert!(reply.header("content-disposition").unwrap().contains("default.ics"));
    for (part, times) in [
        ("BEGIN:VCALENDAR", 1),
        ("BEGIN:VTIMEZONE", 1),
        ("BEGIN:VEVENT", 2),
        ("UID:one", 1),
        ("secret words", 2),
    ] {
        assert_eq!(text.matches(part).count(), times, "{part}\n{text}");
    }
}

/// keeper.sh#413, #423: Outlook takes a zone that the feed does not define, or defines with more than one STANDARD, for UTC.
#[tokio::test]
async fn keeper_413_a_link_defines_the_zones_that_it_names() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    // As some clients send it: a zone by its name, without the definition.
    let object = text::object("VEVENT", "bare", "M. Keller", VISIT);
    let path = "/dav/calendars/ada/default/bare.ics";
    assert_eq!(ada.ask("PUT", path, &[("Content-Type", "text/calendar")], &object).await.status, 201);
    for scope in [FeedScope::Full, FeedScope::Busy] {
        let (_, secret) = link(&server, scope).await;
        let text = fetch(&server, &secret, &[]).await.text();
        assert!(text.contains("DTSTART;TZID=Europe/Berlin:20260302T090000\r\n"), "{text}");
        for (part, times) in [("\r\nTZID:Europe/Berlin", 1), ("BEGIN:STANDARD", 1), ("BEGIN:DAYLIGHT", 1)] {
            assert_eq!(text.matches(part).count(), times, "{part}\n{text}");
        }
    }
}

#[tokio::test]
async fn s6_a_busy_only_link_shows_times_and_nothing_else() {
    let (server, secret, _) = linked(FeedScope::Busy).await;
    let text = fetch(&server, &secret, &[]).await.text();
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 2, "{text}");
    assert!(text.contains("RRULE:FREQ=WEEKLY") && text.contains("BEGIN:VTIMEZONE"), "{text}");
    for hidden in ["Keller", "secret words", "Room 7", "UID:one", "UID:two"] {
        assert!(!text.contains(hidden), "{hidden}\n{text}");
    }
}

#[tokio::test]
async fn an_unchanged_calendar_is_not_sent_again() {
    let (server, secret, _) = linked(FeedScope::Full).await;
    let tag = fetch(&server, &secret, &[]).await.header("etag").unwrap().to_owned();
    let again = fetch(&server, &secret, &[("If-None-Match", &tag)]).await;
    assert_eq!((again.status, again.header("etag")), (304, Some(tag.as_str())));
    let gone = server.client("ada").ask("DELETE", "/dav/calendars/ada/default/one.ics", &[], "").await;
    assert_eq!(gone.status, 204);
    let changed = fetch(&server, &secret, &[("If-None-Match", &tag)]).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.text().matches("BEGIN:VEVENT").count(), 1);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn gzip_is_the_same_calendar_under_another_tag() {
    let (server, secret, _) = linked(FeedScope::Full).await;
    let plain = fetch(&server, &secret, &[]).await;
    let zipped = fetch(&server, &secret, &[("Accept-Encoding", "gzip")]).await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_ne!(zipped.header("etag"), plain.header("etag"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped.body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, plain.text());
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    let (server, secret, _) = linked(FeedScope::Full).await;
    let got = fetch(&server, &secret, &[]).await;
    let head = server.stranger().ask("HEAD", &format!("/feeds/{secret}.ics"), &[], "").await;
    assert_eq!((head.status, head.header("etag")), (200, got.header("etag")));
    assert_eq!(server.stranger().ask("PUT", &format!("/feeds/{secret}.ics"), &[], "x").await.status, 405);
}

#[tokio::test]
async fn s8_a_revoked_link_and_a_wrong_one_are_alike() {
    let (server, secret, id) = linked(FeedScope::Full).await;
    assert_eq!(fetch(&server, &secret, &[]).await.status, 200);
    let accounts = &server.parts().accounts;
    let who = accounts.operator("ada").await.unwrap();
    let at = kalends::calendar::CollectionPath::new("ada", "default");
    let of = server.parts().calendars.collection(&who, &at).await.unwrap().row().id;
    accounts.write_uses().await.unwrap();
    assert_eq!(accounts.feeds(&who, of).await.unwrap()[0].used_at, Some(server.clock.now()));
    accounts.revoke_feed(&who, of, id).await.unwrap();
    let revoked = fetch(&server, &secret, &[]).await;
    let wrong = fetch(&server, &"a".repeat(40), &[]).await;
    assert_eq!((revoked.status, revoked.text()), (404, wrong.text()));
    for odd in ["", "x", "../../dav", &"a".repeat(5000)] {
        assert_eq!(fetch(&server, odd, &[]).await.status, 404, "{odd}");
    }
}

#[tokio::test]
async fn a_link_ends_with_its_owner() {
    let (server, secret, _) = linked(FeedScope::Full).await;
    let accounts = &server.parts().accounts;
    let who = accounts.operator("ada").await.unwrap();
    accounts.disable_person(&who).await.unwrap();
    assert_eq!(fetch(&server, &secret, &[]).await.status, 404);
}

#[tokio::test]
async fn busy_time_of_a_window() {
    let (server, secret, _) = linked(FeedScope::Busy).await;
    let path = format!("/freebusy/{secret}?start=2026-03-02&end=2026-03-16");
    let reply = server.stranger().get(&path).await;
    let text = reply.text();
    assert_eq!(reply.status, 200, "{text}");
    assert_eq!(text.matches("BEGIN:VFREEBUSY").count(), 1, "{text}");
    for period in ["20260302T080000Z/", "20260309T080000Z/"] {
        assert!(text.contains(period), "{period}\n{text}");
    }
    assert!(!text.contains("20260316T080000Z") && !text.contains("Keller"), "{text}");
    assert_eq!(server.stranger().get(&format!("/freebusy/{secret}")).await.status, 200);
    let wrong = server.stranger().get(&format!("/freebusy/{secret}?start=soon")).await;
    assert_eq!(wrong.status, 400);
}
