//! Guests: copies of the same id, answers, mails.

use fake_google::Command;
use serde_json::{Value, json};

use crate::asking::{ADA, EVENTS, Google, path, visit};

const BOB: &str = "bob@clinic.example";

async fn with_guest(query: &str) -> Google {
    let google = Google::start().await;
    google.run(Command::Account { email: BOB.into(), zone: "Europe/Berlin".into() }).await;
    let mut event = visit("aaaaa", 3);
    event["attendees"] = json!([{ "email": BOB }, { "email": "patient@x.example" }]);
    event["extendedProperties"] = json!({ "private": { "a": "1" }, "shared": { "b": "2" } });
    assert_eq!(google.ask("POST", &format!("{EVENTS}{query}"), event).await.status, 200);
    google
}

#[tokio::test]
async fn a_guests_copy_has_the_same_id_and_no_private_properties() {
    let google = with_guest("").await.as_(BOB, &["calendar"]).await;
    let copy = google.get(&path("aaaaa")).await;
    assert_eq!((copy.status, &copy.body["organizer"]["email"]), (200, &json!(ADA)));
    assert_eq!(copy.body["extendedProperties"], json!({ "shared": { "b": "2" } }));
    assert_eq!(copy.body["attendees"][0]["self"], true);
}

#[tokio::test]
async fn a_guests_answer_reaches_the_organizer_and_a_cancellation_the_guest() {
    let google = with_guest("").await.as_(BOB, &["calendar"]).await;
    let answer = json!({ "attendees": [{ "email": BOB, "responseStatus": "accepted" }] });
    google.ask("PATCH", &path("aaaaa"), answer).await;
    let google = google.as_(ADA, &["calendar"]).await;
    let event = google.get(&path("aaaaa")).await;
    assert_eq!(event.body["attendees"][0]["responseStatus"], "accepted");
    google.ask("DELETE", &path("aaaaa"), Value::Null).await;
    let google = google.as_(BOB, &["calendar"]).await;
    assert_eq!(google.get(&path("aaaaa")).await.body["status"], "cancelled");
}

#[tokio::test]
async fn mails_go_out_only_when_asked_for() {
    for (query, count) in
        [("", 0), ("?sendUpdates=all", 2), ("?sendUpdates=externalOnly", 1), ("?sendUpdates=none", 0)]
    {
        let google = with_guest(query).await;
        let mails = google.run(Command::Mails).await;
        assert_eq!(mails.as_array().unwrap().len(), count, "{query}");
    }
}
