//! One event as it is kept, and as a reader of some role sees it. Times are kept as instants (`...Z`) beside their zone
//! and shown with the offset of the zone of the answer [D].

use serde_json::{Value, json};

use super::moment;
use crate::{
    ask::quoted,
    clock,
    state::{Calendar, Fields, Role},
};

#[derive(Clone, Debug, Default)]
pub struct Event {
    /// Everything but kind, etag and updated.
    pub fields: Fields,
    pub changed: u64,
    /// Microseconds; twice this is the etag [I].
    pub etag: i64,
    /// Microseconds. [D] A change of reminders alone does not move it.
    pub updated: i64,
}

impl Event {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    pub fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    pub fn is_cancelled(&self) -> bool {
        self.text("status") == Some("cancelled")
    }

    /// The id of its master, if it is an instance.
    pub fn master(&self) -> Option<&str> {
        self.text("recurringEventId")
    }

    pub fn is_series(&self) -> bool {
        self.fields.get("recurrence").and_then(Value::as_array).is_some_and(|lines| !lines.is_empty())
    }

    pub fn kind(&self) -> &str {
        self.text("eventType").unwrap_or("default")
    }

    pub fn etag(&self) -> String {
        quoted(self.etag.saturating_mul(2))
    }

    pub fn sequence(&self) -> i64 {
        self.fields.get("sequence").and_then(Value::as_i64).unwrap_or_default()
    }

    /// [D] Of a tombstone only these are guaranteed, so only these are shown.
    fn tombstone(&self) -> Value {
        let mut shown = json!({
            "kind": "calendar#event", "etag": self.etag(), "id": self.id(), "status": "cancelled",
        });
        for name in ["recurringEventId", "originalStartTime"] {
            if let (Some(value), Some(_)) = (self.fields.get(name), self.master()) {
                shown[name] = value.clone();
            }
        }
        shown
    }

    /// As this role sees it in a list or alone.
    pub fn show(&self, view: &View) -> Value {
        if self.is_cancelled() {
            let mut shown = self.tombstone();
            moment::in_zone(&mut shown, view.zone);
            return shown;
        }
        let hides = view.role == Role::FreeBusyReader
            || (view.role == Role::Reader
                && matches!(self.text("visibility"), Some("private" | "confidential")));
        let mut fields = if hides { self.bare() } else { self.fields.clone() };
        fields.insert("kind".into(), "calendar#event".into());
        fields.insert("etag".into(), self.etag().into());
        fields.insert("updated".into(), clock::stamp(self.updated).into());
        if view.rewrites {
            rewrite(&mut fields);
        }
        let mut shown = Value::Object(fields);
        moment::in_zone(&mut shown, view.zone);
        shown
    }

    /// [D] Without the right to details: when it is, and that it is private.
    fn bare(&self) -> Fields {
        const KEPT: &[&str] = &[
            "id",
            "status",
            "start",
            "end",
            "recurrence",
            "recurringEventId",
            "originalStartTime",
            "transparency",
            "eventType",
            "created",
            "iCalUID",
            "sequence",
            "endTimeUnspecified",
        ];
        let kept = self.fields.iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
        let mut fields: Fields = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        fields.insert("visibility".into(), "private".into());
        fields
    }
}

/// How events are shown: to whom, in which zone.
pub struct View<'a> {
    pub role: Role,
    pub zone: &'a str,
    pub rewrites: bool,
}

impl<'a> View<'a> {
    pub fn new(calendar: &'a Calendar, role: Role, zone: Option<&'a str>, rewrites: bool) -> View<'a> {
        View { role, zone: zone.unwrap_or(calendar.zone()), rewrites }
    }
}

/// [I] Texts come back with other white space, an UNTIL in another form: a sync that compares letters never rests.
fn rewrite(fields: &mut Fields) {
    if let Some(Value::String(text)) = fields.get_mut("description") {
        *text = format!("{}\n", text.replace("\r\n", "\n").replace("  ", " \u{a0}"));
    }
    if let Some(Value::Array(lines)) = fields.get_mut("recurrence") {
        for line in lines {
            let Some(text) = line.as_str().filter(|text| text.starts_with("RRULE:")) else { continue };
            let mut parts: Vec<&str> = text.trim_start_matches("RRULE:").split(';').rev().collect();
            parts.sort_by_key(|part| !part.starts_with("FREQ="));
            *line = format!("RRULE:{}", parts.join(";")).into();
        }
    }
}
