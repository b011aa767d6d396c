//! Migrations: an empty database is founded, a newer one refused, both folders hold the same steps.

use std::collections::BTreeSet;
use std::sync::Mutex;

use ::store::{Error, Migrated, Options, SCHEMA, Store};

use super::world::World;
use crate::support::database::{Fresh, each, sqlite};

/// The first schema, and rows that stood in it.
const FIRST: [&str; 2] = [
    include_str!("../../migrations/sqlite/0001_first.sql"),
    include_str!("../../migrations/postgres/0001_first.sql"),
];
const ROWS: &str = include_str!("../data/schema/0001.sql");

#[tokio::test]
async fn a_database_of_schema_1_keeps_everything() {
    each(async |fresh: Fresh| {
        match fresh.address() {
            None => script(&fresh, &format!("{}\n{ROWS}", FIRST[0])),
            Some(address) => {
                let rows = ROWS.replace(" x'", " '\\x");
                assert!(crate::support::database::sql(address, &format!("{}\n{rows}", FIRST[1])));
            }
        }
        let asked = Mutex::new(None);
        let before = async |found| {
            *asked.lock().unwrap() = Some(found);
            Ok(())
        };
        let done = Store::migrate(&fresh.options, before).await.unwrap();
        assert_eq!(done, Migrated { from: 1, to: SCHEMA });
        assert_eq!(*asked.lock().unwrap(), Some(done), "the place for a backup");
        let store = fresh.store().await;
        let mut conn = store.across().await.unwrap();
        let clinic = conn.clinics().await.unwrap()[0].id;
        let ada = conn.principal_named("ada").await.unwrap().unwrap();
        assert_eq!(ada.display_name, "Dr. Äda \"Ω\"");
        let gone = conn.principal_named("gone@x").await.unwrap().unwrap();
        assert_eq!((gone.disabled_at, gone.zone.as_deref()), (Some(7), Some("Mars/Base")));
        let calendars = conn.collections(clinic, ::store::CollectionId(0), 9).await.unwrap();
        let slugs: Vec<_> = calendars.iter().map(|one| one.slug.as_str()).collect();
        assert_eq!(slugs, ["inbox-10", "visits"], "the inbox takes its place in the home");
        let object =
            conn.objects_named(clinic, calendars[0].id, &["a b/%2f.ics".into()]).await.unwrap().remove(0);
        assert_eq!(&object.text.unwrap().0[..], b"test");
        assert!(conn.availability_digests(clinic, &[ada.id, gone.id]).await.unwrap().is_empty());
        drop(conn);
        store.close().await;
    })
    .await;
}

/// Runs a script on a new SQLite file.
fn script(fresh: &Fresh, sql: &str) {
    let program =
        "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nc.executescript(sys.argv[2])\nc.commit()";
    let file = fresh.folder().unwrap().join("store.db");
    let done =
        std::process::Command::new("python3").args(["-c", program]).arg(file).arg(sql).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn an_empty_database_is_founded_once() {
    each(async |fresh: Fresh| {
        let without = Options { create: false, ..fresh.options.clone() };
        assert!(Store::open(&without).await.is_err(), "nothing is made unasked");
        let hook = Mutex::new(0);
        let before = async |_| {
            *hook.lock().unwrap() += 1;
            Ok(())
        };
        let done = Store::migrate(&fresh.options, before).await.unwrap();
        assert_eq!(done, Migrated { from: 0, to: SCHEMA });
        let again = Store::migrate(&fresh.options, async |_| Ok(())).await.unwrap();
        assert_eq!(again, Migrated { from: SCHEMA, to: SCHEMA });
        assert_eq!(*hook.lock().unwrap(), 0, "there was nothing to back up");
        let store = Store::open(&without).await.unwrap();
        assert_eq!(store.across().await.unwrap().clinics().await.unwrap()[0].name, "default");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_in_words() {
    each(async |fresh: Fresh| {
        fresh.store().await.close().await;
        past_the_store(&fresh, "update meta set value = '99' where key = 'schema'").await;
        let error = Store::open(&fresh.options).await.err().unwrap();
        assert!(matches!(error, Error::Schema { have: 99, want: SCHEMA }));
        assert!(error.to_string().contains("newer release"), "{error}");
        assert!(Store::migrate(&fresh.options, async |_| Ok(())).await.is_err());
    })
    .await;
}

/// Changes the database without the store, which guards its own keys.
async fn past_the_store(fresh: &Fresh, sql: &str) {
    match fresh.address() {
        Some(address) => assert!(crate::support::database::sql(address, sql)),
        None => super::sqlite::shell(&fresh.folder().unwrap().join("store.db"), sql),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_an_empty_database_at_once() {
    each(async |fresh: Fresh| {
        let opens: Vec<_> = (0..6)
            .map(|_| {
                let options = fresh.options.clone();
                tokio::spawn(async move { Store::open(&options).await })
            })
            .collect();
        for open in opens {
            let store = open.await.unwrap().unwrap();
            assert_eq!(store.across().await.unwrap().clinics().await.unwrap().len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_copy_opens_as_it_was() {
    let world = World::over(sqlite()).await;
    world.put("a.ics", "one").await.unwrap();
    let to = world.fresh.folder().unwrap().join("copy.db");
    Store::copy(&world.fresh.options, &to).await.unwrap();
    world.put("b.ics", "two").await.unwrap();
    let copy = Store::open(&Options::new(::store::DatabaseUrl::Sqlite(to))).await.unwrap();
    let objects =
        copy.read(world.clinic).await.unwrap().objects(world.clinic, world.visits, "", 9).await.unwrap();
    assert_eq!(objects.len(), 1);
    copy.close().await;
}

#[test]
fn both_databases_have_the_same_steps() {
    let names = |folder: &str| -> BTreeSet<String> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
        std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert_eq!(names("sqlite").len() as i64, SCHEMA, "a file is missing in STEPS of src/store/migrate.rs");
}
