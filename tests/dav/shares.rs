//! What a shared calendar shows, and what it hides (RFC 3744, RFC 4791 section 6.1.1).

use super::door::{Door, NS, event};
use super::reading::{C, D};
use kalends::calendar::ShareAs;

const OWN: &str = "/dav/calendars/ada/default/";
const SEEN: &str = "/dav/calendars/bob/default~ada/";

async fn shared(access: ShareAs) -> Door {
    let door = Door::open().await;
    door.put("ada", &format!("{OWN}secret-name.ics"), &event("secret-uid", 5, "Secret summary")).await;
    door.share("bob", Some(access)).await;
    door
}

#[tokio::test]
async fn a_share_appears_in_the_home_of_the_sharee() {
    let door = shared(ShareAs::Read).await;
    let props = "<d:resourcetype/><d:owner/><d:current-user-privilege-set/><d:acl/>";
    let home = door.propfind("bob", "/dav/calendars/bob/", 1, props).await;
    let seen = home.of(SEEN);
    assert!(seen.is_calendar());
    assert_eq!(seen.prop(D, "owner").hrefs(), ["/dav/principals/ada/"]);
    let privileges = seen.prop(D, "current-user-privilege-set");
    let has = |name: &str| privileges.all(D, "privilege").any(|one| one.child(D, name).is_some());
    // Thunderbird: read-only unless one of these stands there.
    assert!(has("read") && !has("write") && !has("write-content") && !has("write-properties") && !has("all"));
    assert_eq!(seen.status_of(D, "acl"), Some(403));
    let eve = door.propfind("eve", "/dav/calendars/eve/", 1, "<d:resourcetype/>").await;
    assert_eq!(eve.responses().iter().filter(|one| one.is_calendar()).count(), 2);
}

#[tokio::test]
async fn read_reads_and_does_not_write() {
    let door = shared(ShareAs::Read).await;
    let at = format!("{SEEN}secret-name.ics");
    assert!(door.ask("bob", "GET", &at, &[], "").await.body.contains("Secret summary"));
    let refused = door.ask("bob", "PUT", &at, &[], event("secret-uid", 6, "x")).await;
    refused.refused(403, "need-privileges");
    assert_eq!(refused.error()[0].at(&[(D, "resource"), (D, "href")]).text, at);
    door.ask("bob", "DELETE", &at, &[], "").await.is(403);
    let set = format!(
        "<d:propertyupdate {NS}><d:set><d:prop><d:displayname>x</d:displayname></d:prop></d:set></d:propertyupdate>"
    );
    door.ask("bob", "PROPPATCH", SEEN, &[], set).await.is(403);
    door.ask("bob", "GET", &format!("{OWN}secret-name.ics"), &[], "").await;
    for (method, path) in [("PROPFIND", OWN), ("PROPFIND", SEEN)] {
        assert_eq!(door.ask("eve", method, path, &["Depth: 1"], "").await.status, 404);
    }
}

#[tokio::test]
async fn write_writes_objects_and_leaves_the_calendar_alone() {
    let door = shared(ShareAs::Write).await;
    door.put("bob", &format!("{SEEN}b.ics"), &event("b", 6, "By Bob")).await;
    assert!(door.ask("ada", "GET", &format!("{OWN}b.ics"), &[], "").await.body.contains("By Bob"));
    let home = door.propfind("bob", "/dav/calendars/bob/", 1, "<d:current-user-privilege-set/>").await;
    let privileges = home.of(SEEN).prop(D, "current-user-privilege-set");
    assert!(privileges.all(D, "privilege").any(|one| one.child(D, "write-content").is_some()));
    // DELETE of the calendar lets go of the share; the owner's calendar stays.
    door.ask("bob", "DELETE", SEEN, &[], "").await.is(204);
    door.ask("bob", "PROPFIND", SEEN, &["Depth: 0"], "").await.is(404);
    door.ask("ada", "GET", &format!("{OWN}b.ics"), &[], "").await.is(200);
}

#[tokio::test]
async fn busy_shows_times_and_nothing_to_guess_by() {
    let door = shared(ShareAs::Busy).await;
    let stored = door.propfind("ada", &format!("{OWN}secret-name.ics"), 0, "<d:getetag/>").await;
    let etag = stored.responses()[0].text(D, "getetag").trim_matches('"').to_owned();
    let mut all = String::new();
    let query = |filter: &str| {
        format!(
            "<c:calendar-query><d:prop><d:getetag/><c:calendar-data/></d:prop><c:filter><c:comp-filter name='VCALENDAR'>\
             <c:comp-filter name='VEVENT'>{filter}</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
        )
    };
    let found = door.report("bob", SEEN, 1, &query("")).await;
    all.push_str(&found.body);
    let found = found.multistatus();
    let text = found.responses()[0].text(C, "calendar-data");
    assert!(text.contains("SUMMARY:Busy") && text.contains("DTSTART:20260105T100000Z"), "{text}");
    for (property, part) in [("SUMMARY", "Secret"), ("UID", "secret")] {
        let guess =
            format!("<c:prop-filter name='{property}'><c:text-match>{part}</c:text-match></c:prop-filter>");
        let found = door.report("bob", SEEN, 1, &query(&guess)).await;
        assert_eq!(found.multistatus().responses().len(), 0, "{property}");
    }
    all.push_str(&door.ask("bob", "PROPFIND", SEEN, &["Depth: 1"], "").await.body);
    let sync = "<d:sync-collection><d:sync-token/><d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>";
    all.push_str(&door.report("bob", SEEN, 0, sync).await.body);
    let busy = "<c:free-busy-query><c:time-range start='20260105T000000Z' end='20260106T000000Z'/></c:free-busy-query>";
    let busy = door.report("bob", SEEN, 0, busy).await;
    assert!(busy.body.contains("20260105T100000Z/"), "{}", busy.body);
    all.push_str(&busy.body);
    for canary in ["ecret", etag.as_str()] {
        assert!(!all.contains(canary), "{canary} in {all}");
    }
    door.ask("bob", "GET", &format!("{SEEN}secret-name.ics"), &[], "").await.is(404);
}

#[tokio::test]
async fn granting_and_revoking_move_the_home_and_end_old_tokens() {
    let door = shared(ShareAs::Read).await;
    let home = async || {
        let found = door.propfind("bob", "/dav/calendars/bob/", 0, "<d:sync-token/>").await;
        found.responses()[0].text(D, "sync-token").to_owned()
    };
    let token =
        door.propfind("bob", SEEN, 0, "<d:sync-token/>").await.of(SEEN).text(D, "sync-token").to_owned();
    let before = home().await;
    door.share("bob", None).await;
    assert_ne!(home().await, before);
    door.ask("bob", "PROPFIND", SEEN, &["Depth: 0"], "").await.is(404);
    door.share("bob", Some(ShareAs::Busy)).await;
    let sync = format!(
        "<d:sync-collection><d:sync-token>{token}</d:sync-token><d:sync-level>1</d:sync-level><d:prop/></d:sync-collection>"
    );
    door.report("bob", SEEN, 0, &sync).await.refused(403, "valid-sync-token");
}
