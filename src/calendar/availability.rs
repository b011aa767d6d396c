//! When somebody may be booked at all: the one VAVAILABILITY of their scheduling inbox (RFC 7953 7.2.4). The text is kept
//! as given; free/busy reads its digest. Further ones are objects in calendars and count from there (7.2.3).

use std::collections::HashMap;
use std::sync::Arc;

use ical::{Digest, Kind};
use store::PrincipalId;

use super::Calendars;
use super::error::{Precondition, Result};
use super::objects::Author;
use super::structure::Reader;
use super::work::Work;
use super::{load, pack};
use crate::accounts::Caller;

/// Bytes of one: a year of hours that change every day, and little enough to be read on the async thread.
pub const AVAILABILITY_BYTES: usize = 64 << 10;

impl Calendars {
    /// The caller's own, as it was set.
    pub async fn availability(&self, who: &Caller) -> Result<Option<String>> {
        let found =
            self.store().read(who.clinic()).await?.availabilities(who.clinic(), &[who.principal()]).await?;
        Ok(found.into_iter().next().map(|found| found.text))
    }

    /// Sets or (`None`) takes away the caller's own.
    pub async fn set_availability(&self, by: Author<'_>, text: Option<String>) -> Result<()> {
        let (of, origin) = (by.who.principal(), by.from);
        self.together(by.who.clinic(), move |work| {
            Box::pin(async move {
                work.tx().sign(origin, Some(of));
                work.set_availability(of, text).await
            })
        })
        .await
    }
}

impl Work<'_> {
    /// Sets or takes away somebody's: what every door ends in.
    pub async fn set_availability(&mut self, of: PrincipalId, text: Option<String>) -> Result<()> {
        let to = match text {
            Some(text) => {
                let digest = stamped(&check_availability(&text)?);
                Some((text, digest.into()))
            }
            None => None,
        };
        Ok(self.tx().set_availability(of, to).await?)
    }
}

/// What CALDAV:calendar-availability may be: a calendar object that holds one VAVAILABILITY and nothing but time zones.
pub fn check_availability(text: &str) -> Result<Digest, Precondition> {
    if text.len() > AVAILABILITY_BYTES {
        return Err(Precondition::MaxResourceSize(AVAILABILITY_BYTES));
    }
    let object = ical::check(text.trim().as_bytes(), &ical::Limits::default())?;
    match object.kind {
        Kind::Availability => Ok(object.digest),
        _ => Err(Precondition::ValidCalendarData("expected one VAVAILABILITY and nothing else".into())),
    }
}

/// A digest behind the version of what it depends on: there are few, so none is rebuilt ahead of its use.
fn stamped(digest: &Digest) -> Vec<u8> {
    [pack::version().as_bytes(), b"\n", &digest.encode()].concat()
}

fn unstamped(bytes: &[u8]) -> Option<Digest> {
    Digest::decode(bytes.strip_prefix(pack::version().as_bytes())?.strip_prefix(b"\n")?)
}

impl Reader<'_> {
    /// The digests of these people's availabilities; the others have none. One statement for all that is not remembered.
    pub(super) async fn hours(&self, of: &[PrincipalId]) -> Result<HashMap<PrincipalId, Arc<Digest>>> {
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        for id in of {
            match self.remembered(|structure| structure.hours.get(id).cloned()) {
                Some(hours) => found.extend(hours.map(|hours| (*id, hours))),
                None => unknown.push(*id),
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        let read = self.read_hours(&unknown).await?;
        self.remember(|structure| {
            structure.hours.extend(unknown.iter().map(|id| (*id, read.get(id).cloned())));
        });
        found.extend(read);
        Ok(found)
    }

    /// A digest of another version of the program or of the time zone data is made again from the text.
    async fn read_hours(&self, of: &[PrincipalId]) -> Result<HashMap<PrincipalId, Arc<Digest>>> {
        let mut conn = self.store.read(self.clinic.id).await?;
        let (mut read, mut unread) = (HashMap::new(), Vec::new());
        for (id, bytes) in conn.availability_digests(self.clinic.id, of).await? {
            match unstamped(&bytes) {
                Some(digest) => drop(read.insert(id, Arc::new(digest))),
                None => unread.push(id),
            }
        }
        for found in conn.availabilities(self.clinic.id, &unread).await? {
            let digest = load::digest_of(found.text.trim().as_bytes());
            read.extend(digest.map(|digest| (found.principal, Arc::new(digest))));
        }
        Ok(read)
    }
}
