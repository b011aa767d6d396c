//! PUT of a calendar object (RFC 4791 sections 5.3.2 and 5.3.4; RFC 8144 section 3 for return=representation).
//! Invariant: everything that decides whether the text is stored happens in `calendar::put`, in one transaction; a 2xx
//! leaves after the text is on disk, with the strong ETag of the very bytes that were sent.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::get;
use crate::calendar::{Error, ObjectPath, Precondition, Written};
use crate::dav::error::{Refusal, Result};
use crate::dav::path::Target;
use crate::dav::request::Request;
use crate::edge::{Answer, Body, Unread};

pub async fn answer(request: &mut Request) -> Result<Answer> {
    let Target::Object(at) = request.target.clone() else { return Err(Error::NotFound.into()) };
    check_headers(request)?;
    // Understood before anything is stored, for the answer that shows what is.
    request.timezones()?;
    let condition = request.condition().await?;
    let text = body(request).await?;
    let written = request.calendars.put(request.author(), &at, text.clone(), condition).await;
    match written {
        Ok(written) if request.prefer().representation => {
            let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
            represented(request, &at, status).await
        }
        Ok(written) => Ok(stored(&written)),
        Err(Error::ConditionFailed) if request.prefer().representation => {
            // RFC 8144 section 3.2: what stands in the way comes along, if there is anything.
            represented(request, &at, StatusCode::PRECONDITION_FAILED)
                .await
                .map_err(|_| Refusal::from(Error::ConditionFailed))
        }
        Err(error) => Err(error.into()),
    }
}

/// 201 or 204 with the new ETag.
pub fn stored(written: &Written) -> Answer {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = if written.created { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    // RFC 4791 section 5.3.4: no tag for bytes that the client did not send; it reads them then.
    if written.as_sent
        && let Ok(etag) = HeaderValue::try_from(written.etag.to_string())
    {
        answer.headers_mut().insert(header::ETAG, etag);
    }
    answer
}

fn check_headers(request: &Request) -> Result<()> {
    // RFC 9110 section 14.5: a part of a representation must not be taken for the whole.
    if request.ask.headers.contains_key(header::CONTENT_RANGE) {
        return Err(Refusal::bad_request("A part of an object cannot be put; send the whole."));
    }
    let Some(media) = request.ask.headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let media = media.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let fits = media.is_empty() || media == "text/calendar";
    if fits { Ok(()) } else { Err(Precondition::SupportedCalendarData.into()) }
}

async fn body(request: &mut Request) -> Result<Bytes> {
    let (most, limit) = (request.bounds.object, request.limits().object_bytes);
    match request.ask.body(most).await {
        Ok(text) if text.len() <= limit => Ok(text),
        Ok(_) | Err(Unread::TooLarge { .. }) => Err(Precondition::MaxResourceSize(limit).into()),
        Err(unread) => Err(unread.into()),
    }
}

/// What is stored now, with this status.
async fn represented(request: &Request, at: &ObjectPath, status: StatusCode) -> Result<Answer> {
    let shown = request.calendars.collection(&request.who, &at.collection).await?;
    let opened = request.calendars.texts(&shown, &[&at.name]).await?.pop().flatten();
    let (entry, text) = opened.ok_or(Error::NotFound)?;
    let text = request.timezones()?.of(text).await?;
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    get::describe(headers, &entry);
    headers.insert("preference-applied", HeaderValue::from_static("return=representation"));
    if let Ok(place) = HeaderValue::try_from(request.target.href()) {
        headers.insert(header::CONTENT_LOCATION, place);
    }
    Ok(answer)
}
