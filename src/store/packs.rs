//! Packs: the packed index of a collection as of a seq, one blob. Derived: may vanish at any time.

use bytes::Bytes;

use sqlx::AssertSqlSafe;

use crate::value::{Columns, Value, list, values};
use crate::{Aside, ClinicId, CollectionId, Conn, Result};

/// A packed index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The change up to which it is complete.
    pub seq: i64,
    /// The caller's format and tz data version; another one: throw it away.
    pub version: String,
    /// The caller's bytes.
    pub body: Bytes,
}

impl Conn {
    /// The pack of a collection.
    pub async fn pack(&mut self, clinic: ClinicId, of: CollectionId) -> Result<Option<Pack>> {
        let sql = "select seq, version, body from packs where clinic_id = $1 and collection_id = $2";
        let Some(row) = self.one(sql, values![clinic, of]).await? else { return Ok(None) };
        let mut columns = Columns::of(&row);
        Ok(Some(Pack { seq: columns.int()?, version: columns.text()?, body: columns.blob()? }))
    }
}

impl Conn {
    /// The packs of all these collections that have one, in no order. They can be large: ask for a hundred.
    pub async fn packs(
        &mut self,
        clinic: ClinicId,
        of: &[CollectionId],
    ) -> Result<Vec<(CollectionId, Pack)>> {
        let (places, ids) = list(2, of.iter().map(|id| Value::from(*id)).collect());
        let sql = format!(
            "select collection_id, seq, version, body from packs where clinic_id = $1 and collection_id in ({places})"
        );
        let rows = self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?;
        let read = |row| {
            let mut columns = Columns::of(row);
            let id = CollectionId(columns.int()?);
            Ok((id, Pack { seq: columns.int()?, version: columns.text()?, body: columns.blob()? }))
        };
        rows.iter().map(read).collect()
    }
}

impl Aside {
    /// Keeps a pack, unless there is a newer one of this version. `Error::Gone` when the collection is gone.
    pub async fn put_pack(&mut self, clinic: ClinicId, of: CollectionId, pack: Pack) -> Result<()> {
        self.room()?;
        let sql = "insert into packs (clinic_id, collection_id, seq, version, body) values ($1, $2, $3, $4, $5) \
            on conflict (clinic_id, collection_id) do update set seq = excluded.seq, version = excluded.version, \
            body = excluded.body where packs.version <> excluded.version or packs.seq < excluded.seq";
        self.run(sql, values![clinic, of, pack.seq, pack.version, &pack.body]).await.map(|_| ())
    }

    /// Throws all packs of the clinic away.
    pub async fn drop_packs(&mut self, clinic: ClinicId) -> Result<()> {
        self.run("delete from packs where clinic_id = $1", values![clinic]).await.map(|_| ())
    }
}
