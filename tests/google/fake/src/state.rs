//! All that the fake knows, behind one lock: accounts, calendars with their events, grants, channels, faults, records.
//! Every change takes the next number of one sequence; sync tokens are positions in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    clock::Clock,
    events::Event,
    faults::Faults,
    oauth::OAuth,
    problem::{self, Problem},
    push::Push,
    record::Record,
};

pub type Fields = Map<String, Value>;

/// What a person may do in a calendar, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    FreeBusyReader,
    Reader,
    Writer,
    Owner,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::FreeBusyReader => "freeBusyReader",
            Role::Reader => "reader",
            Role::Writer => "writer",
            Role::Owner => "owner",
        }
    }
}

/// A Google account.
#[derive(Clone, Debug)]
pub struct Account {
    pub email: String,
    /// The stable id of the person, `sub` of an id token.
    pub sub: String,
    /// The calendars in her list.
    pub list: BTreeMap<String, Entry>,
    pub settings: BTreeMap<String, String>,
}

/// A calendar as one person's list shows it.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// What she set herself: summaryOverride, colours, hidden, selected, default reminders.
    pub own: Fields,
    pub is_deleted: bool,
    pub changed: u64,
    pub etag: i64,
}

pub struct Calendar {
    pub id: String,
    /// summary, description, location, timeZone.
    pub fields: Fields,
    pub owner: String,
    pub roles: BTreeMap<String, Role>,
    /// Made through the API: what `calendar.app.created` reaches.
    pub is_app_created: bool,
    /// [I] Some calendars refuse to be watched.
    pub can_be_watched: bool,
    /// Shown empty, as by a passing fault of Google's.
    pub looks_empty: bool,
    /// Tokens of an older epoch are answered by 410.
    pub epoch: u64,
    pub etag: i64,
    pub changed: u64,
    pub events: BTreeMap<String, Event>,
}

impl Calendar {
    pub fn zone(&self) -> &str {
        self.fields.get("timeZone").and_then(Value::as_str).unwrap_or("UTC")
    }

    pub fn is_primary_of(&self, email: &str) -> bool {
        self.id == email
    }

    pub fn summary(&self) -> &str {
        self.fields.get("summary").and_then(Value::as_str).unwrap_or_default()
    }
}

/// The order of a list's items, which Google leaves open [D].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    #[default]
    Ids,
    ExceptionsFirst,
    Shuffled(u64),
}

/// Where Google's behaviour is free or unknown: what this fake does. Tests run both ways.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manners {
    pub order: Order,
    /// [D] Pages may be shorter than asked.
    pub page_cap: usize,
    /// [D] Pages may be empty though more follow: each second one.
    pub has_empty_pages: bool,
    /// [K] How long a tombstone and a sync token live, in seconds.
    pub tombstone_life: i64,
    pub token_life: i64,
    /// [K] PATCH merges the keys of extendedProperties; otherwise it replaces the maps.
    pub merges_properties: bool,
    /// [K] A change of a master's start or rules drops its exceptions.
    pub drops_exceptions: bool,
    /// [K] If-Match counts on DELETE.
    pub delete_checks_etag: bool,
    /// Descriptions come back with other white space, UNTIL in another form (S55).
    pub rewrites_text: bool,
    /// The granted life of a channel, at most. [I] 7 days.
    pub channel_life: i64,
    /// [D] Calls a user may make in a minute; 0 is no limit.
    pub user_per_minute: usize,
    pub access_token_life: i64,
    /// [I] A consent screen in Testing: refresh tokens die after 7 days.
    pub is_testing: bool,
}

impl Default for Manners {
    fn default() -> Manners {
        const DAY: i64 = 86_400;
        Manners {
            order: Order::Ids,
            page_cap: 2500,
            has_empty_pages: false,
            tombstone_life: 30 * DAY,
            token_life: 30 * DAY,
            merges_properties: true,
            drops_exceptions: false,
            delete_checks_etag: true,
            rewrites_text: false,
            channel_life: 7 * DAY,
            user_per_minute: 0,
            access_token_life: 3599,
            is_testing: false,
        }
    }
}

/// An invitation or a notice Google would have mailed to a guest.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    pub to: String,
    pub event_id: String,
    pub method: String,
    pub send_updates: String,
}

pub struct State {
    pub clock: Clock,
    pub changes: u64,
    last_tick: i64,
    pub accounts: BTreeMap<String, Account>,
    pub calendars: BTreeMap<String, Calendar>,
    pub oauth: OAuth,
    pub push: Push,
    pub faults: Faults,
    pub manners: Manners,
    pub record: Record,
    pub mails: Vec<Mail>,
}

