//! `kalends export`: a calendar as one .ics, components as they are stored.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use clap::Args;

use super::{Context, context};
use crate::{
    app::{Error, parts::Parts},
    calendar::Shown,
};

/// Objects opened at a time.
const CHUNK: usize = 200;

/// Export a calendar as one .ics file.
#[derive(Debug, Args)]
pub struct Export {
    user: String,
    slug: String,
    /// Where to; else standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Export {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts().await?;
        let who = parts.accounts.operator(&self.user).await?;
        let shown = context::shown(&parts, &who, &self.slug).await?;
        let (what, out): (String, Box<dyn Write + Send>) = match &self.out {
            None => ("cannot write to standard output".into(), Box::new(io::stdout())),
            Some(file) => {
                let what = format!("cannot write {}", file.display());
                let made = File::create(file).map_err(Error::io(what.clone()))?;
                (what, Box::new(made))
            }
        };
        let count = export(&parts, &shown, BufWriter::new(out), &what).await?;
        eprintln!("{count} objects exported");
        parts.close().await
    }
}

async fn export(parts: &Parts, shown: &Shown, mut out: impl Write, what: &str) -> Result<usize, Error> {
    let entries = parts.calendars.list(shown).await?;
    let names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
    let head = [("VERSION", "2.0"), ("PRODID", "-//Kalends//Kalends//EN"), ("CALSCALE", "GREGORIAN")];
    let mut combine = ical::Combine::new(&head);
    let mut piece = Vec::new();
    let mut count = 0;
    for chunk in names.chunks(CHUNK) {
        for (_, text) in parts.calendars.texts(shown, chunk).await?.into_iter().flatten() {
            combine.push(&text, &mut piece);
            count += 1;
        }
        out.write_all(&piece).map_err(Error::io(what))?;
        piece.clear();
    }
    combine.finish(&mut piece);
    out.write_all(&piece).and_then(|()| out.flush()).map_err(Error::io(what))?;
    Ok(count)
}
