//! What is made, found, changed and let go: with its calendars, its version, its row in the audit.

use kalends::calendar::CollectionPath;
use kalends::clinic::Step;
use kalends::clinic::{
    Cursor, Error, Kind, NewLeave, OverrideFields, PatientBy, PractitionerChange, TermChange, TermOn,
    ThingChange,
};
use store::{AuditOf, ProfileStatus, RequestStatus};

use super::two::{NOW, World, by, everywhere, patient, practitioner, room, service, term};

#[tokio::test]
async fn a_practitioner_is_made_with_its_calendars_or_not_at_all() {
    everywhere(async |world: World| {
        let admin = world.who("north-admin").await;
        let made = world.directory.add_practitioner(by(&admin), practitioner("dr-berg")).await.unwrap();
        assert_eq!((made.status, made.name.as_str()), (ProfileStatus::Draft, "dr-berg"));
        let berg = world.who("dr-berg").await;
        let home = world.calendars.home(&berg, "dr-berg").await.unwrap();
        let mut slugs: Vec<_> = home.collections.iter().map(|one| one.path.slug.clone()).collect();
        slugs.sort();
        assert_eq!(slugs, ["absences", "default", "hours", "tasks", "visits"]);
        let hours = CollectionPath::new("dr-berg", "hours");
        let hours = world.calendars.collection(&berg, &hours).await.unwrap();
        assert_eq!(hours.row().components, "VAVAILABILITY");
        assert_eq!(hours.row().policy, None, "hours take no time");
        let visits = CollectionPath::new("dr-berg", "visits");
        let visits = world.calendars.collection(&berg, &visits).await.unwrap();
        assert_eq!(visits.row().policy, Some(store::Policy::Accept), "whoever writes there is checked");
        let mut conn = world.store.read(world.north).await.unwrap();
        let resources = conn.resources(world.north, store::PrincipalId(0), 9).await.unwrap();
        assert_eq!(resources.iter().map(|one| (one.id, one.capacity)).collect::<Vec<_>>(), [(made.id, 1)]);
        drop(conn);
        let again = world.directory.add_practitioner(by(&admin), practitioner("dr-berg")).await;
        assert!(matches!(again, Err(Error::Taken(_))), "{again:?}");
        let mut odd = practitioner("dr-odd");
        odd.terms = vec![TermOn { term: store::TermId(999_999), weekdays: 1 }];
        let odd = world.directory.add_practitioner(by(&admin), odd).await;
        assert!(matches!(odd, Err(Error::Invalid { field: "terms", .. })), "{odd:?}");
        assert!(world.accounts.operator("dr-odd").await.is_err(), "nothing of it remains");
    })
    .await;
}

#[tokio::test]
async fn a_stale_version_changes_nothing() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let admin = world.who("north-admin").await;
        let d = &world.directory;
        let read = d.practitioner(&admin, full.practitioner).await.unwrap();
        let rename = |name: &str| PractitionerChange {
            display_name: Some(name.into()),
            terms: Some(vec![TermOn { term: full.term, weekdays: 0b10 }]),
            ..Default::default()
        };
        let version = Some(read.version);
        let after =
            d.change_practitioner(by(&admin), full.practitioner, version, rename("One")).await.unwrap();
        assert_eq!((after.display_name.as_str(), after.zone), ("One", read.zone));
        let late = d.change_practitioner(by(&admin), full.practitioner, version, rename("Two")).await;
        assert!(matches!(late, Err(Error::Stale)), "{late:?}");
        let now = d.practitioner(&admin, full.practitioner).await.unwrap();
        assert_eq!((now.display_name.as_str(), now.version), ("One", after.version));
        let terms = d.terms_of_practitioner(&admin, full.practitioner).await.unwrap();
        assert_eq!(terms, [TermOn { term: full.term, weekdays: 0b10 }]);

        let seq = d.term(&admin, full.term).await.unwrap().seq;
        let off = || TermChange { active: Some(false), ..TermChange::default() };
        assert!(d.change_term(by(&admin), full.term, Some(seq), off()).await.is_ok());
        assert!(matches!(d.change_term(by(&admin), full.term, Some(seq), off()).await, Err(Error::Stale)));
        let seq = d.service(&admin, full.service).await.unwrap().seq;
        let mut fields = service("north-first");
        fields.active = false;
        let change = async || d.change_service(by(&admin), full.service, Some(seq), fields.clone()).await;
        assert!(change().await.unwrap().body.disabled_at.is_some());
        assert!(matches!(change().await, Err(Error::Stale)));
        let seq = d.patient(by(&admin), full.patient).await.unwrap().seq;
        let fields = patient(Some("north-p1"), "North Patient");
        let change = async || d.change_patient(by(&admin), full.patient, Some(seq), (&fields, true)).await;
        assert!(change().await.is_ok() && matches!(change().await, Err(Error::Stale)));
        let version = d.thing(&admin, Kind::Room, full.room).await.unwrap().version;
        let at = (Kind::Room, full.room);
        let off = || ThingChange { active: Some(false), ..ThingChange::default() };
        let room = d.change_thing(by(&admin), at, Some(version), off()).await.unwrap();
        assert!(!room.active && room.version > version);
        assert!(matches!(d.change_thing(by(&admin), at, Some(version), off()).await, Err(Error::Stale)));
    })
    .await;
}

