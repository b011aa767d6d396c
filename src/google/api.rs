//! Google's wire: the only file that knows it. One request of our own for everything, because the generated client cannot
//! say If-Match, drops null from a PATCH and loses a whole page to one event it cannot read; its types where they serve.
//!
//! Bounds: a call takes [`PATIENCE`] at most, an answer [`ANSWER`] bytes. A failure never carries what was answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use google_calendar3::api::{CalendarList, Channel as Wire};
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::error::Failure;
use super::figures::Figures;
use crate::accounts::Secret;

/// The fields of one event.
pub type Fields = Map<String, Value>;
type Answer<T> = Result<T, Failure>;

const PATIENCE: Duration = Duration::from_secs(10);
/// A page of 2,500 events with long descriptions.
const ANSWER: usize = 32 << 20;
const AGENT: &str = concat!("Kalends/", env!("CARGO_PKG_VERSION"));
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Where Google is.
#[derive(Clone, Debug)]
pub struct Place {
    pub api: String,
    pub authorize: String,
    pub token: String,
    pub revoke: String,
    pub userinfo: String,
}

impl Place {
    pub fn google() -> Place {
        Place {
            api: "https://www.googleapis.com/calendar/v3/".into(),
            authorize: "https://accounts.google.com/o/oauth2/v2/auth".into(),
            token: "https://oauth2.googleapis.com/token".into(),
            revoke: "https://oauth2.googleapis.com/revoke".into(),
            userinfo: "https://openidconnect.googleapis.com/v1/userinfo".into(),
        }
    }

    /// Another server in its place.
    pub fn at(base: &str) -> Place {
        let base = base.trim_end_matches('/');
        Place {
            api: format!("{base}/calendar/v3/"),
            authorize: format!("{base}/o/oauth2/v2/auth"),
            token: format!("{base}/token"),
            revoke: format!("{base}/revoke"),
            userinfo: format!("{base}/v1/userinfo"),
        }
    }
}

/// One call below `calendar/v3/`.
pub struct Request {
    pub method: Method,
    /// Encoded already.
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub if_match: Option<String>,
    pub body: Option<Value>,
}

impl Request {
    pub fn new(method: Method, path: impl Into<String>) -> Request {
        Request { method, path: path.into(), query: Vec::new(), if_match: None, body: None }
    }

    /// What it is, for a metric: Google's own name of the method.
    fn word(&self) -> &'static str {
        let last = self.path.rsplit('/').next().unwrap_or_default();
        match (&self.method, last) {
            (_, "calendarList") => "calendarList.list",
            (_, "stop") => "channels.stop",
            (_, "watch") if self.path.starts_with("users/") => "calendarList.watch",
            (_, "watch") => "events.watch",
            (_, "instances") => "events.instances",
            (&Method::GET, "events") => "events.list",
            (&Method::GET, _) => "events.get",
            (&Method::POST, _) => "events.insert",
            (&Method::DELETE, _) => "events.delete",
            _ => "events.patch",
        }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Request {
        self.query.push((name, value.into()));
        self
    }
}

/// A calendar in somebody's list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Listed {
    pub id: String,
    pub summary: String,
    pub zone: Option<String>,
    /// `owner`, `writer`, `reader`, `freeBusyReader`.
    pub role: String,
    pub is_primary: bool,
}

/// A channel as it is asked for and granted. No `Debug`: it holds a secret.
pub struct Watched {
    pub id: String,
    pub resource: String,
    /// Seconds UTC.
    pub expires: i64,
}

/// What the token endpoint gave. No `Debug`.
pub struct Tokens {
    pub access: Secret,
    pub refresh: Option<Secret>,
    /// Seconds.
    pub life: i64,
    pub scopes: Option<String>,
}

/// The wire.
pub struct Api {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub place: Place,
    figures: Arc<Figures>,
}

