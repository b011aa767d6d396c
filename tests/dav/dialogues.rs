//! Recorded clients (`tests/data/dav/*.http`, whose first lines name their sources) against a real server: each test
//! asserts what that client reads from the answer (clients.md section 4).

use super::reading::{A, C, D, Multistatus, S};
use crate::support::client::{Client, Reply};
use crate::support::server::Server;
use crate::support::text::{event, object};

/// One client's requests by name.
struct Script(&'static str);

const APPLE: Script = Script(include_str!("../data/dav/apple-calendar.http"));
const THUNDERBIRD: Script = Script(include_str!("../data/dav/thunderbird.http"));
const DAVX5: Script = Script(include_str!("../data/dav/davx5.http"));
const EVOLUTION: Script = Script(include_str!("../data/dav/evolution.http"));
const OUTLOOK: Script = Script(include_str!("../data/dav/outlook-caldav-synchronizer.http"));

impl Script {
    /// Sends the request of this name, with its places filled in.
    async fn say(&self, client: &Client, name: &str, fill: &[(&str, &str)]) -> Reply {
        let mark = format!("\n=== {name}\n");
        let (_, after) = self.0.split_once(&mark).unwrap_or_else(|| panic!("no request {name}"));
        let text = after.split("\n=== ").next().unwrap();
        let text = fill
            .iter()
            .fold(text.to_owned(), |text, (key, value)| text.replace(&format!("{{{key}}}"), value));
        let (head, body) = text.trim_end().split_once("\n\n").unwrap_or((text.trim_end(), ""));
        let mut lines = head.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let headers: Vec<(&str, &str)> =
            lines.map(|line| line.split_once(':').unwrap()).map(|(k, v)| (k, v.trim())).collect();
        let body = if method == "PUT" { format!("{body}\n").replace('\n', "\r\n") } else { body.to_owned() };
        client.ask(method, path, &headers, &body).await
    }
}

fn read(reply: &Reply) -> Multistatus {
    assert_eq!(reply.status, 207, "{}", reply.text());
    assert!(reply.whole);
    Multistatus::parse(&reply.text())
}

const DEFAULT: &str = "/dav/calendars/ada/default/";

#[tokio::test]
async fn apple_calendar_sets_up() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let stranger = server.stranger();
    let moved = APPLE.say(&stranger, "well-known", &[]).await;
    assert!(matches!(moved.status, 301 | 302 | 307 | 308));
    let to = moved.header("location").unwrap();
    assert!(to.ends_with("/dav/"));
    for path in ["/dav/", "/", "/dav/principals/", "/dav/principals/ada/"] {
        let asked = APPLE.say(&stranger, "discover", &[("path", path)]).await;
        assert_eq!(asked.status, 401);
        assert!(asked.header("www-authenticate").unwrap().starts_with("Basic realm="));
        let found = read(&APPLE.say(&ada, "discover", &[("path", path)]).await);
        let own = found.of(path);
        assert_eq!(own.prop(D, "current-user-principal").hrefs(), ["/dav/principals/ada/"]);
        // return=minimal: nothing but what is there.
        assert_eq!(own.propstats().count(), 1);
    }
    let options = APPLE.say(&stranger, "options", &[]).await;
    assert_eq!(options.status, 200);
    assert!(options.header("dav").unwrap().contains("calendar-access"));
    assert!(!options.header("dav").unwrap().contains("schedule"));
    let principal = read(&APPLE.say(&ada, "principal", &[]).await);
    let own = principal.of("/dav/principals/ada/");
    assert_eq!(own.prop(C, "calendar-home-set").hrefs(), ["/dav/calendars/ada/"]);
    assert!(own.prop(C, "calendar-user-address-set").hrefs().contains(&"mailto:ada@clinic.example"));
    assert_eq!(own.prop(S, "email-address-set").at(&[(S, "email-address")]).text, "ada@clinic.example");
    assert!(own.maybe(C, "schedule-inbox-URL").is_none() && own.maybe(C, "schedule-outbox-URL").is_none());
    let home = read(&APPLE.say(&ada, "home", &[]).await);
    for (slug, component) in [("default", "VEVENT"), ("tasks", "VTODO")] {
        let calendar = home.of(&format!("/dav/calendars/ada/{slug}/"));
        assert!(calendar.is_calendar());
        assert!(!calendar.text(D, "sync-token").is_empty() && !calendar.text(S, "getctag").is_empty());
        // A mixed one would confuse Reminders.
        let kinds = calendar.prop(C, "supported-calendar-component-set");
        assert_eq!(
            kinds.all(C, "comp").map(|kind| kind.attribute("name").unwrap()).collect::<Vec<_>>(),
            [component]
        );
        assert_eq!(calendar.propstats().count(), 1);
    }
    let expanded = read(&APPLE.say(&ada, "expand", &[]).await);
    assert_eq!(expanded.of("/dav/principals/ada/").status_of(S, "calendar-proxy-read-for"), Some(404));
}

