//! Objects: the text that a client sent, byte for byte, under the SHA-256 of those bytes. Bounds and digest are derived
//! and may be rebuilt. The one invariant: a text whose hash no longer matches is never handed out (trust.md R5).

use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{Aside, ClinicId, CollectionId, Conn, Error, Result, Tx};

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

impl Conn {
    /// A page of a collection without texts, ordered by name; `after` is the last name before ("" for the first).
    pub async fn objects(
        &mut self,
        _clinic: ClinicId,
        _in: CollectionId,
        _after: &str,
        _limit: u32,
    ) -> Result<Vec<ObjectMeta>> {
        Err(Error::broken("not built"))
    }

    /// What was written in a collection after `seq`, without texts, ordered by seq and name.
    pub async fn objects_since(
        &mut self,
        _clinic: ClinicId,
        _in: CollectionId,
        _seq: i64,
        _limit: u32,
    ) -> Result<Vec<ObjectMeta>> {
        Err(Error::broken("not built"))
    }

    /// Several with their texts, ordered by name; the missing are left out. At most 1,000 names a call are sensible.
    pub async fn objects_named(
        &mut self,
        _clinic: ClinicId,
        _in: CollectionId,
        _names: &[String],
    ) -> Result<Vec<Object>> {
        Err(Error::broken("not built"))
    }

    /// One without its text.
    pub async fn object_meta(
        &mut self,
        _clinic: ClinicId,
        _in: CollectionId,
        _name: &str,
    ) -> Result<Option<ObjectMeta>> {
        Err(Error::broken("not built"))
    }

    /// One with its text.
    pub async fn object(
        &mut self,
        _clinic: ClinicId,
        _in: CollectionId,
        _name: &str,
    ) -> Result<Option<Object>> {
        Err(Error::broken("not built"))
    }

    /// Names by UID in one collection: (uid, name), ordered by uid.
    pub async fn names_of_uids(
        &mut self,
        _clinic: ClinicId,
        _in: CollectionId,
        _uids: &[String],
    ) -> Result<Vec<(String, String)>> {
        Err(Error::broken("not built"))
    }

    /// A page of one collection with texts, ordered by name (export, reindex).
    pub async fn texts(
        &mut self,
        _clinic: ClinicId,
        _in: CollectionId,
        _after: &str,
        _limit: u32,
    ) -> Result<Vec<Object>> {
        Err(Error::broken("not built"))
    }

    /// A page of the whole clinic with texts, ordered by (collection, name) (check).
    pub async fn texts_of_clinic(
        &mut self,
        _clinic: ClinicId,
        _after: (CollectionId, &str),
        _limit: u32,
    ) -> Result<Vec<Object>> {
        Err(Error::broken("not built"))
    }

    /// Number and total bytes of a collection's objects (quotas).
    pub async fn objects_total(&mut self, _clinic: ClinicId, _in: CollectionId) -> Result<(i64, i64)> {
        Err(Error::broken("not built"))
    }
}

impl Tx {
    /// Writes an object (new or over the old of this name), takes its tombstone away, bumps the collection, journals
    /// `ObjectPut`: one round trip. `Error::Unique(ObjectUid)`; `Error::Gone` when the collection is gone.
    pub async fn save_object(&mut self, _new: NewObject) -> Result<()> {
        Err(Error::broken("not built"))
    }

    /// Removes an object, leaves a tombstone, bumps the collection, journals `ObjectGone`: one round trip.
    /// False when there is no such object. Works on a full disk.
    pub async fn remove_object(&mut self, _in: CollectionId, _name: &str) -> Result<bool> {
        Err(Error::broken("not built"))
    }
}

impl Aside {
    /// Rewrites derived parts; rows whose text has changed meanwhile are left alone. Returns how many were written.
    pub async fn update_digests(
        &mut self,
        _clinic: ClinicId,
        _in: CollectionId,
        _batch: &[NewDigest],
    ) -> Result<u64> {
        Err(Error::broken("not built"))
    }
}