impl Api {
    pub fn new(place: Place, figures: Arc<Figures>) -> Api {
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(30)).build(connector);
        Api { client, place, figures }
    }

    /// Asks the calendar API; an empty answer is null.
    pub async fn send(&self, token: &Secret, request: &Request) -> Answer<Value> {
        let mut url = format!("{}{}", self.place.api, request.path);
        if !request.query.is_empty() {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(request.query.iter().map(|(name, value)| (*name, value)));
            url.extend(["?", &query.finish()]);
        }
        let mut builder = http::Request::builder().method(&request.method).uri(url);
        builder = builder.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        if let Some(etag) = &request.if_match {
            builder = builder.header(header::IF_MATCH, etag);
        }
        let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
        self.exchange(request.word(), builder.header(header::CONTENT_TYPE, JSON), body).await
    }

    /// The page a person is sent to.
    pub fn consent_url(&self, pairs: &[(&str, &str)]) -> String {
        match Url::parse_with_params(&self.place.authorize, pairs) {
            Ok(url) => url.into(),
            Err(_) => self.place.authorize.clone(),
        }
    }

    pub async fn tokens(&self, form: &[(&str, &str)]) -> Answer<Tokens> {
        let answer = self.form("oauth.token", &self.place.token, form).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let access = text("access_token").ok_or(Failure::Unreachable("no token in the answer".into()))?;
        Ok(Tokens {
            access: Secret::new(access),
            refresh: text("refresh_token").map(Secret::new),
            life: answer.get("expires_in").and_then(Value::as_i64).unwrap_or(0),
            scopes: text("scope").map(str::to_owned),
        })
    }

    pub async fn revoke(&self, token: &Secret) -> Answer<()> {
        self.form("oauth.revoke", &self.place.revoke, &[("token", token.expose())]).await.map(drop)
    }

    /// Who it is: what never changes of a person, and her address. Asked for by TLS from Google itself, so that no
    /// signature need be checked (OpenID Connect Core 3.1.3.7, point 6).
    pub async fn userinfo(&self, token: &Secret) -> Answer<(String, String)> {
        let builder = http::Request::builder().method(Method::GET).uri(&self.place.userinfo);
        let builder = builder.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        let answer = self.exchange("oauth.userinfo", builder, String::new()).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let subject = text("sub").ok_or(Failure::Unreachable("nobody in the answer".into()))?;
        Ok((subject, text("email").unwrap_or_default()))
    }

    async fn form(&self, word: &'static str, url: &str, form: &[(&str, &str)]) -> Answer<Value> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let builder = http::Request::builder().method(Method::POST).uri(url);
        self.exchange(word, builder.header(header::CONTENT_TYPE, FORM), body).await
    }

    /// Counts what came of it; 0 is no answer.
    async fn exchange(
        &self,
        word: &'static str,
        builder: http::request::Builder,
        body: String,
    ) -> Answer<Value> {
        let done = self.asked(builder, body).await;
        self.figures.called(word, done.as_ref().map_or(0, |(head, _)| head.status.as_u16()));
        let (head, body) = done?;
        let parsed = || serde_json::from_slice::<Value>(&body).ok();
        match head.status.is_success() {
            true if body.is_empty() => Ok(Value::Null),
            true => parsed().ok_or_else(|| unreachable("not JSON")),
            false => Err(failure(head.status, &head.headers, &parsed().unwrap_or_default())),
        }
    }

    async fn asked(
        &self,
        builder: http::request::Builder,
        body: String,
    ) -> Answer<(http::response::Parts, Bytes)> {
        let request = builder.header(header::USER_AGENT, AGENT).body(Full::from(body));
        let request = request.map_err(|_| Failure::Invalid("a request that cannot be written".into()))?;
        let work = async {
            let answer = self.client.request(request).await.map_err(|_| unreachable("connection"))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER).collect().await.map_err(|_| unreachable("cut off"))?;
            Ok((head, body.to_bytes()))
        };
        tokio::time::timeout(PATIENCE, work).await.map_err(|_| unreachable("time-out"))?
    }
}

fn unreachable(what: &'static str) -> Failure {
    Failure::Unreachable(what.into())
}

