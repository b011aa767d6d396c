//! Strings that mean nothing to their reader: tokens, ids, page positions. Never secret: this is a fake.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// The first bytes of a hash as a number.
pub fn number(text: &str) -> u64 {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// 26 characters of base32hex in lower case, as Google's own ids are made of [D].
pub fn id(seed: &str) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let hash = Sha256::digest(seed.as_bytes());
    hash.iter().take(26).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

pub fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// A value as an opaque token, and back.
pub fn token<T: Serialize>(value: &T) -> String {
    base64(&serde_json::to_vec(value).unwrap_or_default())
}

pub fn from_token<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&from_base64(text)?).ok()
}

/// The S256 challenge of a PKCE verifier (RFC 7636 section 4.2).
pub fn challenge(verifier: &str) -> String {
    base64(&Sha256::digest(verifier.as_bytes()))
}

/// A small generator for faults by chance (xorshift): the same seed gives the same weather.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides.max(1)
    }

    pub fn per_mille(&mut self, chance: u16) -> bool {
        chance != 0 && self.roll(1000) < u64::from(chance)
    }
}

impl Default for Dice {
    fn default() -> Dice {
        Dice::new(1)
    }
}
