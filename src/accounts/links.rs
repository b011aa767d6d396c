//! Secret links to a calendar (feeds): made, listed, revoked, opened.
//!
//! A link is 200 random bits of which only the SHA-256 is kept. Opened links are remembered while
//! `clinics.structure` stands still, so a revoked one ends within a second in every process (trust.md S8).

use std::sync::Arc;

use quick_cache::sync::Cache;
use store::{ClinicId, CollectionId, Feed, FeedId, FeedScope, NewFeed, Version};

use super::{Accounts, Caller, Error, Secret, app_passwords::LABEL, people, seal};

/// Links remembered.
pub const REMEMBERED: usize = 10_000;

/// The memory of opened links, by the hash of their secret.
pub struct Links(Cache<[u8; 32], Arc<Opened>>);

struct Opened {
    feed: Feed,
    structure: i64,
}

impl Default for Links {
    fn default() -> Links {
        Links(Cache::new(REMEMBERED))
    }
}

/// The right to read one calendar that a secret link gives. Only [`Accounts::open_feed`] makes one.
#[derive(Debug, Clone)]
pub struct FeedGrant {
    pub id: FeedId,
    pub clinic: ClinicId,
    pub collection: CollectionId,
    pub scope: FeedScope,
    /// The state of the clinic when the link was opened: memory must be at least this fresh.
    pub version: Version,
}

impl FeedGrant {
    pub fn busy_only(&self) -> bool {
        self.scope == FeedScope::Busy
    }
}

impl Accounts {
    /// Makes a link. The secret is not kept: show it now. That `who` may share the calendar was decided before.
    pub async fn add_feed(
        &self,
        who: &Caller,
        collection: CollectionId,
        scope: FeedScope,
        label: &str,
    ) -> Result<(FeedId, Secret), Error> {
        let label = people::line(label, LABEL, "a label has 1 to 100 characters on one line")?;
        let secret = seal::random_text()?;
        let secret_hash = seal::secret_hash(secret.expose());
        let new = NewFeed { collection, secret_hash, scope, label };
        let made = self.write(who, move |tx| Box::pin(async move { Ok(tx.insert_feed(new).await?) })).await?;
        Ok((made.id, secret))
    }

    /// All of one calendar, revoked ones too.
    pub async fn feeds(&self, who: &Caller, of: CollectionId) -> Result<Vec<Feed>, Error> {
        Ok(self.inner.store.read(who.clinic()).await?.feeds(who.clinic(), of).await?)
    }

    pub async fn revoke_feed(&self, who: &Caller, of: CollectionId, id: FeedId) -> Result<(), Error> {
        let was =
            self.write(who, move |tx| Box::pin(async move { Ok(tx.revoke_feed(of, id).await?) })).await?;
        if was { Ok(()) } else { Err(Error::NotFound("live feed")) }
    }

    /// What this secret opens; `None` for a wrong or revoked one, or when the calendar's owner is disabled.
    pub async fn open_feed(&self, secret: &str) -> Result<Option<FeedGrant>, Error> {
        let is_shaped =
            secret.len() == seal::RANDOM_LETTERS && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_shaped {
            return Ok(None);
        }
        let hash = seal::secret_hash(secret);
        if let Some(opened) = self.inner.links.0.get(&hash) {
            let version = self.inner.store.version(opened.feed.clinic).await?;
            if version.structure == opened.structure {
                return Ok(Some(self.granted(&opened.feed, version)));
            }
            self.inner.links.0.remove(&hash);
        }
        self.look_up(hash).await
    }

    /// The version is read before the row that decides: a change in between is seen at the next request.
    async fn look_up(&self, hash: [u8; 32]) -> Result<Option<FeedGrant>, Error> {
        let store = &self.inner.store;
        let Some(first) = store.across().await?.feed_by_hash(&hash).await? else { return Ok(None) };
        let version = store.version(first.clinic).await?;
        let mut conn = store.read(first.clinic).await?;
        let Some(feed) = conn.feed_by_hash(&hash).await? else { return Ok(None) };
        let Some(collection) = conn.collections_by_id(feed.clinic, &[feed.collection]).await?.pop() else {
            return Ok(None);
        };
        let owner = conn.principals_by_id(feed.clinic, &[collection.owner]).await?.pop();
        if owner.is_none_or(|owner| owner.disabled_at.is_some()) {
            return Ok(None);
        }
        let grant = self.granted(&feed, version);
        self.inner.links.0.insert(hash, Arc::new(Opened { feed, structure: version.structure }));
        Ok(Some(grant))
    }

    fn granted(&self, feed: &Feed, version: Version) -> FeedGrant {
        self.inner.uses.note_feed(feed.clinic, feed.id);
        FeedGrant {
            id: feed.id,
            clinic: feed.clinic,
            collection: feed.collection,
            scope: feed.scope,
            version,
        }
    }
}
