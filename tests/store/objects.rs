//! Objects and tombstones: byte for byte, one UID once, what changed since, and no damaged text ever.

use ::store::{CollectionId, Error, Etag, Object, Text, Tombstone, Tombstones, Unique};
use bytes::Bytes;

use super::world::{NOW, World, calendar, everywhere, object};

#[tokio::test]
async fn an_object_comes_back_byte_for_byte() {
    everywhere(async |world: World| {
        let mut new = object(world.visits, "ä ☀.ics", "");
        new.text = Bytes::from((0..=255u8).collect::<Vec<u8>>());
        new.etag = Etag::of(&new.text);
        new.digest = Bytes::from_static(&[0, 255, 7]);
        (new.kind, new.first, new.last) = (-1, i64::MIN, i64::MAX);
        let given = new.clone();
        world.change(|tx| Box::pin(async move { tx.save_object(new).await })).await.unwrap();
        let mut conn = world.conn().await;
        let Object { collection, meta, text } =
            conn.object(world.clinic, world.visits, "ä ☀.ics").await.unwrap().unwrap();
        assert_eq!((collection, text), (world.visits, Some(Text(given.text.clone()))));
        assert_eq!((&meta.uid, meta.etag, meta.size, meta.kind), (&given.uid, given.etag, 256, -1));
        assert_eq!((meta.first, meta.last, meta.digest.clone()), (i64::MIN, i64::MAX, given.digest));
        assert_eq!((meta.seq, meta.created_at, meta.modified_at), (world.seq().await, NOW, NOW));
        assert_eq!(conn.object_meta(world.clinic, world.visits, "ä ☀.ics").await.unwrap(), Some(meta));
        let alone = conn.texts_named(world.clinic, world.visits, &["ä ☀.ics".into()]).await.unwrap();
        assert_eq!(alone, [("ä ☀.ics".to_string(), given.etag, given.text)]);
        assert_eq!(conn.object(world.clinic, world.visits, "no.ics").await.unwrap(), None);
        assert_eq!(conn.object_meta(world.clinic, world.visits, "no.ics").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_megabyte_comes_back_whole() {
    everywhere(async |world: World| {
        let text = "x".repeat(1 << 20);
        world.put("big.ics", &text).await.unwrap();
        let found = world.conn().await.object(world.clinic, world.visits, "big.ics").await.unwrap().unwrap();
        assert_eq!(found.text.unwrap().0, text.as_bytes());
        assert_eq!(world.conn().await.objects_total(world.clinic, world.visits).await.unwrap(), (1, 1 << 20));
    })
    .await;
}

#[tokio::test]
async fn writing_over_keeps_the_birthday() {
    everywhere(async |world: World| {
        world.put("a.ics", "one").await.unwrap();
        world.clock.turn(100);
        world.put("a.ics", "two").await.unwrap();
        let found = world.conn().await.object(world.clinic, world.visits, "a.ics").await.unwrap().unwrap();
        assert_eq!((found.meta.created_at, found.meta.modified_at), (NOW, NOW + 100));
        assert_eq!(found.text, Some(Text(Bytes::from_static(b"two"))));
        assert_eq!(world.conn().await.objects_total(world.clinic, world.visits).await.unwrap(), (1, 3));
    })
    .await;
}

#[tokio::test]
async fn a_uid_stands_once_in_a_collection() {
    everywhere(async |world: World| {
        world.put("a.ics", "one").await.unwrap();
        let mut clash = object(world.visits, "b.ics", "two");
        clash.uid = "uid-a.ics".into();
        let write =
            |new: ::store::NewObject| world.change(|tx| Box::pin(async move { tx.save_object(new).await }));
        assert!(matches!(write(clash.clone()).await, Err(Error::Unique(Unique::ObjectUid))));
        let ada = world.ada;
        let other =
            world.change(move |tx| Box::pin(async move { tx.insert_collection(ada, calendar("b")).await }));
        clash.collection = other.await.unwrap().id;
        write(clash).await.unwrap();
        let uids = ["uid-a.ics".to_string(), "uid-none".to_string()];
        let names = world.conn().await.names_of_uids(world.clinic, world.visits, &uids).await.unwrap();
        assert_eq!(names, [("uid-a.ics".to_string(), "a.ics".to_string())]);
        assert!(matches!(write(object(CollectionId(999), "c.ics", "x")).await, Err(Error::Gone)));
    })
    .await;
}

#[tokio::test]
async fn pages_are_ordered_by_the_bytes_of_the_name() {
    everywhere(async |world: World| {
        for name in ["b", "A", "a", "Z", "ä", "0", "_"] {
            world.put(name, name).await.unwrap();
        }
        let mut conn = world.conn().await;
        let (mut after, mut all) = (String::new(), Vec::new());
        loop {
            let page = conn.objects(world.clinic, world.visits, &after, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.name.clone();
            all.extend(page.into_iter().map(|meta| meta.name));
        }
        assert_eq!(all, ["0", "A", "Z", "_", "a", "b", "ä"]);
        let texts = conn.texts(world.clinic, world.visits, "_", 2).await.unwrap();
        assert_eq!(texts.iter().map(|o| o.meta.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let texts = conn.texts_of_clinic(world.clinic, (world.visits, "b"), 9).await.unwrap();
        assert_eq!(texts.iter().map(|o| o.meta.name.as_str()).collect::<Vec<_>>(), ["ä"]);
        let texts = conn.texts_of_clinic(world.clinic, (CollectionId(0), "zzz"), 9).await.unwrap();
        assert_eq!(texts.len(), 7);
    })
    .await;
}

#[tokio::test]
async fn many_by_name_in_one_call() {
    everywhere(async |world: World| {
        world
            .change({
                let visits = world.visits;
                move |tx| {
                    Box::pin(async move {
                        for n in 0..1500 {
                            tx.save_object(object(visits, &format!("{n:04}.ics"), "text")).await?;
                        }
                        Ok(())
                    })
                }
            })
            .await
            .unwrap();
        let mut names: Vec<String> = (0..1500).rev().map(|n| format!("{n:04}.ics")).collect();
        names.push("none.ics".into());
        names.push("0001.ics".into());
        let found = world.conn().await.objects_named(world.clinic, world.visits, &names).await.unwrap();
        assert_eq!(found.len(), 1500);
        assert!(found.is_sorted_by(|a, b| a.meta.name < b.meta.name));
        assert!(world.conn().await.objects_named(world.clinic, world.visits, &[]).await.unwrap().is_empty());
        let mut texts = world.conn().await.texts_named(world.clinic, world.visits, &names).await.unwrap();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 1500);
        assert!(texts.iter().all(|(_, etag, text)| &text[..] == b"text" && *etag == Etag::of(text)));
        let uids: Vec<String> = (0..1500).map(|n| format!("uid-{n:04}.ics")).collect();
        let names = world.conn().await.names_of_uids(world.clinic, world.visits, &uids).await.unwrap();
        assert_eq!((names.len(), names[0].1.as_str()), (1500, "0000.ics"));
    })
    .await;
}

#[tokio::test]
async fn what_changed_since_a_token() {
    everywhere(async |world: World| {
        let clinic = world.clinic;
        world.put("a.ics", "one").await.unwrap();
        world.put("b.ics", "one").await.unwrap();
        let token = world.visits().await.seq;
        world.put("c.ics", "one").await.unwrap();
        world.put("a.ics", "two").await.unwrap();
        assert!(world.remove("b.ics").await.unwrap());
        assert!(!world.remove("b.ics").await.unwrap());
        let mut conn = world.conn().await;
        let since = conn.objects_since(clinic, world.visits, token, 10).await.unwrap();
        assert_eq!(
            since.iter().map(|m| (m.name.as_str(), m.seq)).collect::<Vec<_>>(),
            [("c.ics", token + 1), ("a.ics", token + 2),]
        );
        let gone = |name: &str, seq| Tombstone { name: name.into(), seq };
        let stones = |list| Tombstones::Since(list);
        assert!(
            conn.tombstones_since(clinic, world.visits, token, 9).await.unwrap()
                == stones(vec![gone("b.ics", token + 3)])
        );
        assert!(conn.tombstones_since(clinic, world.visits, token + 3, 9).await.unwrap() == stones(vec![]));
        assert!(conn.tombstones_since(clinic, CollectionId(999), 0, 9).await.unwrap() == Tombstones::Pruned);
        world.put("b.ics", "again").await.unwrap();
        assert!(conn.tombstones_since(clinic, world.visits, token, 9).await.unwrap() == stones(vec![]));
        assert_eq!(world.visits().await.seq, world.seq().await);
    })
    .await;
}

#[tokio::test]
async fn pruned_tombstones_refuse_older_tokens() {
    everywhere(async |world: World| {
        let (clinic, visits) = (world.clinic, world.visits);
        for name in ["a.ics", "b.ics"] {
            world.put(name, "one").await.unwrap();
        }
        let token = world.seq().await;
        world.remove("a.ics").await.unwrap();
        world.clock.turn(1000);
        world.remove("b.ics").await.unwrap();
        let pruned = world.store.aside::<_, Error, _>(move |aside| {
            Box::pin(async move { aside.prune_tombstones(clinic, NOW + 500).await })
        });
        assert_eq!(pruned.await.unwrap(), 1);
        let mut conn = world.conn().await;
        assert_eq!(world.visits().await.pruned_seq, token + 1);
        assert!(conn.tombstones_since(clinic, visits, token, 9).await.unwrap() == Tombstones::Pruned);
        let Tombstones::Since(kept) = conn.tombstones_since(clinic, visits, token + 1, 9).await.unwrap()
        else {
            panic!("a young token was refused")
        };
        assert_eq!(kept.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn another_clinic_sees_nothing() {
    everywhere(async |world: World| {
        world.put("a.ics", "one").await.unwrap();
        let other = world
            .store
            .aside::<_, Error, _>(|aside| Box::pin(async move { aside.insert_clinic("other").await }));
        let other = other.await.unwrap().id;
        let visits = world.visits;
        let mut conn = world.conn().await;
        assert!(conn.object(other, visits, "a.ics").await.unwrap().is_none());
        assert!(conn.objects(other, visits, "", 9).await.unwrap().is_empty());
        assert!(conn.texts_of_clinic(other, (CollectionId(0), ""), 9).await.unwrap().is_empty());
        assert!(conn.collections_by_id(other, &[visits]).await.unwrap().is_empty());
        assert_eq!(conn.objects_total(other, visits).await.unwrap(), (0, 0));
        let foreign = super::world::change(&world.store, other, move |tx| {
            Box::pin(async move { tx.save_object(object(visits, "b.ics", "x")).await })
        });
        assert!(matches!(foreign.await, Err(Error::Gone)));
        let removed = super::world::change(&world.store, other, move |tx| {
            Box::pin(async move { tx.remove_object(visits, "a.ics").await })
        });
        assert!(!removed.await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_damaged_text_is_never_handed_out() {
    everywhere(async |world: World| {
        let mut new = object(world.visits, "bad.ics", "what was sent");
        new.etag = Etag::of(b"something else");
        world.change(|tx| Box::pin(async move { tx.save_object(new).await })).await.unwrap();
        world.put("good.ics", "fine").await.unwrap();
        let found = world.conn().await.texts(world.clinic, world.visits, "", 9).await.unwrap();
        assert_eq!(found[0].text, None);
        assert!(found[1].text.is_some());
        assert!(!format!("{found:?}").contains("fine"), "texts are never printed");
    })
    .await;
}
