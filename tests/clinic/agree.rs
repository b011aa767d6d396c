//! What a calendar program sees as free is what is offered, minute by minute: through nights in which the clock changes,
//! beside visits, absences, holidays and other hours for a day.

use std::collections::HashSet;

use kalends::calendar::Window;
use kalends::clinic::{Clinic, Need, NeedKind, NewHoliday, Outcome, Step, Wanted};

use super::office::{Office, berlin, by, everywhere, service};
use super::world::{DAY, event, put};

const HOUR: i64 = 3600;

/// The next day on which the clock in Berlin is changed, at its midnight.
fn transition(after: i64) -> i64 {
    let zone = berlin();
    let changes = |day: &i64| zone.offset_at(day * DAY) != zone.offset_at((day + 1) * DAY);
    let day = (after.div_euclid(DAY)..).find(changes).unwrap();
    zone.to_instant(zone.to_civil(day * DAY + DAY / 2).div_euclid(DAY) * DAY)
}

/// Every day from midnight on, so that the hour that is changed lies within.
fn nights() -> String {
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VAVAILABILITY\r\nUID:h\r\n\
     DTSTAMP:20200101T000000Z\r\nBEGIN:AVAILABLE\r\nUID:a\r\nDTSTAMP:20200101T000000Z\r\n\
     DTSTART;TZID=Europe/Berlin:20200106T003000\r\nDTEND;TZID=Europe/Berlin:20200106T063000\r\n\
     RRULE:FREQ=DAILY\r\nEND:AVAILABLE\r\nBEGIN:AVAILABLE\r\nUID:b\r\nDTSTAMP:20200101T000000Z\r\n\
     DTSTART;TZID=Europe/Berlin:20200106T140000\r\nDTEND;TZID=Europe/Berlin:20200106T150000\r\n\
     RRULE:FREQ=DAILY\r\nEND:AVAILABLE\r\nEND:VAVAILABILITY\r\nEND:VCALENDAR\r\n"
        .into()
}

/// A service of a minute, every minute.
async fn minute(office: &Office) -> store::ServiceId {
    let mut fields = service("minute");
    (fields.minutes, fields.step) = (1, 1);
    office.directory.add_service(by(&office.admin), fields).await.unwrap().id
}

/// Minutes that free/busy leaves free.
async fn free(office: &Office, window: Window) -> HashSet<i64> {
    let ada = office.accounts.operator("ada").await.unwrap();
    let found = office.calendars.freebusy_of(&ada, &["ada".to_owned()], window, None).await.unwrap();
    let busy = found.into_iter().next().unwrap().unwrap();
    let taken = |at: &i64| busy.iter().any(|one| one.from < at + 60 && one.until > *at);
    (window.from..window.until).step_by(60).filter(|at| !taken(at)).collect()
}

/// Minutes at which a visit of a minute is offered.
async fn offered(office: &Office, minute: store::ServiceId, window: Window) -> HashSet<i64> {
    offered_by(&office.clinic, office, minute, window).await
}

async fn offered_by(
    clinic: &Clinic,
    office: &Office,
    minute: store::ServiceId,
    window: Window,
) -> HashSet<i64> {
    let (mut found, mut from) = (HashSet::new(), window.from);
    loop {
        let wanted = Wanted {
            service: Some(minute),
            practitioners: vec![office.ada],
            from: Some(from),
            until: Some(window.until),
            limit: 200,
            ..Wanted::default()
        };
        let page = clinic.offers(&office.desk, &wanted).await.unwrap();
        found.extend(page.iter().map(|one| one.start));
        let Some(last) = page.last() else { return found };
        from = last.start + 60;
        if from >= window.until {
            return found;
        }
    }
}

