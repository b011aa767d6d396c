//! A patient's own link to one appointment: seen, cancelled and moved without a password. The link is a text that cannot be
//! made up (a MAC, as slots have), and says for which appointment of which patient it was made, when that stood, and until
//! when it may be used. Nothing of it is kept: it ends by itself when the appointment is moved or given to somebody else,
//! and opens nothing to change once that is cancelled. What a patient may stands in the table of roles.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ical::Zone;
use serde::{Deserialize, Serialize};
use store::{AppointmentRow, ClinicId, Origin, PrincipalId};

use super::access::{self, Rule, Subject, Verb};
use super::error::{Error, Result, invalid};
use super::offers::Offered;
use super::reserve::{Side, by, own_row};
use super::status::Status;
use super::visit::{AppointmentId, Cancel, Ground};
use super::wanted::Wanted;
use super::{By, Clinic, record};
use crate::accounts::{Caller, Role, STAMP_BYTES, Secret, Stamp};

/// What [`Stamp::new`] is told.
pub(super) const PURPOSE: &str = "patient link";
/// Hours for which a link may be used when nobody says, and at most.
pub const LINK_HOURS: (i64, i64) = (30 * 24, 400 * 24);
/// The longest link that is read.
const BYTES: usize = 4096;
/// Starts that are offered at once.
const OFFERS: usize = 50;

/// Why a link opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    #[error("there is no such link")]
    Forged,
    #[error("this link has ended")]
    Expired,
    #[error("the appointment has changed since this link was made")]
    Outdated,
}

impl BadLink {
    /// Never changed.
    pub fn code(self) -> &'static str {
        match self {
            BadLink::Forged => "LINK_NOT_FOUND",
            BadLink::Expired => "LINK_EXPIRED",
            BadLink::Outdated => "LINK_OUTDATED",
        }
    }
}

/// A link, told once.
pub struct MadeLink {
    pub text: Secret,
    pub until: i64,
}

/// What a patient is shown of an appointment: nothing that is the clinic's own, nothing of anybody else but a name.
#[derive(Clone, Debug)]
pub struct Mine {
    pub status: String,
    pub start: i64,
    pub end: i64,
    pub zone: Zone,
    pub practitioner: String,
    /// Names, as people know them.
    pub service: Option<String>,
    pub location: Option<String>,
    pub mode: Option<String>,
    /// Whether it may still be cancelled and moved by this link.
    pub is_open: bool,
    pub until: i64,
}

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    clinic: ClinicId,
    uid: String,
    occurrence: Option<i64>,
    patient: i64,
    /// Where it stood.
    start: i64,
    until: i64,
}

impl Said {
    fn print(&self, stamp: &Stamp) -> Secret {
        // Into memory: there is nothing that could fail.
        let mut bytes = postcard::to_stdvec(self).unwrap_or_default();
        bytes.extend(stamp.of(&bytes));
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn read(link: &str, stamp: &Stamp) -> Option<Said> {
        let bytes = Some(link).filter(|link| link.len() <= BYTES);
        let bytes = bytes.and_then(|link| URL_SAFE_NO_PAD.decode(link).ok())?;
        let (said, mark) = bytes.split_at(bytes.len().checked_sub(STAMP_BYTES)?);
        stamp.fits(said, mark).then(|| postcard::from_bytes(said).ok())?
    }
}

/// What a link opened.
struct Opened {
    by: By,
    id: AppointmentId,
    row: AppointmentRow,
    until: i64,
}

impl Opened {
    fn side(&self) -> Side {
        Side { clinic: self.by.clinic, outside: true, at: None }
    }

    fn version(&self) -> Option<i64> {
        Some(self.row.seq)
    }
}

impl Clinic {
    /// A link for the patient of an appointment, or of one date of a series, that the caller may change; for so many hours.
    pub async fn patient_link(
        &self,
        who: &Caller,
        id: &AppointmentId,
        hours: Option<i64>,
    ) -> Result<MadeLink> {
        let rows = self.permitted(who, id, Verb::Write).await?;
        let row = self.standing(by(who), &rows, id).await?;
        let hours = hours.unwrap_or(LINK_HOURS.0);
        match row.patient {
            None => return invalid("appointment", "it is of no patient"),
            _ if status(&row)?.is_final() => return invalid("appointment", "it is over"),
            _ if !(1..=LINK_HOURS.1).contains(&hours) => return invalid("hours", "from 1 hour to 400 days"),
            _ if id.occurrence.is_none() && self.is_series(by(who), id).await? => {
                return invalid("appointment", "of a series, say which occurrence");
            }
            _ => {}
        }
        let until = self.store().clock().now() + hours * 3600;
        let deed = record::deed(by(who), "patient-link-made", &row, serde_json::json!({ "until": until }));
        let (door, actor) = (Origin::Rest, who.principal());
        let noted = self.store().write(who.clinic(), move |tx| {
            Box::pin(async move {
                tx.sign(door, Some(actor));
                Ok::<_, Error>(tx.audit(vec![deed]).await?)
            })
        });
        noted.await?;
        self.link_of(who.clinic(), id, &row, until).await
    }

