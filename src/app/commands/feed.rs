//! `kalends feed ...`: secret links for those who cannot log in (Google, Outlook on the web).

use clap::Subcommand;
use store::{FeedId, FeedScope};

use super::{Context, context};
use crate::app::Error;
use crate::app::output::say;

#[derive(Debug, Subcommand)]
pub enum Feed {
    /// Make a link and print its URL, once.
    Add {
        user: String,
        slug: String,
        /// Show when it is busy, and nothing else.
        #[arg(long)]
        busy_only: bool,
        /// To know it by in the list
        #[arg(long, default_value = "feed")]
        label: String,
    },
    /// All of a calendar, one line each: id, label, scope, made, last used, state.
    List { user: String, slug: String },
    /// End a link; it is refused within a second.
    Revoke { user: String, slug: String, id: i64 },
}

impl Feed {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts().await?;
        let (Feed::Add { user, slug, .. } | Feed::List { user, slug } | Feed::Revoke { user, slug, .. }) =
            &self;
        let who = parts.accounts.operator(user).await?;
        let shown = context::shown(&parts, &who, slug).await?;
        let of = shown.row().id;
        match self {
            Feed::Add { busy_only, label, .. } => {
                let scope = if busy_only { FeedScope::Busy } else { FeedScope::Full };
                let (_, secret) = parts.accounts.add_feed(&who, of, scope, &label).await?;
                let base = context.config.base_url();
                say!("{base}/feeds/{}.ics", secret.expose());
                eprintln!("busy times only: {base}/freebusy/{}", secret.expose());
            }
            Feed::List { .. } => {
                for one in parts.accounts.feeds(&who, of).await? {
                    let scope = if one.scope == FeedScope::Busy { "busy" } else { "full" };
                    let (made, used) =
                        (context::time(one.created_at), context::time_or(one.used_at, "never used"));
                    let state = context::time_or(one.revoked_at, "active");
                    say!("{}\t{}\t{scope}\t{made}\t{used}\t{state}", one.id, one.label);
                }
            }
            Feed::Revoke { id, .. } => parts.accounts.revoke_feed(&who, of, FeedId(id)).await?,
        }
        parts.close().await
    }
}
