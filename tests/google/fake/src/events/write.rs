//! events.insert, import, patch, update, delete: each lays a body over what stands there, checks the whole, saves it.

use serde_json::Value;

use super::{
    check,
    event::Event,
    guests,
    moment::Moment,
    place,
    save::{self, Moves},
    series::Series,
};
use crate::{
    ask::{Answer, Turn, nothing},
    problem::{self, Problem},
    state::{Calendar, Fields, Role, State},
};

pub fn insert(turn: &mut Turn) -> Answer {
    let calendar = writable(turn)?;
    let fields = check::body(turn.ask.fields()?)?;
    if let Some(id) = fields.get("id").and_then(Value::as_str) {
        check::id(id)?;
        // [D] One of the two; [K] whether Google refuses both.
        if fields.contains_key("iCalUID") {
            return Err(problem::invalid("Only one of id and iCalUID may be given."));
        }
        // [I] A deleted id stays taken.
        if of(turn.state, &calendar).is_some_and(|one| one.events.contains_key(id)) {
            return Err(problem::duplicate());
        }
    }
    if uid_stands(turn.state, &calendar, &fields).is_some() {
        return Err(problem::duplicate());
    }
    let kind = fields.get("eventType").and_then(Value::as_str).unwrap_or("default");
    // [D] These come into being elsewhere.
    if kind == "fromGmail" {
        return Err(type_restriction());
    }
    create(turn, &calendar, fields)
}

/// A private copy of somebody's event [D]: needs its iCalUID, keeps its organizer, invites nobody.
/// [K] One that stands there already is overwritten.
pub fn import(turn: &mut Turn) -> Answer {
    let calendar = writable(turn)?;
    let mut fields = check::body(turn.ask.fields()?)?;
    if !fields.get("iCalUID").is_some_and(Value::is_string) {
        return Err(problem::required("Missing iCal UID."));
    }
    if !matches!(fields.get("eventType").and_then(Value::as_str), None | Some("default")) {
        return Err(type_restriction());
    }
    fields.remove("id");
    let Some(id) = uid_stands(turn.state, &calendar, &fields) else {
        return create(turn, &calendar, fields);
    };
    let old = place::find(turn.state.calendar(&calendar, &turn.who, Role::Writer)?, &id)?;
    let mut event = old.clone();
    event.fields.extend(fields);
    finish(turn, &calendar, Some(&old), event)
}

/// [D] Merges: what the body does not name stays, null clears, arrays come whole.
pub fn patch(turn: &mut Turn) -> Answer {
    let (calendar, old) = target(turn)?;
    let fields = check::body(turn.ask.fields()?)?;
    let mut event = old.clone();
    for (name, value) in fields {
        lay(&mut event.fields, &name, value, turn.state.manners.merges_properties);
    }
    change(turn, &calendar, &old, event)
}

/// [D] Replaces: what the body does not name is gone.
pub fn update(turn: &mut Turn) -> Answer {
    const STAYS: &[&str] = &[
        "id",
        "iCalUID",
        "created",
        "creator",
        "organizer",
        "htmlLink",
        "eventType",
        "recurringEventId",
        "originalStartTime",
        "sequence",
    ];
    let (calendar, old) = target(turn)?;
    let mut event = old.clone();
    event.fields.retain(|name, _| STAYS.contains(&name.as_str()));
    event.fields.insert("status".into(), "confirmed".into());
    event.fields.extend(check::body(turn.ask.fields()?)?.into_iter().filter(|(_, value)| !value.is_null()));
    change(turn, &calendar, &old, event)
}

pub fn delete(turn: &mut Turn) -> Answer {
    let id = writable(turn)?;
    let calendar = turn.state.calendar(&id, &turn.who, Role::Writer)?;
    let event = place::find(calendar, turn.event_id())?;
    if event.is_cancelled() {
        return Err(problem::deleted());
    }
    if turn.state.manners.delete_checks_etag {
        unchanged(turn, &event)?;
    }
    save::cancel(turn.state, &id, event.id());
    guests::mail(turn, &id, &event);
    guests::follow(turn.state, &id, Some(&event), event.id());
    nothing()
}

fn type_restriction() -> Problem {
    let message = "This type of event does not allow this.";
    Problem::new(400, "eventTypeRestriction", message).of("calendar")
}

