//! One object as lists show it: name, ETag, size, kind; never its text.

use std::fmt;
use std::sync::Arc;

/// The hash of an object's bytes: a strong entity tag (RFC 9110 8.8.1), since equal bytes have equal tags.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Etag(pub(super) store::Etag);

impl Etag {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Etag {
        Etag(store::Etag::of(bytes))
    }

    pub(super) fn from_bytes(hash: [u8; 32]) -> Etag {
        Etag(store::Etag(hash))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0.0
    }

    /// The opaque tag without its quotes: 32 hex digits, the first half of the hash.
    pub fn opaque(&self) -> String {
        let mut text = String::with_capacity(34);
        self.push_hex(&mut text);
        text
    }

    /// Appends the entity tag with its quotes: listings write ten thousand of them.
    pub fn push_quoted(&self, out: &mut String) {
        out.push('"');
        self.push_hex(out);
        out.push('"');
    }

    fn push_hex(&self, out: &mut String) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in &self.bytes()[..16] {
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// The quoted entity tag, as headers and DAV:getetag show it.
impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut text = String::with_capacity(34);
        self.push_quoted(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One object in a list. Times are UTC seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub name: Arc<str>,
    pub etag: Etag,
    /// Bytes of the text.
    pub size: u32,
    pub kind: ical::Kind,
    /// The clinic's sequence at its last change.
    pub seq: i64,
    pub created: i64,
    pub modified: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_quoted_hex_and_follows_the_bytes() {
        let tag = Etag::of(b"abc").to_string();
        assert_eq!(tag, "\"ba7816bf8f01cfea414140de5dae2223\"");
        assert_ne!(Etag::of(b"abd").to_string(), tag);
    }
}
