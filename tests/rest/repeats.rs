//! Idempotency-Key: a call that is sent again is not done again (features.md 64).

use serde_json::{Value, json};

use super::world::{World, everywhere};

fn term(code: &str) -> Value {
    json!({ "dimension": "specialty", "code": code, "name": "S" })
}

#[tokio::test]
async fn f64_the_same_key_is_done_once_and_answered_alike() {
    everywhere(async |world: World| {
        let admin = world.who("admin");
        let send = async |key: &str, body: &Value| {
            admin.json("POST", "/api/v1/terms", &[("Idempotency-Key", key)], body).await
        };
        let first = send("k1", &term("a")).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (201, None), "{}", first.text());
        let again = send("k1", &term("a")).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
        assert_eq!(
            (again.body.clone(), again.header("location")),
            (first.body.clone(), first.header("location"))
        );
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(send("k1", &term("b")).await.refusal(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
        let listed = world.done("GET", "/terms", Value::Null).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);

        // Refused without effect: the key is free for the mended call.
        assert_eq!(send("k2", &term("a")).await.refusal(), (409, "ALREADY_EXISTS".into()));
        assert_eq!(send("k2", &term("b")).await.status, 201);
        // Somebody else's key of the same name is another key.
        let (owner, key) = (world.who("owner"), [("Idempotency-Key", "k1")]);
        assert_eq!(owner.json("POST", "/api/v1/terms", &key, &term("c")).await.status, 201);
        // After a day it is forgotten.
        world.server.clock.turn(24 * 3600);
        assert_eq!(send("k1", &term("d")).await.status, 201);
        for bad in ["", &"x".repeat(256)] {
            assert_eq!(send(bad, &term("e")).await.refusal(), (400, "INVALID_IDEMPOTENCY_KEY".into()));
        }
    })
    .await;
}

#[tokio::test]
async fn f64_twenty_at_once_with_one_key_are_one() {
    everywhere(async |world: World| {
        let calls = (0..20).map(|_| {
            let admin = world.who("admin");
            async move { admin.json("POST", "/api/v1/terms", &[("Idempotency-Key", "k")], &term("a")).await }
        });
        let replies = futures_util::future::join_all(calls).await;
        let statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
        assert!(statuses.contains(&201), "{statuses:?}");
        for reply in &replies {
            match reply.status {
                201 => {}
                _ => assert_eq!(reply.refusal(), (409, "IDEMPOTENCY_IN_FLIGHT".into())),
            }
        }
        let made = replies
            .iter()
            .filter(|reply| reply.status == 201 && reply.header("idempotent-replayed").is_none());
        assert_eq!(made.count(), 1, "{statuses:?}");
        assert_eq!(world.done("GET", "/terms", Value::Null).await["items"].as_array().unwrap().len(), 1);
    })
    .await;
}
