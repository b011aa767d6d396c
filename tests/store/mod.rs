//! The contract of the store, the same for SQLite and PostgreSQL; what only one of them promises stands in a file of
//! its own. A query without a test here does not exist.
//!
//! Files: `heart` (seq, versions, refusals, panics), `ahead` (changes that go together), `people`, `collections`, `objects`, `shares`,
//! `availabilities` (and what is read of many calendars at once), `derived` (packs, digests,
//! meta), `journal`, `booking` (what the database refuses by itself), `schema` (migrations), `archive` (backup and restore), `sqlite` (lock, other processes, kill -9),
//! `full` (a full disk), `google` (accounts, links and what hangs on them), `errands` (of links), `postgres` (two nodes, a dead server, a locked row),
//! `clinic` (people and things of a clinic), `walls` (row-level security), `world` (a clinic to begin with).
//! *Never:* sleeps to wait for something that can be asked for.

mod ahead;
mod archive;
mod availabilities;
mod booking;
mod clinic;
mod collections;
mod derived;
mod errands;
mod full;
mod google;
mod heart;
mod journal;
mod objects;
mod people;
mod postgres;
mod schema;
mod shares;
mod sqlite;
mod walls;
mod world;

/// For tests of other rooms that break what the store protects.
pub use sqlite::shell;
