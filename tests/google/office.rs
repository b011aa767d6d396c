//! The accounts and links as JSON: what an office sees and steers, and who may.

use fake_google::{Clock, Command, Consent, Fake, Running};
use kalends::accounts::{NewPerson, Role, Secret};
use kalends::app::config::Hidden;
use kalends::calendar::{Author, Origin};
use kalends::google::Terms;
use serde_json::{Value, json};
use store::AuditOf;

use super::world::{HER, berlin, key, linked};
use crate::support::client::{Client, Reply};
use crate::support::database::each;
use crate::support::server::{Server, password};

const ROOT: &str = "/api/v1/google";

/// A server with a project at the fake, and one person of each role, each of its name.
async fn everywhere(test: impl AsyncFn(Server, Running)) {
    each(async |fresh| {
        let fake = Fake::start(([127, 0, 0, 1], 0).into(), Clock::Real).await.unwrap();
        fake.run(Command::Account { email: HER.into(), zone: "Europe/Berlin".into() }).await.unwrap();
        let url = fake.url();
        let server = Server::over(fresh, |config| {
            config.google.client_id = fake_google::CLIENT.into();
            config.google.client_secret = Hidden(fake_google::CLIENT_SECRET.into());
            config.google.sealing_keys = Hidden(key(1).expose().to_owned());
            config.google.base_url = Some(url);
        })
        .await;
        let accounts = &server.parts().accounts;
        for (name, role) in
            Role::ALL.map(|role| (role.text(), role)).into_iter().chain([("other", Role::Practitioner)])
        {
            let person = NewPerson {
                name: name.into(),
                display_name: name.into(),
                email: None,
                zone: Some("Europe/Berlin".into()),
                password: Some(Secret::new(password(name))),
            };
            accounts.add_member(accounts.clinic(), Some(role), person).await.unwrap();
        }
        test(server, fake).await;
    })
    .await;
}

async fn ask(server: &Server, who: &str, method: &str, path: &str, body: Value) -> Reply {
    server.client(who).json(method, &format!("{ROOT}{path}"), &[], &body).await
}

async fn done(server: &Server, who: &str, method: &str, path: &str, body: Value) -> Value {
    let reply = ask(server, who, method, path, body).await;
    assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.text());
    reply.json()
}

/// The practitioner's account, confirmed, and her link.
async fn connected(server: &Server, fake: &Running) -> (i64, i64) {
    fake.run(Command::Consent { consent: Consent::default() }).await.unwrap();
    let url = done(server, "practitioner", "POST", "/accounts", json!({ "access": "events" })).await["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let at = url::Url::parse(&url).unwrap();
    let google = Client::new(format!("127.0.0.1:{}", at.port().unwrap()).parse().unwrap());
    let page = google.get(&url[at[..url::Position::BeforePath].len()..]).await;
    let back = url::Url::parse(page.header("location").unwrap()).unwrap();
    assert_eq!(server.stranger().get(&back[url::Position::BeforePath..]).await.status, 200);
    let all = done(server, "practitioner", "GET", "/accounts", Value::Null).await;
    assert_eq!(all["items"][0]["state"], "unconfirmed", "{all}");
    let account = all["items"][0]["id"].as_i64().unwrap();
    done(server, "practitioner", "POST", &format!("/accounts/{account}/confirm"), Value::Null).await;
    let calendars =
        done(server, "practitioner", "GET", &format!("/accounts/{account}/calendars"), Value::Null).await;
    assert_eq!(
        (&calendars["items"][0]["id"], &calendars["items"][0]["role"]),
        (&json!(HER), &json!("owner"))
    );
    let made =
        server.client("practitioner").ask("MKCALENDAR", "/dav/calendars/practitioner/own/", &[], "").await;
    assert_eq!(made.status, 201);
    let new = json!({ "account": account, "google_calendar": HER, "calendar": "own", "privacy": "title" });
    let keyed = [("Idempotency-Key", "once")];
    let client = server.client("practitioner");
    let first = client.json("POST", &format!("{ROOT}/links"), &keyed, &new).await;
    let again = client.json("POST", &format!("{ROOT}/links"), &keyed, &new).await;
    assert_eq!((first.status, again.status), (201, 201), "{}", first.text());
    assert_eq!(first.json()["id"], again.json()["id"], "done once");
    assert_eq!(
        first.json()["terms"],
        json!({ "direction": "both", "privacy": "title", "policy": "clinic", "mode": "series", "guests": "none" })
    );
    let make = json!({ "account": account, "google_calendar": "Clinic", "make": true, "calendar": "own" });
    let refused = ask(server, "practitioner", "POST", "/links", make).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (409, &json!("GOOGLE_REFUSED")),
        "no consent to make one"
    );
    let refused = ask(server, "practitioner", "POST", "/links", new).await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("GOOGLE_REFUSED")));
    (account, first.json()["id"].as_i64().unwrap())
}

