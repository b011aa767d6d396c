//! The first sync: everything of both sides, once.

use fake_google::{Command, Fault, Manners, Order, Trouble};
use kalends::google::{Guests, Privacy, Terms};
use serde_json::json;

use super::world::{berlin, linked};

#[tokio::test]
async fn s9_many_events_arrive_and_a_broken_first_pull_ends_alike() {
    linked(Terms::default(), async |world, _| {
        for n in 0..400 {
            let at = format!("2026-{:02}-{:02}T{:02}:00", n % 12 + 1, n / 12 % 28 + 1, n / 336 % 24);
            world.event(json!({ "id": format!("event{n:05}"), "summary": "x", "start": berlin(&at), "end": berlin(&at) })).await;
        }
        world.run(Command::Manners { manners: Manners { page_cap: 20, ..Default::default() } }).await;
        world.run(Command::Fault { fault: Fault::new("calendar.events.list", Trouble::Cut).after(7).once() }).await;
        world.rounds().await;
        assert!(world.objects().await.len() >= 140, "pages before the cut are taken");
        world.settle().await;
        assert_eq!(world.objects().await.len(), 400);
        assert_eq!(world.writes().len(), 0);
        let lists = world.calls("calendar.events.list");
        world.settle().await;
        assert_eq!(world.calls("calendar.events.list") - lists, 1, "from its token");
    })
    .await;
}

/// Objects of a page are written together: of 250, not a change each but one a hundred.
#[tokio::test]
async fn s9_the_first_pull_writes_a_page_together() {
    linked(Terms::default(), async |world, _| {
        for n in 0..250 {
            let at = format!("2026-{:02}-{:02}T{:02}:00", n % 12 + 1, n / 12 % 28 + 1, n % 24);
            world.event(json!({ "id": format!("event{n:05}"), "summary": "x", "start": berlin(&at), "end": berlin(&at) })).await;
        }
        let before = world.store.version(world.id).await.unwrap().seq;
        world.rounds().await;
        assert_eq!(world.store.version(world.id).await.unwrap().seq - before, 3, "changes of the clinic");
        assert_eq!((world.objects().await.len(), world.writes().len()), (250, 0));
        world.quiet().await;
    })
    .await;
}

/// `KALENDS_GOOGLE_EVENTS=5000` measures; a few in the usual run.
#[tokio::test]
async fn a_first_pull_takes_its_time() {
    let count = std::env::var("KALENDS_GOOGLE_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    linked(Terms::default(), async |world, _| {
        for n in 0..count {
            let at = format!("2026-{:02}-{:02}T{:02}:00", n % 12 + 1, n / 12 % 28 + 1, n / 336 % 24);
            world.event(json!({ "id": format!("event{n:05}"), "summary": "x", "start": berlin(&at), "end": berlin(&at) })).await;
        }
        let since = std::time::Instant::now();
        world.rounds().await;
        println!("{count} events in {:?}", since.elapsed());
        assert_eq!(world.objects().await.len(), count);
    })
    .await;
}

#[tokio::test]
async fn s10_s11_s12_empty_pages_and_exceptions_before_their_series() {
    for (page_cap, order) in [(1, Order::ExceptionsFirst), (2, Order::Shuffled(3)), (9, Order::Ids)] {
        exceptions_come_when_they_like(Manners {
            has_empty_pages: true,
            page_cap,
            order,
            ..Default::default()
        })
        .await;
    }
}

