//! DAV:expand-property (RFC 3253 section 3.8): properties, and those of the resources that their hrefs name.
//! Invariant: the depth and the number of resources opened are bounded, whatever the request nests.

use futures_util::future::BoxFuture;

use super::report::Report;
use crate::dav::error::{Refusal, Result};
use crate::dav::load::{Kept, Reader};
use crate::dav::multistatus;
use crate::dav::path::{self, Site};
use crate::dav::props::{self, property::Kinds, property::Reading};
use crate::dav::request::Request;
use crate::dav::xml::{Element, Name, Writer, names};
use crate::edge::Answer;

/// Levels of properties inside properties; Apple asks two.
const LEVELS: usize = 4;
/// Resources opened for one request.
const RESOURCES: usize = 200;

pub struct ExpandProperty;

impl Report for ExpandProperty {
    fn name(&self) -> Name {
        names::EXPAND_PROPERTY
    }
    fn on(&self) -> Kinds {
        Kinds::ALL
    }
    fn answer<'a>(&'a self, request: &'a Request, body: Element<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(answer(request, body))
    }
}

/// A DAV:property of the request.
struct Asked {
    namespace: String,
    local: String,
    inside: Vec<Asked>,
}

async fn answer(request: &Request, body: Element<'_>) -> Result<Answer> {
    let asked = read(body, LEVELS)?;
    let reader = request.reader();
    let needs = needs(&asked);
    let kept = reader.kept(&request.target, needs).await?;
    let mut expansion = Expansion {
        reader: &reader,
        site: &request.site,
        minimal: request.prefer().minimal,
        left: RESOURCES,
    };
    let mut out = Writer::default();
    expansion.respond(&mut out, &request.target.href(), &kept, &asked).await?;
    let inside = out.finish();
    Ok(multistatus::whole(|whole| whole.raw(std::str::from_utf8(&inside).unwrap_or_default())))
}

/// `room` bounds how deep this calls itself.
fn read(within: Element, room: usize) -> Result<Vec<Asked>> {
    let Some(room) = room.checked_sub(1) else {
        return Err(Refusal::bad_request("expand-property nests its properties too deep."));
    };
    let mut all = Vec::new();
    for property in within.children().filter(|child| child.is(names::PROPERTY)) {
        let Some(local) = property.attribute("name").filter(|name| !name.is_empty()) else {
            return Err(Refusal::bad_request("A property of expand-property needs a name."));
        };
        let namespace = property.attribute("namespace").unwrap_or(names::DAV).to_owned();
        let inside = if property.has(names::PROPERTY) { read(property, room)? } else { Vec::new() };
        all.push(Asked { namespace, local: local.to_owned(), inside });
    }
    Ok(all)
}

fn needs(asked: &[Asked]) -> props::property::Needs {
    let known = asked.iter().filter_map(|one| props::find(&one.namespace, &one.local));
    known.fold(props::property::Needs::NOTHING, |all, property| all.and(property.needs()))
}

struct Expansion<'a> {
    reader: &'a Reader,
    site: &'a Site,
    minimal: bool,
    left: usize,
}

impl Expansion<'_> {
    fn respond<'a>(
        &'a mut self,
        out: &'a mut Writer,
        href: &'a str,
        kept: &'a Kept,
        asked: &'a [Asked],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            out.raw("<d:response>");
            out.href(href);
            out.raw("<d:propstat><d:prop>");
            let mut missing = Vec::new();
            for one in asked {
                if !self.property(out, kept, one).await? {
                    missing.push(one);
                }
            }
            out.raw("</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>");
            if !missing.is_empty() && !self.minimal {
                out.raw("<d:propstat><d:prop>");
                missing.iter().for_each(|one| out.foreign(&one.namespace, &one.local));
                out.raw("</d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>");
            }
            out.raw("</d:response>");
            Ok(())
        })
    }

    /// Whether it was there; with properties inside, each href becomes a response.
    async fn property(&mut self, out: &mut Writer, kept: &Kept, asked: &Asked) -> Result<bool> {
        let at = kept.loaded(self.reader);
        let Some(property) =
            props::find(&asked.namespace, &asked.local).filter(|one| one.on().has(at.kind()))
        else {
            return Ok(false);
        };
        let mut plain = Writer::default();
        if property.get(&at, &mut plain) != Reading::Found {
            return Ok(false);
        }
        let plain = plain.finish();
        let plain = std::str::from_utf8(&plain).unwrap_or_default();
        if asked.inside.is_empty() {
            out.raw(plain);
            return Ok(true);
        }
        out.open(property.name());
        for href in hrefs(plain) {
            self.follow(out, href, &asked.inside).await?;
        }
        out.close(property.name());
        Ok(true)
    }

    async fn follow(&mut self, out: &mut Writer, href: &str, asked: &[Asked]) -> Result<()> {
        let Some(left) = self.left.checked_sub(1) else {
            let why = "This opens more resources than one answer may hold.";
            return Err(Refusal::precondition(names::NUMBER_OF_MATCHES_WITHIN_LIMITS, why));
        };
        self.left = left;
        let Ok(target) = path::parse_href(href, self.site) else { return Ok(()) };
        match self.reader.kept(&target, needs(asked)).await {
            Ok(kept) => self.respond(out, &target.href(), &kept, asked).await,
            // What cannot be seen is left out: that it exists is nobody's business.
            Err(_) => Ok(()),
        }
    }
}

/// The hrefs in a property that we wrote ourselves.
fn hrefs(xml: &str) -> impl Iterator<Item = &str> {
    xml.split("<d:href>").skip(1).filter_map(|rest| rest.split("</d:href>").next())
}
