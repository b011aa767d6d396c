//! May this caller, with these appointments: a practitioner with its own, patients and bots with what they booked and in
//! time, others by the table alone. To whoever may not an appointment is not there.

use store::AppointmentRow;

use super::Clinic;
use super::access::{self, Reach, Subject, Verb};
use super::bulk::{Act, Doing};
use super::error::{Error, Result};
use super::offers::is_outside;
use super::reserve::{by, own_row};
use super::visit::{AppointmentId, Ground};
use crate::accounts::{Caller, Role};

impl Clinic {
    /// Refuses unless the caller may do this with all of them; costs a statement where it depends on whose they are.
    pub(super) async fn permit(
        &self,
        who: &Caller,
        ids: &[&AppointmentId],
        (subject, verb): (Subject, Verb),
    ) -> Result<()> {
        let Reach::Own(own) = access::reach(who, subject, verb)? else { return Ok(()) };
        let uids: Vec<String> = ids.iter().map(|id| id.uid.clone()).collect();
        let rows = self.store().read(who.clinic()).await?.appointments_about(who.clinic(), &uids).await?;
        for id in ids {
            let rows: Vec<_> = rows.iter().filter(|row| row.uid == id.uid).cloned().collect();
            let is_own =
                rows.first().filter(|row| row.recurrence.is_empty()).is_some_and(|row| match who.role() {
                    Some(Role::Practitioner) => row.practitioner == own,
                    _ => row.made_by == Some(own),
                });
            if !is_own {
                return Err(Error::NotFound("appointment"));
            }
            if is_outside(who) && verb != Verb::Read {
                self.in_time(who, &rows, id).await?;
            }
        }
        Ok(())
    }

    /// Somebody outside changes nothing too late: of a series, its next date counts.
    async fn in_time(&self, who: &Caller, rows: &[AppointmentRow], id: &AppointmentId) -> Result<()> {
        let row = own_row(rows, id)?;
        let next = match id.occurrence {
            Some(_) => None,
            None => match self.series(by(who), id).await {
                Ok(series) => series.next.first().map(|date| date.start),
                Err(Error::NotFound(_)) => None,
                Err(error) => return Err(error),
            },
        };
        let id = AppointmentId { uid: id.uid.clone(), occurrence: id.occurrence.or(next) };
        self.in_window(who, row, &id).await
    }

    /// Refuses unless the caller may do all of these.
    pub(super) async fn permit_acts(&self, who: &Caller, acts: &[Act]) -> Result<()> {
        let ids: Vec<&AppointmentId> = acts.iter().map(|act| &act.id).collect();
        self.permit(who, &ids, (Subject::Appointments, Verb::Write)).await?;
        let over = acts.iter().filter(|act| matches!(act.doing, Doing::Alter(_, _, Ground::Overbook(_))));
        let over: Vec<&AppointmentId> = over.map(|act| &act.id).collect();
        if !over.is_empty() {
            self.permit(who, &over, (Subject::Overbook, Verb::Write)).await?;
        }
        for act in acts {
            match &act.doing {
                Doing::Alter(_, alter, _) => {
                    alter.practitioner.map_or(Ok(()), |to| self.may_book(who, to))?
                }
                // Who came and who did not is for those who were there.
                Doing::Advance(_) if is_outside(who) => return Err(Error::Denied(Subject::Appointments)),
                Doing::Advance(_) | Doing::Cancel(..) => {}
            }
        }
        Ok(())
    }
}
