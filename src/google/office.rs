//! The accounts and their links as one caller may see and steer them from another door: first whether they may, then the
//! deed. Whoever may keep those of others does it in the owner's name, because a link writes as its owner; the audit has the
//! name of who did it.

use serde::Serialize;

use super::Google;
use super::api::Listed;
use super::connect::{Access, Leave};
use super::error::{Error, Result};
use super::status::{AccountStatus, Forecast, LinkStatus};
use super::terms::{Guests, Mode, Terms};
use crate::accounts::{self, Caller, PrincipalId, Remote, RemoteId};
use crate::calendar::{Author, Errand, ErrandState, Link, LinkId, LinkNote, Origin, Way};
use crate::clinic::Cursor;

/// Google as one caller may use it.
pub struct Office<'a> {
    google: &'a Google,
    who: &'a Caller,
    /// By which door, for the audit.
    door: Origin,
}

/// What of a link is to be otherwise; `None` leaves it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TermsChange {
    /// With the days ahead that single events stand there; 0: as usual.
    pub mode: Option<(Mode, u32)>,
    pub guests: Option<Guests>,
}

/// What could not be carried over.
#[derive(Debug, Serialize)]
pub struct Dead {
    /// `push`: from here to Google.
    pub way: &'static str,
    /// The object's name, or the event's id.
    pub key: String,
    pub reason: String,
    pub attempts: i64,
    /// Seconds UTC.
    pub since: i64,
}

/// What was noted of a link.
#[derive(Debug, Serialize)]
pub struct Noted {
    /// Seconds UTC.
    pub at: i64,
    pub kind: String,
    pub uid: String,
}

impl Google {
    pub fn office<'a>(&'a self, by: Author<'a>) -> Office<'a> {
        Office { google: self, who: by.who, door: by.from }
    }
}

