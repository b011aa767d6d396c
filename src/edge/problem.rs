//! RFC 9457 problem details: the only place that picks a JSON status, and the refusals HTTP itself makes.
//!
//! The text tells the reader what to do next; it never repeats what was sent.

use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{Answer, Body, ask::Unread};

/// A refusal: status, short title, one sentence.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The URI that names what is wrong, where a standard has one.
    pub kind: Option<String>,
    pub status: StatusCode,
    /// What programs tell refusals apart by (RFC 9457 3.1.1); never renamed.
    pub code: Option<&'static str>,
    pub title: &'static str,
    pub detail: String,
    pub retry_after: Option<u32>,
    /// What programs need beside it, by name (RFC 9457 3.2).
    pub members: Map<String, Value>,
}

impl Problem {
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Problem {
        let members = Map::new();
        Problem { kind: None, status, code: None, title, detail: detail.into(), retry_after: None, members }
    }

    pub fn code(mut self, code: &'static str) -> Problem {
        self.code = Some(code);
        self
    }

    /// Seconds after which asking again makes sense (RFC 9110 10.2.3).
    pub fn retry_after(mut self, seconds: u32) -> Problem {
        self.retry_after = Some(seconds);
        self
    }

    /// A member beside those of the standard.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Names what is wrong by the URI that a standard has for it.
    pub fn of_kind(mut self, kind: String) -> Problem {
        self.kind = Some(kind);
        self
    }

    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "Bad request", detail).code("BAD_REQUEST")
    }

    pub fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "Not found", "There is nothing at this address.")
            .code("NOT_FOUND")
    }

    /// Never a 401: Thunderbird deletes its password at the first stray one (clients.md 4).
    pub fn busy(retry_after: u32) -> Problem {
        let detail = "The server is busy or its database does not answer. Try again shortly.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail).code("BUSY").retry_after(retry_after)
    }

    /// The cause is in the log under the request's id.
    pub fn broken(id: u64) -> Problem {
        let detail = format!("Something is wrong in the server; its log names request {id:x}.");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error", detail).code("INTERNAL")
    }

    pub fn answer(&self) -> Answer {
        let word = |code: &str| code.to_ascii_lowercase().replace('_', "-");
        let ours = || self.code.map(|code| format!("urn:kalends:problem:{}", word(code)));
        let mut body = json!({
            "type": self.kind.clone().or_else(ours).unwrap_or("about:blank".to_owned()),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(code) = self.code {
            body["code"] = code.into();
        }
        for (name, value) in &self.members {
            body[name.as_str()] = value.clone();
        }
        let mut answer = Answer::new(Body::from(body.to_string()));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Problem {
        let (status, title, code) = match unread {
            Unread::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "Too large", "TOO_LARGE"),
            Unread::Stalled => (StatusCode::REQUEST_TIMEOUT, "Too slow", "TOO_SLOW"),
            Unread::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Encoded body", "ENCODED_BODY"),
            Unread::BrokenOff => (StatusCode::BAD_REQUEST, "Broken off", "BROKEN_OFF"),
        };
        Problem::new(status, title, unread.to_string()).code(code)
    }
}

/// A short plain answer.
pub fn plain(status: StatusCode, text: impl Into<Body>) -> Answer {
    let mut answer = Answer::new(text.into());
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

/// No body at all.
pub fn bare(status: StatusCode) -> Answer {
    let mut answer = Answer::new(Body::empty());
    *answer.status_mut() = status;
    answer
}
