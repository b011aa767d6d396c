//! Free/busy of calendars, people and many of them: what counts, in whose zone, and that it is fresh everywhere.

use kalends::calendar::{
    Author, CollectionChange, DeadChange, Error, FreeBusyOf, NewCollection, Origin, Period, Precondition,
    ShareAs, Window, Zone,
};

use super::world::{World, collection, event, everywhere};

/// January 2026.
const MONTH: Window = Window { from: 1_767_225_600, until: 1_769_904_000 };
const HOUR: i64 = 3600;

/// Hours since the start of the month, and the first letter of the type: `57-58B`.
fn told(periods: &[Period]) -> Vec<String> {
    let hours = |at: i64| (at - MONTH.from) / HOUR;
    let one = |p: &Period| {
        format!("{}-{}{}", hours(p.from), hours(p.until), &p.busy.name().replace("BUSY-", "")[..1])
    };
    periods.iter().map(one).collect()
}

async fn of(world: &World, who: &str, name: &str, zone: Option<Zone>) -> Result<Vec<String>, Error> {
    let caller = world.who(who).await;
    let found = world.calendars.freebusy(&caller, FreeBusyOf::Person(name), MONTH, zone).await?;
    Ok(told(&found))
}

async fn share(world: &World, at: &str, with: &str) {
    let ada = world.who("ada").await;
    let by = Author { who: &ada, from: Origin::Cli };
    world.calendars.share(by, &collection(at), with, Some(ShareAs::Busy)).await.unwrap();
}

async fn change(world: &World, at: &str, change: CollectionChange) {
    let ada = world.who("ada").await;
    let by = Author { who: &ada, from: Origin::Cli };
    world.calendars.change(by, &collection(at), change, DeadChange::default()).await.unwrap();
}

async fn make(world: &World, at: &str, components: &str) {
    let ada = world.who("ada").await;
    let new = NewCollection { components: components.into(), ..NewCollection::default() };
    let by = Author { who: &ada, from: Origin::Cli };
    world.calendars.make(by, &collection(at), new, DeadChange::default()).await.unwrap();
}

async fn hours(world: &World, text: Option<String>) {
    let ada = world.who("ada").await;
    let by = Author { who: &ada, from: Origin::Dav };
    world.calendars.set_availability(by, text).await.unwrap();
}

fn lines(component: &str, uid: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:{component}\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n{lines}END:{component}\r\nEND:VCALENDAR\r\n"
    )
}

#[tokio::test]
async fn what_counts_for_a_person_and_for_whom() {
    everywhere(async |world: World| {
        world.put("ada", "ada/default/a.ics", &event("a", 2, "x")).await.unwrap();
        make(&world, "ada/other", "VEVENT").await;
        world.put("ada", "ada/other/b.ics", &event("b", 3, "x")).await.unwrap();
        world.put("eve", "eve/default/c.ics", &event("c", 4, "x")).await.unwrap();
        assert_eq!(of(&world, "ada", "ada", None).await.unwrap(), ["34-35B", "58-59B"]);
        for nobody in ["eve", "nobody", ""] {
            assert!(matches!(of(&world, "ada", nobody, None).await, Err(Error::NotFound)), "{nobody}");
        }
        share(&world, "ada/other", "bob").await;
        assert_eq!(of(&world, "bob", "ada", None).await.unwrap(), ["58-59B"], "the calendars shown to him");
        let transparent = CollectionChange { transparent: Some(true), ..CollectionChange::default() };
        change(&world, "ada/other", transparent).await;
        assert_eq!(of(&world, "ada", "ada", None).await.unwrap(), ["34-35B"], "RFC 6638 9.1");
        assert!(of(&world, "bob", "ada", None).await.unwrap().is_empty());
        let shown = world.shown("ada", &collection("ada/other")).await.unwrap();
        let asked = world.calendars.busy(&[shown], MONTH, None).await.unwrap();
        assert_eq!(told(&asked), ["58-59B"], "asked for itself it answers");
    })
    .await;
}

#[tokio::test]
async fn floating_times_are_in_the_zone_asked_else_of_the_calendar_else_of_the_owner() {
    everywhere(async |world: World| {
        let day = lines("VEVENT", "d", "DTSTART;VALUE=DATE:20260103\r\n");
        let nine = lines("VEVENT", "n", "DTSTART:20260105T090000\r\nDTEND:20260105T100000\r\n");
        world.put("ada", "ada/default/d.ics", &day).await.unwrap();
        world.put("ada", "ada/default/n.ics", &nine).await.unwrap();
        assert_eq!(of(&world, "ada", "ada", None).await.unwrap(), ["47-71B", "104-105B"], "Europe/Berlin");
        let zone = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:America/New_York\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n";
        let timezone = CollectionChange { timezone: Some(Some(zone.into())), ..CollectionChange::default() };
        change(&world, "ada/default", timezone).await;
        assert_eq!(of(&world, "ada", "ada", None).await.unwrap(), ["53-77B", "110-111B"]);
        let tokyo = Zone::named("Asia/Tokyo");
        assert_eq!(of(&world, "ada", "ada", tokyo.clone()).await.unwrap(), ["39-63B", "96-97B"]);
        // The owner's own hours have no calendar: where nobody names a zone, it is the owner's.
        let floating = "DTSTART:20260103T000000\r\nDTEND:20260103T010000\r\n";
        hours(&world, Some(lines("VAVAILABILITY", "h", floating))).await;
        world.delete("ada", "ada/default/d.ics", Default::default()).await.unwrap();
        assert_eq!(of(&world, "ada", "ada", None).await.unwrap(), ["47-48U", "110-111B"]);
        assert_eq!(of(&world, "ada", "ada", tokyo).await.unwrap(), ["39-40U", "96-97B"]);
    })
    .await;
}

