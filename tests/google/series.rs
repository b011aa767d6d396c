//! Series on both sides: exceptions, cancelled occurrences, clocks that change.

use fake_google::{Command, Manners};
use kalends::google::{Privacy, Terms};
use serde_json::{Value, json};

use super::world::{HER, World, berlin, linked, shown};

const SERIES: &str = "UID:s\nSUMMARY:weekly\nDTSTART;TZID=Europe/Berlin:20260302T100000\n\
    DTEND;TZID=Europe/Berlin:20260302T110000\nRRULE:FREQ=WEEKLY;COUNT=10\n\
    EXDATE;TZID=Europe/Berlin:20260309T100000,20260316T100000\n";
const MOVED: &str = "---\nUID:s\nSUMMARY:other\nRECURRENCE-ID;TZID=Europe/Berlin:20260323T100000\n\
    DTSTART;TZID=Europe/Berlin:20260324T150000\nDTEND;TZID=Europe/Berlin:20260324T160000\n";

fn full() -> Terms {
    Terms { privacy: Privacy::Full, ..Terms::default() }
}

/// The master at Google, and all of its occurrences as Google counts them: start and title, in order.
async fn occurrences(world: &World) -> Vec<(String, String)> {
    let all = world.events().await;
    let master = all.iter().find(|one| one.get("recurrence").is_some()).expect("a series").clone();
    let path = format!("calendars/{HER}/events/{}/instances?maxResults=2500", master["id"].as_str().unwrap());
    let items = world.asked(&path).await;
    // The fake lists an occurrence once more whose exception was moved along with the series and kept its id.
    let original = |one: &Value| {
        let text = one["originalStartTime"]["dateTime"].as_str().unwrap_or_default();
        chrono::DateTime::parse_from_rfc3339(text).map(|at| at.timestamp()).ok()
    };
    let is_doubled = |one: &&Value| {
        let is_kept = all.iter().any(|kept| kept["id"] == one["id"]);
        !is_kept && items.iter().any(|other| other["id"] != one["id"] && original(other) == original(one))
    };
    let mut all: Vec<(String, String)> = items.iter().filter(|one| !is_doubled(one)).map(shown).collect();
    all.sort();
    all
}

#[tokio::test]
async fn s41_a_series_with_exceptions_is_the_same_there_instance_by_instance() {
    linked(full(), async |world, _| {
        world.put("s.ics", &format!("{SERIES}{MOVED}")).await;
        world.settle().await;
        let there = occurrences(&world).await;
        assert_eq!((there.len(), &there), (8, &world.ours().await));
        world.quiet().await;
        assert_eq!(world.writes().len(), 2, "the series and its one exception");
    })
    .await;
}

