//! Calendars themselves: found, made, changed, shared, removed. Only the owner changes them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use store::{CollectionChange, NewCollection, Principal, PrincipalId, Property, PropertyOwner, Tx, Unique};

use super::Calendars;
use super::access::{Access, Privilege};
use super::error::{Error, Precondition, Result};
use super::objects::Author;
use super::path::{self, CollectionPath, ObjectPath, SHARE_MARK};
use super::redact::Mask;
use super::shown::{Home, Shown};
use super::structure::{Held, Person, Reader, View};
use crate::accounts::{Caller, FeedGrant};

/// With whom, by name, and as what.
pub type Share = (String, store::Privilege);

/// Dead properties to set and to remove, with the live ones in one transaction.
#[derive(Clone, Debug, Default)]
pub struct DeadChange {
    /// Namespace, name, the whole element as XML.
    pub set: Vec<(String, String, String)>,
    pub remove: Vec<(String, String)>,
}

/// Dead properties that one resource may have, and bytes of one: a client's marks, not a store of files.
pub const DEAD_PROPERTIES: usize = 100;
pub const DEAD_PROPERTY_BYTES: usize = 64 << 10;

impl Calendars {
    /// A person by name, as others of the clinic may see it.
    pub async fn person(&self, who: &Caller, name: &str) -> Result<Arc<Person>> {
        let clinic = self.memory().clinic(self.store(), who.clinic(), who.version()).await?;
        Reader { store: self.store(), clinic: &clinic, version: who.version() }.person(name).await
    }

    /// The people of the caller's clinic, in the order of their names.
    pub async fn people(&self, who: &Caller, after: &str, limit: u32) -> Result<Vec<Arc<Person>>> {
        let rows: Vec<Principal> =
            self.store().read(who.clinic()).await?.principals(who.clinic(), after, limit).await?;
        let there = rows.into_iter().filter(|row| row.disabled_at.is_none());
        Ok(there.map(|row| Arc::new(super::structure::person(row))).collect())
    }

    /// Everything that a home shows this caller: all of its own, of others' what they share with it.
    pub async fn home(&self, who: &Caller, owner: &str) -> Result<Home> {
        let (clinic, view) = self.view(who).await?;
        let person = if owner == who.name() { view.person.clone() } else { self.person(who, owner).await? };
        let mine = person.id == who.principal();
        let held = view.held.iter().filter(|held| mine || held.owner.id == person.id);
        let collections: Vec<_> =
            held.map(|held| self.shown(&clinic, &view, held, home_path(owner, held), who)).collect();
        if !mine && collections.is_empty() {
            return Err(Error::NotFound);
        }
        let seq = collections.iter().map(|shown| shown.seq).fold(view.seq, i64::max);
        Ok(Home { person, epoch: view.epoch.clone(), seq, collections })
    }

    /// One calendar, where the caller may see it at all; in a home of theirs or in its owner's.
    pub async fn collection(&self, who: &Caller, at: &CollectionPath) -> Result<Shown> {
        let (clinic, view) = self.view(who).await?;
        let (owner, slug) = match at.shared() {
            Some((slug, owner)) if at.owner == who.name() => (owner, slug),
            Some(_) => return Err(Error::NotFound),
            None => (at.owner.as_str(), at.slug.as_str()),
        };
        let held = view.held.iter().find(|held| held.owner.name == owner && held.row.slug == slug);
        held.map(|held| self.shown(&clinic, &view, held, at.clone(), who)).ok_or(Error::NotFound)
    }

    /// What a feed link shows.
    pub async fn feed(&self, grant: &FeedGrant) -> Result<Shown> {
        let (version, id) = (grant.version, grant.clinic);
        let clinic = self.memory().clinic(self.store(), id, version).await?;
        let reader = Reader { store: self.store(), clinic: &clinic, version };
        let rows = self.store().read(id).await?.collections_by_id(id, &[grant.collection]).await?;
        let row = rows.into_iter().next().ok_or(Error::NotFound)?;
        let view = reader.view(row.owner).await?;
        let held = view.held.iter().find(|held| held.row.id == row.id).ok_or(Error::NotFound)?;
        let access = if grant.scope == store::FeedScope::Busy { Access::Busy } else { Access::Read };
        let path = CollectionPath::new(held.owner.name.clone(), held.row.slug.clone());
        Ok(self.seen(&clinic, &view, held, path, access, version))
    }