#[tokio::test]
async fn hours_are_fresh_on_every_node_and_end_when_they_are_taken_away() {
    everywhere(async |world: World| {
        let (_store, other) = world.second_node().await;
        let busy = async || {
            let ada = world.who("ada").await;
            told(&other.freebusy(&ada, FreeBusyOf::Person("ada"), MONTH, None).await.unwrap())
        };
        assert!(busy().await.is_empty());
        let closed =
            |from: &str| lines("VAVAILABILITY", "h", &format!("DTSTART:{from}\r\nDURATION:PT1H\r\n"));
        hours(&world, Some(closed("20260102T100000Z"))).await;
        assert_eq!(busy().await, ["34-35U"]);
        hours(&world, Some(closed("20260102T110000Z"))).await;
        assert_eq!(busy().await, ["35-36U"]);
        // What another version of the program kept of it counts as nothing: the text does.
        let (clinic, ada) = (world.who("ada").await.clinic(), world.who("ada").await.principal());
        let text = closed("20260102T120000Z");
        let done = world.store.write(clinic, move |tx| {
            Box::pin(async move { tx.set_availability(ada, Some((text, vec![1, 2, 3].into()))).await })
        });
        done.await.unwrap();
        assert_eq!(busy().await, ["36-37U"]);
        hours(&world, None).await;
        assert!(busy().await.is_empty());
        let ada = world.who("ada").await;
        let by = Author { who: &ada, from: Origin::Dav };
        let bad = world.calendars.set_availability(by, Some(event("a", 2, "x"))).await;
        assert!(matches!(bad, Err(Error::Precondition(Precondition::ValidCalendarData(_)))));
    })
    .await;
}

#[tokio::test]
async fn many_calendars_are_answered_as_one_by_one() {
    everywhere(async |world: World| {
        // More than go into one statement, so that chunks and pages meet.
        let mut expected = Vec::new();
        for n in 0..120 {
            let at = format!("ada/c{n}");
            make(&world, &at, "VEVENT").await;
            if n % 7 == 0 {
                let day = 2 + (n % 27) as u32;
                world.put("ada", &format!("{at}/e.ics"), &event("e", day, "x")).await.unwrap();
                expected.push(day);
            }
        }
        expected.sort_unstable();
        expected.dedup();
        let expected: Vec<_> =
            expected.iter().map(|day| format!("{0}-{1}B", day * 24 - 14, day * 24 - 13)).collect();
        let (_store, cold) = world.second_node().await;
        let ada = world.who("ada").await;
        for _ in 0..2 {
            let found = cold.freebusy(&ada, FreeBusyOf::Person("ada"), MONTH, None).await.unwrap();
            assert_eq!(told(&found), expected);
        }
        world.delete("ada", "ada/c0/e.ics", Default::default()).await.unwrap();
        let ada = world.who("ada").await;
        let names = ["ada".to_owned(), "nobody".to_owned(), "ada".to_owned()];
        let found = cold.freebusy_of(&ada, &names[..2], MONTH, None).await.unwrap();
        assert_eq!(
            told(found[0].as_ref().unwrap()).len(),
            expected.len() - 1,
            "what has changed is read again"
        );
        assert!(matches!(found[1], Err(Error::NotFound)));
    })
    .await;
}

#[tokio::test]
async fn one_hostile_calendar_among_many_people_hurts_only_its_owner() {
    everywhere(async |world: World| {
        world.put("ada", "ada/default/a.ics", &event("a", 2, "x")).await.unwrap();
        share(&world, "ada/default", "eve").await;
        for n in 0..40 {
            let rule = "DTSTART:20200101T000000Z\r\nDURATION:PT1S\r\nRRULE:FREQ=MINUTELY\r\n";
            let at = format!("eve/default/{n}.ics");
            world.put("eve", &at, &lines("VEVENT", &n.to_string(), rule)).await.unwrap();
        }
        let eve = world.who("eve").await;
        let year = Window { from: MONTH.from, until: MONTH.from + 300 * 86_400 };
        let names = ["eve".to_owned(), "ada".to_owned()];
        let found = world.calendars.freebusy_of(&eve, &names, year, None).await.unwrap();
        let limit = Precondition::NumberOfMatchesWithinLimits;
        assert!(matches!(&found[0], Err(Error::Precondition(why)) if *why == limit));
        assert_eq!(told(found[1].as_ref().unwrap()), ["34-35B"]);
    })
    .await;
}
