//! Rows of features.md that no other test is about: no-shows, what is to come, modes, one day, departments, enumerations,
//! holds let go for a reason.

use serde_json::{Value, json};

use super::booking::Front;
use super::world::{World, everywhere};

fn starts(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|one| one["start"].as_str().unwrap()).collect()
}

/// Seconds by the clock that the test's database goes by.
async fn present(world: &World) -> i64 {
    world.server.parts().store.moment().await.unwrap()
}

fn utc(at: i64) -> String {
    chrono::DateTime::from_timestamp(at, 0).unwrap().to_rfc3339()
}

#[tokio::test]
async fn f62_a_no_show_is_said_once_it_should_have_begun_and_is_found_again() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let ahead = front.post("receptionist", "/appointments", front.bare("10:00")).await.json();
        let path = |of: &Value| format!("/appointments/{}/no-show", of["id"].as_str().unwrap());
        let early = world.ask("receptionist", "POST", &path(&ahead), Value::Null).await;
        assert_eq!(early.refusal(), (409, "INVALID_TRANSITION".into()), "it has not begun");
        let mut begun = front.bare("10:00");
        begun["start"] = utc(present(&world).await - 600).into();
        begun["overbook"] = "noted afterwards".into();
        let begun = front.post("receptionist", "/appointments", begun).await;
        assert_eq!(begun.status, 201, "{}", begun.text());
        let missed = world.ask("receptionist", "POST", &path(&begun.json()), Value::Null).await;
        assert_eq!((missed.status, &missed.json()["status"]), (200, &json!("no_show")), "{}", missed.text());
        let listed = world.done("GET", "/appointments?status=no_show", Value::Null).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        let again = world.ask("receptionist", "POST", &path(&begun.json()), Value::Null).await;
        assert_eq!(again.refusal().1, "INVALID_TRANSITION", "it stays so");
    })
    .await;
}

#[tokio::test]
async fn f73_what_is_to_come_is_listed_in_order_to_whom_it_belongs() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let mut over = front.bare("10:00");
        over["start"] = utc(present(&world).await - 86_400).into();
        over["overbook"] = "noted afterwards".into();
        assert_eq!(front.post("receptionist", "/appointments", over).await.status, 201);
        for clock in ["11:00", "09:00", "10:00"] {
            assert_eq!(front.post("bot", "/appointments", front.bare(clock)).await.status, 201);
        }
        let now = utc(present(&world).await).replace('+', "%2B");
        for who in ["bot", "ada"] {
            let mine =
                world.ask(who, "GET", &format!("/appointments/my?from={now}"), Value::Null).await.json();
            let clocks: Vec<&str> = starts(&mine).iter().map(|start| &start[11..16]).collect();
            assert_eq!(clocks, ["09:00", "10:00", "11:00"], "{who}");
        }
        world.practitioner("bob").await;
        for other in ["bob", "patient"] {
            let none = world.ask(other, "GET", &format!("/appointments/my?from={now}"), Value::Null).await;
            assert_eq!(none.json()["items"], json!([]), "{other}");
        }
    })
    .await;
}

#[tokio::test]
async fn f76_a_mode_is_searched_for_and_decides_whether_there_is_a_place() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        for code in ["video", "in-person"] {
            let term = json!({ "dimension": "mode", "code": code, "name": code });
            world.done("POST", "/terms", term).await;
        }
        let far = json!({ "code": "far", "name": "By video", "modes": ["video"], "minutes": 30 });
        world.done("POST", "/services", far).await;
        world
            .done("POST", "/terms", json!({ "dimension": "location", "code": "west", "name": "West" }))
            .await;
        let find = async |query: &str| {
            let path = format!("/slots?practitioner={}&limit=1&{query}", front.ada);
            world.ask("bot", "GET", &path, Value::Null).await
        };
        let none = find("service=far&mode=in-person").await;
        assert_eq!((none.refusal(), &none.json()["field"]), ((422, "INVALID_FIELD".into()), &json!("mode")));
        let video = find("service=far&mode=video").await.json()["items"].clone();
        assert_eq!(video[0]["mode"], "video");
        let booked = front.post("bot", "/appointments", json!({ "token": video[0]["token"] })).await;
        assert_eq!((booked.status, &booked.json()["location"]), (201, &Value::Null), "{}", booked.text());
        let mut there = front.bare("11:00");
        there["mode"] = "in-person".into();
        let refused = front.post("bot", "/appointments", there).await;
        assert_eq!(refused.refusal(), (422, "LOCATION_REQUIRED".into()));
    })
    .await;
}

