//! Brings a database to the schema of this program, one numbered step after the other, each in a transaction of its
//! own: killed in between, the next run goes on where it stood (trust.md R14). Files: `migrations/<database>/`.

use std::path::Path;

use crate::clinics::{epoch, hex, random};
use crate::conn::{Conn, LONG};
use crate::dialect::Dialect;
use crate::meta::{INSTALLATION_KEY, SCHEMA_KEY, SECRET_KEY};
use crate::value::values;
use crate::{Database, Error, Hold, Lock, Options, Result, Store, sqlite};

/// One step: its name and its text for either database.
struct Step {
    sqlite: &'static str,
    postgres: &'static str,
}

/// All steps in order; the first makes schema 1.
const STEPS: &[Step] = &[
    Step {
        sqlite: include_str!("../../migrations/sqlite/0001_first.sql"),
        postgres: include_str!("../../migrations/postgres/0001_first.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0002_availability.sql"),
        postgres: include_str!("../../migrations/postgres/0002_availability.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0003_booking.sql"),
        postgres: include_str!("../../migrations/postgres/0003_booking.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0004_clinic.sql"),
        postgres: include_str!("../../migrations/postgres/0004_clinic.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0005_walls.sql"),
        postgres: include_str!("../../migrations/postgres/0005_walls.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0006_settings.sql"),
        postgres: include_str!("../../migrations/postgres/0006_settings.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0007_series.sql"),
        postgres: include_str!("../../migrations/postgres/0007_series.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0008_hours.sql"),
        postgres: include_str!("../../migrations/postgres/0008_hours.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0009_google.sql"),
        postgres: include_str!("../../migrations/postgres/0009_google.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0010_slots.sql"),
        postgres: include_str!("../../migrations/postgres/0010_slots.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0011_seats.sql"),
        postgres: include_str!("../../migrations/postgres/0011_seats.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0012_ended.sql"),
        postgres: include_str!("../../migrations/postgres/0012_ended.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0013_google_pace.sql"),
        postgres: include_str!("../../migrations/postgres/0013_google_pace.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0014_google_guests.sql"),
        postgres: include_str!("../../migrations/postgres/0014_google_guests.sql"),
    },
    Step {
        sqlite: include_str!("../../migrations/sqlite/0015_near.sql"),
        postgres: include_str!("../../migrations/postgres/0015_near.sql"),
    },
];

/// The clinic that every installation begins with.
const DEFAULT_CLINIC: &str = "default";

/// One number for all processes that migrate one PostgreSQL database at the same time.
const MIGRATION_LOCK: i64 = 0x6b61_6c65_6e64;

/// The schema this program needs.
pub const SCHEMA: i64 = STEPS.len() as i64;

/// What a migration did: `from == to` when there was nothing to do. 0 is an empty database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The schema found.
    pub from: i64,
    /// The schema now.
    pub to: i64,
}

impl Store {
    /// Migrates the database. `before` runs once before the first step, only when an existing database is about to
    /// be changed: the place for a backup; its error stops the migration. Takes the lock `Hold::Alone` itself.
    /// # Errors
    /// `Locked` while a server runs; `Schema` when the database is newer than this program.
    pub async fn migrate<B, F>(options: &Options, before: B) -> Result<Migrated>
    where
        B: FnOnce(Migrated) -> F + Send,
        F: Future<Output = Result<()>> + Send,
    {
        let dialect = Dialect::of(options)?;
        let mut conn = Conn::own(dialect.writer().await?, dialect.database());
        let _lock = Lock::take(&dialect, Hold::Alone).await?;
        let from = schema(&mut conn).await?;
        let plan = Migrated { from, to: SCHEMA };
        check(from, SCHEMA)?;
        if from > 0 && from < SCHEMA {
            before(plan).await?;
        }
        climb(&mut conn).await?;
        Ok(plan)
    }

