//! What somebody looks for, in the clinic's words, and the questions to the index that it comes to: one for everybody,
//! and one more for each way in which the service is different with some.

use std::collections::BTreeMap;

use store::{Dimension, PrincipalId, PrincipalKind, ServiceId};

use super::ask::{Ask, Demand};
use super::catalogue::{Catalogue, Measure, Offering};
use super::dates::Rule;
use super::error::{Error, Result, invalid};
use super::free::TermKey;
use super::gather::ANY_MODE;
use super::interval::Busy;
use super::live::Index;
use super::services::{Need, NeedKind};
use super::visit::AppointmentId;
use super::wall::DAY;

/// Minutes of a visit that is of no service; and the grid of starts then.
const MINUTES: i64 = 24 * 60;
const STEP: i64 = 15;
/// Offers of one answer.
pub const OFFERS: usize = 200;

/// A search. What is empty or None leaves nothing out; of a list one must be right.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub service: Option<ServiceId>,
    /// Without a service, or for longer or shorter than it says.
    pub minutes: Option<i64>,
    pub step: Option<i64>,
    /// Codes of terms, or their ids.
    pub specialties: Vec<String>,
    pub departments: Vec<String>,
    pub languages: Vec<String>,
    pub locations: Vec<String>,
    pub modes: Vec<String>,
    pub room_type: Option<String>,
    pub practitioners: Vec<PrincipalId>,
    pub except: Vec<PrincipalId>,
    /// Starts in `from..until`, UTC seconds.
    pub from: Option<i64>,
    pub until: Option<i64>,
    /// Bit 0 is Monday.
    pub weekdays: u8,
    /// Seconds since midnight on the practitioner's wall clock.
    pub day: (i64, i64),
    /// RRULE of a series, all of whose dates must be free.
    pub rule: Option<String>,
    /// An appointment that is being moved: what it takes is free.
    pub ignore: Option<AppointmentId>,
    pub limit: usize,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted {
            service: None,
            minutes: None,
            step: None,
            specialties: Vec::new(),
            departments: Vec::new(),
            languages: Vec::new(),
            locations: Vec::new(),
            modes: Vec::new(),
            room_type: None,
            practitioners: Vec::new(),
            except: Vec::new(),
            from: None,
            until: None,
            weekdays: store::EVERY_DAY,
            day: (0, DAY),
            rule: None,
            ignore: None,
            limit: 20,
        }
    }
}

/// The service, as far as there is one, and how much time it takes where nothing is different.
pub(super) fn measured(
    catalogue: &Catalogue,
    service: Option<ServiceId>,
    minutes: Option<i64>,
) -> Result<(Option<&Offering>, Measure)> {
    let offering = service.map(|id| catalogue.service(id)).transpose()?;
    if minutes.is_some_and(|minutes| !(1..=MINUTES).contains(&minutes)) {
        return invalid("minutes", "from 1 minute to one day");
    }
    let measure = match (offering, minutes) {
        (None, None) => return invalid("service", "name a service, or how many minutes it takes"),
        (None, Some(minutes)) => Measure::plain(minutes * 60),
        (Some(offering), None) => offering.measure(),
        (Some(offering), Some(minutes)) => Measure { length: minutes * 60, ..offering.measure() },
    };
    Ok((offering, measure))
}

impl Wanted {
    /// The questions, each with its own measure. `turn` decides between equals.
    pub(super) fn asks<'a>(
        &self,
        index: &Index,
        online: bool,
        ignore: &[(PrincipalId, Busy)],
        dates: Option<super::ask::Dates<'a>>,
    ) -> Result<Vec<Ask<'a>>> {
        let catalogue = &*index.catalogue;
        let (offering, measure) = measured(catalogue, self.service, self.minutes)?;
        let fields = offering.map(|offering| &offering.fields);
        let step = self.step.or(fields.map(|fields| fields.step)).unwrap_or(STEP);
        if !(1..=MINUTES).contains(&step) {
            return invalid("step", "from 1 minute to one day");
        }
        let base = Ask {
            kind: PrincipalKind::Individual,
            who: self.practitioners.clone(),
            except: self.except.clone(),
            traits: vec![
                keys(catalogue, Dimension::Specialty, "specialty", &self.specialties)?,
                keys(catalogue, Dimension::Department, "department", &self.departments)?,
                keys(catalogue, Dimension::Language, "language", &self.languages)?,
            ],
            places: keys(catalogue, Dimension::Location, "location", &self.locations)?,
            modes: modes(catalogue, offering, &self.modes)?,
            needs: needs(catalogue, offering, self.room_type.as_deref())?,
            want: measure.want(),
            step: step * 60,
            shift: 0,
            from: self.from.unwrap_or(i64::MIN),
            until: self.until.unwrap_or(i64::MAX),
            notice: fields.map_or(0, |fields| fields.notice * 60),
            horizon: fields.map_or(i64::MAX, |fields| fields.horizon_days * DAY),
            weekdays: self.weekdays,
            day: self.day,
            dates,
            ignore: ignore.to_vec(),
            service: fields.map_or(0, |fields| index.numbers.get(&fields.code).copied().unwrap_or(0)),
            day_limit: measure.day_limit,
            week_limit: measure.week_limit,
            online,
            // Another one is first after every change, and nobody else while nothing changes.
            turn: index.seen.unsigned_abs(),
            limit: self.limit,
        };
        Ok(self.with_differences(base, offering))
    }

    /// Whoever does it differently is asked apart.
    fn with_differences<'a>(&self, base: Ask<'a>, offering: Option<&Offering>) -> Vec<Ask<'a>> {
        let mut groups: BTreeMap<Option<Measure>, Vec<PrincipalId>> = BTreeMap::new();
        for one in offering.into_iter().flat_map(|offering| &offering.different) {
            let asked = self.practitioners.is_empty() || self.practitioners.contains(&one.resource);
            if !asked || self.except.contains(&one.resource) {
                continue;
            }
            let measure = offering.and_then(|offering| offering.measured(one)).map(|measure| Measure {
                length: self.minutes.map_or(measure.length, |minutes| minutes * 60),
                ..measure
            });
            groups.entry(measure).or_default().push(one.resource);
        }
        let apart = groups.values().flatten().copied();
        let mut asks =
            vec![Ask { except: base.except.iter().copied().chain(apart).collect(), ..base.clone() }];
        asks.extend(groups.into_iter().filter_map(|(measure, who)| {
            let measure = measure?;
            let (day_limit, week_limit) = (measure.day_limit, measure.week_limit);
            Some(Ask { who, want: measure.want(), day_limit, week_limit, ..base.clone() })
        }));
        asks
    }

    /// The rule of the series that is looked for.
    pub(super) fn series(&self) -> Result<Option<Rule>> {
        self.rule.as_deref().map(Rule::read).transpose()
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.limit == 0 || self.limit > OFFERS {
            return invalid("limit", "from 1 to 200");
        }
        if self.from.zip(self.until).is_some_and(|(from, until)| from >= until) {
            return invalid("to", "it lies after `from`");
        }
        if self.weekdays == 0 || self.weekdays > store::EVERY_DAY {
            return invalid("weekdays", "name one weekday at least");
        }
        Ok(())
    }
}

