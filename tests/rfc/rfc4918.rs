//! RFC 4918 (WebDAV), section by section, as far as classes 1 and 3 reach.

use crate::dav::door::{Door, event};
use crate::dav::reading::D;

const DEFAULT: &str = "/dav/calendars/ada/default/";

#[tokio::test]
async fn s8_2_a_body_that_is_not_well_formed_is_a_400() {
    let door = Door::open().await;
    door.ask("ada", "PROPFIND", DEFAULT, &["Depth: 0"], "<D:propfind xmlns:D='DAV:'><D:prop>").await.is(400);
}

#[tokio::test]
async fn s8_3_hrefs_are_absolute_paths_and_collections_end_with_a_slash() {
    let door = Door::open().await;
    let found = door.propfind("ada", "/dav/calendars/ada", 1, "<d:resourcetype/>").await;
    for response in found.responses() {
        assert!(
            response.href().starts_with("/dav/") && response.href().ends_with('/'),
            "{}",
            response.href()
        );
    }
}

#[tokio::test]
async fn s9_1_1_an_infinite_propfind_is_refused_with_its_precondition() {
    let door = Door::open().await;
    door.ask("ada", "PROPFIND", "/dav/", &["Depth: infinity"], "")
        .await
        .refused(403, "propfind-finite-depth");
}

#[tokio::test]
async fn s9_1_3_an_unknown_property_has_a_404_of_its_own() {
    let door = Door::open().await;
    let found = door.propfind("ada", DEFAULT, 0, "<d:displayname/><x:author/>").await;
    assert_eq!(found.of(DEFAULT).status_of("urn:x", "author"), Some(404));
    assert_eq!(found.of(DEFAULT).status_of(D, "displayname"), Some(200));
}

#[tokio::test]
async fn s9_2_2_proppatch_keeps_structured_values() {
    let door = Door::open().await;
    let body = "<?xml version='1.0' encoding='utf-8' ?>
        <D:propertyupdate xmlns:D='DAV:' xmlns:Z='http://ns.example.com/standards/z39.50/'>
        <D:set><D:prop><Z:Authors><Z:Author>Jim Whitehead</Z:Author><Z:Author>Roy Fielding</Z:Author></Z:Authors></D:prop></D:set>
        <D:remove><D:prop><Z:Copyright-Owner/></D:prop></D:remove></D:propertyupdate>";
    let done = door.ask("ada", "PROPPATCH", DEFAULT, &[], body).await.multistatus();
    let space = "http://ns.example.com/standards/z39.50/";
    assert_eq!(done.of(DEFAULT).status_of(space, "Authors"), Some(200));
    assert_eq!(done.of(DEFAULT).status_of(space, "Copyright-Owner"), Some(200));
    let ask = "<p:Authors xmlns:p='http://ns.example.com/standards/z39.50/'/>";
    let found = door.propfind("ada", DEFAULT, 0, ask).await;
    let authors = found.of(DEFAULT).prop(space, "Authors");
    assert_eq!(
        authors.children.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(),
        ["Jim Whitehead", "Roy Fielding"]
    );
}

#[tokio::test]
async fn s9_3_1_mkcol_over_what_is_there_and_with_a_body_nobody_knows() {
    let door = Door::open().await;
    door.ask("ada", "MKCOL", DEFAULT, &[], "").await.is(405);
    door.ask("ada", "MKCOL", "/dav/calendars/ada/x/", &["Content-Type: text/plain"], "x").await.is(415);
}

#[tokio::test]
async fn s9_7_1_put_below_nothing_is_a_409() {
    let door = Door::open().await;
    door.ask("ada", "PUT", "/dav/calendars/ada/none/a.ics", &[], event("1", 5, "A")).await.is(409);
}

#[tokio::test]
async fn s9_8_5_and_s9_9_4_status_codes_of_copy_and_move() {
    let door = Door::open().await;
    let (a, b) = (format!("{DEFAULT}a.ics"), format!("{DEFAULT}b.ics"));
    door.put("ada", &a, &event("1", 5, "A")).await;
    let go = async |method: &str, to: &str, overwrite: &str| {
        let (to, overwrite) = (format!("Destination: {to}"), format!("Overwrite: {overwrite}"));
        door.ask("ada", method, &a, &[&to, &overwrite], "").await.status
    };
    assert_eq!(go("COPY", &a, "T").await, 403);
    assert_eq!(go("COPY", "http://other.example/a.ics", "T").await, 502);
    assert_eq!(go("COPY", "/dav/calendars/ada/none/a.ics", "T").await, 409);
    assert_eq!(go("MOVE", &b, "F").await, 201);
}

#[tokio::test]
async fn s10_1_the_dav_header_names_classes_1_and_3() {
    let door = Door::open().await;
    let options = door.ask("ada", "OPTIONS", DEFAULT, &[], "").await;
    let classes: Vec<_> = options.header("dav").unwrap().split(", ").collect();
    assert!(classes.contains(&"1") && classes.contains(&"3") && !classes.contains(&"2"));
    door.ask("ada", "LOCK", DEFAULT, &[], "").await.is(405);
}

#[tokio::test]
async fn s10_4_a_list_without_locks_holds_by_its_etags() {
    let door = Door::open().await;
    let a = format!("{DEFAULT}a.ics");
    let etag = door.put("ada", &a, &event("1", 5, "A")).await;
    let put =
        async |condition: String| door.ask("ada", "PUT", &a, &[&condition], event("1", 5, "A")).await.status;
    assert_eq!(put(format!("If: (<urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2> [{etag}])")).await, 412);
    assert_eq!(put(format!("If: (Not <DAV:no-lock> [{etag}])")).await, 204);
    assert_eq!(put(format!("If: <{a}> ([{etag}])")).await, 204);
}
