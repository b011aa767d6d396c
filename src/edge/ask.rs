//! One request as a door sees it. The head is in hand, the body is read by whoever wants it, within a limit.
//!
//! Invariant: no body is ever read beyond the limit its reader gives, nor waited for longer than
//! [`limits::PATIENCE`](super::limits::PATIENCE) allows; compressed bodies are refused, never inflated.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::limits::Patience;

/// Bytes of a body that nobody wants and that are read all the same; above it the connection is closed instead.
const PASSED_OVER: usize = 64 * 1024;

/// One request.
pub struct Ask {
    pub method: Method,
    /// As sent, percent-encoded, without query; `*` for `OPTIONS *`.
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    /// Who asks: the other end of the connection, or whom a trusted proxy names.
    pub peer: IpAddr,
    /// Whether the way from the client to us is encrypted.
    pub secure: bool,
    /// Names this request in logs and in answers to it.
    pub id: u64,
    inflow: Inflow,
    rest: Rest,
}

/// Whether something of a request's body is still to be read: then the connection cannot carry another request.
#[derive(Clone, Default)]
pub(super) struct Rest(Arc<AtomicBool>);

impl Rest {
    pub(super) fn is_left(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

enum Inflow {
    Wire(Incoming),
    Ready(Bytes),
}

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// 413
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    /// 408
    #[error("the body did not arrive in time")]
    Stalled,
    /// 415
    #[error("compressed bodies are not read; send it without Content-Encoding")]
    Encoded,
    /// 400: the connection ended or the chunks are malformed.
    #[error("the body broke off")]
    BrokenOff,
}

impl Ask {
    /// A request that did not come by wire: tests, and parts of one request handed on.
    pub fn new(method: Method, target: &str, headers: HeaderMap, body: impl Into<Bytes>) -> Ask {
        let (path, query) = split(target);
        let peer = IpAddr::from([127, 0, 0, 1]);
        Ask {
            method,
            path,
            query,
            headers,
            peer,
            secure: false,
            id: 0,
            inflow: Inflow::Ready(body.into()),
            rest: Rest::default(),
        }
    }

    /// A request from a connection.
    pub(super) fn read(request: http::Request<Incoming>, peer: IpAddr, secure: bool, id: u64) -> Ask {
        let (head, body) = request.into_parts();
        let rest = Rest(Arc::new(AtomicBool::new(!http_body::Body::is_end_stream(&body))));
        Ask {
            rest,
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            method: head.method,
            headers: head.headers,
            peer,
            secure,
            id,
            inflow: Inflow::Wire(body),
        }
    }

    /// The value of a header that may stand once; `None` also when it is no text.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether a body was announced; says nothing about its length.
    pub fn has_body(&self) -> bool {
        match &self.inflow {
            Inflow::Wire(body) => !http_body::Body::is_end_stream(body),
            Inflow::Ready(bytes) => !bytes.is_empty(),
        }
    }

    /// The whole body, once. Refuses on Content-Length before the first byte is read.
    pub async fn body(&mut self, limit: usize) -> Result<Bytes, Unread> {
        let inflow = std::mem::replace(&mut self.inflow, Inflow::Ready(Bytes::new()));
        if self.is_encoded() {
            return Err(Unread::Encoded);
        }
        match inflow {
            Inflow::Ready(bytes) if bytes.len() > limit => Err(Unread::TooLarge { limit }),
            Inflow::Ready(bytes) => Ok(bytes),
            Inflow::Wire(body) => {
                let whole = collect(body, limit).await?;
                self.rest.0.store(false, Ordering::Relaxed);
                Ok(whole)
            }
        }
    }

    /// The body for whoever reads it next.
    pub fn give_back(&mut self, body: Bytes) {
        self.inflow = Inflow::Ready(body);
    }

    pub(super) fn rest(&self) -> Rest {
        self.rest.clone()
    }

    /// Reads past what is left of a small body. A request that is answered before its body was read otherwise costs
    /// the connection: many clients send head and body in two pieces, and find it closed at their next request
    /// (seen with python-caldav, whose first request is always a 401).
    pub async fn pass_over(&mut self) {
        if self.has_body() {
            let _ = self.body(PASSED_OVER).await;
        }
    }

    fn is_encoded(&self) -> bool {
        self.headers
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    }
}

fn split(target: &str) -> (String, Option<String>) {
    match target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target.to_owned(), None),
    }
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, Unread> {
    let announced = http_body::Body::size_hint(&body).lower();
    if announced > limit as u64 {
        return Err(Unread::TooLarge { limit });
    }
    let patience = Patience::starting(Instant::now());
    let mut got: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let received = got.as_ref().map_or(0, Bytes::len) + rest.len();
        let frame = tokio::time::timeout_at(patience.until(Instant::now(), received), body.frame())
            .await
            .map_err(|_| Unread::Stalled)?;
        let Some(frame) = frame else { break };
        let Ok(chunk) = frame.map_err(|_| Unread::BrokenOff)?.into_data() else { continue };
        if received + chunk.len() > limit {
            return Err(Unread::TooLarge { limit });
        }
        match &got {
            // Nearly every body arrives in one piece: it is not copied.
            None => got = Some(chunk),
            Some(_) => rest.extend_from_slice(&chunk),
        }
    }
    Ok(joined(got.unwrap_or_default(), rest))
}

fn joined(first: Bytes, rest: BytesMut) -> Bytes {
    if rest.is_empty() {
        return first;
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_above_the_limit_is_refused() {
        let mut ask = Ask::new(Method::PUT, "/a?b=c", HeaderMap::new(), "12345");
        assert_eq!((ask.path.as_str(), ask.query.as_deref()), ("/a", Some("b=c")));
        assert_eq!(ask.body(4).await, Err(Unread::TooLarge { limit: 4 }));
    }

    #[tokio::test]
    async fn a_compressed_body_is_refused_whatever_its_case() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, http::HeaderValue::from_static("GZip"));
        let mut ask = Ask::new(Method::PUT, "/", headers, "x");
        assert_eq!(ask.body(10).await, Err(Unread::Encoded));
    }

    #[tokio::test]
    async fn the_body_is_given_once() {
        let mut ask = Ask::new(Method::PUT, "/", HeaderMap::new(), "x");
        assert_eq!(ask.body(10).await.unwrap(), "x");
        assert_eq!(ask.body(10).await.unwrap(), "");
    }
}
