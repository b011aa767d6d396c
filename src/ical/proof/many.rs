//! Many objects: joined into one calendar, and taken out of one.

use super::*;
use crate::{Combine, Component, Kind, split};

const ZONE: &str = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n";

fn one(uid: &str, more: &str) -> String {
    let uid = if uid.is_empty() { String::new() } else { format!("UID:{uid}\n") };
    format!("BEGIN:VEVENT\n{uid}DTSTART;TZID=Europe/Berlin:20260302T100000\n{more}END:VEVENT\n")
}

fn joined(texts: &[String]) -> String {
    let (mut combine, mut out) = (Combine::new(&[("X-WR-CALNAME", "Room 1; east")]), Vec::new());
    texts.iter().for_each(|text| combine.push(text.as_bytes(), &mut out));
    combine.finish(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn joined_objects_are_one_calendar_with_each_zone_once() {
    let note =
        "DESCRIPTION:a long line that was not folded by its client ".to_owned() + &"x".repeat(90) + "\n";
    let texts = ["1", "2", "3"].map(|uid| calendar(&format!("{ZONE}{}", one(uid, &note))));
    let out = joined(&texts);
    let tree = Component::parse(out.as_bytes(), &Limits::default()).unwrap();
    assert_eq!((tree.components().filter(|c| c.name() == "VTIMEZONE").count(), tree.parts().count()), (1, 3));
    assert_eq!(tree.get("X-WR-CALNAME").unwrap().text(), "Room 1; east");
    assert_eq!(tree.get("VERSION").unwrap().value(), "2.0");
    assert!(out.contains(&one("2", &note).replace('\n', "\r\n")), "byte for byte");
    assert_eq!(joined(&[]).lines().count(), 5);
}

#[test]
fn rfc7809_s3_a_zone_left_out_by_its_client_is_there_for_those_who_read_the_whole() {
    let named = |uid: &str, tzid: &str| {
        calendar(&one(uid, "").replace("TZID=Europe/Berlin", &format!("TZID={tzid}")))
    };
    let texts = [
        named("1", "Europe/Berlin"),
        named("2", "Europe/Berlin"),
        calendar(&format!("{ZONE}{}", one("3", ""))),
        named("4", "\"(UTC+09:00) Osaka, Sapporo, Tokyo\""),
    ];
    let out = joined(&texts);
    let tree = Component::parse(out.as_bytes(), &Limits::default()).unwrap();
    let zones: Vec<_> = tree
        .components()
        .filter(|c| c.name() == "VTIMEZONE")
        .map(|c| c.get("TZID").unwrap().text())
        .collect();
    assert_eq!(zones, ["Europe/Berlin", "(UTC+09:00) Osaka, Sapporo, Tokyo"], "{out}");
    assert!(out.find("TZID:Europe/Berlin") < out.find("BEGIN:VEVENT"), "before its first use: {out}");
    assert_eq!(tree.parts().count(), 4);
}

#[test]
fn odd_texts_do_not_break_the_joined_calendar() {
    let folded = calendar(&one("1", "")).replace("BEGIN:VEVENT", "BEG\r\n IN:VEVENT");
    let bare = calendar(&one("2", "")).replace("\r\n", "\n").trim_end().to_owned();
    let out = joined(&[folded, "junk".into(), "BEGIN:VCALENDAR\r\n".into(), bare]);
    let tree = Component::parse(out.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(tree.parts().count(), 2, "{out}");
}

#[test]
fn two_zones_of_one_name_stay_two() {
    let own = |offset: &str| {
        let zone = ZONE.replace("Europe/Berlin", "Customized Time Zone").replace("+0100", offset);
        calendar(&format!("{zone}{}", one(offset, "").replace("Europe/Berlin", "Customized Time Zone")))
    };
    let both = own("+0300").replace(
        "BEGIN:VTIMEZONE",
        &(ZONE.replace("Europe/Berlin", "Other").replace('\n', "\r\n") + "BEGIN:VTIMEZONE"),
    );
    let out = joined(&[own("+0100"), own("+0900"), own("+0100"), own("+0900"), both]);
    let tree = Component::parse(out.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(tree.components().filter(|c| c.name() == "VTIMEZONE").count(), 4, "{out}");
    let starts: Vec<i64> = tree
        .parts()
        .map(|p| crate::gather::when_of(&tree, p, "DTSTART").unwrap().unwrap().instant(&Zone::utc()))
        .map(|start| (at("20260302T100000Z") - start) / 3600)
        .collect();
    assert_eq!(starts, [1, 9, 1, 9, 3]);
}

#[test]
fn an_import_is_one_object_per_uid() {
    let moved = one("a", "RECURRENCE-ID;TZID=Europe/Berlin:20260309T100000\n");
    let bad = "BEGIN:VEVENT\nUID:bad\nno colon here\nEND:VEVENT\n";
    let first = calendar(&format!(
        "METHOD:PUBLISH\n{ZONE}{}{}{bad}{moved}{}",
        one("a", "RRULE:FREQ=WEEKLY\n"),
        one("", "SUMMARY:x\n"),
        "BEGIN:X-Y\nEND:X-Y\n"
    ));
    let second = calendar(&format!("{}BEGIN:VTODO\nUID:t\nEND:VTODO", one("a", "RRULE:FREQ=WEEKLY\n")));
    let all = split(format!("\u{feff}{first}\r\n{second}").as_bytes());
    let parts: Vec<_> = all.iter().filter_map(|p| p.as_ref().ok()).collect();
    assert_eq!(parts.iter().map(|p| p.kind).collect::<Vec<_>>(), [Kind::Event, Kind::Event, Kind::Todo]);
    let series = object(std::str::from_utf8(&parts[0].text).unwrap());
    assert_eq!((&*series.uid, series.tree.parts().count(), series.tree.components().count()), ("a", 2, 3));
    assert_eq!(object(std::str::from_utf8(&parts[1].text).unwrap()).uid, parts[1].uid);
    assert_eq!(parts[1].uid, split(first.as_bytes()).into_iter().flatten().nth(1).unwrap().uid, "stable");
    let rejected: Vec<_> = all.iter().filter_map(|p| p.as_ref().err()).collect();
    let line = 1 + first.split("\r\n").position(|l| l == "no colon here").unwrap() as u32;
    assert_eq!(rejected.len(), 2);
    assert!(rejected[0].why.starts_with(&format!("line {line}:")), "{}", rejected[0].why);
}

#[test]
fn unclosed_calendars_are_named_and_the_next_one_is_read() {
    let good = calendar(&one("1", ""));
    let all = split(format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:x\r\n{good}").as_bytes());
    assert_eq!((all.len(), all[0].is_ok(), all[1].is_err()), (2, true, true));
}
