//! Page tokens and sync tokens: positions in the one sequence of changes, made opaque. A token knows its list, the
//! parameters it was made with, and the epoch in which it was made.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ask::Query,
    opaque,
    problem::{self, Problem},
    state::{Fields, Manners},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// The list: a calendar's events, or a person's calendars.
    pub list: String,
    /// Changes up to here are known to the holder.
    pub seen: u64,
    /// Of a page token: changes above this are left to the next delta.
    pub until: u64,
    /// Of a page token: the key of the last item shown.
    pub key: Option<String>,
    pub params: u64,
    pub epoch: u64,
    pub made: i64,
}

/// What a list asks of its items: from where, up to where, after which key.
pub struct Place {
    pub token: Token,
    /// [D] Only what changed since, deletions included.
    pub is_delta: bool,
}

/// What a list is made of.
pub struct Asked<'a> {
    pub query: &'a Query,
    pub list: &'a str,
    /// [D] Parameters that must be the same in every round; a change of them gives undefined behaviour, here 400.
    pub fixed: &'a [&'a str],
    /// [D] Parameters that cannot stand beside a sync token.
    pub forbidden: &'a [&'a str],
    pub epoch: u64,
    pub now: i64,
    pub changes: u64,
}

pub fn place(asked: &Asked, manners: &Manners) -> Result<Place, Problem> {
    let params = fingerprint(asked.query, asked.fixed);
    let mut token = Token {
        list: asked.list.to_owned(),
        seen: 0,
        until: asked.changes,
        key: None,
        params,
        epoch: asked.epoch,
        made: asked.now,
    };
    let sync = asked.query.get("syncToken");
    if let Some(text) = sync {
        token.seen = since(text, asked, params, manners)?;
    }
    if let Some(text) = asked.query.get("pageToken") {
        let bad = || problem::invalid("Invalid page token value.").at("parameter", "pageToken");
        let page: Token = opaque::from_token(text).ok_or_else(bad)?;
        let is_ours = page.key.is_some() && page.list == token.list && page.params == params;
        // [D] The other parameters stay; a page token carries its round's beginning.
        if !is_ours || (sync.is_some() && page.seen != token.seen) {
            return Err(bad());
        }
        if page.epoch != asked.epoch {
            return Err(problem::full_sync());
        }
        token = Token { made: asked.now, ..page };
    }
    Ok(Place { is_delta: sync.is_some() || token.seen > 0, token })
}

fn since(text: &str, asked: &Asked, params: u64, manners: &Manners) -> Result<u64, Problem> {
    if let Some(name) = asked.forbidden.iter().find(|name| asked.query.has(name)) {
        // [D] That they exclude each other; [K] the wording.
        let message = format!("The sync token cannot be used together with the parameter {name}.");
        return Err(problem::invalid(&message).at("parameter", "syncToken"));
    }
    if asked.query.get("showDeleted") == Some("false") {
        // [D] Deleted entries are always part of a delta.
        return Err(
            problem::invalid("Sync token requires showDeleted to be true.").at("parameter", "showDeleted")
        );
    }
    let token: Token = opaque::from_token(text).ok_or_else(problem::bad_sync_token)?;
    if token.key.is_some() || token.list != asked.list || token.params != params {
        return Err(problem::bad_sync_token());
    }
    if token.epoch != asked.epoch || token.made + manners.token_life < asked.now {
        return Err(problem::full_sync());
    }
    Ok(token.seen)
}

fn fingerprint(query: &Query, fixed: &[&str]) -> u64 {
    let mut pairs: Vec<_> = query.0.iter().filter(|(name, _)| fixed.contains(&&**name)).collect();
    pairs.sort();
    opaque::number(&format!("{pairs:?}"))
}

/// Cuts one page out of the keys, which are sorted here, and writes the token that follows it into `body`.
/// `tokens` says whether the last page carries a sync token.
pub fn cut<T>(
    mut keys: Vec<(String, T)>,
    place: &Place,
    size: usize,
    manners: &Manners,
    tokens: bool,
    body: &mut Fields,
) -> Vec<T> {
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    let after = place.token.key.as_deref().unwrap_or_default();
    // A page that was empty by manners ends in this mark, so that the next one is not.
    let (after, was_empty) = match after.strip_suffix('\u{1}') {
        Some(after) => (after, true),
        None => (after, false),
    };
    let rest = keys.into_iter().filter(|(key, _)| key.as_str() > after || after.is_empty());
    let mut rest: Vec<_> = rest.collect();
    let size = size.min(manners.page_cap).max(1);
    if manners.has_empty_pages && !was_empty && !rest.is_empty() && !after.is_empty() {
        rest.clear();
        next(body, place, format!("{after}\u{1}"));
        return Vec::new();
    }
    if rest.len() > size {
        rest.truncate(size);
        let last = rest.last().map(|(key, _)| key.clone()).unwrap_or_default();
        next(body, place, last);
    } else if tokens {
        // [D] Only on the last page, never beside a page token.
        let token = Token { seen: place.token.until, key: None, ..place.token.clone() };
        body.insert("nextSyncToken".into(), opaque::token(&token).into());
    }
    rest.into_iter().map(|(_, item)| item).collect()
}

fn next(body: &mut Fields, place: &Place, key: String) {
    let token = Token { key: Some(key), ..place.token.clone() };
    body.insert("nextPageToken".into(), Value::String(opaque::token(&token)));
}
