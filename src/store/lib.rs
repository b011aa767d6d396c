//! The memory of Kalends: rows in SQLite or PostgreSQL, one sequence of changes per clinic, one journal.
//! Every write goes through [`Store::write`], has its number of `clinics.seq` first and journals what it did, so the order
//! of the sequence is the order of the commits and a follower that has read up to a number has missed nothing.
//!
//! *Never:* knows iCalendar, decides who may do what, or lets SQL out of this room.
//!
//! Files: `db` (Store: open, read, write, close), `options`, `error`, `ids`, `clock`, `conn` (a connection and what
//! may be asked of it), `statements` (several in one trip), `value` (parameters and columns), `pool`, `job` (a write that waits), `writer` and `convoy`
//! (the group commits of SQLite and PostgreSQL), `ahead` (writes that go together), `recent` (what this process has just written), `instants` (one question for all who ask
//! at once), `dialect`, `sqlite` and `postgres` (what only one of them needs), `listen` (processes wake one another),
//! `reserve` (room kept for a full disk), `lock`, `migrate`, `archive`, `tables` (what it holds), `backup`, `restore`, and one file per table
//! family: `clinics`, `principals`, `availabilities`, `passwords`, `tokens`, `collections`, `objects`, `tombstones`,
//! `grants`, `feeds`, `properties`, `packs`, `journal`, `meta`; of what can be booked
//! `resources`, `busy`, `look` (what a change is weighed against), `holds`, `appointments`, `seats`; of the clinic's work `profiles`, `terms`, `services`,
//! `patients`, `requests`, `settings`, `idempotency`, `audit`; of Google `remotes`, `links`, `twins`, `errands`,
//! `channels` (of links and of lists of calendars).
#![warn(missing_docs)]

mod ahead;
mod appointments;
mod archive;
mod audit;
mod availabilities;
mod backup;
mod busy;
mod channels;
mod clinics;
pub mod clock;
mod collections;
mod conn;
mod convoy;
mod db;
mod dialect;
mod errands;
mod error;
mod feeds;
mod grants;
mod holds;
mod idempotency;
mod ids;
mod instants;
mod job;
mod journal;
mod links;
mod listen;
mod lock;
mod look;
mod meta;
mod migrate;
mod objects;
mod options;
mod packs;
mod passwords;
mod patients;
mod pool;
mod postgres;
mod principals;
mod profiles;
mod properties;
mod recent;
mod remotes;
mod requests;
mod reserve;
mod resources;
mod restore;
mod seats;
mod services;
mod settings;
mod sqlite;
mod statements;
mod tables;
mod terms;
mod tokens;
mod tombstones;
mod twins;
mod value;
mod writer;

pub use ahead::Ahead;
pub use appointments::{AppointmentFilter, AppointmentRow, Noted};
pub use archive::Counts;
pub use audit::{AuditOf, Audited, Deed};
pub use availabilities::Availability;
pub use busy::{Busy, BusyKind, LONGEST, Mark, Met, Source, Span, Taken};
pub use channels::{Channel, Watched};
pub use clinics::{Clinic, Instant, Version};
pub use clock::Clock;
pub use collections::{Access, Collection, CollectionChange, HomeChange, NewCollection, Policy, Visible};
pub use conn::{Aside, Conn, Tx, trips};
pub use db::Store;
pub use errands::{Errand, ErrandState, Way};
pub use error::{Error, Result, Unique};
pub use feeds::{Feed, FeedScope, NewFeed};
/// What a job of [`Store::write`] returns.
pub use futures_util::future::BoxFuture;
pub use grants::{Grant, Privilege};
pub use holds::{KeptHold, holds_among};
pub use idempotency::{IN_FLIGHT, KEPT, Key, Seen, once};
pub use ids::{
    AppPasswordId, ClinicId, CollectionId, FeedId, LinkId, PatientId, PrincipalId, RemoteId, RequestId,
    ServiceId, TermId, TokenId,
};
pub use journal::{Fact, HoldBecame, Origin, Record, Row};
pub use links::{Link, LinkCounts, LinkNote, LinkSums, NEVER, NewLink};
pub use lock::{Hold, Lock};
pub use look::Look;
pub use migrate::{Migrated, SCHEMA};
pub use objects::{Etag, NewDigest, NewObject, Object, ObjectMeta, Text};
pub use options::{Database, DatabaseUrl, Options, Secret, Synchronous};
pub use packs::Pack;
pub use passwords::{AppPassword, Credentials, NewAppPassword};
pub use patients::{Patient, PatientBody, PatientBy};
pub use principals::{NewPrincipal, Principal, PrincipalChange, PrincipalKind, Role};
pub use profiles::{Bookable, ProfileBody, ProfileStatus};
pub use properties::{Property, PropertyOwner};
pub use remotes::{Consent, Remote};
pub use requests::{Decision, NewRequest, Request, RequestStatus};
pub use resources::{Booking, Resource};
pub use seats::Seat;
pub use services::{Service, ServiceBody, ServiceOverride};
pub use tables::archived_columns;
pub use terms::{Dimension, EVERY_DAY, ResourceTerm, Term, TermBody};
pub use tokens::{NewToken, Token};
pub use tombstones::{Tombstone, Tombstones};
pub use twins::{Born, Twin};
