//! MKCALENDAR (RFC 4791 section 5.3.1) and MKCOL, plain and extended (RFC 5689).
//! Invariant: a calendar is made with all its properties or not at all. Everything in a home is a calendar, so a plain
//! MKCOL makes one too; it is the fallback of clients that know no MKCALENDAR.

use http::{HeaderValue, Response, StatusCode, header};

use crate::calendar::{CollectionPath, Error, NewCollection, Precondition};
use crate::dav::error::{Refusal, Result};
use crate::dav::instructions::{self, Instructions};
use crate::dav::multistatus;
use crate::dav::path::Target;
use crate::dav::props::caldav::every_component;
use crate::dav::props::dead;
use crate::dav::props::property::{Change, Kinds};
use crate::dav::request::Request;
use crate::dav::wanted::At;
use crate::dav::xml::{Element, names};
use crate::edge::{Answer, Body};

pub async fn answer(request: &mut Request) -> Result<Answer> {
    let Target::Calendar(at) = request.target.clone() else { return refuse(request) };
    check_media(request)?;
    let document = request.xml().await?;
    vacant(request, &at).await?;
    let instructions = match &document {
        Some(document) => Some(instructions(request, document.root())?),
        None => None,
    };
    if let Some(failed) = instructions.as_ref().filter(|all| all.has_failed()) {
        return Ok(failure(request, failed));
    }
    make(request, &at, instructions).await?;
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::CREATED;
    Ok(uncached(answer))
}

/// RFC 4918 section 9.3.1: a body that nobody knows is refused before anything else is said.
fn check_media(request: &Request) -> Result<()> {
    if !request.ask.has_body() || request.says_xml() {
        return Ok(());
    }
    let why = "The body of a request that makes a collection is XML.";
    Err(Refusal::status(StatusCode::UNSUPPORTED_MEDIA_TYPE, why))
}

/// A place where no calendar can be made.
pub fn refuse(request: &Request) -> Result<Answer> {
    check_media(request)?;
    match request.target.kind() {
        Kinds::OBJECT => Err(Precondition::CalendarCollectionLocationOk.into()),
        _ if is_mkcalendar(request) => Err(Precondition::ResourceMustBeNull.into()),
        kind => Err(Refusal::method_not_allowed(super::allowed::allow(kind))),
    }
}

fn is_mkcalendar(request: &Request) -> bool {
    request.ask.method.as_str() == "MKCALENDAR"
}

/// RFC 4918 section 9.3.1 has 405 for a place that is taken, RFC 4791 section 5.3.1 a precondition.
async fn vacant(request: &Request, at: &CollectionPath) -> Result<()> {
    match request.calendars.collection(&request.who, at).await {
        Err(Error::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) if is_mkcalendar(request) => Err(Precondition::ResourceMustBeNull.into()),
        Ok(_) => Err(Refusal::method_not_allowed(super::allowed::allow(Kinds::CALENDAR))),
    }
}

fn instructions(request: &Request, root: Element) -> Result<Instructions> {
    let expected = if is_mkcalendar(request) { names::MKCALENDAR } else { names::MKCOL };
    if !root.is(expected) {
        let why = format!("The body is a {}, nothing else.", expected.local);
        return Err(Refusal::status(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let new = Change { is_new: true, ..Change::default() };
    let all = instructions::read(root, Kinds::CALENDAR, new)?;
    if all.change.is_calendar == Some(false) && !all.has_failed() {
        let why = "A home holds calendars only: the resourcetype is DAV:collection with CALDAV:calendar.";
        return Err(Refusal::precondition(names::VALID_RESOURCETYPE, why));
    }
    Ok(all)
}

/// MKCALENDAR tells its failures in a 207 (RFC 4791 section 5.3.1.1), MKCOL under their own status (RFC 5689 section 3).
fn failure(request: &Request, failed: &Instructions) -> Answer {
    let href = request.target.href();
    let answer = if is_mkcalendar(request) {
        multistatus::whole(|out| {
            out.raw("<d:response>");
            At::path(&href).write(out);
            failed.propstats(out);
            out.raw("</d:response>");
        })
    } else {
        let status = failed.failure().unwrap_or(StatusCode::FORBIDDEN);
        multistatus::document(status, "mkcol-response", |out| failed.propstats(out))
    };
    uncached(answer)
}

fn uncached(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

async fn make(request: &Request, at: &CollectionPath, instructions: Option<Instructions>) -> Result<()> {
    let change = instructions.map(|all| all.change).unwrap_or_default();
    let live = change.live;
    let new = NewCollection {
        slug: at.slug.clone(),
        components: live.components.unwrap_or_else(every_component),
        display_name: live.display_name.flatten(),
        description: live.description.flatten(),
        color: live.color.flatten(),
        sort_order: live.sort_order.flatten(),
        timezone: live.timezone.flatten(),
        transparent: live.transparent.unwrap_or(false),
        policy: None,
    };
    Ok(request.calendars.make(request.author(), at, new, dead::settle(change.dead)).await?)
}
