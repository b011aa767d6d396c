//! What a clinic offers, in memory: its services with what is different with whom, the words things are asked for by,
//! and what the clinic decided. Read as a whole whenever one of them changes: there are few.

use std::collections::HashMap;

use store::{ClinicId, Dimension, PrincipalId, ServiceId, ServiceOverride, Store, TermId};

use super::error::{Error, Result};
use super::free::{About, TermKey};
use super::interval::Want;
use super::services::ServiceFields;
use super::settings::Settings;
use super::wall::DAY;

/// Rows read at a time, and at most: a clinic has hundreds of terms and services, not more.
const PAGE: u32 = 1_000;
const PAGES: usize = 100;

/// The catalogue of one clinic.
#[derive(Default)]
pub(super) struct Catalogue {
    services: HashMap<ServiceId, Offering>,
    codes: HashMap<(Dimension, String), TermId>,
    terms: HashMap<TermId, (Dimension, String, String)>,
    pub settings: Settings,
}

/// A service.
pub(super) struct Offering {
    pub fields: ServiceFields,
    seq: i64,
    /// With whom something is different.
    pub different: Vec<ServiceOverride>,
}

/// How much of somebody's time a service takes; lengths are seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Measure {
    pub length: i64,
    pub before: i64,
    pub after: i64,
    /// 0: no limit.
    pub day_limit: u32,
    pub week_limit: u32,
}

impl Measure {
    /// So much time and nothing around it.
    pub fn plain(length: i64) -> Measure {
        Measure { length, before: 0, after: 0, day_limit: 0, week_limit: 0 }
    }

    pub fn want(self) -> Want {
        Want { length: self.length, before: self.before, after: self.after, seats: 1 }
    }
}

impl Offering {
    /// As the service says where nothing is different.
    pub fn measure(&self) -> Measure {
        let limit = |limit: Option<i64>| limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(0);
        Measure {
            length: self.fields.minutes * 60,
            before: self.fields.pad_before * 60,
            after: self.fields.pad_after * 60,
            day_limit: limit(self.fields.day_limit),
            week_limit: limit(self.fields.week_limit),
        }
    }

    /// With somebody whose terms are these; None: they do not do it.
    pub fn measured(&self, other: &ServiceOverride) -> Option<Measure> {
        let own = self.measure();
        let seconds = |minutes: Option<i64>, own: i64| minutes.map_or(own, |minutes| minutes * 60);
        let limit =
            |limit: Option<i64>, own: u32| limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(own);
        other.offered.then(|| Measure {
            length: seconds(other.minutes, own.length),
            before: seconds(other.pad_before, own.before),
            after: seconds(other.pad_after, own.after),
            day_limit: limit(other.day_limit, own.day_limit),
            week_limit: limit(other.week_limit, own.week_limit),
        })
    }

    fn with(&self, who: PrincipalId) -> Option<&ServiceOverride> {
        self.different.iter().find(|one| one.resource == who)
    }

    /// With somebody; None: they do not do it.
    pub fn measure_of(&self, who: PrincipalId) -> Option<Measure> {
        self.with(who).map_or_else(|| Some(self.measure()), |other| self.measured(other))
    }

    /// What it costs with somebody.
    pub fn fee_of(&self, who: PrincipalId) -> Option<i64> {
        self.with(who).and_then(|other| other.fee).or(self.fields.fee)
    }

    /// A number that moves whenever what is offered with somebody is ruled otherwise, the same on every node.
    pub fn rules(&self, who: PrincipalId) -> i64 {
        let of = self.measure_of(who).unwrap_or(Measure::plain(0));
        let numbers = [of.length, of.before, of.after, of.day_limit.into(), of.week_limit.into()];
        numbers.into_iter().fold(self.seq, |sum, one| sum.wrapping_mul(31).wrapping_add(one))
    }
}

