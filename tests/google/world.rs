//! A practitioner with a calendar here and one at the fake Google, and one clock for both. Links have their turns when a
//! test says so; where it does not matter who called for one, the clock is turned past the safety poll.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use bytes::Bytes;
use fake_google::{Command, Consent, Fake, Recorded, Running};
use kalends::accounts::{Accounts, Caller, NewPerson, Remote, RemoteId, Secret, Settings as AccountSettings};
use kalends::calendar::{
    Author, Calendars, CollectionPath, Condition, LinkId, NewCollection, Origin, Settings as CalendarSettings,
};
use kalends::clinic::{Clinic, Rules};
use kalends::google::{self, Access, Google, Place, Project, Terms};
use serde_json::{Value, json};
use store::{ClinicId, Clock, PrincipalId, Store};

use crate::support::client::Client;
use crate::support::database::{Fresh, each};
use crate::support::server::NOW;

pub const HER: &str = "ada@clinic.example";

pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub accounts: Accounts,
    pub calendars: Calendars,
    pub clinic: Clinic,
    pub google: Google,
    pub fake: Running,
    pub id: ClinicId,
    pub ada: PrincipalId,
    /// Dropped last: takes the database away.
    pub fresh: Fresh,
}

/// Runs the test in a world on either database, its account connected and her calendar linked.
pub async fn linked(terms: Terms, test: impl AsyncFn(World, LinkId)) {
    each(async |fresh| {
        let world = World::over(fresh).await;
        let link = world.link(terms.clone()).await;
        test(world, link).await;
    })
    .await;
}

pub fn key(byte: u8) -> Secret {
    Secret::new(base64::engine::general_purpose::STANDARD.encode([byte; 32]))
}

impl World {
    pub async fn over(mut fresh: Fresh) -> World {
        let Clock::Turned(cell) = Clock::at(NOW) else { panic!("a turned clock") };
        let clock = Clock::Turned(cell.clone());
        fresh.options.clock = clock.clone();
        let store = fresh.store().await;
        let fake = Fake::start(([127, 0, 0, 1], 0).into(), fake_google::Clock::Turned(cell)).await.unwrap();
        fake.run(Command::Account { email: HER.into(), zone: "Europe/Berlin".into() }).await.unwrap();
        let (accounts, calendars, clinic, google) = parts(&store, &fake.url()).await;
        let person = NewPerson {
            name: "ada".into(),
            display_name: "Dr. ada".into(),
            email: None,
            zone: Some("Europe/Berlin".into()),
            password: None,
        };
        let ada = accounts.add_person(person).await.unwrap().id;
        let id = accounts.clinic();
        let world = World { store, clock, accounts, calendars, clinic, google, fake, id, ada, fresh };
        world.calendar("own").await;
        world
    }

    /// A node that Google reaches, over the same database. What Google posts is held: a test says what arrives.
    pub async fn reached(&self) -> Google {
        let post = fake_google::Post { holds: true, ..Default::default() };
        self.run(Command::Post { post }).await;
        parts_at(&self.store, &self.fake.url(), "https://clinic.example").await.3
    }

    /// A node whose clinic has a service account.
    pub async fn with_service(&self, service: google::Service) -> Google {
        let project = Project {
            id: fake_google::CLIENT.into(),
            secret: Secret::new(fake_google::CLIENT_SECRET),
            service: Some(service),
        };
        let place = Place::at(&self.fake.url());
        let pace = google::Pace::default();
        let settings = google::Settings { project, place, root: "http://clinic.example".into(), pace };
        let below = (self.accounts.clone(), self.calendars.clone(), self.clinic.clone());
        Google::new(settings, below).unwrap()
    }

    /// The calendars of another process over the same database.
    pub async fn other_calendars(&self) -> Calendars {
        parts(&self.fresh.again().await, &self.fake.url()).await.1
    }

