//! One request of this door: who asks what of which resource, its headers as values.
//! Invariant: a header that changes what is done and cannot be understood is refused, never ignored.

use http::{HeaderMap, StatusCode, header};

use super::data::Timezones;
use super::error::{Refusal, Result};
use super::load::Reader;
use super::path::{self, Site, Target};
use super::props::property::Kinds;
use super::xml::{self, Document};
use crate::accounts::Caller;
use crate::calendar::{Author, Calendars, Condition, Error, Limits, Origin, Tags, Term};
use crate::edge::{Ask, Conditions, EtagList, IfHeader, IfState, IfTerm, Tag};

/// Bytes of a body that are read before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub object: usize,
    pub xml: usize,
}

pub struct Request {
    pub calendars: Calendars,
    pub site: Site,
    pub bounds: Bounds,
    pub who: Caller,
    pub target: Target,
    pub ask: Ask,
}

/// RFC 4918 section 10.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    Zero,
    One,
    Infinity,
}

/// What RFC 7240 and RFC 8144 let a client prefer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    pub minimal: bool,
    pub representation: bool,
    /// RFC 8144 section 4: a depth-1 answer without the resource itself.
    pub no_root: bool,
}

impl Target {
    /// Which list of properties and reports holds for it.
    pub fn kind(&self) -> Kinds {
        match self {
            Target::Top | Target::Root | Target::Principals | Target::Homes => Kinds::ROOT,
            Target::Principal(_) => Kinds::PRINCIPAL,
            Target::Home(_) => Kinds::HOME,
            Target::Inbox(_) => Kinds::INBOX,
            Target::Calendar(_) => Kinds::CALENDAR,
            Target::Object(_) => Kinds::OBJECT,
        }
    }
}

impl Request {
    pub fn author(&self) -> Author<'_> {
        Author { who: &self.who, from: Origin::Dav }
    }

    pub fn limits(&self) -> &Limits {
        &self.calendars.settings().limits
    }

    pub fn reader(&self) -> Reader {
        Reader { calendars: self.calendars.clone(), who: self.who.clone() }
    }

    /// The body as XML; `None` when there is none.
    pub async fn xml(&mut self) -> Result<Option<Document>> {
        let body = self.ask.body(self.bounds.xml).await?;
        if body.trim_ascii().is_empty() {
            return Ok(None);
        }
        Ok(Some(xml::read(&body)?))
    }

    pub fn depth(&self) -> Result<Option<Depth>> {
        match self.ask.headers.get("depth").map(|value| value.as_bytes().trim_ascii()) {
            None => Ok(None),
            Some(b"0") => Ok(Some(Depth::Zero)),
            Some(b"1") => Ok(Some(Depth::One)),
            Some(text) if text.eq_ignore_ascii_case(b"infinity") => Ok(Some(Depth::Infinity)),
            Some(_) => Err(Refusal::bad_request("Depth is 0, 1 or infinity.")),
        }
    }

    pub fn prefer(&self) -> Prefer {
        prefer(&self.ask.headers)
    }

    /// CalDAV-Timezones (RFC 7809 section 7.1).
    pub fn timezones(&self) -> Result<Timezones> {
        match self.ask.headers.get("caldav-timezones").map(|value| value.as_bytes().trim_ascii()) {
            None => Ok(Timezones::AsSent),
            Some(b"T" | b"t") => Ok(Timezones::All),
            Some(b"F" | b"f") => Ok(Timezones::NotStandard),
            Some(_) => Err(Refusal::bad_request("CalDAV-Timezones is T or F.")),
        }
    }

    pub fn conditions(&self) -> Result<Conditions> {
        Ok(Conditions::read(&self.ask.headers)?)
    }

    /// What must hold of the object that is asked for.
    pub async fn condition(&self) -> Result<Condition> {
        let conditions = self.conditions()?;
        let lists = match &conditions.if_header {
            Some(header) => self.lists(header).await?,
            None => None,
        };
        if let (Some(since), None) = (conditions.if_unmodified_since, &conditions.if_match) {
            self.unmodified(since).await?;
        }
        Ok(Condition {
            if_match: conditions.if_match.map(|list| tags(list, Weak::Never)),
            if_none_match: conditions.if_none_match.map(|list| tags(list, Weak::Too)),
            lists,
        })
    }

    /// RFC 9110 section 13.1.4. A date is coarse (two changes within a second look like one), so it is compared here and
    /// not in the transaction: who needs certainty sends If-Match, which outweighs it.
    async fn unmodified(&self, since: i64) -> Result<()> {
        let Target::Object(at) = &self.target else { return Ok(()) };
        let Ok(shown) = self.calendars.collection(&self.who, &at.collection).await else { return Ok(()) };
        match self.calendars.find(&shown, &[&at.name]).await?.pop().flatten() {
            Some(entry) if entry.modified > since => Err(Error::ConditionFailed.into()),
            _ => Ok(()),
        }
    }

    /// The lists that are about this object; `None` when one about another resource holds already
    /// (RFC 4918 section 10.4.3: one list that holds is enough).
    async fn lists(&self, header: &IfHeader) -> Result<Option<Vec<Vec<Term>>>> {
        let mut own = Vec::new();
        for list in &header.lists {
            let terms = list.terms.iter().map(term).collect::<Vec<_>>();
            let about = list.resource.as_deref().map(|href| path::parse_href(href, &self.site));
            match about {
                None => own.push(terms),
                Some(Ok(other)) if other == self.target => own.push(terms),
                Some(Ok(other)) if self.holds_elsewhere(&other, &terms).await? => return Ok(None),
                Some(_) => {}
            }
        }
        Ok(Some(own))
    }

    async fn holds_elsewhere(&self, other: &Target, terms: &[Term]) -> Result<bool> {
        let only_if = Condition { lists: Some(vec![terms.to_vec()]), ..Condition::NONE };
        let entry = match other {
            Target::Object(at) => match self.calendars.collection(&self.who, &at.collection).await {
                Ok(shown) => self.calendars.find(&shown, &[&at.name]).await?.pop().flatten(),
                Err(_) => None,
            },
            _ => None,
        };
        Ok(only_if.holds(entry.as_ref().map(|entry| &entry.etag)).is_ok())
    }

    /// The same for a collection, which has no ETag: it is there, and no list of tags names it.
    pub async fn collection_condition(&self) -> Result<()> {
        let conditions = self.condition().await?;
        let tagged = matches!(conditions.if_match, Some(Tags::Of(_)));
        let absent = matches!(conditions.if_none_match, Some(Tags::Any));
        let listed = Condition { lists: conditions.lists, ..Condition::NONE };
        if tagged || absent || listed.holds(None).is_err() {
            let why = "The condition of the request does not hold for this collection.";
            return Err(Refusal::status(StatusCode::PRECONDITION_FAILED, why));
        }
        Ok(())
    }

    /// Whether a body of this media type is XML, as far as the client says.
    pub fn says_xml(&self) -> bool {
        let Some(media) = self.ask.header(header::CONTENT_TYPE) else { return true };
        let media = media.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        media.is_empty() || media == "application/xml" || media == "text/xml" || media.ends_with("+xml")
    }
}

