//! Door: JSON for booking bots and front desks, under `/api/v1`. Whoever logs in for CalDAV logs in here.
//!
//! The list of routes is the list of the OpenAPI document (`schemas/openapi.json`). Adding an endpoint is one function in
//! the file of its resource, with what it takes and gives as structs, and one line in [`ROUTES`].
//!
//! *Never:* decides who may do what, writes past the one write, says of anybody whether they exist to somebody who may
//! not know, knows another door.
//!
//! Files: `route` (one endpoint as a value) · `call` (one request of it) · `openapi` (the document) · `error` (what went
//! wrong below) · `instant` (times as they are read and written) · `freebusy`.

mod call;
mod error;
mod freebusy;
mod instant;
mod openapi;
mod route;

use http::{HeaderValue, StatusCode, header};

use crate::accounts::Caller;
use crate::calendar::Calendars;
use crate::edge::{Answer, Ask, Problem, problem};
use call::Call;
use route::Route;

/// THE list of endpoints.
const ROUTES: &[&Route] = &[&freebusy::GET, &freebusy::POST];

/// Where this door stands.
pub const ROOT: &str = "/api/v1";

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Rest {
    calendars: Calendars,
}

impl Rest {
    pub fn new(calendars: Calendars) -> Rest {
        Rest { calendars }
    }

    /// Any request of somebody who is known.
    pub async fn answer(&self, who: Caller, mut ask: Ask) -> Answer {
        let Some((route, names)) = find(&ask) else {
            ask.pass_over().await;
            return nowhere(&ask.path);
        };
        let answered = (route.run)(Call { calendars: self.calendars.clone(), who, ask, names }).await;
        let mut answer = answered.unwrap_or_else(|problem| problem.answer());
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        answer
    }

    /// OPTIONS, which needs no login.
    pub fn options(&self, ask: &Ask) -> Answer {
        let mut answer = problem::bare(StatusCode::NO_CONTENT);
        answer.headers_mut().extend(allow(&ask.path).map(|methods| (header::ALLOW, methods)));
        answer
    }
}

/// The OpenAPI 3.1 document of this door.
pub fn document() -> serde_json::Value {
    openapi::document(ROUTES)
}

/// The endpoint that is asked for, and the values of the names in its path.
fn find(ask: &Ask) -> Option<(&'static Route, Vec<String>)> {
    ROUTES.iter().filter(|route| route.method == ask.method).find_map(|route| {
        let names = route.names(&ask.path)?;
        Some((*route, names))
    })
}

fn allow(path: &str) -> Option<HeaderValue> {
    let there = ROUTES.iter().filter(|route| route.names(path).is_some());
    let methods: Vec<&str> = there.map(|route| route.method.as_str()).chain(["OPTIONS"]).collect();
    if methods.len() == 1 { None } else { HeaderValue::try_from(methods.join(", ")).ok() }
}

/// A path that is nobody's, or a method that its endpoint does not have.
fn nowhere(path: &str) -> Answer {
    let Some(methods) = allow(path) else { return Problem::not_found().answer() };
    let detail = "The header Allow names the methods of this address.";
    let refused = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Not allowed", detail);
    let mut answer = refused.code("METHOD_NOT_ALLOWED").answer();
    answer.headers_mut().insert(header::ALLOW, methods);
    answer
}
