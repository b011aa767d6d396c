//! `/api/v1/freebusy`: many principals, one timeline each, never a word of what they do (trust.md P11, S6).

use kalends::calendar::{Author, CollectionPath, Origin, ShareAs};
use serde_json::{Value, json};

use crate::support::{client::Client, client::Reply, server::Server, text};

const MARCH: &str = "start=2026-03-01T00:00:00Z&end=2026-04-01T00:00:00Z";

/// Ada with a calendar that Bot may ask, Eve with one that it may not.
async fn clinic() -> (Server, Client) {
    let server = Server::start().await;
    for name in ["ada", "eve"] {
        let client = server.user(name).await;
        put(&client, name, "a", "20260302T090000Z", "").await;
        put(&client, name, "b", "20260302T100000Z", "").await;
        put(&client, name, "c", "20260302T093000Z", "STATUS:TENTATIVE\r\n").await;
        put(&client, name, "d", "20260303T090000Z", "STATUS:TENTATIVE\r\n").await;
        put(&client, name, "e", "20260304T090000Z", "TRANSP:TRANSPARENT\r\n").await;
        put(&client, name, "f", "20260305T090000Z", "STATUS:CANCELLED\r\n").await;
    }
    let bot = server.user("bot").await;
    share(&server, "ada", "bot").await;
    (server, bot)
}

async fn put(client: &Client, name: &str, uid: &str, start: &str, lines: &str) {
    let lines = format!("DTSTART:{start}\r\nDURATION:PT1H\r\nLOCATION:Room canary\r\n{lines}");
    let object = text::object("VEVENT", uid, "M. Keller canary", &lines);
    let path = format!("/dav/calendars/{name}/default/{uid}.ics");
    assert_eq!(client.ask("PUT", &path, &[], &object).await.status, 201);
}

async fn share(server: &Server, owner: &str, with: &str) {
    let who = server.parts().accounts.operator(owner).await.unwrap();
    let by = Author { who: &who, from: Origin::Cli };
    let at = CollectionPath::new(owner, "default");
    server.parts().calendars.share(by, &at, with, Some(ShareAs::Busy)).await.unwrap();
}

async fn post(client: &Client, body: &Value) -> Reply {
    let json = [("Content-Type", "application/json")];
    client.ask("POST", "/api/v1/freebusy", &json, &body.to_string()).await
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, body(reply)["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn busy_periods_are_one_timeline_without_words() {
    let (_server, bot) = clinic().await;
    let reply = bot.get(&format!("/api/v1/freebusy?principals=ada&{MARCH}")).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")), "{}", reply.text());
    let expected = json!({
        "start": "2026-03-01T00:00:00Z",
        "end": "2026-04-01T00:00:00Z",
        "zone": "UTC",
        "principals": [{ "principal": "ada", "busy": [
            { "start": "2026-03-02T09:00:00Z", "end": "2026-03-02T11:00:00Z", "type": "BUSY" },
            { "start": "2026-03-03T09:00:00Z", "end": "2026-03-03T10:00:00Z", "type": "BUSY-TENTATIVE" },
        ] }],
    });
    assert_eq!(body(&reply), expected);
    assert!(!reply.text().contains("canary") && !reply.text().contains("Keller"));
}

#[tokio::test]
async fn who_is_not_there_and_who_is_not_shown_are_answered_alike() {
    let (_server, bot) = clinic().await;
    let asked = json!({ "principals": ["eve", "ada", "nobody", "ada", "bot", "../x", ""],
        "start": "2026-03-02", "end": "2026-03-03" });
    let told = body(&post(&bot, &asked).await);
    let entries = told["principals"].as_array().unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry["principal"].as_str().unwrap()).collect();
    assert_eq!(names, ["eve", "ada", "nobody", "bot", "../x", ""], "each once, in the order asked");
    for at in [0, 2, 4, 5] {
        assert_eq!(entries[at]["error"], entries[2]["error"]);
        assert_eq!(entries[at]["error"]["code"], "NOT_FOUND");
        assert!(entries[at].get("busy").is_none());
    }
    assert_eq!(entries[1]["busy"].as_array().unwrap().len(), 1);
    assert_eq!(entries[3]["busy"], json!([]), "one's own time is shown");
}

