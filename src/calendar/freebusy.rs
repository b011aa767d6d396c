//! Busy time of a calendar, of all that count for a person, or of a thousand people: from the index alone, no text is
//! opened.
//!
//! One engine for the CalDAV report, the links and all that comes later. Whoever asks must have read-free-busy
//! on each calendar (RFC 4791 6.1.1); those that are transparent as a whole (RFC 6638 9.1) never count for a person.
//! VAVAILABILITY objects in the calendars asked (RFC 7953 7.2.3), and for a person the one of their inbox, close time
//! as well; events lie over that, and for whoever can be booked live holds and the days on which the
//! house is closed. The answer is one line of time: where types meet, the strongest counts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ical::{Availability, Budget, Busy, Kind, Period, Window, Zone};
use store::PrincipalId;

use super::Calendars;
use super::access::Privilege;
use super::collections::home_path;
use super::error::{Error, Result};
use super::shelf::{Shelf, Slot};
use super::shown::Shown;
use super::structure::{Person, Reader};
use super::turns::{budget, compute};
use crate::accounts::Caller;

/// Whose busy time.
pub enum FreeBusyOf<'a> {
    Collection(&'a Shown),
    /// A person, by name: all calendars of theirs that the caller may ask and that count.
    Person(&'a str),
}

/// Calendars looked through at a time: bounds what is held in memory, and how long a thread is taken.
const CHUNK: usize = 100;

/// Many people of one call share the steps of this many requests; one who needs more than their share is told so, the
/// others are not hurt.
const SHARES: u64 = 4;

/// Periods of one subject above which they are merged before more come.
const MANY: usize = 1 << 16;

/// What is asked of one person, or of one calendar.
#[derive(Default)]
struct Subject {
    calendars: Vec<Shown>,
    /// The person's own availability.
    hours: Option<(Arc<Availability>, Zone)>,
    /// It can be booked, as far as the caller sees.
    is_bookable: bool,
}

impl Calendars {
    /// Busy periods, clipped to the window. `zone` is that of floating times where the request names one.
    pub async fn freebusy(
        &self,
        who: &Caller,
        of: FreeBusyOf<'_>,
        window: Window,
        zone: Option<Zone>,
    ) -> Result<Vec<Period>> {
        match of {
            FreeBusyOf::Collection(shown) => self.busy(std::slice::from_ref(shown), window, zone).await,
            FreeBusyOf::Person(name) => {
                let mut found = self.freebusy_of(who, &[name.to_owned()], window, zone).await?;
                found.pop().unwrap_or(Err(Error::NotFound))
            }
        }
    }

    /// Of each of these people, in this order; who does not exist and who shows the caller nothing are alike.
    pub async fn freebusy_of(
        &self,
        who: &Caller,
        names: &[String],
        window: Window,
        zone: Option<Zone>,
    ) -> Result<Vec<Result<Vec<Period>>>> {
        let mut subjects = self.subjects(who, names, zone.as_ref()).await?;
        let there = names.iter().filter_map(|name| Some((name, subjects.remove(name.as_str())?)));
        let (there, asked): (Vec<&String>, Vec<Subject>) = there.unzip();
        let closed = match asked.iter().any(|subject| subject.is_bookable) {
            true => self.closed(who, window, zone.as_ref()).await?,
            false => Vec::new(),
        };
        let found = self.look_through(asked, (window, zone), closed).await?;
        let mut found: HashMap<&String, _> = there.into_iter().zip(found).collect();
        Ok(names.iter().map(|name| found.remove(name).unwrap_or(Err(Error::NotFound))).collect())
    }

    /// Of these calendars together.
    pub async fn busy(&self, of: &[Shown], window: Window, zone: Option<Zone>) -> Result<Vec<Period>> {
        for shown in of {
            shown.need(Privilege::ReadFreeBusy)?;
        }
        let subject = Subject { calendars: of.to_vec(), ..Subject::default() };
        let mut found = self.look_through(vec![subject], (window, zone), Vec::new()).await?;
        found.pop().unwrap_or(Err(Error::NotFound))
    }

    /// Those of these people whose time the caller may ask for, by name: from what the caller sees and nothing else, so
    /// that nobody learns who exists.
    async fn subjects<'n>(
        &self,
        who: &Caller,
        names: &'n [String],
        zone: Option<&Zone>,
    ) -> Result<HashMap<&'n str, Subject>> {
        let (clinic, view) = self.view(who).await?;
        let asked: HashSet<&str> = names.iter().map(String::as_str).collect();
        let mut people: HashMap<&'n str, (Arc<Person>, Subject)> = HashMap::new();
        if let Some(name) = asked.get(who.name()) {
            people.insert(name, (view.person.clone(), Subject::default()));
        }
        for held in view.held.iter().filter(|held| held.access.may(Privilege::ReadFreeBusy)) {
            let Some(name) = asked.get(held.owner.name.as_str()) else { continue };
            let (_, subject) = people.entry(name).or_insert_with(|| (held.owner.clone(), Subject::default()));
            subject.is_bookable |= held.row.policy.is_some();
            if !held.row.transparent {
                let path = home_path(name, held);
                subject.calendars.push(self.shown(&clinic, &view, held, path, who));
            }
        }
        let ids: Vec<_> = people.values().map(|(person, _)| person.id).collect();
        let reader = Reader { store: self.store(), clinic: &clinic, version: who.version() };
        let hours = reader.hours(&ids).await?;
        let subject = |(name, (person, mut subject)): (&'n str, (Arc<Person>, Subject))| {
            let own = hours.get(&person.id).and_then(|digest| digest.availability.clone());
            subject.hours = own.map(|own| (own, zone.cloned().unwrap_or_else(|| person.own_zone())));
            (name, subject)
        };
        Ok(people.into_iter().map(subject).collect())
    }

    /// When the house is closed.
    async fn closed(&self, who: &Caller, window: Window, zone: Option<&Zone>) -> Result<Vec<Period>> {
        let (clinic, _) = self.view(who).await?;
        let reader = Reader { store: self.store(), clinic: &clinic, version: who.version() };
        let house = reader.house().await?;
        let ids: Vec<_> = house.iter().map(|(id, _)| *id).collect();
        let shelves = self.memory().shelves(self.store(), &clinic, &ids).await?;
        let mut line = Line::new(&Subject::default(), Budget::REQUEST, &[]);
        for (shelf, (_, own)) in shelves.iter().zip(house.iter()) {
            line.take(shelf, window, (zone.unwrap_or(own), true));
        }
        match line.failed {
            Some(error) => Err(error.into()),
            None => Ok(line.periods),
        }
    }

    /// What is kept for somebody for minutes: no calendar holds it, and it takes time as long as it lives, by the one clock
    /// of the database.
    async fn kept(&self, all: &[(usize, Shown)], window: Window) -> Result<Vec<(usize, Period)>> {
        let is_booked_into = |shown: &Shown| shown.row().policy.is_some() && !self.closes(shown.row());
        let of = all.iter().filter(|(_, shown)| is_booked_into(shown));
        let of: HashMap<PrincipalId, usize> = of.map(|(at, shown)| (shown.held.owner.id, *at)).collect();
        let Some((_, first)) = all.first().filter(|_| !of.is_empty()) else { return Ok(Vec::new()) };
        let (moment, clinic) = (self.store().moment().await?, first.row().clinic);
        let ids: Vec<PrincipalId> = of.keys().copied().collect();
        let mut conn = self.store().read(clinic).await?;
        let found = conn.kept(clinic, &ids, (window.from, window.until), moment).await?;
        let period = |(id, from, until)| Some((*of.get(&id)?, Period { from, until, busy: Busy::Tentative }));
        Ok(found.into_iter().filter_map(period).collect())
    }

    /// `closed` is when whoever can be booked is closed anyway.
    async fn look_through(
        &self,
        subjects: Vec<Subject>,
        (window, zone): (Window, Option<Zone>),
        closed: Vec<Period>,
    ) -> Result<Vec<Result<Vec<Period>>>> {
        let share = (Budget::REQUEST * SHARES / subjects.len().max(1) as u64).min(Budget::REQUEST);
        let mut lines: Vec<Line> =
            subjects.iter().map(|subject| Line::new(subject, share, &closed)).collect();
        let all = subjects.into_iter().enumerate();
        let all: Vec<(usize, Shown)> = all
            .flat_map(|(at, subject)| subject.calendars.into_iter().map(move |shown| (at, shown)))
            .collect();
        for (at, period) in self.kept(&all, window).await? {
            lines[at].periods.push(period);
        }
        for chunk in all.chunks(CHUNK) {
            let ids: Vec<_> = chunk.iter().map(|(_, shown)| shown.held.row.id).collect();
            let shelves = self.memory().shelves(self.store(), &chunk[0].1.clinic, &ids).await?;
            let of = |((at, shown), shelf): (&(usize, Shown), Arc<Shelf>)| {
                let zone = zone.clone().unwrap_or_else(|| shown.zone().clone());
                (*at, shelf, zone, self.closes(shown.row()))
            };
            let work: Vec<_> = chunk.iter().zip(shelves).map(of).collect();
            lines = compute(move || {
                work.into_iter()
                    .for_each(|(at, shelf, zone, closes)| lines[at].take(&shelf, window, (&zone, closes)));
                lines
            })
            .await?;
        }
        compute(move || lines.into_iter().map(|line| line.end(window)).collect()).await
    }
}

