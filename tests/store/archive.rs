//! Backup and restore: whole while writers write, from one database into the other, all or nothing, a new epoch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::store::{Error, Fact, NewAppPassword, Privilege, Property, PropertyOwner, Secret, Store};

use super::world::{World, everywhere};
use crate::support::database::{Fresh, each, postgres, sqlite};

async fn archive(store: &Store) -> Vec<u8> {
    let mut out = Vec::new();
    store.backup(&mut out).await.unwrap();
    out
}

/// Something in every table.
async fn furnish(world: &World) {
    let (ada, bob, visits) = (world.ada, world.bob, world.visits);
    for n in 0..120 {
        world.put(&format!("{n:03}.ics"), &format!("text ☀ {n}")).await.unwrap();
    }
    world.remove("007.ics").await.unwrap();
    world
        .change(move |tx| {
            Box::pin(async move {
                let password =
                    NewAppPassword { principal: ada, label: "phone".into(), hash: Secret("h".into()) };
                tx.insert_app_password(password).await?;
                tx.set_availability(ada, Some(("text ☀".into(), b"digest".as_slice().into()))).await?;
                tx.set_grant(visits, bob, Privilege::Busy).await?;
                let feed = ::store::NewFeed {
                    collection: visits,
                    secret_hash: [3; 32],
                    scope: ::store::FeedScope::Full,
                    label: "f".into(),
                };
                tx.insert_feed(feed).await?;
                let resource = ::store::Resource { id: ada, capacity: 1, reached: super::world::NOW };
                tx.insert_resource(resource).await?;
                tx.occupy(&super::booking::any_order(ada, visits)).await?;
                tx.insert_hold(&super::booking::hold()).await?;
                tx.save_appointment(&super::booking::appointment(ada, bob), visits, ::store::Noted::Booked)
                    .await?;
                tx.insert_seat(&super::booking::seat()).await?;
                let gone = tx.insert_collection(bob, super::world::calendar("gone")).await?.id;
                tx.remove_collection(gone).await?;
                let owner = PropertyOwner::Collection(visits);
                super::clinic::furnish(tx, ada).await?;
                tx.set_properties(&[Property {
                    owner,
                    namespace: "n".into(),
                    name: "p".into(),
                    xml: "<p/>".into(),
                }])
                .await
            })
        })
        .await
        .unwrap();
    super::google::furnish(world).await;
}

