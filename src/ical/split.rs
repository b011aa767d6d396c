//! An import taken apart: any .ics of the real world to objects, one per UID, with the VTIMEZONEs each needs.
//! The bytes of each component are kept; one that cannot be read is named and the others go on.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::{Component, Kind, Limits, combine::marker};

/// Components of one object: more overrides than `Limits::OVERRIDES` are not stored anyway.
const COMPONENTS: usize = Limits::OVERRIDES + 1;

/// One object of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub uid: String,
    pub kind: Kind,
    /// A VCALENDAR; whether it may be stored is for `check` to say.
    pub text: Vec<u8>,
}

/// A component that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it begins, from 1.
    pub line: u32,
    pub uid: Option<String>,
    /// A sentence without what the component says.
    pub why: String,
}

/// Takes one or more calendars apart, in the order of first appearance; what was rejected comes last. A component
/// without UID gets one made from its bytes, the same in every import.
pub fn split(text: &[u8]) -> Vec<Result<Part, Rejected>> {
    let mut import = Import::default();
    let mut blocks = Blocks { text, at: 0, line: 0 };
    let mut zones = HashMap::new();
    while let Some(block) = blocks.next() {
        match block {
            Block::Calendar => zones = HashMap::new(),
            Block::Component(bytes, line) => import.take(bytes, line, &mut zones),
            Block::Broken(line, why) => {
                import.rejected.push(Rejected { line, uid: None, why: why.into() });
            }
        }
    }
    import.finish()
}

/// The definitions of one calendar by TZID.
type Zones<'a> = HashMap<String, &'a [u8]>;

#[derive(Default)]
struct Import<'a> {
    groups: Vec<Group<'a>>,
    places: HashMap<(String, Kind), usize>,
    rejected: Vec<Rejected>,
}

/// The components of one object.
struct Group<'a> {
    uid: String,
    kind: Kind,
    zones: Vec<(String, &'a [u8])>,
    wanted: Vec<String>,
    components: Vec<Vec<u8>>,
}

impl<'a> Import<'a> {
    fn take(&mut self, bytes: &'a [u8], line: u32, zones: &mut Zones<'a>) {
        let tree = match Component::parse(bytes, &Limits::default()) {
            Ok(tree) => tree,
            Err(error) => {
                let inside = error.line().saturating_sub(1);
                let why = error.at(line + inside).to_string();
                return self.rejected.push(Rejected { line, uid: None, why });
            }
        };
        if tree.name() == "VTIMEZONE" {
            if let Some(tzid) = tree.get("TZID") {
                zones.entry(tzid.text().into_owned()).or_insert(bytes);
            }
            return;
        }
        let uid = tree.get("UID").map(|p| p.text().trim().to_owned()).filter(|uid| !uid.is_empty());
        let Some(kind) = Kind::from_name(tree.name()) else {
            let why = format!("line {line}: this kind of component cannot be stored");
            return self.rejected.push(Rejected { line, uid, why });
        };
        let (uid, bytes) = match uid {
            Some(uid) => (uid, bytes.to_vec()),
            None => with_uid(bytes),
        };
        self.add((uid, kind), bytes, line, (&tree, zones));
    }

    fn add(
        &mut self,
        (uid, kind): (String, Kind),
        bytes: Vec<u8>,
        line: u32,
        (tree, zones): (&Component, &Zones<'a>),
    ) {
        let next = self.groups.len();
        let place = *self.places.entry((uid.clone(), kind)).or_insert(next);
        if place == next {
            self.groups.push(Group {
                uid,
                kind,
                zones: Vec::new(),
                wanted: Vec::new(),
                components: Vec::new(),
            });
        }
        let group = &mut self.groups[place];
        // Exports of several calendars hold the same component twice.
        if group.components.contains(&bytes) {
            return;
        }
        if group.components.len() >= COMPONENTS {
            let why = format!("line {line}: more than {COMPONENTS} components have this UID");
            return self.rejected.push(Rejected { line, uid: Some(group.uid.clone()), why });
        }
        group.components.push(bytes);
        for tzid in tzids(tree) {
            if !group.wanted.contains(&tzid) {
                group.zones.extend(zones.get(&tzid).map(|block| (tzid.clone(), *block)));
                group.wanted.push(tzid);
            }
        }
    }

    fn finish(self) -> Vec<Result<Part, Rejected>> {
        let parts = self.groups.into_iter().map(|group| Ok(group.part()));
        parts.chain(self.rejected.into_iter().map(Err)).collect()
    }
}

impl Group<'_> {
    fn part(self) -> Part {
        let mut text = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Kalends//EN\r\n".to_vec();
        let zones = self.zones.iter().map(|(_, block)| *block);
        for block in zones.chain(self.components.iter().map(Vec::as_slice)) {
            text.extend_from_slice(block);
            if !block.ends_with(b"\n") {
                text.extend_from_slice(b"\r\n");
            }
        }
        text.extend_from_slice(b"END:VCALENDAR\r\n");
        Part { uid: self.uid, kind: self.kind, text }
    }
}

/// A UID from the bytes of the component, and the component with it after its BEGIN line.
fn with_uid(bytes: &[u8]) -> (String, Vec<u8>) {
    let hash = Sha256::digest(bytes);
    let uid: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let first = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |n| n + 1);
    let mut out = bytes[..first].to_vec();
    out.extend_from_slice(format!("UID:{uid}\r\n").as_bytes());
    out.extend_from_slice(&bytes[first..]);
    (uid, out)
}

/// The zones that a component and its alarms name, each once.
fn tzids(tree: &Component) -> Vec<String> {
    let inner = tree.components().flat_map(Component::properties);
    let mut all: Vec<String> =
        tree.properties().chain(inner).filter_map(|p| p.param("TZID")).map(|t| t.into_owned()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What stands in a stream of calendars.
enum Block<'a> {
    /// A VCALENDAR begins.
    Calendar,
    /// The bytes of a component inside one, and the line of its BEGIN.
    Component(&'a [u8], u32),
    Broken(u32, &'static str),
}

/// Finds the components by their BEGIN and END lines.
struct Blocks<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> Blocks<'a> {
    fn next(&mut self) -> Option<Block<'a>> {
        let (mut depth, mut start, mut first) = (0_usize, 0, 0);
        while self.at < self.text.len() {
            let begin = self.at;
            self.at = memchr::memchr(b'\n', &self.text[begin..]).map_or(self.text.len(), |n| begin + n + 1);
            self.line += 1;
            let line = &self.text[begin..self.at];
            let line = if begin == 0 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
            let Some((opens, name)) = marker(line) else { continue };
            let calendar = name.eq_ignore_ascii_case(b"VCALENDAR");
            match (opens, calendar) {
                // Whatever is still open here was never closed; the next calendar is read all the same.
                (true, true) if depth == 0 => return Some(Block::Calendar),
                (_, true) if depth > 0 => {
                    self.at = begin;
                    self.line -= 1;
                    return Some(Block::Broken(first, "the component is never closed"));
                }
                (false, true) => {}
                (true, _) => {
                    if depth == 0 {
                        (start, first) = (begin, self.line);
                    }
                    depth += 1;
                }
                (false, _) if depth == 0 => return Some(Block::Broken(self.line, "END without BEGIN")),
                (false, _) => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(Block::Component(&self.text[start..self.at], first));
                    }
                }
            }
        }
        (depth > 0).then_some(Block::Broken(first, "the component is never closed"))
    }
}
