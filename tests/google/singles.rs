//! A series that stands at Google as single events, so many days ahead (S76).

use fake_google::{Command, Fault, Recorded, Trouble};
use kalends::calendar::LinkId;
use kalends::google::{Direction, Leave, Mode, Privacy, Terms};
use serde_json::{Value, json};

use super::world::{HER, World, berlin, linked, remote_id};

/// Tuesdays at ten in Berlin; the clock stands on the Monday before the first. Three are within the horizon.
const WEEKLY: &str = "UID:w\nSUMMARY:talk\nDTSTART;TZID=Europe/Berlin:20260303T100000\n\
    DTEND;TZID=Europe/Berlin:20260303T110000\nRRULE:FREQ=WEEKLY;COUNT=8\nX-OURS:kept\n";
const AHEAD: u32 = 21;
const WEEK: i64 = 7 * 86_400;

fn singly() -> Terms {
    Terms { privacy: Privacy::Full, mode: Mode::Materialized, days: AHEAD, ..Terms::default() }
}

/// Days of what lives at Google, and whether each is an event by itself.
async fn days(world: &World) -> Vec<String> {
    let all = world.events().await;
    let mut days: Vec<String> = all
        .iter()
        .map(|one| {
            assert!(one.get("recurrence").is_none() && one.get("recurringEventId").is_none(), "{one:#?}");
            assert!(one["extendedProperties"]["private"]["cseries"].is_string(), "{one:#?}");
            one["start"]["dateTime"].as_str().unwrap()[5..10].to_owned()
        })
        .collect();
    days.sort();
    days
}

async fn id_of(world: &World, day: &str) -> String {
    let all = world.events().await;
    let is_it = |one: &&Value| one["start"]["dateTime"].as_str().is_some_and(|at| at[5..10] == *day);
    all.iter().find(is_it).unwrap()["id"].as_str().unwrap().to_owned()
}

async fn stands_as(world: &World, link: LinkId, mode: Mode) {
    let who = world.who().await;
    world.google.change_terms(&who, link, |terms| terms.mode = mode).await.unwrap();
}

/// Whether somebody who looked between two writes saw an occurrence twice: what stands is counted on as Google took it.
fn never_both(writes: &[Recorded], before: usize, as_series: bool) {
    let (mut singles, mut series) = if as_series { (0, before) } else { (before, 0) };
    for write in writes.iter().filter(|one| one.status / 100 == 2) {
        let is_series = write.body.contains("\"recurrence\"");
        match write.method_id.as_str() {
            "calendar.events.insert" if is_series => series += 1,
            "calendar.events.insert" => singles += 1,
            "calendar.events.delete" if series > 0 => series -= 1,
            "calendar.events.delete" => singles -= 1,
            _ => {}
        }
        assert!(singles == 0 || series == 0, "{writes:#?}");
    }
}

