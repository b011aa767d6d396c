//! When people are open: weekly hours and dated overrides as intervals with place and mode, for one or for ten thousand
//! at once. Computed from the stored texts by the same rules as free/busy (RFC 7953), so that what is open here is what
//! no VAVAILABILITY closes there; nothing of it is kept.

use std::collections::HashMap;

use bytes::Bytes;
use ical::{Budget, Object, Window, Zone};
use store::{ClinicId, Conn, PrincipalId};

use super::error::Result;
use super::hours::site;
use super::interval::{Open, settled};
use super::{Clinic, plan};

/// The calendar of dated overrides.
pub const HOURS: &str = "hours";
/// People whose texts are in memory at a time.
const SOME: usize = 500;

/// What is written of one person's hours.
#[derive(Clone, Default)]
pub(super) struct Written {
    /// Of the base: the zone of its floating times, and the text.
    pub base: Option<(Zone, Bytes)>,
    /// Of each override: its name as well.
    pub overrides: Vec<(String, Zone, Bytes)>,
}

impl Written {
    fn texts(&self) -> impl Iterator<Item = (&Zone, &Bytes)> {
        let overrides = self.overrides.iter().map(|(_, zone, text)| (zone, text));
        self.base.iter().map(|(zone, text)| (zone, text)).chain(overrides)
    }

    fn is_empty(&self) -> bool {
        self.base.is_none() && self.overrides.is_empty()
    }

    /// The open time of the window, in order. What cannot be read any more counts for nothing, as in free/busy.
    pub fn open(&self, window: Window) -> Result<Vec<Open>, ical::Error> {
        let read: Vec<(&Zone, Object)> =
            self.texts().filter_map(|(zone, text)| Some((zone, plan::read(text)?))).collect();
        let known: Vec<_> = read
            .iter()
            .filter_map(|(zone, object)| Some((&**object.digest.availability.as_ref()?, *zone, object)))
            .collect();
        let all: Vec<_> = known.iter().map(|(hours, zone, _)| (*hours, *zone)).collect();
        let sites: Vec<Vec<Vec<_>>> = known
            .iter()
            .map(|(.., object)| {
                let openers = object.tree.parts().next().map(ical::openers).unwrap_or_default();
                openers.into_iter().map(|group| group.into_iter().map(site).collect()).collect()
            })
            .collect();
        let found = ical::opened(&all, window, &mut Budget::steps(Budget::REQUEST))?;
        let site_of = |by: ical::Opener| sites.get(by.availability)?.get(by.group)?.get(by.part).copied();
        let open = found.into_iter().map(|one| {
            let site = one.by.and_then(site_of).unwrap_or_default();
            (one.from, one.until, site)
        });
        Ok(settled(open.collect())
            .into_iter()
            .map(|(from, until, site)| Open { from, until, site })
            .collect())
    }
}

impl Clinic {
    /// When these people are open between two instants, each in order. Who has neither hours nor overrides is not in
    /// it: the standard takes all of their time for open, a clinic may not. Hours that are too dear to be computed are
    /// told to be closed. A statement or two for a hundred people.
    pub async fn open_hours(
        &self,
        clinic: ClinicId,
        ids: &[PrincipalId],
        from: i64,
        until: i64,
    ) -> Result<HashMap<PrincipalId, Vec<Open>>> {
        let Some(window) = Window::new(from, until) else { return Ok(HashMap::new()) };
        let mut all = HashMap::with_capacity(ids.len());
        for some in ids.chunks(SOME) {
            let written = written(&mut self.store().read(clinic).await?, clinic, some, window).await?;
            let found = move || {
                let open = |(id, written): (PrincipalId, Written)| {
                    let open = written.open(window).unwrap_or_else(|error| {
                        tracing::warn!(principal.id = id.0, %error, "hours cannot be computed: closed");
                        Vec::new()
                    });
                    (id, open)
                };
                written.into_iter().map(open).collect::<Vec<_>>()
            };
            all.extend(plan::compute(found).await?);
        }
        Ok(all)
    }
}

/// What is written of these people's hours that counts between two instants.
pub(super) async fn written(
    conn: &mut Conn,
    clinic: ClinicId,
    of: &[PrincipalId],
    window: Window,
) -> Result<HashMap<PrincipalId, Written>> {
    let people = conn.principals_by_id(clinic, of).await?.into_iter();
    let zone = |name: Option<String>| name.and_then(|name| Zone::named(&name)).unwrap_or_else(Zone::utc);
    let zones: HashMap<_, _> = people.map(|one| (one.id, zone(one.zone))).collect();
    let own = |id: &PrincipalId| zones.get(id).cloned().unwrap_or_else(Zone::utc);
    let mut all: HashMap<PrincipalId, Written> = HashMap::new();
    for found in conn.availabilities(clinic, of).await? {
        // A calendar program may have sent it with space around it.
        let text = Bytes::copy_from_slice(found.text.trim().as_bytes());
        all.entry(found.principal).or_default().base = Some((own(&found.principal), text));
    }
    let calendars: HashMap<_, _> = conn
        .collections_called(clinic, HOURS, of)
        .await?
        .into_iter()
        .map(|row| {
            let zone = row.timezone.and_then(|text| Zone::from_vtimezone(text.as_bytes()).ok());
            (row.id, (row.owner, zone.unwrap_or_else(|| own(&row.owner))))
        })
        .collect();
    let ids: Vec<_> = calendars.keys().copied().collect();
    // Bounds of floating times are taken in UTC: nobody's clock is further away than a day.
    let around = (window.from - plan::DAY, window.until + plan::DAY);
    for object in conn.texts_between(clinic, &ids, around).await? {
        let Some((owner, zone)) = calendars.get(&object.collection) else { continue };
        let Some(text) = object.text else { continue };
        all.entry(*owner).or_default().overrides.push((object.meta.name, zone.clone(), text.0));
    }
    all.retain(|_, written| !written.is_empty());
    Ok(all)
}