#[tokio::test]
async fn f129_f132_f136_every_minute_is_free_for_both_or_for_none() {
    everywhere(async |office: Office| {
        let minute = minute(&office).await;
        office.hours("ada", Some(nights())).await;
        let night = transition(office.monday);
        let midnight = |days: i64| berlin().to_instant(berlin().to_civil(night) + days * DAY);
        let window = Window { from: midnight(-1), until: midnight(3) };
        let all = free(&office, window).await;
        // A repeated DTEND is a length (RFC 5545 3.8.5.3): seven hours also where the clock leaves one out.
        assert_eq!(all.len(), 4 * 7 * 60);
        assert_eq!(offered(&office, minute, window).await, all);
        // A visit of the house, one across the change of the clock, a phone's entry, an absence, a holiday.
        let ada = office.accounts.operator("ada").await.unwrap();
        let wish = kalends::clinic::Wish {
            service: None,
            minutes: Some(45),
            ..kalends::clinic::Wish::new(office.ada, night + HOUR)
        };
        office.clinic.reserve(&office.desk, &wish, kalends::clinic::Ground::Bare).await.unwrap();
        let odd = event("odd", night + 2 * HOUR + 90, night + 3 * HOUR + 30, "");
        put(&office.calendars, &ada, "ada/visits/odd.ics", &odd).await.unwrap();
        let away = event("away", night + DAY + 2 * HOUR, night + DAY + 4 * HOUR, "TRANSP:TRANSPARENT\r\n");
        put(&office.calendars, &ada, "ada/absences/away.ics", &away).await.unwrap();
        let day = berlin().to_civil(night + 2 * DAY + DAY / 2).div_euclid(DAY);
        let holiday = NewHoliday { title: "Closed".into(), first: day, last: day, is_yearly: false };
        let Outcome { made, .. } =
            office.clinic.add_holiday(by(&office.admin), holiday, Step::Sure).await.unwrap();
        assert!(made.is_some());
        let left = free(&office, window).await;
        assert!(left.len() + 5 * 60 < all.len() && !left.is_empty());
        assert_eq!(offered(&office, minute, window).await, left);
    })
    .await;
}

/// A holiday takes from the hours that are known, and gives back only where no other one lies.
#[tokio::test]
async fn f136_holidays_that_overlap_take_and_give_back_each_its_own() {
    everywhere(async |office: Office| {
        let minute = minute(&office).await;
        office.hours("ada", Some(nights())).await;
        let window = Window { from: office.monday, until: office.monday + 5 * DAY };
        // Also to one who reads everything only now.
        let alike = async |days: usize, why: &str| {
            let free = free(&office, window).await;
            assert_eq!(free.len(), days * 7 * 60, "{why}");
            assert_eq!(offered(&office, minute, window).await, free, "{why}");
            let anew = Clinic::new(office.store.clone(), office.calendars.clone());
            assert_eq!(offered_by(&anew, &office, minute, window).await, free, "{why}, read anew");
        };
        let monday = berlin().to_civil(office.monday).div_euclid(DAY);
        let close = async |first: i64, last: i64| {
            let (first, last) = (monday + first, monday + last);
            let new = NewHoliday { title: "Closed".into(), first, last, is_yearly: true };
            let made = office.clinic.add_holiday(by(&office.admin), new, Step::Sure).await.unwrap();
            made.made.unwrap().0
        };
        alike(5, "before").await;
        let first = close(0, 2).await;
        alike(2, "Monday to Wednesday").await;
        let second = close(2, 3).await;
        alike(1, "and to Thursday").await;
        if office.fresh.address().is_none() {
            office.clock.turn(DAY);
            alike(1, "on the next day").await;
        }
        office.clinic.remove_holiday(by(&office.admin), &first).await.unwrap();
        alike(3, "Wednesday is the other one's").await;
        let third = close(2, 2).await;
        office.clinic.remove_holiday(by(&office.admin), &second).await.unwrap();
        alike(4, "one instead of another").await;
        office.clinic.remove_holiday(by(&office.admin), &third).await.unwrap();
        alike(5, "none").await;
    })
    .await;
}

/// Days come into an index while it is asked and changed: where they begin, in the spare day before they are read, and when
/// they were not for so long that somebody has to wait.
#[tokio::test]
async fn days_come_beside_what_is_asked_and_written() {
    everywhere(async |office: Office| {
        if office.fresh.address().is_some() {
            return; // the clock of PostgreSQL is its own
        }
        let minute = minute(&office).await;
        office.hours("ada", Some(nights())).await;
        let ada = office.accounts.operator("ada").await.unwrap();
        let mut taken = 0;
        for days in [0, 1, 1, 1, 3, 1] {
            office.clock.turn(days * DAY);
            let now = office.clock.now().div_euclid(HOUR) * HOUR;
            // As far ahead as is offered, and a day near by.
            for ahead in [297, 2] {
                let window = Window { from: now + ahead * DAY, until: now + (ahead + 2) * DAY };
                for _ in 0..3 {
                    let free = free(&office, window).await;
                    let offered = offered(&office, minute, window).await;
                    assert!(offered == free && free.len() > 10 * 60, "{days} later, {ahead} ahead");
                    let first = *free.iter().min().unwrap();
                    let text = event(&format!("e{taken}"), first, first + 600, "");
                    let at = format!("ada/visits/e{taken}.ics");
                    put(&office.calendars, &ada, &at, &text).await.unwrap();
                    taken += 1;
                }
            }
            let anew = Clinic::new(office.store.clone(), office.calendars.clone());
            let window = Window { from: now + 295 * DAY, until: now + 300 * DAY };
            let both =
                (offered(&office, minute, window).await, offered_by(&anew, &office, minute, window).await);
            assert!(both.0 == both.1 && !both.0.is_empty());
        }
    })
    .await;
}