#[tokio::test]
async fn s76_occurrences_ahead_are_single_events_and_the_next_one_comes_with_its_time() {
    linked(singly(), async |world, _| {
        world.put("w.ics", WEEKLY).await;
        world.settle().await;
        assert_eq!(days(&world).await, ["03-03", "03-10", "03-17"]);
        assert_eq!((world.writes().len(), world.theirs().await), (3, world.ours().await[..3].to_vec()));
        world.quiet().await;
        world.turn(WEEK).await;
        world.settle().await;
        assert_eq!(days(&world).await, ["03-03", "03-10", "03-17", "03-24"], "one more; what is past stays");
        assert_eq!(world.writes().len(), 4);
        world.quiet().await;
        // A new title here is one PATCH each.
        world.put("w.ics", &WEEKLY.replace("talk", "visit")).await;
        world.settle().await;
        assert!(world.theirs().await.iter().all(|(_, title)| title == "visit"));
        assert_eq!((world.writes().len(), world.calls("calendar.events.patch")), (8, 4));
        // All at once an hour later: events are not kept of occurrences that are none any more.
        world.put("w.ics", &WEEKLY.replace("T10", "T12").replace("T11", "T13")).await;
        world.settle().await;
        let (theirs, ours) = (world.theirs().await, world.ours().await);
        assert!(theirs.iter().all(|one| ours.contains(one)), "{theirs:?} of {ours:?}");
        assert!(theirs.len() >= 3, "{theirs:?}");
        world.quiet().await;
        world.delete("w.ics").await;
        world.settle().await;
        assert_eq!((world.events().await.len(), world.objects().await.len()), (0, 0));
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s76_one_deleted_or_moved_there_is_that_occurrence_alone() {
    linked(singly(), async |world, link| {
        world.put("w.ics", WEEKLY).await;
        world.settle().await;
        world.cancel(&id_of(&world, "03-10").await).await;
        let moved = id_of(&world, "03-17").await;
        world.event(json!({ "id": moved, "start": berlin("2026-03-18T15:00"), "end": berlin("2026-03-18T16:00") })).await;
        let writes = world.writes().len();
        world.settle().await;
        let text = world.text().await;
        assert!(text.contains("EXDATE;TZID=Europe/Berlin:20260310T100000"), "{text}");
        assert!(text.contains("RECURRENCE-ID;TZID=Europe/Berlin:20260317T100000"), "{text}");
        assert!(text.contains("DTSTART;TZID=Europe/Berlin:20260318T150000") && text.contains("X-OURS:kept"), "{text}");
        assert_eq!((world.ours().await.len(), world.writes().len()), (7, writes), "taken, and nothing sent back");
        assert_eq!(days(&world).await, ["03-03", "03-18"]);
        world.quiet().await;
        // All that stand there may go: the series itself is still here.
        for day in ["03-03", "03-18"] {
            world.cancel(&id_of(&world, day).await).await;
        }
        world.settle().await;
        assert_eq!((world.events().await.len(), world.ours().await.len(), world.objects().await.len()), (0, 5, 1));
        world.quiet().await;
        // One that was deleted there comes back when it does here, as an event of its own.
        world.put("w.ics", WEEKLY).await;
        world.settle().await;
        assert_eq!(days(&world).await, ["03-03", "03-10", "03-17"]);
        world.quiet().await;
        // With the tokens gone as well as the tombstones, what is missing is asked for one by one.
        let lost = id_of(&world, "03-10").await;
        world.cancel(&lost).await;
        world.fake.lock().calendars.get_mut(HER).unwrap().events.remove(&lost);
        world.run(Command::InvalidateTokens { calendar: HER.into() }).await;
        world.settle().await;
        assert_eq!((days(&world).await, world.ours().await.len()), (vec!["03-03".into(), "03-17".into()], 7));
        assert_eq!(world.notes(link).await.len(), 0);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s76_between_singles_and_series_nobody_sees_both() {
    linked(singly(), async |world, link| {
        let exception = "---\nUID:w\nSUMMARY:other\nRECURRENCE-ID;TZID=Europe/Berlin:20260310T100000\n\
            DTSTART;TZID=Europe/Berlin:20260311T150000\nDTEND;TZID=Europe/Berlin:20260311T160000\n";
        world.put("w.ics", &format!("{WEEKLY}EXDATE;TZID=Europe/Berlin:20260324T100000\n{exception}")).await;
        world
            .put("one.ics", "UID:one\nSUMMARY:one\nDTSTART:20260305T090000Z\nDTEND:20260305T100000Z\n")
            .await;
        world.settle().await;
        let ours = world.ours().await;
        for round in 0..2 {
            let (writes, before) = (world.writes().len(), world.events().await.len() - 1);
            stands_as(&world, link, Mode::Series).await;
            world.settle().await;
            never_both(&world.writes()[writes..], before, false);
            assert_eq!(world.theirs().await, ours, "the series with its exceptions");
            assert_eq!(world.events().await.iter().filter(|one| one.get("recurrence").is_some()).count(), 1);
            world.quiet().await;
            let writes = world.writes().len();
            stands_as(&world, link, Mode::Materialized).await;
            world.settle().await;
            never_both(&world.writes()[writes..], 1, true);
            let theirs = world.theirs().await;
            assert_eq!(theirs.len(), 4, "round {round}: three of the series and the single one: {theirs:?}");
            assert!(theirs.iter().all(|one| ours.contains(one)), "{theirs:?}");
            world.quiet().await;
            assert_eq!(world.ours().await, ours, "all is still here");
        }
        // What was never a series was not touched.
        let all = world.writes();
        assert_eq!(all.iter().filter(|one| one.body.contains("2026-03-05T09:00:00")).count(), 1);
        let who = world.who().await;
        world.google.disconnect(&who, remote_id(&world.status().await), Leave::Remove).await.unwrap();
        assert_eq!((world.events().await.len(), world.objects().await.len()), (0, 2), "ours go, singles too");
    })
    .await;
}

#[tokio::test]
async fn s76_whatever_call_is_lost_in_between_the_end_is_the_same() {
    for trouble in [Trouble::Cut, Trouble::LostAnswer] {
        for position in [0, 1, 3, 4] {
            linked(singly(), async |world, link| {
                world.put("w.ics", WEEKLY).await;
                world.settle().await;
                let lost = || Fault::new("calendar.events.", trouble.clone()).after(position).once();
                let (writes, before) = (world.writes().len(), world.events().await.len());
                world.run(Command::Fault { fault: lost() }).await;
                stands_as(&world, link, Mode::Series).await;
                world.settle().await;
                world.settle().await;
                never_both(&world.writes()[writes..], before, false);
                let ours = world.ours().await;
                assert_eq!((ours.len(), &world.theirs().await), (8, &ours), "{trouble:?} at {position}");
                let writes = world.writes().len();
                world.run(Command::Fault { fault: lost() }).await;
                stands_as(&world, link, Mode::Materialized).await;
                world.settle().await;
                world.settle().await;
                never_both(&world.writes()[writes..], 1, true);
                assert_eq!(days(&world).await, ["03-03", "03-10", "03-17"], "{trouble:?} at {position}");
                assert_eq!(world.ours().await, ours, "{trouble:?} at {position}");
                world.quiet().await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_link_that_only_pushes_rests_between() {
    let terms = Terms { direction: Direction::Push, privacy: Privacy::Full, ..Terms::default() };
    linked(terms, async |world, _| {
        world.put("w.ics", WEEKLY).await;
        world.rounds().await;
        assert_eq!((world.events().await.len(), world.google.round().await.unwrap()), (1, 0));
        assert_eq!(world.calls("calendar.events.list"), 0);
    })
    .await;
}
