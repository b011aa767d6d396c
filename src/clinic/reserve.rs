//! Booking for those who ask by the clinic's words: a slot, a hold or a bare time becomes a visit by the same rules as
//! search, and is booked or kept in one transaction that looks again at what may have changed meanwhile.

use std::iter;

use ical::Zone;
use serde_json::{Map, Value};
use store::{AppointmentRow, ClinicId, Instant, PrincipalId};

use super::access::{self, Reach, Subject, Verb};
use super::alter::{Alter, Scope};
use super::appointments::{Ready, unguessable};
use super::catalogue::LEAST;
use super::check::Check;
use super::error::{Error, Result, Unfit, invalid};
use super::holds::{Held, Keep};
use super::interval::Open;
use super::live::{Index, Known};
use super::offers::is_outside;
use super::patients::{email_key, phone_key};
use super::settings::Settings;
use super::visit::{AppointmentId, Booked, Ground, Version, Visit};
use super::wall::DAY;
use super::wish::{Laid, Strict, Wish};
use super::{By, Clinic};
use crate::accounts::{Caller, Role};

/// How often a plan is made anew when the rules change under it.
pub(super) const TRIES: usize = 4;
/// Bytes of what is kept beside an appointment.
const DETAILS: usize = 8_000;

/// For whom a time is kept, as far as it is known: by these a hold is counted.
#[derive(Clone, Default)]
pub struct Contact {
    pub phone: Option<String>,
    pub email: Option<String>,
}

/// For whom something is planned: in which clinic, and whether by the rules of those outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub clinic: ClinicId,
    pub outside: bool,
    /// When the request began; None: it must be looked at as it is now.
    pub at: Option<Instant>,
}

impl Side {
    pub fn of(who: &Caller) -> Side {
        Side { clinic: who.clinic(), outside: is_outside(who), at: None }
    }

    /// For the first of several tries: what was so when the request began will do, it is looked at again when it is booked.
    fn began(who: &Caller) -> Side {
        Side { at: Some(who.at()), ..Side::of(who) }
    }

    /// Of each try.
    fn tries(who: &Caller) -> impl Iterator<Item = Side> {
        [Side::began(who)].into_iter().chain(iter::repeat_n(Side::of(who), TRIES - 1))
    }
}

/// What was booked, as it stands, and on whose clock.
#[derive(Clone, Debug)]
pub struct Reserved {
    pub booked: Booked,
    pub row: AppointmentRow,
    pub zone: Zone,
}

/// A wish laid out, with what must still be true when it is booked.
struct Planned {
    visit: Visit,
    check: Check,
}

impl Clinic {
    /// What a slot's token offered, and whether it still holds. Forged ones are refused.
    pub async fn wish_of_slot(&self, who: &Caller, token: &str) -> Result<(Wish, bool)> {
        self.wish_of_offer(who.clinic(), token).await
    }

    pub(super) async fn wish_of_offer(&self, clinic: ClinicId, token: &str) -> Result<(Wish, bool)> {
        let (slot, is_fresh) = self.slot(clinic, token).await?;
        let key = slot.mode;
        let mode = self.glance(clinic, move |index, _| {
            key.and_then(|key| index.catalogue.mode_code(key)).map(str::to_owned)
        });
        Ok((Wish::of_slot(&slot, mode.await?)?, is_fresh))
    }

    /// What a hold keeps, of whoever made it or may see all of them; it may have run out.
    pub async fn wish_of_hold(&self, who: &Caller, id: &str) -> Result<(Wish, store::KeptHold)> {
        let hold = self.own_hold(who, id, Verb::Read).await?;
        let visit = Visit::from_json(&hold.plan)?;
        let service = visit.service.clone();
        let service = self.glance_at(who.clinic(), (who.at(), Known::Rules), move |index, _| {
            let is = |offering: &super::catalogue::Offering| Some(&offering.fields.code) == service.as_ref();
            index.catalogue.services().find(|(_, offering)| is(offering)).map(|(id, _)| id)
        });
        let wish = Wish {
            service: service.await?,
            with: Some(visit.with.clone()),
            minutes: Some((visit.end - visit.start) / 60),
            location: visit.location,
            mode: visit.mode.clone(),
            ..Wish::new(visit.practitioner, visit.start)
        };
        Ok((wish, hold))
    }

