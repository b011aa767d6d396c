//! What only PostgreSQL promises: nodes see one another at once, a dead server is `Busy` within two seconds and healed by
//! itself, a row that somebody locks harms nobody else (trust.md R6, R8).

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::store::{DatabaseUrl, Error, Options, Store};
use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{RwLock, watch};

use super::world::World;
use crate::support::database::postgres;

/// storage.md 2: written through one node, read through another, without a stale answer.
#[tokio::test]
async fn a_second_node_sees_every_write_at_once() {
    let Some(fresh) = postgres() else { return };
    let world = World::over(fresh).await;
    let other = world.fresh.again().await;
    for n in 0..2_000 {
        world.put("a.ics", &format!("text {n}")).await.unwrap();
        let seq = world.seq().await;
        assert_eq!(other.version(world.clinic).await.unwrap().seq, seq);
    }
    let found = other
        .read(world.clinic)
        .await
        .unwrap()
        .object(world.clinic, world.visits, "a.ics")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.text.unwrap().0, "text 1999");
}

/// All who ask for a version while it is being asked for share the next question, and no answer is older than its asking.
#[tokio::test]
async fn those_who_ask_at_once_share_a_question() {
    let Some(fresh) = postgres() else { return };
    let world = World::over(fresh).await;
    let address = world.fresh.address().unwrap().to_string();
    // Carried by this thread, no answer is there before the question's task rests.
    let (wire, carried, port) = proxy(&address).await;
    let store = Store::open(&Options::new(DatabaseUrl::Postgres(through(&address, port)))).await.unwrap();
    let seq = || async { store.version(world.clinic).await.unwrap().seq };
    assert_eq!(seq().await, 1);
    let before = ::store::trips();
    assert_eq!(futures_util::future::join_all((0..100).map(|_| seq())).await, [1; 100]);
    // The first one's, and one for all others; what made the world may be announced meanwhile, by this thread too.
    let trips = ::store::trips() - before;
    assert!((2..=4).contains(&trips), "{trips} for a hundred who asked at once");
    // One who goes away in the middle leaves nobody waiting.
    let (mut gone, mut stays) = (Box::pin(seq()), Box::pin(seq()));
    assert!((&mut gone).now_or_never().is_none());
    assert!((&mut stays).now_or_never().is_none());
    drop(gone);
    world.put("a.ics", "text").await.unwrap();
    assert_eq!(seq().await, 2, "written elsewhere before it was asked");
    assert!(tokio::time::timeout(Duration::from_secs(5), stays).await.is_ok());
    // A dead server is waited for once by each.
    wire.send_replace(Wire::Silent);
    drop(carried.write().await);
    let begun = Instant::now();
    let answers = futures_util::future::join_all((0..3).map(|_| store.version(world.clinic))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Busy))), "{answers:?}");
    assert!(begun.elapsed() < Duration::from_millis(2500), "answered after {:?}", begun.elapsed());
    wire.send_replace(Wire::Works);
    while store.version(world.clinic).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(8), "did not heal");
    }
}

#[tokio::test]
async fn another_node_is_woken() {
    let Some(fresh) = postgres() else { return };
    let world = World::over(fresh).await;
    let other = world.fresh.again().await;
    let mut changed = other.changed();
    // The listener reports itself once when it is connected.
    tokio::time::timeout(Duration::from_secs(5), changed.changed()).await.unwrap().unwrap();
    for n in 0..20 {
        changed.mark_unchanged();
        world.put("a.ics", &format!("text {n}")).await.unwrap();
        tokio::time::timeout(Duration::from_secs(1), changed.changed()).await.unwrap().unwrap();
        // Let a late announcement of this round arrive before the next.
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

/// trust.md R8: a row lock held by somebody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_clinic_harms_nobody_else() {
    let Some(fresh) = postgres() else { return };
    let world = Arc::new(World::over(fresh).await);
    let holder = hold_lock(&world).await;
    let writers: Vec<_> = (0..50)
        .map(|n| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let begun = Instant::now();
                let result = world.put(&format!("{n}.ics"), "text").await;
                (result, begun.elapsed())
            })
        })
        .collect();
    for _ in 0..200 {
        let begun = Instant::now();
        world.conn().await.collections_of(world.clinic, world.ada).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(1), "a reader waited {:?}", begun.elapsed());
    }
    for writer in writers {
        let (result, took) = writer.await.unwrap();
        assert!(matches!(result, Err(Error::Busy)));
        assert!(took < Duration::from_millis(2500), "503 came after {took:?}");
    }
    release(&world, holder);
    let begun = Instant::now();
    while world.put("again.ics", "text").await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(2), "did not recover");
    }
}

