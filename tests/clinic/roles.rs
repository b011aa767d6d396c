//! Every role against every operation (trust.md S4): what the table says is what happens. Where an operation is built,
//! it is really tried, on what is the caller's own and on what is not.

use kalends::accounts::{Caller, Role};
use kalends::calendar::Zone;
use kalends::clinic::{BlockKind, Closing, Step, Stretch, Week};
use kalends::clinic::{
    Cursor, Error, Kind, NewLeave, PractitionerChange, Rule, Subject, TermChange, ThingChange, Verb, need,
    rule,
};
use store::{PrincipalId, ProfileStatus, RequestStatus};

use super::two::{Full, NOW, World, by, everywhere, patient, practitioner, service};

/// Tries an operation on what is `of` somebody. None: it is built elsewhere, and asks the same table.
async fn attempt(
    world: &World,
    full: &Full,
    who: &Caller,
    operation: (Subject, Verb),
    of: PrincipalId,
) -> Option<Result<(), Error>> {
    let (d, cursor) = (&world.directory, Cursor::default());
    let leave = |of| NewLeave { of, kind: "vacation".into(), first: NOW, last: NOW + 3_600 };
    let kind = if operation.0 == Subject::Equipment { Kind::Equipment } else { Kind::Room };
    Some(match operation {
        (Subject::Practitioners, Verb::Read) => d.practitioners(who, cursor).await.map(drop),
        (Subject::Practitioners, Verb::Write) => {
            let change = PractitionerChange { online: Some(false), ..Default::default() };
            d.change_practitioner(by(who), of, None, change).await.map(drop)
        }
        (Subject::Practitioners, Verb::Govern) => {
            let name = format!("made-by-{}-{}", who.name(), of);
            d.add_practitioner(by(who), practitioner(&name)).await.map(drop)
        }
        (Subject::Rooms | Subject::Equipment, Verb::Read) => d.things(who, kind, cursor).await.map(drop),
        (Subject::Rooms | Subject::Equipment, Verb::Write) => {
            d.change_thing(by(who), (kind, full.room), None, ThingChange::default()).await.map(drop)
        }
        (Subject::Terms, Verb::Read) => d.term(who, full.term).await.map(drop),
        (Subject::Terms, Verb::Write) => {
            d.change_term(by(who), full.term, None, TermChange::default()).await.map(drop)
        }
        (Subject::Services, Verb::Read) => d.services(who, cursor).await.map(drop),
        (Subject::Services, Verb::Write) => {
            d.change_service(by(who), full.service, None, service("north-first")).await.map(drop)
        }
        (Subject::Patients, Verb::Read) => d.patients(by(who), cursor).await.map(drop),
        (Subject::Patients, Verb::Write) => {
            d.upsert_patient(by(who), &patient(Some("x"), "X"), true).await.map(drop)
        }
        (Subject::Patients, Verb::Govern) => {
            d.erase_patient(by(who), store::PatientId(i64::MAX)).await.map(drop)
        }
        (Subject::Leave, Verb::Write) => d.ask_leave(by(who), leave(of)).await.map(drop),
        (Subject::Leave, Verb::Read) => {
            let one = d.leave(who, None, Cursor { after: 0, limit: 200 }).await;
            match one {
                Ok(page) if page.items.iter().any(|one| one.asked.principal == of) => Ok(()),
                Ok(_) => Err(Error::Denied(Subject::Leave)),
                Err(error) => Err(error),
            }
        }
        (Subject::Leave, Verb::Govern) => {
            // Asked for by somebody who may, so that there is something to decide.
            let admin = world.who("north-admin").await;
            let asked = d.ask_leave(by(&admin), leave(of)).await.unwrap();
            let approved = RequestStatus::Approved;
            world.clinic.decide_leave(by(who), asked.id, approved, Step::Sure).await.map(drop)
        }
        (Subject::Hours, Verb::Read) => world.clinic.hours(who, of).await.map(drop),
        (Subject::Hours, Verb::Write) => {
            let week = Week { zone: Zone::utc(), intervals: Vec::new() };
            world.clinic.set_hours(by(who), of, week, (None, Step::Sure)).await.map(drop)
        }
        (Subject::Blocks, Verb::Read) => world.clinic.blocks(who, of, (NOW, NOW + 1)).await.map(drop),
        (Subject::Blocks, verb) => {
            let kind = if verb == Verb::Govern { BlockKind::Forced } else { BlockKind::Emergency };
            let stretch = Stretch::Time(NOW, NOW + 60);
            let closing = Closing { kind, stretch, title: None, rule: None, leave: None };
            world.clinic.put_block(by(who), (of, None), closing, (None, Step::Sure)).await.map(drop)
        }
        _ => return None,
    })
}

fn is_denied(tried: &Result<(), Error>) -> bool {
    matches!(tried, Err(Error::Denied(_)))
}

