//! The day that comes: it never fails, and what was promised long ago is marked, not lost. Rebuilding: the texts alone
//! say when everybody is taken.

use kalends::clinic::{Error, HORIZON, Policy, Visit};
use store::{BusyKind, Origin, Source};

use super::world::{DAY, World, event, everywhere};

#[tokio::test]
async fn a_day_that_passes_brings_a_day_of_intervals() {
    everywhere(async |world| {
        world.book(Visit { rule: Some("FREQ=DAILY".into()), ..world.visit(600, 630) }).await.unwrap();
        let before = world.busy(world.ada).await.len() as i64;
        assert!((HORIZON / DAY - 10..=HORIZON / DAY).contains(&before), "{before}");
        assert_eq!(world.clinic.extend_horizons().await.unwrap(), Default::default(), "nothing to do today");
        world.clock.turn(3 * DAY);
        let done = world.clinic.extend_horizons().await.unwrap();
        assert_eq!((done.intervals, done.marked), (3, 0));
        assert_eq!(world.busy(world.ada).await.len() as i64, before + 3);
        assert_eq!(world.clinic.extend_horizons().await.unwrap(), Default::default());
    })
    .await;
}

#[tokio::test]
async fn what_meets_on_the_new_day_is_marked_by_the_house() {
    everywhere(async |world| {
        let far = world.at(600) + HORIZON;
        world.put("ada/visits/a.ics", &event("a", far, far + 1800, "")).await.unwrap();
        world.put("ada/visits/b.ics", &event("b", far + 600, far + 2400, "")).await.unwrap();
        assert!(world.busy(world.ada).await.is_empty(), "beyond the horizon nothing is kept");
        world.clock.turn(20 * DAY);
        let done = world.clinic.extend_horizons().await.unwrap();
        assert_eq!((done.intervals, done.marked), (2, 1));
        let marks: Vec<_> = world.busy(world.ada).await.into_iter().filter_map(|one| one.mark).collect();
        assert_eq!((marks.len(), marks[0].by, marks[0].door), (1, None, Origin::House));
    })
    .await;
}

#[tokio::test]
async fn beyond_the_horizon_refuse_refuses_too() {
    everywhere(async |world| {
        world.policy(world.ada, Policy::Refuse).await;
        let far = world.at(600) + HORIZON + 100 * DAY;
        world.put("ada/visits/a.ics", &event("a", far, far + 1800, "")).await.unwrap();
        let met = world.put("ada/visits/b.ics", &event("b", far + 600, far + 2400, "")).await;
        assert!(met.is_err());
        world.put("ada/visits/c.ics", &event("c", far + 1800, far + 2400, "")).await.unwrap();
    })
    .await;
}

/// The rows of a resource as a restore from the texts would find them.
async fn rebuilt(world: &World, of: store::PrincipalId) -> Vec<store::Busy> {
    let gone = world.store.write(world.id, move |tx| Box::pin(async move { tx.vacate_resource(of).await }));
    gone.await.unwrap();
    assert!(world.busy(of).await.is_empty());
    world.clinic.rebuild(world.id, of, None).await.unwrap();
    world.busy(of).await
}

#[tokio::test]
async fn the_texts_alone_say_when_everybody_is_taken() {
    everywhere(async |world| {
        let visit = Visit { with: vec![world.room], buffers: (600, 0), ..world.visit(600, 630) };
        world.book(Visit { rule: Some("FREQ=WEEKLY;COUNT=6".into()), ..visit.clone() }).await.unwrap();
        world.book(Visit { start: visit.start + 7200, end: visit.end + 7200, ..visit }).await.unwrap();
        world
            .put("ada/absences/l.ics", &event("l", world.at(900), world.at(900) + 5 * DAY, ""))
            .await
            .unwrap();
        for of in [world.ada, world.room] {
            let before = world.busy(of).await;
            assert_eq!(rebuilt(&world, of).await, before);
        }
    })
    .await;
}

#[tokio::test]
async fn a_place_less_marks_what_no_longer_fits() {
    everywhere(async |world| {
        for practitioner in [world.ada, world.bob] {
            let visit = Visit { practitioner, with: vec![world.hall], ..world.visit(600, 660) };
            world.book(visit).await.unwrap();
        }
        let done = world.clinic.rebuild(world.id, world.hall, Some(1)).await.unwrap();
        assert_eq!((done.intervals, done.marked), (2, 1));
        let third = Visit { practitioner: world.attic, with: vec![world.hall], ..world.visit(600, 660) };
        assert!(matches!(world.book(third).await, Err(Error::Conflict(_))));
        let again = world.clinic.rebuild(world.id, world.hall, Some(3)).await.unwrap();
        assert_eq!(again.marked, 0, "marked once, not again");
        assert_eq!(world.busy(world.hall).await.iter().filter(|one| one.mark.is_some()).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_long_leave_stands_in_pieces_of_a_day() {
    everywhere(async |world| {
        world.put("ada/absences/l.ics", &event("l", world.day, world.day + 30 * DAY, "")).await.unwrap();
        let busy = world.busy(world.ada).await;
        assert!(busy.len() >= 27 && busy.iter().all(|one| one.kind == BusyKind::Block));
        assert!(busy.windows(2).all(|pair| pair[0].span.end == pair[1].span.start));
        let id = world.collection(world.ada, "absences").await;
        assert!(busy.iter().all(|one| one.source == Source::Object(id, "l.ics".into())));
        let middle = world.visit(13 * 1440 + 7, 13 * 1440 + 11);
        assert!(world.book(middle).await.is_err());
    })
    .await;
}

/// An endless series costs rows up to the horizon and no more; what is compared beyond it is computed, not stored.
#[tokio::test]
async fn ten_years_cost_what_the_horizon_costs() {
    everywhere(async |world| {
        let cost = async |practitioner, rule: &str| {
            let visit =
                Visit { practitioner, rule: Some(rule.into()), with: vec![world.room], ..world.visit(0, 30) };
            let shift = if practitioner == world.ada { 0 } else { 3600 };
            let visit = Visit { start: visit.start + shift, end: visit.end + shift, ..visit };
            let before = store::trips();
            let booked = world.book(visit).await.unwrap();
            let trips = store::trips() - before;
            let how = kalends::clinic::Cancel { by_patient: false, reason: "again".into() };
            world.clinic.cancel(world.by(), booked.id, how, None).await.unwrap();
            trips
        };
        let (mut year, mut decade) = (u64::MAX, u64::MAX);
        // The least of some: SQLite's writer looks for other processes now and then, and of the call before something may
        // still be read, or be known already.
        for _ in 0..6 {
            year = year.min(cost(world.ada, "FREQ=WEEKLY;COUNT=56").await);
            decade = decade.min(cost(world.bob, "FREQ=WEEKLY;COUNT=520").await);
        }
        // What differs is one look beyond the horizon for the practitioner and one for the room; one more is that chance.
        assert!(decade <= year + 3, "{decade} statements against {year}");
    })
    .await;
}
