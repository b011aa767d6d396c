//! `kalends token ...`: what programs log in with, each for a few things and until some day.

use clap::Subcommand;
use store::TokenId;

use super::{Context, context};
use crate::app::Error;
use crate::app::output::say;
use crate::{accounts::Scopes, clinic};

const DAY: i64 = 86_400;

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make one that speaks for this user and print it, once.
    Add {
        user: String,
        label: String,
        /// What it is for, such as slots or patients:read; never more than the role of its user allows
        #[arg(long, required = true, value_delimiter = ',')]
        scope: Vec<String>,
        /// Days until it ends [default: never]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
        expires: Option<u16>,
    },
    /// All of a user, one line each: id, label, scopes, made, ends, last used, state.
    List { user: String },
    /// End one; it is refused within a second.
    Revoke { user: String, id: i64 },
}

impl Token {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts().await?;
        match self {
            Token::Add { user, label, scope, expires } => {
                let scopes = Scopes::new(&scope)?;
                known(&scopes)?;
                let who = parts.accounts.operator(&user).await?;
                let end = expires.map(|days| parts.accounts.now() + i64::from(days) * DAY);
                let (_, secret) = parts.accounts.add_token(&who, &label, &scopes, end).await?;
                say!("{}", secret.expose());
            }
            Token::List { user } => {
                let who = parts.accounts.operator(&user).await?;
                for one in parts.accounts.tokens(&who).await? {
                    let (made, end) =
                        (context::time(one.created_at), context::time_or(one.expires_at, "never ends"));
                    let used = context::time_or(one.used_at, "never used");
                    let state = context::time_or(one.revoked_at, "active");
                    say!("{}\t{}\t{}\t{made}\t{end}\t{used}\t{state}", one.id, one.label, one.scopes);
                }
            }
            Token::Revoke { user, id } => {
                let who = parts.accounts.operator(&user).await?;
                parts.accounts.revoke_token(&who, TokenId(id)).await?;
            }
        }
        parts.close().await
    }
}

/// A word that means nothing would be found out at the first call that is refused.
fn known(scopes: &Scopes) -> Result<(), Error> {
    match scopes.words().find(|word| clinic::Subject::named(word).is_none()) {
        None => Ok(()),
        Some(word) => {
            let all = clinic::Subject::ALL.map(clinic::Subject::word).join(", ");
            Err(Error::failed(format!("there is no scope {word:?}; scopes are {all}")))
        }
    }
}
