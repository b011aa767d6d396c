//! `/api/v1/google`: accounts with Google and the calendars linked through them. Another door does the work; what this
//! one asks of it stands in [`Twins`], which the roof hands in, so that neither knows the other. `terms`: how a link is kept.

mod terms;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::Method;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use terms::Terms;
pub use terms::{Access, Direction, Guests, LinkChange, Mode, NewLink, Policy, Privacy};

use super::call::{BODY, Call, Failure, json, nothing, placed, tagged};
use super::instant;
use super::page::{Listed, Paged, listed};
use super::route::{Gives, Route, Takes, inline, named};
use crate::accounts::Caller;
use crate::calendar::Zone;
use crate::clinic::{self, Cursor, Error, Page};
use crate::edge::Answer;

/// Whoever keeps calendars equal with Google. Asks itself whether the caller may.
pub trait Twins: Send + Sync {
    /// What is answered has the shape that the endpoint of the wish names.
    fn ask<'a>(&'a self, who: &'a Caller, wish: Wish) -> BoxFuture<'a, Result<Value, Refusal>>;
}

/// What is asked for. Numbers are of an account or of a link.
#[derive(Debug)]
pub enum Wish {
    /// A page of them: `items` and `next`.
    Accounts(Cursor),
    Account(i64),
    Connect {
        hint: Option<String>,
        access: Access,
    },
    Confirm(i64),
    Calendars(i64),
    Disconnect {
        account: i64,
        remove: bool,
    },
    AddLink(NewLink),
    Link(i64),
    ChangeLink {
        link: i64,
        change: LinkChange,
    },
    Pause(i64),
    /// Now, and on from there.
    Sync(i64),
    Resync {
        link: i64,
        dry_run: bool,
    },
    Dead(i64),
    Retry(i64),
    Notes(i64),
}

/// Why it was not done.
#[derive(Debug)]
pub enum Refusal {
    /// There is no project at Google.
    Absent,
    Clinic(Error),
    /// In words.
    Refused(String),
    /// Google did not do it, as a code.
    Away(String),
    /// Again after so many seconds.
    Busy(u32),
    Broken(String),
}

pub const ROUTES: &[&Route] = &[
    &ACCOUNTS,
    &CONNECT,
    &ACCOUNT,
    &CONFIRM,
    &CALENDARS,
    &DISCONNECT,
    &ADD_LINK,
    &LINK,
    &CHANGE_LINK,
    &PAUSE,
    &RESUME,
    &SYNC,
    &RESYNC,
    &DEAD,
    &RETRY,
    &NOTES,
];

const REFUSES: &[&str] = &["GOOGLE_NOT_SET_UP", "GOOGLE_REFUSED", "GOOGLE_FAILED"];

const ACCOUNTS: Route = Route {
    method: Method::GET,
    path: "/api/v1/google/accounts",
    id: "listGoogleAccounts",
    summary: "Accounts with Google and how their links stand: the caller's, or all for those who run the office",
    takes: Takes::query(inline::<Paged>),
    gives: Gives::ok(named::<Listed<Account>>),
    refuses: &["GOOGLE_NOT_SET_UP", "GOOGLE_REFUSED", "GOOGLE_FAILED", "INVALID_CURSOR"],
    run: |call| Box::pin(accounts(call)),
};

const CONNECT: Route = Route {
    method: Method::POST,
    path: "/api/v1/google/accounts",
    id: "connectGoogleAccount",
    summary: "Begin to connect the caller's account: where to go for consent, within ten minutes. It appears in the list \
              once she came back, and is confirmed then",
    takes: Takes::body(inline::<Connect>),
    gives: Gives::ok(named::<Consent>),
    refuses: REFUSES,
    run: |call| Box::pin(connect(call)),
};

const ACCOUNT: Route = Route {
    method: Method::GET,
    path: "/api/v1/google/accounts/{account}",
    id: "getGoogleAccount",
    summary: "One account with its links",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Account>),
    refuses: REFUSES,
    run: |call| Box::pin(account(call)),
};

