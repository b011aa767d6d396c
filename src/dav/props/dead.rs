//! Dead properties (RFC 4918 section 4): names that clients invented, kept as the XML that was sent.
//! Invariant: the XML was rendered by our own reader's tree, so it is well-formed and declares what it uses.

use std::collections::HashMap;

use super::property::{Change, Dead, Refusal};
use crate::calendar::{DEAD_PROPERTY_BYTES, DeadChange, Property, PropertyOwner};
use crate::dav::xml::Element;

/// Of each object by its name, and of the calendar itself under no name.
pub type ByOwner = HashMap<Option<String>, Dead>;

/// Rows to maps.
pub fn by_owner(rows: Vec<Property>) -> ByOwner {
    let mut all = ByOwner::new();
    for row in rows {
        let owner = match row.owner {
            PropertyOwner::Object(_, name) => Some(name),
            PropertyOwner::Collection(_) | PropertyOwner::Principal(_) => None,
        };
        all.entry(owner).or_default().insert((row.namespace, row.name), row.xml);
    }
    all
}

/// Notes a dead property to be set, or to be removed.
pub fn set(change: &mut Change, element: Element, to: Option<Element>) -> Result<(), Refusal> {
    let name = (element.namespace().to_owned(), element.local().to_owned());
    let xml = to.map(Element::render);
    if xml.as_ref().is_some_and(|xml| xml.len() > DEAD_PROPERTY_BYTES) {
        return Err(Refusal::TooLarge);
    }
    change.dead.push((name, xml));
    Ok(())
}

/// What is left at the end of a request that may name one property several times: the last word counts
/// (RFC 4918 section 9.2: in document order).
pub fn settle(dead: Vec<((String, String), Option<String>)>) -> DeadChange {
    let last: HashMap<_, _> = dead.into_iter().collect();
    let mut change = DeadChange::default();
    for ((namespace, name), xml) in last {
        match xml {
            Some(xml) => change.set.push((namespace, name, xml)),
            None => change.remove.push((namespace, name)),
        }
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_a_name_counts() {
        let name = |local: &str| ("urn:x".to_owned(), local.to_owned());
        let change = settle(vec![
            (name("a"), Some("<a/>".into())),
            (name("b"), Some("<b/>".into())),
            (name("a"), None),
        ]);
        assert_eq!(change.set, [("urn:x".to_owned(), "b".to_owned(), "<b/>".to_owned())]);
        assert_eq!(change.remove, [name("a")]);
    }
}
