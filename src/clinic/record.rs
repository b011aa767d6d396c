//! What the audit says of appointments: one row a deed, and one for every room or device that is given or taken, so that
//! the history of a room is a page of the audit. No free text of patients; a reason of the clinic's own is said.

use serde_json::{Value, json};
use store::{AppointmentRow, Deed, Noted, Origin, PrincipalId};

use super::By;
use super::visit::AppointmentId;

/// Booked: a single one, or a series.
pub(super) fn made(by: By, row: &AppointmentRow, is_series: bool) -> Vec<Deed> {
    let kind = if is_series { "series-booked" } else { "appointment-booked" };
    let mut deeds = vec![deed(by, kind, row, json!({}))];
    deeds.extend(row.resources.iter().map(|room| given(by, "resource-assigned", *room, row)));
    deeds
}

/// What became of one; `before` is who was booked with it until now.
pub(super) fn noted(by: By, noted: Noted, row: &AppointmentRow, before: &[PrincipalId]) -> Vec<Deed> {
    let kind = match noted {
        Noted::Booked => "appointment-booked",
        Noted::Moved => "appointment-moved",
        Noted::Cancelled => "appointment-cancelled",
        Noted::Changed => "appointment-changed",
    };
    let mut deeds = vec![deed(by, kind, row, json!({}))];
    let goes = |room: &&PrincipalId| noted == Noted::Cancelled || !row.resources.contains(room);
    deeds.extend(before.iter().filter(goes).map(|room| given(by, "resource-released", *room, row)));
    let comes = row.resources.iter().filter(|room| noted != Noted::Cancelled && !before.contains(room));
    deeds.extend(comes.map(|room| given(by, "resource-assigned", *room, row)));
    deeds
}

/// Anything else, with what is to be said of it.
pub(super) fn deed(by: By, kind: &'static str, row: &AppointmentRow, more: Value) -> Deed {
    let own = row.status != "cancelled_by_patient";
    let mut body = json!({
        "status": row.status,
        "start": row.start_at,
        "end": row.end_at,
        "practitioner": row.practitioner.0,
        "with": row.resources.iter().map(|id| id.0).collect::<Vec<_>>(),
        "patient": row.patient,
        "reason": row.reason.as_deref().filter(|_| own),
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    signed(by, kind, subject(row), body)
}

fn given(by: By, kind: &'static str, room: PrincipalId, row: &AppointmentRow) -> Deed {
    let body = json!({ "appointment": id(row).to_string(), "start": row.start_at, "end": row.end_at });
    signed(by, kind, format!("resource {room}"), body)
}

/// A deed of whoever came in by a door.
pub(super) fn signed(by: By, kind: &'static str, subject: String, body: Value) -> Deed {
    // The call's own credential is written down where it was proved; here the door says how somebody came in.
    let credential = match (by.who, by.door) {
        (_, Origin::Link) => "patient link",
        (None, _) => "house",
        (_, Origin::Dav) => "calendar program",
        _ => "api",
    };
    Deed { actor: by.who, credential: credential.into(), kind, subject, body: body.to_string() }
}

/// As the audit knows it.
pub(super) fn subject(row: &AppointmentRow) -> String {
    format!("appointment {}", id(row))
}

fn id(row: &AppointmentRow) -> AppointmentId {
    let occurrence = ical::When::read(&row.recurrence, None).map(|when| when.instant(&ical::Zone::utc()));
    AppointmentId { uid: row.uid.clone(), occurrence }
}
