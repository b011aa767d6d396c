//! RRULE as a value.
