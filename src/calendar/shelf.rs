//! One calendar in memory: what lists, syncs and time ranges are answered from; never its texts.
//!
//! The one invariant: a shelf that is not stale holds every change up to what its clinic's memory has applied
//! (`memory.rs`). Changes may come in any order and twice: the higher sequence wins.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ical::Digest;

use super::object::Entry;

/// An object and what the index keeps of it.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub entry: Entry,
    pub digest: Digest,
}

/// A name that is no more, and the sequence at which it went.
pub(super) type Gone = (Arc<str>, i64);

/// What a write did to one name.
pub(super) enum Change {
    Put(Arc<Slot>),
    Gone { name: Arc<str>, seq: i64 },
}

pub(super) struct Shelf {
    inside: RwLock<Inside>,
    /// Held while it is loaded or caught up, so that this happens once.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// When it was last used, in the memory's own ticks.
    pub(super) used: AtomicU64,
    bytes: AtomicUsize,
}

#[derive(Default)]
struct Inside {
    slots: Vec<Arc<Slot>>,
    by_name: HashMap<Arc<str>, usize>,
    gone: HashMap<Arc<str>, i64>,
    /// Everything after this sequence may be missing; `None` when nothing is.
    stale: Option<i64>,
    /// Counts the marks, so that one made during a catch-up is not lost.
    marks: u64,
    /// Changes since the pack in the store was written.
    unpacked: usize,
}

/// Bytes of a slot beside its name and series: the structs, the map's entry.
const SLOT_BYTES: usize = size_of::<Slot>() + 96;

fn weight(slot: &Slot) -> usize {
    SLOT_BYTES + slot.entry.name.len() + slot.digest.heap_bytes()
}

