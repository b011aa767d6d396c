//! The list of dates: single, virtual, changed and additional ones in one answer that is the same however it is asked,
//! costs the same however many series there are, and writes nothing.

use kalends::calendar::Window;
use kalends::clinic::{
    Alter, AppointmentId, Cancel, DateKind, Dated, Ground, Leaf, Scope, Status, Visit, Whose,
};
use store::{BusyKind, PrincipalId, trips};

use super::world::{DAY, World, event, everywhere};

fn leaf(of: &[PrincipalId], from: i64, until: i64) -> Leaf {
    let window = Window { from, until };
    Leaf { whose: Whose::Calendars(of.to_vec()), window, with_cancelled: false, after: None, limit: 1000 }
}

async fn list(world: &World, leaf: Leaf) -> Vec<Dated> {
    world.clinic.dates(world.by(), leaf).await.unwrap().items
}

fn date(id: &AppointmentId, at: i64) -> AppointmentId {
    AppointmentId { occurrence: Some(at), ..id.clone() }
}

/// A weekly series with a room, one date moved, one cancelled, one added; a single one; an event of the phone's.
async fn mixed(world: &World) -> (AppointmentId, Vec<i64>) {
    let rule = Some("FREQ=WEEKLY;COUNT=6".to_string());
    let visit = Visit { rule, with: vec![world.room], ..world.visit(600, 630) };
    let id = world.book(visit).await.unwrap().id;
    let dates: Vec<i64> = world.busy(world.ada).await.iter().map(|one| one.span.start).collect();
    let (by, to) = (world.by(), (dates[1] + 3600, dates[1] + 5400));
    world.clinic.reschedule(by, date(&id, dates[1]), to, None, Ground::Bare).await.unwrap();
    let how = Cancel { by_patient: true, reason: "ill".into() };
    world.clinic.cancel(by, date(&id, dates[2]), how, None).await.unwrap();
    let span = (dates[2] + DAY, dates[2] + DAY + 1800);
    world.clinic.add_date(by, id.clone(), span, None, (None, Ground::Bare)).await.unwrap();
    world.book(world.visit(700, 730)).await.unwrap();
    world.put("ada/visits/mine.ics", &event("mine", world.at(800), world.at(830), "")).await.unwrap();
    (id, dates)
}

#[tokio::test]
async fn all_kinds_of_dates_stand_in_one_list_by_time() {
    everywhere(async |world| {
        let (id, dates) = mixed(&world).await;
        let until = dates[5] + DAY;
        let all = list(&world, leaf(&[world.ada], world.day, until)).await;
        assert!(all.windows(2).all(|pair| pair[0].start <= pair[1].start));
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.start, one.kind, one.is_virtual, one.is_additional, one.number))
            .collect();
        let (visit, own) = (DateKind::Appointment, DateKind::Event);
        assert_eq!(
            told,
            [
                (dates[0], visit, true, false, Some((1, Some(6)))),
                (world.at(700), visit, false, false, None),
                (world.at(800), own, false, false, None),
                (dates[1] + 3600, visit, false, false, Some((2, Some(6)))),
                (dates[2] + DAY, visit, false, true, None),
                (dates[3], visit, true, false, Some((4, Some(6)))),
                (dates[4], visit, true, false, Some((5, Some(6)))),
                (dates[5], visit, true, false, Some((6, Some(6)))),
            ]
        );
        assert!(
            all.iter()
                .filter(|one| one.start != world.at(700) && one.kind == visit)
                .all(|one| { one.series.as_deref() == Some(&*id.uid) })
        );
        assert_eq!(all[3].original, Some(dates[1]), "also after it was moved");
        assert_eq!((all[0].status, all[0].patient), (Some(Status::Scheduled), Some(7)));
        let with = Leaf { with_cancelled: true, ..leaf(&[world.ada], world.day, until) };
        let with = list(&world, with).await;
        let off: Vec<_> = with.iter().filter(|one| one.status == Some(Status::CancelledByPatient)).collect();
        assert_eq!((with.len(), off.len(), off[0].original), (9, 1, Some(dates[2])));
        let room = list(&world, leaf(&[world.room], world.day, until)).await;
        assert_eq!((room.len(), room[0].owner, room[0].practitioner), (6, world.room, world.ada));
        let patient = Leaf { whose: Whose::Patient(7), ..leaf(&[], world.day, until) };
        assert_eq!(list(&world, patient).await.len(), 7, "whose the phone's event is nobody said");
        let these = Leaf { whose: Whose::These(vec![id.uid]), ..leaf(&[], world.day, until) };
        assert_eq!(list(&world, these).await.len(), 6);
    })
    .await;
}

