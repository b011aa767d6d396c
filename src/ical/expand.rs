//! CALDAV:expand (RFC 4791 9.6.5): occurrences as components of their own, in UTC.

use crate::{Budget, Component, Error, Window, Zone};

/// The occurrences in the window as single components: times in UTC, RECURRENCE-ID, no rules, no VTIMEZONE;
/// floating times and dates stay as they are.
pub fn expand(
    tree: &Component,
    window: Window,
    floating: &Zone,
    budget: &mut Budget,
) -> Result<Component, Error> {
    let _ = (tree, window, floating, budget);
    Err(Error::Budget)
}
