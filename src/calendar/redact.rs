//! The busy view of a calendar: times without words, under names that say nothing.
//!
//! Names and UIDs are MACs of the real ones, keyed by the installation's secret and the calendar, so that they
//! are stable, the same on every node, and not to be guessed; the ETag is a MAC of the real one, so it is strong
//! (equal tags, equal text) and tells nothing but that something changed. Filters and searches see this text only.

use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use ical::{Component, Kind, Limits};
use sha2::Sha256;

use super::object::{Entry, Etag};

/// Makes the view's names, tags and texts.
#[derive(Clone)]
pub(super) struct Mask {
    mac: Hmac<Sha256>,
}

impl Mask {
    /// `secret` is the installation's, `collection` the calendar's id.
    pub(super) fn new(secret: &[u8], collection: i64) -> Mask {
        // HMAC takes a key of any length (RFC 2104 section 3), so this arm is never taken.
        let mut mac = Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default()));
        mac.update(b"kalends busy view");
        mac.update(&collection.to_be_bytes());
        Mask { mac }
    }

    fn of(&self, what: &str, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(what.as_bytes());
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    pub(super) fn name(&self, real: &str) -> Arc<str> {
        format!("{}.ics", hex(&self.of("name", real.as_bytes()))).into()
    }

    fn uid(&self, real: &str) -> String {
        format!("{}@busy", hex(&self.of("uid", real.as_bytes())))
    }

    fn etag(&self, real: &Etag) -> Etag {
        Etag::from_bytes(self.of("etag", real.bytes()))
    }

    /// Only events have times to show.
    pub(super) fn shows(kind: Kind) -> bool {
        kind == Kind::Event
    }

    /// The entry as the view lists it. Its size stays unsaid: it would tell of the text.
    pub(super) fn entry(&self, real: &Entry) -> Entry {
        Entry {
            name: self.name(&real.name),
            etag: self.etag(&real.etag),
            size: 0,
            created: 0,
            ..real.clone()
        }
    }

    /// The text of the view; `None` for an object that it does not show or that cannot be read.
    pub(super) fn text(&self, real: &[u8]) -> Option<Bytes> {
        let tree = Component::parse(real, &Limits::default()).ok()?;
        let first = tree.components().find_map(|component| component.get("UID"))?;
        let uid = self.uid(&first.text());
        ical::redact(&tree, &uid).map(Bytes::from)
    }
}

/// 32 hex digits of it: 128 bits.
fn hex(mac: &[u8; 32]) -> String {
    Etag::from_bytes(*mac).opaque()
}
