//! Text to tree (RFC 5545 3.1, 3.4, 3.6). Iterative: the stack of open components is a list with a limit.
//! Reads what real clients send: bare LF, BOM, lower case, empty lines, bytes folded inside a character.

use crate::{
    Component, Error, Property,
    model::Entry,
    text::{Line, Lines},
};

/// What a text may have. `Default` is what this server accepts for one calendar object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the whole text.
    pub bytes: usize,
    /// Octets of one content line, folds included.
    pub line: usize,
    /// Components inside one another.
    pub nesting: usize,
    /// Properties of the whole text.
    pub properties: usize,
    /// ATTENDEE lines of one component (CALDAV:max-attendees-per-instance).
    pub attendees: usize,
    /// Dates before it are refused, UTC seconds (CALDAV:min-date-time).
    pub min_date: i64,
    /// Dates after it are refused, UTC seconds (CALDAV:max-date-time).
    pub max_date: i64,
    /// RDATE and EXDATE values of one component.
    pub dates: usize,
    /// Overrides of one series.
    pub overrides: usize,
}

impl Limits {
    pub const BYTES: usize = 1 << 20;
    pub const LINE: usize = 1 << 20;
    pub const NESTING: usize = 8;
    /// No setting makes the reader deeper: printing and dropping a tree follow its depth.
    pub const NESTING_MOST: usize = 32;
    pub const PROPERTIES: usize = 10_000;
    pub const ATTENDEES: usize = 500;
    /// 1900-01-01T00:00:00Z.
    pub const MIN_DATE: i64 = -2_208_988_800;
    /// 9999-12-31T23:59:59Z, the last that iCalendar can write.
    pub const MAX_DATE: i64 = 253_402_300_799;
    pub const DATES: usize = 5_000;
    pub const OVERRIDES: usize = 2_000;
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes: Limits::BYTES,
            line: Limits::LINE,
            nesting: Limits::NESTING,
            properties: Limits::PROPERTIES,
            attendees: Limits::ATTENDEES,
            min_date: Limits::MIN_DATE,
            max_date: Limits::MAX_DATE,
            dates: Limits::DATES,
            overrides: Limits::OVERRIDES,
        }
    }
}

impl Component {
    /// Reads a text that is exactly one component.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Component, Error> {
        let mut all = Component::parse_stream(text, limits)?;
        match (all.pop(), all.last()) {
            (Some(one), None) => Ok(one),
            (Some(second), Some(_)) => {
                Err(Error::Text { line: second.line, why: "a second component follows the first one" })
            }
            (None, _) => Err(Error::Text { line: 1, why: "the text is empty" }),
        }
    }

    /// Reads several components one after the other; the limits hold for all of them together.
    pub fn parse_stream(text: &[u8], limits: &Limits) -> Result<Vec<Component>, Error> {
        if text.len() > limits.bytes {
            return Err(Error::Text { line: 1, why: "the text is larger than this server accepts" });
        }
        let mut reader = Reader { limits, open: Vec::new(), done: Vec::new(), properties: 0 };
        let mut lines = Lines::new(text, limits.line);
        while let Some(line) = lines.next()? {
            reader.line(&line)?;
        }
        reader.finish(lines.rest())
    }
}

struct Reader<'a> {
    limits: &'a Limits,
    open: Vec<Component>,
    done: Vec<Component>,
    properties: usize,
}

