//! How fast the room is, printed, and whether it is fast enough, by `interop/bench/recurrence`.

use std::{hint::black_box, time::Instant};

use cpu_time::ThreadTime;

use super::*;
use crate::{Combine, Component};

/// Nanoseconds of one run.
fn nanos(runs: u32, mut what: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..runs).for_each(|_| what());
    start.elapsed().as_nanos() as f64 / f64::from(runs)
}

#[test]
#[ignore = "prints figures, means something only with optimisation"]
fn figures() {
    let utc = Zone::utc();
    let week = window("20260302T000000", "20260309T000000");
    let budget = || Budget::steps(Budget::REQUEST);
    let single = object(&event("DTSTART:20260302T100000Z\nDTEND:20260302T110000Z")).digest;
    let old = object(&event("DTSTART;TZID=Europe/Berlin:19760302T100000\nDTEND;TZID=Europe/Berlin:19760302T110000\nRRULE:FREQ=WEEKLY;BYDAY=TU,TH")).digest;
    let mut spend = budget();
    println!(
        "single overlaps: {:.1} ns",
        nanos(10_000_000, || {
            black_box(black_box(&single).overlaps(week, &utc, &mut spend).ok());
        })
    );
    println!(
        "weekly x one week, 50 years old: {:.0} ns",
        nanos(1_000_000, || {
            black_box(old.occurrences(week, &utc, &mut budget()).ok());
        })
    );
    println!(
        "the same, overlaps: {:.0} ns",
        nanos(1_000_000, || {
            black_box(old.overlaps(week, &utc, &mut budget()).ok());
        })
    );
    for (name, digest) in [("single", &single), ("weekly", &old)] {
        let bytes = digest.encode();
        println!(
            "decode {name} ({} bytes): {:.0} ns",
            bytes.len(),
            nanos(1_000_000, || {
                black_box(Digest::decode(&bytes));
            })
        );
    }
    let daily = object(&event("DTSTART:19000302T100000Z\nRRULE:FREQ=DAILY;UNTIL=21000101T000000Z")).digest;
    let all = daily.occurrences(Window::ALL, &utc, &mut budget()).unwrap().len() as f64;
    println!(
        "daily, {all} occurrences: {:.1} M/s",
        all * 1e3
            / nanos(100, || {
                black_box(daily.occurrences(Window::ALL, &utc, &mut budget()).ok());
            })
    );
    let visit = calendar(
        "BEGIN:VEVENT\nUID:20260101T000000Z-1234@example.org\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260302T100000\nDTEND;TZID=Europe/Berlin:20260302T110000\n\
         SUMMARY:First consultation\nLOCATION:Room 1\\, east wing\nDESCRIPTION:Please bring the letters of the other practice with you.\nSTATUS:CONFIRMED\nSEQUENCE:2\nATTENDEE;CN=\"Doe, J\";PARTSTAT=ACCEPTED:mailto:a@example.org\nEND:VEVENT",
    );
    let many = visit.replace(
        "BEGIN:VEVENT",
        &(visit
            .replace("BEGIN:VCALENDAR\r\n", "")
            .replace("END:VCALENDAR\r\n", "")
            .replace("VERSION:2.0\r\nPRODID:-//T//EN\r\n", "")
            .repeat(2_000)
            + "BEGIN:VEVENT"),
    );
    let wide = Limits { bytes: 1 << 30, properties: 1 << 30, ..Limits::default() };
    let rate = |ns: f64, bytes: usize| bytes as f64 * 1e3 / ns;
    println!(
        "parse {} KB: {:.0} MB/s",
        many.len() / 1024,
        rate(
            nanos(50, || {
                black_box(Component::parse(many.as_bytes(), &wide).ok());
            }),
            many.len()
        )
    );
    println!(
        "check one of {} bytes: {:.1} us",
        visit.len(),
        nanos(50_000, || {
            black_box(crate::check(visit.as_bytes(), &wide).ok());
        }) / 1e3
    );
    let mut out = Vec::new();
    println!(
        "combine: {:.0} MB/s",
        rate(
            nanos(200, || {
                out.clear();
                Combine::new(&[]).push(many.as_bytes(), &mut out);
            }),
            many.len()
        )
    );
}

