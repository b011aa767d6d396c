//! Restore: everything replaced by an archive in one transaction, or nothing; an archive of an older schema is put into the
//! tables of that schema and migrated with them. The invariants: every clinic gets a new epoch, so that no old sync token is misread (trust.md R13), and its sequence goes on above everything that was ever
//! handed out here, with `Fact::Restored` at its end, so that no process believes its memory to be fresh.

use std::collections::{HashMap, HashSet};

use sqlx::AssertSqlSafe;
use tokio::io::AsyncRead;

use crate::archive::{Counts, Frame, Reader};
use crate::clinics::epoch;
use crate::conn::LONG;
use crate::migrate::{self, SCHEMA};
use crate::tables::{Kind, Shape, TABLES};
use crate::value::{Columns, Value, values};
use crate::{ClinicId, Clock, Conn, Error, Result, Store};

/// Rows written by one statement.
const ROWS: usize = 40;

/// Tables emptied first: `packs` too, then the rest, children before parents.
const DERIVED: &str = "packs";

impl Store {
    /// Replaces everything by an archive of either database, in one transaction; a new epoch for every clinic.
    /// The caller holds `Hold::Alone`.
    /// # Errors
    /// `Invalid` when the archive is damaged, `Schema` when it is of a newer release: nothing is changed then.
    pub async fn restore<R: AsyncRead + Unpin + Send>(&self, from: R) -> Result<Counts> {
        let mut archive = Reader::begin(from).await?;
        let mut conn = self.apart().await?;
        begin(&mut conn).await?;
        let restored = replace(&mut conn, &mut archive, self.clock()).await;
        let restored = end(&mut conn, restored).await;
        self.look().await;
        restored
    }

    /// Ends every sync token that was handed out (RFC 6578 3.8: clients start anew); journals `Fact::Restored`.
    pub async fn new_epoch(&self) -> Result<()> {
        let mut conn = self.apart().await?;
        begin(&mut conn).await?;
        let known = sequences(&mut conn).await?;
        let renewed = renew(&mut conn, &known, self.clock()).await;
        let renewed = end(&mut conn, renewed).await;
        self.look().await;
        renewed
    }
}

async fn begin(conn: &mut Conn) -> Result<()> {
    conn.opened();
    conn.wait(LONG);
    conn.script(conn.database().begin_write()).await
}

async fn end<T>(conn: &mut Conn, result: Result<T>) -> Result<T> {
    conn.opened();
    let end = if result.is_ok() { "commit" } else { "rollback" };
    let ended = conn.script(end).await;
    conn.closed();
    result.and_then(|value| ended.map(|()| value))
}

async fn replace<R: AsyncRead + Unpin>(
    conn: &mut Conn,
    archive: &mut Reader<R>,
    clock: &Clock,
) -> Result<Counts> {
    let schema = match archive.next().await? {
        Frame::Schema(have) if have > SCHEMA => return Err(Error::Schema { have, want: SCHEMA }),
        Frame::Schema(have) if have > 0 => have,
        _ => return Err(OUT_OF_ORDER),
    };
    let known = sequences(conn).await?;
    if schema < SCHEMA {
        go_back(conn, schema).await?;
    }
    let tables = shapes(conn).await?;
    empty(conn, &tables).await?;
    let mut counts = Counts::default();
    for table in &tables {
        match archive.next().await? {
            Frame::Table(name) if name == table.name => {}
            _ => return Err(OUT_OF_ORDER),
        }
        counts.tables.push((table.name.into(), fill(conn, table, archive).await?));
    }
    let Frame::End = archive.next().await? else { return Err(OUT_OF_ORDER) };
    migrate::steps(conn, schema, SCHEMA).await?;
    renew(conn, &known, clock).await.map(|()| counts)
}

