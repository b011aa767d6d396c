//! The days of a series that begins on some day: an RRULE on the wall, without a time.

use ical::{Budget, Limits, Window, Zone};

use super::ask::DATES;
use super::error::{Result, invalid};
use super::wall::DAY;

/// A rule that ends.
pub struct Rule {
    text: String,
    /// Days between the dates and how many there are, of a rule that says nothing else.
    plain: Option<(i64, usize)>,
}

/// Bytes of a rule.
const BYTES: usize = 500;
/// No series of a search goes on for longer.
const FAR: i64 = 3_653 * DAY;

impl Rule {
    pub fn read(text: &str) -> Result<Rule> {
        let text = text.trim().trim_start_matches("RRULE:").to_ascii_uppercase();
        if text.len() > BYTES || text.chars().any(|c| c.is_control() || c == '"') {
            return invalid("rule", "it is an RRULE of RFC 5545");
        }
        let parts: Vec<(&str, &str)> = text.split(';').filter_map(|part| part.split_once('=')).collect();
        if !parts.iter().any(|(name, _)| matches!(*name, "COUNT" | "UNTIL")) {
            return invalid("rule", "it must end: give COUNT or UNTIL");
        }
        // A date on the wall: the time of day is the slot's own.
        let day = |(name, value): &(&str, &str)| match *name {
            "UNTIL" => format!("UNTIL={}", value.get(..8).unwrap_or(value)),
            _ => format!("{name}={value}"),
        };
        let text = parts.iter().map(day).collect::<Vec<_>>().join(";");
        let rule = Rule { plain: plain(&parts), text };
        if rule.expand(0).is_none() {
            return invalid("rule", "it is an RRULE of RFC 5545");
        }
        Ok(rule)
    }

    /// The days from this one on, by their number since 1970; none when no series begins on it.
    pub fn from(&self, day: i64) -> Vec<i64> {
        if let Some((step, count)) = self.plain {
            return (0..count as i64).map(|n| day + n * step).collect();
        }
        self.expand(day).unwrap_or_default()
    }

    /// None: it cannot be understood.
    fn expand(&self, day: i64) -> Option<Vec<i64>> {
        let date = ical::Civil::from_seconds(day * DAY).basic_date();
        let rule = &self.text;
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Kalends//EN\r\nBEGIN:VEVENT\r\nUID:d\r\n\
             DTSTAMP:19700101T000000Z\r\nDTSTART;VALUE=DATE:{date}\r\nRRULE:{rule}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        let object = ical::check(text.as_bytes(), &Limits::default()).ok()?;
        let window = Window::new(day * DAY, day * DAY + FAR)?;
        let mut budget = Budget::steps(Budget::REQUEST);
        let found = object.digest.occurrences(window, &Zone::utc(), &mut budget).ok()?;
        let days: Vec<i64> = found.iter().map(|one| one.start.div_euclid(DAY)).collect();
        // A start that its own rule does not have would be a date all the same (RFC 5545 3.8.5.3): no series is offered
        // on a weekday that its rule does not name.
        Some(if self.names(day) && days.len() <= DATES { days } else { Vec::new() })
    }

    fn names(&self, day: i64) -> bool {
        let named = self.text.split(';').find_map(|part| part.strip_prefix("BYDAY="));
        let weekday = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][super::wall::weekday(day) as usize];
        named.is_none_or(|named| named.split(',').any(|one| one.ends_with(weekday)))
    }
}

/// DAILY and WEEKLY with nothing but an interval and a count.
fn plain(parts: &[(&str, &str)]) -> Option<(i64, usize)> {
    let (mut step, mut count, mut interval) = (None, None, 1);
    for (name, value) in parts {
        match (*name, *value) {
            ("FREQ", "DAILY") => step = Some(1),
            ("FREQ", "WEEKLY") => step = Some(7),
            ("INTERVAL", value) => interval = value.parse::<i64>().ok().filter(|n| (1..=400).contains(n))?,
            ("COUNT", value) => count = value.parse::<usize>().ok().filter(|n| (1..=DATES).contains(n)),
            ("WKST", _) => {}
            _ => return None,
        }
    }
    Some((step? * interval, count?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_its_days() {
        // 1970-01-01 was a Thursday.
        assert_eq!(Rule::read("FREQ=WEEKLY;COUNT=3").unwrap().from(4), [4, 11, 18]);
        assert_eq!(Rule::read("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4").unwrap().from(0), [0, 4, 7, 11]);
        let tuesday = Rule::read("RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=4").unwrap();
        assert!(tuesday.from(0).is_empty(), "it does not begin on a Thursday");
        assert_eq!(tuesday.from(5), [5, 12, 19, 26]);
        let until = Rule::read("FREQ=DAILY;INTERVAL=2;UNTIL=19700107T120000Z").unwrap();
        assert_eq!(until.from(0), [0, 2, 4, 6]);
        for bad in ["FREQ=WEEKLY", "COUNT=3", "FREQ=OFTEN;COUNT=2", "", "FREQ=WEEKLY;COUNT=2\r\nX:1"] {
            assert!(Rule::read(bad).is_err(), "{bad}");
        }
    }
}
