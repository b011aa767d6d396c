//! From the tree of an object to its digest: which component is master, which are overrides, what they say of time.
//! Reads each property once; errors name the line.

use std::sync::Arc;

use crate::{
    Availability, Budget, Busy, Component, Digest, Error, Kind, Property, Series, Shape, Window, Zone,
    busy::periods,
    digest::Single,
    recur::{Walk, counted},
    rule::{Freq, Rule, Until},
    series::{Master, Override},
    span::{Clock, Length, Timing, busy},
    time::{DAY, LATEST},
    value::{When, period, when},
};

/// The zone that the TZID of a property names; None where it has none or where its value needs none.
fn zone_of(tree: &Component, property: &Property, value: &str) -> Result<Option<Zone>, Error> {
    // Dates and UTC times with a TZID occur; the TZID says nothing then (RFC 5545 3.2.19).
    if !value.contains(['T', 't']) || value.ends_with(['Z', 'z']) {
        return Ok(None);
    }
    let Some(tzid) = property.param("TZID") else { return Ok(None) };
    Zone::resolve(&tzid, tree).map(Some).map_err(|e| e.at(property.line()))
}

/// The DATE or DATE-TIME that a property says, with the zones of `tree`.
pub(crate) fn read_when(tree: &Component, property: &Property) -> Result<When, Error> {
    when(property, zone_of(tree, property, property.value().trim())?.as_ref())
}

/// The same of the first property called `name`.
pub(crate) fn when_of(tree: &Component, part: &Component, name: &str) -> Result<Option<When>, Error> {
    part.get(name).map(|property| read_when(tree, property)).transpose()
}

/// The list of an RDATE or EXDATE; a PERIOD brings its own length.
pub(crate) fn read_dates(
    tree: &Component,
    property: &Property,
) -> Result<Vec<(When, Option<Length>)>, Error> {
    let wrong =
        || Error::value(property.line(), property.name(), "is neither a date, a date-time nor a period");
    let (mut all, mut known) = (Vec::new(), None);
    for text in property.value().split(',').map(str::trim).filter(|t| !t.is_empty()) {
        if known.is_none() {
            known = zone_of(tree, property, text.split('/').next().unwrap_or(text))?;
        }
        let zone = known.clone();
        if !text.contains('/') {
            all.push((When::read(text, zone.as_ref()).ok_or_else(wrong)?, None));
            continue;
        }
        let (start, end) = period(text, zone.as_ref()).ok_or_else(wrong)?;
        let utc = Zone::utc();
        let length = match end {
            Ok(end) => Length::Exact((end.instant(&utc) - start.instant(&utc)).max(0)),
            Err(duration) => Length::of(duration),
        };
        all.push((start, Some(length)));
    }
    Ok(all)
}

/// The digest of an object whose components are all of this kind. The budget pays for counting COUNT.
pub(crate) fn digest(tree: &Component, kind: Kind, budget: &mut Budget) -> Result<Digest, Error> {
    let parts: Vec<&Component> = tree.parts().collect();
    let availability = match parts[..] {
        [one, ..] if kind == Kind::Availability => Some(Arc::new(Availability::read(tree, one, budget)?)),
        _ => None,
    };
    Ok(Digest { availability, ..timed(tree, &parts, kind, budget)? })
}

/// When the object is.
fn timed(tree: &Component, parts: &[&Component], kind: Kind, budget: &mut Budget) -> Result<Digest, Error> {
    let alarms = parts.iter().any(|p| p.components().any(|c| c.name() == "VALARM"));
    if let [one] = parts
        && is_single(one)
        && kind != Kind::FreeBusy
    {
        return single(tree, one, kind, alarms);
    }
    let series = series(tree, parts, kind, budget)?;
    let (first, last) = series.bounds();
    let floating = series.clock.is_floating() || series.overrides.iter().any(|o| o.clock.is_floating());
    let busy = parts.first().map_or(Busy::Free, |part| busy(part, kind));
    let shape = Shape { floating, recurring: kind != Kind::FreeBusy, alarms };
    let series = Some(Arc::new(series));
    Ok(Digest { kind, first, last, shape, busy, single: None, series, availability: None })
}

/// Nothing but one instance.
fn is_single(part: &Component) -> bool {
    !part.properties().any(|p| matches!(p.name(), "RRULE" | "RDATE" | "EXDATE" | "EXRULE" | "RECURRENCE-ID"))
}

fn single(tree: &Component, part: &Component, kind: Kind, alarms: bool) -> Result<Digest, Error> {
    let timing = Timing::read(tree, part, kind)?;
    let start = timing.clock.key(timing.start);
    let end = timing.length.end(&timing.clock, start);
    let floating = timing.clock.is_floating();
    let slack = if floating { DAY } else { 0 };
    Ok(Digest {
        kind,
        first: (start - slack).max(Window::START),
        last: (end + slack).min(Window::END),
        shape: Shape { floating, recurring: false, alarms },
        busy: busy(part, kind),
        single: Some(Single { start, end, row: timing.row }),
        series: None,
        availability: None,
    })
}

