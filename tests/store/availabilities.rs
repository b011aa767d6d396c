//! Availabilities, and what is read of many calendars at once.

use ::store::{CollectionId, Pack, PrincipalId};
use bytes::Bytes;

use super::world::{World, calendar, everywhere, object};

const TEXT: &str = "BEGIN:VCALENDAR\r\n ü\tand so on\r\n";

async fn set(world: &World, of: PrincipalId, to: Option<(&str, &'static [u8])>) {
    let to = to.map(|(text, digest)| (text.to_owned(), Bytes::from_static(digest)));
    world.change(move |tx| Box::pin(async move { tx.set_availability(of, to).await })).await.unwrap();
}

#[tokio::test]
async fn an_availability_is_kept_as_given_and_goes_with_its_owner() {
    everywhere(async |world: World| {
        let (clinic, ada, bob) = (world.clinic, world.ada, world.bob);
        let structure = world.store.version(clinic).await.unwrap().structure;
        set(&world, ada, Some(("first", b"\x01"))).await;
        set(&world, ada, Some((TEXT, b"\x02\x00"))).await;
        set(&world, bob, Some(("bob's", b"\x03"))).await;
        assert!(world.store.version(clinic).await.unwrap().structure > structure, "memory hears of it");
        let found = world.conn().await.availabilities(clinic, &[ada]).await.unwrap().remove(0);
        assert!(found.text == TEXT && found.digest[..] == [2, 0] && found.seq == world.seq().await - 1);
        let mut digests =
            world.conn().await.availability_digests(clinic, &[bob, ada, PrincipalId(0)]).await.unwrap();
        digests.sort();
        assert_eq!(digests, [(ada, Bytes::from_static(&[2, 0])), (bob, Bytes::from_static(&[3]))]);
        set(&world, bob, None).await;
        assert!(world.conn().await.availabilities(clinic, &[bob]).await.unwrap().is_empty());
        world.change(move |tx| Box::pin(async move { tx.erase_principal(ada).await })).await.unwrap();
        assert!(world.conn().await.availability_digests(clinic, &[ada]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn many_collections_are_read_as_one_by_one() {
    everywhere(async |world: World| {
        let (clinic, ada) = (world.clinic, world.ada);
        let mut ids = vec![world.visits];
        for n in 0..3 {
            let id = world.change(move |tx| {
                Box::pin(async move { Ok(tx.insert_collection(ada, calendar(&format!("c{n}"))).await?.id) })
            });
            ids.push(id.await.unwrap());
        }
        for (n, id) in ids.iter().enumerate() {
            for name in 0..=n {
                let new = object(*id, &format!("{name}.ics"), "text");
                world.change(|tx| Box::pin(async move { tx.save_object(new).await })).await.unwrap();
            }
            let id = *id;
            world
                .change(move |tx| Box::pin(async move { tx.remove_object(id, "0.ics").await }))
                .await
                .unwrap();
        }
        let middle = world.seq().await / 2;
        let mut conn = world.conn().await;
        for since in [0, middle, world.seq().await] {
            let wanted: Vec<_> = ids.iter().map(|id| (*id, since)).collect();
            let many = conn.objects_of_many_since(clinic, &wanted, 99).await.unwrap();
            let gone = conn.tombstones_of_many_since(clinic, &wanted, 99).await.unwrap();
            for id in &ids {
                let one = conn.objects_since(clinic, *id, since, 99).await.unwrap();
                let of: Vec<_> =
                    many.iter().filter(|(of, _)| of == id).map(|(_, meta)| meta.clone()).collect();
                assert!(one == of, "after {since}");
                let ::store::Tombstones::Since(one) =
                    conn.tombstones_since(clinic, *id, since, 99).await.unwrap()
                else {
                    panic!("nothing was pruned")
                };
                let of: Vec<_> =
                    gone.iter().filter(|(of, _)| of == id).map(|(_, gone)| gone.clone()).collect();
                assert!(one == of, "after {since}");
            }
        }
        let page = conn.objects_of_many_since(clinic, &[(ids[3], 0), (ids[2], 0)], 3).await.unwrap();
        assert_eq!(
            page.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            [ids[2], ids[2], ids[3]],
            "a page, in order"
        );
        assert!(conn.objects_of_many_since(clinic, &[(ids[1], 0)], 9).await.unwrap().len() == 1);
    })
    .await;
}

#[tokio::test]
async fn packs_of_many_collections() {
    everywhere(async |world: World| {
        let (clinic, visits) = (world.clinic, world.visits);
        let pack = Pack { seq: 3, version: "v".into(), body: Bytes::from_static(b"\x00\xff") };
        let kept = pack.clone();
        let put = world
            .store
            .aside(move |aside| Box::pin(async move { aside.put_pack(clinic, visits, kept).await }));
        put.await.unwrap();
        let found = world.conn().await.packs(clinic, &[CollectionId(0), visits]).await.unwrap();
        assert_eq!(found, [(visits, pack)]);
    })
    .await;
}
