//! Meta: a few values of the installation as a whole: schema version, version of derived data, id, secret.

use crate::{Aside, Conn, Error, Result};

impl Conn {
    /// A value by its key.
    pub async fn meta(&mut self, _key: &str) -> Result<Option<String>> {
        Err(Error::broken("not built"))
    }

    /// The random id of this installation, 32 hexadecimal digits; a restore keeps the archive's.
    pub async fn installation(&mut self) -> Result<String> {
        Err(Error::broken("not built"))
    }

    /// The secret of this installation: keys MACs, never leaves the process. Not in a backup's reach of `meta`.
    pub async fn installation_secret(&mut self) -> Result<[u8; 32]> {
        Err(Error::broken("not built"))
    }
}

impl Aside {
    /// Sets a value. Keys of the store itself (`schema`, `installation`, `secret`) are refused with `Invalid`.
    pub async fn set_meta(&mut self, _key: &str, _value: &str) -> Result<()> {
        Err(Error::broken("not built"))
    }
}
