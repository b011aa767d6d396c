//! What stands in calendars, date by date: of some practitioners and rooms, of a patient, of a series; a page at a time,
//! or counted by the day. The number of statements does not depend on how many series there are, and reading writes
//! nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use ical::{Budget, Civil, Window, Zone};
use store::{AppointmentRow, BusyKind, ClinicId, CollectionId, Conn, Object, PrincipalId, Seat};

use super::dated::{self, DateKind, Dated, Rows, Stored};
use super::error::{Error, Result, invalid};
use super::plan::{self, ABSENCES, DAY, VISITS};
use super::status::Status;
use super::visit::AppointmentId;
use super::{By, Clinic};

/// Calendars of one question.
const OWNERS: usize = 200;
/// Objects that one question opens, and appointments of one patient.
const OBJECTS: u32 = 20_000;
const ROWS: u32 = 5_000;
/// The longest span of one question: a year and a leap day.
const LONGEST: i64 = 367 * DAY;
/// Dates on a page, at most.
pub const DATES: usize = 1_000;

/// Whose dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of these practitioners, rooms and devices: with what blocks their time.
    Calendars(Vec<PrincipalId>),
    Patient(i64),
    /// Of these objects, by UID; of a series its additional dates too.
    These(Vec<String>),
}

/// A question.
#[derive(Clone, Debug)]
pub struct Leaf {
    pub whose: Whose,
    pub window: Window,
    /// Cancelled ones as well, from their rows.
    pub with_cancelled: bool,
    /// The last date of the page before.
    pub after: Option<Mark>,
    pub limit: usize,
}

/// A place in a list of dates: start, calendar, UID, original start.
pub type Mark = (i64, i64, String, i64);

/// A page of dates, by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatePage {
    pub items: Vec<Dated>,
    /// There are more, after this one.
    pub next: Option<Mark>,
}

/// One day of a month, in the zone of whoever's calendar it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub owner: PrincipalId,
    /// Year, month, day.
    pub date: (i32, u32, u32),
    pub appointments: u64,
    /// Absences, and events of the practitioner's own.
    pub blocks: u64,
}

/// What is read for one question.
#[derive(Default)]
struct Sheet {
    objects: Vec<Object>,
    calendars: HashMap<CollectionId, (PrincipalId, BusyKind)>,
    rows: Vec<AppointmentRow>,
    /// Of the patient who is asked about.
    seats: Vec<Seat>,
    zones: HashMap<PrincipalId, Zone>,
    capacity: HashMap<PrincipalId, i64>,
}

impl Clinic {
    /// The week that `now` lies in, from Monday, on the wall clock of whoever is asked about.
    pub async fn this_week(&self, by: By, of: PrincipalId) -> Result<Window> {
        let now = self.store().clock().now();
        let zone = self.zone_of(by, of).await?;
        let day = zone.to_civil(now).div_euclid(DAY);
        // 1970-01-01 was a Thursday.
        let monday = day - (day + 3).rem_euclid(7);
        Ok(Window { from: zone.to_instant(monday * DAY), until: zone.to_instant((monday + 7) * DAY) })
    }

    /// The zone of a practitioner or a room; UTC where it has none.
    pub async fn zone_of(&self, by: By, of: PrincipalId) -> Result<Zone> {
        let found = self.store().read(by.clinic).await?.principals_by_id(by.clinic, &[of]).await?;
        let found = found.into_iter().next().ok_or(Error::NotFound("resource"))?;
        Ok(found.zone.as_deref().and_then(Zone::named).unwrap_or_else(Zone::utc))
    }

    /// Dates by time, a page of them.
    pub async fn dates(&self, by: By, leaf: Leaf) -> Result<DatePage> {
        check(&leaf)?;
        let window = match &leaf.after {
            // What began before the page before ended was on it.
            Some((start, ..)) => Window { from: leaf.window.from.max(*start), ..leaf.window },
            None => leaf.window,
        };
        let mut conn = self.store().read(by.clinic).await?;
        let sheet = sheet(&mut conn, by.clinic, &leaf, window).await?;
        drop(conn);
        let work = move || {
            let seats = seated(&sheet.seats);
            let mut dates = sheet.dates(window, leaf.with_cancelled)?;
            if let Whose::Patient(patient) = leaf.whose {
                dates.retain(|date| date.patient == Some(patient) || seats.contains(&date.id));
            }
            if let Some(after) = &leaf.after {
                let after = (after.0, after.1, after.2.as_str(), after.3);
                dates.retain(|date| date.key() > after);
            }
            Ok::<_, Error>(page(dates, leaf.limit.clamp(1, DATES)))
        };
        let mut page = plan::compute(work).await??;
        self.mark_outside(by.clinic, &mut page.items).await?;
        Ok(page)
    }

