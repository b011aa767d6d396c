//! Made-up rules and series of any shape: the engine against the slow evaluator, from the start, from a later window,
//! and, by the 400 years after which the calendar is the same again, from far windows.

use std::{collections::BTreeMap, thread};

use super::{slow::Slow, *};
use crate::{Component, Kind, time::*};

const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
/// Days of 400 years: a whole number of weeks.
const ERA: i64 = 146_097;

/// A rule, its start, and how many days of it are worth walking.
pub struct MadeUp {
    pub rule: String,
    /// Seconds since 1970, where the rule has UNTIL.
    pub until: Option<i64>,
    pub start: i64,
    pub is_date: bool,
    pub end: i64,
}

impl MadeUp {
    pub fn dtstart(&self) -> String {
        match self.is_date {
            true => format!("DTSTART;VALUE=DATE:{}", &utc_text(self.start)[..8]),
            false => format!("DTSTART:{}", utc_text(self.start)),
        }
    }

    pub fn lines(&self) -> String {
        format!("{}\nRRULE:{}", self.dtstart(), self.text())
    }

    /// The rule with its UNTIL.
    pub fn text(&self) -> String {
        let until = |u| if self.is_date { utc_text(u)[..8].to_owned() } else { utc_text(u) };
        self.rule.clone() + &self.until.map_or(String::new(), |u| format!(";UNTIL={}", until(u)))
    }

    pub fn slow(&self, end: i64) -> Vec<i64> {
        Slow::new(&self.rule, self.until, self.start, self.is_date).instances(end)
    }

    /// None where the rule is too dear to be stored.
    pub fn digest(&self) -> Option<Digest> {
        let text = event(&self.lines());
        let tree = Component::parse(text.as_bytes(), &Limits::default()).unwrap();
        match Digest::of(&tree, Kind::Event, &mut Budget::steps(Budget::OBJECT)) {
            Ok(digest) => Some(digest),
            Err(crate::Error::Budget) => None,
            Err(error) => panic!("{error} {}", self.lines()),
        }
    }
}

/// A rule of any shape, with a start in the years 1972 to 2105.
pub fn made_up(dice: &mut Dice) -> MadeUp {
    const FREQS: [(&str, u64, i64); 7] = [
        ("DAILY", 20, 40),
        ("WEEKLY", 20, 200),
        ("MONTHLY", 30, 400),
        ("YEARLY", 30, 1_200),
        ("HOURLY", 9, 8),
        ("MINUTELY", 5, 2),
        ("SECONDLY", 1, 0),
    ];
    let mut roll = dice.below(FREQS.iter().map(|(_, weight, _)| weight).sum());
    let (freq, _, span) = FREQS
        .into_iter()
        .find(|(_, weight, _)| roll.checked_sub(*weight).map(|rest| roll = rest).is_none())
        .unwrap();
    let start = (days(1972, 1, 1) + dice.below(48_600) as i64) * DAY;
    let is_date = span >= 40 && dice.chance(6);
    let start = start + if is_date { 0 } else { dice.below(96) as i64 * 900 + dice.below(2) as i64 };
    let end = start + span * DAY + DAY / 2;
    let mut rule = by_parts(dice, freq);
    if dice.chance(5) {
        rule += &format!(";COUNT={}", 1 + dice.below(40));
    }
    let until = start + dice.below((end - start) as u64) as i64;
    let until = dice.chance(6).then(|| if is_date { until.div_euclid(DAY) * DAY } else { until });
    MadeUp { rule, until, start, is_date, end }
}

