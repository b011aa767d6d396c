//! Services: what is booked ("first consultation, 45 min"), and what is different when somebody in particular does it.

use sqlx::any::AnyRow;

use crate::value::{Columns, Value, values};
use crate::{ClinicId, Conn, Fact, PrincipalId, Record, Result, ServiceId, Tx};

macro_rules! columns {
    () => {
        "code, name, modes, minutes, step, pad_before, pad_after, notice, horizon_days, day_limit, week_limit, seats, \
         needs, hold_patient, hold_staff, fee, currency, cancel_window, disabled_at, seq"
    };
}

macro_rules! override_columns {
    () => {
        "service_id, principal_id, offered, minutes, pad_before, pad_after, day_limit, week_limit, fee"
    };
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// What it says.
    pub body: ServiceBody,
    /// The change that touched it last: its version.
    pub seq: i64,
}

/// What a service says; all of it is replaced at once. Lengths are minutes unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceBody {
    /// Short, for programs; unique in the clinic.
    pub code: String,
    /// For people to read.
    pub name: String,
    /// Codes of modes with a blank between, as the caller wrote them.
    pub modes: String,
    /// How long it takes.
    pub minutes: i64,
    /// Starts are offered at this grid.
    pub step: i64,
    /// Kept free before it.
    pub pad_before: i64,
    /// Kept free after it.
    pub pad_after: i64,
    /// At least this long ahead.
    pub notice: i64,
    /// At most this many days ahead.
    pub horizon_days: i64,
    /// So many a day with one practitioner.
    pub day_limit: Option<i64>,
    /// So many a week with one practitioner.
    pub week_limit: Option<i64>,
    /// Patients at once.
    pub seats: i64,
    /// What else must be free: the caller's JSON.
    pub needs: String,
    /// Seconds a patient's hold lasts; None: the clinic's default.
    pub hold_patient: Option<i64>,
    /// Seconds a hold of staff lasts.
    pub hold_staff: Option<i64>,
    /// In the smallest unit of the currency.
    pub fee: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Until so long before the start a patient may cancel or move it.
    pub cancel_window: i64,
    /// Seconds UTC; Some: not booked any more.
    pub disabled_at: Option<i64>,
}

/// What is different with one practitioner, room or thing; None: as the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceOverride {
    /// Of which service.
    pub service: ServiceId,
    /// With whom.
    pub resource: PrincipalId,
    /// False: does not do it at all.
    pub offered: bool,
    /// How long it takes.
    pub minutes: Option<i64>,
    /// Kept free before it.
    pub pad_before: Option<i64>,
    /// Kept free after it.
    pub pad_after: Option<i64>,
    /// So many a day.
    pub day_limit: Option<i64>,
    /// So many a week.
    pub week_limit: Option<i64>,
    /// In the smallest unit of the service's currency.
    pub fee: Option<i64>,
}

fn read(row: &AnyRow) -> Result<Service> {
    let mut columns = Columns::of(row);
    Ok(Service {
        id: ServiceId(columns.int()?),
        body: ServiceBody {
            code: columns.text()?,
            name: columns.text()?,
            modes: columns.text()?,
            minutes: columns.int()?,
            step: columns.int()?,
            pad_before: columns.int()?,
            pad_after: columns.int()?,
            notice: columns.int()?,
            horizon_days: columns.int()?,
            day_limit: columns.maybe_int()?,
            week_limit: columns.maybe_int()?,
            seats: columns.int()?,
            needs: columns.text()?,
            hold_patient: columns.maybe_int()?,
            hold_staff: columns.maybe_int()?,
            fee: columns.maybe_int()?,
            currency: columns.maybe_text()?,
            cancel_window: columns.int()?,
            disabled_at: columns.maybe_int()?,
        },
        seq: columns.int()?,
    })
}

fn read_override(row: &AnyRow) -> Result<ServiceOverride> {
    let mut columns = Columns::of(row);
    Ok(ServiceOverride {
        service: ServiceId(columns.int()?),
        resource: PrincipalId(columns.int()?),
        offered: columns.truth()?,
        minutes: columns.maybe_int()?,
        pad_before: columns.maybe_int()?,
        pad_after: columns.maybe_int()?,
        day_limit: columns.maybe_int()?,
        week_limit: columns.maybe_int()?,
        fee: columns.maybe_int()?,
    })
}

/// In the order of the columns, after clinic and id.
fn body_values(body: &ServiceBody, seq: i64) -> Vec<Value> {
    values![
        body.code.as_str(),
        body.name.as_str(),
        body.modes.as_str(),
        body.minutes,
        body.step,
        body.pad_before,
        body.pad_after,
        body.notice,
        body.horizon_days,
        body.day_limit,
        body.week_limit,
        body.seats,
        body.needs.as_str(),
        body.hold_patient,
        body.hold_staff,
        body.fee,
        body.currency.clone(),
        body.cancel_window,
        body.disabled_at,
        seq,
    ]
}

