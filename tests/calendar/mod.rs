//! The meaning of calendars, below the doors, on both databases and with the memory on and off: the one write,
//! shares and what they show, sync, free/busy, and that nothing remembered is ever stale.

mod freebusy;
mod freshness;
mod shares;
mod sync;
mod world;
mod writes;
