//! The bounded memory that hot reads come from: provably fresh, droppable, an index and never the truth.
//!
//! Every change of a clinic has a place in one order (`clinics.seq`). A clinic's memory knows up to where it has
//! applied that order; a request names the sequence it must see (`Caller::version`), and where the memory is
//! behind, it asks the journal which calendars changed, once, and marks their shelves stale. Own writes are
//! applied in the same breath as their commit. Dropping all of it at any time only costs time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use store::{ClinicId, CollectionId, Store, Version};

use super::error::Result;
use super::object::Etag;
use super::shelf::{Change, Shelf};
use super::structure::Structure;
use super::{load, pack};

/// How much is remembered; see `app/config.rs` for the setting.
#[derive(Clone, Copy, Debug)]
pub struct MemorySettings {
    /// Bytes of texts.
    pub text_bytes: u64,
    /// Bytes of shelves: names, tags, bounds, series.
    pub index_bytes: usize,
    /// Off: every answer is made from the store. The same tests pass.
    pub on: bool,
}

impl Default for MemorySettings {
    fn default() -> MemorySettings {
        MemorySettings { text_bytes: 48 << 20, index_bytes: 96 << 20, on: true }
    }
}

/// How often a text was found in memory and how often it had to be read, since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryUse {
    pub hits: u64,
    pub misses: u64,
}

pub(super) struct Memory {
    settings: MemorySettings,
    clinics: Mutex<HashMap<ClinicId, Arc<ClinicMemory>>>,
    texts: Cache<Etag, Bytes, TextWeight>,
    ticks: AtomicU64,
}

#[derive(Clone)]
struct TextWeight;

impl Weighter<Etag, Bytes> for TextWeight {
    fn weight(&self, _: &Etag, text: &Bytes) -> u64 {
        text.len() as u64 + TEXT_BYTES
    }
}

/// What a text costs beside its bytes: the key, the cache's own entry and the handle.
pub(super) const TEXT_BYTES: u64 = 128;

/// A mean text, to size the cache's table.
const MEAN_TEXT: u64 = 1024;

/// What is known of one clinic.
pub(super) struct ClinicMemory {
    pub(super) id: ClinicId,
    order: Mutex<Order>,
    catching_up: tokio::sync::Mutex<()>,
    shelves: Mutex<HashMap<CollectionId, Arc<Shelf>>>,
    /// The last change of each calendar that a home was read with or that changed since.
    seqs: Mutex<HashMap<CollectionId, i64>>,
    pub(super) structure: Mutex<Structure>,
    pub(super) reading_structure: tokio::sync::Mutex<()>,
}

/// Up to where changes were applied without a gap, and which were applied ahead of one.
struct Order {
    applied: i64,
    ahead: BTreeSet<i64>,
}

impl Order {
    fn reached(&mut self, seq: i64) {
        self.applied = self.applied.max(seq);
        self.ahead = self.ahead.split_off(&(self.applied + 1));
        self.close_gap();
    }

    fn own(&mut self, seq: i64) {
        if seq > self.applied {
            self.ahead.insert(seq);
            self.close_gap();
        }
    }

    fn close_gap(&mut self) {
        while self.ahead.remove(&(self.applied + 1)) {
            self.applied += 1;
        }
    }
}

