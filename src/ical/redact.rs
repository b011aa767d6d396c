//! The busy-only view of an object: when, never what, where or with whom.
//! An allow-list of properties, parameters and values: what is not known to be about time does not come out.

use crate::{
    Component, Property, When,
    gather::read_dates,
    rule::Rule,
    text::{fold, quote_param},
    vtimezone::observances,
    zone::Zone,
};

/// Parts of a rule that say when (RFC 5545 3.3.10, RFC 7529).
const RULE_PARTS: [&str; 16] = [
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "WKST",
    "BYMONTH",
    "BYMONTHDAY",
    "BYDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYHOUR",
    "BYMINUTE",
    "BYSECOND",
    "BYSETPOS",
    "RSCALE",
    "SKIP",
];

/// The object with nothing but its times, under another `uid`; None for what is not an event.
pub fn redact(tree: &Component, uid: &str) -> Option<String> {
    if tree.parts().next().is_none() || tree.parts().any(|p| p.name() != "VEVENT") {
        return None;
    }
    let mut out = Vec::new();
    ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Kalends//EN"].iter().for_each(|line| fold(line, &mut out));
    for zone in tree.components().filter(|c| c.name() == "VTIMEZONE") {
        time_zone(zone, &mut out);
    }
    for part in tree.parts() {
        fold("BEGIN:VEVENT", &mut out);
        Property::new_text("UID", uid).print_to(&mut out);
        for line in part.properties().filter_map(|p| bare(tree, p)) {
            fold(&line, &mut out);
        }
        fold("SUMMARY:Busy", &mut out);
        fold("END:VEVENT", &mut out);
    }
    fold("END:VCALENDAR", &mut out);
    String::from_utf8(out).ok()
}

/// A VTIMEZONE without names and comments.
fn time_zone(zone: &Component, out: &mut Vec<u8>) {
    let source = observances(zone);
    // What compiles holds dates, offsets and rules, nothing that somebody wrote there for other reasons.
    let Some(tzid) = zone.get("TZID") else { return };
    if Zone::defined(tzid.value(), &source).is_err() {
        return;
    }
    fold("BEGIN:VTIMEZONE", out);
    fold(&format!("TZID:{}", tzid.value()), out);
    let mut open = None;
    for line in source.lines() {
        if let Some(name) = line.strip_prefix("BEGIN:") {
            open.replace(name.to_owned()).iter().for_each(|name| fold(&format!("END:{name}"), out));
        }
        match line.strip_prefix("RRULE:") {
            Some(value) => rule(value).iter().for_each(|rule| fold(&format!("RRULE:{rule}"), out)),
            None => fold(line, out),
        }
    }
    open.iter().for_each(|name| fold(&format!("END:{name}"), out));
    fold("END:VTIMEZONE", out);
}

/// The line as far as it is about time; None when it is not.
fn bare(tree: &Component, property: &Property) -> Option<String> {
    let value = property.value().trim();
    let name = property.name();
    let one_of =
        |all: &[&str]| all.iter().find(|v| v.eq_ignore_ascii_case(value)).map(|v| format!("{name}:{v}"));
    match name {
        "TRANSP" => one_of(&["OPAQUE", "TRANSPARENT"]),
        "STATUS" => one_of(&["TENTATIVE", "CONFIRMED", "CANCELLED"]),
        "SEQUENCE" => value.parse::<u32>().ok().map(|n| format!("SEQUENCE:{n}")),
        "DTSTAMP" | "LAST-MODIFIED" => When::read(value, None).map(|when| format!("{name}:{}", when.print())),
        "RRULE" | "EXRULE" => rule(value).map(|rule| format!("{name}:{rule}")),
        "DTSTART" | "DTEND" | "RDATE" | "EXDATE" | "RECURRENCE-ID" => {
            read_dates(tree, property).ok()?;
            Some(format!("{name}{}:{value}", params(property)))
        }
        "DURATION" => crate::Duration::read(value).map(|_| format!("DURATION:{value}")),
        _ => None,
    }
}

/// The parameters that say how a time is meant.
fn params(property: &Property) -> String {
    let of = |name: &str| property.param(name);
    let zone = of("TZID").map(|zone| format!(";TZID={}", quote_param(&zone)));
    let known = |name: &str, all: &[&str]| {
        all.iter()
            .find(|v| of(name).is_some_and(|p| p.eq_ignore_ascii_case(v)))
            .map(|v| format!(";{name}={v}"))
    };
    let value = known("VALUE", &["DATE", "DATE-TIME", "PERIOD"]);
    [zone, value, known("RANGE", &["THISANDFUTURE"])].into_iter().flatten().collect()
}

fn rule(value: &str) -> Option<String> {
    Rule::parse(value).ok()?;
    let known = |part: &&str| {
        part.split('=').next().is_some_and(|key| RULE_PARTS.contains(&key.trim().to_uppercase().as_str()))
    };
    Some(value.split(';').filter(known).collect::<Vec<_>>().join(";"))
}
