//! CALDAV:free-busy-query (RFC 4791 section 7.10): busy time of a calendar, or of all that count for a person.
//! Invariant: the answer holds spans of time and nothing else; the privilege that opens it is read-free-busy.

use futures_util::future::BoxFuture;
use http::{HeaderValue, Response, header};

use super::report::Report;
use crate::calendar::{Error, FreeBusyOf};
use crate::dav::error::{Refusal, Result};
use crate::dav::filter::{Ends, timezone, window};
use crate::dav::path::Target;
use crate::dav::props::property::Kinds;
use crate::dav::request::Request;
use crate::dav::xml::{Element, Name, names};
use crate::edge::{Answer, Body};

pub struct FreeBusyQuery;

impl Report for FreeBusyQuery {
    fn name(&self) -> Name {
        names::FREE_BUSY_QUERY
    }
    fn on(&self) -> Kinds {
        Kinds::HOME.and(Kinds::CALENDAR)
    }
    fn answer<'a>(&'a self, request: &'a Request, body: Element<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(answer(request, body))
    }
}

async fn answer(request: &Request, body: Element<'_>) -> Result<Answer> {
    let Some(range) = body.child(names::TIME_RANGE) else {
        return Err(Refusal::bad_request("A free-busy-query needs a time-range."));
    };
    let window = window(range, Ends::Both)?;
    let (calendars, who) = (&request.calendars, &request.who);
    // No RFC gives this report a zone; where a client sends one as in a calendar-query, it counts as it does there.
    let zone = timezone(body)?;
    let periods = match &request.target {
        Target::Calendar(at) => {
            let shown = calendars.collection(who, at).await?;
            calendars.freebusy(who, FreeBusyOf::Collection(&shown), window, zone).await?
        }
        Target::Home(owner) => calendars.freebusy(who, FreeBusyOf::Person(owner), window, zone).await?,
        _ => return Err(Error::NotFound.into()),
    };
    let text = ical::vfreebusy(&periods, window, chrono::Utc::now().timestamp());
    let mut answer = Response::new(Body::from(text));
    let media = HeaderValue::from_static("text/calendar; charset=utf-8; component=VFREEBUSY");
    answer.headers_mut().insert(header::CONTENT_TYPE, media);
    Ok(answer)
}
