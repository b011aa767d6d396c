//! May this caller, with these appointments: a practitioner with its own, patients and bots with what they booked, others
//! by the table alone. To whoever may not an appointment is not there.

use super::Clinic;
use super::access::{self, Reach, Subject, Verb};
use super::error::{Error, Result};
use super::visit::AppointmentId;
use crate::accounts::{Caller, Role};

impl Clinic {
    /// Refuses unless the caller may do this with all of them; costs a statement where it depends on whose they are.
    pub async fn permit(
        &self,
        who: &Caller,
        ids: &[&AppointmentId],
        (subject, verb): (Subject, Verb),
    ) -> Result<()> {
        let Reach::Own(own) = access::reach(who, subject, verb)? else { return Ok(()) };
        let uids: Vec<String> = ids.iter().map(|id| id.uid.clone()).collect();
        let rows = self.store().read(who.clinic()).await?.appointments_about(who.clinic(), &uids).await?;
        let is_own = |id: &&&AppointmentId| {
            let whole = rows.iter().find(|row| row.uid == id.uid && row.recurrence.is_empty());
            whole.is_some_and(|row| match who.role() {
                Some(Role::Practitioner) => row.practitioner == own,
                _ => row.made_by == Some(own),
            })
        };
        match ids.iter().all(|id| is_own(&id)) {
            true => Ok(()),
            false => Err(Error::NotFound("appointment")),
        }
    }
}
