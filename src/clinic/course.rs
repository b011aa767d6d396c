//! The rest of a series: changed from a date on. Where something of it has taken place the series is cut in two (RFC 5545
//! 3.8.5.3 by UNTIL, a new UID for what follows, RFC 9253 5 for the tie), so that the past stays as it was.

use std::collections::HashMap;

use bytes::Bytes;
use ical::{When, Window, Zone};
use store::{AppointmentRow, Busy, CollectionId, Noted};

use super::alter::Alter;
use super::error::{Error, Result, invalid};
use super::found::{Found, Party, Rewrite, is_final};
use super::pattern::{self, Shape, Tie};
use super::plan;
use super::rules::object_name;
use super::scope::{derived, sound};
use super::status::Status;
use super::visit::{AppointmentId, Booked, Ground};
use super::{record, text};
use crate::calendar::Work;

/// What is said of a date for which a new rule has none.
const NONE_LEFT: &str = "the series no longer has this date";
/// How far ahead the next date is looked for, step by step: most series have one soon.
const AHEAD: [i64; 3] = [plan::HORIZON, plan::FAR, Window::END];

/// The series without what begins at `from` or later, nor what was moved there; None where nothing is left of it.
pub(super) async fn cut(found: &Found, from: i64, now: i64) -> Result<Option<Bytes>> {
    let Some(text) = pattern::ended(&found.text, from, now)? else { return Ok(None) };
    let object = plan::read(&text).ok_or(Error::NotFound("appointment"))?;
    let late = plan::dates(&object, Window { from, until: Window::END }).await?;
    let late: Vec<i64> = late.iter().filter(|one| one.start >= from).filter_map(|one| one.id).collect();
    if late.is_empty() { Ok(Some(text)) } else { pattern::without(&text, &late, now).map(Some) }
}

/// A change of all dates from one on, or of all to come.
pub(super) async fn following(
    work: &mut Work<'_>,
    found: &Found,
    alter: &Alter,
    ground: Ground,
) -> Result<Booked> {
    let now = work.tx().now();
    let first = first_to_come(found, now).await?;
    let at = found.id.occurrence.map_or(first, |at| at.max(first));
    let zone = text::zone_of(&found.text)?;
    let change = Turn {
        found,
        alter,
        at,
        shift: alter.shift(found.id.occurrence.unwrap_or(at), &zone),
        zone,
        now,
        party: alter.party(&found.party())?,
    };
    let begins = text::tree(&found.text)?;
    let begins = pattern::start_of(&begins).ok_or(Error::NotFound("appointment"))?;
    match (&alter.rule, at <= begins) {
        (Some(None), true) => change.to_single(work, ground).await,
        (Some(None), false) => invalid("rule", "what has taken place stays: cancel the rest instead"),
        (_, true) => change.whole(work, ground).await,
        (_, false) => change.rest(work, ground).await,
    }
}

/// The first date after all that took place, or that somebody led to its end.
async fn first_to_come(found: &Found, now: i64) -> Result<i64> {
    let done = found.others.iter().filter(|row| {
        let status = Status::from_name(&row.status);
        status.is_some_and(|status| status.is_final() && !status.is_cancelled())
    });
    let after = done.filter_map(instant).max().unwrap_or(Window::START);
    for ahead in AHEAD {
        let until = now.saturating_add(ahead).min(Window::END);
        let dates = found.dates(Window { from: now, until }).await?;
        let to_come = dates.iter().filter(|one| one.start >= now).filter_map(|one| one.id);
        if let Some(first) = to_come.filter(|id| *id > after && *id >= now).min() {
            return Ok(first);
        }
    }
    invalid("occurrence", "nothing of the series is to come")
}

/// The instant by which a row's occurrence is known.
pub(super) fn instant(row: &AppointmentRow) -> Option<i64> {
    at(&row.recurrence)
}

/// The instant that a key of an occurrence says; None of the whole.
pub(super) fn at(recurrence: &str) -> Option<i64> {
    When::read(recurrence, None).map(|when| when.instant(&Zone::utc()))
}

/// A change of the dates from `at` on.
struct Turn<'a> {
    found: &'a Found,
    alter: &'a Alter,
    at: i64,
    /// On the wall clock.
    shift: i64,
    zone: Zone,
    now: i64,
    /// Who is booked then.
    party: Party,
}

