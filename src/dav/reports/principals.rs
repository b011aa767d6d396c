//! DAV:principal-match and DAV:acl-principal-prop-set (RFC 3744 sections 9.2 and 9.3).
//! Invariant: only principals that the caller may know of are told.

use futures_util::future::BoxFuture;

use super::report::Report;
use crate::calendar::{Access, Error, Privilege};
use crate::dav::error::{Refusal, Result};
use crate::dav::load::{Reader, Resource};
use crate::dav::multistatus;
use crate::dav::path::Target;
use crate::dav::props::property::{Kinds, Needs};
use crate::dav::request::Request;
use crate::dav::wanted::{At, Wanted};
use crate::dav::xml::{Element, Name, Writer, names};
use crate::edge::Answer;

pub struct PrincipalMatch;

impl Report for PrincipalMatch {
    fn name(&self) -> Name {
        names::PRINCIPAL_MATCH
    }
    fn on(&self) -> Kinds {
        Kinds::COLLECTION
    }
    fn answer<'a>(&'a self, request: &'a Request, body: Element<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(matching(request, body))
    }
}

async fn matching(request: &Request, body: Element<'_>) -> Result<Answer> {
    let minimal = request.prefer().minimal;
    let wanted = Wanted::read(body, minimal)?.unwrap_or_else(|| Wanted::nothing(minimal));
    let reader = request.reader();
    let found = match body.child(names::PRINCIPAL_PROPERTY) {
        _ if body.has(names::SELF) => own_principal(request),
        Some(property) if property.has(names::OWNER) => own_resources(request).await?,
        Some(_) => Vec::new(),
        None => return Err(Refusal::bad_request("principal-match holds self or principal-property.")),
    };
    told(&reader, &wanted, &found).await
}

/// The caller's principal, where it stands below what was asked.
fn own_principal(request: &Request) -> Vec<Target> {
    let own = Target::Principal(request.who.name().to_owned());
    let below =
        matches!(request.target, Target::Top | Target::Root | Target::Principals) || request.target == own;
    if below { vec![own] } else { Vec::new() }
}

/// What the caller owns below what was asked.
async fn own_resources(request: &Request) -> Result<Vec<Target>> {
    let Target::Home(owner) = &request.target else { return Ok(Vec::new()) };
    let home = request.calendars.home(&request.who, owner).await?;
    let own = home.collections.into_iter().filter(|shown| shown.access == Access::Owner);
    Ok(own.map(|shown| Target::Calendar(shown.path)).collect())
}

async fn told(reader: &Reader, wanted: &Wanted, found: &[Target]) -> Result<Answer> {
    let mut kept = Vec::with_capacity(found.len());
    for target in found {
        kept.push((target.href(), reader.kept(target, wanted.needs()).await?));
    }
    Ok(multistatus::whole(|out: &mut Writer| {
        for (href, one) in &kept {
            wanted.respond(out, At::path(href), &one.loaded(reader), None);
        }
    }))
}

pub struct AclPrincipalPropSet;

impl Report for AclPrincipalPropSet {
    fn name(&self) -> Name {
        names::ACL_PRINCIPAL_PROP_SET
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn answer<'a>(&'a self, request: &'a Request, body: Element<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(of_acl(request, body))
    }
}

async fn of_acl(request: &Request, body: Element<'_>) -> Result<Answer> {
    let minimal = request.prefer().minimal;
    let wanted = Wanted::read(body, minimal)?.unwrap_or_else(|| Wanted::nothing(minimal));
    let reader = request.reader();
    let Resource::Calendar(shown) = reader.resource(&request.target).await? else {
        return Err(Refusal::not_found());
    };
    if !shown.may(Privilege::ReadAcl) {
        return Err(Error::Denied(Privilege::ReadAcl).into());
    }
    let shares = reader.shares(&shown, Needs::SHARES).await?;
    let mut found = vec![Target::Principal(shown.owner().name.clone())];
    found.extend(shares.into_iter().map(|(name, _)| Target::Principal(name)));
    told(&reader, &wanted, &found).await
}
