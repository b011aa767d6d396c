//! What several VAVAILABILITY leave open, and which AVAILABLE opens it: the other side of [`crate::closed`], instant for
//! instant (RFC 7953 4). What no VAVAILABILITY speaks of is open, by nobody.

use crate::{Availability, Budget, Component, Error, Window, Zone, available::groups};

/// A half-open span of UTC seconds that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub from: i64,
    pub until: i64,
    pub by: Option<Opener>,
}

/// An AVAILABLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opener {
    /// Its VAVAILABILITY, in the order in which they were given.
    pub availability: usize,
    /// Its group, and its place in there, as [`openers`] has them.
    pub group: usize,
    pub part: usize,
}

/// The AVAILABLE components of a VAVAILABILITY: each master with its overrides behind it.
pub fn openers(availability: &Component) -> Vec<Vec<&Component>> {
    groups(availability)
}

/// What is open of the window, sorted, nothing twice. Where two of one priority open the same time, the one that begins
/// first goes on. Each comes with the zone of its floating times.
pub fn opened(
    all: &[(&Availability, &Zone)],
    window: Window,
    budget: &mut Budget,
) -> Result<Vec<Opened>, Error> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| all[*at].0.rank);
    let mut line = vec![Opened { from: window.from, until: window.until, by: None }];
    for rank in order.chunk_by(|a, b| all[*a].0.rank == all[*b].0.rank) {
        let (mut spans, mut open) = (Vec::new(), Vec::new());
        for at in rank {
            budget.take(1)?;
            let (one, zone) = all[*at];
            let Some(own) = one.span(window, zone) else { continue };
            spans.push((own.from, own.until));
            take(one, *at, (own, zone), budget, &mut open)?;
        }
        spans.sort_unstable();
        line = without(&line, &spans);
        line.extend(in_line(open));
        line.sort_unstable_by_key(|one| one.from);
    }
    Ok(line)
}

fn take(
    one: &Availability,
    availability: usize,
    (own, zone): (Window, &Zone),
    budget: &mut Budget,
    to: &mut Vec<Opened>,
) -> Result<(), Error> {
    for (group, series) in one.open.iter().enumerate() {
        for found in series.occurrences(own, zone, budget)? {
            let (from, until) = (found.start.max(own.from), found.end.min(own.until));
            let by = Some(Opener { availability, group, part: found.component as usize });
            to.extend((from < until).then_some(Opened { from, until, by }));
        }
    }
    Ok(())
}

/// Sorted, each cut to what those before it leave.
fn in_line(mut open: Vec<Opened>) -> Vec<Opened> {
    open.sort_by_key(|one| (one.from, one.until));
    let mut end = i64::MIN;
    let cut = open.into_iter().filter_map(|one| {
        let from = one.from.max(end);
        end = end.max(one.until);
        (from < one.until).then_some(Opened { from, ..one })
    });
    cut.collect()
}

/// A line without what lies in any of the spans, which are sorted by start.
fn without(line: &[Opened], spans: &[(i64, i64)]) -> Vec<Opened> {
    let mut out = Vec::with_capacity(line.len());
    for one in line {
        let mut from = one.from;
        for (start, end) in spans.iter().filter(|(start, end)| *start < one.until && *end > one.from) {
            out.extend((from < *start).then_some(Opened { from, until: *start, ..*one }));
            from = from.max(*end);
        }
        out.extend((from < one.until).then_some(Opened { from, ..*one }));
    }
    out
}
