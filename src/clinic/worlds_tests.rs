//! Made-up clinics, answered by counting: every instant of the grid, every resource, the rule as it is written.
//! The search must give the very same starts. A few hundred worlds run always; `KALENDS_TEST_WORLDS` says how many.

use ical::Zone;
use store::{PrincipalId, PrincipalKind};

use super::*;

const DAY: i64 = 86_400;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n as u64) as i64
    }

    fn chance(&mut self, one_in: i64) -> bool {
        self.below(one_in) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as i64) as usize].clone()
    }
}

/// A resource with all that is known of it.
#[derive(Clone)]
struct Known {
    who: Resource,
    open: Vec<Open>,
    busy: Vec<Busy>,
}

struct World {
    from: i64,
    days: i64,
    unit: i64,
    known: Vec<Known>,
    now: i64,
}

const PLACES: [TermKey; 3] = [TermKey(1), TermKey(2), TermKey(3)];
const MODES: [TermKey; 2] = [TermKey(11), TermKey(12)];
const TRAITS: [TermKey; 4] = [TermKey(21), TermKey(22), TermKey(23), TermKey(24)];

fn tags(dice: &mut Dice) -> Vec<Tag> {
    let mut all = Vec::new();
    for (terms, dimension) in [(&PLACES[..], About::Place), (&MODES, About::Mode), (&TRAITS, About::Trait)] {
        for term in terms {
            if !dice.chance(3) {
                let weekdays = if dice.chance(3) { dice.below(127) as u8 + 1 } else { 0x7f };
                all.push(Tag { term: *term, dimension, weekdays });
            }
        }
    }
    all
}

fn open(dice: &mut Dice, zone: &Zone, from: i64, until: i64, unit: i64) -> Vec<Open> {
    let mut all: Vec<Open> = Vec::new();
    for day in from.div_euclid(DAY) - 1..=until.div_euclid(DAY) + 1 {
        let mut at = day * DAY + dice.below(14 * 3600 / unit) * unit;
        for _ in 0..dice.below(4) {
            let end = at + (1 + dice.below(5 * 3600 / unit)) * unit;
            let site = Site {
                place: dice.chance(4).then(|| dice.of(&PLACES)),
                mode: dice.chance(4).then(|| dice.of(&MODES)),
            };
            let (begins, ends) = (zone.to_instant(at), zone.to_instant(end));
            if begins < ends && all.last().is_none_or(|last| last.until <= begins) {
                all.push(Open { from: begins, until: ends, site });
            }
            at = end + if dice.chance(2) { 0 } else { dice.below(7200 / unit + 1) * unit };
        }
    }
    all
}

fn busy(dice: &mut Dice, world: (i64, i64), unit: i64) -> Busy {
    let start = world.0 - DAY + dice.below((world.1 + 2) * DAY / unit) * unit;
    let length = if dice.chance(12) { dice.below(30 * 3600 / unit) } else { dice.below(5400 / unit) };
    let mut pad = || if dice.chance(3) { (dice.below(1800 / unit + 1) * unit) as u32 } else { 0 };
    Busy {
        start,
        end: start + (length + 1) * unit,
        before: pad(),
        after: pad(),
        closed: dice.chance(8),
        service: if dice.chance(4) { 7 } else { 0 },
        expires: dice.chance(6).then(|| world.0 + dice.below(world.1 * DAY)),
    }
}

