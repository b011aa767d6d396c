//! Hours as text: a week, or an override of some days, as one VAVAILABILITY (RFC 7953) and back.
//!
//! Each run of hours is an AVAILABLE that recurs weekly on the wall clock of its zone. What it says of place and mode
//! stands in LOCATION and CATEGORIES, in words for people; which of the clinic's terms that is, in their parameter
//! `X-KALENDS-TERM`, so that names may change. A text that a calendar program wrote is read as far as it is a week; the
//! rest is counted, keeps its time, and stays when the week is changed.

use ical::{Component, Property};

use super::free::TermKey;
use super::interval::Site;

/// The parameter that names a term by its id.
const TERM: &str = "X-KALENDS-TERM";
/// Of what AVAILABLE says, the place and the mode.
const PLACE: &str = "LOCATION";
const MODE: &str = "CATEGORIES";

/// Where and how, as an AVAILABLE says it.
pub(super) fn site(part: &Component) -> Site {
    let term = |name: &str| part.all(name).find_map(named);
    Site { place: term(PLACE), mode: term(MODE) }
}

fn named(line: &Property) -> Option<TermKey> {
    line.param(TERM)?.trim().parse().ok().map(TermKey)
}
