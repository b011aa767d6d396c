//! `/api/v1/series`: an appointment that repeats, as one thing: made after a look at its dates, changed for one date, from
//! a date on, or for all to come, given additional dates, cancelled.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::acts::{Changes, Done, Scope, cancel, change_series, ground, kept, run};
use super::bulk::How;
use super::call::{BODY, Call, Failure, json, made, tagged};
use super::dates::{Date, ListedDates, PagedDates, listed, read, series_id, shown};
use super::route::{Gives, Route, Takes, inline, named};
use super::slots::{Basis, Named, UNFIT};
use super::{error, instant};
use crate::calendar::{Window, Zone};
use crate::clinic::{
    self, Act, AppointmentId, Doing, Going, Ground, Leaf, PatientId, SHOWN, Visit, Whose, Wish,
};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&ADD, &GET, &CHANGE, &CANCEL, &DATES, &BESIDE];

const REFUSES: &[&str] = &[
    "SCHEDULING_CONFLICT",
    "OUTSIDE_HOURS",
    "NOTICE_TOO_SHORT",
    "BEYOND_HORIZON",
    "DAY_LIMIT_REACHED",
    "WEEK_LIMIT_REACHED",
    "SERVICE_NOT_OFFERED",
    "MODE_NOT_OFFERED",
    "LOCATION_NOT_OFFERED",
    "PATIENT_CONFLICT",
    "PATIENT_LIMIT",
    "INVALID_TRANSITION",
    "INVALID_TIME",
    "APPOINTMENT_NOT_FOUND",
    "RESOURCE_NOT_FOUND",
];
/// Seconds of a list of dates where nothing else is said.
const YEAR: i64 = 366 * 86_400;

const ADD: Route = Route {
    method: Method::POST,
    path: "/api/v1/series",
    id: "addSeries",
    summary: "Book a series, every date of it or nothing; `dry_run` shows its dates and what stands in the way of each",
    takes: Takes::body(named::<New>).and_query(inline::<Look>),
    gives: Gives::made(named::<Series>).versioned().or_rehearsed(named::<Preview>),
    refuses: UNFIT,
    run: |call| Box::pin(add(call)),
};

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/series/{series}",
    id: "getSeries",
    summary: "A series: its pattern, what became of its dates, the next ones",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Series>).versioned(),
    refuses: &["APPOINTMENT_NOT_FOUND"],
    run: |call| Box::pin(get(call)),
};

const CHANGE: Route = Route {
    method: Method::PATCH,
    path: "/api/v1/series/{series}",
    id: "changeSeries",
    summary: "Change one date (the id names it), it and the following ones, or all to come: every one of them or nothing",
    takes: Takes::body(named::<Change>).and_query(inline::<How>).versioned(),
    gives: Gives::ok(named::<Done>),
    refuses: REFUSES,
    run: |call| Box::pin(change(call)),
};

const CANCEL: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/series/{series}",
    id: "cancelSeries",
    summary: "Cancel what is to come, from a date on, or one date; what has taken place stays",
    takes: Takes::query(inline::<Off>).versioned(),
    gives: Gives::ok(named::<Done>),
    refuses: REFUSES,
    run: |call| Box::pin(off(call)),
};

const DATES: Route = Route {
    method: Method::GET,
    path: "/api/v1/series/{series}/occurrences",
    id: "listOccurrences",
    summary: "The dates of a series, additional and cancelled ones too; a year from its start unless a span is named",
    takes: Takes::query(inline::<Span>),
    gives: Gives::ok(named::<ListedDates>),
    refuses: &["INVALID_TIME", "INVALID_CURSOR", "APPOINTMENT_NOT_FOUND"],
    run: |call| Box::pin(dates(call)),
};

const BESIDE: Route = Route {
    method: Method::POST,
    path: "/api/v1/series/{series}/additional",
    id: "addOccurrence",
    summary: "An additional date beside the pattern, such as one that makes up for another",
    takes: Takes::body(named::<Extra>).versioned(),
    gives: Gives::made(named::<Done>),
    refuses: REFUSES,
    run: |call| Box::pin(beside(call)),
};

