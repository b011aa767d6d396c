//! CALDAV:calendar-multiget (RFC 4791 section 7.9): objects by their hrefs.
//! Invariant: one response for each href, in the order of the request, however often an object is named; 404 for what is
//! not there, is no object, or is another server's; texts are held a chunk at a time.

use futures_util::future::BoxFuture;
use http::StatusCode;

use super::report::Report;
use crate::calendar::{Error, ObjectPath};
use crate::dav::error::{Refusal, Result};
use crate::dav::listing::{Asked, CHUNK, Listing};
use crate::dav::load::Reader;
use crate::dav::multistatus::{self, Size, Stream};
use crate::dav::path::{self, Target};
use crate::dav::props::property::Kinds;
use crate::dav::request::Request;
use crate::dav::xml::{Element, Name, names};
use crate::edge::Answer;

pub struct CalendarMultiget;

impl Report for CalendarMultiget {
    fn name(&self) -> Name {
        names::CALENDAR_MULTIGET
    }
    fn on(&self) -> Kinds {
        Kinds::HOME.and(Kinds::CALENDAR).and(Kinds::OBJECT)
    }
    fn answer<'a>(&'a self, request: &'a Request, body: Element<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(answer(request, body))
    }
}

/// Consecutive hrefs of one calendar, or one that names no object.
enum Run {
    Objects(Vec<ObjectPath>),
    Nothing(String),
}

async fn answer(request: &Request, body: Element<'_>) -> Result<Answer> {
    let asked = Asked::read(body, request)?;
    let hrefs: Vec<String> =
        body.children().filter(|child| child.is(names::HREF)).map(|href| href.text()).collect();
    if hrefs.is_empty() {
        return Err(Refusal::bad_request("A calendar-multiget names one href at least."));
    }
    request.reader().resource(&request.target).await?;
    let size = if hrefs.len() > CHUNK { Size::Many } else { Size::Few };
    let runs = runs(request, hrefs);
    let reader = request.reader();
    multistatus::write(size, move |mut stream| async move {
        for run in runs {
            match run {
                Run::Nothing(href) => nothing(&mut stream, &href),
                Run::Objects(objects) => tell(&reader, &asked, &mut stream, &objects).await?,
            }
            stream.rest().await?;
        }
        Ok(stream)
    })
    .await
}

fn runs(request: &Request, hrefs: Vec<String>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for href in hrefs {
        let Ok(Target::Object(object)) = path::parse_href(&href, &request.site) else {
            runs.push(Run::Nothing(href));
            continue;
        };
        match runs.last_mut() {
            Some(Run::Objects(run)) if run.len() < CHUNK && run[0].collection == object.collection => {
                run.push(object)
            }
            _ => runs.push(Run::Objects(vec![object])),
        }
    }
    runs
}

async fn tell(reader: &Reader, asked: &Asked, stream: &mut Stream, objects: &[ObjectPath]) -> Result<()> {
    let shown = match reader.calendars.collection(&reader.who, &objects[0].collection).await {
        Ok(shown) => shown,
        Err(Error::NotFound | Error::Denied(_)) => {
            objects.iter().for_each(|object| nothing(stream, &path::object(object)));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let names: Vec<&str> = objects.iter().map(|object| object.name.as_str()).collect();
    Listing::new(reader.clone(), shown, asked.clone()).await?.named(stream, &names).await
}

/// 404 under the very words of the request: there is no other name for it.
fn nothing(stream: &mut Stream, href: &str) {
    stream.out.raw("<d:response><d:href>");
    stream.out.text(href);
    stream.out.raw("</d:href>");
    multistatus::status_line(&mut stream.out, StatusCode::NOT_FOUND);
    stream.out.raw("</d:response>");
}
