//! DAV:principal-property-search and DAV:principal-search-property-set (RFC 3744 sections 9.4 and 9.5).
//! Invariant: only people of the caller's clinic are searched, and only by what they show to everybody in it; a property
//! that is not searchable matches nobody.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::StatusCode;

use super::report::Report;
use crate::calendar::Person;
use crate::dav::error::{Refusal, Result};
use crate::dav::load::Resource;
use crate::dav::multistatus;
use crate::dav::path;
use crate::dav::props::property::Kinds;
use crate::dav::props::schedule::user_type;
use crate::dav::request::{Depth, Request};
use crate::dav::wanted::{At, Wanted};
use crate::dav::xml::{Element, Name, names};
use crate::edge::Answer;

/// Principals that one answer holds.
const MATCHES: usize = 500;
/// Principals read at a time, and looked through for one request.
const PAGE: u32 = 1000;
const PEOPLE: usize = 20_000;

pub struct PrincipalPropertySearch;

impl Report for PrincipalPropertySearch {
    fn name(&self) -> Name {
        names::PRINCIPAL_PROPERTY_SEARCH
    }
    fn on(&self) -> Kinds {
        Kinds::ALL
    }
    fn answer<'a>(&'a self, request: &'a Request, body: Element<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(answer(request, body))
    }
}

/// Properties that all contain one text.
struct Clause {
    fields: Vec<Option<Field>>,
    how: How,
    text: String,
}

#[derive(Clone, Copy)]
enum Field {
    Name,
    Address,
    Type,
}

/// Calendar Server's `match-type`; RFC 3744 leaves the manner to the server and prefers caseless containment.
#[derive(Clone, Copy)]
enum How {
    Contains,
    StartsWith,
    EndsWith,
    Equals,
}

/// What can be searched, as its report tells.
const SEARCHABLE: &[(Name, Field, &str)] = &[
    (names::DISPLAYNAME, Field::Name, "Name"),
    (names::EMAIL_ADDRESS_SET, Field::Address, "Address"),
    (names::CALENDAR_USER_ADDRESS_SET, Field::Address, "Calendar address"),
    (names::CALENDAR_USER_TYPE, Field::Type, "Person, room or resource"),
];

async fn answer(request: &Request, body: Element<'_>) -> Result<Answer> {
    if !matches!(request.depth()?, None | Some(Depth::Zero)) {
        return Err(Refusal::bad_request("principal-property-search is asked with depth 0."));
    }
    let clauses = body
        .children()
        .filter(|child| child.is(names::PROPERTY_SEARCH))
        .map(clause)
        .collect::<Result<Vec<_>>>()?;
    // No clause at all is everybody: python-caldav lists principals so.
    let any = body.attribute("test") == Some("anyof") && !clauses.is_empty();
    let wanted = wanted(body, request.prefer().minimal)?;
    let (found, more) = search(request, &clauses, any).await?;
    let reader = request.reader();
    let mut kept = Vec::with_capacity(found.len());
    for person in found {
        kept.push((
            path::principal(&person.name),
            reader.keep(Resource::Principal(person), wanted.needs()).await?,
        ));
    }
    Ok(multistatus::whole(|out| {
        for (href, one) in &kept {
            wanted.respond(out, At::path(href), &one.loaded(&reader), None);
        }
        if more {
            let why = Some(names::NUMBER_OF_MATCHES_WITHIN_LIMITS);
            multistatus::status(out, At::path(&request.target.href()), StatusCode::INSUFFICIENT_STORAGE, why);
        }
    }))
}

/// What is told of each. python-caldav 3.6 writes an empty DAV:prop and the names it wants beside it.
fn wanted(body: Element, minimal: bool) -> Result<Wanted> {
    let grammar = [names::PROPERTY_SEARCH, names::PROP, names::APPLY_TO_PRINCIPAL_COLLECTION_SET];
    let beside = |child: &Element| !grammar.iter().any(|name| child.is(*name));
    match body.child(names::PROP) {
        Some(prop) if prop.children().next().is_none() => Wanted::of(body.children().filter(beside), minimal),
        _ => Ok(Wanted::read(body, minimal)?.unwrap_or_else(|| Wanted::nothing(minimal))),
    }
}

fn clause(element: Element) -> Result<Clause> {
    let (Some(props), Some(text)) = (element.child(names::PROP), element.child(names::MATCH)) else {
        return Err(Refusal::bad_request("A property-search holds prop and match."));
    };
    let fields = props.children().map(field).collect();
    let how = match text.attribute("match-type") {
        Some("starts-with") => How::StartsWith,
        Some("ends-with") => How::EndsWith,
        Some("equals" | "is") => How::Equals,
        _ => How::Contains,
    };
    Ok(Clause { fields, how, text: text.text().trim().to_lowercase() })
}

fn field(name: Element) -> Option<Field> {
    SEARCHABLE.iter().find(|(known, _, _)| name.is(*known)).map(|(_, field, _)| *field)
}

async fn search(request: &Request, clauses: &[Clause], any: bool) -> Result<(Vec<Arc<Person>>, bool)> {
    let (mut found, mut after, mut seen) = (Vec::new(), String::new(), 0);
    loop {
        let page = request.calendars.people(&request.who, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((found, false)) };
        after = last.name.clone();
        seen += page.len();
        for person in page {
            let holds = |clause: &Clause| clause.holds(&person);
            if if any { clauses.iter().any(holds) } else { clauses.iter().all(holds) } {
                found.push(person);
            }
        }
        if found.len() > MATCHES || seen >= PEOPLE {
            found.truncate(MATCHES);
            return Ok((found, true));
        }
    }
}

impl Clause {
    fn holds(&self, person: &Person) -> bool {
        self.fields.iter().all(|field| field.is_some_and(|field| self.compare(person, field)))
    }

    fn compare(&self, person: &Person, field: Field) -> bool {
        match field {
            Field::Name => self.is(&person.display_name),
            Field::Type => self.is(user_type(person)),
            Field::Address => {
                let email = person
                    .email
                    .as_deref()
                    .is_some_and(|email| self.is(email) || self.is(&format!("mailto:{email}")));
                email || self.is(&path::principal(&person.name))
            }
        }
    }

    fn is(&self, value: &str) -> bool {
        let value = value.to_lowercase();
        match self.how {
            How::Contains => value.contains(&self.text),
            How::StartsWith => value.starts_with(&self.text),
            How::EndsWith => value.ends_with(&self.text),
            How::Equals => value == self.text,
        }
    }
}

pub struct PrincipalSearchPropertySet;

impl Report for PrincipalSearchPropertySet {
    fn name(&self) -> Name {
        names::PRINCIPAL_SEARCH_PROPERTY_SET
    }
    fn on(&self) -> Kinds {
        Kinds::ROOT
    }
    fn answer<'a>(&'a self, _: &'a Request, _: Element<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(std::future::ready(Ok(multistatus::document(
            StatusCode::OK,
            "principal-search-property-set",
            |out| {
                for (name, _, description) in SEARCHABLE {
                    out.raw("<d:principal-search-property><d:prop>");
                    out.empty(*name);
                    out.raw("</d:prop><d:description xml:lang=\"en\">");
                    out.text(description);
                    out.raw("</d:description></d:principal-search-property>");
                }
            },
        ))))
    }
}