/// One master and its overrides.
pub(crate) fn series(
    tree: &Component,
    parts: &[&Component],
    kind: Kind,
    budget: &mut Budget,
) -> Result<Series, Error> {
    let mut masters = (0..).zip(parts).filter(|(_, p)| p.get("RECURRENCE-ID").is_none());
    let master = masters.next();
    let mut series =
        Series { clock: Clock::Floating, master: None, overrides: Vec::new(), periods: Vec::new(), reach: 0 };
    if let Some((index, part)) = master {
        let timing = Timing::read(tree, part, kind)?;
        series.clock = timing.clock.clone();
        if kind == Kind::FreeBusy {
            series.periods = parts.iter().flat_map(|p| periods(p)).collect();
        }
        series.master = Some(read_master(tree, (index, part), kind, timing, budget)?);
    } else if let Some(first) = parts.first() {
        series.clock = when_of(tree, first, "RECURRENCE-ID")?.map_or(Clock::Floating, |w| Clock::of(&w));
    }
    let start = series.master.as_ref().map_or(0, |m| m.start);
    for (index, part) in (0..).zip(parts).filter(|(_, p)| p.get("RECURRENCE-ID").is_some()) {
        series.overrides.push(read_override(tree, (index, part), kind, (&series.clock, start))?);
    }
    series.overrides.sort_by_key(|o| o.key);
    series.reach = reach(&series);
    Ok(series)
}

/// How far an instance can be from its key: the longest length and the widest move.
fn reach(series: &Series) -> i64 {
    let Some(master) = &series.master else { return 0 };
    let own = master.extra.iter().filter_map(|(_, length)| *length).chain([master.length]).map(Length::most);
    let onwards = series.overrides.iter().filter_map(|o| Some(o.length.most() + o.onwards?.abs() + DAY));
    own.chain(onwards).max().unwrap_or(0).min(Window::END)
}

fn read_master(
    tree: &Component,
    (component, part): (u32, &Component),
    kind: Kind,
    timing: Timing,
    budget: &mut Budget,
) -> Result<Master, Error> {
    let Timing { clock, start, length, row } = timing;
    let mut master = Master {
        component,
        start,
        length,
        row,
        busy: busy(part, kind),
        rules: Vec::new(),
        except: Vec::new(),
        extra: Vec::new(),
        gone: Vec::new(),
        gone_days: Vec::new(),
    };
    for property in part.properties() {
        match property.name() {
            "RRULE" => master.rules.extend(read_rule(property, &clock, start, budget)?),
            "EXRULE" => master.except.extend(read_rule(property, &clock, start, budget)?),
            "RDATE" => {
                let dates = read_dates(tree, property)?;
                master
                    .extra
                    .extend(dates.into_iter().map(|(when, length)| (clock.key_of(&when, start), length)));
            }
            "EXDATE" => {
                for (when, _) in read_dates(tree, property)? {
                    match when {
                        When::Date(day) if clock != Clock::Date => master.gone_days.push(day),
                        when => master.gone.push(clock.key_of(&when, start)),
                    }
                }
            }
            _ => {}
        }
    }
    master.extra.sort_by_key(|(key, _)| *key);
    master.gone.sort_unstable();
    master.gone_days.sort_unstable();
    Ok(master)
}

/// A rule as its start needs it: COUNT replaced by where it leads, UNTIL in the words of the clock. None when it never
/// gives an instance: it would cost every question and answer none.
fn read_rule(
    property: &Property,
    clock: &Clock,
    start: i64,
    budget: &mut Budget,
) -> Result<Option<Rule>, Error> {
    let wrong = |why: &str| Error::value(property.line(), property.name(), why);
    let mut rule = Rule::parse(property.value()).map_err(|why| wrong(&why))?;
    if *clock == Clock::Date && rule.freq < Freq::Daily {
        return Err(wrong("hours, minutes and seconds need a DTSTART with a time"));
    }
    if let (Until::Instant(until), true) = (rule.until, clock.is_floating()) {
        rule.until = Until::Civil(until);
    }
    if rule.count > 0 {
        let last = counted(&rule, start, *clock == Clock::Date, budget)?;
        rule.count = 0;
        rule.until = match rule.until {
            Until::Civil(until) => Until::Civil(until.min(last)),
            Until::Instant(until) if until < clock.key(last) => Until::Instant(until),
            _ => Until::Civil(last),
        };
    }
    let any = Walk::new(&rule, start, *clock == Clock::Date, (start, LATEST)).next(budget)?.is_some();
    Ok(any.then_some(rule))
}

fn read_override(
    tree: &Component,
    (component, part): (u32, &Component),
    kind: Kind,
    (clock, start): (&Clock, i64),
) -> Result<Override, Error> {
    let missing = || Error::value(part.line(), part.name(), "has no RECURRENCE-ID");
    let property = part.get("RECURRENCE-ID").ok_or_else(missing)?;
    let key = clock.key_of(&read_when(tree, property)?, start);
    let timing = Timing::read(tree, part, kind)?;
    let own = timing.clock.key(timing.start);
    let onwards = property.param("RANGE").is_some_and(|r| r.eq_ignore_ascii_case("THISANDFUTURE"));
    let moved = || match (clock.is_floating(), timing.clock.is_floating()) {
        (false, false) => clock.civil(own) - clock.civil(key),
        _ => timing.start - clock.civil(key),
    };
    Ok(Override {
        key,
        component,
        start: own,
        length: timing.length,
        row: timing.row,
        busy: busy(part, kind),
        onwards: onwards.then(moved),
        clock: timing.clock,
    })
}
