//! Every setting: name, default, meaning. The one list: flags, environment, file, schema and README table follow it.
//!
//! A flag outweighs the environment (`KALENDS_...`), which outweighs the TOML file, which outweighs the default.
//! Invariant: what may be secret (the database's address) is never printed, not even in an error.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::DatabaseUrl;

use super::Error;
use crate::accounts::Secret;

/// To add a setting: one field with its meaning as comment, its default below; then refresh
/// `schemas/config.schema.json` and the README's table by running their tests with `UPDATE=1`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the SQLite database, its lock and `kalends.toml`; made when missing.
    pub data: PathBuf,
    /// `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/NAME`. Without it `kalends.db` in the data folder.
    pub database: Option<DatabaseText>,
    /// Addresses to listen on.
    #[schemars(with = "Vec<String>")]
    pub listen: Vec<SocketAddr>,
    /// What clients reach this server by; stands in every printed or advertised absolute URL.
    pub public_url: Option<String>,
    /// TLS certificate chain, PEM; read again when it changes.
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Take passwords over plain HTTP from other machines too. Only for a network nobody else is on.
    pub allow_plain_http: bool,
    /// Networks (CIDR) whose `X-Forwarded-For`, `X-Forwarded-Proto` and `Forwarded` are believed.
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// Networks (CIDR) that may read `/metrics`.
    #[schemars(with = "Vec<String>")]
    pub metrics_from: Vec<IpNet>,
    /// What is logged, per room: `info`, `warn,kalends::request=debug` (every request), ...
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Answer hot reads from memory. Off, everything comes from the database: slower, never different.
    pub memory: bool,
    /// Google Calendar, both ways. Off while no client is named.
    pub google: Google,
    /// What a client may take.
    pub limits: Limits,
    /// SQLite only; `normal` may lose acknowledged writes at a power cut and exists to prove that tests notice.
    #[schemars(extend("x-hidden" = true))]
    pub sqlite_synchronous: Synchronous,
}

/// Sizes in bytes. 0 switches a limit off where that makes sense.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Body of a request that carries an object.
    pub body_bytes: usize,
    /// Body of a request that carries XML.
    pub xml_bytes: usize,
    /// One calendar object (CALDAV:max-resource-size).
    pub object_bytes: usize,
    /// Attendees of one object (CALDAV:max-attendees-per-instance).
    pub attendees: usize,
    /// Requests answered at once; above it 503 with Retry-After. 0: no limit.
    pub in_flight: usize,
    /// Open connections; more wait.
    pub connections: usize,
    /// Memory for the texts of objects.
    pub memory_text_bytes: u64,
    /// Memory for names, tags and times of objects.
    pub memory_index_bytes: usize,
    /// Failed logins an account may have from one address in a window. 0: no limit.
    pub login_failures: u32,
    /// That window, in seconds.
    pub login_window: u32,
}

/// The clinic's project at Google; how to make one stands in `interop/google.md`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Google {
    /// Id of the OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Hidden,
    /// Keys that seal tokens in the database: 32 bytes in base 64 each, with commas between. The first seals, all open;
    /// put a new one in front, run `kalends google rekey`, take the old one away.
    pub sealing_keys: Hidden,
    /// Key file of a service account to which a Workspace domain delegates its calendars.
    pub service_account: Option<PathBuf>,
    /// Calls a minute that the whole project may make at Google: 8,000 unless said otherwise, below Google's 10,000.
    #[schemars(range(min = 1))]
    pub calls_per_minute: Option<u32>,
    /// Calls a minute that one account may make: 480 unless said otherwise, below Google's 600.
    #[schemars(range(min = 1))]
    pub account_calls_per_minute: Option<u32>,
    /// Another server in place of Google, for tests.
    #[schemars(extend("x-hidden" = true))]
    pub base_url: Option<String>,
}

/// A setting that is never printed.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// `pragma synchronous` of SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    Full,
    Normal,
}

/// The address of a database as written; may hold a password, so Debug leaves it out.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct DatabaseText(pub String);

