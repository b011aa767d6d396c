//! What is done with appointments and with dates of series, as JSON: shared by `/series` and `/bulk`, so that one and many
//! are asked for in the same words and answered in the same words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{Call, Failure};
use super::fields::set;
use super::{error, instant};
use crate::clinic::{self, Act, Alter, Booked, Cancel, Doing, Failed, Ground, PrincipalId, Run};
use crate::edge::Problem;

/// How far a change of a series reaches; what has taken place is never touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// One date.
    #[default]
    This,
    /// It and all after it.
    Following,
    /// All that are to come.
    All,
}

impl From<Scope> for clinic::Scope {
    fn from(from: Scope) -> clinic::Scope {
        match from {
            Scope::This => clinic::Scope::This,
            Scope::Following => clinic::Scope::Following,
            Scope::All => clinic::Scope::All,
        }
    }
}

/// What to change; what is left out stays.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// Where the date that is named stands then; following ones move by as much on the wall clock.
    start: Option<String>,
    #[schemars(range(min = 1, max = 1440))]
    minutes: Option<i64>,
    #[schemars(length(max = 500))]
    title: Option<String>,
    #[serde(deserialize_with = "set")]
    place: Option<Option<String>>,
    practitioner: Option<i64>,
    /// Rooms and equipment, all of them.
    with: Option<Vec<i64>>,
    /// RRULE of RFC 5545, without its name; null makes a single one of a series.
    #[serde(deserialize_with = "set")]
    rule: Option<Option<String>>,
    service: Option<String>,
    #[serde(deserialize_with = "set")]
    patient: Option<Option<i64>>,
    /// Whatever else is to be kept: an object.
    #[serde(deserialize_with = "set")]
    details: Option<Option<Value>>,
    reason: Option<String>,
    /// Why it is put onto a taken time: for those who may.
    overbook: Option<String>,
}

impl Changes {
    pub fn doing(self, scope: Scope) -> Result<Doing, Failure> {
        let details = self.details.map(|details| details.map(kept).transpose()).transpose()?;
        let alter = Alter {
            start: self.start.as_deref().map(instant::wanted).transpose()?,
            length: self.minutes.map(|minutes| minutes.saturating_mul(60)),
            title: self.title,
            place: self.place,
            practitioner: self.practitioner.map(PrincipalId),
            with: self.with.map(|with| with.into_iter().map(PrincipalId).collect()),
            rule: self.rule,
            service: self.service,
            patient: self.patient,
            details,
            reason: self.reason,
        };
        Ok(Doing::Alter(scope.into(), Box::new(alter), ground(self.overbook)))
    }
}

/// Bytes of what is kept beside an appointment.
const DETAILS: usize = 8_000;

/// What is kept beside an appointment: an object, as text.
pub fn kept(details: Value) -> Result<String, Failure> {
    let text = details.to_string();
    match details.is_object() && text.len() <= DETAILS {
        true => Ok(text),
        false => {
            Err(clinic::Error::Invalid { field: "details", why: "expected an object of 8000 bytes" }.into())
        }
    }
}

pub fn ground(overbook: Option<String>) -> Ground {
    overbook.map_or(Ground::Bare, Ground::Overbook)
}

pub fn cancel(reason: Option<String>, by_patient: bool) -> Cancel {
    Cancel { by_patient, reason: reason.unwrap_or_default() }
}

/// What was done, or would be.
#[derive(Serialize, JsonSchema)]
pub struct Done {
    /// What it is from now on: a series that was cut in two goes on under another id.
    pub id: String,
    pub version: i64,
    /// What was overbooked.
    pub overbooked: Value,
}

impl From<Booked> for Done {
    fn from(from: Booked) -> Done {
        Done { id: from.id.to_string(), version: from.seq, overbooked: error::conflicts(&from.overbooked) }
    }
}

pub fn run(dry_run: bool) -> Run {
    if dry_run { Run::Rehearsal } else { Run::Real }
}

/// Does all of them or none, as far as the caller may.
pub async fn perform(call: &Call, acts: Vec<Act>, run: Run) -> Result<Vec<Done>, Failure> {
    told(call.desk().bulk(acts, run).await?, call)
}

/// A change of a series.
pub async fn change_series(call: &Call, act: Act, run: Run) -> Result<Done, Failure> {
    only(told(call.desk().change_series(act, run).await?, call)?)
}

fn told(done: Result<Vec<Booked>, Failed>, call: &Call) -> Result<Vec<Done>, Failure> {
    let done = done.map_err(|failed| error::of_many(failed, call.ask.id))?;
    Ok(done.into_iter().map(Done::from).collect())
}

/// The only one of a list of one.
pub fn only(done: Vec<Done>) -> Result<Done, Failure> {
    done.into_iter().next().ok_or_else(|| Problem::not_found().into())
}
