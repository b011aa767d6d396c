//! App passwords: one per device, each revocable alone. Only hashes are kept; a revoked row stays, so that its label
//! and last use can still be read.

use crate::{AppPasswordId, Aside, ClinicId, Conn, Error, PrincipalId, Result, Secret, Tx};

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

impl Conn {
    /// All of a principal, revoked ones too, ordered by id.
    pub async fn app_passwords(&mut self, _clinic: ClinicId, _of: PrincipalId) -> Result<Vec<AppPassword>> {
        Err(Error::broken("not built"))
    }

    /// Everything a login of this name (in the whole installation) is compared with; disabled principals too.
    pub async fn credentials(&mut self, _name: &str) -> Result<Option<Credentials>> {
        Err(Error::broken("not built"))
    }
}

impl Tx {
    /// Makes one. `Error::Gone` when there is no such principal.
    pub async fn insert_app_password(&mut self, _new: NewAppPassword) -> Result<AppPassword> {
        Err(Error::broken("not built"))
    }

    /// Ends one. False when the principal has no such live one.
    pub async fn revoke_app_password(&mut self, _of: PrincipalId, _id: AppPasswordId) -> Result<bool> {
        Err(Error::broken("not built"))
    }
}

impl Aside {
    /// Sets `used_at` to now for all of these; the caller gathers them and calls at most once a minute.
    pub async fn touch_app_passwords(&mut self, _clinic: ClinicId, _ids: &[AppPasswordId]) -> Result<()> {
        Err(Error::broken("not built"))
    }
}
