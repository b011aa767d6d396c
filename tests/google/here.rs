//! From here to Google: single events.

use fake_google::{Command, Fault, Trouble};
use kalends::google::{Privacy, Terms};
use serde_json::{Value, json};

use super::world::{berlin, linked};

const PLAIN: &str = "UID:a\nSUMMARY:Jane Doe\nLOCATION:room 7\nDTSTART;TZID=Europe/Berlin:20260303T100000\nDTEND;TZID=Europe/Berlin:20260303T110000\n";

fn full() -> Terms {
    Terms { privacy: Privacy::Full, ..Terms::default() }
}

#[tokio::test]
async fn s18_what_is_made_here_is_there_at_once() {
    linked(full(), async |world, _| {
        world.rounds().await;
        world.put("a.ics", PLAIN).await;
        world.rounds().await;
        let all = world.events().await;
        assert_eq!(all.len(), 1, "without any poll");
        let (event, marks) = (&all[0], &all[0]["extendedProperties"]["private"]);
        assert_eq!((&event["summary"], &event["location"]), (&json!("Jane Doe"), &json!("room 7")));
        assert_eq!(
            event["start"],
            json!({ "dateTime": "2026-03-03T09:00:00Z", "timeZone": "Europe/Berlin" })
        );
        for name in ["cuid", "cinst", "clink"] {
            let mark = marks[name].as_str().unwrap();
            assert!(mark.len() == 32 && mark.bytes().all(|c| c.is_ascii_hexdigit()), "{name}");
        }
        world.quiet().await;
        assert_eq!(world.writes().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn s19_an_insert_whose_answer_is_lost_is_found_again() {
    for trouble in [Trouble::LostAnswer, Trouble::HalfAnswer] {
        linked(full(), async |world, _| {
            world.rounds().await;
            world
                .run(Command::Fault { fault: Fault::new("calendar.events.insert", trouble.clone()).once() })
                .await;
            world.put("a.ics", PLAIN).await;
            world.rounds().await;
            world.turn(1).await;
            world.rounds().await;
            assert_eq!((world.events().await.len(), world.calls("calendar.events.insert")), (1, 2));
            world.quiet().await;
            assert_eq!(world.objects().await.len(), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn s20_our_own_event_that_is_heard_of_before_its_answer_is_an_echo() {
    linked(full(), async |world, _| {
        world.rounds().await;
        world
            .run(Command::Fault { fault: Fault::new("calendar.events.insert", Trouble::LostAnswer).once() })
            .await;
        world.put("a.ics", PLAIN).await;
        world.rounds().await;
        // The poll comes before the second try.
        world.settle().await;
        assert_eq!((world.objects().await.len(), world.events().await.len()), (1, 1));
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s21_what_is_removed_here_is_cleared_there() {
    linked(full(), async |world, _| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        world.put("a.ics", &PLAIN.replace("LOCATION:room 7\n", "").replace("Jane", "Joan")).await;
        world.rounds().await;
        let patch = world.writes().pop().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&patch.body).unwrap(),
            json!({ "summary": "Joan Doe", "location": null })
        );
        assert!(patch.if_match.is_some());
        assert_eq!(world.events().await[0].get("location"), None);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s22_many_edits_are_few_writes_and_the_last_one_counts() {
    linked(full(), async |world, _| {
        world.put("a.ics", PLAIN).await;
        world.rounds().await;
        for n in 0..20 {
            world.put("a.ics", &PLAIN.replace("Jane", &format!("n{n}"))).await;
        }
        world.rounds().await;
        assert_eq!(world.events().await[0]["summary"], "n19 Doe");
        assert!(world.writes().len() <= 3);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s23_s24_deleted_and_made_again() {
    linked(full(), async |world, _| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        world.delete("a.ics").await;
        world.rounds().await;
        assert_eq!(world.events().await.len(), 0);
        world.quiet().await;
        world.put("again.ics", PLAIN).await;
        world.settle().await;
        assert_eq!(world.events().await.len(), 1);
        let id = world.events().await[0]["id"].as_str().unwrap().to_owned();
        world.quiet().await;
        // Gone on both sides at once: 410 is done.
        world.cancel(&id).await;
        world.delete("again.ics").await;
        world.rounds().await;
        world.quiet().await;
        assert_eq!((world.events().await.len(), world.objects().await.len()), (0, 0));
        let errors = world.fake.record().iter().filter(|one| [403, 409].contains(&one.status)).count();
        assert_eq!(errors, 0, "no id is tried twice");
    })
    .await;
}

#[tokio::test]
async fn an_object_under_another_name_keeps_its_event() {
    linked(full(), async |world, _| {
        world.put("b.ics", PLAIN).await;
        world.settle().await;
        let id = world.events().await[0]["id"].clone();
        // The old name is looked at after the new one.
        world.delete("b.ics").await;
        world.put("a.ics", &PLAIN.replace("Jane", "Joan")).await;
        world.settle().await;
        let event = world.events().await.remove(0);
        assert_eq!((&event["id"], &event["summary"]), (&id, &json!("Joan Doe")));
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s25_days_are_the_same_days_everywhere() {
    for zone in ["Asia/Taipei", "Europe/Berlin", "America/Los_Angeles"] {
        linked(full(), async |world, _| {
            world
                .run(Command::Calendar {
                    id: "other".into(),
                    owner: super::world::HER.into(),
                    summary: "o".into(),
                    zone: zone.into(),
                })
                .await;
            world.put("a.ics", "UID:a\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227\n").await;
            world.settle().await;
            let event = &world.events().await[0];
            assert_eq!(
                (&event["start"], &event["end"]),
                (&json!({ "date": "2026-12-24" }), &json!({ "date": "2026-12-27" }))
            );
            world.quiet().await;
        })
        .await;
    }
}

#[tokio::test]
async fn s26_times_of_every_form() {
    linked(full(), async |world, link| {
        let own = "BEGIN:VTIMEZONE\r\nTZID:Our Own\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0130\r\nTZOFFSETTO:+0130\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
        world.put("floating.ics", "UID:f\nSUMMARY:f\nDTSTART:20260303T100000\nDTEND:20260303T110000\n").await;
        world.put("utc.ics", "UID:u\nSUMMARY:u\nDTSTART:20260303T090000Z\nDURATION:PT1H\n").await;
        world.put("windows.ics", "UID:w\nSUMMARY:w\nDTSTART;TZID=W. Europe Standard Time:20260303T100000\nDTEND;TZID=W. Europe Standard Time:20260303T110000\n").await;
        world.put("two.ics", "UID:t\nSUMMARY:t\nDTSTART;TZID=Europe/Berlin:20260303T100000\nDTEND;TZID=America/New_York:20260303T050000\n").await;
        for (name, rule) in [("own", ""), ("ownseries", "RRULE:FREQ=DAILY\n")] {
            let text = super::world::object(&format!("UID:{name}\nSUMMARY:{name}\nDTSTART;TZID=Our Own:20260303T103000\nDTEND;TZID=Our Own:20260303T113000\n{rule}"));
            let text = text.replace("BEGIN:VEVENT", &format!("{own}BEGIN:VEVENT"));
            world.put_text(&format!("{name}.ics"), &text).await;
        }
        world.settle().await;
        let all = world.events().await;
        let summaries: Vec<&str> = all.iter().filter_map(|one| one["summary"].as_str()).collect();
        assert!(all.len() == 5 && !summaries.contains(&"ownseries"), "{summaries:?}");
        let hour = |name: &str| all.iter().find(|one| one["summary"] == name).unwrap()["start"]["dateTime"].clone();
        assert!(["f", "u", "w", "t", "own"].iter().all(|name| hour(name) == "2026-03-03T09:00:00Z"), "{all:#?}");
        let dead = world.dead(link).await;
        assert_eq!(dead, [("ownseries.ics".to_owned(), "invalid: zone".to_owned())]);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s27_s28_what_google_cannot_say_survives_its_edits() {
    linked(full(), async |world, _| {
        let alarms: String = ["-PT5M", "-PT10M", "-PT15M", "-PT1H", "PT5M"]
            .map(|trigger| format!("BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:{trigger}\nEND:VALARM\n"))
            .concat();
        let absolute = "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER;VALUE=DATE-TIME:20260303T080000Z\nEND:VALARM\n";
        let more = "CATEGORIES:one,two\nX-OURS;X-P=1:kept\nATTENDEE:tel:+49-171\n";
        world.put("a.ics", &format!("{PLAIN}{more}{alarms}{absolute}")).await;
        world.settle().await;
        let event = world.events().await.remove(0);
        assert_eq!(event["reminders"]["overrides"].as_array().unwrap().len(), 4);
        let id = &event["id"];
        world.event(json!({ "id": id, "summary": "renamed", "start": berlin("2026-03-03T12:00"), "end": berlin("2026-03-03T13:00") })).await;
        world.settle().await;
        let text = world.text().await;
        assert!(text.contains("SUMMARY:renamed\r\n") && text.contains("DTSTART;TZID=Europe/Berlin:20260303T120000\r\n"), "{text}");
        for line in ["CATEGORIES:one,two", "X-OURS;X-P=1:kept", "ATTENDEE:tel:+49-171", "TRIGGER:PT5M", "TRIGGER;VALUE=DATE-TIME"] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert_eq!(text.matches("BEGIN:VALARM").count(), 6);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s29_of_a_hidden_calendar_no_byte_of_a_text_leaves_the_house() {
    linked(Terms::default(), async |world, _| {
        let secret = "UID:jane-doe@clinic\nSUMMARY:Jane Doe\nDESCRIPTION:call 0171 5550\nLOCATION:psychiatry\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n";
        world.put("jane.ics", secret).await;
        world.settle().await;
        world.put("jane.ics", &secret.replace("T09", "T08").replace("call", "phone")).await;
        world.settle().await;
        let all = world.events().await;
        assert_eq!((&all[0]["summary"], &all[0]["visibility"]), (&json!("Busy"), &json!("private")));
        for one in world.fake.record() {
            let sent = format!("{} {}", one.uri, one.body).to_lowercase();
            for word in ["jane", "doe", "0171", "psychiatry", "phone"] {
                assert!(!sent.contains(word), "{}: {word}", one.method_id);
            }
        }
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s30_what_is_cancelled_here_is_gone_there_and_stays_here() {
    linked(full(), async |world, _| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        world.put("a.ics", &format!("{PLAIN}STATUS:CANCELLED\n")).await;
        world.settle().await;
        assert_eq!(world.events().await.len(), 0);
        world.quiet().await;
        assert!(world.text().await.contains("STATUS:CANCELLED"));
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        assert_eq!(world.events().await.len(), 1);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s77_another_privacy_rewrites_what_is_there() {
    linked(full(), async |world, link| {
        world.put("a.ics", PLAIN).await;
        world.settle().await;
        let who = world.who().await;
        world.google.change_terms(&who, link, |terms| terms.privacy = Privacy::Busy).await.unwrap();
        world.settle().await;
        let event = world.events().await.remove(0);
        assert_eq!((&event["summary"], event.get("location")), (&json!("Busy"), None));
        assert!(world.text().await.contains("SUMMARY:Jane Doe"));
        world.quiet().await;
    })
    .await;
}
