//! Grants: who may do what in somebody else's collection. At most one per collection and principal.
//! A grant never widens by itself: the highest privilege that was set is the only one there is.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{ClinicId, CollectionId, Conn, Error, Fact, PrincipalId, Result, Tx};

/// What a grant allows; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Busy times only (CALDAV:read-free-busy).
    Busy,
    /// Read everything.
    Read,
    /// Read and write.
    Write,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// In which collection.
    pub collection: CollectionId,
    /// To whom.
    pub principal: PrincipalId,
    /// What.
    pub privilege: Privilege,
    /// The change that made it.
    pub created_seq: i64,
    /// The change that set it last.
    pub seq: i64,
}

impl Privilege {
    fn text(self) -> &'static str {
        match self {
            Privilege::Busy => "busy",
            Privilege::Read => "read",
            Privilege::Write => "write",
        }
    }

    pub(crate) fn read(text: &str) -> Result<Privilege> {
        match text {
            "busy" => Ok(Privilege::Busy),
            "read" => Ok(Privilege::Read),
            "write" => Ok(Privilege::Write),
            _ => Err(Error::broken("an unknown privilege")),
        }
    }
}

fn read(row: &AnyRow) -> Result<Grant> {
    let mut columns = Columns::of(row);
    Ok(Grant {
        collection: CollectionId(columns.int()?),
        principal: PrincipalId(columns.int()?),
        privilege: Privilege::read(&columns.text()?)?,
        created_seq: columns.int()?,
        seq: columns.int()?,
    })
}

impl Conn {
    /// The grants in these collections, ordered by collection and principal.
    pub async fn grants(&mut self, clinic: ClinicId, of: &[CollectionId]) -> Result<Vec<Grant>> {
        let mut found = Vec::new();
        for chunk in of.chunks(LIST) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!(
                "select collection_id, principal_id, privilege, created_seq, seq from grants \
                 where clinic_id = $1 and collection_id in ({places}) order by collection_id, principal_id"
            );
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        found.sort_unstable_by_key(|grant| (grant.collection, grant.principal));
        Ok(found)
    }
}

impl Tx {
    /// Shares, or changes the privilege; journals `Shared`. `Error::Gone` without the collection or the principal.
    pub async fn set_grant(&mut self, of: CollectionId, to: PrincipalId, privilege: Privilege) -> Result<()> {
        self.room()?;
        let sql = "insert into grants (clinic_id, collection_id, principal_id, privilege, created_seq, seq) \
            values ($1, $2, $3, $4, $5, $5) on conflict (clinic_id, collection_id, principal_id) \
            do update set privilege = excluded.privilege, seq = excluded.seq";
        let values = values![self.clinic(), of, to, privilege.text(), self.seq()];
        self.run(sql, values).await?;
        self.bump_home(to).await?;
        self.note(Fact::Shared { collection: of, principal: to }).await
    }

    /// Ends a share; journals `Unshared`. False when there was none.
    pub async fn remove_grant(&mut self, of: CollectionId, to: PrincipalId) -> Result<bool> {
        let sql = "delete from grants where clinic_id = $1 and collection_id = $2 and principal_id = $3";
        let values = values![self.clinic(), of, to];
        if self.run(sql, values).await? == 0 {
            return Ok(false);
        }
        self.bump_home(to).await?;
        self.note(Fact::Unshared { collection: of, principal: to }).await?;
        Ok(true)
    }

    pub(crate) async fn bump_home(&mut self, of: PrincipalId) -> Result<()> {
        let sql = "update principals set home_seq = $3 where clinic_id = $1 and id = $2";
        let values = values![self.clinic(), of, self.seq()];
        self.run(sql, values).await.map(|_| ())
    }
}
