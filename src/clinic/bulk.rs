//! Many changes at once, of single appointments and of dates of series alike: all of them, or none, in one transaction. A
//! rehearsal is the same transaction, given up at its end, so that it answers what the real call then does.

use super::alter::{Alter, Scope};
use super::error::{Error, Result, invalid};
use super::scope;
use super::status::Status;
use super::visit::{AppointmentId, Booked, Cancel, Ground, Version};
use super::{By, Clinic};

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
        let done = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                let mut done = Vec::with_capacity(acts.len());
                for (at, act) in acts.iter().enumerate() {
                    let one = scope::act(work, by, act).await;
                    done.push(one.map_err(|error| Halt::Failed(Failed { at, error }))?);
                }
                match run {
                    Run::Real => Ok(done),
                    Run::Rehearsal => Err(Halt::Rehearsed(done)),
                }
            })
        });
        match done.await {
            Ok(done) | Err(Halt::Rehearsed(done)) => Ok(done),
            Err(Halt::Failed(failed)) => Err(failed),
        }
    }
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
