//! RRULE to wall-clock readings, lazily, in order, each once (RFC 5545 3.3.10). Zones come later: a rule runs on
//! the clock on the wall. A walk begins at any time by arithmetic, never by counting from the start; COUNT is not
//! its business. Every instance and every empty period costs a step of the budget.

use crate::{
    Budget, Error,
    days::{Days, ones},
    rule::{Freq, Rule, Skip},
    time::{DAY, EARLIEST, LATEST, date, days, weekday},
};

/// A run through the instances of a rule.
pub(crate) struct Walk<'r> {
    rule: &'r Rule,
    days: Days<'r>,
    start: i64,
    /// What is added to a base: the times of a day, or of an hour or a minute.
    offsets: Vec<i32>,
    /// Days (or hours, minutes, seconds) of the period at hand, as civil seconds, in order.
    bases: Vec<i64>,
    /// With BYSETPOS: the places within the period that count, in order.
    places: Vec<usize>,
    at: usize,
    /// Number of the period that comes next.
    period: i64,
    /// The last instance given, or the one before the first wanted.
    last: i64,
    /// Nothing later is given.
    stop: i64,
    month: (i32, u32, u32),
}

impl<'r> Walk<'r> {
    /// The instances of `rule` with the start `start` that are neither before `start` or `from` nor after `until`;
    /// all in civil seconds. A start that is a date gives dates.
    pub fn new(rule: &'r Rule, start: i64, is_date: bool, (from, until): (i64, i64)) -> Walk<'r> {
        let from = from.max(start);
        let mut walk = Walk {
            rule,
            days: Days::new(rule, start.div_euclid(DAY)),
            start,
            offsets: offsets(rule, start, is_date),
            bases: Vec::new(),
            places: Vec::new(),
            at: 0,
            period: 0,
            last: from.saturating_sub(1),
            stop: until.min(LATEST),
            month: (i32::MIN, 0, 0),
        };
        walk.period = walk.period_of(from);
        if !walk.has_places() {
            walk.stop = i64::MIN;
        }
        walk
    }

    /// Whether some place of BYSETPOS lies within the longest period there can be. Without one nothing is ever found,
    /// which is known now and not after the months until the year 9999.
    fn has_places(&self) -> bool {
        // SKIP=FORWARD lends a month the first day of the next.
        let bases = match self.rule.freq {
            Freq::Yearly => 12 * 32,
            Freq::Monthly => 32,
            Freq::Weekly => 7,
            _ => 1,
        };
        let most = bases * self.offsets.len() as i64;
        self.rule.positions.is_empty() || self.rule.positions.iter().any(|n| i64::from(*n).abs() <= most)
    }

    /// The next instance.
    pub fn next(&mut self, budget: &mut Budget) -> Result<Option<i64>, Error> {
        loop {
            while let Some(instance) = self.pick() {
                self.at += 1;
                budget.take(1)?;
                if instance > self.stop {
                    return Ok(None);
                }
                if instance > self.last {
                    self.last = instance;
                    return Ok(Some(instance));
                }
            }
            if !self.fill(budget)? {
                return Ok(None);
            }
        }
    }

    /// Instance number `at` of the period at hand.
    #[inline]
    fn pick(&self) -> Option<i64> {
        let place = if self.rule.positions.is_empty() { self.at } else { *self.places.get(self.at)? };
        let (base, offset) = match self.offsets.len() {
            1 => (place, 0),
            n => (place / n, place % n),
        };
        Some(self.bases.get(base)? + i64::from(self.offsets[offset]))
    }

    /// Which period a time lies in; one before it where SKIP or the weeks of a year reach over the edge.
    fn period_of(&self, from: i64) -> i64 {
        let (day, start_day) = (from.div_euclid(DAY), self.start.div_euclid(DAY));
        let units = match self.rule.freq {
            Freq::Yearly => i64::from(date(day).0 - date(start_day).0),
            Freq::Monthly => month_number(day) - month_number(start_day),
            Freq::Weekly => (day - self.week_of(start_day)) / 7,
            Freq::Daily => day - start_day,
            Freq::Hourly | Freq::Minutely | Freq::Secondly => {
                from.div_euclid(self.unit()) - self.start.div_euclid(self.unit())
            }
        };
        let over = self.rule.skip == Skip::Forward || !self.rule.weeks.is_empty();
        (units / i64::from(self.rule.interval) - i64::from(over)).max(0)
    }

    /// Seconds of the period of a rule below DAILY.
    fn unit(&self) -> i64 {
        match self.rule.freq {
            Freq::Secondly => 1,
            Freq::Minutely => 60,
            _ => 3600,
        }
    }

    /// The first day of the week of a day.
    fn week_of(&self, day: i64) -> i64 {
        day - i64::from((weekday(day) + 7 - u32::from(self.rule.week_start)) % 7)
    }

    /// Brings the next period that is not empty, or says that there is none.
    fn fill(&mut self, budget: &mut Budget) -> Result<bool, Error> {
        self.at = 0;
        loop {
            self.bases.clear();
            let step = self.period * i64::from(self.rule.interval);
            self.period += 1;
            let begin = match self.rule.freq {
                Freq::Yearly => self.fill_year(step),
                Freq::Monthly => self.fill_month(step),
                Freq::Weekly => self.fill_week(step),
                Freq::Daily => self.fill_day(step),
                Freq::Hourly | Freq::Minutely | Freq::Secondly => self.fill_time(step),
            };
            // Instances pay for themselves; here pays what is looked at in vain, or only to be counted.
            let in_vain = self.bases.is_empty() || !self.rule.positions.is_empty();
            budget.take(u64::from(in_vain) + self.bases.len() as u64 / 16)?;
            if begin > self.stop {
                return Ok(false);
            }
            if !self.bases.is_empty() {
                self.place();
                return Ok(true);
            }
        }
    }

    /// All of these put the bases of one period in place and return when it begins.
    fn fill_year(&mut self, step: i64) -> i64 {
        let year = i64::from(date(self.start.div_euclid(DAY)).0) + step;
        if year > 9999 {
            return i64::MAX;
        }
        if !self.rule.weeks.is_empty() {
            self.bases.extend(self.days.of_weeks(year as i32).into_iter().map(|day| day * DAY));
            // Week 1 may begin three days before its year.
            return (days(year as i32, 1, 1) - 7) * DAY;
        }
        for month in ones(u32::from(self.days.months())) {
            self.add_month(year as i32, month + 1);
        }
        days(year as i32, 1, 1) * DAY
    }

    fn fill_month(&mut self, step: i64) -> i64 {
        let number = month_number(self.start.div_euclid(DAY)) + step;
        let (year, month) = (number.div_euclid(12), number.rem_euclid(12) as u32 + 1);
        if year > 9999 {
            return i64::MAX;
        }
        self.add_month(year as i32, month);
        days(year as i32, month, 1) * DAY
    }

    fn add_month(&mut self, year: i32, month: u32) {
        let first = days(year, month, 1);
        let allowed = self.days.of_month(year, month);
        self.bases.extend(ones(allowed).map(|n| (first + i64::from(n)) * DAY));
    }

    fn fill_week(&mut self, step: i64) -> i64 {
        let first = self.week_of(self.start.div_euclid(DAY)) + step * 7;
        for day in first..first + 7 {
            if self.allows(day) {
                self.bases.push(day * DAY);
            }
        }
        first * DAY
    }

    /// A day in a month without any allowed day leads straight to the next month.
    fn fill_day(&mut self, step: i64) -> i64 {
        let day = self.start.div_euclid(DAY) + step;
        match self.allows(day) {
            true => self.bases.push(day * DAY),
            false if self.days.weekdays_only().is_none() && self.month.2 == 0 => {
                self.skip_to(next_month(day))
            }
            false => {}
        }
        day * DAY
    }

    /// Below DAILY: one hour, minute or second; days and hours that are not allowed are passed in one step.
    fn fill_time(&mut self, step: i64) -> i64 {
        let unit = self.unit();
        let time = (self.start.div_euclid(unit) + step) * unit;
        let (day, of_day) = (time.div_euclid(DAY), time.rem_euclid(DAY));
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        if !self.allows(day) {
            let empty_month = self.days.weekdays_only().is_none() && self.month.2 == 0;
            self.skip_to(if empty_month { next_month(day) } else { (day + 1) * DAY });
        } else if self.rule.hours != 0 && self.rule.hours & 1 << hour == 0 {
            self.skip_to(day * DAY + (hour + 1) * 3600);
        } else if unit < 3600 && self.rule.minutes != 0 && self.rule.minutes & 1 << minute == 0 {
            self.skip_to(day * DAY + hour * 3600 + (minute + 1) * 60);
        } else if unit > 1 || self.rule.seconds == 0 || self.rule.seconds & 1 << second != 0 {
            self.bases.push(time);
        }
        time
    }

    /// The next period is the first that does not begin before `time`.
    fn skip_to(&mut self, time: i64) {
        let unit = if self.rule.freq == Freq::Daily { DAY } else { self.unit() };
        let (units, interval) =
            (time.div_euclid(unit) - self.start.div_euclid(unit), i64::from(self.rule.interval));
        self.period =
            self.period.max(units.div_euclid(interval) + i64::from(units.rem_euclid(interval) != 0));
    }

    /// Whether the rule allows this day; remembers the month it looked at.
    fn allows(&mut self, day: i64) -> bool {
        if let Some(weekdays) = self.days.weekdays_only() {
            return weekdays & 1 << weekday(day) != 0;
        }
        let (year, month, of_month) = date(day);
        if (self.month.0, self.month.1) != (year, month) {
            self.month = (year, month, self.days.of_month(year, month));
        }
        self.month.2 & 1 << (of_month - 1) != 0
    }

    /// BYSETPOS chooses among all instances of the full period, also those before the start.
    fn place(&mut self) {
        if self.rule.positions.is_empty() {
            return;
        }
        let all = (self.bases.len() * self.offsets.len()) as i64;
        self.places.clear();
        let places =
            self.rule.positions.iter().map(|&n| if n > 0 { i64::from(n) - 1 } else { all + i64::from(n) });
        self.places.extend(places.filter(|n| (0..all).contains(n)).map(|n| n as usize));
        self.places.sort_unstable();
        self.places.dedup();
    }
}

/// Midnight of the first day of the month after that of `day`; the end of time after December 9999.
fn next_month(day: i64) -> i64 {
    let (year, month, _) = date(day);
    if month == 12 { days(year + 1, 1, 1) * DAY } else { days(year, month + 1, 1) * DAY }
}

fn month_number(day: i64) -> i64 {
    let (year, month, _) = date(day);
    i64::from(year) * 12 + i64::from(month) - 1
}

/// The times within a period, in order; those parts the rule leaves out are the start's.
fn offsets(rule: &Rule, start: i64, is_date: bool) -> Vec<i32> {
    if is_date && rule.freq >= Freq::Daily {
        return vec![0];
    }
    let of_day = start.rem_euclid(DAY);
    let or = |bits: u64, own: i64| if bits == 0 { 1 << own } else { bits };
    let hours = if rule.freq < Freq::Daily { 1 } else { or(u64::from(rule.hours), of_day / 3600) };
    let minutes = if rule.freq < Freq::Hourly { 1 } else { or(rule.minutes, of_day / 60 % 60) };
    let seconds = if rule.freq < Freq::Minutely { 1 } else { or(rule.seconds, of_day % 60) };
    if hours.is_power_of_two() && minutes.is_power_of_two() && seconds.is_power_of_two() {
        let one = |bits: u64| bits.trailing_zeros() as i32;
        return vec![one(hours) * 3600 + one(minutes) * 60 + one(seconds)];
    }
    let list = |bits: u64| (0..60).filter(move |n| bits & 1 << n != 0);
    let minutes_of = move |hour| list(minutes).map(move |minute| hour * 3600 + minute * 60);
    list(hours)
        .flat_map(minutes_of)
        .flat_map(|minute| list(seconds).map(move |second| minute + second))
        .collect()
}

/// The last instance of a rule with COUNT, in civil seconds. The start is instance 1, also where the rule does not
/// give it (RFC 5545 3.8.5.3).
pub(crate) fn counted(rule: &Rule, start: i64, is_date: bool, budget: &mut Budget) -> Result<i64, Error> {
    let mut walk = Walk::new(rule, start, is_date, (EARLIEST, LATEST));
    let (mut last, mut left) = (start, rule.count);
    let mut first = true;
    while left > 0 {
        let Some(instance) = walk.next(budget)? else { break };
        if std::mem::take(&mut first) && instance != start {
            left -= 1;
            if left == 0 {
                break;
            }
        }
        (last, left) = (instance, left - 1);
    }
    Ok(last)
}
