//! Series, calendars, lists of changes and claims through the JSON door (features.md 1 to 25, 37 to 57, 126, 127, 282).

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::world::{World, everywhere};
use crate::support::{client::Reply, server::NOW};

const DAY: i64 = 86_400;

thread_local! {
    /// The present of the test's database: its own clock, or the one the test set.
    static PRESENT: Cell<i64> = const { Cell::new(0) };
}

/// A day on Berlin's clock, counted from a Monday after next week, and a minute of it, as JSON says it.
fn at(day: i64, minute: i64) -> String {
    let zone = ical::Zone::named("Europe/Berlin").unwrap();
    let today = zone.to_civil(PRESENT.get()).div_euclid(DAY);
    // 1970-01-01 was a Thursday.
    let monday = today + 14 - (today + 3).rem_euclid(7);
    let civil = (monday + day) * DAY + minute * 60;
    let hours = zone.offset_at(zone.to_instant(civil)) / 3600;
    let of = ical::Civil::from_seconds(civil);
    let (date, time) = (format!("{:04}-{:02}-{:02}", of.year, of.month, of.day), (of.hour, of.minute));
    format!("{date}T{:02}:{:02}:00+{hours:02}:00", time.0, time.1)
}

/// The day alone.
fn day(day: i64) -> String {
    at(day, 0)[..10].to_owned()
}

/// Mondays at ten.
fn weekly(practitioner: i64, count: u32) -> Value {
    json!({ "practitioner": practitioner, "start": at(0, 600), "minutes": 30,
        "rule": format!("FREQ=WEEKLY;COUNT={count}"), "title": "Therapy" })
}

