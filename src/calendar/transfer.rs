//! COPY and MOVE of an object (RFC 4918 9.8, 9.9), within a calendar or to another one.
//!
//! Both ends stand in one transaction: there is no moment at which the object is nowhere, or twice. Dead
//! properties go with it.

use bytes::Bytes;
use store::{Property, PropertyOwner, Tx};

use super::Calendars;
use super::access::Privilege;
use super::condition::{Condition, Tags};
use super::error::{Error, Result};
use super::object::{Entry, Etag};
use super::objects::{Author, Put, Rights, Written, new_object};
use super::path::{self, ObjectPath};
use super::shelf::Change;
use super::shown::Shown;

/// Which of the two.
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

impl Transfer {
    /// What the caller needs where the object stands.
    fn needs(self) -> Privilege {
        match self {
            Transfer::Copy => Privilege::Read,
            Transfer::Move => Privilege::Unbind,
        }
    }
}

/// Where from, and what is there.
struct Source {
    shown: Shown,
    entry: Entry,
}

impl Calendars {
    /// Copies or moves an object. `only_if` is about the source.
    pub async fn transfer(
        &self,
        by: Author<'_>,
        (from, to): (&ObjectPath, &ObjectPath),
        how: Transfer,
        overwrite: Overwrite,
        only_if: Condition,
    ) -> Result<Written> {
        let shown = self.collection(by.who, &from.collection).await?;
        shown.need(how.needs())?;
        let (entry, text) =
            self.texts(&shown, &[&from.name]).await?.pop().flatten().ok_or(Error::NotFound)?;
        only_if.holds(Some(&entry.etag))?;
        if from == to {
            return Err(Error::Denied(Privilege::Bind));
        }
        path::check_name(&to.name)?;
        let target = self.parent(by.who, to).await?;
        target.need(Privilege::Bind)?;
        let only_if = match overwrite {
            Overwrite::Yes => Condition::NONE,
            Overwrite::No => Condition { if_none_match: Some(Tags::Any), ..Condition::NONE },
        };
        self.carry(by, Source { shown, entry }, &target, to, (text, how, only_if)).await
    }

    async fn carry(
        &self,
        by: Author<'_>,
        source: Source,
        target: &Shown,
        to: &ObjectPath,
        (text, how, only_if): (Bytes, Transfer, Condition),
    ) -> Result<Written> {
        let object = self.checked(target, &text).await?;
        let new = new_object(target, &to.name, &object, text.clone());
        let saved = new.clone();
        let rights = (Rights::of(&source.shown, by.who), Rights::of(target, by.who));
        let (origin, caller) = (by.from, by.who.principal());
        let (id, name) = (source.shown.row().id, source.entry.name.clone());
        let etag = (!source.shown.is_view()).then_some(source.entry.etag);
        let put = Put { new, path: to.clone(), only_if };
        let result = self
            .store()
            .write(target.row().clinic, move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.sign(origin, Some(caller));
                    rights.0.still(tx, how.needs()).await?;
                    rights.1.still(tx, Privilege::Bind).await?;
                    let kept = match etag {
                        Some(etag) => take(tx, &rights.0, (id, &name), etag, how).await?,
                        None => Vec::new(),
                    };
                    let owner = PropertyOwner::Object(put.new.collection, put.new.name.clone());
                    let created = put.run(tx, rights.1.clinic).await?.is_none();
                    give(tx, owner, kept).await?;
                    Ok::<_, Error>((tx.seq(), created))
                })
            })
            .await;
        let (seq, created) = match result {
            Err(error) => return Err(self.with_place_of_uid(target, &saved.uid, error).await),
            Ok(done) => done,
        };
        let slot = self.slot(&saved, object.digest, seq, Some(source.entry.created));
        let written = Written { etag: slot.entry.etag, created, seq };
        let mut changes = vec![(target.row().id, Change::Put(slot))];
        if how == Transfer::Move {
            changes.insert(0, (id, Change::Gone { name: source.entry.name, seq }));
        }
        self.own(target, seq, changes);
        self.memory().keep_text(written.etag, text);
        Ok(written)
    }
}

/// Takes the source's dead properties, and of a move the source itself, if it is still what was read.
async fn take(
    tx: &mut Tx,
    rights: &Rights,
    (id, name): (store::CollectionId, &str),
    etag: Etag,
    how: Transfer,
) -> Result<Vec<Property>> {
    let old = tx.object_meta(rights.clinic, id, name).await?.ok_or(Error::NotFound)?;
    if Etag(old.etag) != etag {
        return Err(Error::ConditionFailed);
    }
    let kept = tx.properties(rights.clinic, &[PropertyOwner::Object(id, name.to_string())]).await?;
    if how == Transfer::Move {
        tx.remove_object(id, name).await?;
    }
    Ok(kept)
}

async fn give(tx: &mut Tx, owner: PropertyOwner, mut kept: Vec<Property>) -> Result<()> {
    if kept.is_empty() {
        return Ok(());
    }
    kept.iter_mut().for_each(|property| property.owner = owner.clone());
    Ok(tx.set_properties(&kept).await?)
}
