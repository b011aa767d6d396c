//! Principals and app passwords: names, changes, login material, erasure.

use ::store::{
    Error, NewAppPassword, NewPrincipal, PrincipalChange, PrincipalId, PrincipalKind, Property,
    PropertyOwner, Role, Secret, Unique,
};

use super::world::{NOW, World, calendar, everywhere, object, person};

#[tokio::test]
async fn a_principal_is_kept_as_given() {
    everywhere(async |world: World| {
        let room = NewPrincipal {
            name: "room-1@clinic.example".into(),
            kind: PrincipalKind::Room,
            display_name: "Room 1 ☀".into(),
            email: Some("room@clinic.example".into()),
            zone: None,
            password_hash: Some(Secret("$argon2id$".into())),
            role: None,
        };
        let made = world.change(|tx| Box::pin(async move { tx.insert_principal(room).await })).await.unwrap();
        assert_eq!((made.kind, made.created_at, made.disabled_at), (PrincipalKind::Room, NOW, None));
        assert_eq!((made.seq, made.home_seq), (world.seq().await, world.seq().await));
        let found = world.conn().await.principal_named("room-1@clinic.example").await.unwrap();
        assert_eq!(found, Some(made));
        assert_eq!(world.conn().await.principal_named("nobody").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn names_are_unique_and_obey_the_rule() {
    everywhere(async |world: World| {
        let insert = |name: &str| {
            world.change({
                let new = person(name);
                |tx| Box::pin(async move { tx.insert_principal(new).await })
            })
        };
        assert!(matches!(insert("ada").await, Err(Error::Unique(Unique::PrincipalName))));
        let long = "a".repeat(65);
        for bad in ["", "Ada", "a b", "a/b", "ä", "a\0", "a'b", long.as_str()] {
            assert!(matches!(insert(bad).await, Err(Error::Invalid(_))), "{bad:?}");
        }
        for good in ["a", "a.b_c-d@e9", &"a".repeat(64)] {
            insert(good).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn pages_and_lists_of_principals() {
    everywhere(async |world: World| {
        world.change(|tx| Box::pin(async move { tx.insert_principal(person("carl")).await })).await.unwrap();
        let mut conn = world.conn().await;
        let page = conn.principals(world.clinic, "", 2).await.unwrap();
        assert_eq!(page.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["ada", "bob"]);
        let page = conn.principals(world.clinic, "bob", 2).await.unwrap();
        assert_eq!(page.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["carl"]);
        let ids = [world.bob, world.ada, PrincipalId(999)];
        let found = conn.principals_by_id(world.clinic, &ids).await.unwrap();
        assert_eq!(found.iter().map(|p| p.id).collect::<Vec<_>>(), [world.ada, world.bob]);
        assert!(conn.principals_by_id(world.clinic, &[]).await.unwrap().is_empty());
        let elsewhere = ::store::ClinicId(world.clinic.0 + 1000);
        assert!(conn.principals_by_id(elsewhere, &ids).await.unwrap().is_empty());
        assert!(conn.principals(elsewhere, "", 9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn changes_touch_only_what_they_name() {
    everywhere(async |world: World| {
        let ada = world.ada;
        let before = world.conn().await.principal_named("ada").await.unwrap().unwrap();
        let change = PrincipalChange { email: Some(Some("ada@x.example".into())), ..Default::default() };
        assert!(
            world
                .change(move |tx| Box::pin(async move { tx.update_principal(ada, change).await }))
                .await
                .unwrap()
        );
        let after = world.conn().await.principal_named("ada").await.unwrap().unwrap();
        assert_eq!(after.email.as_deref(), Some("ada@x.example"));
        assert_eq!((&after.display_name, &after.zone), (&before.display_name, &before.zone));
        let change = PrincipalChange {
            name: Some("ada2".into()),
            display_name: Some("Ada".into()),
            email: Some(None),
            zone: Some(Some("UTC".into())),
            role: Some(Some(Role::Practitioner)),
        };
        world
            .change(move |tx| Box::pin(async move { tx.update_principal(ada, change).await }))
            .await
            .unwrap();
        let after = world.conn().await.principal_named("ada2").await.unwrap().unwrap();
        assert_eq!(after.role, Some(Role::Practitioner));
        assert_eq!(
            (after.email, after.zone.as_deref(), after.display_name.as_str()),
            (None, Some("UTC"), "Ada")
        );
        let taken = PrincipalChange { name: Some("bob".into()), ..Default::default() };
        let taken =
            world.change(move |tx| Box::pin(async move { tx.update_principal(ada, taken).await })).await;
        assert!(matches!(taken, Err(Error::Unique(Unique::PrincipalName))));
        let nobody = PrincipalId(999);
        let change = PrincipalChange::default();
        assert!(
            !world
                .change(move |tx| Box::pin(async move { tx.update_principal(nobody, change).await }))
                .await
                .unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn credentials_hold_what_a_login_is_compared_with() {
    everywhere(async |world: World| {
        let ada = world.ada;
        let (phone, laptop) = world
            .change(move |tx| {
                Box::pin(async move {
                    tx.set_password(ada, Some(Secret("own".into()))).await?;
                    let new = |label: &str, hash: &str| NewAppPassword {
                        principal: ada,
                        label: label.into(),
                        hash: Secret(hash.into()),
                    };
                    let phone = tx.insert_app_password(new("phone", "h1")).await?.id;
                    Ok((phone, tx.insert_app_password(new("laptop", "h2")).await?.id))
                })
            })
            .await
            .unwrap();
        let found = world.conn().await.credentials("ada").await.unwrap().unwrap();
        assert_eq!(found.principal.password_hash, Some(Secret("own".into())));
        assert_eq!(found.app_passwords.iter().map(|p| p.hash.0.as_str()).collect::<Vec<_>>(), ["h1", "h2"]);

        world.clock.turn(60);
        let clinic = world.clinic;
        let touch = world.store.aside::<_, Error, _>(move |aside| {
            Box::pin(async move { aside.touch_app_passwords(clinic, &[laptop]).await })
        });
        touch.await.unwrap();
        let revoke =
            |of, id| world.change(move |tx| Box::pin(async move { tx.revoke_app_password(of, id).await }));
        assert!(!revoke(world.bob, phone).await.unwrap(), "somebody else's");
        assert!(revoke(ada, phone).await.unwrap());
        assert!(!revoke(ada, phone).await.unwrap(), "twice");
        let found = world.conn().await.credentials("ada").await.unwrap().unwrap();
        assert_eq!(
            found.app_passwords.iter().map(|p| (p.id, p.used_at)).collect::<Vec<_>>(),
            [(laptop, Some(NOW + 60))]
        );
        let all = world.conn().await.app_passwords(world.clinic, ada).await.unwrap();
        assert_eq!(all.iter().map(|p| p.revoked_at).collect::<Vec<_>>(), [Some(NOW + 60), None]);

        world
            .change(move |tx| {
                Box::pin(async move {
                    tx.set_password(ada, None).await?;
                    tx.disable_principal(ada, Some(5)).await
                })
            })
            .await
            .unwrap();
        let found = world.conn().await.credentials("ada").await.unwrap().unwrap();
        assert_eq!((found.principal.password_hash, found.principal.disabled_at), (None, Some(5)));
        world.change(move |tx| Box::pin(async move { tx.disable_principal(ada, None).await })).await.unwrap();
        assert_eq!(world.conn().await.credentials("ada").await.unwrap().unwrap().principal.disabled_at, None);
        assert!(world.conn().await.credentials("nobody").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn an_app_password_of_nobody_is_gone() {
    everywhere(async |world: World| {
        let new = NewAppPassword { principal: PrincipalId(999), label: "x".into(), hash: Secret("h".into()) };
        let made = world.change(|tx| Box::pin(async move { tx.insert_app_password(new).await })).await;
        assert!(matches!(made, Err(Error::Gone)));
    })
    .await;
}

#[tokio::test]
async fn an_erased_principal_leaves_nothing() {
    everywhere(async |world: World| {
        let (ada, bob, visits) = (world.ada, world.bob, world.visits);
        world.put("a.ics", "CANARY of a patient").await.unwrap();
        world
            .change(move |tx| {
                Box::pin(async move {
                    let theirs = tx.insert_collection(bob, calendar("theirs")).await?.id;
                    tx.set_grant(theirs, ada, ::store::Privilege::Read).await?;
                    tx.set_grant(visits, bob, ::store::Privilege::Read).await?;
                    tx.insert_app_password(NewAppPassword {
                        principal: ada,
                        label: "phone".into(),
                        hash: Secret("h".into()),
                    })
                    .await?;
                    tx.save_object(object(visits, "b.ics", "CANARY too")).await?;
                    let of = |owner| Property {
                        owner,
                        namespace: "x".into(),
                        name: "y".into(),
                        xml: "<y/>".into(),
                    };
                    tx.set_properties(&[
                        of(PropertyOwner::Principal(ada)),
                        of(PropertyOwner::Collection(visits)),
                    ])
                    .await
                })
            })
            .await
            .unwrap();
        assert!(
            world.change(move |tx| Box::pin(async move { tx.erase_principal(ada).await })).await.unwrap()
        );
        assert!(
            !world.change(move |tx| Box::pin(async move { tx.erase_principal(ada).await })).await.unwrap()
        );
        let mut conn = world.conn().await;
        assert_eq!(conn.principal_named("ada").await.unwrap(), None);
        assert!(conn.collections_of(world.clinic, ada).await.unwrap().is_empty());
        assert!(conn.object(world.clinic, visits, "a.ics").await.unwrap().is_none());
        assert!(conn.app_passwords(world.clinic, ada).await.unwrap().is_empty());
        assert_eq!(conn.collections_visible_to(world.clinic, bob).await.unwrap().len(), 1);
        let owners = [PropertyOwner::Principal(ada), PropertyOwner::Collection(visits)];
        assert!(conn.properties(world.clinic, &owners).await.unwrap().is_empty());
        if let Some(folder) = world.fresh.folder() {
            assert_no_canary(folder);
        }
    })
    .await;
}

/// trust.md G6: no byte of it in the database and its WAL.
fn assert_no_canary(folder: &std::path::Path) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|six| six == b"CANARY"), "{} still holds it", path.display());
    }
}

#[tokio::test]
async fn secrets_are_never_printed() {
    let hash = Secret("$argon2id$secret".into());
    assert!(!format!("{hash:?}").contains("secret"));
    let url: ::store::DatabaseUrl =
        "postgres://me:secret@db.example/kalends?password=secret".parse().unwrap();
    assert_eq!(format!("{url} {url:?}"), "postgres://db.example/kalends postgres://db.example/kalends");
}
