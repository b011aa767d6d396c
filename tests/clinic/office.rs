//! A clinic that is searched: Ada and Bob with hours in Berlin, two rooms, one service, and a person of each role who
//! asks.

use std::time::{SystemTime, UNIX_EPOCH};

use kalends::accounts::{Accounts, Caller, Cost, NewPerson, Role, Settings as AccountSettings};
use kalends::calendar::{Author, Calendars, Origin};
use kalends::clinic::{
    Clinic, Directory, Ground, Kind, NewPractitioner, NewThing, Offered, PractitionerChange, ProfileStatus,
    ServiceFields, TermOn, Wanted, Wish,
};
use store::{ClinicId, Clock, EVERY_DAY, PrincipalId, ServiceId, Store, TermId};

use super::world::{DAY, guarded};
use crate::support::database::{Fresh, each};

pub const HOUR: i64 = 3600;

pub struct Office {
    pub store: Store,
    pub clock: Clock,
    pub accounts: Accounts,
    pub calendars: Calendars,
    pub directory: Directory,
    pub clinic: Clinic,
    pub id: ClinicId,
    pub admin: Caller,
    pub desk: Caller,
    pub bot: Caller,
    pub ada: PrincipalId,
    pub bob: PrincipalId,
    pub first: ServiceId,
    /// Midnight in Berlin of a Monday after next week.
    pub monday: i64,
    pub fresh: Fresh,
}

/// Runs the test in such a clinic on either database.
pub async fn everywhere(test: impl AsyncFn(Office)) {
    each(async |fresh| test(Office::over(fresh).await).await).await;
}

pub fn by(who: &Caller) -> Author<'_> {
    Author { who, from: Origin::Rest }
}

fn person(name: &str) -> NewPerson {
    NewPerson {
        name: name.into(),
        display_name: format!("Person {name}"),
        email: None,
        zone: Some("Europe/Berlin".into()),
        password: None,
    }
}

/// A half hour every quarter, no notice, no needs.
pub fn service(code: &str) -> ServiceFields {
    ServiceFields {
        code: code.into(),
        name: format!("Service {code}"),
        modes: vec!["in-person".into()],
        minutes: 30,
        step: 15,
        pad_before: 0,
        pad_after: 0,
        notice: 0,
        horizon_days: 300,
        day_limit: None,
        week_limit: None,
        seats: 1,
        needs: Vec::new(),
        hold_patient: None,
        hold_staff: None,
        fee: None,
        currency: None,
        cancel_window: 0,
        active: true,
    }
}

/// Every working day from nine to twelve.
pub fn week(from: &str, until: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VAVAILABILITY\r\nUID:h\r\n\
         DTSTAMP:20200101T000000Z\r\nBEGIN:AVAILABLE\r\nUID:a\r\nDTSTAMP:20200101T000000Z\r\n\
         DTSTART;TZID=Europe/Berlin:20200106T{from}00\r\nDTEND;TZID=Europe/Berlin:20200106T{until}00\r\n\
         RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\r\nEND:AVAILABLE\r\nEND:VAVAILABILITY\r\nEND:VCALENDAR\r\n"
    )
}

pub fn berlin() -> ical::Zone {
    ical::Zone::named("Europe/Berlin").unwrap()
}

impl Office {
    async fn over(mut fresh: Fresh) -> Office {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let clock = Clock::at(now);
        fresh.options.clock = clock.clone();
        let store = fresh.store().await;
        let settings = AccountSettings { cost: Cost::LOWEST, ..AccountSettings::default() };
        let accounts = Accounts::open(store.clone(), settings).await.unwrap();
        let id = accounts.clinic();
        for role in Role::ALL {
            accounts.add_member(id, Some(role), person(role.text())).await.unwrap();
        }
        let who = async |role: Role| accounts.operator(role.text()).await.unwrap();
        let (admin, desk, bot) =
            (who(Role::Admin).await, who(Role::Receptionist).await, who(Role::Bot).await);
        let calendars = guarded(&store).await;
        let directory = Directory::new(store.clone(), accounts.clone());
        let clinic = Clinic::new(store.clone(), calendars.clone());
        let first = directory.add_service(by(&admin), service("first")).await.unwrap().id;
        let day = now.div_euclid(DAY) + 8;
        let monday = berlin().to_instant((day + (4 - day).rem_euclid(7)) * DAY);
        let nobody = PrincipalId(0);
        let mut office = Office {
            store,
            clock,
            accounts,
            calendars,
            directory,
            clinic,
            id,
            admin,
            desk,
            bot,
            ada: nobody,
            bob: nobody,
            first,
            monday,
            fresh,
        };
        office.ada = office.practitioner("ada", &[]).await;
        office.bob = office.practitioner("bob", &[]).await;
        office
    }

