//! A clinic behind the JSON door: a server with one person of each role in the first clinic, and an admin of another.

use kalends::accounts::{NewPerson, Role, Secret};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, Reply},
    database::each,
    server::{Server, password},
};

pub struct World {
    pub server: Server,
}

/// Runs the test in such a world on either database.
pub async fn everywhere(test: impl AsyncFn(World)) {
    each(async |fresh| {
        let server = Server::over(fresh, |_| ()).await;
        let accounts = &server.parts().accounts;
        let north = accounts.clinic();
        let south = accounts.add_clinic("south").await.unwrap();
        for role in Role::ALL {
            accounts.add_member(north, Some(role), person(role.text())).await.unwrap();
        }
        accounts.add_member(south, Some(Role::Admin), person("south-admin")).await.unwrap();
        test(World { server }).await;
    })
    .await;
}

fn person(name: &str) -> NewPerson {
    NewPerson {
        name: name.into(),
        display_name: format!("Person {name}"),
        email: None,
        zone: Some("Europe/Berlin".into()),
        password: Some(Secret::new(password(name))),
    }
}

impl World {
    /// `admin`, `bot`, `receptionist` and the others, `south-admin`.
    pub fn who(&self, name: &str) -> Client {
        self.server.client(name)
    }

    /// Asks as this person; a body of null is none.
    pub async fn ask(&self, who: &str, method: &str, path: &str, body: Value) -> Reply {
        self.who(who).json(method, &format!("/api/v1{path}"), &[], &body).await
    }

    /// The same as the admin, who must get it done; the answer's body.
    pub async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.ask("admin", method, path, body).await;
        assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.text());
        reply.json()
    }

    /// An active practitioner that patients see and book.
    pub async fn practitioner(&self, name: &str) -> i64 {
        let new = json!({ "name": name, "display_name": format!("Dr. {name}"), "zone": "Europe/Berlin",
            "password": password(name), "public": true, "online": true, "licence": "LIC-1" });
        let id = self.done("POST", "/practitioners", new).await["id"].as_i64().unwrap();
        for status in ["pending", "active"] {
            self.done("PATCH", &format!("/practitioners/{id}"), json!({ "status": status })).await;
        }
        id
    }
}
