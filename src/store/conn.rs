//! A connection: what may be read through it ([`Conn`]), what may be tidied beside the sequence ([`Aside`]) and what
//! may be changed ([`Tx`]). A [`Tx`] has bumped `clinics.seq` before its job runs and is spoiled by its first error.

use std::ops::{Deref, DerefMut};

use crate::{ClinicId, Database, Error, Fact, Origin, PrincipalId, Result};

/// A connection for reading. One of the pool goes back to it when dropped.
pub struct Conn {
    database: Database,
}

impl Conn {
    /// Which database is behind it.
    pub fn database(&self) -> Database {
        self.database
    }
}

/// A small write that no follower needs to see: packs, `used_at`, digests, meta, pruning. Bumps nothing.
pub struct Aside {
    conn: Conn,
    now: i64,
}

impl Aside {
    /// Seconds UTC by the store's clock, the same for the whole job.
    pub fn now(&self) -> i64 {
        self.now
    }
}

impl Deref for Aside {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Aside {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

/// One change of one clinic: holds the clinic's sequence until the commit.
pub struct Tx {
    aside: Aside,
    clinic: ClinicId,
    seq: i64,
}

impl Tx {
    /// The clinic this change belongs to; a `Tx` writes nowhere else.
    pub fn clinic(&self) -> ClinicId {
        self.clinic
    }

    /// The number of this change: what every row it touches will carry. `seq() - 1` is the state it found.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// `clinics.structure` as this change found it: equal to what a caller saw, grants are as they were then.
    pub fn structure(&self) -> i64 {
        i64::MIN
    }

    /// Says who changes through which door; journalled with every fact after it. Before: `Origin::House`, nobody.
    pub fn sign(&mut self, _origin: Origin, _caller: Option<PrincipalId>) {}

    /// Journals a fact of its own. The write methods journal theirs themselves.
    pub async fn note(&mut self, _fact: Fact) -> Result<()> {
        Err(Error::broken("not built"))
    }
}

impl Deref for Tx {
    type Target = Aside;
    fn deref(&self) -> &Aside {
        &self.aside
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Aside {
        &mut self.aside
    }
}
