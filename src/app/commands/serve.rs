//! `kalends serve`.

use clap::Args;

use super::Context;
use crate::app::{Error, serve};

/// Run the server until it is asked to stop.
#[derive(Debug, Args)]
pub struct Serve {
    /// Fill a demo clinic when there are no users yet, and print what to paste into a calendar program.
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        serve::run(context.config, self.demo).await
    }
}