impl State {
    pub fn new(clock: Clock) -> State {
        State {
            clock,
            changes: 0,
            last_tick: 0,
            accounts: BTreeMap::new(),
            calendars: BTreeMap::new(),
            oauth: OAuth::default(),
            push: Push::default(),
            faults: Faults::default(),
            manners: Manners::default(),
            record: Record::default(),
            mails: Vec::new(),
        }
    }

    /// The next change: its number, and a moment in microseconds that no other change has.
    pub fn tick(&mut self) -> (u64, i64) {
        self.changes += 1;
        self.last_tick = self.clock.micros().max(self.last_tick + 1000);
        (self.changes, self.last_tick)
    }

    pub fn add_account(&mut self, email: &str, zone: &str) {
        // [D] `sub` is a number of up to 21 digits that is no address and never changes.
        let sub = format!("1{:020}", crate::opaque::number(email) % 10_u64.pow(18));
        let settings =
            [("timezone", zone), ("locale", "en"), ("weekStart", "1"), ("format24HourTime", "true")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let account = Account { email: email.to_owned(), sub, list: BTreeMap::new(), settings };
        self.accounts.insert(email.to_owned(), account);
        self.add_calendar(email, email, email, zone);
    }

    /// A calendar in its owner's list.
    pub fn add_calendar(&mut self, id: &str, owner: &str, summary: &str, zone: &str) {
        let (changed, etag) = self.tick();
        let mut fields = Fields::new();
        fields.insert("summary".into(), summary.into());
        fields.insert("timeZone".into(), zone.into());
        let calendar = Calendar {
            id: id.to_owned(),
            fields,
            owner: owner.to_owned(),
            roles: BTreeMap::from([(owner.to_owned(), Role::Owner)]),
            is_app_created: false,
            can_be_watched: true,
            looks_empty: false,
            epoch: 0,
            etag,
            changed,
            events: BTreeMap::new(),
        };
        self.calendars.insert(id.to_owned(), calendar);
        self.list(owner, id);
    }

    /// Puts a calendar into a person's list, or marks its entry as changed.
    pub fn list(&mut self, email: &str, id: &str) {
        let (changed, etag) = self.tick();
        if let Some(account) = self.accounts.get_mut(email) {
            let entry = account.list.entry(id.to_owned()).or_default();
            (entry.is_deleted, entry.changed, entry.etag) = (false, changed, etag);
        }
        self.push.changed_list(email);
    }

    /// Takes it out; the list's next delta says so.
    pub fn unlist(&mut self, email: &str, id: &str) {
        let (changed, etag) = self.tick();
        if let Some(entry) = self.accounts.get_mut(email).and_then(|one| one.list.get_mut(id)) {
            (entry.is_deleted, entry.changed, entry.etag) = (true, changed, etag);
        }
        self.push.changed_list(email);
    }

    /// Gives, changes or takes a role; the person's list follows.
    pub fn share(&mut self, id: &str, email: &str, role: Option<Role>) {
        let Some(calendar) = self.calendars.get_mut(id) else { return };
        match role {
            Some(role) => {
                calendar.roles.insert(email.to_owned(), role);
                self.list(email, id);
            }
            None => {
                calendar.roles.remove(email);
                self.unlist(email, id);
            }
        }
    }

    /// Marks a calendar's own properties as changed, in everybody's list.
    pub fn touch_calendar(&mut self, id: &str) {
        let (changed, etag) = self.tick();
        let Some(calendar) = self.calendars.get_mut(id) else { return };
        (calendar.changed, calendar.etag) = (changed, etag);
        let people: Vec<String> = calendar.roles.keys().cloned().collect();
        for email in people {
            self.list(&email, id);
        }
    }

    pub fn remove_calendar(&mut self, id: &str) {
        let Some(calendar) = self.calendars.remove(id) else { return };
        for email in calendar.roles.keys() {
            self.unlist(email, id);
        }
        self.push.vanished(id);
    }

    /// The calendar, if this person has at least this role in it; one she cannot see does not exist [D].
    pub fn calendar(&self, id: &str, who: &str, least: Role) -> Result<&Calendar, Problem> {
        let calendar = self.calendars.get(id).ok_or_else(problem::not_found)?;
        match calendar.roles.get(who) {
            None => Err(problem::not_found()),
            Some(role) if *role < least => Err(problem::role_too_low(least.name())),
            Some(_) => Ok(calendar),
        }
    }

    pub fn role(&self, id: &str, who: &str) -> Role {
        let role = self.calendars.get(id).and_then(|calendar| calendar.roles.get(who));
        role.copied().unwrap_or(Role::FreeBusyReader)
    }
}
