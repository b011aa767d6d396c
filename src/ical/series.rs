//! Master, RDATE, EXDATE and overrides to occurrences (RFC 5545 3.8.4.4, 3.8.5; RFC 4791 9.9).
//! Instances are told apart by a key: the instant, or the wall clock where there is no zone. Every path through a
//! rule jumps to the window and takes from the budget; nothing depends on how old the series is.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::{
    Budget, Busy, Error, Period, Window, Zone,
    recur::Walk,
    rule::{Rule, Until},
    span::{Clock, Length, Row},
    time::{DAY, EARLIEST, LATEST},
};

/// Occurrences one question may bring back of one object: a visit a day for 270 years.
const OCCURRENCES: usize = 100_000;

/// The occurrences of one object, without its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub(crate) clock: Clock,
    pub(crate) master: Option<Master>,
    /// Sorted by key.
    pub(crate) overrides: Vec<Override>,
    /// The periods of a VFREEBUSY, which has nothing else here.
    pub(crate) periods: Vec<Period>,
    /// Seconds by which an instance may be away from its key, or longer than nothing.
    pub(crate) reach: i64,
}

/// What recurs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Master {
    pub component: u32,
    /// Civil seconds on the clock of the series.
    pub start: i64,
    pub length: Length,
    pub row: Row,
    pub busy: Busy,
    pub rules: Vec<Rule>,
    pub except: Vec<Rule>,
    /// RDATE, sorted by key: with its own length where it is a PERIOD.
    pub extra: Vec<(i64, Option<Length>)>,
    /// Keys of EXDATE, sorted.
    pub gone: Vec<i64>,
    /// Civil midnights of EXDATE that are dates beside a start that is none, sorted.
    pub gone_days: Vec<i64>,
}

/// One component with a RECURRENCE-ID.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Override {
    /// Of the instance it replaces.
    pub key: i64,
    pub component: u32,
    pub clock: Clock,
    /// Key on its own clock.
    pub start: i64,
    pub length: Length,
    pub row: Row,
    pub busy: Busy,
    /// With RANGE=THISANDFUTURE: by how much it moves what follows, in civil seconds.
    pub onwards: Option<i64>,
}

/// One occurrence, in UTC seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub start: i64,
    /// Exclusive; equal to `start` where it has no length.
    pub end: i64,
    /// The instant its RECURRENCE-ID names; None when the object does not recur.
    pub id: Option<i64>,
    /// Index among the components of VCALENDAR that are not VTIMEZONE, in the order of the text.
    pub component: u32,
    pub busy: Busy,
}

type Found<'a> = &'a mut dyn FnMut(Occurrence) -> ControlFlow<()>;

