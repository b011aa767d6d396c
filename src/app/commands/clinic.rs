//! `kalends clinic ...`: the clinics of this installation, each behind its own wall.

use clap::Subcommand;

use super::Context;
use crate::app::Error;
use crate::app::output::say;

#[derive(Debug, Subcommand)]
pub enum Clinic {
    /// Make a clinic; name: 1 to 64 of a-z 0-9 . _ @ -
    Add { name: String },
    /// All of them, one line each: id, name.
    List,
}

impl Clinic {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts_made().await?;
        match self {
            Clinic::Add { name } => {
                parts.accounts.add_clinic(&name).await?;
            }
            Clinic::List => {
                for clinic in parts.accounts.clinics().await? {
                    say!("{}\t{}", clinic.id, clinic.name);
                }
            }
        }
        parts.close().await
    }
}
