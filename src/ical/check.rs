//! What a calendar object resource must obey (RFC 4791 4.1, 5.3.2.1): one kind, one UID, dates in bounds, rules that
//! can be computed. What is stored can be answered for later: a rule too expensive for its own bounds is refused.
//! Missing PRODID, VERSION, DTSTAMP are tolerated (real clients).

use serde::{Deserialize, Serialize};

use crate::{
    Budget, Component, Digest, Error, Limits, Property, Series,
    available::available,
    gather::read_dates,
    rule::{Freq, Rule},
    time::utc_text,
};

/// What a calendar object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Event,
    Todo,
    Journal,
    FreeBusy,
    Availability,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Event, Kind::Todo, Kind::Journal, Kind::FreeBusy, Kind::Availability];

    /// The name of its component, e.g. `VEVENT`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Event => "VEVENT",
            Kind::Todo => "VTODO",
            Kind::Journal => "VJOURNAL",
            Kind::FreeBusy => "VFREEBUSY",
            Kind::Availability => "VAVAILABILITY",
        }
    }

    /// The kind of a component by its name, in any case.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.name().eq_ignore_ascii_case(name))
    }
}

/// A text that may be stored, read.
#[derive(Clone, Debug)]
pub struct Object {
    pub uid: String,
    pub kind: Kind,
    pub tree: Component,
    pub digest: Digest,
}

/// Why a text may not be stored: each variant is one precondition of RFC 4791 5.3.2.1. The sentences name property
/// and line, never what the property says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// CALDAV:valid-calendar-data: it does not parse.
    #[error("{0}")]
    Data(String),
    /// CALDAV:valid-timezone (RFC 7809 3.1.4): a TZID that neither IANA nor a VTIMEZONE of the text explains.
    #[error("{0}")]
    Zone(String),
    /// CALDAV:valid-calendar-object-resource: METHOD, UID missing or mixed, kinds mixed, nothing but VTIMEZONE.
    #[error("{0}")]
    Resource(String),
    /// CALDAV:supported-calendar-component: a kind this server does not store.
    #[error("{0}")]
    Component(String),
    /// CALDAV:max-resource-size.
    #[error("the object is larger than {limit} octets")]
    TooLarge { limit: usize },
    /// CALDAV:min-date-time.
    #[error("{0}")]
    MinDate(String),
    /// CALDAV:max-date-time.
    #[error("{0}")]
    MaxDate(String),
    /// CALDAV:max-attendees-per-instance.
    #[error("a component has more than {limit} attendees")]
    Attendees { limit: usize },
    /// A rule this server does not compute; reported under CALDAV:valid-calendar-data.
    #[error("{0}")]
    Recurrence(String),
    /// CALDAV:supported-calendar-data: not text/calendar 2.0.
    #[error("{0}")]
    Media(String),
}

/// Reads a text and decides whether it may be stored as one calendar object resource.
pub fn check(text: &[u8], limits: &Limits) -> Result<Object, Refusal> {
    if text.len() > limits.bytes {
        return Err(Refusal::TooLarge { limit: limits.bytes });
    }
    let tree = Component::parse(text, limits).map_err(|e| Refusal::Data(sentence(&e)))?;
    calendar(&tree)?;
    let kind = kind(&tree)?;
    let uid = uid(&tree)?;
    let parts = || tree.parts().flat_map(|part| std::iter::once(part).chain(available(part)));
    if parts().count() > limits.overrides + 1 {
        return Err(Refusal::Recurrence(format!("the object has more than {} overrides", limits.overrides)));
    }
    for part in parts() {
        bounded(part, limits)?;
        dated(&tree, part, limits)?;
    }
    let mut budget = Budget::steps(Budget::OBJECT);
    let digest = Digest::of(&tree, kind, &mut budget).map_err(refused)?;
    one_of_each(&digest, &tree)?;
    Ok(Object { uid, kind, tree, digest })
}

/// VCALENDAR 2.0, Gregorian, no METHOD (RFC 4791 4.1).
fn calendar(tree: &Component) -> Result<(), Refusal> {
    if tree.name() != "VCALENDAR" {
        return Err(Refusal::Component("the text is not a VCALENDAR".into()));
    }
    let other =
        |name: &str, value: &str| tree.get(name).filter(|p| !p.value().trim().eq_ignore_ascii_case(value));
    if let Some(version) = other("VERSION", "2.0") {
        return Err(Refusal::Media(format!("line {}: VERSION is not 2.0", version.line())));
    }
    if let Some(scale) = other("CALSCALE", "GREGORIAN") {
        return Err(Refusal::Data(format!("line {}: CALSCALE is not GREGORIAN", scale.line())));
    }
    match tree.get("METHOD") {
        Some(method) => Err(Refusal::Resource(format!(
            "line {}: METHOD must not be stored; an invitation goes through the scheduling outbox",
            method.line()
        ))),
        None => Ok(()),
    }
}

