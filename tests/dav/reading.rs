//! XML as a client reads it: by namespace and name, whatever the prefixes. Fails the test on anything ill-formed.

use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

pub const D: &str = "DAV:";
pub const C: &str = "urn:ietf:params:xml:ns:caldav";
pub const S: &str = "http://calendarserver.org/ns/";
pub const A: &str = "http://apple.com/ns/ical/";

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    pub space: String,
    pub local: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
    pub children: Vec<Node>,
}

pub fn parse(xml: &str) -> Node {
    let mut reader = NsReader::from_str(xml);
    let mut open = vec![Node::default()];
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}: {xml}"));
        match event {
            Event::Start(start) => open.push(node(&reader, &start)),
            Event::Empty(start) => {
                let node = node(&reader, &start);
                open.last_mut().unwrap().children.push(node);
            }
            Event::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().children.push(done);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text.xml10_content()),
            Event::CData(text) => open.last_mut().unwrap().text.push_str(&text.xml10_content()),
            Event::GeneralRef(entity) => {
                let c =
                    entity.resolve_char_ref().unwrap().unwrap_or_else(|| match &*entity.xml10_content() {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "quot" => '"',
                        "apos" => '\'',
                        other => panic!("entity {other}"),
                    });
                open.last_mut().unwrap().text.push(c);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open.len(), 1, "an element is not closed: {xml}");
    assert_eq!(open[0].children.len(), 1, "one root: {xml}");
    open.remove(0).children.remove(0)
}

fn node(reader: &NsReader<&[u8]>, start: &quick_xml::events::BytesStart) -> Node {
    let (space, local) = reader.resolver().resolve_element(start.name());
    let space = match space {
        ResolveResult::Bound(space) => space.into_inner().to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(prefix) => panic!("prefix {prefix} is not declared"),
    };
    let attributes = start
        .attributes()
        .map(|one| one.unwrap())
        .map(|one| {
            (one.key.into_inner().to_owned(), quick_xml::escape::unescape(&one.value).unwrap().into_owned())
        })
        .collect();
    Node { space, local: local.into_inner().to_owned(), attributes, ..Node::default() }
}

impl Node {
    pub fn is(&self, space: &str, local: &str) -> bool {
        self.space == space && self.local == local
    }

    pub fn child(&self, space: &str, local: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.is(space, local))
    }

    pub fn all<'a>(&'a self, space: &'a str, local: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.is(space, local))
    }

    /// Child by child: `at(&[(D, "owner"), (D, "href")])`.
    pub fn at(&self, path: &[(&str, &str)]) -> &Node {
        path.iter().fold(self, |node, (space, local)| {
            node.child(space, local).unwrap_or_else(|| panic!("no {local} in {node:#?}"))
        })
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The hrefs directly in it.
    pub fn hrefs(&self) -> Vec<&str> {
        self.all(D, "href").map(|href| href.text.as_str()).collect()
    }
}

/// A DAV:multistatus.
pub struct Multistatus(Node);

/// One DAV:response.
pub struct Response<'a>(pub &'a Node);

impl Multistatus {
    pub fn parse(xml: &str) -> Multistatus {
        let root = parse(xml);
        assert!(root.is(D, "multistatus"), "{xml}");
        Multistatus(root)
    }

    pub fn responses(&self) -> Vec<Response<'_>> {
        self.0.all(D, "response").map(Response).collect()
    }

    pub fn hrefs(&self) -> Vec<&str> {
        self.responses().iter().map(|response| response.href()).collect()
    }

    pub fn of(&self, href: &str) -> Response<'_> {
        let found = self.responses().into_iter().find(|response| response.href() == href);
        found.unwrap_or_else(|| panic!("no response for {href} among {:?}", self.hrefs()))
    }

    pub fn sync_token(&self) -> &str {
        &self.0.at(&[(D, "sync-token")]).text
    }
}

impl<'a> Response<'a> {
    pub fn href(&self) -> &'a str {
        &self.0.at(&[(D, "href")]).text
    }

    /// The status of the whole response, where it has one.
    pub fn status(&self) -> Option<u16> {
        self.0.child(D, "status").map(|status| code(&status.text))
    }

    /// The status that a property has.
    pub fn status_of(&self, space: &str, local: &str) -> Option<u16> {
        self.propstats().find(|(_, prop)| prop.child(space, local).is_some()).map(|(status, _)| status)
    }

    /// A property that is there.
    pub fn prop(&self, space: &str, local: &str) -> &'a Node {
        self.maybe(space, local).unwrap_or_else(|| panic!("no {local} with 200 in {:#?}", self.0))
    }

    pub fn maybe(&self, space: &str, local: &str) -> Option<&'a Node> {
        self.propstats().filter(|(status, _)| *status == 200).find_map(|(_, prop)| prop.child(space, local))
    }

    pub fn text(&self, space: &str, local: &str) -> &'a str {
        &self.prop(space, local).text
    }

    pub fn propstats(&self) -> impl Iterator<Item = (u16, &'a Node)> {
        self.0
            .all(D, "propstat")
            .map(|propstat| (code(&propstat.at(&[(D, "status")]).text), propstat.at(&[(D, "prop")])))
    }

    /// Is it a calendar, as clients find out?
    pub fn is_calendar(&self) -> bool {
        self.maybe(D, "resourcetype").is_some_and(|kinds| kinds.child(C, "calendar").is_some())
    }
}

fn code(line: &str) -> u16 {
    line.split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("status line {line:?}"))
}
