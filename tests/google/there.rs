//! From Google to here: single events.

use bytes::Bytes;
use fake_google::{Command, Role};
use kalends::calendar::{CollectionPath, Condition};
use kalends::clinic::{By, Ground, Policy as Onto, Visit};
use kalends::google::{Guests, Policy, Privacy, Terms};
use serde_json::{Value, json};
use store::{Fact, Origin};

use super::world::{HER, World, berlin, linked};

fn full() -> Terms {
    Terms { privacy: Privacy::Full, ..Terms::default() }
}

/// Her calendar of visits is linked instead, with one appointment at 10:00 of 2026-03-10.
async fn booked(policy: Policy, onto: Onto, test: impl AsyncFn(World, kalends::calendar::LinkId, String)) {
    booked_in(Terms { policy, ..Terms::default() }, onto, test).await;
}

async fn booked_in(terms: Terms, onto: Onto, test: impl AsyncFn(World, kalends::calendar::LinkId, String)) {
    linked(Terms::default(), async |world, own| {
        let by = By { clinic: world.id, who: None, door: Origin::Rest };
        world.clinic.make_bookable(by, world.ada, 1, onto).await.unwrap();
        let status = world.status().await;
        let who = world.who().await;
        world.google.pause(&who, own).await.unwrap();
        world
            .run(Command::Calendar {
                id: "visits".into(),
                owner: HER.into(),
                summary: "v".into(),
                zone: "Europe/Berlin".into(),
            })
            .await;
        let link = world
            .google
            .link(&who, super::world::remote_id(&status), "visits", "visits", terms.clone())
            .await
            .unwrap();
        let start = 1_773_133_200;
        let visit = Visit {
            practitioner: world.ada,
            with: Vec::new(),
            start,
            end: start + 3_600,
            zone: "Europe/Berlin".into(),
            rule: None,
            buffers: (0, 0),
            title: "Jane Doe".into(),
            place: None,
            location: None,
            mode: None,
            patient: Some(7),
            service: Some("first".into()),
            is_pending: false,
            details: None,
        };
        let uid = world.clinic.book(by, visit, Ground::Bare).await.unwrap().id.uid;
        world.settle().await;
        test(world, link, uid).await;
    })
    .await;
}

async fn visits(world: &World) -> Vec<Value> {
    let Value::Array(all) = world.run(Command::Events { calendar: "visits".into() }).await else {
        panic!("a list")
    };
    all.into_iter().filter(|one| one["status"] != "cancelled").collect()
}

async fn drag(world: &World, id: &Value, from: &str, to: &str) {
    let event = json!({ "id": id, "start": berlin(from), "end": berlin(to) });
    world.run(Command::Event { calendar: "visits".into(), event: event.as_object().unwrap().clone() }).await;
}

