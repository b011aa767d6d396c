//! REPORT (RFC 3253 section 3.6): finds the report that the body names in the list, and lets it answer.
//! Invariant: knows no report; a name that the resource does not have is DAV:supported-report.

use http::header;

use super::get::TIMEZONES;
use crate::dav::error::{Refusal, Result};
use crate::dav::reports;
use crate::dav::request::Request;
use crate::dav::xml::names;
use crate::edge::Answer;

pub async fn answer(request: &mut Request) -> Result<Answer> {
    let Some(document) = request.xml().await? else {
        return Err(Refusal::bad_request("A REPORT says in its body which one."));
    };
    let root = document.root();
    match reports::find(root, request.target.kind()) {
        Some(report) => {
            let mut answer = report.answer(request, root).await?;
            answer.headers_mut().insert(header::VARY, TIMEZONES);
            Ok(answer)
        }
        None => {
            let why = "This resource has no such report; supported-report-set names those it has.";
            Err(Refusal::precondition(names::SUPPORTED_REPORT, why))
        }
    }
}
