//! THE write: put (one, or many that are new) and delete (`transfer` for both at once). Every door, every import and every sync ends here, in one transaction.
//!
//! Checked before it begins: what the text alone decides. Checked inside: access as it is then, the condition,
//! the UID. The journal row and the new sequence are written with the object; memory follows the commit.

use bytes::Bytes;
use ical::{Digest, Object};
use store::{ClinicId, CollectionId, NewObject, ObjectMeta, Origin, Policy, PrincipalId, Tx, Unique};

use super::Calendars;
use super::access::{Access, Privilege};
use super::condition::{Condition, Tags};
use super::error::{Error, Precondition, Result};
use super::guard::{Guarded, Sighted};
use super::load;
use super::object::Etag;
use super::path::{self, CollectionPath, ObjectPath};
use super::shown::Shown;
use super::turns::compute;
use super::work::Work;
use crate::accounts::Caller;

/// Texts up to this size are read on the async thread: some 20 µs of work.
const SMALL: usize = 16 << 10;

/// What a write did.
#[derive(Clone, Debug)]
pub struct Written {
    pub etag: Etag,
    pub created: bool,
    /// The tag is that of the bytes that were sent; otherwise the client must read what is there (RFC 4791 5.3.4).
    pub as_sent: bool,
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
        let new = object_row(shown.row().id, &at.name, &object, text);
        let zones = ical::definitions_to_compare(&object);
        let written = self.save(by, &shown, vec![(new, object)], only_if).await?;
        compare(shown.row().id, zones);
        written.into_iter().next().ok_or(Error::NotFound)
    }

    /// Stores objects, by name and text, where nothing of these names stands yet: one change of the calendar, all of
    /// them or none. For whoever carries a whole calendar over; in the order of the texts.
    pub async fn put_new(
        &self,
        by: Author<'_>,
        at: &CollectionPath,
        all: Vec<(String, Bytes)>,
    ) -> Result<Vec<Written>> {
        let shown = self.collection(by.who, at).await?;
        shown.need(Privilege::WriteContent)?;
        let mut rows = Vec::with_capacity(all.len());
        for (name, text) in all {
            path::check_name(&name)?;
            let object = self.checked(&shown, &text).await?;
            rows.push((object_row(shown.row().id, &name, &object, text), object));
        }
        let only_if = Condition { if_none_match: Some(Tags::Any), ..Condition::NONE };
        self.save(by, &shown, rows, only_if).await
    }

    /// Removes an object.
    pub async fn delete(&self, by: Author<'_>, at: &ObjectPath, only_if: Condition) -> Result<()> {
        let shown = self.collection(by.who, &at.collection).await?;
        shown.need(Privilege::Unbind)?;
        let (id, name, access) = (shown.row().id, at.name.clone(), Rights::of(&shown, by.who));
        let (origin, caller, limits) = (by.from, by.who.principal(), self.settings().limits.reader());
        let guarded = self.guarded(&shown, (caller, origin));
        let done = self
            .store()
            .write(shown.row().clinic, move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.sign(origin, Some(caller));
                    access.still(tx, Privilege::Unbind).await?;
                    let old = tx.object_meta(access.clinic, id, &name).await?.ok_or(Error::NotFound)?;
                    only_if.holds(Some(&Etag(old.etag)))?;
                    let mut work = Work::over(tx, limits);
                    take_away(&mut work, id, &old, guarded.as_ref()).await?;
                    Ok::<_, Error>(work.done())
                })
            })
            .await?;
        self.tell(shown.row().clinic, done);
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

    /// Writes all of them in one transaction, or none.
    async fn save(
        &self,
        by: Author<'_>,
        at: &Shown,
        all: Vec<(NewObject, Object)>,
        only_if: Condition,
    ) -> Result<Vec<Written>> {
        let (rights, limits) = (Rights::of(at, by.who), self.settings().limits.reader());
        let (origin, caller) = (by.from, by.who.principal());
        let sent: Vec<(String, String, Etag)> =
            all.iter().map(|(new, _)| (new.name.clone(), new.uid.clone(), Etag(new.etag))).collect();
        let mut puts = Vec::with_capacity(all.len());
        for (new, object) in all {
            puts.push(Put { only_if: only_if.clone(), ..self.prepared(by, at, new, object).await? });
        }
        let result = self
            .store()
            .write(at.row().clinic, move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.sign(origin, Some(caller));
                    rights.still(tx, Privilege::WriteContent).await?;
                    let mut work = Work::over(tx, limits);
                    let mut put = Vec::with_capacity(puts.len());
                    for one in puts {
                        put.push(one.run(&mut work, rights.clinic).await?);
                    }
                    Ok::<_, Error>((work.done(), put))
                })
            })
            .await;
        let (done, put) = match result {
            Err(Error::Precondition(Precondition::NoUidConflict(path))) => {
                let uid = sent.iter().find(|(name, ..)| *name == path.name).map(|(_, uid, _)| uid.as_str());
                let error = Precondition::NoUidConflict(path.clone()).into();
                return Err(self.with_place_of_uid(at, uid.unwrap_or_default(), error).await);
            }
            done => done?,
        };
        let written = put.into_iter().zip(&sent).map(|((old, etag), (.., sent))| {
            let same = old.as_ref().filter(|old| old.etag == etag.0).map(|old| old.seq);
            Written { etag, created: old.is_none(), as_sent: etag == *sent, seq: same.unwrap_or(done.seq) }
        });
        let written = written.collect();
        self.tell(at.row().clinic, done);
        Ok(written)
    }

    /// A put with what the rule of its calendar wants to know, where there is one.
    pub(super) async fn prepared(
        &self,
        by: Author<'_>,
        at: &Shown,
        new: NewObject,
        object: Object,
    ) -> Result<Put> {
        let digest = object.digest.clone();
        let guarded = match self.guarded(at, (by.who.principal(), by.from)) {
            Some(guarded) => {
                let sighted = self.sighted(&guarded, new.text.clone(), object).await?;
                Some((guarded, sighted))
            }
            None => None,
        };
        let path = at.object(new.name.clone());
        Ok(Put { path, new, digest, only_if: Condition::NONE, guarded, moved: None })
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
pub(super) fn object_row(at: CollectionId, name: &str, object: &Object, text: Bytes) -> NewObject {
    NewObject {
        collection: at,
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

/// Removes an object, unless the rule of its calendar has it stay with another text.
pub(super) async fn take_away(
    work: &mut Work<'_>,
    at: CollectionId,
    old: &ObjectMeta,
    guarded: Option<&Guarded>,
) -> Result<()> {
    let stays = match guarded {
        Some(guarded) => guarded.ask(work, Some(old), None).await?,
        None => None,
    };
    match stays {
        Some(text) => work.put(at, &old.name, text, Some(old.created_at)).await.map(drop),
        None => work.remove(at, &old.name).await.map(drop),
    }
}

/// A put inside its transaction.
pub(super) struct Put {
    pub path: ObjectPath,
    pub new: NewObject,
    pub digest: Digest,
    pub only_if: Condition,
    pub guarded: Option<(Guarded, Sighted)>,
    /// Where it stood in the same calendar before, if it was moved from there.
    pub moved: Option<ObjectMeta>,
}

impl Put {
    /// What stood there before, and the tag of what stands there now.
    pub(super) async fn run(
        self,
        work: &mut Work<'_>,
        clinic: ClinicId,
    ) -> Result<(Option<ObjectMeta>, Etag)> {
        let Put { path, mut new, mut digest, only_if, guarded, moved } = self;
        let old = work.tx().object_meta(clinic, new.collection, &new.name).await?;
        only_if.holds(old.as_ref().map(|old| Etag(old.etag)).as_ref())?;
        if let Some(old) = &old {
            if old.etag == new.etag {
                return Ok((Some(old.clone()), Etag(new.etag)));
            }
            // RFC 4791 5.3.2.1: nor may another UID take the place of this one.
            if old.uid != new.uid {
                return Err(Precondition::NoUidConflict(path).into());
            }
        }
        if let Some((guarded, sighted)) = guarded {
            let before = old.as_ref().or(moved.as_ref());
            if let Some(instead) = guarded.ask(work, before, Some((&new.name, &sighted))).await? {
                let object = work.read(&instead)?;
                digest = object.digest.clone();
                new = NewObject { uid: new.uid, ..object_row(new.collection, &new.name, &object, instead) };
            }
        }
        let etag = Etag(new.etag);
        match work.save(new, digest, old.as_ref().map(|old| old.created_at)).await {
            Err(store::Error::Unique(Unique::ObjectUid)) => Err(Precondition::NoUidConflict(path).into()),
            other => Ok(other.map(|()| (old, etag))?),
        }
    }
}

/// What the caller had when the request came, to be asked again where that may have changed.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    pub clinic: ClinicId,
    collection: CollectionId,
    principal: PrincipalId,
    policy: Option<Policy>,
    structure: i64,
}

impl Rights {
    pub(super) fn of(at: &Shown, who: &Caller) -> Rights {
        Rights {
            clinic: at.row().clinic,
            collection: at.row().id,
            principal: who.principal(),
            policy: at.row().policy,
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
        if seen.collection.policy != self.policy {
            // It became bookable, or another way, since the request came: asked again, it is told of the new rule.
            return Err(Error::Busy { retry_after: 1 });
        }
        Access::from(seen.access).need(privilege)
    }
}
