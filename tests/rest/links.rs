//! Patients' links: one appointment seen, cancelled and moved without a login (features.md 61, 62; trust.md S4, S8).

use serde_json::{Value, json};

use super::booking::Front;
use super::world::{World, everywhere};
use crate::support::client::Reply;

const ROOT: &str = "/api/v1/patient-links";

/// A patient with an appointment at ten, and its path.
async fn booked(world: &World, front: &Front<'_>) -> String {
    let new =
        json!({ "external_id": "p-1", "name": "Paula Canary", "phone": "030 1", "email": "p@home.example" });
    let patient = world.done("POST", "/patients", new).await["id"].clone();
    let mut body = front.bare("10:00");
    body["patient"] = patient;
    body["details"] = json!({ "note": "canary of the clinic" });
    let booked = front.post("bot", "/appointments", body).await;
    assert_eq!(booked.status, 201, "{}", booked.text());
    format!("/appointments/{}", booked.json()["id"].as_str().unwrap())
}

async fn link(world: &World, at: &str, more: Value) -> String {
    let made = world.ask("bot", "POST", &format!("{at}/link"), more).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(!made.header("location").unwrap().contains(made.json()["link"].as_str().unwrap()));
    made.json()["link"].as_str().unwrap().to_owned()
}

/// Without a login.
async fn ask(world: &World, method: &str, path: &str, body: Value) -> Reply {
    world.server.stranger().json(method, &format!("{ROOT}/{path}"), &[], &body).await
}

#[tokio::test]
async fn a_patient_sees_what_is_theirs_and_nothing_else_and_reading_writes_nothing() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let at = booked(&world, &front).await;
        let link = link(&world, &at, json!({})).await;
        let before =
            world.server.parts().store.version(world.server.parts().accounts.clinic()).await.unwrap();
        let seen = ask(&world, "GET", &link, Value::Null).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        let told = seen.json();
        let mut names: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let known = [
            "can_change",
            "end",
            "link_expires_at",
            "location",
            "mode",
            "practitioner",
            "service",
            "start",
            "status",
            "zone",
        ];
        assert_eq!(names, known);
        assert_eq!((&told["practitioner"], &told["service"]), (&json!("Dr. ada"), &json!("First visit")));
        assert_eq!((&told["zone"], &told["status"]), (&json!("Europe/Berlin"), &json!("scheduled")));
        assert_eq!(&told["start"].as_str().unwrap()[11..16], "10:00");
        assert_eq!(told["can_change"], true);
        for canary in ["canary", "Canary", "030", "home.example", "p-1"] {
            assert!(!seen.text().contains(canary), "{canary}");
        }
        for (header, value) in [("referrer-policy", "no-referrer"), ("cache-control", "no-store")] {
            assert_eq!(seen.header(header), Some(value));
        }
        let starts = ask(&world, "GET", &format!("{link}/slots?limit=2"), Value::Null).await;
        assert_eq!(starts.status, 200, "{}", starts.text());
        let after = world.server.parts().store.version(world.server.parts().accounts.clinic()).await.unwrap();
        assert_eq!(format!("{before:?}"), format!("{after:?}"), "reading writes nothing");
        let wrong = ask(&world, "DELETE", &link, Value::Null).await;
        assert_eq!(wrong.refusal(), (405, "METHOD_NOT_ALLOWED".into()));
    })
    .await;
}

