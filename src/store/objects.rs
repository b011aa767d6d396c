//! Objects: the text that a client sent, byte for byte, under the SHA-256 of those bytes. Bounds and digest are derived
//! and may be rebuilt. The one invariant: a text whose hash no longer matches is never handed out (trust.md R5).

use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::journal::FACTS;
use crate::statements::{Keyed, Listing, Statements};
use crate::value::{Columns, LIST, Value, list, values, wanted};
use crate::{Aside, ClinicId, CollectionId, Conn, Error, Fact, PrincipalId, Result, Tx};

macro_rules! columns {
    () => {
        "name, uid, etag, size, kind, first, last, digest, seq, created_at, modified_at"
    };
}

/// SHA-256 of an object's text: its strong ETag.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Etag(pub [u8; 32]);

impl Etag {
    /// The ETag of a text.
    pub fn of(text: &[u8]) -> Etag {
        Etag(Sha256::digest(text).into())
    }
}

impl fmt::Display for Etag {
    /// 64 hexadecimal digits, without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Texts in one value: bounds what one answer of the database takes.
const TOGETHER: usize = 250;

/// Everything about an object but its text.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The last part of its URL.
    pub name: String,
    /// Its UID, unique in the collection.
    pub uid: String,
    /// SHA-256 of the text.
    pub etag: Etag,
    /// Bytes of the text.
    pub size: i64,
    /// The caller's number for VEVENT, VTODO, ...
    pub kind: i64,
    /// Start of its time bounds, seconds UTC (derived).
    pub first: i64,
    /// End of its time bounds, seconds UTC; the caller's infinity when endless (derived).
    pub last: i64,
    /// The caller's digest (derived).
    pub digest: Bytes,
    /// The change that wrote it.
    pub seq: i64,
    /// Seconds UTC.
    pub created_at: i64,
    /// Seconds UTC.
    pub modified_at: i64,
}

impl fmt::Debug for ObjectMeta {
    /// Neither name, UID nor digest: they may tell about a patient.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectMeta(seq {}, etag {}, {} bytes)", self.seq, self.etag, self.size)
    }
}

/// An object with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// In which collection.
    pub collection: CollectionId,
    /// Everything else about it.
    pub meta: ObjectMeta,
    /// The bytes as sent; None when they no longer match the ETag (damage on disk): never served, named by `check`.
    pub text: Option<Text>,
}

/// The bytes of an object; Debug shows only how many.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(pub Bytes);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// An object to be written.
#[derive(Clone)]
pub struct NewObject {
    /// Where to.
    pub collection: CollectionId,
    /// The last part of its URL.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// `Etag::of(&text)`; not computed again.
    pub etag: Etag,
    /// The caller's number for VEVENT, VTODO, ...
    pub kind: i64,
    /// Start of its time bounds.
    pub first: i64,
    /// End of its time bounds.
    pub last: i64,
    /// The caller's digest.
    pub digest: Bytes,
    /// The bytes as sent.
    pub text: Bytes,
}

/// A derived part to be rewritten (reindex).
#[derive(Clone)]
pub struct NewDigest {
    /// Which object.
    pub name: String,
    /// Only when the text is still this one.
    pub etag: Etag,
    /// The caller's number for VEVENT, VTODO, ...
    pub kind: i64,
    /// Start of its time bounds.
    pub first: i64,
    /// End of its time bounds.
    pub last: i64,
    /// The caller's digest.
    pub digest: Bytes,
}

fn read_columns(columns: &mut Columns<'_>) -> Result<ObjectMeta> {
    Ok(ObjectMeta {
        name: columns.text()?,
        uid: columns.text()?,
        etag: columns.etag()?,
        size: columns.int()?,
        kind: columns.int()?,
        first: columns.int()?,
        last: columns.int()?,
        digest: columns.blob()?,
        seq: columns.int()?,
        created_at: columns.int()?,
        modified_at: columns.int()?,
    })
}