fn world(dice: &mut Dice, zones: &[&str]) -> World {
    let unit = dice.of(&[60, 300, 300, 900]);
    // Around both changes of the clocks of 2026 more often than not.
    let from = dice.of(&[1_774_500_000i64, 1_792_700_000, 1_790_000_000, 1_772_800_000]) / DAY * DAY;
    let days = 1 + dice.below(5);
    let mut known = Vec::new();
    let zone = dice.of(zones);
    for n in 0..2 + dice.below(9) {
        let kind = match n {
            0 => PrincipalKind::Individual,
            _ => dice.of(&[
                PrincipalKind::Individual,
                PrincipalKind::Individual,
                PrincipalKind::Room,
                PrincipalKind::Resource,
            ]),
        };
        let zone = if dice.chance(3) { dice.of(zones) } else { zone };
        let who = Resource {
            id: PrincipalId(100 + n),
            kind,
            zone: Zone::named(zone).unwrap(),
            capacity: dice.of(&[1, 1, 1, 2, 3]),
            active: !dice.chance(12),
            online: !dice.chance(5),
            always_open: kind != PrincipalKind::Individual && dice.chance(2),
            rank: dice.below(3) as u32,
            tags: tags(dice),
        };
        let open = open(dice, &who.zone, from - 2 * DAY, from + (days + 2) * DAY, unit);
        let busy = (0..dice.below(days * 12)).map(|_| busy(dice, (from, days), unit)).collect();
        known.push(Known { who, open, busy });
    }
    World { from, days, unit, known, now: from + dice.below(DAY) }
}

/// The index, filled in a roundabout way.
fn index(dice: &mut Dice, world: &World) -> Free {
    let early = dice.below(3);
    let mut free = Free::new(world.from - early * DAY, world.days as usize);
    let (begins, ends) = (world.from - 20 * DAY, world.from + (world.days + 20) * DAY);
    for known in &world.known {
        let id = known.who.id;
        // It was elsewhere before, or gone for a while: visits count by days of the wall that it has at last.
        let zone =
            if dice.chance(3) { Zone::named("Pacific/Auckland").unwrap() } else { known.who.zone.clone() };
        free.put(Resource { rank: 9, tags: tags(dice), zone, ..known.who.clone() });
        if dice.chance(4) {
            free.replace_busy(id, begins, ends, &known.busy);
            free.remove(id);
        }
        let middle = world.from + dice.below(world.days * DAY);
        let wrong = open(dice, &known.who.zone, world.from, world.from + DAY, world.unit);
        free.replace_open(id, begins, ends, &wrong);
        free.replace_open(id, middle, ends, &known.open);
        free.replace_open(id, begins, middle, &known.open);
        let (some, rest) = known.busy.split_at(known.busy.len() / 2);
        let gone: Vec<Busy> = (0..4).map(|_| busy(dice, (world.from, world.days), world.unit)).collect();
        free.replace_busy(id, begins, ends, &gone);
        free.replace_busy(id, begins, ends, some);
        free.change(id, &[], &gone);
        for one in rest {
            free.change(id, &[], &[*one]);
        }
        free.change(id, &gone, &[]);
        free.put(known.who.clone());
    }
    if early > 0 {
        let known = free.turn(world.from).unwrap();
        let half = world.known.len() / 2;
        free.carry_on(half..usize::MAX, known);
        free.carry_on(0..half, known);
    }
    if dice.chance(2) {
        free.settle(world.now);
    }
    free
}

