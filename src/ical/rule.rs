//! RRULE as a value (RFC 5545 3.3.10, RFC 7529): lists as bit sets, so that a rule is small and quick to ask.
//! Refuses what cannot be computed in bounds (INTERVAL, COUNT, the times of one day); ignores parts it cannot know.

use serde::{Deserialize, Serialize};

use crate::value::When;

/// Values of one BY list.
const LIST: usize = 366;
/// Starts within one day: one a minute.
const TIMES: u32 = 1_440;
const INTERVAL: i64 = 32_767;
const COUNT: i64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Freq {
    Secondly,
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// Where a rule ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Until {
    #[default]
    Never,
    /// The last wall-clock reading that may start an instance.
    Civil(i64),
    /// The last instant that may.
    Instant(i64),
}

/// What becomes of the 30th of February (RFC 7529).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Skip {
    #[default]
    Omit,
    Backward,
    Forward,
}

/// A recurrence rule. Sets of bits are empty where the part is missing; weekdays count from Monday = 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub freq: Freq,
    pub interval: u32,
    /// 0: no COUNT. A series replaces it by the last instance it leads to.
    pub count: u32,
    pub until: Until,
    pub skip: Skip,
    pub week_start: u8,
    /// Bit m - 1 for month m.
    pub months: u16,
    /// Bit d - 1 for the d-th day of the month.
    pub month_days: u32,
    /// Bit d - 1 for the d-th last day.
    pub month_days_back: u32,
    pub weekdays: u8,
    /// (n, weekday): the n-th or, negative, n-th last one.
    pub nth: Vec<(i8, u8)>,
    pub year_days: Vec<i16>,
    pub weeks: Vec<i8>,
    pub hours: u32,
    pub minutes: u64,
    pub seconds: u64,
    pub positions: Vec<i16>,
}

impl Rule {
    pub fn new(freq: Freq) -> Rule {
        Rule {
            freq,
            interval: 1,
            count: 0,
            until: Until::Never,
            skip: Skip::Omit,
            week_start: 0,
            months: 0,
            month_days: 0,
            month_days_back: 0,
            weekdays: 0,
            nth: Vec::new(),
            year_days: Vec::new(),
            weeks: Vec::new(),
            hours: 0,
            minutes: 0,
            seconds: 0,
            positions: Vec::new(),
        }
    }

    /// Reads the value of an RRULE or EXRULE. The error is a sentence about the rule.
    pub fn parse(text: &str) -> Result<Rule, String> {
        let upper = text.trim().to_ascii_uppercase();
        let parts: Vec<(&str, &str)> = upper
            .split(';')
            .filter(|part| !part.trim().is_empty())
            .map(|part| part.split_once('=').map(|(k, v)| (k.trim(), v.trim())).ok_or("a part has no value"))
            .collect::<Result<_, _>>()?;
        let freq = parts.iter().find(|(key, _)| *key == "FREQ").ok_or("FREQ is missing")?.1;
        let mut rule = Rule::new(self::freq(freq)?);
        for (key, value) in &parts {
            rule.part(key, value)?;
        }
        // Only where days are counted out of a month or a year can one be missing (RFC 7529 4.1).
        if rule.freq < Freq::Monthly || !parts.iter().any(|(key, _)| *key == "RSCALE") {
            rule.skip = Skip::Omit;
        }
        if rule.freq >= Freq::Daily && rule.times_of_day() > TIMES {
            return Err("more than 1,440 starts in one day".into());
        }
        Ok(rule)
    }

