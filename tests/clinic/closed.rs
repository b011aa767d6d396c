//! Closed time: leave, blocks, exceptions made on a phone, holidays of the whole clinic. It blocks at once and everywhere
//! alike; what it lies over is told first, and what is forced is not a phone's to take away.

use kalends::calendar::{Author, Condition, Error as CalendarError, Policy, Written};
use kalends::clinic::{
    BlockKind, BusyKind, Closing, Error, Ground, NewHoliday, NewLeave, NewOverride, Origin, RequestStatus,
    Step, Stretch, Why,
};
use store::{CollectionChange, PrincipalId};

use super::hours::{DAY, HOUR, MONDAY, desk, free, on, open, set, uid, visit, week};
use super::two::{NOW, World, by, everywhere};
use super::world::{event, place, put};

fn closing(kind: BlockKind, stretch: Stretch) -> Closing {
    Closing { kind, stretch, title: None, rule: None, leave: None }
}

async fn block(world: &World, of: PrincipalId, new: Closing) -> String {
    let admin = world.who("north-admin").await;
    let done = world.clinic.put_block(by(&admin), (of, None), new, (None, Step::Sure)).await;
    done.unwrap().made.unwrap().0
}

/// What stands in the way of a visit; None: it could be booked.
async fn met(world: &World, of: PrincipalId, start: i64) -> Option<BusyKind> {
    let found = world.clinic.preview(desk(world), visit(of, start, None)).await.unwrap();
    found.first().map(|one| one.kind)
}

async fn phone_puts(world: &World, at: &str, text: &str) -> Result<Written, CalendarError> {
    put(&world.calendars, &world.who("north-doctor").await, &format!("north-doctor/{at}"), text).await
}

async fn phone_deletes(world: &World, at: &str) -> Result<(), CalendarError> {
    let doctor = world.who("north-doctor").await;
    let by = Author { who: &doctor, from: Origin::Dav };
    world.calendars.delete(by, &place(&format!("north-doctor/{at}")), Condition::NONE).await
}

async fn phone_sees(world: &World, at: &str) -> Option<String> {
    let doctor = world.who("north-doctor").await;
    let at = place(&format!("north-doctor/{at}"));
    let shown = world.calendars.collection(&doctor, &at.collection).await.unwrap();
    let opened = world.calendars.texts(&shown, &[&at.name]).await.unwrap().pop().flatten()?;
    Some(String::from_utf8(opened.1.to_vec()).unwrap())
}

#[tokio::test]
async fn leave_is_written_and_taken_away_with_its_decision() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        let (admin, doctor) = (world.who("north-admin").await, world.who("north-doctor").await);
        let booked = world.clinic.book(desk(&world), visit(of, MONDAY + 10 * HOUR, None), Ground::Bare);
        let booked = booked.await.unwrap();
        // Two days in Berlin.
        let (first, last) = (MONDAY - HOUR, MONDAY + 2 * DAY - HOUR);
        let asked = NewLeave { of, kind: "sick".into(), first, last };
        let asked = world.directory.ask_leave(by(&doctor), asked).await.unwrap().id;
        let decide = async |who, to, step| world.clinic.decide_leave(by(who), asked, to, step).await;
        let told = decide(&admin, RequestStatus::Approved, Step::Ask).await;
        let Err(Error::Outside(all)) = told else { panic!("{told:?}") };
        assert_eq!(all.first[0].why, Why::Closed);
        assert_eq!(all.first.into_iter().map(uid).collect::<Vec<_>>(), vec![booked.id.uid.clone()]);
        assert_eq!(met(&world, of, MONDAY + 12 * HOUR).await, None, "nothing is written yet");
        let done = decide(&admin, RequestStatus::Approved, Step::Sure).await.unwrap().made.unwrap();
        let name = done.object_name.unwrap();
        let text = phone_sees(&world, &format!("absences/{name}")).await.unwrap();
        assert!(text.contains("DTSTART;VALUE=DATE:20260309\r\n") && !text.contains("sick"), "{text}");
        assert_eq!(met(&world, of, MONDAY + 12 * HOUR).await, Some(BusyKind::Block));
        assert_eq!(free(&world, (first - HOUR, last)).await, [(first - HOUR, first)]);
        let outside = world.clinic.outside(&admin, of, (NOW, NOW + 30 * DAY)).await.unwrap();
        assert_eq!(outside.into_iter().map(uid).collect::<Vec<_>>(), [booked.id.uid]);
        decide(&doctor, RequestStatus::Cancelled, Step::Ask).await.unwrap();
        assert_eq!(phone_sees(&world, &format!("absences/{name}")).await, None);
        assert_eq!(met(&world, of, MONDAY + 12 * HOUR).await, None);
    })
    .await;
}

