//! What Apple's clients and Calendar Server added: colour, order, getctag, addresses.
//! Invariant: the rest of the forty that Apple asks for is unknown here and answered by a quiet 404 per property.

use super::property::{Change, Kinds, Loaded, Property, Reading, Refusal, text};
use crate::dav::xml::{Element, Name, Writer, names};

pub const APPLE: &[&dyn Property] = &[&CalendarColor, &CalendarOrder, &GetCtag, &EmailAddressSet];

/// Longest colour that is kept; clients send `#RRGGBB`, `#RRGGBBAA` and now and then a name.
const COLOR: usize = 32;

struct CalendarColor;
impl Property for CalendarColor {
    fn name(&self) -> Name {
        names::CALENDAR_COLOR
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), at.calendar().and_then(|shown| shown.row().color.as_deref()))
    }
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        let color = to.map(|element| element.text().trim().to_owned());
        if color.as_ref().is_some_and(|color| color.is_empty() || color.len() > COLOR) {
            return Err(Refusal::Value);
        }
        change.live.color = Some(color);
        Ok(())
    }
}

struct CalendarOrder;
impl Property for CalendarOrder {
    fn name(&self) -> Name {
        names::CALENDAR_ORDER
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let order = at.calendar().and_then(|shown| shown.row().sort_order);
        text(out, self.name(), order.map(|order| order.to_string()).as_deref())
    }
    fn set(&self, change: &mut Change, to: Option<Element>) -> Result<(), Refusal> {
        let order = match to {
            None => None,
            Some(element) => Some(element.text().trim().parse::<i64>().map_err(|_| Refusal::Value)?),
        };
        change.live.sort_order = Some(order);
        Ok(())
    }
}

struct GetCtag;
impl Property for GetCtag {
    fn name(&self) -> Name {
        names::GETCTAG
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        text(out, self.name(), at.calendar().map(|shown| shown.ctag()).as_deref())
    }
}

struct EmailAddressSet;
impl Property for EmailAddressSet {
    fn name(&self) -> Name {
        names::EMAIL_ADDRESS_SET
    }
    fn on(&self) -> Kinds {
        Kinds::PRINCIPAL
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let Some(email) = at.person().and_then(|person| person.email.as_deref()) else {
            return Reading::Missing;
        };
        out.open(self.name());
        out.element(names::EMAIL_ADDRESS, email);
        out.close(self.name());
        Reading::Found
    }
}
