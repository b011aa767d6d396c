//! What the JSON door asks about Google, answered by the door to Google: the roof hands one to the other.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::accounts::{self, Caller, RemoteId};
use crate::calendar::{Author, LinkId, Origin};
use crate::clinic;
use crate::google::{
    Access, Direction, Error, Google, Guests, Leave, Mode, Policy, Privacy, Terms, TermsChange,
};
use crate::rest::google as rest;
use crate::rest::google::{Refusal, Twins, Wish};

/// The door to Google as the JSON door sees it.
pub struct Elsewhere(pub Google);

impl Twins for Elsewhere {
    fn ask<'a>(&'a self, who: &'a Caller, wish: Wish) -> BoxFuture<'a, Result<Value, Refusal>> {
        Box::pin(async move { answer(&self.0, who, wish).await.map_err(refusal) })
    }
}

async fn answer(google: &Google, who: &Caller, wish: Wish) -> Result<Value, Error> {
    let office = google.office(Author { who, from: Origin::Rest });
    Ok(match wish {
        Wish::Accounts(page) => {
            let (items, next) = office.accounts(page).await?;
            json!({ "items": items, "next": next })
        }
        Wish::Account(id) => json!(office.account(RemoteId(id)).await?),
        Wish::Connect { hint, access } => {
            json!({ "url": office.connect(hint.as_deref(), self::access(access)).await? })
        }
        Wish::Confirm(id) => json!(office.confirm(RemoteId(id)).await?),
        Wish::Calendars(id) => json!(office.calendars(RemoteId(id)).await?),
        Wish::Disconnect { account, remove } => {
            let leave = if remove { Leave::Remove } else { Leave::Keep };
            json!(office.disconnect(RemoteId(account), leave).await?)
        }
        Wish::AddLink(new) => {
            let terms = Terms {
                direction: match new.direction {
                    rest::Direction::Both => Direction::Both,
                    rest::Direction::Push => Direction::Push,
                    rest::Direction::Pull => Direction::Pull,
                },
                privacy: match new.privacy {
                    rest::Privacy::Busy => Privacy::Busy,
                    rest::Privacy::Title => Privacy::Title,
                    rest::Privacy::Full => Privacy::Full,
                },
                policy: match new.policy {
                    rest::Policy::Clinic => Policy::Clinic,
                    rest::Policy::Google => Policy::Google,
                },
                mode: mode(new.mode),
                guests: guests(new.guests),
                made: new.make,
                days: new.days.unwrap_or_default(),
                ..Terms::default()
            };
            let pair = (new.google_calendar.as_str(), new.calendar.as_str());
            json!(office.add_link(RemoteId(new.account), pair, terms).await?)
        }
        Wish::Link(id) => json!(office.link(LinkId(id)).await?),
        Wish::ChangeLink { link, change } => {
            let to = TermsChange {
                mode: change.mode.map(|to| (mode(to), change.days.unwrap_or_default())),
                guests: change.guests.map(guests),
            };
            json!(office.change_link(LinkId(link), to).await?)
        }
        Wish::Pause(id) => json!(office.pause(LinkId(id)).await?),
        Wish::Sync(id) => json!(office.sync(LinkId(id)).await?),
        Wish::Resync { link, dry_run: true } => json!(office.forecast(LinkId(link)).await?),
        Wish::Resync { link, dry_run: false } => json!(office.resync(LinkId(link)).await?),
        Wish::Dead(id) => json!(office.dead(LinkId(id)).await?),
        Wish::Retry(id) => json!({ "tried": office.retry(LinkId(id)).await? }),
        Wish::Notes(id) => json!(office.notes(LinkId(id)).await?),
    })
}

fn access(access: rest::Access) -> Access {
    match access {
        rest::Access::Calendars => Access::Calendars,
        rest::Access::Own => Access::Own,
        rest::Access::Events => Access::Events,
    }
}

fn mode(mode: rest::Mode) -> Mode {
    match mode {
        rest::Mode::Series => Mode::Series,
        rest::Mode::Materialized => Mode::Materialized,
    }
}

fn guests(guests: rest::Guests) -> Guests {
    match guests {
        rest::Guests::None => Guests::None,
        rest::Guests::ExternalOnly => Guests::ExternalOnly,
        rest::Guests::All => Guests::All,
    }
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Clinic(error) => Refusal::Clinic(error),
        Error::Calendar(error) => Refusal::Clinic(clinic::Error::Calendar(error)),
        Error::Accounts(accounts::Error::NotFound(_)) => Refusal::Clinic(clinic::Error::NotFound("account")),
        Error::Google(failure) => Refusal::Away(failure.code()),
        Error::Budget(seconds) => Refusal::Busy(u32::try_from(seconds).unwrap_or(60)),
        Error::Leased => Refusal::Busy(1),
        Error::Refused(why) => Refusal::Refused(why.into_owned()),
        other => Refusal::Broken(other.to_string()),
    }
}
