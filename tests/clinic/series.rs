//! Series: one object whatever their length; changed for one date, from a date on, or for all to come; what has taken
//! place is never touched; their counters equal a recount.

use kalends::calendar::Window;
use kalends::clinic::{
    Alter, AppointmentId, Cancel, Counts, Error, Going, Ground, Leaf, Scope, Series, Status, Visit, Whose,
};
use store::BusyKind;

use super::world::{DAY, MINUTE, World, everywhere, kinds};

const WEEK: i64 = 7 * DAY;

pub fn weekly(world: &World, count: u32) -> Visit {
    Visit {
        with: vec![world.room],
        rule: Some(format!("FREQ=WEEKLY;COUNT={count}")),
        ..world.visit(600, 630)
    }
}

/// One of which two dates are over.
fn begun(world: &World, count: u32) -> Visit {
    let visit = weekly(world, count);
    Visit { start: visit.start - 16 * DAY, end: visit.end - 16 * DAY, ..visit }
}

pub async fn starts(world: &World, of: store::PrincipalId) -> Vec<i64> {
    world.busy(of).await.iter().map(|one| one.span.start).collect()
}

fn date(id: &AppointmentId, at: i64) -> AppointmentId {
    AppointmentId { occurrence: Some(at), ..id.clone() }
}

async fn alter(world: &World, id: AppointmentId, scope: Scope, alter: Alter) -> Result<AppointmentId, Error> {
    let done = world.clinic.alter(world.by(), id, (scope, alter), None, Ground::Bare).await;
    done.map(|booked| booked.id)
}

async fn call_off(world: &World, id: AppointmentId, scope: Scope) -> Result<i64, Error> {
    let how = Cancel { by_patient: false, reason: "away".into() };
    world.clinic.call_off(world.by(), id, (scope, how), None).await
}

pub async fn series(world: &World, id: &AppointmentId) -> Series {
    world.clinic.series(world.by(), id).await.unwrap()
}

async fn text(world: &World, of: &str, uid: &str) -> String {
    world.text(&format!("{of}/visits/{uid}.ics")).await.unwrap()
}

/// Leads a date through its day.
async fn complete(world: &World, id: &AppointmentId) {
    for to in [Status::CheckedIn, Status::InProgress, Status::Completed] {
        world.clinic.advance(world.by(), id.clone(), to, None).await.unwrap();
    }
}

#[tokio::test]
async fn this_and_following_cuts_in_two_and_the_past_stays() {
    everywhere(async |world| {
        let id = world.book(begun(&world, 6)).await.unwrap().id;
        let dates = starts(&world, world.ada).await;
        complete(&world, &date(&id, dates[0])).await;
        let later = Alter { start: Some(dates[3] + 3600), length: Some(2700), ..Alter::default() };
        let tail = alter(&world, date(&id, dates[3]), Scope::Following, later).await.unwrap();
        assert_ne!(tail.uid, id.uid);
        for of in [world.ada, world.room] {
            let now = starts(&world, of).await;
            let expected: Vec<i64> = (0..6).map(|n| if n < 3 { dates[n] } else { dates[n] + 3600 }).collect();
            assert_eq!(now, expected);
        }
        let (head, rest) = (text(&world, "ada", &id.uid).await, text(&world, "ada", &tail.uid).await);
        // RFC 9253 5: the head points to what it goes on as, the tail to what it began as.
        assert!(head.contains(&format!("RELATED-TO;RELTYPE=NEXT:{}", tail.uid)), "{head}");
        assert!(rest.contains(&format!("RELATED-TO;RELTYPE=FIRST:{}", id.uid)), "{rest}");
        assert!(head.contains("UNTIL=") && rest.contains("COUNT=3"), "{head}{rest}");
        let refid = format!("REFID:{}", id.uid);
        assert!(head.contains(&refid) && rest.contains(&refid), "{head}{rest}");
        let rows = world.clinic.appointment(world.by(), &id).await.unwrap();
        assert_eq!((rows[1].status.as_str(), rows[1].start_at), ("completed", dates[0]));
        let (head, rest) = (series(&world, &id).await, series(&world, &tail).await);
        assert_eq!((head.goes_on.as_deref(), rest.began.as_deref()), (Some(&*tail.uid), Some(&*id.uid)));
        assert_eq!((head.counts.total, rest.counts.total), (Some(3), Some(3)));
        // The past is out of reach: from the first date on is from the first to come on.
        let all = Alter { title: Some("Therapy".into()), ..Alter::default() };
        let third = alter(&world, date(&id, dates[1]), Scope::Following, all).await.unwrap();
        assert!(!text(&world, "ada", &id.uid).await.contains("Therapy"));
        assert_eq!(series(&world, &third).await.start, dates[2]);
    })
    .await;
}