/// Makes every table anew as it was at an older schema.
async fn go_back(conn: &mut Conn, to: i64) -> Result<()> {
    let database = conn.database();
    for name in TABLES.iter().map(|table| table.name).chain([DERIVED]).rev() {
        conn.script(AssertSqlSafe(database.drop_table(name))).await?;
    }
    migrate::steps(conn, 0, to).await
}

/// The tables that are there, in the order of an archive.
async fn shapes(conn: &mut Conn) -> Result<Vec<Shape>> {
    let rows = conn.all(conn.database().columns(), values![]).await?;
    let there: HashSet<String> = rows.iter().map(|row| Columns::of(row).text()).collect::<Result<_>>()?;
    Ok(TABLES.iter().filter_map(|table| table.among(&there)).collect())
}

const OUT_OF_ORDER: Error = Error::Invalid("the archive does not have the tables of this release");

/// The sequence of every clinic that is here now.
async fn sequences(conn: &mut Conn) -> Result<HashMap<ClinicId, i64>> {
    Ok(conn.clinics().await?.into_iter().map(|clinic| (clinic.id, clinic.seq)).collect())
}

async fn empty(conn: &mut Conn, tables: &[Shape]) -> Result<()> {
    conn.script(AssertSqlSafe(format!("delete from {DERIVED}"))).await?;
    for table in tables.iter().rev() {
        conn.script(AssertSqlSafe(format!("delete from {}", table.name))).await?;
    }
    Ok(())
}

async fn fill<R: AsyncRead + Unpin>(conn: &mut Conn, table: &Shape, archive: &mut Reader<R>) -> Result<u64> {
    let mut rows = Vec::with_capacity(ROWS);
    loop {
        match archive.next().await? {
            Frame::Row(row) => rows.push(fitting(table, row)?),
            Frame::Count(count) => {
                insert(conn, table, &mut rows).await?;
                return Ok(count);
            }
            _ => return Err(OUT_OF_ORDER),
        }
        if rows.len() == ROWS {
            insert(conn, table, &mut rows).await?;
        }
    }
}

/// A row must have the columns of its table in their kinds.
fn fitting(table: &Shape, row: Vec<Value>) -> Result<Vec<Value>> {
    let kind = |value: &Value| match value {
        Value::Int(_) => Kind::Int,
        Value::Text(_) => Kind::Text,
        Value::Blob(_) => Kind::Blob,
    };
    let fits = row.iter().map(kind).eq(table.columns.iter().map(|(_, kind)| *kind));
    if fits { Ok(row) } else { Err(OUT_OF_ORDER) }
}

async fn insert(conn: &mut Conn, table: &Shape, rows: &mut Vec<Vec<Value>>) -> Result<()> {
    let width = table.columns.len();
    let places = |row: usize| {
        let places: Vec<String> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
        format!("({})", places.join(", "))
    };
    if rows.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = (0..rows.len()).map(places).collect();
    let names: Vec<_> = table.columns.iter().map(|(name, _)| *name).collect();
    let sql = format!("insert into {} ({}) values {}", table.name, names.join(", "), all.join(", "));
    conn.run(AssertSqlSafe(sql), rows.drain(..).flatten().collect()).await.map(|_| ())
}

/// A new epoch and a sequence above both the archive's and what was here.
async fn renew(conn: &mut Conn, known: &HashMap<ClinicId, i64>, clock: &Clock) -> Result<()> {
    for clinic in conn.clinics().await? {
        let seq = clinic.seq.max(known.get(&clinic.id).copied().unwrap_or(0)) + 1;
        let sql = "update clinics set epoch = $2, seq = $3, structure = $3 where id = $1";
        conn.run(sql, values![clinic.id, epoch()?, seq]).await?;
        let sql = "insert into journal (clinic_id, seq, n, kind, origin, at) \
            values ($1, $2, 0, 'restored', 'cli', $3)";
        conn.run(sql, values![clinic.id, seq, clock.now()]).await?;
    }
    Ok(())
}
