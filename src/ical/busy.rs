//! Busy time: periods merged into the fewest, VFREEBUSY written and read (RFC 4791 7.10, RFC 5545 3.6.4, 3.2.9).
//! Each type of busy time is merged for itself; a timeline then has one type at any instant. Free time is no period.

use serde::{Deserialize, Serialize};

use crate::{
    Component, Window, Zone,
    text::fold,
    time::utc_text,
    value::{When, period},
};

/// Periods on one FREEBUSY line, so that lines stay readable.
const PER_LINE: usize = 8;

/// What a span of time is to somebody who wants to book it (RFC 5545 3.2.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Busy {
    /// It does not take place: CANCELLED.
    Free,
    /// It takes place and no time: free, but to whoever says that everything in a calendar takes time.
    Transparent,
    Busy,
    Tentative,
    Unavailable,
}

impl Busy {
    /// The value of FBTYPE.
    pub fn name(self) -> &'static str {
        match self {
            Busy::Free | Busy::Transparent => "FREE",
            Busy::Busy => "BUSY",
            Busy::Tentative => "BUSY-TENTATIVE",
            Busy::Unavailable => "BUSY-UNAVAILABLE",
        }
    }

    /// Whether it takes time.
    pub fn takes_time(self) -> bool {
        !matches!(self, Busy::Free | Busy::Transparent)
    }

    /// What FBTYPE means; an unknown type is busy (RFC 5545 3.2.9).
    pub fn from_name(name: &str) -> Busy {
        let all = [Busy::Free, Busy::Tentative, Busy::Unavailable];
        all.into_iter().find(|b| b.name().eq_ignore_ascii_case(name)).unwrap_or(Busy::Busy)
    }
}

/// A half-open span of UTC seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    pub from: i64,
    pub until: i64,
    pub busy: Busy,
}

/// Cuts the periods to the window, drops free and empty ones, joins those of one type that touch, and sorts them by
/// type and start.
pub fn merge(periods: &mut Vec<Period>, window: Window) {
    for period in periods.iter_mut() {
        period.from = period.from.max(window.from);
        period.until = period.until.min(window.until);
    }
    periods.retain(|p| p.busy.takes_time() && p.from < p.until);
    periods.sort_unstable_by_key(|p| (p.busy, p.from, p.until));
    join(periods);
}

/// The types from the weakest: where several meet, the last of them counts (the order of RFC 7953 4).
const STRENGTH: [Busy; 3] = [Busy::Tentative, Busy::Unavailable, Busy::Busy];

/// The periods as one line of time inside the window: sorted by start, one type at any instant, the strongest one.
pub fn timeline(mut periods: Vec<Period>, window: Window) -> Vec<Period> {
    merge(&mut periods, window);
    let of = |busy: Busy| {
        let from = periods.partition_point(|p| p.busy < busy);
        &periods[from..from + periods[from..].partition_point(|p| p.busy == busy)]
    };
    let mut line = STRENGTH.into_iter().fold(Vec::new(), |line, busy| overlay(&line, of(busy)));
    join(&mut line);
    line
}

/// `upper` laid over `lower`: where both are, `upper` counts. Either is sorted and overlaps nothing of its own, and so
/// does what comes out.
pub(crate) fn overlay(lower: &[Period], upper: &[Period]) -> Vec<Period> {
    let mut out = Vec::with_capacity(lower.len() + upper.len());
    let mut rest = lower.iter().copied();
    let mut under = rest.next();
    for over in upper {
        while let Some(one) = under.filter(|one| one.from < over.until) {
            let before = Period { until: one.until.min(over.from), ..one };
            out.extend((before.from < before.until).then_some(before));
            under = match one.until > over.until {
                true => Some(Period { from: one.from.max(over.until), ..one }),
                false => rest.next(),
            };
        }
        out.push(*over);
    }
    out.extend(under.into_iter().chain(rest));
    out
}

/// Joins neighbours of one type in what is sorted by start.
pub(crate) fn join(line: &mut Vec<Period>) {
    line.dedup_by(|next, kept| {
        let joined = next.busy == kept.busy && next.from <= kept.until;
        if joined {
            kept.until = kept.until.max(next.until);
        }
        joined
    });
}

/// A VCALENDAR with one VFREEBUSY of these periods (merged ones or a timeline, inside the window), stamped with the instant `stamp`.
pub fn vfreebusy(periods: &[Period], window: Window, stamp: i64) -> String {
    let mut out = Vec::with_capacity(256 + periods.len() * 36);
    let mut line = |text: &str| fold(text, &mut out);
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//Kalends//EN");
    line("BEGIN:VFREEBUSY");
    line(&format!("DTSTAMP:{}", utc_text(stamp)));
    line(&format!("DTSTART:{}", utc_text(window.from)));
    line(&format!("DTEND:{}", utc_text(window.until)));
    let mut periods = periods.to_vec();
    periods.sort_by_key(|p| (p.busy, p.from));
    for run in periods.chunk_by(|a, b| a.busy == b.busy).flat_map(|run| run.chunks(PER_LINE)) {
        let kind = match run[0].busy {
            Busy::Free | Busy::Transparent => continue,
            Busy::Busy => String::new(),
            other => format!(";FBTYPE={}", other.name()),
        };
        let list: Vec<String> =
            run.iter().map(|p| format!("{}/{}", utc_text(p.from), utc_text(p.until))).collect();
        line(&format!("FREEBUSY{kind}:{}", list.join(",")));
    }
    line("END:VFREEBUSY");
    line("END:VCALENDAR");
    String::from_utf8_lossy(&out).into_owned()
}

/// The periods of the VFREEBUSY components of a stored object; what is no period is passed over.
pub fn freebusy_of(tree: &Component) -> Vec<Period> {
    tree.components().filter(|c| c.name() == "VFREEBUSY").flat_map(periods).collect()
}

/// The FREEBUSY periods of one component, in the order of the text.
pub(crate) fn periods(component: &Component) -> Vec<Period> {
    let mut all = Vec::new();
    for property in component.all("FREEBUSY") {
        let busy = property.param("FBTYPE").map_or(Busy::Busy, |t| Busy::from_name(&t));
        all.extend(property.value().split(',').filter_map(|text| utc_period(text, busy)));
    }
    all
}

/// One period in UTC (RFC 5545 3.8.2.6: it must be).
pub(crate) fn utc_period(text: &str, busy: Busy) -> Option<Period> {
    let (start, end) = period(text, None)?;
    let When::Utc(from) = start else { return None };
    let until = match end {
        Ok(end) => end.instant(&Zone::utc()),
        Err(length) => from + length.nominal(),
    };
    (from < until).then_some(Period { from, until, busy })
}
