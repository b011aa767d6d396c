//! `/api/v1/appointments`: booked from a slot, a hold or a bare time; listed, moved, cancelled, and led through their day.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::call::{BODY, Call, Failure, json, made, tagged};
use super::fields::set;
use super::instant;
use super::page::{self, Listed};
use super::route::{Gives, Route, Takes, inline, named};
use super::slots::{Basis, Named, UNFIT, instead, service, time, zone};
use crate::calendar::Zone;
use crate::clinic::{
    After, Amendment, AppointmentFilter, AppointmentId, AppointmentRow, Booked, Cancel, CheckIn, Error,
    Ground, PatientId, PrincipalId, Status, Wish,
};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[
    &LIST, &MINE, &BOOK, &GET, &CHANGE, &REMOVE, &CONFIRM, &CHECK_IN, &START, &COMPLETE, &NO_SHOW, &CANCEL,
    &MOVE,
];

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/appointments",
    id: "listAppointments",
    summary: "Appointments by start: single ones and touched dates, and each series as a whole",
    takes: Takes::query(inline::<Asked>),
    gives: Gives::ok(named::<Listed<Appointment>>),
    refuses: &["INVALID_CURSOR", "INVALID_TIME", "UNKNOWN_ZONE"],
    run: |call| Box::pin(async move { list(call.query()?, call).await }),
};

const MINE: Route = Route {
    method: Method::GET,
    path: "/api/v1/appointments/my",
    id: "listMyAppointments",
    summary: "The caller's own: with them, or booked by them",
    takes: Takes::query(inline::<Asked>),
    gives: Gives::ok(named::<Listed<Appointment>>),
    refuses: &["INVALID_CURSOR", "INVALID_TIME", "UNKNOWN_ZONE"],
    run: |call| Box::pin(mine(call)),
};

const BOOK: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments",
    id: "bookAppointment",
    summary: "Book: a slot by its token, a hold, or a time in so many words",
    takes: Takes::body(named::<New>),
    gives: Gives::made(named::<Appointment>).versioned(),
    refuses: UNFIT,
    run: |call| Box::pin(book(call)),
};

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/appointments/{appointment}",
    id: "getAppointment",
    summary: "One appointment, or one date of a series",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: &["APPOINTMENT_NOT_FOUND"],
    run: |call| Box::pin(get(call)),
};

const CHANGE: Route = Route {
    method: Method::PATCH,
    path: "/api/v1/appointments/{appointment}",
    id: "changeAppointment",
    summary: "Say something else of it; its time stays",
    takes: Takes::body(named::<Change>).versioned(),
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: &["APPOINTMENT_NOT_FOUND", "INVALID_TRANSITION"],
    run: |call| Box::pin(change(call)),
};

const REMOVE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/appointments/{appointment}",
    id: "removeAppointment",
    summary: "Cancel it: the time is free at once, the record stays",
    takes: Takes::query(inline::<Reason>).versioned(),
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: &["APPOINTMENT_NOT_FOUND", "INVALID_TRANSITION", "CANCEL_WINDOW_CLOSED"],
    run: |call| Box::pin(async move { cancel(call.query()?, call).await }),
};

const LED: &[&str] = &["APPOINTMENT_NOT_FOUND", "INVALID_TRANSITION"];

const CONFIRM: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/confirm",
    id: "confirmAppointment",
    summary: "It is confirmed",
    takes: Takes::NOTHING.versioned(),
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: LED,
    run: |call| Box::pin(lead(call, Status::Confirmed, CheckIn::default())),
};

const CHECK_IN: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/check-in",
    id: "checkInAppointment",
    summary: "The patient is there; by video: virtually",
    takes: Takes::body(named::<Arrival>).versioned(),
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: &["APPOINTMENT_NOT_FOUND", "INVALID_TRANSITION", "VIDEO_CHECK_IN", "WRONG_LOCATION"],
    run: |call| Box::pin(check_in(call)),
};

const START: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/start",
    id: "startAppointment",
    summary: "It has begun",
    takes: Takes::NOTHING.versioned(),
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: LED,
    run: |call| Box::pin(lead(call, Status::InProgress, CheckIn::default())),
};

const COMPLETE: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/complete",
    id: "completeAppointment",
    summary: "It is done",
    takes: Takes::NOTHING.versioned(),
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: LED,
    run: |call| Box::pin(lead(call, Status::Completed, CheckIn::default())),
};

const NO_SHOW: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/no-show",
    id: "noShowAppointment",
    summary: "Nobody came: once it should have begun",
    takes: Takes::NOTHING.versioned(),
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: LED,
    run: |call| Box::pin(lead(call, Status::NoShow, CheckIn::default())),
};

