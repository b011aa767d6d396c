//! Lists, a page at a time: `cursor` is what `next` of the page before said, and means nothing to whoever sends it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clinic::{Cursor, PAGE, Page};
use crate::edge::Problem;

/// Which page of a list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paged {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Things on a page: 20 unless said otherwise, 200 at most.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u32>,
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// The cursor of the next page; null: this is the last.
    pub next: Option<String>,
}

impl Paged {
    pub fn read(&self) -> Result<Cursor, Problem> {
        cursor(self.cursor.as_deref(), self.limit)
    }
}

/// For lists with questions of their own.
pub fn cursor(text: Option<&str>, limit: Option<u32>) -> Result<Cursor, Problem> {
    let wrong = |what| Problem::bad_request(what).code("INVALID_CURSOR");
    let after = text.map_or(Some(0), |text| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        std::str::from_utf8(&bytes).ok()?.parse().ok()
    });
    let after = after.ok_or_else(|| wrong("The cursor is what `next` of the page before said."))?;
    match limit.unwrap_or(PAGE) {
        limit @ 1..=200 => Ok(Cursor { after, limit }),
        _ => Err(wrong("A page has from 1 to 200 things.")),
    }
}

/// A cursor of several words: a place in a list that is in no order of ids.
pub fn place<T: Serialize>(place: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place that a cursor of several words names.
pub fn read_place<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let wrong = "The cursor is what `next` of the page before said.";
    place.ok_or_else(|| Problem::bad_request(wrong).code("INVALID_CURSOR"))
}

/// Things on a page.
pub fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    cursor(None, asked).map(|cursor| cursor.limit)
}

/// A page as it is answered.
pub fn listed<T, S>(page: Page<T>, mut shown: impl FnMut(T) -> S) -> Listed<S> {
    Listed {
        items: page.items.into_iter().map(&mut shown).collect(),
        next: page.next.map(|next| URL_SAFE_NO_PAD.encode(next.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_what_the_page_before_said() {
        let page = listed(Page { items: vec![1], next: Some(41) }, |one| one);
        let read = cursor(page.next.as_deref(), Some(200)).ok().map(|cursor| (cursor.after, cursor.limit));
        assert_eq!(read, Some((41, 200)));
        for (text, limit) in [(Some("41"), None), (Some("!"), None), (None, Some(0)), (None, Some(201))] {
            assert!(cursor(text, limit).is_err(), "{text:?} {limit:?}");
        }
    }
}
