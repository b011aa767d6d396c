//! Time ranges on alarms and on single properties (RFC 4791 9.9, 9.7.2).

use crate::{Budget, Component, Error, Property, Window, Zone};

/// Whether alarm number `alarm` of component number `component` (as in `Occurrence::component`) fires inside the
/// window.
pub fn alarm_overlaps(
    tree: &Component,
    component: usize,
    alarm: usize,
    window: Window,
    floating: &Zone,
    budget: &mut Budget,
) -> Result<bool, Error> {
    let _ = (tree, component, alarm, window, floating, budget);
    Err(Error::Budget)
}

/// Whether the value of a property lies in the window: DATE-TIME, DATE or PERIOD; other values never do.
pub fn property_overlaps(
    tree: &Component,
    property: &Property,
    window: Window,
    floating: &Zone,
) -> Result<bool, Error> {
    let _ = (tree, property, window, floating);
    Err(Error::Budget)
}
