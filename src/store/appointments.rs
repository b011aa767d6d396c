//! Appointments: what iCalendar has no word for, keyed by UID and RECURRENCE-ID. An occurrence that nobody touched has
//! no row of its own; the row of the whole object stands for it.

use std::fmt;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::audit::AUDIT;
use crate::busy::{SPANS, padded};
use crate::journal::FACTS;
use crate::statements::{Listing, Statements, places};
use crate::value::{Columns, LIST, Value, list, values};
use crate::{ClinicId, CollectionId, Conn, Deed, Fact, LONGEST, Origin, PrincipalId, Result, TermId, Tx};

macro_rules! columns {
    () => {
        "uid, recurrence_id, practitioner_id, resources, patient_id, service, status, start_at, end_at, details, \
         made_at, made_by, origin, changed_at, changed_by, changed_origin, reason, checked_in_at, started_at, \
         ended_at, seq, series, location_id, mode"
    };
}

/// One appointment, or what was noted of one occurrence.
#[derive(Clone, PartialEq, Eq)]
pub struct AppointmentRow {
    /// Of its object.
    pub uid: String,
    /// '' for the whole object; else the occurrence: its instant, as `20260105T090000Z`.
    pub recurrence: String,
    /// With whom.
    pub practitioner: PrincipalId,
    /// What else is booked for it: rooms and equipment.
    pub resources: Vec<PrincipalId>,
    /// For whom, in the clinic's own numbers.
    pub patient: Option<i64>,
    /// What was booked, by its code.
    pub service: Option<String>,
    /// The clinic's word for where it stands.
    pub status: String,
    /// Of a series: of its first occurrence. Seconds UTC.
    pub start_at: i64,
    /// Seconds UTC, exclusive.
    pub end_at: i64,
    /// Whatever else the clinic keeps, as JSON.
    pub details: Option<String>,
    /// Seconds UTC.
    pub made_at: i64,
    /// By whom.
    pub made_by: Option<PrincipalId>,
    /// By which door.
    pub origin: Origin,
    /// The last change. Seconds UTC.
    pub changed_at: i64,
    /// By whom.
    pub changed_by: Option<PrincipalId>,
    /// By which door.
    pub changed_origin: Origin,
    /// Why it was changed, or cancelled.
    pub reason: Option<String>,
    /// Seconds UTC.
    pub checked_in_at: Option<i64>,
    /// Seconds UTC.
    pub started_at: Option<i64>,
    /// Seconds UTC.
    pub ended_at: Option<i64>,
    /// The change that wrote it: its version.
    pub seq: i64,
    /// The UID of the series it is an additional date of, or was taken out of.
    pub series: Option<String>,
    /// Where it is held.
    pub location: Option<TermId>,
    /// How it is held, by its code.
    pub mode: Option<String>,
}

/// Which appointments are listed; what says nothing leaves nothing out.
#[derive(Clone, Debug, Default)]
pub struct AppointmentFilter {
    /// With whom.
    pub practitioner: Option<PrincipalId>,
    /// For whom.
    pub patient: Option<i64>,
    /// By whom it was booked.
    pub made_by: Option<PrincipalId>,
    /// Of what, by its code.
    pub service: Option<String>,
    /// Where.
    pub location: Option<TermId>,
    /// How, by its code.
    pub mode: Option<String>,
    /// In any of these states.
    pub statuses: Vec<String>,
    /// Beginning in this window; seconds UTC.
    pub window: Option<(i64, i64)>,
}

impl fmt::Debug for AppointmentRow {
    /// Neither UID, patient nor words: they may tell about a patient.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppointmentRow({}, {} to {}, seq {})", self.status, self.start_at, self.end_at, self.seq)
    }
}

