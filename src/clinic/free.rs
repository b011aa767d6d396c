//! The index of free time: for every resource its gaps over the coming days, kept up to date interval by interval.
//!
//! Derived from rows and texts, droppable at any time. An interval that changes touches the gaps of the days around
//! it and no others. A hold is a busy interval with an end of its own: a search leaves out what has expired by its
//! `now`; [`Free::settle`] forgets it for good.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use ical::Zone;
use serde::{Deserialize, Serialize};
use store::{PrincipalId, PrincipalKind};

use super::{
    gaps::{Found, derive},
    interval::{Busy, MOST_SEATS, Open, Site, settled, without},
    packed::Packed,
    postings::{BAND, Bands, Bits, and},
    tally::Tallies,
    wall::{DAY, Wall},
};

/// Something that resources are found by: a row of the clinic's list of terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TermKey(pub i64);

/// What a term is about. Places and modes may also be those of an open interval; all else is a trait of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Place,
    Mode,
    Trait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    pub term: TermKey,
    pub dimension: About,
    /// On which days it holds; bit 0 is Monday.
    pub weekdays: u8,
}

/// Whom or what somebody books.
#[derive(Clone, Debug)]
pub struct Resource {
    pub id: PrincipalId,
    pub kind: PrincipalKind,
    pub zone: Zone,
    pub capacity: u32,
    pub active: bool,
    /// Patients and bots may book it.
    pub online: bool,
    /// It has no hours: open whenever nothing stands there.
    pub always_open: bool,
    /// Among equal starts the lowest is first.
    pub rank: u32,
    pub tags: Vec<Tag>,
}

/// A gap in 14 bytes: seconds since the index's origin.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(2))]
pub(super) struct Gap {
    pub from: u32,
    pub until: u32,
    pub before: u16,
    pub after: u16,
    pub site: u16,
}

/// What a search reads of every candidate: kept side by side, because to reach a lane costs more than to read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub rank: u32,
    pub wall: u16,
}

/// One resource.
#[derive(Debug)]
pub(super) struct Lane {
    pub who: Resource,
    pub wall: usize,
    open: Packed,
    busy: Packed,
    /// Gaps by seats: those of two, of three, ...; those of one stand in [`Free::gaps`].
    levels: Vec<Vec<Gap>>,
    tallies: Tallies,
}

/// Expiry, resource, and the interval itself.
type Hold = (i64, usize, Busy);

pub struct Free {
    /// The zero of gaps; it does not move.
    origin: i64,
    /// Starts are known from here until there.
    from: i64,
    until: i64,
    pub(super) lanes: Vec<Lane>,
    pub(super) heads: Vec<Head>,
    /// Gaps for one seat, by lane.
    gaps: Vec<Vec<Gap>>,
    by_id: HashMap<PrincipalId, usize>,
    pub(super) walls: Vec<Wall>,
    pub(super) sites: Vec<Site>,
    site_numbers: HashMap<Site, u16>,
    terms: HashMap<TermKey, Bits>,
    kinds: Vec<(PrincipalKind, Bits)>,
    bookable: Bits,
    online: Bits,
    pub(super) bands: Bands,
    holds: BTreeSet<Hold>,
}

/// All of what is known.
const EVER: (i64, i64) = (i64::MIN, i64::MAX);

/// Hours and visits are known this long after the last start: a start may end later.
const BEYOND: i64 = 8 * DAY;

impl Free {
    /// For starts on `days` days from the UTC day of an instant on.
    pub fn new(from: i64, days: usize) -> Free {
        let from = from.div_euclid(DAY) * DAY;
        Free {
            origin: from - BEYOND,
            from,
            until: from + days as i64 * DAY,
            lanes: Vec::new(),
            heads: Vec::new(),
            gaps: Vec::new(),
            by_id: HashMap::new(),
            walls: Vec::new(),
            sites: vec![Site::default()],
            site_numbers: HashMap::from([(Site::default(), 0)]),
            terms: HashMap::new(),
            kinds: Vec::new(),
            bookable: Bits::default(),
            online: Bits::default(),
            bands: Bands::new(from, days),
            holds: BTreeSet::new(),
        }
    }

    /// The span in which starts are known.
    pub fn span(&self) -> (i64, i64) {
        (self.from, self.until)
    }

    /// The span in which open and busy time has to be known for that.
    pub fn needed(&self) -> (i64, i64) {
        (self.from - BEYOND, self.until + BEYOND)
    }

