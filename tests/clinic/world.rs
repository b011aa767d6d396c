//! A clinic that can be booked: two practitioners, two rooms, a hall of three places, and a phone for each.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kalends::accounts::{Accounts, Caller, NewPerson, Settings as AccountSettings};
use kalends::calendar::{Author, Calendars, CollectionPath, Condition, Error, Origin, Settings, Written};
use kalends::clinic::{self, By, Clinic, Conflict, Ground, Policy, Rules, Visit};
use store::{Busy, ClinicId, Clock, CollectionChange, NewPrincipal, PrincipalId, PrincipalKind, Store};

use crate::support::database::{Fresh, each};

pub const MINUTE: i64 = 60;
pub const DAY: i64 = 86_400;

pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub accounts: Accounts,
    pub calendars: Calendars,
    pub clinic: Clinic,
    pub id: ClinicId,
    pub ada: PrincipalId,
    pub bob: PrincipalId,
    pub room: PrincipalId,
    pub attic: PrincipalId,
    pub hall: PrincipalId,
    /// Midnight (UTC) of a day next week.
    pub day: i64,
    /// Dropped last: takes the database away.
    pub fresh: Fresh,
}

/// Runs the test in a world on either database.
pub async fn everywhere(test: impl AsyncFn(World)) {
    each(async |fresh| test(World::over(fresh).await).await).await;
}

impl World {
    pub async fn over(mut fresh: Fresh) -> World {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let clock = Clock::at(now);
        fresh.options.clock = clock.clone();
        let store = fresh.store().await;
        let accounts = Accounts::open(store.clone(), AccountSettings::default()).await.unwrap();
        let calendars = guarded(&store).await;
        let clinic = Clinic::new(store.clone(), calendars.clone());
        let mut ids = Vec::new();
        for name in ["ada", "bob"] {
            let person = NewPerson {
                name: name.into(),
                display_name: format!("Dr. {name}"),
                email: None,
                zone: Some("Europe/Berlin".into()),
                password: None,
            };
            ids.push(accounts.add_person(person).await.unwrap().id);
        }
        let id = accounts.clinic();
        for name in ["room", "attic", "hall"] {
            ids.push(thing(&store, id, name).await);
        }
        let [ada, bob, room, attic, hall] = ids[..] else { unreachable!() };
        let day = (now.div_euclid(DAY) + 7) * DAY;
        let world =
            World { store, clock, accounts, calendars, clinic, id, ada, bob, room, attic, hall, day, fresh };
        for (id, capacity) in [(ada, 1), (bob, 1), (room, 1), (attic, 1), (hall, 3)] {
            world.clinic.make_bookable(world.by(), id, capacity, Policy::Accept).await.unwrap();
        }
        world
    }

    /// Another process over the same database.
    pub async fn node(&self) -> (Calendars, Clinic) {
        let store = self.fresh.again().await;
        let calendars = guarded(&store).await;
        (calendars.clone(), Clinic::new(store, calendars))
    }

    /// The front desk.
    pub fn by(&self) -> By {
        By { clinic: self.id, who: None, door: Origin::Rest }
    }

    pub fn at(&self, minute: i64) -> i64 {
        self.day + minute * MINUTE
    }

    /// Ada, from one minute of the day to another.
    pub fn visit(&self, from: i64, to: i64) -> Visit {
        Visit {
            practitioner: self.ada,
            with: Vec::new(),
            start: self.at(from),
            end: self.at(to),
            zone: "Europe/Berlin".into(),
            rule: None,
            buffers: (0, 0),
            title: "Consultation".into(),
            place: None,
            location: None,
            mode: None,
            patient: Some(7),
            service: Some("first".into()),
            is_pending: false,
            details: None,
        }
    }

    pub async fn book(&self, visit: Visit) -> Result<clinic::Booked, clinic::Error> {
        self.clinic.book(self.by(), visit, Ground::Bare).await
    }

    /// Sets the policy of both calendars of a resource.
    pub async fn policy(&self, of: PrincipalId, policy: Policy) {
        for slug in ["visits", "absences"] {
            let row = self.collection(of, slug).await;
            let change = CollectionChange { policy: Some(Some(policy)), ..CollectionChange::default() };
            let done = self
                .store
                .write(self.id, move |tx| Box::pin(async move { tx.update_collection(row, change).await }));
            assert!(done.await.unwrap());
        }
    }

