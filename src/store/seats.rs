//! Seats of sessions: which patient has one, of which appointment or date of a series. The database refuses one more than
//! there are (`migrations/*/0011_seats.sql`).

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{ClinicId, Conn, Origin, PrincipalId, Result, Tx};

macro_rules! columns {
    () => {
        "uid, recurrence_id, patient_id, seats, made_at, made_by, origin, seq"
    };
}

/// One seat that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Of which object.
    pub uid: String,
    /// '' for the whole object; else the occurrence, as in an appointment.
    pub recurrence: String,
    /// By whom.
    pub patient: i64,
    /// How many there are.
    pub seats: i64,
    /// Seconds UTC.
    pub made_at: i64,
    /// Who gave it.
    pub made_by: Option<PrincipalId>,
    /// By which door.
    pub origin: Origin,
    /// The change that wrote it.
    pub seq: i64,
}

fn read(row: &AnyRow) -> Result<Seat> {
    let mut columns = Columns::of(row);
    Ok(Seat {
        uid: columns.text()?,
        recurrence: columns.text()?,
        patient: columns.int()?,
        seats: columns.int()?,
        made_at: columns.int()?,
        made_by: columns.maybe_int()?.map(PrincipalId),
        origin: Origin::read(&columns.text()?)?,
        seq: columns.int()?,
    })
}

impl Conn {
    /// The seats taken of several objects, ordered by object, occurrence and patient.
    pub async fn seats_of(&mut self, clinic: ClinicId, uids: &[String]) -> Result<Vec<Seat>> {
        let select = concat!("select ", columns!(), " from seats where clinic_id = $1 and uid in");
        let mut found = Vec::new();
        for chunk in uids.chunks(LIST) {
            let (places, uids) = list(2, chunk.iter().map(|uid| Value::from(uid.as_str())).collect());
            let sql = format!("{select} ({places}) order by uid, recurrence_id, patient_id");
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], uids].concat()).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// The seats of a patient, ordered by object and occurrence.
    pub async fn seats_for(&mut self, clinic: ClinicId, patient: i64, limit: u32) -> Result<Vec<Seat>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from seats where clinic_id = $1 and patient_id = $2 order by uid, recurrence_id limit $3"
        );
        let rows = self.all(sql, values![clinic, patient, limit]).await?;
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// Takes a seat. `Error::Overlap` when all are taken, `Error::Unique` when this patient has one.
    pub async fn insert_seat(&mut self, seat: &Seat) -> Result<()> {
        self.room()?;
        let sql = concat!(
            "insert into seats (clinic_id, ",
            columns!(),
            ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        );
        let values = values![
            self.clinic(),
            seat.uid.as_str(),
            seat.recurrence.as_str(),
            seat.patient,
            seat.seats,
            seat.made_at,
            seat.made_by,
            seat.origin.text(),
            self.seq(),
        ];
        self.run(sql, values).await.map(drop)
    }

    /// Gives a seat back. False when this patient has none.
    pub async fn remove_seat(&mut self, uid: &str, recurrence: &str, patient: i64) -> Result<bool> {
        let sql =
            "delete from seats where clinic_id = $1 and uid = $2 and recurrence_id = $3 and patient_id = $4";
        let key = values![self.clinic(), uid, recurrence, patient];
        Ok(self.run(sql, key).await? > 0)
    }

    /// The seats of one date go along with it to another object or instant.
    pub async fn move_seats(&mut self, from: (&str, &str), to: (&str, &str)) -> Result<()> {
        let sql = "update seats set uid = $4, recurrence_id = $5 \
            where clinic_id = $1 and uid = $2 and recurrence_id = $3";
        let values = values![self.clinic(), from.0, from.1, to.0, to.1];
        self.run(sql, values).await.map(drop)
    }
}
