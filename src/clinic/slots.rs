//! The search for free starts: earliest first, equals by rank and turn.
//!
//! Time is walked in blocks of an hour, which grow while many could have something and nothing is right. For each,
//! bits say who may have a start there; their gaps are read in order, and a resource is left as soon as it can only be
//! later than the worst offer kept. So a quick answer looks at an hour or two, and none at all costs at most about one
//! reading of every gap.

use std::{collections::HashMap, rc::Rc};

use store::PrincipalId;

use super::{
    ask::{Ask, DATES, Offer, Refusal},
    free::{About, Free, Gap, Lane, TermKey},
    gaps::starts,
    interval::{Busy, Site, Want},
    needs::Pools,
    postings::{self, BAND},
    wall::{DAY, Grid, Window, weekday},
};

/// How much longer the next block is: to come back to a resource costs more than to read on in its gaps.
const GROWTH: i64 = 16;

/// One search.
pub(super) struct Search<'a> {
    pub free: &'a Free,
    pub ask: &'a Ask<'a>,
    grid: Grid,
    /// What does not count, by lane: ignored, or a hold that has expired.
    gone: HashMap<usize, Vec<Busy>>,
    /// The gaps of these lanes without it.
    changed: HashMap<(usize, u32), Rc<[Gap]>>,
    /// Who is asked at all, and the words of it that are not 0.
    asked: Vec<u64>,
    numbers: Vec<usize>,
    /// Whose turn it is to be first of equals.
    turn: usize,
    pools: Pools,
    found: Vec<Hit>,
    /// Dates of the series by their first day.
    series: HashMap<i64, Rc<[i64]>>,
}

/// An offer as it is compared.
struct Hit {
    key: (i64, u32, usize),
    lane: usize,
    with: Vec<usize>,
    place: Option<TermKey>,
    mode: Option<TermKey>,
}

/// What is true of one block of time.
struct Block {
    from: i64,
    until: i64,
    /// Windows of starts by wall; and where rooms are needed, by wall and place.
    windows: Vec<Rc<[Window]>>,
    /// For each of those windows who may have a start in it.
    may: Vec<Vec<Rc<[u64]>>>,
    at: HashMap<(usize, TermKey), Rc<[Window]>>,
}

impl Free {
    /// The first free starts.
    pub fn search(&self, ask: &Ask<'_>, now: i64) -> Result<Vec<Offer>, Refusal> {
        ask.check()?;
        let mut search = Search::new(self, ask, now);
        search.run(now);
        let Search { found, ask, .. } = search;
        let id = |lane: usize| self.lanes[lane].who.id;
        let offer = |hit: Hit| Offer {
            start: hit.key.0,
            end: hit.key.0 + ask.want.length,
            who: id(hit.lane),
            with: hit.with.into_iter().map(id).collect(),
            place: hit.place,
            mode: hit.mode,
        };
        Ok(found.into_iter().map(offer).collect())
    }

    /// Whose turn it is: for the oracle, which can only be told.
    #[cfg(test)]
    pub(super) fn turn_of(&self, ask: &Ask<'_>, now: i64) -> usize {
        Search::new(self, ask, now).turn
    }

    /// Whether all of these are free for a want at a start, by what search knows.
    pub fn is_free(
        &self,
        all: &[PrincipalId],
        start: i64,
        want: &Want,
        ignore: &[(PrincipalId, Busy)],
        now: i64,
    ) -> bool {
        let ask = Ask { want: *want, ignore: ignore.to_vec(), ..Ask::default() };
        let search = Search::new(self, &ask, now);
        let fits = |id: &PrincipalId| {
            self.number(*id).is_some_and(|lane| {
                self.lanes[lane].who.active && search.site_at(lane, start, want).is_some()
            })
        };
        ask.check().is_ok() && all.iter().all(fits)
    }
}