/// What waits for one clinic's sequence is committed at once: one end for all of them, and a refusal harms nobody.
#[tokio::test]
async fn writes_that_wait_share_a_commit() {
    let Some(fresh) = postgres() else { return };
    let world = World::over(fresh).await;
    world.put("first.ics", "text").await.unwrap();
    let counted = ::store::trips();
    world.put("0.ics", "text").await.unwrap();
    // Its beginning, itself and the commit.
    let alone = ::store::trips() - counted;
    let names: Vec<_> = (0..10).map(|n| format!("{n}.ics")).collect();
    let mut clash = super::world::object(world.visits, "clash.ics", "text");
    clash.uid = "uid-first.ics".into();
    let clash = world.change(|tx| Box::pin(async move { tx.save_object(clash).await }));
    let (before, counted) = (world.seq().await, ::store::trips());
    let (written, clash) = tokio::join!(
        futures_util::future::join_all(names.iter().map(|name| world.put(name, "new text"))),
        clash
    );
    let together = ::store::trips() - counted;
    assert!(written.into_iter().all(|one| one.is_ok()));
    assert!(matches!(clash, Err(Error::Unique(_))), "{clash:?}");
    // Commits and beginnings fewer; other processes may be told meanwhile.
    assert!(together < 11 * alone, "{together} trips, alone {alone}");
    assert_eq!(world.seq().await, before + 10);
    let kept = world.conn().await.objects(world.clinic, world.visits, "", 100).await.unwrap();
    assert_eq!(kept.len(), 11);
}

/// None of those who share a transaction hears of success before it is committed.
#[tokio::test]
async fn a_transaction_that_is_lost_is_acknowledged_to_nobody() {
    let Some(fresh) = postgres() else { return };
    let world = World::over(fresh).await;
    let (reached, go) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let new = super::world::object(world.visits, "b.ics", "text");
    let slow = world.change({
        let (reached, go) = (reached.clone(), go.clone());
        |tx| {
            Box::pin(async move {
                reached.notify_one();
                go.notified().await;
                tx.save_object(new).await
            })
        }
    });
    let lose = async {
        reached.notified().await;
        let end = "select pg_terminate_backend(pid) from pg_stat_activity \
            where datname = current_database() and state = 'idle in transaction'";
        assert!(crate::support::database::sql(world.fresh.address().unwrap(), end));
        go.notify_one();
    };
    let (first, slow, ()) = tokio::join!(world.put("a.ics", "text"), slow, lose);
    assert!(matches!((&first, &slow), (Err(Error::Busy), Err(Error::Busy))), "{first:?} {slow:?}");
    assert!(world.conn().await.objects(world.clinic, world.visits, "", 100).await.unwrap().is_empty());
    world.put("a.ics", "text").await.unwrap();
}

