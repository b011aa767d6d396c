//! Push: channels, and the notifications that go out on them. Header-only POSTs [D]; late, doubled, lost, shuffled and
//! forged ones on demand.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    ask::{Answer, Reply, Turn, nothing},
    clock,
    opaque::{self, Dice},
    problem::{self, Problem},
    state::Role,
};

/// What is watched.
#[derive(Clone, Debug, PartialEq)]
enum Watched {
    Events(String),
    List(String),
}

#[derive(Clone, Debug)]
pub struct Channel {
    id: String,
    who: String,
    watched: Watched,
    resource_id: String,
    resource_uri: String,
    address: String,
    token: Option<String>,
    expires: i64,
    number: u64,
    is_stopped: bool,
}

/// A POST on its way.
#[derive(Clone, Debug)]
pub struct Notice {
    pub address: String,
    pub headers: Vec<(&'static str, String)>,
    pub channel: String,
    pub tries: u8,
}

/// A POST that arrived, or did not (status 0).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    pub channel: String,
    pub state: String,
    pub status: u16,
    pub is_forged: bool,
}

/// How the post works today.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Post {
    /// Notices wait until a test delivers them.
    pub holds: bool,
    /// Further copies of each.
    pub copies: u8,
    /// In a thousand.
    pub lost: u16,
    /// In a thousand: a forged one goes beside it.
    pub forged: u16,
    pub shuffles: bool,
    /// The sync message arrives before watch is answered.
    pub sync_first: bool,
}

#[derive(Default)]
pub struct Push {
    channels: BTreeMap<String, Channel>,
    due: Vec<Notice>,
    held: VecDeque<Notice>,
    pub post: Post,
    pub deliveries: Vec<Delivery>,
    dice: Dice,
}

impl Push {
    pub fn changed_events(&mut self, calendar: &str) {
        self.changed(&Watched::Events(calendar.to_owned()), "exists");
    }

    pub fn changed_list(&mut self, email: &str) {
        self.changed(&Watched::List(email.to_owned()), "exists");
    }

    pub fn vanished(&mut self, calendar: &str) {
        self.changed(&Watched::Events(calendar.to_owned()), "not_exists");
    }

    fn changed(&mut self, what: &Watched, state: &str) {
        let due: Vec<String> = self.due.iter().map(|one| one.channel.clone()).collect();
        let watching = self
            .channels
            .values()
            .filter(|one| one.watched == *what && !one.is_stopped && !due.contains(&one.id));
        for id in watching.map(|one| one.id.clone()).collect::<Vec<_>>() {
            self.notify(&id, state);
        }
    }

    /// A notification on this channel, whatever its state: [I] strays come after a stop, too.
    pub fn notify(&mut self, id: &str, state: &str) {
        let Some(channel) = self.channels.get_mut(id) else { return };
        // [D] Not sequential: a step now and then is left out.
        channel.number += if state == "sync" { 1 } else { 1 + self.dice.roll(3) };
        self.due.push(channel.notice(state));
    }

    /// What is to be sent now; the rest waits. Expired channels are silent [D].
    pub fn take(&mut self, now: i64) -> Vec<Notice> {
        let due = std::mem::take(&mut self.due);
        let mut out = VecDeque::new();
        for notice in due {
            let is_live = self.channels.get(&notice.channel).is_none_or(|one| one.expires > now);
            if !is_live || self.dice.per_mille(self.post.lost) {
                continue;
            }
            for _ in 0..self.post.copies {
                out.push_back(notice.clone());
            }
            if self.dice.per_mille(self.post.forged) {
                out.push_back(self.forge(&notice));
            }
            out.push_back(notice);
        }
        self.held.append(&mut out);
        if self.post.holds { Vec::new() } else { self.release() }
    }

    /// All that waits, by chance in another order.
    pub fn release(&mut self) -> Vec<Notice> {
        let mut all: Vec<Notice> = std::mem::take(&mut self.held).into();
        if self.post.shuffles {
            for at in (1..all.len()).rev() {
                let other = self.dice.roll(at as u64 + 1);
                all.swap(at, usize::try_from(other).unwrap_or_default());
            }
        }
        all
    }

    /// [K] Google tries again after 500, 502, 503 and 504: it waits with the others.
    pub fn again(&mut self, notice: Notice) {
        self.held.push_back(Notice { tries: notice.tries + 1, ..notice });
    }

    pub fn waiting(&self) -> usize {
        self.held.len()
    }

    /// The same notice with one thing wrong: token, channel or resource.
    pub fn forge(&mut self, notice: &Notice) -> Notice {
        let wrong = match self.dice.roll(3) {
            0 => "x-goog-channel-token",
            1 => "x-goog-channel-id",
            _ => "x-goog-resource-id",
        };
        let mut forged = notice.clone();
        forged.headers.retain(|(name, _)| *name != wrong);
        forged.headers.push((wrong, format!("forged-{}", self.dice.roll(u64::MAX))));
        forged
    }

    pub fn seed(&mut self, seed: u64) {
        self.dice = Dice::new(seed);
    }

    pub fn channels(&self) -> Vec<Value> {
        let one = |one: &Channel| {
            let mut shown = one.answer();
            shown["isStopped"] = one.is_stopped.into();
            shown["user"] = one.who.clone().into();
            shown["address"] = one.address.clone().into();
            shown
        };
        self.channels.values().map(one).collect()
    }
}

