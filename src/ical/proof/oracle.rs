//! The `rrule` crate as a second opinion. Where it is known to differ is written down before a rule is tried: each class
//! is a predicate on the rule and its start. A difference that no predicate foretold is an error, of theirs or of ours.

use rrule::RRuleSet;

use super::{
    random::{MadeUp, made_up},
    *,
};
use crate::time::*;

/// Instances that are compared.
const INSTANCES: usize = 25;

struct Class {
    name: &'static str,
    foretells: fn(&MadeUp) -> bool,
}

/// In what it differs from RFC 5545, or from what this house does where the RFC leaves it open.
const CLASSES: &[Class] = &[
    Class { name: "RSCALE and SKIP are not known to it", foretells: |m| has(m, "RSCALE") },
    Class {
        name: "BYWEEKNO: all days of the week, other edges of the year",
        foretells: |m| has(m, "BYWEEKNO"),
    },
    Class {
        name: "BYSETPOS in the first week counts from the start",
        foretells: |m| has(m, "FREQ=WEEKLY") && has(m, "BYSETPOS"),
    },
    Class {
        name: "ordinals of -5 and -53 are refused",
        foretells: |m| ordinals(m).iter().any(|n| [-5, -53].contains(n)),
    },
    Class {
        name: "ordinals beside plain weekdays in one BYDAY",
        foretells: |m| !ordinals(m).is_empty() && weekdays(m).iter().any(|d| d.len() == 2),
    },
    Class {
        name: "rules below DAILY lose their phase between filters",
        foretells: |m| {
            has(m, "INTERVAL") && ["HOURLY", "MINUTELY", "SECONDLY"].iter().any(|freq| has(m, freq))
        },
    },
    Class {
        name: "COUNT counts a start that the rule does not give",
        foretells: |m| has(m, "COUNT") && !gives_its_start(m),
    },
    Class {
        name: "times of day beside a start that is a date are not ignored",
        foretells: |m| m.is_date && ["BYHOUR", "BYMINUTE", "BYSECOND"].iter().any(|part| has(m, part)),
    },
    Class { name: "UNTIL that is a date is refused", foretells: |m| m.is_date && m.until.is_some() },
    Class {
        name: "it stops after a hundred thousand steps without an instance",
        foretells: |m| m.slow(m.end).len() < 3,
    },
];

fn has(made_up: &MadeUp, part: &str) -> bool {
    made_up.rule.contains(part)
}

fn weekdays(made_up: &MadeUp) -> Vec<&str> {
    made_up
        .rule
        .split("BYDAY=")
        .skip(1)
        .flat_map(|r| r.split(';').next())
        .flat_map(|r| r.split(','))
        .collect()
}

fn ordinals(made_up: &MadeUp) -> Vec<i64> {
    weekdays(made_up).iter().filter_map(|d| d[..d.len() - 2].parse().ok()).collect()
}

fn gives_its_start(made_up: &MadeUp) -> bool {
    let before = crate::proof::slow::Slow::new(&bare(made_up), None, made_up.start, made_up.is_date);
    before.gives_its_start()
}

/// The rule without its end.
fn bare(made_up: &MadeUp) -> String {
    made_up.rule.split(';').filter(|p| !p.starts_with("COUNT")).collect::<Vec<_>>().join(";")
}

/// What it says, or why it says nothing.
fn theirs(made_up: &MadeUp) -> Result<Vec<i64>, String> {
    let text = made_up.lines();
    let set: RRuleSet = text.parse().map_err(|error| format!("{error}"))?;
    Ok(set.all(INSTANCES as u16).dates.iter().map(|d| d.timestamp()).collect())
}

/// The same number of ours, without the start where the rule does not give it: the crate leaves it out.
fn ours(made_up: &MadeUp, digest: &Digest) -> Vec<i64> {
    let (mut all, mut days) = (Vec::new(), 1);
    let start = made_up.start;
    while all.len() <= INSTANCES && days < 3_000_000 {
        let window = Window { from: start, until: (start + days * DAY).min(LATEST) };
        match digest.occurrences(window, &Zone::utc(), &mut Budget::steps(Budget::REQUEST)) {
            Ok(found) => all = found.iter().map(|o| o.start).collect(),
            Err(_) => break,
        }
        days *= 12;
    }
    if !gives_its_start(made_up) {
        all.remove(0);
    }
    all.truncate(INSTANCES);
    all
}

#[test]
fn rrule_differs_only_where_foretold() {
    let (mut dice, mut same, mut unforeseen) = (Dice(77), 0, Vec::new());
    let mut met = vec![0; CLASSES.len()];
    for _ in 0..1_500 {
        let made_up = made_up(&mut dice);
        let foretold: Vec<usize> = (0..CLASSES.len()).filter(|n| (CLASSES[*n].foretells)(&made_up)).collect();
        let Some(digest) = made_up.digest() else { continue };
        match (theirs(&made_up), ours(&made_up, &digest)) {
            (Ok(theirs), ours) if theirs == ours => same += 1,
            _ if !foretold.is_empty() => foretold.iter().for_each(|n| met[*n] += 1),
            (theirs, ours) => unforeseen.push(format!("{}: {theirs:?} and not {ours:?}", made_up.lines())),
        }
    }
    for (class, met) in CLASSES.iter().zip(&met) {
        println!("{met:>5} {}", class.name);
    }
    assert!(
        unforeseen.is_empty(),
        "{} unforeseen\n{}",
        unforeseen.len(),
        unforeseen[..unforeseen.len().min(12)].join("\n")
    );
    assert!(same > 500 && met.iter().all(|n| *n > 0), "{same} {met:?}");
}