impl Conn {
    /// A page of them ordered by id, disabled ones too; `after` is the last id of the page before (0 for the first).
    pub async fn services(&mut self, clinic: ClinicId, after: ServiceId, limit: u32) -> Result<Vec<Service>> {
        let sql = concat!(
            "select id, ",
            columns!(),
            " from services where clinic_id = $1 and id > $2 order by id limit $3"
        );
        let rows = self.all(sql, values![clinic, after, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// One of them.
    pub async fn service(&mut self, clinic: ClinicId, id: ServiceId) -> Result<Option<Service>> {
        let sql = concat!("select id, ", columns!(), " from services where clinic_id = $1 and id = $2");
        self.one(sql, values![clinic, id]).await?.as_ref().map(read).transpose()
    }

    /// One by its code.
    pub async fn service_called(&mut self, clinic: ClinicId, code: &str) -> Result<Option<Service>> {
        let sql = concat!("select id, ", columns!(), " from services where clinic_id = $1 and code = $2");
        self.one(sql, values![clinic, code]).await?.as_ref().map(read).transpose()
    }

    /// What is different with whom: a page ordered by service and resource, after the last of the page before
    /// (0, 0 for the first).
    pub async fn service_overrides(
        &mut self,
        clinic: ClinicId,
        after: (ServiceId, PrincipalId),
        limit: u32,
    ) -> Result<Vec<ServiceOverride>> {
        let sql = concat!(
            "select ",
            override_columns!(),
            " from service_overrides where clinic_id = $1 and (service_id, principal_id) > ($2, $3) \
             order by service_id, principal_id limit $4"
        );
        let rows = self.all(sql, values![clinic, after.0, after.1, limit]).await?;
        rows.iter().map(read_override).collect()
    }
}

impl Tx {
    /// Makes a service. `Error::Unique` when there is one with this code.
    pub async fn insert_service(&mut self, body: ServiceBody) -> Result<Service> {
        self.room()?;
        let id = ServiceId(self.next_id().await?);
        let sql = concat!(
            "insert into services (clinic_id, id, ",
            columns!(),
            ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
             $21, $22)"
        );
        let values = [values![self.clinic(), id], body_values(&body, self.seq())].concat();
        self.run(sql, values).await?;
        self.note(Fact::RecordChanged(Record::Service(id))).await?;
        Ok(Service { id, body, seq: self.seq() })
    }

    /// Replaces what a service says. False when there is none.
    pub async fn replace_service(&mut self, id: ServiceId, body: &ServiceBody) -> Result<bool> {
        self.room()?;
        let sql = "update services set code = $3, name = $4, modes = $5, minutes = $6, step = $7, \
            pad_before = $8, pad_after = $9, notice = $10, horizon_days = $11, day_limit = $12, \
            week_limit = $13, seats = $14, needs = $15, hold_patient = $16, hold_staff = $17, fee = $18, \
            currency = $19, cancel_window = $20, disabled_at = $21, seq = $22 \
            where clinic_id = $1 and id = $2";
        let values = [values![self.clinic(), id], body_values(body, self.seq())].concat();
        let was = self.run(sql, values).await? > 0;
        if was {
            self.note(Fact::RecordChanged(Record::Service(id))).await?;
        }
        Ok(was)
    }

    /// Sets what is different with one resource. `Error::Gone` without the service or the resource.
    pub async fn set_service_override(&mut self, one: ServiceOverride) -> Result<()> {
        self.room()?;
        let sql = concat!(
            "insert into service_overrides (clinic_id, ",
            override_columns!(),
            ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             on conflict (clinic_id, service_id, principal_id) do update set offered = excluded.offered, \
             minutes = excluded.minutes, pad_before = excluded.pad_before, pad_after = excluded.pad_after, \
             day_limit = excluded.day_limit, week_limit = excluded.week_limit, fee = excluded.fee"
        );
        let values = values![
            self.clinic(),
            one.service,
            one.resource,
            one.offered,
            one.minutes,
            one.pad_before,
            one.pad_after,
            one.day_limit,
            one.week_limit,
            one.fee,
        ];
        self.run(sql, values).await?;
        self.note(Fact::RecordChanged(Record::Service(one.service))).await
    }

    /// As the service says again. False when nothing was different.
    pub async fn remove_service_override(&mut self, of: ServiceId, with: PrincipalId) -> Result<bool> {
        let sql =
            "delete from service_overrides where clinic_id = $1 and service_id = $2 and principal_id = $3";
        let values = values![self.clinic(), of, with];
        let was = self.run(sql, values).await? > 0;
        if was {
            self.note(Fact::RecordChanged(Record::Service(of))).await?;
        }
        Ok(was)
    }
}
