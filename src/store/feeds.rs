//! Feeds: secret links to a collection. Only the hash of the secret is kept; a revoked row stays to be seen.

use crate::{Aside, ClinicId, CollectionId, Conn, Error, FeedId, Result, Tx};

/// What a feed shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedScope {
    /// The events.
    Full,
    /// Busy times only.
    Busy,
}

/// One feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its id.
    pub id: FeedId,
    /// Its clinic.
    pub clinic: ClinicId,
    /// Of which collection.
    pub collection: CollectionId,
    /// What it shows.
    pub scope: FeedScope,
    /// What its maker calls it.
    pub label: String,
    /// Seconds UTC.
    pub created_at: i64,
    /// Seconds UTC, exact to a minute.
    pub used_at: Option<i64>,
    /// Seconds UTC; Some: no longer valid.
    pub revoked_at: Option<i64>,
}

/// A feed to be made.
#[derive(Clone)]
pub struct NewFeed {
    /// Of which collection.
    pub collection: CollectionId,
    /// SHA-256 (or MAC) of the secret; unique.
    pub secret_hash: [u8; 32],
    /// What it shows.
    pub scope: FeedScope,
    /// What its maker calls it.
    pub label: String,
}

impl Conn {
    /// The live feed of this secret's hash, in the whole installation.
    pub async fn feed_by_hash(&mut self, _secret_hash: &[u8; 32]) -> Result<Option<Feed>> {
        Err(Error::broken("not built"))
    }

    /// The feeds of a collection, revoked ones too, ordered by id.
    pub async fn feeds(&mut self, _clinic: ClinicId, _of: CollectionId) -> Result<Vec<Feed>> {
        Err(Error::broken("not built"))
    }
}

impl Tx {
    /// Makes a feed. `Error::Gone` without the collection.
    pub async fn insert_feed(&mut self, _new: NewFeed) -> Result<Feed> {
        Err(Error::broken("not built"))
    }

    /// Ends a feed. False when the collection has no such live one.
    pub async fn revoke_feed(&mut self, _of: CollectionId, _id: FeedId) -> Result<bool> {
        Err(Error::broken("not built"))
    }
}

impl Aside {
    /// Sets `used_at` to now for all of these; the caller gathers them and calls at most once a minute.
    pub async fn touch_feeds(&mut self, _clinic: ClinicId, _ids: &[FeedId]) -> Result<()> {
        Err(Error::broken("not built"))
    }
}
