//! The parameters of RFC 7808 section 5: which stand how often, and what instants they name.

use chrono::DateTime;

use super::Wrong;

/// No year of ours is outside 1 to 9999.
const YEARS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A query string taken apart; what the service does not know is passed over.
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn read(query: Option<&str>) -> Query {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Query(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The value of a parameter that may stand once.
    pub fn once<'a>(&'a self, name: &'a str, wrong: Wrong) -> Result<Option<&'a str>, Wrong> {
        let mut all = self.all(name);
        let first = all.next();
        if all.next().is_some() { Err(wrong) } else { Ok(first) }
    }

    /// `start` and `end`, the second after the first.
    pub fn span(&self) -> Result<(Option<i64>, Option<i64>), Wrong> {
        let start = self.once("start", Wrong::Start)?;
        let start = start.map(|text| instant(text).ok_or(Wrong::Start)).transpose()?;
        let end = self.once("end", Wrong::End)?;
        let end = end.map(|text| instant(text).ok_or(Wrong::End)).transpose()?;
        match (start, end) {
            (Some(start), Some(end)) if end <= start => Err(Wrong::End),
            span => Ok(span),
        }
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// RFC 3339, in UTC.
fn instant(text: &str) -> Option<i64> {
    let time = DateTime::parse_from_rfc3339(text).ok().filter(|time| time.offset().local_minus_utc() == 0)?;
    Some(time.timestamp()).filter(|seconds| YEARS.contains(seconds))
}

/// RFC 3339, in UTC.
pub fn text(instant: i64) -> Option<String> {
    Some(DateTime::from_timestamp(instant, 0)?.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_in_utc_and_stands_once() {
        let span = |query: &str| Query::read(Some(query)).span();
        assert_eq!(span("start=1970-01-01T00:00:00Z"), Ok((Some(0), None)));
        assert_eq!(
            span("start=1970-01-01T00%3A00%3A00%2B00:00&end=1970-01-02T00:00:00Z"),
            Ok((Some(0), Some(86_400)))
        );
        assert_eq!(span("color=red"), Ok((None, None)));
        for query in [
            "start=1970-01-01",
            "start=1970-01-01T01:00:00%2B01:00",
            "start=soon",
            "start=",
            "start=0000-01-01T00:00:00Z",
        ] {
            assert_eq!(span(query), Err(Wrong::Start), "{query}");
        }
        assert_eq!(span("start=1970-01-01T00:00:00Z&start=1970-01-01T00:00:00Z"), Err(Wrong::Start));
        assert_eq!(span("start=1970-01-01T00:00:00Z&end=1970-01-01T00:00:00Z"), Err(Wrong::End));
    }
}
