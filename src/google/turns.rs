//! The turns that are under way on this node. A long one, such as the first look at a large calendar, keeps nobody waiting:
//! what is due meanwhile has its own.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::Google;
use super::error::Result;
use super::work::AT_ONCE;
use crate::calendar::{Link, LinkId};

/// Of the turns at once, how many may be those of links that have only a backfill.
const LONG: usize = AT_ONCE / 2;

/// Dropped, it gives its turns up.
pub struct Turns {
    google: Google,
    fresh: VecDeque<Link>,
    long: VecDeque<Link>,
    running: JoinSet<()>,
    /// Whose they are. A person's decision ends the lease of a turn under way: the next one waits until it is over.
    links: Arc<Mutex<HashSet<LinkId>>>,
    seats: Arc<Semaphore>,
    long_seats: Arc<Semaphore>,
    changed: watch::Receiver<u64>,
}

/// Of one turn; given back however it ends.
struct Seat {
    links: Arc<Mutex<HashSet<LinkId>>>,
    link: LinkId,
    _seats: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.links).remove(&self.link);
    }
}

fn lock(links: &Mutex<HashSet<LinkId>>) -> MutexGuard<'_, HashSet<LinkId>> {
    // Each change is one insert or one remove.
    links.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Google {
    /// None yet; see [`Turns::begin`].
    pub fn turns(&self) -> Turns {
        Turns {
            google: self.clone(),
            fresh: VecDeque::new(),
            long: VecDeque::new(),
            running: JoinSet::new(),
            links: Arc::default(),
            seats: Arc::new(Semaphore::new(AT_ONCE)),
            long_seats: Arc::new(Semaphore::new(LONG)),
            changed: self.mirrors().changed(),
        }
    }
}

impl Turns {
    /// Begins the turns of what is due, as far as there are seats.
    pub async fn begin(&mut self) -> Result<()> {
        self.google.stir().await?;
        if self.fresh.is_empty() && self.seats.available_permits() > 0 {
            let mut due = self.google.mirrors().due().await?;
            due.retain(|link| !lock(&self.links).contains(&link.id));
            (self.long, self.fresh) = due.into_iter().partition(|link| link.backfill);
        }
        while let Ok(seat) = self.seats.clone().try_acquire_owned() {
            let (link, long_seat) = match self.fresh.pop_front() {
                Some(link) => (link, None),
                None => {
                    let Ok(long_seat) = self.long_seats.clone().try_acquire_owned() else { break };
                    let Some(link) = self.long.pop_front() else { break };
                    (link, Some(long_seat))
                }
            };
            lock(&self.links).insert(link.id);
            let seat = Seat { links: self.links.clone(), link: link.id, _seats: (seat, long_seat) };
            let google = self.google.clone();
            self.running.spawn(async move {
                google.turn(link).await;
                drop(seat);
            });
        }
        Ok(())
    }

    /// Returns when there may be more to begin: a turn has ended, something was written anywhere, or Google told of
    /// something.
    pub async fn called(&mut self) {
        tokio::select! {
            Some(_) = self.running.join_next() => {}
            _ = self.changed.changed() => {}
            () = self.google.woken() => {}
        }
    }
}
