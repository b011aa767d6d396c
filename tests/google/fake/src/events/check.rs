//! What the body of a write must obey. The body is a client's; what is read-only in it is ignored, as Google does [D].

use serde_json::{Value, json};

use super::{event::Event, moment, moment::Moment, series::Series};
use crate::{
    problem::{self, Problem},
    state::Fields,
};

/// [D] Set by Google alone.
const READ_ONLY: &[&str] = &[
    "attendeesOmitted",
    "created",
    "creator",
    "etag",
    "htmlLink",
    "hangoutLink",
    "kind",
    "locked",
    "originalStartTime",
    "privateCopy",
    "recurringEventId",
    "updated",
];
/// [D] What a client may set.
const WRITABLE: &[&str] = &[
    "anyoneCanAddSelf",
    "attachments",
    "attendees",
    "birthdayProperties",
    "colorId",
    "conferenceData",
    "description",
    "end",
    "endTimeUnspecified",
    "eventLabelId",
    "eventType",
    "extendedProperties",
    "focusTimeProperties",
    "gadget",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "iCalUID",
    "id",
    "location",
    "organizer",
    "outOfOfficeProperties",
    "recurrence",
    "reminders",
    "sequence",
    "source",
    "start",
    "status",
    "summary",
    "transparency",
    "visibility",
    "workingLocationProperties",
];

/// The body without what is read-only. Fields that Google does not know are refused here: a client that sends one is
/// wrong. [K] Google itself may ignore them.
pub fn body(mut fields: Fields) -> Result<Fields, Problem> {
    fields.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    if let Some(name) = fields.keys().find(|name| !WRITABLE.contains(&name.as_str())) {
        return Err(problem::invalid(&format!("Unknown field \"{name}\" in an event.")));
    }
    Ok(fields)
}

/// [D] base32hex in lower case, 5 to 1024 of them.
pub fn id(id: &str) -> Result<(), Problem> {
    let is_good = |c: u8| c.is_ascii_digit() || (b'a'..=b'v').contains(&c);
    match (5..=1024).contains(&id.len()) && id.bytes().all(is_good) {
        true => Ok(()),
        false => Err(problem::invalid("Invalid resource id value.")),
    }
}

/// A whole event, after a write was laid over what stood there. `zone` is the calendar's.
pub fn event(event: &mut Event, zone: &str) -> Result<(), Problem> {
    times(event, zone)?;
    recurrence(event, zone)?;
    reminders(event)?;
    attendees(event)?;
    properties(event)?;
    words(event)
}

fn times(event: &mut Event, zone: &str) -> Result<(), Problem> {
    let start = time(event, "start", "Missing start time.", zone)?;
    let end = time(event, "end", "Missing end time.", zone)?;
    if start.is_date() != end.is_date() {
        return Err(problem::invalid("Start and end times must either both be date or both be dateTime."));
    }
    let (from, to) = (start.utc("UTC"), end.utc("UTC"));
    if to < from || (start.is_date() && to == from) {
        return Err(Problem::new(400, "timeRangeEmpty", "The specified time range is empty.").of("calendar"));
    }
    Ok(())
}

/// Reads one time and keeps it as an instant.
fn time(event: &mut Event, name: &str, missing: &str, zone: &str) -> Result<Moment, Problem> {
    let value = event.fields.get(name).cloned().unwrap_or_default();
    let own = value.get("timeZone").and_then(Value::as_str);
    if own.is_some_and(|own| !moment::is_zone(own)) {
        return Err(problem::invalid("Invalid time zone definition.").at("parameter", "timeZone"));
    }
    let has_both = value.get("date").is_some_and(Value::is_string)
        && value.get("dateTime").is_some_and(Value::is_string);
    let is_given = ["date", "dateTime"].iter().any(|one| value.get(one).is_some_and(Value::is_string));
    if !is_given {
        return Err(problem::required(missing));
    }
    let moment = Moment::read(&value, own.unwrap_or(zone)).filter(|_| !has_both);
    let moment = moment.ok_or_else(|| problem::invalid(&format!("Invalid {name} time.")))?;
    let kept = if moment.is_date() { None } else { value.get("timeZone").filter(|one| one.is_string()) };
    event.fields.insert(name.to_owned(), moment.value(kept));
    Ok(moment)
}

