//! What an office sees of its links, in words it can act on, and what it can do: sync now, pause, go on, look again at
//! everything. No titles, no people.

use std::collections::HashMap;

use serde::Serialize;

use super::Google;
use super::connect::NO_EVENTS;
use super::error::Result;
use super::terms::{self, Guests, Terms, state};
use crate::accounts::{Caller, Remote, RemoteId};
use crate::calendar::{ErrandState, Link, LinkCounts, LinkId, RESTS};

/// An account and its links.
#[derive(Debug, Serialize)]
pub struct AccountStatus {
    pub id: i64,
    /// Whose it is.
    pub principal: i64,
    /// The account's own address, for its own person.
    pub email: String,
    pub state: String,
    pub reason: String,
    /// Calendars of the account that no link has, as last seen.
    pub unlinked: i64,
    pub links: Vec<LinkStatus>,
}

#[derive(Debug, Serialize)]
pub struct LinkStatus {
    pub id: i64,
    pub calendar: String,
    /// What it is called there, as last seen.
    pub name: String,
    pub terms: Terms,
    pub state: String,
    pub reason: String,
    /// What to do about it; empty when nothing.
    pub advice: &'static str,
    /// Seconds since all was last pulled.
    pub lag_seconds: Option<i64>,
    /// Seconds UTC: when all was last pulled, when something was last pushed.
    pub pulled_at: Option<i64>,
    pub pushed_at: Option<i64>,
    /// Whether Google tells of changes, and until when, seconds UTC.
    pub is_watched: bool,
    pub watched_until: Option<i64>,
    /// What a person should look at: changes of both sides that met, and what was put back or not taken.
    pub conflicts: i64,
    pub pending: i64,
    pub failed: i64,
    pub dead: i64,
    pub due_at: Option<i64>,
}

/// What a full comparison would find.
#[derive(Debug, Default, Serialize)]
pub struct Forecast {
    pub equal: i64,
    pub changed_there: i64,
    pub only_there: i64,
    pub waiting_here: i64,
}

impl Google {
    pub async fn status(&self, who: &Caller) -> Result<Vec<AccountStatus>> {
        self.shown(self.accounts().remotes(who).await?).await
    }

    /// These accounts of one clinic with their links: as many statements for many as for one.
    pub async fn shown(&self, remotes: Vec<Remote>) -> Result<Vec<AccountStatus>> {
        let Some(clinic) = remotes.first().map(|one| one.clinic) else { return Ok(Vec::new()) };
        let ids: Vec<RemoteId> = remotes.iter().map(|one| one.id).collect();
        let mut counts = self.mirrors().counts(clinic, &ids).await?;
        let (now, mut links) = (self.mirrors().now(), HashMap::<RemoteId, Vec<LinkStatus>>::new());
        for link in self.mirrors().links_of(clinic, &ids).await? {
            let counts = counts.remove(&link.id).unwrap_or_default();
            links.entry(link.remote).or_default().push(status(link, counts, now));
        }
        let account = |remote: Remote| AccountStatus {
            id: remote.id.0,
            principal: remote.principal.0,
            email: remote.email,
            state: remote.state,
            reason: remote.reason,
            unlinked: remote.unlinked,
            links: links.remove(&remote.id).unwrap_or_default(),
        };
        Ok(remotes.into_iter().map(account).collect())
    }

    pub async fn link_status(&self, link: Link) -> Result<LinkStatus> {
        let counts = self.mirrors().counts(link.clinic, &[link.remote]).await?.remove(&link.id);
        Ok(status(link, counts.unwrap_or_default(), self.mirrors().now()))
    }

    /// Its turn comes now; what the guard stopped is approved, what had failed begins anew.
    pub async fn sync_now(&self, who: &Caller, id: LinkId) -> Result<()> {
        let mut link = self.own_link(who, id).await?;
        let was_stopped = link.reason.starts_with("guard");
        terms::set(&mut link, |terms| (terms.approved, terms.write_at) = (was_stopped, 0))?;
        (link.state, link.reason, link.due_at) = (state::LIVE.into(), String::new(), self.mirrors().now());
        self.mirrors().revive(&link, ErrandState::Failed).await?;
        self.mirrors().decide(&link).await?;
        self.mirrors().call(link.clinic, link.id, self.mirrors().now()).await?;
        self.wake();
        Ok(())
    }

