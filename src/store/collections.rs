//! Collections: calendars in the home of their owner (RFC 4791 4.2). An id is never used again, so a sync token of a
//! removed calendar can never be taken for one of its successor under the same slug.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::conn::LONG;
use crate::value::{Columns, LIST, Value, list, values};
use crate::{ClinicId, CollectionId, Conn, Error, Fact, PrincipalId, Privilege, Result, Tx};

/// The columns of a collection `c`.
macro_rules! columns {
    () => {
        "c.clinic_id, c.id, c.owner_id, c.slug, c.components, c.display_name, c.description, c.color, \
         c.sort_order, c.timezone, c.transparent, c.policy, c.created_at, c.seq, c.created_seq, c.changed_seq, c.pruned_seq"
    };
}

/// One collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its id.
    pub id: CollectionId,
    /// Its clinic.
    pub clinic: ClinicId,
    /// In whose home it stands.
    pub owner: PrincipalId,
    /// The last part of its URL, unique in the home.
    pub slug: String,
    /// `VEVENT,VTODO`: what it may hold, as the caller wrote it.
    pub components: String,
    /// DAV:displayname; None when never set.
    pub display_name: Option<String>,
    /// CALDAV:calendar-description.
    pub description: Option<String>,
    /// Apple's calendar-color.
    pub color: Option<String>,
    /// Apple's calendar-order.
    pub sort_order: Option<i64>,
    /// CALDAV:calendar-timezone: a VTIMEZONE in its VCALENDAR, byte for byte.
    pub timezone: Option<String>,
    /// CALDAV:schedule-calendar-transp: true takes it out of free/busy.
    pub transparent: bool,
    /// What a change onto a taken time does; None: nobody books here, and nothing is checked.
    pub policy: Option<Policy>,
    /// Seconds UTC.
    pub created_at: i64,
    /// The change that touched anything in it last, objects included: its sync token.
    pub seq: i64,
    /// The change that made it.
    pub created_seq: i64,
    /// The change that touched its own properties last.
    pub changed_seq: i64,
    /// Tokens below this number are refused: tombstones up to it were pruned.
    pub pruned_seq: i64,
}

/// What happens to a change of a bookable calendar that takes a time already taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It is stored, and the interval marked overbooked with who, by which door and why.
    Accept,
    /// It is refused.
    Refuse,
    /// What stood there is put back under a new ETag.
    PutBack,
}

impl Policy {
    fn text(self) -> &'static str {
        match self {
            Policy::Accept => "accept",
            Policy::Refuse => "refuse",
            Policy::PutBack => "put-back",
        }
    }

    pub(crate) fn read(text: &str) -> Result<Policy> {
        let all = [Policy::Accept, Policy::Refuse, Policy::PutBack];
        all.into_iter()
            .find(|policy| policy.text() == text)
            .ok_or_else(|| Error::broken("an unknown policy of a collection"))
    }

    fn column(policy: Option<Policy>) -> Option<String> {
        policy.map(|policy| policy.text().to_string())
    }
}

/// How somebody sees a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is their own.
    Owner,
    /// Somebody shared it with them.
    Granted(Privilege),
}

/// A collection in the eyes of one principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    /// The collection.
    pub collection: Collection,
    /// By what right.
    pub access: Access,
}

/// A collection to be made.
#[derive(Clone, Debug, Default)]
pub struct NewCollection {
    /// The last part of its URL, not empty, without `/`.
    pub slug: String,
    /// `VEVENT,VTODO`.
    pub components: String,
    /// DAV:displayname.
    pub display_name: Option<String>,
    /// CALDAV:calendar-description.
    pub description: Option<String>,
    /// Apple's calendar-color.
    pub color: Option<String>,
    /// Apple's calendar-order.
    pub sort_order: Option<i64>,
    /// CALDAV:calendar-timezone.
    pub timezone: Option<String>,
    /// CALDAV:schedule-calendar-transp.
    pub transparent: bool,
    /// What a change onto a taken time does.
    pub policy: Option<Policy>,
}

/// What to change of a collection; None leaves it, Some(None) takes it away.
#[derive(Clone, Debug, Default)]
pub struct CollectionChange {
    /// A new slug (rename inside the home).
    pub slug: Option<String>,
    /// What it may hold.
    pub components: Option<String>,
    /// DAV:displayname.
    pub display_name: Option<Option<String>>,
    /// CALDAV:calendar-description.
    pub description: Option<Option<String>>,
    /// Apple's calendar-color.
    pub color: Option<Option<String>>,
    /// Apple's calendar-order.
    pub sort_order: Option<Option<i64>>,
    /// CALDAV:calendar-timezone.
    pub timezone: Option<Option<String>>,
    /// CALDAV:schedule-calendar-transp.
    pub transparent: Option<bool>,
    /// What a change onto a taken time does.
    pub policy: Option<Option<Policy>>,
}