    /// A copy of a SQLite database of any schema into a new file `to`, consistent while others write: the backup
    /// before a migration. PostgreSQL: `Error::Invalid`, its operator uses pg_dump.
    pub async fn copy(options: &Options, to: &Path) -> Result<()> {
        let dialect = Dialect::of(&Options { create: false, ..options.clone() })?;
        if dialect.database() == Database::Postgres {
            return Err(Error::Invalid("a copy of a PostgreSQL database is made with pg_dump"));
        }
        let to = to.to_str().ok_or(Error::Invalid("the path of the copy is not UTF-8"))?;
        let mut conn = Conn::own(dialect.writer().await?, dialect.database());
        conn.run("vacuum into $1", values![to]).await.map(|_| ())
    }
}

/// A newer database is never touched.
fn check(have: i64, want: i64) -> Result<()> {
    if have > want { Err(Error::Schema { have, want }) } else { Ok(()) }
}

/// The schema of the database, 0 when it is empty.
pub(crate) async fn schema(conn: &mut Conn) -> Result<i64> {
    let exists = match conn.database() {
        Database::Sqlite => "select count(*) from sqlite_master where name = 'meta'",
        Database::Postgres => {
            "select count(*) from information_schema.tables \
             where table_name = 'meta' and table_schema = current_schema()"
        }
    };
    if conn.number(exists, values![]).await? != Some(1) {
        return Ok(0);
    }
    let text = conn.meta(SCHEMA_KEY).await?.unwrap_or_default();
    text.parse().map_err(|_| Error::broken("the schema version of the database cannot be read"))
}

/// Runs the steps that are missing, each in a transaction together with its number.
pub(crate) async fn climb(conn: &mut Conn) -> Result<()> {
    // Whoever migrates beside us may need longer than a request may wait for a lock; PostgreSQL is told in each step.
    let is_sqlite = conn.database() == Database::Sqlite;
    if is_sqlite {
        conn.script(sqlite::WAIT_LONG).await?;
    }
    let climbed = climb_all(conn).await;
    if is_sqlite {
        conn.script(sqlite::WAIT).await?;
    }
    climbed
}

async fn climb_all(conn: &mut Conn) -> Result<()> {
    loop {
        conn.opened();
        conn.wait(LONG);
        conn.script(conn.database().begin_write()).await?;
        let climbed = step(conn).await;
        let end = if matches!(climbed, Ok(true)) { "commit" } else { "rollback" };
        conn.opened();
        conn.wait(LONG);
        let ended = conn.script(end).await;
        conn.closed();
        if !climbed? {
            return Ok(());
        }
        ended?;
    }
}

/// One step inside a transaction; false when there is none left. The schema is read again inside: another process
/// may have been faster. An empty database takes all steps at once: others that open it meanwhile must not take it for
/// one of an older release.
async fn step(conn: &mut Conn) -> Result<bool> {
    if conn.database() == Database::Postgres {
        conn.script("set local lock_timeout = 60000").await?;
        conn.run("select pg_advisory_xact_lock($1)", values![MIGRATION_LOCK]).await?;
    }
    let have = schema(conn).await?;
    check(have, SCHEMA)?;
    let to = if have == 0 { SCHEMA } else { have + 1 };
    if to > SCHEMA {
        return Ok(false);
    }
    steps(conn, have, to).await?;
    if have == 0 {
        found(conn).await?;
    }
    Ok(true)
}

/// Brings the schema from one number to another, inside a transaction.
pub(crate) async fn steps(conn: &mut Conn, from: i64, to: i64) -> Result<()> {
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let steps = range.and_then(|(from, to)| STEPS.get(from..to));
    for step in steps.ok_or_else(|| Error::broken("there is no such schema"))? {
        conn.script(match conn.database() {
            Database::Sqlite => step.sqlite,
            Database::Postgres => step.postgres,
        })
        .await?;
    }
    conn.keep_meta(SCHEMA_KEY, &to.to_string()).await
}

/// What a new installation begins with: its id, its secret, one clinic.
async fn found(conn: &mut Conn) -> Result<()> {
    conn.keep_meta(INSTALLATION_KEY, &hex(&random::<16>()?)).await?;
    conn.keep_meta(SECRET_KEY, &hex(&random::<32>()?)).await?;
    let id = conn.next_id().await?;
    let sql = "insert into clinics (id, name, epoch, seq, structure) values ($1, $2, $3, 0, 0)";
    conn.run(sql, values![id, DEFAULT_CLINIC, epoch()?]).await.map(|_| ())
}