const CANCEL: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/cancel",
    id: "cancelAppointment",
    summary: "Cancel it, and say why and for whom",
    takes: Takes::body(named::<Reason>).versioned(),
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: &["APPOINTMENT_NOT_FOUND", "INVALID_TRANSITION", "CANCEL_WINDOW_CLOSED"],
    run: |mut call| Box::pin(async move { cancel(call.body(BODY).await?, call).await }),
};

const MOVE: Route = Route {
    method: Method::POST,
    path: "/api/v1/appointments/{appointment}/reschedule",
    id: "rescheduleAppointment",
    summary: "Move it: to a slot by its token, or to another time of the same people and rooms",
    takes: Takes::body(named::<Elsewhere>).versioned(),
    gives: Gives::ok(named::<Appointment>).versioned(),
    refuses: UNFIT,
    run: |call| Box::pin(reschedule(call)),
};

/// Which appointments are listed. What is left out leaves nothing out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AppointmentQuery")]
struct Asked {
    practitioner: Option<i64>,
    patient: Option<i64>,
    /// Its id or code.
    service: Option<Named>,
    location: Option<Named>,
    mode: Option<String>,
    #[serde(default)]
    status: Vec<State>,
    /// Beginning not before: RFC 3339, or a date in `zone`.
    from: Option<String>,
    /// And before.
    to: Option<String>,
    zone: Option<String>,
    cursor: Option<String>,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

/// Where an appointment stands.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AppointmentStatus")]
enum State {
    Pending,
    Scheduled,
    Confirmed,
    CheckedIn,
    InProgress,
    Completed,
    NoShow,
    CancelledByPatient,
    CancelledByClinic,
}

/// An appointment to be booked: a `token`, a `hold`, or a practitioner, a start, and a service or minutes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewAppointment")]
struct New {
    #[schemars(length(max = 2000))]
    token: Option<String>,
    #[schemars(length(max = 100))]
    hold: Option<String>,
    service: Option<Named>,
    practitioner: Option<i64>,
    /// RFC 3339.
    start: Option<String>,
    zone: Option<String>,
    #[schemars(range(min = 1, max = 1440))]
    minutes: Option<i64>,
    /// Rooms and equipment; left out: what the service needs and is free.
    with: Option<Vec<i64>>,
    location: Option<Named>,
    mode: Option<String>,
    patient: Option<i64>,
    /// In place of what the clinic's template makes of it.
    #[schemars(length(max = 200))]
    title: Option<String>,
    /// Whatever else is to be kept of it.
    details: Option<Map<String, Value>>,
    /// It awaits approval.
    #[serde(default)]
    pending: bool,
    /// Onto a taken time or outside the rules, for this reason: whoever may.
    #[schemars(length(min = 1, max = 500))]
    overbook: Option<String>,
}

/// What to say of it; what is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AppointmentChange")]
struct Change {
    #[schemars(length(min = 1, max = 200))]
    title: Option<String>,
    #[serde(default, deserialize_with = "set")]
    patient: Option<Option<i64>>,
    /// What is named in it is set.
    details: Option<Map<String, Value>>,
    #[schemars(length(max = 500))]
    reason: Option<String>,
}

/// Why it is cancelled, and by whom.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cancellation")]
struct Reason {
    #[serde(default)]
    #[schemars(length(max = 500))]
    reason: String,
    /// The clinic, unless said otherwise; patients and bots always cancel for the patient.
    by: Option<Side>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "CancellingSide")]
enum Side {
    Patient,
    Clinic,
}

/// How the patient arrives.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "CheckIn")]
struct Arrival {
    /// A visit by video.
    r#virtual: bool,
    /// Where the patient stands: refused where it is held elsewhere.
    location: Option<Named>,
}

/// Where to: a `token`, or a start.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rescheduling")]
struct Elsewhere {
    #[schemars(length(max = 2000))]
    token: Option<String>,
    start: Option<String>,
    zone: Option<String>,
    /// As long as it was, when left out.
    #[schemars(range(min = 1, max = 1440))]
    minutes: Option<i64>,
    #[schemars(length(min = 1, max = 500))]
    overbook: Option<String>,
}

/// One appointment, or one date of a series.
#[derive(Serialize, JsonSchema)]
struct Appointment {
    id: String,
    status: String,
    start: String,
    end: String,
    /// The practitioner's, whose offset the times carry.
    zone: String,
    practitioner: i64,
    /// Rooms and equipment.
    with: Vec<i64>,
    patient: Option<i64>,
    /// Its code.
    service: Option<String>,
    location: Option<i64>,
    mode: Option<String>,
    details: Option<Map<String, Value>>,
    /// Why it was changed last, or cancelled.
    reason: Option<String>,
    /// The series it is an additional date of, or was taken out of.
    series: Option<String>,
    made_at: String,
    changed_at: String,
    checked_in_at: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    /// After a check-in in person: how many wait, this one with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<usize>,
    /// What was overbooked to make it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overbooked: Vec<Met>,
}

