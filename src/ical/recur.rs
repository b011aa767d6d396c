//! RRULE to instants.
