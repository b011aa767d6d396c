//! Free starts: what is offered follows every change at the next question, on this node and on another; and what is
//! offered can be booked, by its token, a hold or its bare time, while nothing else can.

use kalends::clinic::{
    Contact, Error, Ground, Need, NeedKind, OverrideFields, ProfileStatus, Settings, Unfit, Wanted, Wish,
};
use store::BusyKind;

use super::office::{HOUR, Office, by, everywhere, service, week};
use super::world::{DAY, event, kinds, place, put};

/// Every quarter from nine on, so that half an hour ends at twelve at the latest.
fn morning() -> Vec<i64> {
    (540..=690).step_by(15).collect()
}

fn unfit<T: std::fmt::Debug>(done: Result<T, Error>) -> Unfit {
    match done {
        Err(Error::Unfit(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_question() {
    everywhere(async |office: Office| {
        assert_eq!(office.starts(office.ada).await, morning());
        let booked = office.book(office.ada, 600).await;
        let without: Vec<i64> = morning().into_iter().filter(|at| !(571..630).contains(at)).collect();
        assert_eq!(office.starts(office.ada).await, without);
        assert_eq!(office.starts(office.bob).await, morning(), "nobody else's");
        office.move_to(&booked.id, office.ada, 540).await;
        assert_eq!(office.starts(office.ada).await, (570..=690).step_by(15).collect::<Vec<_>>());
        let how = kalends::clinic::Cancel { by_patient: false, reason: "x".into() };
        let desk = kalends::clinic::By { clinic: office.id, who: None, door: store::Origin::Rest };
        office.clinic.cancel(desk, booked.id, how, None).await.unwrap();
        assert_eq!(office.starts(office.ada).await, morning());
        // A phone's entry, and an absence, transparent as phones make it.
        let ada = office.accounts.operator("ada").await.unwrap();
        let (from, until) = (office.at(540), office.at(600));
        put(&office.calendars, &ada, "ada/visits/p.ics", &event("p", from, until, "")).await.unwrap();
        let away = event("q", office.at(660), office.at(720), "TRANSP:TRANSPARENT\r\n");
        put(&office.calendars, &ada, "ada/absences/q.ics", &away).await.unwrap();
        assert_eq!(office.starts(office.ada).await, [600, 615, 630]);
        let gone = place("ada/visits/p.ics");
        office.calendars.delete(by(&ada), &gone, kalends::calendar::Condition::NONE).await.unwrap();
        assert_eq!(office.starts(office.ada).await, (540..=630).step_by(15).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn hours_terms_services_and_people_count_from_the_next_question_on() {
    everywhere(async |office: Office| {
        assert_eq!(office.starts(office.ada).await.len(), 11);
        office.hours("ada", Some(week("1000", "1100"))).await;
        assert_eq!(office.starts(office.ada).await, [600, 615, 630]);
        office.hours("ada", None).await;
        assert!(office.starts(office.ada).await.is_empty(), "who said no hours has none");
        office.hours("ada", Some(week("0900", "1200"))).await;
        let mut longer = service("first");
        (longer.minutes, longer.step) = (60, 60);
        office.directory.change_service(by(&office.admin), office.first, None, longer).await.unwrap();
        assert_eq!(office.starts(office.ada).await, [540, 600, 660]);
        office.to(office.ada, ProfileStatus::Off).await;
        assert!(office.starts(office.ada).await.is_empty());
        office.book(office.bob, 540).await;
        office.to(office.ada, ProfileStatus::Active).await;
        assert_eq!(office.starts(office.ada).await, [540, 600, 660]);
        let eve = office.practitioner("eve", &[]).await;
        assert_eq!(office.starts(eve).await, [540, 600, 660]);
    })
    .await;
}

#[tokio::test]
async fn another_node_offers_what_this_one_left() {
    everywhere(async |office: Office| {
        if office.fresh.address().is_none() {
            return;
        }
        let store = office.fresh.again().await;
        let calendars = super::world::guarded(&store).await;
        let other = kalends::clinic::Clinic::new(store, calendars);
        assert_eq!(office.starts_of(&other, office.ada).await, morning());
        office.book(office.ada, 600).await;
        assert!(!office.starts_of(&other, office.ada).await.contains(&600), "at its very next question");
        office.to(office.ada, ProfileStatus::Off).await;
        assert!(office.starts_of(&other, office.ada).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_token_books_what_it_offered_and_nothing_made_up_does() {
    everywhere(async |office: Office| {
        let offered = office.offers(&office.wanted()).await.remove(0);
        let (wish, is_fresh) = office.clinic.wish_of_slot(&office.bot, &offered.token).await.unwrap();
        assert!(is_fresh);
        let booked = office.clinic.reserve(&office.bot, &wish, Ground::Bare).await.unwrap().booked;
        let rows =
            office.clinic.permitted(&office.bot, &booked.id, kalends::clinic::Verb::Read).await.unwrap();
        assert_eq!((rows[0].start_at, rows[0].practitioner), (offered.start, offered.practitioner));
        assert_eq!(rows[0].service.as_deref(), Some("first"));
        let again = office.clinic.reserve(&office.bot, &wish, Ground::Bare).await.unwrap_err();
        let Error::Conflict(met) = again else { panic!("{again:?}") };
        assert_eq!(kinds(&met), [(offered.practitioner, BusyKind::Visit)]);
        let mut forged = offered.token.clone().into_bytes();
        forged[3] ^= 1;
        let forged = office.clinic.wish_of_slot(&office.bot, &String::from_utf8_lossy(&forged)).await;
        assert!(matches!(forged, Err(Error::SlotForged)));
        let mut other = service("first");
        other.pad_after = 5;
        office.directory.change_service(by(&office.admin), office.first, None, other).await.unwrap();
        assert!(!office.clinic.wish_of_slot(&office.bot, &offered.token).await.unwrap().1, "other rules");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_offered_is_not_booked() {
    everywhere(async |office: Office| {
        let mut fields = service("strict");
        (fields.notice, fields.horizon_days, fields.day_limit, fields.week_limit) =
            (60, 30, Some(2), Some(3));
        let strict = office.directory.add_service(by(&office.admin), fields).await.unwrap().id;
        let at = |minute: i64| Wish { service: Some(strict), ..office.wish(office.ada, minute) };
        let book = async |wish: Wish| office.clinic.reserve(&office.desk, &wish, Ground::Bare).await;
        assert_eq!(unfit(book(at(510)).await), Unfit::Closed);
        assert_eq!(unfit(book(at(700)).await), Unfit::Closed, "it would end after twelve");
        assert_eq!(unfit(book(at(5 * 1440 + 600)).await), Unfit::Closed, "a Saturday");
        let now = office.store.moment().await.unwrap();
        let soon = Wish { start: now + 50 * 60, ..at(600) };
        assert_eq!(unfit(book(soon).await), Unfit::TooSoon);
        assert_eq!(unfit(book(at(49 * 1440 + 600)).await), Unfit::TooFar);
        for minute in [540, 570] {
            book(at(minute)).await.unwrap();
        }
        assert_eq!(unfit(book(at(600)).await), Unfit::DayLimit);
        let wanted = Wanted { service: Some(strict), practitioners: vec![office.ada], ..office.wanted() };
        assert!(office.offers(&wanted).await.is_empty(), "nor offered");
        book(at(1440 + 540)).await.unwrap();
        assert_eq!(unfit(book(at(2 * 1440 + 540)).await), Unfit::WeekLimit);
        let purpose = Ground::Overbook("an emergency".into());
        office.clinic.reserve(&office.desk, &at(510), purpose.clone()).await.unwrap();
        let bot = office.clinic.reserve(&office.bot, &at(450), purpose).await;
        assert!(matches!(bot, Err(Error::Denied(_))), "not everybody may");
        let nobody = kalends::clinic::OverrideFields { offered: false, ..different() };
        let of = (strict, office.bob);
        office.directory.set_service_override(by(&office.admin), of, Some(nobody)).await.unwrap();
        let bob = Wish { practitioner: office.bob, ..at(600) };
        assert_eq!(unfit(book(bob).await), Unfit::NotDone);
    })
    .await;
}

fn different() -> OverrideFields {
    OverrideFields {
        offered: true,
        minutes: None,
        pad_before: None,
        pad_after: None,
        day_limit: None,
        week_limit: None,
        fee: None,
    }
}

#[tokio::test]
async fn with_somebody_a_service_takes_as_long_as_with_them() {
    everywhere(async |office: Office| {
        let own = OverrideFields { minutes: Some(60), pad_after: Some(15), ..different() };
        let of = (office.first, office.bob);
        office.directory.set_service_override(by(&office.admin), of, Some(own)).await.unwrap();
        let found = office.offers(&Wanted { limit: 3, ..office.wanted() }).await;
        let told: Vec<_> =
            found.iter().map(|one| (one.start, one.end - one.start, one.practitioner)).collect();
        assert!(told.contains(&(office.at(540), 1800, office.ada)), "{told:?}");
        assert!(told.contains(&(office.at(540), 3600, office.bob)), "{told:?}");
        office.book(office.bob, 540).await;
        assert_eq!(office.starts(office.bob).await, [615, 630, 645, 660], "a quarter of an hour after it");
    })
    .await;
}

#[tokio::test]
async fn a_room_is_found_for_the_whole_time_and_another_one_when_it_is_taken() {
    everywhere(async |office: Office| {
        let mut fields = service("scan");
        fields.needs = vec![Need { kind: NeedKind::Room, term: None, count: 1 }];
        let scan = office.directory.add_service(by(&office.admin), fields).await.unwrap().id;
        let at = |with, minute| Wish { service: Some(scan), ..office.wish(with, minute) };
        let none = office.clinic.reserve(&office.desk, &at(office.ada, 600), Ground::Bare).await;
        assert_eq!(unfit(none), Unfit::NoRoom);
        let one = office.room("one", &[]).await;
        let offered = office.offers(&Wanted { service: Some(scan), ..office.wanted() }).await.remove(0);
        assert_eq!(offered.with, [one]);
        office.clinic.reserve(&office.desk, &at(office.ada, 600), Ground::Bare).await.unwrap();
        let taken =
            office.clinic.reserve(&office.desk, &at(office.bob, 615), Ground::Bare).await.unwrap_err();
        let Error::Conflict(met) = taken else { panic!("{taken:?}") };
        assert_eq!(kinds(&met), [(one, BusyKind::Visit)]);
        let wanted = Wanted { service: Some(scan), practitioners: vec![office.bob], ..office.wanted() };
        let starts: Vec<_> =
            office.offers(&wanted).await.iter().map(|one| (one.start - office.monday) / 60).collect();
        assert_eq!(starts, [540, 555, 570, 630, 645, 660, 675, 690]);
        let two = office.room("two", &[]).await;
        let booked =
            office.clinic.reserve(&office.desk, &at(office.bob, 615), Ground::Bare).await.unwrap().booked;
        let rows =
            office.clinic.permitted(&office.desk, &booked.id, kalends::clinic::Verb::Read).await.unwrap();
        assert_eq!(rows[0].resources, [two]);
    })
    .await;
}

#[tokio::test]
async fn a_hold_is_gone_from_the_offers_until_the_second_it_ends() {
    everywhere(async |office: Office| {
        let wish = office.wish(office.ada, 600);
        let contact = Contact { phone: Some("030 1234".into()), email: None };
        let held = office.clinic.keep(&office.bot, &wish, &contact).await.unwrap();
        let moment = office.store.moment().await.unwrap();
        assert!((held.expires_at - moment - 600).abs() <= 2, "as the clinic says for patients");
        assert!(!office.starts(office.ada).await.contains(&600));
        let staff =
            office.clinic.keep(&office.desk, &office.wish(office.bob, 600), &Contact::default()).await;
        assert!((staff.unwrap().expires_at - moment - 1800).abs() <= 2);
        if office.fresh.address().is_none() {
            office.clock.turn(599);
            assert!(!office.starts(office.ada).await.contains(&600));
            office.clock.turn(1);
            assert!(office.starts(office.ada).await.contains(&600), "no job ran");
            let late =
                office.clinic.reserve(&office.bot, &wish, Ground::Hold(held.id.clone())).await.unwrap_err();
            assert_eq!(late.code(), "HOLD_EXPIRED");
        } else {
            let kept = office.clinic.reserve(&office.bot, &wish, Ground::Hold(held.id.clone())).await;
            kept.unwrap();
        }
        let other = office.clinic.own_hold(&office.bot, "nobody's", kalends::clinic::Verb::Read).await;
        assert!(matches!(other, Err(Error::NotFound("hold"))));
    })
    .await;
}

#[tokio::test]
async fn holds_are_capped_by_phone_and_by_mail_address() {
    everywhere(async |office: Office| {
        let contact =
            |phone: &str, mail: &str| Contact { phone: Some(phone.into()), email: Some(mail.into()) };
        let keep = async |minute: i64, contact: &Contact| {
            office.clinic.keep(&office.bot, &office.wish(office.ada, minute), contact).await
        };
        for (n, mail) in ["a@x.example", "b@x.example", "c@x.example"].iter().enumerate() {
            keep(540 + 30 * n as i64, &contact("0301", mail)).await.unwrap();
        }
        let fourth = keep(630, &contact("030 1", "d@x.example")).await;
        assert!(matches!(fourth, Err(Error::HoldLimit)), "one phone");
        for n in 0..2 {
            let other = Wish { practitioner: office.bob, ..office.wish(office.bob, 540 + 30 * n) };
            let phone = format!("0302{n}");
            office.clinic.keep(&office.bot, &other, &contact(&phone, "a+tag@X.example")).await.unwrap();
        }
        let same_mail = keep(660, &contact("03099", "a@x.example")).await;
        assert!(matches!(same_mail, Err(Error::HoldLimit)), "one mailbox");
    })
    .await;
}

#[tokio::test]
async fn a_patient_is_not_in_two_places() {
    everywhere(async |office: Office| {
        let fields = kalends::clinic::PatientFields { name: "P".into(), ..Default::default() };
        let (patient, ..) = office.directory.upsert_patient(by(&office.admin), &fields, false).await.unwrap();
        let at = |with, minute| Wish { patient: Some(patient), ..office.wish(with, minute) };
        let book = async |wish: Wish| office.clinic.reserve(&office.desk, &wish, Ground::Bare).await;
        let booked = book(at(office.ada, 600)).await.unwrap().booked;
        assert_eq!(unfit(book(at(office.bob, 615)).await), Unfit::PatientBusy);
        book(at(office.bob, 630)).await.unwrap();
        office.move_to(&booked.id, office.ada, 585).await;
        let settings = Settings { patient_overlap: true, visits_patient: 3, ..Settings::default() };
        office.directory.change_settings(by(&office.admin), None, settings).await.unwrap();
        book(at(office.ada, 630)).await.unwrap();
        assert_eq!(unfit(book(at(office.ada, 660)).await), Unfit::PatientLimit);
        let nobody = Wish { patient: Some(store::PatientId(4711)), ..at(office.ada, 660) };
        assert!(matches!(book(nobody).await, Err(Error::NotFound("patient"))));
    })
    .await;
}

#[tokio::test]
async fn alternatives_are_near_the_time_and_with_others() {
    everywhere(async |office: Office| {
        office.book(office.ada, 600).await;
        let found = office.clinic.alternatives(&office.bot, &office.wish(office.ada, 600)).await;
        assert_eq!(found.len(), 5);
        assert_eq!((found[0].start, found[0].practitioner), (office.at(600), office.bob), "the very time");
        assert!(found.iter().any(|one| one.practitioner == office.ada), "the very person");
        assert!(found.iter().all(|one| (one.start - office.at(600)).abs() <= HOUR));
    })
    .await;
}

#[tokio::test]
async fn a_series_is_offered_where_all_its_dates_are_free() {
    everywhere(async |office: Office| {
        // In three weeks Ada is taken at nine.
        office.book(office.ada, 3 * 7 * 1440 + 540).await;
        let rule = Some("FREQ=WEEKLY;COUNT=6".into());
        let wanted = Wanted { practitioners: vec![office.ada], rule, limit: 1, ..office.wanted() };
        assert_eq!(office.offers(&wanted).await[0].start, office.at(570));
        let endless = Wanted { rule: Some("FREQ=WEEKLY".into()), ..wanted };
        let refused = office.clinic.offers(&office.desk, &endless).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "rule", .. }));
    })
    .await;
}

#[tokio::test]
async fn the_days_move_on_with_the_clock() {
    everywhere(async |office: Office| {
        if office.fresh.address().is_some() {
            return;
        }
        assert_eq!(office.starts(office.ada).await, morning());
        let span = |days: i64| Wanted {
            service: Some(office.first),
            practitioners: vec![office.ada],
            from: Some(office.monday + days * DAY),
            until: None,
            limit: 1,
            ..Wanted::default()
        };
        let far = far(&office, 300);
        office.clock.turn(7 * DAY);
        office.clinic.extend_horizons().await.unwrap();
        office.book(office.ada, far * 1440 + 540 + shift(&office, far) / 60).await;
        let found = office.offers(&span(far)).await;
        assert_eq!(
            found[0].start,
            office.at(far * 1440 + 570) + shift(&office, far),
            "a day that was not there"
        );
        assert_eq!(office.starts(office.ada).await, morning());
    })
    .await;
}

/// A change and the end of a day in one look: what stands on the days that come is seen of everybody.
#[tokio::test]
async fn a_day_ends_while_others_book() {
    everywhere(async |office: Office| {
        if office.fresh.address().is_some() {
            return;
        }
        assert_eq!(office.starts(office.ada).await, morning());
        let far = far(&office, 307);
        let minute = far * 1440 + 540 + shift(&office, far) / 60;
        let both = [office.ada, office.bob];
        for of in both {
            // Too far ahead for the index of today.
            let far_off = Ground::Overbook("too far ahead".into());
            office.clinic.reserve(&office.desk, &office.wish(of, minute), far_off).await.unwrap();
        }
        for of in both {
            office.book(of, 21 * 1440 + 540).await;
        }
        office.clock.turn(14 * DAY);
        for of in both {
            let wanted = Wanted {
                service: Some(office.first),
                practitioners: vec![of],
                from: Some(office.monday + far * DAY),
                until: None,
                limit: 1,
                ..Wanted::default()
            };
            let found = office.offers(&wanted).await;
            assert_eq!(found[0].start, office.at(minute + 30), "what is taken is not offered");
        }
    })
    .await;
}

/// Days from the Monday to the first one on which nine o'clock is so many days after this midnight (UTC) or later: whatever
/// weekday it is today.
fn far(office: &Office, days: i64) -> i64 {
    let least = office.clock.now().div_euclid(DAY) * DAY + days * DAY;
    let nine = |far: i64| office.at(far * 1440 + 540) + shift(office, far);
    (0..).step_by(7).find(|far| nine(*far) >= least).unwrap()
}

/// How much the clock in Berlin has changed since the Monday.
fn shift(office: &Office, days: i64) -> i64 {
    let zone = super::office::berlin();
    i64::from(zone.offset_at(office.monday)) - i64::from(zone.offset_at(office.monday + days * DAY))
}
