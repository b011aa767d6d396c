//! Time ranges on alarms and on single properties (RFC 4791 9.9, 9.7.2; RFC 5545 3.6.6, 3.8.6.3).
//! An alarm of a series is looked for around the occurrences that can ring it inside the window, not from its start.

use crate::{
    Budget, Component, Digest, Duration, Error, Kind, Occurrence, Property, Window, Zone,
    gather::{read_dates, when_of},
    span::Clock,
    time::DAY,
    value::When,
};

/// Repetitions of one alarm that are looked at.
const REPEATS: i64 = 1_000;

/// Whether alarm number `alarm` of component number `component` (as in `Occurrence::component`) fires inside the
/// window, or repeats there. An alarm without a TRIGGER that can be read never does.
pub fn alarm_overlaps(
    tree: &Component,
    component: usize,
    alarm: usize,
    window: Window,
    floating: &Zone,
    budget: &mut Budget,
) -> Result<bool, Error> {
    let Some(part) = tree.parts().nth(component) else { return Ok(false) };
    let valarm = part.components().filter(|c| c.name() == "VALARM").nth(alarm);
    let Some((trigger, repeat)) =
        valarm.and_then(|a| Some((Trigger::read(a.get("TRIGGER")?)?, Repeat::read(a))))
    else {
        return Ok(false);
    };
    let (offset, from_end) = match trigger {
        Trigger::At(instant) => return Ok(repeat.rings(instant, window)),
        Trigger::Relative { offset, from_end } => (offset, from_end),
    };
    let Some(kind) = Kind::from_name(part.name()) else { return Ok(false) };
    let zone = match when_of(tree, part, "DTSTART")? {
        Some(When::Zoned(_, zone)) => zone,
        Some(When::Utc(_)) => Zone::utc(),
        _ => floating.clone(),
    };
    let rings = |o: &Occurrence| {
        let anchor = if from_end { o.end } else { o.start };
        let fires = zone.to_instant(zone.to_civil(anchor) + offset.days * DAY) + offset.seconds;
        let fires = if offset.days == 0 { anchor + offset.seconds } else { fires };
        o.component as usize == component && repeat.rings(fires, window)
    };
    // A day of slack for days that are not 24 hours long.
    let from = window.from.saturating_sub(offset.nominal() + repeat.span() + DAY);
    let until = window.until.saturating_sub(offset.nominal()).saturating_add(DAY);
    let Some(around) = Window::new(from, until) else { return Ok(false) };
    Digest::of(tree, kind, budget)?.any(around, floating, budget, rings)
}

/// When an alarm fires first.
enum Trigger {
    At(i64),
    Relative { offset: Duration, from_end: bool },
}

impl Trigger {
    fn read(property: &Property) -> Option<Trigger> {
        if let Some(offset) = Duration::read(property.value()) {
            let from_end = property.param("RELATED").is_some_and(|r| r.eq_ignore_ascii_case("END"));
            return Some(Trigger::Relative { offset, from_end });
        }
        Some(Trigger::At(When::read(property.value(), None)?.instant(&Zone::utc())))
    }
}

/// REPEAT more times, `every` seconds apart.
struct Repeat {
    times: i64,
    every: i64,
}

impl Repeat {
    fn read(alarm: &Component) -> Repeat {
        let times = alarm.get("REPEAT").and_then(|p| p.value().trim().parse::<i64>().ok()).unwrap_or(0);
        let every = alarm.get("DURATION").and_then(|p| Duration::read(p.value())).map_or(0, |d| d.nominal());
        match times > 0 && every > 0 {
            true => Repeat { times: times.min(REPEATS), every },
            false => Repeat { times: 0, every: 1 },
        }
    }

    fn span(&self) -> i64 {
        self.times * self.every
    }

    /// Whether it rings inside the window when it fires first at `first`.
    fn rings(&self, first: i64, window: Window) -> bool {
        let missing = window.from.saturating_sub(first).max(0);
        let skipped = missing / self.every + i64::from(missing % self.every != 0);
        skipped <= self.times && first + skipped * self.every < window.until
    }
}

/// Whether a value of the property lies in the window: DATE-TIME as a point, DATE as its day, PERIOD as its span;
/// other values never do. Zones are those of `tree`.
pub fn property_overlaps(
    tree: &Component,
    property: &Property,
    window: Window,
    floating: &Zone,
) -> Result<bool, Error> {
    let dates = match read_dates(tree, property) {
        Ok(dates) => dates,
        Err(Error::Value { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(dates.iter().any(|(when, length)| {
        let start = when.instant(floating);
        let end = match (when, length) {
            (When::Date(day), _) => floating.to_instant(day + DAY),
            (_, Some(length)) => {
                let clock = Clock::of(when);
                clock.instant(length.end(&clock, clock.key(when.civil())), floating)
            }
            (_, None) => start,
        };
        window.overlaps(start, end)
    }))
}