/// Who of those who are asked is first of equals: each in turn, as those of one specialty sit side by side and would else
/// nearly always begin with the same one.
fn first_of(asked: &[u64], turn: u64) -> usize {
    let count: u64 = asked.iter().map(|word| u64::from(word.count_ones())).sum();
    let before = turn.checked_rem(count).and_then(|before| usize::try_from(before).ok());
    before.and_then(|before| postings::nth(asked, before)).unwrap_or(0)
}

impl<'a> Search<'a> {
    fn new(free: &'a Free, ask: &'a Ask<'a>, now: i64) -> Search<'a> {
        let groups = ask.traits.iter().map(Vec::as_slice).chain([&*ask.places, &*ask.modes]);
        let groups: Vec<&[TermKey]> = groups.filter(|group| !group.is_empty()).collect();
        let mut asked = free.matching(ask.kind, ask.online, &groups);
        if !ask.who.is_empty() {
            let mut named = postings::Bits::default();
            ask.who.iter().filter_map(|id| free.number(*id)).for_each(|at| named.set(at, true));
            postings::and(&mut asked, named.words());
        }
        let mut barred = postings::Bits::default();
        ask.except.iter().filter_map(|id| free.number(*id)).for_each(|at| barred.set(at, true));
        asked.iter_mut().zip(barred.words()).for_each(|(asked, barred)| *asked &= !barred);
        let mut gone = free.expired(now);
        for (id, busy) in &ask.ignore {
            if let Some(lane) = free.number(*id) {
                gone.entry(lane).or_default().push(*busy);
            }
        }
        let seats = [ask.want.seats, 1];
        let lanes = gone.iter().flat_map(|(lane, gone)| seats.map(|seats| (*lane, gone, seats)));
        let changed =
            lanes.map(|(lane, gone, seats)| ((lane, seats), free.gaps_without(lane, gone, seats).into()));
        let (changed, pools) = (changed.collect(), Pools::new(free, ask));
        let grid = Grid { split: ask.dates.is_some(), ..ask.grid() };
        let numbers = (0..asked.len()).filter(|at| asked[*at] != 0).collect();
        let turn = first_of(&asked, ask.turn);
        Search {
            free,
            ask,
            grid,
            gone,
            changed,
            asked,
            numbers,
            turn,
            pools,
            found: Vec::new(),
            series: HashMap::new(),
        }
    }

    fn run(&mut self, now: i64) {
        let (from, until) = self.free.span();
        let from = from.max(self.ask.from).max(now.saturating_add(self.ask.notice));
        let until = until.min(self.ask.until).min(now.saturating_add(self.ask.horizon));
        let (mut at, mut bands) = (from, 1);
        if self.asked.iter().all(|word| *word == 0) {
            return;
        }
        while at < until && self.found.len() < self.ask.limit {
            if self.is_idle(at) {
                at = (at.div_euclid(BAND) + 1) * BAND;
                continue;
            }
            let end = ((at.div_euclid(BAND) + bands) * BAND).min(until);
            let somebody = self.block(at, end);
            at = end;
            // An hour in which nobody has anything is passed over at little cost; where many have something and
            // nothing is right, few long blocks are cheaper. A series is looked up hour by hour: what all its dates
            // must have leaves few.
            if somebody && self.ask.dates.is_none() {
                bands *= GROWTH;
            }
        }
    }

    /// Whether nobody who is asked has anything in the hour of an instant: nights, and days that are full.
    fn is_idle(&self, at: i64) -> bool {
        let bands = &self.free.bands;
        let row = bands.of(at, at + 1).next().map(|band| bands.row(self.ask.want.length, band));
        let nobody = |row: &[u64]| self.asked.iter().zip(row).all(|(asked, there)| asked & there == 0);
        self.changed.is_empty() && row.is_none_or(nobody)
    }

    /// Whether anybody could have a start there.
    fn block(&mut self, from: i64, until: i64) -> bool {
        let mut block = Block { from, until, windows: Vec::new(), may: Vec::new(), at: HashMap::new() };
        let candidates = self.candidates(&mut block);
        let first = block.windows.iter().filter_map(|all| all.first());
        let Some(lowest) = first.map(|window| window.start(from, self.ask.step)).min() else { return false };
        let mut order: Vec<usize> = postings::ones(&candidates).collect();
        let somebody = !order.is_empty();
        let turned = order.partition_point(|lane| *lane < self.turn);
        order.rotate_left(turned);
        for lane in order {
            // Nobody is earlier, and who comes later in the order loses a tie.
            let worst = self.worst();
            if worst.is_some_and(|worst| worst.0 <= lowest && worst.1 == 0) {
                break;
            }
            self.scan(lane, &mut block);
        }
        somebody
    }

    /// The last of the offers, when there are as many as asked for.
    fn worst(&self) -> Option<(i64, u32, usize)> {
        self.found.get(self.ask.limit.checked_sub(1)?).map(|hit| hit.key)
    }

    /// Who may have a start in the block.
    fn candidates(&mut self, block: &mut Block) -> Vec<u64> {
        let free = self.free;
        let (from, until) = (block.from, block.until);
        let mut all = vec![0; free.bands.stride()];
        let mut known: HashMap<(i64, i64), Rc<[u64]>> = HashMap::new();
        for (number, wall) in free.walls.iter().enumerate() {
            let windows = wall.windows(&self.grid, from, until);
            let windows = self.pools.narrow(self, &windows, None, (from, until));
            let mut may = Vec::with_capacity(windows.len());
            if self.ask.dates.is_some() {
                self.series_candidates(number, &windows, &mut all);
            } else {
                for window in &windows {
                    let span = (window.from, window.until);
                    let row = known.entry(span).or_insert_with(|| {
                        let mut row = self.asked.clone();
                        let mut there = vec![0; row.len()];
                        free.bands.gather(self.ask.want.length, span.0, span.1, &mut there);
                        self.changed.keys().for_each(|(lane, _)| there[lane / 64] |= 1 << (lane % 64));
                        postings::and(&mut row, &there);
                        postings::or(&mut all, &row);
                        row.into()
                    });
                    may.push(row.clone());
                }
            }
            block.may.push(may);
            block.windows.push(windows.into());
        }
        for (lane, _) in self.changed.keys() {
            all[lane / 64] |= 1 << (lane % 64);
        }
        postings::and(&mut all, &self.asked);
        all
    }

    /// Adds who may have a start in the windows and in the same hour of every other date.
    fn series_candidates(&mut self, wall: usize, windows: &[Window], into: &mut [u64]) {
        let free = self.free;
        let (zone, length) = (free.walls[wall].zone(), self.ask.want.length);
        for window in windows {
            let civil = [window.from, window.until - 1].map(|at| free.walls[wall].civil(at));
            let day = civil[0].div_euclid(DAY);
            let dates = self.dates(day);
            if dates.last().is_none_or(|last| zone.to_instant(last * DAY) >= free.span().1) {
                continue;
            }
            let (mut all, mut numbers) = (self.asked.clone(), self.numbers.clone());
            free.bands.narrow(length, (window.from, window.until), &mut all, &mut numbers);
            for date in &dates[1..] {
                if numbers.is_empty() {
                    break;
                }
                let [first, last] = civil.map(|at| zone.to_instant(at + (date - day) * DAY));
                // Where the clock changes in that hour, its neighbours count as well.
                let beside = if last - first == civil[1] - civil[0] { 0 } else { 3 * BAND };
                let span = (first.min(last) - beside, first.max(last) + 1 + beside);
                free.bands.narrow(length, span, &mut all, &mut numbers);
            }
            numbers.iter().for_each(|at| into[*at] |= all[*at]);
        }
    }

    /// The days of the series that begins on a day; none when it does not.
    fn dates(&mut self, day: i64) -> Rc<[i64]> {
        let Some(dates) = self.ask.dates else { return Rc::default() };
        let days = self.series.entry(day).or_insert_with(|| {
            let days = dates(day);
            if days.first() == Some(&day) && days.len() <= DATES { days.into() } else { Rc::default() }
        });
        days.clone()
    }

    /// Adds the starts of one resource in the block.
    fn scan(&mut self, number: usize, block: &mut Block) {
        let free = self.free;
        let head = free.heads[number];
        let order = (number + free.lanes.len() - self.turn) % free.lanes.len();
        let want = &self.ask.want;
        let origin = free.origin();
        let changed = self.changed.get(&(number, want.seats)).cloned();
        let gaps: &[Gap] = changed.as_deref().unwrap_or_else(|| free.gaps(number, want.seats));
        let mut next = 0;
        let wall = usize::from(head.wall);
        let windows = block.windows[wall].clone();
        let (word, bit) = (number / 64, 1u64 << (number % 64));
        'lane: for (at, window) in windows.iter().enumerate() {
            if block.may[wall].get(at).is_some_and(|may| may[word] & bit == 0) {
                continue;
            }
            if self.is_late(window.from, head.rank, order) {
                break;
            }
            // Whole days are passed over where the clock or the rooms leave only hours.
            next = self.ending_after(gaps, next, window.from);
            for gap in &gaps[next..] {
                let begins = origin + i64::from(gap.from);
                if begins >= window.until {
                    break;
                }
                let ends = origin + i64::from(gap.until);
                let Some((first, last)) = starts(begins, ends, gap.before, gap.after, want) else { continue };
                let span = (first.max(window.from), last.min(window.until - 1));
                let site = free.sites[usize::from(gap.site)];
                if span.0 > span.1 || !self.may_be_at(&free.lanes[number], site) {
                    continue;
                }
                if self.is_late(span.0, head.rank, order) {
                    break 'lane;
                }
                self.pick(number, order, site, *window, span, block);
            }
        }
    }

