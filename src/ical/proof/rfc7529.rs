//! RFC 7529: days that a month does not have (4.1), the Gregorian examples of 4.3, and windows far from today.

use super::*;
use crate::Refusal;

fn dates(start: &str, rule: &str, (from, until): (&str, &str)) -> Vec<String> {
    let text = event(&format!("DTSTART;VALUE=DATE:{start}\nRRULE:{rule}"));
    let all = start_texts(&text, window(&format!("{from}T000000"), &format!("{until}T000000")));
    all.iter().map(|start| start[..8].to_owned()).collect()
}

/// Born on a leap day: the 28th of February, or the 1st of March, in other years.
#[test]
fn s4_3_4_a_leap_day_every_year() {
    let years = ("20160101", "20210101");
    let rule = |skip: &str| format!("RSCALE=GREGORIAN;FREQ=YEARLY{skip}");
    assert_eq!(dates("20160229", &rule(""), years), ["20160229", "20200229"]);
    let forward = ["20160229", "20170301", "20180301", "20190301", "20200229"];
    assert_eq!(dates("20160229", &rule(";SKIP=FORWARD"), years), forward);
    let backward = ["20160229", "20170228", "20180228", "20190228", "20200229"];
    assert_eq!(dates("20160229", &rule(";SKIP=BACKWARD"), years), backward);
    assert_eq!(dates("20160229", &rule(";SKIP=BACKWARD"), ("21000101", "21010101")), ["21000228"]);
}

#[test]
fn s4_1_the_thirtieth_of_every_month_by_name() {
    let rule = "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=30;SKIP=";
    let spring = ("20140201", "20140501");
    assert_eq!(dates("20140130", &format!("{rule}FORWARD"), spring), ["20140301", "20140330", "20140430"]);
    assert_eq!(dates("20140130", &format!("{rule}BACKWARD"), spring), ["20140228", "20140330", "20140430"]);
    assert_eq!(dates("20140130", &format!("{rule}OMIT"), spring), ["20140330", "20140430"]);
}

/// The 366th day of a common year.
#[test]
fn s4_1_the_last_day_of_a_leap_year() {
    let rule = "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=";
    let years = ("20170101", "20190201");
    assert_eq!(dates("20161231", &format!("{rule}FORWARD"), years), ["20180101", "20190101"]);
    assert_eq!(dates("20161231", &format!("{rule}BACKWARD"), years), ["20171231", "20181231"]);
}

/// Where every day is asked one by one there is no missing one.
#[test]
fn s4_1_skip_does_nothing_below_months() {
    let rule = "RSCALE=GREGORIAN;FREQ=DAILY;BYMONTHDAY=30;SKIP=BACKWARD";
    assert_eq!(dates("20140130", rule, ("20140101", "20140501")), ["20140130", "20140330", "20140430"]);
}

#[test]
fn s4_other_calendars_are_refused_in_words() {
    for rule in ["RSCALE=CHINESE;FREQ=YEARLY", "RSCALE=ETHIOPIC;FREQ=MONTHLY;BYMONTH=13"] {
        let text = event(&format!("DTSTART;VALUE=DATE:20130210\nRRULE:{rule}"));
        match crate::check(text.as_bytes(), &Limits::default()) {
            Err(Refusal::Recurrence(why)) => assert!(why.contains("RSCALE"), "{why}"),
            other => panic!("{rule} {:?}", other.map(|o| o.kind)),
        }
    }
}

/// From 1900 to 9999, the same day of the week, at the cost of the window.
#[test]
fn a_series_has_no_horizon() {
    let digest = object(&event("DTSTART:19000101T080000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO,TH")).digest;
    for year in (1900..=9998).step_by(53) {
        let span = window(&format!("{year}0301T000000"), &format!("{year}0329T000000"));
        let mut budget = Budget::steps(200);
        let all = digest.occurrences(span, &Zone::utc(), &mut budget).unwrap();
        assert_eq!(all.len(), 8, "{year}");
    }
}

/// A rule with COUNT ends where it ends; asking about its end costs no walk from its start.
#[test]
fn a_counted_series_is_not_walked_from_its_start() {
    let digest = object(&event("DTSTART:19500101T080000Z\nRRULE:FREQ=DAILY;COUNT=60000")).digest;
    let last = at("19500101T080000Z") + 59_999 * 86_400;
    let all = digest
        .occurrences(
            Window { from: last - 86_400, until: last + 86_400 },
            &Zone::utc(),
            &mut Budget::steps(20),
        )
        .unwrap();
    assert_eq!(all.iter().map(|o| o.start).collect::<Vec<_>>(), [last - 86_400, last]);
}
