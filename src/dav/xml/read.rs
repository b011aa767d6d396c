//! Bytes of a request body to a [`Document`], iteratively, over quick-xml's tokens.
//! Invariant: whatever is returned is namespace-well-formed and inside the limits below; a document type is refused
//! outright, so there is no entity to expand and nothing to fetch (RFC 4918 section 20.6).

use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::chars::{is_legal, is_local_name};
use super::tree::{Attribute, Document, Kind, NONE, Node};

/// Elements inside one another. The deepest real request (a filter on a parameter of an alarm) needs eight.
const DEPTH: usize = 64;
/// Elements of one request. A multiget of every object of a large calendar stays below.
const ELEMENTS: usize = 20_000;
/// Attributes of one element, declarations of namespaces among them.
const ATTRIBUTES: usize = 64;
/// Namespace declarations in force at one place: each name is looked up among them.
const BINDINGS: usize = 256;

/// Why a body is no XML that we read; a sentence for whoever wrote the client.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub Cow<'static, str>);

impl From<quick_xml::Error> for Malformed {
    fn from(error: quick_xml::Error) -> Self {
        Malformed(format!("The body is not well-formed XML: {error}.").into())
    }
}

fn refuse<T>(why: &'static str) -> Result<T, Malformed> {
    Err(Malformed(Cow::Borrowed(why)))
}

/// Reads a whole request body (the caller has bounded its size). UTF-8, or UTF-16 with its mark.
pub fn read(body: &[u8]) -> Result<Document, Malformed> {
    let text = decode(body)?;
    if !text.chars().all(is_legal) {
        return refuse("The body holds a character that XML does not allow.");
    }
    let mut reader = NsReader::from_str(&text);
    reader.resolver_mut().set_max_namespace_bindings(BINDINGS);
    let mut builder = Builder::default();
    loop {
        let event = reader.read_event()?;
        let resolve = |name: &BytesStart| resolve_start(&reader, name);
        match event {
            Event::Start(start) => builder.open(resolve(&start)?)?,
            Event::Empty(start) => {
                builder.open(resolve(&start)?)?;
                builder.close();
            }
            Event::End(_) => builder.close(),
            Event::Text(text) => builder.text(&text.xml10_content())?,
            Event::CData(text) => builder.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => builder.text(entity(&reference)?.encode_utf8(&mut [0; 4]))?,
            Event::Decl(declaration) => check_encoding(&declaration)?,
            Event::DocType(_) => return refuse("A document type declaration is not accepted."),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return builder.finish(),
        }
    }
}

fn decode(body: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    let wide = |little: bool| {
        let units = body[2..].chunks_exact(2).map(move |pair| {
            if little {
                u16::from_le_bytes([pair[0], pair[1]])
            } else {
                u16::from_be_bytes([pair[0], pair[1]])
            }
        });
        match body.len() % 2 {
            0 => char::decode_utf16(units).collect::<Result<String, _>>().ok(),
            _ => None,
        }
    };
    let text = match body {
        [0xff, 0xfe, ..] => wide(true).map(Cow::Owned),
        [0xfe, 0xff, ..] => wide(false).map(Cow::Owned),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(Cow::Borrowed),
        _ => std::str::from_utf8(body).ok().map(Cow::Borrowed),
    };
    text.ok_or(Malformed(Cow::Borrowed("The body is neither UTF-8 nor UTF-16.")))
}

fn check_encoding(declaration: &BytesDecl) -> Result<(), Malformed> {
    let named = match declaration.encoding() {
        None => return Ok(()),
        Some(Ok(name)) => name.to_ascii_lowercase(),
        Some(Err(_)) => return refuse("The XML declaration cannot be read."),
    };
    match named.as_str() {
        "utf-8" | "utf8" | "us-ascii" | "utf-16" => Ok(()),
        _ => refuse("The body's encoding is neither UTF-8 nor UTF-16."),
    }
}

fn entity(reference: &BytesRef) -> Result<char, Malformed> {
    if reference.is_char_ref() {
        let found = reference.resolve_char_ref()?.filter(|c| is_legal(*c));
        return found.ok_or(Malformed(Cow::Borrowed("A numeric reference names no legal character.")));
    }
    match &*reference.xml10_content() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => refuse("Only the five entities of XML itself may be used."),
    }
}

/// An element's start with its names resolved, before it gets its place.
struct Start {
    namespace: String,
    local: String,
    attributes: Vec<(String, String, String)>,
}