/// A series to be booked: its first date by a `token`, by a `hold`, or by a practitioner and a start.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewSeries")]
struct New {
    #[schemars(length(max = 2000))]
    token: Option<String>,
    #[schemars(length(max = 100))]
    hold: Option<String>,
    practitioner: Option<i64>,
    service: Option<Named>,
    /// Rooms and equipment; what the service needs and is free for the first date, unless they are named.
    with: Option<Vec<i64>>,
    /// Of its first date.
    start: Option<String>,
    /// As long as the service lasts, unless said otherwise.
    #[schemars(range(min = 1, max = 1440))]
    minutes: Option<i64>,
    /// On whose clock it keeps its hour (IANA name); the practitioner's unless said otherwise.
    zone: Option<String>,
    /// RRULE of RFC 5545, without its name: `FREQ=WEEKLY;COUNT=12`.
    #[schemars(length(min = 1, max = 500))]
    rule: String,
    /// Dates of the pattern that are left out, by their start.
    #[serde(default)]
    #[schemars(length(max = 400))]
    skip: Vec<String>,
    /// What the clinic's template says, unless it is named.
    #[schemars(length(max = 500))]
    title: Option<String>,
    /// A term of the dimension location, and the code of a mode.
    location: Option<Named>,
    mode: Option<String>,
    patient: Option<i64>,
    /// Whatever else is to be kept: an object.
    details: Option<Value>,
    /// It awaits approval.
    #[serde(default)]
    pending: bool,
    /// Why it is put onto taken times: for those who may.
    overbook: Option<String>,
}

/// For real, or to look at it first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Look {
    #[serde(default)]
    dry_run: bool,
    /// Of a look, so many dates.
    #[schemars(range(min = 1, max = 1000))]
    shown: Option<usize>,
}

/// What a series would be.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SeriesPreview")]
struct Preview {
    dates: Vec<Planned>,
    /// There are more than are shown.
    more: bool,
    /// What stands in the way of any date, shown or not.
    conflicts: Value,
    /// Dates that are not offered, with the code by which each would be refused.
    unfit: Value,
}

/// A date that would be.
#[derive(Serialize, JsonSchema)]
struct Planned {
    start: String,
    end: String,
    /// What stands in its way, by resource.
    conflicts: Value,
}

/// What to change, and how far it reaches.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SeriesChange")]
struct Change {
    scope: Scope,
    change: Changes,
}

/// How far to cancel, and why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Off {
    /// All to come, unless said otherwise.
    scope: Option<Scope>,
    #[schemars(length(max = 500))]
    reason: Option<String>,
    #[serde(default)]
    by_patient: bool,
    #[serde(default)]
    dry_run: bool,
}

/// Which dates.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Span {
    from: Option<String>,
    to: Option<String>,
    cursor: Option<String>,
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

/// An additional date.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExtraDate")]
struct Extra {
    start: String,
    #[schemars(range(min = 1, max = 1440))]
    minutes: i64,
    reason: Option<String>,
    overbook: Option<String>,
}

/// A series.
#[derive(Serialize, JsonSchema)]
struct Series {
    id: String,
    /// `active`: something is to come; `ended`; `cancelled`.
    status: &'static str,
    practitioner: i64,
    with: Vec<i64>,
    patient: Option<i64>,
    service: Option<String>,
    rule: Option<String>,
    zone: String,
    /// Of its first date.
    start: String,
    end: String,
    title: Option<String>,
    place: Option<String>,
    details: Value,
    counts: Counts,
    /// The next dates, ten at most.
    next: Vec<Date>,
    /// The series as which it goes on, and as which it began, where it was cut in two.
    continued_by: Option<String>,
    began_as: Option<String>,
    version: i64,
}

/// What became of its dates: `total` is `past`, `remaining` and `cancelled` together; null of an endless series.
#[derive(Serialize, JsonSchema)]
struct Counts {
    total: Option<u64>,
    past: u64,
    remaining: Option<u64>,
    completed: u64,
    cancelled: u64,
    moved: u64,
    no_show: u64,
    additional: u64,
}

fn told(of: clinic::Series) -> Series {
    let zone = Zone::named(&of.zone).unwrap_or_else(Zone::utc);
    let counts = of.counts;
    Series {
        id: series_id(&of.row.uid),
        status: match of.going {
            Going::Active => "active",
            Going::Ended => "ended",
            Going::Cancelled => "cancelled",
        },
        practitioner: of.row.practitioner.0,
        with: of.row.resources.iter().map(|id| id.0).collect(),
        patient: of.row.patient,
        details: read(of.row.details.as_deref()),
        version: of.row.seq,
        service: of.row.service,
        rule: of.rule,
        start: instant::print(of.start, &zone),
        end: instant::print(of.end, &zone),
        title: of.title,
        place: of.place,
        counts: Counts {
            total: counts.total,
            past: counts.past,
            remaining: counts.remaining,
            completed: counts.completed,
            cancelled: counts.cancelled,
            moved: counts.moved,
            no_show: counts.no_show,
            additional: counts.additional,
        },
        next: of.next.into_iter().map(|date| shown(date, &zone)).collect(),
        continued_by: of.goes_on.as_deref().map(series_id),
        began_as: of.began.as_deref().map(series_id),
        zone: of.zone,
    }
}