#[tokio::test]
async fn reading_writes_nothing_and_says_the_same_again() {
    everywhere(async |world| {
        let (_, dates) = mixed(&world).await;
        let before = world.store.version(world.id).await.unwrap();
        let ask = || leaf(&[world.ada, world.room], world.day, dates[5] + DAY);
        let first = list(&world, ask()).await;
        let together: Vec<_> = (0..20).map(|_| world.clinic.dates(world.by(), ask())).collect();
        for other in futures_util::future::join_all(together).await {
            assert_eq!(other.unwrap().items, first);
        }
        assert_eq!(world.store.version(world.id).await.unwrap(), before);
        assert_eq!(
            list(&world, leaf(&[world.ada], world.day - 300 * DAY, world.day)).await,
            [],
            "before it begins"
        );
        let after = leaf(&[world.ada], dates[5] + DAY, dates[5] + 90 * DAY);
        assert_eq!(list(&world, after).await, [], "after it has ended");
    })
    .await;
}

#[tokio::test]
async fn statements_do_not_grow_with_series() {
    everywhere(async |world| {
        // The least of a few: other things of the store count as well.
        let cost = async || {
            let mut least = u64::MAX;
            for _ in 0..4 {
                let before = trips();
                list(&world, leaf(&[world.ada, world.bob], world.day, world.day + 30 * DAY)).await;
                least = least.min(trips() - before);
            }
            least
        };
        mixed(&world).await;
        let few = cost().await;
        for minute in 0..8 {
            let rule = Some("FREQ=DAILY;COUNT=30".to_string());
            let visit = Visit { practitioner: world.bob, rule, ..world.visit(600 + minute, 601 + minute) };
            world.book(visit).await.unwrap();
        }
        let many = list(&world, leaf(&[world.ada, world.bob], world.day, world.day + 30 * DAY)).await;
        assert!(many.len() > 8 * 29, "{}", many.len());
        assert_eq!(cost().await, few);
    })
    .await;
}

#[tokio::test]
async fn pages_together_are_the_list() {
    everywhere(async |world| {
        let (_, dates) = mixed(&world).await;
        let whole = list(&world, leaf(&[world.ada, world.room], world.day, dates[5] + DAY)).await;
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let ask = Leaf { limit: 3, after, ..leaf(&[world.ada, world.room], world.day, dates[5] + DAY) };
            let page = world.clinic.dates(world.by(), ask).await.unwrap();
            assert!(page.items.len() <= 3);
            pages.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, whole);
    })
    .await;
}

#[tokio::test]
async fn conflicts_are_flagged_and_shown_all_the_same() {
    everywhere(async |world| {
        let booked = world.book(world.visit(600, 630)).await.unwrap();
        world.book(world.visit(700, 730)).await.unwrap();
        world.put("ada/visits/over.ics", &event("over", world.at(615), world.at(645), "")).await.unwrap();
        world.put("ada/absences/ill.ics", &event("ill", world.at(690), world.at(800), "")).await.unwrap();
        let free = event("free", world.at(600), world.at(645), "TRANSP:TRANSPARENT\r\n");
        world.put("ada/visits/free.ics", &free).await.unwrap();
        let all = list(&world, leaf(&[world.ada], world.day, world.day + DAY)).await;
        let mut told: Vec<_> = all.iter().map(|one| (one.start, one.conflicts.clone())).collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                (world.at(600), vec![]),
                (world.at(600), vec![BusyKind::Visit]),
                (world.at(615), vec![BusyKind::Visit]),
                (world.at(690), vec![BusyKind::Visit]),
                (world.at(700), vec![BusyKind::Block]),
            ]
        );
        let how = Cancel { by_patient: false, reason: "x".into() };
        world.clinic.cancel(world.by(), booked.id, how, None).await.unwrap();
        let all = list(&world, leaf(&[world.ada], world.day, world.at(650))).await;
        assert!(all.iter().all(|one| one.conflicts.is_empty()));
        let in_hall = |of| Visit { practitioner: of, with: vec![world.hall], ..world.visit(900, 930) };
        world.book(in_hall(world.ada)).await.unwrap();
        world.book(in_hall(world.bob)).await.unwrap();
        let hall = list(&world, leaf(&[world.hall], world.day, world.day + DAY)).await;
        assert!(hall.len() == 2 && hall.iter().all(|one| one.conflicts.is_empty()), "three fit there");
    })
    .await;
}

