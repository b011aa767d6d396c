//! Typed values of content lines: dates, date-times, durations, periods (RFC 5545 3.3.4 to 3.3.9).
//! A date-time without a zone stays a wall-clock reading: three kinds of time, never mixed up.

use crate::{
    Civil, Error, Property, Zone,
    time::{DAY, EARLIEST, LATEST, days, month_length},
};

/// A point in time as a property wrote it. Civil seconds count from 1970-01-01T00:00:00 on the wall clock.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// A whole day: its midnight, in civil seconds.
    Date(i64),
    /// A wall clock without a zone, in civil seconds.
    Floating(i64),
    /// An instant, in UTC seconds.
    Utc(i64),
    /// A wall clock with its zone, in civil seconds.
    Zoned(i64, Zone),
}

impl When {
    /// Reads one DATE or DATE-TIME; `zone` is what the TZID parameter resolved to.
    pub fn read(text: &str, zone: Option<&Zone>) -> Option<When> {
        let text = text.trim();
        let bytes = text.as_bytes();
        if bytes.len() == 8 {
            return Some(When::Date(date(bytes)?));
        }
        let utc = bytes.len() == 16 && matches!(bytes[15], b'Z' | b'z');
        if !(utc || bytes.len() == 15) || !matches!(bytes[8], b'T' | b't') {
            return None;
        }
        let civil = date(&bytes[..8])? + time_of_day(&bytes[9..15])?;
        Some(match zone {
            _ if utc => When::Utc(civil),
            Some(zone) if zone.is_utc() => When::Utc(civil),
            Some(zone) => When::Zoned(civil, zone.clone()),
            None => When::Floating(civil),
        })
    }

    /// UTC seconds; `floating` is the zone of dates and of times without one.
    pub fn instant(&self, floating: &Zone) -> i64 {
        match self {
            When::Date(civil) | When::Floating(civil) => floating.to_instant(*civil),
            When::Utc(instant) => *instant,
            When::Zoned(civil, zone) => zone.to_instant(*civil),
        }
    }

    /// What the wall clock of its own zone shows, in civil seconds.
    pub fn civil(&self) -> i64 {
        match self {
            When::Date(civil) | When::Floating(civil) | When::Utc(civil) | When::Zoned(civil, _) => *civil,
        }
    }

    pub fn is_date(&self) -> bool {
        matches!(self, When::Date(_))
    }

    /// Whether its instant depends on who looks (RFC 5545 3.3.5, form 1; dates).
    pub fn is_floating(&self) -> bool {
        matches!(self, When::Date(_) | When::Floating(_))
    }

    /// The value as it is written, without TZID.
    pub fn print(&self) -> String {
        let civil = Civil::from_seconds(self.civil().clamp(EARLIEST, LATEST));
        match self {
            When::Date(_) => civil.basic_date(),
            When::Utc(_) => format!("{}Z", civil.basic()),
            When::Floating(_) | When::Zoned(..) => civil.basic(),
        }
    }

    /// The property `name` that says this.
    pub fn property(&self, name: &str) -> Property {
        match self {
            When::Date(_) => Property::new(name, &[("VALUE", "DATE")], &self.print()),
            When::Zoned(_, zone) => Property::new(name, &[("TZID", zone.name())], &self.print()),
            When::Floating(_) | When::Utc(_) => Property::new(name, &[], &self.print()),
        }
    }
}

/// A length of time: days are steps of the calendar, seconds pass on the clock (RFC 5545 3.3.6). Both carry the sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duration {
    pub days: i64,
    pub seconds: i64,
}

impl Duration {
    /// A thousand years: nobody's duration is longer, and sums of a few cannot overflow.
    const MOST: i64 = 366_000 * DAY;

