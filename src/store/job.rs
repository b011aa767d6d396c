//! A write that waits for its turn: the closure of a caller, made into one type so that a queue can hold it. The one
//! invariant: the caller gets exactly one answer, and `Ok` only after the commit.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::ahead::Ahead;
use crate::{ClinicId, Error, Result, Tx};

/// A job holds up every other write of its clinic (SQLite: of the installation): it may not take longer.
const LIMIT: Duration = Duration::from_secs(60);

/// What became of a job inside the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// To be committed.
    Kept,
    /// It answered `Err`: nothing of it may remain.
    Refused,
}

/// A write that waits.
pub(crate) trait Job: Send {
    /// Which clinic it changes; None for a write beside the sequence.
    fn clinic(&self) -> Option<ClinicId>;
    /// Nobody waits for the answer any more, so it need not begin.
    fn abandoned(&self) -> bool;
    /// Of one that may go together with others: where it will look. Such a job may run again, once what it did the last time
    /// is undone.
    fn ahead(&self) -> Option<&Ahead>;
    /// Runs it, to the last of its facts. Never panics.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Outcome>;
    /// Refuses it for a reason outside of it.
    fn refuse(&mut self, error: Error);
    /// Answers the caller: `Ok` says that the commit returned.
    fn settle(self: Box<Self>, committed: Result<()>);
}

/// A job that runs once, as one that could be asked again.
pub(crate) fn once<T, E, F>(job: F) -> impl for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let mut job = Some(job);
    move |tx| match job.take() {
        Some(job) => job(tx),
        None => Box::pin(ready(Err(Error::broken("a job cannot run twice").into()))),
    }
}

/// The closure, its result, and who waits for it.
pub(crate) struct Waiting<T, E, F> {
    clinic: Option<ClinicId>,
    ahead: Option<Ahead>,
    job: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Waiting<T, E, F> {
    pub(crate) fn new(
        clinic: Option<ClinicId>,
        ahead: Option<Ahead>,
        job: F,
    ) -> (Waiting<T, E, F>, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Waiting { clinic, ahead, job, result: None, reply }, answer)
    }
}

impl<T, E, F> Job for Waiting<T, E, F>
where
    F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn clinic(&self) -> Option<ClinicId> {
        self.clinic
    }

    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn ahead(&self) -> Option<&Ahead> {
        self.ahead.as_ref()
    }

    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Outcome> {
        Box::pin(async move {
            let result = run(&mut self.job, tx, self.clinic.is_some()).await;
            let outcome = if result.is_ok() { Outcome::Kept } else { Outcome::Refused };
            self.result = Some(result);
            outcome
        })
    }

    fn refuse(&mut self, error: Error) {
        self.result = Some(Err(error.into()));
    }

    fn settle(self: Box<Self>, committed: Result<()>) {
        let result = match (self.result, committed) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Error::Busy.into()),
        };
        // The caller may have gone; the commit stands.
        self.reply.send(result).ok();
    }
}

/// Runs a job, and concludes the change of a clinic: a panic, a stall and an error that the job overlooked are errors too
/// (trust.md S20).
pub(crate) async fn run<T, E, F>(job: F, tx: &mut Tx, is_change: bool) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
    E: From<Error>,
{
    let whole = async {
        let value = job(tx).await?;
        if is_change {
            tx.conclude().await?;
        }
        Ok(value)
    };
    let work = AssertUnwindSafe(whole).catch_unwind();
    let result = match timeout(LIMIT, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => return Err(Error::broken("a job of the store panicked").into()),
        Err(_late) => return Err(Error::Busy.into()),
    };
    match (result, tx.spoiled()) {
        (Ok(_), Some(error)) => Err(error.clone().into()),
        (Ok(value), None) => Ok(tx.conn().hand_over().await.map(|()| value)?),
        (result, _) => result,
    }
}
