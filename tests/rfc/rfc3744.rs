//! RFC 3744 (access control), the read side.

use crate::dav::door::Door;
use crate::dav::reading::D;

const DEFAULT: &str = "/dav/calendars/ada/default/";

#[tokio::test]
async fn s5_3_every_privilege_that_is_granted_is_a_supported_one() {
    let door = Door::open().await;
    let found =
        door.propfind("ada", DEFAULT, 0, "<d:supported-privilege-set/><d:current-user-privilege-set/>").await;
    let calendar = found.of(DEFAULT);
    let mut known = Vec::new();
    let mut open: Vec<_> =
        calendar.prop(D, "supported-privilege-set").all(D, "supported-privilege").collect();
    while let Some(one) = open.pop() {
        known.push(one.at(&[(D, "privilege")]).children[0].local.clone());
        assert!(one.child(D, "description").is_some());
        open.extend(one.all(D, "supported-privilege"));
    }
    for own in calendar.prop(D, "current-user-privilege-set").all(D, "privilege") {
        assert!(known.contains(&own.children[0].local), "{known:?}");
    }
}

#[tokio::test]
async fn s5_5_the_acl_shows_the_owner_and_the_shares() {
    let door = Door::open().await;
    door.share("bob", Some(kalends::calendar::ShareAs::Busy)).await;
    let found = door.propfind("ada", DEFAULT, 0, "<d:acl/><d:acl-restrictions/><d:inherited-acl-set/>").await;
    let aces: Vec<_> = found.of(DEFAULT).prop(D, "acl").all(D, "ace").collect();
    assert!(aces[0].at(&[(D, "principal"), (D, "property")]).child(D, "owner").is_some());
    assert!(aces[0].child(D, "protected").is_some());
    assert_eq!(aces[1].at(&[(D, "principal")]).hrefs(), ["/dav/principals/bob/"]);
    assert!(found.of(DEFAULT).prop(D, "acl-restrictions").child(D, "grant-only").is_some());
}

#[tokio::test]
async fn s7_1_1_a_refusal_names_the_privilege_that_is_missing() {
    let door = Door::open().await;
    door.share("bob", Some(kalends::calendar::ShareAs::Read)).await;
    let at = "/dav/calendars/bob/default~ada/a.ics";
    let refused = door.ask("bob", "PUT", at, &[], crate::dav::door::event("1", 5, "A")).await;
    refused.refused(403, "need-privileges");
    let error = refused.error();
    let resource = error[0].at(&[(D, "resource")]);
    assert_eq!(resource.hrefs(), [at]);
    assert_eq!(resource.at(&[(D, "privilege")]).children.len(), 1);
}

#[tokio::test]
async fn s9_4_a_search_with_another_depth_than_0_is_a_400() {
    let door = Door::open().await;
    let search = "<d:principal-property-search><d:property-search><d:prop><d:displayname/></d:prop><d:match>a</d:match>\
        </d:property-search></d:principal-property-search>";
    door.report("ada", "/dav/principals/", 1, search).await.is(400);
    door.report("ada", "/dav/principals/", 0, search).await.is(207);
}
