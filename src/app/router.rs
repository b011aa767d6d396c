//! The whole URL space on one page, and what surrounds every request: its span, its count, its caller.
//!
//! | path | door |
//! |---|---|
//! | `/dav/...`, and `/` and `/principals/...` for anything but a browser | `dav`, after login; OPTIONS without |
//! | `/.well-known/caldav` | 301 to `/dav/`, without login (RFC 6764 5) |
//! | `/.well-known/timezone` | 301 to `/tzdist` (RFC 7808 4.2.1.3) |
//! | `/feeds/{secret}.ics`, `/freebusy/{secret}` | `feeds`: the secret is the login |
//! | `/tzdist/...` | `feeds`: time zones, without login |
//! | `/oauth/google/callback`, `/hooks/google/calendar` | `google`: a secret in the request is the proof |
//! | `/api/v1/patient-links/{link}...` | `rest`: the link is the login |
//! | `/api/v1/...` | `rest`, after login; OPTIONS without |
//! | `/api/docs`, `/api/openapi.json` | `rest`: what it is, without login |
//! | `/health/live`, `/health/ready`, `/metrics` | the operator |
//! | `/`, `/robots.txt` for a browser | one plain page |

use std::{sync::Arc, time::Instant};

use http::{HeaderValue, Method, StatusCode, header};
use tracing::{Instrument, Span, field};

use super::{
    health,
    parts::Parts,
    telemetry::{self, Door, Meters},
};
use crate::{
    accounts::Caller,
    dav::Dav,
    edge::{Answer, Ask, Gate, Problem, auth::Takes, problem},
    feeds::{Feeds, tzdist},
    google::{self, Google},
    rest::{self, Rest},
};

/// Every door at its address.
pub struct Router {
    pub parts: Parts,
    pub gate: Gate,
    pub dav: Dav,
    pub feeds: Feeds,
    pub rest: Rest,
    pub google: Option<Google>,
    pub meters: Arc<Meters>,
    /// Where `/.well-known/caldav` leads.
    pub dav_root: HeaderValue,
    /// Where `/.well-known/timezone` leads.
    pub timezones_root: HeaderValue,
}

/// What a path is for.
enum Place<'a> {
    Dav,
    WellKnown,
    WellKnownTimezones,
    Feed(&'a str),
    FreeBusy(&'a str),
    Timezones(&'a str),
    Consent,
    Hook,
    PatientLink,
    Api,
    ApiDocs,
    ApiDocument,
    Live,
    Ready,
    Metrics,
    Robots,
    Front,
    Nowhere,
}

/// Apple's programs try these when something above went wrong (clients.md 4): DAV answers 401, then 207 or 404.
const PROBED: &[&str] = &["principals", "caldav", "calendar", "calendars"];

fn place(path: &str) -> Place<'_> {
    match path {
        "/" => Place::Front,
        "/.well-known/caldav" | "/.well-known/caldav/" => Place::WellKnown,
        "/.well-known/timezone" | "/.well-known/timezone/" => Place::WellKnownTimezones,
        "/health/live" => Place::Live,
        "/health/ready" => Place::Ready,
        "/metrics" => Place::Metrics,
        "/robots.txt" => Place::Robots,
        rest::DOCS => Place::ApiDocs,
        rest::DOCUMENT => Place::ApiDocument,
        google::CALLBACK => Place::Consent,
        google::HOOK => Place::Hook,
        "*" => Place::Dav,
        _ if path.starts_with(rest::LINKS) => Place::PatientLink,
        _ if path.strip_prefix(rest::ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) => {
            Place::Api
        }
        _ => below(path),
    }
}

fn below(path: &str) -> Place<'_> {
    let Some((first, rest)) = path.strip_prefix('/').map(|path| path.split_once('/').unwrap_or((path, "")))
    else {
        return Place::Nowhere;
    };
    match first {
        "dav" => Place::Dav,
        "feeds" => Place::Feed(rest),
        "freebusy" => Place::FreeBusy(rest),
        "tzdist" => Place::Timezones(rest),
        first if PROBED.contains(&first) => Place::Dav,
        _ => Place::Nowhere,
    }
}

impl Place<'_> {
    fn door(&self) -> Door {
        match self {
            Place::Dav | Place::WellKnown => Door::Dav,
            Place::Feed(_) => Door::Feeds,
            Place::FreeBusy(_) => Door::FreeBusy,
            Place::Timezones(_) | Place::WellKnownTimezones => Door::Timezones,
            Place::PatientLink | Place::Api | Place::ApiDocs | Place::ApiDocument => Door::Rest,
            Place::Consent | Place::Hook => Door::Google,
            Place::Live | Place::Ready => Door::Health,
            Place::Metrics => Door::Metrics,
            Place::Robots | Place::Front | Place::Nowhere => Door::Page,
        }
    }
}

impl Router {
    /// One request, from its head to the head of its answer.
    pub async fn answer(self: Arc<Self>, ask: Ask) -> Answer {
        let since = Instant::now();
        let door = place(&ask.path).door();
        let span = tracing::info_span!(
            target: "kalends::request",
            "request",
            id = format_args!("{:x}", ask.id),
            door = door.name(),
            method = word(&ask.method),
            caller = field::Empty,
        );
        async move {
            let answer = self.route(ask).await;
            telemetry::note(&self.meters, door, answer.status(), since);
            answer
        }
        .instrument(span)
        .await
    }

