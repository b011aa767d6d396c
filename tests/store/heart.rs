//! The one sequence: every write bumps it, a refusal leaves nothing, a panic harms nobody, followers miss nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::store::{ClinicId, CollectionId, Error, Result, Unique};
use tokio::sync::Barrier;

use super::clinic::deed;
use super::world::{World, change, everywhere, object, person};

#[tokio::test]
async fn every_write_bumps_the_sequence_by_one() {
    everywhere(async |world: World| {
        let before = world.seq().await;
        world.put("a.ics", "one").await.unwrap();
        world.put("b.ics", "two").await.unwrap();
        assert_eq!(world.seq().await, before + 2);
        let seen =
            world.change(|tx| Box::pin(async move { Ok((tx.clinic(), tx.seq(), tx.now())) })).await.unwrap();
        assert_eq!(seen, (world.clinic, before + 3, super::world::NOW));
    })
    .await;
}

#[tokio::test]
async fn structure_moves_only_with_what_is_no_object() {
    everywhere(async |world: World| {
        let before = world.store.version(world.clinic).await.unwrap();
        world.put("a.ics", "one").await.unwrap();
        world.remove("a.ics").await.unwrap();
        let between = world.store.version(world.clinic).await.unwrap();
        assert_eq!((between.seq, between.structure), (before.seq + 2, before.structure));
        let ada = world.ada;
        world
            .change(move |tx| Box::pin(async move { tx.disable_principal(ada, Some(1)).await }))
            .await
            .unwrap();
        let after = world.store.version(world.clinic).await.unwrap();
        assert_eq!((after.seq, after.structure), (before.seq + 3, before.seq + 3));
    })
    .await;
}

