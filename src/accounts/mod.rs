//! Who is asking: principals, passwords, app passwords, secret feed links; and the only cryptography.
//!
//! [`Accounts::login`] is the one way from a name and a password to a [`Caller`]. A change of a password, a
//! revoked app password or feed counts within a second in every process: whatever is remembered here is bound
//! to `clinics.structure`, which every such change moves.
//!
//! *Never:* decides what a Caller may do (that is `calendar/access`), and never keeps or prints a secret.
//!
//! Files: `secret` (a text that is not printed) · `seal` (hashes, MACs, random texts) · `login` (Caller) · `known`
//! (verdicts remembered) · `failures` (limits per account and address) · `people` · `app_passwords` · `links`
//! (feeds) · `remotes` (accounts with Google, tokens sealed) · `tokens` and `scopes` (what programs log in with) ·
//! `uses` (when something was used last) · `repeats` (calls that are done once) · `error`.

mod app_passwords;
mod error;
mod failures;
mod known;
mod links;
mod login;
mod people;
mod remotes;
mod repeats;
mod scopes;
mod seal;
mod secret;
mod tokens;
mod uses;

use std::sync::Arc;

pub use error::{Error, Refused};
pub use links::FeedGrant;
pub use login::{Caller, Via};
pub use people::{Change, Founding, NewPerson};
pub use remotes::{Asked, Given, RemoteState, Taken, is_delegated};
pub use repeats::{Answered, Once, Repeat};
pub use scopes::Scopes;
pub use seal::{Cost, STAMP_BYTES, Stamp};
pub use secret::Secret;
use store::Store;
/// Rows and words of the store that others read as they are.
pub use store::{Clinic, ClinicId, PrincipalId, Remote, RemoteId, Role};
pub use uses::EVERY_SECONDS as USES_EVERY_SECONDS;

/// The clinic that exists from the first start on.
pub const DEFAULT_CLINIC: &str = "default";

/// What an operator may turn.
#[derive(Debug, Clone)]
pub struct Settings {
    pub cost: Cost,
    /// Failed logins an account may have from one address within `window`; 0: no limit.
    pub failures: u32,
    /// Seconds.
    pub window: u32,
    /// What seals the tokens of remotes: the first seals, all open.
    pub sealing_keys: Vec<Secret>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { cost: Cost::default(), failures: 10, window: 15 * 60, sealing_keys: Vec::new() }
    }
}

/// Everybody this installation knows. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clinic: ClinicId,
    seal: seal::Seal,
    vault: seal::Vault,
    known: known::Known,
    lanes: login::Lanes,
    links: links::Links,
    tokens: tokens::Tokens,
    failures: failures::Failures,
    uses: uses::Uses,
}

impl Accounts {
    /// Makes the default clinic when there is none.
    pub async fn open(store: Store, settings: Settings) -> Result<Accounts, Error> {
        let clinic = match store.across().await?.clinic_named(DEFAULT_CLINIC).await? {
            Some(clinic) => clinic.id,
            None => first_clinic(&store).await?,
        };
        let inner = Inner {
            clinic,
            seal: seal::Seal::new(settings.cost)?,
            vault: seal::Vault::new(&settings.sealing_keys)?,
            known: known::Known::default(),
            lanes: login::Lanes::default(),
            links: links::Links::default(),
            tokens: tokens::Tokens::default(),
            failures: failures::Failures::new(settings.failures, settings.window, store.clock().clone()),
            uses: uses::Uses::default(),
            store,
        };
        Ok(Accounts { inner: Arc::new(inner) })
    }

    /// Seconds UTC by the store's clock.
    pub fn now(&self) -> i64 {
        self.inner.store.clock().now()
    }

    /// The clinic new people belong to, unless another is named.
    pub fn clinic(&self) -> ClinicId {
        self.inner.clinic
    }

    /// Makes a clinic: the wall of its people stands at once.
    pub async fn add_clinic(&self, name: &str) -> Result<ClinicId, Error> {
        let name = name.to_owned();
        let made =
            self.inner.store.aside(move |aside| Box::pin(async move { aside.insert_clinic(&name).await }));
        Ok(made.await?.id)
    }

    /// All clinics, by id.
    pub async fn clinics(&self) -> Result<Vec<Clinic>, Error> {
        Ok(self.inner.store.across().await?.clinics().await?)
    }

    /// The clinic of this name.
    pub async fn clinic_named(&self, name: &str) -> Result<ClinicId, Error> {
        let found = self.inner.store.across().await?.clinic_named(name).await?;
        found.map(|clinic| clinic.id).ok_or(Error::NotFound("clinic"))
    }
}

async fn first_clinic(store: &Store) -> Result<ClinicId, Error> {
    let made =
        store.aside(|aside| Box::pin(async move { Ok(aside.insert_clinic(DEFAULT_CLINIC).await?.id) }));
    match made.await {
        // Another process was faster.
        Err(store::Error::Unique(_)) => {
            let found = store.across().await?.clinic_named(DEFAULT_CLINIC).await?;
            found.map(|clinic| clinic.id).ok_or(Error::NotFound("clinic"))
        }
        made => Ok(made?),
    }
}
