//! API tokens: what programs log in with (RFC 6750), made, listed, revoked, recognised.
//!
//! A token is 200 random bits behind a word by which a scanner of leaked secrets knows it; only its SHA-256 is kept. A
//! recognised one is remembered while `clinics.structure` stands still, so a revoked one ends within a second in every
//! process. Its end is compared with the clock at every request.

use std::sync::Arc;

use quick_cache::sync::Cache;
use store::{Instant, NewToken, Token, TokenId};

use super::{
    Accounts, Caller, Error, Refused, Scopes, Secret,
    app_passwords::LABEL,
    login::{Identity, Via},
    people, seal,
};

/// What every token begins with.
pub const MARK: &str = "kalends_";
/// Tokens remembered.
pub const REMEMBERED: usize = 10_000;

/// The memory of recognised tokens, by the hash of their text.
pub struct Tokens(Cache<[u8; 32], Arc<Known>>);

struct Known {
    identity: Arc<Identity>,
    expires_at: Option<i64>,
    structure: i64,
}

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens(Cache::new(REMEMBERED))
    }
}

impl Accounts {
    /// Makes one that speaks in the caller's name, for these scopes only, until then. The text is not kept: show it now.
    pub async fn add_token(
        &self,
        who: &Caller,
        label: &str,
        scopes: &Scopes,
        expires_at: Option<i64>,
    ) -> Result<(TokenId, Secret), Error> {
        let label = people::line(label, LABEL, "a label has 1 to 100 characters on one line")?;
        if expires_at.is_some_and(|end| end <= self.now()) {
            return Err(Error::Invalid("a token ends after now"));
        }
        let text = Secret::new(format!("{MARK}{}", seal::random_text()?.expose()));
        let secret_hash = seal::secret_hash(text.expose());
        let new =
            NewToken { principal: who.principal(), label, secret_hash, scopes: scopes.text(), expires_at };
        let made =
            self.write(who, move |tx| Box::pin(async move { Ok(tx.insert_token(new).await?) })).await?;
        Ok((made.id, text))
    }

    /// All of the caller, revoked ones too.
    pub async fn tokens(&self, who: &Caller) -> Result<Vec<Token>, Error> {
        Ok(self.inner.store.read(who.clinic()).await?.tokens(who.clinic(), who.principal()).await?)
    }

    pub async fn revoke_token(&self, who: &Caller, id: TokenId) -> Result<(), Error> {
        let of = who.principal();
        let was = self.write(who, move |tx| Box::pin(async move { Ok(tx.revoke_token(of, id).await?) }));
        if was.await? { Ok(()) } else { Err(Error::NotFound("live token")) }
    }

    /// Who speaks by this token. 200 bits are not guessed: failures are not counted, only refused.
    pub async fn bearer(&self, token: &Secret) -> Result<Caller, Refused> {
        let text = token.expose();
        let is_shaped = text.strip_prefix(MARK).is_some_and(|rest| rest.len() == seal::RANDOM_LETTERS);
        if !is_shaped {
            return Err(Refused::Wrong);
        }
        let hash = seal::secret_hash(text);
        if let Some(known) = self.inner.tokens.0.get(&hash) {
            let at = self.inner.store.instant(known.identity.clinic).await?;
            if at.version.structure == known.structure {
                return self.speaks(&known, at);
            }
            self.inner.tokens.0.remove(&hash);
        }
        let (known, at) = self.recognise(&hash).await?.ok_or(Refused::Wrong)?;
        let known = Arc::new(known);
        self.inner.tokens.0.insert(hash, known.clone());
        self.speaks(&known, at)
    }

    /// The version is read before the row that decides: a change in between is seen at the next request.
    async fn recognise(&self, hash: &[u8; 32]) -> Result<Option<(Known, Instant)>, Refused> {
        let store = &self.inner.store;
        let Some((first, _)) = store.across().await?.token_by_hash(hash).await? else { return Ok(None) };
        let at = store.instant(first.clinic).await?;
        let found = store.read(first.clinic).await?.token_by_hash(hash).await?;
        let Some((token, principal)) = found.filter(|(_, principal)| principal.disabled_at.is_none()) else {
            return Ok(None);
        };
        let identity = Identity {
            clinic: token.clinic,
            principal: principal.id,
            name: principal.name,
            role: principal.role,
            via: Via::Token(token.id),
            // What was stored by a newer release and cannot be read allows nothing.
            scopes: Some(Scopes::read(&token.scopes).unwrap_or_default()),
        };
        let (expires_at, structure) = (token.expires_at, at.version.structure);
        Ok(Some((Known { identity: Arc::new(identity), expires_at, structure }, at)))
    }

    fn speaks(&self, known: &Known, at: Instant) -> Result<Caller, Refused> {
        if known.expires_at.is_some_and(|end| end <= self.now()) {
            return Err(Refused::Wrong);
        }
        if let Via::Token(id) = known.identity.via {
            self.inner.uses.note_token(known.identity.clinic, id);
        }
        Ok(Caller::new(known.identity.clone(), at))
    }
}
