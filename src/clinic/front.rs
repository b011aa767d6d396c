//! Appointments as the front desk, a practitioner, a bot or a patient deals with them: each sees and changes their own,
//! or all, as the table of roles says.

use ical::{Window, Zone};
use store::{AppointmentFilter, AppointmentRow, Dimension, PatientId, PrincipalId, ServiceId, TermId};

use super::access::{self, Reach, Subject, Verb};
use super::alter::{Alter, Scope};
use super::catalogue::Offering;
use super::diary::{Leaf, Whose};
use super::error::{Error, Result, Unfit};
use super::live::{Index, Known};
use super::offers::is_outside;
use super::reserve::{by, merged, own_row};
use super::status::Status;
use super::visit::{AppointmentId, Booked, Cancel, Ground, Version};
use super::wall::DAY;
use super::wish::{IN_PERSON, VIDEO};
use super::{By, Clinic};
use crate::accounts::{Caller, Role};

/// Appointments on a page.
const PAGE: u32 = 200;

/// The last one of a page: start, UID, occurrence.
pub type After = (i64, String, String);

/// How somebody is checked in.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckIn {
    /// A visit by video: from wherever the patient is.
    pub is_virtual: bool,
    /// Where the patient stands.
    pub at: Option<TermId>,
}

/// What is said of an appointment; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    pub title: Option<String>,
    pub patient: Option<Option<PatientId>>,
    /// A JSON object: what is named in it is set.
    pub details: Option<String>,
    pub reason: Option<String>,
}

impl Clinic {
    /// Appointments by start, of those whom the caller may see: what is noted of single dates, and of each series as a
    /// whole. With the place where the next page begins.
    pub async fn appointments(
        &self,
        who: &Caller,
        filter: AppointmentFilter,
        after: Option<After>,
        limit: u32,
    ) -> Result<(Vec<AppointmentRow>, Option<After>)> {
        let reach = access::reach(who, Subject::Appointments, Verb::Read)?;
        let filter = mine(who, reach, filter)?;
        let limit = limit.clamp(1, PAGE);
        let (start, uid, occurrence) = after.unwrap_or((i64::MIN, String::new(), String::new()));
        let mut conn = self.store().read(who.clinic()).await?;
        let rows = conn.appointments(who.clinic(), &filter, (start, &uid, &occurrence), limit + 1).await?;
        let is_more = rows.len() > limit as usize;
        let rows: Vec<_> = rows.into_iter().take(limit as usize).collect();
        let last = rows.last().map(|row| (row.start_at, row.uid.clone(), row.recurrence.clone()));
        Ok((rows, last.filter(|_| is_more)))
    }

    /// The caller's own, whatever more it may see: with a practitioner, else booked by the caller.
    pub async fn my_appointments(
        &self,
        who: &Caller,
        filter: AppointmentFilter,
        after: Option<After>,
        limit: u32,
    ) -> Result<(Vec<AppointmentRow>, Option<After>)> {
        let own = Some(who.principal());
        let filter = match who.role() {
            Some(Role::Practitioner) => AppointmentFilter { practitioner: own, ..filter },
            _ => AppointmentFilter { made_by: own, ..filter },
        };
        self.appointments(who, filter, after, limit).await
    }

    /// One of them, or one date of a series, as it stands now.
    pub async fn one_appointment(&self, who: &Caller, id: &AppointmentId) -> Result<AppointmentRow> {
        let rows = self.permitted(who, id, Verb::Read).await?;
        self.standing(by(who), &rows, id).await
    }

    /// Where it stands, by its rows and its series.
    pub(super) async fn standing(
        &self,
        by: By,
        rows: &[AppointmentRow],
        id: &AppointmentId,
    ) -> Result<AppointmentRow> {
        let row = own_row(rows, id)?;
        let Some(instant) = id.occurrence.filter(|_| row.recurrence.is_empty()) else {
            return Ok(row.clone());
        };
        // Nobody touched this date: the series says where it stands, if it has it.
        let leaf = Leaf {
            whose: Whose::These(vec![id.uid.clone()]),
            window: Window { from: instant - DAY, until: instant + DAY },
            with_cancelled: true,
            after: None,
            limit: usize::MAX,
        };
        let found = self.dates(by, leaf).await?.items.into_iter().find(|date| date.id == *id);
        let date = found.ok_or(Error::NotFound("appointment"))?;
        let recurrence = super::recurrence(instant);
        Ok(AppointmentRow { recurrence, start_at: date.start, end_at: date.end, ..row.clone() })
    }

    /// The zones of these people; of whom nothing is known, UTC.
    pub async fn zones(&self, who: &Caller, of: Vec<PrincipalId>) -> Result<Vec<Zone>> {
        self.glance(who.clinic(), move |index, _| {
            let zone = |id: &PrincipalId| index.free.resource(*id).map(|one| one.zone.clone());
            of.iter().map(|id| zone(id).unwrap_or_else(Zone::utc)).collect()
        })
        .await
    }

