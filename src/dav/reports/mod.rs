//! THE list of reports: supported-report-set and the method REPORT are made from it.
//!
//! *Never:* changes anything. Adding a report is one file with its grammar and its answer, and one line here.
//!
//! Files: `report` (the trait), `query`, `multiget`, `freebusy` (RFC 4791), `sync` (RFC 6578), `expand` (RFC 3253 3.8),
//! `principals` and `search` (RFC 3744 section 9).

mod expand;
mod freebusy;
mod multiget;
mod principals;
mod query;
pub mod report;
mod search;
mod sync;

use report::Report;

use crate::dav::props::property::Kinds;
use crate::dav::xml::{Element, Name};

const REPORTS: &[&dyn Report] = &[
    &query::CalendarQuery,
    &multiget::CalendarMultiget,
    &freebusy::FreeBusyQuery,
    &sync::SyncCollection,
    &expand::ExpandProperty,
    &search::PrincipalPropertySearch,
    &search::PrincipalSearchPropertySet,
    &principals::PrincipalMatch,
    &principals::AclPrincipalPropSet,
];

/// The reports that resources of a kind have.
pub fn on(kind: Kinds) -> impl Iterator<Item = Name> {
    REPORTS.iter().filter(move |report| report.on().has(kind)).map(|report| report.name())
}

/// The report that a request's root element names, if resources of this kind have it.
pub fn find(root: Element, kind: Kinds) -> Option<&'static dyn Report> {
    REPORTS.iter().copied().find(|report| root.is(report.name()) && report.on().has(kind))
}
