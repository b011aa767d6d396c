//! What other servers and clients got wrong about recurrence and zones, each by repository and number, through this door.

use super::door::{Door, Reply, calendar};
use super::reading::C;

const DEFAULT: &str = "/dav/calendars/ada/default/";

/// Ada's calendar with one object of these components.
async fn with(inside: &str) -> Door {
    let door = Door::open().await;
    door.put("ada", &format!("{DEFAULT}one.ics"), &calendar(inside)).await;
    door
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:one\nDTSTAMP:20200101T000000Z\n{lines}\nEND:VEVENT\n")
}

async fn query(door: &Door, from: &str, until: &str, data: &str) -> Reply {
    let range = format!("<c:time-range start='{from}T000000Z' end='{until}T000000Z'/>");
    let body = format!(
        "<c:calendar-query><d:prop><d:getetag/>{data}</d:prop><c:filter><c:comp-filter name='VCALENDAR'>\
         <c:comp-filter name='VEVENT'>{range}</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
    );
    door.report("ada", DEFAULT, 1, &body).await
}

async fn is_found(door: &Door, from: &str, until: &str) -> bool {
    !query(door, from, until, "").await.multistatus().hrefs().is_empty()
}

/// The values of DTSTART after expansion in the window.
async fn expanded(door: &Door, from: &str, until: &str) -> Vec<String> {
    let data = format!(
        "<c:calendar-data><c:expand start='{from}T000000Z' end='{until}T000000Z'/></c:calendar-data>"
    );
    let found = query(door, from, until, &data).await.multistatus();
    let Some(href) = found.hrefs().first().map(|href| href.to_string()) else { return Vec::new() };
    let text = found.of(&href).text(C, "calendar-data");
    let starts = text.lines().filter(|line| line.starts_with("DTSTART"));
    starts.map(|line| line.split_once(':').unwrap().1.to_owned()).collect()
}

/// The busy periods of the calendar in the window.
async fn busy(door: &Door, from: &str, until: &str) -> Vec<String> {
    let range = format!("<c:time-range start='{from}T000000Z' end='{until}T000000Z'/>");
    let ask = format!("<c:free-busy-query>{range}</c:free-busy-query>");
    let text = door.report("ada", DEFAULT, 1, &ask).await.is(200).body.replace("\r\n ", "");
    let lines = text.lines().filter(|line| line.starts_with("FREEBUSY"));
    lines.flat_map(|line| line.split_once(':').unwrap().1.split(',')).map(str::to_owned).collect()
}

const WEEKLY: &str = "DTSTART;TZID=Europe/Berlin:20240109T180000\nDTEND;TZID=Europe/Berlin:20240109T190000\n\
                      RRULE:FREQ=WEEKLY;BYDAY=TU";

#[tokio::test]
async fn stalwart_2983_a_query_by_time_is_not_empty() {
    let door = with(&event(WEEKLY)).await;
    assert!(is_found(&door, "20240101", "20240201").await);
    assert!(is_found(&door, "20260105", "20260112").await);
    assert!(!is_found(&door, "20230101", "20240101").await);
}

#[tokio::test]
async fn stalwart_0_16_18_a_series_does_not_vanish_after_years() {
    let door = with(&event("DTSTART:20000101T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY")).await;
    // After its three thousandth day, after 2038, after 2100, and in the last year there is.
    for year in ["2009", "2039", "2101", "2199", "9998"] {
        let (from, until) = (format!("{year}0601"), format!("{year}0603"));
        let expected = [format!("{year}0601T100000Z"), format!("{year}0602T100000Z")];
        assert_eq!(expanded(&door, &from, &until).await, expected);
    }
}

#[tokio::test]
async fn home_assistant_121766_every_week_has_its_own_day() {
    let door = with(&event(WEEKLY)).await;
    let found = expanded(&door, "20240701", "20240801").await;
    assert_eq!(
        found,
        ["20240702T160000Z", "20240709T160000Z", "20240716T160000Z", "20240723T160000Z", "20240730T160000Z"]
    );
}

