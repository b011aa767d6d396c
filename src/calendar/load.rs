//! From the store to a shelf: what changed in a calendar after a sequence, from its pack where it starts at nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use ical::{Digest, Kind, Limits};
use store::{ClinicId, CollectionId, Conn, Object, ObjectMeta, Store, Tombstones};

use super::error::Result;
use super::object::{Entry, Etag};
use super::pack;
use super::shelf::{Change, Slot};

/// Rows a statement: bounds what a single answer of the database takes.
const PAGE: u32 = 10_000;

/// Everything after `from`. May hold more than that, never less; a shelf takes it in any order.
pub(super) async fn changes(
    store: &Store,
    clinic: ClinicId,
    id: CollectionId,
    from: i64,
) -> Result<Vec<Change>> {
    let mut conn = store.read(clinic).await?;
    let (mut changes, from) = match from {
        0 => pack::read(&mut conn, clinic, id).await?.unwrap_or_default(),
        from => (Vec::new(), from),
    };
    removed(&mut conn, clinic, id, from, &mut changes).await?;
    let mut unread = Vec::new();
    let mut after = from;
    loop {
        let page = conn.objects_since(clinic, id, after, PAGE).await?;
        let full = page.len() == PAGE as usize;
        after = page.last().map_or(after, |meta| meta.seq - 1);
        for meta in page {
            match Digest::decode(&meta.digest) {
                Some(digest) => changes.push(Change::Put(Arc::new(slot(meta, digest)))),
                None => unread.push(meta.name),
            }
        }
        if !full {
            break;
        }
    }
    derive_again(&mut conn, clinic, id, unread, &mut changes).await?;
    Ok(changes)
}

/// The same for several calendars, each after its own sequence: what is missing of all comes by the same statements.
pub(super) async fn changes_of_many(
    store: &Store,
    clinic: ClinicId,
    of: &[(CollectionId, i64)],
) -> Result<HashMap<CollectionId, Vec<Change>>> {
    let mut conn = store.read(clinic).await?;
    let mut changes: HashMap<CollectionId, Vec<Change>> = HashMap::new();
    let mut wanted: BTreeMap<CollectionId, i64> = of.iter().copied().collect();
    let new: Vec<_> = of.iter().filter(|(_, from)| *from == 0).map(|(id, _)| *id).collect();
    for (id, (packed, seq)) in pack::read_many(&mut conn, clinic, &new).await? {
        changes.entry(id).or_default().extend(packed);
        wanted.insert(id, seq);
    }
    let mut left: Vec<_> = wanted.iter().map(|(id, from)| (*id, *from)).collect();
    while !left.is_empty() {
        let page = conn.tombstones_of_many_since(clinic, &left, PAGE).await?;
        let last = page.last().map(|(id, gone)| (*id, gone.seq));
        left = rest(left, page.len(), last);
        for (id, gone) in page {
            changes.entry(id).or_default().push(Change::Gone { name: gone.name.into(), seq: gone.seq });
        }
    }
    let mut unread: BTreeMap<CollectionId, Vec<String>> = BTreeMap::new();
    let mut left: Vec<_> = wanted.into_iter().collect();
    while !left.is_empty() {
        let page = conn.objects_of_many_since(clinic, &left, PAGE).await?;
        let last = page.last().map(|(id, meta)| (*id, meta.seq));
        left = rest(left, page.len(), last);
        for (id, meta) in page {
            match Digest::decode(&meta.digest) {
                Some(digest) => {
                    changes.entry(id).or_default().push(Change::Put(Arc::new(slot(meta, digest))))
                }
                None => unread.entry(id).or_default().push(meta.name),
            }
        }
    }
    for (id, names) in unread {
        derive_again(&mut conn, clinic, id, names, changes.entry(id).or_default()).await?;
    }
    Ok(changes)
}

/// What is still to be read after a page of so many rows that ended here; nothing after one that was not full.
fn rest(
    mut left: Vec<(CollectionId, i64)>,
    rows: usize,
    last: Option<(CollectionId, i64)>,
) -> Vec<(CollectionId, i64)> {
    let Some((id, seq)) = last.filter(|_| rows == PAGE as usize) else { return Vec::new() };
    left.retain(|(one, _)| *one >= id);
    left.iter_mut().filter(|(one, _)| *one == id).for_each(|(_, from)| *from = seq - 1);
    left
}

async fn removed(
    conn: &mut Conn,
    clinic: ClinicId,
    id: CollectionId,
    from: i64,
    changes: &mut Vec<Change>,
) -> Result<()> {
    let mut after = from;
    loop {
        // Those that were pruned are nobody's any more: the tokens before them are refused.
        let Tombstones::Since(page) = conn.tombstones_since(clinic, id, after, PAGE).await? else {
            return Ok(());
        };
        let full = page.len() == PAGE as usize;
        after = page.last().map_or(after, |tombstone| tombstone.seq - 1);
        changes.extend(page.into_iter().map(|gone| Change::Gone { name: gone.name.into(), seq: gone.seq }));
        if !full {
            return Ok(());
        }
    }
}

/// Digests that cannot be read were made by another version of the program: made again from the text, until
/// `reindex` has stored them.
async fn derive_again(
    conn: &mut Conn,
    clinic: ClinicId,
    id: CollectionId,
    names: Vec<String>,
    changes: &mut Vec<Change>,
) -> Result<()> {
    for some in names.chunks(200) {
        for object in conn.objects_named(clinic, id, some).await? {
            changes.push(Change::Put(Arc::new(opened(object).0)));
        }
    }
    Ok(())
}

/// A row as a slot and its text; no text where it is damaged.
pub(super) fn opened(object: Object) -> (Slot, Option<Bytes>) {
    let text = object.text.map(|text| text.0);
    let digest =
        Digest::decode(&object.meta.digest).unwrap_or_else(|| derived(&object.meta, text.as_deref()));
    (slot(object.meta, digest), text)
}

/// The digest of a text; one that says "never" for a text that is damaged or no object any more.
fn derived(meta: &ObjectMeta, text: Option<&[u8]>) -> Digest {
    text.and_then(digest_of).unwrap_or_else(|| Digest::never(kind(meta.kind)))
}

/// Made again from the text; `None` where it is damaged or no calendar object any more.
pub(super) fn derive(object: &Object) -> Option<Digest> {
    digest_of(&object.text.as_ref()?.0)
}

pub(super) fn digest_of(text: &[u8]) -> Option<Digest> {
    // What was once accepted is read even if the limits have become narrower since.
    let limits = Limits { bytes: usize::MAX, attendees: usize::MAX, ..Limits::default() };
    ical::check(text, &limits).ok().map(|object| object.digest)
}

fn slot(meta: ObjectMeta, digest: Digest) -> Slot {
    let entry = Entry {
        name: meta.name.into(),
        etag: Etag(meta.etag),
        size: u32::try_from(meta.size).unwrap_or(u32::MAX),
        kind: digest.kind,
        seq: meta.seq,
        created: meta.created_at,
        modified: meta.modified_at,
    };
    Slot { entry, digest }
}

/// The number by which the store knows a kind.
pub(super) fn kind_number(kind: Kind) -> i64 {
    match kind {
        Kind::Event => 1,
        Kind::Todo => 2,
        Kind::Journal => 3,
        Kind::FreeBusy => 4,
        Kind::Availability => 5,
    }
}

fn kind(number: i64) -> Kind {
    [Kind::Todo, Kind::Journal, Kind::FreeBusy, Kind::Availability]
        .into_iter()
        .find(|kind| kind_number(*kind) == number)
        .unwrap_or(Kind::Event)
}
