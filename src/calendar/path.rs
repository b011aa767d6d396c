//! Where a thing stands: the home it is seen in, the slug there, the name of the object.
//!
//! A calendar that was shared stands in the sharee's own home as `{slug}~{owner}`, because Thunderbird only
//! offers what it finds there; therefore `~` may not stand in a slug of one's own.

use super::error::{Error, Precondition, Result};

/// Bytes of a slug or an object's name; clients make names of a UUID or a UID, 255 is what file systems allow.
pub const NAME_BYTES: usize = 255;

/// Between the slug of a shared calendar and its owner's name.
pub const SHARE_MARK: char = '~';

/// Where the scheduling inbox stands in every home (RFC 6638 2.2); no calendar has this slug.
pub const INBOX: &str = "inbox";

/// A calendar by the home it is seen in and its slug there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CollectionPath {
    /// The user in whose home it is seen.
    pub owner: String,
    /// The last segment of its URL, decoded.
    pub slug: String,
}

/// One object's place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectPath {
    pub collection: CollectionPath,
    /// The last segment of its URL, decoded.
    pub name: String,
}

impl CollectionPath {
    pub fn new(owner: impl Into<String>, slug: impl Into<String>) -> CollectionPath {
        CollectionPath { owner: owner.into(), slug: slug.into() }
    }

    /// The object `name` in this calendar.
    pub fn object(&self, name: impl Into<String>) -> ObjectPath {
        ObjectPath { collection: self.clone(), name: name.into() }
    }

    /// Slug and owner of a calendar that somebody else shared; `None` for one's own.
    pub(super) fn shared(&self) -> Option<(&str, &str)> {
        self.slug.split_once(SHARE_MARK)
    }
}

/// A slug that a new calendar may have.
pub(super) fn check_slug(slug: &str) -> Result<()> {
    let fits = name_fits(slug) && !slug.contains(SHARE_MARK) && slug != INBOX;
    if fits { Ok(()) } else { Err(Error::Precondition(Precondition::CalendarCollectionLocationOk)) }
}

/// A name that a new object may have: no separators, no control characters, not one of the dots.
pub(super) fn check_name(name: &str) -> Result<()> {
    if name_fits(name) {
        return Ok(());
    }
    Err(Error::Invalid("the last segment of the URL is empty, longer than 255 bytes, or has a character that no name may have".into()))
}

fn name_fits(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES
        && name != "."
        && name != ".."
        && !name.chars().any(|c| c == '/' || c == '\\' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_told_from_an_own_calendar() {
        assert_eq!(CollectionPath::new("bob", "visits~ada").shared(), Some(("visits", "ada")));
        assert_eq!(CollectionPath::new("ada", "visits").shared(), None);
    }

    #[test]
    fn names_that_could_climb_or_hide_are_refused() {
        for bad in ["", ".", "..", "a/b", "a\\b", "a\u{0}b", "a\nb", &"x".repeat(256)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for good in ["a.ics", "B1A2-é ü.ics", "%2f", "a~b"] {
            assert!(check_name(good).is_ok(), "{good:?}");
        }
        assert!(check_slug("a~b").is_err() && check_slug("inbox").is_err());
    }
}