    pub async fn pause(&self, who: &Caller, id: LinkId) -> Result<()> {
        let mut link = self.own_link(who, id).await?;
        (link.state, link.reason, link.due_at) = (state::PAUSED.into(), "by hand".into(), RESTS);
        Ok(self.mirrors().decide(&link).await?)
    }

    /// Everything on both sides is compared anew; what is equal stays untouched.
    pub async fn resync(&self, who: &Caller, id: LinkId) -> Result<()> {
        let mut link = self.own_link(who, id).await?;
        (link.token, link.cursor) = (None, None);
        self.mirrors().decide(&link).await?;
        self.sync_now(who, id).await
    }

    /// Other terms: what they change is compared and sent anew.
    pub async fn change_terms(
        &self,
        who: &Caller,
        id: LinkId,
        change: impl FnOnce(&mut Terms),
    ) -> Result<()> {
        let mut link = self.own_link(who, id).await?;
        let before = Terms::of(&link).guests;
        terms::set(&mut link, change)?;
        let mut terms = Terms::of(&link);
        terms.check()?;
        if terms.guests != Guests::None && before == Guests::None {
            // Those of events that are as they were come too.
            (terms.anew, link.token) = (true, None);
            link.terms = terms.text();
        }
        link.cursor = None;
        link.due_at = self.mirrors().now();
        self.mirrors().decide(&link).await?;
        self.wake();
        Ok(())
    }
}

impl Google {
    /// What a full comparison would find, without writing anything.
    pub async fn forecast(&self, who: &Caller, id: LinkId) -> Result<Forecast> {
        let link = self.own_link(who, id).await?;
        let mut run = self.run(self.own(who, link.remote).await?, link).await?;
        let (calendar, mut page, mut found) =
            (run.link.calendar.clone(), None::<String>, Forecast::default());
        loop {
            let events = run.session.events(&calendar, None, page.as_deref()).await?;
            let living = events.items.iter().filter(|one| one["status"] != "cancelled");
            let ids: Vec<String> =
                living.clone().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect();
            let twins = run.mirrors.twins_by_event(&run.link, &ids).await?;
            for event in living {
                match twins.iter().find(|twin| event["id"] == twin.event.as_str()) {
                    None => found.only_there += 1,
                    Some(twin) if event["etag"] == twin.etag.as_str() => found.equal += 1,
                    Some(_) => found.changed_there += 1,
                }
            }
            page = events.next;
            if page.is_none() {
                break;
            }
        }
        found.waiting_here = run.mirrors.errands_total(&run.link).await?.0.iter().sum();
        Ok(found)
    }
}

fn status(link: Link, counts: LinkCounts, now: i64) -> LinkStatus {
    let ([pending, failed, dead], terms) = (counts.errands, Terms::of(&link));
    let watched_until = counts.watched_until.filter(|until| *until > now);
    LinkStatus {
        pulled_at: Some(link.polled_at).filter(|at| *at > 0),
        pushed_at: Some(terms.pushed_at).filter(|at| *at > 0),
        conflicts: counts.notes,
        is_watched: watched_until.is_some(),
        watched_until,
        id: link.id.0,
        terms,
        advice: advice(&link, dead),
        lag_seconds: (link.polled_at > 0).then(|| now - link.polled_at),
        due_at: Some(link.due_at).filter(|due| *due < RESTS),
        calendar: link.calendar,
        name: link.name,
        state: link.state,
        reason: link.reason,
        pending,
        failed,
        dead,
    }
}

impl LinkStatus {
    /// Nothing moves until its account's person consents to more.
    pub fn waits_for_consent(&self) -> bool {
        self.state == state::NEEDS_REAUTH && self.reason == NO_EVENTS
    }
}

fn advice(link: &Link, dead: i64) -> &'static str {
    match &*link.state {
        state::NEEDS_REAUTH if link.reason == NO_EVENTS => {
            "connect the account again, by its address: it may not see and change events yet"
        }
        state::NEEDS_REAUTH => "connect the account again: Google takes the old consent no more",
        state::GONE => "the calendar was removed or is no longer shared; link another one",
        state::READ_ONLY => "the account may no longer write there: ask the calendar's owner",
        state::PAUSED => "look at the reason, then sync to go on",
        state::THROTTLED => "Google asked to wait; it goes on by itself",
        _ if dead > 0 => "some events could not be carried over: see `dead`",
        _ => "",
    }
}
