//! Faults on demand, and the record.

use fake_google::{Command, Fault, Manners, Trouble};
use serde_json::{Value, json};

use crate::asking::{ADA, EVENTS, Google, path, visit};

async fn strike(google: &Google, fault: Fault) {
    google.run(Command::Fault { fault }).await;
}

#[tokio::test]
async fn refusals_carry_googles_reasons_and_end_after_their_times() {
    let google = Google::start().await;
    strike(&google, Fault::new("calendar.events.list", Trouble::refuse(403, "rateLimitExceeded")).times(2))
        .await;
    strike(&google, Fault::new("calendar.events.list", Trouble::retry_after(30)).once()).await;
    for _ in 0..2 {
        let reply = google.get(EVENTS).await;
        assert_eq!((reply.status, reply.reason()), (403, "rateLimitExceeded"));
    }
    let reply = google.get(EVENTS).await;
    assert_eq!((reply.status, reply.headers["retry-after"].to_str().unwrap()), (429, "30"));
    assert_eq!(google.get(EVENTS).await.status, 200);
    assert_eq!(google.get("/users/me/calendarList").await.status, 200);
}

#[tokio::test]
async fn a_lost_answer_was_done_and_a_cut_was_not() {
    let google = Google::start().await;
    strike(&google, Fault::new("calendar.events.insert", Trouble::LostAnswer).once()).await;
    strike(&google, Fault::new("calendar.events.insert", Trouble::Cut).once()).await;
    assert!(google.try_("POST", EVENTS, &[], &visit("aaaaa", 3)).await.is_none());
    assert!(google.try_("POST", EVENTS, &[], &visit("bbbbb", 3)).await.is_none());
    assert_eq!(google.get(&path("aaaaa")).await.status, 200);
    assert_eq!(google.get(&path("bbbbb")).await.status, 404);
    assert_eq!(google.ask("POST", EVENTS, visit("aaaaa", 3)).await.status, 409);
}

#[tokio::test]
async fn an_answer_may_break_off_come_late_or_be_a_page() {
    let google = Google::start().await;
    strike(&google, Fault::new("", Trouble::HalfAnswer).once()).await;
    strike(&google, Fault::new("", Trouble::Slow { millis: 50 }).once()).await;
    strike(&google, Fault::new("", Trouble::Html { status: 502 }).once()).await;
    assert!(google.try_("GET", EVENTS, &[], &Value::Null).await.is_none());
    let before = std::time::Instant::now();
    assert_eq!(google.get(EVENTS).await.status, 200);
    assert!(before.elapsed().as_millis() >= 50);
    let page = google.get(EVENTS).await;
    assert_eq!((page.status, page.body), (502, Value::Null));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_weather() {
    let mut seen = Vec::new();
    for seed in [7, 7, 8] {
        let google = Google::start().await;
        google.run(Command::Seed { seed }).await;
        strike(&google, Fault::new("", Trouble::refuse(503, "backendError")).per_mille(300)).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(google.get(EVENTS).await.status);
        }
        assert!(statuses.contains(&503) && statuses.contains(&200));
        seen.push(statuses);
    }
    assert!(seen[0] == seen[1] && seen[1] != seen[2]);
}

#[tokio::test]
async fn every_request_is_recorded_with_its_body() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    google.get(EVENTS).await;
    google.try_("PATCH", &path("aaaaa"), &[("if-match", "\"1\"")], &json!({})).await;
    let record = google.running.record();
    let ids: Vec<_> = record.iter().map(|one| (&*one.method_id, one.status)).collect();
    let wanted =
        [("calendar.events.insert", 200), ("calendar.events.list", 200), ("calendar.events.patch", 412)];
    assert_eq!(ids, wanted);
    assert!(record[0].body.contains("Visit aaaaa") && record[0].user == ADA);
    assert_eq!(record[2].if_match.as_deref(), Some("\"1\""));
    assert_eq!(google.running.writes().len(), 2);
}

#[tokio::test]
async fn a_user_has_so_many_calls_a_minute() {
    let google = Google::start().await;
    google.run(Command::Manners { manners: Manners { user_per_minute: 3, ..Manners::default() } }).await;
    for status in [200, 200, 200, 403] {
        assert_eq!(google.get(EVENTS).await.status, status);
    }
    google.run(Command::Turn { seconds: 61 }).await;
    assert_eq!(google.get(EVENTS).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() {
    let google = Google::start().await;
    assert_eq!(google.ask("POST", EVENTS, json!([1])).await.reason(), "parseError");
    let large = json!({ "summary": "x".repeat(1024 * 1024) });
    assert_eq!(google.ask("POST", EVENTS, large).await.status, 413);
}

#[tokio::test]
async fn the_calendar_may_look_empty_for_a_while() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    google.run(Command::LooksEmpty { calendar: ADA.into(), empty: true }).await;
    assert_eq!(google.list("").await.0.len(), 0);
    assert_eq!(google.get(&path("aaaaa")).await.status, 200);
    google.run(Command::LooksEmpty { calendar: ADA.into(), empty: false }).await;
    assert_eq!(google.list("").await.0.len(), 1);
}