#[tokio::test]
async fn leave_that_is_removed_on_the_phone_is_taken_back() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let admin = world.who("north-admin").await;
        let approved = RequestStatus::Approved;
        let done = world.clinic.decide_leave(by(&admin), full.request, approved, Step::Ask).await;
        let at = format!("absences/{}", done.unwrap().made.unwrap().object_name.unwrap());
        let text = phone_sees(&world, &at).await.unwrap();
        let longer = text.replace("DTEND;TZID=Europe/Berlin:202603", "DTEND;TZID=Europe/Berlin:202604");
        assert_ne!(longer, text);
        let written = phone_puts(&world, &at, &longer).await.unwrap();
        assert!(!written.as_sent, "what was approved is what counts");
        assert!(phone_sees(&world, &at).await.unwrap().contains("DTEND;TZID=Europe/Berlin:202603"));
        phone_deletes(&world, &at).await.unwrap();
        let found = world.directory.leave_request(&admin, full.request).await.unwrap();
        assert_eq!((found.status, found.decided_by), (RequestStatus::Cancelled, Some(full.practitioner)));
        assert_eq!(met(&world, full.practitioner, NOW + HOUR).await, None);
    })
    .await;
}

/// What a text says of itself is not whose leave it is.
#[tokio::test]
async fn an_event_that_calls_itself_somebodys_leave_takes_nothing_back() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let admin = world.who("north-admin").await;
        let other = super::two::practitioner("north-other");
        let other = world.directory.add_practitioner(by(&admin), other).await.unwrap().id;
        let leave = NewLeave { of: other, kind: "sick".into(), first: MONDAY, last: MONDAY + DAY };
        let leave = world.directory.ask_leave(by(&admin), leave).await.unwrap().id;
        let approved = RequestStatus::Approved;
        world.clinic.decide_leave(by(&admin), leave, approved, Step::Ask).await.unwrap();
        let lines = format!("X-KALENDS-BLOCK:leave\r\nX-KALENDS-LEAVE:{leave}\r\n");
        phone_puts(&world, "absences/x.ics", &event("x", MONDAY, MONDAY + HOUR, &lines)).await.unwrap();
        phone_deletes(&world, "absences/x.ics").await.unwrap();
        assert_eq!(world.directory.leave_request(&admin, leave).await.unwrap().status, approved);
        assert_eq!(met(&world, other, MONDAY + 10 * HOUR).await, Some(BusyKind::Block));
        assert_eq!(met(&world, full.practitioner, MONDAY).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_forced_block_is_not_a_phones_to_move_or_take_away() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        let doctor = world.who("north-doctor").await;
        let stretch = Stretch::Time(MONDAY + 10 * HOUR, MONDAY + 12 * HOUR);
        let id = block(&world, of, closing(BlockKind::Forced, stretch)).await;
        let at = format!("absences/{id}.ics");
        phone_deletes(&world, &at).await.unwrap();
        let text = phone_sees(&world, &at).await.expect("it is back with the next sync");
        let moved = text
            .replace("T110000", "T170000")
            .replace("T130000", "T190000")
            .replace("X-KALENDS-BLOCK:forced\r\n", "");
        assert!(!phone_puts(&world, &at, &moved).await.unwrap().as_sent);
        assert_eq!(met(&world, of, MONDAY + 10 * HOUR).await, Some(BusyKind::Block));
        // An alarm of one's own may be added; what the program dropped comes back.
        let alarm =
            "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT";
        let text = phone_sees(&world, &at).await.unwrap();
        let alarmed = text.replace("END:VEVENT", alarm).replace("X-KALENDS-BLOCK:forced\r\n", "");
        phone_puts(&world, &at, &alarmed).await.unwrap();
        let text = phone_sees(&world, &at).await.unwrap();
        assert!(text.contains("VALARM") && text.contains("X-KALENDS-BLOCK:forced"), "{text}");
        // Nor by another name, nor where the calendar refuses what does not fit.
        let (to, from) = (place("north-doctor/absences/other.ics"), place(&format!("north-doctor/{at}")));
        let dav = Author { who: &doctor, from: Origin::Dav };
        let go = kalends::calendar::Transfer::Move;
        let none = Condition::NONE;
        let renamed =
            world.calendars.transfer(dav, (&from, &to), go, kalends::calendar::Overwrite::No, none).await;
        assert!(matches!(renamed, Err(CalendarError::Denied(_))), "{renamed:?}");
        policy(&world, of, Policy::Refuse).await;
        let refused = phone_deletes(&world, &at).await;
        assert!(matches!(refused, Err(CalendarError::Denied(_))), "{refused:?}");
        let own = world.clinic.remove_block(by(&doctor), (of, &id), None).await;
        assert!(matches!(own, Err(Error::Denied(_))), "{own:?}");
        let admin = world.who("north-admin").await;
        world.clinic.remove_block(by(&admin), (of, &id), None).await.unwrap();
        assert_eq!(met(&world, of, MONDAY + 10 * HOUR).await, None);
    })
    .await;
}

