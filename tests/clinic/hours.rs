//! Hours and overrides: what is asked for by JSON and what calendar programs see and write is one text; what is open here is
//! what free/busy leaves open; what a change would leave outside is told first.

use kalends::calendar::{FreeBusyOf, Window, Zone};
use kalends::clinic::{
    By, Error, Ground, Interval, NewOverride, NewTerm, Open, Origin, Outside, Site, Step, TermKey, Visit,
    Week, Why, day_named,
};
use store::{Dimension, PrincipalId};

use super::two::{NOW, World, by, everywhere};

pub const HOUR: i64 = 3600;
pub const DAY: i64 = 86_400;
/// Monday, 2026-03-09 00:00 UTC: a week from now.
pub const MONDAY: i64 = 1_773_014_400;

pub fn on(weekdays: u8, start: u16, end: u16) -> Interval {
    let (start, end) = (start * 60, end * 60);
    Interval { weekdays, start, end, from: None, until: None, site: Site::default() }
}

pub fn week(zone: &str, intervals: &[Interval]) -> Week {
    Week { zone: Zone::named(zone).unwrap(), intervals: intervals.to_vec() }
}

pub async fn set(world: &World, of: PrincipalId, week: Week) -> i64 {
    let admin = world.who("north-admin").await;
    let done = world.clinic.set_hours(by(&admin), of, week, (None, Step::Sure)).await;
    done.unwrap().made.unwrap()
}

pub async fn open(world: &World, of: PrincipalId, window: (i64, i64)) -> Vec<(i64, i64)> {
    let found = world.clinic.open_hours(world.north, &[of], window.0, window.1).await.unwrap();
    found[&of].iter().map(|one| (one.from, one.until)).collect()
}

/// What free/busy leaves free of the doctor's time, as any calendar program is told.
pub async fn free(world: &World, window: (i64, i64)) -> Vec<(i64, i64)> {
    let doctor = world.who("north-doctor").await;
    let span = Window::new(window.0, window.1).unwrap();
    let of = FreeBusyOf::Person("north-doctor");
    let mut at = window.0;
    let mut free = Vec::new();
    for busy in world.calendars.freebusy(&doctor, of, span, None).await.unwrap() {
        free.extend((at < busy.from).then_some((at, busy.from)));
        at = busy.until;
    }
    free.extend((at < window.1).then_some((at, window.1)));
    free
}

pub fn desk(world: &World) -> By {
    By { clinic: world.north, who: None, door: Origin::Rest }
}

pub fn visit(of: PrincipalId, start: i64, rule: Option<&str>) -> Visit {
    Visit {
        practitioner: of,
        with: Vec::new(),
        start,
        end: start + HOUR,
        zone: "Europe/Berlin".into(),
        rule: rule.map(Into::into),
        buffers: (0, 0),
        title: "Consultation".into(),
        place: None,
        location: None,
        mode: None,
        patient: None,
        service: None,
        is_pending: false,
        details: None,
    }
}

fn utc(text: &str) -> i64 {
    ical::When::read(text, None).unwrap().instant(&Zone::utc())
}

/// Wall clocks on the days on which they change, on a leap day, and far ahead.
#[tokio::test]
async fn what_is_open_is_what_free_busy_leaves_open_on_any_day_of_any_zone() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        let days = [
            ("Europe/Berlin", "20260329T000000Z", "20260329T070000Z"),
            ("Europe/Berlin", "20261025T000000Z", "20261025T080000Z"),
            ("America/New_York", "20260308T050000Z", "20260308T130000Z"),
            ("America/New_York", "20261101T040000Z", "20261101T140000Z"),
            ("Australia/Lord_Howe", "20260404T130000Z", "20260404T223000Z"),
            ("Australia/Lord_Howe", "20261003T133000Z", "20261003T220000Z"),
            ("Europe/Berlin", "21990701T000000Z", "21990701T070000Z"),
            ("Europe/Berlin", "20280229T000000Z", "20280229T080000Z"),
        ];
        for (zone, day, nine) in days {
            set(&world, of, week(zone, &[on(127, 9, 12), on(127, 14, 18)])).await;
            let window = (utc(day), utc(day) + DAY);
            let found = open(&world, of, window).await;
            assert!(found.contains(&(utc(nine), utc(nine) + 3 * HOUR)), "{zone} {day}: {found:?}");
            assert_eq!(found, free(&world, window).await, "{zone} {day}");
            let wide = (window.0 - 10 * DAY, window.1 + 10 * DAY);
            assert_eq!(open(&world, of, wide).await, free(&world, wide).await, "{zone} {day}");
        }
    })
    .await;
}

