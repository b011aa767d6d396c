//! Whether a VTIMEZONE says the same as the zone its name means. For a known name the zone counts (see `zone`); that the
//! client thinks otherwise is worth a line in the log, once for each definition and year.

use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex},
};

use crate::{Civil, Object, Window, Zone, time::DAY, vtimezone};

/// Definitions remembered as compared; a flood of made-up ones empties the memory instead of growing it.
const REMEMBERED: usize = 4_096;
/// Of one object.
const COMPARED: usize = 8;

static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// A definition beside a zone that is known by its name, not compared yet.
#[derive(Debug)]
pub struct Comparison {
    zone: Zone,
    source: String,
    window: Window,
}

/// The definitions of an object that were not seen before for its year; cheap, and each is given out once.
pub fn definitions_to_compare(object: &Object) -> Vec<Comparison> {
    // From a day before the first occurrence over two years: what the client computes now.
    let Some(window) = Window::new(object.digest.first - DAY, object.digest.first + 2 * 366 * DAY) else {
        return Vec::new();
    };
    let new = |definition: &crate::Component| {
        let zone = Zone::named(&definition.get("TZID")?.text())?;
        let source = vtimezone::observances(definition);
        let key = format!("{} {}\n{source}", zone.name(), Civil::from_seconds(window.from).year);
        let mut seen = SEEN.lock().ok()?;
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(key).then_some(Comparison { zone, source, window })
    };
    object.tree.components().filter(|c| c.name() == "VTIMEZONE").take(COMPARED).filter_map(new).collect()
}

impl Comparison {
    /// The name of the zone, which is IANA's and nobody's secret.
    pub fn zone(&self) -> &str {
        self.zone.name()
    }

    /// Whether the definition has other offsets, or cannot be read at all. Computes up to some milliseconds.
    pub fn disagrees(&self) -> bool {
        let Ok(own) = Zone::defined("compared", &self.source) else { return true };
        let changes = |zone: &Zone| {
            zone.onsets(self.window).iter().map(|onset| (onset.at, onset.after)).collect::<Vec<_>>()
        };
        own.offset_at(self.window.from) != self.zone.offset_at(self.window.from)
            || changes(&own) != changes(&self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{calendar, object};

    fn compared(zone: &str, rules: &str, year: u32) -> Vec<(String, bool)> {
        let text = calendar(&format!(
            "BEGIN:VTIMEZONE\nTZID:{zone}\n{rules}END:VTIMEZONE\nBEGIN:VEVENT\nUID:1\n\
             DTSTART;TZID={zone}:{year}0706T100000\nEND:VEVENT"
        ));
        let all = definitions_to_compare(&object(&text));
        all.iter().map(|one| (one.zone().to_owned(), one.disagrees())).collect()
    }

    fn observance(name: &str, start: &str, (from, to): (&str, &str), more: &str) -> String {
        format!("BEGIN:{name}\nDTSTART:{start}\nTZOFFSETFROM:{from}\nTZOFFSETTO:{to}\n{more}END:{name}\n")
    }

    #[test]
    fn a_definition_is_judged_at_the_time_of_its_object() {
        let summer = observance(
            "DAYLIGHT",
            "20200329T020000",
            ("+0100", "+0200"),
            "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\n",
        );
        let winter = observance(
            "STANDARD",
            "20201025T030000",
            ("+0200", "+0100"),
            "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20271231T000000Z\n",
        );
        let rules = summer + &winter;
        assert_eq!(compared("Europe/Rome", &rules, 2024), [("Europe/Rome".to_owned(), false)]);
        assert_eq!(compared("Europe/Rome", &rules, 2024), [], "each is compared once");
        assert_eq!(compared("Europe/Rome", &rules, 2030), [("Europe/Rome".to_owned(), true)]);
        assert_eq!(compared("W. Europe Standard Time", &rules, 2024), [("Europe/Berlin".to_owned(), false)]);
        let wrong = observance("STANDARD", "19700101T000000", ("+0500", "+0500"), "");
        assert_eq!(compared("Europe/Rome", &wrong, 2024), [("Europe/Rome".to_owned(), true)]);
        assert_eq!(compared("Customized Time Zone", &wrong, 2024), [], "it is the only word there is");
    }
}
