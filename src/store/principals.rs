//! Principals: people, rooms, resources, groups. A name is unique in the whole installation, because it is what
//! people type at login, and obeys `[a-z0-9._@-]{1,64}`, because it stands in URLs (RFC 3744 4).

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::conn::LONG;
use crate::value::{Columns, LIST, Value, list, values};
use crate::{ClinicId, CollectionId, Conn, Error, Fact, PrincipalId, Result, Secret, Tx};

/// The longest login name.
const NAME: usize = 64;

macro_rules! columns {
    () => {
        "clinic_id, id, name, kind, display_name, email, zone, password_hash, disabled_at, created_at, seq, home_seq, \
         role"
    };
}

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

/// What somebody is in the clinic: what they may do there stands in a table of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs the clinic, and says who else does.
    Owner,
    /// Runs the clinic.
    Admin,
    /// Books for everybody.
    Receptionist,
    /// Is booked.
    Practitioner,
    /// Books for themselves.
    Patient,
    /// A program that books for patients.
    Bot,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 6] =
        [Role::Owner, Role::Admin, Role::Receptionist, Role::Practitioner, Role::Patient, Role::Bot];

    /// As it stands in the table and on the command line.
    pub fn text(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Receptionist => "receptionist",
            Role::Practitioner => "practitioner",
            Role::Patient => "patient",
            Role::Bot => "bot",
        }
    }

    /// By its text.
    pub fn named(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.text() == text)
    }
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
    /// What it is in the clinic; None: has calendars, and no part in the clinic's work.
    pub role: Option<Role>,
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
    /// What it is in the clinic.
    pub role: Option<Role>,
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
    /// A new role, or none.
    pub role: Option<Option<Role>>,
}

impl PrincipalKind {
    /// As it stands in the table.
    pub(crate) fn text(self) -> &'static str {
        match self {
            PrincipalKind::Individual => "individual",
            PrincipalKind::Room => "room",
            PrincipalKind::Resource => "resource",
            PrincipalKind::Group => "group",
        }
    }

    fn read(text: &str) -> Result<PrincipalKind> {
        use PrincipalKind::{Group, Individual, Resource, Room};
        let all = [Individual, Room, Resource, Group];
        all.into_iter()
            .find(|kind| kind.text() == text)
            .ok_or_else(|| Error::broken("an unknown kind of principal"))
    }
}

/// The rule of login names: they stand in URLs, in logs and on paper.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._@-".contains(&byte);
    match (1..=NAME).contains(&name.len()) && name.bytes().all(plain) {
        true => Ok(()),
        false => Err(Error::Invalid("a name is 1 to 64 of the characters a-z 0-9 . _ @ -")),
    }
}

pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Principal> {
    Ok(Principal {
        clinic: ClinicId(columns.int()?),
        id: PrincipalId(columns.int()?),
        name: columns.text()?,
        kind: PrincipalKind::read(&columns.text()?)?,
        display_name: columns.text()?,
        email: columns.maybe_text()?,
        zone: columns.maybe_text()?,
        password_hash: columns.maybe_text()?.map(Secret),
        disabled_at: columns.maybe_int()?,
        created_at: columns.int()?,
        seq: columns.int()?,
        home_seq: columns.int()?,
        role: match columns.maybe_text()? {
            None => None,
            Some(text) => Some(Role::named(&text).ok_or_else(|| Error::broken("an unknown role"))?),
        },
    })
}

fn read_row(row: &AnyRow) -> Result<Principal> {
    read(&mut Columns::of(row))
}

impl Conn {
    /// By login name, in the whole installation.
    pub async fn principal_named(&mut self, name: &str) -> Result<Option<Principal>> {
        let sql = concat!("select ", columns!(), " from principals where name = $1");
        self.one(sql, values![name]).await?.as_ref().map(read_row).transpose()
    }

    /// Several by id, ordered by id; the missing are left out.
    pub async fn principals_by_id(
        &mut self,
        clinic: ClinicId,
        ids: &[PrincipalId],
    ) -> Result<Vec<Principal>> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(LIST) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let select = concat!("select ", columns!(), " from principals where clinic_id = $1 and id in (");
            let sql = format!("{select}{places}) order by id");
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?;
            found.extend(rows.iter().map(read_row).collect::<Result<Vec<_>>>()?);
        }
        found.sort_unstable_by_key(|principal| principal.id);
        Ok(found)
    }

    /// A page of them ordered by name; `after` is the last name of the page before ("" for the first).
    pub async fn principals(&mut self, clinic: ClinicId, after: &str, limit: u32) -> Result<Vec<Principal>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from principals where clinic_id = $1 and name > $2 order by name limit $3"
        );
        let rows = self.all(sql, values![clinic, after, limit]).await?;
        rows.iter().map(read_row).collect()
    }
}

