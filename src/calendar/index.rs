//! Rebuilding what is derived from the texts: digests and packs. Nothing here is ever needed to read a text.
//!
//! The digests depend on our format and on the time zone data; the store remembers under which version they were
//! made, and a server that finds another one makes them again.

use store::{ClinicId, CollectionId, NewDigest, Object};

use super::Calendars;
use super::error::Result;
use super::{load, pack};

/// Objects read and written again in one go.
const PAGE: u32 = 500;

/// The row of `meta` that names the version of all digests.
const VERSION: &str = "derived_version";

/// What a rebuild found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reindexed {
    pub objects: u64,
    /// Texts that are damaged, or that are no calendar objects any more: still there, never found by time.
    pub unreadable: u64,
}

/// What a check found wrong with one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The bytes are not those that were written: restore the object from a backup.
    Damaged,
    /// The bytes are whole, but are no calendar object.
    Unreadable,
    /// The index says something else than the text: `reindex` mends it.
    Index,
}

/// What a check went through, and the first flaws it found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub objects: u64,
    pub flaws: u64,
    pub first: Vec<(CollectionId, String, Flaw)>,
}

/// Flaws named one by one; the others are counted.
const NAMED: usize = 1_000;

impl Calendars {
    /// Compares every stored text with its hash, and the index with the text. Changes nothing.
    pub async fn check(&self) -> Result<Checked> {
        let mut sum = Checked::default();
        let clinics = self.store().across().await?.clinics().await?;
        for clinic in clinics {
            let mut after = (CollectionId(0), String::new());
            loop {
                let page = self
                    .store()
                    .read(clinic.id)
                    .await?
                    .texts_of_clinic(clinic.id, (after.0, &after.1), PAGE)
                    .await?;
                let Some(last) = page.last() else { break };
                after = (last.collection, last.meta.name.clone());
                sum.objects += page.len() as u64;
                for object in page {
                    let Some(flaw) = flaw(&object) else { continue };
                    sum.flaws += 1;
                    if sum.first.len() < NAMED {
                        sum.first.push((object.collection, object.meta.name, flaw));
                    }
                }
            }
        }
        Ok(sum)
    }

    /// Are the stored digests of this program and this time zone data?
    pub async fn index_is_current(&self) -> Result<bool> {
        Ok(self.index_version().await? == Some(pack::version()))
    }

    /// Of which version they are: our format, the digests', the time zone data's. None before the first start.
    pub async fn index_version(&self) -> Result<Option<String>> {
        Ok(self.store().across().await?.meta(VERSION).await?)
    }

    /// A store without objects has no digests of another version: what comes is made by this program.
    pub(super) async fn begin(&self) -> Result<()> {
        if self.index_version().await?.is_some() {
            return Ok(());
        }
        let clinics = self.store().across().await?.clinics().await?;
        for clinic in clinics {
            let start = (CollectionId(0), "");
            if !self.store().read(clinic.id).await?.texts_of_clinic(clinic.id, start, 1).await?.is_empty() {
                return Ok(());
            }
        }
        self.is_current_now().await
    }

    /// Makes every digest again from its text, in every clinic.
    pub async fn reindex(&self) -> Result<Reindexed> {
        let mut sum = Reindexed::default();
        let clinics = self.store().across().await?.clinics().await?;
        for clinic in clinics {
            self.reindex_clinic(clinic.id, &mut sum).await?;
            let id = clinic.id;
            self.store().aside(move |aside| Box::pin(async move { aside.drop_packs(id).await })).await?;
        }
        self.is_current_now().await?;
        Ok(sum)
    }

    async fn is_current_now(&self) -> Result<()> {
        let version = pack::version();
        let set =
            self.store().aside(move |aside| Box::pin(async move { aside.set_meta(VERSION, &version).await }));
        Ok(set.await?)
    }

    async fn reindex_clinic(&self, clinic: ClinicId, sum: &mut Reindexed) -> Result<()> {
        let mut after = (CollectionId(0), String::new());
        loop {
            let page =
                self.store().read(clinic).await?.texts_of_clinic(clinic, (after.0, &after.1), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = (last.collection, last.meta.name.clone());
            sum.objects += page.len() as u64;
            for (collection, batch) in batches(page, &mut sum.unreadable) {
                self.store()
                    .aside(move |aside| {
                        Box::pin(async move { aside.update_digests(clinic, collection, &batch).await })
                    })
                    .await?;
            }
        }
    }
}

fn flaw(object: &Object) -> Option<Flaw> {
    if object.text.is_none() {
        return Some(Flaw::Damaged);
    }
    let Some(digest) = load::derive(object) else { return Some(Flaw::Unreadable) };
    let same = digest.encode() == object.meta.digest
        && (digest.first, digest.last) == (object.meta.first, object.meta.last)
        && load::kind_number(digest.kind) == object.meta.kind;
    (!same).then_some(Flaw::Index)
}

/// By collection, as the store wants them.
fn batches(page: Vec<Object>, unreadable: &mut u64) -> Vec<(CollectionId, Vec<NewDigest>)> {
    let mut batches: Vec<(CollectionId, Vec<NewDigest>)> = Vec::new();
    for object in page {
        let (collection, name, etag) = (object.collection, object.meta.name.clone(), object.meta.etag);
        let Some(digest) = load::derive(&object) else {
            *unreadable += 1;
            continue;
        };
        let kind = load::kind_number(digest.kind);
        let new = NewDigest {
            name,
            etag,
            kind,
            first: digest.first,
            last: digest.last,
            digest: digest.encode().into(),
        };
        match batches.last_mut() {
            Some((of, batch)) if *of == collection => batch.push(new),
            _ => batches.push((collection, vec![new])),
        }
    }
    batches
}
