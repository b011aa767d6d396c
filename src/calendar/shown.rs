//! A calendar as one caller sees it: the decision of `access.rs` already made, for the time of one request.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ical::{Kind, Zone};
use store::{Collection, Version};

use super::access::{Access, Privilege};
use super::error::Result;
use super::memory::ClinicMemory;
use super::path::{CollectionPath, ObjectPath};
use super::redact::Mask;
use super::shelf::{Shelf, Slot};
use super::structure::{Held, Person};
use super::token::Scope;
use super::turns::compute;

/// Cheap to clone.
#[derive(Clone)]
pub struct Shown {
    pub path: CollectionPath,
    pub access: Access,
    pub(super) held: Arc<Held>,
    pub(super) clinic: Arc<ClinicMemory>,
    pub(super) version: Version,
    pub(super) epoch: Arc<str>,
    pub(super) seq: i64,
    /// Where only the busy view may be seen.
    pub(super) mask: Option<Mask>,
    pub(super) masked: Arc<OnceLock<HashMap<Arc<str>, Arc<Slot>>>>,
}

impl Shown {
    /// Its properties as stored.
    pub fn row(&self) -> &Collection {
        &self.held.row
    }

    pub fn owner(&self) -> &Person {
        &self.held.owner
    }

    pub fn may(&self, privilege: Privilege) -> bool {
        self.access.may(privilege)
    }

    pub(super) fn need(&self, privilege: Privilege) -> Result<()> {
        self.access.need(privilege)
    }

    /// Is this the busy view: read only, opaque names?
    pub fn is_view(&self) -> bool {
        self.mask.is_some()
    }

    /// The components that objects in it may have (RFC 4791 5.2.3).
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.held.row.components.split(',').map(str::trim)
    }

    pub(super) fn takes(&self, kind: Kind) -> bool {
        self.components().any(|name| name.eq_ignore_ascii_case(kind.name()))
    }

    /// The zone of floating and all-day times in it.
    pub fn zone(&self) -> &Zone {
        self.held.zone()
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { epoch: &self.epoch, kind: 'c', id: self.held.row.id.0, granted: self.held.granted_seq }
    }

    /// DAV:sync-token of RFC 6578: a URI.
    pub fn token(&self) -> String {
        self.scope().token(self.seq)
    }

    /// CalendarServer's getctag: moves whenever anything in it, or its own properties, changed.
    pub fn ctag(&self) -> String {
        format!("{}-{}-{}", self.epoch, self.held.granted_seq, self.seq)
    }

    /// The object `name` in it.
    pub fn object(&self, name: impl Into<String>) -> ObjectPath {
        self.path.object(name)
    }

    /// The slots behind these names, as they are or through the mask.
    pub(super) async fn slots(&self, shelf: &Arc<Shelf>, names: &[&str]) -> Result<Vec<Option<Arc<Slot>>>> {
        let Some(mask) = self.mask.clone() else { return Ok(shelf.get_many(names)) };
        let masked = match self.masked.get() {
            Some(masked) => masked,
            None => {
                let shelf = shelf.clone();
                let made = compute(move || {
                    let events = shelf.select(|slot| Mask::shows(slot.entry.kind));
                    events.into_iter().map(|slot| (mask.name(&slot.entry.name), slot)).collect()
                });
                let made = made.await?;
                self.masked.get_or_init(|| made)
            }
        };
        Ok(names.iter().map(|name| masked.get(*name).cloned()).collect())
    }
}

/// What one principal's home holds, for this caller.
pub struct Home {
    pub person: Arc<Person>,
    pub collections: Vec<Shown>,
    pub(super) epoch: Arc<str>,
    /// The last change of its list, or of anything in it.
    pub(super) seq: i64,
}

impl Home {
    /// Tokens of a home end when what is shared into it changes: then what went has no name to be told by.
    pub(super) fn scope(&self) -> Scope<'_> {
        let shares = self.collections.iter().filter(|shown| shown.held.granted_seq > 0);
        let granted = shares.fold(0i64, |mix, shown| {
            mix.wrapping_mul(1_000_003).wrapping_add(shown.held.row.id.0 ^ shown.held.granted_seq)
        });
        Scope { epoch: &self.epoch, kind: 'h', id: self.person.id.0, granted }
    }

    /// DAV:sync-token of the home.
    pub fn token(&self) -> String {
        self.scope().token(self.seq)
    }
}
