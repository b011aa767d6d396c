//! What stands outside: visits that hours no longer cover, or that a closed time covers. It is found out whenever
//! somebody looks, and before a change is made; nothing about it is stored, so it is never out of date.

use std::collections::{BTreeMap, HashMap, HashSet};

use ical::Window;
use store::{Busy, BusyKind, ClinicId, Conn, PrincipalId, Source};

use super::access::{self, Subject, Verb};
use super::error::{Error, Result};
use super::interval::Open;
use super::open::{self, Written};
use super::visit::AppointmentId;
use super::{Clinic, plan};
use crate::accounts::Caller;

/// How a change is asked for that may leave visits outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Only say what it would leave outside.
    Look,
    /// Make it, unless it leaves anything outside.
    Ask,
    /// Make it; what it leaves outside stays and is told of.
    Sure,
}

/// A change that was looked at, or made.
#[derive(Clone, Debug)]
pub struct Outcome<T> {
    /// None: it was only looked at.
    pub made: Option<T>,
    pub outside: Affected,
}

/// Visits that one answer lists: a holiday of a large clinic lies over tens of thousands.
pub const LISTED: usize = 1_000;

/// The visits that a change leaves outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// The first of them by their start, [`LISTED`] at most.
    pub first: Vec<Outside>,
    /// How many they are in all.
    pub count: u64,
}

/// Why something stands outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Hours,
    Closed,
}

impl Why {
    /// As it stands in the API.
    pub fn text(self) -> &'static str {
        match self {
            Why::Hours => "hours",
            Why::Closed => "closed",
        }
    }
}

/// A visit that stands outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    pub resource: PrincipalId,
    /// None: it was put there by a calendar program, and is no appointment.
    pub appointment: Option<AppointmentId>,
    /// Seconds UTC.
    pub start: i64,
    pub end: i64,
    pub why: Why,
}

impl Step {
    /// Whether it is to be made now; refused where it must be asked first.
    pub(super) fn goes_on(self, outside: &Affected) -> Result<bool> {
        match self {
            Step::Look => Ok(false),
            Step::Ask if outside.count > 0 => Err(Error::Outside(outside.clone())),
            _ => Ok(true),
        }
    }
}

impl Affected {
    /// With others beside them.
    pub(super) fn join(&mut self, others: Affected) {
        self.count += others.count;
        self.first.extend(others.first);
        self.first.sort_by_key(|one| (one.start, one.end, one.resource));
        self.first.truncate(LISTED);
    }
}

impl From<Vec<Outside>> for Affected {
    fn from(first: Vec<Outside>) -> Affected {
        let (mut all, count) = (Affected::default(), first.len() as u64);
        all.join(Affected { first, count });
        all
    }
}

/// A visit as it stands, its pieces joined.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    resource: PrincipalId,
    appointment: Option<AppointmentId>,
    pub span: (i64, i64),
}

impl Standing {
    fn outside(&self, why: Why) -> Outside {
        let (start, end) = self.span;
        Outside { resource: self.resource, appointment: self.appointment.clone(), start, end, why }
    }
}

/// Whether open time covers a span, at whatever place.
fn covers(open: &[Open], (start, end): (i64, i64)) -> bool {
    let mut at = start;
    let first = open.partition_point(|one| one.until <= start);
    for one in &open[first..] {
        if at >= end || one.from > at {
            break;
        }
        at = one.until;
    }
    at >= end
}

/// Those that lie in any of these spans.
pub(super) fn inside(visits: &[Standing], closed: &[(i64, i64)]) -> Affected {
    let closed = joined(closed.to_vec());
    let hit = visits.iter().filter(|one| meets(&closed, one.span));
    hit.map(|one| one.outside(Why::Closed)).collect::<Vec<_>>().into()
}

/// What of everybody's lies in one of these spans, which do not overlap; a visit once, whoever takes part.
pub(super) async fn inside_all(conn: &mut Conn, clinic: ClinicId, closed: &[(i64, i64)]) -> Result<Affected> {
    let mut all = Affected::default();
    for span in closed {
        let (met, count) = conn.visits_between(clinic, *span, LISTED as u32).await?;
        let uids: Vec<String> = met.iter().map(|one| uid(&one.name)).collect();
        let known = known(conn, clinic, &uids).await?;
        let first = met.iter().zip(uids).map(|(one, uid)| {
            let standing = Standing {
                resource: one.resource,
                appointment: appointment(&known, uid, one.occurrence),
                span: (one.start, one.end),
            };
            standing.outside(Why::Closed)
        });
        all.join(Affected { first: first.collect(), count });
    }
    Ok(all)
}

