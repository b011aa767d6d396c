//! The rule of RFC 5545 3.3.10 read aloud: walk every day (or hour, minute, second) there is, ask each part in turn.
//! Slow and obvious: its own calendar, its own reading of the text, nothing of the engine (a test below looks).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const DAY: i64 = 86_400;
const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// One day of the calendar, as somebody who turns its leaves sees it.
pub struct Day {
    pub year: i64,
    pub month: i64,
    pub of_month: i64,
    /// How many days its month and its year have.
    pub month_length: i64,
    pub year_length: i64,
    pub of_year: i64,
    /// 0 is Monday.
    pub weekday: i64,
}

/// Every day from Thursday 1 January 1970 to the end of 2112, one after another.
pub static CALENDAR: LazyLock<Vec<Day>> = LazyLock::new(|| {
    let (mut all, mut weekday) = (Vec::new(), 3);
    for year in 1970..=2112 {
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let (mut of_year, year_length) = (0, lengths.iter().sum());
        for (month, month_length) in (1..).zip(lengths) {
            for of_month in 1..=month_length {
                of_year += 1;
                all.push(Day { year, month, of_month, month_length, year_length, of_year, weekday });
                weekday = (weekday + 1) % 7;
            }
        }
    }
    all
});

/// The n-th day since 1970.
fn day(n: i64) -> &'static Day {
    &CALENDAR[usize::try_from(n).unwrap()]
}

/// A rule as it is written.
pub struct Slow {
    freq: String,
    interval: i64,
    count: Option<usize>,
    /// Seconds since 1970: the last that may start.
    until: i64,
    week_start: i64,
    skip: String,
    month: Vec<i64>,
    month_day: Vec<i64>,
    year_day: Vec<i64>,
    week: Vec<i64>,
    /// (ordinal or 0, weekday)
    weekday: Vec<(i64, i64)>,
    hour: Vec<i64>,
    minute: Vec<i64>,
    second: Vec<i64>,
    position: Vec<i64>,
    /// Seconds since 1970 on the wall clock.
    start: i64,
    is_date: bool,
}

impl Slow {
    /// `until` stands beside the text: reading dates is not what is proved here.
    pub fn new(rule: &str, until: Option<i64>, start: i64, is_date: bool) -> Slow {
        let part = |key: &str| {
            rule.split(';').filter_map(|p| p.split_once('=')).find(|(k, _)| *k == key).map(|(_, v)| v)
        };
        let numbers = |key: &str| -> Vec<i64> {
            part(key).map_or(Vec::new(), |v| v.split(',').map(|n| n.parse().unwrap()).collect())
        };
        let named = |name: &str| NAMES.iter().position(|n| *n == name).unwrap() as i64;
        let weekday = |entry: &str| {
            let (ordinal, name) = entry.split_at(entry.len() - 2);
            (if ordinal.is_empty() { 0 } else { ordinal.parse().unwrap() }, named(name))
        };
        let by_weekday = part("BYDAY").map_or(Vec::new(), |v| v.split(',').map(weekday).collect());
        Slow {
            freq: part("FREQ").unwrap().to_owned(),
            interval: part("INTERVAL").map_or(1, |v| v.parse().unwrap()),
            count: part("COUNT").map(|v| v.parse().unwrap()),
            until: until.unwrap_or(i64::MAX),
            week_start: part("WKST").map_or(0, named),
            skip: part("SKIP").unwrap_or("OMIT").to_owned(),
            month: numbers("BYMONTH"),
            month_day: numbers("BYMONTHDAY"),
            year_day: numbers("BYYEARDAY"),
            week: numbers("BYWEEKNO"),
            weekday: by_weekday,
            hour: numbers("BYHOUR"),
            minute: numbers("BYMINUTE"),
            second: numbers("BYSECOND"),
            position: numbers("BYSETPOS"),
            start,
            is_date,
        }
    }

    fn is(&self, freq: &str) -> bool {
        self.freq == freq
    }

    /// Seconds of the period of a rule below DAILY.
    fn unit(&self) -> Option<i64> {
        [("SECONDLY", 1), ("MINUTELY", 60), ("HOURLY", 3_600)]
            .iter()
            .find(|(name, _)| self.is(name))
            .map(|(_, unit)| *unit)
    }

