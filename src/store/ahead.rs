//! What changes of one clinic will look at, told before they begin: those that have no time in common look together,
//! run one after the other, and are written together. On PostgreSQL two trips do for all of them.
//! The one invariant: what was seen for several is good for each of them, since none changes what another one looks at.

use std::sync::Arc;

use crate::busy::{Busy, Span};
use crate::look::{Look, pairs};
use crate::{PrincipalId, Result, Tx};

/// Where a change looks first, and all whose time it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Whose time.
    pub of: Vec<PrincipalId>,
    /// When.
    pub spans: Vec<Span>,
    /// The patient who must not be elsewhere, from when to when.
    pub patient: Option<(i64, (i64, i64))>,
}

impl Ahead {
    /// Whether both look at the same time of somebody, or at the same patient.
    pub(crate) fn meets(&self, other: &Ahead) -> bool {
        let overlaps = |one: &Span| other.spans.iter().any(|span| one.overlaps(span));
        let is_same_time = self.of.iter().any(|id| other.of.contains(id)) && self.spans.iter().any(overlaps);
        let [own, others] = [self, other].map(|one| one.patient.map(|(id, _)| id));
        is_same_time || (own.is_some() && own == others)
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
}

/// The same as one of them asks for it.
pub(crate) struct Seen {
    ahead: Ahead,
    sight: Arc<Sight>,
}

impl Seen {
    /// Of the change that told this.
    pub(crate) fn new(ahead: &Ahead, sight: &Arc<Sight>) -> Seen {
        Seen { ahead: ahead.clone(), sight: sight.clone() }
    }

    /// What stands near these spans on these resources, where it was told that they would be looked at.
    fn near(&self, of: &[PrincipalId], spans: &[Span]) -> Option<Look> {
        let was_told = of.iter().all(|id| self.ahead.of.contains(id))
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
    pub(crate) fn foreseen(&mut self, of: &[PrincipalId], spans: &[Span]) -> Option<Look> {
        let seen = self.seen.take()?;
        if self.n == 0 && self.touched.is_empty() { seen.near(of, spans) } else { None }
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
