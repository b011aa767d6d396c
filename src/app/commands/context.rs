//! What every command is given, and how it reaches the parts below.
//!
//! Commands work while a server runs: what they change counts there within a second, because the server's memory
//! follows the store's versions, not the process that wrote.

use store::Origin;

use crate::{
    accounts::Caller,
    app::{
        Error,
        config::Config,
        parts::{Absent, Parts},
    },
    calendar::{self, Author, CollectionPath, Shown},
};

/// The settings of this run.
#[derive(Debug, Clone)]
pub struct Context {
    pub config: Config,
}

impl Context {
    /// The parts on a database that is there.
    pub async fn parts(&self) -> Result<Parts, Error> {
        Parts::open(&self.config, Absent::Refuse).await
    }

    /// The parts, on a new database when there is none.
    pub async fn parts_made(&self) -> Result<Parts, Error> {
        Parts::open(&self.config, Absent::Make).await
    }
}

/// A calendar of this person's, or the sentence that says what there is instead.
pub async fn shown(parts: &Parts, who: &Caller, slug: &str) -> Result<Shown, Error> {
    match parts.calendars.collection(who, &path(who, slug)).await {
        Err(calendar::Error::NotFound) => Err(no_calendar(who, slug)),
        found => Ok(found?),
    }
}

fn no_calendar(who: &Caller, slug: &str) -> Error {
    let name = who.name();
    Error::failed(format!(
        "{name} has no calendar {slug:?}; `kalends calendar list {name}` shows what there is"
    ))
}

/// A change by this person through the command line.
pub fn author(who: &Caller) -> Author<'_> {
    Author { who, from: Origin::Cli }
}

/// A calendar in the home of its owner.
pub fn path(who: &Caller, slug: &str) -> CollectionPath {
    CollectionPath::new(who.name(), slug)
}

/// Seconds UTC for people to read.
pub fn time(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0);
    time.map_or_else(|| seconds.to_string(), |time| time.format("%Y-%m-%d %H:%M UTC").to_string())
}

/// The same for what may not have happened.
pub fn time_or(seconds: Option<i64>, never: &str) -> String {
    seconds.map_or_else(|| never.to_owned(), time)
}