#[tokio::test]
async fn s42_an_occurrence_moved_there_and_back() {
    linked(full(), async |world, _| {
        world.put("s.ics", SERIES).await;
        world.settle().await;
        let master = world.events().await.remove(0)["id"].as_str().unwrap().to_owned();
        let id = format!("{master}_20260330T080000Z");
        world
            .event(
                json!({ "id": id, "start": berlin("2026-03-31T09:00"), "end": berlin("2026-03-31T10:00") }),
            )
            .await;
        world.settle().await;
        let text = world.text().await;
        assert!(text.contains("RECURRENCE-ID;TZID=Europe/Berlin:20260330T100000"), "{text}");
        assert_eq!(occurrences(&world).await, world.ours().await);
        world.quiet().await;
        world
            .event(
                json!({ "id": id, "start": berlin("2026-03-30T10:00"), "end": berlin("2026-03-30T11:00") }),
            )
            .await;
        world.settle().await;
        assert!(!world.text().await.contains("RECURRENCE-ID"));
        assert_eq!(occurrences(&world).await, world.ours().await);
        world.quiet().await;
        assert_eq!(world.writes().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn s43_one_cancelled_here_leaves_the_other_exceptions_alone() {
    linked(full(), async |world, _| {
        world.put("s.ics", &format!("{SERIES}{MOVED}")).await;
        world.settle().await;
        world.put("s.ics", &format!("{SERIES}EXDATE;TZID=Europe/Berlin:20260406T100000\n{MOVED}")).await;
        world.settle().await;
        let there = occurrences(&world).await;
        assert_eq!((there.len(), &there), (7, &world.ours().await));
        let last = world.writes().pop().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&last.body).unwrap(), json!({ "status": "cancelled" }));
        world.quiet().await;
        // And back again, from the exception and from the line.
        world.put("s.ics", &format!("{}{MOVED}", SERIES.replace(",20260316T100000", ""))).await;
        world.settle().await;
        let there = occurrences(&world).await;
        assert_eq!((there.len(), &there), (9, &world.ours().await));
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s13_rules_of_every_kind_mean_the_same_on_both_sides() {
    let rules = [
        "RDATE;TZID=Europe/Berlin:20260304T100000,20260310T120000\n",
        "RRULE:FREQ=DAILY;UNTIL=20260410T215959Z\n",
        "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5\nRRULE:FREQ=WEEKLY;BYDAY=FR;UNTIL=20260405T000000Z\n",
        "RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=20\nEXRULE:FREQ=YEARLY;BYMONTH=6;BYDAY=1MO\n",
    ];
    linked(full(), async |world, _| {
        for rule in rules {
            let start =
                "DTSTART;TZID=Europe/Berlin:20260302T100000\nDTEND;TZID=Europe/Berlin:20260302T110000\n";
            world.put("s.ics", &format!("UID:s\nSUMMARY:x\n{start}{rule}")).await;
            world.settle().await;
            assert_eq!(occurrences(&world).await, world.ours().await, "{rule}");
            world.quiet().await;
        }
    })
    .await;
}

#[tokio::test]
async fn s45_this_and_following_there_is_two_series_here() {
    linked(full(), async |world, _| {
        let start = (berlin("2026-03-02T10:00"), berlin("2026-03-02T11:00"));
        world.event(json!({ "id": "head", "summary": "x", "start": start.0, "end": start.1, "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=10"] })).await;
        world.settle().await;
        world.event(json!({ "id": "head", "recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20260329T215959Z"] })).await;
        world.event(json!({ "id": "tail", "summary": "x", "start": berlin("2026-03-30T12:00"), "end": berlin("2026-03-30T13:00"), "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=6"] })).await;
        world.settle().await;
        assert_eq!((world.objects().await.len(), world.ours().await.len()), (2, 10));
        world.quiet().await;
        assert_eq!(world.writes().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn s46_a_series_an_hour_later_keeps_its_exceptions() {
    for drops_exceptions in [false, true] {
        linked(full(), async |world, _| {
            world.run(Command::Manners { manners: Manners { drops_exceptions, ..Manners::default() } }).await;
            world.put("s.ics", &format!("{SERIES}{MOVED}")).await;
            world.settle().await;
            let later = |text: &str| {
                text.replace("0302T10", "0302T11")
                    .replace("0302T110000\nRR", "0302T120000\nRR")
                    .replace("0309T10", "0309T11")
                    .replace("0316T10", "0316T11")
                    .replace("0323T10", "0323T11")
            };
            world
                .put(
                    "s.ics",
                    &later(&format!("{SERIES}{MOVED}")).replace(
                        "DTEND;TZID=Europe/Berlin:20260302T110000",
                        "DTEND;TZID=Europe/Berlin:20260302T120000",
                    ),
                )
                .await;
            world.settle().await;
            let there = occurrences(&world).await;
            assert_eq!((there.len(), &there), (8, &world.ours().await), "drops: {drops_exceptions}");
            world.quiet().await;
        })
        .await;
    }
}

#[tokio::test]
async fn s47_across_the_change_of_clocks_the_instants_agree_for_two_years() {
    linked(full(), async |world, _| {
        world.put("s.ics", &SERIES.replace("COUNT=10", "UNTIL=20280301T000000Z")).await;
        world.settle().await;
        let there = occurrences(&world).await;
        assert!(there.len() > 100 && there == world.ours().await);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s49_a_rule_google_does_not_take_is_left_to_a_person() {
    linked(full(), async |world, link| {
        world.put("s.ics", &SERIES.replace("FREQ=WEEKLY", "FREQ=HOURLY")).await;
        world.settle().await;
        assert_eq!(world.events().await.len(), 0);
        let dead = world.dead(link).await;
        assert_eq!(dead, [("s.ics".to_owned(), "invalid: rule".to_owned())]);
        assert!(world.text().await.contains("FREQ=HOURLY"));
        // A new change begins anew.
        world.put("s.ics", SERIES).await;
        world.settle().await;
        assert_eq!(world.events().await.len(), 1);
        assert_eq!(world.state().await["dead"], 0);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s55_a_server_that_rewrites_what_it_is_sent_is_quiet() {
    linked(full(), async |world, _| {
        world.run(Command::Manners { manners: Manners { rewrites_text: true, ..Manners::default() } }).await;
        world
            .put(
                "s.ics",
                &format!(
                    "{}DESCRIPTION:two  blanks\\nand lines\n",
                    SERIES.replace("COUNT=10", "BYDAY=MO;UNTIL=20260601T000000Z")
                ),
            )
            .await;
        world.settle().await;
        let before = world.text().await;
        world.quiet().await;
        assert_eq!((world.writes().len(), world.text().await), (1, before));
    })
    .await;
}

/// A series of so many weeks from this Monday on, as lines.
fn weeks(uid: &str, first: &str, rule: &str, title: &str) -> String {
    format!(
        "UID:{uid}\nSUMMARY:{title}\nDTSTART;TZID=Europe/Berlin:{first}T100000\n\
         DTEND;TZID=Europe/Berlin:{first}T110000\nRRULE:FREQ=WEEKLY;{rule}\n"
    )
}

/// This and all following from the fifth on, as a phone does it: a new series is put, the old one is cut.
async fn split(world: &World, head: &str, tail: &str) {
    world.put("tail.ics", tail).await;
    world.put("head.ics", head).await;
}

#[tokio::test]
async fn s44_this_and_following_is_two_series_there_wherever_it_is_cut_off() {
    let whole = weeks("head", "20260302", "COUNT=10", "weekly");
    let head = weeks("head", "20260302", "UNTIL=20260329T215959Z", "weekly");
    let tail = format!(
        "{}---\nUID:tail\nSUMMARY:moved\nRECURRENCE-ID;TZID=Europe/Berlin:20260413T110000\n\
         DTSTART;TZID=Europe/Berlin:20260414T150000\nDTEND;TZID=Europe/Berlin:20260414T160000\n",
        weeks("tail", "20260330", "COUNT=6", "later")
            .replace("T100000", "T110000")
            .replace("T110000\nRRULE", "T120000\nRRULE")
    );
    for position in 0..4 {
        linked(full(), async |world, _| {
            world.put("head.ics", &whole).await;
            world.settle().await;
            let cut = fake_google::Fault::new("calendar.events.", fake_google::Trouble::LostAnswer);
            world.run(Command::Fault { fault: cut.after(position).once() }).await;
            split(&world, &head, &tail).await;
            // The node that was at it is gone; another one goes on.
            let other = world.node().await;
            drop(other.round().await);
            for _ in 0..3 {
                world.settle().await;
            }
            let ours = world.ours().await;
            assert_eq!((ours.len(), &world.theirs().await), (10, &ours), "cut at {position}");
            assert_eq!(ours.iter().filter(|(_, title)| title == "moved").count(), 1);
            let all = world.events().await;
            assert_eq!(all.iter().filter(|one| one.get("recurrence").is_some()).count(), 2, "{all:#?}");
            world.quiet().await;
        })
        .await;
    }
}

#[tokio::test]
async fn s48_a_plan_of_ten_stays_ten_when_it_is_split_and_partly_cancelled() {
    linked(full(), async |world, _| {
        world.put("head.ics", &weeks("head", "20260302", "COUNT=10", "session")).await;
        world.settle().await;
        assert_eq!(world.theirs().await.len(), 10);
        split(
            &world,
            &weeks("head", "20260302", "COUNT=4", "session"),
            &weeks("tail", "20260331", "COUNT=6", "session"),
        )
        .await;
        world.settle().await;
        assert_eq!((world.theirs().await.len(), world.theirs().await), (10, world.ours().await));
        world
            .put(
                "tail.ics",
                &format!(
                    "{}EXDATE;TZID=Europe/Berlin:20260407T100000\n",
                    weeks("tail", "20260331", "COUNT=6", "session")
                ),
            )
            .await;
        world.settle().await;
        assert_eq!((world.theirs().await.len(), world.theirs().await), (9, world.ours().await));
        world.quiet().await;
    })
    .await;
}

/// An exception that is as its series again is still one there: what the series becomes later, it must become as well.
#[tokio::test]
async fn an_exception_taken_back_here_follows_its_series_there() {
    linked(full(), async |world, link| {
        let whole = weeks("head", "20260302", "COUNT=4", "weekly");
        let moved = format!(
            "{whole}---\nUID:head\nSUMMARY:other\nRECURRENCE-ID;TZID=Europe/Berlin:20260309T100000\n\
             DTSTART;TZID=Europe/Berlin:20260309T100000\nDTEND;TZID=Europe/Berlin:20260309T110000\n"
        );
        for text in [&whole, &moved, &whole, &whole.replace("weekly", "renamed")] {
            world.put("head.ics", text).await;
            world.settle().await;
            assert_eq!(world.theirs().await, world.ours().await, "{text}");
        }
        // And what it becomes there by itself is taken from there.
        let all = world.events().await;
        let own = all.iter().find(|one| one.get("recurringEventId").is_some()).expect("still one");
        world.event(json!({ "id": own["id"], "summary": "once more" })).await;
        world.settle().await;
        assert!(world.text().await.contains("SUMMARY:once more"));
        assert_eq!(world.theirs().await, world.ours().await);
        assert!(world.notes(link).await.is_empty(), "nobody was at odds");
        world.quiet().await;
    })
    .await;
}
