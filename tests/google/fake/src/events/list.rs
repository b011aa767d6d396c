//! events.list and events.instances: which events, in which order, in which pages, with which token.

use serde_json::{Value, json};

use super::{
    event::{Event, View},
    moment::{self, Moment},
    series::{self, Series},
};
use crate::{
    ask::{Answer, Turn, quoted},
    clock, opaque,
    page::{self, Asked, Place},
    problem::{self, Problem},
    state::{Calendar, Fields, Manners, Order, Role},
};

/// [D] These must be the same in every round of one token.
const FIXED: &[&str] = &[
    "singleEvents",
    "eventTypes",
    "showHiddenInvitations",
    "maxAttendees",
    "alwaysIncludeEmail",
    "timeZone",
];
/// [D] These cannot stand beside a sync token.
const FORBIDDEN: &[&str] = &[
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];
/// [I] A list by one of these has no sync token.
const NO_TOKEN: &[&str] =
    &["iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "updatedMin"];
/// [K] How far a series without end is expanded: instances, and seconds from now.
const INSTANCES: usize = 730;
const HORIZON: i64 = 2 * 366 * 86_400;
/// [D]
const PAGE: usize = 250;

struct Filter<'a> {
    turn: &'a Turn<'a>,
    calendar: &'a Calendar,
    manners: &'a Manners,
    now: i64,
    is_delta: bool,
    is_single: bool,
    shows_deleted: bool,
    from: Option<i64>,
    until: Option<i64>,
    updated_min: Option<i64>,
    types: Vec<&'a str>,
}

pub fn list(turn: &mut Turn) -> Answer {
    let id = turn.calendar_id();
    let calendar = turn.state.calendar(&id, &turn.who, Role::FreeBusyReader)?;
    let (query, manners) = (&turn.ask.query, &turn.state.manners);
    let now = turn.state.clock.now();
    let asked = Asked {
        query,
        list: &id,
        fixed: FIXED,
        forbidden: FORBIDDEN,
        epoch: calendar.epoch,
        now,
        changes: turn.state.changes,
    };
    let place = page::place(&asked, manners)?;
    let filter = Filter::read(turn, calendar, place.is_delta, now)?;
    let keys = if calendar.looks_empty { Vec::new() } else { filter.keys(&place) };
    let mut body = head(turn, calendar);
    let size = query.number("maxResults")?.unwrap_or(PAGE).clamp(1, 2500);
    let has_token = !NO_TOKEN.iter().any(|name| query.has(name));
    let items = page::cut(keys, &place, size, manners, has_token, &mut body);
    let view = filter.view();
    body.insert("items".into(), items.iter().map(|one| one.show(&view)).collect());
    turn.answer(Value::Object(body))
}

/// What stands above the items.
fn head(turn: &Turn, calendar: &Calendar) -> Fields {
    let defaults = turn.state.accounts.get(&turn.who).and_then(|one| one.list.get(&calendar.id));
    let defaults = defaults.and_then(|entry| entry.own.get("defaultReminders")).cloned();
    let etag = calendar.events.values().map(|one| one.etag).max().unwrap_or_default().max(calendar.etag);
    let head = json!({
        "kind": "calendar#events",
        "etag": quoted(etag),
        "summary": calendar.summary(),
        "description": calendar.fields.get("description").cloned().unwrap_or_else(|| "".into()),
        "updated": clock::stamp(etag),
        "timeZone": turn.ask.query.get("timeZone").unwrap_or(calendar.zone()),
        "accessRole": turn.state.role(&calendar.id, &turn.who).name(),
        "defaultReminders": defaults.unwrap_or_else(|| json!([])),
    });
    head.as_object().cloned().unwrap_or_default()
}

