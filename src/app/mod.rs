//! The roof: reads the settings, builds every part once, in order, and puts the doors at their addresses.
//!
//! *Never:* is imported by another room; decides anything about calendars.
//!
//! Files: `cli` (the command line) and `commands/` (one file a family) · `config` (every setting) and `settings`
//! (where values come from) · `parts` (what is built, in order) · `serve` · `router` (the whole URL space) ·
//! `work` (what runs by the clock) · `elsewhere` (Google for the JSON door) · `demo` · `output` (standard output) · `telemetry` (logs, metrics) · `health`
//! · `error`.

pub mod cli;
mod commands;
pub mod config;
mod demo;
mod elsewhere;
mod error;
mod health;
mod output;
pub mod parts;
mod router;
pub mod serve;
pub mod settings;
pub mod telemetry;
mod work;

pub use error::Error;
