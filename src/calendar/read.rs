//! Reading objects: lists, some by name, those that answer to a query. Reading never writes.
//!
//! Lists and time ranges come from the shelf alone; text is opened only for what is returned, or where a filter
//! needs it. An object that is stored and cannot be read is skipped and reported, never the end of its calendar.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use ical::{Budget, Component, Limits, Window, Zone};

use super::Calendars;
use super::error::Result;
use super::filter::{CompFilter, Plan, Query, Subject};
use super::load;
use super::object::Entry;
use super::redact::Mask;
use super::shelf::{Shelf, Slot};
use super::shown::Shown;
use super::turns::{budget, compute};

/// Texts opened at a time by a query whose filter needs them: bounds memory, and keeps the lists of names in
/// one statement far below SQLite's 32,766 parameters.
const CHUNK: usize = 200;

/// Series looked through on the async thread, for a stretch of steps at most; more of them go to another thread at once
/// (some 2 µs each).
const FEW: usize = 50;

/// What an entry of a busy view costs, and a byte of text that is parsed, in steps of a budget.
const MASKED: u64 = 40;
const BYTES_A_STEP: u64 = 2;

/// An entry with its text.
pub type Opened = (Entry, Bytes);

impl Calendars {
    /// All objects, in no order that means anything.
    pub async fn list(&self, at: &Shown) -> Result<Vec<Entry>> {
        let shelf = self.shelf(at).await?;
        let slots = shelf.select(|slot| at.mask.is_none() || Mask::shows(slot.entry.kind));
        entries(at, slots).await
    }

    /// The objects of these names; `None` for those that are not there.
    pub async fn find(&self, at: &Shown, names: &[&str]) -> Result<Vec<Option<Entry>>> {
        let shelf = self.shelf(at).await?;
        let slots = at.slots(&shelf, names).await?;
        Ok(slots.into_iter().map(|slot| slot.map(|slot| shown_entry(at, &slot))).collect())
    }

    /// The objects of these names with their texts. Ask for a few hundred at a time and send them on.
    pub async fn texts(&self, at: &Shown, names: &[&str]) -> Result<Vec<Option<Opened>>> {
        let shelf = self.shelf(at).await?;
        let slots = at.slots(&shelf, names).await?;
        self.opened(at, slots).await
    }

    /// The objects that answer to a calendar-query (RFC 4791 7.8).
    pub async fn query(&self, at: &Shown, query: &Query) -> Result<Vec<Entry>> {
        let shelf = self.shelf(at).await?;
        let zone = query.zone.clone().unwrap_or_else(|| at.zone().clone());
        let (kind, range, opens) = match Plan::of(&query.filter) {
            Plan::Never => return Ok(Vec::new()),
            Plan::Digest { kind, range } => (kind, range, false),
            Plan::Text { kind, range } => (kind, range, true),
        };
        let candidates = shelf.select(|slot| {
            kind.is_none_or(|kind| slot.entry.kind == kind)
                && range.is_none_or(|range| slot.digest.may_overlap(range))
                && (at.mask.is_none() || Mask::shows(slot.entry.kind))
        });
        let (found, budget) = in_range(candidates, range, zone.clone()).await?;
        let found =
            if opens { self.filter_texts(at, found, &query.filter, &zone, budget).await? } else { found };
        entries(at, found).await
    }

    async fn filter_texts(
        &self,
        at: &Shown,
        slots: Vec<Arc<Slot>>,
        filter: &CompFilter,
        zone: &Zone,
        mut budget: Budget,
    ) -> Result<Vec<Arc<Slot>>> {
        let mut found = Vec::new();
        for chunk in slots.chunks(CHUNK) {
            let opened = self.opened(at, chunk.iter().cloned().map(Some).collect()).await?;
            let pairs: Vec<_> = chunk
                .iter()
                .cloned()
                .zip(opened)
                .filter_map(|(slot, opened)| Some((slot, opened?.1)))
                .collect();
            let (filter, zone) = (filter.clone(), zone.clone());
            let (some, rest) = compute(move || -> Result<_> {
                let mut some = Vec::new();
                for (slot, text) in pairs {
                    budget.pass(text.len() as u64 / BYTES_A_STEP)?;
                    if answers(&slot, &text, &filter, &zone, &mut budget)? {
                        some.push(slot);
                    }
                }
                Ok((some, budget))
            })
            .await??;
            budget = rest;
            found.extend(some);
        }
        Ok(found)
    }

    pub(super) async fn shelf(&self, at: &Shown) -> Result<Arc<Shelf>> {
        self.memory().shelf(self.store(), &at.clinic, at.held.row.id).await
    }

