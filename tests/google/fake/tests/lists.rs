//! events.list and calendarList.list: tokens, pages, tombstones, filters.

use fake_google::{Command, Manners, Order};
use serde_json::json;

use crate::asking::{ADA, EVENTS, Google, path, series, visit};

#[tokio::test]
async fn a_delta_holds_what_changed_and_what_was_deleted() {
    let google = Google::start().await;
    for (id, day) in [("aaaaa", 3), ("bbbbb", 4), ("ccccc", 5)] {
        google.insert(visit(id, day)).await;
    }
    let (items, token) = google.list("maxResults=2").await;
    assert_eq!(items.len(), 3);
    google.ask("PATCH", &path("bbbbb"), json!({ "summary": "moved" })).await;
    google.ask("DELETE", &path("ccccc"), json!(null)).await;
    let (changed, next) = google.list(&format!("syncToken={token}&maxResults=1")).await;
    let seen: Vec<_> =
        changed.iter().map(|one| (one["id"].as_str().unwrap(), one["status"].as_str().unwrap())).collect();
    assert_eq!(seen, [("bbbbb", "confirmed"), ("ccccc", "cancelled")]);
    let (nothing, _) = google.list(&format!("syncToken={next}")).await;
    assert_eq!(nothing.len(), 0);
}

#[tokio::test]
async fn a_change_between_two_pages_is_in_the_next_delta() {
    let google = Google::start().await;
    for (id, day) in [("aaaaa", 3), ("bbbbb", 4), ("ccccc", 5)] {
        google.insert(visit(id, day)).await;
    }
    let first = google.get(&format!("{EVENTS}?maxResults=1")).await;
    google.ask("PATCH", &path("ccccc"), json!({ "summary": "late" })).await;
    let (rest, token) = google.list(&format!("maxResults=5&pageToken={}", first.text("nextPageToken"))).await;
    assert_eq!(rest.len(), 1, "only what stood there when the list began");
    let (delta, _) = google.list(&format!("syncToken={token}")).await;
    assert_eq!(delta[0]["summary"], "late");
}

#[tokio::test]
async fn an_invalidated_or_old_sync_token_is_410_and_a_broken_one_400() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    let (_, token) = google.list("").await;
    let broken = google.get(&format!("{EVENTS}?syncToken=nonsense")).await;
    assert_eq!((broken.status, &*broken.text("error")), (400, ""));
    assert_eq!(broken.body["error"]["message"], "Invalid sync token value.");
    let other = google.get(&format!("{EVENTS}?singleEvents=true&syncToken={token}")).await;
    assert_eq!((other.status, other.reason()), (400, "invalid"), "made with other parameters");
    google.run(Command::InvalidateTokens { calendar: ADA.into() }).await;
    let gone = google.get(&format!("{EVENTS}?syncToken={token}")).await;
    assert_eq!((gone.status, gone.reason()), (410, "fullSyncRequired"));
    let (_, token) = google.list("").await;
    google.run(Command::Turn { seconds: 40 * 86_400 }).await;
    let google = google.as_(ADA, &["calendar"]).await;
    assert_eq!(google.get(&format!("{EVENTS}?syncToken={token}")).await.status, 410);
}

