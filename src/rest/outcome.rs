//! Changes that may leave appointments outside: asked for as a dry run, as they are, or knowingly.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{Failure, json, tagged};
use super::instant;
use crate::calendar::Zone;
use crate::clinic::{self, Step};
use crate::edge::Answer;

/// The code of a change that was not made because nobody confirmed what it leaves outside.
pub const AFFECTED: &str = "APPOINTMENTS_AFFECTED";

/// How sure the caller is. Without either, a change that would leave appointments outside is refused with
/// APPOINTMENTS_AFFECTED, and the refusal lists the first 1,000 and says how many they are.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Sureness {
    /// Only say what it would leave outside.
    pub dry_run: bool,
    /// Make it; what it leaves outside stays, and is told.
    pub confirm: bool,
}

impl Sureness {
    pub fn step(&self) -> Step {
        match self {
            Sureness { dry_run: true, .. } => Step::Look,
            Sureness { confirm: true, .. } => Step::Sure,
            _ => Step::Ask,
        }
    }
}

/// An appointment that stands outside of hours, or in a closed time.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Outside")]
pub struct Left {
    /// Null: a calendar program put it there, it is no appointment.
    pub appointment: Option<String>,
    pub resource: i64,
    pub start: String,
    /// Exclusive.
    pub end: String,
    #[schemars(extend("enum" = ["hours", "closed"]))]
    pub why: &'static str,
}

impl From<&clinic::Outside> for Left {
    fn from(from: &clinic::Outside) -> Left {
        Left {
            appointment: from.appointment.as_ref().map(ToString::to_string),
            resource: from.resource.0,
            start: instant::print(from.start, &Zone::utc()),
            end: instant::print(from.end, &Zone::utc()),
            why: from.why.text(),
        }
    }
}

/// The same in a refusal.
pub fn left(all: &clinic::Affected) -> serde_json::Value {
    serde_json::to_value(all.first.iter().map(Left::from).collect::<Vec<_>>()).unwrap_or_default()
}

/// What became of a change.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Changed")]
pub struct Done {
    /// False: it was a dry run.
    pub made: bool,
    /// Of what was made or changed, where it has one.
    pub id: Option<String>,
    /// What it leaves, or would leave, outside: the first 1,000 by their start.
    #[schemars(length(max = clinic::LISTED))]
    pub appointments: Vec<Left>,
    /// How many that are in all.
    pub count: u64,
}

/// The answer to a change; `of` gives the id and the version of what was made.
pub fn answer<T>(
    outcome: clinic::Outcome<T>,
    of: impl FnOnce(&T) -> (Option<String>, Option<i64>),
) -> Result<Answer, Failure> {
    let (id, version) = outcome.made.as_ref().map(of).unwrap_or_default();
    let appointments = outcome.outside.first.iter().map(Left::from).collect();
    let done = Done { made: outcome.made.is_some(), id, appointments, count: outcome.outside.count };
    match version {
        Some(version) => tagged(&done, version),
        None => json(&done),
    }
}
