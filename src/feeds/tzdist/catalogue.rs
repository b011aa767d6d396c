//! The list of all zones, and those whose names match (RFC 7808 5.2, 5.5, 6.2). Made once: its data are compiled in.
//!
//! Invariant: the token changes with the zone data and with the way they are written, and with nothing else.

use std::sync::LazyLock;

use serde::Serialize;

use super::{Found, JSON, Wrong, pattern::Pattern, query::Query, zone};

/// Changes whenever the same data are written otherwise.
const FORM: u32 = 1;

static ALL: LazyLock<Vec<Item>> = LazyLock::new(|| ical::zone_names().iter().map(Item::of).collect());

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Item {
    tzid: &'static str,
    etag: String,
    last_modified: &'static str,
    publisher: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aliases: &'static [&'static str],
}

#[derive(Serialize)]
struct List<'a> {
    synctoken: String,
    timezones: Vec<&'a Item>,
}

impl Item {
    fn of(zone: &'static ical::ZoneName) -> Item {
        Item {
            tzid: zone.name,
            etag: zone::tag(zone.name),
            last_modified: modified(),
            publisher: "IANA",
            version: ical::tzdata_version(),
            aliases: &zone.aliases,
        }
    }

    fn is(&self, pattern: &Pattern) -> bool {
        pattern.matches(self.tzid) || self.aliases.iter().any(|alias| pattern.matches(alias))
    }
}

/// The data do not say when they were last changed, their version does: `2026e` is the fifth of a year, of which
/// there were never more than a dozen. A day that is not later than the release, and later with each.
fn modified() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let version = ical::tzdata_version();
        let year = version.get(..4).filter(|year| year.bytes().all(|b| b.is_ascii_digit())).unwrap_or("1970");
        let nth = version.as_bytes().get(4).map_or(0, |letter| letter.saturating_sub(b'a').min(27));
        format!("{year}-01-{:02}T00:00:00Z", nth + 1)
    });
    &TEXT
}

/// All of them, or none where nothing changed since: one version of the data is all there is to tell apart.
pub fn list(query: &Query) -> Result<Found, Wrong> {
    let since = query.once("changedsince", Wrong::ChangedSince)?;
    told(|_| since.is_none_or(|token| token != token_of_now()))
}

pub fn find(query: &Query) -> Result<Found, Wrong> {
    let sent = query.once("pattern", Wrong::Pattern)?.unwrap_or_default();
    let pattern = Pattern::read(sent).ok_or(Wrong::Pattern)?;
    told(|item| item.is(&pattern))
}

fn told(wanted: impl Fn(&Item) -> bool) -> Result<Found, Wrong> {
    let timezones = ALL.iter().filter(|item| wanted(item)).collect();
    let list = List { synctoken: token_of_now(), timezones };
    // Strings and lists of them cannot fail to be written.
    Ok(Found { media: JSON, body: serde_json::to_string(&list).unwrap_or_default(), tag: None })
}

fn token_of_now() -> String {
    format!("{}-{FORM}", ical::tzdata_version())
}
