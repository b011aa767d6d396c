//! RFC 7953: what VAVAILABILITY closes and opens, its sections 4 and 5, and every corner of the calendar; and what may be
//! stored of it.

use super::*;
use crate::{Busy, Opened, Period, Refusal, closed, opened, openers, timeline};

/// The one VAVAILABILITY with these lines, read.
fn hours(lines: &str) -> Digest {
    object(&calendar(&format!("BEGIN:VAVAILABILITY\nUID:1\n{}\nEND:VAVAILABILITY", lines.trim()))).digest
}

/// An AVAILABLE with these lines.
fn open(uid: &str, lines: &str) -> String {
    format!("BEGIN:AVAILABLE\nUID:{uid}\n{}\nEND:AVAILABLE\n", lines.trim())
}

fn weekly(zone: &str, from: &str, until: &str, days: &str) -> String {
    let line = |name: &str, time: &str| format!("{name};TZID={zone}:20111002T{time}0000\n");
    let lines = format!("{}{}RRULE:FREQ=WEEKLY;BYDAY={days}", line("DTSTART", from), line("DTEND", until));
    open(&format!("{zone}{from}{days}"), &lines)
}

/// What is closed; in every test here what is open is what is left.
fn line(all: &[&Digest], window: Window, zone: &Zone) -> Vec<Period> {
    let all: Vec<_> = all.iter().map(|digest| (&**digest.availability.as_ref().unwrap(), zone)).collect();
    let mut budget = Budget::steps(Budget::REQUEST);
    let closed = closed(all.iter().copied(), window, &mut budget).unwrap();
    let mut ends: Vec<_> = closed.iter().map(|period| (period.from, period.until)).collect();
    ends.extend(opened(&all, window, &mut budget).unwrap().iter().map(|one| (one.from, one.until)));
    ends.sort_unstable();
    assert!(ends.windows(2).all(|pair| pair[0].1 == pair[1].0), "neither gap nor overlap: {ends:?}");
    let edges = ends.first().zip(ends.last()).map(|(first, last)| (first.0, last.1));
    assert_eq!(edges, Some((window.from, window.until)));
    closed
}

/// What is closed of a window, as `B 20260302T080000Z/20260302T170000Z`.
fn told(all: &[&Digest], window: Window, zone: &Zone) -> Vec<String> {
    let letter = |busy| match busy {
        Busy::Busy => 'B',
        Busy::Unavailable => 'U',
        _ => 'T',
    };
    let one = |p: &Period| format!("{} {}/{}", letter(p.busy), utc_text(p.from), utc_text(p.until));
    line(all, window, zone).iter().map(one).collect()
}

/// The RFC's tables: one letter for each two hours.
fn table(periods: &[Period], window: Window) -> String {
    let letter = |at: i64| match periods.iter().find(|p| p.from <= at && at < p.until).map(|p| p.busy) {
        None | Some(Busy::Free | Busy::Transparent) => 'F',
        Some(Busy::Busy) => 'B',
        Some(Busy::Unavailable) => 'U',
        Some(Busy::Tentative) => 'T',
    };
    (window.from..window.until).step_by(7200).map(letter).collect()
}

/// The periods of an event over the hours: step 4 of section 5.
fn with_event(all: &[&Digest], start: &str, window: Window) -> String {
    let meeting = Period { from: at(start), until: at(start) + 7200, busy: Busy::Busy };
    let mut periods = line(all, window, &Zone::utc());
    periods.push(meeting);
    table(&timeline(periods, window), window)
}

const WORKDAYS: &str = "MO,TU,WE,TH,FR";

#[test]
fn s5_1_1_simple_example() {
    let base = format!(
        "DTSTART;TZID=America/Montreal:20111002T000000\n{}",
        weekly("America/Montreal", "08", "18", WORKDAYS)
    );
    // The RFC says Monday the 6th; it is the 7th (EST, UTC-5) that was one.
    let day = window("20111107T050000Z", "20111108T050000Z");
    assert_eq!(with_event(&[&hours(&base)], "20111107T170000Z", day), "UUUUFFBFFUUU");
}

