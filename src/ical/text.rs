//! Content lines and nothing else: unfolding, folding, escaping (RFC 5545 3.1, 3.3.11; RFC 6868).
//! A fold may stand inside a UTF-8 character, so bytes are joined first and read as text afterwards.

use std::borrow::Cow;

use crate::Error;

/// Octets of a printed line before it is folded, without the line end (RFC 5545 3.1).
const FOLD: usize = 75;

/// One content line as it was sent.
pub(crate) struct Line<'a> {
    /// The number of its first physical line, from 1.
    pub number: u32,
    /// All its bytes: empty lines before it, folds and line ends included.
    pub raw: &'a [u8],
    /// The content, unfolded, without the line end.
    pub text: Cow<'a, str>,
}

/// Reads content lines one after the other.
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: u32,
    longest: usize,
}

impl<'a> Lines<'a> {
    /// `longest`: octets one content line may have, folds included.
    pub fn new(bytes: &'a [u8], longest: usize) -> Self {
        Lines { bytes, at: 0, number: 1, longest }
    }

    /// Empty lines at the end, and where they begin: they belong to the last line read.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The content line that starts next, `Ok(None)` at the end. Only empty lines left count as the end.
    pub fn next(&mut self) -> Result<Option<Line<'a>>, Error> {
        let begin = self.at;
        let start = match self.skip_empty(begin) {
            Some(start) => start,
            None => return Ok(None),
        };
        let number = self.number;
        let (mut end, mut next) = physical(self.bytes, start);
        self.number += 1;
        let mut joined: Option<Vec<u8>> = None;
        while let Some(b' ' | b'\t') = self.bytes.get(next) {
            let buffer = joined.get_or_insert_with(|| self.bytes[start..end].to_vec());
            let (stop, after) = physical(self.bytes, next);
            if stop > next {
                buffer.extend_from_slice(&self.bytes[next + 1..stop]);
            }
            (end, next) = (stop, after);
            self.number += 1;
            if next - start > self.longest {
                return Err(Error::Text { line: number, why: "the line is longer than this server accepts" });
            }
        }
        self.at = next;
        if next - start > self.longest {
            return Err(Error::Text { line: number, why: "the line is longer than this server accepts" });
        }
        let text = match joined {
            Some(buffer) => Cow::Owned(
                String::from_utf8(buffer)
                    .map_err(|_| Error::Text { line: number, why: "the line is not UTF-8" })?,
            ),
            None => Cow::Borrowed(
                std::str::from_utf8(&self.bytes[start..end])
                    .map_err(|_| Error::Text { line: number, why: "the line is not UTF-8" })?,
            ),
        };
        if has_control(text.as_bytes()) {
            return Err(Error::Text { line: number, why: "the line holds a control character" });
        }
        Ok(Some(Line { number, raw: &self.bytes[begin..next], text }))
    }

    /// Passes a byte order mark and empty lines; `None` when nothing follows them.
    fn skip_empty(&mut self, mut at: usize) -> Option<usize> {
        if at == 0 && self.bytes.starts_with(b"\xEF\xBB\xBF") {
            at = 3;
        }
        loop {
            match self.bytes.get(at..) {
                Some([b'\r', b'\n', ..]) => at += 2,
                Some([b'\n', ..]) => at += 1,
                Some([]) | None => return None,
                _ => return Some(at),
            }
            self.number += 1;
        }
    }
}

/// Where the physical line that starts at `from` ends, and where the next one starts.
fn physical(bytes: &[u8], from: usize) -> (usize, usize) {
    match memchr::memchr(b'\n', &bytes[from..]) {
        Some(0) => (from, from + 1),
        Some(n) if bytes[from + n - 1] == b'\r' => (from + n - 1, from + n + 1),
        Some(n) => (from + n, from + n + 1),
        None => (bytes.len(), bytes.len()),
    }
}

/// Control characters other than HTAB poison whole collections for strict readers (RFC 5545 3.1, CONTROL).
fn has_control(bytes: &[u8]) -> bool {
    // No early end: the plain fold is what the compiler turns into vector instructions.
    bytes.iter().fold(false, |bad, &b| bad | ((b < 0x20) & (b != b'\t')) | (b == 0x7f))
}