#[tokio::test]
async fn home_assistant_86619_days_taken_out_do_not_end_the_series() {
    let lines = "DTSTART;TZID=America/New_York:20230102T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\n\
                 EXDATE;TZID=America/New_York:20230110T090000\nEXDATE;TZID=America/New_York:20230112T090000";
    let found = expanded(&with(&event(lines)).await, "20230109", "20230118").await;
    let days: Vec<&str> = found.iter().map(|start| &start[6..8]).collect();
    assert_eq!(days, ["09", "11", "13", "16", "17"]);
}

#[tokio::test]
async fn home_assistant_40127_the_month_shows_more_than_the_first() {
    let found = expanded(&with(&event(WEEKLY)).await, "20260201", "20260301").await;
    assert_eq!(found.len(), 4, "{found:?}");
}

#[tokio::test]
async fn python_caldav_157_expansion_is_done_where_it_was_asked_for() {
    let door = with(&event(WEEKLY)).await;
    let data =
        "<c:calendar-data><c:expand start='20260301T000000Z' end='20260401T000000Z'/></c:calendar-data>";
    let reply = query(&door, "20260301", "20260401", data).await;
    let text = &reply.is(207).body;
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 5);
    assert!(!text.contains("RRULE") && !text.contains("TZID") && text.matches("RECURRENCE-ID").count() == 5);
}

#[tokio::test]
async fn radicale_662_expansion_and_limits_are_there() {
    let moved =
        event("RECURRENCE-ID;TZID=Europe/Berlin:20260310T180000\nDTSTART:20260311T080000Z\nDURATION:PT30M");
    let door = with(&(event(WEEKLY) + &moved)).await;
    assert_eq!(expanded(&door, "20260309", "20260316").await, ["20260311T080000Z"]);
    let data = "<c:calendar-data><c:limit-recurrence-set start='20270101T000000Z' end='20270201T000000Z'/></c:calendar-data>";
    let text = query(&door, "20270101", "20270201", data).await.is(207).body.clone();
    assert!(text.contains("RRULE") && !text.contains("RECURRENCE-ID"), "{text}");
}

/// Who is invited to single days of a series has those days without the series.
#[tokio::test]
async fn esn_sabre_138_days_without_their_series_are_found() {
    let day = |id: &str| event(&format!("RECURRENCE-ID:{id}T090000Z\nDTSTART:{id}T090000Z\nDURATION:PT1H"));
    let door = with(&(day("20260309") + &day("20260511"))).await;
    for (from, until, found) in
        [("20260309", "20260310", true), ("20260401", "20260501", false), ("20260511", "20260512", true)]
    {
        assert_eq!(is_found(&door, from, until).await, found, "{from}");
    }
    assert_eq!(expanded(&door, "20260511", "20260512").await, ["20260511T090000Z"]);
}

/// Summer time that was not applied, and an unknown zone taken for UTC, each booked a visit twice.
#[tokio::test]
async fn calcom_17326_busy_time_keeps_the_wall_clock_or_the_event_is_refused() {
    let door = with(&event(WEEKLY)).await;
    let ask = "<c:free-busy-query><c:time-range start='20260324T000000Z' end='20260401T000000Z'/></c:free-busy-query>";
    let text = door.report("ada", DEFAULT, 1, ask).await.is(200).body.replace("\r\n ", "");
    assert!(text.contains("20260324T170000Z/") && text.contains("20260331T160000Z/"), "{text}");
    let unknown = calendar(&event("DTSTART;TZID=Nowhere/Land:20260324T100000\nDURATION:PT1H"));
    let put =
        door.ask("ada", "PUT", &format!("{DEFAULT}two.ics"), &["Content-Type: text/calendar"], unknown).await;
    put.refused(403, "valid-timezone");
}

#[tokio::test]
async fn outlookcaldavsynchronizer_66_windows_names_are_zones() {
    let lines = WEEKLY.replace("Europe/Berlin", "W. Europe Standard Time");
    let door = with(&event(&lines)).await;
    assert_eq!(expanded(&door, "20260324", "20260401").await, ["20260324T170000Z", "20260331T160000Z"]);
}

