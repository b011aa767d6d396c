//! `/api/v1/services`: what is booked, and what is different of it with somebody. A service is replaced as a whole, so that
//! its rules are checked together.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, made, nothing, tagged};
use super::page::{Listed, Paged, listed};
use super::route::{Gives, Route, Takes, inline, named};
use crate::clinic::{self, NeedKind, OverrideFields, PrincipalId, ServiceFields, ServiceId, ServiceOverride};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&LIST, &ADD, &GET, &REPLACE, &EXCEPTIONS, &EXCEPT, &SAME_AGAIN];

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/services",
    id: "listServices",
    summary: "What is booked",
    takes: Takes::query(inline::<Paged>),
    gives: Gives::ok(named::<Listed<Service>>),
    refuses: &["INVALID_CURSOR"],
    run: |call| Box::pin(list(call)),
};

const ADD: Route = Route {
    method: Method::POST,
    path: "/api/v1/services",
    id: "addService",
    summary: "Make a service",
    takes: Takes::body(named::<Fields>),
    gives: Gives::made(named::<Service>).versioned(),
    refuses: &["ALREADY_EXISTS"],
    run: |call| Box::pin(add(call)),
};

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/services/{service}",
    id: "getService",
    summary: "One service",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Service>).versioned(),
    refuses: &[],
    run: |call| Box::pin(get(call)),
};

const REPLACE: Route = Route {
    method: Method::PUT,
    path: "/api/v1/services/{service}",
    id: "replaceService",
    summary: "Replace a service; what is left out has its default",
    takes: Takes::body(named::<Fields>).versioned(),
    gives: Gives::ok(named::<Service>).versioned(),
    refuses: &["ALREADY_EXISTS"],
    run: |call| Box::pin(replace(call)),
};

const EXCEPTIONS: Route = Route {
    method: Method::GET,
    path: "/api/v1/services/{service}/exceptions",
    id: "listServiceExceptions",
    summary: "With whom it is different",
    takes: Takes::query(inline::<After>),
    gives: Gives::ok(named::<Listed<Exception>>),
    refuses: &["INVALID_CURSOR"],
    run: |call| Box::pin(exceptions(call)),
};

const EXCEPT: Route = Route {
    method: Method::PUT,
    path: "/api/v1/services/{service}/exceptions/{resource}",
    id: "putServiceException",
    summary: "Say what is different with somebody",
    takes: Takes::body(named::<Different>),
    gives: Gives::NOTHING,
    refuses: &[],
    run: |call| Box::pin(except(call)),
};

const SAME_AGAIN: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/services/{service}/exceptions/{resource}",
    id: "deleteServiceException",
    summary: "Nothing is different with them any more",
    takes: Takes::NOTHING,
    gives: Gives::NOTHING,
    refuses: &[],
    run: |call| Box::pin(same_again(call)),
};

