//! CALDAV:calendar-data as a report asks for it (RFC 4791 section 9.6): the whole text, or a part made on the way out.
//! Invariant: the stored text is never touched; asked for whole, it goes out byte for byte, but for the VTIMEZONEs
//! that CalDAV-Timezones asks for or does without (RFC 7809 section 3.1.3).

use bytes::Bytes;
use ical::{Budget, Component, Comps, Digest, Kind, Limits, Props, Selection, Window, Zone};

use super::error::Refusal;
use super::filter::{Ends, window};
use super::xml::{Element, names};
use crate::calendar;

/// CALDAV:comp elements inside one another; iCalendar nests three deep.
const NESTING: usize = 8;

/// Which VTIMEZONEs go out with a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timezones {
    /// Those that came with it.
    #[default]
    AsSent,
    All,
    /// Those only that no time zone service knows.
    NotStandard,
}

/// What a report wants of each text.
#[derive(Clone, Default)]
pub struct Data {
    timezones: Timezones,
    selection: Option<Selection>,
    series: Option<Series>,
    freebusy: Option<Window>,
}

#[derive(Clone, Copy)]
enum Series {
    /// 9.6.5: every occurrence as a component of its own.
    Expand(Window),
    /// 9.6.6: the master and the overrides of a span.
    Limit(Window),
}

fn invalid<T>(why: &str) -> Result<T, Refusal> {
    Err(Refusal::bad_request(why))
}

impl Data {
    /// A CALDAV:calendar-data element of a request.
    pub fn parse(element: Element) -> Result<Data, Refusal> {
        check_media(element)?;
        let mut data = Data::default();
        for child in element.children() {
            match child {
                _ if child.is(names::COMP) => data.selection = Some(component(child, NESTING)?.1),
                _ if child.is(names::EXPAND) => data.series(Series::Expand(window(child, Ends::Both)?))?,
                _ if child.is(names::LIMIT_RECURRENCE_SET) => {
                    data.series(Series::Limit(window(child, Ends::Both)?))?;
                }
                _ if child.is(names::LIMIT_FREEBUSY_SET) => data.freebusy = Some(window(child, Ends::Both)?),
                _ => {}
            }
        }
        Ok(data)
    }

    fn series(&mut self, series: Series) -> Result<(), Refusal> {
        if self.series.replace(series).is_some() {
            return invalid("calendar-data holds expand or limit-recurrence-set, once.");
        }
        Ok(())
    }

    /// Does it ask for the text as it is?
    pub fn is_whole(&self) -> bool {
        let as_sent = self.timezones == Timezones::AsSent;
        as_sent && self.selection.is_none() && self.series.is_none() && self.freebusy.is_none()
    }

    /// The same with these VTIMEZONEs.
    pub fn with(self, timezones: Timezones) -> Data {
        Data { timezones, ..self }
    }

    /// The part of a stored text that is asked for.
    pub fn part(&self, text: &[u8], floating: &Zone, budget: &mut Budget) -> Result<Vec<u8>, ical::Error> {
        budget.pass(text.len() as u64)?;
        let mut tree = Component::parse(text, &Limits::default())?;
        let span = self.timezones.span(&tree, budget)?;
        match self.series {
            Some(Series::Expand(window)) => tree = ical::expand(&tree, window, floating, budget)?,
            Some(Series::Limit(window)) => {
                tree = ical::limit_recurrence_set(&tree, window, floating, budget)?
            }
            None => {}
        }
        if let Some(window) = self.freebusy {
            tree = ical::limit_freebusy_set(&tree, window);
        }
        if let Some(selection) = &self.selection {
            tree = ical::select(&tree, selection);
        }
        self.timezones.apply(&mut tree, span);
        Ok(tree.print())
    }
}

impl Timezones {
    /// A whole text with these; one that cannot be read is given as it is.
    pub async fn of(self, text: Bytes) -> Result<Bytes, Refusal> {
        if self == Timezones::AsSent {
            return Ok(text);
        }
        calendar::compute(move || {
            let Ok(mut tree) = Component::parse(&text, &Limits { bytes: usize::MAX, ..Limits::default() })
            else {
                return text;
            };
            let span = self.span(&tree, &mut Budget::steps(Budget::OBJECT)).unwrap_or(Window::ALL);
            self.apply(&mut tree, span);
            tree.print().into()
        })
        .await
        .map_err(Refusal::from)
    }

