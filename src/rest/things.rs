//! `/api/v1/rooms` and `/api/v1/equipment`: what is booked with a practitioner.

use std::collections::HashMap;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, made, tagged};
use super::fields::{Holding, Policy, set, terms};
use super::page::{Listed, Paged, listed};
use super::route::{Gives, Route, Takes, inline, named};
use crate::clinic::{self, Kind, More, NewThing, PrincipalId, ThingChange};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[
    &LIST_ROOM,
    &ADD_ROOM,
    &GET_ROOM,
    &CHANGE_ROOM,
    &LIST_EQUIPMENT,
    &ADD_EQUIPMENT,
    &GET_EQUIPMENT,
    &CHANGE_EQUIPMENT,
];

const LIST_ROOM: Route = Route {
    method: Method::GET,
    path: "/api/v1/rooms",
    id: "listRooms",
    summary: "Every room",
    takes: Takes::query(inline::<Paged>),
    gives: Gives::ok(named::<Listed<Thing>>),
    refuses: &["INVALID_CURSOR"],
    run: |call| Box::pin(list(Kind::Room, call)),
};

const ADD_ROOM: Route = Route {
    method: Method::POST,
    path: "/api/v1/rooms",
    id: "addRoom",
    summary: "Make a room, with the calendars `visits` and `absences`",
    takes: Takes::body(named::<New>),
    gives: Gives::made(named::<Thing>).versioned(),
    refuses: &["ALREADY_EXISTS"],
    run: |call| Box::pin(add(Kind::Room, call)),
};

const GET_ROOM: Route = Route {
    method: Method::GET,
    path: "/api/v1/rooms/{room}",
    id: "getRoom",
    summary: "One room",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Thing>).versioned(),
    refuses: &[],
    run: |call| Box::pin(get(Kind::Room, call)),
};

const CHANGE_ROOM: Route = Route {
    method: Method::PATCH,
    path: "/api/v1/rooms/{room}",
    id: "changeRoom",
    summary: "Change what is named",
    takes: Takes::body(named::<Change>).versioned(),
    gives: Gives::ok(named::<Thing>).versioned(),
    refuses: &[],
    run: |call| Box::pin(change(Kind::Room, call)),
};

const LIST_EQUIPMENT: Route = Route {
    method: Method::GET,
    path: "/api/v1/equipment",
    id: "listEquipment",
    summary: "Every piece of equipment",
    takes: Takes::query(inline::<Paged>),
    gives: Gives::ok(named::<Listed<Thing>>),
    refuses: &["INVALID_CURSOR"],
    run: |call| Box::pin(list(Kind::Equipment, call)),
};

const ADD_EQUIPMENT: Route = Route {
    method: Method::POST,
    path: "/api/v1/equipment",
    id: "addEquipment",
    summary: "Make a piece of equipment, with the calendars `visits` and `absences`",
    takes: Takes::body(named::<New>),
    gives: Gives::made(named::<Thing>).versioned(),
    refuses: &["ALREADY_EXISTS"],
    run: |call| Box::pin(add(Kind::Equipment, call)),
};

const GET_EQUIPMENT: Route = Route {
    method: Method::GET,
    path: "/api/v1/equipment/{equipment}",
    id: "getEquipment",
    summary: "One piece of equipment",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Thing>).versioned(),
    refuses: &[],
    run: |call| Box::pin(get(Kind::Equipment, call)),
};

const CHANGE_EQUIPMENT: Route = Route {
    method: Method::PATCH,
    path: "/api/v1/equipment/{equipment}",
    id: "changeEquipment",
    summary: "Change what is named",
    takes: Takes::body(named::<Change>).versioned(),
    gives: Gives::ok(named::<Thing>).versioned(),
    refuses: &[],
    run: |call| Box::pin(change(Kind::Equipment, call)),
};

/// A room or a piece of equipment.
#[derive(Serialize, JsonSchema)]
struct Thing {
    id: i64,
    /// The last part of the URL of its calendars.
    name: String,
    display_name: String,
    zone: Option<String>,
    /// False: it is booked no more.
    active: bool,
    /// Where it stands, of which type it is.
    terms: Vec<Holding>,
    /// Visits at once.
    capacity: i64,
    /// What a change in a calendar program onto a taken time does.
    policy: Option<Policy>,
}

/// A room or a piece of equipment to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewThing")]
struct New {
    /// As a login name; one is made up when left out.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z0-9._@-]+$"))]
    name: Option<String>,
    #[schemars(length(min = 1, max = 200))]
    display_name: String,
    zone: Option<String>,
    #[serde(default)]
    terms: Vec<Holding>,
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10000))]
    capacity: i64,
}

fn one() -> i64 {
    1
}

/// What to change of it; what is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ThingChange")]
struct Change {
    #[schemars(length(min = 1, max = 200))]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "set")]
    zone: Option<Option<String>>,
    terms: Option<Vec<Holding>>,
    active: Option<bool>,
    /// More than before.
    #[schemars(range(min = 1, max = 10000))]
    capacity: Option<i64>,
    policy: Option<Policy>,
}

fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::Room => "/api/v1/rooms",
        Kind::Equipment => "/api/v1/equipment",
    }
}

fn shown(of: clinic::Thing, more: &mut HashMap<PrincipalId, More>) -> Thing {
    let more = more.remove(&of.id).unwrap_or(More { terms: Vec::new(), capacity: 1, policy: None });
    Thing {
        id: of.id.0,
        name: of.name,
        display_name: of.display_name,
        zone: of.zone,
        active: of.active,
        terms: more.terms.into_iter().map(Holding::from).collect(),
        capacity: more.capacity,
        policy: more.policy.map(Policy::from),
    }
}

async fn whole(call: &Call, of: clinic::Thing) -> Result<(Thing, i64), Failure> {
    let mut more = call.directory.more_of(&call.who, &[of.id]).await?;
    let version = of.version;
    Ok((shown(of, &mut more), version))
}

async fn list(kind: Kind, call: Call) -> Result<Answer, Failure> {
    let cursor = call.query::<Paged>()?.read()?;
    let page = call.directory.things(&call.who, kind, cursor).await?;
    let ids: Vec<_> = page.items.iter().map(|one| one.id).collect();
    let mut more = call.directory.more_of(&call.who, &ids).await?;
    json(&listed(page, |one| shown(one, &mut more)))
}

async fn add(kind: Kind, mut call: Call) -> Result<Answer, Failure> {
    let New { name, display_name, zone, terms: on, capacity } = call.body(BODY).await?;
    let new = NewThing { name, display_name, zone, terms: terms(on), capacity };
    let new = call.directory.add_thing(call.author(), kind, new).await?;
    let (shown, version) = whole(&call, new).await?;
    made(&shown, version, &format!("{}/{}", path(kind), shown.id))
}

async fn get(kind: Kind, call: Call) -> Result<Answer, Failure> {
    let found = call.directory.thing(&call.who, kind, PrincipalId(call.name(0)?)).await?;
    let (shown, version) = whole(&call, found).await?;
    tagged(&shown, version)
}

async fn change(kind: Kind, mut call: Call) -> Result<Answer, Failure> {
    let Change { display_name, zone, terms: on, active, capacity, policy } = call.body(BODY).await?;
    let policy = policy.map(clinic::Policy::from);
    let change = ThingChange { display_name, zone, terms: on.map(terms), active, capacity, policy };
    let (at, version) = ((kind, PrincipalId(call.name(0)?)), call.version()?);
    let changed = call.directory.change_thing(call.author(), at, version, change).await?;
    let (shown, version) = whole(&call, changed).await?;
    tagged(&shown, version)
}