/// A panic elsewhere cannot leave these half changed: every change is one insert, remove or assignment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    pub(super) fn new(settings: MemorySettings) -> Memory {
        let bytes = if settings.on { settings.text_bytes } else { 0 };
        Memory {
            settings,
            clinics: Mutex::default(),
            texts: Cache::with_weighter((bytes / MEAN_TEXT) as usize, bytes, TextWeight),
            ticks: AtomicU64::new(1),
        }
    }

    pub(super) fn settings(&self) -> &MemorySettings {
        &self.settings
    }

    pub(super) fn usage(&self) -> MemoryUse {
        MemoryUse { hits: self.texts.hits(), misses: self.texts.misses() }
    }

    pub(super) fn text(&self, etag: &Etag) -> Option<Bytes> {
        self.texts.get(etag)
    }

    pub(super) fn keep_text(&self, etag: Etag, text: Bytes) {
        if self.settings.on {
            self.texts.insert(etag, text);
        }
    }

    /// The clinic's memory, brought up to what the request must see.
    pub(super) async fn clinic(
        &self,
        store: &Store,
        id: ClinicId,
        at_least: Version,
    ) -> Result<Arc<ClinicMemory>> {
        if !self.settings.on {
            return Ok(Arc::new(ClinicMemory::new(id, at_least)));
        }
        let memory = lock(&self.clinics)
            .entry(id)
            .or_insert_with(|| Arc::new(ClinicMemory::new(id, at_least)))
            .clone();
        memory.catch_up(store, at_least).await?;
        Ok(memory)
    }

    /// The clinic's memory if there is one: own writes have nothing to tell to none.
    pub(super) fn known(&self, id: ClinicId) -> Option<Arc<ClinicMemory>> {
        lock(&self.clinics).get(&id).cloned()
    }

    /// The calendar's shelf, loaded and fresh.
    pub(super) async fn shelf(
        &self,
        store: &Store,
        clinic: &ClinicMemory,
        id: CollectionId,
    ) -> Result<Arc<Shelf>> {
        let shelf = lock(&clinic.shelves).entry(id).or_insert_with(|| Arc::new(Shelf::new())).clone();
        shelf.used.store(self.ticks.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        if shelf.stale().is_none() {
            return Ok(shelf);
        }
        let turn = shelf.turn.lock().await;
        while let Some((from, marks)) = shelf.stale() {
            let changes = load::changes(store, clinic.id, id, from).await?;
            shelf.catch_up(changes, marks);
        }
        drop(turn);
        self.make_room(&[id]);
        Ok(shelf)
    }

    /// Several calendars' shelves, in this order: what is missing of them comes by the same statements. Ask for a few
    /// dozen at a time.
    pub(super) async fn shelves(
        &self,
        store: &Store,
        clinic: &ClinicMemory,
        ids: &[CollectionId],
    ) -> Result<Vec<Arc<Shelf>>> {
        let shelves: Vec<_> = {
            let mut known = lock(&clinic.shelves);
            ids.iter().map(|id| known.entry(*id).or_insert_with(|| Arc::new(Shelf::new())).clone()).collect()
        };
        let now = self.ticks.fetch_add(1, Ordering::Relaxed);
        shelves.iter().for_each(|shelf| shelf.used.store(now, Ordering::Relaxed));
        // Turns are taken in the order of the ids, so that two such calls never wait for each other.
        let behind: BTreeMap<CollectionId, &Arc<Shelf>> =
            ids.iter().copied().zip(&shelves).filter(|(_, shelf)| shelf.stale().is_some()).collect();
        if behind.is_empty() {
            return Ok(shelves);
        }
        let mut turns = Vec::with_capacity(behind.len());
        for shelf in behind.values() {
            turns.push(shelf.turn.lock().await);
        }
        loop {
            let stale: Vec<_> =
                behind.iter().filter_map(|(id, shelf)| Some((*id, *shelf, shelf.stale()?))).collect();
            if stale.is_empty() {
                break;
            }
            let wanted: Vec<_> = stale.iter().map(|(id, _, (from, _))| (*id, *from)).collect();
            let mut changes = load::changes_of_many(store, clinic.id, &wanted).await?;
            for (id, shelf, (_, marks)) in stale {
                shelf.catch_up(changes.remove(&id).unwrap_or_default(), marks);
            }
        }
        drop(turns);
        self.make_room(ids);
        Ok(shelves)
    }

    /// Forgets the calendars not used for longest, but never those in use.
    fn make_room(&self, in_use: &[CollectionId]) {
        let clinics: Vec<_> = lock(&self.clinics).values().cloned().collect();
        let mut all: Vec<_> = clinics.iter().flat_map(|clinic| clinic.weights()).collect();
        let mut bytes: usize = all.iter().map(|(_, bytes, _)| bytes).sum();
        all.sort_unstable();
        for (_, weight, id) in all.into_iter().filter(|(_, _, id)| !in_use.contains(id)) {
            if bytes <= self.settings.index_bytes {
                return;
            }
            bytes -= weight;
            clinics.iter().for_each(|clinic| drop(lock(&clinic.shelves).remove(&id)));
        }
    }

    /// Writes what the stored packs lack, so that the next start reads one row and not ten thousand.
    pub(super) async fn write_packs(&self, store: &Store) -> Result<()> {
        let clinics: Vec<_> = lock(&self.clinics).values().cloned().collect();
        for clinic in clinics {
            let shelves: Vec<_> =
                lock(&clinic.shelves).iter().map(|(id, shelf)| (*id, shelf.clone())).collect();
            for (id, shelf) in shelves {
                // Read before the slots: what is applied in between is in the pack as well, which harms nothing.
                let applied = lock(&clinic.order).applied;
                let (lacks, all) = shelf.unpacked();
                if shelf.stale().is_some() || !pack::is_due(lacks, all) {
                    continue;
                }
                pack::write(store, clinic.id, id, &shelf, applied).await?;
                shelf.packed(lacks);
            }
        }
        Ok(())
    }
}

