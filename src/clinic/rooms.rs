//! Rooms and equipment: principals that nobody logs in as, each with a calendar of what takes it and one of what closes
//! it (maintenance), made with it in one transaction.

use store::{
    Bookable, NewPrincipal, Policy, PrincipalChange, PrincipalId, PrincipalKind, ProfileBody, ProfileStatus,
};

use super::access::{self, Subject, Verb};
use super::directory::{Cursor, Directory, Page, deed, line, still, zone};
use super::error::{Error, Result, invalid};
use super::making::{self, TermOn};
use crate::accounts::Caller;
use crate::calendar::Author;

/// Characters of a name to show.
const NAME: usize = 200;

/// A room, or a piece of equipment: made and found alike, allowed apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Room,
    Equipment,
}

/// A room or a piece of equipment to be made.
#[derive(Clone, Debug)]
pub struct NewThing {
    /// The last part of its URL, unique in the installation; None: one is made up.
    pub name: Option<String>,
    pub display_name: String,
    /// IANA name.
    pub zone: Option<String>,
    /// Where it stands, of which type it is.
    pub terms: Vec<TermOn>,
    /// Visits at once.
    pub capacity: i64,
}

/// What to change of it; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct ThingChange {
    pub display_name: Option<String>,
    pub zone: Option<Option<String>>,
    pub terms: Option<Vec<TermOn>>,
    /// False: it is booked no more, and its calendars stay.
    pub active: Option<bool>,
    /// Visits at once: more than before.
    pub capacity: Option<i64>,
    /// What a change in a calendar program onto a taken time does.
    pub policy: Option<Policy>,
}

/// A room or a piece of equipment.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    pub id: PrincipalId,
    pub name: String,
    pub display_name: String,
    pub zone: Option<String>,
    pub active: bool,
    pub version: i64,
}

impl Kind {
    fn principal(self) -> PrincipalKind {
        match self {
            Kind::Room => PrincipalKind::Room,
            Kind::Equipment => PrincipalKind::Resource,
        }
    }

    fn subject(self) -> Subject {
        match self {
            Kind::Room => Subject::Rooms,
            Kind::Equipment => Subject::Equipment,
        }
    }

    fn made(self) -> &'static str {
        match self {
            Kind::Room => "room-made",
            Kind::Equipment => "equipment-made",
        }
    }

    fn changed(self) -> &'static str {
        match self {
            Kind::Room => "room-changed",
            Kind::Equipment => "equipment-changed",
        }
    }

    fn named(self, id: PrincipalId) -> String {
        format!("{} {id}", making::word(self.principal()))
    }
}

fn thing(of: Bookable) -> Thing {
    Thing {
        id: of.principal.id,
        name: of.principal.name,
        display_name: of.principal.display_name,
        zone: of.principal.zone,
        active: of.profile.status == ProfileStatus::Active,
        version: of.seq,
    }
}

impl Directory {
    pub async fn add_thing(&self, by: Author<'_>, kind: Kind, new: NewThing) -> Result<Thing> {
        access::need(by.who, kind.subject(), Verb::Write, None)?;
        making::check_terms(&new.terms)?;
        let name = match new.name {
            Some(name) => name,
            None => self.accounts.new_name(making::word(kind.principal()))?,
        };
        let principal = NewPrincipal {
            name,
            kind: kind.principal(),
            display_name: line("display_name", &new.display_name, NAME)?,
            email: None,
            zone: zone(new.zone.as_deref())?,
            password_hash: None,
            role: None,
        };
        let profile = ProfileBody {
            status: ProfileStatus::Active,
            public: false,
            online: false,
            licence: None,
            qualifications: None,
        };
        if new.capacity < 1 {
            return invalid("capacity", "at least one must fit");
        }
        let room = making::Room { capacity: new.capacity, policy: Policy::Accept };
        let (who, terms) = (by.who.clone(), new.terms);
        self.change(by, move |tx| {
            Box::pin(async move {
                let principal = tx.insert_principal(principal).await?;
                let id = principal.id;
                making::bookable(tx, id, kind.principal(), profile.clone(), (&terms, room)).await?;
                tx.audit(vec![deed(&who, kind.made(), kind.named(id), serde_json::json!({}))]).await?;
                Ok(thing(Bookable { principal, profile, seq: tx.seq() }))
            })
        })
        .await
    }

    pub async fn things(&self, who: &Caller, kind: Kind, cursor: Cursor) -> Result<Page<Thing>> {
        access::need(who, kind.subject(), Verb::Read, None)?;
        let mut conn = self.store.read(who.clinic()).await?;
        let after = PrincipalId(cursor.after);
        let rows = conn.bookables(who.clinic(), kind.principal(), after, cursor.limit()).await?;
        Ok(cursor.page(rows, |one| one.principal.id.0, |one| Some(thing(one))))
    }

    pub async fn thing(&self, who: &Caller, kind: Kind, id: PrincipalId) -> Result<Thing> {
        access::need(who, kind.subject(), Verb::Read, None)?;
        let found = self.store.read(who.clinic()).await?.bookable(who.clinic(), id).await?;
        let found = found.filter(|found| found.principal.kind == kind.principal());
        found.map(thing).ok_or(Error::NotFound(making::word(kind.principal())))
    }

    /// Where it stands, of which type it is.
    pub async fn terms_of_thing(&self, who: &Caller, kind: Kind, id: PrincipalId) -> Result<Vec<TermOn>> {
        self.thing(who, kind, id).await?;
        self.terms_of(who, id).await
    }

    /// `version` is that of what the caller read.
    pub async fn change_thing(
        &self,
        by: Author<'_>,
        (kind, id): (Kind, PrincipalId),
        version: Option<i64>,
        change: ThingChange,
    ) -> Result<Thing> {
        access::need(by.who, kind.subject(), Verb::Write, None)?;
        if let Some(terms) = &change.terms {
            making::check_terms(terms)?;
        }
        let display_name = change.display_name.as_deref().map(|name| line("display_name", name, NAME));
        let principal = PrincipalChange {
            display_name: display_name.transpose()?,
            zone: change.zone.as_ref().map(|text| zone(text.as_deref())).transpose()?,
            ..PrincipalChange::default()
        };
        let who = by.who.clone();
        self.change(by, move |tx| {
            Box::pin(async move {
                let clinic = tx.clinic();
                let mut profile = {
                    let found = making::find(tx, clinic, kind.principal(), id).await?;
                    still(version, found.seq)?;
                    found.profile
                };
                if principal.display_name.is_some() || principal.zone.is_some() {
                    tx.update_principal(id, principal).await?;
                }
                profile.status = match change.active {
                    Some(true) => ProfileStatus::Active,
                    Some(false) => ProfileStatus::Off,
                    None => profile.status,
                };
                tx.replace_profile(id, profile).await?;
                making::rebook(tx, id, change.capacity, change.policy).await?;
                if let Some(terms) = &change.terms {
                    making::set_terms(tx, id, terms).await?;
                }
                let what = serde_json::json!({ "active": change.active });
                tx.audit(vec![deed(&who, kind.changed(), kind.named(id), what)]).await?;
                Ok(thing(making::find(tx, clinic, kind.principal(), id).await?))
            })
        })
        .await
    }
}