#[test]
fn s5_1_2_further_example() {
    let base = format!(
        "DTSTART;TZID=America/Montreal:20111002T000000\n{}",
        weekly("America/Montreal", "08", "18", WORKDAYS)
    );
    let week = "DTSTART;TZID=America/Denver:20111023T000000\nDTEND;TZID=America/Denver:20111030T000000\nPRIORITY:1\n";
    let away = format!("{week}{}", weekly("America/Denver", "08", "18", WORKDAYS));
    // 24 October in Montreal is UTC-4; noon in Denver is 18:00 UTC.
    let day = window("20111024T040000Z", "20111025T040000Z");
    assert_eq!(with_event(&[&hours(&base), &hours(&away)], "20111024T180000Z", day), "UUUUUFFBFFUU");
    assert_eq!(with_event(&[&hours(&away), &hours(&base)], "20111024T180000Z", day), "UUUUUFFBFFUU");
}

#[test]
fn s3_1_blocks_of_a_travelling_worker() {
    let block = |from: &str, until: &str, zone: &str| {
        hours(&format!("{from}{until}{}", weekly(zone, "09", "17", WORKDAYS)))
    };
    let first = block(
        "DTSTART;TZID=America/Montreal:20111002T000000\n",
        "DTEND;TZID=America/Montreal:20111023T020000\n",
        "America/Montreal",
    );
    let second = block(
        "DTSTART;TZID=America/Denver:20111023T000000\n",
        "DTEND;TZID=America/Denver:20111030T000000\n",
        "America/Denver",
    );
    let all = [&first, &second];
    assert_eq!(
        table(
            &line(&all, window("20111021T040000Z", "20111022T040000Z"), &Zone::utc()),
            window("20111021T040000Z", "20111022T040000Z")
        ),
        "UUUUUFFFFUUU"
    );
    // In Denver it is two hours later, and after the last block everything is open.
    let denver = told(&all, window("20111027T000000Z", "20111028T000000Z"), &Zone::utc());
    assert_eq!(denver, ["U 20111027T000000Z/20111027T150000Z", "U 20111027T230000Z/20111028T000000Z"]);
    assert_eq!(told(&all, window("20111102T000000Z", "20111109T000000Z"), &Zone::utc()), [""; 0]);
}

const UTC_DAYS: &str =
    "DTSTART:20260105T090000Z\nDTEND:20260105T170000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR";

#[test]
fn s4_an_override_of_one_day_closes_it_inside_a_week() {
    let base = hours(&open("a", UTC_DAYS));
    let closed_day = hours("PRIORITY:5\nDTSTART:20260304T000000Z\nDTEND:20260305T000000Z");
    let week = window("20260302T000000Z", "20260307T000000Z");
    let told = told(&[&base, &closed_day], week, &Zone::utc());
    // The base must not open the Wednesday again, as the procedure of section 5 would.
    assert!(told.contains(&"U 20260303T170000Z/20260305T090000Z".to_owned()), "{told:?}");
    assert_eq!(told.len(), 5);
}

#[test]
fn s4_an_override_of_one_day_opens_it_inside_a_week() {
    let base = hours(&open("a", UTC_DAYS));
    let saturday = "PRIORITY:5\nDTSTART:20260307T000000Z\nDTEND:20260308T000000Z\n";
    let opened =
        hours(&format!("{saturday}{}", open("b", "DTSTART:20260307T100000Z\nDTEND:20260307T120000Z")));
    let week = window("20260306T000000Z", "20260309T000000Z");
    assert_eq!(
        told(&[&opened, &base], week, &Zone::utc()),
        [
            "U 20260306T000000Z/20260306T090000Z",
            "U 20260306T170000Z/20260307T100000Z",
            "U 20260307T120000Z/20260309T000000Z"
        ]
    );
}

