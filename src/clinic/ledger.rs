//! The busy rows of one change: what stood, what will stand, what finds no room. Used by the rule inside a client's
//! write and by the clinic's own bookings alike, so that both decide by the same rows.

use std::collections::{BTreeMap, HashSet};

use store::{Busy, BusyKind, Fact, HoldBecame, Look, Mark, PrincipalId, Resource, Source, Span, holds_among};

use super::error::Conflict;
use super::fit::Board;
use crate::calendar::{Result, Work};

/// One resource's part in a change: which object its intervals came from, and from which they come now.
#[derive(Clone, Debug)]
pub struct Place {
    pub resource: PrincipalId,
    pub old: Option<Source>,
    pub new: Option<Source>,
}

/// A change of some resources' time, all at the same spans.
#[derive(Clone, Debug)]
pub struct Change {
    pub places: Vec<Place>,
    pub wanted: Vec<Span>,
    pub kind: BusyKind,
    /// With whom they count for a service, by its code: limits are a practitioner's.
    pub counts: Option<(PrincipalId, String)>,
    /// The hold that is being turned into this.
    pub used: Option<String>,
    /// It wins over live holds: a practitioner's own change.
    pub is_strong: bool,
}

/// What a change comes to.
#[derive(Debug, Default)]
pub struct Weighed {
    pub resources: Vec<Resource>,
    pub stood: Vec<Busy>,
    gone: Vec<Busy>,
    come: Vec<(Busy, Option<BusyKind>)>,
    /// Holds that lose their time, and whose it is.
    beaten: Vec<(String, PrincipalId)>,
}

impl Weighed {
    /// What finds no room.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let met = self.come.iter().filter_map(|(busy, kind)| {
            let (start, end) = (busy.span.start, busy.span.end);
            Some(Conflict { resource: busy.resource, kind: (*kind)?, start, end })
        });
        met.collect()
    }

    /// Whether every resource asked for exists.
    pub fn knows(&self, ids: impl IntoIterator<Item = PrincipalId>) -> bool {
        ids.into_iter().all(|id| self.resources.iter().any(|one| one.id == id))
    }

    pub fn resource(&self, id: PrincipalId) -> Option<Resource> {
        self.resources.iter().copied().find(|one| one.id == id)
    }
}

/// Compares the change with everything near it, and writes nothing but the end of holds that have run out.
pub async fn weigh(work: &mut Work<'_>, change: &Change) -> Result<Weighed> {
    let clinic = work.tx().clinic();
    let olds: Vec<Source> = change.places.iter().filter_map(|place| place.old.clone()).collect();
    let stood = if olds.is_empty() { Vec::new() } else { work.tx().busy_from_any(clinic, &olds).await? };
    let mut weighed = Weighed { stood, ..Weighed::default() };
    let mut added: Vec<(PrincipalId, &Source, Vec<Span>)> = Vec::new();
    let wanted_all: HashSet<Span> = change.wanted.iter().copied().collect();
    for place in &change.places {
        let same = place.old == place.new;
        let mine = || weighed.stood.iter().filter(|one| one.resource == place.resource);
        let wanted = |span: &Span| place.new.is_some() && wanted_all.contains(span);
        let gone: Vec<Busy> = mine().filter(|one| !same || !wanted(&one.span)).cloned().collect();
        if let Some(new) = &place.new {
            let stands: HashSet<Span> = match same {
                true => mine().filter(|one| one.kind == change.kind).map(|one| one.span).collect(),
                false => HashSet::new(),
            };
            let new_ones = change.wanted.iter().filter(|span| !stands.contains(span)).copied().collect();
            added.push((place.resource, new, new_ones));
        }
        weighed.gone.extend(gone);
    }
    let ids: Vec<PrincipalId> = added.iter().map(|(id, ..)| *id).collect();
    let mut around: Vec<Span> = added.iter().flat_map(|(.., spans)| spans.iter().copied()).collect();
    around.sort_unstable();
    around.dedup();
    if added.is_empty() || (around.is_empty() && !change.wanted.is_empty()) {
        return Ok(weighed);
    }
    if around.is_empty() {
        // All of it lies beyond the horizon: whose it is must be known to look there.
        around.push(Span { from: 0, start: 0, end: 0, until: 0, occurrence: 0 });
    }
    let look = work.tx().look(&ids, &around, change.used.as_deref()).await?;
    for (id, source, spans) in added {
        let Some(resource) = look.resources.iter().find(|one| one.id == id) else { continue };
        seat(change, (resource, source, spans), &look, &mut weighed);
    }
    weighed.resources = look.resources;
    Ok(weighed)
}

