//! Hours, overrides, leave, blocks and holidays through the JSON door: told before they leave anybody outside, refused with
//! the pair that overlaps, and alike in free/busy of either door (features.md 112 to 125, 137 to 146, 175).

use std::time::{SystemTime, UNIX_EPOCH};

use kalends::clinic::{By, Ground, Origin, PrincipalId, Visit, day_name};
use serde_json::{Value, json};

use super::world::{World, everywhere};
use crate::support::client::Reply;

/// A Monday in two weeks or three: near enough to stand in the index.
struct Date {
    /// Days since 1970.
    number: i64,
    /// As 2026-03-02, and the day after.
    name: String,
    next: String,
    /// Of Berlin on that day, as +01:00.
    offset: String,
}

impl Date {
    fn new() -> Date {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 / 86_400;
        // The first of January 1970 was a Thursday.
        let number = now + 14 + (4 - now).rem_euclid(7);
        let hours = ical::Zone::named("Europe/Berlin").unwrap().offset_at(number * 86_400) / 3600;
        let (name, next) = (day_name(number), day_name(number + 1));
        Date { number, name, next, offset: format!("+{hours:02}:00") }
    }

    /// Around it, as a query.
    fn around(&self) -> String {
        format!("from={}&until={}", day_name(self.number - 10), day_name(self.number + 20))
    }

    /// An instant in Berlin.
    fn at(&self, clock: &str) -> String {
        format!("{}T{clock}:00{}", self.name, self.offset)
    }
}

fn interval(days: &[&str], start: &str, end: &str) -> Value {
    json!({ "weekdays": days, "start": start, "end": end })
}

fn week(intervals: &[Value]) -> Value {
    json!({ "intervals": intervals })
}

fn code(reply: &Reply) -> (u16, String) {
    let body = reply.json();
    (reply.status, body["code"].as_str().unwrap_or_default().to_owned())
}

