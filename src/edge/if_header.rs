//! The `If` header of WebDAV (RFC 4918 section 10.4): lists of states, each list perhaps for another resource.
//!
//! The header holds when one list holds; a list holds when all its terms do. Parsed without recursion, within
//! [`LISTS`] lists and [`TERMS`] terms.

use super::condition::{Tag, tag};

/// Lists in one header; above it the header is malformed.
pub const LISTS: usize = 100;
/// Terms in one list.
pub const TERMS: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfHeader {
    pub lists: Vec<IfList>,
}

/// Terms that must all hold, for `resource` (an URL or path as sent) or for the one asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfList {
    pub resource: Option<String>,
    pub terms: Vec<IfTerm>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfTerm {
    pub negate: bool,
    pub state: IfState,
}

/// What a resource is asked to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfState {
    /// A lock token or any other state URI; without locks none ever matches.
    Token(String),
    Etag(Tag),
}

impl IfHeader {
    /// `None` when the text is not of the grammar of 10.4.2.
    pub fn parse(text: &str) -> Option<IfHeader> {
        let mut lists = Vec::new();
        let mut resource = None;
        let mut rest = text.trim();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('<') {
                let (url, after) = after.split_once('>')?;
                resource = Some(url.to_owned());
                rest = after.trim_start();
            }
            // Several lists may follow one resource.
            let (terms, after) = terms(rest.strip_prefix('(')?)?;
            lists.push(IfList { resource: resource.clone(), terms });
            // A proxy may have joined two lines by a comma.
            rest = after.trim_start_matches([' ', '\t', ',']);
            if lists.len() > LISTS {
                return None;
            }
        }
        (!lists.is_empty()).then_some(IfHeader { lists })
    }
}

fn terms(text: &str) -> Option<(Vec<IfTerm>, &str)> {
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix(')') {
            return (!terms.is_empty()).then_some((terms, after));
        }
        let negate = rest.get(..3).is_some_and(|not| not.eq_ignore_ascii_case("not"));
        if negate {
            rest = rest[3..].trim_start();
        }
        let (state, after) = state(rest)?;
        terms.push(IfTerm { negate, state });
        rest = after.trim_start();
        if terms.len() > TERMS {
            return None;
        }
    }
}

fn state(text: &str) -> Option<(IfState, &str)> {
    if let Some(after) = text.strip_prefix('<') {
        let (token, after) = after.split_once('>')?;
        return Some((IfState::Token(token.to_owned()), after));
    }
    let (tag, after) = tag(text.strip_prefix('[')?.trim_start())?;
    Some((IfState::Etag(tag), after.trim_start().strip_prefix(']')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, negate: bool) -> IfTerm {
        IfTerm { negate, state: IfState::Token(text.into()) }
    }

    fn etag(opaque: &str, negate: bool) -> IfTerm {
        IfTerm { negate, state: IfState::Etag(Tag { opaque: opaque.into(), weak: false }) }
    }

    #[test]
    fn s10_4_6_an_untagged_list() {
        let text = r#"(<urn:uuid:181d> ["I am an ETag"]) (["I am another"])"#;
        let expected = vec![
            IfList {
                resource: None,
                terms: vec![token("urn:uuid:181d", false), etag("I am an ETag", false)],
            },
            IfList { resource: None, terms: vec![etag("I am another", false)] },
        ];
        assert_eq!(IfHeader::parse(text).unwrap().lists, expected);
    }

    #[test]
    fn s10_4_8_not_and_no_lock() {
        let expected = vec![
            IfList { resource: None, terms: vec![token("urn:a", true)] },
            IfList { resource: None, terms: vec![token("DAV:no-lock", true)] },
        ];
        assert_eq!(IfHeader::parse("(Not <urn:a>)(not <DAV:no-lock>)").unwrap().lists, expected);
    }

    #[test]
    fn s10_4_9_a_tagged_list() {
        let lists = IfHeader::parse(r#"</a> (<urn:x>) (["e"]) <http://h/b> (["f"])"#).unwrap().lists;
        let resources: Vec<_> = lists.iter().map(|list| list.resource.as_deref()).collect();
        assert_eq!(resources, [Some("/a"), Some("/a"), Some("http://h/b")]);
    }

    #[test]
    fn what_is_not_of_the_grammar_is_refused() {
        for bad in ["", "()", "(", "<a>", "<a", "(<a)", "([\"a\")", "x", "(Not)", "(NotNot <a>)", "(é)"] {
            assert_eq!(IfHeader::parse(bad), None, "{bad}");
        }
        assert_eq!(IfHeader::parse(&"(<a>)".repeat(LISTS + 1)), None);
    }
}