#[tokio::test]
async fn nobody_is_active_before_they_were_verified() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let admin = world.who("north-admin").await;
        let to = async |status| {
            let change = PractitionerChange { status: Some(status), ..Default::default() };
            world.directory.change_practitioner(by(&admin), full.practitioner, None, change).await
        };
        assert!(matches!(to(ProfileStatus::Active).await, Err(Error::State { .. })));
        let bot = world.who("north-bot").await;
        for (status, is_shown) in
            [(ProfileStatus::Pending, false), (ProfileStatus::Active, true), (ProfileStatus::Off, false)]
        {
            to(status).await.unwrap();
            let page = world.directory.practitioners(&bot, Cursor::default()).await.unwrap();
            assert_eq!(!page.items.is_empty(), is_shown, "{status:?}");
            assert_eq!(world.directory.practitioner(&bot, full.practitioner).await.is_ok(), is_shown);
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_goes_on_where_it_stopped_also_when_something_is_made_meanwhile() {
    everywhere(async |world: World| {
        let admin = world.who("north-admin").await;
        let d = &world.directory;
        let make =
            async |name: &str| d.add_thing(by(&admin), Kind::Equipment, room(name, &[])).await.unwrap();
        for n in 0..5 {
            make(&format!("Device {n}")).await;
        }
        d.add_thing(by(&admin), Kind::Room, room("A room", &[])).await.unwrap();
        let (mut names, mut cursor) = (Vec::new(), Cursor { after: 0, limit: 2 });
        loop {
            let page = d.things(&admin, Kind::Equipment, cursor).await.unwrap();
            names.extend(page.items.into_iter().map(|one| one.display_name));
            if names.len() == 2 {
                make("Device 5").await;
            }
            let Some(next) = page.next else { break };
            cursor.after = next;
        }
        assert_eq!(names, (0..6).map(|n| format!("Device {n}")).collect::<Vec<_>>());
        let rooms = d.things(&admin, Kind::Room, Cursor::default()).await.unwrap();
        assert!(rooms.items[0].name.starts_with("room-") && rooms.next.is_none());
        let wrong = d.thing(&admin, Kind::Equipment, rooms.items[0].id).await;
        assert!(matches!(wrong, Err(Error::NotFound("equipment"))), "a room is no equipment");
    })
    .await;
}

#[tokio::test]
async fn a_room_has_calendars_for_what_takes_it_and_what_closes_it() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let conn = world.store.read(world.north).await;
        let found = conn.unwrap().collections_of(world.north, full.room).await.unwrap();
        assert_eq!(found.iter().map(|one| one.slug.as_str()).collect::<Vec<_>>(), ["absences", "visits"]);
        let admin = world.who("north-admin").await;
        let terms = world.directory.terms_of_thing(&admin, Kind::Room, full.room).await.unwrap();
        assert_eq!(terms, [TermOn { term: full.term, weekdays: 127 }]);
    })
    .await;
}

#[tokio::test]
async fn a_code_stands_once() {
    everywhere(async |world: World| {
        let admin = world.who("north-admin").await;
        world.fill("north").await;
        world.fill("south").await;
        let again = world.directory.add_service(by(&admin), service("north-first")).await;
        assert!(matches!(again, Err(Error::Taken(_))));
        let again = world.directory.add_term(by(&admin), term("north-type")).await;
        assert!(matches!(again, Err(Error::Taken(_))));
        let theirs = world.directory.add_service(by(&admin), service("south-first")).await;
        assert!(theirs.is_ok(), "the other clinic's codes are its own");
    })
    .await;
}