    /// A service by its code, or by its id in digits.
    pub async fn service_called(&self, who: &Caller, word: &str) -> Result<ServiceId> {
        let called = |word: String| {
            move |index: &Index, _| {
                let is = |offering: &Offering| offering.fields.code == word;
                let by_code = index.catalogue.services().find(|(_, offering)| is(offering)).map(|(id, _)| id);
                let by_id = || word.parse().ok().map(ServiceId);
                let id = by_code.or_else(by_id).ok_or(Error::NotFound("service"))?;
                index.catalogue.service(id).map(|_| id)
            }
        };
        // What was there when the request began will do; nobody hears that it is not by what was.
        let began = (who.at(), Known::Rules);
        match self.glance_at(who.clinic(), began, called(word.to_owned())).await? {
            Ok(id) => Ok(id),
            Err(_) => self.glance(who.clinic(), called(word.to_owned())).await?,
        }
    }

    /// A location by its code, or by its id in digits.
    pub async fn location_called(&self, who: &Caller, word: &str) -> Result<TermId> {
        let word = word.to_owned();
        self.glance(who.clinic(), move |index, _| index.catalogue.term(Dimension::Location, &word))
            .await?
            .ok_or(Error::Invalid { field: "location", why: "there is no such location" })
    }

    /// Leads an appointment on. Patients and bots confirm; what happens in the clinic is said by those who are there.
    pub async fn lead(
        &self,
        who: &Caller,
        id: &AppointmentId,
        (to, check_in): (Status, CheckIn),
        version: Version,
    ) -> Result<AppointmentRow> {
        let rows = self.permitted(who, id, Verb::Write).await?;
        if is_outside(who) && !matches!(to, Status::Confirmed | Status::CheckedIn) {
            return Err(Error::Denied(Subject::Appointments));
        }
        let row = own_row(&rows, id)?;
        if to == Status::CheckedIn {
            check_in_rules(row, check_in)?;
        }
        self.advance(by(who), id.clone(), to, version).await?;
        self.one_appointment(who, id).await
    }

    /// The place in the queue of who was checked in: how many came before and wait, and this one. By video nobody queues.
    pub async fn queue(&self, who: &Caller, row: &AppointmentRow) -> Result<Option<usize>> {
        if row.mode.as_deref() == Some(VIDEO) {
            return Ok(None);
        }
        let filter = AppointmentFilter {
            practitioner: Some(row.practitioner),
            location: row.location,
            statuses: vec![Status::CheckedIn.name().to_owned()],
            window: Some((row.start_at - DAY, row.start_at + DAY)),
            ..AppointmentFilter::default()
        };
        let mut conn = self.store().read(who.clinic()).await?;
        let rows = conn.appointments(who.clinic(), &filter, (i64::MIN, "", ""), PAGE).await?;
        let waits = |one: &&AppointmentRow| {
            one.mode.as_deref() != Some(VIDEO) && one.checked_in_at <= row.checked_in_at
        };
        Ok(Some(rows.iter().filter(waits).count()))
    }

    /// Cancels, by the rules of whoever asks: somebody outside until the service's window closes.
    pub async fn cancel_by(
        &self,
        who: &Caller,
        id: &AppointmentId,
        how: Cancel,
        version: Version,
    ) -> Result<AppointmentRow> {
        let rows = self.permitted(who, id, Verb::Write).await?;
        self.in_window(who, own_row(&rows, id)?, id).await?;
        let by_patient = how.by_patient || is_outside(who);
        self.cancel(by(who), id.clone(), Cancel { by_patient, ..how }, version).await?;
        let rows = self.permitted(who, id, Verb::Read).await?;
        own_row(&rows, id).cloned()
    }

    /// Says something else of an appointment; its time stays.
    pub async fn amend(
        &self,
        who: &Caller,
        id: &AppointmentId,
        change: Amendment,
        version: Version,
    ) -> Result<Booked> {
        let rows = self.permitted(who, id, Verb::Write).await?;
        let row = own_row(&rows, id)?;
        if let Some(Some(patient)) = change.patient {
            let found = self.store().read(who.clinic()).await?.patient(who.clinic(), patient).await?;
            found.ok_or(Error::NotFound("patient"))?;
        }
        let details = change.details.as_deref().map(|own| merged(Some(own), row.details.as_deref()));
        let alter = Alter {
            title: change.title,
            patient: change.patient.map(|patient| patient.map(|id| id.0)),
            details: details.transpose()?,
            reason: change.reason,
            ..Alter::default()
        };
        let scope = if id.occurrence.is_some() { Scope::This } else { Scope::All };
        self.alter(by(who), id.clone(), (scope, alter), version, Ground::Bare).await
    }
}

/// Only what is the caller's own.
fn mine(who: &Caller, reach: Reach, filter: AppointmentFilter) -> Result<AppointmentFilter> {
    match reach {
        Reach::Everything => Ok(filter),
        Reach::Own(own) if who.role() == Some(Role::Practitioner) => {
            match filter.practitioner.is_none_or(|other| other == own) {
                true => Ok(AppointmentFilter { practitioner: Some(own), ..filter }),
                false => Err(Error::Denied(Subject::Appointments)),
            }
        }
        Reach::Own(own) => Ok(AppointmentFilter { made_by: Some(own), ..filter }),
    }
}

/// In person at its place, by video from anywhere.
fn check_in_rules(row: &AppointmentRow, how: CheckIn) -> Result<()> {
    let is_video = row.mode.as_deref() == Some(VIDEO);
    if is_video != how.is_virtual && (is_video || row.mode.as_deref() == Some(IN_PERSON)) {
        return Err(Error::Unfit(Unfit::VideoCheckIn));
    }
    match (how.at, row.location) {
        (Some(at), Some(location)) if at != location => Err(Error::Unfit(Unfit::OtherPlace)),
        _ => Ok(()),
    }
}
