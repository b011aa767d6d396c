//! 207, written while it is found (RFC 4918 section 13): a few resources in one piece, many as a stream.
//! Invariant: memory is bounded by the chunk and the channel, not by the answer; an answer that fails on the way is cut
//! off, because half a list would read as deletions (clients.md 3.13).

use std::future::Future;

use http::{HeaderValue, Response, StatusCode, header};

use super::error::{Refusal, Result};
use super::wanted::At;
use super::xml::{Name, Writer, names};
use crate::edge::{Answer, Body, Sender};

/// What is sent at a time.
const CHUNK: usize = 64 << 10;
/// Chunks that wait for a slow client before the writer waits.
const WAITING: usize = 4;
/// Resources up to which an answer is made in one piece.
pub const FEW: usize = 500;

pub const XML: HeaderValue = HeaderValue::from_static("application/xml; charset=utf-8");
const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

/// How many resources an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Few,
    Many,
}

impl Size {
    pub fn of(resources: usize) -> Size {
        if resources <= FEW { Size::Few } else { Size::Many }
    }
}

/// A multistatus that is being written.
pub struct Stream {
    pub out: Writer,
    sender: Option<Sender>,
}

/// Writes a multistatus: `produce` is given the open stream and gives it back.
pub async fn write<F, Fut>(size: Size, produce: F) -> Result<Answer>
where
    F: FnOnce(Stream) -> Fut,
    Fut: Future<Output = Result<Stream>> + Send + 'static,
{
    if size == Size::Few {
        let mut stream = produce(Stream::open(None)).await?;
        stream.out.raw("</d:multistatus>");
        return Ok(answer(StatusCode::MULTI_STATUS, Body::from(stream.out.take())));
    }
    let (sender, body) = Body::channel(WAITING);
    let writing = produce(Stream::open(Some(sender)));
    tokio::spawn(async move {
        match writing.await {
            Ok(stream) => stream.end().await,
            // The stream went down with the error and cut the connection.
            Err(refusal) => {
                tracing::debug!(status = refusal.status.as_u16(), "a streamed answer was cut off")
            }
        }
    });
    Ok(answer(StatusCode::MULTI_STATUS, body))
}

/// A multistatus of little that is in hand.
pub fn whole(fill: impl FnOnce(&mut Writer)) -> Answer {
    document(StatusCode::MULTI_STATUS, "multistatus", fill)
}

/// A document whose root is in the namespace DAV:.
pub fn document(status: StatusCode, root: &str, fill: impl FnOnce(&mut Writer)) -> Answer {
    let mut out = Writer::with_capacity(2048);
    out.raw(PROLOGUE);
    out.raw("<d:");
    out.raw(root);
    out.raw(names::DECLARATIONS);
    out.raw(">");
    fill(&mut out);
    out.raw("</d:");
    out.raw(root);
    out.raw(">");
    answer(status, Body::from(out.finish()))
}

fn answer(status: StatusCode, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, XML);
    answer
}

impl Stream {
    fn open(sender: Option<Sender>) -> Stream {
        let room = if sender.is_some() { CHUNK + CHUNK / 4 } else { 4096 };
        let mut out = Writer::with_capacity(room);
        out.raw(PROLOGUE);
        out.raw("<d:multistatus");
        out.raw(names::DECLARATIONS);
        out.raw(">");
        Stream { out, sender }
    }

    /// Sends what is written once it is worth sending. Call after each resource.
    pub async fn rest(&mut self) -> Result<()> {
        let Some(sender) = self.sender.as_ref().filter(|_| self.out.len() >= CHUNK) else { return Ok(()) };
        let left = sender.send(self.out.take()).await;
        left.map_err(|_| Refusal::status(StatusCode::SERVICE_UNAVAILABLE, "The client left."))
    }

    async fn end(mut self) {
        self.out.raw("</d:multistatus>");
        if let Some(sender) = self.sender.take() {
            // Whether the client is still there concerns nobody any more.
            let _ = sender.send(self.out.take()).await;
        }
    }
}

impl Drop for Stream {
    /// Reached with a sender only when the writing failed.
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.abort();
        }
    }
}

/// A resource that has a status instead of properties.
pub fn status(out: &mut Writer, href: At, status: StatusCode, error: Option<Name>) {
    out.raw("<d:response>");
    href.write(out);
    status_line(out, status);
    if let Some(element) = error {
        out.raw("<d:error>");
        out.empty(element);
        out.raw("</d:error>");
    }
    out.raw("</d:response>");
}

pub fn status_line(out: &mut Writer, status: StatusCode) {
    out.raw("<d:status>HTTP/1.1 ");
    out.raw(status.as_str());
    out.raw(" ");
    out.raw(status.canonical_reason().unwrap_or("Unknown"));
    out.raw("</d:status>");
}