/// One line of a home's sync (RFC 6578 on the home collection).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HomeChange {
    /// Made or changed in its own properties; under this slug now.
    Changed {
        /// Where it stands.
        slug: String,
        /// Which one.
        collection: CollectionId,
        /// The change.
        seq: i64,
    },
    /// No longer there under this slug (removed or renamed).
    Gone {
        /// Where it stood.
        slug: String,
        /// The change.
        seq: i64,
    },
}

fn read(columns: &mut Columns<'_>) -> Result<Collection> {
    Ok(Collection {
        clinic: ClinicId(columns.int()?),
        id: CollectionId(columns.int()?),
        owner: PrincipalId(columns.int()?),
        slug: columns.text()?,
        components: columns.text()?,
        display_name: columns.maybe_text()?,
        description: columns.maybe_text()?,
        color: columns.maybe_text()?,
        sort_order: columns.maybe_int()?,
        timezone: columns.maybe_text()?,
        transparent: columns.truth()?,
        policy: columns.maybe_text()?.as_deref().map(Policy::read).transpose()?,
        created_at: columns.int()?,
        seq: columns.int()?,
        created_seq: columns.int()?,
        changed_seq: columns.int()?,
        pruned_seq: columns.int()?,
    })
}

fn read_row(row: &AnyRow) -> Result<Collection> {
    read(&mut Columns::of(row))
}

fn read_visible(row: &AnyRow) -> Result<Visible> {
    let mut columns = Columns::of(row);
    let collection = read(&mut columns)?;
    let access = match columns.maybe_text()? {
        None => Access::Owner,
        Some(privilege) => Access::Granted(Privilege::read(&privilege)?),
    };
    Ok(Visible { collection, access })
}

fn read_home(row: &AnyRow) -> Result<HomeChange> {
    let mut columns = Columns::of(row);
    let (slug, collection, seq, there) = (columns.text()?, columns.int()?, columns.int()?, columns.truth()?);
    Ok(match there {
        true => HomeChange::Changed { slug, collection: CollectionId(collection), seq },
        false => HomeChange::Gone { slug, seq },
    })
}

