//! What can be booked, and the database's own refusal: these tests write intervals without asking whether they fit, as
//! code with a defect would, and the constraint and the triggers alone must hold.

use ::store::{
    AppointmentRow, Busy, BusyKind, CollectionId, Error, Fact, KeptHold, LONGEST, Mark, Noted, Origin,
    Policy, PrincipalId, Resource, Result, Source, Span,
};

use super::world::{NOW, World, everywhere};
use crate::support::database::sql;

/// A minute of the day these tests stand in.
const MINUTE: i64 = 60;

async fn bookable(world: &World, id: PrincipalId, capacity: i64) {
    let new = Resource { id, capacity, reached: NOW + 400 * 86_400 };
    world.change(move |tx| Box::pin(async move { tx.insert_resource(new).await })).await.unwrap();
}

/// From one minute to another, with buffers in minutes.
fn span((start, end): (i64, i64), (before, after): (i64, i64)) -> Span {
    let at = |minute: i64| NOW + minute * MINUTE;
    Span { from: at(start - before), start: at(start), end: at(end), until: at(end + after), occurrence: 0 }
}

fn busy(world: &World, name: &str, minutes: (i64, i64), pads: (i64, i64)) -> Busy {
    Busy {
        resource: world.ada,
        span: span(minutes, pads),
        kind: BusyKind::Visit,
        source: Source::Object(world.visits, name.into()),
        expires_at: None,
        mark: None,
        service: None,
    }
}

fn mark(why: &str) -> Option<Mark> {
    Some(Mark { by: None, door: Origin::Dav, why: why.into() })
}

async fn occupy(world: &World, rows: &[Busy]) -> Result<()> {
    let rows = rows.to_vec();
    world.change(move |tx| Box::pin(async move { tx.occupy(&rows).await })).await
}

