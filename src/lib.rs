//! Kalends: the calendar server of a clinic. This file is the map of the house.
//!
//! A request comes in at the top and goes down through the floors, once, and comes back; nothing below knows who
//! called it. Who may use whom is held by `tests/house.rs`:
//!
//! ```text
//!   roof      app                      builds every part once, routes, timers, command line
//!   doors     dav  feeds  rest  google translate bytes into a call and the answer into bytes; decide nothing
//!   clinic    clinic                   who works there, what is booked, with whom, never twice
//!   meaning   calendar        edge     the one write, reads, access  |  what HTTP doors share
//!   floor 2   accounts                 who is asking
//!   ground    ical   store             the language  |  the memory  (packages of their own)
//! ```
//!
//! The ideas everything stands on: the **text** a client sent is the truth and is kept byte for byte, all else is
//! derived from it; there is **one write** ([`calendar::Calendars::put`]), whoever changes a calendar; it appends
//! **one fact** to the journal, and whoever must react reads the journal.
//!
//! **`ical`** (package `kalends-ical`) is the language: bytes to content lines to a tree, time zones, recurrence,
//! free and busy. No clock, no I/O.
//!
//! **`store`** (package `kalends-store`) is the memory: SQLite or PostgreSQL behind one face, one sequence of changes
//! per clinic, the journal, backup. The only room that speaks SQL; knows no iCalendar.
//!
//! **[`accounts`]** answers who is asking: people, passwords, app passwords, secret links. The only maker of a
//! [`accounts::Caller`], and the only room with cryptography.
//!
//! **[`calendar`]** is the meaning: every door and every command comes here. Access is decided in one place, writes
//! happen in one function, hot reads come from a bounded memory that is provably fresh.
//!
//! **[`clinic`]** is the clinic in its own words: practitioners, rooms, services, patients, and one table of which role may
//! do what; holds, appointments, and the rule that keeps whoever writes from booking twice. It is asked by the one write
//! through a trait of the calendar's own ([`calendar::Guard`]).
//!
//! **[`edge`]** is what HTTP doors share: connections, TLS, limits, credentials, conditions, refusals.
//!
//! **[`dav`]** is the door for calendar programs: WebDAV, CalDAV, sync (RFC 4918, 4791, 6578, 3744).
//!
//! **[`feeds`]** is the door for those who cannot log in: secret .ics and free-busy links, time zones (RFC 7808).
//!
//! **[`rest`]** is the door for booking bots and front desks: JSON, with an OpenAPI document made from its routes.
//!
//! **[`google`]** is the door that opens itself: calendars at Google, kept equal to ours in both directions.
//!
//! **[`app`]** is the roof. Start reading in `app/router.rs`: the whole URL space on one page.
//!
//! Trip one, to follow in ten minutes, a phone saves an event: `app/router` → `edge/auth` (Caller) → `dav/mod` →
//! `dav/methods/put` → `calendar/objects` (text checked, access, condition, save, journal: one transaction) → 201
//! with the ETag of exactly these bytes.
//!
//! Trip two, a bot books: `app/router` → `rest/mod` (the route) → `rest/appointments` (a wish) → `clinic/reserve` (who may,
//! and by the index of free time what it comes to) → `clinic/appointments` (busy rows, texts, row, journal: one
//! transaction that looks again) → 201, or 409 with what is free instead.

pub mod accounts;
pub mod app;
pub mod calendar;
pub mod clinic;
pub mod dav;
pub mod edge;
pub mod feeds;
pub mod google;
pub mod rest;
