//! Two clinics full of canaries (trust.md S5, in small): whatever a user of one asks, nothing of the other is in the
//! answer, and an id of the other is not found.

use std::fmt::Debug;

use kalends::accounts::Role;
use kalends::calendar::Zone;
use kalends::calendar::{CollectionPath, Condition};
use kalends::clinic::{BlockKind, Closing, NewOverride, Step, Stretch, Week};
use kalends::clinic::{Cursor, Error, Kind, PatientBy, PractitionerChange, TermChange, TermOn, ThingChange};
use store::{
    AuditOf, CollectionId, FeedScope, NewFeed, ObjectMeta, PatientBy as Key, PrincipalId, PrincipalKind,
    PropertyOwner, RequestId, RequestStatus, ServiceId, TermId,
};

use super::two::{Full, World, by, everywhere, patient, service};
use crate::support::text;

/// Stands in everything the southern clinic has.
const CANARY: &str = "south";

fn clean(what: &str, answer: &str) {
    assert!(!answer.to_lowercase().contains(CANARY), "{what}: {answer}");
}

/// What an answer says, printed; patients do not print themselves.
fn said<T: Debug>(what: &str, answer: T) {
    clean(what, &format!("{answer:?}"));
}

fn is_not_found<T: Debug>(what: &str, answer: Result<T, Error>) {
    assert!(matches!(answer, Err(Error::NotFound(_))), "{what}: {answer:?}");
}

/// Fills the south, and puts an event into its practitioner's calendar.
async fn filled(world: &World) -> (Full, Full, CollectionId) {
    let (north, south) = (world.fill("north").await, world.fill("south").await);
    for name in ["north", "south"] {
        let doctor = world.who(&format!("{name}-doctor")).await;
        let at = CollectionPath::new(doctor.name(), "visits").object("visit.ics");
        let event = text::event(name, &format!("{name} visit"), "20260302T090000Z");
        world.calendars.put(by(&doctor), &at, event.into(), Condition::NONE).await.unwrap();
    }
    let doctor = world.who("south-doctor").await;
    let at = CollectionPath::new("south-doctor", "visits");
    let visits = world.calendars.collection(&doctor, &at).await.unwrap().row().id;
    world.accounts.add_feed(&doctor, visits, FeedScope::Full, "south feed").await.unwrap();
    world.accounts.add_app_password(&doctor, "south phone").await.unwrap();
    (north, south, visits)
}

