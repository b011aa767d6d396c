//! `/api/v1/events`: what happens in the clinic, told while it happens (server-sent events, HTML Living Standard 9.2). The
//! id of an event is the change it was part of: whoever comes back with it as Last-Event-ID misses nothing.
//!
//! Invariant: a stream holds one place of a bounded number, ends when the server stops, and ends when anybody's rights
//! change: whoever still may comes back and goes on where it was.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::call::{Call, Failure};
use super::instant;
use super::route::{Gives, Route, Takes, inline};
use super::slots::{time, zone};
use crate::accounts::Caller;
use crate::calendar::Zone;
use crate::clinic::{Clinic, Error, Event, PrincipalId, Told, Watched};
use crate::edge::{Answer, Body, Problem, Sender};

pub const ROUTES: &[&Route] = &[&WATCH];

const WATCH: Route = Route {
    method: Method::GET,
    path: "/api/v1/events",
    id: "watchEvents",
    summary: "What happens, as server-sent events; resumed by Last-Event-ID",
    takes: Takes::query(inline::<Asked>),
    gives: Gives::EVENTS,
    refuses: &["INVALID_TIME", "UNKNOWN_ZONE"],
    run: |call| Box::pin(watch(call)),
};

/// Streams of this process.
pub const STREAMS: usize = 1_000;
/// Chunks that wait for a slow reader.
const DEPTH: usize = 16;
/// A reader who takes nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// Something is sent at least so often, that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Seconds after which a reader that was cut off comes back.
const RETRY: &str = "retry: 2000\n\n";

/// What streams share.
#[derive(Clone)]
pub struct Streams {
    places: Arc<Semaphore>,
    /// True when the server stops.
    stop: watch::Receiver<bool>,
}

impl Streams {
    pub fn new(stop: watch::Receiver<bool>) -> Streams {
        Streams { places: Arc::new(Semaphore::new(STREAMS)), stop }
    }
}

/// Which events; what is left out leaves nothing out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EventQuery")]
struct Asked {
    #[serde(default)]
    practitioner: Vec<i64>,
    /// Only what lies in this span: RFC 3339, or a date in `zone`.
    from: Option<String>,
    to: Option<String>,
    zone: Option<String>,
    /// Go on after this event, for readers that cannot send Last-Event-ID.
    since: Option<i64>,
}

/// The data of an event.
#[derive(Serialize)]
struct Data<'a> {
    /// Of whoever's time it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    practitioner: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appointment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    at: String,
}

/// One reader.
struct Reader {
    clinic: Clinic,
    who: Caller,
    watched: Watched,
    /// Everything up to this change has been told.
    place: i64,
    to: Sender,
    stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

async fn watch(call: Call) -> Result<Answer, Failure> {
    let asked: Asked = call.query()?;
    let zone = asked.zone.as_deref().map_or(Ok(Zone::utc()), zone)?;
    let at = |text: &Option<String>| text.as_deref().map(|text| time(text, &zone)).transpose();
    let window = match (at(&asked.from)?, at(&asked.to)?) {
        (None, None) => None,
        (from, until) => Some((from.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX))),
    };
    let wrong = Error::Invalid { field: "Last-Event-ID", why: "it is the id of an event that was sent" };
    let last = match call.ask.header("last-event-id").map(str::trim).filter(|id| !id.is_empty()) {
        Some(id) => Some(id.parse().map_err(|_| wrong)?),
        None => asked.since,
    };
    let place = call.clinic.place(&call.who, last).await?;
    let taken = call.streams.places.clone().try_acquire_owned().map_err(|_| Problem::busy(10))?;
    let (to, body) = Body::channel(DEPTH);
    let watched =
        Watched { practitioners: asked.practitioner.into_iter().map(PrincipalId).collect(), window };
    let reader = Reader {
        clinic: call.clinic,
        who: call.who,
        watched,
        place,
        to,
        stop: call.streams.stop.clone(),
        _place: taken,
    };
    tokio::spawn(reader.run());
    let mut answer = Answer::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(answer)
}

impl Reader {
    async fn run(mut self) {
        let mut commits = self.clinic.commits();
        let structure = self.who.version().structure;
        let mut said = Instant::now();
        if !self.send(RETRY.to_owned()).await {
            return;
        }
        loop {
            commits.borrow_and_update();
            match self.clinic.events(&self.who, &self.watched, self.place).await {
                Ok(told) if told.structure != structure => return,
                Ok(told) => {
                    if !self.tell(told, &mut said).await {
                        return;
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "a stream of events ends");
                    return;
                }
            }
            tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => return,
                // Of other processes' commits too.
                woken = timeout(HEARTBEAT, commits.changed()) => {
                    if matches!(woken, Ok(Err(_))) {
                        return;
                    }
                }
            }
        }
    }

    /// False: nobody reads any more.
    async fn tell(&mut self, told: Told, said: &mut Instant) -> bool {
        let mut text = String::new();
        for (n, event) in told.events.iter().enumerate() {
            // A change is told as a whole: only its last event names it, so that nobody comes back into its middle.
            let is_last = told.events.get(n + 1).is_none_or(|next| next.seq != event.seq);
            text += &written(event, is_last);
        }
        self.place = told.upto;
        if text.is_empty() && said.elapsed() >= HEARTBEAT {
            // An id without data is remembered and tells nothing.
            text = format!(": still here\nid: {}\n\n", self.place);
        }
        if text.is_empty() {
            return true;
        }
        *said = Instant::now();
        self.send(text).await
    }

    async fn send(&self, text: String) -> bool {
        matches!(timeout(PATIENCE, self.to.send(text)).await, Ok(Ok(())))
    }
}

fn written(event: &Event, is_last: bool) -> String {
    let utc = |at: i64| instant::print(at, &Zone::utc());
    let data = Data {
        practitioner: event.of.map(|id| id.0),
        appointment: event.appointment.as_ref().map(ToString::to_string),
        start: event.span.map(|span| utc(span.0)),
        end: event.span.map(|span| utc(span.1)),
        status: event.status.as_deref(),
        at: utc(event.at),
    };
    let data = serde_json::to_string(&data).unwrap_or_default();
    let id = if is_last { format!("id: {}\n", event.seq) } else { String::new() };
    format!("event: {}\n{id}data: {data}\n\n", event.kind)
}
