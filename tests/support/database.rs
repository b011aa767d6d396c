//! A fresh database for one test, SQLite or PostgreSQL, gone when the test is over. PostgreSQL is tested when
//! `KALENDS_TEST_POSTGRES` holds the address of a superuser of a throw-away cluster (`interop/postgres` prints one);
//! without it this says aloud that it was not, and fails under `KALENDS_TEST_ALL=1`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use ::store::{DatabaseUrl, Options, Store};

/// A database nobody else uses. Dropping it removes it.
pub struct Fresh {
    pub options: Options,
    place: Place,
}

enum Place {
    Folder(PathBuf),
    Postgres { admin: String, name: String },
}

impl Fresh {
    /// Opens it.
    pub async fn store(&self) -> Store {
        Store::open(&self.options).await.unwrap()
    }

    /// Opens it once more, as another process would.
    pub async fn again(&self) -> Store {
        self.store().await
    }

    /// The folder of a SQLite database.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder),
            Place::Postgres { .. } => None,
        }
    }

    /// The address of a PostgreSQL database.
    pub fn address(&self) -> Option<&str> {
        match &self.options.url {
            DatabaseUrl::Postgres(url) => Some(url),
            DatabaseUrl::Sqlite(_) => None,
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        match &self.place {
            Place::Folder(folder) => {
                std::fs::remove_dir_all(folder).ok();
            }
            Place::Postgres { admin, name } => {
                sql(admin, &format!("drop database if exists {name} with (force)"));
            }
        }
    }
}

/// Runs the test on SQLite and, where there is one, on PostgreSQL.
pub async fn each(test: impl AsyncFn(Fresh)) {
    test(sqlite()).await;
    if let Some(fresh) = postgres() {
        test(fresh).await;
    }
}

/// A SQLite database in a folder of its own.
pub fn sqlite() -> Fresh {
    sqlite_in(std::env::temp_dir().join(unique()))
}

/// One connection for readers: who holds one while it asks for another waits for itself here, and not only in a clinic
/// where as many do so at once as there are connections.
fn options(url: DatabaseUrl) -> Options {
    Options { pool: 1, ..Options::new(url) }
}

/// A SQLite database in this folder, which is made now and removed in the end.
pub fn sqlite_in(folder: PathBuf) -> Fresh {
    std::fs::create_dir_all(&folder).unwrap();
    let options = options(DatabaseUrl::Sqlite(folder.join("store.db")));
    Fresh { options, place: Place::Folder(folder) }
}

/// A database of the throw-away cluster, if there is one.
pub fn postgres() -> Option<Fresh> {
    let Ok(admin) = std::env::var("KALENDS_TEST_POSTGRES") else {
        missing(
            "PostgreSQL",
            "set KALENDS_TEST_POSTGRES; `interop/postgres` starts one and prints its address",
        );
        return None;
    };
    let name = unique().replace('-', "_");
    // Of a role that is no superuser: through row-level security a superuser would walk without noticing it.
    sql(&admin, &format!("create role {ROLE} login"));
    assert!(
        sql(&admin, &format!("create database {name} owner {ROLE}")),
        "psql cannot make a database at KALENDS_TEST_POSTGRES"
    );
    let url = as_role(&admin, &name);
    Some(Fresh { options: options(DatabaseUrl::Postgres(url)), place: Place::Postgres { admin, name } })
}

/// Who owns the databases of tests.
const ROLE: &str = "kalends_test";

/// The address of this database for that role: the user of the superuser's address replaced.
fn as_role(admin: &str, name: &str) -> String {
    let (server, query) = admin.split_once('?').unwrap_or((admin, ""));
    let (scheme, server) = server.split_once("://").unwrap();
    let server = server.rsplit_once('/').map_or(server, |(server, _)| server);
    let host = server.rsplit_once('@').map_or(server, |(_, host)| host);
    format!("{scheme}://{ROLE}@{host}/{name}?{query}")
}

/// Runs SQL at this address, past the store; false when it failed.
pub fn sql(address: &str, sql: &str) -> bool {
    let mut psql = Command::new("psql");
    // In every clinic: row-level security shows nothing to a session that says nothing.
    psql.env("PGOPTIONS", "-c kalends.clinic=0").args([
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-c",
        sql,
        address,
    ]);
    let psql = psql.output();
    psql.is_ok_and(|done| done.status.success())
}

/// Says once and aloud what is not tested here, or fails when everything must be.
pub fn missing(what: &str, how: &str) {
    static SAID: Once = Once::new();
    assert_ne!(std::env::var("KALENDS_TEST_ALL").as_deref(), Ok("1"), "{what} is not tested: {how}");
    SAID.call_once(|| eprintln!("\n*** NOT TESTED: {what}. To test it: {how} ***\n"));
}

fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("kalends-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
