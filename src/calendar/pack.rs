//! A calendar's whole index as one row: so that a start reads one blob and not ten thousand rows.
//!
//! Derived, and never trusted further than its sequence: what changed after it is read on top. A pack of
//! another version (of our format, of the digests, of the time zone data) is as good as none.

use std::borrow::Cow;
use std::sync::Arc;

use ical::Digest;
use serde::{Deserialize, Serialize};
use store::{ClinicId, CollectionId, Conn, Pack, Store};

use super::error::{Error, Result};
use super::object::{Entry, Etag};
use super::shelf::{Change, Shelf, Slot};
use super::turns::compute;

/// Changes whenever the structs below do.
const FORMAT: u32 = 1;

/// A pack is written once it lacks so many changes, or a sixteenth of the calendar, whichever is more: small
/// calendars are read row by row as fast.
const WORTH_WRITING: usize = 256;

/// Bytes of a pack that are taken apart on the async thread: some 100 µs.
const SMALL: usize = 16 << 10;

#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    #[serde(borrow)]
    slots: Vec<PackedSlot<'a>>,
    #[serde(borrow)]
    gone: Vec<(Cow<'a, str>, i64)>,
}

#[derive(Serialize, Deserialize)]
struct PackedSlot<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    etag: [u8; 32],
    size: u32,
    seq: i64,
    created: i64,
    modified: i64,
    digest: Cow<'a, Digest>,
}

/// What the derived data depend on: a pack or a digest made under another one is made again.
pub(super) fn version() -> String {
    format!("{FORMAT}.{}.{}", ical::DIGEST_VERSION, ical::tzdata_version())
}

pub(super) fn is_due(lacks: usize, all: usize) -> bool {
    lacks >= WORTH_WRITING.max(all / 16)
}

/// What the stored pack holds, and up to which sequence; `None` where there is none that can be used.
pub(super) async fn read(
    conn: &mut Conn,
    clinic: ClinicId,
    id: CollectionId,
) -> Result<Option<(Vec<Change>, i64)>> {
    match conn.pack(clinic, id).await? {
        Some(pack) if pack.body.len() > SMALL => compute(move || opened(&pack)).await,
        pack => Ok(pack.and_then(|pack| opened(&pack))),
    }
}

/// The same of several calendars, by one statement; those without one that can be used are left out.
pub(super) async fn read_many(
    conn: &mut Conn,
    clinic: ClinicId,
    ids: &[CollectionId],
) -> Result<Vec<(CollectionId, (Vec<Change>, i64))>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let packs = conn.packs(clinic, ids).await?;
    if packs.is_empty() {
        return Ok(Vec::new());
    }
    let all = move || packs.iter().filter_map(|(id, pack)| Some((*id, opened(pack)?))).collect();
    compute(all).await
}

fn opened(pack: &Pack) -> Option<(Vec<Change>, i64)> {
    if pack.version != version() {
        return None;
    }
    let packed: Packed = postcard::from_bytes(&pack.body).ok()?;
    let gone = packed.gone.into_iter().map(|(name, seq)| Change::Gone { name: name.into(), seq });
    Some((packed.slots.into_iter().map(unpack).chain(gone).collect(), pack.seq))
}

fn unpack(slot: PackedSlot) -> Change {
    let digest = slot.digest.into_owned();
    let entry = Entry {
        name: slot.name.into(),
        etag: Etag::from_bytes(slot.etag),
        size: slot.size,
        kind: digest.kind,
        seq: slot.seq,
        created: slot.created,
        modified: slot.modified,
    };
    Change::Put(Arc::new(Slot { entry, digest }))
}

/// Writes what the shelf holds, which is at least everything up to `seq`.
pub(super) async fn write(
    store: &Store,
    clinic: ClinicId,
    id: CollectionId,
    shelf: &Shelf,
    seq: i64,
) -> Result<()> {
    let (slots, gone) = shelf.since(-1);
    let packed = Packed {
        slots: slots.iter().map(|slot| pack_slot(slot)).collect(),
        gone: gone.iter().map(|(name, seq)| (Cow::Borrowed(&**name), *seq)).collect(),
    };
    let body = postcard::to_stdvec(&packed).map_err(|e| Error::Broken(Box::new(e)))?;
    let pack = Pack { seq, version: version(), body: body.into() };
    store
        .aside(move |aside| {
            Box::pin(async move {
                aside.put_pack(clinic, id, pack).await?;
                Ok(())
            })
        })
        .await
}

fn pack_slot(slot: &Slot) -> PackedSlot<'_> {
    PackedSlot {
        name: Cow::Borrowed(&slot.entry.name),
        etag: *slot.entry.etag.bytes(),
        size: slot.entry.size,
        seq: slot.entry.seq,
        created: slot.entry.created,
        modified: slot.entry.modified,
        digest: Cow::Borrowed(&slot.digest),
    }
}
