//! Notifications: a server that Google reaches.

use fake_google::{Clock, Command, Fake, Fault, Running, Trouble};
use http::{HeaderMap, HeaderValue, StatusCode};
use kalends::app::config::Hidden;
use kalends::calendar::{Channel, CollectionPath, LinkId, Watched};
use kalends::google::{self, Access, Google, Terms};
use serde_json::{Value, json};

use super::world::{HER, World, berlin, key, linked, pair};
use crate::support::client::Client;
use crate::support::server::Server;

/// What Google sends on a channel.
fn notice(channel: &Channel, secret: &str, state: &str) -> HeaderMap {
    let pairs = [
        ("x-goog-channel-id", channel.id.as_str()),
        ("x-goog-channel-token", secret),
        ("x-goog-resource-id", channel.resource.as_str()),
        ("x-goog-resource-state", state),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::try_from(value).unwrap()))
        .collect()
}

/// The channels of a link, the newest first.
async fn channels(world: &World, link: LinkId) -> Vec<Channel> {
    let all = world.calendars.mirrors().channels_of(world.id, Watched::Calendar(link)).await.unwrap();
    all.into_iter().filter(|one| one.state != "stopped").collect()
}

/// The secret that was sent to Google with this channel.
fn secret(world: &World, channel: &Channel) -> String {
    let all = world.fake.record();
    let bodies = all.iter().filter_map(|one| serde_json::from_str::<Value>(&one.body).ok());
    let body = bodies.into_iter().find(|body| body["id"] == channel.id.as_str()).expect("asked for");
    body["token"].as_str().unwrap().to_owned()
}

async fn rest(google: &Google) {
    while google.round().await.unwrap() > 0 {}
}