/// A practitioner who is there from six to ten.
async fn practitioner(world: &World, name: &str) -> i64 {
    let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    PRESENT.set(if world.server.fresh().address().is_some() { real } else { NOW });
    let id = world.practitioner(name).await;
    let days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let hours = json!({ "intervals": [{ "weekdays": days, "start": "06:00", "end": "22:00" }] });
    world.done("PUT", &format!("/practitioners/{id}/hours"), hours).await;
    id
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
        let (berg, room) = (practitioner(&world, "berg").await, room(&world).await);
        let mut new = weekly(berg, 12);
        new["with"] = json!([room]);
        let single = json!({ "practitioner": berg, "start": at(21, 600), "minutes": 30,
            "rule": "FREQ=DAILY;COUNT=1" });
        let taken = world.done("POST", "/series", single).await;
        let seen = world.done("POST", "/series?dry_run=true&shown=5", new.clone()).await;
        let planned = seen["dates"].as_array().unwrap();
        assert_eq!((planned.len(), &seen["more"]), (5, &json!(true)));
        assert_eq!(planned[3]["start"], at(21, 600));
        assert_eq!(planned[3]["conflicts"][0]["resource"], berg);
        assert_eq!(planned[2]["conflicts"], json!([]));
        let refused = world.ask("admin", "POST", "/series", new.clone()).await;
        assert_eq!(refused.refusal(), (409, "SCHEDULING_CONFLICT".into()));
        assert_eq!(refused.json()["conflicts"], seen["conflicts"]);
        new["skip"] = json!([at(21, 600)]);
        let made = world.ask("admin", "POST", "/series", new.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let series = made.json();
        let path = format!("/api/v1/series/{}", id(&series));
        assert_eq!(made.header("location"), Some(&*path));
        let got = world.who("admin").get(&path).await;
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
async fn f38_another_title_alone_leaves_a_date_where_it_is() {
    everywhere(async |world: World| {
        let berg = practitioner(&world, "berg").await;
        let series = id(&world.done("POST", "/series", weekly(berg, 3)).await);
        let date = id(&dates(&world, &series).await["items"][2]);
        let words = json!({ "scope": "this", "change": { "title": "Named" } });
        world.done("PATCH", &format!("/series/{date}"), words).await;
        let named = dates(&world, &series).await["items"][2].clone();
        assert_eq!((&named["title"], &named["start"]), (&json!("Named"), &json!(at(14, 600))));
        assert_eq!(named["end"], at(14, 630));
    })
    .await;
}

#[tokio::test]
async fn f37_f38_f39_f48_f49_this_following_and_all() {
    everywhere(async |world: World| {
        let berg = practitioner(&world, "berg").await;
        let series = id(&world.done("POST", "/series", weekly(berg, 6)).await);
        let list = dates(&world, &series).await;
        let of = |n: usize| id(&list["items"][n]);
        let one = json!({ "scope": "this", "change": { "start": at(8, 660), "title": "Moved" } });
        world.done("PATCH", &format!("/series/{}", of(1)), one).await;
        let off = format!("/series/{}?scope=this&reason=ill&by_patient=true", of(2));
        world.done("DELETE", &off, Value::Null).await;
        let rest = json!({ "scope": "following", "change": { "start": at(28, 720), "minutes": 45 } });
        let path = format!("/series/{}", of(4));
        let seen = world.done("PATCH", &format!("{path}?dry_run=true"), rest.clone()).await;
        assert_eq!(dates(&world, &series).await["items"][4]["start"], at(28, 600));
        let tail = world.done("PATCH", &path, rest).await;
        assert_eq!(tail, seen, "a rehearsal says what the real call does");
        let now = dates(&world, &series).await;
        let told: Vec<_> = now["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|date| {
                (
                    date["start"].as_str().unwrap().to_owned(),
                    date["status"].as_str().unwrap(),
                    date["is_virtual"].as_bool().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (at(0, 600), "scheduled", true),
                (at(8, 660), "scheduled", false),
                (at(14, 600), "cancelled_by_patient", false),
                (at(21, 600), "scheduled", true),
            ]
        );
        assert_eq!(
            (&now["items"][1]["original_start"], &now["items"][1]["title"]),
            (&json!(at(7, 600)), &json!("Moved"))
        );
        let head = world.done("GET", &format!("/series/{series}"), Value::Null).await;
        assert_eq!(head["continued_by"], tail["id"]);
        assert_eq!(starts(&dates(&world, &id(&tail)).await), [at(28, 720), at(35, 720)]);
        let admin = world.who("admin");
        let path = format!("/api/v1/series/{}", id(&tail));
        let change = json!({ "scope": "all", "change": { "title": "Late" } });
        let stale = admin.json("PATCH", &path, &[("If-Match", "\"1\"")], &change).await;
        assert_eq!(stale.refusal(), (412, "VERSION_MISMATCH".into()));
        let tag = admin.get(&path).await.header("etag").unwrap().to_owned();
        assert_eq!(admin.json("PATCH", &path, &[("If-Match", &tag)], &change).await.status, 200);
        let beside = format!("/series/{}/additional", id(&tail));
        let late = json!({ "start": at(29, 1315), "minutes": 30, "reason": "makes up" });
        let refused = world.ask("admin", "POST", &beside, late).await;
        assert_eq!(refused.refusal(), (409, "OUTSIDE_HOURS".into()), "an additional date is measured as any");
        let extra = json!({ "start": at(29, 540), "minutes": 30, "reason": "makes up" });
        let made = world.ask("admin", "POST", &beside, extra).await;
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
        let berg = practitioner(&world, "berg").await;
        let series = id(&world.done("POST", "/series", weekly(berg, 4)).await);
        let list = dates(&world, &series).await;
        let of = |n: usize| id(&list["items"][n]);
        let acts = json!({ "acts": [
            { "id": of(0), "cancel": { "reason": "closed" } },
            { "id": of(1), "change": { "start": at(7, 840) } },
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
        let (berg, lang) = (practitioner(&world, "berg").await, practitioner(&world, "lang").await);
        for who in [berg, lang] {
            world.done("POST", "/series", weekly(who, 8)).await;
        }
        let get = async |path: String| world.done("GET", &path, Value::Null).await;
        let span = get(format!("/practitioners/{berg}/calendar?from={}&to={}", day(13), day(27))).await;
        assert_eq!(starts(&span), [at(14, 600), at(21, 600)]);
        assert_eq!((&span["zone"], &span["from"]), (&json!("Europe/Berlin"), &json!(at(13, 0))));
        let one = get(format!("/practitioners/{berg}/calendar?day={}", day(21))).await;
        assert_eq!((&one["to"], starts(&one).len()), (&json!(at(22, 0)), 1));
        let month = get(format!("/practitioners/{berg}/calendar?month={}", &day(0)[..7])).await;
        let days = month["days"].as_array().unwrap();
        let expected: Vec<String> =
            (0..8).map(|n| day(7 * n)).filter(|date| date[..7] == day(0)[..7]).collect();
        let found: Vec<&str> = days.iter().map(|day| day["date"].as_str().unwrap()).collect();
        assert!(found == expected && days.iter().all(|day| day["appointments"] == 1), "{days:?}");
        let both = get(format!("/calendar?practitioners={berg}&practitioners={lang}&day={}", day(21))).await;
        assert_eq!(both["items"].as_array().unwrap().len(), 2);
        let week = get(format!("/practitioners/{berg}/calendar")).await;
        assert_eq!(week["items"], json!([]), "this week nothing stands there");
        let first =
            get(format!("/practitioners/{berg}/calendar?from={}&to={}&limit=5", day(-1), day(90))).await;
        let next = first["next"].as_str().unwrap();
        let rest =
            get(format!("/practitioners/{berg}/calendar?from={}&to={}&cursor={next}", day(-1), day(90)))
                .await;
        assert_eq!((starts(&first).len(), starts(&rest).len(), &rest["next"]), (5, 3, &Value::Null));
        let of = |query: &str| format!("/practitioners/{berg}/calendar?{query}");
        for (path, code) in [
            (of("from=2030-02-30&to=2030-03-01"), (400, "INVALID_TIME")),
            (of("from=2030-02-20"), (400, "INVALID_TIME")),
            (of("day=2030-02-20&month=2030-02"), (400, "INVALID_TIME")),
            (of("month=2030-13"), (400, "INVALID_TIME")),
            (of("from=2030-03-01&to=2030-02-01"), (422, "INVALID_FIELD")),
            (of("from=2030-03-01&to=2033-02-01"), (422, "INVALID_FIELD")),
            (of("day=2030-02-20&cursor=x"), (400, "INVALID_CURSOR")),
            (of("day=2030-02-20&zone=Mars"), (400, "UNKNOWN_ZONE")),
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
        let berg = practitioner(&world, "berg").await;
        let phone = world.who("berg");
        let lines =
            &format!("DTSTART;TZID=Europe/Berlin:{}T100000\r\nDURATION:PT30M\r\n", day(0).replace('-', ""));
        let object = crate::support::text::object("VEVENT", "own", "Mine", lines);
        let put = phone.ask("PUT", "/dav/calendars/berg/visits/own.ics", &[], &object).await;
        assert_eq!(put.status, 201, "{}", put.text());
        let path = format!("/practitioners/{berg}/calendar?day={}", day(0));
        let before = world.done("GET", &path, Value::Null).await["items"][0].clone();
        assert_eq!(
            (&before["kind"], &before["status"], &before["title"]),
            (&json!("event"), &Value::Null, &json!("Mine"))
        );
        let claimed = format!("/appointments/{}/claim", id(&before));
        let claim = json!({ "practitioner": berg, "patient": 7 });
        let made = world.ask("receptionist", "POST", &claimed, claim.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let after = world.done("GET", &path, Value::Null).await["items"][0].clone();
        assert_eq!(
            (&after["kind"], &after["status"], &after["patient"]),
            (&json!("appointment"), &json!("scheduled"), &json!(7))
        );
        let again = world.ask("receptionist", "POST", &claimed, claim).await;
        assert_eq!(again.refusal(), (409, "ALREADY_EXISTS".into()));
    })
    .await;
}

#[tokio::test]
async fn f246_f247_whose_a_series_is_decides_who_may() {
    everywhere(async |world: World| {
        let (berg, lang) = (practitioner(&world, "berg").await, practitioner(&world, "lang").await);
        let series = id(&world.done("POST", "/series", weekly(berg, 4)).await);
        let is = |reply: Reply, expected: (u16, &str)| {
            assert_eq!(reply.refusal(), (expected.0, expected.1.to_owned()))
        };
        let path = format!("/series/{series}");
        for (who, status) in [("berg", 200), ("receptionist", 200)] {
            assert_eq!(world.ask(who, "GET", &path, Value::Null).await.status, status, "{who}");
        }
        for who in ["lang", "bot", "patient", "south-admin"] {
            assert_eq!(world.ask(who, "GET", &path, Value::Null).await.status, 404, "{who}");
            is(world.ask(who, "DELETE", &path, Value::Null).await, (404, "APPOINTMENT_NOT_FOUND"));
            let calendar = format!("/practitioners/{berg}/calendar");
            let refused = world.ask(who, "GET", &calendar, Value::Null).await.refusal();
            assert!(matches!(refused.0, 403 | 404), "{who}: {refused:?}");
        }
        let mut own = weekly(lang, 2);
        own["start"] = json!(at(0, 900));
        is(world.ask("berg", "POST", "/series", own.clone()).await, (403, "DENIED"));
        let booked = world.ask("bot", "POST", "/series", own).await;
        assert_eq!(booked.status, 201, "{}", booked.text());
        let mut onto = weekly(lang, 2);
        onto["start"] = json!(at(0, 900));
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
        let berg = practitioner(&world, "berg").await;
        let with = |field: &str, value: Value| {
            let mut new = weekly(berg, 4);
            new[field] = value;
            new
        };
        for (new, code) in [
            (with("rule", json!("FREQ=NEVER")), (422, "INVALID_FIELD")),
            (with("minutes", json!(0)), (422, "INVALID_FIELD")),
            (with("minutes", json!(i64::MAX)), (422, "INVALID_FIELD")),
            (with("zone", json!("Mars/Base")), (400, "UNKNOWN_ZONE")),
            (with("start", json!("tomorrow")), (400, "INVALID_TIME")),
            (with("skip", json!([at(1, 600)])), (422, "INVALID_FIELD")),
            (with("details", json!([1])), (422, "INVALID_FIELD")),
            (with("practitioner", json!(999_999)), (404, "NOT_FOUND")),
            (with("with", json!([999_999])), (404, "RESOURCE_NOT_FOUND")),
            (with("patient", json!(999_999)), (404, "NOT_FOUND")),
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

#[tokio::test]
async fn seats_are_given_while_there_are_some() {
    everywhere(async |world: World| {
        let berg = practitioner(&world, "berg").await;
        let class = json!({ "code": "class", "name": "Yoga", "modes": ["in-person"], "minutes": 60, "seats": 2 });
        world.done("POST", "/services", class).await;
        let mut patients = Vec::new();
        for name in ["One", "Two", "Three"] {
            patients.push(world.done("POST", "/patients", json!({ "name": name })).await["id"].clone());
        }
        let new = json!({ "practitioner": berg, "service": "class", "start": at(0, 600), "rule": "FREQ=WEEKLY;COUNT=3" });
        let series = world.done("POST", "/series", new).await;
        assert_eq!(series["end"], at(0, 660), "as long as the service lasts");
        let date = id(&dates(&world, &id(&series)).await["items"][1]);
        let path = format!("/appointments/{date}/seats");
        for patient in &patients[..2] {
            let made = world.ask("receptionist", "POST", &path, json!({ "patient": patient })).await;
            assert_eq!(made.status, 201, "{patient} {}", made.text());
        }
        let full = world.ask("receptionist", "POST", &path, json!({ "patient": patients[2] })).await;
        assert_eq!(full.refusal(), (409, "SEATS_TAKEN".into()));
        let session = world.done("GET", &path, Value::Null).await;
        assert_eq!((&session["seats"], &session["taken"]), (&json!(2), &json!(2)));
        assert_eq!(dates(&world, &id(&series)).await["items"][1]["title"], "Yoga (2/2)");
        world.done("DELETE", &format!("{path}/{}", patients[0]), Value::Null).await;
        let again = world.ask("receptionist", "POST", &path, json!({ "patient": patients[2] })).await;
        assert_eq!(again.status, 201, "{}", again.text());
    })
    .await;
}