async fn exceptions_come_when_they_like(manners: Manners) {
    linked(Terms { privacy: Privacy::Full, ..Terms::default() }, async |world, _| {
        world.run(Command::Manners { manners: manners.clone() }).await;
        world.event(json!({ "id": "series", "summary": "weekly", "start": berlin("2026-03-02T10:00"), "end": berlin("2026-03-02T11:00"), "recurrence": ["RRULE:FREQ=WEEKLY"] })).await;
        for (day, hour) in [("09", "09"), ("16", "09"), ("23", "09")] {
            let original = json!({ "dateTime": format!("2026-03-{day}T{hour}:00:00Z"), "timeZone": "Europe/Berlin" });
            world.event(json!({ "id": format!("series_202603{day}T090000Z"), "recurringEventId": "series", "originalStartTime": original, "status": "cancelled", "start": original, "end": original })).await;
        }
        let original = json!({ "dateTime": "2026-03-30T08:00:00Z", "timeZone": "Europe/Berlin" });
        world.event(json!({ "id": "series_20260330T080000Z", "recurringEventId": "series", "originalStartTime": original, "summary": "moved", "start": berlin("2026-03-30T15:00"), "end": berlin("2026-03-30T16:00") })).await;
        let original = json!({ "dateTime": "2026-04-06T08:00:00Z", "timeZone": "Europe/Berlin" });
        world.event(json!({ "id": "other_20260406T080000Z", "recurringEventId": "other", "originalStartTime": original, "summary": "invited once", "iCalUID": "lone@google.com", "start": berlin("2026-04-06T15:00"), "end": berlin("2026-04-06T16:00") })).await;
        world.settle().await;
        let all = world.objects().await;
        assert_eq!(all.len(), 2, "{all:?}");
        let (series, lone) = if all[0].1.contains("SUMMARY:weekly") { (&all[0].1, &all[1].1) } else { (&all[1].1, &all[0].1) };
        for day in ["09", "16", "23"] {
            assert!(series.contains(&format!("EXDATE;TZID=Europe/Berlin:202603{day}T100000")), "{series}");
        }
        assert!(series.contains("RECURRENCE-ID;TZID=Europe/Berlin:20260330T100000") && series.contains("SUMMARY:moved"));
        assert!(lone.contains("RECURRENCE-ID") && lone.contains("SUMMARY:invited once"), "{lone}");
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s14_both_sides_complete_one_another() {
    linked(Terms::default(), async |world, _| {
        for n in 0..60 {
            world.put(&format!("{n}.ics"), &format!("UID:u{n}\nDTSTART:202603{:02}T090000Z\nDTEND:202603{:02}T100000Z\n", n % 28 + 1, n % 28 + 1)).await;
        }
        for n in 0..40 {
            let at = format!("2026-04-{:02}T10:00", n % 28 + 1);
            world.event(json!({ "id": format!("event{n:02}"), "summary": "x", "start": berlin(&at), "end": berlin(&at) })).await;
        }
        world.settle().await;
        assert_eq!((world.objects().await.len(), world.events().await.len()), (100, 100));
        assert_eq!(world.writes().len(), 60, "one write an object");
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s15_what_was_imported_there_before_is_adopted() {
    linked(Terms { privacy: Privacy::Full, ..Terms::default() }, async |world, _| {
        world.put("a.ics", "UID:a@here\nSUMMARY:talk\nDTSTART;TZID=Europe/Berlin:20260303T100000\nDTEND;TZID=Europe/Berlin:20260303T110000\n").await;
        let reminders = json!({ "useDefault": false });
        world.event(json!({ "id": "imported", "iCalUID": "a@here", "summary": "talk", "reminders": reminders, "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") })).await;
        world.settle().await;
        assert_eq!((world.objects().await.len(), world.events().await.len()), (1, 1));
        world.quiet().await;
        assert_eq!(world.writes().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn s16_one_broken_event_spoils_nothing() {
    linked(Terms::default(), async |world, link| {
        for n in 0..9 {
            let at = format!("2026-03-0{}T10:00", n + 1);
            let start = if n == 5 { json!({ "dateTime": "soon" }) } else { berlin(&at) };
            world
                .event(
                    json!({ "id": format!("event{n}"), "summary": "x", "start": start, "end": berlin(&at) }),
                )
                .await;
        }
        world.run(Command::Manners { manners: Manners { page_cap: 3, ..Default::default() } }).await;
        world.settle().await;
        assert_eq!(world.objects().await.len(), 8);
        let dead = world.dead(link).await;
        assert_eq!(dead, [("event5".to_owned(), "start".to_owned())]);
        assert!(world.state().await["lag_seconds"].is_number());
    })
    .await;
}

/// She is invited to two dates of a series that she does not have: one object, with both and no master (R5).
#[tokio::test]
async fn s12_dates_of_a_series_that_is_not_hers_are_one_object() {
    linked(Terms { privacy: Privacy::Full, ..Terms::default() }, async |world, _| {
        let date = |day: &str| {
            let original = json!({ "dateTime": format!("2026-04-{day}T08:00:00Z"), "timeZone": "Europe/Berlin" });
            let (start, end) = (berlin(&format!("2026-04-{day}T15:00")), berlin(&format!("2026-04-{day}T16:00")));
            json!({ "id": format!("other_202604{day}T080000Z"), "recurringEventId": "other", "originalStartTime": original, "summary": format!("the {day}th"), "iCalUID": "lone@google.com", "start": start, "end": end })
        };
        for day in ["06", "13"] {
            world.event(date(day)).await;
        }
        world.settle().await;
        let text = world.text().await;
        for day in ["06", "13"] {
            assert!(text.contains(&format!("SUMMARY:the {day}th")) && text.contains(&format!("RECURRENCE-ID;TZID=Europe/Berlin:202604{day}T100000")), "{text}");
        }
        world.quiet().await;
        // A third comes later, one is changed here, one is cancelled there, and all of them here.
        world.event(date("20")).await;
        world.put_text(&world.objects().await[0].0, &text.replace("the 06th", "mine")).await;
        world.settle().await;
        let titles = async || {
            let all = world.events().await;
            let mut titles: Vec<String> = all.iter().map(|one| one["summary"].as_str().unwrap().to_owned()).collect();
            titles.sort();
            titles
        };
        assert_eq!(titles().await, ["mine", "the 13th", "the 20th"]);
        assert_eq!(world.text().await.matches("RECURRENCE-ID").count(), 3);
        world.quiet().await;
        world.cancel("other_20260413T080000Z").await;
        world.settle().await;
        assert!(!world.text().await.contains("the 13th"));
        world.quiet().await;
        world.delete(&world.objects().await[0].0).await;
        world.settle().await;
        assert!(titles().await.is_empty() && world.objects().await.is_empty());
        world.quiet().await;
    })
    .await;
}

/// What Google keeps and no calendar here may: left to a person, each by its id.
#[tokio::test]
async fn events_that_cannot_stand_here_spoil_nothing() {
    let terms = Terms { privacy: Privacy::Full, guests: Guests::All, ..Terms::default() };
    linked(terms, async |world, link| {
        let crowd: Vec<_> = (0..501).map(|n| json!({ "email": format!("g{n}@other.example") })).collect();
        let event = |id: &str, year: &str| json!({ "id": id, "summary": id, "start": berlin(&format!("{year}-03-03T10:00")), "end": berlin(&format!("{year}-03-03T11:00")) });
        let mut many = event("many", "2026");
        many["attendees"] = crowd.into();
        let mut long = event("long", "2026");
        long["description"] = "x".repeat(2_000_000).into();
        for event in [event("early", "0002"), event("late", "9999"), many, long, event("fine", "2199"), event("leap", "2028")] {
            world.event(event).await;
        }
        world.settle().await;
        let here = world.objects().await;
        let dead = world.dead(link).await;
        assert_eq!(here.len() + dead.len(), 6, "{dead:?}");
        for one in ["fine", "leap"] {
            assert!(here.iter().any(|(_, text)| text.contains(&format!("SUMMARY:{one}"))), "{one}: {dead:?}");
        }
        assert!(dead.contains(&("many".into(), "too_many_guests".into())), "{dead:?}");
        assert_eq!(world.state().await["state"], "live");
        world.put("a.ics", "UID:a\nSUMMARY:a\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        world.settle().await;
        assert!(world.events().await.iter().any(|one| one["summary"] == "a"), "and the link goes on");
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s17_types_that_mean_busy_come_and_are_never_written() {
    linked(Terms::default(), async |world, _| {
        for kind in ["outOfOffice", "focusTime", "workingLocation", "birthday"] {
            world.event(json!({ "id": kind.to_lowercase().replace(['w', 'y'], "v"), "eventType": kind, "summary": "secret", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-05T10:00") })).await;
        }
        world.settle().await;
        let all = world.objects().await;
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all.iter().all(|(_, text)| text.contains("SUMMARY:Busy") && !text.contains("secret")), "{all:?}");
        world.quiet().await;
        assert_eq!(world.writes().len(), 0);
    })
    .await;
}
