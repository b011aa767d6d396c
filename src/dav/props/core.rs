//! The live properties of RFC 4918 section 15, supported-report-set (RFC 3253 3.1.5) and sync-token (RFC 6578 4).
//! Invariant: a property that a resource does not have is missing, never empty, so that clients see the 404.

use super::property::{Change, Kinds, Loaded, Place, Property, Reading, Refusal, href, nothing, text};
use crate::dav::path;
use crate::dav::reports;
use crate::dav::xml::{Element, Name, Writer, names};

pub const CORE: &[&dyn Property] = &[
    &ResourceType,
    &DisplayName,
    &GetEtag,
    &GetContentType,
    &GetContentLength,
    &GetLastModified,
    &CreationDate,
    &SupportedReportSet,
    &SyncToken,
    &CurrentUserPrincipal,
    &SupportedLock,
    &LockDiscovery,
];

struct ResourceType;
impl Property for ResourceType {
    fn name(&self) -> Name {
        names::RESOURCETYPE
    }
    fn on(&self) -> Kinds {
        Kinds::ALL
    }
    fn in_allprop(&self) -> bool {
        true
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let inside: &[Name] = match at.place {
            Place::Object(..) => return nothing(out, self.name()),
            Place::Root | Place::Home { .. } => &[names::COLLECTION],
            Place::Principal(_) => &[names::COLLECTION, names::PRINCIPAL],
            Place::Inbox(_) => &[names::COLLECTION, names::SCHEDULE_INBOX],
            Place::Calendar(_) => &[names::COLLECTION, names::CALENDAR],
        };
        out.open(self.name());
        inside.iter().for_each(|kind| out.empty(*kind));
        out.close(self.name());
        Reading::Found
    }
    /// RFC 5689 section 3: only the request that makes the collection says what it is.
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        let Some(kinds) = to.filter(|_| change.is_new) else { return Err(Refusal::Protected) };
        let known = kinds.children().all(|kind| kind.is(names::COLLECTION) || kind.is(names::CALENDAR));
        if !known || !kinds.has(names::COLLECTION) {
            return Err(Refusal::Precondition(names::VALID_RESOURCETYPE));
        }
        change.is_calendar = Some(kinds.has(names::CALENDAR));
        Ok(())
    }
}

struct DisplayName;
impl Property for DisplayName {
    fn name(&self) -> Name {
        names::DISPLAYNAME
    }
    fn on(&self) -> Kinds {
        Kinds::PRINCIPAL.and(Kinds::HOME).and(Kinds::CALENDAR)
    }
    fn in_allprop(&self) -> bool {
        true
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        match at.place {
            Place::Principal(person) | Place::Home { person, .. } => {
                text(out, self.name(), Some(person.display_name.as_str()))
            }
            Place::Calendar(shown) => text(out, self.name(), shown.row().display_name.as_deref()),
            _ => Reading::Missing,
        }
    }
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        change.live.display_name = Some(to.map(|element| element.text()));
        Ok(())
    }
}

struct GetEtag;
impl Property for GetEtag {
    fn name(&self) -> Name {
        names::GETETAG
    }
    fn on(&self) -> Kinds {
        Kinds::OBJECT
    }
    fn in_allprop(&self) -> bool {
        true
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let Some(entry) = at.object() else { return Reading::Missing };
        out.raw("<d:getetag>");
        out.append(|out| entry.etag.push_quoted(out));
        out.raw("</d:getetag>");
        Reading::Found
    }
}

/// The media type of an object's text, naming its component as RFC 5545 section 8.1 allows.
pub fn content_type(kind: ical::Kind) -> String {
    format!("text/calendar; charset=utf-8; component={}", kind.name())
}

struct GetContentType;
impl Property for GetContentType {
    fn name(&self) -> Name {
        names::GETCONTENTTYPE
    }
    fn on(&self) -> Kinds {
        Kinds::OBJECT
    }
    fn in_allprop(&self) -> bool {
        true
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let Some(entry) = at.object() else { return Reading::Missing };
        // Thunderbird takes an object only when this begins with text/calendar.
        out.raw("<d:getcontenttype>text/calendar; charset=utf-8; component=");
        out.raw(entry.kind.name());
        out.raw("</d:getcontenttype>");
        Reading::Found
    }
}

struct GetContentLength;
impl Property for GetContentLength {
    fn name(&self) -> Name {
        names::GETCONTENTLENGTH
    }
    fn on(&self) -> Kinds {
        Kinds::OBJECT
    }
    fn in_allprop(&self) -> bool {
        true
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), at.object().map(|entry| entry.size.to_string()).as_deref())
    }
}

/// RFC 9110 5.6.7, from UTC seconds.
pub fn http_date(seconds: i64) -> String {
    let since = std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + since)
}

struct GetLastModified;
impl Property for GetLastModified {
    fn name(&self) -> Name {
        names::GETLASTMODIFIED
    }
    fn on(&self) -> Kinds {
        Kinds::OBJECT
    }
    fn in_allprop(&self) -> bool {
        true
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), at.object().map(|entry| http_date(entry.modified)).as_deref())
    }
}

struct CreationDate;
impl Property for CreationDate {
    fn name(&self) -> Name {
        names::CREATIONDATE
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR.and(Kinds::OBJECT)
    }
    fn in_allprop(&self) -> bool {
        true
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let seconds = match at.place {
            Place::Calendar(shown) => shown.row().created_at,
            Place::Object(_, entry) => entry.created,
            _ => return Reading::Missing,
        };
        let date = chrono::DateTime::from_timestamp(seconds, 0);
        text(out, self.name(), date.map(|date| date.format("%Y-%m-%dT%H:%M:%SZ").to_string()).as_deref())
    }
}

struct SupportedReportSet;
impl Property for SupportedReportSet {
    fn name(&self) -> Name {
        names::SUPPORTED_REPORT_SET
    }
    fn on(&self) -> Kinds {
        Kinds::ALL
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        out.open(self.name());
        for report in reports::on(at.kind()) {
            out.raw("<d:supported-report><d:report>");
            out.empty(report);
            out.raw("</d:report></d:supported-report>");
        }
        out.close(self.name());
        Reading::Found
    }
}

struct SyncToken;
impl Property for SyncToken {
    fn name(&self) -> Name {
        names::SYNC_TOKEN
    }
    fn on(&self) -> Kinds {
        Kinds::HOME.and(Kinds::CALENDAR)
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        match at.place {
            Place::Home { token, .. } => text(out, self.name(), Some(token)),
            Place::Calendar(shown) => text(out, self.name(), Some(&shown.token())),
            _ => Reading::Missing,
        }
    }
}

/// RFC 5397.
struct CurrentUserPrincipal;
impl Property for CurrentUserPrincipal {
    fn name(&self) -> Name {
        names::CURRENT_USER_PRINCIPAL
    }
    fn on(&self) -> Kinds {
        Kinds::ALL
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        href(out, self.name(), Some(path::principal(at.caller)))
    }
}

/// Empty: nothing can be locked (class 2 is not offered). Litmus and Windows ask.
struct SupportedLock;
impl Property for SupportedLock {
    fn name(&self) -> Name {
        names::SUPPORTEDLOCK
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR.and(Kinds::OBJECT)
    }
    fn in_allprop(&self) -> bool {
        true
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        nothing(out, self.name())
    }
}

struct LockDiscovery;
impl Property for LockDiscovery {
    fn name(&self) -> Name {
        names::LOCKDISCOVERY
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR.and(Kinds::OBJECT)
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        nothing(out, self.name())
    }
}
