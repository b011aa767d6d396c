//! Requests: leave that is asked for and then decided. The row says who decided; what it blocks is an object in a
//! calendar, whose name it keeps.

use sqlx::any::AnyRow;

use crate::value::{Columns, values};
use crate::{ClinicId, Conn, Error, Fact, PrincipalId, Record, RequestId, Result, Tx};

macro_rules! columns {
    () => {
        "id, kind, principal_id, first, last, body, status, object_name, created_by, created_at, decided_by, \
         decided_at, seq"
    };
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestStatus {
    /// Asked for.
    Open,
    /// Granted.
    Approved,
    /// Not granted.
    Rejected,
    /// Taken back.
    Cancelled,
}

impl RequestStatus {
    /// As it stands in the table and in the API.
    pub fn text(self) -> &'static str {
        match self {
            RequestStatus::Open => "open",
            RequestStatus::Approved => "approved",
            RequestStatus::Rejected => "rejected",
            RequestStatus::Cancelled => "cancelled",
        }
    }

    /// By its text.
    pub fn named(text: &str) -> Option<RequestStatus> {
        use RequestStatus::{Approved, Cancelled, Open, Rejected};
        [Open, Approved, Rejected, Cancelled].into_iter().find(|status| status.text() == text)
    }
}

/// A request to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// What kind of leave, as the caller names it.
    pub kind: String,
    /// Whose leave.
    pub principal: PrincipalId,
    /// Seconds UTC.
    pub first: i64,
    /// Seconds UTC, after `first`; the leave ends before it.
    pub last: i64,
    /// The caller's JSON.
    pub body: String,
    /// Who asked.
    pub created_by: Option<PrincipalId>,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// What was asked for.
    pub asked: NewRequest,
    /// How far it is.
    pub status: RequestStatus,
    /// The object that blocks the time, in the principal's `absences`.
    pub object_name: Option<String>,
    /// Seconds UTC.
    pub created_at: i64,
    /// Who decided last (approved, rejected, cancelled).
    pub decided_by: Option<PrincipalId>,
    /// Seconds UTC.
    pub decided_at: Option<i64>,
    /// The change that touched it last: its version.
    pub seq: i64,
}

/// A decision over a request.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What it is from here on.
    pub status: RequestStatus,
    /// By whom.
    pub by: Option<PrincipalId>,
    /// The object that blocks the time from here on.
    pub object_name: Option<String>,
}

fn read(row: &AnyRow) -> Result<Request> {
    let mut columns = Columns::of(row);
    let id = RequestId(columns.int()?);
    let (kind, principal) = (columns.text()?, PrincipalId(columns.int()?));
    let (first, last, body) = (columns.int()?, columns.int()?, columns.text()?);
    let status = RequestStatus::named(&columns.text()?);
    let object_name = columns.maybe_text()?;
    let created_by = columns.maybe_int()?.map(PrincipalId);
    Ok(Request {
        id,
        asked: NewRequest { kind, principal, first, last, body, created_by },
        status: status.ok_or_else(|| Error::broken("an unknown status of a request"))?,
        object_name,
        created_at: columns.int()?,
        decided_by: columns.maybe_int()?.map(PrincipalId),
        decided_at: columns.maybe_int()?,
        seq: columns.int()?,
    })
}

impl Conn {
    /// A page of them ordered by id; `after` is the last id of the page before (0 for the first). Only of one
    /// principal, only of one status, where given.
    pub async fn requests(
        &mut self,
        clinic: ClinicId,
        of: Option<PrincipalId>,
        status: Option<RequestStatus>,
        after: RequestId,
        limit: u32,
    ) -> Result<Vec<Request>> {
        macro_rules! page {
            ($filter:literal) => {
                concat!(
                    "select ",
                    columns!(),
                    " from requests where clinic_id = $1 and id > $2",
                    $filter,
                    " order by id limit $3"
                )
            };
        }
        let mut values = values![clinic, after, limit];
        let sql = match (of, status) {
            (None, None) => page!(""),
            (Some(_), None) => page!(" and principal_id = $4"),
            (None, Some(_)) => page!(" and status = $4"),
            (Some(_), Some(_)) => page!(" and principal_id = $4 and status = $5"),
        };
        values.extend(of.map(Into::into));
        values.extend(status.map(|status| status.text().into()));
        let rows = self.all(sql, values).await?;
        rows.iter().map(read).collect()
    }

    /// One of them.
    pub async fn request(&mut self, clinic: ClinicId, id: RequestId) -> Result<Option<Request>> {
        let sql = concat!("select ", columns!(), " from requests where clinic_id = $1 and id = $2");
        self.one(sql, values![clinic, id]).await?.as_ref().map(read).transpose()
    }
}

impl Tx {
    /// Makes an open request. `Error::Gone` without the principal, `Error::Invalid` when it ends before it begins.
    pub async fn insert_request(&mut self, new: NewRequest) -> Result<Request> {
        self.room()?;
        if new.first >= new.last {
            return Err(Error::Invalid("leave ends after it begins"));
        }
        let id = RequestId(self.next_id().await?);
        let (now, seq, status) = (self.now(), self.seq(), RequestStatus::Open);
        let sql = "insert into requests (clinic_id, id, kind, principal_id, first, last, body, status, \
            created_by, created_at, seq) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let values = values![
            self.clinic(),
            id,
            new.kind.as_str(),
            new.principal,
            new.first,
            new.last,
            new.body.as_str(),
            status.text(),
            new.created_by,
            now,
            seq,
        ];
        self.run(sql, values).await?;
        self.note(Fact::RecordChanged(Record::Request(id))).await?;
        Ok(Request {
            id,
            asked: new,
            status,
            object_name: None,
            created_at: now,
            decided_by: None,
            decided_at: None,
            seq,
        })
    }

    /// Decides over a request that is still at `from`. False when it is not.
    pub async fn decide_request(
        &mut self,
        id: RequestId,
        from: RequestStatus,
        decision: Decision,
    ) -> Result<bool> {
        let sql = "update requests set status = $4, decided_by = $5, decided_at = $6, object_name = $7, \
            seq = $8 where clinic_id = $1 and id = $2 and status = $3";
        let Decision { status, by, object_name } = decision;
        let (clinic, now, seq) = (self.clinic(), self.now(), self.seq());
        let values = values![clinic, id, from.text(), status.text(), by, now, object_name, seq];
        let was = self.run(sql, values).await? > 0;
        if was {
            self.note(Fact::RecordChanged(Record::Request(id))).await?;
        }
        Ok(was)
    }
}
