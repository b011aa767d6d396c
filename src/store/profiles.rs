//! Profiles: what no calendar says of a practitioner, a room or a thing that can be booked. One per principal, made with
//! it; its `seq` is the version of the whole (name, terms, profile).

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{
    ClinicId, Conn, Dimension, Error, Fact, Principal, PrincipalId, PrincipalKind, Record, Result, Tx,
};

/// How far somebody or something is on its way to being booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileStatus {
    /// Not complete.
    Draft,
    /// Complete, to be verified.
    Pending,
    /// Can be booked.
    Active,
    /// Not any more; history stays.
    Off,
}

impl ProfileStatus {
    /// As it stands in the table and in the API.
    pub fn text(self) -> &'static str {
        match self {
            ProfileStatus::Draft => "draft",
            ProfileStatus::Pending => "pending",
            ProfileStatus::Active => "active",
            ProfileStatus::Off => "off",
        }
    }

    /// By its text.
    pub fn named(text: &str) -> Option<ProfileStatus> {
        use ProfileStatus::{Active, Draft, Off, Pending};
        [Draft, Pending, Active, Off].into_iter().find(|status| status.text() == text)
    }
}

/// What a profile says; all of it is replaced at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileBody {
    /// How far it is.
    pub status: ProfileStatus,
    /// Shown to patients in a search.
    pub public: bool,
    /// Patients book it themselves.
    pub online: bool,
    /// The number of a practitioner's licence: for those who run the clinic only.
    pub licence: Option<String>,
    /// For people to read.
    pub qualifications: Option<String>,
}

/// A principal that can be booked, with its profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookable {
    /// Who or what.
    pub principal: Principal,
    /// What is said of it.
    pub profile: ProfileBody,
    /// The change that touched it last: its version.
    pub seq: i64,
}

macro_rules! select {
    () => {
        "select p.clinic_id, p.id, p.name, p.kind, p.display_name, p.email, p.zone, p.password_hash, p.disabled_at, \
         p.created_at, p.seq, p.home_seq, p.role, f.status, f.public, f.online, f.licence, f.qualifications, f.seq \
         from profiles f join principals p on p.clinic_id = f.clinic_id and p.id = f.principal_id \
         where f.clinic_id = $1 and "
    };
}

fn read(row: &AnyRow) -> Result<Bookable> {
    let mut columns = Columns::of(row);
    let principal = crate::principals::read(&mut columns)?;
    let status = ProfileStatus::named(&columns.text()?);
    let profile = ProfileBody {
        status: status.ok_or_else(|| Error::broken("an unknown status of a profile"))?,
        public: columns.truth()?,
        online: columns.truth()?,
        licence: columns.maybe_text()?,
        qualifications: columns.maybe_text()?,
    };
    // The version counts for the whole: whichever of the two rows was touched last.
    let seq = columns.int()?.max(principal.seq);
    Ok(Bookable { principal, profile, seq })
}

fn body_values(body: ProfileBody, seq: i64) -> Vec<Value> {
    let ProfileBody { status, public, online, licence, qualifications } = body;
    values![status.text(), public, online, licence, qualifications, seq]
}

impl Conn {
    /// A page of one kind ordered by id, those that are off too; `after` is the last id of the page before (0 for the
    /// first).
    pub async fn bookables(
        &mut self,
        clinic: ClinicId,
        kind: PrincipalKind,
        after: PrincipalId,
        limit: u32,
    ) -> Result<Vec<Bookable>> {
        let sql = concat!(select!(), "p.kind = $2 and p.id > $3 order by p.id limit $4");
        let rows = self.all(sql, values![clinic, kind.text(), after, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// All ids of a clinic by kind; of a kind those with the same specialty, or of the same type of room, one after another.
    /// Who has several stands with the first; within one the order is that of ids.
    pub async fn bookables_by_term(&mut self, clinic: ClinicId) -> Result<Vec<PrincipalId>> {
        let sql = "select f.principal_id from profiles f \
            join principals p on p.clinic_id = f.clinic_id and p.id = f.principal_id \
            left join (select o.principal_id, min(o.term_id) as term_id from resource_terms o \
            join terms t on t.clinic_id = o.clinic_id and t.id = o.term_id and t.dimension in ($2, $3) \
            where o.clinic_id = $1 group by o.principal_id) own on own.principal_id = f.principal_id \
            where f.clinic_id = $1 order by p.kind, coalesce(own.term_id, 0), f.principal_id";
        let by = [Dimension::Specialty, Dimension::RoomType].map(Dimension::text);
        let rows = self.all(sql, values![clinic, by[0], by[1]]).await?;
        rows.iter().map(|row| Ok(PrincipalId(Columns::of(row).int()?))).collect()
    }

    /// Those of these ids, ordered by id; the others are no such.
    pub async fn bookables_of(&mut self, clinic: ClinicId, of: &[PrincipalId]) -> Result<Vec<Bookable>> {
        let mut found = Vec::with_capacity(of.len());
        for chunk in of.chunks(LIST) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!("{} p.id in ({places}) order by p.id", select!());
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// One of them.
    pub async fn bookable(&mut self, clinic: ClinicId, id: PrincipalId) -> Result<Option<Bookable>> {
        let sql = concat!(select!(), "p.id = $2");
        self.one(sql, values![clinic, id]).await?.as_ref().map(read).transpose()
    }
}

impl Tx {
    /// Makes the profile of a principal. `Error::Gone` without the principal, `Error::Unique` when it has one.
    pub async fn insert_profile(&mut self, of: PrincipalId, body: ProfileBody) -> Result<()> {
        self.room()?;
        let sql = "insert into profiles \
            (clinic_id, principal_id, status, public, online, licence, qualifications, seq) \
            values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = [values![self.clinic(), of], body_values(body, self.seq())].concat();
        self.run(sql, values).await?;
        self.note(Fact::RecordChanged(Record::Resource(of))).await
    }

    /// Replaces a profile. False when there is none.
    pub async fn replace_profile(&mut self, of: PrincipalId, body: ProfileBody) -> Result<bool> {
        self.room()?;
        let sql = "update profiles set status = $3, public = $4, online = $5, licence = $6, \
            qualifications = $7, seq = $8 where clinic_id = $1 and principal_id = $2";
        let values = [values![self.clinic(), of], body_values(body, self.seq())].concat();
        let was = self.run(sql, values).await? > 0;
        if was {
            self.note(Fact::RecordChanged(Record::Resource(of))).await?;
        }
        Ok(was)
    }
}