/// Something of which there was no room.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Overbooked")]
struct Met {
    resource: i64,
    kind: &'static str,
}

impl State {
    fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

fn id_of(row: &AppointmentRow) -> AppointmentId {
    let occurrence = crate::clinic::occurrence_of(&row.recurrence);
    AppointmentId { uid: row.uid.clone(), occurrence }
}

fn shown(row: AppointmentRow, zone: &Zone) -> Appointment {
    let utc = |at: i64| instant::print(at, &Zone::utc());
    let details = row.details.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let series = row.series.clone().map(|uid| AppointmentId { uid, occurrence: None }.to_string());
    Appointment {
        id: id_of(&row).to_string(),
        status: row.status,
        start: instant::print(row.start_at, zone),
        end: instant::print(row.end_at, zone),
        zone: zone.name().to_owned(),
        practitioner: row.practitioner.0,
        with: row.resources.iter().map(|id| id.0).collect(),
        patient: row.patient,
        service: row.service,
        location: row.location.map(|id| id.0),
        mode: row.mode,
        details,
        reason: row.reason,
        series,
        made_at: utc(row.made_at),
        changed_at: utc(row.changed_at),
        checked_in_at: row.checked_in_at.map(utc),
        started_at: row.started_at.map(utc),
        ended_at: row.ended_at.map(utc),
        queue: None,
        overbooked: Vec::new(),
    }
}

async fn one(call: &Call, row: AppointmentRow) -> Result<(Appointment, i64), Failure> {
    let version = row.seq;
    let zone = call.clinic.zones(&call.who, vec![row.practitioner]).await?.pop();
    Ok((shown(row, &zone.unwrap_or_else(Zone::utc)), version))
}

async fn list(asked: Asked, call: Call) -> Result<Answer, Failure> {
    let (filter, after, limit) = question(asked, &call).await?;
    told(call.clinic.appointments(&call.who, filter, after, limit).await?, &call).await
}

async fn mine(call: Call) -> Result<Answer, Failure> {
    let (filter, after, limit) = question(call.query()?, &call).await?;
    told(call.clinic.my_appointments(&call.who, filter, after, limit).await?, &call).await
}

/// What is asked for, after which row, and how many.
async fn question(asked: Asked, call: &Call) -> Result<(AppointmentFilter, Option<After>, u32), Failure> {
    let zone = asked.zone.as_deref().map_or(Ok(Zone::utc()), zone)?;
    let at = |text: &Option<String>| text.as_deref().map(|text| time(text, &zone)).transpose();
    let window = match (at(&asked.from)?, at(&asked.to)?) {
        (None, None) => None,
        (from, until) => Some((from.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX))),
    };
    let location = match &asked.location {
        Some(named) => Some(call.clinic.location_called(&call.who, &named.word()).await?),
        None => None,
    };
    let filter = AppointmentFilter {
        practitioner: asked.practitioner.map(PrincipalId),
        patient: asked.patient,
        made_by: None,
        service: match asked.service {
            Some(Named::Code(code)) if code.parse::<i64>().is_err() => Some(code),
            named => match service(named.as_ref(), call).await? {
                Some(id) => Some(call.directory.service(&call.who, id).await?.body.code),
                None => None,
            },
        },
        location,
        mode: asked.mode,
        statuses: asked.status.into_iter().map(State::name).collect(),
        window,
    };
    let after = asked.cursor.as_deref().map(page::read_place).transpose()?;
    Ok((filter, after, page::limit(asked.limit)?))
}

async fn told((rows, next): (Vec<AppointmentRow>, Option<After>), call: &Call) -> Result<Answer, Failure> {
    let of = rows.iter().map(|row| row.practitioner).collect();
    let zones = call.clinic.zones(&call.who, of).await?;
    let items = rows.into_iter().zip(zones).map(|(row, zone)| shown(row, &zone)).collect();
    json(&Listed { items, next: next.as_ref().map(page::place) })
}

