//! Who is there and which calendars each sees: small, read once, forgotten whole when any of it changes.
//!
//! `clinics.structure` moves with every change that is not one of an object (people, passwords, grants,
//! calendars), so a structure read at that version is right until it moves.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ical::{Digest, Zone};
use store::{
    ClinicId, Collection, CollectionId, Conn, Principal, PrincipalId, PrincipalKind, Store, Version,
};

use super::access::Access;
use super::error::{Error, Result};
use super::memory::{ClinicMemory, lock};

/// A principal as others of its clinic may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub(super) id: PrincipalId,
    /// The login name: the last segment of its principal URL.
    pub name: String,
    pub display_name: String,
    pub email: Option<String>,
    pub kind: PrincipalKind,
    /// IANA name of the zone of its floating times.
    pub zone: Option<String>,
}

/// A calendar somebody sees, and as what.
#[derive(Debug)]
pub struct Held {
    pub(super) row: Collection,
    pub(super) owner: Arc<Person>,
    pub(super) access: Access,
    /// The sequence of the grant: tokens of an earlier grant are over. 0 for the owner.
    pub(super) granted_seq: i64,
    zone: OnceLock<Zone>,
}

impl Person {
    /// The zone of floating times that are nobody else's, as far as it is known.
    pub(super) fn own_zone(&self) -> Zone {
        self.zone.as_deref().and_then(Zone::named).unwrap_or_else(Zone::utc)
    }
}

impl Held {
    /// The zone of floating times in it: its own (RFC 4791 5.2.2), else its owner's, else UTC.
    pub(super) fn zone(&self) -> &Zone {
        self.zone.get_or_init(|| {
            let own =
                self.row.timezone.as_deref().and_then(|text| Zone::from_vtimezone(text.as_bytes()).ok());
            own.unwrap_or_else(|| self.owner.own_zone())
        })
    }
}

/// What one principal sees: its own calendars first, then those shared with it.
pub(super) struct View {
    pub person: Arc<Person>,
    pub held: Vec<Arc<Held>>,
    /// The last change of this home's own list of calendars and shares.
    pub seq: i64,
    /// Which life of the database this is: another one after a restore.
    pub epoch: Arc<str>,
}

pub(super) struct Structure {
    version: i64,
    /// By name; `None` for names that nobody has.
    people: HashMap<String, Option<Arc<Person>>>,
    views: HashMap<PrincipalId, Arc<View>>,
    /// Availabilities; `None` for those who have none.
    pub(super) hours: HashMap<PrincipalId, Option<Arc<Digest>>>,
    /// The house's calendars, each with the zone of its floating times; none where there is no house.
    pub(super) house: Option<House>,
}

/// Calendars whose closed time is everybody's.
pub(super) type House = Arc<[(CollectionId, Zone)]>;

/// People, views and availabilities remembered of one clinic; past it, the structure starts empty again.
const REMEMBERED: usize = 20_000;

impl Structure {
    pub(super) fn empty(version: i64) -> Structure {
        let (people, views, hours) = Default::default();
        Structure { version, people, views, hours, house: None }
    }

    /// Room for one more.
    fn roomy(&mut self) -> &mut Structure {
        if self.people.len() + self.views.len() + self.hours.len() >= REMEMBERED {
            *self = Structure::empty(self.version);
        }
        self
    }
}

/// Reads the structure of one clinic, at one version, through its memory.
pub(super) struct Reader<'a> {
    pub store: &'a Store,
    pub clinic: &'a ClinicMemory,
    pub version: Version,
}

