//! Clinics: the tenants, and the heart of the store: `clinics.seq`, bumped by the first statement of every transaction.
//! On PostgreSQL that statement is also the lock that orders all writes of one clinic, so seq order = commit order; the
//! jobs that follow in its transaction take the next numbers.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use sqlx::SqlSafeStr;
use sqlx::any::AnyRow;

use crate::conn::Tally;
use crate::statements::Statements;
use crate::value::{Columns, Value, values};
use crate::{Aside, ClinicId, Conn, Database, Error, Result, Tx};

/// The versions of all clinics.
pub(crate) const VERSIONS: &str = "select id, seq, structure from clinics order by id";

macro_rules! columns {
    () => {
        "id, name, epoch, seq, structure"
    };
}

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

/// A clinic at a moment: what a request may go by that began then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instant {
    /// Its version.
    pub version: Version,
    /// Seconds UTC, as [`Tx::moment`] tells them.
    pub moment: i64,
}

/// What the bump of a change found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) version: Version,
    /// The hash of the last row of the audit.
    pub(crate) audit_head: Option<Vec<u8>>,
    /// The moment by the database's own clock, where it has one.
    pub(crate) moment: Option<i64>,
}

/// What the one process of a SQLite database knows of the clinics without asking.
#[derive(Default)]
pub(crate) struct Versions(RwLock<HashMap<ClinicId, Version>>);

impl Versions {
    pub(crate) fn get(&self, clinic: ClinicId) -> Option<Version> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&clinic).copied()
    }

    /// A commit of our own. False when it does not follow what was known: another process wrote in between.
    pub(crate) fn advance(&self, clinic: ClinicId, seq: i64, structural: bool) -> bool {
        let mut versions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(version) = versions.get_mut(&clinic) else { return false };
        let follows = version.seq + 1 == seq;
        version.seq = seq;
        if structural {
            version.structure = seq;
        }
        follows
    }

    /// Everything read anew: (clinic, seq, structure).
    pub(crate) fn replace(&self, all: Vec<(ClinicId, i64, i64)>) {
        let fresh = all.into_iter().map(|(clinic, seq, structure)| (clinic, Version { seq, structure }));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh.collect();
    }
}

fn read(row: &AnyRow) -> Result<Clinic> {
    let mut columns = Columns::of(row);
    Ok(Clinic {
        id: ClinicId(columns.int()?),
        name: columns.text()?,
        epoch: columns.text()?,
        seq: columns.int()?,
        structure: columns.int()?,
    })
}

/// A new epoch: 16 random hexadecimal digits.
pub(crate) fn epoch() -> Result<String> {
    let bytes: [u8; 8] = random()?;
    Ok(hex(&bytes))
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::broken("the system gives no random bytes"))?;
    Ok(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Conn {
    /// All clinics, by id.
    pub async fn clinics(&mut self) -> Result<Vec<Clinic>> {
        let rows = self.all(concat!("select ", columns!(), " from clinics order by id"), values![]).await?;
        rows.iter().map(read).collect()
    }

    /// A clinic by its id.
    pub async fn clinic(&mut self, clinic: ClinicId) -> Result<Option<Clinic>> {
        let sql = concat!("select ", columns!(), " from clinics where id = $1");
        self.one(sql, values![clinic]).await?.as_ref().map(read).transpose()
    }

    /// A clinic by its name.
    pub async fn clinic_named(&mut self, name: &str) -> Result<Option<Clinic>> {
        let sql = concat!("select ", columns!(), " from clinics where name = $1");
        self.one(sql, values![name]).await?.as_ref().map(read).transpose()
    }

    /// How many bytes the database takes, and how many changes were ever made in it.
    pub async fn growth(&mut self) -> Result<(i64, i64)> {
        let bytes = self.number(self.database().size(), values![]).await?;
        let changes = self.number("select cast(sum(seq) as bigint) from clinics", values![]).await?;
        Ok((bytes.unwrap_or(0), changes.unwrap_or(0)))
    }

    /// A clinic's version, and the moment by PostgreSQL's own clock (seconds UTC).
    pub(crate) async fn instant_of(&mut self, clinic: ClinicId) -> Result<Instant> {
        let sql = "select seq, structure, cast(extract(epoch from clock_timestamp()) as bigint) \
            from clinics where id = $1";
        let row = self.one(sql, values![clinic]).await?.ok_or(Error::Gone)?;
        let mut columns = Columns::of(&row);
        let version = Version { seq: columns.int()?, structure: columns.int()? };
        Ok(Instant { version, moment: columns.int()? })
    }

    /// Bumps the clinic by a text that does; None when there is no such clinic.
    pub(crate) async fn begun(&mut self, sql: &'static str, clinic: ClinicId) -> Result<Option<Begun>> {
        let row = self.one(sql, values![clinic]).await?;
        row.map(|row| self.read_begun(&row)).transpose()
    }

    /// The same by a text without parameters.
    pub(crate) async fn bumped(&mut self, sql: impl SqlSafeStr + Send) -> Result<Option<Begun>> {
        let row = self.script_rows(sql).await?.pop();
        row.map(|row| self.read_begun(&row)).transpose()
    }

    fn read_begun(&self, row: &AnyRow) -> Result<Begun> {
        let mut columns = Columns::of(row);
        let version = Version { seq: columns.int()?, structure: columns.int()? };
        let audit_head = columns.maybe_blob()?;
        let moment = match self.database() {
            Database::Sqlite => None,
            Database::Postgres => Some(columns.int()?),
        };
        Ok(Begun { version, audit_head, moment })
    }

    /// The next id of whatever kind.
    pub(crate) async fn next_id(&mut self) -> Result<i64> {
        let sql = "update ids set last = last + 1 where name = 'id' returning last";
        self.number(sql, values![]).await?.ok_or_else(|| Error::broken("the counter of ids is missing"))
    }
}

impl Tx {
    /// The last facts of a job: whose time it changed, whether anything but objects, and up to where the audit goes.
    pub(crate) async fn conclude(&mut self) -> Result<()> {
        self.note_times().await?;
        let is_other = self.structural || self.audited > 0;
        if self.tally == Tally::OfEach && is_other {
            let sql = "update clinics set structure = $2, audit_head = $3 where id = $1";
            let left = self.left();
            let values = values![self.clinic(), left.version.structure, Value::Blob(left.audit_head)];
            self.put(Statements::default().texts(&[sql], values)).await?;
        }
        Ok(())
    }
}

impl Aside {
    /// Makes a clinic (name rule as for users). `Error::Unique(ClinicName)`.
    pub async fn insert_clinic(&mut self, name: &str) -> Result<Clinic> {
        self.room()?;
        crate::principals::check_name(name)?;
        let id = ClinicId(self.next_id().await?);
        let clinic = Clinic { id, name: name.into(), epoch: epoch()?, seq: 0, structure: 0 };
        let sql = "insert into clinics (id, name, epoch, seq, structure) values ($1, $2, $3, 0, 0)";
        self.run(sql, values![id, name, clinic.epoch.as_str()]).await?;
        self.conn.renew = true;
        Ok(clinic)
    }
}
