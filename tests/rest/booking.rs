//! Slots, holds and appointments through the JSON door, as a bot and a front desk use them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::world::{World, everywhere};
use crate::support::client::Reply;

const DAY: i64 = 86_400;

/// What a morning of Dr. Ada's needs.
pub struct Front<'w> {
    world: &'w World,
    pub ada: i64,
    pub service: i64,
    /// A Monday that lies ahead by every clock of the test.
    day: String,
}

fn availability() -> &'static str {
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//EN\nBEGIN:VAVAILABILITY\nUID:h\nDTSTAMP:20200101T000000Z\n\
     BEGIN:AVAILABLE\nUID:a\nDTSTAMP:20200101T000000Z\nDTSTART;TZID=Europe/Berlin:20200106T090000\n\
     DTEND;TZID=Europe/Berlin:20200106T120000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\nEND:AVAILABLE\n\
     END:VAVAILABILITY\nEND:VCALENDAR\n"
}

impl Front<'_> {
    pub async fn open(world: &World) -> Front<'_> {
        let ada = world.practitioner("ada").await;
        let who = world.server.parts().accounts.operator("ada").await.unwrap();
        let by = kalends::calendar::Author { who: &who, from: kalends::calendar::Origin::Rest };
        let text = availability().replace('\n', "\r\n");
        world.server.parts().calendars.set_availability(by, Some(text)).await.unwrap();
        let service = json!({ "code": "first", "name": "First visit", "modes": ["in-person", "video"],
            "minutes": 30, "step": 15, "horizon_days": 300 });
        let service = world.done("POST", "/services", service).await["id"].as_i64().unwrap();
        Front { world, ada, service, day: monday(world).await }
    }

    async fn slots(&self, who: &str, more: &str) -> Vec<Value> {
        let path = format!(
            "/slots?service=first&from={0}&zone=Europe/Berlin&practitioner={1}{more}",
            self.day, self.ada
        );
        let reply = self.world.ask(who, "GET", &path, Value::Null).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["items"].as_array().unwrap().clone()
    }

    pub async fn post(&self, who: &str, path: &str, body: Value) -> Reply {
        self.world.ask(who, "POST", path, body).await
    }

    pub fn at(&self, clock: &str) -> Value {
        let zone = kalends::calendar::Zone::named("Europe/Berlin").unwrap();
        let day = chrono::NaiveDate::parse_from_str(&self.day, "%Y-%m-%d").unwrap();
        let midnight = zone.to_instant(day.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp());
        let (hours, minutes) = clock.split_once(':').unwrap();
        let at = midnight + hours.parse::<i64>().unwrap() * 3600 + minutes.parse::<i64>().unwrap() * 60;
        chrono::DateTime::from_timestamp(at, 0).unwrap().to_rfc3339().into()
    }

    pub fn bare(&self, clock: &str) -> Value {
        json!({ "service": self.service, "practitioner": self.ada, "start": self.at(clock) })
    }
}

/// After the database's own clock as well, and within the days for which intervals are made.
async fn monday(world: &World) -> String {
    let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let now = match world.server.fresh().address() {
        Some(_) => real,
        None => crate::support::server::NOW,
    };
    let day = now.div_euclid(DAY) + 8;
    let monday = day + (4 - day).rem_euclid(7);
    chrono::DateTime::from_timestamp(monday * DAY, 0).unwrap().format("%Y-%m-%d").to_string()
}

fn clocks(slots: &[Value]) -> Vec<String> {
    slots.iter().map(|slot| slot["start"].as_str().unwrap()[11..16].to_owned()).collect()
}

