//! One object and its events: what stands here, what both sides last agreed on, and how what is seen there is taken.
//!
//! Everything is found out from the state of both sides, never from what somebody did: repeated after a lost answer or a
//! crash, it comes to the same end and writes nothing twice.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use ical::{Component, Limits, Window, Zone};

use super::api::Fields;
use super::error::{Error, Result};
use super::figures::Figures;
use super::flips::Flips;
use super::map::{self, Image, Mask, Part, Seen, Unfit, WHOLE};
use super::session::Session;
use super::terms::{Direction, Marks, Mode, Terms};
use crate::accounts::Caller;
use crate::calendar::{
    self, Author, Born, Calendars, Condition, Errand, ErrandState, Etag, Link, Mirrors, ObjectPath, Origin,
    Precondition, Shown, Tags, Twin, Way,
};
use crate::clinic::Clinic;

/// How often a write is tried that meets another one here.
const TRIES: usize = 3;
/// How long an appointment deleted there may still be brought back, seconds.
pub const GRACE: i64 = 60;
/// What is shown here of what is hidden there.
const BUSY: &str = "Busy";

/// A link being worked on.
pub struct Run<'a> {
    pub mirrors: &'a Mirrors,
    pub calendars: &'a Calendars,
    pub clinic: &'a Clinic,
    pub marks: &'a Marks,
    pub flips: &'a Flips,
    pub figures: &'a Figures,
    pub session: Session<'a>,
    pub link: Link,
    pub terms: Terms,
    pub who: Caller,
    pub shown: Shown,
    /// Of the calendar there.
    pub zone: Zone,
    /// Her addresses, where the link carries her guests; else none.
    pub own: Arc<[String]>,
    /// What this run wrote here, where guests are carried: they hear nothing of it.
    pub written: HashSet<Etag>,
}

/// An object that stands here.
pub struct Here {
    pub etag: Etag,
    pub text: Bytes,
    pub tree: Component,
}

/// What is known of one object on both sides.
pub struct Pair {
    pub uid: String,
    pub name: String,
    pub born: Born,
    pub twins: Vec<Twin>,
    /// Seen there just now.
    pub seen: Vec<Seen>,
    /// Whether its guests are carried.
    pub has_guests: bool,
}

/// What a pull found deleted there.
pub struct Doomed {
    pub pair: Pair,
    pub event: String,
    pub is_appointment: bool,
}

impl Pair {
    pub fn twin(&self, key: &str) -> Option<&Twin> {
        self.twins.iter().find(|twin| twin.recurrence == key)
    }

    /// What both sides agreed on. Exceptions there that are as their series do not stand in it.
    pub fn base(&self) -> Image {
        let living = self.twins.iter().filter(|twin| twin.gone_at.is_none());
        Image(living.filter_map(|twin| Some((twin.recurrence.clone(), self.read(&twin.base)?))).collect())
            .tidy()
    }

    /// What was agreed on, of what is carried now.
    pub fn read(&self, base: &str) -> Option<Part> {
        Image::read(base).map(|part| self.carried(part))
    }

    pub fn carried(&self, mut part: Part) -> Part {
        if let Some(fields) = part.as_mut().filter(|_| !self.has_guests) {
            fields.remove(map::GUESTS);
        }
        part
    }

