//! Many links of one project: a backfill keeps to its pace, and what is fresh goes before it; and what it costs to see them.

use bytes::Bytes;
use fake_google::{Command, Consent};
use kalends::calendar::{Author, CollectionPath, Condition, Origin};
use kalends::google::{Pace, Terms};

use super::world::{World, linked, object, parts_paced};
use crate::support::database::each;

const ACCOUNTS: usize = 4;
const CALENDARS: usize = 3;
const BACKLOG: usize = 100;
/// Google's figures are 8,000 of the project and 480 of an account; links are 10,000. All scaled, so that the backfill
/// takes minutes of the clock and seconds of ours: the project's calls are still what binds it.
const PACE: Pace = Pace { account: 240, project: 480 };

/// A short event at this minute of that day: nothing else of it is seen at Google.
fn visit(uid: &str, day: &str, minute: usize) -> Bytes {
    let at = format!("{day}T{:02}{:02}00Z", minute / 60, minute % 60);
    object(&format!("UID:{uid}\nDTSTART:{at}\nDURATION:PT1M\n")).into()
}

async fn put(world: &World, slug: &str, all: Vec<(String, Bytes)>) {
    let who = world.who().await;
    let by = Author { who: &who, from: Origin::Dav };
    let path = CollectionPath::new("ada", slug);
    match all.len() {
        1 => {
            let (name, text) = all.into_iter().next().unwrap();
            world.calendars.put(by, &path.object(&name), text, Condition::NONE).await.map(drop).unwrap();
        }
        _ => drop(world.calendars.put_new(by, &path, all).await.unwrap()),
    }
}

/// One server with many links: their calendars here, each with a backlog.
async fn many(world: &World) -> Vec<String> {
    let mut slugs = Vec::new();
    for account in 0..ACCOUNTS {
        let email = format!("account{account}@clinic.example");
        world.run(Command::Account { email: email.clone(), zone: "Europe/Berlin".into() }).await;
        let remote = world.connect_by(Consent { email: Some(email.clone()), ..Consent::default() }).await;
        for calendar in 0..CALENDARS {
            let slug = format!("c{account}-{calendar}");
            let id = format!("{slug}@group.calendar.google.com");
            let (owner, zone) = (email.clone(), "Europe/Berlin".to_owned());
            world.run(Command::Calendar { id: id.clone(), owner, summary: slug.clone(), zone }).await;
            world.calendar(&slug).await;
            let backlog = (0..BACKLOG)
                .map(|n| (format!("old{n}.ics"), visit(&format!("{slug}-old{n}"), "20260401", n)));
            put(world, &slug, backlog.collect()).await;
            world.google.link(&world.who().await, remote.id, &id, &slug, Terms::default()).await.unwrap();
            slugs.push(slug);
        }
    }
    slugs
}

#[tokio::test]
async fn s74_a_backfill_keeps_to_the_projects_pace_and_fresh_bookings_overtake_it() {
    each(async |fresh| {
        let world = World::over(fresh).await;
        let (accounts, calendars, clinic, google) =
            parts_paced(&world.store, &world.fake.url(), "http://clinic.example", PACE).await;
        let world = World { accounts, calendars, clinic, google, ..world };
        let slugs = many(&world).await;
        let (begin, mut booked) = (world.clock.now(), Vec::new());
        // Each second a booking somewhere, and one round: a server has several.
        for second in 0..150 {
            put(
                &world,
                &slugs[second % slugs.len()],
                vec![(format!("new{second}.ics"), visit(&format!("new{second}"), "20270401", second))],
            )
            .await;
            booked.push(world.clock.now());
            world.google.round().await.unwrap();
            world.turn(1).await;
        }
        let all = world.fake.record();
        let inserts: Vec<_> = all.iter().filter(|one| one.method_id == "calendar.events.insert").collect();
        let mut took: Vec<i64> = Vec::new();
        for (minute, at) in booked.iter().enumerate() {
            let start = format!("2027-04-01T{:02}:{:02}:00", minute / 60, minute % 60);
            let found =
                inserts.iter().find(|one| one.body.contains(&format!("\"start\":{{\"dateTime\":\"{start}")));
            took.push(found.unwrap_or_else(|| panic!("{start} never came")).at - at);
        }
        took.sort_unstable();
        let p95 = took[took.len() * 95 / 100];
        assert!(p95 <= 5, "p95 {p95} s, most {:?}", took.last());
        // They did overtake: the backlog was not yet done when most of them came.
        let backlog = |until: i64| {
            inserts.iter().filter(|one| one.at <= until && one.body.contains("2026-04-01T")).count()
        };
        let all_of_it = slugs.len() * BACKLOG;
        assert!(backlog(begin + 60) < all_of_it / 2, "{} of {all_of_it} in a minute", backlog(begin + 60));
        // In whatever minute one looks: a backfill leaves a quarter, and nobody goes beyond the whole.
        let calls: Vec<i64> =
            all.iter().filter(|one| one.method_id.starts_with("calendar.")).map(|one| one.at).collect();
        let most = |calls: &[i64]| {
            calls.iter().map(|from| calls.iter().filter(|at| (*from..*from + 60).contains(*at)).count()).max()
        };
        let (project, backfill) = (PACE.project as usize, PACE.project as usize * 3 / 4);
        assert!(most(&calls).unwrap() <= project, "{:?} calls in a minute", most(&calls));
        assert!(most(&calls).unwrap() >= backfill, "and the pace was what bound it: {:?}", most(&calls));
        for _ in 0..400 {
            world.google.round().await.unwrap();
            world.turn(1).await;
        }
        assert_eq!(world.calls("calendar.events.insert"), all_of_it + booked.len(), "each once");
        let writes = world.writes().len();
        for _ in 0..10 {
            world.settle().await;
        }
        assert_eq!(world.writes().len(), writes, "quiet");
    })
    .await;
}

#[tokio::test]
async fn many_links_are_seen_by_as_many_statements_as_one() {
    linked(Terms::default(), async |world, _| {
        world.settle().await;
        let who = world.who().await;
        // Others work on this thread too: the least of some is what it costs.
        let cost = async || {
            let (mut links, mut least) = (0, u64::MAX);
            for _ in 0..4 {
                let before = store::trips();
                let shown = world.google.status(&who).await.unwrap();
                links = shown.iter().map(|one| one.links.len()).sum::<usize>();
                least = least.min(store::trips() - before);
            }
            (links, least)
        };
        let (one, first) = cost().await;
        for n in 0..20 {
            let email = format!("ada{n}@clinic.example");
            let id = world.accounts.delegate(&who, &email, "none").await.unwrap();
            for slug in ["a", "b"] {
                let slug = format!("{slug}{n}");
                world.calendar(&slug).await;
                world.google.link(&world.who().await, id, &slug, &slug, Terms::default()).await.unwrap();
            }
        }
        let (all, many) = cost().await;
        assert_eq!((one, all), (1, 41));
        assert!(many <= first && first <= 6, "{many} statements, {first} before");
    })
    .await;
}
