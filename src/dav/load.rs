//! From a path to a resource with what its properties need.
//! Invariant: nothing is loaded that `needs` does not ask for; whether the caller may see it was decided in `calendar`.

use std::sync::Arc;

use super::error::Result;
use super::path::Target;
use super::props::dead;
use super::props::property::{Dead, Loaded, Needs, Place};
use crate::accounts::Caller;
use crate::calendar::{Access, Calendars, Entry, Error, Person, Share, ShareAs, Shown};

/// Whoever reads, on behalf of whom. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    pub calendars: Calendars,
    pub who: Caller,
}

/// A resource that is there.
pub enum Resource {
    Root,
    Principal(Arc<Person>),
    Home { person: Arc<Person>, token: String },
    Inbox(Arc<Person>),
    Calendar(Shown),
    Object(Shown, Entry),
}

/// A resource with its shares and dead properties, where those are needed.
pub struct Kept {
    pub resource: Resource,
    shares: Vec<(String, Access)>,
    dead: Dead,
    availability: Option<String>,
}

impl Reader {
    pub async fn resource(&self, target: &Target) -> Result<Resource> {
        Ok(match target {
            Target::Top | Target::Root | Target::Principals | Target::Homes => Resource::Root,
            Target::Principal(name) => Resource::Principal(self.calendars.person(&self.who, name).await?),
            Target::Home(name) => {
                let home = self.calendars.home(&self.who, name).await?;
                Resource::Home { token: home.token(), person: home.person }
            }
            Target::Inbox(name) if name == self.who.name() => {
                Resource::Inbox(self.calendars.person(&self.who, name).await?)
            }
            Target::Inbox(_) => return Err(Error::NotFound.into()),
            Target::Calendar(at) => Resource::Calendar(self.calendars.collection(&self.who, at).await?),
            Target::Object(at) => {
                let shown = self.calendars.collection(&self.who, &at.collection).await?;
                let found = self.calendars.find(&shown, &[&at.name]).await?.pop().flatten();
                Resource::Object(shown, found.ok_or(Error::NotFound)?)
            }
        })
    }

    /// With what these properties need.
    pub async fn keep(&self, resource: Resource, needs: Needs) -> Result<Kept> {
        let (shares, dead) = match &resource {
            Resource::Calendar(shown) => {
                (self.shares(shown, needs).await?, self.dead(shown, None, needs).await?)
            }
            Resource::Object(shown, entry) => {
                (self.shares(shown, needs).await?, self.dead(shown, Some(&entry.name), needs).await?)
            }
            _ => (Vec::new(), Dead::new()),
        };
        let availability = match &resource {
            Resource::Inbox(_) if needs.has(Needs::AVAILABILITY) => {
                self.calendars.availability(&self.who).await?
            }
            _ => None,
        };
        Ok(Kept { resource, shares, dead, availability })
    }

    /// Many calendars in as many statements as one.
    pub async fn keep_calendars(&self, many: Vec<Shown>, needs: Needs) -> Result<Vec<Kept>> {
        let shares = match needs.has(Needs::SHARES) {
            true => self.calendars.shares_of(&many).await?,
            false => vec![Vec::new(); many.len()],
        };
        let dead = match needs.has(Needs::DEAD) {
            true => self.calendars.dead_of(&many).await?,
            false => vec![Vec::new(); many.len()],
        };
        let each = many.into_iter().zip(shares).zip(dead);
        let keep = |((shown, shares), dead): ((Shown, Vec<_>), Vec<_>)| Kept {
            resource: Resource::Calendar(shown),
            shares: named(shares),
            dead: dead::by_owner(dead).into_values().next().unwrap_or_default(),
            availability: None,
        };
        Ok(each.map(keep).collect())
    }

    pub async fn kept(&self, target: &Target, needs: Needs) -> Result<Kept> {
        self.keep(self.resource(target).await?, needs).await
    }

    /// With whom a calendar is shared; nothing where the caller may not know (the property says 403 then).
    pub async fn shares(&self, shown: &Shown, needs: Needs) -> Result<Vec<(String, Access)>> {
        if !needs.has(Needs::SHARES) || shown.access != Access::Owner {
            return Ok(Vec::new());
        }
        Ok(named(self.calendars.shares(shown).await?))
    }

    async fn dead(&self, shown: &Shown, name: Option<&str>, needs: Needs) -> Result<Dead> {
        if !needs.has(Needs::DEAD) {
            return Ok(Dead::new());
        }
        let rows = self.calendars.dead(shown, &[name]).await?;
        Ok(dead::by_owner(rows).into_values().next().unwrap_or_default())
    }
}

fn named(shares: Vec<Share>) -> Vec<(String, Access)> {
    shares.into_iter().map(|(name, how)| (name, access(how))).collect()
}

/// What a grant lets somebody do.
fn access(how: ShareAs) -> Access {
    match how {
        ShareAs::Busy => Access::Busy,
        ShareAs::Read => Access::Read,
        ShareAs::Write => Access::Write,
    }
}

impl Kept {
    pub fn loaded<'a>(&'a self, reader: &'a Reader) -> Loaded<'a> {
        let caller = reader.who.name();
        let place = match &self.resource {
            Resource::Root => Place::Root,
            Resource::Principal(person) => Place::Principal(person),
            Resource::Home { person, token } => Place::Home { person, token, own: person.name == caller },
            Resource::Inbox(person) => Place::Inbox(person),
            Resource::Calendar(shown) => Place::Calendar(shown),
            Resource::Object(shown, entry) => Place::Object(shown, entry),
        };
        let limits = &reader.calendars.settings().limits;
        let availability = self.availability.as_deref();
        Loaded { place, caller, limits, shares: &self.shares, dead: Some(&self.dead), availability }
    }
}
