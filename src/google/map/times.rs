//! Times and rules in one spelling. A time is a wall clock with its offset and its IANA zone, as Google prints it; an
//! occurrence is named by its original start, in UTC or as a date; rules have their parts in one order.

use chrono::{DateTime, NaiveDate, SecondsFormat};
use ical::{Civil, Component, Property, When, Zone};
use serde_json::{Value, json};

use super::Unfit;
use crate::google::api::Fields;

/// Parts of a rule that Google does not take [K].
const NOT_TAKEN: &[&str] = &["BYHOUR", "BYMINUTE", "BYSECOND", "RSCALE", "SKIP"];
const FREQUENCIES: &[&str] = &["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];

/// Google's EventDateTime of an instant.
pub fn at(instant: i64, zone: &Zone) -> Value {
    let offset = zone.offset_at(instant);
    let shown = chrono::FixedOffset::east_opt(offset)
        .and_then(|offset| Some(DateTime::from_timestamp(instant, 0)?.with_timezone(&offset)))
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, false))
        .unwrap_or_default();
    json!({ "dateTime": shown, "timeZone": zone.name() })
}

/// The same of what a property says; `floating` is the calendar's zone.
pub fn moment(when: &When, floating: &Zone) -> Value {
    match when {
        When::Date(civil) => json!({ "date": date(*civil) }),
        When::Floating(_) => at(when.instant(floating), floating),
        When::Utc(instant) => at(*instant, &Zone::utc()),
        When::Zoned(_, zone) => at(when.instant(floating), zone),
    }
}

fn date(civil: i64) -> String {
    let day = Civil::from_seconds(civil);
    format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)
}

/// Google's EventDateTime as it came; a time without a zone is the calendar's.
pub fn read(value: &Value, calendar: &Zone) -> Option<When> {
    if let Some(date) = value.get("date").and_then(Value::as_str) {
        let midnight = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?;
        return Some(When::Date(midnight.and_utc().timestamp()));
    }
    let text = value.get("dateTime").and_then(Value::as_str)?;
    let instant = DateTime::parse_from_rfc3339(text).ok()?.timestamp();
    let zone = value.get("timeZone").and_then(Value::as_str).and_then(Zone::named);
    let zone = zone.unwrap_or_else(|| calendar.clone());
    Some(if zone.is_utc() { When::Utc(instant) } else { When::Zoned(zone.to_civil(instant), zone) })
}

/// The name of an occurrence by its original start.
pub fn key(when: &When, floating: &Zone) -> String {
    match when {
        When::Date(_) => when.print(),
        _ => When::Utc(when.instant(floating)).print(),
    }
}

/// Start and end of an occurrence that is as its series says.
pub fn shifted(whole: &Fields, key: &str) -> Option<(Value, Value)> {
    let (start, end) = (whole.get("start")?, whole.get("end")?);
    let (from, to) = (read(start, &Zone::utc())?, read(end, &Zone::utc())?);
    match (When::read(key, None)?, from, to) {
        (When::Date(day), When::Date(from), When::Date(to)) => {
            Some((json!({ "date": date(day) }), json!({ "date": date(day + to - from) })))
        }
        (When::Utc(instant), from, to) if !from.is_date() && !to.is_date() => {
            let (utc, length) = (Zone::utc(), to.instant(&Zone::utc()) - from.instant(&Zone::utc()));
            let zone = |when: &When| if let When::Zoned(_, zone) = when { zone.clone() } else { utc.clone() };
            Some((at(instant, &zone(&from)), at(instant + length, &zone(&to))))
        }
        _ => None,
    }
}

/// The original start as the instances call wants it.
pub fn original(key: &str) -> Option<String> {
    match When::read(key, None)? {
        When::Date(civil) => Some(date(civil)),
        When::Utc(instant) => {
            Some(DateTime::from_timestamp(instant, 0)?.to_rfc3339_opts(SecondsFormat::Secs, true))
        }
        _ => None,
    }
}

/// What a time property says, with the zone its TZID names in this calendar.
pub fn when(line: &Property, tree: &Component) -> Result<When, Unfit> {
    let zone = match line.param("TZID") {
        Some(tzid) => Some(Zone::resolve(&tzid, tree).map_err(|_| Unfit("zone"))?),
        None => None,
    };
    When::read(line.value(), zone.as_ref()).ok_or(Unfit("time"))
}

/// The rule lines of a master in one spelling, sorted; EXDATE apart, as names of occurrences.
pub struct Rules {
    pub lines: Vec<String>,
    pub out: Vec<String>,
}

