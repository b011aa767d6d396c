//! COPY and MOVE (RFC 4918 sections 9.8 and 9.9) of objects, MOVE of a calendar as its renaming.
//! Invariant: a destination is parsed like any path of ours, and is never another server's. A calendar is not copied: the
//! copy's objects would have the UIDs of the first, which RFC 4791 allows and every client trips over.

use http::{HeaderValue, StatusCode, header};

use super::put::stored;
use crate::calendar::{CollectionPath, Error, ObjectPath, Overwrite, Transfer};
use crate::dav::error::{Refusal, Result};
use crate::dav::path::{self, BadHref, Target};
use crate::dav::request::{Depth, Request};
use crate::edge::{Answer, Body};

pub async fn answer(request: &Request) -> Result<Answer> {
    let destination = destination(request)?;
    let overwrite = overwrite(request)?;
    match (&request.target, destination) {
        (Target::Object(from), Target::Object(to)) => object(request, from, &to, overwrite).await,
        (Target::Calendar(from), Target::Calendar(to)) => calendar(request, from, &to, overwrite).await,
        _ => Err(forbidden("An object moves to an object's place, a calendar to a calendar's.")),
    }
}

fn forbidden(why: &str) -> Refusal {
    Refusal::status(StatusCode::FORBIDDEN, why)
}

fn destination(request: &Request) -> Result<Target> {
    let Some(value) = request.ask.headers.get("destination") else {
        return Err(Refusal::bad_request("COPY and MOVE need a Destination."));
    };
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Refusal::from(BadHref::Malformed))?;
    match path::parse_href(text, &request.site) {
        Ok(target) => Ok(target),
        // Section 9.8.5: the collection that should hold it is not there.
        Err(BadHref::TooDeep) => Err(Error::NoParent.into()),
        Err(BadHref::Unknown) => Err(forbidden("Nothing can be stored at that destination.")),
        Err(bad) => Err(bad.into()),
    }
}

/// Section 10.6; a header that is left out means T.
fn overwrite(request: &Request) -> Result<Overwrite> {
    match request.ask.headers.get("overwrite").map(|value| value.as_bytes().trim_ascii()) {
        None | Some(b"T" | b"t") => Ok(Overwrite::Yes),
        Some(b"F" | b"f") => Ok(Overwrite::No),
        Some(_) => Err(Refusal::bad_request("Overwrite is T or F.")),
    }
}

async fn object(
    request: &Request,
    from: &ObjectPath,
    to: &ObjectPath,
    overwrite: Overwrite,
) -> Result<Answer> {
    let how = if request.ask.method.as_str() == "COPY" { Transfer::Copy } else { Transfer::Move };
    if from == to {
        return Err(forbidden("The source is the destination."));
    }
    let condition = request.condition().await?;
    let written = request.calendars.transfer(request.author(), (from, to), how, overwrite, condition).await?;
    let mut answer = stored(&written);
    located(&mut answer, path::object(to));
    Ok(answer)
}

fn located(answer: &mut Answer, href: String) {
    if let Ok(place) = HeaderValue::try_from(href) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
}

async fn calendar(
    request: &Request,
    from: &CollectionPath,
    to: &CollectionPath,
    overwrite: Overwrite,
) -> Result<Answer> {
    if from == to {
        return Err(forbidden("The source is the destination."));
    }
    if !matches!(request.depth()?, None | Some(Depth::Infinity)) {
        return Err(Refusal::bad_request("A calendar is moved with depth infinity."));
    }
    request.calendars.collection(&request.who, from).await?;
    request.collection_condition().await?;
    if from.owner != to.owner {
        return Err(forbidden("A calendar stays in its home."));
    }
    if request.calendars.collection(&request.who, to).await.is_ok() {
        // Overwriting would delete a calendar with all its visits by the way: that takes a DELETE of its own.
        return Err(match overwrite {
            Overwrite::No => Error::ConditionFailed.into(),
            Overwrite::Yes => forbidden("There is a calendar at the destination; delete it first."),
        });
    }
    request.calendars.rename_collection(request.author(), from, to).await?;
    let mut answer = http::Response::new(Body::empty());
    *answer.status_mut() = StatusCode::CREATED;
    located(&mut answer, path::calendar(to));
    Ok(answer)
}
