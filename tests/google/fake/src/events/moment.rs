//! Google's EventDateTime: a date, or a date-time with a zone. A date-time may come without an offset when it names its
//! zone [D].

use std::str::FromStr;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::problem::{self, Problem};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    Date(NaiveDate),
    Time(DateTime<Utc>),
}

impl Moment {
    /// What EventDateTime says; `zone` is the calendar's.
    pub fn read(value: &Value, zone: &str) -> Option<Moment> {
        if let Some(date) = value.get("date").and_then(Value::as_str) {
            return NaiveDate::parse_from_str(date, "%Y-%m-%d").ok().map(Moment::Date);
        }
        let text = value.get("dateTime").and_then(Value::as_str)?;
        let zone = value.get("timeZone").and_then(Value::as_str).unwrap_or(zone);
        instant(text, zone).map(Moment::Time)
    }

    pub fn is_date(self) -> bool {
        matches!(self, Moment::Date(_))
    }

    /// The instant; a date begins at midnight in this zone.
    pub fn utc(self, zone: &str) -> i64 {
        match self {
            Moment::Time(at) => at.timestamp(),
            Moment::Date(date) => local(tz(zone), date.and_time(chrono::NaiveTime::MIN)).timestamp(),
        }
    }

    /// The tail of an instance's id [I]: its original start in UTC.
    pub fn stamp(self) -> String {
        match self {
            Moment::Date(date) => date.format("%Y%m%d").to_string(),
            Moment::Time(at) => at.format("%Y%m%dT%H%M%SZ").to_string(),
        }
    }

    pub fn from_stamp(text: &str) -> Option<Moment> {
        match text.len() {
            8 => NaiveDate::parse_from_str(text, "%Y%m%d").ok().map(Moment::Date),
            _ => NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ")
                .ok()
                .map(|at| Moment::Time(at.and_utc())),
        }
    }

    /// As EventDateTime, kept form.
    pub fn value(self, zone: Option<&Value>) -> Value {
        let mut value = match self {
            Moment::Date(date) => json!({ "date": date.to_string() }),
            Moment::Time(at) => json!({ "dateTime": at.to_rfc3339_opts(SecondsFormat::Secs, true) }),
        };
        if let Some(zone) = zone {
            value["timeZone"] = zone.clone();
        }
        value
    }

    /// Later by the length between two moments.
    pub fn plus(self, from: Moment, to: Moment) -> Moment {
        match (self, from, to) {
            (Moment::Date(date), Moment::Date(from), Moment::Date(to)) => Moment::Date(date + (to - from)),
            (Moment::Time(at), Moment::Time(from), Moment::Time(to)) => Moment::Time(at + (to - from)),
            (Moment::Date(date), ..) => Moment::Date(date + Duration::days(1)),
            (Moment::Time(at), ..) => Moment::Time(at),
        }
    }
}

pub fn tz(name: &str) -> Tz {
    Tz::from_str(name).unwrap_or(Tz::UTC)
}

pub fn is_zone(name: &str) -> bool {
    Tz::from_str(name).is_ok()
}

/// A wall time in a zone; in a gap of the clock the hour after it, of two the first.
pub fn local(zone: Tz, at: NaiveDateTime) -> DateTime<Utc> {
    let found = zone.from_local_datetime(&at).earliest();
    let found = found.or_else(|| zone.from_local_datetime(&(at + Duration::hours(1))).earliest());
    found.map_or_else(|| at.and_utc(), |one| one.to_utc())
}

fn instant(text: &str, zone: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(local(tz(zone), at))
}

/// A query parameter that is an instant with its offset [D].
pub fn parameter(text: Option<&str>, name: &'static str) -> Result<Option<i64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => Ok(Some(at.timestamp())),
        Err(_) => Err(problem::invalid("Bad Request").at("parameter", name)),
    }
}

/// Shows the times of an event with the offset of `zone` [D].
pub fn in_zone(event: &mut Value, zone: &str) {
    for name in ["start", "end", "originalStartTime"] {
        let Some(text) = event.get(name).and_then(|one| one.get("dateTime")).and_then(Value::as_str) else {
            continue;
        };
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            let shown = at.with_timezone(&tz(zone)).to_rfc3339_opts(SecondsFormat::Secs, true);
            event[name]["dateTime"] = shown.into();
        }
    }
}