/// Whether weak tags count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weak {
    Never,
    Too,
}

fn tags(list: EtagList, weak: Weak) -> Tags {
    match list {
        EtagList::Any => Tags::Any,
        EtagList::Of(all) => {
            let counts = |tag: &Tag| weak == Weak::Too || !tag.weak;
            Tags::Of(all.into_iter().filter(counts).map(|tag| tag.opaque).collect())
        }
    }
}

fn term(term: &IfTerm) -> Term {
    let etag = match &term.state {
        IfState::Etag(tag) if !tag.weak => Some(tag.opaque.clone()),
        // A state token: nothing is ever locked here.
        IfState::Etag(_) | IfState::Token(_) => None,
    };
    Term { negate: term.negate, etag }
}

fn prefer(headers: &HeaderMap) -> Prefer {
    let mut prefer = Prefer::default();
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    for one in values.flat_map(|value| value.split(',')) {
        // Parameters after `;` say how, not what.
        let one = one.split(';').next().unwrap_or("").replace([' ', '\t', '"'], "").to_ascii_lowercase();
        match one.as_str() {
            "return=minimal" | "return-minimal" => prefer.minimal = true,
            "return=representation" | "return-representation" => prefer.representation = true,
            "depth-noroot" => prefer.no_root = true,
            _ => {}
        }
    }
    // Apple sends Microsoft's older header beside the new one.
    let brief = headers.get("brief").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"t"));
    prefer.minimal |= brief;
    prefer
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn sent(pairs: &[(&'static str, &'static str)]) -> Prefer {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        prefer(&headers)
    }

    #[test]
    fn preferences_come_in_one_header_or_many() {
        let all = Prefer { minimal: true, representation: false, no_root: true };
        assert_eq!(sent(&[("prefer", "return=minimal, depth-noroot")]), all);
        assert_eq!(sent(&[("prefer", "return=\"minimal\""), ("prefer", "Depth-NoRoot; x=1")]), all);
        assert!(sent(&[("brief", "t")]).minimal);
        assert!(!sent(&[("brief", "f"), ("prefer", "respond-async")]).minimal);
        assert!(sent(&[("prefer", "return=representation")]).representation);
    }
}
