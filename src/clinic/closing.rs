//! Closed time as an object: leave, a block, an exception, a holiday. A VEVENT in a calendar where everything blocks,
//! so that it is seen on a phone; what kind it is stands in `X-KALENDS-BLOCK`, whose leave in `X-KALENDS-LEAVE`.

use bytes::Bytes;
use ical::{Budget, Civil, Component, Draft, Kind, Object, Property, When, Window, Zone};
use store::{BusyKind, ClinicId, Mark, PrincipalId, RequestId, Role, Source};

use super::access::{self, Subject, Verb};
use super::directory::line;
use super::error::{Error, Result, invalid};
use super::ledger::{self, Change, Place};
use super::outside::{self, Affected};
use super::wall::DAY;
use super::{By, Clinic, plan, text};
use crate::calendar::{Error as CalendarError, Work};

const BLOCK: &str = "X-KALENDS-BLOCK";
const LEAVE: &str = "X-KALENDS-LEAVE";
/// What is given back when a calendar program drops it.
pub(super) const KEPT: [&str; 2] = [BLOCK, LEAVE];
/// The longest closed time: two years.
const LONGEST: i64 = 2 * 366 * DAY;
/// Characters of a title, bytes of a rule.
const TITLE: usize = 200;
const RULE: usize = 500;
/// Why an interval is marked that closes a time in which visits stand.
const OVER: &str = "closed over what was booked";

/// What closes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Not available, for whatever reason; whatever was made on a phone.
    Exception,
    Emergency,
    /// By those who run the clinic: nobody else takes it away.
    Forced,
    /// Of a room or a device.
    Maintenance,
    Leave,
    Holiday,
}

impl BlockKind {
    pub const ALL: [BlockKind; 6] = [
        BlockKind::Exception,
        BlockKind::Emergency,
        BlockKind::Forced,
        BlockKind::Maintenance,
        BlockKind::Leave,
        BlockKind::Holiday,
    ];

    /// As it stands in texts and in the API.
    pub fn text(self) -> &'static str {
        match self {
            BlockKind::Exception => "exception",
            BlockKind::Emergency => "emergency",
            BlockKind::Forced => "forced",
            BlockKind::Maintenance => "maintenance",
            BlockKind::Leave => "leave",
            BlockKind::Holiday => "holiday",
        }
    }

    /// By its text.
    pub fn named(text: &str) -> Option<BlockKind> {
        BlockKind::ALL.into_iter().find(|kind| kind.text().eq_ignore_ascii_case(text.trim()))
    }

    /// What a calendar shows of it when nobody says otherwise.
    fn title(self) -> &'static str {
        match self {
            BlockKind::Exception | BlockKind::Emergency => "Not available",
            BlockKind::Forced => "Blocked",
            BlockKind::Maintenance => "Maintenance",
            BlockKind::Leave => "Leave",
            BlockKind::Holiday => "Holiday",
        }
    }
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// The first and the last whole day, as days since 1970, on the clock of the calendar.
    Days(i64, i64),
    /// Seconds UTC.
    Time(i64, i64),
}

/// A closed time to be written.
#[derive(Clone, Debug)]
pub struct Closing {
    pub kind: BlockKind,
    pub stretch: Stretch,
    pub title: Option<String>,
    /// RRULE without its name.
    pub rule: Option<String>,
    pub leave: Option<RequestId>,
}

impl Closing {
    pub(super) fn check(&self) -> Result<()> {
        let (length, field) = match self.stretch {
            Stretch::Days(first, last) => ((last - first + 1).saturating_mul(DAY), "last"),
            Stretch::Time(start, end) => (end.saturating_sub(start), "end"),
        };
        if length <= 0 || length > LONGEST {
            return invalid(field, "after the beginning, and at most two years later");
        }
        if let Some(title) = &self.title {
            line("title", title, TITLE)?;
        }
        if self.rule.as_ref().is_some_and(|rule| rule.len() > RULE || rule.chars().any(char::is_control)) {
            return invalid("rule", "an RRULE on one line");
        }
        Ok(())
    }

    /// DTSTART and DTEND, on the clock of the zone: a series keeps its hour.
    fn ends(&self, zone: &Zone) -> [Property; 2] {
        let when = |instant: i64| match zone.is_utc() {
            true => When::Utc(instant),
            false => When::Zoned(zone.to_civil(instant), zone.clone()),
        };
        let (start, end) = match self.stretch {
            Stretch::Days(first, last) => (When::Date(first * DAY), When::Date((last + 1) * DAY)),
            Stretch::Time(start, end) => (when(start), when(end)),
        };
        [start.property("DTSTART"), end.property("DTEND")]
    }

