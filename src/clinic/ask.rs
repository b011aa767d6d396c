//! A question for free starts and what comes back.

use store::{PrincipalId, PrincipalKind};

use super::{
    free::TermKey,
    interval::{Busy, Want},
    wall::{DAY, Grid},
};

/// The days of a series by its first day (days since 1970-01-01 on the wall), the first among them and in order;
/// empty: no series begins on that day.
pub type Dates<'a> = &'a (dyn Fn(i64) -> Vec<i64> + Sync);

/// What is asked for. Times are UTC seconds, lengths seconds.
#[derive(Clone)]
pub struct Ask<'a> {
    /// What kind of resource gives the visit; empty `who`: any of them.
    pub kind: PrincipalKind,
    pub who: Vec<PrincipalId>,
    /// And none of these.
    pub except: Vec<PrincipalId>,
    /// Of every group one: specialty, department, language ...
    pub traits: Vec<Vec<TermKey>>,
    /// One of them; empty: anywhere, in any way.
    pub places: Vec<TermKey>,
    pub modes: Vec<TermKey>,
    /// Rooms and equipment that must be free as well.
    pub needs: Vec<Demand>,
    pub want: Want,
    pub step: i64,
    pub shift: i64,
    /// Starts in `from..until`, not before `now + notice`, before `now + horizon`.
    pub from: i64,
    pub until: i64,
    pub notice: i64,
    pub horizon: i64,
    /// Bit 0 is Monday.
    pub weekdays: u8,
    /// Seconds since midnight on the resource's wall: starts not before, and before.
    pub day: (i64, i64),
    /// All of a series must be free, at one wall-clock time.
    pub dates: Option<Dates<'a>>,
    /// What does not count: the appointment that is being moved.
    pub ignore: Vec<(PrincipalId, Busy)>,
    /// Most visits of `service` on a day or in a week (from Monday) of one resource; 0: no limit.
    pub service: u16,
    pub day_limit: u32,
    pub week_limit: u32,
    /// Only those whom patients and bots may book.
    pub online: bool,
    /// Turns the order of equals: another number, another one first.
    pub turn: u64,
    pub limit: usize,
}

/// Some rooms or equipment.
#[derive(Clone, Debug)]
pub struct Demand {
    pub kind: PrincipalKind,
    /// Each has all of them.
    pub traits: Vec<TermKey>,
    pub count: usize,
}

/// A free start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub start: i64,
    pub end: i64,
    pub who: PrincipalId,
    /// Rooms and equipment, in the order of the needs.
    pub with: Vec<PrincipalId>,
    pub place: Option<TermKey>,
    pub mode: Option<TermKey>,
}

/// Why a question is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the length, a buffer or the number of seats is out of range")]
    Want,
    #[error("the grid of starts, the weekdays or the time of day are out of range")]
    Grid,
    #[error("too many of something: results, names, rooms")]
    TooMany,
}

/// Offers of one answer, at most.
pub(super) const OFFERS: usize = 1_000;
/// Rooms and things of one visit, at most.
const THINGS: usize = 8;
/// Names in one list of a question, at most.
const NAMES: usize = 10_000;
/// Dates of one series, at most.
pub(super) const DATES: usize = 400;

impl Default for Ask<'_> {
    fn default() -> Self {
        Ask {
            kind: PrincipalKind::Individual,
            who: Vec::new(),
            except: Vec::new(),
            traits: Vec::new(),
            places: Vec::new(),
            modes: Vec::new(),
            needs: Vec::new(),
            want: Want { length: 1800, before: 0, after: 0, seats: 1 },
            step: 900,
            shift: 0,
            from: i64::MIN,
            until: i64::MAX,
            notice: 0,
            horizon: i64::MAX,
            weekdays: 0x7f,
            day: (0, DAY),
            dates: None,
            ignore: Vec::new(),
            service: 0,
            day_limit: 0,
            week_limit: 0,
            online: false,
            turn: 0,
            limit: 20,
        }
    }
}

impl Ask<'_> {
    pub(super) fn grid(&self) -> Grid {
        Grid { step: self.step, shift: self.shift, weekdays: self.weekdays, day: self.day, split: false }
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        let things: usize = self.needs.iter().map(|need| need.count.min(THINGS + 1)).sum();
        if !self.want.is_sound() {
            return Err(Refusal::Want);
        }
        if !(1..=DAY).contains(&self.step)
            || !(0..DAY).contains(&self.shift)
            || self.weekdays > 0x7f
            || self.day.0 < 0
            || self.day.1 > DAY
        {
            return Err(Refusal::Grid);
        }
        let names = [
            self.who.len(),
            self.except.len(),
            self.places.len(),
            self.modes.len(),
            self.ignore.len(),
            self.traits.len(),
        ];
        if self.limit > OFFERS || things > THINGS || names.into_iter().any(|count| count > NAMES) {
            return Err(Refusal::TooMany);
        }
        Ok(())
    }
}
