//! Guests, where a link carries them (R19): on both sides in one spelling, by their addresses. Who the calendar is of, rooms
//! and things, and addresses that are none stay where they are.
//!
//! A guest's answer is taken from either side; her name is only told of her once, because Google shows the one she chose.

use std::collections::{BTreeMap, BTreeSet};

use ical::{Component, Property};
use serde_json::Value;

use crate::clinic::email_key;
use crate::google::api::Fields;

/// The field of an event, and of an image.
pub const GUESTS: &str = "attendees";

/// PARTSTAT (RFC 5545 3.2.12) and what Google calls it. For what it has no word nobody has answered.
const ANSWERS: [(&str, &str); 4] = [
    ("NEEDS-ACTION", UNANSWERED),
    ("ACCEPTED", "accepted"),
    ("DECLINED", "declined"),
    ("TENTATIVE", "tentative"),
];
const UNANSWERED: &str = "needsAction";
const OPTIONAL: &str = "OPT-PARTICIPANT";

type ByAddress = BTreeMap<String, Fields>;

/// Whether these invitations are hers to send (`own`: her addresses, in small letters): she is their organizer wherever
/// somebody is invited.
pub fn are_hers(tree: &Component, own: &[String]) -> bool {
    let is_hers = |part: &Component| match part.get("ORGANIZER") {
        Some(line) => mail(line.value()).is_some_and(|address| own.contains(&address)),
        None => part.get("ATTENDEE").is_none(),
    };
    !own.is_empty() && tree.parts().filter(|part| part.name() == "VEVENT").all(is_hers)
}

/// Whether a guest's mail address is none: Google would refuse the whole event for it (S71).
pub fn has_unreachable_guest(tree: &Component) -> bool {
    let mut guests = tree.parts().flat_map(|part| part.all("ATTENDEE"));
    guests.any(|guest| mail(guest.value()).is_some_and(|address| email_key(&address).is_err()))
}

/// The guests of a VEVENT.
pub fn here(part: &Component, own: &[String]) -> Option<Value> {
    let guests = part.all("ATTENDEE").filter_map(|line| {
        let mut guest = Fields::new();
        guest.insert("responseStatus".into(), answer_here(line).into());
        if line.param("ROLE").is_some_and(|role| role.eq_ignore_ascii_case(OPTIONAL)) {
            guest.insert("optional".into(), true.into());
        }
        if let Some(name) = line.param("CN").filter(|name| !name.trim().is_empty()) {
            guest.insert("displayName".into(), name.into_owned().into());
        }
        Some((guest_here(line, own)?, guest))
    });
    listed(guests.collect())
}

/// The guests of Google's event.
pub fn there(event: &Fields, own: &[String]) -> Option<Value> {
    let all = event.get(GUESTS).and_then(Value::as_array).into_iter().flatten();
    let guests = all.filter_map(|one| {
        let mut guest = Fields::new();
        let answer = one.get("responseStatus").and_then(Value::as_str).unwrap_or(UNANSWERED);
        guest.insert("responseStatus".into(), answer.into());
        for name in ["optional", "displayName"] {
            let value = one.get(name).filter(|value| !matches!(value, Value::Bool(false) | Value::Null));
            guest.extend(value.map(|value| (name.to_owned(), value.clone())));
        }
        Some((guest_there(one, own)?, guest))
    });
    listed(guests.collect())
}

/// Whether all guests are told of, and hers to invite: of another's meeting she sees what she may.
pub fn are_told(event: &Fields) -> bool {
    event.get("organizer").is_none_or(|one| is(one, "self"))
        && !event.get("attendeesOmitted").and_then(Value::as_bool).unwrap_or_default()
}

/// Whether both sides invite the same, and had the same answers.
pub fn alike(one: Option<&Value>, other: Option<&Value>) -> bool {
    by_address(one) == by_address(other)
}

/// Three lists to one, guest by guest: whoever was changed on one side is as there. Of both, one who goes is gone; else
/// Google is right, where guests answer.
pub fn merged(base: Option<&Value>, here: Option<&Value>, there: Option<&Value>) -> Option<Value> {
    let (b, h, t) = (by_address(base), by_address(here), by_address(there));
    // As she is told of here, or where she is new.
    let mut names = named(there);
    names.extend(named(here));
    let keys = h.keys().chain(t.keys()).cloned();
    let one = |key: String| {
        let (b, h, t) = (b.get(&key), h.get(&key), t.get(&key));
        let mut one = if t == b || (h != b && h.is_none()) { h? } else { t? }.clone();
        one.extend(names.get(&key).map(|name| ("displayName".into(), name.clone())));
        Some((key, one))
    };
    listed(keys.collect::<BTreeSet<_>>().into_iter().filter_map(one).collect())
}

