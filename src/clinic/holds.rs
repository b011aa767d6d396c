//! Holds: a time kept for minutes while somebody fills in a form or pays. A hold ends by comparison with the one clock
//! of the database, never by a job; until then it is as taken as a visit, to everybody but the practitioner.

use std::iter;
use std::sync::Arc;

use store::{Ahead, Busy, BusyKind, Fact, HoldBecame, KeptHold, PrincipalId, Source};

use super::check::Check;
use super::error::{Conflict, Error, Result};
use super::fit::{Board, pieces};
use super::visit::Visit;
use super::{By, Clinic, record};

/// Seconds a patient, and a member of staff, has where the service says nothing else.
pub const PATIENT: i64 = 10 * 60;
pub const STAFF: i64 = 30 * 60;
/// The longest hold, and how often one may be prolonged.
const LONGEST: i64 = 2 * 3600;
const EXTENSIONS: i64 = 3;

/// Bytes of why one is released.
const REASON: usize = 500;

/// How a time is kept.
#[derive(Clone, Debug)]
pub struct Keep {
    /// By whom it is counted: a patient's number, an address.
    pub party: String,
    /// And by whom else: a mail address beside a number.
    pub other_party: Option<String>,
    /// How many live holds each of them may have.
    pub at_most: i64,
    /// For how long, seconds.
    pub seconds: i64,
}

/// A hold that was made or prolonged.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// Not to be guessed: whoever has it may book.
    pub id: String,
    /// Seconds UTC.
    pub expires_at: i64,
}

impl std::fmt::Debug for Held {
    /// Without the id, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held(until {})", self.expires_at)
    }
}

impl Keep {
    /// As patients get it: ten minutes, three at a time.
    pub fn for_patient(party: String) -> Keep {
        Keep { party, other_party: None, at_most: 3, seconds: PATIENT }
    }

    /// As staff gets it: half an hour, twenty at a time.
    pub fn for_staff(party: String) -> Keep {
        Keep { party, other_party: None, at_most: 20, seconds: STAFF }
    }
}

impl Clinic {
    /// Keeps the time of all resources of a visit, or of none.
    pub async fn hold(&self, by: By, visit: Visit, keep: Keep) -> Result<Held> {
        self.hold_checked(by, visit, keep, None).await
    }

    /// The same, if what it was planned by is still true.
    pub(super) async fn hold_checked(
        &self,
        by: By,
        visit: Visit,
        keep: Keep,
        check: Option<Check>,
    ) -> Result<Held> {
        visit.check()?;
        if visit.rule.is_some() {
            return Err(Error::Invalid {
                field: "rule",
                why: "a series is booked at once, it cannot be held",
            });
        }
        let plan = visit.to_json()?;
        let (id, seconds) = (super::appointments::unguessable()?, keep.seconds.clamp(1, LONGEST));
        let (spans, all) = (pieces((visit.start, visit.end), visit.buffers, 0), visit.resources());
        let parties: Vec<String> = iter::once(keep.party.clone()).chain(keep.other_party.clone()).collect();
        let ahead = (spans.len() == 1).then(|| Ahead {
            of: all.clone(),
            spans: spans.clone(),
            patient: check.as_ref().and_then(Check::alone),
            hold: None,
            parties: parties.clone(),
        });
        // It may be run twice: alone, after it went with others in vain.
        let known = Arc::new((visit, keep, check, (spans, all, parties), (id, plan)));
        let held = self.calendars.together_among(by.clinic, ahead, move |work| {
            let known = known.clone();
            Box::pin(async move {
                let (visit, keep, check, (spans, all, parties), (id, plan)) = &*known;
                work.tx().sign(by.door, by.who);
                if let Some(check) = check {
                    check.run(work).await?;
                }
                let tx = work.tx();
                let now = tx.moment();
                let parties: Vec<&str> = parties.iter().map(String::as_str).collect();
                if tx.holds_of(&parties).await? >= keep.at_most {
                    return Err(Error::HoldLimit);
                }
                let expires_at = now + seconds;
                let look = tx.look(all, spans, None).await?;
                if look.resources.len() < all.len() {
                    return Err(Error::NotFound("resource"));
                }
                let (mut rows, mut met) = (Vec::new(), Vec::new());
                for resource in &look.resources {
                    let near: Vec<&Busy> =
                        look.busy.iter().filter(|one| one.resource == resource.id).collect();
                    let board = Board::of(resource.capacity, &near, &look.closed);
                    for span in spans {
                        let conflict = |kind| Conflict {
                            resource: resource.id,
                            kind,
                            start: visit.start,
                            end: visit.end,
                        };
                        met.extend(board.conflict(*span, BusyKind::Hold).map(conflict));
                        rows.push(Busy {
                            resource: resource.id,
                            span: *span,
                            kind: BusyKind::Hold,
                            source: Source::Hold(id.clone()),
                            expires_at: Some(expires_at),
                            mark: None,
                            service: visit.service.clone().filter(|_| resource.id == visit.practitioner),
                        });
                    }
                }
                if !met.is_empty() {
                    return Err(Error::Conflict(met));
                }
                let hold = KeptHold {
                    id: id.clone(),
                    party: keep.party.clone(),
                    made_by: by.who,
                    made_at: now,
                    expires_at,
                    extended: 0,
                    plan: plan.clone(),
                    other_party: keep.other_party.clone(),
                };
                tx.gather();
                tx.insert_hold(&hold).await?;
                tx.occupy(&rows).await?;
                tx.note(changed(visit.practitioner, id, HoldBecame::Made)).await?;
                Ok(Held { id: id.clone(), expires_at })
            })
        });
        held.await
    }