fn namespace(found: ResolveResult) -> Result<String, Malformed> {
    match found {
        ResolveResult::Unbound => Ok(String::new()),
        // quick-xml hands a declaration's value out as it was written, references and all.
        ResolveResult::Bound(bound) => match quick_xml::escape::unescape(bound.into_inner()) {
            Ok(name) if name.chars().all(is_legal) => Ok(name.into_owned()),
            _ => refuse("A namespace's name cannot be read."),
        },
        ResolveResult::Unknown(_) => refuse("A namespace prefix is used but not declared."),
    }
}

fn resolve_start(reader: &NsReader<&[u8]>, start: &BytesStart) -> Result<Start, Malformed> {
    let (found, local) = reader.resolver().resolve_element(start.name());
    let (namespace_of, local) = (namespace(found)?, local.into_inner().to_owned());
    let mut attributes = Vec::new();
    for (number, attribute) in start.attributes().enumerate() {
        let attribute = attribute.map_err(quick_xml::Error::from)?;
        if number == ATTRIBUTES {
            return refuse("An element has too many attributes.");
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
        if !value.chars().all(is_legal) {
            return refuse("An attribute holds a character that XML does not allow.");
        }
        if attribute.key.as_namespace_binding().is_some() {
            // Namespaces in XML 1.0, section 5: a prefix cannot be taken back.
            if value.is_empty() && attribute.key.prefix().is_some() {
                return refuse("A namespace prefix is declared empty.");
            }
            continue;
        }
        let (found, name) = reader.resolver().resolve_attribute(attribute.key);
        attributes.push((namespace(found)?, name.into_inner().to_owned(), value.into_owned()));
    }
    let known = is_local_name(&local) && attributes.iter().all(|(_, name, _)| is_local_name(name));
    if known {
        Ok(Start { namespace: namespace_of, local, attributes })
    } else {
        refuse("A name is no XML name.")
    }
}

/// The document while it grows; `open` holds the elements whose end has not come, each with its last child.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    spaces: Vec<Box<str>>,
    known: HashMap<Box<str>, u32>,
    open: Vec<(u32, u32)>,
    elements: usize,
}

impl Builder {
    fn space(&mut self, namespace: &str) -> u32 {
        if let Some(number) = self.known.get(namespace) {
            return *number;
        }
        let number = self.spaces.len() as u32;
        self.spaces.push(namespace.into());
        self.known.insert(namespace.into(), number);
        number
    }

    fn add(&mut self, kind: Kind) -> u32 {
        let at = self.nodes.len() as u32;
        self.nodes.push(Node { kind, next: NONE });
        if let Some((parent, last)) = self.open.last_mut() {
            let (parent, before) = (*parent, std::mem::replace(last, at));
            if before != NONE {
                self.nodes[before as usize].next = at;
            } else if let Kind::Element { first, .. } = &mut self.nodes[parent as usize].kind {
                *first = at;
            }
        }
        at
    }

    fn open(&mut self, start: Start) -> Result<(), Malformed> {
        self.elements += 1;
        if self.elements > ELEMENTS {
            return refuse("The body has too many elements.");
        }
        if self.open.len() == DEPTH {
            return refuse("The body's elements are nested too deep.");
        }
        if self.open.is_empty() && !self.nodes.is_empty() {
            return refuse("The body has more than one root element.");
        }
        let space = self.space(&start.namespace);
        let attributes = start
            .attributes
            .into_iter()
            .map(|(ns, local, value)| Attribute {
                space: self.space(&ns),
                local: local.into(),
                value: value.into(),
            })
            .collect();
        let at = self.add(Kind::Element { space, local: start.local.into(), attributes, first: NONE });
        self.open.push((at, NONE));
        Ok(())
    }

    fn close(&mut self) {
        self.open.pop();
    }

    fn text(&mut self, piece: &str) -> Result<(), Malformed> {
        match self.open.last() {
            None if piece.trim_ascii().is_empty() => return Ok(()),
            None => return refuse("The body has text outside its root element."),
            Some((_, last)) if *last != NONE => {
                if let Kind::Text(before) = &mut self.nodes[*last as usize].kind {
                    before.push_str(piece);
                    return Ok(());
                }
            }
            Some(_) => {}
        }
        self.add(Kind::Text(piece.to_owned()));
        Ok(())
    }

    fn finish(self) -> Result<Document, Malformed> {
        // quick-xml reports the end of the bytes, not that elements are still open.
        if !self.open.is_empty() {
            return refuse("The body ends inside an element.");
        }
        if self.nodes.is_empty() {
            return refuse("The body has no element.");
        }
        Ok(Document { nodes: self.nodes, spaces: self.spaces })
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
