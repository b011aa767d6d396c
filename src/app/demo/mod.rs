//! A demo clinic for the first run with `--demo`: practitioners in several time zones with hours and a few weeks of their
//! visits around today, a service, a share, a feed, a program that books. Everything is invented here and passes through
//! the one write like a client's.
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
    accounts::{Caller, NewPerson, Role, Scopes},
    calendar::{Author, CollectionChange, CollectionPath, Condition, DeadChange, ShareAs, Zone},
    clinic::{self, ABSENCES, NewPractitioner, PractitionerChange, ProfileStatus, VISITS},
};

/// Who runs the demo clinic, and the program that books for patients.
const OFFICE: &str = "office";
const BOT: &str = "bot";
/// What the bot may do.
const SCOPES: [&str; 6] = ["practitioners:read", "services:read", "slots", "holds", "appointments", "series"];

/// Fills an installation without users and prints what to paste into a calendar program.
pub async fn fill(parts: &Parts, base: &str) -> Result<(), Error> {
    if !parts.accounts.people(parts.accounts.clinic()).await?.is_empty() {
        say!("demo: there are users already, nothing was added");
        return Ok(());
    }
    let (office, office_password) = member(parts, OFFICE, "Front office", Role::Owner).await?;
    parts.directory.add_service(by(&office), script::service()).await?;
    let mut made = Vec::new();
    for practitioner in PEOPLE {
        made.push(one(parts, &office, practitioner).await?);
    }
    let (bot, _) = member(parts, BOT, "Booking program", Role::Bot).await?;
    let scopes = SCOPES.map(str::to_owned);
    let (_, token) = parts.accounts.add_token(&bot, "demo", &Scopes::new(&scopes)?, None).await?;
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
    say!("  user {OFFICE:<8} password {office_password}   (runs the clinic: {base}/api/docs)");
    say!("  token of the program that books: {}", token.expose());
    Ok(())
}

/// Somebody with a part in the clinic's work, and the password to log in with.
async fn member(
    parts: &Parts,
    name: &str,
    display_name: &str,
    role: Role,
) -> Result<(Caller, String), Error> {
    let new = person(name, display_name, PEOPLE[0].zone);
    parts.accounts.add_member(parts.accounts.clinic(), Some(role), new).await?;
    let who = parts.accounts.operator(name).await?;
    let (_, password) = parts.accounts.add_app_password(&who, "demo").await?;
    Ok((who, password.expose().to_owned()))
}

fn person(name: &str, display_name: &str, zone: &str) -> NewPerson {
    NewPerson {
        name: name.into(),
        display_name: display_name.into(),
        email: Some(format!("{name}@clinic.example")),
        zone: Some(zone.into()),
        password: None,
    }
}

/// A practitioner who can be booked: verified, with hours, and with what stands in the calendar already.
async fn one(parts: &Parts, office: &Caller, practitioner: &Practitioner) -> Result<(Caller, String), Error> {
    let new = NewPractitioner {
        person: person(practitioner.name, practitioner.display_name, practitioner.zone),
        licence: None,
        qualifications: None,
        public: true,
        online: true,
        terms: Vec::new(),
    };
    let id = parts.directory.add_practitioner(by(office), new).await?.id;
    for status in [ProfileStatus::Pending, ProfileStatus::Active] {
        let change = PractitionerChange { status: Some(status), ..PractitionerChange::default() };
        parts.directory.change_practitioner(by(office), id, None, change).await?;
    }
    let who = parts.accounts.operator(practitioner.name).await?;
    let (_, password) = parts.accounts.add_app_password(&who, "demo").await?;
    let colour =
        CollectionChange { color: Some(Some(practitioner.color.into())), ..CollectionChange::default() };
    let visits = CollectionPath::new(who.name(), VISITS);
    parts.calendars.change(by(&who), &visits, colour, DeadChange::default()).await?;
    for planned in practitioner.plan {
        put(parts, &who, practitioner, planned).await?;
    }
    let zone = Zone::named(practitioner.zone).ok_or_else(|| Error::failed("the demo's zone is unknown"))?;
    let week = clinic::Week { zone, intervals: script::hours() };
    parts.clinic.set_hours(by(office), id, week, (None, clinic::Step::Sure)).await?;
    Ok((who, password.expose().to_owned()))
}

async fn put(parts: &Parts, who: &Caller, of: &Practitioner, planned: &Planned) -> Result<(), Error> {
    let uid = format!("{}-{}@clinic.example", planned.key, of.name);
    let text = text::object(planned, &uid, of.zone, parts.accounts.now())?;
    let slug = match planned.when {
        script::When::Due(_) => "tasks",
        script::When::Days(_) => ABSENCES,
        script::When::At(..) => VISITS,
    };
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