impl Series {
    /// The occurrences that overlap the window, sorted by start.
    pub(crate) fn occurrences(
        &self,
        window: Window,
        floating: &Zone,
        budget: &mut Budget,
    ) -> Result<Vec<Occurrence>, Error> {
        let mut all = Vec::new();
        self.scan(window, floating, budget, &mut |found| {
            all.push(found);
            if all.len() > OCCURRENCES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if all.len() > OCCURRENCES {
            return Err(Error::Budget);
        }
        all.sort_unstable_by_key(|o| (o.start, o.id, o.end));
        // The start and an RDATE may be instances of the rule as well.
        all.dedup_by_key(|o| (o.id, o.start));
        Ok(all)
    }

    /// Whether any occurrence that overlaps the window passes the test; stops at the first.
    pub(crate) fn any(
        &self,
        window: Window,
        floating: &Zone,
        budget: &mut Budget,
        mut test: impl FnMut(&Occurrence) -> bool,
    ) -> Result<bool, Error> {
        let mut any = false;
        self.scan(window, floating, budget, &mut |found| match test(&found) {
            true => {
                any = true;
                ControlFlow::Break(())
            }
            false => ControlFlow::Continue(()),
        })?;
        Ok(any)
    }

    /// Gives every occurrence in the window to `found` until it has enough. In no order, some twice.
    fn scan(
        &self,
        window: Window,
        floating: &Zone,
        budget: &mut Budget,
        found: Found<'_>,
    ) -> Result<(), Error> {
        let ended = self.scan_single(window, floating, budget, found)?;
        match &self.master {
            Some(master) if ended.is_continue() => {
                Scan { series: self, master, window, floating }.run(budget, found).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// Periods and overrides: what stands where it stands.
    fn scan_single(
        &self,
        window: Window,
        floating: &Zone,
        budget: &mut Budget,
        found: Found<'_>,
    ) -> Result<ControlFlow<()>, Error> {
        budget.take(1 + (self.overrides.len() + self.periods.len()) as u64 / 4)?;
        for p in self.periods.iter().filter(|p| window.overlaps(p.from, p.until)) {
            let one = Occurrence { start: p.from, end: p.until, id: None, component: 0, busy: p.busy };
            if found(one).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        for o in &self.overrides {
            let start = o.clock.instant(o.start, floating);
            let end = o.clock.instant(o.length.end(&o.clock, o.start), floating);
            let id = Some(self.clock.instant(o.key, floating));
            let one = Occurrence { start, end, id, component: o.component, busy: o.busy };
            if o.row.overlaps(window, start, end) && found(one).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether a component of its own stands for the instance.
    fn is_overridden(&self, key: i64) -> bool {
        self.overrides.binary_search_by_key(&key, |o| o.key).is_ok()
    }

    /// The override with RANGE=THISANDFUTURE that holds for the instance.
    fn onwards(&self, key: i64) -> Option<(&Override, i64)> {
        let until = self.overrides.partition_point(|o| o.key <= key);
        self.overrides[..until].iter().rev().find_map(|o| Some((o, o.onwards?)))
    }

    /// The occurrence of an instance that no override replaces; None where EXDATE or EXRULE removed it.
    pub(crate) fn original(
        &self,
        key: i64,
        own: Option<Length>,
        floating: &Zone,
        budget: &mut Budget,
    ) -> Result<Option<(Occurrence, Row)>, Error> {
        let Some(master) = &self.master else { return Ok(None) };
        if master.is_gone(key, &self.clock, budget)? {
            return Ok(None);
        }
        let (mut start, mut length, mut row) = (key, own.unwrap_or(master.length), master.row);
        let (mut component, mut busy) = (master.component, master.busy);
        if let Some((o, shift)) = self.onwards(key) {
            start = self.clock.key(self.clock.civil(key) + shift);
            (length, row, component, busy) = (o.length, o.row, o.component, o.busy);
        }
        let end = self.clock.instant(length.end(&self.clock, start), floating);
        let id = Some(self.clock.instant(key, floating));
        Ok(Some((Occurrence { start: self.clock.instant(start, floating), end, id, component, busy }, row)))
    }

    /// The bounds of all occurrences: UTC seconds, `Window::END` when endless.
    pub(crate) fn bounds(&self) -> (i64, i64) {
        let (mut first, mut last) = (Window::END, Window::START);
        let mut add = |start: i64, end: i64, slack: i64| {
            first = first.min(start.saturating_sub(slack).max(Window::START));
            last = last.max(end.saturating_add(slack).min(Window::END));
        };
        self.periods.iter().for_each(|p| add(p.from, p.until, 0));
        for o in &self.overrides {
            add(
                o.start,
                o.start.saturating_add(o.length.most()),
                if o.clock.is_floating() { DAY } else { 0 },
            );
        }
        if let Some(master) = &self.master {
            // An override that holds onwards may also move what follows to an earlier time.
            let moved = self.overrides.iter().filter_map(|o| o.onwards).map(i64::abs).max().unwrap_or(0);
            let slack = moved + if self.clock.is_floating() { DAY } else { 0 };
            add(self.clock.key(master.start), self.clock.key(master.start) + self.reach, slack);
            for (key, _) in &master.extra {
                add(*key, key + self.reach, slack);
            }
            for rule in &master.rules {
                match rule.until {
                    Until::Never => add(self.clock.key(master.start), Window::END, slack),
                    Until::Civil(civil) => add(Window::END, self.clock.key(civil) + self.reach, slack),
                    Until::Instant(instant) => add(Window::END, instant + self.reach, slack),
                }
            }
        }
        (first, last)
    }

    /// Whether its rules can be walked: for what was read from bytes.
    pub(crate) fn is_possible(&self) -> bool {
        self.master.iter().flat_map(|m| m.rules.iter().chain(&m.except)).all(Rule::is_possible)
    }

    /// Bytes it holds on the heap besides itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        let rule = |r: &Rule| {
            size_of::<Rule>() + r.nth.len() * 2 + r.weeks.len() + (r.year_days.len() + r.positions.len()) * 2
        };
        let master = |m: &Master| {
            m.rules.iter().chain(&m.except).map(rule).sum::<usize>()
                + (m.gone.len() + m.gone_days.len()) * size_of::<i64>()
                + m.extra.len() * size_of::<(i64, Option<Length>)>()
        };
        self.overrides.len() * size_of::<Override>()
            + self.periods.len() * size_of::<Period>()
            + self.master.as_ref().map_or(0, master)
    }
}

impl Master {
    /// Whether EXDATE (by instant, or by day where it is a date) or EXRULE removes the instance.
    fn is_gone(&self, key: i64, clock: &Clock, budget: &mut Budget) -> Result<bool, Error> {
        if self.gone.binary_search(&key).is_ok() {
            return Ok(true);
        }
        if self.gone_days.is_empty() && self.except.is_empty() {
            return Ok(false);
        }
        let civil = clock.civil(key);
        if self.gone_days.binary_search(&(civil.div_euclid(DAY) * DAY)).is_ok() {
            return Ok(true);
        }
        for rule in &self.except {
            let in_time = match rule.until {
                Until::Instant(until) => key <= until,
                Until::Civil(until) => civil <= until,
                Until::Never => true,
            };
            let mut walk = Walk::new(rule, self.start, *clock == Clock::Date, (civil, civil));
            if in_time && walk.next(budget)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// One look through a master for one window.
struct Scan<'a> {
    series: &'a Series,
    master: &'a Master,
    window: Window,
    floating: &'a Zone,
}

impl Scan<'_> {
    fn run(&self, budget: &mut Budget, found: Found<'_>) -> Result<ControlFlow<()>, Error> {
        let (from, until) = self.keys();
        let first = self.series.clock.key(self.master.start);
        if (from..=until).contains(&first) && self.offer(first, None, budget, found)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let begin = self.master.extra.partition_point(|(key, _)| *key < from);
        for (key, length) in self.master.extra[begin..].iter().take_while(|(key, _)| *key <= until) {
            budget.take(1)?;
            if self.offer(*key, *length, budget, found)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        for rule in &self.master.rules {
            if self.rule(rule, (from, until), budget, found)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn rule(
        &self,
        rule: &Rule,
        (from, until): (i64, i64),
        budget: &mut Budget,
        found: Found<'_>,
    ) -> Result<ControlFlow<()>, Error> {
        let clock = &self.series.clock;
        // A day to either side: no wall clock is further from itself where an offset changes.
        let from = clock.civil(from).saturating_sub(DAY).max(EARLIEST);
        let mut until = clock.civil(until).saturating_add(DAY).min(LATEST);
        let mut last = i64::MAX;
        match rule.until {
            Until::Never => {}
            Until::Civil(civil) => until = until.min(civil),
            Until::Instant(instant) => {
                until = until.min(clock.civil(instant).saturating_add(DAY));
                last = instant;
            }
        }
        let mut walk = Walk::new(rule, self.master.start, *clock == Clock::Date, (from, until));
        while let Some(civil) = walk.next(budget)? {
            let key = clock.key(civil);
            if key <= last && self.offer(key, None, budget, found)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The keys that can lead into the window: lengths and moves reach back, moves also forward.
    fn keys(&self) -> (i64, i64) {
        let around = if self.series.clock.is_floating() { DAY } else { 0 };
        let reach = self.series.reach.saturating_add(around);
        (self.window.from.saturating_sub(reach), self.window.until.saturating_add(reach))
    }

    fn offer(
        &self,
        key: i64,
        own: Option<Length>,
        budget: &mut Budget,
        found: Found<'_>,
    ) -> Result<ControlFlow<()>, Error> {
        if self.series.is_overridden(key) {
            return Ok(ControlFlow::Continue(()));
        }
        Ok(match self.series.original(key, own, self.floating, budget)? {
            Some((one, row)) if row.overlaps(self.window, one.start, one.end) => found(one),
            _ => ControlFlow::Continue(()),
        })
    }
}
