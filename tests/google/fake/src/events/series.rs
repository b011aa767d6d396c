//! Series: which instances a master has, and an instance that nobody touched, made from its master.
//! The rules are counted by the crate `rrule`, not by the product's own room: a mistake there must not be repeated here.

use std::{collections::HashSet, str::FromStr};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rrule::{RRule, RRuleSet, Unvalidated};
use serde_json::Value;

use super::{
    event::Event,
    moment::{self, Moment},
};
use crate::problem::{self, Problem};

/// Steps after which an expansion ends, however long its rule.
const STEPS: usize = 100_000;

/// A master's start, end, zone and rules.
pub struct Series {
    pub start: Moment,
    pub end: Moment,
    set: RRuleSet,
}

impl Series {
    /// `zone` is the calendar's.
    pub fn of(master: &Event, zone: &str) -> Result<Series, Problem> {
        let bad = || problem::invalid("Invalid recurrence rule.");
        let start_value = master.fields.get("start").ok_or_else(bad)?;
        let start = Moment::read(start_value, zone).ok_or_else(bad)?;
        let end = master.fields.get("end").and_then(|end| Moment::read(end, zone)).unwrap_or(start);
        let zone = start_value.get("timeZone").and_then(Value::as_str).unwrap_or(zone);
        let zone = if start.is_date() { "UTC" } else { zone };
        let lines = master.fields.get("recurrence").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
        Ok(Series { start, end, set: set(start, zone, &lines)? })
    }

    /// The starts from `from` on, before `until` (seconds UTC; a date counts from its midnight in UTC), at most `most`.
    pub fn starts(&self, from: i64, until: i64, most: usize) -> Vec<Moment> {
        let mut seen = HashSet::new();
        let all = self.set.into_iter().take(STEPS).map(|at| at.to_utc());
        let inside = all.take_while(|at| at.timestamp() < until).filter(|at| at.timestamp() >= from);
        let fresh = inside.filter(|at| seen.insert(*at));
        fresh.take(most).map(|at| self.moment(at)).collect()
    }

    pub fn has(&self, start: Moment) -> bool {
        let at = start.utc("UTC");
        start.is_date() == self.start.is_date() && !self.starts(at, at + 1, 1).is_empty()
    }

    fn moment(&self, at: DateTime<Utc>) -> Moment {
        match self.start {
            Moment::Date(_) => Moment::Date(at.date_naive()),
            Moment::Time(_) => Moment::Time(at),
        }
    }
}

/// [I] `<master>_<original start in UTC>`.
pub fn instance_id(master: &str, start: Moment) -> String {
    format!("{master}_{}", start.stamp())
}

/// The master's id and the original start in an instance's id.
pub fn split_id(id: &str) -> Option<(&str, Moment)> {
    let (master, stamp) = id.rsplit_once('_')?;
    Some((master, Moment::from_stamp(stamp)?))
}

/// An instance that nobody touched.
pub fn instance(master: &Event, series: &Series, start: Moment) -> Event {
    let mut one = master.clone();
    let zone = |name: &str| master.fields.get(name).and_then(|value| value.get("timeZone"));
    let end = start.plus(series.start, series.end);
    one.fields.remove("recurrence");
    one.fields.insert("id".into(), instance_id(master.id(), start).into());
    one.fields.insert("recurringEventId".into(), master.id().into());
    one.fields.insert("originalStartTime".into(), start.value(zone("start")));
    one.fields.insert("start".into(), start.value(zone("start")));
    one.fields.insert("end".into(), end.value(zone("end")));
    one
}

fn set(start: Moment, zone: &str, lines: &[&str]) -> Result<RRuleSet, Problem> {
    let bad = || problem::invalid("Invalid recurrence rule.");
    let tz = rrule::Tz::from(moment::tz(zone));
    let first = DateTime::from_timestamp(start.utc("UTC"), 0).ok_or_else(bad)?.with_timezone(&tz);
    let mut set = RRuleSet::new(first);
    let mut has_rule = false;
    for line in lines {
        let (head, value) = line.split_once(':').ok_or_else(bad)?;
        let mut words = head.split(';');
        let name = words.next().unwrap_or_default().to_ascii_uppercase();
        let own = words.find_map(|word| word.strip_prefix("TZID=")).unwrap_or(zone);
        match name.as_str() {
            "RRULE" | "EXRULE" => {
                let rule = rule(value, zone, start)?.validate(first).map_err(|_| bad())?;
                has_rule |= name == "RRULE";
                set = if name == "RRULE" { set.rrule(rule) } else { set.exrule(rule) };
            }
            "RDATE" | "EXDATE" => {
                for text in value.split(',') {
                    let at = date(text, own, start).ok_or_else(bad)?.with_timezone(&tz);
                    set = if name == "RDATE" { set.rdate(at) } else { set.exdate(at) };
                }
            }
            // [D] DTSTART and DTEND are not allowed here.
            _ => return Err(bad()),
        }
    }
    // The first instance of a series of dates alone is its start (RFC 5545 section 3.8.5.2).
    Ok(if has_rule { set } else { set.rdate(first) })
}

/// [K] Which parts are refused: times finer than a day, other calendars.
const REFUSED: &[&str] = &["BYHOUR", "BYMINUTE", "BYSECOND", "RSCALE", "SKIP"];

fn rule(text: &str, zone: &str, start: Moment) -> Result<RRule<Unvalidated>, Problem> {
    let bad = || problem::invalid("Invalid recurrence rule.");
    let mut parts = Vec::new();
    for part in text.split(';') {
        let (name, value) = part.split_once('=').ok_or_else(bad)?;
        let name = name.to_ascii_uppercase();
        let is_fine = name == "FREQ" && matches!(value, "HOURLY" | "MINUTELY" | "SECONDLY");
        if is_fine || REFUSED.contains(&name.as_str()) {
            return Err(bad());
        }
        let value =
            if name == "UNTIL" { until(value, zone, start).ok_or_else(bad)? } else { value.to_owned() };
        parts.push(format!("{name}={value}"));
    }
    RRule::from_str(&parts.join(";")).map_err(|_| bad())
}

/// UNTIL as an instant: a date in a timed series lasts to its end in the series' zone.
fn until(text: &str, zone: &str, start: Moment) -> Option<String> {
    let at = if start.is_date() {
        let date = NaiveDate::parse_from_str(text.get(..8)?, "%Y%m%d").ok()?;
        date.and_time(NaiveTime::MIN).and_utc()
    } else if text.len() == 8 {
        let date = NaiveDate::parse_from_str(text, "%Y%m%d").ok()?;
        moment::local(moment::tz(zone), date.and_hms_opt(23, 59, 59)?)
    } else {
        date(text, zone, start)?
    };
    Some(at.format("%Y%m%dT%H%M%SZ").to_string())
}

/// A value of RDATE or EXDATE; a date in a timed series names the instance of that day.
fn date(text: &str, zone: &str, start: Moment) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if start.is_date() || text.len() == 8 {
        let date = NaiveDate::parse_from_str(text.get(..8)?, "%Y%m%d").ok()?;
        return Some(match start {
            Moment::Date(_) => date.and_time(NaiveTime::MIN).and_utc(),
            Moment::Time(at) => {
                let tz = moment::tz(zone);
                moment::local(tz, date.and_time(at.with_timezone(&tz).time()))
            }
        });
    }
    if let Some(utc) = text.strip_suffix('Z') {
        return NaiveDateTime::parse_from_str(utc, "%Y%m%dT%H%M%S").ok().map(|at| at.and_utc());
    }
    let at = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok()?;
    Some(moment::local(moment::tz(zone), at))
}
