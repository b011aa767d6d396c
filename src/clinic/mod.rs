//! The clinic in its own words: who works there, what can be booked, for whom, and who may do what with it.
//!
//! *Never:* knows HTTP or SQL; shows a caller more than its role and its token are for; prints a patient.
//!
//! Files: `access` (THE table of roles and operations) · `directory` (the face of people and things, pages, versions) ·
//! `people` (practitioners) · `rooms` (rooms and equipment) · `making` (how one becomes bookable) · `terms` (what can be
//! chosen) · `services` (what is booked) · `patients` · `leave` (asked for, decided) · `error`.

mod access;
mod directory;
mod error;
mod leave;
mod making;
mod patients;
mod people;
mod rooms;
mod services;
mod terms;

pub use access::{Reach, Rule, Subject, TABLE, Verb, need, reach, rule};
pub use directory::{Cursor, Directory, PAGE, PAGE_MOST, Page};
pub use error::{Error, Result};
pub use leave::{LEAVE_KINDS, NewLeave};
pub use making::TermOn;
pub use patients::{PatientFields, email_key, phone_key};
pub use people::{NewPractitioner, Practitioner, PractitionerChange};
pub use rooms::{Kind, NewThing, Thing, ThingChange};
pub use services::{Need, NeedKind, OverrideFields, ServiceFields};
/// Rows and words of the store that doors hand over as they are.
pub use store::{
    Audited, Dimension, EVERY_DAY, Patient, PatientBy, PatientId, ProfileStatus, Request, RequestId,
    RequestStatus, Role, Service, ServiceId, ServiceOverride, Term, TermId,
};
pub use terms::{NewTerm, TermChange};