/// Finds a place for each of the new spans on one resource.
fn seat(
    change: &Change,
    (resource, source, spans): (&Resource, &Source, Vec<Span>),
    look: &Look,
    weighed: &mut Weighed,
) {
    let gone: HashSet<_> = weighed.gone.iter().map(|one| (one.resource, one.span, &one.source)).collect();
    let is_gone = |one: &Busy| gone.contains(&(one.resource, one.span, &one.source));
    let near: Vec<&Busy> =
        look.busy.iter().filter(|one| one.resource == resource.id && !is_gone(one)).collect();
    let mut board = Board::of(resource.capacity, &near, &look.closed);
    let mut beaten: Vec<String> = Vec::new();
    let nearby = |span: Span| {
        let near = near.iter().filter(move |one| one.span.overlaps(&span));
        holds_among(near.copied())
    };
    for span in spans.into_iter().filter(|span| span.start < resource.reached) {
        let mut met = board.conflict(span, change.kind);
        let holds = if met.is_some() && change.is_strong { nearby(span) } else { Vec::new() };
        if !holds.is_empty() {
            beaten.extend(holds);
            let stays = |one: &&&Busy| !matches!(&one.source, Source::Hold(id) if beaten.contains(id));
            let left: Vec<&Busy> = near.iter().filter(stays).copied().collect();
            board = Board::of(resource.capacity, &left, &look.closed);
            let come = weighed.come.iter().filter(|(one, _)| one.resource == resource.id);
            come.for_each(|(one, _)| board.add(one.span, one.kind));
            met = board.conflict(span, change.kind);
        }
        board.add(span, change.kind);
        let busy = Busy {
            resource: resource.id,
            span,
            kind: change.kind,
            source: source.clone(),
            expires_at: None,
            mark: None,
            service: change
                .counts
                .as_ref()
                .filter(|(of, _)| *of == resource.id)
                .map(|(_, code)| code.clone()),
        };
        weighed.come.push((busy, met));
    }
    weighed.beaten.extend(beaten.into_iter().map(|hold| (hold, resource.id)));
}

/// Writes the change: what found no room is marked, or, without a mark to give, refused by the database.
pub async fn settle(work: &mut Work<'_>, weighed: &Weighed, mark: Option<&Mark>) -> Result<()> {
    let tx = work.tx();
    let mut beaten = weighed.beaten.clone();
    beaten.sort_unstable();
    beaten.dedup_by(|one, other| one.0 == other.0);
    for (hold, resource) in beaten {
        tx.remove_hold(&hold).await?;
        tx.note(Fact::HoldsChanged { resource, hold, became: HoldBecame::Ended }).await?;
    }
    tx.vacate_some(&weighed.gone).await?;
    let come: Vec<Busy> = weighed
        .come
        .iter()
        .map(|(busy, met)| Busy { mark: met.and(mark.cloned()), ..busy.clone() })
        .collect();
    Ok(tx.occupy(&come).await?)
}

/// From when to when each occurrence stands on one resource, its pieces joined.
pub fn by_occurrence(spans: impl IntoIterator<Item = Span>) -> BTreeMap<i64, (i64, i64)> {
    let mut all = BTreeMap::new();
    for span in spans {
        let (start, end) = all.entry(span.occurrence).or_insert((span.start, span.end));
        (*start, *end) = (span.start.min(*start), span.end.max(*end));
    }
    all
}