impl Shelf {
    /// An empty one that has everything still to come.
    pub(super) fn new() -> Shelf {
        Shelf {
            inside: RwLock::new(Inside { stale: Some(0), ..Inside::default() }),
            turn: tokio::sync::Mutex::new(()),
            used: AtomicU64::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inside> {
        // A panic elsewhere leaves whole entries behind: each change is one insert or one remove.
        self.inside.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inside> {
        self.inside.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// After which sequence changes may be missing, and the count of marks that belongs to the answer.
    pub(super) fn stale(&self) -> Option<(i64, u64)> {
        let inside = self.read();
        inside.stale.map(|from| (from, inside.marks))
    }

    /// Says that changes after `from` may be missing.
    pub(super) fn mark(&self, from: i64) {
        let mut inside = self.write();
        inside.marks += 1;
        inside.stale = Some(inside.stale.map_or(from, |stale| stale.min(from)));
    }

    /// Takes in what was read; fresh from now on, unless somebody marked it meanwhile.
    pub(super) fn catch_up(&self, changes: Vec<Change>, marks: u64) {
        let mut inside = self.write();
        self.apply_all(&mut inside, changes);
        if inside.marks == marks {
            inside.stale = None;
        }
    }

    /// Takes in one change of this process's own.
    pub(super) fn apply(&self, change: Change) {
        let mut inside = self.write();
        self.apply_all(&mut inside, vec![change]);
    }

    fn apply_all(&self, inside: &mut Inside, changes: Vec<Change>) {
        for change in changes {
            let (more, less) = inside.apply(change);
            self.bytes.fetch_add(more, Ordering::Relaxed);
            self.bytes.fetch_sub(less, Ordering::Relaxed);
        }
    }

    pub(super) fn get_many(&self, names: &[&str]) -> Vec<Option<Arc<Slot>>> {
        let inside = self.read();
        names.iter().map(|name| inside.by_name.get(*name).map(|at| inside.slots[*at].clone())).collect()
    }

    /// Those that pass, in no order that means anything.
    pub(super) fn select(&self, pass: impl Fn(&Slot) -> bool) -> Vec<Arc<Slot>> {
        self.read().slots.iter().filter(|slot| pass(slot)).cloned().collect()
    }

    /// What came after `since`, and what went.
    pub(super) fn since(&self, since: i64) -> (Vec<Arc<Slot>>, Vec<Gone>) {
        let inside = self.read();
        let changed = inside.slots.iter().filter(|slot| slot.entry.seq > since).cloned().collect();
        let gone = inside.gone.iter().filter(|(_, seq)| **seq > since);
        (changed, gone.map(|(name, seq)| (name.clone(), *seq)).collect())
    }

    /// Everything, and how much of it the pack in the store lacks.
    pub(super) fn unpacked(&self) -> (usize, usize) {
        let inside = self.read();
        (inside.unpacked, inside.slots.len())
    }

    pub(super) fn packed(&self, less: usize) {
        let mut inside = self.write();
        inside.unpacked = inside.unpacked.saturating_sub(less);
    }
}

impl Inside {
    /// Bytes more and bytes less.
    fn apply(&mut self, change: Change) -> (usize, usize) {
        let (name, seq) = match &change {
            Change::Put(slot) => (slot.entry.name.clone(), slot.entry.seq),
            Change::Gone { name, seq } => (name.clone(), *seq),
        };
        let at = self.by_name.get(&name).copied();
        let newest = at.map(|at| self.slots[at].entry.seq).or_else(|| self.gone.get(&name).copied());
        if newest.is_some_and(|newest| newest >= seq) {
            return (0, 0);
        }
        self.unpacked += 1;
        match (change, at) {
            (Change::Put(slot), Some(at)) => {
                let sizes = (weight(&slot), weight(&self.slots[at]));
                self.slots[at] = slot;
                sizes
            }
            (Change::Put(slot), None) => {
                let size = weight(&slot);
                self.gone.remove(&name);
                self.by_name.insert(name, self.slots.len());
                self.slots.push(slot);
                (size, 0)
            }
            (Change::Gone { .. }, Some(at)) => {
                let size = weight(&self.slots[at]);
                self.remove(&name, at);
                self.gone.insert(name, seq);
                (0, size)
            }
            (Change::Gone { .. }, None) => {
                self.gone.insert(name, seq);
                (0, 0)
            }
        }
    }

    fn remove(&mut self, name: &Arc<str>, at: usize) {
        self.by_name.remove(name);
        self.slots.swap_remove(at);
        if let Some(moved) = self.slots.get(at) {
            let moved = moved.entry.name.clone();
            self.by_name.insert(moved, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Etag;
    use super::*;

    const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nDTEND:20260105T103000Z\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    fn put(name: &str, seq: i64) -> Change {
        let digest = ical::check(EVENT.as_bytes(), &ical::Limits::default()).unwrap().digest;
        let kind = digest.kind;
        let etag = Etag::of(name.as_bytes());
        let entry = Entry { name: name.into(), etag, size: 9, kind, seq, created: 0, modified: 0 };
        Change::Put(Arc::new(Slot { entry, digest }))
    }

    fn names(shelf: &Shelf) -> Vec<(String, i64)> {
        let all = shelf.select(|_| true);
        let mut all: Vec<_> = all.iter().map(|s| (s.entry.name.to_string(), s.entry.seq)).collect();
        all.sort();
        all
    }

    #[test]
    fn changes_in_any_order_and_twice_end_alike() {
        let shelf = Shelf::new();
        shelf.apply(put("b", 4));
        shelf.apply(put("a", 1));
        shelf.apply(Change::Gone { name: "a".into(), seq: 3 });
        shelf.apply(put("a", 2));
        shelf.apply(put("b", 2));
        assert_eq!(names(&shelf), [("b".to_string(), 4)]);
        let (changed, gone) = shelf.since(2);
        assert_eq!((changed.len(), gone.len()), (1, 1));
        shelf.apply(put("a", 5));
        assert_eq!(shelf.since(2).1, []);
        assert_eq!(shelf.get_many(&["a"])[0].as_ref().unwrap().entry.seq, 5);
    }

    #[test]
    fn a_mark_made_during_a_catch_up_is_not_lost() {
        let shelf = Shelf::new();
        let (from, marks) = shelf.stale().unwrap();
        assert_eq!(from, 0);
        shelf.mark(7);
        shelf.catch_up(vec![put("a", 1)], marks);
        let (from, marks) = shelf.stale().expect("still stale");
        assert_eq!(from, 0);
        shelf.catch_up(vec![], marks);
        assert!(shelf.stale().is_none());
    }

    #[test]
    fn bytes_are_given_back() {
        let shelf = Shelf::new();
        for seq in 1..100 {
            shelf.apply(put(&format!("n{}", seq % 7), seq));
        }
        for (n, seq) in (0..7).zip(100..) {
            shelf.apply(Change::Gone { name: format!("n{n}").into(), seq });
        }
        assert_eq!(shelf.bytes(), 0);
    }
}
