//! MKCALENDAR and MKCOL.

use super::door::{Door, NS};
use super::reading::{A, C, D, parse};

const NEW: &str = "/dav/calendars/ada/new/";

async fn make(door: &Door, method: &str, path: &str, props: &str) -> super::door::Reply {
    let space = if method == "MKCOL" { "d:mkcol" } else { "c:mkcalendar" };
    let body = format!("<{space} {NS}><d:set><d:prop>{props}</d:prop></d:set></{space}>");
    door.ask("ada", method, path, &["Content-Type: application/xml"], body).await
}

#[tokio::test]
async fn mkcalendar_makes_a_calendar_with_its_properties() {
    let door = Door::open().await;
    let props = "<d:displayname>Praxis</d:displayname><a:calendar-color>#112233</a:calendar-color>\
        <c:supported-calendar-component-set><c:comp name='VTODO'/></c:supported-calendar-component-set><x:mark>1</x:mark>";
    let made = make(&door, "MKCALENDAR", NEW, props).await;
    made.is(201);
    assert_eq!(made.header("cache-control"), Some("no-cache"));
    let asked =
        "<d:displayname/><a:calendar-color/><c:supported-calendar-component-set/><d:resourcetype/><x:mark/>";
    let found = door.propfind("ada", NEW, 0, asked).await;
    let calendar = found.of(NEW);
    assert!(calendar.is_calendar());
    assert_eq!(calendar.text(D, "displayname"), "Praxis");
    assert_eq!(calendar.text(A, "calendar-color"), "#112233");
    assert_eq!(calendar.text("urn:x", "mark"), "1");
    assert_eq!(
        calendar.prop(C, "supported-calendar-component-set").children[0].attribute("name"),
        Some("VTODO")
    );
    make(&door, "MKCALENDAR", NEW, props).await.refused(403, "resource-must-be-null");
    make(&door, "MKCOL", NEW, props).await.is(405);
}

#[tokio::test]
async fn one_bad_property_makes_nothing() {
    let door = Door::open().await;
    let failed =
        make(&door, "MKCALENDAR", NEW, "<d:displayname>A</d:displayname><d:getetag/>").await.multistatus();
    assert_eq!(failed.of(NEW).status_of(D, "displayname"), Some(424));
    assert_eq!(failed.of(NEW).status_of(D, "getetag"), Some(403));
    let odd =
        "<c:supported-calendar-component-set><c:comp name='VCARD'/></c:supported-calendar-component-set>";
    let failed = make(&door, "MKCALENDAR", NEW, odd).await.multistatus();
    assert_eq!(failed.of(NEW).propstats().next().unwrap().0, 403);
    let zone = "<c:calendar-timezone>x</c:calendar-timezone>";
    make(&door, "MKCALENDAR", NEW, zone).await.is(207);
    door.ask("ada", "PROPFIND", NEW, &["Depth: 0"], "").await.is(404);
}

#[tokio::test]
async fn extended_mkcol_makes_calendars_only() {
    let door = Door::open().await;
    let kind = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>";
    make(&door, "MKCOL", NEW, &format!("{kind}<d:displayname>A</d:displayname>")).await.is(201);
    assert!(door.propfind("ada", NEW, 0, "<d:resourcetype/>").await.of(NEW).is_calendar());
    let other = "/dav/calendars/ada/other/";
    let plain = "<d:resourcetype><d:collection/></d:resourcetype>";
    make(&door, "MKCOL", other, plain).await.refused(403, "valid-resourcetype");
    let special =
        "<d:resourcetype><d:collection/><x:special/></d:resourcetype><d:displayname>A</d:displayname>";
    let failed = make(&door, "MKCOL", other, special).await;
    failed.is(403);
    let root = parse(&failed.body);
    assert!(root.is(D, "mkcol-response"));
    assert_eq!(root.all(D, "propstat").count(), 2);
    assert!(failed.body.contains("valid-resourcetype") && failed.body.contains("424 Failed Dependency"));
    // Without a body: what a home holds is calendars.
    door.ask("ada", "MKCOL", other, &[], "").await.is(201);
    assert!(door.propfind("ada", other, 0, "<d:resourcetype/>").await.of(other).is_calendar());
}

#[tokio::test]
async fn where_and_how_nothing_can_be_made() {
    let door = Door::open().await;
    let ask = async |method: &str, path: &str| door.ask("ada", method, path, &[], "").await;
    ask("MKCALENDAR", "/dav/calendars/ada/default/inner/").await.is(403);
    ask("MKCALENDAR", "/dav/calendars/ada/default/inner")
        .await
        .refused(403, "calendar-collection-location-ok");
    ask("MKCOL", "/dav/calendars/ada/default/a/b/").await.refused(403, "calendar-collection-location-ok");
    ask("MKCALENDAR", "/dav/calendars/bob/new/").await.is(403);
    ask("MKCALENDAR", "/dav/calendars/ada/a~b/").await.is(403);
    ask("MKCOL", "/dav/calendars/ada/").await.is(405);
    ask("MKCALENDAR", "/dav/principals/").await.is(403);
    door.ask("ada", "MKCOL", NEW, &["Content-Type: xzy-foo/bar-512"], "afafafaf").await.is(415);
    let inside = "/dav/calendars/ada/default/inner";
    door.ask("ada", "MKCOL", inside, &["Content-Type: xzy-foo/bar-512"], "afafafaf").await.is(415);
    door.ask("ada", "MKCOL", NEW, &["Content-Type: text/xml"], "<x/>").await.is(415);
    door.ask("ada", "MKCALENDAR", NEW, &["Content-Type: text/xml"], "<x").await.is(400);
}
