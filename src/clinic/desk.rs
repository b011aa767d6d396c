//! What a caller asks for, from the JSON door: first whether they may, then the deed. An endpoint has no other way to
//! these deeds, so none can forget to ask.

use ical::{Window, Zone};
use store::{Origin, PrincipalId};

use super::access::{self, Reach, Subject, Verb};
use super::bulk::{Act, Failed, Run};
use super::claim::Claim;
use super::diary::{DatePage, Day, Leaf, Whose};
use super::directory::deed;
use super::error::{Error, Result};
use super::holds::Held;
use super::interval::Open;
use super::reserve::by;
use super::seats::Session;
use super::series::{Preview, Series};
use super::visit::{AppointmentId, Booked, Ground, Version, Visit};
use super::{By, Clinic};
use crate::accounts::Caller;
use crate::calendar::{self, Period};

/// The clinic as one caller may use it.
pub struct Desk<'a> {
    clinic: &'a Clinic,
    who: &'a Caller,
}

impl Clinic {
    pub fn desk<'a>(&'a self, who: &'a Caller) -> Desk<'a> {
        Desk { clinic: self, who }
    }
}

impl Desk<'_> {
    fn by(&self) -> By {
        by(self.who)
    }

    async fn permit(&self, id: &AppointmentId, what: (Subject, Verb)) -> Result<()> {
        self.clinic.permit(self.who, &[id], what).await
    }

    /// Whether the caller may look into these calendars.
    fn may_see(&self, owners: &[PrincipalId]) -> Result<()> {
        let need = |of: &PrincipalId| access::need(self.who, Subject::Appointments, Verb::Read, Some(*of));
        owners.iter().try_for_each(need)
    }

    /// When these are busy, as far as their calendars are shown to the caller: no matter of roles, but a token must be
    /// for slots. In the order of the names.
    pub async fn freebusy(
        &self,
        names: &[String],
        window: Window,
        zone: Option<Zone>,
    ) -> Result<Vec<calendar::Result<Vec<Period>>>> {
        if !self.who.is_for(Subject::Slots.word(), false) {
            return Err(Error::Denied(Subject::Slots));
        }
        Ok(self.clinic.calendars.freebusy_of(self.who, names, window, zone).await?)
    }

    /// Whose accounts with Google the caller may see, or keep: their own, or (None) everybody's. The command line acts in
    /// a person's own name, whatever the role: whoever runs it has the database.
    pub fn whose_google(&self, door: Origin, writes: bool) -> Result<Option<PrincipalId>> {
        if door == Origin::Cli {
            return Ok(Some(self.who.principal()));
        }
        let verb = if writes { Verb::Write } else { Verb::Read };
        Ok(match access::reach(self.who, Subject::Google, verb)? {
            Reach::Own(own) => Some(own),
            Reach::Everything => None,
        })
    }

    /// The caller's own deed, whoever's account or link it was done to, and by which door.
    pub async fn note_google(&self, door: Origin, kind: &'static str, subject: String) -> Result<()> {
        let (deed, caller) = (deed(self.who, kind, subject, serde_json::json!({})), self.who.principal());
        self.clinic
            .store()
            .write(self.who.clinic(), move |tx| {
                tx.sign(door, Some(caller));
                Box::pin(async move { Ok::<_, Error>(tx.audit(vec![deed]).await?) })
            })
            .await
    }

    pub async fn zone_of(&self, of: PrincipalId) -> Result<Zone> {
        self.may_see(&[of])?;
        self.clinic.zone_of(self.by(), of).await
    }

    /// When these are open, each with whose time it is, by time.
    pub async fn open(&self, of: &[PrincipalId], window: Window) -> Result<Vec<(PrincipalId, i64, i64)>> {
        self.may_see(of)?;
        let (clinic, now) = (self.who.clinic(), self.clinic.store().clock().now());
        let house = self.clinic.store().read(clinic).await?.house(clinic).await?;
        let span = (window.from, window.until);
        let found = self.clinic.hours_of((clinic, now), of, house, span).await?;
        let clip = |(of, open): (&PrincipalId, &Open)| {
            let (from, until) = (open.from.max(window.from), open.until.min(window.until));
            (from < until).then_some((*of, from, until))
        };
        let all = found.iter().flat_map(|(of, all)| all.iter().map(move |open| (of, open)));
        let mut all: Vec<_> = all.filter_map(clip).collect();
        all.sort_unstable_by_key(|(of, from, _)| (*from, *of));
        Ok(all)
    }

    pub async fn this_week(&self, of: PrincipalId) -> Result<Window> {
        self.may_see(&[of])?;
        self.clinic.this_week(self.by(), of).await
    }

    pub async fn dates(&self, leaf: Leaf) -> Result<DatePage> {
        match &leaf.whose {
            Whose::Calendars(owners) => self.may_see(owners)?,
            Whose::Patient(_) => access::need(self.who, Subject::Appointments, Verb::Read, None)?,
            Whose::These(uids) => {
                let id = |uid: &String| AppointmentId { uid: uid.clone(), occurrence: None };
                let ids: Vec<_> = uids.iter().map(id).collect();
                let ids: Vec<_> = ids.iter().collect();
                self.clinic.permit(self.who, &ids, (Subject::Series, Verb::Read)).await?;
            }
        }
        self.clinic.dates(self.by(), leaf).await
    }

    pub async fn month(&self, owners: Vec<PrincipalId>, month: (i32, u32)) -> Result<Vec<Day>> {
        self.may_see(&owners)?;
        self.clinic.month(self.by(), owners, month).await
    }

    pub async fn series(&self, id: &AppointmentId) -> Result<Series> {
        self.permit(id, (Subject::Series, Verb::Read)).await?;
        self.clinic.series(self.by(), id).await
    }

    pub async fn preview_series(&self, visit: Visit, skip: Vec<i64>, shown: usize) -> Result<Preview> {
        self.may_begin(&visit, &Ground::Bare)?;
        let seen = self.clinic.preview_series(self.by(), visit.clone(), skip.clone(), shown).await?;
        let tried = self.clinic.begin_series(self.who, (visit, &skip), Ground::Bare, Run::Rehearsal).await;
        match tried {
            // What is taken was told already, by all of its dates.
            Ok(_) | Err(Error::Conflict(_)) => Ok(seen),
            Err(Error::Dates(unfit)) => Ok(Preview { unfit, ..seen }),
            Err(error) => Err(error),
        }
    }

    pub async fn book_series(&self, visit: Visit, skip: Vec<i64>, ground: Ground) -> Result<Booked> {
        self.may_begin(&visit, &ground)?;
        self.clinic.begin_series(self.who, (visit, &skip), ground, Run::Real).await
    }

    fn may_begin(&self, visit: &Visit, ground: &Ground) -> Result<()> {
        access::reach(self.who, Subject::Series, Verb::Write)?;
        self.clinic.may_book(self.who, visit.practitioner)?;
        match ground {
            Ground::Overbook(_) => {
                access::need(self.who, Subject::Overbook, Verb::Write, Some(visit.practitioner))
            }
            Ground::Bare | Ground::Hold(_) => Ok(()),
        }
    }

    pub async fn add_date(
        &self,
        id: AppointmentId,
        span: (i64, i64),
        reason: Option<String>,
        under: (Version, Ground),
    ) -> Result<Booked> {
        self.permit(&id, (Subject::Series, Verb::Write)).await?;
        if let Ground::Overbook(_) = under.1 {
            self.permit(&id, (Subject::Overbook, Verb::Write)).await?;
        }
        self.clinic.add_date_by(self.who, id, (span, reason), under).await
    }

    /// A change of a series: the right to series, and that to the appointments it is made of.
    pub async fn change_series(&self, act: Act, run: Run) -> Result<Result<Vec<Booked>, Failed>> {
        self.permit(&act.id, (Subject::Series, Verb::Write)).await?;
        self.bulk(vec![act], run).await
    }

    /// All of them or none; the inner error names the one that failed.
    pub async fn bulk(&self, acts: Vec<Act>, run: Run) -> Result<Result<Vec<Booked>, Failed>> {
        self.clinic.permit_acts(self.who, &acts).await?;
        Ok(self.clinic.measured_bulk(self.who, acts, run).await)
    }

    pub async fn claim(&self, of: PrincipalId, id: AppointmentId, claim: Claim) -> Result<Booked> {
        access::need(self.who, Subject::Appointments, Verb::Write, Some(of))?;
        self.clinic.claim(self.by(), of, id, claim).await
    }

    pub async fn session(&self, id: &AppointmentId) -> Result<Session> {
        self.permit(id, (Subject::Appointments, Verb::Read)).await?;
        self.clinic.session(self.by(), id).await
    }

    pub async fn take_seat(&self, id: AppointmentId, patient: i64, version: Version) -> Result<Booked> {
        self.permit(&id, (Subject::Appointments, Verb::Write)).await?;
        self.clinic.take_seat(self.by(), id, patient, version).await
    }

    pub async fn leave_seat(&self, id: AppointmentId, patient: i64, version: Version) -> Result<Booked> {
        self.permit(&id, (Subject::Appointments, Verb::Write)).await?;
        self.clinic.leave_seat(self.by(), id, patient, version).await
    }

    /// For so many seconds from now; as long as it was kept at first, when nobody says.
    pub async fn extend_hold(&self, id: &str, seconds: Option<i64>) -> Result<Held> {
        let kept = self.clinic.own_hold(self.who, id, Verb::Write).await?;
        let seconds = seconds.unwrap_or(kept.expires_at - kept.made_at);
        self.clinic.extend_hold(self.by(), id, seconds).await
    }

    /// One that is gone, and one that is somebody else's, are no mistake: nothing happens.
    pub async fn release_hold(&self, id: &str, reason: &str) -> Result<()> {
        match self.clinic.own_hold(self.who, id, Verb::Write).await {
            Ok(_) => self.clinic.release_hold_for(self.by(), id, reason).await,
            Err(Error::NotFound(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }
}
