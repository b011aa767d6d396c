//! A clinic's people and things: tokens, profiles, terms, services, patients, requests, keys of repeated calls, audit.

use ::store::{
    AuditOf, Decision, Deed, Dimension, EVERY_DAY, Error, Fact, Key, NewRequest, NewToken, Patient,
    PatientBody, PatientBy, PatientId, PrincipalId, PrincipalKind, ProfileBody, ProfileStatus, Record,
    RequestId, RequestStatus, ResourceTerm, Result, Seen, Service, ServiceBody, ServiceId, ServiceOverride,
    Term, TermBody, TermId, Tx, Unique,
};

use super::world::{NOW, World, everywhere};

pub fn term(dimension: Dimension, code: &str) -> TermBody {
    let (code, name) = (code.to_owned(), format!("The {code}"));
    TermBody { dimension, code, name, detail: Some("Street 1".into()), disabled_at: None }
}

pub fn service(code: &str) -> ServiceBody {
    ServiceBody {
        code: code.into(),
        name: "First consultation".into(),
        modes: "in-person video".into(),
        minutes: 45,
        step: 15,
        pad_before: 5,
        pad_after: 10,
        notice: 120,
        horizon_days: 90,
        day_limit: Some(8),
        week_limit: None,
        seats: 1,
        needs: r#"[{"kind":"room","term":"ultrasound","count":1}]"#.into(),
        hold_patient: Some(600),
        hold_staff: None,
        fee: Some(12_000),
        currency: Some("EUR".into()),
        cancel_window: 1440,
        disabled_at: None,
    }
}

pub fn profile() -> ProfileBody {
    ProfileBody {
        status: ProfileStatus::Draft,
        public: true,
        online: false,
        licence: Some("LIC-1".into()),
        qualifications: None,
    }
}

pub fn patient(external: Option<&str>, name: &str) -> PatientBody {
    PatientBody {
        external_id: external.map(Into::into),
        name: name.into(),
        phone: Some("030 / 1234".into()),
        phone_key: Some("+49301234".into()),
        email: Some("Eva@Example.org".into()),
        email_key: Some("eva@example.org".into()),
        ..PatientBody::default()
    }
}

pub fn leave(of: PrincipalId) -> NewRequest {
    let (first, last) = (NOW, NOW + 86_400);
    NewRequest { kind: "leave".into(), principal: of, first, last, body: "{}".into(), created_by: Some(of) }
}

pub fn deed(actor: PrincipalId, subject: &str) -> Deed {
    Deed {
        actor: Some(actor),
        credential: "token 1".into(),
        kind: "patient-read",
        subject: subject.into(),
        body: "{}".into(),
    }
}

/// A row in every table of this file.
pub async fn furnish(tx: &mut Tx, of: PrincipalId) -> Result<()> {
    let token = NewToken {
        principal: of,
        label: "t".into(),
        secret_hash: [4; 32],
        scopes: "slots".into(),
        expires_at: None,
    };
    tx.insert_token(token).await?;
    tx.insert_profile(of, profile()).await?;
    let term = tx.insert_term(term(Dimension::Mode, "video")).await?.id;
    tx.set_terms_of(of, &[ResourceTerm { resource: of, term, weekdays: EVERY_DAY }]).await?;
    let service = tx.insert_service(service("first")).await?.id;
    let none = None;
    let different = ServiceOverride {
        service,
        resource: of,
        offered: true,
        minutes: none,
        pad_before: none,
        pad_after: none,
        day_limit: none,
        week_limit: none,
        fee: none,
    };
    tx.set_service_override(different).await?;
    tx.upsert_patient(patient(Some("p"), "Eva")).await?;
    tx.insert_request(leave(of)).await?;
    let clinic = tx.clinic();
    let key = Key { clinic, credential: "token 1".into(), key: "k".into(), body_hash: [1; 32] };
    tx.take_key(&key).await?;
    tx.save_settings("{}").await?;
    tx.audit(vec![deed(of, "patient 1")]).await
}

impl World {
    pub async fn make_term(&self, body: TermBody) -> Result<Term> {
        self.change(|tx| Box::pin(async move { tx.insert_term(body).await })).await
    }