const CONFIRM: Route = Route {
    method: Method::POST,
    path: "/api/v1/google/accounts/{account}/confirm",
    id: "confirmGoogleAccount",
    summary: "Say that the account that answered is the right one: its links run from now on",
    takes: Takes::NOTHING,
    gives: Gives::NOTHING,
    refuses: REFUSES,
    run: |call| Box::pin(async move { done(&call, Wish::Confirm(call.name(0)?)).await }),
};

const CALENDARS: Route = Route {
    method: Method::GET,
    path: "/api/v1/google/accounts/{account}/calendars",
    id: "listGoogleCalendars",
    summary: "The calendars at Google that one of the caller's accounts reaches; asks Google",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Listed<Calendar>>),
    refuses: REFUSES,
    run: |call| Box::pin(async move { list::<Calendar>(&call, Wish::Calendars(call.name(0)?)).await }),
};

const DISCONNECT: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/google/accounts/{account}",
    id: "disconnectGoogleAccount",
    summary: "End an account with its links; our events at Google stay (keep) or go (remove)",
    takes: Takes::query(inline::<Leaving>),
    gives: Gives::NOTHING,
    refuses: REFUSES,
    run: |call| Box::pin(disconnect(call)),
};

const ADD_LINK: Route = Route {
    method: Method::POST,
    path: "/api/v1/google/links",
    id: "addGoogleLink",
    summary: "Keep a calendar at Google and one of the caller's own equal",
    takes: Takes::body(named::<NewLink>),
    gives: Gives::made(named::<Link>),
    refuses: REFUSES,
    run: |call| Box::pin(add_link(call)),
};

const LINK: Route = Route {
    method: Method::GET,
    path: "/api/v1/google/links/{link}",
    id: "getGoogleLink",
    summary: "How a link stands, and what to do about it",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Link>).versioned(),
    refuses: REFUSES,
    run: |call| Box::pin(link(call)),
};

const CHANGE_LINK: Route = Route {
    method: Method::PATCH,
    path: "/api/v1/google/links/{link}",
    id: "changeGoogleLink",
    summary: "Change how series stand at Google (what stood there goes before what comes) and whether guests are carried",
    takes: Takes::body(named::<LinkChange>).versioned(),
    gives: Gives::ok(named::<Link>).versioned(),
    refuses: REFUSES,
    run: |call| Box::pin(change_link(call)),
};

const PAUSE: Route = Route {
    method: Method::POST,
    path: "/api/v1/google/links/{link}/pause",
    id: "pauseGoogleLink",
    summary: "Stop a link until it is resumed; what changes meanwhile is not lost",
    takes: Takes::NOTHING.versioned(),
    gives: Gives::NOTHING,
    refuses: REFUSES,
    run: |call| Box::pin(async move { steer(&call, Wish::Pause(call.name(0)?)).await }),
};

const RESUME: Route = Route {
    method: Method::POST,
    path: "/api/v1/google/links/{link}/resume",
    id: "resumeGoogleLink",
    summary: "Let a link go on; what the guard against mass deletion stopped is approved by that",
    takes: Takes::NOTHING.versioned(),
    gives: Gives::NOTHING,
    refuses: REFUSES,
    run: |call| Box::pin(async move { steer(&call, Wish::Sync(call.name(0)?)).await }),
};

const SYNC: Route = Route {
    method: Method::POST,
    path: "/api/v1/google/links/{link}/sync",
    id: "syncGoogleLink",
    summary: "Compare now; approves what the guard against mass deletion stopped",
    takes: Takes::NOTHING.versioned(),
    gives: Gives::NOTHING,
    refuses: REFUSES,
    run: |call| Box::pin(async move { steer(&call, Wish::Sync(call.name(0)?)).await }),
};

const RESYNC: Route = Route {
    method: Method::POST,
    path: "/api/v1/google/links/{link}/resync",
    id: "resyncGoogleLink",
    summary: "Compare everything on both sides; `dry_run` only counts",
    takes: Takes::query(inline::<Rehearsal>).versioned(),
    gives: Gives::NOTHING.or_rehearsed(named::<Forecast>),
    refuses: REFUSES,
    run: |call| Box::pin(resync(call)),
};

const DEAD: Route = Route {
    method: Method::GET,
    path: "/api/v1/google/links/{link}/dead",
    id: "listGoogleDead",
    summary: "What could not be carried over, and why; the oldest 200",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Listed<Dead>>),
    refuses: REFUSES,
    run: |call| Box::pin(dead(call)),
};

