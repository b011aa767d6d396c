//! `/freebusy/{secret}`: the busy time of one calendar as VFREEBUSY (RFC 5545 3.6.4), from the index alone.
//!
//! Invariant: periods are merged and carry nothing but their type; a link of either scope shows the same.

use http::{HeaderValue, Method, StatusCode, header};

use super::{Feeds, Link, error, window};
use crate::edge::{Answer, Ask, Body, Conditions, Problem, problem};

pub async fn answer(feeds: &Feeds, link: Link, ask: &Ask) -> Result<Answer, Problem> {
    let conditions =
        Conditions::read(&ask.headers).map_err(|error| Problem::bad_request(error.to_string()))?;
    let now = feeds.accounts.now();
    let (window, zone) = window::asked(ask.query.as_deref(), now).map_err(Problem::bad_request)?;
    let zone_name = zone.as_ref().map_or("", |zone| zone.name());
    let tag = format!("{}-{}-{}-{zone_name}", link.shown.ctag(), window.from, window.until);
    let mut answer = if conditions.not_modified(&tag, None) {
        problem::bare(StatusCode::NOT_MODIFIED)
    } else if ask.method == Method::HEAD {
        problem::bare(StatusCode::OK)
    } else {
        let periods = feeds.calendars.busy(std::slice::from_ref(&link.shown), window, zone).await;
        let periods = periods.map_err(|error| error::calendar(&error, ask.id))?;
        Answer::new(Body::from(ical::vfreebusy(&periods, window, now)))
    };
    let headers = answer.headers_mut();
    let etag = HeaderValue::try_from(format!("\"{tag}\"")).map_err(|_| Problem::broken(ask.id))?;
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let calendar = HeaderValue::from_static("text/calendar; charset=utf-8; component=VFREEBUSY");
    headers.insert(header::CONTENT_TYPE, calendar);
    Ok(answer)
}
