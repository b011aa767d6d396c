//! PROPFIND (RFC 4918 section 9.1), depth 0 and 1.
//! Invariant: what is loaded follows from the properties asked; a listing of ETags opens no text and runs no query.

use http::StatusCode;

use crate::dav::error::{Refusal, Result};
use crate::dav::listing::{Asked, Listing};
use crate::dav::load::{Kept, Reader, Resource};
use crate::dav::multistatus::{self, Size, Stream};
use crate::dav::path::{self, Target};
use crate::dav::request::{Depth, Request};
use crate::dav::wanted::{At, Wanted};
use crate::dav::xml::{Document, names};
use crate::edge::Answer;

pub async fn answer(request: &mut Request) -> Result<Answer> {
    let prefer = request.prefer();
    let document = request.xml().await?;
    let wanted = wanted(document.as_ref(), prefer.minimal)?;
    let deep = deep(request)?;
    let reader = request.reader();
    let own = reader.kept(&request.target, wanted.needs()).await?;
    let mut resources = vec![(request.target.href(), own)];
    if deep && let Some(extra) = members(request, &reader, &wanted).await? {
        resources.extend(extra);
    }
    let listed = deep && matches!(request.target, Target::Calendar(_));
    let entries = match &resources[0].1.resource {
        Resource::Calendar(shown) if listed => Some((shown.clone(), reader.calendars.list(shown).await?)),
        _ => None,
    };
    if deep && prefer.no_root {
        resources.remove(0);
    }
    let size = Size::of(entries.as_ref().map_or(0, |(_, entries)| entries.len()));
    let asked = Asked::properties(wanted);
    multistatus::write(size, move |mut stream| async move {
        tell(&mut stream, &reader, &asked.wanted, &resources);
        if let Some((shown, entries)) = entries {
            Listing::new(reader, shown, asked).await?.entries(&mut stream, &entries).await?;
        }
        Ok(stream)
    })
    .await
}

fn tell(stream: &mut Stream, reader: &Reader, wanted: &Wanted, resources: &[(String, Kept)]) {
    for (href, kept) in resources {
        wanted.respond(&mut stream.out, At::path(href), &kept.loaded(reader), None);
    }
}

/// An empty body asks for everything (9.1).
fn wanted(document: Option<&Document>, minimal: bool) -> Result<Wanted> {
    let Some(document) = document else { return Ok(Wanted::everything(minimal)) };
    let root = document.root();
    if !root.is(names::PROPFIND) {
        return Err(Refusal::bad_request("The body of a PROPFIND is a DAV:propfind."));
    }
    match Wanted::read(root, minimal)? {
        Some(wanted) => Ok(wanted),
        None => Err(Refusal::bad_request("A DAV:propfind holds prop, allprop or propname.")),
    }
}

/// Whether members are asked too. A header that is left out means infinity (10.2), which is not answered (9.1.1).
fn deep(request: &Request) -> Result<bool> {
    match request.depth()? {
        Some(Depth::Zero) => Ok(false),
        Some(Depth::One) => Ok(true),
        Some(Depth::Infinity) | None if matches!(request.target, Target::Object(_)) => Ok(false),
        Some(Depth::Infinity) | None => {
            let why = "Ask with depth 0 or 1.";
            Err(Refusal::precondition(names::PROPFIND_FINITE_DEPTH, why).with_status(StatusCode::FORBIDDEN))
        }
    }
}

/// The members of a collection that is not a calendar: of principals and homes only one's own.
async fn members(request: &Request, reader: &Reader, wanted: &Wanted) -> Result<Option<Vec<(String, Kept)>>> {
    let me = || request.who.name().to_owned();
    let targets = match &request.target {
        Target::Top => vec![Target::Root],
        Target::Root => vec![Target::Principals, Target::Homes],
        Target::Principals => vec![Target::Principal(me())],
        Target::Homes => vec![Target::Home(me())],
        Target::Home(owner) => return calendars(request, reader, wanted, owner).await.map(Some),
        Target::Principal(_) | Target::Inbox(_) | Target::Calendar(_) | Target::Object(_) => return Ok(None),
    };
    let mut all = Vec::with_capacity(targets.len());
    for target in targets {
        all.push((target.href(), reader.kept(&target, wanted.needs()).await?));
    }
    Ok(Some(all))
}

async fn calendars(
    request: &Request,
    reader: &Reader,
    wanted: &Wanted,
    owner: &str,
) -> Result<Vec<(String, Kept)>> {
    let home = request.calendars.home(&request.who, owner).await?;
    let hrefs: Vec<_> = home.collections.iter().map(|shown| path::calendar(&shown.path)).collect();
    Ok(hrefs.into_iter().zip(reader.keep_calendars(home.collections, wanted.needs()).await?).collect())
}