    /// Adds a resource or changes what is known of it; its time stays.
    pub fn put(&mut self, who: Resource) {
        let at = self.seat(who);
        self.rebuild(at, self.from - BEYOND, self.until + BEYOND);
    }

    /// The same with its hours in a window, and what stands on it there: for a whole resource that is less than one after
    /// the other.
    pub fn lay(&mut self, who: Resource, (from, until): (i64, i64), open: &[Open], busy: Option<&[Busy]>) {
        let at = self.seat(who);
        self.set_open(at, from, until, open);
        if let Some(busy) = busy {
            self.set_busy(at, from, until, busy);
        }
        self.rebuild(at, self.from - BEYOND, self.until + BEYOND);
    }

    /// Its place; what follows from what is known of it is still to be derived.
    fn seat(&mut self, who: Resource) -> usize {
        let wall = self.wall(&who.zone);
        let at = *self.by_id.entry(who.id).or_insert(self.lanes.len());
        let head = Head { rank: who.rank, wall: u16::try_from(wall).unwrap_or(0) };
        self.bands.hold(at + 1);
        match self.lanes.get_mut(at) {
            Some(lane) => {
                lane.tags_off(&mut self.terms, at);
                lane.who = who;
                if lane.wall != wall {
                    // Its days begin elsewhere.
                    lane.wall = wall;
                    lane.tallies = Tallies::of(&self.walls[wall], &lane.busy.busy_list());
                }
                self.heads[at] = head;
            }
            None => {
                self.heads.push(head);
                self.gaps.push(Vec::new());
                self.lanes.push(Lane {
                    who,
                    wall,
                    open: Packed::default(),
                    busy: Packed::default(),
                    levels: Vec::new(),
                    tallies: Tallies::default(),
                });
            }
        }
        self.register(at);
        at
    }

    /// Nobody finds it any more. Its number is kept for a return.
    pub fn remove(&mut self, id: PrincipalId) {
        let Some(at) = self.by_id.get(&id).copied() else { return };
        self.lanes[at].who.active = false;
        let lane = &mut self.lanes[at];
        (lane.open, lane.busy, lane.tallies) = Default::default();
        self.holds.retain(|(_, lane, _)| *lane != at);
        self.register(at);
        self.rebuild(at, self.from - BEYOND, self.until + BEYOND);
    }

    /// The open time of `from..until`, all of it.
    pub fn replace_open(&mut self, id: PrincipalId, from: i64, until: i64, open: &[Open]) {
        let Some(at) = self.by_id.get(&id).copied() else { return };
        self.set_open(at, from, until, open);
        self.rebuild(at, from, until);
    }

    /// Nobody is open from one instant to another; who is always open stays so.
    pub fn close(&mut self, from: i64, until: i64) {
        for at in 0..self.lanes.len() {
            let overlaps = |(begins, ends, _): (i64, i64, u16)| begins < until && ends > from;
            if self.lanes[at].open.each_open().any(overlaps) {
                self.set_open(at, from, until, &[]);
                self.rebuild(at, from, until);
            }
        }
    }

    fn set_open(&mut self, at: usize, from: i64, until: i64, open: &[Open]) {
        let mut all: Vec<(i64, i64, u16)> = Vec::with_capacity(open.len());
        for (begins, ends, site) in self.lanes[at].open.each_open() {
            all.extend([(begins, ends.min(from), site), (begins.max(until), ends, site)]);
        }
        for one in open {
            let site = self.site(one.site);
            for term in [one.site.place, one.site.mode].into_iter().flatten() {
                self.terms.entry(term).or_default().set(at, true);
            }
            all.push((one.from.max(from), one.until.min(until), site));
        }
        all.retain(|(from, until, _)| from < until);
        self.lanes[at].open = Packed::open(&settled(all));
    }

    /// Everything that stands on a resource and starts in `from..until`.
    pub fn replace_busy(&mut self, id: PrincipalId, from: i64, until: i64, busy: &[Busy]) {
        let Some(at) = self.by_id.get(&id).copied() else { return };
        if let Some((from, until)) = self.set_busy(at, from, until, busy) {
            self.rebuild(at, from, until);
        }
    }

    /// From when to when something is different.
    fn set_busy(&mut self, at: usize, from: i64, until: i64, busy: &[Busy]) -> Option<(i64, i64)> {
        let inside = |one: &Busy| (from..until).contains(&one.start);
        self.holds.retain(|(_, lane, one)| *lane != at || !inside(one));
        let gone = self.lanes[at].busy.starting(from, until);
        let come: Vec<Busy> = busy.iter().copied().filter(inside).collect();
        self.hold(at, &come);
        let touched = touched(gone.iter().chain(&come));
        if touched.is_some() {
            self.swap(at, (from, until), &gone, come);
        }
        touched
    }

