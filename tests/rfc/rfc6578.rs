//! RFC 6578 (collection synchronisation): the conversation of section 3.8 and the edges of 3.2 to 3.6.

use crate::dav::door::{Door, event};
use crate::dav::reading::{D, Multistatus};

const DEFAULT: &str = "/dav/calendars/ada/default/";

async fn sync(door: &Door, token: &str, more: &str) -> Multistatus {
    let body = format!(
        "<d:sync-collection><d:sync-token>{token}</d:sync-token><d:sync-level>1</d:sync-level>{more}<d:prop><d:getetag/>\
         <x:bigbox/></d:prop></d:sync-collection>"
    );
    door.report("ada", DEFAULT, 0, &body).await.multistatus()
}

#[tokio::test]
async fn s3_8_initial_then_changed_new_and_removed() {
    let door = Door::open().await;
    for name in ["test.ics", "vcard.ics", "calendar.ics"] {
        door.put("ada", &format!("{DEFAULT}{name}"), &event(name, 5, "A")).await;
    }
    let first = sync(&door, "", "").await;
    assert_eq!(first.responses().len(), 3);
    assert_eq!(first.of(&format!("{DEFAULT}test.ics")).status_of("urn:x", "bigbox"), Some(404));
    door.put("ada", &format!("{DEFAULT}file.ics"), &event("file", 5, "N")).await;
    door.ask("ada", "DELETE", &format!("{DEFAULT}test.ics"), &[], "").await.is(204);
    let second = sync(&door, first.sync_token(), "").await;
    assert_eq!(second.responses().len(), 2);
    let removed = second.of(&format!("{DEFAULT}test.ics"));
    // Section 3.5.2: a status, and no propstat.
    assert_eq!((removed.status(), removed.propstats().count()), (Some(404), 0));
    assert_eq!(second.of(&format!("{DEFAULT}file.ics")).status(), None);
}

#[tokio::test]
async fn s3_5_1_what_came_and_went_between_two_tokens_is_at_most_a_removal() {
    let door = Door::open().await;
    let first = sync(&door, "", "").await;
    door.put("ada", &format!("{DEFAULT}a.ics"), &event("a", 5, "A")).await;
    door.ask("ada", "DELETE", &format!("{DEFAULT}a.ics"), &[], "").await.is(204);
    let second = sync(&door, first.sync_token(), "").await;
    assert!(second.responses().iter().all(|one| one.status() == Some(404)));
    // Made anew, it is changed and not removed.
    door.put("ada", &format!("{DEFAULT}a.ics"), &event("a", 5, "B")).await;
    let third = sync(&door, first.sync_token(), "").await;
    assert_eq!(third.of(&format!("{DEFAULT}a.ics")).status(), None);
    assert_eq!(third.responses().len(), 1);
}

#[tokio::test]
async fn s3_6_a_truncated_answer_says_507_for_the_collection() {
    let door = Door::open().await;
    for number in 0..5 {
        door.put("ada", &format!("{DEFAULT}{number}.ics"), &event(&number.to_string(), 5, "A")).await;
    }
    let part = sync(&door, "", "<d:limit><d:nresults>3</d:nresults></d:limit>").await;
    assert_eq!(part.of(DEFAULT).status(), Some(507));
    part.of(DEFAULT).0.at(&[(D, "error"), (D, "number-of-matches-within-limits")]);
    assert_eq!(part.responses().len(), 4);
    let rest = sync(&door, part.sync_token(), "").await;
    assert_eq!(rest.responses().len(), 2);
}

#[tokio::test]
async fn s4_the_token_is_a_property_and_not_in_allprop() {
    let door = Door::open().await;
    let all = door.ask("ada", "PROPFIND", DEFAULT, &["Depth: 0"], "").await.multistatus();
    assert!(all.of(DEFAULT).maybe(D, "sync-token").is_none());
    let asked = door.propfind("ada", DEFAULT, 0, "<d:sync-token/>").await;
    assert_eq!(asked.of(DEFAULT).text(D, "sync-token"), sync(&door, "", "").await.sync_token());
}
