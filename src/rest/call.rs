//! One request of an endpoint: who asks, and its input as values. Invariant: what cannot be read is refused with a code,
//! and the refusal never repeats what was sent.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

use super::events::Streams;
use super::google::{Refusal, Twins};
use crate::accounts::Caller;
use crate::calendar::{self, Author, Origin};
use crate::clinic::{self, Clinic, Desk, Directory};
use crate::edge::{Answer, Ask, Body, Problem};

/// Bytes of a body where the endpoint does not say otherwise.
pub const BODY: usize = 64 << 10;

pub struct Call<W = Caller> {
    pub clinic: Clinic,
    pub directory: Directory,
    pub streams: Streams,
    pub google: Option<Arc<dyn Twins>>,
    pub who: W,
    pub ask: Ask,
    /// The values of the names in the route's path.
    pub names: Vec<String>,
}

/// Why an endpoint did not do it; the door makes a problem of it.
pub enum Failure {
    /// What the door itself found.
    Problem(Problem),
    Clinic(clinic::Error),
    /// The same, with what is offered instead.
    Instead(clinic::Error, Vec<clinic::Offered>),
    Calendar(calendar::Error),
    Google(Refusal),
    /// An answer that could not be written.
    Unwritten(serde_json::Error),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Problem(problem)
    }
}

impl From<clinic::Error> for Failure {
    fn from(error: clinic::Error) -> Failure {
        Failure::Clinic(error)
    }
}

impl From<calendar::Error> for Failure {
    fn from(error: calendar::Error) -> Failure {
        Failure::Calendar(error)
    }
}

impl Call {
    /// Who changes something of the directory.
    pub fn author(&self) -> Author<'_> {
        Author { who: &self.who, from: Origin::Rest }
    }

    /// The bookings, as far as the caller may.
    pub fn desk(&self) -> Desk<'_> {
        self.clinic.desk(&self.who)
    }
}

impl<W> Call<W> {
    /// A name in the path, as its type; one that cannot be any is nobody's.
    pub fn name<T: std::str::FromStr>(&self, at: usize) -> Result<T, Problem> {
        self.names.get(at).and_then(|name| name.parse().ok()).ok_or_else(Problem::not_found)
    }

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
            || media.eq_ignore_ascii_case("application/merge-patch+json")
    }

    /// The version that the caller has read (If-Match); None asks for none. An ETag that was never ours is outdated.
    pub fn version(&self) -> Result<Option<i64>, clinic::Error> {
        let Some(tag) = self.ask.headers.get(header::IF_MATCH) else { return Ok(None) };
        let tag = tag.to_str().unwrap_or_default().trim();
        if tag == "*" {
            return Ok(None);
        }
        let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        version.and_then(|version| version.parse().ok()).map(Some).ok_or(clinic::Error::Stale)
    }
}

/// 200 with this value as JSON.
pub fn json<T: Serialize>(value: &T) -> Result<Answer, Failure> {
    let body = serde_json::to_vec(value).map_err(Failure::Unwritten)?;
    let mut answer = Answer::new(Body::from(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}

/// 200 with this value, and its version as ETag.
pub fn tagged<T: Serialize>(value: &T, version: i64) -> Result<Answer, Failure> {
    let mut answer = json(value)?;
    answer.headers_mut().extend(tag(version).map(|tag| (header::ETAG, tag)));
    Ok(answer)
}

/// 201 with this value, its version, and where it is from now on.
pub fn made<T: Serialize>(value: &T, version: i64, at: &str) -> Result<Answer, Failure> {
    let mut answer = placed(value, at)?;
    answer.headers_mut().extend(tag(version).map(|tag| (header::ETAG, tag)));
    Ok(answer)
}

/// The same of what has no version.
pub fn placed<T: Serialize>(value: &T, at: &str) -> Result<Answer, Failure> {
    let mut answer = json(value)?;
    *answer.status_mut() = StatusCode::CREATED;
    answer.headers_mut().extend(HeaderValue::try_from(at).ok().map(|at| (header::LOCATION, at)));
    Ok(answer)
}

/// 204.
pub fn nothing() -> Result<Answer, Failure> {
    Ok(crate::edge::problem::bare(StatusCode::NO_CONTENT))
}

fn tag(version: i64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("\"{version}\"")).ok()
}