/// Terms as the index has them; an unknown one is a mistake of whoever asks.
fn keys(catalogue: &Catalogue, of: Dimension, field: &'static str, words: &[String]) -> Result<Vec<TermKey>> {
    let key = |word: &String| {
        let found = catalogue.term(of, word).map(|id| TermKey(id.0));
        found.ok_or(Error::Invalid { field, why: "there is no such term" })
    };
    words.iter().map(key).collect()
}

/// The modes that will do: those of the service, as far as they are asked for. A word of the service that is no term is
/// nobody's in particular: it leaves nothing out.
pub(super) fn modes(
    catalogue: &Catalogue,
    offering: Option<&Offering>,
    asked: &[String],
) -> Result<Vec<TermKey>> {
    let own = offering.map_or(&[][..], |offering| &offering.fields.modes);
    let term = |word: &String| catalogue.term(Dimension::Mode, word).map(|id| TermKey(id.0));
    if asked.iter().any(|word| !own.contains(word) && term(word).is_none()) {
        return invalid("mode", "there is no such term");
    }
    let is_known = |key: &TermKey| own.iter().filter_map(term).any(|own| own == *key);
    let wanted: Vec<&String> = match asked {
        [] => own.iter().collect(),
        _ => {
            let fits = |word: &&String| {
                own.is_empty() || own.contains(word) || term(word).as_ref().is_some_and(is_known)
            };
            asked.iter().filter(fits).collect()
        }
    };
    if wanted.is_empty() && !asked.is_empty() {
        return invalid("mode", "the service is not offered in this way");
    }
    let keys: Option<Vec<TermKey>> = wanted.into_iter().map(term).collect();
    let mut keys = keys.unwrap_or_default();
    if !keys.is_empty() {
        keys.push(ANY_MODE);
    }
    Ok(keys)
}

/// What else must be free; a room type that is asked for is one of the room that is needed anyway.
pub(super) fn needs(
    catalogue: &Catalogue,
    offering: Option<&Offering>,
    room_type: Option<&str>,
) -> Result<Vec<Demand>> {
    /// Of a term that is none: nobody has it.
    const NONE: TermKey = TermKey(-1);
    let mut demands: Vec<Demand> = Vec::new();
    for Need { kind, term, count } in offering.into_iter().flat_map(|offering| &offering.fields.needs) {
        let key = |code: &String| catalogue.any_term(code).map_or(NONE, |id| TermKey(id.0));
        demands.push(Demand {
            kind: match kind {
                NeedKind::Practitioner => PrincipalKind::Individual,
                NeedKind::Room => PrincipalKind::Room,
                NeedKind::Equipment => PrincipalKind::Resource,
            },
            traits: term.iter().map(key).collect(),
            count: usize::from(*count),
        });
    }
    let Some(room_type) = room_type else { return Ok(demands) };
    let found = catalogue.term(Dimension::RoomType, room_type).map(|id| TermKey(id.0));
    let key = found.ok_or(Error::Invalid { field: "room_type", why: "there is no such term" })?;
    match demands.iter_mut().find(|demand| demand.kind == PrincipalKind::Room) {
        Some(room) if !room.traits.contains(&key) => room.traits.push(key),
        Some(_) => {}
        None => demands.push(Demand { kind: PrincipalKind::Room, traits: vec![key], count: 1 }),
    }
    Ok(demands)
}