#[test]
fn s4_priorities_from_none_to_one() {
    let span = "DTSTART:20260302T000000Z\nDTEND:20260303T000000Z\n";
    let day = window("20260302T000000Z", "20260303T000000Z");
    let all_open = open("a", "DTSTART:20260302T000000Z\nDTEND:20260303T000000Z");
    let order = ["", "PRIORITY:0", "PRIORITY:9", "PRIORITY:5", "PRIORITY:1"];
    for (low, one) in order.iter().enumerate().skip(1) {
        for other in &order[low + 1..] {
            let closes = hours(&format!("{one}\n{span}"));
            let opens = hours(&format!("{other}\n{span}{all_open}"));
            assert_eq!(told(&[&closes, &opens], day, &Zone::utc()), [""; 0], "{other} over {one}");
            let (closes, opens) =
                (hours(&format!("{other}\n{span}")), hours(&format!("{one}\n{span}{all_open}")));
            assert_eq!(told(&[&closes, &opens], day, &Zone::utc()).len(), 1, "{other} over {one}");
        }
    }
}

#[test]
fn s4_one_priority_the_strongest_type_counts_and_any_opening_opens() {
    let of = |kind: &str, from: &str, until: &str| {
        hours(&format!("BUSYTYPE:{kind}\nDTSTART:20260302T{from}0000Z\nDTEND:20260302T{until}0000Z"))
    };
    let (tentative, away, busy) =
        (of("BUSY-TENTATIVE", "00", "12"), of("BUSY-UNAVAILABLE", "06", "18"), of("BUSY", "10", "14"));
    let day = window("20260302T000000Z", "20260303T000000Z");
    for all in [[&tentative, &away, &busy], [&busy, &away, &tentative], [&away, &busy, &tentative]] {
        assert_eq!(table(&line(&all, day, &Zone::utc()), day), "TTTUUBBUUFFF");
    }
    let (one, two) = (
        hours(&open("a", "DTSTART:20260302T060000Z\nDTEND:20260302T100000Z")),
        hours(&open("b", "DTSTART:20260302T140000Z\nDTEND:20260302T180000Z")),
    );
    assert_eq!(table(&line(&[&one, &two], day, &Zone::utc()), day), "UUUFFUUFFUUU");
}

#[test]
fn s3_2_busytype_defaults_to_unavailable() {
    let day = window("20260302T000000Z", "20260302T020000Z");
    for (line, letter) in [
        ("", "U"),
        ("BUSYTYPE:BUSY", "B"),
        ("BUSYTYPE:busy-tentative", "T"),
        ("BUSYTYPE:X-ON-FIRE", "B"),
        ("BUSYTYPE:FREE", "U"),
    ] {
        assert_eq!(table(&super::rfc7953::line(&[&hours(line)], day, &Zone::utc()), day), letter, "{line}");
    }
}

#[test]
fn s3_1_recurrences_are_overridden_as_usual() {
    let mut lines = open("a", &format!("{UTC_DAYS}\nEXDATE:20260303T090000Z\nRDATE:20260307T090000Z"));
    lines += &open("a", "RECURRENCE-ID:20260304T090000Z\nDTSTART:20260304T130000Z\nDURATION:PT1H");
    let week = window("20260302T000000Z", "20260308T000000Z");
    let told = told(&[&hours(&lines)], week, &Zone::utc());
    assert_eq!(
        told[1..4],
        [
            "U 20260302T170000Z/20260304T130000Z",
            "U 20260304T140000Z/20260305T090000Z",
            "U 20260305T170000Z/20260306T090000Z"
        ]
    );
    assert_eq!(told[4..], ["U 20260306T170000Z/20260307T090000Z", "U 20260307T170000Z/20260308T000000Z"]);
}

#[test]
fn an_opening_counts_inside_its_own_component_only() {
    let lines = format!("DTSTART:20260302T120000Z\nDURATION:P1D\n{}", open("a", UTC_DAYS));
    let week = window("20260301T000000Z", "20260308T000000Z");
    assert_eq!(
        told(&[&hours(&lines)], week, &Zone::utc()),
        ["U 20260302T170000Z/20260303T090000Z"],
        "free before and after it, open from noon to five and from nine to noon"
    );
}