#[tokio::test]
async fn apple_calendar_makes_colours_and_syncs() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let done = read(&APPLE.say(&ada, "colour", &[]).await);
    for (space, name) in [(A, "calendar-order"), (A, "calendar-color"), (C, "default-alarm-vevent-datetime")]
    {
        assert_eq!(done.of(DEFAULT).status_of(space, name), Some(200), "{name}");
    }
    // A 403 here would break the whole account.
    let made = APPLE.say(&ada, "make", &[]).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let home = read(&APPLE.say(&ada, "home", &[]).await);
    let reminders = home.of("/dav/calendars/ada/8D1F3A52-7A65-4E8E-9E0D-7C5B0D3E2A11/");
    assert_eq!(reminders.text(D, "displayname"), "Reminders");
    assert!(reminders.text(C, "calendar-timezone").contains("TZID:Europe/Berlin\r\n"));
    assert!(home.of(DEFAULT).text(C, "default-alarm-vevent-datetime").contains("ACTION:NONE"));
    assert_eq!(home.of(DEFAULT).text(A, "calendar-color"), "#FF2968FF");
    let before = read(&APPLE.say(&ada, "state", &[]).await);
    let token = before.of(DEFAULT).text(D, "sync-token").to_owned();
    let saved = APPLE.say(&ada, "save", &[]).await;
    assert_eq!(saved.status, 201, "{}", saved.text());
    let etag = saved.header("etag").unwrap().to_owned();
    let after = read(&APPLE.say(&ada, "state", &[]).await);
    assert_ne!(after.of(DEFAULT).text(S, "getctag"), before.of(DEFAULT).text(S, "getctag"));
    let changes = read(&APPLE.say(&ada, "sync", &[("token", &token)]).await);
    assert_eq!(changes.responses().len(), 1);
    assert_eq!(changes.responses()[0].text(D, "getetag"), etag);
    let fetched = read(&APPLE.say(&ada, "fetch", &[]).await);
    let item = &fetched.responses()[0];
    assert_eq!(item.text(D, "getetag"), etag);
    assert!(item.text(C, "calendar-data").contains("X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC\r\n"));
}

#[tokio::test]
async fn thunderbird_sets_up_and_syncs() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    // Requests without credentials come first each time; one realm on the whole server, or nothing ever syncs.
    let mut realms = Vec::new();
    for path in ["/", "/dav/", "/dav/calendars/ada/", DEFAULT] {
        let asked = THUNDERBIRD.say(&server.stranger(), "look", &[("path", path)]).await;
        assert_eq!(asked.status, 401);
        realms.push(asked.header("www-authenticate").unwrap().to_owned());
    }
    assert!(realms.windows(2).all(|pair| pair[0] == pair[1]), "{realms:?}");
    let principal = read(&THUNDERBIRD.say(&ada, "look", &[("path", "/dav/principals/ada/")]).await);
    assert_eq!(principal.responses()[0].prop(C, "calendar-home-set").hrefs(), ["/dav/calendars/ada/"]);
    let home = read(&THUNDERBIRD.say(&ada, "home", &[]).await);
    let calendars: Vec<_> =
        home.responses().iter().filter(|one| one.is_calendar()).map(|one| one.href()).collect();
    assert_eq!(calendars, [DEFAULT, "/dav/calendars/ada/tasks/"]);
    let options = THUNDERBIRD.say(&ada, "options", &[]).await;
    assert!(
        (200..300).contains(&options.status) && !options.header("dav").unwrap().contains("auto-schedule")
    );
    let calendar = read(&THUNDERBIRD.say(&ada, "calendar", &[]).await);
    let own = calendar.of(DEFAULT);
    let writes = ["write", "write-content", "write-properties", "all"];
    let may = |name: &str| {
        own.prop(D, "current-user-privilege-set").children.iter().any(|one| one.child(D, name).is_some())
    };
    assert!(writes.into_iter().any(may));
    assert!(
        own.prop(D, "supported-report-set")
            .children
            .iter()
            .any(|one| { one.at(&[(D, "report")]).child(D, "sync-collection").is_some() })
    );
    let first = read(&THUNDERBIRD.say(&ada, "sync", &[("token", "")]).await);
    let saved = THUNDERBIRD.say(&ada, "save", &[]).await;
    assert_eq!(saved.status, 201);
    let etag = saved.header("etag").unwrap().to_owned();
    let second = read(&THUNDERBIRD.say(&ada, "sync", &[("token", first.sync_token())]).await);
    let item = &second.responses()[0];
    assert!(item.text(D, "getcontenttype").starts_with("text/calendar"));
    assert_eq!(item.text(D, "getetag"), etag);
    let fetched = read(&THUNDERBIRD.say(&ada, "fetch", &[("href", item.href())]).await);
    assert!(fetched.responses()[0].text(C, "calendar-data").contains("SUMMARY:Visit"));
    assert_eq!(THUNDERBIRD.say(&ada, "head", &[]).await.status, 200);
    assert_eq!(THUNDERBIRD.say(&ada, "delete", &[("etag", &etag)]).await.status, 204);
    let third = read(&THUNDERBIRD.say(&ada, "sync", &[("token", second.sync_token())]).await);
    assert_eq!(third.responses()[0].status(), Some(404));
    // A 4xx makes it throw its token away and fetch all again; it must be this one.
    let stale = THUNDERBIRD.say(&ada, "sync", &[("token", "urn:other")]).await;
    assert!(stale.status == 403 && stale.text().contains("valid-sync-token"));
}