    /// Texts from memory, the others in one statement.
    pub(super) async fn opened(
        &self,
        at: &Shown,
        slots: Vec<Option<Arc<Slot>>>,
    ) -> Result<Vec<Option<Opened>>> {
        let mut opened: Vec<Option<Opened>> = slots
            .iter()
            .map(|slot| {
                let slot = slot.as_ref()?;
                Some((slot.entry.clone(), self.memory().text(&slot.entry.etag)?))
            })
            .collect();
        let missing: Vec<usize> =
            (0..slots.len()).filter(|i| slots[*i].is_some() && opened[*i].is_none()).collect();
        if !missing.is_empty() {
            let wanted: Vec<&Arc<Slot>> = missing.iter().filter_map(|i| slots[*i].as_ref()).collect();
            let read = self.read_texts(at, &wanted).await?;
            for i in missing {
                opened[i] = slots[i].as_ref().and_then(|slot| read.get(&slot.entry.name).cloned());
            }
        }
        match &at.mask {
            None => Ok(opened),
            Some(mask) => Ok(opened.into_iter().map(|one| one.and_then(|one| through(mask, one))).collect()),
        }
    }

    /// Reads texts and keeps them. One that changed since its slot was read brings its whole row along; one that is
    /// damaged is left out.
    async fn read_texts(&self, at: &Shown, slots: &[&Arc<Slot>]) -> Result<HashMap<Arc<str>, Opened>> {
        let row = at.row();
        let by_name: HashMap<&str, &Entry> =
            slots.iter().map(|slot| (&*slot.entry.name, &slot.entry)).collect();
        let names: Vec<String> = by_name.keys().map(|name| (*name).to_string()).collect();
        let mut conn = self.store().read(row.clinic).await?;
        let (mut read, mut changed) = (HashMap::with_capacity(names.len()), Vec::new());
        for (name, etag, text) in conn.texts_named(row.clinic, row.id, &names).await? {
            match by_name.get(&*name) {
                Some(entry) if entry.etag.0 == etag => {
                    self.memory().keep_text(entry.etag, text.clone());
                    read.insert(entry.name.clone(), ((*entry).clone(), text));
                }
                _ => changed.push(name),
            }
        }
        if !changed.is_empty() {
            for object in conn.objects_named(row.clinic, row.id, &changed).await? {
                if let (Slot { entry, .. }, Some(text)) = load::opened(object) {
                    self.memory().keep_text(entry.etag, text.clone());
                    read.insert(entry.name.clone(), (entry, text));
                }
            }
        }
        Ok(read)
    }
}

fn through(mask: &Mask, (entry, text): Opened) -> Option<Opened> {
    let text = mask.text(&text)?;
    let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
    Some((Entry { size, ..mask.entry(&entry) }, text))
}

/// As the caller sees them: the names and tags of a busy view cost two MACs each.
pub(super) async fn entries(at: &Shown, slots: Vec<Arc<Slot>>) -> Result<Vec<Entry>> {
    if !at.is_view() {
        return Ok(slots.iter().map(|slot| slot.entry.clone()).collect());
    }
    let shown = at.clone();
    let masked = move || {
        let mut pauses = budget(0);
        let one = |slot: &Arc<Slot>| pauses.pass(MASKED).map(|()| shown_entry(&shown, slot));
        slots.iter().map(one).collect::<Result<_, _>>()
    };
    Ok(compute(masked).await??)
}

fn shown_entry(at: &Shown, slot: &Slot) -> Entry {
    match &at.mask {
        None => slot.entry.clone(),
        Some(mask) => mask.entry(&slot.entry),
    }
}

/// Those with an occurrence in the window, and what is left of the request's budget.
async fn in_range(
    slots: Vec<Arc<Slot>>,
    range: Option<Window>,
    zone: Zone,
) -> Result<(Vec<Arc<Slot>>, Budget)> {
    let mut whole = budget(Budget::REQUEST);
    let Some(range) = range else { return Ok((slots, whole)) };
    let few = slots.iter().filter(|slot| slot.digest.series.is_some()).count() <= FEW;
    if few && let Ok(found) = look_through(&slots, range, &zone, &mut Budget::steps(Budget::STRETCH)) {
        return Ok((found, whole));
    }
    let look = move || Ok((look_through(&slots, range, &zone, &mut whole)?, whole));
    compute(look).await?
}

fn look_through(
    slots: &[Arc<Slot>],
    range: Window,
    zone: &Zone,
    budget: &mut Budget,
) -> Result<Vec<Arc<Slot>>> {
    let mut found = Vec::with_capacity(slots.len());
    for slot in slots {
        if slot.digest.overlaps(range, zone, budget)? {
            found.push(slot.clone());
        }
    }
    Ok(found)
}

/// Does the object answer? One that cannot be read does not, and is reported.
fn answers(slot: &Slot, text: &[u8], filter: &CompFilter, zone: &Zone, budget: &mut Budget) -> Result<bool> {
    let Ok(tree) = Component::parse(text, &Limits::default()) else {
        tracing::warn!(etag = %slot.entry.etag, "a stored object cannot be read: left out of a query");
        return Ok(false);
    };
    Subject { tree: &tree, digest: &slot.digest, zone }.matches(filter, budget)
}
