//! What a query asks for, as values (RFC 4791 9.7), and whether an object answers to it.
//!
//! The door makes these from XML. `Plan` says what can be decided from the digest alone, so that text is opened
//! only for filters that need it.

use ical::{Budget, Component, Digest, Kind, Property, Window, Zone};

use super::error::Result;

/// A calendar-query: its filter, and the zone of floating times where the request names one (9.8).
#[derive(Clone, Debug)]
pub struct Query {
    pub filter: CompFilter,
    pub zone: Option<Zone>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CompFilter {
    pub name: String,
    pub test: CompTest,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CompTest {
    NotDefined,
    Defined { range: Option<Window>, props: Vec<PropFilter>, comps: Vec<CompFilter> },
}

#[derive(Clone, Debug, PartialEq)]
pub struct PropFilter {
    pub name: String,
    pub test: PropTest,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PropTest {
    NotDefined,
    Defined { range: Option<Window>, text: Option<TextMatch>, params: Vec<ParamFilter> },
}

#[derive(Clone, Debug, PartialEq)]
pub struct ParamFilter {
    pub name: String,
    pub test: ParamTest,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ParamTest {
    NotDefined,
    Defined(Option<TextMatch>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct TextMatch {
    pub text: String,
    pub collation: Collation,
    pub negate: bool,
}

/// The two that RFC 4791 7.5.1 requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collation {
    AsciiCasemap,
    Octet,
}

impl TextMatch {
    fn holds(&self, value: &str) -> bool {
        let found = match self.collation {
            Collation::Octet => value.contains(&self.text),
            Collation::AsciiCasemap => contains_ascii_caseless(value.as_bytes(), self.text.as_bytes()),
        };
        found != self.negate
    }
}

fn contains_ascii_caseless(value: &[u8], text: &[u8]) -> bool {
    text.is_empty() || value.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text))
}

/// How much of a filter the digests decide.
pub(super) enum Plan {
    /// Nothing can match: a filter on something that is never the outermost component.
    Never,
    /// All of it: objects of this kind (or of any), with an occurrence in the window where one is named.
    Digest { kind: Option<Kind>, range: Option<Window> },
    /// These narrow it down, the text decides.
    Text { kind: Option<Kind>, range: Option<Window> },
}

impl Plan {
    pub(super) fn of(filter: &CompFilter) -> Plan {
        let CompTest::Defined { range, props, comps } = &filter.test else { return Plan::Never };
        if filter.name != "VCALENDAR" {
            return Plan::Never;
        }
        let plain = props.is_empty() && range.is_none();
        match &comps[..] {
            [] if plain => Plan::Digest { kind: None, range: None },
            [one] => match (Kind::from_name(&one.name), &one.test) {
                (Some(kind), CompTest::Defined { range, props, comps }) => {
                    let (kind, range) = (Some(kind), *range);
                    let decided = plain && props.is_empty() && comps.is_empty();
                    if decided { Plan::Digest { kind, range } } else { Plan::Text { kind, range } }
                }
                _ => Plan::Text { kind: None, range: None },
            },
            _ => Plan::Text { kind: None, range: None },
        }
    }
}

/// One object, opened, under a filter.
pub(super) struct Subject<'a> {
    pub tree: &'a Component,
    pub digest: &'a Digest,
    pub zone: &'a Zone,
}

/// Levels below VCALENDAR that a filter can reach: VEVENT or VTODO, and VALARM within.
enum Level<'a> {
    Calendar,
    /// The index among the components that are no VTIMEZONE, as `Occurrence::component` counts.
    Component(usize),
    /// Something within: the component around it, its index, and its own.
    Within {
        outer: usize,
        at: &'a Component,
        index: usize,
    },
}

impl Subject<'_> {
    /// Does the object answer to the whole filter? RFC 4791 9.7.1: VCALENDAR first, then all that stands in it.
    pub(super) fn matches(&self, filter: &CompFilter, budget: &mut Budget) -> Result<bool> {
        if !self.tree.name().eq_ignore_ascii_case(&filter.name) {
            return Ok(matches!(filter.test, CompTest::NotDefined));
        }
        self.holds(filter, self.tree, &Level::Calendar, budget)
    }

    fn holds(&self, filter: &CompFilter, at: &Component, level: &Level, budget: &mut Budget) -> Result<bool> {
        let CompTest::Defined { range, props, comps } = &filter.test else { return Ok(false) };
        if let Some(range) = range
            && !self.in_range(*range, at, level, budget)?
        {
            return Ok(false);
        }
        for prop in props {
            if !self.property(prop, at)? {
                return Ok(false);
            }
        }
        for comp in comps {
            if !self.child(comp, at, level, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Is there a child that the filter wants (or none, where it wants none)?
    fn child(&self, filter: &CompFilter, of: &Component, level: &Level, budget: &mut Budget) -> Result<bool> {
        let wanted = !matches!(filter.test, CompTest::NotDefined);
        let (mut counted, mut same) = (0, 0);
        for child in of.components() {
            let is_zone = child.name().eq_ignore_ascii_case("VTIMEZONE");
            let index = counted;
            counted += usize::from(!is_zone);
            if !child.name().eq_ignore_ascii_case(&filter.name) {
                continue;
            }
            let below = match level {
                Level::Calendar => Level::Component(index),
                Level::Component(outer) => Level::Within { outer: *outer, at: child, index: same },
                Level::Within { .. } => return Ok(!wanted),
            };
            same += 1;
            if !wanted {
                return Ok(false);
            }
            if self.holds(filter, child, &below, budget)? {
                return Ok(true);
            }
        }
        Ok(!wanted)
    }

    fn in_range(&self, range: Window, at: &Component, level: &Level, budget: &mut Budget) -> Result<bool> {
        match level {
            Level::Calendar => Ok(self.digest.overlaps(range, self.zone, budget)?),
            Level::Component(index) if !at.name().eq_ignore_ascii_case("VTIMEZONE") => {
                let found = self.digest.occurrences(range, self.zone, budget)?;
                Ok(found.iter().any(|occurrence| occurrence.component as usize == *index))
            }
            Level::Within { outer, at, index } if at.name().eq_ignore_ascii_case("VALARM") => {
                Ok(ical::alarm_overlaps(self.tree, *outer, *index, range, self.zone, budget)?)
            }
            _ => Ok(false),
        }
    }

    fn property(&self, filter: &PropFilter, at: &Component) -> Result<bool> {
        let PropTest::Defined { range, text, params } = &filter.test else {
            return Ok(at.get(&filter.name).is_none());
        };
        for property in at.all(&filter.name) {
            let in_range = match range {
                Some(range) => ical::property_overlaps(self.tree, property, *range, self.zone)?,
                None => true,
            };
            let has_text = text.as_ref().is_none_or(|text| text.holds(&property.text()));
            if in_range && has_text && params.iter().all(|param| parameter(param, property)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn parameter(filter: &ParamFilter, of: &Property) -> bool {
    let value = of.param(&filter.name);
    match &filter.test {
        ParamTest::NotDefined => value.is_none(),
        ParamTest::Defined(None) => value.is_some(),
        ParamTest::Defined(Some(text)) => of.param_values(&filter.name).iter().any(|value| text.holds(value)),
    }
}
