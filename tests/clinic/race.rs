//! Thousands of attempts at once on few resources: single visits and series of overlapping lengths, rooms, a hall of
//! three places, holds, moves, cancellations, and calendar programs that put, move and remove (trust.md R11). Afterwards
//! the judge of `checker` reads the texts.
//!
//! `KALENDS_RACE` is the number of attempts a database and policy (1,500 by default; what finds nothing of its own to change is no attempt: 5,000 in all).

use std::collections::BTreeSet;
use std::sync::Arc;

use kalends::accounts::Caller;
use kalends::calendar::{Author, Calendars, Condition, Error as CalendarError, Origin, Precondition};
use kalends::clinic::{AppointmentId, Cancel, Clinic, Error, Ground, Keep, Policy, Visit};
use store::{Busy, BusyKind, PrincipalId, Source, Span};

use super::checker::judge;
use super::world::{DAY, MINUTE, World, event, guarded, place, put, utc};
use crate::support::database::{Fresh, postgres, sql, sqlite};

/// Clients at once.
const CLIENTS: u64 = 12;

fn attempts() -> u64 {
    std::env::var("KALENDS_RACE").ok().and_then(|text| text.parse().ok()).unwrap_or(1_500)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_booked_twice_on_sqlite_where_phones_are_accepted() {
    race(sqlite(), 1, Policy::Accept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_booked_twice_on_sqlite_where_phones_are_refused() {
    race(sqlite(), 1, Policy::Refuse).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_booked_twice_on_three_nodes_where_phones_are_accepted() {
    if let Some(fresh) = postgres() {
        race(fresh, 3, Policy::Accept).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_booked_twice_on_three_nodes_where_phones_are_refused() {
    if let Some(fresh) = postgres() {
        race(fresh, 3, Policy::Refuse).await;
    }
}

/// What came of one client's attempts.
#[derive(Default)]
struct Sum {
    done: u64,
    refused: u64,
    busy: u64,
    /// UIDs that must be there in the end.
    live: BTreeSet<String>,
}

async fn race(fresh: Fresh, nodes: usize, policy: Policy) {
    let world = Arc::new(World::over(fresh).await);
    for of in [world.ada, world.bob, world.room, world.attic, world.hall] {
        world.policy(of, policy).await;
    }
    let mut all = vec![(world.calendars.clone(), world.clinic.clone())];
    while all.len() < nodes {
        all.push(world.node().await);
    }
    let callers = [world.who("ada").await, world.who("bob").await];
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let (calendars, clinic) = all[n as usize % nodes].clone();
            let who = callers[n as usize % 2].clone();
            let client = Client::new(world.clone(), n, (calendars, clinic), who);
            tokio::spawn(client.run(attempts() / CLIENTS + 1))
        })
        .collect();
    let mut sum = Sum::default();
    for client in clients {
        let part = client.await.unwrap();
        (sum.done, sum.refused, sum.busy) =
            (sum.done + part.done, sum.refused + part.refused, sum.busy + part.busy);
        sum.live.extend(part.live);
    }
    let resources = [(world.ada, 1), (world.bob, 1), (world.room, 1), (world.attic, 1), (world.hall, 3)];
    let verdict = judge(&world, &resources).await;
    eprintln!(
        "{policy:?}, {nodes} nodes: {} done, {} refused, {} busy; {} intervals, {} marked",
        sum.done, sum.refused, sum.busy, verdict.intervals, verdict.marked
    );
    assert_eq!(verdict.overlaps, 0);
    assert!(verdict.strays.is_empty(), "{:?}", &verdict.strays[..verdict.strays.len().min(5)]);
    assert_eq!(verdict.uids, sum.live, "what was acknowledged is there, and nothing else");
    assert_eq!(verdict.foreign_marks, 0, "only a calendar program's change is ever marked");
    match policy {
        Policy::Accept => assert!(verdict.marked > 0, "the race was no race"),
        _ => assert_eq!(verdict.marked, 0),
    }
    assert!(sum.done > attempts() / 20 && sum.refused > attempts() / 10, "the race was no race");
    assert!(sum.busy < attempts() / 20, "too many were sent away");
    if let Some(address) = world.fresh.address() {
        let none = "do $$ begin if (select deadlocks from pg_stat_database where datname = current_database()) > 0 \
            then raise exception 'deadlocks'; end if; end $$";
        assert!(sql(address, none), "there were deadlocks");
    }
}

/// Someone who books, and a phone of one practitioner. It changes only what it made itself.
struct Client {
    world: Arc<World>,
    n: u64,
    calendars: Calendars,
    clinic: Clinic,
    who: Caller,
    dice: u64,
    sum: Sum,
    /// Appointments of this client that take place.
    booked: Vec<AppointmentId>,
    /// Those of the phone's owner, and the first dates of series.
    own: Vec<AppointmentId>,
    series: Vec<(AppointmentId, i64)>,
    /// Events on its phone: calendar and UID.
    events: Vec<(&'static str, String)>,
}

impl Client {
    fn new(world: Arc<World>, n: u64, (calendars, clinic): (Calendars, Clinic), who: Caller) -> Client {
        let dice = 0x9e37_79b9_7f4a_7c15 ^ (n + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let (booked, own, series, events) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Client { world, n, calendars, clinic, who, dice, sum: Sum::default(), booked, own, series, events }
    }

    fn roll(&mut self, sides: u64) -> i64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.dice >> 33) % sides) as i64
    }

    async fn run(mut self, attempts: u64) -> Sum {
        for n in 0..attempts {
            match self.roll(15) {
                0..=3 => self.book(None).await,
                4 => self.book(Some(2)).await,
                5 | 6 => self.hold().await,
                7 => self.reschedule().await,
                8 => self.cancel().await,
                9 | 10 => self.put(n, "visits").await,
                11 => self.carry().await,
                12 => self.one_of_a_series().await,
                13 => self.put(n, "absences").await,
                _ => self.remove().await,
            }
        }
        let uids = self.booked.iter().map(|id| id.uid.clone());
        self.sum.live = uids.chain(self.events.into_iter().map(|(_, uid)| uid)).collect();
        self.sum
    }

    /// Counts an attempt; what is neither done nor refused in words ends the test.
    fn count<T>(&mut self, done: Result<T, Error>) -> Option<T> {
        match done {
            Ok(done) => {
                self.sum.done += 1;
                return Some(done);
            }
            Err(Error::Calendar(CalendarError::Busy { .. })) => self.sum.busy += 1,
            Err(Error::Conflict(_) | Error::HoldExpired | Error::HoldLimit) => self.sum.refused += 1,
            Err(other) => panic!("{other:?}"),
        }
        None
    }

    /// Somewhere in two hours of one day: a few places for many.
    fn span(&mut self) -> (i64, i64) {
        let minute = 600 + 5 * self.roll(24);
        let start = self.world.at(minute);
        (start, start + (5 + 5 * self.roll(9)) * MINUTE)
    }

    fn visit(&mut self, weeks: Option<i64>) -> Visit {
        let (start, end) = self.span();
        let practitioner = if self.roll(2) == 0 { self.world.ada } else { self.world.bob };
        let with = match self.roll(5) {
            0 => vec![self.world.room],
            1 => vec![self.world.attic, self.world.room],
            2 | 3 => vec![self.world.hall],
            _ => Vec::new(),
        };
        let buffers = if self.roll(4) == 0 { (300, 600) } else { (0, 0) };
        let rule = weeks.map(|weeks| format!("FREQ=WEEKLY;COUNT={}", weeks + self.roll(5)));
        let week = 7 * DAY * self.roll(4);
        let visit = self.world.visit(0, 1);
        Visit {
            start: start + week,
            end: end + week,
            zone: "UTC".into(),
            practitioner,
            with,
            buffers,
            rule,
            ..visit
        }
    }

    async fn book(&mut self, weeks: Option<i64>) {
        let visit = self.visit(weeks);
        let booked = self.clinic.book(self.world.by(), visit.clone(), Ground::Bare).await;
        let Some(booked) = self.count(booked) else { return };
        if visit.practitioner == self.who.principal() {
            self.own.push(booked.id.clone());
        }
        if weeks.is_some() {
            self.series.push((booked.id.clone(), visit.start));
        }
        self.booked.push(booked.id);
    }

    async fn hold(&mut self) {
        let (visit, by) = (self.visit(None), self.world.by());
        let held = self.clinic.hold(by, visit.clone(), Keep::for_staff(format!("{}", self.n))).await;
        let Some(held) = self.count(held) else { return };
        if self.roll(3) == 0 {
            let released = self.clinic.release_hold(by, &held.id).await;
            self.count(released);
            return;
        }
        tokio::task::yield_now().await;
        let booked = self.clinic.book(by, visit, Ground::Hold(held.id.clone())).await;
        match self.count(booked) {
            Some(booked) => self.booked.push(booked.id),
            None => drop(self.clinic.release_hold(by, &held.id).await),
        }
    }

    async fn reschedule(&mut self) {
        let Some(id) = self.booked.last().cloned() else { return };
        let span = self.span();
        let moved = self.clinic.reschedule(self.world.by(), id, span, None, Ground::Bare).await;
        match moved {
            // Of a series, an occurrence must be named: not what this race is about.
            Err(Error::Invalid { field: "occurrence", .. }) => self.sum.refused += 1,
            other => drop(self.count(other)),
        }
    }

    async fn cancel(&mut self) {
        let Some(id) = self.booked.pop() else { return };
        let how = Cancel { by_patient: false, reason: "race".into() };
        let done = self.clinic.cancel(self.world.by(), id.clone(), how, None).await;
        if self.count(done).is_none() {
            self.booked.push(id);
        }
    }

    /// The phone: a new event, or one of its own elsewhere; sometimes a series.
    async fn put(&mut self, n: u64, slug: &'static str) {
        let (start, end) = self.span();
        let again = self.roll(2) == 0;
        let uid = match self.events.last() {
            Some((there, uid)) if again && *there == slug => uid.clone(),
            _ => format!("phone-{}-{n}", self.n),
        };
        let more = if self.roll(4) == 0 { "RRULE:FREQ=WEEKLY;COUNT=3\r\n" } else { "" };
        let at = format!("{}/{slug}/{uid}.ics", self.who.name());
        let done = put(&self.calendars, &self.who, &at, &event(&uid, start, end, more)).await;
        if self.count(done.map_err(conflict)).is_some() && !self.events.contains(&(slug, uid.clone())) {
            self.events.push((slug, uid));
        }
    }

    /// The phone moves an appointment; its rooms follow.
    async fn carry(&mut self) {
        let Some(id) = self.own.last().filter(|id| self.booked.contains(id)).cloned() else { return };
        let at = format!("{}/visits/{}.ics", self.who.name(), id.uid);
        let text = self.world.text(&at).await.expect("an appointment that takes place");
        let (start, end) = self.span();
        let line = |line: &str| match line.split(':').next() {
            Some("DTSTART") => format!("DTSTART:{}\r\n", utc(start)),
            Some("DTEND") => format!("DTEND:{}\r\n", utc(end)),
            _ => line.to_string(),
        };
        let is_plain = !text.contains("RECURRENCE-ID") && !text.contains("EXDATE");
        let moved: String = text.split_inclusive("\r\n").map(line).collect();
        if is_plain {
            let done = put(&self.calendars, &self.who, &at, &moved).await;
            self.count(done.map_err(conflict));
        }
    }

    /// One date of a series goes, or goes elsewhere.
    async fn one_of_a_series(&mut self) {
        let Some((id, first)) = self.series.last().cloned() else { return };
        let at = first + 7 * DAY * self.roll(2);
        let id = AppointmentId { occurrence: Some(at), ..id };
        let done = if self.roll(2) == 0 {
            let how = Cancel { by_patient: true, reason: "race".into() };
            self.clinic.cancel(self.world.by(), id, how, None).await
        } else {
            let (start, end) = self.span();
            let moved = self.clinic.reschedule(self.world.by(), id, (start, end), None, Ground::Bare).await;
            moved.map(drop)
        };
        match done {
            // Gone, or moved as a whole, before.
            Err(Error::Transition { .. } | Error::NotFound(_)) => self.sum.refused += 1,
            other => drop(self.count(other)),
        }
    }

    async fn remove(&mut self) {
        let Some((slug, uid)) = self.events.pop() else { return };
        let at = place(&format!("{}/{slug}/{uid}.ics", self.who.name()));
        let by = Author { who: &self.who, from: Origin::Dav };
        let done = self.calendars.delete(by, &at, Condition::NONE).await;
        if self.count(done.map_err(Error::Calendar)).is_none() {
            self.events.push((slug, uid));
        }
    }
}

fn conflict(error: CalendarError) -> Error {
    match error {
        CalendarError::Precondition(Precondition::TimeTaken(_)) => Error::Conflict(Vec::new()),
        other => Error::Calendar(other),
    }
}

/// The control: the same judge, after constraint and trigger were dropped and with a check outside the lock, as booking
/// systems do it that ask first and insert then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_guarantee_the_judge_finds_overlaps() {
    for fresh in [Some(sqlite()), postgres()].into_iter().flatten() {
        let world = Arc::new(World::over(fresh).await);
        match world.fresh.address() {
            Some(address) => {
                let drop = "drop trigger busy_fits on busy; alter table busy drop constraint busy_alone";
                assert!(sql(address, drop));
            }
            None => {
                let file = world.fresh.folder().unwrap().join("store.db");
                crate::store::shell(&file, "drop trigger busy_fits");
            }
        }
        let clients: Vec<_> = (0..CLIENTS).map(|n| tokio::spawn(careless(world.clone(), n))).collect();
        for client in clients {
            client.await.unwrap();
        }
        let verdict = judge(&world, &[(world.ada, 1), (world.hall, 3)]).await;
        assert!(verdict.overlaps > 0, "{verdict:?}");
    }
}

async fn careless(world: Arc<World>, n: u64) {
    let caller = world.who("ada").await;
    let mut client =
        Client::new(world.clone(), n, (guarded(&world.store).await, world.clinic.clone()), caller);
    for round in 0..30 {
        let (start, end) = client.span();
        let span = Span { from: start, start, end, until: end, occurrence: 0 };
        for (of, capacity) in [(world.ada, 1), (world.hall, 3)] {
            let there = world
                .store
                .read(world.id)
                .await
                .unwrap()
                .busy_between(world.id, &[of], (start, end), 0)
                .await
                .unwrap();
            if there.len() < capacity {
                write_unchecked(&world, of, span, format!("{n}-{round}")).await;
            }
        }
    }
}

async fn write_unchecked(world: &World, of: PrincipalId, span: Span, uid: String) {
    let id = world.collection(of, "visits").await;
    let text = event(&uid, span.start, span.end, "");
    let row = Busy {
        resource: of,
        span,
        kind: BusyKind::Visit,
        source: Source::Object(id, format!("{uid}.ics")),
        expires_at: None,
        mark: None,
        service: None,
    };
    let done = world.calendars.together(world.id, move |work| {
        Box::pin(async move {
            work.tx().occupy(&[row]).await?;
            work.put(id, &format!("{uid}.ics"), text.into(), None).await?;
            Ok::<_, CalendarError>(())
        })
    });
    done.await.unwrap();
}
