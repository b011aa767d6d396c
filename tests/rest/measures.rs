//! What a series and a list of changes may not do either: every date is measured as a single booking is (features.md 46, 51).

use serde_json::{Value, json};

use super::booking::Front;
use super::world::{World, everywhere};

const DAY: i64 = 86_400;

/// A time so many days after another, on Berlin's clock.
fn later(time: &Value, days: i64) -> String {
    let zone = kalends::calendar::Zone::named("Europe/Berlin").unwrap();
    let at = chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap().timestamp();
    let at = zone.to_instant(zone.to_civil(at) + days * DAY);
    chrono::DateTime::from_timestamp(at, 0).unwrap().to_rfc3339()
}

fn codes(refused: &Value) -> Vec<&str> {
    refused["dates"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

async fn limited(world: &World, front: &Front<'_>, field: &str, most: Value) {
    let path = format!("/services/{}", front.service);
    let mut service = world.done("GET", &path, Value::Null).await;
    service[field] = most;
    service.as_object_mut().unwrap().remove("id");
    world.done("PUT", &path, service).await;
}

async fn series(world: &World, front: &Front<'_>, clock: &str, rule: &str) -> String {
    let mut new = front.bare(clock);
    new["rule"] = rule.into();
    let made = world.ask("receptionist", "POST", "/series", new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_series_is_not_moved_outside_the_hours_and_every_date_is_named() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let series = series(&world, &front, "10:00", "FREQ=WEEKLY;COUNT=3").await;
        let path = format!("/series/{series}");
        let to = |clock: &str| json!({ "scope": "all", "change": { "start": front.at(clock) } });
        for query in ["?dry_run=true", ""] {
            let refused = world.ask("receptionist", "PATCH", &format!("{path}{query}"), to("13:00")).await;
            assert_eq!(refused.refusal(), (409, "OUTSIDE_HOURS".into()), "{query}");
            assert_eq!(codes(&refused.json()), ["OUTSIDE_HOURS"; 3]);
        }
        let longer = json!({ "scope": "all", "change": { "minutes": 150 } });
        let refused = world.ask("receptionist", "PATCH", &path, longer).await;
        assert_eq!(refused.refusal().1, "OUTSIDE_HOURS", "its end lies outside");
        // One date onto a Saturday: it alone is named.
        let list = world.done("GET", &format!("{path}/occurrences"), Value::Null).await;
        let date = list["items"][1].clone();
        let one = json!({ "scope": "this", "change": { "start": later(&date["start"], 5) } });
        let at = format!("/series/{}", date["id"].as_str().unwrap());
        let refused = world.ask("receptionist", "PATCH", &at, one).await;
        assert_eq!((refused.refusal().1, codes(&refused.json()).len()), ("OUTSIDE_HOURS".to_owned(), 1));
        let mut over = to("13:00");
        over["change"]["overbook"] = "on purpose".into();
        let done = world.ask("receptionist", "PATCH", &format!("{path}?dry_run=true"), over).await;
        assert_eq!(done.status, 200, "whoever may: {}", done.text());
        assert_eq!(world.ask("receptionist", "PATCH", &path, to("11:00")).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_list_of_changes_is_measured_one_by_one_and_nothing_is_done() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let book = async |clock: &str| {
            let booked = front.post("receptionist", "/appointments", front.bare(clock)).await;
            booked.json()["id"].as_str().unwrap().to_owned()
        };
        let (one, other) = (book("09:00").await, book("10:00").await);
        let acts = json!({ "acts": [
            { "id": one, "change": { "start": front.at("09:30") } },
            { "id": other, "change": { "start": front.at("07:00") } },
        ] });
        for query in ["?dry_run=true", ""] {
            let refused = world.ask("receptionist", "POST", &format!("/bulk{query}"), acts.clone()).await;
            assert_eq!(refused.refusal(), (409, "OUTSIDE_HOURS".into()));
            assert_eq!((&refused.json()["at"], codes(&refused.json()).len()), (&json!(1), 1));
        }
        let there = world.done("GET", &format!("/appointments/{one}"), Value::Null).await;
        assert_eq!(&there["start"].as_str().unwrap()[11..16], "09:00", "all or nothing");
        let back = front.at("09:00");
        let yesterday = json!({ "acts": [{ "id": one, "change": { "start": later(&back, -28) } }] });
        let refused = world.ask("receptionist", "POST", "/bulk", yesterday).await;
        assert_eq!(refused.refusal(), (409, "NOTICE_TOO_SHORT".into()), "what is over is too soon");
    })
    .await;
}

#[tokio::test]
async fn what_is_counted_a_day_and_a_week_is_counted_for_every_date() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        limited(&world, &front, "day_limit", json!(1)).await;
        // Taken in the second week, not in the first.
        let mut taken = front.bare("11:00");
        taken["start"] = later(&front.at("11:00"), 7).into();
        assert_eq!(front.post("receptionist", "/appointments", taken).await.status, 201);
        let mut new = front.bare("09:00");
        new["rule"] = "FREQ=WEEKLY;COUNT=3".into();
        let seen = world.ask("receptionist", "POST", "/series?dry_run=true", new.clone()).await;
        let refused = world.ask("receptionist", "POST", "/series", new.clone()).await;
        assert_eq!(refused.refusal(), (409, "DAY_LIMIT_REACHED".into()));
        assert_eq!(codes(&refused.json()), ["DAY_LIMIT_REACHED"]);
        assert_eq!(seen.json()["unfit"], refused.json()["dates"], "a look says what the call then does");
        new["skip"] = json!([refused.json()["dates"][0]["start"]]);
        let made = world.ask("receptionist", "POST", "/series", new).await;
        assert_eq!(made.status, 201, "{}", made.text());
        // Two dates of one series count for one another.
        limited(&world, &front, "day_limit", Value::Null).await;
        limited(&world, &front, "week_limit", json!(2)).await;
        let mut daily = front.bare("10:00");
        daily["start"] = later(&front.at("10:00"), 21).into();
        daily["rule"] = "FREQ=DAILY;COUNT=3".into();
        let refused = world.ask("receptionist", "POST", "/series", daily).await;
        assert_eq!(refused.refusal(), (409, "WEEK_LIMIT_REACHED".into()));
    })
    .await;
}

