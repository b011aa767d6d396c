//! `/api/v1/patients`: as little of them as booking needs. Whoever looks is written down; a bot says for whom it books and
//! reads nobody.

use std::fmt;

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, made, nothing, tagged};
use super::page::{self, Listed, listed};
use super::route::{Gives, Route, Takes, inline, named};
use crate::clinic::{self, Page, PatientBy, PatientFields, PatientId};
use crate::edge::{Answer, Problem};

pub const ROUTES: &[&Route] = &[&LIST, &UPSERT, &GET, &REPLACE, &ERASE];

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/patients",
    id: "listPatients",
    summary: "Patients, or whom a phone number, a mail address or another system's id belongs to",
    takes: Takes::query(inline::<Which>),
    gives: Gives::ok(named::<Listed<Patient>>),
    refuses: &["INVALID_CURSOR"],
    run: |call| Box::pin(list(call)),
};

const UPSERT: Route = Route {
    method: Method::POST,
    path: "/api/v1/patients",
    id: "upsertPatient",
    summary: "Make a patient, or bring the one with this `external_id` up to date",
    takes: Takes::body(named::<Fields>),
    gives: Gives::made(named::<Id>).versioned().or_ok(),
    refuses: &[],
    run: |call| Box::pin(upsert(call)),
};

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/patients/{patient}",
    id: "getPatient",
    summary: "One patient",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Patient>).versioned(),
    refuses: &[],
    run: |call| Box::pin(get(call)),
};

const REPLACE: Route = Route {
    method: Method::PUT,
    path: "/api/v1/patients/{patient}",
    id: "replacePatient",
    summary: "Replace what is known of a patient",
    takes: Takes::body(named::<Fields>).versioned(),
    gives: Gives::ok(named::<Id>).versioned(),
    refuses: &["ALREADY_EXISTS"],
    run: |call| Box::pin(replace(call)),
};

const ERASE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/patients/{patient}",
    id: "erasePatient",
    summary: "Erase what is known of a patient; appointments and the audit keep the number",
    takes: Takes::NOTHING,
    gives: Gives::NOTHING,
    refuses: &[],
    run: |call| Box::pin(erase(call)),
};

/// Which patients: a page of all, or one question.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    external_id: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    cursor: Option<String>,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

/// What is known of a patient.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PatientFields")]
struct Fields {
    /// By what another system knows them: sent twice, it is one patient.
    #[schemars(length(max = 100))]
    external_id: Option<String>,
    #[schemars(length(min = 1, max = 200))]
    name: String,
    #[schemars(length(max = 40))]
    phone: Option<String>,
    #[schemars(length(max = 254))]
    email: Option<String>,
    zone: Option<String>,
    /// A tag of RFC 5646.
    #[schemars(length(max = 35))]
    language: Option<String>,
    /// False: books no more.
    #[serde(default = "yes")]
    active: bool,
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn yes() -> bool {
    true
}

/// A patient.
#[derive(Serialize, JsonSchema)]
struct Patient {
    id: i64,
    #[serde(flatten)]
    fields: Fields,
}

/// All that is told of a patient to whoever wrote it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PatientId")]
struct Id {
    id: i64,
}

impl From<&Fields> for PatientFields {
    fn from(from: &Fields) -> PatientFields {
        PatientFields {
            external_id: from.external_id.clone(),
            name: from.name.clone(),
            phone: from.phone.clone(),
            email: from.email.clone(),
            zone: from.zone.clone(),
            language: from.language.clone(),
        }
    }
}

fn shown(of: clinic::Patient) -> Patient {
    let body = of.body;
    Patient {
        id: of.id.0,
        fields: Fields {
            external_id: body.external_id,
            name: body.name,
            phone: body.phone,
            email: body.email,
            zone: body.zone,
            language: body.language,
            active: body.disabled_at.is_none(),
        },
    }
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let asked: Which = call.query()?;
    let by = [
        asked.external_id.as_deref().map(PatientBy::External),
        asked.phone.as_deref().map(PatientBy::Phone),
        asked.email.as_deref().map(PatientBy::Email),
    ];
    let mut by = by.into_iter().flatten();
    let page = match (by.next(), by.next()) {
        (None, _) => {
            let cursor = page::cursor(asked.cursor.as_deref(), asked.limit)?;
            call.directory.patients(call.author(), cursor).await?
        }
        (Some(by), None) => Page { items: call.directory.patients_by(call.author(), by).await?, next: None },
        (Some(_), Some(_)) => {
            let detail = "Ask by external_id, by phone or by email: one of them.";
            return Err(Problem::bad_request(detail).code("INVALID_QUERY").into());
        }
    };
    json(&listed(page, shown))
}

async fn upsert(mut call: Call) -> Result<Answer, Failure> {
    let fields: Fields = call.body(BODY).await?;
    let (id, version, is_new) =
        call.directory.upsert_patient(call.author(), &PatientFields::from(&fields), fields.active).await?;
    let mut answer = made(&Id { id: id.0 }, version, &format!("/api/v1/patients/{id}"))?;
    if !is_new {
        *answer.status_mut() = StatusCode::OK;
    }
    Ok(answer)
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let found = call.directory.patient(call.author(), PatientId(call.name(0)?)).await?;
    let version = found.seq;
    tagged(&shown(found), version)
}

async fn replace(mut call: Call) -> Result<Answer, Failure> {
    let fields: Fields = call.body(BODY).await?;
    let (id, version) = (PatientId(call.name(0)?), call.version()?);
    let known = PatientFields::from(&fields);
    let version = call.directory.change_patient(call.author(), id, version, (&known, fields.active)).await?;
    tagged(&Id { id: id.0 }, version)
}

async fn erase(call: Call) -> Result<Answer, Failure> {
    call.directory.erase_patient(call.author(), PatientId(call.name(0)?)).await?;
    nothing()
}
