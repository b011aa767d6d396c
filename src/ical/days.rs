//! Which days of a month a rule allows: one set of bits per month (the table of RFC 5545 3.3.10, RFC 7529 4.1).
//! Bit n is the day n days after the first of the month; with SKIP=FORWARD the first of the next month may be set.

use crate::{
    rule::{Freq, Rule, Skip},
    time::{date, days, is_leap, month_length, weekday},
};

/// Every seventh day from the first.
const SEVENTHS: u32 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;

/// The day parts of a rule, completed from its start.
#[derive(Clone, Copy)]
pub(crate) struct Days<'r> {
    rule: &'r Rule,
    months: u16,
    month_days: u32,
    weekdays: u8,
    /// Whether anything but weekdays limits the days.
    plain: bool,
    /// Ordinals count within the year, not the month.
    yearly: bool,
}

/// One month as it is asked for.
struct Month {
    year: i32,
    month: u32,
    length: u32,
    /// Day number of its first day.
    first: i64,
}

impl<'r> Days<'r> {
    /// The parts that a rule leaves out are those of its start (RFC 5545 3.3.10).
    pub fn new(rule: &'r Rule, start_day: i64) -> Days<'r> {
        let (_, month, day) = date(start_day);
        let mut days = Days {
            rule,
            months: rule.months,
            month_days: rule.month_days,
            weekdays: rule.weekdays,
            plain: false,
            yearly: rule.freq == Freq::Yearly && rule.months == 0 && rule.weeks.is_empty(),
        };
        let no_month_day = rule.month_days == 0 && rule.month_days_back == 0;
        let no_weekday = rule.weekdays == 0 && rule.nth.is_empty();
        let none = no_month_day && no_weekday && (rule.year_days.is_empty() || rule.freq < Freq::Yearly);
        match rule.freq {
            Freq::Yearly if none && !rule.weeks.is_empty() => days.weekdays = 1 << weekday(start_day),
            Freq::Yearly if none => {
                days.month_days = 1 << (day - 1);
                if rule.months == 0 {
                    days.months = 1 << (month - 1);
                }
            }
            Freq::Monthly if none => days.month_days = 1 << (day - 1),
            Freq::Weekly if no_weekday => days.weekdays = 1 << weekday(start_day),
            _ => {}
        }
        days.plain = days.months == 0
            && days.month_days == 0
            && rule.month_days_back == 0
            && rule.year_days.is_empty()
            && rule.weeks.is_empty()
            && rule.nth.is_empty();
        days
    }

    /// The weekdays alone decide: no month needs to be looked at. All seven when none is named.
    pub fn weekdays_only(&self) -> Option<u8> {
        self.plain.then_some(if self.weekdays == 0 { 0x7f } else { self.weekdays })
    }

    /// Bit m - 1 for month m; all twelve when none is named.
    pub fn months(&self) -> u16 {
        if self.months == 0 { 0xfff } else { self.months }
    }

    /// The allowed days of one month.
    pub fn of_month(&self, year: i32, month: u32) -> u32 {
        if self.months() & 1 << (month - 1) == 0 {
            return 0;
        }
        let at = Month { year, month, length: month_length(year, month), first: days(year, month, 1) };
        let mut allowed = u32::MAX >> (32 - at.length);
        if self.month_days | self.rule.month_days_back != 0 {
            allowed = self.by_month_day(&at);
        }
        if !self.rule.year_days.is_empty() {
            let by_year_day = self.by_year_day(&at);
            let both = self.month_days | self.rule.month_days_back != 0;
            allowed = if both { allowed & by_year_day } else { by_year_day };
        }
        if self.weekdays != 0 || !self.rule.nth.is_empty() {
            allowed &= self.by_weekday(&at);
        }
        allowed
    }

    fn by_month_day(&self, at: &Month) -> u32 {
        let full = u32::MAX >> (32 - at.length);
        let mut bits = self.month_days & full;
        for back in ones(self.rule.month_days_back).filter(|b| *b < at.length) {
            bits |= 1 << (at.length - 1 - back);
        }
        match self.rule.skip {
            Skip::Backward if self.month_days & !full != 0 => bits | 1 << (at.length - 1),
            Skip::Forward if self.month_days & !full != 0 => bits | 1 << at.length,
            _ => bits,
        }
    }

    fn by_year_day(&self, at: &Month) -> u32 {
        let (before, year) = (at.first - days(at.year, 1, 1), 365 + i64::from(is_leap(at.year)));
        let mut bits = 0;
        for &n in &self.rule.year_days {
            let day = if n > 0 { i64::from(n) - 1 } else { year + i64::from(n) };
            match day - before {
                in_month if (0..i64::from(at.length)).contains(&in_month) => bits |= 1 << in_month,
                // The 366th day of a common year.
                31 if at.month == 12 && n > 0 && self.rule.skip == Skip::Forward => bits |= 1 << 31,
                31 if at.month == 12 && n > 0 && self.rule.skip == Skip::Backward => bits |= 1 << 30,
                _ => {}
            }
        }
        bits
    }

    /// The allowed days of the weeks that BYWEEKNO names, of a year whose weeks may begin in the year before and end
    /// in the year after it. Weeks are those of ISO 8601 with any first weekday: week 1 has four days of the year.
    pub fn of_weeks(&self, year: i32) -> Vec<i64> {
        let (first, next) = (week_one(year, self.rule.week_start), week_one(year + 1, self.rule.week_start));
        let weeks = (next - first) / 7;
        let number = |n: &i8| if *n > 0 { i64::from(*n) } else { weeks + 1 + i64::from(*n) };
        let inside = self.rule.weeks.iter().map(number).filter(|n| (1..=weeks).contains(n));
        let mut all: Vec<i64> = inside.flat_map(|n| (0..7).map(move |d| first + (n - 1) * 7 + d)).collect();
        all.sort_unstable();
        all.dedup();
        all.retain(|day| {
            let (year, month, of_month) = date(*day);
            self.of_month(year, month) & 1 << (of_month - 1) != 0
        });
        all
    }

    fn by_weekday(&self, at: &Month) -> u32 {
        let first = weekday(at.first);
        let mut bits =
            ones(u32::from(self.weekdays)).fold(0, |bits, day| bits | SEVENTHS << ((day + 7 - first) % 7));
        for &(n, day) in &self.rule.nth {
            bits |= match (self.yearly, self.rule.weeks.is_empty()) {
                (true, _) => nth_of_year(at, n, u32::from(day)),
                (false, true) => {
                    nth(n, (u32::from(day) + 7 - first) % 7, at.length).map_or(0, |bit| 1 << bit)
                }
                // Ordinals beside BYWEEKNO are forbidden; the weekday is what is left of them.
                (false, false) => SEVENTHS << ((u32::from(day) + 7 - first) % 7),
            };
        }
        bits
    }
}

/// The day of the n-th of the days `first`, `first + 7`, ... below `length`.
fn nth(n: i8, first: u32, length: u32) -> Option<u32> {
    let (n, first, length) = (i64::from(n), i64::from(first), i64::from(length));
    let last = first + (length - 1 - first) / 7 * 7;
    let day = if n > 0 { first + (n - 1) * 7 } else { last + (n + 1) * 7 };
    (first..length).contains(&day).then_some(day as u32)
}

fn nth_of_year(at: &Month, n: i8, day: u32) -> u32 {
    let new_year = days(at.year, 1, 1);
    let first = (day + 7 - weekday(new_year)) % 7;
    let found = nth(n, first, 365 + u32::from(is_leap(at.year)));
    match found.map(|d| i64::from(d) - (at.first - new_year)) {
        Some(bit) if (0..i64::from(at.length)).contains(&bit) => 1 << bit,
        _ => 0,
    }
}

/// The first day of week 1: of the week that holds January 4.
fn week_one(year: i32, week_start: u8) -> i64 {
    let fourth = days(year, 1, 4);
    fourth - i64::from((weekday(fourth) + 7 - u32::from(week_start)) % 7)
}

/// The positions of the bits that are set.
pub(crate) fn ones(mut bits: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let next = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(next)
    })
}
