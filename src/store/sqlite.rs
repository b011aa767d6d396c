//! What only SQLite needs: how a file is opened, what its error codes mean, the statements that travel together in one
//! text. The one invariant: WAL with synchronous=FULL, so an acknowledged write survives a power cut (trust.md P2).

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Executor};

use crate::conn::Fate;
use crate::{Error, Options, Result, Synchronous, Unique};

/// How long a statement waits for a lock of another process before `Error::Busy`, milliseconds.
pub(crate) const WAIT: &str = "pragma busy_timeout = 5000";
/// The same where another may be migrating.
pub(crate) const WAIT_LONG: &str = "pragma busy_timeout = 60000";

/// How long opening is tried again, and after what pause. Whoever was made to wait by `busy_timeout` has waited longer.
const TRIED: Duration = Duration::from_secs(1);
const BETWEEN: Duration = Duration::from_millis(25);

/// Pages between two checkpoints when the disk is large: 4 MiB of WAL.
pub(crate) const CHECKPOINT_PAGES: u64 = 1000;

/// Pages as SQLite makes them.
pub(crate) const PAGE: u64 = 4096;

/// Memory for pages: the writer's and each reader's, KiB. Small, because the house at rest stays below 40 MiB.
const WRITER_CACHE: u32 = 4096;
const READER_CACHE: u32 = 1024;

/// Where the file is and how it is opened.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    create: bool,
    synchronous: Synchronous,
}

impl Place {
    pub(crate) fn new(path: &Path, options: &Options) -> Result<Place> {
        let path = std::path::absolute(path).map_err(|error| Error::Broken(std::sync::Arc::new(error)))?;
        Ok(Place { path, create: options.create, synchronous: options.synchronous })
    }

    /// `<database><suffix>`: the lock and the reserve stand beside the file.
    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    pub(crate) async fn reader(&self) -> Result<AnyConnection> {
        let pragmas = format!(
            "{WAIT}; pragma query_only = on; pragma temp_store = memory; \
             pragma cache_size = -{READER_CACHE}"
        );
        self.connect("rw", pragmas).await
    }

    pub(crate) async fn writer(&self) -> Result<AnyConnection> {
        let synchronous = match self.synchronous {
            Synchronous::Full => "full",
            Synchronous::Normal => "normal",
        };
        // auto_vacuum comes first: it can only be chosen before the file has a page. It lets a full disk get pages
        // back (reserve.rs). temp_store: the journals of savepoints must not need room on any disk.
        let pragmas = format!(
            "pragma auto_vacuum = incremental; {WAIT}; pragma journal_mode = wal; \
             pragma synchronous = {synchronous}; pragma foreign_keys = on; pragma secure_delete = on; \
             pragma temp_store = memory; pragma cache_size = -{WRITER_CACHE}; pragma mmap_size = 0"
        );
        self.connect(if self.create { "rwc" } else { "rw" }, pragmas).await
    }

    /// A new database that several open at once answers some of them "locked" without waiting: whoever switches it to WAL
    /// is given way to. They try again, for a moment: a file that is locked for good is told of after one waiting.
    async fn connect(&self, mode: &str, pragmas: String) -> Result<AnyConnection> {
        let url = format!("sqlite://{}?mode={mode}", escape(&self.path)?);
        let options = AnyConnectOptions::from_str(&url).map_err(failed)?.disable_statement_logging();
        let began = Instant::now();
        loop {
            let made = async {
                let mut connection = options.connect().await?;
                connection.execute(sqlx::raw_sql(AssertSqlSafe(pragmas.as_str()))).await?;
                Ok(connection)
            };
            match made.await.map_err(failed) {
                Err(Error::Busy) if began.elapsed() < TRIED => tokio::time::sleep(BETWEEN).await,
                made => return made,
            }
        }
    }
}

/// A path as it may stand in a URL.
fn escape(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or(Error::Invalid("the path of the database is not UTF-8"))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    Ok(text
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect())
}

fn failed(error: sqlx::Error) -> Error {
    self::error(error).0
}

/// Primary result codes, <https://www.sqlite.org/rescode.html>.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const FULL: i32 = 13;
/// Growing the shared-memory file found no room.
const IOERR_SHMSIZE: i32 = 4874;
const FOREIGN_KEY: i32 = 787;
const PRIMARY_KEY: i32 = 1555;
const UNIQUE: i32 = 2067;
/// A trigger of ours said no; the only ones are those of `busy`.
const TRIGGER: i32 = 1811;
/// A sync failed: what the kernel has dropped it will not report again.
pub(crate) const IOERR_FSYNC: i32 = 1034;
pub(crate) const IOERR_DIR_FSYNC: i32 = 1290;