async fn policy(world: &World, of: PrincipalId, policy: Policy) {
    let mut conn = world.store.read(world.north).await.unwrap();
    let row = conn.collection(world.north, of, "absences").await.unwrap().unwrap().id;
    drop(conn);
    let change = CollectionChange { policy: Some(Some(policy)), ..CollectionChange::default() };
    let done = world
        .store
        .write(world.north, move |tx| Box::pin(async move { tx.update_collection(row, change).await }));
    assert!(done.await.unwrap());
}

/// Phones make all-day entries transparent (row 136 of what a clinic needs).
#[tokio::test]
async fn an_exception_made_on_a_phone_blocks_though_it_is_transparent() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        let admin = world.who("north-admin").await;
        let day = event("out", MONDAY, MONDAY + DAY, "TRANSP:TRANSPARENT\r\n");
        let day = day.replace("SUMMARY:mine", "SUMMARY:my dentist");
        phone_puts(&world, "absences/out.ics", &day).await.unwrap();
        phone_puts(
            &world,
            "absences/off.ics",
            &event("off", MONDAY, MONDAY + 2 * DAY, "STATUS:CANCELLED\r\n"),
        )
        .await
        .unwrap();
        assert_eq!(met(&world, of, MONDAY + 10 * HOUR).await, Some(BusyKind::Block));
        assert_eq!(met(&world, of, MONDAY + 26 * HOUR).await, None, "what is cancelled blocks nothing");
        assert_eq!(free(&world, (MONDAY, MONDAY + 2 * DAY)).await, [(MONDAY + DAY, MONDAY + 2 * DAY)]);
        let listed = world.clinic.blocks(&admin, of, (MONDAY, MONDAY + 2 * DAY)).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(
            (listed[0].kind, listed[0].title.as_deref()),
            (BlockKind::Exception, None),
            "not for others"
        );
        let doctor = world.who("north-doctor").await;
        let own = world.clinic.blocks(&doctor, of, (MONDAY, MONDAY + DAY)).await.unwrap();
        assert_eq!(own[0].title.as_deref(), Some("my dentist"));
        phone_deletes(&world, "absences/out.ics").await.unwrap();
        assert_eq!(met(&world, of, MONDAY + 10 * HOUR).await, None);
    })
    .await;
}

#[tokio::test]
async fn blocks_may_overlap_and_a_visit_cancelled_inside_one_frees_nothing() {
    everywhere(async |world: World| {
        let of = world.fill("north").await.practitioner;
        let admin = world.who("north-admin").await;
        let at = |from, until| Stretch::Time(MONDAY + from * HOUR, MONDAY + until * HOUR);
        let booked = world.clinic.book(desk(&world), visit(of, MONDAY + 10 * HOUR, None), Ground::Bare);
        let booked = booked.await.unwrap();
        let told = closing(BlockKind::Emergency, at(9, 12));
        let told = world.clinic.put_block(by(&admin), (of, None), told, (None, Step::Ask)).await;
        assert!(matches!(&told, Err(Error::Outside(all)) if all.count == 1), "{told:?}");
        let first = block(&world, of, closing(BlockKind::Emergency, at(9, 12))).await;
        let second = block(&world, of, closing(BlockKind::Exception, at(11, 14))).await;
        let how = kalends::clinic::Cancel { reason: "ill".into(), by_patient: false };
        world.clinic.cancel(desk(&world), booked.id, how, None).await.unwrap();
        for (hour, is_closed) in [(8, false), (9, true), (10, true), (13, true), (14, false)] {
            assert_eq!(met(&world, of, MONDAY + hour * HOUR).await.is_some(), is_closed, "{hour}");
        }
        world.clinic.remove_block(by(&admin), (of, &first), None).await.unwrap();
        assert_eq!(met(&world, of, MONDAY + 10 * HOUR).await, None);
        assert_eq!(met(&world, of, MONDAY + 11 * HOUR).await, Some(BusyKind::Block));
        // Changed: another time, under the version that was read.
        let version = world.clinic.blocks(&admin, of, (MONDAY, MONDAY + DAY)).await.unwrap()[0].version;
        let change = async |version| {
            let new = closing(BlockKind::Exception, at(16, 17));
            let at = (of, Some(second.clone()));
            world.clinic.put_block(by(&admin), at, new, (Some(version), Step::Ask)).await
        };
        change(version).await.unwrap();
        assert!(matches!(change(version).await, Err(Error::Stale)));
        assert_eq!(met(&world, of, MONDAY + 11 * HOUR).await, None);
        assert_eq!(met(&world, of, MONDAY + 16 * HOUR).await, Some(BusyKind::Block));
    })
    .await;
}

