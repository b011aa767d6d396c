//! Availabilities: when a principal may be booked at all, one text each (RFC 7953 7.2.4). Byte for byte as given; the
//! digest is derived and may be made again from it.

use bytes::Bytes;
use sqlx::AssertSqlSafe;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{ClinicId, Conn, Fact, PrincipalId, Result, Tx};

/// Principals whose texts are read by one statement.
const TEXTS: usize = 100;

/// A principal's availability.
#[derive(Clone, PartialEq, Eq)]
pub struct Availability {
    /// Whose.
    pub principal: PrincipalId,
    /// As it was given.
    pub text: String,
    /// The caller's digest (derived).
    pub digest: Bytes,
    /// The change that set it.
    pub seq: i64,
}

impl Conn {
    /// The digests of all these principals that have one, in no order.
    pub async fn availability_digests(
        &mut self,
        clinic: ClinicId,
        of: &[PrincipalId],
    ) -> Result<Vec<(PrincipalId, Bytes)>> {
        let mut found = Vec::new();
        for chunk in of.chunks(LIST) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!(
                "select principal_id, digest from availabilities where clinic_id = $1 and principal_id in ({places})"
            );
            for row in self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await? {
                let mut columns = Columns::of(&row);
                found.push((PrincipalId(columns.int()?), columns.blob()?));
            }
        }
        Ok(found)
    }

    /// The same with their texts: of a few.
    pub async fn availabilities(
        &mut self,
        clinic: ClinicId,
        of: &[PrincipalId],
    ) -> Result<Vec<Availability>> {
        let mut found = Vec::new();
        for chunk in of.chunks(TEXTS) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!(
                "select principal_id, text, digest, seq from availabilities \
                 where clinic_id = $1 and principal_id in ({places})"
            );
            for row in self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await? {
                let mut columns = Columns::of(&row);
                found.push(Availability {
                    principal: PrincipalId(columns.int()?),
                    text: columns.text()?,
                    digest: columns.blob()?,
                    seq: columns.int()?,
                });
            }
        }
        Ok(found)
    }
}

impl Tx {
    /// Sets (text and digest) or takes away a principal's availability.
    pub async fn set_availability(&mut self, of: PrincipalId, to: Option<(String, Bytes)>) -> Result<()> {
        let (clinic, seq) = (self.clinic(), self.seq());
        match to {
            Some((text, digest)) => {
                self.room()?;
                let sql = "insert into availabilities (clinic_id, principal_id, text, digest, seq) \
                    values ($1, $2, $3, $4, $5) on conflict (clinic_id, principal_id) \
                    do update set text = excluded.text, digest = excluded.digest, seq = excluded.seq";
                self.run(sql, values![clinic, of, text, &digest, seq]).await?;
            }
            None => {
                let sql = "delete from availabilities where clinic_id = $1 and principal_id = $2";
                self.run(sql, values![clinic, of]).await?;
            }
        }
        self.note(Fact::PrincipalChanged { principal: of }).await
    }
}