#[tokio::test]
async fn a_slot_is_found_held_booked_and_gone_and_offered_again_when_it_is_cancelled() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let slots = front.slots("bot", "&limit=2").await;
        assert_eq!(clocks(&slots), ["09:00", "09:15"]);
        let held = front.post("bot", "/holds", json!({ "token": slots[0]["token"], "phone": "0301" })).await;
        assert_eq!(held.status, 201, "{}", held.text());
        let hold = held.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(held.header("location"), Some(&*format!("/api/v1/holds/{hold}")));
        assert_eq!(clocks(&front.slots("bot", "&limit=1").await), ["09:30"]);
        let longer = world.ask("bot", "PATCH", &format!("/holds/{hold}"), json!({ "seconds": 900 })).await;
        assert_eq!((longer.status, &longer.json()["extended"]), (200, &json!(1)), "{}", longer.text());
        let foreign = world.ask("patient", "GET", &format!("/holds/{hold}"), Value::Null).await;
        assert_eq!(foreign.refusal(), (404, "HOLD_NOT_FOUND".into()), "nobody else's");
        let body = json!({ "hold": hold, "details": { "note": "knee" } });
        let booked = front.post("bot", "/appointments", body).await;
        assert_eq!(booked.status, 201, "{}", booked.text());
        let booked = booked.json();
        assert_eq!((&booked["start"], &booked["status"]), (&slots[0]["start"], &json!("scheduled")));
        assert_eq!(booked["details"]["note"], "knee");
        let at = format!("/appointments/{}", booked["id"].as_str().unwrap());
        assert_eq!(clocks(&front.slots("bot", "&limit=1").await), ["09:30"]);
        let late = front.post("bot", "/appointments", json!({ "hold": hold })).await;
        assert_eq!(late.refusal().0, 404, "a hold is used once");
        let mine = world.ask("bot", "GET", "/appointments/my", Value::Null).await.json();
        assert_eq!(mine["items"][0]["id"], booked["id"]);
        assert!(world.ask("patient", "GET", &at, Value::Null).await.status == 404);
        let cancelled = world.ask("bot", "DELETE", &format!("{at}?reason=ill"), Value::Null).await;
        assert_eq!(cancelled.status, 200, "{}", cancelled.text());
        assert_eq!(cancelled.json()["status"], "cancelled_by_patient");
        assert_eq!(cancelled.json()["reason"], "ill");
        assert_eq!(clocks(&front.slots("bot", "&limit=1").await), ["09:00"]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_time_says_what_stands_there_and_what_is_free_instead() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let slot = front.slots("bot", "&limit=1").await.remove(0);
        let first = front.post("bot", "/appointments", json!({ "token": slot["token"] })).await;
        assert_eq!(first.status, 201, "{}", first.text());
        let taken = front.post("bot", "/appointments", json!({ "token": slot["token"] })).await;
        assert_eq!(taken.refusal(), (409, "SCHEDULING_CONFLICT".into()));
        let told = taken.json();
        assert_eq!(told["conflicts"][0]["resource"], front.ada);
        assert_eq!(told["conflicts"][0]["kind"], "visit");
        assert!(!taken.text().contains(first.json()["id"].as_str().unwrap()), "nothing of who stands there");
        let offered = told["alternatives"].as_array().unwrap();
        assert!((1..=5).contains(&offered.len()));
        let again = front.post("bot", "/appointments", json!({ "token": offered[0]["token"] })).await;
        assert_eq!(again.status, 201, "what is offered instead can be booked: {}", again.text());
        for (body, status, code) in [
            (front.bare("08:00"), 409, "OUTSIDE_HOURS"),
            (json!({ "token": "AAAA" }), 422, "INVALID_SLOT"),
            (json!({ "hold": "nobody's" }), 404, "HOLD_NOT_FOUND"),
            (json!({ "practitioner": front.ada }), 422, "INVALID_FIELD"),
            (
                json!({ "service": "unknown", "practitioner": front.ada, "start": front.at("10:00") }),
                404,
                "NOT_FOUND",
            ),
            (
                json!({ "service": "first", "practitioner": 4711, "start": front.at("10:00") }),
                404,
                "NOT_FOUND",
            ),
            (json!({ "nonsense": 1 }), 400, "INVALID_BODY"),
        ] {
            let refused = front.post("bot", "/appointments", body.clone()).await;
            assert_eq!(refused.refusal(), (status, code.into()), "{body}");
        }
        let mut service = world.done("GET", &format!("/services/{}", front.service), Value::Null).await;
        service["minutes"] = 45.into();
        service.as_object_mut().unwrap().remove("id");
        let token = front.slots("bot", "&limit=3").await.remove(2)["token"].clone();
        world.done("PUT", &format!("/services/{}", front.service), service).await;
        let outdated = front.post("bot", "/appointments", json!({ "token": token })).await;
        assert_eq!(outdated.refusal(), (409, "SLOT_OUTDATED".into()));
        assert!(!outdated.json()["alternatives"].as_array().unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn overbooking_needs_a_right_and_a_reason_and_is_told() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        front.post("admin", "/appointments", front.bare("10:00")).await;
        let mut onto = front.bare("10:15");
        onto["overbook"] = "an emergency".into();
        let bot = front.post("bot", "/appointments", onto.clone()).await;
        assert_eq!(bot.refusal(), (403, "DENIED".into()));
        let desk = front.post("receptionist", "/appointments", onto).await;
        assert_eq!(desk.status, 201, "{}", desk.text());
        assert_eq!(desk.json()["overbooked"], json!([{ "resource": front.ada, "kind": "visit" }]));
    })
    .await;
}

