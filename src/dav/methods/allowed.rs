//! THE list of methods and where each does something; Allow is made from it (RFC 9110 section 10.2.1).
//! Invariant: what a resource allows follows from the kind of its URL alone, so that Allow tells nobody what exists.

use crate::dav::props::property::Kinds;

/// Where each method does something; what Allow says is made from this.
pub const METHODS: &[(&str, Kinds)] = &[
    ("OPTIONS", Kinds::ALL),
    ("GET", Kinds::ALL),
    ("HEAD", Kinds::ALL),
    ("PUT", Kinds::OBJECT),
    ("DELETE", Kinds::CALENDAR.and(Kinds::OBJECT)),
    ("COPY", Kinds::OBJECT),
    ("MOVE", Kinds::CALENDAR.and(Kinds::OBJECT)),
    ("PROPFIND", Kinds::ALL),
    ("PROPPATCH", Kinds::ALL),
    ("MKCOL", Kinds::CALENDAR),
    ("MKCALENDAR", Kinds::CALENDAR),
    ("REPORT", Kinds::ALL),
];

/// Methods that exist elsewhere and do nothing here: 405 rather than 501 (RFC 9110 sections 15.5.6 and 15.6.2). Locking
/// is class 2, ACL is the write side of RFC 3744.
pub const REFUSED: &[&str] = &["LOCK", "UNLOCK", "ACL", "POST", "PATCH", "TRACE", "CONNECT", "SEARCH"];

/// The methods that do something with resources of this kind.
pub fn allow(kind: Kinds) -> String {
    let allowed: Vec<&str> = METHODS.iter().filter(|(_, on)| on.has(kind)).map(|(name, _)| *name).collect();
    allowed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow_names_what_does_something() {
        assert_eq!(allow(Kinds::HOME), "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, REPORT");
        assert_eq!(
            allow(Kinds::OBJECT),
            "OPTIONS, GET, HEAD, PUT, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, REPORT"
        );
        assert!(allow(Kinds::CALENDAR).contains("MKCALENDAR") && !allow(Kinds::CALENDAR).contains("PUT"));
    }
}