#[tokio::test]
async fn a_patient_is_at_one_place_at_a_time_on_every_date() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let mut settings = world.done("GET", "/settings", Value::Null).await;
        settings["patient_overlap"] = false.into();
        world.done("PUT", "/settings", settings).await;
        let bob = world.practitioner("bob").await;
        let hours = json!({ "intervals": [{ "start": "06:00", "end": "22:00" }] });
        world.done("PUT", &format!("/practitioners/{bob}/hours?confirm=true"), hours).await;
        let patient = world.done("POST", "/patients", json!({ "name": "Paula" })).await["id"].clone();
        let with_bob = json!({ "practitioner": bob, "minutes": 30, "patient": patient,
            "start": later(&front.at("10:15"), 14) });
        let elsewhere = front.post("receptionist", "/appointments", with_bob).await;
        assert_eq!(elsewhere.status, 201, "{}", elsewhere.text());
        let mut new = front.bare("10:00");
        new["rule"] = "FREQ=WEEKLY;COUNT=4".into();
        new["patient"] = patient;
        let refused = world.ask("receptionist", "POST", "/series", new.clone()).await;
        assert_eq!(refused.refusal(), (409, "PATIENT_CONFLICT".into()));
        assert_eq!(codes(&refused.json()), ["PATIENT_CONFLICT"]);
        new["start"] = front.at("09:00");
        let made = world.ask("receptionist", "POST", "/series", new).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let path = format!("/series/{}", made.json()["id"].as_str().unwrap());
        let onto = json!({ "scope": "all", "change": { "start": front.at("10:00") } });
        let refused = world.ask("receptionist", "PATCH", &path, onto).await;
        assert_eq!(refused.refusal(), (409, "PATIENT_CONFLICT".into()));
        assert_eq!(codes(&refused.json()).len(), 1);
    })
    .await;
}
