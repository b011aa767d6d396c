//! Refusals, and how `calendar::Error` becomes one: the only place that picks a DAV status (RFC 4918 section 16,
//! RFC 4791 sections 1.3, 5.3 and 7.8, RFC 6578 3.2, RFC 3744 7.1.1).
//! Invariant: what is broken inside is logged once, with the request's number, and never shown.

use http::{HeaderValue, Response, StatusCode, header};

use super::path;
use super::props::acl;
use super::xml::{Malformed, Name, Writer, names};
use crate::calendar::{self, Precondition, Privilege};
use crate::edge::condition;
use crate::edge::{Answer, Body, Unread};

pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// A request that is not done, and why.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    element: Option<Name>,
    inside: Inside,
    why: String,
    retry_after: Option<u32>,
    allow: Option<String>,
}

/// What stands in the precondition's element.
#[derive(Debug)]
enum Inside {
    Nothing,
    Href(String),
    /// What kind of interval stands in the way: an empty element of our namespace.
    Kind(&'static str),
    /// RFC 3744 section 7.1.1; the resource is the one that was asked for.
    Privilege(Privilege),
}

impl Refusal {
    pub fn status(status: StatusCode, why: impl Into<String>) -> Refusal {
        Refusal {
            status,
            element: None,
            inside: Inside::Nothing,
            why: why.into(),
            retry_after: None,
            allow: None,
        }
    }

    pub fn bad_request(why: impl Into<String>) -> Refusal {
        Refusal::status(StatusCode::BAD_REQUEST, why)
    }

    pub fn not_found() -> Refusal {
        Refusal::status(StatusCode::NOT_FOUND, "There is nothing here.")
    }

    /// 403 with its element: repeating the request will not help (RFC 4791 section 1.3).
    pub fn precondition(element: Name, why: impl Into<String>) -> Refusal {
        Refusal { element: Some(element), ..Refusal::status(StatusCode::FORBIDDEN, why) }
    }

    /// 405 says what may be done instead (RFC 9110 section 15.5.6).
    pub fn method_not_allowed(allow: String) -> Refusal {
        let why = "This method does nothing here; Allow names those that do.";
        Refusal { allow: Some(allow), ..Refusal::status(StatusCode::METHOD_NOT_ALLOWED, why) }
    }

    pub fn with_status(self, status: StatusCode) -> Refusal {
        Refusal { status, ..self }
    }

    /// The precondition, for whoever tests what was refused.
    #[cfg(test)]
    pub fn element(&self) -> Option<Name> {
        self.element
    }

    fn with_href(self, href: String) -> Refusal {
        Refusal { inside: Inside::Href(href), ..self }
    }