fn ask<'a>(dice: &mut Dice, world: &World, dates: Dates<'a>) -> Ask<'a> {
    let unit = world.unit;
    let mut some =
        |all: &[TermKey]| if dice.chance(3) { vec![dice.of(all), dice.of(all)] } else { Vec::new() };
    let (traits, places, modes) = (vec![some(&TRAITS), some(&TRAITS)], some(&PLACES), some(&MODES));
    let mut pad = || if dice.chance(3) { dice.below(2400 / unit + 1) * unit } else { 0 };
    let (before, after) = (pad(), pad());
    let needs = (0..if dice.chance(3) { dice.below(3) } else { 0 }).map(|_| Demand {
        kind: dice.of(&[PrincipalKind::Room, PrincipalKind::Room, PrincipalKind::Resource]),
        traits: if dice.chance(2) { vec![dice.of(&TRAITS)] } else { Vec::new() },
        count: 1 + dice.below(2) as usize,
    });
    let needs: Vec<Demand> = needs.collect();
    let day = if dice.chance(3) {
        let after = dice.below(24) * 3600;
        (after, (after + 3600 + dice.below(8) * 3600).min(DAY))
    } else {
        (0, DAY)
    };
    let ignored = world
        .known
        .iter()
        .filter(|_| dice.chance(4))
        .filter_map(|known| known.busy.first().map(|busy| (known.who.id, *busy)));
    let ignore: Vec<_> = ignored.filter(|(_, busy)| busy.expires.is_none()).collect();
    Ask {
        except: Vec::new(),
        kind: PrincipalKind::Individual,
        who: if dice.chance(5) { vec![PrincipalId(100), PrincipalId(103)] } else { Vec::new() },
        traits,
        places,
        modes,
        needs,
        want: Want {
            length: (1 + dice.below(5400 / unit)) * unit,
            before,
            after,
            seats: dice.of(&[1, 1, 1, 1, 2]),
        },
        step: dice.of(&[unit, 900, 1800, 3000, 3600]).max(unit) / unit * unit,
        shift: if dice.chance(3) { unit } else { 0 },
        from: if dice.chance(2) { world.from + dice.below(DAY) } else { i64::MIN },
        until: if dice.chance(2) { world.from + dice.below(world.days * DAY) } else { i64::MAX },
        notice: dice.below(2) * 7200,
        horizon: dice.of(&[i64::MAX, 2 * DAY]),
        weekdays: if dice.chance(4) { dice.below(127) as u8 + 1 } else { 0x7f },
        day,
        dates: dice.chance(4).then_some(dates),
        ignore,
        service: 7,
        day_limit: dice.of(&[0, 0, 1, 2]),
        week_limit: dice.of(&[0, 0, 3]),
        online: dice.chance(4),
        turn: dice.below(20) as u64,
        limit: dice.of(&[1, 5, 20, 300]),
    }
}

// The oracle.

struct Oracle<'w> {
    world: &'w World,
    ask: &'w Ask<'w>,
}

