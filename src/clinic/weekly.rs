//! Hours as they are asked for and set: the base week of somebody, in CALDAV:calendar-availability of their inbox, and
//! overrides of some days, objects of their calendar `hours` (RFC 7953 7.2.4, 7.2.3). An override replaces the base on
//! its days, whatever it says: without intervals they are closed.

use bytes::Bytes;
use ical::Zone;
use store::{ClinicId, CollectionId, Conn, PrincipalId, PrincipalKind, TermId};

use super::access::{self, Subject, Verb};
use super::directory::{deed, still};
use super::error::{Error, Result, invalid};
use super::free::TermKey;
use super::hours::{self, Frame, Hours, Names};
use super::open::{HOURS, Written};
use super::outside::{Affected, Outcome, Step};
use super::week::{Interval, Week};
use super::{Clinic, Dimension, appointments, rules};
use crate::accounts::Caller;
use crate::calendar::{self, Author};

/// Practitioners who are given a week at once.
const COPIES: usize = 50;
/// Days of one override.
const DAYS: i64 = 366;
/// Overrides of one person that one list tells of.
pub const OVERRIDES: usize = 1_000;

/// The base as it stands.
#[derive(Clone, Debug)]
pub struct Base {
    pub hours: Hours,
    /// Of the text, to be named when it is changed; 0 when there is none.
    pub version: i64,
}

/// Other hours on some days.
#[derive(Clone, Debug)]
pub struct Override {
    /// The name of its object without the ending.
    pub id: String,
    /// First and last day, as days since 1970.
    pub first: i64,
    pub last: i64,
    /// It goes before others of the same days.
    pub is_urgent: bool,
    pub hours: Hours,
    pub version: i64,
}

/// An override to be made, or to replace one.
#[derive(Clone, Debug)]
pub struct NewOverride {
    pub first: i64,
    pub last: i64,
    pub is_urgent: bool,
    /// Their dates are those of the override.
    pub week: Week,
}

impl NewOverride {
    /// Its intervals, bound to its days.
    fn bound(self) -> Result<(Week, Frame)> {
        let (first, last) = (self.first, self.last);
        if first > last || last - first >= DAYS {
            return invalid("last", "not before the first day, and within a year of it");
        }
        let bind = |one: Interval| Interval { from: Some(first), until: Some(last), ..one };
        let week = Week { intervals: self.week.intervals.into_iter().map(bind).collect(), ..self.week };
        week.check()?;
        Ok((week, Frame { days: Some((first, last)), is_urgent: self.is_urgent }))
    }
}

impl Clinic {
    /// Somebody's base hours.
    pub async fn hours(&self, who: &Caller, of: PrincipalId) -> Result<Base> {
        access::need(who, Subject::Hours, Verb::Read, Some(of))?;
        let mut conn = self.store().read(who.clinic()).await?;
        let own = own_zone(&mut conn, who.clinic(), of).await?;
        let found = conn.availabilities(who.clinic(), &[of]).await?.into_iter().next();
        let (text, version) = found.map_or((None, 0), |found| (Some(found.text), found.seq));
        let read = text.and_then(|text| hours::read(text.trim().as_bytes(), &own));
        let nothing = || Hours { week: Week { zone: own, intervals: Vec::new() }, others: 0 };
        Ok(Base { hours: read.map_or_else(nothing, |(hours, _)| hours), version })
    }

