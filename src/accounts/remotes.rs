//! Remotes: the accounts with Google that people connected. Consent by authorization code with PKCE (RFC 6749 4.1,
//! RFC 7636), its state bound to who asked, used once, over in ten minutes. Tokens are sealed for the row they stand in.

use store::{ClinicId, Consent, PrincipalId, Remote, RemoteId};

use super::login::{Caller, Identity, Via};
use super::seal::{self, random_text, secret_hash};
use super::{Accounts, Error, Secret};

/// How long a consent may take, seconds.
const CONSENT: i64 = 600;
/// Lists of calendars that one round looks at.
const LISTS: u32 = 50;

/// How a remote stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteState {
    /// It answered; nobody has said yet that it is the right one.
    Unconfirmed,
    Active,
    /// Google takes its tokens no more: its person must consent again.
    NeedsReauth,
    /// It did not grant what its links need.
    ScopeMissing,
}

impl RemoteState {
    const ALL: [(RemoteState, &'static str); 4] = [
        (RemoteState::Unconfirmed, "unconfirmed"),
        (RemoteState::Active, "active"),
        (RemoteState::NeedsReauth, "needs_reauth"),
        (RemoteState::ScopeMissing, "scope_missing"),
    ];

    pub fn name(self) -> &'static str {
        RemoteState::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    pub fn of(remote: &Remote) -> RemoteState {
        let found = RemoteState::ALL.iter().find(|(_, name)| *name == remote.state);
        found.map_or(RemoteState::NeedsReauth, |(state, _)| *state)
    }
}

/// What goes to the consent page.
pub struct Asked {
    pub state: Secret,
    /// S256 of the verifier.
    pub challenge: String,
}

/// A consent that came back.
pub struct Taken {
    pub clinic: ClinicId,
    pub principal: PrincipalId,
    pub verifier: Secret,
    pub scopes: String,
    hash: [u8; 32],
}

/// What Google gave.
pub struct Given {
    pub subject: String,
    pub email: String,
    pub scopes: String,
    /// Only with a consent that was really given.
    pub refresh: Option<Secret>,
    pub access: Secret,
    /// Seconds UTC.
    pub access_until: i64,
}

/// What stands for the subject of an account that its domain delegates: no consent of its person, no refresh token.
const DELEGATED: &str = "delegated:";

/// Whether a service account speaks for it.
pub fn is_delegated(remote: &Remote) -> bool {
    remote.subject.starts_with(DELEGATED)
}

impl Accounts {
    /// Signs what a service account claims, with its key.
    pub fn assertion(&self, key: &Secret, claims: &serde_json::Value) -> Result<Secret, Error> {
        let signed = seal::rs256(key, claims).map(Secret::new);
        signed.ok_or(Error::Invalid("the key of the service account cannot be read"))
    }

    /// Keeps an account that the clinic's domain delegates to its service account.
    pub async fn delegate(&self, who: &Caller, email: &str, scopes: &str) -> Result<RemoteId, Error> {
        let remote = Remote {
            clinic: who.clinic(),
            id: RemoteId(0),
            principal: who.principal(),
            subject: format!("{DELEGATED}{}", email.to_ascii_lowercase()),
            email: email.to_owned(),
            scopes: scopes.to_owned(),
            refresh: None,
            access: None,
            access_until: 0,
            state: RemoteState::Active.name().into(),
            reason: String::new(),
            connected_at: self.now(),
            list_at: 0,
            unlinked: 0,
        };
        let kept =
            self.inner.store.aside(move |aside| Box::pin(async move { aside.save_remote(&remote).await }));
        Ok(kept.await?)
    }

    /// This person goes to the consent page.
    pub async fn ask_consent(&self, who: &Caller, scopes: &str) -> Result<Asked, Error> {
        let state = random_text()?;
        // RFC 7636 4.1: 43 characters or more.
        let verifier = Secret::new(format!("{}{}", random_text()?.expose(), random_text()?.expose()));
        let hash = secret_hash(state.expose());
        let new = Consent {
            clinic: who.clinic(),
            hash,
            principal: who.principal(),
            verifier: self.inner.vault.seal(&place_of_verifier(&hash), &verifier)?,
            scopes: scopes.to_owned(),
            expires_at: self.now() + CONSENT,
        };
        self.inner.store.aside(move |aside| Box::pin(async move { aside.begin_consent(&new).await })).await?;
        Ok(Asked { challenge: seal::challenge(&verifier), state })
    }