#[tokio::test]
async fn davx5_sets_up_and_syncs_by_query() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    ada.ask("PUT", &format!("{DEFAULT}old.ics"), &[], &event("old", "Old", "20240105T090000Z")).await;
    let soon =
        ada.ask("PUT", &format!("{DEFAULT}soon.ics"), &[], &event("soon", "Soon", "20260306T090000Z")).await;
    let lines = "DTSTART:20200106T090000Z\r\nDURATION:PT30M\r\nRRULE:FREQ=WEEKLY\r\n";
    let series = object("VEVENT", "series", "Series", lines);
    ada.ask("PUT", &format!("{DEFAULT}series.ics"), &[], &series).await;
    assert!(DAVX5.say(&server.stranger(), "well-known", &[]).await.header("location").is_some());
    let root = read(&DAVX5.say(&ada, "principal-of", &[("path", "/dav/")]).await);
    assert_eq!(root.responses()[0].prop(D, "current-user-principal").hrefs(), ["/dav/principals/ada/"]);
    assert!(DAVX5.say(&ada, "options", &[]).await.header("dav").unwrap().contains("calendar-access"));
    let principal = read(&DAVX5.say(&ada, "principal", &[]).await);
    assert_eq!(principal.responses()[0].prop(C, "calendar-home-set").hrefs(), ["/dav/calendars/ada/"]);
    assert_eq!(principal.responses()[0].status_of(S, "calendar-proxy-read-for"), Some(404));
    let home = read(&DAVX5.say(&ada, "home", &[]).await);
    let own = home.of(DEFAULT);
    assert!(own.is_calendar() && own.prop(D, "owner").hrefs() == ["/dav/principals/ada/"]);
    assert_eq!(own.status_of("https://bitfire.at/webdav-push", "transports"), Some(404));
    let state = read(&DAVX5.say(&ada, "state", &[]).await);
    assert!(!state.of(DEFAULT).text(D, "sync-token").is_empty());
    let listed = read(&DAVX5.say(&ada, "query", &[]).await);
    let mut names: Vec<_> = listed.hrefs().iter().map(|href| href.strip_prefix(DEFAULT).unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["series.ics", "soon.ics"]);
    // Without ETag or data in an item it fails as a whole.
    let fetched = read(&DAVX5.say(&ada, "fetch", &[]).await);
    for item in fetched.responses() {
        assert_eq!(item.text(D, "getetag"), listed.of(item.href()).text(D, "getetag"));
        assert!(item.text(C, "calendar-data").starts_with("BEGIN:VCALENDAR\r\n"));
        assert_eq!(item.status_of(C, "schedule-tag"), Some(404));
    }
    let etag = soon.header("etag").unwrap();
    assert_eq!(DAVX5.say(&ada, "upload", &[("etag", etag)]).await.status, 204);
    assert_eq!(DAVX5.say(&ada, "upload", &[("etag", etag)]).await.status, 412);
}

