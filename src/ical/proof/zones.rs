//! Zones: every one that IANA knows, written and read back, and a daily series across its changes, against jiff's own
//! arithmetic; and which name means which zone.

use jiff::{
    Timestamp,
    civil::date,
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

use super::*;
use crate::{
    Component, definition::covering, iana_name, time::DAY, vtimezone, vtimezone_between, zone_names,
};

fn every_name() -> impl Iterator<Item = &'static str> {
    zone_names().iter().flat_map(|zone| zone.aliases.iter().copied().chain([zone.name]))
}

fn listed() -> impl Iterator<Item = (&'static str, Zone)> {
    zone_names().iter().map(|zone| (zone.name, Zone::named(zone.name).unwrap()))
}

/// The zone that a VTIMEZONE text defines, whatever IANA says of its name.
fn read_back(definition: &str) -> Zone {
    let (head, rest) = definition.split_once("TZID:").unwrap();
    let (_, rest) = rest.split_once("\r\n").unwrap();
    let text = format!("BEGIN:VCALENDAR\r\n{head}TZID:Our Own\r\n{rest}END:VCALENDAR\r\n");
    let zone = Zone::from_vtimezone(text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{definition}"));
    assert!(!zone.is_iana());
    zone
}

#[track_caller]
fn same(name: &str, (ours, theirs): (&Zone, &Zone), span: Window, text: &str) {
    let changes =
        |zone: &Zone| zone.onsets(span).iter().map(|o| (o.at, o.before, o.after)).collect::<Vec<_>>();
    assert_eq!(changes(ours), changes(theirs), "{name}\n{text}");
    assert_eq!(ours.offset_at(span.from), theirs.offset_at(span.from), "{name} at its start\n{text}");
}

#[test]
fn every_zone_is_written_as_it_is() {
    let spans = [
        ("20260101T000000Z", "20270101T000000Z"),
        ("19700101T000000Z", "19750101T000000Z"),
        ("20050601T000000Z", "20600101T000000Z"),
        ("20260101T000000Z", "26000101T000000Z"),
        ("18000101T000000Z", "20300101T000000Z"),
        ("21990101T000000Z", "22000101T000000Z"),
        ("29000101T000000Z", "30000101T000000Z"),
    ];
    for (name, zone) in listed() {
        for span in spans.map(|(from, until)| window(from, until)) {
            let text = String::from_utf8(covering(&zone, name, span).print()).unwrap();
            same(name, (&read_back(&text), &zone), span, &text);
        }
    }
}

#[test]
fn rfc7808_s3_9_every_zone_is_cut_at_any_points() {
    let spans = [
        (None, None),
        (Some("20100601T000000Z"), Some("20200101T000000Z")),
        (Some("29500601T000000Z"), None),
    ];
    for (name, zone) in listed() {
        for (start, end) in spans.map(|(start, end)| (start.map(at), end.map(at))) {
            let text = vtimezone_between(&zone, name, None, (start, end));
            let span = window("18000101T000000Z", "30000101T000000Z");
            let span = Window { from: start.unwrap_or(span.from), until: end.unwrap_or(span.until) };
            same(name, (&read_back(&text), &zone), span, &text);
            assert_eq!(text.contains("TZUNTIL:20200101T000000Z"), end.is_some());
            if let Some(start) = start.filter(|start| *start < at("20980101T000000Z")) {
                let first = text.split("DTSTART:").nth(1).unwrap().split("\r\n").next().unwrap();
                assert_eq!(at(first), zone.to_civil(start), "{name}\n{text}");
            }
        }
    }
}

fn written(name: &str, from: &str, until: &str) -> String {
    let span = Window::new(at(from), at(until)).unwrap();
    let text = vtimezone(&Zone::named(name).unwrap(), span).unwrap();
    text.replace("\r\n", "\n")
}

#[test]
fn a_zone_is_two_rules_for_one_year_and_for_ever() {
    let berlin = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\n\
        BEGIN:STANDARD\nDTSTART:20251026T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n\
        RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\n\
        BEGIN:DAYLIGHT\nDTSTART:20260329T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n\
        RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\nEND:VTIMEZONE\n";
    assert_eq!(written("Europe/Berlin", "20260105T080000Z", "20260706T080000Z"), berlin);
    assert_eq!(written("Europe/Berlin", "20260105T080000Z", "99990101T000000Z"), berlin);
    assert!(vtimezone(&Zone::utc(), Window::ALL).is_none());
    // Negative summer time in the data, summer as everybody writes it here.
    let dublin = written("Europe/Dublin", "20260105T080000Z", "20260706T080000Z");
    assert!(dublin.contains("BEGIN:DAYLIGHT\nDTSTART:20260329T010000\nTZOFFSETFROM:+0000\n"), "{dublin}");
    // Days that no ordinal says: the Friday before the last Sunday; the day after the last Thursday.
    let jerusalem = written("Asia/Jerusalem", "20260105T080000Z", "20260706T080000Z");
    assert!(jerusalem.contains("BYMONTH=3;BYMONTHDAY=23,24,25,26,27,28,29;BYDAY=FR\n"), "{jerusalem}");
    let cairo = written("Africa/Cairo", "20260105T080000Z", "99990101T000000Z");
    assert!(cairo.contains("BYYEARDAY=-67,-66,-65,-64,-63,-62,-61;BYDAY=FR\n"), "{cairo}");
}

#[test]
fn a_zone_whose_dates_follow_no_rule_is_written_date_by_date_for_the_span_only() {
    let casablanca = written("Africa/Casablanca", "20240105T080000Z", "20250106T080000Z");
    let starts: Vec<&str> =
        casablanca.lines().filter_map(|line| line.strip_prefix("DTSTART:")).map(|s| &s[..8]).collect();
    assert_eq!(starts, ["20230423", "20240310", "20240414"], "{casablanca}");
    assert!(!casablanca.contains("RRULE"), "{casablanca}");
    // The end of a rule is written where it ends soon after the span.
    let samoa = written("Pacific/Apia", "20180105T080000Z", "20190106T080000Z");
    assert!(samoa.contains(";UNTIL=20210403T140000Z\n"), "{samoa}");
}

#[test]
fn every_zone_is_short_and_has_a_standard_time() {
    for (name, zone) in listed() {
        for until in ["20270101T000000Z", "20310101T000000Z"] {
            let span = window("20260101T000000Z", until);
            let text = String::from_utf8(covering(&zone, name, span).print()).unwrap();
            let observances = text.matches("TZOFFSETTO").count();
            let regular =
                !matches!(name, "Africa/Casablanca" | "Africa/El_Aaiun" | "Asia/Gaza" | "Asia/Hebron");
            assert!(observances <= if regular { 2 } else { 30 }, "{name}\n{text}");
            assert!(text.contains("BEGIN:STANDARD"), "Outlook wants one: {name}\n{text}");
        }
    }
}

/// jiff's changes of a zone in 2024 to 2027 and in 2199, and by how much each moves the clock.
fn changes(zone: &TimeZone) -> Vec<(i64, i32, i32)> {
    let years = [("20240101T000000Z", "20280101T000000Z"), ("21990101T000000Z", "22000101T000000Z")];
    let stamp = |text: &str| Timestamp::from_second(at(text)).unwrap();
    let mut all = Vec::new();
    for (from, until) in years.map(|(from, until)| (stamp(from), stamp(until))) {
        let mut before = zone.to_offset(from).seconds();
        for change in zone.following(from).take_while(|change| change.timestamp() < until) {
            let after = change.offset().seconds();
            all.push((change.timestamp().as_second(), before, after));
            before = after;
        }
    }
    all.retain(|(_, before, after)| before != after);
    all
}

/// The instant of a wall-clock reading by jiff, and the offset before where the clock is moved over it.
fn instant(zone: &TimeZone, civil: i64) -> (i64, AmbiguousOffset) {
    let c = crate::Civil::from_seconds(civil);
    let wall = date(c.year as i16, c.month as i8, c.day as i8);
    let wall = wall.at(c.hour as i8, c.minute as i8, c.second as i8, 0);
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    let offset = ambiguous.offset();
    (ambiguous.compatible().unwrap().as_second(), offset)
}

#[test]
fn every_zone_keeps_its_wall_clock_across_its_changes() {
    let theirs = TimeZoneDatabase::bundled();
    let (mut crossed, mut gaps, mut overlaps) = (0, 0, 0);
    for name in every_name() {
        let (zone, jiff) = (Zone::named(name).unwrap(), theirs.get(name).unwrap());
        for (change, before, after) in changes(&jiff) {
            // In the middle of what is skipped or comes twice; at half past two; far from every change.
            let middle = change + i64::from(before.min(after)) + i64::from((after - before).abs() / 2);
            for time in [middle.rem_euclid(DAY), 2 * 3600 + 1800, 12 * 3600] {
                let first = (middle.div_euclid(DAY) - 3) * DAY + time;
                let start = crate::Civil::from_seconds(first).basic();
                let lines = format!("DTSTART;TZID={name}:{start}\nDURATION:PT1M\nRRULE:FREQ=DAILY;COUNT=7");
                let span = Window::new(change - 9 * DAY, change + 9 * DAY).unwrap();
                let found = starts(&object(&event(&lines)).digest, span);
                let civil: Vec<i64> = (0..7).map(|n| first + n * DAY).collect();
                let expected: Vec<_> = civil.iter().map(|civil| instant(&jiff, *civil)).collect();
                assert_eq!(found, expected.iter().map(|(at, _)| *at).collect::<Vec<_>>(), "{name} {lines}");
                for ((civil, at), (_, offset)) in civil.iter().zip(&found).zip(&expected) {
                    // RFC 5545 3.3.5: in a gap the offset before it, in an overlap the first of the two.
                    match offset {
                        AmbiguousOffset::Unambiguous { .. } => {
                            assert_eq!(zone.to_civil(*at), *civil, "{lines}")
                        }
                        AmbiguousOffset::Gap { .. } => {
                            gaps += 1;
                            assert_eq!(civil - at, i64::from(before), "{lines}");
                        }
                        AmbiguousOffset::Fold { .. } => {
                            overlaps += 1;
                            assert_eq!(civil - at, i64::from(before), "{lines}");
                        }
                    }
                }
                crossed += 1;
            }
        }
    }
    println!("{crossed} series over {gaps} gaps and {overlaps} overlaps");
    assert!(crossed > 4_000 && gaps > 600 && overlaps > 600);
}

/// A calendar with one event of this TZID, and the VTIMEZONE lines.
fn zoned(tzid: &str, definition: &str) -> Component {
    let text = calendar(&format!(
        "{definition}BEGIN:VEVENT\nUID:1\nDTSTART;TZID=\"{tzid}\":20260701T120000\nEND:VEVENT"
    ));
    Component::parse(text.as_bytes(), &Limits::default()).unwrap()
}

/// A VTIMEZONE that says +05:00 all year, which is true of none of the zones below.
fn five(tzid: &str, more: &str) -> String {
    format!(
        "BEGIN:VTIMEZONE\nTZID:{tzid}\n{more}BEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0500\n\
         TZOFFSETTO:+0500\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
}

#[test]
fn a_tzid_is_understood_by_its_kind_and_never_guessed() {
    const INLINE: &str = "as defined";
    // TZID, X-LIC-LOCATION of the VTIMEZONE beside it, what it means without that VTIMEZONE, and with it.
    let table = [
        ("Europe/Berlin", "", "Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "", "Europe/Berlin", "Europe/Berlin"),
        ("US/Eastern", "", "US/Eastern", "US/Eastern"),
        ("UTC", "", "UTC", "UTC"),
        ("/freeassociation.sourceforge.net/Europe/Paris", "", "Europe/Paris", "Europe/Paris"),
        ("/freeassociation.sourceforge.net/Tzfile/Asia/Taipei", "", "Asia/Taipei", "Asia/Taipei"),
        ("/mozilla.org/20070129_1/Europe/Berlin", "", "Europe/Berlin", "Europe/Berlin"),
        ("/mozilla.org/20050126_1/America/Indiana/Knox", "", "America/Indiana/Knox", "America/Indiana/Knox"),
        ("/citadel.org/20250101_1/America/New_York", "", "America/New_York", "America/New_York"),
        ("/softwarestudio.org/Tzfile/Europe/Rome", "", "Europe/Rome", "Europe/Rome"),
        ("tzone://Microsoft/Utc", "", "UTC", "UTC"),
        ("W. Europe Standard Time", "", "Europe/Berlin", "Europe/Berlin"),
        ("tokyo standard time", "", "Asia/Tokyo", "Asia/Tokyo"),
        (
            "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
            "",
            "Europe/Amsterdam",
            "Europe/Amsterdam",
        ),
        ("(UTC+05:00) Berlin", "", "", INLINE),
        ("Customized Time Zone", "", "", INLINE),
        ("Customized Time Zone", "X-LIC-LOCATION:Asia/Tokyo\n", "", "Asia/Tokyo"),
        ("Customized Time Zone", "X-LIC-LOCATION:Mars/Olympus\n", "", INLINE),
        ("GMT-0500", "", "", INLINE),
        ("Etc/Unknown", "", "", INLINE),
        ("Mars/Olympus", "", "", INLINE),
    ];
    for (tzid, location, alone, defined) in table {
        let resolved = |definition: &str| Zone::resolve(tzid, &zoned(tzid, definition));
        match resolved("") {
            Ok(zone) => assert_eq!(zone.name(), alone, "{tzid}"),
            Err(error) => {
                assert!(alone.is_empty() && matches!(error, crate::Error::Zone { .. }), "{tzid}: {error}")
            }
        }
        let zone = resolved(&five(tzid, location)).unwrap();
        if defined == INLINE {
            let far = [at("20260701T000000"), at("21500701T000000"), at("99000701T000000")];
            assert!(
                !zone.is_iana() && far.iter().all(|far| zone.offset_at(*far) == 18_000),
                "{tzid} {zone:?}"
            );
        } else {
            assert_eq!(zone.name(), defined, "{tzid}");
        }
    }
}

#[test]
fn a_definition_of_its_own_holds_after_2100() {
    let rules = "BEGIN:VTIMEZONE\nTZID:Practice\n\
        BEGIN:STANDARD\nDTSTART:20001029T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\n\
        BEGIN:DAYLIGHT\nDTSTART:20000326T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\nEND:VTIMEZONE\n";
    let own = Zone::resolve("Practice", &zoned("Practice", rules)).unwrap();
    let berlin = Zone::named("Europe/Berlin").unwrap();
    for span in [("20260101T000000Z", "21050101T000000Z"), ("29990101T000000Z", "30050101T000000Z")] {
        same("Practice", (&own, &berlin), window(span.0, span.1), rules);
    }
}

#[test]
fn what_the_service_lists_is_what_is_resolved() {
    for name in every_name() {
        assert_eq!(iana_name(name), Some(name));
        assert!(Zone::named(name).unwrap().is_iana(), "{name}");
    }
}