    /// Adds the starts in a gap, `first..=last`.
    fn pick(
        &mut self,
        number: usize,
        order: usize,
        site: Site,
        window: Window,
        (first, last): (i64, i64),
        block: &mut Block,
    ) {
        let lane = &self.free.lanes[number];
        let narrowed = self.narrowed(block, lane.wall, site);
        let one = [window];
        let windows = narrowed.as_deref().unwrap_or(&one);
        let skip = windows.partition_point(|window| window.until <= first);
        for window in windows[skip..].iter().take_while(|window| window.from <= last) {
            let mut start = window.start(first, self.ask.step);
            while start <= last && start < window.until && !self.is_late(start, lane.who.rank, order) {
                self.add(number, (start, lane.who.rank, order), site);
                start += self.ask.step;
            }
        }
    }

    /// The first gap from `next` on that ends after a time. Gaps lie about evenly over the days, so the search begins
    /// where it should be and widens: two or three neighbours are read instead of a dozen places far apart.
    fn ending_after(&self, gaps: &[Gap], next: usize, at: i64) -> usize {
        let (begins, ends) = self.free.span();
        let at = at - self.free.origin();
        let is_over = |gap: &Gap| i64::from(gap.until) <= at;
        // From the gap that was read last, or from the beginning.
        let known = gaps.get(next).filter(|_| next > 0).map(|gap| i64::from(gap.from));
        let ahead = (at - known.unwrap_or(begins - self.free.origin())).max(0) as u64;
        let share = ahead * gaps.len() as u64 / (ends - begins).max(1) as u64;
        let guess = next.saturating_add(share as usize).min(gaps.len());
        let (mut low, mut high, mut step) = (guess, guess, 2);
        while low > next && !is_over(&gaps[low - 1]) {
            (low, step) = (low.saturating_sub(step).max(next), step * 2);
        }
        while high < gaps.len() && is_over(&gaps[high]) {
            (high, step) = ((high + step).min(gaps.len()), step * 2);
        }
        low + gaps[low..high].partition_point(is_over)
    }

