//! Objects as the dates they stand for: single ones, dates of a series that nobody touched, dates that were changed, and
//! additional ones look and behave alike. Computed when somebody looks; nothing is written.
//!
//! What a date is comes, in this order, from its row, from its own component, from the series.

use std::collections::HashMap;

use ical::{Budget, Component, Object, Window, Zone};
use store::{AppointmentRow, BusyKind, PrincipalId};

use super::error::Result;
use super::found::is_final;
use super::outside::Why;
use super::pattern;
use super::plan;
use super::status::Status;
use super::visit::AppointmentId;
use crate::calendar;

/// What a date is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DateKind {
    Appointment,
    /// What somebody put into `visits` with a program of their own: it takes time until it is claimed.
    Event,
    /// What closes time.
    Absence,
}

/// One date in somebody's calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// In whose calendar it stands: the practitioner's, or a room's.
    pub owner: PrincipalId,
    pub kind: DateKind,
    pub id: AppointmentId,
    /// UTC seconds.
    pub start: i64,
    pub end: i64,
    /// The UID of the series it is a date of, be it an additional one.
    pub series: Option<String>,
    /// Where the series puts it, wherever it stands now.
    pub original: Option<i64>,
    /// The n-th of m; an endless series has no m.
    pub number: Option<(u64, Option<u64>)>,
    /// Nothing in a calendar is different for it.
    pub is_virtual: bool,
    /// Beside the pattern of its series.
    pub is_additional: bool,
    pub status: Option<Status>,
    pub title: Option<String>,
    pub place: Option<String>,
    pub practitioner: PrincipalId,
    pub with: Vec<PrincipalId>,
    pub patient: Option<i64>,
    pub service: Option<String>,
    pub details: Option<String>,
    /// 0 where there is no row.
    pub version: i64,
    /// What else takes the same time, beyond what fits.
    pub conflicts: Vec<BusyKind>,
    /// Why an appointment stands outside of hours, or in a closed time.
    pub outside: Option<Why>,
    /// It takes time.
    pub blocks: bool,
}

impl Dated {
    /// An appointment that is not cancelled.
    pub(super) fn takes_place(&self) -> bool {
        self.kind == DateKind::Appointment && !self.status.is_some_and(Status::is_cancelled)
    }

    /// Its place in a list: by time, each once.
    pub(super) fn key(&self) -> (i64, i64, &str, i64) {
        (self.start, self.owner.0, &self.id.uid, self.original.unwrap_or(0))
    }
}

/// Rows by UID, the row of the whole first.
pub(super) type Rows = HashMap<String, Vec<AppointmentRow>>;

pub(super) fn by_uid(rows: Vec<AppointmentRow>) -> Rows {
    let mut all = Rows::new();
    for row in rows {
        all.entry(row.uid.clone()).or_default().push(row);
    }
    all
}

/// An object, in whose calendar it stands, and on whose clock its floating times.
pub(super) struct Stored<'a> {
    pub object: &'a Object,
    pub owner: PrincipalId,
    pub kind: BusyKind,
    pub zone: &'a Zone,
}

impl Stored<'_> {
    /// Its dates in the window, in no order.
    pub fn dates(&self, rows: &Rows, window: Window, budget: &mut Budget) -> Result<Vec<Dated>> {
        let found = self.object.digest.occurrences(window, self.zone, budget);
        let found = found.map_err(calendar::Error::from)?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let rows = rows.get(&self.object.uid).map_or(&[][..], Vec::as_slice);
        // A UID is unique in one calendar only: a row is of this object if its people are.
        let is_of =
            |row: &&AppointmentRow| row.practitioner == self.owner || row.resources.contains(&self.owner);
        let whole = rows.first().filter(|row| row.recurrence.is_empty()).filter(is_of);
        let numbers = match whole.filter(|_| self.object.digest.series.is_some()) {
            Some(_) => Numbers::of(&self.object.tree, window.until, self.zone, budget)?,
            None => Numbers::default(),
        };
        let parts: Vec<&Component> = self.object.tree.parts().collect();
        let shown = found.into_iter().filter_map(|one| {
            let part = parts.get(one.component as usize).copied();
            let is_cancelled = part.is_some_and(super::text::is_cancelled);
            let own = one.id.and_then(|id| {
                let recurrence = super::recurrence(id);
                rows.iter().find(|row| row.recurrence == recurrence)
            });
            (!is_cancelled).then(|| self.date(one, part, whole.map(|whole| (whole, own)), &numbers))
        });
        Ok(shown.collect())
    }

    fn date(
        &self,
        one: ical::Occurrence,
        part: Option<&Component>,
        rows: Option<(&AppointmentRow, Option<&AppointmentRow>)>,
        numbers: &Numbers,
    ) -> Dated {
        let line = |name: &str| Some(part?.get(name)?.text().into_owned());
        let row = rows.map(|(whole, own)| own.unwrap_or(whole));
        let is_private =
            row.is_none() && line("CLASS").is_some_and(|class| !class.eq_ignore_ascii_case("PUBLIC"));
        let whole = rows.map(|(whole, _)| whole);
        let series = match (one.id, whole) {
            (Some(_), _) => Some(self.object.uid.clone()),
            (None, whole) => whole.and_then(|whole| whole.series.clone()),
        };
        Dated {
            owner: self.owner,
            kind: match (self.kind, row) {
                (BusyKind::Block, _) => DateKind::Absence,
                (_, Some(_)) => DateKind::Appointment,
                (_, None) => DateKind::Event,
            },
            id: AppointmentId { uid: self.object.uid.clone(), occurrence: one.id },
            start: one.start,
            end: one.end,
            is_additional: one.id.is_none() && series.is_some(),
            series,
            original: one.id,
            number: one.id.and_then(|id| numbers.of_date(id)),
            is_virtual: one.id.is_some() && part.is_some_and(|part| part.get("RECURRENCE-ID").is_none()),
            status: rows.map(|(whole, own)| standing(whole, own, one.id.is_some())),
            title: line("SUMMARY").filter(|_| !is_private),
            place: line("LOCATION").filter(|_| !is_private),
            practitioner: row.map_or(self.owner, |row| row.practitioner),
            with: row.map(|row| row.resources.clone()).unwrap_or_default(),
            patient: row.and_then(|row| row.patient),
            service: row.and_then(|row| row.service.clone()),
            details: row.and_then(|row| row.details.clone()),
            version: row.map_or(0, |row| row.seq),
            conflicts: Vec::new(),
            outside: None,
            blocks: self.kind == BusyKind::Block || one.busy.takes_time(),
        }
    }
}

