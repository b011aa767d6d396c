//! The audit: who did or saw what, one row a deed, written in the transaction of the deed. Append only, and each row's
//! hash covers the one before it: a row that was changed, dropped or moved is found (trust.md G1). The hash before comes
//! with the bump of the clinic's sequence and the last one goes with the clinic's row, so that the chain costs no trip.

use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;

use crate::statements::{Listing, Statements};
use crate::value::{Columns, Value, values};
use crate::{ClinicId, Conn, PrincipalId, Result, Tx};

macro_rules! columns {
    () => {
        "seq, n, at, actor_id, credential, door, kind, subject, body, hash"
    };
}

/// What is written down of a deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Who; None: the house itself.
    pub actor: Option<PrincipalId>,
    /// By what they proved it ("token 17"), never a secret.
    pub credential: String,
    /// What was done.
    pub kind: &'static str,
    /// To what: "patient 17".
    pub subject: String,
    /// The caller's JSON; no free text of patients.
    pub body: String,
}

/// One row of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// The change it was part of.
    pub seq: i64,
    /// The place in it, from 0.
    pub n: i64,
    /// Seconds UTC.
    pub at: i64,
    /// Who.
    pub actor: Option<PrincipalId>,
    /// By what they proved it.
    pub credential: String,
    /// Through which door.
    pub door: String,
    /// What was done.
    pub kind: String,
    /// To what.
    pub subject: String,
    /// The caller's JSON.
    pub body: String,
    /// SHA-256 of the hash before and of this row.
    pub hash: [u8; 32],
}

/// Which rows to read.
#[derive(Clone, Copy, Debug)]
pub enum AuditOf<'a> {
    /// All.
    Everything,
    /// What happened to this.
    Subject(&'a str),
    /// What this principal did.
    Actor(PrincipalId),
}

impl Audited {
    /// What its hash must be after `before` (None: it is the first).
    fn sum(&self, clinic: ClinicId, before: Option<&[u8]>) -> [u8; 32] {
        let mut sum = Sha256::new();
        sum.update(before.unwrap_or_default());
        let actor = self.actor.map_or(0, |actor| actor.0);
        for number in [clinic.0, self.seq, self.n, self.at, actor] {
            sum.update(number.to_le_bytes());
        }
        for text in [&self.credential, &self.door, &self.kind, &self.subject, &self.body] {
            // With its length: two texts cannot be told as others.
            sum.update((text.len() as u64).to_le_bytes());
            sum.update(text.as_bytes());
        }
        sum.finalize().into()
    }
}

fn read(row: &AnyRow) -> Result<Audited> {
    let mut columns = Columns::of(row);
    Ok(Audited {
        seq: columns.int()?,
        n: columns.int()?,
        at: columns.int()?,
        actor: columns.maybe_int()?.map(PrincipalId),
        credential: columns.text()?,
        door: columns.text()?,
        kind: columns.text()?,
        subject: columns.text()?,
        body: columns.text()?,
        hash: columns.hash()?,
    })
}

/// Rows read at once while the chain is followed.
const PAGE: u32 = 1000;

impl Conn {
    /// A page of rows in their order, after the row (`seq`, `n`); (0, -1) for the first.
    pub async fn audited(
        &mut self,
        clinic: ClinicId,
        of: AuditOf<'_>,
        after: (i64, i64),
        limit: u32,
    ) -> Result<Vec<Audited>> {
        macro_rules! page {
            ($filter:literal) => {
                concat!(
                    "select ",
                    columns!(),
                    " from audit where clinic_id = $1 and (seq, n) > ($2, $3)",
                    $filter,
                    " order by seq, n limit $4"
                )
            };
        }
        let mut values = values![clinic, after.0, after.1, limit];
        let sql = match of {
            AuditOf::Everything => page!(""),
            AuditOf::Subject(subject) => {
                values.push(subject.into());
                page!(" and subject = $5")
            }
            AuditOf::Actor(actor) => {
                values.push(actor.into());
                page!(" and actor_id = $5")
            }
        };
        let rows = self.all(sql, values).await?;
        rows.iter().map(read).collect()
    }

    /// Follows the chain from its first row to the head that the clinic remembers; the rows, or the change at which it
    /// is broken.
    pub async fn audit_holds(&mut self, clinic: ClinicId) -> Result<std::result::Result<u64, i64>> {
        let (mut before, mut after, mut rows) = (None::<[u8; 32]>, (0, -1), 0);
        loop {
            let page = self.audited(clinic, AuditOf::Everything, after, PAGE).await?;
            for row in &page {
                if row.sum(clinic, before.as_ref().map(<[u8; 32]>::as_slice)) != row.hash {
                    return Ok(Err(row.seq));
                }
                (before, after, rows) = (Some(row.hash), (row.seq, row.n), rows + 1);
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        let row = self.one("select audit_head from clinics where id = $1", values![clinic]).await?;
        let head = row.map(|row| Columns::of(&row).maybe_blob()).transpose()?.flatten();
        let is_whole = head.as_deref() == before.as_ref().map(<[u8; 32]>::as_slice);
        Ok(if is_whole { Ok(rows) } else { Err(after.0) })
    }
}

/// Rows written by one statement.
const ROWS: usize = 50;

/// Rows of the audit. The hash of the last one goes to the clinic's row when the change is concluded.
pub(crate) const AUDIT: Listing =
    Listing { before: concat!("insert into audit (clinic_id, ", columns!(), ")"), after: "" };

impl Tx {
    /// Writes deeds down, in this order, through the door this change was signed with.
    pub async fn audit(&mut self, deeds: Vec<Deed>) -> Result<()> {
        self.room()?;
        let mut deeds = deeds.into_iter().peekable();
        while deeds.peek().is_some() {
            let some = deeds.by_ref().take(ROWS).collect();
            let rows = self.linked(some);
            self.put(Statements::default().rows(&AUDIT, rows)).await?;
        }
        Ok(())
    }

    /// The same as rows of [`AUDIT`].
    pub(crate) fn linked(&mut self, deeds: Vec<Deed>) -> Vec<Vec<Value>> {
        let rows = deeds.into_iter().map(|deed| {
            let row = self.link(deed);
            let mut values = values![self.clinic(), row.seq, row.n, row.at, row.actor, row.credential];
            values.extend(values![row.door, row.kind, row.subject, row.body, row.hash.as_slice()]);
            values
        });
        rows.collect()
    }

    /// The next row of the chain.
    fn link(&mut self, deed: Deed) -> Audited {
        let Deed { actor, credential, kind, subject, body } = deed;
        let mut row = Audited {
            seq: self.seq(),
            n: self.audited,
            at: self.now(),
            actor,
            credential,
            door: self.origin.text().into_owned(),
            kind: kind.into(),
            subject,
            body,
            hash: [0; 32],
        };
        row.hash = row.sum(self.clinic(), self.audit_head.as_deref());
        (self.audited, self.audit_head) = (self.audited + 1, Some(row.hash.to_vec()));
        row
    }
}