impl Channel {
    fn notice(&self, state: &str) -> Notice {
        let mut headers = vec![
            ("x-goog-channel-id", self.id.clone()),
            ("x-goog-channel-expiration", clock::http_date(self.expires)),
            ("x-goog-resource-state", state.to_owned()),
            ("x-goog-message-number", self.number.to_string()),
            ("x-goog-resource-id", self.resource_id.clone()),
            ("x-goog-resource-uri", self.resource_uri.clone()),
        ];
        headers.extend(self.token.iter().map(|token| ("x-goog-channel-token", token.clone())));
        Notice { address: self.address.clone(), headers, channel: self.id.clone(), tries: 0 }
    }

    fn answer(&self) -> Value {
        let mut shown = json!({
            "kind": "api#channel",
            "id": self.id,
            "resourceId": self.resource_id,
            "resourceUri": self.resource_uri,
            // [I] A string of milliseconds; only this value counts.
            "expiration": (self.expires * 1000).to_string(),
        });
        if let Some(token) = &self.token {
            shown["token"] = token.clone().into();
        }
        shown
    }
}

impl Notice {
    pub fn state(&self) -> String {
        self.headers
            .iter()
            .find(|(name, _)| *name == "x-goog-resource-state")
            .map(|(_, v)| v.clone())
            .unwrap_or_default()
    }

    pub fn is_forged(&self) -> bool {
        self.headers.iter().any(|(_, value)| value.starts_with("forged-"))
    }
}

pub fn watch_events(turn: &mut Turn) -> Answer {
    let id = turn.calendar_id();
    let calendar = turn.state.calendar(&id, &turn.who, Role::FreeBusyReader)?;
    if !calendar.can_be_watched {
        // [I] Holiday calendars and the like.
        let message = "Push notifications are not supported by this resource.";
        return Err(Problem::new(400, "pushNotSupportedForRequestedResource", message));
    }
    let name: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    open(turn, Watched::Events(id), &format!("calendars/{name}/events"))
}

pub fn watch_list(turn: &mut Turn) -> Answer {
    let watched = Watched::List(turn.who.clone());
    open(turn, watched, "users/me/calendarList")
}

fn open(turn: &mut Turn, watched: Watched, resource: &str) -> Answer {
    let body = turn.ask.fields()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let id = text("id").ok_or_else(|| problem::required("Required"))?;
    let address = text("address").ok_or_else(|| problem::required("Required"))?;
    if !matches!(text("type"), Some("web_hook" | "webhook")) {
        return Err(problem::invalid("Unknown channel type.").at("parameter", "resource.type"));
    }
    // [D] Up to 64 characters, unique in the project.
    if id.is_empty()
        || id.len() > 64
        || !id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_+/=".contains(&c))
    {
        return Err(problem::invalid("Invalid channel id.").at("parameter", "resource.id"));
    }
    if turn.state.push.channels.contains_key(id) {
        return Err(Problem::new(400, "channelIdNotUnique", &format!("Channel id {id} not unique")));
    }
    if text("token").is_some_and(|token| token.len() > 256) {
        return Err(problem::invalid("Channel token is too long.").at("parameter", "resource.token"));
    }
    // [D] HTTPS only; loopback is our one exception, for tests.
    let is_loopback =
        ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|one| address.starts_with(one));
    if !address.starts_with("https://") && !is_loopback {
        return Err(Problem::new(
            400,
            "push.webhookUrlNotHttps",
            &format!("WebHook callback must be HTTPS: {address}"),
        ));
    }
    let now = turn.state.clock.now();
    let channel = Channel {
        id: id.to_owned(),
        who: turn.who.clone(),
        // [D] One id per resource and user, the same on every channel.
        resource_id: opaque::id(&format!("{} {resource}", turn.who)),
        resource_uri: format!("https://www.googleapis.com/calendar/v3/{resource}?alt=json"),
        watched,
        address: address.to_owned(),
        token: text("token").map(str::to_owned),
        expires: expires(&body, now, turn.state.manners.channel_life),
        number: 0,
        is_stopped: false,
    };
    let answer = channel.answer();
    turn.state.push.channels.insert(id.to_owned(), channel);
    turn.state.push.notify(id, "sync");
    Ok(Reply { status: 200, body: Some(answer), etag: None })
}

/// [D] What was asked for, in milliseconds or by `params.ttl`, but never more than is granted.
fn expires(body: &crate::state::Fields, now: i64, most: i64) -> i64 {
    let number = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.parse::<i64>().ok(),
        Some(other) => other.as_i64(),
        None => None,
    };
    let asked = number(body.get("expiration")).map(|millis| millis.div_euclid(1000));
    let ttl = number(body.get("params").and_then(|params| params.get("ttl"))).map(|seconds| now + seconds);
    asked.or(ttl).map_or(now + most, |at| at.clamp(now, now + most))
}

/// [D] Needs both ids, and the user who opened it.
pub fn stop(turn: &mut Turn) -> Answer {
    let body = turn.ask.fields()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (id, resource) = (text("id"), text("resourceId"));
    let found = turn.state.push.channels.get_mut(id);
    match found.filter(|one| one.resource_id == resource && one.who == turn.who && !one.is_stopped) {
        Some(channel) => channel.is_stopped = true,
        None => {
            let message = format!("Channel '{id}' not found for project 'fake'");
            return Err(Problem::new(404, "notFound", &message));
        }
    }
    nothing()
}
