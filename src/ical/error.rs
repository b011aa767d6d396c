//! What can be wrong with a text: one enum, told apart by what the caller can do about it.
//! Never holds text of a patient: a line number, the name of a property, a reason.

/// Why a text could not be read or its occurrences not computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not iCalendar at all: no content line, not UTF-8, too deep, too long (RFC 5545 3.1). `line` counts from 1
    /// in the bytes that were sent.
    #[error("line {line}: {why}")]
    Text { line: u32, why: &'static str },
    /// A line that reads, with a value that means nothing (RFC 5545 3.3).
    #[error("line {line}: {property}: {why}")]
    Value { line: u32, property: String, why: String },
    /// A TZID that is neither known nor defined by a VTIMEZONE of the same text (RFC 5545 3.2.19).
    #[error("line {line}: the time zone \"{tzid}\" is not known and no VTIMEZONE defines it")]
    Zone { line: u32, tzid: String },
    /// More steps of recurrence than one request or one object may use.
    #[error(
        "the recurrence rule needs more computing than one request may use; ask for a shorter time range"
    )]
    Budget,
}

impl Error {
    /// An `Error::Value` about the property called `property` on `line`.
    pub(crate) fn value(line: u32, property: &str, why: impl Into<String>) -> Error {
        Error::Value { line, property: property.to_owned(), why: why.into() }
    }

    /// The line it is about, from 1; 0 when it is about none.
    pub fn line(&self) -> u32 {
        match self {
            Error::Text { line, .. } | Error::Value { line, .. } | Error::Zone { line, .. } => *line,
            Error::Budget => 0,
        }
    }

    /// The same error about another line: values are read without knowing where they stood.
    pub(crate) fn at(self, to: u32) -> Error {
        match self {
            Error::Text { why, .. } => Error::Text { line: to, why },
            Error::Value { property, why, .. } => Error::Value { line: to, property, why },
            Error::Zone { tzid, .. } => Error::Zone { line: to, tzid },
            Error::Budget => Error::Budget,
        }
    }
}