const RETRY: Route = Route {
    method: Method::POST,
    path: "/api/v1/google/links/{link}/dead/retry",
    id: "retryGoogleDead",
    summary: "Try all of that once more",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Retried>),
    refuses: REFUSES,
    run: |call| Box::pin(async move { json(&ask::<Retried>(&call, Wish::Retry(call.name(0)?)).await?) }),
};

const NOTES: Route = Route {
    method: Method::GET,
    path: "/api/v1/google/links/{link}/notes",
    id: "listGoogleNotes",
    summary: "What a person should know: changes of both sides that met, what was put back or not taken; the last 200",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Listed<Note>>),
    refuses: REFUSES,
    run: |call| Box::pin(notes(call)),
};

/// An account with Google.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoogleAccount")]
struct Account {
    id: i64,
    /// Whose it is.
    principal: i64,
    email: String,
    /// `unconfirmed`, `active`, `needs_reauth`, `scope_missing`.
    state: String,
    reason: String,
    /// Calendars of the account that no link has, as last seen.
    unlinked: i64,
    links: Vec<Link>,
}

/// A page of them.
#[derive(Deserialize)]
struct Accounts {
    items: Vec<Account>,
    next: Option<i64>,
}

/// A calendar at Google and one here.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoogleLink")]
struct Link {
    id: i64,
    /// The calendar's id at Google.
    calendar: String,
    /// What it is called there, as last seen; empty before that.
    name: String,
    terms: Terms,
    /// `new`, `live`, `paused`, `read_only`, `throttled`, `gone`, `needs_reauth`.
    state: String,
    reason: String,
    /// What to do about it; empty when nothing.
    advice: String,
    /// Seconds since all was last pulled.
    lag_seconds: Option<i64>,
    #[serde(deserialize_with = "instant")]
    pulled_at: Option<String>,
    #[serde(deserialize_with = "instant")]
    pushed_at: Option<String>,
    /// The next try.
    #[serde(deserialize_with = "instant")]
    due_at: Option<String>,
    /// Whether Google tells of changes; else they are looked for every five minutes.
    is_watched: bool,
    #[serde(deserialize_with = "instant")]
    watched_until: Option<String>,
    /// Notes that a person should look at.
    conflicts: i64,
    /// What is still to be carried over.
    pending: i64,
    /// What was tried five times; it is tried again when Google answers.
    failed: i64,
    /// What will not go as it is.
    dead: i64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Connect {
    /// The address of an account that must consent anew.
    #[serde(default)]
    #[schemars(length(max = 320))]
    hint: Option<String>,
    /// `events` asks for all that a link needs; by default it is asked for when the account has a link, at the next
    /// consent by its address.
    #[serde(default)]
    access: Access,
}

/// Where to go.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoogleConsent")]
struct Consent {
    url: String,
}

/// What becomes of our events at Google.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Leaving {
    events: Leave,
}

#[derive(Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Leave {
    Keep,
    Remove,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rehearsal {
    /// Count, and change nothing.
    #[serde(default)]
    dry_run: bool,
}

/// A calendar at Google.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoogleCalendar")]
struct Calendar {
    id: String,
    summary: String,
    zone: Option<String>,
    /// `owner`, `writer`, `reader`, `freeBusyReader`.
    role: String,
    is_primary: bool,
}

/// What a full comparison would find.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoogleForecast")]
struct Forecast {
    equal: i64,
    changed_there: i64,
    only_there: i64,
    waiting_here: i64,
}

/// What could not be carried over.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoogleDead")]
struct Dead {
    /// `push`: from here to Google.
    way: String,
    /// The object's name here, or the event's id there.
    key: String,
    reason: String,
    attempts: i64,
    #[serde(deserialize_with = "instant")]
    since: Option<String>,
}

/// What was noted of a link.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoogleNote")]
struct Note {
    #[serde(deserialize_with = "instant")]
    at: Option<String>,
    /// `conflict`, `change_put_back`, `time_taken`, `not_taken`, `guard`, ...
    kind: String,
    /// Of which object.
    uid: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoogleRetried")]
struct Retried {
    tried: i64,
}

/// Seconds UTC as they are shown.
fn instant<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let at = Option::<i64>::deserialize(from)?;
    Ok(at.map(|at| instant::print(at, &Zone::utc())))
}