#[tokio::test]
async fn f127_one_request_tells_a_days_hours_and_all_that_stands_in_it() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let booked = front.post("receptionist", "/appointments", front.bare("10:00")).await.json();
        let day = &booked["start"].as_str().unwrap()[..10];
        let block = json!({ "kind": "emergency", "start": front.at("11:00"), "end": front.at("11:30") });
        let path = format!("/resources/{}/blocks?confirm=true", front.ada);
        let made = world.ask("admin", "POST", &path, block).await;
        assert!(made.status < 300, "{}", made.text());
        let told =
            world.done("GET", &format!("/practitioners/{}/calendar?day={day}", front.ada), Value::Null).await;
        let open = told["open"].as_array().unwrap();
        let clock = |time: &Value| time.as_str().unwrap()[11..16].to_owned();
        assert_eq!(open.len(), 1, "{told}");
        assert_eq!((clock(&open[0]["start"]), clock(&open[0]["end"])), ("09:00".into(), "12:00".into()));
        let items = told["items"].as_array().unwrap();
        let kinds: Vec<&Value> = items.iter().map(|one| &one["kind"]).collect();
        assert_eq!(kinds, ["appointment", "absence"]);
        assert_eq!((&items[0]["status"], &items[0]["title"]), (&json!("scheduled"), &json!("First visit")));
        let sunday = format!("/practitioners/{}/calendar?day=2030-01-06", front.ada);
        assert_eq!(world.done("GET", &sunday, Value::Null).await["open"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn f150_a_department_is_given_to_people_and_searched_for() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let term = json!({ "dimension": "department", "code": "cardio", "name": "Cardiology" });
        let cardio = world.done("POST", "/terms", term).await["id"].clone();
        let path = "/slots?service=first&department=cardio&limit=1";
        let none = world.ask("bot", "GET", path, Value::Null).await;
        assert_eq!((none.status, &none.json()["items"]), (200, &json!([])), "{}", none.text());
        let of = json!({ "terms": [{ "term": cardio }] });
        let given = world.ask("admin", "PATCH", &format!("/practitioners/{}", front.ada), of).await;
        assert_eq!(given.status, 200, "{}", given.text());
        let found = world.ask("bot", "GET", path, Value::Null).await.json();
        assert_eq!(found["items"][0]["practitioner"], front.ada);
    })
    .await;
}

#[tokio::test]
async fn f158_every_enumeration_stands_in_the_document() {
    let document = kalends::rest::document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let of = |name: &str| -> Vec<&str> {
        schemas[name]["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
    };
    let states: Vec<&str> = kalends::clinic::Status::ALL.iter().map(|status| status.name()).collect();
    assert_eq!(of("AppointmentStatus"), states, "where an appointment stands");
    assert_eq!(of("Kind"), ["appointment", "event", "absence"], "where the time of a date comes from");
    assert_eq!(of("LeaveStatus"), ["open", "approved", "rejected", "cancelled"]);
}

#[tokio::test]
async fn f166_a_hold_is_let_go_for_a_reason_that_the_audit_keeps() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let hold = front.post("bot", "/holds", front.bare("10:00")).await.json()["id"].clone();
        let path = format!("/holds/{}", hold.as_str().unwrap());
        let long =
            world.ask("bot", "DELETE", &format!("{path}?reason={}", "x".repeat(501)), Value::Null).await;
        assert_eq!(
            (long.refusal(), &long.json()["field"]),
            ((422, "INVALID_FIELD".into()), &json!("reason"))
        );
        for _ in 0..2 {
            let gone = world.ask("bot", "DELETE", &format!("{path}?reason=not%20paid"), Value::Null).await;
            assert_eq!(gone.status, 204, "{}", gone.text());
        }
        let subject = format!("/audit?subject=resource%20{}&limit=200", front.ada);
        let audit = world.done("GET", &subject, Value::Null).await;
        let released: Vec<&Value> =
            audit["items"].as_array().unwrap().iter().filter(|one| one["kind"] == "hold-released").collect();
        assert_eq!(released.len(), 1, "{audit}");
        assert_eq!(
            (&released[0]["body"]["reason"], &released[0]["door"]),
            (&json!("not paid"), &json!("rest"))
        );
        assert!(!audit.to_string().contains(hold.as_str().unwrap()), "whoever knows its id may book by it");
    })
    .await;
}