fn by_parts(dice: &mut Dice, freq: &str) -> String {
    let mut rule = format!("FREQ={freq}");
    let mut add = |on: bool, key: &str, value: String| {
        if on {
            rule += &format!(";{key}={value}")
        }
    };
    let (year, month) = (freq == "YEARLY", freq == "MONTHLY");
    let below = ["HOURLY", "MINUTELY", "SECONDLY"].contains(&freq);
    let skip = (year || month) && dice.chance(8);
    add(dice.chance(3), "INTERVAL", (1 + dice.below(if below { 40 } else { 4 })).to_string());
    add(dice.chance(4), "BYMONTH", dice.some(4, 1, 12));
    // With SKIP nobody says what the 31st last day of a short month is, nor which ordinal a moved day has.
    let least = if skip { -28 } else { -31 };
    add(dice.chance(4) && freq != "WEEKLY", "BYMONTHDAY", dice.some(4, least, 31));
    add(dice.chance(8) && (year || below) && !skip, "BYYEARDAY", dice.some(5, -366, 366));
    add(dice.chance(6) && year && !skip, "BYWEEKNO", dice.some(3, -53, 53));
    let ordinal = |dice: &mut Dice| match (year, month) {
        _ if skip => String::new(),
        (true, _) if dice.chance(2) => dice.some(1, -53, 53),
        (_, true) if dice.chance(2) => dice.some(1, -5, 5),
        _ => String::new(),
    };
    let weekdays: Vec<String> =
        (0..1 + dice.below(3)).map(|_| ordinal(dice) + NAMES[dice.below(7) as usize]).collect();
    add(dice.chance(2), "BYDAY", weekdays.join(","));
    add(dice.chance(8), "BYHOUR", dice.some(3, 1, 23));
    add(dice.chance(8), "BYMINUTE", dice.some(3, 1, 59));
    add(dice.chance(if below { 8 } else { 30 }) && freq != "YEARLY", "BYSECOND", dice.some(2, 1, 59));
    add(dice.chance(5), "BYSETPOS", dice.some(3, -4, 4));
    add(dice.chance(3), "WKST", NAMES[dice.below(7) as usize].to_owned());
    if skip {
        let how = ["OMIT", "BACKWARD", "FORWARD"][dice.below(3) as usize];
        rule += &format!(";RSCALE=GREGORIAN;SKIP={how}");
    }
    rule
}

/// Compares so many rules; how many instances there were, how many rules were too dear.
fn agree(seed: u64, rules: usize) -> (usize, usize) {
    let mut dice = Dice(seed);
    let (mut found, mut dear) = (0, 0);
    for _ in 0..rules {
        let made_up = made_up(&mut dice);
        let MadeUp { start, end, .. } = made_up;
        let slow = made_up.slow(end);
        let Some(digest) = made_up.digest() else {
            // A rule that never gives anything but its start is refused when looking for it takes too long.
            assert_eq!(slow, [start], "{}", made_up.lines());
            dear += 1;
            continue;
        };
        let later = start + dice.below((end - start) as u64) as i64;
        // Where a window begins with an instance is where a jump can go too far.
        let edge = slow.get(dice.below(slow.len() as u64) as usize).copied().unwrap_or(start);
        for from in [start, later, edge] {
            let expected: Vec<i64> = slow.iter().copied().filter(|t| *t >= from).collect();
            assert_eq!(starts(&digest, Window { from, until: end }), expected, "{} {from}", made_up.lines());
            found += expected.len();
        }
        far(&made_up, &digest, &slow, 1 + dice.below(19) as i64);
    }
    (found, dear)
}

/// Some centuries on, where an endless rule is as far in its INTERVAL as it was at the start.
fn far(made_up: &MadeUp, digest: &Digest, slow: &[i64], eras: i64) {
    let interval = made_up
        .rule
        .split("INTERVAL=")
        .nth(1)
        .map_or(1, |rest| rest.split(';').next().and_then(|n| n.parse().ok()).unwrap());
    let shift = eras * ERA * DAY;
    let periods = match made_up.rule.split([';', '=']).nth(1).unwrap() {
        "YEARLY" => eras * 400,
        "MONTHLY" => eras * 4_800,
        "WEEKLY" => eras * ERA / 7,
        "DAILY" => eras * ERA,
        "HOURLY" => shift / 3_600,
        "MINUTELY" => shift / 60,
        _ => shift,
    };
    if made_up.until.is_some() || made_up.rule.contains("COUNT") || periods % interval != 0 {
        return;
    }
    // The start itself may be no instance of the rule; the days before it have no instances, and the far ones do.
    let (from, until) = (made_up.start + 1, made_up.end);
    let expected: Vec<i64> =
        slow.iter().map(|t| t + shift).filter(|t| *t >= from + shift && *t <= LATEST).collect();
    let window = Window { from: from + shift, until: until + shift };
    assert_eq!(starts(digest, window), expected, "{} {window:?}", made_up.lines());
}

#[test]
fn made_up_rules_agree() {
    let seeds = [0x9e37_79b9_7f4a_7c15, 0x0123_4567_89ab_cdef];
    let runs = seeds.map(|seed| thread::spawn(move || agree(seed, 10_000)));
    for (found, dear) in runs.map(|run| run.join().unwrap()) {
        assert!(found > 50_000 && dear < 600, "most rules must be good and not empty: {found} {dear}");
    }
}

