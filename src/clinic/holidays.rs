//! Holidays: days on which the whole clinic is closed. They stand once, in the calendar `holidays` of one resource of the
//! clinic's own, the house: its closed time is everybody's, in free/busy, in a search and in the rule that books.
//! A holiday does not move what is booked; what it would lie over is told first.

use ical::{Window, Zone};
use store::{ClinicId, Conn, NewCollection, NewPrincipal, Policy, PrincipalId, PrincipalKind, Resource, Tx};

use super::access::{self, Subject, Verb};
use super::blocks::{Block, by_of};
use super::closing::{self, BlockKind, Closing, Stretch};
use super::directory::deed;
use super::error::{Error, Result, invalid};
use super::outside::{Outcome, Step};
use super::plan::{self, HOLIDAYS};
use super::{Clinic, appointments, rules};
use crate::accounts::Caller;
use crate::calendar::Author;

/// Days of one holiday.
const DAYS: i64 = 31;
const YEARLY: &str = "FREQ=YEARLY";

/// A holiday to be made.
#[derive(Clone, Debug)]
pub struct NewHoliday {
    pub title: String,
    /// First and last day, as days since 1970.
    pub first: i64,
    pub last: i64,
    /// Every year on this date.
    pub is_yearly: bool,
}

impl Clinic {
    /// The holidays between two instants, by their start.
    pub async fn holidays(&self, who: &Caller, (from, until): (i64, i64)) -> Result<Vec<Block>> {
        access::need(who, Subject::Hours, Verb::Read, None)?;
        let Some(window) = Window::new(from, until) else { return Ok(Vec::new()) };
        let house = self.store().read(who.clinic()).await?.house(who.clinic()).await?;
        match house {
            Some(house) => self.closed_in(who.clinic(), (house, HOLIDAYS), window).await,
            None => Ok(Vec::new()),
        }
    }

    /// Makes a holiday; the answer is its id and version. The first one makes the house, on the clock of who makes it.
    pub async fn add_holiday(
        &self,
        by: Author<'_>,
        new: NewHoliday,
        step: Step,
    ) -> Result<Outcome<(String, i64)>> {
        access::need(by.who, Subject::Blocks, Verb::Govern, None)?;
        if new.last.saturating_sub(new.first) >= DAYS {
            return invalid("last", "a holiday has at most 31 days");
        }
        let closing = Closing {
            kind: BlockKind::Holiday,
            stretch: Stretch::Days(new.first, new.last),
            title: Some(new.title),
            rule: new.is_yearly.then(|| YEARLY.to_owned()),
            leave: None,
        };
        closing.check()?;
        let clinic = by.who.clinic();
        let zone = zone(&mut self.store().read(clinic).await?, clinic, by.who.principal()).await?;
        let id = appointments::unguessable()?;
        let text = closing.text(&id, &zone, self.store().clock().now());
        let outside = self.left_by_closing(clinic, None, (&text, &zone)).await?;
        if !step.goes_on(&outside)? {
            return Ok(Outcome { made: None, outside });
        }
        let (who, signed, fresh) = (by.who.clone(), by_of(by), appointments::unguessable()?);
        let made = self.calendars.together(clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(signed.door, signed.who);
                let house = match work.tx().house(clinic).await? {
                    Some(house) => house,
                    None => found(work.tx(), &fresh, zone.name()).await?,
                };
                closing::close(work, signed, (house, &rules::object_name(&id)), text, None).await?;
                let what = serde_json::json!({ "holiday": id });
                work.tx().audit(vec![deed(&who, "holiday-made", "holidays".into(), what)]).await?;
                Ok::<_, Error>((id, work.tx().seq()))
            })
        });
        Ok(Outcome { made: Some(made.await?), outside })
    }

    /// Takes a holiday away.
    pub async fn remove_holiday(&self, by: Author<'_>, id: &str) -> Result<()> {
        access::need(by.who, Subject::Blocks, Verb::Govern, None)?;
        let (who, signed, id) = (by.who.clone(), by_of(by), id.to_owned());
        let gone = self.calendars.together(signed.clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(signed.door, signed.who);
                let house = work.tx().house(signed.clinic).await?.ok_or(Error::NotFound("holiday"))?;
                if !closing::reopen(work, signed, (house, &rules::object_name(&id))).await? {
                    return Err(Error::NotFound("holiday"));
                }
                let what = serde_json::json!({ "holiday": id });
                work.tx().audit(vec![deed(&who, "holiday-removed", "holidays".into(), what)]).await?;
                Ok::<_, Error>(())
            })
        });
        gone.await
    }
}

/// The clock of the clinic's days: the house's, or before there is one that of who makes it.
async fn zone(conn: &mut Conn, clinic: ClinicId, who: PrincipalId) -> Result<Zone> {
    let of = conn.house(clinic).await?.unwrap_or(who);
    let found = conn.principals_by_id(clinic, &[of]).await?.into_iter().next();
    Ok(found.and_then(|one| Zone::named(one.zone.as_deref()?)).unwrap_or_else(Zone::utc))
}

/// Makes the house.
async fn found(tx: &mut Tx, word: &str, zone: &str) -> Result<PrincipalId> {
    let new = NewPrincipal {
        // Names have small letters only; two that differ in these alone would be refused, not mistaken.
        name: format!("house-{}", word.to_ascii_lowercase()),
        kind: PrincipalKind::Group,
        display_name: "Holidays".into(),
        email: None,
        zone: Some(zone.to_owned()),
        password_hash: None,
        role: None,
    };
    let id = tx.insert_principal(new).await?.id;
    let reached = plan::horizon(tx.now());
    tx.insert_resource(Resource { id, capacity: 1, reached }).await?;
    tx.set_house(id).await?;
    let calendar = NewCollection {
        slug: HOLIDAYS.into(),
        components: "VEVENT".into(),
        display_name: Some("Holidays".into()),
        policy: Some(Policy::Accept),
        ..NewCollection::default()
    };
    tx.insert_collection(id, calendar).await?;
    Ok(id)
}