    /// What its patient is shown of it.
    pub async fn mine(&self, link: &str) -> Result<Mine> {
        let opened = self.opened(link, Verb::Read).await?;
        self.shown_to_patient(&opened).await
    }

    /// The patient cancels, until the service's window closes.
    pub async fn cancel_mine(&self, link: &str, reason: String) -> Result<Mine> {
        let opened = self.opened(link, Verb::Write).await?;
        self.in_window_of(opened.by.clinic, &opened.row, &opened.id).await?;
        let how = Cancel { by_patient: true, reason };
        self.cancel(opened.by, opened.id.clone(), how, opened.version()).await.map_err(changed)?;
        let row = self.row_of(opened.by, &opened.id).await?;
        self.shown_to_patient(&Opened { row, ..opened }).await
    }

    /// Where it could be moved to: the same service with the same practitioner.
    pub async fn starts_for_mine(
        &self,
        link: &str,
        (from, until): (Option<i64>, Option<i64>),
        limit: Option<usize>,
    ) -> Result<Vec<Offered>> {
        let opened = self.opened(link, Verb::Read).await?;
        may(Subject::Slots, Verb::Read)?;
        let row = &opened.row;
        let wish = super::Wish::new(row.practitioner, row.start_at);
        let wish = self.moved_wish(opened.by.clinic, &opened.id, row.clone(), wish).await?;
        let wanted = Wanted {
            service: wish.service,
            minutes: wish.minutes,
            locations: wish.location.iter().map(|id| id.to_string()).collect(),
            modes: wish.mode.iter().cloned().collect(),
            practitioners: vec![row.practitioner],
            from,
            until,
            limit: limit.unwrap_or(OFFERS).min(OFFERS),
            ..Wanted::default()
        };
        wanted.check()?;
        let own = self.time_on(opened.by.clinic, &opened.id).await?;
        self.found(opened.side(), &wanted, own).await
    }

    /// The patient moves it to a start that was offered. The link it was done by has ended: here is the next one.
    pub async fn move_mine(&self, link: &str, token: &str) -> Result<(Mine, MadeLink)> {
        let opened = self.opened(link, Verb::Write).await?;
        let (clinic, row) = (opened.by.clinic, &opened.row);
        self.in_window_of(clinic, row, &opened.id).await?;
        let (offered, is_fresh) = self.wish_of_offer(clinic, token).await?;
        if !is_fresh {
            return Err(Error::SlotOutdated);
        }
        let wish = self.moved_wish(clinic, &opened.id, row.clone(), offered.clone()).await?;
        let is_same = wish.service == offered.service
            && wish.practitioner == row.practitioner
            && wish.minutes.map(|minutes| minutes * 60) == Some(row.end_at - row.start_at);
        if !is_same {
            return invalid("token", "it was offered for something else");
        }
        let under = (opened.version(), Ground::Bare);
        let moved = self.shift((opened.by, opened.side()), (&opened.id, row), &wish, under);
        let id = moved.await.map_err(changed)?.id;
        let row = self.row_of(opened.by, &id).await?;
        let link = self.link_of(clinic, &id, &row, opened.until).await?;
        Ok((self.shown_to_patient(&Opened { id, row, ..opened }).await?, link))
    }

    async fn link_of(
        &self,
        clinic: ClinicId,
        id: &AppointmentId,
        row: &AppointmentRow,
        until: i64,
    ) -> Result<MadeLink> {
        let Some(patient) = row.patient else { return invalid("appointment", "it is of no patient") };
        let said = Said {
            clinic,
            uid: id.uid.clone(),
            occurrence: id.occurrence,
            patient,
            start: row.start_at,
            until,
        };
        Ok(MadeLink { text: said.print(&self.stamps().await?.1), until })
    }

