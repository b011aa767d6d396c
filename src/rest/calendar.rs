//! `/api/v1/calendar` and `/api/v1/practitioners/{practitioner}/calendar`: what stands in the calendars of one or of many,
//! by the week, the day, or counted by the days of a month.

use chrono::{Datelike, NaiveDate};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{Call, Failure, json};
use super::dates::{Date, PagedDates, listed};
use super::instant;
use super::route::{Gives, Route, Takes, inline, named};
use crate::calendar::{Window, Zone};
use crate::clinic::{self, Leaf, PrincipalId, Whose};
use crate::edge::{Answer, Problem};

pub const ROUTES: &[&Route] = &[&ONE, &MANY];

const REFUSES: &[&str] = &["INVALID_TIME", "INVALID_CURSOR", "UNKNOWN_ZONE"];

const ONE: Route = Route {
    method: Method::GET,
    path: "/api/v1/practitioners/{practitioner}/calendar",
    id: "getCalendar",
    summary: "What stands in a practitioner's (or a room's) calendar: this week, unless a span, a day or a month is named",
    takes: Takes::query(inline::<When>),
    gives: Gives::ok(named::<Calendar>),
    refuses: REFUSES,
    run: |call| Box::pin(one(call)),
};

const MANY: Route = Route {
    method: Method::GET,
    path: "/api/v1/calendar",
    id: "getCalendars",
    summary: "The same of many at once; `practitioners` stands once for each",
    takes: Takes::query(inline::<Many>),
    gives: Gives::ok(named::<Calendar>),
    refuses: REFUSES,
    run: |call| Box::pin(many(call)),
};

/// Which part of a calendar.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct When {
    /// Both or none; a day (`2026-03-01`) is its first instant.
    from: Option<String>,
    to: Option<String>,
    /// One day.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    day: Option<String>,
    /// A month: then days are counted and nothing is listed.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}$"))]
    month: Option<String>,
    /// On whose clock; the practitioner's own unless said otherwise.
    zone: Option<String>,
    /// Cancelled ones as well.
    #[serde(default)]
    cancelled: bool,
    cursor: Option<String>,
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

/// Which part of which calendars.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Many {
    #[serde(default)]
    practitioners: Vec<i64>,
    from: Option<String>,
    to: Option<String>,
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    day: Option<String>,
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}$"))]
    month: Option<String>,
    zone: Option<String>,
    #[serde(default)]
    cancelled: bool,
    cursor: Option<String>,
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

/// A part of one or several calendars.
#[derive(Serialize, JsonSchema)]
struct Calendar {
    from: String,
    to: String,
    /// IANA name.
    zone: String,
    items: Vec<Date>,
    /// Of one day: when they are open.
    open: Vec<OpenTime>,
    /// The cursor of the next page; null: this is the last.
    next: Option<String>,
    /// Of a month: the days on which something stands.
    days: Vec<Day>,
}

/// When somebody is open.
#[derive(Serialize, JsonSchema)]
struct OpenTime {
    owner: i64,
    start: String,
    end: String,
}

/// How much stands on one day.
#[derive(Serialize, JsonSchema)]
struct Day {
    owner: i64,
    /// In the zone of whoever's calendar it is.
    date: String,
    appointments: u64,
    /// Absences, and events of the practitioner's own.
    blocks: u64,
}

const ONE_SPAN: &str = "Name `from` and `to`, or a `day`, or a `month`, or nothing of it.";

async fn one(call: Call) -> Result<Answer, Failure> {
    let owner = PrincipalId(call.name(0)?);
    let when = call.query()?;
    show(call, vec![owner], when).await
}

async fn many(call: Call) -> Result<Answer, Failure> {
    let asked: Many = call.query()?;
    let owners = asked.practitioners.iter().map(|id| PrincipalId(*id)).collect();
    let when = When {
        from: asked.from,
        to: asked.to,
        day: asked.day,
        month: asked.month,
        zone: asked.zone,
        cancelled: asked.cancelled,
        cursor: asked.cursor,
        limit: asked.limit,
    };
    show(call, owners, when).await
}

