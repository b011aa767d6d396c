//! What happens in the clinic, as it is told to those who look on: read from the journal with the reader's own place in it,
//! so that nobody misses anything, on whichever node it happened.
//!
//! A reader sees what is its own, or everything, as the table of roles says. Nothing is told of a hold but that somebody's
//! time is kept: whoever knows a hold's id may book by it.

use std::collections::{HashMap, HashSet};

use store::{AppointmentRow, Fact, HoldBecame, Noted, PrincipalId, Row};
use tokio::sync::watch;

use super::Clinic;
use super::access::{self, Reach, Subject, Verb};
use super::error::{Result, invalid};
use super::live::Follow;
use super::visit::AppointmentId;
use crate::accounts::{Caller, Role};

/// Facts read at a time.
const FACTS: u32 = 500;

/// Which events are told; what is empty or None leaves nothing out.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    pub practitioners: Vec<PrincipalId>,
    /// Only what lies in this span of time, as far as an event has one.
    pub window: Option<(i64, i64)>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The change it was part of.
    pub seq: i64,
    pub kind: &'static str,
    /// Seconds UTC.
    pub at: i64,
    /// Whose time it is about; of an appointment its practitioner.
    pub of: Option<PrincipalId>,
    pub appointment: Option<AppointmentId>,
    /// From when to when, and where an appointment stands now.
    pub span: Option<(i64, i64)>,
    pub status: Option<String>,
}

/// Some of what happened.
#[derive(Debug)]
pub struct Told {
    pub events: Vec<Event>,
    /// Everything up to this change was looked at.
    pub upto: i64,
    /// There is more already.
    pub is_full: bool,
    /// Moves when people, passwords or rights change.
    pub structure: i64,
}

impl Clinic {
    /// Where the journal stands, for a reader who begins; refuses a place that is not there yet.
    pub async fn place(&self, who: &Caller, since: Option<i64>) -> Result<i64> {
        access::reach(who, Subject::Events, Verb::Read)?;
        let now = self.store().version(who.clinic()).await?.seq;
        match since {
            Some(since) if (0..=now).contains(&since) => Ok(since),
            Some(_) => invalid("Last-Event-ID", "it is the id of an event that was sent"),
            None => Ok(now),
        }
    }

    /// Wakes after every commit; the number means nothing.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.store().changed()
    }

    /// What happened after a change, as far as the caller may see it.
    pub async fn events(&self, who: &Caller, watched: &Watched, after: i64) -> Result<Told> {
        let reach = access::reach(who, Subject::Events, Verb::Read)?;
        let version = self.store().version(who.clinic()).await?;
        let told = |events, upto, is_full| Told { events, upto, is_full, structure: version.structure };
        if version.seq <= after {
            return Ok(told(Vec::new(), after, false));
        }
        let (rows, is_full) = self.facts(who.clinic(), after, Follow::Everything(FACTS)).await?;
        let upto = rows.last().map_or(after, |row| row.seq);
        let upto = if is_full { upto } else { upto.max(version.seq) };
        let uids: HashSet<&str> = rows.iter().filter_map(|row| uid(&row.fact)).collect();
        let uids: Vec<String> = uids.into_iter().map(str::to_owned).collect();
        let mut conn = self.store().read(who.clinic()).await?;
        let known = match uids.is_empty() {
            true => Vec::new(),
            false => conn.appointments_by_uid(who.clinic(), &uids).await?,
        };
        drop(conn);
        let known: HashMap<&str, &AppointmentRow> = known.iter().map(|row| (row.uid.as_str(), row)).collect();
        let open = self.open_to(who).await?;
        let seen = |row: &&Row| is_for(who, reach, row, &open);
        let events = rows.iter().filter(seen).filter_map(|row| event(row, &known));
        let events = events.filter(|event| watched.has(event)).collect();
        Ok(told(events, upto, is_full))
    }

    /// Whose time is anybody's business, for a bot: of those whom it may book.
    async fn open_to(&self, who: &Caller) -> Result<HashSet<PrincipalId>> {
        if who.role() != Some(Role::Bot) {
            return Ok(HashSet::new());
        }
        self.look(who.clinic(), |index, _| {
            let is_open =
                |id: &PrincipalId| index.free.resource(*id).is_some_and(|one| one.active && one.online);
            index.free.ids().filter(is_open).collect()
        })
        .await
    }
}

impl Watched {
    fn has(&self, event: &Event) -> bool {
        let of = self.practitioners.is_empty() || event.of.is_none_or(|of| self.practitioners.contains(&of));
        let overlaps =
            |(from, until): (i64, i64)| event.span.is_none_or(|(start, end)| start < until && end > from);
        of && self.window.is_none_or(overlaps)
    }
}

fn uid(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Appointment { uid, .. } => Some(uid),
        _ => None,
    }
}

/// A practitioner sees what is about its own time; a bot what it did itself, and whose slots have changed.
fn is_for(who: &Caller, reach: Reach, row: &Row, open: &HashSet<PrincipalId>) -> bool {
    let Reach::Own(own) = reach else { return true };
    let of = match &row.fact {
        Fact::TimeChanged { resource, .. } | Fact::HoldsChanged { resource, .. } => *resource,
        Fact::Appointment { practitioner, .. } => *practitioner,
        Fact::Restored => return true,
        _ => return false,
    };
    match who.role() {
        Some(Role::Practitioner) => of == own,
        _ => match &row.fact {
            Fact::TimeChanged { .. } => open.contains(&of),
            _ => row.caller == Some(own),
        },
    }
}

fn event(row: &Row, known: &HashMap<&str, &AppointmentRow>) -> Option<Event> {
    let plain = |kind, of| Event {
        seq: row.seq,
        kind,
        at: row.at,
        of: Some(of),
        appointment: None,
        span: None,
        status: None,
    };
    Some(match &row.fact {
        Fact::TimeChanged { resource, from, until } => {
            Event { span: Some((*from, *until)), ..plain("slot_availability_changed", *resource) }
        }
        Fact::HoldsChanged { resource, became, .. } => plain(
            match became {
                HoldBecame::Made => "hold_created",
                HoldBecame::Prolonged => "hold_extended",
                HoldBecame::Ended => "hold_released",
                HoldBecame::RanOut => "hold_expired",
            },
            *resource,
        ),
        Fact::Appointment { practitioner, uid, noted, .. } => {
            let kind = match noted {
                Noted::Booked => "booked",
                Noted::Moved => "moved",
                Noted::Cancelled => "cancelled",
                Noted::Changed => "changed",
            };
            let is = known.get(uid.as_str());
            Event {
                appointment: Some(AppointmentId { uid: uid.clone(), occurrence: None }),
                span: is.map(|row| (row.start_at, row.end_at)),
                status: is.map(|row| row.status.clone()),
                ..plain(kind, *practitioner)
            }
        }
        Fact::Restored => Event { of: None, ..plain("reset", PrincipalId(0)) },
        _ => return None,
    })
}
