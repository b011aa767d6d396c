//! The journal: every kind of fact comes back as written, in order, signed.

use ::store::{Etag, Fact, Origin, Privilege};

use super::world::{NOW, World, calendar, everywhere, object};

#[tokio::test]
async fn every_fact_comes_back_as_written() {
    everywhere(async |world: World| {
        let (visits, ada, bob, start) = (world.visits, world.ada, world.bob, world.seq().await);
        let facts = vec![
            Fact::ObjectPut { collection: visits, name: "x".into(), etag: Etag([9; 32]) },
            Fact::ObjectGone { collection: visits, name: "x".into() },
            Fact::CollectionMade { collection: visits, owner: ada },
            Fact::CollectionChanged { collection: visits, owner: ada },
            Fact::CollectionGone { collection: visits, owner: ada },
            Fact::Shared { collection: visits, principal: bob },
            Fact::Unshared { collection: visits, principal: bob },
            Fact::PrincipalChanged { principal: bob },
            Fact::PrincipalErased { principal: bob },
            Fact::FeedChanged { collection: visits },
            Fact::PropertiesChanged { collection: visits },
            Fact::Imported { collection: visits },
            Fact::Restored,
        ];
        let given = facts.clone();
        world
            .change(move |tx| {
                Box::pin(async move {
                    tx.sign(Origin::Google(42), Some(bob));
                    for fact in given {
                        tx.note(fact).await?;
                    }
                    Ok(())
                })
            })
            .await
            .unwrap();
        let rows = world.conn().await.journal_after(world.clinic, start, 100).await.unwrap();
        assert!(rows.iter().map(|row| &row.fact).eq(&facts));
        assert!(rows.iter().map(|row| row.n).eq(0..13));
        assert!(rows.iter().all(|row| row.seq == start + 1 && row.at == NOW));
        assert!(rows.iter().all(|row| row.origin == Origin::Google(42) && row.caller == Some(bob)));
    })
    .await;
}

#[tokio::test]
async fn write_methods_journal_their_facts() {
    everywhere(async |world: World| {
        let (clinic, visits, ada, bob, start) =
            (world.clinic, world.visits, world.ada, world.bob, world.seq().await);
        world
            .change(move |tx| {
                Box::pin(async move {
                    tx.sign(Origin::Dav, Some(ada));
                    tx.save_object(object(visits, "a.ics", "one")).await?;
                    tx.save_object(object(visits, "b.ics", "two")).await?;
                    tx.remove_object(visits, "a.ics").await?;
                    tx.remove_object(visits, "none.ics").await?;
                    tx.set_grant(visits, bob, Privilege::Read).await?;
                    tx.sign(Origin::Cli, None);
                    tx.insert_collection(ada, calendar("work")).await.map(|work| work.id)
                })
            })
            .await
            .unwrap();
        let mut conn = world.conn().await;
        let rows = conn.journal_after(clinic, start, 100).await.unwrap();
        let put = |name: &str, text: &str| Fact::ObjectPut {
            collection: visits,
            name: name.into(),
            etag: Etag::of(text.as_bytes()),
        };
        assert_eq!(rows.len(), 5);
        assert!(rows[0].fact == put("a.ics", "one") && rows[1].fact == put("b.ics", "two"));
        assert!(rows[2].fact == Fact::ObjectGone { collection: visits, name: "a.ics".into() });
        assert!(rows[3].fact == Fact::Shared { collection: visits, principal: bob });
        assert!(matches!(rows[4].fact, Fact::CollectionMade { owner, .. } if owner == ada));
        assert_eq!((rows[3].origin, rows[3].caller), (Origin::Dav, Some(ada)));
        assert_eq!((rows[4].origin, rows[4].caller), (Origin::Cli, None));
        assert!(rows.is_sorted_by_key(|row| (row.seq, row.n)));
        assert_eq!(conn.journal_after(clinic, start, 2).await.unwrap().len(), 2);
        assert!(conn.journal_after(clinic, start + 1, 9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn which_collections_changed() {
    everywhere(async |world: World| {
        let (clinic, visits, ada) = (world.clinic, world.visits, world.ada);
        let work = world
            .change(move |tx| Box::pin(async move { tx.insert_collection(ada, calendar("work")).await }));
        let work = work.await.unwrap().id;
        let start = world.seq().await;
        world.put("a.ics", "one").await.unwrap();
        world.put("b.ics", "one").await.unwrap();
        world
            .change(move |tx| Box::pin(async move { tx.save_object(object(work, "a.ics", "x")).await }))
            .await
            .unwrap();
        world.change(move |tx| Box::pin(async move { tx.disable_principal(ada, None).await })).await.unwrap();
        let mut conn = world.conn().await;
        let changed = conn.journal_collections_since(clinic, start).await.unwrap();
        assert_eq!(changed, [(visits, start + 2), (work, start + 3)]);
        assert_eq!(conn.journal_of(clinic, visits, start, 9).await.unwrap().len(), 2);
        assert_eq!(conn.journal_of(clinic, visits, start, 1).await.unwrap().len(), 1);
        assert!(conn.journal_collections_since(clinic, start + 4).await.unwrap().is_empty());
    })
    .await;
}