    /// Makes a calendar in the caller's own home.
    pub async fn make(
        &self,
        by: Author<'_>,
        at: &CollectionPath,
        mut new: NewCollection,
        dead: DeadChange,
    ) -> Result<()> {
        own_home(by.who, at)?;
        path::check_slug(&at.slug)?;
        check_timezone(new.timezone.as_deref())?;
        check_dead(&dead)?;
        new.slug = at.slug.clone();
        let (owner, origin) = (by.who.principal(), by.from);
        self.change_structure(by.who, move |tx| {
            Box::pin(async move {
                tx.sign(origin, Some(owner));
                let made = tx.insert_collection(owner, new).await.map_err(taken)?;
                set_dead(tx, &PropertyOwner::Collection(made.id), &dead).await
            })
        })
        .await
    }

    /// Changes a calendar's properties, all or none.
    pub async fn change(
        &self,
        by: Author<'_>,
        at: &CollectionPath,
        change: CollectionChange,
        dead: DeadChange,
    ) -> Result<()> {
        let shown = self.collection(by.who, at).await?;
        shown.need(Privilege::WriteProperties)?;
        if shown.row().policy.is_some() && change.slug.is_some() {
            // What stands in it is understood by its name.
            return Err(Error::Denied(Privilege::Unbind));
        }
        check_timezone(change.timezone.as_ref().and_then(|zone| zone.as_deref()))?;
        check_dead(&dead)?;
        let (owner, origin, id) = (by.who.principal(), by.from, shown.row().id);
        self.change_structure(by.who, move |tx| {
            Box::pin(async move {
                tx.sign(origin, Some(owner));
                if !tx.update_collection(id, change).await.map_err(taken)? {
                    return Err(Error::NotFound);
                }
                set_dead(tx, &PropertyOwner::Collection(id), &dead).await
            })
        })
        .await
    }

    /// Moves a calendar to another slug of the same home (MOVE of a collection).
    pub async fn rename_collection(
        &self,
        by: Author<'_>,
        at: &CollectionPath,
        to: &CollectionPath,
    ) -> Result<()> {
        own_home(by.who, to)?;
        path::check_slug(&to.slug)?;
        let change = CollectionChange { slug: Some(to.slug.clone()), ..CollectionChange::default() };
        self.change(by, at, change, DeadChange::default()).await
    }

    /// Removes a calendar and all in it; of a shared one, the sharee only lets go of the share.
    pub async fn remove(&self, by: Author<'_>, at: &CollectionPath) -> Result<()> {
        let shown = self.collection(by.who, at).await?;
        let (caller, origin, id) = (by.who.principal(), by.from, shown.row().id);
        let own = shown.access == Access::Owner;
        if own && shown.row().policy.is_some() {
            // A calendar that others book into does not go by a swipe on a phone.
            return Err(Error::Denied(Privilege::Unbind));
        }
        self.change_structure(by.who, move |tx| {
            Box::pin(async move {
                tx.sign(origin, Some(caller));
                let done =
                    if own { tx.remove_collection(id).await? } else { tx.remove_grant(id, caller).await? };
                if done { Ok(()) } else { Err(Error::NotFound) }
            })
        })
        .await
    }

