//! THE write: put, delete, transfer. Every door, every import and every sync ends here, in one transaction.
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

/// COPY or MOVE (RFC 4918 9.8, 9.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    Copy,
    Move,
}

/// Whether something at the destination may be replaced (RFC 4918 10.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    Yes,
    No,
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
        self.save(by, &shown, new, object.digest, only_if).await
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

    /// Copies or moves an object, within a calendar or to another one.
    pub async fn transfer(
        &self,
        by: Author<'_>,
        (from, to): (&ObjectPath, &ObjectPath),
        how: Transfer,
        overwrite: Overwrite,
        only_if: Condition,
    ) -> Result<Written> {
        let source = self.collection(by.who, &from.collection).await?;
        let opened = self.texts(&source, &[&from.name]).await?.pop().flatten();
        let (entry, text) = opened.ok_or(Error::NotFound)?;
        only_if.holds(Some(&entry.etag))?;
        if overwrite == Overwrite::No {
            let target = self.parent(by.who, to).await?;
            if self.find(&target, &[&to.name]).await?.pop().flatten().is_some() {
                return Err(Error::ConditionFailed);
            }
        }
        match how {
            Transfer::Copy => self.put(by, to, text, Condition::NONE).await,
            Transfer::Move => self.rename(by, &source, (from, &entry), to, text).await,
        }
    }

    /// Both ends of a move in one transaction: there is no moment at which the object is nowhere, or twice.
    async fn rename(
        &self,
        by: Author<'_>,
        source: &Shown,
        (from, entry): (&ObjectPath, &Entry),
        to: &ObjectPath,
        text: Bytes,
    ) -> Result<Written> {
        if from == to {
            return Err(Error::Denied(Privilege::Bind));
        }
        source.need(Privilege::Unbind)?;
        path::check_name(&to.name)?;
        let target = self.parent(by.who, to).await?;
        target.need(Privilege::Bind)?;
        let object = self.checked(&target, &text).await?;
        let new = new_object(&target, &to.name, &object, text.clone());
        let (old_id, old_name, etag) = (source.row().id, from.name.clone(), entry.etag);
        let rights = (Rights::of(source, by.who), Rights::of(&target, by.who));
        let (origin, caller, saved) = (by.from, by.who.principal(), new.clone());
        let put = Put { new, path: to.clone(), only_if: Condition::NONE };
        let done = self
            .store()
            .write(target.row().clinic, move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.sign(origin, Some(caller));
                    rights.0.still(tx, Privilege::Unbind).await?;
                    rights.1.still(tx, Privilege::Bind).await?;
                    let old =
                        tx.object_meta(rights.0.clinic, old_id, &old_name).await?.ok_or(Error::NotFound)?;
                    if Etag(old.etag) != etag {
                        return Err(Error::ConditionFailed);
                    }
                    tx.remove_object(old_id, &old_name).await?;
                    let created = put.run(tx, rights.1.clinic).await?.is_none();
                    Ok::<_, Error>((tx.seq(), created))
                })
            })
            .await;
        let (seq, created) = match done {
            Ok(done) => done,
            Err(error) => return Err(self.conflict(error, &target, &saved.uid).await),
        };
        let slot = self.slot(&saved, object.digest, seq, Some(entry.created));
        let written = Written { etag: slot.entry.etag, created, seq };
        let gone = Change::Gone { name: from.name.as_str().into(), seq };
        self.own(&target, seq, vec![(old_id, gone), (target.row().id, Change::Put(slot))]);
        self.memory().keep_text(written.etag, text);
        Ok(written)
    }

    /// The calendar that holds, or would hold, the object.
    async fn parent(&self, who: &Caller, at: &ObjectPath) -> Result<Shown> {
        self.collection(who, &at.collection).await.map_err(|error| match error {
            Error::NotFound => Error::NoParent,
            other => other,
        })
    }

    /// What the text alone decides (RFC 4791 4.1, 5.3.2.1), and whether the calendar takes such things.
    async fn checked(&self, at: &Shown, text: &Bytes) -> Result<Object> {
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
        let done = self
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
        let (seq, old) = match done {
            Ok(done) => done,
            Err(error) => return Err(self.conflict(error, at, &saved.uid).await),
        };
        let created = old.is_none();
        let slot = self.slot(&saved, digest, seq, old.map(|old| old.created_at));
        let written = Written { etag: slot.entry.etag, created, seq };
        self.memory().keep_text(written.etag, saved.text);
        self.own(at, seq, vec![(saved.collection, Change::Put(slot))]);
        Ok(written)
    }

    /// RFC 4791 5.3.2.1 wants the href of the object that has the UID. It is looked up when the write has failed:
    /// PostgreSQL answers nothing more inside a transaction that did.
    async fn conflict(&self, error: Error, at: &Shown, uid: &str) -> Error {
        if !matches!(error, Error::Precondition(Precondition::NoUidConflict(_))) {
            return error;
        }
        let row = at.row();
        let found =
            async { self.store().read().await?.names_of_uids(row.clinic, row.id, &[uid.to_owned()]).await };
        match found.await.map(|mut names| names.pop()) {
            Ok(Some((_, name))) => Precondition::NoUidConflict(at.object(name)).into(),
            _ => error,
        }
    }

    fn slot(&self, saved: &NewObject, digest: Digest, seq: i64, created: Option<i64>) -> Arc<Slot> {
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
struct Put {
    path: ObjectPath,
    new: NewObject,
    only_if: Condition,
}

impl Put {
    /// What stood there before.
    async fn run(self, tx: &mut Tx, clinic: ClinicId) -> Result<Option<ObjectMeta>> {
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
struct Rights {
    clinic: ClinicId,
    collection: CollectionId,
    principal: PrincipalId,
    structure: i64,
}

impl Rights {
    fn of(at: &Shown, who: &Caller) -> Rights {
        Rights {
            clinic: at.row().clinic,
            collection: at.row().id,
            principal: who.principal(),
            structure: at.version.structure,
        }
    }

    /// Inside the transaction: a grant that was taken away meanwhile counts.
    async fn still(&self, tx: &mut Tx, privilege: Privilege) -> Result<()> {
        if tx.structure() == self.structure {
            return Ok(());
        }
        let seen = tx.collections_visible_to(self.clinic, self.principal).await?;
        let seen =
            seen.into_iter().find(|seen| seen.collection.id == self.collection).ok_or(Error::NotFound)?;
        Access::from(seen.access).need(privilege)
    }
}
