//! Rows of an older system, one for each date, as series: seen as before, after a rehearsal, and once however often.

use kalends::calendar::Window;
use kalends::clinic::{Eager, Leaf, Run, Visit, Whose};

use super::world::{DAY, World, everywhere};

/// Ten weeks of which one was left out and one moved, two that overlap, one row that stands there twice.
fn rows(world: &World) -> Vec<Eager> {
    let of = |key: &str, visit: Visit| Eager { key: Some(key.into()), visit };
    let zone = ical::Zone::named("Europe/Berlin").unwrap();
    let mut rows = Vec::new();
    for week in (0..10).filter(|week| *week != 4) {
        let civil = zone.to_civil(world.at(600)) + week * 7 * DAY + if week == 7 { 5 * 3600 } else { 0 };
        let start = zone.to_instant(civil);
        let visit = Visit { start, end: start + 1800, with: vec![world.room], ..world.visit(0, 1) };
        rows.push(of("therapy", visit));
    }
    for (key, minute) in [("a", 900), ("b", 915)] {
        rows.push(of(key, world.visit(minute, minute + 30)));
    }
    rows.push(rows[0].clone());
    rows
}

#[tokio::test]
async fn f269_f270_f271_rows_become_series_and_are_seen_as_before() {
    everywhere(async |world| {
        let mut before: Vec<_> = rows(&world).iter().map(|row| (row.visit.start, row.visit.end)).collect();
        before.sort_unstable();
        before.dedup();
        let clean = world.store.version(world.id).await.unwrap();
        let seen = world.clinic.import_rows(world.by(), rows(&world), Run::Rehearsal).await.unwrap();
        assert_eq!(world.store.version(world.id).await.unwrap(), clean, "a rehearsal makes nothing");
        let done = world.clinic.import_rows(world.by(), rows(&world), Run::Real).await.unwrap();
        assert_eq!(done, seen);
        assert_eq!((done.rows, done.series, done.single, done.twice), (12, 1, 2, 1));
        assert_eq!((done.moved, done.left_out, done.there), (1, 1, 0));
        let window = Window { from: world.day, until: world.day + 100 * DAY };
        let whose = Whose::Calendars(vec![world.ada]);
        let leaf = Leaf { whose, window, with_cancelled: false, after: None, limit: 100 };
        let list = world.clinic.dates(world.by(), leaf).await.unwrap().items;
        let mut after: Vec<_> = list.iter().map(|date| (date.start, date.end)).collect();
        after.sort_unstable();
        assert_eq!(after, before);
        let marked = world.busy(world.ada).await.iter().filter(|one| one.mark.is_some()).count();
        assert_eq!(marked, 1, "what met before is kept and marked");
        let again = world.clinic.import_rows(world.by(), rows(&world), Run::Real).await.unwrap();
        assert_eq!((again.series, again.single, again.there), (0, 0, 3));
        assert_eq!(world.busy(world.room).await.len(), 9);
    })
    .await;
}