    fn is_late(&self, start: i64, rank: u32, order: usize) -> bool {
        self.worst().is_some_and(|worst| worst <= (start, rank, order))
    }

    /// Where rooms are needed and the place is known, the windows cut to when rooms of that place are free.
    fn narrowed(&self, block: &mut Block, wall: usize, site: Site) -> Option<Rc<[Window]>> {
        let only = match &*self.ask.places {
            [one] => Some(*one),
            _ => None,
        };
        let place = site.place.or(only).filter(|_| !self.pools.is_empty())?;
        let (any, span) = (block.windows[wall].clone(), (block.from, block.until));
        let narrow = || self.pools.narrow(self, &any, Some(place), span).into();
        Some(block.at.entry((wall, place)).or_insert_with(narrow).clone())
    }

    /// Keeps a start if everything else about it is right.
    fn add(&mut self, number: usize, key: (i64, u32, usize), site: Site) {
        let start = key.0;
        if !self.is_within_limits(number, start) {
            return;
        }
        let Some(all) = self.instants(number, start) else { return };
        let lane = &self.free.lanes[number];
        for place in self.places(lane, site, start) {
            if !all.iter().all(|at| self.is_right(number, *at, place)) {
                continue;
            }
            let Some(with) = self.pools.assign(self, number, &all, place) else { continue };
            let mode = self.mode(lane, site, start);
            let at = self.found.partition_point(|hit| hit.key < key);
            self.found.insert(at, Hit { key, lane: number, with, place, mode });
            self.found.truncate(self.ask.limit);
            return;
        }
    }

