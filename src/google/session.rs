//! Calls in the name of one account: its access token, refreshed once where it is not accepted; as many calls in a minute
//! as it may make; what becomes of the account when its consent is over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::Method;
use serde_json::Value;

use super::api::{self, Api, Fields, Listed, Request, Watched};
use super::error::{Error, Failure, Result};
use crate::accounts::{self, Accounts, Remote, RemoteId, RemoteState, Secret};

/// Of each minute's calls a backfill leaves this part to what is fresh.
const FRESH: u32 = 4;
/// Events on one page [D: 2,500 at most].
const PAGE: u32 = 2_500;
const LIST: &str = "users/me/calendarList";
/// What is listed: types that mean that somebody is busy. Fixed, since a sync token is bound to it.
const TYPES: [&str; 4] = ["default", "outOfOffice", "focusTime", "fromGmail"];

/// How many calls may be made in a minute.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Of one account: below Google's 600, with room for a second node.
    pub account: u32,
    /// Of the whole project, below Google's 10,000.
    pub project: u32,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { account: 480, project: 8_000 }
    }
}

/// The calls of the last minute by their second: Google's minute slides, too.
struct Minute {
    counts: [u32; 60],
    sum: u32,
    at: i64,
}

impl Minute {
    fn new(now: i64) -> Minute {
        Minute { counts: [0; 60], sum: 0, at: now }
    }

    fn slot(&mut self, second: i64) -> &mut u32 {
        &mut self.counts[usize::try_from(second.rem_euclid(60)).unwrap_or(0)]
    }

    /// Forgets what is a minute ago.
    fn turn(&mut self, now: i64) {
        for second in 1..=(now - self.at).min(60) {
            let past = std::mem::take(self.slot(self.at + second));
            self.sum -= past;
        }
        self.at = self.at.max(now);
    }

    /// Seconds until there is room for one more.
    fn wait(&mut self, most: u32) -> i64 {
        let mut sum = self.sum;
        for second in 0..60 {
            if sum < most {
                return second;
            }
            sum -= *self.slot(self.at + 1 + second);
        }
        60
    }

    fn count(&mut self) {
        *self.slot(self.at) += 1;
        self.sum += 1;
    }
}

/// How many calls were made, in all and by account.
pub struct Budget {
    pace: Pace,
    calls: Mutex<(Minute, HashMap<RemoteId, Minute>)>,
    /// Accounts to which Google said for how long to wait.
    held: Mutex<HashMap<RemoteId, i64>>,
}

impl Budget {
    pub fn new(pace: Pace) -> Budget {
        Budget { pace, calls: Mutex::new((Minute::new(0), HashMap::new())), held: Mutex::default() }
    }

    /// One more call at `now`; else the seconds to wait. A backfill stops where only the part of what is fresh is left.
    fn take(&self, of: RemoteId, now: i64, is_backfill: bool) -> Result<(), Error> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&of).copied();
        if let Some(until) = held.filter(|until| *until > now) {
            return Err(Error::Budget(until - now));
        }
        let most = |all: u32| if is_backfill { all - all / FRESH } else { all };
        let mut kept = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_account) = &mut *kept;
        if now.div_euclid(60) > all.at.div_euclid(60) {
            by_account.retain(|_, one| now - one.at < 60);
        }
        let own = by_account.entry(of).or_insert_with(|| Minute::new(now));
        all.turn(now);
        own.turn(now);
        match all.wait(most(self.pace.project)).max(own.wait(most(self.pace.account))) {
            0 => {
                all.count();
                own.count();
                Ok(())
            }
            seconds => Err(Error::Budget(seconds)),
        }
    }

    /// Nothing is sent to this account before `until`.
    pub fn hold(&self, of: RemoteId, until: i64) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(of, until);
    }
}

/// The client of the clinic's project. No `Debug`.
#[derive(Clone)]
pub struct Project {
    pub id: String,
    pub secret: Secret,
    /// Where a Workspace domain delegates its people's calendars.
    pub service: Option<Service>,
}

/// A service account. No `Debug`.
#[derive(Clone)]
pub struct Service {
    pub email: String,
    /// PKCS #8 in PEM.
    pub key: Secret,
}

impl Service {
    /// Of the key file that Google gives out. None: it is not one.
    pub fn read(text: &str) -> Option<Service> {
        let file: Value = serde_json::from_str(text).ok()?;
        let field = |name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Service { email: field("client_email")?, key: Secret::new(field("private_key")?) })
    }
}

