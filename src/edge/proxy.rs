//! Who really asks: `Forwarded` (RFC 7239) and `X-Forwarded-*`, believed only from proxies the operator named.
//!
//! Invariant: a client cannot choose its own address. The chain is read from the right, over trusted proxies,
//! to the first address that is none.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

/// Hops of one chain that are looked at.
pub const HOPS: usize = 16;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The networks whose word about a client counts.
#[derive(Debug, Clone, Default)]
pub struct Trusted(Vec<IpNet>);

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    pub peer: IpAddr,
    pub secure: bool,
}

impl Trusted {
    pub fn new(networks: Vec<IpNet>) -> Trusted {
        Trusted(networks)
    }

    fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Where a request with these headers comes from, on a connection from `connection`.
    pub fn origin(&self, connection: Origin, headers: &HeaderMap) -> Origin {
        if self.0.is_empty() || !self.has(connection.peer) {
            return connection;
        }
        let (chain, proto) = match headers.get(header::FORWARDED) {
            Some(_) => forwarded(headers),
            None => (addresses(headers), last(headers, &X_FORWARDED_PROTO)),
        };
        let peer = chain
            .into_iter()
            .rev()
            .take(HOPS)
            .find(|hop| hop.is_none_or(|address| !self.has(address)))
            .flatten()
            .unwrap_or(connection.peer);
        let secure = proto.map_or(connection.secure, |proto| proto.eq_ignore_ascii_case("https"));
        Origin { peer: peer.to_canonical(), secure }
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl DoubleEndedIterator<Item = &'a str> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    lines.into_iter().flat_map(|line| line.split(',')).map(str::trim).collect::<Vec<_>>().into_iter()
}

fn last(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    values(headers, name).next_back().map(str::to_owned)
}

/// The chain of X-Forwarded-For, nearest last; `None` where no address stands.
fn addresses(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    values(headers, &X_FORWARDED_FOR).map(address).collect()
}

/// The chain and the last scheme of RFC 7239.
fn forwarded(headers: &HeaderMap) -> (Vec<Option<IpAddr>>, Option<String>) {
    let mut chain = Vec::new();
    let mut proto = None;
    for element in values(headers, &header::FORWARDED) {
        for pair in element.split(';') {
            let Some((name, value)) = pair.trim().split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.to_ascii_lowercase().as_str() {
                "for" => chain.push(address(value)),
                "proto" => proto = Some(value.to_owned()),
                _ => {}
            }
        }
    }
    (chain, proto)
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.split_once(']')?.0.parse().ok();
    }
    text.parse().ok().or_else(|| text.rsplit_once(':')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(from: &str, headers: &[(&'static str, &'static str)]) -> Origin {
        let trusted = Trusted::new(vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, http::HeaderValue::from_static(value));
        }
        trusted.origin(Origin { peer: from.parse().unwrap(), secure: false }, &map)
    }

    fn at(peer: &str, secure: bool) -> Origin {
        Origin { peer: peer.parse().unwrap(), secure }
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let headers = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https")];
        assert_eq!(origin("192.0.2.9", &headers), at("192.0.2.9", false));
    }

    #[test]
    fn a_proxy_is_believed_and_a_forged_start_of_the_chain_is_not() {
        let headers =
            [("x-forwarded-for", "127.0.0.1, 198.51.100.7, 10.1.2.3"), ("x-forwarded-proto", "https")];
        assert_eq!(origin("127.0.0.1", &headers), at("198.51.100.7", true));
    }

    #[test]
    fn rfc7239_s4_forwarded() {
        let headers = [("forwarded", r#"for="[2001:db8::1]:4711";proto=https;by=203.0.113.43"#)];
        assert_eq!(origin("10.0.0.1", &headers), at("2001:db8::1", true));
    }

    #[test]
    fn an_unreadable_hop_ends_the_chain() {
        let headers = [("x-forwarded-for", "198.51.100.7, unknown")];
        assert_eq!(origin("10.0.0.1", &headers), at("10.0.0.1", false));
    }
}
