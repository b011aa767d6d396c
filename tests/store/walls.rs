//! The second wall between clinics (PostgreSQL: row-level security): a query that forgets its clinic sees nothing, or
//! only the clinic its session is in; and no table was forgotten.

use std::process::Command;

use ::store::{ClinicId, Error};

use super::world::{World, change, person};
use crate::support::database::postgres;

impl World {
    /// Another clinic with one person.
    pub async fn neighbour(&self, name: &'static str) -> ClinicId {
        let made = self.store.aside::<_, Error, _>(move |aside| {
            Box::pin(async move { Ok(aside.insert_clinic(name).await?.id) })
        });
        let clinic = made.await.unwrap();
        let who = person(&format!("{name}-eve"));
        change(&self.store, clinic, |tx| Box::pin(async move { tx.insert_principal(who).await }))
            .await
            .unwrap();
        clinic
    }
}

/// What this prints, asked past the store.
fn ask(address: &str, sql: &str) -> String {
    let asked = Command::new("psql").args(["-X", "-q", "-t", "-A", "-c", sql, address]).output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_query_without_a_clinic_gets_no_row() {
    let Some(fresh) = postgres() else { return };
    let world = World::over(fresh).await;
    let other = world.neighbour("other").await;
    assert!(world.store.is_walled().await.unwrap(), "the role of this test is no superuser");
    let address = world.fresh.address().unwrap();
    let names = "select string_agg(name, ' ' order by name) from principals";
    assert_eq!(ask(address, names), "");
    assert_eq!(ask(address, &format!("set kalends.clinic = '{other}'; {names}")), "other-eve");
    assert_eq!(ask(address, &format!("set kalends.clinic = '{}'; {names}", world.clinic)), "ada bob");
    assert_eq!(ask(address, &format!("set kalends.clinic = '999999'; {names}")), "");
    let steal = format!("set kalends.clinic = '{other}'; update principals set clinic_id = {other}; {names}");
    assert_eq!(ask(address, &steal), "other-eve");
    let plant =
        format!("set kalends.clinic = '{other}'; insert into packs values ({}, 1, 1, '', '')", world.clinic);
    assert!(!crate::support::database::sql(address, &plant), "nothing is written into another clinic");
}

#[tokio::test]
async fn a_connection_sees_the_clinic_it_was_asked_for() {
    let Some(fresh) = postgres() else { return };
    let world = World::over(fresh).await;
    let other = world.neighbour("other").await;
    for _ in 0..3 {
        // Each takes the connection that the one before gave back.
        let mut conn = world.store.read(other).await.unwrap();
        assert!(conn.principal_named("ada").await.unwrap().is_none());
        assert!(conn.principal_named("other-eve").await.unwrap().is_some());
        assert!(conn.collections(world.clinic, ::store::CollectionId(0), 9).await.unwrap().is_empty());
        drop(conn);
        assert!(world.conn().await.principal_named("ada").await.unwrap().is_some());
        assert!(world.store.across().await.unwrap().principal_named("other-eve").await.unwrap().is_some());
    }
    let inside = change(&world.store, other, |tx| Box::pin(async move { tx.principal_named("ada").await }));
    assert_eq!(inside.await.unwrap(), None, "a write is in its clinic too");
}

#[tokio::test]
async fn no_table_of_a_clinic_is_without_the_wall() {
    let Some(fresh) = postgres() else { return };
    let world = World::over(fresh).await;
    let bare = "select string_agg(c.relname, ' ') from pg_class c join pg_attribute a on a.attrelid = c.oid \
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attname = 'clinic_id' \
        and not (c.relrowsecurity and c.relforcerowsecurity \
        and exists (select 1 from pg_policy p where p.polrelid = c.oid))";
    assert_eq!(ask(world.fresh.address().unwrap(), bare), "", "see migrations/README.md");
}
