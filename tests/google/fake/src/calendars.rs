//! calendarList, calendars, colors, settings, freebusy: what is around the events.

use serde_json::{Value, json};

use crate::{
    ask::{Answer, Turn, nothing, quoted},
    clock,
    events::{self, Event, Moment, Series},
    opaque,
    page::{self, Asked},
    problem::{self, Problem},
    state::{Calendar, Entry, Fields, Role},
};

/// [D] A person's own view of a calendar.
const OWN: &[&str] = &[
    "backgroundColor",
    "colorId",
    "defaultReminders",
    "foregroundColor",
    "hidden",
    "notificationSettings",
    "selected",
    "summaryOverride",
];
/// [D] The calendar's own.
const SHARED: &[&str] = &["summary", "description", "location", "timeZone"];

fn entry(calendar: Option<&Calendar>, id: &str, entry: &Entry, who: &str) -> Value {
    let mut shown = json!({ "kind": "calendar#calendarListEntry", "etag": quoted(entry.etag), "id": id });
    let Some(calendar) = calendar.filter(|_| !entry.is_deleted) else {
        shown["deleted"] = true.into();
        return shown;
    };
    let role = calendar.roles.get(who).copied().unwrap_or(Role::FreeBusyReader);
    let defaults = json!({
        "accessRole": role.name(), "colorId": "14", "backgroundColor": "#9fe1e7", "foregroundColor": "#000000",
        "selected": true, "defaultReminders": [], "dataOwner": calendar.owner,
        "conferenceProperties": { "allowedConferenceSolutionTypes": ["hangoutsMeet"] },
    });
    for fields in [defaults.as_object(), Some(&calendar.fields), Some(&entry.own)].into_iter().flatten() {
        for (name, value) in fields {
            shown[name] = value.clone();
        }
    }
    if calendar.is_primary_of(who) {
        shown["primary"] = true.into();
    }
    shown
}

pub fn list(turn: &mut Turn) -> Answer {
    let account = turn.state.accounts.get(&turn.who).ok_or_else(problem::bad_credentials)?;
    let (query, manners) = (&turn.ask.query, &turn.state.manners);
    let list = format!("list {}", turn.who);
    let asked = Asked {
        query,
        list: &list,
        fixed: &[],
        forbidden: &["minAccessRole", "showOwnOrganizationOnly"],
        epoch: 0,
        now: turn.state.clock.now(),
        changes: turn.state.changes,
    };
    let place = page::place(&asked, manners)?;
    let least = query.get("minAccessRole").and_then(|name| serde_json::from_value::<Role>(name.into()).ok());
    let is_hidden = |one: &Entry| one.own.get("hidden") == Some(&Value::Bool(true));
    let all = account.list.iter().filter(|(id, one)| {
        // [D] A delta holds what was deleted or hidden since.
        let is_shown = place.is_delta
            || (!one.is_deleted || query.flag("showDeleted"))
                && (!is_hidden(one) || query.flag("showHidden"));
        let role = turn.state.role(id, &turn.who);
        let is_inside = one.changed > place.token.seen && one.changed <= place.token.until;
        is_shown && is_inside && least.is_none_or(|least| role >= least)
    });
    let keys = all.map(|(id, one)| (id.clone(), (id.clone(), one.clone()))).collect();
    let mut body = Fields::new();
    let size = query.number("maxResults")?.unwrap_or(100).clamp(1, 250);
    let items = page::cut(keys, &place, size, manners, true, &mut body);
    let items =
        items.iter().map(|(id, one)| entry(turn.state.calendars.get(id), id, one, &turn.who)).collect();
    let etag = account.list.values().map(|one| one.etag).max().unwrap_or_default();
    body.insert("kind".into(), "calendar#calendarList".into());
    body.insert("etag".into(), quoted(etag).into());
    body.insert("items".into(), Value::Array(items));
    turn.answer(Value::Object(body))
}

pub fn get_entry(turn: &mut Turn) -> Answer {
    let id = turn.calendar_id();
    let account = turn.state.accounts.get(&turn.who).ok_or_else(problem::bad_credentials)?;
    let one = account.list.get(&id).filter(|one| !one.is_deleted).ok_or_else(problem::not_found)?;
    turn.answer(entry(turn.state.calendars.get(&id), &id, one, &turn.who))
}