    /// What was agreed on with what is seen there laid over it.
    pub fn there(&mut self, hides: bool) -> Image {
        let mut image = self.base();
        for seen in &mut self.seen {
            if hides && self.born != Born::Here {
                map::busy_only(&mut seen.part, self.born);
            }
            // An exception whose series moved keeps its id and is named anew.
            let before = self.twins.iter().find(|twin| twin.event == seen.event && twin.gone_at.is_none());
            if let Some(before) = before.filter(|twin| twin.recurrence != seen.key) {
                image.0.remove(&before.recurrence);
            }
            if seen.key == WHOLE {
                for twin in self.twins.iter().filter(|twin| twin.event.is_empty()) {
                    image.0.remove(&twin.recurrence);
                }
                seen.out.iter().for_each(|out| drop(image.0.insert(out.clone(), None)));
            }
        }
        for seen in &self.seen {
            let mut part = self.carried(seen.part.clone());
            // Who is not told of is who was agreed on.
            if let Some(fields) = part.as_mut().filter(|_| !seen.tells_guests) {
                let agreed = image.0.get(&seen.key).cloned().flatten();
                fields.extend(agreed.and_then(|mut agreed| agreed.remove_entry(map::GUESTS)));
            }
            image.0.insert(seen.key.clone(), part);
        }
        if image.0.get(WHOLE).is_some_and(Option::is_none) {
            image.0.retain(|key, _| key == WHOLE);
        }
        image.tidy()
    }

    /// The twins of an image: ids and tags as seen, or as known.
    pub fn twins_of(&self, image: &Image, now: i64) -> Vec<Twin> {
        let twin = |(key, part): (&String, &Part)| {
            let (seen, known) = (self.seen.iter().find(|seen| seen.key == *key), self.twin(key));
            let way = known.filter(|one| one.base == map::GIVES_WAY && seen.is_none());
            Twin {
                uid: self.uid.clone(),
                recurrence: key.clone(),
                name: self.name.clone(),
                event: seen
                    .map(|seen| seen.event.clone())
                    .or(known.map(|one| one.event.clone()))
                    .unwrap_or_default(),
                born: self.born,
                generation: known.map_or(0, |one| one.generation),
                etag: seen
                    .map(|seen| seen.etag.clone())
                    .or(known.map(|one| one.etag.clone()))
                    .unwrap_or_default(),
                base: way.map_or_else(|| Image::row(part), |one| one.base.clone()),
                gone_at: (key == WHOLE && part.is_none() && way.is_none()).then_some(now),
            }
        };
        image.0.iter().map(twin).collect()
    }
}