    /// What an object or a hold no longer takes, and what it takes now. What is to go is known by its value.
    pub fn change(&mut self, id: PrincipalId, gone: &[Busy], come: &[Busy]) {
        let Some(at) = self.by_id.get(&id).copied() else { return };
        for one in gone.iter().filter_map(|one| one.expires.map(|expires| (expires, at, *one))) {
            self.holds.remove(&one);
        }
        self.hold(at, come);
        let starts = || gone.iter().chain(come).map(|one| one.start);
        let (Some(first), Some(last)) = (starts().min(), starts().max()) else { return };
        let stood = self.lanes[at].busy.starting(first, last + 1);
        let mut stand = without(stood.clone(), gone);
        stand.extend(come);
        self.swap(at, (first, last + 1), &stood, stand);
        if let Some((from, until)) = touched(gone.iter().chain(come)) {
            self.rebuild(at, from, until);
        }
    }

    fn hold(&mut self, at: usize, come: &[Busy]) {
        self.holds.extend(come.iter().filter_map(|one| one.expires.map(|expires| (expires, at, *one))));
    }

    /// What stands on a resource and starts in the window, in the place of what stood there.
    fn swap(&mut self, at: usize, window: (i64, i64), stood: &[Busy], mut stand: Vec<Busy>) {
        stand.iter_mut().for_each(|one| one.expires = None);
        stand.sort_unstable();
        let lane = &mut self.lanes[at];
        lane.busy = lane.busy.with(window, &stand);
        lane.tallies.change(&self.walls[lane.wall], stood, &stand);
    }

    /// Forgets holds that have expired, so that searches need not leave them out one by one.
    pub fn settle(&mut self, now: i64) {
        for (id, gone) in self.expired(now) {
            self.change(self.lanes[id].who.id, &gone, &[]);
        }
    }

    /// Days pass: others come, in which nobody has anything before it was carried on to them. Says until when starts were
    /// known; None: it is the same day.
    pub fn turn(&mut self, now: i64) -> Option<i64> {
        let from = now.div_euclid(DAY) * DAY;
        if from <= self.from {
            return None;
        }
        let known = self.until;
        self.until += from - self.from;
        self.from = from;
        self.bands.advance(from);
        let (begins, ends) = self.needed();
        self.walls = self.walls.iter().map(|wall| Wall::new(wall.zone().clone(), begins, ends)).collect();
        Some(known)
    }

    /// Carries some lanes, in the order of [`Free::ids`], on to the days that came. What they have in them has been told by
    /// [`Free::replace_open`] and [`Free::replace_busy`], or is told later.
    pub fn carry_on(&mut self, lanes: Range<usize>, known: i64) {
        let (begins, ends) = self.needed();
        for at in lanes.start..lanes.end.min(self.lanes.len()) {
            let lane = &mut self.lanes[at];
            let open = lane.open.each_open().filter(|(_, until, _)| *until > begins);
            lane.open = Packed::open(&open.collect::<Vec<_>>());
            let busy: Vec<Busy> = lane.busy.each_busy().filter(|one| one.end > begins).collect();
            lane.busy = Packed::busy(&busy);
            lane.tallies = Tallies::of(&self.walls[lane.wall], &busy);
            for gaps in [&mut self.gaps[at]].into_iter().chain(&mut lane.levels) {
                let is_over = |gap: &Gap| self.origin + i64::from(gap.until) <= begins;
                gaps.drain(..gaps.partition_point(is_over));
            }
            // What lies between is as it was; of the days after it only what a start may reach into was known.
            self.rebuild(at, known, ends);
        }
    }

    /// What is known of a resource; None: nothing.
    pub fn resource(&self, id: PrincipalId) -> Option<&Resource> {
        self.number(id).map(|at| &self.lanes[at].who)
    }

    /// All that is known.
    pub fn ids(&self) -> impl Iterator<Item = PrincipalId> {
        self.lanes.iter().map(|lane| lane.who.id)
    }

    /// Where a resource works while it is open from one instant to another without a break; None: it is not.
    pub fn open_at(&self, id: PrincipalId, from: i64, until: i64) -> Option<Site> {
        let at = self.number(id)?;
        let is_all = |(begins, ends, _): &(i64, i64, u16)| (*begins, *ends) == (from, until);
        let found = self.open_of(at, (from, until)).into_iter().find(is_all);
        found.map(|(_, _, site)| self.sites[usize::from(site)])
    }

