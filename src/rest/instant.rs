//! Times as JSON says them: RFC 3339, with the offset of the zone that was asked for.

use chrono::{DateTime, FixedOffset, NaiveDate, SecondsFormat};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::Zone;
use crate::edge::Problem;

/// An instant from `2026-03-01T09:00:00+01:00`, or the first one of `2026-03-01` in the zone.
pub fn read(text: &str, zone: &Zone) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp());
    }
    // A plus that was not encoded in a query has become a space.
    if let Ok(time) = DateTime::parse_from_rfc3339(&text.replace(' ', "+")) {
        return Some(time.timestamp());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10)?;
    Some(zone.to_instant(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp()))
}

/// An instant that must be one: a field that is none names itself by its form.
pub fn wanted(text: &str) -> Result<i64, Problem> {
    wanted_in(text, &Zone::utc())
}

/// The same where a day is its first instant in a zone.
pub fn wanted_in(text: &str, zone: &Zone) -> Result<i64, Problem> {
    let form = "A time looks like 2026-03-01T09:00:00+01:00.";
    read(text, zone).ok_or_else(|| Problem::bad_request(form).code("INVALID_TIME"))
}

/// The longest span that one list is asked for: three years.
const LONGEST: i64 = 1100 * 86_400;

/// Between which instants.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// RFC 3339, or a day: its first instant in UTC.
    pub from: String,
    /// Exclusive; at most 1100 days later.
    pub until: String,
}

impl Between {
    pub fn read(&self) -> Result<(i64, i64), Problem> {
        let (from, until) = (wanted(&self.from)?, wanted(&self.until)?);
        match until - from {
            1..=LONGEST => Ok((from, until)),
            _ => {
                let detail = "`until` lies after `from`, by 1100 days at most.";
                Err(Problem::bad_request(detail).code("INVALID_TIME"))
            }
        }
    }
}

/// The instant by the zone's wall clock. RFC 3339 knows no seconds of an offset: local mean times lose theirs, and the
/// instant stays what it is.
pub fn print(instant: i64, zone: &Zone) -> String {
    let offset = zone.offset_at(instant);
    let offset = FixedOffset::east_opt(offset - offset.rem_euclid(60));
    let time = DateTime::from_timestamp(instant, 0).unwrap_or_default();
    let time = time.with_timezone(&offset.unwrap_or_else(|| chrono::Offset::fix(&chrono::Utc)));
    time.to_rfc3339_opts(SecondsFormat::Secs, zone.is_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_the_offset_of_their_day() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        for text in ["2026-03-29T00:30:00+01:00", "2026-03-29T03:30:00+02:00", "2199-07-01T12:00:00+02:00"] {
            assert_eq!(print(read(text, &Zone::utc()).unwrap(), &berlin), text);
        }
        assert_eq!(print(0, &Zone::utc()), "1970-01-01T00:00:00Z");
        // Before 1893 Berlin kept a mean time of 53 minutes and 28 seconds.
        let old = print(-3_000_000_000, &berlin);
        assert_eq!(DateTime::parse_from_rfc3339(&old).unwrap().timestamp(), -3_000_000_000, "{old}");
    }

    #[test]
    fn a_date_is_its_first_instant_in_the_zone() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(read("2026-03-01", &berlin), read("2026-02-28T23:00:00Z", &Zone::utc()));
        assert_eq!(read("2026-03-01T09:00:00 01:00", &berlin), read("2026-03-01T08:00:00Z", &berlin));
        for bad in ["", "2026-02-30", "20260301", "2026-3-1", "2026-03-01T09:00:00", "tomorrow"] {
            assert_eq!(read(bad, &berlin), None, "{bad}");
        }
    }
}