    /// The answer to a request for the resource at `href`.
    pub fn answer(self, href: &str) -> Answer {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        let (media, body) = match self.element {
            Some(element) => ("application/xml; charset=utf-8", self.body(element, href)),
            None => ("text/plain; charset=utf-8", format!("{}\n", self.why).into()),
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        *answer.body_mut() = body;
        answer
    }

    fn body(&self, element: Name, href: &str) -> Body {
        let mut out = Writer::with_capacity(512);
        out.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<d:error");
        out.raw(names::DECLARATIONS);
        out.raw(">");
        self.write_element(element, href, &mut out);
        // RFC 4918 section 17: clients pass over what they do not know; whoever reads a trace is told in words.
        out.raw("<k:why>");
        out.text(&self.why);
        out.raw("</k:why></d:error>");
        out.finish().into()
    }

    /// The element with what it holds, as it stands in a DAV:error.
    fn write_element(&self, element: Name, href: &str, out: &mut Writer) {
        out.open(element);
        match &self.inside {
            Inside::Nothing => {}
            Inside::Href(other) => out.href(other),
            Inside::Kind(kind) => out.raw(&format!("<k:{kind}/>")),
            Inside::Privilege(missing) => {
                out.open(names::RESOURCE);
                out.href(href);
                out.raw("<d:privilege>");
                out.raw(acl::privilege(*missing));
                out.raw("</d:privilege>");
                out.close(names::RESOURCE);
            }
        }
        out.close(element);
    }
}

impl From<calendar::Error> for Refusal {
    fn from(error: calendar::Error) -> Refusal {
        use calendar::Error;
        match error {
            Error::NotFound => Refusal::not_found(),
            Error::Denied(missing) => Refusal {
                inside: Inside::Privilege(missing),
                ..Refusal::precondition(names::NEED_PRIVILEGES, "You may not do this here.")
            },
            Error::Precondition(precondition) => Refusal::from(precondition),
            Error::ConditionFailed => Refusal::status(
                StatusCode::PRECONDITION_FAILED,
                "It was changed since you read it; read it again.",
            ),
            Error::Exists => {
                Refusal::status(StatusCode::METHOD_NOT_ALLOWED, "There is something here already.")
            }
            Error::NoParent => {
                Refusal::status(StatusCode::CONFLICT, "The collection that should hold it is not there.")
            }
            Error::Invalid(why) => Refusal::bad_request(why),
            Error::Busy { retry_after } => busy(retry_after),
            Error::Full => {
                Refusal::status(StatusCode::INSUFFICIENT_STORAGE, "No space is left to store this.")
            }
            Error::Broken(cause) => {
                tracing::error!(cause = %cause, "a request failed inside; run `kalends doctor` and read the cause");
                Refusal::status(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Something broke here; it has been logged.",
                )
            }
        }
    }
}

fn busy(retry_after: u32) -> Refusal {
    let refusal = Refusal::status(StatusCode::SERVICE_UNAVAILABLE, "The server is busy; try again soon.");
    Refusal { retry_after: Some(retry_after), ..refusal }
}

impl From<Precondition> for Refusal {
    fn from(precondition: Precondition) -> Refusal {
        let why = precondition.to_string();
        let element = match &precondition {
            Precondition::SupportedCalendarData => names::SUPPORTED_CALENDAR_DATA,
            Precondition::ValidCalendarData(_) | Precondition::ValidTimezone => names::VALID_CALENDAR_DATA,
            Precondition::KnownTimezone(_) => names::VALID_TIMEZONE,
            Precondition::ValidCalendarObjectResource(_) => names::VALID_CALENDAR_OBJECT_RESOURCE,
            Precondition::SupportedCalendarComponent(_) => names::SUPPORTED_CALENDAR_COMPONENT,
            Precondition::NoUidConflict(_) => names::NO_UID_CONFLICT,
            Precondition::MaxResourceSize(_) => names::MAX_RESOURCE_SIZE,
            Precondition::MinDateTime(_) => names::MIN_DATE_TIME,
            Precondition::MaxDateTime(_) => names::MAX_DATE_TIME,
            Precondition::MaxAttendees(_) => names::MAX_ATTENDEES_PER_INSTANCE,
            Precondition::MaxInstances(_) => names::MAX_INSTANCES,
            Precondition::TimeTaken(_) => names::TIME_TAKEN,
            Precondition::CalendarCollectionLocationOk => names::CALENDAR_COLLECTION_LOCATION_OK,
            Precondition::ResourceMustBeNull => names::RESOURCE_MUST_BE_NULL,
            Precondition::ValidFilter(_) => names::VALID_FILTER,
            Precondition::ValidSyncToken => names::VALID_SYNC_TOKEN,
            Precondition::NumberOfMatchesWithinLimits => names::NUMBER_OF_MATCHES_WITHIN_LIMITS,
        };
        let refusal = Refusal::precondition(element, why);
        match precondition {
            Precondition::NoUidConflict(other) => refusal.with_href(path::object(&other)),
            Precondition::TimeTaken(kind) => Refusal { inside: Inside::Kind(kind), ..refusal },
            // Nothing is wrong with the question, there is too much to answer (RFC 4918 section 11.5).
            Precondition::NumberOfMatchesWithinLimits => {
                refusal.with_status(StatusCode::INSUFFICIENT_STORAGE)
            }
            _ => refusal,
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Refusal {
        Refusal::bad_request(malformed.0)
    }
}

impl From<condition::Malformed> for Refusal {
    fn from(malformed: condition::Malformed) -> Refusal {
        Refusal::bad_request(format!("{malformed}."))
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Refusal {
        let status = match unread {
            Unread::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Unread::Stalled => StatusCode::REQUEST_TIMEOUT,
            Unread::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Unread::BrokenOff => StatusCode::BAD_REQUEST,
        };
        Refusal::status(status, format!("{unread}."))
    }
}

impl From<path::BadHref> for Refusal {
    fn from(bad: path::BadHref) -> Refusal {
        match bad {
            path::BadHref::Malformed => {
                Refusal::bad_request("The path has a segment that no resource can have.")
            }
            path::BadHref::Foreign => {
                Refusal::status(StatusCode::BAD_GATEWAY, "That URL is another server's.")
            }
            path::BadHref::Unknown | path::BadHref::TooDeep => Refusal::not_found(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{CollectionPath, Error};

    fn shown(refusal: Refusal) -> (u16, String) {
        let answer = refusal.answer("/dav/calendars/ada/visits/x.ics");
        let body = answer.body().whole().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        (answer.status().as_u16(), body.unwrap_or_default())
    }

    #[test]
    fn a_uid_that_is_taken_names_the_object_that_has_it() {
        let other = CollectionPath::new("ada", "visits").object("a&b.ics");
        let (status, body) = shown(Error::Precondition(Precondition::NoUidConflict(other)).into());
        assert_eq!(status, 403);
        assert!(
            body.contains(
                "<c:no-uid-conflict><d:href>/dav/calendars/ada/visits/a%26b.ics</d:href></c:no-uid-conflict>"
            ),
            "{body}"
        );
    }

    #[test]
    fn a_missing_privilege_is_named_with_its_resource() {
        let (status, body) = shown(Error::Denied(Privilege::WriteContent).into());
        assert_eq!(status, 403);
        assert!(
            body.contains("<d:need-privileges><d:resource><d:href>/dav/calendars/ada/visits/x.ics</d:href>")
        );
        assert!(body.contains("<d:privilege><d:write-content/></d:privilege>"), "{body}");
    }

    #[test]
    fn a_cause_is_never_shown() {
        let (status, body) = shown(Error::Broken("the secret cause".into()).into());
        assert_eq!(status, 500);
        assert!(!body.contains("secret"));
    }

    #[test]
    fn words_of_clients_are_escaped() {
        let refusal = Refusal::precondition(names::VALID_CALENDAR_DATA, "line 3: <b>&\u{0}");
        assert!(super::super::xml::read(shown(refusal).1.as_bytes()).is_ok());
    }
}
