//! From here to there: what is different from what both sides agreed on is sent, field by field, on the condition that the
//! event is still as we know it. The row of an insert stands before the call, with an id that every try has again: a
//! lost answer, or a notification that comes first, finds it.

use serde_json::{Value, json};

use super::api::Fields;
use super::carry::{Pair, Run};
use super::error::{Error, Failure, Result};
use super::map::{self, GUESTS, Image, Part, Seen, WHOLE, difference};
use super::map::{like_series, original};
use super::terms::Guests;
use crate::calendar::{Born, Twin, Way};

/// How often a write is tried that meets another one there.
const TRIES: usize = 3;

/// What a step came to.
enum Step {
    Done,
    /// What stands there is not as we knew it: both sides were compared anew.
    Again,
}

impl Run<'_> {
    /// Makes there what stands here under this name. `quiet`: no guest hears of it.
    pub async fn push(&mut self, name: &str, quiet: bool) -> Result<()> {
        let mut done = Ok(Step::Again);
        for _ in 0..TRIES {
            done = self.push_once(name, quiet).await;
            self.session.updates = Guests::None.updates();
            if !matches!(done, Ok(Step::Again)) {
                break;
            }
        }
        match done? {
            Step::Done => Ok(()),
            Step::Again => Err(Failure::Changed.into()),
        }
    }

    async fn push_once(&mut self, name: &str, quiet: bool) -> Result<Step> {
        let here = self.here(name).await?;
        let uid = here.as_ref().and_then(|here| {
            here.tree.parts().find_map(|part| part.get("UID").map(|line| line.text().into_owned()))
        });
        let twins = match &uid {
            Some(uid) => self.mirrors.twins_by_uid(&self.link, std::slice::from_ref(uid)).await?,
            None => self.mirrors.twins_by_name(&self.link, &[name.to_owned()]).await?,
        };
        let Some(uid) = uid.or_else(|| twins.first().map(|twin| twin.uid.clone())) else {
            return Ok(Step::Done);
        };
        let born = twins
            .iter()
            .find(|twin| twin.recurrence == WHOLE)
            .or(twins.first())
            .map_or(Born::Here, |one| one.born);
        if born == Born::Elsewhere {
            return Ok(Step::Done);
        }
        let wanted = self.image(here.as_ref(), (born, &twins), self.wants_singles(born));
        let wanted = wanted.map_err(|unfit| Failure::Invalid(unfit.0.into()))?;
        let has_guests = self.carries_guests(here.as_ref(), born);
        let mut pair = Pair { uid, name: name.to_owned(), born, twins, seen: Vec::new(), has_guests };
        if !quiet && (wanted.has_guests() || pair.base().has_guests()) {
            self.session.updates = self.terms.guests.updates();
        }
        self.renamed(&mut pair).await?;
        if here.as_ref().is_some_and(|here| map::has_unreachable_guest(&here.tree)) {
            self.mirrors.warn(&self.link, "guest_address", &pair.uid).await?;
        }
        let as_singles = self.wants_singles(born) && !wanted.0.contains_key(WHOLE);
        if let Step::Again = self.clear(&mut pair, as_singles).await? {
            return Ok(Step::Again);
        }
        if as_singles {
            return self.singles(&mut pair, &wanted).await;
        }
        // Dates of a series that is not hers stand by themselves (R5); others go with their series.
        let is_lone = pair.twin(WHOLE).is_none();
        if let Step::Again = self.whole(&mut pair, &wanted).await? {
            return Ok(Step::Again);
        }
        if wanted.whole().is_none() && !is_lone {
            return Ok(Step::Done);
        }
        self.occurrences(&mut pair, &wanted).await
    }

    /// The object stands under another name by now: what happens to the old name is no longer its business.
    async fn renamed(&self, pair: &mut Pair) -> Result<()> {
        let name = pair.name.clone();
        let old = pair.twins.iter_mut().filter(|twin| twin.name != name);
        let moved: Vec<Twin> = old
            .map(|twin| {
                twin.name = name.clone();
                twin.clone()
            })
            .collect();
        if moved.is_empty() { Ok(()) } else { Ok(self.mirrors.keep(&self.link, moved, Vec::new()).await?) }
    }

    async fn whole(&mut self, pair: &mut Pair, wanted: &Image) -> Result<Step> {
        let base = pair.base();
        match (base.whole(), wanted.whole()) {
            (None, None) => Ok(Step::Done),
            (None, Some(whole)) => {
                let mut body = whole.clone();
                if whole.contains_key("recurrence") {
                    body.insert("recurrence".into(), recurrence(whole, &out_lines(wanted)));
                }
                self.insert(pair, WHOLE, body).await
            }
            (Some(_), None) => self.delete(pair).await,
            (Some(old), Some(new)) => {
                let mut body = difference(old, new);
                // Times that come back to life bring their EXDATE lines with them.
                if body.contains_key("recurrence") || self.restores_line(pair, wanted) {
                    body.insert("recurrence".into(), recurrence(new, &taken_out(pair, wanted)));
                }
                if body.is_empty() {
                    return Ok(Step::Done);
                }
                let moves = ["start", "end", "recurrence"].iter().any(|name| body.contains_key(*name));
                let step = self.patch(pair, WHOLE, body).await?;
                if moves && matches!(step, Step::Done) {
                    self.rename(pair).await?;
                }
                Ok(step)
            }
        }
    }

    /// Whether an occurrence that only an EXDATE line takes out there stands here again.
    fn restores_line(&self, pair: &Pair, wanted: &Image) -> bool {
        let lines = pair.twins.iter().filter(|twin| twin.event.is_empty() && twin.recurrence != WHOLE);
        lines.into_iter().any(|twin| !matches!(wanted.0.get(&twin.recurrence), Some(None)))
    }

    /// Takes away what stands there in another shape than it is to have, and does so again where that is not known to have
    /// been done: nobody ever sees both.
    async fn clear(&mut self, pair: &mut Pair, as_singles: bool) -> Result<Step> {
        let other = |twin: &&Twin| match twin.recurrence.as_str() {
            WHOLE => as_singles,
            _ => !as_singles && self.is_single(twin),
        };
        let living = pair.twins.iter().filter(|twin| twin.gone_at.is_none());
        let keys = living.filter(|twin| twin.base == map::GIVES_WAY || other(twin));
        for key in keys.map(|twin| twin.recurrence.clone()).collect::<Vec<_>>() {
            if let Step::Again = self.give_way(pair, &key).await? {
                return Ok(Step::Again);
            }
        }
        Ok(Step::Done)
    }

    /// That it goes is written down first: its end there, when it is seen, is our own doing.
    async fn give_way(&mut self, pair: &mut Pair, key: &str) -> Result<Step> {
        let Some(twin) = pair.twin(key).cloned() else { return Ok(Step::Done) };
        self.keep(pair, Twin { base: map::GIVES_WAY.into(), ..twin.clone() }).await?;
        let calendar = self.link.calendar.clone();
        match self.session.delete(&calendar, &twin.event, &twin.etag).await {
            Ok(()) | Err(Error::Google(Failure::NotFound | Failure::Gone)) if key == WHOLE => {
                self.gone(pair).await?;
                pair.twins = self.mirrors.twins_by_uid(&self.link, std::slice::from_ref(&pair.uid)).await?;
                Ok(Step::Done)
            }
            Ok(()) | Err(Error::Google(Failure::NotFound | Failure::Gone)) => {
                self.used_up(pair, key).await.map(|()| Step::Done)
            }
            Err(Error::Google(Failure::Changed)) => {
                // Somebody changed it there: that is taken before it goes.
                self.keep(pair, twin.clone()).await?;
                self.compare(twin).await
            }
            Err(other) => Err(other),
        }
    }

    /// Its id there is never used again.
    async fn used_up(&mut self, pair: &mut Pair, key: &str) -> Result<()> {
        let Some(twin) = pair.twin(key).cloned() else { return Ok(()) };
        let now = self.mirrors.now();
        self.keep(pair, Twin { gone_at: Some(now), base: "null".into(), ..twin }).await
    }

    /// A series by its occurrences.
    async fn singles(&mut self, pair: &mut Pair, wanted: &Image) -> Result<Step> {
        let base = pair.base();
        let keys: std::collections::BTreeSet<&String> = base.0.keys().chain(wanted.0.keys()).collect();
        for key in keys {
            let part = |image: &Image| image.0.get(key).cloned().flatten();
            let step = match (part(&base), part(wanted)) {
                (None, None) => Step::Done,
                (None, Some(new)) => self.insert(pair, key, new).await?,
                (Some(_), None) => self.delete_single(pair, key).await?,
                (Some(old), Some(new)) => match difference(&old, &new) {
                    body if body.is_empty() => Step::Done,
                    body => self.patch(pair, key, body).await?,
                },
            };
            if let Step::Again = step {
                return Ok(Step::Again);
            }
        }
        Ok(Step::Done)
    }

    async fn delete_single(&mut self, pair: &mut Pair, key: &str) -> Result<Step> {
        let Some(twin) = pair.twin(key).cloned() else { return Ok(Step::Done) };
        let calendar = self.link.calendar.clone();
        match self.session.delete(&calendar, &twin.event, &twin.etag).await {
            Ok(()) | Err(Error::Google(Failure::NotFound | Failure::Gone)) => {
                self.keep(pair, Twin { base: "null".into(), ..twin }).await.map(|()| Step::Done)
            }
            Err(Error::Google(Failure::Changed)) => self.compare(twin).await,
            Err(other) => Err(other),
        }
    }

    /// Puts there what is not there: the whole, or an occurrence by itself.
    async fn insert(&mut self, pair: &mut Pair, key: &str, body: Fields) -> Result<Step> {
        for _ in 0..TRIES {
            let known = pair.twin(key);
            let generation = match known {
                None => 0,
                Some(twin) if twin.base.is_empty() && twin.gone_at.is_none() => twin.generation,
                Some(twin) => twin.generation + 1,
            };
            let id = self.marks.event_id(&self.link, (&pair.uid, key), generation);
            let twin = Twin {
                uid: pair.uid.clone(),
                recurrence: key.into(),
                name: pair.name.clone(),
                event: id.clone(),
                born: Born::Here,
                generation,
                etag: String::new(),
                base: String::new(),
                gone_at: None,
            };
            pair.born = Born::Here;
            self.keep(pair, twin).await?;
            let mut body = body.clone();
            body.insert("id".into(), id.clone().into());
            body.insert("extendedProperties".into(), self.marks.of(&self.link, &pair.uid, key));
            let calendar = self.link.calendar.clone();
            let done = match self.session.insert(&calendar, body.clone()).await {
                Err(Error::Google(failure)) if self.spares(pair, &failure, &mut body).await? => {
                    self.session.insert(&calendar, body).await
                }
                done => done,
            };
            match done {
                Ok(answer) => return self.agreed(pair, key, &answer).await.map(|()| Step::Done),
                Err(Error::Google(Failure::Taken)) => {
                    if self.adopt(pair, key, &id).await? {
                        return Ok(Step::Again);
                    }
                }
                Err(other) => return Err(other),
            }
        }
        Ok(Step::Again)
    }

    /// The id is taken: by our own insert, whose answer was lost, or by one that is deleted (false): then there is a next.
    async fn adopt(&mut self, pair: &mut Pair, key: &str, id: &str) -> Result<bool> {
        let calendar = self.link.calendar.clone();
        let found = match self.session.event(&calendar, id).await {
            Ok(fields) => Some(fields),
            Err(Error::Google(Failure::NotFound | Failure::Gone)) => None,
            Err(other) => return Err(other),
        };
        let is_ours =
            |seen: &Seen| self.marks.is_of(&seen.marks, &self.link, &pair.uid) && seen.part.is_some();
        let ours = found.filter(|fields| self.seen(fields).is_ok_and(|seen| is_ours(&seen)));
        match ours {
            Some(fields) => self.agreed(pair, key, &fields).await.map(|()| true),
            None => self.used_up(pair, key).await.map(|()| false),
        }
    }

    async fn delete(&mut self, pair: &Pair) -> Result<Step> {
        let Some(twin) = pair.twin(WHOLE) else { return Ok(Step::Done) };
        let calendar = self.link.calendar.clone();
        match self.session.delete(&calendar, &twin.event, &twin.etag).await {
            Ok(()) | Err(Error::Google(Failure::NotFound | Failure::Gone)) => {
                self.gone(pair).await.map(|()| Step::Done)
            }
            Err(Error::Google(Failure::Changed)) => self.compare(twin.clone()).await,
            Err(other) => Err(other),
        }
    }

    async fn patch(&mut self, pair: &mut Pair, key: &str, mut body: Fields) -> Result<Step> {
        let Some(twin) = pair.twin(key).cloned() else { return Ok(Step::Done) };
        if !self.flips.may(self.link.id, &pair.uid, Way::Push, self.mirrors.now()) {
            return Err(Failure::Invalid("loop".into()).into());
        }
        if body.contains_key(GUESTS)
            && let Step::Again = self.invites(pair, &twin, &mut body).await?
        {
            return Ok(Step::Again);
        }
        if body.is_empty() {
            return Ok(Step::Done);
        }
        let calendar = self.link.calendar.clone();
        let done = match self.session.patch(&calendar, &twin.event, &twin.etag, body.clone()).await {
            Err(Error::Google(failure)) if self.spares(pair, &failure, &mut body).await? => {
                if body.is_empty() {
                    return Ok(Step::Done);
                }
                self.session.patch(&calendar, &twin.event, &twin.etag, body).await
            }
            done => done,
        };
        match done {
            Ok(answer) => self.agreed(pair, key, &answer).await.map(|()| Step::Done),
            Err(Error::Google(Failure::Changed | Failure::NotFound | Failure::Gone)) => {
                self.compare(twin).await
            }
            // What is deleted cannot be changed: it answers as if it were forbidden [I].
            Err(Error::Google(Failure::Forbidden(why))) => match self.one(&twin.event).await?.part {
                None => self.compare(twin).await,
                Some(_) => Err(Failure::Forbidden(why).into()),
            },
            Err(other) => Err(other),
        }
    }

    /// Guests are sent as a whole list: it is looked at first. Where it is not as we know it, both sides are compared anew;
    /// where it is another's, it stays.
    async fn invites(&mut self, pair: &Pair, twin: &Twin, body: &mut Fields) -> Result<Step> {
        let calendar = self.link.calendar.clone();
        let stands = match self.session.event(&calendar, &twin.event).await {
            Ok(stands) => stands,
            Err(Error::Google(Failure::NotFound | Failure::Gone)) => return self.compare(twin.clone()).await,
            Err(other) => return Err(other),
        };
        let known = pair.read(&twin.base).flatten().unwrap_or_default();
        let are_known = map::alike(known.get(GUESTS), map::there(&stands, &self.own).as_ref());
        match body.remove(GUESTS) {
            Some(wanted) if map::are_told(&stands) => {
                if !are_known || stands.get("etag").and_then(Value::as_str) != Some(&twin.etag) {
                    return self.compare(twin.clone()).await;
                }
                body.insert(GUESTS.into(), map::sent(Some(&wanted), &stands, &self.own));
            }
            _ => {}
        }
        Ok(Step::Done)
    }

    /// Google does not accept one of the guests: the event goes without them, and the office is told (S71).
    async fn spares(&self, pair: &Pair, failure: &Failure, body: &mut Fields) -> Result<bool> {
        let is_it = *failure == Failure::Invalid(GUESTS.into()) && body.remove(GUESTS).is_some();
        if is_it {
            self.mirrors.warn(&self.link, "guest_address", &pair.uid).await?;
        }
        Ok(is_it)
    }

    /// Looks at the event as it is now and compares both sides anew.
    async fn compare(&mut self, twin: Twin) -> Result<Step> {
        let mut seen = self.one(&twin.event).await?;
        if seen.is_missing() && twin.recurrence != WHOLE && !self.is_single(&twin) {
            // No exception any more: the occurrence is like its series, and is found anew.
            self.mirrors.keep(&self.link, Vec::new(), vec![(twin.uid, twin.recurrence)]).await?;
            return Ok(Step::Again);
        }
        if seen.part.is_none() {
            seen.key = twin.recurrence.clone();
        }
        if let Some(doomed) = self.again(twin, seen).await? {
            self.bury(doomed).await?;
        }
        Ok(Step::Again)
    }

    /// Google may have moved the exceptions of a series with it: they keep their ids and are named anew. Or it dropped them.
    async fn rename(&mut self, pair: &mut Pair) -> Result<()> {
        let exceptions = pair.twins.iter().filter(|twin| twin.recurrence != WHOLE && !twin.event.is_empty());
        for twin in exceptions.cloned().collect::<Vec<_>>() {
            let seen = self.one(&twin.event).await?;
            let before = twin.recurrence.clone();
            if seen.is_missing() {
                self.forget(pair, &before).await?;
                continue;
            }
            let key = if seen.key == WHOLE { before.clone() } else { seen.key };
            let now = Twin { recurrence: key, etag: seen.etag, base: Image::row(&seen.part), ..twin };
            pair.twins.retain(|one| one.recurrence != before);
            if now.recurrence != before {
                self.mirrors.keep(&self.link, Vec::new(), vec![(pair.uid.clone(), before)]).await?;
            }
            self.keep(pair, now).await?;
        }
        Ok(())
    }

    async fn occurrences(&mut self, pair: &mut Pair, wanted: &Image) -> Result<Step> {
        let base = pair.base();
        let keys = base.0.keys().chain(wanted.0.keys()).filter(|key| *key != WHOLE);
        let keys: std::collections::BTreeSet<String> = keys.cloned().collect();
        for key in keys {
            if map::same_part(base.0.get(&key), wanted.0.get(&key)) {
                continue;
            }
            if let Step::Again = self.occurrence(pair, &key, wanted).await? {
                return Ok(Step::Again);
            }
        }
        Ok(Step::Done)
    }

    async fn occurrence(&mut self, pair: &mut Pair, key: &str, wanted: &Image) -> Result<Step> {
        let is_line = pair.twin(key).is_some_and(|twin| twin.event.is_empty());
        let goes = !wanted.0.contains_key(key);
        if goes && is_line {
            // The line went with the master.
            return self.forget(pair, key).await.map(|()| Step::Done);
        }
        let Some(old) = self.found(pair, key).await? else {
            return match wanted.0.get(key) {
                Some(Some(_)) => Err(Failure::Invalid("occurrence".into()).into()),
                _ => self.forget(pair, key).await.map(|()| Step::Done),
            };
        };
        let usual = wanted.whole().and_then(|whole| like_series(whole, key));
        let Some(new) = wanted.0.get(key).cloned().unwrap_or(usual) else {
            if old.is_none() {
                return self.forget(pair, key).await.map(|()| Step::Done);
            }
            let body = json!({ "status": "cancelled" }).as_object().cloned().unwrap_or_default();
            return self.patch(pair, key, body).await;
        };
        let mut body = difference(&old.clone().unwrap_or_default(), &new);
        body.remove("recurrence");
        if old.is_none() {
            body.insert("status".into(), new.get("status").cloned().unwrap_or_else(|| "confirmed".into()));
        }
        // One that is as its series again stays known: there it is an exception for good, and follows no longer by itself.
        if body.is_empty() { Ok(Step::Done) } else { self.patch(pair, key, body).await }
    }

    /// The occurrence there as we know it; asked for once where we do not. None: the series has no such one.
    async fn found(&mut self, pair: &mut Pair, key: &str) -> Result<Option<Part>> {
        let known = pair.twin(key).cloned();
        let stands = known.as_ref().filter(|twin| !twin.event.is_empty() && twin.gone_at.is_none());
        if let Some(twin) = stands {
            return Ok(pair.read(&twin.base));
        }
        let (Some(whole), Some(start)) = (pair.twin(WHOLE).cloned(), original(key)) else { return Ok(None) };
        let calendar = self.link.calendar.clone();
        let Some(fields) = self.session.instance(&calendar, &whole.event, &start).await? else {
            return Ok(None);
        };
        let Ok(seen) = self.seen(&fields) else { return Ok(None) };
        let twin = Twin {
            recurrence: key.to_owned(),
            event: seen.event,
            etag: seen.etag,
            base: Image::row(&seen.part),
            // Of ids that were used up while it stood there by itself.
            generation: known.map_or(0, |one| one.generation),
            ..whole
        };
        pair.twins.retain(|one| one.recurrence != key);
        pair.twins.push(twin);
        Ok(Some(pair.carried(seen.part)))
    }

    /// An answer to a write is what both sides agree on.
    async fn agreed(&mut self, pair: &mut Pair, key: &str, answer: &Fields) -> Result<()> {
        let Some(twin) = pair.twin(key).cloned() else { return Ok(()) };
        let seen =
            self.seen(answer).map_err(|_| Failure::Unreachable("an event that cannot be read".into()))?;
        let mut kept =
            vec![Twin { etag: seen.etag, base: Image::row(&seen.part), gone_at: None, ..twin.clone() }];
        let outs = seen.out.iter().filter(|_| key == WHOLE).map(|out| Twin {
            recurrence: out.clone(),
            event: String::new(),
            etag: String::new(),
            base: "null".into(),
            gone_at: None,
            generation: 0,
            ..twin.clone()
        });
        kept.extend(outs);
        pair.twins.retain(|one| !kept.iter().any(|new| new.recurrence == one.recurrence));
        pair.twins.extend(kept.clone());
        Ok(self.mirrors.keep(&self.link, kept, Vec::new()).await?)
    }

    async fn keep(&mut self, pair: &mut Pair, twin: Twin) -> Result<()> {
        pair.twins.retain(|one| one.recurrence != twin.recurrence);
        pair.twins.push(twin.clone());
        Ok(self.mirrors.keep(&self.link, vec![twin], Vec::new()).await?)
    }

    async fn forget(&mut self, pair: &mut Pair, key: &str) -> Result<()> {
        pair.twins.retain(|one| one.recurrence != key);
        Ok(self.mirrors.keep(&self.link, Vec::new(), vec![(pair.uid.clone(), key.to_owned())]).await?)
    }
}

