//! PROPFIND: depth, propstats, minimal answers, what each resource says of itself.

use super::door::{Door, NS, event};
use super::reading::{A, C, D, S};

const DEFAULT: &str = "/dav/calendars/ada/default/";

#[tokio::test]
async fn discovery_leads_from_the_root_to_the_calendars() {
    let door = Door::open().await;
    for start in ["/", "/dav/", "/dav/principals/", "/dav/calendars/"] {
        let found = door
            .propfind("ada", start, 0, "<d:current-user-principal/><d:resourcetype/><d:principal-URL/>")
            .await;
        let own = found.of(start);
        assert_eq!(own.prop(D, "current-user-principal").hrefs(), ["/dav/principals/ada/"]);
        assert!(own.prop(D, "resourcetype").child(D, "collection").is_some());
        assert_eq!(own.status_of(D, "principal-URL"), Some(404));
    }
    let props = "<c:calendar-home-set/><c:calendar-user-address-set/><d:displayname/><d:principal-URL/><d:resourcetype/>";
    let found = door.propfind("ada", "/dav/principals/ada", 0, props).await;
    let principal = found.of("/dav/principals/ada/");
    assert_eq!(principal.prop(C, "calendar-home-set").hrefs(), ["/dav/calendars/ada/"]);
    assert_eq!(
        principal.prop(C, "calendar-user-address-set").hrefs(),
        ["mailto:ada@example.org", "/dav/principals/ada/"]
    );
    assert_eq!(principal.text(D, "displayname"), "Dr. ADA");
    assert!(principal.prop(D, "resourcetype").child(D, "principal").is_some());
    let home = door.propfind("ada", "/dav/calendars/ada/", 1, "<d:resourcetype/><d:displayname/>").await;
    let calendars: Vec<_> =
        home.responses().iter().filter(|one| one.is_calendar()).map(|one| one.href()).collect();
    assert_eq!(calendars, [DEFAULT, "/dav/calendars/ada/tasks/"]);
}

#[tokio::test]
async fn a_calendar_says_everything_that_clients_ask() {
    let door = Door::open().await;
    let props = "<d:owner/><d:current-user-privilege-set/><d:supported-report-set/><d:sync-token/><s:getctag/>\
        <c:supported-calendar-component-set/><c:supported-calendar-data/><c:max-resource-size/><c:min-date-time/>\
        <c:max-date-time/><c:max-attendees-per-instance/><c:supported-collation-set/><c:schedule-calendar-transp/>\
        <d:acl/><d:supported-privilege-set/><d:principal-collection-set/><d:creationdate/><c:max-instances/>\
        <a:calendar-color/><c:calendar-timezone/><d:getetag/><c:calendar-data/>";
    let found = door.propfind("ada", DEFAULT, 0, props).await;
    let calendar = found.of(DEFAULT);
    assert_eq!(calendar.prop(D, "owner").hrefs(), ["/dav/principals/ada/"]);
    let privileges = calendar.prop(D, "current-user-privilege-set");
    let has = |name: &str| privileges.all(D, "privilege").any(|one| one.child(D, name).is_some());
    assert!(has("all") && has("write") && has("write-content") && has("write-properties") && has("bind"));
    let reports: Vec<_> = calendar
        .prop(D, "supported-report-set")
        .all(D, "supported-report")
        .map(|one| one.at(&[(D, "report")]).children[0].local.clone())
        .collect();
    for report in
        ["calendar-query", "calendar-multiget", "free-busy-query", "sync-collection", "expand-property"]
    {
        assert!(reports.iter().any(|one| one == report), "{report} in {reports:?}");
    }
    // Evolution takes a token only when it looks like a URI.
    assert!(calendar.text(D, "sync-token").contains(':'));
    assert!(!calendar.text(S, "getctag").is_empty());
    let components = calendar.prop(C, "supported-calendar-component-set");
    assert_eq!(
        components.all(C, "comp").map(|comp| comp.attribute("name").unwrap()).collect::<Vec<_>>(),
        ["VEVENT"]
    );
    let media = calendar.prop(C, "supported-calendar-data").at(&[(C, "calendar-data")]);
    assert_eq!(
        (media.attribute("content-type"), media.attribute("version")),
        (Some("text/calendar"), Some("2.0"))
    );
    assert_eq!(calendar.text(C, "max-resource-size"), "1048576");
    assert_eq!(calendar.text(C, "max-attendees-per-instance"), "100");
    assert!(
        calendar.text(C, "min-date-time").ends_with('Z') && calendar.text(C, "max-date-time").ends_with('Z')
    );
    assert!(calendar.prop(C, "schedule-calendar-transp").child(C, "opaque").is_some());
    assert_eq!(calendar.prop(D, "acl").all(D, "ace").count(), 1);
    assert_eq!(calendar.prop(D, "principal-collection-set").hrefs(), ["/dav/principals/"]);
    for (space, missing) in [
        (C, "max-instances"),
        (A, "calendar-color"),
        (C, "calendar-timezone"),
        (D, "getetag"),
        (C, "calendar-data"),
    ] {
        assert_eq!(calendar.status_of(space, missing), Some(404), "{missing}");
    }
}

