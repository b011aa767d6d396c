//! The clinic in its own words: who works there and who may do what, when they are free, what is booked with whom, and
//! that nothing is ever booked twice.
//!
//! A resource is a principal that can be booked: its calendar `visits` holds what takes its time, `absences` what
//! closes it. An appointment is an object in the practitioner's `visits`, a twin of it in the calendar of every room
//! and device that is booked with it, and a row for what iCalendar has no word for. Whoever writes (a phone through
//! [`Rules`], the house through [`Clinic::book`]), the busy rows of all of them change in the same transaction, and the
//! database itself refuses what would not fit.
//!
//! Free time is open time without busy time, exact to the second, kept in memory; what is offered and what a booking is
//! checked by are one function of the same intervals ([`fits`]).
//!
//! *Never:* knows HTTP or SQL; shows a caller more than its role and its token are for; decides by a clock of its own
//! what has expired; tells one patient of another; does I/O in a search or keeps a slot: slots are computed.
//!
//! People and things: `access` (THE table of roles and operations), `directory` (their face), `people` (practitioners),
//! `rooms` (and equipment), `making` (how one becomes bookable), `terms`, `services`, `patients`, `settings` (what
//! the clinic decides for all of it), `deeds` (the audit, and tokens).
//! Hours: `week` (what is said of them), `hours` (as text), `weekly` (asked for and set), `open` (when people are open, for
//! many at once), `outside` (visits that a change leaves outside), `closing` (closed time as an object), `blocks`,
//! `holidays` (closed for everybody), `leave`.
//! Booking: `visit` (what is booked, and its names), `appointments` (book, move, cancel, and where each stands), `holds`
//! (a time kept for minutes), `horizon` (what the clock must add), `rules` (the rule inside the one write), `ledger` (the
//! busy rows of one change), `fit` (does it fit), `plan` (from texts to intervals), `text` (appointments as iCalendar),
//! `status` (the table of states), `record` (what the audit says), `error`.
//! Changing: `alter` (what can be changed, and how far it reaches), `found` (an appointment in its transaction, written
//! anew), `scope` (one date), `course` (the rest of a series), `pattern` (series as iCalendar), `bulk` (many at once),
//! `claim` (what a phone made), `seats` (several patients on one event), `permit` (whose they are), `series` (made, read,
//! given dates), `eager` (rows of an older system to series). Reading: `dated` (an object as the dates it stands for),
//! `diary` (dates of many calendars by time).
//! Searching: `interval` (open, busy, what is wanted), `gaps` (open minus busy: where something fits), `packed` (intervals
//! in few bytes), `tally` (visits counted by service and day), `wall` (the wall clock of a zone, the grid of starts),
//! `postings` (who has what, as bits), `free` (the index), `ask` (a question and its answer), `slots` (the search), `needs`
//! (rooms and equipment), `token` (an offer that can be shown again).
//! Offering: `catalogue` (services, terms and settings in memory), `live` (the index, kept equal to the journal), `gather`
//! (from rows to the index), `wanted` (what is looked for), `dates` (the days of a series), `offers` (free starts, with
//! tokens), `wish` (from what is wanted to a visit), `check` (what must still be true when it is booked), `measures` (the
//! same of many dates), `reserve` (booked, kept, moved), `front` (appointments for whoever may see them), `link` (a
//! patient's own, without a login), `desk` (the clinic for one caller, after asking whether they may), `events` (what
//! happens, for those who look on).

mod access;
mod alter;
mod appointments;
mod ask;
mod blocks;
mod bulk;
mod catalogue;
mod check;
mod claim;
mod closing;
mod course;
mod dated;
#[cfg(test)]
mod dated_tests;
mod dates;
mod deeds;
mod desk;
mod diary;
mod directory;
mod eager;
mod error;
mod events;
mod fit;
mod found;
mod free;
mod front;
mod gaps;
mod gather;
mod holds;
mod holidays;
mod horizon;
mod hours;
mod interval;
mod leave;
mod ledger;
mod link;
mod live;
mod making;
mod measures;
mod needs;
mod offers;
mod open;
mod outside;
mod packed;
mod patients;
mod pattern;
mod people;
mod permit;
mod plan;
mod postings;
mod record;
mod reserve;
mod rooms;
mod rules;
mod scope;
mod seats;
mod series;
mod services;
mod settings;
mod slots;
mod status;
mod tally;
mod terms;
mod text;
mod token;
mod visit;
mod wall;
mod wanted;
mod week;
mod weekly;
mod wish;
#[cfg(test)]
mod worlds_tests;

use std::sync::{Arc, OnceLock};

use store::{ClinicId, Store};

