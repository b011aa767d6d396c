//! XML out: bytes appended to one buffer, names rendered at compile time.
//! Invariant: text of any origin goes through [`Writer::text`], which escapes markup and replaces characters that XML
//! cannot hold, so the document is well-formed whatever a SUMMARY holds (trust.md, promise P5).

use bytes::Bytes;

use super::Name;

/// What stands for a character that XML has no way to write.
const REPLACEMENT: &str = "\u{fffd}";

/// A growing XML text.
#[derive(Default)]
pub struct Writer {
    out: String,
}

impl Writer {
    pub fn with_capacity(bytes: usize) -> Self {
        Writer { out: String::with_capacity(bytes) }
    }

    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Takes back what was written after `len` said so: an answer that turned out to be empty.
    pub fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
    }

    /// Hands out what was written and goes on empty, with as much room as before.
    pub fn take(&mut self) -> Bytes {
        let room = self.out.capacity();
        Bytes::from(std::mem::replace(&mut self.out, String::with_capacity(room)))
    }

    pub fn finish(self) -> Bytes {
        Bytes::from(self.out)
    }

    /// Markup of our own, or a value made of characters that need no escaping (digits, a percent-encoded path).
    #[inline]
    pub fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    #[inline]
    pub fn open(&mut self, name: Name) {
        self.raw(name.open);
    }

    #[inline]
    pub fn close(&mut self, name: Name) {
        self.raw(name.close);
    }

    pub fn empty(&mut self, name: Name) {
        self.raw(name.empty);
    }

    /// An element with text of any origin.
    pub fn element(&mut self, name: Name, text: &str) {
        self.open(name);
        self.text(text);
        self.close(name);
    }

    /// An element with one path of ours, already percent-encoded.
    pub fn href(&mut self, path: &str) {
        self.raw("<d:href>");
        self.raw(path);
        self.raw("</d:href>");
    }

    /// A name that a client invented, as an empty element that declares its namespace.
    pub fn foreign(&mut self, namespace: &str, local: &str) {
        if namespace.is_empty() {
            self.raw("<");
            self.text(local);
            return self.raw(" xmlns=\"\"/>");
        }
        self.raw("<x:");
        self.text(local);
        self.raw(" xmlns:x=\"");
        self.text(namespace);
        self.raw("\"/>");
    }

    /// Markup of our own that somebody else knows how to append: an ETag, a number.
    #[inline]
    pub fn append(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.out);
    }

    pub fn text(&mut self, text: &str) {
        escape_into(text, &mut self.out);
    }

    /// Text that should be UTF-8 (a stored object): where it is not, the replacement character stands.
    pub fn text_bytes(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text),
            Err(_) => self.text(&String::from_utf8_lossy(bytes)),
        }
    }
}

/// Bytes that are copied without a second look: all but markup, controls and 0xEF, which begins U+FFFE and U+FFFF.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut control = 0;
    while control < 0x20 {
        plain[control] = control == 0x09 || control == 0x0a;
        control += 1;
    }
    plain[b'<' as usize] = false;
    plain[b'>' as usize] = false;
    plain[b'&' as usize] = false;
    plain[b'"' as usize] = false;
    plain[0xef] = false;
    plain
};

/// How the character that `rest` begins with is written: (bytes of it, what stands instead).
fn replaced(rest: &[u8]) -> Option<(usize, &'static str)> {
    match rest {
        [b'<', ..] => Some((1, "&lt;")),
        [b'>', ..] => Some((1, "&gt;")),
        [b'&', ..] => Some((1, "&amp;")),
        [b'"', ..] => Some((1, "&quot;")),
        // A parser makes LF of a bare CR LF; only by number does the client get the bytes that were stored.
        [b'\r', ..] => Some((1, "&#13;")),
        [0xef, 0xbf, 0xbe | 0xbf, ..] => Some((3, REPLACEMENT)),
        [0xef, ..] => None,
        _ => Some((1, REPLACEMENT)),
    }
}

/// [`Writer::text`] into any string.
pub(super) fn escape_into(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for at in 0..bytes.len() {
        if let Some((length, instead)) =
            (!PLAIN[bytes[at] as usize]).then(|| replaced(&bytes[at..])).flatten()
        {
            out.push_str(&text[from..at]);
            out.push_str(instead);
            from = at + length;
        }
    }
    out.push_str(&text[from..]);
}

#[cfg(test)]
mod tests {
    use super::super::{names, read};
    use super::*;

    fn written(write: impl FnOnce(&mut Writer)) -> String {
        let mut writer = Writer::default();
        write(&mut writer);
        writer.out
    }

    #[test]
    fn text_is_escaped_and_illegal_characters_are_replaced() {
        let all: String = (0..0x3000).chain(0xfff0..=0xffff).filter_map(char::from_u32).collect();
        let xml = written(|w| {
            w.raw("<a>");
            w.text(&all);
            w.raw("</a>");
        });
        let back = read(xml.as_bytes()).unwrap().root().text();
        assert_eq!(back.chars().count(), all.chars().count());
        for (sent, got) in all.chars().zip(back.chars()) {
            assert!(
                sent == got || (got == '\u{fffd}' && !super::super::chars::is_legal(sent)),
                "{:x}",
                sent as u32
            );
        }
    }

    #[test]
    fn carriage_returns_survive() {
        let xml = written(|w| w.element(names::CALENDAR_DATA, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"));
        assert!(xml.contains("VCALENDAR&#13;\n"), "{xml}");
    }

    #[test]
    fn bytes_that_are_no_text_do_not_break_the_document() {
        let xml = written(|w| {
            w.raw("<a>");
            w.text_bytes(b"a\xff\xfe\xef\xbfb");
            w.raw("</a>");
        });
        assert!(read(xml.as_bytes()).is_ok());
    }

    #[test]
    fn foreign_names_declare_their_namespace() {
        assert_eq!(written(|w| w.foreign("urn:\"<", "p")), "<x:p xmlns:x=\"urn:&quot;&lt;\"/>");
        assert_eq!(written(|w| w.foreign("", "p")), "<p xmlns=\"\"/>");
    }
}
