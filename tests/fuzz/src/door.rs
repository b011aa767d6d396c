//! The DAV door over a small store of one person, as a client meets it: requests in, answers out.
//! One runtime, one thread: what a request costs is what the process costs.

use http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::BodyExt;
use kalends::{
    accounts::{Accounts, Caller, NewPerson, Settings as AccountSettings},
    calendar::{Calendars, Settings as CalendarSettings},
    dav::{Dav, Settings},
    edge::Ask,
};
use store::{DatabaseUrl, Options, Store};
use tokio::runtime::{Builder, Runtime};

pub const CALENDAR: &str = "/dav/calendars/ada/default/";

pub struct Door {
    runtime: Runtime,
    dav: Dav,
    ada: Caller,
    /// Dropped last: takes the database away.
    _folder: tempfile::TempDir,
}

pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Door {
    /// Ada with a calendar of one single event, one series and one event of all day.
    pub fn open() -> Door {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("kalends.db"));
        let (dav, ada) = runtime.block_on(async {
            let store = Store::open(&Options::new(url)).await.unwrap();
            let accounts = Accounts::open(store.clone(), AccountSettings::default()).await.unwrap();
            let person = NewPerson {
                name: "ada".into(),
                display_name: "Ada".into(),
                email: None,
                zone: Some("Europe/Berlin".into()),
                password: None,
            };
            accounts.add_person(person).await.unwrap();
            let calendars = Calendars::open(store, CalendarSettings::default()).await.unwrap();
            let settings = Settings { public_url: None, body_bytes: 1 << 20, xml_bytes: 1 << 20 };
            (Dav::new(calendars, settings), accounts.operator("ada").await.unwrap())
        });
        let door = Door { runtime, dav, ada, _folder: folder };
        for (name, lines) in [
            ("single", "DTSTART:20260105T100000Z\r\nDURATION:PT1H"),
            ("series", "DTSTART;TZID=Europe/Berlin:20260105T100000\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY"),
            ("day", "DTSTART;VALUE=DATE:20260105"),
        ] {
            let text = format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:{name}\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
            );
            let reply = door.ask("PUT", &format!("{CALENDAR}{name}.ics"), "0", text.into_bytes());
            assert_eq!(reply.unwrap().status, 201);
        }
        door
    }

    /// One request of Ada; None where no HTTP client could send it. Never 500.
    pub fn ask(&self, method: &str, path: &str, depth: &str, body: Vec<u8>) -> Option<Reply> {
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        headers.insert("depth", HeaderValue::from_str(depth).ok()?);
        let ask = Ask::new(method, path, headers, body);
        self.runtime.block_on(async {
            let (head, body) = self.dav.answer(self.ada.clone(), ask).await.into_parts();
            let body = body.collect().await.expect("the answer broke off").to_bytes().to_vec();
            let status = head.status.as_u16();
            assert!(status != 500, "{}", String::from_utf8_lossy(&body));
            Some(Reply { status, body })
        })
    }
}
