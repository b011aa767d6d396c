//! Two clinics in one database, one person of each role in each; everything the first makes is called after it.

use kalends::accounts::{Accounts, Caller, Cost, NewPerson, Role, Scopes, Secret, Settings};
use kalends::calendar::{Author, Calendars, Origin};
use kalends::clinic::{
    Clinic, Directory, Kind, Need, NeedKind, NewPractitioner, NewTerm, NewThing, PatientFields,
    ServiceFields, TermOn,
};
use store::{ClinicId, Clock, Dimension, EVERY_DAY, PrincipalId, Store};

use crate::support::database::{Fresh, each};

/// Monday, 2026-03-02 08:00 UTC.
pub const NOW: i64 = 1_772_438_400;

pub struct World {
    pub store: Store,
    pub accounts: Accounts,
    pub calendars: Calendars,
    pub directory: Directory,
    pub clinic: Clinic,
    pub north: ClinicId,
    pub south: ClinicId,
    _fresh: Fresh,
}

/// Runs the test in such a world on either database.
pub async fn everywhere(test: impl AsyncFn(World)) {
    each(async |fresh| test(World::over(fresh).await).await).await;
}

impl World {
    async fn over(mut fresh: Fresh) -> World {
        fresh.options.clock = Clock::at(NOW);
        let store = fresh.store().await;
        let settings = Settings { cost: Cost::LOWEST, ..Settings::default() };
        let accounts = Accounts::open(store.clone(), settings).await.unwrap();
        let north = accounts.add_clinic("north").await.unwrap();
        let south = accounts.add_clinic("south").await.unwrap();
        for (clinic, name) in [(north, "north"), (south, "south")] {
            for role in Role::ALL {
                let person = person(&format!("{name}-{}", role.text()));
                accounts.add_member(clinic, Some(role), person).await.unwrap();
            }
        }
        let calendars = super::world::guarded(&store).await;
        let directory = Directory::new(store.clone(), accounts.clone());
        let clinic = Clinic::new(store.clone(), calendars.clone());
        World { store, accounts, calendars, directory, clinic, north, south, _fresh: fresh }
    }

    /// Another process on the same database.
    pub async fn second_node(&self) -> Accounts {
        let settings = Settings { cost: Cost::LOWEST, ..Settings::default() };
        Accounts::open(self._fresh.again().await, settings).await.unwrap()
    }

    /// `north-admin`, or anybody else.
    pub async fn who(&self, name: &str) -> Caller {
        self.accounts.operator(name).await.unwrap()
    }

    /// The same person by a token for these scopes.
    pub async fn by_token(&self, name: &str, scopes: &[&str]) -> Caller {
        let who = self.who(name).await;
        let scopes = Scopes::new(scopes).unwrap();
        let (_, secret) = self.accounts.add_token(&who, "test", &scopes, None).await.unwrap();
        self.accounts.bearer(&secret).await.unwrap()
    }
}

pub fn by(who: &Caller) -> Author<'_> {
    Author { who, from: Origin::Rest }
}

pub fn person(name: &str) -> NewPerson {
    NewPerson {
        name: name.into(),
        display_name: format!("Person {name}"),
        email: Some(format!("{name}@clinic.example")),
        zone: Some("Europe/Berlin".into()),
        password: Some(Secret::new(format!("{name}-password"))),
    }
}

pub fn practitioner(name: &str) -> NewPractitioner {
    NewPractitioner {
        person: person(name),
        licence: Some(format!("LIC-{name}")),
        qualifications: Some(format!("MD {name}")),
        public: true,
        online: true,
        terms: Vec::new(),
    }
}

pub fn room(name: &str, terms: &[store::TermId]) -> NewThing {
    let terms = terms.iter().map(|term| TermOn { term: *term, weekdays: EVERY_DAY }).collect();
    NewThing { name: None, display_name: name.into(), zone: None, terms, capacity: 1 }
}

pub fn term(code: &str) -> NewTerm {
    let (code, name) = (code.to_owned(), format!("The {code}"));
    NewTerm { dimension: Dimension::RoomType, code, name, detail: None }
}

pub fn patient(external: Option<&str>, name: &str) -> PatientFields {
    PatientFields {
        external_id: external.map(Into::into),
        name: name.into(),
        phone: Some("030 1234".into()),
        email: Some(format!("{}@mail.example", name.to_lowercase().replace(' ', "."))),
        ..PatientFields::default()
    }
}

pub fn service(code: &str) -> ServiceFields {
    ServiceFields {
        code: code.into(),
        name: format!("Service {code}"),
        modes: vec!["in-person".into()],
        minutes: 45,
        step: 15,
        pad_before: 0,
        pad_after: 10,
        notice: 60,
        horizon_days: 90,
        day_limit: None,
        week_limit: None,
        seats: 1,
        needs: vec![Need { kind: NeedKind::Room, term: None, count: 1 }],
        hold_patient: None,
        hold_staff: None,
        fee: Some(9_000),
        currency: Some("EUR".into()),
        cancel_window: 0,
        active: true,
    }
}

/// What a clinic full of things has.
pub struct Full {
    pub practitioner: PrincipalId,
    pub room: PrincipalId,
    pub term: store::TermId,
    pub service: store::ServiceId,
    pub patient: store::PatientId,
    pub request: store::RequestId,
}

impl World {
    /// Fills a clinic; every text in it holds its name.
    pub async fn fill(&self, name: &str) -> Full {
        let admin = self.who(&format!("{name}-admin")).await;
        let d = &self.directory;
        let term = d.add_term(by(&admin), term(&format!("{name}-type"))).await.unwrap().id;
        let doctor = practitioner(&format!("{name}-doctor"));
        let practitioner = d.add_practitioner(by(&admin), doctor).await.unwrap().id;
        let room =
            d.add_thing(by(&admin), Kind::Room, room(&format!("{name} room"), &[term])).await.unwrap().id;
        let service = d.add_service(by(&admin), service(&format!("{name}-first"))).await.unwrap().id;
        let patient = patient(Some(&format!("{name}-p1")), &format!("{name} patient"));
        let (patient, _, _) = d.upsert_patient(by(&admin), &patient, true).await.unwrap();
        let leave = kalends::clinic::NewLeave {
            of: practitioner,
            kind: "vacation".into(),
            first: NOW,
            last: NOW + 86_400,
        };
        let request = d.ask_leave(by(&admin), leave).await.unwrap().id;
        Full { practitioner, room, term, service, patient, request }
    }
}