    /// Another node over the same database.
    pub async fn node(&self) -> Google {
        parts(&self.fresh.again().await, &self.fake.url()).await.3
    }

    pub async fn calendar(&self, slug: &str) {
        let new =
            NewCollection { slug: slug.into(), components: "VEVENT".into(), ..NewCollection::default() };
        let who = self.who().await;
        let by = Author { who: &who, from: Origin::Cli };
        self.calendars.make(by, &CollectionPath::new("ada", slug), new, Default::default()).await.unwrap();
    }

    pub async fn who(&self) -> Caller {
        self.accounts.operator("ada").await.unwrap()
    }

    pub async fn turn(&self, seconds: i64) {
        self.clock.turn(seconds);
    }

    /// The person goes to Google and comes back: the address she is sent back to.
    pub async fn consent(&self, consent: Consent) -> (google::Asking, url::Url) {
        self.consent_to(consent, None, Access::Events).await
    }

    pub async fn consent_to(
        &self,
        consent: Consent,
        hint: Option<&str>,
        access: Access,
    ) -> (google::Asking, url::Url) {
        self.fake.run(Command::Consent { consent }).await.unwrap();
        let asking = self.google.ask(&self.who().await, hint, access).await.unwrap();
        let url = url::Url::parse(&asking.url).unwrap();
        let address: SocketAddr = format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap();
        let page = Client::new(address).get(&asking.url[url[..url::Position::BeforePath].len()..]).await;
        (asking, url::Url::parse(page.header("location").expect("sent back")).unwrap())
    }

    pub async fn connect(&self) -> Remote {
        self.connect_by(Consent::default()).await
    }

    pub async fn connect_by(&self, consent: Consent) -> Remote {
        let (_, back) = self.consent(consent).await;
        let remote = self.google.consented(&pair(&back, "state"), &pair(&back, "code")).await.unwrap();
        self.google.confirm(&self.who().await, remote.id).await.unwrap();
        self.accounts.remote(self.id, remote.id).await.unwrap()
    }

    pub async fn link(&self, terms: Terms) -> LinkId {
        let remote = self.connect().await;
        self.google.link(&self.who().await, remote.id, HER, "own", terms).await.unwrap()
    }

    /// Turns until nothing is due: the clock stands.
    pub async fn rounds(&self) {
        for _ in 0..500 {
            if self.google.round().await.unwrap() == 0 {
                return;
            }
        }
        panic!("links never rest: {:?}", self.status().await);
    }

    /// Past the safety poll, then turns until nothing is due.
    pub async fn settle(&self) {
        self.turn(400).await;
        self.rounds().await;
    }

    /// Ten further polls write nothing on either side.
    pub async fn quiet(&self) {
        self.settle().await;
        let before = (self.fake.writes().len(), self.objects().await);
        for _ in 0..10 {
            self.settle().await;
        }
        let after = (self.fake.writes().len(), self.objects().await);
        let more: Vec<_> = self.fake.writes().split_off(before.0);
        assert!(before == after, "{more:#?}");
    }

    pub async fn status(&self) -> Value {
        json!(self.google.status(&self.who().await).await.unwrap())
    }

    /// The link's row of the status.
    pub async fn state(&self) -> Value {
        self.status().await[0]["links"][0].clone()
    }

    pub async fn notes(&self, link: LinkId) -> Vec<String> {
        let who = self.who().await;
        let office = self.google.office(Author { who: &who, from: Origin::Cli });
        office.notes(link).await.unwrap().into_iter().map(|one| one.kind).collect()
    }

    /// What could not be carried over: key and why.
    pub async fn dead(&self, link: LinkId) -> Vec<(String, String)> {
        let who = self.who().await;
        let office = self.google.office(Author { who: &who, from: Origin::Cli });
        office.dead(link).await.unwrap().into_iter().map(|one| (one.key, one.reason)).collect()
    }

