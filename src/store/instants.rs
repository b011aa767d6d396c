//! How PostgreSQL is asked for a clinic's version and the moment: every request asks, some several times. Those who come
//! while a question is under way share the next one: it begins after all of them came, so its answer holds for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::conn::{Conn, PATIENCE};
use crate::pool::Pool;
use crate::{ClinicId, Database, Error, Instant, Result};

/// Those who came while a question was under way.
type Those = Vec<oneshot::Sender<Result<Instant>>>;

/// Clones share everything.
#[derive(Clone)]
pub(crate) struct Instants {
    readers: Arc<Pool>,
    /// Of clinics that are being asked for: who came since.
    waiting: Arc<Mutex<HashMap<ClinicId, Those>>>,
}

/// A question under way; when it ends, however that is, those who came since are answered by the next.
struct Turn<'i> {
    instants: &'i Instants,
    clinic: ClinicId,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(those) = self.instants.since(self.clinic) else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(self.instants.clone().answer(self.clinic, those))),
            // Nothing runs any more: who waits hears that nobody answers.
            Err(_) => drop(self.instants.waiting().remove(&self.clinic)),
        }
    }
}

impl Instants {
    pub(crate) fn new(readers: Arc<Pool>) -> Instants {
        Instants { readers, waiting: Arc::default() }
    }

    /// As it is now or later. `Error::Gone` when there is no such clinic.
    pub(crate) async fn ask(&self, clinic: ClinicId) -> Result<Instant> {
        if let Some(answer) = self.join(clinic) {
            // A dead server is waited for once, not for the question under way and for the next.
            let answer = timeout(PATIENCE, answer).await;
            return answer.ok().and_then(Result::ok).unwrap_or(Err(Error::Busy));
        }
        let _turn = Turn { instants: self, clinic };
        self.look(clinic).await
    }

    /// A place behind the question that is under way; None: there is none, it is ours.
    fn join(&self, clinic: ClinicId) -> Option<oneshot::Receiver<Result<Instant>>> {
        let mut waiting = self.waiting();
        match waiting.get_mut(&clinic) {
            Some(those) => {
                let (reply, answer) = oneshot::channel();
                those.push(reply);
                Some(answer)
            }
            None => {
                waiting.insert(clinic, Vec::new());
                None
            }
        }
    }

    /// Asks for those who wait, and for those who come meanwhile, until nobody does.
    async fn answer(self, clinic: ClinicId, mut those: Those) {
        loop {
            let found = self.look(clinic).await;
            those.into_iter().for_each(|reply| drop(reply.send(found.clone())));
            match self.since(clinic) {
                Some(next) => those = next,
                None => return,
            }
        }
    }

    /// Who came since the last question began; where nobody did, there is none under way any more.
    fn since(&self, clinic: ClinicId) -> Option<Those> {
        let mut waiting = self.waiting();
        let those = waiting.get_mut(&clinic).map(std::mem::take).filter(|those| !those.is_empty());
        if those.is_none() {
            waiting.remove(&clinic);
        }
        those
    }

    async fn look(&self, clinic: ClinicId) -> Result<Instant> {
        // The clinics themselves stand before the wall: whichever clinic the connection is in will do.
        let lent = self.readers.lend(None).await?;
        Conn::lent(lent, Database::Postgres).instant_of(clinic).await
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<ClinicId, Those>> {
        // Whole under the lock: nothing in here panics half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