    fn part(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "FREQ" => self.freq = freq(value)?,
            "INTERVAL" => self.interval = number(key, value, 1, INTERVAL)? as u32,
            "COUNT" => self.count = number(key, value, 1, COUNT)? as u32,
            "UNTIL" => self.until = until(value)?,
            "WKST" => self.week_start = weekday(value)?,
            "BYSECOND" => {
                // A leap second is the second before it, as in date-times.
                let bits = set(key, value, 0, 60)?;
                self.seconds = bits & !(1 << 60) | bits >> 60 << 59;
            }
            "BYMINUTE" => self.minutes = set(key, value, 0, 59)?,
            "BYHOUR" => self.hours = set(key, value, 0, 23)? as u32,
            "BYMONTH" => self.months = (set(key, value, 1, 12)? >> 1) as u16,
            "BYMONTHDAY" => {
                for day in list(key, value, 31)? {
                    match day > 0 {
                        true => self.month_days |= 1 << (day - 1),
                        false => self.month_days_back |= 1 << (-day - 1),
                    }
                }
            }
            "BYDAY" => self.by_day(value)?,
            "BYYEARDAY" => self.year_days = list(key, value, 366)?,
            "BYWEEKNO" => self.weeks = list(key, value, 53)?.into_iter().map(|n| n as i8).collect(),
            "BYSETPOS" => self.positions = list(key, value, 366)?,
            "RSCALE" if value != "GREGORIAN" => {
                return Err("RSCALE other than GREGORIAN is not supported".into());
            }
            "SKIP" => {
                self.skip = match value {
                    "OMIT" => Skip::Omit,
                    "BACKWARD" => Skip::Backward,
                    "FORWARD" => Skip::Forward,
                    _ => return Err("SKIP is neither OMIT, BACKWARD nor FORWARD".into()),
                }
            }
            // What the standards add later cannot be guessed at.
            _ => {}
        }
        Ok(())
    }

    /// Ordinals mean something only in months and years; elsewhere clients write them by mistake.
    fn by_day(&mut self, value: &str) -> Result<(), String> {
        let ordinals = matches!(self.freq, Freq::Monthly | Freq::Yearly);
        for item in entries("BYDAY", value)? {
            let cut = item
                .len()
                .checked_sub(2)
                .filter(|at| item.is_char_boundary(*at))
                .ok_or("BYDAY is not a weekday")?;
            let (ordinal, day) = (item[..cut].trim(), weekday(&item[cut..])?);
            match ordinal {
                "" => self.weekdays |= 1 << day,
                n => match signed("BYDAY", n, 53)? {
                    n if ordinals => self.nth.push((n as i8, day)),
                    _ => self.weekdays |= 1 << day,
                },
            }
        }
        Ok(())
    }

    /// Whether it could have been read from text: bytes from a damaged file may say anything.
    pub fn is_possible(&self) -> bool {
        let bits =
            self.hours < 1 << 24 && self.minutes < 1 << 60 && self.seconds < 1 << 60 && self.months < 1 << 12;
        let days = self.weekdays < 1 << 7 && self.month_days < 1 << 31 && self.month_days_back < 1 << 31;
        bits && days
            && (1..=INTERVAL).contains(&i64::from(self.interval))
            && self.nth.iter().all(|(_, day)| *day < 7)
    }

    fn times_of_day(&self) -> u32 {
        self.hours.count_ones().max(1) * self.minutes.count_ones().max(1) * self.seconds.count_ones().max(1)
    }
}

fn freq(name: &str) -> Result<Freq, String> {
    Ok(match name {
        "SECONDLY" => Freq::Secondly,
        "MINUTELY" => Freq::Minutely,
        "HOURLY" => Freq::Hourly,
        "DAILY" => Freq::Daily,
        "WEEKLY" => Freq::Weekly,
        "MONTHLY" => Freq::Monthly,
        "YEARLY" => Freq::Yearly,
        _ => return Err("FREQ is none of RFC 5545".into()),
    })
}

/// A date ends with its day, whatever the time of the start (as clients mean it, though RFC 5545 wants equal types).
fn until(value: &str) -> Result<Until, String> {
    match When::read(value, None) {
        Some(When::Date(day)) => Ok(Until::Civil(day + 86_399)),
        Some(When::Utc(instant)) => Ok(Until::Instant(instant)),
        Some(other) => Ok(Until::Civil(other.civil())),
        None => Err("UNTIL is neither a date nor a date-time".into()),
    }
}

