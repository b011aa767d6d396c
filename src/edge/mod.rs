//! What every HTTP door shares: connections to requests, headers to values, refusals to answers.
//!
//! A connection becomes an [`Ask`], a door turns it into an [`Answer`]. Whatever is read from outside has a
//! limit here: heads, bodies, stalled writers, requests in flight, failed logins.
//!
//! *Never:* knows a calendar, a URL of ours, or a door.
//!
//! Files: `ask` (one request) · `body` (an answer's bytes) · `auth` (headers to Caller) · `condition` (If-*)
//! · `if_header` (RFC 4918 10.4) · `range` (RFC 9110 14) · `limits` (size, deadline, in flight) · `problem`
//! (RFC 9457) · `proxy` (who really asks) · `gzip` · `connection`, `listen`, `stall`, `tls` (bytes to requests).

pub mod ask;
pub mod auth;
pub mod body;
pub mod condition;
mod connection;
pub mod gzip;
pub mod if_header;
pub mod limits;
pub mod listen;
pub mod problem;
pub mod proxy;
pub mod range;
mod stall;
pub mod tls;

pub use ask::{Ask, Unread};
pub use auth::Gate;
pub use body::{Body, Gone, Sender};
pub use condition::{Conditions, EtagList, Tag};
pub use if_header::{IfHeader, IfList, IfState, IfTerm};
pub use problem::Problem;
pub use range::ByteRange;

/// What every door gives back.
pub type Answer = http::Response<Body>;
