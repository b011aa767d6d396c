//! What must still be true in the transaction of a booking that was planned before it: nobody changed the rules or the
//! hours meanwhile, and what is counted has not been used up. Everything here is asked of the database itself.

use store::PrincipalId;

use super::error::{Error, Result, Unfit};
use super::live::News;
use super::rules::object_name;
use super::status::Status;
use crate::calendar::Work;

/// Facts that are looked through for a change of the rules; where there are more, the plan is made anew.
const FACTS: u32 = 1_000;

/// The plan's assumptions.
#[derive(Clone, Debug)]
pub(super) struct Check {
    /// The plan knew this change and all before it.
    pub seen: i64,
    /// Whom it is about, and their calendars of dated hours.
    pub all: Vec<PrincipalId>,
    pub hours: Vec<store::CollectionId>,
    pub practitioner: PrincipalId,
    /// The service by its code, with the days and weeks in which there may be so many (0: any number).
    pub service: Option<String>,
    pub day: ((i64, i64), u32),
    pub week: ((i64, i64), u32),
    /// The patient, when; and how many appointments to come they may have (0: any number).
    pub patient: Option<i64>,
    pub span: (i64, i64),
    pub overlap: bool,
    pub visits: i64,
    /// The appointment that is being moved.
    pub except: Option<String>,
}

impl Check {
    /// Of a visit with somebody: nothing to be looked at yet.
    pub fn of(practitioner: PrincipalId) -> Check {
        Check {
            seen: i64::MAX,
            all: Vec::new(),
            hours: Vec::new(),
            practitioner,
            service: None,
            day: ((0, 0), 0),
            week: ((0, 0), 0),
            patient: None,
            span: (0, 0),
            overlap: true,
            visits: 0,
            except: None,
        }
    }

    /// The patient who must not be elsewhere, and when.
    pub fn alone(&self) -> Option<(i64, (i64, i64))> {
        self.patient.filter(|_| !self.overlap).map(|patient| (patient, self.span))
    }

    pub async fn run(&self, work: &mut Work<'_>) -> Result<()> {
        self.rules(work).await?;
        self.limits(work).await?;
        self.patient(work).await
    }

    /// The change before this one is the last that the plan may know.
    async fn rules(&self, work: &mut Work<'_>) -> Result<()> {
        let (clinic, before) = (work.tx().clinic(), work.tx().seq() - 1);
        if self.seen >= before {
            return Ok(());
        }
        if let Some(written) = work.tx().written_since(self.seen) {
            let is_open_otherwise = self.hours.iter().any(|hours| written.contains(hours));
            return if is_open_otherwise { Err(Error::Overtaken) } else { Ok(()) };
        }
        let rows = work.tx().rules_after(clinic, self.seen, &self.hours, FACTS).await?;
        let hours = self.hours.iter().map(|id| (*id, self.practitioner)).collect();
        match rows.len() >= FACTS as usize || News::of(&rows, &hours).overthrow(&self.all) {
            true => Err(Error::Overtaken),
            false => Ok(()),
        }
    }

    async fn limits(&self, work: &mut Work<'_>) -> Result<()> {
        let Some(service) = &self.service else { return Ok(()) };
        let except = self.except.as_deref().map(object_name).unwrap_or_default();
        for ((window, most), why) in [(self.day, Unfit::DayLimit), (self.week, Unfit::WeekLimit)] {
            if most == 0 {
                continue;
            }
            let there = work.tx().count_of_service(self.practitioner, service, window, &except).await?;
            if there >= i64::from(most) {
                return Err(Error::Unfit(why));
            }
        }
        Ok(())
    }

    async fn patient(&self, work: &mut Work<'_>) -> Result<()> {
        let Some(patient) = self.patient else { return Ok(()) };
        let (clinic, except) = (work.tx().clinic(), self.except.as_deref().unwrap_or_default());
        if !self.overlap && work.tx().patient_is_busy(patient, self.span, except).await? {
            return Err(Error::Unfit(Unfit::PatientBusy));
        }
        if self.visits > 0 && self.except.is_none() {
            let filter = store::AppointmentFilter {
                patient: Some(patient),
                statuses: open_states(),
                window: Some((work.tx().moment(), i64::MAX)),
                ..Default::default()
            };
            let most = u32::try_from(self.visits).unwrap_or(u32::MAX);
            let there = work.tx().appointments(clinic, &filter, (i64::MIN, "", ""), most).await?;
            if there.len() >= most as usize {
                return Err(Error::Unfit(Unfit::PatientLimit));
            }
        }
        Ok(())
    }
}

/// The states in which an appointment is still to take place.
pub(super) fn open_states() -> Vec<String> {
    let open = Status::ALL.into_iter().filter(|status| !status.is_final());
    open.map(|status| status.name().to_owned()).collect()
}