/// The result code of an error, 0 when it is none of the database's.
pub(crate) fn code(error: &sqlx::Error) -> i32 {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// What an error of sqlx means here.
pub(crate) fn error(error: sqlx::Error) -> (Error, Fate) {
    if let sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed | sqlx::Error::PoolTimedOut = error {
        return (Error::Busy, Fate::Lost);
    }
    let code = code(&error);
    let ours = match code {
        UNIQUE | PRIMARY_KEY => Error::Unique(unique(&error)),
        FOREIGN_KEY => Error::Gone,
        TRIGGER => Error::Overlap,
        IOERR_SHMSIZE => Error::Full,
        _ => match code & 0xff {
            BUSY | LOCKED => Error::Busy,
            FULL => Error::Full,
            _ => return (Error::Broken(std::sync::Arc::new(error)), Fate::Kept),
        },
    };
    (ours, Fate::Kept)
}

/// SQLite names the columns: "UNIQUE constraint failed: objects.clinic_id, ...".
fn unique(error: &sqlx::Error) -> Unique {
    let message = error.as_database_error().map_or("", |error| error.message());
    match message.rsplit(", ").next().unwrap_or_default().rsplit(": ").next().unwrap_or_default() {
        "clinics.name" => Unique::ClinicName,
        "principals.name" => Unique::PrincipalName,
        "collections.slug" => Unique::CollectionSlug,
        "objects.uid" => Unique::ObjectUid,
        _ => Unique::Other,
    }
}

/// The writer's statements around jobs: the end of the job before and the begin of the next travel as one text,
/// because every text is a trip to SQLite's thread and back.
macro_rules! bump {
    () => {
        "update clinics set seq = seq + 1 where id = $1 returning seq, structure, audit_head"
    };
}
/// A job that nobody waits behind needs no savepoint: its transaction is one.
pub(crate) const ALONE: &str = concat!("begin immediate; ", bump!());
pub(crate) const ALONE_ASIDE: &str = "begin immediate";
pub(crate) const FIRST: &str = concat!("begin immediate; savepoint job; ", bump!());
pub(crate) const AFTER_KEPT: &str = concat!("release job; savepoint job; ", bump!());
pub(crate) const AFTER_REFUSED: &str = concat!("rollback to job; release job; savepoint job; ", bump!());
pub(crate) const FIRST_ASIDE: &str = "begin immediate; savepoint job";
pub(crate) const AFTER_KEPT_ASIDE: &str = "release job; savepoint job";
pub(crate) const AFTER_REFUSED_ASIDE: &str = "rollback to job; release job; savepoint job";
/// A commit releases the last savepoint by itself.
pub(crate) const COMMIT_KEPT: &str = "commit";
pub(crate) const COMMIT_REFUSED: &str = "rollback to job; commit";

/// What the planner is to believe of the tables is kept in one that this makes, and that a connection reads when it opens.
/// Nothing is counted, ever.
pub(crate) const BELIEVE: &str = "analyze sqlite_schema";

/// Whether there is such a table.
pub(crate) const BELIEVES: &str = "select count(*) from sqlite_schema where name = 'sqlite_stat1'";

/// Of which indexes it knows nothing: their table, their name there, and whether they have some rows only.
macro_rules! unknown {
    () => {
        "(select t.name as tbl, l.name as idx, l.\"unique\" as is_whole, \
             case when l.origin = 'pk' and t.sql like '%without rowid%' then t.name else l.name end as called, \
             case when l.partial = 1 then 10000 else 1000000 end as rows \
         from sqlite_schema as t cross join pragma_index_list(t.name) as l \
         where t.type = 'table' and t.name not like 'sqlite!_%' escape '!') as i \
         where not exists (select 1 from sqlite_stat1 as s where s.tbl = i.tbl and s.idx = i.called)"
    };
}
pub(crate) const UNKNOWN: &str = concat!("select count(*) from ", unknown!());

/// Left to itself SQLite takes every clinic for ten rows, and would rather read all of its millions, one by one, than use a
/// longer key. So a clinic that has just begun looks like one of thousands: a million rows, nearly all of one clinic; each
/// further column of a key leaves far fewer; a whole key leaves one; an index of some rows has few; and nothing is looked
/// for in one clinic after the other. An index of which nothing is known would look better than all others.
pub(crate) const MAKE_KNOWN: &str = concat!(
    "insert into sqlite_stat1 (tbl, idx, stat) select i.tbl, i.called, i.rows || ' ' || (select group_concat(case \
         when i.is_whole = 1 and c.seqno = (select max(seqno) from pragma_index_info(i.idx)) then 1 \
         when c.seqno = 0 and c.name = 'clinic_id' then i.rows \
         when c.seqno <= 1 then i.rows / 1000 \
         when c.seqno = 2 then max(2, i.rows / 10000) \
         else max(2, i.rows / 50000) end, ' ') from pragma_index_info(i.idx) as c) || ' noskipscan' from ",
    unknown!(),
    "; analyze sqlite_schema"
);

/// Blobs stay as they are where SQLite joins them (the database is UTF-8, nothing is converted).
pub(crate) const TEXTS_AS_ONE: &str = "cast(group_concat(\
    printf('%d %d ', length(cast(name as blob)), length(text)) || name || etag || text, '') as blob)";

/// Parameters: clinic, collection, name, seq, now, n, origin, caller. The object goes last: the others ask for it.
pub(crate) const REMOVE_OBJECT: &str = "\
    insert into tombstones (clinic_id, collection_id, name, seq, at) \
    select clinic_id, collection_id, name, $4, $5 from objects \
    where clinic_id = $1 and collection_id = $2 and name = $3 \
    on conflict (clinic_id, collection_id, name) do update set seq = excluded.seq, at = excluded.at; \
    update collections set seq = $4 where clinic_id = $1 and id = $2 \
        and exists (select 1 from objects where clinic_id = $1 and collection_id = $2 and name = $3); \
    insert into journal (clinic_id, seq, n, kind, collection_id, name, origin, caller_id, at) \
    select clinic_id, $4, $6, 'object-gone', collection_id, name, $7, $8, $5 from objects \
    where clinic_id = $1 and collection_id = $2 and name = $3; \
    delete from dead_properties \
    where clinic_id = $1 and owner_kind = 'object' and owner_id = $2 and owner_name = $3; \
    delete from objects where clinic_id = $1 and collection_id = $2 and name = $3 returning size";