/// Subscribes to a calendar that is shared with the caller.
pub fn insert_entry(turn: &mut Turn) -> Answer {
    let body = turn.ask.fields()?;
    let id = body.get("id").and_then(Value::as_str).ok_or_else(|| problem::required("Required"))?.to_owned();
    turn.state.calendar(&id, &turn.who, Role::FreeBusyReader)?;
    turn.args = vec![id.clone()];
    turn.state.list(&turn.who, &id);
    patch_entry(turn)
}

/// patch and update alike: what is not the person's own is ignored.
pub fn patch_entry(turn: &mut Turn) -> Answer {
    let (id, body) = (turn.calendar_id(), turn.ask.fields()?);
    let account = turn.state.accounts.get_mut(&turn.who).ok_or_else(problem::bad_credentials)?;
    let one = account.list.get_mut(&id).filter(|one| !one.is_deleted).ok_or_else(problem::not_found)?;
    let own = body.into_iter().filter(|(name, _)| OWN.contains(&name.as_str()));
    one.own.extend(own);
    one.own.retain(|_, value| !value.is_null());
    turn.state.list(&turn.who, &id);
    get_entry(turn)
}

pub fn delete_entry(turn: &mut Turn) -> Answer {
    let id = turn.calendar_id();
    let account = turn.state.accounts.get(&turn.who).ok_or_else(problem::bad_credentials)?;
    account.list.get(&id).filter(|one| !one.is_deleted).ok_or_else(problem::not_found)?;
    turn.state.unlist(&turn.who, &id);
    nothing()
}

pub fn get(turn: &mut Turn) -> Answer {
    let id = turn.calendar_id();
    let calendar = turn.state.calendar(&id, &turn.who, Role::Reader)?;
    let mut shown = json!({
        "kind": "calendar#calendar", "etag": quoted(calendar.etag), "id": id, "dataOwner": calendar.owner,
        "conferenceProperties": { "allowedConferenceSolutionTypes": ["hangoutsMeet"] },
    });
    for (name, value) in &calendar.fields {
        shown[name] = value.clone();
    }
    turn.answer(shown)
}

/// [D] A new secondary calendar of the caller.
pub fn insert(turn: &mut Turn) -> Answer {
    let body = turn.ask.fields()?;
    let summary = body.get("summary").and_then(Value::as_str).ok_or_else(|| problem::required("Required"))?;
    let account = turn.state.accounts.get(&turn.who).ok_or_else(problem::bad_credentials)?;
    let zone = account.settings.get("timezone").cloned().unwrap_or_else(|| "UTC".to_owned());
    let seed = format!("{} {summary} {}", turn.who, turn.state.changes);
    let id = format!("{}@group.calendar.google.com", opaque::id(&seed));
    turn.state.add_calendar(&id, &turn.who, summary, &zone);
    if let Some(calendar) = turn.state.calendars.get_mut(&id) {
        calendar.is_app_created = true;
    }
    turn.args = vec![id];
    patch(turn)
}

/// patch and update; [D] only an owner changes a calendar itself.
pub fn patch(turn: &mut Turn) -> Answer {
    let (id, body) = (turn.calendar_id(), turn.ask.fields()?);
    turn.state.calendar(&id, &turn.who, Role::Owner)?;
    let zone = body.get("timeZone").and_then(Value::as_str);
    if zone.is_some_and(|zone| !events::is_zone(zone)) {
        return Err(problem::invalid("Invalid time zone definition.").at("parameter", "timeZone"));
    }
    if let Some(calendar) = turn.state.calendars.get_mut(&id) {
        calendar.fields.extend(body.into_iter().filter(|(name, _)| SHARED.contains(&name.as_str())));
        calendar.fields.retain(|_, value| !value.is_null());
    }
    turn.state.touch_calendar(&id);
    get(turn)
}

pub fn delete(turn: &mut Turn) -> Answer {
    let id = turn.calendar_id();
    let calendar = turn.state.calendar(&id, &turn.who, Role::Owner)?;
    if calendar.is_primary_of(&calendar.owner) {
        return Err(Problem::new(
            403,
            "cannotDeletePrimaryCalendar",
            "The primary calendar cannot be deleted.",
        )
        .of("calendar"));
    }
    turn.state.remove_calendar(&id);
    nothing()
}

