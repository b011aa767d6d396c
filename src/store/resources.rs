//! Resources: principals that can be booked, how many at a time, and up to where their intervals stand in `busy`.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{ClinicId, Conn, Fact, Policy, PrincipalId, Result, Tx};

/// Somebody or something that can be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The principal.
    pub id: PrincipalId,
    /// How many intervals may stand at one instant.
    pub capacity: i64,
    /// Intervals of its calendars stand in `busy` up to here (seconds UTC, exclusive).
    pub reached: i64,
}

pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Resource> {
    Ok(Resource { id: PrincipalId(columns.int()?), capacity: columns.int()?, reached: columns.int()? })
}

fn read_row(row: &AnyRow) -> Result<Resource> {
    read(&mut Columns::of(row))
}

/// How a resource is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Of whom.
    pub id: PrincipalId,
    /// How many intervals may stand at one instant.
    pub capacity: i64,
    /// What a change of a calendar program onto a taken time does; None: the calendar is gone.
    pub policy: Option<Policy>,
}

impl Conn {
    /// How these are booked, by id; `slug` is the calendar of their visits.
    pub async fn bookings_of(
        &mut self,
        clinic: ClinicId,
        slug: &str,
        ids: &[PrincipalId],
    ) -> Result<Vec<Booking>> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(LIST) {
            let (places, ids) = list(3, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!(
                "select r.id, r.capacity, c.policy from resources r left join collections c \
                on c.clinic_id = r.clinic_id and c.owner_id = r.id and c.slug = $2 \
                where r.clinic_id = $1 and r.id in ({places}) order by r.id"
            );
            let rows = self.all(AssertSqlSafe(sql), [values![clinic, slug], ids].concat()).await?;
            for row in &rows {
                let mut columns = Columns::of(row);
                let (id, capacity) = (PrincipalId(columns.int()?), columns.int()?);
                let policy = columns.maybe_text()?.as_deref().map(Policy::read).transpose()?;
                found.push(Booking { id, capacity, policy });
            }
        }
        Ok(found)
    }

    /// One by its principal.
    pub async fn resource(&mut self, clinic: ClinicId, id: PrincipalId) -> Result<Option<Resource>> {
        let sql = "select id, capacity, reached from resources where clinic_id = $1 and id = $2";
        self.one(sql, values![clinic, id]).await?.as_ref().map(read_row).transpose()
    }

    /// Several by their principals, in no order; the missing are left out.
    pub async fn resources_by_id(&mut self, clinic: ClinicId, ids: &[PrincipalId]) -> Result<Vec<Resource>> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(LIST) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let select = "select id, capacity, reached from resources where clinic_id = $1 and id in (";
            let sql = format!("{select}{places})");
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?;
            found.extend(rows.iter().map(read_row).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// A page of the clinic's, ordered by id; `after` is the last id of the page before (0 for the first).
    pub async fn resources(
        &mut self,
        clinic: ClinicId,
        after: PrincipalId,
        limit: u32,
    ) -> Result<Vec<Resource>> {
        let sql = "select id, capacity, reached from resources \
            where clinic_id = $1 and id > $2 order by id limit $3";
        let rows = self.all(sql, values![clinic, after, limit]).await?;
        rows.iter().map(read_row).collect()
    }
}

impl Conn {
    /// The resource whose closed time is everybody's, if the clinic has one.
    pub async fn house(&mut self, clinic: ClinicId) -> Result<Option<PrincipalId>> {
        let sql = "select id from resources where clinic_id = $1 and house = 1";
        let row = self.one(sql, values![clinic]).await?;
        row.map(|row| Ok(PrincipalId(Columns::of(&row).int()?))).transpose()
    }
}

impl Tx {
    /// Says that the closed time of this resource is everybody's. `Error::Unique` when another one's is.
    pub async fn set_house(&mut self, id: PrincipalId) -> Result<bool> {
        let sql = "update resources set house = 1 where clinic_id = $1 and id = $2";
        let values = values![self.clinic(), id];
        let was = self.run(sql, values).await? > 0;
        if was {
            self.note(Fact::PrincipalChanged { principal: id }).await?;
        }
        Ok(was)
    }

    /// Makes a principal bookable. `Error::Gone` without the principal, `Error::Unique` when it is already.
    pub async fn insert_resource(&mut self, new: Resource) -> Result<()> {
        self.room()?;
        let sql =
            "insert into resources (clinic_id, id, capacity, reached, epoch) values ($1, $2, $3, $4, 0)";
        let values = values![self.clinic(), new.id, new.capacity, new.reached];
        self.run(sql, values).await?;
        self.note(Fact::PrincipalChanged { principal: new.id }).await
    }

    /// Raises the capacity of a resource and of its intervals. To lower it, take its intervals away first and write
    /// them anew: the database refuses what would no longer fit. False when there is no such resource.
    pub async fn set_capacity(&mut self, id: PrincipalId, capacity: i64) -> Result<bool> {
        let clinic = self.clinic();
        let sql = "update resources set capacity = $3, epoch = epoch + 1 where clinic_id = $1 and id = $2";
        if self.run(sql, values![clinic, id, capacity]).await? == 0 {
            return Ok(false);
        }
        let sql = "update busy set capacity = $3 where clinic_id = $1 and resource_id = $2";
        self.run(sql, values![clinic, id, capacity]).await?;
        self.note(Fact::PrincipalChanged { principal: id }).await?;
        Ok(true)
    }

    /// Notes that the intervals of a resource stand up to `reached`; never takes it back.
    pub async fn reach_resource(&mut self, id: PrincipalId, reached: i64) -> Result<bool> {
        let sql = "update resources set reached = $3 where clinic_id = $1 and id = $2 and reached < $3";
        let values = values![self.clinic(), id, reached];
        Ok(self.run(sql, values).await? > 0)
    }
}