#[tokio::test]
async fn the_database_alone_refuses_an_overlap() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        occupy(&world, &[busy(&world, "a", (0, 30), (0, 0))]).await.unwrap();
        for taken in [(0, 30), (10, 20), (-10, 1), (29, 60), (-5, 90)] {
            let refused = occupy(&world, &[busy(&world, "b", taken, (0, 0))]).await;
            assert!(matches!(refused, Err(Error::Overlap)), "{taken:?} {refused:?}");
        }
        let both = [busy(&world, "b", (60, 90), (0, 0)), busy(&world, "c", (70, 80), (0, 0))];
        assert!(matches!(occupy(&world, &both).await, Err(Error::Overlap)), "one statement with itself");
        for free in [(30, 60), (-30, 0)] {
            occupy(&world, &[busy(&world, "b", free, (0, 0))]).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn one_refused_job_harms_no_other() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        occupy(&world, &[busy(&world, "a", (0, 30), (0, 0))]).await.unwrap();
        let (taken, free) = ([busy(&world, "b", (10, 40), (0, 0))], [busy(&world, "c", (30, 40), (0, 0))]);
        let (first, second, third) =
            tokio::join!(world.put("x.ics", "x"), occupy(&world, &taken), occupy(&world, &free));
        assert!(
            first.is_ok() && matches!(second, Err(Error::Overlap)) && third.is_ok(),
            "{second:?} {third:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_buffer_keeps_others_away_but_buffers_may_meet() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        occupy(&world, &[busy(&world, "a", (60, 90), (10, 10))]).await.unwrap();
        for taken in [((95, 110), (0, 0)), ((40, 55), (0, 0)), ((20, 55), (0, 0)), ((105, 120), (20, 0))] {
            let refused = occupy(&world, &[busy(&world, "b", taken.0, taken.1)]).await;
            assert!(matches!(refused, Err(Error::Overlap)), "{taken:?}");
        }
        occupy(&world, &[busy(&world, "b", (100, 120), (10, 0))]).await.unwrap();
        occupy(&world, &[busy(&world, "c", (40, 50), (0, 10))]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn capacity_is_counted_at_every_instant() {
    everywhere(async |world| {
        bookable(&world, world.ada, 3).await;
        // Two lanes would not hold these, three places do: online colouring is not what is counted.
        for (name, minutes) in
            [("a", (0, 30)), ("b", (20, 60)), ("c", (25, 28)), ("d", (30, 90)), ("e", (50, 55))]
        {
            occupy(&world, &[busy(&world, name, minutes, (0, 0))]).await.unwrap();
        }
        let fourth = occupy(&world, &[busy(&world, "f", (10, 26), (0, 0))]).await;
        assert!(matches!(fourth, Err(Error::Overlap)));
        let across = occupy(&world, &[busy(&world, "f", (-10, 120), (0, 0))]).await;
        assert!(matches!(across, Err(Error::Overlap)));
        occupy(&world, &[busy(&world, "f", (28, 50), (0, 0))]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_closed_takes_no_visit_and_lies_over_itself() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        let block =
            |name: &str, minutes| Busy { kind: BusyKind::Block, ..busy(&world, name, minutes, (0, 0)) };
        occupy(&world, &[block("leave", (0, 60)), block("course", (30, 90))]).await.unwrap();
        let refused = occupy(&world, &[busy(&world, "a", (80, 100), (0, 0))]).await;
        assert!(matches!(refused, Err(Error::Overlap)));
        occupy(&world, &[busy(&world, "a", (90, 100), (0, 0))]).await.unwrap();
        let over = occupy(&world, &[block("late", (95, 120))]).await;
        assert!(matches!(over, Err(Error::Overlap)), "closing over a visit must be said: marked");
        occupy(&world, &[Busy { mark: mark("closed over it"), ..block("late", (95, 120)) }]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_marked_is_exempt_and_says_why() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        occupy(&world, &[busy(&world, "a", (0, 30), (0, 0))]).await.unwrap();
        let marked = Busy { mark: mark("moved on the phone"), ..busy(&world, "b", (10, 40), (0, 0)) };
        occupy(&world, std::slice::from_ref(&marked)).await.unwrap();
        let mut conn = world.conn().await;
        assert_eq!(conn.busy_from(world.clinic, &marked.source).await.unwrap(), [marked]);
    })
    .await;
}

/// The database against a model that knows nothing of rows: random intervals, buffers, capacities, closed times and marks.
#[tokio::test]
async fn the_database_decides_as_the_definition_does() {
    everywhere(async |world| {
        for (id, capacity, seed) in [(world.ada, 1, 7), (world.bob, 3, 11)] {
            bookable(&world, id, capacity).await;
            let (mut dice, mut stand) = (Dice(seed), Vec::<Busy>::new());
            let mut refusals = 0;
            for n in 0..150 {
                let start = dice.roll(200);
                let mut one = busy(&world, &format!("{n}"), (start, start + 1 + dice.roll(40)), (0, 0));
                if dice.roll(2) == 0 {
                    one.span.from -= dice.roll(15) * MINUTE;
                    one.span.until += dice.roll(15) * MINUTE;
                }
                one.resource = id;
                one.kind = if dice.roll(12) == 0 { BusyKind::Block } else { BusyKind::Visit };
                one.mark = if dice.roll(10) == 0 { mark("dice") } else { None };
                stand.push(one.clone());
                let fits = holds(&stand, capacity);
                let done = occupy(&world, &[one]).await;
                match done {
                    Ok(()) => assert!(fits, "{n}: the database took what does not fit"),
                    Err(Error::Overlap) => assert!(!fits, "{n}: the database refused what fits"),
                    Err(other) => panic!("{other}"),
                }
                if !fits {
                    stand.pop();
                    refusals += 1;
                }
            }
            assert!(refusals > 20 && stand.len() > 20, "{refusals} {}", stand.len());
        }
    })
    .await;
}

/// The definition, minute by minute.
fn holds(stand: &[Busy], capacity: i64) -> bool {
    let plain = || stand.iter().filter(|one| one.mark.is_none());
    let visits = || plain().filter(|one| one.kind != BusyKind::Block);
    (-60..400).map(|minute| NOW + minute * MINUTE).all(|at| {
        let core = visits().filter(|one| one.span.start <= at && at < one.span.end).count();
        let padded = visits().filter(|one| one.span.from <= at && at < one.span.until).count();
        let closed =
            plain().any(|one| one.kind == BusyKind::Block && one.span.start <= at && at < one.span.end);
        core == 0 || (padded as i64 <= capacity && !closed)
    })
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides) as i64
    }
}

#[tokio::test]
async fn a_row_stays_where_it_stands() {
    everywhere(async |world| {
        bookable(&world, world.ada, 2).await;
        occupy(&world, &[busy(&world, "a", (0, 30), (0, 0))]).await.unwrap();
        let ada = world.ada;
        let lower = world.change(move |tx| Box::pin(async move { tx.set_capacity(ada, 1).await })).await;
        assert!(matches!(lower, Err(Error::Overlap)), "{lower:?}");
        assert!(
            world.change(move |tx| Box::pin(async move { tx.set_capacity(ada, 3).await })).await.unwrap()
        );
        occupy(&world, &[busy(&world, "b", (0, 30), (0, 0)), busy(&world, "c", (0, 30), (0, 0))])
            .await
            .unwrap();
        let move_all = "update busy set start_at = start_at - 1, from_at = from_at - 1";
        match world.fresh.address() {
            Some(address) => assert!(!sql(address, move_all)),
            None => {
                assert!(!super::sqlite::try_shell(&world.fresh.folder().unwrap().join("store.db"), move_all))
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_row_is_never_longer_than_the_search_reaches() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        let long = occupy(&world, &[busy(&world, "a", (0, LONGEST / MINUTE + 1), (0, 0))]).await;
        assert!(matches!(long, Err(Error::Broken(_))), "a check of the table");
        occupy(&world, &[busy(&world, "a", (0, LONGEST / MINUTE), (0, 0))]).await.unwrap();
        let end =
            occupy(&world, &[busy(&world, "b", (LONGEST / MINUTE - 1, LONGEST / MINUTE), (0, 0))]).await;
        assert!(matches!(end, Err(Error::Overlap)));
    })
    .await;
}

#[tokio::test]
async fn a_look_sees_what_is_near_and_clears_what_ran_out() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        bookable(&world, world.bob, 2).await;
        let now = world.store.moment().await.unwrap();
        let hold = |id: &str, minutes, expires| Busy {
            kind: BusyKind::Hold,
            source: Source::Hold(id.into()),
            expires_at: Some(now + expires),
            ..busy(&world, "", minutes, (0, 0))
        };
        let bobs = Busy { resource: world.bob, ..busy(&world, "twin", (0, 30), (5, 5)) };
        let rows =
            [hold("old", (0, 10), 0), hold("live", (40, 50), 600), hold("mine", (60, 70), 600), bobs.clone()];
        occupy(&world, &rows).await.unwrap();
        let (ada, bob) = (world.ada, world.bob);
        let look = world
            .change(move |tx| {
                Box::pin(async move {
                    let spans = [span((-30, 1), (0, 0)), span((30, 70), (0, 0))];
                    tx.look(&[ada, bob, PrincipalId(999)], &spans, Some("mine")).await
                })
            })
            .await
            .unwrap();
        let capacities: Vec<_> = look.resources.iter().map(|one| (one.id, one.capacity)).collect();
        assert_eq!(capacities, [(ada, 1), (bob, 2)]);
        assert_eq!(look.busy, [rows[1].clone(), bobs], "neither what ran out nor what is used");
        let mut conn = world.conn().await;
        let left = conn.busy_between(world.clinic, &[ada, bob], (NOW, NOW + 86_400), now).await.unwrap();
        assert_eq!(left.len(), 2, "both are gone from the table");
    })
    .await;
}

/// Of equal intervals every one is found once, however many spans it overlaps.
#[tokio::test]
async fn a_look_counts_each_interval_once() {
    everywhere(async |world| {
        bookable(&world, world.ada, 3).await;
        let rows = ["a", "b", "c"].map(|name| busy(&world, name, (0, 60), (0, 0)));
        occupy(&world, &rows).await.unwrap();
        let ada = world.ada;
        let look = world
            .change(move |tx| {
                Box::pin(async move {
                    let spans = [0, 10, 20].map(|minute| span((minute, minute + 5), (0, 0)));
                    tx.look(&[ada], &spans, None).await
                })
            })
            .await
            .unwrap();
        assert_eq!(look.busy, rows);
        assert_eq!(look.resources.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn some_or_all_of_a_source_is_taken_away() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        let at = |n: i64| {
            let mut one = busy(&world, "series", (n * 60, n * 60 + 30), (0, 0));
            one.span.occurrence = NOW + n;
            one
        };
        let all: Vec<Busy> = (0..104).map(at).collect();
        occupy(&world, &all).await.unwrap();
        let (some, source) = (all[5..8].to_vec(), all[0].source.clone());
        world.change(move |tx| Box::pin(async move { tx.vacate_some(&some).await })).await.unwrap();
        let left = world.conn().await.busy_from(world.clinic, &source).await.unwrap();
        assert_eq!(left, [&all[..5], &all[8..]].concat());
        let gone = world.change(move |tx| Box::pin(async move { tx.vacate(&source).await })).await.unwrap();
        assert_eq!(gone, 101);
    })
    .await;
}

#[tokio::test]
async fn a_removed_calendar_leaves_no_busy_time() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        occupy(&world, &[busy(&world, "a", (0, 30), (0, 0))]).await.unwrap();
        let visits = world.visits;
        world.change(move |tx| Box::pin(async move { tx.remove_collection(visits).await })).await.unwrap();
        occupy(&world, &[busy(&world, "b", (0, 30), (0, 0))]).await.unwrap();
        let ada = world.ada;
        assert!(
            world.change(move |tx| Box::pin(async move { tx.erase_principal(ada).await })).await.unwrap()
        );
        assert!(world.conn().await.resource(world.clinic, ada).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_hold_lives_by_the_moment_of_the_transaction() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        let now = world.store.moment().await.unwrap();
        let make = move |id: &str, expires: i64| KeptHold {
            id: id.into(),
            party: "patient:1".into(),
            made_by: None,
            made_at: now,
            expires_at: now + expires,
            extended: 0,
            plan: "{}".into(),
            other_party: None,
        };
        let (live, over) = (make("live", 600), make("over", -1));
        let kept = live.clone();
        world
            .change(move |tx| {
                Box::pin(async move {
                    tx.insert_hold(&live).await?;
                    tx.insert_hold(&over).await
                })
            })
            .await
            .unwrap();
        let count = world.change(|tx| Box::pin(async move { tx.holds_of(&["patient:1"]).await }));
        assert_eq!(count.await.unwrap(), 1);
        assert!(world.conn().await.hold(world.clinic, "live").await.unwrap() == Some(kept));
        let (extended, late, taken, again) = world
            .change(move |tx| {
                Box::pin(async move {
                    let extended = tx.extend_hold("live", now + 900).await?;
                    let late = tx.extend_hold("over", now + 900).await?;
                    assert!(tx.take_hold("over").await?.is_none());
                    let taken = tx.take_hold("live").await?;
                    Ok((extended, late, taken, tx.take_hold("live").await?))
                })
            })
            .await
            .unwrap();
        assert!(extended && !late && again.is_none());
        assert!(taken.is_some_and(|hold| hold.extended == 1 && hold.expires_at == now + 900));
        assert!(!world.change(|tx| Box::pin(async move { tx.remove_hold("nobody's").await })).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_appointment_is_written_over_with_its_fact() {
    everywhere(async |world| {
        let row = appointment(world.ada, world.bob);
        let (first, visits) = (row.clone(), world.visits);
        world
            .change(move |tx| {
                Box::pin(async move { tx.save_appointment(&first, visits, Noted::Booked).await })
            })
            .await
            .unwrap();
        let mut conn = world.conn().await;
        let seq = world.seq().await;
        assert_eq!(
            conn.appointment(world.clinic, "u").await.unwrap(),
            [AppointmentRow { seq, ..row.clone() }]
        );
        let facts = conn.journal_after(world.clinic, seq - 1, 9).await.unwrap();
        let fact = Fact::Appointment {
            collection: visits,
            practitioner: world.ada,
            uid: "u".into(),
            noted: Noted::Booked,
        };
        assert!(facts.len() == 1 && facts[0].fact == fact);
        let later = AppointmentRow {
            status: "cancelled".into(),
            made_at: 99,
            origin: Origin::Dav,
            changed_origin: Origin::Dav,
            ..row.clone()
        };
        world
            .change(move |tx| {
                Box::pin(async move { tx.save_appointment(&later, visits, Noted::Cancelled).await })
            })
            .await
            .unwrap();
        let now = conn.appointments_for(world.clinic, 7, (0, "", ""), 9).await.unwrap().remove(0);
        assert_eq!((now.status.as_str(), now.made_at, now.origin), ("cancelled", NOW, Origin::Rest));
        assert_eq!(now.seq, seq + 1);
        let page = conn.appointments_of(world.clinic, world.ada, (now.start_at, "u", ""), 9).await.unwrap();
        assert!(page.is_empty(), "the page after the last");
        assert_eq!(conn.appointments_of(world.clinic, world.ada, (0, "", ""), 9).await.unwrap().len(), 1);
    })
    .await;
}

/// A visit, and one marked over it: restored in any order, both must find their place.
pub fn any_order(resource: PrincipalId, visits: CollectionId) -> Vec<Busy> {
    let one = |name: &str, start, mark| Busy {
        resource,
        span: span((start, 30), (0, 0)),
        kind: BusyKind::Visit,
        source: Source::Object(visits, name.into()),
        expires_at: None,
        mark,
        service: None,
    };
    vec![one("late.ics", 0, None), one("early.ics", -10, mark("first in the order of keys"))]
}

pub fn hold() -> KeptHold {
    KeptHold {
        id: "h".into(),
        party: "p".into(),
        made_by: None,
        made_at: NOW,
        expires_at: NOW + 600,
        extended: 0,
        plan: "{}".into(),
        other_party: None,
    }
}

pub fn appointment(ada: PrincipalId, bob: PrincipalId) -> AppointmentRow {
    AppointmentRow {
        uid: "u".into(),
        recurrence: String::new(),
        practitioner: ada,
        resources: vec![bob],
        patient: Some(7),
        service: None,
        status: "scheduled".into(),
        start_at: NOW,
        end_at: NOW + 1800,
        details: None,
        made_at: NOW,
        made_by: Some(ada),
        origin: Origin::Rest,
        changed_at: NOW,
        changed_by: None,
        changed_origin: Origin::Rest,
        reason: None,
        checked_in_at: None,
        started_at: None,
        ended_at: None,
        seq: 0,
        series: None,
        location: None,
        mode: None,
    }
}

#[tokio::test]
async fn a_calendar_keeps_its_policy() {
    everywhere(async |world| {
        assert_eq!(world.visits().await.policy, None);
        for policy in [Some(Policy::Accept), Some(Policy::Refuse), Some(Policy::PutBack), None] {
            let change = ::store::CollectionChange { policy: Some(policy), ..Default::default() };
            let visits = world.visits;
            world
                .change(move |tx| Box::pin(async move { tx.update_collection(visits, change).await }))
                .await
                .unwrap();
            assert_eq!(world.visits().await.policy, policy);
        }
    })
    .await;
}

#[tokio::test]
async fn old_intervals_are_forgotten() {
    everywhere(async |world| {
        bookable(&world, world.ada, 1).await;
        occupy(&world, &[busy(&world, "a", (0, 30), (0, 0)), busy(&world, "b", (60, 90), (0, 0))])
            .await
            .unwrap();
        let (clinic, before) = (world.clinic, NOW + 40 * MINUTE);
        let pruned =
            world.store.aside(move |aside| Box::pin(async move { aside.prune_busy(clinic, before).await }));
        let pruned: Result<u64> = pruned.await;
        assert_eq!(pruned.unwrap(), 1);
    })
    .await;
}

/// Two sessions that know nothing of the clinic's sequence: the trigger's own lock makes one wait for the other.
#[tokio::test]
async fn postgres_refuses_also_what_two_sessions_write_at_once() {
    let Some(fresh) = crate::support::database::postgres() else { return };
    let world = World::over(fresh).await;
    bookable(&world, world.ada, 2).await;
    occupy(&world, &[busy(&world, "a", (0, 30), (0, 0))]).await.unwrap();
    let insert = |name: &str, isolation: &str| {
        format!(
            "begin isolation level {isolation}; insert into busy (clinic_id, resource_id, from_at, collection_id, \
             name, occurrence, start_at, end_at, until_at, kind, capacity, overbook) values \
             ({}, {}, {NOW}, {}, '{name}', 0, {NOW}, {NOW} + 600, {NOW} + 600, 'visit', 2, 0); \
             select pg_sleep(0.5); commit",
            world.clinic, world.ada, world.visits
        )
    };
    for isolation in ["read committed", "repeatable read"] {
        let address = world.fresh.address().unwrap().to_string();
        let sessions: Vec<_> = ["b", "c"]
            .map(|name| (address.clone(), insert(name, isolation)))
            .into_iter()
            .map(|(address, text)| tokio::task::spawn_blocking(move || sql(&address, &text)))
            .collect();
        let mut done = 0;
        for session in sessions {
            done += u32::from(session.await.unwrap());
        }
        assert_eq!(done, 1, "{isolation}");
        assert!(sql(&address, "delete from busy where name in ('b', 'c')"));
    }
}

/// One of a session's seats.
pub fn seat() -> ::store::Seat {
    ::store::Seat {
        uid: "u".into(),
        recurrence: String::new(),
        patient: 7,
        seats: 8,
        made_at: NOW,
        made_by: None,
        origin: Origin::Rest,
        seq: 0,
    }
}