async fn hold_lock(world: &World) -> Child {
    let child = Command::new("psql")
        .args(["-X", "-q", "-c", "begin; update clinics set name = name; select pg_sleep(60)"])
        .arg(world.fresh.address().unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It sleeps: so it has the lock. Dividing by nothing is psql's way to say "not yet".
    let asleep = "select 1 / count(*) from pg_stat_activity \
        where datname = current_database() and wait_event = 'PgSleep'";
    while !crate::support::database::sql(world.fresh.address().unwrap(), asleep) {
        tokio::task::yield_now().await;
    }
    child
}

/// Killing psql leaves its sleeping server process: that one is ended too.
fn release(world: &World, mut holder: Child) {
    holder.kill().unwrap();
    holder.wait().unwrap();
    let end = "select pg_terminate_backend(pid) from pg_stat_activity \
        where datname = current_database() and wait_event = 'PgSleep'";
    assert!(crate::support::database::sql(world.fresh.address().unwrap(), end));
}

/// What stands between us and the server.
#[derive(Clone, Copy, PartialEq)]
enum Wire {
    Works,
    /// Everything is accepted and nothing answered.
    Silent,
    /// Connections are cut and refused.
    Cut,
}

/// trust.md R6: the server goes away under a running store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_server_is_busy_and_heals() {
    let Some(fresh) = postgres() else { return };
    let world = World::over(fresh).await;
    let address = world.fresh.address().unwrap().to_string();
    let (wire, carried, port) = proxy(&address).await;
    let store = Store::open(&Options::new(DatabaseUrl::Postgres(through(&address, port)))).await.unwrap();
    for broken in [Wire::Cut, Wire::Silent] {
        assert!(store.version(world.clinic).await.is_ok());
        wire.send_replace(broken);
        // Nobody carries any more: until then an answer may still come through.
        drop(carried.write().await);
        for _ in 0..3 {
            let begun = Instant::now();
            let read = store.version(world.clinic).await;
            assert!(matches!(read, Err(Error::Busy)), "the read answered {read:?}");
            assert!(begun.elapsed() < Duration::from_millis(2500), "answered after {:?}", begun.elapsed());
            let begun = Instant::now();
            let new = super::world::object(world.visits, "a.ics", "text");
            let write = super::world::change(&store, world.clinic, |tx| {
                Box::pin(async move { tx.save_object(new).await })
            });
            let write = write.await;
            assert!(matches!(write, Err(Error::Busy)), "the write answered {write:?}");
            assert!(begun.elapsed() < Duration::from_millis(2500), "answered after {:?}", begun.elapsed());
        }
        wire.send_replace(Wire::Works);
        let begun = Instant::now();
        while store.version(world.clinic).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(5), "did not heal");
        }
        let new = super::world::object(world.visits, "b.ics", "text");
        super::world::change(&store, world.clinic, |tx| Box::pin(async move { tx.save_object(new).await }))
            .await
            .unwrap();
    }
    store.close().await;
}

/// The address with another port on this machine.
fn through(address: &str, port: u16) -> String {
    let (head, name) = address.rsplit_once('/').unwrap();
    let user = head.split_once('@').map_or("postgres://", |(user, _)| user);
    let at = if user.ends_with("//") { "" } else { "@" };
    format!("{user}{at}127.0.0.1:{port}/{}", name.split('?').next().unwrap())
}

/// A wire to the server that can be broken; who carries over it holds the lock for reading.
async fn proxy(address: &str) -> (watch::Sender<Wire>, Arc<RwLock<()>>, u16) {
    let place = address.split_once("://").unwrap().1.rsplit_once('/').unwrap().0;
    let server = place.rsplit_once('@').map_or(place, |(_, server)| server).to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (wire, state) = watch::channel(Wire::Works);
    let carried = Arc::new(RwLock::new(()));
    let carries = carried.clone();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(carry(client, server.clone(), state.clone(), carries.clone()));
        }
    });
    (wire, carried, port)
}

async fn carry(
    mut client: TcpStream,
    server: String,
    mut state: watch::Receiver<Wire>,
    carries: Arc<RwLock<()>>,
) {
    if *state.borrow() == Wire::Cut {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    loop {
        let carrying = carries.read().await;
        let now = *state.borrow_and_update();
        match now {
            Wire::Works => tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
                _ = state.changed() => {}
            },
            Wire::Silent => {
                drop(carrying);
                if state.changed().await.is_err() {
                    return;
                }
            }
            Wire::Cut => return,
        }
    }
}