/// What calls need.
pub struct Session<'a> {
    pub api: &'a Api,
    pub accounts: &'a Accounts,
    pub budget: &'a Budget,
    pub project: &'a Project,
    pub remote: Remote,
    /// What it does now is only of a first look, or of all of it anew.
    pub is_backfill: bool,
    /// Which guests Google writes to (R19).
    pub updates: &'static str,
}

/// A page of events.
pub struct Page {
    pub items: Vec<Value>,
    pub next: Option<String>,
    /// On the last page: where the next pull begins.
    pub token: Option<String>,
    pub zone: Option<String>,
}

impl Session<'_> {
    async fn send(&mut self, request: Request) -> Result<Value> {
        let token = self.token().await?;
        self.budget.take(self.remote.id, self.accounts.now(), self.is_backfill)?;
        match self.api.send(&token, &request).await {
            Err(Failure::Unauthorized) => {
                let token = self.refresh().await?;
                Ok(self.api.send(&token, &request).await?)
            }
            answer => Ok(answer?),
        }
    }

    async fn token(&mut self) -> Result<Secret> {
        match self.accounts.access_token(&self.remote) {
            Some(token) => Ok(token),
            None => self.refresh().await,
        }
    }

    /// Only `invalid_grant` ends a consent: a token endpoint that is down says nothing about it.
    async fn refresh(&mut self) -> Result<Secret> {
        if accounts::is_delegated(&self.remote) {
            return self.delegated().await;
        }
        let Some(refresh) = self.accounts.refresh_token(&self.remote) else {
            return self.revoked("no refresh token").await;
        };
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.project.id),
            ("client_secret", self.project.secret.expose()),
            ("refresh_token", refresh.expose()),
        ];
        match self.api.tokens(&form).await {
            Ok(tokens) => {
                let until = self.accounts.now() + tokens.life;
                self.accounts.keep_access(&mut self.remote, &tokens.access, until).await?;
                Ok(tokens.access)
            }
            Err(Failure::Revoked) => self.revoked("invalid_grant").await,
            Err(other) => Err(other.into()),
        }
    }

    /// A token for a person of the clinic's domain, by what the service account claims (RFC 7523).
    async fn delegated(&mut self) -> Result<Secret> {
        let Some(service) = &self.project.service else {
            return self.revoked("no service account").await;
        };
        let now = self.accounts.now();
        let claims = serde_json::json!({
            "iss": service.email, "sub": self.remote.email, "scope": self.remote.scopes,
            "aud": self.api.place.token, "iat": now, "exp": now + 3_600,
        });
        let assertion = self.accounts.assertion(&service.key, &claims)?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose()),
        ];
        match self.api.tokens(&form).await {
            Ok(tokens) => {
                let until = now + tokens.life;
                self.accounts.keep_access(&mut self.remote, &tokens.access, until).await?;
                Ok(tokens.access)
            }
            // The domain delegates no more, or not these scopes.
            Err(Failure::Revoked | Failure::Forbidden(_) | Failure::Unauthorized) => {
                self.revoked("not delegated").await
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn revoked<T>(&mut self, why: &str) -> Result<T> {
        self.accounts.set_remote(&mut self.remote, RemoteState::NeedsReauth, why).await?;
        Err(Failure::Revoked.into())
    }

    /// A page of what changed since a token, or of everything. The parameters never change: a token is bound to them.
    pub async fn events(&mut self, calendar: &str, token: Option<&str>, page: Option<&str>) -> Result<Page> {
        let mut request = Request::new(Method::GET, events(calendar))
            .with("singleEvents", "false")
            .with("showDeleted", "true")
            .with("maxResults", PAGE.to_string());
        for kind in TYPES {
            request = request.with("eventTypes", kind);
        }
        let place = [("syncToken", token), ("pageToken", page)];
        for (name, value) in place.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            request = request.with(name, value);
        }
        let mut answer = self.send(request).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let (next, token, zone) = (text("nextPageToken"), text("nextSyncToken"), text("timeZone"));
        let items = match answer.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        Ok(Page { items, next, token, zone })
    }

    pub async fn event(&mut self, calendar: &str, id: &str) -> Result<Fields> {
        let answer = self.send(Request::new(Method::GET, event(calendar, id))).await?;
        fields(answer)
    }

    /// The occurrence of a series that began there originally.
    pub async fn instance(&mut self, calendar: &str, id: &str, original: &str) -> Result<Option<Fields>> {
        let path = format!("{}/instances", event(calendar, id));
        let request =
            Request::new(Method::GET, path).with("originalStart", original).with("showDeleted", "true");
        let mut answer = self.send(request).await?;
        let first = answer.get_mut("items").and_then(Value::as_array_mut).and_then(|items| items.pop());
        first.map(fields).transpose()
    }

    pub async fn insert(&mut self, calendar: &str, body: Fields) -> Result<Fields> {
        self.write(Method::POST, events(calendar), None, body).await
    }

    /// Only where it is still as we know it.
    pub async fn patch(&mut self, calendar: &str, id: &str, etag: &str, body: Fields) -> Result<Fields> {
        self.write(Method::PATCH, event(calendar, id), Some(etag), body).await
    }

    async fn write(
        &mut self,
        method: Method,
        path: String,
        etag: Option<&str>,
        body: Fields,
    ) -> Result<Fields> {
        let request =
            Request::new(method, path).with("sendUpdates", self.updates).with("conferenceDataVersion", "1");
        let if_match = etag.filter(|etag| !etag.is_empty()).map(str::to_owned);
        fields(self.send(Request { if_match, body: Some(Value::Object(body)), ..request }).await?)
    }

    pub async fn delete(&mut self, calendar: &str, id: &str, etag: &str) -> Result<()> {
        let request = Request::new(Method::DELETE, event(calendar, id)).with("sendUpdates", self.updates);
        let if_match = Some(etag.to_owned()).filter(|etag| !etag.is_empty());
        self.send(Request { if_match, ..request }).await.map(drop)
    }

    /// All calendars in the person's list, at most ten pages of them.
    pub async fn calendars(&mut self) -> Result<Vec<Listed>> {
        let (mut all, mut page) = (Vec::new(), None::<String>);
        for _ in 0..10 {
            let mut request =
                Request::new(Method::GET, LIST).with("maxResults", "250").with("showHidden", "true");
            if let Some(page) = page.take() {
                request = request.with("pageToken", page);
            }
            let (some, next) = api::listed(self.send(request).await?)?;
            all.extend(some);
            page = next;
            if page.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// A new calendar of hers; its id.
    pub async fn make_calendar(&mut self, name: &str, zone: &ical::Zone) -> Result<String> {
        let mut body = serde_json::json!({ "summary": name });
        if zone.is_iana() {
            body["timeZone"] = zone.name().into();
        }
        let request = Request::new(Method::POST, "calendars");
        let made = self.send(Request { body: Some(body), ..request }).await?;
        let id = made.get("id").and_then(Value::as_str).map(str::to_owned);
        id.ok_or_else(|| Failure::Unreachable("no calendar".into()).into())
    }

    /// A channel of a calendar's events, or of the list of calendars.
    pub async fn watch(&mut self, calendar: Option<&str>, body: Value) -> Result<Watched> {
        let of = calendar.map_or_else(|| LIST.to_owned(), events);
        let request = Request::new(Method::POST, format!("{of}/watch"));
        Ok(api::watched(self.send(Request { body: Some(body), ..request }).await?)?)
    }

    pub async fn stop(&mut self, id: &str, resource: &str) -> Result<()> {
        let body = serde_json::json!({ "id": id, "resourceId": resource });
        let request = Request::new(Method::POST, "channels/stop");
        self.send(Request { body: Some(body), ..request }).await.map(drop)
    }
}

fn events(calendar: &str) -> String {
    format!("calendars/{}/events", api::segment(calendar))
}

fn event(calendar: &str, id: &str) -> String {
    format!("{}/{}", events(calendar), api::segment(id))
}

fn fields(answer: Value) -> Result<Fields> {
    match answer {
        Value::Object(fields) => Ok(fields),
        _ => Err(Failure::Unreachable("no event".into()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s74_in_no_minute_there_are_more_calls_than_may_be_and_the_last_are_for_what_is_fresh() {
        let budget = Budget::new(Pace { account: 40, project: 60 });
        let takes = |of, now, is_backfill| {
            let mut count = 0;
            while budget.take(RemoteId(of), now, is_backfill).is_ok() {
                count += 1;
            }
            count
        };
        assert_eq!((takes(1, 100, true), takes(2, 130, true)), (30, 15), "three quarters: of one, of all");
        assert_eq!((takes(2, 131, false), takes(1, 131, false)), (15, 0), "the rest is for what is fresh");
        assert!(matches!(budget.take(RemoteId(1), 131, false), Err(Error::Budget(29))));
        assert_eq!(takes(1, 159, false), 0, "the minute slides");
        assert_eq!(takes(1, 160, false), 30);
    }
}
