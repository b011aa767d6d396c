//! Series: made after a preview, with the dates left out that were named; read with what became of their dates; given
//! additional ones. One object and one row, whatever their length; numbers are counted when somebody asks.

use std::collections::HashSet;

use ical::{Budget, Window, Zone};
use store::{AppointmentRow, BusyKind};

use super::appointments::Ready;
use super::bulk::Run;
use super::dated::{self, Dated, Numbers, Stored};
use super::error::{Conflict, Error, Result, invalid};
use super::found::{Found, Party, is_final, signed};
use super::measures::{Measured, Stand, Unfitting};
use super::pattern::{self, Tie};
use super::plan;
use super::reserve::{Side, TRIES, by};
use super::scope::{self, derived};
use super::status::Status;
use super::visit::{AppointmentId, Booked, Ground, LONGEST, Version, Visit};
use super::{By, Clinic, text};
use crate::accounts::Caller;

/// Dates that a preview shows when nobody says otherwise, and at most.
pub const SHOWN: usize = 10;
pub const SHOWN_MOST: usize = 1_000;
/// Dates that may be left out when a series is made.
const SKIPPED: usize = 400;
/// Additional dates of one series.
const BESIDE: u32 = 1_000;

/// What a series would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Its first dates, from when to when.
    pub dates: Vec<(i64, i64)>,
    /// There are more.
    pub more: bool,
    /// Of all dates, shown or not.
    pub conflicts: Vec<Conflict>,
    /// And what is not offered at all: outside hours, too many a day, while the patient is elsewhere.
    pub unfit: Vec<Unfitting>,
}

/// Where a series stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// Something of it is to come.
    Active,
    Ended,
    Cancelled,
}

/// What became of its dates. `total` is `past`, `remaining` and `cancelled` together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// None: it is endless.
    pub total: Option<u64>,
    pub past: u64,
    pub remaining: Option<u64>,
    pub completed: u64,
    pub cancelled: u64,
    /// To another time or to somebody else.
    pub moved: u64,
    pub no_show: u64,
    pub additional: u64,
}

/// A series as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    pub row: AppointmentRow,
    pub going: Going,
    pub rule: Option<String>,
    pub zone: String,
    pub title: Option<String>,
    pub place: Option<String>,
    /// Of its first date.
    pub start: i64,
    pub end: i64,
    pub counts: Counts,
    /// The next dates.
    pub next: Vec<Dated>,
    /// What it goes on as, and what it began as, where it was cut in two.
    pub goes_on: Option<String>,
    pub began: Option<String>,
}

impl Clinic {
    /// What a series would be and what stands in its way, by the same code as [`Clinic::book_series`]; nothing is written.
    pub async fn preview_series(
        &self,
        by: By,
        visit: Visit,
        skip: Vec<i64>,
        shown: usize,
    ) -> Result<Preview> {
        let shown = shown.clamp(1, SHOWN_MOST);
        let ready = self.ready_but(by, visit, &skip).await?;
        let (digest, zone) = (ready.object().digest.clone(), ready.zone.clone());
        let dates = plan::compute(move || first_dates(&digest, &zone, shown + 1)).await??;
        let more = dates.len() > shown;
        let conflicts = self.conflicts_of(by, ready).await?;
        Ok(Preview { dates: dates.into_iter().take(shown).collect(), more, conflicts, unfit: Vec::new() })
    }

    /// Books a series without the dates in `skip`: the rest of it, or nothing.
    pub async fn book_series(&self, by: By, visit: Visit, skip: Vec<i64>, ground: Ground) -> Result<Booked> {
        if visit.rule.is_none() {
            return invalid("rule", "a series has a rule");
        }
        let ready = self.ready_but(by, visit, &skip).await?;
        Ok(self.book_ready(by, ready, ground, None).await?.0)
    }