#[tokio::test]
async fn a_listing_gives_each_object_once_with_the_etag_of_put() {
    let door = Door::open().await;
    let a = door.put("ada", &format!("{DEFAULT}a.ics"), &event("1", 5, "A")).await;
    let b = door.put("ada", &format!("{DEFAULT}b%20%26%20c.ics"), &event("2", 6, "B")).await;
    let found = door
        .propfind("ada", DEFAULT, 1, "<d:getetag/><d:getcontenttype/><d:getcontentlength/><d:resourcetype/>")
        .await;
    assert_eq!(found.responses().len(), 3);
    assert_eq!(found.of(&format!("{DEFAULT}a.ics")).text(D, "getetag"), a);
    let other = found.of(&format!("{DEFAULT}b%20%26%20c.ics"));
    assert_eq!(other.text(D, "getetag"), b);
    assert!(other.text(D, "getcontenttype").starts_with("text/calendar"));
    assert_eq!(other.text(D, "getcontentlength"), event("2", 6, "B").len().to_string());
    assert_eq!(other.prop(D, "resourcetype").children.len(), 0);
    let one = door.propfind("ada", &format!("{DEFAULT}a.ics"), 1, "<d:getetag/>").await;
    assert_eq!(one.hrefs(), [format!("{DEFAULT}a.ics")]);
}

#[tokio::test]
async fn depth_infinity_and_no_depth_are_refused_by_name() {
    let door = Door::open().await;
    let ask = async |path: &str, headers: &[&str]| door.ask("ada", "PROPFIND", path, headers, "").await;
    ask(DEFAULT, &["Depth: infinity"]).await.refused(403, "propfind-finite-depth");
    ask(DEFAULT, &[]).await.refused(403, "propfind-finite-depth");
    ask(DEFAULT, &["Depth: 2"]).await.is(400);
    door.put("ada", &format!("{DEFAULT}a.ics"), &event("1", 5, "A")).await;
    ask(&format!("{DEFAULT}a.ics"), &["Depth: infinity"]).await.is(207);
}

#[tokio::test]
async fn allprop_propname_and_include() {
    let door = Door::open().await;
    let ask = async |body: &str| {
        let body = body.replacen('>', &format!(" {NS}>"), 1);
        door.ask("ada", "PROPFIND", DEFAULT, &["Depth: 0"], body).await.multistatus()
    };
    let set = format!(
        "<d:propertyupdate {NS}><d:set><d:prop><x:mark>1</x:mark></d:prop></d:set></d:propertyupdate>"
    );
    door.ask("ada", "PROPPATCH", DEFAULT, &[], set).await.is(207);
    let empty = door.ask("ada", "PROPFIND", DEFAULT, &["Depth: 0"], "").await.multistatus();
    let all = ask("<d:propfind><d:allprop/></d:propfind>").await;
    for found in [&empty, &all] {
        let calendar = found.of(DEFAULT);
        assert!(calendar.is_calendar());
        assert_eq!(calendar.text("urn:x", "mark"), "1");
        // RFC 4791 section 5.2 and RFC 3744: not in allprop.
        assert!(calendar.maybe(C, "supported-calendar-data").is_none() && calendar.maybe(D, "acl").is_none());
        assert_eq!(calendar.propstats().count(), 1);
    }
    let more = ask("<d:propfind><d:allprop/><d:include><d:acl/><x:none/></d:include></d:propfind>").await;
    assert!(more.of(DEFAULT).maybe(D, "acl").is_some());
    assert_eq!(more.of(DEFAULT).status_of("urn:x", "none"), Some(404));
    let names = ask("<d:propfind><d:propname/></d:propfind>").await;
    let names = names.of(DEFAULT);
    assert_eq!(names.text(D, "sync-token"), "");
    assert!(names.maybe("urn:x", "mark").is_some());
    assert!(names.maybe(A, "calendar-color").is_none());
}

