//! RFC 5689 (extended MKCOL).

use crate::dav::door::Door;
use crate::dav::reading::{D, parse};

#[tokio::test]
async fn s3_5_an_unknown_type_is_told_with_valid_resourcetype() {
    let door = Door::open().await;
    let body = "<D:mkcol xmlns:D='DAV:' xmlns:E='http://example.com/ns/'><D:set><D:prop><D:resourcetype><D:collection/>\
        <E:special-resource/></D:resourcetype><D:displayname>Special Resource</D:displayname></D:prop></D:set></D:mkcol>";
    let path = "/dav/calendars/ada/special/";
    let answer = door.ask("ada", "MKCOL", path, &["Content-Type: application/xml"], body).await;
    answer.is(403);
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let root = parse(&answer.body);
    assert!(root.is(D, "mkcol-response"));
    let of = |name: &str| {
        root.all(D, "propstat").find(|one| one.at(&[(D, "prop")]).child(D, name).is_some()).unwrap()
    };
    assert!(of("resourcetype").at(&[(D, "status")]).text.contains("403"));
    assert!(of("resourcetype").at(&[(D, "error")]).child(D, "valid-resourcetype").is_some());
    assert!(of("displayname").at(&[(D, "status")]).text.contains("424"));
    door.ask("ada", "PROPFIND", path, &["Depth: 0"], "").await.is(404);
}
