//! Which properties a request wants, and one resource's answer to it: a DAV:response with its propstats
//! (RFC 4918 sections 9.1 and 14.22; RFC 8144 section 2.1 for return=minimal).
//! Invariant: written straight into the answer; for a listing of ten thousand ETags this is the hot path.

use super::data::Data;
use super::error::{Refusal, Result};
use super::path::encoded;
use super::props;
use super::props::property::{Loaded, Needs, Property, Reading};
use super::xml::{Element, Writer, names};

/// Properties one request may name; each costs something on each resource.
const PROPERTIES: usize = 500;

/// What is wanted of each resource.
pub struct Wanted {
    what: What,
    /// Prefer: return=minimal, or Brief: t.
    pub minimal: bool,
}

enum What {
    Names,
    All(Vec<Asked>),
    Some(Vec<Asked>),
}

enum Asked {
    Live(&'static dyn Property),
    /// CALDAV:calendar-data, which only reports may ask for.
    Data,
    Unknown((String, String)),
}

/// A resource's place in the answer: the path of its collection, and its name there as it is stored.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub base: &'a str,
    pub name: &'a str,
}

impl<'a> At<'a> {
    /// A whole path, already encoded.
    pub fn path(path: &'a str) -> At<'a> {
        At { base: path, name: "" }
    }

    pub fn write(self, out: &mut Writer) {
        out.raw("<d:href>");
        out.raw(self.base);
        out.raw(&encoded(self.name));
        out.raw("</d:href>");
    }
}

const FOUND: &str = "</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>";
const FORBIDDEN: &str = "</d:prop><d:status>HTTP/1.1 403 Forbidden</d:status></d:propstat>";
const MISSING: &str = "</d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>";

impl Wanted {
    /// Everything that RFC 4918 calls `allprop`: also what an empty body means.
    pub fn everything(minimal: bool) -> Wanted {
        Wanted { what: What::All(Vec::new()), minimal }
    }

    /// No property at all; a report whose client wants hrefs only.
    pub fn nothing(minimal: bool) -> Wanted {
        Wanted { what: What::Some(Vec::new()), minimal }
    }

    /// Exactly these names.
    pub fn of<'a>(list: impl Iterator<Item = Element<'a>>, minimal: bool) -> Result<Wanted> {
        Ok(Wanted { what: What::Some(asked(list)?), minimal })
    }

    /// From the element that holds DAV:prop, DAV:allprop (with DAV:include) or DAV:propname.
    pub fn read(within: Element, minimal: bool) -> Result<Option<Wanted>> {
        let has = |name| within.has(name);
        let what = match within.child(names::PROP) {
            Some(_) if has(names::ALLPROP) || has(names::PROPNAME) => {
                return Err(Refusal::bad_request("prop, allprop and propname exclude one another."));
            }
            Some(prop) => What::Some(asked(prop.children())?),
            None if has(names::ALLPROP) && has(names::PROPNAME) => {
                return Err(Refusal::bad_request("allprop and propname exclude one another."));
            }
            None if has(names::ALLPROP) => {
                let include = within.child(names::INCLUDE);
                What::All(include.map(|list| asked(list.children())).transpose()?.unwrap_or_default())
            }
            None if has(names::PROPNAME) => What::Names,
            None => return Ok(None),
        };
        Ok(Some(Wanted { what, minimal }))
    }

    /// What must be loaded: a listing of ETags needs nothing but the list.
    pub fn needs(&self) -> Needs {
        let of = |asked: &Asked| match asked {
            Asked::Live(property) => property.needs(),
            Asked::Unknown(_) => Needs::DEAD,
            Asked::Data => Needs::NOTHING,
        };
        let list = match &self.what {
            What::Names => return Needs::DEAD,
            What::All(include) => return include.iter().map(of).fold(Needs::DEAD, Needs::and),
            What::Some(list) => list,
        };
        list.iter().map(of).fold(Needs::NOTHING, Needs::and)
    }

    /// One resource's answer. `data` is what stands in calendar-data, where that was asked and the text is in hand.
    pub fn respond(&self, out: &mut Writer, href: At, at: &Loaded, data: Option<&[u8]>) {
        out.raw("<d:response>");
        href.write(out);
        match &self.what {
            What::Names => self.names(out, at),
            What::All(include) => self.everything_of(out, at, include),
            What::Some(list) => self.some(out, at, list, data),
        }
        out.raw("</d:response>");
    }

