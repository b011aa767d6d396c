//! From rows and texts to the index of free time: who can be booked, when they are open, what stands on them. Always for
//! many at once; a statement or two for some hundreds.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ical::Zone;
use store::{
    Bookable, ClinicId, CollectionId, PrincipalId, PrincipalKind, ProfileStatus, ResourceTerm, Taken,
};

use super::Clinic;
use super::catalogue::Catalogue;
use super::error::Result;
use super::free::{About, Resource, Tag, TermKey};
use super::interval::{Busy, Open, Site, settled};
use super::live::{Index, Kept, News, number, numbers};
use super::open::HOURS;
use super::wall::DAY;

/// Resources read, or changed, at a time.
pub(super) const SOME: usize = 500;
/// Who says no mode works in every one; no term has this id.
pub(super) const ANY_MODE: TermKey = TermKey(0);

/// From when to when everybody is closed. Of many: settled.
pub(super) type Closed = (i64, i64, ());

/// What is to be changed in an index, read and ready.
#[derive(Default)]
pub(super) struct Changes {
    upto: i64,
    pub catalogue: Option<Arc<Catalogue>>,
    house: Option<PrincipalId>,
    gone: Vec<PrincipalId>,
    come: Vec<(Resource, Vec<Open>)>,
    hours: Vec<(CollectionId, PrincipalId)>,
    /// Whose time is as `taken` says, from when to when.
    spans: Vec<(PrincipalId, i64, i64)>,
    /// By resource and time.
    taken: Vec<Taken>,
    /// When everybody is closed, where that is different now; and the part of it that is new.
    closed: Option<Vec<Closed>>,
    closing: Vec<Open>,
    /// From when to when these people's hours are these: on days that come, or are no holidays any more.
    open: Vec<(i64, i64, HashMap<PrincipalId, Vec<Open>>)>,
}

/// The days that come into an index when today is another day.
pub(super) struct Days {
    /// Where the index begins that they are for.
    pub begins: i64,
    /// What it knows is known until here; the rest is read.
    window: (i64, i64),
    /// When everybody is closed in them.
    pub closed: Vec<Closed>,
    /// Everybody.
    pub ids: Vec<PrincipalId>,
}

/// Who somebody is, and when they are open.
struct Read {
    come: Vec<(Resource, Vec<Open>)>,
    hours: Vec<(CollectionId, PrincipalId)>,
}

impl Clinic {
    /// Reads everybody of a clinic into an empty index: while some are put into it, the next are read. Those who are asked
    /// for by one word sit side by side in it: a search by it reads little else.
    pub(super) async fn fill(&self, clinic: ClinicId, mut index: Index, now: i64) -> Result<Index> {
        let mut conn = self.store().read(clinic).await?;
        index.house = conn.house(clinic).await?;
        let order = conn.bookables_by_term(clinic).await?;
        drop(conn);
        let (catalogue, window) = (index.catalogue.clone(), index.free.needed());
        let closed = self.closings((clinic, now), index.house, window).await?;
        index.closed.clone_from(&closed);
        let read = async |ids: Option<&[PrincipalId]>| match ids {
            Some(ids) => self.some((clinic, now), ids, (&catalogue, &closed), window).await.map(Some),
            None => Ok(None),
        };
        let mut parts = order.chunks(SOME);
        let mut next = read(parts.next()).await?;
        while let Some(changes) = next {
            let put = super::plan::compute(move || {
                changes.put(&mut index);
                index
            });
            let (put, read) = tokio::join!(put, read(parts.next()));
            (index, next) = (put?, read?);
        }
        Ok(index)
    }

    /// Some with all of their time, in their order.
    async fn some(
        &self,
        (clinic, now): (ClinicId, i64),
        ids: &[PrincipalId],
        of: (&Catalogue, &[Closed]),
        window: (i64, i64),
    ) -> Result<Changes> {
        let found = self.store().read(clinic).await?.bookables_of(clinic, ids).await?;
        let Read { mut come, hours } = self.describe(clinic, found, of, window).await?;
        let spans: Vec<_> = come.iter().map(|(who, _)| (who.id, window.0, window.1)).collect();
        let taken = self.taken_beside((clinic, now), &spans).await?;
        let places: HashMap<_, usize> = ids.iter().zip(0..).collect();
        come.sort_by_key(|(who, _)| places.get(&who.id));
        Ok(Changes { come, hours, spans, taken, ..Changes::default() })
    }