/// The lines of a series with those that take occurrences out.
fn recurrence(whole: &Fields, out: &[String]) -> Value {
    let own = whole.get("recurrence").and_then(Value::as_array).cloned().unwrap_or_default();
    let lines = own.into_iter().chain(out.iter().map(|line| line.as_str().into()));
    let lines: Vec<Value> = lines.collect();
    if lines.is_empty() { Value::Null } else { Value::Array(lines) }
}

fn exdate(key: &str) -> String {
    if key.len() == 8 { format!("EXDATE;VALUE=DATE:{key}") } else { format!("EXDATE:{key}") }
}

/// All occurrences that are taken out here.
fn out_lines(wanted: &Image) -> Vec<String> {
    let out = wanted.0.iter().filter(|(key, part)| *key != WHOLE && part.is_none());
    out.map(|(key, _)| exdate(key)).collect()
}

/// Of these, the ones that a line takes out there and not an exception.
fn taken_out(pair: &Pair, wanted: &Image) -> Vec<String> {
    let lines = pair.twins.iter().filter(|twin| twin.event.is_empty() && twin.recurrence != WHOLE);
    let still = lines.filter(|twin| matches!(wanted.0.get(&twin.recurrence), Some(None)));
    still.map(|twin| exdate(&twin.recurrence)).collect()
}