impl Reader<'_> {
    /// Looks into what is remembered, which is forgotten first if it is of an older version.
    pub(super) fn remembered<T>(&self, look: impl FnOnce(&Structure) -> Option<T>) -> Option<T> {
        let mut held = lock(&self.clinic.structure);
        if held.version < self.version.structure {
            *held = Structure::empty(self.version.structure);
        }
        look(&held)
    }

    /// Keeps what was read for this version, unless a later one has come.
    pub(super) fn remember(&self, add: impl FnOnce(&mut Structure)) {
        let mut held = lock(&self.clinic.structure);
        if held.version == self.version.structure {
            add(held.roomy());
        }
    }

    /// The calendars whose closed time is everybody's (`store::Tx::set_house`).
    pub(super) async fn house(&self) -> Result<House> {
        if let Some(house) = self.remembered(|structure| structure.house.clone()) {
            return Ok(house);
        }
        let mut conn = self.store.read(self.clinic.id).await?;
        let mut all = Vec::new();
        if let Some(id) = conn.house(self.clinic.id).await? {
            let owner = conn.principals_by_id(self.clinic.id, &[id]).await?.into_iter().next();
            let own = owner.map_or_else(Zone::utc, |owner| person(owner).own_zone());
            let rows = conn.collections_of(self.clinic.id, id).await?.into_iter();
            all.extend(rows.filter(|row| row.policy.is_some()).map(|row| (row.id, own.clone())));
        }
        let house = House::from(all);
        self.remember(|structure| structure.house = Some(house.clone()));
        Ok(house)
    }

    pub(super) async fn person(&self, name: &str) -> Result<Arc<Person>> {
        if let Some(known) = self.remembered(|structure| structure.people.get(name).cloned()) {
            return known.ok_or(Error::NotFound);
        }
        let mut conn = self.store.read(self.clinic.id).await?;
        let row = conn
            .principal_named(name)
            .await?
            .filter(|row| row.clinic == self.clinic.id && row.disabled_at.is_none());
        let person = row.map(|row| Arc::new(person(row)));
        self.remember(|structure| drop(structure.people.insert(name.to_string(), person.clone())));
        person.ok_or(Error::NotFound)
    }

    /// What the principal sees.
    pub(super) async fn view(&self, of: PrincipalId) -> Result<Arc<View>> {
        if let Some(view) = self.remembered(|structure| structure.views.get(&of).cloned()) {
            return Ok(view);
        }
        let _turn = self.clinic.reading_structure.lock().await;
        if let Some(view) = self.remembered(|structure| structure.views.get(&of).cloned()) {
            return Ok(view);
        }
        let view =
            Arc::new(read_view(&mut self.store.read(self.clinic.id).await?, self.clinic.id, of).await?);
        view.held.iter().for_each(|held| self.clinic.moved(held.row.id, held.row.seq));
        self.remember(|structure| drop(structure.views.insert(of, view.clone())));
        Ok(view)
    }
}

pub(super) fn person(row: Principal) -> Person {
    Person {
        id: row.id,
        name: row.name,
        display_name: row.display_name,
        email: row.email,
        kind: row.kind,
        zone: row.zone,
    }
}

async fn read_view(conn: &mut Conn, clinic: ClinicId, of: PrincipalId) -> Result<View> {
    let epoch = conn.clinic(clinic).await?.ok_or(Error::NotFound)?.epoch.into();
    let seen = conn.collections_visible_to(clinic, of).await?;
    let ids: Vec<_> = seen
        .iter()
        .filter(|seen| seen.access != store::Access::Owner)
        .map(|seen| seen.collection.id)
        .collect();
    let granted: HashMap<CollectionId, i64> = match &ids[..] {
        [] => HashMap::new(),
        ids => {
            let grants = conn.grants(clinic, ids).await?.into_iter();
            grants.filter(|grant| grant.principal == of).map(|grant| (grant.collection, grant.seq)).collect()
        }
    };
    let mut who: Vec<_> = seen.iter().map(|seen| seen.collection.owner).chain([of]).collect();
    who.sort_unstable();
    who.dedup();
    let rows = conn.principals_by_id(clinic, &who).await?;
    let seq = rows.iter().find(|row| row.id == of).map(|row| row.home_seq).ok_or(Error::NotFound)?;
    let people: HashMap<_, _> = rows.into_iter().map(|row| (row.id, Arc::new(person(row)))).collect();
    let held = seen.into_iter().filter_map(|seen| {
        let owner = people.get(&seen.collection.owner)?.clone();
        let granted_seq = granted.get(&seen.collection.id).copied().unwrap_or(0);
        let access = seen.access.into();
        Some(Arc::new(Held { row: seen.collection, owner, access, granted_seq, zone: OnceLock::new() }))
    });
    let held = held.collect();
    let person = people.get(&of).cloned().ok_or(Error::NotFound)?;
    Ok(View { held, person, seq, epoch })
}