/// A subject's time in the making.
struct Line {
    periods: Vec<Period>,
    /// How many of them until they are merged.
    most: usize,
    hours: Vec<(Arc<Availability>, Zone)>,
    budget: Budget,
    failed: Option<ical::Error>,
}

impl Line {
    fn new(of: &Subject, steps: u64, closed: &[Period]) -> Line {
        let hours = of.hours.iter().cloned().collect();
        let periods = if of.is_bookable { closed.to_vec() } else { Vec::new() };
        Line { periods, most: MANY, hours, budget: budget(steps), failed: None }
    }

    /// Adds what stands in one calendar; whether everything in it takes time, transparent or not.
    fn take(&mut self, shelf: &Shelf, window: Window, (zone, closes): (&Zone, bool)) {
        let seen = |busy: Busy| match busy {
            Busy::Transparent if closes => Busy::Busy,
            busy => busy,
        };
        for slot in shelf.select(|slot| may_count(slot, window, seen)) {
            if let Some(hours) = &slot.digest.availability {
                self.hours.push((hours.clone(), zone.clone()));
                continue;
            }
            match slot.digest.occurrences(window, zone, &mut self.budget) {
                Ok(found) => {
                    let busy = found.into_iter().map(|one| (one, seen(one.busy)));
                    let busy = busy.filter(|(_, busy)| busy.takes_time());
                    self.periods.extend(busy.map(|(one, busy)| Period {
                        from: one.start,
                        until: one.end,
                        busy,
                    }));
                }
                Err(error) => return self.failed = Some(error),
            }
            if self.periods.len() > self.most {
                ical::merge(&mut self.periods, window);
                self.most = MANY.max(2 * self.periods.len());
            }
        }
    }

    fn end(mut self, window: Window) -> Result<Vec<Period>> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        let hours = self.hours.iter().map(|(hours, zone)| (&**hours, zone));
        self.periods.extend(ical::closed(hours, window, &mut self.budget)?);
        Ok(ical::timeline(self.periods, window))
    }
}

fn may_count(slot: &Slot, window: Window, seen: impl Fn(Busy) -> Busy) -> bool {
    let digest = &slot.digest;
    match digest.kind {
        Kind::Event | Kind::FreeBusy => {
            (digest.series.is_some() || seen(digest.busy).takes_time()) && digest.may_overlap(window)
        }
        Kind::Availability => digest.availability.is_some(),
        Kind::Todo | Kind::Journal => false,
    }
}
