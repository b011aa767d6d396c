//! `kalends backup` and `kalends restore`: one portable archive for both databases.
//!
//! Invariant: a file of the given name is a whole archive: it is written beside and renamed after the last byte
//! reached the disk. A restore begins a new epoch, so that no client misses a change (trust.md R13).

use std::path::{Path, PathBuf};

use clap::Args;
use store::{Clock, Counts, Hold, Store};
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncWriteExt, BufReader, BufWriter},
};

use super::Context;
use crate::app::output::say;
use crate::app::{
    Error,
    parts::{self, Absent, Parts, Turned, beside},
};

/// Write everything into one archive, while the server runs.
#[derive(Debug, Args)]
pub struct Backup {
    file: PathBuf,
}

impl Backup {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let store = parts::open_store(&context.config, Absent::Refuse, Clock::Real).await?;
        let beside = beside(&self.file, "part");
        let written = write(&store, &beside).await;
        if written.is_err() {
            let _ = tokio::fs::remove_file(&beside).await;
        }
        let counts = written?;
        let what = format!("cannot write {}", self.file.display());
        tokio::fs::rename(&beside, &self.file).await.map_err(Error::io(what))?;
        say!("{}", said(&counts));
        store.close().await;
        Ok(())
    }
}

async fn write(store: &Store, file: &Path) -> Result<Counts, Error> {
    let what = format!("cannot write {}", file.display());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // It holds what the database holds.
    #[cfg(unix)]
    options.mode(0o600);
    let mut out = BufWriter::new(options.open(file).await.map_err(Error::io(what.clone()))?);
    let counts = store.backup(&mut out).await?;
    out.flush().await.map_err(Error::io(what.clone()))?;
    out.into_inner().sync_all().await.map_err(Error::io(what))?;
    Ok(counts)
}

/// Replace everything by an archive, made from either database. Refused while a server runs.
#[derive(Debug, Args)]
pub struct Restore {
    file: PathBuf,
}

impl Restore {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let what = format!("cannot read {}", self.file.display());
        let file = File::open(&self.file).await.map_err(Error::io(what))?;
        let store = parts::open_store(&context.config, Absent::Make, Clock::Real).await?;
        let lock = store.lock(Hold::Alone).await?;
        let counts = store.restore(BufReader::new(file)).await?;
        // What is derived is made again here, so that the next start is quick.
        let parts = Parts::build(&context.config, store, Turned::default()).await?;
        parts.calendars.reindex().await?;
        say!("{}", said(&counts));
        say!("a new epoch: every client synchronises anew");
        parts.close().await?;
        drop(lock);
        Ok(())
    }
}

fn said(counts: &Counts) -> String {
    let tables: Vec<_> = counts.tables.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
    tables.join(", ")
}