    /// Books. From a hold, the time is the hold's; from anywhere else the rules count, unless it is overbooked on purpose.
    pub async fn reserve(&self, who: &Caller, wish: &Wish, ground: Ground) -> Result<Reserved> {
        self.may_book(who, wish.practitioner)?;
        if let Ground::Overbook(_) = &ground {
            access::need(who, Subject::Overbook, Verb::Write, Some(wish.practitioner))?;
        }
        let by = by(who);
        if let Ground::Hold(id) = &ground {
            let hold = self.own_hold(who, id, Verb::Write).await?;
            let kept = Visit::from_json(&hold.plan)?;
            let planned = self.held_visit(who, wish, kept).await?;
            let structure = who.at().version.structure;
            let ready = self.ready_as(by, planned.visit, &[], (unguessable()?, structure)).await?;
            return self.reserve_ready(by, ready, ground, planned.check).await;
        }
        for side in Side::tries(who) {
            let planned = self.plan(side, wish, &ground).await?;
            let structure = match side.at {
                Some(at) => at.version.structure,
                None => self.store().version(by.clinic).await?.structure,
            };
            let ready = self.ready_as(by, planned.visit, &[], (unguessable()?, structure)).await?;
            match self.reserve_ready(by, ready, ground.clone(), planned.check).await {
                Err(Error::Overtaken) => {}
                // A room that was free a moment ago: perhaps there is another one.
                Err(Error::Conflict(met)) if wish.with.is_none() && !met.is_empty() => {
                    if met.iter().any(|one| one.resource == wish.practitioner)
                        || !self.is_offered(who, wish).await?
                    {
                        return Err(Error::Conflict(met));
                    }
                }
                other => return other,
            }
        }
        Err(Error::Overtaken)
    }

    async fn reserve_ready(&self, by: By, ready: Ready, ground: Ground, check: Check) -> Result<Reserved> {
        let zone = ready.zone.clone();
        let (booked, row) = self.book_ready(by, ready, ground, Some(check)).await?;
        Ok(Reserved { booked, row, zone })
    }

    /// The visit that a wish comes to now: for those who book series. A hold keeps its first date.
    pub async fn visit_of(&self, who: &Caller, wish: &Wish, ground: &Ground) -> Result<Visit> {
        if let Ground::Hold(id) = ground {
            let kept = Visit::from_json(&self.own_hold(who, id, Verb::Write).await?.plan)?;
            let visit = self.held_visit(who, wish, kept).await?.visit;
            return Ok(Visit { rule: wish.rule.clone(), ..visit });
        }
        self.may_book(who, wish.practitioner)?;
        if let Ground::Overbook(_) = ground {
            access::need(who, Subject::Overbook, Verb::Write, Some(wish.practitioner))?;
        }
        Ok(self.plan(Side::of(who), wish, ground).await?.visit)
    }

    /// Keeps a time for the minutes that the service or the clinic gives.
    pub async fn keep(&self, who: &Caller, wish: &Wish, contact: &Contact) -> Result<Held> {
        let reach = access::reach(who, Subject::Holds, Verb::Write)?;
        if who.role() == Some(Role::Practitioner) {
            self.may_book(who, wish.practitioner)?;
        }
        let keep = self.terms_of_hold(who, reach, wish, contact).await?;
        for side in Side::tries(who) {
            let planned = self.plan(side, wish, &Ground::Bare).await?;
            match self.hold_checked(by(who), planned.visit, keep.clone(), Some(planned.check)).await {
                Err(Error::Overtaken) => {}
                other => return other,
            }
        }
        Err(Error::Overtaken)
    }

    /// A hold of the caller's own, or of anybody for those who may see all.
    pub async fn own_hold(&self, who: &Caller, id: &str, verb: Verb) -> Result<store::KeptHold> {
        let reach = access::reach(who, Subject::Holds, verb)?;
        let found = self.store().read(who.clinic()).await?.hold(who.clinic(), id).await?;
        let is_own = |hold: &store::KeptHold| match reach {
            Reach::Everything => true,
            Reach::Own(own) => hold.made_by == Some(own),
        };
        found.filter(is_own).ok_or(Error::NotFound("hold"))
    }

