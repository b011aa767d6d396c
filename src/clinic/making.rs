//! How somebody or something becomes bookable: its profile and its calendars, in the transaction that makes it. A
//! practitioner has `visits`, `absences` and `hours`; a room or a thing has `visits` (its occupancy) and `absences`
//! (maintenance).

use store::{
    Bookable, ClinicId, CollectionChange, NewCollection, Policy, PrincipalId, PrincipalKind, ProfileBody,
    ProfileStatus, Resource, ResourceTerm, TermId, Tx,
};

use super::error::{Error, Result, invalid};
use super::plan;

/// Terms of one that can be booked.
pub const TERMS: usize = 200;

/// A calendar to be made: slug, components, name to show.
type Calendar = (&'static str, &'static str, &'static str);

pub(super) const VISITS: Calendar = (plan::VISITS, "VEVENT", "Visits");
pub(super) const ABSENCES: Calendar = (plan::ABSENCES, "VEVENT", "Absences");
const HOURS: Calendar = ("hours", "VAVAILABILITY", "Hours");

/// How much fits at once, and what a client's change onto a taken time does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub capacity: i64,
    pub policy: Policy,
}

/// A term and the weekdays it holds on; bit 0 is Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermOn {
    pub term: TermId,
    pub weekdays: u8,
}

/// Makes the principal bookable.
pub(super) async fn bookable(
    tx: &mut Tx,
    id: PrincipalId,
    kind: PrincipalKind,
    profile: ProfileBody,
    (terms, room): (&[TermOn], Room),
) -> Result<()> {
    tx.insert_profile(id, profile).await?;
    let calendars: &[Calendar] = match kind {
        PrincipalKind::Individual => &[VISITS, ABSENCES, HOURS],
        _ => &[VISITS, ABSENCES],
    };
    resource(tx, id, calendars, room).await?;
    if terms.is_empty() { Ok(()) } else { set_terms(tx, id, terms).await }
}

/// Makes what the guarantee stands on: the resource, and calendars whose writes are checked. Hours say when somebody may be
/// booked, they take no time: no policy.
pub(super) async fn resource(
    tx: &mut Tx,
    id: PrincipalId,
    calendars: &[Calendar],
    Room { capacity, policy }: Room,
) -> Result<()> {
    let reached = plan::horizon(tx.now());
    tx.insert_resource(Resource { id, capacity, reached }).await?;
    for (slug, components, name) in calendars {
        let calendar = NewCollection {
            slug: (*slug).into(),
            components: (*components).into(),
            display_name: Some((*name).into()),
            policy: (*slug != HOURS.0).then_some(policy),
            ..NewCollection::default()
        };
        tx.insert_collection(id, calendar).await?;
    }
    Ok(())
}

/// Replaces its terms.
pub(super) async fn set_terms(tx: &mut Tx, of: PrincipalId, terms: &[TermOn]) -> Result<()> {
    let rows: Vec<_> = terms
        .iter()
        .map(|one| ResourceTerm { resource: of, term: one.term, weekdays: one.weekdays })
        .collect();
    tx.set_terms_of(of, &rows).await.map_err(|error| match error {
        store::Error::Gone => Error::Invalid { field: "terms", why: "there is no such term" },
        other => other.into(),
    })
}

/// Changes how it is booked: more at once, another answer to calendar programs.
pub(super) async fn rebook(
    tx: &mut Tx,
    id: PrincipalId,
    capacity: Option<i64>,
    policy: Option<Policy>,
) -> Result<()> {
    let clinic = tx.clinic();
    if let Some(capacity) = capacity {
        let is = tx.resource(clinic, id).await?.ok_or(Error::NotFound("resource"))?.capacity;
        if capacity < is {
            return invalid(
                "capacity",
                "it can be raised, not lowered: what is booked might not fit any more",
            );
        }
        if capacity > is {
            tx.set_capacity(id, capacity).await?;
        }
    }
    let Some(policy) = policy else { return Ok(()) };
    for slug in [plan::VISITS, plan::ABSENCES] {
        for calendar in tx.collections_called(clinic, slug, &[id]).await? {
            let change = CollectionChange { policy: Some(Some(policy)), ..CollectionChange::default() };
            tx.update_collection(calendar.id, change).await?;
        }
    }
    Ok(())
}

/// Each term once, on at least one day.
pub(super) fn check_terms(terms: &[TermOn]) -> Result<()> {
    let mut ids: Vec<_> = terms.iter().map(|one| one.term).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != terms.len() || terms.len() > TERMS {
        return invalid("terms", "each stands once, and there are at most 200");
    }
    if terms.iter().any(|one| !(1..=store::EVERY_DAY).contains(&one.weekdays)) {
        return invalid("terms", "weekdays are a number from 1 to 127: bit 0 is Monday");
    }
    Ok(())
}

/// The bookable of this id and kind.
pub(super) async fn find(
    tx: &mut Tx,
    clinic: ClinicId,
    kind: PrincipalKind,
    id: PrincipalId,
) -> Result<Bookable> {
    let found = tx.bookable(clinic, id).await?.filter(|found| found.principal.kind == kind);
    found.ok_or(Error::NotFound(word(kind)))
}

/// What a kind is called.
pub(super) fn word(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Individual => "practitioner",
        PrincipalKind::Room => "room",
        PrincipalKind::Resource => "equipment",
        PrincipalKind::Group => "group",
    }
}

/// The way from a draft to somebody who can be booked, and out of it again.
pub(super) fn may_become(from: ProfileStatus, to: ProfileStatus) -> Result<()> {
    use ProfileStatus::{Active, Draft, Off, Pending};
    let is_way = matches!(
        (from, to),
        (Draft, Pending) | (Pending, Draft | Active) | (Active, Off) | (Off, Active | Draft)
    );
    match is_way || from == to {
        true => Ok(()),
        false => Err(Error::State { from: from.text(), to: to.text() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_booked_before_they_were_verified() {
        use ProfileStatus::{Active, Draft, Off, Pending};
        let all = [Draft, Pending, Active, Off];
        let ways = all.iter().flat_map(|from| all.iter().map(move |to| (*from, *to)));
        let ways: Vec<_> = ways.filter(|(from, to)| from != to && may_become(*from, *to).is_ok()).collect();
        assert_eq!(
            ways,
            [
                (Draft, Pending),
                (Pending, Draft),
                (Pending, Active),
                (Active, Off),
                (Off, Draft),
                (Off, Active)
            ]
        );
    }

    #[test]
    fn terms_stand_once_and_on_a_day() {
        let on = |term, weekdays| TermOn { term: TermId(term), weekdays };
        assert!(check_terms(&[on(1, 127), on(2, 1)]).is_ok());
        for bad in [vec![on(1, 1), on(1, 2)], vec![on(1, 0)], vec![on(1, 128)]] {
            assert!(check_terms(&bad).is_err(), "{bad:?}");
        }
    }
}
