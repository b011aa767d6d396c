//! Every element name that we speak, once, with its tags rendered at compile time.
//! Invariant: the prefixes `d`, `c`, `s`, `a` and `k` are declared on the root of everything we write ([`DECLARATIONS`]).

use std::ops::Deref;

pub const DAV: &str = "DAV:";
/// RFC 4791.
pub const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// What Apple's Calendar Server added (getctag and its kin).
pub const SERVER: &str = "http://calendarserver.org/ns/";
/// Colour and order of a calendar, by Apple.
pub const APPLE: &str = "http://apple.com/ns/ical/";

/// Our own: what no standard has a word for.
pub const KALENDS: &str = "urn:kalends";

/// The attributes that a root element of ours carries.
pub const DECLARATIONS: &str = concat!(
    " xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"",
    " xmlns:s=\"http://calendarserver.org/ns/\" xmlns:a=\"http://apple.com/ns/ical/\" xmlns:k=\"urn:kalends\""
);

/// An element name; a pointer, because names stand in every refusal and every list.
#[derive(Clone, Copy, Debug)]
pub struct Name(&'static Tag);

/// What a [`Name`] points at: the name and its three tags.
#[derive(Debug)]
pub struct Tag {
    pub namespace: &'static str,
    pub local: &'static str,
    pub open: &'static str,
    pub close: &'static str,
    pub empty: &'static str,
}

impl Deref for Name {
    type Target = Tag;

    fn deref(&self) -> &Tag {
        self.0
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.local == other.local && self.namespace == other.namespace
    }
}

macro_rules! names {
    ($namespace:ident $prefix:literal: $($name:ident = $local:literal,)*) => {
        $(pub const $name: Name = Name(&Tag {
            namespace: $namespace,
            local: $local,
            open: concat!("<", $prefix, ":", $local, ">"),
            close: concat!("</", $prefix, ":", $local, ">"),
            empty: concat!("<", $prefix, ":", $local, "/>"),
        });)*
    };
}

// RFC 4918: the frame.
names! { DAV "d":
    PROPFIND = "propfind",
    PROPNAME = "propname",
    ALLPROP = "allprop",
    INCLUDE = "include",
    PROPERTYUPDATE = "propertyupdate",
    SET = "set",
    REMOVE = "remove",
    PROP = "prop",
    HREF = "href",
    MKCOL = "mkcol",
    COLLECTION = "collection",
    PRINCIPAL = "principal",
}

// RFC 4918 section 15 and later: properties.
names! { DAV "d":
    CREATIONDATE = "creationdate",
    DISPLAYNAME = "displayname",
    GETCONTENTLENGTH = "getcontentlength",
    GETCONTENTTYPE = "getcontenttype",
    GETETAG = "getetag",
    GETLASTMODIFIED = "getlastmodified",
    LOCKDISCOVERY = "lockdiscovery",
    RESOURCETYPE = "resourcetype",
    SUPPORTEDLOCK = "supportedlock",
    SUPPORTED_REPORT_SET = "supported-report-set",
    SYNC_TOKEN = "sync-token",
    CURRENT_USER_PRINCIPAL = "current-user-principal",
    PRINCIPAL_URL = "principal-URL",
    ALTERNATE_URI_SET = "alternate-URI-set",
    GROUP_MEMBER_SET = "group-member-set",
    GROUP_MEMBERSHIP = "group-membership",
    OWNER = "owner",
    GROUP = "group",
    SUPPORTED_PRIVILEGE_SET = "supported-privilege-set",
    CURRENT_USER_PRIVILEGE_SET = "current-user-privilege-set",
    ACL = "acl",
    ACL_RESTRICTIONS = "acl-restrictions",
    INHERITED_ACL_SET = "inherited-acl-set",
    PRINCIPAL_COLLECTION_SET = "principal-collection-set",
}

// Reports and what they are made of.
names! { DAV "d":
    SYNC_COLLECTION = "sync-collection",
    SYNC_LEVEL = "sync-level",
    LIMIT = "limit",
    NRESULTS = "nresults",
    EXPAND_PROPERTY = "expand-property",
    PROPERTY = "property",
    PRINCIPAL_MATCH = "principal-match",
    PRINCIPAL_PROPERTY = "principal-property",
    SELF = "self",
    PRINCIPAL_PROPERTY_SEARCH = "principal-property-search",
    PROPERTY_SEARCH = "property-search",
    MATCH = "match",
    APPLY_TO_PRINCIPAL_COLLECTION_SET = "apply-to-principal-collection-set",
    PRINCIPAL_SEARCH_PROPERTY_SET = "principal-search-property-set",
    ACL_PRINCIPAL_PROP_SET = "acl-principal-prop-set",
}

// Preconditions and postconditions (RFC 4918 section 16, RFC 3744, RFC 5689, RFC 6578).
names! { DAV "d":
    CANNOT_MODIFY_PROTECTED_PROPERTY = "cannot-modify-protected-property",
    PROPFIND_FINITE_DEPTH = "propfind-finite-depth",
    VALID_RESOURCETYPE = "valid-resourcetype",
    RESOURCE_MUST_BE_NULL = "resource-must-be-null",
    NEED_PRIVILEGES = "need-privileges",
    RESOURCE = "resource",
    SUPPORTED_REPORT = "supported-report",
    VALID_SYNC_TOKEN = "valid-sync-token",
    SYNC_TRAVERSAL_SUPPORTED = "sync-traversal-supported",
    NUMBER_OF_MATCHES_WITHIN_LIMITS = "number-of-matches-within-limits",
}

// RFC 4791: elements, properties and reports.
names! { CALDAV "c":
    CALENDAR = "calendar",
    CALENDAR_DATA = "calendar-data",
    CALENDAR_DESCRIPTION = "calendar-description",
    CALENDAR_TIMEZONE = "calendar-timezone",
    SUPPORTED_CALENDAR_COMPONENT_SET = "supported-calendar-component-set",
    SUPPORTED_CALENDAR_DATA = "supported-calendar-data",
    SUPPORTED_COLLATION_SET = "supported-collation-set",
    MAX_RESOURCE_SIZE = "max-resource-size",
    MIN_DATE_TIME = "min-date-time",
    MAX_DATE_TIME = "max-date-time",
    MAX_ATTENDEES_PER_INSTANCE = "max-attendees-per-instance",
    MAX_INSTANCES = "max-instances",
    CALENDAR_HOME_SET = "calendar-home-set",
    CALENDAR_USER_ADDRESS_SET = "calendar-user-address-set",
    CALENDAR_USER_TYPE = "calendar-user-type",
    CALENDAR_AVAILABILITY = "calendar-availability",
    SCHEDULE_INBOX = "schedule-inbox",
    SCHEDULE_CALENDAR_TRANSP = "schedule-calendar-transp",
    OPAQUE = "opaque",
    TRANSPARENT = "transparent",
    MKCALENDAR = "mkcalendar",
    CALENDAR_QUERY = "calendar-query",
    CALENDAR_MULTIGET = "calendar-multiget",
    FREE_BUSY_QUERY = "free-busy-query",
    FILTER = "filter",
    COMP_FILTER = "comp-filter",
    PROP_FILTER = "prop-filter",
    PARAM_FILTER = "param-filter",
    IS_NOT_DEFINED = "is-not-defined",
    TEXT_MATCH = "text-match",
    TIME_RANGE = "time-range",
    TIMEZONE = "timezone",
    TIMEZONE_ID = "timezone-id",
    TIMEZONE_SERVICE_SET = "timezone-service-set",
    CALENDAR_TIMEZONE_ID = "calendar-timezone-id",
    VALID_TIMEZONE = "valid-timezone",
    COMP = "comp",
    ALLCOMP = "allcomp",
    CALDAV_ALLPROP = "allprop",
    CALDAV_PROP = "prop",
    EXPAND = "expand",
    LIMIT_RECURRENCE_SET = "limit-recurrence-set",
    LIMIT_FREEBUSY_SET = "limit-freebusy-set",
}

// RFC 4791: preconditions (sections 5.3.1.1, 5.3.2.1, 7.8, 7.10).
names! { CALDAV "c":
    CALENDAR_COLLECTION_LOCATION_OK = "calendar-collection-location-ok",
    VALID_CALENDAR_DATA = "valid-calendar-data",
    VALID_CALENDAR_OBJECT_RESOURCE = "valid-calendar-object-resource",
    SUPPORTED_CALENDAR_COMPONENT = "supported-calendar-component",
    NO_UID_CONFLICT = "no-uid-conflict",
    VALID_FILTER = "valid-filter",
    SUPPORTED_FILTER = "supported-filter",
    SUPPORTED_COLLATION = "supported-collation",
}

// Apple's and Calendar Server's.
names! { SERVER "s":
    GETCTAG = "getctag",
    EMAIL_ADDRESS_SET = "email-address-set",
    EMAIL_ADDRESS = "email-address",
}
names! { APPLE "a":
    CALENDAR_COLOR = "calendar-color",
    CALENDAR_ORDER = "calendar-order",
}
names! { KALENDS "k":
    TIME_TAKEN = "time-taken",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_is_declared() {
        for (prefix, namespace) in [("d", DAV), ("c", CALDAV), ("s", SERVER), ("a", APPLE), ("k", KALENDS)] {
            assert!(DECLARATIONS.contains(&format!(" xmlns:{prefix}=\"{namespace}\"")));
        }
        assert_eq!(GETETAG.open, "<d:getetag>");
        assert_eq!(CALENDAR_COLOR.empty, "<a:calendar-color/>");
    }
}
