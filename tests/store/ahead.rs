//! Changes that say where they will look go together where they can: each stands or is refused as if it were alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::{
    Ahead, AppointmentRow, Busy, BusyKind, CollectionId, Database, Error, KeptHold, Key, Noted, PrincipalId,
    Resource, Result, Source, Span, once, trips,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::booking::appointment;
use super::clinic::deed;
use super::world::{NOW, World, calendar, everywhere, object};

/// What one of them does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Takes the time if it is free.
    Books,
    /// Thinks better of it before anything is sent.
    Declines,
    /// Thinks better of it when it has asked something else, its own change behind it.
    DeclinesLate,
    /// Writes what only the database refuses.
    Clashes,
    /// Panics.
    Panics,
}

#[derive(Clone, Debug)]
struct One {
    name: String,
    of: PrincipalId,
    visits: CollectionId,
    span: Span,
    way: Way,
    patient: Option<i64>,
    key: Option<Key>,
}

/// Half an hour of somebody, so many half hours after now.
fn half(n: i64) -> Span {
    let start = NOW + n * 1_800;
    Span { from: start, start, end: start + 1_800, until: start + 1_800, occurrence: 0 }
}

/// Ada and Bob, each with room for one at a time.
async fn bookable(world: &World) -> CollectionId {
    let (ada, bob) = (world.ada, world.bob);
    let made = world.change(move |tx| {
        Box::pin(async move {
            for id in [ada, bob] {
                tx.insert_resource(Resource { id, capacity: 1, reached: NOW + 400 * 86_400 }).await?;
            }
            Ok(tx.insert_collection(bob, calendar("visits")).await?.id)
        })
    });
    made.await.unwrap()
}

/// Sends one; its number where it stands.
fn send(world: &World, one: One) -> JoinHandle<Result<i64>> {
    let (store, clinic, actor) = (world.store.clone(), world.clinic, world.ada);
    let window = (one.span.start, one.span.end);
    let patient = one.patient.map(|patient| (patient, window));
    let ahead = Ahead { of: vec![one.of], spans: vec![one.span], patient, ..Ahead::default() };
    let key = one.key.clone();
    tokio::spawn(async move {
        let written = store.write_among(clinic, Some(ahead), move |tx| {
            let one = one.clone();
            Box::pin(async move {
                if let Some(patient) = one.patient
                    && tx.patient_is_busy(patient, window, "").await?
                {
                    return Err(Error::Invalid("the patient is elsewhere"));
                }
                let look = tx.look(&[one.of], &[one.span], None).await?;
                if !look.busy.is_empty() {
                    return Err(Error::Overlap);
                }
                tx.gather();
                let busy = Busy {
                    resource: one.of,
                    span: one.span,
                    kind: BusyKind::Visit,
                    source: Source::Object(one.visits, one.name.clone()),
                    expires_at: None,
                    mark: None,
                    service: None,
                };
                tx.occupy(&[busy]).await?;
                let mut new = object(one.visits, &one.name, "text");
                if one.way == Way::Clashes {
                    new.uid = "uid-first.ics".into();
                }
                tx.save_object(new).await?;
                if let Some(patient) = one.patient {
                    let (start_at, end_at) = window;
                    let uid = one.name.trim_end_matches(".ics").to_owned();
                    let row = AppointmentRow {
                        uid,
                        patient: Some(patient),
                        start_at,
                        end_at,
                        ..appointment(one.of, one.of)
                    };
                    tx.save_appointment(&row, one.visits, Noted::Booked).await?;
                }
                tx.audit(vec![deed(actor, &one.name)]).await?;
                match one.way {
                    Way::Books | Way::Clashes => Ok(tx.seq()),
                    Way::Declines => Err(Error::Invalid("declined")),
                    Way::DeclinesLate => {
                        let (clinic, none) = (tx.clinic(), Source::Hold("none".into()));
                        tx.busy_from(clinic, &none).await?;
                        Err(Error::Invalid("declined late"))
                    }
                    Way::Panics => panic!("on purpose"),
                }
            })
        });
        match key {
            Some(key) => once(key, written).await,
            None => written.await,
        }
    })
}

/// Sends all of them while the clinic is held, so that they stand in one row; what became of them, and how many texts went
/// to the database since.
async fn at_once(world: &World, all: &[One]) -> (Vec<Result<i64>>, u64) {
    all_at_once(world, || all.iter().map(|one| send(world, one.clone())).collect()).await
}

