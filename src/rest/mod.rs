//! Door: JSON for booking bots and front desks, under `/api/v1`. Whoever logs in for CalDAV logs in here.
//!
//! The list of routes is the list of the OpenAPI document (`schemas/openapi.json`). Adding an endpoint is one function in
//! the file of its resource, with what it takes and gives as structs, and one line in [`ROUTES`].
//!
//! *Never:* decides who may do what, writes past the one write, says of anybody whether they exist to somebody who may
//! not know, knows another door.
//!
//! Files: `route` (one endpoint as a value) · `call` (one request of it) · `once` (calls with a key) · `page` (lists) ·
//! `openapi` (the document) · `docs` (the same to read) · `error` (what went wrong below) · `instant` (times as they are
//! read and written) · `fields` that several share · `outcome` (changes that are confirmed) · one
//! file for each resource: `practitioners`, `things` (rooms, equipment), `terms`, `services`, `patients`, `settings`,
//! `tokens`, `audit`, `google` (asked of another door through a trait of its own), `freebusy`, `hours`, `leave`,
//! `blocks` (and holidays), `slots`, `holds`, `appointments`, `links` (of patients, without login), `events`, `calendar`
//! (what stands there), `series`, `bulk`, `claims`, `seats`, with `dates` (how one is
//! shown) and `acts` (what is done with them).

mod acts;
mod appointments;
mod audit;
mod blocks;
mod bulk;
mod calendar;
mod call;
mod claims;
mod dates;
mod docs;
mod error;
mod events;
mod fields;
mod freebusy;
pub mod google;
mod holds;
mod hours;
mod instant;
mod leave;
mod links;
mod once;
mod openapi;
mod outcome;
mod page;
mod patients;
mod practitioners;
mod route;
mod seats;
mod series;
mod services;
mod settings;
mod slots;
mod terms;
mod things;
mod tokens;

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use tokio::sync::watch;

use crate::accounts::{Accounts, Caller};
use crate::clinic::{Clinic, Directory};
use crate::edge::{Answer, Ask, Body, Problem, problem};
use call::Call;
use events::Streams;
use google::Twins;
use route::Route;

/// THE list of endpoints, each resource's together.
const ROUTES: &[&[&Route]] = &[
    practitioners::ROUTES,
    things::ROUTES,
    terms::ROUTES,
    services::ROUTES,
    patients::ROUTES,
    hours::ROUTES,
    leave::ROUTES,
    blocks::ROUTES,
    settings::ROUTES,
    tokens::ROUTES,
    slots::ROUTES,
    holds::ROUTES,
    appointments::ROUTES,
    links::ROUTES,
    events::ROUTES,
    series::ROUTES,
    bulk::ROUTES,
    claims::ROUTES,
    seats::ROUTES,
    calendar::ROUTES,
    audit::ROUTES,
    freebusy::ROUTES,
    google::ROUTES,
];

/// Where this door stands.
pub const ROOT: &str = "/api/v1";
/// What it is, to read, and as OpenAPI: without login.
pub const DOCS: &str = "/api/docs";
pub const DOCUMENT: &str = "/api/openapi.json";

/// Below it whoever has a patient's link needs no login.
pub const LINKS: &str = links::ROOT;

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Rest {
    accounts: Accounts,
    clinic: Clinic,
    directory: Directory,
    streams: Streams,
    /// Who keeps calendars equal with Google, where the clinic has a project there.
    google: Option<Arc<dyn Twins>>,
}

impl Rest {
    /// `stop` becomes true when the server stops: streams end then.
    pub fn new(
        accounts: Accounts,
        clinic: Clinic,
        directory: Directory,
        stop: watch::Receiver<bool>,
    ) -> Rest {
        Rest { accounts, clinic, directory, streams: Streams::new(stop), google: None }
    }

    /// With what is asked about Google under `/google`.
    pub fn with_google(self, google: Option<Arc<dyn Twins>>) -> Rest {
        Rest { google, ..self }
    }

    /// Any request of somebody who is known.
    pub async fn answer(&self, who: Caller, mut ask: Ask) -> Answer {
        let Some((route, names)) = find(routes(), &ask) else {
            ask.pass_over().await;
            return nowhere(&ask.path);
        };
        let id = ask.id;
        let known = ask.headers.get(header::IF_NONE_MATCH).filter(|_| route.method == Method::GET).cloned();
        let call = Call {
            clinic: self.clinic.clone(),
            directory: self.directory.clone(),
            streams: self.streams.clone(),
            google: self.google.clone(),
            who,
            ask,
            names,
        };
        let answered = match call.ask.headers.contains_key(once::KEY) && route.method == Method::POST {
            true => once::answer(&self.accounts, route, call).await,
            false => (route.run)(call).await,
        };
        let mut answer = answered.unwrap_or_else(|failure| error::problem(failure, id).answer());
        if known.is_some_and(|known| answer.headers().get(header::ETAG) == Some(&known)) {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            *answer.body_mut() = Body::empty();
        }
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        answer
    }

    /// A request below [`LINKS`]: the secret in its path is the login.
    pub async fn guest(&self, mut ask: Ask) -> Answer {
        let Some((route, names)) = find(links::OPEN.iter().copied(), &ask) else {
            ask.pass_over().await;
            return nowhere(&ask.path);
        };
        let id = ask.id;
        let call = Call {
            clinic: self.clinic.clone(),
            directory: self.directory.clone(),
            streams: self.streams.clone(),
            google: None,
            who: (),
            ask,
            names,
        };
        let answered = (route.run)(call).await;
        let mut answer = answered.unwrap_or_else(|failure| error::problem(failure, id).answer());
        // The address is the secret: no page that it could be seen on may pass it on (trust.md S8, S17).
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::HeaderName::from_static("x-robots-tag"), "noindex"),
        ] {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    }

    /// OPTIONS, which needs no login.
    pub fn options(&self, ask: &Ask) -> Answer {
        let mut answer = problem::bare(StatusCode::NO_CONTENT);
        answer.headers_mut().extend(allow(&ask.path).map(|methods| (header::ALLOW, methods)));
        answer
    }

    /// The page that a person reads.
    pub fn docs(&self) -> Answer {
        docs::page(&document())
    }

    /// The OpenAPI document.
    pub fn document(&self) -> Answer {
        call::json(&document()).unwrap_or_else(|failure| error::problem(failure, 0).answer())
    }
}

/// The OpenAPI 3.1 document of this door.
pub fn document() -> serde_json::Value {
    openapi::document(routes(), links::OPEN.iter().copied())
}

fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().flat_map(|routes| routes.iter().copied())
}

/// The endpoint that is asked for, and the values of the names in its path. A segment that is written out goes before
/// one that is a name.
fn find<W>(
    routes: impl Iterator<Item = &'static Route<W>>,
    ask: &Ask,
) -> Option<(&'static Route<W>, Vec<String>)> {
    let fitting = routes.filter(|route| route.method == ask.method);
    let fitting = fitting.filter_map(|route| Some((route, route.names(&ask.path)?)));
    fitting.min_by_key(|(_, names)| names.len())
}

fn allow(path: &str) -> Option<HeaderValue> {
    let known = routes().filter(|route| route.names(path).is_some()).map(|route| route.method.as_str());
    let open = links::OPEN.iter().filter(|route| route.names(path).is_some());
    let methods: Vec<&str> =
        known.chain(open.map(|route| route.method.as_str())).chain(["OPTIONS"]).collect();
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