/// [D] The colours of events are numbered 1 to 11.
pub fn colors(turn: &mut Turn) -> Answer {
    const EVENT: [&str; 11] = [
        "#a4bdfc", "#7ae7bf", "#dbadff", "#ff887c", "#fbd75b", "#ffb878", "#46d6db", "#e1e1e1", "#5484ed",
        "#51b749", "#dc2127",
    ];
    let mut event = Fields::new();
    for (number, color) in (1..).zip(EVENT) {
        event.insert(i32::to_string(&number), json!({ "background": color, "foreground": "#1d1d1d" }));
    }
    let calendar = json!({ "14": { "background": "#9fe1e7", "foreground": "#1d1d1d" } });
    let updated = "2012-02-14T00:00:00.000Z";
    turn.answer(
        json!({ "kind": "calendar#colors", "updated": updated, "calendar": calendar, "event": event }),
    )
}

fn setting_of(name: &str, value: &str) -> Value {
    json!({ "kind": "calendar#setting", "etag": quoted(0), "id": name, "value": value })
}

pub fn settings(turn: &mut Turn) -> Answer {
    let account = turn.state.accounts.get(&turn.who).ok_or_else(problem::bad_credentials)?;
    let items: Vec<Value> = account.settings.iter().map(|(name, value)| setting_of(name, value)).collect();
    turn.answer(json!({ "kind": "calendar#settings", "etag": quoted(0), "items": items }))
}

pub fn setting(turn: &mut Turn) -> Answer {
    let account = turn.state.accounts.get(&turn.who).ok_or_else(problem::bad_credentials)?;
    let name = turn.args.first().map_or("", String::as_str);
    let value = account.settings.get(name).ok_or_else(problem::not_found)?;
    turn.answer(setting_of(name, value))
}

/// freebusy.query: busy times only, joined where they touch. [D] An unknown calendar is an error of its entry.
pub fn freebusy(turn: &mut Turn) -> Answer {
    let body = turn.ask.fields()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let from = events::parameter(text("timeMin"), "timeMin")?.ok_or_else(|| problem::required("Required"))?;
    let until =
        events::parameter(text("timeMax"), "timeMax")?.ok_or_else(|| problem::required("Required"))?;
    if from >= until {
        return Err(Problem::new(400, "timeRangeEmpty", "The specified time range is empty.").of("calendar"));
    }
    let mut calendars = Fields::new();
    let items = body.get("items").and_then(Value::as_array).into_iter().flatten();
    for id in items.filter_map(|one| one.get("id").and_then(Value::as_str)) {
        let real = if id == "primary" { &turn.who } else { id };
        let shown = match turn.state.calendar(real, &turn.who, Role::FreeBusyReader) {
            Ok(calendar) => json!({ "busy": busy(calendar, from, until) }),
            Err(_) => json!({ "errors": [{ "domain": "global", "reason": "notFound" }], "busy": [] }),
        };
        calendars.insert(id.to_owned(), shown);
    }
    let stamp = |at: i64| clock::stamp(at.saturating_mul(1_000_000));
    turn.answer(json!({
        "kind": "calendar#freeBusy", "timeMin": stamp(from), "timeMax": stamp(until), "calendars": calendars,
    }))
}

fn busy(calendar: &Calendar, from: i64, until: i64) -> Vec<Value> {
    let living = calendar.events.values().filter(|one| !one.is_cancelled());
    let opaque = living.filter(|one| one.text("transparency") != Some("transparent"));
    let mut spans: Vec<(i64, i64)> = opaque.flat_map(|one| spans(calendar, one, from, until)).collect();
    spans.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (start, end) in spans.into_iter().filter(|(start, end)| start < end) {
        match joined.last_mut() {
            Some(last) if last.1 >= start => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    let stamp = |at: i64| clock::stamp(at.saturating_mul(1_000_000));
    joined.iter().map(|(start, end)| json!({ "start": stamp(*start), "end": stamp(*end) })).collect()
}

fn spans(calendar: &Calendar, event: &Event, from: i64, until: i64) -> Vec<(i64, i64)> {
    let zone = calendar.zone();
    let at = |name: &str| event.fields.get(name).and_then(|one| Moment::read(one, zone));
    let (Some(start), Some(end)) = (at("start"), at("end")) else { return Vec::new() };
    let length = end.utc(zone) - start.utc(zone);
    let starts = match Series::of(event, zone).ok().filter(|_| event.is_series()) {
        Some(series) => series.starts(from - length - 86_400, until + 86_400, 10_000),
        None => vec![start],
    };
    let has_own = |one: &Moment| {
        event.is_series() && calendar.events.contains_key(&format!("{}_{}", event.id(), one.stamp()))
    };
    let own = starts.into_iter().filter(|one| !has_own(one)).map(|one| one.utc(zone));
    own.map(|at| (at.max(from), (at + length).min(until))).collect()
}
