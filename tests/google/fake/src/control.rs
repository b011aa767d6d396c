//! What a test may do to the fake, as a list of commands: in the process by `Fake::run`, from elsewhere by
//! `POST /control` with one of them as JSON (`{"do": "turn", "seconds": 60}`).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Fake,
    events::raw,
    faults::Fault,
    jwt,
    oauth::{self, Consent},
    opaque::Dice,
    problem::{self, Problem},
    push::Post,
    state::{Fields, Manners, Role, State},
};

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Command {
    /// A person with her primary calendar.
    Account {
        email: String,
        zone: String,
    },
    /// A secondary calendar.
    Calendar {
        id: String,
        owner: String,
        summary: String,
        zone: String,
    },
    /// Gives a role in a calendar, or takes it (null).
    Share {
        calendar: String,
        email: String,
        role: Option<Role>,
    },
    RemoveCalendar {
        calendar: String,
    },
    /// Puts an event there as by Google's own hand: of any type, even broken; fields are laid over one that stands there.
    Event {
        calendar: String,
        event: Fields,
    },
    /// Deletes as a person in Google's own page would.
    Cancel {
        calendar: String,
        id: String,
    },
    /// All events of a calendar, tombstones too, as kept.
    Events {
        calendar: String,
    },
    /// An access token with these scopes (as after `.../auth/`), good for an hour.
    Token {
        email: String,
        scopes: Vec<String>,
    },
    /// What the person will answer on the consent page.
    Consent {
        consent: Consent,
    },
    /// The person takes back what she gave.
    RevokeAccess {
        email: String,
    },
    /// Every access token is out of date.
    ExpireAccess,
    /// A domain delegates these scopes to a service account; answers its key file.
    Delegate {
        service: String,
        scopes: Vec<String>,
    },
    Turn {
        seconds: i64,
    },
    Manners {
        manners: Manners,
    },
    Fault {
        fault: Fault,
    },
    ClearFaults,
    /// Seeds every chance.
    Seed {
        seed: u64,
    },
    /// Sync tokens and page tokens of this calendar are answered by 410 from now on.
    InvalidateTokens {
        calendar: String,
    },
    /// The calendar passes for empty.
    LooksEmpty {
        calendar: String,
        empty: bool,
    },
    CanBeWatched {
        calendar: String,
        can: bool,
    },
    Post {
        post: Post,
    },
    /// A notification on a channel, stopped or not.
    Stray {
        channel: String,
        state: String,
    },
    /// Sends what waits; answers how many arrived.
    Deliver,
    /// The exchanges from the n-th on.
    Record {
        #[serde(default)]
        from: usize,
    },
    Forget,
    Mails,
    Channels,
    Deliveries,
}

/// Carries out a command that sends nothing.
pub(crate) fn run(fake: &Fake, command: Command) -> Result<Value, Problem> {
    let state = &mut *fake.lock();
    match command {
        Command::Account { email, zone } => state.add_account(&email, &zone),
        Command::Calendar { id, owner, summary, zone } => state.add_calendar(&id, &owner, &summary, &zone),
        Command::Share { calendar, email, role } => state.share(&calendar, &email, role),
        Command::RemoveCalendar { calendar } => state.remove_calendar(&calendar),
        Command::Event { calendar, event } => {
            let event = raw(state, &calendar, event)?;
            return Ok(Value::Object(event.fields));
        }
        Command::Cancel { calendar, id } => crate::events::cancel(state, &calendar, &id),
        Command::Events { calendar } => return events(state, &calendar),
        Command::Token { email, scopes } => return Ok(token(state, &email, &scopes)),
        Command::Consent { consent } => state.oauth.consent = consent,
        Command::RevokeAccess { email } => state.oauth.revoke(&email),
        Command::ExpireAccess => state.oauth.expire_access(),
        Command::Delegate { service, scopes } => {
            state.oauth.delegate(&service, &scopes);
            return Ok(jwt::key_file(&service, &format!("{}/token", fake.url())));
        }
        Command::Turn { seconds } => state.clock.turn(seconds),
        Command::Manners { manners } => state.manners = manners,
        Command::Fault { fault } => state.faults.add(fault),
        Command::ClearFaults => state.faults.clear(),
        Command::Seed { seed } => {
            state.faults.dice = Dice::new(seed);
            state.push.seed(seed);
        }
        Command::InvalidateTokens { calendar } => of(state, &calendar)?.epoch += 1,
        Command::LooksEmpty { calendar, empty } => of(state, &calendar)?.looks_empty = empty,
        Command::CanBeWatched { calendar, can } => of(state, &calendar)?.can_be_watched = can,
        Command::Post { post } => state.push.post = post,
        Command::Stray { channel, state: word } => state.push.notify(&channel, &word),
        Command::Deliver => return Ok(Value::Null),
        Command::Record { from } => return Ok(json!(state.record.all.get(from..).unwrap_or_default())),
        Command::Forget => state.record.all.clear(),
        Command::Mails => return Ok(json!(state.mails)),
        Command::Channels => return Ok(json!(state.push.channels())),
        Command::Deliveries => return Ok(json!(state.push.deliveries)),
    }
    Ok(Value::Null)
}

fn of<'a>(state: &'a mut State, calendar: &str) -> Result<&'a mut crate::state::Calendar, Problem> {
    state.calendars.get_mut(calendar).ok_or_else(problem::not_found)
}

fn events(state: &mut State, calendar: &str) -> Result<Value, Problem> {
    let all = of(state, calendar)?.events.values();
    Ok(all.map(|one| Value::Object(one.fields.clone())).collect())
}

fn token(state: &mut State, email: &str, scopes: &[String]) -> Value {
    let expires = state.clock.now() + 3600;
    let scopes = scopes.iter().map(|one| oauth::full(one)).collect();
    state.oauth.access(email, oauth::CLIENT, scopes, expires).into()
}
