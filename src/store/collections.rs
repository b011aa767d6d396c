//! Collections: calendars in the home of their owner (RFC 4791 4.2). An id is never used again, so a sync token of a
//! removed calendar can never be taken for one of its successor under the same slug.

use crate::{ClinicId, CollectionId, Conn, Error, PrincipalId, Privilege, Result, Tx};

/// One collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its id.
    pub id: CollectionId,
    /// Its clinic.
    pub clinic: ClinicId,
    /// In whose home it stands.
    pub owner: PrincipalId,
    /// The last part of its URL, unique in the home.
    pub slug: String,
    /// `VEVENT,VTODO`: what it may hold, as the caller wrote it.
    pub components: String,
    /// DAV:displayname; None when never set.
    pub display_name: Option<String>,
    /// CALDAV:calendar-description.
    pub description: Option<String>,
    /// Apple's calendar-color.
    pub color: Option<String>,
    /// Apple's calendar-order.
    pub sort_order: Option<i64>,
    /// CALDAV:calendar-timezone: a VTIMEZONE in its VCALENDAR, byte for byte.
    pub timezone: Option<String>,
    /// CALDAV:schedule-calendar-transp: true takes it out of free/busy.
    pub transparent: bool,
    /// Seconds UTC.
    pub created_at: i64,
    /// The change that touched anything in it last, objects included: its sync token.
    pub seq: i64,
    /// The change that made it.
    pub created_seq: i64,
    /// The change that touched its own properties last.
    pub changed_seq: i64,
    /// Tokens below this number are refused: tombstones up to it were pruned.
    pub pruned_seq: i64,
}

/// How somebody sees a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is their own.
    Owner,
    /// Somebody shared it with them.
    Granted(Privilege),
}

/// A collection in the eyes of one principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    /// The collection.
    pub collection: Collection,
    /// By what right.
    pub access: Access,
}

/// A collection to be made.
#[derive(Clone, Debug, Default)]
pub struct NewCollection {
    /// The last part of its URL, not empty, without `/`.
    pub slug: String,
    /// `VEVENT,VTODO`.
    pub components: String,
    /// DAV:displayname.
    pub display_name: Option<String>,
    /// CALDAV:calendar-description.
    pub description: Option<String>,
    /// Apple's calendar-color.
    pub color: Option<String>,
    /// Apple's calendar-order.
    pub sort_order: Option<i64>,
    /// CALDAV:calendar-timezone.
    pub timezone: Option<String>,
    /// CALDAV:schedule-calendar-transp.
    pub transparent: bool,
}

/// What to change of a collection; None leaves it, Some(None) takes it away.
#[derive(Clone, Debug, Default)]
pub struct CollectionChange {
    /// A new slug (rename inside the home).
    pub slug: Option<String>,
    /// What it may hold.
    pub components: Option<String>,
    /// DAV:displayname.
    pub display_name: Option<Option<String>>,
    /// CALDAV:calendar-description.
    pub description: Option<Option<String>>,
    /// Apple's calendar-color.
    pub color: Option<Option<String>>,
    /// Apple's calendar-order.
    pub sort_order: Option<Option<i64>>,
    /// CALDAV:calendar-timezone.
    pub timezone: Option<Option<String>>,
    /// CALDAV:schedule-calendar-transp.
    pub transparent: Option<bool>,
}

/// One line of a home's sync (RFC 6578 on the home collection).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HomeChange {
    /// Made or changed in its own properties; under this slug now.
    Changed {
        /// Where it stands.
        slug: String,
        /// Which one.
        collection: CollectionId,
        /// The change.
        seq: i64,
    },
    /// No longer there under this slug (removed or renamed).
    Gone {
        /// Where it stood.
        slug: String,
        /// The change.
        seq: i64,
    },
}

impl Conn {
    /// By owner and slug.
    pub async fn collection(
        &mut self,
        _clinic: ClinicId,
        _owner: PrincipalId,
        _slug: &str,
    ) -> Result<Option<Collection>> {
        Err(Error::broken("not built"))
    }

    /// Several by id, ordered by id; the missing are left out.
    pub async fn collections_by_id(
        &mut self,
        _clinic: ClinicId,
        _ids: &[CollectionId],
    ) -> Result<Vec<Collection>> {
        Err(Error::broken("not built"))
    }

    /// All of the clinic, ordered by id; `after` is the last id of the page before (0 for the first).
    pub async fn collections(
        &mut self,
        _clinic: ClinicId,
        _after: CollectionId,
        _limit: u32,
    ) -> Result<Vec<Collection>> {
        Err(Error::broken("not built"))
    }

    /// All of one home, ordered by slug.
    pub async fn collections_of(
        &mut self,
        _clinic: ClinicId,
        _owner: PrincipalId,
    ) -> Result<Vec<Collection>> {
        Err(Error::broken("not built"))
    }

    /// Own and shared ones with the right by which they are seen, ordered by owner and slug; one query.
    pub async fn collections_visible_to(
        &mut self,
        _clinic: ClinicId,
        _who: PrincipalId,
    ) -> Result<Vec<Visible>> {
        Err(Error::broken("not built"))
    }

    /// What changed in a home after `seq`, ordered by seq. 0 lists everything that is there.
    pub async fn home_changes(
        &mut self,
        _clinic: ClinicId,
        _owner: PrincipalId,
        _seq: i64,
    ) -> Result<Vec<HomeChange>> {
        Err(Error::broken("not built"))
    }
}

impl Tx {
    /// Makes a collection. `Error::Unique(CollectionSlug)`, `Error::Gone` without the owner.
    pub async fn insert_collection(
        &mut self,
        _owner: PrincipalId,
        _new: NewCollection,
    ) -> Result<Collection> {
        Err(Error::broken("not built"))
    }

    /// Changes what is Some. False when there is no such collection; `Error::Unique(CollectionSlug)`.
    pub async fn update_collection(&mut self, _id: CollectionId, _change: CollectionChange) -> Result<bool> {
        Err(Error::broken("not built"))
    }

    /// Removes it with its objects, tombstones, grants, feeds, properties and pack; leaves a tombstone in the home.
    /// False when there is no such collection.
    pub async fn remove_collection(&mut self, _id: CollectionId) -> Result<bool> {
        Err(Error::broken("not built"))
    }
}
