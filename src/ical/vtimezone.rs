//! A VTIMEZONE as it was sent (RFC 5545 3.6.5), to a table of changes; `definition` writes them.
//! It is computed under a budget of its own: it may hold rules of any kind.

use std::fmt::Write;

use crate::{
    Budget, Component, Error,
    recur::{Walk, counted},
    rule::{Freq, Rule, Until},
    table::{TABLE_END, Table},
    value::When,
};

/// Steps one definition may take: thirty observances that each recur every year from 1601 to 2500.
const STEPS: u64 = 30_000;
/// Offsets reach from -12 to +14 hours today; local mean times and mistakes a little further.
const OFFSET: i32 = 26 * 3600;

/// The lines of a VTIMEZONE that decide its offsets, one observance after the other.
pub(crate) fn observances(definition: &Component) -> String {
    let mut out = String::new();
    for observance in definition.components().filter(|c| matches!(c.name(), "STANDARD" | "DAYLIGHT")) {
        let _ = writeln!(out, "BEGIN:{}", observance.name());
        for property in observance.properties() {
            if matches!(property.name(), "DTSTART" | "TZOFFSETFROM" | "TZOFFSETTO" | "RRULE" | "RDATE") {
                let _ = writeln!(out, "{}:{}", property.name(), property.value());
            }
        }
    }
    out
}

/// The table of what `observances` gave.
pub(crate) fn compile(source: &str) -> Result<Table, Error> {
    let mut budget = Budget::steps(STEPS);
    let mut changes: Vec<(i64, i32, i32)> = Vec::new();
    for lines in source.split("BEGIN:").skip(1) {
        changes.extend(
            Observance::read(lines)
                .ok_or_else(|| wrong("has an observance that cannot be read"))?
                .onsets(&mut budget)?,
        );
    }
    changes.sort_unstable();
    let first = changes.first().ok_or_else(|| wrong("has neither STANDARD nor DAYLIGHT"))?.1;
    Ok(Table::new(first, changes.into_iter().map(|(at, _, to)| (at, to))))
}

fn wrong(why: &str) -> Error {
    Error::value(0, "VTIMEZONE", why)
}

/// STANDARD or DAYLIGHT as it was sent. Offsets in seconds east of UTC, times in civil seconds.
struct Observance<'a> {
    start: i64,
    from: i32,
    to: i32,
    rules: Vec<&'a str>,
    dates: Vec<When>,
}

impl<'a> Observance<'a> {
    fn read(lines: &'a str) -> Option<Observance<'a>> {
        let (mut start, mut from, mut to) = (None, None, None);
        let (mut rules, mut dates) = (Vec::new(), Vec::new());
        for (name, value) in lines.lines().filter_map(|line| line.split_once(':')) {
            match name {
                "DTSTART" => start = Some(When::read(value, None)?.civil()),
                "TZOFFSETFROM" => from = Some(offset(value)?),
                "TZOFFSETTO" => to = Some(offset(value)?),
                "RRULE" => rules.push(value),
                "RDATE" => {
                    for text in value.split(',') {
                        dates.push(When::read(text.split('/').next()?, None)?);
                    }
                }
                _ => {}
            }
        }
        Some(Observance { start: start?, from: from?, to: to?, rules, dates })
    }

    /// Its onsets up to the end of the table as (instant, offset before, offset after).
    fn onsets(&self, budget: &mut Budget) -> Result<Vec<(i64, i32, i32)>, Error> {
        let instant = |civil: i64| civil - i64::from(self.from);
        let mut all = vec![instant(self.start)];
        all.extend(self.dates.iter().map(|when| match when {
            When::Utc(instant) => *instant,
            other => instant(other.civil()),
        }));
        for text in &self.rules {
            let rule =
                Rule::parse(text).map_err(|why| wrong(&format!("has a rule that cannot be read: {why}")))?;
            if rule.freq < Freq::Daily {
                return Err(wrong("changes its offset more than once a day"));
            }
            let last = match rule.until {
                Until::Never => TABLE_END,
                Until::Civil(civil) => instant(civil),
                Until::Instant(until) => until,
            };
            let mut stop = last.min(TABLE_END) + i64::from(self.from);
            if rule.count > 0 {
                stop = stop.min(counted(&rule, self.start, false, budget)?);
            }
            let mut walk = Walk::new(&rule, self.start, false, (self.start, stop));
            while let Some(civil) = walk.next(budget)? {
                all.push(instant(civil));
            }
        }
        Ok(all.into_iter().map(|at| (at, self.from, self.to)).collect())
    }
}

/// `+0100`, `-033015`.
fn offset(text: &str) -> Option<i32> {
    let text = text.trim();
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |d| d.parse::<i32>().ok());
    let seconds = part(0)? * 3600 + part(2)? * 60 + part(4)?;
    (seconds <= OFFSET).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use crate::Zone;

    #[test]
    fn a_definition_cannot_take_the_server_away() {
        let zone = |rule: &str| {
            let text = format!(
                "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Bomb {rule}\nBEGIN:STANDARD\nDTSTART:16010101T000000\n\
                 TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:{rule}\nEND:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR\n"
            );
            Zone::from_vtimezone(text.as_bytes())
        };
        for rule in ["FREQ=SECONDLY", "FREQ=HOURLY", "FREQ=DAILY"] {
            assert!(zone(rule).is_err(), "{rule}");
        }
        assert!(zone("FREQ=YEARLY;BYMONTH=2;BYDAY=1SU").is_ok());
        assert!(zone("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30").is_ok());
    }
}