fn uid(name: &str) -> String {
    name.strip_suffix(".ics").unwrap_or(name).to_owned()
}

/// Which of these UIDs are appointments.
async fn known(conn: &mut Conn, clinic: ClinicId, uids: &[String]) -> Result<HashSet<String>> {
    let found = conn.appointments_by_uid(clinic, uids).await?;
    Ok(found.into_iter().map(|row| row.uid).collect())
}

/// The appointment under a UID; `occurrence` is 0 where it does not recur.
fn appointment(known: &HashSet<String>, uid: String, occurrence: i64) -> Option<AppointmentId> {
    let occurrence = Some(occurrence).filter(|instant| *instant != 0);
    known.contains(&uid).then_some(AppointmentId { uid, occurrence })
}

/// Sorted, those that touch made one.
fn joined(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    spans.dedup_by(|next, kept| {
        let touches = next.0 <= kept.1;
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
    spans
}

/// Whether any of some joined spans shares time with one.
fn meets(joined: &[(i64, i64)], (start, end): (i64, i64)) -> bool {
    let first = joined.partition_point(|(_, until)| *until <= start);
    joined.get(first).is_some_and(|(from, _)| *from < end)
}

/// The time from now on in which visits stand in the index.
pub(super) fn ahead(now: i64) -> Window {
    Window { from: now, until: plan::horizon(now) + plan::DAY }
}

/// What stands on these resources in the window, visits only, each once.
pub(super) async fn standing(
    conn: &mut Conn,
    clinic: ClinicId,
    (of, window, moment): (&[PrincipalId], Window, i64),
) -> Result<Vec<Standing>> {
    let rows = conn.busy_between(clinic, of, (window.from, window.until), moment).await?;
    let rows = rows.into_iter().filter(|one| one.kind == BusyKind::Visit);
    let mut joined: BTreeMap<(PrincipalId, String, i64), (i64, i64)> = BTreeMap::new();
    for Busy { resource, span, source, .. } in rows {
        let Source::Object(_, name) = source else { continue };
        let (start, end) = joined.entry((resource, name, span.occurrence)).or_insert((span.start, span.end));
        (*start, *end) = (span.start.min(*start), span.end.max(*end));
    }
    let uids: HashSet<String> = joined.keys().map(|(_, name, _)| uid(name)).collect();
    let known = known(conn, clinic, &uids.into_iter().collect::<Vec<_>>()).await?;
    let mut all: Vec<Standing> = joined
        .into_iter()
        .filter(|(_, (start, end))| *start < window.until && *end > window.from)
        .map(|((resource, name, occurrence), span)| Standing {
            resource,
            appointment: appointment(&known, uid(&name), occurrence),
            span,
        })
        .collect();
    all.sort_by_key(|one| (one.span, one.resource));
    Ok(all)
}

impl Clinic {
    /// What a change of hours would newly leave outside.
    pub(super) async fn left_by_hours(
        &self,
        clinic: ClinicId,
        of: PrincipalId,
        (before, after): (Written, Written),
    ) -> Result<Affected> {
        let (window, moment) = (ahead(self.store().clock().now()), self.store().moment().await?);
        let visits = standing(&mut self.store().read(clinic).await?, clinic, (&[of], window, moment)).await?;
        if visits.is_empty() {
            return Ok(Affected::default());
        }
        let left = plan::compute(move || {
            let (before, after) = (before.open(window)?, after.open(window)?);
            let lost = visits.iter().filter(|one| covers(&before, one.span) && !covers(&after, one.span));
            Ok::<_, Error>(lost.map(|one| one.outside(Why::Hours)).collect::<Vec<_>>().into())
        });
        left.await?
    }

    /// What of a practitioner's visits, or of what stands in a room, stands outside between two instants.
    pub async fn outside(
        &self,
        who: &Caller,
        of: PrincipalId,
        (from, until): (i64, i64),
    ) -> Result<Vec<Outside>> {
        access::need(who, Subject::Hours, Verb::Read, None)?;
        let Some(window) = Window::new(from, until) else { return Ok(Vec::new()) };
        let (clinic, moment) = (who.clinic(), self.store().moment().await?);
        let visits = standing(&mut self.store().read(clinic).await?, clinic, (&[of], window, moment)).await?;
        let spans: Vec<_> = visits.iter().map(|one| (of, one.span)).collect();
        let reasons = self.reasons(clinic, &spans).await?;
        let found = visits.iter().zip(reasons).filter_map(|(one, why)| Some(one.outside(why?)));
        Ok(found.collect())
    }

    /// Why each of these spans of somebody's time stands outside; None: it does not. The number of statements does not
    /// depend on how many there are.
    pub(super) async fn reasons(
        &self,
        clinic: ClinicId,
        spans: &[(PrincipalId, (i64, i64))],
    ) -> Result<Vec<Option<Why>>> {
        let ends = spans.iter().map(|(_, (start, end))| (*start, (*end).max(start + 1)));
        let Some((from, until)) = ends.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1))) else {
            return Ok(Vec::new());
        };
        let mut of: Vec<PrincipalId> = spans.iter().map(|(of, _)| *of).collect();
        of.sort_unstable();
        of.dedup();
        let moment = self.store().moment().await?;
        let mut conn = self.store().read(clinic).await?;
        let house = conn.house(clinic).await?;
        let closing: Vec<PrincipalId> = of.iter().copied().chain(house).collect();
        let mut closed: HashMap<PrincipalId, Vec<(i64, i64)>> = HashMap::new();
        for one in conn.busy_between(clinic, &closing, (from, until), moment).await? {
            if one.kind == BusyKind::Block {
                closed.entry(one.resource).or_default().push((one.span.start, one.span.end));
            }
        }
        drop(conn);
        closed.values_mut().for_each(|spans| *spans = joined(std::mem::take(spans)));
        let open = self.open_hours(clinic, &of, from, until).await?;
        let why = |(of, span): &(PrincipalId, (i64, i64))| {
            let all = [Some(*of), house];
            let mut closed = all.iter().flatten().filter_map(|of| closed.get(of));
            let is_closed = closed.any(|spans| meets(spans, *span));
            let is_early = open.get(of).is_some_and(|open| !covers(open, *span));
            is_closed.then_some(Why::Closed).or(is_early.then_some(Why::Hours))
        };
        Ok(spans.iter().map(why).collect())
    }

    /// What is written of one person's hours that counts from now on.
    pub(super) async fn written_of(&self, clinic: ClinicId, of: PrincipalId) -> Result<Written> {
        let window = ahead(self.store().clock().now());
        let mut conn = self.store().read(clinic).await?;
        Ok(open::written(&mut conn, clinic, &[of], window).await?.remove(&of).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::interval::Site;
    use super::*;

    #[test]
    fn open_time_covers_what_it_touches_without_a_gap() {
        let open = |from, until| Open { from, until, site: Site::default() };
        let line = [open(0, 10), open(10, 20), open(30, 40)];
        for (span, is) in
            [((0, 20), true), ((5, 15), true), ((15, 31), false), ((30, 40), true), ((40, 41), false)]
        {
            assert_eq!(covers(&line, span), is, "{span:?}");
        }
        assert!(!covers(&[], (0, 1)));
    }

    #[test]
    fn so_many_are_listed_and_all_are_counted() {
        let one = |n: i64| Outside {
            resource: PrincipalId(n),
            appointment: None,
            start: -n,
            end: 0,
            why: Why::Closed,
        };
        let some = |of: std::ops::Range<i64>| Affected::from(of.map(one).collect::<Vec<_>>());
        let mut all = some(0..700);
        all.join(some(700..3_000));
        assert_eq!((all.first.len(), all.count), (LISTED, 3_000));
        assert!(all.first.is_sorted_by_key(|one| one.start) && all.first[0].start == -2_999);
    }

    #[test]
    fn closed_time_is_met_where_it_lies() {
        let closed = joined(vec![(30, 40), (0, 10), (5, 20), (20, 25)]);
        assert_eq!(closed, [(0, 25), (30, 40)]);
        for (span, is) in [((24, 26), true), ((25, 30), false), ((29, 31), true), ((40, 50), false)] {
            assert_eq!(meets(&closed, span), is, "{span:?}");
        }
    }
}
