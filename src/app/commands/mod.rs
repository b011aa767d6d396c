//! The commands, one file a family: each holds its arguments and its doing.
//!
//! *Never:* speaks SQL, or changes a calendar by another way than the doors do.
//!
//! Files: `context` (what all are given) · `serve` · `clinic` · `user` · `app_password` · `token` · `calendar` · `share` · `feed` · `google` ·
//! `import` · `import_rows` · `export` · `maintain` (migrate, reindex, new-epoch) · `check` · `archive` (backup, restore) · `doctor`.

pub mod app_password;
pub mod archive;
pub mod calendar;
pub mod check;
pub mod clinic;
mod context;
pub mod doctor;
pub mod export;
pub mod feed;
pub mod google;
pub mod import;
pub mod import_rows;
pub mod maintain;
pub mod serve;
pub mod share;
pub mod token;
pub mod user;

pub use context::Context;
