//! One VCALENDAR out of many stored texts (feeds, exports): components byte for byte as stored, header lines our own.
//! A scan over lines, no trees. A VTIMEZONE comes out once, before its first use. Where two texts define one TZID
//! differently (Outlook's "Customized Time Zone") and IANA does not know it, the second gets a name of its own; of
//! IANA names the first definition stands for all, as they are the same zone (see `zone`).

use std::collections::{HashMap, HashSet};

use memchr::memmem;

use crate::{
    Budget, Component, Digest, Kind, Limits, Property, Window, Zone,
    model::Entry,
    supply::with_zones,
    text::{escape, fold},
    vtimezone::observances,
};

/// Joins stored texts into one VCALENDAR.
pub struct Combine {
    head: Vec<u8>,
    /// VTIMEZONEs as stored, so that the usual ones are known without reading them.
    seen: HashSet<Box<[u8]>>,
    /// What each TZID that came out is: its observances.
    zones: HashMap<String, String>,
    /// What the text at hand added to both.
    fresh: Vec<(Box<[u8]>, String)>,
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
        Combine { head: lines, seen: HashSet::new(), zones: HashMap::new(), fresh: Vec::new() }
    }

    /// Appends the components of a stored text to `out`, before the first one also the head. A text that cannot be
    /// taken apart (none that `check` accepted) adds nothing. Who reads the whole may not know IANA's names, as the
    /// clients do that leave their definitions out (RFC 7809 3): what is missing is added.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let supplied = if self.lacks_a_zone(text) { supplied(text) } else { None };
        let text = supplied.as_deref().unwrap_or(text);
        out.append(&mut self.head);
        let before = out.len();
        self.fresh.clear();
        if self.scan(text, out).is_none() {
            out.truncate(before);
            for (block, tzid) in std::mem::take(&mut self.fresh) {
                self.seen.remove(&block);
                self.zones.remove(&tzid);
            }
            self.reprint(text, out);
        }
    }

    /// Ends the VCALENDAR, also one that nothing was put into.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        out.append(&mut self.head);
        out.extend_from_slice(b"END:VCALENDAR\r\n");
    }

    /// Whether a TZID is used that neither this text nor what came out before defines; what is folded or escaped in
    /// another way than usual looks like that too. One pass for the uses, one for the definitions.
    fn lacks_a_zone(&self, text: &[u8]) -> bool {
        let mut defined: Option<HashSet<&[u8]>> = None;
        memmem::find_iter(text, b"TZID=").any(|at| {
            let rest = &text[at + b"TZID=".len()..];
            let (end, rest) = match rest.split_first() {
                Some((b'"', quoted)) => (memchr::memchr(b'"', quoted), quoted),
                _ => (memchr::memchr2(b':', b';', rest), rest),
            };
            let name = &rest[..end.unwrap_or(rest.len())];
            let is_out = std::str::from_utf8(name).is_ok_and(|name| self.zones.contains_key(name));
            !is_out && !defined.get_or_insert_with(|| definitions(text)).contains(name)
        })
    }

    /// Copies what stands at depth one; None when BEGIN and END do not pair up line by line, or a zone needs a new name.
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
                    if depth == 1 && !self.add(&text[start..end], zone, out) {
                        return None;
                    }
                }
                None => {}
            }
            at = end;
        }
        (depth == 0).then_some(())
    }

    /// Copies a component, a VTIMEZONE only when it is new; false when its name means another zone already.
    fn add(&mut self, block: &[u8], zone: bool, out: &mut Vec<u8>) -> bool {
        if zone {
            match self.known(block) {
                Known::Not => {}
                Known::Same => return true,
                Known::Other => return false,
            }
        }
        out.extend_from_slice(block);
        if !block.ends_with(b"\n") {
            out.extend_from_slice(b"\r\n");
        }
        true
    }

    fn known(&mut self, block: &[u8]) -> Known {
        if self.seen.contains(block) {
            return Known::Same;
        }
        let tree = Component::parse(block, &Limits::default()).ok();
        let Some((tzid, own)) =
            tree.and_then(|c| Some((c.get("TZID")?.text().into_owned(), observances(&c))))
        else {
            return Known::Same;
        };
        let known = match self.zones.get(&tzid) {
            None => Known::Not,
            Some(other) if *other == own || Zone::named(&tzid).is_some() => Known::Same,
            Some(_) => return Known::Other,
        };
        self.seen.insert(block.into());
        if let Known::Not = known {
            self.fresh.push((block.into(), tzid.clone()));
            self.zones.insert(tzid, own);
        }
        known
    }

    /// The slow way: for texts whose BEGIN and END lines are folded, and for zones that need another name.
    fn reprint(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let Ok(mut tree) = Component::parse(text, &Limits { bytes: usize::MAX, ..Limits::default() }) else {
            return;
        };
        self.rename(&mut tree);
        for part in tree.components() {
            self.add(&part.print(), part.name() == "VTIMEZONE", out);
        }
    }

    /// Gives each zone whose name means another one here a name that is free.
    fn rename(&self, tree: &mut Component) {
        let mut names: HashMap<String, String> = HashMap::new();
        for zone in tree.components().filter(|c| c.name() == "VTIMEZONE") {
            let Some(tzid) = zone.get("TZID").map(|p| p.text().into_owned()) else { continue };
            let own = observances(zone);
            let free = |name: &String| self.zones.get(name).is_none_or(|other| *other == own);
            if !free(&tzid) && Zone::named(&tzid).is_none() {
                let name = (2..).map(|n| format!("{tzid} ({n})")).find(free).unwrap_or_default();
                names.insert(tzid, name);
            }
        }
        if !names.is_empty() {
            tree.components_mut().for_each(|part| rename_in(part, &names));
        }
    }
}

