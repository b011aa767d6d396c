//! From the store to a shelf: what changed in a calendar after a sequence, from its pack where it starts at nothing.

use std::sync::Arc;

use ical::Digest;
use store::{ClinicId, CollectionId, ObjectMeta, Store};

use super::error::Result;
use super::object::{Entry, Etag};
use super::pack;
use super::shelf::{Change, Slot};

/// Everything after `from`. May hold more than that, never less; a shelf takes it in any order.
pub(super) async fn changes(store: &Store, clinic: ClinicId, id: CollectionId, from: i64) -> Result<Vec<Change>> {
    let mut conn = store.read().await?;
    let (mut changes, from) = match from {
        0 => pack::read(&mut conn, clinic, id).await?.unwrap_or_default(),
        from => (Vec::new(), from),
    };
    for meta in conn.objects_since(clinic, id, from).await? {
        changes.push(Change::Put(Arc::new(slot(meta))));
    }
    for tombstone in conn.tombstones_since(clinic, id, from).await? {
        changes.push(Change::Gone { name: tombstone.name.into(), seq: tombstone.seq });
    }
    Ok(changes)
}

/// A row as a slot. A digest that cannot be read belongs to another version of the program or is damaged: the
/// object stays listed, and `reindex` makes its digest anew.
fn slot(meta: ObjectMeta) -> Slot {
    let digest = Digest::decode(&meta.digest).unwrap_or_else(|| {
        tracing::warn!(collection.id = %meta.collection, name.hash = %short(&meta.etag), "an object has no readable digest: run `kalends reindex`");
        unread(&meta)
    });
    let kind = digest.kind;
    let entry = Entry {
        name: meta.name.into(),
        etag: Etag::from_bytes(meta.etag),
        size: u32::try_from(meta.size).unwrap_or(u32::MAX),
        kind,
        seq: meta.seq,
        created: meta.created_at,
        modified: meta.modified_at,
    };
    Slot { entry, digest }
}
