//! Collections: made, changed, renamed, removed, and what their home tells about it.

use ::store::{CollectionChange, CollectionId, Error, HomeChange, NewCollection, PrincipalId, Unique};

use super::world::{NOW, World, calendar, everywhere};

#[tokio::test]
async fn a_collection_is_kept_as_given() {
    everywhere(async |world: World| {
        let (ada, new) = (
            world.ada,
            NewCollection {
                slug: "Über uns ☀".into(),
                components: "VTODO".into(),
                display_name: Some("Tasks".into()),
                description: Some("line\nline".into()),
                color: Some("#ff0000ff".into()),
                sort_order: Some(-3),
                timezone: Some("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n".into()),
                transparent: true,
                policy: Some(::store::Policy::Refuse),
            },
        );
        let made = world
            .change(move |tx| Box::pin(async move { tx.insert_collection(ada, new).await }))
            .await
            .unwrap();
        let seq = world.seq().await;
        assert_eq!(
            (made.seq, made.created_seq, made.changed_seq, made.pruned_seq, made.created_at),
            (seq, seq, seq, 0, NOW)
        );
        let mut conn = world.conn().await;
        assert_eq!(conn.collection(world.clinic, ada, "Über uns ☀").await.unwrap(), Some(made.clone()));
        assert_eq!(
            conn.collections_by_id(world.clinic, &[made.id]).await.unwrap(),
            std::slice::from_ref(&made)
        );
        assert_eq!(conn.collection(world.clinic, world.bob, "Über uns ☀").await.unwrap(), None);
        let slugs: Vec<_> =
            conn.collections_of(world.clinic, ada).await.unwrap().into_iter().map(|c| c.slug).collect();
        assert_eq!(slugs, ["visits", "Über uns ☀"]);
        let all = conn.collections(world.clinic, CollectionId(0), 1).await.unwrap();
        assert_eq!(all[0].id, world.visits);
        assert_eq!(conn.collections(world.clinic, world.visits, 9).await.unwrap(), [made]);
    })
    .await;
}

