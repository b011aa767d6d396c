//! Notifications: a server that Google reaches.

use fake_google::{Clock, Command, Fake, Running};
use kalends::app::config::Hidden;
use kalends::calendar::CollectionPath;
use kalends::google::Terms;
use serde_json::json;

use super::world::{HER, berlin, key, linked, pair};
use crate::support::client::Client;
use crate::support::server::Server;

/// A server with its account connected and her calendar linked.
async fn reached() -> (Server, Running) {
    let fake = Fake::start(([127, 0, 0, 1], 0).into(), Clock::Real).await.unwrap();
    fake.run(Command::Account { email: HER.into(), zone: "Europe/Berlin".into() }).await.unwrap();
    let url = fake.url();
    let server = Server::with(|config| {
        config.google.client_id = fake_google::CLIENT.into();
        config.google.client_secret = Hidden(fake_google::CLIENT_SECRET.into());
        config.google.sealing_keys = Hidden(key(1).expose().to_owned());
        config.google.base_url = Some(url);
    })
    .await;
    let ada = server.user("ada").await;
    assert_eq!(ada.ask("MKCALENDAR", "/dav/calendars/ada/own/", &[], "").await.status, 201);
    (server, fake)
}

#[tokio::test]
async fn a_change_there_is_here_within_seconds_of_its_notification() {
    let (server, fake) = reached().await;
    let google = server.google().unwrap();
    let who = server.parts().accounts.operator("ada").await.unwrap();
    let asking = google.ask(&who, None).await.unwrap();
    let url = url::Url::parse(&asking.url).unwrap();
    let address = format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap();
    let page = Client::new(address).get(&asking.url[url[..url::Position::BeforePath].len()..]).await;
    let back = url::Url::parse(page.header("location").unwrap()).unwrap();
    assert!(!pair(&back, "code").is_empty());
    let answer = server.stranger().get(&back[url::Position::BeforePath..]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let remote = google.answered(&who, &asking).await.unwrap().unwrap();
    google.confirm(&who, remote.id).await.unwrap();
    google.link(&who, remote.id, HER, "own", Terms::default()).await.unwrap();
    let shown = async || {
        let who = server.parts().accounts.operator("ada").await.unwrap();
        server.parts().calendars.collection(&who, &CollectionPath::new("ada", "own")).await.unwrap()
    };
    let until = async |count: usize, what: &str| {
        for _ in 0..400 {
            if server.parts().calendars.list(&shown().await).await.unwrap().len() == count {
                return;
            }
            // The server's clock is the test's: what waits for a second waits for this.
            server.clock.turn(1);
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("{what}: {}", json!(google.status(&who).await.unwrap()));
    };
    for _ in 0..400 {
        if google.status(&who).await.unwrap()[0].links[0].is_watched {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    let event = json!({ "id": "event", "summary": "x", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") });
    fake.run(Command::Event { calendar: HER.into(), event: event.as_object().unwrap().clone() })
        .await
        .unwrap();
    until(1, "told of").await;
    fake.run(Command::Cancel { calendar: HER.into(), id: "event".into() }).await.unwrap();
    until(0, "told of its end").await;
}

#[tokio::test]
async fn s57_a_forged_notification_is_answered_alike_and_calls_nobody() {
    let (server, fake) = reached().await;
    let calls = fake.record().len();
    let stranger = server.stranger();
    for headers in [
        vec![],
        vec![("X-Goog-Channel-ID", "x"), ("X-Goog-Channel-Token", "y"), ("X-Goog-Resource-State", "exists")],
        vec![("X-Goog-Channel-ID", "' or 1=1 --"), ("X-Goog-Channel-Token", "%00")],
    ] {
        assert_eq!(stranger.ask("POST", "/hooks/google/calendar", &headers, "").await.status, 204);
    }
    let large = "x".repeat(1 << 20);
    assert_eq!(stranger.ask("POST", "/hooks/google/calendar", &[], &large).await.status, 413);
    assert_eq!(stranger.get("/hooks/google/calendar").await.status, 405);
    assert_eq!(stranger.get("/oauth/google/callback?state=x&code=y").await.status, 400);
    assert_eq!(fake.record().len(), calls);
}

#[tokio::test]
async fn s59_without_any_notification_the_safety_poll_catches_up() {
    linked(Terms::default(), async |world, _| {
        world.settle().await;
        world.event(json!({ "id": "event", "summary": "x", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") })).await;
        world.turn(100).await;
        world.rounds().await;
        assert_eq!(world.objects().await.len(), 0);
        assert!(world.state().await["lag_seconds"].as_i64().unwrap() >= 100);
        world.turn(300).await;
        world.rounds().await;
        assert_eq!(world.objects().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn s63_of_two_nodes_one_has_the_turn() {
    linked(Terms::default(), async |world, _| {
        world.settle().await;
        let other = world.node().await;
        for n in 0..20 {
            world.event(json!({ "id": format!("event{n:02}"), "summary": "x", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") })).await;
        }
        world.turn(400).await;
        let lists = world.calls("calendar.events.list");
        let (one, two) = tokio::join!(world.google.round(), other.round());
        assert!(one.is_ok() && two.is_ok());
        assert_eq!(world.calls("calendar.events.list") - lists, 1);
        world.quiet().await;
        assert_eq!(world.objects().await.len(), 20);
    })
    .await;
}