impl ClinicMemory {
    fn new(id: ClinicId, version: Version) -> ClinicMemory {
        ClinicMemory {
            id,
            order: Mutex::new(Order { applied: version.seq, ahead: BTreeSet::new() }),
            catching_up: tokio::sync::Mutex::default(),
            shelves: Mutex::default(),
            seqs: Mutex::default(),
            structure: Mutex::new(Structure::empty(version.structure)),
            reading_structure: tokio::sync::Mutex::default(),
        }
    }

    async fn catch_up(&self, store: &Store, to: Version) -> Result<()> {
        if lock(&self.order).applied >= to.seq {
            return Ok(());
        }
        let _turn = self.catching_up.lock().await;
        let from = lock(&self.order).applied;
        if from >= to.seq {
            return Ok(());
        }
        let changed = store.read(self.id).await?.journal_collections_since(self.id, from).await?;
        for (collection, seq) in changed {
            self.moved(collection, seq);
            if let Some(shelf) = lock(&self.shelves).get(&collection) {
                shelf.mark(from);
            }
        }
        lock(&self.order).reached(to.seq);
        Ok(())
    }

    /// A change of this process's own, just committed.
    pub(super) fn own(&self, seq: i64, changes: Vec<(CollectionId, Change)>) {
        for (collection, change) in changes {
            self.moved(collection, seq);
            let shelf = lock(&self.shelves).get(&collection).cloned();
            if let Some(shelf) = shelf {
                shelf.apply(change);
                // One that is being loaded may have read before this commit.
                if shelf.stale().is_some() {
                    shelf.mark(seq - 1);
                }
            }
        }
        lock(&self.order).own(seq);
    }

    /// The last change of a calendar (what was read of it, or later), but none beyond a gap: a token made of it
    /// must never skip a change that is committed and not applied yet.
    pub(super) fn settled_seq(&self, collection: CollectionId, read: i64) -> i64 {
        let last = lock(&self.seqs).get(&collection).copied().unwrap_or(read).max(read);
        last.min(lock(&self.order).applied)
    }

    pub(super) fn moved(&self, collection: CollectionId, seq: i64) {
        let mut seqs = lock(&self.seqs);
        let known = seqs.entry(collection).or_insert(seq);
        *known = seq.max(*known);
    }

    /// When each shelf was last used, its bytes, whose it is.
    fn weights(&self) -> Vec<(u64, usize, CollectionId)> {
        let shelves = lock(&self.shelves);
        shelves.iter().map(|(id, shelf)| (shelf.used.load(Ordering::Relaxed), shelf.bytes(), *id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_applied_without_a_gap() {
        let mut order = Order { applied: 5, ahead: BTreeSet::new() };
        order.own(7);
        assert_eq!(order.applied, 5);
        order.own(6);
        assert_eq!(order.applied, 7);
        order.own(9);
        order.own(11);
        order.reached(8);
        assert_eq!(order.applied, 9);
        order.own(8);
        order.own(10);
        assert_eq!((order.applied, order.ahead.len()), (11, 0));
    }
}
