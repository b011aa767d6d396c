//! Packs: the packed index of a collection as of a seq, one blob. Derived: may vanish at any time.

use bytes::Bytes;

use crate::{Aside, ClinicId, CollectionId, Conn, Error, Result};

/// A packed index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The change up to which it is complete.
    pub seq: i64,
    /// The caller's format and tz data version; another one: throw it away.
    pub version: String,
    /// The caller's bytes.
    pub body: Bytes,
}

impl Conn {
    /// The pack of a collection.
    pub async fn pack(&mut self, _clinic: ClinicId, _of: CollectionId) -> Result<Option<Pack>> {
        Err(Error::broken("not built"))
    }
}

impl Aside {
    /// Keeps a pack, unless there is a newer one. `Error::Gone` when the collection is gone.
    pub async fn put_pack(&mut self, _clinic: ClinicId, _of: CollectionId, _pack: Pack) -> Result<()> {
        Err(Error::broken("not built"))
    }

    /// Throws all packs of the clinic away.
    pub async fn drop_packs(&mut self, _clinic: ClinicId) -> Result<()> {
        Err(Error::broken("not built"))
    }
}
