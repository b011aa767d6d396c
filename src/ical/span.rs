//! Which span a component has, and when it overlaps a window: the tables of RFC 4791 9.9, row by row.
//! A length is either exact seconds or steps of the calendar (RFC 5545 3.8.5.3: DTEND against DURATION).

use serde::{Deserialize, Serialize};

use crate::{
    Busy, Component, Duration, Error, Kind, Window, Zone,
    gather::when_of,
    time::DAY,
    value::{When, duration},
};

/// The test that a row of the tables asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Row {
    /// VEVENT, VJOURNAL, VTODO with nothing but DTSTART: shares time, or stands inside without length.
    Span,
    /// VTODO with DTSTART and DURATION.
    StartDuration,
    /// VTODO with DTSTART and DUE.
    StartDue,
    /// VTODO with DUE alone.
    Due,
    /// VTODO with COMPLETED, or COMPLETED and CREATED: both ends count.
    Closed,
    /// VTODO with CREATED alone.
    Since,
    /// VFREEBUSY with DTSTART and DTEND.
    ClosedEnd,
    /// VTODO without any of these.
    Always,
    /// VJOURNAL without DTSTART.
    Never,
}

impl Row {
    /// Whether a component with this row and these UTC seconds overlaps the window.
    #[inline]
    pub fn overlaps(self, window: Window, start: i64, end: i64) -> bool {
        let Window { from, until } = window;
        match self {
            Row::Span => window.overlaps(start, end),
            Row::StartDuration => from <= end && (until > start || until >= end),
            Row::StartDue => (from < end || from <= start) && (until > start || until >= end),
            Row::Due => from < end && until >= end,
            Row::Closed => from <= end && until >= start,
            Row::Since => until > start,
            Row::ClosedEnd => from <= end && until > start,
            Row::Always => true,
            Row::Never => false,
        }
    }
}

/// On whose clock a component is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Clock {
    Date,
    Floating,
    Zoned(Zone),
}

impl Clock {
    /// The clock of a value.
    pub fn of(when: &When) -> Clock {
        match when {
            When::Date(_) => Clock::Date,
            When::Floating(_) => Clock::Floating,
            When::Utc(_) => Clock::Zoned(Zone::utc()),
            When::Zoned(_, zone) => Clock::Zoned(zone.clone()),
        }
    }

    pub fn is_floating(&self) -> bool {
        !matches!(self, Clock::Zoned(_))
    }

    /// What tells instances apart: the instant, or the wall clock where there is no zone.
    #[inline]
    pub fn key(&self, civil: i64) -> i64 {
        match self {
            Clock::Zoned(zone) => zone.to_instant(civil),
            _ => civil,
        }
    }

    /// The wall clock of a key.
    #[inline]
    pub fn civil(&self, key: i64) -> i64 {
        match self {
            Clock::Zoned(zone) => zone.to_civil(key),
            _ => key,
        }
    }

    /// The instant of a key.
    #[inline]
    pub fn instant(&self, key: i64, floating: &Zone) -> i64 {
        if self.is_floating() { floating.to_instant(key) } else { key }
    }

    /// The key of another value on this clock: clients mix types in RDATE, EXDATE and RECURRENCE-ID.
    pub fn key_of(&self, when: &When, start: i64) -> i64 {
        match (self, when) {
            (Clock::Zoned(zone), When::Date(day)) => zone.to_instant(day + start.rem_euclid(DAY)),
            (Clock::Zoned(zone), other) => other.instant(zone),
            (Clock::Date, other) => other.civil().div_euclid(DAY) * DAY,
            (Clock::Floating, When::Date(day)) => day + start.rem_euclid(DAY),
            (Clock::Floating, other) => other.civil(),
        }
    }
}

/// How long an instance lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Length {
    /// Seconds that pass on the clock.
    Exact(i64),
    /// Days on the calendar, then seconds.
    Nominal { days: i64, seconds: i64 },
}

impl Length {
    pub const NONE: Length = Length::Exact(0);

    pub fn of(duration: Duration) -> Length {
        match duration.days {
            0 => Length::Exact(duration.seconds.max(0)),
            _ if duration.nominal() <= 0 => Length::NONE,
            days => Length::Nominal { days, seconds: duration.seconds },
        }
    }

    /// The key of the end of an instance that begins at `key`.
    #[inline]
    pub fn end(self, clock: &Clock, key: i64) -> i64 {
        match self {
            Length::Exact(seconds) => key + seconds,
            Length::Nominal { days, seconds } => clock.key(clock.civil(key) + days * DAY) + seconds,
        }
    }

