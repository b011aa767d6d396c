//! THE list of properties: one const list per RFC, one struct per property.
//!
//! *Never:* does I/O, decides who may see what, or knows a method. Adding a property is one struct beside its test, its
//! name in `xml/names.rs` and one line in the list of its file.
//!
//! Files: `property` (the trait, and what it is given), `core` (RFC 4918 and the small ones), `acl` (RFC 3744),
//! `caldav` (RFC 4791), `schedule` (RFC 6638), `timezones` (RFC 7809), `apple`, `dead` (what clients invented).

pub mod acl;
mod apple;
pub mod caldav;
pub mod core;
pub mod dead;
pub mod property;
pub mod schedule;
mod timezones;

use std::collections::HashMap;
use std::sync::LazyLock;

use property::Property;

const LISTS: &[&[&dyn Property]] =
    &[core::CORE, acl::ACL, caldav::CALDAV, schedule::SCHEDULE, timezones::TIMEZONES, apple::APPLE];

/// Every property that the server knows.
pub fn all() -> impl Iterator<Item = &'static dyn Property> {
    LISTS.iter().flat_map(|list| list.iter().copied())
}

type ByName = HashMap<(&'static str, &'static str), &'static dyn Property>;

static BY_NAME: LazyLock<ByName> = LazyLock::new(|| {
    all().map(|property| ((property.name().namespace, property.name().local), property)).collect()
});

/// A property by its name; `None` is one that only a client knows.
pub fn find(namespace: &str, local: &str) -> Option<&'static dyn Property> {
    BY_NAME.get(&(namespace, local)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_property_is_listed_twice() {
        assert_eq!(BY_NAME.len(), all().count());
    }

    #[test]
    fn allprop_holds_only_what_rfc_4918_defines() {
        for property in all().filter(|property| property.in_allprop()) {
            assert_eq!(property.name().namespace, "DAV:");
        }
        assert!(!find("DAV:", "acl").unwrap().in_allprop());
        assert!(find("urn:x", "acl").is_none());
    }
}
