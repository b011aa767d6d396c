//! `kalends import`: any real-world .ics into a calendar, through the one write.
//!
//! Events are grouped by UID into objects. What is refused is named on standard error, one line each, as
//! `FILE:LINE: UID: reason`; the last line on standard output counts. An object whose UID the calendar has already
//! is written over it: importing a file twice changes nothing.

use std::{
    collections::HashMap,
    io::IsTerminal,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use clap::Args;
use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use store::Origin;

use super::{Context, context};
use crate::app::output::say;
use crate::{
    accounts::Caller,
    app::{Error, parts::Parts},
    calendar::{self, Author, CollectionPath, Condition, Precondition, Shown},
};

/// Bytes of one file; larger ones are split first.
pub const FILE_BYTES: u64 = 512 << 20;
/// Writes under way at once: what SQLite commits together.
const TOGETHER: usize = 16;
/// Objects from which on a bar is worth showing.
const LONG: usize = 200;

/// Import .ics files into a calendar.
///
/// Exit code 0 when something was imported and every file could be read, also when single events were refused.
#[derive(Debug, Args)]
pub struct Import {
    user: String,
    slug: String,
    #[arg(required = true, value_name = "FILE.ics")]
    files: Vec<PathBuf>,
}

#[derive(Default)]
struct Sum {
    imported: u64,
    refused: u64,
}

/// One object of a file.
struct Piece {
    line: u32,
    uid: String,
    text: Bytes,
}

impl Import {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts_made().await?;
        let who = parts.accounts.operator(&self.user).await?;
        let to = context::path(&who, &self.slug);
        // Before the files are read: a misspelt calendar should be said at once.
        let shown = context::shown(&parts, &who, &self.slug).await?;
        let mut sum = Sum::default();
        let mut unread = 0;
        for file in &self.files {
            match read(file) {
                Ok(text) => import(&parts, &who, &to, (file, text), &mut sum).await?,
                Err(error) => {
                    eprintln!("{}: {error}", file.display());
                    unread += 1;
                }
            }
        }
        if let Err(error) = packed(&parts, &shown).await {
            tracing::warn!(%error, "the next start will be slower: the calendar's pack was not written");
        }
        say!("{} imported, {} refused", sum.imported, sum.refused);
        parts.close().await?;
        match (sum.imported, unread) {
            (0, _) => Err(Error::failed("nothing was imported")),
            (_, 0) => Ok(()),
            (_, unread) => Err(Error::failed(format!("{unread} files could not be read"))),
        }
    }
}

/// So that the next start reads this calendar as one row and not as ten thousand.
async fn packed(parts: &Parts, shown: &Shown) -> Result<(), calendar::Error> {
    parts.calendars.list(shown).await?;
    parts.calendars.tend().await
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if std::fs::metadata(file)?.len() > FILE_BYTES {
        let why = format!("larger than {} MiB: split it first", FILE_BYTES >> 20);
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, why));
    }
    std::fs::read(file)
}

async fn import(
    parts: &Parts,
    who: &Caller,
    to: &CollectionPath,
    (file, text): (&Path, Vec<u8>),
    sum: &mut Sum,
) -> Result<(), Error> {
    let (pieces, rejected) = taken_apart(&text);
    for (line, uid, why) in rejected {
        report(sum, file, line, &uid, &why);
    }
    let bar = bar(pieces.len());
    let mut writes = stream::iter(pieces)
        .map(|piece| async move {
            let done = write(parts, who, to, &piece).await;
            (piece, done)
        })
        .buffered(TOGETHER);
    while let Some((piece, done)) = writes.next().await {
        bar.inc(1);
        match done {
            Ok(()) => sum.imported += 1,
            Err(error) if is_refusal(&error) => {
                bar.suspend(|| report(sum, file, piece.line, &piece.uid, &error.to_string()));
            }
            // A full disk or a database that is gone will refuse the rest too.
            Err(error) => return Err(error.into()),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Objects, and what could not be taken as one: line, UID, reason.
fn taken_apart(text: &[u8]) -> (Vec<Piece>, Vec<(u32, String, String)>) {
    let lines = lines_of_uids(text);
    let (mut pieces, mut rejected) = (Vec::new(), Vec::new());
    for part in ical::split(text) {
        match part {
            Ok(part) => {
                let line = lines.get(part.uid.as_bytes()).copied().unwrap_or(1);
                pieces.push(Piece { line, uid: part.uid, text: part.text.into() });
            }
            Err(bad) => rejected.push((bad.line, bad.uid.unwrap_or_else(|| "-".to_owned()), bad.why)),
        }
    }
    (pieces, rejected)
}

/// In which line each UID stands first; folded ones are not found, and reported at line 1.
fn lines_of_uids(text: &[u8]) -> HashMap<&[u8], u32> {
    let mut lines = HashMap::new();
    for (number, line) in (1u32..).zip(text.split(|byte| *byte == b'\n')) {
        let is_uid = line.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"UID:"));
        if is_uid {
            lines.entry(line[4..].trim_ascii()).or_insert(number);
        }
    }
    lines
}

fn report(sum: &mut Sum, file: &Path, line: u32, uid: &str, why: &str) {
    sum.refused += 1;
    eprintln!("{}:{line}: {uid}: {why}", file.display());
}

fn bar(objects: usize) -> ProgressBar {
    if objects < LONG || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(objects as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} objects, {eta} left") {
        bar.set_style(style);
    }
    bar
}

async fn write(parts: &Parts, who: &Caller, to: &CollectionPath, piece: &Piece) -> calendar::Result<()> {
    let by = Author { who, from: Origin::Import };
    let put = |at| parts.calendars.put(by, at, piece.text.clone(), Condition::NONE);
    match put(&to.object(name(&piece.uid))).await.map_err(reduced) {
        Err(Conflict::Uid(there)) => put(&there).await.map(drop),
        Err(Conflict::Other(error)) => Err(error),
        Ok(_) => Ok(()),
    }
}

enum Conflict {
    /// The object that has the UID already.
    Uid(calendar::ObjectPath),
    Other(calendar::Error),
}

fn reduced(error: calendar::Error) -> Conflict {
    match error {
        calendar::Error::Precondition(Precondition::NoUidConflict(there)) => Conflict::Uid(there),
        other => Conflict::Other(other),
    }
}

fn is_refusal(error: &calendar::Error) -> bool {
    matches!(error, calendar::Error::Precondition(_) | calendar::Error::Invalid(_) | calendar::Error::Exists)
}

/// The UID where it can stand in a URL as it is, else its hash: the same object gets the same name each time.
fn name(uid: &str) -> String {
    let is_plain = !uid.is_empty()
        && uid.len() <= 200
        && !uid.starts_with('.')
        && uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
    match is_plain {
        true => format!("{uid}.ics"),
        false => format!("{}.ics", calendar::Etag::of(uid.as_bytes()).opaque()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_uid_or_its_hash() {
        assert_eq!(name("abc-1@example.org"), "abc-1@example.org.ics");
        for odd in ["", "../x", "a/b", "é", ".hidden", &"x".repeat(300)] {
            let name = name(odd);
            assert!(name.len() == 36 && name.ends_with(".ics"), "{odd} {name}");
        }
    }

    #[test]
    fn a_uid_is_found_in_its_line() {
        let lines = lines_of_uids(b"BEGIN:VEVENT\r\nUID:a\r\nuid: b \nUID:a\n");
        assert_eq!((lines[&b"a"[..]], lines[&b"b"[..]]), (2, 3));
    }
}