async fn asked(call: &Call, wish: Wish) -> Result<Value, Failure> {
    let google: &Arc<dyn Twins> = call.google.as_ref().ok_or(Failure::Google(Refusal::Absent))?;
    google.ask(&call.who, wish).await.map_err(Failure::Google)
}

async fn ask<T: DeserializeOwned>(call: &Call, wish: Wish) -> Result<T, Failure> {
    serde_json::from_value(asked(call, wish).await?).map_err(Failure::Unwritten)
}

async fn done(call: &Call, wish: Wish) -> Result<Answer, Failure> {
    asked(call, wish).await?;
    nothing()
}

async fn list<T: DeserializeOwned + Serialize>(call: &Call, wish: Wish) -> Result<Answer, Failure> {
    json(&Listed { items: ask::<Vec<T>>(call, wish).await?, next: None })
}

async fn accounts(call: Call) -> Result<Answer, Failure> {
    let found: Accounts = ask(&call, Wish::Accounts(call.query::<Paged>()?.read()?)).await?;
    json(&listed(Page { items: found.items, next: found.next }, |one| one))
}

async fn account(call: Call) -> Result<Answer, Failure> {
    json(&ask::<Account>(&call, Wish::Account(call.name(0)?)).await?)
}

async fn connect(mut call: Call) -> Result<Answer, Failure> {
    let Connect { hint, access } = call.body(BODY).await?;
    json(&ask::<Consent>(&call, Wish::Connect { hint, access }).await?)
}

async fn disconnect(call: Call) -> Result<Answer, Failure> {
    let remove = call.query::<Leaving>()?.events == Leave::Remove;
    done(&call, Wish::Disconnect { account: call.name(0)?, remove }).await
}

async fn add_link(mut call: Call) -> Result<Answer, Failure> {
    let new: NewLink = call.body(BODY).await?;
    let link: Link = ask(&call, Wish::AddLink(new)).await?;
    let at = format!("/api/v1/google/links/{}", link.id);
    placed(&link, &at)
}

/// What a person decided of a link, as a number: moves with its state and its terms, not with each round.
fn version(link: &Link) -> i64 {
    let text = format!("{}\n{}\n{}", link.state, link.reason, serde_json::json!(link.terms));
    // FNV-1a, 63 bits of it.
    let mixed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |mixed, byte| {
        (mixed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    i64::try_from(mixed >> 1).unwrap_or(i64::MAX)
}

async fn link(call: Call) -> Result<Answer, Failure> {
    let link: Link = ask(&call, Wish::Link(call.name(0)?)).await?;
    tagged(&link, version(&link))
}

async fn change_link(mut call: Call) -> Result<Answer, Failure> {
    let change: LinkChange = call.body(BODY).await?;
    heeded(&call).await?;
    let link: Link = ask(&call, Wish::ChangeLink { link: call.name(0)?, change }).await?;
    tagged(&link, version(&link))
}

/// Under the version that the caller has read.
async fn heeded(call: &Call) -> Result<(), Failure> {
    if let Some(read) = call.version()? {
        let link: Link = ask(call, Wish::Link(call.name(0)?)).await?;
        if version(&link) != read {
            return Err(clinic::Error::Stale.into());
        }
    }
    Ok(())
}

async fn steer(call: &Call, wish: Wish) -> Result<Answer, Failure> {
    heeded(call).await?;
    done(call, wish).await
}

async fn resync(call: Call) -> Result<Answer, Failure> {
    let Rehearsal { dry_run } = call.query()?;
    let wish = Wish::Resync { link: call.name(0)?, dry_run };
    match dry_run {
        true => json(&ask::<Forecast>(&call, wish).await?),
        false => steer(&call, wish).await,
    }
}

async fn dead(call: Call) -> Result<Answer, Failure> {
    list::<Dead>(&call, Wish::Dead(call.name(0)?)).await
}

async fn notes(call: Call) -> Result<Answer, Failure> {
    list::<Note>(&call, Wish::Notes(call.name(0)?)).await
}
