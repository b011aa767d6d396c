//! One DAV property: its name, where it lives, how it is read, how it is set.
//! Invariant: reading and setting do no I/O; what `get` needs was loaded because `needs` said so, what `set` wants is
//! noted in a [`Change`] that is written afterwards in one transaction (RFC 4918 section 9.2: all or nothing).

use std::collections::HashMap;

use crate::calendar::{Access, CollectionChange, Entry, Limits, Person, Shown};
use crate::dav::xml::{Element, Name, Writer};

/// Kinds of resources, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// `/`, `/dav/` and the two collections below it.
    pub const ROOT: Kinds = Kinds(1);
    pub const PRINCIPAL: Kinds = Kinds(2);
    pub const HOME: Kinds = Kinds(4);
    pub const CALENDAR: Kinds = Kinds(8);
    pub const OBJECT: Kinds = Kinds(16);
    pub const INBOX: Kinds = Kinds(32);
    pub const COLLECTION: Kinds = Kinds(1 | 2 | 4 | 8);
    pub const ALL: Kinds = Kinds(63);

    pub const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    pub const fn has(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// What must be loaded before a property can be read; most need nothing that is not in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs(u8);

impl Needs {
    pub const NOTHING: Needs = Needs(0);
    /// With whom a calendar is shared.
    pub const SHARES: Needs = Needs(1);
    /// Properties that clients invented.
    pub const DEAD: Needs = Needs(2);
    /// When the owner of an inbox may be booked at all.
    pub const AVAILABILITY: Needs = Needs(4);

    pub const fn and(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
    }

    pub const fn has(self, other: Needs) -> bool {
        self.0 & other.0 != 0
    }
}

/// Dead properties of one resource: (namespace, local name) to the element's XML.
pub type Dead = HashMap<(String, String), String>;

/// The resource that properties are read of.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    Root,
    Principal(&'a Person),
    /// A home, its sync token, and whether it is the caller's own.
    Home {
        person: &'a Person,
        token: &'a str,
        own: bool,
    },
    /// One's own.
    Inbox(&'a Person),
    Calendar(&'a Shown),
    Object(&'a Shown, &'a Entry),
}

/// A resource with everything that its asked properties need.
#[derive(Clone, Copy)]
pub struct Loaded<'a> {
    pub place: Place<'a>,
    /// Login name of whoever asks.
    pub caller: &'a str,
    pub limits: &'a Limits,
    pub shares: &'a [(String, Access)],
    pub dead: Option<&'a Dead>,
    pub availability: Option<&'a str>,
}

impl<'a> Loaded<'a> {
    pub fn kind(&self) -> Kinds {
        match self.place {
            Place::Root => Kinds::ROOT,
            Place::Principal(_) => Kinds::PRINCIPAL,
            Place::Home { .. } => Kinds::HOME,
            Place::Inbox(_) => Kinds::INBOX,
            Place::Calendar(_) => Kinds::CALENDAR,
            Place::Object(..) => Kinds::OBJECT,
        }
    }

    /// The calendar that the resource is, or stands in.
    pub fn calendar(&self) -> Option<&'a Shown> {
        match self.place {
            Place::Calendar(shown) | Place::Object(shown, _) => Some(shown),
            _ => None,
        }
    }

    pub fn object(&self) -> Option<&'a Entry> {
        match self.place {
            Place::Object(_, entry) => Some(entry),
            _ => None,
        }
    }

    /// The principal that the resource is, or whose home it is.
    pub fn person(&self) -> Option<&'a Person> {
        match self.place {
            Place::Principal(person) | Place::Home { person, .. } | Place::Inbox(person) => Some(person),
            _ => None,
        }
    }
}

/// Whether a property was there; then its element has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Found,
    Missing,
    /// There, but not for this caller (RFC 3744 section 5.5: 403 for this property).
    Forbidden,
}

/// Why a property is not set.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// 403 with DAV:cannot-modify-protected-property.
    Protected,
    /// 409: the value makes no sense for this property.
    Value,
    /// 403 with this precondition.
    Precondition(Name),
    /// 507: more than is kept of one property.
    TooLarge,
    /// 424: fine in itself, but another one of the request was not.
    FailedDependency,
}

/// Everything that one PROPPATCH, MKCOL or MKCALENDAR sets.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub live: CollectionChange,
    /// Dead ones: the XML, or `None` to remove.
    pub dead: Vec<((String, String), Option<String>)>,
    /// Of an inbox: CALDAV:calendar-availability, or `None` to remove it.
    pub availability: Option<Option<String>>,
    /// What kind of collection DAV:resourcetype of an extended MKCOL asked for.
    pub is_calendar: Option<bool>,
    /// Whether the resource is being made: some properties can be set then and never again.
    pub is_new: bool,
}

pub trait Property: Sync {
    fn name(&self) -> Name;

    /// Where it can have a value at all.
    fn on(&self) -> Kinds;

    /// RFC 4918 14.2: `allprop` gives what that RFC defines, and dead properties; newer ones must be asked for.
    fn in_allprop(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading;

    /// `None` removes it.
    fn set(&self, _change: &mut Change, _to: Option<Element>) -> Result<(), Refusal> {
        Err(Refusal::Protected)
    }
}

/// A property that is one text: written when it is there.
pub fn text(out: &mut Writer, name: Name, value: Option<&str>) -> Reading {
    let Some(value) = value else { return Reading::Missing };
    out.element(name, value);
    Reading::Found
}

/// A property that is one href of ours.
pub fn href(out: &mut Writer, name: Name, path: Option<String>) -> Reading {
    let Some(path) = path else { return Reading::Missing };
    out.open(name);
    out.href(&path);
    out.close(name);
    Reading::Found
}

/// A property without content.
pub fn nothing(out: &mut Writer, name: Name) -> Reading {
    out.empty(name);
    Reading::Found
}