#[tokio::test]
async fn maintenance_closes_a_room_every_week() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let rule = Some("FREQ=WEEKLY".to_owned());
        let stretch = Stretch::Time(MONDAY + 8 * HOUR, MONDAY + 10 * HOUR);
        block(&world, full.room, Closing { rule, ..closing(BlockKind::Maintenance, stretch) }).await;
        for (start, kind) in [(7 * DAY + 8 * HOUR, Some(BusyKind::Block)), (7 * DAY + 10 * HOUR, None)] {
            let visit = kalends::clinic::Visit {
                with: vec![full.room],
                ..visit(full.practitioner, MONDAY + start, None)
            };
            let found = world.clinic.preview(desk(&world), visit).await.unwrap();
            assert_eq!(found.first().map(|one| one.kind), kind);
        }
        let bad = Closing { rule: Some("FREQ=OFTEN".into()), ..closing(BlockKind::Maintenance, stretch) };
        let admin = world.who("north-admin").await;
        let refused = world.clinic.put_block(by(&admin), (full.room, None), bad, (None, Step::Sure)).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "rule", .. })), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_holiday_closes_everybody_of_its_clinic_and_nobody_else() {
    everywhere(async |world: World| {
        let (north, south) = (world.fill("north").await, world.fill("south").await);
        let admin = world.who("north-admin").await;
        let of = north.practitioner;
        let with_room =
            kalends::clinic::Visit { with: vec![north.room], ..visit(of, MONDAY + 10 * HOUR, None) };
        let booked = world.clinic.book(desk(&world), with_room, Ground::Bare).await.unwrap();
        let series = visit(of, MONDAY - 14 * DAY + 11 * HOUR, Some("FREQ=WEEKLY;COUNT=9"));
        let series = world.clinic.book(desk(&world), series, Ground::Bare).await.unwrap();
        put(
            &world.calendars,
            &world.who("north-doctor").await,
            "north-doctor/visits/own.ics",
            &event("own", MONDAY + 14 * HOUR, MONDAY + 15 * HOUR, ""),
        )
        .await
        .unwrap();
        // One name in two calendars is two events.
        let text = event("own", MONDAY + 14 * HOUR, MONDAY + 15 * HOUR, "");
        let mut conn = world.store.read(world.north).await.unwrap();
        let room = conn.principals_by_id(world.north, &[north.room]).await.unwrap().remove(0).name;
        drop(conn);
        put(&world.calendars, &world.who(&room).await, &format!("{room}/visits/own.ics"), &text)
            .await
            .unwrap();
        let day = MONDAY / DAY;
        let new = || NewHoliday { title: "Founders' day".into(), first: day, last: day, is_yearly: true };
        let told = world.clinic.add_holiday(by(&admin), new(), Step::Ask).await;
        let Err(Error::Outside(all)) = told else { panic!("{told:?}") };
        let told = all.first.into_iter().map(|one| {
            assert_eq!((one.why, one.end), (Why::Closed, one.start + HOUR));
            (one.start - MONDAY, one.appointment.map(|id| (id.uid, id.occurrence)))
        });
        let on_the_day = Some(MONDAY + 11 * HOUR);
        let expected = [
            (10 * HOUR, Some((booked.id.uid, None))),
            (11 * HOUR, Some((series.id.uid, on_the_day))),
            (14 * HOUR, None),
            (14 * HOUR, None),
        ];
        assert_eq!((told.collect::<Vec<_>>(), all.count), (expected.to_vec(), 4), "each once, as a phone's");
        let made = world.clinic.add_holiday(by(&admin), new(), Step::Sure).await.unwrap();
        let (id, _) = made.made.unwrap();
        // On the clock of who made the first one: Berlin.
        let (midnight, next) = (MONDAY - HOUR, MONDAY + DAY - HOUR);
        assert_eq!(met(&world, of, midnight).await, Some(BusyKind::Block));
        assert_eq!(met(&world, of, next).await, None);
        assert_eq!(met(&world, of, MONDAY + 365 * DAY).await, Some(BusyKind::Block), "and every year");
        assert_eq!(
            free(&world, (midnight - HOUR, next + HOUR)).await,
            [(midnight - HOUR, midnight), (next, next + HOUR)]
        );
        let there = kalends::clinic::By { clinic: world.south, ..desk(&world) };
        let other = world.clinic.preview(there, visit(south.practitioner, MONDAY + HOUR, None)).await;
        assert!(other.unwrap().is_empty());
        let hold = kalends::clinic::Keep { seconds: 60, party: "p".into(), at_most: 9, other_party: None };
        let held = world.clinic.hold(desk(&world), visit(of, MONDAY + 12 * HOUR, None), hold).await;
        assert!(matches!(held, Err(Error::Conflict(_))), "{held:?}");
        let listed = world.clinic.holidays(&admin, (MONDAY, MONDAY + DAY)).await.unwrap();
        assert_eq!((listed.len(), listed[0].title.as_deref()), (1, Some("Founders' day")));
        let outside = world.clinic.outside(&admin, of, (NOW, NOW + 30 * DAY)).await.unwrap();
        assert_eq!(outside[0].why, Why::Closed);
        let desk_person = world.who("north-receptionist").await;
        let refused = world.clinic.remove_holiday(by(&desk_person), &id).await;
        assert!(matches!(refused, Err(Error::Denied(_))));
        world.clinic.remove_holiday(by(&admin), &id).await.unwrap();
        assert_eq!(met(&world, of, MONDAY + 12 * HOUR).await, None);
        assert_eq!(free(&world, (midnight, MONDAY + 10 * HOUR)).await.len(), 1);
    })
    .await;
}

