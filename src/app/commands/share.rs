//! `kalends share ...`: who else may read or write a calendar, or see when it is busy.

use clap::{Subcommand, ValueEnum};

use super::{
    Context,
    context::{self, author, path},
};
use crate::app::output::say;
use crate::{
    app::{Error, parts::Parts},
    calendar::{self, ShareAs},
};

#[derive(Debug, Subcommand)]
pub enum Share {
    /// Share a calendar, or change how.
    Add {
        user: String,
        slug: String,
        /// With whom
        sharee: String,
        access: As,
    },
    /// With whom a calendar is shared, one line each: user, access.
    List { user: String, slug: String },
    /// End a share.
    Remove { user: String, slug: String, sharee: String },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum As {
    Read,
    Write,
    /// Times only: everything else is hidden.
    Busy,
}

impl From<As> for ShareAs {
    fn from(access: As) -> ShareAs {
        match access {
            As::Read => ShareAs::Read,
            As::Write => ShareAs::Write,
            As::Busy => ShareAs::Busy,
        }
    }
}

fn word(access: ShareAs) -> &'static str {
    match access {
        ShareAs::Read => "read",
        ShareAs::Write => "write",
        ShareAs::Busy => "busy",
    }
}

async fn set(
    parts: &Parts,
    (user, slug): (&str, &str),
    sharee: &str,
    access: Option<ShareAs>,
) -> Result<(), Error> {
    let who = parts.accounts.operator(user).await?;
    context::shown(parts, &who, slug).await?;
    match parts.calendars.share(author(&who), &path(&who, slug), sharee, access).await {
        Err(calendar::Error::NotFound) => {
            Err(Error::failed(format!("there is no user {sharee:?}, or no such share")))
        }
        done => Ok(done?),
    }
}

impl Share {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts().await?;
        match self {
            Share::Add { user, slug, sharee, access } => {
                set(&parts, (&user, &slug), &sharee, Some(access.into())).await?;
            }
            Share::Remove { user, slug, sharee } => {
                set(&parts, (&user, &slug), &sharee, None).await?;
            }
            Share::List { user, slug } => {
                let who = parts.accounts.operator(&user).await?;
                let shown = context::shown(&parts, &who, &slug).await?;
                for (sharee, access) in parts.calendars.shares(&shown).await? {
                    say!("{sharee}\t{}", word(access));
                }
            }
        }
        parts.close().await
    }
}