/// What is kept for somebody is no event anywhere, and neither free nor offered until it ends.
#[tokio::test]
async fn f159_a_live_hold_is_tentative_for_calendar_programs_until_the_second_it_ends() {
    everywhere(async |office: Office| {
        let minute = minute(&office).await;
        let window = Window { from: office.at(0), until: office.at(1440) };
        let before = free(&office, window).await;
        assert_eq!(offered(&office, minute, window).await, before);
        let contact = kalends::clinic::Contact { phone: Some("030 1234".into()), email: None };
        let held = office.clinic.keep(&office.bot, &office.wish(office.ada, 600), &contact).await.unwrap();
        let ada = office.accounts.operator("ada").await.unwrap();
        let told = office.calendars.freebusy_of(&ada, &["ada".to_owned()], window, None).await.unwrap();
        let told = told.into_iter().next().unwrap().unwrap();
        let kept = told.iter().find(|one| one.from == office.at(600)).unwrap();
        assert_eq!((kept.until, kept.busy), (office.at(630), ical::Busy::Tentative));
        assert!(ical::vfreebusy(&told, window, 0).contains("FBTYPE=BUSY-TENTATIVE"));
        let left = free(&office, window).await;
        assert_eq!(left.len() + 30, before.len());
        assert_eq!(offered(&office, minute, window).await, left);
        if office.fresh.address().is_none() {
            office.clock.turn(599);
            assert_eq!(free(&office, window).await, left);
            office.clock.turn(1);
        } else {
            let desk = kalends::clinic::By { clinic: office.id, who: None, door: store::Origin::Rest };
            office.clinic.release_hold(desk, &held.id).await.unwrap();
        }
        assert_eq!(free(&office, window).await, before);
        assert_eq!(offered(&office, minute, window).await, before);
    })
    .await;
}

#[tokio::test]
async fn f123_what_is_cancelled_inside_an_absence_is_not_offered() {
    everywhere(async |office: Office| {
        let booked = office.book(office.ada, 600).await;
        let ada = office.accounts.operator("ada").await.unwrap();
        let away = event("away", office.at(540), office.at(720), "");
        put(&office.calendars, &ada, "ada/absences/away.ics", &away).await.unwrap();
        assert!(office.starts(office.ada).await.is_empty());
        let how = kalends::clinic::Cancel { by_patient: false, reason: "x".into() };
        let desk = kalends::clinic::By { clinic: office.id, who: None, door: store::Origin::Rest };
        office.clinic.cancel(desk, booked.id, how, None).await.unwrap();
        assert!(office.starts(office.ada).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn f175_a_room_under_maintenance_serves_nobody() {
    everywhere(async |office: Office| {
        let mut fields = service("scan");
        fields.needs = vec![Need { kind: NeedKind::Room, term: None, count: 1 }];
        let scan = office.directory.add_service(by(&office.admin), fields).await.unwrap().id;
        let room = office.room("one", &[]).await;
        let wanted = Wanted { service: Some(scan), ..office.wanted() };
        assert!(!office.offers(&wanted).await.is_empty());
        let by = kalends::clinic::By { clinic: office.id, who: None, door: store::Origin::Rest };
        let visit = kalends::clinic::Visit {
            practitioner: room,
            with: Vec::new(),
            start: office.at(540),
            end: office.at(720),
            zone: "Europe/Berlin".into(),
            rule: None,
            buffers: (0, 0),
            title: "Maintenance".into(),
            place: None,
            location: None,
            mode: None,
            patient: None,
            service: None,
            is_pending: false,
            details: None,
        };
        office.clinic.book(by, visit, kalends::clinic::Ground::Bare).await.unwrap();
        assert!(office.offers(&wanted).await.is_empty());
    })
    .await;
}