/// A service. Lengths are minutes unless the name says otherwise.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ServiceFields")]
struct Fields {
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z0-9._-]+$"))]
    code: String,
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// Codes of terms of the dimension mode, such as in-person or video.
    #[schemars(length(min = 1, max = 10))]
    modes: Vec<String>,
    #[schemars(range(min = 1, max = 1440))]
    minutes: i64,
    /// Starts are offered at this grid.
    #[serde(default = "quarter")]
    #[schemars(range(min = 1, max = 1440))]
    step: i64,
    /// Kept free before it.
    #[serde(default)]
    #[schemars(range(min = 0, max = 480))]
    pad_before: i64,
    /// Kept free after it.
    #[serde(default)]
    #[schemars(range(min = 0, max = 480))]
    pad_after: i64,
    /// At least so long ahead.
    #[serde(default)]
    #[schemars(range(min = 0, max = 525600))]
    notice: i64,
    #[serde(default = "quarter_year")]
    #[schemars(range(min = 1, max = 400))]
    horizon_days: i64,
    /// So many a day with one practitioner.
    #[schemars(range(min = 1, max = 1000))]
    day_limit: Option<i64>,
    #[schemars(range(min = 1, max = 7000))]
    week_limit: Option<i64>,
    /// Patients at once.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    seats: i64,
    /// Rooms and equipment that must be free as well.
    #[serde(default)]
    #[schemars(length(max = 10))]
    needs: Vec<Need>,
    /// Seconds a patient's hold lasts; null: as the clinic decided.
    #[schemars(range(min = 60, max = 86400))]
    hold_patient: Option<i64>,
    #[schemars(range(min = 60, max = 86400))]
    hold_staff: Option<i64>,
    /// In the smallest unit of the currency.
    #[schemars(range(min = 0))]
    fee: Option<i64>,
    /// ISO 4217.
    #[schemars(regex(pattern = r"^[A-Z]{3}$"))]
    currency: Option<String>,
    /// Until so long before the start a patient may cancel or move it.
    #[serde(default)]
    #[schemars(range(min = 0, max = 525600))]
    cancel_window: i64,
    /// False: it is booked no more.
    #[serde(default = "yes")]
    active: bool,
}

/// What else must be free.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Need {
    kind: Kind,
    /// The code of a term that it has, such as a room type.
    term: Option<String>,
    #[serde(default = "one_of")]
    #[schemars(range(min = 1, max = 8))]
    count: u8,
}

#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "NeedKind")]
enum Kind {
    Practitioner,
    Room,
    Equipment,
}

/// A service as it is kept.
#[derive(Serialize, JsonSchema)]
struct Service {
    id: i64,
    #[serde(flatten)]
    fields: Fields,
}

/// What is different with somebody; null: as the service says.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ServiceDifference")]
struct Different {
    /// False: they do not do it at all.
    #[serde(default = "yes")]
    offered: bool,
    #[schemars(range(min = 1, max = 1440))]
    minutes: Option<i64>,
    #[schemars(range(min = 0, max = 480))]
    pad_before: Option<i64>,
    #[schemars(range(min = 0, max = 480))]
    pad_after: Option<i64>,
    #[schemars(range(min = 1, max = 1000))]
    day_limit: Option<i64>,
    #[schemars(range(min = 1, max = 7000))]
    week_limit: Option<i64>,
    #[schemars(range(min = 0))]
    fee: Option<i64>,
}

/// With whom, and what.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ServiceException")]
struct Exception {
    resource: i64,
    #[serde(flatten)]
    different: Different,
}

/// Which page of exceptions: of 200.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct After {
    /// `next` of the page before.
    cursor: Option<String>,
}

fn quarter() -> i64 {
    15
}

fn quarter_year() -> i64 {
    90
}

fn one() -> i64 {
    1
}

fn one_of() -> u8 {
    1
}

fn yes() -> bool {
    true
}

impl From<Kind> for NeedKind {
    fn from(from: Kind) -> NeedKind {
        match from {
            Kind::Practitioner => NeedKind::Practitioner,
            Kind::Room => NeedKind::Room,
            Kind::Equipment => NeedKind::Equipment,
        }
    }
}

impl From<NeedKind> for Kind {
    fn from(from: NeedKind) -> Kind {
        match from {
            NeedKind::Practitioner => Kind::Practitioner,
            NeedKind::Room => Kind::Room,
            NeedKind::Equipment => Kind::Equipment,
        }
    }
}

impl From<Fields> for ServiceFields {
    fn from(f: Fields) -> ServiceFields {
        let need = |need: Need| clinic::Need { kind: need.kind.into(), term: need.term, count: need.count };
        ServiceFields {
            code: f.code,
            name: f.name,
            modes: f.modes,
            minutes: f.minutes,
            step: f.step,
            pad_before: f.pad_before,
            pad_after: f.pad_after,
            notice: f.notice,
            horizon_days: f.horizon_days,
            day_limit: f.day_limit,
            week_limit: f.week_limit,
            seats: f.seats,
            hold_patient: f.hold_patient,
            hold_staff: f.hold_staff,
            fee: f.fee,
            currency: f.currency,
            cancel_window: f.cancel_window,
            active: f.active,
            needs: f.needs.into_iter().map(need).collect(),
        }
    }
}