fn read(row: &AnyRow) -> Result<AppointmentRow> {
    let mut columns = Columns::of(row);
    Ok(AppointmentRow {
        uid: columns.text()?,
        recurrence: columns.text()?,
        practitioner: PrincipalId(columns.int()?),
        resources: columns.text()?.split(' ').filter_map(|id| id.parse().ok().map(PrincipalId)).collect(),
        patient: columns.maybe_int()?,
        service: columns.maybe_text()?,
        status: columns.text()?,
        start_at: columns.int()?,
        end_at: columns.int()?,
        details: columns.maybe_text()?,
        made_at: columns.int()?,
        made_by: columns.maybe_int()?.map(PrincipalId),
        origin: Origin::read(&columns.text()?)?,
        changed_at: columns.int()?,
        changed_by: columns.maybe_int()?.map(PrincipalId),
        changed_origin: Origin::read(&columns.text()?)?,
        reason: columns.maybe_text()?,
        checked_in_at: columns.maybe_int()?,
        started_at: columns.maybe_int()?,
        ended_at: columns.maybe_int()?,
        seq: columns.int()?,
        series: columns.maybe_text()?,
        location: columns.maybe_int()?.map(TermId),
        mode: columns.maybe_text()?,
    })
}

impl Conn {
    /// All that is noted of one object: the row of the whole first, then occurrences in their order.
    pub async fn appointment(&mut self, clinic: ClinicId, uid: &str) -> Result<Vec<AppointmentRow>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from appointments where clinic_id = $1 and uid = $2 order by recurrence_id"
        );
        let rows = self.all(sql, values![clinic, uid]).await?;
        rows.iter().map(read).collect()
    }

    /// Those that a filter leaves, by start; `after` as for [`Conn::appointments_of`].
    pub async fn appointments(
        &mut self,
        clinic: ClinicId,
        filter: &AppointmentFilter,
        after: (i64, &str, &str),
        limit: u32,
    ) -> Result<Vec<AppointmentRow>> {
        let mut values = values![clinic, after.0, after.1, after.2, limit];
        let mut sql = concat!(
            "select ",
            columns!(),
            " from appointments where clinic_id = $1 and (start_at, uid, recurrence_id) > ($2, $3, $4)"
        )
        .to_string();
        let (from, until) = filter.window.unzip();
        let asked: [(&str, Option<Value>); 8] = [
            ("practitioner_id =", filter.practitioner.map(Value::from)),
            ("patient_id =", filter.patient.map(Value::from)),
            ("made_by =", filter.made_by.map(Value::from)),
            ("service =", filter.service.as_deref().map(Value::from)),
            ("location_id =", filter.location.map(Value::from)),
            ("mode =", filter.mode.as_deref().map(Value::from)),
            ("start_at >=", from.map(Value::from)),
            ("start_at <", until.map(Value::from)),
        ];
        for (test, value) in asked.into_iter().filter_map(|(test, value)| Some((test, value?))) {
            values.push(value);
            sql += &format!(" and {test} ${}", values.len());
        }
        if !filter.statuses.is_empty() {
            let states = filter.statuses.iter().map(|state| Value::from(state.as_str())).collect();
            let (places, states) = list(values.len() + 1, states);
            values.extend(states);
            sql += &format!(" and status in ({places})");
        }
        sql += " order by start_at, uid, recurrence_id limit $5";
        let rows = self.all(AssertSqlSafe(sql), values).await?;
        rows.iter().map(read).collect()
    }

    /// Which of these patients have another appointment in the window beside each than that of the object `except`, by the
    /// intervals that stand (within the horizon).
    pub(crate) async fn busy_patients(
        &mut self,
        clinic: ClinicId,
        of: &[(i64, (i64, i64))],
        except: &str,
    ) -> Result<Vec<i64>> {
        let mut found = Vec::new();
        for chunk in of.chunks(SPANS) {
            let size = padded(chunk.len());
            let mut values = values![clinic, except];
            for n in 0..size {
                let (patient, (from, until)) = chunk.get(n).copied().unwrap_or_default();
                values.extend(values![patient, from, until]);
            }
            let sql = format!(
                "select v.column1, (select count(*) from appointments a join busy b on b.clinic_id = $1 \
                     and b.resource_id = a.practitioner_id and b.from_at > v.column2 - {LONGEST} \
                     and b.from_at < v.column3 and b.start_at < v.column3 and b.end_at > v.column2 \
                     and b.name = a.uid || '.ics' \
                 where a.clinic_id = $1 and a.patient_id = v.column1 and a.recurrence_id = '' and a.uid <> $2) \
                 from (values {}) as v",
                places(3, size, 3)
            );
            for row in &self.all(AssertSqlSafe(sql), values).await? {
                let mut columns = Columns::of(row);
                let (patient, count) = (columns.int()?, columns.int()?);
                found.extend((count > 0).then_some(patient));
            }
        }
        Ok(found)
    }

    /// All that is noted of several objects, ordered by UID, the row of the whole first.
    pub async fn appointments_about(
        &mut self,
        clinic: ClinicId,
        uids: &[String],
    ) -> Result<Vec<AppointmentRow>> {
        let select = concat!("select ", columns!(), " from appointments where clinic_id = $1 and uid in");
        let mut found = Vec::with_capacity(uids.len());
        for chunk in uids.chunks(LIST) {
            let (places, uids) = list(2, chunk.iter().map(|uid| Value::from(uid.as_str())).collect());
            let sql = format!("{select} ({places}) order by uid, recurrence_id");
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], uids].concat()).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// The additional dates of a series, by start.
    pub async fn appointments_beside(
        &mut self,
        clinic: ClinicId,
        series: &str,
        limit: u32,
    ) -> Result<Vec<AppointmentRow>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from appointments where clinic_id = $1 and series = $2 \
             order by start_at, uid, recurrence_id limit $3"
        );
        let rows = self.all(sql, values![clinic, series, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// What is noted of these practitioners in a span of time, in one of these states, by start.
    pub async fn appointments_between(
        &mut self,
        clinic: ClinicId,
        practitioners: &[PrincipalId],
        (from, until): (i64, i64),
        states: &[&str],
        limit: u32,
    ) -> Result<Vec<AppointmentRow>> {
        let select = concat!("select ", columns!(), " from appointments where clinic_id = $1");
        let mut found = Vec::new();
        for chunk in practitioners.chunks(LIST) {
            let (states, bound) = list(5, states.iter().map(|state| Value::from(*state)).collect());
            let (places, ids) = list(5 + bound.len(), chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!(
                "{select} and start_at < $3 and end_at > $2 and status in ({states}) \
                 and practitioner_id in ({places}) order by start_at, uid, recurrence_id limit $4"
            );
            let values = [values![clinic, from, until, limit], bound, ids].concat();
            let rows = self.all(AssertSqlSafe(sql), values).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// The rows of the whole of these objects, in no order; what is no appointment is left out.
    pub async fn appointments_by_uid(
        &mut self,
        clinic: ClinicId,
        uids: &[String],
    ) -> Result<Vec<AppointmentRow>> {
        let mut found = self.appointments_about(clinic, uids).await?;
        found.retain(|row| row.recurrence.is_empty());
        Ok(found)
    }

    /// A practitioner's, by start; `after` is (start, uid, recurrence) of the last one of the page before.
    pub async fn appointments_of(
        &mut self,
        clinic: ClinicId,
        practitioner: PrincipalId,
        after: (i64, &str, &str),
        limit: u32,
    ) -> Result<Vec<AppointmentRow>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from appointments where clinic_id = $1 and practitioner_id = $2 \
             and (start_at, uid, recurrence_id) > ($3, $4, $5) order by start_at, uid, recurrence_id limit $6"
        );
        let rows = self.all(sql, values![clinic, practitioner, after.0, after.1, after.2, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// A patient's, by start.
    pub async fn appointments_for(
        &mut self,
        clinic: ClinicId,
        patient: i64,
        after: (i64, &str, &str),
        limit: u32,
    ) -> Result<Vec<AppointmentRow>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from appointments where clinic_id = $1 and patient_id = $2 \
             and (start_at, uid, recurrence_id) > ($3, $4, $5) order by start_at, uid, recurrence_id limit $6"
        );
        let rows = self.all(sql, values![clinic, patient, after.0, after.1, after.2, limit]).await?;
        rows.iter().map(read).collect()
    }
}

/// The journal's part of writing an appointment: which kind of fact, in which calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// Made.
    Booked,
    /// Stands elsewhere now.
    Moved,
    /// No longer takes place.
    Cancelled,
    /// Anything else: checked in, started, done.
    Changed,
}

impl Noted {
    /// All of them.
    pub(crate) const ALL: [Noted; 4] = [Noted::Booked, Noted::Moved, Noted::Cancelled, Noted::Changed];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Noted::Booked => "appointment-booked",
            Noted::Moved => "appointment-moved",
            Noted::Cancelled => "appointment-cancelled",
            Noted::Changed => "appointment-changed",
        }
    }
}

