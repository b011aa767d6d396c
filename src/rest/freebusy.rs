//! `/api/v1/freebusy`: when are these people busy? For booking bots: many principals in one call, periods without words.
//!
//! A token needs the scope `slots`. Invariant: an answer holds spans and their type, nothing else; somebody who does not exist and somebody whose time is
//! not shown to the caller are answered alike, and nothing is looked up to tell them apart.

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::call::{Call, Failure, json};
use super::instant;
use super::route::{Gives, Route, Takes, inline, named};
use crate::calendar::{Error, Period, Window, Zone};
use crate::edge::{Answer, Problem};

/// Principals of one call.
const PRINCIPALS: usize = 1000;
/// Days of one call.
const DAYS: i64 = 1100;
/// Bytes of a body: a thousand of the longest names, and room for how they are written.
const BODY: usize = 256 << 10;

const REFUSES: &[&str] = &[
    "NO_PRINCIPALS",
    "TOO_MANY_PRINCIPALS",
    "UNKNOWN_ZONE",
    "INVALID_TIME",
    "INVALID_WINDOW",
    "WINDOW_TOO_LONG",
];

pub const ROUTES: &[&Route] = &[&GET, &POST];

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/freebusy",
    id: "getFreeBusy",
    summary: "Busy time of some principals; `principals` stands once for each",
    takes: Takes::query(in_query),
    gives: Gives::ok(named::<Told>),
    refuses: REFUSES,
    run: |call| Box::pin(async move { answer(call.query()?, call).await }),
};

const POST: Route = Route {
    method: Method::POST,
    path: "/api/v1/freebusy",
    id: "queryFreeBusy",
    summary: "Busy time of many principals",
    takes: Takes::body(named::<Asked>),
    gives: Gives::ok(named::<Told>),
    refuses: REFUSES,
    run: |mut call| Box::pin(async move { answer(call.body(BODY).await?, call).await }),
};

/// Principals of a call whose query must fit into an address.
const IN_QUERY: usize = 100;

fn in_query(schemas: &mut SchemaGenerator) -> Schema {
    let mut shape = inline::<Asked>(schemas);
    if let Some(most) = shape.pointer_mut("/properties/principals/maxItems") {
        *most = IN_QUERY.into();
    }
    shape
}

/// Whose busy time, and when.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FreeBusyQuery")]
struct Asked {
    /// Names of principals, as they log in; 1000 at most.
    #[schemars(length(min = 1, max = 1000), inner(length(max = 64)))]
    principals: Vec<String>,
    /// RFC 3339, or a date: its first instant in `zone`.
    start: String,
    /// Exclusive; as `start`. At most 1100 days after it.
    end: String,
    /// IANA name. Floating and all-day times are read in it, and the answer's times carry its offset. Without it the
    /// former are read in the zone of their calendar or its owner, and the answer is in UTC.
    zone: Option<String>,
}

/// Busy time, principal by principal.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FreeBusy")]
struct Told {
    start: String,
    end: String,
    /// The zone of the times here.
    zone: String,
    /// In the order asked; a name that stood twice is told once.
    principals: Vec<Of>,
}

/// One principal's.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "FreeBusyOfPrincipal")]
enum Of {
    Shown {
        principal: String,
        /// In order, and none overlaps another.
        busy: Vec<Span>,
    },
    Refused {
        principal: String,
        error: Why,
    },
}

/// A span of time that is not free.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BusyPeriod")]
struct Span {
    start: String,
    /// Exclusive.
    end: String,
    /// FBTYPE of RFC 5545 3.2.9.
    #[schemars(extend("enum" = ["BUSY", "BUSY-UNAVAILABLE", "BUSY-TENTATIVE"]))]
    r#type: &'static str,
}

/// Why one principal's time is not told.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FreeBusyRefusal")]
struct Why {
    #[schemars(extend("enum" = ["NOT_FOUND", "TOO_MUCH"]))]
    code: &'static str,
    detail: &'static str,
}

async fn answer(asked: Asked, call: Call) -> Result<Answer, Failure> {
    let names = names(asked.principals)?;
    let zone = asked.zone.as_deref().map(zone).transpose()?;
    let shown = zone.clone().unwrap_or_else(Zone::utc);
    let window = window(&asked.start, &asked.end, &shown)?;
    let found = call.desk().freebusy(&names, window, zone).await?;
    let mut principals = Vec::with_capacity(names.len());
    for (principal, busy) in names.into_iter().zip(found) {
        principals.push(of(principal, busy, &shown)?);
    }
    let (start, end) = (instant::print(window.from, &shown), instant::print(window.until, &shown));
    json(&Told { start, end, zone: shown.name().to_owned(), principals })
}

/// Each name once, in the order asked.
fn names(mut asked: Vec<String>) -> Result<Vec<String>, Problem> {
    if asked.is_empty() {
        return Err(Problem::bad_request("Name one principal at least.").code("NO_PRINCIPALS"));
    }
    if asked.len() > PRINCIPALS {
        let detail = format!("A call names at most {PRINCIPALS} principals.");
        return Err(Problem::bad_request(detail).code("TOO_MANY_PRINCIPALS"));
    }
    let mut seen = std::collections::HashSet::new();
    asked.retain(|name| seen.insert(name.clone()));
    Ok(asked)
}

fn zone(name: &str) -> Result<Zone, Problem> {
    let unknown =
        || Problem::bad_request("The zone is an IANA name like Europe/Berlin.").code("UNKNOWN_ZONE");
    Zone::named(name).ok_or_else(unknown)
}

fn window(start: &str, end: &str, zone: &Zone) -> Result<Window, Problem> {
    let form = "start and end look like 2026-03-01T09:00:00+01:00 or 2026-03-01.";
    let read =
        |text| instant::read(text, zone).ok_or_else(|| Problem::bad_request(form).code("INVALID_TIME"));
    let (from, until) = (read(start)?, read(end)?);
    if until - from > DAYS * 86_400 {
        let detail = format!("The window is at most {DAYS} days.");
        return Err(Problem::bad_request(detail).code("WINDOW_TOO_LONG"));
    }
    Window::new(from, until).ok_or_else(|| Problem::bad_request("end is after start.").code("INVALID_WINDOW"))
}

fn of(principal: String, busy: Result<Vec<Period>, Error>, zone: &Zone) -> Result<Of, Error> {
    let (code, detail) = match busy {
        Ok(periods) => {
            let busy = periods.into_iter().map(|period| span(period, zone)).collect();
            return Ok(Of::Shown { principal, busy });
        }
        Err(Error::NotFound | Error::Denied(_)) => {
            ("NOT_FOUND", "There is nobody of this name, or their time is not shown to you.")
        }
        Err(Error::Precondition(_)) => ("TOO_MUCH", "Too much is in this window: ask for a shorter one."),
        Err(other) => return Err(other),
    };
    Ok(Of::Refused { principal, error: Why { code, detail } })
}

fn span(period: Period, zone: &Zone) -> Span {
    let (start, end) = (instant::print(period.from, zone), instant::print(period.until, zone));
    Span { start, end, r#type: period.busy.name() }
}
