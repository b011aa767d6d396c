//! Principals: people, rooms, resources, groups. A name is unique in the whole installation, because it is what
//! people type at login, and obeys `[a-z0-9._@-]{1,64}`, because it stands in URLs (RFC 3744 4).

use crate::{ClinicId, Conn, Error, PrincipalId, Result, Secret, Tx};

/// What a principal is (RFC 5545 3.2.3, CUTYPE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// A person.
    Individual,
    /// A room.
    Room,
    /// Equipment.
    Resource,
    /// Several of them.
    Group,
}

/// One principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its id.
    pub id: PrincipalId,
    /// Its clinic.
    pub clinic: ClinicId,
    /// Login name, and the last part of its URL.
    pub name: String,
    /// Person, room, ...
    pub kind: PrincipalKind,
    /// For people to read.
    pub display_name: String,
    /// Without `mailto:`.
    pub email: Option<String>,
    /// IANA name.
    pub zone: Option<String>,
    /// None: cannot log in with a password of its own.
    pub password_hash: Option<Secret>,
    /// Seconds UTC; Some: may not log in.
    pub disabled_at: Option<i64>,
    /// Seconds UTC.
    pub created_at: i64,
    /// The change that touched this row last.
    pub seq: i64,
    /// The change that touched the set of collections in this principal's home last (own, shared or unshared).
    pub home_seq: i64,
}

/// A principal to be made.
#[derive(Clone, Debug)]
pub struct NewPrincipal {
    /// `[a-z0-9._@-]{1,64}`, else `Error::Invalid`.
    pub name: String,
    /// Person, room, ...
    pub kind: PrincipalKind,
    /// For people to read.
    pub display_name: String,
    /// Without `mailto:`.
    pub email: Option<String>,
    /// IANA name.
    pub zone: Option<String>,
    /// None: cannot log in with a password of its own.
    pub password_hash: Option<Secret>,
}

/// What to change of a principal; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct PrincipalChange {
    /// A new login name.
    pub name: Option<String>,
    /// A new display name.
    pub display_name: Option<String>,
    /// A new address, or none.
    pub email: Option<Option<String>>,
    /// A new zone, or none.
    pub zone: Option<Option<String>>,
}

impl Conn {
    /// By login name, in the whole installation.
    pub async fn principal_named(&mut self, _name: &str) -> Result<Option<Principal>> {
        Err(Error::broken("not built"))
    }

    /// Several by id, ordered by id; the missing are left out.
    pub async fn principals_by_id(
        &mut self,
        _clinic: ClinicId,
        _ids: &[PrincipalId],
    ) -> Result<Vec<Principal>> {
        Err(Error::broken("not built"))
    }

    /// A page of them ordered by name; `after` is the last name of the page before ("" for the first).
    pub async fn principals(
        &mut self,
        _clinic: ClinicId,
        _after: &str,
        _limit: u32,
    ) -> Result<Vec<Principal>> {
        Err(Error::broken("not built"))
    }
}

impl Tx {
    /// Makes a principal. `Error::Unique(PrincipalName)`, `Error::Invalid`.
    pub async fn insert_principal(&mut self, _new: NewPrincipal) -> Result<Principal> {
        Err(Error::broken("not built"))
    }

    /// Changes what is Some. False when there is no such principal.
    pub async fn update_principal(&mut self, _id: PrincipalId, _change: PrincipalChange) -> Result<bool> {
        Err(Error::broken("not built"))
    }

    /// Sets or (None) takes away the password. False when there is no such principal.
    pub async fn set_password(&mut self, _id: PrincipalId, _hash: Option<Secret>) -> Result<bool> {
        Err(Error::broken("not built"))
    }

    /// Disables (Some: the moment, seconds UTC) or enables again. False when there is no such principal.
    pub async fn disable_principal(&mut self, _id: PrincipalId, _at: Option<i64>) -> Result<bool> {
        Err(Error::broken("not built"))
    }

    /// Erases a principal with its collections, objects, passwords, grants and properties. False when there is none.
    pub async fn erase_principal(&mut self, _id: PrincipalId) -> Result<bool> {
        Err(Error::broken("not built"))
    }
}