/// The values of its TZID lines.
fn definitions(text: &[u8]) -> HashSet<&[u8]> {
    let value = |at: usize| {
        let rest = &text[at + b"TZID:".len()..];
        rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())].trim_ascii()
    };
    memmem::find_iter(text, b"TZID:").map(value).collect()
}

/// From when on zones are supplied, 2008-01-01: the rules of Europe and North America have not changed since. Outlook
/// takes a zone with more than one STANDARD for none, and its times for UTC; a longer past would bring a second one.
const SINCE: i64 = 1_199_145_600;

/// The text with all its zones; they serve the texts that follow as well.
fn supplied(text: &[u8]) -> Option<Vec<u8>> {
    let mut tree = Component::parse(text, &Limits { bytes: usize::MAX, ..Limits::default() }).ok()?;
    let kind = tree.parts().next().and_then(|part| Kind::from_name(part.name()));
    let digest = kind.and_then(|kind| Digest::of(&tree, kind, &mut Budget::steps(Budget::OBJECT)).ok());
    let from = digest.map_or(0, |digest| digest.first.min(SINCE));
    with_zones(&mut tree, Window { from, until: Window::END });
    Some(tree.print())
}

/// Whether a VTIMEZONE came out before.
enum Known {
    Not,
    Same,
    /// Its name did, with other rules.
    Other,
}

/// Follows the depth of the tree, which the reader limits.
fn rename_in(part: &mut Component, names: &HashMap<String, String>) {
    let zone = part.name() == "VTIMEZONE";
    for entry in &mut part.entries {
        match entry {
            Entry::Component(inner) => rename_in(inner, names),
            Entry::Property(property) => {
                let own =
                    if zone && property.is("TZID") { Some(property.text()) } else { property.param("TZID") };
                let Some(name) = own.and_then(|tzid| names.get(&*tzid)) else { continue };
                *property = match zone && property.is("TZID") {
                    true => Property::new_text("TZID", name),
                    false => property.with_param("TZID", name),
                };
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{calendar, event};

    fn joined(texts: &[&str]) -> String {
        let (mut combine, mut out) = (Combine::new(&[]), Vec::new());
        texts.iter().for_each(|text| combine.push(text.as_bytes(), &mut out));
        combine.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_supplied_zone_has_one_standard_unless_the_text_is_older() {
        let bare =
            |date: &str| event(&format!("DTSTART;TZID=Europe/Berlin:{date}T090000\nRRULE:FREQ=WEEKLY"));
        let (new, old) = (joined(&[&bare("20260302"), &bare("20280302")]), joined(&[&bare("19950302")]));
        for (part, times) in [("BEGIN:VTIMEZONE", 1), ("BEGIN:STANDARD", 1), ("BEGIN:DAYLIGHT", 1)] {
            assert_eq!(new.matches(part).count(), times, "{part}\n{new}");
        }
        // Winter ended in September then; what covers it takes two.
        assert_eq!(old.matches("BEGIN:STANDARD").count(), 2, "{old}");
        let own = calendar("BEGIN:VEVENT\nUID:1\nDTSTART:20260302T090000Z\nEND:VEVENT");
        assert!(!joined(&[&own]).contains("VTIMEZONE"));
    }
}
