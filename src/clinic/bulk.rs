//! Many changes at once, of single appointments and of dates of series alike: all of them, or none, in one transaction. A
//! rehearsal is the same transaction, given up at its end, so that it answers what the real call then does.

use super::alter::{Alter, Scope};
use super::error::{Error, Result, invalid};
use super::measures::{self, Measured, Stand};
use super::reserve::{Side, TRIES, by};
use super::scope;
use super::status::Status;
use super::visit::{AppointmentId, Booked, Cancel, Ground, Version};
use super::{By, Clinic};
use crate::accounts::Caller;

/// Changes of one call.
pub const ACTS: usize = 200;

/// What is done with one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    Cancel(Scope, Cancel),
    Alter(Scope, Box<Alter>, Ground),
    Advance(Status),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub id: AppointmentId,
    pub version: Version,
    pub doing: Doing,
}

/// For real, or to see what would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    Real,
    Rehearsal,
}

/// Why nothing was done: which of them, and why.
#[derive(Debug, thiserror::Error)]
#[error("number {at}: {error}")]
pub struct Failed {
    /// From 0.
    pub at: usize,
    pub error: Error,
}

/// How the transaction ends without a commit.
enum Halt<T> {
    Failed(Failed),
    Rehearsed(T),
}

impl<T> From<store::Error> for Halt<T> {
    fn from(error: store::Error) -> Halt<T> {
        Halt::Failed(Failed { at: 0, error: error.into() })
    }
}

impl Clinic {
    /// Does all of them in their order, or none; the answer says what became of each.
    pub async fn bulk(&self, by: By, acts: Vec<Act>, run: Run) -> Result<Vec<Booked>, Failed> {
        checked(&acts)?;
        self.perform(by, acts, run, Asked::Nothing).await.map(|(done, _)| done)
    }

    /// The same by the rules of whoever asks: where the dates come to stand is found by a rehearsal, and measured as a
    /// single booking is.
    pub(super) async fn measured_bulk(
        &self,
        who: &Caller,
        acts: Vec<Act>,
        run: Run,
    ) -> Result<Vec<Booked>, Failed> {
        if !acts.iter().any(measures::is_measured) {
            return self.bulk(by(who), acts, run).await;
        }
        checked(&acts)?;
        for _ in 0..TRIES {
            let (_, stands) = self.perform(by(who), acts.clone(), Run::Rehearsal, Asked::Stands).await?;
            let measured = self.measured(Side::of(who), stands).await?;
            match self.perform(by(who), acts.clone(), run, Asked::Measure(measured)).await {
                Err(Failed { error: Error::Overtaken, .. }) => {}
                other => return other.map(|(done, _)| done),
            }
        }
        Err(Failed { at: 0, error: Error::Overtaken })
    }

    async fn perform(
        &self,
        by: By,
        acts: Vec<Act>,
        run: Run,
        asked: Asked,
    ) -> Result<(Vec<Booked>, Vec<Stand>), Failed> {
        let done = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                let failed = |at| move |error| Halt::Failed(Failed { at, error });
                work.tx().sign(by.door, by.who);
                if let Asked::Measure(measured) = &asked {
                    measured.before(work).await.map_err(failed(0))?;
                }
                let (mut done, mut stands) = (Vec::with_capacity(acts.len()), Vec::new());
                for (at, act) in acts.iter().enumerate() {
                    let one = scope::act(work, by, act).await.map_err(failed(at))?;
                    if !matches!(asked, Asked::Nothing) {
                        let there = measures::stands(work, (at, act), &one, by).await;
                        stands.extend(there.map_err(failed(at))?);
                    }
                    done.push(one);
                }
                if let Asked::Measure(measured) = &asked {
                    measured.after(work, &stands).await.map_err(Halt::Failed)?;
                }
                match run {
                    Run::Real => Ok((done, stands)),
                    Run::Rehearsal => Err(Halt::Rehearsed((done, stands))),
                }
            })
        });
        match done.await {
            Ok(done) | Err(Halt::Rehearsed(done)) => Ok(done),
            Err(Halt::Failed(failed)) => Err(failed),
        }
    }
}

/// What is asked of the dates beside doing it.
enum Asked {
    Nothing,
    /// Where they come to stand.
    Stands,
    /// That they still stand where they were measured.
    Measure(Measured),
}

fn checked(acts: &[Act]) -> Result<(), Failed> {
    if acts.is_empty() || acts.len() > ACTS {
        let error: Result<()> = invalid("acts", "from 1 to 200 changes at once");
        return error.map_err(|error| Failed { at: 0, error });
    }
    let alters = acts.iter().enumerate().filter_map(|(at, act)| match &act.doing {
        Doing::Alter(_, alter, _) => Some((at, alter)),
        _ => None,
    });
    for (at, alter) in alters {
        alter.check().map_err(|error| Failed { at, error })?;
    }
    Ok(())
}
