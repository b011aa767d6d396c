//! A zone written as VTIMEZONE (RFC 5545 3.6.5): the fewest observances that say the same over a span, as a rule where
//! one holds. Summer is DAYLIGHT and winter STANDARD everywhere, in Dublin too: Outlook knows no other way round.

use crate::{
    Civil, Component, Property, Window, Zone,
    table::Change,
    time::{DAY, EARLIEST, LATEST, days, month_length, utc_text, weekday},
};

/// A rule without an end must still hold so many years after the span: in 28 every weekday meets every date.
const HELD: i32 = 28;
/// The last year of which a table has all changes.
const LAST_YEAR: i32 = 2498;
/// 2098-01-01T00:00:00Z: from here on a zone follows one rule, so that a span that begins later is covered by it.
const STEADY: i64 = 4_039_372_800;
/// 1601-01-01T00:00:00: for Outlook nothing is earlier.
const OUTLOOK: i64 = -11_644_473_600;
/// No summer is longer.
const SUMMER: i64 = 340 * DAY;

/// A VTIMEZONE text that covers the span and suits Outlook: rules where the zone has rules, nothing from before the
/// span but the change that began what holds then. None for UTC, which needs none.
pub fn vtimezone(zone: &Zone, span: Window) -> Option<String> {
    (!zone.is_utc()).then(|| text(&covering(zone, zone.name(), span)))
}

/// The same under any name, for UTC as well.
pub(crate) fn covering(zone: &Zone, tzid: &str, span: Window) -> Component {
    let mut out = headed(tzid);
    fill(&mut out, zone, span, Start::WithLastChange);
    out
}

/// A VTIMEZONE as a time zone service gives it (RFC 7808 5.3), of all that is known or of the part between two
/// instants; `alias_of` is the other name of a zone that is asked for by an alias.
pub fn vtimezone_between(
    zone: &Zone,
    tzid: &str,
    alias_of: Option<&str>,
    (start, end): (Option<i64>, Option<i64>),
) -> String {
    let mut out = headed(tzid);
    if let Some(name) = alias_of {
        out.push(Property::new_text("TZID-ALIAS-OF", name));
    }
    if let Some(end) = end {
        out.push(Property::new("TZUNTIL", &[], &utc_text(end)));
    }
    let span = Window { from: start.unwrap_or(Window::START), until: end.unwrap_or(Window::END) };
    fill(&mut out, zone, span, if start.is_some() { Start::Cut } else { Start::WithLastChange });
    text(&out)
}

fn headed(tzid: &str) -> Component {
    let mut out = Component::new("VTIMEZONE");
    out.push(Property::new_text("TZID", tzid));
    out
}

fn text(definition: &Component) -> String {
    String::from_utf8(definition.print()).unwrap_or_default()
}

/// What stands first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// The change that began what holds at the start.
    WithLastChange,
    /// What holds at the start as if it began there (RFC 7808 3.9).
    Cut,
}

fn fill(out: &mut Component, zone: &Zone, span: Window, start: Start) {
    let from = span.from.clamp(EARLIEST, STEADY);
    let mut changes = zone.table().map_or(&[][..], |table| table.changes_around(from));
    if start == Start::Cut {
        changes = &changes[changes.partition_point(|change| change.at <= from)..];
    }
    let offset = zone.offset_at(from);
    let first = match (start, changes.first()) {
        (Start::Cut, _) => Some(from + i64::from(offset)),
        (_, Some(first)) if first.at <= from || from == EARLIEST => None,
        _ => Some((from + i64::from(offset)).clamp(OUTLOOK, 0)),
    };
    if let Some(civil) = first {
        observance(out, "STANDARD", civil, (offset, offset), None);
    }
    for run in runs(changes, span.until) {
        run.print(out);
    }
}

/// The changes up to the end of the span, those that follow a yearly rule as one.
fn runs(changes: &[Change], until: i64) -> Vec<Run> {
    let last = (Civil::from_seconds(until.clamp(EARLIEST, LATEST)).year + HELD).min(LAST_YEAR);
    let mut runs: Vec<Run> = Vec::new();
    for (at, change) in changes.iter().enumerate().take_while(|(_, change)| local(change).year <= last) {
        let civil = local(change);
        match runs.iter_mut().find_map(|run| run.joined(change, civil).map(|fits| (run, fits))) {
            Some((run, fits)) => (run.last, run.civil, run.fits) = (*change, civil, fits),
            None if change.at < until => runs.push(Run::new(change, changes.get(at + 1))),
            None => {}
        }
    }
    for run in &mut runs {
        run.goes_on = run.civil.year == last;
    }
    runs
}

/// Whether a change begins a summer: it goes forward, and the next one goes back before a year is over.
pub(crate) fn is_summer(change: &Change, next: Option<&Change>) -> bool {
    change.after > change.before
        && next.is_some_and(|next| next.after < next.before && next.at - change.at < SUMMER)
}

