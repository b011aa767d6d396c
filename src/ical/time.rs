//! Civil time as plain numbers: seconds on a wall clock since 1970-01-01T00:00:00, whatever the zone.
//! Proleptic Gregorian, years 1 to 9999 (RFC 5545 3.3.4, 3.3.5); all arithmetic is on integers and cannot fail.

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;
/// 9999-12-31T23:59:59 as civil seconds: nothing is later.
pub(crate) const LATEST: i64 = 253_402_300_799;
/// 0001-01-01T00:00:00 as civil seconds.
pub(crate) const EARLIEST: i64 = -62_135_596_800;

/// A date and a time of day on somebody's wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
}

impl Civil {
    /// The wall-clock reading of civil seconds.
    pub fn from_seconds(seconds: i64) -> Civil {
        let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY) as u32);
        let (year, month, day) = date(days);
        Civil { year, month, day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60 }
    }

    /// Civil seconds; fields beyond their range carry over.
    pub fn seconds(&self) -> i64 {
        days(self.year, self.month, self.day) * DAY
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }

    /// `20260131T093000`, without a zone.
    pub fn basic(&self) -> String {
        format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }

    /// `20260131`.
    pub fn basic_date(&self) -> String {
        format!("{:04}{:02}{:02}", self.year, self.month, self.day)
    }
}

/// Days since 1970-01-01 of a date. Counts in years that begin in March, so that the leap day comes last.
pub(crate) fn days(year: i32, month: u32, day: u32) -> i64 {
    let (year, month) = (i64::from(year) - i64::from(month <= 2), i64::from(month));
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day number: the inverse of [`days`].
pub(crate) fn date(days: i64) -> (i32, u32, u32) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * march + 2) / 5 + 1) as u32;
    let month = if march < 10 { march + 3 } else { march - 9 } as u32;
    ((year + era * 400 + i64::from(month <= 2)) as i32, month, day)
}

/// 0 is Monday (as in ISO 8601), 6 is Sunday.
pub(crate) fn weekday(days: i64) -> u32 {
    (days + 3).rem_euclid(7) as u32
}

pub(crate) fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn month_length(year: i32, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `20260131T093000Z` of an instant; clamped to the years 1 to 9999.
pub(crate) fn utc_text(instant: i64) -> String {
    format!("{}Z", Civil::from_seconds(instant.clamp(EARLIEST, LATEST)).basic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse_for_every_day() {
        let mut expected = (1, 1, 1);
        for day in days(1, 1, 1)..=days(9999, 12, 31) {
            let (y, m, d) = date(day);
            assert_eq!((y, m, d), expected);
            assert_eq!(days(y, m, d), day);
            expected = match d < month_length(y, m) {
                true => (y, m, d + 1),
                false if m < 12 => (y, m + 1, 1),
                false => (y + 1, 1, 1),
            };
        }
        assert_eq!(expected, (10_000, 1, 1));
    }

    #[test]
    fn known_days() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(weekday(0), 3);
        assert_eq!(utc_text(0), "19700101T000000Z");
        assert_eq!(Civil::from_seconds(-1).basic(), "19691231T235959");
        assert_eq!(
            Civil { year: 9999, month: 12, day: 31, hour: 23, minute: 59, second: 59 }.seconds(),
            LATEST
        );
        assert_eq!(days(1, 1, 1) * DAY, EARLIEST);
        assert_eq!((is_leap(1900), is_leap(2000), is_leap(2100), is_leap(2024)), (false, true, false, true));
    }
}
