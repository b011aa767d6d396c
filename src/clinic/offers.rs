//! Free starts, as they are told: found in the index, each with a token by which it can be booked; and what is offered
//! instead of a time that is not free.

use ical::Zone;
use store::{ClinicId, PrincipalId, ServiceId, Source, TermId};

use super::Clinic;
use super::access::{self, Subject, Verb};
use super::ask::Offer;
use super::dates::Rule;
use super::error::{Error, Result, invalid};
use super::free::TermKey;
use super::gather::ANY_MODE;
use super::interval::Busy;
use super::link;
use super::live::Index;
use super::plan::VISITS;
use super::reserve::Side;
use super::token::{PURPOSE, Slot};
use super::visit::AppointmentId;
use super::wanted::{Wanted, measured};
use super::wish::Wish;
use crate::accounts::{Caller, Role, Stamp};

/// Seconds for which a slot can be booked by its token.
pub const AGE: i64 = 2 * 3600;
/// Offered instead, and how long before the time that was wanted.
const INSTEAD: usize = 5;
const BEFORE: i64 = 4 * 3600;

/// A start that is free.
#[derive(Clone, Debug)]
pub struct Offered {
    pub start: i64,
    pub end: i64,
    /// The practitioner's wall clock.
    pub zone: Zone,
    pub practitioner: PrincipalId,
    /// Rooms and equipment, in the order of the service's needs.
    pub with: Vec<PrincipalId>,
    /// The first room of them.
    pub room: Option<PrincipalId>,
    pub service: Option<ServiceId>,
    pub location: Option<TermId>,
    /// The code of the mode.
    pub mode: Option<String>,
    /// By which just this can be booked.
    pub token: String,
}

/// Patients and bots, and whoever has no part in the clinic's work, are offered what is open to them.
pub(super) fn is_outside(who: &Caller) -> bool {
    matches!(who.role(), None | Some(Role::Patient | Role::Bot))
}

impl Clinic {
    /// The first free starts, earliest first.
    pub async fn offers(&self, who: &Caller, wanted: &Wanted) -> Result<Vec<Offered>> {
        access::need(who, Subject::Slots, Verb::Read, None)?;
        wanted.check()?;
        let ignore = match &wanted.ignore {
            Some(id) => self.time_of(who, id).await?,
            None => Vec::new(),
        };
        self.found(Side::of(who), wanted, ignore).await
    }

    /// The search itself, whoever may.
    pub(super) async fn found(
        &self,
        Side { clinic, outside, .. }: Side,
        wanted: &Wanted,
        ignore: Vec<(PrincipalId, Busy)>,
    ) -> Result<Vec<Offered>> {
        let (stamp, wanted) = (self.stamps().await?.0.clone(), wanted.clone());
        self.look(clinic, move |index, now| {
            let rule = wanted.series()?;
            let found = search(index, &wanted, outside, (&ignore, rule.as_ref()), now)?;
            Ok(found.into_iter().map(|offer| told(index, &wanted, offer, clinic, (now, &stamp))).collect())
        })
        .await?
    }

    /// What is offered instead of a time that is not free: the same visit around that time, and with others; at most
    /// five, those nearest to it.
    pub async fn alternatives(&self, who: &Caller, wish: &Wish) -> Vec<Offered> {
        let base = Wanted {
            service: wish.service,
            minutes: wish.minutes,
            locations: wish.location.iter().map(|id| id.to_string()).collect(),
            modes: wish.mode.iter().cloned().collect(),
            rule: wish.rule.clone(),
            ignore: wish.ignore.clone(),
            limit: INSTEAD,
            ..Wanted::default()
        };
        let own = Wanted {
            practitioners: vec![wish.practitioner],
            from: Some(wish.start - BEFORE),
            ..base.clone()
        };
        let other = Wanted { except: vec![wish.practitioner], from: Some(wish.start), ..base };
        let mut found = Vec::new();
        for wanted in [own, other] {
            // Nothing to offer is no reason to refuse otherwise.
            found.extend(self.offers(who, &wanted).await.unwrap_or_default());
        }
        found.sort_by_key(|one| ((one.start - wish.start).abs(), one.practitioner));
        found.truncate(INSTEAD);
        found
    }

    /// What a token offered. Forged, and outdated: too old, or by rules that have changed.
    pub(super) async fn slot(&self, clinic: ClinicId, token: &str) -> Result<(Slot, bool)> {
        let (stamp, token) = (self.stamps().await?.0.clone(), token.to_owned());
        self.look(clinic, move |index, now| {
            let slot = Slot::open(&token, &stamp, clinic).ok_or(Error::SlotForged)?;
            let rules = rules(index, slot.service.map(ServiceId), slot.resources.first().copied());
            let is_fresh = slot.is_fresh(rules, (now, AGE));
            Ok((slot, is_fresh))
        })
        .await?
    }

    /// Those of slots, and of patients' links.
    pub(super) async fn stamps(&self) -> Result<&(Stamp, Stamp)> {
        if let Some(stamps) = self.stamps.get() {
            return Ok(stamps);
        }
        let secret = self.store().across().await?.installation_secret().await?;
        let stamps = || (Stamp::new(&secret, PURPOSE), Stamp::new(&secret, link::PURPOSE));
        Ok(self.stamps.get_or_init(stamps))
    }

    /// What an appointment takes, of everybody it stands on.
    pub(super) async fn time_of(&self, who: &Caller, id: &AppointmentId) -> Result<Vec<(PrincipalId, Busy)>> {
        self.permitted(who, id, Verb::Read).await?;
        self.time_on(who.clinic(), id).await
    }

