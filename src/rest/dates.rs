//! Dates in calendars as JSON: single appointments, dates of a series, events and absences in one shape, whatever became
//! of them; and the lists they come in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::instant;
use crate::calendar::Zone;
use crate::clinic::{self, AppointmentId, DATES, DateKind, DatePage, Dated, Mark};
use crate::edge::Problem;

/// Dates on a page when nobody says otherwise.
const PAGE: usize = 200;

/// What a date is: `event` is what somebody put there with a calendar program of their own.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Appointment,
    Event,
    Absence,
}

/// One date in a calendar.
#[derive(Serialize, JsonSchema)]
pub struct Date {
    /// Of the appointment, also of one date of a series that nobody touched: it never changes.
    id: String,
    kind: Kind,
    /// In whose calendar it stands.
    owner: i64,
    start: String,
    end: String,
    /// The series it is a date of.
    series: Option<String>,
    /// Where the series puts it, wherever it stands now.
    original_start: Option<String>,
    /// The n-th date of its series, of so many; an endless one has no number of dates.
    number: Option<u64>,
    of: Option<u64>,
    /// Nothing is stored for it alone.
    is_virtual: bool,
    /// Beside the pattern of its series.
    is_additional: bool,
    /// Null where it is no appointment.
    status: Option<&'static str>,
    title: Option<String>,
    place: Option<String>,
    practitioner: i64,
    /// Rooms and equipment.
    with: Vec<i64>,
    patient: Option<i64>,
    service: Option<String>,
    details: Value,
    /// For If-Match; 0 where it is no appointment.
    version: i64,
    /// What else takes the same time: `visit`, `block`.
    conflicts: Vec<&'static str>,
    /// Why an appointment stands outside: of its practitioner's `hours`, or in a time that is `closed`.
    outside: Option<&'static str>,
    links: Links,
}

/// Where more is known of a date.
#[derive(Serialize, JsonSchema)]
struct Links {
    appointment: Option<String>,
    series: Option<String>,
}

/// A page of dates.
#[derive(Serialize, JsonSchema)]
pub struct ListedDates {
    pub items: Vec<Date>,
    /// The cursor of the next page; null: this is the last.
    pub next: Option<String>,
}

pub fn series_id(uid: &str) -> String {
    AppointmentId { uid: uid.to_owned(), occurrence: None }.to_string()
}

pub fn shown(of: Dated, zone: &Zone) -> Date {
    let series = of.series.as_deref().map(series_id);
    let id = of.id.to_string();
    let is_appointment = of.kind == DateKind::Appointment;
    let links = Links {
        appointment: is_appointment.then(|| format!("/api/v1/appointments/{id}")),
        series: series.as_ref().filter(|_| is_appointment).map(|id| format!("/api/v1/series/{id}")),
    };
    let (number, of_all) = of.number.map_or((None, None), |(n, m)| (Some(n), m));
    Date {
        id,
        kind: match of.kind {
            DateKind::Appointment => Kind::Appointment,
            DateKind::Event => Kind::Event,
            DateKind::Absence => Kind::Absence,
        },
        owner: of.owner.0,
        start: instant::print(of.start, zone),
        end: instant::print(of.end, zone),
        series,
        original_start: of.original.map(|at| instant::print(at, zone)),
        number,
        of: of_all,
        is_virtual: of.is_virtual,
        is_additional: of.is_additional,
        status: of.status.map(clinic::Status::name),
        title: of.title,
        place: of.place,
        practitioner: of.practitioner.0,
        with: of.with.iter().map(|id| id.0).collect(),
        patient: of.patient,
        service: of.service,
        details: read(of.details.as_deref()),
        version: of.version,
        conflicts: of.conflicts.into_iter().map(clinic::kind_name).collect(),
        outside: of.outside.map(clinic::Why::text),
        links,
    }
}

/// What is kept beside an appointment, as the JSON it is.
pub fn read(details: Option<&str>) -> Value {
    details.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

pub fn listed(page: DatePage, zone: &Zone) -> ListedDates {
    let next = page.next.map(|(start, owner, uid, original)| {
        URL_SAFE_NO_PAD.encode(format!("{start} {owner} {original} {uid}"))
    });
    ListedDates { items: page.items.into_iter().map(|date| shown(date, zone)).collect(), next }
}

/// Which page: `cursor` and how many.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PagedDates {
    pub cursor: Option<String>,
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<usize>,
}

impl PagedDates {
    pub fn read(&self) -> Result<(Option<Mark>, usize), Problem> {
        let wrong = |what| Problem::bad_request(what).code("INVALID_CURSOR");
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=DATES).contains(&limit) {
            return Err(wrong("A page has from 1 to 1000 dates."));
        }
        let Some(text) = &self.cursor else { return Ok((None, limit)) };
        let mark = mark(text).ok_or_else(|| wrong("The cursor is what `next` of the page before said."))?;
        Ok((Some(mark), limit))
    }
}

fn mark(text: &str) -> Option<Mark> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let mut words = std::str::from_utf8(&bytes).ok()?.splitn(4, ' ');
    let mut number = || words.next()?.parse::<i64>().ok();
    let (start, owner, original) = (number()?, number()?, number()?);
    Some((start, owner, words.next()?.to_owned(), original))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_the_place_of_the_last_date() {
        let place: Mark = (-5, 3, "a b@c".into(), 9);
        let page = listed(DatePage { items: Vec::new(), next: Some(place.clone()) }, &Zone::utc());
        let paged = PagedDates { cursor: page.next, limit: None };
        assert_eq!(paged.read().ok(), Some((Some(place), PAGE)));
        for (cursor, limit) in
            [(Some("x"), None), (Some("MSAyIDM"), None), (None, Some(0)), (None, Some(1001))]
        {
            let paged = PagedDates { cursor: cursor.map(str::to_owned), limit };
            assert!(paged.read().is_err(), "{cursor:?} {limit:?}");
        }
    }
}