impl Oracle<'_> {
    fn civil_day(known: &Known, at: i64) -> i64 {
        known.who.zone.to_civil(at).div_euclid(DAY)
    }

    fn weekday_bit(known: &Known, at: i64) -> u8 {
        1 << (Self::civil_day(known, at) + 3).rem_euclid(7)
    }

    /// What stands there now, without what is ignored.
    fn busy(&self, known: &Known) -> Vec<Busy> {
        let mut all = known.busy.clone();
        for (id, gone) in &self.ask.ignore {
            if *id == known.who.id {
                let at = all.iter().position(|one| one == gone).unwrap();
                all.remove(at);
            }
        }
        all.retain(|one| one.expires.is_none_or(|expires| expires > self.world.now));
        all
    }

    /// The site in which a core stands from beginning to end.
    fn site(known: &Known, start: i64, end: i64) -> Option<Site> {
        if known.who.always_open {
            return Some(Site::default());
        }
        let first = known.open.iter().find(|open| open.from <= start && start < open.until)?;
        let mut until = first.until;
        while let Some(next) = known.open.iter().find(|open| open.from == until && open.site == first.site) {
            until = next.until;
        }
        (end <= until).then_some(first.site)
    }

    /// The rule, instant by instant at which something begins.
    fn takes(&self, known: &Known, want: &Want, start: i64) -> Option<Site> {
        let end = start + want.length;
        let site = Self::site(known, start, end)?;
        let padded = |one: &Busy| (one.start - i64::from(one.before), one.end + i64::from(one.after));
        let all = self.busy(known);
        if all.iter().any(|one| one.closed && one.start < end && start < one.end) {
            return None;
        }
        let all: Vec<Busy> = all.into_iter().filter(|one| !one.closed).collect();
        let (from, until) = (start - want.before, end + want.after);
        let begins = all.iter().flat_map(|one| [padded(one).0, one.start]).chain([from, start]);
        for at in begins.filter(|at| (from..until).contains(at)) {
            let core = (start..end).contains(&at) || all.iter().any(|one| (one.start..one.end).contains(&at));
            let there = all.iter().filter(|one| padded(one).0 <= at && at < padded(one).1).count() as u32;
            if core && there + want.seats > known.who.capacity {
                return None;
            }
        }
        Some(site)
    }

    fn has(known: &Known, terms: &[TermKey], dimension: About, at: i64) -> bool {
        let on = Self::weekday_bit(known, at);
        known
            .who
            .tags
            .iter()
            .any(|tag| tag.dimension == dimension && tag.weekdays & on != 0 && terms.contains(&tag.term))
    }

    fn is_right(&self, known: &Known, at: i64, place: Option<TermKey>) -> bool {
        let Some(site) = self.takes(known, &self.ask.want, at) else { return false };
        let one_of = |own: Option<TermKey>, asked: &[TermKey], dimension| match own {
            _ if asked.is_empty() => true,
            Some(own) => asked.contains(&own),
            None => Self::has(known, asked, dimension, at),
        };
        let there = match place {
            None => site.place.is_none(),
            Some(place) if site.place.is_some() => site.place == Some(place),
            Some(place) => Self::has(known, &[place], About::Place, at),
        };
        let traits = self.ask.traits.iter().filter(|terms| !terms.is_empty());
        there
            && one_of(site.place, &self.ask.places, About::Place)
            && one_of(site.mode, &self.ask.modes, About::Mode)
            && traits.into_iter().all(|terms| Self::has(known, terms, About::Trait, at))
    }

    /// Every way to serve the needs is tried.
    fn is_served(
        &self,
        needs: &[&Demand],
        taken: &mut Vec<PrincipalId>,
        all: &[i64],
        place: Option<TermKey>,
    ) -> bool {
        let Some((need, rest)) = needs.split_first() else { return true };
        for known in &self.world.known {
            if taken.contains(&known.who.id) || !self.serves(known, need, all, place) {
                continue;
            }
            taken.push(known.who.id);
            if self.is_served(rest, taken, all, place) {
                return true;
            }
            taken.pop();
        }
        false
    }

    fn serves(&self, known: &Known, need: &Demand, all: &[i64], place: Option<TermKey>) -> bool {
        let who = &known.who;
        let want = Want { seats: 1, ..self.ask.want };
        let mut places = who.tags.iter().filter(|tag| tag.dimension == About::Place).peekable();
        let there = place.is_none() || places.peek().is_none() || places.any(|tag| Some(tag.term) == place);
        who.kind == need.kind
            && who.active
            && there
            && need.traits.iter().all(|term| who.tags.iter().any(|tag| tag.term == *term))
            && all.iter().all(|at| self.takes(known, &want, *at).is_some())
    }

    fn instants(&self, known: &Known, start: i64) -> Option<Vec<i64>> {
        let Some(dates) = self.ask.dates else { return Some(vec![start]) };
        let civil = known.who.zone.to_civil(start);
        let day = civil.div_euclid(DAY);
        let all: Vec<i64> =
            dates(day).iter().map(|date| known.who.zone.to_instant(civil + (date - day) * DAY)).collect();
        let end = self.world.from + self.world.days * DAY;
        (all.first() == Some(&start) && all.iter().all(|at| *at < end)).then_some(all)
    }

    fn is_within_limits(&self, known: &Known, all: &[i64]) -> bool {
        let count = |days: std::ops::Range<i64>| {
            let ignored = |one: &&Busy| !self.ask.ignore.contains(&(known.who.id, **one));
            // Holds count until they are settled or gone.
            let there = known.busy.iter().filter(ignored).filter(|one| {
                one.service == self.ask.service && days.contains(&Self::civil_day(known, one.start))
            });
            let own = all.iter().filter(|at| days.contains(&Self::civil_day(known, **at)));
            (there.filter(|one| one.expires.is_none_or(|at| at > self.world.now)).count() + own.count())
                as u32
        };
        all.iter().all(|at| {
            let day = Self::civil_day(known, *at);
            let monday = day - (day + 3).rem_euclid(7);
            (self.ask.day_limit == 0 || count(day..day + 1) <= self.ask.day_limit)
                && (self.ask.week_limit == 0 || count(monday..monday + 7) <= self.ask.week_limit)
        })
    }

    fn is_offered(&self, known: &Known, start: i64) -> bool {
        let Some(all) = self.instants(known, start) else { return false };
        let needs: Vec<&Demand> =
            self.ask.needs.iter().flat_map(|need| std::iter::repeat_n(need, need.count)).collect();
        let own: Vec<TermKey> = known
            .who
            .tags
            .iter()
            .filter(|tag| {
                tag.dimension == About::Place && tag.weekdays & Self::weekday_bit(known, start) != 0
            })
            .map(|tag| tag.term)
            .collect();
        let Some(site) = self.takes(known, &self.ask.want, start) else { return false };
        let places: Vec<Option<TermKey>> = match (site.place, &*self.ask.places) {
            (Some(place), _) => vec![Some(place)],
            (None, []) if own.len() == 1 => vec![Some(own[0])],
            (None, []) => vec![None],
            (None, asked) => asked.iter().filter(|term| own.contains(term)).map(|term| Some(*term)).collect(),
        };
        self.is_within_limits(known, &all)
            && places.iter().any(|place| {
                all.iter().all(|at| self.is_right(known, *at, *place))
                    && self.is_served(&needs, &mut vec![known.who.id], &all, *place)
            })
    }

    /// `first`: whose turn it is.
    fn search(&self, first: usize) -> Vec<(i64, PrincipalId)> {
        let (world, ask) = (self.world, self.ask);
        let from = world.from.max(ask.from).max(world.now + ask.notice);
        let until = (world.from + world.days * DAY).min(ask.until).min(world.now.saturating_add(ask.horizon));
        let count = world.known.len();
        let mut all = Vec::new();
        for (number, known) in world.known.iter().enumerate() {
            let who = &known.who;
            if who.kind != ask.kind
                || !who.active
                || ask.online && !who.online
                || !ask.who.is_empty() && !ask.who.contains(&who.id)
            {
                continue;
            }
            let order = (number + count - first) % count;
            let mut at = from.div_euclid(world.unit) * world.unit;
            while at < until {
                let second = who.zone.to_civil(at).rem_euclid(DAY);
                if at >= from
                    && (second - ask.shift).rem_euclid(ask.step) == 0
                    && (ask.day.0..ask.day.1).contains(&second)
                    && ask.weekdays & Self::weekday_bit(known, at) != 0
                    && self.is_offered(known, at)
                {
                    all.push((at, who.rank, order, who.id));
                }
                at += world.unit;
            }
        }
        all.sort_unstable();
        all.into_iter().take(ask.limit).map(|(at, .., id)| (at, id)).collect()
    }
}

