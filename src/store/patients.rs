//! Patients, as little of them as booking needs; the rest is somebody else's record. The one invariant: what a patient
//! is called and reached by is never printed by `Debug`.

use std::fmt;

use sqlx::any::AnyRow;

use crate::value::{Columns, Value, values};
use crate::{ClinicId, Conn, Error, Fact, PatientId, Record, Result, Tx};

macro_rules! columns {
    () => {
        "external_id, name, phone, phone_key, email, email_key, zone, language, created_at, disabled_at, seq"
    };
}

/// One patient.
#[derive(Clone, PartialEq, Eq)]
pub struct Patient {
    /// Its id.
    pub id: PatientId,
    /// What is known of it.
    pub body: PatientBody,
    /// Seconds UTC.
    pub created_at: i64,
    /// The change that touched it last: its version.
    pub seq: i64,
}

/// What is known of a patient; all of it is replaced at once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PatientBody {
    /// By what another system of the clinic knows it; unique in the clinic.
    pub external_id: Option<String>,
    /// For people to read.
    pub name: String,
    /// As given.
    pub phone: Option<String>,
    /// Written in the one way that is compared.
    pub phone_key: Option<String>,
    /// As given, without `mailto:`.
    pub email: Option<String>,
    /// Written in the one way that is compared.
    pub email_key: Option<String>,
    /// IANA name.
    pub zone: Option<String>,
    /// A tag of RFC 5646.
    pub language: Option<String>,
    /// Seconds UTC; Some: books no more.
    pub disabled_at: Option<i64>,
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "patient {}", self.id)
    }
}

impl fmt::Debug for PatientBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whom to look for.
#[derive(Clone, Copy)]
pub enum PatientBy<'a> {
    /// By the id of another system.
    External(&'a str),
    /// By phone key.
    Phone(&'a str),
    /// By mail key.
    Email(&'a str),
}

fn read(row: &AnyRow) -> Result<Patient> {
    let mut columns = Columns::of(row);
    let id = PatientId(columns.int()?);
    let mut body = PatientBody {
        external_id: columns.maybe_text()?,
        name: columns.text()?,
        phone: columns.maybe_text()?,
        phone_key: columns.maybe_text()?,
        email: columns.maybe_text()?,
        email_key: columns.maybe_text()?,
        zone: columns.maybe_text()?,
        language: columns.maybe_text()?,
        disabled_at: None,
    };
    let created_at = columns.int()?;
    body.disabled_at = columns.maybe_int()?;
    Ok(Patient { id, body, created_at, seq: columns.int()? })
}

fn body_values(body: PatientBody) -> Vec<Value> {
    let PatientBody { external_id, name, phone, phone_key, email, email_key, zone, language, disabled_at } =
        body;
    values![external_id, name, phone, phone_key, email, email_key, zone, language, disabled_at]
}

impl Conn {
    /// A page of them ordered by id, disabled ones too; `after` is the last id of the page before (0 for the first).
    pub async fn patients(&mut self, clinic: ClinicId, after: PatientId, limit: u32) -> Result<Vec<Patient>> {
        let sql = concat!(
            "select id, ",
            columns!(),
            " from patients where clinic_id = $1 and id > $2 order by id limit $3"
        );
        let rows = self.all(sql, values![clinic, after, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// One of them.
    pub async fn patient(&mut self, clinic: ClinicId, id: PatientId) -> Result<Option<Patient>> {
        let sql = concat!("select id, ", columns!(), " from patients where clinic_id = $1 and id = $2");
        self.one(sql, values![clinic, id]).await?.as_ref().map(read).transpose()
    }

    /// Whom this finds, ordered by id: one by an external id, a family by one phone.
    pub async fn patients_by(
        &mut self,
        clinic: ClinicId,
        by: PatientBy<'_>,
        limit: u32,
    ) -> Result<Vec<Patient>> {
        macro_rules! by {
            ($column:literal) => {
                concat!(
                    "select id, ",
                    columns!(),
                    " from patients where clinic_id = $1 and ",
                    $column,
                    " = $2 order by id limit $3"
                )
            };
        }
        let (sql, key) = match by {
            PatientBy::External(id) => (by!("external_id"), id),
            PatientBy::Phone(key) => (by!("phone_key"), key),
            PatientBy::Email(key) => (by!("email_key"), key),
        };
        let rows = self.all(sql, values![clinic, key, limit]).await?;
        rows.iter().map(read).collect()
    }
}

/// The columns of a body are $3 to $11; $12 is the time, $13 the change.
macro_rules! insert {
    () => {
        "insert into patients (clinic_id, id, external_id, name, phone, phone_key, email, email_key, zone, language, \
         disabled_at, created_at, seq) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    };
}

impl Tx {
    /// Makes a patient, or replaces the one of this external id; true: made.
    pub async fn upsert_patient(&mut self, body: PatientBody) -> Result<(PatientId, bool)> {
        self.room()?;
        let id = PatientId(self.next_id().await?);
        let sql = concat!(
            insert!(),
            " on conflict (clinic_id, external_id) do update set name = excluded.name, phone = excluded.phone, \
             phone_key = excluded.phone_key, email = excluded.email, email_key = excluded.email_key, \
             zone = excluded.zone, language = excluded.language, disabled_at = excluded.disabled_at, \
             seq = excluded.seq returning id"
        );
        let (clinic, now, seq) = (self.clinic(), self.now(), self.seq());
        let values = [values![clinic, id], body_values(body), values![now, seq]].concat();
        let there = self.number(sql, values).await?.ok_or_else(|| Error::broken("a patient without id"))?;
        let there = PatientId(there);
        self.note(Fact::RecordChanged(Record::Patient(there))).await?;
        Ok((there, there == id))
    }

    /// Replaces what is known of a patient. False when there is none; `Error::Unique` for an external id in use.
    pub async fn replace_patient(&mut self, id: PatientId, body: PatientBody) -> Result<bool> {
        self.room()?;
        let sql = "update patients set external_id = $3, name = $4, phone = $5, phone_key = $6, email = $7, \
            email_key = $8, zone = $9, language = $10, disabled_at = $11, seq = $12 \
            where clinic_id = $1 and id = $2";
        let (clinic, seq) = (self.clinic(), self.seq());
        let values = [values![clinic, id], body_values(body), values![seq]].concat();
        let was = self.run(sql, values).await? > 0;
        if was {
            self.note(Fact::RecordChanged(Record::Patient(id))).await?;
        }
        Ok(was)
    }

    /// Erases a patient: the row, and its old bytes in the WAL. False when there is none.
    pub async fn erase_patient(&mut self, id: PatientId) -> Result<bool> {
        let sql = "delete from patients where clinic_id = $1 and id = $2";
        let values = values![self.clinic(), id];
        let was = self.run(sql, values).await? > 0;
        if was {
            self.scrub = true;
            self.note(Fact::RecordChanged(Record::Patient(id))).await?;
        }
        Ok(was)
    }
}