/// A whole day lasts from midnight to midnight, be it of 23 hours or of 25.
#[tokio::test]
async fn a_whole_day_is_as_long_as_the_clock_makes_it() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        set(&world, of, week("Europe/Berlin", &[on(1 << 6, 0, 24)])).await;
        for (day, hours) in [("20260328T230000Z", 23), ("20261024T220000Z", 25), ("20260307T230000Z", 24)] {
            let window = (utc(day) - 6 * HOUR, utc(day) + 30 * HOUR);
            assert_eq!(open(&world, of, window).await, [(utc(day), utc(day) + hours * HOUR)], "{day}");
        }
    })
    .await;
}

#[tokio::test]
async fn hours_know_their_place_and_mode_and_two_people_have_two_weeks() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let admin = world.who("north-admin").await;
        let d = &world.directory;
        let term = async |dimension, code: &str| {
            let new = NewTerm { dimension, code: code.into(), name: format!("The {code}"), detail: None };
            TermKey(d.add_term(by(&admin), new).await.unwrap().id.0)
        };
        let (house, video) = (term(Dimension::Location, "house").await, term(Dimension::Mode, "video").await);
        let at_home = Site { place: None, mode: Some(video) };
        let there = Site { place: Some(house), mode: None };
        let days = [Interval { site: there, ..on(1, 9, 12) }, Interval { site: at_home, ..on(1, 12, 14) }];
        set(&world, full.practitioner, week("UTC", &days)).await;
        let other = super::two::practitioner("north-other");
        let other = d.add_practitioner(by(&admin), other).await.unwrap().id;
        set(&world, other, week("UTC", &[on(2, 8, 9)])).await;
        let ids = [full.practitioner, other, admin.principal()];
        let found = world.clinic.open_hours(world.north, &ids, MONDAY, MONDAY + 2 * DAY).await.unwrap();
        let open =
            |from, until, site| Open { from: MONDAY + from * HOUR, until: MONDAY + until * HOUR, site };
        assert_eq!(found[&full.practitioner], [open(9, 12, there), open(12, 14, at_home)]);
        assert_eq!(found[&other], [open(32, 33, Site::default())]);
        assert!(!found.contains_key(&admin.principal()), "nothing is said of their hours");
        let read = world.clinic.hours(&admin, full.practitioner).await.unwrap();
        assert_eq!(read.hours.week.intervals, days);
        let wrong = [
            (Site { place: Some(video), mode: None }, "place"),
            (Site { place: None, mode: Some(TermKey(full.term.0)) }, "mode"),
        ];
        for (site, field) in wrong {
            let week = week("UTC", &[Interval { site, ..on(1, 9, 12) }]);
            let refused =
                world.clinic.set_hours(by(&admin), full.practitioner, week, (None, Step::Sure)).await;
            assert!(matches!(refused, Err(Error::Invalid { field: named, .. }) if named == field), "{field}");
        }
    })
    .await;
}

