//! From what somebody wants to have booked to a visit: whether it is offered at all, with which rooms, where and how. The
//! same index and the same measures as in a search, so that what is offered can be booked and what is not cannot.

use store::{PrincipalId, ServiceId, TermId};

use super::ask::{Ask, Demand};
use super::catalogue::{Measure, Offering};
use super::error::{Error, Result, Unfit, invalid};
use super::free::{About, Resource, TermKey};
use super::gather::ANY_MODE;
use super::interval::{Busy, Open, Site};
use super::live::Index;
use super::visit::{AppointmentId, LONGEST};
use super::wall::{DAY, weekday};
use super::wanted::{measured, needs};

/// The modes that every clinic has rules for, by their codes.
pub const IN_PERSON: &str = "in-person";
pub const VIDEO: &str = "video";

/// What somebody wants to have booked, or kept.
#[derive(Clone, Debug)]
pub struct Wish {
    pub service: Option<ServiceId>,
    pub practitioner: PrincipalId,
    /// Rooms and equipment; None: whatever the service needs and is free.
    pub with: Option<Vec<PrincipalId>>,
    /// UTC seconds.
    pub start: i64,
    /// Without a service, or when it takes longer or shorter than it says.
    pub minutes: Option<i64>,
    pub location: Option<TermId>,
    /// The code of a mode.
    pub mode: Option<String>,
    /// RRULE of a series.
    pub rule: Option<String>,
    pub patient: Option<store::PatientId>,
    /// In place of what the clinic's template says.
    pub title: Option<String>,
    /// Whatever else is to be kept of it: a JSON object.
    pub details: Option<String>,
    /// It awaits approval.
    pub is_pending: bool,
    /// What is being moved: its own time does not stand in the way.
    pub ignore: Option<AppointmentId>,
}

/// What a wish comes to.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    pub measure: Measure,
    pub with: Vec<PrincipalId>,
    pub zone: String,
    pub location: Option<TermId>,
    pub place: Option<String>,
    pub mode: Option<String>,
    /// Code and name of the service, and what it costs.
    pub service: Option<(String, String)>,
    pub fee: Option<(i64, String)>,
    /// The clinic's days and weeks around the start, for limits.
    pub day: (i64, i64),
    pub week: (i64, i64),
    /// It was looked at when the index had seen this change.
    pub seen: i64,
}

/// How strictly a wish is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strict {
    /// By the rules of patients and bots: whom they may book.
    pub outside: bool,
    /// Hours, notice and horizon count: not for whoever overbooks on purpose.
    pub rules: bool,
    /// The horizon counts too: not for the later dates of a series.
    pub ahead: bool,
}

impl Wish {
    /// A time with somebody, and nothing else said.
    pub fn new(practitioner: PrincipalId, start: i64) -> Wish {
        Wish {
            service: None,
            practitioner,
            with: None,
            start,
            minutes: None,
            location: None,
            mode: None,
            rule: None,
            patient: None,
            title: None,
            details: None,
            is_pending: false,
            ignore: None,
        }
    }

    /// The visit this comes to, or why it is not offered; `far` are the practitioner's hours at that time where the
    /// index may not reach.
    pub(super) fn lay(
        &self,
        index: &Index,
        strict: Strict,
        (ignore, far): (&[(PrincipalId, Busy)], &[Open]),
        now: i64,
    ) -> Result<Laid> {
        let catalogue = &*index.catalogue;
        let who = index.free.resource(self.practitioner).filter(|who| who.active);
        let who = who.filter(|who| who.online || !strict.outside).ok_or(Error::NotFound("practitioner"))?;
        let (offering, _) = measured(catalogue, self.service, self.minutes)?;
        let measure = self.measure(offering)?;
        let end = self.start + measure.length;
        if strict.rules {
            in_time(offering, self.start, strict.ahead, now)?;
        }
        let beyond = || far.iter().find(|open| open.from <= self.start && end <= open.until);
        let open = index.free.open_at(who.id, self.start, end).or_else(|| beyond().map(|open| open.site));
        if open.is_none() && strict.rules {
            return Err(Error::Unfit(Unfit::Closed));
        }
        let on = self.start + i64::from(who.zone.offset_at(self.start));
        let (site, day) = (open.unwrap_or_default(), on.div_euclid(DAY));
        let own = |about| tags(who, about, weekday(day));
        let mode = self.how(index, offering, site, &own(About::Mode), strict)?;
        let location = self.place(index, site, &own(About::Place), strict)?;
        let is_placeless = self.ignore.is_some() || !catalogue.has_locations();
        if location.is_none() && mode.as_deref() == Some(IN_PERSON) && strict.rules && !is_placeless {
            return Err(Error::Unfit(Unfit::NoLocation));
        }
        let with = match &self.with {
            Some(with) => known(index, with)?,
            None => self.rooms(index, offering, (measure, location), ignore, now)?,
        };
        let midnight = |day: i64| who.zone.to_instant(day * DAY);
        let monday = day - i64::from(weekday(day));
        let fee = offering.and_then(|offering| offering.fee_of(who.id).zip(offering.fields.currency.clone()));
        Ok(Laid {
            measure,
            with,
            zone: who.zone.name().to_owned(),
            place: location.and_then(|id| catalogue.told(id)).map(|told| told.2.to_owned()),
            location,
            mode,
            service: offering.map(|offering| (offering.fields.code.clone(), offering.fields.name.clone())),
            fee,
            day: (midnight(day), midnight(day + 1)),
            week: (midnight(monday), midnight(monday + 7)),
            seen: index.seen,
        })
    }

