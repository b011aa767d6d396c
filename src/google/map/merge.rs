//! Three images to one: what both sides agreed on, what it is here, what it is there. Groups of fields that only one side
//! changed are taken from it; of a group that both changed one side wins, by what the object is.

use std::collections::BTreeSet;

use super::guests::{self, GUESTS};
use super::image::{GROUPS, Image, PEOPLE, Part, TEXT, WHEN, WHOLE, same_group, same_part};
use crate::google::api::Fields;

/// Who is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// An appointment whose times the clinic decides: a change in Google is put back.
    Clinic,
    /// An appointment that its practitioner may move in Google.
    Appointment,
    /// Her own: what she does in Google counts.
    Personal,
}

/// What comes of it, and what the office should know.
pub struct Merged {
    pub image: Image,
    pub notes: Vec<&'static str>,
}

/// Texts that the link hides are not taken from there, whatever they say.
pub fn merged(base: &Image, here: &Image, there: &Image, (stance, hides): (Stance, bool)) -> Merged {
    let mut result = Merged { image: Image::default(), notes: Vec::new() };
    let keys: BTreeSet<&String> = base.0.keys().chain(here.0.keys()).chain(there.0.keys()).collect();
    for key in keys {
        let (b, h) = (base.0.get(key), here.0.get(key));
        let t = there.0.get(key).map(|part| if hides { veiled(part, b, h) } else { part.clone() });
        if let Some(part) = part((b, h, t.as_ref()), stance, &mut result.notes) {
            result.image.0.insert(key.clone(), part);
        }
    }
    if result.image.0.get(WHOLE).is_some_and(Option::is_none) {
        result.image.0.retain(|key, _| key == WHOLE);
    }
    result.image = result.image.tidy();
    result
}

/// With the texts of what was agreed, or of here.
fn veiled(part: &Part, base: Option<&Part>, here: Option<&Part>) -> Part {
    let mut fields = part.clone()?;
    let known = base.or(here).and_then(Option::as_ref);
    for name in TEXT.iter().chain(&["visibility"]) {
        match known.and_then(|known| known.get(*name)) {
            Some(value) => fields.insert((*name).to_owned(), value.clone()),
            None => fields.remove(*name),
        };
    }
    Some(fields)
}

type Sides<'a> = (Option<&'a Part>, Option<&'a Part>, Option<&'a Part>);

fn part((b, h, t): Sides<'_>, stance: Stance, notes: &mut Vec<&'static str>) -> Option<Part> {
    if same_part(h, t) || same_part(t, b) {
        return h.cloned();
    }
    match (b, h, t) {
        (Some(Some(b)), Some(Some(h)), Some(Some(t))) => Some(Some(fields(b, h, t, stance, notes))),
        _ if same_part(h, b) => t.cloned(),
        (_, Some(Some(h)), Some(Some(t))) => Some(Some(fields(t, h, t, stance, notes))),
        // Deleted or cancelled on one side, changed on the other.
        (_, Some(Some(_)), _) => {
            notes.push("changed_here_deleted_there");
            h.cloned()
        }
        (_, _, Some(Some(_))) if stance == Stance::Personal => {
            notes.push("deleted_here_changed_there");
            t.cloned()
        }
        _ => h.cloned(),
    }
}

fn fields(b: &Fields, h: &Fields, t: &Fields, stance: Stance, notes: &mut Vec<&'static str>) -> Fields {
    let mut result = h.clone();
    for group in GROUPS {
        let (here, there) = (!same_group(h, b, group), !same_group(t, b, group));
        if !there || same_group(h, t, group) {
            continue;
        }
        if group == PEOPLE {
            let all = guests::merged(b.get(GUESTS), h.get(GUESTS), t.get(GUESTS));
            result.remove(GUESTS);
            result.extend(all.map(|all| (GUESTS.to_owned(), all)));
            continue;
        }
        if group == WHEN && stance == Stance::Clinic {
            notes.push(if here { "conflict" } else { "change_put_back" });
            continue;
        }
        if here {
            notes.push("conflict");
            if stance != Stance::Personal {
                continue;
            }
        }
        for name in group {
            match t.get(*name) {
                Some(value) => result.insert((*name).to_owned(), value.clone()),
                None => result.remove(*name),
            };
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(summary: &str, start: &str) -> Image {
        let fields = json!({ "summary": summary, "start": { "date": start }, "end": { "date": start } });
        Image([(WHOLE.to_owned(), fields.as_object().cloned())].into())
    }

    #[test]
    fn s51_what_each_side_changed_is_kept() {
        let (base, here, there) =
            (image("a", "2026-01-01"), image("b", "2026-01-01"), image("a", "2026-01-02"));
        let done = merged(&base, &here, &there, (Stance::Personal, false));
        assert!(done.image == image("b", "2026-01-02") && done.notes.is_empty());
    }

    #[test]
    fn s52_of_what_both_changed_the_kind_decides() {
        let (base, here, there) =
            (image("a", "2026-01-01"), image("a", "2026-01-02"), image("a", "2026-01-03"));
        for (stance, wins) in
            [(Stance::Clinic, &here), (Stance::Appointment, &here), (Stance::Personal, &there)]
        {
            let done = merged(&base, &here, &there, (stance, false));
            assert!(done.image == *wins && done.notes == ["conflict"], "{stance:?}");
        }
    }

    #[test]
    fn s32_a_drag_of_an_appointment_is_put_back_or_taken() {
        let (base, there) = (image("a", "2026-01-01"), image("a", "2026-01-03"));
        let done = merged(&base, &base, &there, (Stance::Clinic, false));
        assert!(done.image == base && done.notes == ["change_put_back"]);
        let done = merged(&base, &base, &there, (Stance::Appointment, false));
        assert!(done.image == there && done.notes.is_empty());
    }

    #[test]
    fn s29_a_hidden_text_is_not_taken_from_there() {
        let (base, there) = (image("Busy", "2026-01-01"), image("Jane Doe", "2026-01-02"));
        let done = merged(&base, &base, &there, (Stance::Personal, true));
        assert!(done.image == image("Busy", "2026-01-02"));
    }

    #[test]
    fn s50_deleted_there_and_changed_here_stays() {
        let gone = Image([(WHOLE.to_owned(), None)].into());
        let (base, here) = (image("a", "2026-01-01"), image("b", "2026-01-01"));
        let done = merged(&base, &here, &gone, (Stance::Personal, false));
        assert!(done.image == here && done.notes == ["changed_here_deleted_there"]);
        assert!(merged(&base, &base, &gone, (Stance::Personal, false)).image == gone);
    }
}