    /// When the next hold runs out; the furthest future without any.
    pub fn next_expiry(&self) -> i64 {
        self.holds.first().map_or(i64::MAX, |(expires, ..)| *expires)
    }

    /// Those of a kind that have all of these, the first in order first.
    pub fn having(&self, kind: PrincipalKind, traits: &[TermKey]) -> Vec<PrincipalId> {
        let groups: Vec<&[TermKey]> = traits.iter().map(std::slice::from_ref).collect();
        let found = self.matching(kind, false, &groups);
        super::postings::ones(&found).map(|at| self.lanes[at].who.id).collect()
    }

    /// Bytes of gaps, intervals and bands, for figures.
    pub fn bytes(&self) -> usize {
        let of = |(lane, first): (&Lane, &Vec<Gap>)| {
            let gaps: usize =
                lane.levels.iter().chain([first]).map(|gaps| gaps.capacity() * size_of::<Gap>()).sum();
            let lists = lane.tallies.bytes() + lane.who.tags.capacity() * size_of::<Tag>();
            size_of::<Lane>()
                + size_of::<Head>()
                + size_of::<Vec<Gap>>()
                + lane.open.bytes()
                + lane.busy.bytes()
                + gaps
                + lists
        };
        let terms: usize = self.terms.values().map(|bits| bits.words().len() * 8).sum();
        self.lanes.iter().zip(&self.gaps).map(of).sum::<usize>() + self.bands.bytes() + terms
    }

    fn wall(&mut self, zone: &Zone) -> usize {
        if let Some(at) = self.walls.iter().position(|wall| wall.zone() == zone) {
            return at;
        }
        let (from, until) = self.needed();
        self.walls.push(Wall::new(zone.clone(), from, until));
        self.walls.len() - 1
    }

    /// Two sites more than numbers are left share the one that says nothing.
    fn site(&mut self, site: Site) -> u16 {
        let next = self.sites.len();
        let number = *self.site_numbers.entry(site).or_insert(u16::try_from(next).unwrap_or(0));
        if usize::from(number) == next {
            self.sites.push(site);
        }
        number
    }

    fn register(&mut self, at: usize) {
        let who = &self.lanes[at].who;
        self.bookable.set(at, who.active);
        self.online.set(at, who.online);
        if !self.kinds.iter().any(|(kind, _)| *kind == who.kind) {
            self.kinds.push((who.kind, Bits::default()));
        }
        self.kinds.iter_mut().for_each(|(kind, bits)| bits.set(at, *kind == who.kind));
        for tag in &who.tags {
            self.terms.entry(tag.term).or_default().set(at, true);
        }
        let sites: BTreeSet<u16> = self.lanes[at].open.each_open().map(|(_, _, site)| site).collect();
        for site in sites.into_iter().map(|number| self.sites[usize::from(number)]) {
            for term in [site.place, site.mode].into_iter().flatten() {
                self.terms.entry(term).or_default().set(at, true);
            }
        }
    }

    /// When a resource is open within a span.
    fn open_of(&self, at: usize, (from, until): (i64, i64)) -> Vec<(i64, i64, u16)> {
        let within = |(begins, ends, site): (i64, i64, u16)| (begins.max(from), ends.min(until), site);
        let lane = &self.lanes[at];
        let always = lane.who.always_open.then_some((self.origin, self.until + BEYOND, 0));
        let hours = lane.open.each_open().filter(|_| always.is_none());
        always.into_iter().chain(hours).map(within).filter(|(begins, ends, _)| begins < ends).collect()
    }

