//! What can be booked and how it is called: the words between the doors and the booking, with the checks that need
//! neither a time nor a calendar.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ical::Zone;
use serde::{Deserialize, Serialize};
use store::{AppointmentRow, PrincipalId, TermId};

use super::By;
use super::error::{Conflict, Error, Result};
use super::fit::BUFFER;
use super::plan::DAY;
use super::status::Status;
use super::text::Draught;
use crate::calendar;

/// Resources of one visit, and seconds it may last.
pub(super) const RESOURCES: usize = 10;
pub(super) const LONGEST: i64 = DAY;
/// Bytes of a rule, and of a title or a place.
pub(super) const WORDS: usize = 500;

/// What is to be booked: what a service, a slot and the caller's wishes come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    pub practitioner: PrincipalId,
    /// Rooms and equipment.
    pub with: Vec<PrincipalId>,
    /// UTC seconds; of a series, its first occurrence.
    pub start: i64,
    pub end: i64,
    /// The IANA zone on whose clock a series keeps its hour.
    pub zone: String,
    /// RRULE without its name.
    pub rule: Option<String>,
    /// Seconds before and after that nobody else may have.
    pub buffers: (i64, i64),
    /// As it stands in the practitioner's calendar: without the patient, unless the clinic chose so.
    pub title: String,
    pub place: Option<String>,
    /// The location that is, and the code of the mode.
    #[serde(default)]
    pub location: Option<TermId>,
    #[serde(default)]
    pub mode: Option<String>,
    /// In the clinic's own numbers.
    pub patient: Option<i64>,
    /// Its code.
    pub service: Option<String>,
    /// Where it begins: awaiting approval, or scheduled.
    pub is_pending: bool,
    /// Whatever else the clinic keeps, as JSON.
    pub details: Option<String>,
}

/// On what ground somebody books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The time itself, be it from a slot or from nowhere.
    Bare,
    /// A hold that kept it: for this very time and these resources.
    Hold(String),
    /// Whoever may: onto a taken time too, for this reason.
    Overbook(String),
}

/// An appointment's name to the outside: stable, also for occurrences that nobody ever touched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppointmentId {
    pub uid: String,
    /// The instant of the occurrence, of a series.
    pub occurrence: Option<i64>,
}

/// What was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    pub id: AppointmentId,
    /// Its version.
    pub seq: i64,
    /// What was overbooked.
    pub overbooked: Vec<Conflict>,
}

/// The version the caller read; None asks for none.
pub type Version = Option<i64>;

/// Who cancels, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    pub by_patient: bool,
    pub reason: String,
}

impl fmt::Display for AppointmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.uid))?;
        self.occurrence.map_or(Ok(()), |instant| write!(f, ".{instant}"))
    }
}

impl FromStr for AppointmentId {
    type Err = Error;

    fn from_str(text: &str) -> Result<AppointmentId> {
        let wrong = || Error::NotFound("appointment");
        let (uid, occurrence) = text.split_once('.').map_or((text, None), |(uid, at)| (uid, Some(at)));
        let occurrence = occurrence.map(|at| at.parse().map_err(|_| wrong())).transpose()?;
        let uid = URL_SAFE_NO_PAD.decode(uid).map_err(|_| wrong())?;
        let uid = String::from_utf8(uid).map_err(|_| wrong())?;
        // No UID has control characters (RFC 5545 3.3.11), and PostgreSQL takes no NUL in a text.
        if uid.is_empty() || uid.chars().any(char::is_control) {
            return Err(wrong());
        }
        Ok(AppointmentId { uid, occurrence })
    }
}

impl Visit {
    /// All that is booked, each once, in the order of their ids.
    pub fn resources(&self) -> Vec<PrincipalId> {
        let mut all = self.with.clone();
        all.push(self.practitioner);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// What no time and no calendar need be asked for.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |field, why| Err(Error::Invalid { field, why });
        let short = |text: &str| text.len() <= WORDS && !text.chars().any(char::is_control);
        match self {
            _ if self.end <= self.start => wrong("end", "it must lie after the start"),
            _ if self.end - self.start > LONGEST => wrong("end", "a visit lasts a day at most"),
            _ if Zone::named(&self.zone).is_none() => wrong("zone", "it must be an IANA time zone"),
            _ if !(0..=BUFFER).contains(&self.buffers.0) || !(0..=BUFFER).contains(&self.buffers.1) => {
                wrong("buffers", "a buffer lasts from 0 to 8 hours")
            }
            _ if self.with.len() >= RESOURCES => wrong("with", "at most 10 resources are booked together"),
            _ if self.with.contains(&self.practitioner) => {
                wrong("with", "the practitioner is booked already")
            }
            _ if !short(&self.title) => wrong("title", "a title has at most 500 bytes"),
            _ if !self.place.as_deref().is_none_or(short) => wrong("place", "a place has at most 500 bytes"),
            _ if !self.rule.as_deref().is_none_or(short) => wrong("rule", "a rule has at most 500 bytes"),
            _ => Ok(()),
        }
    }

    pub(super) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| calendar::Error::Broken(error.into()).into())
    }

    pub(super) fn from_json(text: &str) -> Result<Visit> {
        serde_json::from_str(text).map_err(|error| calendar::Error::Broken(error.into()).into())
    }

    pub(super) fn text(&self, uid: &str, stamp: i64) -> Bytes {
        let zone = Zone::named(&self.zone).unwrap_or_else(Zone::utc);
        let draught = Draught {
            uid,
            title: &self.title,
            place: self.place.as_deref(),
            service: self.service.as_deref(),
            span: (self.start, self.end),
            zone: &zone,
            rule: self.rule.as_deref(),
            buffers: self.buffers,
            stamp,
        };
        draught.text()
    }

    pub(super) fn row(&self, uid: &str, by: By, now: i64) -> AppointmentRow {
        AppointmentRow {
            uid: uid.to_string(),
            recurrence: String::new(),
            practitioner: self.practitioner,
            resources: self.with.clone(),
            patient: self.patient,
            service: self.service.clone(),
            status: if self.is_pending { Status::Pending } else { Status::Scheduled }.name().into(),
            start_at: self.start,
            end_at: self.end,
            details: self.details.clone(),
            made_at: now,
            made_by: by.who,
            origin: by.door,
            changed_at: now,
            changed_by: by.who,
            changed_origin: by.door,
            reason: None,
            checked_in_at: None,
            started_at: None,
            ended_at: None,
            seq: 0,
            series: None,
            location: self.location,
            mode: self.mode.clone(),
        }
    }
}
