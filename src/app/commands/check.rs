//! `kalends check`: every stored text against its hash, the index against the text. Changes nothing.

use clap::Args;

use super::Context;
use crate::app::output::say;
use crate::{app::Error, calendar::Flaw};

/// Compare every stored object with its hash, and the index with the objects.
///
/// Exit code 1 when something is wrong; each object is named on standard error with what to do.
#[derive(Debug, Args)]
pub struct Check {}

impl Check {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts().await?;
        let found = parts.calendars.check().await?;
        for (collection, name, flaw) in &found.first {
            eprintln!("calendar {collection}, object {name}: {}", sentence(*flaw));
        }
        say!("{} objects checked, {} with flaws", found.objects, found.flaws);
        parts.close().await?;
        match found.flaws {
            0 => Ok(()),
            _ => Err(Error::failed("the check found flaws")),
        }
    }
}

fn sentence(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Damaged => "its bytes are not those that were written; restore it from a backup",
        Flaw::Unreadable => "it is no calendar object; ask its owner to save it again, or delete it",
        Flaw::Index => "the index says something else than its text; run `kalends reindex`",
    }
}