    /// The start and those of the later dates, at the same time on the wall; None when the series cannot be: most fail
    /// at one of the first dates, and are looked no further.
    fn instants(&mut self, number: usize, start: i64) -> Option<Vec<i64>> {
        if self.ask.dates.is_none() {
            return Some(vec![start]);
        }
        let wall = &self.free.walls[self.free.lanes[number].wall];
        let civil = wall.civil(start);
        // A text can only name the first reading of an hour that comes twice (RFC 5545 3.3.5).
        if wall.zone().to_instant(civil) != start {
            return None;
        }
        let (day, end) = (civil.div_euclid(DAY), self.free.span().1);
        let dates = self.dates(day);
        let instants = dates.iter().map(|date| {
            let at = wall.zone().to_instant(civil + (date - day) * DAY);
            (at < end && self.site_at(number, at, &self.ask.want).is_some()).then_some(at)
        });
        instants.collect::<Option<Vec<i64>>>().filter(|all| !all.is_empty())
    }

    /// Whether a resource is free, where and how it is asked for, on one date.
    fn is_right(&self, number: usize, at: i64, place: Option<TermKey>) -> bool {
        let lane = &self.free.lanes[number];
        let Some(site) = self.site_at(number, at, &self.ask.want) else { return false };
        let on = 1 << weekday(self.free.walls[lane.wall].civil(at).div_euclid(DAY));
        let has = |terms: &[TermKey], dimension: About| {
            let tags =
                lane.who.tags.iter().filter(|tag| tag.weekdays & on != 0 && tag.dimension == dimension);
            tags.clone().any(|tag| terms.contains(&tag.term))
        };
        let group = |terms: &[TermKey], own: Option<TermKey>, dimension: About| match own {
            _ if terms.is_empty() => true,
            Some(own) => terms.contains(&own),
            None => has(terms, dimension),
        };
        let there = match (site.place, place) {
            (Some(own), Some(place)) => own == place,
            (None, Some(place)) => has(&[place], About::Place),
            (own, None) => own.is_none(),
        };
        there
            && group(&self.ask.places, site.place, About::Place)
            && group(&self.ask.modes, site.mode, About::Mode)
            && self.ask.traits.iter().all(|terms| terms.is_empty() || has(terms, About::Trait))
    }

    /// The gaps of a lane as this search sees them.
    pub(super) fn gaps_of(&self, number: usize, seats: u32) -> &[Gap] {
        match self.changed.get(&(number, seats)) {
            Some(gaps) => gaps,
            None => self.free.gaps(number, seats),
        }
    }

