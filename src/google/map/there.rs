//! Google's event to its place in an image.

use ical::{Component, Property, When, Zone};
use serde_json::{Value, json};

use super::image::{Part, STATUS, TEXT, WHOLE};
use super::{Unfit, guests, times};
use crate::calendar::Born;
use crate::google::api::Fields;

/// One event of a list, read.
pub struct Seen {
    pub event: String,
    pub etag: String,
    /// The series it is an occurrence of.
    pub parent: Option<String>,
    /// Which occurrence; [`WHOLE`] when it is none.
    pub key: String,
    pub part: Part,
    /// Occurrences that its own EXDATE lines take out.
    pub out: Vec<String>,
    pub uid: Option<String>,
    /// Our own marks, if it carries any.
    pub marks: Fields,
    /// Another's to write: only its times are taken.
    pub is_foreign: bool,
    /// Google tells its reader no more than that somebody is busy.
    pub is_private: bool,
    /// Whether its guests are told of, if they are carried at all.
    pub tells_guests: bool,
}

impl Seen {
    /// Not even a tombstone stands there.
    pub fn is_missing(&self) -> bool {
        self.part.is_none() && self.etag.is_empty()
    }

    /// An event that is no more.
    pub fn gone(event: &str) -> Seen {
        Seen {
            event: event.to_owned(),
            etag: String::new(),
            parent: None,
            key: WHOLE.to_owned(),
            part: None,
            out: Vec::new(),
            uid: None,
            marks: Fields::new(),
            is_foreign: false,
            is_private: false,
            tells_guests: false,
        }
    }
}

/// Types of events that only Google's own pages write.
const READ_ONLY: &[&str] = &["outOfOffice", "focusTime", "fromGmail"];

/// Reads one event; `zone` is the calendar's, `own` her addresses where guests are carried. [`Unfit`] concerns this one
/// alone.
pub fn seen(event: &Fields, zone: &Zone, own: &[String]) -> Result<Seen, Unfit> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let parent = text("recurringEventId").map(str::to_owned);
    let key = match (&parent, event.get("originalStartTime")) {
        (None, _) => WHOLE.to_owned(),
        (Some(_), original) => {
            let when = original.and_then(|one| times::read(one, zone)).ok_or(Unfit("original start"))?;
            times::key(&when, zone)
        }
    };
    let marks = event.get("extendedProperties").and_then(|all| all.get("private")).and_then(Value::as_object);
    let (mut part, out) = match text("status") {
        Some("cancelled") => (None, Vec::new()),
        _ => carried(event, zone).map(|(fields, out)| (Some(fields), out))?,
    };
    let tells_guests = !own.is_empty() && guests::are_told(event);
    if let Some(fields) = part.as_mut().filter(|_| tells_guests) {
        fields.extend(guests::there(event, own).map(|all| (guests::GUESTS.to_owned(), all)));
    }
    Ok(Seen {
        event: text("id").ok_or(Unfit("id"))?.to_owned(),
        etag: text("etag").unwrap_or_default().to_owned(),
        parent,
        key,
        part,
        out,
        uid: text("iCalUID").map(str::to_owned),
        marks: marks.cloned().unwrap_or_default(),
        is_foreign: text("eventType").is_some_and(|kind| READ_ONLY.contains(&kind)),
        is_private: matches!(text("visibility"), Some("private" | "confidential")),
        tells_guests,
    })
}

/// Takes what says more than when somebody is busy; of what another carries there, all but its times.
pub fn busy_only(part: &mut Part, born: Born) {
    let Some(fields) = part else { return };
    fields.retain(|name, _| !TEXT.contains(&name.as_str()) && name != "visibility");
    if born == Born::Elsewhere {
        fields.remove("reminders");
    }
}

/// The fields that are carried over, in one spelling.
fn carried(event: &Fields, zone: &Zone) -> Result<(Fields, Vec<String>), Unfit> {
    let time = |name: &str| event.get(name).and_then(|value| times::read(value, zone));
    let start = time("start").ok_or(Unfit("start"))?;
    let end = time("end").filter(|end| end.is_date() == start.is_date()).ok_or(Unfit("end"))?;
    let mut fields = Fields::new();
    fields.insert("start".into(), times::moment(&start, zone));
    fields.insert("end".into(), times::moment(&end, zone));
    let mut out = Vec::new();
    if let Some(lines) = event.get("recurrence").and_then(Value::as_array).filter(|lines| !lines.is_empty()) {
        let lines: Vec<Property> = lines.iter().filter_map(Value::as_str).filter_map(line).collect();
        let own = if let When::Zoned(_, own) = &start { own.clone() } else { Zone::utc() };
        let own = if start.is_date() { zone.clone() } else { own };
        let rules = times::rules(lines.iter(), &Component::new("VCALENDAR"), (&start, &own))?;
        fields.insert("recurrence".into(), rules.lines.into());
        out = rules.out;
    }
    for name in TEXT.iter().chain(STATUS) {
        if let Some(value) =
            event.get(*name).filter(|value| value.as_str().is_some_and(|text| !text.is_empty()))
        {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
    fields.entry("status").or_insert_with(|| "confirmed".into());
    fields.retain(|name, value| {
        !matches!(
            (name.as_str(), value.as_str()),
            ("transparency", Some("opaque")) | ("visibility", Some("default"))
        )
    });
    fields.insert("reminders".into(), reminders(event.get("reminders")));
    Ok((fields, out))
}

/// A content line as it stands in `recurrence`.
fn line(text: &str) -> Option<Property> {
    let (head, value) = text.split_once(':')?;
    let mut parts = head.split(';');
    let name = parts.next()?;
    let params: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    Some(Property::new(name, &params, value.trim()))
}

/// Sorted, without repetition.
fn reminders(value: Option<&Value>) -> Value {
    let uses_default = value.and_then(|one| one.get("useDefault")).and_then(Value::as_bool);
    if uses_default.unwrap_or_default() {
        return json!({ "useDefault": true });
    }
    let all = value.and_then(|one| one.get("overrides")).and_then(Value::as_array);
    let pair = |one: &Value| Some((one.get("method")?.as_str()?.to_owned(), one.get("minutes")?.as_i64()?));
    alarms(all.into_iter().flatten().filter_map(pair).collect())
}

/// The reminders of these alarms: method and minutes.
pub fn alarms(mut all: Vec<(String, i64)>) -> Value {
    all.sort();
    all.dedup();
    let all: Vec<Value> =
        all.into_iter().map(|(method, minutes)| json!({ "method": method, "minutes": minutes })).collect();
    json!({ "useDefault": false, "overrides": all })
}