pub use access::{Reach, Rule, Subject, TABLE, Verb, need, reach, rule};
pub use alter::{Alter, Scope};
pub use ask::{Ask, Dates, Demand, Offer, Refusal};
pub use blocks::{BLOCKS, Block};
pub use bulk::{ACTS, Act, Doing, Failed, Run};
pub use claim::Claim;
pub use closing::{BlockKind, Closing, Stretch};
pub use dated::{DateKind, Dated};
pub use deeds::AuditAfter;
pub use desk::Desk;
pub use diary::{DATES, DatePage, Day, Leaf, Mark, Whose};
pub use directory::{Cursor, Directory, More, PAGE, PAGE_MOST, Page};
pub use eager::{Eager, Imported};
pub use error::{Conflict, Error, Result, Unfit, kind_name};
pub use events::{Event, Told, Watched};
pub use fit::BUFFER;
pub use free::{About, Free, Resource, Tag, TermKey};
pub use front::{After, Amendment, CheckIn};
pub use gaps::fits;
pub use holds::{Held, Keep};
pub use holidays::NewHoliday;
pub use horizon::Extended;
pub use hours::Hours;
pub use interval::{Busy, Open, Site, Want};
pub use leave::{LEAVE_KINDS, NewLeave};
pub use link::{BadLink, LINK_HOURS, MadeLink, Mine};
pub use making::TermOn;
pub use measures::Unfitting;
pub use offers::Offered;
pub use outside::{Affected, LISTED, Outcome, Outside, Step, Why};
pub use patients::{PatientFields, email_key, phone_key};
pub use people::{NewPractitioner, Practitioner, PractitionerChange};
pub use plan::{ABSENCES, HOLIDAYS, HORIZON, VISITS, horizon};
pub use reserve::{Contact, Reserved};
pub use rooms::{Kind, NewThing, Thing, ThingChange};
pub use rules::Rules;
pub use seats::Session;
pub use series::{Counts, Going, Preview, SHOWN, SHOWN_MOST, Series};
pub use services::{Need, NeedKind, OverrideFields, ServiceFields};
pub use settings::Settings;
pub use status::Status;
/// Words of the store that doors hand over as they are.
pub use store::{
    AppointmentFilter, AppointmentRow, AuditOf, Audited, BusyKind, Dimension, EVERY_DAY, Origin, Patient,
    PatientBy, PatientId, Policy, PrincipalId, ProfileStatus, Request, RequestId, RequestStatus, Role,
    Service, ServiceId, ServiceOverride, Term, TermId, TokenId,
};
pub use terms::{NewTerm, TermChange};
pub use token::{PURPOSE as SLOT_PURPOSE, Slot, TokenError};
pub use visit::{AppointmentId, Booked, Cancel, Ground, Version, Visit};
pub use wanted::{OFFERS, Wanted};
pub use week::{INTERVALS, Interval, MINUTES, Week, day_name, day_named};
pub use weekly::{Base, NewOverride, OVERRIDES, Override};
pub use wish::{IN_PERSON, VIDEO, Wish};

use crate::accounts::Stamp;
use crate::calendar::Calendars;

/// Who does something, through which door: written beside everything that is done.
#[derive(Clone, Copy, Debug)]
pub struct By {
    pub clinic: ClinicId,
    /// None: the house itself.
    pub who: Option<PrincipalId>,
    pub door: Origin,
}

/// The room's face. Cheap to clone.
#[derive(Clone)]
pub struct Clinic {
    store: Store,
    calendars: Calendars,
    live: Arc<live::Live>,
    /// Of slots, and of patients' links.
    stamps: Arc<OnceLock<(Stamp, Stamp)>>,
}

impl Clinic {
    /// Over the calendars, which must have been opened with [`Rules`].
    pub fn new(store: Store, calendars: Calendars) -> Clinic {
        Clinic { store, calendars, live: Arc::default(), stamps: Arc::default() }
    }

    /// Makes a principal bookable: its resource and its two calendars, in one transaction. What a client's change onto
    /// a taken time does is the `policy`.
    pub async fn make_bookable(&self, by: By, id: PrincipalId, capacity: i64, policy: Policy) -> Result<()> {
        if capacity < 1 {
            return Err(Error::Invalid { field: "capacity", why: "at least one must fit" });
        }
        let made = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                let tx = work.tx();
                tx.sign(by.door, by.who);
                making::resource(
                    tx,
                    id,
                    &[making::VISITS, making::ABSENCES],
                    making::Room { capacity, policy },
                )
                .await?;
                Ok::<_, Error>(())
            })
        });
        made.await
    }

    fn store(&self) -> &Store {
        &self.store
    }
}

/// The instant of an occurrence by its key; None: it is of no series, or the series as a whole.
pub fn occurrence_of(key: &str) -> Option<i64> {
    let digits = key.strip_suffix('Z')?;
    let time = chrono::NaiveDateTime::parse_from_str(digits, "%Y%m%dT%H%M%S").ok()?;
    Some(time.and_utc().timestamp())
}

/// The key of an occurrence: its instant as RECURRENCE-ID in UTC, '' for what does not recur.
fn recurrence(instant: i64) -> String {
    if instant == 0 { String::new() } else { ical::When::Utc(instant).print() }
}