#[tokio::test]
async fn s5_every_list_and_every_id_of_another_clinic() {
    everywhere(async |world: World| {
        let (_, south, _) = filled(&world).await;
        let d = &world.directory;
        for role in Role::ALL {
            let who = world.who(&format!("north-{}", role.text())).await;
            let cursor = Cursor { after: 0, limit: 200 };
            said("practitioners", d.practitioners(&who, cursor).await);
            said("rooms", d.things(&who, Kind::Room, cursor).await);
            said("terms", d.terms(&who, cursor).await);
            said("services", d.services(&who, cursor).await);
            said("leave", d.leave(&who, None, cursor).await);
            if let Ok(page) = d.patients(by(&who), cursor).await {
                page.items.iter().for_each(|one| clean("patients", &one.body.name));
            }
            said("people", world.calendars.people(&who, "", 999).await.unwrap());
            assert!(world.calendars.person(&who, "south-doctor").await.is_err());
            assert!(world.calendars.home(&who, "south-doctor").await.is_err());
            let at = CollectionPath::new("south-doctor", "visits");
            assert!(world.calendars.collection(&who, &at).await.is_err());
            let event = text::event("x", "x", "20260302T090000Z");
            let put =
                world.calendars.put(by(&who), &at.object("visit.ics"), event.into(), Condition::NONE).await;
            assert!(put.is_err());
            let gone = world.calendars.delete(by(&who), &at.object("visit.ics"), Condition::NONE).await;
            assert!(gone.is_err());
        }
        let who = world.who("north-owner").await;
        is_not_found("practitioner", d.practitioner(&who, south.practitioner).await);
        is_not_found("terms of", d.terms_of_practitioner(&who, south.practitioner).await);
        is_not_found("room", d.thing(&who, Kind::Room, south.room).await);
        is_not_found("term", d.term(&who, south.term).await);
        is_not_found("service", d.service(&who, south.service).await);
        is_not_found("patient", d.patient(by(&who), south.patient).await);
        is_not_found("leave", d.leave_request(&who, south.request).await);
        assert!(d.patients_by(by(&who), PatientBy::External("south-p1")).await.unwrap().is_empty());
        assert!(d.service_overrides(&who, south.service, PrincipalId(0)).await.unwrap().is_empty());
        let change = PractitionerChange { online: Some(false), ..Default::default() };
        is_not_found(
            "change practitioner",
            d.change_practitioner(by(&who), south.practitioner, None, change).await,
        );
        let at = (Kind::Room, south.room);
        is_not_found("change room", d.change_thing(by(&who), at, None, ThingChange::default()).await);
        is_not_found("change term", d.change_term(by(&who), south.term, None, TermChange::default()).await);
        is_not_found("change service", d.change_service(by(&who), south.service, None, service("x")).await);
        let fields = patient(None, "X");
        is_not_found(
            "change patient",
            d.change_patient(by(&who), south.patient, None, (&fields, true)).await,
        );
        is_not_found("erase patient", d.erase_patient(by(&who), south.patient).await);
        let approved = RequestStatus::Approved;
        let c = &world.clinic;
        is_not_found("decide", c.decide_leave(by(&who), south.request, approved, Step::Sure).await);
        let (ever, id) = ((0, i64::MAX / 8), south.practitioner);
        is_not_found("hours", c.hours(&who, id).await);
        let week = || Week { zone: Zone::utc(), intervals: Vec::new() };
        is_not_found("set hours", c.set_hours(by(&who), id, week(), (None, Step::Sure)).await);
        is_not_found("overrides", c.overrides(&who, id, ever).await);
        let day = NewOverride { first: 1, last: 1, is_urgent: false, week: week() };
        is_not_found("override", c.put_override(by(&who), (id, None), day, (None, Step::Sure)).await);
        is_not_found("blocks", c.blocks(&who, id, ever).await);
        let closing = Closing {
            kind: BlockKind::Forced,
            stretch: Stretch::Days(1, 1),
            title: None,
            rule: None,
            leave: None,
        };
        is_not_found("block", c.put_block(by(&who), (id, None), closing, (None, Step::Sure)).await);
        assert!(c.outside(&who, id, ever).await.unwrap().is_empty());
        assert!(c.open_hours(who.clinic(), &[id], 0, 9).await.unwrap().is_empty());
        let leave =
            kalends::clinic::NewLeave { of: south.practitioner, kind: "sick".into(), first: 1, last: 2 };
        is_not_found("leave of theirs", d.ask_leave(by(&who), leave).await);
        let theirs = PractitionerChange {
            terms: Some(vec![TermOn { term: south.term, weekdays: 1 }]),
            ..Default::default()
        };
        let own = world.who("north-doctor").await.principal();
        let theirs = d.change_practitioner(by(&who), own, None, theirs).await;
        assert!(matches!(theirs, Err(Error::Invalid { field: "terms", .. })), "{theirs:?}");
    })
    .await;
}

