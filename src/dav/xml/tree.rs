//! A document that was read: all nodes in one list, linked by number, so that neither walking nor dropping recurses.
//! Invariant: every name and every text in it consists of legal characters (`read` checked them).

use super::Name;
use super::write::escape_into;

/// The namespace that `xml:lang` lives in; its prefix needs no declaration.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// No node: the end of a chain of siblings.
pub(super) const NONE: u32 = u32::MAX;

/// One request's XML.
pub struct Document {
    pub(super) nodes: Vec<Node>,
    pub(super) spaces: Vec<Box<str>>,
}

pub(super) struct Node {
    pub kind: Kind,
    pub next: u32,
}

pub(super) enum Kind {
    Element { space: u32, local: Box<str>, attributes: Vec<Attribute>, first: u32 },
    Text(String),
}

pub(super) struct Attribute {
    pub space: u32,
    pub local: Box<str>,
    pub value: Box<str>,
}

/// One element of a [`Document`].
#[derive(Clone, Copy)]
pub struct Element<'a> {
    document: &'a Document,
    at: u32,
}

/// What is still to be written while an element is rendered.
enum Step {
    Open { node: u32, outside: u32 },
    Close(u32),
}

impl Document {
    pub fn root(&self) -> Element<'_> {
        Element { document: self, at: 0 }
    }

    fn kind(&self, at: u32) -> &Kind {
        &self.nodes[at as usize].kind
    }
}

impl<'a> Element<'a> {
    fn parts(self) -> (u32, &'a str, &'a [Attribute], u32) {
        match self.document.kind(self.at) {
            Kind::Element { space, local, attributes, first } => (*space, local, attributes, *first),
            Kind::Text(_) => (0, "", &[], NONE),
        }
    }

    pub fn namespace(self) -> &'a str {
        &self.document.spaces[self.parts().0 as usize]
    }

    pub fn local(self) -> &'a str {
        self.parts().1
    }

    pub fn is(self, name: Name) -> bool {
        self.local() == name.local && self.namespace() == name.namespace
    }

    fn nodes(self) -> impl Iterator<Item = u32> + 'a {
        let document = self.document;
        let first = self.parts().3;
        std::iter::successors((first != NONE).then_some(first), move |at| {
            let next = document.nodes[*at as usize].next;
            (next != NONE).then_some(next)
        })
    }

    /// The child elements, in order.
    pub fn children(self) -> impl Iterator<Item = Element<'a>> + 'a {
        let document = self.document;
        self.nodes()
            .filter(move |at| matches!(document.kind(*at), Kind::Element { .. }))
            .map(move |at| Element { document, at })
    }

    pub fn child(self, name: Name) -> Option<Element<'a>> {
        self.children().find(|child| child.is(name))
    }

    pub fn has(self, name: Name) -> bool {
        self.child(name).is_some()
    }

    /// An attribute without namespace, as every attribute of WebDAV and CalDAV is.
    pub fn attribute(self, name: &str) -> Option<&'a str> {
        let spaces = &self.document.spaces;
        let (_, _, attributes, _) = self.parts();
        attributes
            .iter()
            .find(|one| &*one.local == name && spaces[one.space as usize].is_empty())
            .map(|one| &*one.value)
    }

    /// The text that stands directly in the element, pieces joined.
    pub fn text(self) -> String {
        let mut whole = String::new();
        for at in self.nodes() {
            if let Kind::Text(piece) = self.document.kind(at) {
                whole.push_str(piece);
            }
        }
        whole
    }

    /// The element as XML that stands alone: it declares every namespace it uses (RFC 4918 section 4.3 asks that
    /// namespace, names, attributes, `xml:lang`, text and order of a dead property survive; prefixes need not).
    pub fn render(self) -> String {
        let mut out = String::new();
        let mut steps = vec![Step::Open { node: self.at, outside: NONE }];
        while let Some(step) = steps.pop() {
            match step {
                Step::Close(node) => self.close(node, &mut out),
                Step::Open { node, outside } => self.open(node, outside, &mut out, &mut steps),
            }
        }
        out
    }

    fn close(self, at: u32, out: &mut String) {
        out.push_str("</");
        out.push_str(Element { document: self.document, at }.local());
        out.push('>');
    }

    fn open(self, at: u32, outside: u32, out: &mut String, steps: &mut Vec<Step>) {
        if let Kind::Text(text) = self.document.kind(at) {
            return escape_into(text, out);
        }
        let element = Element { document: self.document, at };
        let (space, local, attributes, first) = element.parts();
        out.push('<');
        out.push_str(local);
        if space != outside {
            out.push_str(" xmlns=\"");
            escape_into(element.namespace(), out);
            out.push('"');
        }
        for (number, attribute) in attributes.iter().enumerate() {
            element.attribute_out(number, attribute, out);
        }
        if first == NONE {
            return out.push_str("/>");
        }
        out.push('>');
        steps.push(Step::Close(at));
        let inside: Vec<u32> = element.nodes().collect();
        steps.extend(inside.into_iter().rev().map(|node| Step::Open { node, outside: space }));
    }

    fn attribute_out(self, number: usize, attribute: &Attribute, out: &mut String) {
        let space = &*self.document.spaces[attribute.space as usize];
        let prefix = match space {
            "" => String::new(),
            XML => "xml:".into(),
            _ => {
                out.push_str(&format!(" xmlns:a{number}=\""));
                escape_into(space, out);
                out.push('"');
                format!("a{number}:")
            }
        };
        out.push(' ');
        out.push_str(&prefix);
        out.push_str(&attribute.local);
        out.push_str("=\"");
        escape_into(&attribute.value, out);
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::super::{names, read};

    #[test]
    fn an_element_is_asked_by_name_attribute_and_text() {
        let document = read(
            b"<D:prop xmlns:D='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><D:href>a<!-- x -->b</D:href>\
            <c:comp name='VEVENT'/> <D:href>c&amp;d</D:href></D:prop>",
        )
        .unwrap();
        let root = document.root();
        assert!(root.is(names::PROP));
        assert_eq!(root.child(names::HREF).unwrap().text(), "ab");
        assert_eq!(root.child(names::COMP).unwrap().attribute("name"), Some("VEVENT"));
        assert_eq!(root.children().map(|c| c.text()).collect::<Vec<_>>(), ["ab", "", "c&d"]);
    }

    #[test]
    fn a_dead_property_stands_alone_and_reads_the_same_again() {
        let sent = "<x:p xmlns:x='urn:x' xmlns:y='urn:\"y' xml:lang='de' y:k='1&lt;2'>a<y:q><r xmlns=''/></y:q>b&amp;</x:p>";
        let first = read(sent.as_bytes()).unwrap().root().render();
        let again = read(first.as_bytes()).unwrap();
        assert_eq!(again.root().render(), first);
        assert_eq!(again.root().namespace(), "urn:x");
        assert_eq!(again.root().text(), "ab&");
        assert!(first.contains("xml:lang=\"de\""), "{first}");
        assert_eq!(again.root().children().next().unwrap().namespace(), "urn:\"y");
    }
}