    /// No instance is longer than this many seconds.
    pub fn most(self) -> i64 {
        match self {
            Length::Exact(seconds) => seconds,
            Length::Nominal { days, seconds } => (days + 1) * DAY + seconds,
        }
    }
}

/// When a component is, as its first instance.
pub(crate) struct Timing {
    pub clock: Clock,
    /// Civil seconds on that clock.
    pub start: i64,
    pub length: Length,
    pub row: Row,
}

impl Timing {
    /// Reads DTSTART, DTEND, DUE, DURATION and what the tables know besides. Zones are those of `tree`.
    pub fn read(tree: &Component, part: &Component, kind: Kind) -> Result<Timing, Error> {
        match kind {
            Kind::Event => event(tree, part),
            Kind::Todo => todo(tree, part),
            Kind::Journal => journal(tree, part),
            Kind::FreeBusy => free_busy(tree, part),
            Kind::Availability => availability(tree, part),
        }
    }

    fn at(when: &When, length: Length, row: Row) -> Timing {
        Timing { clock: Clock::of(when), start: when.civil(), length, row }
    }

    /// A span of UTC seconds.
    fn utc(start: i64, end: i64, row: Row) -> Timing {
        Timing { clock: Clock::Zoned(Zone::utc()), start, length: Length::Exact(end - start), row }
    }
}

fn event(tree: &Component, part: &Component) -> Result<Timing, Error> {
    let start = required_start(tree, part)?;
    let length = match length(tree, part, "DTEND", &start)? {
        Some(Length::NONE) if start.is_date() => whole_day(),
        Some(length) => length,
        None if start.is_date() => whole_day(),
        None => Length::NONE,
    };
    Ok(Timing::at(&start, length, Row::Span))
}

fn todo(tree: &Component, part: &Component) -> Result<Timing, Error> {
    let Some(start) = when_of(tree, part, "DTSTART")? else {
        if let Some(due) = when_of(tree, part, "DUE")? {
            return Ok(Timing::at(&due, Length::NONE, Row::Due));
        }
        let stamp = |name| Ok::<_, Error>(when_of(tree, part, name)?.map(|w| w.instant(&Zone::utc())));
        return Ok(match (stamp("COMPLETED")?, stamp("CREATED")?) {
            (Some(done), Some(made)) => Timing::utc(done.min(made), done.max(made), Row::Closed),
            (Some(done), None) => Timing::utc(done, done, Row::Closed),
            (None, Some(made)) => Timing::utc(made, Window::END, Row::Since),
            (None, None) => Timing::utc(Window::START, Window::END, Row::Always),
        });
    };
    let row = if part.get("DUE").is_some() { Row::StartDue } else { Row::StartDuration };
    Ok(match length(tree, part, "DUE", &start)? {
        Some(length) => Timing::at(&start, length, row),
        None => Timing::at(&start, Length::NONE, Row::Span),
    })
}

fn journal(tree: &Component, part: &Component) -> Result<Timing, Error> {
    Ok(match when_of(tree, part, "DTSTART")? {
        Some(day) if day.is_date() => Timing::at(&day, whole_day(), Row::Span),
        Some(start) => Timing::at(&start, Length::NONE, Row::Span),
        None => Timing::utc(Window::START, Window::END, Row::Never),
    })
}

fn free_busy(tree: &Component, part: &Component) -> Result<Timing, Error> {
    let utc = Zone::utc();
    let (start, end) = (when_of(tree, part, "DTSTART")?, when_of(tree, part, "DTEND")?);
    if let (Some(start), Some(end)) = (start, end) {
        return Ok(Timing::utc(
            start.instant(&utc),
            end.instant(&utc).max(start.instant(&utc)),
            Row::ClosedEnd,
        ));
    }
    let periods = crate::busy::periods(part);
    let (first, last) = (periods.iter().map(|p| p.from).min(), periods.iter().map(|p| p.until).max());
    // Without DTSTART and DTEND the periods decide, each for itself.
    Ok(match (first, last) {
        (Some(first), Some(last)) => Timing::utc(first, last, Row::Never),
        _ => Timing::utc(Window::START, Window::END, Row::Never),
    })
}