    /// What an object's VTIMEZONEs have to cover; all of time where that cannot be found out.
    fn span(self, tree: &Component, budget: &mut Budget) -> Result<Window, ical::Error> {
        let kind = tree.parts().next().and_then(|part| Kind::from_name(part.name()));
        let Some(kind) = kind.filter(|_| self == Timezones::All) else { return Ok(Window::ALL) };
        match Digest::of(tree, kind, budget) {
            Ok(digest) => Ok(Window::new(digest.first, digest.last + 1).unwrap_or(Window::ALL)),
            Err(ical::Error::Budget) => Err(ical::Error::Budget),
            Err(_) => Ok(Window::ALL),
        }
    }

    fn apply(self, tree: &mut Component, span: Window) {
        match self {
            Timezones::AsSent => {}
            Timezones::All => ical::with_zones(tree, span),
            Timezones::NotStandard => ical::without_zones(tree),
        }
    }
}

/// RFC 4791 section 7.8: CALDAV:supported-calendar-data. Other versions and jCal (RFC 7265) are not kept here.
fn check_media(element: Element) -> Result<(), Refusal> {
    let media = element.attribute("content-type").unwrap_or("text/calendar");
    let version = element.attribute("version").unwrap_or("2.0");
    if media.trim().eq_ignore_ascii_case("text/calendar") && version.trim() == "2.0" {
        return Ok(());
    }
    Err(Refusal::precondition(
        names::SUPPORTED_CALENDAR_DATA,
        "Only text/calendar, version 2.0, is given out.",
    ))
}

/// A CALDAV:comp (9.6.1); `room` bounds how deep this calls itself.
fn component(element: Element, room: usize) -> Result<(String, Selection), Refusal> {
    let Some(room) = room.checked_sub(1) else { return invalid("CALDAV:comp is nested too deep.") };
    let (mut props, mut comps) = (Vec::new(), Vec::new());
    for child in element.children() {
        match child {
            _ if child.is(names::CALDAV_PROP) => {
                let no_value = child.attribute("novalue") == Some("yes");
                props.push((name_of(child)?, no_value));
            }
            _ if child.is(names::COMP) => comps.push(component(child, room)?),
            _ => {}
        }
    }
    let props = if element.has(names::CALDAV_ALLPROP) { Props::All } else { Props::List(props) };
    let comps = if element.has(names::ALLCOMP) { Comps::All } else { Comps::List(comps) };
    Ok((name_of(element)?, Selection { props, comps }))
}

fn name_of(element: Element) -> Result<String, Refusal> {
    match element.attribute("name") {
        Some(name) if !name.is_empty() => Ok(name.to_ascii_uppercase()),
        _ => invalid("calendar-data names a component or property without a name."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::*;

    fn read(inside: &str) -> Result<Data, Refusal> {
        let body =
            format!("<c:calendar-data xmlns:c='urn:ietf:params:xml:ns:caldav' {inside}</c:calendar-data>");
        Data::parse(xml::read(body.as_bytes()).unwrap().root())
    }

    #[test]
    fn nothing_inside_means_the_whole_text() {
        assert!(read(">").unwrap().is_whole());
        assert!(read("content-type='text/calendar' version='2.0'>").unwrap().is_whole());
        assert!(!read("><c:comp name='VCALENDAR'/>").unwrap().is_whole());
    }

    #[test]
    fn other_media_have_their_own_refusal() {
        for media in ["content-type='application/calendar+json'>", "version='1.0'>"] {
            let refusal = read(media).err().unwrap();
            assert_eq!(refusal.element().unwrap().local, "supported-calendar-data");
        }
    }

    #[test]
    fn spans_need_both_ends_and_series_are_asked_for_once() {
        assert!(read("><c:expand start='20260101T000000Z'/>").is_err());
        let span = "start='20260101T000000Z' end='20260201T000000Z'";
        assert!(read(&format!("><c:expand {span}/>")).is_ok());
        assert!(read(&format!("><c:expand {span}/><c:limit-recurrence-set {span}/>")).is_err());
        let deep = format!(">{}{}", "<c:comp name='X'>".repeat(30), "</c:comp>".repeat(30));
        assert!(read(&deep).is_err());
    }
}
