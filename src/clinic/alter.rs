//! What can be changed of an appointment, as one value, and how it looks on a row: what is not named stays.

use ical::Zone;
use store::{AppointmentRow, PrincipalId};

use super::error::{Result, invalid};
use super::found::Party;
use super::pattern::Words;
use super::visit::{LONGEST, RESOURCES, WORDS};

/// How far a change of a series reaches. What has taken place is never touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One date.
    This,
    /// It and all after it.
    Following,
    /// All that are to come.
    All,
}

/// What to change; None leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alter {
    /// UTC seconds: where the date that is named stands then; following ones move by as much on the wall clock.
    pub start: Option<i64>,
    /// Seconds.
    pub length: Option<i64>,
    pub title: Option<String>,
    pub place: Option<Option<String>>,
    pub practitioner: Option<PrincipalId>,
    /// Rooms and equipment, all of them.
    pub with: Option<Vec<PrincipalId>>,
    /// RRULE without its name; None makes one date of a series.
    pub rule: Option<Option<String>>,
    pub service: Option<String>,
    pub patient: Option<Option<i64>>,
    /// Whatever else the clinic keeps, as JSON.
    pub details: Option<Option<String>>,
    pub reason: Option<String>,
}

impl Alter {
    /// What no calendar need be asked for.
    pub(super) fn check(&self) -> Result<()> {
        let short = |text: &str| text.len() <= WORDS && !text.chars().any(char::is_control);
        let fits = |text: Option<&String>| text.is_none_or(|text| short(text));
        let place = self.place.as_ref().and_then(Option::as_ref);
        let rule = self.rule.as_ref().and_then(Option::as_ref);
        match self {
            _ if self.length.is_some_and(|length| length <= 0 || length > LONGEST) => {
                invalid("end", "it must lie after the start, by a day at most")
            }
            _ if self.start.is_some_and(|start| start.abs() > ical::Window::END) => {
                invalid("start", "there is no such time")
            }
            _ if self.with.as_ref().is_some_and(|with| with.len() >= RESOURCES) => {
                invalid("with", "at most 10 resources are booked together")
            }
            _ if !fits(self.title.as_ref()) => invalid("title", "a title has at most 500 bytes"),
            _ if !fits(place) => invalid("place", "a place has at most 500 bytes"),
            _ if !fits(rule) => invalid("rule", "a rule has at most 500 bytes"),
            _ if !fits(self.service.as_ref()) => invalid("service", "a service is named by its code"),
            _ => Ok(()),
        }
    }

    /// Where something stands then.
    pub(super) fn span(&self, (start, end): (i64, i64)) -> (i64, i64) {
        let from = self.start.unwrap_or(start);
        (from, from + self.length.unwrap_or(end - start))
    }

    pub(super) fn words(&self) -> Words<'_> {
        Words {
            title: self.title.as_deref(),
            place: self.place.as_ref().map(Option::as_deref),
            service: self.service.as_deref(),
        }
    }

    /// Who is booked then.
    pub(super) fn party(&self, now: &Party) -> Result<Party> {
        let practitioner = self.practitioner.unwrap_or(now.practitioner);
        let mut with = self.with.clone().unwrap_or_else(|| now.with.clone());
        if self.with.is_some() {
            with.sort_unstable();
            with.dedup();
        }
        match with.contains(&practitioner) {
            true => invalid("with", "the practitioner is booked already"),
            false => Ok(Party { practitioner, with }),
        }
    }

    /// By how much a series moves on its wall clock; `named` is the date that the new start is said of.
    pub(super) fn shift(&self, named: i64, zone: &Zone) -> i64 {
        self.start.map_or(0, |start| zone.to_civil(start) - zone.to_civil(named))
    }

    /// The row with what it says of itself; times and people are set by whoever knows them.
    pub(super) fn on(&self, row: &AppointmentRow) -> AppointmentRow {
        AppointmentRow {
            patient: self.patient.unwrap_or(row.patient),
            service: self.service.clone().or_else(|| row.service.clone()),
            details: self.details.clone().unwrap_or_else(|| row.details.clone()),
            reason: self.reason.clone().or_else(|| row.reason.clone()),
            ..row.clone()
        }
    }
}
