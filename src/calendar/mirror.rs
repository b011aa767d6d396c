//! An object and its twin elsewhere: what a link between one of our calendars and one at Google remembers. Here are only
//! its rows; what is carried over, and who is right, the door decides.
//!
//! A link follows its calendar as any client does, by sync tokens ([`Calendars::changes`]): what changed becomes an
//! errand in the transaction that moves the link's cursor, so that a change is carried over once more rather than
//! missed.

use std::collections::{HashMap, HashSet};

use store::{
    BoxFuture, Channel, ClinicId, CollectionId, Errand, ErrandState, Link, LinkCounts, LinkId, LinkNote,
    LinkSums, NEVER, NewLink, RemoteId, Store, Twin, Watched, Way,
};

use super::Calendars;
use super::error::{Error, Precondition, Result};
use super::object::Etag;
use super::path::CollectionPath;
use super::shown::Shown;
use crate::accounts::{Caller, Stamp};

/// Changes looked through at once; a calendar's first look takes several.
const CHANGES: usize = 500;
/// Links that one round takes up, and rows of one list.
const ROUND: u32 = 200;
/// Of these, links that have only a backfill: what is fresh never waits for many of them.
const BACKFILLS: u32 = 8;

/// The links of all calendars. Cheap to clone.
#[derive(Clone)]
pub struct Mirrors(Calendars);

impl Calendars {
    pub fn mirrors(&self) -> Mirrors {
        Mirrors(self.clone())
    }
}

impl Mirrors {
    fn store(&self) -> &Store {
        self.0.store()
    }

