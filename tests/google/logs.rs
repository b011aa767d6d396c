//! What the door writes into a log, asked to write all it can.

use std::io::Write;
use std::sync::{Arc, Mutex};

use fake_google::{Command, Fault, Trouble};
use kalends::google::{Leave, Privacy, Terms};
use serde_json::json;

use super::world::{HER, berlin, linked, remote_id};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn s75_a_log_of_everything_holds_no_token_no_secret_and_no_event() {
    let log = Log::default();
    let writer = log.clone();
    let filter = "trace,h2=info,hyper=info,hyper_util=info,rustls=info,sqlx=info,fake_google=off";
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(lines);
    tracing::info!("the log is listened to");
    linked(Terms { privacy: Privacy::Full, ..Terms::default() }, async |world, _| {
        let google = world.reached().await;
        while google.round().await.unwrap() > 0 {}
        let remote = world.accounts.remote(world.id, remote_id(&world.status().await)).await.unwrap();
        let secrets = [world.accounts.access_token(&remote), world.accounts.refresh_token(&remote)];
        world.put("canaryname.ics", "UID:canaryuid\nSUMMARY:canarytitle\nDESCRIPTION:canarytext\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        world.event(json!({ "id": "canaryevent", "summary": "canarytitle", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") })).await;
        world.event(json!({ "id": "broken", "summary": "canarytitle", "start": { "dateTime": "canarytime" }, "end": berlin("2026-03-03T11:00") })).await;
        for trouble in [
            Trouble::refuse(400, "canaryreason"),
            Trouble::refuse(503, "backendError"),
            Trouble::Html { status: 502 },
            Trouble::LostAnswer,
            Trouble::HalfAnswer,
            Trouble::Cut,
        ] {
            world.run(Command::Fault { fault: Fault::new("calendar.", trouble).once() }).await;
            world.turn(400).await;
            while google.round().await.unwrap() > 0 {}
        }
        let channels: Vec<_> = world.fake.record().iter().filter(|one| one.method_id.ends_with(".watch")).map(|one| one.body.clone()).collect();
        assert!(!channels.is_empty(), "a channel was asked for");
        world.run(Command::RevokeAccess { email: HER.into() }).await;
        world.turn(4_000).await;
        while google.round().await.unwrap() > 0 {}
        google.disconnect(&world.who().await, remote.id, Leave::Keep).await.unwrap();
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("the log is listened to"));
        for secret in secrets.into_iter().flatten() {
            assert!(!log.contains(secret.expose()), "a token");
        }
        for body in channels {
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert!(!log.contains(body["token"].as_str().unwrap()), "the secret of a channel");
        }
        for word in ["canarytitle", "canarytext", "canaryuid", "canaryname", "canarytime", fake_google::CLIENT_SECRET, HER] {
            assert!(!log.contains(word), "{word}");
        }
    })
    .await;
}
