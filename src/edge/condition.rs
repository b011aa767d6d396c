//! Conditional headers (RFC 9110 section 13) as plain values. Decides nothing: the comparison happens inside
//! the transaction that writes (house.md 7.7).
//!
//! Tags are read leniently (Outlook CalDAV Synchronizer and old libraries send them without quotes), compared
//! strictly: a weak tag never matches strongly (RFC 9110 8.8.3.2).

use http::{HeaderMap, HeaderName, header};

use super::if_header::IfHeader;

/// Bytes of one conditional header; above it 400. 500 tags of ours fit.
pub const HEADER_BYTES: usize = 48 * 1024;

/// An entity tag: the text between its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub opaque: String,
    pub weak: bool,
}

/// The value of If-Match or If-None-Match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EtagList {
    Any,
    Of(Vec<Tag>),
}

/// Every condition of one request. Dates are seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    pub if_match: Option<EtagList>,
    pub if_none_match: Option<EtagList>,
    pub if_header: Option<IfHeader>,
    pub if_modified_since: Option<i64>,
    pub if_unmodified_since: Option<i64>,
}

/// A conditional header that cannot be understood: 400, because ignoring it might overwrite a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the header {0} cannot be understood")]
pub struct Malformed(pub HeaderName);

impl Conditions {
    pub fn read(headers: &HeaderMap) -> Result<Conditions, Malformed> {
        Ok(Conditions {
            if_match: tags(headers, &header::IF_MATCH)?,
            if_none_match: tags(headers, &header::IF_NONE_MATCH)?,
            if_header: if_header(headers)?,
            if_modified_since: date(headers, &header::IF_MODIFIED_SINCE),
            if_unmodified_since: date(headers, &header::IF_UNMODIFIED_SINCE),
        })
    }

    pub fn is_empty(&self) -> bool {
        *self == Conditions::default()
    }

    /// Whether a reader who holds what it says it holds needs no new copy: 304 (RFC 9110 13.2.2).
    /// A date counts only when no tag was sent.
    pub fn not_modified(&self, opaque: &str, modified: Option<i64>) -> bool {
        match (&self.if_none_match, self.if_modified_since, modified) {
            (Some(list), _, _) => list.has_weakly(opaque),
            (None, Some(since), Some(modified)) => modified <= since,
            _ => false,
        }
    }
}

impl EtagList {
    /// Strong comparison: for changes.
    pub fn has(&self, opaque: &str) -> bool {
        match self {
            EtagList::Any => true,
            EtagList::Of(tags) => tags.iter().any(|tag| !tag.weak && tag.opaque == opaque),
        }
    }

    /// Weak comparison: for "is my copy still good".
    pub fn has_weakly(&self, opaque: &str) -> bool {
        match self {
            EtagList::Any => true,
            EtagList::Of(tags) => tags.iter().any(|tag| tag.opaque == opaque),
        }
    }
}

/// All lines of one header as one list; `None` when absent or empty (Apple sends empty ones: clients.md 4).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Malformed> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let mut text = String::new();
    for value in headers.get_all(name) {
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| Malformed(name.clone()))?;
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(value.trim());
    }
    if text.len() > HEADER_BYTES {
        return Err(Malformed(name.clone()));
    }
    Ok((!text.is_empty()).then_some(text))
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<EtagList>, Malformed> {
    let Some(text) = joined(headers, name)? else { return Ok(None) };
    list(&text).map(Some).ok_or_else(|| Malformed(name.clone()))
}

fn list(text: &str) -> Option<EtagList> {
    if text == "*" {
        return Some(EtagList::Any);
    }
    let mut tags = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (tag, after) = tag(rest)?;
        tags.push(tag);
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    (!tags.is_empty()).then_some(EtagList::Of(tags))
}

/// One tag from the start of `text`, and what follows it.
pub(super) fn tag(text: &str) -> Option<(Tag, &str)> {
    let (weak, bare) = match text.strip_prefix("W/").or_else(|| text.strip_prefix("w/")) {
        Some(bare) => (true, bare),
        None => (false, text),
    };
    let (opaque, after) = match bare.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => bare.split_at(bare.find([' ', ',', ']', '\t']).unwrap_or(bare.len())),
    };
    let is_quoted = bare.starts_with('"');
    let is_sound = (is_quoted || !opaque.is_empty()) && !opaque.contains(|c: char| c.is_control());
    is_sound.then(|| (Tag { opaque: opaque.to_owned(), weak }, after))
}

fn if_header(headers: &HeaderMap) -> Result<Option<IfHeader>, Malformed> {
    let Some(text) = joined(headers, &IF)? else { return Ok(None) };
    IfHeader::parse(&text).map(Some).ok_or_else(|| Malformed(IF.clone()))
}

/// RFC 4918 10.4.
static IF: HeaderName = HeaderName::from_static("if");

/// An unreadable date is ignored (RFC 9110 13.1.3).
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let text = headers.get(name)?.to_str().ok()?;
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(name: &'static str, value: &'static str) -> Result<Conditions, Malformed> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        Conditions::read(&headers)
    }

    fn strong(opaque: &str) -> Tag {
        Tag { opaque: opaque.into(), weak: false }
    }

    #[test]
    fn tags_as_clients_send_them() {
        for (sent, expected) in [
            (r#""a""#, vec![strong("a")]),
            (
                r#""a", "b,c" ,W/"d""#,
                vec![strong("a"), strong("b,c"), Tag { opaque: "d".into(), weak: true }],
            ),
            ("unquoted", vec![strong("unquoted")]),
            (r#""""#, vec![strong("")]),
        ] {
            assert_eq!(read("if-match", sent).unwrap().if_match, Some(EtagList::Of(expected)), "{sent}");
        }
        assert_eq!(read("if-none-match", "*").unwrap().if_none_match, Some(EtagList::Any));
        assert_eq!(read("if-match", "  ").unwrap(), Conditions::default());
    }

    #[test]
    fn a_broken_condition_is_refused_not_ignored() {
        assert!(read("if-match", "\"open").is_err());
        assert!(read("if-match", ",").is_err());
        assert!(read("if", "nonsense").is_err());
    }

    #[test]
    fn a_weak_tag_never_matches_strongly() {
        let list = list(r#"W/"a""#).unwrap();
        assert!(!list.has("a") && list.has_weakly("a"));
    }

    #[test]
    fn s13_2_2_a_tag_outweighs_a_date() {
        let mut conditions = read("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(conditions.if_modified_since, Some(784_111_777));
        assert!(conditions.not_modified("a", Some(784_111_777)));
        assert!(!conditions.not_modified("a", Some(784_111_778)));
        conditions.if_none_match = Some(EtagList::Of(vec![strong("b")]));
        assert!(!conditions.not_modified("a", Some(0)));
    }
}