/// Where a date stands. One that nobody touched stands where its series does, until the series is over: what is left of
/// that takes, or took, place.
fn standing(whole: &AppointmentRow, own: Option<&AppointmentRow>, is_of_series: bool) -> Status {
    let row = own.unwrap_or(whole);
    let is_left = own.is_none() && is_of_series && is_final(whole);
    match Status::from_name(&row.status).filter(|_| !is_left) {
        Some(status) => status,
        None => Status::Scheduled,
    }
}

/// A date that no longer stands in any calendar, from its row.
pub(super) fn gone(row: &AppointmentRow) -> Dated {
    let original = super::course::instant(row);
    Dated {
        owner: row.practitioner,
        kind: DateKind::Appointment,
        id: AppointmentId { uid: row.uid.clone(), occurrence: original },
        start: row.start_at,
        end: row.end_at,
        series: original.map(|_| row.uid.clone()).or_else(|| row.series.clone()),
        original,
        number: None,
        is_virtual: false,
        is_additional: original.is_none() && row.series.is_some(),
        status: Status::from_name(&row.status),
        title: None,
        place: None,
        practitioner: row.practitioner,
        with: row.resources.clone(),
        patient: row.patient,
        service: row.service.clone(),
        details: row.details.clone(),
        version: row.seq,
        conflicts: Vec::new(),
        outside: None,
        blocks: false,
    }
}

/// All dates that a series ever had, numbered: cancelling one renumbers none.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub dates: Vec<(i64, i64)>,
    pub is_endless: bool,
}

impl Numbers {
    /// Up to `until`, or to its end where it has one.
    pub fn of(tree: &Component, until: i64, zone: &Zone, budget: &mut Budget) -> Result<Numbers> {
        let pattern = pattern::pattern(tree)?;
        let is_endless = pattern.last >= Window::END;
        let until = if is_endless { until } else { Window::END };
        let window = Window { from: Window::START, until };
        let found = pattern.occurrences(window, zone, budget).map_err(calendar::Error::from)?;
        let mut dates: Vec<(i64, i64)> =
            found.into_iter().map(|one| (one.id.unwrap_or(one.start), one.end)).collect();
        dates.sort_unstable();
        dates.dedup_by_key(|(id, _)| *id);
        Ok(Numbers { dates, is_endless })
    }

    fn of_date(&self, id: i64) -> Option<(u64, Option<u64>)> {
        let at = self.dates.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some((at as u64 + 1, self.count()))
    }

    /// How many there are in all.
    pub fn count(&self) -> Option<u64> {
        (!self.is_endless).then_some(self.dates.len() as u64)
    }
}

/// Marks what takes more of a time than there is: within one calendar, so many at once as fit.
pub(super) fn flag(dates: &mut [Dated], capacity: &HashMap<PrincipalId, i64>) {
    let mut order: Vec<usize> = (0..dates.len()).filter(|at| dates[*at].blocks).collect();
    order.sort_unstable_by_key(|at| (dates[*at].owner, dates[*at].start, dates[*at].end));
    let mut standing: Vec<usize> = Vec::new();
    for at in order {
        let (owner, start) = (dates[at].owner, dates[at].start);
        standing.retain(|one| dates[*one].owner == owner && dates[*one].end > start);
        let is_absence = |at: usize| dates[at].kind == DateKind::Absence;
        let booked = standing.iter().filter(|one| !is_absence(**one)).count() as i64 + 1;
        let fits = capacity.get(&owner).is_none_or(|capacity| booked <= *capacity);
        let mut met = Vec::new();
        for other in &standing {
            match (is_absence(at), is_absence(*other)) {
                (true, true) => {}
                (false, false) if fits => {}
                (false, false) => met.extend([(at, BusyKind::Visit), (*other, BusyKind::Visit)]),
                (true, false) => met.extend([(at, BusyKind::Visit), (*other, BusyKind::Block)]),
                (false, true) => met.extend([(at, BusyKind::Block), (*other, BusyKind::Visit)]),
            }
        }
        for (at, kind) in met {
            if !dates[at].conflicts.contains(&kind) {
                dates[at].conflicts.push(kind);
            }
        }
        standing.push(at);
    }
}

/// The text of an object, as the diary needs it.
pub(super) fn read(text: Option<&store::Text>) -> Option<Object> {
    plan::read(&text?.0)
}