fn of<'a>(state: &'a State, calendar: &str) -> Option<&'a Calendar> {
    state.calendars.get(calendar)
}

fn writable(turn: &Turn) -> Result<String, Problem> {
    let id = turn.calendar_id();
    turn.state.calendar(&id, &turn.who, Role::Writer).map(|calendar| calendar.id.clone())
}

/// The living event of the body's iCalUID, if the calendar has one.
fn uid_stands(state: &State, calendar: &str, fields: &Fields) -> Option<String> {
    let uid = fields.get("iCalUID").and_then(Value::as_str)?;
    let mut all = of(state, calendar)?.events.values();
    all.find(|one| one.text("iCalUID") == Some(uid) && one.master().is_none() && !one.is_cancelled())
        .map(|one| one.id().to_owned())
}

fn create(turn: &mut Turn, calendar: &str, mut fields: Fields) -> Answer {
    fields.retain(|_, value| !value.is_null());
    if turn.method_id != "calendar.events.import" {
        fields.remove("organizer"); // [D] Only an import may name another.
    }
    let mut event = Event { fields, ..Event::default() };
    // Among the changes that only number: two inserts of one moment get two ids.
    turn.state.tick();
    save::dress(turn.state, calendar, &turn.who, &mut event);
    finish(turn, calendar, None, event)
}

/// The event a write names, with its right to be written: [D] its etag is the one the caller knows.
fn target(turn: &Turn) -> Result<(String, Event), Problem> {
    let id = writable(turn)?;
    let calendar = turn.state.calendar(&id, &turn.who, Role::Writer)?;
    let event = place::find(calendar, turn.event_id())?;
    unchanged(turn, &event)?;
    Ok((id, event))
}

/// [D] If-Match; [K] on an instance nobody touched, the master's etag counts.
fn unchanged(turn: &Turn, event: &Event) -> Result<(), Problem> {
    match turn.ask.header("if-match") {
        None | Some("*") => Ok(()),
        Some(known) if known == event.etag() => Ok(()),
        Some(_) => Err(problem::precondition()),
    }
}

/// Lays one field of a PATCH over the event.
fn lay(fields: &mut Fields, name: &str, value: Value, merges_properties: bool) {
    let is_map = name == "extendedProperties";
    match value {
        // [K] Null clears, `recurrence` too: the series becomes a single event.
        Value::Null => {
            fields.remove(name);
        }
        Value::Object(inner) if !is_map || merges_properties => {
            let mut old = fields.remove(name).and_then(|one| one.as_object().cloned()).unwrap_or_default();
            for (key, value) in inner {
                lay(&mut old, &key, value, merges_properties);
            }
            fields.insert(name.to_owned(), Value::Object(old));
        }
        value => {
            fields.insert(name.to_owned(), value);
        }
    }
}

fn change(turn: &mut Turn, calendar: &str, old: &Event, event: Event) -> Answer {
    for name in ["id", "iCalUID"] {
        if event.fields.get(name) != old.fields.get(name) {
            return Err(problem::invalid(&format!("Invalid value for: {name}")));
        }
    }
    if event.kind() != old.kind() {
        return Err(type_restriction()); // [D] Immutable.
    }
    // [I] What is deleted cannot be changed, only brought back.
    if old.is_cancelled() && event.is_cancelled() {
        return Err(problem::forbidden());
    }
    if event.is_cancelled() {
        save::cancel(turn.state, calendar, old.id());
        guests::mail(turn, calendar, old);
        guests::follow(turn.state, calendar, Some(old), old.id());
        return save::shown(turn, calendar, old.id());
    }
    finish(turn, calendar, Some(old), event)
}

/// Checks the whole and saves it, with what hangs on it.
fn finish(turn: &mut Turn, calendar: &str, old: Option<&Event>, mut event: Event) -> Answer {
    let zone = of(turn.state, calendar).map(|one| one.zone().to_owned()).unwrap_or_default();
    conference(turn, &mut event, old);
    check::event(&mut event, &zone)?;
    sequence(&mut event, old)?;
    let id = event.id().to_owned();
    let moves = moves(old, &event);
    let is_moved = old.is_some_and(|old| is_series_changed(old, &event));
    save::put(turn.state, calendar, event.clone(), moves);
    if is_moved && let Some(old) = old {
        exceptions(turn.state, calendar, old, &event, &zone);
    }
    if guests::is_organizer(&event, calendar) || old.is_some() {
        guests::mail(turn, calendar, &event);
        guests::follow(turn.state, calendar, old, &id);
    }
    save::shown(turn, calendar, &id)
}