    /// The site of the gap that takes a want at a start.
    pub(super) fn site_at(&self, number: usize, start: i64, want: &Want) -> Option<Site> {
        let origin = self.free.origin();
        let gaps = self.gaps_of(number, want.seats);
        let seconds = u32::try_from(start - origin).ok()?;
        let gap = gaps.get(self.ending_after(gaps, 0, start)).filter(|gap| { gap.from } <= seconds)?;
        let (first, last) = starts(i64::from(gap.from), i64::from(gap.until), gap.before, gap.after, want)?;
        (first..=last).contains(&i64::from(seconds)).then(|| self.free.sites[usize::from(gap.site)])
    }

    /// Whether a gap's site can be right at all, whatever the weekday.
    fn may_be_at(&self, lane: &Lane, site: Site) -> bool {
        let group = |terms: &[TermKey], own: Option<TermKey>| match own {
            _ if terms.is_empty() => true,
            Some(own) => terms.contains(&own),
            None => lane.who.tags.iter().any(|tag| terms.contains(&tag.term)),
        };
        group(&self.ask.places, site.place) && group(&self.ask.modes, site.mode)
    }

    /// The places at which a start may be: the interval's own, those asked for, or the only one of the resource.
    fn places(&self, lane: &Lane, site: Site, start: i64) -> Vec<Option<TermKey>> {
        if site.place.is_some() {
            return vec![site.place];
        }
        let on = 1 << weekday(self.free.walls[lane.wall].civil(start).div_euclid(DAY));
        let tags = lane.who.tags.iter().filter(|tag| tag.dimension == About::Place && tag.weekdays & on != 0);
        let own: Vec<TermKey> = tags.map(|tag| tag.term).collect();
        match (&*self.ask.places, &*own) {
            ([], [one]) => vec![Some(*one)],
            ([], _) => vec![None],
            (asked, own) => asked.iter().filter(|term| own.contains(term)).map(|term| Some(*term)).collect(),
        }
    }

    fn mode(&self, lane: &Lane, site: Site, start: i64) -> Option<TermKey> {
        let on = 1 << weekday(self.free.walls[lane.wall].civil(start).div_euclid(DAY));
        let tags = lane.who.tags.iter().filter(|tag| tag.dimension == About::Mode && tag.weekdays & on != 0);
        let own: Vec<TermKey> = tags.map(|tag| tag.term).collect();
        let asked = self.ask.modes.iter().find(|term| own.contains(term));
        site.mode.or(asked.copied()).or((own.len() == 1).then(|| own.first().copied()).flatten())
    }

    /// Whether the service has room left on the days and in the weeks of a start and its series.
    fn is_within_limits(&mut self, number: usize, start: i64) -> bool {
        let (ask, free) = (self.ask, self.free);
        if ask.service == 0 || ask.day_limit == 0 && ask.week_limit == 0 {
            return true;
        }
        let lane = &free.lanes[number];
        let wall = &free.walls[lane.wall];
        let day = wall.civil(start).div_euclid(DAY);
        let own = if ask.dates.is_some() { self.dates(day).to_vec() } else { vec![day] };
        let gone = self.gone.get(&number).into_iter().flatten().filter(|busy| busy.service == ask.service);
        let gone: Vec<i64> = gone.map(|busy| wall.civil(busy.start).div_euclid(DAY)).collect();
        let fits = |first: i64, last: i64, limit: u32| {
            let within = |days: &[i64]| days.iter().filter(|day| (first..=last).contains(day)).count() as u32;
            let there = free.visits(number, ask.service, first..=last).saturating_sub(within(&gone));
            limit == 0 || there + within(&own) <= limit
        };
        own.iter().all(|day| {
            let monday = day - i64::from(weekday(*day));
            fits(*day, *day, ask.day_limit) && fits(monday, monday + 6, ask.week_limit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::first_of;

    #[test]
    fn each_that_is_asked_is_first_of_equals_in_its_turn() {
        let asked = [0b1010, 0, 1];
        assert_eq!((0..4).map(|turn| first_of(&asked, turn)).collect::<Vec<_>>(), [1, 3, 128, 1]);
        assert_eq!((first_of(&asked, u64::MAX), first_of(&[0], 5)), (1, 0));
    }
}