    /// The same by the rules of whoever asks: every date of it is measured as a single booking is.
    pub(super) async fn begin_series(
        &self,
        who: &Caller,
        (visit, skip): (Visit, &[i64]),
        ground: Ground,
        run: Run,
    ) -> Result<Booked> {
        let by = by(who);
        if matches!(ground, Ground::Overbook(_)) && run == Run::Real {
            return self.book_series(by, visit, skip.to_vec(), ground).await;
        }
        if visit.rule.is_none() {
            return invalid("rule", "a series has a rule");
        }
        let (now, is_held) = (self.store().clock().now(), matches!(ground, Ground::Hold(_)));
        for _ in 0..TRIES {
            let ready = self.ready_but(by, visit.clone(), skip).await?;
            let stands = ready.stands(by, now, is_held);
            let measured = self.measured(Side::of(who), stands).await.map_err(|failed| failed.error)?;
            match self.book_measured(by, (ready, ground.clone()), measured, run).await {
                Err(Error::Overtaken) => {}
                other => return other,
            }
        }
        Err(Error::Overtaken)
    }

    async fn ready_but(&self, by: By, visit: Visit, skip: &[i64]) -> Result<Ready> {
        if skip.len() > SKIPPED {
            return invalid("skip", "at most 400 dates are left out");
        }
        self.ready(by, visit, skip).await
    }

    /// A series, an additional date of which or a date of which is named by `id` too.
    pub async fn series(&self, by: By, id: &AppointmentId) -> Result<Series> {
        let missing = || Error::NotFound("series");
        let now = self.store().clock().now();
        let mut conn = self.store().read(by.clinic).await?;
        let rows = conn.appointment(by.clinic, &id.uid).await?;
        let whole = rows.first().filter(|row| row.recurrence.is_empty()).ok_or_else(missing)?.clone();
        let more = conn.appointments_beside(by.clinic, &id.uid, BESIDE).await?;
        let calendars = conn.collections_called(by.clinic, plan::VISITS, &[whole.practitioner]).await?;
        let ids: Vec<_> = calendars.iter().map(|row| row.id).collect();
        let uids = std::slice::from_ref(&id.uid);
        let object = conn.objects_of_uids(by.clinic, &ids, uids).await?.into_iter().next();
        drop(conn);
        let read = object.and_then(|object| dated::read(object.text.as_ref()));
        let Some(object) = read else {
            // Cancelled before anything of it took place: its rows are what is left.
            return if is_final(&whole) { Ok(Series::gone(whole, &rows[1..])) } else { Err(missing()) };
        };
        if object.digest.series.is_none() {
            return Err(missing());
        }
        plan::compute(move || Book { whole, rows: &rows, more: &more, object: &object, now }.series()).await?
    }

    /// An additional date: an appointment of its own, tied to the series (RFC 5545 3.8.4.5, RFC 9253 8.3).
    pub async fn add_date(
        &self,
        by: By,
        id: AppointmentId,
        span: (i64, i64),
        reason: Option<String>,
        under: (Version, Ground),
    ) -> Result<Booked> {
        self.add_measured(by, id, (span, reason), under, None).await
    }

    /// The same by the rules of whoever asks: it is measured as a single booking is, unless it is overbooked on purpose.
    pub(super) async fn add_date_by(
        &self,
        who: &Caller,
        id: AppointmentId,
        (span, reason): ((i64, i64), Option<String>),
        under: (Version, Ground),
    ) -> Result<Booked> {
        let by = by(who);
        if let Ground::Overbook(_) = under.1 {
            return self.add_date(by, id, span, reason, under).await;
        }
        for _ in 0..TRIES {
            let whole = self.appointment(by, &id).await?.swap_remove(0);
            let stand = Stand::alone(&additional(&whole, by, 0, (span, reason.clone())));
            let measured = self.measured(Side::of(who), vec![stand]).await.map_err(|failed| failed.error)?;
            let added = (span, reason.clone());
            match self.add_measured(by, id.clone(), added, under.clone(), Some(measured)).await {
                Err(Error::Overtaken) => {}
                other => return other,
            }
        }
        Err(Error::Overtaken)
    }

