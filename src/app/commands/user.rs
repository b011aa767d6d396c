//! `kalends user ...`: people, their names, passwords, and their end.

use clap::{Args, Subcommand};

use super::{Context, context};
use crate::app::output::say;
use crate::{
    accounts::{Change, DEFAULT_CLINIC, NewPerson, Role, Secret},
    app::Error,
    clinic::{By, Origin},
};

#[derive(Debug, Subcommand)]
pub enum User {
    /// Make a user with a calendar `default` and a task list `tasks`.
    Add(Add),
    /// Everybody of a clinic, one line each: name, display name, address, zone, state, role.
    List {
        #[arg(long, default_value = DEFAULT_CLINIC)]
        clinic: String,
    },
    /// Set a new password; app passwords stay.
    Passwd {
        name: String,
        /// Read the password from the first line of standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Change what is shown of a user.
    Set(Set),
    /// Let a removed user log in again.
    Enable { name: String },
    /// No login any more; calendars and history stay. With --erase everything of the user is deleted.
    Remove {
        name: String,
        #[arg(long)]
        erase: bool,
    },
}

#[derive(Debug, Args)]
pub struct Add {
    /// Login name: 1 to 64 of a-z 0-9 . _ @ -
    name: String,
    /// Name to show [default: the login name]
    #[arg(long = "name", value_name = "DISPLAY NAME")]
    display_name: Option<String>,
    #[arg(long)]
    email: Option<String>,
    /// Time zone of all-day and floating times, such as Europe/Berlin
    #[arg(long)]
    zone: Option<String>,
    /// Clinic it belongs to
    #[arg(long, default_value = DEFAULT_CLINIC)]
    clinic: String,
    /// What it is there: owner, admin, receptionist, practitioner, patient, bot; without one it has calendars only
    #[arg(long)]
    role: Option<String>,
    /// Read the password from the first line of standard input; without it only app passwords log in.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub struct Set {
    name: String,
    #[arg(long = "name", value_name = "DISPLAY NAME")]
    display_name: Option<String>,
    /// An empty one takes the address away.
    #[arg(long)]
    email: Option<String>,
    /// An empty one takes the zone away.
    #[arg(long)]
    zone: Option<String>,
    /// owner, admin, receptionist, practitioner, patient, bot; an empty one takes it away.
    #[arg(long)]
    role: Option<String>,
}

impl User {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        match self {
            User::Add(add) => add.run(context).await,
            User::Set(set) => set.run(context).await,
            User::List { clinic } => list(context, &clinic).await,
            User::Passwd { name, .. } => {
                let password = password()?;
                let parts = context.parts().await?;
                let who = parts.accounts.operator(&name).await?;
                parts.accounts.set_password(&who, &password).await?;
                parts.close().await
            }
            User::Enable { name } => {
                let parts = context.parts().await?;
                let who = parts.accounts.operator(&name).await?;
                parts.accounts.enable_person(&who).await?;
                parts.close().await
            }
            User::Remove { name, erase } => remove(context, &name, erase).await,
        }
    }
}

impl Add {
    async fn run(self, context: Context) -> Result<(), Error> {
        let password = if self.password_stdin { Some(password()?) } else { None };
        let zone = self.zone.map(|zone| zone_name(&zone)).transpose()?;
        let display_name = self.display_name.unwrap_or_else(|| self.name.clone());
        let new = NewPerson { name: self.name, display_name, email: self.email, zone, password };
        let role = self.role.map(|role| role_name(&role)).transpose()?.flatten();
        let parts = context.parts_made().await?;
        let clinic = parts.accounts.clinic_named(&self.clinic).await?;
        let made = parts.accounts.add_member(clinic, role, new).await?;
        say!("{}/dav/calendars/{}/default/", context.config.base_url(), made.name);
        parts.close().await
    }
}

impl Set {
    async fn run(self, context: Context) -> Result<(), Error> {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let zone =
            self.zone.map(given).map(|zone| zone.map(|zone| zone_name(&zone)).transpose()).transpose()?;
        let role = self.role.map(|role| role_name(&role)).transpose()?;
        let change = Change { display_name: self.display_name, email: self.email.map(given), zone, role };
        let parts = context.parts().await?;
        let who = parts.accounts.operator(&self.name).await?;
        parts.accounts.change_person(&who, change).await?;
        parts.close().await
    }
}

async fn list(context: Context, clinic: &str) -> Result<(), Error> {
    let parts = context.parts_made().await?;
    let clinic = parts.accounts.clinic_named(clinic).await?;
    for person in parts.accounts.people(clinic).await? {
        let state = match person.disabled_at {
            Some(at) => format!("removed {}", context::time(at)),
            None => "active".to_owned(),
        };
        let (email, zone) = (person.email.unwrap_or_default(), person.zone.unwrap_or_default());
        let role = person.role.map(Role::text).unwrap_or_default();
        say!("{}\t{}\t{email}\t{zone}\t{state}\t{role}", person.name, person.display_name);
    }
    parts.close().await
}

async fn remove(context: Context, name: &str, erase: bool) -> Result<(), Error> {
    let parts = context.parts().await?;
    let who = parts.accounts.operator(name).await?;
    match erase {
        true => {
            let by = By { clinic: who.clinic(), who: None, door: Origin::Cli };
            parts.clinic.let_go(by, who.principal(), "the practitioner has left").await?;
            parts.accounts.erase_person(&who).await?;
        }
        false => parts.accounts.disable_person(&who).await?,
    }
    parts.close().await
}

fn password() -> Result<Secret, Error> {
    Secret::read_line(std::io::stdin().lock()).map_err(Error::io("cannot read the password"))
}

/// A role as people write it; an empty word is none.
fn role_name(text: &str) -> Result<Option<Role>, Error> {
    let known = || Role::ALL.map(Role::text).join(", ");
    match text {
        "" => Ok(None),
        _ => Role::named(text)
            .map(Some)
            .ok_or_else(|| Error::failed(format!("there is no role {text:?}; roles are {}", known()))),
    }
}

/// The IANA name of a zone as people write it.
fn zone_name(text: &str) -> Result<String, Error> {
    let known = ical::Zone::named(text);
    let wrong = || Error::failed(format!("there is no time zone {text:?}; names look like Europe/Berlin"));
    Ok(known.ok_or_else(wrong)?.name().to_owned())
}
