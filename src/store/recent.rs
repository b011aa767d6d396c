//! What this process has just written itself: a booking asks whether the rules and hours it was planned by still hold,
//! and where only objects, holds and time were written since, that is known without a trip to the journal. So is whether
//! an index that has not seen them will do to plan by.
//! The one invariant: it speaks of changes that follow one another without a gap. A change of another process, one that
//! did more, or a transaction that was lost begins it anew.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{ClinicId, CollectionId};

/// Changes remembered of a clinic: many more than are made while one is planned.
const MOST: usize = 256;

/// Of all clinics. Clones share everything.
#[derive(Clone, Default)]
pub(crate) struct Recent(Arc<Mutex<HashMap<ClinicId, Plain>>>);

/// The plain changes of one clinic, each with the collections it wrote objects in.
#[derive(Default)]
struct Plain {
    /// All changes after this one, up to `upto`, are here.
    after: i64,
    upto: i64,
    changes: VecDeque<(i64, Vec<CollectionId>)>,
}

/// What a change has journalled so far.
#[derive(Default)]
pub(crate) struct Told {
    /// Facts of objects, holds and time.
    plain: i64,
    written: Vec<CollectionId>,
}

impl Told {
    /// A plain fact; of an object: in this collection.
    pub(crate) fn plain(&mut self, written: Option<CollectionId>) {
        self.plain += 1;
        if self.written.last() != written.as_ref() {
            self.written.extend(written);
        }
    }
}

impl Recent {
    /// The change `seq` stands in its transaction, and has journalled so many facts.
    pub(crate) fn keep(&self, clinic: ClinicId, seq: i64, told: Told, facts: i64) {
        let mut all = self.all();
        let known = all.entry(clinic).or_default();
        if known.upto + 1 != seq {
            *known = Plain { after: seq - 1, ..Plain::default() };
        }
        known.upto = seq;
        if told.plain != facts {
            *known = Plain { after: seq, upto: seq, ..Plain::default() };
        } else if !told.written.is_empty() {
            known.changes.push_back((seq, told.written));
        }
        if known.changes.len() > MOST
            && let Some((seq, _)) = known.changes.pop_front()
        {
            known.after = seq;
        }
    }

    /// Its transaction was lost.
    pub(crate) fn forget(&self, clinic: ClinicId) {
        self.all().remove(&clinic);
    }

    /// In which collections objects were written after the change `seen`, up to `upto`. None where more may have
    /// happened than that.
    pub(crate) fn written(&self, clinic: ClinicId, seen: i64, upto: i64) -> Option<Vec<CollectionId>> {
        let all = self.all();
        let known = all.get(&clinic).filter(|known| known.after <= seen && known.upto == upto)?;
        let later = known.changes.iter().rev().take_while(|(seq, _)| *seq > seen);
        Some(later.flat_map(|(_, written)| written).copied().collect())
    }

    /// Whether all changes after `seen`, up to `upto`, are known to be plain ones.
    pub(crate) fn is_plain(&self, clinic: ClinicId, seen: i64, upto: i64) -> bool {
        seen >= upto || self.all().get(&clinic).is_some_and(|known| known.after <= seen && upto <= known.upto)
    }

    /// Every transaction under way was lost.
    pub(crate) fn clear(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ClinicId, Plain>> {
        // Whole under the lock: nothing in here panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLINIC: ClinicId = ClinicId(1);

    fn keep(recent: &Recent, seq: i64, written: &[i64], facts: i64) {
        let mut told = Told::default();
        written.iter().for_each(|id| told.plain(Some(CollectionId(*id))));
        recent.keep(CLINIC, seq, told, facts);
    }

    fn written(recent: &Recent, seen: i64, upto: i64) -> Option<Vec<i64>> {
        Some(recent.written(CLINIC, seen, upto)?.into_iter().map(|id| id.0).collect())
    }

    #[test]
    fn what_was_written_since_is_known() {
        let recent = Recent::default();
        keep(&recent, 7, &[10], 1);
        keep(&recent, 8, &[20, 30], 2);
        assert_eq!(written(&recent, 6, 8), Some(vec![20, 30, 10]));
        assert_eq!(written(&recent, 7, 8), Some(vec![20, 30]));
        assert_eq!(written(&recent, 8, 8), Some(vec![]));
        assert_eq!(written(&recent, 5, 8), None, "what was before it came");
        assert_eq!(written(&recent, 7, 9), None, "another process wrote 9");
        assert_eq!(recent.written(ClinicId(2), 7, 8), None);
    }

    #[test]
    fn a_gap_and_a_change_of_another_kind_begin_anew() {
        let recent = Recent::default();
        keep(&recent, 1, &[10], 1);
        keep(&recent, 3, &[10], 1);
        assert_eq!(written(&recent, 1, 3), None, "2 was another process's");
        assert_eq!(written(&recent, 2, 3), Some(vec![10]));
        keep(&recent, 4, &[10], 2);
        assert_eq!(written(&recent, 3, 4), None, "one of its facts is not an object's");
        keep(&recent, 5, &[10], 1);
        assert_eq!(written(&recent, 4, 5), Some(vec![10]));
        recent.forget(CLINIC);
        assert_eq!(written(&recent, 4, 5), None);
        // The number is given again.
        keep(&recent, 5, &[20], 1);
        assert_eq!(written(&recent, 4, 5), Some(vec![20]));
    }

    #[test]
    fn what_is_plain_is_known_as_far_as_it_goes() {
        let recent = Recent::default();
        assert!(recent.is_plain(CLINIC, 7, 7) && !recent.is_plain(CLINIC, 6, 7));
        keep(&recent, 7, &[10], 1);
        keep(&recent, 8, &[], 0);
        for (seen, upto, plain) in [(6, 7, true), (6, 8, true), (8, 8, true), (5, 7, false), (6, 9, false)] {
            assert_eq!(recent.is_plain(CLINIC, seen, upto), plain, "{seen} to {upto}");
        }
        keep(&recent, 9, &[10], 2);
        assert!(
            !recent.is_plain(CLINIC, 8, 9) && !recent.is_plain(CLINIC, 7, 8) && recent.is_plain(CLINIC, 9, 9)
        );
        recent.clear();
        keep(&recent, 10, &[], 0);
        assert!(recent.is_plain(CLINIC, 9, 10) && !recent.is_plain(CLINIC, 8, 10));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let recent = Recent::default();
        (1..=1_000).for_each(|seq| keep(&recent, seq, &[seq], 1));
        assert_eq!(written(&recent, 999, 1_000), Some(vec![1_000]));
        let oldest = 1_000 - MOST as i64;
        assert_eq!(written(&recent, oldest, 1_000).map(|all| all.len()), Some(MOST));
        assert_eq!(written(&recent, oldest - 1, 1_000), None);
    }
}
