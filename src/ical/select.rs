//! Partial retrieval (RFC 4791 9.6.1 to 9.6.4): the components and properties that were asked for.

use crate::{Component, model::Entry};

/// What of a component is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub props: Props,
    pub comps: Comps,
}

/// CALDAV:allprop or a list of CALDAV:prop: name, and whether the value is left out (`novalue="yes"`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Props {
    All,
    List(Vec<(String, bool)>),
}

/// CALDAV:allcomp or a list of CALDAV:comp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comps {
    All,
    List(Vec<(String, Selection)>),
}

/// The part of the tree that was asked for. `selection` speaks of the tree's own component.
/// Follows the depth of the tree, which the reader limits.
pub fn select(tree: &Component, selection: &Selection) -> Component {
    let mut out = tree.shell();
    for entry in &tree.entries {
        let kept = match entry {
            Entry::Property(property) => match &selection.props {
                Props::All => Some(Entry::Property(property.clone())),
                Props::List(list) => list.iter().find(|(name, _)| property.is(name)).map(|(_, novalue)| {
                    Entry::Property(if *novalue { property.with_value("") } else { property.clone() })
                }),
            },
            Entry::Component(inner) => match &selection.comps {
                Comps::All => Some(Entry::Component(inner.clone())),
                Comps::List(list) => list
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(inner.name()))
                    .map(|(_, wanted)| Entry::Component(select(inner, wanted))),
            },
        };
        out.entries.extend(kept);
    }
    out
}