async fn book(mut call: Call) -> Result<Answer, Failure> {
    let new: New = call.body(BODY).await?;
    let basis = Basis {
        token: new.token,
        service: new.service,
        practitioner: new.practitioner,
        start: new.start,
        zone: new.zone,
        minutes: new.minutes,
        with: new.with,
        location: new.location,
        mode: new.mode,
    };
    let wish = match &new.hold {
        Some(hold) => call.clinic.wish_of_hold(&call.who, hold).await?.0,
        None => basis.wish(&call).await?,
    };
    let wish = Wish {
        patient: new.patient.map(PatientId),
        title: new.title,
        details: new.details.map(|map| Value::from(map).to_string()),
        is_pending: new.pending,
        ..wish
    };
    let ground = match (new.hold, new.overbook) {
        (Some(hold), _) => Ground::Hold(hold),
        (None, Some(why)) => Ground::Overbook(why),
        (None, None) => Ground::Bare,
    };
    match call.clinic.reserve(&call.who, &wish, ground).await {
        Ok(reserved) => {
            let version = reserved.row.seq;
            let overbooked = met(&reserved.booked);
            let shown = Appointment { overbooked, ..shown(reserved.row, &reserved.zone) };
            made(&shown, version, &format!("/api/v1/appointments/{}", shown.id))
        }
        Err(error) => Err(instead(&call, error, Some(&wish)).await),
    }
}

fn met(booked: &Booked) -> Vec<Met> {
    let of = |one: &crate::clinic::Conflict| Met {
        resource: one.resource.0,
        kind: crate::clinic::kind_name(one.kind),
    };
    booked.overbooked.iter().map(of).collect()
}

async fn booked_one(call: &Call, booked: &Booked) -> Result<(Appointment, i64), Failure> {
    one(call, call.clinic.one_appointment(&call.who, &booked.id).await?).await
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let row = call.clinic.one_appointment(&call.who, &id(&call)?).await?;
    let (shown, version) = one(&call, row).await?;
    tagged(&shown, version)
}

fn id(call: &Call) -> Result<AppointmentId, Error> {
    call.names.first().map(String::as_str).unwrap_or_default().parse()
}

async fn change(mut call: Call) -> Result<Answer, Failure> {
    let change: Change = call.body(BODY).await?;
    let (id, version) = (id(&call)?, call.version()?);
    let change = Amendment {
        title: change.title,
        patient: change.patient.map(|patient| patient.map(PatientId)),
        details: change.details.map(|map| Value::from(map).to_string()),
        reason: change.reason,
    };
    let booked = call.clinic.amend(&call.who, &id, change, version).await?;
    let (shown, version) = booked_one(&call, &booked).await?;
    tagged(&shown, version)
}

async fn cancel(why: Reason, call: Call) -> Result<Answer, Failure> {
    let how = Cancel { by_patient: why.by == Some(Side::Patient), reason: why.reason };
    let row = call.clinic.cancel_by(&call.who, &id(&call)?, how, call.version()?).await?;
    let (shown, version) = one(&call, row).await?;
    tagged(&shown, version)
}

async fn lead(call: Call, to: Status, how: CheckIn) -> Result<Answer, Failure> {
    let row = call.clinic.lead(&call.who, &id(&call)?, (to, how), call.version()?).await?;
    let queue = if to == Status::CheckedIn { call.clinic.queue(&call.who, &row).await? } else { None };
    let (mut shown, version) = one(&call, row).await?;
    shown.queue = queue;
    tagged(&shown, version)
}

async fn check_in(mut call: Call) -> Result<Answer, Failure> {
    let arrival: Arrival = if call.ask.has_body() { call.body(BODY).await? } else { Arrival::default() };
    let at = match &arrival.location {
        Some(named) => Some(call.clinic.location_called(&call.who, &named.word()).await?),
        None => None,
    };
    lead(call, Status::CheckedIn, CheckIn { is_virtual: arrival.r#virtual, at }).await
}

async fn reschedule(mut call: Call) -> Result<Answer, Failure> {
    let to: Elsewhere = call.body(BODY).await?;
    let (id, version) = (id(&call)?, call.version()?);
    let row = call.clinic.one_appointment(&call.who, &id).await?;
    let wish = match to.token {
        Some(_) => Basis { token: to.token, ..Basis::default() }.wish(&call).await?,
        None => {
            let zone = to.zone.as_deref().map_or(Ok(Zone::utc()), zone)?;
            let missing = Error::Invalid { field: "start", why: "give a token or a start" };
            let start = time(&to.start.ok_or(missing)?, &zone)?;
            Wish { minutes: to.minutes, with: None, ..Wish::new(row.practitioner, start) }
        }
    };
    let wish = call.clinic.wish_to_move(&call.who, &id, wish).await?;
    match call.clinic.move_to(&call.who, &id, &wish, version, to.overbook).await {
        Ok(booked) => {
            let (mut shown, version) = booked_one(&call, &booked).await?;
            shown.overbooked = met(&booked);
            tagged(&shown, version)
        }
        Err(error) => Err(instead(&call, error, Some(&wish)).await),
    }
}