#[test]
fn hours_follow_the_wall_clock_when_it_changes() {
    let berlin = "DTSTART;TZID=Europe/Berlin:20260101T080000\nDTEND;TZID=Europe/Berlin:20260101T160000\nRRULE:FREQ=DAILY";
    let hours = hours(&open("a", berlin));
    let told = |from: &str, until: &str| told(&[&hours], window(from, until), &Zone::utc());
    // 29 March 2026 is 23 hours long, 25 October 25.
    assert_eq!(told("20260328T120000Z", "20260329T120000Z"), ["U 20260328T150000Z/20260329T060000Z"]);
    assert_eq!(told("20261024T120000Z", "20261025T120000Z"), ["U 20261024T140000Z/20261025T070000Z"]);
    assert_eq!(told("21990701T000000Z", "21990701T120000Z"), ["U 21990701T000000Z/21990701T060000Z"]);
}

#[test]
fn floating_hours_are_those_of_who_asks() {
    let hours = hours(&format!(
        "DTSTART:20260302T000000\nDTEND:20260303T000000\n{}",
        open("a", "DTSTART:20260302T090000\nDTEND:20260302T170000")
    ));
    let tokyo = Zone::named("Asia/Tokyo").unwrap();
    let days = window("20260228T000000Z", "20260305T000000Z");
    assert_eq!(
        told(&[&hours], days, &tokyo),
        ["U 20260301T150000Z/20260302T000000Z", "U 20260302T080000Z/20260302T150000Z"]
    );
}

#[test]
fn the_29th_of_february_has_its_own_hours() {
    let leap = "DTSTART:20240229T090000Z\nDTEND:20240229T170000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29";
    let hours = hours(&open("a", leap));
    let open_on = |year: u32| {
        told(&[&hours], window(&format!("{year}0228T000000Z"), &format!("{year}0302T000000Z")), &Zone::utc())
            .len()
            == 2
    };
    assert_eq!([2027, 2028, 2100, 2196].map(open_on), [false, true, false, true]);
}

#[test]
fn a_digest_keeps_the_hours() {
    let digest = hours(&format!("PRIORITY:3\n{}", weekly("Europe/Berlin", "09", "17", WORKDAYS)));
    assert_eq!(Digest::decode(&digest.encode()), Some(digest.clone()));
    assert!(digest.heap_bytes() > 100);
}

#[test]
fn an_endless_question_ends_in_the_budget() {
    let minutely = open("a", "DTSTART:20260101T000000Z\nDURATION:PT1S\nRRULE:FREQ=MINUTELY");
    let hours = hours(&minutely);
    let all = [(&**hours.availability.as_ref().unwrap(), &Zone::utc())];
    let mut budget = Budget::steps(Budget::REQUEST);
    assert_eq!(closed(all, Window::ALL, &mut budget), Err(crate::Error::Budget));
}

#[test]
fn what_may_not_be_stored_of_it() {
    let refused = |lines: &str| {
        let text = calendar(&format!("BEGIN:VAVAILABILITY\nUID:1\n{lines}\nEND:VAVAILABILITY"));
        crate::check(text.as_bytes(), &Limits::default()).unwrap_err()
    };
    let with = |lines: &str| refused(&open("a", lines));
    assert!(matches!(with("DTEND:20260101T000000Z"), Refusal::Data(_)), "no DTSTART");
    assert!(matches!(with("DTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY"), Refusal::Recurrence(_)));
    assert!(matches!(with("DTSTART:18000101T000000Z"), Refusal::MinDate(_)));
    assert!(matches!(with("DTSTART;TZID=No/Where:20260101T000000"), Refusal::Zone(_)));
    let change = open("a", "RECURRENCE-ID:20260106T090000Z\nDTSTART:20260106T100000Z\nDURATION:PT1H");
    let twice = format!("{}{change}{change}", open("a", UTC_DAYS));
    assert!(matches!(refused(&twice), Refusal::Resource(_)));
    let many: String = (0..2100).map(|n| open(&n.to_string(), "DTSTART:20260101T000000Z")).collect();
    assert!(matches!(refused(&many), Refusal::Recurrence(_)));
    let two = calendar(
        "BEGIN:VAVAILABILITY\nUID:1\nEND:VAVAILABILITY\nBEGIN:VAVAILABILITY\nUID:1\nEND:VAVAILABILITY",
    );
    assert!(matches!(crate::check(two.as_bytes(), &Limits::default()), Err(Refusal::Resource(_))));
}