fn recurrence(event: &mut Event, zone: &str) -> Result<(), Problem> {
    if !event.is_series() {
        event.fields.remove("recurrence");
        return Ok(());
    }
    if event.master().is_some() {
        return Err(problem::invalid("Recurring events cannot be instances of a series."));
    }
    for name in ["start", "end"] {
        let value = event.fields.get(name).cloned().unwrap_or_default();
        // [D] The zone in which the rules are counted is mandatory.
        if value.get("dateTime").is_some() && value.get("timeZone").is_none() {
            return Err(problem::required(&format!("Missing time zone definition for {name} time.")));
        }
    }
    Series::of(event, zone).map(|_| ())
}

/// [D] At most five overrides, by popup or mail, up to four weeks before; none beside `useDefault`.
fn reminders(event: &mut Event) -> Result<(), Problem> {
    let Some(reminders) = event.fields.get("reminders") else {
        event.fields.insert("reminders".into(), json!({ "useDefault": true }));
        return Ok(());
    };
    let overrides = reminders.get("overrides").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let uses_default = reminders.get("useDefault").and_then(Value::as_bool).unwrap_or_default();
    if uses_default && !overrides.is_empty() {
        let message = "Cannot specify both default reminders and overrides at the same time.";
        return Err(Problem::new(400, "cannotUseDefaultRemindersAndSpecifyOverride", message).of("calendar"));
    }
    let is_good = |one: &Value| {
        let minutes = one.get("minutes").and_then(Value::as_i64);
        matches!(one.get("method").and_then(Value::as_str), Some("popup" | "email"))
            && minutes.is_some_and(|minutes| (0..=40_320).contains(&minutes))
    };
    match overrides.len() <= 5 && overrides.iter().all(is_good) {
        true => Ok(()),
        false => Err(problem::invalid("Invalid reminder override.")),
    }
}

fn attendees(event: &Event) -> Result<(), Problem> {
    let all = event.fields.get("attendees").and_then(Value::as_array);
    for one in all.into_iter().flatten() {
        let email = one.get("email").and_then(Value::as_str).unwrap_or_default();
        let is_good = email
            .split_once('@')
            .is_some_and(|(a, b)| !a.is_empty() && b.contains('.') && !b.contains(['@', ' ']));
        // [I] The one text that says which guest is wrong does not say it.
        if !is_good {
            return Err(problem::invalid("Invalid attendee email."));
        }
    }
    Ok(())
}

/// [K] At most 300 of them, names of 44 and values of 1024 characters.
fn properties(event: &Event) -> Result<(), Problem> {
    for side in ["private", "shared"] {
        let all =
            event.fields.get("extendedProperties").and_then(|one| one.get(side)).and_then(Value::as_object);
        let Some(all) = all else { continue };
        let is_good = |(name, value): (&String, &Value)| {
            name.chars().count() <= 44 && value.as_str().is_some_and(|text| text.chars().count() <= 1024)
        };
        if all.len() > 300 || !all.iter().all(is_good) {
            return Err(problem::invalid("Invalid extended property."));
        }
    }
    Ok(())
}

/// Fields of few words [D].
fn words(event: &Event) -> Result<(), Problem> {
    const WORDS: &[(&str, &[&str])] = &[
        ("status", &["confirmed", "tentative", "cancelled"]),
        ("transparency", &["opaque", "transparent"]),
        ("visibility", &["default", "public", "private", "confidential"]),
        ("colorId", &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]),
    ];
    for (name, words) in WORDS {
        if let Some(value) = event.fields.get(*name)
            && !value.as_str().is_some_and(|one| words.contains(&one))
        {
            return Err(problem::invalid(&format!("Invalid value for: {name}")));
        }
    }
    Ok(())
}
