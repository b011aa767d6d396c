//! `/tzdist`: the time zones of this program for whoever asks, without login (RFC 7808, time zone distribution).
//!
//! *Never:* reads a calendar, knows who asks, sends what the server itself does not compute with: the texts are made
//! from the tables that expand a series.
//!
//! Files: `query` (the parameters) · `catalogue` (list and find) · `pattern` (names that match) · `zone` (get and
//! expand) · `capabilities` · `leap` (leap seconds).

mod capabilities;
mod catalogue;
mod leap;
mod pattern;
mod query;
mod zone;

use http::{HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode_str;

use crate::{
    calendar::{self, Etag},
    edge::{Answer, Ask, Body, Conditions, Problem, problem},
};
use query::Query;

/// Where the service stands: what `/.well-known/timezone` leads to.
pub const ROOT: &str = "/tzdist";
/// RFC 7808 asks clients to look once a day; who serves others looks once an hour.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=3600");
const JSON: &str = "application/json; charset=\"utf-8\"";
const CALENDAR: &str = "text/calendar; charset=\"utf-8\"";

/// What is given out, before its headers.
struct Found {
    media: &'static str,
    body: String,
    /// The tag, where it is not the body's own hash.
    tag: Option<String>,
}

impl Found {
    fn json(value: &serde_json::Value) -> Found {
        Found { media: JSON, body: value.to_string(), tag: None }
    }
}

/// RFC 7808 10.2: what can be wrong, by the last word of its URN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Action,
    ChangedSince,
    Tzid,
    Format,
    Start,
    End,
    Pattern,
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Problem {
        let (kind, status, title) = match wrong {
            Wrong::Action => ("invalid-action", StatusCode::NOT_FOUND, "There is no such action"),
            Wrong::ChangedSince => {
                ("invalid-changedsince", StatusCode::BAD_REQUEST, "changedsince is given once at most")
            }
            Wrong::Tzid => {
                ("tzid-not-found", StatusCode::NOT_FOUND, "Time zone identifier was not found on this server")
            }
            Wrong::Format => {
                ("invalid-format", StatusCode::NOT_ACCEPTABLE, "Time zones are given as text/calendar only")
            }
            Wrong::Start => ("invalid-start", StatusCode::BAD_REQUEST, "start is one date-time in UTC"),
            Wrong::End => {
                ("invalid-end", StatusCode::BAD_REQUEST, "end is one date-time in UTC, after start")
            }
            Wrong::Pattern => (
                "invalid-pattern",
                StatusCode::BAD_REQUEST,
                "pattern is one text, with * at its ends only and \\ before * and \\",
            ),
        };
        Problem::new(status, title, "See RFC 7808, section 5.").of_kind(format!("{ERRORS}{kind}"))
    }
}

const ERRORS: &str = "urn:ietf:params:tzdist:error:";

/// `rest` is what follows `/tzdist/`.
pub async fn answer(rest: &str, ask: &Ask) -> Answer {
    if !matches!(ask.method, Method::GET | Method::HEAD) {
        let kind = format!("{ERRORS}invalid-action");
        let detail = "Time zones can only be read.";
        let refusal = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Not allowed", detail).of_kind(kind);
        let mut answer = refusal.answer();
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
        return answer;
    }
    found(rest, ask).await.unwrap_or_else(|problem| problem.answer())
}

async fn found(rest: &str, ask: &Ask) -> Result<Answer, Problem> {
    let conditions =
        Conditions::read(&ask.headers).map_err(|error| Problem::bad_request(error.to_string()))?;
    let query = Query::read(ask.query.as_deref());
    let action = Action::of(rest, &query).ok_or(Wrong::Action)?;
    if matches!(action, Action::Get(_)) && !accepts_calendar(ask) {
        return Err(Wrong::Format.into());
    }
    // The first list writes all zones; a zone with a long past takes a millisecond.
    let made = calendar::compute(move || action.run(&query)).await;
    let found = made.map_err(|_| Problem::broken(ask.id))??;
    let tag = found.tag.unwrap_or_else(|| Etag::of(found.body.as_bytes()).opaque());
    let mut answer = match ask.method {
        _ if conditions.not_modified(&tag, None) => problem::bare(StatusCode::NOT_MODIFIED),
        Method::HEAD => problem::bare(StatusCode::OK),
        _ => Answer::new(Body::from(found.body)),
    };
    let headers = answer.headers_mut();
    let etag = HeaderValue::try_from(format!("\"{tag}\"")).map_err(|_| Problem::broken(ask.id))?;
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, CACHED);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(found.media));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer)
}

/// RFC 7808 section 5.
enum Action {
    Capabilities,
    List,
    Find,
    Get(String),
    Expand(String),
    LeapSeconds,
}

impl Action {
    /// A zone's name comes with `%2F` for its slashes (RFC 6570 3.2.6); people write them plain.
    fn of(rest: &str, query: &Query) -> Option<Action> {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let name = |raw: &str| percent_decode_str(raw).decode_utf8_lossy().into_owned();
        Some(match (rest, rest.strip_prefix("zones/")) {
            ("capabilities", _) => Action::Capabilities,
            ("leapseconds", _) => Action::LeapSeconds,
            ("zones", _) if query.has("pattern") => Action::Find,
            ("zones", _) => Action::List,
            (_, Some(zone)) => match zone.strip_suffix("/observances") {
                Some(zone) => Action::Expand(name(zone)),
                None => Action::Get(name(zone)),
            },
            _ => return None,
        })
    }

    fn run(&self, query: &Query) -> Result<Found, Wrong> {
        match self {
            Action::Capabilities => Ok(Found::json(&capabilities::capabilities())),
            Action::List => catalogue::list(query),
            Action::Find => catalogue::find(query),
            Action::Get(tzid) => zone::get(tzid, query),
            Action::Expand(tzid) => zone::expand(tzid, query),
            Action::LeapSeconds => Ok(Found::json(&leap::seconds())),
        }
    }
}

/// RFC 7808 5.3: without an Accept it is text/calendar.
fn accepts_calendar(ask: &Ask) -> bool {
    let mut lines = ask.headers.get_all(header::ACCEPT).iter().peekable();
    let takes = |item: &str| {
        let (media, weight) = item.split_once(';').unwrap_or((item, ""));
        let refused = matches!(weight.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        !refused
            && ["text/calendar", "text/*", "*/*"].iter().any(|one| media.trim().eq_ignore_ascii_case(one))
    };
    lines.peek().is_none()
        || lines.filter_map(|line| line.to_str().ok()).flat_map(|l| l.split(',')).any(takes)
}
