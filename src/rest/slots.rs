//! `/api/v1/slots`: free starts. One call, whatever is asked for; nothing is kept for it.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{BODY, Call, Failure, json};
use super::fields::{Weekday, bits};
use super::instant;
use super::route::{Gives, Route, Takes, inline, named};
use crate::calendar::Zone;
use crate::clinic::{self, EVERY_DAY, Error, Offered, PrincipalId, ServiceId, Wanted, Wish};
use crate::edge::{Answer, Problem};

pub const ROUTES: &[&Route] = &[&FIND, &QUERY];

const REFUSES: &[&str] = &["UNKNOWN_ZONE", "INVALID_TIME", "APPOINTMENT_NOT_FOUND"];

const FIND: Route = Route {
    method: Method::GET,
    path: "/api/v1/slots",
    id: "findSlots",
    summary: "The first free starts; a list is a name that stands several times, of which one must be right",
    takes: Takes::query(inline::<Asked>),
    gives: Gives::ok(named::<Slots>),
    refuses: REFUSES,
    run: |call| Box::pin(async move { answer(call.query()?, call).await }),
};

const QUERY: Route = Route {
    method: Method::POST,
    path: "/api/v1/slots",
    id: "querySlots",
    summary: "The same, for long questions",
    takes: Takes::body(named::<Asked>),
    gives: Gives::ok(named::<Slots>),
    refuses: REFUSES,
    run: |mut call| Box::pin(async move { answer(call.body(BODY).await?, call).await }),
};

/// A service or a location: its id, or its code.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Named {
    Id(i64),
    Code(String),
}

impl Named {
    pub fn word(&self) -> String {
        match self {
            Named::Id(id) => id.to_string(),
            Named::Code(code) => code.clone(),
        }
    }
}

/// What is looked for. What is left out leaves nothing out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SlotQuery")]
struct Asked {
    service: Option<Named>,
    /// Without a service, or for longer or shorter than it says.
    #[schemars(range(min = 1, max = 1440))]
    minutes: Option<i64>,
    /// The grid of starts in minutes, where the service's own will not do.
    #[schemars(range(min = 1, max = 1440))]
    step: Option<i64>,
    /// Codes of terms.
    #[serde(default)]
    specialty: Vec<String>,
    #[serde(default)]
    department: Vec<String>,
    #[serde(default)]
    language: Vec<String>,
    #[serde(default)]
    location: Vec<String>,
    #[serde(default)]
    mode: Vec<String>,
    room_type: Option<String>,
    #[serde(default)]
    practitioner: Vec<i64>,
    /// RFC 3339, or a date: its first instant in `zone`. Now, when left out.
    from: Option<String>,
    /// Exclusive.
    to: Option<String>,
    #[serde(default)]
    weekdays: Vec<Weekday>,
    /// On the practitioner's wall clock: starts not before.
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    time_from: Option<String>,
    /// And before.
    #[schemars(regex(pattern = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))]
    time_to: Option<String>,
    /// RRULE of a series, all of whose dates must be free: with COUNT or UNTIL.
    #[schemars(length(max = 500))]
    series: Option<String>,
    /// An appointment that is being moved: its own time counts as free.
    ignore: Option<String>,
    /// 20 unless said otherwise.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// IANA name, in which dates are read; UTC unless said otherwise.
    zone: Option<String>,
}

/// Free starts, earliest first.
#[derive(Serialize, JsonSchema)]
pub struct Slots {
    items: Vec<Slot>,
}

impl From<Vec<Offered>> for Slots {
    fn from(found: Vec<Offered>) -> Slots {
        Slots { items: found.into_iter().map(Slot::from).collect() }
    }
}

/// A start that is free, of the service that was asked for.
#[derive(Serialize, JsonSchema)]
pub struct Slot {
    /// By which just this can be kept or booked, for two hours.
    token: String,
    start: String,
    end: String,
    /// The practitioner's, whose offset the times carry.
    zone: String,
    practitioner: i64,
    /// Rooms and equipment that go with it.
    with: Vec<i64>,
    /// The first room of these.
    room: Option<i64>,
    service: Option<i64>,
    /// Null: not one place in particular, name one to book.
    location: Option<i64>,
    mode: Option<String>,
}

impl From<Offered> for Slot {
    fn from(from: Offered) -> Slot {
        Slot {
            start: instant::print(from.start, &from.zone),
            end: instant::print(from.end, &from.zone),
            zone: from.zone.name().to_owned(),
            practitioner: from.practitioner.0,
            with: from.with.iter().map(|id| id.0).collect(),
            room: from.room.map(|id| id.0),
            service: from.service.map(|id| id.0),
            location: from.location.map(|id| id.0),
            mode: from.mode,
            token: from.token,
        }
    }
}

async fn answer(asked: Asked, call: Call) -> Result<Answer, Failure> {
    let wanted = wanted(asked, &call).await?;
    let found = call.clinic.offers(&call.who, &wanted).await?;
    json(&Slots::from(found))
}

