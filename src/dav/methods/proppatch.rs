//! PROPPATCH (RFC 4918 section 9.2): live and dead properties, all or none.
//! Invariant: the request is understood whole before anything is written; one property that cannot be set is told with
//! its reason, all the others with 424, and nothing changed.

use http::{Response, StatusCode};

use crate::calendar::Error;
use crate::dav::error::{Refusal, Result};
use crate::dav::instructions::{self, Instructions};
use crate::dav::multistatus;
use crate::dav::path::Target;
use crate::dav::props::dead;
use crate::dav::props::property::Change;
use crate::dav::request::Request;
use crate::dav::wanted::At;
use crate::dav::xml::names;
use crate::edge::{Answer, Body};

pub async fn answer(request: &mut Request) -> Result<Answer> {
    let Some(document) = request.xml().await? else {
        return Err(Refusal::bad_request("A PROPPATCH says in its body what to set."));
    };
    let root = document.root();
    if !root.is(names::PROPERTYUPDATE) {
        return Err(Refusal::bad_request("The body of a PROPPATCH is a DAV:propertyupdate."));
    }
    request.reader().resource(&request.target).await?;
    let instructions = instructions::read(root, request.target.kind(), Change::default())?;
    if instructions.is_empty() {
        return Err(Refusal::bad_request("A PROPPATCH sets or removes one property at least."));
    }
    condition(request).await?;
    if !instructions.has_failed() {
        write(request, &instructions).await?;
        if request.prefer().minimal {
            // RFC 8144 section 2.2.
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            return Ok(answer);
        }
    }
    let href = request.target.href();
    Ok(multistatus::whole(|out| {
        out.raw("<d:response>");
        At::path(&href).write(out);
        instructions.propstats(out);
        out.raw("</d:response>");
    }))
}

async fn condition(request: &Request) -> Result<()> {
    let Target::Object(at) = &request.target else { return request.collection_condition().await };
    let only_if = request.condition().await?;
    let shown = request.calendars.collection(&request.who, &at.collection).await?;
    let found = request.calendars.find(&shown, &[&at.name]).await?.pop().flatten();
    Ok(only_if.holds(found.map(|entry| entry.etag).as_ref())?)
}

async fn write(request: &Request, instructions: &Instructions) -> Result<()> {
    let change = instructions.change.clone();
    let dead = dead::settle(change.dead);
    match &request.target {
        Target::Calendar(at) => Ok(request.calendars.change(request.author(), at, change.live, dead).await?),
        Target::Object(at) => Ok(request.calendars.change_dead(request.author(), at, dead).await?),
        Target::Inbox(_) => match change.availability {
            Some(to) => Ok(request.calendars.set_availability(request.author(), to).await?),
            None => Ok(()),
        },
        _ => Err(Error::NotFound.into()),
    }
}
