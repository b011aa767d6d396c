//! Nothing remembered is ever stale: what one writer was told is stored, the next reader sees, on any node.

use kalends::calendar::{Author, Condition, Origin};
use store::Database;

use super::world::{collection, event, everywhere, sorted};

#[tokio::test]
async fn many_writers_at_once_leave_memory_equal_to_the_store() {
    everywhere(async |world| {
        let world = &world;
        let writers = (0..8).map(|writer| async move {
            for n in 0..20 {
                let name = format!("{}", (writer * 7 + n * 3) % 25);
                let at = format!("ada/default/{name}.ics");
                if n % 5 == 4 {
                    world.delete("ada", &at, Condition::NONE).await.ok();
                } else {
                    world.put("ada", &at, &event(&name, 1 + n, &format!("{writer}"))).await.unwrap();
                    assert!(world.shown("ada", &collection("ada/default")).await.is_ok());
                }
            }
        });
        futures_util::future::join_all(writers).await;
        let shown = world.shown("ada", &collection("ada/default")).await.unwrap();
        let remembered = world.calendars.list(&shown).await.unwrap();
        let stored = world
            .store
            .read(shown.row().clinic)
            .await
            .unwrap()
            .objects(shown.row().clinic, shown.row().id, "", 1000)
            .await
            .unwrap();
        let mut remembered: Vec<_> =
            remembered.iter().map(|e| (e.name.to_string(), e.seq, e.etag.opaque())).collect();
        remembered.sort();
        let stored: Vec<_> =
            stored.iter().map(|m| (m.name.clone(), m.seq, m.etag.to_string()[..32].to_string())).collect();
        assert_eq!(remembered, stored);
    })
    .await;
}

#[tokio::test]
async fn what_one_node_wrote_the_other_reads_at_once() {
    everywhere(async |world| {
        // SQLite belongs to one server; the command line beside it is noticed within a second, by the watcher.
        if world.store.database() == Database::Sqlite {
            return;
        }
        let (_store, other) = world.second_node().await;
        for n in 0..50 {
            let name = format!("{}.ics", n % 5);
            world
                .put("ada", &format!("ada/default/{name}"), &event(&(n % 5).to_string(), 5, &n.to_string()))
                .await
                .unwrap();
            let caller = world.who("ada").await;
            let shown = other.collection(&caller, &collection("ada/default")).await.unwrap();
            let (_, text) = other.texts(&shown, &[&name]).await.unwrap().pop().flatten().unwrap();
            assert!(String::from_utf8_lossy(&text).contains(&format!("SUMMARY:{n}\r\n")), "stale at {n}");
            if n % 7 == 0 {
                let by = Author { who: &caller, from: Origin::Dav };
                other
                    .delete(by, &collection("ada/default").object(name.as_str()), Condition::NONE)
                    .await
                    .unwrap();
                let left = world.names("ada", "ada/default").await;
                assert!(!left.contains(&name), "deleted there, still here at {n}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_pack_and_what_came_after_it_are_the_calendar() {
    everywhere(async |world| {
        for n in 0..300 {
            world.put("ada", &format!("ada/default/{n}.ics"), &event(&n.to_string(), 5, "x")).await.unwrap();
        }
        let shown = world.shown("ada", &collection("ada/default")).await.unwrap();
        world.calendars.list(&shown).await.unwrap();
        world.calendars.tend().await.unwrap();
        world.put("ada", "ada/default/0.ics", &event("0", 6, "y")).await.unwrap();
        world.delete("ada", "ada/default/1.ics", Condition::NONE).await.unwrap();
        let (_store, again) = world.second_node().await;
        again.warm().await.unwrap();
        let caller = world.who("ada").await;
        let shown = again.collection(&caller, &collection("ada/default")).await.unwrap();
        let listed = again.list(&shown).await.unwrap();
        assert_eq!(sorted(listed.clone()), world.names("ada", "ada/default").await);
        assert_eq!(listed.len(), 299);
        let since = again.changes(&shown, None, None).await.unwrap();
        assert_eq!(since.changed.len(), 299);
    })
    .await;
}

#[tokio::test]
async fn a_start_reads_the_texts_of_endless_series_and_of_the_weeks_around_now() {
    everywhere(async |world| {
        let now = world.store.clock().now();
        let on = |days: i64| chrono::DateTime::from_timestamp(now + days * 86_400, 0).unwrap().format("%Y%m%d");
        let endless = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:long\r\n\
            DTSTAMP:20260101T000000Z\r\nDTSTART:20150105T100000Z\r\nRRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        world.put("ada", "ada/default/long.ics", endless).await.unwrap();
        for (name, days) in [("past", -60), ("soon", 3), ("far", 90)] {
            let text = endless
                .replace("UID:long", &format!("UID:{name}"))
                .replace("20150105", &on(days).to_string())
                .replace("RRULE:FREQ=WEEKLY\r\n", "");
            world.put("ada", &format!("ada/default/{name}.ics"), &text).await.unwrap();
        }
        let (_store, again) = world.second_node().await;
        again.warm().await.unwrap();
        let shown = again.collection(&world.who("ada").await, &collection("ada/default")).await.unwrap();
        for (name, read) in [("long.ics", 0), ("soon.ics", 0), ("past.ics", 1), ("far.ics", 1)] {
            let before = again.memory_use().misses;
            assert!(again.texts(&shown, &[name]).await.unwrap()[0].is_some());
            assert_eq!(again.memory_use().misses - before, read, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn reindex_makes_the_same_index_from_the_texts() {
    everywhere(async |world| {
        for n in 1..5 {
            world.put("ada", &format!("ada/default/{n}.ics"), &event(&n.to_string(), n, "x")).await.unwrap();
        }
        let row = world.shown("ada", &collection("ada/default")).await.unwrap().row().clone();
        let read = async || {
            world.store.read(row.clinic).await.unwrap().objects(row.clinic, row.id, "", 100).await.unwrap()
        };
        let before = read().await;
        let sum = world.calendars.reindex().await.unwrap();
        assert_eq!((sum.objects, sum.unreadable), (4, 0));
        assert!(world.calendars.index_is_current().await.unwrap());
        assert_eq!(read().await, before);
    })
    .await;
}