/// Every read of the store, asked in the name of the northern clinic for what the southern one has.
#[tokio::test]
async fn s5_every_read_of_the_store() {
    everywhere(async |world: World| {
        let (_, south, visits) = filled(&world).await;
        let (clinic, doctor, all) = (world.north, south.practitioner, u32::MAX / 2);
        let mut conn = world.store.read(clinic).await.unwrap();
        let (none, first) = (CollectionId(0), PrincipalId(0));
        said("principals", conn.principals(clinic, "", all).await.unwrap());
        said("principals_by_id", conn.principals_by_id(clinic, &[doctor]).await.unwrap());
        said("app_passwords", conn.app_passwords(clinic, doctor).await.unwrap());
        said("tokens", conn.tokens(clinic, doctor).await.unwrap());
        said(
            "collections",
            conn.collections(clinic, none, all).await.unwrap().iter().map(|c| c.owner == doctor),
        );
        assert!(conn.collection(clinic, doctor, "visits").await.unwrap().is_none());
        assert!(conn.collections_of(clinic, doctor).await.unwrap().is_empty());
        assert!(conn.collections_by_id(clinic, &[visits]).await.unwrap().is_empty());
        assert!(conn.collections_visible_to(clinic, doctor).await.unwrap().is_empty());
        assert!(conn.grants(clinic, &[visits]).await.unwrap().is_empty());
        assert!(conn.feeds(clinic, visits).await.unwrap().is_empty());
        let owners = [PropertyOwner::Collection(visits), PropertyOwner::Principal(doctor)];
        assert!(conn.properties(clinic, &owners).await.unwrap().is_empty());
        let name = "visit.ics".to_owned();
        assert!(conn.object(clinic, visits, &name).await.unwrap().is_none());
        assert!(conn.object_meta(clinic, visits, &name).await.unwrap().is_none());
        assert!(conn.objects(clinic, visits, "", all).await.unwrap().is_empty());
        assert!(conn.objects_since(clinic, visits, 0, all).await.unwrap().is_empty());
        assert!(conn.objects_named(clinic, visits, std::slice::from_ref(&name)).await.unwrap().is_empty());
        assert!(conn.texts_named(clinic, visits, &[name]).await.unwrap().is_empty());
        assert!(conn.texts(clinic, visits, "", all).await.unwrap().is_empty());
        assert!(conn.names_of_uids(clinic, visits, &["south".into()]).await.unwrap().is_empty());
        assert_eq!(conn.objects_total(clinic, visits).await.unwrap(), (0, 0));
        assert!(conn.pack(clinic, visits).await.unwrap().is_none());
        let texts = conn.texts_of_clinic(clinic, (none, ""), all).await.unwrap();
        assert!(!texts.is_empty());
        texts.iter().for_each(|object| meta_is_ours(&object.meta));
        assert!(conn.journal_of(clinic, visits, 0, all).await.unwrap().is_empty());
        assert!(
            !conn.journal_collections_since(clinic, 0).await.unwrap().iter().any(|(id, _)| *id == visits)
        );
        for kind in [PrincipalKind::Individual, PrincipalKind::Room, PrincipalKind::Resource] {
            said("bookables", conn.bookables(clinic, kind, first, all).await.unwrap());
        }
        assert!(!conn.bookables_by_term(clinic).await.unwrap().contains(&doctor));
        assert!(conn.bookable(clinic, doctor).await.unwrap().is_none());
        said("terms", conn.terms(clinic, TermId(0), all).await.unwrap());
        assert!(conn.term(clinic, south.term).await.unwrap().is_none());
        assert!(conn.terms_of(clinic, &[south.room]).await.unwrap().is_empty());
        said("services", conn.services(clinic, ServiceId(0), all).await.unwrap());
        assert!(conn.service(clinic, south.service).await.unwrap().is_none());
        said("overrides", conn.service_overrides(clinic, (ServiceId(0), first), all).await.unwrap());
        for one in conn.patients(clinic, store::PatientId(0), all).await.unwrap() {
            clean("patients", &one.body.name);
        }
        assert!(conn.patient(clinic, south.patient).await.unwrap().is_none());
        for key in [Key::External("south-p1"), Key::Email("south.patient@mail.example")] {
            assert!(conn.patients_by(clinic, key, all).await.unwrap().is_empty());
        }
        let requests = conn.requests(clinic, None, None, RequestId(0), all).await.unwrap();
        assert!(requests.iter().all(|one| one.asked.principal != doctor));
        assert!(conn.request(clinic, south.request).await.unwrap().is_none());
        said("audit", conn.audited(clinic, AuditOf::Everything, (0, -1), all).await.unwrap());
        let subject = format!("patient {}", south.patient);
        assert!(conn.audited(clinic, AuditOf::Subject(&subject), (0, -1), all).await.unwrap().is_empty());
    })
    .await;
}

fn meta_is_ours(meta: &ObjectMeta) {
    clean("texts_of_clinic", &meta.uid);
}

/// Ids of the southern clinic in a write of the northern one hit nothing.
#[tokio::test]
async fn s5_writes_with_ids_of_another_clinic_change_nothing() {
    everywhere(async |world: World| {
        let (_, south, visits) = filled(&world).await;
        let before = world.store.version(world.south).await.unwrap();
        let doctor = south.practitioner;
        let done = world.store.write::<_, store::Error, _>(world.north, move |tx| {
            Box::pin(async move {
                Ok([
                    tx.set_password(doctor, None).await?,
                    tx.disable_principal(doctor, Some(1)).await?,
                    tx.erase_principal(doctor).await?,
                    tx.remove_object(visits, "visit.ics").await?,
                    tx.erase_patient(south.patient).await?,
                    tx.remove_service_override(south.service, doctor).await?,
                ])
            })
        });
        assert_eq!(done.await.unwrap(), [false; 6]);
        let feed =
            NewFeed { collection: visits, secret_hash: [1; 32], scope: FeedScope::Full, label: "x".into() };
        let feed = world.store.write::<_, store::Error, _>(world.north, move |tx| {
            Box::pin(async move { tx.insert_feed(feed).await })
        });
        assert!(matches!(feed.await, Err(store::Error::Gone)));
        assert_eq!(world.store.version(world.south).await.unwrap(), before);
        let who = world.who("south-doctor").await;
        let at = CollectionPath::new("south-doctor", "visits");
        let shown = world.calendars.collection(&who, &at).await.unwrap();
        assert_eq!(world.calendars.list(&shown).await.unwrap().len(), 1);
    })
    .await;
}