/// From content lines, ours or Google's. `start` and `zone` are the series'.
pub fn rules<'a>(
    lines: impl Iterator<Item = &'a Property>,
    tree: &Component,
    (start, zone): (&When, &Zone),
) -> Result<Rules, Unfit> {
    let (mut rules, mut dates) = (Rules { lines: Vec::new(), out: Vec::new() }, Vec::new());
    for line in lines {
        match line.name() {
            "RRULE" | "EXRULE" => {
                rules.lines.push(format!("{}:{}", line.name(), rule(line.value(), start, zone)?))
            }
            "RDATE" | "EXDATE"
                if line.param("VALUE").is_some_and(|kind| kind.eq_ignore_ascii_case("PERIOD")) =>
            {
                return Err(Unfit("period"));
            }
            "RDATE" => dates.extend(whens(line, tree)?),
            "EXDATE" => rules.out.extend(whens(line, tree)?.iter().map(|when| key(when, zone))),
            _ => {}
        }
    }
    if !dates.is_empty() {
        rules.lines.push(rdate(dates, start, zone));
    }
    rules.lines.sort();
    Ok(rules)
}

fn whens(line: &Property, tree: &Component) -> Result<Vec<When>, Unfit> {
    line.value().split(',').map(|value| when(&line.with_value(value), tree)).collect()
}

/// All further dates in one line, in the zone of the start.
fn rdate(dates: Vec<When>, start: &When, zone: &Zone) -> String {
    let mut dates: Vec<i64> =
        dates.iter().map(|when| if start.is_date() { when.civil() } else { when.instant(zone) }).collect();
    dates.sort_unstable();
    dates.dedup();
    let print = |at: &i64| match start {
        When::Date(_) => When::Date(*at).print(),
        _ if zone.is_utc() => When::Utc(*at).print(),
        _ => Civil::from_seconds(zone.to_civil(*at)).basic(),
    };
    let list = dates.iter().map(print).collect::<Vec<_>>().join(",");
    match start {
        When::Date(_) => format!("RDATE;VALUE=DATE:{list}"),
        _ if zone.is_utc() => format!("RDATE:{list}"),
        _ => format!("RDATE;TZID={}:{list}", zone.name()),
    }
}

/// FREQ first, the others by name; what is the default is left out; UNTIL as RFC 5545 3.3.10 wants it.
fn rule(text: &str, start: &When, zone: &Zone) -> Result<String, Unfit> {
    let mut parts = Vec::new();
    for part in text.to_ascii_uppercase().split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or(Unfit("rule"))?;
        match name {
            "FREQ" if !FREQUENCIES.contains(&value) => return Err(Unfit("rule")),
            name if NOT_TAKEN.contains(&name) => return Err(Unfit("rule")),
            "UNTIL" => parts.push(("UNTIL".to_owned(), until(value, start, zone).ok_or(Unfit("rule"))?)),
            "INTERVAL" if value == "1" => {}
            "WKST" if value == "MO" => {}
            _ => parts.push((name.to_owned(), value.to_owned())),
        }
    }
    parts.sort_by_key(|(name, _)| (name != "FREQ", name.clone()));
    Ok(parts.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";"))
}

fn until(value: &str, start: &When, zone: &Zone) -> Option<String> {
    let end = When::read(value, None)?;
    Some(match (start.is_date(), &end) {
        (true, end) => When::Date(end.civil().div_euclid(86_400) * 86_400).print(),
        (false, When::Date(day)) => When::Utc(zone.to_instant(day + 86_399)).print(),
        (false, end) => When::Utc(end.instant(zone)).print(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Zone {
        Zone::named("Europe/Berlin").unwrap()
    }

    #[test]
    fn s47_a_time_is_the_same_instant_whoever_prints_it() {
        let ours = moment(&When::read("20260302T100000", Some(&berlin())).unwrap(), &Zone::utc());
        assert_eq!(ours, json!({ "dateTime": "2026-03-02T10:00:00+01:00", "timeZone": "Europe/Berlin" }));
        let theirs = json!({ "dateTime": "2026-03-02T04:00:00-05:00", "timeZone": "Europe/Berlin" });
        assert_eq!(moment(&read(&theirs, &Zone::utc()).unwrap(), &Zone::utc()), ours);
    }

    #[test]
    fn s55_a_rule_has_one_spelling() {
        let start = When::read("20260302T100000", Some(&berlin())).unwrap();
        let one = rule("FREQ=WEEKLY;UNTIL=20260330T215959Z;INTERVAL=1;BYDAY=MO", &start, &berlin());
        assert_eq!(one, rule("byday=MO;FREQ=WEEKLY;WKST=MO;UNTIL=20260330", &start, &berlin()));
        assert_eq!(rule("FREQ=HOURLY", &start, &berlin()), Err(Unfit("rule")));
        assert_eq!(rule("FREQ=DAILY;BYHOUR=1", &start, &berlin()), Err(Unfit("rule")));
    }

    #[test]
    fn s25_a_day_is_a_day_everywhere() {
        let day = When::read("20261224", None).unwrap();
        assert_eq!(moment(&day, &berlin()), json!({ "date": "2026-12-24" }));
        assert_eq!(read(&json!({ "date": "2026-12-24" }), &berlin()), Some(day));
    }
}
