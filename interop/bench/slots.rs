//! Figures of the slot engine: memory, build, update, and searches by percentile, beside a naive baseline (merge every
//! asked calendar, then sort). `cargo run --release --example slots -- [PRACTITIONERS]`; all data depend on a seed.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use ical::Zone;
use kalends::clinic::{About, Ask, Busy, Demand, Free, Offer, Open, Resource, Site, Tag, TermKey, Want};
use store::{PrincipalId, PrincipalKind};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const DAY: i64 = 86_400;
/// A Monday: 2026-03-02T00:00:00Z. The clocks change inside the 90 days.
const MONDAY: i64 = 1_772_409_600;
const ROOMS: i64 = 8;

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

fn specialty(n: u64) -> TermKey {
    TermKey(1_000 + (n % 40) as i64)
}

fn place(n: u64) -> TermKey {
    TermKey(2_000 + (n % 50) as i64)
}

const IN_PERSON: TermKey = TermKey(1);
const VIDEO: TermKey = TermKey(2);
/// Only tagged, so that a search by it finds people without time.
const NOBODY: TermKey = TermKey(3);

struct Person {
    who: Resource,
    open: Vec<Open>,
    busy: Vec<Busy>,
}

/// Two intervals a weekday, filled with visits of 15, 30 and 45 minutes; every fourth has a buffer.
fn person(n: u64, days: i64, booked: u64, zone: &Zone) -> Person {
    let mut dice = Dice(n * 2_654_435_761 + 88_172_645_463_325_252);
    let tag = |term, dimension, weekdays| Tag { term, dimension, weekdays };
    let mut tags =
        vec![tag(specialty(dice.below(40)), About::Trait, 0x7f), tag(IN_PERSON, About::Mode, 0x7f)];
    if dice.below(2) == 0 {
        tags.push(tag(VIDEO, About::Mode, 0x7f));
    }
    let (mut open, mut busy) = (Vec::new(), Vec::new());
    let civil = MONDAY - DAY;
    let first = dice.below(50);
    for day in (0..days + 3).map(|day| civil + day * DAY) {
        let weekday = (day / DAY + 3).rem_euclid(7);
        if weekday > 4 {
            continue;
        }
        let site = Site { place: Some(place(first + weekday as u64 / 2)), mode: None };
        let early = (dice.below(4) * 1800) as i64;
        for (from, until) in [(8 * 3600 + early, 12 * 3600), (13 * 3600, 17 * 3600 + early)] {
            let (from, until) = (zone.to_instant(day + from), zone.to_instant(day + until));
            open.push(Open { from, until, site });
            let mut at = from;
            while at < until {
                let end = (at + 900 * (1 + dice.below(3) as i64)).min(until);
                if dice.below(100) < booked {
                    let after = if booked < 100 && dice.below(4) == 0 { 300 } else { 0 };
                    busy.push(Busy { start: at, end, after, ..Busy::default() });
                }
                at = end;
            }
        }
    }
    let who = Resource {
        id: PrincipalId(n as i64 + 1),
        kind: PrincipalKind::Individual,
        zone: zone.clone(),
        capacity: 1,
        active: true,
        online: true,
        always_open: false,
        rank: 0,
        tags,
    };
    Person { who, open, busy }
}

fn room(n: i64, days: i64) -> Person {
    let who = Resource {
        id: PrincipalId(10_000_000 + n),
        kind: PrincipalKind::Room,
        zone: Zone::utc(),
        capacity: 1,
        active: true,
        online: true,
        always_open: true,
        rank: 0,
        tags: Vec::new(),
    };
    let mut dice = Dice(n as u64 + 7);
    let starts = (0..days * 24).filter(|_| dice.below(10) < 6);
    let busy = starts.map(|hour| MONDAY + hour * 3600).map(|start| Busy {
        start,
        end: start + 2700,
        ..Busy::default()
    });
    Person { who, open: Vec::new(), busy: busy.collect() }
}

fn build(all: &[Person], days: i64) -> Free {
    let mut free = Free::new(MONDAY, days as usize);
    let (from, until) = free.needed();
    // As the server seats them: by specialty.
    let mut all: Vec<&Person> = all.iter().collect();
    all.sort_by_key(|person| (person.who.tags.first().map(|tag| tag.term), person.who.id));
    for person in all {
        free.put(person.who.clone());
        free.replace_open(person.who.id, from, until, &person.open);
        free.replace_busy(person.who.id, from, until, &person.busy);
    }
    free
}