impl Tx {
    /// Makes a principal. `Error::Unique(PrincipalName)`, `Error::Invalid`.
    pub async fn insert_principal(&mut self, new: NewPrincipal) -> Result<Principal> {
        self.room()?;
        check_name(&new.name)?;
        let id = PrincipalId(self.next_id().await?);
        let (clinic, seq, now) = (self.clinic(), self.seq(), self.now());
        let sql = "insert into principals (clinic_id, id, name, kind, display_name, email, zone, password_hash, \
            created_at, seq, home_seq, role) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)";
        let values = values![
            clinic,
            id,
            new.name.as_str(),
            new.kind.text(),
            new.display_name.as_str(),
            new.email.clone(),
            new.zone.clone(),
            new.password_hash.clone(),
            now,
            seq,
            new.role.map(|role| role.text().to_owned()),
        ];
        self.run(sql, values).await?;
        self.note(Fact::PrincipalChanged { principal: id }).await?;
        Ok(Principal {
            id,
            clinic,
            name: new.name,
            kind: new.kind,
            display_name: new.display_name,
            email: new.email,
            zone: new.zone,
            password_hash: new.password_hash,
            disabled_at: None,
            created_at: now,
            seq,
            home_seq: seq,
            role: new.role,
        })
    }

    /// Changes what is Some. False when there is no such principal.
    pub async fn update_principal(&mut self, id: PrincipalId, change: PrincipalChange) -> Result<bool> {
        self.room()?;
        change.name.as_deref().map_or(Ok(()), check_name)?;
        let sql = "update principals set seq = $3, name = coalesce($4, name), \
            display_name = coalesce($5, display_name), email = case when $6 = 1 then $7 else email end, \
            zone = case when $8 = 1 then $9 else zone end, \
            role = case when $10 = 1 then $11 else role end where clinic_id = $1 and id = $2";
        let values = values![
            self.clinic(),
            id,
            self.seq(),
            change.name,
            change.display_name,
            change.email.is_some(),
            change.email.flatten(),
            change.zone.is_some(),
            change.zone.flatten(),
            change.role.is_some(),
            change.role.flatten().map(|role| role.text().to_owned()),
        ];
        self.change_principal(id, sql, values).await
    }

    /// Sets or (None) takes away the password. False when there is no such principal.
    pub async fn set_password(&mut self, id: PrincipalId, hash: Option<Secret>) -> Result<bool> {
        let sql = "update principals set seq = $3, password_hash = $4 where clinic_id = $1 and id = $2";
        let values = values![self.clinic(), id, self.seq(), hash];
        self.change_principal(id, sql, values).await
    }

    /// Disables (Some: the moment, seconds UTC) or enables again. False when there is no such principal.
    pub async fn disable_principal(&mut self, id: PrincipalId, at: Option<i64>) -> Result<bool> {
        let sql = "update principals set seq = $3, disabled_at = $4 where clinic_id = $1 and id = $2";
        let values = values![self.clinic(), id, self.seq(), at];
        self.change_principal(id, sql, values).await
    }

    async fn change_principal(
        &mut self,
        id: PrincipalId,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<bool> {
        if self.run(sql, values).await? == 0 {
            return Ok(false);
        }
        self.note(Fact::PrincipalChanged { principal: id }).await?;
        Ok(true)
    }

    /// Erases a principal with its collections, objects, passwords, grants and properties. Its appointments stay: they
    /// are the history of its patients. False when there is none.
    pub async fn erase_principal(&mut self, id: PrincipalId) -> Result<bool> {
        self.wait(LONG);
        let clinic = self.clinic();
        let owned = "select id from collections where clinic_id = $1 and owner_id = $2 order by id";
        let owned = self.all(owned, values![clinic, id]).await?;
        for row in &owned {
            self.remove_collection(CollectionId(Columns::of(row).int()?)).await?;
        }
        for sql in ERASE {
            self.run(*sql, values![clinic, id]).await?;
        }
        let gone =
            self.run("delete from principals where clinic_id = $1 and id = $2", values![clinic, id]).await?;
        if gone > 0 {
            self.scrub = true;
            self.note(Fact::PrincipalErased { principal: id }).await?;
        }
        Ok(gone > 0)
    }
}

/// What hangs on a principal besides its collections.
const ERASE: &[&str] = &[
    "delete from tokens where clinic_id = $1 and principal_id = $2",
    "delete from profiles where clinic_id = $1 and principal_id = $2",
    "delete from resource_terms where clinic_id = $1 and principal_id = $2",
    "delete from service_overrides where clinic_id = $1 and principal_id = $2",
    "delete from requests where clinic_id = $1 and principal_id = $2",
    "delete from busy where clinic_id = $1 and resource_id = $2",
    "delete from resources where clinic_id = $1 and id = $2",
    "delete from app_passwords where clinic_id = $1 and principal_id = $2",
    "delete from availabilities where clinic_id = $1 and principal_id = $2",
    "delete from grants where clinic_id = $1 and principal_id = $2",
    "delete from collection_tombstones where clinic_id = $1 and owner_id = $2",
    "delete from dead_properties where clinic_id = $1 and owner_kind = 'principal' and owner_id = $2",
];
