//! Backup while the server runs: every table read in one snapshot, row by row, into an archive (trust.md R13, P8).
//! Memory stays bounded: rows are written as they arrive.

use futures_util::TryStreamExt;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use tokio::io::AsyncWrite;

use crate::archive::{Counts, Pen};
use crate::migrate::SCHEMA;
use crate::tables::{Kind, TABLES, Table};
use crate::value::{Columns, Value};
use crate::{Conn, Error, Result, Store};

impl Store {
    /// Writes a portable archive of everything but packs, read in one snapshot while the server runs. It holds
    /// password hashes and the secret of the installation: keep it like the database.
    pub async fn backup<W: AsyncWrite + Unpin + Send>(&self, out: W) -> Result<Counts> {
        let mut conn = self.apart().await?;
        conn.script(self.database().begin_snapshot()).await?;
        let mut pen = Pen::begin(out, SCHEMA).await?;
        let mut counts = Counts::default();
        for table in TABLES {
            pen.table(table.name).await?;
            copy(&mut conn, table, &mut pen).await?;
            counts.tables.push((table.name.into(), pen.count().await?));
        }
        pen.end().await?;
        Ok(counts)
    }
}

async fn copy<W: AsyncWrite + Unpin>(conn: &mut Conn, table: &Table, pen: &mut Pen<W>) -> Result<()> {
    let sql = format!("select {} from {}", table.names(), table.name);
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(conn.raw()?);
    while let Some(row) =
        rows.try_next().await.map_err(|_| Error::broken("a table cannot be read to its end"))?
    {
        pen.row(&values(&row, table)?).await?;
    }
    Ok(())
}

fn values(row: &AnyRow, table: &Table) -> Result<Vec<Value>> {
    let mut columns = Columns::of(row);
    let read = |(_, kind)| {
        Ok(match kind {
            Kind::Int => Value::Int(columns.maybe_int()?),
            Kind::Text => Value::Text(columns.maybe_text()?),
            Kind::Blob => Value::Blob(columns.maybe_blob()?),
        })
    };
    table.columns().map(read).collect()
}
