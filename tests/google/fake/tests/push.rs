//! Channels and notifications.

use std::sync::{Arc, Mutex};

use fake_google::{Command, Post};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::asking::{ADA, EVENTS, Google, NOW, visit};

/// A place that takes notifications and keeps their heads.
struct Hook {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Hook {
    async fn start(status: u16) -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/hook", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let hook = Hook { address, seen: seen.clone() };
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let seen = seen.clone();
                tokio::spawn(async move {
                    let mut bytes = vec![0; 8192];
                    let length = stream.read(&mut bytes).await.unwrap();
                    seen.lock().unwrap().push(String::from_utf8_lossy(&bytes[..length]).to_lowercase());
                    let answer =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        hook
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn post(google: &Google, post: Post) {
    google.run(Command::Post { post: Post { holds: true, ..post } }).await;
}

async fn watch(google: &Google, hook: &Hook, id: &str) -> crate::asking::Reply {
    let body = json!({ "id": id, "type": "web_hook", "address": hook.address, "token": "secret" });
    google.ask("POST", &format!("{EVENTS}/watch"), body).await
}

#[tokio::test]
async fn a_channel_says_hello_then_tells_of_each_change_without_a_body() {
    let (google, hook) = (Google::start().await, Hook::start(204).await);
    post(&google, Post::default()).await;
    let channel = watch(&google, &hook, "c1").await;
    assert_eq!(channel.body["expiration"], ((NOW + 7 * 86_400) * 1000).to_string());
    assert_eq!(google.running.deliver().await, 1);
    google.insert(visit("aaaaa", 3)).await;
    google.running.deliver().await;
    let seen = hook.seen();
    assert!(seen[0].contains("x-goog-resource-state: sync") && seen[0].contains("x-goog-message-number: 1"));
    assert!(seen[1].contains("x-goog-resource-state: exists") && seen[1].ends_with("\r\n\r\n"));
    for wanted in
        ["x-goog-channel-id: c1", "x-goog-channel-token: secret", "x-goog-channel-expiration: mon, 09 mar"]
    {
        assert!(seen[1].contains(wanted), "{wanted}");
    }
    assert!(seen[1].contains(&format!("x-goog-resource-id: {}", channel.text("resourceId"))));
}

#[tokio::test]
async fn without_being_held_a_notification_comes_by_itself() {
    let (google, hook) = (Google::start().await, Hook::start(204).await);
    google.run(Command::Post { post: Post { sync_first: true, ..Post::default() } }).await;
    watch(&google, &hook, "c1").await;
    assert_eq!(hook.seen().len(), 1, "the sync message before the answer");
    google.insert(visit("aaaaa", 3)).await;
    while hook.seen().len() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn notifications_are_doubled_lost_and_forged_on_demand() {
    let (google, hook) = (Google::start().await, Hook::start(204).await);
    post(&google, Post::default()).await;
    watch(&google, &hook, "c1").await;
    google.running.deliver().await;
    post(&google, Post { copies: 2, forged: 1000, shuffles: true, ..Post::default() }).await;
    google.insert(visit("aaaaa", 3)).await;
    assert_eq!(google.running.deliver().await, 4);
    assert_eq!(hook.seen().iter().filter(|one| one.contains("forged-")).count(), 1);
    post(&google, Post { lost: 1000, ..Post::default() }).await;
    google.insert(visit("bbbbb", 3)).await;
    assert_eq!(google.running.deliver().await, 0);
}

#[tokio::test]
async fn a_failed_notification_is_tried_again_after_5xx_only() {
    for (status, tries) in [(503, 4), (404, 1)] {
        let (google, hook) = (Google::start().await, Hook::start(status).await);
        post(&google, Post::default()).await;
        watch(&google, &hook, "c1").await;
        for _ in 0..6 {
            google.running.deliver().await;
        }
        assert_eq!(hook.seen().len(), tries, "{status}");
    }
}

#[tokio::test]
async fn an_expired_or_stopped_channel_is_silent_but_strays_come() {
    let (google, hook) = (Google::start().await, Hook::start(204).await);
    post(&google, Post::default()).await;
    let channel = watch(&google, &hook, "c1").await;
    google.running.deliver().await;
    let body = json!({ "id": "c1", "resourceId": "wrong" });
    assert_eq!(google.ask("POST", "/channels/stop", body).await.status, 404);
    let body = json!({ "id": "c1", "resourceId": channel.body["resourceId"] });
    assert_eq!(google.ask("POST", "/channels/stop", body.clone()).await.status, 204);
    assert_eq!(google.ask("POST", "/channels/stop", body).await.status, 404);
    google.insert(visit("aaaaa", 3)).await;
    assert_eq!(google.running.deliver().await, 0);
    google.run(Command::Stray { channel: "c1".into(), state: "exists".into() }).await;
    assert_eq!(google.running.deliver().await, 1);
    watch(&google, &hook, "c2").await;
    google.running.deliver().await;
    google.run(Command::Turn { seconds: 8 * 86_400 }).await;
    let google = google.as_(ADA, &["calendar"]).await;
    google.insert(visit("bbbbb", 3)).await;
    assert_eq!(google.running.deliver().await, 0);
}

#[tokio::test]
async fn a_watch_is_refused_for_a_known_id_plain_http_and_calendars_without_push() {
    let (google, hook) = (Google::start().await, Hook::start(204).await);
    watch(&google, &hook, "c1").await;
    assert_eq!(watch(&google, &hook, "c1").await.reason(), "channelIdNotUnique");
    let plain = json!({ "id": "c2", "type": "web_hook", "address": "http://clinic.example/hook" });
    assert_eq!(
        google.ask("POST", &format!("{EVENTS}/watch"), plain).await.reason(),
        "push.webhookUrlNotHttps"
    );
    google.run(Command::CanBeWatched { calendar: ADA.into(), can: false }).await;
    assert_eq!(watch(&google, &hook, "c3").await.reason(), "pushNotSupportedForRequestedResource");
}

#[tokio::test]
async fn a_removed_calendar_says_so_on_its_channel_and_on_the_list() {
    let (google, hook) = (Google::start().await, Hook::start(204).await);
    post(&google, Post::default()).await;
    let id = google.ask("POST", "/calendars", json!({ "summary": "Clinic" })).await.text("id");
    for (path, channel) in
        [(format!("/calendars/{id}/events/watch"), "c1"), ("/users/me/calendarList/watch".into(), "c2")]
    {
        let body = json!({ "id": channel, "type": "web_hook", "address": hook.address });
        assert_eq!(google.ask("POST", &path, body).await.status, 200);
    }
    google.running.deliver().await;
    google.ask("DELETE", &format!("/calendars/{id}"), Value::Null).await;
    google.running.deliver().await;
    let last = hook.seen().split_off(2);
    assert!(last.iter().any(|one| one.contains("x-goog-resource-state: not_exists")));
    assert!(last.iter().any(|one| one.contains("x-goog-channel-id: c2")));
}
