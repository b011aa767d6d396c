//! THE write: put and delete (`transfer` for both at once). Every door, every import and every sync ends here, in one transaction.
//!
//! Checked before it begins: what the text alone decides. Checked inside: access as it is then, the condition,
//! the UID. The journal row and the new sequence are written with the object; memory follows the commit.

use std::sync::Arc;

use bytes::Bytes;
use ical::{Digest, Object};
use store::{ClinicId, CollectionId, NewObject, ObjectMeta, Origin, PrincipalId, Tx, Unique};

use super::Calendars;
use super::access::{Access, Privilege};
use super::condition::Condition;
use super::error::{Error, Precondition, Result};
use super::load;
use super::object::{Entry, Etag};
use super::path::{self, ObjectPath};
use super::read::compute;
use super::shelf::{Change, Slot};
use super::shown::Shown;
use crate::accounts::Caller;

/// Texts up to this size are read on the async thread: some 20 µs of work.
const SMALL: usize = 16 << 10;

/// What a write did.
#[derive(Clone, Debug)]
pub struct Written {
    pub etag: Etag,
    pub created: bool,
    pub seq: i64,
}

/// Whose write it is, through which door.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    pub who: &'a Caller,
    pub from: Origin,
}

impl Calendars {
    /// Stores a text. `created` says whether the place was empty; equal bytes change nothing.
    pub async fn put(
        &self,
        by: Author<'_>,
        at: &ObjectPath,
        text: Bytes,
        only_if: Condition,
    ) -> Result<Written> {
        path::check_name(&at.name)?;
        let shown = self.parent(by.who, at).await?;
        shown.need(Privilege::WriteContent)?;
        let object = self.checked(&shown, &text).await?;
        let new = new_object(&shown, &at.name, &object, text);
        let zones = ical::definitions_to_compare(&object);
        let written = self.save(by, &shown, new, object.digest, only_if).await?;
        compare(shown.row().id, zones);
        Ok(written)
    }

    /// Removes an object.
    pub async fn delete(&self, by: Author<'_>, at: &ObjectPath, only_if: Condition) -> Result<()> {
        let shown = self.collection(by.who, &at.collection).await?;
        shown.need(Privilege::Unbind)?;
        let (id, name, access) = (shown.row().id, at.name.clone(), Rights::of(&shown, by.who));
        let (origin, caller) = (by.from, by.who.principal());
        let seq = self
            .store()
            .write(shown.row().clinic, move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.sign(origin, Some(caller));
                    access.still(tx, Privilege::Unbind).await?;
                    let old = tx.object_meta(access.clinic, id, &name).await?.ok_or(Error::NotFound)?;
                    only_if.holds(Some(&Etag(old.etag)))?;
                    tx.remove_object(id, &name).await?;
                    Ok::<_, Error>(tx.seq())
                })
            })
            .await?;
        self.own(&shown, seq, vec![(id, Change::Gone { name: at.name.as_str().into(), seq })]);
        Ok(())
    }

    /// The calendar that holds, or would hold, the object.
    pub(super) async fn parent(&self, who: &Caller, at: &ObjectPath) -> Result<Shown> {
        self.collection(who, &at.collection).await.map_err(|error| match error {
            Error::NotFound => Error::NoParent,
            other => other,
        })
    }

    /// What the text alone decides (RFC 4791 4.1, 5.3.2.1), and whether the calendar takes such things.
    pub(super) async fn checked(&self, at: &Shown, text: &Bytes) -> Result<Object> {
        let limits = self.settings().limits.reader();
        let object = match text.len() {
            0..=SMALL => ical::check(text, &limits),
            _ => {
                let text = text.clone();
                compute(move || ical::check(&text, &limits)).await?
            }
        }
        .map_err(|refusal| Error::Precondition(refusal.into()))?;
        if !at.takes(object.kind) {
            let why = format!("this calendar takes {}, not {}", at.row().components, object.kind.name());
            return Err(Precondition::SupportedCalendarComponent(why).into());
        }
        Ok(object)
    }

    async fn save(
        &self,
        by: Author<'_>,
        at: &Shown,
        new: NewObject,
        digest: Digest,
        only_if: Condition,
    ) -> Result<Written> {
        let rights = Rights::of(at, by.who);
        let (origin, caller, saved) = (by.from, by.who.principal(), new.clone());
        let put = Put { path: at.object(new.name.clone()), new, only_if };
        let result = self
            .store()
            .write(at.row().clinic, move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.sign(origin, Some(caller));
                    rights.still(tx, Privilege::WriteContent).await?;
                    let old = put.run(tx, rights.clinic).await?;
                    Ok::<_, Error>((tx.seq(), old))
                })
            })
            .await;
        let (seq, old) = match result {
            Err(error) => return Err(self.with_place_of_uid(at, &saved.uid, error).await),
            Ok(done) => done,
        };
        let etag = Etag(saved.etag);
        if let Some(same) = old.as_ref().filter(|old| old.etag == saved.etag) {
            self.own(at, seq, Vec::new());
            return Ok(Written { etag, created: false, seq: same.seq });
        }
        let created = old.is_none();
        let slot = self.slot(&saved, digest, seq, old.map(|old| old.created_at));
        // A copy: the body is a slice of the connection's read buffer, and would keep all of it alive.
        self.memory().keep_text(etag, Bytes::copy_from_slice(&saved.text));
        self.own(at, seq, vec![(saved.collection, Change::Put(slot))]);
        Ok(Written { etag, created, seq })
    }

    /// RFC 4791 5.3.2.1: no-uid-conflict says where the UID is; looked up only once it was refused.
    pub(super) async fn with_place_of_uid(&self, at: &Shown, uid: &str, error: Error) -> Error {
        let Error::Precondition(Precondition::NoUidConflict(path)) = error else { return error };
        let (row, uids) = (at.row(), [uid.to_string()]);
        let found =
            async { self.store().read(row.clinic).await?.names_of_uids(row.clinic, row.id, &uids).await }
                .await;
        let name = found.ok().and_then(|names| names.into_iter().next()).map(|(_, name)| name);
        Precondition::NoUidConflict(name.map_or(path, |name| at.object(name))).into()
    }

    pub(super) fn slot(
        &self,
        saved: &NewObject,
        digest: Digest,
        seq: i64,
        created: Option<i64>,
    ) -> Arc<Slot> {
        let now = self.store().clock().now();
        let entry = Entry {
            name: saved.name.as_str().into(),
            etag: Etag(saved.etag),
            size: u32::try_from(saved.text.len()).unwrap_or(u32::MAX),
            kind: digest.kind,
            seq,
            created: created.unwrap_or(now),
            modified: now,
        };
        Arc::new(Slot { entry, digest })
    }

    /// Tells memory what was just committed.
    pub(super) fn own(&self, at: &Shown, seq: i64, changes: Vec<(CollectionId, Change)>) {
        if let Some(clinic) = self.memory().known(at.row().clinic) {
            clinic.own(seq, changes);
        }
    }
}

