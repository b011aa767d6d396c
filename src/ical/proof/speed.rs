//! How fast the room is, printed: `cargo test --release -p kalends-ical -- --ignored figures --nocapture`.

use std::{hint::black_box, time::Instant};

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
