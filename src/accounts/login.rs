//! From a name and a password to a [`Caller`].
//!
//! Hot: a MAC, a look into memory, one version read. Cold: one argon2id hash, whether the name exists or not and
//! whatever kind of password was sent, so that times tell nothing (trust.md S7). Equal credentials that arrive
//! together are hashed once: a client that opens ten connections at start is one attempt, not ten.

use std::{net::IpAddr, sync::Arc, time::Duration};

use store::{AppPasswordId, ClinicId, Credentials, Instant, PrincipalId, Role, TokenId, Version};
use tokio::sync::Mutex;

use super::{
    Accounts, Error, Refused, Scopes, Secret, app_passwords,
    error::RETRY_SECONDS,
    failures,
    known::{Right, Wrong},
    seal::{self, Mac},
};

/// How long a login may wait for its turn at hashing before it is 503.
const PATIENCE: Duration = Duration::from_secs(8);
/// Logins of different credentials that are decided beside one another.
pub const LANES: usize = 64;

/// Turns for equal credentials.
pub struct Lanes([Mutex<()>; LANES]);

impl Default for Lanes {
    fn default() -> Lanes {
        Lanes(std::array::from_fn(|_| Mutex::default()))
    }
}

/// By what somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    Password,
    AppPassword(AppPasswordId),
    Token(TokenId),
    /// The command line of this machine.
    Operator,
    /// The account elsewhere that this person connected.
    Remote(store::RemoteId),
}

/// Who somebody is, without when that was found out.
#[derive(Debug)]
pub struct Identity {
    pub clinic: ClinicId,
    pub principal: PrincipalId,
    pub name: String,
    pub role: Option<Role>,
    pub via: Via,
    /// None: whatever the role may; a token has a list.
    pub scopes: Option<Scopes>,
}

/// The only proof of identity; only this room makes one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Caller {
    identity: Arc<Identity>,
    at: Instant,
}

impl Caller {
    pub(super) fn new(identity: Arc<Identity>, at: Instant) -> Caller {
        Caller { identity, at }
    }

    pub fn clinic(&self) -> ClinicId {
        self.identity.clinic
    }

    pub fn principal(&self) -> PrincipalId {
        self.identity.principal
    }

    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// What it is in the clinic; None: it has calendars, and no part in the clinic's work.
    pub fn role(&self) -> Option<Role> {
        self.identity.role
    }

    /// Whether what it logged in with is for this (see [`Scopes`]). A password is for everything.
    pub fn is_for(&self, word: &str, to_write: bool) -> bool {
        self.identity.scopes.as_ref().is_none_or(|scopes| scopes.allow(word, to_write))
    }

    /// By what it proved who it is, as the audit and keys of repeated calls name it. No secret.
    pub fn credential(&self) -> String {
        match self.identity.via {
            Via::Password => format!("password {}", self.identity.principal),
            Via::AppPassword(id) => format!("app-password {id}"),
            Via::Token(id) => format!("token {id}"),
            Via::Operator => "operator".to_owned(),
            Via::Remote(id) => format!("remote {id}"),
        }
    }

    /// The state of the clinic when the request began: memory must be at least this fresh.
    pub fn version(&self) -> Version {
        self.at.version
    }

    /// The same with the moment, by the clock that all nodes share.
    pub fn at(&self) -> Instant {
        self.at
    }

    pub fn via(&self) -> Via {
        self.identity.via
    }
}

impl Accounts {
    /// Who has this name and password.
    pub async fn login(&self, name: &str, password: &Secret, from: IpAddr) -> Result<Caller, Refused> {
        let name = name.to_ascii_lowercase();
        let mac = self.inner.seal.mac(&name, password);
        if let Some(caller) = self.remembered(&mac).await? {
            return Ok(caller);
        }
        match tokio::time::timeout(PATIENCE, self.prove(&name, password, mac, from)).await {
            Ok(proven) => proven,
            Err(_) => Err(Refused::Busy { retry_after: RETRY_SECONDS }),
        }
    }

    /// Acts as that person without a password: the command line of the machine the database is on.
    pub async fn operator(&self, name: &str) -> Result<Caller, Error> {
        let principal = self.inner.store.across().await?.principal_named(name).await?;
        let principal = principal.ok_or(Error::NotFound("user"))?;
        let at = self.inner.store.instant(principal.clinic).await?;
        let identity = Identity {
            clinic: principal.clinic,
            principal: principal.id,
            name: principal.name,
            role: principal.role,
            via: Via::Operator,
            scopes: None,
        };
        Ok(Caller { identity: Arc::new(identity), at })
    }

    async fn remembered(&self, mac: &Mac) -> Result<Option<Caller>, Refused> {
        let Some(right) = self.inner.known.right(mac) else { return Ok(None) };
        let at = self.inner.store.instant(right.identity.clinic).await?;
        if !right.is_of(at.version.structure) {
            if !self.still_holds(&right).await? {
                self.inner.known.forget(mac);
                return Ok(None);
            }
            right.confirm(at.version.structure);
        }
        Ok(Some(self.caller(&right, at)))
    }

    fn caller(&self, right: &Right, at: Instant) -> Caller {
        if let Via::AppPassword(id) = right.identity.via
            && right.is_worth_noting(self.inner.store.clock().now())
        {
            self.inner.uses.note_app_password(right.identity.clinic, id);
        }
        Caller { identity: right.identity.clone(), at }
    }