impl Run<'_> {
    pub fn mask(&self, born: Born) -> Mask {
        Mask { privacy: self.terms.privacy, born, zone: self.shown.zone().clone(), own: Arc::default() }
    }

    pub fn ground(&self) -> map::Ground {
        map::Ground { zone: self.shown.zone().clone(), stamp: self.mirrors.now(), own: self.own.clone() }
    }

    /// Whether the guests of an object are carried: those she invites herself.
    pub fn carries_guests(&self, here: Option<&Here>, born: Born) -> bool {
        let are_hers = here.map_or(!self.own.is_empty(), |here| map::are_hers(&here.tree, &self.own));
        born != Born::Elsewhere && are_hers
    }

    /// Google's event, read.
    pub fn seen(&self, event: &Fields) -> Result<Seen, Unfit> {
        map::seen(event, &self.zone, &self.own)
    }

    pub fn by(&self) -> Author<'_> {
        Author { who: &self.who, from: Origin::Google(self.link.id.0) }
    }

    pub fn place(&self, name: &str) -> ObjectPath {
        self.shown.object(name)
    }

    /// Looks at the calendar as it is now: another process may have written, and what is pushed must not be what stood there
    /// before that.
    pub async fn look(&mut self) -> Result<()> {
        self.mirrors.catch_up().await;
        self.who = self.session.accounts.on_behalf(&self.session.remote).await?;
        self.shown = self.mirrors.calendar(&self.who, &self.link).await?;
        Ok(())
    }

    pub async fn here(&self, name: &str) -> Result<Option<Here>> {
        let Some((entry, text)) = self.calendars.texts(&self.shown, &[name]).await?.pop().flatten() else {
            return Ok(None);
        };
        let limits = Limits { bytes: usize::MAX, attendees: usize::MAX, ..Limits::default() };
        let tree = Component::parse(&text, &limits)
            .map_err(|_| Error::Refused("an object cannot be read".into()))?;
        Ok(Some(Here { etag: entry.etag, text, tree }))
    }

    /// What stands here as Google may see it; cancelled where nothing does. A series as single events, where it stands
    /// there so or is to.
    pub fn image(
        &self,
        here: Option<&Here>,
        (born, twins): (Born, &[Twin]),
        as_singles: bool,
    ) -> Result<Image, Unfit> {
        let Some(here) = here else { return Ok(Image([(WHOLE.to_owned(), None)].into())) };
        let own = if self.carries_guests(Some(here), born) { self.own.clone() } else { Arc::default() };
        let image = map::image_here(&here.tree, &Mask { own, ..self.mask(born) })?;
        if !as_singles {
            return Ok(image);
        }
        let known = twins.iter().filter(|twin| twin.gone_at.is_none() && self.is_single(twin));
        let known: Vec<&str> = known.map(|twin| twin.recurrence.as_str()).collect();
        let now = self.mirrors.now();
        // None are made that are not wanted any more.
        let until = if self.wants_singles(born) { now + self.terms.ahead() } else { now };
        map::singles(&here.text, image, &known, (Window { from: now, until }, self.shown.zone()))
    }

    /// Whether a series of ours is to stand there as single events.
    pub fn wants_singles(&self, born: Born) -> bool {
        born == Born::Here && self.terms.mode == Mode::Materialized
    }

    /// Whether it is an occurrence that stands there by itself: its id says so.
    pub fn is_single(&self, twin: &Twin) -> bool {
        let name = (twin.uid.as_str(), twin.recurrence.as_str());
        twin.recurrence != WHOLE
            && twin.born == Born::Here
            && twin.event == self.marks.event_id(&self.link, name, twin.generation)
    }

    /// Whether it stands there as single events now.
    fn has_singles(&self, pair: &Pair) -> bool {
        pair.twin(WHOLE).is_none_or(|twin| twin.gone_at.is_some())
            && pair.twins.iter().any(|twin| twin.gone_at.is_none() && self.is_single(twin))
    }

    async fn is_appointment(&self, pair: &Pair) -> Result<bool> {
        Ok(pair.born == Born::Here
            && self.clinic.has_appointment(self.link.clinic, &pair.uid).await.map_err(clinic)?)
    }

    /// Takes what is seen there of one object. `Some`: it is deleted there, which is decided when all was seen.
    pub async fn take(&mut self, mut pair: Pair) -> Result<Option<Doomed>> {
        let mask = self.mask(pair.born);
        let is_appointment = self.is_appointment(&pair).await?;
        let stance = self.terms.stance(is_appointment);
        let as_singles = self.has_singles(&pair);
        for _ in 0..TRIES {
            let here = self.here(&pair.name).await?;
            pair.has_guests = self.carries_guests(here.as_ref(), pair.born);
            let there = pair.there(mask.hides());
            let Ok(image) = self.image(here.as_ref(), (pair.born, &pair.twins), as_singles) else {
                return self.note(&pair, "unfit").await.map(|()| None);
            };
            let known = pair.base();
            // Adopted, or a birth: nothing was agreed on, so what is seen there is.
            let base = if known.0.is_empty() { there.clone() } else { known };
            let is_birth = here.is_none() && pair.twins.iter().all(|twin| twin.gone_at.is_some());
            let mut wanted = map::merged(&base, &image, &there, (stance, mask.hides()));
            if is_birth {
                wanted = map::Merged { image: there.clone(), notes: Vec::new() };
            }
            // Of single events the last may go, and their series is still there.
            if wanted.image.is_nothing() && !image.is_nothing() && !as_singles {
                let event = pair.twin(WHOLE).map(|twin| twin.event.clone()).unwrap_or_default();
                return Ok(Some(Doomed { pair, event, is_appointment }));
            }
            if wanted.image != image
                && !self.flips.may(self.link.id, &pair.uid, Way::Pull, self.mirrors.now())
            {
                return self.refused(&pair, "loop").await.map(|()| None);
            }
            let done = if wanted.image == image {
                Ok(())
            } else {
                self.write(&pair, here.as_ref(), (&image, &wanted.image)).await
            };
            match done {
                Ok(()) => {}
                Err(Error::Calendar(calendar::Error::ConditionFailed)) => {
                    self.look().await?;
                    continue;
                }
                Err(Error::Calendar(calendar::Error::Precondition(Precondition::TimeTaken(_)))) => {
                    wanted.notes.push("time_taken");
                    if here.is_none() {
                        return self.refused(&pair, "time_taken").await.map(|()| None);
                    }
                }
                // It has another name here since then.
                Err(Error::Calendar(calendar::Error::Precondition(Precondition::NoUidConflict(at))))
                    if at.collection == self.shown.path && at.name != pair.name =>
                {
                    pair.name = at.name;
                    self.look().await?;
                    continue;
                }
                // One that cannot stand here spoils nothing: it is left to a person, by its id.
                Err(Error::Calendar(calendar::Error::Precondition(unmet))) => {
                    return self.refused(&pair, word(&unmet)).await.map(|()| None);
                }
                Err(Error::Refused(unfit)) => return self.refused(&pair, &unfit).await.map(|()| None),
                Err(other) => return Err(other),
            }
            return self.settle(&pair, &there, &wanted.notes).await.map(|()| None);
        }
        Err(Error::Calendar(calendar::Error::Busy { retry_after: 1 }))
    }

    /// Both sides are known now: keeps it, and sends what is still different.
    async fn settle(&mut self, pair: &Pair, there: &Image, notes: &[&'static str]) -> Result<()> {
        for note in notes {
            self.note(pair, note).await?;
        }
        let is_gone = |twin: &&Twin| twin.gone_at.is_none() && !there.0.contains_key(&twin.recurrence);
        let gone = pair.twins.iter().filter(is_gone);
        let gone = gone.map(|twin| (twin.uid.clone(), twin.recurrence.clone())).collect();
        self.mirrors.keep(&self.link, pair.twins_of(there, self.mirrors.now()), gone).await?;
        self.send_if_other(pair, there).await
    }

    /// What stands here and may be sent is sent where it is not what is there. Nobody asked for it now: no guest hears of it.
    pub async fn send_if_other(&self, pair: &Pair, there: &Image) -> Result<()> {
        let here = self.here(&pair.name).await?;
        let wanted = self.image(here.as_ref(), (pair.born, &pair.twins), self.wants_singles(pair.born));
        let is_equal = wanted.is_ok_and(|image| image == *there);
        let is_ours = self.terms.direction != Direction::Pull && pair.born != Born::Elsewhere;
        if is_equal || !is_ours { Ok(()) } else { self.send_later(&pair.name).await }
    }

    pub async fn send_later(&self, name: &str) -> Result<()> {
        let now = self.mirrors.now();
        let errand = Errand {
            way: Way::Push,
            key: name.to_owned(),
            attempt: 0,
            next_at: now,
            state: ErrandState::Pending,
            reason: String::new(),
            since: now,
            backfill: false,
            quiet: true,
        };
        Ok(self.mirrors.keep_errand(&self.link, errand).await?)
    }

    /// What cannot be taken is left to a person, by the id of its event.
    pub async fn refused(&self, pair: &Pair, why: &str) -> Result<()> {
        self.note(pair, "not_taken").await?;
        let key = pair.seen.first().map(|seen| seen.event.clone()).unwrap_or_default();
        self.dead(Way::Pull, &key, why).await
    }

    pub async fn dead(&self, way: Way, key: &str, why: &str) -> Result<()> {
        let now = self.mirrors.now();
        let (key, reason) = (key.to_owned(), why.to_owned());
        let errand = Errand {
            way,
            key,
            attempt: 1,
            next_at: now,
            state: ErrandState::Dead,
            reason,
            since: now,
            backfill: false,
            quiet: true,
        };
        Ok(self.mirrors.keep_errand(&self.link, errand).await?)
    }

    pub async fn note(&self, pair: &Pair, what: &'static str) -> Result<()> {
        self.figures.noted();
        Ok(self.mirrors.note(&self.link, what, &pair.uid, "{}".into()).await?)
    }

    /// The one write. What the guard made of it is seen when both sides are compared again.
    async fn write(&mut self, pair: &Pair, here: Option<&Here>, (from, to): (&Image, &Image)) -> Result<()> {
        let text = match here {
            Some(here) => map::laid(&here.text, from, to, &self.ground()),
            None => map::compose(&pair.uid, to, self.title(pair.born), &self.ground()),
        };
        let text = text.map_err(|unfit| Error::Refused(unfit.0.into()))?;
        let only_if = match here {
            Some(here) => Condition { if_match: Some(Tags::Of(vec![here.etag.opaque()])), ..Condition::NONE },
            None => Condition { if_none_match: Some(Tags::Any), ..Condition::NONE },
        };
        let put = self.calendars.put(self.by(), &self.place(&pair.name), text, only_if).await?;
        self.wrote([put.etag]);
        Ok(())
    }

    pub fn wrote(&mut self, etags: impl IntoIterator<Item = Etag>) {
        if !self.own.is_empty() {
            self.written.extend(etags);
        }
    }

    /// Of an event that has none for us. One that she left without a title, and that is hers to write, has none here.
    pub fn title(&self, born: Born) -> Option<&'static str> {
        (self.mask(born).hides() || self.terms.direction == Direction::Pull).then_some(BUSY)
    }

    /// What was deleted there goes here too. An appointment waits: it may be brought back, or have been moved.
    pub async fn bury(&mut self, doomed: Doomed) -> Result<()> {
        if doomed.is_appointment {
            let now = self.mirrors.now();
            let errand = Errand {
                way: Way::Pull,
                key: doomed.event,
                attempt: 0,
                next_at: now + GRACE,
                state: ErrandState::Pending,
                reason: "deleted".into(),
                since: now,
                backfill: false,
                quiet: true,
            };
            return Ok(self.mirrors.keep_errand(&self.link, errand).await?);
        }
        self.remove(&doomed.pair).await
    }

    /// Removes an object here because its event is no more.
    pub async fn remove(&mut self, pair: &Pair) -> Result<()> {
        match self.calendars.delete(self.by(), &self.place(&pair.name), Condition::NONE).await {
            Ok(()) | Err(calendar::Error::NotFound) => {}
            Err(calendar::Error::Precondition(unmet)) => {
                return self.refused(pair, word(&unmet)).await;
            }
            Err(other) => return Err(other.into()),
        }
        self.gone(pair).await
    }

    /// Its ids there are used up; those of occurrences that stood there by themselves stay so.
    pub async fn gone(&self, pair: &Pair) -> Result<()> {
        let now = self.mirrors.now();
        let (whole, others): (Vec<Twin>, Vec<Twin>) =
            pair.twins.iter().cloned().partition(|twin| twin.recurrence == WHOLE);
        let whole =
            whole.into_iter().map(|twin| Twin { gone_at: Some(now), base: "null".into(), ..twin }).collect();
        let others = others.into_iter().filter(|twin| twin.gone_at.is_none());
        let others = others.map(|twin| (twin.uid, twin.recurrence)).collect();
        Ok(self.mirrors.keep(&self.link, whole, others).await?)
    }
}

/// Why an object cannot stand here; never what it says.
fn word(unmet: &Precondition) -> &'static str {
    match unmet {
        Precondition::NoUidConflict(_) => "uid_taken",
        Precondition::MaxResourceSize(_) => "too_large",
        Precondition::MinDateTime(_) => "too_early",
        Precondition::MaxDateTime(_) => "too_late",
        Precondition::MaxAttendees(_) => "too_many_guests",
        Precondition::MaxInstances(_) => "too_many_occurrences",
        _ => "not_accepted",
    }
}

fn clinic(error: crate::clinic::Error) -> Error {
    match error {
        crate::clinic::Error::Calendar(error) => Error::Calendar(error),
        other => Error::Refused(other.to_string().into()),
    }
}
