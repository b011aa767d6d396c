//! Every method in one list, named as Google's discovery document names it, with the scopes it accepts [D].

use http::Method;

use crate::{
    ask::{Answer, Turn},
    calendars,
    events::{list, place, write},
    oauth, push,
};

pub struct Route {
    pub id: &'static str,
    pub method: Method,
    /// `{}` stands for one segment.
    pub path: &'static str,
    /// Any of these, as after `.../auth/`. Empty: no access token is asked for.
    pub scopes: &'static [&'static str],
    pub run: fn(&mut Turn) -> Answer,
}

type Scopes = &'static [&'static str];
const LIST_READ: Scopes =
    &["calendar", "calendar.calendarlist", "calendar.calendarlist.readonly", "calendar.readonly"];
const ENTRY_READ: Scopes = &[
    "calendar",
    "calendar.app.created",
    "calendar.calendarlist",
    "calendar.calendarlist.readonly",
    "calendar.readonly",
];
const ENTRY_WRITE: Scopes = &["calendar", "calendar.app.created", "calendar.calendarlist"];
const ENTRY_ADD: Scopes = &["calendar", "calendar.calendarlist"];
const CALENDAR_READ: Scopes = &[
    "calendar",
    "calendar.app.created",
    "calendar.calendars",
    "calendar.calendars.readonly",
    "calendar.readonly",
];
const CALENDAR_WRITE: Scopes = &["calendar", "calendar.app.created", "calendar.calendars"];
const EVENT_READ: Scopes = &[
    "calendar",
    "calendar.app.created",
    "calendar.events",
    "calendar.events.freebusy",
    "calendar.events.owned",
    "calendar.events.owned.readonly",
    "calendar.events.public.readonly",
    "calendar.events.readonly",
    "calendar.readonly",
];
const EVENT_WRITE: Scopes = &["calendar", "calendar.app.created", "calendar.events", "calendar.events.owned"];
const EVENT_MOVE: Scopes = &["calendar", "calendar.events", "calendar.events.owned"];
const COLORS: Scopes = &[
    "calendar",
    "calendar.app.created",
    "calendar.calendarlist",
    "calendar.calendarlist.readonly",
    "calendar.events.freebusy",
    "calendar.events.owned",
    "calendar.events.owned.readonly",
    "calendar.events.public.readonly",
    "calendar.readonly",
];
const FREEBUSY: Scopes = &["calendar", "calendar.events.freebusy", "calendar.freebusy", "calendar.readonly"];
const SETTINGS: Scopes =
    &["calendar", "calendar.readonly", "calendar.settings", "calendar.settings.readonly"];
const STOP: Scopes = &[
    "calendar",
    "calendar.app.created",
    "calendar.calendarlist",
    "calendar.calendarlist.readonly",
    "calendar.events",
    "calendar.events.freebusy",
    "calendar.events.owned",
    "calendar.events.owned.readonly",
    "calendar.events.readonly",
    "calendar.readonly",
];
const IDENTITY: Scopes = &["openid", "email"];
const NONE: Scopes = &[];

const fn route(
    id: &'static str,
    method: Method,
    path: &'static str,
    scopes: Scopes,
    run: fn(&mut Turn) -> Answer,
) -> Route {
    Route { id, method, path, scopes, run }
}

const EVENTS: &str = "calendar/v3/calendars/{}/events";
const EVENT: &str = "calendar/v3/calendars/{}/events/{}";
const CALENDAR: &str = "calendar/v3/calendars/{}";
const ENTRIES: &str = "calendar/v3/users/me/calendarList";
const ENTRY: &str = "calendar/v3/users/me/calendarList/{}";

