//! events.get and events.move: where an event stands.

use super::{
    event::{Event, View},
    guests, save, series,
    series::Series,
};
use crate::{
    ask::{Answer, Turn},
    problem::{self, Problem},
    state::{Calendar, Role},
};

/// The event of this id: kept, or an instance that nobody touched.
pub fn find(calendar: &Calendar, id: &str) -> Result<Event, Problem> {
    if let Some(event) = calendar.events.get(id) {
        return Ok(event.clone());
    }
    let (master, start) = series::split_id(id).ok_or_else(problem::not_found)?;
    let master = calendar.events.get(master).filter(|one| one.is_series() && !one.is_cancelled());
    let master = master.ok_or_else(problem::not_found)?;
    let series = Series::of(master, calendar.zone())?;
    match series.has(start) {
        true => Ok(series::instance(master, &series, start)),
        false => Err(problem::not_found()),
    }
}

pub fn get(turn: &mut Turn) -> Answer {
    let id = turn.calendar_id();
    let calendar = turn.state.calendar(&id, &turn.who, Role::FreeBusyReader)?;
    let event = find(calendar, turn.event_id())?;
    let (now, life) = (turn.state.clock.now(), turn.state.manners.tombstone_life);
    let is_gone = event.is_cancelled() && event.master().is_none() && event.updated / 1_000_000 + life < now;
    if is_gone {
        return Err(problem::not_found()); // [D] A tombstone vanishes in the end.
    }
    let role = turn.state.role(&id, &turn.who);
    let rewrites = turn.state.manners.rewrites_text;
    let view = View::new(calendar, role, turn.ask.query.get("timeZone"), rewrites);
    let body = event.show(&view);
    turn.answer(body)
}

/// Gives the event another organizer: here a tombstone stays, there the same id appears [D].
pub fn move_(turn: &mut Turn) -> Answer {
    let from = turn.calendar_id();
    let to = turn.ask.query.get("destination").ok_or_else(|| problem::required("Required"))?.to_owned();
    let event = find(turn.state.calendar(&from, &turn.who, Role::Writer)?, turn.event_id())?;
    let target = turn.state.calendar(&to, &turn.who, Role::Writer)?;
    if target.events.get(event.id()).is_some_and(|one| !one.is_cancelled()) {
        return Err(problem::duplicate());
    }
    if event.is_cancelled() {
        return Err(problem::deleted());
    }
    if event.master().is_some() {
        // [I] Only whole series move.
        let message = "Cannot change the organizer of an instance.";
        return Err(Problem::new(403, "cannotChangeOrganizerOfInstance", message).of("calendar"));
    }
    if event.kind() != "default" {
        // [D] Only events of the type default.
        let message = "This type of event cannot be moved.";
        return Err(Problem::new(400, "eventTypeRestriction", message).of("calendar"));
    }
    let calendar = turn.state.calendar(&from, &turn.who, Role::Writer)?;
    let exceptions = calendar.events.values().filter(|one| one.master() == Some(event.id()));
    let mut all: Vec<Event> = vec![event.clone()];
    all.extend(exceptions.cloned());
    for mut one in all {
        let organizer = guests::organizer(turn.state, &to);
        save::cancel(turn.state, &from, one.id());
        one.fields.insert("organizer".into(), organizer);
        save::put(turn.state, &to, one, save::Moves::Updated);
    }
    save::shown(turn, &to, event.id())
}