/// Whatever closes, closes: taking one away leaves the others, in any order (forced, emergency, leave, holiday over an
/// override over the base).
#[tokio::test]
async fn each_source_of_time_goes_before_the_one_below_it() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let (of, admin) = (full.practitioner, world.who("north-admin").await);
        let span = (MONDAY, MONDAY + DAY);
        let (nine, ten) = (MONDAY + 9 * HOUR, MONDAY + 10 * HOUR);
        let is_free = async || free(&world, (nine, ten)).await == [(nine, ten)];
        set(&world, of, week("UTC", &[on(127, 9, 10)])).await;
        assert!(is_free().await, "base");
        let closed =
            NewOverride { first: MONDAY / DAY, last: MONDAY / DAY, is_urgent: false, week: week("UTC", &[]) };
        let over =
            world.clinic.put_override(by(&admin), (of, None), closed, (None, Step::Ask)).await.unwrap();
        assert!(!is_free().await && open(&world, of, span).await.is_empty(), "override before base");
        let opened = NewOverride {
            first: MONDAY / DAY,
            last: MONDAY / DAY,
            is_urgent: false,
            week: week("UTC", &[on(127, 9, 11)]),
        };
        let at = (of, over.made.map(|(id, _)| id));
        world.clinic.put_override(by(&admin), at, opened, (None, Step::Ask)).await.unwrap();
        assert!(is_free().await);
        let day = MONDAY / DAY;
        let holiday = NewHoliday { title: "x".into(), first: day, last: day, is_yearly: false };
        let holiday = world.clinic.add_holiday(by(&admin), holiday, Step::Ask).await.unwrap().made.unwrap().0;
        assert!(!is_free().await, "holiday before override");
        let leave = NewLeave { of, kind: "vacation".into(), first: MONDAY, last: MONDAY + DAY };
        let leave = world.directory.ask_leave(by(&admin), leave).await.unwrap().id;
        let decide = async |to| world.clinic.decide_leave(by(&admin), leave, to, Step::Ask).await.unwrap();
        decide(RequestStatus::Approved).await;
        let emergency = block(&world, of, closing(BlockKind::Emergency, Stretch::Time(nine, ten))).await;
        let forced = block(&world, of, closing(BlockKind::Forced, Stretch::Time(nine, ten))).await;
        world.clinic.remove_holiday(by(&admin), &holiday).await.unwrap();
        assert!(!is_free().await, "leave before holiday");
        decide(RequestStatus::Cancelled).await;
        assert!(!is_free().await, "emergency before leave");
        world.clinic.remove_block(by(&admin), (of, &emergency), None).await.unwrap();
        assert!(!is_free().await, "forced before emergency");
        assert_eq!(met(&world, of, nine).await, Some(BusyKind::Block));
        world.clinic.remove_block(by(&admin), (of, &forced), None).await.unwrap();
        assert!(is_free().await);
    })
    .await;
}
