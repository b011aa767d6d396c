//! People and things through the JSON door: made, found, changed under the version that was read, and only by whoever may
//! (features.md 174, 175, 183, 185, 246 to 248; trust.md S3, S4).

use serde_json::{Value, json};

use super::world::{World, everywhere};

fn service() -> Value {
    json!({ "code": "first", "name": "First consultation", "modes": ["in-person"], "minutes": 45,
        "pad_after": 10, "fee": 9000, "currency": "EUR",
        "needs": [{ "kind": "room", "term": "ultrasound" }] })
}

/// One of everything: the path, what makes it, a change of it, and a field the change must show.
fn things() -> Vec<(&'static str, Value, &'static str, Value, &'static str)> {
    let named = |name: &str| json!({ "display_name": name });
    let mut replaced = service();
    replaced["minutes"] = 30.into();
    vec![
        (
            "/practitioners",
            json!({ "name": "berg", "display_name": "Dr. Berg" }),
            "PATCH",
            named("Dr. A. Berg"),
            "display_name",
        ),
        (
            "/rooms",
            json!({ "display_name": "Room 1", "capacity": 2 }),
            "PATCH",
            named("Room one"),
            "display_name",
        ),
        ("/equipment", named("Ultrasound 1"), "PATCH", json!({ "active": false }), "active"),
        (
            "/terms",
            json!({ "dimension": "room-type", "code": "ultrasound", "name": "Ultrasound" }),
            "PATCH",
            json!({ "detail": "Ground floor" }),
            "detail",
        ),
        ("/services", service(), "PUT", replaced, "minutes"),
    ]
}

