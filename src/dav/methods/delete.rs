//! DELETE (RFC 4918 section 9.6) of an object, or of a calendar with all that is in it.
//! Invariant: homes, principals and the root cannot be deleted; what is shared into a home is only let go of.

use http::{Response, StatusCode};

use crate::calendar::{CollectionPath, Error};
use crate::dav::error::{Refusal, Result};
use crate::dav::path::Target;
use crate::dav::request::{Depth, Request};
use crate::edge::{Answer, Body};

pub async fn answer(request: &Request) -> Result<Answer> {
    match &request.target {
        Target::Object(at) => {
            let condition = request.condition().await?;
            request.calendars.delete(request.author(), at, condition).await?;
        }
        Target::Calendar(at) => calendar(request, at).await?,
        _ => return Err(Error::NotFound.into()),
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}

async fn calendar(request: &Request, at: &CollectionPath) -> Result<()> {
    // Section 9.6.1: a collection goes whole or not at all.
    if !matches!(request.depth()?, None | Some(Depth::Infinity)) {
        return Err(Refusal::bad_request("A calendar is deleted with depth infinity."));
    }
    request.calendars.collection(&request.who, at).await?;
    request.collection_condition().await?;
    Ok(request.calendars.remove(request.author(), at).await?)
}
