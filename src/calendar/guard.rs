//! What a house rule may refuse inside the write: the one call that goes up, to whoever was handed in by the roof.
//!
//! Asked only for calendars that have a policy, which is known from memory: all others pay nothing. The rule is asked
//! inside the transaction, after access and condition and before the object is written; it keeps its own rows, may
//! refuse, may have another text stored, and may write further objects into the same transaction.

use std::sync::Arc;

use bytes::Bytes;
use ical::{Budget, Object, Occurrence, Window, Zone};
use store::{BoxFuture, ClinicId, Collection, CollectionId, ObjectMeta, Origin, Policy, PrincipalId};

use super::Calendars;
use super::error::Result;
use super::shown::Shown;
use super::turns::{budget, compute};
use super::work::Work;

/// The rule of a house. Implemented above this room.
pub trait Guard: Send + Sync {
    /// The span in which it wants to see occurrences, given the present.
    fn window(&self, now: i64) -> Window;

    /// Whether everything in a calendar of this slug takes time, transparent or not.
    fn closes(&self, slug: &str) -> bool;

    /// Asked about one write. `Some` is stored instead of what was sent: then the client is told no ETag, or, of a
    /// removal, the object stays with this text.
    fn check<'w>(&'w self, work: &'w mut Work<'_>, write: Write<'w>) -> BoxFuture<'w, Result<Option<Bytes>>>;
}

/// A calendar that has a policy.
#[derive(Clone, Debug)]
pub struct Bookable {
    pub clinic: ClinicId,
    pub id: CollectionId,
    /// Whose it is.
    pub owner: PrincipalId,
    pub slug: String,
    pub policy: Policy,
    /// Of its floating times.
    pub zone: Zone,
}

/// One write as the rule sees it.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    pub at: &'a Bookable,
    /// What stood there; under another name where it was moved from within the calendar.
    pub old: Option<&'a ObjectMeta>,
    /// What is to be written, and under which name; nothing when it is removed.
    pub new: Option<(&'a str, &'a Sighted)>,
    pub caller: PrincipalId,
    pub door: Origin,
}

/// A text as the rule sees it.
pub struct Sighted {
    pub text: Bytes,
    pub object: Object,
    /// Those in [`Guard::window`], whatever they are to free/busy.
    pub occurrences: Vec<Occurrence>,
}

/// The rule and the calendar it holds for.
#[derive(Clone)]
pub(super) struct Guarded {
    pub guard: Arc<dyn Guard>,
    pub at: Bookable,
    pub caller: PrincipalId,
    pub door: Origin,
}

impl Guarded {
    pub(super) async fn ask(
        &self,
        work: &mut Work<'_>,
        old: Option<&ObjectMeta>,
        new: Option<(&str, &Sighted)>,
    ) -> Result<Option<Bytes>> {
        let write = Write { at: &self.at, old, new, caller: self.caller, door: self.door };
        self.guard.check(work, write).await
    }
}

impl Calendars {
    /// Whether everything in this calendar takes time.
    pub(super) fn closes(&self, row: &Collection) -> bool {
        row.policy.is_some() && self.guard().is_some_and(|guard| guard.closes(&row.slug))
    }

    /// The rule for this calendar, if there is one.
    pub(super) fn guarded(&self, at: &Shown, (caller, door): (PrincipalId, Origin)) -> Option<Guarded> {
        let (row, guard) = (at.row(), self.guard()?);
        let at = Bookable {
            clinic: row.clinic,
            id: row.id,
            owner: row.owner,
            slug: row.slug.clone(),
            policy: row.policy?,
            zone: at.zone().clone(),
        };
        Some(Guarded { guard: guard.clone(), at, caller, door })
    }

    /// What the rule wants to know of a text, found out before the transaction: a series is expanded off the async
    /// threads.
    pub(super) async fn sighted(&self, guarded: &Guarded, text: Bytes, object: Object) -> Result<Sighted> {
        let window = guarded.guard.window(self.store().clock().now());
        let (zone, is_series) = (guarded.at.zone.clone(), object.digest.series.is_some());
        let look = move || {
            let mut budget = budget(Budget::REQUEST);
            let occurrences = object.digest.occurrences(window, &zone, &mut budget)?;
            Ok(Sighted { text, object, occurrences })
        };
        if is_series { compute(look).await? } else { look() }
    }
}
