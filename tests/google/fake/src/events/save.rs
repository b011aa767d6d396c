//! What every write of an event ends in: a number in the sequence of changes, a moment, the word to those who watch.

use serde_json::Value;

use super::{
    check,
    event::{Event, View},
    guests, place,
};
use crate::{
    ask::{Answer, Turn},
    opaque,
    problem::{self, Problem},
    state::{Fields, Role, State},
};

/// Whether a change moves `updated`. [D] One of reminders alone does not.
#[derive(Clone, Copy, PartialEq)]
pub enum Moves {
    Updated,
    EtagOnly,
}

pub fn put(state: &mut State, calendar: &str, mut event: Event, moves: Moves) {
    let (changed, moment) = state.tick();
    (event.changed, event.etag) = (changed, moment);
    if moves == Moves::Updated {
        event.updated = moment;
    }
    if let Some(calendar) = state.calendars.get_mut(calendar) {
        calendar.events.insert(event.id().to_owned(), event);
    }
    state.push.changed_events(calendar);
}

/// Leaves a tombstone, and one for each exception of a series [K].
pub fn cancel(state: &mut State, calendar: &str, id: &str) {
    let Some(found) = state.calendars.get(calendar) else { return };
    let exceptions = found.events.values().filter(|one| one.master() == Some(id) && !one.is_cancelled());
    let mut ids: Vec<String> = exceptions.map(|one| one.id().to_owned()).collect();
    ids.push(id.to_owned());
    for id in ids {
        let Some(found) = state.calendars.get(calendar) else { return };
        let Ok(mut event) = place::find(found, &id) else { continue };
        event.fields.insert("status".into(), "cancelled".into());
        put(state, calendar, event, Moves::Updated);
    }
}

/// The answer to a write: the event as it now stands.
pub fn shown(turn: &Turn, calendar: &str, id: &str) -> Answer {
    let found = turn.state.calendars.get(calendar).ok_or_else(problem::not_found)?;
    let role = turn.state.role(calendar, &turn.who);
    let zone = turn.ask.query.get("timeZone");
    let event = place::find(found, id)?;
    turn.answer(event.show(&View::new(found, role, zone, turn.state.manners.rewrites_text)))
}

/// What Google adds to a new event.
pub fn dress(state: &State, calendar: &str, who: &str, event: &mut Event) {
    let seed = format!("{calendar} {} {}", state.changes, state.clock.micros());
    let id = event.fields.entry("id").or_insert_with(|| opaque::id(&seed).into()).clone();
    let id = id.as_str().unwrap_or_default().to_owned();
    let link = format!("https://www.google.com/calendar/event?eid={}", opaque::base64(id.as_bytes()));
    let created = crate::clock::stamp(state.clock.micros());
    let creator = guests::person(who, who == calendar);
    let defaults: [(&str, Value); 9] = [
        ("status", "confirmed".into()),
        ("eventType", "default".into()),
        ("created", created.into()),
        ("creator", creator),
        ("organizer", guests::organizer(state, calendar)),
        // [I] The UID of what was born here.
        ("iCalUID", format!("{id}@google.com").into()),
        ("htmlLink", link.into()),
        ("sequence", 0.into()),
        ("reminders", serde_json::json!({ "useDefault": true })),
    ];
    for (name, value) in defaults {
        event.fields.entry(name).or_insert(value);
    }
}

/// An event put there by a test as if by Google's own hand: of any type, with any organizer. Fields not given are filled
/// in; an event that stands there is laid under. Times that Google could not have kept are allowed (S16).
pub fn raw(state: &mut State, calendar: &str, fields: Fields) -> Result<Event, Problem> {
    let (owner, zone) = match state.calendars.get(calendar) {
        Some(found) => (found.owner.clone(), found.zone().to_owned()),
        None => return Err(problem::not_found()),
    };
    let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
    let old = state.calendars.get(calendar).and_then(|one| place::find(one, id).ok());
    let mut event = old.unwrap_or_default();
    event.fields.extend(fields);
    event.fields.retain(|_, value| !value.is_null());
    dress(state, calendar, &owner, &mut event);
    let mut checked = event.clone();
    if check::event(&mut checked, &zone).is_ok() {
        event = checked;
    }
    let id = event.id().to_owned();
    put(state, calendar, event, Moves::Updated);
    state.calendar(calendar, &owner, Role::Owner).and_then(|found| place::find(found, &id))
}
