//! Writes of single events: ids, etags, merging, what is refused.

use serde_json::{Value, json};

use crate::asking::{ADA, EVENTS, Google, path, visit};

async fn refused(google: &Google, change: Value) -> (u16, String) {
    let mut event = visit("eeeee", 3);
    event.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let reply = google.ask("POST", EVENTS, event).await;
    (reply.status, reply.reason().to_owned())
}

#[tokio::test]
async fn a_local_time_with_its_zone_is_kept_as_the_instant() {
    let google = Google::start().await;
    let mut event = visit("aaaaa", 3);
    event["start"] = json!({ "dateTime": "2026-03-03T03:00:00", "timeZone": "America/New_York" });
    let event = google.insert(event).await;
    assert_eq!(
        event["start"],
        json!({ "dateTime": "2026-03-03T09:00:00+01:00", "timeZone": "America/New_York" })
    );
    let there = google.get(&format!("{}?timeZone=Asia/Taipei", path("aaaaa"))).await;
    assert_eq!(there.body["start"]["dateTime"], "2026-03-03T16:00:00+08:00");
}

#[tokio::test]
async fn ids_are_base32hex_and_never_used_twice() {
    let google = Google::start().await;
    assert_eq!(refused(&google, json!({ "id": "wxyz1" })).await, (400, "invalid".into()));
    assert_eq!(refused(&google, json!({ "id": "abcd" })).await, (400, "invalid".into()));
    google.insert(visit("aaaaa", 3)).await;
    assert_eq!(refused(&google, json!({ "id": "aaaaa" })).await, (409, "duplicate".into()));
    assert_eq!(google.ask("DELETE", &path("aaaaa"), Value::Null).await.status, 204);
    assert_eq!(refused(&google, json!({ "id": "aaaaa" })).await, (409, "duplicate".into()));
    let again = google.ask("DELETE", &path("aaaaa"), Value::Null).await;
    assert_eq!((again.status, again.reason()), (410, "deleted"));
    let patch = google.ask("PATCH", &path("aaaaa"), json!({ "summary": "x" })).await;
    assert_eq!((patch.status, patch.reason()), (403, "forbidden"));
    assert_eq!(google.ask("DELETE", &path("nnnnn"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn id_and_ical_uid_exclude_each_other_on_insert() {
    let google = Google::start().await;
    assert_eq!(refused(&google, json!({ "iCalUID": "x@y" })).await.0, 400);
    let mut event = visit("", 3);
    event.as_object_mut().unwrap().remove("id");
    event["iCalUID"] = json!("x@y");
    let made = google.insert(event.clone()).await;
    assert_eq!((made["iCalUID"].as_str(), made["id"].as_str().unwrap().len()), (Some("x@y"), 26));
    assert_eq!(google.ask("POST", EVENTS, event).await.status, 409);
}

#[tokio::test]
async fn a_deleted_event_comes_back_by_its_status() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    google.ask("DELETE", &path("aaaaa"), Value::Null).await;
    let back = google.ask("PATCH", &path("aaaaa"), json!({ "status": "confirmed" })).await;
    assert_eq!((back.status, &*back.text("summary")), (200, "Visit aaaaa"));
}

#[tokio::test]
async fn if_match_guards_patch_put_and_delete() {
    let google = Google::start().await;
    let event = google.insert(visit("aaaaa", 3)).await;
    let stale = [("if-match", event["etag"].as_str().unwrap())];
    let fresh = google.try_("PATCH", &path("aaaaa"), &stale, &json!({ "summary": "x" })).await.unwrap();
    assert_eq!(fresh.status, 200);
    for method in ["PATCH", "PUT", "DELETE"] {
        let reply = google.try_(method, &path("aaaaa"), &stale, &visit("aaaaa", 4)).await.unwrap();
        assert_eq!((reply.status, reply.reason()), (412, "conditionNotMet"), "{method}");
    }
    let known = fresh.text("etag");
    let same = google.try_("GET", &path("aaaaa"), &[("if-none-match", &known)], &Value::Null).await.unwrap();
    assert_eq!(same.status, 304);
}

#[tokio::test]
async fn the_etag_is_twice_the_moment_of_the_change() {
    let google = Google::start().await;
    let event = google.insert(visit("aaaaa", 3)).await;
    let etag: i64 = event["etag"].as_str().unwrap().trim_matches('"').parse().unwrap();
    let updated = chrono::DateTime::parse_from_rfc3339(event["updated"].as_str().unwrap()).unwrap();
    assert_eq!(etag / 2, updated.timestamp_micros());
}

#[tokio::test]
async fn a_reminder_moves_the_etag_but_not_updated_and_stands_in_the_delta() {
    let google = Google::start().await;
    let before = google.insert(visit("aaaaa", 3)).await;
    let (_, token) = google.list("").await;
    let reminders =
        json!({ "reminders": { "useDefault": false, "overrides": [{ "method": "popup", "minutes": 5 }] } });
    let after = google.ask("PATCH", &path("aaaaa"), reminders).await.body;
    assert_eq!(after["updated"], before["updated"]);
    assert_ne!(after["etag"], before["etag"]);
    assert_eq!(google.list(&format!("syncToken={token}")).await.0.len(), 1);
}

#[tokio::test]
async fn patch_clears_by_null_and_merges_properties_put_replaces() {
    let google = Google::start().await;
    let mut event = visit("aaaaa", 3);
    event["location"] = json!("Room 1");
    event["extendedProperties"] = json!({ "private": { "a": "1", "b": "2" } });
    google.insert(event).await;
    let change = json!({ "location": null, "extendedProperties": { "private": { "b": null, "c": "3" } } });
    let patched = google.ask("PATCH", &path("aaaaa"), change).await.body;
    assert!(patched["location"].is_null());
    assert_eq!(patched["extendedProperties"]["private"], json!({ "a": "1", "c": "3" }));
    let put = google.ask("PUT", &path("aaaaa"), visit("aaaaa", 4)).await.body;
    assert!(put["extendedProperties"].is_null());
    assert_eq!(put["created"], patched["created"]);
}

#[tokio::test]
async fn sequence_rises_with_the_times_and_may_not_fall() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    let mut later = visit("aaaaa", 4);
    later.as_object_mut().unwrap().remove("id");
    assert_eq!(google.ask("PATCH", &path("aaaaa"), later).await.body["sequence"], 1);
    let low = google.ask("PATCH", &path("aaaaa"), json!({ "sequence": 0 })).await;
    assert_eq!((low.status, &low.body["error"]["message"]), (400, &json!("Invalid sequence value.")));
}

#[tokio::test]
async fn what_google_refuses_is_refused() {
    let google = Google::start().await;
    let many: Vec<_> = (0..6).map(|minutes| json!({ "method": "popup", "minutes": minutes })).collect();
    for (change, reason) in [
        (json!({ "start": null }), "required"),
        (json!({ "end": { "date": "2026-03-04" } }), "invalid"),
        (json!({ "end": { "dateTime": "2026-03-03T07:00:00Z" } }), "timeRangeEmpty"),
        (
            json!({ "start": { "dateTime": "2026-03-03T09:00:00", "timeZone": "W. Europe Standard Time" } }),
            "invalid",
        ),
        (json!({ "reminders": { "useDefault": false, "overrides": many } }), "invalid"),
        (
            json!({ "reminders": { "useDefault": false, "overrides": [{ "method": "popup", "minutes": 40321 }] } }),
            "invalid",
        ),
        (
            json!({ "reminders": { "useDefault": true, "overrides": [{ "method": "popup", "minutes": 1 }] } }),
            "cannotUseDefaultRemindersAndSpecifyOverride",
        ),
        (json!({ "attendees": [{ "email": "nobody" }] }), "invalid"),
        (json!({ "colorId": "12" }), "invalid"),
        (json!({ "eventType": "fromGmail" }), "eventTypeRestriction"),
        (json!({ "nonsense": 1 }), "invalid"),
    ] {
        assert_eq!(refused(&google, change.clone()).await, (400, reason.into()), "{change}");
    }
}

#[tokio::test]
async fn import_needs_its_uid_keeps_the_organizer_and_overwrites() {
    let google = Google::start().await;
    let mut event = visit("", 3);
    event.as_object_mut().unwrap().remove("id");
    let naked = google.ask("POST", &format!("{EVENTS}/import"), event.clone()).await;
    assert_eq!((naked.status, naked.reason()), (400, "required"));
    event["iCalUID"] = json!("foreign@x");
    event["organizer"] = json!({ "email": "other@x.example" });
    let first = google.ask("POST", &format!("{EVENTS}/import"), event.clone()).await;
    assert_eq!(first.body["organizer"]["email"], "other@x.example");
    event["summary"] = json!("again");
    let second = google.ask("POST", &format!("{EVENTS}/import"), event).await;
    assert_eq!((second.text("id"), &*second.text("summary")), (first.text("id"), "again"));
}

#[tokio::test]
async fn a_move_leaves_a_bare_tombstone_and_keeps_the_id() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    let other = google.ask("POST", "/calendars", json!({ "summary": "Clinic" })).await.text("id");
    let (_, token) = google.list("").await;
    let moved = google.ask("POST", &format!("{}/move?destination={other}", path("aaaaa")), Value::Null).await;
    assert_eq!((moved.status, &*moved.text("id")), (200, "aaaaa"));
    assert_eq!(moved.body["organizer"]["email"], json!(other));
    assert_eq!(google.list(&format!("syncToken={token}")).await.0[0]["status"], "cancelled");
}

#[tokio::test]
async fn conference_data_needs_its_version_at_every_change() {
    let google = Google::start().await;
    let mut event = visit("aaaaa", 3);
    event["conferenceData"] = json!({ "createRequest": { "requestId": "r1" } });
    let made = google.ask("POST", &format!("{EVENTS}?conferenceDataVersion=1"), event).await;
    assert!(made.text("hangoutLink").starts_with("https://meet.google.com/"));
    let lost = google.ask("PATCH", &path("aaaaa"), json!({ "summary": "x" })).await;
    assert!(lost.body["conferenceData"].is_null());
}

#[tokio::test]
async fn a_free_busy_query_joins_what_touches_and_tells_the_unknown() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    let mut next = visit("bbbbb", 3);
    next["start"] = json!({ "dateTime": "2026-03-03T09:30:00+01:00" });
    next["end"] = json!({ "dateTime": "2026-03-03T10:00:00+01:00" });
    google.insert(next).await;
    let body = json!({ "timeMin": "2026-03-03T00:00:00Z", "timeMax": "2026-03-04T00:00:00Z",
                       "items": [{ "id": ADA }, { "id": "x@y.example" }] });
    let reply = google.ask("POST", "/freeBusy", body).await;
    let busy = json!([{ "start": "2026-03-03T08:00:00.000Z", "end": "2026-03-03T09:00:00.000Z" }]);
    assert_eq!(reply.body["calendars"][ADA]["busy"], busy);
    assert_eq!(reply.body["calendars"]["x@y.example"]["errors"][0]["reason"], "notFound");
}