impl Turn<'_> {
    fn shape(&self) -> Shape<'_> {
        Shape {
            shift: self.shift,
            length: self.alter.length,
            rule: self.alter.rule.as_ref().and_then(Option::as_deref),
            words: self.alter.words(),
        }
    }

    fn shaped(&self, text: &[u8]) -> Result<Bytes> {
        let text = pattern::reshaped(text, self.shape(), self.now)?;
        if self.alter.rule.is_some() { sound(text) } else { Ok(text) }
    }

    /// Whether anybody's time changes.
    fn takes_time(&self) -> bool {
        let alter = self.alter;
        self.shift != 0 || alter.length.is_some() || alter.rule.is_some() || self.party != self.found.party()
    }

    fn noted(&self) -> Noted {
        if self.takes_time() { Noted::Moved } else { Noted::Changed }
    }

    fn until(&self, text: &[u8]) -> Option<i64> {
        plan::read(text).map(|object| object.digest.last).filter(|_| self.takes_time())
    }

    /// Nothing of it has taken place: the object stays one.
    async fn whole(&self, work: &mut Work<'_>, ground: Ground) -> Result<Booked> {
        let (found, old) = (self.found, self.found.party());
        let text = self.shaped(&found.text)?;
        let until = self.until(&text);
        let rewrite =
            Rewrite { new: Some((&self.party, text.clone())), until, ..found.rewritten(&old, None) };
        let done = rewrite.run(work, found.by, ground).await?;
        let row = self.row(&found.id.uid, &text)?;
        let deeds = record::noted(found.by, self.noted(), &row, &old.with);
        work.tx().save_appointment_with(&row, done.visits, self.noted(), deeds).await?;
        self.rekey(work, &found.id.uid, &text, done.visits).await?;
        let id = AppointmentId { uid: found.id.uid.clone(), occurrence: None };
        Ok(Booked { id, seq: work.tx().seq(), overbooked: done.met })
    }

    /// Cut in two: what follows is a series of its own.
    async fn rest(&self, work: &mut Work<'_>, ground: Ground) -> Result<Booked> {
        let (found, old) = (self.found, self.found.party());
        let uid = derived(&found.id.uid, "following", self.at);
        let tree = text::tree(&found.text)?;
        let refid = pattern::refid(&tree, &found.id.uid);
        let first = pattern::tie_of(&tree, Tie::First).unwrap_or_else(|| found.id.uid.clone());
        let Some(head) = pattern::ended(&found.text, self.at, self.now)? else {
            return invalid("rule", "a series without a rule cannot be cut in two");
        };
        let head = pattern::tied(&head, Tie::Next, &uid, &refid)?;
        let tail = self.shaped(&pattern::begun(&found.text, self.at, &uid, self.now)?)?;
        let tail = pattern::tied(&tail, Tie::First, &first, &refid)?;
        let stood = found.rewritten(&old, Some(head)).run(work, found.by, Ground::Bare).await?.stood;
        found.note(work, &found.signed(&found.whole), Noted::Changed).await?;
        let marked: Vec<Busy> = stood.into_iter().filter(|one| one.mark.is_some()).collect();
        let rewrite = Rewrite {
            uid: &uid,
            name: &object_name(&uid),
            old: None,
            new: Some((&self.party, tail.clone())),
            created: None,
            until: self.until(&tail),
            excused: &marked,
        };
        let done = rewrite.run(work, found.by, ground).await?;
        let row = self.row(&uid, &tail)?;
        let from = AppointmentId { uid: found.id.uid.clone(), occurrence: Some(self.at) };
        let mut deeds = record::noted(found.by, self.noted(), &row, &[]);
        let more = serde_json::json!({ "from": from.to_string() });
        deeds.push(record::deed(found.by, "series-split", &row, more));
        work.tx().save_appointment_with(&row, done.visits, self.noted(), deeds).await?;
        self.rekey(work, &uid, &tail, done.visits).await?;
        let id = AppointmentId { uid, occurrence: None };
        Ok(Booked { id, seq: work.tx().seq(), overbooked: done.met })
    }

    /// One date is left of it, its first, under the same id.
    async fn to_single(&self, work: &mut Work<'_>, ground: Ground) -> Result<Booked> {
        let (found, old) = (self.found, self.found.party());
        let (row, text) = (&found.whole, pattern::single(&found.text, self.now)?);
        let (start_at, end_at) = self.alter.span((row.start_at, row.end_at));
        let text = text::moved(&text, None, (start_at, end_at), self.now)?;
        let text = pattern::worded(&text, None, self.alter.words(), self.now)?;
        let until = Some(end_at);
        let rewrite =
            Rewrite { new: Some((&self.party, text.clone())), until, ..found.rewritten(&old, None) };
        let done = rewrite.run(work, found.by, ground).await?;
        let row = AppointmentRow { start_at, end_at, ..self.row(&found.id.uid, &text)? };
        let deeds = record::noted(found.by, Noted::Changed, &row, &old.with);
        work.tx().save_appointment_with(&row, done.visits, Noted::Changed, deeds).await?;
        self.rekey(work, &found.id.uid, &text, done.visits).await?;
        let id = AppointmentId { uid: found.id.uid.clone(), occurrence: None };
        Ok(Booked { id, seq: work.tx().seq(), overbooked: done.met })
    }

    /// The row of the whole as it will be.
    fn row(&self, uid: &str, text: &[u8]) -> Result<AppointmentRow> {
        let tree = text::tree(text)?;
        let (start_at, end_at) = pattern::first_of(&tree).ok_or(Error::NotFound("appointment"))?;
        let whole = self.found.signed(&self.found.whole);
        Ok(AppointmentRow {
            uid: uid.to_string(),
            practitioner: self.party.practitioner,
            resources: self.party.with.clone(),
            start_at,
            end_at,
            ..self.alter.on(&whole)
        })
    }

    /// What was noted of single dates goes along with them.
    async fn rekey(&self, work: &mut Work<'_>, uid: &str, text: &[u8], visits: CollectionId) -> Result<()> {
        let rows = self.found.others.iter().filter_map(|row| Some((instant(row)?, row)));
        let rows: Vec<_> = rows.filter(|(date, _)| *date >= self.at).collect();
        let Some(last) = rows.iter().map(|(date, _)| *date).max() else { return Ok(()) };
        let object = plan::read(text).ok_or(Error::NotFound("appointment"))?;
        let window = Window { from: self.at - plan::HORIZON, until: last + plan::HORIZON };
        let dates = plan::dates(&object, window).await?;
        let stands: HashMap<_, _> =
            dates.iter().filter_map(|one| Some((one.id?, (one.start, one.end)))).collect();
        let is_elsewhere = uid != self.found.id.uid || self.shift != 0;
        for (_, row) in rows.iter().filter(|_| is_elsewhere) {
            work.tx().remove_appointment(&row.uid, &row.recurrence).await?;
        }
        for (date, row) in rows {
            let moved = self.zone.to_instant(self.zone.to_civil(date) + self.shift);
            let old = (row.uid.as_str(), row.recurrence.as_str());
            let row = self.moved(row, uid, moved, stands.get(&moved).copied());
            if is_elsewhere {
                work.tx().move_seats(old, (uid, &row.recurrence)).await?;
            }
            work.tx().save_appointment(&row, visits, Noted::Changed).await?;
        }
        Ok(())
    }

    /// A row of one date as it will be; where the series has no such date any more it is cancelled.
    fn moved(
        &self,
        row: &AppointmentRow,
        uid: &str,
        date: i64,
        stands: Option<(i64, i64)>,
    ) -> AppointmentRow {
        let row = AppointmentRow { uid: uid.into(), recurrence: super::recurrence(date), ..row.clone() };
        match stands {
            Some((start_at, end_at)) => AppointmentRow {
                start_at,
                end_at,
                practitioner: self.party.practitioner,
                resources: self.party.with.clone(),
                ..self.found.signed(&row)
            },
            None if is_final(&row) => row,
            None => AppointmentRow {
                status: Status::CancelledByClinic.name().into(),
                reason: Some(NONE_LEFT.into()),
                ..self.found.signed(&row)
            },
        }
    }
}
