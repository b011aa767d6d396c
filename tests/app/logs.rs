//! Nothing of a patient and no secret reaches a log, however much an operator asks to be told (trust.md S14).

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use crate::support::{client::Client, database, text};

/// The program, serving; its log is read when it has ended.
struct Serving {
    child: Child,
    client: Client,
}

impl Serving {
    fn start(database: &str) -> Serving {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kalends"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "trace", "--database", database])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address =
            lines.find_map(|line| line.unwrap().strip_prefix("listening on http://").map(str::to_owned));
        let client = Client::new(address.expect("it says where it listens").parse().unwrap());
        Serving { child, client }
    }

    /// Ends it and gives its log. What it still holds unread is little: a pipe takes 64 KiB.
    fn log(mut self) -> String {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(self.child.wait().unwrap().success());
        log
    }
}

fn run(database: &str, line: &str) -> String {
    let mut arguments: Vec<&str> = line.split(' ').collect();
    arguments.extend(["--database", database]);
    let done = Command::new(env!("CARGO_BIN_EXE_kalends")).args(arguments).output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn s14_a_log_of_everything_names_no_patient_and_no_secret() {
    let fresh = database::sqlite();
    let database = format!("sqlite:{}", fresh.folder().unwrap().join("store.db").display());
    run(&database, "user add ada --name Ada");
    let password = run(&database, "app-password add ada phone");
    let feed = run(&database, "feed add ada default");
    let feed = &feed[feed.find("/feeds/").unwrap()..];

    let serving = Serving::start(&database);
    let ada = serving.client.clone().login("ada", &password);
    let object = text::event("canaryuid", "canarysummary", "20260302T090000Z");
    let at = "/dav/calendars/ada/default/canaryname.ics";
    let kind = [("Content-Type", "text/calendar")];
    assert_eq!(ada.ask("PUT", at, &kind, &object).await.status, 201);
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Europe/Rome\r\nX-NOTE:canarynote\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
                TZOFFSETFROM:+0500\r\nTZOFFSETTO:+0500\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT";
    let otherwise = object
        .replace("BEGIN:VEVENT", zone)
        .replace(":20260302T090000Z", ";TZID=Europe/Rome:20260302T090000");
    assert_eq!(ada.ask("PUT", at, &kind, &otherwise).await.status, 204);
    assert_eq!(ada.ask("PUT", at, &kind, "canarybroken").await.status, 403);
    assert_eq!(ada.get(at).await.status, 200);
    assert_eq!(serving.client.get(feed).await.status, 200);
    let wrong = serving.client.clone().login("ada", "canarypassword");
    assert_eq!(wrong.get(at).await.status, 401);
    let wrong = serving.client.clone().login("canaryuser", "canarypassword");
    assert_eq!(wrong.get(at).await.status, 401);
    assert_eq!(serving.client.get("/feeds/canarysecret.ics").await.status, 404);
    let link = "/api/v1/patient-links/canarylink";
    assert_eq!(serving.client.get(link).await.status, 404);
    let why = serde_json::json!({ "reason": "canaryreason" });
    assert_eq!(serving.client.json("POST", &format!("{link}/cancel"), &[], &why).await.status, 404);
    let metrics = serving.client.get("/metrics").await.text();

    let log = serving.log();
    assert!(log.contains("answered"), "the log is empty: {log}");
    // What a client thinks of a known zone is said by the zone's name.
    assert!(log.contains("Europe/Rome") && log.contains("defines a known time zone otherwise"), "{log}");
    let secret = feed.trim_start_matches("/feeds/").trim_end_matches(".ics");
    let random = password.split_once('-').unwrap().1;
    for canary in ["canary", secret, random] {
        assert!(!log.contains(canary), "{canary} stands in the log:\n{log}");
        assert!(!metrics.contains(canary), "{canary} stands in the metrics:\n{metrics}");
    }
}
