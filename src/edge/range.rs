//! `Range` and `If-Range` (RFC 9110 sections 13.1.5 and 14): one range of bytes, or the whole.
//!
//! Several ranges in one request are answered with the whole, which 14.2 allows: no calendar client asks them,
//! and overlapping ones are a known way to multiply work.

use http::{HeaderMap, HeaderValue, header};

use super::condition::tag;

/// What part of a body is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByteRange {
    Whole,
    /// 206 with these bytes.
    Part(std::ops::Range<usize>),
    /// 416 with `Content-Range: bytes */length`.
    Unsatisfiable,
}

impl ByteRange {
    /// What these headers want of a body of `length` bytes whose strong tag is `opaque`.
    pub fn read(headers: &HeaderMap, length: usize, opaque: &str) -> ByteRange {
        let Some(asked) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
            return ByteRange::Whole;
        };
        let condition = headers.get(header::IF_RANGE);
        let is_ours = condition.is_none_or(|value| value.to_str().is_ok_and(|text| same(text, opaque)));
        let part = is_ours.then(|| parse(asked, length)).flatten();
        part.unwrap_or(ByteRange::Whole)
    }

    /// The value of Content-Range; `None` for the whole.
    pub fn content_range(&self, length: usize) -> Option<HeaderValue> {
        let text = match self {
            ByteRange::Whole => return None,
            ByteRange::Part(part) => format!("bytes {}-{}/{length}", part.start, part.end - 1),
            ByteRange::Unsatisfiable => format!("bytes */{length}"),
        };
        HeaderValue::try_from(text).ok()
    }
}

/// A date in If-Range is a weak validator here (two changes within a second): never the same.
fn same(text: &str, opaque: &str) -> bool {
    tag(text.trim()).is_some_and(|(tag, after)| !tag.weak && tag.opaque == opaque && after.is_empty())
}

/// `None`: not a range we answer, to be ignored.
fn parse(asked: &str, length: usize) -> Option<ByteRange> {
    let (unit, set) = asked.split_once('=')?;
    let (first, last) = set.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || last.contains(',') {
        return None;
    }
    let part = match (number(first)?, number(last)?) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) => first..length,
        (None, Some(count)) => length.saturating_sub(count)..length,
        _ => return None,
    };
    Some(if part.start < part.end { ByteRange::Part(part) } else { ByteRange::Unsatisfiable })
}

/// Outer `None`: no number; inner: left out.
fn number(text: &str) -> Option<Option<usize>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| Some(text.parse().unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(range: &'static str, if_range: Option<&'static str>) -> ByteRange {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static(range));
        if let Some(value) = if_range {
            headers.insert(header::IF_RANGE, HeaderValue::from_static(value));
        }
        ByteRange::read(&headers, 100, "tag")
    }

    #[test]
    fn s14_1_2_byte_ranges() {
        for (asked, expected) in [
            ("bytes=0-9", ByteRange::Part(0..10)),
            ("bytes=90-", ByteRange::Part(90..100)),
            ("bytes=-5", ByteRange::Part(95..100)),
            ("bytes=-500", ByteRange::Part(0..100)),
            ("bytes=50-99999999999999999999999", ByteRange::Part(50..100)),
            ("bytes=100-", ByteRange::Unsatisfiable),
            ("bytes=-0", ByteRange::Unsatisfiable),
            ("bytes=9-0", ByteRange::Whole),
            ("bytes=0-1,5-6", ByteRange::Whole),
            ("lines=0-1", ByteRange::Whole),
            ("bytes=+1-2", ByteRange::Whole),
        ] {
            assert_eq!(read(asked, None), expected, "{asked}");
        }
    }

    #[test]
    fn s13_1_5_if_range_needs_the_same_strong_tag() {
        assert_eq!(read("bytes=0-0", Some("\"tag\"")), ByteRange::Part(0..1));
        assert_eq!(read("bytes=0-0", Some("W/\"tag\"")), ByteRange::Whole);
        assert_eq!(read("bytes=0-0", Some("Sun, 06 Nov 1994 08:49:37 GMT")), ByteRange::Whole);
    }

    #[test]
    fn content_range_names_the_length() {
        assert_eq!(ByteRange::Part(0..10).content_range(100).unwrap(), "bytes 0-9/100");
        assert_eq!(ByteRange::Unsatisfiable.content_range(100).unwrap(), "bytes */100");
    }
}