    /// What moving an appointment to a wished time comes to: what the wish does not say is as it was.
    pub async fn wish_to_move(&self, who: &Caller, id: &AppointmentId, wish: Wish) -> Result<Wish> {
        let rows = self.permitted(who, id, Verb::Write).await?;
        self.moved_wish(who.clinic(), id, own_row(&rows, id)?.clone(), wish).await
    }

    pub(super) async fn moved_wish(
        &self,
        clinic: ClinicId,
        id: &AppointmentId,
        row: AppointmentRow,
        wish: Wish,
    ) -> Result<Wish> {
        let code = row.service.clone();
        let service = self.glance(clinic, move |index, _| {
            let is = |offering: &super::catalogue::Offering| Some(&offering.fields.code) == code.as_ref();
            index
                .catalogue
                .services()
                .find(|(_, offering)| is(offering) && offering.fields.active)
                .map(|(id, _)| id)
        });
        Ok(Wish {
            service: service.await?,
            with: Some(wish.with.unwrap_or(row.resources)),
            minutes: Some(wish.minutes.unwrap_or((row.end_at - row.start_at) / 60)),
            location: wish.location.or(row.location),
            mode: wish.mode.or(row.mode),
            ignore: Some(id.clone()),
            ..wish
        })
    }

    /// Moves an appointment or one date of a series, by the rules of whoever asks; `wish` is of [`Clinic::wish_to_move`].
    pub async fn move_to(
        &self,
        who: &Caller,
        id: &AppointmentId,
        wish: &Wish,
        version: Version,
        overbook: Option<String>,
    ) -> Result<Booked> {
        let rows = self.permitted(who, id, Verb::Write).await?;
        let row = own_row(&rows, id)?;
        self.in_window(who, row, id).await?;
        self.may_book(who, wish.practitioner)?;
        let ground = overbook.map_or(Ground::Bare, Ground::Overbook);
        if let Ground::Overbook(_) = &ground {
            access::need(who, Subject::Overbook, Verb::Write, Some(wish.practitioner))?;
        }
        self.shift((by(who), Side::of(who)), (id, row), wish, (version, ground)).await
    }

    /// The move itself, whoever may.
    pub(super) async fn shift(
        &self,
        (by, side): (By, Side),
        (id, row): (&AppointmentId, &AppointmentRow),
        wish: &Wish,
        (version, ground): (Version, Ground),
    ) -> Result<Booked> {
        for _ in 0..TRIES {
            let planned = self.plan(side, wish, &ground).await?;
            let check = Check { patient: row.patient, ..planned.check };
            let visit = planned.visit;
            let alter = Alter {
                start: Some(visit.start),
                length: Some(visit.end - visit.start),
                practitioner: Some(visit.practitioner),
                with: Some(visit.with),
                ..Alter::default()
            };
            let checked = (ground.clone(), Some(check));
            let done = self.alter_checked(by, id.clone(), (Scope::This, alter), version, checked);
            match done.await {
                Err(Error::Overtaken) => {}
                other => return other,
            }
        }
        Err(Error::Overtaken)
    }

    /// The rows of an appointment that the caller may see or change: its practitioner, whoever booked it, or those who
    /// may all. To others it is not there.
    pub async fn permitted(
        &self,
        who: &Caller,
        id: &AppointmentId,
        verb: Verb,
    ) -> Result<Vec<AppointmentRow>> {
        let reach = access::reach(who, Subject::Appointments, verb)?;
        let rows = self.appointment(by(who), id).await?;
        let is_own = match (reach, rows.first()) {
            (Reach::Everything, _) => true,
            (Reach::Own(own), Some(row)) if who.role() == Some(Role::Practitioner) => row.practitioner == own,
            (Reach::Own(own), Some(row)) => row.made_by == Some(own),
            (Reach::Own(_), None) => false,
        };
        if is_own { Ok(rows) } else { Err(Error::NotFound("appointment")) }
    }