/// The same change in one year after the other.
struct Run {
    first: Change,
    last: Change,
    /// The wall clock before the last.
    civil: Civil,
    name: &'static str,
    fits: Fits,
    /// Whether its rule holds for long after the span.
    goes_on: bool,
}

/// What the dates of a run have in common besides their weekday.
#[derive(Clone, Copy)]
struct Fits {
    /// They are the n-th of their month, the last of it.
    nth: Option<u32>,
    last: bool,
    month: Option<u32>,
    /// The least and the greatest day of the month, and counted from the end of the year.
    days: (u32, u32),
    back: (i64, i64),
}

impl Fits {
    fn of(date: &Civil) -> Fits {
        let back = days(date.year + 1, 1, 1) - days(date.year, date.month, date.day);
        Fits {
            nth: Some((date.day - 1) / 7 + 1),
            last: date.day + 7 > month_length(date.year, date.month),
            month: Some(date.month),
            days: (date.day, date.day),
            back: (back, back),
        }
    }

    /// What both have in common, if a rule can say it: a place in the month, or the seven days it falls on.
    fn and(&self, other: &Fits) -> Option<Fits> {
        let month = self.month.filter(|month| other.month == Some(*month));
        let both = Fits {
            nth: self.nth.filter(|nth| month.is_some() && other.nth == Some(*nth)),
            last: month.is_some() && self.last && other.last,
            month,
            days: (self.days.0.min(other.days.0), self.days.1.max(other.days.1)),
            back: (self.back.0.min(other.back.0), self.back.1.max(other.back.1)),
        };
        let fits = match month {
            Some(_) => both.nth.is_some() || both.last || both.days.1 - both.days.0 < 7,
            // Counted from its end a year is the same with and without a leap day, but for its beginning.
            None => both.back.1 - both.back.0 < 7 && both.back.1 <= 306,
        };
        fits.then_some(both)
    }

    fn rule(&self, weekday: &str) -> String {
        let list =
            |from: i64, until: i64| (from..=until).map(|day| day.to_string()).collect::<Vec<_>>().join(",");
        match (self.month, self.last, self.nth) {
            (Some(month), true, _) => format!("FREQ=YEARLY;BYMONTH={month};BYDAY=-1{weekday}"),
            (Some(month), _, Some(nth)) => format!("FREQ=YEARLY;BYMONTH={month};BYDAY={nth}{weekday}"),
            (Some(month), ..) => {
                let days = list(self.days.0.into(), self.days.1.into());
                format!("FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={days};BYDAY={weekday}")
            }
            // Cairo: the day after the last Thursday of October.
            (None, ..) => {
                let days = list(-self.back.1, -self.back.0);
                format!("FREQ=YEARLY;BYYEARDAY={days};BYDAY={weekday}")
            }
        }
    }
}

impl Run {
    fn new(change: &Change, next: Option<&Change>) -> Run {
        let civil = local(change);
        let name = if is_summer(change, next) { "DAYLIGHT" } else { "STANDARD" };
        Run { first: *change, last: *change, civil, name, fits: Fits::of(&civil), goes_on: false }
    }

    /// What fits all of the run when this change is the next of it.
    fn joined(&self, next: &Change, date: Civil) -> Option<Fits> {
        let own = self.civil;
        let same = own.year + 1 == date.year
            && (self.last.before, self.last.after) == (next.before, next.after)
            && (own.hour, own.minute, own.second) == (date.hour, date.minute, date.second)
            && weekday_of(&own) == weekday_of(&date);
        if same { self.fits.and(&Fits::of(&date)) } else { None }
    }

    fn print(&self, out: &mut Component) {
        const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
        let rule = (self.first.at != self.last.at).then(|| {
            let mut rule = self.fits.rule(NAMES[weekday_of(&self.civil) as usize]);
            if !self.goes_on {
                rule.extend([";UNTIL=", &utc_text(self.last.at)]);
            }
            rule
        });
        let start = local(&self.first).seconds();
        observance(out, self.name, start, (self.first.before, self.first.after), rule);
    }
}

fn observance(out: &mut Component, name: &str, civil: i64, (from, to): (i32, i32), rule: Option<String>) {
    let mut one = Component::new(name);
    one.push(Property::new("DTSTART", &[], &Civil::from_seconds(civil).basic()));
    one.push(Property::new("TZOFFSETFROM", &[], &offset_text(from)));
    one.push(Property::new("TZOFFSETTO", &[], &offset_text(to)));
    if let Some(rule) = rule {
        one.push(Property::new("RRULE", &[], &rule));
    }
    out.push_component(one);
}

/// The wall clock at a change, as it was before it.
fn local(change: &Change) -> Civil {
    Civil::from_seconds(change.at + i64::from(change.before))
}

fn weekday_of(civil: &Civil) -> u32 {
    weekday(days(civil.year, civil.month, civil.day))
}

fn offset_text(offset: i32) -> String {
    let (sign, n) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    match n % 60 {
        0 => format!("{sign}{:02}{:02}", n / 3600, n / 60 % 60),
        seconds => format!("{sign}{:02}{:02}{seconds:02}", n / 3600, n / 60 % 60),
    }
}
