//! Holds: as taken as a visit until the database's clock says otherwise, and no longer.

use kalends::clinic::{Error, Ground, Keep, Visit};
use store::BusyKind;

use super::world::{everywhere, kinds};

#[tokio::test]
async fn a_hold_keeps_the_time_for_whoever_has_it() {
    everywhere(async |world| {
        let visit = Visit { with: vec![world.room], buffers: (300, 0), ..world.visit(600, 630) };
        let held = world.clinic.hold(world.by(), visit.clone(), Keep::for_patient("p".into())).await.unwrap();
        let moment = world.store.moment().await.unwrap();
        assert!((held.expires_at - moment - 600).abs() <= 2, "ten minutes for patients");
        let Err(Error::Conflict(met)) = world.book(visit.clone()).await else { panic!() };
        assert_eq!(kinds(&met), [(world.ada, BusyKind::Hold), (world.room, BusyKind::Hold)]);
        let second = world.clinic.hold(world.by(), visit.clone(), Keep::for_staff("s".into())).await;
        assert!(matches!(second, Err(Error::Conflict(_))));
        let other = world
            .clinic
            .book(world.by(), Visit { end: visit.end + 60, ..visit.clone() }, Ground::Hold(held.id.clone()))
            .await;
        assert!(matches!(other, Err(Error::Invalid { field: "hold", .. })));
        world.clinic.book(world.by(), visit.clone(), Ground::Hold(held.id.clone())).await.unwrap();
        let twice = world.clinic.book(world.by(), visit, Ground::Hold(held.id)).await.unwrap_err();
        assert_eq!(twice.code(), "HOLD_EXPIRED");
        assert_eq!(world.minutes(world.room).await, [(600, 630)]);
    })
    .await;
}

#[tokio::test]
async fn what_has_run_out_blocks_nobody_though_no_job_ran() {
    everywhere(async |world| {
        let visit = world.visit(600, 630);
        let held = world.clinic.hold(world.by(), visit.clone(), Keep::for_patient("p".into())).await.unwrap();
        world.run_out(&held.id).await;
        let late = world.clinic.book(world.by(), visit.clone(), Ground::Hold(held.id.clone())).await;
        assert!(matches!(late, Err(Error::HoldExpired)));
        assert!(matches!(world.clinic.extend_hold(world.by(), &held.id, 600).await, Err(Error::HoldExpired)));
        world.book(visit).await.unwrap();
        assert_eq!(world.busy(world.ada).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_hold_is_prolonged_a_few_times_and_released_as_often_as_one_likes() {
    everywhere(async |world| {
        let visit = world.visit(600, 630);
        let held = world.clinic.hold(world.by(), visit.clone(), Keep::for_patient("p".into())).await.unwrap();
        let longer = world.clinic.extend_hold(world.by(), &held.id, 1800).await.unwrap();
        assert!(longer.expires_at > held.expires_at);
        assert_eq!(world.busy(world.ada).await[0].expires_at, Some(longer.expires_at));
        for _ in 0..2 {
            world.clinic.extend_hold(world.by(), &held.id, 1800).await.unwrap();
        }
        let more = world.clinic.extend_hold(world.by(), &held.id, 1800).await;
        assert!(matches!(more, Err(Error::HoldLimit)));
        for _ in 0..2 {
            world.clinic.release_hold(world.by(), &held.id).await.unwrap();
        }
        assert!(world.busy(world.ada).await.is_empty());
        let unknown = world.clinic.extend_hold(world.by(), "nobody's", 60).await.unwrap_err();
        assert_eq!(unknown.code(), "HOLD_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn one_party_cannot_hold_a_whole_day() {
    everywhere(async |world| {
        let keep = || Keep::for_patient("phone:1".into());
        for n in 0..3 {
            world.clinic.hold(world.by(), world.visit(n * 30, n * 30 + 30), keep()).await.unwrap();
        }
        let fourth = world.clinic.hold(world.by(), world.visit(300, 330), keep()).await;
        assert!(matches!(fourth, Err(Error::HoldLimit)));
        let other = Keep::for_patient("phone:2".into());
        world.clinic.hold(world.by(), world.visit(300, 330), other).await.unwrap();
    })
    .await;
}