    /// Until so long before the start somebody outside may change it.
    pub(super) async fn in_window(
        &self,
        who: &Caller,
        row: &AppointmentRow,
        id: &AppointmentId,
    ) -> Result<()> {
        if is_outside(who) { self.in_window_of(who.clinic(), row, id).await } else { Ok(()) }
    }

    /// The same for whoever is outside.
    pub(super) async fn in_window_of(
        &self,
        clinic: ClinicId,
        row: &AppointmentRow,
        id: &AppointmentId,
    ) -> Result<()> {
        // An untouched occurrence stands where its series puts it.
        let start = match id.occurrence {
            Some(instant) if row.recurrence.is_empty() => instant,
            _ => row.start_at,
        };
        let code = row.service.clone().unwrap_or_default();
        self.glance(clinic, move |index, now| {
            let window =
                index.catalogue.service_named(&code).map_or(0, |offering| offering.fields.cancel_window * 60);
            if now + window > start { Err(Error::Unfit(Unfit::TooLate)) } else { Ok(()) }
        })
        .await?
    }

    async fn is_offered(&self, who: &Caller, wish: &Wish) -> Result<bool> {
        let planned = self.plan(Side::of(who), wish, &Ground::Bare).await?;
        let all = planned.visit.resources();
        let want = super::interval::Want {
            length: planned.visit.end - planned.visit.start,
            before: planned.visit.buffers.0,
            after: planned.visit.buffers.1,
            seats: 1,
        };
        let start = planned.visit.start;
        self.look(who.clinic(), move |index, now| index.free.is_free(&all, start, &want, &[], now)).await
    }

    /// A practitioner books for itself; patients, bots and the front desk with everybody.
    pub(super) fn may_book(&self, who: &Caller, practitioner: PrincipalId) -> Result<()> {
        match access::reach(who, Subject::Appointments, Verb::Write)? {
            Reach::Own(own) if who.role() == Some(Role::Practitioner) && own != practitioner => {
                Err(Error::Denied(Subject::Appointments))
            }
            _ => Ok(()),
        }
    }

    /// Nobody is refused by what was: what does not fit when the request began is looked at as it is now.
    async fn plan(&self, side: Side, wish: &Wish, ground: &Ground) -> Result<Planned> {
        match (side.at, self.plan_at(side, wish, ground).await) {
            (Some(_), Err(_)) => self.plan_at(Side { at: None, ..side }, wish, ground).await,
            (_, planned) => planned,
        }
    }

    /// Whoever says that something is to be ignored has shown that they may move it.
    async fn plan_at(&self, side: Side, wish: &Wish, ground: &Ground) -> Result<Planned> {
        let ignore = match &wish.ignore {
            Some(id) => self.time_on(side.clinic, id).await?,
            None => Vec::new(),
        };
        let is_strict = !matches!(ground, Ground::Overbook(_));
        let strict = Strict { outside: side.outside, rules: is_strict, ahead: true };
        let (asked, far) = (wish.clone(), self.far_hours(side.clinic, wish).await?);
        let look = move |index: &Index, now| {
            let laid = asked.lay(index, strict, (&ignore, &far), now)?;
            Ok::<_, Error>((laid, index.catalogue.settings.clone(), hours(index, asked.practitioner)))
        };
        let (laid, settings, hours) = match side.at {
            Some(at) => {
                // Which room is free is a matter of time; what is overbooked is not checked against the rules again.
                let is_checked = is_strict && wish.with.is_some();
                let known = if is_checked { Known::Rules } else { Known::Everything };
                self.glance_at(side.clinic, (at, known), look).await??
            }
            None => self.glance(side.clinic, look).await??,
        };
        let visit = self.visit(side.clinic, wish, &laid, &settings).await?;
        let check = Check {
            hours,
            all: visit.resources(),
            service: laid.service.as_ref().map(|service| service.0.clone()).filter(|_| is_strict),
            patient: visit.patient.filter(|_| is_strict),
            except: wish.ignore.as_ref().map(|id| id.uid.clone()),
            seen: if is_strict { laid.seen } else { i64::MAX },
            ..check(&laid, &settings, wish)
        };
        Ok(Planned { visit, check })
    }