/// All components but VTIMEZONE are of one kind that is known.
fn kind(tree: &Component) -> Result<Kind, Refusal> {
    let mut parts = tree.parts();
    let Some(first) = parts.next() else {
        return Err(Refusal::Resource(
            "the calendar holds no event, task, journal, free-busy or availability".into(),
        ));
    };
    let unknown =
        || Refusal::Component(format!("line {}: this kind of component cannot be stored", first.line()));
    let kind = Kind::from_name(first.name()).ok_or_else(unknown)?;
    match parts.find(|p| p.name() != kind.name()) {
        Some(other) => {
            Err(Refusal::Resource(format!("line {}: not a {} as the ones before", other.line(), kind.name())))
        }
        None => Ok(kind),
    }
}

/// All components have the same UID, which is not empty.
fn uid(tree: &Component) -> Result<String, Refusal> {
    let mut all = None;
    for part in tree.parts() {
        let uid = part.get("UID").map(|p| p.text().trim().to_owned()).filter(|uid| !uid.is_empty());
        let Some(uid) = uid else {
            return Err(Refusal::Resource(format!("line {}: {} has no UID", part.line(), part.name())));
        };
        if all.get_or_insert_with(|| uid.clone()) != &uid {
            return Err(Refusal::Resource(format!(
                "line {}: UID is not the one of the components before",
                part.line()
            )));
        }
    }
    all.ok_or_else(|| Refusal::Resource("there is no UID".into()))
}

/// Counts that would make every later question expensive.
fn bounded(part: &Component, limits: &Limits) -> Result<(), Refusal> {
    if part.all("ATTENDEE").count() > limits.attendees {
        return Err(Refusal::Attendees { limit: limits.attendees });
    }
    let dates = |p: &Property| p.value().bytes().filter(|b| *b == b',').count() + 1;
    let dates: usize = part.all("RDATE").chain(part.all("EXDATE")).map(dates).sum();
    if dates > limits.dates {
        return Err(Refusal::Recurrence(format!(
            "line {}: more than {} RDATE and EXDATE",
            part.line(),
            limits.dates
        )));
    }
    let rules = part.all("RRULE").chain(part.all("EXRULE"));
    for rule in rules {
        if Rule::parse(rule.value()).is_ok_and(|r| r.freq == Freq::Secondly) {
            return Err(Refusal::Recurrence(format!("line {}: FREQ=SECONDLY is not supported", rule.line())));
        }
    }
    Ok(())
}

/// CALDAV:min-date-time and max-date-time hold for what places a component in time (RFC 4791 5.2.6, 5.2.7): not
/// inside VTIMEZONE, and not for the end of a rule, which may be far.
fn dated(tree: &Component, part: &Component, limits: &Limits) -> Result<(), Refusal> {
    const PLACED: [&str; 5] = ["DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "RDATE"];
    for property in part.properties().filter(|p| PLACED.contains(&p.name())) {
        for (when, _) in read_dates(tree, property).map_err(refused)? {
            let civil = when.civil();
            if civil < limits.min_date {
                return Err(Refusal::MinDate(format!(
                    "line {}: {} is before {}",
                    property.line(),
                    property.name(),
                    utc_text(limits.min_date)
                )));
            }
            if civil > limits.max_date {
                return Err(Refusal::MaxDate(format!(
                    "line {}: {} is after {}",
                    property.line(),
                    property.name(),
                    utc_text(limits.max_date)
                )));
            }
        }
    }
    Ok(())
}

/// One master at most, and one override for each instance: with two nobody knows which one counts.
fn one_of_each(digest: &Digest, tree: &Component) -> Result<(), Refusal> {
    let mut masters = tree.parts().filter(|p| p.get("RECURRENCE-ID").is_none());
    if let (Some(_), Some(second)) = (masters.next(), masters.next()) {
        return Err(Refusal::Resource(format!(
            "line {}: a second {} without RECURRENCE-ID has the same UID",
            second.line(),
            second.name()
        )));
    }
    if digest.availability.as_ref().is_some_and(|hours| hours.open.iter().any(|open| twice(open).is_some())) {
        return Err(Refusal::Resource("two AVAILABLE have the same UID and RECURRENCE-ID".into()));
    }
    match digest.series.as_ref().and_then(|series| twice(series)) {
        Some(component) => {
            let line = tree.parts().nth(component as usize).map_or(0, Component::line);
            Err(Refusal::Resource(format!("line {line}: two components have the same RECURRENCE-ID")))
        }
        None => Ok(()),
    }
}

/// The second of two overrides of one instance.
fn twice(series: &Series) -> Option<u32> {
    let pair = series.overrides.windows(2).find(|pair| pair[0].key == pair[1].key)?;
    Some(pair[1].component)
}

/// The precondition an error of reading stands for.
fn refused(error: Error) -> Refusal {
    match &error {
        Error::Value { property, .. } if property == "RRULE" || property == "EXRULE" => {
            Refusal::Recurrence(sentence(&error))
        }
        Error::Zone { .. } => Refusal::Zone(sentence(&error)),
        Error::Budget => {
            Refusal::Recurrence("a recurrence rule needs more computing than this server allows".into())
        }
        _ => Refusal::Data(sentence(&error)),
    }
}

fn sentence(error: &Error) -> String {
    error.to_string()
}
