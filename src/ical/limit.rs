//! CALDAV:limit-recurrence-set and CALDAV:limit-freebusy-set (RFC 4791 9.6.6, 9.6.7): less of an object, the rest
//! byte for byte as stored.

use crate::{
    Budget, Component, Digest, Error, Kind, Property, Series, Window, Zone,
    busy::utc_period,
    model::Entry,
    series::Override,
    span::{Length, Row},
};

/// The master and those overrides that overlap the window where they are now or where they were.
pub fn limit_recurrence_set(
    tree: &Component,
    window: Window,
    floating: &Zone,
    budget: &mut Budget,
) -> Result<Component, Error> {
    let kind = tree.parts().next().and_then(|p| Kind::from_name(p.name()));
    let mut out = tree.clone();
    let Some(kind) = kind else { return Ok(out) };
    let Some(series) = Digest::of(tree, kind, budget)?.series else { return Ok(out) };
    budget.take(series.overrides.len() as u64)?;
    let mut index = 0;
    out.retain_components(|part| {
        if part.name() == "VTIMEZONE" {
            return true;
        }
        index += 1;
        match series.overrides.iter().find(|o| o.component == index - 1) {
            Some(o) => touches(&series, o, window, floating),
            None => true,
        }
    });
    Ok(out)
}

/// Whether an override has to do with the window: now, before it was moved, or by what it does to later instances.
fn touches(series: &Series, o: &Override, window: Window, floating: &Zone) -> bool {
    let start = o.clock.instant(o.start, floating);
    let end = o.clock.instant(o.length.end(&o.clock, o.start), floating);
    let was = series.clock.instant(o.key, floating);
    let (length, row) = series.master.as_ref().map_or((Length::NONE, Row::Span), |m| (m.length, m.row));
    let was_until = series.clock.instant(length.end(&series.clock, o.key), floating);
    o.row.overlaps(window, start, end)
        || row.overlaps(window, was, was_until)
        || (o.onwards.is_some() && was.min(start) < window.until)
}

/// The tree with only those FREEBUSY periods that overlap the window.
pub fn limit_freebusy_set(tree: &Component, window: Window) -> Component {
    let mut out = tree.clone();
    for part in out.components_mut().filter(|c| c.name() == "VFREEBUSY") {
        let entries = std::mem::take(&mut part.entries);
        part.entries = entries.into_iter().filter_map(|entry| limited(entry, window)).collect();
    }
    out
}

/// The line with the periods that are left of it; None when none is. A value that is no period stays.
fn limited(entry: Entry, window: Window) -> Option<Entry> {
    let Entry::Property(property) = entry else { return Some(entry) };
    if !property.is("FREEBUSY") {
        return Some(Entry::Property(property));
    }
    let inside = |text: &&str| {
        utc_period(text, crate::Busy::Busy).is_none_or(|period| window.overlaps(period.from, period.until))
    };
    let all = property.value().split(',').count();
    let left: Vec<&str> = property.value().split(',').filter(inside).collect();
    match left.len() {
        0 => None,
        n if n == all => Some(Entry::Property(property)),
        _ => Some(Entry::Property(Property::with_value(&property, &left.join(",")))),
    }
}