async fn add(mut call: Call) -> Result<Answer, Failure> {
    let look: Look = call.query()?;
    let new: New = call.body(BODY).await?;
    let skip = new.skip.iter().map(|text| instant::wanted(text)).collect::<Result<Vec<_>, _>>()?;
    let overbook = match new.hold.clone() {
        Some(hold) => Ground::Hold(hold),
        None => ground(new.overbook.clone()),
    };
    let visit = visit(&call, new, &overbook).await?;
    let zone = Zone::named(&visit.zone).unwrap_or_else(Zone::utc);
    if look.dry_run {
        let shown = look.shown.unwrap_or(SHOWN);
        let seen = call.desk().preview_series(visit, skip, shown).await?;
        return json(&preview(seen, &zone));
    }
    let booked = call.desk().book_series(visit, skip, overbook).await?;
    let series = told(call.desk().series(&booked.id).await?);
    made(&series, booked.seq, &format!("/api/v1/series/{}", series.id))
}

async fn visit(call: &Call, new: New, ground: &Ground) -> Result<Visit, Failure> {
    let wish = match ground {
        Ground::Hold(id) => call.clinic.wish_of_hold(&call.who, id).await?.0,
        _ => {
            let basis = Basis {
                token: new.token,
                service: new.service,
                practitioner: new.practitioner,
                start: new.start,
                zone: new.zone.clone(),
                minutes: new.minutes,
                with: new.with,
                location: new.location,
                mode: new.mode,
            };
            basis.wish(call).await?
        }
    };
    let wish = Wish {
        rule: Some(new.rule),
        patient: new.patient.map(PatientId),
        title: new.title,
        details: new.details.map(kept).transpose()?,
        is_pending: new.pending,
        ..wish
    };
    let visit = call.clinic.visit_of(&call.who, &wish, ground).await?;
    Ok(Visit { zone: new.zone.unwrap_or_else(|| visit.zone.clone()), ..visit })
}

fn preview(seen: clinic::Preview, zone: &Zone) -> Preview {
    let planned = |(start, end): &(i64, i64)| {
        let own: Vec<_> = seen.conflicts.iter().filter(|one| one.start == *start).copied().collect();
        Planned {
            start: instant::print(*start, zone),
            end: instant::print(*end, zone),
            conflicts: error::conflicts(&own),
        }
    };
    Preview {
        dates: seen.dates.iter().map(planned).collect(),
        more: seen.more,
        conflicts: error::conflicts(&seen.conflicts),
        unfit: error::unfitting(&seen.unfit),
    }
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let series = told(call.desk().series(&call.name(0)?).await?);
    tagged(&series, series.version)
}

async fn change(mut call: Call) -> Result<Answer, Failure> {
    let (How { dry_run }, id, version) = (call.query()?, call.name(0)?, call.version()?);
    let asked: Change = call.body(BODY).await?;
    let act = Act { id, version, doing: asked.change.doing(asked.scope)? };
    json(&change_series(&call, act, run(dry_run)).await?)
}

async fn off(call: Call) -> Result<Answer, Failure> {
    let (asked, id, version): (Off, _, _) = (call.query()?, call.name(0)?, call.version()?);
    let scope = asked.scope.unwrap_or(Scope::All);
    let doing = Doing::Cancel(scope.into(), cancel(asked.reason, asked.by_patient));
    let act = Act { id, version, doing };
    json(&change_series(&call, act, run(asked.dry_run)).await?)
}

async fn dates(call: Call) -> Result<Answer, Failure> {
    let (asked, id): (Span, AppointmentId) = (call.query()?, call.name(0)?);
    let series = call.desk().series(&id).await?;
    let zone = Zone::named(&series.zone).unwrap_or_else(Zone::utc);
    let time = |text: &Option<String>| text.as_deref().map(instant::wanted).transpose();
    let from = time(&asked.from)?.unwrap_or(series.start);
    let until = time(&asked.to)?.unwrap_or(from.saturating_add(YEAR));
    let (after, limit) = PagedDates { cursor: asked.cursor, limit: asked.limit }.read()?;
    let leaf = Leaf {
        whose: Whose::These(vec![id.uid]),
        window: Window { from, until },
        with_cancelled: true,
        after,
        limit,
    };
    json(&listed(call.desk().dates(leaf).await?, &zone))
}

async fn beside(mut call: Call) -> Result<Answer, Failure> {
    let (id, version) = (call.name(0)?, call.version()?);
    let asked: Extra = call.body(BODY).await?;
    let ground = ground(asked.overbook);
    let start = instant::wanted(&asked.start)?;
    let span = (start, start.saturating_add(asked.minutes.saturating_mul(60)));
    let booked = call.desk().add_date(id, span, asked.reason, (version, ground)).await?;
    let (at, seq) = (format!("/api/v1/appointments/{}", booked.id), booked.seq);
    made(&Done::from(booked), seq, &at)
}
