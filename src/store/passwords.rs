//! App passwords: one per device, each revocable alone. Only hashes are kept; a revoked row stays, so that its label
//! and last use can still be read.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{AppPasswordId, Aside, ClinicId, Conn, Fact, PrincipalId, Result, Secret, Tx};

macro_rules! columns {
    () => {
        "id, principal_id, label, hash, created_at, used_at, revoked_at"
    };
}

/// One app password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPassword {
    /// Its id.
    pub id: AppPasswordId,
    /// Whose it is.
    pub principal: PrincipalId,
    /// What its owner calls it ("phone").
    pub label: String,
    /// Never the password itself.
    pub hash: Secret,
    /// Seconds UTC.
    pub created_at: i64,
    /// Seconds UTC, exact to a minute.
    pub used_at: Option<i64>,
    /// Seconds UTC; Some: no longer valid.
    pub revoked_at: Option<i64>,
}

/// An app password to be made.
#[derive(Clone, Debug)]
pub struct NewAppPassword {
    /// Whose it is.
    pub principal: PrincipalId,
    /// What its owner calls it.
    pub label: String,
    /// Never the password itself.
    pub hash: Secret,
}

/// Everything a login is compared with: the principal's own hash and the live app passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are, with its own `password_hash` and `disabled_at`.
    pub principal: crate::Principal,
    /// Not revoked, ordered by id.
    pub app_passwords: Vec<AppPassword>,
}

fn read(row: &AnyRow) -> Result<AppPassword> {
    let mut columns = Columns::of(row);
    Ok(AppPassword {
        id: AppPasswordId(columns.int()?),
        principal: PrincipalId(columns.int()?),
        label: columns.text()?,
        hash: Secret(columns.text()?),
        created_at: columns.int()?,
        used_at: columns.maybe_int()?,
        revoked_at: columns.maybe_int()?,
    })
}

impl Conn {
    /// All of a principal, revoked ones too, ordered by id.
    pub async fn app_passwords(&mut self, clinic: ClinicId, of: PrincipalId) -> Result<Vec<AppPassword>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from app_passwords where clinic_id = $1 and principal_id = $2 order by id"
        );
        let rows = self.all(sql, values![clinic, of]).await?;
        rows.iter().map(read).collect()
    }

    /// Everything a login of this name (in the whole installation) is compared with; disabled principals too.
    pub async fn credentials(&mut self, name: &str) -> Result<Option<Credentials>> {
        let Some(principal) = self.principal_named(name).await? else { return Ok(None) };
        let sql = concat!(
            "select ",
            columns!(),
            " from app_passwords where clinic_id = $1 and principal_id = $2 and revoked_at is null order by id"
        );
        let rows = self.all(sql, values![principal.clinic, principal.id]).await?;
        let app_passwords = rows.iter().map(read).collect::<Result<_>>()?;
        Ok(Some(Credentials { principal, app_passwords }))
    }
}

impl Tx {
    /// Makes one. `Error::Gone` when there is no such principal.
    pub async fn insert_app_password(&mut self, new: NewAppPassword) -> Result<AppPassword> {
        self.room()?;
        let id = AppPasswordId(self.next_id().await?);
        let (principal, created_at) = (new.principal, self.now());
        let sql = "insert into app_passwords (clinic_id, id, principal_id, label, hash, created_at) \
            values ($1, $2, $3, $4, $5, $6)";
        let values =
            values![self.clinic(), id, principal, new.label.as_str(), new.hash.0.as_str(), created_at];
        self.run(sql, values).await?;
        self.note(Fact::PrincipalChanged { principal }).await?;
        Ok(AppPassword {
            id,
            principal,
            label: new.label,
            hash: new.hash,
            created_at,
            used_at: None,
            revoked_at: None,
        })
    }

    /// Ends one. False when the principal has no such live one.
    pub async fn revoke_app_password(&mut self, of: PrincipalId, id: AppPasswordId) -> Result<bool> {
        let sql = "update app_passwords set revoked_at = $4 \
            where clinic_id = $1 and principal_id = $2 and id = $3 and revoked_at is null";
        let values = values![self.clinic(), of, id, self.now()];
        let ended = self.run(sql, values).await? > 0;
        if ended {
            self.note(Fact::PrincipalChanged { principal: of }).await?;
        }
        Ok(ended)
    }
}

impl Aside {
    /// Sets `used_at` to now for all of these; the caller gathers them and calls at most once a minute.
    pub async fn touch_app_passwords(&mut self, clinic: ClinicId, ids: &[AppPasswordId]) -> Result<()> {
        let now = self.now();
        for chunk in ids.chunks(LIST) {
            let (places, ids) = list(3, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql =
                format!("update app_passwords set used_at = $2 where clinic_id = $1 and id in ({places})");
            self.run(AssertSqlSafe(sql), [values![clinic, now], ids].concat()).await?;
        }
        Ok(())
    }
}
