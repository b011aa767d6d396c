//! A full disk (trust.md R3): writes answer `Full`, everything acknowledged stays readable, removing works, and writing
//! goes on by itself when there is room. Needs the right to mount a tmpfs; says aloud when it has none.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use ::store::Error;

use super::world::World;
use crate::support::database::{missing, sqlite_in};

/// A file system of a few MiB, unmounted in the end.
struct Small(PathBuf);

impl Small {
    fn mount(name: &str) -> Option<Small> {
        let folder = std::env::temp_dir().join(format!("kalends-full-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&folder).output();
        if mounted.is_ok_and(|done| done.status.success()) {
            return Some(Small(folder));
        }
        missing("a full disk", "run the tests as root, so that they may mount a tmpfs");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).output().ok();
        std::fs::remove_dir(&self.0).ok();
    }
}

/// Writes until it is refused; returns the names that were acknowledged.
async fn fill(world: &World, prefix: &str) -> Vec<String> {
    let mut kept = Vec::new();
    for n in 0..20_000 {
        let name = format!("{prefix}-{n}.ics");
        match world.put(&name, &"x".repeat(900 + n % 100)).await {
            Ok(()) => kept.push(name),
            Err(Error::Full) => return kept,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the disk never was full");
}

async fn readable(world: &World) -> usize {
    let all = world.conn().await.texts(world.clinic, world.visits, "", 99_999).await.unwrap();
    assert!(all.iter().all(|object| object.text.is_some()));
    all.len()
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    let Some(small) = Small::mount("recovers") else { return };
    let world = World::over(sqlite_in(small.0.join("data"))).await;
    for round in 0..3 {
        let kept = fill(&world, &format!("round-{round}")).await;
        assert!(kept.len() > 200, "round {round}: only {} objects found room", kept.len());
        assert_eq!(readable(&world).await, kept.len());
        assert!(matches!(world.put("one-more.ics", "text").await, Err(Error::Full)));
        assert!(matches!(world.put(&kept[0], "over the old").await, Err(Error::Full)));
        for name in &kept {
            assert!(world.remove(name).await.unwrap(), "removing must work on a full disk");
        }
        assert_eq!(readable(&world).await, 0);
        writes_again(&world).await;
        assert!(world.remove("again.ics").await.unwrap());
    }
    world.store.clone().close().await;
}

/// Within the five seconds of promise P6.
async fn writes_again(world: &World) {
    let begun = Instant::now();
    loop {
        match world.put("again.ics", "text").await {
            Ok(()) => return,
            Err(Error::Full) => assert!(begun.elapsed() < Duration::from_secs(5), "never recovered"),
            Err(other) => panic!("{other}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_disk_filled_by_somebody_else() {
    let Some(small) = Small::mount("foreign") else { return };
    let world = World::over(sqlite_in(small.0.join("data"))).await;
    for n in 0..50 {
        world.put(&format!("{n}.ics"), "text").await.unwrap();
    }
    let ballast = small.0.join("ballast");
    // Ends with "no space left": that is the point.
    std::fs::write(&ballast, vec![0; 8 << 20]).unwrap_err();
    let refused = loop {
        if let Err(error) = world.put("more.ics", &"x".repeat(20_000)).await {
            break error;
        }
    };
    assert!(matches!(refused, Error::Full));
    assert!(readable(&world).await >= 50);
    for n in 0..50 {
        assert!(world.remove(&format!("{n}.ics")).await.unwrap());
    }
    std::fs::remove_file(&ballast).unwrap();
    writes_again(&world).await;
    world.store.clone().close().await;
}
