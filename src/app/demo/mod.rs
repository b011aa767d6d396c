//! A demo clinic for the first run with `--demo`: people in several time zones, a few weeks of their visits around
//! today, a share, a feed. Everything is invented here and passes through the one write like a client's.
//!
//! *Never:* touches an installation that has users.
//!
//! Files: `script` (who has what) · `text` (a planned thing as iCalendar).

mod script;
mod text;

use store::{FeedScope, Origin};

use self::script::{PEOPLE, Planned, Practitioner};
use super::{Error, parts::Parts};
use crate::app::output::say;
use crate::{
    accounts::{Caller, NewPerson},
    calendar::{Author, CollectionPath, Condition, DeadChange, NewCollection, ShareAs},
};

/// The calendar of a practitioner's appointments.
const VISITS: &str = "visits";

/// Fills an installation without users and prints what to paste into a calendar program.
pub async fn fill(parts: &Parts, base: &str) -> Result<(), Error> {
    if !parts.accounts.people(parts.accounts.clinic()).await?.is_empty() {
        say!("demo: there are users already, nothing was added");
        return Ok(());
    }
    let mut made = Vec::new();
    for practitioner in PEOPLE {
        made.push(one(parts, practitioner).await?);
    }
    say!("\ndemo clinic, all of it invented:");
    for (who, password) in &made {
        say!("  user {:<8} password {password}", who.name());
        say!("  {base}/dav/calendars/{}/{VISITS}/", who.name());
    }
    if let [(ada, _), (ben, _), ..] = &made[..] {
        share(parts, ada, ben, ShareAs::Read).await?;
        share(parts, ben, ada, ShareAs::Busy).await?;
        say!("  {} reads the visits of {}, who sees when {0} is busy", ben.name(), ada.name());
        say!(
            "feed for Google Calendar (\"From URL\"), busy times only:\n  {}",
            feed(parts, ada, base).await?
        );
    }
    say!("server to enter in a calendar program: {base}/");
    Ok(())
}

async fn one(parts: &Parts, practitioner: &Practitioner) -> Result<(Caller, String), Error> {
    let new = NewPerson {
        name: practitioner.name.into(),
        display_name: practitioner.display_name.into(),
        email: Some(format!("{}@clinic.example", practitioner.name)),
        zone: Some(practitioner.zone.into()),
        password: None,
    };
    parts.accounts.add_person(new).await?;
    let who = parts.accounts.operator(practitioner.name).await?;
    let (_, password) = parts.accounts.add_app_password(&who, "demo").await?;
    let visits = NewCollection {
        slug: VISITS.into(),
        components: "VEVENT".into(),
        display_name: Some("Visits".into()),
        color: Some(practitioner.color.into()),
        ..NewCollection::default()
    };
    let at = CollectionPath::new(practitioner.name, VISITS);
    // The operator's proof is of a moment: taken again, it sees the calendar that was just made.
    parts.calendars.make(by(&who), &at, visits, DeadChange::default()).await?;
    let who = parts.accounts.operator(practitioner.name).await?;
    for planned in practitioner.plan {
        put(parts, &who, practitioner, planned).await?;
    }
    Ok((who, password.expose().to_owned()))
}

async fn put(parts: &Parts, who: &Caller, of: &Practitioner, planned: &Planned) -> Result<(), Error> {
    let uid = format!("{}-{}@clinic.example", planned.key, of.name);
    let text = text::object(planned, &uid, of.zone, parts.accounts.now())?;
    let slug = if planned.is_task() { "tasks" } else { VISITS };
    let at = CollectionPath::new(who.name(), slug).object(format!("{uid}.ics"));
    parts.calendars.put(by(who), &at, text.into(), Condition::NONE).await?;
    Ok(())
}

async fn share(parts: &Parts, owner: &Caller, with: &Caller, access: ShareAs) -> Result<(), Error> {
    let owner = parts.accounts.operator(owner.name()).await?;
    let at = CollectionPath::new(owner.name(), VISITS);
    Ok(parts.calendars.share(by(&owner), &at, with.name(), Some(access)).await?)
}

async fn feed(parts: &Parts, owner: &Caller, base: &str) -> Result<String, Error> {
    let owner = parts.accounts.operator(owner.name()).await?;
    let shown = parts.calendars.collection(&owner, &CollectionPath::new(owner.name(), VISITS)).await?;
    let (_, secret) = parts.accounts.add_feed(&owner, shown.row().id, FeedScope::Busy, "demo").await?;
    Ok(format!("{base}/feeds/{}.ics", secret.expose()))
}

fn by(who: &Caller) -> Author<'_> {
    Author { who, from: Origin::House }
}
