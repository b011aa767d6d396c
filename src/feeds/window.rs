//! What span a free-busy link is asked for: `?start=...&end=...`, else from one month back to three ahead; and in which
//! zone (`?zone=Europe/Berlin`) its floating and all-day times are, if not in its calendar's.
//!
//! Times are read in the forms that people and programs write into URLs; all are UTC. Longer than [`DAYS`] is
//! refused: one answer must not grow without end.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use ical::{Window, Zone};

/// Longest span of one answer.
pub const DAYS: i64 = 1100;
const DAY: i64 = 86_400;
const BACK: i64 = 31 * DAY;
const AHEAD: i64 = 92 * DAY;

/// The window and the zone of this query string; the sentence says what is wrong with it.
pub fn asked(query: Option<&str>, now: i64) -> Result<(Window, Option<Zone>), &'static str> {
    let today = now - now.rem_euclid(DAY);
    let (mut start, mut end, mut zone) = (None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "start" | "from" => start = Some(instant(&value).ok_or(FORM)?),
            "end" | "until" => end = Some(instant(&value).ok_or(FORM)?),
            "zone" => zone = Some(Zone::named(&value).ok_or("zone is an IANA name like Europe/Berlin")?),
            _ => {}
        }
    }
    let from = start.unwrap_or_else(|| end.map_or(today - BACK, |end| end - BACK - AHEAD));
    let until = end.unwrap_or(if start.is_some() { from + BACK + AHEAD } else { today + AHEAD });
    if until <= from {
        return Err("end must be after start");
    }
    if until - from > DAYS * DAY {
        return Err("the span may be 1100 days at most");
    }
    Ok((Window { from, until }, zone))
}

const FORM: &str = "start and end look like 2026-03-01, 2026-03-01T09:00:00Z or 20260301T090000Z";

fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    // A plus in a query is a space unless it was encoded.
    let rfc3339 = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).ok().map(|time| time.timestamp());
    let basic =
        || NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok().map(|time| time.and_utc().timestamp());
    rfc3339.or_else(basic).or_else(|| {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .or_else(|_| NaiveDate::parse_from_str(text, "%Y%m%d"));
        Some(date.ok()?.and_hms_opt(0, 0, 0)?.and_utc().timestamp())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_780_000_000;

    #[test]
    fn forms_of_a_time() {
        let nine = 1_772_355_600;
        for text in ["2026-03-01T09:00:00Z", "20260301T090000Z", "2026-03-01T10:00:00 01:00"] {
            assert_eq!(instant(text), Some(nine), "{text}");
        }
        assert_eq!(instant("2026-03-01"), Some(nine - 9 * 3600));
        assert_eq!(instant("20260301"), Some(nine - 9 * 3600));
        for bad in ["", "tomorrow", "2026-02-30", "20260301T0900"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_month_back_and_three_ahead_when_nothing_is_asked() {
        let (window, _) = asked(None, NOW).unwrap();
        assert!(window.from < NOW - 30 * DAY && window.until > NOW + 90 * DAY);
    }

    #[test]
    fn a_span_backwards_or_without_end_is_refused() {
        assert!(asked(Some("start=2026-03-02&end=2026-03-01"), NOW).is_err());
        assert!(asked(Some("start=1900-01-01&end=2026-03-01"), NOW).is_err());
        assert!(asked(Some("start=soon"), NOW).is_err());
        assert!(asked(Some("zone=Mars"), NOW).is_err());
        assert!(asked(Some("zone=Asia/Tokyo"), NOW).unwrap().1.is_some());
        assert!(asked(Some("start=2026-03-01&end=2026-03-02"), NOW).is_ok());
    }
}
