//! `kalends google ...`: accounts with Google and the calendars linked through them. A running server does the work;
//! these say what is to be done and show how it stands.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use super::Context;
use crate::accounts::{Caller, Remote, RemoteId};
use crate::app::Error;
use crate::app::output::say;
use crate::app::parts::{self, Parts};
use crate::calendar::LinkId;
use crate::google::{self, Access, Direction, Guests, Leave, Mode, Policy, Privacy, Terms, TermsChange};

/// How long a person may take on the consent page, and between two looks whether she came back.
const CONSENT: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Subcommand)]
pub enum Google {
    /// Print the address of the consent page, wait, and show which account answered.
    Connect {
        user: String,
        /// Take whichever account answers without asking
        #[arg(long)]
        yes: bool,
        /// Ask for the events at once, not with the first link
        #[arg(long, conflicts_with = "own")]
        events: bool,
        /// Ask for a calendar of our own at once, not with the first link
        #[arg(long)]
        own: bool,
    },
    /// Connect an account of the clinic's Workspace domain through its service account, without its person.
    Delegate {
        user: String,
        /// Its address at Google
        email: String,
    },
    /// The calendars of an account, one line each: id, role, zone, name.
    Calendars { user: String, account: i64 },
    /// Keep a calendar there and one here equal. The first link of an account asks for its events, or only for the calendar
    /// that is made: prints the address of the consent page and waits.
    Link {
        user: String,
        account: i64,
        /// As `google calendars` shows it; with --make, the name of a new one
        google_calendar: String,
        calendar: String,
        /// Make the calendar at Google: then Google lets us see and change no other of hers
        #[arg(long)]
        make: bool,
        /// What Google may see
        #[arg(long, value_enum, default_value_t = Sees::Busy)]
        privacy: Sees,
        /// Who decides when an appointment is
        #[arg(long, value_enum, default_value_t = Decides::Clinic)]
        policy: Decides,
        #[arg(long, value_enum, default_value_t = Goes::Both)]
        direction: Goes,
        /// How a series stands at Google
        #[arg(long, value_enum, default_value_t = Stands::Series)]
        mode: Stands,
        /// Whether guests are carried, and to whom of them Google writes; needs `--privacy full`
        #[arg(long, value_enum, default_value_t = Hear::None)]
        guests: Hear,
        /// Days ahead that single events stand there
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
    /// Change how series stand at Google: what stood there goes before what comes.
    Mode {
        user: String,
        link: i64,
        #[arg(value_enum)]
        mode: Stands,
        /// Days ahead that single events stand there
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
    /// Change whether guests of events that she organizes are carried, and to whom of them Google writes.
    Guests {
        user: String,
        link: i64,
        #[arg(value_enum)]
        guests: Hear,
    },
    /// Accounts and links as JSON, with what to do about them.
    Status { user: String },
    /// Compare now; approves what the guard against mass deletion stopped.
    Sync { user: String, link: i64 },
    /// Compare everything on both sides.
    Resync {
        user: String,
        link: i64,
        /// Only count
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop a link until the next sync.
    Pause { user: String, link: i64 },
    /// What could not be carried over: name or event, and why.
    Dead { user: String, link: i64 },
    /// Seal the tokens of all accounts with the first sealing key; then the older keys may go.
    Rekey,
    /// End an account with its links.
    Disconnect {
        user: String,
        account: i64,
        /// Leave our events in Google
        #[arg(long, conflicts_with = "remove", required_unless_present = "remove")]
        keep: bool,
        /// Remove our events from Google
        #[arg(long)]
        remove: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Hear {
    None,
    ExternalOnly,
    All,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Sees {
    Busy,
    Title,
    Full,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Decides {
    Clinic,
    Google,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Goes {
    Both,
    Push,
    Pull,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Stands {
    /// As one, with its exceptions
    Series,
    /// As single events
    Materialized,
}

impl Hear {
    fn of(self) -> Guests {
        match self {
            Hear::None => Guests::None,
            Hear::ExternalOnly => Guests::ExternalOnly,
            Hear::All => Guests::All,
        }
    }
}

impl Stands {
    fn of(self) -> Mode {
        match self {
            Stands::Series => Mode::Series,
            Stands::Materialized => Mode::Materialized,
        }
    }
}

impl Google {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts().await?;
        let google = parts::google(&context.config, &parts)?;
        let google =
            google.ok_or_else(|| Error::config("google.client_id: not set; see interop/google.md"))?;
        match self.user() {
            Some(user) => {
                let who = parts.accounts.operator(user).await?;
                self.act(&google, &who, &parts).await?;
            }
            None => rekey(&parts).await?,
        }
        drop(google);
        parts.close().await
    }

    /// Whose accounts; None: everybody's.
    fn user(&self) -> Option<&str> {
        match self {
            Google::Rekey => None,
            Google::Connect { user, .. }
            | Google::Delegate { user, .. }
            | Google::Calendars { user, .. }
            | Google::Link { user, .. }
            | Google::Guests { user, .. }
            | Google::Status { user }
            | Google::Sync { user, .. }
            | Google::Resync { user, .. }
            | Google::Mode { user, .. }
            | Google::Pause { user, .. }
            | Google::Dead { user, .. }
            | Google::Disconnect { user, .. } => Some(user),
        }
    }

    async fn act(self, google: &google::Google, who: &Caller, parts: &Parts) -> Result<(), Error> {
        let office = google.office(super::context::author(who));
        match self {
            Google::Rekey => {}
            Google::Connect { yes, events, own, .. } => {
                let access = match (events, own) {
                    (true, _) => Access::Events,
                    (_, true) => Access::Own,
                    _ => Access::Calendars,
                };
                connect(google, who, (yes, access)).await?;
            }
            Google::Delegate { email, .. } => say!("{}", office.delegate(&email).await?),
            Google::Calendars { account, .. } => {
                for one in office.calendars(RemoteId(account)).await? {
                    let zone = one.zone.unwrap_or_default();
                    say!("{}\t{}\t{zone}\t{}", one.id, one.role, one.summary);
                }
            }
            Google::Link {
                account,
                google_calendar,
                calendar,
                make,
                privacy,
                policy,
                direction,
                mode,
                guests,
                days,
                ..
            } => {
                super::context::shown(parts, who, &calendar).await?;
                let (mode, guests, made) = (mode.of(), guests.of(), make);
                let terms = Terms { mode, guests, made, days, ..terms(privacy, policy, direction) };
                let pair = (google_calendar.as_str(), calendar.as_str());
                let account = RemoteId(account);
                if make && !google.may_make(who, account).await? {
                    more(google, who, (account, Access::Own)).await?;
                }
                let link = office.add_link(account, pair, terms).await?;
                if link.waits_for_consent() {
                    more(google, who, (account, Access::Events)).await?;
                }
                say!("{}", link.id);
            }
            Google::Status { .. } => say!("{}", json(&google.status(who).await?)?),
            Google::Mode { link, mode, days, .. } => {
                let to = TermsChange { mode: Some((mode.of(), days)), ..TermsChange::default() };
                office.change_link(LinkId(link), to).await?;
            }
            Google::Guests { link, guests, .. } => {
                let to = TermsChange { guests: Some(guests.of()), ..TermsChange::default() };
                office.change_link(LinkId(link), to).await?;
            }
            Google::Sync { link, .. } => office.sync(LinkId(link)).await?,
            Google::Resync { link, dry_run: true, .. } => {
                say!("{}", json(&office.forecast(LinkId(link)).await?)?);
            }
            Google::Resync { link, .. } => office.resync(LinkId(link)).await?,
            Google::Pause { link, .. } => office.pause(LinkId(link)).await?,
            Google::Dead { link, .. } => {
                for one in office.dead(LinkId(link)).await? {
                    say!("{}\t{}", one.key, one.reason);
                }
            }
            Google::Disconnect { account, keep, .. } => {
                let leave = if keep { Leave::Keep } else { Leave::Remove };
                office.disconnect(RemoteId(account), leave).await?;
            }
        }
        Ok(())
    }
}

async fn rekey(parts: &Parts) -> Result<(), Error> {
    let (mut done, mut lost) = (0, 0);
    for clinic in parts.accounts.clinics().await? {
        let (some, others) = parts.accounts.rekey(clinic.id).await?;
        (done, lost) = (done + some, lost + others);
    }
    say!("{done} sealed anew, {lost} that no key opens");
    match lost {
        0 => Ok(()),
        _ => Err(Error::failed("keep the older keys, or connect these accounts again")),
    }
}

/// The consent comes back to the server; this waits until it did, then asks whether it was the right person.
async fn connect(google: &google::Google, who: &Caller, (yes, access): (bool, Access)) -> Result<(), Error> {
    let office = google.office(super::context::author(who));
    let remote = consented(google, who, (None, access)).await?;
    if !yes && !confirmed(&remote.email)? {
        office.disconnect(remote.id, Leave::Keep).await?;
        return Err(Error::failed("not confirmed; the account was forgotten"));
    }
    office.confirm(remote.id).await?;
    say!("{}\t{}", remote.id, remote.email);
    Ok(())
}

/// The same account is asked for more as well; its links go on by themselves then.
async fn more(
    google: &google::Google,
    who: &Caller,
    (account, access): (RemoteId, Access),
) -> Result<(), Error> {
    let email = google.office(super::context::author(who)).account(account).await?.email;
    let remote = consented(google, who, (Some(&email), access)).await?;
    match remote.id == account {
        true => Ok(()),
        false => Err(Error::failed(format!("{} answered, not {email}; the link waits", remote.email))),
    }
}

/// Prints where to go, and waits until somebody came back from there.
async fn consented(
    google: &google::Google,
    who: &Caller,
    (hint, access): (Option<&str>, Access),
) -> Result<Remote, Error> {
    let asking = google.ask(who, hint, access).await?;
    say!("{}", asking.url);
    let wait = async {
        loop {
            if let Some(remote) = google.answered(who, &asking).await? {
                return Ok::<_, Error>(remote);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let remote = tokio::time::timeout(CONSENT, wait).await;
    let remote = remote.map_err(|_| Error::failed("nobody came back within ten minutes; begin again"))??;
    match remote.state == "scope_missing" {
        true => Err(Error::failed("a box was not ticked; begin again and tick it")),
        false => Ok(remote),
    }
}

fn confirmed(email: &str) -> Result<bool, Error> {
    eprint!("{email} answered. Is this the right account? [y/N] ");
    let mut line = String::new();
    let read = std::io::BufRead::read_line(&mut std::io::stdin().lock(), &mut line);
    read.map_err(Error::io("cannot read the answer"))?;
    Ok(line.trim().eq_ignore_ascii_case("y"))
}

fn terms(privacy: Sees, policy: Decides, direction: Goes) -> Terms {
    Terms {
        privacy: match privacy {
            Sees::Busy => Privacy::Busy,
            Sees::Title => Privacy::Title,
            Sees::Full => Privacy::Full,
        },
        policy: match policy {
            Decides::Clinic => Policy::Clinic,
            Decides::Google => Policy::Google,
        },
        direction: match direction {
            Goes::Both => Direction::Both,
            Goes::Push => Direction::Push,
            Goes::Pull => Direction::Pull,
        },
        ..Terms::default()
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string_pretty(value).map_err(|_| Error::failed("the status cannot be written"))
}
