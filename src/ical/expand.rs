//! CALDAV:expand (RFC 4791 9.6.5): each occurrence in the window as a component of its own, in UTC.
//! Every instance of a recurring object carries RECURRENCE-ID, the first one too: clients key on it.

use crate::{
    Budget, Component, Digest, Error, Kind, Occurrence, Property, Window, Zone,
    gather::{read_dates, when_of},
    time::DAY,
    value::{Duration, When},
};

/// Components one expansion may have: each is a copy of the whole.
const INSTANCES: usize = 10_000;

/// Copied text is bounded as well: of one request, 80 MB.
const BYTES_A_STEP: u64 = 16;

/// What the making of an instance takes beside that, in steps.
const MADE: u64 = 150;

/// What makes a component recur: an instance has none of it.
const RULES: [&str; 5] = ["RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"];

/// The occurrences in the window as single components: times in UTC, RECURRENCE-ID, no rules, no VTIMEZONE; floating
/// times and dates stay so. The calendar may come out without any component.
pub fn expand(
    tree: &Component,
    window: Window,
    floating: &Zone,
    budget: &mut Budget,
) -> Result<Component, Error> {
    let mut out = tree.clone();
    out.retain_components(|_| false);
    let parts: Vec<&Component> = tree.parts().collect();
    let Some(kind) = parts.first().and_then(|p| Kind::from_name(p.name())) else { return Ok(out) };
    let digest = Digest::of(tree, kind, budget)?;
    if kind == Kind::FreeBusy {
        let any = digest.overlaps(window, floating, budget)?;
        parts.iter().filter(|_| any).for_each(|part| out.push_component((*part).clone()));
        return Ok(out);
    }
    let all = digest.occurrences(window, floating, budget)?;
    if all.len() > INSTANCES {
        return Err(Error::Budget);
    }
    let mut moulds: Vec<Option<Mould>> = parts.iter().map(|_| None).collect();
    let mut left = vec![0; parts.len()];
    for one in &all {
        if let Some(count) = left.get_mut(one.component as usize) {
            *count += 1;
        }
    }
    for occurrence in all {
        let at = occurrence.component as usize;
        let Some(part) = parts.get(at) else { continue };
        let mould = match moulds[at].take() {
            Some(mould) => mould,
            None => Mould::of(tree, part)?,
        };
        budget.take(8 + mould.size / BYTES_A_STEP)?;
        budget.pass(MADE)?;
        left[at] -= 1;
        // Most have one occurrence in the window: the last one needs no copy.
        if left[at] == 0 {
            out.push_component(mould.times.lay(mould.part, &occurrence, floating));
        } else {
            out.push_component(mould.times.lay(mould.part.clone(), &occurrence, floating));
            moulds[at] = Some(mould);
        }
    }
    Ok(out)
}

/// What the occurrences of a component have in common: made once, as a zone may take long to find.
struct Mould {
    /// Without rules and zones.
    part: Component,
    /// Octets of the component as it was.
    size: u64,
    times: Times,
}

/// The times it has by itself.
struct Times {
    start: Option<When>,
    end_name: &'static str,
    end: Option<When>,
    id: Option<When>,
    /// Lasts days on a calendar of a zone. They are no days in UTC: across a change of the clock only the end is right.
    lasts_days: bool,
}

impl Mould {
    fn of(tree: &Component, part: &Component) -> Result<Mould, Error> {
        let end_name = if part.name() == "VTODO" { "DUE" } else { "DTEND" };
        let start = when_of(tree, part, "DTSTART")?;
        let duration = part.get("DURATION").and_then(|p| Duration::read(p.value()));
        let mut bare = part.clone();
        bare.retain_properties(|p| !RULES.contains(&p.name()));
        without_zones(tree, &mut bare, end_name);
        let times = Times {
            end_name,
            end: when_of(tree, part, end_name)?,
            id: when_of(tree, part, "RECURRENCE-ID")?,
            lasts_days: start.as_ref().is_some_and(|start| !start.is_floating())
                && duration.is_some_and(|duration| duration.days != 0),
            start,
        };
        Ok(Mould { part: bare, size: part.print().len() as u64, times })
    }
}

impl Times {
    /// Those of an occurrence, laid over the rest of the component.
    fn lay(&self, mut one: Component, at: &Occurrence, floating: &Zone) -> Component {
        if let Some(start) = &self.start {
            one.set(like(start, at.start, floating).property("DTSTART"));
        }
        if let Some(end) = &self.end {
            let kind = self.start.as_ref().unwrap_or(end);
            one.set(like(kind, at.end, floating).property(self.end_name));
        } else if self.lasts_days {
            one.remove("DURATION");
            one.set(When::Utc(at.end).property(self.end_name));
        }
        if let Some(id) = at.id {
            let anchor = self.id.as_ref().or(self.start.as_ref()).or(self.end.as_ref());
            let id = anchor.map_or(When::Utc(id), |anchor| like(anchor, id, floating));
            one.push(id.property("RECURRENCE-ID"));
        }
        one
    }
}

/// An instant as it is told beside a value of this kind: UTC, or the wall clock where there is no zone.
fn like(kind: &When, instant: i64, floating: &Zone) -> When {
    match kind {
        When::Date(_) => When::Date(floating.to_civil(instant).div_euclid(DAY) * DAY),
        When::Floating(_) => When::Floating(floating.to_civil(instant)),
        When::Utc(_) | When::Zoned(..) => When::Utc(instant),
    }
}

/// Whatever names a zone beside the times of an occurrence is told in UTC as well: the VTIMEZONE is gone.
fn without_zones(tree: &Component, part: &mut Component, end_name: &str) {
    let is_other = |p: &&Property| p.name() != "DTSTART" && p.name() != end_name && p.param("TZID").is_some();
    let zoned: Vec<Property> = part.properties().filter(is_other).cloned().collect();
    for property in zoned {
        let Ok(dates) = read_dates(tree, &property) else { continue };
        let all: Vec<String> = dates
            .iter()
            .map(|(when, _)| like(when, when.instant(&Zone::utc()), &Zone::utc()).print())
            .collect();
        part.set(Property::new(property.name(), &[], &all.join(",")));
    }
}