    pub async fn make_service(&self, code: &str) -> Result<Service> {
        let body = service(code);
        self.change(|tx| Box::pin(async move { tx.insert_service(body).await })).await
    }

    pub async fn make_patient(&self, body: PatientBody) -> Result<(PatientId, bool)> {
        self.change(|tx| Box::pin(async move { tx.upsert_patient(body).await })).await
    }

    async fn last_fact(&self) -> Fact {
        let after = self.seq().await - 1;
        self.conn().await.journal_after(self.clinic, after, 9).await.unwrap().pop().unwrap().fact
    }
}

#[tokio::test]
async fn a_token_is_found_by_its_hash_until_it_is_revoked() {
    everywhere(async |world: World| {
        let (clinic, ada) = (world.clinic, world.ada);
        let new = NewToken {
            principal: ada,
            label: "bot".into(),
            secret_hash: [5; 32],
            scopes: "slots holds".into(),
            expires_at: Some(NOW + 60),
        };
        let again = new.clone();
        let before = world.store.version(clinic).await.unwrap().structure;
        let token = world.change(|tx| Box::pin(async move { tx.insert_token(new).await })).await.unwrap();
        assert!(world.store.version(clinic).await.unwrap().structure > before, "memory must hear of it");
        assert!(world.change(|tx| Box::pin(async move { tx.insert_token(again).await })).await.is_err());
        let mut conn = world.store.across().await.unwrap();
        let (found, principal) = conn.token_by_hash(&[5; 32]).await.unwrap().unwrap();
        assert_eq!((found.clone(), principal.id), (token.clone(), ada));
        assert_eq!((found.scopes.as_str(), found.expires_at), ("slots holds", Some(NOW + 60)));
        assert_eq!(conn.token_by_hash(&[6; 32]).await.unwrap(), None);
        world.clock.turn(60);
        let id = token.id;
        let touch = world.store.aside::<_, Error, _>(move |aside| {
            Box::pin(async move { aside.touch_tokens(clinic, &[id]).await })
        });
        touch.await.unwrap();
        let revoke = |of| world.change(move |tx| Box::pin(async move { tx.revoke_token(of, id).await }));
        assert!(!revoke(world.bob).await.unwrap(), "somebody else's");
        assert!(revoke(ada).await.unwrap());
        assert!(!revoke(ada).await.unwrap(), "twice");
        assert_eq!(conn.token_by_hash(&[5; 32]).await.unwrap(), None);
        let kept = world.conn().await.tokens(clinic, ada).await.unwrap();
        assert_eq!((kept[0].used_at, kept[0].revoked_at), (Some(NOW + 60), Some(NOW + 60)));
    })
    .await;
}

