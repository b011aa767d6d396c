//! One connection: which HTTP it speaks, and each of its requests handed up.
//!
//! HTTP is read strictly (RFC 9112 3.2, trust.md S16): a request that two readers could understand differently
//! is refused with 400. A panic while answering becomes a 500 for that request only.

use std::{
    convert::Infallible,
    net::IpAddr,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version, header};
use hyper::{body::Incoming, server::conn, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    Answer, Ask, Problem,
    limits::{self, InFlight},
    proxy::{Origin, Trusted},
    stall::Stall,
    tls::Tls,
};

/// What all connections share.
pub struct Shared<A> {
    trusted: Trusted,
    in_flight: InFlight,
    answer: A,
    requests: AtomicU64,
}

impl<A> Shared<A> {
    pub fn new(trusted: Trusted, in_flight: InFlight, answer: A) -> Arc<Shared<A>> {
        Arc::new(Shared { trusted, in_flight, answer, requests: AtomicU64::new(1) })
    }
}

/// One accepted connection.
pub struct Connection<A> {
    pub shared: Arc<Shared<A>>,
    pub peer: IpAddr,
    pub stop: watch::Receiver<bool>,
}

enum Protocol {
    Http1,
    Http2,
}

/// While too few bytes have come to tell the protocol.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl<A, F> Connection<A>
where
    A: Fn(Ask) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    pub async fn encrypted(self, stream: TcpStream, tls: Tls) {
        let patience = Duration::from_secs(limits::HANDSHAKE_SECONDS);
        let Ok(Ok(stream)) = timeout(patience, tls.acceptor().accept(stream)).await else { return };
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let origin = Origin { peer: self.peer, secure: true };
        self.speak(stream, protocol, origin).await;
    }

    pub async fn plain(mut self, stream: TcpStream) {
        let patience = Duration::from_secs(limits::HEAD_SECONDS);
        let protocol = tokio::select! {
            protocol = timeout(patience, first_words(&stream)) => protocol,
            _ = self.stop.wait_for(|stop| *stop) => return,
        };
        let Ok(Some(protocol)) = protocol else { return };
        let origin = Origin { peer: self.peer, secure: false };
        self.speak(stream, protocol, origin).await;
    }

    async fn speak<S>(self, stream: S, protocol: Protocol, origin: Origin)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shared = self.shared.clone();
        let service = service_fn(move |request| {
            let shared = shared.clone();
            async move { Ok::<_, Infallible>(shared.one(request, origin).await) }
        });
        let stream = TokioIo::new(Stall::new(stream));
        match protocol {
            Protocol::Http1 => until(http1().serve_connection(stream, service), self.stop).await,
            Protocol::Http2 => until(http2().serve_connection(stream, service), self.stop).await,
        }
    }
}

impl<A, F> Shared<A>
where
    A: Fn(Ask) -> F,
    F: Future<Output = Answer>,
{
    async fn one(&self, request: Request<Incoming>, connection: Origin) -> Answer {
        if let Some(refusal) = doubtful(&request) {
            return refusal.answer();
        }
        let Some(place) = self.in_flight.enter() else {
            return Problem::busy(limits::RETRY_SECONDS).answer();
        };
        let origin = self.trusted.origin(connection, request.headers());
        let id = self.requests.fetch_add(1, Ordering::Relaxed);
        let is_http1 = request.version() < Version::HTTP_2;
        let ask = Ask::read(request, origin.peer, origin.secure, id);
        let rest = ask.rest();
        let answer = AssertUnwindSafe(async { (self.answer)(ask).await }).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| {
            tracing::error!(request.id = id, "a request panicked; the lines before say where");
            Problem::broken(id).answer()
        });
        let mut answer = answer.map(|body| body.holding(place));
        if is_http1 && rest.is_left() {
            // RFC 9112 9.6: hyper closes a connection with an unread body, and the client should know.
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

/// A request that a proxy before us may have understood differently.
fn doubtful(request: &Request<Incoming>) -> Option<Problem> {
    let headers = request.headers();
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Some(Problem::bad_request("A request names exactly one Host."));
    }
    if size(request) > limits::HEAD_BYTES {
        let (status, detail) = (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large.");
        return Some(Problem::new(status, "Too large", detail));
    }
    if has_twice(headers, header::CONTENT_LENGTH) || has_twice(headers, header::TRANSFER_ENCODING) {
        return Some(Problem::bad_request("The length of the body is stated twice."));
    }
    if has_twice(headers, header::AUTHORIZATION) {
        return Some(Problem::bad_request("Authorization is stated twice."));
    }
    if request.method() == Method::CONNECT || request.method() == Method::TRACE {
        return Some(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Not allowed", "No such method here."));
    }
    None
}

/// hyper's own limit counts what it has buffered, which may be twice as much.
fn size(request: &Request<Incoming>) -> usize {
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    request.uri().path().len() + lines.sum::<usize>()
}

fn has_twice(headers: &HeaderMap, name: header::HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}

/// Prior knowledge of HTTP/2 begins with `PRI * HTTP/2.0` (RFC 9113 3.4); no method of ours begins so.
/// `None`: the client left without a word.
async fn first_words(stream: &TcpStream) -> Option<Protocol> {
    let mut start = [0; 3];
    loop {
        let seen = stream.peek(&mut start).await.ok()?;
        if seen == 0 {
            return None;
        }
        match &start[..seen] {
            b"PRI" => return Some(Protocol::Http2),
            words if b"PRI".starts_with(words) => sleep(LOOK_AGAIN).await,
            _ => return Some(Protocol::Http1),
        }
    }
}

fn http1() -> conn::http1::Builder {
    let mut builder = conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits::HEAD_SECONDS))
        .max_headers(limits::HEAD_LINES)
        .max_buf_size(limits::HEAD_BYTES);
    builder
}

fn http2() -> conn::http2::Builder<TokioExecutor> {
    let mut builder = conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS)
        .max_header_list_size(limits::HEAD_BYTES as u32)
        .keep_alive_interval(Duration::from_secs(limits::HEAD_SECONDS))
        .keep_alive_timeout(Duration::from_secs(limits::HEAD_SECONDS));
    builder
}

/// Drives a connection to its end; at the stop it finishes the answers in the making and takes no more.
async fn until<C: GracefulConnection>(connection: C, mut stop: watch::Receiver<bool>) {
    let mut connection = pin!(connection);
    // How a connection ends (reset, timeout, malformed head) is the client's affair: not worth a log line.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
