//! The leap seconds (RFC 7808 5.6), as the IERS has announced them: for clients that keep atomic time. Nothing here
//! computes with them; calendars do not.

use serde_json::{Value, json};

/// The bulletin that is the last word here, and the day up to which it is.
const BULLETIN: &str = "Bulletin C 72";
const EXPIRES: &str = "2027-06-28";
/// TAI minus UTC on the day UTC took its present form; each day below adds a second.
const FIRST: (&str, u32) = ("1972-01-01", 10);
const ADDED: &[&str] = &[
    "1972-07-01",
    "1973-01-01",
    "1974-01-01",
    "1975-01-01",
    "1976-01-01",
    "1977-01-01",
    "1978-01-01",
    "1979-01-01",
    "1980-01-01",
    "1981-07-01",
    "1982-07-01",
    "1983-07-01",
    "1985-07-01",
    "1988-01-01",
    "1990-01-01",
    "1991-01-01",
    "1992-07-01",
    "1993-07-01",
    "1994-07-01",
    "1996-01-01",
    "1997-07-01",
    "1999-01-01",
    "2006-01-01",
    "2009-01-01",
    "2012-07-01",
    "2015-07-01",
    "2017-01-01",
];

pub fn seconds() -> Value {
    let onsets = [FIRST.0].into_iter().chain(ADDED.iter().copied());
    let all: Vec<Value> = (FIRST.1..)
        .zip(onsets)
        .map(|(offset, onset)| json!({ "utc-offset": offset, "onset": onset }))
        .collect();
    json!({ "expires": EXPIRES, "publisher": "IERS", "version": BULLETIN, "leapseconds": all })
}
