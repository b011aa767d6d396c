//! From an object to the intervals it takes: which of its occurrences block, up to which horizon, beyond it.

use ical::{Budget, Busy as FreeBusy, Object, Occurrence, Window, Zone};
use store::{BusyKind, ClinicId, Conn, LONGEST, PrincipalId, Resource, Span};

use super::error::Result;
use super::fit::{Board, pieces};
use super::text;
use crate::calendar::{self, Precondition, Work};

pub const DAY: i64 = 86_400;
/// Intervals stand in `busy` for this many days ahead.
pub const HORIZON: i64 = 400 * DAY;
/// And behind: what is over is nobody's conflict.
pub const BEHIND: i64 = 31 * DAY;
/// Intervals one object may take within the horizon: one an hour for half of it.
const MOST: usize = 5_000;
/// Beyond the horizon series are compared with series for this long.
pub const FAR: i64 = 3_653 * DAY;
/// Objects of one resource that go on beyond the horizon and are compared.
const OTHERS: u32 = 2_000;

/// A calendar by its slug in which everything blocks.
pub const ABSENCES: &str = "absences";
/// The calendar that is booked into.
pub const VISITS: &str = "visits";
/// The calendar of the house: what stands in it closes everybody's time.
pub const HOLIDAYS: &str = "holidays";

/// The span of time in which occurrences become intervals. A day longer than the horizon, so that whatever was
/// expanded just before midnight suffices after it.
pub fn window(now: i64) -> Window {
    Window { from: day(now) - BEHIND, until: horizon(now) + DAY }
}

/// Up to where intervals stand, by the day.
pub fn horizon(now: i64) -> i64 {
    day(now) + HORIZON
}

fn day(now: i64) -> i64 {
    now.div_euclid(DAY) * DAY
}

/// What kind of interval a calendar holds.
pub fn kind_of(slug: &str) -> BusyKind {
    if [ABSENCES, HOLIDAYS].contains(&slug) { BusyKind::Block } else { BusyKind::Visit }
}

/// Those occurrences that take time, as rows: TENTATIVE counts, CANCELLED does not; TRANSPARENT only where everything
/// blocks, because phones make all-day entries transparent.
pub fn spans(
    object: &Object,
    occurrences: &[Occurrence],
    kind: BusyKind,
    buffers: (i64, i64),
) -> calendar::Result<Vec<Span>> {
    let blocks = |one: &&Occurrence| match kind {
        BusyKind::Block => object.kind == ical::Kind::Event && one.busy != FreeBusy::Free,
        _ => one.busy.takes_time(),
    };
    let mut all = Vec::new();
    for one in occurrences.iter().filter(blocks) {
        all.extend(pieces((one.start, one.end), buffers, one.id.unwrap_or(0)));
        if all.len() > MOST {
            return Err(Precondition::MaxInstances(MOST).into());
        }
    }
    Ok(all)
}