#[tokio::test]
async fn rfc7953_7_2_4_the_base_is_the_text_of_the_inbox_for_every_door() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        let doctor = world.who("north-doctor").await;
        let version = set(&world, of, week("Europe/Berlin", &[on(0b1_1111, 9, 17)])).await;
        let text = world.calendars.availability(&doctor).await.unwrap().unwrap();
        assert!(text.contains("RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\r\n"), "{text}");
        // A calendar program adds what no week can say.
        let third = "BEGIN:AVAILABLE\r\nUID:third\r\nDTSTART;TZID=Europe/Berlin:20260103T100000\r\n\
            DTEND;TZID=Europe/Berlin:20260103T120000\r\nRRULE:FREQ=MONTHLY;BYDAY=3SA\r\nEND:AVAILABLE\r\n";
        let text = text.replace("END:VAVAILABILITY", &format!("{third}END:VAVAILABILITY"));
        let dav = kalends::calendar::Author { who: &doctor, from: Origin::Dav };
        world.calendars.set_availability(dav, Some(text)).await.unwrap();
        let read = world.clinic.hours(&doctor, of).await.unwrap();
        assert_eq!((read.hours.others, read.hours.week.intervals.len()), (1, 1));
        assert!(read.version > version);
        let again = week("Europe/Berlin", &[on(1, 9, 12)]);
        let stale = world.clinic.set_hours(by(&doctor), of, again.clone(), (Some(version), Step::Sure)).await;
        assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
        world.clinic.set_hours(by(&doctor), of, again, (Some(read.version), Step::Sure)).await.unwrap();
        // 21 March 2026 is a third Saturday, 9:00 in Berlin is 8:00 UTC.
        let saturday = utc("20260321T000000Z");
        let found = open(&world, of, (saturday, saturday + DAY)).await;
        assert_eq!(found, [(saturday + 9 * HOUR, saturday + 11 * HOUR)], "it stays");
    })
    .await;
}

