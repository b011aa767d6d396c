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
    let sizes: Vec<u64> = parts.iter().map(|part| part.print().len() as u64).collect();
    for occurrence in all {
        let Some(part) = parts.get(occurrence.component as usize) else { continue };
        budget.take(8 + sizes[occurrence.component as usize] / BYTES_A_STEP)?;
        budget.pass(MADE)?;
        out.push_component(instance(tree, part, &occurrence, floating)?);
    }
    Ok(out)
}

/// One occurrence of a component.
fn instance(
    tree: &Component,
    part: &Component,
    at: &Occurrence,
    floating: &Zone,
) -> Result<Component, Error> {
    let mut one = part.clone();
    one.retain_properties(|p| !RULES.contains(&p.name()));
    let start = when_of(tree, part, "DTSTART")?;
    if let Some(start) = &start {
        one.set(like(start, at.start, floating).property("DTSTART"));
    }
    let end_name = if part.name() == "VTODO" { "DUE" } else { "DTEND" };
    if let Some(end) = when_of(tree, part, end_name)? {
        one.set(like(start.as_ref().unwrap_or(&end), at.end, floating).property(end_name));
    } else if let (Some(start), Some(length)) =
        (&start, part.get("DURATION").and_then(|p| Duration::read(p.value())))
        && length.days != 0
        && !start.is_floating()
    {
        // Days on a calendar are no days in UTC: across a change of the clock only the end is right.
        one.remove("DURATION");
        one.set(When::Utc(at.end).property(end_name));
    }
    if let Some(id) = at.id {
        let anchor = match when_of(tree, part, "RECURRENCE-ID")? {
            Some(own) => Some(own),
            None => start.or(when_of(tree, part, "DUE")?),
        };
        one.push(
            anchor.map_or(When::Utc(id), |anchor| like(&anchor, id, floating)).property("RECURRENCE-ID"),
        );
    }
    without_zones(tree, &mut one)?;
    Ok(one)
}

/// An instant as it is told beside a value of this kind: UTC, or the wall clock where there is no zone.
fn like(kind: &When, instant: i64, floating: &Zone) -> When {
    match kind {
        When::Date(_) => When::Date(floating.to_civil(instant).div_euclid(DAY) * DAY),
        When::Floating(_) => When::Floating(floating.to_civil(instant)),
        When::Utc(_) | When::Zoned(..) => When::Utc(instant),
    }
}

/// Whatever else names a zone is told in UTC as well: the VTIMEZONE is gone.
fn without_zones(tree: &Component, part: &mut Component) -> Result<(), Error> {
    let zoned: Vec<Property> = part.properties().filter(|p| p.param("TZID").is_some()).cloned().collect();
    for property in zoned {
        let Ok(dates) = read_dates(tree, &property) else { continue };
        let all: Vec<String> = dates
            .iter()
            .map(|(when, _)| like(when, when.instant(&Zone::utc()), &Zone::utc()).print())
            .collect();
        part.set(Property::new(property.name(), &[], &all.join(",")));
    }
    Ok(())
}