    /// What stands on so many that two connections read it beside one another.
    async fn taken_beside(
        &self,
        (clinic, now): (ClinicId, i64),
        spans: &[(PrincipalId, i64, i64)],
    ) -> Result<Vec<Taken>> {
        let read = |spans: &[(PrincipalId, i64, i64)]| {
            let (store, spans) = (self.store().clone(), spans.to_vec());
            tokio::spawn(async move { store.read(clinic).await?.taken(clinic, &spans, now).await })
        };
        let (some, others) = spans.split_at(spans.len() / 2);
        let (some, others) = (read(some), read(others));
        let stopped = |error| crate::calendar::Error::Broken(Box::new(error));
        let (mut found, others) = (some.await.map_err(stopped)??, others.await.map_err(stopped)??);
        found.extend(others);
        // Two parts in order: that is seen, and costs little.
        found.sort_by_key(|one| (one.resource, one.span));
        Ok(found)
    }

    /// What the news come to.
    pub(super) async fn changes(&self, kept: &Arc<Kept>, news: &News, now: i64) -> Result<Changes> {
        let (clinic, who) = (kept.id, news.who.iter().copied().collect::<Vec<_>>());
        let mut changes = Changes { upto: news.upto, ..Changes::default() };
        if news.catalogue {
            changes.catalogue = Some(Arc::new(Catalogue::read(self.store(), clinic).await?));
        }
        let known = kept
            .read(|index| (index.catalogue.clone(), index.free.needed(), index.house, index.closed.clone()));
        let Some((catalogue, window, mut house, mut closed)) = known else { return Ok(changes) };
        if house.is_none() && !who.is_empty() {
            house = self.store().read(clinic).await?.house(clinic).await?;
            changes.house = house;
        }
        if changes.house.is_some() || house.is_some_and(|house| news.touched.contains_key(&house)) {
            // A holiday is a matter of everybody's hours: what it takes of them is known, what it gives back is read.
            let before = std::mem::take(&mut closed);
            closed = self.closings((clinic, now), house, window).await?;
            changes.closing = beside(&closed, &before);
            let all: Vec<_> = kept.read(|index| index.free.ids().collect()).unwrap_or_default();
            for Open { from, until, .. } in beside(&within(before, window), &closed) {
                let open = self.hours_beside(clinic, &all, &closed, (from, until)).await?;
                changes.open.push((from, until, open));
            }
            changes.closed = Some(closed.clone());
        }
        let of = news.touched.keys().copied().chain(who.iter().copied()).collect::<Vec<_>>();
        let known = kept.read(|index| {
            let is_known = |id: &PrincipalId| index.free.resource(*id).is_some_and(|who| who.active);
            of.iter().copied().filter(is_known).collect::<HashSet<_>>()
        });
        let known = known.unwrap_or_default();
        let catalogue = changes.catalogue.clone().unwrap_or(catalogue);
        for some in who.chunks(SOME) {
            let found = self.store().read(clinic).await?.bookables_of(clinic, some).await?;
            let read = self.describe(clinic, found, (&catalogue, &closed), window).await?;
            let are: HashSet<_> = read.come.iter().map(|(who, _)| who.id).collect();
            changes.gone.extend(some.iter().filter(|id| known.contains(id) && !are.contains(id)));
            changes.spans.extend(are.difference(&known).map(|id| (*id, window.0, window.1)));
            changes.come.extend(read.come);
            changes.hours.extend(read.hours);
        }
        let new: HashSet<_> = changes.spans.iter().map(|span| span.0).collect();
        let touched = news.touched.iter().filter(|(id, _)| known.contains(id) && !new.contains(id));
        let inside =
            |(id, span): (&PrincipalId, &(i64, i64))| (*id, span.0.max(window.0), span.1.min(window.1));
        changes.spans.extend(touched.map(inside).filter(|(_, from, until)| from < until));
        if !changes.spans.is_empty() {
            changes.taken = self.store().read(clinic).await?.taken(clinic, &changes.spans, now).await?;
            // What begins later is of the days that come, and would stand there twice.
            changes.taken.retain(|one| one.span.start < window.1);
        }
        Ok(changes)
    }

    /// The days that are to come into an index; None: there is none.
    pub(super) async fn days(&self, kept: &Kept, now: i64) -> Result<Option<Days>> {
        let known = kept.read(|index| {
            let begins = index.free.span().0;
            let (from, passed) = (index.free.needed().1, now.div_euclid(DAY) * DAY - begins);
            let ids: Vec<_> = index.free.ids().collect();
            (Days { begins, window: (from, from + passed), closed: Vec::new(), ids }, index.house)
        });
        let Some((days, house)) = known else { return Ok(None) };
        let closed = self.closings((kept.id, now), house, days.window).await?;
        Ok(Some(Days { closed, ..days }))
    }

