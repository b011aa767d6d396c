//! Verdicts remembered, so that a request costs a MAC instead of an argon2id hash; wrong ones too, because a client
//! with an old password asks for ever (trust.md 3, brute force).
//!
//! Invariant: a verdict counts only while `clinics.structure` is what it was when the verdict was made. When the
//! structure has moved, a right verdict is compared with the database again (the very hash that fitted must still
//! be live), a wrong one is forgotten. Bounded in entries; keyed by a MAC, so memory holds no password.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use quick_cache::sync::Cache;
use store::ClinicId;

use super::{
    login::{Identity, Via},
    seal::Mac,
};

/// Right credentials remembered: one for each device of a large installation.
pub const RIGHT: usize = 20_000;
/// Wrong credentials remembered.
pub const WRONG: usize = 5_000;

/// The memory of this process.
pub struct Known {
    right: Cache<Mac, Arc<Right>>,
    wrong: Cache<(Mac, IpAddr), Arc<Wrong>>,
}

/// Credentials that were right.
pub struct Right {
    pub identity: Arc<Identity>,
    /// The stored hash that fitted.
    pub hash: store::Secret,
    structure: AtomicI64,
    /// When the use of an app password was last noted.
    pub noted: AtomicI64,
}

/// Credentials that were wrong, from one address.
pub struct Wrong {
    /// Whose structure counts: the account's clinic, or the default one for a name that nobody has.
    pub clinic: ClinicId,
    pub structure: i64,
    /// Seconds UTC of the first try.
    pub at: i64,
    tries: AtomicU32,
}

impl Default for Known {
    fn default() -> Known {
        Known { right: Cache::new(RIGHT), wrong: Cache::new(WRONG) }
    }
}

impl Right {
    pub fn new(identity: Arc<Identity>, hash: store::Secret, structure: i64) -> Right {
        Right { identity, hash, structure: AtomicI64::new(structure), noted: AtomicI64::new(i64::MIN) }
    }

    /// Whether nothing but objects has changed since the verdict.
    pub fn is_of(&self, structure: i64) -> bool {
        self.structure.load(Ordering::Relaxed) == structure
    }

    /// Still right as of this structure.
    pub fn confirm(&self, structure: i64) {
        self.structure.fetch_max(structure, Ordering::Relaxed);
    }

    /// Whether its use should be noted now: an app password, and not noted for a minute.
    pub fn is_worth_noting(&self, now: i64) -> bool {
        let noted = self.noted.load(Ordering::Relaxed);
        matches!(self.identity.via, Via::AppPassword(_))
            && now.saturating_sub(noted) >= super::uses::EVERY_SECONDS
            && self.noted.compare_exchange(noted, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Wrong {
    pub fn new(clinic: ClinicId, structure: i64, at: i64) -> Wrong {
        Wrong { clinic, structure, at, tries: AtomicU32::new(1) }
    }

    /// Counts one more try; how many there were.
    pub fn tried_again(&self) -> u32 {
        self.tries.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }
}

impl Known {
    pub fn right(&self, mac: &Mac) -> Option<Arc<Right>> {
        self.right.get(mac)
    }

    pub fn wrong(&self, mac: Mac, from: IpAddr) -> Option<Arc<Wrong>> {
        self.wrong.get(&(mac, from))
    }

    pub fn remember_right(&self, mac: Mac, right: Arc<Right>) {
        self.right.insert(mac, right);
    }

    pub fn remember_wrong(&self, mac: Mac, from: IpAddr, wrong: Wrong) {
        self.wrong.insert((mac, from), Arc::new(wrong));
    }

    pub fn forget(&self, mac: &Mac) {
        self.right.remove(mac);
    }

    pub fn forget_wrong(&self, mac: Mac, from: IpAddr) {
        self.wrong.remove(&(mac, from));
    }
}