/// Asks until it is so.
async fn until(server: &Server, path: &str, what: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..400 {
        let found = done(server, "practitioner", "GET", path, Value::Null).await;
        if what(&found) {
            return found;
        }
        server.clock.turn(1);
        // The server is another task with timers of its own: it needs real time.
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{}", done(server, "practitioner", "GET", path, Value::Null).await);
}

#[tokio::test]
async fn an_office_sees_a_link_and_steers_it() {
    everywhere(async |server, fake| {
        let broken = json!({ "id": "broken", "summary": "x", "start": { "dateTime": "soon" }, "end": berlin("2026-03-03T11:00") });
        fake.run(Command::Event { calendar: HER.into(), event: broken.as_object().unwrap().clone() }).await.unwrap();
        let (account, link) = connected(&server, &fake).await;
        let at = format!("/links/{link}");
        let shown = until(&server, &at, |link| link["dead"] == 1 && link["pulled_at"].is_string()).await;
        assert_eq!((&shown["state"], shown["advice"].as_str().unwrap().is_empty()), (&json!("live"), false), "{shown}");
        let dead = done(&server, "practitioner", "GET", &format!("{at}/dead"), Value::Null).await;
        assert_eq!((&dead["items"][0]["key"], &dead["items"][0]["reason"]), (&json!("broken"), &json!("start")));
        // Mended there, it is taken when it is tried again.
        let mended = json!({ "id": "broken", "start": berlin("2026-03-03T10:00") });
        fake.run(Command::Event { calendar: HER.into(), event: mended.as_object().unwrap().clone() }).await.unwrap();
        let tried = done(&server, "practitioner", "POST", &format!("{at}/dead/retry"), Value::Null).await;
        assert_eq!(tried, json!({ "tried": 1 }));
        until(&server, &at, |link| link["dead"] == 0 && link["pending"] == 0).await;

        let client = server.client("practitioner");
        let read = client.get(&format!("{ROOT}{at}")).await;
        let tag = read.header("etag").unwrap().to_owned();
        let change = json!({ "mode": "materialized", "days": 30 });
        let refused = client.json("PATCH", &format!("{ROOT}{at}"), &[("If-Match", "\"1\"")], &change).await;
        assert_eq!((refused.status, &refused.json()["code"]), (412, &json!("VERSION_MISMATCH")));
        let changed = client.json("PATCH", &format!("{ROOT}{at}"), &[("If-Match", &tag)], &change).await;
        assert_eq!((changed.status, &changed.json()["terms"]["mode"]), (200, &json!("materialized")));
        let tag = changed.header("etag").unwrap().to_owned();
        // Guests are persons: not where a link hides even titles.
        let guests = json!({ "guests": "externalOnly" });
        let refused = client.json("PATCH", &format!("{ROOT}{at}"), &[], &guests).await;
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("GOOGLE_REFUSED")));
        let same = client.json("PATCH", &format!("{ROOT}{at}"), &[("If-Match", &tag)], &json!({ "guests": "none" })).await;
        assert_eq!((same.status, &same.json()["terms"]["mode"]), (200, &json!("materialized")), "what is left out stays");
        let pause = format!("{ROOT}{at}/pause");
        let stale = client.json("POST", &pause, &[("If-Match", "\"1\"")], &Value::Null).await;
        assert_eq!((stale.status, &stale.json()["code"]), (412, &json!("VERSION_MISMATCH")));
        let paused = client.json("POST", &pause, &[("If-Match", &tag)], &Value::Null).await;
        assert_eq!(paused.status, 204, "{}", paused.text());
        assert_eq!(done(&server, "practitioner", "GET", &at, Value::Null).await["state"], "paused");
        let counted = done(&server, "practitioner", "POST", &format!("{at}/resync?dry_run=true"), Value::Null).await;
        assert_eq!((&counted["equal"], &counted["only_there"]), (&json!(1), &json!(0)), "{counted}");
        for deed in ["resume", "sync", "resync"] {
            assert_eq!(ask(&server, "practitioner", "POST", &format!("{at}/{deed}"), Value::Null).await.status, 204, "{deed}");
        }
        until(&server, &at, |link| link["state"] == "live").await;
        done(&server, "practitioner", "GET", &format!("{at}/notes"), Value::Null).await;

        let metrics = server.stranger().get("/metrics").await;
        let metrics = metrics.text();
        for line in [
            "kalends_google_sync_lag_seconds ",
            "kalends_google_outbox{state=\"dead\"} 0",
            "kalends_google_api_calls_total{method=\"events.list\",status=\"200\"}",
            "kalends_google_webhooks_total{result=\"forged\"} 0",
            "kalends_google_breaker_open 0",
            "kalends_google_channel_expiry_seconds ",
            "kalends_google_echo_total ",
            "kalends_google_conflicts_total ",
        ] {
            assert!(metrics.contains(line), "{line}: {metrics}");
        }
        assert!(!metrics.contains("ada") && !metrics.contains("practitioner"), "no names: {metrics}");

        let gone = ask(&server, "practitioner", "DELETE", &format!("/accounts/{account}?events=keep"), Value::Null).await;
        assert_eq!(gone.status, 204, "{}", gone.text());
        assert_eq!(done(&server, "practitioner", "GET", "/accounts", Value::Null).await["items"], json!([]));
        assert_eq!(ask(&server, "practitioner", "GET", &at, Value::Null).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn each_role_sees_and_steers_what_the_table_says() {
    everywhere(async |server, fake| {
        let (account, link) = connected(&server, &fake).await;
        let status = async |who: &str, method: &str, path: &str| {
            ask(&server, who, method, path, Value::Null).await.status
        };
        for (who, read, write) in [
            ("owner", 200, 204),
            ("admin", 200, 204),
            ("receptionist", 200, 403),
            ("practitioner", 200, 204),
            ("other", 404, 404),
            ("patient", 403, 403),
            ("bot", 403, 403),
        ] {
            assert_eq!(status(who, "GET", &format!("/links/{link}")).await, read, "{who}");
            assert_eq!(status(who, "GET", &format!("/accounts/{account}")).await, read, "{who}");
            assert_eq!(status(who, "POST", &format!("/links/{link}/sync")).await, write, "{who}");
            // In another's name nobody confirms.
            let own = if who == "practitioner" {
                204
            } else if write == 204 {
                404
            } else {
                write
            };
            assert_eq!(status(who, "POST", &format!("/accounts/{account}/confirm")).await, own, "{who}");
        }
        let seen = done(&server, "other", "GET", "/accounts", Value::Null).await;
        assert_eq!(seen["items"], json!([]));
        let seen = done(&server, "receptionist", "GET", "/accounts", Value::Null).await;
        assert_eq!(seen["items"][0]["id"], account);
        for (method, path, expected) in [
            ("GET", "/links/0", 404),
            ("GET", "/links/x", 404),
            ("DELETE", "/accounts/1?events=perhaps", 400),
            ("POST", "/links/9999/pause", 404),
        ] {
            assert_eq!(status("admin", method, path).await, expected, "{method} {path}");
        }
    })
    .await;
}

#[tokio::test]
async fn accounts_come_in_pages() {
    everywhere(async |server, _| {
        let accounts = &server.parts().accounts;
        for (who, email) in [("practitioner", "a"), ("other", "b"), ("practitioner", "c"), ("owner", "d")] {
            let who = accounts.operator(who).await.unwrap();
            accounts.delegate(&who, &format!("{email}@clinic.example"), "none").await.unwrap();
        }
        let emails = async |who: &str| {
            let (mut all, mut cursor) = (Vec::new(), String::new());
            loop {
                let page =
                    done(&server, who, "GET", &format!("/accounts?limit=2{cursor}"), Value::Null).await;
                let items = page["items"].as_array().unwrap();
                all.push(
                    items
                        .iter()
                        .map(|one| one["email"].as_str().unwrap()[..1].to_owned())
                        .collect::<String>(),
                );
                let Some(next) = page["next"].as_str() else { return all };
                cursor = format!("&cursor={next}");
            }
        };
        assert_eq!(emails("admin").await, ["ab", "cd"], "full pages, and no empty one after them");
        assert_eq!(emails("practitioner").await, ["ac"]);
        assert_eq!(emails("other").await, ["b"]);
        let refused = ask(&server, "admin", "GET", "/accounts?cursor=41", Value::Null).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("INVALID_CURSOR")));
    })
    .await;
}

#[tokio::test]
async fn what_an_admin_does_to_anothers_link_has_the_admins_name() {
    everywhere(async |server, fake| {
        let (account, link) = connected(&server, &fake).await;
        let id = async |who: &str| server.parts().accounts.operator(who).await.unwrap().principal().0;
        let (owner, admin) = (id("practitioner").await, id("admin").await);
        let change = json!({ "mode": "series" });
        done(&server, "admin", "PATCH", &format!("/links/{link}"), change).await;
        for (method, path) in [
            ("POST", format!("/links/{link}/pause")),
            ("POST", format!("/links/{link}/resync?dry_run=true")),
            ("POST", format!("/links/{link}/resume")),
            ("POST", format!("/links/{link}/resync")),
            ("POST", format!("/links/{link}/dead/retry")),
            ("DELETE", format!("/accounts/{account}?events=keep")),
        ] {
            done(&server, "admin", method, &path, Value::Null).await;
        }
        assert_eq!(
            ask(&server, "receptionist", "POST", &format!("/links/{link}/pause"), Value::Null).await.status,
            403
        );
        let page = server.client("owner").get("/api/v1/audit?limit=200").await.json();
        let rows = page["items"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["kind"].as_str().unwrap().starts_with("google-"));
        let rows: Vec<_> = rows
            .map(|row| {
                (
                    row["kind"].as_str().unwrap(),
                    row["subject"].as_str().unwrap(),
                    row["actor"].as_i64().unwrap(),
                )
            })
            .collect();
        let (of_account, of_link) = (format!("google-account {account}"), format!("google-link {link}"));
        assert_eq!(
            rows,
            [
                ("google-confirmed", of_account.as_str(), owner),
                ("google-linked", &of_link, owner),
                ("google-changed", &of_link, admin),
                ("google-paused", &of_link, admin),
                ("google-resumed", &of_link, admin),
                ("google-resynced", &of_link, admin),
                ("google-retried", &of_link, admin),
                ("google-disconnected", &of_account, admin),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn without_a_project_there_is_nothing_to_connect() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let reply = ada.get(&format!("{ROOT}/accounts")).await;
    assert_eq!((reply.status, &reply.json()["code"]), (404, &json!("GOOGLE_NOT_SET_UP")));
    assert!(!server.stranger().get("/metrics").await.text().contains("kalends_google_"));
}

#[tokio::test]
async fn what_the_command_line_does_is_in_the_audit_and_needs_no_role() {
    linked(Terms::default(), async |world, link| {
        let who = world.who().await;
        assert!(who.role().is_none());
        let office = world.google.office(Author { who: &who, from: Origin::Cli });
        office.pause(link).await.unwrap();
        let mut conn = world.store.read(world.id).await.unwrap();
        let all = conn.audited(world.id, AuditOf::Everything, (0, -1), 100).await.unwrap();
        let last = all.last().expect("a row");
        assert_eq!((last.kind.as_str(), &*last.subject), ("google-paused", &*format!("google-link {link}")));
        assert_eq!((last.actor, &*last.credential, &*last.door), (Some(who.principal()), "operator", "cli"));
        let by_rest = world.google.office(Author { who: &who, from: Origin::Rest });
        assert!(by_rest.pause(link).await.is_err(), "there a role decides");
    })
    .await;
}
