//! From there to here: what changed since the sync token, or everything, page by page. Memory holds one page, the ids
//! seen of a full pull, and exceptions whose series has not come yet. The token is kept when all of it was taken, so that
//! a crash repeats and never skips.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::carry::{Doomed, Pair, Run};
use super::error::{Error, Failure, Result};
use super::map::{Seen, WHOLE};
use super::session::Page;
use super::terms::{self, Terms};
use crate::calendar::{Born, Errand, Twin, Way};

/// Deletions in one pull that are believed without asking: so many, or this part of all.
const BELIEVED: usize = 10;
const BELIEVED_PART: i64 = 5;
/// Exceptions that wait for their series; more are looked at when it comes.
const WAITING: usize = 5_000;

/// A pull under way.
#[derive(Default)]
struct Pulling {
    /// By the id of their series.
    waiting: BTreeMap<String, Vec<Seen>>,
    doomed: Vec<Doomed>,
    /// Of this page, what is new here.
    births: Vec<Pair>,
    /// Ids seen; only of a full pull.
    all: Option<HashSet<String>>,
}

impl Run<'_> {
    /// What changed there.
    pub async fn pull(&mut self) -> Result<()> {
        let covered = self.mirrors.link(self.link.clinic, self.link.id).await?.dirty;
        let token = self.link.token.clone();
        self.session.is_backfill = token.is_none();
        let token = match self.pages(token.as_deref()).await {
            Err(Error::Google(failure)) if token.is_some() && failure.ends_token() => {
                self.link.token = None;
                self.pages(None).await?
            }
            token => token?,
        };
        self.session.is_backfill = false;
        let now = self.mirrors.now();
        (self.link.token, self.link.done, self.link.polled_at) = (token, covered, now);
        terms::set(&mut self.link, |terms| (terms.approved, terms.anew) = (false, false))?;
        self.terms = Terms::of(&self.link);
        Ok(())
    }

    async fn pages(&mut self, token: Option<&str>) -> Result<Option<String>> {
        let all = token.is_none().then(HashSet::new);
        let mut pulling = Pulling { all, ..Pulling::default() };
        let calendar = self.link.calendar.clone();
        let mut page: Option<String> = None;
        let token = loop {
            let Page { items, next, token, zone } =
                self.session.events(&calendar, token, page.as_deref()).await?;
            self.zoned(zone)?;
            self.page(items, &mut pulling).await?;
            match next {
                Some(next) => page = Some(next),
                None => break token,
            }
        };
        self.orphans(&mut pulling).await?;
        if pulling.all.is_some() {
            self.sweep(&mut pulling).await?;
        }
        self.bury_all(pulling.doomed).await?;
        Ok(token)
    }

    fn zoned(&mut self, zone: Option<String>) -> Result<()> {
        if let Some(zone) = zone.filter(|zone| Some(zone) != self.terms.zone.as_ref()) {
            if let Some(known) = ical::Zone::named(&zone) {
                self.zone = known;
            }
            terms::set(&mut self.link, |terms| terms.zone = Some(zone))?;
            self.terms = Terms::of(&self.link);
        }
        Ok(())
    }

    /// One page: by series, so that a master and its exceptions are one write.
    async fn page(&mut self, items: Vec<Value>, pulling: &mut Pulling) -> Result<()> {
        let mut groups: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
        for item in items {
            let Value::Object(fields) = item else { continue };
            let id = fields.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(all) = &mut pulling.all {
                all.insert(id.clone());
            }
            match self.seen(&fields) {
                Ok(seen) => {
                    let series = seen.parent.clone().unwrap_or_else(|| id.clone());
                    groups.entry(series).or_default().push(seen);
                }
                // One that cannot be read spoils nothing: it is left to a person, by its id.
                Err(unfit) => self.dead(Way::Pull, &id, unfit.0).await?,
            }
        }
        self.look().await?;
        self.groups(groups, pulling).await
    }

    async fn groups(&mut self, groups: BTreeMap<String, Vec<Seen>>, pulling: &mut Pulling) -> Result<()> {
        // By its own id too: a date of a series that is not hers, cancelled, says no more than that (R5, R6).
        let own = groups.values().flatten().map(|seen| &seen.event);
        let ids: BTreeSet<&String> = groups.keys().chain(own).collect();
        let ids: Vec<String> = ids.into_iter().cloned().collect();
        let known = self.mirrors.twins_by_event(&self.link, &ids).await?;
        let uid_of: HashMap<&str, &str> = known.iter().map(|twin| (&*twin.event, &*twin.uid)).collect();
        let fresh = groups.iter().filter(|(series, _)| !uid_of.contains_key(series.as_str()));
        let uids: Vec<String> = fresh
            .filter_map(|(_, group)| group.iter().find_map(|seen| seen.uid.clone()))
            .chain(known.iter().map(|twin| twin.uid.clone()))
            .collect();
        let mut twins: BTreeMap<String, Vec<Twin>> = BTreeMap::new();
        for twin in self.mirrors.twins_by_uid(&self.link, &uids).await? {
            twins.entry(twin.uid.clone()).or_default().push(twin);
        }
        let names: HashMap<String, String> =
            self.mirrors.named(&self.shown, &uids).await?.into_iter().collect();
        for (series, group) in self.together(groups, &known) {
            let own = uid_of
                .get(series.as_str())
                .or_else(|| group.iter().find_map(|seen| uid_of.get(seen.event.as_str())))
                .map(|uid| (*uid).to_owned());
            let uid = own.or_else(|| group.iter().find_map(|seen| seen.uid.clone()));
            let twins = uid.as_ref().and_then(|uid| twins.get(uid)).cloned().unwrap_or_default();
            let name = uid.as_ref().and_then(|uid| names.get(uid)).cloned();
            self.group(series, (uid, name, twins), group, pulling).await?;
        }
        let births = std::mem::take(&mut pulling.births);
        pulling.doomed.extend(self.births(births).await?);
        Ok(())
    }

    /// Single events of one series are one object, and taken as one: by the first of their ids.
    fn together(&self, groups: BTreeMap<String, Vec<Seen>>, known: &[Twin]) -> BTreeMap<String, Vec<Seen>> {
        let (mut all, mut firsts) = (BTreeMap::<String, Vec<Seen>>::new(), BTreeMap::new());
        for (id, mut group) in groups {
            let single = known.iter().find(|twin| twin.event == id && self.is_single(twin));
            let first = match single {
                // It gave way to the series: its end is our own doing.
                Some(twin) if twin.gone_at.is_some() => continue,
                Some(twin) => {
                    let own = group.iter_mut().filter(|seen| seen.event == twin.event);
                    own.for_each(|seen| seen.key.clone_from(&twin.recurrence));
                    firsts.entry(twin.uid.as_str()).or_insert(id).clone()
                }
                None => id,
            };
            all.entry(first).or_default().extend(group);
        }
        all
    }

    async fn group(
        &mut self,
        series: String,
        (uid, name, twins): (Option<String>, Option<String>, Vec<Twin>),
        group: Vec<Seen>,
        pulling: &mut Pulling,
    ) -> Result<()> {
        let is_known = |seen: &Seen| {
            twins
                .iter()
                .any(|twin| twin.event == seen.event && twin.etag == seen.etag && !twin.base.is_empty())
        };
        if !self.terms.anew && group.iter().all(is_known) {
            self.figures.echoed();
            return Ok(());
        }
        let is_gone = group.iter().all(|seen| seen.part.is_none());
        let is_over =
            |twin: &Twin| twin.event == series && twin.recurrence == WHOLE && twin.gone_at.is_some();
        if is_gone && twins.iter().any(is_over) {
            // Known to be no more, with its exceptions; perhaps it stands there by its occurrences now.
            return Ok(());
        }
        let has_whole = group.iter().any(|seen| seen.key == WHOLE);
        let is_living = twins.iter().any(|twin| twin.gone_at.is_none());
        if !has_whole && !is_living {
            // Its series comes on a later page, or never.
            let waiting: usize = pulling.waiting.values().map(Vec::len).sum();
            if waiting < WAITING {
                pulling.waiting.entry(series).or_default().extend(group);
            }
            return Ok(());
        }
        let Some(uid) = uid.filter(|_| !(is_gone && twins.is_empty())) else { return Ok(()) };
        let is_here = name.is_some();
        let pair = self.pair(series, (uid, name, twins), group);
        let waited = pulling.waiting.remove(pair.seen.first().map_or("", |seen| &seen.event));
        let pair = Pair { seen: pair.seen.into_iter().chain(waited.into_iter().flatten()).collect(), ..pair };
        match pair.is_birth(is_here) {
            true => pulling.births.push(pair),
            false => pulling.doomed.extend(self.take(pair).await?),
        }
        Ok(())
    }

    fn pair(&self, series: String, known: (String, Option<String>, Vec<Twin>), seen: Vec<Seen>) -> Pair {
        let (uid, name, twins) = known;
        let twin = twins.iter().find(|twin| twin.recurrence == WHOLE).or(twins.first());
        let is_foreign = |one: &Seen| one.is_foreign || self.marks.is_carried(&one.marks, &self.link);
        let born = match twin {
            Some(twin) => twin.born,
            None if seen.iter().any(is_foreign) => Born::Elsewhere,
            None => Born::There,
        };
        let name = twin.map(|twin| twin.name.clone()).or(name);
        let name = name.unwrap_or_else(|| self.marks.object_name(&self.link, &series));
        Pair { uid, name, born, twins, seen, has_guests: false }
    }

    /// Exceptions whose series never came: she is invited to these alone (R5). Cancelled ones are of nobody.
    async fn orphans(&mut self, pulling: &mut Pulling) -> Result<()> {
        for (series, group) in std::mem::take(&mut pulling.waiting) {
            let group: Vec<Seen> = group.into_iter().filter(|seen| seen.part.is_some()).collect();
            let Some(uid) = group.iter().find_map(|seen| seen.uid.clone()) else { continue };
            let twins = self.mirrors.twins_by_uid(&self.link, std::slice::from_ref(&uid)).await?;
            let name = self
                .mirrors
                .named(&self.shown, std::slice::from_ref(&uid))
                .await?
                .pop()
                .map(|(_, name)| name);
            let pair = self.pair(series, (uid, name, twins), group);
            pulling.doomed.extend(self.take(pair).await?);
        }
        Ok(())
    }

    /// Of a full pull: what both sides had and was not seen is asked for one by one, and goes only when it answers that it
    /// is gone (R7).
    async fn sweep(&mut self, pulling: &mut Pulling) -> Result<()> {
        let (mut missing, mut after) = (Vec::new(), Default::default());
        loop {
            let page = self.mirrors.twins_after(&self.link, after).await?;
            let Some(last) = page.last() else { break };
            after = (last.uid.clone(), last.recurrence.clone());
            let is_seen = |twin: &Twin| pulling.all.as_ref().is_some_and(|all| all.contains(&twin.event));
            missing.extend(page.into_iter().filter(|twin| !twin.base.is_empty() && !is_seen(twin)));
        }
        self.believed(missing.len() + pulling.doomed.len()).await?;
        for twin in missing {
            match self.one(&twin.event).await {
                Ok(seen) => pulling.doomed.extend(self.again(twin, seen).await?),
                Err(Error::Refused(unfit)) => self.dead(Way::Pull, &twin.event, &unfit).await?,
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// An event as it stands now; cancelled where it is no more.
    pub async fn one(&mut self, id: &str) -> Result<Seen> {
        let calendar = self.link.calendar.clone();
        match self.session.event(&calendar, id).await {
            Ok(fields) => self.seen(&fields).map_err(|unfit| Error::Refused(unfit.0.into())),
            Err(Error::Google(Failure::NotFound | Failure::Gone)) => Ok(Seen::gone(id)),
            Err(other) => Err(other),
        }
    }

    /// Takes one event of a known twin.
    pub async fn again(&mut self, twin: Twin, mut seen: Seen) -> Result<Option<Doomed>> {
        if self.is_single(&twin) {
            seen.key.clone_from(&twin.recurrence);
        }
        let twins = self.mirrors.twins_by_uid(&self.link, std::slice::from_ref(&twin.uid)).await?;
        let Twin { uid, name, born, .. } = twin;
        let pair = Pair { uid, name, born, twins, seen: vec![seen], has_guests: false };
        self.take(pair).await
    }

    async fn bury_all(&mut self, doomed: Vec<Doomed>) -> Result<()> {
        self.believed(doomed.len()).await?;
        for one in doomed {
            self.bury(one).await?;
        }
        Ok(())
    }

    /// The guard against mass deletion: nothing goes before a person looked.
    async fn believed(&self, count: usize) -> Result<()> {
        if count <= BELIEVED || self.terms.approved {
            return Ok(());
        }
        let (count, all) =
            (i64::try_from(count).unwrap_or(i64::MAX), self.mirrors.twins_total(&self.link).await?);
        if count.saturating_mul(BELIEVED_PART) > all { Err(Error::Guarded(count)) } else { Ok(()) }
    }

    /// An event that somebody must look at again: one that was deleted and could still come back.
    pub async fn look_again(&mut self, errand: &Errand) -> Result<()> {
        let key = std::slice::from_ref(&errand.key);
        let twin = self.mirrors.twins_by_event(&self.link, key).await?.into_iter().next();
        match twin.filter(|twin| twin.gone_at.is_none()) {
            Some(twin) => {
                let seen = self.one(&errand.key).await?;
                if let Some(doomed) = self.again(twin, seen).await? {
                    self.note(&doomed.pair, "cancelled_there").await?;
                    self.remove(&doomed.pair).await?;
                }
                Ok(self.mirrors.end_errand(&self.link, Way::Pull, &errand.key).await?)
            }
            None => self.retake(&errand.key).await,
        }
    }

    /// One that could not be taken, once more as it is now: it may be dead again.
    async fn retake(&mut self, id: &str) -> Result<()> {
        let calendar = self.link.calendar.clone();
        let found = match self.session.event(&calendar, id).await {
            Ok(fields) => vec![Value::Object(fields)],
            Err(Error::Google(Failure::NotFound | Failure::Gone)) => Vec::new(),
            Err(other) => return Err(other),
        };
        self.mirrors.end_errand(&self.link, Way::Pull, id).await?;
        let mut pulling = Pulling::default();
        self.page(found, &mut pulling).await?;
        self.orphans(&mut pulling).await?;
        self.bury_all(pulling.doomed).await
    }
}
