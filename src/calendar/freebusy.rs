//! Busy time of a calendar or of all that count for a person: from the index alone, no text is opened.
//!
//! One engine for the CalDAV report, the links and all that comes later. Whoever asks must have read-free-busy
//! on each calendar (RFC 4791 6.1.1); those that are transparent as a whole (RFC 6638 9.1) never count for a person.

use std::sync::Arc;

use ical::{Budget, Busy, Kind, Period, Window, Zone};

use super::Calendars;
use super::access::Privilege;
use super::error::{Error, Result};
use super::read::compute;
use super::shelf::Slot;
use super::shown::Shown;
use crate::accounts::Caller;

/// Whose busy time.
pub enum FreeBusyOf<'a> {
    Collection(&'a Shown),
    /// A person, by name: all calendars of theirs that the caller may ask and that count.
    Person(&'a str),
}

impl Calendars {
    /// Merged busy periods, clipped to the window. `zone` is that of floating times where the request names one.
    pub async fn freebusy(
        &self,
        who: &Caller,
        of: FreeBusyOf<'_>,
        window: Window,
        zone: Option<Zone>,
    ) -> Result<Vec<Period>> {
        let calendars = match of {
            FreeBusyOf::Collection(shown) => vec![shown.clone()],
            FreeBusyOf::Person(name) => {
                let home = self.home(who, name).await?;
                home.collections.into_iter().filter(|shown| counts(shown, name)).collect()
            }
        };
        self.busy(&calendars, window, zone).await
    }

    /// Of each of these people, in this order; who does not exist and who shows the caller nothing are alike.
    pub async fn freebusy_of(
        &self,
        who: &Caller,
        names: &[String],
        window: Window,
        zone: Option<Zone>,
    ) -> Result<Vec<Result<Vec<Period>>>> {
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            all.push(self.freebusy(who, FreeBusyOf::Person(name), window, zone.clone()).await);
        }
        Ok(all)
    }

    /// Of these calendars together.
    pub async fn busy(&self, of: &[Shown], window: Window, zone: Option<Zone>) -> Result<Vec<Period>> {
        let mut asked = Vec::with_capacity(of.len());
        for shown in of {
            shown.need(Privilege::ReadFreeBusy)?;
            let shelf = self.shelf(shown).await?;
            let zone = zone.clone().unwrap_or_else(|| shown.zone().clone());
            asked.push((shelf.select(|slot| may_count(slot, window)), zone));
        }
        compute(move || periods(asked, window)).await?
    }
}

fn counts(shown: &Shown, person: &str) -> bool {
    shown.owner().name == person && !shown.row().transparent && shown.may(Privilege::ReadFreeBusy)
}

fn may_count(slot: &Slot, window: Window) -> bool {
    let digest = &slot.digest;
    let kind = matches!(digest.kind, Kind::Event | Kind::FreeBusy);
    kind && (digest.series.is_some() || digest.busy != Busy::Free) && digest.may_overlap(window)
}

fn periods(asked: Vec<(Vec<Arc<Slot>>, Zone)>, window: Window) -> Result<Vec<Period>> {
    let mut budget = Budget::steps(Budget::REQUEST);
    let mut periods = Vec::new();
    for (slots, zone) in asked {
        for slot in slots {
            let found = slot.digest.occurrences(window, &zone, &mut budget).map_err(Error::from)?;
            let busy = found.into_iter().filter(|occurrence| occurrence.busy != Busy::Free);
            periods.extend(busy.map(|one| Period { from: one.start, until: one.end, busy: one.busy }));
        }
    }
    ical::merge(&mut periods, window);
    Ok(periods)
}
