//! One VCALENDAR out of many stored texts (feeds, exports): components byte for byte as stored, header lines our own.
//! A scan over lines, no trees. A VTIMEZONE comes out before its first use; of two with one TZID the first counts:
//! they are the same zone for IANA names, and two clients that call different rules by one made-up name are not told
//! apart by any reader of a joined calendar either.

use std::collections::HashSet;

use crate::{
    Component, Limits,
    text::{escape, fold},
};

/// Joins stored texts into one VCALENDAR.
pub struct Combine {
    head: Vec<u8>,
    /// VTIMEZONEs as stored, so that the usual ones are known without reading them.
    seen: HashSet<Box<[u8]>>,
    zones: HashSet<String>,
}

impl Combine {
    /// `head`: the properties of the VCALENDAR as (name, text), e.g. `("X-WR-CALNAME", "Room 1")`; VERSION and PRODID
    /// are added where they are missing.
    pub fn new(head: &[(&str, &str)]) -> Self {
        let mut lines = Vec::new();
        fold("BEGIN:VCALENDAR", &mut lines);
        for (name, value) in [("VERSION", "2.0"), ("PRODID", "-//Kalends//EN")] {
            if !head.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
                fold(&format!("{name}:{value}"), &mut lines);
            }
        }
        head.iter().for_each(|(name, value)| fold(&format!("{name}:{}", escape(value)), &mut lines));
        Combine { head: lines, seen: HashSet::new(), zones: HashSet::new() }
    }

    /// Appends the components of a stored text to `out`, before the first one also the head. A text that cannot be
    /// taken apart (none that `check` accepted) adds nothing.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.append(&mut self.head);
        let before = out.len();
        if self.scan(text, out).is_none() {
            out.truncate(before);
            self.reprint(text, out);
        }
    }

    /// Ends the VCALENDAR, also one that nothing was put into.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        out.append(&mut self.head);
        out.extend_from_slice(b"END:VCALENDAR\r\n");
    }

    /// Copies what stands at depth one; None when BEGIN and END do not pair up line by line.
    fn scan(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (mut depth, mut start, mut at) = (0_usize, 0, 0);
        let mut zone = false;
        while at < text.len() {
            let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n + 1);
            match marker(&text[at..end]) {
                Some((true, name)) => {
                    if depth == 1 {
                        (start, zone) = (at, name.eq_ignore_ascii_case(b"VTIMEZONE"));
                    }
                    depth += 1;
                }
                Some((false, _)) => {
                    depth = depth.checked_sub(1)?;
                    if depth == 1 {
                        self.add(&text[start..end], zone, out);
                    }
                }
                None => {}
            }
            at = end;
        }
        (depth == 0).then_some(())
    }

    fn add(&mut self, block: &[u8], zone: bool, out: &mut Vec<u8>) {
        if zone && !self.is_new(block) {
            return;
        }
        out.extend_from_slice(block);
        if !block.ends_with(b"\n") {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Whether a VTIMEZONE has a TZID that has not come out yet.
    fn is_new(&mut self, block: &[u8]) -> bool {
        if self.seen.contains(block) {
            return false;
        }
        self.seen.insert(block.into());
        let tzid = Component::parse(block, &Limits::default())
            .ok()
            .and_then(|c| Some(c.get("TZID")?.value().to_owned()));
        tzid.is_some_and(|tzid| self.zones.insert(tzid))
    }

    /// The slow way, for texts whose BEGIN and END lines are folded.
    fn reprint(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let Ok(tree) = Component::parse(text, &Limits { bytes: usize::MAX, ..Limits::default() }) else {
            return;
        };
        for part in tree.components() {
            self.add(&part.print(), part.name() == "VTIMEZONE", out);
        }
    }
}

/// Whether a line is BEGIN (true) or END (false), and its value.
pub(crate) fn marker(line: &[u8]) -> Option<(bool, &[u8])> {
    if !matches!(line.first()?, b'B' | b'b' | b'E' | b'e') {
        return None;
    }
    let colon = if line[0].eq_ignore_ascii_case(&b'B') { 5 } else { 3 };
    let (name, value) = (line.get(..colon)?, line.get(colon..)?);
    if value.first() != Some(&b':') {
        return None;
    }
    let begin = match name.to_ascii_uppercase().as_slice() {
        b"BEGIN" => true,
        b"END" => false,
        _ => return None,
    };
    Some((begin, value[1..].trim_ascii()))
}
