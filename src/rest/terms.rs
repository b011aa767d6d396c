//! `/api/v1/terms`: the words that people and things are found by: locations, departments, specialties, languages, modes,
//! room types.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, made, tagged};
use super::fields::set;
use super::page::{Listed, Paged, listed};
use super::route::{Gives, Route, Takes, inline, named};
use crate::clinic::{self, NewTerm, TermChange, TermId};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&LIST, &ADD, &GET, &CHANGE];

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/terms",
    id: "listTerms",
    summary: "The clinic's words",
    takes: Takes::query(inline::<Paged>),
    gives: Gives::ok(named::<Listed<Term>>),
    refuses: &["INVALID_CURSOR"],
    run: |call| Box::pin(list(call)),
};

const ADD: Route = Route {
    method: Method::POST,
    path: "/api/v1/terms",
    id: "addTerm",
    summary: "Make a word",
    takes: Takes::body(named::<New>),
    gives: Gives::made(named::<Term>).versioned(),
    refuses: &["ALREADY_EXISTS"],
    run: |call| Box::pin(add(call)),
};

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/terms/{term}",
    id: "getTerm",
    summary: "One word",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Term>).versioned(),
    refuses: &[],
    run: |call| Box::pin(get(call)),
};

const CHANGE: Route = Route {
    method: Method::PATCH,
    path: "/api/v1/terms/{term}",
    id: "changeTerm",
    summary: "Change what is named; what it is a word for stays",
    takes: Takes::body(named::<Change>).versioned(),
    gives: Gives::ok(named::<Term>).versioned(),
    refuses: &[],
    run: |call| Box::pin(change(call)),
};

/// What a term is a word for.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Dimension {
    Location,
    Department,
    Specialty,
    Language,
    Mode,
    RoomType,
}

/// A word of the clinic's.
#[derive(Serialize, JsonSchema)]
struct Term {
    id: i64,
    dimension: Dimension,
    /// Unique in its dimension. Of the dimension mode, `in-person` and `video` mean what they say.
    code: String,
    name: String,
    /// Whatever else is to be shown: of a location its address.
    detail: Option<String>,
    /// False: it is offered no more.
    active: bool,
}

/// A term to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewTerm")]
struct New {
    dimension: Dimension,
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z0-9._-]+$"))]
    code: String,
    #[schemars(length(min = 1))]
    name: String,
    detail: Option<String>,
}

/// What to change of a term; what is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TermChange")]
struct Change {
    #[schemars(length(min = 1))]
    name: Option<String>,
    #[serde(default, deserialize_with = "set")]
    detail: Option<Option<String>>,
    active: Option<bool>,
}

impl From<clinic::Dimension> for Dimension {
    fn from(from: clinic::Dimension) -> Dimension {
        match from {
            clinic::Dimension::Location => Dimension::Location,
            clinic::Dimension::Department => Dimension::Department,
            clinic::Dimension::Specialty => Dimension::Specialty,
            clinic::Dimension::Language => Dimension::Language,
            clinic::Dimension::Mode => Dimension::Mode,
            clinic::Dimension::RoomType => Dimension::RoomType,
        }
    }
}

impl From<Dimension> for clinic::Dimension {
    fn from(from: Dimension) -> clinic::Dimension {
        match from {
            Dimension::Location => clinic::Dimension::Location,
            Dimension::Department => clinic::Dimension::Department,
            Dimension::Specialty => clinic::Dimension::Specialty,
            Dimension::Language => clinic::Dimension::Language,
            Dimension::Mode => clinic::Dimension::Mode,
            Dimension::RoomType => clinic::Dimension::RoomType,
        }
    }
}

fn shown(of: clinic::Term) -> Term {
    Term {
        id: of.id.0,
        dimension: of.body.dimension.into(),
        code: of.body.code,
        name: of.body.name,
        detail: of.body.detail,
        active: of.body.disabled_at.is_none(),
    }
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let page = call.directory.terms(&call.who, call.query::<Paged>()?.read()?).await?;
    json(&listed(page, shown))
}

async fn add(mut call: Call) -> Result<Answer, Failure> {
    let New { dimension, code, name, detail } = call.body(BODY).await?;
    let new = NewTerm { dimension: dimension.into(), code, name, detail };
    let new = call.directory.add_term(call.author(), new).await?;
    let (version, at) = (new.seq, format!("/api/v1/terms/{}", new.id));
    made(&shown(new), version, &at)
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let found = call.directory.term(&call.who, TermId(call.name(0)?)).await?;
    let version = found.seq;
    tagged(&shown(found), version)
}

async fn change(mut call: Call) -> Result<Answer, Failure> {
    let Change { name, detail, active } = call.body(BODY).await?;
    let change = TermChange { name, detail, active };
    let (id, version) = (TermId(call.name(0)?), call.version()?);
    let changed = call.directory.change_term(call.author(), id, version, change).await?;
    let version = changed.seq;
    tagged(&shown(changed), version)
}