/// RFC 7953 5: DTSTART and DTEND may be missing, it is then open at that end.
fn availability(tree: &Component, part: &Component) -> Result<Timing, Error> {
    let Some(start) = when_of(tree, part, "DTSTART")? else {
        let end = when_of(tree, part, "DTEND")?.map_or(Window::END, |end| end.instant(&Zone::utc()));
        return Ok(Timing::utc(Window::START, end, Row::Span));
    };
    let length = match length(tree, part, "DTEND", &start)? {
        Some(length) => length,
        None => Length::Exact(Window::END - start.civil()),
    };
    Ok(Timing::at(&start, length, Row::Span))
}

fn whole_day() -> Length {
    Length::Exact(DAY)
}

fn required_start(tree: &Component, part: &Component) -> Result<When, Error> {
    let missing = || Error::value(part.line(), part.name(), "has no DTSTART");
    when_of(tree, part, "DTSTART")?.ok_or_else(missing)
}

/// The length by the property `end` (DTEND or DUE), else by DURATION; None when neither stands there.
fn length(tree: &Component, part: &Component, end: &str, start: &When) -> Result<Option<Length>, Error> {
    let Some(property) = part.get(end) else {
        let Some(property) = part.get("DURATION") else { return Ok(None) };
        let length = duration(property)?;
        let backwards = || Error::value(property.line(), "DURATION", "is negative");
        return if length.nominal() < 0 { Err(backwards()) } else { Ok(Some(Length::of(length))) };
    };
    let Some(stop) = when_of(tree, part, end)? else { return Ok(None) };
    let length = match (start, &stop) {
        // An end without a zone, or a date, beside a start with one: on the clock of the start.
        (When::Zoned(_, zone), _) => stop.instant(zone) - start.instant(zone),
        (_, When::Zoned(_, zone)) => stop.instant(zone) - start.instant(zone),
        _ => stop.civil() - start.civil(),
    };
    match length < 0 {
        // A task may be due before it begins: clients move DUE and leave DTSTART.
        true if end == "DUE" => Ok(Some(Length::NONE)),
        true => Err(Error::value(property.line(), end, "is before DTSTART")),
        false => Ok(Some(Length::Exact(length))),
    }
}

/// What a component is to free/busy (RFC 4791 7.10): only events count.
pub(crate) fn busy(part: &Component, kind: Kind) -> Busy {
    let is = |name: &str, value: &str| {
        part.get(name).is_some_and(|p| p.value().trim().eq_ignore_ascii_case(value))
    };
    match kind {
        Kind::Event if is("STATUS", "CANCELLED") => Busy::Free,
        Kind::Event if is("TRANSP", "TRANSPARENT") => Busy::Transparent,
        Kind::Event if is("STATUS", "TENTATIVE") => Busy::Tentative,
        Kind::Event => Busy::Busy,
        _ => Busy::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every edge of a span 10..20 (or the point 10) against windows that touch it from both sides.
    #[test]
    fn s9_9_rows() {
        let hits = |row: Row, start, end| -> Vec<(i64, i64)> {
            let windows = [(0, 10), (0, 11), (10, 11), (11, 12), (19, 21), (20, 21), (21, 22)];
            let inside = |&(from, until): &(i64, i64)| row.overlaps(Window { from, until }, start, end);
            windows.into_iter().filter(inside).collect()
        };
        assert_eq!(hits(Row::Span, 10, 20), [(0, 11), (10, 11), (11, 12), (19, 21)]);
        assert_eq!(hits(Row::Span, 10, 10), [(0, 11), (10, 11)]);
        assert_eq!(hits(Row::StartDuration, 10, 20), [(0, 11), (10, 11), (11, 12), (19, 21), (20, 21)]);
        assert_eq!(hits(Row::StartDuration, 10, 10), [(0, 10), (0, 11), (10, 11)]);
        assert_eq!(hits(Row::StartDue, 10, 20), [(0, 11), (10, 11), (11, 12), (19, 21)]);
        assert_eq!(hits(Row::Due, 20, 20), [(19, 21)]);
        assert_eq!(hits(Row::Due, 10, 10), [(0, 10), (0, 11)]);
        assert_eq!(hits(Row::Closed, 10, 20), [(0, 10), (0, 11), (10, 11), (11, 12), (19, 21), (20, 21)]);
        assert_eq!(hits(Row::Since, 20, 20), [(19, 21), (20, 21), (21, 22)]);
        assert_eq!(hits(Row::ClosedEnd, 10, 20), [(0, 11), (10, 11), (11, 12), (19, 21), (20, 21)]);
        assert_eq!(hits(Row::Always, 0, 0).len(), 7);
        assert!(hits(Row::Never, 10, 20).is_empty());
    }
}