    /// Prolongs a live hold, a few times at most.
    pub async fn extend_hold(&self, by: By, id: &str, seconds: i64) -> Result<Held> {
        let (id, seconds) = (id.to_string(), seconds.clamp(1, LONGEST));
        let held = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                let tx = work.tx();
                tx.sign(by.door, by.who);
                let hold = tx.hold(by.clinic, &id).await?.ok_or(Error::NotFound("hold"))?;
                if hold.extended >= EXTENSIONS {
                    return Err(Error::HoldLimit);
                }
                let expires_at = (tx.moment() + seconds).max(hold.expires_at);
                if !tx.extend_hold(&id, expires_at).await? {
                    return Err(Error::HoldExpired);
                }
                let visit = Visit::from_json(&hold.plan)?;
                tx.note(changed(visit.practitioner, &id, HoldBecame::Prolonged)).await?;
                Ok(Held { id, expires_at })
            })
        });
        held.await
    }

    /// Says of holds that ran out by themselves that they did, for those who look on; that their time is free again is a
    /// comparison and waits for nobody. Costs a read where there is nothing to say; returns how many there were.
    pub async fn tell_ended_holds(&self) -> Result<u64> {
        let (mut sum, moment) = (0, self.store().moment().await?);
        let clinics = self.store().across().await?.clinics().await?;
        for clinic in clinics {
            if !self.store().read(clinic.id).await?.has_untold_holds(clinic.id, moment).await? {
                continue;
            }
            let told = self.calendars.together(clinic.id, |work| {
                Box::pin(async move {
                    let tx = work.tx();
                    let ended = tx.ran_out().await?;
                    for hold in &ended {
                        let visit = Visit::from_json(&hold.plan)?;
                        tx.note(changed(visit.practitioner, &hold.id, HoldBecame::RanOut)).await?;
                    }
                    Ok::<_, Error>(ended.len() as u64)
                })
            });
            sum += told.await?;
        }
        Ok(sum)
    }

    /// Lets the time go; a hold that is gone already is no mistake.
    pub async fn release_hold(&self, by: By, id: &str) -> Result<()> {
        self.release_hold_for(by, id, "").await
    }

    /// The same, and why: the audit says whose time it was. The id stands in it no more than anywhere.
    pub async fn release_hold_for(&self, by: By, id: &str, reason: &str) -> Result<()> {
        if reason.len() > REASON {
            return Err(Error::Invalid { field: "reason", why: "at most 500 bytes" });
        }
        let (id, reason) = (id.to_string(), reason.to_string());
        let released = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                let tx = work.tx();
                tx.sign(by.door, by.who);
                let Some(hold) = tx.hold(by.clinic, &id).await? else { return Ok(()) };
                tx.remove_hold(&id).await?;
                let visit = Visit::from_json(&hold.plan)?;
                let said = serde_json::json!({ "start": visit.start, "end": visit.end, "reason": reason });
                let subject = format!("resource {}", visit.practitioner);
                tx.audit(vec![record::signed(by, "hold-released", subject, said)]).await?;
                Ok::<_, Error>(tx.note(changed(visit.practitioner, &id, HoldBecame::Ended)).await?)
            })
        });
        released.await
    }
}

fn changed(resource: PrincipalId, hold: &str, became: HoldBecame) -> Fact {
    Fact::HoldsChanged { resource, hold: hold.to_string(), became }
}