    /// Takes a consent by its state, once. None: unknown, used or over.
    pub async fn take_consent(&self, state: &str) -> Result<Option<Taken>, Error> {
        let hash = secret_hash(state);
        let taken =
            self.inner.store.aside(move |aside| Box::pin(async move { aside.take_consent(&hash).await }));
        let Some(consent) = taken.await? else { return Ok(None) };
        let verifier = self.inner.vault.open(&place_of_verifier(&hash), &consent.verifier);
        Ok(verifier.map(|verifier| Taken {
            clinic: consent.clinic,
            principal: consent.principal,
            verifier,
            scopes: consent.scopes,
            hash,
        }))
    }

    /// Keeps the account that answered. One that is there already goes on with its links; what it was not given anew
    /// (a refresh token) it keeps.
    pub async fn connect(&self, taken: &Taken, given: Given) -> Result<RemoteId, Error> {
        let (clinic, principal) = (taken.clinic, taken.principal);
        let known = self.inner.store.read(clinic).await?.remotes(clinic, principal).await?;
        let old = known.into_iter().find(|one| one.subject == given.subject);
        let place = |kind| place(clinic, principal, &given.subject, kind);
        let vault = &self.inner.vault;
        let refresh = match &given.refresh {
            Some(refresh) => Some(vault.seal(&place("refresh"), refresh)?),
            None => old.as_ref().and_then(|old| old.refresh.clone()),
        };
        let access = Some(vault.seal(&place("access"), &given.access)?);
        let state = match &old {
            _ if refresh.is_none() => RemoteState::NeedsReauth,
            Some(old) if RemoteState::of(old) != RemoteState::Unconfirmed => RemoteState::Active,
            _ => RemoteState::Unconfirmed,
        };
        let remote = Remote {
            clinic,
            id: old.as_ref().map_or(RemoteId(0), |old| old.id),
            principal,
            subject: given.subject.clone(),
            email: given.email,
            scopes: given.scopes,
            refresh,
            access,
            access_until: given.access_until,
            state: state.name().into(),
            reason: String::new(),
            connected_at: self.now(),
            list_at: 0,
            unlinked: 0,
        };
        let hash = taken.hash;
        let kept = self.inner.store.aside(move |aside| {
            Box::pin(async move {
                let id = aside.save_remote(&remote).await?;
                aside.end_consent(clinic, &hash, id).await?;
                Ok::<_, store::Error>(id)
            })
        });
        Ok(kept.await?)
    }

    /// A new secret that somebody will echo, and its hash to be kept.
    pub fn echo(&self) -> Result<(Secret, [u8; 32]), Error> {
        let secret = random_text()?;
        let hash = secret_hash(secret.expose());
        Ok((secret, hash))
    }

    /// What is kept of a secret that somebody will echo.
    pub fn echo_hash(&self, secret: &str) -> [u8; 32] {
        secret_hash(secret)
    }

    /// Whether this is the secret of that hash; in constant time.
    pub fn echoes(&self, secret: &str, hash: &[u8; 32]) -> bool {
        seal::same(&secret_hash(secret), hash)
    }

    /// Which account answered to a consent, once it did.
    pub async fn consented(&self, who: &Caller, asked: &Asked) -> Result<Option<RemoteId>, Error> {
        let hash = secret_hash(asked.state.expose());
        Ok(self.inner.store.read(who.clinic()).await?.consented(who.clinic(), &hash).await?)
    }

    pub async fn remote(&self, clinic: ClinicId, id: RemoteId) -> Result<Remote, Error> {
        let found = self.inner.store.read(clinic).await?.remote(clinic, id).await?;
        found.ok_or(Error::NotFound("remote"))
    }

    /// All of a person.
    pub async fn remotes(&self, who: &Caller) -> Result<Vec<Remote>, Error> {
        Ok(self.inner.store.read(who.clinic()).await?.remotes(who.clinic(), who.principal()).await?)
    }

    /// All of a clinic.
    pub async fn remotes_of_clinic(&self, clinic: ClinicId) -> Result<Vec<Remote>, Error> {
        Ok(self.inner.store.read(clinic).await?.remotes_of_clinic(clinic).await?)
    }

