//! THE list of methods: where each is allowed, and the file that does it.
//!
//! *Never:* looks into a calendar's text, decides who may do what, or picks a status for a failure (`dav/error.rs` does).
//!
//! Files: `allowed` (the list), `options` (also without login), `get` (and HEAD), `put`, `delete`, `copymove`, `propfind`,
//! `proppatch`, `makecollection` (MKCOL and MKCALENDAR), `report`.

mod allowed;
mod copymove;
mod delete;
mod get;
mod makecollection;
mod options;
mod propfind;
mod proppatch;
mod put;
mod report;

use http::StatusCode;

use super::error::{Refusal, Result};
use super::request::Request;
use crate::edge::Answer;

use allowed::{METHODS, REFUSED, allow};
pub use options::answer as options;

/// One request of somebody who is known.
pub async fn answer(request: &mut Request) -> Result<Answer> {
    let kind = request.target.kind();
    let method = request.ask.method.as_str().to_owned();
    match METHODS.iter().find(|(name, _)| *name == method) {
        Some((_, on)) if on.has(kind) => {}
        // What makes collections has its own words for the wrong place.
        Some(("MKCOL" | "MKCALENDAR", _)) => return makecollection::refuse(request),
        Some(_) => return Err(Refusal::method_not_allowed(allow(kind))),
        None if REFUSED.contains(&method.as_str()) => return Err(Refusal::method_not_allowed(allow(kind))),
        None => return Err(Refusal::status(StatusCode::NOT_IMPLEMENTED, "No such method is known here.")),
    }
    match method.as_str() {
        "OPTIONS" => Ok(options(kind)),
        "GET" | "HEAD" => get::answer(request).await,
        "PUT" => put::answer(request).await,
        "DELETE" => delete::answer(request).await,
        "COPY" | "MOVE" => copymove::answer(request).await,
        "PROPFIND" => propfind::answer(request).await,
        "PROPPATCH" => proppatch::answer(request).await,
        "MKCOL" | "MKCALENDAR" => makecollection::answer(request).await,
        _ => report::answer(request).await,
    }
}

/// A path below an object or otherwise where nothing can be: what the method says about its parent.
pub fn refuse_too_deep(method: &str) -> Refusal {
    match method {
        "PUT" => Refusal::from(crate::calendar::Error::NoParent),
        "MKCOL" | "MKCALENDAR" => Refusal::from(crate::calendar::Precondition::CalendarCollectionLocationOk),
        _ => Refusal::not_found(),
    }
}
