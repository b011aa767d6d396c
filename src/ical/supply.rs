//! The VTIMEZONEs of an object on its way out (RFC 7809 3.1.3): added where a TZID has none, left out where everybody
//! can have them from a time zone service. All other lines keep their bytes.

use std::collections::BTreeSet;

use crate::{Component, Window, Zone, definition::covering, model::Entry, names::iana_name};

/// Zones that one object is given; no client writes as many.
const ADDED: usize = 32;

/// Leaves out each VTIMEZONE whose TZID is an IANA name to the letter. The others are known by this object only.
pub fn without_zones(tree: &mut Component) {
    let standard = |zone: &Component| {
        zone.get("TZID").is_some_and(|tzid| iana_name(&tzid.text()) == Some(&*tzid.text()))
    };
    tree.retain_components(|part| part.name() != "VTIMEZONE" || !standard(part));
}

/// Adds a VTIMEZONE over the span for each TZID that has none and is understood, under the name it is used by.
pub fn with_zones(tree: &mut Component, span: Window) {
    let mut named = BTreeSet::new();
    tree.parts().for_each(|part| used(part, &mut named));
    for zone in tree.components().filter(|part| part.name() == "VTIMEZONE") {
        if let Some(tzid) = zone.get("TZID") {
            named.remove(&*tzid.text());
            named.remove(tzid.value());
        }
    }
    let first = tree.entries.iter().position(|entry| matches!(entry, Entry::Component(_)));
    let at = first.unwrap_or(tree.entries.len());
    let known = named.iter().filter_map(|tzid| Some(covering(&Zone::named(tzid)?, tzid, span)));
    let added: Vec<Entry> = known.take(ADDED).map(Entry::Component).collect();
    tree.entries.splice(at..at, added);
}

/// The TZIDs of a component and of those inside it. Follows the depth of the tree, which the reader limits.
fn used(part: &Component, names: &mut BTreeSet<String>) {
    names.extend(part.properties().filter_map(|property| Some(property.param("TZID")?.into_owned())));
    part.components().for_each(|inner| used(inner, names));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, proof::calendar};

    const EVENT: &str = "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260302T100000\nDESCRIPTION:folded\n  here\n\
        DTEND;TZID=\"W. Europe Standard Time\":20260302T110000\nEND:VEVENT\n";
    const OWN: &str = "BEGIN:VTIMEZONE\nTZID:Our Own\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\n\
        TZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n";

    fn tree(text: &str) -> Component {
        Component::parse(text.as_bytes(), &Limits::default()).unwrap()
    }

    fn printed(tree: &Component) -> String {
        String::from_utf8(tree.print()).unwrap()
    }

    #[test]
    fn s3_1_3_zones_are_added_under_the_names_they_are_used_by() {
        let text = calendar(EVENT);
        let mut tree = tree(&text);
        with_zones(&mut tree, Window::new(1_772_000_000, 1_773_000_000).unwrap());
        let out = printed(&tree);
        let zone = |name: &str| out.contains(&format!("BEGIN:VTIMEZONE\r\nTZID:{name}\r\n"));
        assert!(zone("Europe/Berlin") && zone("W. Europe Standard Time"), "{out}");
        let (head, rest) = text.split_once("BEGIN:VEVENT").unwrap();
        assert!(out.starts_with(head) && out.ends_with(rest), "all other bytes are kept: {out}");
        let again = out.clone();
        with_zones(&mut tree, Window::ALL);
        assert_eq!(printed(&tree), again, "what is there is not added");
    }

    #[test]
    fn s3_1_3_only_standard_zones_are_left_out() {
        let text = calendar(&format!("{OWN}{EVENT}"));
        let mut both = tree(&text);
        with_zones(&mut both, Window::ALL);
        without_zones(&mut both);
        let out = printed(&both);
        assert!(!out.contains("TZID:Europe/Berlin"), "{out}");
        assert!(out.contains("TZID:Our Own") && out.contains("TZID:W. Europe Standard Time"), "{out}");
        let mut own = tree(&text);
        without_zones(&mut own);
        assert_eq!(printed(&own), text);
    }

    #[test]
    fn names_of_nobody_are_not_invented() {
        let text = calendar("BEGIN:VEVENT\nUID:1\nX-A;TZID=Mars/Olympus:1\nX-B;TZID=UTC:2\nEND:VEVENT");
        let mut tree = tree(&text);
        with_zones(&mut tree, Window::ALL);
        let out = printed(&tree);
        assert!(!out.contains("TZID:Mars") && out.contains("TZID:UTC\r\nBEGIN:STANDARD"), "{out}");
    }
}