impl Reader<'_> {
    fn line(&mut self, line: &Line<'_>) -> Result<(), Error> {
        let property = read(line)?;
        if property.is("BEGIN") {
            return self.begin(line, &property);
        }
        if property.is("END") {
            return self.end(line, &property);
        }
        self.properties += 1;
        if self.properties > self.limits.properties {
            return Err(Error::Text { line: line.number, why: "more properties than this server accepts" });
        }
        match self.open.last_mut() {
            Some(parent) => parent.entries.push(Entry::Property(property)),
            None => {
                return Err(Error::Text { line: line.number, why: "a line stands outside BEGIN and END" });
            }
        }
        Ok(())
    }

    fn begin(&mut self, line: &Line<'_>, property: &Property) -> Result<(), Error> {
        if self.open.len() >= self.limits.nesting.min(Limits::NESTING_MOST) {
            return Err(Error::Text { line: line.number, why: "components are nested too deeply" });
        }
        let name = property.value().trim().to_ascii_uppercase();
        if !is_name(name.as_bytes()) {
            return Err(Error::Text { line: line.number, why: "BEGIN without the name of a component" });
        }
        let begin = other_than("BEGIN:", &name, line.raw);
        self.open.push(Component {
            name: name.into(),
            line: line.number,
            begin,
            end: None,
            entries: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self, line: &Line<'_>, property: &Property) -> Result<(), Error> {
        let Some(mut closed) = self.open.pop() else {
            return Err(Error::Text { line: line.number, why: "END without BEGIN" });
        };
        if !property.value().trim().eq_ignore_ascii_case(&closed.name) {
            return Err(Error::Text {
                line: line.number,
                why: "END does not close the component that is open",
            });
        }
        closed.end = other_than("END:", &closed.name, line.raw);
        match self.open.last_mut() {
            Some(parent) => parent.entries.push(Entry::Component(closed)),
            None => self.done.push(closed),
        }
        Ok(())
    }

    /// Empty lines after the last END belong to it.
    fn finish(mut self, rest: &[u8]) -> Result<Vec<Component>, Error> {
        if let Some(open) = self.open.last() {
            return Err(Error::Text { line: open.line, why: "the component is never closed" });
        }
        if let (Some(last), false) = (self.done.last_mut(), rest.is_empty()) {
            let mut end = match last.end.take() {
                Some(end) => end.into_vec(),
                None => format!("END:{}\r\n", last.name).into_bytes(),
            };
            end.extend_from_slice(rest);
            last.end = Some(end.into());
        }
        Ok(self.done)
    }
}

/// The bytes of a BEGIN or END line, unless they are the usual ones.
fn other_than(word: &str, name: &str, raw: &[u8]) -> Option<Box<[u8]>> {
    let usual = raw
        .strip_prefix(word.as_bytes())
        .and_then(|r| r.strip_prefix(name.as_bytes()))
        .is_some_and(|end| end == b"\r\n");
    (!usual).then(|| raw.into())
}

/// A content line taken apart: where the name ends and where the value begins.
fn read(line: &Line<'_>) -> Result<Property, Error> {
    let wrong = |why| Error::Text { line: line.number, why };
    let bytes = line.text.as_bytes();
    let name_end =
        memchr::memchr2(b':', b';', bytes).ok_or(wrong("not a content line: there is no colon"))?;
    if !is_name(&bytes[..name_end]) {
        return Err(wrong("not a content line: it does not begin with a name"));
    }
    let colon = match bytes[name_end] {
        b':' => name_end,
        _ => {
            value_colon(bytes, name_end).ok_or(wrong("not a content line: no colon after the parameters"))?
        }
    };
    let text = &*line.text;
    let upper = bytes[..name_end].iter().any(u8::is_ascii_lowercase);
    let usual = text.len() <= 75 && line.raw.len() == text.len() + 2 && line.raw.ends_with(b"\r\n");
    Ok(Property {
        line: line.number,
        text: text.into(),
        name_end: name_end as u32,
        value_at: colon as u32 + 1,
        upper: upper.then(|| text[..name_end].to_ascii_uppercase().into()),
        raw: (!usual).then(|| line.raw.into()),
    })
}

/// The colon outside quotes that ends the parameters.
fn value_colon(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr2(b':', b'"', &bytes[at..])?;
        if bytes[at] == b':' {
            return Some(at);
        }
        at += 2 + memchr::memchr(b'"', &bytes[at + 1..])?;
    }
}

/// Letters, digits and hyphens; the dot of a vCard group and the underscore occur in the wild.
fn is_name(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}