    /// A page of a clinic's, or of one person's, after this one.
    pub async fn remotes_page(
        &self,
        clinic: ClinicId,
        of: Option<PrincipalId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Remote>, Error> {
        Ok(self.inner.store.read(clinic).await?.remotes_page(clinic, of, after, limit).await?)
    }

    /// Active ones of all clinics whose list of calendars must be looked at.
    pub async fn lists_due(&self) -> Result<Vec<Remote>, Error> {
        let (state, now) = (RemoteState::Active.name(), self.now());
        Ok(self.inner.store.across().await?.remotes_due(state, now, LISTS).await?)
    }

    /// Takes the look at a list for so many seconds, after which it is due again; false: another node has it.
    pub async fn take_list(&self, remote: &Remote, seconds: i64) -> Result<bool, Error> {
        let (remote, until) = (remote.clone(), self.now() + seconds);
        let taken = self
            .inner
            .store
            .aside(move |aside| Box::pin(async move { aside.take_list(&remote, until).await }));
        Ok(taken.await?)
    }

    /// Its access token while it is good for another minute.
    pub fn access_token(&self, remote: &Remote) -> Option<Secret> {
        let sealed = remote.access.as_ref().filter(|_| remote.access_until > self.now() + 60)?;
        self.inner.vault.open(&place_in(remote, "access"), sealed)
    }

    pub fn refresh_token(&self, remote: &Remote) -> Option<Secret> {
        self.inner.vault.open(&place_in(remote, "refresh"), remote.refresh.as_ref()?)
    }

    /// Keeps a new access token, and seals the refresh token anew where its key has been followed by another.
    pub async fn keep_access(&self, remote: &mut Remote, token: &Secret, until: i64) -> Result<(), Error> {
        let vault = &self.inner.vault;
        remote.access = Some(vault.seal(&place_in(remote, "access"), token)?);
        remote.access_until = until;
        if remote.refresh.as_ref().is_some_and(|sealed| vault.is_stale(sealed))
            && let Some(refresh) = self.refresh_token(remote)
        {
            remote.refresh = Some(vault.seal(&place_in(remote, "refresh"), &refresh)?);
        }
        self.keep(remote).await
    }

    /// Seals what is sealed by an older key anew with the first one: then the older one may be taken out of the
    /// configuration. How many accounts that was, and how many could not be opened by any key.
    pub async fn rekey(&self, clinic: ClinicId) -> Result<(usize, usize), Error> {
        let vault = &self.inner.vault;
        let (mut done, mut lost) = (0, 0);
        for mut remote in self.remotes_of_clinic(clinic).await? {
            let places = [place_in(&remote, "access"), place_in(&remote, "refresh")];
            let (mut is_stale, mut is_lost) = (false, false);
            for (place, sealed) in places.iter().zip([&mut remote.access, &mut remote.refresh]) {
                let Some(old) = sealed.as_ref().filter(|sealed| vault.is_stale(sealed)) else { continue };
                match vault.open(place, old) {
                    Some(token) => (*sealed, is_stale) = (Some(vault.seal(place, &token)?), true),
                    None => is_lost = true,
                }
            }
            if is_stale {
                self.keep(&remote).await?;
            }
            (done, lost) = (done + usize::from(is_stale), lost + usize::from(is_lost));
        }
        Ok((done, lost))
    }

    pub async fn set_remote(&self, remote: &mut Remote, state: RemoteState, why: &str) -> Result<(), Error> {
        (remote.state, remote.reason) = (state.name().into(), why.into());
        if state == RemoteState::NeedsReauth {
            remote.access = None;
        }
        self.keep(remote).await
    }

    /// Whoever still works with an account while it is disconnected must not bring it back.
    async fn keep(&self, remote: &Remote) -> Result<(), Error> {
        let remote = remote.clone();
        let kept = self
            .inner
            .store
            .aside(move |aside| Box::pin(async move { aside.change_remote(&remote).await.map(drop) }));
        Ok(kept.await?)
    }

    /// Forgets an account with its tokens and links.
    pub async fn disconnect(&self, remote: &Remote) -> Result<(), Error> {
        let (clinic, id) = (remote.clinic, remote.id);
        let gone = self
            .inner
            .store
            .aside(move |aside| Box::pin(async move { aside.remove_remote(clinic, id).await.map(drop) }));
        Ok(gone.await?)
    }

    /// Who connected it, as whom its links write.
    pub async fn on_behalf(&self, remote: &Remote) -> Result<Caller, Error> {
        let (clinic, id) = (remote.clinic, remote.principal);
        let found = self.inner.store.read(clinic).await?.principals_by_id(clinic, &[id]).await?.pop();
        let principal = found.filter(|one| one.disabled_at.is_none()).ok_or(Error::NotFound("user"))?;
        let at = self.inner.store.instant(clinic).await?;
        let identity = Identity {
            clinic,
            principal: id,
            name: principal.name,
            role: principal.role,
            via: Via::Remote(remote.id),
            scopes: None,
        };
        Ok(Caller::new(identity.into(), at))
    }
}

fn place_of_verifier(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn place_in(remote: &Remote, kind: &str) -> String {
    place(remote.clinic, remote.principal, &remote.subject, kind)
}

fn place(clinic: ClinicId, principal: PrincipalId, subject: &str, kind: &str) -> String {
    format!("{clinic}/{principal}/{subject}/{kind}")
}