async fn all_at_once<T>(
    world: &World,
    send: impl FnOnce() -> Vec<JoinHandle<Result<T>>>,
) -> (Vec<Result<T>>, u64) {
    let (go, wait) = oneshot::channel::<()>();
    let (began, begun) = oneshot::channel();
    let (store, clinic) = (world.store.clone(), world.clinic);
    let holds = tokio::spawn(async move {
        let held = store.write(clinic, |_| {
            Box::pin(async move {
                began.send(()).ok();
                wait.await.ok();
                Result::<()>::Err(Error::Invalid("only held"))
            })
        });
        held.await
    });
    begun.await.unwrap();
    let before = trips();
    let sent = send();
    // On one thread each has come to its place in the row by now.
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    holds.await.unwrap().unwrap_err();
    let mut results = Vec::new();
    for one in sent {
        results.push(one.await.unwrap());
    }
    (results, trips() - before)
}

#[tokio::test]
async fn eight_that_look_at_different_times_travel_as_one() {
    everywhere(async |world: World| {
        let bobs = bookable(&world).await;
        world.put("first.ics", "text").await.unwrap();
        let sides = [(world.ada, world.visits), (world.bob, bobs)];
        let one = |n: i64| {
            let (of, visits) = sides[n as usize % 2];
            One {
                name: format!("{n}.ics"),
                of,
                visits,
                span: half(n),
                way: Way::Books,
                patient: None,
                key: None,
            }
        };
        let all: Vec<One> = (0..8).map(one).collect();
        let before = world.seq().await;
        let (results, texts) = at_once(&world, &all).await;
        let seqs: Vec<i64> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!(seqs, (before + 1..=before + 8).collect::<Vec<_>>(), "in the order in which they came");
        assert_eq!(world.seq().await, before + 8);
        assert_eq!(world.conn().await.audit_holds(world.clinic).await.unwrap(), Ok(8));
        // The bump again (what held the clinic was refused, perhaps for longer than a transaction lasts: then its end
        // comes by itself), the look, what is written, the commit.
        if world.store.database() == Database::Postgres {
            assert!((4..=5).contains(&texts), "{texts}");
        }
        for ((of, visits), last) in sides.into_iter().zip([before + 7, before + 8]) {
            let mut conn = world.conn().await;
            let kept = conn.collections_by_id(world.clinic, &[visits]).await.unwrap().remove(0);
            assert_eq!(kept.seq, last, "a calendar knows the last of several changes");
            let busy = conn.busy_between(world.clinic, &[of], (NOW, NOW + 86_400), NOW).await.unwrap();
            assert_eq!(busy.len(), 4);
        }
    })
    .await;
}