/// Appointments, new ones or over those of their keys.
const APPOINTMENTS: Listing = Listing {
    before: concat!("insert into appointments (clinic_id, ", columns!(), ")"),
    after: " on conflict (clinic_id, uid, recurrence_id) do update set \
        practitioner_id = excluded.practitioner_id, resources = excluded.resources, \
        patient_id = excluded.patient_id, service = excluded.service, status = excluded.status, \
        start_at = excluded.start_at, end_at = excluded.end_at, details = excluded.details, \
        changed_at = excluded.changed_at, changed_by = excluded.changed_by, \
        changed_origin = excluded.changed_origin, reason = excluded.reason, \
        checked_in_at = excluded.checked_in_at, started_at = excluded.started_at, \
        ended_at = excluded.ended_at, seq = excluded.seq, \
        series = excluded.series, location_id = excluded.location_id, mode = excluded.mode",
};

impl Tx {
    /// Writes an appointment over the one of its key, and journals what became of it: one round trip. Made-by, door and
    /// moment of making stay as they were first written; `seq` becomes this change's.
    pub async fn save_appointment(
        &mut self,
        row: &AppointmentRow,
        visits: CollectionId,
        noted: Noted,
    ) -> Result<()> {
        self.save_appointment_with(row, visits, noted, Vec::new()).await
    }