impl Office<'_> {
    /// Whose accounts the caller may see, or keep; None: everybody's.
    fn whose(&self, writes: bool) -> Result<Option<PrincipalId>> {
        Ok(self.google.clinic().desk(self.who).whose_google(self.door, writes)?)
    }

    /// The owner of an account, if the caller may: to whoever may not, it is not there.
    async fn owner(&self, id: RemoteId, writes: bool) -> Result<(Remote, Caller)> {
        let whose = self.whose(writes)?;
        let remote = self.google.accounts().remote(self.who.clinic(), id).await?;
        if whose.is_some_and(|own| own != remote.principal) {
            return Err(accounts::Error::NotFound("account").into());
        }
        let owner = self.google.accounts().on_behalf(&remote).await?;
        Ok((remote, owner))
    }

    /// The caller's own account: nobody links calendars in another's name.
    async fn own(&self, id: RemoteId) -> Result<()> {
        let (remote, _) = self.owner(id, true).await?;
        match remote.principal == self.who.principal() {
            true => Ok(()),
            false => Err(accounts::Error::NotFound("account").into()),
        }
    }

    async fn owner_of_link(&self, id: LinkId, writes: bool) -> Result<(Link, Caller)> {
        // Asked before anything is looked up, so that who may not at all learns nothing.
        self.whose(writes)?;
        let link = self.google.mirrors().link(self.who.clinic(), id).await?;
        let (_, owner) = self.owner(link.remote, writes).await?;
        Ok((link, owner))
    }

    /// A page of the caller's accounts with their links; of all where the caller may see them. And where the next begins.
    pub async fn accounts(&self, page: Cursor) -> Result<(Vec<AccountStatus>, Option<i64>)> {
        let whose = self.whose(false)?;
        let (clinic, most) = (self.who.clinic(), page.limit as usize);
        // One more than is shown tells whether there is a next page.
        let mut remotes =
            self.google.accounts().remotes_page(clinic, whose, page.after, page.limit + 1).await?;
        let has_more = remotes.len() > most;
        remotes.truncate(most);
        let next = remotes.last().filter(|_| has_more).map(|last| last.id.0);
        Ok((self.google.shown(remotes).await?, next))
    }

    pub async fn account(&self, id: RemoteId) -> Result<AccountStatus> {
        let (remote, _) = self.owner(id, false).await?;
        let shown = self.google.shown(vec![remote]).await?.pop();
        shown.ok_or_else(|| accounts::Error::NotFound("account").into())
    }

    /// Where the caller is to go for a consent.
    pub async fn connect(&self, hint: Option<&str>, access: Access) -> Result<String> {
        self.whose(true)?;
        Ok(self.google.ask(self.who, hint, access).await?.url)
    }

    pub async fn confirm(&self, id: RemoteId) -> Result<()> {
        self.own(id).await?;
        self.google.confirm(self.who, id).await?;
        self.did("google-confirmed", account(id)).await
    }

    /// An account of the clinic's Workspace domain, without a consent of its person.
    pub async fn delegate(&self, email: &str) -> Result<RemoteId> {
        self.whose(true)?;
        let id = self.google.delegate(self.who, email).await?;
        self.did("google-delegated", account(id)).await?;
        Ok(id)
    }

    async fn did(&self, kind: &'static str, subject: String) -> Result<()> {
        Ok(self.google.clinic().desk(self.who).note_google(self.door, kind, subject).await?)
    }

    pub async fn calendars(&self, id: RemoteId) -> Result<Vec<Listed>> {
        self.own(id).await?;
        self.google.listed(self.who, id).await
    }

    pub async fn add_link(
        &self,
        id: RemoteId,
        (there, here): (&str, &str),
        terms: Terms,
    ) -> Result<LinkStatus> {
        self.own(id).await?;
        let id = self.google.link(self.who, id, there, here, terms).await?;
        self.did("google-linked", link(id)).await?;
        self.link(id).await
    }

    pub async fn link(&self, id: LinkId) -> Result<LinkStatus> {
        let (link, _) = self.owner_of_link(id, false).await?;
        self.google.link_status(link).await
    }

    /// How series stand at Google from now on, and whether guests are carried.
    pub async fn change_link(&self, id: LinkId, to: TermsChange) -> Result<LinkStatus> {
        let (_, owner) = self.owner_of_link(id, true).await?;
        let change = |terms: &mut Terms| {
            (terms.mode, terms.days) = to.mode.unwrap_or((terms.mode, terms.days));
            terms.guests = to.guests.unwrap_or(terms.guests);
        };
        self.google.change_terms(&owner, id, change).await?;
        self.did("google-changed", link(id)).await?;
        self.link(id).await
    }

    pub async fn pause(&self, id: LinkId) -> Result<()> {
        let (_, owner) = self.owner_of_link(id, true).await?;
        self.google.pause(&owner, id).await?;
        self.did("google-paused", link(id)).await
    }

    /// Now, and on from there; what the guard against mass deletion stopped is approved.
    pub async fn sync(&self, id: LinkId) -> Result<()> {
        let (_, owner) = self.owner_of_link(id, true).await?;
        self.google.sync_now(&owner, id).await?;
        self.did("google-resumed", link(id)).await
    }

    pub async fn resync(&self, id: LinkId) -> Result<()> {
        let (_, owner) = self.owner_of_link(id, true).await?;
        self.google.resync(&owner, id).await?;
        self.did("google-resynced", link(id)).await
    }

    pub async fn forecast(&self, id: LinkId) -> Result<Forecast> {
        let (_, owner) = self.owner_of_link(id, true).await?;
        self.google.forecast(&owner, id).await
    }

    pub async fn disconnect(&self, id: RemoteId, leave: Leave) -> Result<()> {
        let (_, owner) = self.owner(id, true).await?;
        self.google.disconnect(&owner, id, leave).await?;
        let kind = if leave == Leave::Remove { "google-removed" } else { "google-disconnected" };
        self.did(kind, account(id)).await
    }

    pub async fn dead(&self, id: LinkId) -> Result<Vec<Dead>> {
        let (link, _) = self.owner_of_link(id, false).await?;
        let all = self.google.mirrors().errands(&link, ErrandState::Dead).await?;
        let dead = |Errand { way, key, reason, attempt, since, .. }| {
            let way = if way == Way::Push { "push" } else { "pull" };
            Dead { way, key, reason, attempts: attempt, since }
        };
        Ok(all.into_iter().map(dead).collect())
    }

    /// Tries all that is dead once more.
    pub async fn retry(&self, id: LinkId) -> Result<u64> {
        let (link, _) = self.owner_of_link(id, true).await?;
        let count = self.google.mirrors().revive(&link, ErrandState::Dead).await?;
        self.google.mirrors().call(link.clinic, link.id, self.google.mirrors().now()).await?;
        self.google.wake();
        self.did("google-retried", self::link(id)).await?;
        Ok(count)
    }

    pub async fn notes(&self, id: LinkId) -> Result<Vec<Noted>> {
        let (link, _) = self.owner_of_link(id, false).await?;
        let noted = |LinkNote { at, kind, uid, .. }| Noted { at, kind, uid };
        Ok(self.google.mirrors().notes(&link).await?.into_iter().map(noted).collect())
    }
}

/// What a deed was done to, as the audit names it.
fn account(id: RemoteId) -> String {
    format!("google-account {id}")
}

fn link(id: LinkId) -> String {
    format!("google-link {id}")
}

impl From<crate::clinic::Error> for Error {
    fn from(error: crate::clinic::Error) -> Error {
        match error {
            crate::clinic::Error::Calendar(error) => Error::Calendar(error),
            other => Error::Clinic(other),
        }
    }
}