#[tokio::test]
async fn s31_a_drag_of_her_own_block_moves_it_here() {
    linked(Terms::default(), async |world, _| {
        world.event(json!({ "id": "lunch", "summary": "with Jane", "start": berlin("2026-03-03T12:00"), "end": berlin("2026-03-03T13:00") })).await;
        world.settle().await;
        let before = world.text().await;
        assert!(before.contains("SUMMARY:Busy") && !before.contains("Jane"), "{before}");
        world.event(json!({ "id": "lunch", "start": berlin("2026-03-03T13:00"), "end": berlin("2026-03-03T14:00") })).await;
        world.settle().await;
        let after = world.text().await;
        assert!(after.contains("DTSTART;TZID=Europe/Berlin:20260303T130000"), "{after}");
        world.quiet().await;
        assert_eq!(world.writes().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn s32_a_drag_of_an_appointment_is_put_back_unless_the_link_lets_her() {
    booked(Policy::Clinic, Onto::Accept, async |world, link, _| {
        let event = visits(&world).await.remove(0);
        assert_eq!(event["summary"], "Busy");
        drag(&world, &event["id"], "2026-03-10T14:00", "2026-03-10T15:00").await;
        world.settle().await;
        assert_eq!(visits(&world).await[0]["start"], event["start"], "put back");
        assert!(world.notes(link).await.contains(&"change_put_back".to_owned()));
        world.quiet().await;
    })
    .await;
    booked(Policy::Google, Onto::Accept, async |world, link, uid| {
        let event = visits(&world).await.remove(0);
        drag(&world, &event["id"], "2026-03-10T14:00", "2026-03-10T15:00").await;
        world.settle().await;
        let row = &world.store.read(world.id).await.unwrap().appointment(world.id, &uid).await.unwrap()[0];
        assert_eq!((row.start_at, row.changed_origin), (1_773_133_200 + 4 * 3_600, Origin::Google(link.0)));
        world.quiet().await;
    })
    .await;
}

/// Her phone has invited somebody to an appointment, who hears of what is done here and of nothing that is put back.
#[tokio::test]
async fn r19_what_is_put_back_writes_to_nobody() {
    let terms = Terms { guests: Guests::All, ..full() };
    booked_in(terms, Onto::Accept, async |world, link, _| {
        let (name, text) = world.objects_in("visits").await.remove(0);
        let guests = "ORGANIZER:mailto:ada@clinic.example\r\nATTENDEE:mailto:bob@other.example\r\nEND:VEVENT";
        let who = world.who().await;
        let by = kalends::calendar::Author { who: &who, from: Origin::Dav };
        let at = CollectionPath::new("ada", "visits").object(&name);
        let text = Bytes::from(text.replace("END:VEVENT", guests));
        world.calendars.put(by, &at, text, Condition::NONE).await.unwrap();
        world.settle().await;
        let mails = async || world.run(Command::Mails).await.as_array().unwrap().len();
        let event = visits(&world).await.remove(0);
        assert_eq!((event["attendees"][0]["email"].as_str(), mails().await), (Some("bob@other.example"), 1));
        drag(&world, &event["id"], "2026-03-10T14:00", "2026-03-10T15:00").await;
        // A title of hers beside it is taken: that writes here, and still nothing was done here.
        let title = json!({ "id": event["id"], "summary": "with Bob" });
        world
            .run(Command::Event { calendar: "visits".into(), event: title.as_object().unwrap().clone() })
            .await;
        world.settle().await;
        let back = visits(&world).await.remove(0);
        assert_eq!((&back["start"], &back["summary"]), (&event["start"], &json!("with Bob")), "put back");
        assert!(world.notes(link).await.contains(&"change_put_back".to_owned()));
        assert_eq!(mails().await, 1);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s33_a_drag_onto_a_taken_time_is_refused_and_put_back_whatever_the_policy() {
    for onto in [Onto::Accept, Onto::Refuse, Onto::PutBack] {
        booked(Policy::Google, onto, async |world, link, uid| {
            let who = world.who().await;
            let by = kalends::calendar::Author { who: &who, from: Origin::Dav };
            let text = super::world::object("UID:block\nDTSTART;TZID=Europe/Berlin:20260310T140000\nDTEND;TZID=Europe/Berlin:20260310T150000\n");
            let at = CollectionPath::new("ada", "absences").object("block.ics");
            world.calendars.put(by, &at, Bytes::from(text), Condition::NONE).await.unwrap();
            let event = visits(&world).await.remove(0);
            drag(&world, &event["id"], "2026-03-10T14:30", "2026-03-10T15:30").await;
            world.settle().await;
            assert_eq!(visits(&world).await[0]["start"], event["start"], "{onto:?}: put back");
            let row = &world.store.read(world.id).await.unwrap().appointment(world.id, &uid).await.unwrap()[0];
            assert_eq!(row.start_at, 1_773_133_200, "{onto:?}");
            if onto != Onto::PutBack {
                assert!(world.notes(link).await.contains(&"time_taken".to_owned()), "{onto:?}");
            }
            world.quiet().await;
        })
        .await;
    }
}

#[tokio::test]
async fn s34_a_deleted_appointment_is_cancelled_after_a_minute_unless_it_comes_back() {
    booked(Policy::Clinic, Onto::Accept, async |world, _, uid| {
        let event = visits(&world).await.remove(0);
        let id = event["id"].as_str().unwrap().to_owned();
        world.run(Command::Cancel { calendar: "visits".into(), id: id.clone() }).await;
        world.settle().await;
        let status = async |world: &World| {
            world.store.read(world.id).await.unwrap().appointment(world.id, &uid).await.unwrap()[0]
                .status
                .clone()
        };
        assert_eq!(status(&world).await, "scheduled", "within the minute");
        let mut back = event.as_object().unwrap().clone();
        back.insert("status".into(), "confirmed".into());
        world.run(Command::Event { calendar: "visits".into(), event: back }).await;
        world.turn(61).await;
        world.rounds().await;
        assert_eq!(status(&world).await, "scheduled", "brought back");
        world.quiet().await;
        world.run(Command::Cancel { calendar: "visits".into(), id }).await;
        world.settle().await;
        world.turn(61).await;
        world.rounds().await;
        assert_eq!(status(&world).await, "cancelled_by_clinic");
        let rows =
            world.store.read(world.id).await.unwrap().journal_after(world.id, 0, 10_000).await.unwrap();
        let noted =
            |row: &&store::Row| matches!(&row.fact, Fact::Appointment { noted: store::Noted::Cancelled, .. });
        assert_eq!(rows.iter().filter(noted).count(), 1, "one notice");
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s35_a_mass_deletion_waits_for_a_person() {
    linked(full(), async |world, link| {
        for n in 0..30 {
            let at = format!("2026-03-{:02}T10:00", n % 28 + 1);
            world.event(json!({ "id": format!("event{n:02}"), "summary": "x", "start": berlin(&at), "end": berlin(&at) })).await;
        }
        world.settle().await;
        for n in 0..20 {
            world.cancel(&format!("event{n:02}")).await;
        }
        world.settle().await;
        let state = world.state().await;
        assert_eq!((&state["state"], world.objects().await.len()), (&json!("paused"), 30));
        assert!(state["reason"].as_str().unwrap().starts_with("guard: 20"), "{state}");
        world.settle().await;
        assert_eq!(world.objects().await.len(), 30);
        world.google.sync_now(&world.who().await, link).await.unwrap();
        world.rounds().await;
        assert_eq!(world.objects().await.len(), 10);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s37_brought_back_there_it_has_its_uid_again() {
    linked(full(), async |world, _| {
        let event = world.event(json!({ "id": "event", "summary": "x", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") })).await;
        world.settle().await;
        let uid = event["iCalUID"].as_str().unwrap();
        world.cancel("event").await;
        world.settle().await;
        assert_eq!(world.objects().await.len(), 0);
        world.event(json!({ "id": "event", "status": "confirmed" })).await;
        world.settle().await;
        assert!(world.text().await.contains(&format!("UID:{uid}\r\n")));
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s38_a_changed_reminder_changes_the_alarm_and_nothing_else() {
    linked(full(), async |world, _| {
        world.event(json!({ "id": "event", "summary": "x", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") })).await;
        world.settle().await;
        let before = world.text().await;
        assert!(before.contains("X-GOOGLE-DEFAULT-REMINDERS:TRUE"));
        world.event(json!({ "id": "event", "reminders": { "useDefault": false, "overrides": [{ "method": "email", "minutes": 30 }] } })).await;
        world.settle().await;
        let after = world.text().await;
        assert!(after.contains("ACTION:EMAIL") && after.contains("TRIGGER:-PT30M") && !after.contains("DEFAULT-REM"), "{after}");
        world.quiet().await;
        assert_eq!(world.writes().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn s39_an_answer_of_a_guest_writes_nothing() {
    linked(full(), async |world, _| {
        world.put("a.ics", "UID:a\nSUMMARY:x\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        world.settle().await;
        let id = world.events().await[0]["id"].clone();
        world.event(json!({ "id": id, "attendees": [{ "email": "bob@other.example", "responseStatus": "accepted" }] })).await;
        world.quiet().await;
        assert_eq!(world.writes().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn s40_what_its_reader_may_not_see_is_a_busy_block() {
    linked(full(), async |world, own| {
        world.run(Command::Account { email: "eve@clinic.example".into(), zone: "Europe/Berlin".into() }).await;
        world.run(Command::Calendar { id: "hers".into(), owner: "eve@clinic.example".into(), summary: "e".into(), zone: "Europe/Berlin".into() }).await;
        world.run(Command::Share { calendar: "hers".into(), email: HER.into(), role: Some(Role::Reader) }).await;
        let event = json!({ "id": "event", "summary": "secret", "visibility": "private", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") });
        world.run(Command::Event { calendar: "hers".into(), event: event.as_object().unwrap().clone() }).await;
        let who = world.who().await;
        world.google.pause(&who, own).await.unwrap();
        world.calendar("copy").await;
        let who = world.who().await;
        let remote = super::world::remote_id(&world.status().await);
        let terms = Terms { direction: kalends::google::Direction::Pull, ..full() };
        world.google.link(&who, remote, "hers", "copy", terms).await.unwrap();
        world.settle().await;
        let all = world.objects_in("copy").await;
        assert!(all.len() == 1 && all[0].1.contains("SUMMARY:Busy"), "{all:?}");
        world.quiet().await;
    })
    .await;
}
