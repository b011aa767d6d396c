//! The journal: one row per fact, append only, numbered by the change (`seq`) and the place in it (`n`). Whoever must
//! react reads it with an own cursor; nothing hooks into the write.

use crate::{ClinicId, CollectionId, Conn, Error, Etag, PrincipalId, Result};

/// What changed.
#[derive(Clone, PartialEq, Eq)]
pub enum Fact {
    /// An object was written.
    ObjectPut {
        /// In which collection.
        collection: CollectionId,
        /// Under which name.
        name: String,
        /// Its ETag.
        etag: Etag,
    },
    /// An object was removed.
    ObjectGone {
        /// From which collection.
        collection: CollectionId,
        /// Under which name it was.
        name: String,
    },
    /// A collection was made.
    CollectionMade {
        /// Which.
        collection: CollectionId,
        /// In whose home.
        owner: PrincipalId,
    },
    /// A collection's own properties changed.
    CollectionChanged {
        /// Which.
        collection: CollectionId,
        /// In whose home.
        owner: PrincipalId,
    },
    /// A collection was removed with all it held.
    CollectionGone {
        /// Which.
        collection: CollectionId,
        /// In whose home it was.
        owner: PrincipalId,
    },
    /// A collection was shared, or the share changed.
    Shared {
        /// Which.
        collection: CollectionId,
        /// With whom.
        principal: PrincipalId,
    },
    /// A share ended.
    Unshared {
        /// Of which collection.
        collection: CollectionId,
        /// With whom.
        principal: PrincipalId,
    },
    /// A principal was made or changed (name, password, app passwords, disabled, properties).
    PrincipalChanged {
        /// Which.
        principal: PrincipalId,
    },
    /// A principal was erased.
    PrincipalErased {
        /// Which.
        principal: PrincipalId,
    },
    /// A feed of this collection was made or revoked.
    FeedChanged {
        /// Of which collection.
        collection: CollectionId,
    },
    /// An import into this collection ended; its objects were journalled one by one before.
    Imported {
        /// Which.
        collection: CollectionId,
    },
    /// Everything may be different (restore, new epoch): forget what you know.
    Restored,
}

/// The door a change came through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The house itself (timers, repair).
    #[default]
    House,
    /// CalDAV.
    Dav,
    /// The command line.
    Cli,
    /// An import.
    Import,
    /// The JSON API.
    Rest,
    /// The web pages.
    Ui,
    /// A link to Google, by its id.
    Google(i64),
}

/// One row of the journal.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// The change.
    pub seq: i64,
    /// The place in it, from 0.
    pub n: i64,
    /// What changed.
    pub fact: Fact,
    /// Through which door.
    pub origin: Origin,
    /// By whom.
    pub caller: Option<PrincipalId>,
    /// Seconds UTC.
    pub at: i64,
}

impl Conn {
    /// The rows after the change `seq`, in order. The last change of a full page may be cut: go on from the last
    /// complete one (`rows.last().seq - 1`) or ask for more.
    pub async fn journal_after(&mut self, _clinic: ClinicId, _seq: i64, _limit: u32) -> Result<Vec<Row>> {
        Err(Error::broken("not built"))
    }

    /// The rows of one collection after the change `seq`, in order.
    pub async fn journal_of(
        &mut self,
        _clinic: ClinicId,
        _of: CollectionId,
        _seq: i64,
        _limit: u32,
    ) -> Result<Vec<Row>> {
        Err(Error::broken("not built"))
    }

    /// Which collections changed after `seq`, each with its last change, ordered by collection.
    pub async fn journal_collections_since(
        &mut self,
        _clinic: ClinicId,
        _seq: i64,
    ) -> Result<Vec<(CollectionId, i64)>> {
        Err(Error::broken("not built"))
    }
}
