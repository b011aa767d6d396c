//! Rooms and equipment: when enough of them are free, and which ones a visit takes.

use super::{
    ask::Ask,
    free::{About, Free, Gap, Resource, TermKey},
    gaps::starts,
    interval::Want,
    postings,
    slots::Search,
    wall::Window,
};

/// For each need those who could serve it, by rank.
pub(super) struct Pools {
    all: Vec<(Vec<usize>, usize)>,
    want: Want,
}

impl Pools {
    pub fn new(free: &Free, ask: &Ask<'_>) -> Pools {
        let of = |need: &super::ask::Demand| {
            let groups: Vec<&[TermKey]> = need.traits.iter().map(std::slice::from_ref).collect();
            let mut all: Vec<usize> = postings::ones(&free.matching(need.kind, false, &groups)).collect();
            all.sort_by_key(|at| free.lanes[*at].who.rank);
            (all, need.count)
        };
        // A room takes the visit as a whole, however many seats it has.
        Pools { all: ask.needs.iter().map(of).collect(), want: Want { seats: 1, ..ask.want } }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Cuts windows to the starts at which every need has enough of its pool free; None: at any place.
    pub fn narrow(
        &self,
        search: &Search<'_>,
        windows: &[Window],
        place: Option<TermKey>,
        (from, until): (i64, i64),
    ) -> Vec<Window> {
        let mut windows = windows.to_vec();
        for (pool, count) in self.all.iter().filter(|(_, count)| *count > 0) {
            if windows.is_empty() {
                break;
            }
            let mut steps: Vec<(i64, i32)> = Vec::new();
            for lane in pool.iter().filter(|at| stands_at(&search.free.lanes[**at].who, place)) {
                self.starts(search, *lane, from, until, &mut steps);
            }
            windows = cut(&windows, &enough(steps, *count as i32));
        }
        windows
    }

    fn starts(&self, search: &Search<'_>, lane: usize, from: i64, until: i64, steps: &mut Vec<(i64, i32)>) {
        let origin = search.free.origin();
        let gaps: &[Gap] = search.gaps_of(lane, self.want.seats);
        let first = gaps.partition_point(|gap| origin + i64::from(gap.until) <= from);
        for gap in gaps[first..].iter().take_while(|gap| origin + i64::from(gap.from) < until) {
            let (begins, ends) = (i64::from(gap.from), i64::from(gap.until));
            if let Some((first, last)) = starts(begins, ends, gap.before, gap.after, &self.want) {
                steps.extend([(origin + first, 1), (origin + last + 1, -1)]);
            }
        }
    }

    /// Different things for every need, each free at all instants; None when there are not enough.
    pub fn assign(
        &self,
        search: &Search<'_>,
        visitor: usize,
        all: &[i64],
        place: Option<TermKey>,
    ) -> Option<Vec<usize>> {
        let needs: Vec<usize> =
            self.all.iter().enumerate().flat_map(|(need, (_, count))| vec![need; *count]).collect();
        let mut taken: Vec<usize> = vec![usize::MAX; needs.len()];
        let fits = |lane: usize| {
            lane != visitor
                && stands_at(&search.free.lanes[lane].who, place)
                && all.iter().all(|at| search.site_at(lane, *at, &self.want).is_some())
        };
        for one in 0..needs.len() {
            if !self.place(&needs, &mut taken, one, &mut Vec::new(), &fits) {
                return None;
            }
        }
        Some(taken)
    }

    /// Finds something for one need, moving others to something else where that helps (augmenting paths).
    fn place(
        &self,
        needs: &[usize],
        taken: &mut Vec<usize>,
        one: usize,
        seen: &mut Vec<usize>,
        fits: &dyn Fn(usize) -> bool,
    ) -> bool {
        for lane in &self.all[needs[one]].0 {
            if seen.contains(lane) || !fits(*lane) {
                continue;
            }
            seen.push(*lane);
            let holder = taken.iter().position(|other| other == lane);
            if holder.is_none_or(|holder| self.place(needs, taken, holder, seen, fits)) {
                taken[one] = *lane;
                return true;
            }
        }
        false
    }
}

/// A room of no place serves them all.
fn stands_at(who: &Resource, place: Option<TermKey>) -> bool {
    let Some(place) = place else { return true };
    let mut places = who.tags.iter().filter(|tag| tag.dimension == About::Place).peekable();
    places.peek().is_none() || places.any(|tag| tag.term == place)
}

/// Where at least `count` of the spans lie over one another.
fn enough(mut steps: Vec<(i64, i32)>, count: i32) -> Vec<(i64, i64)> {
    steps.sort_unstable();
    let (mut depth, mut since, mut spans) = (0, None, Vec::new());
    for same in steps.chunk_by(|a, b| a.0 == b.0) {
        depth += same.iter().map(|(_, step)| step).sum::<i32>();
        match since {
            None if depth >= count => since = Some(same[0].0),
            Some(from) if depth < count => {
                spans.push((from, same[0].0));
                since = None;
            }
            _ => {}
        }
    }
    spans
}

fn cut(windows: &[Window], spans: &[(i64, i64)]) -> Vec<Window> {
    let mut out = Vec::new();
    for window in windows {
        let first = spans.partition_point(|span| span.1 <= window.from);
        for span in spans[first..].iter().take_while(|span| span.0 < window.until) {
            out.push(Window { from: window.from.max(span.0), until: window.until.min(span.1), ..*window });
        }
    }
    out
}