    pub async fn put(&self, name: &str, lines: &str) {
        self.put_text(name, &object(lines)).await;
    }

    pub async fn put_text(&self, name: &str, text: &str) {
        self.put_by(&self.calendars, name, text).await;
    }

    /// By this process, or another one.
    pub async fn put_by(&self, calendars: &Calendars, name: &str, text: &str) {
        let who = self.who().await;
        let by = Author { who: &who, from: Origin::Dav };
        let at = CollectionPath::new("ada", "own").object(name);
        calendars.put(by, &at, Bytes::from(text.to_owned()), Condition::NONE).await.unwrap();
    }

    pub async fn delete(&self, name: &str) {
        assert!(self.deletes(name).await, "{name} is there");
    }

    /// Whether it was still there.
    pub async fn deletes(&self, name: &str) -> bool {
        let who = self.who().await;
        let by = Author { who: &who, from: Origin::Dav };
        let at = CollectionPath::new("ada", "own").object(name);
        match self.calendars.delete(by, &at, Condition::NONE).await {
            Ok(()) => true,
            Err(kalends::calendar::Error::NotFound) => false,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// Name and text of everything here, by name.
    pub async fn objects(&self) -> Vec<(String, String)> {
        self.objects_in("own").await
    }

    pub async fn objects_in(&self, slug: &str) -> Vec<(String, String)> {
        let shown =
            self.calendars.collection(&self.who().await, &CollectionPath::new("ada", slug)).await.unwrap();
        let entries = self.calendars.list(&shown).await.unwrap();
        let names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
        let mut all = Vec::new();
        for chunk in names.chunks(200) {
            for (entry, text) in self.calendars.texts(&shown, chunk).await.unwrap().into_iter().flatten() {
                let text = String::from_utf8(text.to_vec()).unwrap().replace("\r\n ", "");
                all.push((entry.name.to_string(), text));
            }
        }
        all.sort();
        all
    }

    /// The only text here.
    pub async fn text(&self) -> String {
        let all = self.objects().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].1.clone()
    }

    /// Puts or changes an event at Google as its own page would.
    pub async fn event(&self, event: Value) -> Value {
        let event = event.as_object().unwrap().clone();
        self.fake.run(Command::Event { calendar: HER.into(), event }).await.unwrap()
    }

    pub async fn cancel(&self, id: &str) {
        self.fake.run(Command::Cancel { calendar: HER.into(), id: id.into() }).await.unwrap();
    }

    pub async fn run(&self, command: Command) -> Value {
        self.fake.run(command).await.unwrap()
    }

    /// Living events at Google; exceptions too.
    pub async fn events(&self) -> Vec<Value> {
        let Value::Array(all) = self.run(Command::Events { calendar: HER.into() }).await else {
            panic!("a list")
        };
        all.into_iter().filter(|one| one["status"] != "cancelled").collect()
    }

    pub fn writes(&self) -> Vec<Recorded> {
        self.fake.writes()
    }

    /// Start and title of every occurrence here.
    pub async fn ours(&self) -> Vec<(String, String)> {
        let (window, zone) =
            (ical::Window { from: 0, until: 4_000_000_000 }, ical::Zone::named("Europe/Berlin").unwrap());
        let mut all = Vec::new();
        for (_, text) in self.objects().await {
            let object = ical::check(text.as_bytes(), &ical::Limits::default()).unwrap();
            let parts: Vec<_> = object.tree.parts().collect();
            let mut budget = ical::Budget::steps(ical::Budget::REQUEST);
            for one in object.digest.occurrences(window, &zone, &mut budget).unwrap() {
                let title = parts[one.component as usize].get("SUMMARY").map(|line| line.text().into_owned());
                all.push((one.start.to_string(), title.unwrap_or_default()));
            }
        }
        all.sort();
        all
    }

    /// The same at Google, as it counts them.
    pub async fn theirs(&self) -> Vec<(String, String)> {
        let items = self.asked(&format!("calendars/{HER}/events?singleEvents=true&maxResults=2500")).await;
        let mut all: Vec<(String, String)> = items.iter().map(shown).collect();
        all.sort();
        all
    }

    /// The items that Google's own API answers with; below `calendar/v3/`.
    pub async fn asked(&self, path: &str) -> Vec<Value> {
        let scopes = vec!["calendar".to_owned()];
        let token = self.run(Command::Token { email: HER.into(), scopes }).await;
        let url = url::Url::parse(&self.fake.url()).unwrap();
        let address = format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap();
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        let headers = [("Authorization", bearer.as_str())];
        let answer = Client::new(address).ask("GET", &format!("/calendar/v3/{path}"), &headers, "").await;
        let page: Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(page.get("nextPageToken").is_none(), "more than one page");
        page["items"].as_array().unwrap().iter().filter(|one| one["status"] != "cancelled").cloned().collect()
    }

    /// Calls of a method so far.
    pub fn calls(&self, method: &str) -> usize {
        self.fake.record().iter().filter(|one| one.method_id == method).count()
    }
}

pub async fn parts(store: &Store, url: &str) -> (Accounts, Calendars, Clinic, Google) {
    parts_at(store, url, "http://clinic.example").await
}

pub async fn parts_at(store: &Store, url: &str, root: &str) -> (Accounts, Calendars, Clinic, Google) {
    parts_paced(store, url, root, google::Pace::default()).await
}

pub async fn parts_paced(
    store: &Store,
    url: &str,
    root: &str,
    pace: google::Pace,
) -> (Accounts, Calendars, Clinic, Google) {
    let settings = AccountSettings { sealing_keys: vec![key(7)], ..AccountSettings::default() };
    let accounts = Accounts::open(store.clone(), settings).await.unwrap();
    let rules = Some(Arc::new(Rules) as Arc<dyn kalends::calendar::Guard>);
    let calendars = Calendars::open_with(store.clone(), CalendarSettings::default(), rules).await.unwrap();
    let clinic = Clinic::new(store.clone(), calendars.clone());
    let project = Project {
        id: fake_google::CLIENT.into(),
        secret: Secret::new(fake_google::CLIENT_SECRET),
        service: None,
    };
    let settings = google::Settings { project, place: Place::at(url), root: root.into(), pace };
    let google = Google::new(settings, (accounts.clone(), calendars.clone(), clinic.clone())).unwrap();
    (accounts, calendars, clinic, google)
}

pub fn pair(url: &url::Url, name: &str) -> String {
    url.query_pairs().find(|(one, _)| one == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// A calendar of these events, each its lines without BEGIN and END.
pub fn object(events: &str) -> String {
    let parts = events.split("---\n").map(|lines| {
        format!("BEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\n{}END:VEVENT\r\n", lines.replace('\n', "\r\n"))
    });
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//phone//EN\r\n{}END:VCALENDAR\r\n",
        parts.collect::<String>()
    )
}

/// A time in Berlin as Google has it: `2026-03-03T10:00`.
pub fn berlin(at: &str) -> Value {
    let offset = if ("2026-03-29".."2026-10-25").contains(&&at[..10]) { "+02:00" } else { "+01:00" };
    json!({ "dateTime": format!("{at}:00{offset}"), "timeZone": "Europe/Berlin" })
}

/// Start and title of an event.
pub fn shown(one: &Value) -> (String, String) {
    let start = one["start"]["dateTime"].as_str().or(one["start"]["date"].as_str()).unwrap();
    let instant = chrono::DateTime::parse_from_rfc3339(start).map(|at| at.timestamp().to_string());
    (instant.unwrap_or_else(|_| start.to_owned()), one["summary"].as_str().unwrap_or_default().to_owned())
}

pub fn remote_id(status: &Value) -> RemoteId {
    RemoteId(status[0]["id"].as_i64().unwrap())
}