#[tokio::test]
async fn filters_and_show_deleted_false_are_refused_beside_a_sync_token() {
    let google = Google::start().await;
    let (_, token) = google.list("").await;
    for wrong in ["timeMin=2026-01-01T00:00:00Z", "q=x", "iCalUID=x", "orderBy=updated", "showDeleted=false"]
    {
        let reply = google.get(&format!("{EVENTS}?syncToken={token}&{wrong}")).await;
        assert_eq!(reply.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_time_range_of_the_first_list_does_not_bound_its_deltas() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    google.insert(visit("bbbbb", 20)).await;
    let (items, token) = google.list("timeMin=2026-03-10T00:00:00Z").await;
    assert_eq!(items.len(), 1);
    google.ask("PATCH", &path("aaaaa"), json!({ "summary": "old" })).await;
    assert_eq!(google.list(&format!("syncToken={token}")).await.0.len(), 1);
}

#[tokio::test]
async fn both_bounds_of_a_time_range_are_exclusive() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await; // 08:00 to 08:30 UTC
    assert_eq!(google.list("timeMin=2026-03-03T08:30:00Z").await.0.len(), 0);
    assert_eq!(google.list("timeMin=2026-03-03T08:29:00Z").await.0.len(), 1);
    assert_eq!(google.list("timeMax=2026-03-03T08:00:00Z").await.0.len(), 0);
    let naked = google.get(&format!("{EVENTS}?timeMin=2026-03-03T08:30:00")).await;
    assert_eq!(naked.status, 400, "without an offset");
}

#[tokio::test]
async fn a_tombstone_shows_its_id_only_and_vanishes_in_the_end() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    google.ask("DELETE", &path("aaaaa"), json!(null)).await;
    assert_eq!(google.list("").await.0.len(), 0);
    let (items, _) = google.list("showDeleted=true").await;
    let names: Vec<_> = items[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["etag", "id", "kind", "status"]);
    google.run(Command::Turn { seconds: 31 * 86_400 }).await;
    let google = google.as_(ADA, &["calendar"]).await;
    assert_eq!(google.list("showDeleted=true").await.0.len(), 0);
    assert_eq!(google.get(&path("aaaaa")).await.status, 404);
    let again = google.ask("POST", EVENTS, visit("aaaaa", 3)).await;
    assert_eq!((again.status, again.reason()), (409, "duplicate"), "the id stays taken");
}

#[tokio::test]
async fn a_cancelled_instance_shows_itself_without_show_deleted_by_three_fields() {
    let google = Google::start().await;
    google.insert(series("aaaaa", "RRULE:FREQ=DAILY;COUNT=3")).await;
    google.ask("DELETE", &path("aaaaa_20260303T080000Z"), json!(null)).await;
    let (items, _) = google.list("").await;
    let gone = items.iter().find(|one| one["status"] == "cancelled").unwrap();
    let names: Vec<_> = gone.as_object().unwrap().keys().collect();
    assert_eq!(names, ["etag", "id", "kind", "originalStartTime", "recurringEventId", "status"]);
    assert_eq!(gone["originalStartTime"]["dateTime"], "2026-03-03T09:00:00+01:00");
}

#[tokio::test]
async fn pages_may_be_empty_or_short_and_still_go_on() {
    let google = Google::start().await;
    for number in 10..30 {
        google.insert(visit(&format!("event{number}"), 3)).await;
    }
    let manners = Manners { has_empty_pages: true, page_cap: 3, ..Manners::default() };
    google.run(Command::Manners { manners }).await;
    let (items, token) = google.list("maxResults=2500").await;
    assert_eq!(items.len(), 20);
    let pages = google.running.record();
    let sizes: Vec<_> = pages.iter().filter_map(|one| one.answer["items"].as_array().map(Vec::len)).collect();
    assert!(sizes.contains(&0) && sizes.iter().all(|size| *size <= 3), "{sizes:?}");
    assert!(!token.is_empty());
}

#[tokio::test]
async fn exceptions_may_be_listed_before_their_master() {
    let google = Google::start().await;
    google.insert(series("aaaaa", "RRULE:FREQ=DAILY;COUNT=3")).await;
    google.ask("PATCH", &path("aaaaa_20260303T080000Z"), json!({ "summary": "other" })).await;
    google
        .run(Command::Manners { manners: Manners { order: Order::ExceptionsFirst, ..Manners::default() } })
        .await;
    let (items, _) = google.list("").await;
    assert_eq!(items[0]["recurringEventId"], "aaaaa");
    assert_eq!(items[1]["id"], "aaaaa");
}

