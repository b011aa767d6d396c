//! One request of an endpoint: who asks, and its input as values. Invariant: what cannot be read is refused with a code,
//! and the refusal never repeats what was sent.

use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

use crate::accounts::Caller;
use crate::calendar::Calendars;
use crate::edge::{Answer, Ask, Body, Problem};

pub struct Call {
    pub calendars: Calendars,
    pub who: Caller,
    pub ask: Ask,
    /// The values of the names in the route's path.
    #[expect(dead_code, reason = "no path has names yet")]
    pub names: Vec<String>,
}

impl Call {
    /// The query string as this type; a list is a name that stands several times.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let query = self.ask.query.as_deref().unwrap_or_default();
        serde_html_form::from_str(query).map_err(|_| {
            let detail =
                "The query is not as the OpenAPI document describes it: something is missing or unknown.";
            Problem::bad_request(detail).code("INVALID_QUERY")
        })
    }

    /// The body, of at most so many bytes, as this type.
    pub async fn body<T: DeserializeOwned>(&mut self, limit: usize) -> Result<T, Problem> {
        if !self.says_json() {
            let detail = "The body is JSON: send it with Content-Type: application/json.";
            let refused = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not JSON", detail);
            return Err(refused.code("UNSUPPORTED_MEDIA_TYPE"));
        }
        let body = self.ask.body(limit).await?;
        serde_json::from_slice(&body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what =
                if error.is_data() { "is not as the OpenAPI document describes it" } else { "is not JSON" };
            Problem::bad_request(format!("The body {what}: line {line}, column {column}."))
                .code("INVALID_BODY")
        })
    }

    /// A body that does not say what it is gets the benefit of the doubt.
    fn says_json(&self) -> bool {
        let Some(media) = self.ask.header(header::CONTENT_TYPE) else { return true };
        let media = media.split(';').next().unwrap_or_default().trim();
        media.eq_ignore_ascii_case("application/json")
    }
}

/// 200 with this value as JSON.
pub fn json<T: Serialize>(value: &T, id: u64) -> Result<Answer, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(request.id = id, %error, "an answer could not be written as JSON");
        Problem::broken(id)
    })?;
    let mut answer = Answer::new(Body::from(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}