#[tokio::test]
async fn a_link_is_made_by_whoever_may_change_the_appointment() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let at = booked(&world, &front).await;
        for (who, status) in [("receptionist", 201), ("ada", 201), ("admin", 201), ("patient", 404)] {
            let made = world.ask(who, "POST", &format!("{at}/link"), json!({})).await;
            assert_eq!(made.status, status, "{who}: {}", made.text());
        }
        let foreign = world.ask("south-admin", "POST", &format!("{at}/link"), json!({})).await;
        assert_eq!(foreign.refusal(), (404, "APPOINTMENT_NOT_FOUND".into()));
        assert_eq!(
            world.server.stranger().json("POST", &format!("/api/v1{at}/link"), &[], &json!({})).await.status,
            401
        );
        let long = world.ask("bot", "POST", &format!("{at}/link"), json!({ "hours": 9601 })).await;
        assert_eq!((long.refusal(), &long.json()["field"]), ((422, "INVALID_FIELD".into()), &json!("hours")));
        let nobodys = front.post("bot", "/appointments", front.bare("11:00")).await.json();
        let path = format!("/appointments/{}/link", nobodys["id"].as_str().unwrap());
        let refused = world.ask("bot", "POST", &path, json!({})).await;
        assert_eq!(refused.refusal(), (422, "INVALID_FIELD".into()), "it is of no patient");
    })
    .await;
}

#[tokio::test]
async fn a_patient_cancels_once_and_the_audit_says_by_what() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let at = booked(&world, &front).await;
        let link = link(&world, &at, json!({})).await;
        let off = ask(&world, "POST", &format!("{link}/cancel"), json!({ "reason": "ill" })).await;
        assert_eq!(off.status, 200, "{}", off.text());
        assert_eq!(
            (&off.json()["status"], &off.json()["can_change"]),
            (&json!("cancelled_by_patient"), &json!(false))
        );
        let again = ask(&world, "POST", &format!("{link}/cancel"), json!({})).await;
        assert_eq!(again.refusal(), (409, "INVALID_TRANSITION".into()));
        assert_eq!(ask(&world, "GET", &link, Value::Null).await.json()["status"], "cancelled_by_patient");
        let row = world.done("GET", &at, Value::Null).await;
        assert_eq!((&row["status"], &row["reason"]), (&json!("cancelled_by_patient"), &json!("ill")));
        let audit = world.done("GET", "/audit?limit=200", Value::Null).await;
        let items = audit["items"].as_array().unwrap();
        let of = |kind: &str| items.iter().find(|one| one["kind"] == kind).unwrap().clone();
        let cancelled = of("appointment-cancelled");
        assert_eq!(
            (&cancelled["credential"], &cancelled["door"]),
            (&json!("patient link"), &json!("patient-link"))
        );
        assert_eq!(cancelled["actor"], Value::Null);
        assert!(!audit.to_string().contains(&link), "the secret stands nowhere");
        of("patient-link-made");
    })
    .await;
}

#[tokio::test]
async fn a_patient_moves_it_to_what_is_offered_and_the_old_link_ends() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let at = booked(&world, &front).await;
        let old = link(&world, &at, json!({})).await;
        let starts = ask(&world, "GET", &format!("{old}/slots?limit=50"), Value::Null).await.json();
        let starts = starts["items"].as_array().unwrap().clone();
        let overlapping = starts.iter().find(|one| one["start"].as_str().unwrap()[11..16] == *"10:15");
        let to = overlapping.or(starts.first()).unwrap().clone();
        let moved = ask(&world, "POST", &format!("{old}/move"), json!({ "token": to["token"] })).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        assert_eq!(moved.json()["appointment"]["start"], to["start"]);
        assert_eq!(world.done("GET", &at, Value::Null).await["start"], to["start"]);
        assert_eq!(ask(&world, "GET", &old, Value::Null).await.refusal(), (410, "LINK_OUTDATED".into()));
        let next = moved.json()["link"]["link"].as_str().unwrap().to_owned();
        assert_eq!(ask(&world, "GET", &next, Value::Null).await.json()["start"], to["start"]);
        for (token, code) in [("AAAA", "INVALID_SLOT")] {
            let refused = ask(&world, "POST", &format!("{next}/move"), json!({ "token": token })).await;
            assert_eq!(refused.refusal(), (422, code.into()));
        }
        // What was offered for something else is no way around what the clinic offers to this patient.
        let path = format!("/slots?practitioner={}&minutes=20&limit=1", front.ada);
        let other = world.ask("bot", "GET", &path, Value::Null).await.json()["items"][0]["token"].clone();
        let refused = ask(&world, "POST", &format!("{next}/move"), json!({ "token": other })).await;
        assert_eq!(
            (refused.refusal(), &refused.json()["field"]),
            ((422, "INVALID_FIELD".into()), &json!("token"))
        );
        let staff =
            world.done("POST", &format!("{at}/reschedule"), json!({ "start": front.at("11:30") })).await;
        assert_eq!(staff["status"], "scheduled");
        assert_eq!(ask(&world, "GET", &next, Value::Null).await.refusal(), (410, "LINK_OUTDATED".into()));
    })
    .await;
}