impl Conn {
    /// By owner and slug.
    pub async fn collection(
        &mut self,
        clinic: ClinicId,
        owner: PrincipalId,
        slug: &str,
    ) -> Result<Option<Collection>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from collections c where c.clinic_id = $1 and c.owner_id = $2 and c.slug = $3"
        );
        self.one(sql, values![clinic, owner, slug]).await?.as_ref().map(read_row).transpose()
    }

    /// Several by id, ordered by id; the missing are left out.
    pub async fn collections_by_id(
        &mut self,
        clinic: ClinicId,
        ids: &[CollectionId],
    ) -> Result<Vec<Collection>> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(LIST) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let select =
                concat!("select ", columns!(), " from collections c where c.clinic_id = $1 and c.id in (");
            let sql = format!("{select}{places}) order by c.id");
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?;
            found.extend(rows.iter().map(read_row).collect::<Result<Vec<_>>>()?);
        }
        found.sort_unstable_by_key(|collection| collection.id);
        Ok(found)
    }

    /// All of the clinic, ordered by id; `after` is the last id of the page before (0 for the first).
    pub async fn collections(
        &mut self,
        clinic: ClinicId,
        after: CollectionId,
        limit: u32,
    ) -> Result<Vec<Collection>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from collections c where c.clinic_id = $1 and c.id > $2 order by c.id limit $3"
        );
        let rows = self.all(sql, values![clinic, after, limit]).await?;
        rows.iter().map(read_row).collect()
    }

    /// Those of this slug in several homes, ordered by owner.
    pub async fn collections_called(
        &mut self,
        clinic: ClinicId,
        slug: &str,
        owners: &[PrincipalId],
    ) -> Result<Vec<Collection>> {
        let mut found = Vec::with_capacity(owners.len());
        for chunk in owners.chunks(LIST) {
            let (places, owners) = list(3, chunk.iter().map(|id| Value::from(*id)).collect());
            let select = concat!("select ", columns!(), " from collections c where c.clinic_id = $1");
            let sql = format!("{select} and c.slug = $2 and c.owner_id in ({places}) order by c.owner_id");
            let rows = self.all(AssertSqlSafe(sql), [values![clinic, slug], owners].concat()).await?;
            found.extend(rows.iter().map(read_row).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// All of one home, ordered by slug.
    pub async fn collections_of(&mut self, clinic: ClinicId, owner: PrincipalId) -> Result<Vec<Collection>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from collections c where c.clinic_id = $1 and c.owner_id = $2 order by c.slug"
        );
        let rows = self.all(sql, values![clinic, owner]).await?;
        rows.iter().map(read_row).collect()
    }

    /// Own and shared ones with the right by which they are seen, ordered by owner and slug; one query.
    pub async fn collections_visible_to(
        &mut self,
        clinic: ClinicId,
        who: PrincipalId,
    ) -> Result<Vec<Visible>> {
        let sql = concat!(
            "select ",
            columns!(),
            ", null as privilege from collections c where c.clinic_id = $1 and c.owner_id = $2 \
             union all select ",
            columns!(),
            ", g.privilege from grants g \
             join collections c on c.clinic_id = g.clinic_id and c.id = g.collection_id \
             where g.clinic_id = $1 and g.principal_id = $2 and c.owner_id <> $2 order by 3, 4"
        );
        let rows = self.all(sql, values![clinic, who]).await?;
        rows.iter().map(read_visible).collect()
    }

    /// What changed in a home after `seq`, ordered by seq. 0 lists everything that is there.
    pub async fn home_changes(
        &mut self,
        clinic: ClinicId,
        owner: PrincipalId,
        seq: i64,
    ) -> Result<Vec<HomeChange>> {
        let sql = "select slug, id, changed_seq as at_seq, 1 as there from collections \
            where clinic_id = $1 and owner_id = $2 and changed_seq > $3 \
            union all select slug, collection_id, seq, 0 from collection_tombstones \
            where clinic_id = $1 and owner_id = $2 and seq > $3 and $3 > 0 order by 3, 1";
        let rows = self.all(sql, values![clinic, owner, seq]).await?;
        rows.iter().map(read_home).collect()
    }

    async fn owner_and_slug(
        &mut self,
        clinic: ClinicId,
        id: CollectionId,
    ) -> Result<Option<(PrincipalId, String)>> {
        let sql = "select owner_id, slug from collections where clinic_id = $1 and id = $2";
        let Some(row) = self.one(sql, values![clinic, id]).await? else { return Ok(None) };
        let mut columns = Columns::of(&row);
        Ok(Some((PrincipalId(columns.int()?), columns.text()?)))
    }
}

/// A slug is one segment of a URL.
fn check_slug(slug: &str) -> Result<()> {
    match slug.is_empty() || slug.contains('/') || slug.len() > SLUG {
        true => {
            Err(Error::Invalid("the last part of a calendar's address is 1 to 255 bytes without a slash"))
        }
        false => Ok(()),
    }
}

/// The longest slug in bytes.
const SLUG: usize = 255;

impl Tx {
    /// Makes a collection. `Error::Unique(CollectionSlug)`, `Error::Gone` without the owner.
    pub async fn insert_collection(&mut self, owner: PrincipalId, new: NewCollection) -> Result<Collection> {
        self.room()?;
        check_slug(&new.slug)?;
        let id = CollectionId(self.next_id().await?);
        let (clinic, seq, now) = (self.clinic(), self.seq(), self.now());
        let sql = "insert into collections (clinic_id, id, owner_id, slug, components, display_name, description, \
            color, sort_order, timezone, transparent, policy, created_at, seq, created_seq, changed_seq, pruned_seq) \
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $14, 0)";
        let values = values![
            clinic,
            id,
            owner,
            new.slug.as_str(),
            new.components.as_str(),
            new.display_name.clone(),
            new.description.clone(),
            new.color.clone(),
            new.sort_order,
            new.timezone.clone(),
            new.transparent,
            Policy::column(new.policy),
            now,
            seq,
        ];
        self.run(sql, values).await?;
        self.back_in_home(owner, &new.slug).await?;
        self.bump_home(owner).await?;
        self.note(Fact::CollectionMade { collection: id, owner }).await?;
        Ok(Collection {
            id,
            clinic,
            owner,
            slug: new.slug,
            components: new.components,
            display_name: new.display_name,
            description: new.description,
            color: new.color,
            sort_order: new.sort_order,
            timezone: new.timezone,
            transparent: new.transparent,
            policy: new.policy,
            created_at: now,
            seq,
            created_seq: seq,
            changed_seq: seq,
            pruned_seq: 0,
        })
    }