#[tokio::test]
async fn unknown_properties_are_404_each_and_quiet_when_minimal() {
    let door = Door::open().await;
    let body =
        format!("<d:propfind {NS}><d:prop><d:displayname/><x:a/><none xmlns=\"\"/></d:prop></d:propfind>");
    let ask = async |headers: &[&str], body: &str| {
        door.ask("ada", "PROPFIND", DEFAULT, headers, body).await.multistatus()
    };
    let loud = ask(&["Depth: 0"], &body).await;
    assert_eq!(loud.of(DEFAULT).status_of("urn:x", "a"), Some(404));
    assert_eq!(loud.of(DEFAULT).status_of("", "none"), Some(404));
    for header in ["Prefer: return=minimal", "Brief: t"] {
        let quiet = ask(&["Depth: 0", header], &body).await;
        assert_eq!(quiet.of(DEFAULT).propstats().map(|(status, _)| status).collect::<Vec<_>>(), [200]);
        let nothing = format!("<d:propfind {NS}><d:prop><x:a/></d:prop></d:propfind>");
        let empty = ask(&["Depth: 0", header], &nothing).await;
        let of = empty.of(DEFAULT);
        let stats: Vec<_> = of.propstats().collect();
        assert_eq!((stats.len(), stats[0].0, stats[0].1.children.len()), (1, 200, 0));
    }
}

#[tokio::test]
async fn depth_noroot_leaves_the_collection_out() {
    let door = Door::open().await;
    door.put("ada", &format!("{DEFAULT}a.ics"), &event("1", 5, "A")).await;
    let body = format!("<d:propfind {NS}><d:prop><d:getetag/></d:prop></d:propfind>");
    let found =
        door.ask("ada", "PROPFIND", DEFAULT, &["Depth: 1", "Prefer: depth-noroot"], body).await.multistatus();
    assert_eq!(found.hrefs(), [format!("{DEFAULT}a.ics")]);
}

#[tokio::test]
async fn a_long_listing_is_whole() {
    let door = Door::open().await;
    for number in 0..700 {
        door.put("ada", &format!("{DEFAULT}{number}.ics"), &event(&number.to_string(), 5, "A")).await;
    }
    let found = door.propfind("ada", DEFAULT, 1, "<d:getetag/>").await;
    assert_eq!(found.responses().len(), 701);
    let all = door.ask("ada", "PROPFIND", DEFAULT, &["Depth: 1"], "").await.multistatus();
    assert_eq!(all.responses().len(), 701);
}

#[tokio::test]
async fn what_is_not_there_or_not_ours_is_not_found() {
    let door = Door::open().await;
    for path in [
        "/dav/calendars/ada/none/",
        "/dav/calendars/bob/",
        "/dav/calendars/bob/default/",
        "/dav/calendars/nobody/",
        "/dav/principals/nobody/",
        "/dav/calendars/ada/default/none.ics",
        "/nowhere/",
    ] {
        let found = door.ask("ada", "PROPFIND", path, &["Depth: 0"], "").await;
        assert_eq!(found.status, 404, "{path}");
    }
    // Colleagues may know one another's names.
    let bob = door.propfind("ada", "/dav/principals/bob/", 0, "<d:displayname/>").await;
    assert_eq!(bob.of("/dav/principals/bob/").text(D, "displayname"), "Dr. BOB");
}