/// Against the plainest evaluator there is: one instant after the other.
#[test]
fn timelines_are_what_each_instant_says() {
    let mut dice = Dice(7953);
    let window = Window { from: 0, until: 60 };
    for _ in 0..2000 {
        let kinds = [Busy::Free, Busy::Busy, Busy::Tentative, Busy::Unavailable];
        let periods: Vec<Period> = (0..dice.below(9))
            .map(|_| {
                let from = dice.below(70) as i64 - 5;
                let busy = kinds[dice.below(4) as usize];
                Period { from, until: from + dice.below(25) as i64, busy }
            })
            .collect();
        let line = timeline(periods.clone(), window);
        let strength = |busy: Busy| {
            [Busy::Free, Busy::Tentative, Busy::Unavailable, Busy::Busy].iter().position(|b| *b == busy)
        };
        for at in 0..60 {
            let said = |all: &[Period]| {
                let there = all.iter().filter(|p| p.from <= at && at < p.until).map(|p| p.busy);
                there.max_by_key(|busy| strength(*busy)).unwrap_or(Busy::Free)
            };
            assert_eq!(said(&line), said(&periods), "{at} of {periods:?}");
        }
        for pair in line.windows(2) {
            assert!(
                pair[0].until < pair[1].from
                    || (pair[0].until == pair[1].from && pair[0].busy != pair[1].busy)
            );
        }
    }
}

#[test]
fn s4_open_time_says_which_available_opens_it() {
    let text = |lines: &str| calendar(&format!("BEGIN:VAVAILABILITY\nUID:1\n{lines}END:VAVAILABILITY"));
    let evening = UTC_DAYS.replace("T09", "T15").replace("T17", "T20");
    let moved = "RECURRENCE-ID:20260303T090000Z\nDTSTART:20260303T100000Z\nDTEND:20260303T110000Z";
    let base = object(&text(&format!("{}{}{}", open("b", &evening), open("a", UTC_DAYS), open("a", moved))));
    let day = "PRIORITY:5\nDTSTART:20260302T120000Z\nDTEND:20260302T130000Z\n";
    let day = object(&text(&format!("{day}{}", open("c", "DTSTART:20260302T123000Z\nDURATION:PT8H"))));
    let utc = Zone::utc();
    let all = [&base, &day].map(|one| (&**one.digest.availability.as_ref().unwrap(), &utc));
    let found =
        opened(&all, window("20260302T000000Z", "20260304T000000Z"), &mut Budget::steps(999)).unwrap();
    let told = |one: &Opened| {
        let by = one.by.map(|by| (by.availability, by.group, by.part));
        (utc_text(one.from)[6..11].to_owned(), utc_text(one.until)[6..11].to_owned(), by)
    };
    let told: Vec<_> = found.iter().map(told).collect();
    let span = |from: &str, until: &str, by| (from.to_owned(), until.to_owned(), Some(by));
    assert_eq!(
        told,
        [
            span("02T09", "02T12", (0, 1, 0)),
            span("02T12", "02T13", (1, 0, 0)),
            // It began first, so it goes on to 17:00; the evening has what is left.
            span("02T13", "02T17", (0, 1, 0)),
            span("02T17", "02T20", (0, 0, 0)),
            span("03T10", "03T11", (0, 1, 1)),
            span("03T15", "03T20", (0, 0, 0)),
        ]
    );
    let groups = openers(base.tree.parts().next().unwrap());
    let start = |group: usize, part: usize| groups[group][part].get("DTSTART").unwrap().value().to_owned();
    assert_eq!((start(0, 0), start(1, 1)), ("20260105T150000Z".into(), "20260303T100000Z".into()));
}
