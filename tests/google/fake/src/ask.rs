//! A request as the methods see it, and what they answer. Bounds: a body of 1 MiB, see `server`.

use http::{HeaderMap, Method};
use serde_json::Value;

use crate::{
    problem::{self, Problem},
    state::{Fields, State},
};

pub struct Ask {
    pub method: Method,
    /// Path and query as sent.
    pub uri: String,
    /// Decoded segments of the path.
    pub path: Vec<String>,
    pub query: Query,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as a JSON object; nothing is an empty one.
    pub fn fields(&self) -> Result<Fields, Problem> {
        if self.body.is_empty() {
            return Ok(Fields::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            _ => Err(Problem::new(400, "parseError", "Parse Error")),
        }
    }

    /// The body as a form (OAuth).
    pub fn form(&self) -> Query {
        Query(url::form_urlencoded::parse(&self.body).into_owned().collect())
    }
}

/// Parameters in the order sent; some may repeat.
#[derive(Clone, Debug, Default)]
pub struct Query(pub Vec<(String, String)>);

impl Query {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    pub fn number(&self, name: &'static str) -> Result<Option<usize>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let bad = || problem::invalid("Invalid Value").at("parameter", name);
        text.parse().map(Some).map_err(|_| bad())
    }
}

/// One call on its way through a method: the state under its lock, who asks, what the path named.
pub struct Turn<'a> {
    pub state: &'a mut State,
    pub ask: &'a Ask,
    pub who: String,
    pub scopes: Vec<String>,
    pub args: Vec<String>,
    pub method_id: &'static str,
}

impl Turn<'_> {
    /// The calendar the path names; `primary` is the caller's own [D].
    pub fn calendar_id(&self) -> String {
        match self.args.first().map(String::as_str) {
            Some("primary") | None => self.who.clone(),
            Some(id) => id.to_owned(),
        }
    }

    pub fn event_id(&self) -> &str {
        self.args.get(1).map_or("", String::as_str)
    }

    /// [D] If-None-Match on a read: 304 without a body.
    pub fn answer(&self, body: Value) -> Answer {
        let etag = body.get("etag").and_then(Value::as_str).map(str::to_owned);
        let is_known = self.ask.method == Method::GET
            && etag.is_some()
            && self.ask.header("if-none-match").is_some_and(|one| Some(one) == etag.as_deref() || one == "*");
        Ok(Reply { status: if is_known { 304 } else { 200 }, body: (!is_known).then_some(body), etag })
    }
}

pub struct Reply {
    pub status: u16,
    pub body: Option<Value>,
    pub etag: Option<String>,
}

pub type Answer = Result<Reply, Problem>;

/// [D] 204 without a body: what delete, clear and stop answer.
pub fn nothing() -> Answer {
    Ok(Reply { status: 204, body: None, etag: None })
}

pub fn quoted(etag: i64) -> String {
    format!("\"{etag}\"")
}