/// Google's two forms of an error: `{"error": {"errors": [{"reason"}]}}`, and `{"error": "invalid_grant"}` of OAuth.
fn failure(status: StatusCode, headers: &HeaderMap, body: &Value) -> Failure {
    let error = &body["error"];
    let first = &error["errors"][0];
    let reason = first["reason"].as_str().or(error.as_str()).unwrap_or_default();
    let message = error["message"].as_str().or(first["message"].as_str()).unwrap_or_default();
    let retry_after =
        headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    match (status.as_u16(), reason) {
        (429, _) | (403, "rateLimitExceeded" | "userRateLimitExceeded") => Failure::Limited { retry_after },
        (403, "quotaExceeded") => Failure::Quota,
        (403, _) if message.contains("Calendar usage limits exceeded") => Failure::Quota,
        (_, "invalid_grant") => Failure::Revoked,
        (401, "") | (401, "authError" | "required") => Failure::Unauthorized,
        (401 | 403, reason) => Failure::Forbidden(word(reason)),
        (404, _) => Failure::NotFound,
        (410, _) => Failure::Gone,
        (409, _) => Failure::Taken,
        (412, _) => Failure::Changed,
        (503, _) if retry_after.is_some() => Failure::Limited { retry_after },
        (500.., _) => Failure::Unreachable(format!("status {}", status.as_u16()).into()),
        (_, _) if message.contains("sync token") => Failure::Invalid("sync_token".into()),
        (_, _) if message.contains("sequence") => Failure::Invalid("sequence".into()),
        (_, _) if message.contains("attendee") => Failure::Invalid("attendees".into()),
        (_, reason) => Failure::Invalid(word(reason)),
    }
}

/// A code is a word: whatever else stands there is not repeated.
fn word(reason: &str) -> String {
    let is_word =
        reason.len() <= 60 && reason.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c));
    if is_word { reason.to_owned() } else { "unknown".to_owned() }
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A page of somebody's calendars, and the token of the next.
pub fn listed(answer: Value) -> Answer<(Vec<Listed>, Option<String>)> {
    let list: CalendarList = serde_json::from_value(answer).map_err(|_| unreachable("no calendar list"))?;
    let entries = list.items.unwrap_or_default().into_iter().filter(|one| one.deleted != Some(true));
    let entries = entries.filter_map(|one| {
        Some(Listed {
            id: one.id?,
            summary: one.summary_override.or(one.summary).unwrap_or_default(),
            zone: one.time_zone,
            role: one.access_role.unwrap_or_default(),
            is_primary: one.primary.unwrap_or_default(),
        })
    });
    Ok((entries.collect(), list.next_page_token))
}

/// The body that asks for a channel.
pub fn watch(id: &str, secret: &Secret, address: &str, life: i64) -> Value {
    let wire = Wire {
        id: Some(id.to_owned()),
        token: Some(secret.expose().to_owned()),
        address: Some(address.to_owned()),
        type_: Some("web_hook".to_owned()),
        params: Some([("ttl".to_owned(), life.to_string())].into()),
        ..Wire::default()
    };
    let mut body = serde_json::to_value(wire).unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

/// The channel that was granted: only its own end counts.
pub fn watched(answer: Value) -> Answer<Watched> {
    let wire: Wire = serde_json::from_value(answer).map_err(|_| unreachable("no channel"))?;
    let (Some(id), Some(resource)) = (wire.id, wire.resource_id) else {
        return Err(unreachable("no channel"));
    };
    Ok(Watched { id, resource, expires: wire.expiration.unwrap_or_default().div_euclid(1000) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(status: u16, reason: &str, message: &str) -> Failure {
        let body = json!({ "error": { "message": message, "errors": [{ "reason": reason }] } });
        failure(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), &body)
    }

    #[test]
    fn an_answer_is_grouped_by_what_can_be_done() {
        assert_eq!(of(429, "rateLimitExceeded", ""), Failure::Limited { retry_after: None });
        assert_eq!(of(403, "userRateLimitExceeded", ""), Failure::Limited { retry_after: None });
        assert_eq!(of(403, "usageLimits", "Calendar usage limits exceeded."), Failure::Quota);
        assert_eq!(of(403, "forbidden", ""), Failure::Forbidden("forbidden".into()));
        assert!(of(410, "fullSyncRequired", "").ends_token());
        assert!(of(400, "invalid", "Invalid sync token value.").ends_token());
        assert!(!of(400, "invalid", "Invalid attendee email.").ends_token());
        assert!(of(503, "backendError", "").is_passing() && !of(404, "notFound", "").is_passing());
        let oauth = json!({ "error": "invalid_grant", "error_description": "Token has been revoked." });
        assert_eq!(failure(StatusCode::BAD_REQUEST, &HeaderMap::new(), &oauth), Failure::Revoked);
        assert_eq!(
            failure(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &Value::Null).code(),
            "unreachable: status 502"
        );
    }

    #[test]
    fn s75_a_failure_repeats_only_words() {
        assert_eq!(of(400, "Jane Doe, 0171 234", "x"), Failure::Invalid("unknown".into()));
    }
}