/// A floating time stays one: it is nobody's UTC.
#[tokio::test]
async fn yuvomi_818_floating_times_are_not_shifted() {
    let door = with(&event("DTSTART:20260324T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY")).await;
    assert_eq!(expanded(&door, "20260324", "20260401").await, ["20260324T100000", "20260331T100000"]);
    let text = door.ask("ada", "GET", &format!("{DEFAULT}one.ics"), &[], "").await.is(200).body.clone();
    assert!(text.contains("DTSTART:20260324T100000\r\n"));
}

/// Times without a zone were kept by one server and shown by none: they are found, and busy on their owner's clock.
#[tokio::test]
async fn yuvomi_938_floating_times_are_found_and_busy_on_the_owners_clock() {
    let door = with(&event("DTSTART:20260324T100000\nDTEND:20260324T110000")).await;
    assert!(is_found(&door, "20260324", "20260325").await);
    assert_eq!(busy(&door, "20260324", "20260401").await, ["20260324T090000Z/20260324T100000Z"]);
}

/// A length instead of an end, and a zone without its definition: dropped without a word elsewhere.
#[tokio::test]
async fn yuvomi_883_a_duration_and_a_bare_zone_are_enough() {
    let door = with(&event("DTSTART;TZID=Europe/Berlin:20260324T100000\nDURATION:PT45M")).await;
    assert_eq!(busy(&door, "20260324", "20260401").await, ["20260324T090000Z/20260324T094500Z"]);
}

/// "Every weekday" as phones write it.
#[tokio::test]
async fn yuvomi_549_a_daily_rule_keeps_to_its_weekdays() {
    let door = with(&event("DTSTART:20260320T100000Z\nRRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR")).await;
    assert_eq!(
        expanded(&door, "20260320", "20260325").await,
        ["20260320T100000Z", "20260323T100000Z", "20260324T100000Z"]
    );
}

/// Without a VTIMEZONE the wrong side of a change of the clocks was taken, and the event made anew for ever.
#[tokio::test]
async fn keeper_586_a_bare_zone_is_right_on_the_day_the_clocks_change() {
    let text = calendar(&event(
        "DTSTART;TZID=America/Edmonton:20260308T080000\nDTEND;TZID=America/Edmonton:20260308T090000",
    ));
    let door = Door::open().await;
    let tag = door.put("ada", &format!("{DEFAULT}one.ics"), &text).await;
    assert_eq!(busy(&door, "20260308", "20260309").await, ["20260308T140000Z/20260308T150000Z"]);
    // What is read back is what was written, and writing it again changes nothing.
    let read = door.ask("ada", "GET", &format!("{DEFAULT}one.ics"), &[], "").await.is(200).body.clone();
    assert_eq!(read, text);
    let again =
        door.ask("ada", "PUT", &format!("{DEFAULT}one.ics"), &["Content-Type: text/calendar"], text).await;
    assert_eq!(again.is(204).header("etag"), Some(tag.as_str()));
}

/// A definition that ends with the year in which summer time was given up goes on with it for ever.
#[tokio::test]
async fn keeper_385_a_definition_cut_short_does_not_overrule_its_name() {
    let zone = "BEGIN:VTIMEZONE\nTZID:America/Montevideo\n\
                BEGIN:DAYLIGHT\nDTSTART:20061001T020000\nTZOFFSETFROM:-0300\nTZOFFSETTO:-0200\n\
                RRULE:FREQ=YEARLY;UNTIL=20141005T050000Z;BYMONTH=10;BYDAY=1SU\nEND:DAYLIGHT\n\
                BEGIN:STANDARD\nDTSTART:20070311T020000\nTZOFFSETFROM:-0200\nTZOFFSETTO:-0300\n\
                RRULE:FREQ=YEARLY;UNTIL=20140309T040000Z;BYMONTH=3;BYDAY=2SU\nEND:STANDARD\nEND:VTIMEZONE\n";
    let event = event("DTSTART;TZID=America/Montevideo:20260519T080000\nDURATION:PT1H");
    let door = with(&format!("{zone}{event}")).await;
    assert_eq!(expanded(&door, "20260519", "20260520").await, ["20260519T110000Z"]);
}

