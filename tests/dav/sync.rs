//! sync-collection in a calendar and in a home.

use super::door::{Door, Reply, event};
use super::reading::D;

const DEFAULT: &str = "/dav/calendars/ada/default/";

async fn sync(door: &Door, path: &str, token: &str, more: &str) -> Reply {
    let body = format!(
        "<d:sync-collection><d:sync-token>{token}</d:sync-token><d:sync-level>1</d:sync-level>{more}\
         <d:prop><d:getetag/><d:getcontenttype/></d:prop></d:sync-collection>"
    );
    door.report("ada", path, 1, &body).await
}

async fn fill(door: &Door, count: usize) {
    for number in 0..count {
        door.put("ada", &format!("{DEFAULT}{number}.ics"), &event(&number.to_string(), 5, "A")).await;
    }
}

#[tokio::test]
async fn a_token_brings_what_changed_and_what_went() {
    let door = Door::open().await;
    fill(&door, 3).await;
    let first = sync(&door, DEFAULT, "", "").await.multistatus();
    assert_eq!(first.responses().len(), 3);
    let quiet = sync(&door, DEFAULT, first.sync_token(), "").await.multistatus();
    assert_eq!((quiet.responses().len(), quiet.sync_token()), (0, first.sync_token()));
    let etag = door.put("ada", &format!("{DEFAULT}1.ics"), &event("1", 6, "B")).await;
    door.ask("ada", "DELETE", &format!("{DEFAULT}2.ics"), &[], "").await.is(204);
    door.put("ada", &format!("{DEFAULT}new.ics"), &event("new", 6, "N")).await;
    let next = sync(&door, DEFAULT, first.sync_token(), "").await.multistatus();
    assert_eq!(next.responses().len(), 3);
    assert_eq!(next.of(&format!("{DEFAULT}1.ics")).text(D, "getetag"), etag);
    assert!(next.of(&format!("{DEFAULT}new.ics")).text(D, "getcontenttype").starts_with("text/calendar"));
    assert_eq!(next.of(&format!("{DEFAULT}2.ics")).status(), Some(404));
    assert_ne!(next.sync_token(), first.sync_token());
    // The token is the one that PROPFIND shows.
    let shown = door.propfind("ada", DEFAULT, 0, "<d:sync-token/>").await;
    assert_eq!(shown.of(DEFAULT).text(D, "sync-token"), next.sync_token());
}

#[tokio::test]
async fn a_limit_says_so_inside_and_loses_nothing() {
    let door = Door::open().await;
    fill(&door, 7).await;
    door.ask("ada", "DELETE", &format!("{DEFAULT}3.ics"), &[], "").await.is(204);
    let mut token = String::new();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0.. {
        assert!(round < 10, "it never ends");
        let part =
            sync(&door, DEFAULT, &token, "<d:limit><d:nresults>2</d:nresults></d:limit>").await.multistatus();
        let more = part.responses().iter().any(|one| one.status() == Some(507));
        for response in part.responses() {
            if response.status() == Some(507) {
                assert_eq!(response.href(), DEFAULT);
                response.0.at(&[(D, "error"), (D, "number-of-matches-within-limits")]);
            } else {
                seen.insert(response.href().to_owned());
            }
        }
        token = part.sync_token().to_owned();
        if !more {
            break;
        }
    }
    seen.remove(&format!("{DEFAULT}3.ics"));
    assert_eq!(seen.len(), 6);
    assert_eq!(sync(&door, DEFAULT, &token, "").await.multistatus().responses().len(), 0);
    sync(&door, DEFAULT, "", "<d:limit><d:nresults>many</d:nresults></d:limit>").await.is(400);
}

#[tokio::test]
async fn tokens_that_mean_nothing_here_are_refused_by_name() {
    let door = Door::open().await;
    fill(&door, 1).await;
    let other = sync(&door, "/dav/calendars/ada/tasks/", "", "").await.multistatus();
    for token in
        ["nonsense", "urn:kalends:sync:1", "http://radicale.org/ns/sync/abc", other.sync_token(), "0"]
    {
        sync(&door, DEFAULT, token, "").await.refused(403, "valid-sync-token");
    }
}

#[tokio::test]
async fn a_calendar_made_anew_has_no_use_for_old_tokens() {
    let door = Door::open().await;
    let x = "/dav/calendars/ada/x/";
    door.ask("ada", "MKCALENDAR", x, &[], "").await.is(201);
    let old = sync(&door, x, "", "").await.multistatus();
    door.ask("ada", "DELETE", x, &[], "").await.is(204);
    door.ask("ada", "MKCALENDAR", x, &[], "").await.is(201);
    sync(&door, x, old.sync_token(), "").await.refused(403, "valid-sync-token");
}

#[tokio::test]
async fn depths_and_levels() {
    let door = Door::open().await;
    fill(&door, 1).await;
    let ask = async |path: &str, depth: &str, level: &str| {
        let ns = super::door::NS;
        let body = format!(
            "<d:sync-collection {ns}><d:sync-token/>{level}<d:prop><d:getetag/></d:prop></d:sync-collection>"
        );
        door.ask("ada", "REPORT", path, &[&format!("Depth: {depth}")], body).await
    };
    let one = "<d:sync-level>1</d:sync-level>";
    let infinite = "<d:sync-level>infinite</d:sync-level>";
    for (depth, level) in [("0", one), ("1", one), ("0", infinite), ("0", "")] {
        assert_eq!(ask(DEFAULT, depth, level).await.multistatus().responses().len(), 1, "{depth} {level}");
    }
    ask(DEFAULT, "infinity", one).await.is(400);
    ask(DEFAULT, "0", "<d:sync-level>7</d:sync-level>").await.is(400);
    ask("/dav/calendars/ada/", "0", infinite).await.refused(403, "sync-traversal-supported");
    ask("/dav/principals/ada/", "0", one).await.refused(403, "supported-report");
}

#[tokio::test]
async fn a_home_tells_which_calendars_changed() {
    let door = Door::open().await;
    let home = "/dav/calendars/ada/";
    let first = sync(&door, home, "", "").await.multistatus();
    assert_eq!(first.responses().len(), 2);
    fill(&door, 1).await;
    let second = sync(&door, home, first.sync_token(), "").await.multistatus();
    assert_eq!(second.hrefs(), [DEFAULT]);
    door.ask("ada", "MKCALENDAR", "/dav/calendars/ada/x/", &[], "").await.is(201);
    door.ask("ada", "DELETE", "/dav/calendars/ada/tasks/", &[], "").await.is(204);
    let third = sync(&door, home, second.sync_token(), "").await.multistatus();
    assert_eq!(third.of("/dav/calendars/ada/tasks/").status(), Some(404));
    assert!(third.hrefs().contains(&"/dav/calendars/ada/x/"));
    assert_eq!(third.responses().len(), 2);
    let shown = door.propfind("ada", home, 0, "<d:sync-token/>").await;
    assert_eq!(shown.of(home).text(D, "sync-token"), third.sync_token());
}
