//! Blocks: what closes the time of a practitioner, a room or a device, as it is asked for, set and taken away. They stand
//! in its calendar `absences`, beside what a phone puts there. What those who run the clinic force, and approved leave,
//! is not changed by the phone either (`rules`).

use ical::{Budget, Window};
use store::{ClinicId, Object, PrincipalId};

use super::access::{self, Subject, Verb};
use super::closing::{self, BlockKind, Closing, Stretch};
use super::directory::{deed, still};
use super::error::{Error, Result, invalid};
use super::outside::{Outcome, Step};
use super::plan::{self, ABSENCES, Kept};
use super::wall::DAY;
use super::{By, Clinic, appointments, rules};
use crate::accounts::Caller;
use crate::calendar::Author;

/// Blocks that one list tells of.
pub const BLOCKS: usize = 1_000;

/// A closed time as it stands.
#[derive(Clone, Debug)]
pub struct Block {
    /// The name of its object without the ending.
    pub id: String,
    pub kind: BlockKind,
    /// Seconds UTC; of a series, of its first occurrence that was asked for.
    pub start: i64,
    pub end: i64,
    pub is_all_day: bool,
    pub rule: Option<String>,
    /// What was written on a phone is for whose phone it is.
    pub title: Option<String>,
    pub version: i64,
}

pub(super) fn by_of(by: Author<'_>) -> By {
    By { clinic: by.who.clinic(), who: Some(by.who.principal()), door: by.from }
}

impl Clinic {
    /// What closes the time of a resource between two instants, by its start.
    pub async fn blocks(
        &self,
        who: &Caller,
        of: PrincipalId,
        (from, until): (i64, i64),
    ) -> Result<Vec<Block>> {
        access::need(who, Subject::Blocks, Verb::Read, Some(of))?;
        let Some(window) = Window::new(from, until) else { return Ok(Vec::new()) };
        let is_own = who.principal() == of;
        let mut all = self.closed_in(who.clinic(), (of, ABSENCES), window).await?;
        for one in all.iter_mut().filter(|one| one.kind == BlockKind::Exception && !is_own) {
            one.title = None;
        }
        Ok(all)
    }

    pub(super) async fn closed_in(
        &self,
        clinic: ClinicId,
        (of, slug): (PrincipalId, &str),
        window: Window,
    ) -> Result<Vec<Block>> {
        let mut conn = self.store().read(clinic).await?;
        let calendar = conn.collection(clinic, of, slug).await?.ok_or(Error::NotFound("resource"))?;
        let kept = plan::kept(&mut conn, clinic, of).await?;
        let kept = kept.into_iter().find(|one| one.id == calendar.id).ok_or(Error::NotFound("resource"))?;
        let around = (window.from - DAY, window.until + DAY);
        let found = conn.texts_between(clinic, &[calendar.id], around).await?;
        drop(conn);
        let read = move || {
            let mut budget = Budget::steps(Budget::REQUEST);
            let mut all = found
                .into_iter()
                .filter_map(|object| block(object, &kept, window, &mut budget).transpose())
                .take(BLOCKS)
                .collect::<Result<Vec<Block>, ical::Error>>()?;
            all.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
            Ok(all)
        };
        plan::compute(read).await?
    }

    /// Closes time, or (with its id) changes how; the answer is its id and version.
    pub async fn put_block(
        &self,
        by: Author<'_>,
        (of, id): (PrincipalId, Option<String>),
        new: Closing,
        (version, step): (Option<i64>, Step),
    ) -> Result<Outcome<(String, i64)>> {
        access::need(by.who, Subject::Blocks, Verb::Write, Some(of))?;
        match new.kind {
            BlockKind::Leave | BlockKind::Holiday => {
                return invalid("kind", "leave is asked for, holidays are the clinic's");
            }
            BlockKind::Forced => access::need(by.who, Subject::Blocks, Verb::Govern, Some(of))?,
            _ => {}
        }
        new.check()?;
        let clinic = by.who.clinic();
        let old = match &id {
            Some(id) => Some(self.block_object(clinic, of, id).await?),
            None => None,
        };
        if let Some(old) = &old {
            still(version, old.meta.seq)?;
            may_change(by.who, of, old)?;
        }
        let kept = self.closed_calendar(clinic, of).await?;
        let (stamp, zone) = (self.store().clock().now(), &kept.zone);
        let id = id.map_or_else(appointments::unguessable, Ok)?;
        let text = match old.as_ref().and_then(|old| old.text.as_ref()) {
            Some(text) => new.over(&text.0, zone, stamp)?,
            None => new.text(&id, zone, stamp),
        };
        let outside = self.left_by_closing(clinic, Some(of), (&text, zone)).await?;
        if !step.goes_on(&outside)? {
            return Ok(Outcome { made: None, outside });
        }
        let (who, signed) = (by.who.clone(), by_of(by));
        let seen = old.map(|old| (old.meta.seq, old.meta.created_at));
        let made = self.calendars.together(clinic, move |work| {
            Box::pin(async move {
                let tx = work.tx();
                tx.sign(signed.door, signed.who);
                let name = rules::object_name(&id);
                let is = tx.object_meta(clinic, kept.id, &name).await?.map(|meta| meta.seq);
                if is != seen.map(|(seq, _)| seq) {
                    return Err(Error::Stale);
                }
                closing::close(work, signed, (of, &name), text, seen.map(|(_, created)| created)).await?;
                let what = serde_json::json!({ "block": id, "kind": new.kind.text() });
                work.tx().audit(vec![deed(&who, "block-made", format!("resource {of}"), what)]).await?;
                Ok::<_, Error>((id, work.tx().seq()))
            })
        });
        Ok(Outcome { made: Some(made.await?), outside })
    }

