//! A Google Calendar for tests: faithful where a two-way sync lives, with faults on demand. What it knows of Google is
//! marked where it is coded: [D] documented by Google, [I] seen in an issue or a recorded trace, [C] in a peer's source,
//! [K] a guess that only a real account can settle.
//!
//! Never: part of the product, secret, or durable. Everything is in memory behind one lock.
//!
//! clock · problem (errors in Google's form) · opaque (ids, tokens, chance) · state (what it knows) · record (what was
//! asked) · faults · ask (a request) · page (page and sync tokens) · routes (THE list of methods) · events · calendars ·
//! push · oauth, jwt · server (HTTP) · control (what a test may do to it)

mod ask;
mod calendars;
mod clock;
mod control;
mod events;
mod faults;
mod jwt;
mod oauth;
mod opaque;
mod page;
mod problem;
mod push;
mod record;
mod routes;
mod server;
mod state;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub use clock::Clock;
pub use control::Command;
pub use faults::{Fault, Trouble};
pub use jwt::signed as sign;
pub use oauth::{CLIENT, CLIENT_SECRET, Consent};
pub use problem::Problem;
pub use push::{Delivery, Post};
pub use record::Recorded;
pub use state::{Fields, Mail, Manners, Order, Role, State};

/// A running fake. Cloning gives another handle; it ends with the last `Running`.
#[derive(Clone)]
pub struct Fake {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
    post: server::PostOffice,
}

/// The server's own handle: dropping it ends the server and every connection.
pub struct Running {
    pub fake: Fake,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::ops::Deref for Running {
    type Target = Fake;

    fn deref(&self) -> &Fake {
        &self.fake
    }
}

impl Fake {
    /// Listens on this loopback address; port 0 takes a free one.
    pub async fn start(address: SocketAddr, clock: Clock) -> io::Result<Running> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::new(clock)));
        let fake = Fake { state, address, post: server::PostOffice::new() };
        let task = tokio::spawn(server::serve(fake.clone(), listener));
        Ok(Running { fake, task })
    }

    /// `http://127.0.0.1:PORT`: the API stands below `/calendar/v3/`, OAuth at `/o/oauth2/v2/auth`, `/token`, `/revoke`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The state itself, for what no command says. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a command and sends what follows from it.
    pub async fn run(&self, command: Command) -> Result<Value, Problem> {
        if matches!(command, Command::Deliver) {
            return Ok(self.deliver().await.into());
        }
        let answer = control::run(self, command)?;
        self.send_due();
        Ok(answer)
    }

    /// Sends the notifications that wait and returns when all arrived or failed: how many were answered by 2xx.
    pub async fn deliver(&self) -> usize {
        let now = self.lock().clock.now();
        let waiting = {
            let push = &mut self.lock().push;
            let mut all = push.take(now);
            all.extend(push.release());
            all
        };
        let mut arrived = 0;
        for notice in waiting {
            arrived += usize::from(self.post.send(self, notice).await);
        }
        arrived
    }

    /// What was asked and answered so far.
    pub fn record(&self) -> Vec<Recorded> {
        self.lock().record.all.clone()
    }

    /// The recorded calls that can have changed something.
    pub fn writes(&self) -> Vec<Recorded> {
        self.lock().record.all.iter().filter(|one| one.is_write()).cloned().collect()
    }

    fn send_due(&self) {
        let now = self.lock().clock.now();
        let due = self.lock().push.take(now);
        for notice in due {
            let fake = self.clone();
            tokio::spawn(async move { fake.post.send(&fake, notice).await });
        }
    }
}
