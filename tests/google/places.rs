//! One event in several calendars: of two people, of one person, moved between them.

use fake_google::{Command, Consent};
use kalends::accounts::NewPerson;
use kalends::calendar::{Author, CollectionPath, NewCollection, Origin};
use kalends::google::{Access, Privacy, Terms};
use serde_json::json;

use super::world::{HER, World, berlin, linked, pair, remote_id};

const BOB: &str = "bob@clinic.example";
const SECOND: &str = "second@group.calendar.google.com";

fn full() -> Terms {
    Terms { privacy: Privacy::Full, ..Terms::default() }
}

/// Bob with his own account, his own calendar here, and a link between them.
async fn bob(world: &World) {
    world.run(Command::Account { email: BOB.into(), zone: "Europe/Berlin".into() }).await;
    let person = NewPerson {
        name: "bob".into(),
        display_name: "Dr. bob".into(),
        email: None,
        zone: Some("Europe/Berlin".into()),
        password: None,
    };
    world.accounts.add_person(person).await.unwrap();
    let who = world.accounts.operator("bob").await.unwrap();
    let new = NewCollection { slug: "own".into(), components: "VEVENT".into(), ..NewCollection::default() };
    let by = Author { who: &who, from: Origin::Cli };
    world.calendars.make(by, &CollectionPath::new("bob", "own"), new, Default::default()).await.unwrap();
    let consent = Consent { email: Some(BOB.into()), ..Consent::default() };
    world.run(Command::Consent { consent }).await;
    let who = world.accounts.operator("bob").await.unwrap();
    let asking = world.google.ask(&who, None, Access::Events).await.unwrap();
    let url = url::Url::parse(&asking.url).unwrap();
    let address = format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap();
    let page = crate::support::client::Client::new(address)
        .get(&asking.url[url[..url::Position::BeforePath].len()..])
        .await;
    let back = url::Url::parse(page.header("location").unwrap()).unwrap();
    let remote = world.google.consented(&pair(&back, "state"), &pair(&back, "code")).await.unwrap();
    world.google.confirm(&who, remote.id).await.unwrap();
    world.google.link(&who, remote.id, BOB, "own", full()).await.unwrap();
}

async fn bobs(world: &World) -> usize {
    let who = world.accounts.operator("bob").await.unwrap();
    let shown = world.calendars.collection(&who, &CollectionPath::new("bob", "own")).await.unwrap();
    world.calendars.list(&shown).await.unwrap().len()
}

#[tokio::test]
async fn s8_the_same_event_of_two_people_is_two_copies() {
    linked(full(), async |world, _| {
        bob(&world).await;
        let event = json!({ "id": "shared", "iCalUID": "shared@google.com", "summary": "talk", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") });
        for calendar in [HER, BOB] {
            let event = event.as_object().unwrap().clone();
            world.run(Command::Event { calendar: calendar.into(), event }).await;
        }
        world.settle().await;
        assert_eq!((world.objects().await.len(), bobs(&world).await), (1, 1));
        world.run(Command::Cancel { calendar: BOB.into(), id: "shared".into() }).await;
        world.settle().await;
        assert_eq!((world.objects().await.len(), bobs(&world).await), (1, 0), "each its own");
        assert_eq!((world.events().await.len(), world.writes().len()), (1, 0));
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s36_an_event_moved_to_another_calendar_is_moved_or_gone() {
    linked(full(), async |world, _| {
        world.calendar("second").await;
        let calendar = Command::Calendar {
            id: SECOND.into(),
            owner: HER.into(),
            summary: "second".into(),
            zone: "Europe/Berlin".into(),
        };
        world.run(calendar).await;
        let event = |id: &str, uid: &str| json!({ "id": id, "iCalUID": uid, "summary": "talk", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") });
        world.event(event("one", "one@google.com")).await;
        world.event(event("two", "two@google.com")).await;
        world.settle().await;
        assert_eq!(world.objects().await.len(), 2);
        // To a calendar that is not linked: for this link it is gone.
        world.cancel("one").await;
        let moved = |id: &str, uid: &str| Command::Event { calendar: SECOND.into(), event: event(id, uid).as_object().unwrap().clone() };
        world.run(moved("one", "one@google.com")).await;
        world.settle().await;
        assert_eq!(world.objects().await.len(), 1);
        let who = world.who().await;
        let remote = remote_id(&world.status().await);
        world.google.link(&who, remote, SECOND, "second", full()).await.unwrap();
        world.settle().await;
        assert_eq!((world.objects().await.len(), world.objects_in("second").await.len()), (1, 1));
        // With both linked: one event, in the other calendar, under the same UID.
        world.cancel("two").await;
        world.run(moved("two", "two@google.com")).await;
        world.settle().await;
        let second = world.objects_in("second").await;
        assert_eq!((world.objects().await.len(), second.len()), (0, 2));
        assert!(second.iter().any(|(_, text)| text.contains("UID:two@google.com")), "{second:?}");
        assert_eq!(world.writes().len(), 0);
        world.quiet().await;
    })
    .await;
}