#[tokio::test]
async fn a_key_sent_again_books_once() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let desk = world.who("receptionist");
        let key = [("Idempotency-Key", "one")];
        let first = desk.json("POST", "/api/v1/appointments", &key, &front.bare("10:00")).await;
        let again = desk.json("POST", "/api/v1/appointments", &key, &front.bare("10:00")).await;
        assert_eq!((first.status, again.status), (201, 201));
        assert_eq!(first.json()["id"], again.json()["id"]);
        let other = desk.json("POST", "/api/v1/appointments", &key, &front.bare("11:00")).await;
        assert_eq!(other.refusal(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
    })
    .await;
}

#[tokio::test]
async fn a_visit_is_led_through_its_day_and_no_other_way() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let book = async |clock: &str, mode: &str| {
            let mut body = front.bare(clock);
            body["mode"] = mode.into();
            let booked = front.post("receptionist", "/appointments", body).await;
            assert_eq!(booked.status, 201, "{}", booked.text());
            format!("/appointments/{}", booked.json()["id"].as_str().unwrap())
        };
        let (room, video) = (book("09:00", "in-person").await, book("10:00", "video").await);
        let step = async |at: &str, step: &str, body: Value| {
            world.ask("receptionist", "POST", &format!("{at}/{step}"), body).await
        };
        let early = step(&room, "start", Value::Null).await;
        assert_eq!(early.refusal(), (409, "INVALID_TRANSITION".into()));
        assert_eq!(early.json()["allowed"][0], "confirmed");
        assert_eq!(step(&room, "confirm", Value::Null).await.json()["status"], "confirmed");
        let not_there = step(&video, "check-in", json!({})).await;
        assert_eq!(not_there.refusal(), (422, "VIDEO_CHECK_IN".into()));
        let virtual_one = step(&video, "check-in", json!({ "virtual": true })).await;
        assert_eq!(virtual_one.status, 200, "{}", virtual_one.text());
        assert_eq!(virtual_one.json()["queue"], Value::Null, "nobody queues for a video");
        assert_eq!(step(&room, "check-in", json!({ "virtual": true })).await.refusal().1, "VIDEO_CHECK_IN");
        let there = step(&room, "check-in", json!({})).await.json();
        assert_eq!((&there["status"], &there["queue"]), (&json!("checked_in"), &json!(1)));
        assert!(there["checked_in_at"].is_string());
        assert_eq!(step(&room, "start", Value::Null).await.json()["status"], "in_progress");
        assert_eq!(step(&room, "complete", Value::Null).await.json()["status"], "completed");
        for over in ["cancel", "reschedule", "check-in"] {
            let body = if over == "reschedule" { json!({ "start": front.at("11:00") }) } else { json!({}) };
            assert_eq!(step(&room, over, body).await.refusal().1, "INVALID_TRANSITION", "{over}");
        }
        let bot = world.ask("bot", "POST", &format!("{room}/complete"), Value::Null).await;
        assert_eq!(bot.status, 404, "not the bot's");
    })
    .await;
}

#[tokio::test]
async fn a_move_goes_by_the_same_rules_and_under_the_version_that_was_read() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let booked = front.post("receptionist", "/appointments", front.bare("10:00")).await;
        let (at, tag) = (
            format!("/api/v1/appointments/{}", booked.json()["id"].as_str().unwrap()),
            booked.header("etag").unwrap().to_owned(),
        );
        front.post("receptionist", "/appointments", front.bare("11:00")).await;
        let desk = world.who("receptionist");
        let to = async |tag: &str, clock: &str| {
            let body = json!({ "start": front.at(clock) });
            desk.json("POST", &format!("{at}/reschedule"), &[("If-Match", tag)], &body).await
        };
        let taken = to(&tag, "10:45").await;
        assert_eq!(taken.refusal(), (409, "SCHEDULING_CONFLICT".into()));
        assert!(!taken.json()["alternatives"].as_array().unwrap().is_empty());
        assert_eq!(to(&tag, "07:00").await.refusal().1, "OUTSIDE_HOURS");
        let moved = to(&tag, "10:15").await;
        assert_eq!(moved.status, 200, "onto half of its own time: {}", moved.text());
        assert_eq!(to(&tag, "09:00").await.refusal(), (412, "VERSION_MISMATCH".into()));
        let ignoring = format!("&ignore={}", booked.json()["id"].as_str().unwrap());
        assert!(clocks(&front.slots("receptionist", &ignoring).await).contains(&"10:15".to_owned()));
        let patch = json!({ "details": { "note": "shoulder" }, "title": "Second look" });
        let changed = desk.json("PATCH", &at, &[], &patch).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(changed.json()["details"]["note"], "shoulder");
    })
    .await;
}