/// Fixed words stand before `{}` in the same place.
pub const ROUTES: &[Route] = &[
    route("calendar.calendarList.list", Method::GET, ENTRIES, LIST_READ, calendars::list),
    route("calendar.calendarList.insert", Method::POST, ENTRIES, ENTRY_ADD, calendars::insert_entry),
    route(
        "calendar.calendarList.watch",
        Method::POST,
        "calendar/v3/users/me/calendarList/watch",
        LIST_READ,
        push::watch_list,
    ),
    route("calendar.calendarList.get", Method::GET, ENTRY, ENTRY_READ, calendars::get_entry),
    route("calendar.calendarList.patch", Method::PATCH, ENTRY, ENTRY_WRITE, calendars::patch_entry),
    route("calendar.calendarList.update", Method::PUT, ENTRY, ENTRY_WRITE, calendars::patch_entry),
    route("calendar.calendarList.delete", Method::DELETE, ENTRY, ENTRY_WRITE, calendars::delete_entry),
    route(
        "calendar.calendars.insert",
        Method::POST,
        "calendar/v3/calendars",
        CALENDAR_WRITE,
        calendars::insert,
    ),
    route("calendar.calendars.get", Method::GET, CALENDAR, CALENDAR_READ, calendars::get),
    route("calendar.calendars.patch", Method::PATCH, CALENDAR, CALENDAR_WRITE, calendars::patch),
    route("calendar.calendars.update", Method::PUT, CALENDAR, CALENDAR_WRITE, calendars::patch),
    route("calendar.calendars.delete", Method::DELETE, CALENDAR, CALENDAR_WRITE, calendars::delete),
    route("calendar.events.list", Method::GET, EVENTS, EVENT_READ, list::list),
    route("calendar.events.insert", Method::POST, EVENTS, EVENT_WRITE, write::insert),
    route(
        "calendar.events.import",
        Method::POST,
        "calendar/v3/calendars/{}/events/import",
        EVENT_WRITE,
        write::import,
    ),
    route(
        "calendar.events.watch",
        Method::POST,
        "calendar/v3/calendars/{}/events/watch",
        EVENT_READ,
        push::watch_events,
    ),
    route("calendar.events.get", Method::GET, EVENT, EVENT_READ, place::get),
    route("calendar.events.patch", Method::PATCH, EVENT, EVENT_WRITE, write::patch),
    route("calendar.events.update", Method::PUT, EVENT, EVENT_WRITE, write::update),
    route("calendar.events.delete", Method::DELETE, EVENT, EVENT_WRITE, write::delete),
    route(
        "calendar.events.instances",
        Method::GET,
        "calendar/v3/calendars/{}/events/{}/instances",
        EVENT_READ,
        list::instances,
    ),
    route(
        "calendar.events.move",
        Method::POST,
        "calendar/v3/calendars/{}/events/{}/move",
        EVENT_MOVE,
        place::move_,
    ),
    route("calendar.channels.stop", Method::POST, "calendar/v3/channels/stop", STOP, push::stop),
    route("calendar.colors.get", Method::GET, "calendar/v3/colors", COLORS, calendars::colors),
    route("calendar.freebusy.query", Method::POST, "calendar/v3/freeBusy", FREEBUSY, calendars::freebusy),
    route(
        "calendar.settings.list",
        Method::GET,
        "calendar/v3/users/me/settings",
        SETTINGS,
        calendars::settings,
    ),
    route(
        "calendar.settings.get",
        Method::GET,
        "calendar/v3/users/me/settings/{}",
        SETTINGS,
        calendars::setting,
    ),
    route("oauth.token", Method::POST, "token", NONE, oauth::token),
    route("oauth.revoke", Method::POST, "revoke", NONE, oauth::revoke),
    route("oauth.userinfo", Method::GET, "v1/userinfo", IDENTITY, oauth::userinfo),
    route("oauth.keys", Method::GET, "oauth2/v3/certs", NONE, oauth::keys),
];

/// The route of a request, and what its path names.
pub fn find(method: &Method, path: &[String]) -> Option<(&'static Route, Vec<String>)> {
    ROUTES
        .iter()
        .filter(|route| route.method == method)
        .find_map(|route| Some((route, args(route.path, path)?)))
}

fn args(pattern: &str, path: &[String]) -> Option<Vec<String>> {
    let words: Vec<&str> = pattern.split('/').collect();
    if words.len() != path.len() {
        return None;
    }
    let mut found = Vec::new();
    for (word, segment) in words.into_iter().zip(path) {
        match word {
            "{}" => found.push(segment.clone()),
            word if word == segment => {}
            _ => return None,
        }
    }
    Some(found)
}