    /// Says of each appointment that takes place whether it stands outside.
    async fn mark_outside(&self, clinic: ClinicId, dates: &mut [Dated]) -> Result<()> {
        let mut stands: Vec<&mut Dated> = dates.iter_mut().filter(|date| date.takes_place()).collect();
        let spans: Vec<_> = stands.iter().map(|date| (date.owner, (date.start, date.end))).collect();
        let reasons = self.reasons(clinic, &spans).await?;
        stands.iter_mut().zip(reasons).for_each(|(date, why)| date.outside = why);
        Ok(())
    }

    /// How much stands on each day of a month that is not empty, by calendar and day.
    pub async fn month(
        &self,
        by: By,
        owners: Vec<PrincipalId>,
        (year, month): (i32, u32),
    ) -> Result<Vec<Day>> {
        if !(1..=12).contains(&month) || !(1900..=9998).contains(&year) {
            return invalid("month", "there is no such month");
        }
        let first = |month| Civil { year, month, day: 1, hour: 0, minute: 0, second: 0 }.seconds();
        let span = (first(month), if month == 12 { first(12) + 31 * DAY } else { first(month + 1) });
        // A day to either side: wherever its calendar is.
        let window = Window { from: span.0 - DAY, until: span.1 + DAY };
        let leaf = Leaf {
            whose: Whose::Calendars(owners),
            window,
            with_cancelled: false,
            after: None,
            limit: DATES,
        };
        check(&leaf)?;
        let mut conn = self.store().read(by.clinic).await?;
        let sheet = sheet(&mut conn, by.clinic, &leaf, window).await?;
        drop(conn);
        plan::compute(move || sheet.days(window, span)).await?
    }
}

fn check(leaf: &Leaf) -> Result<()> {
    let Window { from, until } = leaf.window;
    match &leaf.whose {
        _ if until <= from => invalid("to", "it must lie after `from`"),
        _ if until - from > LONGEST => invalid("to", "at most a year is shown at once"),
        Whose::Calendars(owners) if owners.is_empty() => invalid("practitioners", "name at least one"),
        Whose::Calendars(owners) if owners.len() > OWNERS => {
            invalid("practitioners", "at most 200 calendars are shown at once")
        }
        _ => Ok(()),
    }
}

fn page(mut dates: Vec<Dated>, limit: usize) -> DatePage {
    dates.sort_by(|one, other| one.key().cmp(&other.key()));
    let is_cut = dates.len() > limit;
    dates.truncate(limit);
    let next = dates.last().filter(|_| is_cut).map(|last| {
        let (start, owner, uid, original) = last.key();
        (start, owner, uid.to_string(), original)
    });
    DatePage { items: dates, next }
}

async fn sheet(conn: &mut Conn, clinic: ClinicId, leaf: &Leaf, window: Window) -> Result<Sheet> {
    let mut sheet = Sheet::default();
    let span = (window.from, window.until);
    let owners = match &leaf.whose {
        Whose::Calendars(owners) => owners.clone(),
        Whose::Patient(patient) => {
            sheet.rows = conn.appointments_for(clinic, *patient, (i64::MIN, "", ""), ROWS).await?;
            sheet.seats = conn.seats_for(clinic, *patient, ROWS).await?;
            let sessions: Vec<String> = sheet.seats.iter().map(|seat| seat.uid.clone()).collect();
            sheet.rows.extend(conn.appointments_about(clinic, &sessions).await?);
            practitioners(&sheet.rows)
        }
        Whose::These(uids) => {
            sheet.rows = conn.appointments_about(clinic, uids).await?;
            if let [series] = &uids[..] {
                sheet.rows.extend(conn.appointments_beside(clinic, series, ROWS).await?);
            }
            practitioners(&sheet.rows)
        }
    };
    for (slug, kind) in [(VISITS, BusyKind::Visit), (ABSENCES, BusyKind::Block)] {
        let found = conn.collections_called(clinic, slug, &owners).await?;
        sheet.calendars.extend(found.into_iter().map(|row| (row.id, (row.owner, kind))));
    }
    let ids: Vec<CollectionId> = sheet.calendars.keys().copied().collect();
    sheet.objects = match &leaf.whose {
        Whose::Calendars(_) => conn.objects_between(clinic, &ids, span, OBJECTS).await?,
        _ => conn.objects_of_uids(clinic, &ids, &uids(&sheet.rows)).await?,
    };
    if sheet.objects.len() >= OBJECTS as usize {
        return invalid("to", "too much stands there: ask for a shorter time or fewer calendars");
    }
    let mut rows = match &leaf.whose {
        Whose::These(_) => std::mem::take(&mut sheet.rows),
        _ => {
            let uids: Vec<String> = sheet.objects.iter().map(|object| object.meta.uid.clone()).collect();
            let found = conn.appointments_about(clinic, &uids).await?;
            [found, std::mem::take(&mut sheet.rows)].concat()
        }
    };
    if leaf.with_cancelled && matches!(leaf.whose, Whose::Calendars(_)) {
        let states = [Status::CancelledByPatient.name(), Status::CancelledByClinic.name()];
        rows.extend(conn.appointments_between(clinic, &owners, span, &states, ROWS).await?);
    }
    rows.sort_unstable_by(|one, other| (&one.uid, &one.recurrence).cmp(&(&other.uid, &other.recurrence)));
    rows.dedup_by(|one, other| (&one.uid, &one.recurrence) == (&other.uid, &other.recurrence));
    sheet.rows = rows;
    let people = conn.principals_by_id(clinic, &owners).await?;
    if matches!(leaf.whose, Whose::Calendars(_))
        && owners.iter().any(|id| !people.iter().any(|one| one.id == *id))
    {
        return Err(Error::NotFound("resource"));
    }
    let zone = |name: Option<&str>| name.and_then(Zone::named).unwrap_or_else(Zone::utc);
    sheet.zones = people.into_iter().map(|one| (one.id, zone(one.zone.as_deref()))).collect();
    if let Whose::Calendars(_) = leaf.whose {
        let found = conn.resources_by_id(clinic, &owners).await?;
        sheet.capacity = found.into_iter().map(|one| (one.id, one.capacity)).collect();
    }
    Ok(sheet)
}