#[tokio::test]
async fn a_forged_an_expired_and_a_late_link_are_refused_with_their_code() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let at = booked(&world, &front).await;
        let good = link(&world, &at, json!({ "hours": 1 })).await;
        let flipped = if good.starts_with('A') { "B" } else { "A" };
        let forged = format!("{flipped}{}", &good[1..]);
        for (method, path) in [("GET", ""), ("POST", "/cancel"), ("GET", "/slots"), ("POST", "/move")] {
            let body = if path == "/move" { json!({ "token": "x" }) } else { Value::Null };
            for bad in [&*forged, "x", &good[1..]] {
                let refused = ask(&world, method, &format!("{bad}{path}"), body.clone()).await;
                assert_eq!(refused.refusal(), (404, "LINK_NOT_FOUND".into()), "{method} {path}");
                assert!(!refused.text().contains(bad) || bad.len() < 2, "it is not repeated");
            }
        }
        // The service's window: closed for the patient, whatever the link says.
        let mut service = world.done("GET", &format!("/services/{}", front.service), Value::Null).await;
        service["cancel_window"] = (60 * 24 * 60).into();
        service.as_object_mut().unwrap().remove("id");
        world.done("PUT", &format!("/services/{}", front.service), service).await;
        assert_eq!(ask(&world, "GET", &good, Value::Null).await.json()["can_change"], false);
        let late = ask(&world, "POST", &format!("{good}/cancel"), json!({})).await;
        assert_eq!(late.refusal(), (409, "CANCEL_WINDOW_CLOSED".into()));
        world.server.clock.turn(3600);
        assert_eq!(ask(&world, "GET", &good, Value::Null).await.refusal(), (410, "LINK_EXPIRED".into()));
    })
    .await;
}

#[tokio::test]
async fn one_date_of_a_series_has_a_link_and_the_series_has_none() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let new = json!({ "external_id": "p-2", "name": "Quentin" });
        let patient = world.done("POST", "/patients", new).await["id"].clone();
        let mut body = front.bare("09:00");
        body["patient"] = patient;
        body["rule"] = "FREQ=WEEKLY;COUNT=3".into();
        let series = world.done("POST", "/series", body).await;
        let whole = format!("/appointments/{}/link", series["id"].as_str().unwrap());
        let refused = world.ask("admin", "POST", &whole, json!({})).await;
        assert_eq!(refused.refusal(), (422, "INVALID_FIELD".into()));
        let date = series["next"][1].clone();
        let at = format!("/appointments/{}", date["id"].as_str().unwrap());
        let made = world.done("POST", &format!("{at}/link"), json!({})).await["link"].clone();
        let link = made.as_str().unwrap();
        assert_eq!(ask(&world, "GET", link, Value::Null).await.json()["start"], date["start"]);
        let off = ask(&world, "POST", &format!("{link}/cancel"), json!({})).await;
        assert_eq!(off.json()["status"], "cancelled_by_patient", "{}", off.text());
        let counts =
            world.done("GET", &format!("/series/{}", series["id"].as_str().unwrap()), Value::Null).await;
        assert_eq!((&counts["counts"]["cancelled"], &counts["counts"]["remaining"]), (&json!(1), &json!(2)));
    })
    .await;
}