    async fn route(&self, mut ask: Ask) -> Answer {
        let is_read = matches!(ask.method, Method::GET | Method::HEAD);
        // On every URL, and without login: some clients give up at the first OPTIONS that fails.
        match place(&ask.path) {
            Place::PatientLink | Place::Api if ask.method == Method::OPTIONS => self.rest.options(&ask),
            _ if ask.method == Method::OPTIONS => self.dav.options(&ask),
            Place::PatientLink => self.rest.guest(ask).await,
            Place::Api => self.api(ask).await,
            Place::WellKnown => {
                // Clients ask it by PROPFIND, with a body.
                ask.pass_over().await;
                moved(&self.dav_root)
            }
            Place::WellKnownTimezones => {
                let mut answer = moved(&self.timezones_root);
                answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
                answer
            }
            Place::Front if is_read && !ask.headers.contains_key(header::AUTHORIZATION) => front(),
            Place::Feed(rest) => self.feeds.calendar(rest, &ask).await,
            Place::FreeBusy(rest) => self.feeds.freebusy(rest, &ask).await,
            Place::Timezones(rest) => tzdist::answer(rest, &ask).await,
            Place::ApiDocs if is_read => self.rest.docs(),
            Place::ApiDocument if is_read => self.rest.document(),
            Place::Consent | Place::Hook => self.google(ask).await,
            Place::Live if is_read => health::live(),
            Place::Ready if is_read => health::ready(&self.parts.store, self.parts.accounts.clinic()).await,
            Place::Metrics if is_read => self.metrics(&ask).await,
            Place::Robots if is_read => problem::plain(StatusCode::OK, ROBOTS),
            Place::Nowhere if is_read => Problem::not_found().answer(),
            _ => self.dav(ask).await,
        }
    }

    async fn dav(&self, mut ask: Ask) -> Answer {
        match self.caller(&mut ask, Takes::Passwords).await {
            Err(refusal) => refusal,
            Ok(caller) => self.dav.answer(caller, ask).await,
        }
    }

    /// Without login: a secret in the request is the proof.
    async fn google(&self, ask: Ask) -> Answer {
        match (&self.google, place(&ask.path)) {
            (Some(google), Place::Hook) => google.hook_answer(ask).await,
            (Some(google), _) => google.callback_answer(&ask).await,
            (None, _) => Problem::not_found().answer(),
        }
    }

    /// What is counted here, and how the links with Google stand.
    async fn metrics(&self, ask: &Ask) -> Answer {
        if !self.meters.are_for(ask.peer) {
            return self.meters.answer(ask.peer, "");
        }
        match self.growth().await {
            Ok(growth) => self.meters.look(growth, self.parts.calendars.memory_use()),
            Err(error) => tracing::warn!(%error, "the size of the database could not be read"),
        }
        let google = match &self.google {
            Some(google) => google.metrics().await,
            None => Ok(String::new()),
        };
        let google = google.unwrap_or_else(|error| {
            tracing::warn!(%error, "the figures of the links could not be read");
            String::new()
        });
        self.meters.answer(ask.peer, &google)
    }

    async fn growth(&self) -> store::Result<(i64, i64)> {
        self.parts.store.across().await?.growth().await
    }

    async fn api(&self, mut ask: Ask) -> Answer {
        match self.caller(&mut ask, Takes::TokensToo).await {
            Err(refusal) => refusal,
            Ok(caller) => self.rest.answer(caller, ask).await,
        }
    }

    /// Who asks; on a refusal the body has been read away.
    async fn caller(&self, ask: &mut Ask, takes: Takes) -> Result<Caller, Answer> {
        match self.gate.caller_by(ask, takes).await {
            Err(refusal) => {
                ask.pass_over().await;
                Err(refusal)
            }
            Ok(caller) => {
                Span::current().record("caller", caller.principal().0);
                Ok(caller)
            }
        }
    }
}

fn moved(to: &HeaderValue) -> Answer {
    let mut answer = problem::bare(StatusCode::MOVED_PERMANENTLY);
    answer.headers_mut().insert(header::LOCATION, to.clone());
    answer
}

/// A calendar's secret link may be fetched by any robot that was given it; nothing else is worth a visit.
const ROBOTS: &str = "User-agent: *\nDisallow: /dav/\nAllow: /feeds/\n";

fn front() -> Answer {
    let mut answer = problem::plain(StatusCode::OK, FRONT);
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    answer
}

const FRONT: &str = "\
This is Kalends, a calendar server.

There is nothing to see in a browser. Add a CalDAV account to your calendar program instead:
server: the address of this page; name and password: as given to you by your clinic.

Apple Calendar: Settings, Accounts, Add Account, Other, CalDAV.
Thunderbird: New Calendar, On the Network.
Android: DAVx5, Login with URL and user name.
";

/// Bytes of a method that a log line shows: it comes from outside.
const METHOD: usize = 20;

fn word(method: &Method) -> &str {
    let text = method.as_str();
    text.get(..METHOD).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_door() {
        for (path, door) in [
            ("/dav/", Door::Dav),
            ("/dav", Door::Dav),
            ("/davx", Door::Page),
            ("/principals/", Door::Dav),
            ("/calendar/dav/ada/user/", Door::Dav),
            ("/.well-known/caldav", Door::Dav),
            ("/feeds/abc.ics", Door::Feeds),
            ("/freebusy/abc", Door::FreeBusy),
            ("/tzdist/zones", Door::Timezones),
            ("/tzdist", Door::Timezones),
            ("/.well-known/timezone", Door::Timezones),
            ("/api/v1/freebusy", Door::Rest),
            ("/api/v1", Door::Rest),
            ("/api/v10", Door::Page),
            ("/api/docs", Door::Rest),
            ("/api/openapi.json", Door::Rest),
            ("/metrics", Door::Metrics),
            ("/health/ready", Door::Health),
            ("/favicon.ico", Door::Page),
            ("/é", Door::Page),
            ("//", Door::Page),
            ("*", Door::Dav),
        ] {
            assert_eq!(place(path).door(), door, "{path}");
        }
    }
}
