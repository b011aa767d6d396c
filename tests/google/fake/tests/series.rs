//! Recurring events: instances, exceptions, rules.

use fake_google::{Command, Manners};
use serde_json::{Value, json};

use crate::asking::{EVENTS, Google, path, series, visit};

async fn starts(google: &Google, id: &str, query: &str) -> Vec<String> {
    let reply = google.get(&format!("{}/instances?{query}", path(id))).await;
    let items = reply.body["items"].as_array().unwrap().iter();
    let start =
        |one: &Value| one["start"]["dateTime"].as_str().or(one["start"]["date"].as_str()).unwrap().to_owned();
    items.map(start).collect()
}

#[tokio::test]
async fn an_instance_has_its_masters_id_and_its_start_in_utc() {
    let google = Google::start().await;
    google.insert(series("aaaaa", "RRULE:FREQ=WEEKLY;COUNT=5")).await;
    let reply = google.get(&format!("{}/instances", path("aaaaa"))).await;
    assert_eq!(reply.ids()[0], "aaaaa_20260302T080000Z");
    assert_eq!(reply.ids()[4], "aaaaa_20260330T070000Z", "after the change of the clocks");
    let one = &reply.body["items"][1];
    assert_eq!(one["recurringEventId"], "aaaaa");
    assert_eq!(one["originalStartTime"], one["start"]);
    assert!(one["recurrence"].is_null());
    assert_eq!(google.get(&path("aaaaa_20260309T080000Z")).await.status, 200);
    assert_eq!(google.get(&path("aaaaa_20260310T080000Z")).await.status, 404);
}

#[tokio::test]
async fn a_moved_instance_is_found_by_its_original_start() {
    let google = Google::start().await;
    google.insert(series("aaaaa", "RRULE:FREQ=DAILY;COUNT=3")).await;
    let mut times = visit("aaaaa", 20);
    times.as_object_mut().unwrap().retain(|name, _| name == "start" || name == "end");
    let moved = google.ask("PATCH", &path("aaaaa_20260303T080000Z"), times).await.body;
    assert_eq!(moved["originalStartTime"]["dateTime"], "2026-03-03T09:00:00+01:00");
    let query = format!("{}/instances?originalStart=2026-03-03T08:00:00Z", path("aaaaa"));
    assert_eq!(google.get(&query).await.ids(), ["aaaaa_20260303T080000Z"]);
}

#[tokio::test]
async fn a_series_must_name_its_zone_and_may_not_hold_fine_rules() {
    let google = Google::start().await;
    let mut naked = series("aaaaa", "RRULE:FREQ=DAILY");
    naked["start"] = json!({ "dateTime": "2026-03-02T09:00:00+01:00" });
    let reply = google.ask("POST", EVENTS, naked).await;
    assert_eq!((reply.status, reply.reason()), (400, "required"));
    for rule in
        ["RRULE:FREQ=HOURLY", "RRULE:FREQ=DAILY;BYHOUR=9,10", "DTSTART:20260302T090000", "RRULE:nonsense"]
    {
        assert_eq!(google.ask("POST", EVENTS, series("aaaaa", rule)).await.status, 400, "{rule}");
    }
}

#[tokio::test]
async fn every_kind_of_recurrence_line_counts() {
    let google = Google::start().await;
    let mut event = series("aaaaa", "RRULE:FREQ=DAILY;COUNT=3");
    event["recurrence"] = json!([
        "RRULE:FREQ=DAILY;COUNT=3",
        "RRULE:FREQ=WEEKLY;COUNT=2",
        "EXDATE;TZID=Europe/Berlin:20260303T090000",
        "RDATE;TZID=Europe/Berlin:20260320T110000,20260321T110000",
    ]);
    google.insert(event).await;
    let days: Vec<_> = starts(&google, "aaaaa", "").await.iter().map(|one| one[8..13].to_owned()).collect();
    assert_eq!(days, ["02T09", "04T09", "09T09", "20T11", "21T11"]);
    google.insert(series("bbbbb", "RDATE;TZID=Europe/Berlin:20260305T090000")).await;
    assert_eq!(starts(&google, "bbbbb", "").await.len(), 2, "dates alone, with the start");
}

/// [K] both: what Google makes of them only a real account can tell.
#[tokio::test]
async fn an_exrule_takes_away_and_a_start_off_the_rule_is_no_instance() {
    let google = Google::start().await;
    let mut event = series("aaaaa", "");
    event["recurrence"] = json!(["RRULE:FREQ=DAILY;COUNT=4", "EXRULE:FREQ=DAILY;INTERVAL=2;COUNT=2"]);
    google.insert(event).await;
    assert_eq!(starts(&google, "aaaaa", "").await.len(), 2);
    google.insert(series("bbbbb", "RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=2")).await; // 2 March 2026 is a Monday
    assert_eq!(starts(&google, "bbbbb", "").await[0], "2026-03-04T09:00:00+01:00");
}

