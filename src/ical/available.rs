//! VAVAILABILITY: when somebody may be booked at all (RFC 7953). Its own span is closed, its AVAILABLE components open
//! parts of it; several are combined by priority.
//! A component replaces, over its own span, all that lower ones say (section 4; the procedure of section 5 would let a
//! base reopen the day that an override closes). Those of one priority count as one: open where any of them opens, else
//! closed by the strongest type that covers the instant.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    Budget, Busy, Component, Error, Kind, Period, Series, Window, Zone,
    busy::{join, overlay, timeline},
    gather::{series, when_of},
    span::{Clock, Length},
    value::duration,
};

/// One VAVAILABILITY, without its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// 0 for PRIORITY 0 or none, 1 for 9, ... 9 for 1: higher ones replace lower ones.
    pub(crate) rank: u8,
    /// What it is outside of its AVAILABLE.
    busy: Busy,
    /// Without one it has no beginning, or no end.
    from: Option<Edge>,
    until: Option<Edge>,
    /// Each AVAILABLE with its overrides.
    pub(crate) open: Vec<Series>,
}

/// An instant on its own clock, which may be that of who asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Edge {
    clock: Clock,
    key: i64,
}

impl Edge {
    fn instant(&self, floating: &Zone) -> i64 {
        self.clock.instant(self.key, floating)
    }
}

impl Availability {
    /// Of a VAVAILABILITY component, with the zones of its calendar `tree`.
    pub(crate) fn read(tree: &Component, part: &Component, budget: &mut Budget) -> Result<Self, Error> {
        let edge = |name: &str| -> Result<Option<Edge>, Error> {
            Ok(when_of(tree, part, name)?.map(|when| {
                let clock = Clock::of(&when);
                Edge { key: clock.key(when.civil()), clock }
            }))
        };
        let (from, mut until) = (edge("DTSTART")?, edge("DTEND")?);
        if let (Some(from), None, Some(property)) = (&from, &until, part.get("DURATION")) {
            let key = Length::of(duration(property)?).end(&from.clock, from.key);
            until = Some(Edge { clock: from.clock.clone(), key });
        }
        let open = groups(part).into_iter().map(|parts| series(tree, &parts, Kind::Event, budget));
        Ok(Availability {
            rank: rank(part),
            busy: busy_type(part),
            from,
            until,
            open: open.collect::<Result<_, _>>()?,
        })
    }

    /// Its own span inside the window.
    pub(crate) fn span(&self, window: Window, floating: &Zone) -> Option<Window> {
        let from = self.from.as_ref().map_or(Window::START, |edge| edge.instant(floating));
        let until = self.until.as_ref().map_or(Window::END, |edge| edge.instant(floating));
        Window::new(from.max(window.from), until.min(window.until))
    }

    /// Adds what it opens inside `own`.
    fn opened(
        &self,
        own: Window,
        floating: &Zone,
        budget: &mut Budget,
        to: &mut Vec<Period>,
    ) -> Result<(), Error> {
        for series in &self.open {
            let found = series.occurrences(own, floating, budget)?.into_iter();
            let inside = found.map(|one| (one.start.max(own.from), one.end.min(own.until)));
            to.extend(inside.filter(|(from, until)| from < until).map(|(from, until)| Period {
                from,
                until,
                busy: Busy::Free,
            }));
        }
        Ok(())
    }

    pub(crate) fn is_possible(&self) -> bool {
        self.open.iter().all(Series::is_possible)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.open.iter().map(|series| size_of::<Series>() + series.heap_bytes()).sum()
    }
}

/// What all of these together close of the window, as a timeline. Each comes with the zone of its floating times.
pub fn closed<'a>(
    all: impl IntoIterator<Item = (&'a Availability, &'a Zone)>,
    window: Window,
    budget: &mut Budget,
) -> Result<Vec<Period>, Error> {
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(one, _)| one.rank);
    let mut line = Vec::new();
    for rank in all.chunk_by(|(a, _), (b, _)| a.rank == b.rank) {
        let (mut spans, mut open) = (Vec::new(), Vec::new());
        for (one, zone) in rank {
            budget.take(1)?;
            let Some(own) = one.span(window, zone) else { continue };
            spans.push(Period { from: own.from, until: own.until, busy: one.busy });
            one.opened(own, zone, budget, &mut open)?;
        }
        open.sort_unstable_by_key(|p| p.from);
        join(&mut open);
        // Open time stays in the line until the end: it outweighs what lower ranks say.
        line = overlay(&overlay(&line, &timeline(spans, window)), &open);
    }
    line.retain(|period| period.busy != Busy::Free);
    join(&mut line);
    Ok(line)
}

/// The AVAILABLE components, each master with its overrides. Masters are told apart by UID; a second one with the same
/// UID, or one without, stands for itself: dropping it would close what its writer meant to open.
pub(crate) fn groups(part: &Component) -> Vec<Vec<&Component>> {
    let mut groups: Vec<Vec<&Component>> = Vec::new();
    let mut by_uid: HashMap<String, usize> = HashMap::new();
    let is_override = |one: &&Component| one.get("RECURRENCE-ID").is_some();
    for one in available(part).filter(|one| !is_override(one)) {
        if let Some(uid) = uid(one) {
            by_uid.entry(uid).or_insert(groups.len());
        }
        groups.push(vec![one]);
    }
    for one in available(part).filter(is_override) {
        let fresh = groups.len();
        let at = uid(one).map_or(fresh, |uid| *by_uid.entry(uid).or_insert(fresh));
        match groups.get_mut(at) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

/// The AVAILABLE components of a VAVAILABILITY.
pub(crate) fn available(part: &Component) -> impl Iterator<Item = &Component> {
    part.components().filter(|one| one.name() == "AVAILABLE")
}

fn uid(part: &Component) -> Option<String> {
    part.get("UID").map(|property| property.text().trim().to_owned()).filter(|uid| !uid.is_empty())
}

/// What is no priority is none.
fn rank(part: &Component) -> u8 {
    let said = part.get("PRIORITY").and_then(|property| property.value().trim().parse::<u8>().ok());
    said.filter(|priority| (1..=9).contains(priority)).map_or(0, |priority| 10 - priority)
}

/// RFC 7953 3.2: BUSY-UNAVAILABLE unless it says otherwise; FREE is no busy type.
fn busy_type(part: &Component) -> Busy {
    let said = part.get("BUSYTYPE").map(|property| Busy::from_name(property.value().trim()));
    said.filter(|busy| *busy != Busy::Free).unwrap_or(Busy::Unavailable)
}
