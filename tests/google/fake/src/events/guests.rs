//! Guests: the copy of an event in each guest's own calendar, of the same id [I]; answers on their way back; mails.

use serde_json::{Value, json};

use super::{event::Event, save, save::Moves};
use crate::{
    ask::{Query, Turn},
    state::{Mail, State},
};

pub fn person(email: &str, is_self: bool) -> Value {
    let mut person = json!({ "email": email });
    if is_self {
        person["self"] = true.into();
    }
    person
}

/// [I] A calendar organizes its events; a secondary one by its name.
pub fn organizer(state: &State, calendar: &str) -> Value {
    let mut organizer = person(calendar, true);
    if let Some(found) = state.calendars.get(calendar).filter(|one| !one.is_primary_of(&one.owner)) {
        organizer["displayName"] = found.summary().into();
    }
    organizer
}

fn emails(event: &Event) -> Vec<String> {
    let all = event.fields.get("attendees").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| one.get("email").and_then(Value::as_str)).map(str::to_lowercase).collect()
}

/// Whether this calendar's copy is the organizer's.
pub fn is_organizer(event: &Event, calendar: &str) -> bool {
    let email = event.fields.get("organizer").and_then(|one| one.get("email")).and_then(Value::as_str);
    email.is_none_or(|email| email == calendar)
}

/// After a write in the organizer's calendar, the copies follow; after one in a guest's, her answer does.
pub fn follow(state: &mut State, calendar: &str, before: Option<&Event>, id: &str) {
    let Some(event) = state.calendars.get(calendar).and_then(|one| one.events.get(id)).cloned() else {
        return;
    };
    if is_organizer(&event, calendar) {
        let now = if event.is_cancelled() { Vec::new() } else { emails(&event) };
        for guest in before.map(emails).unwrap_or_default().iter().filter(|guest| !now.contains(guest)) {
            if state.calendars.get(guest).is_some_and(|one| one.events.contains_key(id)) {
                save::cancel(state, guest, id);
            }
        }
        for guest in now.iter().filter(|guest| *guest != calendar) {
            copy(state, guest, &event);
        }
    } else {
        answer(state, calendar, &event);
    }
}

/// Nothing happens for a guest who has no calendar here.
fn copy(state: &mut State, guest: &str, event: &Event) {
    let Some(calendar) = state.calendars.get(guest) else { return };
    let old = calendar.events.get(event.id()).cloned();
    let mut copy = event.clone();
    if let Some(organizer) = copy.fields.get_mut("organizer").and_then(Value::as_object_mut) {
        organizer.remove("self");
    }
    for one in copy.fields.get_mut("attendees").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_guest = one.get("email").and_then(Value::as_str) == Some(guest);
        if let (true, Some(fields)) = (is_guest, one.as_object_mut()) {
            fields.insert("self".into(), true.into());
        }
    }
    // [D] Private properties and reminders belong to one copy.
    let old_of = |name: &str| old.as_ref().and_then(|one| one.fields.get(name)).cloned();
    let private = old_of("extendedProperties").and_then(|all| all.get("private").cloned());
    if let Some(all) = copy.fields.get_mut("extendedProperties").and_then(Value::as_object_mut) {
        all.remove("private");
        all.extend(private.map(|one| ("private".to_owned(), one)));
    }
    copy.fields.insert("reminders".into(), old_of("reminders").unwrap_or(json!({ "useDefault": true })));
    save::put(state, guest, copy, Moves::Updated);
}

/// The guest's answer in the organizer's copy.
fn answer(state: &mut State, guest: &str, event: &Event) {
    let organizer = event.fields.get("organizer").and_then(|one| one.get("email")).and_then(Value::as_str);
    let Some(organizer) = organizer.map(str::to_owned) else { return };
    let found = state.calendars.get(&organizer).and_then(|one| one.events.get(event.id()));
    let Some(mut theirs) = found.cloned() else { return };
    let response = match event.is_cancelled() {
        true => Some("declined".into()),
        false => response(event, guest),
    };
    let Some(response) = response else { return };
    for one in theirs.fields.get_mut("attendees").and_then(Value::as_array_mut).into_iter().flatten() {
        if one.get("email").and_then(Value::as_str) == Some(guest)
            && one.get("responseStatus") != Some(&response)
        {
            one["responseStatus"] = response.clone();
            save::put(state, &organizer, theirs, Moves::Updated);
            return;
        }
    }
}

fn response(event: &Event, guest: &str) -> Option<Value> {
    let all = event.fields.get("attendees").and_then(Value::as_array)?;
    let own = all.iter().find(|one| one.get("email").and_then(Value::as_str) == Some(guest))?;
    own.get("responseStatus").cloned()
}

/// What a query says of mails; [D] the older parameter counts as `all`.
fn updates(query: &Query) -> &str {
    let older = if query.flag("sendNotifications") { "all" } else { "none" };
    query.get("sendUpdates").unwrap_or(older)
}

/// Records the mails Google would have sent.
pub fn mail(turn: &mut Turn, calendar: &str, event: &Event) {
    let updates = updates(&turn.ask.query).to_owned();
    if updates == "none" || turn.method_id == "calendar.events.import" {
        return; // [D] An import invites nobody.
    }
    let others = emails(event).into_iter().filter(|one| one != calendar);
    let state = &mut *turn.state;
    for to in others {
        if updates == "externalOnly" && state.accounts.contains_key(&to) {
            continue;
        }
        let (event_id, method) = (event.id().to_owned(), turn.method_id.to_owned());
        state.mails.push(Mail { to, event_id, method, send_updates: updates.clone() });
    }
}