/// What is sent: Google takes the list whole, with those in it that are none of ours, and what it knows of each.
pub fn sent(wanted: Option<&Value>, stands: &Fields, own: &[String]) -> Value {
    let mut wanted: BTreeMap<String, &Value> = each(wanted).collect();
    let all = stands.get(GUESTS).and_then(Value::as_array).into_iter().flatten();
    let mut list: Vec<Value> = Vec::new();
    for one in all {
        match guest_there(one, own) {
            None => list.push(one.clone()),
            Some(address) => {
                let Some(guest) = wanted.remove(&address) else { continue };
                let mut known = one.as_object().cloned().unwrap_or_default();
                known.insert("optional".into(), is(guest, "optional").into());
                known.extend(
                    guest.get("responseStatus").map(|answer| ("responseStatus".into(), answer.clone())),
                );
                list.push(known.into());
            }
        }
    }
    list.extend(wanted.into_values().cloned());
    list.into()
}

/// Writes the guests that differ; the lines of all others keep their bytes.
pub fn lay(part: &mut Component, to: Option<&Value>, own: &[String]) {
    let mut wanted: BTreeMap<String, &Value> = each(to).collect();
    if part.get("ORGANIZER").is_none()
        && let (false, Some(address)) = (wanted.is_empty(), own.first())
    {
        // RFC 5545 3.8.4.3: where somebody is invited, it says by whom.
        part.push(Property::new("ORGANIZER", &[], &format!("mailto:{address}")));
    }
    let lines: Vec<Property> = part.all("ATTENDEE").cloned().collect();
    part.remove("ATTENDEE");
    for line in lines {
        match guest_here(&line, own) {
            None => part.push(line),
            Some(address) => invite(part, wanted.remove(&address), line),
        }
    }
    for (address, guest) in wanted {
        let mut line = Property::new("ATTENDEE", &[], &format!("mailto:{address}"));
        if let Some(name) = guest.get("displayName").and_then(Value::as_str) {
            line = line.with_param("CN", name);
        }
        invite(part, Some(guest), line);
    }
}

fn invite(part: &mut Component, guest: Option<&Value>, mut line: Property) {
    let Some(guest) = guest else { return };
    let answer = guest.get("responseStatus").and_then(Value::as_str).unwrap_or(UNANSWERED);
    if answer != answer_here(&line) {
        let word =
            ANSWERS.iter().find(|(_, there)| *there == answer).map_or("NEEDS-ACTION", |(here, _)| here);
        line = line.with_param("PARTSTAT", word);
    }
    let is_optional = line.param("ROLE").is_some_and(|role| role.eq_ignore_ascii_case(OPTIONAL));
    if is_optional != is(guest, "optional") {
        line = line.with_param("ROLE", if is_optional { "REQ-PARTICIPANT" } else { OPTIONAL });
    }
    part.push(line);
}

fn answer_here(line: &Property) -> &'static str {
    let word = line.param("PARTSTAT").unwrap_or_default();
    ANSWERS.iter().find(|(here, _)| word.eq_ignore_ascii_case(here)).map_or(UNANSWERED, |(_, there)| there)
}

/// The address of a line that Google may invite.
fn guest_here(line: &Property, own: &[String]) -> Option<String> {
    let is_thing = line
        .param("CUTYPE")
        .is_some_and(|kind| ["ROOM", "RESOURCE"].iter().any(|thing| kind.eq_ignore_ascii_case(thing)));
    mail(line.value()).filter(|address| !is_thing && !own.contains(address) && email_key(address).is_ok())
}

fn guest_there(one: &Value, own: &[String]) -> Option<String> {
    let is_other = ["self", "organizer", "resource"].iter().any(|name| is(one, name));
    let address = one.get("email").and_then(Value::as_str).map(str::to_lowercase);
    address.filter(|address| !is_other && !own.contains(address) && email_key(address).is_ok())
}

/// The address behind `mailto:`, in small letters.
fn mail(value: &str) -> Option<String> {
    let value = value.trim();
    value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"))?;
    Some(value[7..].to_lowercase())
}

fn is(one: &Value, name: &str) -> bool {
    one.get(name).and_then(Value::as_bool).unwrap_or_default()
}

/// In one order; None: nobody.
fn listed(guests: ByAddress) -> Option<Value> {
    let one = |(address, mut guest): (String, Fields)| {
        guest.insert("email".into(), address.into());
        Value::Object(guest)
    };
    (!guests.is_empty()).then(|| guests.into_iter().map(one).collect())
}

