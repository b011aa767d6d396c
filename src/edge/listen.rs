//! Accepts connections and ends them: the outermost loop.
//!
//! Invariant: when [`Entrance::run`] returns, no answer is being written any more, or the time it was given is
//! over. A connection that fails, stalls or panics never touches another.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
};

use super::{
    Answer, Ask,
    connection::{Connection, Shared},
    limits::{InFlight, Limits},
    proxy::Trusted,
    tls::Tls,
};

/// What an accepted connection is held to.
pub struct Entrance {
    pub tls: Option<Tls>,
    pub trusted: Trusted,
    pub limits: Limits,
    /// How long answers in the making may take after the stop.
    pub grace: Duration,
}

/// After an accept that failed (no file descriptors left), before the next.
const BREATH: Duration = Duration::from_millis(50);

impl Entrance {
    /// Answers every request on `listeners` with `answer`, until `stop` becomes true.
    pub async fn run<A, F>(self, listeners: Vec<TcpListener>, answer: A, stop: watch::Receiver<bool>)
    where
        A: Fn(Ask) -> F + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        // Every connection holds a clone of `alive`; when all are dropped, all have ended.
        let (alive, mut all_ended) = mpsc::channel::<()>(1);
        let follower = self.tls.clone().map(|tls| tokio::spawn(tls.follow()));
        let grace = self.grace;
        let door = Door {
            shared: Shared::new(self.trusted, InFlight::new(self.limits.in_flight), answer),
            places: Arc::new(Semaphore::new(self.limits.connections.max(1))),
            tls: self.tls,
            stop: stop.clone(),
            alive,
        };
        let loops = listeners.into_iter().map(|listener| door.clone().accept(listener));
        futures_util::future::join_all(loops).await;
        drop(door);
        if tokio::time::timeout(grace, all_ended.recv()).await.is_err() {
            tracing::warn!("connections were cut: they did not end in time");
        }
        if let Some(follower) = follower {
            follower.abort();
        }
    }
}

struct Door<A> {
    shared: Arc<Shared<A>>,
    places: Arc<Semaphore>,
    tls: Option<Tls>,
    stop: watch::Receiver<bool>,
    alive: mpsc::Sender<()>,
}

impl<A> Clone for Door<A> {
    fn clone(&self) -> Self {
        Door {
            shared: self.shared.clone(),
            places: self.places.clone(),
            tls: self.tls.clone(),
            stop: self.stop.clone(),
            alive: self.alive.clone(),
        }
    }
}

impl<A, F> Door<A>
where
    A: Fn(Ask) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    async fn accept(mut self, listener: TcpListener) {
        loop {
            // Nobody closes this semaphore.
            let Ok(place) = self.places.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = self.stop.wait_for(|stop| *stop) => return,
            };
            match accepted {
                Ok((stream, from)) => {
                    let (connection, alive) = (self.connection(from), self.alive.clone());
                    let tls = self.tls.clone();
                    tokio::spawn(async move {
                        serve(connection, stream, tls).await;
                        drop((place, alive));
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    fn connection(&self, from: SocketAddr) -> Connection<A> {
        Connection { shared: self.shared.clone(), peer: from.ip().to_canonical(), stop: self.stop.clone() }
    }
}

async fn serve<A, F>(connection: Connection<A>, stream: TcpStream, tls: Option<Tls>)
where
    A: Fn(Ask) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    // A calendar answer is small and waited for: never held back for a fuller packet.
    let _ = stream.set_nodelay(true);
    match tls {
        Some(tls) => connection.encrypted(stream, tls).await,
        None => connection.plain(stream).await,
    }
}
