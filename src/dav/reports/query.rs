//! CALDAV:calendar-query (RFC 4791 section 7.8): the objects of a calendar that a filter matches.
//! Invariant: the filter is understood whole before anything is read; asked only for ETags, no text is opened unless the
//! filter itself needs it.

use futures_util::future::BoxFuture;

use super::report::Report;
use crate::calendar::{Error, Query, Shown};
use crate::dav::error::{Refusal, Result};
use crate::dav::filter;
use crate::dav::listing::{Asked, CHUNK, Listing};
use crate::dav::multistatus::{self, Size};
use crate::dav::path::Target;
use crate::dav::props::property::Kinds;
use crate::dav::request::{Depth, Request};
use crate::dav::xml::{Element, Name, names};
use crate::edge::Answer;

pub struct CalendarQuery;

impl Report for CalendarQuery {
    fn name(&self) -> Name {
        names::CALENDAR_QUERY
    }
    fn on(&self) -> Kinds {
        Kinds::HOME.and(Kinds::CALENDAR).and(Kinds::OBJECT)
    }
    fn answer<'a>(&'a self, request: &'a Request, body: Element<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(answer(request, body))
    }
}

async fn answer(request: &Request, body: Element<'_>) -> Result<Answer> {
    let Some(element) = body.child(names::FILTER) else {
        return Err(Refusal::precondition(names::VALID_FILTER, "A calendar-query needs a filter."));
    };
    let zone = filter::timezone(body)?;
    let query = Query { filter: filter::parse(element)?, zone: zone.clone() };
    let asked = Asked { zone, ..Asked::read(body, request)? };
    let mut found = Vec::new();
    for shown in calendars(request).await? {
        let mut hits = request.calendars.query(&shown, &query).await?;
        if let Target::Object(at) = &request.target {
            hits.retain(|entry| *entry.name == at.name);
        }
        found.push((shown, hits));
    }
    let count = found.iter().map(|(_, hits)| hits.len()).sum();
    let size = if asked.data.is_some() && count > CHUNK { Size::Many } else { Size::of(count) };
    let reader = request.reader();
    multistatus::write(size, move |mut stream| async move {
        for (shown, hits) in found {
            let mut listing = Listing::new(reader.clone(), shown, asked.clone()).await?;
            listing.entries(&mut stream, &hits).await?;
        }
        Ok(stream)
    })
    .await
}

/// The calendars that the request reaches: depth 0 reaches a resource itself, and no collection is an object. A header
/// that is left out means depth 0 (7.8); those who forget it want the objects.
async fn calendars(request: &Request) -> Result<Vec<Shown>> {
    let depth = request.depth()?;
    match &request.target {
        Target::Object(at) => Ok(vec![request.calendars.collection(&request.who, &at.collection).await?]),
        Target::Calendar(at) => {
            let shown = request.calendars.collection(&request.who, at).await?;
            Ok(if depth == Some(Depth::Zero) { Vec::new() } else { vec![shown] })
        }
        Target::Home(owner) => {
            let home = request.calendars.home(&request.who, owner).await?;
            // Objects stand two levels below a home.
            Ok(if depth == Some(Depth::Infinity) { home.collections } else { Vec::new() })
        }
        _ => Err(Error::NotFound.into()),
    }
}
