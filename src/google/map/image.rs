//! The form in which both sides are compared: by occurrence, the fields that are carried over, each in one spelling.
//! Fields are Google's own, ready to be sent; what is absent has Google's default.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{guests, times};
use crate::google::api::Fields;

/// The key of what is no single occurrence: a single event or the master of a series.
pub const WHOLE: &str = "";

/// In place of a twin's row: taken away there by us, or about to be, for another shape of the same object. Seen there as
/// cancelled, it says nothing of the object here.
pub const GIVES_WAY: &str = "false";

/// What of an object Google may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privacy {
    /// That somebody is busy.
    #[default]
    Busy,
    /// What was booked; no person.
    Title,
    /// What the object says.
    Full,
}

/// One event or occurrence; None: cancelled.
pub type Part = Option<Fields>;

/// An object on one side. Occurrences that are as their series says do not stand in it. Two are equal that say the same.
#[derive(Clone, Default)]
pub struct Image(pub BTreeMap<String, Part>);

impl PartialEq for Image {
    fn eq(&self, other: &Image) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().all(|(key, part)| same_part(Some(part), other.0.get(key)))
    }
}

/// Fields that are decided together.
pub const WHEN: &[&str] = &["start", "end", "recurrence"];
pub const TEXT: &[&str] = &["summary", "description", "location"];
pub const STATUS: &[&str] = &["status", "transparency", "visibility"];
pub const ALARMS: &[&str] = &["reminders"];
/// Only where the link carries them.
pub const PEOPLE: &[&str] = &[guests::GUESTS];
pub const GROUPS: [&[&str]; 5] = [WHEN, TEXT, STATUS, ALARMS, PEOPLE];

impl Image {
    pub fn whole(&self) -> Option<&Fields> {
        self.0.get(WHOLE).and_then(Option::as_ref)
    }

    /// Nothing that could be seen on the other side.
    pub fn is_nothing(&self) -> bool {
        !self.0.values().any(Option::is_some)
    }

    /// Whether anybody is invited.
    pub fn has_guests(&self) -> bool {
        self.0.values().flatten().any(|part| part.contains_key(guests::GUESTS))
    }

    /// Drops what merely repeats the series.
    pub fn tidy(mut self) -> Image {
        let Some(whole) = self.whole().cloned() else { return self };
        self.0.retain(|key, part| {
            key == WHOLE
                || !part
                    .as_ref()
                    .is_some_and(|part| like_series(&whole, key).is_some_and(|usual| same(&usual, part)))
        });
        self
    }

    /// As JSON, for a twin's row, one part.
    pub fn row(part: &Part) -> String {
        part.as_ref().map_or(Value::Null, |fields| Value::Object(fields.clone())).to_string()
    }

    /// From a twin's row; None where nothing was agreed on yet.
    pub fn read(row: &str) -> Option<Part> {
        match serde_json::from_str(row).ok()? {
            Value::Object(fields) => Some(Some(fields)),
            Value::Null | Value::Bool(false) => Some(None),
            _ => None,
        }
    }
}

/// The fields an occurrence has of its series.
pub fn like_series(whole: &Fields, key: &str) -> Option<Fields> {
    let mut usual = whole.clone();
    usual.remove("recurrence")?;
    let (start, end) = times::shifted(whole, key)?;
    usual.insert("start".into(), start);
    usual.insert("end".into(), end);
    Some(usual)
}

/// Whether both say the same, whatever white space Google made of it.
pub fn same(one: &Fields, other: &Fields) -> bool {
    GROUPS.iter().all(|group| same_group(one, other, group))
}

pub fn same_part(one: Option<&Part>, other: Option<&Part>) -> bool {
    match (one, other) {
        (Some(Some(one)), Some(Some(other))) => same(one, other),
        (Some(None), Some(None)) | (None, None) => true,
        _ => false,
    }
}

pub fn same_group(one: &Fields, other: &Fields, group: &[&str]) -> bool {
    group.iter().all(|name| same_field(name, one, other))
}

fn same_field(name: &str, one: &Fields, other: &Fields) -> bool {
    let (one, other) = (one.get(name), other.get(name));
    if name == guests::GUESTS { guests::alike(one, other) } else { folded(one) == folded(other) }
}

/// Text with its white space as one blank; markup's own included, since Google puts it there.
fn folded(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => {
            let text = text.replace("<br>", " ").replace("<br/>", " ").replace("&nbsp;", " ");
            let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if folded.is_empty() { Value::Null } else { folded.into() }
        }
        Some(other) => other.clone(),
        None => Value::Null,
    }
}

/// The body of a PATCH that makes `from` into `to`: whole fields, null for what goes.
pub fn difference(from: &Fields, to: &Fields) -> Fields {
    let names = GROUPS.iter().flat_map(|group| group.iter());
    let changed = names.filter(|name| !same_field(name, from, to));
    changed.map(|name| ((*name).to_owned(), to.get(*name).cloned().unwrap_or_else(|| absent(name)))).collect()
}

/// What clears a field. Words have a default of their own.
fn absent(name: &str) -> Value {
    match name {
        "transparency" => "opaque".into(),
        "visibility" => "default".into(),
        "status" => "confirmed".into(),
        "reminders" => json!({ "useDefault": false, "overrides": [] }),
        guests::GUESTS => json!([]),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: Value) -> Fields {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn s21_what_is_cleared_is_sent_as_null() {
        let from = fields(json!({ "summary": "a", "location": "x", "transparency": "transparent" }));
        let to = fields(json!({ "summary": "b" }));
        let body = difference(&from, &to);
        assert_eq!(
            Value::Object(body),
            json!({ "summary": "b", "location": null, "transparency": "opaque" })
        );
    }

    #[test]
    fn s55_white_space_is_no_difference() {
        let one = fields(json!({ "description": "a  b\n" }));
        let other = fields(json!({ "description": "a \u{a0}b" }));
        assert!(same(&one, &other) && difference(&one, &other).is_empty());
    }

    #[test]
    fn an_occurrence_that_repeats_its_series_is_none() {
        let at = |day: &str, hour: &str| json!({ "dateTime": format!("2026-03-{day}T{hour}:00:00+01:00"), "timeZone": "Europe/Berlin" });
        let whole = fields(json!({
            "start": at("02", "10"), "end": at("02", "11"), "recurrence": ["RRULE:FREQ=DAILY"], "status": "confirmed",
        }));
        let same = fields(json!({ "start": at("03", "10"), "end": at("03", "11"), "status": "confirmed" }));
        let moved = fields(json!({ "start": at("04", "12"), "end": at("04", "13"), "status": "confirmed" }));
        let all = [(WHOLE, whole), ("20260303T090000Z", same), ("20260304T090000Z", moved)];
        let image = Image(all.map(|(key, part)| (key.to_owned(), Some(part))).into()).tidy();
        assert_eq!(image.0.keys().collect::<Vec<_>>(), [WHOLE, "20260304T090000Z"]);
    }
}
