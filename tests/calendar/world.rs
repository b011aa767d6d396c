//! A clinic in a database of its own: people, their calendars, and how to write into them in one line.

use bytes::Bytes;
use kalends::accounts::{Accounts, Caller, NewPerson, Settings as AccountSettings};
use kalends::calendar::{
    Author, Calendars, CollectionPath, Condition, Entry, Error, MemorySettings, Origin, Settings, Shown,
    Written,
};
use store::Store;

use crate::support::database::{Fresh, each};

/// A server's rooms over one store.
pub struct World {
    pub store: Store,
    pub accounts: Accounts,
    pub calendars: Calendars,
    /// Dropped last: takes the database away.
    _fresh: Fresh,
}

/// Runs the test on every database, with the memory on and with it off.
pub async fn everywhere(test: impl AsyncFn(World)) {
    for on in [true, false] {
        each(async |fresh| test(World::over(fresh, on).await).await).await;
    }
}

impl World {
    async fn over(fresh: Fresh, memory: bool) -> World {
        let store = fresh.store().await;
        let accounts = Accounts::open(store.clone(), AccountSettings::default()).await.unwrap();
        for (name, zone) in [("ada", "Europe/Berlin"), ("bob", "America/New_York"), ("eve", "UTC")] {
            let person = NewPerson {
                name: name.into(),
                display_name: format!("Dr. {name}"),
                email: None,
                zone: Some(zone.into()),
                password: None,
            };
            accounts.add_person(person).await.unwrap();
        }
        let calendars = Calendars::open(store.clone(), settings(memory)).await.unwrap();
        World { store, accounts, calendars, _fresh: fresh }
    }

    /// Another process's view of the same database.
    pub async fn second_node(&self) -> (Store, Calendars) {
        let store = self._fresh.again().await;
        let calendars = Calendars::open(store.clone(), settings(true)).await.unwrap();
        (store, calendars)
    }

    pub async fn who(&self, name: &str) -> Caller {
        self.accounts.operator(name).await.unwrap()
    }

    pub async fn shown(&self, who: &str, at: &CollectionPath) -> Result<Shown, Error> {
        self.calendars.collection(&self.who(who).await, at).await
    }

    pub async fn put(&self, who: &str, at: &str, text: &str) -> Result<Written, Error> {
        self.put_if(who, at, text, Condition::NONE).await
    }

    /// `at` is `home/slug/name`.
    pub async fn put_if(
        &self,
        who: &str,
        at: &str,
        text: &str,
        only_if: Condition,
    ) -> Result<Written, Error> {
        let caller = self.who(who).await;
        let by = Author { who: &caller, from: Origin::Dav };
        let (collection, name) = place(at);
        self.calendars.put(by, &collection.object(name), Bytes::from(text.to_string()), only_if).await
    }

    pub async fn delete(&self, who: &str, at: &str, only_if: Condition) -> Result<(), Error> {
        let caller = self.who(who).await;
        let by = Author { who: &caller, from: Origin::Dav };
        let (collection, name) = place(at);
        self.calendars.delete(by, &collection.object(name), only_if).await
    }

    /// The text at `home/slug/name`, as `who` sees it.
    pub async fn text(&self, who: &str, at: &str) -> Option<String> {
        let (collection, name) = place(at);
        let shown = self.shown(who, &collection).await.ok()?;
        let opened = self.calendars.texts(&shown, &[name]).await.unwrap().pop().flatten()?;
        Some(String::from_utf8(opened.1.to_vec()).unwrap())
    }

    pub async fn names(&self, who: &str, home_slug: &str) -> Vec<String> {
        let shown = self.shown(who, &collection(home_slug)).await.unwrap();
        sorted(self.calendars.list(&shown).await.unwrap())
    }
}

fn settings(memory: bool) -> Settings {
    Settings { memory: MemorySettings { on: memory, ..MemorySettings::default() }, ..Settings::default() }
}

pub fn sorted(entries: Vec<Entry>) -> Vec<String> {
    let mut names: Vec<_> = entries.into_iter().map(|entry| entry.name.to_string()).collect();
    names.sort();
    names
}

/// `home/slug`.
pub fn collection(at: &str) -> CollectionPath {
    let (home, slug) = at.split_once('/').unwrap();
    CollectionPath::new(home, slug)
}

fn place(at: &str) -> (CollectionPath, &str) {
    let (collection_at, name) = at.rsplit_once('/').unwrap();
    (collection(collection_at), name)
}

/// An hour on a day of January 2026, at 10:00 UTC.
pub fn event(uid: &str, day: u32, summary: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//kalends//test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:202601{day:02}T100000Z\r\nDTEND:202601{day:02}T110000Z\r\n\
         SUMMARY:{summary}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}