    /// Replaces the week; the answer is the new version. `version` is that of what the caller read.
    pub async fn set_hours(
        &self,
        by: Author<'_>,
        of: PrincipalId,
        week: Week,
        (version, step): (Option<i64>, Step),
    ) -> Result<Outcome<i64>> {
        access::need(by.who, Subject::Hours, Verb::Write, Some(of))?;
        week.check()?;
        let clinic = by.who.clinic();
        let mut conn = self.store().read(clinic).await?;
        let own = own_zone(&mut conn, clinic, of).await?;
        let names = names(&mut conn, clinic, &week).await?;
        let old = conn.availabilities(clinic, &[of]).await?.into_iter().next();
        drop(conn);
        let seen = old.as_ref().map_or(0, |old| old.seq);
        still(version, seen)?;
        let stamp = self.store().clock().now();
        let old = old.map(|old| old.text);
        let old = old.as_deref().map(|text| text.trim().as_bytes());
        let text = hours::write(old, (&week, Frame::default()), &names, stamp)?;
        if text.len() > calendar::AVAILABILITY_BYTES {
            return invalid("intervals", "more than the text of an inbox can hold");
        }
        let before = self.written_of(clinic, of).await?;
        let after = Written { base: Some((own, text.clone())), ..before.clone() };
        let outside = self.left_by_hours(clinic, of, (before, after)).await?;
        if !step.goes_on(&outside)? {
            return Ok(Outcome { made: None, outside });
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let (who, door) = (by.who.clone(), by.from);
        let made = self.calendars.together(clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(door, Some(who.principal()));
                let is = work.tx().availabilities(clinic, &[of]).await?.first().map_or(0, |one| one.seq);
                still(Some(seen), is)?;
                work.set_availability(of, Some(text)).await?;
                let what = serde_json::json!({ "intervals": week.intervals.len() });
                work.tx()
                    .audit(vec![deed(&who, "hours-changed", format!("practitioner {of}"), what)])
                    .await?;
                Ok::<_, Error>(work.tx().seq())
            })
        });
        Ok(Outcome { made: Some(made.await?), outside })
    }

    /// Gives others the week of one practitioner, on the clock it has there: refused for one, it is given to nobody.
    pub async fn copy_hours(
        &self,
        by: Author<'_>,
        (of, to): (PrincipalId, &[PrincipalId]),
        step: Step,
    ) -> Result<Outcome<()>> {
        if to.is_empty() || to.len() > COPIES {
            return invalid("to", "from 1 to 50 practitioners");
        }
        let week = self.hours(by.who, of).await?.hours.week;
        let mut outside = Affected::default();
        for one in to {
            let seen = self.set_hours(by, *one, week.clone(), (None, Step::Look)).await?;
            outside.join(seen.outside);
        }
        if !step.goes_on(&outside)? {
            return Ok(Outcome { made: None, outside });
        }
        for one in to {
            self.set_hours(by, *one, week.clone(), (None, Step::Sure)).await?;
        }
        Ok(Outcome { made: Some(()), outside })
    }

    /// Somebody's overrides that are not over on `from` (seconds UTC), by their first day.
    pub async fn overrides(
        &self,
        who: &Caller,
        of: PrincipalId,
        (from, until): (i64, i64),
    ) -> Result<Vec<Override>> {
        access::need(who, Subject::Hours, Verb::Read, Some(of))?;
        let clinic = who.clinic();
        let mut conn = self.store().read(clinic).await?;
        let own = own_zone(&mut conn, clinic, of).await?;
        let calendar = conn.collection(clinic, of, HOURS).await?.ok_or(Error::NotFound("practitioner"))?;
        let found = conn.texts_between(clinic, &[calendar.id], (from, until)).await?;
        let mut all: Vec<Override> = found
            .into_iter()
            .take(OVERRIDES)
            .filter_map(|object| {
                let (hours, frame) = hours::read(&object.text?.0, &own)?;
                let (first, last) = frame.days?;
                let id = object.meta.name.strip_suffix(".ics")?.to_owned();
                let version = object.meta.seq;
                Some(Override { id, first, last, is_urgent: frame.is_urgent, hours, version })
            })
            .collect();
        all.sort_by(|a, b| (a.first, &a.id).cmp(&(b.first, &b.id)));
        Ok(all)
    }

    /// Makes an override, or (with its id) replaces one; the answer is its id and version.
    pub async fn put_override(
        &self,
        by: Author<'_>,
        (of, id): (PrincipalId, Option<String>),
        new: NewOverride,
        (version, step): (Option<i64>, Step),
    ) -> Result<Outcome<(String, i64)>> {
        access::need(by.who, Subject::Hours, Verb::Write, Some(of))?;
        let (week, frame) = new.bound()?;
        let clinic = by.who.clinic();
        let mut conn = self.store().read(clinic).await?;
        let own = own_zone(&mut conn, clinic, of).await?;
        let names = names(&mut conn, clinic, &week).await?;
        let at = conn.collection(clinic, of, HOURS).await?.ok_or(Error::NotFound("practitioner"))?.id;
        let old = match &id {
            Some(id) => {
                let found = conn.object(clinic, at, &rules::object_name(id)).await?;
                Some(found.ok_or(Error::NotFound("override"))?)
            }
            None => None,
        };
        drop(conn);
        if let Some(old) = &old {
            still(version, old.meta.seq)?;
        }
        let stamp = self.store().clock().now();
        let kept = old.as_ref().and_then(|old| old.text.as_ref()).map(|text| &text.0[..]);
        let text = hours::write(kept, (&week, frame), &names, stamp)?;
        let id = id.map_or_else(appointments::unguessable, Ok)?;
        let name = rules::object_name(&id);
        let outside = self.left_by_override(clinic, of, (&name, Some((own, text.clone())))).await?;
        if !step.goes_on(&outside)? {
            return Ok(Outcome { made: None, outside });
        }
        let (who, door, seen) = (by.who.clone(), by.from, old.map(|old| (old.meta.seq, old.meta.created_at)));
        let made = self.calendars.together(clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(door, Some(who.principal()));
                let is = work.tx().object_meta(clinic, at, &name).await?.map(|meta| meta.seq);
                if is != seen.map(|(seq, _)| seq) {
                    return Err(Error::Stale);
                }
                work.put(at, &name, text, seen.map(|(_, created)| created)).await?;
                let what = serde_json::json!({ "override": id });
                work.tx()
                    .audit(vec![deed(&who, "hours-overridden", format!("practitioner {of}"), what)])
                    .await?;
                Ok::<_, Error>((id, work.tx().seq()))
            })
        });
        Ok(Outcome { made: Some(made.await?), outside })
    }

    /// Takes an override away: its days are again as the base says.
    pub async fn remove_override(
        &self,
        by: Author<'_>,
        (of, id): (PrincipalId, &str),
        (version, step): (Option<i64>, Step),
    ) -> Result<Outcome<()>> {
        access::need(by.who, Subject::Hours, Verb::Write, Some(of))?;
        let (clinic, name) = (by.who.clinic(), rules::object_name(id));
        let at = self.store().read(clinic).await?.collection(clinic, of, HOURS).await?;
        let at: CollectionId = at.ok_or(Error::NotFound("practitioner"))?.id;
        let outside = self.left_by_override(clinic, of, (&name, None)).await?;
        let goes_on = step.goes_on(&outside)?;
        let (who, door, id) = (by.who.clone(), by.from, id.to_owned());
        let made = self.calendars.together(clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(door, Some(who.principal()));
                let is =
                    work.tx().object_meta(clinic, at, &name).await?.ok_or(Error::NotFound("override"))?;
                still(version, is.seq)?;
                if !goes_on {
                    return Ok(None);
                }
                work.remove(at, &name).await?;
                let what = serde_json::json!({ "override": id });
                let deed = deed(&who, "hours-override-removed", format!("practitioner {of}"), what);
                work.tx().audit(vec![deed]).await?;
                Ok::<_, Error>(Some(()))
            })
        });
        Ok(Outcome { made: made.await?, outside })
    }

    /// What is left outside when the override of this name becomes this text, or goes.
    async fn left_by_override(
        &self,
        clinic: ClinicId,
        of: PrincipalId,
        (name, to): (&str, Option<(Zone, Bytes)>),
    ) -> Result<Affected> {
        let before = self.written_of(clinic, of).await?;
        let mut after = before.clone();
        after.overrides.retain(|(other, ..)| other != name);
        after.overrides.extend(to.map(|(zone, text)| (name.to_owned(), zone, text)));
        self.left_by_hours(clinic, of, (before, after)).await
    }
}