    /// The hours of a day so far ahead that the index need not know it.
    async fn far_hours(&self, clinic: ClinicId, wish: &Wish) -> Result<Vec<Open>> {
        let now = self.store().clock().now();
        if wish.start < now + LEAST as i64 * DAY || wish.start > ical::Window::END {
            return Ok(Vec::new());
        }
        let window = (wish.start - DAY, wish.start + 2 * DAY);
        let house = self.store().read(clinic).await?.house(clinic).await?;
        let mut found = self.hours_of((clinic, now), &[wish.practitioner], house, window).await?;
        Ok(found.remove(&wish.practitioner).unwrap_or_default())
    }

    async fn visit(&self, clinic: ClinicId, wish: &Wish, laid: &Laid, settings: &Settings) -> Result<Visit> {
        let patient = self.patient_of(clinic, wish).await?;
        let title = match &wish.title {
            Some(title) => title.clone(),
            None => self.title(clinic, wish, laid, settings, patient.as_deref()).await?,
        };
        Ok(Visit {
            practitioner: wish.practitioner,
            with: laid.with.clone(),
            start: wish.start,
            end: wish.start + laid.measure.length,
            zone: laid.zone.clone(),
            rule: wish.rule.clone(),
            buffers: (laid.measure.before, laid.measure.after),
            title,
            place: laid.place.clone(),
            location: laid.location,
            mode: laid.mode.clone(),
            patient: wish.patient.map(|id| id.0),
            service: laid.service.as_ref().map(|service| service.0.clone()),
            is_pending: wish.is_pending,
            details: details(wish.details.as_deref(), laid)?,
        })
    }

    /// The patient's name; refuses one that is not of this clinic.
    async fn patient_of(&self, clinic: ClinicId, wish: &Wish) -> Result<Option<String>> {
        let Some(id) = wish.patient else { return Ok(None) };
        let mut conn = self.store().read(clinic).await?;
        let found = conn.patient(clinic, id).await?;
        found.map(|found| Some(found.body.name)).ok_or(Error::NotFound("patient"))
    }

    async fn title(
        &self,
        clinic: ClinicId,
        wish: &Wish,
        laid: &Laid,
        settings: &Settings,
        patient: Option<&str>,
    ) -> Result<String> {
        let practitioner = match settings.title.contains("{practitioner}") {
            true => {
                let mut conn = self.store().read(clinic).await?;
                let found = conn.principals_by_id(clinic, &[wish.practitioner]).await?;
                found.into_iter().next().map(|found| found.display_name).unwrap_or_default()
            }
            false => String::new(),
        };
        let service = laid.service.as_ref().map_or("Appointment", |service| service.1.as_str());
        Ok(settings.title(service, &practitioner, patient.unwrap_or_default()))
    }

    /// The visit that was kept, with what is said of it now.
    async fn held_visit(&self, who: &Caller, wish: &Wish, kept: Visit) -> Result<Planned> {
        let patient = self.patient_of(who.clinic(), wish).await?;
        let known = (who.at(), Known::Rules);
        let settings =
            self.glance_at(who.clinic(), known, |index, _| index.catalogue.settings.clone()).await?;
        let named = settings.names_patient().then_some(patient).flatten();
        let title = match (&wish.title, named) {
            (Some(title), _) => title.clone(),
            (None, Some(name)) => settings.title(kept.service.as_deref().unwrap_or_default(), "", &name),
            (None, None) => kept.title.clone(),
        };
        let details = match &wish.details {
            Some(_) => merged(wish.details.as_deref(), kept.details.as_deref())?,
            None => kept.details.clone(),
        };
        let patient = wish.patient.map(|id| id.0).or(kept.patient);
        let kept_with = kept.practitioner;
        let visit = Visit { title, details, patient, is_pending: wish.is_pending, ..kept };
        // The time was promised: what the rules say now does not count, the patient's own time does.
        let check = Check {
            patient,
            span: (visit.start, visit.end),
            overlap: settings.patient_overlap,
            visits: settings.visits_patient,
            ..Check::of(kept_with)
        };
        Ok(Planned { visit, check })
    }