#[tokio::test]
async fn a_service_differs_with_somebody() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let admin = world.who("north-admin").await;
        let at = (full.service, full.practitioner);
        let fields = OverrideFields {
            offered: true,
            minutes: Some(60),
            pad_before: None,
            pad_after: None,
            day_limit: Some(4),
            week_limit: None,
            fee: Some(12_000),
        };
        let d = &world.directory;
        d.set_service_override(by(&admin), at, Some(fields)).await.unwrap();
        let found = d.service_overrides(&admin, full.service, store::PrincipalId(0)).await.unwrap();
        assert_eq!((found.len(), found[0].minutes, found[0].fee), (1, Some(60), Some(12_000)));
        let bad = OverrideFields { minutes: Some(0), ..fields };
        let bad = d.set_service_override(by(&admin), at, Some(bad)).await;
        assert!(matches!(bad, Err(Error::Invalid { field: "minutes", .. })));
        let nobody = (full.service, store::PrincipalId(999_999));
        let nobody = d.set_service_override(by(&admin), nobody, Some(fields)).await;
        assert!(matches!(nobody, Err(Error::NotFound(_))), "{nobody:?}");
        d.set_service_override(by(&admin), at, None).await.unwrap();
        assert!(d.set_service_override(by(&admin), at, None).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn whoever_looks_at_a_patient_is_written_down() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let desk = world.by_token("north-receptionist", &["patients"]).await;
        let d = &world.directory;
        d.patient(by(&desk), full.patient).await.unwrap();
        for key in [PatientBy::Phone("030-1234"), PatientBy::External("north-p1")] {
            assert_eq!(d.patients_by(by(&desk), key).await.unwrap().len(), 1);
        }
        d.patients(by(&desk), Cursor::default()).await.unwrap();
        assert!(d.patients_by(by(&desk), PatientBy::External("nobody")).await.unwrap().is_empty());
        let mut conn = world.store.read(world.north).await.unwrap();
        let subject = format!("patient {}", full.patient);
        let rows = conn.audited(world.north, AuditOf::Subject(&subject), (0, -1), 99).await.unwrap();
        let reads: Vec<_> = rows.iter().filter(|row| row.kind == "patient-read").collect();
        assert_eq!((rows[0].kind.as_str(), reads.len()), ("patient-made", 4));
        assert_eq!(reads[0].actor, Some(desk.principal()));
        assert!(reads[0].credential.starts_with("token ") && reads[0].door == "rest");
        assert!(rows.iter().all(|row| !row.body.contains("patient")), "no word of a patient's");
        assert!(matches!(conn.audit_holds(world.north).await.unwrap(), Ok(1..)));
    })
    .await;
}

#[tokio::test]
async fn a_patient_is_let_go_and_erased() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let admin = world.who("north-admin").await;
        let d = &world.directory;
        let fields = patient(Some("north-p1"), "North patient");
        let change = async |active| d.change_patient(by(&admin), full.patient, None, (&fields, active)).await;
        change(false).await.unwrap();
        assert_eq!(d.patient(by(&admin), full.patient).await.unwrap().body.disabled_at, Some(NOW));
        change(true).await.unwrap();
        assert_eq!(d.patient(by(&admin), full.patient).await.unwrap().body.disabled_at, None);
        d.erase_patient(by(&admin), full.patient).await.unwrap();
        assert!(matches!(d.patient(by(&admin), full.patient).await, Err(Error::NotFound("patient"))));
        assert!(matches!(d.erase_patient(by(&admin), full.patient).await, Err(Error::NotFound("patient"))));
    })
    .await;
}

#[tokio::test]
async fn leave_is_asked_for_decided_and_taken_back() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let (admin, doctor) = (world.who("north-admin").await, world.who("north-doctor").await);
        let d = &world.directory;
        let decide = async |who, to| {
            let done = world.clinic.decide_leave(by(who), full.request, to, Step::Ask).await;
            done.map(|done| done.made.unwrap())
        };
        let own = decide(&doctor, RequestStatus::Approved).await;
        assert!(matches!(own, Err(Error::Denied(_))), "nobody approves their own: {own:?}");
        let approved = decide(&admin, RequestStatus::Approved).await.unwrap();
        assert_eq!((approved.decided_by, approved.decided_at), (Some(admin.principal()), Some(NOW)));
        let twice = decide(&admin, RequestStatus::Rejected).await;
        assert!(matches!(twice, Err(Error::State { from: "approved", to: "rejected" })), "{twice:?}");
        let back = decide(&doctor, RequestStatus::Cancelled).await.unwrap();
        assert_eq!((back.status, back.decided_by), (RequestStatus::Cancelled, Some(doctor.principal())));
        for (kind, last, field) in [("party", NOW + 60, "kind"), ("sick", NOW, "last")] {
            let leave = NewLeave { of: doctor.principal(), kind: kind.into(), first: NOW, last };
            let refused = d.ask_leave(by(&doctor), leave).await;
            assert!(matches!(refused, Err(Error::Invalid { field: named, .. }) if named == field));
        }
        let mine = d.leave(&doctor, Some(RequestStatus::Cancelled), Cursor::default()).await.unwrap();
        assert_eq!(mine.items.len(), 1);
    })
    .await;
}
