//! URL to resource and back: the only place that knows how our paths look.
//! Invariant: what comes out of [`parse`] is a set of names, never a path; dot segments, encoded slashes, NUL and other
//! hosts end here, before anything is looked up (trust.md S1, class path; RFC 4918 section 8.3).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::calendar::{CollectionPath, INBOX, ObjectPath};

/// Longest name of one segment, decoded, in bytes.
const SEGMENT: usize = 255;
/// Longest path or href that is looked at.
const HREF: usize = 4096;

pub const ROOT: &str = "/dav/";
pub const PRINCIPALS: &str = "/dav/principals/";
pub const HOMES: &str = "/dav/calendars/";

/// What a URL of ours names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `/` itself, where Apple's clients look first; answered as the root, under its own name.
    Top,
    Root,
    Principals,
    Principal(String),
    Homes,
    Home(String),
    /// The scheduling inbox of a home (RFC 6638 2.2); no link leads to it yet (`props/schedule.rs`).
    Inbox(String),
    Calendar(CollectionPath),
    Object(ObjectPath),
}

/// Why a path names nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHref {
    /// No path at all: a bad escape, a dot segment, a control character, too long.
    Malformed,
    /// A URL of another host.
    Foreign,
    /// A path outside the tree.
    Unknown,
    /// A path below an object or below a calendar that is no object's: there are no collections inside calendars.
    TooDeep,
}

/// The names under which this server is called, as far as the request and the configuration say.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// `host[:port]` of the configured public URL and of the request's Host, lower-case.
    pub authorities: Vec<String>,
}

impl Site {
    /// Takes the scheme and authority off an absolute URL; anything that is no absolute URL comes back whole.
    fn path<'a>(&self, href: &'a str) -> Result<&'a str, BadHref> {
        if href.starts_with('/') && !href.starts_with("//") {
            return Ok(href);
        }
        let lower = href.get(..8).unwrap_or(href).to_ascii_lowercase();
        let rest = match (lower.starts_with("http://"), lower.starts_with("https://")) {
            (true, _) => &href[7..],
            (_, true) => &href[8..],
            _ => return Err(BadHref::Malformed),
        };
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let authority = authority.to_ascii_lowercase();
        let ours = self.authorities.iter().any(|one| same_authority(one, &authority));
        // HTTP/2 may leave no Host header to compare with: then the path alone decides, which names only our resources.
        if ours || self.authorities.is_empty() { Ok(path) } else { Err(BadHref::Foreign) }
    }
}

/// Default ports are left out by some clients in one place and written in another.
fn same_authority(one: &str, other: &str) -> bool {
    let plain = |authority: &str| {
        let host = authority.strip_suffix(":443").or(authority.strip_suffix(":80")).unwrap_or(authority);
        host.to_owned()
    };
    plain(one) == plain(other)
}

/// An href from a body or a Destination header: a path or an absolute URL of this host.
pub fn parse_href(href: &str, site: &Site) -> Result<Target, BadHref> {
    parse(site.path(href.trim())?)
}

/// A raw, percent-encoded path, with or without its last slash.
pub fn parse(path: &str) -> Result<Target, BadHref> {
    if path.len() > HREF || !path.starts_with('/') || path.contains(['?', '#']) {
        return Err(BadHref::Malformed);
    }
    let inner = path.strip_suffix('/').unwrap_or(path);
    let names = inner.split('/').skip(1).map(segment).collect::<Result<Vec<_>, _>>()?;
    let slash = path.ends_with('/');
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    match names.as_slice() {
        [] => Ok(Target::Top),
        ["dav"] => Ok(Target::Root),
        ["dav", "principals"] => Ok(Target::Principals),
        ["dav", "principals", user] => Ok(Target::Principal((*user).into())),
        ["dav", "calendars"] => Ok(Target::Homes),
        ["dav", "calendars", user] => Ok(Target::Home((*user).into())),
        ["dav", "calendars", user, INBOX] => Ok(Target::Inbox((*user).into())),
        ["dav", "calendars", user, slug] => Ok(Target::Calendar(collection(user, slug))),
        ["dav", "calendars", user, slug, name] if !slash => {
            Ok(Target::Object(ObjectPath { collection: collection(user, slug), name: (*name).into() }))
        }
        ["dav", "calendars", _, _, ..] => Err(BadHref::TooDeep),
        _ => Err(BadHref::Unknown),
    }
}

fn collection(owner: &str, slug: &str) -> CollectionPath {
    CollectionPath { owner: owner.into(), slug: slug.into() }
}

/// One decoded segment.
fn segment(raw: &str) -> Result<Cow<'_, str>, BadHref> {
    if !escapes_are_whole(raw.as_bytes()) {
        return Err(BadHref::Malformed);
    }
    let name = percent_decode_str(raw).decode_utf8().map_err(|_| BadHref::Malformed)?;
    let fits = !name.is_empty() && name.len() <= SEGMENT && name != "." && name != "..";
    let plain = !name.contains(|c: char| c == '/' || c == '\\' || c.is_control());
    if fits && plain { Ok(name) } else { Err(BadHref::Malformed) }
}

