//! Calls that are done once, however often they are sent: a caller gives each a key of its own (Idempotency-Key).
//!
//! Invariant: the work of a key is done at most once. Its first write says so in its own transaction; a call that was
//! refused has no effect, and its key is given back.

use std::future::Future;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Key, Seen};

use super::{Accounts, Caller, Error};

/// Letters of a key.
const LETTERS: usize = 255;

/// What was answered, as it is answered again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub status: u16,
    pub location: Option<String>,
    pub etag: Option<String>,
    pub body: Vec<u8>,
}

/// What a key is good for now.
#[derive(Debug)]
pub enum Repeat {
    /// Do the work, within [`Accounts::once`].
    Begin(Once),
    /// It is being done this moment.
    InFlight,
    /// The key was used for something else.
    Other,
    /// It was done, and the answer is lost.
    Unanswered,
    Again(Answered),
}

/// A key that is taken.
#[derive(Clone, Debug)]
pub struct Once(Key);

impl Accounts {
    /// Takes a key of the caller's for what it asks (`call`: everything that must be equal the next time).
    pub async fn begin_once(&self, who: &Caller, key: &str, call: &[&[u8]]) -> Result<Repeat, Error> {
        if key.is_empty()
            || key.len() > LETTERS
            || !key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        {
            return Err(Error::Invalid("a key has from 1 to 255 visible letters"));
        }
        let mut hash = Sha256::new();
        for part in call {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let body_hash = hash.finalize().into();
        let key = Key { clinic: who.clinic(), credential: who.credential(), key: key.to_owned(), body_hash };
        let taken = key.clone();
        let seen = self
            .inner
            .store
            .aside_soon(move |aside| Box::pin(async move { aside.take_key(&taken).await }))
            .await?;
        Ok(match seen {
            Seen::Never => Repeat::Begin(Once(key)),
            Seen::InFlight => Repeat::InFlight,
            Seen::Other => Repeat::Other,
            Seen::Unanswered => Repeat::Unanswered,
            Seen::Done { answer, .. } => {
                serde_json::from_slice(&answer).map_or(Repeat::Unanswered, Repeat::Again)
            }
        })
    }

    /// The call itself.
    pub async fn once<T>(&self, key: &Once, call: impl Future<Output = T>) -> T {
        store::once(key.0.clone(), call).await
    }

    /// Keeps what was answered.
    pub async fn keep_answer(&self, key: Once, answered: &Answered) -> Result<(), Error> {
        let body = serde_json::to_vec(answered).unwrap_or_default();
        let status = i64::from(answered.status);
        let kept = self
            .inner
            .store
            .aside_soon(move |aside| Box::pin(async move { aside.keep_answer(&key.0, status, &body).await }));
        Ok(kept.await?)
    }

    /// Forgets the keys of calls that nobody repeats any more, of every clinic.
    pub async fn forget_repeats(&self) -> Result<(), Error> {
        let store = &self.inner.store;
        let clinics = store.across().await?.clinics().await?;
        for clinic in clinics {
            store.aside(move |aside| Box::pin(async move { aside.prune_keys(clinic.id).await })).await?;
        }
        Ok(())
    }

    /// Gives the key back: nothing was done.
    pub async fn drop_once(&self, key: Once) -> Result<(), Error> {
        let dropped =
            self.inner.store.aside_soon(move |aside| Box::pin(async move { aside.drop_key(&key.0).await }));
        Ok(dropped.await?)
    }
}
