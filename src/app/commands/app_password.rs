//! `kalends app-password ...`: one password per device.

use clap::Subcommand;
use store::AppPasswordId;

use super::{Context, context};
use crate::app::Error;
use crate::app::output::say;

#[derive(Debug, Subcommand)]
pub enum AppPassword {
    /// Make one and print it, once.
    Add { user: String, label: String },
    /// All of a user, one line each: id, label, made, last used, state.
    List { user: String },
    /// End one; its device is refused within a second.
    Revoke { user: String, id: i64 },
}

impl AppPassword {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts().await?;
        match self {
            AppPassword::Add { user, label } => {
                let who = parts.accounts.operator(&user).await?;
                let (_, secret) = parts.accounts.add_app_password(&who, &label).await?;
                say!("{}", secret.expose());
            }
            AppPassword::List { user } => {
                let who = parts.accounts.operator(&user).await?;
                for one in parts.accounts.app_passwords(&who).await? {
                    let (made, used) =
                        (context::time(one.created_at), context::time_or(one.used_at, "never used"));
                    let state = context::time_or(one.revoked_at, "active");
                    say!("{}\t{}\t{made}\t{used}\t{state}", one.id, one.label);
                }
            }
            AppPassword::Revoke { user, id } => {
                let who = parts.accounts.operator(&user).await?;
                parts.accounts.revoke_app_password(&who, AppPasswordId(id)).await?;
            }
        }
        parts.close().await
    }
}