    /// Whether the very hash that fitted is still live: any other change of the structure costs a row, no hash.
    async fn still_holds(&self, right: &Right) -> Result<bool, Refused> {
        let found =
            self.inner.store.read(right.identity.clinic).await?.credentials(&right.identity.name).await?;
        Ok(found.is_some_and(|found| {
            let hash = match right.identity.via {
                Via::AppPassword(id) => app_password(&found, id),
                _ => found.principal.password_hash.as_ref(),
            };
            let same_hash = hash.is_some_and(|hash| seal::same(hash.0.as_bytes(), right.hash.0.as_bytes()));
            same_hash
                && found.principal.disabled_at.is_none()
                && found.principal.id == right.identity.principal
                && found.principal.role == right.identity.role
        }))
    }

    async fn prove(&self, name: &str, password: &Secret, mac: Mac, from: IpAddr) -> Result<Caller, Refused> {
        let _turn = self.inner.lanes.0[mac.place(LANES)].lock().await;
        if let Some(caller) = self.remembered(&mac).await? {
            return Ok(caller);
        }
        let from = failures::network(from);
        self.not_known_wrong(mac, from).await?;
        let attempt = self.inner.failures.attempt(name, from);
        let attempt = attempt.map_err(|retry_after| Refused::TooMany { retry_after })?;
        match self.decide(name, password).await {
            Err(error) => {
                self.inner.failures.undecided(attempt);
                Err(error)
            }
            Ok(Decided { clinic, at, right: None }) => {
                let wrong = Wrong::new(clinic, at.version.structure, self.inner.store.clock().now());
                self.inner.known.remember_wrong(mac, from, wrong);
                Err(Refused::Wrong)
            }
            Ok(Decided { at, right: Some(right), .. }) => {
                self.inner.failures.succeeded(attempt);
                let right = Arc::new(right);
                self.inner.known.remember_right(mac, right.clone());
                Ok(self.caller(&right, at))
            }
        }
    }

    /// Refuses credentials that were found wrong already. They are limited by themselves and not counted against
    /// the account: a phone that keeps sending an old password must not lock out the desktop beside it.
    async fn not_known_wrong(&self, mac: Mac, from: IpAddr) -> Result<(), Refused> {
        let Some(wrong) = self.inner.known.wrong(mac, from) else { return Ok(()) };
        let structure = self.inner.store.version(wrong.clinic).await?.structure;
        let left = self.inner.failures.window() - (self.inner.store.clock().now() - wrong.at);
        if wrong.structure != structure || left <= 0 {
            self.inner.known.forget_wrong(mac, from);
            return Ok(());
        }
        let allowed = self.inner.failures.allowed();
        if allowed > 0 && wrong.tried_again() > allowed {
            return Err(Refused::TooMany { retry_after: u32::try_from(left).unwrap_or(1) });
        }
        Err(Refused::Wrong)
    }

    /// A name that nobody has costs as many statements as one that exists: each takes 0.05 ms, which 1,000 tries show.
    async fn credentials(&self, name: &str) -> Result<Option<Credentials>, Refused> {
        let mut conn = self.inner.store.across().await?;
        let found = conn.credentials(name).await?;
        if found.is_none() {
            conn.app_passwords(self.inner.clinic, PrincipalId(0)).await?;
        }
        Ok(found)
    }

    /// The version is read before the credentials that decide: a change in between ends the verdict.
    async fn decide(&self, name: &str, password: &Secret) -> Result<Decided, Refused> {
        let store = &self.inner.store;
        let first = self.credentials(name).await?;
        let clinic = first.map_or(self.inner.clinic, |found| found.principal.clinic);
        let at = store.instant(clinic).await?;
        let found = self.credentials(name).await?;
        let live = found.filter(|found| found.principal.disabled_at.is_none());
        let Candidate { via, hash, sent } = candidate(live.as_ref(), password);
        let fits = self.inner.seal.verify(&sent, hash.as_ref()).await?;
        let right = match (live, hash) {
            (Some(live), Some(hash)) if fits => {
                let (clinic, principal) = (live.principal.clinic, live.principal.id);
                let (name, role) = (live.principal.name, live.principal.role);
                let identity = Identity { clinic, principal, name, role, via, scopes: None };
                Some(Right::new(Arc::new(identity), hash, at.version.structure))
            }
            _ => None,
        };
        Ok(Decided { clinic, at, right })
    }
}

/// The one stored hash that a password is compared with.
struct Candidate {
    via: Via,
    hash: Option<store::Secret>,
    sent: Secret,
}

struct Decided {
    clinic: ClinicId,
    at: Instant,
    right: Option<Right>,
}

/// An app password names its own row; without such a row it is a password like any other.
fn candidate(found: Option<&Credentials>, password: &Secret) -> Candidate {
    if let Some((id, sent)) = app_passwords::parts(password)
        && let Some(hash) = found.and_then(|found| app_password(found, id))
    {
        return Candidate { via: Via::AppPassword(id), hash: Some(hash.clone()), sent };
    }
    let hash = found.and_then(|found| found.principal.password_hash.clone());
    Candidate { via: Via::Password, hash, sent: password.clone() }
}

fn app_password(found: &Credentials, id: AppPasswordId) -> Option<&store::Secret> {
    found.app_passwords.iter().find(|one| one.id == id).map(|one| &one.hash)
}