#[tokio::test]
async fn evolution_sets_up_and_syncs() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for path in ["/.well-known/caldav", "/dav/", "/"] {
        let options = EVOLUTION.say(&server.stranger(), "online-accounts", &[("path", path)]).await;
        assert_eq!(options.status, 200);
        assert!(options.header("dav").unwrap().contains("calendar-access"));
    }
    let root = read(&EVOLUTION.say(&ada, "discover", &[]).await);
    assert_eq!(root.responses()[0].prop(D, "current-user-principal").hrefs(), ["/dav/principals/ada/"]);
    let principal = read(&EVOLUTION.say(&ada, "principal", &[]).await);
    assert_eq!(principal.responses()[0].prop(C, "calendar-home-set").hrefs(), ["/dav/calendars/ada/"]);
    assert_eq!(EVOLUTION.say(&ada, "options", &[]).await.status, 200);
    let before = read(&EVOLUTION.say(&ada, "state", &[]).await).of(DEFAULT).text(S, "getctag").to_owned();
    let first = read(&EVOLUTION.say(&ada, "sync", &[("token", "")]).await);
    // It takes a token only when it looks like a URI.
    assert!(first.sync_token().contains([':', '/']));
    assert_eq!(EVOLUTION.say(&ada, "save", &[]).await.status, 201);
    assert_ne!(read(&EVOLUTION.say(&ada, "state", &[]).await).of(DEFAULT).text(S, "getctag"), before);
    let second = read(&EVOLUTION.say(&ada, "sync", &[("token", first.sync_token())]).await);
    let item = &second.responses()[0];
    let fetched = read(&EVOLUTION.say(&ada, "fetch", &[("href", item.href())]).await);
    assert_eq!(fetched.responses()[0].text(D, "getetag"), item.text(D, "getetag"));
    assert!(fetched.responses()[0].text(C, "calendar-data").contains("DTSTART;VALUE=DATE:20260309"));
    let again = EVOLUTION.say(&ada, "save", &[]).await;
    assert_eq!(again.status, 412);
    // It falls back to a full sync when it finds this name in the body of a 403.
    let stale = EVOLUTION.say(&ada, "sync", &[("token", "https://elsewhere/1")]).await;
    assert!(stale.status == 403 && stale.text().contains("valid-sync-token"));
}

#[tokio::test]
async fn outlook_caldav_synchronizer_sets_up_and_syncs() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    server.user("room1").await;
    assert!(OUTLOOK.say(&ada, "options", &[]).await.header("dav").unwrap().contains("calendar-access"));
    let calendar = read(&OUTLOOK.say(&ada, "calendar", &[]).await);
    let own = calendar.of(DEFAULT);
    assert!(own.is_calendar());
    assert!(
        own.prop(D, "supported-report-set")
            .children
            .iter()
            .any(|one| { one.at(&[(D, "report")]).child(C, "calendar-query").is_some() })
    );
    // The year 1601 in its VTIMEZONE is no date of the event's; what it sends invitations for itself is kept.
    let saved = OUTLOOK.say(&ada, "save", &[]).await;
    assert_eq!(saved.status, 201, "{}", saved.text());
    let listed = read(&OUTLOOK.say(&ada, "versions", &[]).await);
    let href = listed.hrefs()[0];
    assert_eq!(href, format!("{DEFAULT}040000008200E00074C5B7101A82E008.ics"));
    let fetched = read(&OUTLOOK.say(&ada, "fetch", &[("href", href)]).await);
    let item = fetched.of(href);
    assert_eq!(item.text(D, "getetag"), saved.header("etag").unwrap());
    assert!(item.text(C, "calendar-data").contains("SCHEDULE-AGENT=CLIENT"));
    let found = read(&OUTLOOK.say(&ada, "rooms", &[("name", "room")]).await);
    assert_eq!(found.of("/dav/principals/room1/").text(C, "calendar-user-type"), "INDIVIDUAL");
    assert_eq!(OUTLOOK.say(&ada, "make", &[]).await.status, 201);
    let coloured = read(&OUTLOOK.say(&ada, "colour", &[]).await);
    assert_eq!(coloured.responses()[0].status_of(A, "calendar-color"), Some(200));
}

/// Head and body in two pieces, as many clients send them: a request that is answered without its body must not cost
/// the connection, or the next one on it finds it closed.
#[tokio::test]
async fn a_body_that_nobody_wanted_does_not_end_the_connection() {
    use tokio::io::AsyncWriteExt;

    let server = Server::start().await;
    let client = server.stranger();
    let mut stream = client.connect().await;
    for (method, path, status) in
        [("PROPFIND", "/.well-known/caldav", 301), ("PROPFIND", "/dav/", 401), ("PUT", "/dav/x", 401)]
    {
        // Only who reads the body is told to go on.
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nDepth: 0\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let go_on = crate::support::client::read(&mut stream, false).await;
        assert_eq!(go_on.map(|reply| reply.status), Some(100), "{method} {path}");
        stream.write_all(&[b' '; 20]).await.unwrap();
        let reply = crate::support::client::read(&mut stream, false).await;
        assert_eq!(reply.map(|reply| reply.status), Some(status), "{method} {path}");
    }
}