#[tokio::test]
async fn a_zone_moves_all_day_times_and_the_answer_s_offset() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let day = text::object("VEVENT", "day", "x", "DTSTART;VALUE=DATE:20260302\r\n");
    assert_eq!(ada.ask("PUT", "/dav/calendars/ada/default/day.ics", &[], &day).await.status, 201);
    let spans = async |zone: &str| {
        let reply = ada.get(&format!("/api/v1/freebusy?principals=ada&{MARCH}{zone}")).await;
        let told = body(&reply);
        let busy = &told["principals"][0]["busy"][0];
        (busy["start"].as_str().unwrap().to_owned(), busy["end"].as_str().unwrap().to_owned())
    };
    // Hers is Europe/Berlin.
    assert_eq!(spans("").await, ("2026-03-01T23:00:00Z".into(), "2026-03-02T23:00:00Z".into()));
    let tokyo = ("2026-03-02T00:00:00+09:00".into(), "2026-03-03T00:00:00+09:00".into());
    assert_eq!(spans("&zone=Asia/Tokyo").await, tokyo);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_by_its_code() {
    let (_server, bot) = clinic().await;
    for (query, expected) in [
        ("principals=ada&start=2026-03-01", "INVALID_QUERY"),
        ("principals=ada&start=2026-03-01&end=2026-03-02&depth=1", "INVALID_QUERY"),
        ("start=2026-03-01&end=2026-03-02", "INVALID_QUERY"),
        ("principals=ada&start=soon&end=2026-03-02", "INVALID_TIME"),
        ("principals=ada&start=2026-03-02&end=2026-03-02", "INVALID_WINDOW"),
        ("principals=ada&start=2026-03-03&end=2026-03-02", "INVALID_WINDOW"),
        ("principals=ada&start=2026-03-01&end=2029-03-06", "WINDOW_TOO_LONG"),
        ("principals=ada&start=2026-03-01&end=2026-03-02&zone=Mars/Base", "UNKNOWN_ZONE"),
    ] {
        let reply = bot.get(&format!("/api/v1/freebusy?{query}")).await;
        assert_eq!(code(&reply), (400, expected.to_owned()), "{query}");
        assert!(!reply.text().contains("Mars"), "a refusal repeats nothing");
    }
    assert_eq!(bot.get("/api/v1/freebusy?principals=ada&start=2026-03-01&end=2029-03-05").await.status, 200);
}

#[tokio::test]
async fn a_body_is_json_of_bounded_size_and_number() {
    let (_server, bot) = clinic().await;
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|n| format!("nobody{n}")).collect();
        json!({ "principals": names, "start": "2026-03-02", "end": "2026-03-03" })
    };
    assert_eq!(code(&post(&bot, &many(0)).await), (400, "NO_PRINCIPALS".into()));
    assert_eq!(code(&post(&bot, &many(1001)).await), (400, "TOO_MANY_PRINCIPALS".into()));
    let most = body(&post(&bot, &many(1000)).await);
    assert_eq!(most["principals"].as_array().unwrap().len(), 1000);
    let ask = async |media: &str, body: &str| {
        bot.ask("POST", "/api/v1/freebusy", &[("Content-Type", media)], body).await
    };
    assert_eq!(code(&ask("text/plain", "{}").await), (415, "UNSUPPORTED_MEDIA_TYPE".into()));
    assert_eq!(code(&ask("application/json", "{").await), (400, "INVALID_BODY".into()));
    let odd = "{\"principals\":[\"ada\"],\"start\":\"2026-03-02\",\"end\":\"2026-03-03\",\"Keller\":1}";
    let refused = ask("application/json; charset=utf-8", odd).await;
    assert_eq!(code(&refused), (400, "INVALID_BODY".into()));
    assert!(!refused.text().contains("Keller"));
    assert_eq!(code(&ask("application/json", &" ".repeat(300 << 10)).await), (413, "TOO_LARGE".into()));
}