    fn measure(&self, offering: Option<&Offering>) -> Result<Measure> {
        let measure = match offering {
            Some(offering) => offering.measure_of(self.practitioner).ok_or(Error::Unfit(Unfit::NotDone))?,
            None => Measure::plain(0),
        };
        let length = self.minutes.map_or(measure.length, |minutes| minutes.saturating_mul(60));
        if !(1..=LONGEST).contains(&length) {
            return invalid("minutes", "from 1 minute to one day");
        }
        Ok(Measure { length, ..measure })
    }

    /// How it is held: as is asked, by the hours, by what the practitioner does, by what the service is.
    fn how(
        &self,
        index: &Index,
        offering: Option<&Offering>,
        site: Site,
        own: &[TermKey],
        strict: Strict,
    ) -> Result<Option<String>> {
        let modes = offering.map_or(&[][..], |offering| &offering.fields.modes);
        let fits_service = |mode: &str| modes.is_empty() || modes.iter().any(|one| one == mode);
        let key = |mode: &str| index.catalogue.term(store::Dimension::Mode, mode).map(|id| TermKey(id.0));
        let fits_person = |mode: &str| match (site.mode, key(mode)) {
            (_, None) => true,
            (Some(hours), Some(key)) => hours == key,
            (None, Some(key)) => own.is_empty() || own.contains(&ANY_MODE) || own.contains(&key),
        };
        if let Some(mode) = &self.mode {
            return match fits_service(mode) && fits_person(mode) || !strict.rules {
                true => Ok(Some(mode.clone())),
                false => Err(Error::Unfit(Unfit::Mode)),
            };
        }
        let by_hours = site.mode.and_then(|mode| index.catalogue.mode_code(mode));
        let found = match (by_hours, modes) {
            (Some(mode), _) if fits_service(mode) => Some(mode.to_owned()),
            (_, modes) => modes.iter().find(|mode| fits_person(mode)).cloned(),
        };
        match found {
            None if !modes.is_empty() && strict.rules => Err(Error::Unfit(Unfit::Mode)),
            found => Ok(found),
        }
    }

    /// Where it is held: as is asked, by the hours, or at the one place where the practitioner is that day.
    fn place(&self, index: &Index, site: Site, own: &[TermKey], strict: Strict) -> Result<Option<TermId>> {
        let Some(asked) = self.location else {
            let only = (own.len() == 1).then(|| own.first().copied()).flatten();
            return Ok(site.place.or(only).map(|place| TermId(place.0)));
        };
        if index.catalogue.told(asked).is_none_or(|told| told.0 != store::Dimension::Location) {
            return invalid("location", "there is no such location");
        }
        let key = TermKey(asked.0);
        let fits = match site.place {
            Some(place) => place == key,
            None => own.is_empty() || own.contains(&key),
        };
        match fits || !strict.rules {
            true => Ok(Some(asked)),
            false => Err(Error::Unfit(Unfit::Place)),
        }
    }

    /// Rooms and equipment that are free, or, where there are none, those that will be named as what is taken.
    fn rooms(
        &self,
        index: &Index,
        offering: Option<&Offering>,
        (measure, location): (Measure, Option<TermId>),
        ignore: &[(PrincipalId, Busy)],
        now: i64,
    ) -> Result<Vec<PrincipalId>> {
        let needs = needs(&index.catalogue, offering, None)?;
        if needs.is_empty() {
            return Ok(Vec::new());
        }
        let ask = Ask {
            who: vec![self.practitioner],
            needs: needs.clone(),
            places: location.iter().map(|id| TermKey(id.0)).collect(),
            want: measure.want(),
            step: 1,
            from: self.start,
            until: self.start + 1,
            ignore: ignore.to_vec(),
            limit: 1,
            ..Ask::default()
        };
        let found = index.free.search(&ask, now.min(self.start)).unwrap_or_default();
        match found.into_iter().next() {
            Some(offer) => Ok(offer.with),
            None => some(index, self.practitioner, &needs),
        }
    }
}

/// The first that could serve each need, free or not.
fn some(index: &Index, but: PrincipalId, needs: &[Demand]) -> Result<Vec<PrincipalId>> {
    let mut chosen: Vec<PrincipalId> = Vec::new();
    for need in needs {
        let all = index.free.having(need.kind, &need.traits);
        let left = all.into_iter().filter(|id| *id != but && !chosen.contains(id));
        let more: Vec<_> = left.take(need.count).collect();
        if more.len() < need.count {
            return Err(Error::Unfit(Unfit::NoRoom));
        }
        chosen.extend(more);
    }
    Ok(chosen)
}

/// What was named to be booked as well; nobody takes a practitioner along by the back door.
fn known(index: &Index, with: &[PrincipalId]) -> Result<Vec<PrincipalId>> {
    for id in with {
        let found = index.free.resource(*id).filter(|one| one.active);
        found.ok_or(Error::NotFound("resource"))?;
    }
    Ok(with.to_vec())
}

fn tags(who: &Resource, about: About, weekday: u32) -> Vec<TermKey> {
    let on = who.tags.iter().filter(|tag| tag.dimension == about && tag.weekdays >> weekday & 1 == 1);
    on.map(|tag| tag.term).collect()
}

/// Not too soon, and not too far ahead.
fn in_time(offering: Option<&Offering>, start: i64, ahead: bool, now: i64) -> Result<()> {
    let (notice, horizon) = offering
        .map_or((0, i64::MAX), |offering| (offering.fields.notice * 60, offering.fields.horizon_days * DAY));
    match start {
        _ if start < now.saturating_add(notice) => Err(Error::Unfit(Unfit::TooSoon)),
        _ if ahead && start >= now.saturating_add(horizon) => Err(Error::Unfit(Unfit::TooFar)),
        _ => Ok(()),
    }
}