    /// What some have on them.
    pub(super) async fn days_of(
        &self,
        (clinic, now): (ClinicId, i64),
        days: &Days,
        some: &[PrincipalId],
    ) -> Result<Changes> {
        let (from, until) = days.window;
        let open = self.hours_beside(clinic, some, &days.closed, (from, until)).await?;
        let spans: Vec<_> = some.iter().map(|id| (*id, from, until)).collect();
        let mut taken = self.store().read(clinic).await?.taken(clinic, &spans, now).await?;
        // What began before is known.
        taken.retain(|one| one.span.start >= from);
        Ok(Changes { spans, taken, open: vec![(from, until, open)], ..Changes::default() })
    }

    /// When people are open, without the clinic's holidays.
    pub(super) async fn hours_of(
        &self,
        (clinic, now): (ClinicId, i64),
        of: &[PrincipalId],
        house: Option<PrincipalId>,
        (from, until): (i64, i64),
    ) -> Result<HashMap<PrincipalId, Vec<Open>>> {
        let closed = self.closings((clinic, now), house, (from, until)).await?;
        self.hours_beside(clinic, of, &closed, (from, until)).await
    }

    /// The same, where the holidays are known.
    async fn hours_beside(
        &self,
        clinic: ClinicId,
        of: &[PrincipalId],
        closed: &[Closed],
        (from, until): (i64, i64),
    ) -> Result<HashMap<PrincipalId, Vec<Open>>> {
        let open = self.open_hours(clinic, of, from, until).await?;
        Ok(open.into_iter().map(|(id, open)| (id, outside(open, closed))).collect())
    }

    /// When the house closes everybody's time.
    async fn closings(
        &self,
        (clinic, now): (ClinicId, i64),
        house: Option<PrincipalId>,
        (from, until): (i64, i64),
    ) -> Result<Vec<Closed>> {
        let Some(house) = house else { return Ok(Vec::new()) };
        let closed = self.store().read(clinic).await?.taken(clinic, &[(house, from, until)], now).await?;
        let closed = settled(closed.iter().map(|one| (one.span.start, one.span.end, ())).collect());
        Ok(within(closed, (from, until)))
    }

    /// Those of them that can be booked, with their terms and hours.
    async fn describe(
        &self,
        clinic: ClinicId,
        found: Vec<Bookable>,
        (catalogue, closed): (&Catalogue, &[Closed]),
        window: (i64, i64),
    ) -> Result<Read> {
        let is_active = |one: &Bookable| {
            one.profile.status == ProfileStatus::Active && one.principal.disabled_at.is_none()
        };
        let found: Vec<_> = found.into_iter().filter(is_active).collect();
        let ids: Vec<_> = found.iter().map(|one| one.principal.id).collect();
        let people: Vec<_> = found
            .iter()
            .filter(|one| one.principal.kind == PrincipalKind::Individual)
            .map(|one| one.principal.id)
            .collect();
        let mut conn = self.store().read(clinic).await?;
        let resources = conn.resources_by_id(clinic, &ids).await?;
        let capacity: HashMap<_, _> = resources.iter().map(|one| (one.id, one.capacity)).collect();
        let terms = conn.terms_of(clinic, &ids).await?;
        let calendars = conn.collections_called(clinic, HOURS, &people).await?;
        drop(conn);
        let mut open = self.hours_beside(clinic, &people, closed, window).await?;
        let come = found.into_iter().filter_map(|one| {
            let id = one.principal.id;
            let first = terms.partition_point(|term| term.resource < id);
            let own = terms[first..].iter().take_while(|term| term.resource == id);
            let capacity = u32::try_from(*capacity.get(&id)?).unwrap_or(u32::MAX);
            Some((resource(one, capacity, own, catalogue), open.remove(&id).unwrap_or_default()))
        });
        let come = come.collect();
        Ok(Read { come, hours: calendars.into_iter().map(|row| (row.id, row.owner)).collect() })
    }
}

/// The part of closed time in a window.
fn within(closed: Vec<Closed>, (from, until): (i64, i64)) -> Vec<Closed> {
    let cut = closed.into_iter().map(|one| (one.0.max(from), one.1.min(until), ()));
    cut.filter(|one| one.0 < one.1).collect()
}

/// What of closed time lies beside other closed time.
fn beside(closed: &[Closed], others: &[Closed]) -> Vec<Open> {
    let all =
        closed.iter().map(|(from, until, ())| Open { from: *from, until: *until, site: Site::default() });
    outside(all.collect(), others)
}