/// What a program without an index does: every asked calendar in full, every start, sorted.
fn naive(all: &[Person], ask: &Ask<'_>, groups: &[&[TermKey]], zone: &Zone) -> Vec<(i64, PrincipalId)> {
    let mut found = Vec::new();
    for person in all.iter().filter(|person| person.who.kind == PrincipalKind::Individual) {
        let has = |terms: &&[TermKey]| person.who.tags.iter().any(|tag| terms.contains(&tag.term));
        if !groups.iter().all(has) {
            continue;
        }
        let (mut next, busy) = (0, &person.busy);
        for open in &person.open {
            let mut start = open.from.max(ask.from);
            start += (-start).rem_euclid(ask.step);
            while start + ask.want.length <= open.until && start < ask.until {
                let end = start + ask.want.length;
                while next < busy.len() && busy[next].end + i64::from(busy[next].after) <= start {
                    next += 1;
                }
                let second = zone.to_civil(start).rem_euclid(DAY);
                let is_free = busy.get(next).is_none_or(|busy| busy.start >= end);
                if is_free && (ask.day.0..ask.day.1).contains(&second) {
                    found.push((start, person.who.id));
                }
                start += ask.step;
            }
        }
    }
    found.sort_unstable();
    found.truncate(ask.limit);
    found
}

/// Microseconds of processor time of this thread so far: what others do on the machine does not count (Linux).
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).unwrap_or(0.0) / 1e3
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len() - 1))
        .map_or(0.0, |one| one.as_secs_f64() * 1e6)
}

type Make<'a> = &'a dyn Fn(u64) -> Ask<'static>;
type Groups<'a> = &'a dyn Fn(u64) -> Vec<Vec<TermKey>>;

/// A kind of question; made anew for every run.
struct Kind<'a> {
    name: &'a str,
    runs: u64,
    make: Make<'a>,
    /// Groups of the naive answer; None: it has none.
    groups: Option<Groups<'a>>,
}

fn measure(free: &Free, all: &[Person], kind: &Kind<'_>, zone: &Zone) -> Outcome<()> {
    let mut times = Vec::new();
    let mut offers: Vec<Offer> = Vec::new();
    let mut count = 0;
    let before = processor();
    for run in 0..kind.runs {
        let ask = (kind.make)(run);
        let began = Instant::now();
        offers = black_box(free.search(&ask, MONDAY)?);
        times.push(began.elapsed());
        count += offers.len();
    }
    black_box(&offers);
    let each = (processor() - before) / kind.runs as f64;
    times.sort_unstable();
    let mut ratio = String::new();
    if let Some(groups) = kind.groups {
        let ask = (kind.make)(1);
        let groups = groups(1);
        let groups: Vec<&[TermKey]> = groups.iter().map(Vec::as_slice).collect();
        let began = Instant::now();
        let slow = black_box(naive(all, &ask, &groups, zone));
        let naive = began.elapsed().as_secs_f64() * 1e6;
        let starts = |offers: &[Offer]| offers.iter().map(|offer| offer.start).collect::<Vec<_>>();
        let same = starts(&free.search(&ask, MONDAY)?) == slow.iter().map(|one| one.0).collect::<Vec<_>>();
        let verdict = if same { "same starts" } else { "OTHER STARTS" };
        ratio = format!("naive {naive:9.0} us, {:6.0} times, {verdict}", naive / percentile(&times, 50));
    }
    println!(
        "  {:44} p50 {:8.1} us  p99 {:8.1} us  cpu {:8.1} us  {:5.1} offers  {ratio}",
        kind.name,
        percentile(&times, 50),
        percentile(&times, 99),
        each,
        count as f64 / kind.runs as f64,
    );
    Ok(())
}

fn weekly(day: i64) -> Vec<i64> {
    (0..12).map(|week| day + week * 7).collect()
}

