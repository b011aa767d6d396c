//! Tombstones: names that were removed, for RFC 6578. Old ones are pruned; the collection remembers up to where, so
//! that an older token is refused instead of silently missing a removal.

use crate::{Aside, ClinicId, CollectionId, Conn, Error, Result};

/// A name that is gone.
#[derive(Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The last part of its URL.
    pub name: String,
    /// The change that removed it.
    pub seq: i64,
}

/// The removals after a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Tombstones {
    /// All of them, ordered by seq and name (up to the limit).
    Since(Vec<Tombstone>),
    /// The token is older than what was kept (or the collection is gone): the client must start anew.
    Pruned,
}

impl Conn {
    /// The removals in a collection after `seq`, in one consistent read.
    pub async fn tombstones_since(
        &mut self,
        _clinic: ClinicId,
        _in: CollectionId,
        _seq: i64,
        _limit: u32,
    ) -> Result<Tombstones> {
        Err(Error::broken("not built"))
    }
}

impl Aside {
    /// Forgets removals that happened before `before` (seconds UTC) in every collection; returns how many.
    pub async fn prune_tombstones(&mut self, _clinic: ClinicId, _before: i64) -> Result<u64> {
        Err(Error::broken("not built"))
    }
}