const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "America/St_Johns",
    "Asia/Taipei",
    "UTC",
];

fn every_day(day: i64) -> Vec<i64> {
    vec![day, day + 1]
}

fn on_three_of_five(day: i64) -> Vec<i64> {
    if day % 2 == 0 { vec![day, day + 2, day + 3] } else { Vec::new() }
}

/// Compares one search with the oracle; gives how many offers there were.
fn compare(dice: &mut Dice, world: &World, free: &Free, seed: u64) -> usize {
    let dates: Dates = if dice.chance(2) { &every_day } else { &on_three_of_five };
    let ask = ask(dice, world, dates);
    let oracle = Oracle { world, ask: &ask };
    let offers = free.search(&ask, world.now).unwrap();
    let found: Vec<_> = offers.iter().map(|offer| (offer.start, offer.who)).collect();
    let expected = oracle.search(free.turn_of(&ask, world.now));
    assert_eq!(found, expected, "world {seed}, series {}: {:?}", ask.dates.is_some(), ask.want);
    for offer in &offers {
        let mut known = vec![offer.who];
        for id in &offer.with {
            assert!(!known.contains(id), "world {seed}: twice in one offer");
            known.push(*id);
        }
        assert_eq!(offer.with.len(), ask.needs.iter().map(|need| need.count).sum::<usize>());
        assert!(free.is_free(&known[..1], offer.start, &ask.want, &ask.ignore, world.now), "world {seed}");
    }
    for known in &world.known {
        let start = world.from + dice.below(world.days * DAY / world.unit) * world.unit;
        let takes = oracle.takes(known, &ask.want, start).is_some();
        let ignore = &ask.ignore;
        assert_eq!(
            free.is_free(&[known.who.id], start, &ask.want, ignore, world.now),
            takes && known.who.active,
            "world {seed}"
        );
        if !known.who.always_open {
            let busy = oracle.busy(known);
            assert_eq!(fits(&known.open, &busy, known.who.capacity, &ask.want, start), takes, "world {seed}");
            let open = [Open { from: start - DAY, until: start + 2 * DAY, site: Site::default() }];
            let want = Want { seats: 1, ..ask.want };
            let here = fits(&open, &busy, known.who.capacity, &want, start);
            assert_eq!(here, fits_the_board(&busy, known.who.capacity, &want, start), "world {seed}");
        }
    }
    offers.len()
}