/// Where the intervals of an object would meet those of others beyond the horizon, and with what: both are expanded
/// up to the end of the shorter, at most ten years. `except` is the object itself.
pub async fn beyond(
    work: &mut Work<'_>,
    resource: Resource,
    (object, zone): (&Object, &Zone),
    kind: BusyKind,
    except: &str,
) -> calendar::Result<Option<(Span, BusyKind)>> {
    let window = Window { from: resource.reached, until: object.digest.last.min(resource.reached + FAR) };
    if window.until <= window.from || kind == BusyKind::Block {
        return Ok(None);
    }
    let clinic = work.tx().clinic();
    let others = work.tx().objects_beyond(clinic, resource.id, resource.reached, OTHERS).await?;
    if others.is_empty() {
        return Ok(None);
    }
    let calendars = bookable(work, resource.id).await?;
    let (object, zone, except) = (object.clone(), zone.clone(), except.to_string());
    compute(move || {
        let mut budget = Budget::steps(4 * Budget::REQUEST);
        let found = object.digest.occurrences(window, &zone, &mut budget)?;
        let mut own = spans(&object, &found, kind, text::buffers(&object.tree).unwrap_or_default())?;
        own.sort_unstable();
        let is_near = |span: &Span| {
            let next = own.partition_point(|one| one.from <= span.from - LONGEST);
            own.get(next).is_some_and(|one| one.from < span.until)
        };
        let mut near = Vec::new();
        for other in others.iter().filter(|other| other.meta.uid != except) {
            let Some(calendar) = kept_in(&calendars, other.collection) else { continue };
            let Some(read) = other.text.as_ref().and_then(|text| read(&text.0)) else { continue };
            let found = read.digest.occurrences(window, &calendar.zone, &mut budget)?;
            let buffers = text::buffers(&read.tree).unwrap_or_default();
            let all = spans(&read, &found, calendar.kind, buffers)?.into_iter();
            near.extend(all.filter(is_near).map(|span| (span, calendar.kind)));
        }
        let board = Board::new(resource.capacity, near);
        Ok(own.into_iter().find_map(|span| Some((span, board.conflict(span, kind)?))))
    })
    .await?
}

/// A bookable calendar: what its objects are, and on whose clock its floating times.
pub struct Kept {
    pub id: store::CollectionId,
    pub kind: BusyKind,
    pub zone: Zone,
}

/// The calendar that an object stands in.
pub fn kept_in(all: &[Kept], id: store::CollectionId) -> Option<&Kept> {
    all.iter().find(|one| one.id == id)
}

/// The bookable calendars of a resource.
pub async fn bookable(work: &mut Work<'_>, owner: PrincipalId) -> calendar::Result<Vec<Kept>> {
    let clinic = work.tx().clinic();
    kept(work.tx(), clinic, owner).await
}

/// The same outside of a change.
pub async fn kept(conn: &mut Conn, clinic: ClinicId, owner: PrincipalId) -> calendar::Result<Vec<Kept>> {
    let person = conn.principals_by_id(clinic, &[owner]).await?.into_iter().next();
    let own = person.and_then(|person| Zone::named(person.zone.as_deref()?)).unwrap_or_else(Zone::utc);
    let rows = conn.collections_of(clinic, owner).await?;
    let kept = rows.into_iter().filter(|row| row.policy.is_some()).map(|row| {
        let zone = row.timezone.and_then(|text| Zone::from_vtimezone(text.as_bytes()).ok());
        Kept { id: row.id, kind: kind_of(&row.slug), zone: zone.unwrap_or_else(|| own.clone()) }
    });
    Ok(kept.collect())
}

/// A stored text as an object; what was once accepted is read even if the limits have become narrower.
pub fn read(text: &[u8]) -> Option<Object> {
    let limits = ical::Limits { bytes: usize::MAX, attendees: usize::MAX, ..ical::Limits::default() };
    ical::check(text, &limits).ok()
}

/// Work for the processor, off the async threads.
pub async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> calendar::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|stopped| calendar::Error::Broken(Box::new(stopped)))
}

/// The occurrences of an object in a window, off the async threads when there are several.
pub async fn dates(object: &Object, window: Window) -> Result<Vec<Occurrence>> {
    let digest = object.digest.clone();
    let is_series = digest.series.is_some();
    let look = move || digest.occurrences(window, &Zone::utc(), &mut Budget::steps(Budget::REQUEST));
    let found = if is_series { compute(look).await? } else { look() };
    found.map_err(|error| calendar::Error::from(error).into())
}

/// All occurrences of an object that become intervals now.
pub async fn expanded(object: &Object, zone: &Zone, now: i64) -> Result<Vec<Occurrence>> {
    let (digest, zone, window) = (object.digest.clone(), zone.clone(), window(now));
    let is_series = digest.series.is_some();
    let look = move || digest.occurrences(window, &zone, &mut Budget::steps(Budget::REQUEST));
    let found = if is_series { compute(look).await? } else { look() };
    found.map_err(|error| calendar::Error::from(error).into())
}