    fn title(&self) -> String {
        self.title.as_deref().map_or(self.kind.title(), str::trim).to_owned()
    }

    /// A new object.
    pub(super) fn text(&self, uid: &str, zone: &Zone, stamp: i64) -> Bytes {
        let mut draft = Draft::new(Kind::Event, uid, &When::Utc(stamp).print());
        let span = match self.stretch {
            Stretch::Days(first, last) => {
                for (name, day) in [("DTSTART", first), ("DTEND", last + 1)] {
                    draft.add_with(name, ("VALUE", "DATE"), &Civil::from_seconds(day * DAY).basic_date());
                }
                None
            }
            Stretch::Time(start, end) => {
                for (name, instant) in [("DTSTART", start), ("DTEND", end)] {
                    match zone.is_utc() {
                        true => draft.add(name, &When::Utc(instant).print()),
                        false => {
                            let civil = Civil::from_seconds(zone.to_civil(instant)).basic();
                            draft.add_with(name, ("TZID", zone.name()), &civil)
                        }
                    };
                }
                Window::new(start, end)
            }
        };
        if let Some(rule) = &self.rule {
            draft.add("RRULE", rule);
        }
        draft.add("SUMMARY", &self.title()).add("TRANSP", "OPAQUE").add(BLOCK, self.kind.text());
        if let Some(leave) = self.leave {
            draft.add(LEAVE, &leave.to_string());
        }
        let zones: Vec<String> = span.and_then(|span| ical::vtimezone(zone, span)).into_iter().collect();
        ical::compose(&zones, &[draft]).into()
    }

    /// The same in an object that is there: what else somebody wrote into it stays.
    pub(super) fn over(&self, old: &[u8], zone: &Zone, stamp: i64) -> Result<Bytes> {
        let mut tree = text::tree(old)?;
        tree.retain_components(|part| part.get("RECURRENCE-ID").is_none());
        let broken = Error::Invalid { field: "block", why: "its object has no component of its own" };
        let own = tree.components_mut().find(|part| part.name() == "VEVENT").ok_or(broken)?;
        self.ends(zone).into_iter().for_each(|line| own.set(line));
        for name in ["DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "STATUS"] {
            own.remove(name);
        }
        if let Some(rule) = &self.rule {
            own.push(Property::new("RRULE", &[], rule));
        }
        if self.title.is_some() {
            own.set(Property::new_text("SUMMARY", &self.title()));
        }
        own.set(Property::new(BLOCK, &[], self.kind.text()));
        text::touch(own, stamp);
        ical::with_zones(&mut tree, Window { from: stamp - 366 * DAY, until: Window::END });
        Ok(tree.print().into())
    }
}

/// What kind of closed time an object is.
pub(super) fn kind(tree: &Component) -> BlockKind {
    let said = tree.parts().find_map(|part| BlockKind::named(part.get(BLOCK)?.value()));
    said.unwrap_or(BlockKind::Exception)
}

/// Whose leave it is.
pub(super) fn leave(tree: &Component) -> Option<RequestId> {
    tree.parts().find_map(|part| part.get(LEAVE)?.value().trim().parse().ok().map(RequestId))
}

/// Whether somebody may take away what those who run the clinic have closed.
pub(super) fn governs(role: Option<Role>) -> bool {
    role.is_some_and(|role| access::rule(role, Subject::Blocks, Verb::Govern) == access::Rule::Allowed)
}

/// The text as the write would read it.
pub(super) fn read(text: &[u8]) -> Result<Object> {
    ical::check(text, &ical::Limits::default()).map_err(|refusal| {
        tracing::debug!(%refusal, "a closed time was refused");
        Error::Invalid { field: "rule", why: "it cannot be understood" }
    })
}

/// Writes closed time: its object, and the intervals it takes; those that lie over visits are marked. `created` is when
/// the object that it replaces was made.
pub(super) async fn close(
    work: &mut Work<'_>,
    by: By,
    (resource, name): (PrincipalId, &str),
    text: Bytes,
    created: Option<i64>,
) -> Result<()> {
    let calendar = calendar(work, resource).await?;
    let object = work.read(&text)?;
    let occurrences = plan::expanded(&object, &calendar.zone, work.tx().now()).await?;
    let wanted = plan::spans(&object, &occurrences, BusyKind::Block, (0, 0))?;
    let source = Source::Object(calendar.id, name.to_owned());
    let place = Place { resource, old: created.map(|_| source.clone()), new: Some(source) };
    settle(work, by, place, wanted).await?;
    work.put(calendar.id, name, text, created).await?;
    Ok(())
}

