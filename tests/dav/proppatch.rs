//! PROPPATCH: live and dead, all or none.

use super::door::{Door, NS, event};
use super::reading::{A, C, D};

const DEFAULT: &str = "/dav/calendars/ada/default/";

async fn patch(door: &Door, path: &str, headers: &[&str], inside: &str) -> super::door::Reply {
    let body = format!("<d:propertyupdate {NS}>{inside}</d:propertyupdate>");
    door.ask("ada", "PROPPATCH", path, headers, body).await
}

fn set(props: &str) -> String {
    format!("<d:set><d:prop>{props}</d:prop></d:set>")
}

#[tokio::test]
async fn live_properties_are_set_and_removed() {
    let door = Door::open().await;
    let props = "<d:displayname>Besuche &amp; mehr</d:displayname><a:calendar-color>#FF2968FF</a:calendar-color>\
        <a:calendar-order>3</a:calendar-order><c:calendar-description>D</c:calendar-description>\
        <c:schedule-calendar-transp><c:transparent/></c:schedule-calendar-transp>";
    let done = patch(&door, DEFAULT, &[], &set(props)).await.multistatus();
    assert_eq!(done.of(DEFAULT).status_of(A, "calendar-color"), Some(200));
    let asked = "<d:displayname/><a:calendar-color/><a:calendar-order/><c:calendar-description/><c:schedule-calendar-transp/>";
    let found = door.propfind("ada", DEFAULT, 0, asked).await;
    let calendar = found.of(DEFAULT);
    assert_eq!(calendar.text(D, "displayname"), "Besuche & mehr");
    assert_eq!(calendar.text(A, "calendar-color"), "#FF2968FF");
    assert_eq!(calendar.text(A, "calendar-order"), "3");
    assert_eq!(calendar.text(C, "calendar-description"), "D");
    assert!(calendar.prop(C, "schedule-calendar-transp").child(C, "transparent").is_some());
    patch(&door, DEFAULT, &[], "<d:remove><d:prop><a:calendar-color/><d:displayname/></d:prop></d:remove>")
        .await
        .is(207);
    let found = door.propfind("ada", DEFAULT, 0, asked).await;
    assert_eq!(found.of(DEFAULT).status_of(A, "calendar-color"), Some(404));
}

#[tokio::test]
async fn one_protected_property_stops_all_others() {
    let door = Door::open().await;
    let props = "<d:displayname>New</d:displayname><d:getetag>x</d:getetag><x:mark/>";
    let done = patch(&door, DEFAULT, &[], &set(props)).await.multistatus();
    let calendar = done.of(DEFAULT);
    assert_eq!(calendar.status_of(D, "displayname"), Some(424));
    assert_eq!(calendar.status_of("urn:x", "mark"), Some(424));
    assert_eq!(calendar.status_of(D, "getetag"), Some(403));
    let propstat = calendar.0.all(D, "propstat").find(|one| one.child(D, "error").is_some()).unwrap();
    assert!(propstat.at(&[(D, "error"), (D, "cannot-modify-protected-property")]).children.is_empty());
    let found = door.propfind("ada", DEFAULT, 0, "<d:displayname/><x:mark/>").await;
    assert_ne!(found.of(DEFAULT).maybe(D, "displayname").map(|name| name.text.as_str()), Some("New"));
    assert_eq!(found.of(DEFAULT).status_of("urn:x", "mark"), Some(404));
    for protected in [
        "<c:supported-calendar-component-set><c:comp name='VTODO'/></c:supported-calendar-component-set>",
        "<d:resourcetype/>",
        "<d:sync-token/>",
        "<d:acl/>",
    ] {
        let done = patch(&door, DEFAULT, &[], &set(protected)).await.multistatus();
        assert_eq!(done.of(DEFAULT).propstats().next().unwrap().0, 403, "{protected}");
    }
}

#[tokio::test]
async fn a_bad_time_zone_is_refused_by_its_precondition() {
    let door = Door::open().await;
    let done = patch(&door, DEFAULT, &[], &set("<c:calendar-timezone>no zone</c:calendar-timezone>"))
        .await
        .multistatus();
    let propstat = &done.of(DEFAULT).0.children[1];
    assert!(propstat.at(&[(D, "error")]).child(C, "valid-calendar-data").is_some());
}

#[tokio::test]
async fn dead_properties_keep_what_they_hold() {
    let door = Door::open().await;
    let object = format!("{DEFAULT}a.ics");
    door.put("ada", &object, &event("1", 5, "A")).await;
    for path in [DEFAULT, object.as_str()] {
        let value = "<x:mark xml:lang='de' x:k='&lt;1'>a<y xmlns='urn:y'>&#233;&amp;</y>b</x:mark>";
        patch(&door, path, &[], &set(value)).await.is(207);
        let found = door.propfind("ada", path, 0, "<x:mark/><x:other/>").await;
        let mark = found.of(path).prop("urn:x", "mark");
        assert_eq!(mark.text, "ab");
        assert_eq!(mark.at(&[("urn:y", "y")]).text, "é&");
        assert!(mark.attributes.iter().any(|(name, value)| name == "xml:lang" && value == "de"));
        assert_eq!(found.of(path).status_of("urn:x", "other"), Some(404));
    }
    // In a listing each object shows its own.
    let list = door.propfind("ada", DEFAULT, 1, "<x:mark/>").await;
    assert_eq!(list.of(&object).text("urn:x", "mark"), "ab");
    patch(&door, &object, &[], "<d:remove><d:prop><x:mark/><x:never/></d:prop></d:remove>").await.is(207);
    let found = door.propfind("ada", &object, 0, "<x:mark/>").await;
    assert_eq!(found.of(&object).status_of("urn:x", "mark"), Some(404));
}

#[tokio::test]
async fn minimal_success_has_no_body_and_minimal_failure_has_one() {
    let door = Door::open().await;
    let minimal = &["Prefer: return=minimal"];
    patch(&door, DEFAULT, minimal, &set("<a:calendar-order>1</a:calendar-order>")).await.is(204);
    patch(&door, DEFAULT, minimal, &set("<d:getetag/>")).await.is(207);
    patch(&door, DEFAULT, &[], "").await.is(400);
    door.ask("ada", "PROPPATCH", DEFAULT, &[], "").await.is(400);
    patch(&door, "/dav/calendars/ada/none/", &[], &set("<x:a/>")).await.is(404);
    patch(&door, "/dav/principals/ada/", &[], &set("<d:displayname>x</d:displayname>")).await.is(207);
}
