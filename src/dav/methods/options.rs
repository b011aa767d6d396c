//! OPTIONS (RFC 9110 section 9.3.7, RFC 4918 section 10.1): on every URL, also without login.
//! Invariant: says nothing about whether a resource exists; never `calendar-schedule` or `calendar-auto-schedule`, which
//! would make Thunderbird and Apple leave the sending of invitations to us.

use http::{HeaderValue, Response, header};

use super::allowed::allow;
use crate::dav::props::property::Kinds;
use crate::edge::{Answer, Body};

/// The compliance classes: RFC 4918 without locks, RFC 3744, RFC 5689, RFC 4791, RFC 7809, RFC 7953.
const CLASSES: HeaderValue = HeaderValue::from_static(
    "1, 3, access-control, extended-mkcol, calendar-access, calendar-no-timezone, calendar-availability",
);

pub fn answer(kind: Kinds) -> Answer {
    let mut answer = Response::new(Body::empty());
    let headers = answer.headers_mut();
    headers.insert("dav", CLASSES);
    if let Ok(allowed) = HeaderValue::from_str(&allow(kind)) {
        headers.insert(header::ALLOW, allowed);
    }
    answer
}
