//! The horizon moves by a day each day: what every series brings on the new day becomes intervals. It never fails: what
//! finds no room there is marked and counted, because it was promised long ago.

use ical::{Budget, Window};
use store::{Busy, BusyKind, ClinicId, Mark, Object, Origin, PrincipalId, Resource, Source};

use super::Clinic;
use super::error::{Error, Result};
use super::fit::Board;
use super::plan::{self, Kept};
use super::text;
use crate::calendar::Work;

/// Resources read at a time, and objects of one resource.
const PAGE: u32 = 200;
const OBJECTS: u32 = 100_000;
/// Why an interval is marked that nobody was asked about.
const FOUND: &str = "found when its day came within the horizon";

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extended {
    pub intervals: u64,
    /// Those that found no room.
    pub marked: u64,
}

impl Clinic {
    /// Extends every resource of every clinic to today's horizon, and forgets what is long over. Costs a read where
    /// there is nothing to do.
    pub async fn extend_horizons(&self) -> Result<Extended> {
        let mut sum = Extended::default();
        let now = self.store().clock().now();
        let clinics = self.store().across().await?.clinics().await?;
        for clinic in clinics {
            let (id, before) = (clinic.id, now - plan::BEHIND);
            let mut after = PrincipalId(0);
            loop {
                let page = self.store().read(id).await?.resources(id, after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = last.id;
                for resource in page.into_iter().filter(|one| one.reached < plan::horizon(now)) {
                    let done = self.extend(id, resource.id).await?;
                    sum.intervals += done.intervals;
                    sum.marked += done.marked;
                }
            }
            let pruned =
                self.store().aside(move |aside| Box::pin(async move { aside.prune_busy(id, before).await }));
            pruned.await.map_err(|error: store::Error| Error::from(error))?;
        }
        if sum.marked > 0 {
            tracing::warn!(
                intervals = sum.marked,
                "appointments meet on the new day of the horizon: they are marked"
            );
        }
        Ok(sum)
    }

    async fn extend(&self, clinic: ClinicId, id: PrincipalId) -> Result<Extended> {
        let done = self.calendars.together(clinic, move |work| {
            Box::pin(async move {
                let until = plan::horizon(work.tx().now());
                let Some(resource) = work.tx().resource(clinic, id).await? else {
                    return Ok(Extended::default());
                };
                if resource.reached >= until {
                    return Ok(Extended::default());
                }
                let done = fill(work, resource, Window { from: resource.reached, until }, &[]).await?;
                work.tx().reach_resource(id, until).await?;
                Ok::<_, Error>(done)
            })
        });
        done.await
    }

    /// Makes the busy rows of everybody again: after new time zone data, which moves what stands in a zone.
    pub async fn rebuild_all(&self) -> Result<Extended> {
        let mut sum = Extended::default();
        let clinics = self.store().across().await?.clinics().await?;
        for clinic in clinics {
            let mut after = PrincipalId(0);
            loop {
                let page = self.store().read(clinic.id).await?.resources(clinic.id, after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = last.id;
                for resource in page {
                    let done = self.rebuild(clinic.id, resource.id, None).await?;
                    sum.intervals += done.intervals;
                    sum.marked += done.marked;
                }
            }
        }
        Ok(sum)
    }

    /// Makes the busy rows of a resource again from its texts, at another capacity if one is given: what is marked
    /// stays marked, and what no longer fits is marked by the house.
    pub async fn rebuild(
        &self,
        clinic: ClinicId,
        id: PrincipalId,
        capacity: Option<i64>,
    ) -> Result<Extended> {
        let done = self.calendars.together(clinic, move |work| {
            Box::pin(async move {
                let now = work.tx().now();
                let missing = || Error::NotFound("resource");
                let resource = work.tx().resource(clinic, id).await?.ok_or_else(missing)?;
                let span = (plan::window(now).from, resource.reached);
                let moment = work.tx().moment();
                let stood = work.tx().busy_between(clinic, &[id], span, moment).await?;
                work.tx().vacate_resource(id).await?;
                if let Some(capacity) = capacity {
                    // Fewer places: whoever holds one asks again when they book.
                    for hold in store::holds_among(&stood) {
                        work.tx().remove_hold(&hold).await?;
                    }
                    work.tx().set_capacity(id, capacity).await?;
                }
                let resource = Resource { capacity: capacity.unwrap_or(resource.capacity), ..resource };
                let window = Window { from: plan::window(now).from, until: resource.reached };
                fill(work, resource, window, &stood).await
            })
        });
        done.await
    }
}

/// Puts the intervals that begin in the window where they belong; marks are as they `stood`.
async fn fill(work: &mut Work<'_>, resource: Resource, window: Window, stood: &[Busy]) -> Result<Extended> {
    let clinic = work.tx().clinic();
    let objects = work.tx().objects_beyond(clinic, resource.id, window.from, OBJECTS).await?;
    let calendars = plan::bookable(work, resource.id).await?;
    let found = plan::compute(move || intervals(resource.id, &objects, &calendars, window)).await??;
    let spans: Vec<_> = found.iter().map(|one| one.span).collect();
    let look = work.tx().look(&[resource.id], &spans, None).await?;
    // Only what is not marked: nobody is marked because of somebody who is.
    let plain: Vec<&Busy> = look.busy.iter().filter(|one| one.mark.is_none()).collect();
    let mut board = Board::of(resource.capacity, &plain, &look.closed);
    let mut sum = Extended::default();
    let mut rows = Vec::with_capacity(found.len());
    for mut one in found {
        let before = stood.iter().find(|old| old.span == one.span && old.source == one.source);
        one.mark = before.and_then(|old| old.mark.clone());
        if one.mark.is_none() && board.conflict(one.span, one.kind).is_some() {
            one.mark = Some(Mark { by: None, door: Origin::House, why: FOUND.into() });
            sum.marked += 1;
        }
        if one.mark.is_none() {
            board.add(one.span, one.kind);
        }
        sum.intervals += 1;
        rows.push(one);
    }
    work.tx().occupy(&rows).await?;
    Ok(sum)
}

/// In the order in which they were written first: whoever was there before is not marked.
fn intervals(
    resource: PrincipalId,
    objects: &[Object],
    calendars: &[Kept],
    window: Window,
) -> crate::calendar::Result<Vec<Busy>> {
    let mut budget = Budget::steps(20 * Budget::REQUEST);
    let mut all = Vec::new();
    let mut objects: Vec<&Object> = objects.iter().collect();
    objects.sort_by_key(|object| object.meta.created_at);
    for object in objects {
        let Some(Kept { kind, zone, .. }) = plan::kept_in(calendars, object.collection) else { continue };
        let Some(read) = object.text.as_ref().and_then(|text| plan::read(&text.0)) else { continue };
        let occurrences = read.digest.occurrences(window, zone, &mut budget)?;
        let buffers = text::buffers(&read.tree).unwrap_or_default();
        let service = text::service(&read.tree).filter(|_| *kind == BusyKind::Visit);
        let spans = plan::spans(&read, &occurrences, *kind, buffers)?;
        let within = spans.into_iter().filter(|span| window.from <= span.start && span.start < window.until);
        all.extend(within.map(|span| Busy {
            resource,
            span,
            kind: *kind,
            source: Source::Object(object.collection, object.meta.name.clone()),
            expires_at: None,
            mark: None,
            service: service.clone(),
        }));
    }
    Ok(all)
}