    /// The appointment of a link, if that still is what it was made for.
    async fn opened(&self, link: &str, verb: Verb) -> Result<Opened> {
        let said = Said::read(link, &self.stamps().await?.1).ok_or(Error::Link(BadLink::Forged))?;
        may(Subject::Appointments, verb)?;
        if self.store().clock().now() >= said.until {
            return Err(Error::Link(BadLink::Expired));
        }
        let by = By { clinic: said.clinic, who: None, door: Origin::Link };
        let id = AppointmentId { uid: said.uid, occurrence: said.occurrence };
        let row = self.row_of(by, &id).await.map_err(changed)?;
        match (row.patient, row.start_at) == (Some(said.patient), said.start) {
            true => Ok(Opened { by, id, row, until: said.until }),
            false => Err(Error::Link(BadLink::Outdated)),
        }
    }

    async fn row_of(&self, by: By, id: &AppointmentId) -> Result<AppointmentRow> {
        let rows = self.appointment(by, id).await?;
        // One that somebody touched, cancelled ones too, says itself where it stands.
        let key = id.occurrence.map(super::recurrence).unwrap_or_default();
        match rows.iter().any(|row| row.recurrence == key) {
            true => own_row(&rows, id).cloned(),
            false => self.standing(by, &rows, id).await,
        }
    }

    async fn is_series(&self, by: By, id: &AppointmentId) -> Result<bool> {
        match self.series(by, id).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn shown_to_patient(&self, opened: &Opened) -> Result<Mine> {
        let (clinic, row) = (opened.by.clinic, &opened.row);
        let (code, place, of) = (row.service.clone(), row.location, row.practitioner);
        let (zone, service, location) = self
            .look(clinic, move |index, _| {
                let zone = index.free.resource(of).map_or_else(Zone::utc, |one| one.zone.clone());
                let service = code.and_then(|code| index.catalogue.service_named(&code));
                let location = place.and_then(|id| index.catalogue.told(id));
                let name = |told: (_, _, &str)| told.2.to_owned();
                (zone, service.map(|one| one.fields.name.clone()), location.map(name))
            })
            .await?;
        let is_in_window = match self.in_window_of(clinic, row, &opened.id).await {
            Ok(()) => true,
            Err(Error::Unfit(_)) => false,
            Err(error) => return Err(error),
        };
        let is_open = is_in_window && status(row)?.next().contains(&Status::CancelledByPatient);
        Ok(Mine {
            status: row.status.clone(),
            start: row.start_at,
            end: row.end_at,
            zone,
            practitioner: self.name_of(clinic, of).await?,
            service,
            location,
            mode: row.mode.clone(),
            is_open,
            until: opened.until,
        })
    }

    async fn name_of(&self, clinic: ClinicId, of: PrincipalId) -> Result<String> {
        let found = self.store().read(clinic).await?.principals_by_id(clinic, &[of]).await?;
        Ok(found.into_iter().next().map(|found| found.display_name).unwrap_or_default())
    }
}

/// Whether the table lets a patient do this with what is the patient's own.
fn may(subject: Subject, verb: Verb) -> Result<()> {
    match access::rule(Role::Patient, subject, verb) {
        Rule::Denied => Err(Error::Denied(subject)),
        Rule::Own | Rule::Allowed => Ok(()),
    }
}

fn status(row: &AppointmentRow) -> Result<Status> {
    super::found::status(row)
}

/// What was there when the link was looked at, and is no longer so.
fn changed(error: Error) -> Error {
    match error {
        Error::Stale | Error::NotFound("appointment") => Error::Link(BadLink::Outdated),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_what_it_was_made_for_and_no_other_text_is_taken() {
        let stamp = Stamp::new(&[9; 32], PURPOSE);
        let said = Said {
            clinic: ClinicId(7),
            uid: "visit@clinic".into(),
            occurrence: Some(1_790_000_000),
            patient: 5,
            start: 1_790_000_000,
            until: 1_791_000_000,
        };
        let link = said.print(&stamp).expose().to_owned();
        assert_eq!(Said::read(&link, &stamp), Some(said.clone()));
        let bytes = URL_SAFE_NO_PAD.decode(&link).unwrap();
        for at in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[at / 8] ^= 1 << (at % 8);
            assert_eq!(Said::read(&URL_SAFE_NO_PAD.encode(other), &stamp), None, "bit {at}");
        }
        for text in ["", "x", "!!!!", &link[1..], &"A".repeat(5000)] {
            assert_eq!(Said::read(text, &stamp), None, "{text}");
        }
        // A slot's token is no link.
        assert_eq!(Said::read(&link, &Stamp::new(&[9; 32], super::super::SLOT_PURPOSE)), None);
    }
}