/// The last week of a year may end in the next one: a jump to that year must look back.
#[test]
fn a_window_begins_in_the_last_week_of_the_year_before() {
    let text = event("DTSTART:20041231T090000Z\nRRULE:FREQ=YEARLY;BYWEEKNO=53;BYDAY=SA,SU");
    let found = |from, until| start_texts(&text, window(from, until));
    assert_eq!(found("20270103T000000", "20270601T000000"), ["20270103T090000Z"]);
    assert_eq!(found("20270102T000000", "20270601T000000"), ["20270102T090000Z", "20270103T090000Z"]);
}

/// By `interop/long/recurrence`: a million rules, or as many as KALENDS_RULES says.
#[test]
#[ignore = "minutes, also with optimisation"]
fn a_million_made_up_rules_agree() {
    let rules = std::env::var("KALENDS_RULES").map_or(1_000_000, |n| n.parse().unwrap());
    let runs = [0xfeed_f00d_dead_beef, 0xa076_1d64_78bd_642f]
        .map(|seed| thread::spawn(move || agree(seed, rules / 2)));
    for (found, dear) in runs.map(|run| run.join().unwrap()) {
        println!("{} rules agree, {found} instances; too dear to store: {dear}", rules / 2);
    }
}

/// RRULE, RDATE, EXDATE and overrides, as sets: what is added, what is taken away, what stands elsewhere.
#[test]
fn made_up_series_agree() {
    let mut dice = Dice(0x5851_f42d_4c95_7f2d);
    let mut moved_out = 0;
    for _ in 0..2_000 {
        let made_up = loop {
            let one = made_up(&mut dice);
            if !one.is_date && one.end - one.start > 30 * DAY {
                break one;
            }
        };
        let mut at: BTreeMap<i64, (i64, i64)> =
            made_up.slow(made_up.end).iter().map(|t| (*t, (*t, 3_600))).collect();
        let any = |dice: &mut Dice, at: &BTreeMap<i64, (i64, i64)>| {
            *at.keys().nth(dice.below(at.len() as u64) as usize).unwrap()
        };
        let mut lines = format!("{}\nDURATION:PT1H\n", made_up.lines());
        for _ in 0..dice.below(3) {
            let extra = made_up.start + dice.below((made_up.end - made_up.start) as u64) as i64;
            lines += &format!("RDATE:{}\n", utc_text(extra));
            at.insert(extra, (extra, 3_600));
        }
        let mut overrides = String::new();
        for _ in 0..dice.below(3) {
            let key = any(&mut dice, &at);
            let start = key + dice.below(40 * DAY as u64) as i64 - 20 * DAY;
            if overrides.contains(&format!("ID:{}", utc_text(key))) {
                continue;
            }
            overrides += &format!(
                "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:{}\nDTSTART:{}\nDURATION:PT30M\nEND:VEVENT\n",
                utc_text(key),
                utc_text(start)
            );
            at.insert(key, (start, 1_800));
        }
        let mut gone = Vec::new();
        for _ in 0..dice.below(4) {
            let key = any(&mut dice, &at);
            if !overrides.contains(&format!("ID:{}", utc_text(key))) {
                lines += &format!("EXDATE:{}\n", utc_text(key));
                gone.push(key);
            }
        }
        at.retain(|key, _| !gone.contains(key));
        let text = calendar(&format!("BEGIN:VEVENT\nUID:1\n{lines}END:VEVENT\n{overrides}"));
        let Ok(object) = crate::check(text.as_bytes(), &Limits::default()) else { continue };
        let from = made_up.start + dice.below((made_up.end - made_up.start) as u64) as i64;
        let window = Window { from, until: from + 1 + dice.below((made_up.end - from) as u64) as i64 };
        let mut expected: Vec<(i64, i64, i64)> = at
            .iter()
            .filter(|(_, (start, length))| window.overlaps(*start, start + length))
            .map(|(key, (start, length))| (*start, *key, start + length))
            .collect();
        expected.sort_unstable();
        let found =
            object.digest.occurrences(window, &Zone::utc(), &mut Budget::steps(Budget::REQUEST)).unwrap();
        let found: Vec<_> = found.iter().map(|o| (o.start, o.id.unwrap(), o.end)).collect();
        assert_eq!(found, expected, "{text} {window:?}");
        moved_out += usize::from(expected.iter().any(|(start, key, _)| start != key));
    }
    assert!(moved_out > 100, "{moved_out}");
}
