//! When an app password, a token or a feed was used last: gathered in memory, written together.
//!
//! Invariant: reading a calendar never waits for this, and a row is written at most once in [`EVERY_SECONDS`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use store::{AppPasswordId, Aside, ClinicId, FeedId, TokenId};

use super::{Accounts, Error};

/// How exact "last used" is.
pub const EVERY_SECONDS: i64 = 60;

/// What was used since the last write.
#[derive(Default)]
pub struct Uses(Mutex<Gathered>);

#[derive(Default)]
struct Gathered {
    app_passwords: BTreeMap<ClinicId, BTreeSet<AppPasswordId>>,
    feeds: BTreeMap<ClinicId, BTreeSet<FeedId>>,
    tokens: BTreeMap<ClinicId, BTreeSet<TokenId>>,
}

impl Uses {
    pub fn note_app_password(&self, clinic: ClinicId, id: AppPasswordId) {
        self.with(|gathered| gathered.app_passwords.entry(clinic).or_default().insert(id));
    }

    pub fn note_feed(&self, clinic: ClinicId, id: FeedId) {
        self.with(|gathered| gathered.feeds.entry(clinic).or_default().insert(id));
    }

    pub fn note_token(&self, clinic: ClinicId, id: TokenId) {
        self.with(|gathered| gathered.tokens.entry(clinic).or_default().insert(id));
    }

    fn with<T>(&self, change: impl FnOnce(&mut Gathered) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Accounts {
    /// Writes what was gathered: called by a timer every [`EVERY_SECONDS`] and at the end. What cannot be written
    /// is dropped: a lost "last used" is no reason to retry for ever.
    pub async fn write_uses(&self) -> Result<(), Error> {
        let gathered = self.inner.uses.with(std::mem::take);
        if gathered.app_passwords.is_empty() && gathered.feeds.is_empty() && gathered.tokens.is_empty() {
            return Ok(());
        }
        let written = self.inner.store.aside(move |aside| Box::pin(write(aside, gathered))).await;
        written.map_err(Error::Store)
    }
}

async fn write(aside: &mut Aside, gathered: Gathered) -> Result<(), store::Error> {
    for (clinic, ids) in gathered.app_passwords {
        aside.touch_app_passwords(clinic, &Vec::from_iter(ids)).await?;
    }
    for (clinic, ids) in gathered.tokens {
        aside.touch_tokens(clinic, &Vec::from_iter(ids)).await?;
    }
    for (clinic, ids) in gathered.feeds {
        aside.touch_feeds(clinic, &Vec::from_iter(ids)).await?;
    }
    Ok(())
}