#[tokio::test]
async fn a_private_event_takes_time_and_says_nothing() {
    everywhere(async |world| {
        let private = event("p", world.at(600), world.at(630), "CLASS:PRIVATE\r\nLOCATION:home\r\n");
        world.put("ada/visits/p.ics", &private).await.unwrap();
        let all = list(&world, leaf(&[world.ada], world.day, world.day + DAY)).await;
        assert_eq!(
            (all[0].kind, all[0].title.as_deref(), all[0].place.as_deref()),
            (DateKind::Event, None, None)
        );
    })
    .await;
}

#[tokio::test]
async fn the_week_is_that_of_the_practitioner() {
    everywhere(async |world| {
        let week = world.clinic.this_week(world.by(), world.ada).await.unwrap();
        let zone = ical::Zone::named("Europe/Berlin").unwrap();
        let (from, until) = (zone.to_civil(week.from), zone.to_civil(week.until));
        assert_eq!((from.rem_euclid(DAY), until - from), (0, 7 * DAY));
        // 1970-01-05 was a Monday.
        assert_eq!((from / DAY - 4).rem_euclid(7), 0);
        let now = world.clock.now();
        assert!(week.from <= now && now < week.until);
    })
    .await;
}

#[tokio::test]
async fn a_month_is_counted_by_its_own_days_also_when_clocks_change() {
    everywhere(async |world| {
        let zone = ical::Zone::named("Europe/Berlin").unwrap();
        let at = |text: &str| ical::When::read(text, Some(&zone)).unwrap().instant(&zone);
        // Late in the evening and early in the morning, over both days on which clocks change.
        for (time, length) in [("233000", 1500), ("001000", 600)] {
            let start = at(&format!("20300301T{time}"));
            let rule = Some("FREQ=DAILY;COUNT=260".to_string());
            let visit = Visit { start, end: start + length, rule, ..world.visit(0, 1) };
            world.book(visit).await.unwrap();
        }
        let leave = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:l\r\n\
            DTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20300329\r\nDTEND;VALUE=DATE:20300403\r\n\
            END:VEVENT\r\nEND:VCALENDAR\r\n";
        world.put("bob/absences/l.ics", leave).await.unwrap();
        for (month, days) in [(3, 31), (10, 31)] {
            let found =
                world.clinic.month(world.by(), vec![world.ada, world.bob], (2030, month)).await.unwrap();
            let ada: Vec<_> = found.iter().filter(|day| day.owner == world.ada).collect();
            assert_eq!(ada.len(), days, "every day of {month}");
            assert!(ada.iter().all(|day| (day.appointments, day.blocks) == (2, 0)), "{ada:?}");
            let bob: Vec<_> =
                found.iter().filter(|day| day.owner == world.bob).map(|day| day.date.2).collect();
            assert_eq!(bob, if month == 3 { vec![29, 30, 31] } else { vec![] });
        }
        let none = world.clinic.month(world.by(), vec![world.ada], (2030, 13)).await;
        assert!(none.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_change_is_in_the_next_list_of_every_node() {
    everywhere(async |world| {
        let (_, other) = world.node().await;
        let id = world.book(world.visit(600, 630)).await.unwrap().id;
        let ask = || leaf(&[world.ada], world.day, world.day + DAY);
        let see = async |clinic: &kalends::clinic::Clinic| {
            let found = clinic.dates(world.by(), ask()).await.unwrap().items;
            found.iter().map(|one| (one.start, one.title.clone())).collect::<Vec<_>>()
        };
        assert_eq!(see(&other).await.len(), 1);
        let change = Alter { start: Some(world.at(700)), title: Some("New".into()), ..Alter::default() };
        world.clinic.alter(world.by(), id, (Scope::This, change), None, Ground::Bare).await.unwrap();
        let expected = vec![(world.at(700), Some("New".to_string()))];
        assert_eq!((see(&world.clinic).await, see(&other).await), (expected.clone(), expected));
    })
    .await;
}
