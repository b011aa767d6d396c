//! expand-property and the reports on principals.

use super::door::Door;
use super::reading::{C, D, parse};

#[tokio::test]
async fn expand_property_opens_what_hrefs_name() {
    let door = Door::open().await;
    let body = "<d:expand-property><d:property name='current-user-principal'><d:property name='displayname'/>\
        <d:property name='calendar-home-set' namespace='urn:ietf:params:xml:ns:caldav'><d:property name='resourcetype'/>\
        </d:property><d:property name='none' namespace='urn:x'/></d:property><d:property name='nothing'/></d:expand-property>";
    let found = door.report("ada", "/dav/calendars/ada/default/", 0, body).await.multistatus();
    let calendar = found.of("/dav/calendars/ada/default/");
    let principal = calendar.prop(D, "current-user-principal").at(&[(D, "response")]);
    assert_eq!(principal.hrefs(), ["/dav/principals/ada/"]);
    let inside = super::reading::Response(principal);
    assert_eq!(inside.text(D, "displayname"), "Dr. ADA");
    assert_eq!(inside.prop(C, "calendar-home-set").at(&[(D, "response")]).hrefs(), ["/dav/calendars/ada/"]);
    assert_eq!(inside.status_of("urn:x", "none"), Some(404));
    assert_eq!(calendar.status_of(D, "nothing"), Some(404));
    let deep = format!(
        "<d:expand-property>{}{}</d:expand-property>",
        "<d:property name='owner'>".repeat(20),
        "</d:property>".repeat(20)
    );
    door.report("ada", "/dav/calendars/ada/default/", 0, &deep).await.is(400);
}

#[tokio::test]
async fn principals_are_searched_by_what_everybody_may_know() {
    let door = Door::open().await;
    let search = async |inside: &str, more: &str| {
        let body = format!(
            "<d:principal-property-search{more}>{inside}<d:prop><d:displayname/><c:calendar-user-type/></d:prop></d:principal-property-search>"
        );
        let found = door.report("ada", "/dav/principals/", 0, &body).await.multistatus();
        found.hrefs().iter().map(|href| (*href).to_owned()).collect::<Vec<_>>()
    };
    let clause = |prop: &str, text: &str| {
        format!("<d:property-search><d:prop>{prop}</d:prop><d:match>{text}</d:match></d:property-search>")
    };
    let bob = ["/dav/principals/bob/".to_owned()];
    assert_eq!(search(&clause("<d:displayname/>", "dr. bo"), "").await, bob);
    assert_eq!(search(&clause("<c:calendar-user-address-set/>", "BOB@example"), "").await, bob);
    assert_eq!(search(&clause("<s:email-address-set/>", "bob@"), "").await, bob);
    assert_eq!(search(&clause("<d:displayname/>", "Dr."), "").await.len(), 3);
    let both = clause("<d:displayname/>", "bob") + &clause("<d:displayname/>", "eve");
    assert_eq!(search(&both, "").await.len(), 0);
    assert_eq!(search(&both, " test='anyof'").await.len(), 2);
    assert_eq!(search(&clause("<d:displayname/><x:secret/>", "bob"), "").await.len(), 0);
    assert_eq!(search(&clause("<c:calendar-user-type/>", "room"), "").await.len(), 0);
    door.report("ada", "/dav/principals/", 1, "<d:principal-property-search/>").await.is(400);
    let all = door.report("ada", "/dav/principals/", 0, "<d:principal-property-search/>").await.multistatus();
    assert_eq!(all.responses().len(), 3);
}

#[tokio::test]
async fn what_can_be_searched_and_who_one_is() {
    let door = Door::open().await;
    let set = door.report("ada", "/dav/principals/", 0, "<d:principal-search-property-set/>").await;
    assert_eq!(set.status, 200);
    assert!(parse(&set.body).all(D, "principal-search-property").count() >= 3);
    let me = "<d:principal-match><d:self/><d:prop><d:displayname/></d:prop></d:principal-match>";
    let found = door.report("ada", "/dav/principals/", 0, me).await.multistatus();
    assert_eq!(found.hrefs(), ["/dav/principals/ada/"]);
    let own =
        "<d:principal-match><d:principal-property><d:owner/></d:principal-property></d:principal-match>";
    let found = door.report("ada", "/dav/calendars/ada/", 0, own).await.multistatus();
    assert_eq!(found.responses().len(), 2);
    door.report("ada", "/dav/principals/", 0, "<d:principal-match/>").await.is(400);
    let acl = "<d:acl-principal-prop-set><d:prop><d:displayname/></d:prop></d:acl-principal-prop-set>";
    door.share("bob", Some(kalends::calendar::ShareAs::Read)).await;
    let found = door.report("ada", "/dav/calendars/ada/default/", 0, acl).await.multistatus();
    assert_eq!(found.hrefs(), ["/dav/principals/ada/", "/dav/principals/bob/"]);
    door.report("bob", "/dav/calendars/bob/default~ada/", 0, acl).await.refused(403, "need-privileges");
}

#[tokio::test]
async fn python_caldav_names_its_properties_beside_the_prop() {
    let door = Door::open().await;
    let body = "<d:principal-property-search><d:property-search><d:prop><d:displayname/></d:prop><d:match>Dr. BOB</d:match>\
        </d:property-search><d:prop/><c:calendar-home-set/><d:displayname/></d:principal-property-search>";
    let found = door.report("ada", "/dav/", 0, body).await.multistatus();
    let bob = found.of("/dav/principals/bob/");
    assert_eq!(bob.text(D, "displayname"), "Dr. BOB");
    assert_eq!(bob.prop(C, "calendar-home-set").hrefs(), ["/dav/calendars/bob/"]);
}
