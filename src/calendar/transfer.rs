//! COPY and MOVE of an object (RFC 4918 9.8, 9.9), within a calendar or to another one.
//!
//! Both ends stand in one transaction: there is no moment at which the object is nowhere, or twice. Dead
//! properties go with it.

use bytes::Bytes;
use store::{ObjectMeta, Property, PropertyOwner, Tx};

use super::Calendars;
use super::access::Privilege;
use super::condition::{Condition, Tags};
use super::error::{Error, Result};
use super::object::{Entry, Etag};
use super::objects::{Author, Put, Rights, Written, object_row, take_away};
use super::path::{self, ObjectPath};
use super::shown::Shown;
use super::work::Work;

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
        let new = object_row(target.row().id, &to.name, &object, text);
        let (uid, sent) = (new.uid.clone(), Etag(new.etag));
        let rights = (Rights::of(&source.shown, by.who), Rights::of(target, by.who));
        let (origin, caller, limits) = (by.from, by.who.principal(), self.settings().limits.reader());
        let (id, name) = (source.shown.row().id, source.entry.name.clone());
        let etag = (!source.shown.is_view()).then_some(source.entry.etag);
        // Within one calendar the object goes on; the rule is asked once, about both of its places.
        let within = how == Transfer::Move && id == new.collection;
        let leaves = self.guarded(&source.shown, (caller, origin)).filter(|_| !within);
        let mut put = Put { path: to.clone(), only_if, ..self.prepared(by, target, new, object).await? };
        let result = self
            .store()
            .write(target.row().clinic, move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.sign(origin, Some(caller));
                    rights.0.still(tx, how.needs()).await?;
                    rights.1.still(tx, Privilege::Bind).await?;
                    let mut work = Work::over(tx, limits);
                    let mut kept = Vec::new();
                    if let Some(etag) = etag {
                        let old = still_there(work.tx(), &rights.0, (id, &name), etag).await?;
                        kept = properties(work.tx(), &rights.0, (id, &name)).await?;
                        if how == Transfer::Move {
                            take_away(&mut work, id, &old, leaves.as_ref()).await?;
                        }
                        put.moved = within.then_some(old);
                    }
                    let owner = PropertyOwner::Object(put.new.collection, put.new.name.clone());
                    let (old, etag) = put.run(&mut work, rights.1.clinic).await?;
                    give(work.tx(), owner, kept).await?;
                    Ok::<_, Error>((work.done(), old.is_none(), etag))
                })
            })
            .await;
        let (done, created, etag) = match result {
            Err(error) => return Err(self.with_place_of_uid(target, &uid, error).await),
            Ok(done) => done,
        };
        let written = Written { etag, created, as_sent: etag == sent, seq: done.seq };
        self.tell(target.row().clinic, done);
        Ok(written)
    }
}

/// The source, if it is still what was read.
async fn still_there(
    tx: &mut Tx,
    rights: &Rights,
    (id, name): (store::CollectionId, &str),
    etag: Etag,
) -> Result<ObjectMeta> {
    let old = tx.object_meta(rights.clinic, id, name).await?.ok_or(Error::NotFound)?;
    if Etag(old.etag) == etag { Ok(old) } else { Err(Error::ConditionFailed) }
}

/// The source's dead properties.
async fn properties(
    tx: &mut Tx,
    rights: &Rights,
    (id, name): (store::CollectionId, &str),
) -> Result<Vec<Property>> {
    Ok(tx.properties(rights.clinic, &[PropertyOwner::Object(id, name.to_string())]).await?)
}

async fn give(tx: &mut Tx, owner: PropertyOwner, mut kept: Vec<Property>) -> Result<()> {
    if kept.is_empty() {
        return Ok(());
    }
    kept.iter_mut().for_each(|property| property.owner = owner.clone());
    Ok(tx.set_properties(&kept).await?)
}
