//! What a calendar program does to a calendar that others book into: by its policy stored and marked, refused, or put
//! back; never lost without a word, and never twice.

use kalends::calendar::{Author, Condition, Origin};
use kalends::calendar::{Error, Overwrite, Precondition, Transfer};
use kalends::clinic::{AppointmentId, Claim, Ground, Keep, Policy, Visit};
use store::{BusyKind, Noted, trips};

use super::world::{DAY, World, event, everywhere, place, utc};

fn mine(world: &World, uid: &str, from: i64, to: i64) -> String {
    event(uid, world.at(from), world.at(to), "")
}

#[tokio::test]
async fn what_stands_in_the_calendar_cannot_be_booked() {
    everywhere(async |world| {
        world.put("ada/visits/a.ics", &mine(&world, "a", 600, 630)).await.unwrap();
        assert!(world.book(world.visit(615, 645)).await.is_err());
        let tentative = event("t", world.at(700), world.at(730), "STATUS:TENTATIVE\r\n");
        world.put("ada/visits/t.ics", &tentative).await.unwrap();
        assert!(world.book(world.visit(700, 730)).await.is_err(), "TENTATIVE blocks");
        for (name, line) in [("c", "STATUS:CANCELLED\r\n"), ("f", "TRANSP:TRANSPARENT\r\n")] {
            let free = event(name, world.at(800), world.at(830), line);
            world.put(&format!("ada/visits/{name}.ics"), &free).await.unwrap();
        }
        world.book(world.visit(800, 830)).await.unwrap();
        world.delete("ada/visits/a.ics").await.unwrap();
        world.book(world.visit(600, 630)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn in_absences_everything_blocks() {
    everywhere(async |world| {
        let day = |instant| utc(instant)[..8].to_string();
        let leave = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//phone//EN\r\nBEGIN:VEVENT\r\nUID:leave\r\n\
             DTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:{}\r\nDTEND;VALUE=DATE:{}\r\n\
             TRANSP:TRANSPARENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            day(world.day),
            day(world.day + 14 * DAY)
        );
        world.put("ada/absences/leave.ics", &leave).await.unwrap();
        let Err(kalends::clinic::Error::Conflict(met)) = world.book(world.visit(600, 630)).await else {
            panic!()
        };
        assert_eq!(met[0].kind, BusyKind::Block);
        let last = world.visit(13 * 1440 + 600, 13 * 1440 + 630);
        assert!(world.book(last).await.is_err());
        world.book(world.visit(14 * 1440 + 600, 14 * 1440 + 630)).await.unwrap();
        let again = leave.replace("UID:leave", "UID:course");
        world.put("ada/absences/course.ics", &again).await.unwrap();
        assert!(world.busy(world.ada).await.iter().all(|one| one.mark.is_none()), "closed twice is closed");
        let cancelled = leave.replace("UID:leave", "UID:c").replace("TRANSP:TRANSPARENT", "STATUS:CANCELLED");
        let cancelled = cancelled.replace(&day(world.day), &day(world.day + 20 * DAY));
        let cancelled = cancelled.replace(&day(world.day + 14 * DAY), &day(world.day + 21 * DAY));
        world.put("ada/absences/c.ics", &cancelled).await.unwrap();
        world.book(world.visit(20 * 1440 + 600, 20 * 1440 + 630)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn accept_stores_and_marks_with_who_and_by_which_door() {
    everywhere(async |world| {
        world.book(world.visit(600, 630)).await.unwrap();
        let text = mine(&world, "a", 615, 645);
        let written = world.put("ada/visits/a.ics", &text).await.unwrap();
        assert!(written.as_sent && written.created);
        assert_eq!(world.text("ada/visits/a.ics").await.unwrap(), text);
        let busy = world.busy(world.ada).await;
        assert_eq!(busy[0].mark, None, "whoever was there first");
        let mark = busy[1].mark.clone().unwrap();
        assert_eq!((mark.by, mark.door), (Some(world.ada), Origin::Dav));
        assert!(!mark.why.is_empty());
        world.put("ada/visits/a.ics", &text.replace("mine", "renamed")).await.unwrap();
        assert_eq!(world.busy(world.ada).await, busy, "words do not change a mark");
        world.put("ada/visits/a.ics", &mine(&world, "a", 700, 730)).await.unwrap();
        assert!(world.busy(world.ada).await.iter().all(|one| one.mark.is_none()), "it has room now");
    })
    .await;
}

#[tokio::test]
async fn refuse_names_the_kind_and_changes_nothing() {
    everywhere(async |world| {
        world.policy(world.ada, Policy::Refuse).await;
        world.book(world.visit(600, 630)).await.unwrap();
        world.put("ada/visits/a.ics", &mine(&world, "a", 700, 730)).await.unwrap();
        let before = world.text("ada/visits/a.ics").await;
        let refused = world.put("ada/visits/a.ics", &mine(&world, "a", 615, 645)).await;
        assert!(matches!(refused, Err(Error::Precondition(Precondition::TimeTaken("visit")))), "{refused:?}");
        assert_eq!(world.text("ada/visits/a.ics").await, before);
        assert_eq!(world.minutes(world.ada).await, [(600, 630), (700, 730)]);
        let leave = world.put("ada/absences/l.ics", &mine(&world, "l", 620, 900)).await;
        assert!(matches!(leave, Err(Error::Precondition(Precondition::TimeTaken("visit")))));
    })
    .await;
}

#[tokio::test]
async fn put_back_leaves_the_old_under_a_new_tag() {
    everywhere(async |world| {
        world.policy(world.ada, Policy::PutBack).await;
        world.book(world.visit(600, 630)).await.unwrap();
        let first = world.put("ada/visits/a.ics", &mine(&world, "a", 700, 730)).await.unwrap();
        let written = world.put("ada/visits/a.ics", &mine(&world, "a", 615, 645)).await.unwrap();
        assert!(!written.as_sent && written.etag != first.etag && written.seq > first.seq);
        let text = world.text("ada/visits/a.ics").await.unwrap();
        assert!(text.contains(&utc(world.at(700))) && text.contains("SEQUENCE:1"), "{text}");
        assert_eq!(world.minutes(world.ada).await, [(600, 630), (700, 730)]);
        let new = world.put("ada/visits/n.ics", &mine(&world, "n", 615, 645)).await;
        assert!(
            matches!(new, Err(Error::Precondition(_))),
            "there is nothing to put back: said, not dropped"
        );
    })
    .await;
}

#[tokio::test]
async fn the_practitioner_wins_over_a_hold() {
    everywhere(async |world| {
        world.policy(world.ada, Policy::Refuse).await;
        let visit = Visit { with: vec![world.room], ..world.visit(600, 630) };
        let held = world.clinic.hold(world.by(), visit.clone(), Keep::for_patient("p".into())).await.unwrap();
        world.put("ada/visits/a.ics", &mine(&world, "a", 610, 620)).await.unwrap();
        assert!(world.busy(world.ada).await[0].mark.is_none());
        assert!(world.busy(world.room).await.is_empty(), "a hold goes whole");
        let late = world.clinic.book(world.by(), visit, Ground::Hold(held.id)).await.unwrap_err();
        assert_eq!(late.code(), "HOLD_EXPIRED");
    })
    .await;
}

/// An appointment with its room, as the phone sees it.
async fn booked(world: &World, rule: Option<&str>) -> (AppointmentId, String) {
    let visit = Visit {
        with: vec![world.room],
        buffers: (300, 300),
        rule: rule.map(str::to_string),
        ..world.visit(600, 630)
    };
    let booked = world.book(visit).await.unwrap();
    let at = format!("ada/visits/{}.ics", booked.id.uid);
    (booked.id, at)
}

#[tokio::test]
async fn a_removal_on_the_phone_is_a_cancellation() {
    everywhere(async |world| {
        let (id, at) = booked(&world, None).await;
        world.delete(&at).await.unwrap();
        assert!(world.busy(world.ada).await.is_empty() && world.busy(world.room).await.is_empty());
        assert!(world.text(&at.replace("ada/", "room/")).await.is_none());
        let row = world.clinic.appointment(world.by(), &id).await.unwrap().remove(0);
        assert_eq!(row.status, "cancelled_by_clinic");
        assert_eq!((row.changed_origin, row.changed_by), (Origin::Dav, Some(world.ada)));
        assert!(row.reason.is_some());
        let seq = world.store.version(world.id).await.unwrap().seq;
        let facts = world.store.read(world.id).await.unwrap().journal_after(world.id, seq - 1, 99).await.unwrap();
        let told = facts.iter().any(|row| {
            matches!(&row.fact, store::Fact::Appointment { noted: Noted::Cancelled, uid, .. } if *uid == id.uid)
        });
        assert!(told, "whoever must be told reads it in the journal");
    })
    .await;
}

#[tokio::test]
async fn a_move_on_the_phone_moves_the_room_with_it() {
    everywhere(async |world| {
        let (id, at) = booked(&world, None).await;
        let text = world.text(&at).await.unwrap();
        let zone = ical::Zone::named("Europe/Berlin").unwrap();
        let local = |instant| ical::Civil::from_seconds(zone.to_civil(instant)).basic();
        let moved = text
            .replace(&local(world.at(600)), &local(world.at(660)))
            .replace(&local(world.at(630)), &local(world.at(690)));
        // As Apple's program does: what it does not know is gone.
        let moved: String =
            moved.split_inclusive("\r\n").filter(|line| !line.starts_with("X-KALENDS")).collect();
        let written = world.put(&at, &moved).await.unwrap();
        assert!(!written.as_sent, "what was dropped is back, so the client must read it");
        assert!(world.text(&at).await.unwrap().contains("X-KALENDS-BUFFERS:300/300"));
        for of in [world.ada, world.room] {
            let busy = world.busy(of).await;
            assert_eq!(world.minutes(of).await, [(660, 690)]);
            assert_eq!(busy[0].span.start - busy[0].span.from, 300);
        }
        let twin = world.text(&at.replace("ada/", "room/")).await.unwrap();
        assert!(twin.contains(&local(world.at(660))), "{twin}");
        let row = world.clinic.appointment(world.by(), &id).await.unwrap().remove(0);
        assert_eq!((row.start_at, row.changed_origin), (world.at(660), Origin::Dav));
        assert_eq!(row.status, "scheduled");
    })
    .await;
}

#[tokio::test]
async fn an_occurrence_removed_on_the_phone_is_cancelled_alone() {
    everywhere(async |world| {
        let (id, at) = booked(&world, Some("FREQ=WEEKLY;COUNT=4")).await;
        let starts: Vec<i64> = world.busy(world.ada).await.iter().map(|one| one.span.start).collect();
        let text = world.text(&at).await.unwrap();
        let gone = format!("EXDATE:{}\r\nRRULE:FREQ=WEEKLY", utc(starts[2]));
        world.put(&at, &text.replacen("RRULE:FREQ=WEEKLY", &gone, 1)).await.unwrap();
        for of in [world.ada, world.room] {
            assert_eq!(world.busy(of).await.len(), 3);
        }
        let rows = world.clinic.appointment(world.by(), &id).await.unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].status.as_str(), rows[1].status.as_str()), ("scheduled", "cancelled_by_clinic"));
        assert_eq!((rows[1].start_at, rows[1].changed_origin), (starts[2], Origin::Dav));
        world
            .book(Visit {
                start: starts[2],
                end: starts[2] + 1800,
                with: vec![world.room],
                ..world.visit(0, 1)
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_twin_in_a_room_follows_and_does_not_lead() {
    everywhere(async |world| {
        let (_, at) = booked(&world, None).await;
        let twin_at = at.replace("ada/", "room/");
        let twin = world.text(&twin_at).await.unwrap();
        let written = world.put(&twin_at, &twin.replace("SUMMARY:Visit", "SUMMARY:mine")).await.unwrap();
        assert!(!written.as_sent);
        assert!(world.text(&twin_at).await.unwrap().contains("SUMMARY:Visit"));
        world.delete(&twin_at).await.unwrap();
        assert!(world.text(&twin_at).await.is_some(), "it is back with the next sync");
        assert_eq!(world.minutes(world.room).await, [(600, 630)]);
    })
    .await;
}

#[tokio::test]
async fn moves_between_calendars_take_the_time_along() {
    everywhere(async |world| {
        world.put("ada/visits/a.ics", &mine(&world, "a", 600, 630)).await.unwrap();
        let who = world.who("ada").await;
        let by = Author { who: &who, from: Origin::Dav };
        let go = async |from: &str, to: &str| {
            let ends = (&place(from), &place(to));
            world.calendars.transfer(by, ends, Transfer::Move, Overwrite::No, Condition::NONE).await
        };
        go("ada/visits/a.ics", "ada/visits/b.ics").await.unwrap();
        assert_eq!(world.minutes(world.ada).await, [(600, 630)]);
        go("ada/visits/b.ics", "ada/default/b.ics").await.unwrap();
        assert!(world.busy(world.ada).await.is_empty());
        go("ada/default/b.ics", "ada/absences/b.ics").await.unwrap();
        assert_eq!(world.busy(world.ada).await[0].kind, BusyKind::Block);
    })
    .await;
}

#[tokio::test]
async fn a_bookable_calendar_is_not_swiped_away() {
    everywhere(async |world| {
        let who = world.who("ada").await;
        let by = Author { who: &who, from: Origin::Dav };
        let visits = place("ada/visits/x").collection;
        assert!(matches!(world.calendars.remove(by, &visits).await, Err(Error::Denied(_))));
        let to = place("ada/other/x").collection;
        assert!(matches!(world.calendars.rename_collection(by, &visits, &to).await, Err(Error::Denied(_))));
        world.calendars.remove(by, &place("ada/default/x").collection).await.unwrap();
    })
    .await;
}

/// What nobody books into pays nothing for the rule.
#[tokio::test]
async fn other_calendars_cost_not_one_statement_more() {
    everywhere(async |world| {
        let plain =
            kalends::calendar::Calendars::open(world.store.clone(), Default::default()).await.unwrap();
        let who = world.who("ada").await;
        let cost = async |calendars: &kalends::calendar::Calendars, at: &str| {
            let mut least = u64::MAX;
            // The least of a few: SQLite's writer also looks for other processes now and then.
            for minute in (0..1200).step_by(100) {
                let before = trips();
                let text = mine(&world, at, minute, minute + 30);
                super::world::put(calendars, &who, at, &text).await.unwrap();
                least = least.min(trips() - before);
            }
            least
        };
        let (without, with) =
            (cost(&plain, "ada/default/1.ics").await, cost(&world.calendars, "ada/default/2.ics").await);
        assert_eq!(with, without);
        assert!(cost(&world.calendars, "ada/visits/3.ics").await > with, "the count would notice");
    })
    .await;
}

#[tokio::test]
async fn more_occurrences_than_can_be_kept_are_refused_in_words() {
    everywhere(async |world| {
        let hourly = event("h", world.at(0), world.at(1), "RRULE:FREQ=HOURLY\r\n");
        let refused = world.put("ada/visits/h.ics", &hourly).await;
        assert!(matches!(refused, Err(Error::Precondition(Precondition::MaxInstances(_)))), "{refused:?}");
        world.put("ada/default/h.ics", &hourly).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_a_phone_made_is_a_block_until_it_is_claimed() {
    everywhere(async |world| {
        let who = |uid: &str| AppointmentId { uid: uid.into(), occurrence: None };
        world.put("ada/visits/odd-name.ics", &mine(&world, "own", 600, 630)).await.unwrap();
        let claim = Claim { patient: Some(7), service: Some("first".into()), details: None };
        let nobody = world.clinic.claim(world.by(), world.bob, who("own"), claim.clone()).await;
        assert_eq!(nobody.unwrap_err().code(), "NOT_FOUND");
        world.clinic.claim(world.by(), world.ada, who("own"), claim.clone()).await.unwrap();
        let text = world.text("ada/visits/odd-name.ics").await.unwrap();
        assert!(text.contains("SUMMARY:mine") && text.contains("X-KALENDS-SERVICE:first"), "{text}");
        assert_eq!(world.minutes(world.ada).await, [(600, 630)]);
        let again = world.clinic.claim(world.by(), world.ada, who("own"), claim.clone()).await;
        assert_eq!(again.unwrap_err().code(), "ALREADY_EXISTS");
        let (id, to) = (who("own"), (world.at(700), world.at(730)));
        world.clinic.reschedule(world.by(), id.clone(), to, None, Ground::Bare).await.unwrap();
        assert!(world.text("ada/visits/odd-name.ics").await.is_some(), "under the name its program gave it");
        world.delete("ada/visits/odd-name.ics").await.unwrap();
        let row = world.clinic.appointment(world.by(), &id).await.unwrap().remove(0);
        assert_eq!((row.status.as_str(), row.patient), ("cancelled_by_clinic", Some(7)));
        for (name, line) in [("f", "TRANSP:TRANSPARENT\r\n"), ("c", "STATUS:CANCELLED\r\n")] {
            let text = event(name, world.at(800), world.at(830), line);
            world.put(&format!("ada/visits/{name}.ics"), &text).await.unwrap();
            let none = world.clinic.claim(world.by(), world.ada, who(name), claim.clone()).await;
            assert_eq!(none.unwrap_err().code(), "INVALID_FIELD", "{name} takes no time");
        }
    })
    .await;
}

#[tokio::test]
async fn one_date_of_a_series_is_claimed_for_one_patient() {
    everywhere(async |world| {
        let text = event("s", world.at(600), world.at(630), "RRULE:FREQ=DAILY;COUNT=3\r\n");
        world.put("ada/visits/s.ics", &text).await.unwrap();
        let date = |n: i64| AppointmentId { uid: "s".into(), occurrence: Some(world.at(600) + n * DAY) };
        for (n, patient) in [(0, 7), (2, 8)] {
            let claim = Claim { patient: Some(patient), ..Claim::default() };
            world.clinic.claim(world.by(), world.ada, date(n), claim).await.unwrap();
        }
        let rows = world.clinic.appointment(world.by(), &date(0)).await.unwrap();
        let patients: Vec<_> = rows.iter().map(|row| row.patient).collect();
        assert_eq!(patients, [None, Some(7), Some(8)]);
        assert_eq!(world.text("ada/visits/s.ics").await.unwrap(), text, "nothing of it changed");
        let none = AppointmentId { occurrence: Some(world.at(601)), ..date(0) };
        assert_eq!(
            world.clinic.claim(world.by(), world.ada, none, Claim::default()).await.unwrap_err().code(),
            "NOT_FOUND"
        );
    })
    .await;
}
