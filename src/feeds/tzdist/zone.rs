//! One zone: its data as VTIMEZONE (RFC 7808 5.3), and its changes one by one (5.4).

use serde_json::json;

use super::{CALENDAR, Found, JSON, Wrong, query, query::Query};
use crate::calendar::Etag;
use ical::{Onset, Window, Zone};

/// Seconds of one expansion, 200 years; of a longer span the first part is told, and where it ends (6.3).
const LONGEST: i64 = 200 * 366 * 86_400;
/// In every stretch of this length a zone that changes at all has changed.
const YEAR: i64 = 400 * 86_400;

pub fn get(tzid: &str, query: &Query) -> Result<Found, Wrong> {
    let (tzid, zone) = known(tzid)?;
    let body = document(tzid, &zone, query.span()?);
    Ok(Found { media: CALENDAR, body, tag: None })
}

/// The entity tag of a zone's whole data.
pub fn tag(tzid: &str) -> String {
    known(tzid).map_or_else(|_| String::new(), |(tzid, zone)| whole_tag(tzid, &zone))
}

fn whole_tag(tzid: &str, zone: &Zone) -> String {
    Etag::of(document(tzid, zone, (None, None)).as_bytes()).opaque()
}

fn known(tzid: &str) -> Result<(&'static str, Zone), Wrong> {
    let tzid = ical::iana_name(tzid).ok_or(Wrong::Tzid)?;
    Ok((tzid, Zone::named(tzid).ok_or(Wrong::Tzid)?))
}

fn document(tzid: &str, zone: &Zone, span: (Option<i64>, Option<i64>)) -> String {
    let listed = ical::zone_names().iter().find(|zone| zone.aliases.contains(&tzid));
    let definition = ical::vtimezone_between(zone, tzid, listed.map(|zone| zone.name), span);
    ical::compose(&[definition], &[])
}

pub fn expand(tzid: &str, query: &Query) -> Result<Found, Wrong> {
    let (tzid, zone) = known(tzid)?;
    let (start, asked) = query.span()?;
    let (start, asked) = (start.ok_or(Wrong::Start)?, asked.ok_or(Wrong::End)?);
    let end = asked.min(start + LONGEST);
    let mut onsets = zone.onsets(Window { from: start, until: end });
    if onsets.first().is_none_or(|first| first.at > start) {
        onsets.insert(0, in_effect(&zone, start));
    }
    let observances: Vec<_> = onsets.iter().map(observance).collect();
    let mut body = json!({ "tzid": tzid, "observances": observances });
    if end < asked {
        body["end"] = json!(query::text(end));
    }
    Ok(Found { media: JSON, body: body.to_string(), tag: Some(whole_tag(tzid, &zone)) })
}

/// What holds at the start, as if it began there.
fn in_effect(zone: &Zone, start: i64) -> Onset {
    let offset = zone.offset_at(start);
    let last = zone.onsets(Window { from: start - YEAR, until: start + 1 });
    let summer = last.last().is_some_and(|onset| onset.summer);
    Onset { at: start, before: offset, after: offset, summer }
}

fn observance(onset: &Onset) -> serde_json::Value {
    json!({
        "name": if onset.summer { "Daylight" } else { "Standard" },
        "onset": query::text(onset.at),
        "utc-offset-from": onset.before,
        "utc-offset-to": onset.after,
    })
}
