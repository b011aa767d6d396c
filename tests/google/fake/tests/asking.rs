//! A fake with one person, Ada, and a client that asks as her.

use bytes::Bytes;
use fake_google::{Clock, Command, Fake, Running};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

/// Monday, 2026-03-02 08:00 UTC.
pub const NOW: i64 = 1_772_438_400;
pub const ADA: &str = "ada@clinic.example";
pub const EVENTS: &str = "/calendars/primary/events";

pub struct Google {
    pub running: Running,
    client: Client<HttpConnector, Full<Bytes>>,
    token: String,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The reason in Google's error body.
    pub fn reason(&self) -> &str {
        self.body["error"]["errors"][0]["reason"].as_str().unwrap_or_default()
    }

    /// The ids of a list.
    pub fn ids(&self) -> Vec<&str> {
        let items = self.body["items"].as_array().unwrap();
        items.iter().map(|one| one["id"].as_str().unwrap()).collect()
    }

    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_default().to_owned()
    }
}

impl Google {
    pub async fn start() -> Google {
        let running = Fake::start(([127, 0, 0, 1], 0).into(), Clock::at(NOW)).await.unwrap();
        let account = Command::Account { email: ADA.into(), zone: "Europe/Berlin".into() };
        running.run(account).await.unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut google = Google { running, client, token: String::new() };
        google.token = google.token_of(ADA, &["calendar"]).await;
        google
    }

    pub async fn run(&self, command: Command) -> Value {
        self.running.run(command).await.unwrap()
    }

    pub async fn token_of(&self, email: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|one| (*one).to_owned()).collect();
        let token = self.run(Command::Token { email: email.into(), scopes }).await;
        token.as_str().unwrap().to_owned()
    }

    /// The same fake, asked by somebody else or for something else.
    pub async fn as_(self, email: &str, scopes: &[&str]) -> Google {
        let token = self.token_of(email, scopes).await;
        Google { token, ..self }
    }

    /// Puts an event there by Google's own hand.
    pub async fn raw(&self, event: Value) -> Value {
        let event = event.as_object().unwrap().clone();
        self.run(Command::Event { calendar: ADA.into(), event }).await
    }

    /// None when the connection broke.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Option<Reply> {
        let answer = self.client.request(request).await.ok()?;
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Some(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }

    pub async fn try_(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Option<Reply> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/calendar/v3{path}", self.running.url()))
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::from(body)).unwrap()).await
    }

    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Reply {
        self.try_(method, path, &[], &body).await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, Value::Null).await
    }

    /// Makes an event and returns it.
    pub async fn insert(&self, body: Value) -> Value {
        let reply = self.ask("POST", EVENTS, body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body
    }

    /// The whole list by these parameters: items, and the sync token.
    pub async fn list(&self, query: &str) -> (Vec<Value>, String) {
        let (mut items, mut page) = (Vec::new(), String::new());
        loop {
            let reply = self.get(&format!("{EVENTS}?{query}{page}")).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            items.extend(reply.body["items"].as_array().unwrap().iter().cloned());
            match reply.body["nextPageToken"].as_str() {
                Some(token) => {
                    assert!(reply.body["nextSyncToken"].is_null(), "the tokens exclude each other");
                    page = format!("&pageToken={token}");
                }
                None => return (items, reply.text("nextSyncToken")),
            }
        }
    }
}

/// A visit on this day of March 2026 at 9 in Berlin.
pub fn visit(id: &str, day: u8) -> Value {
    json!({
        "id": id, "summary": format!("Visit {id}"),
        "start": { "dateTime": format!("2026-03-{day:02}T09:00:00"), "timeZone": "Europe/Berlin" },
        "end": { "dateTime": format!("2026-03-{day:02}T09:30:00"), "timeZone": "Europe/Berlin" },
    })
}

/// The same as a series.
pub fn series(id: &str, rule: &str) -> Value {
    let mut event = visit(id, 2);
    event["recurrence"] = json!([rule]);
    event
}

pub fn path(id: &str) -> String {
    format!("{EVENTS}/{id}")
}