fn weekday(name: &str) -> Result<u8, String> {
    const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let at = NAMES.iter().position(|n| *n == name).ok_or("a weekday is none of MO to SU")?;
    Ok(at as u8)
}

fn number(key: &str, value: &str, least: i64, most: i64) -> Result<i64, String> {
    let n: Option<i64> = value.parse().ok().filter(|n| (least..=most).contains(n));
    n.ok_or_else(|| format!("{key} is not a number from {least} to {most}"))
}

/// A number from -most to most, without 0.
fn signed(key: &str, value: &str, most: i64) -> Result<i16, String> {
    let n = number(key, value.strip_prefix('+').unwrap_or(value), -most, most)?;
    if n == 0 { Err(format!("{key} is 0")) } else { Ok(n as i16) }
}

fn entries<'a>(key: &str, value: &'a str) -> Result<Vec<&'a str>, String> {
    let all: Vec<&str> = value.split(',').map(str::trim).filter(|v| !v.is_empty()).collect();
    match all.len() {
        0 => Err(format!("{key} is empty")),
        n if n > LIST => Err(format!("{key} has more than {LIST} values")),
        _ => Ok(all),
    }
}

/// Signed values, sorted, each once.
fn list(key: &str, value: &str, most: i64) -> Result<Vec<i16>, String> {
    let mut all: Vec<i16> =
        entries(key, value)?.into_iter().map(|v| signed(key, v, most)).collect::<Result<_, _>>()?;
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Bit n for value n.
fn set(key: &str, value: &str, least: i64, most: i64) -> Result<u64, String> {
    entries(key, value)?.into_iter().try_fold(0, |bits, v| Ok(bits | 1 << number(key, v, least, most)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let rule =
            Rule::parse("freq=monthly;BYDAY=MO,-1FR;BYMONTHDAY=1,-1;INTERVAL=2;COUNT=3;X-FOO=1;").unwrap();
        assert_eq!((rule.freq, rule.interval, rule.count), (Freq::Monthly, 2, 3));
        assert_eq!(
            (rule.weekdays, rule.nth, rule.month_days, rule.month_days_back),
            (1, vec![(-1, 4)], 1, 1)
        );
        assert_eq!(Rule::parse("FREQ=WEEKLY;BYDAY=2TU").unwrap().weekdays, 2);
        assert_eq!(Rule::parse("FREQ=DAILY;BYSECOND=60,0").unwrap().seconds, 1 << 59 | 1);
        let skip = |text| Rule::parse(text).unwrap().skip;
        assert_eq!(skip("FREQ=MONTHLY;SKIP=FORWARD"), Skip::Omit);
        assert_eq!(skip("RSCALE=GREGORIAN;FREQ=DAILY;SKIP=BACKWARD;BYMONTHDAY=30"), Skip::Omit);
        assert_eq!(skip("RSCALE=gregorian;FREQ=MONTHLY;SKIP=FORWARD"), Skip::Forward);
    }

    #[test]
    fn absurd_rules_are_refused() {
        for bad in [
            "",
            "COUNT=1",
            "FREQ=SOMETIMES",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;INTERVAL=999999999",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=1000000000",
            "FREQ=DAILY;BYHOUR=24",
            "FREQ=DAILY;BYDAY=XX",
            "FREQ=DAILY;BYMONTHDAY=0",
            "FREQ=YEARLY;BYWEEKNO=54",
            "FREQ=DAILY;UNTIL=tomorrow",
            "FREQ",
            "FREQ=DAILY;BYDAY=",
            "RSCALE=CHINESE;FREQ=YEARLY",
            "FREQ=MONTHLY;BYDAY=0MO",
            "FREQ=DAILY;BYDAY=\u{e9}\u{e9}",
        ] {
            assert!(Rule::parse(bad).is_err(), "{bad}");
        }
        let all = |n: u32| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
        let flood = format!("FREQ=DAILY;BYHOUR={};BYMINUTE={};BYSECOND={}", all(24), all(60), all(60));
        assert!(Rule::parse(&flood).is_err());
    }
}