/// Takes it away; false when there is none.
pub(super) async fn reopen(
    work: &mut Work<'_>,
    by: By,
    (resource, name): (PrincipalId, &str),
) -> Result<bool> {
    let calendar = calendar(work, resource).await?;
    let old = Some(Source::Object(calendar.id, name.to_owned()));
    settle(work, by, Place { resource, old, new: None }, Vec::new()).await?;
    Ok(work.remove(calendar.id, name).await?)
}

async fn settle(work: &mut Work<'_>, by: By, place: Place, wanted: Vec<store::Span>) -> Result<()> {
    let change = Change {
        places: vec![place],
        wanted,
        kind: BusyKind::Block,
        counts: None,
        used: None,
        is_strong: true,
    };
    let weighed = ledger::weigh(work, &change).await?;
    let mark = Mark { by: by.who, door: by.door, why: OVER.into() };
    Ok(ledger::settle(work, &weighed, Some(&mark)).await?)
}

/// The calendar of a resource in which everything blocks.
pub(super) async fn calendar(work: &mut Work<'_>, resource: PrincipalId) -> Result<plan::Kept> {
    let all = plan::bookable(work, resource).await?;
    all.into_iter().find(|one| one.kind == BusyKind::Block).ok_or(Error::NotFound("resource"))
}

impl Clinic {
    /// What a closed time would leave inside it, from now on: of one resource, or (None) of everybody, each once.
    pub(super) async fn left_by_closing(
        &self,
        clinic: ClinicId,
        of: Option<PrincipalId>,
        (text, zone): (&Bytes, &Zone),
    ) -> Result<Affected> {
        let object = read(text)?;
        let (zone, window) = (zone.clone(), outside::ahead(self.store().clock().now()));
        let found = plan::compute(move || {
            object.digest.occurrences(window, &zone, &mut Budget::steps(Budget::REQUEST))
        });
        let found = found.await?.map_err(CalendarError::from)?;
        let closed = found.iter().map(|one| (one.start.max(window.from), one.end));
        let closed: Vec<_> = closed.filter(|(from, until)| from < until).collect();
        let moment = self.store().moment().await?;
        let mut conn = self.store().read(clinic).await?;
        match of {
            Some(of) => {
                let all = outside::standing(&mut conn, clinic, (&[of], window, moment)).await?;
                Ok(outside::inside(&all, &closed))
            }
            None => outside::inside_all(&mut conn, clinic, &closed).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(stretch: Stretch) -> Closing {
        let rule = Some("FREQ=WEEKLY".to_owned());
        Closing { kind: BlockKind::Maintenance, stretch, title: None, rule, leave: None }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let (start, end) = (1_774_764_000, 1_774_771_200);
        for stretch in [Stretch::Days(20_000, 20_001), Stretch::Time(start, end)] {
            let object = read(&closing(stretch).text("u", &zone, 0)).unwrap();
            assert_eq!((kind(&object.tree), leave(&object.tree)), (BlockKind::Maintenance, None));
            let window = Window { from: 0, until: 1_774_771_200 + DAY };
            let found = object.digest.occurrences(window, &zone, &mut Budget::steps(9_999)).unwrap();
            let first = (found[0].start, found[0].end);
            match stretch {
                Stretch::Days(..) => assert_eq!(first, (20_000 * DAY - 7200, 20_002 * DAY - 7200)),
                Stretch::Time(..) => assert_eq!(first, (start, end)),
            }
        }
    }

    #[test]
    fn another_time_keeps_what_else_was_written() {
        let old = closing(Stretch::Days(20_000, 20_000)).text("u", &Zone::utc(), 0);
        let old = String::from_utf8(old.to_vec()).unwrap().replace("SUMMARY:", "COLOR:red\r\nSUMMARY:");
        let new = Closing { rule: None, ..closing(Stretch::Time(3600, 7200)) };
        let new = new.over(old.as_bytes(), &Zone::utc(), 9).unwrap();
        let text = String::from_utf8(new.to_vec()).unwrap();
        assert!(text.contains("COLOR:red") && text.contains("DTSTART:19700101T010000Z"), "{text}");
        assert!(!text.contains("RRULE") && text.contains("SEQUENCE:1"), "{text}");
    }

    #[test]
    fn a_stretch_has_a_length_and_an_end() {
        for bad in
            [Stretch::Days(5, 4), Stretch::Days(0, 733), Stretch::Time(5, 5), Stretch::Time(0, i64::MAX)]
        {
            assert!(closing(bad).check().is_err(), "{bad:?}");
        }
        assert!(closing(Stretch::Days(5, 5)).check().is_ok());
    }
}
