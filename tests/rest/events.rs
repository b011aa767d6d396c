//! What happens is told while it happens, to whom it concerns, and whoever comes back misses nothing.

use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::booking::Front;
use super::world::{World, everywhere};
use crate::support::server::password;

/// A stream of events that is being read.
struct Stream {
    from: TcpStream,
    text: String,
}

impl Stream {
    async fn open(world: &World, who: &str, query: &str, last: Option<i64>) -> Stream {
        let mut from = TcpStream::connect(world.server.address()).await.unwrap();
        let pair = format!("{who}:{}", password(who));
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let ask = format!(
            "GET /api/v1/events{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Basic {pair}\r\n{last}\r\n"
        );
        from.write_all(ask.as_bytes()).await.unwrap();
        let mut stream = Stream { from, text: String::new() };
        stream.until("retry:").await;
        assert!(stream.text.contains("text/event-stream"), "{}", stream.text);
        stream
    }

    /// Reads on until a text has come; false when the stream ended before.
    async fn until(&mut self, what: &str) -> bool {
        let mut chunk = [0; 4096];
        while !self.text.contains(what) {
            let read = tokio::time::timeout(Duration::from_secs(10), self.from.read(&mut chunk)).await;
            match read.expect("something is said in time").unwrap() {
                0 => return false,
                read => self.text += &String::from_utf8_lossy(&chunk[..read]),
            }
        }
        true
    }

    fn kinds(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
    }

    fn last_id(&self) -> i64 {
        self.text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn a_booking_is_told_to_whom_it_concerns_and_resumed_without_a_gap() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let bob = world.practitioner("bob").await;
        let mut desk = Stream::open(&world, "receptionist", "", None).await;
        let mut ada = Stream::open(&world, "ada", "", None).await;
        let mut other = Stream::open(&world, "receptionist", &format!("?practitioner={bob}"), None).await;
        let mut later = Stream::open(&world, "admin", "?from=2040-01-01", None).await;
        let held = front.post("bot", "/holds", front.bare("10:00")).await;
        assert_eq!(held.status, 201, "{}", held.text());
        let hold = held.json()["id"].as_str().unwrap().to_owned();
        assert!(desk.until("hold_created").await);
        let first = desk.last_id();
        let booked = front.post("bot", "/appointments", json!({ "hold": hold })).await;
        let id = booked.json()["id"].as_str().unwrap().to_owned();
        let at = format!("/appointments/{id}");
        assert!(desk.until("event: booked").await && ada.until("event: booked").await);
        assert_eq!(
            desk.kinds(),
            ["slot_availability_changed", "hold_created", "slot_availability_changed", "booked"]
        );
        assert!(desk.text.contains(&format!("\"appointment\":\"{id}\"")), "{}", desk.text);
        assert!(!desk.text.contains(&hold), "whoever knows a hold's id may book by it");
        world.ask("bot", "DELETE", &at, Value::Null).await;
        assert!(desk.until("event: cancelled").await);
        let released = front.post("bot", "/holds", front.bare("11:00")).await;
        let hold = released.json()["id"].as_str().unwrap().to_owned();
        world.ask("bot", "DELETE", &format!("/holds/{hold}"), Value::Null).await;
        assert!(desk.until("hold_released").await && ada.until("hold_released").await);
        // Bob's reader hears nothing of Ada, nor one who looks at another year.
        let fine =
            world.ask("admin", "POST", "/terms", json!({ "dimension": "mode", "code": "x", "name": "x" }));
        assert_eq!(fine.await.status, 201);
        let silent = tokio::time::timeout(Duration::from_millis(600), async {
            tokio::select! { _ = other.until("event:") => {}, _ = later.until("slot_availability") => {} }
        });
        assert!(silent.await.is_err(), "{} {}", other.text, later.text);
        // Whoever comes back goes on after the change it saw last.
        let mut again = Stream::open(&world, "receptionist", "", Some(first)).await;
        assert!(again.until("hold_released").await);
        assert_eq!(again.kinds(), desk.kinds()[2..]);
    })
    .await;
}

#[tokio::test]
async fn a_bot_sees_whose_slots_changed_and_of_visits_only_its_own() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let mut bot = Stream::open(&world, "bot", "", None).await;
        front.post("receptionist", "/appointments", front.bare("10:00")).await;
        front.post("bot", "/appointments", front.bare("11:00")).await;
        assert!(bot.until("event: booked").await);
        assert_eq!(bot.kinds(), ["slot_availability_changed", "slot_availability_changed", "booked"]);
        for (who, status) in [("patient", 403), ("south-admin", 200)] {
            let reply = world.ask(who, "GET", "/events?since=-1", Value::Null).await;
            assert_eq!(reply.status, if status == 200 { 422 } else { status }, "{who}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_when_rights_change_and_when_the_server_stops() {
    everywhere(async |world: World| {
        drop(Front::open(&world).await);
        let mut one = Stream::open(&world, "admin", "", None).await;
        world.practitioner("carl").await;
        assert!(!one.until("never").await, "somebody's rights changed");
        let mut two = Stream::open(&world, "admin", "", None).await;
        let began = std::time::Instant::now();
        let (stopped, ended) = tokio::join!(world.server.stop(), two.until("never"));
        let _ = stopped;
        assert!(!ended && began.elapsed() < Duration::from_secs(5));
    })
    .await;
}

#[tokio::test]
async fn a_hold_that_runs_out_by_itself_is_told_once_whatever_node_looks() {
    everywhere(async |world: World| {
        let front = Front::open(&world).await;
        let mut desk = Stream::open(&world, "receptionist", "", None).await;
        let held = front.post("bot", "/holds", front.bare("10:00")).await;
        assert_eq!(held.status, 201, "{}", held.text());
        let hold = held.json()["id"].as_str().unwrap().to_owned();
        let parts = world.server.parts();
        assert_eq!(parts.clinic.tell_ended_holds().await.unwrap(), 0, "it is live");
        match world.server.fresh().address() {
            None => world.server.clock.turn(1801),
            Some(address) => {
                let past = format!(
                    "update holds set expires_at = extract(epoch from now())::bigint - 1 where id = '{hold}'; \
                     update busy set expires_at = extract(epoch from now())::bigint - 1 where name = '{hold}'"
                );
                assert!(crate::support::database::sql(address, &past));
            }
        }
        // The server's own timer may be faster: one of all says it.
        let (one, other) = (parts.clinic.tell_ended_holds(), parts.clinic.tell_ended_holds());
        let (one, other) = tokio::join!(one, other);
        assert!(one.unwrap() + other.unwrap() <= 1);
        assert!(desk.until("hold_expired").await);
        assert_eq!(parts.clinic.tell_ended_holds().await.unwrap(), 0);
        assert_eq!(desk.kinds().iter().filter(|kind| **kind == "hold_expired").count(), 1);
        assert!(!desk.text.contains(&hold), "whoever knows a hold's id may book by it");
        let late = front.post("bot", "/appointments", json!({ "hold": hold })).await;
        assert_eq!(late.refusal(), (409, "HOLD_EXPIRED".into()), "it is still known as one that ended");
    })
    .await;
}
