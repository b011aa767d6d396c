//! The rule of RFC 5545 3.3.10 read aloud: walk every day (or hour, or minute) there is, ask each part in turn.
//! Slow and obvious, with its own reading of the text; the engine must agree on thousands of made-up rules, from the
//! start and from any later window.

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::{Component, Kind, time::*};

const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// A rule as a table of words.
pub struct Slow<'a> {
    parts: HashMap<&'a str, Vec<&'a str>>,
    numbers: HashMap<&'a str, Vec<i64>>,
    start: i64,
}

impl<'a> Slow<'a> {
    pub fn new(rule: &'a str, start: i64) -> Slow<'a> {
        let parts = || rule.split(';').map(|p| p.split_once('=').unwrap());
        let numbers =
            parts().map(|(k, v)| (k, v.split(',').filter_map(|n| n.parse().ok()).collect())).collect();
        Slow { parts: parts().map(|(k, v)| (k, v.split(',').collect())).collect(), numbers, start }
    }

    fn has(&self, key: &str) -> bool {
        self.parts.contains_key(key)
    }

    fn one(&self, key: &str, or: i64) -> i64 {
        self.parts.get(key).map_or(or, |v| v[0].parse().unwrap())
    }

    fn is_in(&self, key: &str, value: i64) -> bool {
        self.numbers[key].contains(&value)
    }

    fn freq(&self) -> &str {
        self.parts["FREQ"][0]
    }

    fn week_start(&self) -> i64 {
        self.parts.get("WKST").map_or(0, |v| NAMES.iter().position(|n| *n == v[0]).unwrap() as i64)
    }

    /// The first day of the week of a day.
    fn week(&self, day: i64) -> i64 {
        day - (i64::from(weekday(day)) + 7 - self.week_start()) % 7
    }

    /// (week-numbering year, week, weeks of that year).
    fn week_number(&self, day: i64) -> (i64, i64, i64) {
        let week = self.week(day);
        let (year, ..) = date(week + 3);
        let (first, next) = (self.week(days(year, 1, 4)), self.week(days(year + 1, 1, 4)));
        (i64::from(year), (week - first) / 7 + 1, (next - first) / 7)
    }

    fn period(&self, time: i64) -> i64 {
        let day = time.div_euclid(DAY);
        let (year, month, _) = date(day);
        match self.freq() {
            "YEARLY" if self.has("BYWEEKNO") => self.week_number(day).0,
            "YEARLY" => i64::from(year),
            "MONTHLY" => i64::from(year) * 12 + i64::from(month),
            "WEEKLY" => self.week(day).div_euclid(7),
            "DAILY" => day,
            "HOURLY" => time.div_euclid(3600),
            "MINUTELY" => time.div_euclid(60),
            _ => time,
        }
    }

    fn start_period(&self) -> i64 {
        match (self.freq(), self.has("BYWEEKNO")) {
            ("YEARLY", true) => i64::from(date(self.start.div_euclid(DAY)).0),
            _ => self.period(self.start),
        }
    }

    fn day_is_in(&self, day: i64) -> bool {
        let (year, month, of_month) = date(day);
        let (_, start_month, start_day) = date(self.start.div_euclid(DAY));
        let length = i64::from(month_length(year, month));
        let of_year = day - days(year, 1, 1) + 1;
        let year_length = 365 + i64::from(is_leap(year));
        let yearly = self.freq() == "YEARLY";
        let (by_month_day, by_day) = (self.has("BYMONTHDAY"), self.has("BYDAY"));
        let bare = !(by_month_day || by_day || yearly && self.has("BYYEARDAY"));
        let weeks = yearly && self.has("BYWEEKNO");
        let month_fits = match self.has("BYMONTH") {
            true => self.is_in("BYMONTH", i64::from(month)),
            false => !(yearly && bare && !weeks) || month == start_month,
        };
        let month_day = i64::from(of_month);
        let month_day_fits = match by_month_day {
            true => self.is_in("BYMONTHDAY", month_day) || self.is_in("BYMONTHDAY", month_day - length - 1),
            false if (yearly && bare && !weeks) || (self.freq() == "MONTHLY" && bare) => {
                of_month == start_day
            }
            false => true,
        };
        let year_day_fits = !self.has("BYYEARDAY")
            || self.is_in("BYYEARDAY", of_year)
            || self.is_in("BYYEARDAY", of_year - year_length - 1);
        let week_fits = !weeks || {
            let (_, week, all) = self.week_number(day);
            self.is_in("BYWEEKNO", week) || self.is_in("BYWEEKNO", week - all - 1)
        };
        let weekday_fits = match by_day {
            true => self.parts["BYDAY"].iter().any(|v| self.weekday_fits(v, day)),
            false if self.freq() == "WEEKLY" || (weeks && bare) => {
                weekday(day) == weekday(self.start.div_euclid(DAY))
            }
            false => true,
        };
        month_fits && month_day_fits && year_day_fits && week_fits && weekday_fits
    }

    fn weekday_fits(&self, entry: &str, day: i64) -> bool {
        let (ordinal, name) = entry.split_at(entry.len() - 2);
        if NAMES[weekday(day) as usize] != name {
            return false;
        }
        if ordinal.is_empty() || self.has("BYWEEKNO") {
            return true;
        }
        let (year, month, of_month) = date(day);
        let (first, length) = match self.freq() == "YEARLY" && !self.has("BYMONTH") {
            true => (days(year, 1, 1), 365 + i64::from(is_leap(year))),
            false => (day - i64::from(of_month) + 1, i64::from(month_length(year, month))),
        };
        let before = (day - first) / 7 + 1;
        let after = (first + length - 1 - day) / 7 + 1;
        [before, -after].contains(&ordinal.parse().unwrap())
    }

    /// The times of a day that the rule could have, in seconds.
    fn times(&self) -> Vec<i64> {
        let rank = ["SECONDLY", "MINUTELY", "HOURLY"].iter().position(|f| *f == self.freq()).unwrap_or(3);
        let then = Civil::from_seconds(self.start);
        let fits = |key: &str, value: i64, own: u32, fixed: bool| match self.has(key) {
            true => self.is_in(key, value),
            false => !fixed || value == i64::from(own),
        };
        let mut all = Vec::new();
        for hour in (0..24).filter(|h| fits("BYHOUR", *h, then.hour, rank > 2)) {
            for minute in (0..60).filter(|m| fits("BYMINUTE", *m, then.minute, rank > 1)) {
                let seconds = (0..60).filter(|s| fits("BYSECOND", *s, then.second, rank > 0));
                all.extend(seconds.map(|second| hour * 3600 + minute * 60 + second));
            }
        }
        all
    }

    /// All instances of the rule up to `end`, the start not counted unless the rule gives it.
    pub fn instances(&self, end: i64) -> Vec<i64> {
        let (first, interval, times) = (self.start_period(), self.one("INTERVAL", 1), self.times());
        let mut periods: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        let margin = if ["YEARLY", "MONTHLY", "WEEKLY"].contains(&self.freq()) { 370 } else { 1 };
        let below_daily = ["HOURLY", "MINUTELY", "SECONDLY"].contains(&self.freq());
        for day in self.start.div_euclid(DAY) - margin..=end.div_euclid(DAY) + margin {
            let of_day = self.period(day * DAY);
            if !(below_daily || (of_day - first).rem_euclid(interval) == 0) || !self.day_is_in(day) {
                continue;
            }
            for time in times.iter().map(|time| day * DAY + time) {
                let period = if below_daily { self.period(time) } else { of_day };
                if (period - first).rem_euclid(interval) == 0 {
                    periods.entry(period).or_default().push(time);
                }
            }
        }
        let all = periods.into_values().flat_map(|times| self.chosen(times));
        all.filter(|t| (self.start..end).contains(t)).collect()
    }

    fn chosen(&self, times: Vec<i64>) -> Vec<i64> {
        let n = times.len() as i64;
        let keep = |at: i64| {
            !self.has("BYSETPOS") || self.is_in("BYSETPOS", at + 1) || self.is_in("BYSETPOS", at - n)
        };
        (0..).zip(times).filter(|(at, _)| keep(*at)).map(|(_, t)| t).collect()
    }
}

/// A rule of any shape, and how many days of it are worth walking.
pub fn made_up(dice: &mut Dice) -> (String, i64) {
    let (freq, span) =
        [("DAILY", 40), ("WEEKLY", 200), ("MONTHLY", 400), ("YEARLY", 1_200), ("HOURLY", 8), ("MINUTELY", 2)]
            [[0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5][dice.below(12) as usize]];
    let mut rule = format!("FREQ={freq}");
    let mut add = |on: bool, key: &str, value: String| {
        if on {
            rule += &format!(";{key}={value}")
        }
    };
    let (year, month) = (freq == "YEARLY", freq == "MONTHLY");
    add(dice.chance(3), "INTERVAL", (1 + dice.below(4)).to_string());
    add(dice.chance(4), "BYMONTH", dice.some(4, 1, 12));
    add(dice.chance(4) && freq != "WEEKLY", "BYMONTHDAY", dice.some(4, -31, 31));
    add(dice.chance(8) && year, "BYYEARDAY", dice.some(5, -366, 366));
    add(dice.chance(6) && year, "BYWEEKNO", dice.some(3, -53, 53));
    let ordinal = |dice: &mut Dice| match (year, month) {
        (true, _) if dice.chance(2) => dice.some(1, -53, 53),
        (_, true) if dice.chance(2) => dice.some(1, -5, 5),
        _ => String::new(),
    };
    let weekdays: Vec<String> =
        (0..1 + dice.below(3)).map(|_| ordinal(dice) + NAMES[dice.below(7) as usize]).collect();
    add(dice.chance(2), "BYDAY", weekdays.join(","));
    add(dice.chance(8), "BYHOUR", dice.some(3, 1, 23));
    add(dice.chance(8), "BYMINUTE", dice.some(3, 1, 59));
    add(dice.chance(30) && freq != "YEARLY", "BYSECOND", dice.some(2, 1, 59));
    add(dice.chance(5), "BYSETPOS", dice.some(3, -4, 4));
    add(dice.chance(3), "WKST", NAMES[dice.below(7) as usize].to_owned());
    (rule, span)
}

fn agree(seed: u64, rules: usize) {
    let mut dice = Dice(seed);
    let mut found = 0;
    for _ in 0..rules {
        let (rule, span) = made_up(&mut dice);
        let start = (days(2019, 1, 1) + dice.below(2_000) as i64) * DAY + dice.below(96) as i64 * 900;
        let end = start + span * DAY;
        let slow = Slow::new(&rule, start).instances(end);
        let text = event(&format!("DTSTART:{}\nRRULE:{rule}", utc_text(start)));
        let tree = Component::parse(text.as_bytes(), &Limits::default()).unwrap();
        let Ok(digest) = Digest::of(&tree, Kind::Event, &mut Budget::steps(Budget::OBJECT)) else {
            // A rule that never gives anything is refused when looking for it takes too long.
            assert!(slow.is_empty(), "{rule}");
            continue;
        };
        let from = start + dice.below((span * DAY) as u64) as i64;
        for from in [start, from] {
            let mut expected: Vec<i64> = slow.iter().copied().filter(|t| *t >= from).collect();
            if from == start && expected.first() != Some(&start) {
                expected.insert(0, start);
            }
            assert_eq!(
                starts(&digest, Window::new(from, end).unwrap()),
                expected,
                "{rule} {} {from}",
                utc_text(start)
            );
            found += expected.len();
        }
    }
    assert!(found > rules, "the rules must not all be empty: {found}");
}

#[test]
fn made_up_rules_agree() {
    agree(0x9e37_79b9_7f4a_7c15, 1_200);
}

#[test]
fn other_made_up_rules_agree() {
    agree(0x0123_4567_89ab_cdef, 1_200);
}

/// Minutes without optimisation: `cargo test --release -p kalends-ical -- --ignored twenty_thousand`.
#[test]
#[ignore = "slow without optimisation"]
fn twenty_thousand_rules_agree() {
    agree(0xfeed_f00d_dead_beef, 20_000);
}