#[tokio::test]
async fn single_events_expands_and_only_then_orders_by_start() {
    let google = Google::start().await;
    google.insert(series("aaaaa", "RRULE:FREQ=WEEKLY")).await;
    google.ask("PATCH", &path("aaaaa_20260309T080000Z"), json!({ "summary": "other" })).await;
    let query =
        "singleEvents=true&orderBy=startTime&timeMin=2026-03-01T00:00:00Z&timeMax=2026-03-31T00:00:00Z";
    let (items, token) = google.list(query).await;
    let starts: Vec<_> = items.iter().map(|one| one["start"]["dateTime"].as_str().unwrap()).collect();
    assert_eq!(starts.len(), 5, "{starts:?}");
    assert_eq!(starts[4], "2026-03-30T09:00:00+02:00", "the wall time stays over the change of the clocks");
    assert_eq!(items[1]["summary"], "other");
    assert_eq!(token, "", "no sync token of an ordered list");
    assert_eq!(google.get(&format!("{EVENTS}?orderBy=startTime")).await.status, 400);
}

#[tokio::test]
async fn events_are_found_by_ical_uid_property_and_type() {
    let google = Google::start().await;
    let mut event = visit("aaaaa", 3);
    event["extendedProperties"] = json!({ "private": { "cuid": "x1" } });
    google.insert(event).await;
    google
        .raw(json!({ "id": "ooooo", "eventType": "outOfOffice", "start": { "date": "2026-03-04" },
                       "end": { "date": "2026-03-05" } }))
        .await;
    assert_eq!(google.list("iCalUID=aaaaa%40google.com").await.0.len(), 1);
    assert_eq!(google.list("privateExtendedProperty=cuid%3Dx1").await.0.len(), 1);
    assert_eq!(google.list("privateExtendedProperty=cuid%3Dx2").await.0.len(), 0);
    assert_eq!(google.list("eventTypes=outOfOffice").await.0.len(), 1);
    assert_eq!(google.list("eventTypes=outOfOffice&eventTypes=default").await.0.len(), 2);
}

#[tokio::test]
async fn a_reader_sees_of_a_private_event_only_when_it_is() {
    let google = Google::start().await;
    let mut event = visit("aaaaa", 3);
    event["visibility"] = json!("private");
    google.insert(event).await;
    google.run(Command::Account { email: "bob@clinic.example".into(), zone: "Europe/Berlin".into() }).await;
    let role = Some(fake_google::Role::Reader);
    google.run(Command::Share { calendar: ADA.into(), email: "bob@clinic.example".into(), role }).await;
    let bob = google.as_("bob@clinic.example", &["calendar"]).await;
    let seen = bob.get(&format!("/calendars/{ADA}/events/aaaaa")).await;
    assert!(seen.body["summary"].is_null() && seen.body["start"].is_object(), "{seen:?}");
    let write = bob.ask("PATCH", &format!("/calendars/{ADA}/events/aaaaa"), json!({ "summary": "x" })).await;
    assert_eq!((write.status, write.reason()), (403, "requiredAccessLevel"));
    assert_eq!(bob.get("/calendars/nobody@x.example/events").await.status, 404);
}

#[tokio::test]
async fn the_list_of_calendars_tells_by_its_token_what_came_and_went() {
    let google = Google::start().await;
    let first = google.get("/users/me/calendarList").await;
    assert_eq!(first.ids(), [ADA]);
    let made = google.ask("POST", "/calendars", json!({ "summary": "Clinic" })).await;
    let id = made.text("id");
    let delta =
        google.get(&format!("/users/me/calendarList?syncToken={}", first.text("nextSyncToken"))).await;
    assert_eq!(delta.ids(), [&*id]);
    google.ask("DELETE", &format!("/calendars/{id}"), json!(null)).await;
    let last = google.get(&format!("/users/me/calendarList?syncToken={}", delta.text("nextSyncToken"))).await;
    assert_eq!(last.body["items"][0]["deleted"], true);
    assert_eq!(google.get(&format!("/calendars/{id}/events")).await.status, 404);
}

#[tokio::test]
async fn updated_min_too_far_back_is_410() {
    let google = Google::start().await;
    let reply = google.get(&format!("{EVENTS}?updatedMin=2020-01-01T00:00:00Z")).await;
    assert_eq!((reply.status, reply.reason()), (410, "updatedMinTooLongAgo"));
}