    /// Opens the time again.
    pub async fn remove_block(
        &self,
        by: Author<'_>,
        (of, id): (PrincipalId, &str),
        version: Option<i64>,
    ) -> Result<()> {
        access::need(by.who, Subject::Blocks, Verb::Write, Some(of))?;
        let old = self.block_object(by.who.clinic(), of, id).await?;
        still(version, old.meta.seq)?;
        may_change(by.who, of, &old)?;
        let (who, signed, id) = (by.who.clone(), by_of(by), id.to_owned());
        let gone = self.calendars.together(signed.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(signed.door, signed.who);
                if !closing::reopen(work, signed, (of, &rules::object_name(&id))).await? {
                    return Err(Error::NotFound("block"));
                }
                let what = serde_json::json!({ "block": id });
                work.tx().audit(vec![deed(&who, "block-removed", format!("resource {of}"), what)]).await?;
                Ok::<_, Error>(())
            })
        });
        gone.await
    }

    /// Opens what was closed between two instants, and only there: not what recurs, what is forced, nor leave. The answer
    /// is what was taken away.
    pub async fn clear_blocks(
        &self,
        by: Author<'_>,
        of: PrincipalId,
        (from, until): (i64, i64),
    ) -> Result<Vec<String>> {
        access::need(by.who, Subject::Blocks, Verb::Write, Some(of))?;
        let Some(window) = Window::new(from, until) else { return Ok(Vec::new()) };
        let all = self.closed_in(by.who.clinic(), (of, ABSENCES), window).await?;
        let goes = |one: &Block| {
            let is_fixed = matches!(one.kind, BlockKind::Forced | BlockKind::Leave);
            !is_fixed && one.rule.is_none() && from <= one.start && one.end <= until
        };
        let ids: Vec<String> = all.into_iter().filter(goes).map(|one| one.id).collect();
        let (who, signed) = (by.who.clone(), by_of(by));
        let cleared = self.calendars.together(signed.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(signed.door, signed.who);
                for id in &ids {
                    closing::reopen(work, signed, (of, &rules::object_name(id))).await?;
                }
                let what = serde_json::json!({ "blocks": ids });
                work.tx().audit(vec![deed(&who, "blocks-cleared", format!("resource {of}"), what)]).await?;
                Ok::<_, Error>(ids)
            })
        });
        cleared.await
    }

    async fn block_object(&self, clinic: ClinicId, of: PrincipalId, id: &str) -> Result<Object> {
        let mut conn = self.store().read(clinic).await?;
        let calendar = conn.collection(clinic, of, ABSENCES).await?.ok_or(Error::NotFound("block"))?;
        let found = conn.object(clinic, calendar.id, &rules::object_name(id)).await?;
        found.ok_or(Error::NotFound("block"))
    }

    /// The calendar of a resource in which everything blocks.
    pub(super) async fn closed_calendar(&self, clinic: ClinicId, of: PrincipalId) -> Result<Kept> {
        let kept = plan::kept(&mut self.store().read(clinic).await?, clinic, of).await?;
        let block = store::BusyKind::Block;
        kept.into_iter().find(|one| one.kind == block).ok_or(Error::NotFound("resource"))
    }
}

/// What is forced is for those who may force; leave is taken back as leave.
fn may_change(who: &Caller, of: PrincipalId, old: &Object) -> Result<()> {
    let tree = old.text.as_ref().and_then(|text| plan::read(&text.0)).map(|object| object.tree);
    match tree.as_ref().map(closing::kind) {
        Some(BlockKind::Forced) => access::need(who, Subject::Blocks, Verb::Govern, Some(of)),
        Some(BlockKind::Leave) => invalid("block", "it is leave: cancel the leave"),
        _ => Ok(()),
    }
}

/// An object as a block; None where it closes nothing in the window.
fn block(
    object: Object,
    kept: &Kept,
    window: Window,
    budget: &mut Budget,
) -> Result<Option<Block>, ical::Error> {
    let Some(read) = object.text.as_ref().and_then(|text| plan::read(&text.0)) else { return Ok(None) };
    let found = read.digest.occurrences(window, &kept.zone, budget)?;
    let mut stands = found.iter().filter(|one| one.busy != ical::Busy::Free);
    let (Some(first), Some(part)) = (stands.next(), read.tree.parts().next()) else { return Ok(None) };
    let id = object.meta.name.strip_suffix(".ics").unwrap_or(&object.meta.name).to_owned();
    let title = part.get("SUMMARY").map(|line| line.text().into_owned());
    let is_all_day = part.get("DTSTART").is_some_and(|line| !line.value().contains(['T', 't']));
    Ok(Some(Block {
        id,
        kind: closing::kind(&read.tree),
        start: first.start,
        end: first.end,
        is_all_day,
        rule: part.get("RRULE").map(|line| line.value().to_owned()),
        title,
        version: object.meta.seq,
    }))
}

/// The stretch of two instants: whole days where both are midnights of the zone.
pub(super) fn stretch(zone: &ical::Zone, (first, last): (i64, i64)) -> Stretch {
    let (start, end) = (zone.to_civil(first), zone.to_civil(last));
    match (start.rem_euclid(DAY), end.rem_euclid(DAY)) {
        (0, 0) => Stretch::Days(start.div_euclid(DAY), end.div_euclid(DAY) - 1),
        _ => Stretch::Time(first, last),
    }
}