fn escapes_are_whole(raw: &[u8]) -> bool {
    raw.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        matches!(raw.get(at + 1..at + 3), Some([a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    })
}

/// What stays as it is in our hrefs: RFC 3986's `pchar` without what XML or a careless client could trip over.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':');

/// A name as it stands in an href; borrowed when there is nothing to encode, as with nearly every name.
pub fn encoded(name: &str) -> Cow<'_, str> {
    utf8_percent_encode(name, ESCAPED).into()
}

pub fn principal(user: &str) -> String {
    format!("{PRINCIPALS}{}/", encoded(user))
}

pub fn home(user: &str) -> String {
    format!("{HOMES}{}/", encoded(user))
}

pub fn inbox(user: &str) -> String {
    format!("{HOMES}{}/{INBOX}/", encoded(user))
}

pub fn calendar(at: &CollectionPath) -> String {
    format!("{HOMES}{}/{}/", encoded(&at.owner), encoded(&at.slug))
}

pub fn object(at: &ObjectPath) -> String {
    format!("{}{}", calendar(&at.collection), encoded(&at.name))
}

impl Target {
    /// The one spelling of this resource's path: collections end with a slash.
    pub fn href(&self) -> String {
        match self {
            Target::Top => "/".into(),
            Target::Root => ROOT.into(),
            Target::Principals => PRINCIPALS.into(),
            Target::Principal(user) => principal(user),
            Target::Homes => HOMES.into(),
            Target::Home(user) => home(user),
            Target::Inbox(user) => inbox(user),
            Target::Calendar(at) => calendar(at),
            Target::Object(at) => object(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar_at(owner: &str, slug: &str) -> Target {
        Target::Calendar(collection(owner, slug))
    }

    fn object_at(name: &str) -> Target {
        Target::Object(ObjectPath { collection: collection("ada", "visits"), name: name.into() })
    }

    #[test]
    fn every_resource_has_one_href_and_comes_back_from_it() {
        let all = [
            Target::Top,
            Target::Root,
            Target::Principals,
            Target::Principal("ada@x.org".into()),
            Target::Homes,
            Target::Home("ada".into()),
            Target::Inbox("ada".into()),
            calendar_at("ada", "visits~bo"),
            object_at("a b&c<ü>%'\".ics"),
        ];
        for target in all {
            assert_eq!(parse(&target.href()), Ok(target.clone()), "{}", target.href());
        }
        assert_eq!(object_at("a&b.ics").href(), "/dav/calendars/ada/visits/a%26b.ics");
    }

    #[test]
    fn the_last_slash_may_be_missing_but_objects_have_none() {
        assert_eq!(parse("/dav"), Ok(Target::Root));
        assert_eq!(parse("/dav/calendars/ada/visits"), Ok(calendar_at("ada", "visits")));
        assert_eq!(parse("/dav/calendars/ada/visits/x.ics/"), Err(BadHref::TooDeep));
        assert_eq!(parse("/dav/calendars/ada/visits/x/y"), Err(BadHref::TooDeep));
        assert_eq!(parse("/etc/passwd"), Err(BadHref::Unknown));
    }

    #[test]
    fn tricks_are_malformed() {
        for path in [
            "/dav/../x",
            "/dav/./x",
            "/dav/%2e%2e/x",
            "/dav/calendars/a%2fb",
            "/dav/calendars/a%00",
            "/dav//principals/",
            "/dav/calendars/a%",
            "/dav/calendars/a%zz",
            "/dav/calendars/%ff",
            "/dav/calendars/a%0d%0ab",
            "dav",
            "",
            "/dav/calendars/a%5cb",
            "/dav/calendars/a?b",
            "//",
            "/dav/calendars/ada//",
        ] {
            assert_eq!(parse(path), Err(BadHref::Malformed), "{path}");
        }
        assert_eq!(parse(&format!("/dav/calendars/{}", "a".repeat(300))), Err(BadHref::Malformed));
        assert_eq!(parse(&"/a".repeat(3000)), Err(BadHref::Malformed));
    }

    #[test]
    fn absolute_urls_must_be_of_this_host() {
        let site = Site { authorities: vec!["cal.example.org".into(), "127.0.0.1:8008".into()] };
        let ours = |href: &str| parse_href(href, &site);
        assert_eq!(ours("https://Cal.example.org/dav/"), Ok(Target::Root));
        assert_eq!(ours("https://cal.example.org:443/dav/"), Ok(Target::Root));
        assert_eq!(ours("http://127.0.0.1:8008/dav/"), Ok(Target::Root));
        assert_eq!(ours(" /dav/ "), Ok(Target::Root));
        assert_eq!(ours("http://evil.example/dav/"), Err(BadHref::Foreign));
        assert_eq!(ours("http://cal.example.org@evil.example/dav/"), Err(BadHref::Foreign));
        for bad in ["//cal.example.org/dav/", "ftp://cal.example.org/dav/", "x.ics", "", "https://"] {
            assert!(ours(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unescaped_characters_are_read() {
        // Apple's clients send hrefs with bare spaces and letters beyond ASCII now and then.
        assert_eq!(parse("/dav/calendars/ada/visits/Termin für a.ics"), Ok(object_at("Termin für a.ics")));
    }
}
