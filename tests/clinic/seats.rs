//! Sessions: as many patients as there are seats, whoever asks at the same time; one event that says how many.

use kalends::accounts::{NewPerson, Role};
use kalends::calendar::{Author, Origin, Window};
use kalends::clinic::{
    Alter, AppointmentId, Directory, Error, Ground, Leaf, PatientFields, Scope, ServiceFields, Visit, Whose,
};

use super::world::{DAY, World, everywhere};

/// A class of three seats, weekly, and five patients.
async fn class(world: &World) -> (AppointmentId, Vec<i64>) {
    let person = NewPerson {
        name: "root".into(),
        display_name: "Root".into(),
        email: None,
        zone: None,
        password: None,
    };
    world.accounts.add_member(world.id, Some(Role::Admin), person).await.unwrap();
    let who = world.who("root").await;
    let by = Author { who: &who, from: Origin::Rest };
    let directory = Directory::new(world.store.clone(), world.accounts.clone());
    let fields = ServiceFields { seats: 3, ..super::office::service("class") };
    directory.add_service(by, fields).await.unwrap();
    let mut patients = Vec::new();
    for n in 0..5 {
        let fields = PatientFields { name: format!("P{n}"), ..PatientFields::default() };
        patients.push(directory.upsert_patient(by, &fields, true).await.unwrap().0.0);
    }
    let visit = Visit {
        rule: Some("FREQ=WEEKLY;COUNT=3".into()),
        with: vec![world.room],
        service: Some("class".into()),
        title: "Yoga".into(),
        patient: None,
        ..world.visit(600, 660)
    };
    let id = world.book(visit).await.unwrap().id;
    let first = world.busy(world.ada).await[0].span.start;
    (AppointmentId { occurrence: Some(first), ..id }, patients)
}

#[tokio::test]
async fn the_last_seat_is_given_once_whoever_asks() {
    everywhere(async |world| {
        let (date, patients) = class(&world).await;
        let (_, other) = world.node().await;
        let asks: Vec<_> = patients
            .iter()
            .enumerate()
            .map(|(n, patient)| {
                let clinic = if n % 2 == 0 { world.clinic.clone() } else { other.clone() };
                let (by, date, patient) = (world.by(), date.clone(), *patient);
                async move { clinic.take_seat(by, date, patient, None).await }
            })
            .collect();
        let done = futures_util::future::join_all(asks).await;
        let refused: Vec<_> = done.iter().filter_map(|one| one.as_ref().err()).collect();
        assert_eq!(done.len() - refused.len(), 3);
        assert!(refused.iter().all(|error| matches!(error, Error::SeatsTaken)), "{refused:?}");
        let session = world.clinic.session(world.by(), &date).await.unwrap();
        assert_eq!((session.seats, session.taken.len()), (3, 3));
        let text = world.text(&format!("ada/visits/{}.ics", date.uid)).await.unwrap();
        assert!(text.contains("SUMMARY:Yoga (3/3)") && text.contains("SUMMARY:Yoga\r\n"), "{text}");
        assert_eq!(world.busy(world.ada).await.len(), 3, "it takes its time once");
        let has = session.taken[0].patient;
        let again = world.clinic.take_seat(world.by(), date.clone(), has, None).await;
        assert_eq!(again.unwrap_err().code(), "ALREADY_EXISTS");
        world.clinic.leave_seat(world.by(), date.clone(), has, None).await.unwrap();
        let text = world.text(&format!("ada/visits/{}.ics", date.uid)).await.unwrap();
        assert!(text.contains("SUMMARY:Yoga (2/3)"), "{text}");
        world.clinic.take_seat(world.by(), date.clone(), has, None).await.unwrap();
        let late = world.clinic.leave_seat(world.by(), date, 999_999, None).await;
        assert_eq!(late.unwrap_err().code(), "NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn the_database_itself_refuses_a_seat_too_many() {
    everywhere(async |world| {
        let (date, _) = class(&world).await;
        let uid = date.uid.clone();
        let put = async |patient: i64| {
            let seat = store::Seat {
                uid: uid.clone(),
                recurrence: String::new(),
                patient,
                seats: 2,
                made_at: 0,
                made_by: None,
                origin: Origin::Rest,
                seq: 0,
            };
            let done: store::Result<()> = world
                .store
                .write(world.id, move |tx| Box::pin(async move { tx.insert_seat(&seat).await }))
                .await;
            done
        };
        put(1).await.unwrap();
        assert!(matches!(put(1).await, Err(store::Error::Unique(_))));
        put(2).await.unwrap();
        assert!(matches!(put(3).await, Err(store::Error::Overlap)));
    })
    .await;
}

#[tokio::test]
async fn seats_go_along_and_stand_in_the_patients_list() {
    everywhere(async |world| {
        let (date, patients) = class(&world).await;
        world.clinic.take_seat(world.by(), date.clone(), patients[0], None).await.unwrap();
        let start = date.occurrence.unwrap() + 3600;
        let later = Alter { start: Some(start), ..Alter::default() };
        let change = (Scope::All, later);
        let id = world.clinic.alter(world.by(), date.clone(), change, None, Ground::Bare).await.unwrap().id;
        let window = Window { from: world.day, until: world.day + 40 * DAY };
        let whose = Whose::Patient(patients[0]);
        let leaf = Leaf { whose, window, with_cancelled: false, after: None, limit: 10 };
        let list = world.clinic.dates(world.by(), leaf).await.unwrap().items;
        assert_eq!(list.len(), 1);
        assert_eq!((list[0].start, list[0].id.uid.as_str()), (start, id.uid.as_str()));
        let single = world.book(world.visit(900, 930)).await.unwrap().id;
        let one = world.clinic.take_seat(world.by(), single, patients[0], None).await;
        assert!(matches!(one, Err(Error::Invalid { field: "service", .. })), "{one:?}");
        let series = AppointmentId { occurrence: None, ..id };
        let all = world.clinic.take_seat(world.by(), series, patients[1], None).await;
        assert!(matches!(all, Err(Error::Invalid { field: "occurrence", .. })), "{all:?}");
    })
    .await;
}