/// What the booking itself is checked by.
fn fits_the_board(busy: &[Busy], capacity: u32, want: &Want, start: i64) -> bool {
    let span = |(start, end): (i64, i64), before: i64, after: i64| store::Span {
        from: start - before,
        start,
        end,
        until: end + after,
        occurrence: 0,
    };
    let there = busy.iter().map(|one| {
        let kind = if one.closed { BusyKind::Block } else { BusyKind::Visit };
        (span((one.start, one.end), i64::from(one.before), i64::from(one.after)), kind)
    });
    let wanted = span((start, start + want.length), want.before, want.after);
    super::fit::Board::new(i64::from(capacity), there).conflict(wanted, BusyKind::Visit).is_none()
}

#[test]
fn slots_equal_counting_in_made_up_worlds() {
    let worlds =
        std::env::var("KALENDS_TEST_WORLDS").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    let mut offers = 0;
    for seed in 1..=worlds {
        let mut dice = Dice(seed * 7_919);
        let world = world(&mut dice, &ZONES);
        let free = index(&mut dice, &world);
        for _ in 0..3 {
            offers += compare(&mut dice, &world, &free, seed);
        }
    }
    // Worlds in which nothing is ever free would prove nothing.
    assert!(offers as u64 > worlds * 4, "{offers}");
    println!("{worlds} worlds, {offers} offers");
}

/// Every IANA name on its days of change in 2026, open day and night; at night the hours that come twice or never.
#[test]
fn every_zone_offers_what_its_wall_shows_on_both_days_of_change() {
    let mut changes = 0;
    let names = ical::zone_names().iter().flat_map(|zone| zone.aliases.iter().copied().chain([zone.name]));
    for zone in names.filter_map(Zone::named) {
        let year = 1_767_225_600..1_798_761_600;
        let offset = |at: i64| zone.offset_at(at);
        let days = year.step_by(DAY as usize).filter(|at| offset(*at) != offset(at + DAY));
        for day in days {
            changes += 1;
            let known = Known {
                who: Resource {
                    id: PrincipalId(100),
                    kind: PrincipalKind::Individual,
                    zone: zone.clone(),
                    capacity: 1,
                    active: true,
                    online: true,
                    always_open: false,
                    rank: 0,
                    tags: Vec::new(),
                },
                open: vec![Open { from: day - DAY, until: day + 2 * DAY, site: Site::default() }],
                busy: vec![Busy { start: day + 5 * 3600, end: day + 5 * 3600 + 1500, ..Busy::default() }],
            };
            let world = World { from: day, days: 1, unit: 300, known: vec![known.clone()], now: day };
            let mut free = Free::new(day, 1);
            free.put(known.who.clone());
            free.replace_open(PrincipalId(100), day - DAY, day + 2 * DAY, &known.open);
            free.replace_busy(PrincipalId(100), day - DAY, day + 2 * DAY, &known.busy);
            for hours in [(0, 24), (1, 4)] {
                let ask =
                    Ask { step: 1800, day: (hours.0 * 3600, hours.1 * 3600), limit: 300, ..Ask::default() };
                let found: Vec<_> =
                    free.search(&ask, day).unwrap().iter().map(|offer| (offer.start, offer.who)).collect();
                assert_eq!(found, Oracle { world: &world, ask: &ask }.search(0), "{} {day}", zone.name());
            }
        }
    }
    assert!(changes > 200, "{changes}");
}
