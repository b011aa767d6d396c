//! Grants: who may do what in somebody else's collection. At most one per collection and principal.
//! A grant never widens by itself: the highest privilege that was set is the only one there is.

use crate::{ClinicId, CollectionId, Conn, Error, PrincipalId, Result, Tx};

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

impl Conn {
    /// The grants in these collections, ordered by collection and principal.
    pub async fn grants(&mut self, _clinic: ClinicId, _in: &[CollectionId]) -> Result<Vec<Grant>> {
        Err(Error::broken("not built"))
    }
}

impl Tx {
    /// Shares, or changes the privilege; journals `Shared`. `Error::Gone` without the collection or the principal.
    pub async fn set_grant(
        &mut self,
        _in: CollectionId,
        _to: PrincipalId,
        _privilege: Privilege,
    ) -> Result<()> {
        Err(Error::broken("not built"))
    }

    /// Ends a share; journals `Unshared`. False when there was none.
    pub async fn remove_grant(&mut self, _in: CollectionId, _to: PrincipalId) -> Result<bool> {
        Err(Error::broken("not built"))
    }
}
