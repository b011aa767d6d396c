//! API tokens: what programs log in with. Only the hash of the secret is kept; a revoked row stays, so that its label
//! and last use can still be read.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{Aside, ClinicId, Conn, Fact, Principal, PrincipalId, Result, TokenId, Tx};

macro_rules! columns {
    () => {
        "clinic_id, id, principal_id, label, scopes, created_at, expires_at, used_at, revoked_at"
    };
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its clinic.
    pub clinic: ClinicId,
    /// In whose name it speaks.
    pub principal: PrincipalId,
    /// What its maker calls it.
    pub label: String,
    /// What it is for, words with a blank between, as the caller wrote them.
    pub scopes: String,
    /// Seconds UTC.
    pub created_at: i64,
    /// Seconds UTC; from then on it is not valid. None: until it is revoked.
    pub expires_at: Option<i64>,
    /// Seconds UTC, exact to a minute.
    pub used_at: Option<i64>,
    /// Seconds UTC; Some: no longer valid.
    pub revoked_at: Option<i64>,
}

/// A token to be made.
#[derive(Clone)]
pub struct NewToken {
    /// In whose name it speaks.
    pub principal: PrincipalId,
    /// What its maker calls it.
    pub label: String,
    /// SHA-256 of the secret; unique.
    pub secret_hash: [u8; 32],
    /// What it is for.
    pub scopes: String,
    /// Seconds UTC.
    pub expires_at: Option<i64>,
}

fn read(row: &AnyRow) -> Result<Token> {
    let mut columns = Columns::of(row);
    Ok(Token {
        clinic: ClinicId(columns.int()?),
        id: TokenId(columns.int()?),
        principal: PrincipalId(columns.int()?),
        label: columns.text()?,
        scopes: columns.text()?,
        created_at: columns.int()?,
        expires_at: columns.maybe_int()?,
        used_at: columns.maybe_int()?,
        revoked_at: columns.maybe_int()?,
    })
}

impl Conn {
    /// The token of this secret's hash with its principal, in the whole installation, unless it was revoked; expired
    /// ones and those of disabled principals too.
    pub async fn token_by_hash(&mut self, secret_hash: &[u8; 32]) -> Result<Option<(Token, Principal)>> {
        let sql =
            concat!("select ", columns!(), " from tokens where secret_hash = $1 and revoked_at is null");
        let Some(row) = self.one(sql, values![secret_hash.as_slice()]).await? else { return Ok(None) };
        let token = read(&row)?;
        let principal = self.principals_by_id(token.clinic, &[token.principal]).await?.pop();
        Ok(principal.map(|principal| (token, principal)))
    }

    /// The tokens of a principal, revoked ones too, ordered by id.
    pub async fn tokens(&mut self, clinic: ClinicId, of: PrincipalId) -> Result<Vec<Token>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from tokens where clinic_id = $1 and principal_id = $2 order by id"
        );
        let rows = self.all(sql, values![clinic, of]).await?;
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// Makes a token. `Error::Gone` without the principal.
    pub async fn insert_token(&mut self, new: NewToken) -> Result<Token> {
        self.room()?;
        let id = TokenId(self.next_id().await?);
        let (clinic, principal, created_at) = (self.clinic(), new.principal, self.now());
        let sql = "insert into tokens \
            (clinic_id, id, principal_id, label, secret_hash, scopes, created_at, expires_at) \
            values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let hash = new.secret_hash.as_slice();
        let (label, scopes) = (new.label.as_str(), new.scopes.as_str());
        self.run(sql, values![clinic, id, principal, label, hash, scopes, created_at, new.expires_at])
            .await?;
        self.note(Fact::PrincipalChanged { principal }).await?;
        let NewToken { label, scopes, expires_at, .. } = new;
        Ok(Token {
            id,
            clinic,
            principal,
            label,
            scopes,
            created_at,
            expires_at,
            used_at: None,
            revoked_at: None,
        })
    }

    /// Ends a token. False when the principal has no such live one.
    pub async fn revoke_token(&mut self, of: PrincipalId, id: TokenId) -> Result<bool> {
        let sql = "update tokens set revoked_at = $4 \
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
    pub async fn touch_tokens(&mut self, clinic: ClinicId, ids: &[TokenId]) -> Result<()> {
        let now = self.now();
        for chunk in ids.chunks(LIST) {
            let (places, ids) = list(3, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!("update tokens set used_at = $2 where clinic_id = $1 and id in ({places})");
            self.run(AssertSqlSafe(sql), [values![clinic, now], ids].concat()).await?;
        }
        Ok(())
    }
}