/// From when to when Dr. Berg is free on that day.
async fn free(world: &World, date: &Date) -> Vec<(String, String)> {
    let span = format!("start={}&end={}&zone=Europe/Berlin", date.name, date.next);
    let reply = world.who("berg").get(&format!("/api/v1/freebusy?principals=berg&{span}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let told = reply.json();
    let clock = |time: &Value| time.as_str().unwrap()[11..16].to_owned();
    let busy = told["principals"][0]["busy"].as_array().unwrap().clone();
    let mut at = clock(&told["start"]);
    let mut free = Vec::new();
    for one in &busy {
        if at != clock(&one["start"]) {
            free.push((at, clock(&one["start"])));
        }
        at = clock(&one["end"]);
    }
    if busy.last().is_none_or(|last| last["end"] != told["end"]) {
        free.push((at, "24:00".into()));
    }
    free
}

fn spans(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(from, until)| ((*from).to_owned(), (*until).to_owned())).collect()
}

/// An hour of Dr. Berg's, booked at eight.
async fn booked(world: &World, of: i64, date: &Date) -> String {
    let start = ical::Zone::named("Europe/Berlin").unwrap().to_instant(date.number * 86_400 + 8 * 3600);
    let parts = world.server.parts();
    let by = By { clinic: parts.accounts.clinic(), who: None, door: Origin::Rest };
    let visit = Visit {
        practitioner: PrincipalId(of),
        with: Vec::new(),
        start,
        end: start + 3600,
        zone: "Europe/Berlin".into(),
        rule: None,
        buffers: (0, 0),
        title: "Consultation".into(),
        place: None,
        location: None,
        mode: None,
        patient: None,
        service: None,
        is_pending: false,
        details: None,
    };
    parts.clinic.book(by, visit, Ground::Bare).await.unwrap().id.to_string()
}

#[tokio::test]
async fn f112_f113_f115_f116_f117_a_week_is_replaced_under_its_version() {
    everywhere(async |world: World| {
        let date = Date::new();
        let id = world.practitioner("berg").await;
        let at = format!("/practitioners/{id}/hours");
        let empty = world.ask("admin", "GET", &at, Value::Null).await;
        let told = empty.json();
        assert_eq!(
            (told["zone"].as_str(), told["intervals"].as_array().map(Vec::len)),
            (Some("Europe/Berlin"), Some(0))
        );
        let days = ["MO", "TU"];
        let hours = week(&[interval(&days, "09:00", "12:00"), interval(&days, "14:00", "24:00")]);
        let under = |tag: &str| vec![("If-Match".to_owned(), tag.to_owned())];
        let put = async |tag: &str, hours: &Value| {
            let headers = under(tag);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            world.who("berg").json("PUT", &format!("/api/v1{at}"), &headers, hours).await
        };
        let first = put(empty.header("etag").unwrap(), &hours).await;
        assert_eq!(first.status, 200, "{}", first.text());
        let got = world.ask("berg", "GET", &at, Value::Null).await;
        assert_eq!(got.header("etag"), first.header("etag"));
        let all = got.json()["intervals"].as_array().unwrap().clone();
        let told: Vec<_> = all.iter().map(|one| (one["weekdays"][0].clone(), one["start"].clone())).collect();
        assert_eq!(json!(told), json!([["MO", "09:00"], ["MO", "14:00"], ["TU", "09:00"], ["TU", "14:00"]]));
        assert_eq!(free(&world, &date).await, spans(&[("09:00", "12:00"), ("14:00", "24:00")]));
        let stale = put(empty.header("etag").unwrap(), &hours).await;
        assert_eq!(code(&stale), (412, "VERSION_MISMATCH".into()));
        let overlap = week(&[interval(&["MO"], "09:00", "12:00"), interval(&["MO"], "11:59", "13:00")]);
        let refused = put("*", &overlap).await;
        assert_eq!(code(&refused), (422, "OVERLAPPING_INTERVALS".into()));
        assert_eq!(refused.json()["intervals"], json!(["intervals[0]", "intervals[1]"]));
        for (bad, field) in [
            (interval(&["MO"], "12:00", "09:00"), "end"),
            (interval(&["MO"], "9:00", "12:00"), "start"),
            (interval(&[], "09:00", "12:00"), "weekdays"),
            (json!({ "start": "09:00", "end": "10:00", "from": "2026-02-30" }), "from"),
            (json!({ "start": "09:00", "end": "10:00", "place": 1 }), "place"),
        ] {
            let refused = put("*", &week(&[bad])).await;
            assert_eq!(code(&refused), (422, "INVALID_FIELD".into()));
            assert_eq!(refused.json()["field"], field);
        }
        assert_eq!(world.ask("berg", "GET", &at, Value::Null).await.header("etag"), first.header("etag"));
    })
    .await;
}

#[tokio::test]
async fn f118_f122_f143_appointments_are_told_before_they_stand_outside() {
    everywhere(async |world: World| {
        let date = Date::new();
        let id = world.practitioner("berg").await;
        let appointment = booked(&world, id, &date).await;
        let hours = format!("/practitioners/{id}/hours");
        let blocks = format!("/resources/{id}/blocks");
        let day = json!({ "first": date.name, "last": date.name, "intervals": [] });
        let block = json!({ "kind": "emergency", "first": date.name });
        let leave = json!({ "practitioner": id, "kind": "vacation", "start": date.name, "end": date.next });
        let leave = world.done("POST", "/leave", leave).await["id"].clone();
        let changes = [
            ("PUT", hours, week(&[interval(&["MO"], "09:00", "17:00")])),
            ("POST", format!("/practitioners/{id}/overrides"), day),
            ("POST", blocks, block),
            ("POST", format!("/leave/{leave}/approve"), json!({})),
            ("POST", "/holidays".to_owned(), json!({ "title": "Closed", "first": date.name })),
        ];
        for (n, (method, at, body)) in changes.into_iter().enumerate() {
            let dry = world.ask("admin", method, &format!("{at}?dry_run=true"), body.clone()).await;
            assert_eq!(dry.status, 200, "{at}: {}", dry.text());
            let told = dry.json();
            // The week has left it outside already when the day is closed too.
            let expected = if n == 1 { json!([]) } else { json!([appointment]) };
            let ids: Vec<_> = told["appointments"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["appointment"].clone())
                .collect();
            assert_eq!((&told["made"], json!(ids)), (&json!(false), expected), "{at}");
            let refused = world.ask("admin", method, &at, body.clone()).await;
            if n != 1 {
                assert_eq!(code(&refused), (409, "APPOINTMENTS_AFFECTED".into()), "{at}");
                assert_eq!(refused.json()["appointments"], told["appointments"], "{at}");
                let sure = world.ask("admin", method, &format!("{at}?confirm=true"), body).await;
                assert_eq!((sure.status, &sure.json()["made"]), (200, &json!(true)), "{at}: {}", sure.text());
            }
            let outside =
                world.done("GET", &format!("/resources/{id}/outside?{}", date.around()), Value::Null).await;
            assert_eq!(outside["items"][0]["appointment"], json!(appointment), "{at}");
        }
        assert_eq!(free(&world, &date).await, spans(&[]));
    })
    .await;
}

#[tokio::test]
async fn f120_f124_f139_f175_blocks_are_made_changed_and_taken_away() {
    everywhere(async |world: World| {
        let date = Date::new();
        let id = world.practitioner("berg").await;
        let room = world.done("POST", "/rooms", json!({ "display_name": "Room 1" })).await["id"].clone();
        let at = format!("/resources/{id}/blocks");
        let times = |start: &str, end: &str| {
            json!({ "kind": "exception", "start": date.at(start),
                "end": date.at(end) })
        };
        let made = world.ask("berg", "POST", &at, times("10:00", "11:00")).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let block = made.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(free(&world, &date).await, spans(&[("00:00", "10:00"), ("11:00", "24:00")]));
        let one = format!("{at}/{block}");
        world.done("PUT", &one, times("12:00", "13:00")).await;
        assert_eq!(free(&world, &date).await, spans(&[("00:00", "12:00"), ("13:00", "24:00")]));
        let listed = world.done("GET", &format!("{at}?{}", date.around()), Value::Null).await;
        assert_eq!(
            (&listed["items"][0]["id"], &listed["items"][0]["kind"]),
            (&json!(block), &json!("exception"))
        );
        assert_eq!(world.ask("berg", "DELETE", &one, Value::Null).await.status, 204);
        assert_eq!(free(&world, &date).await, spans(&[("00:00", "24:00")]));
        let forced = json!({ "kind": "forced", "first": date.name });
        for who in ["berg", "receptionist"] {
            assert_eq!(
                code(&world.ask(who, "POST", &at, forced.clone()).await),
                (403, "DENIED".into()),
                "{who}"
            );
        }
        let block = world.done("POST", &at, forced).await["id"].as_str().unwrap().to_owned();
        let kept = world.ask("berg", "DELETE", &format!("{at}/{block}"), Value::Null).await;
        assert_eq!(code(&kept), (403, "DENIED".into()));
        let maintenance = json!({ "kind": "maintenance", "rule": "FREQ=WEEKLY",
            "start": date.at("08:00"), "end": date.at("10:00") });
        let rooms = format!("/resources/{room}/blocks");
        world.done("POST", &rooms, maintenance).await;
        let listed = world
            .done(
                "GET",
                &format!("{rooms}?from={}&until={}", day_name(date.number + 7), day_name(date.number + 8)),
                Value::Null,
            )
            .await;
        assert!(listed["items"][0]["start"].as_str().unwrap().starts_with(&day_name(date.number + 7)));
        for (bad, field) in [
            (json!({ "kind": "leave", "first": date.name }), "kind"),
            (json!({ "kind": "exception", "first": date.name, "end": date.at("09:00") }), "start"),
            (json!({ "kind": "exception", "first": date.name, "rule": "FREQ=NEVER" }), "rule"),
        ] {
            let refused = world.ask("admin", "POST", &at, bad).await;
            assert_eq!((code(&refused).0, &refused.json()["field"]), (422, &json!(field)));
        }
    })
    .await;
}

#[tokio::test]
async fn f138_f145_overrides_and_f139_holidays_close_and_open_days() {
    everywhere(async |world: World| {
        let date = Date::new();
        let id = world.practitioner("berg").await;
        world
            .done("PUT", &format!("/practitioners/{id}/hours"), week(&[interval(&["MO"], "09:00", "17:00")]))
            .await;
        let at = format!("/practitioners/{id}/overrides");
        let day = |hours: &[Value]| json!({ "first": date.name, "last": date.name, "intervals": hours });
        let evening = json!({ "start": "18:00", "end": "20:00" });
        let made = world.ask("berg", "POST", &at, day(&[evening])).await;
        let one = format!("{at}/{}", made.json()["id"].as_str().unwrap());
        assert_eq!(free(&world, &date).await, spans(&[("18:00", "20:00")]));
        let listed = world.done("GET", &format!("{at}?{}", date.around()), Value::Null).await;
        assert_eq!(
            (&listed["items"][0]["first"], &listed["items"][0]["urgent"]),
            (&json!(date.name), &json!(false))
        );
        world.done("PUT", &one, day(&[])).await;
        assert_eq!(free(&world, &date).await, spans(&[]));
        assert_eq!(world.ask("berg", "DELETE", &one, Value::Null).await.status, 200);
        assert_eq!(free(&world, &date).await, spans(&[("09:00", "17:00")]));
        let gone = world.ask("berg", "DELETE", &one, Value::Null).await;
        assert_eq!(code(&gone), (404, "NOT_FOUND".into()));
        let holiday = json!({ "title": "Founders' day", "first": date.name, "yearly": true });
        let denied = world.ask("berg", "POST", "/holidays", holiday.clone()).await;
        assert_eq!(code(&denied), (403, "DENIED".into()));
        let holiday = world.done("POST", "/holidays", holiday).await["id"].as_str().unwrap().to_owned();
        assert_eq!(free(&world, &date).await, spans(&[]));
        let listed = world.done("GET", &format!("/holidays?{}", date.around()), Value::Null).await;
        assert_eq!(
            (&listed["items"][0]["title"], &listed["items"][0]["all_day"]),
            (&json!("Founders' day"), &json!(true))
        );
        assert_eq!(
            world.ask("admin", "DELETE", &format!("/holidays/{holiday}"), Value::Null).await.status,
            204
        );
        assert_eq!(free(&world, &date).await, spans(&[("09:00", "17:00")]));
    })
    .await;
}

#[tokio::test]
async fn f141_f142_leave_is_asked_for_decided_and_taken_back() {
    everywhere(async |world: World| {
        let date = Date::new();
        let id = world.practitioner("berg").await;
        let new =
            |kind: &str| json!({ "practitioner": id, "kind": kind, "start": date.name, "end": date.next });
        let asked = world.ask("berg", "POST", "/leave", new("vacation")).await;
        assert_eq!(asked.status, 201, "{}", asked.text());
        let leave = asked.json();
        let midnight = ical::Zone::named("Europe/Berlin").unwrap().to_instant(date.number * 86_400);
        let instant = chrono::DateTime::from_timestamp(midnight, 0).unwrap();
        let instant = instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        assert_eq!((&leave["start"], &leave["status"]), (&json!(instant), &json!("open")));
        let at = format!("/leave/{}", leave["id"]);
        let own = world.ask("berg", "POST", &format!("{at}/approve"), json!({})).await;
        assert_eq!(code(&own), (403, "DENIED".into()));
        world.done("POST", &format!("{at}/approve"), json!({})).await;
        assert_eq!(free(&world, &date).await, spans(&[]));
        let twice = world.ask("admin", "POST", &format!("{at}/reject"), json!({})).await;
        assert_eq!(code(&twice), (409, "INVALID_TRANSITION".into()));
        assert_eq!(world.ask("berg", "POST", &format!("{at}/cancel"), json!({})).await.status, 200);
        assert_eq!(free(&world, &date).await, spans(&[("00:00", "24:00")]));
        let second = world.done("POST", "/leave", new("sick")).await["id"].clone();
        world.done("POST", &format!("/leave/{second}/reject"), json!({})).await;
        let listed = world.done("GET", "/leave?status=rejected", Value::Null).await;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(world.done("GET", &at, Value::Null).await["status"], json!("cancelled"));
        let refused = world.ask("admin", "POST", "/leave", new("party")).await;
        assert_eq!((code(&refused).0, &refused.json()["field"]), (422, &json!("kind")));
    })
    .await;
}

#[tokio::test]
async fn f119_an_appointment_outside_is_marked_wherever_it_is_listed() {
    everywhere(async |world: World| {
        let date = Date::new();
        let id = world.practitioner("berg").await;
        booked(&world, id, &date).await;
        let mark = async || {
            let at = format!("/practitioners/{id}/calendar?day={}", date.name);
            world.done("GET", &at, Value::Null).await["items"][0]["outside"].clone()
        };
        assert_eq!(mark().await, Value::Null);
        let at = format!("/practitioners/{id}/hours?confirm=true");
        world.done("PUT", &at, week(&[interval(&["MO"], "09:00", "17:00")])).await;
        assert_eq!(mark().await, json!("hours"));
        world.done("PUT", &at, week(&[interval(&["MO"], "08:00", "17:00")])).await;
        assert_eq!(mark().await, Value::Null, "it is found out when somebody looks");
        let holiday = json!({ "title": "Closed", "first": date.name });
        world.done("POST", "/holidays?confirm=true", holiday).await;
        assert_eq!(mark().await, json!("closed"));
    })
    .await;
}

#[tokio::test]
async fn f133_a_week_is_copied_and_exceptions_are_cleared() {
    everywhere(async |world: World| {
        let date = Date::new();
        let id = world.practitioner("other").await;
        let other = world.practitioner("berg").await;
        let hours = |id| format!("/practitioners/{id}/hours");
        // To other days: an interval stands on several.
        world.done("PUT", &hours(id), week(&[interval(&["MO", "WE"], "09:00", "17:00")])).await;
        let copy = json!({ "to": [other] });
        let dry = world.done("POST", &format!("{}/copy?dry_run=true", hours(id)), copy.clone()).await;
        assert_eq!(dry["made"], json!(false));
        assert_eq!(free(&world, &date).await, spans(&[("00:00", "24:00")]));
        let denied = world.ask("other", "POST", &format!("{}/copy", hours(id)), copy.clone()).await;
        assert_eq!(code(&denied), (403, "DENIED".into()));
        world.done("POST", &format!("{}/copy", hours(id)), copy).await;
        assert_eq!(free(&world, &date).await, spans(&[("09:00", "17:00")]));
        let at = format!("/resources/{other}/blocks");
        for (kind, start, end) in [("exception", "09:00", "10:00"), ("forced", "11:00", "12:00")] {
            let block = json!({ "kind": kind, "start": date.at(start), "end": date.at(end) });
            world.done("POST", &at, block).await;
        }
        let cleared = world.done("DELETE", &format!("{at}?{}", date.around()), Value::Null).await;
        assert_eq!(cleared["removed"].as_array().map(Vec::len), Some(1));
        assert_eq!(free(&world, &date).await, spans(&[("09:00", "11:00"), ("12:00", "17:00")]));
    })
    .await;
}

/// Nobody of another clinic, no bot and no patient comes near; nor one practitioner to another's.
#[tokio::test]
async fn s4_hours_and_closed_time_are_the_clinics_own() {
    everywhere(async |world: World| {
        let date = Date::new();
        let id = world.practitioner("berg").await;
        world.practitioner("other").await;
        let paths = [
            ("GET", format!("/practitioners/{id}/hours"), Value::Null),
            ("PUT", format!("/practitioners/{id}/hours"), json!({ "zone": "UTC", "intervals": [] })),
            ("GET", format!("/practitioners/{id}/overrides?{}", date.around()), Value::Null),
            ("GET", format!("/resources/{id}/blocks?{}", date.around()), Value::Null),
            ("POST", format!("/resources/{id}/blocks"), json!({ "kind": "exception", "first": date.name })),
        ];
        for (method, path, body) in &paths {
            for who in ["bot", "patient"] {
                let refused = world.ask(who, method, path, body.clone()).await;
                assert_eq!(code(&refused), (403, "DENIED".into()), "{who} {method} {path}");
            }
            let theirs = world.ask("south-admin", method, path, body.clone()).await;
            assert_eq!(theirs.status, 404, "{method} {path}: {}", theirs.text());
        }
        for (method, path, body) in &paths[1..] {
            let other = world.ask("other", method, path, body.clone()).await;
            let may_read = path.contains("/overrides");
            assert_eq!(other.status, if may_read { 200 } else { 403 }, "{method} {path}: {}", other.text());
        }
    })
    .await;
}