/// Appends `line` folded at 75 octets, never inside a character, with its line end.
pub(crate) fn fold(line: &str, out: &mut Vec<u8>) {
    let (mut rest, mut room) = (line, FOLD);
    while rest.len() > room {
        let mut cut = room;
        while !rest.is_char_boundary(cut) {
            cut -= 1;
        }
        out.extend_from_slice(&rest.as_bytes()[..cut]);
        out.extend_from_slice(b"\r\n ");
        rest = &rest[cut..];
        room = FOLD - 1;
    }
    out.extend_from_slice(rest.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// A TEXT value as it is written: backslash, semicolon, comma and line break escaped (RFC 5545 3.3.11).
/// Other control characters are dropped: they may not stand in a content line.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// What a TEXT value says (RFC 5545 3.3.11); a backslash before any other character stays as it is.
pub fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n' | 'N') => out.push('\n'),
            Some(c @ ('\\' | ';' | ',' | ':' | '"')) => out.push(c),
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    Cow::Owned(out)
}

/// A parameter value without its quotes and carets (RFC 6868).
pub(crate) fn param_value(raw: &str) -> Cow<'_, str> {
    let bare = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).unwrap_or(raw);
    if !bare.contains('^') {
        return Cow::Borrowed(bare);
    }
    let mut out = String::with_capacity(bare.len());
    let mut chars = bare.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = match (c, chars.peek()) {
            ('^', Some('n')) => '\n',
            ('^', Some('^')) => '^',
            ('^', Some('\'')) => '"',
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        out.push(plain);
    }
    Cow::Owned(out)
}

/// A parameter value as it is written: carets for what quotes cannot hold, quotes where they are needed.
pub(crate) fn quote_param(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    for c in value.chars() {
        match c {
            '^' => out.push_str("^^"),
            '\n' => out.push_str("^n"),
            '"' => out.push_str("^'"),
            c if c.is_control() && c != '\t' => {}
            c => out.push(c),
        }
    }
    if out.contains([':', ';', ',']) {
        out.insert(0, '"');
        out.push('"');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_values_survive_escaping() {
        for text in ["a;b,c\\d\ne", "", "\\n", "plain", "\u{fc}\t;"] {
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(unescape("a\\Nb\\:c\\x"), "a\nb:c\\x");
        assert_eq!(escape("a\r\nb\u{7}"), "a\\nb");
    }

    #[test]
    fn folding_never_splits_a_character() {
        for width in 70..80 {
            let line = format!("X:{}{}", "a".repeat(width - 2), "\u{20ac}".repeat(60));
            let mut out = Vec::new();
            fold(&line, &mut out);
            let text = String::from_utf8(out).unwrap();
            assert!(text.split("\r\n").all(|l| l.len() <= 75), "{width}");
            assert_eq!(text.replace("\r\n ", "").trim_end(), line);
        }
    }

    #[test]
    fn parameters_decode_carets_and_quotes() {
        assert_eq!(param_value("\"a^'b^'^n^^^x\""), "a\"b\"\n^^x");
        assert_eq!(quote_param("Doe, \"J\" ^\n"), "\"Doe, ^'J^' ^^^n\"");
        assert_eq!(param_value(&quote_param("Doe, \"J\" ^\n")), "Doe, \"J\" ^\n");
    }

    #[test]
    fn lines_are_joined_before_they_are_read() {
        let bytes = b"\xEF\xBB\xBF\r\nA:\xC3\r\n \xBC\r\n\r\nB:x\n\tyz\n\n";
        let mut lines = Lines::new(bytes, 100);
        let a = lines.next().unwrap().unwrap();
        assert_eq!((a.number, &*a.text, a.raw.len()), (2, "A:\u{fc}", 14));
        let b = lines.next().unwrap().unwrap();
        assert_eq!((b.number, &*b.text), (5, "B:xyz"));
        assert!(lines.next().unwrap().is_none());
        assert_eq!(lines.rest(), b"\n");
    }

    #[test]
    fn control_characters_and_long_lines_are_refused() {
        for bad in [&b"A:\x07\r\n"[..], b"A:x\ry\r\n", b"A:\0\n", b"A:\x7f\n", b"A:\xff\n"] {
            assert!(matches!(Lines::new(bad, 100).next(), Err(Error::Text { line: 1, .. })));
        }
        let long = format!("A:{}\r\n", "x".repeat(200));
        assert!(Lines::new(long.as_bytes(), 100).next().is_err());
        assert!(Lines::new(long.as_bytes(), 300).next().is_ok());
    }
}
