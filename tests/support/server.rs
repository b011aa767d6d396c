//! A real server in the test process: every door, on a free loopback port, over a fresh database, with a clock
//! that the test turns and the cheapest password hashes. Dropping it stops it.

use std::net::SocketAddr;

use kalends::{
    accounts::{Cost, NewPerson, Secret},
    app::{
        config::{Config, DatabaseText},
        parts::{Parts, Turned},
        serve::{self, Running},
    },
};
use store::{Clock, DatabaseUrl};

use super::{
    client::Client,
    database::{self, Fresh},
};

/// Monday, 2026-03-02 08:00 UTC: where the clock of every test stands at first.
pub const NOW: i64 = 1_772_438_400;

pub struct Server {
    running: Running,
    pub clock: Clock,
    /// Dropped last: takes the database away.
    fresh: Fresh,
}

impl Server {
    /// On SQLite, with the settings' defaults.
    pub async fn start() -> Server {
        Server::with(|_| ()).await
    }

    /// On SQLite, with some settings changed.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Server {
        Server::over(database::sqlite(), change).await
    }

    /// On this database.
    pub async fn over(fresh: Fresh, change: impl FnOnce(&mut Config)) -> Server {
        let clock = Clock::at(NOW);
        let mut config = config(&fresh);
        change(&mut config);
        let turned = Turned { clock: clock.clone(), cost: Some(Cost::LOWEST) };
        let running = serve::start(config, turned).await.unwrap();
        Server { running, clock, fresh }
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub fn parts(&self) -> &Parts {
        &self.running.parts
    }

    /// The door to Google, where the settings have one.
    pub fn google(&self) -> Option<kalends::google::Google> {
        self.running.google.clone()
    }

    pub fn fresh(&self) -> &Fresh {
        &self.fresh
    }

    /// Makes a user whose password is the name with `-password` behind it, and a client that logs in as it.
    pub async fn user(&self, name: &str) -> Client {
        let new = NewPerson {
            name: name.into(),
            display_name: format!("Dr. {name}"),
            email: Some(format!("{name}@clinic.example")),
            zone: Some("Europe/Berlin".into()),
            password: Some(Secret::new(password(name))),
        };
        self.parts().accounts.add_person(new).await.unwrap();
        self.client(name)
    }

    /// A client that logs in as this user.
    pub fn client(&self, name: &str) -> Client {
        self.stranger().login(name, &password(name))
    }

    /// A client without credentials.
    pub fn stranger(&self) -> Client {
        Client::new(self.address())
    }

    /// Ends as SIGTERM ends it. Gives the database back to be looked at.
    pub async fn stop(self) -> Fresh {
        self.running.stop().await.unwrap();
        self.fresh
    }
}

pub fn password(name: &str) -> String {
    format!("{name}-password")
}

/// Settings for a server of a test.
pub fn config(fresh: &Fresh) -> Config {
    let address = match &fresh.options.url {
        DatabaseUrl::Sqlite(file) => format!("sqlite:{}", file.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    };
    Config {
        database: Some(DatabaseText(address)),
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        ..Config::default()
    }
}
