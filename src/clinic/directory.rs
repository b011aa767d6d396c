//! Who and what there is in a clinic: the face of practitioners, rooms, terms, services, patients and leave, and what
//! all of them share: pages, versions, the audit row of each deed.

use std::collections::HashMap;

use store::{BoxFuture, Deed, Origin, Policy, PrincipalId, Store, Tx};

use super::error::{Error, Result};
use super::making::TermOn;
use super::plan;
use crate::accounts::{Accounts, Caller};
use crate::calendar::Author;

/// Things on a page, when nobody says otherwise and at most.
pub const PAGE: u32 = 20;
pub const PAGE_MOST: u32 = 200;

/// The clinic's people and things. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    pub(super) store: Store,
    pub(super) accounts: Accounts,
}

/// A page of a list in the order of ids: its cost does not depend on how far it is, and what is made meanwhile moves
/// nothing.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; None: this is the last.
    pub next: Option<i64>,
}

/// Which page.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    /// `next` of the page before; 0 for the first.
    pub after: i64,
    pub limit: u32,
}

impl Default for Cursor {
    fn default() -> Cursor {
        Cursor { after: 0, limit: PAGE }
    }
}

impl Cursor {
    pub(super) fn limit(self) -> u32 {
        self.limit.clamp(1, PAGE_MOST)
    }

    /// What was read by this cursor; `shown` may leave things out.
    pub(super) fn page<R, T>(
        self,
        rows: Vec<R>,
        id: impl Fn(&R) -> i64,
        shown: impl Fn(R) -> Option<T>,
    ) -> Page<T> {
        let is_full = rows.len() == self.limit() as usize;
        let next = rows.last().map(id).filter(|_| is_full);
        Page { items: rows.into_iter().filter_map(shown).collect(), next }
    }
}

/// What belongs to one that can be booked, beside what it is called.
#[derive(Clone, Debug, PartialEq)]
pub struct More {
    pub terms: Vec<TermOn>,
    /// Visits at once.
    pub capacity: i64,
    pub policy: Option<Policy>,
}

impl Directory {
    /// What belongs to these, whom the caller has been shown.
    pub async fn more_of(&self, who: &Caller, ids: &[PrincipalId]) -> Result<HashMap<PrincipalId, More>> {
        let (clinic, mut conn) = (who.clinic(), self.store.read(who.clinic()).await?);
        let rows = conn.bookings_of(clinic, plan::VISITS, ids).await?;
        let more = |one: store::Booking| {
            (one.id, More { terms: Vec::new(), capacity: one.capacity, policy: one.policy })
        };
        let mut found: HashMap<_, _> = rows.into_iter().map(more).collect();
        for row in conn.terms_of(clinic, ids).await? {
            let term = TermOn { term: row.term, weekdays: row.weekdays };
            found.entry(row.resource).and_modify(|more| more.terms.push(term));
        }
        Ok(found)
    }

    pub fn new(store: Store, accounts: Accounts) -> Directory {
        Directory { store, accounts }
    }

    /// A change, signed by its author.
    pub(super) async fn change<T, F>(&self, by: Author<'_>, job: F) -> Result<T>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let (origin, caller): (Origin, PrincipalId) = (by.from, by.who.principal());
        self.store
            .write(by.who.clinic(), move |tx| {
                tx.sign(origin, Some(caller));
                job(tx)
            })
            .await
    }
}

/// What the audit says of a caller's deed; `body` is JSON without a word of a patient's.
pub(super) fn deed(who: &Caller, kind: &'static str, subject: String, body: serde_json::Value) -> Deed {
    Deed { actor: Some(who.principal()), credential: who.credential(), kind, subject, body: body.to_string() }
}

/// The caller changes what it has read, or whatever is there (None).
pub(super) fn still(version: Option<i64>, is: i64) -> Result<()> {
    if version.is_none_or(|version| version == is) { Ok(()) } else { Err(Error::Stale) }
}

/// Text on one line that people read.
pub(super) fn line(field: &'static str, text: &str, most: usize) -> Result<String> {
    let text = text.trim();
    let is_sound = !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    if is_sound {
        Ok(text.to_owned())
    } else {
        Err(Error::Invalid { field, why: "expected one line, neither empty nor too long" })
    }
}

/// The same where nothing may be said; an empty line says nothing.
pub(super) fn maybe_line(field: &'static str, text: Option<&str>, most: usize) -> Result<Option<String>> {
    text.filter(|text| !text.trim().is_empty()).map(|text| line(field, text, most)).transpose()
}

/// A short word for programs: `[a-z0-9._-]`, 1 to 64.
pub(super) fn code(field: &'static str, text: &str) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(Error::Invalid { field, why: "expected 1 to 64 of a-z 0-9 . _ -" })
    }
}

/// An IANA name, as it is written there.
pub(super) fn zone(text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let known = ical::Zone::named(text);
    let known = known.ok_or(Error::Invalid { field: "zone", why: "there is no time zone of this name" })?;
    Ok(Some(known.name().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let cursor = Cursor { after: 0, limit: 2 };
        let odd = |id: i64| (id % 2 == 1).then_some(id);
        let page = cursor.page(vec![1, 2], |id| *id, odd);
        assert_eq!((page.items, page.next), (vec![1], Some(2)), "what is left out does not end the list");
        assert_eq!(cursor.page(vec![3], |id| *id, odd).next, None);
        assert_eq!(cursor.page(Vec::new(), |id| *id, odd).next, None);
        assert_eq!(Cursor { after: 0, limit: u32::MAX }.limit(), PAGE_MOST);
        assert_eq!(Cursor { after: 0, limit: 0 }.limit(), 1);
    }

    #[test]
    fn words_are_checked() {
        assert!(code("code", "first-visit.1").is_ok());
        for bad in ["", "A", "a b", "ä", "a/b"] {
            assert!(code("code", bad).is_err(), "{bad}");
        }
        assert_eq!(line("name", "  Room 1 ", 10).unwrap(), "Room 1");
        assert!(line("name", "a\nb", 10).is_err() && line("name", " ", 10).is_err());
        assert_eq!(maybe_line("detail", Some(" "), 10).unwrap(), None);
        assert_eq!(zone(Some("Europe/Berlin")).unwrap().as_deref(), Some("Europe/Berlin"));
        assert!(zone(Some("Mars/Base")).is_err());
    }
}