#[tokio::test]
async fn f67_f174_f175_f185_things_are_made_read_and_changed_under_their_version() {
    everywhere(async |world: World| {
        for (path, new, method, change, field) in things() {
            let admin = world.who("admin");
            let made = world.ask("admin", "POST", path, new).await;
            assert_eq!(made.status, 201, "{path}: {}", made.text());
            let (at, tag) = (made.header("location").unwrap(), made.header("etag").unwrap());
            assert_eq!(at, format!("/api/v1{path}/{}", made.json()["id"]));
            let got = admin.get(at).await;
            assert_eq!((got.status, got.header("etag"), got.json()), (200, Some(tag), made.json()), "{path}");
            let again = admin.ask("GET", at, &[("If-None-Match", tag)], "").await;
            assert_eq!((again.status, again.text()), (304, String::new()), "{path}");
            let listed = admin.get(&format!("/api/v1{path}")).await.json();
            assert_eq!((&listed["items"][0], &listed["next"]), (&made.json(), &Value::Null), "{path}");

            let changed = admin.json(method, at, &[("If-Match", tag)], &change).await;
            assert_eq!(changed.status, 200, "{path}: {}", changed.text());
            assert_eq!(changed.json()[field], change[field], "{path}");
            assert_ne!(changed.header("etag"), Some(tag), "{path}");
            for stale in [tag, "\"x\"", "7"] {
                let late = admin.json(method, at, &[("If-Match", stale)], &change).await;
                assert_eq!(late.refusal(), (412, "VERSION_MISMATCH".into()), "{path} {stale}");
            }
            assert_eq!(admin.json(method, at, &[("If-Match", "*")], &change).await.status, 200, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn f247_ids_of_another_clinic_and_ids_that_are_none_are_not_found() {
    everywhere(async |world: World| {
        for (path, new, method, change, _) in things() {
            let made = world.ask("admin", "POST", path, new).await.json();
            for id in [made["id"].to_string(), "0".into(), "99999999999".into(), "1e3".into(), "x%00".into()]
            {
                let at = format!("{path}/{id}");
                let got = world.ask("south-admin", "GET", &at, Value::Null).await;
                assert_eq!(got.refusal(), (404, "NOT_FOUND".into()), "GET {at}");
                let changed = world.ask("south-admin", method, &at, change.clone()).await;
                assert_eq!(changed.status, 404, "{method} {at}: {}", changed.text());
            }
            let theirs = world.ask("south-admin", "GET", path, Value::Null).await.json();
            assert_eq!(theirs["items"], json!([]), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn f83_a_list_is_read_page_by_page_and_new_things_move_nothing() {
    everywhere(async |world: World| {
        for n in 0..5 {
            let term = json!({ "dimension": "specialty", "code": format!("s{n}"), "name": "S" });
            world.done("POST", "/terms", term).await;
        }
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        for page in 0.. {
            let listed = world.done("GET", &format!("/terms?limit=2{cursor}"), Value::Null).await;
            let codes = listed["items"].as_array().unwrap().iter();
            seen.extend(codes.map(|term| term["code"].as_str().unwrap().to_owned()));
            if page == 0 {
                let late = json!({ "dimension": "specialty", "code": "late", "name": "S" });
                world.done("POST", "/terms", late).await;
            }
            let Some(next) = listed["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, ["s0", "s1", "s2", "s3", "s4", "late"]);
        for (query, code) in [
            ("cursor=%21", "INVALID_CURSOR"),
            ("limit=0", "INVALID_CURSOR"),
            ("limit=201", "INVALID_CURSOR"),
            ("limit=-1", "INVALID_QUERY"),
            ("colour=red", "INVALID_QUERY"),
        ] {
            let refused = world.ask("admin", "GET", &format!("/terms?{query}"), Value::Null).await;
            assert_eq!(refused.refusal(), (400, code.into()), "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn f183_f248_outsiders_see_who_is_offered_and_licences_are_for_those_who_govern() {
    everywhere(async |world: World| {
        let offered = world.practitioner("ada").await;
        let draft = json!({ "name": "eve", "display_name": "Dr. Eve", "public": true });
        let draft = world.done("POST", "/practitioners", draft).await["id"].clone();
        for (who, seen, licence) in [
            ("admin", 2, json!("LIC-1")),
            ("receptionist", 2, Value::Null),
            ("ada", 2, Value::Null),
            ("bot", 1, Value::Null),
            ("patient", 1, Value::Null),
        ] {
            let listed = world.ask(who, "GET", "/practitioners", Value::Null).await.json();
            let listed = listed["items"].as_array().unwrap().clone();
            assert_eq!((listed.len(), &listed[0]["licence"]), (seen, &licence), "{who}");
            let hidden = world.ask(who, "GET", &format!("/practitioners/{draft}"), Value::Null).await;
            assert_eq!(hidden.status, if seen == 2 { 200 } else { 404 }, "{who}");
        }
        let at = format!("/practitioners/{offered}");
        let own = world.ask("ada", "PATCH", &at, json!({ "qualifications": "MD" })).await;
        assert_eq!(own.status, 200, "{}", own.text());
        for change in [json!({ "licence": "X" }), json!({ "status": "off" }), json!({ "policy": "refuse" })] {
            assert_eq!(world.ask("ada", "PATCH", &at, change).await.refusal(), (403, "DENIED".into()));
        }
        let back = world.ask("admin", "PATCH", &at, json!({ "status": "pending" })).await;
        assert_eq!(back.refusal(), (409, "INVALID_TRANSITION".into()));
        assert_eq!(back.json()["status_is"], "active");
    })
    .await;
}

#[tokio::test]
async fn what_is_left_out_stays_and_null_empties() {
    everywhere(async |world: World| {
        let ada = world.practitioner("ada").await;
        let place = json!({ "dimension": "location", "code": "north", "name": "North" });
        let place = world.done("POST", "/terms", place).await["id"].clone();
        let at = format!("/practitioners/{ada}");
        let on = json!([{ "term": place, "weekdays": ["MO", "FR"] }]);
        let changed = world.done("PATCH", &at, json!({ "terms": on, "policy": "put-back" })).await;
        assert_eq!(
            (&changed["terms"], &changed["policy"], &changed["zone"]),
            (&on, &json!("put-back"), &json!("Europe/Berlin"))
        );
        let changed = world.done("PATCH", &at, json!({ "zone": null })).await;
        assert_eq!(
            (&changed["terms"], &changed["zone"], &changed["policy"]),
            (&on, &Value::Null, &json!("put-back"))
        );
        let room = world.done("POST", "/rooms", json!({ "display_name": "Room", "capacity": 2 })).await;
        let at = format!("/rooms/{}", room["id"]);
        let more = world.done("PATCH", &at, json!({ "capacity": 3, "policy": "refuse" })).await;
        assert_eq!((&more["capacity"], &more["policy"]), (&json!(3), &json!("refuse")));
        let less = world.ask("admin", "PATCH", &at, json!({ "capacity": 1 })).await;
        assert_eq!(
            (less.refusal(), &less.json()["field"]),
            ((422, "INVALID_FIELD".into()), &json!("capacity"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_service_is_different_with_somebody_until_it_is_not() {
    everywhere(async |world: World| {
        let ada = world.practitioner("ada").await;
        let id = world.done("POST", "/services", service()).await["id"].clone();
        let at = format!("/services/{id}/exceptions");
        world.done("PUT", &format!("{at}/{ada}"), json!({ "minutes": 60, "fee": 12000 })).await;
        let listed = world.done("GET", &at, Value::Null).await;
        let one = &listed["items"][0];
        assert_eq!(
            (&one["resource"], &one["minutes"], &one["offered"]),
            (&json!(ada), &json!(60), &json!(true))
        );
        world.done("DELETE", &format!("{at}/{ada}"), Value::Null).await;
        assert_eq!(world.done("GET", &at, Value::Null).await["items"], json!([]));
        let gone = world.ask("admin", "DELETE", &format!("{at}/{ada}"), Value::Null).await;
        assert_eq!(gone.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_patient_is_upserted_found_and_never_read_by_a_bot() {
    everywhere(async |world: World| {
        let eva = json!({ "external_id": "p1", "name": "Eva Canary", "phone": "+49 30 1234", "email": "eva@x.example" });
        let made = world.ask("bot", "POST", "/patients", eva.clone()).await;
        assert_eq!((made.status, made.text().contains("Canary")), (201, false), "{}", made.text());
        let again = world.ask("receptionist", "POST", "/patients", eva).await;
        assert_eq!((again.status, again.json()), (200, made.json()), "one patient");
        let at = format!("/patients/{}", made.json()["id"]);
        assert_eq!(world.ask("bot", "GET", &at, Value::Null).await.refusal(), (403, "DENIED".into()));
        for query in ["external_id=p1", "phone=0049%2030%201234", "email=EVA%2Bme@x.example"] {
            let found = world.done("GET", &format!("/patients?{query}"), Value::Null).await;
            assert_eq!(found["items"][0]["name"], "Eva Canary", "{query}");
        }
        let bad = json!({ "name": "E", "phone": "call me" });
        let bad = world.ask("admin", "POST", "/patients", bad).await;
        assert_eq!((bad.refusal(), &bad.json()["field"]), ((422, "INVALID_FIELD".into()), &json!("phone")));
        let audit = world.done("GET", &format!("/audit?subject=patient%20{}&limit=200", made.json()["id"]), Value::Null).await;
        let kinds: Vec<_> = audit["items"].as_array().unwrap().iter().map(|row| row["kind"].clone()).collect();
        assert!(kinds.contains(&json!("patient-made")) && kinds.contains(&json!("patient-read")), "{kinds:?}");
        assert!(!audit.to_string().contains("Canary"));
        world.done("DELETE", &at, Value::Null).await;
        assert_eq!(world.ask("admin", "GET", &at, Value::Null).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say_and_gives_no_more_than_it_has() {
    everywhere(async |world: World| {
        let new = json!({ "label": "bot", "scopes": ["terms:read", "tokens"] });
        let made = world.done("POST", "/tokens", new).await;
        let program = world.server.stranger().bearer(made["secret"].as_str().unwrap());
        assert_eq!(program.get("/api/v1/terms").await.status, 200);
        assert_eq!(program.get("/api/v1/rooms").await.refusal(), (403, "DENIED".into()));
        let term = json!({ "dimension": "mode", "code": "video", "name": "Video" });
        let refused = program.json("POST", "/api/v1/terms", &[], &term).await;
        assert_eq!(refused.refusal(), (403, "DENIED".into()));
        for (scope, status) in [("terms:read", 201), ("terms", 422), ("rooms:read", 422), ("flights", 422)] {
            let more = json!({ "label": "more", "scopes": [scope] });
            assert_eq!(program.json("POST", "/api/v1/tokens", &[], &more).await.status, status, "{scope}");
        }
        assert!(!program.get("/api/v1/tokens").await.text().contains("kalends_"), "secrets are told once");
        world.done("DELETE", &format!("/tokens/{}", made["id"]), Value::Null).await;
        world.server.clock.turn(2);
        assert_eq!(program.get("/api/v1/terms").await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn what_the_clinic_decides_has_defaults_bounds_and_a_version() {
    everywhere(async |world: World| {
        let (admin, at) = (world.who("admin"), "/api/v1/settings");
        let first = admin.get(at).await;
        assert_eq!((first.header("etag"), &first.json()["hold_patient"]), (Some("\"0\""), &json!(600)));
        let decided = admin.json("PUT", at, &[("If-Match", "\"0\"")], &json!({ "hold_patient": 900 })).await;
        assert_eq!(
            (decided.status, &decided.json()["hold_staff"]),
            (200, &json!(1800)),
            "{}",
            decided.text()
        );
        let late = admin.json("PUT", at, &[("If-Match", "\"0\"")], &json!({})).await;
        assert_eq!(late.refusal(), (412, "VERSION_MISMATCH".into()));
        let odd = world.ask("admin", "PUT", "/settings", json!({ "title": "{phone}" })).await;
        assert_eq!((odd.refusal(), &odd.json()["field"]), ((422, "INVALID_FIELD".into()), &json!("title")));
        assert_eq!(world.ask("ada", "GET", "/settings", Value::Null).await.status, 401);
        let other = world.ask("receptionist", "PUT", "/settings", json!({})).await;
        assert_eq!(other.refusal(), (403, "DENIED".into()));
    })
    .await;
}

#[tokio::test]
async fn the_document_and_its_page_are_read_without_login() {
    let server = crate::support::server::Server::start().await;
    let page = server.stranger().get("/api/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(
        page.text().contains("/api/v1/practitioners") && page.header("content-security-policy").is_some()
    );
    let document = server.stranger().get("/api/openapi.json").await;
    assert_eq!(document.json(), kalends::rest::document());
}
