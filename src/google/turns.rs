//! The turns that are under way on this node. A long one, such as the first look at a large calendar, keeps nobody waiting:
//! what is due meanwhile has its own.

use std::collections::{HashMap, VecDeque};

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::Google;
use super::error::Result;
use super::work::AT_ONCE;
use crate::calendar::{Link, LinkId};

/// Of the turns at once, how many may be those of links that have only a backfill.
const LONG: usize = AT_ONCE / 2;

/// Dropped, it gives its turns up.
pub struct Turns {
    google: Google,
    /// What was found to be due and has not begun.
    fresh: VecDeque<Link>,
    long: VecDeque<Link>,
    /// Each answers whether what came of it was written down.
    running: JoinSet<bool>,
    links: Links,
    changed: watch::Receiver<u64>,
}

/// Whose turns they are, and which of them have only a backfill. A person's decision ends the lease of a turn under way:
/// the link's next one waits until it is over.
type Links = HashMap<Id, (LinkId, bool)>;

impl Google {
    /// None yet; see [`Turns::begin`].
    pub fn turns(&self) -> Turns {
        Turns {
            google: self.clone(),
            fresh: VecDeque::new(),
            long: VecDeque::new(),
            running: JoinSet::new(),
            links: Links::new(),
            changed: self.mirrors().changed(),
        }
    }
}

impl Turns {
    /// Begins the turns of what is due, as far as there are seats.
    pub async fn begin(&mut self) -> Result<()> {
        self.google.stir().await?;
        if self.fresh.is_empty() && self.links.len() < AT_ONCE {
            let mut due = self.google.mirrors().due().await?;
            due.retain(|link| self.links.values().all(|(running, _)| *running != link.id));
            (self.long, self.fresh) = due.into_iter().partition(|link| link.backfill);
        }
        while self.links.len() < AT_ONCE {
            let Some(link) = self.next() else { break };
            let (whose, google) = ((link.id, link.backfill), self.google.clone());
            let task = self.running.spawn(async move { google.turn(link).await });
            self.links.insert(task.id(), whose);
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Link> {
        let long = self.links.values().filter(|(_, is_long)| *is_long).count();
        self.fresh.pop_front().or_else(|| if long < LONG { self.long.pop_front() } else { None })
    }

    /// Returns when there may be more to begin: a turn has ended, something was written anywhere, or Google told of
    /// something.
    pub async fn called(&mut self) {
        tokio::select! {
            () = ended(&mut self.running, &mut self.links) => {}
            _ = self.changed.changed() => {}
            () = self.google.woken() => {}
        }
    }
}

/// A turn of which nothing could be written is as due as before: to begin it again at once would be in vain.
async fn ended(running: &mut JoinSet<bool>, links: &mut Links) {
    while let Some(ended) = running.join_next_with_id().await {
        let (task, is_kept) = ended.unwrap_or_else(|error| (error.id(), false));
        links.remove(&task);
        if is_kept {
            return;
        }
    }
    std::future::pending().await
}