    async fn terms_of_hold(
        &self,
        who: &Caller,
        reach: Reach,
        wish: &Wish,
        contact: &Contact,
    ) -> Result<Keep> {
        let service = wish.service;
        let (settings, patient, staff) = self
            .glance_at(who.clinic(), (who.at(), Known::Rules), move |index, _| {
                let fields =
                    service.and_then(|id| index.catalogue.service(id).ok()).map(|offering| &offering.fields);
                let of = |pick: fn(&super::ServiceFields) -> Option<i64>| fields.and_then(pick);
                (index.catalogue.settings.clone(), of(|f| f.hold_patient), of(|f| f.hold_staff))
            })
            .await?;
        let phone = contact.phone.as_deref().map(phone_key).transpose()?.map(|key| format!("phone:{key}"));
        let mail = contact.email.as_deref().map(email_key).transpose()?.map(|key| format!("mail:{key}"));
        let own = format!("principal:{}", who.principal());
        let named = wish.patient.map(|id| format!("patient:{id}"));
        let mut parties = [phone, mail, named].into_iter().flatten();
        match reach {
            Reach::Everything => Ok(Keep {
                party: own,
                other_party: None,
                at_most: settings.holds_staff,
                seconds: staff.unwrap_or(settings.hold_staff),
            }),
            Reach::Own(_) => {
                let first = parties.next();
                // Whoever keeps times for nobody in particular is counted as a whole.
                let at_most = if first.is_some() { settings.holds_patient } else { settings.holds_staff };
                Ok(Keep {
                    party: first.unwrap_or(own),
                    other_party: parties.next(),
                    at_most,
                    seconds: patient.unwrap_or(settings.hold_patient),
                })
            }
        }
    }
}

/// Who does it, as the rows say it.
pub(super) fn by(who: &Caller) -> By {
    By { clinic: who.clinic(), who: Some(who.principal()), door: store::Origin::Rest }
}

/// The row of an occurrence, or the whole's in its place.
pub(super) fn own_row<'r>(rows: &'r [AppointmentRow], id: &AppointmentId) -> Result<&'r AppointmentRow> {
    let key = id.occurrence.map(super::recurrence).unwrap_or_default();
    let own = rows.iter().find(|row| row.recurrence == key).or(rows.first());
    own.ok_or(Error::NotFound("appointment"))
}

pub(super) fn hours(index: &Index, of: PrincipalId) -> Vec<store::CollectionId> {
    index.hours.iter().filter(|(_, owner)| **owner == of).map(|(id, _)| *id).collect()
}

fn check(laid: &Laid, settings: &Settings, wish: &Wish) -> Check {
    Check {
        day: (laid.day, laid.measure.day_limit),
        week: (laid.week, laid.measure.week_limit),
        span: (wish.start, wish.start + laid.measure.length),
        overlap: settings.patient_overlap,
        visits: settings.visits_patient,
        ..Check::of(wish.practitioner)
    }
}

/// What is kept beside the visit: the caller's own words and what it costs, as it was when it was booked.
fn details(own: Option<&str>, laid: &Laid) -> Result<Option<String>> {
    let mut fee = Map::new();
    if let Some((amount, currency)) = &laid.fee {
        fee.insert("fee".into(), (*amount).into());
        fee.insert("currency".into(), currency.as_str().into());
    }
    let fee = if fee.is_empty() { None } else { Some(Value::from(fee).to_string()) };
    match (own, fee) {
        (None, fee) => Ok(fee),
        (own, fee) => merged(own, fee.as_deref()),
    }
}

/// One object of two; what the first says goes before.
pub(super) fn merged(own: Option<&str>, other: Option<&str>) -> Result<Option<String>> {
    let mut all = Map::new();
    for text in [other, own].into_iter().flatten() {
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => all.extend(map),
            _ => return invalid("details", "expected an object"),
        }
    }
    let text = Value::from(all).to_string();
    if text.len() > DETAILS { invalid("details", "at most 8000 bytes") } else { Ok(Some(text)) }
}