#[tokio::test]
async fn a_slug_stands_once_in_a_home() {
    everywhere(async |world: World| {
        let insert = |owner, slug: &str| {
            world.change({
                let new = calendar(slug);
                move |tx| Box::pin(async move { tx.insert_collection(owner, new).await })
            })
        };
        assert!(matches!(insert(world.ada, "visits").await, Err(Error::Unique(Unique::CollectionSlug))));
        insert(world.bob, "visits").await.unwrap();
        assert!(matches!(insert(PrincipalId(999), "visits").await, Err(Error::Gone)));
        for bad in ["", "a/b", &"a".repeat(256)] {
            assert!(matches!(insert(world.ada, bad).await, Err(Error::Invalid(_))), "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_touches_only_what_it_names() {
    everywhere(async |world: World| {
        let visits = world.visits;
        let update = |change: CollectionChange| {
            world.change(move |tx| Box::pin(async move { tx.update_collection(visits, change).await }))
        };
        let set = CollectionChange {
            color: Some(Some("#00f".into())),
            sort_order: Some(Some(7)),
            transparent: Some(true),
            timezone: Some(Some("zone".into())),
            display_name: Some(Some("Visits".into())),
            description: Some(Some("d".into())),
            components: Some("VEVENT".into()),
            slug: None,
            policy: Some(Some(::store::Policy::Accept)),
        };
        assert!(update(set).await.unwrap());
        let before = world.visits().await;
        assert_eq!(
            (before.color.as_deref(), before.sort_order, before.transparent),
            (Some("#00f"), Some(7), true)
        );
        assert_eq!((before.components.as_str(), before.slug.as_str()), ("VEVENT", "visits"));
        assert!(update(CollectionChange { color: Some(None), ..Default::default() }).await.unwrap());
        let after = world.visits().await;
        let seq = world.seq().await;
        assert_eq!(after, ::store::Collection { color: None, seq, changed_seq: seq, ..before });
        let nowhere = CollectionId(999);
        let change = CollectionChange::default();
        assert!(
            !world
                .change(move |tx| Box::pin(async move { tx.update_collection(nowhere, change).await }))
                .await
                .unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn a_home_tells_what_was_made_renamed_and_removed() {
    everywhere(async |world: World| {
        let (ada, visits) = (world.ada, world.visits);
        let start = world.seq().await;
        let made = world
            .change(move |tx| Box::pin(async move { tx.insert_collection(ada, calendar("work")).await }));
        let work = made.await.unwrap().id;
        let rename = CollectionChange { slug: Some("old-visits".into()), ..Default::default() };
        world
            .change(move |tx| Box::pin(async move { tx.update_collection(visits, rename).await }))
            .await
            .unwrap();
        let mut conn = world.conn().await;
        let changed =
            |slug: &str, collection, seq| HomeChange::Changed { slug: slug.into(), collection, seq };
        let gone = |slug: &str, seq| HomeChange::Gone { slug: slug.into(), seq };
        assert_eq!(
            conn.home_changes(world.clinic, ada, start).await.unwrap(),
            [
                changed("work", work, start + 1),
                changed("old-visits", visits, start + 2),
                gone("visits", start + 2),
            ]
        );
        assert!(
            world.change(move |tx| Box::pin(async move { tx.remove_collection(work).await })).await.unwrap()
        );
        assert!(
            !world.change(move |tx| Box::pin(async move { tx.remove_collection(work).await })).await.unwrap()
        );
        assert_eq!(conn.home_changes(world.clinic, ada, start + 2).await.unwrap(), [gone("work", start + 3)]);
        assert_eq!(
            conn.home_changes(world.clinic, ada, 0).await.unwrap(),
            [changed("old-visits", visits, start + 2)]
        );
        let home = conn.principal_named("ada").await.unwrap().unwrap().home_seq;
        assert_eq!(home, start + 3);
        let again = world
            .change(move |tx| Box::pin(async move { tx.insert_collection(ada, calendar("work")).await }));
        let again = again.await.unwrap().id;
        assert_ne!(again, work, "an id is never used again");
        assert_eq!(
            conn.home_changes(world.clinic, ada, start + 3).await.unwrap()[0],
            changed("work", again, world.seq().await)
        );
    })
    .await;
}

#[tokio::test]
async fn objects_do_not_change_a_home() {
    everywhere(async |world: World| {
        let start = world.seq().await;
        world.put("a.ics", "one").await.unwrap();
        assert!(world.conn().await.home_changes(world.clinic, world.ada, start).await.unwrap().is_empty());
        assert_eq!(world.visits().await.seq, start + 1);
        assert_eq!(world.visits().await.changed_seq, start);
    })
    .await;
}

#[tokio::test]
async fn a_removed_collection_takes_everything_with_it() {
    everywhere(async |world: World| {
        let (clinic, visits, bob) = (world.clinic, world.visits, world.bob);
        for n in 0..50 {
            world.put(&format!("{n}.ics"), "text").await.unwrap();
        }
        world.remove("1.ics").await.unwrap();
        world
            .change(move |tx| {
                Box::pin(async move { tx.set_grant(visits, bob, ::store::Privilege::Write).await })
            })
            .await
            .unwrap();
        world.change(move |tx| Box::pin(async move { tx.remove_collection(visits).await })).await.unwrap();
        let mut conn = world.conn().await;
        assert!(conn.objects(clinic, visits, "", 100).await.unwrap().is_empty());
        assert!(conn.grants(clinic, &[visits]).await.unwrap().is_empty());
        assert!(conn.collections_visible_to(clinic, bob).await.unwrap().is_empty());
        assert_eq!(conn.principal_named("bob").await.unwrap().unwrap().home_seq, world.seq().await);
        assert!(matches!(world.put("late.ics", "text").await, Err(Error::Gone)));
    })
    .await;
}