#[tokio::test]
async fn an_archive_moves_between_the_databases() {
    everywhere(async |world: World| {
        furnish(&world).await;
        let (clinic, visits) = (world.clinic, world.visits);
        let bytes = archive(&world.store).await;
        let old = world.conn().await.clinics().await.unwrap().remove(0);
        each(async |mut fresh: Fresh| {
            // A reader stays open beside others.
            fresh.options.pool = 2;
            let other = fresh.store().await;
            let counts = other.restore(&bytes[..]).await.unwrap();
            assert!(counts.tables.contains(&("objects".into(), 119)), "{counts:?}");
            assert!(counts.tables.iter().all(|(table, rows)| *rows > 0 || table == "none"), "{counts:?}");
            let (mut here, mut there) = (world.conn().await, other.read(clinic).await.unwrap());
            let texts = here.texts(clinic, visits, "", 999).await.unwrap();
            assert_eq!(there.texts(clinic, visits, "", 999).await.unwrap(), texts);
            assert_eq!(there.credentials("ada").await.unwrap(), here.credentials("ada").await.unwrap());
            assert_eq!(
                there.grants(clinic, &[visits]).await.unwrap(),
                here.grants(clinic, &[visits]).await.unwrap()
            );
            assert_eq!(there.feeds(clinic, visits).await.unwrap(), here.feeds(clinic, visits).await.unwrap());
            assert_eq!(there.installation_secret().await.unwrap(), here.installation_secret().await.unwrap());
            let new = there.clinic(clinic).await.unwrap().unwrap();
            assert_ne!(new.epoch, old.epoch);
            assert_eq!((new.seq, new.structure), (old.seq + 1, old.seq + 1));
            assert_eq!(other.version(clinic).await.unwrap().seq, new.seq);
            let rows = there.journal_after(clinic, old.seq, 9).await.unwrap();
            assert!(rows.len() == 1 && rows[0].fact == Fact::Restored);
            assert!(there.journal_after(clinic, 0, 9999).await.unwrap()[..].len() > 120);
            let name = "made-after.ics";
            let new = super::world::object(visits, name, "text");
            super::world::change(&other, clinic, |tx| Box::pin(async move { tx.save_object(new).await }))
                .await
                .unwrap();
            drop((here, there));
            other.close().await;
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_restore_replaces_everything() {
    everywhere(async |world: World| {
        furnish(&world).await;
        let bytes = archive(&world.store).await;
        world.put("later.ics", "late").await.unwrap();
        world.remove("003.ics").await.unwrap();
        let before = world.seq().await;
        world.store.restore(&bytes[..]).await.unwrap();
        let mut conn = world.conn().await;
        assert!(conn.object(world.clinic, world.visits, "later.ics").await.unwrap().is_none());
        assert!(conn.object(world.clinic, world.visits, "003.ics").await.unwrap().is_some());
        assert_eq!(world.seq().await, before + 1, "no number is ever used for another state");
        world.put("later.ics", "again").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_damaged_archive_changes_nothing() {
    everywhere(async |world: World| {
        furnish(&world).await;
        let bytes = archive(&world.store).await;
        let before = world.conn().await.clinics().await.unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 4;
        let newer = [b"kalends archive 2\n", &bytes[18..]].concat();
        let bad: [&[u8]; 6] = [
            b"",
            b"not an archive at all",
            &bytes[..bytes.len() / 2],
            &bytes[..bytes.len() - 30],
            &flipped,
            &newer,
        ];
        for archive in bad {
            assert!(matches!(world.store.restore(archive).await, Err(Error::Invalid(_))));
        }
        assert_eq!(world.conn().await.clinics().await.unwrap(), before);
        assert_eq!(world.conn().await.objects(world.clinic, world.visits, "", 999).await.unwrap().len(), 119);
        world.put("works.ics", "still").await.unwrap();
    })
    .await;
}

/// Archives of older schemas. Of schema 5: as a program of it wrote it, with two people, a visit, a share, a link, an app
/// password, a token. Of schema 1: the rows of `0001.sql`, put together by a script in the form of that time.
const OLDER: [(&[u8], &str); 2] = [
    (include_bytes!("../data/schema/0001.kalends"), "a b/%2f.ics"),
    (include_bytes!("../data/schema/0005.kalends"), "one.ics"),
];

#[tokio::test]
async fn an_archive_of_an_older_schema_is_restored_and_migrated() {
    for (bytes, name) in OLDER {
        everywhere(async |world: World| {
            furnish(&world).await;
            world.store.restore(bytes).await.unwrap();
            let mut conn = world.conn().await;
            let clinic = conn.clinics().await.unwrap()[0].id;
            let ada = conn.principal_named("ada").await.unwrap().unwrap();
            let calendars = conn.collections_of(clinic, ada.id).await.unwrap();
            let mut found = Vec::new();
            for calendar in &calendars {
                found.extend(conn.texts(clinic, calendar.id, "", 9).await.unwrap());
            }
            assert_eq!(found.len(), 1);
            assert!(
                found[0].meta.name.ends_with(name) && found[0].text.is_some(),
                "{:?}",
                found[0].meta.name
            );
            assert!(conn.principal_named("bob").await.unwrap().is_none() || name == "one.ics");
            // Everything that came later is there and works.
            assert_eq!(ada.role, None);
            let (ada, visits) = (ada.id, calendars[0].id);
            super::world::change(&world.store, clinic, move |tx| {
                Box::pin(async move {
                    tx.save_object(super::world::object(visits, "made-after.ics", "text")).await?;
                    tx.insert_resource(::store::Resource { id: ada, capacity: 1, reached: 0 }).await?;
                    tx.occupy(&super::booking::any_order(ada, visits)).await?;
                    super::clinic::furnish(tx, ada).await
                })
            })
            .await
            .unwrap();
            drop(conn);
            let again = archive(&world.store).await;
            world.store.restore(&again[..]).await.unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn a_damaged_archive_of_an_older_schema_changes_nothing() {
    everywhere(async |world: World| {
        furnish(&world).await;
        let before = world.conn().await.clinics().await.unwrap();
        for bytes in [&OLDER[0].0[..OLDER[0].0.len() - 30], &OLDER[1].0[..OLDER[1].0.len() / 2]] {
            assert!(matches!(world.store.restore(bytes).await, Err(Error::Invalid(_))));
        }
        assert_eq!(world.conn().await.clinics().await.unwrap(), before);
        assert_eq!(world.conn().await.objects(world.clinic, world.visits, "", 999).await.unwrap().len(), 119);
        world.put("works.ics", "still").await.unwrap();
    })
    .await;
}

/// trust.md R13: all writes acknowledged before the start are there, none torn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_one_state() {
    everywhere(async |world: World| {
        let (world, stop) = (Arc::new(world), Arc::new(AtomicBool::new(false)));
        let writers: Vec<_> =
            (0..4).map(|n| tokio::spawn(write_pairs(Arc::clone(&world), Arc::clone(&stop), n))).collect();
        for round in 0..5 {
            let marker = format!("marker-{round}.ics");
            world.put(&marker, "acknowledged").await.unwrap();
            let bytes = archive(&world.store).await;
            let fresh = sqlite();
            let other = fresh.store().await;
            other.restore(&bytes[..]).await.unwrap();
            let objects = other
                .read(world.clinic)
                .await
                .unwrap()
                .texts(world.clinic, world.visits, "", 99_999)
                .await
                .unwrap();
            assert!(objects.iter().any(|object| object.meta.name == marker));
            let halves =
                |half: &str| objects.iter().filter(|object| object.meta.name.ends_with(half)).count();
            assert_eq!(halves("-left.ics"), halves("-right.ics"), "a change is torn");
            let last = objects.iter().map(|object| object.meta.seq).max().unwrap();
            let seq = other.version(world.clinic).await.unwrap().seq;
            assert!(last < seq);
            other.close().await;
        }
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
    })
    .await;
}

async fn write_pairs(world: Arc<World>, stop: Arc<AtomicBool>, writer: usize) {
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        n += 1;
        let pair = ["left", "right"]
            .map(|half| super::world::object(world.visits, &format!("{writer}-{n}-{half}.ics"), "x"));
        let [left, right] = pair;
        let write = world.change(|tx| {
            Box::pin(async move {
                tx.save_object(left).await?;
                tx.save_object(right).await
            })
        });
        write.await.unwrap();
    }
}

#[tokio::test]
async fn a_new_epoch_ends_every_token() {
    everywhere(async |world: World| {
        let before = world.conn().await.clinic(world.clinic).await.unwrap().unwrap();
        world.store.new_epoch().await.unwrap();
        let after = world.conn().await.clinic(world.clinic).await.unwrap().unwrap();
        assert_ne!(before.epoch, after.epoch);
        assert_eq!(world.seq().await, before.seq + 1);
        let rows = world.conn().await.journal_after(world.clinic, before.seq, 9).await.unwrap();
        assert!(rows[0].fact == Fact::Restored);
    })
    .await;
}

/// Whoever adds a column must add it to the archive, or a backup forgets it.
#[tokio::test]
async fn the_archive_holds_every_column() {
    let fresh = sqlite();
    let store = fresh.store().await;
    let bytes = archive(&store).await;
    store.close().await;
    let columns = super::sqlite::query(
        &fresh.folder().unwrap().join("store.db"),
        "select m.name || '.' || c.name from sqlite_master m, pragma_table_info(m.name) c \
         where m.type = 'table' and m.name not like 'sqlite_%' and m.name <> 'packs' order by 1",
    );
    let mut archived = ::store::archived_columns();
    archived.sort_unstable();
    assert_eq!(archived, columns);
    assert!(!bytes.is_empty());
    if let Some(fresh) = postgres() {
        fresh.store().await.close().await;
        let sql = "do $$ begin if (select count(*) from information_schema.columns \
            where table_schema = current_schema() and table_name <> 'packs') <> ";
        let sql = format!("{sql}{} then raise exception 'other columns'; end if; end $$", archived.len());
        assert!(crate::support::database::sql(fresh.address().unwrap(), &sql));
    }
}