fn read_meta(row: &AnyRow) -> Result<ObjectMeta> {
    read_columns(&mut Columns::of(row))
}

/// The columns of a meta, then collection and text.
fn read(row: &AnyRow) -> Result<Object> {
    let mut columns = Columns::of(row);
    let meta = read_columns(&mut columns)?;
    let collection = CollectionId(columns.int()?);
    let text = columns.blob()?;
    let text = (Etag::of(&text) == meta.etag).then_some(Text(text));
    if text.is_none() {
        tracing::error!(
            collection.id = collection.0,
            seq = meta.seq,
            "a stored object is damaged: `kalends check` names it"
        );
    }
    Ok(Object { collection, meta, text })
}

impl Conn {
    /// A page of a collection without texts, ordered by name; `after` is the last name before ("" for the first).
    pub async fn objects(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ObjectMeta>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from objects where clinic_id = $1 and collection_id = $2 and name > $3 order by name limit $4"
        );
        let rows = self.all(sql, values![clinic, of, after, limit]).await?;
        rows.iter().map(read_meta).collect()
    }

    /// What was written in a collection after `seq`, without texts, ordered by seq and name. A full page may cut a
    /// change that wrote several objects: ask for one more than is needed, or go on with what is left of it.
    pub async fn objects_since(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<ObjectMeta>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from objects where clinic_id = $1 and collection_id = $2 and seq > $3 order by seq, name limit $4"
        );
        let rows = self.all(sql, values![clinic, of, seq, limit]).await?;
        rows.iter().map(read_meta).collect()
    }

    /// The same of several collections, each after its own change: ordered by collection and change.
    pub async fn objects_of_many_since(
        &mut self,
        clinic: ClinicId,
        of: &[(CollectionId, i64)],
        limit: u32,
    ) -> Result<Vec<(CollectionId, ObjectMeta)>> {
        let (wanted, places) = wanted(3, of);
        let sql = format!(
            concat!(
                "with wanted (id, since) as (values {}) select ",
                columns!(),
                ", collection_id from wanted join objects on clinic_id = $1 and collection_id = id and seq > since \
                 order by collection_id, seq, name limit $2"
            ),
            places
        );
        let rows = self.all(AssertSqlSafe(sql), [values![clinic, limit], wanted].concat()).await?;
        let read = |row| {
            let mut columns = Columns::of(row);
            let meta = read_columns(&mut columns)?;
            Ok((CollectionId(columns.int()?), meta))
        };
        rows.iter().map(read).collect()
    }

    /// Several with their texts, ordered by name; the missing are left out. At most 1,000 names a call are sensible.
    pub async fn objects_named(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        names: &[String],
    ) -> Result<Vec<Object>> {
        let mut found = Vec::with_capacity(names.len());
        for chunk in names.chunks(LIST) {
            let (places, names) = list(3, chunk.iter().map(|name| Value::from(name.as_str())).collect());
            let select = concat!("select ", columns!(), ", collection_id, text from objects");
            let sql = format!(
                "{select} where clinic_id = $1 and collection_id = $2 and name in ({places}) order by name"
            );
            let rows = self.all(AssertSqlSafe(sql), [values![clinic, of], names].concat()).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        found.sort_unstable_by(|a, b| a.meta.name.cmp(&b.meta.name));
        found.dedup_by(|a, b| a.meta.name == b.meta.name);
        Ok(found)
    }

    /// Texts alone, by name, for readers who know the rest. In no order; the missing and the damaged are left out (the
    /// damaged are logged). All of a chunk travel as one value: taking rows apart costs four times what finding them does.
    pub async fn texts_named(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        names: &[String],
    ) -> Result<Vec<(String, Etag, Bytes)>> {
        let mut found = Vec::with_capacity(names.len());
        for chunk in names.chunks(TOGETHER) {
            let (places, names) = list(3, chunk.iter().map(|name| Value::from(name.as_str())).collect());
            let sql = format!(
                "select {} from objects where clinic_id = $1 and collection_id = $2 and name in ({places})",
                self.database().texts_as_one()
            );
            let row = self.one(AssertSqlSafe(sql), [values![clinic, of], names].concat()).await?;
            let all =
                row.map(|row| Columns::of(&row).maybe_blob()).transpose()?.flatten().unwrap_or_default();
            let mut rest = &all[..];
            while !rest.is_empty() {
                let (name, etag, text) = take_text(&mut rest).ok_or(Error::broken("texts came back cut"))?;
                if Etag::of(text) == etag {
                    found.push((name, etag, Bytes::copy_from_slice(text)));
                } else {
                    tracing::error!(collection.id = of.0, %etag, "a stored object is damaged: `kalends check` names it");
                }
            }
        }
        Ok(found)
    }

    /// One without its text.
    pub async fn object_meta(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        name: &str,
    ) -> Result<Option<ObjectMeta>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from objects where clinic_id = $1 and collection_id = $2 and name = $3"
        );
        self.one(sql, values![clinic, of, name]).await?.as_ref().map(read_meta).transpose()
    }

    /// One with its text.
    pub async fn object(&mut self, clinic: ClinicId, of: CollectionId, name: &str) -> Result<Option<Object>> {
        let sql = concat!(
            "select ",
            columns!(),
            ", collection_id, text from objects where clinic_id = $1 and collection_id = $2 and name = $3"
        );
        self.one(sql, values![clinic, of, name]).await?.as_ref().map(read).transpose()
    }

    /// Names by UID in one collection: (uid, name), ordered by uid.
    pub async fn names_of_uids(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        uids: &[String],
    ) -> Result<Vec<(String, String)>> {
        let mut found = Vec::with_capacity(uids.len());
        for chunk in uids.chunks(LIST) {
            let (places, uids) = list(3, chunk.iter().map(|uid| Value::from(uid.as_str())).collect());
            let sql = format!(
                "select uid, name from objects where clinic_id = $1 and collection_id = $2 and uid in ({places}) order by uid"
            );
            for row in self.all(AssertSqlSafe(sql), [values![clinic, of], uids].concat()).await? {
                let mut columns = Columns::of(&row);
                found.push((columns.text()?, columns.text()?));
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// A page of one collection with texts, ordered by name (export, reindex).
    pub async fn texts(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Object>> {
        let sql = concat!(
            "select ",
            columns!(),
            ", collection_id, text from objects \
             where clinic_id = $1 and collection_id = $2 and name > $3 order by name limit $4"
        );
        let rows = self.all(sql, values![clinic, of, after, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// A page of the whole clinic with texts, ordered by (collection, name) (check).
    pub async fn texts_of_clinic(
        &mut self,
        clinic: ClinicId,
        after: (CollectionId, &str),
        limit: u32,
    ) -> Result<Vec<Object>> {
        let sql = concat!(
            "select ",
            columns!(),
            ", collection_id, text from objects \
             where clinic_id = $1 and (collection_id, name) > ($2, $3) order by collection_id, name limit $4"
        );
        let rows = self.all(sql, values![clinic, after.0, after.1, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// What stands in several collections between two instants, by its time bounds, with texts, ordered by
    /// (collection, name).
    pub async fn texts_between(
        &mut self,
        clinic: ClinicId,
        of: &[CollectionId],
        (from, until): (i64, i64),
    ) -> Result<Vec<Object>> {
        let mut found = Vec::new();
        for chunk in of.chunks(LIST) {
            let (places, ids) = list(4, chunk.iter().map(|id| Value::from(*id)).collect());
            let select = concat!("select ", columns!(), ", collection_id, text from objects");
            let sql = format!(
                "{select} where clinic_id = $1 and last >= $2 and first < $3 and collection_id in ({places}) \
                 order by collection_id, name"
            );
            let rows = self.all(AssertSqlSafe(sql), [values![clinic, from, until], ids].concat()).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// What in the bookable calendars of one owner goes on after `instant`, with texts, ordered by (collection, name).
    pub async fn objects_beyond(
        &mut self,
        clinic: ClinicId,
        owner: PrincipalId,
        instant: i64,
        limit: u32,
    ) -> Result<Vec<Object>> {
        let sql = concat!(
            "select ",
            columns!(),
            ", collection_id, text from objects where clinic_id = $1 and last > $3 and collection_id in \
             (select id from collections where clinic_id = $1 and owner_id = $2 and policy is not null) \
             order by collection_id, name limit $4"
        );
        let rows = self.all(sql, values![clinic, owner, instant, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// What in these collections may lie in the span, by its bounds, with texts, ordered by (collection, name).
    pub async fn objects_between(
        &mut self,
        clinic: ClinicId,
        of: &[CollectionId],
        (from, until): (i64, i64),
        limit: u32,
    ) -> Result<Vec<Object>> {
        let select =
            concat!("select ", columns!(), ", collection_id, text from objects where clinic_id = $1");
        let mut found = Vec::new();
        for chunk in of.chunks(LIST) {
            let (places, ids) = list(5, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!(
                "{select} and first < $3 and last > $2 and collection_id in ({places}) \
                 order by collection_id, name limit $4"
            );
            let rows =
                self.all(AssertSqlSafe(sql), [values![clinic, from, until, limit], ids].concat()).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// Objects by UID in these collections, with texts, ordered by (collection, name).
    pub async fn objects_of_uids(
        &mut self,
        clinic: ClinicId,
        of: &[CollectionId],
        uids: &[String],
    ) -> Result<Vec<Object>> {
        let select =
            concat!("select ", columns!(), ", collection_id, text from objects where clinic_id = $1");
        let mut found = Vec::new();
        if of.is_empty() {
            return Ok(found);
        }
        for chunk in uids.chunks(LIST) {
            let (places, uids) = list(2, chunk.iter().map(|uid| Value::from(uid.as_str())).collect());
            let (ids, bound) = list(2 + uids.len(), of.iter().map(|id| Value::from(*id)).collect());
            let sql = format!(
                "{select} and uid in ({places}) and collection_id in ({ids}) order by collection_id, name"
            );
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], uids, bound].concat()).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// Number and total bytes of a collection's objects (quotas).
    pub async fn objects_total(&mut self, clinic: ClinicId, of: CollectionId) -> Result<(i64, i64)> {
        // PostgreSQL sums bigints to a numeric, which `Any` does not know.
        let sql = "select count(*), cast(coalesce(sum(size), 0) as bigint) from objects \
            where clinic_id = $1 and collection_id = $2";
        let row = self.one(sql, values![clinic, of]).await?;
        let Some(row) = row else { return Ok((0, 0)) };
        let mut columns = Columns::of(&row);
        Ok((columns.int()?, columns.int()?))
    }
}

/// Objects, new ones or over those of their names.
const OBJECTS: Listing = Listing {
    before: "insert into objects (clinic_id, collection_id, name, uid, etag, size, kind, first, last, digest, seq, \
        created_at, modified_at, text)",
    after: " on conflict (clinic_id, collection_id, name) do update set uid = excluded.uid, etag = excluded.etag, \
        size = excluded.size, kind = excluded.kind, first = excluded.first, last = excluded.last, \
        digest = excluded.digest, seq = excluded.seq, modified_at = excluded.modified_at, text = excluded.text",
};

/// Their tombstones.
const STONES: Keyed = Keyed { table: "tombstones", key: &["clinic_id", "collection_id", "name"] };

/// Collections that changed: clinic, id, number of the change. The last one counts where several stand together.
const CHANGED: Listing = Listing {
    before: "update collections set seq = v.seq \
        from (select w.column1 as clinic, w.column2 as id, max(w.column3) as seq from (",
    after: ") as w group by w.column1, w.column2) as v where collections.clinic_id = v.clinic and collections.id = v.id",
};

impl Tx {
    /// Writes an object (new or over the old of this name), takes its tombstone away, bumps the collection, journals
    /// `ObjectPut`: one round trip. `Error::Unique(ObjectUid)`; `Error::Gone` when the collection is gone.
    pub async fn save_object(&mut self, new: NewObject) -> Result<()> {
        self.room()?;
        let size = i64::try_from(new.text.len()).unwrap_or(i64::MAX);
        let (clinic, seq, now) = (self.clinic(), self.seq(), self.now());
        let stone = values![clinic, new.collection, new.name.as_str()];
        let changed = values![clinic, new.collection, seq];
        let n = self.next_plain(Some(new.collection));
        let fact = Fact::ObjectPut { collection: new.collection, name: new.name.clone(), etag: new.etag };
        let fact = self.row(fact, n);
        let row = values![
            clinic,
            new.collection,
            new.name,
            new.uid,
            new.etag,
            size,
            new.kind,
            new.first,
            new.last,
            &new.digest,
            seq,
            now,
            now,
            &new.text,
        ];
        let all = Statements::default().rows(&OBJECTS, vec![row]).keys(&STONES, vec![stone]);
        self.put(all.rows(&CHANGED, vec![changed]).rows(&FACTS, vec![fact])).await
    }

    /// Removes an object, leaves a tombstone, bumps the collection, journals `ObjectGone`: one round trip.
    /// False when there is no such object. Works on a full disk.
    pub async fn remove_object(&mut self, of: CollectionId, name: &str) -> Result<bool> {
        let n = self.next_plain(Some(of));
        let (seq, now) = (self.seq(), self.now());
        let values = values![self.clinic(), of, name, seq, now, n, self.origin.text(), self.caller];
        let sql = self.database().remove_object();
        Ok(self.one(sql, values).await?.is_some())
    }
}

impl Aside {
    /// Rewrites derived parts; rows whose text has changed meanwhile are left alone. Returns how many were written.
    pub async fn update_digests(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        batch: &[NewDigest],
    ) -> Result<u64> {
        self.room()?;
        let mut written = 0;
        for chunk in batch.chunks(DIGESTS) {
            let rows: Vec<String> = (0..chunk.len()).map(|row| places(3 + row * 6)).collect();
            let sql = format!(
                "update objects set kind = v.column3, first = v.column4, last = v.column5, digest = v.column6 \
                 from (values {}) as v where objects.clinic_id = $1 and objects.collection_id = $2 \
                 and objects.name = v.column1 and objects.etag = v.column2",
                rows.join(", ")
            );
            let mut values = values![clinic, of];
            for new in chunk {
                let name = new.name.as_str();
                values.extend(values![name, new.etag, new.kind, new.first, new.last, &new.digest]);
            }
            written += self.run(AssertSqlSafe(sql), values).await?;
        }
        Ok(written)
    }
}

/// Derived parts written by one statement.
const DIGESTS: usize = 200;

/// `($n, $n+1, ... )`: six places.
fn places(from: usize) -> String {
    let places: Vec<String> = (from..from + 6).map(|n| format!("${n}")).collect();
    format!("({})", places.join(", "))
}

/// One of those that [`Database::texts_as_one`] joins: `LENGTH LENGTH ` of name and text, then name, ETag and text.
fn take_text<'a>(rest: &mut &'a [u8]) -> Option<(String, Etag, &'a [u8])> {
    let mut length = || {
        let at = rest.iter().position(|byte| *byte == b' ')?;
        let number = std::str::from_utf8(&rest[..at]).ok()?.parse::<usize>().ok()?;
        *rest = &rest[at + 1..];
        Some(number)
    };
    let (name, text) = (length()?, length()?);
    let mut part = |length| rest.split_off(..length);
    let name = String::from_utf8(part(name)?.to_vec()).ok()?;
    let etag = Etag(part(32)?.try_into().ok()?);
    Some((name, etag, part(text)?))
}
