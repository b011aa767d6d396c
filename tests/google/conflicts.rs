//! Both sides at once.

use fake_google::Command;
use kalends::google::{Privacy, Terms};
use serde_json::json;

use super::world::{berlin, linked};

const PLAIN: &str = "UID:a\nSUMMARY:talk\nDTSTART;TZID=Europe/Berlin:20260303T100000\nDTEND;TZID=Europe/Berlin:20260303T110000\n";

fn full() -> Terms {
    Terms { privacy: Privacy::Full, ..Terms::default() }
}

#[tokio::test]
async fn s51_a_title_here_and_a_time_there_are_both_kept() {
    linked(full(), async |world, _| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        let id = world.events().await[0]["id"].clone();
        // Not noticed before the push: it meets 412.
        world
            .event(
                json!({ "id": id, "start": berlin("2026-03-03T12:00"), "end": berlin("2026-03-03T13:00") }),
            )
            .await;
        world.put("a.ics", &PLAIN.replace("talk", "long talk")).await;
        world.rounds().await;
        assert!(world.fake.record().iter().any(|one| one.status == 412), "by If-Match");
        world.settle().await;
        let event = world.events().await.remove(0);
        assert_eq!(
            (&event["summary"], &event["start"]["dateTime"]),
            (&json!("long talk"), &json!("2026-03-03T11:00:00Z"))
        );
        let text = world.text().await;
        assert!(text.contains("SUMMARY:long talk") && text.contains("20260303T120000"), "{text}");
        world.quiet().await;
    })
    .await;
}

/// A client that moves an object gives it another name; its UID stays.
#[tokio::test]
async fn what_has_another_name_here_and_is_changed_there_is_one_object() {
    linked(full(), async |world, _| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        let id = world.events().await[0]["id"].clone();
        world.delete("a.ics").await;
        world.put("b.ics", PLAIN).await;
        world.event(json!({ "id": id, "summary": "long talk" })).await;
        world.settle().await;
        let all = world.objects().await;
        assert!(all.len() == 1 && all[0].0 == "b.ics" && all[0].1.contains("SUMMARY:long talk"), "{all:?}");
        let all = world.events().await;
        assert_eq!((all.len(), &all[0]["summary"]), (1, &json!("long talk")));
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s52_of_two_new_times_of_her_own_block_googles_counts() {
    linked(full(), async |world, link| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        let id = world.events().await[0]["id"].clone();
        world
            .event(
                json!({ "id": id, "start": berlin("2026-03-03T12:00"), "end": berlin("2026-03-03T13:00") }),
            )
            .await;
        world.put("a.ics", &PLAIN.replace("T10", "T08").replace("T11", "T09")).await;
        world.settle().await;
        assert_eq!(world.events().await[0]["start"]["dateTime"], "2026-03-03T11:00:00Z");
        assert!(world.text().await.contains("DTSTART;TZID=Europe/Berlin:20260303T120000"));
        assert_eq!(world.notes(link).await, ["conflict"]);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s50_deleted_there_and_changed_here_is_made_again() {
    linked(full(), async |world, link| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        let id = world.events().await[0]["id"].as_str().unwrap().to_owned();
        world.cancel(&id).await;
        world.put("a.ics", &PLAIN.replace("talk", "long talk")).await;
        world.settle().await;
        let event = world.events().await.remove(0);
        assert!(event["summary"] == "long talk" && event["id"] != id.as_str());
        assert_eq!(world.notes(link).await, ["changed_here_deleted_there"]);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s50_deleted_here_and_changed_there_comes_back_when_it_is_hers() {
    linked(full(), async |world, _| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        let id = world.events().await[0]["id"].clone();
        world.event(json!({ "id": id, "summary": "changed" })).await;
        world.delete("a.ics").await;
        world.rounds().await;
        world.settle().await;
        assert!(world.text().await.contains("SUMMARY:changed"));
        world.quiet().await;
        assert_eq!(world.events().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn s53_what_another_clinic_carries_there_is_busy_here_and_nobody_plays_ping_pong() {
    linked(full(), async |world, _| {
        let marks = json!({ "private": { "cuid": "1", "cinst": "another", "clink": "2" } });
        world.event(json!({ "id": "theirs", "summary": "Jane", "extendedProperties": marks, "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") })).await;
        world.settle().await;
        let text = world.text().await;
        assert!(text.contains("SUMMARY:Busy") && !text.contains("Jane"), "{text}");
        world.quiet().await;
        assert_eq!(world.writes().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn s54_a_client_that_acknowledges_alarms_pushes_nothing() {
    linked(full(), async |world, _| {
        let alarm = |more: &str| {
            format!("{PLAIN}BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:-PT5M\n{more}END:VALARM\n")
        };
        world.put("a.ics", &alarm("")).await;
        world.settle().await;
        for n in 0..5 {
            world.put("a.ics", &alarm(&format!("ACKNOWLEDGED:2026030{}T000000Z\n", n + 1))).await;
            world.settle().await;
        }
        assert_eq!(world.writes().len(), 1);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s56_two_who_never_agree_are_frozen() {
    linked(full(), async |world, link| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        let (id, who) = (world.events().await[0]["id"].clone(), world.who().await);
        for n in 0..20 {
            world.put("a.ics", &PLAIN.replace("talk", &format!("ours {n}"))).await;
            world.rounds().await;
            world.event(json!({ "id": id, "summary": format!("theirs {n}") })).await;
            world.google.sync_now(&who, link).await.unwrap();
            world.turn(5).await;
            world.rounds().await;
        }
        assert!(world.writes().len() <= 5, "{}", world.writes().len());
        let dead = world.dead(link).await;
        assert!(dead.iter().any(|(_, why)| why.contains("loop")), "{dead:?}");
    })
    .await;
}

#[tokio::test]
async fn s64_a_calendar_that_is_removed_there_leaves_everything_here() {
    linked(full(), async |world, _| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        world.run(Command::RemoveCalendar { calendar: super::world::HER.into() }).await;
        world.settle().await;
        assert_eq!((&world.state().await["state"], world.objects().await.len()), (&json!("gone"), 1));
    })
    .await;
}
