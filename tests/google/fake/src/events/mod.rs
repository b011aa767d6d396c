//! Events: event (one, as kept and as shown) · moment (EventDateTime) · series (instances) · check (what a body must
//! obey) · list (events.list, events.instances) · write (insert, import, patch, update, delete) · save (what every write
//! ends in) · place (get, move) · guests (copies in guests' calendars, mails)

mod check;
mod event;
mod guests;
pub mod list;
mod moment;
pub mod place;
mod save;
mod series;
pub mod write;

pub use event::Event;
pub use moment::{Moment, is_zone, parameter};
pub use save::{cancel, raw};
pub use series::Series;
