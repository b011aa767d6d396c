//! Meta: a few values of the installation as a whole: schema version, version of derived data, id, secret.

use crate::value::{Columns, values};
use crate::{Aside, Conn, Error, Result};

/// Keys that only the store writes.
pub(crate) const SCHEMA_KEY: &str = "schema";
pub(crate) const INSTALLATION_KEY: &str = "installation";
pub(crate) const SECRET_KEY: &str = "secret";

impl Conn {
    /// A value by its key.
    pub async fn meta(&mut self, key: &str) -> Result<Option<String>> {
        let row = self.one("select value from meta where key = $1", values![key]).await?;
        row.map(|row| Columns::of(&row).text()).transpose()
    }

    /// The random id of this installation, 32 hexadecimal digits; a restore brings the archive's.
    pub async fn installation(&mut self) -> Result<String> {
        self.meta(INSTALLATION_KEY).await?.ok_or_else(|| Error::broken("the installation has no id"))
    }

    /// The secret of this installation, which keys MACs and must never be shown; a restore brings the archive's.
    pub async fn installation_secret(&mut self) -> Result<[u8; 32]> {
        let text = self.meta(SECRET_KEY).await?.unwrap_or_default();
        let pairs: Vec<u8> = text.as_bytes().chunks(2).filter_map(byte).collect();
        pairs.try_into().map_err(|_| Error::broken("the installation has no secret"))
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

impl Aside {
    /// Sets a value. Keys of the store itself (`schema`, `installation`, `secret`) are refused with `Invalid`.
    pub async fn set_meta(&mut self, key: &str, value: &str) -> Result<()> {
        if [SCHEMA_KEY, INSTALLATION_KEY, SECRET_KEY].contains(&key) {
            return Err(Error::Invalid("this key of meta belongs to the store"));
        }
        self.keep_meta(key, value).await
    }
}

impl Conn {
    pub(crate) async fn keep_meta(&mut self, key: &str, value: &str) -> Result<()> {
        let sql = "insert into meta (key, value) values ($1, $2) \
            on conflict (key) do update set value = excluded.value";
        self.run(sql, values![key, value]).await.map(|_| ())
    }
}