#[tokio::test]
async fn until_counts_as_an_instant_and_as_the_end_of_a_day() {
    let google = Google::start().await;
    for (id, until) in [("aaaaa", "20260304T225959Z"), ("bbbbb", "20260304"), ("ccccc", "20260304T080000Z")] {
        google.insert(series(id, &format!("RRULE:FREQ=DAILY;UNTIL={until}"))).await;
        assert_eq!(starts(&google, id, "").await.len(), 3, "{until}");
    }
}

#[tokio::test]
async fn whole_days_have_no_zone() {
    let google = Google::start().await;
    let event = json!({ "id": "aaaaa", "start": { "date": "2026-12-24" }, "end": { "date": "2026-12-26" },
                        "recurrence": ["RRULE:FREQ=YEARLY;UNTIL=20281224"] });
    google.insert(event).await;
    assert_eq!(starts(&google, "aaaaa", "").await, ["2026-12-24", "2027-12-24", "2028-12-24"]);
    assert_eq!(google.get(&path("aaaaa_20271224")).await.body["end"]["date"], "2027-12-26");
}

#[tokio::test]
async fn an_endless_series_is_expanded_within_bounds() {
    let google = Google::start().await;
    google.insert(series("aaaaa", "RRULE:FREQ=DAILY")).await;
    assert_eq!(google.list("singleEvents=true").await.0.len(), 730);
    let far = "timeMin=2030-01-01T00:00:00Z&timeMax=2030-01-03T00:00:00Z";
    assert_eq!(starts(&google, "aaaaa", far).await.len(), 2);
}

#[tokio::test]
async fn a_deleted_series_takes_its_exceptions_with_it() {
    let google = Google::start().await;
    google.insert(series("aaaaa", "RRULE:FREQ=DAILY;COUNT=3")).await;
    google.ask("PATCH", &path("aaaaa_20260303T080000Z"), json!({ "summary": "x" })).await;
    let (_, token) = google.list("").await;
    google.ask("DELETE", &path("aaaaa"), Value::Null).await;
    let (delta, _) = google.list(&format!("syncToken={token}")).await;
    assert!(delta.len() == 2 && delta.iter().all(|one| one["status"] == "cancelled"), "{delta:?}");
    assert_eq!(google.list("").await.0.len(), 0);
}

#[tokio::test]
async fn exceptions_follow_a_master_that_moves_or_go_by_manners() {
    for drops in [false, true] {
        let google = Google::start().await;
        google
            .run(Command::Manners { manners: Manners { drops_exceptions: drops, ..Manners::default() } })
            .await;
        google.insert(series("aaaaa", "RRULE:FREQ=DAILY;COUNT=3")).await;
        google.ask("PATCH", &path("aaaaa_20260303T080000Z"), json!({ "summary": "x" })).await;
        let later = json!({ "start": { "dateTime": "2026-03-02T10:00:00" }, "end": { "dateTime": "2026-03-02T10:30:00" } });
        assert_eq!(google.ask("PATCH", &path("aaaaa"), later).await.status, 200);
        let (items, _) = google.list("").await;
        assert_eq!(items.len(), if drops { 1 } else { 2 });
        if !drops {
            assert_eq!(items[1]["id"], "aaaaa_20260303T080000Z", "the id stays");
            assert_eq!(items[1]["originalStartTime"]["dateTime"], "2026-03-03T10:00:00+01:00");
        }
    }
}

#[tokio::test]
async fn a_split_is_a_truncated_head_and_a_new_tail() {
    let google = Google::start().await;
    google.insert(series("aaaaa", "RRULE:FREQ=DAILY;COUNT=10")).await;
    let head = json!({ "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20260305T225959Z"] });
    google.ask("PATCH", &path("aaaaa"), head).await;
    assert_eq!(starts(&google, "aaaaa", "").await.len(), 4);
    assert_eq!(google.get(&path("aaaaa_20260306T080000Z")).await.status, 404);
    let single = google.ask("PATCH", &path("aaaaa"), json!({ "recurrence": null })).await;
    assert!(single.status == 200 && single.body["recurrence"].is_null());
}

#[tokio::test]
async fn texts_come_back_otherwise_by_manners() {
    let google = Google::start().await;
    let mut event = series("aaaaa", "RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO");
    event["description"] = json!("a  b");
    google.run(Command::Manners { manners: Manners { rewrites_text: true, ..Manners::default() } }).await;
    let event = google.insert(event).await;
    assert_eq!(event["recurrence"][0], "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3");
    assert_ne!(event["description"], "a  b");
}