impl std::fmt::Debug for DatabaseText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.parse::<DatabaseUrl>() {
            Ok(url) => write!(f, "{url}"),
            Err(_) => f.write_str("***"),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data: "./kalends-data".into(),
            database: None,
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8008))],
            public_url: None,
            tls_cert: None,
            tls_key: None,
            allow_plain_http: false,
            trusted_proxies: Vec::new(),
            metrics_from: Vec::new(),
            log: "info".into(),
            log_format: LogFormat::Text,
            memory: true,
            google: Google::default(),
            limits: Limits::default(),
            sqlite_synchronous: Synchronous::Full,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        let (calendar, memory) =
            (crate::calendar::Limits::default(), crate::calendar::MemorySettings::default());
        let (edge, accounts) = (crate::edge::limits::Limits::default(), crate::accounts::Settings::default());
        Limits {
            // An object and its fold marks, with room for a client that sends a little more than it may.
            body_bytes: calendar.object_bytes + (64 << 10),
            xml_bytes: 1 << 20,
            object_bytes: calendar.object_bytes,
            attendees: calendar.attendees,
            in_flight: edge.in_flight,
            connections: edge.connections,
            memory_text_bytes: memory.text_bytes,
            memory_index_bytes: memory.index_bytes,
            login_failures: accounts.failures,
            login_window: accounts.window,
        }
    }
}

impl Config {
    /// What no single setting can say: whether they fit together.
    pub(super) fn sound(mut self) -> Result<Config, Error> {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(Error::config("tls_cert and tls_key: set both or neither"));
        }
        if self.listen.is_empty() {
            return Err(Error::config("listen: name at least one address, such as 127.0.0.1:8008"));
        }
        if let Some(url) = self.public_url.take() {
            self.public_url = Some(base(&url)?);
        }
        self.database_url()?;
        Ok(self)
    }

    /// Where the database is.
    pub fn database_url(&self) -> Result<DatabaseUrl, Error> {
        match &self.database {
            Some(text) => Ok(text.0.parse()?),
            None => Ok(DatabaseUrl::Sqlite(self.data.join("kalends.db"))),
        }
    }

    /// The keys that seal tokens of Google.
    pub(super) fn sealing_keys(&self) -> Vec<Secret> {
        let keys = self.google.sealing_keys.0.split(',').map(str::trim).filter(|key| !key.is_empty());
        keys.map(Secret::new).collect()
    }

    /// What absolute URLs begin with, without a slash at the end.
    pub fn base_url(&self) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let scheme = if self.tls_cert.is_some() { "https" } else { "http" };
        let mut at = self.listen.first().copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8008)));
        if at.ip().is_unspecified() {
            at.set_ip(std::net::IpAddr::from([127, 0, 0, 1]));
        }
        format!("{scheme}://{at}")
    }

    pub fn schema() -> schemars::Schema {
        let settings = schemars::generate::SchemaSettings::draft2020_12();
        settings
            .with(|settings| settings.inline_subschemas = true)
            .into_generator()
            .into_root_schema_for::<Config>()
    }
}

fn base(text: &str) -> Result<String, Error> {
    let wrong = || Error::config("public_url: expected something like https://calendar.example.org");
    let url = url::Url::parse(text).map_err(|_| wrong())?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    // URLs are computed from the root (/dav/, /feeds/): a server below a path could not be found.
    if !is_http || !is_plain || url.path() != "/" {
        return Err(wrong());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_has_no_path() {
        assert_eq!(base("https://Calendar.example.org/").unwrap(), "https://calendar.example.org");
        for bad in ["calendar.example.org", "ftp://a/", "https://a/b", "https://a/?b", "https://u@a/"] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_not_printed() {
        let database = Some(DatabaseText("postgres://kalends:hush@db/kalends".into()));
        let printed = format!("{:?}", Config { database, ..Config::default() });
        assert!(printed.contains("postgres://db/kalends") && !printed.contains("hush"), "{printed}");
    }

    #[test]
    fn half_of_tls_is_refused() {
        assert!(Config { tls_cert: Some("a".into()), ..Config::default() }.sound().is_err());
    }
}
