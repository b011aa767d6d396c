//! Door: a calendar of ours and one at Google, kept equal both ways.
//!
//! A link has its turn ([`Turns::begin`]) when something calls for it: a change here (found in the journal), a
//! notification, an errand whose time has come, a safety poll. Everything in a turn is found out by comparing three
//! states, what is here, what is there and what both last agreed on; nothing is carried in memory from an event to its
//! consequence, so a turn can end anywhere and be repeated.
//!
//! *Never:* decides who may do what (whoever connected writes as herself, through the one write), keeps anything beside
//! the store, or lets a title, a person or a token reach a log.
//!
//! Files: `api` (the wire, the only file that knows it) · `error` (what its answers mean) · `session` (calls in the name of
//! an account) · `map` (an event and an object in one form) · `terms` (how a link is kept; marks) · `carry` (one object on
//! both sides) · `births` (many that begin here) · `flips` (who plays ping-pong) · `pull`, `push` · `work` (a link's turn) ·
//! `turns` (those under way) · `watch` (channels, notifications) · `lists` (of an account's calendars) · `connect` (consent,
//! links) · `status` (how a link stands) · `office` (what another door shows and steers) · `figures` (numbers for the
//! operator) · `routes` (its addresses).

mod api;
mod births;
mod carry;
mod connect;
mod error;
mod figures;
mod flips;
mod lists;
mod map;
mod office;
mod pull;
mod push;
mod routes;
mod session;
mod status;
mod terms;
mod turns;
mod watch;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::accounts::{Accounts, ClinicId};
use crate::calendar::{Calendars, Mirrors, Watched};
use crate::clinic::Clinic;

pub use api::{Listed, Place};
pub use connect::{Access, Asking, Leave};
pub use error::{Error, Failure, Result};
pub use map::Privacy;
pub use office::{Dead, Noted, Office, TermsChange};
pub use routes::{CALLBACK, HOOK};
pub use session::{Pace, Project, Service};
pub use status::{AccountStatus, Forecast, LinkStatus};
pub use terms::{Direction, Guests, Mode, Policy, Terms};
pub use turns::Turns;

/// What an operator sets.
#[derive(Clone)]
pub struct Settings {
    pub project: Project,
    pub place: Place,
    /// What we are reached by, without a slash at the end.
    pub root: String,
    pub pace: Pace,
}

/// The door's face. Cheap to clone.
#[derive(Clone)]
pub struct Google(Arc<Parts>);

struct Parts {
    settings: Settings,
    api: api::Api,
    accounts: Accounts,
    calendars: Calendars,
    mirrors: Mirrors,
    clinic: Clinic,
    budget: session::Budget,
    marks: terms::Marks,
    flips: flips::Flips,
    figures: Arc<figures::Figures>,
    /// Who holds a lease.
    node: String,
    /// How far the journal was looked at, by clinic.
    seen: Mutex<HashMap<ClinicId, i64>>,
    /// When a link or a list was last told of.
    told: Mutex<HashMap<Watched, i64>>,
    woken: Notify,
}

impl Google {
    pub fn new(
        settings: Settings,
        (accounts, calendars, clinic): (Accounts, Calendars, Clinic),
    ) -> Result<Google> {
        let mirrors = calendars.mirrors();
        let figures = Arc::new(figures::Figures::default());
        Ok(Google(Arc::new(Parts {
            api: api::Api::new(settings.place.clone(), figures.clone()),
            figures,
            budget: session::Budget::new(settings.pace),
            marks: terms::Marks::new(&mirrors),
            flips: flips::Flips::default(),
            node: accounts.echo()?.0.expose().to_owned(),
            seen: Mutex::default(),
            told: Mutex::default(),
            woken: Notify::new(),
            settings,
            accounts,
            calendars,
            mirrors,
            clinic,
        })))
    }

    /// Returns when Google told of something, or a link was made.
    async fn woken(&self) {
        self.0.woken.notified().await;
    }

    fn wake(&self) {
        self.0.woken.notify_one();
    }

    fn api(&self) -> &api::Api {
        &self.0.api
    }

    fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    fn calendars(&self) -> &Calendars {
        &self.0.calendars
    }

    fn mirrors(&self) -> &Mirrors {
        &self.0.mirrors
    }

    fn clinic(&self) -> &Clinic {
        &self.0.clinic
    }

    fn budget(&self) -> &session::Budget {
        &self.0.budget
    }

    fn project(&self) -> &Project {
        &self.0.settings.project
    }

    fn marks(&self) -> &terms::Marks {
        &self.0.marks
    }

    fn flips(&self) -> &flips::Flips {
        &self.0.flips
    }

    fn figures(&self) -> &figures::Figures {
        &self.0.figures
    }

    fn node(&self) -> &str {
        &self.0.node
    }

    fn seen(&self, clinic: ClinicId) -> i64 {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&clinic).copied().unwrap_or(0)
    }

    fn saw(&self, clinic: ClinicId, seq: i64) {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(clinic, seq);
    }

    fn told(&self) -> MutexGuard<'_, HashMap<Watched, i64>> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a consent comes back to.
    fn callback(&self) -> String {
        format!("{}{CALLBACK}", self.0.settings.root)
    }

    /// Where Google tells of changes; https, but on this machine. None: it cannot reach us.
    fn hook(&self) -> Option<String> {
        let root = &self.0.settings.root;
        let is_near = ["http://127.0.0.1", "http://[::1]", "http://localhost"]
            .iter()
            .any(|near| root.starts_with(near));
        let is_test = is_near && self.0.settings.place.api.starts_with("http://");
        (root.starts_with("https://") || is_test).then(|| format!("{root}{HOOK}"))
    }
}