impl From<ServiceFields> for Fields {
    fn from(f: ServiceFields) -> Fields {
        let need = |need: clinic::Need| Need { kind: need.kind.into(), term: need.term, count: need.count };
        Fields {
            code: f.code,
            name: f.name,
            modes: f.modes,
            minutes: f.minutes,
            step: f.step,
            pad_before: f.pad_before,
            pad_after: f.pad_after,
            notice: f.notice,
            horizon_days: f.horizon_days,
            day_limit: f.day_limit,
            week_limit: f.week_limit,
            seats: f.seats,
            hold_patient: f.hold_patient,
            hold_staff: f.hold_staff,
            fee: f.fee,
            currency: f.currency,
            cancel_window: f.cancel_window,
            active: f.active,
            needs: f.needs.into_iter().map(need).collect(),
        }
    }
}

fn shown(of: &clinic::Service) -> Result<Service, Failure> {
    Ok(Service { id: of.id.0, fields: ServiceFields::of(of)?.into() })
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let page = call.directory.services(&call.who, call.query::<Paged>()?.read()?).await?;
    let listed = listed(page, |one| shown(&one));
    let items = listed.items.into_iter().collect::<Result<Vec<_>, _>>()?;
    json(&Listed { items, next: listed.next })
}

async fn add(mut call: Call) -> Result<Answer, Failure> {
    let fields: Fields = call.body(BODY).await?;
    let new = call.directory.add_service(call.author(), fields.into()).await?;
    made(&shown(&new)?, new.seq, &format!("/api/v1/services/{}", new.id))
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let found = call.directory.service(&call.who, ServiceId(call.name(0)?)).await?;
    tagged(&shown(&found)?, found.seq)
}

async fn replace(mut call: Call) -> Result<Answer, Failure> {
    let fields: Fields = call.body(BODY).await?;
    let (id, version) = (ServiceId(call.name(0)?), call.version()?);
    let changed = call.directory.change_service(call.author(), id, version, fields.into()).await?;
    tagged(&shown(&changed)?, changed.seq)
}

async fn exceptions(call: Call) -> Result<Answer, Failure> {
    let asked: After = call.query()?;
    let of = ServiceId(call.name(0)?);
    call.directory.service(&call.who, of).await?;
    let after = super::page::cursor(asked.cursor.as_deref(), Some(200))?.after;
    let rows = call.directory.service_overrides(&call.who, of, PrincipalId(after)).await?;
    let next = rows.last().filter(|_| rows.len() == 200).map(|last| last.resource.0);
    json(&listed(clinic::Page { items: rows, next }, exception))
}

fn exception(of: ServiceOverride) -> Exception {
    let ServiceOverride { offered, minutes, pad_before, pad_after, day_limit, week_limit, fee, .. } = of;
    let different = Different { offered, minutes, pad_before, pad_after, day_limit, week_limit, fee };
    Exception { resource: of.resource.0, different }
}

async fn except(mut call: Call) -> Result<Answer, Failure> {
    let of: Different = call.body(BODY).await?;
    let Different { offered, minutes, pad_before, pad_after, day_limit, week_limit, fee } = of;
    let fields = OverrideFields { offered, minutes, pad_before, pad_after, day_limit, week_limit, fee };
    set(&call, Some(fields)).await
}

async fn same_again(call: Call) -> Result<Answer, Failure> {
    set(&call, None).await
}

async fn set(call: &Call, fields: Option<OverrideFields>) -> Result<Answer, Failure> {
    let at = (ServiceId(call.name(0)?), PrincipalId(call.name(1)?));
    call.directory.set_service_override(call.author(), at, fields).await?;
    nothing()
}
