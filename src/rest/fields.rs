//! Fields that several resources share: what a change leaves alone, terms with their weekdays, policies.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::clinic::{self, EVERY_DAY, TermId, TermOn};

/// For a field that may be left alone (absent), emptied (null) or set: `#[serde(default, deserialize_with = "set")]`.
pub fn set<'de, T, D>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(from).map(Some)
}

/// A day of the week, as RFC 5545 writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Weekday {
    Mo,
    Tu,
    We,
    Th,
    Fr,
    Sa,
    Su,
}

impl Weekday {
    pub const ALL: [Weekday; 7] =
        [Weekday::Mo, Weekday::Tu, Weekday::We, Weekday::Th, Weekday::Fr, Weekday::Sa, Weekday::Su];
}

/// Bit 0 is Monday.
pub fn bits(days: &[Weekday]) -> u8 {
    days.iter().fold(0, |bits, day| bits | 1 << *day as u8)
}

pub fn days(bits: u8) -> Vec<Weekday> {
    Weekday::ALL.into_iter().filter(|day| bits & 1 << *day as u8 != 0).collect()
}

/// A term of somebody or something, and the days on which it holds.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TermOn")]
pub struct Holding {
    pub term: i64,
    /// All of them, when left out.
    #[serde(default = "every")]
    pub weekdays: Vec<Weekday>,
}

fn every() -> Vec<Weekday> {
    days(EVERY_DAY)
}

impl From<TermOn> for Holding {
    fn from(from: TermOn) -> Holding {
        Holding { term: from.term.0, weekdays: days(from.weekdays) }
    }
}

impl From<Holding> for TermOn {
    fn from(from: Holding) -> TermOn {
        TermOn { term: TermId(from.term), weekdays: bits(&from.weekdays) }
    }
}

pub fn terms(from: Vec<Holding>) -> Vec<TermOn> {
    from.into_iter().map(TermOn::from).collect()
}

/// What a change in a calendar program onto a taken time does: it is taken and marked, refused, or put back.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    Accept,
    Refuse,
    PutBack,
}

impl From<Policy> for clinic::Policy {
    fn from(from: Policy) -> clinic::Policy {
        match from {
            Policy::Accept => clinic::Policy::Accept,
            Policy::Refuse => clinic::Policy::Refuse,
            Policy::PutBack => clinic::Policy::PutBack,
        }
    }
}

impl From<clinic::Policy> for Policy {
    fn from(from: clinic::Policy) -> Policy {
        match from {
            clinic::Policy::Accept => Policy::Accept,
            clinic::Policy::Refuse => Policy::Refuse,
            clinic::Policy::PutBack => Policy::PutBack,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Change {
        #[serde(default, deserialize_with = "set")]
        zone: Option<Option<String>>,
    }

    #[test]
    fn a_field_is_left_alone_emptied_or_set() {
        let read = |text| serde_json::from_str::<Change>(text).unwrap().zone;
        assert_eq!(read("{}"), None);
        assert_eq!(read(r#"{"zone":null}"#), Some(None));
        assert_eq!(read(r#"{"zone":"UTC"}"#), Some(Some("UTC".into())));
    }

    #[test]
    fn weekdays_are_bits_from_monday_on() {
        assert_eq!(bits(&[Weekday::Mo, Weekday::Su]), 0b100_0001);
        assert_eq!(days(bits(&Weekday::ALL)), Weekday::ALL);
        let one: Holding = serde_json::from_str(r#"{"term":3}"#).unwrap();
        assert_eq!(TermOn::from(one), TermOn { term: TermId(3), weekdays: EVERY_DAY });
    }
}