#[tokio::test]
async fn before_it_began_all_of_a_series_changes_under_its_id() {
    everywhere(async |world| {
        let id = world.book(weekly(&world, 4)).await.unwrap().id;
        let dates = starts(&world, world.ada).await;
        let (by, one) = (world.by(), date(&id, dates[1]));
        world
            .clinic
            .reschedule(by, one, (dates[1] + 7200, dates[1] + 9000), None, Ground::Bare)
            .await
            .unwrap();
        let changed = Alter {
            start: Some(dates[0] + DAY + 1800),
            length: Some(3600),
            title: Some("Longer".into()),
            place: Some(Some("Upstairs".into())),
            ..Alter::default()
        };
        assert_eq!(alter(&world, id.clone(), Scope::All, changed).await.unwrap().uid, id.uid);
        let moved = |n: usize| dates[n] + DAY + 1800;
        let expected = [moved(0), dates[1] + 7200, moved(2), moved(3)];
        for of in [world.ada, world.room] {
            assert_eq!(starts(&world, of).await, expected, "what was moved by hand stays");
        }
        let now = text(&world, "ada", &id.uid).await;
        assert_eq!((now.matches("SUMMARY:Longer").count(), now.matches("LOCATION:Upstairs").count()), (2, 2));
        let rows = world.clinic.appointment(world.by(), &id).await.unwrap();
        assert_eq!(rows.len(), 2, "the row of the moved date goes along");
        assert_eq!((rows[0].start_at, rows[1].start_at), (moved(0), dates[1] + 7200));
        let again = date(&id, moved(1));
        call_off(&world, again, Scope::This).await.unwrap();
        assert_eq!(starts(&world, world.room).await, [moved(0), moved(2), moved(3)]);
    })
    .await;
}

#[tokio::test]
async fn a_change_of_many_dates_is_all_or_nothing_and_names_those_that_failed() {
    everywhere(async |world| {
        let id = world.book(weekly(&world, 6)).await.unwrap().id;
        let dates = starts(&world, world.ada).await;
        for n in [2, 4] {
            let (start, end) = (dates[n] + 7200, dates[n] + 9000);
            world.book(Visit { start, end, ..world.visit(0, 1) }).await.unwrap();
        }
        let before = (text(&world, "ada", &id.uid).await, world.store.version(world.id).await.unwrap());
        let onto = Alter { start: Some(dates[1] + 7200), ..Alter::default() };
        let refused = alter(&world, date(&id, dates[1]), Scope::Following, onto.clone()).await;
        let Err(Error::Conflict(met)) = refused else { panic!("{refused:?}") };
        assert_eq!(kinds(&met), [(world.ada, BusyKind::Visit); 2]);
        assert_eq!([met[0].start, met[1].start], [dates[2] + 7200, dates[4] + 7200]);
        let after = (text(&world, "ada", &id.uid).await, world.store.version(world.id).await.unwrap());
        assert_eq!(after, before, "nothing was written");
        let ground = Ground::Overbook("both agreed".into());
        let change = (Scope::Following, onto);
        let done = world.clinic.alter(world.by(), date(&id, dates[1]), change, None, ground).await.unwrap();
        assert_eq!(done.overbooked.len(), 2);
        // What is overbooked already may have another title.
        let title = Alter { title: Some("Other".into()), ..Alter::default() };
        let third = date(&done.id, dates[2] + 7200);
        alter(&world, third, Scope::Following, title).await.unwrap();
        let marks = world.busy(world.ada).await.iter().filter(|one| one.mark.is_some()).count();
        assert_eq!(marks, 2);
    })
    .await;
}