/// Nanoseconds of processor time of the best of some runs: what the machine does besides only ever adds. What a run
/// leaves behind is dropped outside the measure.
fn best<T>(runs: u32, mut what: impl FnMut() -> T) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..runs {
        let start = ThreadTime::now();
        let left = black_box(what());
        least = least.min(start.elapsed().as_nanos() as f64);
        drop(left);
    }
    least
}

/// What is aimed at, as assertions. Ratios are taken within one run.
#[test]
#[ignore = "means something only with optimisation, on a machine that has time"]
fn figures_hold() {
    let utc = Zone::utc();
    let mut missed = Vec::new();
    let mut aim = |name: &str, figure: f64, holds: bool| {
        println!("{} {name}: {figure:.2}", if holds { "ok " } else { "RED" });
        if !holds {
            missed.push(name.to_owned());
        }
    };
    let week = window("20260302T000000", "20260309T000000");
    let ask = |digest: &Digest, window: Window| {
        black_box(
            digest.occurrences(window, &utc, &mut Budget::steps(Budget::REQUEST)).map(|all| all.len()).ok(),
        )
    };
    let from = |start: &str, rule: &str| {
        let zone = "TZID=Europe/Berlin:";
        object(&event(&format!("DTSTART;{zone}{start}T100000\nDURATION:PT1H\nRRULE:{rule}"))).digest
    };
    for rule in ["FREQ=WEEKLY;BYDAY=TU,TH", "FREQ=DAILY", "FREQ=MONTHLY;BYDAY=1TU", "FREQ=YEARLY"] {
        let [old, new] = ["19760302", "20260303"].map(|start| from(start, rule));
        let [old, new] = [&old, &new]
            .map(|digest| best(9, || (0..50_000).filter(|_| ask(digest, week).is_some()).count()));
        aim(&format!("fifty years old against new, {rule} (1.5)"), old / new, old / new <= 1.5);
    }
    let rules =
        ["FREQ=WEEKLY;BYDAY=TU,TH", "FREQ=DAILY", "FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY", "FREQ=YEARLY"];
    let many: Vec<Digest> =
        (0..10_000).map(|n| from(&format!("19{:02}0302", 76 + n % 24), rules[n % rules.len()])).collect();
    let all = best(9, || many.iter().filter_map(|digest| ask(digest, week)).sum::<usize>()) / 1e6;
    aim("10,000 endless series, one week, ms (20)", all, all <= 20.0);
    for (rule, from, until) in
        [("FREQ=DAILY", "1900", "2150"), ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "1900", "2200")]
    {
        let span = window(&format!("{from}0101T000000"), &format!("{until}0101T000000"));
        let rate = |lines: &str| {
            let digest = object(&event(&format!("{lines}\nRRULE:{rule}"))).digest;
            let found = ask(&digest, span).unwrap() as f64;
            found * 1e3 / best(9, || ask(&digest, span))
        };
        let civil = rate("DTSTART:19000101T100000Z");
        aim(&format!("{rule} on the wall clock, M/s (10)"), civil, civil >= 10.0);
        let instants = rate("DTSTART;TZID=Europe/Berlin:19000101T100000");
        aim(&format!("{rule} as instants, M/s (5)"), instants, instants >= 5.0);
    }
    let one = "BEGIN:VEVENT\r\nUID:20260101T000000Z-1234@example.org\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260302T100000\r\n\
               SUMMARY:First consultation\r\nDESCRIPTION:Please bring the letters of the other practice with you\\, and the\r\n  card of your insurance.\r\n\
               ATTENDEE;CN=\"Doe, J\";PARTSTAT=ACCEPTED:mailto:a@example.org\r\nEND:VEVENT\r\n";
    let text =
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", one.repeat((20 << 20) / one.len()));
    let wide = Limits { bytes: 1 << 30, properties: 1 << 30, ..Limits::default() };
    let parse = best(5, || Component::parse(text.as_bytes(), &wide).unwrap());
    let rate = text.len() as f64 * 1e3 / parse;
    aim("parsing 20 MB, MB/s (60)", rate, rate >= 60.0);
    assert!(missed.is_empty(), "{missed:?}");
}