impl Catalogue {
    pub async fn read(store: &Store, clinic: ClinicId) -> Result<Catalogue> {
        let mut conn = store.read(clinic).await?;
        let mut catalogue =
            Catalogue { settings: Settings::read(&mut conn, clinic).await?.0, ..Catalogue::default() };
        let mut after = TermId(0);
        for _ in 0..PAGES {
            let page = conn.terms(clinic, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for term in page {
                let body = term.body;
                catalogue.codes.insert((body.dimension, body.code.clone()), term.id);
                catalogue.terms.insert(term.id, (body.dimension, body.code, body.name));
            }
        }
        let mut after = ServiceId(0);
        for _ in 0..PAGES {
            let page = conn.services(clinic, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for service in page {
                let fields = ServiceFields::of(&service)?;
                catalogue
                    .services
                    .insert(service.id, Offering { fields, seq: service.seq, different: Vec::new() });
            }
        }
        let mut after = (ServiceId(0), PrincipalId(0));
        for _ in 0..PAGES {
            let page = conn.service_overrides(clinic, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.service, last.resource);
            for one in page {
                catalogue.services.entry(one.service).and_modify(|offering| offering.different.push(one));
            }
        }
        Ok(catalogue)
    }

    /// A service that is booked.
    pub fn service(&self, id: ServiceId) -> Result<&Offering> {
        self.services.get(&id).filter(|offering| offering.fields.active).ok_or(Error::NotFound("service"))
    }

    pub fn service_named(&self, code: &str) -> Option<&Offering> {
        self.services.values().find(|offering| offering.fields.code == code)
    }

    pub fn services(&self) -> impl Iterator<Item = (ServiceId, &Offering)> {
        self.services.iter().map(|(id, offering)| (*id, offering))
    }

    /// A term by its code, or by its id in digits.
    pub fn term(&self, dimension: Dimension, text: &str) -> Option<TermId> {
        let by_code = self.codes.get(&(dimension, text.to_owned())).copied();
        let by_id = || text.parse().ok().map(TermId);
        by_code.or_else(by_id).filter(|id| self.terms.get(id).is_some_and(|term| term.0 == dimension))
    }

    /// A term of whatever dimension, as needs name it: a room type where there is one of this code.
    pub fn any_term(&self, code: &str) -> Option<TermId> {
        let ranked = [Dimension::RoomType].into_iter().chain(Dimension::ALL);
        ranked.into_iter().find_map(|dimension| self.term(dimension, code))
    }

    /// Dimension, code and name of a term.
    pub fn told(&self, id: TermId) -> Option<(Dimension, &str, &str)> {
        self.terms.get(&id).map(|(dimension, code, name)| (*dimension, code.as_str(), name.as_str()))
    }

    /// A clinic that names no location has one, and need not say so.
    pub fn has_locations(&self) -> bool {
        self.terms.values().any(|term| term.0 == Dimension::Location)
    }

    /// What a term is about in the index.
    pub fn about(&self, id: TermId) -> About {
        match self.told(id).map(|told| told.0) {
            Some(Dimension::Location) => About::Place,
            Some(Dimension::Mode) => About::Mode,
            _ => About::Trait,
        }
    }

    pub fn mode_code(&self, key: TermKey) -> Option<&str> {
        self.told(TermId(key.0)).filter(|told| told.0 == Dimension::Mode).map(|told| told.1)
    }

    /// Days ahead for which starts are to be known: what the farthest service is offered for, and at least half a year.
    pub fn days(&self) -> usize {
        let farthest = self.services.values().map(|offering| offering.fields.horizon_days).max().unwrap_or(0);
        usize::try_from(farthest + 1).unwrap_or(0).clamp(LEAST, MOST)
    }
}

/// Half a year and some; and what stands in `busy`, without the days at its end that a start may reach into.
pub(super) const LEAST: usize = 200;
const MOST: usize = (super::plan::HORIZON / DAY) as usize - 10;