/// Says that a client and this server think differently of a zone: times may look shifted to one of them.
fn compare(collection: CollectionId, zones: Vec<ical::Comparison>) {
    if zones.is_empty() {
        return;
    }
    let compare = move || {
        for zone in zones.iter().filter(|zone| zone.disagrees()) {
            tracing::info!(
                collection.id = collection.0,
                zone = zone.zone(),
                "a client defines a known time zone otherwise; its name counts"
            );
        }
    };
    tokio::task::spawn_blocking(compare);
}

/// What is written of an object, all of it derived from its text.
pub(super) fn new_object(at: &Shown, name: &str, object: &Object, text: Bytes) -> NewObject {
    NewObject {
        collection: at.row().id,
        name: name.to_string(),
        uid: object.uid.clone(),
        etag: store::Etag::of(&text),
        kind: load::kind_number(object.kind),
        first: object.digest.first,
        last: object.digest.last,
        digest: object.digest.encode().into(),
        text,
    }
}

/// A put inside its transaction.
pub(super) struct Put {
    pub path: ObjectPath,
    pub new: NewObject,
    pub only_if: Condition,
}

impl Put {
    /// What stood there before.
    pub(super) async fn run(self, tx: &mut Tx, clinic: ClinicId) -> Result<Option<ObjectMeta>> {
        let Put { path, new, only_if } = self;
        let (id, uid) = (new.collection, new.uid.clone());
        let old = tx.object_meta(clinic, id, &new.name).await?;
        only_if.holds(old.as_ref().map(|old| Etag(old.etag)).as_ref())?;
        if let Some(old) = &old {
            if old.etag == new.etag {
                return Ok(Some(old.clone()));
            }
            // RFC 4791 5.3.2.1: nor may another UID take the place of this one.
            if old.uid != uid {
                return Err(Precondition::NoUidConflict(path).into());
            }
        }
        match tx.save_object(new).await {
            Err(store::Error::Unique(Unique::ObjectUid)) => Err(Precondition::NoUidConflict(path).into()),
            other => Ok(other.map(|()| old)?),
        }
    }
}

/// What the caller had when the request came, to be asked again where that may have changed.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    pub clinic: ClinicId,
    collection: CollectionId,
    principal: PrincipalId,
    structure: i64,
}

impl Rights {
    pub(super) fn of(at: &Shown, who: &Caller) -> Rights {
        Rights {
            clinic: at.row().clinic,
            collection: at.row().id,
            principal: who.principal(),
            structure: at.version.structure,
        }
    }

    /// Inside the transaction: a grant that was taken away meanwhile counts.
    pub(super) async fn still(&self, tx: &mut Tx, privilege: Privilege) -> Result<()> {
        if tx.structure() == self.structure {
            return Ok(());
        }
        let seen = tx.collections_visible_to(self.clinic, self.principal).await?;
        let seen =
            seen.into_iter().find(|seen| seen.collection.id == self.collection).ok_or(Error::NotFound)?;
        Access::from(seen.access).need(privilege)
    }
}
