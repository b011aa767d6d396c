//! The body of an answer: nothing, bytes in hand, or chunks written while they are found.
//!
//! A body that breaks off is never taken for a whole one: a writer that panics or aborts cuts the connection,
//! so that half a multistatus cannot be read as "all others were deleted" (clients.md 3.13).

use std::{
    any::Any,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

/// The bytes of an answer. What is [held](Body::holding) with it is let go when the last byte has left.
pub struct Body {
    source: Source,
    held: Option<Box<dyn Any + Send + Sync>>,
}

enum Source {
    Empty,
    Whole(Bytes),
    Chunks { from: mpsc::Receiver<Bytes>, aborted: Arc<AtomicBool> },
}

/// The writing end of [`Body::channel`]. Dropping it ends the body; dropping it in a panic breaks it off.
pub struct Sender {
    to: mpsc::Sender<Bytes>,
    aborted: Arc<AtomicBool>,
}

/// The client left: nobody reads what would be sent.
#[derive(Debug, thiserror::Error)]
#[error("the client closed the connection")]
pub struct Gone;

/// The writer broke off: the connection is cut, because what was sent is not the whole answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub struct BrokenOff;

impl Body {
    pub fn empty() -> Body {
        Body { source: Source::Empty, held: None }
    }

    /// A body written chunk by chunk; `depth` chunks may wait for a slow client before the writer waits.
    pub fn channel(depth: usize) -> (Sender, Body) {
        let (to, from) = mpsc::channel(depth.max(1));
        let aborted = Arc::new(AtomicBool::new(false));
        let sender = Sender { to, aborted: aborted.clone() };
        (sender, Body { source: Source::Chunks { from, aborted }, held: None })
    }

    /// Keeps `guard` alive until the body was sent or the client left.
    pub fn holding(mut self, guard: impl Send + Sync + 'static) -> Body {
        self.held = Some(match self.held.take() {
            Some(first) => Box::new((first, guard)),
            None => Box::new(guard),
        });
        self
    }

    /// The bytes in hand; `None` when they are still being written.
    pub fn whole(&self) -> Option<&[u8]> {
        match &self.source {
            Source::Whole(bytes) => Some(bytes),
            Source::Empty => Some(&[]),
            Source::Chunks { .. } => None,
        }
    }
}

impl Sender {
    /// Waits until there is room. [`Gone`] when the client left: stop working for it.
    pub async fn send(&self, chunk: impl Into<Bytes>) -> Result<(), Gone> {
        let chunk = chunk.into();
        if chunk.is_empty() {
            return Ok(());
        }
        self.to.send(chunk).await.map_err(|_| Gone)
    }

    /// The same from a thread that may wait (never an async one).
    pub fn send_blocking(&self, chunk: impl Into<Bytes>) -> Result<(), Gone> {
        self.to.blocking_send(chunk.into()).map_err(|_| Gone)
    }

    /// Breaks the body off: the client sees a cut connection, not a short answer.
    pub fn abort(self) {
        self.aborted.store(true, Ordering::Release);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.aborted.store(true, Ordering::Release);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut self.source {
            Source::Empty => Poll::Ready(None),
            Source::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.source = Source::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Source::Chunks { from, aborted } => Poll::Ready(match ready!(from.poll_recv(cx)) {
                Some(chunk) => Some(Ok(Frame::data(chunk))),
                None if aborted.load(Ordering::Acquire) => Some(Err(BrokenOff)),
                None => None,
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Whole(bytes) => bytes.is_empty(),
            Source::Chunks { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Chunks { .. } => SizeHint::default(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body { source: Source::Whole(bytes), held: None }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Bytes::from(text).into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Bytes::from(bytes).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Body {
        Bytes::from_static(text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn chunks_arrive_in_order_and_end() {
        let (sender, body) = Body::channel(1);
        tokio::spawn(async move {
            sender.send("one ").await.unwrap();
            sender.send("").await.unwrap();
            sender.send("two").await.unwrap();
        });
        assert_eq!(body.collect().await.unwrap().to_bytes(), "one two");
    }

    #[tokio::test]
    async fn a_panic_of_the_writer_breaks_the_body_off() {
        let (sender, body) = Body::channel(4);
        let writer = tokio::spawn(async move {
            sender.send("half").await.unwrap();
            panic!("in the middle");
        });
        assert!(writer.await.is_err());
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_writer_learns_that_the_client_left() {
        let (sender, body) = Body::channel(1);
        drop(body);
        assert!(sender.send("anyone?").await.is_err());
    }
}
