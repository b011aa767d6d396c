//! `kalends migrate`, `reindex`, `new-epoch`: what keeps a database fit for this program.

use clap::Args;

use super::Context;
use crate::app::output::say;
use crate::app::{Error, serve};

/// Bring the database to the schema of this program (on SQLite `serve` does it by itself, after a copy).
#[derive(Debug, Args)]
pub struct Migrate {}

impl Migrate {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let done = serve::migrate(&context.config).await?;
        match done.from == done.to {
            true => say!("schema {}: nothing to do", done.to),
            false => say!("migrated from schema {} to {}", done.from, done.to),
        }
        Ok(())
    }
}

/// Make everything again that is derived from the texts.
#[derive(Debug, Args)]
pub struct Reindex {}

impl Reindex {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts().await?;
        let done = parts.calendars.reindex().await?;
        let busy = parts.clinic.rebuild_all().await?;
        say!("{} objects indexed, {} unreadable", done.objects, done.unreadable);
        if busy.intervals > 0 {
            say!("{} intervals that can be booked, {} of them newly marked", busy.intervals, busy.marked);
        }
        parts.close().await
    }
}

/// Make every client synchronise anew: after a restore at file or database level, so that none misses a change.
#[derive(Debug, Args)]
pub struct NewEpoch {}

impl NewEpoch {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts().await?;
        parts.store.new_epoch().await?;
        say!("a new epoch: earlier sync tokens are refused");
        parts.close().await
    }
}