fn seated(seats: &[Seat]) -> HashSet<AppointmentId> {
    let id = |seat: &Seat| AppointmentId {
        uid: seat.uid.clone(),
        occurrence: super::course::at(&seat.recurrence),
    };
    seats.iter().map(id).collect()
}

fn practitioners(rows: &[AppointmentRow]) -> Vec<PrincipalId> {
    let mut all: Vec<PrincipalId> = rows.iter().map(|row| row.practitioner).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn uids(rows: &[AppointmentRow]) -> Vec<String> {
    let all: HashSet<&String> = rows.iter().map(|row| &row.uid).collect();
    all.into_iter().cloned().collect()
}

impl Sheet {
    /// All dates in the window, in no order, with their conflicts.
    fn dates(self, window: Window, with_cancelled: bool) -> Result<Vec<Dated>> {
        let mut budget = Budget::steps(4 * Budget::REQUEST);
        let (mut all, mut live) = (Vec::new(), HashSet::new());
        let rows: Rows = dated::by_uid(self.rows);
        let utc = Zone::utc();
        for object in &self.objects {
            let Some((owner, kind)) = self.calendars.get(&object.collection).copied() else { continue };
            let Some(read) = dated::read(object.text.as_ref()) else { continue };
            let zone = self.zones.get(&owner).unwrap_or(&utc);
            let stored = Stored { object: &read, owner, kind, zone };
            all.extend(stored.dates(&rows, window, &mut budget)?);
            live.insert(read.uid);
        }
        if with_cancelled {
            let is_gone = |row: &&AppointmentRow| {
                let status = Status::from_name(&row.status).is_some_and(Status::is_cancelled);
                // The row of a whole whose object still stands is of a series that was ended.
                status && !(row.recurrence.is_empty() && live.contains(&row.uid))
            };
            let gone = rows.values().flatten().filter(is_gone).map(dated::gone);
            all.extend(gone.filter(|date| window.overlaps(date.start, date.end)));
        }
        dated::flag(&mut all, &self.capacity);
        Ok(all)
    }

    /// Counted by the day on which they begin; absences on every day they reach.
    fn days(self, window: Window, (first, last): (i64, i64)) -> Result<Vec<Day>> {
        let (zones, utc) = (self.zones.clone(), Zone::utc());
        let mut days: BTreeMap<(PrincipalId, i64), (u64, u64)> = BTreeMap::new();
        for date in self.dates(window, false)? {
            let zone = zones.get(&date.owner).unwrap_or(&utc);
            let from = zone.to_civil(date.start).max(first).div_euclid(DAY);
            let until = match date.kind {
                DateKind::Absence => (zone.to_civil(date.end) - 1).min(last - 1).div_euclid(DAY).max(from),
                _ => from,
            };
            if zone.to_civil(date.start) < first && date.kind != DateKind::Absence {
                continue;
            }
            for day in (from..=until).filter(|day| (first..last).contains(&(day * DAY))) {
                let counts = days.entry((date.owner, day)).or_default();
                match date.kind {
                    DateKind::Appointment => counts.0 += 1,
                    _ => counts.1 += 1,
                }
            }
        }
        let day = |((owner, day), (appointments, blocks))| {
            let date = Civil::from_seconds(day * DAY);
            Day { owner, date: (date.year, date.month, date.day), appointments, blocks }
        };
        Ok(days.into_iter().map(day).collect())
    }
}
