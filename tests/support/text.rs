//! Small calendar objects for tests that are about something else.

/// One event in UTC; `start` like `20260302T090000Z`, an hour long.
pub fn event(uid: &str, summary: &str, start: &str) -> String {
    object("VEVENT", uid, summary, &format!("DTSTART:{start}\r\nDURATION:PT1H\r\n"))
}

/// One component with these further lines.
pub fn object(component: &str, uid: &str, summary: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:{component}\r\nUID:{uid}\r\n\
         DTSTAMP:20260301T000000Z\r\nSUMMARY:{summary}\r\n{lines}END:{component}\r\nEND:VCALENDAR\r\n"
    )
}
