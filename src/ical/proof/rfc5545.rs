//! The examples of RFC 5545 3.8.5.3, each as the RFC prints its answer: all in America/New_York from 1997-09-02 09:00
//! unless said otherwise. Compared: how many instances in a span, and the local times of the first ones.

use super::*;
use crate::Civil;

/// (rule, until when to look, how many there are, the first as month/day of 1997 and later).
type Example = (&'static str, &'static str, usize, &'static [&'static str]);

const EXAMPLES: &[Example] = &[
    ("FREQ=DAILY;COUNT=10", "20000101", 10, &["0902", "0903", "0904"]),
    ("FREQ=DAILY;UNTIL=19971224T000000Z", "20000101", 113, &["0902", "0903"]),
    ("FREQ=DAILY;INTERVAL=2", "19971001", 15, &["0902", "0904", "0906"]),
    ("FREQ=DAILY;INTERVAL=10;COUNT=5", "20000101", 5, &["0902", "0912", "0922", "1002", "1012"]),
    ("FREQ=WEEKLY;COUNT=10", "20000101", 10, &["0902", "0909", "0916", "0923", "0930", "1007"]),
    ("FREQ=WEEKLY;UNTIL=19971224T000000Z", "20000101", 17, &["0902", "0909"]),
    ("FREQ=WEEKLY;INTERVAL=2;WKST=SU", "19980101", 9, &["0902", "0916", "0930", "1014"]),
    (
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "20000101",
        10,
        &["0902", "0904", "0909", "0911"],
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "20000101",
        8,
        &["0902", "0904", "0916", "0918", "0930", "1002", "1014", "1016"],
    ),
    ("FREQ=MONTHLY;BYMONTHDAY=2,15;COUNT=10", "20000101", 10, &["0902", "0915", "1002", "1015"]),
    (
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=2,3,4",
        "20060101",
        10,
        &["0902", "0903", "0904", "0302", "0303", "0304", "0902"],
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "19980301",
        13,
        &["0902", "0909", "0916", "0923", "0930", "1104", "1111"],
    ),
    ("FREQ=YEARLY;INTERVAL=2;BYMONTH=9;COUNT=3", "20060101", 3, &["0902", "0902", "0902"]),
    ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "20000101", 3, &["0902", "0904", "1007"]),
    ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", "20000101", 3, &["0902", "0902", "0902"]),
    ("FREQ=MINUTELY;INTERVAL=15;COUNT=6", "20000101", 6, &["0902"]),
    ("FREQ=MINUTELY;INTERVAL=90;COUNT=4", "20000101", 4, &["0902"]),
    ("FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40", "19970904", 48, &["0902"]),
    ("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16", "19970904", 48, &["0902"]),
];

/// The same with another start: (start, rule, until when, how many, the first as full dates).
const STARTS: &[(&str, &str, &str, usize, &[&str])] = &[
    (
        "19980101",
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        "20010101",
        93,
        &["19980101", "19980102"],
    ),
    (
        "19970901",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "20000101",
        25,
        &["19970901", "19970903", "19970905", "19970915"],
    ),
    ("19970905", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "20000101", 10, &["19970905", "19971003", "19971107"]),
    (
        "19970907",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "20000101",
        10,
        &["19970907", "19970928", "19971102", "19971130", "19980104"],
    ),
    (
        "19970922",
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "20000101",
        6,
        &["19970922", "19971020", "19971117", "19971222", "19980119", "19980216"],
    ),
    (
        "19970928",
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "19980301",
        6,
        &["19970928", "19971029", "19971128", "19971229", "19980129", "19980226"],
    ),
    (
        "19970930",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "20000101",
        10,
        &["19970930", "19971001", "19971031", "19971101"],
    ),
    ("19970610", "FREQ=YEARLY;COUNT=10;BYMONTH=6,7", "20100101", 10, &["19970610", "19970710", "19980610"]),
    (
        "19970310",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "20100101",
        10,
        &["19970310", "19990110", "19990210"],
    ),
    (
        "19970101",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "20100101",
        10,
        &["19970101", "19970410", "19970719", "20000101", "20000409"],
    ),
    ("19970519", "FREQ=YEARLY;BYDAY=20MO", "20000101", 3, &["19970519", "19980518", "19990517"]),
    ("19970512", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "20000101", 3, &["19970512", "19980511", "19990517"]),
    (
        "19970313",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "19990101",
        7,
        &["19970313", "19970320", "19970327", "19980305"],
    ),
    ("19970605", "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8", "19980101", 13, &["19970605", "19970612"]),
    (
        "19970913",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "19980101",
        4,
        &["19970913", "19971011", "19971108", "19971213"],
    ),
    (
        "19961105",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "20050101",
        3,
        &["19961105", "20001107", "20041102"],
    ),
    (
        "19970929",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "19980401",
        7,
        &["19970929", "19971030", "19971127", "19971230"],
    ),
    (
        "19970805",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "20000101",
        4,
        &["19970805", "19970810", "19970819", "19970824"],
    ),
    (
        "19970805",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "20000101",
        4,
        &["19970805", "19970817", "19970819", "19970831"],
    ),
    (
        "20070115",
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "20100101",
        5,
        &["20070115", "20070130", "20070215", "20070315", "20070330"],
    ),
];

