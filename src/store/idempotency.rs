//! Keys of calls that are done once, however often they are sent (the header Idempotency-Key). A key belongs to its
//! credential and is kept for a day. That the work is done is written in the very transaction of the work; what was
//! answered follows it. After a crash a call is not done, or done and answered, or done and its answer lost: never done
//! twice.

use std::future::Future;

use crate::statements::{Listing, Statements};
use crate::value::{Columns, Value, values};
use crate::{Aside, ClinicId, Conn, Error, Result, Tx};

/// How long a key is remembered, seconds.
pub const KEPT: i64 = 24 * 3600;

/// After so many seconds whoever began is taken for dead: no job of the store runs for longer.
pub const IN_FLIGHT: i64 = 60;

/// The status of a call that is done and not answered yet: no answer has it.
const DONE: i64 = 0;

tokio::task_local! {
    static CALL: Key;
}

/// Runs a call under the key that it took: its first write says in its own transaction that the call is done, and is
/// refused with [`Error::Busy`] when another call has taken the key over meanwhile.
pub async fn once<T>(key: Key, call: impl Future<Output = T>) -> T {
    CALL.scope(key, call).await
}

/// The key of the call that is under way.
pub(crate) fn under_way() -> Option<Key> {
    CALL.try_with(Key::clone).ok()
}

/// A call by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Of which clinic.
    pub clinic: ClinicId,
    /// Whose key: the token, or the person.
    pub credential: String,
    /// As sent.
    pub key: String,
    /// SHA-256 of what was asked.
    pub body_hash: [u8; 32],
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: it is ours from now on. Do the work.
    Never,
    /// Another call with it is under way.
    InFlight,
    /// It was used for something else.
    Other,
    /// Done; whoever answered it died before the answer was kept.
    Unanswered,
    /// Done: this was answered.
    Done {
        /// Its status.
        status: i64,
        /// Its body.
        answer: Vec<u8>,
    },
}

impl Key {
    /// A row of [`SETTLED`].
    fn row(&self, now: i64, status: i64) -> Vec<Value> {
        let (credential, key) = (self.credential.as_str(), self.key.as_str());
        values![self.clinic, credential, key, self.body_hash.as_slice(), now, status]
    }
}

/// Calls that are done. Said by inserts, which find the rows that stand there by their key alone: an update of a table that
/// was empty when it was planned may go by another index, and looks through all keys of the clinic.
const SETTLED: Listing = Listing {
    before: "insert into idempotency (clinic_id, credential, key, body_hash, begun_at, status)",
    after: " on conflict (clinic_id, credential, key) do update set status = excluded.status \
        where idempotency.body_hash = excluded.body_hash \
        and (idempotency.status is null or idempotency.status = excluded.status)",
};

/// The same with their answers.
const ANSWERED: Listing = Listing {
    before: "insert into idempotency (clinic_id, credential, key, body_hash, begun_at, status, answer)",
    after: " on conflict (clinic_id, credential, key) do update set status = excluded.status, answer = excluded.answer \
        where idempotency.body_hash = excluded.body_hash and (idempotency.status is null or idempotency.status = 0)",
};
const _: () = assert!(DONE == 0);

impl Tx {
    /// Says in the transaction of the work that the call is done; once more is no mistake. Of jobs that go together it is
    /// said at their end.
    pub(crate) async fn settle_key(&mut self, key: Key) -> Result<()> {
        if self.conn().carries() {
            self.call = Some(key);
            return Ok(());
        }
        self.settle_keys(&[key]).await
    }

    /// The same of several calls, all or none.
    pub(crate) async fn settle_keys(&mut self, keys: &[Key]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let rows = keys.iter().map(|key| key.row(now, DONE)).collect();
        let settled = self.count(Statements::default().rows(&SETTLED, rows)).await?;
        if settled == keys.len() as u64 { Ok(()) } else { Err(Error::Busy) }
    }
}

impl Conn {
    async fn seen(&mut self, key: &Key, now: i64) -> Result<Option<Seen>> {
        let sql = "select body_hash, status, answer, begun_at from idempotency \
            where clinic_id = $1 and credential = $2 and key = $3";
        let row = self.one(sql, values![key.clinic, key.credential.as_str(), key.key.as_str()]).await?;
        let Some(row) = row else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let (hash, status, answer) = (columns.hash()?, columns.maybe_int()?, columns.maybe_blob()?);
        let begun = columns.int()?;
        Ok(Some(match status {
            _ if hash != key.body_hash => Seen::Other,
            None => Seen::InFlight,
            Some(DONE) if begun > now - IN_FLIGHT => Seen::InFlight,
            Some(DONE) => Seen::Unanswered,
            Some(status) => Seen::Done { status, answer: answer.unwrap_or_default() },
        }))
    }
}

impl Aside {
    /// Takes a key, or says what became of the call that took it. Keys older than a day, and calls that began so long
    /// ago that nobody can still be at it, count as never seen.
    pub async fn take_key(&mut self, key: &Key) -> Result<Seen> {
        self.room()?;
        let now = self.now();
        let sql = "insert into idempotency (clinic_id, credential, key, body_hash, begun_at) \
            values ($1, $2, $3, $4, $5) on conflict (clinic_id, credential, key) do update set \
            body_hash = excluded.body_hash, begun_at = excluded.begun_at, status = null, answer = null \
            where idempotency.begun_at <= $6 or (idempotency.status is null and idempotency.begun_at <= $7)";
        let (credential, name) = (key.credential.as_str(), key.key.as_str());
        let hash = key.body_hash.as_slice();
        let values = values![key.clinic, credential, name, hash, now, now - KEPT, now - IN_FLIGHT];
        if self.run(sql, values).await? > 0 {
            return Ok(Seen::Never);
        }
        // Nobody else's: the row that stood in the way is of this clinic, credential and key.
        Ok(self.seen(key, now).await?.unwrap_or(Seen::InFlight))
    }

    /// Keeps the answer of a call.
    pub async fn keep_answer(&mut self, key: &Key, status: i64, answer: &[u8]) -> Result<()> {
        let row = [key.row(self.now(), status), values![answer]].concat();
        self.put(Statements::default().rows(&ANSWERED, vec![row])).await
    }

    /// Gives a key back: the work was refused without effect and may be tried again.
    pub async fn drop_key(&mut self, key: &Key) -> Result<()> {
        let sql = "delete from idempotency where clinic_id = $1 and credential = $2 and key = $3 \
            and status is null";
        let values = values![key.clinic, key.credential.as_str(), key.key.as_str()];
        self.run(sql, values).await.map(|_| ())
    }

    /// Forgets keys that are over; returns how many.
    pub async fn prune_keys(&mut self, clinic: ClinicId) -> Result<u64> {
        let before = self.now() - KEPT;
        let sql = "delete from idempotency where clinic_id = $1 and begun_at <= $2";
        self.run(sql, values![clinic, before]).await
    }
}
