//! The meaning of calendars: every door comes here. One write, one decision about access, reads from a memory
//! that is provably fresh, changes since a token, busy time.
//!
//! *Never:* knows HTTP, XML or SQL; sends anything; keeps a fact that cannot be rebuilt from the store.
//!
//! Files: `path` (where a thing stands), `access` (may this caller), `error`, `condition` (If-Match and the like),
//! `limits`, `object` (an entry and its ETag), `shown` (a calendar as one caller sees it), `structure` (who sees
//! what), `collections` (make, change, share, remove), `objects` (THE write), `transfer` (COPY and MOVE), `guard` (a
//! house's rule inside the write), `work` (several writes in one transaction, for that rule and the clinic),
//! `mirror` (what links to Google remember), `read` (list, open, query), `filter` (what a query asks), `sync` and `token`
//! (what changed since), `freebusy`, `availability` (when somebody may be booked at all), `redact` (the busy view),
//! `memory`, `shelf`, `load` and `pack` (the bounded memory and how it is filled), `warm` (what a start fills it with),
//! `index` (rebuilding what is derived), `turns` (whose work has the processor).
//! Places kept for later: `schedule` (RFC 6638).

mod access;
mod availability;
mod collections;
mod condition;
mod error;
mod filter;
mod freebusy;
mod guard;
mod index;
mod limits;
mod load;
mod memory;
mod mirror;
mod object;
mod objects;
mod pack;
mod path;
mod read;
mod redact;
mod shelf;
mod shown;
mod structure;
mod sync;
mod token;
mod transfer;
mod turns;
mod warm;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use store::Store;

pub use access::{Access, Privilege};
pub use availability::{AVAILABILITY_BYTES, check_availability};
pub use collections::{DEAD_PROPERTIES, DEAD_PROPERTY_BYTES, DeadChange, Share};
pub use condition::{Condition, Tags, Term};
pub use error::{Error, Precondition, Result};
pub use filter::{
    Collation, CompFilter, CompTest, ParamFilter, ParamTest, PropFilter, PropTest, Query, TextMatch,
};
pub use freebusy::FreeBusyOf;
pub use guard::{Bookable, Guard, Sighted, Write};
/// Words of the language that doors use which do not speak it.
pub use ical::{Period, Window, Zone};
pub use index::{Checked, Flaw, Reindexed};
pub use limits::Limits;
pub use memory::{MemorySettings, MemoryUse};
pub use mirror::{Mirrors, RESTS};
pub use object::{Entry, Etag};
pub use objects::{Author, Written};
pub use path::{CollectionPath, INBOX, NAME_BYTES, ObjectPath, SHARE_MARK};
pub use read::Opened;
pub use shown::{Home, Shown};
/// Rows and words of the store that doors read or hand over as they are.
pub use store::{
    Born, Channel, Errand, ErrandState, Link, LinkCounts, LinkId, LinkNote, NewLink, Twin, Watched, Way,
};
pub use store::{
    Collection, CollectionChange, NewCollection, Origin, Policy, PrincipalKind, Privilege as ShareAs,
    Property, PropertyOwner,
};
pub use structure::Person;
pub use sync::{Changes, HomeChanges};
pub use transfer::{Overwrite, Transfer};
pub use turns::{budget, compute};
pub use work::{Sheet, Work};

/// How calendars behave; each has its place in `app/config.rs`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    pub limits: Limits,
    pub memory: MemorySettings,
}

/// The room's face. Cheap to clone.
#[derive(Clone)]
pub struct Calendars(Arc<Parts>);

const DAY: i64 = 86_400;

/// How long a deletion is told by sync; a client away for longer starts again without its token.
const TOMBSTONE_DAYS: i64 = 180;

struct Parts {
    /// The day on which deletions were last forgotten.
    pruned: AtomicI64,
    store: Store,
    memory: memory::Memory,
    settings: Settings,
    secret: [u8; 32],
    guard: Option<Arc<dyn Guard>>,
}

impl Calendars {
    /// Over an open store. Reads the installation's secret, which keys the names of busy views.
    pub async fn open(store: Store, settings: Settings) -> Result<Calendars> {
        Calendars::open_with(store, settings, None).await
    }

    /// The same with a rule for the calendars that have a policy.
    pub async fn open_with(
        store: Store,
        settings: Settings,
        guard: Option<Arc<dyn Guard>>,
    ) -> Result<Calendars> {
        let secret = store.across().await?.installation_secret().await?;
        let memory = memory::Memory::new(settings.memory);
        let parts = Parts { pruned: AtomicI64::new(0), store, memory, settings, secret, guard };
        let calendars = Calendars(Arc::new(parts));
        calendars.begin().await?;
        Ok(calendars)
    }

    /// What has to be done from time to time, a few times a minute: writes packs, so that the next start is
    /// quick, and forgets deletions that every client has heard of.
    pub async fn tend(&self) -> Result<()> {
        let store = self.store();
        self.memory().write_packs(store).await?;
        let today = store.clock().now() / DAY;
        if self.0.pruned.swap(today, Ordering::Relaxed) == today {
            return Ok(());
        }
        let clinics = store.across().await?.clinics().await?;
        for clinic in clinics {
            let before = (today - TOMBSTONE_DAYS) * DAY;
            store
                .aside(move |aside| Box::pin(async move { aside.prune_tombstones(clinic.id, before).await }))
                .await?;
        }
        Ok(())
    }

    /// What the memory of texts was good for.
    pub fn memory_use(&self) -> MemoryUse {
        self.memory().usage()
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    fn memory(&self) -> &memory::Memory {
        &self.0.memory
    }

    fn guard(&self) -> Option<&Arc<dyn Guard>> {
        self.0.guard.as_ref()
    }

    fn secret(&self) -> &[u8; 32] {
        &self.0.secret
    }
}