async fn show(call: Call, owners: Vec<PrincipalId>, when: When) -> Result<Answer, Failure> {
    let Some(first) = owners.first().copied() else {
        let why = "name at least one";
        return Err(clinic::Error::Invalid { field: "practitioners", why }.into());
    };
    let zone = zone(&call, first, when.zone.as_deref()).await?;
    let is_alone = when.day.is_none() && when.from.is_none() && when.to.is_none();
    if let Some(month) = when.month.as_ref().filter(|_| is_alone) {
        return count(call, owners, month, &zone).await;
    }
    let window = match (&when.day, &when.from, &when.to) {
        _ if when.month.is_some() => return Err(wrong(ONE_SPAN).into()),
        (Some(day), None, None) => whole(date(day)?, &zone, 1),
        (None, Some(from), Some(to)) => Window { from: time(from, &zone)?, until: time(to, &zone)? },
        (None, None, None) => call.desk().this_week(first).await?,
        _ => return Err(wrong(ONE_SPAN).into()),
    };
    let (after, limit) = PagedDates { cursor: when.cursor, limit: when.limit }.read()?;
    let open = match when.day {
        Some(_) => call.desk().open(&owners, window).await?,
        None => Vec::new(),
    };
    let open_time = |(owner, from, until): (PrincipalId, i64, i64)| OpenTime {
        owner: owner.0,
        start: instant::print(from, &zone),
        end: instant::print(until, &zone),
    };
    let open = open.into_iter().map(open_time).collect();
    let whose = Whose::Calendars(owners);
    let leaf = Leaf { whose, window, with_cancelled: when.cancelled, after, limit };
    let page = listed(call.desk().dates(leaf).await?, &zone);
    json(&Calendar {
        from: instant::print(window.from, &zone),
        to: instant::print(window.until, &zone),
        zone: zone.name().to_owned(),
        items: page.items,
        open,
        next: page.next,
        days: Vec::new(),
    })
}

async fn count(call: Call, owners: Vec<PrincipalId>, month: &str, zone: &Zone) -> Result<Answer, Failure> {
    let first = date(&format!("{month}-01"))?;
    let days = call.desk().month(owners, (first.year(), first.month())).await?;
    let next = first.checked_add_months(chrono::Months::new(1)).unwrap_or(first);
    let window = whole(first, zone, next.signed_duration_since(first).num_days());
    let day = |day: clinic::Day| Day {
        owner: day.owner.0,
        date: format!("{:04}-{:02}-{:02}", day.date.0, day.date.1, day.date.2),
        appointments: day.appointments,
        blocks: day.blocks,
    };
    json(&Calendar {
        from: instant::print(window.from, zone),
        to: instant::print(window.until, zone),
        zone: zone.name().to_owned(),
        items: Vec::new(),
        open: Vec::new(),
        next: None,
        days: days.into_iter().map(day).collect(),
    })
}

async fn zone(call: &Call, of: PrincipalId, named: Option<&str>) -> Result<Zone, Failure> {
    let Some(name) = named else { return Ok(call.desk().zone_of(of).await?) };
    let unknown = || Problem::bad_request("There is no time zone of this name.").code("UNKNOWN_ZONE");
    Ok(Zone::named(name).ok_or_else(unknown)?)
}

/// So many days from the first one on, on the wall clock.
fn whole(first: NaiveDate, zone: &Zone, days: i64) -> Window {
    let civil = first.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc().timestamp();
    Window { from: zone.to_instant(civil), until: zone.to_instant(civil + days * 86_400) }
}

fn date(text: &str) -> Result<NaiveDate, Problem> {
    let read = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    read.ok_or_else(|| wrong("A day looks like 2026-03-01, a month like 2026-03."))
}

fn time(text: &str, zone: &Zone) -> Result<i64, Problem> {
    instant::read(text, zone)
        .ok_or_else(|| wrong("A time looks like 2026-03-01T09:00:00+01:00, or 2026-03-01."))
}

fn wrong(what: &'static str) -> Problem {
    Problem::bad_request(what).code("INVALID_TIME")
}
