//! GET and HEAD (RFC 9110 sections 9.3.1 and 9.3.2) with conditions and ranges.
//! Invariant: an object's bytes are those that were sent, under the ETag that PUT gave, but for the VTIMEZONEs where
//! CalDAV-Timezones says so (RFC 7809); HEAD says what GET would.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::calendar::{Condition, Entry, Error, ObjectPath};
use crate::dav::data::Timezones;
use crate::dav::error::{Refusal, Result};
use crate::dav::path::Target;
use crate::dav::props::core::{content_type, http_date};
use crate::dav::request::Request;
use crate::edge::{Answer, Body, ByteRange};

/// The one header of a request that decides what stands in a text (RFC 7809 section 7.1); the ETag is of what is stored.
pub const TIMEZONES: HeaderValue = HeaderValue::from_static("CalDAV-Timezones");

pub async fn answer(request: &Request) -> Result<Answer> {
    match &request.target {
        Target::Object(at) => object(request, at).await,
        _ => collection(request).await,
    }
}

async fn object(request: &Request, at: &ObjectPath) -> Result<Answer> {
    let shown = request.calendars.collection(&request.who, &at.collection).await?;
    let opened = request.calendars.texts(&shown, &[&at.name]).await?.pop().flatten();
    let (entry, text) = opened.ok_or(Error::NotFound)?;
    let tag = entry.etag.opaque();
    let (conditions, timezones) = (request.conditions()?, request.timezones()?);
    // If-None-Match is no refusal here but a 304.
    let only_if = Condition { if_none_match: None, ..request.condition().await? };
    only_if.holds(Some(&entry.etag))?;
    if conditions.not_modified(&tag, Some(entry.modified)) {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        validators(answer.headers_mut(), &entry);
        return Ok(answer);
    }
    let text = timezones.of(text).await?;
    // The tag is of what is stored: no part of anything else may be put together by it.
    let range = match timezones {
        Timezones::AsSent => ByteRange::read(&request.ask.headers, text.len(), &tag),
        _ => ByteRange::Whole,
    };
    let (status, body) = match &range {
        ByteRange::Whole => (StatusCode::OK, text.clone()),
        ByteRange::Part(part) => (StatusCode::PARTIAL_CONTENT, text.slice(part.clone())),
        ByteRange::Unsatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, Default::default()),
    };
    let mut answer = sized(request, body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    if let Some(value) = range.content_range(text.len()) {
        headers.insert(header::CONTENT_RANGE, value);
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    describe(headers, &entry);
    Ok(answer)
}

/// What is said of an object whose text stands in an answer.
pub fn describe(headers: &mut HeaderMap, entry: &Entry) {
    if let Ok(media) = HeaderValue::try_from(content_type(entry.kind)) {
        headers.insert(header::CONTENT_TYPE, media);
    }
    validators(headers, entry);
}

fn validators(headers: &mut HeaderMap, entry: &Entry) {
    headers.insert(header::VARY, TIMEZONES);
    if let Ok(etag) = HeaderValue::try_from(entry.etag.to_string()) {
        headers.insert(header::ETAG, etag);
    }
    if let Ok(date) = HeaderValue::try_from(http_date(entry.modified)) {
        headers.insert(header::LAST_MODIFIED, date);
    }
}

/// The body, or for HEAD only its length.
fn sized(request: &Request, body: Body) -> Answer {
    if request.ask.method != Method::HEAD {
        return Response::new(body);
    }
    let length = body.whole().map(|bytes| bytes.len());
    let mut answer = Response::new(Body::empty());
    if let Some(length) = length {
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    answer
}

/// Somebody opened the address in a browser.
async fn collection(request: &Request) -> Result<Answer> {
    request.reader().resource(&request.target).await.map_err(|refusal| match refusal.status {
        StatusCode::FORBIDDEN => Refusal::not_found(),
        _ => refusal,
    })?;
    let words = "This address is for calendar programs: give it to one, with your name and password.\n";
    let mut answer = sized(request, Body::from(words));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(answer)
}