/// Whatever the others do, each of them ends as it would alone, and nothing of those who fail is left.
#[tokio::test]
async fn each_of_those_that_go_together_ends_as_it_would_alone() {
    let ways = [Way::Books, Way::Declines, Way::DeclinesLate, Way::Clashes, Way::Panics];
    everywhere(async |world: World| {
        let bobs = bookable(&world).await;
        world.put("first.ics", "text").await.unwrap();
        let sides = [(world.ada, world.visits), (world.bob, bobs)];
        let mut expected = BTreeMap::new();
        let mut number = 0;
        // Every way among those who book, at every place of a row; the last two want what the first two have.
        for round in 0..40i64 {
            let one = |n: i64| {
                let (of, visits) = sides[(n + round) as usize % 2];
                let way = if n == round % 6 { ways[(round / 6) as usize % ways.len()] } else { Way::Books };
                let span = half(round * 10 + if n < 6 { n } else { n - 6 });
                One { name: format!("{round}-{n}.ics"), of, visits, span, way, patient: None, key: None }
            };
            let all: Vec<One> = (0..8).map(one).collect();
            let before = world.seq().await;
            let (results, _) = at_once(&world, &all).await;
            let mut taken: Vec<Span> = Vec::new();
            for (one, result) in all.iter().zip(&results) {
                let is_free = !taken.contains(&one.span);
                match (is_free, one.way, result) {
                    (true, Way::Books, Ok(seq)) => {
                        taken.push(one.span);
                        expected.insert(*seq, one.clone());
                    }
                    // Only ada's calendar has the other object of this UID.
                    (true, Way::Clashes, Ok(seq)) if one.visits == bobs => {
                        taken.push(one.span);
                        expected.insert(*seq, one.clone());
                    }
                    (true, Way::Clashes, Err(Error::Unique(_))) if one.visits != bobs => {}
                    (true, Way::Declines, Err(Error::Invalid("declined"))) => {}
                    (true, Way::DeclinesLate, Err(Error::Invalid("declined late"))) => {}
                    (true, Way::Panics, Err(Error::Broken(_))) => {}
                    (false, _, Err(Error::Overlap)) => {}
                    other => panic!("round {round}: {one:?} came to {other:?}"),
                }
            }
            number += taken.len() as i64;
            assert_eq!(world.seq().await, before + taken.len() as i64, "no number is left out");
        }
        assert_eq!(expected.len() as i64, number, "each number once");
        let mut conn = world.conn().await;
        assert_eq!(conn.audit_holds(world.clinic).await.unwrap(), Ok(number as u64));
        for (of, visits) in sides {
            let mine: Vec<(&i64, &One)> = expected.iter().filter(|(_, one)| one.of == of).collect();
            let busy = conn.busy_between(world.clinic, &[of], (NOW, half(500).end), NOW).await.unwrap();
            let mut spans: Vec<Span> = mine.iter().map(|(_, one)| one.span).collect();
            spans.sort_unstable();
            assert_eq!(busy.iter().map(|one| one.span).collect::<Vec<_>>(), spans);
            let kept = conn.objects(world.clinic, visits, "", 1_000).await.unwrap();
            let kept: BTreeMap<String, i64> = kept.into_iter().map(|one| (one.name, one.seq)).collect();
            for (seq, one) in &mine {
                assert_eq!(kept.get(&one.name), Some(*seq));
            }
            let firsts = usize::from(visits == world.visits);
            assert_eq!(kept.len(), mine.len() + firsts);
            let calendar = conn.collections_by_id(world.clinic, &[visits]).await.unwrap().remove(0);
            assert_eq!(Some(calendar.seq), mine.iter().map(|(seq, _)| **seq).max());
        }
        let rows = conn.journal_after(world.clinic, 0, 10_000).await.unwrap();
        for seq in expected.keys() {
            assert_eq!(rows.iter().filter(|row| row.seq == *seq).count(), 2, "the object and the time");
        }
    })
    .await;
}

/// A look that was promised and is then made for somebody else, or after a change of one's own, is a look of its own.
#[tokio::test]
async fn what_was_seen_before_is_good_for_what_was_told_only() {
    everywhere(async |world: World| {
        bookable(&world).await;
        let world = Arc::new(world);
        let (ada, bob, visits) = (world.ada, world.bob, world.visits);
        let row = move |of, n, name: &str| Busy {
            resource: of,
            span: half(n),
            kind: BusyKind::Visit,
            source: Source::Object(visits, name.into()),
            expires_at: None,
            mark: None,
            service: None,
        };
        let (go, wait) = oneshot::channel::<()>();
        let holds = {
            let world = world.clone();
            tokio::spawn(async move {
                world
                    .change(move |tx| {
                        Box::pin(async move {
                            wait.await.ok();
                            tx.occupy(&[row(bob, 1, "b.ics")]).await
                        })
                    })
                    .await
            })
        };
        tokio::task::yield_now().await;
        let sent = [0, 2].map(|n| {
            let (store, clinic) = (world.store.clone(), world.clinic);
            let ahead = Ahead { of: vec![ada], spans: vec![half(n)], ..Ahead::default() };
            tokio::spawn(async move {
                let written = store.write_among(clinic, Some(ahead), move |tx| {
                    Box::pin(async move {
                        let of_bob = tx.look(&[bob], &[half(1)], None).await?.busy.len();
                        tx.occupy(&[row(ada, n, "a.ics")]).await?;
                        let of_ada = tx.look(&[ada], &[half(n)], None).await?.busy.len();
                        Ok::<_, Error>((of_bob, of_ada))
                    })
                });
                written.await
            })
        });
        tokio::task::yield_now().await;
        go.send(()).unwrap();
        holds.await.unwrap().unwrap();
        for one in sent {
            assert_eq!(one.await.unwrap().unwrap(), (1, 1));
        }
    })
    .await;
}

