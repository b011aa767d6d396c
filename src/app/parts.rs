//! What every command and the server are built of: the store, the accounts, the calendars, the clinic, in this order.
//!
//! Invariant: built once each and handed down; nobody below opens a store or reads a setting.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::{Clock, Database, DatabaseUrl, Options, Store};

use super::{
    Error,
    config::{Config, Synchronous},
};
use crate::{
    accounts::{self, Accounts, Secret},
    calendar::{self, Calendars},
    clinic::{self, Clinic, Directory},
    google::{self, Google},
};

/// The parts below the doors.
#[derive(Clone)]
pub struct Parts {
    pub store: Store,
    pub accounts: Accounts,
    pub calendars: Calendars,
    pub directory: Directory,
    pub clinic: Clinic,
}

/// What to do when there is no database yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    Make,
    Refuse,
}

/// What tests turn.
#[derive(Debug, Clone, Default)]
pub struct Turned {
    pub clock: Clock,
    /// Cheap hashes; `None` outside tests.
    pub cost: Option<accounts::Cost>,
}

impl Parts {
    /// Opens what is there; makes a new database when there is none and `absent` says so.
    pub async fn open(config: &Config, absent: Absent) -> Result<Parts, Error> {
        Parts::build(config, open_store(config, absent, Clock::Real).await?, Turned::default()).await
    }

    /// Builds on an open store.
    pub async fn build(config: &Config, store: Store, turned: Turned) -> Result<Parts, Error> {
        let limits = &config.limits;
        let settings = accounts::Settings {
            cost: turned.cost.unwrap_or_default(),
            failures: limits.login_failures,
            window: limits.login_window,
            sealing_keys: config.sealing_keys(),
        };
        let accounts = Accounts::open(store.clone(), settings).await?;
        let settings = calendar::Settings {
            limits: calendar::Limits { object_bytes: limits.object_bytes, attendees: limits.attendees },
            memory: calendar::MemorySettings {
                text_bytes: limits.memory_text_bytes,
                index_bytes: limits.memory_index_bytes,
                on: config.memory,
            },
        };
        let calendars = Calendars::open_with(store.clone(), settings, Some(Arc::new(clinic::Rules))).await?;
        let clinic = Clinic::new(store.clone(), calendars.clone());
        let directory = Directory::new(store.clone(), accounts.clone());
        Ok(Parts { store, accounts, calendars, clinic, directory })
    }

    /// Writes what is still in hand and closes the database.
    pub async fn close(self) -> Result<(), Error> {
        let Parts { store, accounts, calendars, clinic, directory } = self;
        accounts.write_uses().await?;
        drop((accounts, calendars, clinic, directory));
        store.close().await;
        Ok(())
    }
}

/// The door to Google, where the clinic has a project there.
pub fn google(config: &Config, parts: &Parts) -> Result<Option<Google>, Error> {
    let set = &config.google;
    if set.client_id.is_empty() {
        return Ok(None);
    }
    if config.sealing_keys().is_empty() {
        return Err(Error::config("google.sealing_keys: set at least one, 32 random bytes in base 64"));
    }
    let secret = Secret::new(set.client_secret.0.clone());
    let settings = google::Settings {
        project: google::Project { id: set.client_id.clone(), secret, service: service(set)? },
        place: set.base_url.as_deref().map_or_else(google::Place::google, google::Place::at),
        root: config.base_url(),
        pace: pace(set),
    };
    let below = (parts.accounts.clone(), parts.calendars.clone(), parts.clinic.clone());
    Ok(Some(Google::new(settings, below)?))
}

fn pace(set: &super::config::Google) -> google::Pace {
    let usual = google::Pace::default();
    google::Pace {
        account: set.account_calls_per_minute.unwrap_or(usual.account),
        project: set.calls_per_minute.unwrap_or(usual.project),
    }
}

fn service(set: &super::config::Google) -> Result<Option<google::Service>, Error> {
    let Some(file) = &set.service_account else { return Ok(None) };
    let what = format!("google.service_account: cannot read {}", file.display());
    let text = std::fs::read_to_string(file).map_err(Error::io(what))?;
    let service = google::Service::read(&text);
    service.map(Some).ok_or_else(|| Error::config("google.service_account: not a service account's key file"))
}

/// How the configured database is opened.
pub fn options(config: &Config, absent: Absent, clock: Clock) -> Result<Options, Error> {
    let synchronous = match config.sqlite_synchronous {
        Synchronous::Full => store::Synchronous::Full,
        Synchronous::Normal => store::Synchronous::Normal,
    };
    let create = absent == Absent::Make;
    Ok(Options { create, synchronous, clock, ..Options::new(config.database_url()?) })
}

/// The store, with the folder above it made when it may be.
pub async fn open_store(config: &Config, absent: Absent, clock: Clock) -> Result<Store, Error> {
    let options = options(config, absent, clock)?;
    if let DatabaseUrl::Sqlite(file) = &options.url {
        match absent {
            Absent::Make => make_folder(file)?,
            Absent::Refuse if !file.exists() => {
                let there = file.display();
                let why = format!(
                    "there is no database at {there}: start `kalends serve`, or name another by --data"
                );
                return Err(Error::failed(why));
            }
            Absent::Refuse => {}
        }
    }
    Ok(Store::open(&options).await?)
}

/// Only the operator's own account may read it: it will hold patients' data.
fn make_folder(file: &Path) -> Result<(), Error> {
    let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(Error::io(format!("cannot make the folder {}", folder.display())))
}

/// The path of another file beside this one: its name with `.ending` behind it.
pub fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// The word for a database in what is printed.
pub fn word(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "SQLite",
        Database::Postgres => "PostgreSQL",
    }
}
