//! `/api/v1/practitioners`: who can be booked. Bots and patients see those who are active and shown in public; licences
//! are for those who run the clinic.

use std::collections::HashMap;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, made, tagged};
use super::fields::{Holding, Policy, set, terms};
use super::page::{Listed, Paged, listed};
use super::route::{Gives, Route, Takes, inline, named};
use crate::accounts::{NewPerson, Secret};
use crate::clinic::{self, More, NewPractitioner, PractitionerChange, PrincipalId, ProfileStatus};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&LIST, &ADD, &GET, &CHANGE];

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/practitioners",
    id: "listPractitioners",
    summary: "Who can be booked",
    takes: Takes::query(inline::<Paged>),
    gives: Gives::ok(named::<Listed<Practitioner>>),
    refuses: &["INVALID_CURSOR"],
    run: |call| Box::pin(list(call)),
};

const ADD: Route = Route {
    method: Method::POST,
    path: "/api/v1/practitioners",
    id: "addPractitioner",
    summary: "Make a practitioner, a draft: with a login and the calendars `visits`, `absences` and `hours`",
    takes: Takes::body(named::<New>),
    gives: Gives::made(named::<Practitioner>).versioned(),
    refuses: &["ALREADY_EXISTS"],
    run: |call| Box::pin(add(call)),
};

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/practitioners/{practitioner}",
    id: "getPractitioner",
    summary: "One practitioner",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Practitioner>).versioned(),
    refuses: &[],
    run: |call| Box::pin(get(call)),
};

const CHANGE: Route = Route {
    method: Method::PATCH,
    path: "/api/v1/practitioners/{practitioner}",
    id: "changePractitioner",
    summary: "Change what is named; activate and deactivate by `status`",
    takes: Takes::body(named::<Change>).versioned(),
    gives: Gives::ok(named::<Practitioner>).versioned(),
    refuses: &["INVALID_TRANSITION"],
    run: |call| Box::pin(change(call)),
};

/// How far a profile is: booked is who is active.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Draft,
    Pending,
    Active,
    Off,
}

/// Somebody who can be booked.
#[derive(Serialize, JsonSchema)]
struct Practitioner {
    id: i64,
    /// The login name, and the last part of the URL of its calendars.
    name: String,
    display_name: String,
    /// IANA name.
    zone: Option<String>,
    status: Status,
    /// Shown to patients and bots.
    public: bool,
    /// Booked by patients and bots.
    online: bool,
    qualifications: Option<String>,
    /// Null for all but those who run the clinic.
    licence: Option<String>,
    /// Places, specialties, languages, modes, departments.
    terms: Vec<Holding>,
    /// What a change on the phone onto a taken time does.
    policy: Option<Policy>,
}

/// A practitioner to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPractitioner")]
struct New {
    /// The login name: a-z 0-9 . _ @ -, at most 64.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z0-9._@-]+$"))]
    name: String,
    #[schemars(length(min = 1, max = 200))]
    display_name: String,
    email: Option<String>,
    zone: Option<String>,
    /// Without one only app passwords log in.
    password: Option<String>,
    #[schemars(length(max = 100))]
    licence: Option<String>,
    #[schemars(length(max = 2000))]
    qualifications: Option<String>,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    online: bool,
    #[serde(default)]
    terms: Vec<Holding>,
}

/// What to change of a practitioner; what is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PractitionerChange")]
struct Change {
    #[schemars(length(min = 1, max = 200))]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "set")]
    zone: Option<Option<String>>,
    #[serde(default, deserialize_with = "set")]
    qualifications: Option<Option<String>>,
    public: Option<bool>,
    online: Option<bool>,
    terms: Option<Vec<Holding>>,
    /// For those who run the clinic.
    #[serde(default, deserialize_with = "set")]
    licence: Option<Option<String>>,
    /// For those who run the clinic.
    status: Option<Status>,
    /// For those who run the clinic.
    policy: Option<Policy>,
}

impl From<ProfileStatus> for Status {
    fn from(from: ProfileStatus) -> Status {
        match from {
            ProfileStatus::Draft => Status::Draft,
            ProfileStatus::Pending => Status::Pending,
            ProfileStatus::Active => Status::Active,
            ProfileStatus::Off => Status::Off,
        }
    }
}

impl From<Status> for ProfileStatus {
    fn from(from: Status) -> ProfileStatus {
        match from {
            Status::Draft => ProfileStatus::Draft,
            Status::Pending => ProfileStatus::Pending,
            Status::Active => ProfileStatus::Active,
            Status::Off => ProfileStatus::Off,
        }
    }
}

fn shown(of: clinic::Practitioner, more: &mut HashMap<PrincipalId, More>) -> Practitioner {
    let more = more.remove(&of.id);
    let policy = more.as_ref().and_then(|more| more.policy).map(Policy::from);
    Practitioner {
        id: of.id.0,
        name: of.name,
        display_name: of.display_name,
        zone: of.zone,
        status: of.status.into(),
        public: of.public,
        online: of.online,
        qualifications: of.qualifications,
        licence: of.licence,
        terms: more.map(|more| more.terms).unwrap_or_default().into_iter().map(Holding::from).collect(),
        policy,
    }
}

/// One with what belongs to it, and its version.
async fn whole(call: &Call, of: clinic::Practitioner) -> Result<(Practitioner, i64), Failure> {
    let mut more = call.directory.more_of(&call.who, &[of.id]).await?;
    let version = of.version;
    Ok((shown(of, &mut more), version))
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let cursor = call.query::<Paged>()?.read()?;
    let page = call.directory.practitioners(&call.who, cursor).await?;
    let ids: Vec<_> = page.items.iter().map(|one| one.id).collect();
    let mut more = call.directory.more_of(&call.who, &ids).await?;
    json(&listed(page, |one| shown(one, &mut more)))
}

async fn add(mut call: Call) -> Result<Answer, Failure> {
    let new: New = call.body(BODY).await?;
    let person = NewPerson {
        name: new.name,
        display_name: new.display_name,
        email: new.email,
        zone: new.zone,
        password: new.password.map(Secret::new),
    };
    let new = NewPractitioner {
        person,
        licence: new.licence,
        qualifications: new.qualifications,
        public: new.public,
        online: new.online,
        terms: terms(new.terms),
    };
    let new = call.directory.add_practitioner(call.author(), new).await?;
    let (shown, version) = whole(&call, new).await?;
    made(&shown, version, &format!("/api/v1/practitioners/{}", shown.id))
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let found = call.directory.practitioner(&call.who, PrincipalId(call.name(0)?)).await?;
    let (shown, version) = whole(&call, found).await?;
    tagged(&shown, version)
}

async fn change(mut call: Call) -> Result<Answer, Failure> {
    let change: Change = call.body(BODY).await?;
    let change = PractitionerChange {
        display_name: change.display_name,
        zone: change.zone,
        qualifications: change.qualifications,
        public: change.public,
        online: change.online,
        terms: change.terms.map(terms),
        licence: change.licence,
        status: change.status.map(ProfileStatus::from),
        policy: change.policy.map(clinic::Policy::from),
    };
    let (id, version) = (PrincipalId(call.name(0)?), call.version()?);
    let changed = call.directory.change_practitioner(call.author(), id, version, change).await?;
    let (shown, version) = whole(&call, changed).await?;
    tagged(&shown, version)
}
