//! Slot tokens: an offer as a text that cannot be made up, so that no table of slots is needed. Whoever shows one has
//! been offered just this; whether it is still free is asked again when it is booked.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use store::{ClinicId, PrincipalId};

use super::free::TermKey;
use crate::accounts::{STAMP_BYTES, Stamp};

/// What [`Stamp::new`] is told.
pub const PURPOSE: &str = "slot";

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub clinic: ClinicId,
    pub service: Option<i64>,
    /// Who gives it, then rooms and equipment.
    pub resources: Vec<PrincipalId>,
    /// UTC seconds, and how many of them.
    pub start: i64,
    pub length: i64,
    pub mode: Option<TermKey>,
    pub place: Option<TermKey>,
    /// The version of the rules it was computed by: another one, and it is outdated.
    pub rules: i64,
    pub issued: i64,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("this is no slot of ours")]
    Forged,
    #[error("this slot was offered too long ago, or by rules that have changed")]
    Outdated,
}

/// The longest token that is read.
const BYTES: usize = 1024;
/// Seconds by which another node's clock may be ahead.
const AHEAD: i64 = 600;

impl Slot {
    pub fn token(&self, stamp: &Stamp) -> String {
        // Into memory: there is nothing that could fail.
        let mut bytes = postcard::to_stdvec(self).unwrap_or_default();
        bytes.extend(stamp.of(&bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The slot of a token of this clinic, however old; one of another clinic is as good as made up.
    pub fn open(token: &str, stamp: &Stamp, clinic: ClinicId) -> Option<Slot> {
        let bytes = Some(token).filter(|token| token.len() <= BYTES);
        let bytes = bytes.and_then(|token| URL_SAFE_NO_PAD.decode(token).ok())?;
        let (said, mark) = bytes.split_at(bytes.len().checked_sub(STAMP_BYTES)?);
        let slot: Slot = stamp.fits(said, mark).then(|| postcard::from_bytes(said).ok())??;
        Some(slot).filter(|slot| slot.clinic == clinic)
    }

    /// Whether it is at most `age` seconds old and by the rules that hold now.
    pub fn is_fresh(&self, rules: i64, (now, age): (i64, i64)) -> bool {
        (now - age..=now + AHEAD).contains(&self.issued) && self.rules == rules
    }

    /// Both at once.
    pub fn read(
        token: &str,
        stamp: &Stamp,
        clinic: ClinicId,
        rules: i64,
        when: (i64, i64),
    ) -> Result<Slot, TokenError> {
        let slot = Slot::open(token, stamp, clinic).ok_or(TokenError::Forged)?;
        if slot.is_fresh(rules, when) { Ok(slot) } else { Err(TokenError::Outdated) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        Slot {
            clinic: ClinicId(7),
            service: Some(3),
            resources: vec![PrincipalId(41), PrincipalId(900)],
            start: 1_790_000_000,
            length: 1800,
            mode: Some(TermKey(1)),
            place: None,
            rules: 12,
            issued: 1_789_000_000,
        }
    }

    #[test]
    fn a_token_says_what_was_offered_and_nothing_else_is_taken() {
        let stamp = Stamp::new(&[9; 32], PURPOSE);
        let token = slot().token(&stamp);
        let now = (1_789_000_100, 3600);
        let read = |token: &str| Slot::read(token, &stamp, ClinicId(7), 12, now);
        assert_eq!(read(&token), Ok(slot()));
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[at / 8] ^= 1 << (at % 8);
            assert_eq!(read(&URL_SAFE_NO_PAD.encode(other)), Err(TokenError::Forged), "bit {at}");
        }
        for text in ["", "x", "!!!!", &token[1..], &"A".repeat(5000)] {
            assert_eq!(read(text), Err(TokenError::Forged), "{text}");
        }
        for other in [Stamp::new(&[8; 32], PURPOSE), Stamp::new(&[9; 32], "link")] {
            assert_eq!(Slot::read(&token, &other, ClinicId(7), 12, now), Err(TokenError::Forged));
        }
        assert_eq!(Slot::read(&token, &stamp, ClinicId(8), 12, now), Err(TokenError::Forged));
    }

    #[test]
    fn a_token_grows_old_by_time_and_by_rules() {
        let stamp = Stamp::new(&[9; 32], PURPOSE);
        let token = slot().token(&stamp);
        let read = |rules, now| Slot::read(&token, &stamp, ClinicId(7), rules, (now, 3600));
        assert!(read(12, 1_789_003_600).is_ok());
        assert_eq!(read(12, 1_789_003_601), Err(TokenError::Outdated));
        assert_eq!(read(13, 1_789_000_100), Err(TokenError::Outdated));
        // A node whose clock is five minutes behind still takes it.
        assert!(read(12, 1_788_999_700).is_ok());
    }
}