/// Calls by their keys and patients who must not be in two places: one question more for all of them, one answer for each.
#[tokio::test]
async fn calls_by_their_keys_and_patients_go_together_too() {
    everywhere(async |world: World| {
        let bobs = bookable(&world).await;
        let sides = [(world.ada, world.visits), (world.bob, bobs)];
        let key = |n: i64| Key {
            clinic: world.clinic,
            credential: "token 1".into(),
            key: format!("k{n}"),
            body_hash: [1; 32],
        };
        let one = |n: i64| {
            let (of, visits) = sides[n as usize % 2];
            let (patient, key) = (Some(100 + n), Some(key(n)));
            One { name: format!("{n}.ics"), of, visits, span: half(n), way: Way::Books, patient, key }
        };
        let taken: Vec<Key> = (0..24).map(key).collect();
        let took = world.store.aside_soon::<_, Error, _>(move |aside| {
            Box::pin(async move {
                for key in &taken {
                    aside.take_key(key).await?;
                }
                Ok(())
            })
        });
        took.await.unwrap();
        let all: Vec<One> = (0..8).map(one).collect();
        let (results, texts) = at_once(&world, &all).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        // The bump, both looks, what is written, the keys, the commit.
        if world.store.database() == Database::Postgres {
            assert!((6..=7).contains(&texts), "{texts}");
        }
        // One of them came too late: its key was used for something else. The others do not suffer.
        let other = Key { body_hash: [2; 32], ..key(10) };
        let late: Vec<One> = (8..16)
            .map(|n| if n == 10 { One { key: Some(other.clone()), ..one(n) } } else { one(n) })
            .collect();
        let (results, _) = at_once(&world, &late).await;
        let refused: Vec<usize> = (0..8).filter(|n| results[*n].is_err()).collect();
        assert!(refused == [2] && matches!(results[2], Err(Error::Busy)), "{results:?}");
        // Of two of one patient at one time, with whomever, one stands; and nobody is in two places.
        let both = [17, 18].map(|n| One { patient: Some(500), span: half(20), ..one(n) });
        let again = One { patient: Some(103), span: half(3), ..one(20) };
        let (results, _) = at_once(&world, &[both[0].clone(), both[1].clone(), again]).await;
        assert!(results[0].is_ok());
        for refused in &results[1..] {
            assert!(matches!(refused, Err(Error::Invalid("the patient is elsewhere"))), "{results:?}");
        }
        let seen = world.conn().await.appointments_for(world.clinic, 500, (0, "", ""), 9).await.unwrap();
        assert_eq!(seen.len(), 1);
    })
    .await;
}

/// Half an hour of ada's kept for a party that may have so many at a time.
fn keep(world: &World, id: String, n: i64, most: i64, until: i64) -> JoinHandle<Result<()>> {
    let (store, clinic, of) = (world.store.clone(), world.clinic, world.ada);
    let other_party = Some(format!("mail {n}"));
    let hold = KeptHold { id, other_party, expires_at: until, ..super::booking::hold() };
    let parties = hold.parties().map(str::to_owned).collect();
    let ahead = Ahead { of: vec![of], spans: vec![half(n)], parties, ..Ahead::default() };
    tokio::spawn(async move {
        let written = store.write_among(clinic, Some(ahead), move |tx| {
            let hold = hold.clone();
            Box::pin(async move {
                let parties: Vec<&str> = hold.parties().collect();
                if tx.holds_of(&parties).await? >= most {
                    return Err(Error::Invalid("too many"));
                }
                if !tx.look(&[of], &[half(n)], None).await?.busy.is_empty() {
                    return Err(Error::Overlap);
                }
                tx.gather();
                tx.insert_hold(&hold).await?;
                let (source, expires_at) = (Source::Hold(hold.id), Some(hold.expires_at));
                let (resource, span, kind) = (of, half(n), BusyKind::Hold);
                tx.occupy(&[Busy { resource, span, kind, source, expires_at, mark: None, service: None }])
                    .await
            })
        });
        written.await
    })
}