/// [C] Too low a number is refused; [K] a change of the times raises it.
fn sequence(event: &mut Event, old: Option<&Event>) -> Result<(), Problem> {
    let Some(old) = old else { return Ok(()) };
    if event.sequence() < old.sequence() {
        return Err(problem::invalid("Invalid sequence value."));
    }
    let is_moved =
        ["start", "end", "recurrence"].iter().any(|name| event.fields.get(*name) != old.fields.get(*name));
    if is_moved && event.sequence() == old.sequence() {
        event.fields.insert("sequence".into(), (old.sequence() + 1).into());
    }
    Ok(())
}

/// [D] Without version 1 conference data in a body is ignored, and a modification loses what stood there.
fn conference(turn: &Turn, event: &mut Event, old: Option<&Event>) {
    if turn.ask.query.get("conferenceDataVersion") != Some("1") {
        event.fields.remove("conferenceData");
        event.fields.remove("hangoutLink");
        return;
    }
    let asked = event.fields.get_mut("conferenceData").and_then(Value::as_object_mut);
    let Some(asked) = asked.filter(|one| one.contains_key("createRequest")) else { return };
    let seed = format!("{:?} {}", asked.get("createRequest"), old.is_some());
    let link = format!("https://meet.google.com/{}", crate::opaque::id(&seed).get(..10).unwrap_or_default());
    let entry = serde_json::json!([{ "entryPointType": "video", "uri": link }]);
    asked.insert("entryPoints".into(), entry);
    asked.insert("conferenceId".into(), link.clone().into());
    event.fields.insert("hangoutLink".into(), link.into());
}

/// [D] A change of reminders alone does not move `updated`.
fn moves(old: Option<&Event>, event: &Event) -> Moves {
    let Some(old) = old else { return Moves::Updated };
    let without = |one: &Event| {
        let mut fields = one.fields.clone();
        fields.remove("reminders");
        fields
    };
    let is_reminder = old.fields.get("reminders") != event.fields.get("reminders");
    if is_reminder && without(old) == without(event) { Moves::EtagOnly } else { Moves::Updated }
}

fn is_series_changed(old: &Event, new: &Event) -> bool {
    old.is_series()
        && ["start", "recurrence"].iter().any(|name| old.fields.get(*name) != new.fields.get(*name))
}

/// [K] What becomes of the exceptions of a series whose start or rules changed: those that still name an instance stay;
/// those that do when shifted with the start are shifted, and keep their id; the others go. By manners, all go.
fn exceptions(state: &mut State, calendar: &str, old: &Event, new: &Event, zone: &str) {
    let start = |one: &Event| one.fields.get("start").and_then(|value| Moment::read(value, zone));
    let (Some(from), Some(to)) = (start(old), start(new)) else { return };
    let series = Series::of(new, zone).ok().filter(|_| new.is_series() && !state.manners.drops_exceptions);
    let Some(found) = state.calendars.get(calendar) else { return };
    let all = found.events.values().filter(|one| one.master() == Some(old.id()));
    for mut one in all.cloned().collect::<Vec<_>>() {
        let original = one.fields.get("originalStartTime").and_then(|value| Moment::read(value, zone));
        let (Some(original), Some(series)) = (original, &series) else {
            drop_one(state, calendar, one.id());
            continue;
        };
        let shifted = original.plus(from, to);
        if series.has(original) {
            continue;
        }
        if !series.has(shifted) {
            drop_one(state, calendar, one.id());
            continue;
        }
        let zone = new.fields.get("start").and_then(|value| value.get("timeZone"));
        one.fields.insert("originalStartTime".into(), shifted.value(zone));
        save::put(state, calendar, one, Moves::Updated);
    }
}

fn drop_one(state: &mut State, calendar: &str, id: &str) {
    if let Some(found) = state.calendars.get_mut(calendar) {
        found.events.remove(id);
    }
}