/// What is left of open time beside closed spans, which are settled.
fn outside(open: Vec<Open>, closed: &[Closed]) -> Vec<Open> {
    let mut left = Vec::with_capacity(open.len());
    for one in open {
        let mut from = one.from;
        let first = closed.partition_point(|span| span.1 <= one.from);
        for (begins, ends, ()) in closed[first..].iter().take_while(|span| span.0 < one.until) {
            left.push(Open { from, until: *begins, ..one });
            from = from.max(*ends);
        }
        left.push(Open { from, ..one });
    }
    left.retain(|one| one.from < one.until);
    left
}

fn resource<'a>(
    one: Bookable,
    capacity: u32,
    terms: impl Iterator<Item = &'a ResourceTerm>,
    catalogue: &Catalogue,
) -> Resource {
    let is_person = one.principal.kind == PrincipalKind::Individual;
    let tag = |term: &ResourceTerm| Tag {
        term: TermKey(term.term.0),
        dimension: catalogue.about(term.term),
        weekdays: term.weekdays,
    };
    let mut tags: Vec<Tag> = terms.map(tag).collect();
    if is_person && !tags.iter().any(|tag| tag.dimension == About::Mode) {
        tags.push(Tag { term: ANY_MODE, dimension: About::Mode, weekdays: store::EVERY_DAY });
    }
    let zone = one.principal.zone.as_deref().and_then(Zone::named);
    Resource {
        id: one.principal.id,
        kind: one.principal.kind,
        zone: zone.unwrap_or_else(Zone::utc),
        capacity,
        active: true,
        online: one.profile.online && one.profile.public,
        always_open: !is_person,
        rank: 0,
        tags,
    }
}

impl Changes {
    /// Brings a kept index to where these changes lead.
    pub fn apply(self, kept: &Kept, now: i64) {
        kept.change(now, |index| {
            if let Some(index) = index {
                self.put(index);
            }
        });
    }

    /// Makes them.
    pub fn put(self, index: &mut Index) {
        if let Some(catalogue) = self.catalogue {
            index.numbers = numbers(&catalogue, std::mem::take(&mut index.numbers));
            index.catalogue = catalogue;
        }
        index.house = self.house.or(index.house);
        for id in self.gone {
            index.free.remove(id);
            Arc::make_mut(&mut index.hours).retain(|_, owner| *owner != id);
        }
        if !self.hours.is_empty() {
            Arc::make_mut(&mut index.hours).extend(self.hours);
        }
        let window = index.free.needed();
        let numbers = &mut index.numbers;
        let mut busy_of = |id: PrincipalId| -> Vec<Busy> {
            let first = self.taken.partition_point(|one| one.resource < id);
            let own = self.taken[first..].iter().take_while(|one| one.resource == id);
            own.map(|one| busy(one, numbers)).collect()
        };
        // Who comes and is read whole is laid out once.
        let come: HashSet<_> = self.come.iter().map(|(who, _)| who.id).collect();
        let is_whole = |span: &(PrincipalId, i64, i64)| (span.1, span.2) == window && come.contains(&span.0);
        let (whole, spans): (Vec<_>, Vec<_>) = self.spans.into_iter().partition(is_whole);
        let whole: HashSet<_> = whole.into_iter().map(|span| span.0).collect();
        for (who, open) in self.come {
            let busy = whole.contains(&who.id).then(|| busy_of(who.id));
            index.free.lay(who, window, &open, busy.as_deref());
        }
        for (id, from, until) in spans {
            index.free.replace_busy(id, from, until, &busy_of(id));
        }
        if let Some(closed) = self.closed {
            index.closed = closed;
        }
        for Open { from, until, .. } in self.closing {
            index.free.close(from, until);
        }
        for (from, until, open) in self.open {
            for (id, open) in open {
                index.free.replace_open(id, from, until, &open);
            }
        }
        index.seen = index.seen.max(self.upto);
    }
}

/// A row as the index has it.
fn busy(row: &Taken, codes: &mut HashMap<String, u16>) -> Busy {
    let seconds = |length: i64| u32::try_from(length).unwrap_or(0);
    Busy {
        start: row.span.start,
        end: row.span.end,
        before: seconds(row.span.start - row.span.from),
        after: seconds(row.span.until - row.span.end),
        closed: row.closed,
        service: row.service.as_deref().map_or(0, |code| number(codes, code)),
        expires: row.expires_at,
    }
}
