//! Grants, feeds and dead properties: who sees what, and what hangs on it.

use ::store::{Access, Error, FeedScope, NewFeed, PrincipalId, Privilege, Property, PropertyOwner};

use super::world::{NOW, World, calendar, everywhere};

#[tokio::test]
async fn own_and_shared_calendars_in_one_list() {
    everywhere(async |world: World| {
        let (clinic, ada, bob, visits) = (world.clinic, world.ada, world.bob, world.visits);
        let grant = |privilege| {
            world.change(move |tx| Box::pin(async move { tx.set_grant(visits, bob, privilege).await }))
        };
        world
            .change(move |tx| Box::pin(async move { tx.insert_collection(bob, calendar("own")).await }))
            .await
            .unwrap();
        grant(Privilege::Busy).await.unwrap();
        let first = world.seq().await;
        grant(Privilege::Write).await.unwrap();
        let mut conn = world.conn().await;
        let seen = conn.collections_visible_to(clinic, bob).await.unwrap();
        let seen: Vec<_> = seen.iter().map(|v| (v.collection.slug.as_str(), v.access)).collect();
        assert_eq!(seen, [("visits", Access::Granted(Privilege::Write)), ("own", Access::Owner)]);
        assert_eq!(conn.collections_visible_to(clinic, ada).await.unwrap().len(), 1);
        let grants = conn.grants(clinic, &[visits]).await.unwrap();
        assert_eq!((grants[0].principal, grants[0].privilege), (bob, Privilege::Write));
        assert_eq!((grants[0].created_seq, grants[0].seq), (first, first + 1));
        assert_eq!(conn.principal_named("bob").await.unwrap().unwrap().home_seq, first + 1);
        let end = || world.change(move |tx| Box::pin(async move { tx.remove_grant(visits, bob).await }));
        assert!(end().await.unwrap());
        assert!(!end().await.unwrap());
        assert_eq!(conn.collections_visible_to(clinic, bob).await.unwrap().len(), 1);
        let nobody = PrincipalId(999);
        let gone = world
            .change(move |tx| Box::pin(async move { tx.set_grant(visits, nobody, Privilege::Read).await }));
        assert!(matches!(gone.await, Err(Error::Gone)));
    })
    .await;
}

#[tokio::test]
async fn privileges_are_ordered() {
    assert!(Privilege::Busy < Privilege::Read && Privilege::Read < Privilege::Write);
}

#[tokio::test]
async fn a_feed_is_found_by_its_hash_until_it_is_revoked() {
    everywhere(async |world: World| {
        let (clinic, visits) = (world.clinic, world.visits);
        let new =
            NewFeed { collection: visits, secret_hash: [7; 32], scope: FeedScope::Busy, label: "bus".into() };
        let again = new.clone();
        let feed = world.change(|tx| Box::pin(async move { tx.insert_feed(new).await })).await.unwrap();
        assert_eq!(
            (feed.clinic, feed.collection, feed.scope, feed.created_at),
            (clinic, visits, FeedScope::Busy, NOW)
        );
        assert!(world.change(|tx| Box::pin(async move { tx.insert_feed(again).await })).await.is_err());
        let mut conn = world.conn().await;
        assert_eq!(conn.feed_by_hash(&[7; 32]).await.unwrap(), Some(feed.clone()));
        assert_eq!(conn.feed_by_hash(&[8; 32]).await.unwrap(), None);
        world.clock.turn(60);
        let id = feed.id;
        let touch = world.store.aside::<_, Error, _>(move |aside| {
            Box::pin(async move { aside.touch_feeds(clinic, &[id]).await })
        });
        touch.await.unwrap();
        assert_eq!(conn.feeds(clinic, visits).await.unwrap()[0].used_at, Some(NOW + 60));
        let revoke = || world.change(move |tx| Box::pin(async move { tx.revoke_feed(visits, id).await }));
        assert!(revoke().await.unwrap());
        assert!(!revoke().await.unwrap());
        assert_eq!(conn.feed_by_hash(&[7; 32]).await.unwrap(), None);
        assert_eq!(conn.feeds(clinic, visits).await.unwrap()[0].revoked_at, Some(NOW + 60));
    })
    .await;
}

#[tokio::test]
async fn dead_properties_of_many_owners_in_one_call() {
    everywhere(async |world: World| {
        let (clinic, ada, visits) = (world.clinic, world.ada, world.visits);
        world.put("a.ics", "one").await.unwrap();
        let owners = [
            PropertyOwner::Collection(visits),
            PropertyOwner::Principal(ada),
            PropertyOwner::Object(visits, "a.ics".into()),
        ];
        let of = |owner: &PropertyOwner, name: &str, xml: &str| Property {
            owner: owner.clone(),
            namespace: "http://example.org/ns".into(),
            name: name.into(),
            xml: xml.into(),
        };
        let all: Vec<_> =
            owners.iter().flat_map(|o| [of(o, "a", "<a>1</a>"), of(o, "b", "<b>☀</b>")]).collect();
        let set =
            |list: Vec<Property>| world.change(|tx| Box::pin(async move { tx.set_properties(&list).await }));
        let before = world.visits().await.changed_seq;
        set(all.clone()).await.unwrap();
        let mut conn = world.conn().await;
        let mut found = conn.properties(clinic, &owners).await.unwrap();
        assert_eq!(found.len(), 6);
        found.retain(|p| p.owner == owners[2]);
        assert_eq!(found, all[4..]);
        assert!(world.visits().await.changed_seq > before, "a PROPPATCH changes the collection");
        set(vec![of(&owners[0], "a", "<a>2</a>")]).await.unwrap();
        assert_eq!(conn.properties(clinic, &owners[..1]).await.unwrap()[0].xml, "<a>2</a>");
        let collection = owners[0].clone();
        let names = vec![
            ("http://example.org/ns".to_string(), "a".to_string()),
            ("x".to_string(), "none".to_string()),
        ];
        world
            .change(|tx| Box::pin(async move { tx.remove_properties(&collection, &names).await }))
            .await
            .unwrap();
        assert_eq!(conn.properties(clinic, &owners[..1]).await.unwrap().len(), 1);
        world.remove("a.ics").await.unwrap();
        assert!(conn.properties(clinic, &owners[2..]).await.unwrap().is_empty(), "they go with their object");
        assert!(conn.properties(clinic, &[]).await.unwrap().is_empty());
    })
    .await;
}