fn questions(free: &Free, all: &[Person], zone: &Zone, filtered_only: bool) -> Outcome<()> {
    let base = || Ask { until: MONDAY + 90 * DAY, ..Ask::default() };
    let at = |run: u64| MONDAY + (run * 7_919 % (10 * 86_400)) as i64 / 60 * 60;
    let plain = |run| Ask { from: at(run), turn: run, ..base() };
    let by_specialty = |run| Ask { traits: vec![vec![specialty(run)]], modes: vec![IN_PERSON], ..plain(run) };
    let by_all = |run| Ask { places: vec![place(run)], ..by_specialty(run) };
    let by_place = |run| Ask { places: vec![place(run)], ..plain(run) };
    let evening =
        |run| Ask { want: Want { length: 3600, ..base().want }, day: (16 * 3600 + 1800, DAY), ..plain(run) };
    let with_room = |run| Ask {
        needs: vec![Demand { kind: PrincipalKind::Room, traits: Vec::new(), count: 1 }],
        ..by_specialty(run)
    };
    let buffered = |run| Ask { want: Want { length: 1800, before: 600, after: 600, seats: 1 }, ..plain(run) };
    let late = |run| Ask { from: MONDAY + 180 * DAY, until: i64::MAX, ..plain(run) };
    let late_specialty = |run| Ask { from: MONDAY + 180 * DAY, until: i64::MAX, ..by_specialty(run) };
    // Hours exist, and so do starts just before: never one in this evening.
    let adversarial = |run| Ask { day: (18 * 3600 + 1200, 23 * 3600), ..plain(run) };
    let between = |run| Ask {
        want: Want { length: 1800, before: 3 * 3600, after: 3 * 3600, seats: 1 },
        step: 300,
        ..plain(run)
    };
    let too_long = |run| Ask { want: Want { length: 5 * 3600, ..base().want }, ..plain(run) };
    let nobody = |run| Ask { traits: vec![vec![NOBODY]], ..plain(run) };
    let series = |run| Ask { dates: Some(&weekly), ..by_specialty(run) };
    let series_anyone = |run| Ask { dates: Some(&weekly), ..plain(run) };
    let specialty_group = |run| vec![vec![specialty(run)], vec![IN_PERSON]];
    let anyone_group = |_| Vec::new();
    let kind = |name, make, groups| Kind { name, runs: 1_000, make, groups };
    let filtered = [
        kind("specialty + mode", &by_specialty as Make<'_>, Some(&specialty_group as Groups<'_>)),
        kind("specialty + place + mode", &by_all, None),
        kind("place only", &by_place, None),
        kind("specialty + mode + 1 of 8 rooms", &with_room, None),
        kind("specialty + mode, half a year ahead", &late_specialty, None),
        kind("specialty + mode, 12 weeks", &series, None),
        kind("no result: a specialty of nobody", &nobody, None),
    ];
    let wide = [
        kind("anyone", &plain as Make<'_>, Some(&anyone_group as Groups<'_>)),
        kind("anyone, 60 min, after 16:30", &evening, Some(&anyone_group)),
        kind("anyone, buffers of 10 min", &buffered, None),
        kind("anyone, half a year ahead", &late, None),
        kind("anyone, 12 weeks", &series_anyone, None),
        kind("adversarial evening after 18:20", &adversarial, Some(&anyone_group)),
        kind("adversarial buffers of 3 h", &between, None),
        kind("adversarial: longer than any interval", &too_long, Some(&anyone_group)),
    ];
    for kind in filtered {
        measure(free, all, &kind, zone)?;
    }
    for kind in wide {
        measure(free, all, &Kind { runs: if filtered_only { 100 } else { 300 }, ..kind }, zone)?;
    }
    Ok(())
}

fn updates(free: &mut Free, all: &[Person]) {
    let mut times = Vec::new();
    for run in 0..20_000u64 {
        let person = &all[(run * 7_919 % all.len() as u64) as usize];
        let start = MONDAY + ((run * 104_729) % (90 * 288)) as i64 * 300;
        let one = [Busy { start, end: start + 1800, ..Busy::default() }];
        let began = Instant::now();
        free.change(person.who.id, &[], &one);
        times.push(began.elapsed());
        free.change(person.who.id, &one, &[]);
    }
    times.sort_unstable();
    println!("  a booking: p50 {:.1} us, p99 {:.1} us", percentile(&times, 50), percentile(&times, 99));
}

fn main() -> Outcome<()> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse())?;
    let zone = Zone::named("Europe/Berlin").ok_or("no zone")?;
    // Half a year ahead is asked of an index that reaches 400 days.
    let far = if count <= 20_000 { 400 } else { 90 };
    for (booked, days) in [(60, 90), (95, 90), (100, 90), (60, far)] {
        let mut all: Vec<Person> = (0..count).map(|n| person(n, days, booked, &zone)).collect();
        all.extend((0..ROOMS).map(|n| room(n, days)));
        let busy: usize = all.iter().map(|person| person.busy.len()).sum();
        let began = Instant::now();
        let mut free = build(&all, days);
        let took = began.elapsed();
        let each = free.bytes() as f64 / count as f64;
        println!(
            "{count} practitioners, {days} days, {booked} % booked: {busy} intervals, built in {:.2} s, {:.0} bytes each ({:.0} per 90 days)",
            took.as_secs_f64(),
            each,
            each * 90.0 / days as f64,
        );
        updates(&mut free, &all);
        questions(&free, &all, &zone, count > 20_000)?;
    }
    Ok(())
}
