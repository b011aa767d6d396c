//! Tombstones: names that were removed, for RFC 6578. Old ones are pruned; the collection remembers up to where, so
//! that an older token is refused instead of silently missing a removal.

use sqlx::AssertSqlSafe;

use crate::value::{Columns, values, wanted};
use crate::{Aside, ClinicId, CollectionId, Conn, Result};

/// A name that is gone.
#[derive(Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The last part of its URL.
    pub name: String,
    /// The change that removed it.
    pub seq: i64,
}

/// The removals after a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Tombstones {
    /// All of them, ordered by seq and name (up to the limit).
    Since(Vec<Tombstone>),
    /// The token is older than what was kept (or the collection is gone): the client must start anew.
    Pruned,
}

impl Conn {
    /// The removals in a collection after `seq`, in one consistent read.
    pub async fn tombstones_since(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        seq: i64,
        limit: u32,
    ) -> Result<Tombstones> {
        let sql = "select c.pruned_seq, t.name, t.seq from collections c \
            left join tombstones t on t.clinic_id = c.clinic_id and t.collection_id = c.id and t.seq > $3 \
            where c.clinic_id = $1 and c.id = $2 order by t.seq, t.name limit $4";
        let rows = self.all(sql, values![clinic, of, seq, limit]).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut columns = Columns::of(row);
            if columns.int()? > seq {
                return Ok(Tombstones::Pruned);
            }
            if let (Some(name), Some(seq)) = (columns.maybe_text()?, columns.maybe_int()?) {
                found.push(Tombstone { name, seq });
            }
        }
        Ok(if rows.is_empty() { Tombstones::Pruned } else { Tombstones::Since(found) })
    }
}

impl Conn {
    /// The removals in several collections, each after its own change, ordered by collection and change; of one whose
    /// change is older than what was kept there are none.
    pub async fn tombstones_of_many_since(
        &mut self,
        clinic: ClinicId,
        of: &[(CollectionId, i64)],
        limit: u32,
    ) -> Result<Vec<(CollectionId, Tombstone)>> {
        let (wanted, places) = wanted(3, of);
        let sql = format!(
            "with wanted (id, since) as (values {places}) select t.collection_id, t.name, t.seq from wanted \
             join collections c on c.clinic_id = $1 and c.id = wanted.id and c.pruned_seq <= since \
             join tombstones t on t.clinic_id = $1 and t.collection_id = wanted.id and t.seq > since \
             order by t.collection_id, t.seq, t.name limit $2"
        );
        let rows = self.all(AssertSqlSafe(sql), [values![clinic, limit], wanted].concat()).await?;
        let read = |row| {
            let mut columns = Columns::of(row);
            let id = CollectionId(columns.int()?);
            Ok((id, Tombstone { name: columns.text()?, seq: columns.int()? }))
        };
        rows.iter().map(read).collect()
    }
}

impl Aside {
    /// Forgets removals that happened before `before` (seconds UTC) in every collection; returns how many.
    pub async fn prune_tombstones(&mut self, clinic: ClinicId, before: i64) -> Result<u64> {
        let mark = "update collections set pruned_seq = coalesce((select max(t.seq) from tombstones t \
            where t.clinic_id = collections.clinic_id and t.collection_id = collections.id and t.at < $2), \
            pruned_seq) where clinic_id = $1";
        self.run(mark, values![clinic, before]).await?;
        self.run("delete from tombstones where clinic_id = $1 and at < $2", values![clinic, before]).await
    }
}
