//! What Google answers when it will not, and what becomes of a link then.

use fake_google::{Command, Fault, Trouble};
use kalends::google::{Privacy, Terms};
use serde_json::json;

use super::world::{HER, World, berlin, linked};

const PLAIN: &str = "UID:a\nSUMMARY:talk\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n";

fn full() -> Terms {
    Terms { privacy: Privacy::Full, ..Terms::default() }
}

/// Seconds after the change at which an insert was tried, the clock turned second by second.
async fn tries(world: &World, seconds: i64) -> Vec<i64> {
    let begin = world.store.clock().now();
    for _ in 0..seconds {
        world.rounds().await;
        world.turn(1).await;
    }
    let all = world.fake.record();
    let inserts = all.iter().filter(|one| one.method_id == "calendar.events.insert");
    inserts.map(|one| one.at - begin).filter(|at| *at >= 0).collect()
}

#[tokio::test]
async fn s65_after_1_2_4_8_seconds_then_failed_until_google_returns() {
    linked(full(), async |world, _| {
        world.settle().await;
        let busy = Trouble::refuse(429, "rateLimitExceeded");
        world.run(Command::Fault { fault: Fault::new("calendar.events.insert", busy).times(3) }).await;
        world.put("a.ics", PLAIN).await;
        assert_eq!(tries(&world, 20).await, [0, 1, 3, 7]);
        assert_eq!(world.events().await.len(), 1);
        let away = Trouble::refuse(503, "backendError");
        world.run(Command::Fault { fault: Fault::new("calendar.events.insert", away) }).await;
        world.put("b.ics", &PLAIN.replace("UID:a", "UID:b")).await;
        assert_eq!(tries(&world, 40).await, [0, 1, 3, 7, 15]);
        assert_eq!(world.state().await["failed"], 1);
        world.run(Command::ClearFaults).await;
        world.settle().await;
        assert_eq!((world.events().await.len(), &world.state().await["failed"]), (2, &json!(0)));
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s66_retry_after_is_waited_for() {
    linked(full(), async |world, _| {
        world.settle().await;
        world
            .run(Command::Fault {
                fault: Fault::new("calendar.events.insert", Trouble::retry_after(30)).once(),
            })
            .await;
        world.put("a.ics", PLAIN).await;
        world.rounds().await;
        let calls = world.fake.record().len();
        for n in 0..29 {
            world.turn(1).await;
            world
                .put(
                    "b.ics",
                    &format!("UID:b\nSUMMARY:{n}\nDTSTART:20260304T090000Z\nDTEND:20260304T100000Z\n"),
                )
                .await;
            world.rounds().await;
        }
        assert_eq!(world.fake.record().len(), calls, "nothing is sent to her for 30 s");
        world.turn(2).await;
        world.rounds().await;
        assert_eq!(world.events().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn s67_a_used_up_quota_stops_writes_for_an_hour_and_reads_go_on() {
    linked(full(), async |world, _| {
        world.settle().await;
        world
            .run(Command::Fault {
                fault: Fault::new("calendar.events.insert", Trouble::refuse(403, "quotaExceeded")),
            })
            .await;
        for n in 0..5 {
            world.put(&format!("{n}.ics"), &PLAIN.replace("UID:a", &format!("UID:{n}"))).await;
        }
        let (inserts, lists) = (world.calls("calendar.events.insert"), world.calls("calendar.events.list"));
        for _ in 0..36 {
            world.turn(600).await;
            world.rounds().await;
        }
        assert!(
            world.calls("calendar.events.insert") - inserts <= 7,
            "{}",
            world.calls("calendar.events.insert")
        );
        assert!(world.calls("calendar.events.list") - lists >= 30);
        assert_eq!(world.state().await["pending"], 5, "nothing is lost");
        world.run(Command::ClearFaults).await;
        world.turn(3_700).await;
        world.settle().await;
        assert_eq!(world.events().await.len(), 5);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s68_a_token_that_ended_compares_everything_and_changes_nothing() {
    let invalid = Trouble::Refuse {
        status: 400,
        reason: "invalid".into(),
        message: "Invalid sync token value.".into(),
        retry_after: None,
    };
    for trouble in [None, Some(invalid)] {
        linked(full(), async |world, _| {
            world.put("a.ics", PLAIN).await;
            world.event(json!({ "id": "hers", "summary": "x", "start": berlin("2026-03-04T10:00"), "end": berlin("2026-03-04T11:00") })).await;
            world.settle().await;
            match trouble.clone() {
                None => drop(world.run(Command::InvalidateTokens { calendar: HER.into() }).await),
                Some(trouble) => drop(world.run(Command::Fault { fault: Fault::new("calendar.events.list", trouble).once() }).await),
            }
            let lists = world.calls("calendar.events.list");
            world.settle().await;
            assert_eq!(world.calls("calendar.events.list") - lists, 2);
            world.quiet().await;
            assert_eq!((world.writes().len(), world.objects().await.len(), world.events().await.len()), (1, 2, 2));
        })
        .await;
    }
}

#[tokio::test]
async fn s69_a_calendar_that_passes_for_empty_loses_nothing() {
    for count in [3, 30] {
        linked(full(), async |world, _| {
            for n in 0..count {
                let at = format!("2026-03-{:02}T10:00", n % 28 + 1);
                world.event(json!({ "id": format!("event{n:02}"), "summary": "x", "start": berlin(&at), "end": berlin(&at) })).await;
            }
            world.settle().await;
            world.run(Command::LooksEmpty { calendar: HER.into(), empty: true }).await;
            world.run(Command::InvalidateTokens { calendar: HER.into() }).await;
            world.settle().await;
            assert_eq!(world.objects().await.len(), count);
        })
        .await;
    }
}

#[tokio::test]
async fn s68_what_was_deleted_while_the_token_was_out_of_date_goes() {
    linked(full(), async |world, _| {
        for n in 0..3 {
            world.event(json!({ "id": format!("event{n}"), "summary": "x", "start": berlin("2026-03-04T10:00"), "end": berlin("2026-03-04T11:00") })).await;
        }
        world.settle().await;
        world.cancel("event1").await;
        // The tombstone is over too.
        world.fake.lock().calendars.get_mut(HER).unwrap().events.remove("event1");
        world.run(Command::InvalidateTokens { calendar: HER.into() }).await;
        world.settle().await;
        assert_eq!(world.objects().await.len(), 2);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s70_whatever_call_is_lost_the_end_is_the_same() {
    let series = "UID:s\nSUMMARY:weekly\nDTSTART;TZID=Europe/Berlin:20260302T100000\nDTEND;TZID=Europe/Berlin:20260302T110000\n\
        RRULE:FREQ=WEEKLY;COUNT=10\nEXDATE;TZID=Europe/Berlin:20260309T100000\n---\nUID:s\nSUMMARY:other\n\
        RECURRENCE-ID;TZID=Europe/Berlin:20260323T100000\nDTSTART;TZID=Europe/Berlin:20260324T150000\nDTEND;TZID=Europe/Berlin:20260324T160000\n";
    for trouble in [Trouble::Cut, Trouble::LostAnswer] {
        for position in 0..5 {
            linked(full(), async |world, _| {
                world
                    .run(Command::Fault {
                        fault: Fault::new("calendar.", trouble.clone()).after(position).once(),
                    })
                    .await;
                world.put("s.ics", series).await;
                world.settle().await;
                world.settle().await;
                let all = world.events().await;
                assert_eq!(all.len(), 2, "{trouble:?} at {position}: {all:#?}");
                assert_eq!(world.objects().await.len(), 1);
                world.quiet().await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn s72_without_the_role_changes_are_parked() {
    linked(full(), async |world, link| {
        world.settle().await;
        world
            .run(Command::Share {
                calendar: HER.into(),
                email: HER.into(),
                role: Some(fake_google::Role::Reader),
            })
            .await;
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        let state = world.state().await;
        assert_eq!((&state["state"], &state["pending"]), (&json!("read_only"), &json!(1)));
        world
            .run(Command::Share {
                calendar: HER.into(),
                email: HER.into(),
                role: Some(fake_google::Role::Owner),
            })
            .await;
        world.google.sync_now(&world.who().await, link).await.unwrap();
        world.settle().await;
        assert_eq!(world.events().await.len(), 1);
        world.quiet().await;
    })
    .await;
}

/// What cannot be read there any more holds up nothing but itself.
#[tokio::test]
async fn an_event_that_became_unreadable_holds_up_no_other() {
    linked(full(), async |world, link| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        let id = world.events().await[0]["id"].clone();
        world.event(json!({ "id": id, "start": { "dateTime": "soon" } })).await;
        world.put("a.ics", &PLAIN.replace("talk", "changed")).await;
        world.put("b.ics", &PLAIN.replace("UID:a", "UID:b")).await;
        world.settle().await;
        assert_eq!(world.events().await.len(), 2, "{:?}", world.state().await);
        let dead = world.dead(link).await;
        assert!(dead.iter().any(|(key, _)| key == "a.ics"), "{dead:?}");
        assert_eq!(world.state().await["state"], "live");
        // Readable again, both are as the clinic's last change says.
        world.event(json!({ "id": id, "start": { "dateTime": "2026-03-03T09:00:00Z" } })).await;
        world.settle().await;
        let titles: Vec<_> = world.events().await.iter().map(|one| one["summary"].clone()).collect();
        assert!(titles.contains(&json!("changed")), "{titles:?} {:?}", world.dead(link).await);
        world.quiet().await;
    })
    .await;
}

/// A command beside the server, or another node: what memory does not know yet is carried all the same.
#[tokio::test]
async fn what_another_process_has_just_written_is_carried() {
    linked(full(), async |world, _| {
        let other = world.other_calendars().await;
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        for title in ["one", "two", "three"] {
            let text = super::world::object(&PLAIN.replace("talk", title));
            world.put_by(&other, "a.ics", &text).await;
            world.settle().await;
            let all = world.events().await;
            let event =
                all.iter().find(|one| one["summary"] == title).unwrap_or_else(|| panic!("{title}: {all:#?}"));
            let there = json!({ "id": event["id"], "summary": format!("{title} there") });
            world.put_by(&other, "b.ics", &text.replace("UID:a", "UID:b").replace(title, "b")).await;
            world.event(there).await;
            world.settle().await;
            let all = world.objects().await;
            assert!(all[0].1.contains(&format!("SUMMARY:{title} there")), "{all:?}");
        }
        world.quiet().await;
    })
    .await;
}

/// Without the option no guest is sent: an address that Google would refuse keeps nothing back. The office is told of it once.
#[tokio::test]
async fn s71_an_invalid_guest_keeps_the_event_from_nobody() {
    linked(full(), async |world, link| {
        let guests =
            "ATTENDEE;CN=x:mailto:not an address\nATTENDEE:tel:0171\nORGANIZER:mailto:ada@clinic.example\n";
        world.put("a.ics", &format!("{PLAIN}{guests}LOCATION:here\n")).await;
        world.settle().await;
        let all = world.events().await;
        assert_eq!((all.len(), &all[0]["location"]), (1, &json!("here")), "{all:#?}");
        assert!(
            world
                .writes()
                .iter()
                .all(|one| !one.body.contains("attendee") && !one.body.contains("not an address"))
        );
        assert!(world.text().await.contains("not an address"), "the guest stays here");
        let state = world.state().await;
        assert_eq!(
            (&state["dead"], &state["failed"], &state["conflicts"]),
            (&json!(0), &json!(0), &json!(1))
        );
        assert_eq!(world.notes(link).await, ["guest_address"]);
        world.put("a.ics", &format!("{PLAIN}{guests}LOCATION:there\n")).await;
        let sound =
            "UID:b\nDTSTART:20260304T090000Z\nATTENDEE:MAILTO:bob@clinic.example\nATTENDEE:urn:uuid:1\n";
        world.put("b.ics", sound).await;
        world.settle().await;
        assert_eq!(
            (world.notes(link).await.len(), world.writes().len()),
            (1, 3),
            "once; no word of a sound one"
        );
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s73_a_database_of_yesterday_finds_what_is_there_and_doubles_nothing() {
    linked(full(), async |world, _| {
        for name in ["a", "b"] {
            world.put(&format!("{name}.ics"), &PLAIN.replace("UID:a", &format!("UID:{name}"))).await;
        }
        world.event(json!({ "id": "hers", "summary": "x", "start": super::world::berlin("2026-03-04T10:00"), "end": super::world::berlin("2026-03-04T11:00") })).await;
        world.settle().await;
        let mut yesterday = Vec::new();
        world.store.backup(&mut yesterday).await.unwrap();
        // What was done since is not in the backup, but at Google.
        world.put("c.ics", &PLAIN.replace("UID:a", "UID:c")).await;
        world.delete("b.ics").await;
        world.event(json!({ "id": "later", "summary": "y", "start": super::world::berlin("2026-03-05T10:00"), "end": super::world::berlin("2026-03-05T11:00") })).await;
        world.turn(86_400).await;
        world.settle().await;
        assert_eq!((world.objects().await.len(), world.events().await.len()), (4, 4));
        world.store.restore(&yesterday[..]).await.unwrap();
        let (accounts, calendars, clinic, google) =
            super::world::parts(&world.store, &world.fake.url()).await;
        let world = World { accounts, calendars, clinic, google, ..world };
        for _ in 0..3 {
            world.settle().await;
        }
        let (ours, theirs) = (world.ours().await, world.theirs().await);
        assert_eq!(ours, theirs, "both sides alike");
        let mut uids: Vec<_> = world.events().await.iter().map(|one| one["iCalUID"].to_string()).collect();
        let count = uids.len();
        uids.sort();
        uids.dedup();
        assert_eq!(uids.len(), count, "nothing is there twice");
        assert!((3..=4).contains(&ours.len()), "{ours:?}");
        world.quiet().await;
    })
    .await;
}