    async fn add_measured(
        &self,
        by: By,
        id: AppointmentId,
        added: ((i64, i64), Option<String>),
        (version, ground): (Version, Ground),
        measured: Option<Measured>,
    ) -> Result<Booked> {
        let (start, end) = added.0;
        if end <= start || end - start > LONGEST {
            return invalid("end", "it must lie after the start, by a day at most");
        }
        let added = self.calendars.together(by.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(by.door, by.who);
                if let Some(measured) = &measured {
                    measured.before(work).await?;
                    measured.patient_may(work).await?;
                }
                let id = AppointmentId { occurrence: None, ..id };
                let found = Found::open(work, by, &id, version).await?;
                if !found.is_series() {
                    return Err(Error::NotFound("series"));
                }
                let now = work.tx().now();
                let row = additional(&found.whole, by, now, added);
                let refid = pattern::refid(&text::tree(&found.text)?, &id.uid);
                let text = pattern::called(&pattern::single(&found.text, now)?, &row.uid)?;
                let text = text::moved(&text, None, (start, end), now)?;
                let text = pattern::tied(&text, Tie::Sibling, &id.uid, &refid)?;
                let booked = scope::beside(work, by, (&Party::of(&row), text), &row, ground).await?;
                if let Some(measured) = &measured {
                    let stands = [Stand::alone(&row)];
                    measured.after(work, &stands).await.map_err(|failed| failed.error)?;
                }
                Ok(booked)
            })
        });
        added.await
    }
}

/// The row of an additional date.
fn additional(
    whole: &AppointmentRow,
    by: By,
    now: i64,
    ((start, end), reason): ((i64, i64), Option<String>),
) -> AppointmentRow {
    AppointmentRow {
        uid: derived(&whole.uid, "additional", start),
        start_at: start,
        end_at: end,
        status: Status::Scheduled.name().into(),
        reason,
        made_at: now,
        made_by: by.who,
        origin: by.door,
        series: Some(whole.uid.clone()),
        ..signed(whole, by, now)
    }
}

/// The first dates of a series, wherever they lie.
fn first_dates(digest: &ical::Digest, zone: &Zone, count: usize) -> Result<Vec<(i64, i64)>> {
    let mut budget = Budget::steps(Budget::REQUEST);
    let (mut ahead, from) = (plan::HORIZON, digest.first);
    loop {
        let until = from.saturating_add(ahead).min(Window::END);
        let window = Window { from, until };
        let found = digest.occurrences(window, zone, &mut budget).map_err(crate::calendar::Error::from)?;
        if found.len() >= count || until >= digest.last.min(Window::END) {
            return Ok(found.into_iter().take(count).map(|one| (one.start, one.end)).collect());
        }
        ahead = ahead.saturating_mul(4);
    }
}

impl Series {
    /// One of which no text is left.
    fn gone(row: AppointmentRow, dates: &[AppointmentRow]) -> Series {
        let cancelled = dates.iter().filter(|row| is_final(row)).count() as u64;
        Series {
            going: Going::Cancelled,
            rule: None,
            zone: "UTC".into(),
            title: None,
            place: None,
            start: row.start_at,
            end: row.end_at,
            counts: Counts { total: Some(cancelled), cancelled, remaining: Some(0), ..Counts::default() },
            next: Vec::new(),
            goes_on: None,
            began: None,
            row,
        }
    }
}

/// A series with all that is known of it.
struct Book<'a> {
    whole: AppointmentRow,
    rows: &'a [AppointmentRow],
    more: &'a [AppointmentRow],
    object: &'a ical::Object,
    now: i64,
}

