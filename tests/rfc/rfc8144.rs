//! RFC 8144 (Prefer in WebDAV): sections 2.1 to 2.3, 3 and 4.

use crate::dav::door::{Door, NS, event};

const DEFAULT: &str = "/dav/calendars/ada/default/";
const MINIMAL: &str = "Prefer: return=minimal";

#[tokio::test]
async fn s2_1_reports_leave_the_404_out_as_well() {
    let door = Door::open().await;
    door.put("ada", &format!("{DEFAULT}a.ics"), &event("1", 5, "A")).await;
    let body = format!(
        "<d:sync-collection {NS}><d:sync-token/><d:sync-level>1</d:sync-level><d:prop><d:getetag/><x:a/></d:prop></d:sync-collection>"
    );
    let found = door.ask("ada", "REPORT", DEFAULT, &["Depth: 0", MINIMAL], body).await.multistatus();
    assert_eq!(found.responses()[0].propstats().map(|(status, _)| status).collect::<Vec<_>>(), [200]);
}

#[tokio::test]
async fn s2_2_and_s2_3_success_without_a_body() {
    let door = Door::open().await;
    let set = format!("<d:propertyupdate {NS}><d:set><d:prop><x:a/></d:prop></d:set></d:propertyupdate>");
    let done = door.ask("ada", "PROPPATCH", DEFAULT, &[MINIMAL], set).await;
    assert_eq!((done.status, done.body.as_str()), (204, ""));
    let made = door.ask("ada", "MKCALENDAR", "/dav/calendars/ada/x/", &[MINIMAL], "").await;
    assert_eq!((made.status, made.body.as_str()), (201, ""));
}

#[tokio::test]
async fn s3_1_and_s3_2_representation_of_what_is_stored() {
    let door = Door::open().await;
    let at = format!("{DEFAULT}a.ics");
    let text = event("1", 5, "A");
    let put = async |condition: &str| {
        door.ask("ada", "PUT", &at, &["Prefer: return=representation", condition], text.clone()).await
    };
    let made = put("If-None-Match: *").await;
    assert_eq!((made.status, made.body == text), (201, true));
    let failed = put("If-None-Match: *").await;
    assert_eq!((failed.status, failed.body == text), (412, true));
    assert_eq!(failed.header("etag"), made.header("etag"));
}

#[tokio::test]
async fn s4_depth_noroot() {
    let door = Door::open().await;
    let found =
        door.ask("ada", "PROPFIND", "/dav/calendars/ada/", &["Depth: 1", "Prefer: depth-noroot"], "").await;
    assert_eq!(found.multistatus().hrefs(), [DEFAULT, "/dav/calendars/ada/tasks/"]);
}