    async fn aside<T, F>(&self, job: F) -> Result<T>
    where
        F: for<'t> FnOnce(&'t mut store::Aside) -> BoxFuture<'t, store::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        Ok(self.store().aside(job).await?)
    }

    /// Seconds UTC by the store's clock.
    pub fn now(&self) -> i64 {
        self.store().clock().now()
    }

    /// Wakes after every commit of any process.
    pub fn changed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.store().changed()
    }

    /// Marks what leaves the house for Google, so that nobody there can tell a UID from it.
    pub fn stamp(&self, purpose: &str) -> Stamp {
        Stamp::new(self.0.secret(), purpose)
    }

    /// Links that must be worked on, of all clinics; what is fresh comes first.
    pub async fn due(&self) -> Result<Vec<Link>> {
        Ok(self.store().across().await?.links_due(self.now(), ROUND, BACKFILLS).await?)
    }

    /// The calendars that changed since `seen` (by clinic) call for their links; answers how far it looked.
    pub async fn stir(&self, clinic: ClinicId, seen: i64) -> Result<i64> {
        let seq = self.store().version(clinic).await?.seq;
        if seq == seen {
            return Ok(seq);
        }
        let changed = self.store().read(clinic).await?.journal_collections_since(clinic, seen).await?;
        let ids: Vec<CollectionId> = changed.into_iter().map(|(id, _)| id).collect();
        self.aside(move |aside| Box::pin(async move { aside.stir_links(clinic, &ids).await })).await?;
        Ok(seq)
    }

    /// Takes the lease of a link for so many seconds, and answers the link as it is now; None: it is not due any more, or
    /// another node has it.
    pub async fn lease(&self, link: &Link, owner: &str, seconds: i64) -> Result<Option<Link>> {
        let ((clinic, id), owner, until) = ((link.clinic, link.id), owner.to_owned(), self.now() + seconds);
        self.aside(move |aside| Box::pin(async move { aside.lease_link(clinic, id, &owner, until).await }))
            .await
    }

    /// Prolongs the lease to so many seconds from now; false when it was ended.
    pub async fn prolong(&self, link: &mut Link, seconds: i64) -> Result<bool> {
        link.lease_until = self.now() + seconds;
        let link = link.clone();
        self.aside(move |aside| Box::pin(async move { aside.prolong_link(&link, link.lease_until).await }))
            .await
    }

    /// Ends the leases of a node that stops; how many.
    pub async fn end_leases(&self, owner: &str) -> Result<u64> {
        let owner = owner.to_owned();
        self.aside(move |aside| Box::pin(async move { aside.end_leases(&owner).await })).await
    }

    /// Writes how far a run came.
    pub async fn save(&self, link: &Link) -> Result<bool> {
        let link = link.clone();
        self.aside(move |aside| Box::pin(async move { aside.save_link(&link).await })).await
    }

    /// Writes what somebody decided; a run under way is overruled.
    pub async fn decide(&self, link: &Link) -> Result<()> {
        let link = link.clone();
        self.aside(move |aside| Box::pin(async move { aside.set_link(&link).await })).await
    }

    pub async fn make(&self, new: NewLink) -> Result<LinkId> {
        let made = self.store().aside(move |aside| Box::pin(async move { aside.insert_link(&new).await }));
        made.await.map_err(|error| match error {
            store::Error::Unique(_) => Error::Exists,
            other => other.into(),
        })
    }

    pub async fn remove(&self, clinic: ClinicId, id: LinkId) -> Result<bool> {
        self.aside(move |aside| Box::pin(async move { aside.remove_link(clinic, id).await })).await
    }

    pub async fn link(&self, clinic: ClinicId, id: LinkId) -> Result<Link> {
        self.store().read(clinic).await?.link(clinic, id).await?.ok_or(Error::NotFound)
    }

    pub async fn links_of(&self, clinic: ClinicId, remotes: &[RemoteId]) -> Result<Vec<Link>> {
        Ok(self.store().read(clinic).await?.links_of(clinic, remotes).await?)
    }

    /// What is read from now on is as it is now, whatever another process wrote.
    pub async fn catch_up(&self) {
        self.store().catch_up().await;
    }

    /// Our calendar, as its owner sees it.
    pub async fn calendar(&self, who: &Caller, link: &Link) -> Result<Shown> {
        // No connection is held while another one is asked for: four such at once would wait for one another.
        let (clinic, id) = (link.clinic, link.collection);
        let rows = self.store().read(clinic).await?.collections_by_id(clinic, &[id]).await?;
        let row = rows.into_iter().find(|row| row.owner == who.principal()).ok_or(Error::NotFound)?;
        self.0.collection(who, &CollectionPath::new(who.name(), row.slug)).await
    }

    /// What changed here since the last look becomes errands; of a backfill, where it is all there is; quiet ones, of what the
    /// link itself has written. True: there is more.
    pub async fn follow(
        &self,
        at: &Shown,
        link: &mut Link,
        (backfill, own): (bool, &HashSet<Etag>),
    ) -> Result<bool> {
        let looked = match self.0.changes(at, link.cursor.as_deref(), Some(CHANGES)).await {
            // Too old, or of before a restore: everything is looked at again, and what is equal stays quiet.
            Err(Error::Precondition(Precondition::ValidSyncToken)) => {
                self.0.changes(at, None, Some(CHANGES)).await?
            }
            looked => looked?,
        };
        let changed = looked.changed.iter().filter(|entry| entry.kind == ical::Kind::Event);
        let changed = changed.map(|entry| (entry.name.to_string(), backfill || own.contains(&entry.etag)));
        let gone = looked.gone.iter().map(|name| (name.to_string(), backfill));
        let (names, cursor, of): (Vec<_>, _, _) =
            (changed.chain(gone).collect(), looked.token.clone(), (link.clinic, link.id));
        self.aside(move |aside| {
            Box::pin(async move { aside.add_errands(of, (&names, backfill), &cursor).await })
        })
        .await?;
        link.cursor = Some(looked.token);
        Ok(looked.more)
    }

    /// The names of the objects of these UIDs.
    pub async fn named(&self, at: &Shown, uids: &[String]) -> Result<Vec<(String, String)>> {
        let (clinic, id) = (at.row().clinic, at.row().id);
        Ok(self.store().read(clinic).await?.names_of_uids(clinic, id, uids).await?)
    }

    pub async fn twins_by_event(&self, link: &Link, events: &[String]) -> Result<Vec<Twin>> {
        let of = (link.clinic, link.id);
        Ok(self.store().read(link.clinic).await?.twins_by_event(of, events).await?)
    }

    pub async fn twins_by_name(&self, link: &Link, names: &[String]) -> Result<Vec<Twin>> {
        let of = (link.clinic, link.id);
        Ok(self.store().read(link.clinic).await?.twins_by_name(of, names).await?)
    }

    pub async fn twins_by_uid(&self, link: &Link, uids: &[String]) -> Result<Vec<Twin>> {
        let of = (link.clinic, link.id);
        Ok(self.store().read(link.clinic).await?.twins_by_uid(of, uids).await?)
    }

    /// A page of the whole objects that live on both sides, and of the occurrences that stand there by themselves, after
    /// this UID and occurrence.
    pub async fn twins_after(&self, link: &Link, after: (String, String)) -> Result<Vec<Twin>> {
        let of = (link.clinic, link.id);
        Ok(self.store().read(link.clinic).await?.twins_after(of, (&after.0, &after.1), ROUND).await?)
    }

    pub async fn twins_total(&self, link: &Link) -> Result<i64> {
        Ok(self.store().read(link.clinic).await?.twins_total((link.clinic, link.id)).await?)
    }

    /// Keeps twins and forgets those of these occurrences, together.
    pub async fn keep(&self, link: &Link, twins: Vec<Twin>, gone: Vec<(String, String)>) -> Result<()> {
        let of = (link.clinic, link.id);
        self.aside(move |aside| {
            Box::pin(async move {
                for (uid, recurrence) in &gone {
                    aside.remove_twin(of, uid, recurrence).await?;
                }
                aside.save_twins(of, &twins).await
            })
        })
        .await
    }

    pub async fn errands_due(&self, link: &Link) -> Result<Vec<Errand>> {
        let of = (link.clinic, link.id);
        Ok(self.store().read(link.clinic).await?.errands_due(of, self.now(), ROUND).await?)
    }

    pub async fn errands(&self, link: &Link, state: ErrandState) -> Result<Vec<Errand>> {
        let of = (link.clinic, link.id);
        Ok(self.store().read(link.clinic).await?.errands(of, state, ROUND).await?)
    }

    /// How many are pending, failed, dead; and when the next is due, and whether all pending ones are of a backfill.
    pub async fn errands_total(&self, link: &Link) -> Result<([i64; 3], Option<(i64, bool)>)> {
        let of = (link.clinic, link.id);
        let mut conn = self.store().read(link.clinic).await?;
        Ok((conn.errands_total(of).await?, conn.errand_next(of).await?))
    }

    pub async fn keep_errand(&self, link: &Link, one: Errand) -> Result<()> {
        let of = (link.clinic, link.id);
        self.aside(move |aside| Box::pin(async move { aside.save_errand(of, &one).await })).await
    }

    pub async fn end_errand(&self, link: &Link, way: Way, key: &str) -> Result<()> {
        let (of, key, owner) = ((link.clinic, link.id), key.to_owned(), link.lease_owner.clone());
        self.aside(move |aside| Box::pin(async move { aside.remove_errand(of, (way, &key), &owner).await }))
            .await
    }

    pub async fn revive(&self, link: &Link, state: ErrandState) -> Result<u64> {
        let of = (link.clinic, link.id);
        self.aside(move |aside| Box::pin(async move { aside.revive_errands(of, state).await })).await
    }

    pub async fn channel(&self, id: &str) -> Result<Option<Channel>> {
        Ok(self.store().across().await?.channel(id).await?)
    }

    pub async fn channels_of(&self, clinic: ClinicId, of: Watched) -> Result<Vec<Channel>> {
        Ok(self.store().read(clinic).await?.channels_of(clinic, of).await?)
    }

    /// In which life of the database we are: another begins with every restore.
    pub async fn life(&self, clinic: ClinicId) -> Result<String> {
        let found = self.store().read(clinic).await?.clinic(clinic).await?;
        Ok(found.map(|one| one.epoch).unwrap_or_default())
    }

    pub async fn keep_channel(&self, one: &Channel) -> Result<()> {
        let one = one.clone();
        self.aside(move |aside| Box::pin(async move { aside.save_channel(&one).await })).await
    }

    pub async fn remove_channel(&self, one: &Channel) -> Result<()> {
        let one = one.clone();
        self.aside(move |aside| Box::pin(async move { aside.remove_channel(&one).await })).await
    }

    /// Google told of a change: what is watched is due at `at`.
    pub async fn notify(&self, one: &Channel, at: i64) -> Result<()> {
        match one.of {
            Watched::Calendar(link) => self.call(one.clinic, link, at).await,
            Watched::List(remote) => self.call_list(one.clinic, remote, at).await,
        }
    }

    /// The list of an account's calendars is looked at by then at the latest.
    pub async fn call_list(&self, clinic: ClinicId, of: RemoteId, at: i64) -> Result<()> {
        self.aside(move |aside| Box::pin(async move { aside.call_list(clinic, of, at).await })).await
    }

    /// What a list said: how many calendars no link has, and what those of the links are called.
    pub async fn saw_list(
        &self,
        (clinic, of): (ClinicId, RemoteId),
        unlinked: i64,
        names: Vec<(String, String)>,
    ) -> Result<()> {
        self.aside(move |aside| Box::pin(async move { aside.saw_list(clinic, of, unlinked, &names).await }))
            .await
    }

    /// The link is due at `at`, and then looks there whatever the time of its poll.
    pub async fn call(&self, clinic: ClinicId, link: LinkId, at: i64) -> Result<()> {
        self.aside(move |aside| Box::pin(async move { aside.notify_link(clinic, link, at).await })).await
    }

    /// Sums over the links of all clinics.
    pub async fn sums(&self) -> Result<LinkSums> {
        Ok(self.store().across().await?.link_sums().await?)
    }

    /// Writes down what the office should know.
    pub async fn note(&self, link: &Link, kind: &'static str, uid: &str, body: String) -> Result<()> {
        let (link, uid) = (link.clone(), uid.to_owned());
        self.aside(move |aside| Box::pin(async move { aside.note_link(&link, kind, &uid, &body).await }))
            .await
    }

    /// The same, once for each object, however often it is found.
    pub async fn warn(&self, link: &Link, kind: &'static str, uid: &str) -> Result<()> {
        let (link, uid) = (link.clone(), uid.to_owned());
        self.aside(move |aside| Box::pin(async move { aside.warn_link(&link, kind, &uid).await })).await
    }

    /// How much stands to each of the links of these accounts.
    pub async fn counts(
        &self,
        clinic: ClinicId,
        remotes: &[RemoteId],
    ) -> Result<HashMap<LinkId, LinkCounts>> {
        Ok(self.store().read(clinic).await?.link_counts(clinic, remotes).await?)
    }

    pub async fn notes(&self, link: &Link) -> Result<Vec<LinkNote>> {
        Ok(self.store().read(link.clinic).await?.link_notes(link.clinic, link.id, ROUND).await?)
    }
}

/// When a link that rests is due.
pub const RESTS: i64 = NEVER;
