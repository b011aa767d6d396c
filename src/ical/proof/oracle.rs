//! The `rrule` crate as a second opinion, on rules outside the classes in which it is known to be wrong:
//! BYWEEKNO (all seven days, year edges), BYSETPOS in the first partial week, ordinals -5 and -53 (refused),
//! BYDAY with and without ordinals in one list, rules below DAILY that lose their phase.

use rrule::RRuleSet;

use super::{random::made_up, *};
use crate::{Component, Kind, recur::Walk, time::*};

/// Where its answer is known to be wrong or missing.
fn known_wrong(rule: &str) -> bool {
    let has = |part: &str| rule.contains(part);
    let days: Vec<&str> =
        rule.split("BYDAY=").skip(1).flat_map(|r| r.split(';').next()).flat_map(|r| r.split(',')).collect();
    let mixed = days.iter().any(|d| d.len() == 2) && days.iter().any(|d| d.len() > 2);
    mixed || has("BYWEEKNO") || (has("WEEKLY") && has("BYSETPOS")) || has("HOURLY") || has("MINUTELY")
}

#[test]
fn rrule_agrees_where_it_is_right() {
    let (mut dice, mut compared, mut refused) = (Dice(77), 0, 0);
    for _ in 0..400 {
        let made_up = made_up(&mut dice);
        let (rule, start) = (made_up.rule, made_up.start);
        if known_wrong(&rule) {
            continue;
        }
        let Ok(set) = format!("DTSTART:{}\nRRULE:{rule}", utc_text(start)).parse::<RRuleSet>() else {
            refused += 1;
            continue;
        };
        let theirs: Vec<i64> = set.all(25).dates.iter().map(|d| d.timestamp()).collect();
        let text = event(&format!("DTSTART:{}\nRRULE:{rule}", utc_text(start)));
        let tree = Component::parse(text.as_bytes(), &Limits::default()).unwrap();
        let digest = Digest::of(&tree, Kind::Event, &mut Budget::steps(Budget::REQUEST)).unwrap();
        let series = digest.series.unwrap();
        let mut ours = Vec::new();
        if let Some(rule) = series.master.as_ref().unwrap().rules.first() {
            let mut walk = Walk::new(rule, start, false, (start, LATEST));
            let mut budget = Budget::steps(Budget::REQUEST);
            while let (true, Some(instance)) = (ours.len() < 25, walk.next(&mut budget).unwrap()) {
                ours.push(instance);
            }
        }
        // It stops looking after a hundred thousand empty steps and at the end of its own calendar.
        let n = theirs.len().min(ours.len());
        assert!(theirs.len() == 25 || ours.len() <= 25, "{rule}");
        assert_eq!(ours[..n], theirs[..n], "{rule} {}", utc_text(start));
        assert!(theirs.len() <= ours.len(), "{rule} {}", utc_text(start));
        compared += 1;
    }
    assert!(compared > 200 && refused < 60, "{compared} {refused}");
}
