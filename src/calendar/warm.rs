//! What a start reads into memory before anybody asks: the calendars that changed last, and of their texts what is asked for
//! first. Whatever week is asked, most of its answer are series that go on; the rest are the weeks around now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ical::Window;
use store::{ClinicId, CollectionId};
use tokio::task::{JoinError, JoinSet};

use super::Calendars;
use super::error::{Error, Result};
use super::memory::TEXT_BYTES;
use super::object::Etag;

/// What is looked through, and the part of the memory of the index and of the memory of texts that is filled.
const CLINICS: usize = 100;
const COLLECTIONS: u32 = 1_000;
const PART: usize = 2;
const TEXTS_PART: u64 = 6;
/// Calendars read at once.
const AT_ONCE: usize = 3;
/// The weeks whose texts are read, in seconds before and after now: what a phone looks at in the morning.
const BEFORE: i64 = 7 * 86_400;
const AFTER: i64 = 28 * 86_400;
/// Texts read by one statement.
const CHUNK: usize = 200;

/// Bytes filled so far.
#[derive(Default)]
struct Warmth {
    index: AtomicUsize,
    texts: AtomicU64,
}

/// Whether the warming goes on after a turn.
fn has_room(turn: Option<Result<Result<bool>, JoinError>>) -> Result<bool> {
    match turn {
        None => Ok(true),
        Some(Ok(done)) => done,
        Some(Err(error)) => Err(Error::Broken(error.into())),
    }
}

impl Calendars {
    /// Reads the calendars that changed last into memory, and what is asked of them first, up to a part of what it may
    /// hold: the first requests after a start find them there.
    pub async fn warm(&self) -> Result<()> {
        let warmth = Arc::new(Warmth::default());
        // Tasks of their own, so that each has a core; they end with this one.
        let mut turns = JoinSet::new();
        for of in self.newest().await? {
            if turns.len() == AT_ONCE && !has_room(turns.join_next().await)? {
                break;
            }
            let (calendars, warmth) = (self.clone(), warmth.clone());
            turns.spawn(async move { calendars.warm_one(of, &warmth).await });
        }
        while let Some(turn) = turns.join_next().await {
            has_room(Some(turn))?;
        }
        Ok(())
    }

    /// Where to look, what changed last first.
    async fn newest(&self) -> Result<Vec<(ClinicId, CollectionId)>> {
        if !self.memory().settings().on {
            return Ok(Vec::new());
        }
        let clinics = self.store().across().await?.clinics().await?;
        let mut newest = Vec::new();
        for clinic in clinics.iter().take(CLINICS) {
            let mut conn = self.store().read(clinic.id).await?;
            let page = conn.collections(clinic.id, CollectionId(0), COLLECTIONS).await?;
            newest.extend(page.into_iter().map(|row| (row.seq, row.clinic, row.id)));
        }
        newest.sort_unstable_by(|a, b| b.cmp(a));
        Ok(newest.into_iter().map(|(_, clinic, id)| (clinic, id)).collect())
    }

    /// False when all is filled that may be.
    async fn warm_one(&self, (clinic, id): (ClinicId, CollectionId), warmth: &Warmth) -> Result<bool> {
        let (store, memory) = (self.store(), self.memory());
        let settings = memory.settings();
        if warmth.index.load(Ordering::Relaxed) >= settings.index_bytes / PART {
            return Ok(false);
        }
        let version = store.version(clinic).await?;
        let of = memory.clinic(store, clinic, version).await?;
        let shelf = memory.shelf(store, &of, id).await?;
        warmth.index.fetch_add(shelf.bytes(), Ordering::Relaxed);
        let now = store.clock().now();
        let near = Window { from: now - BEFORE, until: now + AFTER };
        let mut slots = shelf.select(|slot| slot.digest.may_overlap(near));
        slots.retain(|slot| {
            let weight = u64::from(slot.entry.size) + TEXT_BYTES;
            warmth.texts.fetch_add(weight, Ordering::Relaxed) + weight <= settings.text_bytes / TEXTS_PART
        });
        // By name as a query reads them: they need no second way in.
        for chunk in slots.chunks(CHUNK) {
            let names: Vec<_> = chunk.iter().map(|slot| slot.entry.name.to_string()).collect();
            for (_, etag, text) in store.read(clinic).await?.texts_named(clinic, id, &names).await? {
                memory.keep_text(Etag(etag), text);
            }
        }
        Ok(true)
    }
}
