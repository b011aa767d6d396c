//! Series, calendars, lists of changes and claims through the JSON door (features.md 1 to 25, 37 to 57, 126, 127, 282).

use serde_json::{Value, json};

use super::world::{World, everywhere};
use crate::support::client::Reply;

/// A weekly series of the coming year, whose zone changes its clocks in between.
fn weekly(practitioner: i64, count: u32) -> Value {
    json!({ "practitioner": practitioner, "start": "2030-03-12T10:00:00+01:00", "minutes": 30,
        "rule": format!("FREQ=WEEKLY;COUNT={count}"), "title": "Therapy", "patient": 7 })
}

async fn room(world: &World) -> i64 {
    let made = world.done("POST", "/rooms", json!({ "display_name": "Room 1" })).await;
    made["id"].as_i64().unwrap()
}

fn starts(list: &Value) -> Vec<String> {
    let all = list["items"].as_array().unwrap();
    all.iter().map(|date| date["start"].as_str().unwrap().to_owned()).collect()
}

async fn dates(world: &World, series: &str) -> Value {
    world.done("GET", &format!("/series/{series}/occurrences"), Value::Null).await
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn f46_f54_f55_a_series_is_looked_at_made_and_read() {
    everywhere(async |world: World| {
        let (berg, room) = (world.practitioner("berg").await, room(&world).await);
        let mut new = weekly(berg, 12);
        new["with"] = json!([room]);
        let single = json!({ "practitioner": berg, "start": "2030-04-02T10:00:00+02:00", "minutes": 30,
            "rule": "FREQ=DAILY;COUNT=1" });
        let taken = world.done("POST", "/series", single).await;
        let seen = world.done("POST", "/series?dry_run=true&shown=5", new.clone()).await;
        let planned = seen["dates"].as_array().unwrap();
        assert_eq!((planned.len(), &seen["more"]), (5, &json!(true)));
        // The hour stays on the wall clock when the clocks change.
        assert_eq!(planned[3]["start"], "2030-04-02T10:00:00+02:00");
        assert_eq!(planned[3]["conflicts"][0]["resource"], berg);
        assert_eq!(planned[2]["conflicts"], json!([]));
        let refused = world.ask("admin", "POST", "/series", new.clone()).await;
        assert_eq!(refused.refusal(), (409, "SCHEDULING_CONFLICT".into()));
        assert_eq!(refused.json()["conflicts"], seen["conflicts"]);
        new["skip"] = json!(["2030-04-02T10:00:00+02:00"]);
        let made = world.ask("admin", "POST", "/series", new.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let series = made.json();
        let at = format!("/api/v1/series/{}", id(&series));
        assert_eq!(made.header("location"), Some(&*at));
        let got = world.who("admin").get(&at).await;
        assert_eq!((got.json(), got.header("etag")), (series.clone(), made.header("etag")));
        assert_eq!((&series["status"], &series["rule"]), (&json!("active"), &json!("FREQ=WEEKLY;COUNT=12")));
        let counts = json!({ "total": 12, "past": 0, "remaining": 11, "completed": 0, "cancelled": 1,
            "moved": 0, "no_show": 0, "additional": 0 });
        assert_eq!(series["counts"], counts);
        assert_eq!((series["next"].as_array().unwrap().len(), &series["next"][3]["number"]), (10, &json!(5)));
        let list = dates(&world, &id(&series)).await;
        assert_eq!(starts(&list).len(), 11);
        let link = list["items"][0]["links"]["series"].as_str().unwrap();
        assert_eq!(world.who("admin").get(link).await.json(), series, "what a date is linked with is there");
        world.done("DELETE", &format!("/series/{}", id(&taken)), Value::Null).await;
    })
    .await;
}

#[tokio::test]
async fn f37_f38_f39_f48_f49_this_following_and_all() {
    everywhere(async |world: World| {
        let berg = world.practitioner("berg").await;
        let series = id(&world.done("POST", "/series", weekly(berg, 6)).await);
        let list = dates(&world, &series).await;
        let of = |n: usize| id(&list["items"][n]);
        let one = json!({ "scope": "this", "change": { "start": "2030-03-20T11:00:00+01:00", "title": "Moved" } });
        world.done("PATCH", &format!("/series/{}", of(1)), one).await;
        let path = format!("/series/{}?scope=this&reason=ill&by_patient=true", of(2));
        let off = world.done("DELETE", &path, Value::Null);
        off.await;
        let rest = json!({ "scope": "following", "change": { "start": "2030-04-09T12:00:00+02:00", "minutes": 45 } });
        let path = format!("/series/{}", of(4));
        let seen = world.done("PATCH", &format!("{path}?dry_run=true"), rest.clone()).await;
        assert_eq!(dates(&world, &series).await["items"][4]["start"], "2030-04-09T10:00:00+02:00");
        let tail = world.done("PATCH", &path, rest).await;
        assert_eq!(tail, seen, "a rehearsal says what the real call does");
        let now = dates(&world, &series).await;
        let told: Vec<_> = now["items"].as_array().unwrap().iter().map(|date| {
            (date["start"].as_str().unwrap(), date["status"].as_str().unwrap(), date["is_virtual"].as_bool().unwrap())
        }).collect();
        assert_eq!(told, [
            ("2030-03-12T10:00:00+01:00", "scheduled", true),
            ("2030-03-20T11:00:00+01:00", "scheduled", false),
            ("2030-03-26T10:00:00+01:00", "cancelled_by_patient", false),
            ("2030-04-02T10:00:00+02:00", "scheduled", true),
        ]);
        assert_eq!((&now["items"][1]["original_start"], &now["items"][1]["title"]), (&json!("2030-03-19T10:00:00+01:00"), &json!("Moved")));
        let head = world.done("GET", &format!("/series/{series}"), Value::Null).await;
        assert_eq!(head["continued_by"], tail["id"]);
        assert_eq!(starts(&dates(&world, &id(&tail)).await), ["2030-04-09T12:00:00+02:00", "2030-04-16T12:00:00+02:00"]);
        let admin = world.who("admin");
        let at = format!("/api/v1/series/{}", id(&tail));
        let change = json!({ "scope": "all", "change": { "title": "Late" } });
        let stale = admin.json("PATCH", &at, &[("If-Match", "\"1\"")], &change).await;
        assert_eq!(stale.refusal(), (412, "VERSION_MISMATCH".into()));
        let tag = admin.get(&at).await.header("etag").unwrap().to_owned();
        assert_eq!(admin.json("PATCH", &at, &[("If-Match", &tag)], &change).await.status, 200);
        let extra = json!({ "start": "2030-04-10T09:00:00+02:00", "minutes": 30, "reason": "makes up" });
        let made = world.ask("admin", "POST", &format!("/series/{}/additional", id(&tail)), extra).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let counts = &world.done("GET", &format!("/series/{}", id(&tail)), Value::Null).await["counts"];
        assert_eq!((&counts["total"], &counts["additional"]), (&json!(3), &json!(1)));
        world.done("DELETE", &format!("/series/{}", id(&tail)), Value::Null).await;
        let all = dates(&world, &id(&tail)).await;
        assert!(all["items"].as_array().unwrap().iter().all(|date| date["status"] == "cancelled_by_clinic"));
        let gone = world.ask("admin", "DELETE", &format!("/series/{}", id(&tail)), Value::Null).await;
        assert_eq!(gone.refusal(), (409, "INVALID_TRANSITION".into()));
    })
    .await;
}

#[tokio::test]
async fn f51_f52_f53_many_changes_are_all_or_none_and_rehearsed() {
    everywhere(async |world: World| {
        let berg = world.practitioner("berg").await;
        let series = id(&world.done("POST", "/series", weekly(berg, 4)).await);
        let list = dates(&world, &series).await;
        let of = |n: usize| id(&list["items"][n]);
        let acts = json!({ "acts": [
            { "id": of(0), "cancel": { "reason": "closed" } },
            { "id": of(1), "change": { "start": "2030-03-19T14:00:00+01:00" } },
            { "id": of(2), "advance": "confirmed" },
        ] });
        let seen = world.done("POST", "/bulk?dry_run=true", acts.clone()).await;
        assert_eq!(dates(&world, &series).await, list);
        assert_eq!(world.done("POST", "/bulk", acts).await, seen);
        assert_eq!(seen["items"].as_array().unwrap().len(), 3);
        let failing = json!({ "acts": [
            { "id": of(3), "cancel": {} },
            { "id": of(0), "cancel": {} },
        ] });
        let refused = world.ask("admin", "POST", "/bulk", failing).await;
        assert_eq!(
            (refused.refusal(), &refused.json()["at"]),
            ((409, "INVALID_TRANSITION".into()), &json!(1))
        );
        assert_eq!(dates(&world, &series).await["items"][3]["status"], "scheduled", "not half of it");
        for bad in [
            json!({ "acts": [] }),
            json!({ "acts": [{ "id": of(1) }] }),
            json!({ "acts": [{ "id": of(1), "advance": "x" }] }),
        ] {
            assert_eq!(
                world.ask("admin", "POST", "/bulk", bad).await.refusal(),
                (422, "INVALID_FIELD".into())
            );
        }
    })
    .await;
}

#[tokio::test]
async fn f17_f20_f21_f126_calendars_by_span_week_day_and_month() {
    everywhere(async |world: World| {
        let (berg, lang) = (world.practitioner("berg").await, world.practitioner("lang").await);
        for who in [berg, lang] {
            world.done("POST", "/series", weekly(who, 8)).await;
        }
        let get = async |path: String| world.done("GET", &path, Value::Null).await;
        let span = get(format!("/practitioners/{berg}/calendar?from=2030-03-25&to=2030-04-08")).await;
        assert_eq!(starts(&span), ["2030-03-26T10:00:00+01:00", "2030-04-02T10:00:00+02:00"]);
        assert_eq!(
            (&span["zone"], &span["from"]),
            (&json!("Europe/Berlin"), &json!("2030-03-25T00:00:00+01:00"))
        );
        let day = get(format!("/practitioners/{berg}/calendar?day=2030-04-02")).await;
        assert_eq!((&day["to"], starts(&day).len()), (&json!("2030-04-03T00:00:00+02:00"), 1));
        let month = get(format!("/practitioners/{berg}/calendar?month=2030-03")).await;
        let days: Vec<_> = month["days"]
            .as_array()
            .unwrap()
            .iter()
            .map(|day| (day["date"].as_str().unwrap(), day["appointments"].as_u64().unwrap()))
            .collect();
        assert_eq!(days, [("2030-03-12", 1), ("2030-03-19", 1), ("2030-03-26", 1)]);
        let both = get(format!("/calendar?practitioners={berg}&practitioners={lang}&day=2030-04-02")).await;
        assert_eq!(both["items"].as_array().unwrap().len(), 2);
        let week = get(format!("/practitioners/{berg}/calendar")).await;
        assert_eq!(week["items"], json!([]), "this week nothing stands there");
        let first =
            get(format!("/practitioners/{berg}/calendar?from=2030-03-01&to=2030-06-01&limit=5")).await;
        let next = first["next"].as_str().unwrap();
        let rest =
            get(format!("/practitioners/{berg}/calendar?from=2030-03-01&to=2030-06-01&cursor={next}")).await;
        assert_eq!((starts(&first).len(), starts(&rest).len(), &rest["next"]), (5, 3, &Value::Null));
        let at = |query: &str| format!("/practitioners/{berg}/calendar?{query}");
        for (path, code) in [
            (at("from=2030-02-30&to=2030-03-01"), (400, "INVALID_TIME")),
            (at("from=2030-02-20"), (400, "INVALID_TIME")),
            (at("day=2030-02-20&month=2030-02"), (400, "INVALID_TIME")),
            (at("month=2030-13"), (400, "INVALID_TIME")),
            (at("from=2030-03-01&to=2030-02-01"), (422, "INVALID_FIELD")),
            (at("from=2030-03-01&to=2033-02-01"), (422, "INVALID_FIELD")),
            (at("day=2030-02-20&cursor=x"), (400, "INVALID_CURSOR")),
            (at("day=2030-02-20&zone=Mars"), (400, "UNKNOWN_ZONE")),
            ("/calendar".to_owned(), (422, "INVALID_FIELD")),
            ("/practitioners/999999/calendar".to_owned(), (404, "RESOURCE_NOT_FOUND")),
            (
                format!("/calendar?practitioners={berg}&practitioners=999999&day=2030-04-02"),
                (404, "RESOURCE_NOT_FOUND"),
            ),
        ] {
            let refused = world.ask("admin", "GET", &path, Value::Null).await;
            assert_eq!(refused.refusal(), (code.0, code.1.into()), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_phones_event_is_claimed() {
    everywhere(async |world: World| {
        let berg = world.practitioner("berg").await;
        let phone = world.who("berg");
        let lines = "DTSTART:20300312T090000Z\r\nDURATION:PT30M\r\n";
        let object = crate::support::text::object("VEVENT", "own", "Mine", lines);
        let put = phone.ask("PUT", "/dav/calendars/berg/visits/own.ics", &[], &object).await;
        assert_eq!(put.status, 201, "{}", put.text());
        let day = format!("/practitioners/{berg}/calendar?day=2030-03-12");
        let before = world.done("GET", &day, Value::Null).await["items"][0].clone();
        assert_eq!(
            (&before["kind"], &before["status"], &before["title"]),
            (&json!("event"), &Value::Null, &json!("Mine"))
        );
        let path = format!("/appointments/{}/claim", id(&before));
        let claim = json!({ "practitioner": berg, "patient": 7 });
        let made = world.ask("receptionist", "POST", &path, claim.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let after = world.done("GET", &day, Value::Null).await["items"][0].clone();
        assert_eq!(
            (&after["kind"], &after["status"], &after["patient"]),
            (&json!("appointment"), &json!("scheduled"), &json!(7))
        );
        let again = world.ask("receptionist", "POST", &path, claim).await;
        assert_eq!(again.refusal(), (409, "ALREADY_EXISTS".into()));
    })
    .await;
}

#[tokio::test]
async fn f246_f247_whose_a_series_is_decides_who_may() {
    everywhere(async |world: World| {
        let (berg, lang) = (world.practitioner("berg").await, world.practitioner("lang").await);
        let series = id(&world.done("POST", "/series", weekly(berg, 4)).await);
        let is = |reply: Reply, expected: (u16, &str)| {
            assert_eq!(reply.refusal(), (expected.0, expected.1.to_owned()))
        };
        let path = format!("/series/{series}");
        for (who, status) in [("berg", 200), ("receptionist", 200)] {
            assert_eq!(world.ask(who, "GET", &path, Value::Null).await.status, status, "{who}");
        }
        for who in ["lang", "bot", "patient", "south-admin"] {
            is(world.ask(who, "GET", &path, Value::Null).await, (404, "APPOINTMENT_NOT_FOUND"));
            is(world.ask(who, "DELETE", &path, Value::Null).await, (404, "APPOINTMENT_NOT_FOUND"));
            let calendar = format!("/practitioners/{berg}/calendar");
            let refused = world.ask(who, "GET", &calendar, Value::Null).await.refusal();
            assert!(matches!(refused.0, 403 | 404), "{who}: {refused:?}");
        }
        let mut own = weekly(lang, 2);
        own["start"] = json!("2030-03-12T15:00:00+01:00");
        is(world.ask("berg", "POST", "/series", own.clone()).await, (403, "DENIED"));
        let booked = world.ask("bot", "POST", "/series", own).await;
        assert_eq!(booked.status, 201, "{}", booked.text());
        let mut onto = weekly(lang, 2);
        onto["start"] = json!("2030-03-12T15:00:00+01:00");
        onto["overbook"] = json!("urgent");
        is(world.ask("bot", "POST", "/series", onto.clone()).await, (403, "DENIED"));
        assert_eq!(world.ask("receptionist", "POST", "/series", onto).await.status, 201);
        let path = format!("/series/{}", id(&booked.json()));
        assert_eq!(world.ask("bot", "DELETE", &path, Value::Null).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_code() {
    everywhere(async |world: World| {
        let berg = world.practitioner("berg").await;
        let with = |field: &str, value: Value| {
            let mut new = weekly(berg, 4);
            new[field] = value;
            new
        };
        for (new, code) in [
            (with("rule", json!("FREQ=NEVER")), (422, "INVALID_FIELD")),
            (with("minutes", json!(0)), (422, "INVALID_FIELD")),
            (with("minutes", json!(i64::MAX)), (422, "INVALID_FIELD")),
            (with("zone", json!("Mars/Base")), (422, "INVALID_FIELD")),
            (with("start", json!("tomorrow")), (400, "INVALID_TIME")),
            (with("start", json!("9999-12-31T23:59:59Z")), (422, "INVALID_FIELD")),
            (with("skip", json!(["2030-03-13T10:00:00Z"])), (422, "INVALID_FIELD")),
            (with("details", json!([1])), (422, "INVALID_FIELD")),
            (with("practitioner", json!(999_999)), (404, "RESOURCE_NOT_FOUND")),
            (with("with", json!([999_999])), (404, "RESOURCE_NOT_FOUND")),
            (with("more", json!(1)), (400, "INVALID_BODY")),
        ] {
            for path in ["/series", "/series?dry_run=true"] {
                let refused = world.ask("admin", "POST", path, new.clone()).await;
                assert_eq!(refused.refusal(), (code.0, code.1.into()), "{new} {}", refused.text());
            }
        }
        for path in ["/series/%25", "/series/AAAA", "/series/x.y"] {
            let refused = world.ask("admin", "GET", path, Value::Null).await;
            assert_eq!(refused.status, 404, "{path}");
        }
    })
    .await;
}