impl<'a> Filter<'a> {
    fn read(
        turn: &'a Turn<'a>,
        calendar: &'a Calendar,
        is_delta: bool,
        now: i64,
    ) -> Result<Filter<'a>, Problem> {
        let query = &turn.ask.query;
        let is_single = query.flag("singleEvents");
        if query.get("orderBy") == Some("startTime") && !is_single {
            // [D] Only of expanded instances.
            let message = "The requested ordering is not available for the particular query.";
            return Err(problem::invalid(message).at("parameter", "orderBy"));
        }
        let updated_min = moment::parameter(query.get("updatedMin"), "updatedMin")?;
        if updated_min.is_some_and(|at| at + turn.state.manners.token_life < now) {
            return Err(problem::updated_min_too_old());
        }
        let (from, until) = (
            moment::parameter(query.get("timeMin"), "timeMin")?,
            moment::parameter(query.get("timeMax"), "timeMax")?,
        );
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            return Err(
                Problem::new(400, "timeRangeEmpty", "The specified time range is empty.").of("calendar")
            );
        }
        Ok(Filter {
            turn,
            calendar,
            manners: &turn.state.manners,
            now,
            is_delta,
            is_single,
            shows_deleted: query.flag("showDeleted"),
            from,
            until,
            updated_min,
            types: query.all("eventTypes").collect(),
        })
    }

    fn view(&self) -> View<'a> {
        let role = self.turn.state.role(&self.calendar.id, &self.turn.who);
        View::new(self.calendar, role, self.turn.ask.query.get("timeZone"), self.manners.rewrites_text)
    }

    /// What is shown, each under the key of its place in the order.
    fn keys(&self, place: &Place) -> Vec<(String, Event)> {
        let token = &place.token;
        let changed = self.calendar.events.values().filter(|one| one.changed > token.seen);
        let mut keys = Vec::new();
        for event in changed.filter(|one| one.changed <= token.until && self.is_wanted(one)) {
            if !self.is_single || !event.is_series() || event.is_cancelled() {
                if self.is_shown(event) && (!self.is_single || !event.is_series()) {
                    keys.push((self.key(event), event.clone()));
                }
                continue;
            }
            for one in self.expanded(event) {
                keys.push((self.key(&one), one));
            }
        }
        keys
    }

    fn key(&self, event: &Event) -> String {
        let id = event.id();
        match self.turn.ask.query.get("orderBy") {
            Some("startTime") => {
                let start = event.fields.get("start").and_then(|one| Moment::read(one, self.calendar.zone()));
                let at = start.map_or(0, |one| one.utc(self.calendar.zone()));
                return format!("{:020} {id}", at.saturating_add(1 << 40));
            }
            Some("updated") => return format!("{:020} {id}", event.updated),
            _ if self.is_delta => return format!("{:020} {id}", event.changed),
            _ => {}
        }
        match self.manners.order {
            Order::Ids => id.to_owned(),
            Order::ExceptionsFirst => format!("{}{id}", u8::from(event.master().is_none())),
            Order::Shuffled(seed) => format!("{:020} {id}", opaque::number(&format!("{seed}{id}"))),
        }
    }

    /// By what it is, whatever its time and status.
    fn is_wanted(&self, event: &Event) -> bool {
        let query = &self.turn.ask.query;
        let is_kind = self.types.is_empty() || self.types.contains(&event.kind());
        is_kind
            && query.get("iCalUID").is_none_or(|uid| event.text("iCalUID") == Some(uid))
            && query.get("q").is_none_or(|words| holds_words(event, words))
            && query.all("privateExtendedProperty").all(|pair| holds_property(event, "private", pair))
            && query.all("sharedExtendedProperty").all(|pair| holds_property(event, "shared", pair))
            && self.updated_min.is_none_or(|at| event.updated >= at.saturating_mul(1_000_000))
    }

    /// By its status and its time.
    fn is_shown(&self, event: &Event) -> bool {
        if !event.is_cancelled() {
            return self.is_delta || self.is_in_time(event);
        }
        if event.master().is_none() && event.updated / 1_000_000 + self.manners.tombstone_life < self.now {
            return false; // [D] A tombstone vanishes in the end.
        }
        let master = event.master().and_then(|id| self.calendar.events.get(id));
        // [D] Cancelled instances show themselves in a list of masters even without showDeleted.
        let is_exception = !self.is_single && master.is_some_and(|one| !one.is_cancelled());
        self.is_delta || self.shows_deleted || self.updated_min.is_some() || is_exception
    }

    fn is_in_time(&self, event: &Event) -> bool {
        if self.from.is_none() && self.until.is_none() {
            return true;
        }
        let zone = self.calendar.zone();
        if event.is_series() {
            return Series::of(event, zone).is_ok_and(|series| !self.starts(&series, 1).is_empty());
        }
        let at = |name: &str| event.fields.get(name).and_then(|one| Moment::read(one, zone));
        let (Some(start), Some(end)) = (at("start"), at("end")) else { return true };
        // [D] Both bounds are exclusive.
        self.from.is_none_or(|from| end.utc(zone) > from)
            && self.until.is_none_or(|until| start.utc(zone) < until)
    }

    fn starts(&self, series: &Series, most: usize) -> Vec<Moment> {
        let zone = self.calendar.zone();
        let length = series.end.utc(zone) - series.start.utc(zone);
        let from = self.from.map_or(i64::MIN, |from| from - length + 1);
        let until = self.until.unwrap_or(self.now.max(series.start.utc(zone)) + HORIZON);
        series.starts(from, until, most)
    }

    /// The instances of a series that have no exception of their own, which stand in the list by themselves.
    fn expanded(&self, master: &Event) -> Vec<Event> {
        // A master that no rule can be read from has no instances: one such event must not spoil the list.
        let Ok(series) = Series::of(master, self.calendar.zone()) else { return Vec::new() };
        let starts = self.starts(&series, INSTANCES).into_iter();
        let untouched =
            starts.filter(|at| !self.calendar.events.contains_key(&series::instance_id(master.id(), *at)));
        untouched.map(|at| series::instance(master, &series, at)).collect()
    }
}