fn local(start: &str, rule: &str, until: &str) -> Vec<Civil> {
    let zone = Zone::named("America/New_York").unwrap();
    let text = event(&format!("DTSTART;TZID=America/New_York:{start}T090000\nRRULE:{rule}"));
    let end = at(&format!("{until}T000000"));
    let all = starts(&object(&text).digest, Window::new(0, end).unwrap());
    all.into_iter().map(|s| Civil::from_seconds(zone.to_civil(s))).collect()
}

#[test]
fn s3_8_5_3_examples() {
    for (rule, until, count, first) in EXAMPLES {
        let found = local("19970902", rule, until);
        let dates: Vec<String> =
            found.iter().take(first.len()).map(|c| c.basic_date()[4..].to_owned()).collect();
        assert_eq!(
            (found.len(), &dates[..]),
            (*count, &first.iter().map(|s| s.to_string()).collect::<Vec<_>>()[..]),
            "{rule}"
        );
    }
    for (start, rule, until, count, first) in STARTS {
        let found = local(start, rule, until);
        let dates: Vec<String> = found.iter().take(first.len()).map(Civil::basic_date).collect();
        assert_eq!(
            (found.len(), &dates[..]),
            (*count, &first.iter().map(|s| s.to_string()).collect::<Vec<_>>()[..]),
            "{rule}"
        );
        assert!(found.iter().all(|c| c.hour == 9 && c.minute == 0), "{rule}: always nine on the wall");
    }
}

#[test]
fn friday_the_thirteenth_without_its_start() {
    let lines = "DTSTART;TZID=America/New_York:19970902T090000\nEXDATE;TZID=America/New_York:19970902T090000\n\
                 RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13";
    let found = start_texts(&event(lines), window("19970101T000000", "20001231T000000"));
    assert_eq!(
        found,
        ["19980213T140000Z", "19980313T140000Z", "19981113T140000Z", "19990813T130000Z", "20001013T130000Z"]
    );
}

/// RFC 7529 4.1: the 31st of short months.
#[test]
fn skip_moves_days_that_do_not_exist() {
    let found = |skip: &str| -> Vec<String> {
        let text =
            event(&format!("DTSTART;VALUE=DATE:20140131\nRRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;{skip}COUNT=4"));
        start_texts(&text, window("20140101T000000", "20150101T000000"))
            .iter()
            .map(|t| t[4..8].to_owned())
            .collect()
    };
    assert_eq!(found(""), ["0131", "0331", "0531", "0731"]);
    assert_eq!(found("SKIP=BACKWARD;"), ["0131", "0228", "0331", "0430"]);
    assert_eq!(found("SKIP=FORWARD;"), ["0131", "0301", "0331", "0501"]);
}
