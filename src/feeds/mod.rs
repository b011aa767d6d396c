//! Door for those who cannot log in. Secret links: a calendar as one .ics (Google, Outlook on the web), and busy
//! time as VFREEBUSY; the secret in the path is the login, a wrong and a revoked one are answered alike. And time zones.
//!
//! *Never:* writes; shows more than its link allows; names the secret in a log, a header or an error.
//!
//! Files: `calendar` (the .ics, streamed) · `freebusy` · `window` (what span is asked for) · `error`
//! · `tzdist` (RFC 7808).

mod calendar;
mod error;
mod freebusy;
pub mod tzdist;
mod window;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::{
    accounts::{Accounts, FeedGrant},
    calendar::{Calendars, Shown},
    edge::{Answer, Ask, Problem},
};

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Feeds {
    calendars: Calendars,
    accounts: Accounts,
}

/// What a link opened.
struct Link {
    grant: FeedGrant,
    shown: Shown,
}

impl Feeds {
    pub fn new(calendars: Calendars, accounts: Accounts) -> Feeds {
        Feeds { calendars, accounts }
    }

    /// `/feeds/{secret}.ics`: `rest` is what follows `/feeds/`.
    pub async fn calendar(&self, rest: &str, ask: &Ask) -> Answer {
        self.answered(rest, ask, calendar::answer).await
    }

    /// `/freebusy/{secret}`, with `?start=...&end=...`.
    pub async fn freebusy(&self, rest: &str, ask: &Ask) -> Answer {
        self.answered(rest, ask, freebusy::answer).await
    }

    async fn answered<A>(&self, rest: &str, ask: &Ask, answer: A) -> Answer
    where
        A: AsyncFnOnce(&Feeds, Link, &Ask) -> Result<Answer, Problem>,
    {
        if !matches!(ask.method, Method::GET | Method::HEAD) {
            return only_read();
        }
        let answered = match self.open(rest, ask.id).await {
            Ok(link) => answer(self, link, ask).await,
            Err(problem) => Err(problem),
        };
        let mut answer = answered.unwrap_or_else(|problem| problem.answer());
        guarded(answer.headers_mut());
        answer
    }

    async fn open(&self, rest: &str, id: u64) -> Result<Link, Problem> {
        let secret = rest.strip_suffix(".ics").or_else(|| rest.strip_suffix(".ifb")).unwrap_or(rest);
        let grant = self.accounts.open_feed(secret).await.map_err(|error| error::accounts(&error, id))?;
        let grant = grant.ok_or_else(Problem::not_found)?;
        let shown = self.calendars.feed(&grant).await.map_err(|error| error::calendar(&error, id))?;
        Ok(Link { grant, shown })
    }
}

fn only_read() -> Answer {
    let detail = "A feed can only be read.";
    let mut answer = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Not allowed", detail).answer();
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    answer
}

/// The address is the secret: no page that it could be seen on may pass it on (trust.md S8, S17).
fn guarded(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::HeaderName::from_static("x-robots-tag"), "noindex"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
