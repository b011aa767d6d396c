//! `kalends calendar ...`: calendars in the home of a user.

use clap::{Args, Subcommand};

use super::{
    Context,
    context::{self, author, path},
};
use crate::app::output::say;
use crate::{
    app::Error,
    calendar::{self, DeadChange, NewCollection, Precondition},
};

#[derive(Debug, Subcommand)]
pub enum Calendar {
    /// Make a calendar.
    Add(Add),
    /// What a user sees, one line each: slug, name, components, access.
    List { user: String },
    /// Remove a calendar and all in it.
    Remove { user: String, slug: String },
}

#[derive(Debug, Args)]
pub struct Add {
    user: String,
    /// Last part of its URL
    slug: String,
    /// Name to show [default: the slug]
    #[arg(long)]
    name: Option<String>,
    /// What it may hold
    #[arg(long, value_delimiter = ',', default_value = "VEVENT", value_parser = component)]
    component: Vec<String>,
}

fn component(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_uppercase();
    match text.as_str() {
        "VEVENT" | "VTODO" | "VJOURNAL" | "VFREEBUSY" | "VAVAILABILITY" => Ok(text),
        _ => Err("expected VEVENT, VTODO, VJOURNAL, VFREEBUSY or VAVAILABILITY".to_owned()),
    }
}

impl Calendar {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        match self {
            Calendar::Add(add) => add.run(context).await,
            Calendar::List { user } => list(context, &user).await,
            Calendar::Remove { user, slug } => {
                let parts = context.parts_made().await?;
                let who = parts.accounts.operator(&user).await?;
                context::shown(&parts, &who, &slug).await?;
                parts.calendars.remove(author(&who), &path(&who, &slug)).await?;
                parts.close().await
            }
        }
    }
}

impl Add {
    async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts_made().await?;
        let who = parts.accounts.operator(&self.user).await?;
        let new = NewCollection {
            slug: self.slug.clone(),
            components: self.component.join(","),
            display_name: Some(self.name.unwrap_or_else(|| self.slug.clone())),
            ..NewCollection::default()
        };
        let made =
            parts.calendars.make(author(&who), &path(&who, &self.slug), new, DeadChange::default()).await;
        made.map_err(|error| refused(error, &self.slug))?;
        say!("{}/dav/calendars/{}/{}/", context.config.base_url(), who.name(), self.slug);
        parts.close().await
    }
}

fn refused(error: calendar::Error, slug: &str) -> Error {
    match error {
        calendar::Error::Precondition(Precondition::ResourceMustBeNull) | calendar::Error::Exists => {
            Error::failed(format!("there is a calendar {slug:?} already"))
        }
        other => other.into(),
    }
}

async fn list(context: Context, user: &str) -> Result<(), Error> {
    let parts = context.parts_made().await?;
    let who = parts.accounts.operator(user).await?;
    for shown in parts.calendars.home(&who, user).await?.collections {
        let row = shown.row();
        let name = row.display_name.as_deref().unwrap_or_default();
        say!("{}\t{name}\t{}\t{:?}", shown.path.slug, row.components, shown.access);
    }
    parts.close().await
}