    /// The same with what the audit says of it, up to fifty deeds: still one round trip.
    pub async fn save_appointment_with(
        &mut self,
        row: &AppointmentRow,
        visits: CollectionId,
        noted: Noted,
        deeds: Vec<Deed>,
    ) -> Result<()> {
        self.room()?;
        let resources: Vec<String> = row.resources.iter().map(PrincipalId::to_string).collect();
        let values = values![
            self.clinic(),
            row.uid.as_str(),
            row.recurrence.as_str(),
            row.practitioner,
            resources.join(" "),
            row.patient,
            row.service.clone(),
            row.status.as_str(),
            row.start_at,
            row.end_at,
            row.details.clone(),
            row.made_at,
            row.made_by,
            row.origin.text(),
            row.changed_at,
            row.changed_by,
            row.changed_origin.text(),
            row.reason.clone(),
            row.checked_in_at,
            row.started_at,
            row.ended_at,
            self.seq(),
            row.series.clone(),
            row.location,
            row.mode.clone(),
        ];
        let (practitioner, uid) = (row.practitioner, row.uid.clone());
        let fact = Fact::Appointment { collection: visits, practitioner, uid, noted };
        let n = self.next_plain(None);
        let fact = self.row(fact, n);
        let deeds = self.linked(deeds);
        let all = Statements::default().rows(&APPOINTMENTS, vec![values]).rows(&AUDIT, deeds);
        self.put(all.rows(&FACTS, vec![fact])).await
    }

    /// Takes the row of one key away: what was noted of an occurrence goes with it to another series. False when there
    /// is none.
    pub async fn remove_appointment(&mut self, uid: &str, recurrence: &str) -> Result<bool> {
        let sql = "delete from appointments where clinic_id = $1 and uid = $2 and recurrence_id = $3";
        let key = values![self.clinic(), uid, recurrence];
        Ok(self.run(sql, key).await? > 0)
    }
}
