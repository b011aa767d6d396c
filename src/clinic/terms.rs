//! What a clinic can be asked for: locations, departments, specialties, languages, modes, room types.

use store::{Dimension, Term, TermBody, TermId};

use super::access::{self, Subject, Verb};
use super::directory::{Cursor, Directory, Page, code, deed, line, maybe_line, still};
use super::error::{Error, Result};
use crate::accounts::Caller;
use crate::calendar::Author;

/// Characters of a term's name and of its detail.
const NAME: usize = 200;
const DETAIL: usize = 1000;

/// A term to be made.
#[derive(Clone, Debug)]
pub struct NewTerm {
    pub dimension: Dimension,
    pub code: String,
    pub name: String,
    pub detail: Option<String>,
}

/// What to change of a term; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct TermChange {
    pub name: Option<String>,
    pub detail: Option<Option<String>>,
    /// False: it is offered no more, and stays where it is used.
    pub active: Option<bool>,
}

impl Directory {
    pub async fn add_term(&self, by: Author<'_>, new: NewTerm) -> Result<Term> {
        access::need(by.who, Subject::Terms, Verb::Write, None)?;
        let body = TermBody {
            dimension: new.dimension,
            code: code("code", &new.code)?,
            name: line("name", &new.name, NAME)?,
            detail: maybe_line("detail", new.detail.as_deref(), DETAIL)?,
            disabled_at: None,
        };
        let who = by.who.clone();
        self.change(by, move |tx| {
            Box::pin(async move {
                let made = tx.insert_term(body).await?;
                let what = serde_json::json!({ "dimension": made.body.dimension.text() });
                tx.audit(vec![deed(&who, "term-made", format!("term {}", made.id), what)]).await?;
                Ok(made)
            })
        })
        .await
    }

    pub async fn terms(&self, who: &Caller, cursor: Cursor) -> Result<Page<Term>> {
        access::need(who, Subject::Terms, Verb::Read, None)?;
        let mut conn = self.store.read(who.clinic()).await?;
        let rows = conn.terms(who.clinic(), TermId(cursor.after), cursor.limit()).await?;
        Ok(cursor.page(rows, |term| term.id.0, Some))
    }

    pub async fn term(&self, who: &Caller, id: TermId) -> Result<Term> {
        access::need(who, Subject::Terms, Verb::Read, None)?;
        let found = self.store.read(who.clinic()).await?.term(who.clinic(), id).await?;
        found.ok_or(Error::NotFound("term"))
    }

    /// `version` is the `seq` of what the caller read.
    pub async fn change_term(
        &self,
        by: Author<'_>,
        id: TermId,
        version: Option<i64>,
        change: TermChange,
    ) -> Result<Term> {
        access::need(by.who, Subject::Terms, Verb::Write, None)?;
        let name = change.name.as_deref().map(|name| line("name", name, NAME)).transpose()?;
        let detail =
            change.detail.map(|detail| maybe_line("detail", detail.as_deref(), DETAIL)).transpose()?;
        let who = by.who.clone();
        self.change(by, move |tx| {
            Box::pin(async move {
                let clinic = tx.clinic();
                let mut term = tx.term(clinic, id).await?.ok_or(Error::NotFound("term"))?;
                still(version, term.seq)?;
                let body = &mut term.body;
                body.name = name.unwrap_or_else(|| body.name.clone());
                body.detail = detail.unwrap_or_else(|| body.detail.clone());
                body.disabled_at = match change.active {
                    Some(true) => None,
                    Some(false) => body.disabled_at.or(Some(tx.now())),
                    None => body.disabled_at,
                };
                tx.replace_term(id, body.clone()).await?;
                let what = serde_json::json!({ "active": body.disabled_at.is_none() });
                tx.audit(vec![deed(&who, "term-changed", format!("term {id}"), what)]).await?;
                term.seq = tx.seq();
                Ok(term)
            })
        })
        .await
    }
}