/// Books what is held, or thinks better of it once it is taken.
fn take(world: &World, id: String, n: i64, is_meant: bool) -> JoinHandle<Result<()>> {
    let (store, clinic, of, visits) = (world.store.clone(), world.clinic, world.ada, world.visits);
    let ahead = Ahead { of: vec![of], spans: vec![half(n)], hold: Some(id.clone()), ..Ahead::default() };
    tokio::spawn(async move {
        let written = store.write_among(clinic, Some(ahead), move |tx| {
            let id = id.clone();
            Box::pin(async move {
                if tx.take_hold(&id).await?.is_none() {
                    return Err(Error::Invalid("run out"));
                }
                if !tx.look(&[of], &[half(n)], Some(&id)).await?.busy.is_empty() {
                    return Err(Error::Overlap);
                }
                if !is_meant {
                    return Err(Error::Invalid("declined"));
                }
                tx.gather();
                let source = Source::Object(visits, format!("{n}.ics"));
                let (resource, span, kind) = (of, half(n), BusyKind::Visit);
                let one = Busy { resource, span, kind, source, expires_at: None, mark: None, service: None };
                tx.occupy(&[one]).await
            })
        });
        written.await
    })
}

/// Holds are counted one by one also where they are made together, and each is taken by its own booking; who does not take
/// it after all leaves it as it was.
#[tokio::test]
async fn holds_are_made_and_taken_together() {
    everywhere(async |world: World| {
        bookable(&world).await;
        let until = world.store.moment().await.unwrap() + 600;
        let is_postgres = world.store.database() == Database::Postgres;
        let kept = |n: i64| format!("h{n}");
        let (made, texts) =
            all_at_once(&world, || (0..8).map(|n| keep(&world, kept(n), n, 6, until)).collect()).await;
        let is_made: Vec<bool> = made.iter().map(Result::is_ok).collect();
        assert_eq!(is_made, [true, true, true, true, true, true, false, false], "six at a time");
        // The bump, by whom they are counted, the look, what is written, the commit.
        assert!(!is_postgres || (5..=6).contains(&texts), "{texts}");
        let mut conn = world.conn().await;
        let held = conn.busy_between(world.clinic, &[world.ada], (NOW, NOW + 86_400), until - 600).await;
        assert!(held.unwrap().iter().all(|one| one.kind == BusyKind::Hold && one.expires_at == Some(until)));
        let (taken, texts) =
            all_at_once(&world, || (0..4).map(|n| take(&world, kept(n), n, true)).collect()).await;
        assert!(taken.iter().all(Result::is_ok), "{taken:?}");
        assert!(!is_postgres || (5..=6).contains(&texts), "{texts}");
        // One that is not there, one that is left as it was, and one more, of whose party there is room again.
        let (mixed, _) = all_at_once(&world, || {
            vec![
                take(&world, "none".into(), 12, true),
                take(&world, kept(4), 4, false),
                take(&world, kept(5), 5, true),
                keep(&world, kept(13), 13, 2, until),
            ]
        })
        .await;
        assert!(matches!(mixed[..2], [Err(Error::Invalid("run out")), Err(Error::Invalid("declined"))]));
        assert!(mixed[2].is_ok() && mixed[3].is_ok(), "{mixed:?}");
        let left = conn.busy_from(world.clinic, &Source::Hold(kept(4))).await.unwrap();
        assert_eq!(left.iter().map(|one| one.span).collect::<Vec<_>>(), [half(4)], "it keeps its time");
        // The same where nobody fails: what is taken makes room for what is made behind it.
        let both = || vec![take(&world, kept(4), 4, true), keep(&world, kept(14), 14, 2, until)];
        let (both, texts) = all_at_once(&world, both).await;
        assert!(both.iter().all(Result::is_ok), "{both:?}");
        assert!(!is_postgres || (6..=7).contains(&texts), "{texts}");
        let all = conn.busy_between(world.clinic, &[world.ada], (NOW, NOW + 86_400), until - 600).await;
        let stands: Vec<(i64, bool)> = all
            .unwrap()
            .iter()
            .map(|one| ((one.span.start - NOW) / 1_800, one.kind == BusyKind::Hold))
            .collect();
        let visits = (0..6).map(|n| (n, false));
        assert_eq!(stands, visits.chain([(13, true), (14, true)]).collect::<Vec<_>>());
        for n in 0..15 {
            let left = conn.hold(world.clinic, &kept(n)).await.unwrap();
            assert_eq!(left.is_some(), n >= 13, "{n}");
        }
    })
    .await;
}
