//! What changes of one clinic will look at, told before they begin: those that have no time in common look together,
//! run one after the other, and are written together. On PostgreSQL two trips do for all of them, and one more each for
//! what only some ask: patients, holds.
//! The one invariant: what was seen for several is good for each of them, since none changes what another one looks at;
//! holds, which are counted whosever time they keep, are counted on from one to the next.

use std::collections::HashMap;
use std::sync::Arc;

use crate::busy::{Busy, Span};
use crate::look::{Look, pairs};
use crate::{KeptHold, PrincipalId, Result, Tx};

/// Where a change looks first, and all whose time it changes. Never printed: a hold's id is a secret, and a party may be a
/// patient's number or address.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Whose time.
    pub of: Vec<PrincipalId>,
    /// When.
    pub spans: Vec<Span>,
    /// The patient who must not be elsewhere, from when to when.
    pub patient: Option<(i64, (i64, i64))>,
    /// The hold that it takes ([`Tx::take_hold`]), of this time.
    pub hold: Option<String>,
    /// By whom the one that it makes is counted ([`Tx::holds_of`]).
    pub parties: Vec<String>,
}

impl Ahead {
    /// Whether both look at the same time of somebody, at the same patient, or at the same hold.
    pub(crate) fn meets(&self, other: &Ahead) -> bool {
        let overlaps = |one: &Span| other.spans.iter().any(|span| one.overlaps(span));
        let is_same_time = self.of.iter().any(|id| other.of.contains(id)) && self.spans.iter().any(overlaps);
        let [own, others] = [self, other].map(|one| one.patient.map(|(id, _)| id));
        let is_same_hold = self.hold.is_some() && self.hold == other.hold;
        is_same_time || (own.is_some() && own == others) || is_same_hold
    }

    /// Whose time when.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (PrincipalId, Span)> {
        pairs(&self.of, &self.spans)
    }
}

/// What was seen for several changes.
pub(crate) struct Sight {
    pub(crate) look: Look,
    /// Patients who are elsewhere then.
    pub(crate) busy: Vec<i64>,
    /// The holds that are taken.
    pub(crate) holds: Vec<KeptHold>,
}

/// How many live holds those have by whom some are counted.
#[derive(Clone, Default)]
pub(crate) struct Counts(HashMap<String, i64>);

impl Counts {
    /// A change stands: it took a hold, or made one.
    pub(crate) fn change(&mut self, ahead: &Ahead, sight: &Sight) {
        let taken = sight.holds.iter().filter(|hold| Some(&hold.id) == ahead.hold.as_ref());
        let less = taken.flat_map(KeptHold::parties).map(|party| (party, -1));
        let more = ahead.parties.iter().map(|party| (party.as_str(), 1));
        for (party, change) in less.chain(more) {
            if let Some(count) = self.0.get_mut(party) {
                *count += change;
            }
        }
    }
}

/// The same as one of them asks for it.
pub(crate) struct Seen {
    ahead: Ahead,
    sight: Arc<Sight>,
    counts: Counts,
}

impl Seen {
    /// Of the change that told this.
    pub(crate) fn new(ahead: &Ahead, sight: &Arc<Sight>, counts: &Counts) -> Seen {
        Seen { ahead: ahead.clone(), sight: sight.clone(), counts: counts.clone() }
    }

    /// What stands near these spans on these resources but for the hold `used`, where it was told that they would be
    /// looked at.
    fn near(&self, of: &[PrincipalId], spans: &[Span], used: Option<&str>) -> Option<Look> {
        let was_told = used == self.ahead.hold.as_deref()
            && of.iter().all(|id| self.ahead.of.contains(id))
            && spans.iter().all(|span| self.ahead.spans.contains(span));
        let is_near = |one: &Span| spans.iter().any(|span| one.overlaps(span));
        let is_asked = |one: &&Busy| of.contains(&one.resource) && is_near(&one.span);
        was_told.then(|| Look {
            resources: self.sight.look.resources.iter().filter(|one| of.contains(&one.id)).copied().collect(),
            busy: self.sight.look.busy.iter().filter(is_asked).cloned().collect(),
            closed: self.sight.look.closed.iter().filter(|one| is_near(one)).copied().collect(),
        })
    }
}

impl Tx {
    /// What was seen before this change began; nothing once it has done something.
    pub(crate) fn foreseen(
        &mut self,
        of: &[PrincipalId],
        spans: &[Span],
        used: Option<&str>,
    ) -> Option<Look> {
        let seen = self.seen.take()?;
        if self.n == 0 && self.touched.is_empty() { seen.near(of, spans, used) } else { None }
    }

    /// What is there of the hold that this change was to take; None: that was not told before.
    pub(crate) fn foreseen_hold(&self, id: &str) -> Option<Option<KeptHold>> {
        let seen = self.seen.as_ref().filter(|seen| seen.ahead.hold.as_deref() == Some(id))?;
        Some(seen.sight.holds.iter().find(|hold| hold.id == id).cloned())
    }

    /// How many live holds that of these parties has that has most.
    pub async fn holds_of(&mut self, parties: &[&str]) -> Result<i64> {
        let counts = self.seen.as_ref().map(|seen| &seen.counts.0);
        let seen: Option<Vec<i64>> =
            counts.and_then(|counts| parties.iter().map(|party| counts.get(*party).copied()).collect());
        let all = match seen {
            Some(seen) => seen,
            None => {
                let (clinic, moment) = (self.clinic(), self.moment());
                let found = self.conn().holds_of(clinic, parties, moment).await?;
                found.into_iter().map(|(_, count)| count).collect()
            }
        };
        Ok(all.into_iter().max().unwrap_or(0))
    }

    /// What those see who go together: one look for all of them, and a question more for what only some ask.
    pub(crate) async fn foresee(&mut self, all: &[&Ahead]) -> Result<(Sight, Counts)> {
        let (clinic, moment) = (self.clinic(), self.moment());
        let names: Vec<&str> = all.iter().filter_map(|ahead| ahead.hold.as_deref()).collect();
        let holds = if names.is_empty() { Vec::new() } else { self.conn().holds(clinic, &names).await? };
        let mut parties: Vec<&str> =
            all.iter().flat_map(|ahead| &ahead.parties).map(String::as_str).collect();
        parties.sort_unstable();
        parties.dedup();
        let counts = self.conn().holds_of(clinic, &parties, moment).await?;
        let pairs: Vec<_> = all.iter().flat_map(|ahead| ahead.pairs()).collect();
        let look = self.look_at(&pairs, &names).await?;
        let patients: Vec<_> = all.iter().filter_map(|ahead| ahead.patient).collect();
        let busy = self.busy_patients(clinic, &patients, "").await?;
        Ok((Sight { look, busy, holds }, Counts(counts.into_iter().collect())))
    }

    /// Whether a patient has another appointment in the window than that of the object `except`, by the intervals that stand
    /// (within the horizon).
    pub async fn patient_is_busy(&mut self, patient: i64, window: (i64, i64), except: &str) -> Result<bool> {
        match &self.seen {
            Some(seen) if except.is_empty() && seen.ahead.patient == Some((patient, window)) => {
                Ok(seen.sight.busy.contains(&patient))
            }
            _ => {
                let clinic = self.clinic();
                Ok(!self.busy_patients(clinic, &[(patient, window)], except).await?.is_empty())
            }
        }
    }
}
