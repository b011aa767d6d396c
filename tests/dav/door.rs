//! The DAV door over a clinic of its own: three people with their two calendars, requests in one line, answers as text.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt;
use kalends::accounts::{Accounts, NewPerson, Settings as AccountSettings};
use kalends::calendar::{Author, Calendars, CollectionPath, Origin, Settings as CalendarSettings, ShareAs};
use kalends::dav::{Dav, Settings};
use kalends::edge::Ask;

use super::reading::{D, Multistatus, Node, parse};
use crate::support::database::{self, Fresh};

pub struct Door {
    pub dav: Dav,
    pub accounts: Accounts,
    pub calendars: Calendars,
    /// Dropped last: takes the database away.
    _fresh: Fresh,
}

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

pub const HOST: &str = "cal.example.org";

impl Door {
    /// Ada, Bob and Eve, each with `default` for events and `tasks` for to-dos.
    pub async fn open() -> Door {
        Door::with(CalendarSettings::default()).await
    }

    pub async fn with(calendar: CalendarSettings) -> Door {
        let fresh = database::sqlite();
        let store = fresh.store().await;
        let accounts = Accounts::open(store.clone(), AccountSettings::default()).await.unwrap();
        for (name, zone) in [("ada", "Europe/Berlin"), ("bob", "America/New_York"), ("eve", "UTC")] {
            let person = NewPerson {
                name: name.into(),
                display_name: format!("Dr. {}", name.to_uppercase()),
                email: Some(format!("{name}@example.org")),
                zone: Some(zone.into()),
                password: None,
            };
            accounts.add_person(person).await.unwrap();
        }
        let limit = calendar.limits.object_bytes + (64 << 10);
        let calendars = Calendars::open(store, calendar).await.unwrap();
        let settings =
            Settings { public_url: Some(format!("https://{HOST}")), body_bytes: limit, xml_bytes: 1 << 20 };
        let dav = Dav::new(calendars.clone(), settings);
        Door { dav, accounts, calendars, _fresh: fresh }
    }

    /// One request of `who`; `headers` as lines `Name: value`.
    pub async fn ask(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[&str],
        body: impl Into<String>,
    ) -> Reply {
        let mut map = HeaderMap::new();
        map.insert(http::header::HOST, HeaderValue::from_static(HOST));
        for line in headers {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("header {line:?}"));
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let ask = Ask::new(method, path, map, body.into());
        let caller = self.accounts.operator(who).await.unwrap();
        let (head, body) = self.dav.answer(caller, ask).await.into_parts();
        let body = body.collect().await.expect("the answer broke off").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("answers are UTF-8");
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub async fn propfind(&self, who: &str, path: &str, depth: u8, props: &str) -> Multistatus {
        let body = format!("<d:propfind {NS}><d:prop>{props}</d:prop></d:propfind>");
        self.ask(who, "PROPFIND", path, &[&format!("Depth: {depth}")], body).await.multistatus()
    }

    pub async fn report(&self, who: &str, path: &str, depth: u8, body: &str) -> Reply {
        let name = body.find([' ', '/', '>']).unwrap();
        let body = format!("{} {NS}{}", &body[..name], &body[name..]);
        self.ask(who, "REPORT", path, &[&format!("Depth: {depth}")], body).await
    }

    /// Stores a text; gives the ETag back.
    pub async fn put(&self, who: &str, path: &str, text: &str) -> String {
        let reply = self.ask(who, "PUT", path, &["Content-Type: text/calendar"], text).await;
        assert!(matches!(reply.status, 201 | 204), "{} {}", reply.status, reply.body);
        reply.header("etag").expect("a strong ETag comes back").to_owned()
    }

    /// Ada's calendar `default` shared with somebody.
    pub async fn share(&self, with: &str, access: Option<ShareAs>) {
        let ada = self.accounts.operator("ada").await.unwrap();
        let by = Author { who: &ada, from: Origin::Cli };
        self.calendars.share(by, &CollectionPath::new("ada", "default"), with, access).await.unwrap();
    }
}

pub const NS: &str = "xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\" \
    xmlns:s=\"http://calendarserver.org/ns/\" xmlns:a=\"http://apple.com/ns/ical/\" xmlns:x=\"urn:x\"";

impl Reply {
    pub fn multistatus(&self) -> Multistatus {
        assert_eq!(self.status, 207, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/xml; charset=utf-8"));
        Multistatus::parse(&self.body)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The preconditions of a DAV:error, by local name.
    pub fn error(&self) -> Vec<Node> {
        let root = parse(&self.body);
        assert!(root.is(D, "error"), "{}", self.body);
        root.children.into_iter().filter(|child| child.space != "urn:kalends").collect()
    }

    /// Asserts a status and its precondition.
    #[track_caller]
    pub fn refused(&self, status: u16, element: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        let error = self.error();
        assert_eq!(error.len(), 1, "{}", self.body);
        assert_eq!(error[0].local, element);
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Reply {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

/// A component in its calendar, CRLF and all.
pub fn calendar(inside: &str) -> String {
    let lines = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//kalends//test//EN\n{}\nEND:VCALENDAR\n",
        inside.trim()
    );
    lines.replace('\n', "\r\n")
}

/// An hour on a day of January 2026, at 10:00 UTC.
pub fn event(uid: &str, day: u32, summary: &str) -> String {
    calendar(&format!(
        "BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20260101T000000Z\nDTSTART:202601{day:02}T100000Z\n\
         DTEND:202601{day:02}T110000Z\nSUMMARY:{summary}\nEND:VEVENT"
    ))
}