    pub(super) async fn time_on(
        &self,
        clinic: ClinicId,
        id: &AppointmentId,
    ) -> Result<Vec<(PrincipalId, Busy)>> {
        let rows = self.store().read(clinic).await?.appointment(clinic, &id.uid).await?;
        let Some(whole) = rows.first() else { return Err(Error::NotFound("appointment")) };
        let all: Vec<_> = whole.resources.iter().copied().chain([whole.practitioner]).collect();
        let mut conn = self.store().read(clinic).await?;
        let calendars = conn.collections_called(clinic, VISITS, &all).await?;
        let ids: Vec<_> = calendars.iter().map(|row| row.id).collect();
        let mut sources = Vec::new();
        for calendar in ids {
            let names = conn.names_of_uids(clinic, calendar, std::slice::from_ref(&id.uid)).await?;
            sources.extend(names.into_iter().map(|(_, name)| Source::Object(calendar, name)));
        }
        let rows = conn.busy_from_any(clinic, &sources).await?;
        let own = rows.iter().filter(|row| id.occurrence.is_none_or(|at| row.span.occurrence == at));
        let seconds = |length: i64| u32::try_from(length).unwrap_or(0);
        Ok(own
            .map(|row| {
                let span = row.span;
                let (before, after) = (seconds(span.start - span.from), seconds(span.until - span.end));
                (row.resource, Busy { start: span.start, end: span.end, before, after, ..Busy::default() })
            })
            .collect())
    }
}

/// The offers of all questions that a search comes to, the first ones.
fn search(
    index: &Index,
    wanted: &Wanted,
    online: bool,
    (ignore, rule): (&[(PrincipalId, Busy)], Option<&Rule>),
    now: i64,
) -> Result<Vec<Offer>> {
    let of = |day| rule.map(|rule| rule.from(day)).unwrap_or_default();
    let dates: Option<super::ask::Dates<'_>> = rule.is_some().then_some(&of);
    let mut found = Vec::new();
    for ask in wanted.asks(index, online, ignore, dates)? {
        found.extend(index.free.search(&ask, now).map_err(|refusal| {
            tracing::debug!(%refusal, "a search was refused");
            Error::Invalid { field: "query", why: "something of it is out of range, or too much" }
        })?);
    }
    found.sort_by_key(|offer| offer.start);
    found.truncate(wanted.limit);
    Ok(found)
}

/// The version of the rules by which a visit is offered.
fn rules(index: &Index, service: Option<ServiceId>, with: Option<PrincipalId>) -> i64 {
    let offering = service.and_then(|id| index.catalogue.service(id).ok());
    offering.zip(with).map_or(0, |(offering, with)| offering.rules(with))
}

/// The mode of an offer by its code: that of the hours or the person, or what was asked for, or what the service is.
pub(super) fn mode(index: &Index, mode: Option<TermKey>, asked: &[String], own: &[String]) -> Option<String> {
    let known = mode.filter(|mode| *mode != ANY_MODE).and_then(|mode| index.catalogue.mode_code(mode));
    known.or(asked.first().or(own.first()).map(String::as_str)).map(str::to_owned)
}

fn told(
    index: &Index,
    wanted: &Wanted,
    offer: Offer,
    clinic: ClinicId,
    (now, stamp): (i64, &Stamp),
) -> Offered {
    let offering =
        measured(&index.catalogue, wanted.service, wanted.minutes).ok().and_then(|(offering, _)| offering);
    let own = offering.map_or(&[][..], |offering| &offering.fields.modes);
    let common: Vec<String> =
        wanted.modes.iter().filter(|mode| own.is_empty() || own.contains(mode)).cloned().collect();
    let mode = mode(index, offer.mode, &common, own);
    let key = mode.as_deref().and_then(|code| index.catalogue.term(store::Dimension::Mode, code));
    let slot = Slot {
        clinic,
        service: wanted.service.map(|id| id.0),
        resources: [offer.who].into_iter().chain(offer.with.iter().copied()).collect(),
        start: offer.start,
        length: offer.end - offer.start,
        mode: key.map(|id| TermKey(id.0)),
        place: offer.place,
        rules: rules(index, wanted.service, Some(offer.who)),
        issued: now,
    };
    let zone = index.free.resource(offer.who).map_or_else(Zone::utc, |who| who.zone.clone());
    Offered {
        start: offer.start,
        end: offer.end,
        zone,
        practitioner: offer.who,
        token: slot.token(stamp),
        room: offer.with.iter().copied().find(|id| is_room(index, *id)),
        with: offer.with,
        service: wanted.service,
        location: offer.place.map(|place| TermId(place.0)),
        mode,
    }
}

fn is_room(index: &Index, id: PrincipalId) -> bool {
    index.free.resource(id).is_some_and(|one| one.kind == store::PrincipalKind::Room)
}

impl Wish {
    /// What a slot offered.
    pub(super) fn of_slot(slot: &Slot, mode: Option<String>) -> Result<Wish> {
        let Some((practitioner, with)) = slot.resources.split_first() else {
            return invalid("token", "it names nobody");
        };
        Ok(Wish {
            service: slot.service.map(ServiceId),
            with: Some(with.to_vec()),
            minutes: Some(slot.length / 60),
            location: slot.place.map(|place| TermId(place.0)),
            mode,
            ..Wish::new(*practitioner, slot.start)
        })
    }
}