fn event(id: &str) -> Value {
    json!({ "id": id, "summary": "x", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") })
}

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
    let asking = google.ask(&who, None, Access::Events).await.unwrap();
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
        // Nodes share a PostgreSQL. A second process beside a server on SQLite is a command: what it changed counts within
        // a second, and nobody waits here.
        if world.fresh.address().is_none() {
            return;
        }
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

#[tokio::test]
async fn s63_a_node_that_stops_leaves_its_links_to_the_others_at_once() {
    linked(Terms::default(), async |world, _| {
        if world.fresh.address().is_none() {
            return;
        }
        world.settle().await;
        world.event(event("event00")).await;
        world.turn(400).await;
        let slow = Fault::new("calendar.events.list", Trouble::Slow { millis: 60_000 });
        world.run(Command::Fault { fault: slow.once() }).await;
        let lists = world.calls("calendar.events.list");
        let asked = async {
            while world.calls("calendar.events.list") == lists {
                tokio::task::yield_now().await;
            }
        };
        // Given up in the middle of its turn, as a node that stops gives it up.
        tokio::select! {
            _ = world.google.round() => panic!("the answer was not waited for"),
            () = asked => {}
        }
        let other = world.node().await;
        other.round().await.unwrap();
        assert_eq!(world.objects().await.len(), 0, "the lease holds");
        assert_eq!(world.google.retire().await.unwrap(), 1);
        other.round().await.unwrap();
        assert_eq!(world.objects().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_first_look_that_takes_long_keeps_no_other_link_waiting() {
    linked(Terms::default(), async |world, _| {
        world.settle().await;
        let (owner, zone) = (HER.to_owned(), "Europe/Berlin".to_owned());
        world.run(Command::Calendar { id: SECOND.into(), owner, summary: "second".into(), zone }).await;
        world.calendar("second").await;
        let slow = Fault::new("calendar.events.list", Trouble::Slow { millis: 600_000 });
        world.run(Command::Fault { fault: slow.once() }).await;
        let (who, remote) = (world.who().await, super::world::remote_id(&world.status().await));
        world.google.link(&who, remote, SECOND, "second", Terms::default()).await.unwrap();
        let lists = world.calls("calendar.events.list");
        let mut turns = world.google.turns();
        turns.begin().await.unwrap();
        while world.calls("calendar.events.list") == lists {
            tokio::task::yield_now().await;
        }
        world.put("fresh.ics", "UID:fresh\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        let carried = async {
            while world.events().await.is_empty() {
                turns.begin().await.unwrap();
                tokio::select! {
                    () = turns.called() => {}
                    // The turn is another task with timers of its own: it needs real time.
                    () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), carried).await.expect("nobody waits");
    })
    .await;
}

#[tokio::test]
async fn s58_ten_thousand_notifications_in_ten_seconds_are_six_looks() {
    linked(Terms::default(), async |world, link| {
        let google = world.reached().await;
        rest(&google).await;
        world.turn(3).await;
        rest(&google).await;
        let channel = channels(&world, link).await.remove(0);
        let headers = notice(&channel, &secret(&world, &channel), "exists");
        let lists = world.calls("calendar.events.list");
        for second in 0..10 {
            world.event(event(&format!("event{second:02}"))).await;
            for n in 0..1_000 {
                assert_eq!(google.notified(&headers).await, StatusCode::NO_CONTENT);
                if n % 100 == 0 {
                    rest(&google).await;
                }
            }
            world.turn(1).await;
        }
        world.turn(2).await;
        rest(&google).await;
        let lists = world.calls("calendar.events.list") - lists;
        assert!((1..=6).contains(&lists), "{lists} looks");
        assert_eq!(world.objects().await.len(), 10, "the last state");
        assert_eq!(world.writes().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn s60_a_channel_is_followed_by_the_next_before_it_ends() {
    linked(Terms::default(), async |world, link| {
        let google = world.reached().await;
        rest(&google).await;
        let old = channels(&world, link).await.remove(0);
        let old_secret = secret(&world, &old);
        world.turn(5 * 86_400).await;
        rest(&google).await;
        let both = channels(&world, link).await;
        assert_eq!(both.len(), 2, "the old one lives until the new one does");
        assert_eq!(world.calls("calendar.channels.stop"), 0);
        world.event(event("between")).await;
        google.notified(&notice(&old, &old_secret, "exists")).await;
        world.turn(3).await;
        rest(&google).await;
        assert_eq!(world.objects().await.len(), 1, "told of on the old one");
        let new = channels(&world, link).await;
        let stops = world.fake.record().into_iter().filter(|one| one.method_id == "calendar.channels.stop");
        let stops: Vec<_> = stops.filter(|one| one.body.contains(&old.id)).collect();
        assert_eq!((new.len(), stops.len()), (1, 1));
        assert!(new[0].id != old.id && new[0].expires_at > old.expires_at);
        world.turn(10).await;
        rest(&google).await;
        let lists = world.calls("calendar.events.list");
        assert_eq!(google.notified(&notice(&old, &old_secret, "exists")).await, StatusCode::NO_CONTENT);
        world.turn(10).await;
        rest(&google).await;
        assert_eq!(world.calls("calendar.events.list"), lists, "a stray one calls nobody");
        world.event(event("after")).await;
        google.notified(&notice(&new[0], &secret(&world, &new[0]), "exists")).await;
        world.turn(3).await;
        rest(&google).await;
        assert_eq!((world.objects().await.len(), world.writes().len()), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn s61_a_calendar_that_cannot_be_watched_is_polled_without_a_word() {
    linked(Terms::default(), async |world, _| {
        world.run(Command::CanBeWatched { calendar: HER.into(), can: false }).await;
        let google = world.reached().await;
        rest(&google).await;
        world.event(event("event")).await;
        for _ in 0..12 {
            world.turn(400).await;
            rest(&google).await;
        }
        let state = world.state().await;
        assert_eq!(
            (&state["state"], &state["reason"], &state["is_watched"]),
            (&json!("live"), &json!(""), &json!(false))
        );
        assert_eq!(world.calls("calendar.events.watch"), 1, "not asked again for a day");
        assert!(world.calls("calendar.events.list") >= 12);
        assert_eq!((world.objects().await.len(), world.writes().len()), (1, 0));
        world.turn(86_400).await;
        rest(&google).await;
        assert_eq!(world.calls("calendar.events.watch"), 2);
    })
    .await;
}

#[tokio::test]
async fn s62_the_first_word_on_a_channel_may_come_before_its_answer() {
    linked(Terms::default(), async |world, link| {
        let google = world.reached().await;
        rest(&google).await;
        world.turn(60).await;
        rest(&google).await;
        let ((id, _), (secret, hash)) = (world.accounts.echo().unwrap(), world.accounts.echo().unwrap());
        let now = world.clock.now();
        // As it stands between the call and its answer: no resource is known.
        let asked = Channel {
            clinic: world.id,
            id: id.expose().to_owned(),
            of: Watched::Calendar(link),
            resource: String::new(),
            hash,
            state: "asked".into(),
            made_at: now,
            expires_at: now + 1_000,
            life: String::new(),
        };
        world.calendars.mirrors().keep_channel(&asked).await.unwrap();
        let told = Channel { resource: "whatever".into(), ..asked };
        let lists = world.calls("calendar.events.list");
        assert_eq!(google.notified(&notice(&told, secret.expose(), "sync")).await, StatusCode::NO_CONTENT);
        assert!(
            google.metrics().await.unwrap().contains("kalends_google_webhooks_total{result=\"opened\"} 1")
        );
        world.event(event("event")).await;
        google.notified(&notice(&told, secret.expose(), "exists")).await;
        world.turn(3).await;
        rest(&google).await;
        assert_eq!(world.calls("calendar.events.list"), lists + 1);
        assert_eq!((world.objects().await.len(), world.writes().len()), (1, 0));
    })
    .await;
}

/// `KALENDS_GOOGLE_FLOOD=SECONDS` sends a thousand a second for so long; a few in the usual run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s57_a_flood_of_forgeries_is_answered_and_calls_nobody() {
    let seconds = std::env::var("KALENDS_GOOGLE_FLOOD").ok().and_then(|text| text.parse().ok());
    let (server, fake) = reached().await;
    let calls = fake.record().len();
    let total = seconds.map_or(100, |seconds: usize| seconds * 1_000);
    let begin = tokio::time::Instant::now();
    let asks = (0..total).map(|n| {
        let stranger = server.stranger();
        tokio::spawn(async move {
            tokio::time::sleep_until(begin + std::time::Duration::from_millis(n as u64)).await;
            let since = std::time::Instant::now();
            let headers = [
                ("X-Goog-Channel-ID", format!("forged{n}")),
                ("X-Goog-Channel-Token", "forged".to_owned()),
                ("X-Goog-Resource-State", "exists".to_owned()),
            ];
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let status = stranger.ask("POST", "/hooks/google/calendar", &headers, "").await.status;
            (status, since.elapsed())
        })
    });
    let (asks, mut took): (Vec<_>, Vec<std::time::Duration>) = (asks.collect(), Vec::new());
    for ask in asks {
        let (status, time) = ask.await.unwrap();
        assert_eq!(status, 204);
        took.push(time);
    }
    let span = begin.elapsed();
    took.sort();
    let at = |part: usize| took[(took.len() - 1) * part / 100];
    println!(
        "{total} forged in {span:?}: median {:?}, p95 {:?}, p99 {:?}, most {:?}",
        at(50),
        at(95),
        at(99),
        at(100)
    );
    assert_eq!(fake.record().len(), calls, "no call to Google");
}

/// The living channels of the account's list.
async fn list_channels(world: &World) -> Vec<Channel> {
    let of = Watched::List(super::world::remote_id(&world.status().await));
    let all = world.calendars.mirrors().channels_of(world.id, of).await.unwrap();
    all.into_iter().filter(|one| one.state == "live").collect()
}

/// A notification as Google sends it on this channel.
async fn tell(world: &World, google: &Google, channel: &Channel) {
    let headers = notice(channel, &secret(world, channel), "exists");
    assert_eq!(google.notified(&headers).await, StatusCode::NO_CONTENT);
    world.turn(3).await;
    rest(google).await;
}

const SECOND: &str = "second@group.calendar.google.com";

#[tokio::test]
async fn s64_a_renamed_a_new_and_a_removed_calendar_are_told_of_by_the_list() {
    linked(Terms::default(), async |world, link| {
        let google = world.reached().await;
        rest(&google).await;
        assert_eq!(world.calls("calendar.calendarList.watch"), 1, "one of the account");
        let channel = list_channels(&world).await.remove(0);
        let shown = async || world.status().await[0].clone();
        assert_eq!(
            (&shown().await["links"][0]["name"], &shown().await["unlinked"]),
            (&json!(HER), &json!(0))
        );
        let lists = world.calls("calendar.calendarList.list");
        let second = |summary: &str| {
            let (owner, zone) = (HER.to_owned(), "Europe/Berlin".to_owned());
            Command::Calendar { id: SECOND.into(), owner, summary: summary.into(), zone }
        };
        world.run(second("new")).await;
        tell(&world, &google, &channel).await;
        assert_eq!(shown().await["unlinked"], 1);
        world.calendar("second").await;
        let who = world.who().await;
        let remote = super::world::remote_id(&world.status().await);
        let new = world.google.link(&who, remote, SECOND, "second", Terms::default()).await.unwrap();
        world.put("kept.ics", "UID:kept\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        rest(&google).await;
        world.run(second("renamed")).await;
        tell(&world, &google, &channel).await;
        let one = shown().await;
        assert_eq!((&one["links"][1]["name"], &one["unlinked"]), (&json!("renamed"), &json!(0)), "{one}");
        // Nobody shares it with her any more: the link's own turn finds out, and all stays here.
        world.run(Command::Share { calendar: HER.into(), email: HER.into(), role: None }).await;
        tell(&world, &google, &channel).await;
        let one = shown().await;
        assert_eq!((&one["links"][0]["state"], &one["links"][1]["state"]), (&json!("gone"), &json!("live")));
        assert_eq!(world.objects().await.len(), 1);
        // And again: it goes on where it was, and writes nothing twice.
        let (writes, role) = (world.writes().len(), Some(fake_google::Role::Owner));
        world.run(Command::Share { calendar: HER.into(), email: HER.into(), role }).await;
        tell(&world, &google, &channel).await;
        assert_eq!(shown().await["links"][0]["state"], "live");
        assert_eq!(world.calls("calendar.calendarList.list") - lists, 4, "one look a notification");
        assert_eq!(
            (world.writes().len(), world.events().await.len(), world.objects().await.len()),
            (writes, 1, 1)
        );
        // Ended with the account.
        assert_eq!(channels(&world, link).await.len() + channels(&world, new).await.len(), 2);
        google.disconnect(&who, remote, google::Leave::Keep).await.unwrap();
        let open = world.run(Command::Channels).await;
        assert!(open.as_array().unwrap().iter().all(|one| one["isStopped"] == true), "{open:#?}");
        let calls = world.fake.record().len();
        let headers = notice(&channel, &secret(&world, &channel), "exists");
        assert_eq!(google.notified(&headers).await, StatusCode::NO_CONTENT);
        rest(&google).await;
        assert_eq!(world.fake.record().len(), calls, "a stray one calls nobody");
    })
    .await;
}

#[tokio::test]
async fn s64_a_list_that_nobody_tells_of_is_looked_at_by_the_clock_and_its_channel_renewed() {
    linked(Terms::default(), async |world, _| {
        let google = world.reached().await;
        rest(&google).await;
        let old = list_channels(&world).await.remove(0);
        world
            .run(Command::Calendar {
                id: SECOND.into(),
                owner: HER.into(),
                summary: "new".into(),
                zone: "Europe/Berlin".into(),
            })
            .await;
        let lists = world.calls("calendar.calendarList.list");
        world.turn(8 * 3_600).await;
        rest(&google).await;
        assert_eq!(world.calls("calendar.calendarList.list") - lists, 1);
        assert_eq!(world.status().await[0]["unlinked"], 1);
        world.turn(5 * 86_400).await;
        rest(&google).await;
        assert_eq!(list_channels(&world).await.len(), 2, "both, until the next look");
        world.turn(8 * 3_600).await;
        rest(&google).await;
        let new = list_channels(&world).await;
        assert!(new.len() == 1 && new[0].id != old.id && new[0].expires_at > old.expires_at);
        let open = world.run(Command::Channels).await;
        let stopped =
            |id: &str| open.as_array().unwrap().iter().any(|one| one["id"] == id && one["isStopped"] == true);
        assert!(stopped(&old.id) && !stopped(&new[0].id));
        // Google will not tell of the list: it is looked at by the clock, and nothing is wrong.
        let no = fake_google::Trouble::refuse(400, "pushNotSupportedForRequestedResource");
        world.run(Command::Fault { fault: fake_google::Fault::new("calendar.calendarList.watch", no) }).await;
        world.turn(9 * 86_400).await;
        rest(&google).await;
        assert_eq!((list_channels(&world).await.len(), &world.state().await["state"]), (0, &json!("live")));
        assert_eq!(world.writes().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn s73_a_channel_that_a_restored_database_forgot_is_stopped_once() {
    linked(Terms::default(), async |world, link| {
        let google = world.reached().await;
        rest(&google).await;
        let known = channels(&world, link).await.remove(0);
        let mut yesterday = Vec::new();
        world.store.backup(&mut yesterday).await.unwrap();
        world.turn(5 * 86_400).await;
        rest(&google).await;
        world.turn(3).await;
        rest(&google).await;
        let forgotten = channels(&world, link).await.remove(0);
        assert!(forgotten.id != known.id);
        let told = notice(&forgotten, &secret(&world, &forgotten), "exists");
        world.store.restore(&yesterday[..]).await.unwrap();
        let (accounts, calendars, clinic, google) =
            super::world::parts_at(&world.store, &world.fake.url(), "https://clinic.example").await;
        let world = World { accounts, calendars, clinic, google: google.clone(), ..world };
        // Of this life, too, there is one channel in the end: what the backup knows of was of the other.
        for _ in 0..3 {
            world.turn(400).await;
            rest(&google).await;
        }
        let own = channels(&world, link).await;
        assert!(own.len() == 1 && own[0].id != known.id && own[0].id != forgotten.id, "{own:?}");
        let stopped = async |id: &str| {
            let all = world.run(Command::Channels).await;
            all.as_array().unwrap().iter().any(|one| one["id"] == id && one["isStopped"] == true)
        };
        assert!(stopped(&known.id).await && !stopped(&forgotten.id).await);
        // Somebody who knows its id, but not its secret, stops nothing.
        let (calls, lists) = (world.fake.record().len(), world.calls("calendar.events.list"));
        let (head, tail) = told["x-goog-channel-token"].to_str().unwrap().split_at(1);
        let other = if head == "A" { "B" } else { "A" };
        for forged in
            [format!("{other}{tail}"), format!("{head}{tail}0"), "x.1.1.00".into(), "é.1.1.é".into()]
        {
            let headers = notice(&forgotten, "x", "exists");
            let token = HeaderValue::from_bytes(forged.as_bytes()).unwrap();
            let headers = HeaderMap::from_iter(
                headers
                    .into_iter()
                    .map(|(name, value)| (name.unwrap(), value))
                    .chain([("x-goog-channel-token".parse().unwrap(), token)]),
            );
            assert_eq!(google.notified(&headers).await, StatusCode::NO_CONTENT);
        }
        rest(&google).await;
        assert_eq!(world.fake.record().len(), calls);
        // The real one stops it, once; nothing is looked at for it.
        for _ in 0..3 {
            assert_eq!(google.notified(&told).await, StatusCode::NO_CONTENT);
            rest(&google).await;
        }
        assert!(stopped(&forgotten.id).await);
        let stops = |all: &[fake_google::Recorded]| {
            all.iter()
                .filter(|one| one.body.contains(&forgotten.id) && one.method_id.ends_with("stop"))
                .count()
        };
        assert_eq!((stops(&world.fake.record()), world.calls("calendar.events.list")), (1, lists));
        assert!(
            google.metrics().await.unwrap().contains("kalends_google_webhooks_total{result=\"orphaned\"} 1")
        );
        assert_eq!(world.writes().len(), 0);
    })
    .await;
}