#[tokio::test]
async fn a_profile_belongs_to_its_principal() {
    everywhere(async |world: World| {
        let (clinic, ada, bob) = (world.clinic, world.ada, world.bob);
        for of in [ada, bob] {
            let made =
                world.change(move |tx| Box::pin(async move { tx.insert_profile(of, profile()).await }));
            made.await.unwrap();
        }
        assert!(world.last_fact().await == Fact::RecordChanged(Record::Resource(bob)));
        let mut conn = world.conn().await;
        let kind = PrincipalKind::Individual;
        let page = conn.bookables(clinic, kind, PrincipalId(0), 1).await.unwrap();
        assert_eq!((page.len(), page[0].principal.id, &page[0].profile), (1, ada, &profile()));
        let page = conn.bookables(clinic, kind, ada, 9).await.unwrap();
        assert_eq!(page.iter().map(|one| one.principal.id).collect::<Vec<_>>(), [bob]);
        assert!(conn.bookables(clinic, PrincipalKind::Room, PrincipalId(0), 9).await.unwrap().is_empty());
        assert_eq!(conn.bookables_by_term(clinic).await.unwrap(), [ada, bob]);
        let term = world.make_term(term(Dimension::Specialty, "skin")).await.unwrap().id;
        let terms = vec![ResourceTerm { resource: ada, term, weekdays: EVERY_DAY }];
        world.change(move |tx| Box::pin(async move { tx.set_terms_of(ada, &terms).await })).await.unwrap();
        assert_eq!(conn.bookables_by_term(clinic).await.unwrap(), [bob, ada], "a specialty's are together");
        let active = ProfileBody { status: ProfileStatus::Active, licence: None, ..profile() };
        let to = active.clone();
        let replace = |of| {
            let to = to.clone();
            world.change(move |tx| Box::pin(async move { tx.replace_profile(of, to).await }))
        };
        assert!(replace(ada).await.unwrap());
        assert!(!replace(PrincipalId(999)).await.unwrap());
        let found = conn.bookable(clinic, ada).await.unwrap().unwrap();
        assert_eq!(found.profile, active);
        assert!(found.seq > found.principal.seq);
        assert_eq!(conn.bookable(clinic, PrincipalId(999)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn terms_are_unique_in_their_dimension() {
    everywhere(async |world: World| {
        let clinic = world.clinic;
        let made = world.make_term(term(Dimension::Specialty, "derma")).await.unwrap();
        assert!(world.last_fact().await == Fact::RecordChanged(Record::Term(made.id)));
        let again = world.make_term(term(Dimension::Specialty, "derma")).await;
        assert!(matches!(again, Err(Error::Unique(Unique::Other))));
        world.make_term(term(Dimension::RoomType, "derma")).await.unwrap();
        let mut conn = world.conn().await;
        assert_eq!(conn.term(clinic, made.id).await.unwrap(), Some(made.clone()));
        let page = conn.terms(clinic, TermId(0), 1).await.unwrap();
        assert_eq!(page.first(), Some(&made));
        assert_eq!(conn.terms(clinic, made.id, 9).await.unwrap().len(), 1);
        let mut body = made.body.clone();
        (body.name, body.detail, body.disabled_at) = ("Skin".into(), None, Some(NOW));
        let to = body.clone();
        let replace = |id| {
            let to = to.clone();
            world.change(move |tx| Box::pin(async move { tx.replace_term(id, to).await }))
        };
        assert!(replace(made.id).await.unwrap());
        assert!(!replace(TermId(999)).await.unwrap());
        let after = conn.term(clinic, made.id).await.unwrap().unwrap();
        assert!(after.body == body && after.seq > made.seq);
    })
    .await;
}

#[tokio::test]
async fn the_terms_of_a_resource_are_replaced_whole_and_carry_weekdays() {
    everywhere(async |world: World| {
        let (clinic, ada) = (world.clinic, world.ada);
        let north = world.make_term(term(Dimension::Location, "north")).await.unwrap().id;
        let south = world.make_term(term(Dimension::Location, "south")).await.unwrap().id;
        let set = |terms: Vec<ResourceTerm>| {
            world.change(move |tx| Box::pin(async move { tx.set_terms_of(ada, &terms).await }))
        };
        let of = |term, weekdays| ResourceTerm { resource: ada, term, weekdays };
        set(vec![of(north, 0b101), of(south, EVERY_DAY)]).await.unwrap();
        let mut conn = world.conn().await;
        let both = conn.terms_of(clinic, &[world.bob, ada]).await.unwrap();
        assert_eq!(both, [of(north, 0b101), of(south, EVERY_DAY)]);
        set(vec![of(south, 1)]).await.unwrap();
        assert_eq!(conn.terms_of(clinic, &[ada]).await.unwrap(), [of(south, 1)]);
        assert!(matches!(set(vec![of(TermId(999), 1)]).await, Err(Error::Gone)));
        assert!(set(vec![of(south, 0)]).await.is_err(), "a day there must be");
        assert_eq!(conn.terms_of(clinic, &[ada]).await.unwrap(), [of(south, 1)], "nothing of it remains");
        set(Vec::new()).await.unwrap();
        assert!(conn.terms_of(clinic, &[ada]).await.unwrap().is_empty());
        assert!(conn.terms_of(clinic, &[]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_service_is_kept_as_given_and_replaced_whole() {
    everywhere(async |world: World| {
        let clinic = world.clinic;
        let made = world.make_service("first").await.unwrap();
        assert!(world.last_fact().await == Fact::RecordChanged(Record::Service(made.id)));
        assert!(matches!(world.make_service("first").await, Err(Error::Unique(_))));
        let other = world.make_service("second").await.unwrap();
        let mut conn = world.conn().await;
        assert_eq!(conn.service(clinic, made.id).await.unwrap(), Some(made.clone()));
        assert_eq!(conn.services(clinic, ServiceId(0), 1).await.unwrap().first(), Some(&made));
        assert_eq!(conn.services(clinic, made.id, 9).await.unwrap(), [other]);
        let mut body = service("third");
        (body.minutes, body.fee, body.disabled_at) = (60, None, Some(NOW));
        let to = body.clone();
        let replace = |id| {
            let to = to.clone();
            world.change(move |tx| Box::pin(async move { tx.replace_service(id, &to).await }))
        };
        assert!(replace(made.id).await.unwrap());
        assert!(!replace(ServiceId(999)).await.unwrap());
        let after = conn.service(clinic, made.id).await.unwrap().unwrap();
        assert!(after.body == body && after.seq > made.seq);
    })
    .await;
}

#[tokio::test]
async fn what_is_different_with_somebody_is_set_and_taken_away() {
    everywhere(async |world: World| {
        let (clinic, ada, bob) = (world.clinic, world.ada, world.bob);
        let of = world.make_service("first").await.unwrap().id;
        let one = ServiceOverride {
            service: of,
            resource: ada,
            offered: true,
            minutes: Some(60),
            pad_before: None,
            pad_after: Some(0),
            day_limit: None,
            week_limit: Some(5),
            fee: Some(1),
        };
        let set = |one| world.change(move |tx| Box::pin(async move { tx.set_service_override(one).await }));
        set(ServiceOverride { minutes: None, ..one }).await.unwrap();
        set(one).await.unwrap();
        set(ServiceOverride { resource: bob, offered: false, ..one }).await.unwrap();
        let mut conn = world.conn().await;
        let page = conn.service_overrides(clinic, (ServiceId(0), PrincipalId(0)), 1).await.unwrap();
        assert_eq!(page, [one]);
        let rest = conn.service_overrides(clinic, (of, ada), 9).await.unwrap();
        assert_eq!((rest.len(), rest[0].resource, rest[0].offered), (1, bob, false));
        let nobody = ServiceOverride { resource: PrincipalId(999), ..one };
        assert!(matches!(set(nobody).await, Err(Error::Gone)));
        let remove =
            || world.change(move |tx| Box::pin(async move { tx.remove_service_override(of, ada).await }));
        assert!(remove().await.unwrap());
        assert!(!remove().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_patient_of_another_system_is_one_patient() {
    everywhere(async |world: World| {
        let clinic = world.clinic;
        let (id, made) = world.make_patient(patient(Some("p-1"), "Eva")).await.unwrap();
        assert!(made);
        let (same, made) = world.make_patient(patient(Some("p-1"), "Eva Maria")).await.unwrap();
        assert!(!made && same == id);
        assert!(world.last_fact().await == Fact::RecordChanged(Record::Patient(id)));
        let (other, made) = world.make_patient(patient(None, "Eva's child")).await.unwrap();
        assert!(made && other != id, "without an external id everybody is new");
        let mut conn = world.conn().await;
        let found = conn.patient(clinic, id).await.unwrap().unwrap();
        assert!(found.body == patient(Some("p-1"), "Eva Maria") && found.created_at == NOW);
        let ids = |found: Vec<Patient>| found.into_iter().map(|one| one.id).collect::<Vec<_>>();
        let by = |by| (by, 9);
        for ((by, limit), expected) in [
            (by(PatientBy::External("p-1")), vec![id]),
            (by(PatientBy::External("p-2")), vec![]),
            (by(PatientBy::Phone("+49301234")), vec![id, other]),
            (by(PatientBy::Email("eva@example.org")), vec![id, other]),
        ] {
            assert_eq!(ids(conn.patients_by(clinic, by, limit).await.unwrap()), expected);
        }
        assert_eq!(ids(conn.patients(clinic, PatientId(0), 1).await.unwrap()), [id]);
        assert_eq!(ids(conn.patients(clinic, id, 9).await.unwrap()), [other]);
        assert!(!format!("{found:?} {:?}", found.body).contains("Eva"), "never printed");
        let taken = patient(Some("p-1"), "Thief");
        let taken =
            world.change(move |tx| Box::pin(async move { tx.replace_patient(other, taken).await })).await;
        assert!(matches!(taken, Err(Error::Unique(_))));
        let erase = || world.change(move |tx| Box::pin(async move { tx.erase_patient(id).await }));
        assert!(erase().await.unwrap());
        assert!(!erase().await.unwrap());
        assert!(conn.patient(clinic, id).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_request_is_decided_once_and_says_by_whom() {
    everywhere(async |world: World| {
        let (clinic, ada, bob) = (world.clinic, world.ada, world.bob);
        let ask = |new| world.change(move |tx| Box::pin(async move { tx.insert_request(new).await }));
        let made = ask(leave(ada)).await.unwrap();
        let other = ask(leave(bob)).await.unwrap();
        let backwards = NewRequest { last: NOW, ..leave(ada) };
        assert!(matches!(ask(backwards).await, Err(Error::Invalid(_))));
        assert!(matches!(ask(leave(PrincipalId(999))).await, Err(Error::Gone)));
        let id = made.id;
        let decide = |from, status| {
            let decision = Decision { status, by: Some(bob), object_name: Some("leave.ics".into()) };
            world.change(move |tx| Box::pin(async move { tx.decide_request(id, from, decision).await }))
        };
        use RequestStatus::{Approved, Cancelled, Open, Rejected};
        assert!(decide(Open, Approved).await.unwrap());
        assert!(!decide(Open, Rejected).await.unwrap(), "it is open no more");
        let mut conn = world.conn().await;
        let found = conn.request(clinic, id).await.unwrap().unwrap();
        assert_eq!((found.status, found.decided_by, found.decided_at), (Approved, Some(bob), Some(NOW)));
        assert_eq!((found.object_name.as_deref(), &found.asked), (Some("leave.ics"), &made.asked));
        for (of, status, expected) in [
            (None, None, vec![id, other.id]),
            (Some(bob), None, vec![other.id]),
            (None, Some(Approved), vec![id]),
            (Some(ada), Some(Approved), vec![id]),
            (Some(ada), Some(Cancelled), vec![]),
        ] {
            let page = conn.requests(clinic, of, status, RequestId(0), 9).await.unwrap();
            assert_eq!(page.iter().map(|one| one.id).collect::<Vec<_>>(), expected, "{of:?} {status:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_done_once_and_remembered_for_a_day() {
    everywhere(async |world: World| {
        let key =
            Key { clinic: world.clinic, credential: "token 1".into(), key: "k".into(), body_hash: [1; 32] };
        let take = async |key: &Key| {
            let key = key.clone();
            let taken = world
                .store
                .aside::<_, Error, _>(move |aside| Box::pin(async move { aside.take_key(&key).await }));
            taken.await.unwrap()
        };
        let keep = async |key: &Key| {
            let key = key.clone();
            world.change(move |tx| Box::pin(async move { tx.keep_answer(&key, 201, b"made").await })).await
        };
        assert_eq!(take(&key).await, Seen::Never);
        assert_eq!(take(&key).await, Seen::InFlight);
        assert_eq!(take(&Key { body_hash: [2; 32], ..key.clone() }).await, Seen::Other);
        assert_eq!(take(&Key { credential: "token 2".into(), ..key.clone() }).await, Seen::Never);
        let work = async |key: &Key| {
            let write = world.change(move |_| Box::pin(async { Ok(()) }));
            store::once(key.clone(), write).await
        };
        work(&key).await.unwrap();
        assert_eq!(take(&key).await, Seen::InFlight, "done, and about to be answered");
        keep(&key).await.unwrap();
        let done = Seen::Done { status: 201, answer: b"made".to_vec() };
        assert_eq!(take(&key).await, done);
        world.clock.turn(61);
        assert_eq!(take(&key).await, done, "an answer is no call in flight");
        let dead = Key { credential: "token 2".into(), ..key.clone() };
        assert_eq!(take(&dead).await, Seen::Never, "whoever began it is dead");
        let (dropped, clinic) = (dead.clone(), world.clinic);
        world.change(move |tx| Box::pin(async move { tx.drop_key(&dropped).await })).await.unwrap();
        assert_eq!(take(&dead).await, Seen::Never, "given back");
        work(&dead).await.unwrap();
        world.clock.turn(61);
        assert_eq!(take(&dead).await, Seen::Unanswered, "done, and nobody is left to answer");
        let other = Key { body_hash: [9; 32], ..dead.clone() };
        let refused = work(&other).await.map(|()| true);
        assert_eq!(
            refused.map_err(|error| matches!(error, Error::Busy)),
            Err(true),
            "taken over by another call"
        );
        world.clock.turn(24 * 3600 - 122);
        assert_eq!(take(&key).await, Seen::Never, "a day has passed");
        world.clock.turn(24 * 3600);
        let prune = world
            .store
            .aside::<_, Error, _>(move |aside| Box::pin(async move { aside.prune_keys(clinic).await }));
        assert_eq!(prune.await.unwrap(), 2);
    })
    .await;
}

/// trust.md G1: a row that was changed, dropped or cut off is found.
#[tokio::test]
async fn g1_the_audit_is_a_chain() {
    everywhere(async |world: World| {
        let (clinic, ada, bob) = (world.clinic, world.ada, world.bob);
        for n in 0..5 {
            world
                .change(move |tx| {
                    Box::pin(async move {
                        tx.sign(::store::Origin::Rest, Some(ada));
                        tx.audit(vec![deed(ada, "patient 1")]).await?;
                        tx.audit(vec![deed(bob, &format!("patient {}", n + 2))]).await
                    })
                })
                .await
                .unwrap();
        }
        let mut conn = world.conn().await;
        assert_eq!(conn.audit_holds(clinic).await.unwrap(), Ok(10));
        let page = conn.audited(clinic, AuditOf::Everything, (0, -1), 3).await.unwrap();
        assert_eq!((page.len(), page[0].n, page[1].n, page[0].door.as_str()), (3, 0, 1, "rest"));
        let rest = conn.audited(clinic, AuditOf::Everything, (page[2].seq, page[2].n), 99).await.unwrap();
        assert_eq!(rest.len(), 7);
        assert_eq!(conn.audited(clinic, AuditOf::Subject("patient 1"), (0, -1), 99).await.unwrap().len(), 5);
        assert_eq!(conn.audited(clinic, AuditOf::Actor(bob), (0, -1), 99).await.unwrap().len(), 5);
        let refused = world.change(move |tx| {
            Box::pin(async move {
                tx.audit(vec![deed(ada, "patient 9")]).await?;
                Err::<(), _>(Error::Invalid("refused"))
            })
        });
        assert!(refused.await.is_err());
        assert_eq!(conn.audit_holds(clinic).await.unwrap(), Ok(10), "a refused deed leaves no gap");
        let many = (0..120).map(|n| deed(ada, &format!("patient {n}"))).collect();
        world.change(|tx| Box::pin(async move { tx.audit(many).await })).await.unwrap();
        assert_eq!(conn.audit_holds(clinic).await.unwrap(), Ok(130), "many at once are links too");
        let change = "update audit set body = 'x' where n = 1";
        assert!(!world.past_the_store(change), "the database itself refuses to change a row");
        let (first, last) = (page[0].seq, world.seq().await);
        assert!(world.past_the_store(&format!("delete from audit where seq = {last} and n = 119")));
        assert_eq!(conn.audit_holds(clinic).await.unwrap(), Err(last), "the end was cut off");
        assert!(world.past_the_store(&format!("delete from audit where seq = {first} and n = 1")));
        assert_eq!(conn.audit_holds(clinic).await.unwrap(), Err(first + 1), "one was taken out");
    })
    .await;
}

impl World {
    /// Changes the database without the store; false when it refuses.
    pub fn past_the_store(&self, sql: &str) -> bool {
        match self.fresh.address() {
            Some(address) => {
                crate::support::database::sql(address, &format!("set kalends.clinic = '0'; {sql}"))
            }
            None => super::sqlite::try_shell(&self.fresh.folder().unwrap().join("store.db"), sql),
        }
    }
}
