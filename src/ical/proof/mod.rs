//! Tests that need more than one file of the room: expected occurrences, RFC tables, a slow evaluator, hostile input.
//! Never: product code. Files: vectors, rfc5545, rfc7529, rfc4791, rfc7953, series, slow, random, oracle, hostile, views,
//! many, speed, zones.

mod hostile;
mod many;
mod oracle;
mod random;
mod rfc4791;
mod rfc5545;
mod rfc7529;
mod rfc7953;
mod series;
mod slow;
mod speed;
mod vectors;
mod views;
mod zones;

use crate::{Budget, Digest, Limits, Object, When, Window, Zone, check, time::utc_text};

/// UTC seconds of `19970902T090000Z`.
pub fn at(text: &str) -> i64 {
    When::read(text, None).unwrap_or_else(|| panic!("{text}")).civil()
}

pub fn window(from: &str, until: &str) -> Window {
    Window::new(at(from), at(until)).unwrap()
}

/// A calendar with the given lines inside.
pub fn calendar(lines: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//T//EN\n{}\nEND:VCALENDAR\n", lines.trim())
        .replace('\n', "\r\n")
}

/// A calendar with the given lines as its one event.
pub fn event(lines: &str) -> String {
    calendar(&format!("BEGIN:VEVENT\nUID:1\n{}\nEND:VEVENT", lines.trim()))
}

pub fn object(text: &str) -> Object {
    check(text.as_bytes(), &Limits::default()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Starts inside the window, as UTC seconds.
pub fn starts(digest: &Digest, window: Window) -> Vec<i64> {
    let mut budget = Budget::steps(Budget::REQUEST);
    let all = digest.occurrences(window, &Zone::utc(), &mut budget).unwrap();
    all.into_iter().map(|o| o.start).filter(|s| (window.from..window.until).contains(s)).collect()
}

/// The same as text: `20260101T090000Z`.
pub fn start_texts(text: &str, window: Window) -> Vec<String> {
    starts(&object(text).digest, window).into_iter().map(utc_text).collect()
}

/// Numbers that look random and are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    /// A list of up to `most` of the given values, without order.
    pub fn some(&mut self, most: u64, from: i64, until: i64) -> String {
        let n = 1 + self.below(most);
        let one = |dice: &mut Dice| from + dice.below((until - from + 1) as u64) as i64;
        let list: Vec<String> =
            (0..n).map(|_| one(self)).map(|v| if v == 0 { 1 } else { v }.to_string()).collect();
        list.join(",")
    }
}
