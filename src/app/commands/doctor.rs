//! `kalends doctor`: how this installation is, for the operator at 3 a.m.
//!
//! Invariant: changes nothing, prints no secret and no patient's word; what cannot be found out is said, not left out.

use clap::Args;
use store::{ClinicId, CollectionId, Conn, Database, Hold, SCHEMA};

use super::Context;
use crate::app::output::say;
use crate::app::{
    Error,
    parts::{self, Parts},
};

/// Calendars counted in one go.
const PAGE: u32 = 1000;

/// What a superuser costs.
const SUPERUSER: &str = "the role of this address is a superuser or has BYPASSRLS: the database does not keep the \
    clinics apart; connect as a plain role that owns the database";

/// Show version, database, schema, index, locks and counts.
#[derive(Debug, Args)]
pub struct Doctor {}

impl Doctor {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        line("kalends", env!("CARGO_PKG_VERSION"));
        line("time zone data", ical::tzdata_version());
        line("database", context.config.database_url()?);
        let parts = context.parts().await?;
        line("kind", parts::word(parts.store.database()));
        if !parts.store.is_walled().await? {
            line("WARNING", SUPERUSER);
        }
        line("schema", format!("{SCHEMA}, as this program needs"));
        line("server", server(&parts).await?);
        let version = parts.calendars.index_version().await?.unwrap_or_else(|| "none".into());
        let index = if parts.calendars.index_is_current().await? {
            "made by this program"
        } else {
            "not this program's: made again at the next start, or now by `kalends reindex`"
        };
        line("index", format!("version {version}, {index}"));
        let mut conn = parts.store.across().await?;
        line("installation", conn.installation().await?);
        for clinic in conn.clinics().await? {
            line("clinic", format!("{} (epoch {}, change {})", clinic.name, clinic.epoch, clinic.seq));
            count(&parts, &mut conn, clinic.id).await?;
        }
        drop(conn);
        parts.close().await
    }
}

fn line(name: &str, value: impl std::fmt::Display) {
    say!("{name:<16}{value}");
}

/// Whether somebody holds the lock that a server holds.
async fn server(parts: &Parts) -> Result<&'static str, Error> {
    match (parts.store.lock(Hold::Alone).await, parts.store.database()) {
        (Ok(_), _) => Ok("none runs"),
        (Err(store::Error::Locked { .. }), Database::Sqlite) => Ok("one runs on this database"),
        (Err(store::Error::Locked { .. }), Database::Postgres) => Ok("at least one runs on this database"),
        (Err(error), _) => Err(error.into()),
    }
}

/// Whether every row of the audit is where it was written.
async fn audit(conn: &mut Conn, clinic: ClinicId) -> Result<String, Error> {
    Ok(match conn.audit_holds(clinic).await? {
        Ok(rows) => format!("{rows} rows, as they were written"),
        Err(seq) => format!("BROKEN at change {seq}: rows were changed or taken away past this program"),
    })
}

async fn count(parts: &Parts, conn: &mut Conn, clinic: ClinicId) -> Result<(), Error> {
    let people = parts.accounts.people(clinic).await?;
    let removed = people.iter().filter(|person| person.disabled_at.is_some()).count();
    line("  users", format!("{}, {removed} of them removed", people.len()));
    line("  audit", audit(conn, clinic).await?);
    let (mut calendars, mut objects, mut bytes) = (0, 0, 0);
    let mut after = CollectionId(0);
    loop {
        let page = conn.collections(clinic, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for one in &page {
            let (number, size) = conn.objects_total(clinic, one.id).await?;
            (objects, bytes) = (objects + number, bytes + size);
        }
        calendars += page.len();
    }
    line("  calendars", calendars);
    line("  objects", format!("{objects}, {:.1} MiB of text", bytes as f64 / f64::from(1 << 20)));
    Ok(())
}