    /// The first day of the week of a day.
    fn week_of(&self, n: i64) -> i64 {
        n - (day(n).weekday + 7 - self.week_start) % 7
    }

    /// (year the week belongs to, number of the week, weeks of that year): week 1 has January 4.
    fn week_number(&self, n: i64) -> (i64, i64, i64) {
        let week = self.week_of(n);
        let thursday = day(week + 3);
        let fourth = week + 3 - thursday.of_year + 4;
        let (first, next) = (self.week_of(fourth), self.week_of(fourth + thursday.year_length));
        let year = thursday.year;
        (year, (week - first) / 7 + 1, (next - first) / 7)
    }

    /// Number of the period of a day, for rules of days and longer.
    fn period(&self, n: i64) -> i64 {
        match &*self.freq {
            "YEARLY" if !self.week.is_empty() => self.week_number(n).0,
            "YEARLY" => day(n).year,
            "MONTHLY" => day(n).year * 12 + day(n).month,
            // A week is known by where it begins; Monday 5 January 1970 begins one.
            "WEEKLY" => (self.week_of(n) - self.week_start - 4) / 7,
            _ => n,
        }
    }

    fn start_period(&self) -> i64 {
        let n = self.start / DAY;
        if self.is("YEARLY") { day(n).year } else { self.period(n) }
    }

    /// Whether no part says which days: those that the rule's period leaves open are then the start's.
    fn is_bare(&self) -> bool {
        self.month_day.is_empty()
            && self.weekday.is_empty()
            && (self.year_day.is_empty() || !self.is("YEARLY"))
    }

    /// The days of the month that the rule wants, also those that a month does not have.
    fn wanted_month_days(&self) -> Vec<i64> {
        let by_start = self.is_bare() && (self.is("MONTHLY") || (self.is("YEARLY") && self.week.is_empty()));
        if by_start { vec![day(self.start / DAY).of_month] } else { self.month_day.clone() }
    }

    fn month_fits(&self, month: i64) -> bool {
        let by_start = self.month.is_empty() && self.is("YEARLY") && self.is_bare() && self.week.is_empty();
        if by_start {
            return month == day(self.start / DAY).month;
        }
        self.month.is_empty() || self.month.contains(&month)
    }

    /// The days the rule allows among these, each with the number of its period.
    fn days(&self, all: std::ops::RangeInclusive<i64>) -> Vec<(i64, i64)> {
        let wanted = self.wanted_month_days();
        let mut found = BTreeSet::new();
        for n in all {
            let d = day(n);
            let back = d.of_month - d.month_length - 1;
            let month_day_fits = wanted.is_empty() || wanted.contains(&d.of_month) || wanted.contains(&back);
            if self.month_fits(d.month) && month_day_fits && self.rest_fits(n, d) {
                found.insert((self.period(n), n));
            }
            // RFC 7529 4.1: on the last day of a short month the days that are missing are told.
            let missing = wanted.iter().any(|w| *w > d.month_length);
            let expands = self.is("MONTHLY") || self.is("YEARLY");
            if expands && missing && d.of_month == d.month_length && self.month_fits(d.month) {
                let moved = match &*self.skip {
                    "BACKWARD" => n,
                    "FORWARD" => n + 1,
                    _ => continue,
                };
                if self.rest_fits(moved, day(moved)) {
                    found.insert((self.period(n), moved));
                }
            }
        }
        found.into_iter().collect()
    }

    /// The parts that look at a day where it stands: BYYEARDAY, BYWEEKNO, BYDAY.
    fn rest_fits(&self, n: i64, d: &Day) -> bool {
        let year_day_fits = self.year_day.is_empty()
            || self.year_day.contains(&d.of_year)
            || self.year_day.contains(&(d.of_year - d.year_length - 1));
        let weekday_fits = match self.weekday.is_empty() {
            false => {
                self.weekday.iter().any(|(ordinal, w)| *w == d.weekday && self.ordinal_fits(*ordinal, d))
            }
            true if self.is("WEEKLY") || (!self.week.is_empty() && self.is_bare()) => {
                d.weekday == day(self.start / DAY).weekday
            }
            true => true,
        };
        year_day_fits && weekday_fits && self.week_fits(n)
    }