    /// Reads `P1DT2H`, `-PT15M`, `P2W`, also the mixtures that clients send.
    pub fn read(text: &str) -> Option<Duration> {
        let text = text.trim();
        let (sign, rest) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let rest = rest.strip_prefix(['P', 'p'])?;
        let (mut all, mut number, mut clock, mut any) = (Duration::default(), None::<i64>, false, false);
        for c in rest.chars() {
            if let Some(digit) = c.to_digit(10) {
                number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(i64::from(digit))?);
                continue;
            }
            if c.eq_ignore_ascii_case(&'T') && number.is_none() && !clock {
                clock = true;
                continue;
            }
            let n = number.take().filter(|n| *n <= Duration::MOST)?;
            match (c.to_ascii_uppercase(), clock) {
                ('W', false) => all.days += n * 7,
                ('D', false) => all.days += n,
                ('H', true) => all.seconds += n.checked_mul(3600)?,
                ('M', true) => all.seconds += n.checked_mul(60)?,
                ('S', true) => all.seconds += n,
                _ => return None,
            }
            any = true;
        }
        let fits = all.days.checked_mul(DAY)?.checked_add(all.seconds)? <= Duration::MOST;
        let whole = any && number.is_none() && fits;
        whole.then_some(Duration { days: sign * all.days, seconds: sign * all.seconds })
    }

    /// Seconds when every day has 24 hours.
    pub fn nominal(&self) -> i64 {
        self.days * DAY + self.seconds
    }
}

/// Reads a PERIOD: a start and its end or its length (RFC 5545 3.3.9).
pub(crate) fn period(text: &str, zone: Option<&Zone>) -> Option<(When, Result<When, Duration>)> {
    let (start, end) = text.split_once('/')?;
    let start = When::read(start, zone)?;
    let end = match When::read(end, zone) {
        Some(end) => Ok(end),
        None => Err(Duration::read(end)?),
    };
    Some((start, end))
}

/// The DATE or DATE-TIME of a property of one value.
pub(crate) fn when(property: &Property, zone: Option<&Zone>) -> Result<When, Error> {
    let wrong =
        || Error::value(property.line(), property.name(), "is neither a date nor a date-time of RFC 5545");
    When::read(property.value(), zone).ok_or_else(wrong)
}

/// The DURATION of a property.
pub(crate) fn duration(property: &Property) -> Result<Duration, Error> {
    let wrong = || Error::value(property.line(), property.name(), "is not a duration of RFC 5545");
    Duration::read(property.value()).ok_or_else(wrong)
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

fn date(bytes: &[u8]) -> Option<i64> {
    let (year, month, day) = (digits(&bytes[..4])? as i32, digits(&bytes[4..6])?, digits(&bytes[6..8])?);
    let real = year >= 1 && (1..=12).contains(&month) && (1..=month_length(year, month)).contains(&day);
    real.then(|| days(year, month, day) * DAY)
}

fn time_of_day(bytes: &[u8]) -> Option<i64> {
    let (hour, minute, second) = (digits(&bytes[..2])?, digits(&bytes[2..4])?, digits(&bytes[4..6])?);
    // A leap second is read as the second before it: no clock of ours has it (RFC 5545 3.3.12).
    (hour < 24 && minute < 60 && second <= 60).then(|| i64::from(hour * 3600 + minute * 60 + second.min(59)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_or_refused() {
        assert_eq!(When::read("20260228", None), Some(When::Date(20_512 * DAY)));
        assert_eq!(When::read("19700101T000001Z", None), Some(When::Utc(1)));
        assert_eq!(When::read("19700101T000001", None), Some(When::Floating(1)));
        assert_eq!(When::read("19700101T235960Z", None), Some(When::Utc(86_399)));
        for bad in [
            "",
            "20260229",
            "20261301",
            "00000101",
            "20260101T",
            "20260101T250000",
            "2026-01-01",
            "20260101T0000000",
        ] {
            assert_eq!(When::read(bad, None), None, "{bad}");
        }
    }

    #[test]
    fn durations_are_read_or_refused() {
        let read = |t| Duration::read(t).map(|d| (d.days, d.seconds));
        assert_eq!(read("P1DT2H3M4S"), Some((1, 7384)));
        assert_eq!(read("-PT15M"), Some((0, -900)));
        assert_eq!(read("+P2W"), Some((14, 0)));
        assert_eq!(read("PT0S"), Some((0, 0)));
        for bad in [
            "",
            "P",
            "PT",
            "1D",
            "P1H",
            "PT1D",
            "P1",
            "PT5",
            "P99999999999999999999D",
            "P9999999999D",
            "PTT1H",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