async fn wanted(asked: Asked, call: &Call) -> Result<Wanted, Failure> {
    let zone = asked.zone.as_deref().map_or(Ok(Zone::utc()), zone)?;
    let time = |text: &Option<String>| text.as_deref().map(|text| self::time(text, &zone)).transpose();
    let (from, until) = (time(&asked.from)?, time(&asked.to)?);
    let weekdays = if asked.weekdays.is_empty() { EVERY_DAY } else { bits(&asked.weekdays) };
    let none = Wanted::default();
    let day = (
        asked.time_from.as_deref().map_or(Ok(none.day.0), |text| minute("time_from", text))?,
        asked.time_to.as_deref().map_or(Ok(none.day.1), |text| minute("time_to", text))?,
    );
    Ok(Wanted {
        service: service(asked.service.as_ref(), call).await?,
        minutes: asked.minutes,
        step: asked.step,
        specialties: asked.specialty,
        departments: asked.department,
        languages: asked.language,
        locations: asked.location,
        modes: asked.mode,
        room_type: asked.room_type,
        practitioners: asked.practitioner.into_iter().map(PrincipalId).collect(),
        except: Vec::new(),
        from,
        until,
        weekdays,
        day,
        rule: asked.series,
        ignore: asked.ignore.as_deref().map(str::parse).transpose()?,
        limit: asked.limit.unwrap_or(none.limit),
    })
}

/// A service as it was named.
pub async fn service(named: Option<&Named>, call: &Call) -> Result<Option<ServiceId>, Error> {
    match named {
        Some(named) => call.clinic.service_called(&call.who, &named.word()).await.map(Some),
        None => Ok(None),
    }
}

pub fn zone(name: &str) -> Result<Zone, Problem> {
    let unknown =
        || Problem::bad_request("The zone is an IANA name like Europe/Berlin.").code("UNKNOWN_ZONE");
    Zone::named(name).ok_or_else(unknown)
}

pub fn time(text: &str, zone: &Zone) -> Result<i64, Problem> {
    let form = "Times look like 2026-03-01T09:00:00+01:00 or 2026-03-01.";
    instant::read(text, zone).ok_or_else(|| Problem::bad_request(form).code("INVALID_TIME"))
}

/// Seconds since midnight.
fn minute(field: &'static str, text: &str) -> Result<i64, Error> {
    let read = || {
        let (hours, minutes) = text.split_once(':')?;
        let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
        let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
        (text.len() == 5 && minutes < 60 && seconds <= 86_400).then_some(seconds)
    };
    read().ok_or(Error::Invalid { field, why: "a time of day looks like 09:30" })
}

/// A refusal, with what is offered instead where that helps.
pub async fn instead(call: &Call, error: Error, wish: Option<&Wish>) -> Failure {
    let helps = match &error {
        Error::Conflict(_) | Error::HoldExpired | Error::SlotOutdated => true,
        Error::Unfit(why) => why.is_about_time(),
        _ => false,
    };
    match wish.filter(|_| helps) {
        Some(wish) => {
            let found = call.clinic.alternatives(&call.who, wish).await;
            Failure::Instead(error, found)
        }
        None => Failure::Clinic(error),
    }
}

/// What is offered instead, as a member of a problem.
pub fn alternatives(found: Vec<Offered>) -> Value {
    let found: Vec<Slot> = found.into_iter().map(Slot::from).collect();
    serde_json::to_value(found).unwrap_or_default()
}

/// The codes of refusals of a time.
pub const UNFIT: &[&str] = &[
    "SCHEDULING_CONFLICT",
    "HOLD_EXPIRED",
    "HOLD_NOT_FOUND",
    "INVALID_SLOT",
    "SLOT_OUTDATED",
    "OUTSIDE_HOURS",
    "NOTICE_TOO_SHORT",
    "BEYOND_HORIZON",
    "DAY_LIMIT_REACHED",
    "WEEK_LIMIT_REACHED",
    "SERVICE_NOT_OFFERED",
    "MODE_NOT_OFFERED",
    "LOCATION_NOT_OFFERED",
    "LOCATION_REQUIRED",
    "NO_SUCH_ROOM",
    "PATIENT_CONFLICT",
    "PATIENT_LIMIT",
    "RESOURCE_NOT_FOUND",
    "UNKNOWN_ZONE",
    "INVALID_TIME",
    "IDEMPOTENCY_KEY_REUSED",
];

/// What is to be kept or booked: a slot by its token, or a time in so many words.
#[derive(Default)]
pub struct Basis {
    pub token: Option<String>,
    pub service: Option<Named>,
    pub practitioner: Option<i64>,
    pub start: Option<String>,
    pub zone: Option<String>,
    pub minutes: Option<i64>,
    pub with: Option<Vec<i64>>,
    pub location: Option<Named>,
    pub mode: Option<String>,
}

impl Basis {
    /// What is wished for; an outdated token is refused with what is offered now.
    pub async fn wish(self, call: &Call) -> Result<Wish, Failure> {
        let location = match &self.location {
            Some(named) => Some(call.clinic.location_called(&call.who, &named.word()).await?),
            None => None,
        };
        if let Some(token) = &self.token {
            let (wish, is_fresh) = call.clinic.wish_of_slot(&call.who, token).await?;
            let wish = Wish { location: location.or(wish.location), ..wish };
            return match is_fresh {
                true => Ok(wish),
                false => Err(instead(call, Error::SlotOutdated, Some(&wish)).await),
            };
        }
        let missing = |field| Error::Invalid { field, why: "give a token, or a practitioner and a start" };
        let practitioner = self.practitioner.ok_or(missing("practitioner"))?;
        let zone = self.zone.as_deref().map_or(Ok(Zone::utc()), zone)?;
        let start = time(&self.start.ok_or(missing("start"))?, &zone)?;
        Ok(Wish {
            service: service(self.service.as_ref(), call).await?,
            minutes: self.minutes,
            with: self.with.map(|with| with.into_iter().map(PrincipalId).collect()),
            location,
            mode: self.mode,
            ..clinic::Wish::new(PrincipalId(practitioner), start)
        })
    }
}