    fn week_fits(&self, n: i64) -> bool {
        if self.week.is_empty() {
            return true;
        }
        let (_, number, of) = self.week_number(n);
        self.week.contains(&number) || self.week.contains(&(number - of - 1))
    }

    /// Whether this is the ordinal-th of its weekday, within the month or, with YEARLY alone, within the year.
    fn ordinal_fits(&self, ordinal: i64, d: &Day) -> bool {
        if ordinal == 0 || !self.week.is_empty() {
            return true;
        }
        let (at, length) = match self.is("YEARLY") && self.month.is_empty() {
            true => (d.of_year, d.year_length),
            false => (d.of_month, d.month_length),
        };
        ordinal == (at - 1) / 7 + 1 || ordinal == -((length - at) / 7 + 1)
    }

    /// The times of a day that the rule could have, in seconds.
    fn times(&self) -> Vec<i64> {
        if self.is_date {
            return vec![0];
        }
        let (unit, then) = (self.unit().unwrap_or(DAY), self.start % DAY);
        // A part that is not named is the start's, unless the rule runs through it.
        let fits = |list: &[i64], value: i64, own: i64, runs: bool| match list.is_empty() {
            true => runs || value == own,
            false => list.contains(&value),
        };
        let mut all = Vec::new();
        for hour in (0..24).filter(|h| fits(&self.hour, *h, then / 3_600, unit < DAY)) {
            for minute in (0..60).filter(|m| fits(&self.minute, *m, then / 60 % 60, unit < 3_600)) {
                let seconds = (0..60).filter(|s| fits(&self.second, *s, then % 60, unit < 60));
                all.extend(seconds.map(|second| hour * 3_600 + minute * 60 + second));
            }
        }
        all
    }

    /// All instances before `end`. The start is the first of them, also where the rule does not give it
    /// (RFC 5545 3.8.5.3).
    pub fn instances(&self, end: i64) -> Vec<i64> {
        let mut all = self.given(end);
        all.insert(self.start);
        all.into_iter().take(self.count.unwrap_or(usize::MAX)).filter(|t| *t < end).collect()
    }

    /// Whether the start is an instance of the rule itself.
    pub fn gives_its_start(&self) -> bool {
        self.given(self.start + 1).contains(&self.start)
    }

    /// What the rule gives by itself, the start not counted unless it is among them.
    fn given(&self, end: i64) -> BTreeSet<i64> {
        let margin = match &*self.freq {
            "YEARLY" => 370,
            "MONTHLY" => 32,
            "WEEKLY" => 7,
            _ => 1,
        };
        let times = self.times();
        let mut periods: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (period, n) in self.days((self.start / DAY - margin).max(4)..=end / DAY + margin) {
            if self.unit().is_none() && (period - self.start_period()).rem_euclid(self.interval) != 0 {
                continue;
            }
            for time in times.iter().map(|time| n * DAY + time) {
                match self.unit() {
                    None => periods.entry(period).or_default().push(time),
                    Some(unit) if (time / unit - self.start / unit).rem_euclid(self.interval) == 0 => {
                        periods.entry(time / unit).or_default().push(time)
                    }
                    Some(_) => {}
                }
            }
        }
        let given = periods.into_values().flat_map(|times| self.chosen(times));
        given.filter(|t| (self.start..=self.until).contains(t)).collect()
    }

    /// BYSETPOS among the instances of one period.
    fn chosen(&self, times: Vec<i64>) -> Vec<i64> {
        let of = times.len() as i64;
        let keep = |at: i64| {
            self.position.is_empty() || self.position.contains(&at) || self.position.contains(&(at - of - 1))
        };
        (1..).zip(times).filter(|(at, _)| keep(*at)).map(|(_, t)| t).collect()
    }
}

/// A proof by itself: names nothing of the room it judges.
#[test]
fn the_evaluator_is_alone() {
    let own = include_str!("slow.rs");
    let named =
        own.lines().filter(|l| l.trim_start().starts_with("use ") || l.contains(concat!("crate", "::")));
    assert!(named.clone().count() > 1 && named.clone().all(|l| l.starts_with("use std::")), "{named:?}");
    assert!(!own.contains(concat!("super", "::")));
}
