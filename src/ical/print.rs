//! Tree to text: the bytes that were read where nothing was edited, folded lines elsewhere (RFC 5545 3.1).

use crate::{Component, Property, model::Entry, text};

impl Component {
    /// The text of the tree. An untouched tree gives the bytes that were read; they need not be UTF-8 line by line,
    /// because a fold may stand inside a character.
    pub fn print(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entries.len() * 40 + 64);
        self.print_to(&mut out);
        out
    }

    /// Appends the text of the tree. Follows its depth, which the reader limits.
    pub(crate) fn print_to(&self, out: &mut Vec<u8>) {
        edge("BEGIN:", &self.name, &self.begin, out);
        for entry in &self.entries {
            match entry {
                Entry::Property(property) => property.print_to(out),
                Entry::Component(component) => component.print_to(out),
            }
        }
        edge("END:", &self.name, &self.end, out);
    }
}

impl Property {
    pub(crate) fn print_to(&self, out: &mut Vec<u8>) {
        match &self.raw {
            Some(raw) => {
                out.extend_from_slice(raw);
                // Only the very last line of a text may lack its end; something may follow it by now.
                if !raw.ends_with(b"\n") {
                    out.extend_from_slice(b"\r\n");
                }
            }
            None => text::fold(&self.text, out),
        }
    }
}

fn edge(word: &str, name: &str, raw: &Option<Box<[u8]>>, out: &mut Vec<u8>) {
    match raw {
        Some(raw) => out.extend_from_slice(raw),
        None => {
            out.extend_from_slice(word.as_bytes());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}