#[tokio::test]
async fn a_visit_in_person_has_a_location_where_there_are_some() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let term = |code: &str| json!({ "dimension": "location", "code": code, "name": code });
        let west = world.done("POST", "/terms", term("west")).await["id"].as_i64().unwrap();
        world.done("POST", "/terms", term("east")).await;
        let body = |more: Value| {
            let mut body = front.bare("10:00");
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let nowhere = front.post("bot", "/appointments", body(json!({ "mode": "in-person" }))).await;
        assert_eq!(nowhere.refusal(), (422, "LOCATION_REQUIRED".into()));
        let booked = front.post("bot", "/appointments", body(json!({ "location": "west" }))).await;
        assert_eq!((booked.status, &booked.json()["location"]), (201, &json!(west)), "{}", booked.text());
        let video = json!({ "mode": "video", "start": front.at("11:00") });
        assert_eq!(front.post("bot", "/appointments", body(video)).await.status, 201);
        let listed = world.ask("admin", "GET", "/appointments?location=west", Value::Null).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn appointments_are_listed_by_what_is_asked_page_by_page() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        for clock in ["09:00", "09:30", "10:00", "10:30", "11:00"] {
            assert_eq!(front.post("receptionist", "/appointments", front.bare(clock)).await.status, 201);
        }
        let list = async |query: &str| {
            world.ask("admin", "GET", &format!("/appointments?{query}"), Value::Null).await
        };
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&format!("practitioner={}&limit=2{cursor}", front.ada)).await.json();
            seen.extend(clocks(page["items"].as_array().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, ["09:00", "09:30", "10:00", "10:30", "11:00"]);
        let count = async |query: &str| list(query).await.json()["items"].as_array().unwrap().len();
        assert_eq!(count("status=scheduled&service=first").await, 5);
        assert_eq!(count("status=completed").await, 0);
        assert_eq!(
            count(&format!("from={}", front.at("10:00").as_str().unwrap().replace('+', "%2B"))).await,
            3
        );
        assert_eq!(list("cursor=x").await.refusal(), (400, "INVALID_CURSOR".into()));
        let own = world.ask("ada", "GET", "/appointments/my", Value::Null).await.json();
        assert_eq!(own["items"].as_array().unwrap().len(), 5);
        let nobodys = world.ask("owner", "GET", "/appointments/my", Value::Null).await.json();
        assert_eq!(nobodys["items"], json!([]), "who may see all has booked none");
        let bot = world.ask("bot", "GET", "/appointments", Value::Null).await.json();
        assert_eq!(bot["items"], json!([]), "a bot sees what it booked");
        let other = world.ask("south-admin", "GET", "/appointments", Value::Null).await.json();
        assert_eq!(other["items"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_search_that_makes_no_sense_is_refused_by_name() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        for (query, status, code) in [
            ("", 422, "INVALID_FIELD"),
            ("service=4711", 404, "NOT_FOUND"),
            ("service=first&limit=0", 422, "INVALID_FIELD"),
            ("service=first&minutes=0", 422, "INVALID_FIELD"),
            ("service=first&step=0", 422, "INVALID_FIELD"),
            ("service=first&specialty=unknown", 422, "INVALID_FIELD"),
            ("service=first&mode=unknown", 422, "INVALID_FIELD"),
            ("service=first&room_type=unknown", 422, "INVALID_FIELD"),
            ("service=first&from=yesterday", 400, "INVALID_TIME"),
            ("service=first&zone=Mars", 400, "UNKNOWN_ZONE"),
            ("service=first&from=2026-03-05&to=2026-03-01", 422, "INVALID_FIELD"),
            ("service=first&time_from=25:00", 422, "INVALID_FIELD"),
            ("service=first&series=FREQ%3DWEEKLY", 422, "INVALID_FIELD"),
            ("service=first&ignore=nobody's", 404, "APPOINTMENT_NOT_FOUND"),
            ("service=first&weekdays=XX", 400, "INVALID_QUERY"),
            ("service=first&unknown=1", 400, "INVALID_QUERY"),
        ] {
            let refused = world.ask("bot", "GET", &format!("/slots?{query}"), Value::Null).await;
            assert_eq!(refused.refusal(), (status, code.into()), "{query}");
        }
        let posted = front.post("bot", "/slots", json!({ "service": "first", "limit": 1 })).await;
        assert_eq!(posted.status, 200, "{}", posted.text());
    })
    .await;
}
