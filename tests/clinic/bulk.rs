//! Many changes at once: all or none, and a rehearsal that says what the real call then does.

use kalends::clinic::{
    Act, Alter, AppointmentId, Cancel, Doing, Error, Failed, Ground, Run, Scope, Status, Visit,
};

use super::world::{World, everywhere};

fn act(id: AppointmentId, doing: Doing) -> Act {
    Act { id, version: None, doing }
}

fn off(scope: Scope) -> Doing {
    Doing::Cancel(scope, Cancel { by_patient: false, reason: "closed".into() })
}

fn to(start: i64) -> Doing {
    Doing::Alter(Scope::This, Box::new(Alter { start: Some(start), ..Alter::default() }), Ground::Bare)
}

/// A single one and a weekly series: their ids and dates.
async fn booked(world: &World) -> (AppointmentId, AppointmentId, Vec<i64>) {
    let single = world.book(world.visit(700, 730)).await.unwrap().id;
    let rule = Some("FREQ=WEEKLY;COUNT=5".to_string());
    let visit = Visit { practitioner: world.bob, rule, with: vec![world.room], ..world.visit(600, 630) };
    let series = world.book(visit).await.unwrap().id;
    let dates = world.busy(world.bob).await.iter().map(|one| one.span.start).collect();
    (single, series, dates)
}

/// All that is known of both calendars.
async fn state(world: &World) -> String {
    let mut all = format!("{:?}", world.store.version(world.id).await.unwrap());
    for of in [world.ada, world.bob, world.room] {
        all += &format!("{:?}", world.busy(of).await);
    }
    all
}

#[tokio::test]
async fn a_rehearsal_says_what_the_real_call_does_and_does_nothing() {
    everywhere(async |world| {
        let (single, series, dates) = booked(&world).await;
        let date = |n: usize| AppointmentId { occurrence: Some(dates[n]), ..series.clone() };
        let later = Alter { start: Some(dates[3] + 7200), ..Alter::default() };
        let acts = vec![
            act(single.clone(), to(world.at(800))),
            act(date(0), Doing::Advance(Status::Confirmed)),
            act(date(1), off(Scope::This)),
            act(date(3), Doing::Alter(Scope::Following, Box::new(later), Ground::Bare)),
            // The time that the first one left.
            act(date(2), to(dates[2] + 100 * 60)),
        ];
        let before = state(&world).await;
        let seen = world.clinic.bulk(world.by(), acts.clone(), Run::Rehearsal).await.unwrap();
        assert_eq!(state(&world).await, before);
        let done = world.clinic.bulk(world.by(), acts, Run::Real).await.unwrap();
        assert_eq!(done, seen);
        assert_eq!(world.minutes(world.ada).await, [(800, 830)]);
        let now: Vec<i64> = world.busy(world.bob).await.iter().map(|one| one.span.start).collect();
        assert_eq!(now, [dates[0], dates[2] + 6000, dates[3] + 7200, dates[4] + 7200]);
    })
    .await;
}

#[tokio::test]
async fn one_that_fails_undoes_all_and_is_named() {
    everywhere(async |world| {
        let (single, series, dates) = booked(&world).await;
        let taken = world.book(world.visit(900, 930)).await.unwrap().id;
        let date = |n: usize| AppointmentId { occurrence: Some(dates[n]), ..series.clone() };
        let acts = vec![act(date(1), off(Scope::This)), act(single.clone(), to(world.at(915)))];
        let before = state(&world).await;
        for run in [Run::Rehearsal, Run::Real] {
            let failed = world.clinic.bulk(world.by(), acts.clone(), run).await.unwrap_err();
            assert!(matches!(failed, Failed { at: 1, error: Error::Conflict(_) }), "{failed:?}");
            assert_eq!(state(&world).await, before);
        }
        // Within one call order counts: what is cancelled first leaves room.
        let acts = vec![act(taken, off(Scope::This)), act(single.clone(), to(world.at(915)))];
        world.clinic.bulk(world.by(), acts, Run::Real).await.unwrap();
        let stale = Act { version: Some(1), ..act(single, off(Scope::This)) };
        let failed = world.clinic.bulk(world.by(), vec![stale], Run::Real).await.unwrap_err();
        assert!(matches!(failed.error, Error::Stale));
        let failed = world.clinic.bulk(world.by(), Vec::new(), Run::Real).await.unwrap_err();
        assert!(matches!(failed.error, Error::Invalid { field: "acts", .. }));
    })
    .await;
}