    /// Shares a calendar with somebody of the same clinic, or ends that.
    pub async fn share(
        &self,
        by: Author<'_>,
        at: &CollectionPath,
        with: &str,
        access: Option<store::Privilege>,
    ) -> Result<()> {
        let shown = self.collection(by.who, at).await?;
        shown.need(Privilege::All)?;
        let sharee = self.person(by.who, with).await?;
        if sharee.id == by.who.principal() {
            return Err(Error::Invalid("a calendar cannot be shared with its owner".into()));
        }
        let (owner, origin, id) = (by.who.principal(), by.from, shown.row().id);
        self.change_structure(by.who, move |tx| {
            Box::pin(async move {
                tx.sign(origin, Some(owner));
                match access {
                    Some(privilege) => Ok(tx.set_grant(id, sharee.id, privilege).await?),
                    None if tx.remove_grant(id, sharee.id).await? => Ok(()),
                    None => Err(Error::NotFound),
                }
            })
        })
        .await
    }

    /// With whom a calendar is shared, by name; for its owner only.
    pub async fn shares(&self, shown: &Shown) -> Result<Vec<Share>> {
        shown.need(Privilege::ReadAcl)?;
        Ok(self.shares_of(std::slice::from_ref(shown)).await?.pop().unwrap_or_default())
    }

    /// The same of many, in two statements; nothing of those that are not the caller's own.
    pub async fn shares_of(&self, many: &[Shown]) -> Result<Vec<Vec<Share>>> {
        let own: Vec<_> = many.iter().filter(|shown| shown.may(Privilege::ReadAcl)).collect();
        let Some(clinic) = own.first().map(|shown| shown.row().clinic) else {
            return Ok(vec![Vec::new(); many.len()]);
        };
        let ids: Vec<_> = own.iter().map(|shown| shown.row().id).collect();
        let mut conn = self.store().read(clinic).await?;
        let grants = conn.grants(clinic, &ids).await?;
        let people: Vec<PrincipalId> = grants.iter().map(|grant| grant.principal).collect();
        let people = conn.principals_by_id(clinic, &people).await?;
        let names: HashMap<_, _> = people.into_iter().map(|person| (person.id, person.name)).collect();
        let mut of: HashMap<_, Vec<Share>> = HashMap::new();
        for grant in grants {
            if let Some(name) = names.get(&grant.principal) {
                of.entry(grant.collection).or_default().push((name.clone(), grant.privilege));
            }
        }
        Ok(many.iter().map(|shown| of.remove(&shown.row().id).unwrap_or_default()).collect())
    }

    /// Dead properties of these calendars themselves: one statement.
    pub async fn dead_of(&self, many: &[Shown]) -> Result<Vec<Vec<Property>>> {
        let seen: Vec<_> = many.iter().filter(|shown| !shown.is_view()).collect();
        let Some(clinic) = seen.first().map(|shown| shown.row().clinic) else {
            return Ok(vec![Vec::new(); many.len()]);
        };
        let owners: Vec<_> = seen.iter().map(|shown| PropertyOwner::Collection(shown.row().id)).collect();
        let mut of: HashMap<_, Vec<Property>> = HashMap::new();
        for property in self.store().read(clinic).await?.properties(clinic, &owners).await? {
            of.entry(property.owner.clone()).or_default().push(property);
        }
        let own = |shown: &Shown| of.remove(&PropertyOwner::Collection(shown.row().id)).unwrap_or_default();
        Ok(many.iter().map(own).collect())
    }

    /// Dead properties of calendars (`name` none) and objects: one statement for all asked.
    pub async fn dead(&self, shown: &Shown, of: &[Option<&str>]) -> Result<Vec<Property>> {
        if shown.is_view() || of.is_empty() {
            return Ok(Vec::new());
        }
        let id = shown.row().id;
        let owners: Vec<_> = of
            .iter()
            .map(|name| match name {
                None => PropertyOwner::Collection(id),
                Some(name) => PropertyOwner::Object(id, (*name).to_string()),
            })
            .collect();
        Ok(self.store().read(shown.row().clinic).await?.properties(shown.row().clinic, &owners).await?)
    }