/// Busy hours on the clock of whoever looked, not of the event: patients were given hours that were taken. Clocks
/// change in New York three weeks before they do where the calendar is at home.
#[tokio::test]
async fn calcom_14664_busy_time_is_on_the_clock_of_the_event() {
    let lines = "DTSTART;TZID=America/New_York:20260303T090000\nDTEND;TZID=America/New_York:20260303T100000\nRRULE:FREQ=WEEKLY;COUNT=5";
    let door = with(&event(lines)).await;
    assert_eq!(
        busy(&door, "20260301", "20260401").await,
        [
            "20260303T140000Z/20260303T150000Z",
            "20260310T130000Z/20260310T140000Z",
            "20260317T130000Z/20260317T140000Z",
            "20260324T130000Z/20260324T140000Z",
            "20260331T130000Z/20260331T140000Z"
        ]
    );
}

#[tokio::test]
async fn bulwarkmail_native_13_every_fifth_week_is_shown() {
    let door = with(&event("DTSTART:20260105T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;INTERVAL=5")).await;
    assert_eq!(
        expanded(&door, "20260101", "20260317").await,
        ["20260105T100000Z", "20260209T100000Z", "20260316T100000Z"]
    );
    assert!(!is_found(&door, "20260106", "20260209").await);
}

/// All day, every second week on a weekday, with the start on it.
#[tokio::test]
async fn bulwarkmail_webmail_735_days_every_second_week_are_shown() {
    let door = with(&event(
        "DTSTART;VALUE=DATE:20260107\nDTEND;VALUE=DATE:20260108\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=WE",
    ))
    .await;
    assert_eq!(expanded(&door, "20260105", "20260205").await, ["20260107", "20260121", "20260204"]);
}

/// Rules that froze or filled other servers are refused in words, with the precondition.
#[tokio::test]
async fn rules_that_cannot_be_computed_are_refused_at_put() {
    let door = Door::open().await;
    for (rule, word) in [
        ("FREQ=SECONDLY", "SECONDLY"),
        ("FREQ=DAILY;COUNT=1000000000", "COUNT"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=99999", "INTERVAL"),
        ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=5", "computing"),
        ("FREQ=MONTHLY;BYMONTHDAY=40", "BYMONTHDAY"),
    ] {
        let text = calendar(&event(&format!("DTSTART:20260105T090000Z\nRRULE:{rule}")));
        let put = door
            .ask("ada", "PUT", &format!("{DEFAULT}bad.ics"), &["Content-Type: text/calendar"], text)
            .await;
        put.refused(403, "valid-calendar-data");
        assert!(put.body.contains(word), "{rule}: {}", put.body);
    }
    // No day has a second instance: known at once, and the start is all there is.
    let door = with(&event("DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;BYSETPOS=2")).await;
    assert_eq!(expanded(&door, "20260101", "21990101").await, ["20260105T090000Z"]);
}

/// What costs too much to answer is an error that says so, never a short list.
#[tokio::test]
async fn a_window_too_wide_is_refused_and_not_cut() {
    let door = with(&event("DTSTART:20000101T100000Z\nRRULE:FREQ=MINUTELY")).await;
    let data =
        "<c:calendar-data><c:expand start='20260101T000000Z' end='20270101T000000Z'/></c:calendar-data>";
    let reply = query(&door, "20260101", "20270101", data).await;
    assert!(reply.body.contains("507") || reply.status == 507, "{} {}", reply.status, reply.body);
    assert!(reply.body.contains("number-of-matches-within-limits"), "{}", reply.body);
    assert!(is_found(&door, "21990101", "21990102").await);
}