    /// Derives the gaps around `from..until` anew: a day more on both sides, for buffers reach no further, and whole
    /// gaps.
    fn rebuild(&mut self, at: usize, from: i64, until: i64) {
        let ends = self.until + BEYOND;
        let (mut from, mut until) = ((from - DAY).max(self.origin), (until + DAY).min(ends));
        if from >= until {
            return;
        }
        let origin = self.origin;
        let touching = |gaps: &[Gap], from: i64, until: i64| {
            let first = gaps.partition_point(|gap| origin + i64::from(gap.until) <= from);
            first..first + gaps[first..].partition_point(|gap| origin + i64::from(gap.from) < until)
        };
        for gaps in self.lanes[at].levels.iter().chain([&self.gaps[at]]) {
            let gaps = &gaps[touching(gaps, from, until)];
            from = gaps.first().map_or(from, |gap| from.min(origin + i64::from(gap.from)));
            until = gaps.last().map_or(until, |gap| until.max(origin + i64::from(gap.until)));
        }
        let open = self.open_of(at, (from, until));
        let near = |one: &Busy| {
            one.end + DAY > from - i64::from(one.after) && one.start - DAY < until + i64::from(one.before)
        };
        let near: Vec<Busy> = self.lanes[at].busy.each_busy().filter(near).collect();
        // Of a new one there is nothing to forget, in hundreds of rows of bits.
        let mut had = false;
        let lane = &mut self.lanes[at];
        lane.levels.resize(lane.who.capacity.clamp(1, MOST_SEATS) as usize - 1, Vec::new());
        for (gaps, seats) in [&mut self.gaps[at]].into_iter().chain(&mut lane.levels).zip(1..) {
            let new = derive(&open, &near, lane.who.capacity, seats);
            let old = touching(gaps, from, until);
            had |= seats == 1 && !old.is_empty();
            gaps.splice(old, new.iter().map(|found| packed(found, origin)));
            if gaps.capacity() > gaps.len() + gaps.len() / 8 + 4 {
                gaps.shrink_to_fit();
            }
        }
        if had {
            self.bands.clear(at, from, until);
        }
        let gaps = &self.gaps[at];
        // Bands at the two ends hold starts of the gaps beside.
        for gap in &gaps[touching(gaps, from - BAND, until + BAND)] {
            self.bands.set(at, origin + i64::from(gap.from), origin + i64::from(gap.until));
        }
    }

    // What a search needs.

    pub(super) fn origin(&self) -> i64 {
        self.origin
    }

    pub(super) fn number(&self, id: PrincipalId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The gaps of a lane for so many seats.
    pub(super) fn gaps(&self, at: usize, seats: u32) -> &[Gap] {
        match seats {
            1 => &self.gaps[at],
            _ => self.lanes[at].levels.get(seats as usize - 2).map_or(&[], |gaps| gaps),
        }
    }

    /// The same as if something did not stand there.
    pub(super) fn gaps_without(&self, at: usize, gone: &[Busy], seats: u32) -> Vec<Gap> {
        let busy = without(self.lanes[at].busy.busy_list(), gone);
        let found = derive(&self.open_of(at, EVER), &busy, self.lanes[at].who.capacity, seats);
        found.iter().map(|found| packed(found, self.origin)).collect()
    }

    /// Holds that are over, by lane.
    pub(super) fn expired(&self, now: i64) -> HashMap<usize, Vec<Busy>> {
        let mut over: HashMap<usize, Vec<Busy>> = HashMap::new();
        for (_, at, one) in self.holds.iter().take_while(|(expires, ..)| *expires <= now) {
            over.entry(*at).or_default().push(*one);
        }
        over
    }

    /// Who is of a kind, active and has something of every group; the weekdays of tags are not looked at.
    pub(super) fn matching(&self, kind: PrincipalKind, online: bool, groups: &[&[TermKey]]) -> Vec<u64> {
        let words = self.bands.stride();
        let of_kind = self.kinds.iter().find(|(one, _)| *one == kind);
        let mut all = of_kind.map_or_else(|| vec![0; words], |(_, bits)| bits.wide(words));
        and(&mut all, self.bookable.words());
        if online {
            and(&mut all, self.online.words());
        }
        for group in groups {
            let mut any = vec![0; words];
            for bits in group.iter().filter_map(|term| self.terms.get(term)) {
                super::postings::or(&mut any, bits.words());
            }
            and(&mut all, &any);
        }
        all
    }

    /// Visits of a service on a span of days of the resource's wall.
    pub(super) fn visits(&self, at: usize, service: u16, days: std::ops::RangeInclusive<i64>) -> u32 {
        self.lanes[at].tallies.visits(service, days)
    }
}

impl Lane {
    fn tags_off(&self, terms: &mut HashMap<TermKey, Bits>, at: usize) {
        for tag in &self.who.tags {
            if let Some(bits) = terms.get_mut(&tag.term) {
                bits.set(at, false);
            }
        }
    }
}

/// From when to when these and their buffers are; None of nothing.
fn touched<'b>(all: impl Iterator<Item = &'b Busy>) -> Option<(i64, i64)> {
    let whole = all.map(|one| (one.start - i64::from(one.before), one.end + i64::from(one.after)));
    whole.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn packed(found: &Found<u16>, origin: i64) -> Gap {
    let seconds = |at: i64| u32::try_from(at - origin).unwrap_or(if at < origin { 0 } else { u32::MAX });
    Gap {
        from: seconds(found.from),
        until: seconds(found.until),
        before: found.before,
        after: found.after,
        site: found.site,
    }
}