fn holds_property(event: &Event, side: &str, pair: &str) -> bool {
    let Some((name, value)) = pair.split_once('=') else { return false };
    let all = event.fields.get("extendedProperties").and_then(|one| one.get(side));
    all.and_then(|all| all.get(name)).and_then(Value::as_str) == Some(value)
}

fn holds_words(event: &Event, words: &str) -> bool {
    let words = words.to_lowercase();
    let texts = ["summary", "description", "location"].into_iter().filter_map(|name| event.text(name));
    texts.into_iter().any(|text| text.to_lowercase().contains(&words))
}

/// The instances of one series, exceptions in their places.
pub fn instances(turn: &mut Turn) -> Answer {
    let id = turn.calendar_id();
    let calendar = turn.state.calendar(&id, &turn.who, Role::FreeBusyReader)?;
    let master = calendar.events.get(turn.event_id()).ok_or_else(problem::not_found)?;
    let now = turn.state.clock.now();
    let (epoch, changes, query) = (calendar.epoch, turn.state.changes, &turn.ask.query);
    let list = format!("{id} {}", master.id());
    let asked = Asked { query, list: &list, fixed: &[], forbidden: &[], epoch, now, changes };
    let place = page::place(&asked, &turn.state.manners)?;
    let filter = Filter::read(turn, calendar, false, now)?;
    let original = query.get("originalStart");
    let mut keys: Vec<(String, Event)> = Vec::new();
    if !master.is_cancelled() && master.is_series() {
        keys = filter.expanded(master).into_iter().map(|one| (one.id().to_owned(), one)).collect();
    }
    let of_it = calendar.events.values().filter(|one| one.master() == Some(master.id()));
    let seen =
        of_it.filter(|one| if one.is_cancelled() { filter.shows_deleted } else { filter.is_in_time(one) });
    keys.extend(seen.map(|one| (one.id().to_owned(), one.clone())));
    keys.retain(|(_, one)| original.is_none_or(|text| began_at(one, text, calendar.zone())));
    let mut body = head(turn, calendar);
    let size = query.number("maxResults")?.unwrap_or(PAGE).clamp(1, 2500);
    let items = page::cut(keys, &place, size, &turn.state.manners, true, &mut body);
    body.insert("items".into(), items.iter().map(|one| one.show(&filter.view())).collect());
    turn.answer(Value::Object(body))
}

/// Whether an instance's original start is this one, however it is written.
fn began_at(event: &Event, text: &str, zone: &str) -> bool {
    let original = event.fields.get("originalStartTime").and_then(|one| Moment::read(one, zone));
    let name = if text.len() == 10 { "date" } else { "dateTime" };
    original.is_some() && original == Moment::read(&json!({ name: text }), zone)
}
