//! What was done, for those who run the clinic; and the tokens in whose names programs do it.

use store::{AuditOf, Audited, Token, TokenId};

use super::access::{self, Subject, Verb};
use super::directory::{Directory, PAGE_MOST, deed};
use super::error::{Result, invalid};
use crate::accounts::{Caller, Scopes, Secret};
use crate::calendar::Author;

/// The row of the audit after which a page begins: its change, and the place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditAfter(pub i64, pub i64);

impl AuditAfter {
    /// Before the first.
    pub const START: AuditAfter = AuditAfter(0, -1);

    pub fn text(self) -> String {
        format!("{}-{}", self.0, self.1)
    }

    pub fn read(text: &str) -> Option<AuditAfter> {
        let (seq, n) = text.split_once('-')?;
        Some(AuditAfter(seq.parse().ok()?, n.parse().ok()?))
    }
}

impl Directory {
    /// A page of the audit, oldest first.
    pub async fn audited(
        &self,
        who: &Caller,
        of: AuditOf<'_>,
        after: AuditAfter,
        limit: u32,
    ) -> Result<Vec<Audited>> {
        access::need(who, Subject::Audit, Verb::Read, None)?;
        let mut conn = self.store.read(who.clinic()).await?;
        let limit = limit.clamp(1, PAGE_MOST);
        Ok(conn.audited(who.clinic(), of, (after.0, after.1), limit).await?)
    }

    /// The caller's tokens, revoked ones too.
    pub async fn tokens(&self, who: &Caller) -> Result<Vec<Token>> {
        access::need(who, Subject::Tokens, Verb::Read, Some(who.principal()))?;
        Ok(self.accounts.tokens(who).await?)
    }

    /// A token that speaks in the caller's name until then (seconds UTC; None: for good). Whoever logged in with a token
    /// gives no scope that it lacks.
    pub async fn add_token(
        &self,
        by: Author<'_>,
        label: &str,
        scopes: &[String],
        expires_at: Option<i64>,
    ) -> Result<(TokenId, Secret)> {
        access::need(by.who, Subject::Tokens, Verb::Write, Some(by.who.principal()))?;
        for scope in scopes {
            let (word, writes) =
                scope.strip_suffix(":read").map_or((scope.as_str(), true), |word| (word, false));
            if Subject::named(word).is_none() {
                return invalid("scopes", "there is no such scope");
            }
            if !by.who.is_for(word, writes) {
                return invalid("scopes", "a token gives no scope that it lacks itself");
            }
        }
        let made = self.accounts.add_token(by.who, label, &Scopes::new(scopes)?, expires_at).await?;
        self.note_token(by, "token-made", made.0).await?;
        Ok(made)
    }

    /// Ends one of the caller's.
    pub async fn revoke_token(&self, by: Author<'_>, id: TokenId) -> Result<()> {
        access::need(by.who, Subject::Tokens, Verb::Write, Some(by.who.principal()))?;
        self.accounts.revoke_token(by.who, id).await?;
        self.note_token(by, "token-revoked", id).await
    }

    async fn note_token(&self, by: Author<'_>, kind: &'static str, id: TokenId) -> Result<()> {
        let deed = deed(by.who, kind, format!("token {id}"), serde_json::json!({}));
        self.change(by, move |tx| Box::pin(async move { Ok(tx.audit(vec![deed]).await?) })).await
    }
}