impl Book<'_> {
    fn series(self) -> Result<Series> {
        let tree = &self.object.tree;
        let master = tree.parts().find(|part| part.get("RECURRENCE-ID").is_none());
        let line = |name: &str| Some(master?.get(name)?.text().into_owned());
        let zone = text::zone_of(&tree.print())?;
        let (start, end) = pattern::first_of(tree).ok_or(Error::NotFound("series"))?;
        let counts = self.counts()?;
        let next = self.next()?;
        let going = match (counts.remaining, is_final(&self.whole)) {
            (Some(0), true) => Going::Cancelled,
            (Some(0), false) => Going::Ended,
            _ => Going::Active,
        };
        Ok(Series {
            going,
            rule: pattern::rule(tree),
            zone: zone.name().to_string(),
            title: line("SUMMARY"),
            place: line("LOCATION"),
            start,
            end,
            counts,
            next,
            goes_on: pattern::tie_of(tree, Tie::Next),
            began: pattern::tie_of(tree, Tie::First),
            row: self.whole,
        })
    }

    /// The dates that stand, of its own object.
    fn standing(&self, window: Window) -> Result<Vec<ical::Occurrence>> {
        let mut budget = Budget::steps(4 * Budget::REQUEST);
        let found = self.object.digest.occurrences(window, &Zone::utc(), &mut budget);
        Ok(found.map_err(crate::calendar::Error::from)?)
    }

    fn counts(&self) -> Result<Counts> {
        let now = self.now;
        let named = self.rows.iter().filter_map(super::course::instant).max().unwrap_or(now);
        let until = now.max(named) + 1;
        let mut budget = Budget::steps(4 * Budget::REQUEST);
        let numbers = Numbers::of(&self.object.tree, until, &Zone::utc(), &mut budget)?;
        let window = match numbers.is_endless {
            // Moved dates too: they may stand after the date they are known by.
            true => Window { from: Window::START, until: until + plan::HORIZON },
            false => Window::ALL,
        };
        let dates: HashSet<i64> = numbers.dates.iter().map(|(id, _)| *id).collect();
        let stands = self.standing(window)?;
        let stands: Vec<_> =
            stands.iter().filter(|one| one.id.is_some_and(|id| dates.contains(&id))).collect();
        let given = |row: &&AppointmentRow| {
            let at = super::course::instant(row);
            at.is_some_and(|at| {
                let uid = derived(&self.whole.uid, "given", at);
                self.more.iter().any(|row| row.uid == uid)
            })
        };
        let given = self.rows.iter().filter(given).count() as u64;
        let beside = self.more.len() as u64;
        let with_status = |status: Status| {
            let noted = self.rows.iter().filter(|row| !row.recurrence.is_empty()).chain(self.more);
            noted.filter(|row| row.status == status.name()).count() as u64
        };
        let off = |row: &&AppointmentRow| Status::from_name(&row.status).is_some_and(Status::is_cancelled);
        let beside_off = self.more.iter().filter(off).count() as u64;
        let is_past = |end: i64| end <= now;
        let beside_past = self.more.iter().filter(|row| !off(row) && is_past(row.end_at)).count() as u64;
        let past = stands.iter().filter(|one| is_past(one.end)).count() as u64 + beside_past;
        let total = numbers.count().map(|count| count + beside - given);
        let cancelled = (dates.len() - stands.len()) as u64 - given + beside_off;
        Ok(Counts {
            total,
            past,
            remaining: total.map(|total| total.saturating_sub(past + cancelled)),
            completed: with_status(Status::Completed),
            cancelled,
            moved: stands.iter().filter(|one| one.id != Some(one.start)).count() as u64 + given,
            no_show: with_status(Status::NoShow),
            additional: beside - given,
        })
    }

    /// What is to come next, additional dates as well.
    fn next(&self) -> Result<Vec<Dated>> {
        let rows = dated::by_uid(self.rows.to_vec());
        let stored = Stored {
            object: self.object,
            owner: self.whole.practitioner,
            kind: BusyKind::Visit,
            zone: &Zone::utc(),
        };
        let mut budget = Budget::steps(4 * Budget::REQUEST);
        let mut next = Vec::new();
        for ahead in [plan::HORIZON, plan::FAR, Window::END] {
            let window = Window { from: self.now, until: self.now.saturating_add(ahead).min(Window::END) };
            next = match stored.dates(&rows, window, &mut budget) {
                Ok(found) => found,
                Err(_) if !next.is_empty() => break,
                Err(error) => return Err(error),
            };
            if next.len() >= SHOWN || window.until >= self.object.digest.last {
                break;
            }
        }
        let beside = self.more.iter().filter(|row| row.end_at > self.now && !is_final(row));
        next.extend(beside.map(dated::gone));
        next.sort_by(|one, other| one.key().cmp(&other.key()));
        next.truncate(SHOWN);
        Ok(next)
    }
}