fn each(list: Option<&Value>) -> impl Iterator<Item = (String, &Value)> {
    let all = list.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| Some((one.get("email")?.as_str()?.to_owned(), one)))
}

/// What is compared of each.
fn by_address(list: Option<&Value>) -> ByAddress {
    let compared = |one: &Value| {
        let pair = |name: &str| Some((name.to_owned(), one.get(name)?.clone()));
        ["optional", "responseStatus"].into_iter().filter_map(pair).collect()
    };
    each(list).map(|(address, one)| (address, compared(one))).collect()
}

fn named(list: Option<&Value>) -> BTreeMap<String, Value> {
    each(list).filter_map(|(address, one)| Some((address, one.get("displayName")?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(guests: &[(&str, &str)]) -> Option<Value> {
        let one = |(address, answer): &(&str, &str)| json!({ "email": address, "responseStatus": answer });
        (!guests.is_empty()).then(|| guests.iter().map(one).collect())
    }

    #[test]
    fn guests_are_merged_one_by_one() {
        let base = list(&[("a@x", UNANSWERED), ("b@x", UNANSWERED), ("c@x", UNANSWERED)]);
        let here = list(&[("b@x", UNANSWERED), ("c@x", UNANSWERED), ("d@x", UNANSWERED)]);
        let there = list(&[("a@x", "accepted"), ("b@x", "accepted"), ("e@x", UNANSWERED)]);
        let all = merged(base.as_ref(), here.as_ref(), there.as_ref());
        let wanted = list(&[("b@x", "accepted"), ("d@x", UNANSWERED), ("e@x", UNANSWERED)]);
        assert!(alike(all.as_ref(), wanted.as_ref()), "{all:?}");
        assert!(merged(base.as_ref(), base.as_ref(), None).is_none() && alike(None, Some(&json!([]))));
    }

    #[test]
    fn s71_what_is_no_address_is_no_guest() {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\n\
            DTSTART:20260302T100000Z\r\nORGANIZER:mailto:Ada@Clinic.example\r\nATTENDEE:mailto:ada@clinic.example\r\n\
            ATTENDEE;CN=B;PARTSTAT=delegated:MAILTO:Bob@x.example\r\nATTENDEE:tel:0171\r\nATTENDEE:mailto:no one\r\n\
            ATTENDEE;CUTYPE=ROOM:mailto:room@x.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let tree = Component::parse(text.as_bytes(), &ical::Limits::default()).unwrap();
        let own = ["ada@clinic.example".to_owned()];
        assert!(are_hers(&tree, &own) && has_unreachable_guest(&tree));
        assert!(!are_hers(&tree, &["eve@clinic.example".into()]) && !are_hers(&tree, &[]));
        let part = tree.components().next().unwrap();
        let bob = json!([{ "email": "bob@x.example", "displayName": "B", "responseStatus": UNANSWERED }]);
        assert_eq!(here(part, &own), Some(bob.clone()));
        let mut part = part.clone();
        let before = part.clone();
        lay(&mut part, Some(&bob), &own);
        assert!(part == before, "an answer Google has no word for stays");
        lay(&mut part, None, &own);
        assert!(here(&part, &own).is_none() && part.all("ATTENDEE").count() == 4, "{part:?}");
        let answered = json!([{ "email": "eve@x.example", "optional": true, "responseStatus": "accepted", "displayName": "E;V" }]);
        lay(&mut part, Some(&answered), &own);
        assert_eq!(here(&part, &own), Some(answered));
    }

    #[test]
    fn the_list_is_sent_whole_with_what_is_not_ours() {
        let stands = json!({ "attendees": [
            { "email": "ada@x.example", "self": true, "responseStatus": "accepted" },
            { "email": "room@x.example", "resource": true },
            { "email": "b@x.example", "comment": "late", "responseStatus": "accepted" },
            { "email": "c@x.example" },
        ] });
        let wanted = list(&[("b@x.example", "accepted"), ("d@x.example", UNANSWERED)]);
        let all = sent(wanted.as_ref(), stands.as_object().unwrap(), &["ada@x.example".to_owned()]);
        let emails: Vec<&str> =
            all.as_array().unwrap().iter().map(|one| one["email"].as_str().unwrap()).collect();
        assert_eq!(
            (emails, &all[2]["comment"]),
            (vec!["ada@x.example", "room@x.example", "b@x.example", "d@x.example"], &json!("late"))
        );
    }
}