#[tokio::test]
async fn a_refused_change_leaves_nothing() {
    everywhere(async |world: World| {
        let before = world.seq().await;
        let new = object(world.visits, "a.ics", "one");
        let refused = world.change(|tx| {
            Box::pin(async move {
                tx.save_object(new).await?;
                Result::<()>::Err(Error::Invalid("no"))
            })
        });
        assert!(matches!(refused.await, Err(Error::Invalid("no"))));
        assert_eq!(world.seq().await, before);
        assert_eq!(world.conn().await.object(world.clinic, world.visits, "a.ics").await.unwrap(), None);
        assert!(world.conn().await.journal_after(world.clinic, before, 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_overlooked_error_is_an_error() {
    everywhere(async |world: World| {
        world.put("a.ics", "one").await.unwrap();
        let (mut clash, other) =
            (object(world.visits, "b.ics", "two"), object(world.visits, "c.ics", "three"));
        clash.uid = "uid-a.ics".into();
        let result = world.change(|tx| {
            Box::pin(async move {
                tx.save_object(clash).await.ok();
                tx.save_object(other).await.ok();
                Ok(())
            })
        });
        assert!(matches!(result.await, Err(Error::Unique(Unique::ObjectUid))));
        assert_eq!(world.conn().await.object(world.clinic, world.visits, "c.ics").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_panic_in_a_job_harms_nobody() {
    everywhere(async |world: World| {
        let new = object(world.visits, "a.ics", "one");
        let before = world.seq().await;
        let panicked = world.change(|tx| {
            Box::pin(async move {
                tx.save_object(new).await?;
                if tx.seq() > 0 {
                    panic!("on purpose");
                }
                Ok(())
            })
        });
        assert!(matches!(panicked.await, Err(Error::Broken(_))));
        assert_eq!(world.seq().await, before);
        world.put("b.ics", "two").await.unwrap();
        assert_eq!(world.conn().await.object(world.clinic, world.visits, "a.ics").await.unwrap(), None);
        assert!(world.conn().await.object(world.clinic, world.visits, "b.ics").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_requester_that_goes_away_harms_nobody() {
    everywhere(async |world: World| {
        for n in 0..20 {
            let new = object(world.visits, &format!("gone-{n}.ics"), "one");
            let write = world.change(|tx| {
                Box::pin(async move {
                    tx.save_object(new).await?;
                    tokio::task::yield_now().await;
                    Ok(())
                })
            });
            tokio::select! {
                biased;
                _ = tokio::time::sleep(std::time::Duration::from_micros(n * 100)) => {}
                done = write => done.unwrap(),
            }
        }
        let before = world.seq().await;
        world.put("b.ics", "two").await.unwrap();
        assert!(world.seq().await > before);
        let rows = world.conn().await.journal_after(world.clinic, 0, 1000).await.unwrap();
        let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let kept = world.conn().await.objects(world.clinic, world.visits, "", 100).await.unwrap();
        assert!(kept.iter().all(|meta| seqs.contains(&meta.seq)));
    })
    .await;
}

/// Refusals, panics and good writes side by side, so that on SQLite they share transactions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_good_and_bad_writes_keeps_exactly_the_good() {
    everywhere(async |world: World| {
        let world = Arc::new(world);
        let gate = Arc::new(Barrier::new(60));
        let crowd: Vec<_> =
            (0..60).map(|n| tokio::spawn(member(Arc::clone(&world), Arc::clone(&gate), n))).collect();
        let mut good = BTreeSet::new();
        for member in crowd {
            good.extend(member.await.unwrap());
        }
        let kept = world.conn().await.objects(world.clinic, world.visits, "", 100).await.unwrap();
        assert_eq!(kept.iter().map(|meta| meta.name.clone()).collect::<BTreeSet<_>>(), good);
        assert_eq!(good.len(), 20);
        let rows = world.conn().await.journal_after(world.clinic, 1, 1000).await.unwrap();
        assert_eq!(rows.len(), 20);
        let seqs: BTreeSet<i64> = kept.iter().map(|meta| meta.seq).collect();
        assert_eq!(seqs.len(), 20, "two changes under one number");
        assert_eq!(*seqs.last().unwrap(), world.seq().await);
    })
    .await;
}

async fn member(world: Arc<World>, gate: Arc<Barrier>, n: usize) -> Option<String> {
    let name = format!("{n}.ics");
    let new = object(world.visits, &name, "text");
    gate.wait().await;
    let result = world.change(move |tx| {
        Box::pin(async move {
            tx.save_object(new).await?;
            match n % 3 {
                0 => Ok(()),
                1 => Err(Error::Invalid("refused")),
                _ if n > 0 => panic!("on purpose"),
                _ => Ok(()),
            }
        })
    });
    let result = result.await;
    assert_eq!(result.is_ok(), n.is_multiple_of(3));
    result.ok().map(|()| name)
}

/// What jobs of one transaction leave to one another is what they would find if each had one of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_share_a_transaction_find_what_those_before_left() {
    everywhere(async |world: World| {
        let world = Arc::new(world);
        let gate = Arc::new(Barrier::new(48));
        let crowd: Vec<_> =
            (0..48).map(|n| tokio::spawn(mixed(Arc::clone(&world), Arc::clone(&gate), n))).collect();
        let mut kept = Vec::new();
        for member in crowd {
            kept.extend(member.await.unwrap());
        }
        kept.sort_unstable();
        let seqs: Vec<i64> = kept.iter().map(|one| one.seq).collect();
        assert_eq!(seqs, (2..2 + seqs.len() as i64).collect::<Vec<_>>(), "each number once, none left out");
        let mut structure = 1;
        for one in &kept {
            assert_eq!(one.found, structure, "change {} found another structure", one.seq);
            structure = if one.is_structural { one.seq } else { structure };
        }
        let version = world.store.version(world.clinic).await.unwrap();
        assert_eq!((version.seq, version.structure), (1 + seqs.len() as i64, structure));
        assert_eq!(world.conn().await.audit_holds(world.clinic).await.unwrap(), Ok(seqs.len() as u64));
    })
    .await;
}

/// A change that stands: its number, the structure it found, and whether it changed that.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Stood {
    seq: i64,
    found: i64,
    is_structural: bool,
}

async fn mixed(world: Arc<World>, gate: Arc<Barrier>, n: usize) -> Option<Stood> {
    let (ada, is_structural) = (world.ada, n.is_multiple_of(4));
    let new = object(world.visits, &format!("{n}.ics"), "text");
    gate.wait().await;
    let result = world.change(move |tx| {
        Box::pin(async move {
            tx.audit(vec![deed(ada, "patient 1")]).await?;
            match is_structural {
                true => drop(tx.disable_principal(ada, Some(n as i64)).await?),
                false => tx.save_object(new).await?,
            }
            let stood = Stood { seq: tx.seq(), found: tx.structure(), is_structural };
            if n % 3 == 2 { Err(Error::Invalid("refused")) } else { Ok(stood) }
        })
    });
    result.await.ok()
}

/// A plan's rules hold where only objects and time were written since: known without asking where this process wrote it.
#[tokio::test]
async fn what_was_written_since_a_change_is_known_as_far_as_it_is_plain() {
    everywhere(async |world: World| {
        let seen = world.seq().await;
        assert_eq!(since(&world, seen - 1).await, None, "what made the world was more than objects");
        world.put("a.ics", "one").await.unwrap();
        world.put("b.ics", "two").await.unwrap();
        assert_eq!(since(&world, seen).await, Some(vec![world.visits; 2]));
        assert_eq!(since(&world, seen + 1).await, Some(vec![world.visits]));
        assert!(world.remove("a.ics").await.unwrap());
        let before = world.seq().await;
        assert_eq!(since(&world, before - 1).await, Some(vec![world.visits]));
        let refused = object(world.visits, "c.ics", "three");
        let refused = world.change(|tx| {
            Box::pin(async move {
                tx.save_object(refused).await?;
                Result::<()>::Err(Error::Invalid("no"))
            })
        });
        refused.await.unwrap_err();
        assert_eq!(since(&world, before).await, Some(vec![]), "a refused change is none");
        let ada = world.ada;
        let structural =
            world.change(move |tx| Box::pin(async move { tx.disable_principal(ada, Some(1)).await }));
        structural.await.unwrap();
        assert_eq!(since(&world, before).await, None, "a person changed");
        let seen = world.seq().await;
        assert_eq!(since(&world, seen).await, Some(vec![]));
        let other = world.fresh.again().await;
        let new = object(world.visits, "d.ics", "four");
        change(&other, world.clinic, |tx| Box::pin(async move { tx.save_object(new).await })).await.unwrap();
        assert_eq!(since(&world, seen).await, None, "another process wrote");
        assert_eq!(since(&world, seen + 1).await, None, "and nothing is known of it yet");
        world.put("e.ics", "five").await.unwrap();
        assert_eq!(since(&world, seen + 1).await, Some(vec![world.visits]));
    })
    .await;
}

/// What a job that changes nothing hears of it.
async fn since(world: &World, seen: i64) -> Option<Vec<CollectionId>> {
    let (told, heard) = std::sync::mpsc::channel();
    let asked = world.change(move |tx| {
        Box::pin(async move {
            told.send(tx.written_since(seen)).unwrap();
            Result::<()>::Err(Error::Invalid("only asked"))
        })
    });
    asked.await.unwrap_err();
    heard.recv().unwrap()
}

/// The journal must never show a number before a smaller one, whatever order the writers come in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_misses_nothing() {
    everywhere(async |world: World| {
        let world = Arc::new(world);
        let start = world.seq().await;
        let writers: Vec<_> = (0..8).map(|writer| tokio::spawn(writes(Arc::clone(&world), writer))).collect();
        let (mut cursor, mut seen) = (start, Vec::new());
        while seen.len() < 8 * 25 {
            let rows = world.conn().await.journal_after(world.clinic, cursor, 50).await.unwrap();
            cursor = rows.last().map_or(cursor, |row| row.seq);
            seen.extend(rows.into_iter().map(|row| row.seq));
            tokio::task::yield_now().await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(seen, (start + 1..=start + 200).collect::<Vec<_>>());
    })
    .await;
}

async fn writes(world: Arc<World>, writer: usize) {
    for n in 0..25 {
        world.put(&format!("{writer}-{n}.ics"), "text").await.unwrap();
    }
}

#[tokio::test]
async fn a_clinic_that_is_not_there_is_gone() {
    everywhere(async |world: World| {
        let nowhere = ClinicId(4711);
        let written = super::world::change(&world.store, nowhere, |_| Box::pin(async { Ok(()) })).await;
        assert!(matches!(written, Err(Error::Gone)));
        assert!(matches!(world.store.version(nowhere).await, Err(Error::Gone)));
        world.put("still.ics", "works").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn clinics_have_sequences_of_their_own() {
    everywhere(async |world: World| {
        let make = |name: &'static str| {
            world
                .store
                .aside::<_, Error, _>(move |aside| Box::pin(async move { aside.insert_clinic(name).await }))
        };
        let second = make("second").await.unwrap();
        assert!(matches!(make("second").await, Err(Error::Unique(Unique::ClinicName))));
        assert!(matches!(make("Zweite Praxis").await, Err(Error::Invalid(_))));
        let before = world.seq().await;
        let eve = super::world::change(&world.store, second.id, |tx| {
            Box::pin(async move { tx.insert_principal(person("eve")).await })
        });
        assert_eq!(eve.await.unwrap().clinic, second.id);
        assert_eq!(world.store.version(second.id).await.unwrap().seq, 1);
        assert_eq!(world.seq().await, before);
        let all = world.conn().await.clinics().await.unwrap();
        assert_eq!(all.iter().map(|clinic| clinic.name.as_str()).collect::<Vec<_>>(), ["default", "second"]);
        assert_ne!(all[0].epoch, all[1].epoch);
        assert_eq!(world.conn().await.clinic_named("second").await.unwrap().unwrap().id, second.id);
        assert_eq!(world.conn().await.clinic(second.id).await.unwrap().unwrap().seq, 1);
    })
    .await;
}

#[tokio::test]
async fn a_commit_wakes_who_waits_for_changes() {
    everywhere(async |world: World| {
        let mut changed = world.store.changed();
        changed.mark_unchanged();
        world.put("a.ics", "one").await.unwrap();
        changed.changed().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_sees_one_state() {
    everywhere(async |world: World| {
        world.put("a.ics", "one").await.unwrap();
        let mut then = world.store.snapshot(world.clinic).await.unwrap();
        world.put("b.ics", "two").await.unwrap();
        assert_eq!(then.objects(world.clinic, world.visits, "", 10).await.unwrap().len(), 1);
        assert_eq!(world.conn().await.objects(world.clinic, world.visits, "", 10).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_closed_store_is_busy() {
    everywhere(async |world: World| {
        world.put("a.ics", "one").await.unwrap();
        let other = world.store.clone();
        world.store.clone().close().await;
        assert!(matches!(other.across().await.err(), Some(Error::Busy)));
        let new = object(world.visits, "b.ics", "two");
        let late = super::world::change(&other, world.clinic, |tx| {
            Box::pin(async move { tx.save_object(new).await })
        });
        assert!(matches!(late.await, Err(Error::Busy)));
    })
    .await;
}