    /// Sets and removes an object's dead properties.
    pub async fn change_dead(&self, by: Author<'_>, at: &ObjectPath, dead: DeadChange) -> Result<()> {
        let shown = self.collection(by.who, &at.collection).await?;
        shown.need(Privilege::WriteContent)?;
        check_dead(&dead)?;
        self.find(&shown, &[&at.name]).await?.pop().flatten().ok_or(Error::NotFound)?;
        let (caller, origin, owner) =
            (by.who.principal(), by.from, PropertyOwner::Object(shown.row().id, at.name.clone()));
        self.change_structure(by.who, move |tx| {
            Box::pin(async move {
                tx.sign(origin, Some(caller));
                set_dead(tx, &owner, &dead).await
            })
        })
        .await
    }

    /// A change that is not one of an object: memory hears of it from the journal.
    async fn change_structure<F>(&self, who: &Caller, job: F) -> Result<()>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> store::BoxFuture<'t, Result<()>> + Send + 'static,
    {
        self.store().write(who.clinic(), job).await
    }

    pub(super) async fn view(&self, who: &Caller) -> Result<(Arc<super::memory::ClinicMemory>, Arc<View>)> {
        let clinic = self.memory().clinic(self.store(), who.clinic(), who.version()).await?;
        let reader = Reader { store: self.store(), clinic: &clinic, version: who.version() };
        let view = reader.view(who.principal()).await?;
        Ok((clinic, view))
    }

    pub(super) fn shown(
        &self,
        clinic: &Arc<super::memory::ClinicMemory>,
        view: &View,
        held: &Arc<Held>,
        path: CollectionPath,
        who: &Caller,
    ) -> Shown {
        self.seen(clinic, view, held, path, held.access, who.version())
    }

    fn seen(
        &self,
        clinic: &Arc<super::memory::ClinicMemory>,
        view: &View,
        held: &Arc<Held>,
        path: CollectionPath,
        access: Access,
        version: store::Version,
    ) -> Shown {
        Shown {
            path,
            access,
            held: held.clone(),
            clinic: clinic.clone(),
            version,
            epoch: view.epoch.clone(),
            seq: clinic.settled_seq(held.row.id, held.row.seq),
            mask: (!access.sees_text()).then(|| Mask::new(self.secret(), held.row.id.0)),
            masked: Arc::new(OnceLock::new()),
        }
    }
}

/// In the sharee's home a shared calendar stands under its owner's name as well.
pub(super) fn home_path(home: &str, held: &Held) -> CollectionPath {
    if held.owner.name == home {
        return CollectionPath::new(home, held.row.slug.clone());
    }
    CollectionPath::new(home, format!("{}{SHARE_MARK}{}", held.row.slug, held.owner.name))
}

fn own_home(who: &Caller, at: &CollectionPath) -> Result<()> {
    if at.owner == who.name() { Ok(()) } else { Err(Error::Denied(Privilege::Bind)) }
}

fn taken(error: store::Error) -> Error {
    match error {
        store::Error::Unique(Unique::CollectionSlug) => Precondition::ResourceMustBeNull.into(),
        other => other.into(),
    }
}

/// RFC 4791 5.2.2: a VCALENDAR with one VTIMEZONE.
fn check_timezone(text: Option<&str>) -> Result<()> {
    match text.map(|text| ical::Zone::from_vtimezone(text.as_bytes())) {
        Some(Err(_)) => Err(Precondition::ValidTimezone.into()),
        _ => Ok(()),
    }
}

fn check_dead(dead: &DeadChange) -> Result<()> {
    let fits = dead.set.len() <= DEAD_PROPERTIES
        && dead.set.iter().all(|(_, _, xml)| xml.len() <= DEAD_PROPERTY_BYTES);
    if fits { Ok(()) } else { Err(Error::Full) }
}

async fn set_dead(tx: &mut Tx, owner: &PropertyOwner, dead: &DeadChange) -> Result<()> {
    if !dead.remove.is_empty() {
        tx.remove_properties(owner, &dead.remove).await?;
    }
    if dead.set.is_empty() {
        return Ok(());
    }
    let properties: Vec<_> = dead
        .set
        .iter()
        .map(|(namespace, name, xml)| Property {
            owner: owner.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
            xml: xml.clone(),
        })
        .collect();
    Ok(tx.set_properties(&properties).await?)
}