    pub async fn collection(&self, of: PrincipalId, slug: &str) -> store::CollectionId {
        let mut conn = self.store.read(self.id).await.unwrap();
        conn.collection(self.id, of, slug).await.unwrap().unwrap().id
    }

    pub async fn who(&self, name: &str) -> Caller {
        self.accounts.operator(name).await.unwrap()
    }

    /// A calendar program's PUT; `at` is `home/slug/name`.
    pub async fn put(&self, at: &str, text: &str) -> Result<Written, Error> {
        put(&self.calendars, &self.who(owner(at)).await, at, text).await
    }

    pub async fn delete(&self, at: &str) -> Result<(), Error> {
        let who = self.who(owner(at)).await;
        let by = Author { who: &who, from: Origin::Dav };
        self.calendars.delete(by, &place(at), Condition::NONE).await
    }

    pub async fn text(&self, at: &str) -> Option<String> {
        let who = self.who(owner(at)).await;
        let at = place(at);
        let shown = self.calendars.collection(&who, &at.collection).await.unwrap();
        let opened = self.calendars.texts(&shown, &[&at.name]).await.unwrap().pop().flatten()?;
        Some(String::from_utf8(opened.1.to_vec()).unwrap())
    }

    /// The busy rows of a resource, by time.
    pub async fn busy(&self, of: PrincipalId) -> Vec<Busy> {
        let moment = self.store.moment().await.unwrap();
        let span = (self.day - 60 * DAY, self.day + 500 * DAY);
        self.store.read(self.id).await.unwrap().busy_between(self.id, &[of], span, moment).await.unwrap()
    }

    /// The minutes of the day at which a resource is taken.
    pub async fn minutes(&self, of: PrincipalId) -> Vec<(i64, i64)> {
        let minute = |instant| (instant - self.day) / MINUTE;
        let all = self.busy(of).await;
        all.iter().map(|one| (minute(one.span.start), minute(one.span.end))).collect()
    }

    /// Lets a hold run out: by the clock where the test has one, by hand where the database has its own.
    pub async fn run_out(&self, hold: &str) {
        match self.fresh.address() {
            None => self.clock.turn(3 * 3600),
            Some(address) => {
                let past = format!(
                    "update holds set expires_at = 1 where id = '{hold}'; \
                     update busy set expires_at = 1 where collection_id = 0 and name = '{hold}'"
                );
                assert!(crate::support::database::sql(address, &past));
            }
        }
    }
}

pub async fn guarded(store: &Store) -> Calendars {
    let rule = std::sync::Arc::new(Rules);
    Calendars::open_with(store.clone(), Settings::default(), Some(rule)).await.unwrap()
}

async fn thing(store: &Store, clinic: ClinicId, name: &str) -> PrincipalId {
    let new = NewPrincipal {
        name: name.into(),
        kind: PrincipalKind::Room,
        display_name: name.into(),
        email: None,
        zone: None,
        password_hash: None,
        role: None,
    };
    let made: store::Result<_> =
        store.write(clinic, move |tx| Box::pin(async move { tx.insert_principal(new).await })).await;
    made.unwrap().id
}

pub async fn put(calendars: &Calendars, who: &Caller, at: &str, text: &str) -> Result<Written, Error> {
    let by = Author { who, from: Origin::Dav };
    calendars.put(by, &place(at), Bytes::from(text.to_string()), Condition::NONE).await
}

fn owner(at: &str) -> &str {
    at.split('/').next().unwrap()
}

pub fn place(at: &str) -> kalends::calendar::ObjectPath {
    let parts: Vec<&str> = at.split('/').collect();
    CollectionPath::new(parts[0], parts[1]).object(parts[2])
}

/// An instant as iCalendar has it.
pub fn utc(instant: i64) -> String {
    ical::When::Utc(instant).print()
}

/// An event of a phone, with more lines of its own.
pub fn event(uid: &str, start: i64, end: i64, more: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//phone//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:{}\r\nDTEND:{}\r\n{more}SUMMARY:mine\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n",
        utc(start),
        utc(end)
    )
}

pub fn kinds(conflicts: &[Conflict]) -> Vec<(PrincipalId, store::BusyKind)> {
    conflicts.iter().map(|one| (one.resource, one.kind)).collect()
}
