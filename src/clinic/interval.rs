//! Intervals of one resource, half-open, in UTC seconds: when it is open, when it is taken, what somebody wants.

use super::free::TermKey;

/// Where and how work is done in an open interval; None: as the resource's tags say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Site {
    pub place: Option<TermKey>,
    pub mode: Option<TermKey>,
}

/// Hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    pub from: i64,
    pub until: i64,
    pub site: Site,
}

/// Something that stands on a resource: an instance of an object, or a hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Busy {
    pub start: i64,
    pub end: i64,
    /// Seconds kept free before and after it. Buffers may meet one another; none may reach into a core.
    pub before: u32,
    pub after: u32,
    /// A closed time (leave, a block): nothing stands in it, whatever the capacity.
    pub closed: bool,
    /// What it counts for where a service is limited per day or week; 0: nothing.
    pub service: u16,
    /// A hold is there until then.
    pub expires: Option<i64>,
}

/// What is to be put on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    pub length: i64,
    pub before: i64,
    pub after: i64,
    /// How much of the capacity it takes.
    pub seats: u32,
}

/// The longest buffer of a want, seconds: what a gap remembers around itself.
pub(super) const LONGEST_BUFFER: i64 = u16::MAX as i64;
/// The most seats of a want.
pub(super) const MOST_SEATS: u32 = 16;

/// Sorted, without empty ones, those of one site joined where they touch. Where two sites overlap the one that began
/// first goes on: nobody is in two places.
pub(super) fn settled<S: PartialEq>(mut open: Vec<(i64, i64, S)>) -> Vec<(i64, i64, S)> {
    open.sort_by_key(|(from, until, _)| (*from, *until));
    let mut out: Vec<(i64, i64, S)> = Vec::with_capacity(open.len());
    for (from, until, site) in open {
        let from = match out.last_mut() {
            Some(last) if last.1 >= from && last.2 == site => {
                last.1 = last.1.max(until);
                continue;
            }
            Some(last) => from.max(last.1),
            None => from,
        };
        if from < until {
            out.push((from, until, site));
        }
    }
    out
}

/// Takes each of `gone` away once. Expiry is not part of the value; service only where two are the same but for that.
pub(super) fn without(mut all: Vec<Busy>, gone: &[Busy]) -> Vec<Busy> {
    for one in gone {
        let key = |busy: &Busy| (busy.start, busy.end, busy.before, busy.after, busy.closed);
        let is_it = |other: &&Busy| key(other) == key(one);
        let of_service = all.iter().position(|other| is_it(&other) && other.service == one.service);
        if let Some(at) = of_service.or_else(|| all.iter().position(|other| is_it(&other))) {
            all.remove(at);
        }
    }
    all
}