    pub async fn practitioner(&self, name: &str, terms: &[TermId]) -> PrincipalId {
        let new = NewPractitioner {
            person: person(name),
            licence: None,
            qualifications: None,
            public: true,
            online: true,
            terms: terms.iter().map(|term| TermOn { term: *term, weekdays: EVERY_DAY }).collect(),
        };
        let made = self.directory.add_practitioner(by(&self.admin), new).await.unwrap();
        for status in [ProfileStatus::Pending, ProfileStatus::Active] {
            self.to(made.id, status).await;
        }
        self.hours(name, Some(week("0900", "1200"))).await;
        made.id
    }

    pub async fn to(&self, id: PrincipalId, status: ProfileStatus) {
        let change = PractitionerChange { status: Some(status), ..PractitionerChange::default() };
        self.directory.change_practitioner(by(&self.admin), id, None, change).await.unwrap();
    }

    pub async fn hours(&self, name: &str, text: Option<String>) {
        let who = self.accounts.operator(name).await.unwrap();
        self.calendars.set_availability(by(&who), text).await.unwrap();
    }

    pub async fn room(&self, name: &str, terms: &[TermId]) -> PrincipalId {
        let terms = terms.iter().map(|term| TermOn { term: *term, weekdays: EVERY_DAY }).collect();
        let new = NewThing { name: None, display_name: name.into(), zone: None, terms, capacity: 1 };
        self.directory.add_thing(by(&self.admin), Kind::Room, new).await.unwrap().id
    }

    /// So many minutes after midnight of the Monday.
    pub fn at(&self, minute: i64) -> i64 {
        self.monday + minute * 60
    }

    /// What is searched for: the service, on the Monday.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            service: Some(self.first),
            from: Some(self.monday),
            until: Some(self.monday + DAY),
            ..Wanted::default()
        }
    }

    pub async fn offers(&self, wanted: &Wanted) -> Vec<Offered> {
        self.clinic.offers(&self.desk, wanted).await.unwrap()
    }

    /// Minutes of the Monday at which somebody can be booked.
    pub async fn starts(&self, with: PrincipalId) -> Vec<i64> {
        self.starts_of(&self.clinic, with).await
    }

    pub async fn starts_of(&self, clinic: &Clinic, with: PrincipalId) -> Vec<i64> {
        let wanted = Wanted { practitioners: vec![with], limit: 200, ..self.wanted() };
        let found = clinic.offers(&self.desk, &wanted).await.unwrap();
        found.iter().map(|one| (one.start - self.monday) / 60).collect()
    }

    pub fn wish(&self, with: PrincipalId, minute: i64) -> Wish {
        Wish { service: Some(self.first), ..Wish::new(with, self.at(minute)) }
    }

    pub async fn book(&self, with: PrincipalId, minute: i64) -> kalends::clinic::Booked {
        self.clinic.reserve(&self.desk, &self.wish(with, minute), Ground::Bare).await.unwrap().booked
    }

    pub async fn move_to(&self, id: &kalends::clinic::AppointmentId, with: PrincipalId, minute: i64) {
        let wish = Wish::new(with, self.at(minute));
        let wish = self.clinic.wish_to_move(&self.desk, id, wish).await.unwrap();
        self.clinic.move_to(&self.desk, id, &wish, None, None).await.unwrap();
    }
}
