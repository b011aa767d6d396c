//! DAV:sync-collection (RFC 6578): what changed in a calendar, or in a home, since a token.
//! Invariant: a client that has applied the answer and kept its token has missed nothing; an answer cut by a limit says
//! so inside (507, section 3.6) and its token goes on from where it was cut.

use futures_util::future::BoxFuture;
use http::StatusCode;

use super::report::Report;
use crate::calendar::{CollectionPath, Error};
use crate::dav::error::{Refusal, Result};
use crate::dav::listing::{Asked, Listing};
use crate::dav::load::Resource;
use crate::dav::multistatus::{self, Size, Stream};
use crate::dav::path::{self, Target};
use crate::dav::props::property::Kinds;
use crate::dav::request::{Depth, Request};
use crate::dav::wanted::At;
use crate::dav::xml::{Element, Name, names};
use crate::edge::Answer;

pub struct SyncCollection;

impl Report for SyncCollection {
    fn name(&self) -> Name {
        names::SYNC_COLLECTION
    }
    fn on(&self) -> Kinds {
        Kinds::HOME.and(Kinds::CALENDAR)
    }
    fn answer<'a>(&'a self, request: &'a Request, body: Element<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(answer(request, body))
    }
}

/// What the request says besides its properties.
struct Since {
    token: Option<String>,
    limit: Option<usize>,
}

async fn answer(request: &Request, body: Element<'_>) -> Result<Answer> {
    // Section 3.2 wants depth 0. Thunderbird sends 1 beside sync-level 1: it means the same.
    if request.depth()? == Some(Depth::Infinity) {
        return Err(Refusal::bad_request(
            "sync-collection is asked with depth 0; sync-level says how deep it goes.",
        ));
    }
    let since = Since { token: token(body), limit: limit(body)? };
    check_level(request, body)?;
    let asked = Asked::read(body, request)?;
    match &request.target {
        Target::Calendar(at) => calendar(request, at, since, asked).await,
        Target::Home(owner) => home(request, owner, since, asked).await,
        _ => Err(Error::NotFound.into()),
    }
}

/// An empty or absent token asks for everything.
fn token(body: Element) -> Option<String> {
    let text = body.child(names::SYNC_TOKEN)?.text();
    let token = text.trim();
    (!token.is_empty()).then(|| token.to_owned())
}

fn limit(body: Element) -> Result<Option<usize>> {
    let Some(limit) = body.child(names::LIMIT).and_then(|limit| limit.child(names::NRESULTS)) else {
        return Ok(None);
    };
    match limit.text().trim().parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(Refusal::bad_request("nresults is a number.")),
    }
}

/// `infinite` reaches no further than `1` in a calendar; in a home it would have to merge calendars (section 3.3).
fn check_level(request: &Request, body: Element) -> Result<()> {
    let level = body.child(names::SYNC_LEVEL).map(|level| level.text());
    match level.as_deref().map(str::trim) {
        None | Some("1") => Ok(()),
        Some("infinite") if matches!(request.target, Target::Calendar(_)) => Ok(()),
        Some("infinite") => {
            let why = "A home is synchronised one level deep; then ask each calendar that changed.";
            Err(Refusal::precondition(names::SYNC_TRAVERSAL_SUPPORTED, why))
        }
        Some(_) => Err(Refusal::bad_request("sync-level is 1 or infinite.")),
    }
}

async fn calendar(request: &Request, at: &CollectionPath, since: Since, asked: Asked) -> Result<Answer> {
    let shown = request.calendars.collection(&request.who, at).await?;
    let changes = request.calendars.changes(&shown, since.token.as_deref(), since.limit).await?;
    let size = Size::of(changes.changed.len() + changes.gone.len());
    let (reader, href) = (request.reader(), request.target.href());
    multistatus::write(size, move |mut stream| async move {
        let mut listing = Listing::new(reader, shown, asked).await?;
        listing.entries(&mut stream, &changes.changed).await?;
        for name in &changes.gone {
            listing.absent(&mut stream, name);
            stream.rest().await?;
        }
        close(&mut stream, &href, changes.more, &changes.token);
        Ok(stream)
    })
    .await
}

async fn home(request: &Request, owner: &str, since: Since, asked: Asked) -> Result<Answer> {
    let changes =
        request.calendars.home_changes(&request.who, owner, since.token.as_deref(), since.limit).await?;
    let (reader, href) = (request.reader(), request.target.href());
    let needs = asked.wanted.needs();
    multistatus::write(Size::Few, move |mut stream| async move {
        for shown in changes.changed {
            let path = path::calendar(&shown.path);
            let kept = reader.keep(Resource::Calendar(shown), needs).await?;
            asked.wanted.respond(&mut stream.out, At::path(&path), &kept.loaded(&reader), None);
        }
        for slug in &changes.gone {
            let gone = format!("{href}{}/", path::encoded(slug));
            multistatus::status(&mut stream.out, At::path(&gone), StatusCode::NOT_FOUND, None);
        }
        close(&mut stream, &href, changes.more, &changes.token);
        Ok(stream)
    })
    .await
}

fn close(stream: &mut Stream, href: &str, more: bool, token: &str) {
    if more {
        let why = Some(names::NUMBER_OF_MATCHES_WITHIN_LIMITS);
        multistatus::status(&mut stream.out, At::path(href), StatusCode::INSUFFICIENT_STORAGE, why);
    }
    stream.out.element(names::SYNC_TOKEN, token);
}