/// The zone of a person of this clinic, who must exist.
async fn own_zone(conn: &mut Conn, clinic: ClinicId, of: PrincipalId) -> Result<Zone> {
    let found = conn.principals_by_id(clinic, &[of]).await?.into_iter().next();
    let found = found.filter(|one| one.kind == PrincipalKind::Individual);
    let found = found.ok_or(Error::NotFound("practitioner"))?;
    Ok(found.zone.and_then(|name| Zone::named(&name)).unwrap_or_else(Zone::utc))
}

/// The names of the places and modes that a week speaks of.
async fn names(conn: &mut Conn, clinic: ClinicId, week: &Week) -> Result<Names> {
    let sites = || week.intervals.iter().map(|one| one.site);
    let wanted = |keys: &mut dyn Iterator<Item = TermKey>, dimension: Dimension| {
        keys.map(|key| (key, dimension)).collect::<Vec<_>>()
    };
    let mut all = wanted(&mut sites().filter_map(|site| site.place), Dimension::Location);
    all.extend(wanted(&mut sites().filter_map(|site| site.mode), Dimension::Mode));
    let mut ids: Vec<TermId> = all.iter().map(|(key, _)| TermId(key.0)).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = conn.terms_by_id(clinic, &ids).await?;
    for (key, dimension) in all {
        let is = found.iter().any(|term| term.id.0 == key.0 && term.body.dimension == dimension);
        match dimension {
            _ if is => {}
            Dimension::Mode => return invalid("mode", "there is no such mode"),
            _ => return invalid("place", "there is no such location"),
        }
    }
    Ok(found.into_iter().map(|term| (TermKey(term.id.0), term.body.name)).collect())
}

impl From<ical::Error> for Error {
    fn from(error: ical::Error) -> Error {
        calendar::Error::from(error).into()
    }
}
