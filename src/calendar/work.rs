//! Several objects and the rows of whoever asks in one transaction, all or nothing; memory hears of all of them.
//!
//! For the house itself (the rule of `guard`, the clinic's own bookings), never for a door: it asks neither access nor
//! the rule, because whoever calls it has decided.

use std::sync::Arc;

use bytes::Bytes;
use store::{Ahead, BoxFuture, ClinicId, CollectionId, NewObject, Tx};

use super::Calendars;
use super::error::{Error, Precondition, Result};
use super::object::{Entry, Etag};
use super::objects::object_row;
use super::shelf::{Change, Slot};

/// A text that will be stored, read before the transaction that writes it: nobody waits there while it is read.
#[derive(Debug)]
pub struct Sheet {
    /// What is stored.
    pub text: Bytes,
    /// What it says.
    pub object: ical::Object,
}

impl Sheet {
    fn read(text: Bytes, limits: &ical::Limits) -> Result<Sheet> {
        Ok(Sheet { object: read(&text, limits)?, text })
    }
}

fn read(text: &[u8], limits: &ical::Limits) -> Result<ical::Object> {
    ical::check(text, limits).map_err(|refusal| Error::Precondition(Precondition::from(refusal)))
}

/// A transaction under way.
pub struct Work<'t> {
    tx: &'t mut Tx,
    limits: ical::Limits,
    changes: Vec<(CollectionId, Change)>,
    texts: Vec<(Etag, Bytes)>,
}

/// What memory is told after the commit.
pub(super) struct Done {
    pub seq: i64,
    pub changes: Vec<(CollectionId, Change)>,
    pub texts: Vec<(Etag, Bytes)>,
}

impl<'t> Work<'t> {
    pub(super) fn over(tx: &'t mut Tx, limits: ical::Limits) -> Work<'t> {
        Work { tx, limits, changes: Vec::new(), texts: Vec::new() }
    }

    /// For rows of one's own in the same transaction.
    pub fn tx(&mut self) -> &mut Tx {
        self.tx
    }

    /// Reads a text as the write would: what stands behind it is what will be stored.
    pub fn read(&self, text: &[u8]) -> Result<ical::Object> {
        read(text, &self.limits)
    }

    /// Reads a text and writes it as an object. `created` is when the one it replaces was made.
    pub async fn put(
        &mut self,
        at: CollectionId,
        name: &str,
        text: Bytes,
        created: Option<i64>,
    ) -> Result<Etag> {
        let sheet = Sheet::read(text, &self.limits)?;
        self.put_sheet(at, name, &sheet, created).await
    }

    /// The same for a text that was read before.
    pub async fn put_sheet(
        &mut self,
        at: CollectionId,
        name: &str,
        Sheet { text, object }: &Sheet,
        created: Option<i64>,
    ) -> Result<Etag> {
        let new = object_row(at, name, object, text.clone());
        let etag = Etag(new.etag);
        self.save(new, object.digest.clone(), created).await?;
        Ok(etag)
    }

    pub(super) async fn save(
        &mut self,
        new: NewObject,
        digest: ical::Digest,
        created: Option<i64>,
    ) -> store::Result<()> {
        let now = self.tx.now();
        let entry = Entry {
            name: new.name.as_str().into(),
            etag: Etag(new.etag),
            size: u32::try_from(new.text.len()).unwrap_or(u32::MAX),
            kind: digest.kind,
            seq: self.tx.seq(),
            created: created.unwrap_or(now),
            modified: now,
        };
        // A copy: the body is a slice of the connection's read buffer, and would keep all of it alive.
        let kept = (entry.etag, Bytes::copy_from_slice(&new.text));
        let at = new.collection;
        self.tx.save_object(new).await?;
        self.texts.push(kept);
        self.changes.push((at, Change::Put(Arc::new(Slot { entry, digest }))));
        Ok(())
    }

    /// Removes an object; false when there is none.
    pub async fn remove(&mut self, at: CollectionId, name: &str) -> Result<bool> {
        let gone = self.tx.remove_object(at, name).await?;
        if gone {
            self.changes.push((at, Change::Gone { name: name.into(), seq: self.tx.seq() }));
        }
        Ok(gone)
    }

    pub(super) fn done(self) -> Done {
        Done { seq: self.tx.seq(), changes: self.changes, texts: self.texts }
    }
}

impl Calendars {
    /// Reads a text as [`Work::put`] would.
    pub fn sheet(&self, text: Bytes) -> Result<Sheet> {
        Sheet::read(text, &self.settings().limits.reader())
    }

    /// One change of a clinic made of several: the job writes objects through [`Work`] and rows of its own; all of it is
    /// committed, or nothing. Sign it ([`Tx::sign`]) first.
    pub async fn together<T, E, F>(&self, clinic: ClinicId, job: F) -> Result<T, E>
    where
        F: for<'w, 't> FnOnce(&'w mut Work<'t>) -> BoxFuture<'w, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let limits = self.settings().limits.reader();
        let (value, done) = self
            .store()
            .write(clinic, move |tx: &mut Tx| {
                Box::pin(async move {
                    let mut work = Work::over(tx, limits);
                    let value = job(&mut work).await?;
                    Ok::<_, E>((value, work.done()))
                })
            })
            .await?;
        self.tell(clinic, done);
        Ok(value)
    }

    /// The same for a job that may go together with others ([`store::Store::write_among`]): run again where one of them
    /// fails. Without `ahead` it goes alone.
    pub async fn together_among<T, E, F>(
        &self,
        clinic: ClinicId,
        ahead: Option<Ahead>,
        job: F,
    ) -> Result<T, E>
    where
        F: for<'w, 't> Fn(&'w mut Work<'t>) -> BoxFuture<'w, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let (limits, job) = (self.settings().limits.reader(), Arc::new(job));
        let written = self.store().write_among(clinic, ahead, move |tx: &mut Tx| {
            let (limits, job) = (limits.clone(), job.clone());
            Box::pin(async move {
                let mut work = Work::over(tx, limits);
                let value = job(&mut work).await?;
                Ok::<_, E>((value, work.done()))
            })
        });
        let (value, done) = written.await?;
        self.tell(clinic, done);
        Ok(value)
    }

    /// Tells memory what was just committed.
    pub(super) fn tell(&self, clinic: ClinicId, done: Done) {
        done.texts.into_iter().for_each(|(etag, text)| self.memory().keep_text(etag, text));
        if let Some(clinic) = self.memory().known(clinic) {
            clinic.own(done.seq, done.changes);
        }
    }
}