    fn names(&self, out: &mut Writer, at: &Loaded) {
        out.raw("<d:propstat><d:prop>");
        for property in props::all().filter(|property| property.on().has(at.kind())) {
            let before = out.len();
            let reading = property.get(at, out);
            out.truncate(before);
            if reading != Reading::Missing {
                out.empty(property.name());
            }
        }
        for (namespace, local) in at.dead.into_iter().flat_map(|dead| dead.keys()) {
            out.foreign(namespace, local);
        }
        out.raw(FOUND);
    }

    fn everything_of(&self, out: &mut Writer, at: &Loaded, include: &[Asked]) {
        out.raw("<d:propstat><d:prop>");
        for property in props::all().filter(|property| property.in_allprop() && property.on().has(at.kind()))
        {
            property.get(at, out);
        }
        for xml in at.dead.into_iter().flat_map(|dead| dead.values()) {
            out.raw(xml);
        }
        let others = Others::write(out, at, include, None);
        out.raw(FOUND);
        others.finish(out, include, self.minimal);
    }

    fn some(&self, out: &mut Writer, at: &Loaded, list: &[Asked], data: Option<&[u8]>) {
        let start = out.len();
        out.raw("<d:propstat><d:prop>");
        let before = out.len();
        let others = Others::write(out, at, list, data);
        let empty = out.len() == before;
        // A response holds one propstat at least; with return=minimal it may be this empty one.
        if empty && others.any() && !(self.minimal && others.forbidden.is_empty()) {
            out.truncate(start);
        } else {
            out.raw(FOUND);
        }
        others.finish(out, list, self.minimal);
    }
}

/// What was asked for and not given, as places in the list of what was asked.
#[derive(Default)]
struct Others {
    missing: Vec<usize>,
    forbidden: Vec<usize>,
}

impl Others {
    /// Writes what is there, notes what is not.
    fn write(out: &mut Writer, at: &Loaded, list: &[Asked], data: Option<&[u8]>) -> Others {
        let mut others = Others::default();
        for (place, asked) in list.iter().enumerate() {
            let reading = match asked {
                Asked::Live(property) if property.on().has(at.kind()) => property.get(at, out),
                Asked::Live(_) => Reading::Missing,
                Asked::Data => write_data(out, data),
                Asked::Unknown(name) => match at.dead.and_then(|dead| dead.get(name)) {
                    Some(xml) => {
                        out.raw(xml);
                        Reading::Found
                    }
                    None => Reading::Missing,
                },
            };
            match reading {
                Reading::Found => {}
                Reading::Missing => others.missing.push(place),
                Reading::Forbidden => others.forbidden.push(place),
            }
        }
        others
    }

    fn any(&self) -> bool {
        !self.missing.is_empty() || !self.forbidden.is_empty()
    }

    fn finish(&self, out: &mut Writer, list: &[Asked], minimal: bool) {
        let missing = if minimal { &[][..] } else { &self.missing };
        for (places, status) in [(missing, MISSING), (&self.forbidden[..], FORBIDDEN)] {
            if places.is_empty() {
                continue;
            }
            out.raw("<d:propstat><d:prop>");
            places.iter().for_each(|place| list[*place].write_name(out));
            out.raw(status);
        }
    }
}

impl Asked {
    fn write_name(&self, out: &mut Writer) {
        match self {
            Asked::Live(property) => out.empty(property.name()),
            Asked::Data => out.empty(names::CALENDAR_DATA),
            Asked::Unknown((namespace, local)) => out.foreign(namespace, local),
        }
    }
}

fn write_data(out: &mut Writer, data: Option<&[u8]>) -> Reading {
    let Some(text) = data else { return Reading::Missing };
    out.raw("<c:calendar-data>");
    out.text_bytes(text);
    out.raw("</c:calendar-data>");
    Reading::Found
}

fn asked<'a>(list: impl Iterator<Item = Element<'a>>) -> Result<Vec<Asked>> {
    let all: Vec<Asked> = list.take(PROPERTIES + 1).map(ask).collect();
    if all.len() > PROPERTIES {
        return Err(Refusal::bad_request("The request names too many properties."));
    }
    Ok(all)
}

fn ask(name: Element) -> Asked {
    if name.is(names::CALENDAR_DATA) {
        return Asked::Data;
    }
    match props::find(name.namespace(), name.local()) {
        Some(property) => Asked::Live(property),
        None => Asked::Unknown((name.namespace().into(), name.local().into())),
    }
}

/// The CALDAV:calendar-data that a report's DAV:prop asks for, if it does.
pub fn data(within: Element) -> Result<Option<Data>> {
    let asked = within.child(names::PROP).and_then(|prop| prop.child(names::CALENDAR_DATA));
    asked.map(Data::parse).transpose()
}