    /// Changes what is Some. False when there is no such collection; `Error::Unique(CollectionSlug)`.
    pub async fn update_collection(&mut self, id: CollectionId, change: CollectionChange) -> Result<bool> {
        self.room()?;
        change.slug.as_deref().map_or(Ok(()), check_slug)?;
        let clinic = self.clinic();
        let Some((owner, slug)) = self.owner_and_slug(clinic, id).await? else { return Ok(false) };
        let renamed = change.slug.clone().filter(|new| *new != slug);
        let sql = "update collections set changed_seq = $3, seq = $3, slug = coalesce($4, slug), \
            components = coalesce($5, components), \
            display_name = case when $6 = 1 then $7 else display_name end, \
            description = case when $8 = 1 then $9 else description end, \
            color = case when $10 = 1 then $11 else color end, \
            sort_order = case when $12 = 1 then $13 else sort_order end, \
            timezone = case when $14 = 1 then $15 else timezone end, \
            transparent = coalesce($16, transparent), \
            policy = case when $17 = 1 then $18 else policy end where clinic_id = $1 and id = $2";
        let values = values![
            clinic,
            id,
            self.seq(),
            change.slug,
            change.components,
            change.display_name.is_some(),
            change.display_name.flatten(),
            change.description.is_some(),
            change.description.flatten(),
            change.color.is_some(),
            change.color.flatten(),
            change.sort_order.is_some(),
            change.sort_order.flatten(),
            change.timezone.is_some(),
            change.timezone.flatten(),
            change.transparent.map(i64::from),
            change.policy.is_some(),
            Policy::column(change.policy.flatten()),
        ];
        self.run(sql, values).await?;
        if let Some(new) = renamed {
            self.gone_from_home(owner, &slug, id).await?;
            self.back_in_home(owner, &new).await?;
        }
        self.bump_homes(owner, id).await?;
        self.note(Fact::CollectionChanged { collection: id, owner }).await?;
        Ok(true)
    }

    /// Removes it with its objects, tombstones, grants, feeds, properties and pack; leaves a tombstone in the home.
    /// False when there is no such collection.
    pub async fn remove_collection(&mut self, id: CollectionId) -> Result<bool> {
        self.wait(LONG);
        let clinic = self.clinic();
        let Some((owner, slug)) = self.owner_and_slug(clinic, id).await? else { return Ok(false) };
        self.bump_homes(owner, id).await?;
        for sql in REMOVE {
            self.run(*sql, values![clinic, id]).await?;
        }
        self.gone_from_home(owner, &slug, id).await?;
        self.note(Fact::CollectionGone { collection: id, owner }).await?;
        Ok(true)
    }

    /// The owner's home changed, and that of everybody it is shared with.
    async fn bump_homes(&mut self, owner: PrincipalId, id: CollectionId) -> Result<()> {
        let sql = "update principals set home_seq = $4 where clinic_id = $1 and id in \
            (select $2 union all select principal_id from grants where clinic_id = $1 and collection_id = $3)";
        let values = values![self.clinic(), owner, id, self.seq()];
        self.run(sql, values).await.map(|_| ())
    }

    async fn gone_from_home(&mut self, owner: PrincipalId, slug: &str, id: CollectionId) -> Result<()> {
        let sql = "insert into collection_tombstones (clinic_id, owner_id, slug, collection_id, seq) \
            values ($1, $2, $3, $4, $5) on conflict (clinic_id, owner_id, slug) \
            do update set collection_id = excluded.collection_id, seq = excluded.seq";
        let values = values![self.clinic(), owner, slug, id, self.seq()];
        self.run(sql, values).await.map(|_| ())
    }

    async fn back_in_home(&mut self, owner: PrincipalId, slug: &str) -> Result<()> {
        let sql = "delete from collection_tombstones where clinic_id = $1 and owner_id = $2 and slug = $3";
        let values = values![self.clinic(), owner, slug];
        self.run(sql, values).await.map(|_| ())
    }
}

/// What hangs on a collection, then the collection itself.
const REMOVE: &[&str] = &[
    "delete from busy where clinic_id = $1 and collection_id = $2",
    "delete from objects where clinic_id = $1 and collection_id = $2",
    "delete from tombstones where clinic_id = $1 and collection_id = $2",
    "delete from grants where clinic_id = $1 and collection_id = $2",
    "delete from feeds where clinic_id = $1 and collection_id = $2",
    "delete from packs where clinic_id = $1 and collection_id = $2",
    "delete from dead_properties where clinic_id = $1 and owner_kind in ('collection', 'object') and owner_id = $2",
    "delete from collections where clinic_id = $1 and id = $2",
];