#[tokio::test]
async fn an_override_replaces_its_days_and_an_urgent_one_goes_before() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        let admin = world.who("north-admin").await;
        set(&world, of, week("UTC", &[on(127, 9, 12)])).await;
        let day = MONDAY / DAY;
        let put = async |id: Option<String>, is_urgent, hours: &[Interval]| {
            let new = NewOverride { first: day, last: day + 1, is_urgent, week: week("UTC", hours) };
            let done = world.clinic.put_override(by(&admin), (of, id), new, (None, Step::Sure)).await;
            done.unwrap().made.unwrap()
        };
        let at = |from, until| (MONDAY + from * HOUR, MONDAY + until * HOUR);
        let window = (MONDAY - DAY, MONDAY + 3 * DAY);
        let (first, version) = put(None, false, &[on(127, 14, 15)]).await;
        let sunday = (MONDAY - 15 * HOUR, MONDAY - 12 * HOUR);
        assert_eq!(open(&world, of, window).await, [sunday, at(14, 15), at(38, 39), at(57, 60)]);
        assert_eq!(free(&world, window).await, open(&world, of, window).await);
        let (urgent, _) = put(None, true, &[]).await;
        assert_eq!(open(&world, of, window).await, [sunday, at(57, 60)], "without hours it closes");
        assert_eq!(free(&world, window).await, open(&world, of, window).await);
        let gone = (of, urgent.as_str());
        world.clinic.remove_override(by(&admin), gone, (None, Step::Ask)).await.unwrap();
        let (same, changed) = put(Some(first.clone()), false, &[on(1, 20, 21)]).await;
        assert!(same == first && changed > version);
        assert_eq!(open(&world, of, window).await, [sunday, at(20, 21), at(57, 60)]);
        let listed = world.clinic.overrides(&admin, of, window).await.unwrap();
        assert_eq!((listed.len(), listed[0].first, listed[0].version), (1, day, changed));
        // A calendar program sees it in the calendar `hours`, and takes it away.
        let doctor = world.who("north-doctor").await;
        let dav = kalends::calendar::Author { who: &doctor, from: Origin::Dav };
        let place = super::world::place(&format!("north-doctor/hours/{first}.ics"));
        world.calendars.delete(dav, &place, kalends::calendar::Condition::NONE).await.unwrap();
        assert_eq!(open(&world, of, window).await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn what_a_change_of_hours_leaves_outside_is_told_first_and_stays() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        let admin = world.who("north-admin").await;
        set(&world, of, week("UTC", &[on(127, 8, 18)])).await;
        let ground = || Ground::Bare;
        let early =
            world.clinic.book(desk(&world), visit(of, MONDAY + 8 * HOUR, None), ground()).await.unwrap();
        let weekly = Some("FREQ=WEEKLY;COUNT=3");
        let late =
            world.clinic.book(desk(&world), visit(of, MONDAY + 16 * HOUR, weekly), ground()).await.unwrap();
        let mornings = || week("UTC", &[on(127, 8, 12)]);
        let set = async |step| world.clinic.set_hours(by(&admin), of, mornings(), (None, step)).await;
        let looked = set(Step::Look).await.unwrap();
        let ids: Vec<_> = looked.outside.first.iter().map(|one| one.appointment.clone().unwrap()).collect();
        assert_eq!(ids.len(), 3);
        assert!(ids.iter().all(|id| id.uid == late.id.uid) && looked.made.is_none());
        let refused = set(Step::Ask).await;
        assert!(matches!(&refused, Err(Error::Outside(all)) if *all == looked.outside), "{refused:?}");
        assert_eq!(open(&world, of, (MONDAY, MONDAY + DAY)).await.len(), 1);
        assert!(world.clinic.outside(&admin, of, (NOW, NOW + 90 * DAY)).await.unwrap().is_empty());
        set(Step::Sure).await.unwrap();
        let outside = world.clinic.outside(&admin, of, (NOW, NOW + 90 * DAY)).await.unwrap();
        assert_eq!(outside, looked.outside.first);
        assert!(outside.iter().all(|one| one.why == Why::Hours));
        let row = world.clinic.appointment(desk(&world), &late.id).await.unwrap().remove(0);
        assert_eq!(row.status, "scheduled", "nothing is lost");
        assert!(set(Step::Ask).await.is_ok(), "what was outside before is not told again");
        let day = MONDAY / DAY;
        let closed = NewOverride { first: day, last: day, is_urgent: false, week: week("UTC", &[]) };
        let asked = world.clinic.put_override(by(&admin), (of, None), closed, (None, Step::Ask)).await;
        let Err(Error::Outside(all)) = asked else { panic!("{asked:?}") };
        assert_eq!(all.first.into_iter().map(uid).collect::<Vec<_>>(), [early.id.uid]);
    })
    .await;
}

pub fn uid(one: Outside) -> String {
    one.appointment.unwrap().uid
}

#[tokio::test]
async fn overlapping_intervals_are_refused_and_nothing_is_written() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        let admin = world.who("north-admin").await;
        let week = week("UTC", &[on(3, 9, 12), on(2, 11, 13)]);
        let refused = world.clinic.set_hours(by(&admin), of, week, (None, Step::Sure)).await;
        assert!(matches!(refused, Err(Error::Overlapping { first: 0, second: 1 })), "{refused:?}");
        assert_eq!(world.clinic.hours(&admin, of).await.unwrap().version, 0);
        assert!(day_named("2026-02-29").is_none());
    })
    .await;
}

/// A page of statements, not one for each person.
#[tokio::test]
async fn the_hours_of_many_cost_few_statements() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        set(&world, full.practitioner, week("UTC", &[on(127, 9, 12)])).await;
        let many: Vec<_> = (0..100).map(|n| PrincipalId(1_000_000 + n)).chain([full.practitioner]).collect();
        let before = store::trips();
        let found = world.clinic.open_hours(world.north, &many, MONDAY, MONDAY + DAY).await.unwrap();
        assert_eq!(found.len(), 1);
        let cost = store::trips() - before;
        assert!(cost <= 10, "{cost} statements");
    })
    .await;
}
