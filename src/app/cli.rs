//! The command line: every command in one list. These forms are a stable interface: scripts stand on them.
//!
//! Results go to standard output, everything else to standard error. Exit code 0: done; 1: not done, one sentence
//! says why; 2: the command line itself is wrong.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{
    Error,
    commands::{
        Context, app_password, archive, calendar, check, clinic, doctor, export, feed, google, import,
        import_rows, maintain, serve, share, token, user,
    },
    settings::Flags,
    telemetry,
};

/// The calendar server of a clinic: CalDAV for every phone and desktop.
#[derive(Debug, Parser)]
#[command(name = "kalends", version, about, disable_help_subcommand = true, max_term_width = 110)]
struct Line {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    /// Clinics that this installation serves, apart from one another.
    #[command(subcommand)]
    Clinic(clinic::Clinic),
    /// People who log in.
    #[command(subcommand)]
    User(user::User),
    /// Passwords for one device each.
    #[command(subcommand)]
    AppPassword(app_password::AppPassword),
    /// What programs log in with.
    #[command(subcommand)]
    Token(token::Token),
    /// Calendars in the home of a user.
    #[command(subcommand)]
    Calendar(calendar::Calendar),
    /// Who else may read or write a calendar.
    #[command(subcommand)]
    Share(share::Share),
    /// Secret links to a calendar.
    #[command(subcommand)]
    Feed(feed::Feed),
    /// Google Calendar, both ways.
    #[command(subcommand)]
    Google(google::Google),
    Import(import::Import),
    ImportRows(import_rows::ImportRows),
    Export(export::Export),
    Migrate(maintain::Migrate),
    Reindex(maintain::Reindex),
    Check(check::Check),
    Backup(archive::Backup),
    Restore(archive::Restore),
    NewEpoch(maintain::NewEpoch),
    Doctor(doctor::Doctor),
}

impl Command {
    async fn run(self, context: Context) -> Result<(), Error> {
        match self {
            Command::Serve(command) => command.run(context).await,
            Command::Clinic(command) => command.run(context).await,
            Command::User(command) => command.run(context).await,
            Command::AppPassword(command) => command.run(context).await,
            Command::Token(command) => command.run(context).await,
            Command::Calendar(command) => command.run(context).await,
            Command::Share(command) => command.run(context).await,
            Command::Feed(command) => command.run(context).await,
            Command::Google(command) => command.run(context).await,
            Command::Import(command) => command.run(context).await,
            Command::ImportRows(command) => command.run(context).await,
            Command::Export(command) => command.run(context).await,
            Command::Migrate(command) => command.run(context).await,
            Command::Reindex(command) => command.run(context).await,
            Command::Check(command) => command.run(context).await,
            Command::Backup(command) => command.run(context).await,
            Command::Restore(command) => command.run(context).await,
            Command::NewEpoch(command) => command.run(context).await,
            Command::Doctor(command) => command.run(context).await,
        }
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let line = Line::parse();
    match run(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kalends: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: Line) -> Result<(), Error> {
    let mut config = line.flags.config(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))?;
    if !matches!(line.command, Command::Serve(_)) && config.log == super::config::Config::default().log {
        // A command says itself what it did; only trouble is worth a log line beside it.
        config.log = "warn".into();
    }
    telemetry::log(&config)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Error::io("cannot start threads"))?;
    runtime.block_on(line.command.run(Context { config }))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn the_promised_forms_are_understood() {
        for line in [
            "serve --demo --data d --listen 127.0.0.1:1 --database sqlite:x --public-url https://a.example",
            "--data d serve",
            "user add ada --name Ada --email ada@example.org --password-stdin",
            "clinic add north",
            "clinic list",
            "user add bot --clinic north --role bot",
            "user set bot --role admin",
            "user list --data d",
            "user list --clinic north",
            "token add bot desk --scope slots:read,holds --scope appointments --expires 90",
            "token list bot",
            "token revoke bot 1",
            "user passwd ada --password-stdin",
            "user remove ada --erase",
            "app-password add ada phone",
            "app-password list ada",
            "app-password revoke ada 1",
            "calendar add ada visits --name Visits --component VEVENT,VTODO",
            "calendar list ada",
            "calendar remove ada visits",
            "share add ada visits bob busy",
            "share list ada visits",
            "share remove ada visits bob",
            "import ada visits a.ics b.ics",
            "import-rows old.csv --clinic default --dry-run",
            "export ada visits --out a.ics",
            "feed add ada visits --busy-only --label Google",
            "feed list ada visits",
            "feed revoke ada visits 1",
            "google connect ada",
            "google calendars ada 1",
            "google link ada 1 primary visits --privacy title --policy google --direction both",
            "google link ada 1 primary visits --mode materialized --days 30",
            "google mode ada 2 series",
            "google mode ada 2 materialized --days 30",
            "google status ada",
            "google sync ada 2",
            "google resync ada 2 --dry-run",
            "google pause ada 2",
            "google dead ada 2",
            "google disconnect ada 1 --keep",
            "google disconnect ada 1 --remove",
            "migrate",
            "reindex",
            "check",
            "backup a.kalends",
            "restore a.kalends",
            "new-epoch",
            "doctor --database postgres://h/d",
        ] {
            let words = std::iter::once("kalends").chain(line.split(' '));
            if let Err(error) = Line::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
    }
}
