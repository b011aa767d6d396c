//! Clinics: the tenants, and the heart of the store: `clinics.seq`, bumped by the first statement of every write.
//! On PostgreSQL that statement is also the lock that orders all writes of one clinic, so seq order = commit order.

use crate::{Aside, ClinicId, Conn, Error, Result};

/// One clinic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clinic {
    /// Its id.
    pub id: ClinicId,
    /// Unique in the installation; the first one is `default`.
    pub name: String,
    /// Stands in every sync token; a new one (restore) ends them all. 16 hexadecimal digits.
    pub epoch: String,
    /// The last change of anything.
    pub seq: i64,
    /// The last change of anything but objects.
    pub structure: i64,
}

/// What a request checks its memory against: equal numbers, nothing changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The last change of anything in the clinic.
    pub seq: i64,
    /// The last change of principals, passwords, grants, collections, properties or feeds.
    pub structure: i64,
}

impl Conn {
    /// All clinics, by id.
    pub async fn clinics(&mut self) -> Result<Vec<Clinic>> {
        Err(Error::broken("not built"))
    }

    /// A clinic by its id.
    pub async fn clinic(&mut self, _clinic: ClinicId) -> Result<Option<Clinic>> {
        Err(Error::broken("not built"))
    }

    /// A clinic by its name.
    pub async fn clinic_named(&mut self, _name: &str) -> Result<Option<Clinic>> {
        Err(Error::broken("not built"))
    }
}

impl Aside {
    /// Makes a clinic (name rule as for users). `Error::Unique(ClinicName)`.
    pub async fn insert_clinic(&mut self, _name: &str) -> Result<Clinic> {
        Err(Error::broken("not built"))
    }
}
