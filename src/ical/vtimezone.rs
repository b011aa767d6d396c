//! VTIMEZONE in and out (RFC 5545 3.6.5): in, to a table of changes; out, the fewest observances that say the same.
//! A definition sent by a client is computed under a budget of its own: it may hold rules of any kind.

use std::fmt::Write;

use crate::{
    Budget, Civil, Component, Error, Window, Zone,
    recur::{Walk, counted},
    rule::{Freq, Rule, Until},
    table::{Change, TABLE_END, Table},
    time::{DAY, date, days, month_length, utc_text, weekday},
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

/// A VTIMEZONE text that covers the span and suits Outlook: rules where the zone has rules, nothing from before the
/// span. None for UTC, which needs none.
pub fn vtimezone(zone: &Zone, span: Window) -> Option<String> {
    let table = zone.table()?;
    let from = span.from.clamp(0, TABLE_END - 800 * DAY);
    let last_year = date(span.until.clamp(from, TABLE_END - 400 * DAY).div_euclid(DAY)).0 + 1;
    let mut runs: Vec<Run> = Vec::new();
    for change in table.changes_around(from).iter().take_while(|c| year(c) <= last_year) {
        match runs.iter_mut().find_map(|run| run.joined(change).map(|ordinals| (run, ordinals))) {
            Some((run, ordinals)) => (run.last, run.ordinals) = (*change, ordinals),
            None => runs.push(Run::new(change)),
        }
    }
    let mut out = format!("BEGIN:VTIMEZONE\r\nTZID:{}\r\n", zone.name());
    if runs.first().is_none_or(|run| run.first.at > from) {
        let offset = zone.offset_at(from);
        observance(&mut out, "STANDARD", Civil::from_seconds(0), (offset, offset), None);
    }
    for run in &runs {
        run.print(&mut out, last_year);
    }
    out.push_str("END:VTIMEZONE\r\n");
    Some(out)
}

/// The same change in one year after the other.
struct Run {
    first: Change,
    last: Change,
    /// Which ordinals of the weekday fit all of them: (n-th, last).
    ordinals: (Option<u32>, bool),
}

impl Run {
    fn new(change: &Change) -> Run {
        Run { first: *change, last: *change, ordinals: ordinals(change) }
    }

    /// The ordinals that still fit when this change is the next of the run.
    fn joined(&self, next: &Change) -> Option<(Option<u32>, bool)> {
        let (a, b) = (local(&self.last), local(next));
        let same = (self.last.before, self.last.after) == (next.before, next.after)
            && a.month == b.month
            && (a.hour, a.minute, a.second) == (b.hour, b.minute, b.second)
            && a.year + 1 == b.year
            && weekday_of(&a) == weekday_of(&b);
        let (n, last) = ordinals(next);
        let both = (self.ordinals.0.filter(|own| Some(*own) == n), self.ordinals.1 && last);
        (same && (both.0.is_some() || both.1)).then_some(both)
    }

    fn print(&self, out: &mut String, last_year: i32) {
        const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
        let start = local(&self.first);
        let rule = (self.first.at != self.last.at).then(|| {
            let nth = match self.ordinals {
                (_, true) => "-1".to_owned(),
                (n, false) => n.unwrap_or(1).to_string(),
            };
            let until = match year(&self.last) < last_year {
                true => format!(";UNTIL={}", utc_text(self.last.at)),
                false => String::new(),
            };
            let day = NAMES[weekday_of(&start) as usize];
            format!("FREQ=YEARLY;BYMONTH={};BYDAY={nth}{day}{until}", start.month)
        });
        let name = if self.first.after > self.first.before { "DAYLIGHT" } else { "STANDARD" };
        observance(out, name, start, (self.first.before, self.first.after), rule);
    }
}

fn observance(out: &mut String, name: &str, start: Civil, (from, to): (i32, i32), rule: Option<String>) {
    let _ = write!(out, "BEGIN:{name}\r\nDTSTART:{}\r\n", start.basic());
    let _ = write!(out, "TZOFFSETFROM:{}\r\nTZOFFSETTO:{}\r\n", offset_text(from), offset_text(to));
    if let Some(rule) = rule {
        let _ = write!(out, "RRULE:{rule}\r\n");
    }
    let _ = write!(out, "END:{name}\r\n");
}

/// The wall clock at a change, as it was before it.
fn local(change: &Change) -> Civil {
    Civil::from_seconds(change.at + i64::from(change.before))
}

fn year(change: &Change) -> i32 {
    local(change).year
}

fn weekday_of(civil: &Civil) -> u32 {
    weekday(days(civil.year, civil.month, civil.day))
}

fn ordinals(change: &Change) -> (Option<u32>, bool) {
    let civil = local(change);
    (Some((civil.day - 1) / 7 + 1), civil.day + 7 > month_length(civil.year, civil.month))
}

fn offset_text(offset: i32) -> String {
    let (sign, n) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    match n % 60 {
        0 => format!("{sign}{:02}{:02}", n / 3600, n / 60 % 60),
        seconds => format!("{sign}{:02}{:02}{seconds:02}", n / 3600, n / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        When::read(text, None).unwrap().civil()
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_zone() {
        let names = [
            "Europe/Berlin",
            "America/New_York",
            "Asia/Taipei",
            "Africa/Casablanca",
            "Australia/Lord_Howe",
            "America/Santiago",
            "Asia/Jerusalem",
            "Europe/Istanbul",
            "Pacific/Apia",
            "Asia/Kolkata",
        ];
        for name in names {
            let zone = Zone::named(name).unwrap();
            for (from, until) in
                [("20260101T000000", "20270101T000000"), ("20050601T000000", "20600101T000000")]
            {
                let (from, until) = (at(from), at(until));
                let text = vtimezone(&zone, Window { from, until }).unwrap().replace(name, "Our Own");
                let calendar = format!("BEGIN:VCALENDAR\r\n{text}END:VCALENDAR\r\n");
                let read = Zone::from_vtimezone(calendar.as_bytes()).unwrap();
                for instant in (from..until).step_by(7_200) {
                    assert_eq!(read.offset_at(instant), zone.offset_at(instant), "{name} {instant}\n{text}");
                }
            }
        }
    }

    #[test]
    fn a_plain_zone_is_two_rules() {
        let span = Window { from: at("20260101T000000"), until: Window::END };
        let text = vtimezone(&Zone::named("Europe/Berlin").unwrap(), span).unwrap();
        assert_eq!(text.matches("RRULE").count(), 2, "{text}");
        assert_eq!(text.matches("DTSTART").count(), 2, "{text}");
        assert!(
            text.contains("DTSTART:20251026T030000\r\n") && text.contains("BYMONTH=10;BYDAY=-1SU\r\n"),
            "{text}"
        );
        assert!(vtimezone(&Zone::utc(), span).is_none());
    }

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