#[tokio::test]
async fn a_series_goes_to_another_practitioner_and_another_room() {
    everywhere(async |world| {
        let id = world.book(weekly(&world, 4)).await.unwrap().id;
        let dates = starts(&world, world.ada).await;
        let to_bob = Alter { practitioner: Some(world.bob), ..Alter::default() };
        alter(&world, id.clone(), Scope::All, to_bob).await.unwrap();
        assert!(starts(&world, world.ada).await.is_empty());
        assert_eq!(
            (starts(&world, world.bob).await, starts(&world, world.room).await),
            (dates.clone(), dates.clone())
        );
        assert!(world.text(&format!("ada/visits/{}.ics", id.uid)).await.is_none());
        assert_eq!(series(&world, &id).await.row.practitioner, world.bob);
        let attic = Alter { with: Some(vec![world.attic]), ..Alter::default() };
        let tail = alter(&world, date(&id, dates[2]), Scope::Following, attic).await.unwrap();
        assert_eq!(starts(&world, world.room).await, dates[..2]);
        assert_eq!(
            (starts(&world, world.attic).await, starts(&world, world.bob).await),
            (dates[2..].to_vec(), dates.clone())
        );
        let back = Alter { practitioner: Some(world.ada), with: Some(Vec::new()), ..Alter::default() };
        let one = alter(&world, date(&tail, dates[3]), Scope::This, back).await.unwrap();
        assert_eq!(
            (starts(&world, world.ada).await, starts(&world, world.attic).await),
            (vec![dates[3]], vec![dates[2]])
        );
        assert!(
            text(&world, "ada", &one.uid).await.contains(&format!("RELATED-TO;RELTYPE=SIBLING:{}", tail.uid))
        );
        let counts = series(&world, &tail).await.counts;
        assert_eq!((counts.total, counts.moved, counts.cancelled, counts.additional), (Some(2), 1, 0, 0));
        let nobody = Alter { practitioner: Some(store::PrincipalId(999_999)), ..Alter::default() };
        assert_eq!(alter(&world, tail, Scope::All, nobody).await.unwrap_err().code(), "RESOURCE_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn the_rest_is_cancelled_and_what_was_done_stays() {
    everywhere(async |world| {
        let id = world.book(begun(&world, 6)).await.unwrap().id;
        let dates = starts(&world, world.ada).await;
        call_off(&world, date(&id, dates[4]), Scope::Following).await.unwrap();
        assert_eq!(starts(&world, world.room).await, dates[..4]);
        assert_eq!(series(&world, &id).await.going, Going::Active);
        complete(&world, &date(&id, dates[0])).await;
        world.clinic.advance(world.by(), date(&id, dates[1]), Status::NoShow, None).await.unwrap();
        call_off(&world, id.clone(), Scope::All).await.unwrap();
        assert_eq!(starts(&world, world.room).await, dates[..2]);
        let now = series(&world, &id).await;
        assert_eq!((now.going, now.next.len()), (Going::Cancelled, 0));
        let expected = Counts {
            total: Some(2),
            past: 2,
            remaining: Some(0),
            completed: 1,
            no_show: 1,
            ..Counts::default()
        };
        assert_eq!(now.counts, expected);
        let over = call_off(&world, id.clone(), Scope::All).await;
        assert!(matches!(over, Err(Error::Transition { .. })), "{over:?}");
        let rows = world.clinic.appointment(world.by(), &id).await.unwrap();
        let states: Vec<&str> = rows.iter().map(|row| row.status.as_str()).collect();
        assert_eq!(states, ["cancelled_by_clinic", "completed", "no_show"]);
    })
    .await;
}

#[tokio::test]
async fn an_additional_date_is_tied_counted_and_takes_time() {
    everywhere(async |world| {
        let id = world.book(weekly(&world, 3)).await.unwrap().id;
        let dates = starts(&world, world.ada).await;
        let add = async |start: i64| {
            let span = (start, start + 1800);
            world
                .clinic
                .add_date(world.by(), id.clone(), span, Some("missed one".into()), (None, Ground::Bare))
                .await
        };
        let added = add(dates[0] + DAY).await.unwrap();
        let text = text(&world, "ada", &added.id.uid).await;
        assert!(
            text.contains(&format!("RELATED-TO;RELTYPE=SIBLING:{}", id.uid))
                && !text.contains("RRULE:FREQ=WEEKLY"),
            "{text}"
        );
        assert!(text.contains(&format!("REFID:{}", id.uid)), "{text}");
        for of in [world.ada, world.room] {
            assert_eq!(starts(&world, of).await, [dates[0], dates[0] + DAY, dates[1], dates[2]]);
        }
        assert!(matches!(add(dates[1]).await, Err(Error::Conflict(_))), "it is checked like any other");
        let now = series(&world, &id).await;
        assert_eq!((now.counts.total, now.counts.additional), (Some(4), 1));
        assert_eq!(now.next[1].start, dates[0] + DAY);
        assert!(now.next[1].is_additional && now.next[1].series.as_deref() == Some(&*id.uid));
        assert_eq!(now.next[2].number, Some((2, Some(3))), "it takes no number of the pattern");
        call_off(&world, added.id, Scope::This).await.unwrap();
        let counts = series(&world, &id).await.counts;
        assert_eq!((counts.total, counts.cancelled, counts.remaining), (Some(4), 1, Some(3)));
        add(dates[0] + 2 * DAY).await.unwrap();
        call_off(&world, id.clone(), Scope::All).await.unwrap();
        assert!(starts(&world, world.room).await.is_empty(), "with the series go its additional dates");
    })
    .await;
}

#[tokio::test]
async fn a_preview_names_every_date_and_dates_are_left_out_by_name() {
    everywhere(async |world| {
        let visit = weekly(&world, 12);
        let at = |week: i64| visit.start + week * WEEK;
        let taken = |week: i64, of| Visit {
            practitioner: of,
            start: at(week),
            end: at(week) + 1800,
            ..world.visit(0, 1)
        };
        world.book(taken(2, world.ada)).await.unwrap();
        world.book(Visit { with: vec![world.room], ..taken(5, world.bob) }).await.unwrap();
        let seen = world.clinic.preview_series(world.by(), visit.clone(), Vec::new(), 10).await.unwrap();
        assert_eq!((seen.dates.len(), seen.more), (10, true));
        assert_eq!(seen.dates[9], (at(9), at(9) + 1800));
        let mut met: Vec<_> = seen.conflicts.iter().map(|one| (one.start, one.resource)).collect();
        met.sort_unstable();
        assert_eq!(met, [(at(2), world.ada), (at(5), world.room)]);
        let book = async |skip: Vec<i64>| {
            world.clinic.book_series(world.by(), visit.clone(), skip, Ground::Bare).await
        };
        assert!(matches!(book(vec![at(2)]).await, Err(Error::Conflict(met)) if met.len() == 1));
        let unknown = book(vec![at(2), at(5) + 60]).await;
        assert!(matches!(unknown, Err(Error::Invalid { field: "skip", .. })), "{unknown:?}");
        let skip = vec![at(2), at(5)];
        let seen = world.clinic.preview_series(world.by(), visit.clone(), skip.clone(), 100).await.unwrap();
        assert_eq!((seen.dates.len(), seen.more, seen.conflicts.len()), (10, false, 0));
        let id = book(skip).await.unwrap().id;
        assert_eq!(starts(&world, world.room).await.len(), 11, "ten and what was there");
        let now = series(&world, &id).await;
        assert_eq!((now.counts.total, now.counts.remaining, now.counts.cancelled), (Some(12), Some(10), 2));
        assert_eq!(now.next[2].number, Some((4, Some(12))));
    })
    .await;
}

#[tokio::test]
async fn one_appointment_becomes_a_series_and_one_again() {
    everywhere(async |world| {
        let id = world.book(Visit { rule: None, ..weekly(&world, 1) }).await.unwrap().id;
        let rule = |rule: Option<&str>| Alter { rule: Some(rule.map(str::to_string)), ..Alter::default() };
        let bad = alter(&world, id.clone(), Scope::All, rule(Some("FREQ=SOMETIMES"))).await;
        assert!(matches!(bad, Err(Error::Invalid { field: "rule", .. })), "{bad:?}");
        let same = alter(&world, id.clone(), Scope::All, rule(Some("FREQ=WEEKLY;COUNT=5"))).await.unwrap();
        assert_eq!(same, id);
        assert_eq!(starts(&world, world.room).await.len(), 5);
        assert_eq!(series(&world, &id).await.rule.as_deref(), Some("FREQ=WEEKLY;COUNT=5"));
        let dates = starts(&world, world.ada).await;
        call_off(&world, date(&id, dates[3]), Scope::This).await.unwrap();
        // A longer series, two weeks apart: only what is a date of it stays cancelled.
        alter(&world, id.clone(), Scope::All, rule(Some("FREQ=WEEKLY;INTERVAL=3;COUNT=3"))).await.unwrap();
        assert_eq!(
            starts(&world, world.room).await,
            [dates[0], dates[0] + 6 * WEEK + shift(&world, dates[0], 42)]
        );
        alter(&world, id.clone(), Scope::All, rule(None)).await.unwrap();
        assert_eq!(starts(&world, world.room).await, [dates[0]]);
        assert!(matches!(world.clinic.series(world.by(), &id).await, Err(Error::NotFound("series"))));
        assert!(!text(&world, "ada", &id.uid).await.contains("RRULE:FREQ=WEEKLY"));
    })
    .await;
}

/// What a change of the clocks adds, so many days later.
fn shift(_: &World, instant: i64, days: i64) -> i64 {
    let zone = ical::Zone::named("Europe/Berlin").unwrap();
    i64::from(zone.offset_at(instant)) - i64::from(zone.offset_at(instant + days * DAY))
}

#[tokio::test]
async fn counters_equal_a_recount() {
    everywhere(async |world| {
        let rule = Some("FREQ=DAILY;COUNT=20".to_string());
        let first = weekly(&world, 1);
        let visit = Visit { rule, start: first.start - 13 * DAY, end: first.end - 13 * DAY, ..first };
        let id = world.book(visit).await.unwrap().id;
        let dates = starts(&world, world.ada).await;
        for n in [0, 1, 3] {
            complete(&world, &date(&id, dates[n])).await;
        }
        world.clinic.advance(world.by(), date(&id, dates[2]), Status::NoShow, None).await.unwrap();
        for n in [9, 10] {
            call_off(&world, date(&id, dates[n]), Scope::This).await.unwrap();
        }
        let to = (dates[12] + 7200, dates[12] + 9000);
        world.clinic.reschedule(world.by(), date(&id, dates[12]), to, None, Ground::Bare).await.unwrap();
        let span = (dates[13] + 7200, dates[13] + 9000);
        world.clinic.add_date(world.by(), id.clone(), span, None, (None, Ground::Bare)).await.unwrap();
        let counts = series(&world, &id).await.counts;
        // By the list, which knows nothing of counters.
        let window = Window { from: dates[0] - DAY, until: dates[19] + 2 * DAY };
        let whose = Whose::These(vec![id.uid.clone()]);
        let leaf = Leaf { whose, window, with_cancelled: true, after: None, limit: 100 };
        let list = world.clinic.dates(world.by(), leaf).await.unwrap().items;
        let of = |status: Status| list.iter().filter(|date| date.status == Some(status)).count() as u64;
        let cancelled = of(Status::CancelledByClinic);
        let now = world.clock.now();
        let standing = || list.iter().filter(|date| date.status.is_some_and(|status| !status.is_cancelled()));
        let recount = Counts {
            total: Some(list.len() as u64),
            past: standing().filter(|date| date.end <= now).count() as u64,
            remaining: Some(standing().filter(|date| date.end > now).count() as u64),
            completed: of(Status::Completed),
            cancelled,
            moved: standing().filter(|date| date.original.is_some_and(|at| at != date.start)).count() as u64,
            no_show: of(Status::NoShow),
            additional: list.iter().filter(|date| date.is_additional).count() as u64,
        };
        assert_eq!(counts, recount);
        assert_eq!((counts.total, counts.completed, counts.cancelled, counts.no_show), (Some(21), 3, 2, 1));
    })
    .await;
}

#[tokio::test]
async fn an_endless_series_has_no_total_and_is_one_row() {
    everywhere(async |world| {
        let rule = Some("FREQ=WEEKLY".to_string());
        let id = world.book(Visit { rule, with: Vec::new(), ..weekly(&world, 1) }).await.unwrap().id;
        let now = series(&world, &id).await;
        assert_eq!((now.counts.total, now.counts.remaining, now.next.len()), (None, None, 10));
        let far = ical::When::read("21990705T000000Z", None).unwrap().instant(&ical::Zone::utc());
        let window = Window { from: far, until: far + 28 * DAY };
        let leaf = Leaf {
            whose: Whose::Calendars(vec![world.ada]),
            window,
            with_cancelled: false,
            after: None,
            limit: 10,
        };
        let list = world.clinic.dates(world.by(), leaf).await.unwrap().items;
        assert_eq!(list.len(), 4, "in the year 2199 as tomorrow");
        let zone = ical::Zone::named("Europe/Berlin").unwrap();
        let hour = |instant| zone.to_civil(instant).rem_euclid(DAY);
        assert!(list.iter().all(|date| hour(date.start) == hour(now.start)));
        let at = list[2].id.clone();
        world
            .clinic
            .reschedule(
                world.by(),
                at.clone(),
                (list[2].start + 3600, list[2].end + 3600),
                None,
                Ground::Bare,
            )
            .await
            .unwrap();
        call_off(&world, list[1].id.clone(), Scope::This).await.unwrap();
        assert_eq!(
            world.clinic.appointment(world.by(), &id).await.unwrap().len(),
            3,
            "the whole and two dates"
        );
        let who = world.who("ada").await;
        let place = super::world::place("ada/visits/x").collection;
        let shown = world.calendars.collection(&who, &place).await.unwrap();
        assert_eq!(world.calendars.list(&shown).await.unwrap().len(), 1);
    })
    .await;
}

/// A single one far beyond the horizon is checked by expansion.
#[tokio::test]
async fn beyond_the_horizon_nothing_is_booked_twice() {
    everywhere(async |world| {
        let far = |days: i64, from: i64| {
            let start = world.at(from) + days * DAY;
            Visit { start, end: start + 1800, ..world.visit(0, 1) }
        };
        let id = world.book(far(900, 600)).await.unwrap().id;
        assert!(matches!(world.book(far(900, 615)).await, Err(Error::Conflict(_))));
        let near = world.book(world.visit(600, 630)).await.unwrap().id;
        let onto = (far(900, 615).start, far(900, 615).end);
        let moved = world.clinic.reschedule(world.by(), near.clone(), onto, None, Ground::Bare).await;
        assert!(matches!(moved, Err(Error::Conflict(_))), "{moved:?}");
        let beside = (far(900, 630).start, far(900, 630).end);
        world.clinic.reschedule(world.by(), near, beside, None, Ground::Bare).await.unwrap();
        call_off(&world, id, Scope::All).await.unwrap();
        world.book(far(900, 600)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn both_days_on_which_clocks_change_and_the_29th_of_february() {
    everywhere(async |world| {
        let zone = ical::Zone::named("Europe/Berlin").unwrap();
        let at = |text: &str| ical::When::read(text, Some(&zone)).unwrap().instant(&zone);
        // From before the spring of 2199 until after its autumn, in the night hour that clocks change in.
        let start = at("21990330T023000");
        let rule = Some("FREQ=DAILY;COUNT=215".to_string());
        let visit = Visit { start, end: start + 1800, rule, ..world.visit(0, 1) };
        let id = world.book(visit).await.unwrap().id;
        let list = async |from: &str, until: &str| {
            let leaf = Leaf {
                whose: Whose::Calendars(vec![world.ada]),
                window: Window { from: at(from), until: at(until) },
                with_cancelled: false,
                after: None,
                limit: 1000,
            };
            world.clinic.dates(world.by(), leaf).await.unwrap().items
        };
        let spring = list("21990331T000000", "21990401T000000").await;
        // RFC 5545 3.3.5: what the clock skips is read with the offset before the gap.
        assert_eq!(
            (spring.len(), spring[0].start),
            (1, at("21990331T033000")),
            "half past two is not on this clock"
        );
        let autumn = list("21991027T000000", "21991028T000000").await;
        assert_eq!((autumn.len(), autumn[0].end - autumn[0].start), (1, 1800));
        assert_eq!(autumn[0].number, Some((212, Some(215))));
        let later = Alter { start: Some(at("21991026T033000")), ..Alter::default() };
        let before = list("21991026T000000", "21991027T000000").await;
        let tail = alter(&world, before[0].id.clone(), Scope::Following, later).await.unwrap();
        let moved = list("21991027T000000", "21991028T000000").await;
        assert_eq!((moved[0].start, &moved[0].id.uid), (at("21991027T033000"), &tail.uid));
        let _ = id;
        let leap = at("21960229T100000");
        let rule = Some("FREQ=YEARLY;COUNT=3".to_string());
        let visit = Visit { start: leap, end: leap + 1800, rule, ..world.visit(0, 1) };
        let id = world.book(visit).await.unwrap().id;
        let seen = series(&world, &id).await;
        let years: Vec<String> =
            seen.next.iter().map(|date| ical::When::Utc(date.start).print()[..8].to_string()).collect();
        assert_eq!(years, ["21960229", "22040229", "22080229"], "2200 has none");
    })
    .await;
}

#[tokio::test]
async fn ten_years_are_one_row_and_one_text() {
    everywhere(async |world| {
        let size = async |count: u32| {
            let booked = world
                .book(Visit {
                    start: world.at(i64::from(count)),
                    end: world.at(i64::from(count)) + MINUTE,
                    with: Vec::new(),
                    ..weekly(&world, count)
                })
                .await
                .unwrap();
            let rows = world.clinic.appointment(world.by(), &booked.id).await.unwrap().len();
            (rows, text(&world, "ada", &booked.id.uid).await.len())
        };
        let (short, long) = (size(10).await, size(522).await);
        assert_eq!((short.0, long.0), (1, 1));
        assert!(long.1 <= short.1 + 1, "{short:?} {long:?}");
    })
    .await;
}

#[tokio::test]
async fn every_deed_is_audited_and_the_history_of_a_room_is_a_page_of_it() {
    everywhere(async |world| {
        let id = world.book(weekly(&world, 3)).await.unwrap().id;
        let dates = starts(&world, world.ada).await;
        let attic =
            Alter { with: Some(vec![world.attic]), reason: Some("a leak".into()), ..Alter::default() };
        alter(&world, id.clone(), Scope::All, attic).await.unwrap();
        call_off(&world, date(&id, dates[1]), Scope::This).await.unwrap();
        world.delete(&format!("ada/visits/{}.ics", id.uid)).await.unwrap();
        let of = async |subject: String| {
            let mut conn = world.store.read(world.id).await.unwrap();
            let of = store::AuditOf::Subject(&subject);
            conn.audited(world.id, of, (0, -1), 99).await.unwrap()
        };
        let told = |rows: &[store::Audited]| rows.iter().map(|row| row.kind.clone()).collect::<Vec<_>>();
        let whole = of(format!("appointment {id}")).await;
        assert_eq!(told(&whole), ["series-booked", "appointment-moved", "appointment-cancelled"]);
        assert!(whole[1].body.contains("a leak"), "{}", whole[1].body);
        assert_eq!((whole[0].door.as_str(), whole[2].door.as_str()), ("rest", "dav"));
        assert_eq!(whole[2].actor, Some(world.ada), "whoever did it on the phone");
        assert_eq!(
            told(&of(format!("resource {}", world.room)).await),
            ["resource-assigned", "resource-released"]
        );
        let attic = told(&of(format!("resource {}", world.attic)).await);
        assert_eq!(attic, ["resource-assigned", "resource-released", "resource-released"]);
        let mut conn = world.store.read(world.id).await.unwrap();
        assert!(conn.audit_holds(world.id).await.unwrap().is_ok());
    })
    .await;
}

#[tokio::test]
async fn an_erased_practitioner_leaves_the_history_of_patients_and_no_taken_rooms() {
    everywhere(async |world| {
        let over =
            Visit { start: world.day - 10 * DAY, end: world.day - 10 * DAY + 1800, ..world.visit(0, 1) };
        let over = world.book(over).await.unwrap().id;
        let id = world.book(begun(&world, 5)).await.unwrap().id;
        let dates = starts(&world, world.room).await;
        assert_eq!(world.clinic.let_go(world.by(), world.ada, "left").await.unwrap(), 1);
        assert_eq!(
            starts(&world, world.room).await,
            dates[..2],
            "the rooms are free, what took place is seen"
        );
        world.accounts.erase_person(&world.who("ada").await).await.unwrap();
        for (id, status) in [(over, "scheduled"), (id, "cancelled_by_clinic")] {
            let rows = world.clinic.appointment(world.by(), &id).await.unwrap();
            let told = (rows[0].status.as_str(), rows[0].patient, rows[0].practitioner);
            assert_eq!(told, (status, Some(7), world.ada));
        }
    })
    .await;
}