#[tokio::test]
async fn s4_every_role_and_every_operation() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let admin = world.who("north-admin").await;
        let mut tried = 0;
        for role in Role::ALL {
            let who = world.who(&format!("north-{}", role.text())).await;
            let own = who.principal();
            let other = full.practitioner;
            // Somebody with leave of their own, whatever their role: reading it is then decided by the table alone.
            for of in [own, other] {
                let leave = NewLeave { of, kind: "sick".into(), first: NOW, last: NOW + 60 };
                world.directory.ask_leave(by(&admin), leave).await.unwrap();
            }
            for subject in Subject::ALL {
                for verb in Verb::ALL {
                    let says = rule(role, subject, verb);
                    for (of, may) in [(own, says != Rule::Denied), (other, says == Rule::Allowed)] {
                        let at = format!("{role:?} {subject:?} {verb:?} own={}", of == own);
                        assert_eq!(need(&who, subject, verb, Some(of)).is_ok(), may, "{at}");
                        // These have no owner: the table has no Own for them.
                        let Some(done) = attempt(&world, &full, &who, (subject, verb), of).await else {
                            continue;
                        };
                        tried += 1;
                        // Whoever may not see it at all hears that there is none.
                        let is_hidden =
                            verb == Verb::Govern && matches!(done, Err(Error::NotFound("request")));
                        assert_eq!(is_denied(&done) || is_hidden && !may, !may, "{at}: {done:?}");
                    }
                    let nobody = says == Rule::Allowed;
                    assert_eq!(need(&who, subject, verb, None).is_ok(), nobody, "{role:?} {subject:?}");
                }
            }
        }
        assert!(tried > 150, "{tried} operations were really tried");
    })
    .await;
}

#[tokio::test]
async fn whoever_has_no_role_has_no_part_in_the_clinics_work() {
    everywhere(async |world: World| {
        let new = super::two::person("guest");
        world.accounts.add_member(world.north, None, new).await.unwrap();
        let guest = world.who("guest").await;
        for subject in Subject::ALL {
            for verb in Verb::ALL {
                assert!(need(&guest, subject, verb, Some(guest.principal())).is_err(), "{subject:?}");
            }
        }
    })
    .await;
}

/// A token is for what its scopes name, and never for more than the role of its person.
#[tokio::test]
async fn a_token_allows_what_role_and_scopes_both_allow() {
    everywhere(async |world: World| {
        for role in Role::ALL {
            let name = format!("north-{}", role.text());
            let person = world.who(&name).await;
            let all: Vec<_> = Subject::ALL.iter().map(|subject| subject.word()).collect();
            let everything = world.by_token(&name, &all).await;
            let reads = world.by_token(&name, &["patients:read", "slots"]).await;
            for subject in Subject::ALL {
                for verb in Verb::ALL {
                    let may = |who: &Caller| need(who, subject, verb, Some(person.principal())).is_ok();
                    assert_eq!(may(&everything), may(&person), "{role:?} {subject:?} {verb:?}");
                    let is_named =
                        subject == Subject::Slots || subject == Subject::Patients && verb == Verb::Read;
                    assert_eq!(may(&reads), may(&person) && is_named, "{role:?} {subject:?} {verb:?}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_changed_role_counts_at_the_next_request_of_a_token_and_of_a_password() {
    everywhere(async |world: World| {
        let node = world.second_node().await;
        let bot = world.who("north-bot").await;
        let scopes = kalends::accounts::Scopes::new(["rooms"]).unwrap();
        let (_, secret) = world.accounts.add_token(&bot, "t", &scopes, None).await.unwrap();
        let password = kalends::accounts::Secret::new("north-bot-password");
        let from = std::net::IpAddr::from([127, 0, 0, 1]);
        assert_eq!(node.bearer(&secret).await.unwrap().role(), Some(Role::Bot));
        assert_eq!(node.login("north-bot", &password, from).await.unwrap().role(), Some(Role::Bot));
        let change = kalends::accounts::Change { role: Some(Some(Role::Admin)), ..Default::default() };
        world.accounts.change_person(&bot, change).await.unwrap();
        // SQLite: another process is noticed within 0.3 s.
        let begun = std::time::Instant::now();
        while node.bearer(&secret).await.unwrap().role() != Some(Role::Admin) {
            assert!(begun.elapsed().as_millis() < 1000, "within a second");
            tokio::task::yield_now().await;
        }
        assert_eq!(node.login("north-bot", &password, from).await.unwrap().role(), Some(Role::Admin));
    })
    .await;
}

#[tokio::test]
async fn a_licence_is_for_those_who_run_the_clinic() {
    everywhere(async |world: World| {
        let full = world.fill("north").await;
        let admin = world.who("north-admin").await;
        let to = |status| PractitionerChange { status: Some(status), ..Default::default() };
        for status in [ProfileStatus::Pending, ProfileStatus::Active] {
            world
                .directory
                .change_practitioner(by(&admin), full.practitioner, None, to(status))
                .await
                .unwrap();
        }
        for role in Role::ALL {
            let who = world.who(&format!("north-{}", role.text())).await;
            let seen = world.directory.practitioner(&who, full.practitioner).await.unwrap();
            let governs = matches!(role, Role::Owner | Role::Admin);
            assert_eq!(seen.licence.is_some(), governs, "{role:?}");
        }
        let doctor = world.who("north-doctor").await;
        let change = PractitionerChange { licence: Some(None), ..Default::default() };
        let own = world.directory.change_practitioner(by(&doctor), full.practitioner, None, change).await;
        assert!(matches!(own, Err(Error::Denied(_))), "not its own either");
        let change = to(ProfileStatus::Off);
        let own = world.directory.change_practitioner(by(&doctor), full.practitioner, None, change).await;
        assert!(matches!(own, Err(Error::Denied(_))));
    })
    .await;
}
